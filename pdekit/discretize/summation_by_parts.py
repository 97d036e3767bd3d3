"""Summation-by-parts operators along one axis of a grid; their rows are those of `pdekit.stencils.sbp`."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import sparse

from pdekit.discretize.algebra import AxisProduct, LinearOperator
from pdekit.geometry.grid import Grid
from pdekit.stencils.sbp import line_pieces
from pdekit.stencils.sparse_products import diagonal
from pdekit.typing import Array, Matrix


@dataclass(frozen=True, eq=False)
class SummationByParts:
    """Summation-by-parts operators along one axis.

    Parameters
    ----------
    first : LinearOperator
        D1.
    second : LinearOperator
        D2, with the slopes at the ends in it.
    stiffness : LinearOperator
        ``-H^-1 M``: the second derivative with vanishing slopes at the ends imposed weakly (SAT); with the end nodes left
        out, with vanishing values imposed strongly. Self-adjoint and non-positive in the norm H.
    weights : array
        Diagonal of H: quadrature weights of the axis, of order 2s.
    penalty_left, penalty_right : LinearOperator
        ``H^-1 e e^T`` at either end, for boundary data imposed by penalties (SAT): ``u_t = -D1 u - penalty_left (u - g)``.
    """

    first: LinearOperator
    second: LinearOperator
    stiffness: LinearOperator
    weights: Array
    penalty_left: LinearOperator
    penalty_right: LinearOperator


def summation_by_parts(grid: Grid, axis: str | int, *, order: int = 4) -> SummationByParts:
    """Summation-by-parts operators of interior order 2, 4, 6 or 8 along a uniform bounded axis.

    Examples
    --------
    >>> import numpy as np
    >>> import pdekit as pk
    >>> sbp = pk.summation_by_parts(pk.Grid(x=pk.Axis(0, 1, 31)), "x", order=6)
    >>> u, v = np.random.default_rng(0).standard_normal((2, 31))
    >>> byparts = np.sum(sbp.weights * (u * sbp.first(v) + sbp.first(u) * v)) - (u[-1] * v[-1] - u[0] * v[0])
    >>> bool(abs(byparts) < 1e-12)
    True
    """
    k = grid.index(axis)
    line, name = grid.axes[k], grid.names[grid.index(axis)]
    pieces, n, h = line_pieces(line, order, name), line.size, line.step
    H, Q, M, BS = pieces.H, pieces.Q, pieces.M, pieces.BS
    inverse = diagonal(1 / H)

    def lifted(matrix: Matrix) -> LinearOperator:
        return AxisProduct(grid, {k: sparse.csr_array(matrix)})

    ends = [sparse.csr_array(([1 / (H[i] * h)], ([i], [i])), shape=(n, n)) for i in (0, n - 1)]
    return SummationByParts(
        first=lifted(inverse @ Q / h),
        second=lifted(inverse @ (BS - M) / h**2),
        stiffness=lifted(-(inverse @ M) / h**2),
        weights=H * h,
        penalty_left=lifted(ends[0]),
        penalty_right=lifted(ends[1]),
    )
