"""Initial data from files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.errors import StorageError
from pdekit.storage.reader import open_hdf5


@dataclass(frozen=True)
class FileData:
    """Data in a file: the last frame of an HDF5 variable, an array of an NPZ, a NPY or CSV file.

    Parameters
    ----------
    file : str
        Path.
    variable : str, optional
        Name in an HDF5 or NPZ file.
    """

    file: str
    variable: str | None = None

    def load(self, shape: tuple[int, ...]) -> NDArray[Any]:
        """The array, of the grid's shape.

        Raises
        ------
        StorageError
            No such file or variable, or another shape.
        """
        path = Path(self.file)
        if not path.is_file():
            raise StorageError(f"initial data {path}: no such file")
        try:
            values = self._read(path)
        except StorageError:
            raise
        except Exception as error:  # h5py, zipfile and numpy raise all kinds
            raise StorageError(f"initial data {path} cannot be read: {error}") from None
        if values.ndim == len(shape) + 1:
            values = values[-1]
        if values.shape != shape:
            raise StorageError(f"initial data {path} have shape {values.shape}, the grid needs {shape}")
        return values

    def _read(self, path: Path) -> NDArray[Any]:
        suffix = path.suffix.lower()
        if suffix == ".npy":
            return np.asarray(np.load(path, allow_pickle=False))
        if suffix == ".csv":
            return np.loadtxt(path, delimiter=",")
        if self.variable is None:
            raise StorageError(f"initial data {path}: say which variable, {{file: ..., variable: ...}}")
        if suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                return self._pick(archive, list(archive.files), path)
        with open_hdf5(path) as file:
            return self._pick(file, list(file), path)

    def _pick(self, container: Any, names: list[str], path: Path) -> NDArray[Any]:
        if self.variable not in names:
            raise StorageError(f"initial data {path}: no variable {self.variable!r}; there are {sorted(names)}")
        return np.asarray(container[self.variable][()])
