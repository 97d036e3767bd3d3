"""Conditions on the boundary of a domain that is no box, beside those on faces of the box."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pdekit.boundary.conditions import DOMAIN, BoundaryCondition, FaceConditions
from pdekit.boundary.face_data import FaceData, StateConditions, data_on
from pdekit.boundary.solution_data import States
from pdekit.errors import BoundaryError, PdekitError
from pdekit.geometry.domain_grid import DomainGrid
from pdekit.geometry.grid import Grid
from pdekit.language.evaluate import evaluate_number
from pdekit.language.parser import Scope, parse
from pdekit.typing import Array

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
    where = f"boundary.{name}.{DOMAIN}"
    if DOMAIN not in faces:
        return DomainConditions(grid, found.faces, found.data)
    (given,) = faces[DOMAIN].left
    condition = _with_numbers(given, grid, parameters, known, states or {}, where)
    points = grid.rim_points()
    if condition.is_dirichlet:
        own = {n: np.broadcast_to(c, grid.shape)[grid.on_boundary] for n, c in grid.coordinates.items()}
        points = {n: np.concatenate([line, own[n]]) for n, line in grid.crossing_points().items()}
    data = data_on(points, (next(iter(points.values())).size,), given.value, parameters, known, where)
    return DomainConditions(grid, found.faces, found.data, condition, data)


def _with_numbers(
    given: BoundaryCondition,
    grid: Grid,
    parameters: Mapping[str, Any],
    known: Mapping[str, Any],
    states: Mapping[str, Any],
    where: str,
) -> BoundaryCondition:
    """The condition with real numbers for coefficients; refused where they vary, or its data depend on the solution."""
    if len(given.coefficients) > 2:
        raise BoundaryError("on the boundary of the domain there are dirichlet, neumann and robin", key=where)
    names = {name: sp.Symbol(name) for name in parameters}
    numbers = []
    for a in given.coefficients:
        if isinstance(a, str):
            e = parse(a, Scope({**known, **names}))
            a = evaluate_number(e, {names[n]: v for n, v in parameters.items() if names[n] in e.free_symbols})
        if isinstance(a, bool) or not isinstance(a, int | float | np.number) or not np.isfinite(a):
            raise BoundaryError(
                f"on the boundary of the domain coefficients are real numbers or expressions of parameters, found {a!r}",
                key=where,
            )
        numbers.append(float(a))
    if isinstance(given.value, str):
        symbols = {n: sp.Symbol(n) for n in (*grid.names, "t", *parameters)}
        try:
            used = parse(given.value, Scope({**known, **states, **symbols})).free_symbols & set(states.values())
        except PdekitError as error:
            raise BoundaryError(f"{error}", key=where) from None
        if used:
            unknowns = ", ".join(sorted(map(str, used)))
            raise BoundaryError(
                f"data that depend on the solution ({unknowns}) are for faces of the box, not for the boundary of the domain",
                key=where,
            )
    return BoundaryCondition(tuple(numbers), given.value)


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
        return super().vanish and (rim is None or (rim.constant and not np.any(rim.at(0.0))))

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
        count = sum(c.nodes.size for c in self.grid.crossings)
        return self._rim_values(t)[:count] if self.is_prescribed_on_rim else self._rim_values(t)

    def stencil_slopes(self, axis: int, t: float, states: States | None) -> list[tuple[Any, Any]]:
        return [] if axis == RIM else super().stencil_slopes(axis, t, states)
