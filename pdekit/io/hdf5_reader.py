"""Reading results files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.data.hdf5 import open_hdf5
from pdekit.errors import StorageError, nearest_hint


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
    times : array
        Stored times; empty for a steady result.
    variables : tuple of str
    attributes : dict
        Global attributes, texts stripped and statistics decoded.
    labels : dict of str to dict
        ``units`` and ``long_name``.
    series : dict of str to array
        Numbers at every step, and their times ``t``.
    scalars : tuple of str
        Variables that are one number.
    """

    path: Path
    axes: dict[str, NDArray[Any]]
    periods: dict[str, float]
    ranges: dict[str, tuple[float, float]]
    times: NDArray[Any]
    variables: tuple[str, ...]
    attributes: dict[str, Any]
    labels: dict[str, dict[str, str]]
    series: dict[str, NDArray[Any]]
    scalars: tuple[str, ...] = ()

    @property
    def steady(self) -> bool:
        return self.times.size == 0

    def read(self, variable: str, frame: int | slice = slice(None)) -> NDArray[Any]:
        """One frame (or all) of a variable."""
        if variable not in (*self.variables, *self.scalars):
            raise StorageError(
                f"{self.path} has no variable {variable!r}; it has {list(self.variables)}"
                f"{nearest_hint(variable, self.variables)}"
            )
        with open_hdf5(self.path) as file:
            data = file[variable]
            if self.steady:
                return np.asarray(data[()])
            count = self.times.size
            index = frame if isinstance(frame, slice) else range(count)[frame]
            return np.asarray(data[:count][index] if isinstance(index, slice) else data[index])


def _text(value: Any) -> Any:
    return value.decode().strip() if isinstance(value, bytes) else value


def read_result(path: str | Path) -> StoredResult:
    """Open a results file, a growing one too.

    Raises
    ------
    StorageError
        There is no such file, or it is not a results file of pdekit.
    """
    path = Path(path)
    if not path.is_file():
        raise StorageError(f"{path}: no such file")
    try:
        with open_hdf5(path) as file:
            if "pdekit_version" not in file.attrs:
                raise StorageError(f"{path} is an HDF5 file, but not a results file of pdekit")
            attributes = {key: _text(value) for key, value in file.attrs.items()}
            attributes["statistics"] = json.loads(attributes.get("statistics") or "{}")
            order = json.loads(attributes["dimensions"])
            variables = tuple(json.loads(attributes["variables"]))
            scalars = tuple(json.loads(attributes.get("scalars") or "[]"))
            axes = {name: np.asarray(file[name][()]) for name in order}
            periods = {n: float(file[n].attrs["period"]) for n in order if "period" in file[n].attrs}
            ends = {n: file[n].attrs["range"] for n in order if "range" in file[n].attrs}
            ranges = {n: (float(left), float(right)) for n, (left, right) in ends.items()}
            times = np.asarray(file["t"][()]) if "t" in file else np.zeros(0)
            keys = ("units", "long_name")
            labels = {
                n: {k: str(_text(file[n].attrs[k])) for k in keys if k in file[n].attrs}
                for n in (*order, *variables, *scalars)
            }
            series = {name: np.asarray(data[()]) for name, data in file["series"].items()} if "series" in file else {}
    except (OSError, KeyError, ValueError) as error:
        raise StorageError(f"{path} is not a results file of pdekit: {error}") from None
    rows = np.isfinite(series.get("t", np.zeros(0))).sum()
    series = {name: values[:rows] for name, values in series.items()}
    found = times[np.isfinite(times)]
    return StoredResult(path, axes, periods, ranges, found, variables, attributes, labels, series, scalars)
