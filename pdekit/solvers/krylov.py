"""Krylov solvers, preconditioned by a fast direct solver of a problem nearby.

The preconditioner is the inverse of the same operator with its coefficients replaced by their means: spectrally equivalent, so
that the number of iterations depends on how much the coefficients vary and not on the grid.

References
----------
P. Concus and G. H. Golub, *Use of fast direct methods for the efficient numerical solution of nonseparable elliptic
equations*, SIAM J. Numer. Anal. 10 (1973) 1103-1120.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.errors import SolverError
from pdekit.operators.algebra import diagonal
from pdekit.solvers.separable import SeparableSolver

Array = NDArray[Any]
TOLERANCE = 1e-12  # of the residual, beside the right-hand side
MOST_ITERATIONS = 500


class PreconditionedKrylov:
    """Solves ``A x = r``: conjugate gradients where A is symmetric in the weights of the grid, BiCGSTAB elsewhere.

    Parameters
    ----------
    matrix : sparse array
    weights : array
        Volumes of the cells of the unknowns.
    preconditioner : SeparableSolver
    scaling : array, optional
        S of ``S P^-1 S`` in place of the preconditioner's ``P^-1``: with ``1/sqrt(k)`` for a smooth k, div(k grad) turns into a
        Laplacian and a potential (Concus and Golub), and iterations are a quarter.
    """

    def __init__(
        self, matrix: Any, weights: Array, preconditioner: SeparableSolver, scaling: Array | None = None
    ) -> None:
        self.weights, self.preconditioner, self.scaling = weights, preconditioner, scaling
        self.iterations = 0
        scaled = sparse.csr_array(diagonal(weights) @ matrix)
        asymmetry = abs(scaled - scaled.T.conj()).max() if scaled.nnz else 0.0
        self.symmetric = bool(asymmetry <= 1e-12 * abs(scaled).max())
        self.matrix = scaled if self.symmetric else sparse.csr_array(matrix)
        name = "conjugate gradients" if self.symmetric else "BiCGSTAB"
        self.description = f"{name}, preconditioned by mean coefficients ({preconditioner.description})"
        self._guess: Array | None = None

    def solve(self, rhs: Array) -> Array:
        """The solution; the last one is the first guess.

        Raises
        ------
        SolverError
            Not converged.
        """
        from scipy.sparse.linalg import LinearOperator, bicgstab, cg

        count = 0

        def counted(_: Any) -> None:
            nonlocal count
            count += 1

        n, dtype = rhs.size, self.preconditioner.dtype
        weights, plain, S = self.weights, self.preconditioner.solve, self.scaling
        inner = plain if S is None else (lambda r: S * plain(S * r))
        known = rhs * weights if self.symmetric else rhs
        inverse = (lambda r: inner(r / weights)) if self.symmetric else inner
        P = LinearOperator((n, n), matvec=inverse, dtype=dtype)
        method = cg if self.symmetric else bicgstab
        x, info = method(
            self.matrix, known, x0=self._guess, rtol=TOLERANCE, atol=0.0, maxiter=MOST_ITERATIONS, M=P, callback=counted
        )
        self.iterations = count
        if info != 0:
            raise SolverError(
                f"{self.description}: not converged in {count} iterations; the coefficients vary too much for it"
            )
        self._guess = x
        return np.asarray(x)

    def solve_transposed(self, rhs: Array) -> Array:
        raise SolverError("a Krylov solver has no transposed one")
