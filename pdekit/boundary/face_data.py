"""All conditions of a state on a grid, with numbers for coefficients and functions of time, or of the solution, for data."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.boundary.condition_data import FaceData, face_slice
from pdekit.boundary.conditions import SIDES, FaceConditions, Side
from pdekit.boundary.places import Face
from pdekit.boundary.solution_data import SolutionData, States
from pdekit.errors import BoundaryError
from pdekit.geometry.grid import Grid
from pdekit.typing import Array


@dataclass(frozen=True, eq=False)
class StateConditions:
    """All conditions of one state (an unknown, its rate, or a definition) on a grid.

    Parameters
    ----------
    faces : dict of axis name to FaceConditions
        With numbers for coefficients; periodic axes have no entry.
    data : dict of (axis index, side, position) to FaceData
        Data of every condition on every face.
    """

    grid: Grid
    faces: dict[str, FaceConditions]
    data: dict[tuple[int, Side, int], FaceData]

    @classmethod
    def resolve(
        cls,
        name: str,
        faces: Mapping[str, FaceConditions],
        grid: Grid,
        parameters: Mapping[str, Any],
        known: Mapping[str, Any],
        states: Mapping[str, Any] | None = None,
        scalars: Collection[Any] = (),
    ) -> StateConditions:
        """Resolve coefficients and data of the conditions that `pdekit.boundary.conditions.collect` made."""
        resolved: dict[str, FaceConditions] = {}
        data: dict[tuple[int, Side, int], FaceData] = {}
        for axis_name, pair in faces.items():
            k = grid.index(axis_name)
            ends = {}
            for side in SIDES:
                face = Face(name, grid, parameters, known, states or {}, scalars, k, side)
                found = [face.condition(c) for c in pair[side]]
                ends[side] = tuple(condition for condition, _ in found)
                data |= {(k, side, position): entry for position, (_, entry) in enumerate(found)}
            resolved[axis_name] = FaceConditions(ends["left"], ends["right"], pair.parity)
        return cls(grid, resolved, data)

    def rate(self) -> StateConditions:
        """The conditions of the time derivative: the same, with the data differentiated."""
        data = {key: d.rate() for key, d in self.data.items() if d.rate is not None}
        return StateConditions(self.grid, self.faces, data)

    @cached_property
    def constant(self) -> bool:
        """Whether no data change in time."""
        return all(d.constant for d in self.data.values())

    @property
    def vanish(self) -> bool:
        """Whether all data are zero at all times."""
        return all(d.constant and d.of_solution is None and not np.any(d.at(0.0)) for d in self.data.values())

    @cached_property
    def of_solution(self) -> tuple[SolutionData, ...]:
        """Those of the data that depend on the solution."""
        return tuple(d.of_solution for d in self.data.values() if d.of_solution is not None)

    def dirichlet_faces(self) -> list[tuple[int, Side, float, FaceData]]:
        """(axis, side, factor, data) of prescribed values, last axis first: the first axis wins at corners."""
        return self._dirichlet_faces

    @cached_property
    def _dirichlet_faces(self) -> list[tuple[int, Side, float, FaceData]]:
        found = []
        for name, pair in self.faces.items():
            k = self.grid.index(name)
            for side in (side for side in SIDES if side in self.grid.axes[k].sides):
                for position, condition in enumerate(pair[side]):
                    if condition.is_dirichlet:
                        found.append((k, side, 1.0 / condition.coefficients[0], self.data[k, side, position]))
        return sorted(found, key=lambda entry: -entry[0])

    def face_slice(self, axis: int, side: Side) -> tuple[slice, ...]:
        """Index of the face's nodes."""
        return face_slice(self.grid, axis, side)

    def prescribed(self) -> NDArray[np.bool_]:
        """Which nodes are data rather than unknowns."""
        mask = np.zeros(self.grid.shape, dtype=bool)
        for axis, side, _, _ in self.dirichlet_faces():
            mask[self.face_slice(axis, side)] = True
        return mask

    def free_along(self, axis: int) -> NDArray[np.intp]:
        """The nodes of an axis that are not on a face with prescribed values."""
        keep = np.ones(self.grid.shape[axis], dtype=bool)
        for k, side, _, _ in self.dirichlet_faces():
            if k == axis:
                keep[0 if side == "left" else -1] = False
        return np.flatnonzero(keep)

    def free_count(self) -> int:
        """Number of nodes that are not prescribed."""
        shape = list(self.grid.shape)
        for axis, _side in {(axis, side) for axis, side, _, _ in self.dirichlet_faces()}:
            shape[axis] -= 1
        return int(np.prod(shape))

    def fill(self, values: Array, t: float, scalars: Mapping[Any, Any] | None = None) -> None:
        """Write the prescribed values at time t into a full array; `scalars` are the values of scalar unknowns."""
        for axis, side, factor, data in self.dirichlet_faces():
            given = data.at(t) if scalars is None else data.with_scalars(t, scalars)
            values[self.face_slice(axis, side)] = factor * given

    @cached_property
    def scalar_slopes(self) -> dict[Any, Array]:
        """By how much the prescribed values change with scalar unknowns, on the whole grid."""
        faces = self.dirichlet_faces()
        found = {scalar: np.zeros(self.grid.shape) for *_, data in faces for scalar in data.of_scalars}
        for scalar, values in found.items():
            for axis, side, factor, data in faces:
                values[self.face_slice(axis, side)] = factor * data.of_scalars.get(scalar, 0.0)
        return found

    def _stacked(self, axis: int) -> list[FaceData]:
        """The axis' conditions other than prescribed values, left end first."""
        pair = self.faces.get(self.grid.names[axis], FaceConditions())
        keys = [(axis, side, p) for side in SIDES for p, c in enumerate(pair[side]) if not c.is_dirichlet]
        if any(key not in self.data for key in keys):
            raise BoundaryError(
                "conditions that depend on the solution do not say what its rate of change does at the face; do not "
                "differentiate the rate in space",
                key=f"boundary.{self.grid.names[axis]}",
            )
        return [self.data[key] for key in keys]

    def stencil_data(self, axis: int, t: float, states: States | None = None) -> Array:
        """Data of the axis' conditions other than prescribed values, left end first, stacked along that axis.

        `states` gives the full arrays of the states by symbol, for data that depend on the solution.
        """
        parts = []
        for entry in self._stacked(axis):
            if entry.of_solution is None:
                parts.append(entry.at(t))
            else:
                assert states is not None
                parts.append(entry.of_solution.at(t, states))
        return np.concatenate(parts, axis=axis)

    def stencil_slopes(self, axis: int, t: float, states: States | None) -> list[tuple[Any, Any]]:
        """How the same depend on the states: pairs of a state and a sparse array of shape (data, nodes of the grid)."""
        stacked, found = self._stacked(axis), []
        shape = tuple(len(stacked) if k == axis else n for k, n in enumerate(self.grid.shape))
        numbers, nodes = np.arange(np.prod(shape)).reshape(shape), np.arange(self.grid.size).reshape(self.grid.shape)
        for position, entry in enumerate(stacked):
            if entry.of_solution is not None:
                rows = numbers.take([position], axis=axis).ravel()
                columns = entry.of_solution.read(nodes).ravel()
                for state, values in entry.of_solution.slopes(t, states).items():
                    entries = (values.ravel(), (rows, columns))
                    found.append((state, sparse.csr_array(entries, shape=(numbers.size, nodes.size))))
        return found

    def corner_conflicts(self, t: float) -> list[str]:
        """Corners where two Dirichlet faces prescribe different values, in words."""
        reports = []
        faces = self.dirichlet_faces()
        for i, (axis, side, factor, data) in enumerate(faces):
            for other_axis, other_side, other_factor, other_data in faces[i + 1 :]:
                if other_axis == axis or data.of_scalars or other_data.of_scalars:
                    continue
                mine = (factor * data.at(t)).take([0 if other_side == "left" else -1], axis=other_axis)
                theirs = (other_factor * other_data.at(t)).take([0 if side == "left" else -1], axis=axis)
                gap = float(np.max(np.abs(mine - theirs)))
                if gap > 1e-8 * max(1.0, float(np.max(np.abs(theirs)))):
                    names = self.grid.names
                    reports.append(
                        f"{names[other_axis]}.{other_side} and {names[axis]}.{side} prescribe values that differ by "
                        f"{gap:.3g} where they meet; {names[other_axis]}.{other_side} is used there"
                    )
        return reports
