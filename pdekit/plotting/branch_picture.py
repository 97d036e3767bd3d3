"""Picture of a branch of steady solutions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from pdekit.branches.branch import Branch
from pdekit.plotting.plane import axis_label, caption, closed
from pdekit.plotting.style import COMPUTED, SEQUENTIAL, picture, save, styled
from pdekit.typing import Array

SOLID, DASHED = "-", (0, (4, 2))
FINE = 12  # points of the curve for each point of the branch
MARKS = {"fold": ("o", "#b2182b"), "branch point": ("D", "#5aae61"), "Hopf": ("s", "#e08214")}
MOST_PROFILES, MOST_LABELS = 6, 3


def plot_branch(branch: Branch, name: str | None = None, *, file: str | Path | None = None) -> Any:
    """The measure of the branch over its parameter, stable parts solid and unstable ones dashed, singular points marked.

    In one dimension solutions along the branch stand beside it.

    Parameters
    ----------
    branch : Branch
    name : str, optional
        The unknown whose solutions are drawn; by default the first.
    file : path, optional
        Write the picture there.

    Returns
    -------
    Picture
    """
    with styled():
        beside = branch.grid.ndim == 1
        figure = picture(9.6 if beside else 5.6, 4.1)
        panels = figure.subplots(1, 2, width_ratios=(1.35, 1)) if beside else [figure.subplots()]
        shown = _profiles(branch)
        handles = _curve(panels[0], branch)
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles) if beside else 3, fontsize=9)
        if beside:
            shades = _shades(len(shown))
            _solutions(panels[1], branch, name, shown, shades)
            panels[0].scatter(branch.values[shown], branch.measure[shown], s=22, c=shades, zorder=4)
        if branch.title:
            figure.suptitle(branch.title)
    if file is not None:
        save(figure, file)
    return figure


def _knots(branch: Branch) -> tuple[Array, Array, Array]:
    """Arclength, parameter and measure of all points, singular ones among them."""
    extra = np.array([[p.arclength, p.value, p.measure] for p in branch.singular_points]).reshape(-1, 3)
    rows = np.vstack([np.column_stack([branch.arclength, branch.values, branch.measure]), extra])
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    rows = rows[np.append(True, np.diff(rows[:, 0]) > 1e-12 * max(rows[-1, 0], 1e-300))]
    return rows[:, 0], rows[:, 1], rows[:, 2]


def _curve(axes: Any, branch: Branch) -> list[Any]:
    """Draw the branch; what stands in the legend."""
    s, p, m = _knots(branch)
    p_of, m_of = PchipInterpolator(s, p), PchipInterpolator(s, m)
    for stable, (left, right) in _stretches(branch):
        fine = np.unique(np.append(np.linspace(left, right, FINE * branch.size), s[(s >= left) & (s <= right)]))
        axes.plot(p_of(fine), m_of(fine), ls=SOLID if stable else DASHED, color=COMPUTED)
    handles = [
        axes.plot([], [], ls=style, color=COMPUTED, label=label)[0]
        for style, label, there in (
            (SOLID, "stable", branch.stable.any()),
            (DASHED, "unstable", not branch.stable.all()),
        )
        if there
    ]
    for kind, (marker, colour) in MARKS.items():
        found = [point for point in branch.singular_points if point.kind == kind]
        if not found:
            continue
        label = f"{kind}: {branch.parameter} = " + ", ".join(f"{point.value:.5g}" for point in found[:MOST_LABELS])
        label += f" and {len(found) - MOST_LABELS} more" if len(found) > MOST_LABELS else ""
        handles.append(
            axes.scatter(
                [point.value for point in found], [point.measure for point in found], marker=marker, s=34,
                color=colour, zorder=5, label=label,
            )
        )  # fmt: skip
    axes.set(xlabel=branch.parameter, ylabel=branch.measured_by)
    return handles


def _stretches(branch: Branch) -> list[tuple[bool, tuple[float, float]]]:
    """Parts of the branch, in arclength, with or without unstable modes; they meet at singular points, or half-way."""
    found, begin = [], float(branch.arclength[0])
    for k in np.flatnonzero(np.diff(branch.stable)):
        left, right = branch.arclength[k], branch.arclength[k + 1]
        between = [point.arclength for point in branch.singular_points if left <= point.arclength <= right]
        end = float(between[0 if branch.stable[k] else -1] if between else 0.5 * (left + right))
        found.append((bool(branch.stable[k]), (begin, end)))
        begin = end
    return [*found, (bool(branch.stable[-1]), (begin, float(branch.arclength[-1])))]


def _profiles(branch: Branch) -> Array:
    """Points whose solutions are drawn: evenly along the branch in its measure and parameter."""
    spans = [max(float(np.ptp(values)), 1e-300) for values in (branch.values, branch.measure)]
    steps = np.hypot(np.diff(branch.values) / spans[0], np.diff(branch.measure) / spans[1])
    along = np.append(0.0, np.cumsum(steps))
    wanted = np.linspace(0, along[-1], min(MOST_PROFILES, branch.size))
    return np.unique(np.abs(along[:, None] - wanted).argmin(axis=0))


def _shades(count: int) -> Any:
    import matplotlib as mpl

    return mpl.colormaps[SEQUENTIAL](np.linspace(0, 0.9, count))


def _solutions(axes: Any, branch: Branch, name: str | None, shown: Array, shades: Any) -> None:
    grid = branch.grid
    for index, shade in zip(shown, shades):
        x, line = closed(grid, 0, branch.field(int(index), name).values)
        axes.plot(x, line, ls=SOLID if branch.stable[index] else DASHED, color=shade)
    name = next(iter(branch.fields)) if name is None else name
    entry = branch.labels.get(name, {})
    axes.set(xlabel=axis_label(grid, grid.names[0]), ylabel=caption(name, entry))
    axes.margins(x=0)
