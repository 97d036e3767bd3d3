"""Picture of modes, with their eigenvalues."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pdekit.plotting.field_picture import draw_map
from pdekit.plotting.plane import axis_label, closed, planes
from pdekit.plotting.style import COMPUTED, DIVERGING, picture, save, styled

if TYPE_CHECKING:
    from pdekit.eigenmodes import Eigenmodes

MOST, COLUMNS = 12, 4


def plot_modes(modes: Eigenmodes, name: str | None = None, *, file: str | Path | None = None) -> Any:
    """The first modes side by side: lines in one dimension, maps in two, the middle plane in three.

    Parameters
    ----------
    modes : Eigenmodes
    name : str, optional
        Which unknown; by default the first.
    file : path, optional
        Write the picture there.

    Returns
    -------
    Picture
    """
    count, grid = min(MOST, modes.values.size), modes.grid
    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    with styled():
        figure = picture(2.4 * columns, (1.8 if grid.ndim == 1 else 2.3) * rows + 0.3)
        panels = np.atleast_1d(figure.subplots(rows, columns, sharex=True, sharey=True)).ravel()
        for k, axes in enumerate(panels):
            if k >= count:
                axes.axis("off")
                continue
            values = np.real(modes.mode(k, name).values)
            axes.set_title(_spelled(modes.values[k]))
            if grid.ndim == 1:
                x, line = closed(grid, 0, values)
                axes.plot(x, line, color=COMPUTED)
                axes.axhline(0, color="0.8", lw=0.8, zorder=0)
                axes.set_xlabel(axis_label(grid, grid.names[0]))
                continue
            _, surface = planes(grid, values)[-1]
            draw_map(axes, surface, cmap=DIVERGING, vmin=-1, vmax=1)
            axes.set_aspect("equal" if surface.equal else "auto")
            axes.label_outer()
            axes.set_xlabel(surface.labels[0])
            axes.set_ylabel(surface.labels[1] if k % columns == 0 else "")
        if modes.title:
            figure.suptitle(modes.title)
    if file is not None:
        save(figure, file)
    return figure


def _spelled(value: complex) -> str:
    if not np.iscomplexobj(value) or abs(np.imag(value)) < 1e-12 * abs(value):
        return f"λ = {np.real(value):.6g}"
    return f"λ = {np.real(value):.4g} {'+' if np.imag(value) >= 0 else '−'} {abs(np.imag(value)):.4g} i"
