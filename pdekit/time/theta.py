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
from pdekit.time.roughness import has_jumps
from pdekit.time.solved_rates import rates
from pdekit.time.stepper import Tolerance, VectorStepper
from pdekit.typing import Array, Matrix

DAMPED_STEPS = 2


class Theta(VectorStepper):
    r"""The theta method ``M (y1 - y0) = h (theta F(t1, y1) + (1 - theta) F(t0, y0))``.

    theta = 1 is backward Euler (order 1, L-stable), theta = 1/2 Crank-Nicolson (order 2, A-stable: very fast modes are
    carried on with factor -1). Where a state has jumps, or does not fit its boundary data, Crank-Nicolson therefore begins with two
    steps of two backward Euler steps of half the length each, by the same matrix (Rannacher, Numer. Math. 43 (1984) 309-327): the
    order stays 2. Rows of ``0 = ...`` are taken at t1 throughout.
    """

    def __init__(self, system: SemiDiscrete, theta: float, solvers: Solvers, statistics: Statistics) -> None:
        self.system, self.statistics = system, statistics
        self.M = system.mass
        self.theta, self.regular = theta, system.evolves
        self.implicit: Any = theta if self.regular else np.where(system.algebraic, 1.0, theta)
        self._rates = rates(system, solvers.factorise)
        self._newton = Newton(STEPS if system.bounds is None else BOUNDED, solvers.factorise, statistics)
        self._linear = linear_factors(system, solvers, statistics, self.implicit)
        self._left_to_damp: int | None = None  # steps; not known before the first one

    def rate(self, t: float, Y: Array) -> Array:
        return self._rates(t, Y)

    def restart(self) -> None:
        self._left_to_damp = None

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        self.statistics.evaluations += 1
        if self._left_to_damp is None:
            self._left_to_damp = DAMPED_STEPS if self.theta < 1 and self._is_rough(t, Y) else 0
        if self._left_to_damp:
            self._left_to_damp -= 1
            halfway = self._euler(t + 0.5 * h, Y, h)
            out[...] = self._euler(t + h, halfway, h)
        elif self.theta == 1:
            out[...] = self._euler(t + h, Y, h)
        else:
            out[...] = self._theta(t, Y, h)
        return 0.0

    def _is_rough(self, t: float, Y: Array) -> bool:
        return isinstance(self.system, SemiDiscrete) and has_jumps(self.system, t, Y)

    def _euler(self, t: float, Y: Array, h: float) -> Array:
        """A backward Euler step of the length ``theta h`` to the time t."""
        system = self.system
        if system.is_linear and system.bounds is None:
            return self._linear.at(h).solve(self.M @ Y + h * self.implicit * system.b(t))
        return self._solved(t, self.M @ Y, Y, h)

    def _theta(self, t: float, Y: Array, h: float) -> Array:
        system, M, theta = self.system, self.M, self.implicit
        if not system.is_linear:
            return self._solved(t + h, M @ Y + h * (1 - theta) * system.rhs(t, Y), Y, h)
        solver = self._linear.at(h)
        forced = theta * system.b(t + h) + (1 - theta) * system.b(t)
        if not self.regular:
            return solver.solve(M @ Y + h * ((1 - theta) * system.linear(Y) + forced))
        # With S = M - theta h L, M + (1 - theta) h L = M/theta - (1 - theta)/theta S: no product with L is needed.
        before = M @ Y if system.couples_rates else Y
        return np.asarray(solver.solve(before / self.theta + h * forced) - (1 - self.theta) / self.theta * Y)

    def _solved(self, t: float, known: Array, guess: Array, h: float) -> Array:
        """The root of ``M x - h theta F(t, x) = known``."""
        system, M, theta = self.system, self.M, self.implicit

        def residual(x: Array) -> Array:
            self.statistics.evaluations += 1
            return np.asarray(M @ x - h * theta * system.rhs(t, x) - known)

        def jacobian(x: Array) -> Matrix:
            return iteration_matrix(M, h * theta, system.jacobian(t, x))

        def size(x: Array) -> Array:
            return np.asarray(abs(M) @ np.abs(x) + np.abs(known) + h * theta * (abs(system.jacobian(t, x)) @ np.abs(x)))

        problem = RootProblem(residual, jacobian, size, [b.slice for b in system.blocks], system.grid.ranks)
        if system.bounds is not None:
            problem = within_bounds(problem, system.bounds, 1.0)
        return self._newton.solve(problem, guess, h).x
