r"""Diagonally implicit Runge-Kutta methods by their tableaux: one linear or Newton solve a stage, all with one matrix.

With ``M y' = F(t, y)`` stage i solves

    M (Y_i - y_n - h sum_{j<i} a_ij k_j) = h gamma F(t_n + c_i h, Y_i),      k_i = (Y_i - y_n - h sum_{j<i} a_ij k_j)/(h gamma);

rows of algebraic equations ``0 = F`` hold at every stage. The methods are stiffly accurate: the last stage is the result, so
algebraic equations hold there, and very fast modes are damped out (L-stable).

References
----------
E. Hairer and G. Wanner, *Solving Ordinary Differential Equations II*, 2nd ed. (1996), section IV.6; L. F. Shampine, ACM
Trans. Math. Softw. 10 (1984), 409 (the error estimate is filtered by the matrix of the stages, or it would be ruled by modes that
are not there).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.counts import Statistics
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import NotConvergedError, SolverError
from pdekit.linear.solver_choice import Solvers
from pdekit.linear.solver_protocol import LinearSolver
from pdekit.nonlinear.newton import STEPS, Newton, RootProblem
from pdekit.time.iteration_matrix import iteration_matrix
from pdekit.time.stepper import Tolerance, VectorStepper
from pdekit.time.tables import ImplicitTableau

Array = NDArray[Any]


class DiagonallyImplicit(VectorStepper):
    """A stiffly accurate method given by its tableau, whose first stage is explicit.

    Parameters
    ----------
    system : SemiDiscrete
    tableau : ImplicitTableau
    solvers : Solvers
    statistics : Statistics
    """

    def __init__(
        self, system: SemiDiscrete, tableau: ImplicitTableau, solvers: Solvers, statistics: Statistics
    ) -> None:
        self.system, self.tableau, self.solvers, self.statistics = system, tableau, solvers, statistics
        self.error_order = tableau.error_order if tableau.error else None
        self.M, self.regular = system.mass, system.evolves
        self._blocks = [block.slice for block in system.blocks]
        self._newton = Newton(STEPS, solvers.factorise, statistics)
        self._linear: tuple[float, LinearSolver] | None = None
        self._last: LinearSolver | None = None
        self._first: Array | None = None  # the slope at the beginning of the step to come, if it is known
        self._slopes: list[Array] = []

    def rate(self, t: float, Y: Array) -> Array:
        self.statistics.evaluations += 1
        return self.system.rhs(t, Y)

    def restart(self) -> None:
        self._first = None

    def accepted(self, estimated: bool) -> None:
        self._first = self._slopes[-1]

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        A, c, gamma = self.tableau.A, self.tableau.c, self.tableau.gamma
        k = [self.rate(t, Y) if self._first is None else self._first]
        try:
            for i in range(1, len(c)):
                known = Y + h * sum(a * slope for a, slope in zip(A[i], k) if a != 0)
                x = self._stage(t + c[i] * h, known, h * gamma, Y)
                k.append((x - known) / (h * gamma))
        except NotConvergedError:
            if tolerance is None:
                raise
            return np.inf  # a shorter step will do
        out[...] = x
        self._slopes = k
        return 0.0 if tolerance is None else self._error(Y, out, k, h, tolerance)

    def _stage(self, t: float, known: Array, hg: float, guess: Array) -> Array:
        """The root x of ``M (x - known) = h gamma F(t, x)``."""
        system, M = self.system, self.M
        self.statistics.evaluations += 1
        if system.is_linear:
            self._last = self._factorised(hg)
            return self._last.solve((known if self.regular else M * known) + hg * system.b(t))

        def residual(x: Array) -> Array:
            self.statistics.evaluations += 1
            return np.asarray(M * (x - known) - hg * system.rhs(t, x))

        problem = RootProblem(
            residual,
            lambda x: iteration_matrix(M, hg, system.jacobian(t, x)),
            lambda x: M * (np.abs(x) + np.abs(known)) + hg * (abs(system.jacobian(t, x)) @ np.abs(x)),
            self._blocks,
        )
        root = self._newton.solve(problem, guess, hg)
        self._last = root.solver
        return root.x

    def _factorised(self, hg: float) -> LinearSolver:
        if self._linear is None or self._linear[0] != hg:
            make = lambda: iteration_matrix(self.M, hg, self.system.L)  # noqa: E731
            solver = self.solvers.shifted(1.0, hg, make) if self.regular else self.solvers.factorise(make())
            self._linear = hg, solver
            self.statistics.factorisations += 1
        return self._linear[1]

    def _error(self, Y: Array, out: Array, k: list[Array], h: float, tolerance: Tolerance) -> float:
        e = self.M * (h * sum(w * slope for w, slope in zip(self.tableau.error, k) if w != 0))
        assert self._last is not None
        try:
            return tolerance.norm(self._last.solve(e), Y, out)
        except SolverError:
            return tolerance.norm(e, Y, out)
