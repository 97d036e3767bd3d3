"""Dimensions as products of powers, some of whose factors are not known yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

MOST_DENOMINATOR = 1000  # of an exponent that is given as a floating-point number


@dataclass(frozen=True)
class Dimension:
    """``[length]**2 * [time]**-1 * D**1``: base dimensions in brackets, and names whose dimensions are to be found.

    Parameters
    ----------
    powers : mapping of str to Fraction
        Exponents that are not zero.

    Examples
    --------
    >>> speed = Dimension.of({"[length]": 1, "[time]": -1})
    >>> str(speed**2 / Dimension.of({"[length]": 1}))
    '[length]/[time]**2'
    """

    powers: Mapping[str, Fraction]

    @classmethod
    def of(cls, powers: Mapping[str, float | Fraction]) -> Dimension:
        """From exponents, of which floating-point ones are taken for the fractions that they stand for."""
        exact = {name: Fraction(power).limit_denominator(MOST_DENOMINATOR) for name, power in powers.items()}
        return cls({name: power for name, power in exact.items() if power})

    @classmethod
    def named(cls, name: str) -> Dimension:
        """That of a name, to be found."""
        return cls({name: Fraction(1)})

    def __mul__(self, other: Dimension) -> Dimension:
        names = {*self.powers, *other.powers}
        nothing = Fraction(0)
        return Dimension.of({n: self.powers.get(n, nothing) + other.powers.get(n, nothing) for n in names})

    def __truediv__(self, other: Dimension) -> Dimension:
        return self * other**-1

    def __pow__(self, power: float | Fraction) -> Dimension:
        exact = Fraction(power).limit_denominator(MOST_DENOMINATOR)
        return Dimension.of({name: own * exact for name, own in self.powers.items()})

    def __hash__(self) -> int:
        return hash(frozenset(self.powers.items()))

    @property
    def is_number(self) -> bool:
        """Whether there is nothing in it."""
        return not self.powers

    @property
    def open(self) -> tuple[str, ...]:
        """The names whose dimensions are to be found."""
        return tuple(sorted(name for name in self.powers if not name.startswith("[")))

    def with_found(self, found: Callable[[str], Dimension | None]) -> Dimension:
        """The same with the dimensions of names put in, as far as they are known."""
        result = Dimension({name: power for name, power in self.powers.items() if name.startswith("[")})
        for name in self.open:
            known = found(name)
            result = result * (Dimension.named(name) if known is None else known) ** self.powers[name]
        return result

    def __str__(self) -> str:
        def product(entries: Iterable[tuple[str, Fraction]]) -> str:
            return "*".join(n if p == 1 else f"{n}**{p}" for n, p in entries)

        above = product((n, p) for n, p in sorted(self.powers.items()) if p > 0)
        below = [(n, -p) for n, p in sorted(self.powers.items()) if p < 0]
        if not below:
            return above or "1"
        return f"{above or '1'}/{product(below) if len(below) == 1 else f'({product(below)})'}"


NUMBER = Dimension({})
