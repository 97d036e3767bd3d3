"""Conditions on the boundary of a domain that is no box, beside those on faces of the box."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.boundary.condition_data import FaceData, data_on
from pdekit.boundary.conditions import DOMAIN, BoundaryCondition, FaceConditions
from pdekit.boundary.domain_values import values_on_rim
from pdekit.boundary.face_data import StateConditions
from pdekit.boundary.places import Place
from pdekit.boundary.solution_data import SolutionData, States
from pdekit.errors import BoundaryError
from pdekit.geometry.domain_grid import DomainGrid
from pdekit.geometry.grid import Grid
from pdekit.stencils.sparse_products import diagonal
from pdekit.typing import Array, Matrix

RIM = -1  # in place of an axis: the data on the boundary of the domain


def resolved_conditions(
    name: str,
    faces: Mapping[str, FaceConditions],
    grid: Grid,
    parameters: Mapping[str, Any],
    known: Mapping[str, Any],
    states: Mapping[str, Any] | None = None,
    scalars: Collection[Any] = (),
) -> StateConditions:
    """All conditions of one state, on the faces of its box and on the boundary of its domain, with numbers for coefficients."""
    on_box = {axis: pair for axis, pair in faces.items() if axis != DOMAIN}
    found = StateConditions.resolve(name, on_box, grid, parameters, known, states, scalars)
    if not isinstance(grid, DomainGrid):
        return found
    if DOMAIN not in faces:
        return DomainConditions(grid, found.faces, found.data)
    (given,) = faces[DOMAIN].left
    rim = DomainBoundary(name, grid, parameters, known, states or {}, scalars, given.is_dirichlet)
    return DomainConditions(grid, found.faces, found.data, *rim.condition(given))


@dataclass(frozen=True, eq=False)
class DomainBoundary(Place):
    """The boundary of a domain: its crossings with the grid and the nodes on it where values are prescribed, its pieces elsewhere."""

    grid: DomainGrid
    is_prescribed: bool

    @property
    def where(self) -> str:
        return f"boundary.{self.name}.{DOMAIN}"

    @cached_property
    def coordinates(self) -> dict[str, Array]:
        grid = self.grid
        if not self.is_prescribed:
            return grid.rim_points()
        own = {n: np.broadcast_to(c, grid.shape)[grid.on_boundary] for n, c in grid.coordinates.items()}
        return {n: np.concatenate([line, own[n]]) for n, line in grid.crossing_points().items()}

    @property
    def shape(self) -> tuple[int, ...]:
        return next(iter(self.coordinates.values())).shape

    def data(self, value: Any) -> FaceData:
        return data_on(self.coordinates, self.shape, value, self.parameters, self.known, self.where)

    def read(self, field: Array) -> Array:
        return np.asarray(self._reading @ field.ravel())

    @cached_property
    def _reading(self) -> Matrix:
        return values_on_rim(self.grid)

    def refuse_derivative(self, atom: Any) -> None:
        raise BoundaryError(
            f"{atom.short}: data on the boundary of the domain may hold unknowns, not their derivatives", key=self.where
        )

    def condition(self, given: BoundaryCondition) -> tuple[BoundaryCondition, FaceData]:
        if len(given.coefficients) > 2:
            raise BoundaryError("on the boundary of the domain there are dirichlet, neumann and robin", key=self.where)
        condition, data = super().condition(given)
        if data.of_scalars:
            raise BoundaryError(
                "prescribed values on the boundary of the domain may not depend on unknowns; on faces of the box they may on scalar ones",
                key=self.where,
            )
        return condition, data


@dataclass(frozen=True, eq=False)
class DomainConditions(StateConditions):
    """The conditions of a state on a grid with a domain.

    Parameters
    ----------
    condition : BoundaryCondition, optional
        On the boundary of the domain; None of states that need none.
    rim : FaceData, optional
        Its data: prescribed values at the crossings and at the nodes on the boundary, others at the pieces of the boundary.
    """

    grid: DomainGrid
    condition: BoundaryCondition | None = None
    rim: FaceData | None = None

    @cached_property
    def of_solution(self) -> tuple[SolutionData, ...]:
        own = None if self.rim is None else self.rim.of_solution
        return super().of_solution if own is None else (*super().of_solution, own)

    @property
    def is_prescribed_on_rim(self) -> bool:
        """Whether the condition prescribes the value itself."""
        return self.condition is not None and self.condition.is_dirichlet

    def rate(self) -> DomainConditions:
        rim = None if self.rim is None or self.rim.rate is None else self.rim.rate()
        return replace(self, data=super().rate().data, rim=rim)

    @property
    def constant(self) -> bool:
        return super().constant and (self.rim is None or self.rim.constant)

    @property
    def vanish(self) -> bool:
        rim = self.rim
        known = rim is None or (rim.constant and rim.of_solution is None and not np.any(rim.at(0.0)))
        return super().vanish and known

    def prescribed(self) -> NDArray[np.bool_]:
        """Which nodes are no unknowns: those outside, too."""
        mask = super().prescribed() | ~self.grid.within
        return mask | self.grid.on_boundary if self.is_prescribed_on_rim else mask

    def free_count(self) -> int:
        return int(np.sum(~self.prescribed()))

    def fill(self, values: Array, t: float, scalars: Mapping[Any, Any] | None = None) -> None:
        self.fill_rim(values, t)
        super().fill(values, t, scalars)

    def fill_rim(self, values: Array, t: float) -> None:
        """Write the values that are prescribed at nodes on the boundary of the domain; zero where they are not known."""
        if self.is_prescribed_on_rim and self._on_rim.size:
            known = 0.0 if self.rim is None else self._rim_values(t)[-self._on_rim.size :]
            np.put(values, self._on_rim, known)

    @cached_property
    def _on_rim(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.grid.on_boundary)

    def _rim_values(self, t: float) -> Array:
        assert self.rim is not None and self.condition is not None
        scale = self.condition.coefficients[0] if self.is_prescribed_on_rim else 1.0
        return np.asarray(self.rim.at(t) / scale)

    def stencil_data(self, axis: int, t: float, states: States | None = None) -> Array:
        """As of faces; with `RIM` for the axis those of the boundary of the domain, of prescribed values at the crossings."""
        if axis != RIM:
            return super().stencil_data(axis, t, states)
        if self.rim is None:
            raise BoundaryError(
                "conditions that depend on the solution do not say what its rate of change does at the boundary; do not "
                "differentiate the rate in space",
                key=f"boundary.{DOMAIN}",
            )
        if self.rim.of_solution is not None:
            assert states is not None
            return self.rim.of_solution.at(t, states)
        count = sum(c.nodes.size for c in self.grid.crossings)
        return self._rim_values(t)[:count] if self.is_prescribed_on_rim else self._rim_values(t)

    def stencil_slopes(self, axis: int, t: float, states: States | None) -> list[tuple[Any, Any]]:
        if axis != RIM:
            return super().stencil_slopes(axis, t, states)
        if self.rim is None or self.rim.of_solution is None:
            return []
        slopes = self.rim.of_solution.slopes(t, states)
        return [(state, diagonal(np.multiply(values, 1.0)) @ self._reading) for state, values in slopes.items()]

    @cached_property
    def _reading(self) -> Matrix:
        return values_on_rim(self.grid)
