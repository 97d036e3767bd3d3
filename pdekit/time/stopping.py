"""What ends a run before its time: a condition that comes true, a steady state, the clock on the wall."""

from __future__ import annotations

import time as clock
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pdekit.discretize.measurement import Measurement
from pdekit.discretize.system import SemiDiscrete
from pdekit.ranks import ALONE, Ranks
from pdekit.time.observers import StepState
from pdekit.typing import Array

if TYPE_CHECKING:
    from pdekit.kernels.kernel import Kernel
    from pdekit.kernels.reduction_pass import ReductionPass


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
    """

    def __init__(self, measurement: Measurement, words: str, t: float, y: Array) -> None:
        self.measurement, self.words = measurement, words
        self._before = t, y.copy()
        self._was = float(measurement.value(t, y)) > 0

    def __call__(self, t: float, state: StepState, h: float, steps: int) -> None:
        y, before = state(), self._before
        holds = float(self.measurement.value(t, y)) > 0
        if holds and not self._was:
            raise Ended(t, y, f"{self.words} came true", before)
        self._was, self._before = holds, (t, y.copy())


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


class SeriesRecorder:
    """Numbers of the state at every step.

    Parameters
    ----------
    system : SemiDiscrete
    measurements : dict of str to Measurement
        Of that system.
    t, y : float, array
        The state at the start.
    every : int
        At every so many steps.
    frames : set of float
        Times at which there is a row in any case.
    kernel : Kernel, optional
        By whose threads integrals and extrema may be found.
    """

    def __init__(
        self,
        system: SemiDiscrete,
        measurements: dict[str, Measurement],
        t: float,
        y: Array,
        every: int = 1,
        frames: frozenset[float] = frozenset(),
        kernel: Kernel | None = None,
    ) -> None:
        self.system, self.measurements, self.every, self.frames = system, measurements, every, frames
        self.times: list[float] = []
        self.values: dict[str, list[Any]] = {name: [] for name in measurements}
        self._pass = None if kernel is None else _compiled_pass(kernel, measurements)
        self.record(t, y)

    def __call__(self, t: float, state: StepState, h: float, steps: int) -> None:
        if steps % self.every == 0 or t in self.frames:
            self._add(t, state.fields(self.system.layout, t), state.full)

    def record(self, t: float, y: Array) -> None:
        """One row; of a time that was there before, in its place."""
        full = self.system.layout.views(t, y)
        self._add(t, full, None if self._pass is None else np.array(list(full.values())))

    def _add(self, t: float, fields: Mapping[str, Array], full: Array | None) -> None:
        while self.times and t <= self.times[-1]:
            self.times.pop()
            for values in self.values.values():
                values.pop()
        self.times.append(t)
        if self.measurements:
            frame = self.system.program.frame(t, {b.symbol: fields[b.name] for b in self.system.blocks})
            if self._pass is not None and full is not None:
                self._pass.prime(frame, full)
            for name, measurement in self.measurements.items():
                self.values[name].append(measurement.of(frame))

    def restore(self, series: Mapping[str, Array], until: float) -> None:
        """Take over what was recorded before, up to a time."""
        count = int(np.sum(series["t"] <= until)) if "t" in series else 0
        self.times = series["t"][:count].tolist() if count else []
        self.values = {name: series[name][:count].tolist() for name in self.measurements}

    def arrays(self, first: int = 0) -> dict[str, Array]:
        """The columns by name, and the times as ``t``, from a row on."""
        return {name: np.array(column[first:]) for name, column in {"t": self.times, **self.values}.items()}


def _compiled_pass(kernel: Kernel, measurements: Mapping[str, Measurement]) -> ReductionPass | None:
    """One for all that is measured; what comes twice is found once."""
    from pdekit.kernels.reduction_pass import passes_over

    return passes_over(kernel, {s: term for m in measurements.values() for s, term in m.terms.items()}.values())
