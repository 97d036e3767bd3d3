"""What the figures of a page show: plain data and packed frames, drawn by ``figures.js``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pdekit.errors import ExpressionError
from pdekit.geometry.grid import Field
from pdekit.plotting.domain_outline import continued, outline
from pdekit.plotting.plane import Plane, axis_label, closed, planes, time_label
from pdekit.plotting.solution_picture import label_of
from pdekit.plotting.style import colours, visible
from pdekit.reporting.encoding import Limits, as_text, packed
from pdekit.solution import Solution

MOST_BYTES = 10_000_000  # of all packed frames: with base64 and the rest 14 MB
MOST_ACROSS = 512  # nodes along an axis of a map: more than a picture has points
MOST_ALONG = 4000  # nodes of a line
MOST_ROWS = 2000  # of a curve over time
MOST_ASIDE = 1000  # nodes of a kymograph
ROOM = 0.05  # beyond the values, as a share of an axis
ROUNDING = 1e-13  # errors below this share of a field are none
LEAST_KYMOGRAPH = 4  # frames

Group = Literal["fields", "numbers", "errors", "study"]


@dataclass(frozen=True)
class Figure:
    """One figure of a page.

    Parameters
    ----------
    group : {"fields", "numbers", "errors", "study"}
        In which section it stands.
    title : str
    data : dict
        What ``figures.js`` draws; frames by the keys of `blobs`.
    blobs : dict of str to bytes
        Packed frames.
    """

    group: Group
    title: str
    data: dict[str, Any]
    blobs: dict[str, bytes]

    @property
    def size(self) -> int:
        """Bytes of its frames."""
        return sum(map(len, self.blobs.values()))

    def as_json(self) -> dict[str, Any]:
        """All of it, as the page carries it."""
        return {"title": self.title, **self.data, "blobs": {key: as_text(blob) for key, blob in self.blobs.items()}}


@dataclass(frozen=True)
class Frames:
    """Which frames of a solution a page shows.

    Parameters
    ----------
    solution : Solution
    indices : tuple of int
    exact : dict of str to list of Field
        The exact solutions at all stored times, which may take long to evaluate.
    """

    solution: Solution
    indices: tuple[int, ...]
    exact: dict[str, list[Field]]

    @classmethod
    def of(cls, solution: Solution) -> Frames:
        """All that are stored."""
        indices = tuple(range(1 if solution.steady else solution.times.size))
        known = [name for name in solution.exact_names if name in solution.values]
        exact = {name: [_exact_or_nothing(solution, name, k) for k in indices] for name in known}
        return cls(solution, indices, exact)

    def halved(self) -> Frames:
        """Every second one, and the last."""
        return replace(self, indices=tuple(sorted({*self.indices[::2], self.indices[-1]})))

    @property
    def times(self) -> list[float]:
        """Their times; none if steady."""
        return [] if self.solution.steady else [float(self.solution.times[k]) for k in self.indices]

    def fields(self, name: str) -> Iterator[Field]:
        """The computed fields of a variable."""
        return (self.solution.frame(name, k) for k in self.indices)

    def exact_fields(self, name: str) -> Iterator[Field]:
        """The exact ones."""
        return (self.exact[name][k] for k in self.indices)

    def gaps(self, name: str) -> Iterator[Field]:
        """Computed less exact ones."""
        return (computed - exact for computed, exact in zip(self.fields(name), self.exact_fields(name)))


def _exact_or_nothing(solution: Solution, name: str, index: int) -> Field:
    """The exact solution; where it is infinite, as that of a point source is at the start, none."""
    try:
        return solution.exact_field(name, index)
    except ExpressionError:
        return Field(solution.grid, np.full(solution.grid.shape, np.nan), name)


def field_figures(solution: Solution) -> tuple[Frames, list[Figure]]:
    """The fields in time: of all frames, or of as many as `MOST_BYTES` hold."""
    frames = Frames.of(solution)
    while True:
        found = list(_figures(frames))
        if sum(figure.size for figure in found) <= MOST_BYTES or len(frames.indices) <= 2:
            return frames, found
        frames = frames.halved()


def _figures(frames: Frames) -> Iterator[Figure]:
    solution = frames.solution
    for name in solution.shown_variables:
        if solution.grid.ndim == 1:
            yield from _lines(frames, name)
        elif solution.grid.ndim <= 3:
            yield from _maps(frames, name)


# ------------------------------------------------------------------------------------------------ one dimension


def _lines(frames: Frames, name: str) -> Iterator[Figure]:
    solution = frames.solution
    grid = solution.grid
    curves = dict(_curves(frames, name))
    every_value = np.concatenate([np.ravel(values) for values in curves.values()])
    label = label_of(solution, name)
    y = _roomy(label, every_value, False)
    limits = Limits(y["low"], y["high"], 16)
    x = closed(grid, 0, grid.axes[0].nodes)[0]
    kept = _thinned(x.size, MOST_ALONG)
    x = x[kept]
    yield Figure(
        "fields",
        label,
        {
            "kind": "lines",
            "x": _axis(axis_label(grid, grid.names[0]), x),
            "y": y,
            "nodes": _numbers(x),
            "curves": list(curves),
            "steps": limits.steps,
        },
        {key: packed((row[kept] for row in values), limits) for key, values in curves.items()},
    )
    if len(frames.times) >= LEAST_KYMOGRAPH:
        pattern = visible(solution.values[name][:1])[1]
        x, columns = closed(grid, 0, np.array([visible(field.values)[0] for field in frames.fields(name)]).T)
        fewer = _thinned(x.size, MOST_ASIDE)
        yield _kymograph(
            pattern.format(label),
            x[fewer],
            columns[fewer].T,
            frames.times,
            (axis_label(grid, grid.names[0]), time_label(solution.labels)),
        )


def _curves(frames: Frames, name: str) -> Iterator[tuple[str, NDArray[Any]]]:
    """What is drawn over x, by its name: an array of shape (frames, nodes)."""
    grid = frames.solution.grid

    def stacked(fields: Iterator[Field], part: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
        return np.array([closed(grid, 0, part(field.values))[1] for field in fields])

    parts: dict[str, Callable[[Any], Any]] = {"": np.asarray}
    if np.iscomplexobj(frames.solution.values[name]):
        parts = {"modulus": np.abs, "real part": np.real, "imaginary part": np.imag}
    for word, part in parts.items():
        yield word or "computed", stacked(frames.fields(name), part)
    if name in frames.exact:
        word, part = next(iter(parts.items()))
        yield f"exact {word}".strip(), stacked(frames.exact_fields(name), part)


def _kymograph(label: str, x: NDArray[Any], rows: NDArray[Any], times: list[float], labels: tuple[str, str]) -> Figure:
    limits, colour = _colour_limits([rows])
    data = {
        "kind": "map",
        "still": True,
        "shape": "flat",
        "equal": False,
        "x": _axis(labels[0], x),
        "y": _axis(labels[1], np.array(times)),
        "lines": [_numbers(x), times],
        "label": label,
        "steps": limits.steps,
        **colour,
    }
    return Figure("fields", f"{label} over space and time", data, {"map": packed([rows.T], limits)})


# ------------------------------------------------------------------------------------------- two and three


def _maps(frames: Frames, name: str) -> Iterator[Figure]:
    solution = frames.solution
    label = visible(solution.values[name][:1])[1].format(label_of(solution, name))
    yield from _planes(solution, lambda: frames.fields(name), label)
    if name in frames.exact:
        yield from _planes(solution, lambda: frames.gaps(name), f"{label}, computed − exact")


def _planes(solution: Solution, fields: Callable[[], Iterator[Field]], label: str) -> Iterator[Figure]:
    """A map of every plane, all with the same limits."""
    limits, colour = _colour_limits(field.values for field in fields())
    first = planes(solution.grid, visible(next(fields()).values)[0])
    for number, (where, plane) in enumerate(first):
        kept = np.ix_(*(_thinned(line.size, MOST_ACROSS) for line in plane.lines))
        p, q = (line[index.ravel()] for line, index in zip(plane.lines, kept))
        data = {
            "kind": "map",
            "shape": plane.shape,
            "equal": plane.equal,
            "x": _axis(plane.labels[0], plane.x),
            "y": _axis(plane.labels[1], plane.y),
            "lines": [_numbers(p), _numbers(q)],
            "label": label,
            "steps": limits.steps,
            **colour,
        }
        rows = (planes(solution.grid, visible(f.values)[0])[number][1].values[kept] for f in fields())
        if plane.level is not None:
            data["outline"] = _outline_of(plane)
            rows = (continued(values) for values in rows)
        yield Figure("fields", f"{label} at {where}" if where else label, data, {"map": packed(rows, limits)})


def _outline_of(plane: Plane) -> dict[str, Any]:
    """The part of a plane that belongs to the domain, and its boundary, as pairs of lists of numbers."""
    found = outline(plane)
    return {
        key: [[_numbers(line[:, 0]), _numbers(line[:, 1])] for line in lines]
        for key, lines in (("region", found.region), ("boundary", found.boundary))
    }


def _thinned(size: int, most: int) -> NDArray[Any]:
    """Every so many nodes, so that there are at most about `most`, and the last one."""
    stride = -(-size // most)
    return np.unique(np.append(np.arange(0, size, stride), size - 1))


def _colour_limits(frames: Iterable[NDArray[Any]]) -> tuple[Limits, dict[str, Any]]:
    """Limits for all frames, those of what is finite."""
    ends = [_ends(visible(values)[0]) for values in frames]
    found = colours(np.array(ends))
    limits = Limits(found["vmin"], found["vmax"], 8)
    return limits, {"colours": found["cmap"], "low": limits.low, "high": limits.high}


# ------------------------------------------------------------------------------------------------ curves


def curves(
    group: Group,
    title: str,
    x: tuple[str, Any],
    y: str,
    lines: dict[str, Any],
    logarithmic: str = "",
    dots: bool = False,
) -> Figure:
    """Lines through points; `logarithmic` names the axes that are.

    Parameters
    ----------
    x : (str, array)
        Label and abscissae.
    lines : dict of str to array
    dots : bool
        Mark the points.
    """
    label, abscissae = x
    values = np.concatenate([np.asarray(line, dtype=float) for line in lines.values()])
    data: dict[str, Any] = {
        "kind": "curves",
        "x": _axis(label, np.asarray(abscissae)) if not dots else _roomy(label, abscissae, "x" in logarithmic),
        "y": _roomy(y, values, "y" in logarithmic),
        "curves": [],
        "dots": dots,
    }
    for name, line in lines.items():
        at, shown = _outline(np.asarray(abscissae, dtype=float), np.asarray(line, dtype=float))
        data["curves"].append({"name": name, "x": _numbers(at), "y": _numbers(shown)})
    return Figure(group, title, data, {})


def _outline(x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Least and greatest values of pieces of a long line, so that no peak is lost."""
    if x.size <= MOST_ROWS:
        return x, y
    pieces = np.array_split(np.arange(x.size), MOST_ROWS // 2)
    filled = np.where(np.isfinite(y), y, 0.0)
    kept = {0, x.size - 1}
    for piece in pieces:
        kept |= {int(piece[np.argmin(filled[piece])]), int(piece[np.argmax(filled[piece])])}
    index = np.array(sorted(kept))
    return x[index], y[index]


def number_figures(solution: Solution) -> list[Figure]:
    """Unknowns that are one number, and the numbers that a run recorded, over time."""
    found = []
    for name, values in solution.scalars.items() if len(solution) > 1 else ():
        lines = {"computed": values}
        if solution.exact is not None and name in solution.exact_names:
            lines["exact"] = np.array([solution.exact(name, float(t)) for t in solution.times])
        found.append(_over_time(solution, name, solution.times, lines))
    t = solution.series.get("t", np.zeros(0))
    if t.size > 1:
        found += [_over_time(solution, name, t, {name: v}) for name, v in solution.series.items() if name != "t"]
    return found


def _over_time(solution: Solution, name: str, times: NDArray[Any], lines: dict[str, NDArray[Any]]) -> Figure:
    shown = {name: visible(values) for name, values in lines.items()}
    label = next(iter(shown.values()))[1].format(label_of(solution, name))
    over = time_label(solution.labels), times
    return curves("numbers", label, over, label, {name: values for name, (values, _) in shown.items()})


def error_figures(solution: Solution, frames: Frames) -> list[Figure]:
    """Norms of the difference from the exact solution over time."""
    if len(frames.times) < 2:
        return []
    found = []
    for name in frames.exact:
        least = ROUNDING * float(np.nanmax(np.abs(solution.values[name])))
        norms: dict[str, Literal["max", "L2"]] = {"greatest": "max", "L2 norm": "L2"}
        found_norms = np.array([[gap.norm(kind) for kind in norms.values()] for gap in frames.gaps(name)])
        lines = dict(zip(norms, found_norms.T))
        if all(np.any(line > least) for line in lines.values()):
            label = f"error of {label_of(solution, name)}"
            title = f"{label}: {lines['greatest'][-1]:.3g} at the end"
            seen = {words: np.where(line > least, line, np.nan) for words, line in lines.items()}
            found.append(curves("errors", title, (time_label(solution.labels), frames.times), label, seen, "y"))
    return found


def study_figure(study: Any) -> Figure:
    """Errors of a convergence study over its widths, and the expected slope."""
    lines = {name: np.array(errors) for name, errors in study.errors.items()}
    h = np.array(study.widths)
    positive = [line[line > 0] for line in lines.values() if np.any(line > 0)]
    if positive:
        below = 0.5 * min(float(line[-1]) for line in positive)
        lines[f"order {study.expected:g}"] = below * (h / h[-1]) ** study.expected
    label = "step" if study.what == "time" else "mesh width"
    return curves("study", f"against {study.against}", (label, h), "greatest error", lines, "xy", dots=True)


# ------------------------------------------------------------------------------------------------ numbers


def _axis(label: str, values: NDArray[Any]) -> dict[str, Any]:
    low, high = _range(values)
    return {"label": label, "low": low, "high": high}


def _roomy(label: str, values: Any, logarithmic: bool) -> dict[str, Any]:
    """An axis with some room beyond the values; a logarithmic one takes those that are positive."""
    values = np.asarray(values, dtype=float)
    if not logarithmic:
        low, high = _range(values)
        return {"label": label, "low": low - ROOM * (high - low), "high": high + ROOM * (high - low)}
    low, high = _range(np.log(values[values > 0]))
    short = max(0.0, np.log(10) - (high - low))  # of a decade, which has numbers to mark
    low, high = low - short / 2, high + short / 2
    ends = np.exp([low - ROOM * (high - low), high + ROOM * (high - low)])
    return {"label": label, "low": float(ends[0]), "high": float(ends[1]), "log": True}


def _ends(values: NDArray[Any]) -> tuple[float, float]:
    """The least and the greatest of what is finite."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _range(values: NDArray[Any]) -> tuple[float, float]:
    """The same, apart from each other."""
    low, high = _ends(values)
    half = 0.0 if high > low else 0.5 * abs(low) or 0.5
    return low - half, high + half


def _numbers(values: Any) -> list[float | None]:
    """Seven digits; what is not finite is left out."""
    return [float(f"{v:.7g}") if np.isfinite(v) else None for v in np.asarray(values, dtype=float).tolist()]
