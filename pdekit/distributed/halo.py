"""Where the nodes that a process reads, but does not own, come from: a star forest of PETSc, leaves to roots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.distributed.decomposition import Decomposition, shares
from pdekit.distributed.processes import Processes
from pdekit.typing import Array

UNITS = {"f8": "DOUBLE", "f4": "FLOAT", "c16": "C_DOUBLE_COMPLEX", "c8": "C_FLOAT_COMPLEX", "i4": "INT32_T"}  # of MPI
Dropped = tuple[frozenset[int], ...]


@dataclass(frozen=True)
class Arrangement:
    """How the values of one state lie in the vector of every process: those of its box, C order, without the nodes that are dropped.

    Parameters
    ----------
    dropped : tuple of frozenset of int
        Nodes by axis, of the whole, that have no place: those of faces with prescribed values.
    is_scalar : bool
        One number, which the first process owns.
    """

    dropped: Dropped
    is_scalar: bool = False


@dataclass(frozen=True, eq=False)
class _Line:
    """The places of one part along one axis."""

    numbers: NDArray[np.intp]  # of the nodes in the whole
    owned: NDArray[np.bool_]


class Halo:
    """Brings values of nodes that others own up to date.

    Parameters
    ----------
    processes : Processes
    decomposition : Decomposition
    arrangements : sequence of Arrangement
        One state after the other, as they lie in a vector.
    """

    def __init__(self, processes: Processes, decomposition: Decomposition, arrangements: Sequence[Arrangement]) -> None:
        from mpi4py import MPI

        self._mpi = MPI
        self.processes, self.decomposition, self.arrangements = processes, decomposition, tuple(arrangements)
        self._kept: dict[Any, _Line] = {}
        place = decomposition.place(processes.rank)
        leaves, ranks, roots = [], [], []
        offset = 0
        for number, arrangement in enumerate(self.arrangements):
            own = self._shape(arrangement, place)
            size = int(np.prod(own))
            for rank, mine, theirs in self._sources(number, place):
                leaves.append(offset + mine)
                ranks.append(np.full(mine.size, rank))
                roots.append(theirs)
            offset += size
        nothing = [np.zeros(0, dtype=int)]
        self._set_up(offset, *(np.concatenate(nothing + parts) for parts in (leaves, ranks, roots)))

    def _set_up(self, size: int, leaves: Array, ranks: Array, roots: Array) -> None:
        """Places here, and whose they are; places there."""
        from petsc4py import PETSc

        self.size, self.leaves = size, int(leaves.size)
        self._leaves, self._ranks = leaves, ranks
        self._forest = PETSc.SF().create(comm=self.processes.communicator)
        remote = np.stack([ranks, roots], axis=1).astype(PETSc.IntType)
        self._forest.setGraph(size, leaves.astype(PETSc.IntType), remote.ravel())

    @cached_property
    def owned(self) -> NDArray[np.intp]:
        """The places of a vector that this process owns."""
        place = self.decomposition.place(self.processes.rank)
        return np.flatnonzero(np.concatenate([self._flags(a, place) for a in self.arrangements]))

    def _flags(self, arrangement: Arrangement, place: Sequence[int]) -> NDArray[np.bool_]:
        if arrangement.is_scalar:
            return np.array([self.processes.rank == 0])
        return self._outer([line.owned for line in self._lines(arrangement, place)]).ravel()

    def update(self, values: Array) -> Array:
        """Overwrite what others own by their values, in place."""
        self.begin(values)
        self.end(values)
        return values

    def begin(self, values: Array) -> None:
        """Send and receive; in the meantime the values of other nodes may be read."""
        flat = values.reshape(-1)
        self._forest.bcastBegin(self._unit(flat), flat, flat, self._mpi.REPLACE)

    def end(self, values: Array) -> None:
        """Wait for what is on its way."""
        flat = values.reshape(-1)
        self._forest.bcastEnd(self._unit(flat), flat, flat, self._mpi.REPLACE)

    def _unit(self, values: Array) -> Any:
        return getattr(self._mpi, UNITS[values.dtype.str[1:]])

    @cached_property
    def first(self) -> int:
        """The number of the first unknown that this process owns, among those of all."""
        counts = self.processes.communicator.allgather(self.own_count)
        return int(sum(counts[: self.processes.rank]))

    @cached_property
    def own_count(self) -> int:
        """How many unknowns this process owns: as many as there are in `owned`, which takes as much memory as a vector."""
        place, total = self.decomposition.place(self.processes.rank), 0
        for arrangement in self.arrangements:
            lines = self._lines(arrangement, place)
            total += (
                self.processes.rank == 0 if arrangement.is_scalar else prod(int(np.sum(line.owned)) for line in lines)
            )
        return int(total)

    @cached_property
    def count(self) -> int:
        """How many unknowns there are on all processes."""
        return int(self.processes.total(self.own_count))

    @cached_property
    def numbers(self) -> NDArray[np.int32]:
        """The number, among those of all, of every place of the vector."""
        found = np.full(self.size, -1, dtype=np.int32)
        found[self.owned] = self.first + np.arange(self.owned.size)
        return self.update(found)

    # ------------------------------------------------------------------------------------------------------ who has what

    def _line(self, axis: int, part: int, dropped: frozenset[int]) -> _Line:
        key = axis, part, dropped
        if key not in self._kept:
            line = self.decomposition.line(axis, part)
            own = np.zeros(line.size, dtype=bool)
            own[line.owned] = True
            kept = ~np.isin(line.index, list(dropped))
            self._kept[key] = _Line(line.index[kept], own[kept])
        return self._kept[key]

    def _lines(self, arrangement: Arrangement, place: Sequence[int]) -> list[_Line]:
        return [self._line(k, part, dropped) for k, (part, dropped) in enumerate(zip(place, arrangement.dropped))]

    def _shape(self, arrangement: Arrangement, place: Sequence[int]) -> tuple[int, ...]:
        if arrangement.is_scalar:
            return (1,)
        return tuple(line.numbers.size for line in self._lines(arrangement, place))

    def _offset(self, number: int, place: Sequence[int]) -> int:
        return sum(int(np.prod(self._shape(before, place))) for before in self.arrangements[:number])

    @staticmethod
    def _outer(flags: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_]:
        total = np.ones((), dtype=bool)
        for line in flags:
            total = np.logical_and.outer(total, line)
        return total

    def _sources(self, number: int, place: tuple[int, ...]) -> list[tuple[int, Array, Array]]:
        """Of every other process that owns something of this one's box: its rank, the places here, and the places there."""
        arrangement = self.arrangements[number]
        if arrangement.is_scalar:
            first = np.array([self._offset(number, self.decomposition.place(0))])
            return [] if self.processes.rank == 0 else [(0, np.zeros(1, dtype=int), first)]
        lines, found = self._lines(arrangement, place), []
        by_axis = [self._owners(k, line, place[k], arrangement.dropped[k]) for k, line in enumerate(lines)]
        mine = tuple(line.numbers.size for line in lines)
        here: Array
        there: Array
        for choice in product(*(owners.items() for owners in by_axis)):
            owner = tuple(part for part, _ in choice)
            boxes = [entry for _, entry in choice]
            if owner == place and all(at.size == np.sum(line.owned) for (at, _), line in zip(boxes, lines)):
                continue  # all of them own, none again beyond the seam
            here = np.ravel_multi_index(np.ix_(*(at for at, _ in boxes)), mine).ravel()
            shape = self._shape(arrangement, owner)
            there = self._offset(number, owner) + np.ravel_multi_index(np.ix_(*(at for _, at in boxes)), shape).ravel()
            if owner == place:
                own = self._outer([line.owned for line in lines]).ravel()
                here, there = here[~own[here]], there[~own[here]]
            if here.size:
                found.append((int(np.ravel_multi_index(owner, self.decomposition.counts)), here, there))
        return found

    def _owners(self, axis: int, line: _Line, part: int, dropped: frozenset[int]) -> dict[int, tuple[Array, Array]]:
        """Of every part of an axis that owns some of these nodes: their places here and there."""
        size, count = self.decomposition.grid.shape[axis], self.decomposition.counts[axis]
        ends = np.array([stop for _, stop in shares(size, count)])
        owner = np.searchsorted(ends, line.numbers, side="right")
        found = {}
        for other in np.unique(owner):
            here = np.flatnonzero(owner == other)
            theirs = self._line(axis, int(other), dropped)
            places = np.flatnonzero(theirs.owned)
            there = places[np.searchsorted(theirs.numbers[places], line.numbers[here])]
            found[int(other)] = here, there
        return found


class HaloOfSome(Halo):
    """Of vectors that have some nodes only, which are no box: those of a domain.

    Parameters
    ----------
    every : Halo
        Of vectors of all nodes.
    chosen : array of bool
        By places of those vectors, which are kept; of what others own as they have it.
    """

    def __init__(self, every: Halo, chosen: NDArray[np.bool_]) -> None:
        self._mpi, self.processes, self.decomposition = every._mpi, every.processes, every.decomposition
        self.arrangements = every.arrangements
        here = np.where(chosen, np.cumsum(chosen) - 1, -1).astype(np.int32)
        there = every.update(here.copy())
        kept = chosen[every._leaves]
        leaves = every._leaves[kept]
        self._set_up(int(np.sum(chosen)), here[leaves], every._ranks[kept], there[leaves])
        self._own = here[every.owned[chosen[every.owned]]].astype(np.intp)

    @property
    def owned(self) -> NDArray[np.intp]:
        return self._own

    @property
    def own_count(self) -> int:
        return int(self._own.size)
