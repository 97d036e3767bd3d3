"""How a grid is shared: boxes of nodes, as equal as can be, one for each process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from pdekit.errors import ConfigError
from pdekit.geometry.axis import Axis
from pdekit.geometry.domain_grid import DomainGrid
from pdekit.geometry.grid import Grid
from pdekit.geometry.parts import AxisPart, DomainPart, GridPart
from pdekit.ranks import Ranks


def shares(size: int, count: int) -> list[tuple[int, int]]:
    """First node and end of the share of each.

    Examples
    --------
    >>> shares(10, 3)
    [(0, 4), (4, 7), (7, 10)]
    """
    edges = [(size * k + count - 1) // count for k in range(count + 1)]
    return [(edges[k], edges[k + 1]) for k in range(count)]


@dataclass(frozen=True)
class Decomposition:
    """A grid as boxes.

    Parameters
    ----------
    grid : Grid
        The whole.
    counts : tuple of int
        Into how many parts each axis is cut. The first axis goes slowest through the ranks.
    reach : tuple of int
        How many nodes beside its own a process reads, by axis.
    """

    grid: Grid
    counts: tuple[int, ...]
    reach: tuple[int, ...]

    def place(self, rank: int) -> tuple[int, ...]:
        """Which part of every axis a rank has."""
        return tuple(int(k) for k in np.unravel_index(rank, self.counts))

    def part(self, rank: int, ranks: Ranks) -> GridPart:
        """What a rank has of the grid."""
        lines = zip(self.grid.names, range(self.grid.ndim), self.place(rank))
        axes = {name: self.line(axis, k) for name, axis, k in lines}
        if isinstance(self.grid, DomainGrid):
            return DomainPart(self.grid, axes, ranks, self.place(rank))
        return GridPart(self.grid, axes, ranks, self.place(rank))

    def line(self, axis: int, part: int) -> Axis:
        """One part of an axis; the axis itself where it is not cut."""
        whole, count = self.grid.axes[axis], self.counts[axis]
        return AxisPart(whole, *shares(whole.size, count)[part], self.reach[axis]) if count > 1 else whole


def decompose(grid: Grid, count: int, reach: Mapping[str, int], whole: Sequence[str] = ()) -> Decomposition:
    """Boxes with the least surface, all with nodes of the domain; of equal ones those cut along the first axes, where the nodes of a face lie together in memory.

    Parameters
    ----------
    grid : Grid
    count : int
        Of processes.
    reach : mapping of str to int
        How far rows read along each axis.
    whole : sequence of str
        Axes that are not to be cut.

    Raises
    ------
    ConfigError
        There are more processes than can share it.

    Examples
    --------
    >>> from pdekit import Axis
    >>> decompose(Grid(x=Axis(0, 1, 100), y=Axis(0, 1, 100)), 4, {"x": 1, "y": 1}).counts
    (4, 1)
    """
    least = [grid.shape[k] if name in whole else max(reach.get(name, 0), 2) for k, name in enumerate(grid.names)]
    most = [max(1, n // few) for n, few in zip(grid.shape, least)]
    choices = [c for c in _factorisations(count, grid.ndim) if all(k <= m for k, m in zip(c, most))]
    if not choices:
        raise ConfigError(
            f"{count} ranks cannot share {' x '.join(map(str, grid.shape))} nodes: each needs at least as many nodes along an "
            f"axis as its stencils reach ({', '.join(f'{n} {r}' for n, r in zip(grid.names, least))}); at most {_most(most)} can"
        )

    if isinstance(grid, DomainGrid):
        choices = [c for c in choices if _all_have_nodes(grid, c)]
        if not choices:
            raise ConfigError(
                f"{count} ranks cannot share this domain: boxes as equal as can be would leave some of them without a node inside; take fewer"
            )

    def surface(counts: tuple[int, ...]) -> float:
        sides = [n / c for n, c in zip(grid.shape, counts)]
        return sum(reach.get(name, 0) * prod(sides) / s for name, s, c in zip(grid.names, sides, counts) if c > 1)

    # A cut along the last axis costs more than its nodes: they lie apart, and rows of kernels become shorter.
    best = min(choices, key=lambda c: (surface(c) * (1 + (c[-1] > 1)) if grid.ndim > 1 else 0.0, c[::-1]))
    return Decomposition(grid, best, tuple(reach.get(name, 0) for name in grid.names))


def _all_have_nodes(grid: DomainGrid, counts: tuple[int, ...]) -> bool:
    """Whether every box holds a node of the domain."""
    held = grid.within
    for axis, (size, count) in enumerate(zip(grid.shape, counts)):
        held = np.logical_or.reduceat(held, [first for first, _ in shares(size, count)], axis=axis)
    return bool(np.all(held))


def _factorisations(count: int, axes: int) -> list[tuple[int, ...]]:
    divisors = [d for d in range(1, count + 1) if count % d == 0]
    return [c for c in product(divisors, repeat=axes) if prod(c) == count]


def _most(most: Sequence[int]) -> int:
    return prod(most)
