"""Estimated errors in a results file: a group ``estimate`` beside the variables, with the same dimensions."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from pdekit.errors import StorageError

if TYPE_CHECKING:
    from pdekit.verification.estimate import ErrorEstimate


def write_estimate(found: ErrorEstimate, path: Path) -> None:
    """Add the estimated errors of a run to its file, which is replaced when that is done.

    Of every variable ``NAME_space`` and ``NAME_time``, the greatest errors at the stored times from the grid and from the steps, with the
    attribute ``order``; and ``NAME_error``, the error in space on every node.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        shutil.copyfile(path, partial)
        with h5py.File(partial, "r+", locking=False) as file:
            scales = [file[name] for name in ("t", *_axes(file)) if name in file]
            group = file.create_group("estimate")
            group.attrs["long_name"] = "estimated errors, by Richardson's extrapolation"
            for name in found.space:
                units = {"units": file[name].attrs["units"]} if "units" in file[name].attrs else {}
                over_time = scales[:1] if "t" in file else []
                for what, errors in (("space", found.space[name]), ("time", found.time[name])):
                    _add(group, f"{name}_{what}", errors if over_time else errors[0], over_time, units)
                group[f"{name}_space"].attrs["order"] = found.order[name]
                if name in found.fields:
                    _add(group, f"{name}_error", found.fields[name], scales, units)
        os.replace(partial, path)
    except OSError as error:
        raise StorageError(f"output {path} cannot be written: {error}") from None
    finally:
        partial.unlink(missing_ok=True)


def _axes(file: h5py.File) -> list[str]:
    import json

    return list(json.loads(file.attrs["dimensions"]))


def _add(group: h5py.Group, name: str, values: np.ndarray, scales: list[h5py.Dataset], units: dict[str, str]) -> None:
    data = group.create_dataset(name, data=values)
    data.attrs.update(units)
    for k, scale in enumerate(scales[: data.ndim]):
        data.dims[k].attach_scale(scale)
