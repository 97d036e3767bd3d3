"""What watches a run: statistics, and the alarm for blow-up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import StabilityError

GROWTH_LIMIT = 1e12
CHECK_EVERY, CHECK_ALWAYS_BELOW = 16, 20_000  # steps between looks for blow-up; every step for few unknowns


@dataclass
class Statistics:
    """Counts of a run."""

    steps: int = 0
    rejected: int = 0
    evaluations: int = 0
    jacobians: int = 0
    factorisations: int = 0
    newton_iterations: int = 0


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
    """

    system: SemiDiscrete
    scale: float
    progress: Callable[[float, int], None] | None = None
    statistics: Statistics = field(default_factory=Statistics)

    def step(self, t: float, y: NDArray[Any], always: bool = True) -> None:
        """Take note of a finished step; of many unknowns only every sixteenth state is looked at, unless `always`.

        Raises
        ------
        StabilityError
            The solution is not finite, or has grown without bound; says when and where.
        """
        self.step_of(t, lambda: float(np.max(np.abs(y))), lambda: y, always)  # nan and inf carry through

    def step_of(
        self, t: float, greatest: Callable[[], float], state: Callable[[], NDArray[Any]], always: bool = True
    ) -> None:
        """The same of a state that is not at hand as a vector: its greatest value and itself are asked for if needed."""
        rare = self.system.size > CHECK_ALWAYS_BELOW and not always
        if rare and (self.statistics.steps + 1) % CHECK_EVERY:
            self.tick(t)
        else:
            self.look(t, greatest(), state)

    def look(self, t: float, greatest: float, state: Callable[[], NDArray[Any]]) -> None:
        """Take note of a finished step whose greatest value is known.

        Raises
        ------
        StabilityError
            As `step` does; `state` is asked for only then.
        """
        if not greatest <= GROWTH_LIMIT * self.scale:
            self.statistics.steps += 1
            raise StabilityError(self.describe(t, state()))
        self.tick(t)

    def tick(self, t: float) -> None:
        """Take note of a finished step without looking at it."""
        self.statistics.steps += 1
        if self.progress is not None:
            self.progress(t, self.statistics.steps)

    def describe(self, t: float, y: NDArray[Any]) -> str:
        """When and where the solution is not finite, or greatest."""
        bad = ~np.isfinite(y)
        index = int(np.argmax(bad)) if bad.any() else int(np.argmax(np.abs(y)))
        block = next(b for b in self.system.blocks if b.slice.start <= index < b.slice.stop)
        point = self.system.grid.point(int(block.free[index - block.offset]))
        place = ", ".join(f"{name} = {value:.6g}" for name, value in point.items())
        what = "is not finite" if bad.any() else f"has grown to {abs(y[index]):.3g}"
        return f"the solution blew up: {block.name} {what} at t = {t:.6g}, {place}"
