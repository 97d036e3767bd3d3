"""GMRES preconditioned by incomplete LU factors: for any sparse matrix, where complete factors would be too large.

References
----------
Y. Saad and M. H. Schultz, SIAM J. Sci. Stat. Comput. 7 (1986) 856-869; X. S. Li and M. Shao, ACM Trans. Math. Softw. 37
(2011), 43 (the incomplete factors of SuperLU).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from pdekit.errors import SolverError
from pdekit.typing import Array, Matrix

TOLERANCE, ACCEPTED = 1e-12, 1e-9  # of the residual, beside the right-hand side: asked for, and let pass
DROP, FILL, RESTART, CYCLES = 1e-4, 12.0, 60, 10


class IncompleteLU:
    """GMRES on a matrix, with its incomplete LU factors as preconditioner.

    Raises
    ------
    SolverError
        The matrix is singular to the incomplete factorisation.

    Examples
    --------
    >>> A = sparse.diags_array([[-1.0] * 999, [3.0] * 1000, [-1.5] * 999], offsets=[-1, 0, 1])
    >>> x = IncompleteLU(A).solve(np.ones(1000))
    >>> bool(np.max(np.abs(A @ x - 1)) < 1e-9)
    True
    """

    description = "GMRES with incomplete LU factors"

    def __init__(self, matrix: Matrix) -> None:
        from scipy.sparse.linalg import spilu

        self.matrix = sparse.csc_array(matrix)
        try:
            self._factors = spilu(self.matrix, drop_tol=DROP, fill_factor=FILL)
        except RuntimeError as error:
            raise SolverError(f"the matrix has no incomplete factors: {error}") from None

    def solve(self, rhs: Array) -> Array:
        from scipy.sparse.linalg import LinearOperator, gmres

        dtype = np.result_type(self.matrix.dtype, rhs.dtype)
        given = rhs.astype(dtype)
        inverse = LinearOperator(self.matrix.shape, matvec=self._precondition, dtype=dtype)
        x, _ = gmres(self.matrix, given, rtol=TOLERANCE, atol=0.0, restart=RESTART, maxiter=CYCLES, M=inverse)
        left = float(np.linalg.norm(given - self.matrix @ x))
        if not left <= ACCEPTED * float(np.linalg.norm(given)):
            raise SolverError(f"{self.description}: not converged, a residual of {left:.1e} is left")
        return np.asarray(x)

    def _precondition(self, r: Array) -> Array:
        if np.iscomplexobj(r) and self.matrix.dtype.kind != "c":
            return np.asarray(self._factors.solve(r.real) + 1j * self._factors.solve(r.imag))
        return np.asarray(self._factors.solve(r))
