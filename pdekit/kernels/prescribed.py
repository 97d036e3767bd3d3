"""Prescribed nodes of states, with their values, as compiled kernels write them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pdekit.boundary.conditions import Side
from pdekit.boundary.face_data import StateConditions
from pdekit.discretize.system import SemiDiscrete
from pdekit.typing import Array


def rate_of_face(rates: StateConditions, axis: int, side: Side, t: float) -> Array | float:
    """The rate of the values that a face prescribes; zero where it is not known."""
    known = [data for (a, s, _), data in rates.data.items() if (a, s) == (axis, side)]
    return known[0].at(t) if known else 0.0


class Prescribed:
    """The prescribed nodes in the order of the rows of the first axis, and their values.

    Row i of the first axis has the entries ``begins[i]`` to ``begins[i + 1]`` of `block` and `column`, which say of what state, and which
    node of the row.

    Parameters
    ----------
    states : sequence of StateConditions
        The conditions of each.
    shape : tuple of int
        Of the grid.
    """

    def __init__(self, states: Sequence[StateConditions], shape: tuple[int, ...]) -> None:
        self.conditions = list(states)
        self._shape = shape
        n = shape[0]
        rows, blocks, columns, places, count = [], [], [], [], 0
        for k, conditions in enumerate(self.conditions):
            faces = conditions.dirichlet_faces()
            if not faces:
                continue
            place = np.full(shape, -1, dtype=np.int64)  # which number of the faces' data holds at a node
            for axis, side, _, _ in faces:
                face = place[conditions.face_slice(axis, side)]
                face[...] = count + np.arange(face.size).reshape(face.shape)
                count += face.size
            row, column = np.nonzero(place.reshape(n, -1) >= 0)
            places.append(place.reshape(n, -1)[row, column])
            rows.append(row)
            columns.append(column)
            blocks.append(np.full(row.size, k))
        row = np.concatenate([*rows, np.empty(0, dtype=np.int64)])
        order = np.argsort(row, kind="stable")
        self.begins = np.searchsorted(row[order], np.arange(n + 1))
        self.block, self.column, self._place = (
            np.concatenate([*parts, np.empty(0, dtype=np.int64)]).astype(np.int64)[order]
            for parts in (blocks, columns, places)
        )
        self.constant = all(c.constant for c in self.conditions)

    @classmethod
    def of(cls, system: SemiDiscrete) -> Prescribed:
        """Those of the states of a system."""
        return cls([block.conditions for block in system.blocks], system.grid.shape)

    @property
    def nodes(self) -> NDArray[np.int64]:
        """Where they stand in a flat state."""
        rows = np.repeat(np.arange(self._shape[0]), np.diff(self.begins))
        return (self.block * self._shape[0] + rows) * int(np.prod(self._shape[1:])) + self.column

    def values(self, t: float) -> Array:
        """Their values at time t."""
        parts = [np.ravel(factor * data.at(t)) for c in self.conditions for _, _, factor, data in c.dirichlet_faces()]
        return np.concatenate(parts)[self._place] if parts else np.empty(0)

    @cached_property
    def _conditions_of_rates(self) -> list[StateConditions]:
        return [conditions.rate() for conditions in self.conditions]

    def rates(self, t: float) -> Array:
        """The rates of their values at time t."""
        parts = []
        for conditions, rates in zip(self.conditions, self._conditions_of_rates):
            for axis, side, factor, data in conditions.dirichlet_faces():
                found = factor * rate_of_face(rates, axis, side, t)
                parts.append(np.broadcast_to(found, np.shape(data.at(t))).ravel())
        return np.concatenate(parts)[self._place] if parts else np.empty(0)
