"""Fields in a terminal: lines of braille dots in one dimension, maps of half blocks in two, the middle plane in three."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from rich.console import Group
from rich.table import Table
from rich.text import Text

from pdekit.geometry.domain_grid import DomainGrid
from pdekit.geometry.grid import Grid
from pdekit.plotting.domain_outline import continued
from pdekit.plotting.plane import Plane, axis_label, caption, closed, plane
from pdekit.plotting.style import colours, visible
from pdekit.typing import Array

MOST_PANELS = 3
LEAST_WIDTH, LEAST_HEIGHT = 16, 4
MARGIN = 12  # characters for the numbers beside a panel
# Dots of a braille character by column and row, from its upper left (Unicode, block 2800).
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
LINE = "bright_cyan"
OUTLINE = (128, 128, 128, 255)  # seen on dark and on light
SHRINKS = 3.0  # limits that are so many times too wide are drawn in


@dataclass
class SteadyLimits:
    """SteadyLimits of values that do not jump from frame to frame: they grow with the values, and shrink only when far too wide."""

    low: float = np.inf
    high: float = -np.inf

    def include(self, values: Array) -> tuple[float, float]:
        """The limits for a frame."""
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        self.low, self.high = min(self.low, low), max(self.high, high)
        if self.high - self.low > SHRINKS * (high - low) > 0:
            self.low, self.high = low, high
        if self.high == self.low:
            room = abs(self.low) or 1.0
            return self.low - room, self.high + room
        return self.low, self.high


def braille(x: Array, values: Array, limits: tuple[float, float], width: int, height: int) -> list[str]:
    """A curve as lines of braille characters.

    Parameters
    ----------
    x : array
        Increasing.
    values : array
    limits : (float, float)
        Of the values, from the lowest to the highest dot.
    width, height : int
        In characters, of two by four dots.

    Examples
    --------
    >>> for line in braille(np.array([0.0, 1.0]), np.array([0.0, 1.0]), (0.0, 1.0), 4, 2):
    ...     print(line)
    ⠀⠀⡠⠞
    ⡴⠊⠀⠀
    """
    columns, rows = 2 * width, 4 * height
    fine = max(4, -(-x.size // columns))
    at = np.linspace(x[0], x[-1], columns * fine)
    sampled = np.interp(at, x, values).reshape(columns, fine)
    low, high = limits
    dots = np.clip((high - sampled) / (high - low), 0.0, 1.0) * (rows - 1)
    bad = ~np.isfinite(dots).all(axis=1)
    dots = np.where(np.isfinite(dots), dots, 0.0)
    first, last = np.rint(dots.min(axis=1)).astype(int), np.rint(dots.max(axis=1)).astype(int)
    row = np.arange(rows)[:, None]
    lit = (row >= first) & (row <= last) & ~bad
    cells = (lit.reshape(height, 4, width, 2) * DOTS[None, :, None, :]).sum(axis=(1, 3))
    return ["".join(chr(0x2800 + int(cell)) for cell in line) for line in cells]


def blocks(pixels: NDArray[np.uint8]) -> Text:
    """A picture as lines of half blocks, two pixels in every character.

    Parameters
    ----------
    pixels : array of shape (2 rows, columns, 4)
        Red, green, blue and opacity, of which zero is left out.
    """
    text = Text()
    for k in range(0, pixels.shape[0], 2):
        for above, below in zip(pixels[k], pixels[k + 1]):
            text.append(*_half_block(above, below))
        text.append("\n")
    return text[:-1]


def _half_block(above: Any, below: Any) -> tuple[str, str]:
    first, second = (f"rgb({p[0]},{p[1]},{p[2]})" if p[3] else "" for p in (above, below))
    if not first and not second:
        return " ", ""
    if not first:
        return "▄", second
    return "▀", f"{first} on {second}" if second else first


@dataclass
class TerminalScreen:
    """The fields of a grid as they are drawn in a terminal.

    Parameters
    ----------
    grid : Grid
    names : sequence of str
        The variables, of which the first three are drawn.
    labels : mapping
        ``units`` and ``long_name`` by variable.
    """

    grid: Grid
    names: Sequence[str]
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    limits: dict[str, SteadyLimits] = field(default_factory=dict)

    def draw(self, fields: Mapping[str, Array], width: int, height: int) -> Group:
        """What a terminal of some size shows."""
        names = self.names[:MOST_PANELS]
        if self.grid.ndim == 1:
            each = max(LEAST_HEIGHT, height // len(names) - 2)
            return Group(*(self._line(name, fields[name], max(LEAST_WIDTH, width - MARGIN), each) for name in names))
        table = Table.grid(padding=(0, 3))
        table.add_row(
            *(
                self._map(name, fields[name], max(LEAST_WIDTH, width // len(names) - 3), max(LEAST_HEIGHT, height - 3))
                for name in names
            )
        )
        return Group(table)

    def shown(self, values: Array) -> tuple[Array, str]:
        """Real values to draw, none outside of the domain, and how they are to be called."""
        return visible(self.grid.blank(values) if isinstance(self.grid, DomainGrid) else values)

    def _titled(self, name: str, values: Array) -> tuple[Text, Array, tuple[float, float]]:
        shown, pattern = self.shown(values)
        limits = self.limits.setdefault(name, SteadyLimits()).include(shown)
        return Text(pattern.format(caption(name, self.labels.get(name, {}))), style="bold"), shown, limits

    def _line(self, name: str, values: Array, width: int, height: int) -> Group:
        title, shown, (low, high) = self._titled(name, values)
        x, y = closed(self.grid, 0, shown)
        lines = braille(x, y, (low, high), width, height)
        numbers = {0: high, height - 1: low}
        rows = [
            Text(f"{numbers[k]:>10.4g} " if k in numbers else " " * 11).append(line, style=LINE)
            for k, line in enumerate(lines)
        ]
        return Group(
            Text(" " * 11).append(title),
            *rows,
            self._below(f"{x[0]:g}", axis_label(self.grid, self.grid.names[0]), f"{x[-1]:g}", width),
        )

    def _below(self, left: str, middle: str, right: str, width: int) -> Text:
        """The ends of an axis, and its name between them."""
        room = max(1, width - len(left) - len(right))
        return Text(" " * 11 + left + middle.center(room) + right, style="dim")

    def _map(self, name: str, values: Array, width: int, height: int) -> Group:
        title, shown, _ = self._titled(name, values)
        pixels, look, where = self.pixels(shown, width, height)
        if where:
            title.append(f" at {where}", "not bold")
        return Group(
            title,
            blocks(pixels),
            self._scale(look, pixels.shape[1]),
            Text(" × ".join(self._plane(shown)[1].labels), style="dim"),
        )

    def pixels(self, shown: Array, width: int, height: int) -> tuple[NDArray[np.uint8], dict[str, Any], str]:
        """A map as pixels of shape (2 height or less, width or less, 4), its colour map and limits, and where it lies in three dimensions."""
        finite = shown[np.isfinite(shown)]
        look = colours(finite if finite.size else np.zeros(1))
        where, surface = self._plane(shown)
        nearest, inside = self._pixels(width, height)
        values = surface.values if surface.level is None else continued(surface.values)
        scaled = (values.ravel()[nearest] - look["vmin"]) / (look["vmax"] - look["vmin"])
        made = np.array(mpl.colormaps[look["cmap"]](scaled, bytes=True))
        made[~inside | ~np.isfinite(scaled)] = 0
        if surface.level is not None:
            made[_beside(inside)] = OUTLINE
        return made, look, where

    def _plane(self, values: Array) -> tuple[str, Plane]:
        """The plane that is drawn, of three dimensions the middle one across the last axis."""
        level = self.grid.level if isinstance(self.grid, DomainGrid) else None
        if self.grid.ndim == 2:
            return "", plane(self.grid, 0, 1, values, level)
        nodes = self.grid.axes[2].nodes
        middle = nodes.size // 2
        cut = plane(self.grid, 0, 1, values.take(middle, axis=2), None if level is None else level.take(middle, axis=2))
        return f"{self.grid.names[2]} = {nodes[middle]:.3g}", cut

    def _scale(self, look: Mapping[str, Any], width: int) -> Text:
        """The colours between their limits."""
        low, high = f"{look['vmin']:.3g} ", f" {look['vmax']:.3g}"
        count = max(4, width - len(low) - len(high))
        bar = mpl.colormaps[look["cmap"]](np.linspace(0, 1, count), bytes=True)
        text = Text().append(low, "dim")
        for colour in bar:
            text.append("▄", f"rgb({colour[0]},{colour[1]},{colour[2]})")
        return text.append(high, "dim")

    @cached_property
    def _made(self) -> dict[tuple[int, int], tuple[NDArray[np.intp], NDArray[np.bool_]]]:
        return {}

    def _pixels(self, width: int, height: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """The node that is nearest to every pixel, as an index of the flattened plane, and which pixels lie on the grid."""
        if (width, height) not in self._made:
            self._made[width, height] = self._nearest(width, height)
        return self._made[width, height]

    def _nearest(self, width: int, height: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        _, surface = self._plane(np.zeros(self.grid.shape))
        p, q = surface.lines
        x, y = (np.asarray(c, dtype=float) for c in (surface.x, surface.y))
        (left, right), (low, high) = (float(x.min()), float(x.max())), (float(y.min()), float(y.max()))
        columns, rows = width, 2 * height
        if surface.equal:
            across = min(columns / (right - left), rows / (high - low))
            columns, rows = (max(4, round(across * length)) for length in (right - left, high - low))
        rows += rows % 2
        px = left + (np.arange(columns) + 0.5) / columns * (right - left)
        py = high - (np.arange(rows) + 0.5) / rows * (high - low)
        if surface.shape == "flat":
            i, j = _nearest_index(p, px), _nearest_index(q, py)
            inside = np.ones((rows, columns), dtype=bool)
            if surface.level is not None:
                along = np.array([np.interp(px, p, line) for line in surface.level.T])
                inside = np.array([np.interp(py, q, line) for line in along.T]).T > 0
            return i[None, :] * q.size + j[:, None], inside
        X, Y = np.meshgrid(px, py)
        radius = np.hypot(X, Y)
        angle = np.arctan2(X, Y) if surface.shape == "half disc" else np.mod(np.arctan2(Y, X) - q[0], 2 * np.pi) + q[0]
        inside = (radius >= p[0]) & (radius <= p[-1]) & (angle >= q[0] - 1e-9) & (angle <= q[-1] + 1e-9)
        return _nearest_index(p, radius) * q.size + _nearest_index(q, angle), inside


def _beside(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels outside that have one inside above, below, to the left or to the right."""
    padded = np.pad(inside, 1)
    return ~inside & (padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:])


def _nearest_index(nodes: Array, at: Array) -> NDArray[np.intp]:
    """Of increasing nodes, those nearest to some places."""
    return np.searchsorted(0.5 * (nodes[1:] + nodes[:-1]), at)
