"""One results file of a run that processes share: the first of them writes it, box by box."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pdekit.checkpoints import Checkpoint
from pdekit.distributed.processes import Processes
from pdekit.geometry.grid import Grid
from pdekit.io.hdf5_writer import CHUNK_BYTES
from pdekit.outputs import Output, Writer
from pdekit.typing import Array

TAG = 71


def slabs(box: tuple[slice, ...], values: Array) -> Iterator[tuple[tuple[slice, ...], Array]]:
    """A box as pieces along the first axis, which end where the chunks of the file do: a chunk that is written whole is not read before.

    Examples
    --------
    >>> [(place, piece.shape) for place, piece in slabs((slice(5, 7), slice(0, 300_000)), np.zeros((2, 300_000)))]
    [((slice(5, 6, None), slice(0, 300000, None)), (1, 300000)), ((slice(6, 7, None), slice(0, 300000, None)), (1, 300000))]
    """
    rows = max(1, CHUNK_BYTES * values.shape[0] // max(1, values.nbytes))
    start, stop = box[0].start, box[0].start + values.shape[0]
    for begin in (start, *range(start - start % rows + rows, stop, rows)):
        end = min(begin - begin % rows + rows, stop)
        yield (slice(begin, end), *box[1:]), np.ascontiguousarray(values[begin - start : end - start])


@dataclass(frozen=True, eq=False)
class _Gathered:
    """A field as pieces of boxes, of which one at a time is in memory. May be gone through once."""

    processes: Processes
    box: tuple[slice, ...]
    own: Array

    def boxes(self) -> Iterator[tuple[tuple[slice, ...], Array]]:
        yield from slabs(self.box, self.own)
        room = np.empty(0, dtype=np.uint8)  # one piece's, for one after the other
        for source in range(1, self.processes.count):
            left = True
            while left:
                box, shape, dtype, left = self.processes.communicator.recv(source=source, tag=TAG)
                size = math.prod(shape) * dtype.itemsize
                room = room if room.size >= size else np.empty(size, dtype=np.uint8)
                values = room[:size].view(dtype).reshape(shape)
                self.processes.communicator.Recv(values, source=source, tag=TAG)
                yield box, values


class GatheredWriter:
    """Frames box by box to the writer of the first process.

    Parameters
    ----------
    processes : Processes
    grid : GridPart
    inner : Writer, optional
        On the first process only.
    """

    def __init__(self, processes: Processes, grid: Grid, inner: Writer | None) -> None:
        self.processes, self.grid, self.inner = processes, grid, inner
        self._is_new = True
        numbers = [axis.index[axis.owned] for axis in grid.axes]
        self._box = tuple(slice(int(line[0]), int(line[-1]) + 1) for line in numbers)

    def append(self, t: float, fields: dict[str, Any]) -> None:
        """One frame of full arrays of the part."""
        if self._is_new:  # what the file held before is replaced now; others may be reading it yet
            self.processes.communicator.Barrier()
            self._is_new = False
        if self.inner is not None:
            self.inner.append(t, {name: self._gathered(values) for name, values in fields.items()})
            return
        for values in fields.values():
            if values.ndim:
                own = values[self.grid.owned]
                for place, piece in slabs(self._box, own):
                    left = place[0].stop < self._box[0].stop
                    self.processes.communicator.ssend((place, piece.shape, piece.dtype, left), dest=0, tag=TAG)
                    self.processes.communicator.Ssend(piece, dest=0, tag=TAG)

    def _gathered(self, values: Array) -> Any:
        return _Gathered(self.processes, self._box, values[self.grid.owned]) if values.ndim else values

    def record(self, series: Mapping[str, Array]) -> None:
        """Rows of the series, which all processes have."""
        if self.inner is not None:
            self.inner.record(series)

    def note(self, point: Checkpoint) -> None:
        """From where the run can go on."""
        if self.inner is not None:
            self.inner.note(point)

    def close(
        self,
        status: str,
        message: str,
        statistics: dict[str, Any],
        wall_time: float,
        notes: Sequence[str],
        method: str = "",
    ) -> None:
        """The end."""
        if self.inner is not None:
            self.inner.close(status, message, statistics, wall_time, notes, method)


@dataclass(frozen=True, eq=False)
class GatheredOutput:
    """The results file of a shared run.

    Parameters
    ----------
    processes : Processes
    grid : GridPart
    inner : Output, optional
        Of the whole problem, on the first process only.
    path : Path
    """

    processes: Processes
    grid: Grid
    inner: Output | None
    path: Path

    def open(
        self,
        method: str,
        reasons: Sequence[str],
        variables: Mapping[str, Any] | None = None,
        series: Mapping[str, Any] | None = None,
        scalars: Collection[str] | None = None,
    ) -> GatheredWriter:
        """The writer."""
        inner = None if self.inner is None else self.inner.open(method, reasons, variables, series, scalars)
        return GatheredWriter(self.processes, self.grid, inner)
