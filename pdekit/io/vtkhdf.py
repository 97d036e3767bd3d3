"""Results as VTKHDF files, which ParaView opens with their time series.

Uniform Cartesian grids of two or three dimensions become images; all others become cells between their nodes, mapped to where they lie in space. Periodic axes
are closed by repeating their first nodes.

References
----------
Kitware, *VTK File Formats*, section "VTKHDF", version 2.2.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pdekit.geometry.grid import Grid
from pdekit.solution import Solution
from pdekit.typing import Array

VERSION = (2, 2)
CELL_TYPES = {1: 3, 2: 9, 3: 12}  # line, quadrilateral, hexahedron
# Corners of a cell in VTK's order, as steps along the axes.
CORNERS = {
    1: ((0,), (1,)),
    2: ((0, 0), (1, 0), (1, 1), (0, 1)),
    3: ((0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)),
}


def write_vtkhdf(solution: Solution, path: Path) -> None:
    """Write all frames of all variables."""
    grid = solution.grid
    fields = {name: data for variable, values in solution.values.items() for name, data in _real(variable, values)}
    frames = {name: _closed(grid, data if not solution.steady else data[None]) for name, data in fields.items()}
    times = np.zeros(1) if solution.steady else solution.times
    with h5py.File(path, "w") as file:
        root = file.create_group("VTKHDF")
        root.attrs["Version"] = VERSION
        uniform = grid.ndim > 1 and grid.geometry is None and all(axis.uniform for axis in grid.axes)
        write = _write_image if uniform else _write_cells
        write(root, grid, frames, times)
        _write_numbers(root, solution, times.size)


def _real(name: str, values: Array) -> list[tuple[str, Array]]:
    """Complex values as real and imaginary parts and modulus."""
    if not np.iscomplexobj(values):
        return [(name, values)]
    return [(f"{name}_real", values.real), (f"{name}_imag", values.imag), (f"{name}_modulus", np.abs(values))]


def _closed(grid: Grid, frames: Array) -> Array:
    """Frames with the first nodes of periodic axes repeated at their ends."""
    for k, axis in enumerate(grid.axes, 1):
        if axis.periodic:
            frames = np.concatenate([frames, frames.take([0], axis=k)], axis=k)
    return frames


def _lines(grid: Grid) -> list[Array]:
    """Coordinates along the axes, periodic ones closed."""
    return [np.append(a.nodes, a.nodes[0] + a.length) if a.periodic else a.nodes for a in grid.axes]


def _kind(group: Any, kind: str) -> None:
    group.attrs.create("Type", np.bytes_(kind), dtype=h5py.string_dtype("ascii", len(kind)))


def _steps(group: Any, times: Array, names: Any, size: int) -> Any:
    steps = group.create_group("Steps")
    steps.attrs["NSteps"] = times.size
    steps["Values"] = times
    offsets = steps.create_group("PointDataOffsets")
    for name in names:
        offsets[name] = np.arange(times.size, dtype=np.int64) * size
    return steps


def _write_numbers(group: Any, solution: Solution, count: int) -> None:
    """Scalar unknowns as field data, one number for every step."""
    numbers = {n: np.atleast_1d(v) for name, values in solution.scalars.items() for n, v in _real(name, values)}
    if not numbers:
        return
    data, offsets, sizes = (
        group.create_group("FieldData"),
        *(group["Steps"].create_group(f"FieldData{n}") for n in ("Offsets", "Sizes")),
    )
    for name, values in numbers.items():
        data[name] = values
        offsets[name] = np.arange(count, dtype=np.int64)
        sizes[name] = np.ones((count, 2), dtype=np.int64)  # components and tuples


def _write_image(group: Any, grid: Grid, frames: dict[str, Array], times: Array) -> None:
    lines, more = _lines(grid), 3 - grid.ndim
    _kind(group, "ImageData")
    group.attrs["WholeExtent"] = [e for line in lines for e in (0, line.size - 1)] + [0, 0] * more
    group.attrs["Origin"] = [float(line[0]) for line in lines] + [0.0] * more
    group.attrs["Spacing"] = [float(line[1] - line[0]) for line in lines] + [1.0] * more
    group.attrs["Direction"] = np.eye(3).ravel()
    data = group.create_group("PointData")
    for name, values in frames.items():
        turned = values.transpose(0, *range(grid.ndim, 0, -1))  # the first axis fastest
        data.create_dataset(name, data=turned, compression="gzip", compression_opts=1)
    _steps(group, times, frames, 1)


def _write_cells(group: Any, grid: Grid, frames: dict[str, Array], times: Array) -> None:
    lines, d = _lines(grid), grid.ndim
    shape = tuple(line.size for line in lines)
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    corners = [numbers[tuple(slice(s, n - 1 + s) for s, n in zip(step, shape))].ravel() for step in CORNERS[d]]
    cells = np.stack(corners, axis=1)
    points = _points(grid, list(np.meshgrid(*lines, indexing="ij")))
    _kind(group, "UnstructuredGrid")
    group["NumberOfPoints"], group["NumberOfCells"] = [points.shape[0]], [cells.shape[0]]
    group["NumberOfConnectivityIds"] = [cells.size]
    group["Points"], group["Connectivity"] = points, cells.ravel().astype(np.int64)
    group["Offsets"] = np.arange(cells.shape[0] + 1, dtype=np.int64) * cells.shape[1]
    group["Types"] = np.full(cells.shape[0], CELL_TYPES[d], dtype=np.uint8)
    data = group.create_group("PointData")
    for name, values in frames.items():
        data.create_dataset(name, data=values.ravel(), compression="gzip", compression_opts=1)
    steps = _steps(group, times, frames, points.shape[0])
    nothing = np.zeros(times.size, dtype=np.int64)
    steps["NumberOfParts"] = nothing + 1
    steps["PartOffsets"] = nothing
    steps["PointOffsets"] = nothing
    for name in ("CellOffsets", "ConnectivityIdOffsets"):
        steps[name] = nothing[:, None]


def _points(grid: Grid, coordinates: list[Array]) -> Array:
    """Where the nodes lie in space."""
    by_name = dict(zip(grid.names, coordinates))
    zero = np.zeros_like(coordinates[0])
    if grid.geometry is None:
        found = [*coordinates, *[zero] * (3 - grid.ndim)]
    else:
        r, phi, z = by_name["r"], by_name.get("phi", zero), by_name.get("z", zero)
        if grid.system == "spherical":
            theta = by_name.get("theta", zero + np.pi / 2)
            r, z = r * np.sin(theta), r * np.cos(theta)
        found = [r * np.cos(phi), r * np.sin(phi), z]
    return np.stack([part.ravel() for part in found], axis=1)
