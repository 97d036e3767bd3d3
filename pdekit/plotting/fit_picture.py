"""Picture of a fit: data, model, residuals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from pdekit.inverse.fit_result import DIGITS, FitResult, significant
from pdekit.inverse.observations import Group
from pdekit.plotting.field_picture import draw_map
from pdekit.plotting.plane import axis_label, caption, closed, planes, time_label
from pdekit.plotting.style import COMPUTED, SEQUENTIAL, colours, picture, save, styled
from pdekit.typing import Array

MOST_CURVES = 8


def plot_fit(fitted: FitResult, *, file: str | Path | None = None) -> Any:
    """Measurements beside the fitted model, and what is left, one row for every quantity; and fields that were fitted.

    Series, and unknowns at a few places, are drawn over time; unknowns at a few times over the one axis; others against the model.

    Parameters
    ----------
    fitted : FitResult
    file : path, optional
        Write the picture there.

    Returns
    -------
    Picture
    """
    groups, fields = fitted.observations.groups, [p for p in fitted.parameters if p.is_field]
    with styled():
        count = len(groups) + len(fields)
        figure = picture(9.0, 3.4 * count + 0.3)
        rows = figure.subplots(count, 2, squeeze=False, width_ratios=(3, 2) if fields else (2, 1))
        for (left, right), group in zip(rows, groups):
            _draw(left, fitted, group)
            _draw_residuals(right, fitted, group)
        for (left, right), parameter in zip(rows[len(groups) :], fields):
            known = np.all(np.isfinite(fitted.errors[parameter.name]))
            _draw_field(figure, left, fitted, parameter.values, parameter.name, fitted.half_widths[parameter.name])
            if known:
                _draw_field(figure, right, fitted, fitted.errors[parameter.name], f"standard error of {parameter.name}")
            right.set_visible(bool(known))
        figure.suptitle(_title(fitted), fontsize=10.5)
    if file is not None:
        save(figure, file)
    return figure


def _draw_field(
    figure: Any, axes: Any, fitted: FitResult, values: Array, label: str, half: Array | None = None
) -> None:
    """Node values: a line with its interval, or a map of the first plane."""
    grid = fitted.problem.grid
    if grid.ndim > 1:
        figure.colorbar(draw_map(axes, planes(grid, values)[0][1], **colours(values)), ax=axes, label=label)
        return
    axes.plot(*closed(grid, 0, values), color=COMPUTED)
    if half is not None and np.all(np.isfinite(half)):
        x, low = closed(grid, 0, values - half)
        axes.fill_between(x, low, closed(grid, 0, values + half)[1], color=COMPUTED, alpha=0.2, lw=0)
    axes.set(xlabel=axis_label(grid, grid.names[0]), ylabel=label)
    axes.margins(x=0)


def _title(fitted: FitResult) -> str:
    words = []
    for p in fitted.parameters:
        if not p.is_field:
            value, half = float(p.values), float(fitted.half_widths[p.name])
            words.append(f"{p.name} = {value:.{significant(value, half)}g} ± {half:.{DIGITS}g}")
    intervals = f"  ({100 * fitted.level:g} % intervals)" if words else ""
    return "\n".join(part for part in (fitted.problem.title, ",  ".join(words) + intervals) if part)


def _draw(axes: Any, fitted: FitResult, group: Group) -> None:
    """Data and model."""
    observations, grid = fitted.observations, fitted.problem.grid
    numbers = group.numbers
    places = np.column_stack([observations.coordinates[name][numbers] for name in grid.names])
    points = np.unique(places, axis=0) if group.points is not None else places[:1]
    moments = np.unique(observations.times[numbers])
    label = _label(fitted, group.name)
    if len(points) <= MOST_CURVES and not fitted.problem.steady:
        _over_time(axes, fitted, group, points, places)
        axes.set(xlabel=time_label(fitted.problem.captions), ylabel=label)
    elif grid.ndim == 1 and moments.size <= MOST_CURVES:
        _over_space(axes, fitted, group, moments)
        axes.set(xlabel=axis_label(grid, grid.names[0]), ylabel=label)
    else:
        _against_model(axes, fitted, group)
        axes.set(xlabel=f"{label}, model", ylabel=f"{label}, measured")


def _label(fitted: FitResult, name: str) -> str:
    return caption(name, fitted.problem.captions.get(name, {}))


def _shades(count: int) -> list[Any]:
    """Colours of so many curves, without the pale end."""
    return [COMPUTED] if count == 1 else list(mpl.colormaps[SEQUENTIAL](np.linspace(0, 0.85, count)))


def _points(axes: Any, fitted: FitResult, x: Array, numbers: Array, shade: Any, label: str | None = None) -> None:
    """Measurements, with bars of their deviations where these are given."""
    observations = fitted.observations
    bars = observations.deviations[numbers] if observations.has_deviations else None
    axes.errorbar(
        x, observations.values[numbers], bars, fmt="o", ms=3.5, color=shade, mec="white", mew=0.4, elinewidth=0.8, label=label
    )  # fmt: skip


def _over_time(axes: Any, fitted: FitResult, group: Group, points: Array, places: Array) -> None:
    grid, observations, run = fitted.problem.grid, fitted.observations, fitted.run
    path = run.path
    times = [t for t, _ in path]
    for point, shade in zip(points, _shades(len(points))):
        own = group.numbers if group.points is None else group.numbers[np.all(places == point, axis=1)]
        curve = [observations.measured(fitted.problem, group, own[:1], t, y)[0] for t, y in path]
        words = ", ".join(f"{name} = {value:g}" for name, value in zip(grid.names, point))
        axes.plot(times, curve, color=shade)
        _points(axes, fitted, observations.times[own], own, shade, words if len(points) > 1 else None)
    if len(points) > 1:
        axes.legend(handlelength=1.0)


def _over_space(axes: Any, fitted: FitResult, group: Group, moments: Array) -> None:
    grid, observations, run = fitted.problem.grid, fitted.observations, fitted.run
    x = observations.coordinates[grid.names[0]]
    for moment, shade in zip(moments, _shades(moments.size)):
        own = group.numbers[observations.times[group.numbers] == moment]
        state = run.states[int(np.argmin(np.abs(run.times - moment)))]
        field = fitted.problem.semidiscrete.unpack(moment, state)[group.name]
        axes.plot(*closed(grid, 0, field), color=shade)
        _points(axes, fitted, x[own], own, shade, f"t = {moment:g}" if moments.size > 1 else None)
    if moments.size > 1:
        axes.legend(handlelength=1.0)


def _against_model(axes: Any, fitted: FitResult, group: Group) -> None:
    model = fitted.predicted[group.numbers]
    ends = [float(model.min()), float(model.max())]
    axes.plot(ends, ends, color="0.6", lw=1)
    _points(axes, fitted, model, group.numbers, COMPUTED)


def _draw_residuals(axes: Any, fitted: FitResult, group: Group) -> None:
    """What is left over time, or over the model where there is none, in units of its deviation."""
    known, steady = fitted.deviation > 0, fitted.problem.steady
    left = fitted.residuals[group.numbers] / (fitted.deviation if known else 1.0)
    over = fitted.predicted if steady else fitted.observations.times
    if known:
        axes.axhspan(-2, 2, color="0.93", lw=0)
    axes.axhline(0, color="0.6", lw=1)
    axes.plot(over[group.numbers], -left, "o", ms=3.5, color=COMPUTED, mec="white", mew=0.4)
    label = f"{_label(fitted, group.name)}, model" if steady else time_label(fitted.problem.captions)
    axes.set(xlabel=label, ylabel="(data − model) / deviation" if known else "data − model")
    if known:
        reach = 1.1 * max(3.0, float(np.max(np.abs(left))))
        axes.set_ylim(-reach, reach)
