"""A coherent system of units for one problem: with one unit for each base dimension no equation needs a factor.

The units of coordinates, time and unknowns say which ones: with x in mm, t in s and a pressure in kPa, masses are in kPa*mm*s**2. What
they leave open are SI units. pint knows the units; it is loaded when the first one is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from pdekit.errors import ConfigError, nearest_hint
from pdekit.typing import Array
from pdekit.units.dimension import Dimension

SI = {
    "[length]": "m",
    "[time]": "s",
    "[current]": "A",
    "[luminosity]": "cd",
    "[substance]": "mol",
    "[temperature]": "K",
    "[mass]": "kg",
}
CLOSE = 1e-9  # of factors between units that are the same
LONGEST = 80
_POWER = r"(\*\*|\^)\s*(\(\s*-?\d{1,2}(\s*/\s*\d{1,2})?\s*\)|-?\d{1,2}(\.\d{1,4})?)"
_FACTOR = rf"(1|[A-Za-zµμΩÅ°%][A-Za-z_µμΩ°]*)(\s*{_POWER})?"
_UNIT = re.compile(rf"\s*\(*\s*{_FACTOR}(\s*\)*\s*[*/]\s*\(*\s*{_FACTOR})*[\s)]*")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_QUANTITY = re.compile(rf"\s*({_NUMBER})(?:\s*(?=[A-Za-zµμΩÅ°%])|\s+(?=1\s*/\s*[A-Za-zµμΩÅ°%]))(.*?)\s*")
_IN_EXPRESSION = re.compile(r"[\w)]\s*[-+]\s")
_FORMERLY = re.compile(r"([A-Za-z])(-?\d)")  # m2/s


@cache
def _registry() -> Any:
    import pint

    return pint.UnitRegistry()


@dataclass(frozen=True, eq=False)
class Unit:
    """A unit of measurement.

    Parameters
    ----------
    text : str
        As it was given.
    given : pint.Unit
    """

    text: str
    given: Any

    @classmethod
    def read(cls, text: Any, key: str) -> Unit:
        """The unit that a text says.

        Raises
        ------
        ConfigError
            It says none.

        Examples
        --------
        >>> str(Unit.read("W/(m*K)", "units.k").dimension)
        '[length]*[mass]/([temperature]*[time]**3)'
        """
        if isinstance(text, int) and text == 1:
            text = "1"
        wrong = f"is no unit: {text!r}; write it as m, 1/s, W/(m*K) or m**2/s, a pure number as 1"
        if isinstance(text, str) and _IN_EXPRESSION.search(text):
            wrong += "; a number with a unit stands alone, in an expression it is a parameter"
        if not isinstance(text, str) or len(text) > LONGEST or not _UNIT.fullmatch(text):
            if isinstance(text, str) and len(text) <= LONGEST and _FORMERLY.search(text):
                wrong += "; did you mean " + repr(_FORMERLY.sub(r"\1**\2", text)) + "?"
            raise ConfigError(wrong, key=key)
        if text.count("(") != text.count(")"):
            raise ConfigError(wrong, key=key)
        import pint

        registry = _registry()
        try:
            given = registry.parse_units(text if text.strip() != "1" else "")
            registry.Quantity(1.0, given).to_base_units()
        except pint.UndefinedUnitError as error:
            name = error.unit_names if isinstance(error.unit_names, str) else ", ".join(error.unit_names)
            hint = _nearest_unit(name, dir(registry))
            raise ConfigError(f"{text!r}: there is no unit {name!r}{hint}", key=key) from None
        except (pint.PintError, ValueError, TypeError, AttributeError, ArithmeticError):
            raise ConfigError(wrong, key=key) from None
        short = f"{given:~C}" if text.strip().isalpha() else text.strip()  # s for seconds
        return cls(short, given)

    @cached_property
    def dimension(self) -> Dimension:
        """Its dimension."""
        return Dimension.of({str(name): power for name, power in self.given.dimensionality.items()})

    @property
    def has_offset(self) -> bool:
        """Whether its zero is not that of the quantity, as of degrees Celsius."""
        return bool(_registry().Quantity(0.0, self.given).to_base_units().magnitude != 0)

    def factor_to(self, other: Unit) -> float:
        """How many of the other unit it is."""
        return float(_registry().Quantity(1.0, self.given).to(other.given).magnitude)


def _nearest_unit(name: str, known: Sequence[str]) -> str:
    """The unit that differs by capitals only, or else the one that is spelled most alike."""
    alike = [unit for unit in known if unit.casefold() == name.casefold()]
    return f"; did you mean {alike[0]!r}?" if alike else nearest_hint(name, known)


@dataclass(frozen=True)
class UnitSystem:
    """One unit for each base dimension.

    Parameters
    ----------
    bases : dict of str to pint.Unit
        By base dimension.

    Examples
    --------
    >>> system = UnitSystem.of({"units.x": Unit.read("mm", ""), "units.p": Unit.read("kPa", "")})
    >>> system.spelled(Dimension.of({"[mass]": 1, "[length]": -3}))
    'kPa*s**2/mm**2'
    """

    bases: Mapping[str, Any]

    @classmethod
    def of(cls, fundamental: Mapping[str, Unit]) -> UnitSystem:
        """The system in which all these units are coherent.

        Parameters
        ----------
        fundamental : mapping of str to Unit
            By the key paths that say them.

        Raises
        ------
        ConfigError
            There is none; or one is measured from a zero of its own.
        """
        bases: dict[str, Any] = {}
        left = dict(fundamental)
        for key, unit in fundamental.items():
            if unit.has_offset:
                raise ConfigError(
                    f"{unit.text} is measured from a zero of its own, in which laws do not hold; take K, and give values as 20 degC",
                    key=key,
                )
        while left:
            ready = [key for key, unit in left.items() if len(unit.dimension.powers.keys() - bases.keys()) <= 1]
            if not ready:
                missing = {d for unit in left.values() for d in unit.dimension.powers} - bases.keys()
                dimension = next(d for d in SI if d in missing)
                bases[dimension] = _registry().parse_units(SI[dimension])
                continue
            _settle(bases, ready[0], left.pop(ready[0]))
        for dimension, text in SI.items():
            bases.setdefault(dimension, _registry().parse_units(text))
        return cls(bases)

    def unit(self, dimension: Dimension) -> Unit:
        """The unit of a dimension."""
        given = _product(self.bases, dimension)
        text = f"{given:~C}"
        return Unit("1" if text == "dimensionless" or not text else text, given)

    def spelled(self, dimension: Dimension) -> str:
        """The unit of a dimension as a text."""
        return self.unit(dimension).text

    def factor(self, unit: Unit) -> float:
        """By which a number in a unit is multiplied to be one in this system."""
        found = unit.factor_to(self.unit(unit.dimension))
        return 1.0 if abs(found - 1) < CLOSE else found


def _product(bases: Mapping[str, Any], dimension: Dimension) -> Any:
    """The product of base units that has a dimension."""
    total = _registry().Unit("")
    for name, power in dimension.powers.items():
        total = total * bases[name] ** (int(power) if power.denominator == 1 else float(power))
    return total


def _settle(bases: dict[str, Any], key: str, unit: Unit) -> None:
    """Take a unit into the system: it says the one base unit that is open, or must fit."""
    open_ones = unit.dimension.powers.keys() - bases.keys()
    if open_ones:
        (name,) = open_ones
        power = unit.dimension.powers[name]
        others = Dimension({d: p for d, p in unit.dimension.powers.items() if d != name})
        ratio = unit.given / _product(bases, others)
        bases[name] = ratio if power == 1 else ratio ** float(1 / power)
        return
    fitting = UnitSystem(bases).unit(unit.dimension)
    factor = unit.factor_to(fitting)
    if abs(factor - 1) > CLOSE:
        raise ConfigError(
            f"{unit.text} is {factor:g} {fitting.text}, which is the unit that fits the others; take {fitting.text} "
            "(values may be given in any unit, as 10 cm)",
            key=key,
        )


def split_quantity(text: Any) -> tuple[float, str] | None:
    """The number and the unit of a text such as ``1.4 cm**2/s``; None if it is no such text.

    Examples
    --------
    >>> split_quantity("1.4e-3 cm**2/s"), split_quantity("0.1 1/s"), split_quantity("2*x"), split_quantity("2j")
    ((0.0014, 'cm**2/s'), (0.1, '1/s'), None, None)
    """
    match = _QUANTITY.fullmatch(text) if isinstance(text, str) and len(text) <= LONGEST else None
    if match is None or (match.group(2) in ("j", "J") and " " not in text.strip()):
        return None
    return float(match.group(1)), match.group(2)


def converted(values: Array, text: str, target: str, key: str) -> Array:
    """Numbers in one unit as numbers in another.

    Raises
    ------
    ConfigError
        They do not fit each other.

    Examples
    --------
    >>> import numpy as np
    >>> converted(np.array([0.0, 20.0]), "degC", "K", "")
    array([273.15, 293.15])
    """
    import pint

    given, wanted = Unit.read(text, key), Unit.read(target, key)
    try:
        return np.asarray(_registry().Quantity(values, given.given).to(wanted.given).magnitude)
    except pint.PintError:
        raise ConfigError(f"{text} cannot be converted to {target}", key=key) from None


class Quantity(float):
    """A number in the units of a system, that remembers its dimension.

    Parameters
    ----------
    value : float
    dimension : Dimension
    """

    dimension: Dimension

    def __new__(cls, value: float, dimension: Dimension) -> Quantity:
        made = super().__new__(cls, value)
        made.dimension = dimension
        return made

    def __reduce__(self) -> Any:
        return Quantity, (float(self), self.dimension)


def as_number(given: Any, system: UnitSystem, key: str) -> Any:
    """A text such as ``10 cm`` as the number that it is in a system; anything else as it is.

    Raises
    ------
    ConfigError
        There is no such unit.

    Examples
    --------
    >>> system = UnitSystem.of({"units.x": Unit.read("m", "")})
    >>> as_number("10 cm", system, ""), as_number("2*pi", system, ""), round(as_number("20 degC", system, ""), 2)
    (0.1, '2*pi', 293.15)
    """
    found = split_quantity(given)
    if found is None:
        return given
    number, text = found
    import pint

    unit = Unit.read(text, key)
    target = system.unit(unit.dimension)
    try:
        value = _registry().Quantity(number, unit.given).to(target.given).magnitude
    except pint.PintError:
        raise ConfigError(f"{given!r} cannot be converted to {target.text}", key=key) from None
    return Quantity(float(f"{value:.15g}"), unit.dimension)  # 7800, rather than 7799.999999999999
