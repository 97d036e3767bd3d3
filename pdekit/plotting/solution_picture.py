"""Pictures of a solution in time."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from pdekit.errors import PdekitError
from pdekit.geometry.grid import Field
from pdekit.plotting.field_picture import draw_map, plot_field
from pdekit.plotting.plane import axis_label, caption, closed, moment, planes, time_label
from pdekit.plotting.style import COMPUTED, EXACT, SEQUENTIAL, colours, picture, save, styled, visible
from pdekit.solution import Solution
from pdekit.typing import Array

Kind = Literal["lines", "kymograph", "map", "slices"]
KINDS_OF = {1: ("lines", "kymograph"), 2: ("map",), 3: ("slices",)}
MOST_LINES = 9


def choose_variable(solution: Solution, name: str | None) -> str:
    """The variable that is drawn: the one named, or the first."""
    name = solution.variables[0] if name is None else name
    solution.frame(name)  # raises if there is none
    return name


def label_of(solution: Solution, name: str) -> str:
    """``temperature u [K]``"""
    return caption(name, solution.labels.get(name, {}))


def side_by_side(solution: Solution, name: str) -> list[str]:
    """A variable, with those whose regions of the axis lie beside its own and beside each other: they share a picture."""
    found = [name]
    for other in solution.regions if name in solution.regions else ():
        covered = sum(solution.regions[n].within.astype(int) for n in (*found, other))
        shared = np.flatnonzero(covered > 1)
        if other in solution.values and other not in found and not np.any(np.diff(shared) == 1):
            found.append(other)
    return found


def _chosen_frames(count: int, most: int) -> list[int]:
    return sorted(set(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()))


def plot_solution(
    solution: Solution, name: str | None = None, *, kind: Kind | None = None, file: str | Path | None = None
) -> Any:
    """Draw a solution, the exact one beside it where it is known.

    Parameters
    ----------
    solution : Solution
    name : str, optional
        The variable; default is the first. A series, or a scalar unknown, is drawn over time.
    kind : {"lines", "kymograph", "map", "slices"}, optional
        In 1-D lines over time or a kymograph (default: both), in 2-D maps, in 3-D slices.
    file : path, optional
        Write the picture there.

    Returns
    -------
    Picture
    """
    if name is not None and name not in solution.values:
        over_time = numbers_over_time(solution, name)
        if over_time is not None:
            return _written(_over_time(solution, name, *over_time), file)
    name = choose_variable(solution, name)
    allowed = KINDS_OF.get(solution.grid.ndim, ())
    if kind is not None and kind not in allowed:
        raise PdekitError(
            f"a solution in {solution.grid.ndim} dimensions is drawn as {' or '.join(allowed)}, not as {kind}"
        )
    with styled():
        if solution.grid.ndim == 1:
            figure = _steady_line(solution, name) if solution.steady else _lines_and_kymograph(solution, name, kind)
        elif solution.grid.ndim == 2:
            figure = _maps(solution, name)
        else:
            figure = _slices(solution, name)
    return _written(figure, file)


def _written(figure: Any, file: str | Path | None) -> Any:
    if file is not None:
        save(figure, file)
    return figure


def numbers_over_time(solution: Solution, name: str) -> tuple[Array, Array] | None:
    """Times and values of a series or of a scalar unknown of that name; None if there is none."""
    if name in solution.series:
        return solution.series["t"], solution.series[name]
    if name in solution.scalars and not solution.steady:
        return solution.times, solution.scalars[name]
    return None


def _over_time(solution: Solution, name: str, times: Array, values: Array) -> Any:
    figure = picture(7.2, 3.4)
    axes = figure.subplots()
    shown, pattern = visible(values)
    axes.plot(times, shown, color=COMPUTED, label="computed")
    if name in solution.exact_names and solution.exact is not None:
        exact = [solution.exact(name, float(t)) for t in times]
        axes.plot(times, visible(np.array(exact))[0], "--", color=EXACT, lw=1, label="exact")
        axes.legend()
    axes.set(xlabel=time_label(solution.labels), ylabel=pattern.format(label_of(solution, name)))
    axes.set_title(solution.title)
    axes.margins(x=0)
    return figure


def _steady_line(solution: Solution, name: str) -> Any:
    figure = picture(6.4, 3.6)
    axes = figure.subplots()
    grid = solution.grid
    axes.plot(*closed(grid, 0, visible(solution[name].values)[0]), color=COMPUTED, label="computed")
    if name in solution.exact_names:
        axes.plot(
            *closed(grid, 0, visible(solution.exact_field(name).values)[0]), "--", color=EXACT, lw=1, label="exact"
        )
        axes.legend()
    axes.set(xlabel=axis_label(grid, grid.names[0]), ylabel=label_of(solution, name))
    axes.set_title(solution.title)
    axes.margins(x=0)
    return figure


def _lines_and_kymograph(solution: Solution, name: str, kind: Kind | None) -> Any:
    if kind is None:
        figure = picture(10, 3.8)
        left, right = figure.subplots(1, 2)
        _lines(figure, left, solution, name)
        _kymograph(figure, right, solution, name)
        figure.suptitle(solution.title)
        return figure
    figure = picture(5.8, 3.8)
    axes = figure.subplots()
    (_lines if kind == "lines" else _kymograph)(figure, axes, solution, name)
    axes.set_title(solution.title)
    return figure


def _lines(figure: Any, axes: Any, solution: Solution, name: str) -> None:
    grid, times = solution.grid, solution.times
    norm = Normalize(times[0], times[-1])
    colour = mpl.colormaps[SEQUENTIAL]
    names = side_by_side(solution, name)
    for index in _chosen_frames(times.size, MOST_LINES):
        shade = colour(0.92 * norm(times[index]))  # the last yellow is too pale on white
        for one in names:
            axes.plot(*closed(grid, 0, visible(solution.frame(one, index).values)[0]), color=shade)
        for one in (n for n in names if n in solution.exact_names):
            x, values = closed(grid, 0, visible(solution.exact_field(one, index).values)[0])
            label = "exact" if index == 0 and one == name else None
            axes.plot(x, values, ":", color=EXACT, lw=1.1, label=label)
    if name in solution.exact_names:
        axes.legend(handlelength=1.5)
    mapping = ScalarMappable(norm, mpl.colors.ListedColormap(colour(np.linspace(0, 0.92, 256))))
    figure.colorbar(mapping, ax=axes, label=time_label(solution.labels))
    axes.set(
        xlabel=axis_label(grid, grid.names[0]),
        ylabel=_label_of_all(solution, names),
    )
    axes.margins(x=0)
    if name in solution.regions:
        axes.set_xlim(*grid.axes[0].nodes[[0, -1]])


def _label_of_all(solution: Solution, names: list[str]) -> str:
    return ", ".join(visible(solution.values[name])[1].format(label_of(solution, name)) for name in names)


def _kymograph(figure: Any, axes: Any, solution: Solution, name: str) -> None:
    grid = solution.grid
    names = side_by_side(solution, name)
    shown = {one: visible(solution.values[one])[0] for one in names}
    limits = colours(np.concatenate(list(shown.values())))
    for one, frames in shown.items():
        x, stacked = closed(grid, 0, frames.T)
        here = solution.nodes_of(one).within if one in solution.regions else ...
        mesh = axes.pcolormesh(x[here], solution.times, stacked[here].T, shading="gouraud", rasterized=True, **limits)
    figure.colorbar(mesh, ax=axes, label=_label_of_all(solution, names))
    axes.set(xlabel=axis_label(grid, grid.names[0]), ylabel=time_label(solution.labels))


def _rows(solution: Solution, name: str, index: int) -> list[tuple[str, Field]]:
    """What is drawn below each other: computed, and exact and difference where known."""
    computed = solution.frame(name, index)
    found = [("computed", computed)]
    if name in solution.exact_names:
        exact = solution.exact_field(name, index)
        found += [("exact", exact), ("difference", computed - exact)]
    return found


def _maps(solution: Solution, name: str) -> Any:
    """Maps at up to four times; with an exact solution, computed, exact and difference below each other."""
    indices = [-1] if solution.steady else _chosen_frames(solution.times.size, 4)
    columns = [_rows(solution, name, index) for index in indices]
    rows = len(columns[0])
    shape = planes(solution.grid, visible(columns[0][0][1].values)[0])[0][1].aspect
    aspect = float(np.clip(shape, 0.4, 2.5))
    wide, high = 2.6 / max(1.0, aspect), 2.6 * min(1.0, aspect)
    figure = picture((wide + 0.35) * len(indices) + 1.7, (high + 0.5) * rows + 0.6)
    panels = figure.subplots(rows, len(indices), squeeze=False, sharex=True, sharey=True)
    label = visible(solution.values[name])[1].format(label_of(solution, name))
    shared = colours(visible(solution.values[name])[0])
    for i in range(rows):
        limits = shared
        if columns[0][i][0] == "difference":
            limits = colours(np.stack([visible(column[i][1].values)[0] for column in columns]))
        for j, column in enumerate(columns):
            axes = panels[i, j]
            what, field = column[i]
            mesh = draw_map(axes, planes(solution.grid, visible(field.values)[0])[0][1], **limits)
            axes.label_outer()
            when = "" if solution.steady else moment(solution.times[indices[j]], solution.labels)
            if rows == 1:
                axes.set_title(when)
            elif i == 0:
                axes.set_title(f"{when}\n{what}" if when else what)
            else:
                axes.set_title(what)
        figure.colorbar(mesh, ax=list(panels[i]), label=label if columns[0][i][0] != "difference" else "difference")
    figure.suptitle(solution.title)
    return figure


def _slices(solution: Solution, name: str) -> Any:
    rows = _rows(solution, name, -1)
    figure = picture(11, 3.2 * len(rows) + 0.3)
    panels = figure.subplots(len(rows), 3, squeeze=False)
    for row, (what, field) in zip(panels, rows):
        values, pattern = visible(field.values)
        limits = colours(values)
        for axes, (where, plane) in zip(row, planes(field.grid, values)):
            mesh = draw_map(axes, plane, **limits)
            axes.set_title(f"{where}, {what}" if len(rows) > 1 else where)
        figure.colorbar(
            mesh, ax=list(row), label="difference" if what == "difference" else pattern.format(label_of(solution, name))
        )
    when = "" if solution.steady else f", {moment(solution.times[-1], solution.labels)}"
    figure.suptitle(f"{solution.title}{when}")
    return figure


__all__ = ["plot_field", "plot_solution"]
