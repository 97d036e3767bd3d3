"""A part of a grid: the nodes that one process owns, and those about them that it reads.

A part has the coordinates, weights and ends of the whole; its one-dimensional rows are those of the whole, cut out
(`pdekit.stencils.cut`). So everything that is made on a grid is made on a part by the same code, and is right on the nodes that are
owned, if enough others are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.geometry.axis import Axis
from pdekit.geometry.domain_grid import DomainGrid
from pdekit.geometry.grid import Grid
from pdekit.geometry.regions import Region, Span
from pdekit.ranks import Ranks
from pdekit.typing import Array


class AxisPart(Axis):
    """Consecutive nodes of an axis.

    Parameters
    ----------
    whole : Axis
    first, stop : int
        Nodes that are owned, of the whole.
    reach : int
        So many more are read on either side, beyond the seam of a periodic axis too; fewer at the ends of a bounded one.

    Examples
    --------
    >>> part = AxisPart(Axis(0, 1, 8, periodic=True), 0, 4, 1)
    >>> part.nodes
    array([0.875, 0.   , 0.125, 0.25 , 0.375, 0.5  ])
    >>> part.owned, part.sides
    (slice(1, 5, None), ())
    """

    def __init__(self, whole: Axis, first: int, stop: int, reach: int) -> None:
        begin, end = first - reach, stop + reach
        if not whole.periodic:
            begin, end = max(begin, 0), min(end, whole.size)
        positions = np.arange(begin, end)
        nodes = whole.nodes[positions % whole.size]
        nodes.setflags(write=False)
        for name in ("left", "right", "periodic", "uniform", "family", "offset", "unit", "long_name"):
            object.__setattr__(self, name, getattr(whole, name))
        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "_whole", whole)
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "_owned", slice(first - begin, stop - begin))
        object.__setattr__(self, "reach", reach)
        object.__setattr__(self, "divisions", tuple(at for at in whole.divisions if self.cell_before(at) >= 0))

    positions: NDArray[np.intp]  # of the nodes in the whole, going on beyond the seam of a periodic axis
    reach: int
    _owned: slice
    _whole: Axis

    @property
    def whole(self) -> Axis:
        return self._whole

    @property
    def wraps(self) -> bool:
        return False

    def cell_before(self, place: float) -> int:
        """The node before a place; -1 where the part does not have both nodes beside it."""
        found = np.flatnonzero(self.positions[:-1] == self.whole.cell_before(place))
        return int(found[0]) if found.size else -1

    @property
    def start(self) -> float:
        return float(self.unrolled[0])

    @cached_property
    def unrolled(self) -> Array:
        return np.asarray(self.nodes + self.length * (self.positions // self.whole.size))

    @property
    def owned(self) -> slice:
        return self._owned

    @property
    def sides(self) -> tuple[str, ...]:
        ends = {"left": 0, "right": self.whole.size - 1}
        return tuple(side for side in self.whole.sides if ends[side] in self.positions)

    @property
    def index(self) -> NDArray[np.intp]:
        return self.positions % self.whole.size

    @property
    def steps(self) -> float:
        return self.whole.steps

    @cached_property
    def spacings(self) -> Array:
        return self.whole.spacings[self.index[:-1]]

    @cached_property
    def half_points(self) -> Array:
        return self.whole.half_points[self.index[:-1]]

    @cached_property
    def weights(self) -> Array:
        return self.whole.weights[self.index]

    @property
    def cell_edges(self) -> Array:
        """With the half points beside the outermost nodes, where the part ends within the axis."""
        edges, n = self.whole.cell_edges, self.whole.size
        if self.whole.periodic:  # the first of them lies after the first node
            return edges[np.append(self.positions - 1, self.positions[-1]) % n]
        return edges[self.positions[0] : self.positions[-1] + 2]


class GridPart(Grid):
    """What one process has of a grid.

    Parameters
    ----------
    whole : Grid
    axes : mapping of str to Axis
        All axes of the whole; those that are cut as an `AxisPart`.
    ranks : Ranks
        The processes that have the other parts.
    place : sequence of int
        Which part of every axis this one is.
    """

    def __init__(self, whole: Grid, axes: Mapping[str, Axis], ranks: Ranks, place: Sequence[int]) -> None:
        self._axes = dict(axes)
        self.system, self.geometry = whole.system, whole.geometry
        self._whole, self._ranks, self._place = whole, ranks, tuple(place)

    @property
    def whole(self) -> Grid:
        return self._whole

    @property
    def ranks(self) -> Ranks:
        return self._ranks

    @property
    def place(self) -> tuple[int, ...]:
        """Which part of every axis this one is."""
        return self._place

    def greatest_along(self, axis: int, values: Array) -> Array:
        return self.ranks.greatest_of((axis, *self._place[:axis], *self._place[axis + 1 :]), values)


class DomainPart(GridPart, DomainGrid):
    """What one process has of a grid whose domain is no box.

    Whether a node lies inside is that of the whole; crossings, volumes and rows are made of the part, and are right on the nodes that are
    owned if enough others are read.

    Parameters
    ----------
    whole : DomainGrid
    axes, ranks, place
        As of `GridPart`.
    """

    def __init__(self, whole: DomainGrid, axes: Mapping[str, Axis], ranks: Ranks, place: Sequence[int]) -> None:
        GridPart.__init__(self, whole, axes, ranks, place)
        self._function, self.normal = whole._function, whole.normal
        self._level = whole.level[np.ix_(*(axis.index for axis in axes.values()))]

    @property
    def level(self) -> Array:
        return self._level


class RegionPart(GridPart, Region):
    """What one process has of a region; nothing of one of which it owns no node.

    Parameters
    ----------
    part : GridPart
        What the process has of the whole grid.
    whole : Region
    """

    def __init__(self, part: GridPart, whole: Region) -> None:
        GridPart.__init__(self, whole, dict(zip(part.names, part.axes)), part.ranks, part.place)
        self.box = self.part = part
        found = [_span_on(axis, span) for axis, span in zip(part.axes, whole.spans)]
        self.is_empty = any(span is None for span in found)
        self.spans = tuple((0, 0) if self.is_empty or span is None else span for span in found)
        self.nodes = tuple(slice(*span) for span in self.spans)

    @cached_property
    def own(self) -> Grid:
        """What this process has of the region's own grid; of nothing, all of it, which nobody reads."""
        assert isinstance(self.whole, Region)
        own = self.whole.own
        if self.is_empty:
            return own
        lines = zip(own.names, own.axes, self.part.axes, self.whole.spans)
        axes = {name: _part_of(line, axis, span) for name, line, axis, span in lines}
        return GridPart(own, axes, self.ranks, self.place)

    def spread(self, values: Any) -> Array:
        return np.zeros(self.shape) if self.is_empty else super().spread(values)

    def meeting(self, other: Region) -> RegionPart:
        assert isinstance(self.whole, Region) and isinstance(other.whole, Region)
        return RegionPart(self.part, self.whole.meeting(other.whole))

    def described(self) -> str:
        assert isinstance(self.whole, Region)
        return self.whole.described()


def _owned_of(axis: AxisPart, span: Span) -> Span:
    """First node and end of what a part owns of a span of nodes, counted from the span's first."""
    owned, (begin, end) = axis.positions[axis.owned], span
    return max(int(owned[0]), begin) - begin, min(int(owned[-1]) + 1, end) - begin


def _span_on(axis: Axis, span: Span) -> Span | None:
    """The nodes of a part that belong to a span of nodes of the whole; None if it owns none of them."""
    if not isinstance(axis, AxisPart):
        return span
    if span == (0, axis.whole.size):
        return 0, axis.size
    first, stop = _owned_of(axis, span)
    if first >= stop:
        return None
    here = np.flatnonzero((axis.positions >= span[0]) & (axis.positions < span[1]))
    return int(here[0]), int(here[-1]) + 1


def _part_of(line: Axis, axis: Axis, span: Span) -> Axis:
    """A part of a span of nodes, which are a line of their own."""
    if not isinstance(axis, AxisPart):
        return line
    return axis if span == (0, axis.whole.size) else AxisPart(line, *_owned_of(axis, span), axis.reach)
