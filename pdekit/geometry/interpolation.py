"""Interpolation between the nodes of a tensor product of axes, by splines in each direction: cubic (order 4) or linear (order 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import NdBSpline, make_interp_spline

from pdekit.errors import GridError
from pdekit.geometry.axis import Axis

WHOLE = 1e-9
SPLINE_MEMORY = 16  # nodes after which the end of a spline is forgotten, by a factor of 4 a node


class TensorGrid(Protocol):
    """What interpolation asks of a grid."""

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def axes(self) -> tuple[Axis, ...]: ...
    @property
    def ndim(self) -> int: ...
    def mirror(self, name: str | int, /) -> Mapping[int, NDArray[Any]]: ...
    def poles(self, name: str | int, /) -> Mapping[str, float]: ...


def interpolate(grid: TensorGrid, values: NDArray[Any], points: Any) -> NDArray[Any]:
    """Values at points between the nodes, by cubic splines.

    Parameters
    ----------
    grid : Grid
    values : array of the grid's shape
    points : array of shape (..., ndim), or (...) for one axis
        Periodic axes wrap round, values go on across the poles of curved coordinates as a scalar does.

    Raises
    ------
    GridError
        A point outside.
    """
    where = np.asarray(points, dtype=float)
    if grid.ndim == 1 and (where.ndim == 0 or where.shape[-1] != 1):
        where = where[..., None]
    return GridSpline(grid, values)(where)


def interpolate_within(grid: TensorGrid, values: NDArray[Any], within: NDArray[np.bool_], points: Any) -> NDArray[Any]:
    """Values at points of a domain that is no box, linear between nodes (order 2).

    Parameters
    ----------
    grid : Grid
    values : array of the grid's shape
        Not looked at where `within` is false.
    within : array of bool
        Which nodes belong to the domain.
    points : array
        As for `interpolate`.

    Raises
    ------
    GridError
        A point outside, or in a cell that the boundary cuts.
    """
    where = np.asarray(points, dtype=float)
    if grid.ndim == 1 and (where.ndim == 0 or where.shape[-1] != 1):
        where = where[..., None]
    unknown = ~wholly_within(grid, within, where)
    if np.any(unknown):
        first = where.reshape(-1, grid.ndim)[int(np.argmax(unknown.ravel()))]
        place = ", ".join(f"{n} = {x:g}" for n, x in zip(grid.names, first))
        raise GridError(f"the point {place} lies outside of the domain, or in a cell that its boundary cuts")
    return linear_within(grid, values, within, where)


def wholly_within(grid: TensorGrid, within: NDArray[np.bool_], points: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether points of shape (..., ndim) lie in cells whose nodes all belong to the domain."""
    return np.asarray(GridSpline(grid, within.astype(float), 1)(points) >= 1 - WHOLE)


def linear_within(
    grid: TensorGrid, values: NDArray[Any], within: NDArray[np.bool_], points: NDArray[Any]
) -> NDArray[Any]:
    """Values at points of shape (..., ndim), linear between nodes; zero at nodes that do not belong to the domain."""
    return GridSpline(grid, np.where(within, values, 0.0), 1)(points)


class GridSpline:
    """The spline through values on a grid; on either side of a plane at which cells meet a spline of its own, up to the plane.

    Parameters
    ----------
    grid : Grid
    values : array of the grid's shape
    degree : {1, 3}
        Linear or cubic.
    """

    def __init__(self, grid: TensorGrid, values: NDArray[Any], degree: int = 3) -> None:
        self.grid = grid
        knots: list[Any] = []
        degrees: list[int] = []
        for k, axis in enumerate(grid.axes):
            line = axis.nodes
            if axis.periodic:
                pad = min(axis.size, SPLINE_MEMORY)
                line = np.concatenate([line[-pad:] - axis.length, line, line[:pad] + axis.length])
                values = np.concatenate([values.take(range(-pad, 0), k), values, values.take(range(pad), k)], axis=k)
            if axis.offset:
                line, values = _across_poles(grid, k, line, values)
            found, line_knots, line_degree = _spline_along(axis, line, np.moveaxis(values, k, 0), degree)
            values = np.moveaxis(found, 0, k)
            knots.append(line_knots)
            degrees.append(line_degree)
        parts = [values.real, values.imag] if np.iscomplexobj(values) else [values]
        self._parts = [NdBSpline(tuple(knots), np.ascontiguousarray(c), tuple(degrees)) for c in parts]

    def __call__(self, points: NDArray[Any], orders: Sequence[int] | None = None) -> NDArray[Any]:
        """Values at points of shape (..., ndim), or derivatives of the given orders by axis.

        Raises
        ------
        GridError
            A point outside.
        """
        grid = self.grid
        if points.shape[-1] != grid.ndim:
            raise GridError(f"points need {grid.ndim} coordinates {grid.names}, found {points.shape[-1]}")
        where = points.copy()
        for k, (name, axis) in enumerate(zip(grid.names, grid.axes)):
            if axis.periodic:
                where[..., k] = axis.nodes[0] + np.mod(where[..., k] - axis.nodes[0], axis.length)
            elif bool(np.any((where[..., k] < axis.left) | (where[..., k] > axis.right))):
                raise GridError(f"a point lies outside axis {name!r}, [{axis.left:g}, {axis.right:g}]")
        found = [np.asarray(spline(where, nu=None if orders is None else tuple(orders))) for spline in self._parts]
        return found[0] + 1j * found[1] if len(found) == 2 else found[0]


def _spline_along(
    axis: Axis, line: NDArray[Any], values: NDArray[Any], degree: int
) -> tuple[NDArray[Any], NDArray[Any], int]:
    """Coefficients, knots and degree of the spline along the first axis of values, given on a line.

    A knot of ``degree + 1`` times the multiplicity at a plane parts the spline there: its coefficients are those of the splines of both
    sides, which reach up to the plane. What lies on the plane belongs to its left, as a node there does.
    """
    cuts = [0, *(axis.cell_before(place) + 1 for place in axis.divisions), line.size]
    planes = [np.nextafter(max(place, line[cut - 1]), np.inf) for place, cut in zip(axis.divisions, cuts[1:])]
    degree = min(degree, *(end - begin - 1 for begin, end in pairwise(cuts)))
    coefficients, knots = [], []
    for number, (begin, end) in enumerate(pairwise(cuts)):
        nodes = line[begin:end]
        places = np.array(make_interp_spline(nodes, nodes, k=degree).t)
        if number:
            places[: degree + 1] = planes[number - 1]
        if number < len(planes):
            places[-degree - 1 :] = planes[number]
        coefficients.append(make_interp_spline(nodes, values[begin:end], k=degree, t=places).c)
        knots.append(places if number == 0 else places[degree + 1 :])
    return np.concatenate(coefficients), np.concatenate(knots), degree


def _across_poles(
    grid: TensorGrid, k: int, line: NDArray[Any], values: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Nodes and values along an axis with those behind its poles."""
    pad = min(line.size, SPLINE_MEMORY)
    behind = values
    for other, index in grid.mirror(k).items():
        behind = behind.take(index, axis=other)
    nodes, found = line, values
    for side, pole in grid.poles(k).items():
        part = slice(0, pad) if side == "left" else slice(line.size - pad, line.size)
        ghost, far = (2 * pole - line[part])[::-1], np.flip(behind.take(range(*part.indices(line.size)), k), k)
        left = side == "left"
        nodes = np.concatenate([ghost, nodes] if left else [nodes, ghost])
        found = np.concatenate([far, found] if left else [found, far], axis=k)
    return nodes, found
