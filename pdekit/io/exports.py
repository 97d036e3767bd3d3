"""Results in other formats, by the ending of the file's name. A new format is a function and a line of the table."""

from __future__ import annotations

import csv
import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pdekit.errors import StorageError
from pdekit.solution import Solution


def _vtkhdf(solution: Solution, path: Path) -> None:
    from pdekit.io.vtkhdf import write_vtkhdf

    write_vtkhdf(solution, path)


def _netcdf(solution: Solution, path: Path) -> None:
    data = solution.to_xarray()
    data.to_netcdf(path, engine="h5netcdf", invalid_netcdf=any(v.dtype.kind == "c" for v in data.values()))


def _npz(solution: Solution, path: Path) -> None:
    arrays = {} if solution.steady else {"t": solution.times}
    arrays |= {name: axis.nodes for name, axis in zip(solution.grid.names, solution.grid.axes)}
    arrays |= (
        solution.values | solution.scalars | {f"series_{name}": values for name, values in solution.series.items()}
    )
    if units := _units(solution):
        arrays["units"] = np.array(list(units.items()))  # pairs of a name and a unit
    with path.open("wb") as file:  # by its name NumPy would add an ending of its own to .NPZ
        np.savez_compressed(file, allow_pickle=False, **arrays)


def _units(solution: Solution) -> dict[str, str]:
    """Units by name, of those that have one."""
    found = {name: axis.unit for name, axis in zip(solution.grid.names, solution.grid.axes)}
    found |= {name: entry.get("units", "") for name, entry in solution.labels.items()}
    return {name: unit for name, unit in found.items() if unit}


def _csv(solution: Solution, path: Path) -> None:
    """One line for every node of every frame; units stand behind the names, ``T [K]``."""
    names, units = list(solution.values), _units(solution)
    times = [None] if solution.steady else list(solution.times)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        heads = [*([] if solution.steady else ["t"]), *solution.grid.names, *names, *solution.scalars]
        writer.writerow([f"{name} [{units[name]}]" if name in units else name for name in heads])
        for k, t in enumerate(times):
            nodes = itertools.product(*(axis.nodes.tolist() for axis in solution.grid.axes))
            columns = [solution.frame(name, k).values.ravel().tolist() for name in names]
            columns += [[v[() if t is None else k].item()] * solution.grid.size for v in solution.scalars.values()]
            writer.writerows(
                [*([] if t is None else [float(t)]), *node, *values] for node, values in zip(nodes, zip(*columns))
            )


def _hdf5(solution: Solution, path: Path) -> None:
    """A results file: that of the run, or a new one of what was solved in this session."""
    if solution.problem is not None:
        from pdekit.io.results_file import ResultsFile
        from pdekit.outputs import write_solution

        write_solution(ResultsFile(solution.problem, path, force=True), solution)
    elif solution.file is not None and solution.file.is_file():
        shutil.copyfile(solution.file, path)
    else:
        raise StorageError(
            f"{path}: a results file needs the problem, which this solution does not know; take .nc or .npz"
        )


EXPORTS: dict[str, Callable[[Solution, Path], None]] = {
    ".vtkhdf": _vtkhdf,
    ".nc": _netcdf,
    ".npz": _npz,
    ".csv": _csv,
    ".h5": _hdf5,
}


def export(solution: Solution, path: str | Path, *, force: bool = False) -> Path:
    """Write a solution in the format that the path's ending names: .vtkhdf for ParaView, .nc, .npz, .csv or .h5, a results file.

    Parameters
    ----------
    solution : Solution
    path : str or Path
    force : bool
        Replace an existing file.

    Raises
    ------
    StorageError
        No such format, the file exists, or cannot be written.

    Examples
    --------
    >>> import pdekit as pk, tempfile
    >>> rod = pk.Problem(pk.PDE("u_t = u_xx"), pk.Grid(x=pk.Axis(0, 1, 3)), initial={"u": "x"},
    ...                  boundary={"u": {"x": pk.Neumann(0)}})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pk.export(rod.solve(t_end=1.0, frames=2), f"{folder}/rod.csv")
    ...     print(path.read_text().splitlines()[:2])
    ['t,x,u', '0.0,0.0,0.0']
    """
    path = Path(path)
    if path.suffix.lower() not in EXPORTS:
        raise StorageError(f"{path}: allowed are {', '.join(EXPORTS)}, found {path.suffix or 'no ending'}")
    if path.exists() and not force:
        raise StorageError(f"{path} exists; choose another name, or force it")
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        EXPORTS[path.suffix.lower()](solution, partial)
        os.replace(partial, path)  # what was there before stays until the new file is whole
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error}") from None
    finally:
        partial.unlink(missing_ok=True)
    return path
