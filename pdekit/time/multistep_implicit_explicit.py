r"""Semi-implicit backward differentiation (SBDF): linear terms and data at the new time, the rest extrapolated; steps of one length.

    y_{n+1} = sum_j alpha_j y_{n-j} + h gamma (L y_{n+1} + b(t_{n+1})) + h sum_j beta_j N(t_{n-j}, y_{n-j})

One linear solve and one evaluation of N a step. The first steps, and those after a change of the step, are made by an
implicit-explicit Runge-Kutta method of no lower order.

References
----------
U. M. Ascher, S. J. Ruuth and B. T. R. Wetton, SIAM J. Numer. Anal. 32 (1995) 797-823, eqs. (17), (26), (32).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pdekit.counts import Statistics
from pdekit.discretize.system import SemiDiscrete
from pdekit.time.implicit_explicit import ImplicitExplicit
from pdekit.time.implicit_explicit_tables import IMPLICIT_EXPLICIT_TABLEAUX
from pdekit.time.kept_factors import KeptFactors
from pdekit.time.splitting import Splitting
from pdekit.time.stepper import Tolerance, VectorStepper
from pdekit.typing import Array


@dataclass(frozen=True)
class SemiImplicitDifferentiation:
    """Coefficients.

    Parameters
    ----------
    name : str
    gamma : float
        Of the new time.
    alpha, beta : tuple of float
        Of the states and of N, the newest first.
    starter : str
        The one-step method that begins.
    """

    name: str
    gamma: float
    alpha: tuple[float, ...]
    beta: tuple[float, ...]
    starter: str

    @property
    def order(self) -> int:
        return len(self.alpha)


SEMI_IMPLICIT = {
    m.name: m
    for m in (
        SemiImplicitDifferentiation("sbdf2", 2 / 3, (4 / 3, -1 / 3), (4 / 3, -2 / 3), "ars222"),
        SemiImplicitDifferentiation("sbdf3", 6 / 11, (18 / 11, -9 / 11, 2 / 11), (18 / 11, -18 / 11, 6 / 11), "ars443"),
        SemiImplicitDifferentiation(
            "sbdf4", 12 / 25, (48 / 25, -36 / 25, 16 / 25, -3 / 25), (48 / 25, -72 / 25, 48 / 25, -12 / 25), "ark43"
        ),
    )
}


class MultistepImplicitExplicit(VectorStepper):
    """A method given by its coefficients.

    Parameters
    ----------
    system : SemiDiscrete
    method : SemiImplicitDifferentiation
    splitting : Splitting
    statistics : Statistics
    """

    def __init__(
        self, system: SemiDiscrete, method: SemiImplicitDifferentiation, splitting: Splitting, statistics: Statistics
    ) -> None:
        self.method, self.splitting, self.statistics = method, splitting, statistics
        self.starter = ImplicitExplicit(system, IMPLICIT_EXPLICIT_TABLEAUX[method.starter], splitting, statistics)
        self._history: list[tuple[Array, Array]] = []  # states and N, the newest first
        self._h = 0.0
        self._linear = KeptFactors(splitting.resolvent, statistics)

    def rate(self, t: float, Y: Array) -> Array:
        return self.starter.rate(t, Y)

    def restart(self) -> None:
        self._history = []

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        method, splitting = self.method, self.splitting
        if h != self._h:
            self._history, self._h = [], h
        self.statistics.evaluations += 1
        self._history.insert(0, (Y.copy(), splitting.explicit(t, Y)))
        del self._history[method.order :]
        if len(self._history) < method.order:
            return self.starter.step(t, Y, h, out)
        known = np.zeros_like(Y)
        for alpha, beta, (y, N) in zip(method.alpha, method.beta, self._history):
            known += alpha * y + h * beta * N
        hg = h * method.gamma
        out[...] = self._linear.at(hg).solve(known + hg * splitting.b(t + h))
        return 0.0
