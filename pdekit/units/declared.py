"""The units that a problem gives: the system that they make, and all numbers in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pdekit.boundary.conditions import BoundaryCondition
from pdekit.boundary.interfaces import Interface
from pdekit.errors import ConfigError, nearest_hint
from pdekit.language.pde import PDE
from pdekit.units.unit_system import Quantity, Unit, UnitSystem, as_number, split_quantity


@dataclass(frozen=True)
class DeclaredUnits:
    """Units of names, all of them in one system, and the equations with their numbers in it.

    Parameters
    ----------
    system : UnitSystem
    units : dict of str to Unit
        Of those names of which one is given.
    pde : PDE
    """

    system: UnitSystem
    units: Mapping[str, Unit]
    pde: PDE

    def number_of(self, name: str, given: Any, key: str) -> Any:
        """A text such as ``10 cm`` as the number of a coordinate, or of time; anything else as it is.

        Raises
        ------
        ConfigError
            The unit does not fit; or none is given for the name.
        """
        if split_quantity(given) is None:
            return given
        if name not in self.units:
            raise ConfigError(f"{given!r} has a unit, and {name} has none; say units.{name}", key=key)
        found = as_number(given, self.system, key)
        if found.dimension != self.units[name].dimension:
            raise ConfigError(f"{given!r} does not fit {name}, which is in {self.units[name].text}", key=key)
        return float(found)

    def numbers(self, given: Any, key: str) -> Any:
        """Initial states and conditions with all texts such as ``20 degC`` as numbers."""
        if isinstance(given, Mapping):
            return {name: self.numbers(entry, f"{key}.{name}") for name, entry in given.items()}
        if isinstance(given, BoundaryCondition):
            return BoundaryCondition(self.numbers(given.coefficients, key), self.numbers(given.value, key))
        if isinstance(given, tuple | list):
            return type(given)(self.numbers(entry, key) for entry in given)
        return as_number(given, self.system, key) if isinstance(given, str) else given

    def interfaces(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Interfaces by unknown and axis with all texts such as ``10 cm`` as numbers."""

        def planes(entry: Any, axis: str, key: str) -> Any:
            if isinstance(entry, tuple | list):
                return type(entry)(planes(one, axis, key) for one in entry)
            if not isinstance(entry, Interface):
                return entry
            data = {n: self.numbers(getattr(entry, n), f"{key}.{n}") for n in ("resistance", "jump", "flux_jump")}
            return Interface(self.number_of(axis, entry.at, f"{key}.at"), **data)

        return {
            name: {axis: planes(entry, axis, f"interfaces.{name}.{axis}") for axis, entry in axes.items()}
            if isinstance(axes, Mapping)
            else axes
            for name, axes in given.items()
        }


def declare(
    units: Mapping[str, Any],
    pde: PDE,
    axes: Mapping[str, str],
    labels: Mapping[str, Mapping[str, str]] | None = None,
) -> DeclaredUnits:
    """Take the units of a problem, and its parameters into the system that they make.

    Parameters
    ----------
    units : mapping of str to str
        Of coordinates, t, unknowns, parameters and definitions; those of what is measured follow.
    pde : PDE
        Its parameters may be texts such as ``1.4 cm**2/s``.
    axes : mapping of str to str
        The coordinates, with the units by which they are labelled, if they are.
    labels : mapping, optional
        In which ``units`` of unknowns may stand.

    Raises
    ------
    ConfigError
        Names or units that there are not, units that contradict each other, or that are not coherent.

    Examples
    --------
    >>> heat = PDE("u_t = D*u_xx", parameters={"D": "1.5 cm**2/s"})
    >>> declared = declare({"x": "mm", "t": "min", "u": "K"}, heat, {"x": ""})
    >>> round(declared.pde.parameters["D"], 9), declared.units["D"].text
    (9000.0, 'mm**2/min')
    """
    given = _given(units, pde, axes, labels or {})
    basic = [*axes, "t", *pde.unknowns]
    system = UnitSystem.of({f"units.{name}": given[name] for name in basic if name in given})
    parameters, found = dict(pde.parameters), {name: given[name] for name in basic if name in given}
    for name, value in pde.parameters.items():
        parameters[name], unit = _parameter(name, value, given.get(name), system)
        if unit is not None:
            found[name] = unit
    for name in given.keys() - found.keys():
        factor = system.factor(given[name])
        if factor != 1:
            fitting = system.spelled(given[name].dimension)
            raise ConfigError(
                f"{given[name].text} is {factor:g} {fitting}, which is the unit that fits the others; take {fitting}",
                key=f"units.{name}",
            )
        found[name] = given[name]
    return DeclaredUnits(system, found, pde.replace(parameters=parameters))


def _given(
    units: Mapping[str, Any],
    pde: PDE,
    axes: Mapping[str, str],
    labels: Mapping[str, Mapping[str, str]],
) -> dict[str, Unit]:
    """The units by name, those of labels among them."""
    allowed = [*axes, "t", *pde.unknowns, *pde.parameters, *pde.definitions]
    found = {}
    for name, text in units.items():
        if name not in allowed:
            raise ConfigError(
                f"there is no such name; there are {', '.join(dict.fromkeys(allowed))}{nearest_hint(name, allowed)}",
                key=f"units.{name}",
            )
        found[name] = Unit.read(text, f"units.{name}")
    labelled = {f"grid.{n}.unit": (n, unit) for n, unit in axes.items() if unit}
    labelled |= {f"labels.{n}.units": (n, labels[n]["units"]) for n in pde.unknowns if labels.get(n, {}).get("units")}
    for key, (name, text) in labelled.items():
        unit = Unit.read(text, key)
        if name in found and (unit.dimension != found[name].dimension or abs(unit.factor_to(found[name]) - 1) > 1e-9):
            raise ConfigError(f"{text} contradicts units.{name}, {found[name].text}", key=key)
        found.setdefault(name, unit)
    return found


def _parameter(name: str, value: Any, unit: Unit | None, system: UnitSystem) -> tuple[Any, Unit | None]:
    """A parameter in the system, and its unit there, if that is given."""
    key = f"parameters.{name}"
    written = split_quantity(value)
    value = as_number(value, system, key)
    if isinstance(value, Quantity):
        if unit is not None and unit.dimension != value.dimension:
            raise ConfigError(f"does not fit units.{name}, {unit.text}", key=key)
        if unit is None and written is not None:
            unit = Unit.read(written[1], key)
        fits = unit is not None and system.factor(unit) == 1 and not unit.has_offset
        return value, unit if fits else system.unit(value.dimension)
    if unit is None:
        return value, None
    if unit.has_offset:
        raise ConfigError(
            f"{unit.text} is measured from a zero of its own; take K, and give the value as 20 degC",
            key=f"units.{name}",
        )
    factor = system.factor(unit)
    if factor == 1:
        return value, unit
    fitting = system.unit(unit.dimension)
    if isinstance(value, bool) or not isinstance(value, int | float | complex):
        raise ConfigError(
            f"{unit.text} is {factor:g} {fitting.text}, which is the unit that fits the others; numbers are converted, expressions and "
            f"data are not: give them in {fitting.text}",
            key=f"units.{name}",
        )
    return value * factor, fitting
