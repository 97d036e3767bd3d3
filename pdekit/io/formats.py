"""The formats that a run can write, by the ending of the file's name. A new format is a new file and a line here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pdekit.problem import Problem
from pdekit.run import Output


def _hdf5(problem: Problem, path: Path, force: bool) -> Output:
    from pdekit.io.results_file import ResultsFile  # loads h5py

    return ResultsFile(problem, path, force)


FORMATS: dict[str, Callable[[Problem, Path, bool], Output]] = {".h5": _hdf5}


def output_to(problem: Problem, path: Path, force: bool = False) -> Output:
    """The output of a run in the format that the path's ending names; HDF5 where it names none.

    Raises
    ------
    StorageError
        The file exists, or cannot be written.
    """
    return FORMATS.get(path.suffix, _hdf5)(problem, path, force)
