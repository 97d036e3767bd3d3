"""Bordered linear systems, solved with the solver of their block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pdekit.errors import SolverError
from pdekit.linear.solver_protocol import LinearSolver
from pdekit.typing import Array, Matrix


@dataclass(frozen=True, eq=False)
class BorderedMatrix:
    """``[A b; c^T d]``.

    Parameters
    ----------
    block : sparse matrix
    column, row : array
    corner : float
    """

    block: Matrix
    column: Array
    row: Array
    corner: float


class BorderedSolver:
    """Solves with a bordered matrix by mixed block elimination, two solves with the block for each right-hand side.

    The block may be singular to rounding, as Jacobians are at folds, while the whole is not: plain block elimination then loses all
    digits. Where the block's solver does not solve with the transpose, plain elimination is refined once.

    Parameters
    ----------
    matrix : BorderedMatrix
    factorise : callable of a sparse matrix

    References
    ----------
    W. Govaerts and J. D. Pryce, "Block elimination with one refinement solves bordered linear systems accurately", BIT 30 (1990),
    490-507; W. Govaerts, "Stable solvers and block elimination for bordered systems", SIAM J. Matrix Anal. Appl. 12 (1991), 469-483.

    Examples
    --------
    >>> from scipy import sparse
    >>> from pdekit.linear.direct import factorise
    >>> A = sparse.csr_array(np.array([[1.0, 2.0], [2.0, 4.0 + 1e-15]]))
    >>> solver = BorderedSolver(BorderedMatrix(A, np.array([0.0, 1.0]), np.array([1.0, 0.0]), 0.0), factorise)
    >>> np.round(solver.solve(np.array([3.0, 6.0, 1.0])), 12) + 0.0
    array([1., 1., 0.])
    """

    def __init__(self, matrix: BorderedMatrix, factorise: Callable[[Any], LinearSolver]) -> None:
        self.matrix, self._inner = matrix, factorise(matrix.block)
        self.description = f"block elimination; {self._inner.description}"
        self._w = self._inner.solve(matrix.column)
        self._pivot = self._checked(matrix.corner - matrix.row @ self._w)
        transposed = getattr(self._inner, "solve_transposed", None)
        self._v = None if transposed is None else transposed(matrix.row)
        if self._v is not None:
            self._pivot_of_transpose = self._checked(matrix.corner - self._v @ matrix.column)

    @staticmethod
    def _checked(pivot: Any) -> float:
        if not np.isfinite(pivot) or pivot == 0:
            raise SolverError("the bordered matrix is singular")
        return float(pivot)

    def solve(self, rhs: Array) -> Array:
        """The solution; its last entry belongs to the border."""
        f, g = rhs[:-1], rhs[-1]
        if self._v is None:
            first = self._eliminated(f, g)
            return first + self._eliminated(*self._left(rhs, first))
        m = self.matrix
        y = (g - self._v @ f) / self._pivot_of_transpose
        return self._eliminated(f - m.column * y, g - m.corner * y, y)

    def _eliminated(self, f: Array, g: float, known: float = 0.0) -> Array:
        """Plain block elimination; `known` is what has been found of the last entry."""
        x = self._inner.solve(f)
        y = (g - self.matrix.row @ x) / self._pivot
        return np.append(x - self._w * y, known + y)

    def _left(self, rhs: Array, solution: Array) -> tuple[Array, float]:
        m, x, y = self.matrix, solution[:-1], solution[-1]
        return rhs[:-1] - m.block @ x - m.column * y, float(rhs[-1] - m.row @ x - m.corner * y)
