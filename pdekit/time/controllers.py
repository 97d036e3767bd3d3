"""Who decides how long steps are: a fixed step, or the estimated error.

References
----------
K. Gustafsson, ACM Trans. Math. Softw. 17 (1991) 533-554 (PI control); E. Hairer, S. P. Norsett and G. Wanner, *Solving
Ordinary Differential Equations I*, 2nd ed. (1993), section II.4 (first step, safety factors).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from pdekit.errors import StabilityError
from pdekit.time.step_memory import StepMemory
from pdekit.time.stepper import Stepper, Tolerance
from pdekit.typing import Array

SAFETY, LEAST_FACTOR, GREATEST_FACTOR = 0.9, 0.2, 5.0


class Controller(Protocol):
    """Proposes steps from one stop to the next, and judges them."""

    @property
    def tolerance(self) -> Tolerance | None:
        """What errors are measured by; None if they are not estimated."""
        ...

    def enter(self, stepper: Stepper, start: float, end: float, Y: Array, fresh: bool) -> None:
        """A stretch between two stops begins; `fresh`: at the very start, or where the right-hand side jumps."""
        ...

    def propose(self, t: float, end: float, Y: Array) -> tuple[float, float]:
        """The next step from a state, and the time at which it ends."""
        ...

    def judge(self, t: float, h: float, error: float) -> bool:
        """Whether a step with this error is kept."""
        ...


def step_count(duration: float, step: float) -> int:
    """How many equal steps no longer than `step` cross a duration."""
    return max(1, math.ceil(duration / step * (1 - 1e-12)))


@dataclass
class FixedStep:
    """Equal steps from stop to stop, none longer than asked: no stop is missed, and the order is kept.

    Lengths that differ by rounding only are made the same, so that a factorised matrix can be kept.

    Examples
    --------
    >>> control = FixedStep(0.5)
    >>> control.enter(None, 0.0, 1.25, None, True)
    >>> [round(x, 12) for x in control.propose(0.0, 1.25, None)]
    [0.416666666667, 0.416666666667]
    """

    step: float
    tolerance: Tolerance | None = None
    _h: float = field(default=0.0, init=False)
    _start: float = field(default=0.0, init=False)
    _count: int = field(default=0, init=False)
    _made: int = field(default=0, init=False)

    def enter(self, stepper: Any, start: float, end: float, Y: Any, fresh: bool) -> None:
        self._count, self._made, self._start = step_count(end - start, self.step), 0, start
        h, before = (end - start) / self._count, self._h or self.step
        self._h = before if abs(h - before) <= 1e-11 * h else h

    def propose(self, t: float, end: float, Y: Any) -> tuple[float, float]:
        last = self._made + 1 == self._count
        return self._h, end if last else self._start + (self._made + 1) * self._h

    def judge(self, t: float, h: float, error: float) -> bool:
        self._made += 1
        return True


@dataclass
class ErrorControl:
    """Steps by a PI controller from the stepper's own error estimate.

    ``h_new = h * 0.9 * err^(-0.7/k) * err_previous^(0.4/k)``, k the order of the estimate plus one.

    Parameters
    ----------
    tolerance : Tolerance
    span : float
        Length of the whole run.
    longest : float
        The longest step that is allowed.
    ladder : int
        So many lengths for every factor of two are taken, the next shorter one, so that what belongs to a length can be kept; 0: any.
    memory : StepMemory
        What an integration before this one has learnt; kept up to date.
    """

    tolerance: Tolerance
    span: float
    longest: float = math.inf
    ladder: int = 0
    memory: StepMemory = field(default_factory=StepMemory)
    h: float = field(default=0.0, init=False)
    _previous: float = field(default=1.0, init=False)
    _k: int = field(default=1, init=False)
    _own: float = field(default=0.0, init=False)
    _cut: bool = field(default=False, init=False)

    def enter(self, stepper: Stepper, start: float, end: float, Y: Array, fresh: bool) -> None:
        if not fresh:
            return
        assert stepper.error_order is not None
        self._k, self._previous = stepper.error_order + 1, self.memory.error
        if self.memory.h > 0:
            self.h = self.memory.h
            return
        size, slope = stepper.slope(start, Y, self.tolerance)
        if not np.isfinite(slope):
            raise StabilityError("the right-hand side is not finite at the start")
        # Near a steady state the slope says nothing of how fast its perturbations change.
        self.h = min(0.01 * size / slope, 0.01 * self.span) if size > 1e-5 and slope > 1e-5 else 1e-6 * self.span

    def propose(self, t: float, end: float, Y: Array) -> tuple[float, float]:
        left, h = end - t, min(self.h, self.longest)
        if self.ladder and h < self.span:
            h = self.span * 2.0 ** (-math.ceil(self.ladder * math.log2(self.span / h)) / self.ladder)
        self._own = left if h >= left * (1 - 1e-10) else (left / 2 if 2 * h > left else h)
        if self._own < 1e-14 * max(abs(t), abs(end), self.span):
            raise StabilityError(
                f"the step has shrunk to {self._own:.3g} at t = {t:.6g}: the solution changes ever faster there"
            )
        self._cut = self._own < h * (1 - 1e-10)
        return self._own, end if self._own == left else t + self._own

    def judge(self, t: float, h: float, error: float) -> bool:
        if not error <= 1.0:
            factor = SAFETY * error ** (-1 / self._k) if np.isfinite(error) else LEAST_FACTOR
            self.h = h * min(1.0, max(LEAST_FACTOR, factor))
            return False
        error = max(error, 1e-10)
        factor = SAFETY * error ** (-0.7 / self._k) * self._previous ** (0.4 / self._k)
        factor = min(GREATEST_FACTOR, max(LEAST_FACTOR, factor))
        if self._cut:
            # A step cut short to end at a stop says little of the errors of full ones.
            self.h = max(self.h, h * factor)
        else:
            self.h, self._previous = max(h, self.h) * factor, error
        self.memory.h, self.memory.error = self.h, self._previous
        return True


@dataclass
class CourantNumber:
    """Steps by the rate at which waves cross cells and diffusion fills them: ``h = number / rate``.

    Parameters
    ----------
    rate : callable of (t, vector of unknowns)
        Sum over the axes of the greatest speed beside the step of the grid, and a bound of the other terms.
    number : float
        The Courant number.
    longest : float
    """

    rate: Callable[[float, Array], float]
    number: float
    longest: float = math.inf
    tolerance: Tolerance | None = None
    _vector: Callable[[Array], Array] = field(default=np.asarray, init=False)

    def enter(self, stepper: Stepper, start: float, end: float, Y: Array, fresh: bool) -> None:
        self._vector = stepper.vector

    def propose(self, t: float, end: float, Y: Array) -> tuple[float, float]:
        rate, left = self.rate(t, self._vector(Y)), end - t
        if not np.isfinite(rate):
            raise StabilityError(f"the speeds of waves are not finite at t = {t:.6g}")
        h = min(self.number / rate if rate > 0 else left, self.longest)
        h = left / math.ceil(left / h * (1 - 1e-10)) if h < 2 * left else left
        return h, end if h >= left * (1 - 1e-10) else t + h

    def judge(self, t: float, h: float, error: float) -> bool:
        return True
