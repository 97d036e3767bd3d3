"""The Laplacian whose leading error does not know the directions of the axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pdekit.discretize.algebra import LinearOperator
from pdekit.discretize.derivatives import derivative
from pdekit.errors import GridError
from pdekit.geometry.grid import Grid


def isotropic_laplacian(grid: Grid, *, order: int = 2, boundary: Mapping[str, Any] | None = None) -> LinearOperator:
    """Two-dimensional Laplacian with rotation-invariant leading error.

    Order 2 is the 9-point molecule ``(1 4 1; 4 -20 4; 1 4 1)/(6 h^2)``, that is ``Dxx + Dyy + (h^2/6) Dxx Dyy``, with the
    error ``(h^2/12) laplace(laplace(u))``: of order 4 on harmonic functions. Order 4 adds to the fourth-order cross the
    terms ``-(h^4/30) Dxx Dyy (Dxx + Dyy)``, which turn the error ``-(h^4/90)(u_6x + u_6y)`` into
    ``-(h^4/90) laplace^3 u``.

    Parameters
    ----------
    grid : Grid
        Two uniform axes of equal step.
    order : {2, 4}, default 2
    boundary : mapping, optional
        As for `pdekit.derivative`.

    Raises
    ------
    GridError
        Another number of axes, or different steps.

    Examples
    --------
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 8, 8, periodic=True), y=pk.Axis(0, 8, 8, periodic=True))
    >>> L = pk.isotropic_laplacian(grid).matrix()[[27], :].toarray().reshape(8, 8)
    >>> (6 * L[2:5, 2:5]).round(12)
    array([[  1.,   4.,   1.],
           [  4., -20.,   4.],
           [  1.,   4.,   1.]])
    """
    if grid.ndim != 2 or not all(axis.uniform for axis in grid.axes) or grid.geometry is not None:
        raise GridError("the isotropic Laplacian needs two uniform Cartesian axes")
    h = grid.axes[0].step
    if not np.isclose(h, grid.axes[1].step, rtol=1e-9):
        raise GridError(f"the isotropic Laplacian needs equal steps, found {h:g} and {grid.axes[1].step:g}")
    if order not in (2, 4):
        raise GridError(f"the isotropic Laplacian has orders 2 and 4, found {order!r}")
    Dxx, Dyy = (derivative(grid, name, 2, order=order, boundary=boundary) for name in grid.names)
    if order == 2:
        return Dxx + Dyy + (h**2 / 6) * (Dxx * Dyy)
    dxx, dyy = (derivative(grid, name, 2, order=2, boundary=boundary) for name in grid.names)
    return Dxx + Dyy - (h**4 / 30) * (dxx * dyy * (dxx + dyy))
