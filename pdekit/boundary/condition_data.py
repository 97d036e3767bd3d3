"""Data of conditions: numbers, texts, arrays and Python functions as functions of time."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import sympy as sp

from pdekit.boundary.conditions import Side
from pdekit.boundary.solution_data import SolutionData
from pdekit.errors import BoundaryError, PdekitError
from pdekit.geometry.grid import Field, Grid
from pdekit.geometry.values import call_by_name
from pdekit.language.evaluate import compile_expression, slope
from pdekit.language.parser import Scope, parse
from pdekit.typing import Array, Expression

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
    rate : callable, optional
        Makes the data that are the time derivative of these; None where it is not known.
    constant : bool
        Whether it never changes.
    expression : sympy expression, optional
        Of data that change in time, if it is known: what tells where they jump.
    of_solution : SolutionData, optional
        What they are instead where they depend on the solution.
    of_scalars : mapping of Symbol to array
        Scalar unknowns that are added, each times what it has here as a factor.
    """

    at: Callable[[float], Array]
    rate: Callable[[], FaceData] | None
    constant: bool
    expression: Expression = None
    of_solution: SolutionData | None = None
    of_scalars: Mapping[Any, Array] = field(default_factory=dict)

    def with_scalars(self, t: float, scalars: Mapping[Any, Any]) -> Array:
        """The data at a time and values of the scalar unknowns."""
        total = self.at(t)
        for scalar, factor in self.of_scalars.items():
            total = total + factor * scalars[scalar]
        return total

    @classmethod
    def fixed(cls, values: Array) -> FaceData:
        """Data that never change."""
        return cls(lambda t: values, lambda: cls.fixed(np.zeros_like(values)), True)


def face_slice(grid: Grid, axis: int, side: Side) -> tuple[slice, ...]:
    """Index of the nodes of a face."""
    return _face_slice(grid.ndim, axis, side)


@cache
def _face_slice(ndim: int, axis: int, side: Side) -> tuple[slice, ...]:
    end = slice(0, 1) if side == "left" else slice(-1, None)
    return tuple(end if k == axis else slice(None) for k in range(ndim))


def face_shape(grid: Grid, axis: int) -> tuple[int, ...]:
    return tuple(1 if k == axis else n for k, n in enumerate(grid.shape))


def face_coordinates(grid: Grid, axis: int, side: Side) -> dict[str, Array]:
    node = grid.axes[axis].nodes[0 if side == "left" else -1]
    return {**grid.coordinates, grid.names[axis]: grid.along(axis, np.array([node]))}


def face_data(
    value: Any, grid: Grid, axis: int, side: Side, parameters: Mapping[str, Any], known: Mapping[str, Any], where: str
) -> FaceData:
    """Make the data of a condition from a number, a text or symbols, an array over the face or a callable."""
    node = float(grid.axes[axis].nodes[0 if side == "left" else -1])
    return plane_data(value, grid, axis, node, parameters, known, where)


def plane_data(
    value: Any, grid: Grid, axis: int, at: float, parameters: Mapping[str, Any], known: Mapping[str, Any], where: str
) -> FaceData:
    """The same on any plane across an axis."""
    shape = face_shape(grid, axis)
    value = value.values if isinstance(value, Field) else value
    if np.ndim(value) and not callable(value):
        reduced = tuple(n for k, n in enumerate(grid.shape) if k != axis)
        if np.shape(value) not in (shape, reduced):
            raise BoundaryError(f"the array has shape {np.shape(value)}, the face needs {reduced}", key=where)
        value = np.reshape(value, shape)
    coordinates = {**grid.coordinates, grid.names[axis]: grid.along(axis, np.array([at]))}
    return data_on(coordinates, shape, value, parameters, known, where)


def data_on(
    coordinates: dict[str, Array],
    shape: tuple[int, ...],
    value: Any,
    parameters: Mapping[str, Any],
    known: Mapping[str, Any],
    where: str,
) -> FaceData:
    """The same at any points, whose coordinates broadcast to a shape."""

    def shaped(values: Any) -> Array:
        result = np.broadcast_to(np.asarray(values), shape)
        if not np.all(np.isfinite(result)):
            raise BoundaryError("the boundary data are not finite", key=where)
        return result

    if isinstance(value, str | sp.Expr):
        return _symbolic_data(value, coordinates, parameters, known, shaped, where)
    if callable(value):
        return _callable_data(value, coordinates, parameters, shaped, where)
    array = np.asarray(value)
    if array.dtype.kind not in "iufc":
        raise BoundaryError(f"expected a number, an expression, an array or a callable, found {value!r}", key=where)
    if array.shape not in ((), shape):
        raise BoundaryError(f"the array has shape {array.shape}, {shape} values are needed", key=where)
    return FaceData.fixed(shaped(array))


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

        def at(t: float) -> Array:
            with np.errstate(all="ignore"):  # a NumPy number, by which 1/t is infinite, not an exception
                return shaped(compiled(*values[:count], np.float64(t), *values[count:]))

        return at

    t = names["t"]

    def data(e: Any) -> FaceData:
        if not e.has(t):
            return FaceData.fixed(function(e)(0.0))
        return FaceData(function(e), lambda: data(slope(e, t)), False, e)

    return data(expression)


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
        return FaceData.fixed(at(0.0))
    return _differentiated_by_differences(at)


def _differentiated_by_differences(at: Callable[[float], Array]) -> FaceData:
    def rate(t: float) -> Array:
        h = _RATE_STEP * max(1.0, abs(t))
        return np.asarray(sum(w * at(t + k * h) for k, w in _RATE_WEIGHTS.items()) / h)

    return FaceData(at, lambda: _differentiated_by_differences(rate), False)
