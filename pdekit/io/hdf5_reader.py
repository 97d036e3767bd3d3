"""Reading results files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pdekit.data.hdf5 import open_hdf5
from pdekit.errors import StorageError, nearest_hint
from pdekit.io.hdf5_writer import CHECKPOINT
from pdekit.io.word_sums import GROUP, damaged_frames

# Attributes that are texts, where they are there.
TEXTS = (
    *("title", "dimensions", "variables", "coordinate_system", "config", "pdekit_version", "method", "method_reasons"),
    *("exact", "parameters", "definitions", "status", "message", "statistics", "notes", "checkpoint"),
    *("domain", "domain_parameters", "regions"),
)
MOST_ROWS = 200_000_000  # nodes of an axis, times, rows of a series


@dataclass(frozen=True, eq=False)
class StoredResult:
    """What a results file holds.

    Parameters
    ----------
    path : Path
    axes : dict of str to array
        Coordinates, in order.
    periods : dict of str to float
        Of the periodic axes.
    ranges : dict of str to (float, float)
        Of axes whose nodes keep off a pole at their ends.
    layers : dict of str to (float, float)
        Widths of the absorbing layers at the ends of axes that have some.
    times : array
        Stored times; empty for a steady result.
    variables : tuple of str
    attributes : dict
        Global attributes, texts stripped and statistics decoded.
    labels : dict of str to dict
        ``units`` and ``long_name``.
    series : dict of str to array
        Numbers step by step, and their times ``t``.
    scalars : tuple of str
        Variables that are one number.
    interfaces : dict of str to tuple of float
        Of axes that planes cross at which something jumps: where.
    """

    path: Path
    axes: dict[str, NDArray[Any]]
    periods: dict[str, float]
    ranges: dict[str, tuple[float, float]]
    layers: dict[str, tuple[float, float]]
    times: NDArray[Any]
    variables: tuple[str, ...]
    attributes: dict[str, Any]
    labels: dict[str, dict[str, str]]
    series: dict[str, NDArray[Any]]
    scalars: tuple[str, ...] = ()
    interfaces: dict[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def steady(self) -> bool:
        return self.times.size == 0

    def read(self, variable: str, frame: int | slice = slice(None)) -> NDArray[Any]:
        """One frame (or all) of a variable."""
        if variable not in (*self.variables, *self.scalars):
            raise StorageError(
                f"{self.path} has no variable {variable!r}; it has {[*self.variables, *self.scalars]}"
                f"{nearest_hint(variable, self.variables)}"
            )
        with _damages_told(self.path), open_hdf5(self.path) as file:
            data = file[variable]
            sums = file.get(f"{GROUP}/{variable}")
            if self.steady:
                values = np.asarray(data[()])
                self._refuse_damage(variable, values[None], np.zeros(1), None if sums is None else sums[()].reshape(1))
                return values
            count = self.times.size
            index = frame if isinstance(frame, slice) else range(count)[frame]
            chosen = index if isinstance(index, slice) else slice(index, index + 1)
            values = np.asarray(data[:count][chosen] if isinstance(index, slice) else data[chosen])
            self._refuse_damage(variable, values, self.times[chosen], None if sums is None else sums[:count][chosen])
            return values if isinstance(index, slice) else values[0]

    def _refuse_damage(self, name: str, values: NDArray[Any], times: NDArray[Any], sums: NDArray[Any] | None) -> None:
        """Refuse frames that are not what was stored; files of former versions do not say."""
        if sums is None:
            return
        found = damaged_frames(values, times, sums)
        if found:
            when = "" if self.steady else f" at t = {times[found[0]]:g}"
            raise StorageError(
                f"{self.path} is damaged: the numbers of {name}{when} are not those that were stored"
                + (f", nor those of {len(found) - 1} further frames" if len(found) > 1 else "")
            )


@contextmanager
def _damages_told(path: Path) -> Iterator[None]:
    """What h5py and json raise at a damaged file, as one error; they have no common kind for it."""
    try:
        yield
    except StorageError:
        raise
    except Exception as error:
        raise StorageError(f"{path} is not a results file of pdekit, or damaged: {error}") from None


def _text(value: Any) -> Any:
    """Texts without what a terminal would obey; other values as they are."""
    if isinstance(value, bytes):
        value = value.decode().strip()
    return re.sub(r"[^\n\t -~\u00a0-\U0010ffff]", "?", value) if isinstance(value, str) else value


class _Contents:
    """An open file, of which only what has the right type and shape is taken."""

    def __init__(self, file: Any, path: Path) -> None:
        self.file, self.path = file, path

    def refused(self, what: str) -> StorageError:
        return StorageError(f"{self.path} is damaged: {what}")

    def attributes(self) -> dict[str, Any]:
        found = {key: _text(value) for key, value in self.file.attrs.items()}
        for key in TEXTS:
            if not isinstance(found.get(key, ""), str):
                raise self.refused(f"the attribute {key!r} is no text but {type(found[key]).__name__}")
        if not isinstance(found.get("wall_time_seconds", 0.0), Real):
            raise self.refused("the attribute 'wall_time_seconds' is no number")
        statistics = self.decoded(found, "statistics", dict)
        if not all(isinstance(value, int | float) for value in statistics.values()):
            raise self.refused("the attribute 'statistics' holds something other than numbers")
        return {**found, "statistics": statistics}

    def decoded(self, attributes: dict[str, Any], key: str, kind: type) -> Any:
        """What stands as JSON in an attribute; nothing where it is empty or missing."""
        value = json.loads(attributes.get(key) or json.dumps(kind()))
        if not isinstance(value, kind):
            raise self.refused(f"the attribute {key!r} is no {kind.__name__}")
        return value

    def names(self, attributes: dict[str, Any], key: str) -> tuple[str, ...]:
        found = self.decoded(attributes, key, list)
        if not found or len({*map(str, found)}) < len(found) or not all(isinstance(n, str) for n in found):
            raise self.refused(f"the attribute {key!r} is no list of names")
        return tuple(found)

    def dataset(self, name: str, kinds: str = "iuf") -> Any:
        data = self.file[name]
        if not isinstance(data, h5py.Dataset) or data.dtype.kind not in kinds or data.shape is None:
            raise self.refused(f"{name!r} holds no numbers")
        return data

    def text(self, name: str) -> str:
        """One text."""
        data = self.file[name]
        if not isinstance(data, h5py.Dataset) or data.dtype.kind != "S" or data.shape != ():
            raise self.refused(f"{name!r} is no text")
        return str(_text(bytes(data[()])))

    def line(self, name: str, kinds: str = "iuf") -> NDArray[Any]:
        """Numbers in a row."""
        data = self.dataset(name, kinds)
        if data.ndim != 1 or data.size > MOST_ROWS:
            raise self.refused(f"{name!r} has shape {data.shape}, expected a row of numbers")
        return np.asarray(data[()])

    def times(self) -> NDArray[Any]:
        """Of the frames; none of a steady result."""
        if "t" not in self.file:
            return np.zeros(0)
        found = self.line("t")
        found = found[np.isfinite(found)]
        if not found.size or np.any(np.diff(found) <= 0):
            raise self.refused("its times do not increase from frame to frame, or there are none")
        return found

    def check_shape(self, name: str, axes: tuple[int, ...], frames: int | None) -> None:
        shape = self.dataset(name, "iufc").shape
        if shape[len(shape) - len(axes) :] != axes or len(shape) != len(axes) + (frames is not None):
            raise self.refused(f"{name!r} has shape {shape}, the axes have {axes}")
        if frames is not None and shape[0] < frames:
            raise self.refused(f"{name!r} has {shape[0]} frames of {frames}")

    def series(self) -> dict[str, NDArray[Any]]:
        """Numbers step by step, as far as their times are there."""
        group = self.file.get("series")
        if group is None:
            return {}
        if not isinstance(group, h5py.Group) or "t" not in group:
            raise self.refused("its series have no times")
        found = {name: self.line(f"series/{name}", "iufc") for name in group}
        rows = int(np.isfinite(found["t"]).sum())
        if min(values.size for values in found.values()) < rows:
            raise self.refused("its series differ in length")
        return {name: values[:rows] for name, values in found.items()}

    def at_ends(self, axes: Iterable[str], key: str) -> dict[str, tuple[float, float]]:
        """Two numbers, one for each end, of those axes that have such an attribute."""
        known = {name: self.file[name].attrs[key] for name in axes if key in self.file[name].attrs}
        return {name: (float(found[0]), float(found[1])) for name, found in known.items()}

    def interfaces(self, name: str, nodes: NDArray[Any]) -> tuple[float, ...]:
        """The planes across an axis at which something jumps; each in a cell of its own."""
        found = np.atleast_1d(np.asarray(self.file[name].attrs.get("interfaces", ()), dtype=float))
        inside = (found > nodes[0]) & (found < nodes[-1])
        if found.ndim > 1 or not np.all(inside) or np.any(np.diff(np.searchsorted(nodes, found, side="right")) <= 0):
            raise self.refused(
                f"the interfaces of {name!r} do not lie in cells of the axis, one in each, in their order"
            )
        return tuple(found.tolist())


def read_result(path: str | Path) -> StoredResult:
    """Open a results file, a growing one too.

    Raises
    ------
    StorageError
        There is no such file, it is not a results file of pdekit, or a damaged one.
    """
    path = Path(path)
    if not path.is_file():
        raise StorageError(f"{path}: no such file")
    with _damages_told(path), open_hdf5(path) as file:
        if "pdekit_version" not in file.attrs:
            raise StorageError(f"{path} is an HDF5 file, but not a results file of pdekit")
        contents = _Contents(file, path)
        attributes = contents.attributes()
        if CHECKPOINT in file:
            attributes["checkpoint"] = contents.text(CHECKPOINT)
        order, variables = (contents.names(attributes, key) for key in ("dimensions", "variables"))
        scalars = contents.names(attributes, "scalars") if attributes.get("scalars", "[]") != "[]" else ()
        axes = {name: contents.line(name) for name in order}
        times = contents.times()
        shape = tuple(nodes.size for nodes in axes.values())
        branch = attributes.get("branch_parameter")
        count = contents.line(branch).size if isinstance(branch, str) and branch in file else times.size
        for name in variables:
            contents.check_shape(name, shape, count or None)
        for name in scalars:
            contents.check_shape(name, (), times.size or None)
        series = contents.series()
        labelled = {n: f"series/{n}" for n in series} | {n: n for n in (*order, *variables, *scalars)}
        labelled |= {"t": "t"} if times.size else {}
        return StoredResult(
            path,
            axes,
            {n: float(file[n].attrs["period"]) for n in order if "period" in file[n].attrs},
            contents.at_ends(order, "range"),
            contents.at_ends(order, "absorbing_layer"),
            times,
            variables,
            attributes,
            {
                name: {k: str(_text(file[place].attrs[k])) for k in ("units", "long_name") if k in file[place].attrs}
                for name, place in labelled.items()
            },
            series,
            scalars,
            {n: planes for n in order if (planes := contents.interfaces(n, axes[n]))},
        )
