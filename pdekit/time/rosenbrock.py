r"""Rosenbrock methods by their tables: linearly implicit Runge-Kutta methods, one factorisation and no Newton iteration a step.

With ``M y' = F(t, y)``, J the Jacobian at the beginning of the step, stage i solves

    (M - h gamma J) U_i = h gamma (F(t + alpha_i h, y + sum_j a_ij U_j) + gamma_i h F_t) + gamma M sum_j c_ij U_j

and ``y_1 = y + sum_i m_i U_i``. The Jacobian is exact, so the order is that of the table. The error is estimated by a companion in
the same stages, or, where those of a table see nothing of linear equations, by the defect of the trapezoidal rule
``M (y_1 - y) - h (F_0 + F_1)/2 = O(h^3)``, filtered by ``(M - h gamma J)^-1``.

References
----------
E. Hairer and G. Wanner, *Solving Ordinary Differential Equations II*, 2nd ed. (1996), section IV.7, eq. (7.25).
"""

from __future__ import annotations

import numpy as np

from pdekit.counts import Statistics
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError
from pdekit.linear.solver_choice import Solvers
from pdekit.linear.solver_protocol import LinearSolver
from pdekit.time.iteration_matrix import iteration_matrix
from pdekit.time.kept_factors import linear_factors
from pdekit.time.rosenbrock_tables import RosenbrockTableau
from pdekit.time.stepper import Tolerance, VectorStepper
from pdekit.typing import Array, Matrix

NEAR = 1e-3  # of a step, over which the derivative in time is taken


class Rosenbrock(VectorStepper):
    """A method given by its table.

    Parameters
    ----------
    system : SemiDiscrete
    tableau : RosenbrockTableau
    solvers : Solvers
    statistics : Statistics
    """

    def __init__(
        self, system: SemiDiscrete, tableau: RosenbrockTableau, solvers: Solvers, statistics: Statistics
    ) -> None:
        self.system, self.tableau, self.solvers, self.statistics = system, tableau, solvers, statistics
        self.error_order = tableau.error_order
        self.M = system.mass
        self._linear = linear_factors(system, solvers, statistics)
        self._jacobian: Matrix | None = None  # at the beginning of a step that may be tried again

    def rate(self, t: float, Y: Array) -> Array:
        self.statistics.evaluations += 1
        return self.system.rhs(t, Y)

    def accepted(self, estimated: bool) -> None:
        self._jacobian = None

    def restart(self) -> None:
        self._jacobian = None

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        table, hg = self.tableau, h * self.tableau.gamma
        try:
            solver = self._solver(t, Y, hg)
        except SolverError:
            if tolerance is None:
                raise
            return np.inf  # singular; a shorter step will do
        F0 = self.rate(t, Y)
        Ft = self._time_slope(t, Y, F0, h)
        U: list[Array] = []
        for i, (row, mixed) in enumerate(zip(table.a, table.c)):
            inner = sum((a * u for a, u in zip(row, U) if a != 0), np.zeros_like(Y))
            F = self.rate(t + table.alpha[i] * h, Y + inner) if i else F0
            if Ft is not None:
                F = F + table.gammas[i] * h * Ft
            before = sum((c * u for c, u in zip(mixed, U) if c != 0), np.zeros_like(Y))
            U.append(solver.solve(hg * F + table.gamma * (self.M @ before)))
        out[...] = Y + sum(m * u for m, u in zip(table.m, U) if m != 0)
        if tolerance is None:
            return 0.0
        if table.error:
            difference = np.asarray(sum(e * u for e, u in zip(table.error, U) if e != 0))
        else:
            difference = solver.solve(self.M @ (out - Y) - 0.5 * h * (F0 + self.rate(t + h, out)))
        return tolerance.norm(difference, Y, out)

    def _time_slope(self, t: float, Y: Array, F0: Array, h: float) -> Array | None:
        """dF/dt by one-sided differences of order 2 within the step; None if F does not depend on t."""
        system = self.system
        if system.b_is_constant and not system.changes_in_time:
            return None
        d = NEAR * h
        return np.asarray((4 * self.rate(t + d, Y) - self.rate(t + 2 * d, Y) - 3 * F0) / (2 * d))

    def _solver(self, t: float, Y: Array, hg: float) -> LinearSolver:
        if self.system.is_linear:
            return self._linear.at(hg)
        if self._jacobian is None:
            self._jacobian = self.system.jacobian(t, Y)
            self.statistics.jacobians += 1
        self.statistics.factorisations += 1
        return self.solvers.factorise(iteration_matrix(self.M, hg, self._jacobian))
