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
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from pdekit.errors import SolverError
from pdekit.linear.multigrid import Multigrid
from pdekit.linear.separable import SeparableSolver
from pdekit.linear.solver_protocol import SOLVED
from pdekit.stencils.sparse_products import diagonal
from pdekit.typing import Array, Matrix

Inverse = Callable[[Array], Array]
Seen = Callable[[Array, float | None], None]
CHECKED = 1e-7  # the residual, beside the right-hand side, where it is only asked whether there is a solution
WORST_RESIDUAL = 1e-6  # what rounding errors may leave of it
REASONS = "is it singular or indefinite, or do its coefficients vary too much?"
MOST_ITERATIONS = 500
# An iteration with mean coefficients takes 0.4 of one with multigrid, which takes about 20 and a preparation as long as 10 of its
# own (measured, 1024^2). Every so many iterations it is estimated how many there will be.
MOST_BY_MEANS, WINDOW = 75, 8


class _TooSlow(Exception):  # noqa: N818  (another preconditioner goes on from here)
    def __init__(self, x: Array, iterations: int) -> None:
        self.x, self.iterations = x, iterations


def dominant(matrix: Matrix) -> bool:
    """Whether every diagonal entry is at least as great as the others of its row together, and some are greater.

    On a connected grid such a matrix is not singular (O. Taussky, Amer. Math. Monthly 56 (1949) 672-676).
    """
    moduli = abs(matrix)
    own = moduli.diagonal()
    others = np.asarray(moduli.sum(axis=1)) - own
    return bool(np.all(others <= own * (1 + 1e-12)) and np.any(others < own * (1 - 1e-3)))


@dataclass
class _Pace:
    """Whether iterations go on fast enough, by their speed since the last look.

    Parameters
    ----------
    wanted : float
        The residual at which they end.
    """

    wanted: float
    before: float = np.inf

    def too_slow(self, count: int, now: float) -> bool:
        """Told of the residual after so many iterations."""
        rate = np.log(now / self.before) / WINDOW if self.before < np.inf and now > 0 else -np.inf
        self.before = now
        return bool(now > self.wanted and (rate >= 0 or count + np.log(self.wanted / now) / rate > MOST_BY_MEANS))


def conjugate_gradients(product: Inverse, known: Array, x: Array, inverse: Inverse, wanted: float, seen: Seen) -> Array:
    """Solve ``A x = known`` for a definite Hermitian A, preconditioned, from x on, which is written over.

    Of scipy's the same but for this: it stops at the first direction in which A has the other sign, before it runs to
    overflow.

    Raises
    ------
    SolverError
        A is not definite.
    """
    r = known - product(x)
    z = inverse(r)
    p, rz, sign = z, float(np.vdot(r, z).real), 0.0
    for _ in range(MOST_ITERATIONS):
        if float(np.linalg.norm(r)) <= wanted:
            break
        q = product(p)
        curvature = float(np.vdot(p, q).real)
        sign = sign or float(np.sign(curvature))
        if not (sign * curvature > 0 and sign * rz > 0):
            raise SolverError(f"the matrix is not definite; {REASONS}")
        step = rz / curvature
        x += step * p
        r -= step * q
        seen(x, float(np.linalg.norm(r)))
        z = inverse(r)
        before, rz = rz, float(np.vdot(r, z).real)
        p = z + (rz / before) * p
    return x


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
    doubtful : bool
        The matrix may be singular: this is found out before the first solution.
    tolerance : float
        Of the residual beside the right-hand side.

    Raises
    ------
    SolverError
        There is no problem nearby, and the matrix is none that multigrid is for.
    """

    def __init__(
        self,
        matrix: Matrix,
        weights: Array,
        nearby: SeparableSolver | None,
        scaling: Array | None = None,
        *,
        null: bool = False,
        doubtful: bool = False,
        tolerance: float = SOLVED,
    ) -> None:
        self.tolerance = tolerance
        self.weights, self.nearby, self.scaling, self.null = weights, nearby, scaling, null
        self.iterations = 0
        scaled = sparse.csr_array(diagonal(weights) @ matrix)
        asymmetry = abs(scaled - scaled.T.conj()).max() if scaled.nnz else 0.0
        self.symmetric = bool(asymmetry <= 1e-12 * abs(scaled).max())
        self.matrix = scaled if self.symmetric else sparse.csr_array(matrix)
        self._doubtful = doubtful and not (self.symmetric and dominant(self.matrix))
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
            Not converged, or the matrix is singular or indefinite.
        """
        known = rhs * self.weights if self.symmetric else rhs
        if self._doubtful and not self.null:
            self._doubtful = False
            self._refuse_singular(known.dtype)
        x = self._preconditioned(known, self._guess, self.tolerance)
        self._guess = x
        return x

    def _refuse_singular(self, dtype: Any) -> None:
        """Solve for a random right-hand side: of a singular matrix it is out of reach, whatever the given one is.

        Raises
        ------
        SolverError
        """
        known = np.random.default_rng(0).standard_normal(self.matrix.shape[0]).astype(dtype)
        self._preconditioned(known * self.weights if self.symmetric else known, None, CHECKED)

    def _preconditioned(self, known: Array, guess: Array | None, tolerance: float) -> Array:
        """The solution by mean coefficients, or by multigrid if these are too slow."""
        self.iterations = 0
        if self._multigrid is None:
            try:
                return self._iterate(known, guess, tolerance, self._by_means, swift=True)
            except _TooSlow as slow:
                guess, self.iterations = slow.x, slow.iterations
                try:
                    self._multigrid = Multigrid(self.matrix, self.null)
                except SolverError:
                    return self._iterate(known, guess, tolerance, self._by_means)
        return self._iterate(known, guess, tolerance, self._multigrid.solve)

    def _product(self, x: Array) -> Array:
        """``A x``; where constants are not determined, what rounding errors make of them is kept out of the residuals."""
        y = self.matrix @ x
        return np.asarray(y - np.mean(y)) if self.null and self.symmetric else np.asarray(y)

    def _by_means(self, r: Array) -> Array:
        """The solution of the problem nearby."""
        assert self.nearby is not None
        r = r / self.weights if self.symmetric else r
        if self.scaling is None:
            return self.nearby.approximate(r)
        return self.scaling * self.nearby.approximate(self.scaling * r)

    def _iterate(
        self, known: Array, guess: Array | None, tolerance: float, inverse: Inverse, swift: bool = False
    ) -> Array:
        """Iterate to the tolerance; with `swift` only if few iterations are enough."""
        size = float(np.linalg.norm(known))
        pace = _Pace(tolerance * size) if swift else None

        def seen(x: Array, residual: float | None) -> None:
            self.iterations += 1
            if pace is not None and self.iterations % WINDOW == 0:
                now = float(np.linalg.norm(known - self._product(x))) if residual is None else residual
                if pace.too_slow(self.iterations, now):
                    raise _TooSlow(x.copy(), self.iterations)

        start = np.zeros_like(known) if guess is None else guess.astype(known.dtype, copy=True)
        with np.errstate(all="ignore"):
            if self.symmetric:
                x = conjugate_gradients(self._product, known, start, inverse, tolerance * size, seen)
            else:
                x = self._bicgstab(known, start, inverse, tolerance, seen)
            left = float(np.linalg.norm(known - self._product(x))) if np.all(np.isfinite(x)) else np.inf
            rounding = float(np.linalg.norm(abs(self.matrix) @ np.abs(x))) * 1e3 * np.finfo(float).eps
        if not left <= max(100 * tolerance * size, min(rounding, WORST_RESIDUAL * size)):
            raise SolverError(f"{self.description}: not converged in {self.iterations} iterations; {REASONS}")
        return x

    def _bicgstab(self, known: Array, start: Array, inverse: Inverse, tolerance: float, seen: Seen) -> Array:
        from scipy.sparse.linalg import LinearOperator, bicgstab

        n, dtype = known.size, np.result_type(self.matrix.dtype, known.dtype)
        A, P = (LinearOperator((n, n), matvec=matvec, dtype=dtype) for matvec in (self._product, inverse))
        x, _ = bicgstab(
            A, known, x0=start, rtol=tolerance, atol=0.0, maxiter=MOST_ITERATIONS, M=P, callback=lambda x: seen(x, None)
        )
        return np.asarray(x)
