"""Constraints in words: ``u >= max(K - S, 0)``."""

from __future__ import annotations

from collections.abc import Sequence

from pdekit.errors import ConfigError, nearest_hint


def split_constraint(text: str, unknowns: Sequence[str], where: str) -> tuple[str, str, str]:
    """The unknown, the sign and the bound of a constraint.

    Raises
    ------
    ConfigError
        It is no comparison of an unknown with a bound.

    Examples
    --------
    >>> split_constraint("u >= 1 - x**2", ["u"], "constraints[0]")
    ('u', '>=', '1 - x**2')
    """
    for sign in (">=", "<="):
        sides = [side.strip() for side in str(text).split(sign)]
        if len(sides) == 2 and all(sides):
            if sides[0] not in unknowns:
                names = ", ".join(unknowns)
                raise ConfigError(
                    f"the left side is an unknown, one of {names}, found {sides[0]!r}{nearest_hint(sides[0], unknowns)}",
                    key=where,
                )
            return sides[0], sign, sides[1]
    raise ConfigError(f"expected a constraint such as u >= 0, found {text!r}", key=where)
