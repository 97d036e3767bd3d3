"""The processes of a run, on MPI."""

from __future__ import annotations

from typing import Any

import numpy as np

from pdekit.typing import Array


class Processes:
    """Processes that agree by reductions; see `pdekit.ranks.Ranks`.

    Parameters
    ----------
    communicator : MPI.Comm
    """

    def __init__(self, communicator: Any) -> None:
        from mpi4py import MPI

        self.communicator, self._mpi = communicator, MPI
        self.rank, self.count = communicator.Get_rank(), communicator.Get_size()
        self.meeting = communicator.Dup()  # apart, for what is said out of turn
        self._groups: dict[tuple[int, ...], Any] = {}

    def greatest(self, value: float) -> float:
        """The greatest of all; not a number if one of them is not, which MPI leaves open."""
        given = np.array([value, float(np.isnan(value))])
        self.communicator.Allreduce(self._mpi.IN_PLACE, given, op=self._mpi.MAX)
        return float("nan") if given[1] else float(given[0])

    def total(self, value: Any) -> Any:
        """The sum: of all in the order of the processes, so that it is the same on each."""
        first, *others = self.communicator.allgather(value)
        return sum(others, first)

    def greatest_of(self, group: tuple[int, ...], values: Array) -> Array:
        """The greatest values, one by one, of the processes that name the same group."""
        if group not in self._groups:
            everybody = sorted(set(self.communicator.allgather(group)))
            self._groups[group] = self.communicator.Split(everybody.index(group), self.rank)
        found = np.array(values)
        self._groups[group].Allreduce(self._mpi.IN_PLACE, found, op=self._mpi.MAX)
        return found

    def everywhere(self, value: bool) -> bool:
        """Whether it holds for all."""
        return bool(self.communicator.allreduce(value, op=self._mpi.LAND))
