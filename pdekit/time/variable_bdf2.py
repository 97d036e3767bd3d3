r"""Backward differentiation of order 2 with variable steps.

With ``w = h_n / h_{n-1}`` the new state solves ``M (x - known) = a h F(t_{n+1}, x)``,

    a = (1 + w)/(1 + 2w),      known = ((1 + w)^2 y_n - w^2 y_{n-1})/(1 + 2w).

A- and L-stable with equal steps; zero-stable while steps grow by less than ``1 + sqrt(2)``. The first step, and steps that grow
faster, are made by TR-BDF2. The error is the distance from the explicit formula
``y_n + (1 + w) h y'_n - w^2 (y_n - y_{n-1})``, times ``(1 + w)^2/(1 + 3w + 4w^2 + 2w^3)``.

References
----------
E. Hairer, S. P. Norsett and G. Wanner, *Solving Ordinary Differential Equations I*, 2nd ed. (1993), section III.5. P. M. Gresho and
R. L. Sani, *Incompressible Flow and the Finite Element Method* (1998), section 3.16 (the estimate).
"""

from __future__ import annotations

import numpy as np

from pdekit.counts import Statistics
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import NotConvergedError
from pdekit.linear.solver_choice import Solvers
from pdekit.time.diagonally_implicit import DiagonallyImplicit
from pdekit.time.implicit_stage import ImplicitStage
from pdekit.time.stepper import Tolerance, VectorStepper
from pdekit.time.tables import IMPLICIT_TABLEAUX
from pdekit.typing import Array

FASTEST_GROWTH = 2.4  # below 1 + sqrt(2)


class VariableBDF2(VectorStepper):
    """The method above.

    Parameters
    ----------
    system : SemiDiscrete
    solvers : Solvers
    statistics : Statistics
    """

    error_order = 2

    def __init__(self, system: SemiDiscrete, solvers: Solvers, statistics: Statistics) -> None:
        self.system, self.statistics = system, statistics
        self.starter = DiagonallyImplicit(system, IMPLICIT_TABLEAUX["tr_bdf2"], solvers, statistics)
        self.stage = ImplicitStage(system, solvers, statistics)
        self._before: tuple[Array, float, Array] | None = (
            None  # the state before, the step that led on, the slope at its end
        )
        self._made: tuple[Array, float, Array] | None = None

    def rate(self, t: float, Y: Array) -> Array:
        return self.starter.rate(t, Y)

    def accepted(self, estimated: bool) -> None:
        self._before = self._made
        self.starter.restart()

    def restart(self) -> None:
        self._before = None
        self.starter.restart()

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        if self._before is None or h > FASTEST_GROWTH * self._before[1]:
            error = self.starter.step(t, Y, h, out, tolerance)
            self._made = Y.copy(), h, self.starter.last_slope
            return error
        before, h_before, slope = self._before
        w = h / h_before
        a, known = (1 + w) / (1 + 2 * w), ((1 + w) ** 2 * Y - w**2 * before) / (1 + 2 * w)
        explicit = Y + (1 + w) * h * slope - w**2 * (Y - before)
        try:
            out[...] = self.stage.solve(t + h, known, a * h, explicit)
        except NotConvergedError:
            if tolerance is None:
                raise
            return np.inf  # a shorter step will do
        self._made = Y.copy(), h, (out - known) / (a * h)
        if tolerance is None:
            return 0.0
        return tolerance.norm((1 + w) ** 2 / (1 + 3 * w + 4 * w**2 + 2 * w**3) * (out - explicit), Y, out)
