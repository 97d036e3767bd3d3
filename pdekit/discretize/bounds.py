"""Bounds that a solution must keep: ``u >= psi``, the obstacle problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pdekit.discretize.layout import Layout
from pdekit.typing import Array


@dataclass(frozen=True, eq=False)
class Bounds:
    """``lower <= y <= upper`` for the vector of unknowns; infinite where there is no bound.

    Where a bound is reached the equation becomes an inequality: ``y_t >= F`` at a lower bound, ``y_t <= F`` at an upper one.
    """

    lower: Array
    upper: Array

    @classmethod
    def of_fields(cls, layout: Layout, lower: Mapping[str, Array], upper: Mapping[str, Array]) -> Bounds:
        """From arrays on the grid, by unknown."""
        ends = []
        for given, free in ((lower, -np.inf), (upper, np.inf)):
            y = np.full(layout.size, free)
            for name, values in given.items():
                block = layout.block(name)
                block.gather(np.asarray(values, dtype=float), y[block.slice])
            ends.append(y)
        return cls(*ends)

    def projected(self, y: Array) -> Array:
        """The nearest y within the bounds."""
        return np.clip(y, self.lower, self.upper)

    def admissible(self, rate: Array, y: Array) -> Array:
        """A rate of change without what would lead out of the bounds."""
        held = np.where(y <= self.lower, np.maximum(rate, 0.0), rate)
        return np.where(y >= self.upper, np.minimum(held, 0.0), held)
