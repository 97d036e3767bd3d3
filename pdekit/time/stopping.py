"""What ends a run before its time: a condition that comes true, a steady state, the clock on the wall."""

from __future__ import annotations

import time as clock

import numpy as np

from pdekit.discretize.measurement import Measurement
from pdekit.ranks import ALONE, Ranks
from pdekit.time.observers import StepState
from pdekit.typing import Array


class Ended(Exception):  # noqa: N818  (not an error: the run is over)
    """The run is over; `before` is the step that the end lies in, where it is to be found within the step."""

    def __init__(self, t: float, y: Array, reason: str, before: tuple[float, Array] | None = None) -> None:
        self.t, self.y, self.reason, self.before = t, y, reason, before


class EndOnCondition:
    """Ends the run within the step in which a number of the state becomes positive.

    Parameters
    ----------
    measurement : Measurement
    words : str
        The condition as it was given.
    t, y : float, array
        The state at the start.

    Attributes
    ----------
    holds : bool
        Whether the condition is true where the run has come to.
    """

    def __init__(self, measurement: Measurement, words: str, t: float, y: Array) -> None:
        self.measurement, self.words = measurement, words
        self._before = t, y.copy()
        self.holds = float(measurement.value(t, y)) > 0

    @property
    def told(self) -> str:
        """What is to be said of a condition that is true where a run begins."""
        return f"stop.when: {self.words} is true at the start already; the run ends when it has been false and comes true again"

    def __call__(self, t: float, state: StepState, h: float, steps: int) -> None:
        y, before = state(), self._before
        holds = float(self.measurement.value(t, y)) > 0
        if holds and not self.holds:
            raise Ended(t, y, f"{self.words} came true", before)
        self.holds, self._before = holds, (t, y.copy())


class EndWhenSteady:
    """Ends the run when the solution changes by less than a share of its greatest value in a unit of time.

    Parameters
    ----------
    rate : float
        That share.
    y : array
        The state at the start.
    ranks : Ranks
        The processes that share the unknowns.
    """

    def __init__(self, rate: float, y: Array, ranks: Ranks = ALONE) -> None:
        self.rate, self._before, self._ranks = rate, y.copy(), ranks

    def __call__(self, t: float, state: StepState, h: float, steps: int) -> None:
        y = state()
        change, size = (self._ranks.greatest(float(np.max(np.abs(v)))) for v in (y - self._before, y))
        self._before = y.copy()
        if h > 0 and change <= self.rate * size * h:
            raise Ended(
                t,
                y,
                f"the solution is steady: it changes by {change / max(size, 1e-300) / h:.2g} of its size in a unit of time",
            )


class EndByClock:
    """Ends the run after so many seconds, by the clock of the process that began first."""

    def __init__(self, seconds: float, ranks: Ranks = ALONE) -> None:
        self.seconds, self._begun, self._ranks = seconds, clock.monotonic(), ranks

    def __call__(self, t: float, state: StepState, h: float, steps: int) -> None:
        if self._ranks.greatest(clock.monotonic() - self._begun) > self.seconds:
            raise Ended(t, state(), f"{self.seconds:g} s are over")
