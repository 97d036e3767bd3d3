"""Branches of steady solutions in HDF5 files: those of results, with points along the branch for frames."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pdekit.branches.branch import Branch, SingularPoint
from pdekit.data.hdf5 import open_hdf5
from pdekit.errors import StorageError
from pdekit.io.hdf5_reader import read_result
from pdekit.io.hdf5_writer import axis_scales, check_output
from pdekit.io.results_file import description
from pdekit.solution import grid_of

SINGULAR = "singular_points"
COLUMNS = ("point", "mode", "arclength", "measure", "unstable", "growth", "frequency")


def write_branch(branch: Branch, path: str | Path, *, force: bool = False) -> Branch:
    """Write a branch: the unknowns over the points and the grid, the parameter's values as coordinate of the points, stability.

    ``xarray.open_dataset(path, engine="h5netcdf")`` opens it; its group ``singular_points`` holds folds and the like in the same way.

    Parameters
    ----------
    branch : Branch
    path : str or Path
    force : bool
        Replace an existing file, once the new one is complete.

    Returns
    -------
    Branch
        The same, with its file.

    Raises
    ------
    StorageError
        The file exists, or cannot be written.
    """
    path = Path(path)
    check_output(path, force)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(partial, "w", libver="latest", locking=False) as file:
            _write(file, branch)
        os.replace(partial, path)
    except OSError as error:
        raise StorageError(f"output {path} cannot be written: {error}") from None
    finally:
        partial.unlink(missing_ok=True)
    return replace(branch, file=path)


def _write(file: Any, branch: Branch) -> None:
    file.attrs["Conventions"] = "CF-1.10"
    for key, value in description(branch.grid, branch.title, list(branch.fields), branch.config).items():
        file.attrs[key] = value
    words = _columns({branch.parameter, *branch.fields, *branch.grid.names})
    file.attrs.update(
        status="complete", statistics=json.dumps(branch.statistics), wall_time_seconds=branch.wall_time,
        method="continuation", method_reasons=branch.ended, branch_parameter=branch.parameter,
        branch_measure=branch.measured_by, branch_columns=json.dumps(words), notes="\n".join(branch.notes),
    )  # fmt: skip
    axes = axis_scales(file, branch.grid)
    mode = _scale(file, words["mode"], branch.eigenvalues.shape[1])
    point = _scale(file, words["point"], branch.size)
    columns = {
        words["arclength"]: branch.arclength,
        words["measure"]: branch.measure,
        words["unstable"]: branch.unstable,
    }
    _columns_of(file, branch, point, axes, {branch.parameter: branch.values, **columns}, branch.fields)
    for name, values in ((words["growth"], branch.eigenvalues.real), (words["frequency"], branch.eigenvalues.imag)):
        _attached(file, name, values, [point, mode])
    file[words["measure"]].attrs["long_name"] = branch.measured_by
    if branch.singular_points:
        _write_singular(file.create_group(SINGULAR), branch, words, axes)


def _write_singular(group: Any, branch: Branch, words: dict[str, str], axes: list[Any]) -> None:
    found = branch.singular_points
    point = _scale(group, words["point"], len(found))
    columns = {
        branch.parameter: np.array([p.value for p in found]),
        words["arclength"]: np.array([p.arclength for p in found]),
        words["measure"]: np.array([p.measure for p in found]),
        words["frequency"]: np.array([p.frequency for p in found]),
    }
    fields = {name: np.stack([p.fields[name] for p in found]) for name in branch.fields}
    _columns_of(group, branch, point, axes, columns, fields)
    _attached(group, "kind", np.array([p.kind for p in found], dtype=h5py.string_dtype()), [point])


def _columns(taken: Collection[str]) -> dict[str, str]:
    """The names of what every branch has, with an underscore where a problem uses them itself."""
    found = {}
    for word in COLUMNS:
        name = word
        while name in taken:
            name += "_"
        found[word] = name
    return found


def _scale(place: Any, name: str, count: int) -> Any:
    scale = place.create_dataset(name, data=np.arange(count))
    scale.make_scale(name)
    return scale


def _columns_of(place: Any, branch: Branch, point: Any, axes: list[Any], columns: Any, fields: Any) -> None:
    """Numbers by point, and fields by point and axis with the parameter as their coordinate."""
    for name, values in columns.items():
        _attached(place, name, values, [point])
    for name, values in fields.items():
        data = _attached(place, name, values, [point, *axes])
        data.attrs["coordinates"] = branch.parameter
        for key, value in branch.labels.get(name, {}).items():
            data.attrs[key] = value


def _attached(place: Any, name: str, values: Any, scales: list[Any]) -> Any:
    data = place.create_dataset(name, data=values)
    for k, scale in enumerate(scales):
        data.dims[k].attach_scale(scale)
    return data


def holds_branch(path: str | Path) -> bool:
    """Whether a results file holds a branch.

    Raises
    ------
    StorageError
        There is no such file, or it is not a results file.
    """
    return "branch_parameter" in read_result(path).attributes


def open_branch(path: str | Path) -> Branch:
    """Read a branch from its file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Branch

    Raises
    ------
    StorageError
        There is no such file, or it holds no branch.
    """
    stored = read_result(path)
    attributes = stored.attributes
    if "branch_parameter" not in attributes:
        raise StorageError(f"{path} holds no branch; pk.open_result opens results")
    parameter, words = str(attributes["branch_parameter"]), json.loads(attributes["branch_columns"])
    with open_hdf5(stored.path) as file:
        column = {word: np.asarray(file[name]) for word, name in words.items()}
        return Branch(
            grid_of(
                stored.axes,
                stored.periods,
                stored.labels,
                str(attributes["coordinate_system"]),
                stored.ranges,
                stored.layers,
                stored.interfaces,
            ),
            parameter,
            np.asarray(file[parameter]),
            {name: np.asarray(file[name]) for name in stored.variables},
            column["arclength"],
            str(attributes["branch_measure"]),
            column["measure"],
            column["growth"] + 1j * column["frequency"],
            column["unstable"],
            _singular_points(file, parameter, words, stored.variables),
            str(attributes["method_reasons"]),
            notes=tuple(str(attributes["notes"]).split("\n")) if attributes["notes"] else (),
            title=str(attributes["title"]),
            statistics=attributes["statistics"],
            wall_time=float(attributes["wall_time_seconds"]),
            labels={name: stored.labels[name] for name in stored.variables if stored.labels[name]},
            config=str(attributes["config"]),
            file=stored.path,
        )


def _singular_points(file: Any, parameter: str, words: dict[str, str], variables: Collection[str]) -> tuple[Any, ...]:
    if SINGULAR not in file:
        return ()
    group, found = file[SINGULAR], []
    for k, kind in enumerate(group["kind"].asstr()[()]):
        numbers = {name: float(group[words[name]][k]) for name in ("arclength", "measure", "frequency")}
        fields = {name: np.asarray(group[name][k]) for name in variables}
        found.append(SingularPoint(kind=kind, value=float(group[parameter][k]), fields=fields, **numbers))
    return tuple(found)
