r"""The exact flow of linear problems without structure, by shift-and-invert Krylov spaces.

``y(t_0 + tau) = y_0 + tau phi_1(tau L) w`` with ``w = L y_0 + b``. In the Krylov space of ``(1 - gamma L)^{-1}`` and w, with
Arnoldi's ``(1 - gamma L)^{-1} V_m = V_m H_m + ...``, L acts as ``L_m = (1 - H_m^{-1})/gamma`` and

    y(t_0 + tau) = y_0 + |w| V_m tau phi_1(tau L_m) e_1.

The dimension that is needed does not grow with the grid (12 to 20 for six digits of diffusion, gamma a tenth of the span); one
factorisation and one basis serve many output times. The basis is extended until two further dimensions change the result by
less than a tenth of the tolerance each.

References
----------
J. van den Eshof and M. Hochbruck, *Preconditioning Lanczos approximations to the matrix exponential*, SIAM J. Sci. Comput. 27
(2006) 1438-1457. J. Niesen and W. M. Wright, ACM Trans. Math. Softw. 38 (2012) 22 (error control).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import scipy

from pdekit.counts import Statistics
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import StabilityError
from pdekit.linear.solver_choice import Solvers
from pdekit.linear.solver_protocol import SOLVED, LinearSolver
from pdekit.time.stepper import Tolerance, VectorStepper
from pdekit.typing import Array

POLE = 0.1  # gamma beside the span: measured best between 0.05 and 0.2, and flat there
LARGEST = 60  # dimension, beyond which a basis begins anew at a later time, or the step is halved
SHARE = 0.1  # of the tolerance, for the change by one more dimension
INEXACT = (
    1e-4  # residuals of iterative solves beside the tolerance: changes results by 0.01 of it (64^3, k of x, y and z)
)
LEAST_SOLVED = 1e-7
SHORTEST = 1e-6  # step beside the span below which convergence is given up


class _Basis:
    """A Krylov space from one time on.

    Parameters
    ----------
    t, y : float, array
        Where it begins.
    w : array
        The rate there.
    solver : LinearSolver
        Of ``1 - gamma L``.
    gamma : float
    """

    def __init__(self, t: float, y: Array, w: Array, solver: LinearSolver, gamma: float) -> None:
        self.t, self.y, self.w, self._solver, self._gamma = t, y, w, solver, gamma
        self._size = float(np.linalg.norm(w))
        self._V = [w / self._size] if self._size > 0 else []
        self._H = np.zeros((LARGEST + 1, LARGEST), dtype=w.dtype)
        self.exhausted = self._size == 0

    @property
    def dimension(self) -> int:
        return max(len(self._V) - 1, 0)

    def extend(self) -> None:
        """One more dimension; none is left if the space is invariant."""
        m = len(self._V) - 1
        v = np.asarray(self._solver.solve(self._V[-1]))
        before = float(np.linalg.norm(v))
        for _ in range(2):  # Gram and Schmidt's method, twice
            for i, basis in enumerate(self._V):
                overlap = np.vdot(basis, v)
                self._H[i, m] += overlap
                v = v - overlap * basis
        rest = float(np.linalg.norm(v))
        self._H[m + 1, m] = rest
        self.exhausted = rest <= 1e-14 * before
        self._V.append(v / rest if rest > 0 else v)

    def change(self, tau: float, dimension: int) -> Array:
        """Coordinates of ``y(t + tau) - y`` in a space of this dimension."""
        H = self._H[:dimension, :dimension]
        L = (np.eye(dimension) - np.linalg.inv(H)) / self._gamma
        augmented = np.zeros((dimension + 1, dimension + 1), dtype=L.dtype)
        augmented[:dimension, :dimension], augmented[0, dimension] = tau * L, tau
        with np.errstate(over="ignore", invalid="ignore"):  # a space that is too small yet may grow beyond all numbers
            return np.asarray(self._size * scipy.linalg.expm(augmented)[:dimension, dimension])

    def combined(self, coordinates: Array) -> Array:
        """The vector of coordinates."""
        total = np.zeros_like(self.y, dtype=np.result_type(self.y, coordinates))
        for c, v in zip(coordinates, self._V):
            total += c * v
        return total


class KrylovPropagator(VectorStepper):
    """The exact flow of a linear system with data constant in time.

    Parameters
    ----------
    system : SemiDiscrete
    solvers : Solvers
    statistics : Statistics
    span : float
        Length of the whole run.
    tolerance : Tolerance
        What "exact" means.
    """

    def __init__(
        self, system: SemiDiscrete, solvers: Solvers, statistics: Statistics, span: float, tolerance: Tolerance
    ) -> None:
        self.system, self.solvers, self.statistics, self.span = system, solvers, statistics, span
        self.tolerance = tolerance
        self._gamma = POLE * span
        self._solved = min(max(INEXACT * tolerance.relative, SOLVED), LEAST_SOLVED)
        self._solver: LinearSolver | None = None
        self._basis: _Basis | None = None

    def rate(self, t: float, Y: Array) -> Array:
        self.statistics.evaluations += 1
        return self.system.rhs(t, Y)

    def restart(self) -> None:
        self._basis = None

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        if self._basis is not None and self._reach(self._basis, t + h, out):
            return 0.0
        at, state, left = t, Y, h
        while left > 0:
            self._basis = self._begun(at, state)
            part = left
            while not self._reach(self._basis, at + part, out):
                part /= 2
                if part < SHORTEST * self.span:
                    raise StabilityError(
                        f"the Krylov space does not reach the tolerance at t = {at:.6g}; take tr_bdf2 or Radau"
                    )
            at, left = at + part, left - part
            state = out.copy() if left > 0 else out
        return 0.0

    @cached_property
    def _conserving(self) -> Array | None:
        """The volumes of cells if their sum with any state changes by sources only: rounding in solves is then kept out of it."""
        if len(self.system.blocks) > 1 or not self.system.blocks[0].whole:
            return None
        weights, L = self.system.grid.weights.ravel(), self.system.L
        return weights if np.max(np.abs(L.T @ weights)) <= 1e-11 * np.max(abs(L).T @ weights) else None

    def _begun(self, t: float, y: Array) -> _Basis:
        if self._solver is None:
            self._solver = self.solvers.resolvent(self._gamma, self._solved)
            self.statistics.factorisations += 1
        return _Basis(t, y.copy(), self.rate(t, y), self._solver, self._gamma)

    def _reach(self, basis: _Basis, t: float, out: Array) -> bool:
        """Write the state at a time, extending the basis as far as that needs; False if it is not reached."""
        tau, small = t - basis.t, 0
        before: Array | None = None
        m = max(basis.dimension - 2, 1)
        while True:
            while basis.dimension < m and not basis.exhausted:
                basis.extend()
            m = min(m, basis.dimension)
            if m == 0:
                out[...] = basis.y
                return True
            now = basis.change(tau, m)
            if before is not None:
                gap = now.copy()
                gap[: before.size] -= before
                error = basis.combined(gap)
                small = small + 1 if self.tolerance.norm(error, basis.y, basis.y) <= SHARE else 0
            if small == 2 or basis.exhausted:
                change = basis.combined(now)
                if self._conserving is not None:
                    change += (tau * (self._conserving @ basis.w) - self._conserving @ change) / np.sum(
                        self._conserving
                    )
                out[...] = basis.y + change
                return True
            if m == LARGEST:
                return False
            before, m = now, m + 1
