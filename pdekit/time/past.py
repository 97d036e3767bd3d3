r"""The states of a run at earlier times, for equations with delays.

Between the ends of a step the state is a polynomial through the values and slopes at these ends and at the beginning of the step before
(Hermite interpolation of degree 5), or of the ends only where there was a jump before it (degree 3). Its error is judged as that of the
step is: by the distance of the two at the middle of the step, or of the one of degree 3 and the one of degree 2 through the ends and the
first slope. Steps are then short enough for what later ones will read.

References
----------
A. Bellen and M. Zennaro, *Numerical Methods for Delay Differential Equations* (2003), sections 3.2 (the method of steps) and 5.1
(interpolation of accepted steps); E. Hairer, S. P. Norsett and G. Wanner, *Solving Ordinary Differential Equations I*, 2nd ed. (1993),
section II.17 (breakpoints).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from pdekit.discretize.system import SemiDiscrete
from pdekit.language.delayed_systems import delays_of
from pdekit.language.delays import PastStates
from pdekit.time.solved_rates import rates
from pdekit.time.stepper import Stepper, Tolerance
from pdekit.typing import Array


@dataclass(frozen=True, eq=False)
class Passage:
    """A step that was made: times, states and slopes at its ends, and the step before if the slope did not jump between."""

    start: float
    end: float
    states: tuple[Array, Array]
    slopes: tuple[Array, Array]
    before: Passage | None = None

    @cached_property
    def _newton(self) -> tuple[list[float], list[Array]]:
        """Nodes, each twice, and divided differences of Newton's form."""
        h, (y, z), (f, g) = self.end - self.start, self.states, self.slopes
        nodes, values, slopes = [0.0, 1.0], [y, z], [h * f, h * g]
        if self.before is not None:
            nodes.append((self.before.start - self.start) / h)
            values.append(self.before.states[0])
            slopes.append(h * self.before.slopes[0])
        doubled = [node for node in nodes for _ in range(2)]
        column = [value for value in values for _ in range(2)]
        found = [column[0]]
        for k in range(1, len(doubled)):
            column = [
                slopes[i // 2] if doubled[i + k] == doubled[i] else (b - a) / (doubled[i + k] - doubled[i])
                for i, (a, b) in enumerate(pairwise(column))
            ]
            found.append(column[0])
        return doubled, found

    def at(self, t: float) -> Array:
        """The state at a time between the ends."""
        nodes, differences = self._newton
        return self._newton_value((t - self.start) / (self.end - self.start), nodes, differences)

    @staticmethod
    def _newton_value(s: float, nodes: Sequence[float], differences: Sequence[Array]) -> Array:
        total = differences[-1]
        for node, difference in zip(reversed(nodes[: len(differences) - 1]), reversed(differences[:-1])):
            total = total * (s - node) + difference
        return total

    @property
    def doubt(self) -> Array:
        """How far the polynomial of lower degree is from it at the middle."""
        nodes, differences = self._newton
        lower = 4 if self.before is not None else 3
        parts = differences[lower:]
        weight = np.cumprod([0.5 - node for node in nodes])
        return np.asarray(sum(weight[lower + i - 1] * part for i, part in enumerate(parts)))


class Past(PastStates):
    """The record of a run.

    Parameters
    ----------
    before : PastStates
        What was before the start.
    start : float
    longest : float
        The longest delay: what is older is forgotten.
    """

    def __init__(self, before: PastStates, start: float, longest: float) -> None:
        self._before, self._start, self._longest = before, start, longest
        self._passages: list[Passage] = []
        self._unpack: Callable[[float, Array], dict[str, Array]] | None = None
        self._last: tuple[float, dict[str, Array]] | None = None

    def of(self, system: SemiDiscrete) -> None:
        """Say what the states are of."""
        self._unpack = system.unpack

    def at(self, unknown: str, t: float, coordinates: Sequence[Array]) -> Array:
        if t <= self._start or not self._passages or self._unpack is None:
            return self._before.at(unknown, t, coordinates)
        if self._last is None or self._last[0] != t:
            self._last = t, self._unpack(t, self._state(t))
        return self._last[1][unknown]

    def _state(self, t: float) -> Array:
        passages = self._passages
        k = min(bisect_left(passages, t, key=lambda passage: passage.end), len(passages) - 1)
        return passages[k].at(min(t, passages[k].end))  # times beyond are not those of a step: what is known is shown

    def add(self, passage: Passage) -> None:
        """Take a step; those that begin later are of an attempt that was given up."""
        passages, self._last = self._passages, None
        while passages and passages[-1].end > passage.start + 0.5 * (passage.end - passage.start):
            passages.pop()
        passages.append(passage)
        while len(passages) > 2 and passages[1].end < passage.start - self._longest:
            passages.pop(0)


class Remembering:
    """A stepper whose steps are recorded, and whose errors are those of the record as well.

    Parameters
    ----------
    stepper : Stepper
    system : SemiDiscrete
    past : Past
    """

    def __init__(self, stepper: Stepper, system: SemiDiscrete, past: Past) -> None:
        self.stepper, self.past, self._rates = stepper, past, rates(system)
        self.error_order = stepper.error_order
        self.begin, self.vector, self.view = stepper.begin, stepper.vector, stepper.view
        self.another = stepper.another
        self.greatest, self.slope = stepper.greatest, stepper.slope
        self._passage: Passage | None = None
        self._before: Passage | None = None

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        error = self.stepper.step(t, Y, h, out, tolerance)
        if not np.isfinite(error):
            return error
        before, y, z = self._before, self.stepper.vector(Y), self.stepper.vector(out)
        start = self._rates(t, y) if before is None else before.slopes[1]
        kept = None if before is None else Passage(before.start, before.end, before.states, before.slopes)
        self._passage = Passage(t, t + h, (y, z), (start, self._rates(t + h, z)), kept)
        if tolerance is None:
            return error
        return max(error, tolerance.norm(self._passage.doubt, y, z))

    def accepted(self, estimated: bool) -> None:
        self.stepper.accepted(estimated)
        if self._passage is not None:
            self.past.add(self._passage)
            self._before = self._passage

    def restart(self) -> None:
        self.stepper.restart()
        self._before = None


def recorded(stepper: Stepper, system: SemiDiscrete) -> Stepper:
    """The stepper, which records its steps if the equations have delays."""
    for field in delays_of(system.system):
        past = type(field).past
        if isinstance(past, Past):
            past.of(system)
            return Remembering(stepper, system, past)
    return stepper
