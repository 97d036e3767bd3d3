"""Arrays from files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.errors import StorageError
from pdekit.geometry.axis import Axis
from pdekit.geometry.grid import RESERVED_NAMES, Field, Grid


@dataclass(frozen=True)
class FileData:
    """Data in a file: a variable of an HDF5 or NPZ file, an NPY file, a CSV file or one column of it.

    Parameters
    ----------
    file : str
        Path.
    variable : str, optional
        Name in an HDF5 or NPZ file, or of a column in the first line of a CSV file; without it a CSV file is a matrix
        of numbers.
    """

    file: str
    variable: str | None = None

    def load(self, shape: tuple[int, ...]) -> NDArray[Any]:
        """The array, of the grid's shape; of one with a further first axis, of frames, the last.

        Raises
        ------
        StorageError
            No such file or variable, a damaged file, or another shape.
        """
        values = self.array()
        if values.ndim == len(shape) + 1:
            values = values[-1]
        if values.shape != shape:
            raise StorageError(f"data {self.file} have shape {values.shape}, the grid needs {shape}")
        return values

    def array(self) -> NDArray[Any]:
        """The array as it stands in the file.

        Raises
        ------
        StorageError
            No such file or variable, or a damaged file.
        """
        path = Path(self.file)
        if not path.is_file():
            raise StorageError(f"data {path}: no such file")
        try:
            values = self._read(path)
        except StorageError:
            raise
        except Exception as error:  # h5py, zipfile and numpy raise all kinds
            raise StorageError(f"data {path} cannot be read: {error}") from None
        if values.dtype.kind not in "biufc":
            raise StorageError(f"data {path} cannot be read: they are no numbers but {values.dtype}")
        return values

    def _read(self, path: Path) -> NDArray[Any]:
        suffix = path.suffix.lower()
        if suffix == ".npy":
            return np.asarray(np.load(path, allow_pickle=False))
        if suffix == ".csv":
            return np.loadtxt(path, delimiter=",") if self.variable is None else self._column(path)
        if self.variable is None:
            raise StorageError(f"data {path}: say which variable, {{file: ..., variable: ...}}")
        if suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                return self._pick(archive, list(archive.files), path)
        from pdekit.data.hdf5 import open_hdf5

        with open_hdf5(path) as file:
            return self._pick(file, list(file), path)

    def _column(self, path: Path) -> NDArray[Any]:
        names = column_names(path.read_text().partition("\n")[0].replace("#", "").split(","))
        if self.variable not in names:
            raise StorageError(f"data {path}: no column {self.variable!r}; there are {names}")
        return np.loadtxt(path, delimiter=",", skiprows=1, usecols=names.index(self.variable), ndmin=1)

    def _pick(self, container: Any, names: list[str], path: Path) -> NDArray[Any]:
        if self.variable not in names:
            raise StorageError(f"data {path}: no variable {self.variable!r}; there are {sorted(names)}")
        return np.asarray(container[self.variable][()])


def column_names(heads: Iterable[str]) -> list[str]:
    """The names in the first line of a CSV file, without the units that may stand behind them.

    Examples
    --------
    >>> column_names(['"t [s]"', " u"])
    ['t', 'u']
    """
    return [name_and_unit(head.strip().strip('"'))[0] for head in heads]


def name_and_unit(head: str) -> tuple[str, str]:
    """What stands over a column: a name, and perhaps a unit in brackets.

    Examples
    --------
    >>> name_and_unit("T [degC]"), name_and_unit("x")
    (('T', 'degC'), ('x', ''))
    """
    found = re.fullmatch(r"(.*?)\s*\[([^\]]*)\]", head)
    return (found.group(1), found.group(2).strip()) if found else (head, "")


def read_columns(file: str | Path, coordinate: str, value: str) -> Field:
    """A field on one axis from two columns of a CSV file (with names in its first line), or arrays of an NPZ or HDF5 file.

    Parameters
    ----------
    file : str or Path
    coordinate, value : str
        Their names; the coordinate strictly increases.

    Returns
    -------
    Field
        Named `value`, on an axis named `coordinate` if that can be the name of an axis, else ``x``.

    Raises
    ------
    StorageError, GridError
        No such file or column, columns of different lengths, unsorted or duplicate coordinates.
    """
    nodes, values = (FileData(str(file), name).array() for name in (coordinate, value))
    if nodes.ndim != 1 or values.shape != nodes.shape:
        raise StorageError(f"data {file}: {coordinate!r} has shape {nodes.shape}, {value!r} has shape {values.shape}")
    name = (
        coordinate if coordinate.isidentifier() and "_" not in coordinate and coordinate not in RESERVED_NAMES else "x"
    )
    return Field(Grid({name: Axis(nodes=nodes)}), values, value)
