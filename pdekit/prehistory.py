"""What was before the start, for equations with delays: the initial state, or what its expression says at earlier times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pdekit.geometry.grid import Grid
from pdekit.language.delays import PastStates
from pdekit.typing import Array


@dataclass(frozen=True, eq=False)
class Prehistory(PastStates):
    """The initial states at times up to the start; later ones are those at the start.

    Parameters
    ----------
    grid : Grid
    start : float
    initial : mapping of str to data
        As given: texts and Python functions may depend on t.
    sample : callable of (data, where, t)
        Values on the grid.
    """

    grid: Grid
    start: float
    initial: Mapping[str, Any]
    sample: Callable[[Any, str, float], Array]

    def at(self, unknown: str, t: float, coordinates: Sequence[Array]) -> Array:
        return self._there(self.sample(self.initial[unknown], f"initial.{unknown}", min(t, self.start)), coordinates)

    def _there(self, values: Array, coordinates: Sequence[Array]) -> Array:
        """At the nodes that are asked for: all, or those of a face."""
        if np.broadcast_shapes(*(np.shape(c) for c in coordinates)) == self.grid.shape:
            return values
        places = [
            np.arange(axis.size)
            if np.size(c) == axis.size
            else np.searchsorted(axis.nodes, np.ravel(c) - 1e-12 * (axis.right - axis.left))
            for axis, c in zip(self.grid.axes, coordinates)
        ]
        return np.asarray(values[np.ix_(*places)])
