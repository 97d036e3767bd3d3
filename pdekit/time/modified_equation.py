"""The modified equation method for linear waves: leapfrog whose leading error is put back into the force."""

from __future__ import annotations

import numpy as np

from pdekit.counts import Statistics
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError
from pdekit.time.second_order import halves
from pdekit.time.stepper import Tolerance, VectorStepper
from pdekit.typing import Array

# Of h omega. With x = (h omega)^2 the map's trace 2 - x + x^2/12 stays within 2 for x <= 12; where the step changes momenta are made of
# rates anew, which multiplies them by 1 - x^2/36: within 1 for x <= 72^(1/2).
LIMIT = 72**0.25
SAME = 1e-9  # of a step: times and steps that differ by less are the same


class ModifiedEquation(VectorStepper):
    r"""``q(t + h) - 2 q(t) + q(t - h) = h^2 (F + h^2/12 K F)`` for ``q'' = F(q) = K q + b``: order 4, stable for ``h omega <= 2.91``.

    The left side is ``h^2 q'' + h^4/12 q'''' + O(h^6)``, and ``q'''' = K F``. As kicks and drifts its momenta are
    ``p = q' + h^2/6 K q' + O(h^4)``; they go from step to step of one length, and the rates that are shown are ``p - h^2/6 K p``. Symmetric:
    waves keep their amplitude, but for the fastest where the length changes, at frames that are no multiples of the step. Three
    products with K a step.

    References
    ----------
    G. R. Shubin and J. B. Bell, *A modified equation approach to constructing fourth order methods for acoustic wave propagation*, SIAM
    J. Sci. Stat. Comput. 8 (1987) 135-151, eq. (2.7).
    """

    def __init__(self, system: SemiDiscrete, statistics: Statistics) -> None:
        self.q, self.v = halves(system, "modified_equation")
        if system.has_rates or not system.is_linear or not system.b_is_constant:
            raise SolverError(
                "modified_equation is for linear waves without damping, with sources and data constant in time; use yoshida4 or newmark",
                key="time.method",
            )
        self.system, self.statistics = system, statistics
        self._K, self._b = system.L[self.v][:, self.q], system.b(0.0)[self.v]
        self._kept: tuple[float, float, Array, Array] | None = None  # time, step, momenta and force

    def _force(self, q: Array, h: float) -> Array:
        self.statistics.evaluations += 2
        return np.asarray(self._K @ (q + h**2 / 12 * (self._K @ q + self._b)) + self._b)

    def rate(self, t: float, Y: Array) -> Array:
        return self.system.rhs(t, Y)

    def restart(self) -> None:
        self._kept = None

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        kept = self._kept
        if kept is not None and max(abs(kept[0] - t), abs(kept[1] - h)) <= SAME * h:
            p, force = kept[2], kept[3]
        else:
            p, force = Y[self.v] + h**2 / 6 * (self._K @ Y[self.v]), self._force(Y[self.q], h)
        p = p + 0.5 * h * force
        out[self.q] = Y[self.q] + h * p
        force = self._force(out[self.q], h)
        p += 0.5 * h * force
        out[self.v] = p - h**2 / 6 * (self._K @ p)
        self.statistics.evaluations += 1
        self._kept = (t + h, h, p, force)
        return 0.0
