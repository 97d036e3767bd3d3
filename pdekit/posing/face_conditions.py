"""The conditions of all unknowns on all faces, and on the boundary of a domain, from what was given."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

from pdekit.boundary.conditions import DOMAIN, SIDES, BoundaryCondition, Dirichlet, FaceConditions, Outflow, collect
from pdekit.discretize.absorbing_layers import layered_axes
from pdekit.errors import BoundaryError
from pdekit.geometry.grid import Grid
from pdekit.geometry.regions import Region
from pdekit.language.analysis import highest_derivatives
from pdekit.language.equation_system import EquationSystem
from pdekit.posing.given_data import GivenData

Conditions = dict[str, dict[str, FaceConditions]]


@dataclass(frozen=True, eq=False)
class GivenConditions:
    """Completes the conditions of a problem.

    Parameters
    ----------
    system : EquationSystem
        With the equations of absorbing layers.
    waves : collection of str
        The unknowns that were given, those of absorbing layers being nobody's.
    boundary : mapping of str to mapping
        Conditions by unknown and axis.
    data : GivenData
    regions : mapping of str to Region
        Of the unknowns that do not live on all nodes.
    """

    system: EquationSystem
    waves: Collection[str]
    boundary: Mapping[str, Any]
    data: GivenData
    regions: Mapping[str, Region]

    @property
    def grid(self) -> Grid:
        return self.data.grid

    def collected(self) -> Conditions:
        """Complete conditions by unknown, or definition with conditions, and axis."""
        highest = highest_derivatives(self.system)
        scalars = {str(symbol) for symbol in self.system.scalars}
        found: Conditions = {}
        unknowns = [u.name for u in self.system.unknowns if not u.derived_from]
        for name in (*unknowns, *map(str, self.system.definitions)):
            given = self.boundary.get(name) or {}
            if name in scalars:
                if given:
                    raise BoundaryError("a scalar unknown has no faces", key=f"boundary.{name}")
                found[name] = {}
                continue
            if not isinstance(given, Mapping):
                raise BoundaryError("give conditions per axis, {x: ...}", key=f"boundary.{name}")
            found[name] = self._on_box(name, given, highest.get(name, {}))
            found[name] |= self._on_domain(name, given, bool(highest.get(name)))
            for axis, faces in found[name].items():
                found[name][axis] = faces.mapped(partial(self.data.of_condition, where=f"boundary.{name}.{axis}"))
        return found

    def _on_box(self, name: str, given: Mapping[str, Any], highest: Mapping[str, int]) -> dict[str, FaceConditions]:
        """On the faces of the grid: none where nothing is differentiated, zero behind absorbing layers."""
        grid = self.regions[name].own if name in self.regions else self.grid
        definitions = {str(symbol) for symbol in self.system.definitions}
        axes = {axis: line.periodic for axis, line in zip(grid.names, grid.axes)}
        poles = {axis: grid.poles(axis) for axis in axes}
        is_given = name in self.waves or name in definitions
        free: dict[str, dict[str, Any]] = {
            axis: {side: Outflow() for side in SIDES if side not in poles[axis]}
            for axis, periodic in axes.items()
            if not periodic and axis not in given and not (is_given and highest.get(axis))
        }
        on_box = {axis: given[axis] for axis in given if axis != DOMAIN}
        if name in self._of_second_order:
            for axis in layered_axes(grid):
                behind = {side: Dirichlet(0) for side, width in zip(SIDES, grid[axis].absorbing_layer) if width}
                own = on_box.get(axis, {})
                on_box[axis] = {**behind, **own} if isinstance(own, Mapping) else own
        return collect({**free, **self._untouched(), **on_box}, axes, name, poles)

    @property
    def _of_second_order(self) -> set[str]:
        """The waves that are zero at the ends of absorbing layers where nothing else is said."""
        return {u.name for u in self.system.unknowns if u.time_order == 2} & set(self.waves)

    def _untouched(self) -> dict[str, Any]:
        """No conditions on axes of whose faces the domain touches neither."""
        grid = self.grid
        bounded = [name for name, axis in zip(grid.names, grid.axes) if not axis.periodic]
        return {name: Outflow() for name in bounded if not any(grid.touches(name, side) for side in SIDES)}

    def _on_domain(self, name: str, given: Mapping[str, Any], is_differentiated: bool) -> dict[str, FaceConditions]:
        """The condition on the boundary of the domain."""
        where = f"boundary.{name}.{DOMAIN}"
        if self.grid.is_box:
            if DOMAIN in given:
                raise BoundaryError(
                    "there is no domain; it is said by the key domain, such as x**2 + y**2 < 1", key=where
                )
            return {}
        if DOMAIN not in given:
            if is_differentiated:
                raise BoundaryError(
                    "no condition on the boundary of the domain; give dirichlet, neumann (neumann: 0 is no flux) or robin",
                    key=where,
                )
            return {}
        condition = given[DOMAIN]
        if not isinstance(condition, BoundaryCondition):
            raise BoundaryError(
                "expected one condition for the whole boundary of the domain, dirichlet, neumann or robin; its data may vary: "
                "where(x < 0, 1, 0)",
                key=where,
            )
        return {DOMAIN: FaceConditions((condition,), ())}


def without_slopes(system: EquationSystem, conditions: Conditions) -> Conditions:
    """The conditions that must fit the characteristics: limited schemes take slopes for how a state goes on beyond a face."""
    highest, counted = highest_derivatives(system), {}
    for name, faces in conditions.items():
        counted[name] = {
            axis: pair if highest.get(name, {}).get(axis, 0) > 1 else pair.only_dirichlet()
            for axis, pair in faces.items()
            if axis != DOMAIN
        }
    return counted


def refuse_misplaced_far_fields(system: EquationSystem, conditions: Conditions, is_limited: bool) -> None:
    """Refuse states beyond a face where no limited flux takes them."""
    highest = highest_derivatives(system)
    for name, faces in conditions.items():
        for axis, side in product(faces, SIDES):
            if not any(c.is_beyond for c in faces[axis][side]):
                continue
            key = f"boundary.{name}.{axis}.{side}"
            if highest.get(name, {}).get(axis, 0) > 1:
                raise BoundaryError("far_field is for first derivatives; there is diffusion, give neumann", key=key)
            if not is_limited:
                raise BoundaryError(
                    "far_field is for limited schemes; give discretization.advection, weno5 say", key=key
                )
