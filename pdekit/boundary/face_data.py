"""Boundary conditions with numbers for coefficients and functions of time for data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pdekit.boundary.conditions import SIDES, BoundaryCondition, FaceConditions, Side
from pdekit.errors import BoundaryError, PdekitError
from pdekit.geometry.grid import Field, Grid
from pdekit.geometry.values import call_by_name
from pdekit.language.evaluate import compile_expression, evaluate_number, slope
from pdekit.language.parser import Scope, parse

Array = NDArray[Any]

# Sixth-order central difference, for the rate of data that a Python callable gives.
_RATE_STEP = 1e-3
_RATE_WEIGHTS = {-3: -1 / 60, -2: 3 / 20, -1: -3 / 4, 1: 3 / 4, 2: -3 / 20, 3: 1 / 60}


@dataclass(frozen=True, eq=False)
class FaceData:
    """The data g of one condition on one face, as a function of time.

    Parameters
    ----------
    at : callable of t
        Values of the face's shape (the grid's, with the axis' length 1).
    rate : callable of t, optional
        Time derivative of the same; None where it is never needed (the data of a rate itself).
    constant : bool
        Whether it never changes.
    expression : sympy expression, optional
        Of data that change in time, if it is known: what tells where they jump.
    """

    at: Callable[[float], Array]
    rate: Callable[[float], Array] | None
    constant: bool
    expression: Any = None


def _face_coordinates(grid: Grid, axis: int, side: Side) -> dict[str, Array]:
    node = grid.axes[axis].nodes[0 if side == "left" else -1]
    return {**grid.coordinates, grid.names[axis]: grid.along(axis, np.array([node]))}


def face_data(
    value: Any, grid: Grid, axis: int, side: Side, parameters: Mapping[str, Any], known: Mapping[str, Any], where: str
) -> FaceData:
    """Make the data of a condition from a number, a text or symbols, an array over the face or a callable."""
    shape = tuple(1 if k == axis else n for k, n in enumerate(grid.shape))
    coordinates = _face_coordinates(grid, axis, side)

    def shaped(values: Any) -> Array:
        result = np.broadcast_to(np.asarray(values), shape)
        if not np.all(np.isfinite(result)):
            raise BoundaryError("the boundary data are not finite", key=where)
        return result

    if isinstance(value, str | sp.Expr):
        return _symbolic_data(value, coordinates, parameters, known, shaped, where)
    if callable(value) and not isinstance(value, Field):
        return _callable_data(value, coordinates, parameters, shaped, where)
    array = np.asarray(value.values if isinstance(value, Field) else value)
    if array.dtype.kind not in "iufc":
        raise BoundaryError(f"expected a number, an expression, an array or a callable, found {value!r}", key=where)
    if array.ndim:
        reduced = tuple(n for k, n in enumerate(grid.shape) if k != axis)
        if array.shape not in (shape, reduced):
            raise BoundaryError(f"the array has shape {array.shape}, the face needs {reduced}", key=where)
        array = array.reshape(shape)
    fixed = shaped(array)
    return FaceData(lambda t: fixed, lambda t: np.zeros_like(fixed), True)


def _symbolic_data(
    given: Any, coordinates: dict[str, Array], parameters: Any, known: Mapping[str, Any], shaped: Any, where: str
) -> FaceData:
    names = {name: sp.Symbol(name) for name in (*coordinates, "t", *parameters)}
    try:
        expression = given if isinstance(given, sp.Expr) else parse(given, Scope({**known, **names}))
    except PdekitError as error:
        raise BoundaryError(f"{error}", key=where) from None
    arguments = list(names.values())
    values = [*coordinates.values(), *parameters.values()]
    count = len(coordinates)

    def function(e: Any) -> Callable[[float], Array]:
        compiled = compile_expression(e, arguments)
        return lambda t: shaped(compiled(*values[:count], t, *values[count:]))

    t = names["t"]
    if not expression.has(t):
        fixed = function(expression)(0.0)
        return FaceData(lambda _: fixed, lambda _: np.zeros_like(fixed), True)
    return FaceData(function(expression), function(slope(expression, t)), False, expression)


def _callable_data(
    given: Callable[..., Any], coordinates: dict[str, Array], parameters: Any, shaped: Any, where: str
) -> FaceData:
    def at(t: float) -> Array:
        try:
            return shaped(call_by_name(given, {**coordinates, **parameters, "t": t}))
        except ValueError as error:
            raise BoundaryError(f"{error}", key=where) from None

    wanted = inspect.signature(given).parameters
    if "t" not in wanted and not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in wanted.values()):
        fixed = at(0.0)
        return FaceData(lambda t: fixed, lambda t: np.zeros_like(fixed), True)

    def rate(t: float) -> Array:
        h = _RATE_STEP * max(1.0, abs(t))
        return np.asarray(sum(w * at(t + k * h) for k, w in _RATE_WEIGHTS.items()) / h)

    return FaceData(at, rate, False)


def resolve_coefficients(condition: BoundaryCondition, parameters: Mapping[str, Any], where: str) -> BoundaryCondition:
    """Put numbers in for coefficients that are expressions of parameters."""
    numbers = []
    names = {name: sp.Symbol(name) for name in parameters}
    for k, a in enumerate(condition.coefficients):
        if isinstance(a, str):
            try:
                a = evaluate_number(parse(a, Scope(names)), {names[n]: v for n, v in parameters.items()})
            except PdekitError as error:
                raise BoundaryError(f"coefficient {k}: {error}", key=where) from None
        if isinstance(a, bool) or not isinstance(a, int | float | np.floating | np.integer) or not np.isfinite(a):
            raise BoundaryError(f"coefficient {k} must be a finite real number, found {a!r}", key=where)
        numbers.append(float(a))
    return BoundaryCondition(tuple(numbers), condition.value)


@dataclass(frozen=True, eq=False)
class StateConditions:
    """All conditions of one state (an unknown, its rate, or a definition) on a grid.

    Parameters
    ----------
    faces : dict of axis name to FaceConditions
        With numbers for coefficients; periodic axes have no entry.
    data : dict of (axis index, side, position) to FaceData
        Data of every condition on every face.
    """

    grid: Grid
    faces: dict[str, FaceConditions]
    data: dict[tuple[int, Side, int], FaceData]

    @classmethod
    def resolve(
        cls,
        name: str,
        faces: Mapping[str, FaceConditions],
        grid: Grid,
        parameters: Mapping[str, Any],
        known: Mapping[str, Any],
    ) -> StateConditions:
        """Resolve coefficients and data of the conditions that `pdekit.boundary.conditions.collect` made."""
        resolved, data = {}, {}
        for axis_name, pair in faces.items():
            k = grid.index(axis_name)
            ends = {}
            for side in SIDES:
                where = f"boundary.{name}.{axis_name}.{side}"
                ends[side] = tuple(resolve_coefficients(c, parameters, where) for c in pair[side])
                for position, condition in enumerate(ends[side]):
                    data[k, side, position] = face_data(condition.value, grid, k, side, parameters, known, where)
            resolved[axis_name] = FaceConditions(ends["left"], ends["right"], pair.parity)
        return cls(grid, resolved, data)

    def rate(self) -> StateConditions:
        """The conditions of the time derivative: the same, with the data differentiated."""
        data = {key: FaceData(d.rate, None, d.constant) for key, d in self.data.items() if d.rate is not None}
        return StateConditions(self.grid, self.faces, data)

    @property
    def constant(self) -> bool:
        """Whether no data change in time."""
        return all(d.constant for d in self.data.values())

    def dirichlet_faces(self) -> list[tuple[int, Side, float, FaceData]]:
        """(axis, side, factor, data) of prescribed values, last axis first: the first axis wins at corners."""
        found = []
        for name, pair in self.faces.items():
            k = self.grid.index(name)
            for side in SIDES:
                for position, condition in enumerate(pair[side]):
                    if condition.is_dirichlet:
                        found.append((k, side, 1.0 / condition.coefficients[0], self.data[k, side, position]))
        return sorted(found, key=lambda entry: -entry[0])

    def face_slice(self, axis: int, side: Side) -> tuple[slice, ...]:
        """Index of the face's nodes."""
        end = slice(0, 1) if side == "left" else slice(-1, None)
        return tuple(end if k == axis else slice(None) for k in range(self.grid.ndim))

    def prescribed(self) -> NDArray[np.bool_]:
        """Which nodes are data rather than unknowns."""
        mask = np.zeros(self.grid.shape, dtype=bool)
        for axis, side, _, _ in self.dirichlet_faces():
            mask[self.face_slice(axis, side)] = True
        return mask

    def free_count(self) -> int:
        """Number of nodes that are not prescribed."""
        shape = list(self.grid.shape)
        for axis, _side in {(axis, side) for axis, side, _, _ in self.dirichlet_faces()}:
            shape[axis] -= 1
        return int(np.prod(shape))

    def fill(self, values: Array, t: float) -> None:
        """Write the prescribed values at time t into a full array."""
        for axis, side, factor, data in self.dirichlet_faces():
            values[self.face_slice(axis, side)] = factor * data.at(t)

    def stencil_data(self, axis: int, t: float) -> Array:
        """Data of the axis' conditions other than prescribed values, left end first, stacked along that axis."""
        parts = []
        pair = self.faces.get(self.grid.names[axis], FaceConditions())
        for side in SIDES:
            for position, condition in enumerate(pair[side]):
                if not condition.is_dirichlet:
                    parts.append(self.data[axis, side, position].at(t))
        return np.concatenate(parts, axis=axis)

    def corner_conflicts(self, t: float) -> list[str]:
        """Corners where two Dirichlet faces prescribe different values, in words."""
        reports = []
        faces = self.dirichlet_faces()
        for i, (axis, side, factor, data) in enumerate(faces):
            for other_axis, other_side, other_factor, other_data in faces[i + 1 :]:
                if other_axis == axis:
                    continue
                mine = (factor * data.at(t)).take([0 if other_side == "left" else -1], axis=other_axis)
                theirs = (other_factor * other_data.at(t)).take([0 if side == "left" else -1], axis=axis)
                gap = float(np.max(np.abs(mine - theirs)))
                if gap > 1e-8 * max(1.0, float(np.max(np.abs(theirs)))):
                    names = self.grid.names
                    reports.append(
                        f"{names[other_axis]}.{other_side} and {names[axis]}.{side} prescribe values that differ by "
                        f"{gap:.3g} where they meet; {names[other_axis]}.{other_side} is used there"
                    )
        return reports
