"""Picture of two solutions and their difference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pdekit.errors import PdekitError
from pdekit.plotting.field_picture import draw_map
from pdekit.plotting.plane import axis_label, closed, moment, planes, time_label
from pdekit.plotting.solution_picture import label_of
from pdekit.plotting.style import COMPUTED, EXACT, colours, picture, save, styled, visible
from pdekit.verification.comparison import Comparison

NORMS = {"L1": "#4d9221", "L2": COMPUTED, "max": "#b2182b"}


def plot_comparison(comparison: Comparison, name: str | None = None, *, file: str | Path | None = None) -> Any:
    """Both fields and their difference at the last common time (in 3-D on the middle plane), and the norms over time.

    Parameters
    ----------
    comparison : Comparison
    name : str, optional
        The variable; default is the first.
    file : path, optional
        Write the picture there.

    Returns
    -------
    Picture
    """
    name = next(iter(comparison.norms)) if name is None else name
    shown = comparison.fields(name)[0]
    if shown.grid.ndim > 3:
        raise PdekitError(f"fields in {shown.grid.ndim} dimensions are not drawn")
    over_time = comparison.times.size > 1
    with styled():
        if shown.grid.ndim == 1:
            widths, high = [4.2, 4.2], 3.6
        else:
            aspect = float(np.clip(planes(shown.grid, visible(shown.values)[0])[-1][1].aspect, 0.4, 2.5))
            wide, high = 2.6 / max(1.0, aspect), 2.6 * min(1.0, aspect) + 1.0
            widths = [wide + 0.9] * 3  # equal, or one map would be smaller than the others
        widths += [4.0] * over_time
        figure = picture(sum(widths), high)
        panels = figure.subplots(1, len(widths), squeeze=False, width_ratios=widths)[0]
        if shown.grid.ndim == 1:
            _lines(panels, comparison, name)
        else:
            _maps(figure, panels, comparison, name)
        if over_time:
            _norms(panels[-1], comparison, name)
        when = f" at {moment(comparison.times[-1], comparison.first.labels)}" if comparison.times.size else ""
        figure.suptitle(f"{comparison.names[0]} and {comparison.names[1]}{when}")
    if file is not None:
        save(figure, file)
    return figure


def _lines(panels: Any, comparison: Comparison, name: str) -> None:
    first, second = comparison.fields(name)
    grid, label = first.grid, visible(first.values)[1].format(label_of(comparison.first, name))
    panels[0].plot(*closed(grid, 0, visible(first.values)[0]), color=COMPUTED, label=comparison.names[0])
    panels[0].plot(*closed(grid, 0, visible(second.values)[0]), "--", color=EXACT, lw=1.2, label=comparison.names[1])
    panels[0].legend()
    panels[0].set_ylabel(label)
    gap = visible((first - second).values)
    panels[1].plot(*closed(grid, 0, gap[0]), color=NORMS["max"])
    panels[1].set_ylabel(gap[1].format(f"difference of {name}"))
    for axes in panels[:2]:
        axes.set_xlabel(axis_label(grid, grid.names[0]))
        axes.margins(x=0)


def _maps(figure: Any, panels: Any, comparison: Comparison, name: str) -> None:
    first, second = comparison.fields(name)
    label = visible(first.values)[1].format(label_of(comparison.first, name))
    both = colours(np.stack([visible(first.values)[0], visible(second.values)[0]]))
    gap, pattern = visible((first - second).values)
    shown = ((visible(first.values)[0], both), (visible(second.values)[0], both), (gap, colours(gap)))
    titles = (*comparison.names, pattern.format("difference"))
    for axes, (values, limits), title in zip(panels, shown, titles):
        where, plane = planes(first.grid, values)[-1]
        mesh = draw_map(axes, plane, **limits)
        axes.set_title(f"{title}, {where}" if where else title)
        axes.label_outer()
        if axes is panels[1]:
            figure.colorbar(mesh, ax=panels[:2], label=label)
        elif axes is panels[2]:
            figure.colorbar(mesh, ax=axes)


def _norms(axes: Any, comparison: Comparison, name: str) -> None:
    for kind, values in comparison.norms[name].items():
        axes.plot(comparison.times, np.where(values > 0, values, np.nan), color=NORMS[kind], label=kind)
    if any(np.any(values > 0) for values in comparison.norms[name].values()):
        axes.set_yscale("log")
    axes.set(xlabel=time_label(comparison.first.labels), title=f"norms of the difference of {name}")
    axes.legend()
    axes.margins(x=0)
