"""Pictures of one field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.errors import PdekitError
from pdekit.field import Field
from pdekit.grid import Grid
from pdekit.plotting.style import COMPUTED, colours, picture, save, styled, visible


def axis_label(grid: Grid, name: str) -> str:
    """``position x [m]``"""
    axis = grid[name]
    return f"{axis.long_name + ' ' if axis.long_name else ''}{name}{f' [{axis.unit}]' if axis.unit else ''}"


def closed(grid: Grid, axis: int, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Coordinates and values along an axis, the first node repeated at the end of a periodic one."""
    line = grid.axes[axis]
    if not line.periodic:
        return line.nodes, values
    return np.append(line.nodes, line.nodes[0] + line.length), np.concatenate(
        [values, values.take([0], axis=axis)], axis=axis
    )


def draw_map(axes: Any, grid: Grid, values: NDArray[Any], **limits: Any) -> Any:
    """A map of a two-dimensional field, first axis to the right; returns what a colour bar needs."""
    x, values = closed(grid, 0, values)
    y, values = closed(grid, 1, values)
    mesh = axes.pcolormesh(x, y, values.T, shading="gouraud", rasterized=True, **limits)
    axes.set_xlabel(axis_label(grid, grid.names[0]))
    axes.set_ylabel(axis_label(grid, grid.names[1]))
    ratio = grid.axes[1].length / grid.axes[0].length
    axes.set_aspect("equal" if 0.2 < ratio < 5 else "auto")
    return mesh


def slices(field: Field) -> list[tuple[str, Grid, NDArray[Any]]]:
    """The three middle planes of a three-dimensional field: title, grid of the plane, values."""
    found = []
    for k, name in enumerate(field.grid.names):
        middle = field.grid.axes[k].size // 2
        rest = {n: a for n, a in zip(field.grid.names, field.grid.axes) if n != name}
        title = f"{name} = {field.grid.axes[k].nodes[middle]:.3g}"
        found.append((title, Grid(rest), field.values.take(middle, axis=k)))
    return found


def plot_field(field: Field, *, file: str | Path | None = None, title: str | None = None) -> Any:
    """Draw a field: a line in 1-D, a map in 2-D, the three middle planes in 3-D; the modulus of a complex field.

    Parameters
    ----------
    field : Field
    file : path, optional
        Write the picture there.
    title : str, optional

    Returns
    -------
    Picture
        A matplotlib figure that shows itself in notebooks.
    """
    values, name = visible(field.values)
    label = name.format(field.name or "u")
    field = Field(field.grid, values, field.name)
    grid = field.grid
    with styled():
        if grid.ndim == 1:
            figure = picture(5.2, 3.4)
            axes = figure.subplots()
            axes.plot(*closed(grid, 0, values), color=COMPUTED)
            axes.set(xlabel=axis_label(grid, grid.names[0]), ylabel=label, title=title)
            axes.margins(x=0)
        elif grid.ndim == 2:
            figure = picture(5.2, 4.2)
            axes = figure.subplots()
            figure.colorbar(draw_map(axes, grid, values, **colours(values)), ax=axes, label=label)
            axes.set_title(title or "")
        elif grid.ndim == 3:
            figure = picture(11, 3.6)
            panels = figure.subplots(1, 3)
            limits = colours(values)
            for axes, (where, plane, plane_values) in zip(panels, slices(field)):
                mesh = draw_map(axes, plane, plane_values, **limits)
                axes.set_title(where)
            figure.colorbar(mesh, ax=list(panels), label=label)
            if title:
                figure.suptitle(title)
        else:
            raise PdekitError(f"fields in {grid.ndim} dimensions are not drawn; take a slice")
    if file is not None:
        save(figure, file)
    return figure
