"""The equation that implicit methods solve in every stage, ``M (x - known) = hg F(t, x)``."""

from __future__ import annotations

import numpy as np

from pdekit.counts import Statistics
from pdekit.discretize.system import SemiDiscrete
from pdekit.linear.solver_choice import Solvers
from pdekit.linear.solver_protocol import LinearSolver
from pdekit.nonlinear.complementarity import within_bounds
from pdekit.nonlinear.newton import BOUNDED, STEPS, Newton, RootProblem
from pdekit.time.iteration_matrix import iteration_matrix
from pdekit.time.kept_factors import linear_factors
from pdekit.typing import Array


class ImplicitStage:
    """Solves one stage after the other: directly where the system is linear, by simplified Newton iterations elsewhere; within bounds by active sets.

    Factors are kept as long as hg stays the same. Rows of algebraic equations, where M is zero, are ``0 = F``.

    Parameters
    ----------
    system : SemiDiscrete
    solvers : Solvers
    statistics : Statistics
    """

    def __init__(self, system: SemiDiscrete, solvers: Solvers, statistics: Statistics) -> None:
        self.system, self.statistics = system, statistics
        self.M, self.identity = system.mass, system.evolves and not system.couples_rates
        self._blocks = [block.slice for block in system.blocks]
        self._newton = Newton(STEPS if system.bounds is None else BOUNDED, solvers.factorise, statistics)
        self._linear = linear_factors(system, solvers, statistics)
        self.last: LinearSolver | None = None  # of ``M - hg J``, as the stage left it

    def solve(self, t: float, known: Array, hg: float, guess: Array) -> Array:
        """The root x.

        Raises
        ------
        NotConvergedError, SolverError
        """
        system, M, bounds = self.system, self.M, self.system.bounds
        self.statistics.evaluations += 1
        if system.is_linear and bounds is None:
            self.last = self._linear.at(hg)
            return self.last.solve((known if self.identity else M @ known) + hg * system.b(t))

        def residual(x: Array) -> Array:
            self.statistics.evaluations += 1
            return np.asarray(M @ (x - known) - hg * system.rhs(t, x))

        problem = RootProblem(
            residual,
            lambda x: iteration_matrix(M, hg, system.jacobian(t, x)),
            lambda x: abs(M) @ (np.abs(x) + np.abs(known)) + hg * (abs(system.jacobian(t, x)) @ np.abs(x)),
            self._blocks,
            system.grid.ranks,
        )
        if bounds is not None:
            problem, guess = within_bounds(problem, bounds, 1.0), bounds.projected(guess)
        root = self._newton.solve(problem, guess, hg)
        self.last = root.solver
        return root.x
