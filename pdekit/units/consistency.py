"""Whether the dimensions of a problem agree, part by part, and the units that follow from those that are given.

What must agree: both sides and all terms of every equation, the two sides of a condition, data and what they are for, sides of comparisons.
Arguments of functions are numbers. A number in an equation is a pure number: ``5`` beside a rate of heating is refused, a parameter ``q`` of 5 K/s
is not. Data that come out as pure numbers, such as ``300`` or ``1 + sin(2*pi*x/L)``, are in the unit of what they are for. Arrays, files and
Python functions are taken to be in the units of the system.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from pdekit.boundary.conditions import DOMAIN, SIDES, BoundaryCondition, FaceConditions
from pdekit.boundary.interfaces import Interface
from pdekit.errors import ConfigError, ExpressionError, PdekitError
from pdekit.geometry.coordinates import RADIUS
from pdekit.geometry.grid import Grid
from pdekit.language.equation_system import EquationSystem, Unknown
from pdekit.language.interface_terms import with_interface_fluxes
from pdekit.language.parser import Scope, parse
from pdekit.language.pde import PDE
from pdekit.language.sampling import parse_sampled
from pdekit.language.symbols import Diff, Flux
from pdekit.typing import Expression
from pdekit.units.declared import DeclaredUnits
from pdekit.units.dimension import NUMBER, Dimension
from pdekit.units.dimensional_analysis import DimensionalAnalysis, written
from pdekit.units.unit_system import Quantity


@dataclass(frozen=True)
class ProblemParts:
    """What a problem consists of, equations and grid apart.

    Parameters
    ----------
    conditions : mapping of str to mapping of str to FaceConditions
        By unknown and axis.
    data : sequence of (str, str, data)
        Key paths, names, and what these are given by: initial states, exact solutions, bounds.
    numbers : mapping of str to expression
        What is measured, by key path.
    interfaces : sequence of (str, str, Interface)
        With their unknowns and axes.
    """

    conditions: Mapping[str, Mapping[str, FaceConditions]] = field(default_factory=dict)
    data: Sequence[tuple[str, str, Any]] = ()
    numbers: Mapping[str, Expression] = field(default_factory=dict)
    interfaces: Sequence[tuple[str, str, Interface]] = ()


def consistent_units(
    declared: DeclaredUnits, grid: Grid, kept: Sequence[str], parts: ProblemParts
) -> tuple[dict[str, str], dict[str, str]]:
    """The units of all names of a problem, and of what is measured by key path, once all its parts agree.

    Parameters
    ----------
    declared : DeclaredUnits
    grid : Grid
    kept : sequence of str
        Definitions with conditions of their own.
    parts : ProblemParts

    Raises
    ------
    PdekitError
        Two terms, or what they are for, do not agree: says which, and how; or nothing says what unit a name has.
    """
    check = _Consistency(declared, grid, kept)
    check.parameters()
    check.equations()
    for name, faces in parts.conditions.items():
        for axis, pair in faces.items():
            for side in SIDES:
                for condition in pair[side]:
                    place = DOMAIN if axis == DOMAIN else f"{axis}.{side}"
                    check.condition(name, axis, condition, f"boundary.{name}.{place}")
    check.interfaces(parts.interfaces)
    for key, name, given in parts.data:
        check.datum(key, given, Dimension.named(name), name)
    measured = {key: check.number(key, expression) for key, expression in parts.numbers.items()}
    units = check.units()
    return units, {key: check.unit_of(dimension) for key, dimension in measured.items()}


class _Consistency:
    """The dimensions of one problem, as they are found."""

    def __init__(self, declared: DeclaredUnits, grid: Grid, kept: Sequence[str]) -> None:
        self.declared, self.grid = declared, grid
        self.system = _with_named_parameters(declared.pde, grid, kept)
        known = {name: unit.dimension for name, unit in declared.units.items()}
        axes = {name: known.get(name, Dimension.named(name)) for name in grid.names}
        volume = NUMBER
        for name in grid.names:
            if _is_angle(grid, name):
                axes[name] = known[name] = NUMBER
            measure = grid.measure(name)
            volume = volume * axes[name] * axes[name] ** (measure.power if measure.factor is RADIUS else 0)
        self.time = known.get("t", Dimension.named("t"))
        for unknown in self.system.unknowns:
            own = known.get(unknown.name, Dimension.named(unknown.name))
            for order in range(1, 3):
                known[f"{unknown.name}_{'t' * order}"] = own / self.time**order
        self.analysis = DimensionalAnalysis(known, axes, volume, self.system.parameters, declared.system.spelled)

    # ------------------------------------------------------------------------------------------- parts

    def parameters(self) -> None:
        """Parameters and definitions by what they are made of."""
        pde = self.declared.pde
        varying = pde.varying_parameters(self.grid.names)
        symbols = {name: sp.Symbol(name) for name in pde.parameters}
        scope = {**{str(a): a for a in self.system.axes}, "t": EquationSystem.t, **symbols}
        for name, given in pde.parameters.items():
            key = f"parameters.{name}"
            if isinstance(given, str):
                expression = parse(given, Scope(scope))
                self._fits(
                    key,
                    expression,
                    Dimension.named(name),
                    f"{name}",
                    data=name in varying or not expression.free_symbols,
                )
        for name, expression in self.system.resolved.items():
            self._fits(f"definitions.{name}", expression, Dimension.named(name), name)

    def equations(self) -> None:
        """All right-hand sides, and the noise in them."""
        unknowns = {u.name: u for u in self.system.unknowns}
        for unknown in unknowns.values():
            if self.system.function is None:
                self._equation(unknown)
        for term in self.system.noises:
            one = self.time ** (-1 / 2) * (self.analysis.volume ** (-1 / 2) if term.length == 0 else NUMBER)
            own = self.analysis.of(term.amplitude)
            wanted = self._rate(unknowns[term.unknown]) / one
            self.analysis.equate(own, wanted, lambda own=own, wanted=wanted, g=term.amplitude: (  # type: ignore[misc]
                f"equations: the amplitude {written(g)} of noise is {self.analysis.spelled(own)}, needed is one "
                f"{self.analysis.spelled(wanted)}"
            ))  # fmt: skip

    def _rate(self, unknown: Unknown) -> Dimension:
        return Dimension.named(unknown.name) / self.time**unknown.time_order

    def _equation(self, unknown: Unknown) -> None:
        key = self._key_of(unknown)
        left: list[tuple[Any, Dimension | None]] = []
        if unknown.time_order:
            left = [(f"{unknown.name}_{'t' * unknown.time_order}", self._rate(unknown))]
        try:
            if unknown.on_rates is not None:
                left += [
                    (term, self.analysis.of(term))
                    for term in sp.Add.make_args(unknown.on_rates)
                    if term.atoms(Diff, Flux)
                ]
            terms = [(term, self.analysis.of(term)) for term in sp.Add.make_args(unknown.rhs)]
            self.analysis.agreement([*left, *terms])
        except ExpressionError as error:
            raise error.under(key) from None

    def _key_of(self, unknown: Unknown) -> str:
        pde = self.declared.pde
        for number, (left, _) in enumerate(pde.sides):
            if unknown.time_order and f"{unknown.name}_{'t' * unknown.time_order}" in left:
                return f"equations[{number}]"
        return "equations"

    def condition(self, name: str, axis: str, condition: BoundaryCondition, key: str) -> None:
        """One condition: all its terms and its data."""
        own, normal = Dimension.named(name), self._normal(axis)
        if condition.is_beyond:
            self.datum(key, condition.value, own, name)
            return
        terms: list[tuple[Any, Dimension | None]] = []
        for order, coefficient in enumerate(condition.coefficients):
            factor = self._data_dimension(coefficient, key)
            if factor is None and condition.is_plain and order == condition.order:
                factor = NUMBER  # as it stands on paper
            if factor is not None:
                derivative = (
                    name if order == 0 else f"d{'' if order == 1 else order}{name}/dn{'' if order == 1 else order}"
                )
                told = derivative if factor.is_number else f"{_told(coefficient)}*{derivative}"
                terms.append((told, factor * own / normal**order))
        terms.append((_told(condition.value), self._data_dimension(condition.value, key)))
        try:
            self.analysis.agreement(terms)
        except ExpressionError as error:
            raise error.under(key) from None

    def _normal(self, axis: str) -> Dimension:
        """Of lengths across a face; across the boundary of a domain those of all axes, which must agree."""
        axes = self.analysis.axes
        if axis != DOMAIN:
            return axes[axis]
        first, *others = axes.values()
        for other in others:
            self.analysis.equate(
                first, other, lambda: "domain: the axes have different dimensions, in which a boundary has no normal"
            )
        return first

    def interfaces(self, given: Sequence[tuple[str, str, Interface]]) -> None:
        """The data of jumps: of the unknown, of its flux ``k du/dx``, and a resistance, which is the one over the other."""
        crossed = {(sp.Symbol(name), axis) for name, axis, _ in given}
        equations = with_interface_fluxes(self.system, crossed).expressions
        for name, axis, one in given:
            key, own = f"interfaces.{name}.{axis}", Dimension.named(name)
            self.datum(f"{key}.jump", one.jump, own, name)
            fluxes = [flux for e in equations for flux in e.atoms(Flux) if flux.operand == sp.Symbol(name)]
            for k in {flux.coefficient for flux in fluxes if flux.axis == axis}:
                length = self.analysis.axes[axis]
                flux = (self.analysis.of(k) or NUMBER) * own / length
                told = f"{name}_{axis}" if k == 1 else f"{written(k)}*{name}_{axis}"
                self.datum(f"{key}.flux_jump", one.flux_jump, flux, told)
                self.datum(f"{key}.resistance", one.resistance, own / flux, f"{name}/({told})")

    def datum(self, key: str, given: Any, wanted: Dimension, told: str) -> None:
        """Data, and what they are for."""
        if isinstance(given, Quantity):
            try:
                self.analysis.equate(
                    given.dimension, wanted,
                    lambda: f"is {self.analysis.spelled(given.dimension)}, needed is a value {self.analysis.spelled(wanted)}",
                )  # fmt: skip
            except ExpressionError as error:
                raise error.under(key) from None
        elif isinstance(given, str):
            self._fits(key, self._parsed(given), wanted, told, data=True)

    def number(self, key: str, expression: Expression) -> Dimension | None:
        """What is measured: its dimension."""
        try:
            return self.analysis.of(expression)
        except ExpressionError as error:
            raise error.under(key) from None

    def _parsed(self, text: str) -> Expression:
        names = [*self.grid.names, "t", *map(str, self.system.parameters), *map(str, self.system.states)]
        return parse_sampled(text, names, self.system.known, lambda amplitude=1, seed=None: amplitude)

    def _data_dimension(self, given: Any, key: str) -> Dimension | None:
        """That of data; None of numbers, which are in the unit that fits."""
        if isinstance(given, Quantity):
            return given.dimension
        if not isinstance(given, str | sp.Expr):
            return None
        try:
            expression = given if isinstance(given, sp.Expr) else self._boundary_expression(given)
            found = self.analysis.of(expression)
        except PdekitError as error:
            raise error.under(key) from None
        return None if found is not None and self.analysis.resolved(found).is_number else found

    def _boundary_expression(self, text: str) -> Expression:
        states = [*self.system.states, *(u.rate for u in self.system.unknowns if u.time_order)]
        names = {str(s): s for s in (*states, *self.system.axes, EquationSystem.t, *self.system.parameters)}
        return parse(text, Scope({**self.system.known, **names}))

    def _fits(self, key: str, expression: Expression, wanted: Dimension, name: str, *, data: bool = False) -> None:
        """Demand that an expression has a dimension; `data` that are pure numbers have any."""
        analysis = self.analysis
        try:
            own = analysis.of(expression)
            if data and own is not None and analysis.resolved(own).is_number:
                return
            analysis.equate(
                own, wanted,
                lambda: f"{written(expression)} is {analysis.spelled(own)}, but {name} is {analysis.spelled(wanted)}",
            )  # fmt: skip
        except ExpressionError as error:
            raise error.under(key) from None

    # ------------------------------------------------------------------------------------------ results

    def units(self) -> dict[str, str]:
        """The units of all names: as they are given, else as they follow."""
        pde, found = self.declared.pde, {}
        unknowns = self.system.unknowns
        names = [*self.grid.names, *(["t"] * any(u.time_order for u in unknowns)), *pde.unknowns, *pde.parameters]
        for name in [*names, *(self.declared.units.keys() - set(names))]:
            dimension = self.analysis.resolved(Dimension.named(name))
            if dimension.open:
                raise ConfigError(
                    "missing: nothing says what unit it has; a pure number has the unit 1", key=f"units.{name}"
                )
            given = self.declared.units.get(name)
            found[name] = self.unit_of(dimension) if given is None else given.text
        rates = [u for u in unknowns if u.time_order == 2]
        return found | {str(u.rate): self.unit_of(Dimension.named(u.name) / self.time) for u in rates}

    def unit_of(self, dimension: Dimension | None) -> str:
        """The unit of a dimension that is known by now; of zero that of a number."""
        return self.declared.system.spelled(NUMBER if dimension is None else self.analysis.resolved(dimension))


def _with_named_parameters(pde: PDE, grid: Grid, kept: Sequence[str]) -> EquationSystem:
    """The equations with parameters that vary as functions by name, whose dimensions are those of the names."""
    varying = pde.varying_parameters(grid.names)
    arguments = (*(sp.Symbol(name) for name in grid.names), EquationSystem.t)
    functions = {name: sp.Function(name)(*arguments) for name in varying}
    parameters = {name: given if name not in varying else object() for name, given in pde.parameters.items()}
    return pde.replace(parameters=parameters).bind(grid.names, kept, grid.calculus, functions)


def _is_angle(grid: Grid, name: str) -> bool:
    geometry = grid.geometry
    return geometry is not None and geometry.system.coordinates[geometry.roles[name]].whole != 1.0


def _told(given: Any) -> str:
    return written(given) if isinstance(given, sp.Basic) else f"{given:g}" if isinstance(given, float) else str(given)
