"""Fields at the nodes of a coarser grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.geometry.axis import Axis
from pdekit.geometry.domain_grid import DomainGrid
from pdekit.geometry.grid import Field, Grid
from pdekit.geometry.interpolation import linear_within, wholly_within
from pdekit.typing import Array


def shared_nodes(fine: Axis, coarse: Axis) -> NDArray[Any] | None:
    """Where the nodes of an axis stand among those of a finer one; None if not all of them do."""
    where = np.minimum(np.searchsorted(fine.nodes, coarse.nodes - 1e-9 * fine.length), fine.size - 1)
    far = float(np.max(np.abs(fine.nodes[where] - coarse.nodes))) > 1e-9 * fine.length
    return None if far else where


def shared_index(fine: Grid, coarse: Grid) -> tuple[NDArray[Any], ...] | None:
    """The index of the nodes of a grid among those of a finer one; None if not all of them are."""
    found = [shared_nodes(a, b) for a, b in zip(fine.axes, coarse.axes)]
    index = [where for where in found if where is not None]
    return np.ix_(*index) if len(index) == coarse.ndim else None


def restricted(field: Field, grid: Grid) -> Array:
    """Values at the nodes of a grid: where they are nodes of the field's own, or interpolated with order 4.

    From a domain that is no box linearly, and not a number but at its `known_nodes`.
    """
    index = shared_index(field.grid, grid)
    if index is not None:
        return np.asarray(field.values[index])
    points = _points_of(grid)
    if isinstance(field.grid, DomainGrid):
        known = known_nodes(field.grid, grid)
        return np.where(known, linear_within(field.grid, field.values, field.grid.within, points), np.nan)
    return field.interpolate(points if grid.ndim > 1 else points[..., 0])


def known_nodes(fine: Grid, coarse: Grid) -> NDArray[np.bool_]:
    """The nodes of a grid at which `restricted` knows values of another: on domains that are no boxes not those in cells that the boundary cuts."""
    if not isinstance(fine, DomainGrid):
        return np.ones(coarse.shape, dtype=bool)
    index = shared_index(fine, coarse)
    return np.asarray(wholly_within(fine, fine.within, _points_of(coarse)) if index is None else fine.within[index])


def _points_of(grid: Grid) -> Array:
    """Coordinates of all nodes, in an array of shape (*grid.shape, ndim)."""
    return np.stack(np.meshgrid(*(axis.nodes for axis in grid.axes), indexing="ij"), axis=-1)
