"""Krylov solvers, preconditioned by a fast direct solver of a problem nearby, or by multigrid.

The first preconditioner is the inverse of the same operator with its coefficients replaced by their means: spectrally
equivalent, so that the number of iterations depends on how much the coefficients vary and not on the grid. Where they vary so
much that it would take many, multigrid takes its place, which costs more an iteration and a preparation.

References
----------
P. Concus and G. H. Golub, *Use of fast direct methods for the efficient numerical solution of nonseparable elliptic
equations*, SIAM J. Numer. Anal. 10 (1973) 1103-1120.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.errors import SolverError
from pdekit.operators.algebra import diagonal
from pdekit.solvers.multigrid import Multigrid
from pdekit.solvers.separable import SeparableSolver

Array = NDArray[Any]
TOLERANCE = 1e-12  # of the residual, beside the right-hand side
MOST_ITERATIONS = 500
# An iteration with mean coefficients takes 0.4 of one with multigrid, which takes about 20 and a preparation as long as 10 of its
# own (measured, 1024^2). Every so many iterations it is estimated how many there will be.
MOST_BY_MEANS, WINDOW = 75, 8


class _TooSlow(Exception):  # noqa: N818  (another preconditioner goes on from here)
    def __init__(self, x: Array, iterations: int) -> None:
        self.x, self.iterations = x, iterations


class PreconditionedKrylov:
    """Solves ``A x = r``: conjugate gradients where A is symmetric in the weights of the grid, BiCGSTAB elsewhere.

    Parameters
    ----------
    matrix : sparse array
    weights : array
        Volumes of the cells of the unknowns.
    nearby : SeparableSolver, optional
        The problem of mean coefficients; without it multigrid is used from the start.
    scaling : array, optional
        S of ``S P^-1 S`` in place of the nearby problem's ``P^-1``: with ``1/sqrt(k)`` for a smooth k, div(k grad) turns into a
        Laplacian and a potential (Concus and Golub), and iterations are a quarter.
    null : bool
        Constants are not determined.

    Raises
    ------
    SolverError
        There is no problem nearby, and the matrix is none that multigrid is for.
    """

    def __init__(
        self,
        matrix: Any,
        weights: Array,
        nearby: SeparableSolver | None,
        scaling: Array | None = None,
        *,
        null: bool = False,
    ) -> None:
        self.weights, self.nearby, self.scaling, self.null = weights, nearby, scaling, null
        self.iterations = 0
        scaled = sparse.csr_array(diagonal(weights) @ matrix)
        asymmetry = abs(scaled - scaled.T.conj()).max() if scaled.nnz else 0.0
        self.symmetric = bool(asymmetry <= 1e-12 * abs(scaled).max())
        self.matrix = scaled if self.symmetric else sparse.csr_array(matrix)
        self._guess: Array | None = None
        self._multigrid: Multigrid | None = None
        if nearby is None:
            if not self.symmetric:
                raise SolverError("multigrid without a separable problem nearby is for symmetric operators only")
            self._multigrid = Multigrid(self.matrix, null)

    @property
    def description(self) -> str:
        """The method in words."""
        name = "conjugate gradients" if self.symmetric else "BiCGSTAB"
        if self._multigrid is not None:
            return f"{name}, preconditioned by {self._multigrid.description}"
        assert self.nearby is not None
        return f"{name}, preconditioned by mean coefficients ({self.nearby.description})"

    def solve(self, rhs: Array) -> Array:
        """The solution; the last one is the first guess.

        Raises
        ------
        SolverError
            Not converged.
        """
        known = rhs * self.weights if self.symmetric else rhs
        self.iterations = 0
        if self._multigrid is None:
            try:
                return self._iterate(known, self._by_means, swift=True)
            except _TooSlow as slow:
                self._guess, self.iterations = slow.x, slow.iterations
                try:
                    self._multigrid = Multigrid(self.matrix, self.null)
                except SolverError:
                    return self._iterate(known, self._by_means)
        return self._iterate(known, self._multigrid.solve)

    def _product(self, x: Array) -> Array:
        """``A x``; where constants are not determined, what rounding errors make of them is kept out of the residuals."""
        y = self.matrix @ x
        return np.asarray(y - np.mean(y)) if self.null and self.symmetric else np.asarray(y)

    def _by_means(self, r: Array) -> Array:
        """The solution of the problem nearby."""
        assert self.nearby is not None
        r = r / self.weights if self.symmetric else r
        if self.scaling is None:
            return self.nearby.solve(r)
        return self.scaling * self.nearby.solve(self.scaling * r)

    def _iterate(self, known: Array, inverse: Callable[[Array], Array], swift: bool = False) -> Array:
        """Iterate to the tolerance; with `swift` only if few iterations are enough."""
        from scipy.sparse.linalg import LinearOperator, bicgstab, cg

        count, n = 0, known.size
        dtype = np.result_type(self.matrix.dtype, known.dtype)
        wanted = TOLERANCE * float(np.linalg.norm(known))
        before = np.inf

        def counted(x: Array) -> None:
            nonlocal count, before
            count += 1
            if swift and count % WINDOW == 0:
                now = float(np.linalg.norm(known - self._product(x)))
                rate = np.log(now / before) / WINDOW if count > WINDOW and now > 0 else -np.inf
                before = now
                if now > wanted and (rate >= 0 or count + np.log(wanted / now) / rate > MOST_BY_MEANS):
                    raise _TooSlow(x.copy(), count)

        P = LinearOperator((n, n), matvec=inverse, dtype=dtype)
        method = cg if self.symmetric else bicgstab
        A = LinearOperator((n, n), matvec=self._product, dtype=dtype)
        x, info = method(
            A, known, x0=self._guess, rtol=TOLERANCE, atol=0.0, maxiter=MOST_ITERATIONS, M=P, callback=counted
        )
        self.iterations += count
        if info != 0 or not np.all(np.isfinite(x)):
            raise SolverError(
                f"{self.description}: not converged in {count} iterations; the coefficients vary too much for it"
            )
        self._guess = x
        return np.asarray(x)

    def solve_transposed(self, rhs: Array) -> Array:
        raise SolverError("a Krylov solver has no transposed one")
