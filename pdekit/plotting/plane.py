"""Planes of a grid as they lie in space: two axes, or a disc or half disc for those of curved coordinates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from pdekit.geometry.axis import Axis
from pdekit.geometry.domain_grid import DomainGrid
from pdekit.geometry.grid import Grid
from pdekit.typing import Array

SUPERSCRIPTS = str.maketrans("0123456789-.", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻·")
Shape = Literal["flat", "disc", "half disc"]


def typeset_unit(unit: str) -> str:
    """A unit as it is printed.

    Examples
    --------
    >>> typeset_unit("W/(m**2*K)"), typeset_unit("m**-0.5"), typeset_unit("1")
    ('W/(m²·K)', 'm⁻⁰·⁵', '')
    """
    raised = re.sub(r"(?:\*\*|\^)\(?(-?[\d.]+)\)?", lambda power: power.group(1).translate(SUPERSCRIPTS), unit)
    return "" if unit == "1" else raised.replace("*", "·")


def in_brackets(unit: str) -> str:
    """A unit behind what it measures."""
    printed = typeset_unit(unit)
    return f" [{printed}]" if printed else ""


def caption(name: str, entry: Mapping[str, str]) -> str:
    """``temperature u [K]``, from ``long_name`` and ``units``."""
    long_name = entry.get("long_name", "")
    return f"{long_name + ' ' if long_name else ''}{name}{in_brackets(entry.get('units', ''))}"


def time_label(labels: Mapping[str, Mapping[str, str]]) -> str:
    """``time t [s]``"""
    return f"time t{in_brackets(labels.get('t', {}).get('units', ''))}"


def moment(t: float, labels: Mapping[str, Mapping[str, str]], digits: int = 4) -> str:
    """``t = 0.5 s``"""
    return f"t = {t:.{digits}g} {typeset_unit(labels.get('t', {}).get('units', ''))}".rstrip()


def axis_label(grid: Grid, name: str) -> str:
    """``position x [m]``"""
    axis = grid[name]
    return caption(name, {"long_name": axis.long_name, "units": axis.unit})


def closed(grid: Grid, axis: int, values: Array) -> tuple[Array, Array]:
    """Coordinates and values along an axis, the first node repeated at the end of a periodic one.

    At interfaces a single line breaks; many beside each other, for a map, have both values at the same place.
    """
    if values.ndim > 1 or not grid.axes[axis].divisions:
        return _line(grid, axis, values, axis)
    sections = _sections(grid.axes[axis], values)
    gap = (np.array([np.nan]), np.array([np.nan]))
    parts = [part for (x, y), (place, _) in pairwise(sections) for part in ((x, y), (place[:1], gap[1]))]
    x, y = zip(*parts, sections[-1])
    return np.concatenate(x), np.concatenate(y)


def _sections(line: Axis, values: Array) -> list[tuple[Array, Array]]:
    """Coordinates and values (axis 0) between the planes at which something jumps, up to them straight from the nodes on either side."""
    edges = [0, *(line.cell_before(place) + 1 for place in line.divisions), line.size]
    found = []
    for number, (first, last) in enumerate(pairwise(edges)):
        nodes, own = line.nodes[first:last], values[first:last]
        x, y = [nodes], [own]
        if number > 0:
            before = line.divisions[number - 1]
            x, y = [np.array([before]), *x], [_straight(nodes, own, 0, before)[None], *y]
        if number < len(line.divisions):
            beyond = line.divisions[number]
            x, y = [*x, np.array([beyond])], [*y, _straight(nodes, own, -1, beyond)[None]]
        found.append((np.concatenate(x), np.concatenate(y)))
    return found


def _straight(nodes: Array, values: Array, end: int, place: float) -> Array:
    """The value that the two nodes at an end of a section lead to; that of a single node."""
    if nodes.size < 2:
        return np.asarray(values[end])
    beside = 1 if end == 0 else -2
    slope = (values[beside] - values[end]) / (nodes[beside] - nodes[end])
    return np.asarray(values[end] + slope * (place - nodes[end]))


def _line(grid: Grid, axis: int, values: Array, along: int) -> tuple[Array, Array]:
    """As `closed` for maps, where the axis of the grid is axis `along` of the values."""
    line = grid.axes[axis]
    if line.divisions:
        x, parts = zip(*_sections(line, np.moveaxis(values, along, 0)))
        return np.concatenate(x), np.moveaxis(np.concatenate(parts), 0, along)
    if not line.periodic:
        return line.nodes, values
    return np.append(line.nodes, line.nodes[0] + line.length), np.concatenate(
        [values, values.take([0], axis=along)], axis=along
    )


@dataclass(frozen=True, eq=False)
class Plane:
    """A surface of two axes, flattened.

    Parameters
    ----------
    x, y : array of shape (m, n)
        Where the points lie in the picture.
    values : array of shape (m, n)
    labels : (str, str)
        Of the picture's axes.
    equal : bool
        Whether both have the same scale.
    lines : (array, array)
        The coordinates along both axes.
    shape : {"flat", "disc", "half disc"}
        How the points follow from them.
    level : array of shape (m, n), optional
        Where the domain is no box: positive inside, zero on its boundary.
    """

    x: Array
    y: Array
    values: Array
    labels: tuple[str, str]
    equal: bool
    lines: tuple[Array, Array]
    shape: Shape = "flat"
    level: Array | None = None

    @property
    def aspect(self) -> float:
        """Height over width."""
        return float(np.ptp(self.y) / np.ptp(self.x))


def plane(grid: Grid, first: int, second: int, values: Array, level: Array | None = None) -> Plane:
    """The plane of two axes of a grid.

    In curved coordinates a plane of r and phi is a disc or ring, one of r and theta a half disc; the hole about a pole,
    half a step wide, is closed with the mean of the first ring.
    """
    names = grid.names[first], grid.names[second]
    p, values = _line(grid, first, values, 0)
    q, values = _line(grid, second, values, 1)
    if grid.geometry is None or names[0] != "r" or names[1] == "z":
        x, y = np.meshgrid(p, q, indexing="ij")
        ratio = float(np.ptp(q) / np.ptp(p))
        labels = axis_label(grid, names[0]), axis_label(grid, names[1])
        if level is not None:
            level = _line(grid, second, _line(grid, first, level, 0)[1], 1)[1]
        return Plane(x, y, values, labels, 0.2 < ratio < 5, (p, q), level=level)
    if names[1] == "theta":
        for side, pole in grid.poles("theta").items():
            first_row, q = values.take([0 if side == "left" else -1], axis=1), np.sort(np.append(q, pole))
            values = np.concatenate([first_row, values] if side == "left" else [values, first_row], axis=1)
    if "left" in grid.poles("r"):
        p = np.append(0.0, p)
        values = np.concatenate([np.broadcast_to(values[:1].mean(), (1, values.shape[1])), values])
    r, angle = np.meshgrid(p, q, indexing="ij")
    unit = in_brackets(grid["r"].unit)
    if grid.system == "spherical" and names[1] == "theta":
        labels = (f"r sin θ{unit}", f"r cos θ{unit}")
        return Plane(r * np.sin(angle), r * np.cos(angle), values, labels, True, (p, q), "half disc")
    labels = (f"r cos {_greek(names[1])}{unit}", f"r sin {_greek(names[1])}{unit}")
    return Plane(r * np.cos(angle), r * np.sin(angle), values, labels, True, (p, q), "disc")


def _greek(name: str) -> str:
    return {"phi": "φ", "theta": "θ"}.get(name, name)


def planes(grid: Grid, values: Array) -> list[tuple[str, Plane]]:
    """The plane of a two-dimensional grid, or the three middle ones of a three-dimensional, with titles."""
    level = grid.level if isinstance(grid, DomainGrid) else None
    if grid.ndim == 2:
        return [("", plane(grid, 0, 1, values, level))]
    found = []
    for k, name in enumerate(grid.names):
        middle = grid.axes[k].size // 2
        first, second = (i for i in range(3) if i != k)
        title = f"{name} = {grid.axes[k].nodes[middle]:.3g}"
        part = None if level is None else level.take(middle, axis=k)
        found.append((title, plane(grid, first, second, values.take(middle, axis=k), part)))
    return found
