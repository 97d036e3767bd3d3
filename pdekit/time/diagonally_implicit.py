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

import numpy as np

from pdekit.counts import Statistics
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import NotConvergedError, SolverError
from pdekit.linear.solver_choice import Solvers
from pdekit.time.implicit_stage import ImplicitStage
from pdekit.time.solved_rates import rates
from pdekit.time.stepper import Tolerance, VectorStepper
from pdekit.time.tables import ImplicitTableau
from pdekit.typing import Array


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
        self.system, self.tableau, self.statistics = system, tableau, statistics
        self.error_order = tableau.error_order if tableau.error else None
        self._rates = rates(system, solvers.factorise)
        self.stage = ImplicitStage(system, solvers, statistics)
        self._first: Array | None = None  # the slope at the beginning of the step to come, if it is known
        self._slopes: list[Array] = []

    def rate(self, t: float, Y: Array) -> Array:
        self.statistics.evaluations += 1
        found, bounds = self._rates(t, Y), self.system.bounds
        return found if bounds is None else bounds.admissible(found, Y)

    def restart(self) -> None:
        self._first = None

    def accepted(self, estimated: bool) -> None:
        self._first = self._slopes[-1]

    @property
    def last_slope(self) -> Array:
        """The slope at the end of the last step, by the formula of its last stage."""
        return self._slopes[-1]

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        A, c, gamma = self.tableau.A, self.tableau.c, self.tableau.gamma
        k = [self.rate(t, Y) if self._first is None else self._first]
        try:
            for i in range(1, len(c)):
                known = Y + h * sum(a * slope for a, slope in zip(A[i], k) if a != 0)
                x = self.stage.solve(t + c[i] * h, known, h * gamma, Y)
                k.append((x - known) / (h * gamma))
        except NotConvergedError:
            if tolerance is None:
                raise
            return np.inf  # a shorter step will do
        out[...] = x
        self._slopes = k
        return 0.0 if tolerance is None else self._error(Y, out, k, h, tolerance)

    def _error(self, Y: Array, out: Array, k: list[Array], h: float, tolerance: Tolerance) -> float:
        e = self.system.mass @ (h * sum(w * slope for w, slope in zip(self.tableau.error, k) if w != 0))
        assert self.stage.last is not None
        try:
            return tolerance.norm(self.stage.last.solve(e), Y, out)
        except SolverError:
            return tolerance.norm(e, Y, out)
