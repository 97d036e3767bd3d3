"""A grid of whose nodes only some count."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from pdekit.geometry.grid import Grid
from pdekit.typing import Array


class SelectedNodes(Grid):
    """A grid with a mask, `within`: data are evaluated at its nodes, fields are not a number elsewhere."""

    is_box = False

    @cached_property
    def places(self) -> dict[str, Array]:
        """Coordinates of the nodes that count, flat."""
        return {n: np.broadcast_to(c, self.shape)[self.within] for n, c in self.coordinates.items()}

    def spread(self, values: Any) -> Array:
        """Values at these nodes as an array over the grid, zero elsewhere."""
        given = np.asarray(values)
        full = np.zeros(self.shape, dtype=np.result_type(given.dtype, float))
        full[self.within] = given
        return full

    def interpolated(self, values: Array, points: Any) -> Array:
        from pdekit.geometry.interpolation import interpolate_within

        return interpolate_within(self, values, self.within, points)

    def blank(self, values: Array) -> Array:
        """Values over the grid, not a number at nodes that do not count."""
        if values.shape[values.ndim - self.ndim :] != self.shape:
            return values
        return np.where(self.within, values, np.nan)
