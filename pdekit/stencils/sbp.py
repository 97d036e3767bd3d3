r"""Summation-by-parts operators: differences that integrate by parts exactly.

With a diagonal quadrature H, the first derivative is ``D1 = H^-1 Q`` with ``Q + Q^T = B = diag(-1, 0, ..., 0, 1)`` and
the second ``D2 = H^-1 (-M + B S)`` with M symmetric and positive semi-definite and S a one-sided slope at the ends. So the
discrete energy obeys the same identity as the continuous one, and waves and advection on bounded axes are stable at any
order, where plain one-sided closures are not. Interior order 2s, boundary rows of order s: s + 1 over all for D1.

The boundary blocks are found here, not copied: exactness on polynomials is a linear system for the entries of H and Q
(then of M). What it leaves free, one or three numbers for orders 6 and 8, is chosen so that the truncation error of the
boundary rows on the next two degrees is least. Measured: M is then positive semi-definite at every order.

References
----------
B. Strand, J. Comput. Phys. 110 (1994) 47-67 (D1); K. Mattsson and J. Nordstrom, J. Comput. Phys. 199 (2004) 503-540 (D2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from scipy import sparse

from pdekit.errors import GridError
from pdekit.geometry.axis import Axis
from pdekit.stencils.rows import AxisRows, Conditions, stencil_conditions
from pdekit.stencils.weights import fornberg
from pdekit.typing import Array

ORDERS = (2, 4, 6, 8)
NEXT_DEGREES = 2


@dataclass(frozen=True)
class BoundaryBlocks:
    """Boundary parts of the matrices for unit step: the first rows; the last ones are their mirror image.

    Parameters
    ----------
    h : array of shape (r,)
        Quadrature weights.
    Q, M : array of shape (r, r + s)
        First rows of Q and M, interior entries included.
    S : array of shape (s + 2,)
        Slope at the left end, of order s + 1.
    """

    h: Array
    Q: Array
    M: Array
    S: Array


def _central(s: int, derivative: int) -> Array:
    return fornberg(np.arange(-s, s + 1.0), 0.0, derivative)[derivative]


def _solve(exact: tuple[Array, Array], following: tuple[Array, Array]) -> Array:
    """Satisfy the exactness conditions; use what they leave free to make the following residual least."""
    A, b = exact
    particular = np.linalg.lstsq(A, b, rcond=1e-12)[0]
    _, sizes, Vt = np.linalg.svd(A)
    free = Vt[int(np.sum(sizes > 1e-10 * sizes[0])) :].T
    if free.shape[1] == 0:
        return particular
    C, d = following
    return np.asarray(particular + free @ np.linalg.lstsq(C @ free, d - C @ particular, rcond=None)[0])


def _power(x: Array | float, k: int) -> Any:
    """``x**k`` with ``0**0 = 1``, and zero for negative k (it only occurs with a factor 0)."""
    return np.asarray(x, dtype=float) ** k if k >= 0 else np.zeros_like(np.asarray(x, dtype=float))


@cache
def boundary_blocks(order: int) -> BoundaryBlocks:
    """Find the boundary blocks of an order. Kept, since they cost a few milliseconds.

    Examples
    --------
    Strand's norm of order 4 is 17/48, 59/48, 43/48, 49/48:

    >>> np.round(48 * boundary_blocks(4).h, 9)
    array([17., 59., 43., 49.])
    """
    if order not in ORDERS:
        raise GridError(f"summation-by-parts operators have orders {list(ORDERS)}, found {order!r}")
    s = order // 2
    size = _BlockSize(s, 1 if s == 1 else 2 * s)
    h, Q = _first_blocks(size)
    S = fornberg(np.arange(s + 2.0), 0.0, 1)[1]
    return BoundaryBlocks(h, Q, _second_block(size, h, S), S)


@dataclass(frozen=True)
class _BlockSize:
    """Half the interior order, and the number of boundary rows."""

    s: int
    r: int

    @property
    def x(self) -> Array:
        return np.arange(max(self.r + self.s, self.s + 2), dtype=float)

    def inside(self, i: int) -> range:
        """The columns of row i that stand beyond the block and are those of the interior."""
        return range(self.r, min(self.r + self.s, i + self.s + 1))

    def interior(self, weights: Array, i: int, k: int) -> Any:
        """What these give on ``x^k``."""
        return sum(weights[self.s + j - i] * _power(self.x[j], k) for j in self.inside(i))


def _first_blocks(size: _BlockSize) -> tuple[Array, Array]:
    """h and Q from ``Q x^k - k h x^(k-1) = 0``, in the unknowns h and Q below the diagonal."""
    s, r, x, c = size.s, size.r, size.x, _central(size.s, 1)
    below = [(i, j) for i in range(r) for j in range(i)]

    def equations(degrees: range) -> tuple[Array, Array]:
        rows, right = [], []
        for i, k in product(range(r), degrees):
            row = np.zeros(r + len(below))
            for p, (a, b) in enumerate(below):
                row[r + p] = _power(x[b], k) if i == a else (-_power(x[a], k) if i == b else 0.0)
            row[i] -= k * _power(x[i], k - 1)
            rows.append(row)
            right.append(0.5 * _power(x[0], k) * (i == 0) - size.interior(c, i, k))
        return np.array(rows), np.array(right)

    solution = _solve(equations(range(s + 1)), equations(range(s + 1, s + 1 + NEXT_DEGREES)))
    Q = np.zeros((r, r + s))
    Q[0, 0] = -0.5
    for p, (a, b) in enumerate(below):
        Q[a, b], Q[b, a] = solution[r + p], -solution[r + p]
    for i in range(r):
        for j in size.inside(i):
            Q[i, j] = c[s + j - i]
    return solution[:r], Q


def _second_block(size: _BlockSize, h: Array, S: Array) -> Array:
    """M from ``M x^k = B S x^k - k (k-1) h x^(k-2)``, in the unknowns on and below the diagonal."""
    s, r, x, c = size.s, size.r, size.x, _central(size.s, 2)
    lower = [(i, j) for i in range(r) for j in range(i + 1)]

    def equations(degrees: range) -> tuple[Array, Array]:
        rows, right = [], []
        for i, k in product(range(r), degrees):
            row = np.zeros(len(lower))
            for p, (a, b) in enumerate(lower):
                row[p] = _power(x[b], k) if i == a else (_power(x[a], k) if i == b else 0.0)
            known = -k * (k - 1) * h[i] * _power(x[i], k - 2) + size.interior(c, i, k)
            rows.append(row)
            right.append(known - (S @ _power(x[: s + 2], k) if i == 0 else 0.0))
        return np.array(rows), np.array(right)

    entries = _solve(equations(range(s + 2)), equations(range(s + 2, s + 2 + NEXT_DEGREES)))
    M = np.zeros((r, r + s))
    for p, (a, b) in enumerate(lower):
        M[a, b] = M[b, a] = entries[p]
    for i in range(r):
        for j in size.inside(i):
            M[i, j] = -c[s + j - i]
    return M


def _full(size: int, block: Array, interior: Array, mirror: float) -> Any:
    """A square matrix of an interior stencil with a boundary block and its mirror image."""
    s = (interior.size - 1) // 2
    matrix = sparse.diags_array(
        [np.full(size - abs(o), interior[s + o]) for o in range(-s, s + 1)], offsets=range(-s, s + 1), format="lil"
    )
    r, width = block.shape
    matrix[:r, :] = 0
    matrix[size - r :, :] = 0
    matrix[:r, :width] = block
    matrix[size - r :, size - width :] = mirror * block[::-1, ::-1]
    return sparse.csr_array(matrix)


@dataclass(frozen=True, eq=False)
class LinePieces:
    """H (its diagonal), Q, M and the slopes BS of one axis, for unit step."""

    H: Array
    Q: Any
    M: Any
    BS: Any


def line_pieces(line: Axis, order: int, name: str) -> LinePieces:
    """The matrices of summation by parts on an axis.

    Raises
    ------
    GridError
        The axis is periodic, not uniform, or too short.
    """
    if line.periodic or not line.uniform or line.offset:
        raise GridError(f"axis {name!r}: summation-by-parts operators need a uniform bounded axis")
    blocks = boundary_blocks(order)
    s, r, n = order // 2, blocks.h.size, line.size
    if n < 2 * r + s:
        raise GridError(f"axis {name!r} has {n} nodes; summation by parts of order {order} needs at least {2 * r + s}")
    H = np.ones(n)
    H[:r], H[n - r :] = blocks.h, blocks.h[::-1]
    BS = sparse.lil_array((n, n))
    BS[0, : s + 2] = -blocks.S
    BS[n - 1, n - s - 2 :] = -blocks.S[::-1]
    Q = _full(n, blocks.Q, _central(s, 1), -1.0)
    M = _full(n, blocks.M, -_central(s, 2), 1.0)
    return LinePieces(H, Q, M, sparse.csr_array(BS))


def first_rows(line: Axis, order: int, left: Conditions, right: Conditions, name: str) -> AxisRows:
    """Rows of the first derivative in an equation; prescribed values are node values."""
    if any(not c.is_value for c in (*left, *right)):
        raise GridError(
            f"axis {name!r}: the summation-by-parts first derivative takes prescribed values or no condition at an end"
        )
    pieces = line_pieces(line, order, name)
    return AxisRows(sparse.csr_array(pieces.Q / (pieces.H[:, None] * line.step)), sparse.csr_array((line.size, 0)))


def second_rows(line: Axis, order: int, left: Conditions, right: Conditions, name: str) -> AxisRows:
    """Rows of the second derivative in an equation.

    ``H^-1 (-M u + e_N u_x(right) - e_0 u_x(left))``: the slopes are what Neumann and Robin conditions say (a penalty, SAT, of
    the natural size); where there is no condition they are one-sided differences. Self-adjoint and bounded by zero in the norm
    H under prescribed values and slopes, at every order.
    """
    pieces, n, h = line_pieces(line, order, name), line.size, line.step
    matrix = sparse.lil_array(-pieces.M / (pieces.H[:, None] * h**2))
    slopes = pieces.BS.tolil()
    taken = [stencil_conditions(side) for side in (left, right)]
    data = sparse.lil_array((n, len(taken[0]) + len(taken[1])))
    for far, (side, conditions) in enumerate(zip((left, right), taken)):
        i, sign = (n - 1, 1.0) if far else (0, -1.0)
        lift = sign / (pieces.H[i] * h)
        if not side:
            matrix[[i], :] += slopes[[i], :] / (pieces.H[i] * h**2)
        for condition in conditions:
            if len(condition.coefficients) != 2:
                raise GridError(
                    f"axis {name!r}: summation by parts takes prescribed values, Neumann and Robin conditions"
                )
            a, b = condition.coefficients
            matrix[i, i] -= lift * a / b
            data[i, far * len(taken[0])] = lift / b
    return AxisRows(sparse.csr_array(matrix), sparse.csr_array(data))
