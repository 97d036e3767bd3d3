"""Writing results, frame by frame, so that the file is valid at every instant."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pdekit.checkpoints import Checkpoint
from pdekit.errors import StorageError
from pdekit.geometry.grid import Grid
from pdekit.io.superblock import open_to_readers, trim
from pdekit.io.word_sums import GROUP, word_sum
from pdekit.outputs import Boxes
from pdekit.typing import Array

CHECKPOINT = "run/checkpoint"  # where a run can go on from
TEXT_BYTES = 4096  # room for texts that are only known at the end
_SLACK = 1 << 20
CHUNK_BYTES = 4 << 20


def _room(text: str) -> NDArray[Any]:
    """A text with room to grow: in single-writer mode an attribute can change its value, but not its size."""
    return np.array(text.encode("ascii", "replace")[:TEXT_BYTES], dtype=f"S{TEXT_BYTES}")


def check_output(path: Path, force: bool) -> None:
    """Refuse an output that exists, unless forced, or that cannot be written. Leaves everything as it was.

    Raises
    ------
    StorageError
    """
    if path.is_dir():
        raise StorageError(f"output {path} is a folder; name a file")
    if path.exists() and not force:
        raise StorageError(
            f"output {path} exists already; use --force (force=True) to write it anew, or name another file"
        )
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise StorageError(f"output {path} cannot be written: no write permission in {folder}")


def _chunk(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """The pieces in which a variable lies in the file: frames, cut along the first axis if they are large. HDF5 keeps one in memory.

    Examples
    --------
    >>> _chunk((200, 100), 8), _chunk((2048, 2048), 8), _chunk((), 8)
    ((1, 200, 100), (1, 256, 2048), (512,))
    """
    if not shape:
        return (512,)
    row = itemsize * math.prod(shape[1:])
    return (1, min(shape[0], max(1, CHUNK_BYTES // row)), *shape[1:])


def axis_scales(file: Any, grid: Grid) -> list[Any]:
    """The axes of a grid as dimension scales of a file."""
    scales = []
    for name, axis in zip(grid.names, grid.axes):
        scale = file.create_dataset(name, data=axis.nodes)
        for key, value in (("units", axis.unit), ("long_name", axis.long_name)):
            if value:
                scale.attrs[key] = value
        if axis.periodic:
            scale.attrs["period"] = axis.length
        if axis.divisions:
            scale.attrs["interfaces"] = axis.divisions  # planes at which something jumps
        if axis.offset:
            scale.attrs["range"] = [axis.left, axis.right]  # nodes keep off the poles at these ends
        if any(axis.absorbing_layer):
            scale.attrs["absorbing_layer"] = axis.absorbing_layer
        scale.make_scale(name)
        scales.append(scale)
    return scales


class _Growing:
    """A dataset that grows along its first axis; h5py's own conveniences would take 0.2 ms a row.

    Parameters
    ----------
    data : h5py dataset
    """

    def __init__(self, data: Any) -> None:
        self._data, self._id, self._dtype = data, data.id, data.dtype
        self._row, self._chunk = data.shape[1:], data.chunks
        self.count = data.shape[0]

    def add(self, rows: Any) -> None:
        """Further numbers, one a row; to be flushed."""
        rows = np.ascontiguousarray(rows, dtype=self._dtype).reshape(-1)
        first, self.count = self.count, self.count + rows.size
        self._id.set_extent((self.count,))
        place = self._id.get_space()
        place.select_hyperslab((first,), rows.shape)
        self._id.write(h5py.h5s.create_simple(rows.shape), place, rows)

    def add_frame(self, values: Any, t: float) -> np.uint64:
        """A frame, which may come in boxes; the sum of its words and of the time. To be flushed."""
        first, self.count = self.count, self.count + 1
        self._id.set_extent((self.count, *self._row))
        if isinstance(values, Boxes):
            return _put_boxes(values, t, self._data, (first,), partial(self._write, first))
        if not self._row:
            return _put(self._data, (first,), values, t)
        rows, others = self._chunk[1], tuple(slice(0, n) for n in self._row[1:])
        for begin in range(0, self._row[0], rows):
            self._write(first, (slice(begin, min(begin + rows, self._row[0])), *others), values[begin : begin + rows])
        return word_sum(np.asarray(values, dtype=self._dtype), t)

    def _write(self, frame: int, box: tuple[slice, ...], values: Array) -> None:
        """Part of a frame; a whole chunk goes past HDF5's cache, in half the time, and leaves nothing in memory."""
        if values.shape == self._chunk[1:] and values.dtype == self._dtype and box[0].start % self._chunk[1] == 0:
            place = (frame, *(side.start for side in box))
            self._id.write_direct_chunk(place, np.ascontiguousarray(values))
        else:
            self._data[(frame, *box)] = values

    def flush(self) -> None:
        """Bring what is new to the file."""
        self._id.flush()


def _put(data: Any, place: tuple[int, ...], values: Any, t: float) -> np.uint64:
    """A field into its place, one that comes in boxes box by box; the sum of its words and of the time."""
    if isinstance(values, Boxes):
        return _put_boxes(values, t, data, place, lambda box, own: data.__setitem__((*place, *box), own))
    data[(*place, ...)] = values
    return word_sum(np.asarray(values, dtype=data.dtype), t)


def _put_boxes(
    values: Boxes, t: float, data: Any, place: tuple[int, ...], write: Callable[[tuple[slice, ...], Array], None]
) -> np.uint64:
    """A field box by box, by `write`; the sum of its words and of the time."""
    sums = [word_sum((), t)]
    for box, own in values.boxes():
        write(box, own)
        sums.append(word_sum(np.asarray(own, dtype=data.dtype)))
    if data.dtype.itemsize % 8:  # words go across boxes
        return word_sum(data[place], t)
    return np.uint64(np.sum(np.array(sums, dtype=np.uint64), dtype=np.uint64))


class ResultWriter:
    """One results file under construction.

    Parameters
    ----------
    path : Path
        The file; its folder is made.
    grid : Grid
    unknowns : mapping of str to numpy dtype
        Stored variables.
    attributes : mapping of str to str, number
        Global attributes.
    steady : bool
        No time dimension.
    force : bool
        Replace an existing file: only once the new one has its first frame.
    labels : mapping of str to mapping of str to str, optional
        ``units`` and ``long_name`` of variables.
    series : mapping of str to numpy dtype
        Numbers step by step, in a group of their own.
    scalars : collection of str
        Those of the variables that are one number.
    """

    def __init__(
        self,
        path: Path,
        grid: Grid,
        unknowns: Mapping[str, Any],
        attributes: Mapping[str, Any],
        *,
        steady: bool = False,
        force: bool = False,
        labels: Mapping[str, Mapping[str, str]] | None = None,
        series: Mapping[str, Any] | None = None,
        scalars: Collection[str] = (),
    ) -> None:
        check_output(path, force)
        self.path, self.steady = path, steady
        self._partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        self._kept: dict[str, _Growing] = {}
        self._descriptor = -1
        self._announced = 0
        self._is_published = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = h5py.File(self._partial, "w", libver="latest", locking=False)
        except OSError as error:
            raise StorageError(f"output {path} cannot be written: {error}") from None
        self._create(grid, unknowns, attributes, labels or {}, scalars)
        self._series = tuple(series or ())
        if series:
            self._create_series(series, labels or {})

    def _create(
        self,
        grid: Grid,
        unknowns: Mapping[str, Any],
        attributes: Mapping[str, Any],
        labels: Any,
        scalars: Collection[str],
    ) -> None:
        file = self._file
        file.attrs["Conventions"] = "CF-1.10"
        for name, value in attributes.items():
            file.attrs[name] = _room(value) if name == "method" else value
        for name in ("status", "message", "statistics", "notes"):
            file.attrs.create(name, _room("running" if name == "status" else ""))
        file.attrs["wall_time_seconds"] = np.nan
        scales = []
        if not self.steady:
            file.create_dataset(CHECKPOINT, data=_room(""))
            t = file.create_dataset("t", (0,), maxshape=(None,), chunks=(512,), dtype=float, fillvalue=np.nan)
            t.attrs["long_name"] = "time"
            t.attrs.update(labels.get("t", {}))
            t.make_scale("t")
            scales.append(t)
        scales += axis_scales(file, grid)
        for name, dtype in unknowns.items():
            own: tuple[int, ...] = () if name in scalars else grid.shape
            shape = own if self.steady else (0, *own)
            extra = {} if self.steady else {"maxshape": (None, *own), "chunks": _chunk(own, np.dtype(dtype).itemsize)}
            data = file.create_dataset(name, shape, dtype=dtype, fillvalue=np.array(np.nan, dtype=dtype), **extra)
            for key, value in labels.get(name, {}).items():
                data.attrs[key] = value
            for k, scale in enumerate(scales[: len(shape)]):
                data.dims[k].attach_scale(scale)
            sums = {} if self.steady else {"maxshape": (None,), "chunks": (512,)}
            file.create_dataset(f"{GROUP}/{name}", () if self.steady else (0,), dtype=np.uint64, **sums)
        self._names = tuple(unknowns)
        self._frame_bytes = sum(np.dtype(dtype).itemsize * grid.size for dtype in unknowns.values())

    def _create_series(self, series: Mapping[str, Any], labels: Any) -> None:
        group = self._file.create_group("series")
        for name, dtype in {"t": float, **series}.items():
            empty = np.array(np.nan, dtype=dtype)
            data = group.create_dataset(name, (0,), maxshape=(None,), chunks=(4096,), dtype=dtype, fillvalue=empty)
            data.attrs.update(labels.get(name, {}))
            if name == "t":
                data.make_scale("t")
            else:
                data.dims[0].attach_scale(group["t"])

    def record(self, series: Mapping[str, Array]) -> None:
        """Store further rows of the series; their times last.

        Raises
        ------
        StorageError
            The disk is full, or the file has become unwritable.
        """
        try:
            for name in (*self._series, "t"):
                data = self._growing(f"series/{name}")
                data.add(series[name])
                data.flush()
        except OSError as error:
            raise StorageError(f"output {self.path} cannot be written: {error}") from None

    def note(self, point: Checkpoint) -> None:
        """Store from where the run can go on.

        Raises
        ------
        StorageError
            The disk is full, or the file has become unwritable.
        """
        try:
            data = self._file[CHECKPOINT].id
            data.write(h5py.h5s.ALL, h5py.h5s.ALL, _room(point.text))
            data.flush()  # of an attribute the whole file would be flushed, and with it the mark that it is being written
        except OSError as error:
            raise StorageError(f"output {self.path} cannot be written: {error}") from None

    def _growing(self, name: str) -> _Growing:
        """A dataset, opened once."""
        if name not in self._kept:
            self._kept[name] = _Growing(self._file[name])
        return self._kept[name]

    def _begin(self) -> None:
        """Go over to single-writer mode, in which what is on disk is always consistent."""
        self._file.flush()
        if not self.steady:
            self._file.swmr_mode = True
        self._descriptor = os.open(self._partial, os.O_RDWR)
        self._announce()

    def _publish(self) -> None:
        """Put the file in its place, once it has a frame."""
        if not self._is_published:
            os.replace(self._partial, self.path)
            self._is_published = True

    def _announce(self) -> None:
        needed = self._file.id.get_filesize() + 2 * self._frame_bytes + _SLACK // 4
        if needed > self._announced:
            self._announced = needed + 4 * self._frame_bytes + _SLACK
            open_to_readers(self._descriptor, self._announced)

    def append(self, t: float, values: Mapping[str, NDArray[Any]]) -> None:
        """Store one frame and flush it. The time is written last: a frame counts when its time is there.

        Raises
        ------
        StorageError
            The disk is full, or the file has become unwritable.
        """
        try:
            if self.steady:
                for name in self._names:
                    self._file[f"{GROUP}/{name}"][()] = _put(self._file[name], (), values[name], 0.0)
                self._begin()
                self._publish()
                return
            if self._descriptor < 0:
                self._begin()
            self._announce()
            for name in self._names:
                data, sums = self._growing(name), self._growing(f"{GROUP}/{name}")
                sums.add(data.add_frame(values[name], t))
                data.flush()
                sums.flush()
            times = self._growing("t")
            times.add(t)
            times.flush()
            self._publish()
        except OSError as error:
            raise StorageError(f"output {self.path} cannot be written: {error}") from None

    def close(
        self,
        status: str,
        message: str,
        statistics: Mapping[str, Any],
        wall_time: float,
        notes: Sequence[str] = (),
        method: str = "",
    ) -> None:
        """Note how the run ended, by which methods if not by that of the start alone, and close the file."""
        if not self._is_published:  # not one frame: leave no trace
            self._file.close()
            self._partial.unlink(missing_ok=True)
            if self._descriptor >= 0:
                os.close(self._descriptor)
            return
        attributes = self._file.attrs
        attributes.modify("status", _room(status))
        attributes.modify("message", _room(message))
        attributes.modify("statistics", _room(json.dumps(dict(statistics))))
        attributes.modify("notes", _room("\n".join(notes)))
        if method:
            attributes.modify("method", _room(method))
        attributes.modify("wall_time_seconds", wall_time)
        self._file.close()
        trim(self._descriptor)
        os.close(self._descriptor)
