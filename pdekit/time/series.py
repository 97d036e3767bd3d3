"""Series: numbers of the state, recorded step by step while a run goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pdekit.discretize.measurement import Measurement
from pdekit.discretize.system import SemiDiscrete
from pdekit.time.observers import StepState
from pdekit.typing import Array

if TYPE_CHECKING:
    from pdekit.kernels.kernel import Kernel
    from pdekit.kernels.reduction_pass import ReductionPass

FIRST_ROWS, ROWS_OF_SPAN = 500, 500


@dataclass(frozen=True)
class RowRule:
    """At which steps there is a row of a series, frames apart.

    A row costs as much as a tenth of a cheap step, and thousands are more than a curve shows: by default there is one at each of the first
    `FIRST_ROWS` steps, where short ones follow what is fast, and then where the span divided by `ROWS_OF_SPAN` has gone by.

    Parameters
    ----------
    every : int, optional
        At every so many steps.
    span : float
        Of the whole run.

    Examples
    --------
    >>> RowRule(None, 10.0).is_due(2, 0.001, [0.0, 0.0005])
    True
    >>> RowRule(2, 10.0).is_due(3, 0.001, [0.0])
    False
    """

    every: int | None
    span: float

    def is_due(self, steps: int, t: float, times: Sequence[float]) -> bool:
        """Whether there is a row at this step, at this time, after rows at those."""
        if self.every is not None:
            return steps % self.every == 0
        return len(times) <= FIRST_ROWS or t - times[-1] >= self.span / ROWS_OF_SPAN


class SeriesRecorder:
    """Numbers of the state, step by step.

    Parameters
    ----------
    system : SemiDiscrete
    measurements : dict of str to Measurement
        Of that system.
    t, y : float, array
        The state at the start.
    rule : RowRule
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
        rule: RowRule,
        frames: frozenset[float] = frozenset(),
        kernel: Kernel | None = None,
    ) -> None:
        self.system, self.measurements, self.rule, self.frames = system, measurements, rule, frames
        self.times: list[float] = []
        self.values: dict[str, list[Any]] = {name: [] for name in measurements}
        self._pass = None if kernel is None else _compiled_pass(kernel, measurements)
        self.record(t, y)

    def __call__(self, t: float, state: StepState, h: float, steps: int) -> None:
        if t in self.frames or self.rule.is_due(steps, t, self.times):
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
