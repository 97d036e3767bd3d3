"""The part of a grid on which an unknown lives: between two nodes of an axis, or of several.

The nodes of a region are a grid of their own, with faces of its own. What is made there stands among the nodes of the whole by an
embedding, so that unknowns of different regions share one grid, and both have a value at a plane where their regions meet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.errors import GridError, nearest_hint
from pdekit.geometry.axis import Axis
from pdekit.geometry.grid import Grid
from pdekit.geometry.selected_nodes import SelectedNodes
from pdekit.typing import Array, Matrix

NEXT_TO = 1e-9  # of an axis: as near as this a node is where a region ends
LEAST_NODES = 3
FINEST = 20  # times as many points are looked through for a number that has nodes at the ends

Span = tuple[int, int]


class Region(SelectedNodes):
    """The nodes of a box between two of them along every axis.

    Parameters
    ----------
    box : Grid
    spans : sequence of (int, int)
        By axis the first node, and the one after the last.

    Examples
    --------
    >>> region = Region.between(Grid(x=(0, 1, 11)), {"x": (0, 0.3)})
    >>> region.own.shape, region.shape, round(float(region.weights.sum()), 12)
    ((4,), (11,), 0.3)
    """

    is_empty = False  # a part of one may be

    def __init__(self, box: Grid, spans: Iterable[Span]) -> None:
        super().__init__(dict(zip(box.names, box.axes)), coordinates=box.system)
        self.spans = tuple(spans)
        self.nodes = tuple(slice(*span) for span in self.spans)

    @classmethod
    def between(cls, box: Grid, ranges: Mapping[str, Any], key: str = "region") -> Region:
        """The region between two coordinates along some axes.

        Raises
        ------
        GridError
            No such axis, a periodic one, ends that are no nodes of it, fewer than three nodes; names the axis below the key.
        """
        for name in ranges:
            if name not in box.names:
                raise GridError(
                    f"no such axis; the grid has {list(box.names)}{nearest_hint(name, box.names)}", key=f"{key}.{name}"
                )
        spans = [(0, axis.size) for axis in box.axes]
        for name, ends in ranges.items():
            try:
                spans[box.index(name)] = _span(box[name], ends)
            except GridError as error:
                raise error.under(f"{key}.{name}") from None
        return cls(box, spans)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Region) and super().__eq__(other) and self.spans == other.spans

    def __hash__(self) -> int:
        return hash((super().__hash__(), self.spans))

    @cached_property
    def own(self) -> Grid:
        """Its nodes as a grid, which ends at its faces."""
        cut = {n: _cut(axis, *span) for n, axis, span in zip(self.names, self.axes, self.spans)}
        return self.box.replace(**cut)

    @cached_property
    def box(self) -> Grid:
        """All nodes."""
        return Grid(dict(zip(self.names, self.axes)), coordinates=self.system)

    @cached_property
    def within(self) -> NDArray[np.bool_]:
        """Which nodes belong to it, those on its faces among them."""
        found = np.zeros(self.shape, dtype=bool)
        found[self.nodes] = True
        return found

    @cached_property
    def weights(self) -> Array:
        """Quadrature weights: those of its own grid, zero elsewhere."""
        return self.spread(self.own.weights.ravel())

    @cached_property
    def embedding(self) -> Matrix:
        """From arrays over its own grid, flat, to arrays over the whole."""
        rows = np.flatnonzero(self.within)
        entries = (np.ones(rows.size), (rows, np.arange(rows.size)))
        return sparse.csr_array(entries, shape=(self.size, rows.size))

    def cut(self, values: Array) -> Array:
        """Values over the whole at its own nodes; numbers as they are."""
        return values[self.nodes] if values.ndim else values

    def interpolated(self, values: Array, points: Any) -> Array:
        """Values between its nodes, by cubic splines; not a number at points outside of it."""
        from pdekit.geometry.interpolation import interpolate

        where = np.asarray(points, dtype=float)
        if self.ndim == 1 and (where.ndim == 0 or where.shape[-1] != 1):
            where = where[..., None]
        found = np.full(where.shape[:-1], np.nan, dtype=values.dtype)
        lines = zip(np.moveaxis(where, -1, 0), self.own.axes, self.axes)
        inside, held = [], []
        for x, own, line in lines:
            slack = 0.0 if own is line else NEXT_TO * line.length  # places computed otherwise are off by rounding
            inside.append((own is line) | ((x >= own.left - slack) & (x <= own.right + slack)))
            held.append(x if own is line else np.clip(x, own.left, own.right))
        within = np.all(inside, axis=0)
        found[within] = interpolate(self.own, values[self.nodes], np.stack(held, axis=-1)[within])
        return found

    def meeting(self, other: Region) -> Region:
        """What two regions have in common.

        Raises
        ------
        GridError
            Fewer than three nodes along an axis.
        """
        spans = [(max(a, c), min(b, d)) for (a, b), (c, d) in zip(self.spans, other.spans)]
        if min(b - a for a, b in spans) < LEAST_NODES:
            raise GridError("the regions of its unknowns have no more than a face in common")
        return Region(self.box, spans)

    def described(self) -> str:
        """Its ends in words: ``0 <= x <= 0.3``."""
        cut = [(n, a, s) for n, a, s in zip(self.names, self.axes, self.spans) if s != (0, a.size)]
        return ", ".join(f"{a.nodes[i]:g} <= {n} <= {a.nodes[j - 1]:g}" for n, a, (i, j) in cut)


def common_region(symbols: Iterable[Any], regions: Mapping[Any, Region], what: str) -> Region | None:
    """Where all of some symbols live; None if that is everywhere.

    Raises
    ------
    GridError
        Their regions have no more than a face in common.
    """
    found = dict.fromkeys(regions[s] for s in symbols if s in regions)
    try:
        return reduce(Region.meeting, found) if found else None
    except GridError as error:
        raise GridError(f"{what}: {error}") from None


def _cut(axis: Axis, first: int, stop: int) -> Axis:
    """Consecutive nodes of a line; an end off which the nodes of the whole stand is one of theirs."""
    if (first, stop) == (0, axis.size):
        return axis
    at_left = first == 0 and axis.offset in ("left", "both")
    at_right = stop == axis.size and axis.offset in ("right", "both")
    ends: dict[str, Any] = {}
    if at_left or at_right:
        ends = {
            "offset": "left" if at_left else "right",
            "left": float(axis.nodes[first]),
            "right": float(axis.nodes[stop - 1]),
        }
        ends |= ({"left": axis.left} if at_left else {}) | ({"right": axis.right} if at_right else {})
    return Axis(nodes=axis.nodes[first:stop], unit=axis.unit, long_name=axis.long_name, **ends)


def _span(axis: Axis, ends: Any) -> Span:
    """The nodes of an axis from one coordinate to another."""
    numbers = list(ends) if isinstance(ends, list | tuple) else []
    if len(numbers) != 2 or any(isinstance(e, bool) or not isinstance(e, int | float | np.number) for e in numbers):
        raise GridError(f"expected the two ends of a region, such as [0, 0.3], found {numbers or ends!r}")
    if axis.periodic:
        raise GridError("regions end on bounded axes; this one is periodic")
    left, right = map(float, numbers)
    if not axis.left <= left < right <= axis.right:
        raise GridError(
            f"a region lies between the ends of the axis, {axis.left:g} and {axis.right:g}, found {numbers}"
        )
    first = 0 if left == axis.left else _node_at(axis, left, numbers)
    last = axis.size - 1 if right == axis.right else _node_at(axis, right, numbers)
    if last - first + 1 < LEAST_NODES:
        raise GridError(
            f"{last - first + 1} nodes lie between {left:g} and {right:g}, at least {LEAST_NODES} are needed; take more points"
        )
    return first, last + 1


def _node_at(axis: Axis, place: float, ends: list[Any]) -> int:
    node = int(np.argmin(np.abs(axis.nodes - place)))
    if abs(axis.nodes[node] - place) <= NEXT_TO * axis.length:
        return node
    points = _points_with_nodes_at(axis, ends)
    advice = f"{points} points have one there" if points else "give the nodes of the axis one by one"
    raise GridError(f"a region ends at a node; none is at {place:g}, the nearest is {axis.nodes[node]:.6g}; {advice}")


def _points_with_nodes_at(axis: Axis, ends: list[Any]) -> int | None:
    """The least number of nodes, from that of a uniform axis on, that has nodes at the ends of a region."""
    if not axis.uniform or axis.offset:
        return None
    shares = (np.array(ends, dtype=float) - axis.left) / axis.length
    for steps in range(axis.size, FINEST * axis.size):
        if np.all(np.abs(shares * steps - np.round(shares * steps)) <= NEXT_TO * steps):
            return steps + 1
    return None
