"""What watches a run: statistics, and the alarm for blow-up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.counts import Statistics
from pdekit.discretize.layout import Layout
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import BlowUpError, PdekitError
from pdekit.thresholds import THRESHOLDS, Thresholds

GROWTH_LIMIT = 1e12
GROWN = 10.0  # times the size at the start, from which a solution that cannot go on is said to have blown up


class StepState:
    """The state after a step, for those who look at it: made when somebody asks, and once for all of them.

    Parameters
    ----------
    vector : callable
        The unknowns.
    full : callable, optional
        The full arrays of all blocks, ``(blocks, *grid.shape)``, where the stepper has them: to look at now, neither to keep nor to
        change; or None.

    Examples
    --------
    >>> state = StepState(lambda: np.zeros(3))
    >>> state() is state(), state.full is None
    (True, True)
    """

    def __init__(
        self, vector: Callable[[], NDArray[Any]], full: Callable[[], NDArray[Any] | None] = lambda: None
    ) -> None:
        self._make, self._look = vector, full
        self._vector: NDArray[Any] | None = None

    def __call__(self) -> NDArray[Any]:
        """A vector of its own."""
        if self._vector is None:
            self._vector = self._make()
        return self._vector

    @cached_property
    def full(self) -> NDArray[Any] | None:
        """The full arrays, if they are at hand."""
        return self._look()

    def fields(self, layout: Layout, t: float) -> dict[str, NDArray[Any]]:
        """Full arrays by name, to look at."""
        if self.full is None:
            return layout.views(t, self())
        return {block.name: values for block, values in zip(layout.blocks, self.full)}


Notice = Callable[[float, StepState, float, int], None]


@dataclass
class Watch:
    """Follows a run step by step.

    Parameters
    ----------
    system : SemiDiscrete
    scale : float
        Size of the solution at the start; growth beyond 1e12 times it is blow-up.
    progress : callable of (t, steps), optional
        Told after every step.
    statistics : Statistics
    notices : tuple of callable of (t, state, h, steps)
        Told after every step with the state as a function, for what looks at it now and then; may end the run by raising.
    thresholds : Thresholds
    """

    system: SemiDiscrete
    scale: float
    progress: Callable[[float, int], None] | None = None
    statistics: Statistics = field(default_factory=Statistics)
    notices: tuple[Notice, ...] = ()
    thresholds: Thresholds = THRESHOLDS

    def step(self, t: float, y: NDArray[Any], always: bool = True, h: float = 0.0) -> None:
        """Take note of a finished step; of many unknowns only every sixteenth state is looked at, unless `always`.

        Raises
        ------
        BlowUpError
            The solution is not finite, or has grown without bound; says when and where.
        """
        self.step_of(t, lambda: float(np.max(np.abs(y))), lambda: y, always, h)  # nan and inf carry through

    def step_of(
        self,
        t: float,
        greatest: Callable[[], float],
        state: Callable[[], NDArray[Any]],
        always: bool = True,
        h: float = 0.0,
        full: Callable[[], NDArray[Any] | None] = lambda: None,
    ) -> None:
        """The same of a state that is not at hand as a vector: its greatest value and itself are asked for if needed."""
        rare = self.system.shared_size > self.thresholds.look_always_below and not always
        if rare and (self.statistics.steps + 1) % self.thresholds.look_every:
            self.tick(t)
        else:
            self.look(t, self.system.grid.ranks.greatest(greatest()), state)
        if self.notices:
            once = StepState(state, full)
            for notice in self.notices:
                notice(t, once, h, self.statistics.steps)

    def look(self, t: float, greatest: float, state: Callable[[], NDArray[Any]]) -> None:
        """Take note of a finished step whose greatest value is known.

        Raises
        ------
        BlowUpError
            As `step` does; `state` is asked for only then.
        """
        if not greatest <= GROWTH_LIMIT * self.scale:
            self.statistics.steps += 1
            raise BlowUpError(self.describe(t, state()))
        self.tick(t)

    def tick(self, t: float) -> None:
        """Take note of a finished step without looking at it."""
        self.statistics.steps += 1
        if self.progress is None:
            return
        try:
            self.progress(t, self.statistics.steps)
        except StopIteration:  # which would end the loop over frames without a word
            raise PdekitError("the function that follows the progress raised StopIteration", key="progress") from None

    def describe(self, t: float, y: NDArray[Any]) -> str:
        """When and where the solution is not finite, or greatest."""
        bad = ~np.isfinite(y)
        index = int(np.argmax(bad)) if bad.any() else int(np.argmax(np.abs(y)))
        block = next(b for b in self.system.blocks if b.slice.start <= index < b.slice.stop)
        point = self.system.grid.point(int(block.free[index - block.offset]))
        place = ", ".join(f"{name} = {value:.6g}" for name, value in point.items())
        what = "is not finite" if bad.any() else f"has grown to {abs(y[index]):.3g}"
        if abs(y[index]) < GROWN * self.scale:  # nan is not below anything
            return f"{block.name} is greatest, {abs(y[index]):.3g}, at {place}"
        return f"the solution blew up: {block.name} {what} at t = {t:.6g} (step {self.statistics.steps}), {place}"
