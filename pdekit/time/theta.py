"""The theta methods: backward Euler and Crank-Nicolson."""

from __future__ import annotations

from typing import Any

import numpy as np

from pdekit.counts import Statistics
from pdekit.discretize.system import SemiDiscrete
from pdekit.linear.solver_choice import Solvers
from pdekit.nonlinear.complementarity import within_bounds
from pdekit.nonlinear.newton import BOUNDED, STEPS, Newton, RootProblem
from pdekit.time.iteration_matrix import iteration_matrix
from pdekit.time.kept_factors import linear_factors
from pdekit.time.stepper import Tolerance, VectorStepper
from pdekit.typing import Array, Matrix


class Theta(VectorStepper):
    r"""The theta method ``M (y1 - y0) = h (theta F(t1, y1) + (1 - theta) F(t0, y0))``.

    theta = 1 is backward Euler (order 1, L-stable), theta = 1/2 Crank-Nicolson (order 2, A-stable: very fast modes are
    carried on with factor -1, so rough initial data ring). Rows of ``0 = ...`` are taken at t1 throughout.
    """

    def __init__(self, system: SemiDiscrete, theta: float, solvers: Solvers, statistics: Statistics) -> None:
        self.system, self.statistics = system, statistics
        self.M = system.mass
        self.theta, self.regular = theta, system.evolves
        self.implicit: Any = theta if self.regular else np.where(self.M > 0, theta, 1.0)
        self._newton = Newton(STEPS if system.bounds is None else BOUNDED, solvers.factorise, statistics)
        self._linear = linear_factors(system, solvers, statistics, self.implicit)

    def rate(self, t: float, Y: Array) -> Array:
        return self.system.rhs(t, Y)

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        system, M, theta = self.system, self.M, self.implicit
        self.statistics.evaluations += 1
        if not system.is_linear or system.bounds is not None:
            problem = self._equations(t, Y, h)
            if system.bounds is not None:
                problem = within_bounds(problem, system.bounds, 1.0)
            out[...] = self._newton.solve(problem, Y, h).x
            return 0.0
        solver = self._linear.at(h)
        forced = theta * system.b(t + h) + (1 - theta) * system.b(t)
        if not self.regular:
            out[...] = solver.solve(M * Y + h * ((1 - theta) * (system.L @ Y) + forced))
        else:
            # With S = 1 - theta h L, 1 + (1 - theta) h L = 1/theta - (1 - theta)/theta S: no product with L is needed.
            out[...] = solver.solve(Y / self.theta + h * forced) - (1 - self.theta) / self.theta * Y
        return 0.0

    def _equations(self, t: float, y: Array, h: float) -> RootProblem:
        """The equations of the new state."""
        system, M, theta = self.system, self.M, self.implicit
        rate = system.rhs(t, y) if system.bounds is None else system.bounds.admissible(system.rhs(t, y), y)
        known = M * y + h * (1 - theta) * rate

        def residual(x: Array) -> Array:
            self.statistics.evaluations += 1
            return np.asarray(M * x - h * theta * system.rhs(t + h, x) - known)

        def jacobian(x: Array) -> Matrix:
            return iteration_matrix(M, h * theta, system.jacobian(t + h, x))

        def size(x: Array) -> Array:
            return np.asarray(M * np.abs(x) + np.abs(known) + h * theta * (abs(system.jacobian(t + h, x)) @ np.abs(x)))

        return RootProblem(residual, jacobian, size, [b.slice for b in system.blocks])
