"""Pictures of one field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pdekit.errors import PdekitError
from pdekit.geometry.grid import Field
from pdekit.plotting.domain_outline import clip_to_domain, continued
from pdekit.plotting.plane import Plane, axis_label, closed, planes
from pdekit.plotting.style import COMPUTED, colours, picture, save, styled, visible


def draw_map(axes: Any, plane: Plane, **limits: Any) -> Any:
    """A map of a plane, its first axis to the right; returns what a colour bar needs."""
    values = plane.values if plane.level is None else continued(plane.values)
    mesh = axes.pcolormesh(plane.x, plane.y, values, shading="gouraud", rasterized=True, **limits)
    if plane.level is not None:
        clip_to_domain(axes, mesh, plane)
    axes.set_xlabel(plane.labels[0])
    axes.set_ylabel(plane.labels[1])
    axes.set_aspect("equal" if plane.equal else "auto")
    return mesh


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
            figure.colorbar(draw_map(axes, planes(grid, values)[0][1], **colours(values)), ax=axes, label=label)
            axes.set_title(title or "")
        elif grid.ndim == 3:
            figure = picture(11, 3.6)
            panels = figure.subplots(1, 3)
            limits = colours(values)
            for axes, (where, plane) in zip(panels, planes(grid, values)):
                mesh = draw_map(axes, plane, **limits)
                axes.set_title(where)
            figure.colorbar(mesh, ax=list(panels), label=label)
            if title:
                figure.suptitle(title)
        else:
            raise PdekitError(f"fields in {grid.ndim} dimensions are not drawn; take a slice")
    if file is not None:
        save(figure, file)
    return figure
