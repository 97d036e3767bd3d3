"""Direct solvers: banded LU where the matrix is a narrow band, sparse LU elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from pdekit.discretize.low_rank import LowRankUpdate
from pdekit.errors import SingularError, SolverError
from pdekit.linear.solver_protocol import TransposedSolver
from pdekit.linear.updated import factorise_updated
from pdekit.typing import Array, Matrix


def bandwidths(matrix: Matrix) -> tuple[int, int]:
    """Number of diagonals below and above the main one that are occupied."""
    entries = matrix.tocoo()
    if entries.nnz == 0:
        return 0, 0
    distance = entries.coords[0].astype(np.int64) - entries.coords[1]
    return max(int(distance.max()), 0), max(int(-distance.min()), 0)


class BandedLU:
    """LU factors of a banded matrix, by LAPACK's gbtrf."""

    def __init__(self, matrix: Matrix, lower: int, upper: int) -> None:
        from scipy.linalg import get_lapack_funcs

        entries = matrix.tocoo()
        n = matrix.shape[0]
        band = np.zeros((2 * lower + upper + 1, n), dtype=matrix.dtype)
        rows, columns = entries.coords
        np.add.at(band, (lower + upper + rows - columns, columns), entries.data)
        factorise, self._solve = get_lapack_funcs(("gbtrf", "gbtrs"), (band,))
        self._lu, self._pivots, info = factorise(band, lower, upper)
        if info > 0:
            raise SingularError("the matrix is singular")
        self._bands = lower, upper
        self.description = f"banded LU, {lower} + {upper} diagonals"

    def solve(self, rhs: Array) -> Array:
        if np.iscomplexobj(rhs) and not np.iscomplexobj(self._lu):
            return np.asarray(self.solve(rhs.real) + 1j * self.solve(rhs.imag))
        x, _ = self._solve(self._lu, *self._bands, rhs, self._pivots)
        return np.asarray(x)

    def solve_transposed(self, rhs: Array) -> Array:
        if np.iscomplexobj(rhs) and not np.iscomplexobj(self._lu):
            return np.asarray(self.solve_transposed(rhs.real) + 1j * self.solve_transposed(rhs.imag))
        x, _ = self._solve(self._lu, *self._bands, rhs, self._pivots, trans=2 if np.iscomplexobj(self._lu) else 1)
        return np.asarray(x)


class SparseLU:
    """LU factors of a sparse matrix by SuperLU.

    Columns are ordered for the pattern of ``A + A^T`` where that is nearly the pattern of A, and for ``A^T A`` elsewhere: of
    an unsymmetric system the first fills in up to twenty times as much (measured).
    """

    def __init__(self, matrix: Matrix) -> None:
        from scipy.sparse.linalg import splu

        symmetric = has_symmetric_pattern(matrix)
        options: dict[str, Any] = {"permc_spec": "COLAMD"}
        if symmetric:
            options = {"permc_spec": "MMD_AT_PLUS_A", "options": {"SymmetricMode": True}}
        try:
            self._lu = splu(sparse.csc_array(matrix), **options)
        except RuntimeError as error:
            raise SingularError(f"the matrix cannot be factorised: {error}") from None
        self.description = f"sparse LU (SuperLU, {'minimum degree' if symmetric else 'column minimum degree'})"

    def solve(self, rhs: Array) -> Array:
        if np.iscomplexobj(rhs) and self._lu.U.dtype.kind != "c":
            return np.asarray(self._lu.solve(rhs.real) + 1j * self._lu.solve(rhs.imag))
        return np.asarray(self._lu.solve(rhs))

    def solve_transposed(self, rhs: Array) -> Array:
        if np.iscomplexobj(rhs) and self._lu.U.dtype.kind != "c":
            return np.asarray(self._lu.solve(rhs.real, "T") + 1j * self._lu.solve(rhs.imag, "T"))
        return np.asarray(self._lu.solve(rhs, "H"))


def has_symmetric_pattern(matrix: Matrix) -> bool:
    """Whether nearly every entry has its mirror image, and the diagonal is occupied."""
    pattern = sparse.csr_array((np.ones(matrix.nnz), *_csr(matrix)), shape=matrix.shape)
    common = pattern.multiply(pattern.T).nnz
    return bool(common >= 0.98 * matrix.nnz and np.all(matrix.diagonal() != 0))


def _csr(matrix: Matrix) -> tuple[Array, Array]:
    rows = sparse.csr_array(matrix)
    return rows.indices, rows.indptr


def condition(matrix: Matrix, solver: TransposedSolver) -> float:
    """Estimate of the condition number in the 1-norm (Higham and Tisseur, 2000)."""
    from scipy.sparse.linalg import LinearOperator, onenormest

    n = matrix.shape[0]
    if n < 5:
        return float(np.linalg.cond(matrix.toarray(), 1))
    inverse = LinearOperator(
        (n, n), matvec=solver.solve, rmatvec=solver.solve_transposed, dtype=np.result_type(matrix.dtype, float)
    )
    sums = matrix.column_sums() if isinstance(matrix, LowRankUpdate) else abs(matrix).sum(axis=0)
    norm = float(np.max(np.asarray(sums)))
    return norm * float(onenormest(inverse))


def factorise(matrix: Matrix) -> TransposedSolver:
    """Factorise a sparse matrix by the solver that fits its structure.

    Raises
    ------
    SolverError
        The matrix is singular.

    Examples
    --------
    >>> A = sparse.diags_array([[1.0] * 4, [-2.0] * 5, [1.0] * 4], offsets=[-1, 0, 1])
    >>> solver = factorise(A)
    >>> solver.description, bool(abs(A @ solver.solve(np.ones(5)) - 1).max() < 1e-14)
    ('banded LU, 1 + 1 diagonals', True)
    """
    if isinstance(matrix, LowRankUpdate):
        return factorise_updated(matrix, factorise)
    if not np.all(np.isfinite(matrix.data)):
        raise SolverError("the Jacobian is not finite: a slope of the equations is infinite or undefined at this state")
    lower, upper = bandwidths(matrix)
    if 2 * lower + upper + 1 <= max(40, int(0.2 * matrix.nnz / max(matrix.shape[0], 1))):
        return BandedLU(matrix, lower, upper)
    return SparseLU(matrix)
