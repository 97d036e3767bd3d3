"""Differences and averages at half points."""

from __future__ import annotations

from pdekit.discretize.algebra import AxisProduct, LinearOperator
from pdekit.errors import GridError
from pdekit.geometry.axis import Axis
from pdekit.geometry.grid import Grid
from pdekit.stencils.rows import flux_rows


def staggered_grid(grid: Grid, axis: str | int) -> Grid:
    """The grid with the nodes of one axis moved to the half points between them."""
    name = grid.names[grid.index(axis)]
    line = grid[name]
    if line.periodic:
        half = Axis(line.half_points[0], line.half_points[0] + line.length, nodes=line.half_points, periodic=True)
    else:
        half = Axis(nodes=line.half_points)
    return grid.replace(**{name: half})


def staggered(grid: Grid, axis: str | int, derivative: int = 1, *, order: int = 2) -> LinearOperator:
    """Difference (derivative 1) or average (derivative 0) at the half points of an axis.

    An operator from `grid` to ``staggered_grid(grid, axis)``; with its transpose and other operators it composes.

    Parameters
    ----------
    grid : Grid
    axis : str or int
    derivative : {0, 1}, default 1
    order : {2, 4, 6}, default 2

    Examples
    --------
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 1, 5))
    >>> d = pk.staggered(grid, "x")
    >>> d(grid.field("x**2")).values
    array([0.25, 0.75, 1.25, 1.75])
    """
    k = grid.index(axis)
    line = grid.axes[k]
    if derivative not in (0, 1):
        raise GridError(f"staggered operators are differences (1) and averages (0), found {derivative!r}")
    pieces = flux_rows(line, order, name=grid.names[k])
    rows = (pieces.gradient if derivative else pieces.mean).matrix
    return AxisProduct(grid, {k: rows if line.periodic else rows[1:-1]}, staggered_grid(grid, k))
