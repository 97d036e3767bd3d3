"""Looks at the stability of explicit steps while a run goes on: a limit at the start says nothing of a solution that moves.

A bound of the spectral radius (row sums) is enough as long as it allows the step; only where it does not is the spectrum itself
computed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import StabilityError
from pdekit.thresholds import Thresholds
from pdekit.time.facts import Facts
from pdekit.time.method_choice import Choice, rounded_down
from pdekit.time.stability import rate_bound
from pdekit.typing import Array

EVERY = 64  # steps between looks, after those at 1, 2, 4, 8, 16 and 32
RIDING = 0.7  # of the stable step: steps that stay above it are ruled by stability, not by accuracy


class Unsuitable(Exception):  # noqa: N818  (not an error: another method goes on from here)
    """The method chosen at the start does not suit what the solution has become."""

    def __init__(self, t: float, y: Array, reason: str) -> None:
        self.t, self.y, self.reason = t, y, reason


class StabilityGuard:
    """Stops a run whose fixed explicit step has become unstable; has another method chosen where the choice was free.

    Parameters
    ----------
    system : SemiDiscrete
        Nonlinear, in symbols.
    choice : Choice
        An explicit method, and its limit at the start.
    end : float
        Of the run.
    is_fixed : bool
        Whether steps are of fixed length.
    is_free : bool
        Whether the method was chosen automatically.
    thresholds : Thresholds
    """

    def __init__(
        self, system: SemiDiscrete, choice: Choice, end: float, is_fixed: bool, is_free: bool, thresholds: Thresholds
    ) -> None:
        self.system, self.choice, self.end = system, choice, end
        self.is_fixed, self.is_free, self.thresholds = is_fixed, is_free, thresholds
        self._riding = 0

    def __call__(self, t: float, state: Callable[[], Array], h: float, steps: int) -> None:
        """Told of a finished step.

        Raises
        ------
        StabilityError
            The step is above what is stable now.
        Unsuitable
            Another method should go on.
        """
        if not (steps % EVERY == 0 or (steps < EVERY and steps & (steps - 1) == 0)):
            return
        y = state()
        if not np.all(np.isfinite(y)):
            return  # seen by the alarm for blow-up
        bound = rate_bound(self.system, t, y)
        reach = self._reach()
        if h * bound <= (1.0 if self.is_fixed else RIDING) * reach:
            self._riding = 0
            return
        if self.is_fixed:
            limit = Facts(self.system, t, y, 0.0, self.thresholds).limit(self.choice.method)
            if limit is not None and h > limit * (1 + 1e-6):
                self._refuse(t, y, h, limit, steps)
        elif self.is_free:
            self._riding += 1
            if self._riding >= 3 and (self.end - t) / h > self.thresholds.explicit_steps:
                name = self.choice.method.name
                raise Unsuitable(t, y, f"from t = {t:.4g} on steps of {name} were ruled by stability")

    def _reach(self) -> float:
        """How far the stability region of the method reaches at least, on the negative and the imaginary axis."""
        tableau = self.choice.method.tableau
        return 2.0 if tableau is None else min(2.0, float(tableau.stages) / 2)

    def _refuse(self, t: float, y: Array, h: float, limit: float, steps: int) -> None:
        name, before = self.choice.method.name, self.choice.limit
        if self.is_free:
            raise Unsuitable(t, y, f"at t = {t:.4g} the step {h:g} came above the limit {limit:.4g} of {name}")
        start = f" (at the start it was {rounded_down(before)})" if before is not None and np.isfinite(before) else ""
        raise StabilityError(
            f"{h:g} is above the stability limit of {name} since step {steps}, t = {t:.6g}: the largest stable step is "
            f"{rounded_down(limit)} now{start}. Take a smaller step, an implicit method (tr_bdf2), or method: auto",
            key="time.step",
        )
