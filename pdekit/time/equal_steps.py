"""Equal steps from output time to output time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Stretch:
    """What lies between two output times.

    Parameters
    ----------
    start, end : float
    count : int
        Number of steps.
    h : float
        Their length.
    """

    start: float
    end: float
    count: int
    h: float

    def steps(self) -> Iterator[tuple[float, float, bool]]:
        """Beginning and end of every step, and whether it is the last: that ends at the output time to the last digit."""
        for i in range(self.count):
            last = i == self.count - 1
            yield self.start + i * self.h, self.end if last else self.start + (i + 1) * self.h, last


def divided(times: Sequence[float], step: float) -> Iterator[Stretch]:
    """Divide every interval evenly, so that no output time is missed and no step is longer than `step`.

    Lengths that differ by rounding only are made the same, so that a factorised matrix can be kept.

    Examples
    --------
    >>> [(s.end, s.count, s.h) for s in divided([0.0, 1.0, 1.25], 0.5)]
    [(1.0, 2, 0.5), (1.25, 1, 0.25)]
    """
    previous = step
    for start, end in pairwise(times):
        count = step_count(end - start, step)
        h = (end - start) / count
        previous = previous if abs(h - previous) <= 1e-11 * h else h
        yield Stretch(start, end, count, previous)


def step_count(duration: float, step: float) -> int:
    """How many equal steps no longer than `step` cross a duration."""
    return max(1, math.ceil(duration / step * (1 - 1e-12)))
