"""Conditions on the faces of the region in which an unknown lives, seen from the whole grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.boundary.face_data import StateConditions
from pdekit.geometry.regions import Region
from pdekit.typing import Array


@dataclass(frozen=True, eq=False)
class RegionConditions(StateConditions):
    """The conditions of a state that lives in a region: nodes outside are no unknowns.

    Parameters
    ----------
    own : StateConditions
        On the faces of the region's own grid.
    region : Region
    """

    own: StateConditions
    region: Region

    @classmethod
    def of(cls, own: StateConditions, region: Region) -> RegionConditions:
        """Those on the region's own grid, for the whole."""
        return cls(region.box, own.faces, own.data, own, region)

    def rate(self) -> RegionConditions:
        return RegionConditions.of(self.own.rate(), self.region)

    def prescribed(self) -> NDArray[np.bool_]:
        """Which nodes are no unknowns: all those outside, and what is prescribed on its faces."""
        mask = np.ones(self.grid.shape, dtype=bool)
        if not self.region.is_empty:
            mask[self.region.nodes] = self.own.prescribed()
        return mask

    def free_count(self) -> int:
        return 0 if self.region.is_empty else self.own.free_count()

    def fill(self, values: Array, t: float, scalars: Mapping[Any, Any] | None = None) -> None:
        if not self.region.is_empty:
            self.own.fill(values[self.region.nodes], t, scalars)

    @cached_property
    def scalar_slopes(self) -> dict[Any, Array]:
        return {scalar: self.region.spread(values.ravel()) for scalar, values in self.own.scalar_slopes.items()}

    def corner_conflicts(self, t: float) -> list[str]:
        return self.own.corner_conflicts(t)
