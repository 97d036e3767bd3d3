"""Lines of a field to bundles and back: what every compiled line sweep does beside its fluxes.

A bundle holds the same nodes of several lines beside each other, ``node, state, line``, so that loops over its lines vectorise
whichever axis the lines follow.
"""

from __future__ import annotations

from pdekit.compilation import compiled
from pdekit.typing import Array

PERIODIC, COPY, REFLECT, SLOPE, GIVEN = range(5)
TILE = 8  # nodes that are moved at once where lines are contiguous: a line of the cache


@compiled
def gather(
    bundle: Array, field: Array, ghosts: int, nodes: int, first: int, along: int, across: int, count: int, width: int, place: int, row: int
) -> None:  # fmt: skip
    """One state of `count` lines; the last of them stands in the lanes that are left."""
    if across == 1:
        for i in range(nodes):
            to, at = (i + ghosts) * row + place, first + i * along
            for b in range(count):
                bundle[to + b] = field[at + b]
            for b in range(count, width):
                bundle[to + b] = field[at + count - 1]
        return
    for begin in range(0, nodes, TILE):
        end = min(begin + TILE, nodes)
        for b in range(width):
            at = first + min(b, count - 1) * across
            for i in range(begin, end):
                bundle[(i + ghosts) * row + place + b] = field[at + i * along]


@compiled
def scatter(
    field: Array, bundle: Array, scale: float, nodes: int, first: int, along: int, across: int, count: int, place: int, row: int
) -> None:  # fmt: skip
    """Differences of neighbours in a bundle of fluxes, times a number."""
    if across == 1:
        for i in range(nodes):
            to, at = first + i * along, i * row + place
            for b in range(count):
                field[to + b] = (bundle[at + row + b] - bundle[at + b]) * scale
        return
    for begin in range(0, nodes, TILE):
        end = min(begin + TILE, nodes)
        for b in range(count):
            to = first + b * across
            for i in range(begin, end):
                at = i * row + place + b
                field[to + i * along] = (bundle[at + row] - bundle[at]) * scale


@compiled
def fill_ghosts(
    bundle: Array, rules: Array, slopes: Array, step: float, ghosts: int, nodes: int, line: int, width: int, place: int, row: int
) -> None:  # fmt: skip
    """The nodes beyond both faces of one state.

    Parameters
    ----------
    rules : array of 3
        Of the left end, of the right end, and whether the state is to stay positive.
    slopes : array of shape (2, lines)
        Outward slopes prescribed at the ends, or states beyond them.
    """
    first, last = ghosts, ghosts + nodes - 1
    for side in range(2):
        edge, outward = (first, -1) if side == 0 else (last, 1)
        for k in range(1, ghosts + 1):
            for b in range(width):
                to = (edge + outward * k) * row + place + b
                inner = bundle[(edge - outward * k) * row + place + b]
                at_edge = bundle[edge * row + place + b]
                if rules[side] == PERIODIC:
                    bundle[to] = bundle[(edge + outward * (k - nodes)) * row + place + b]
                elif rules[side] == COPY:
                    bundle[to] = at_edge
                elif rules[side] == SLOPE:
                    bundle[to] = inner + 2.0 * step * k * slopes[side, line + b]
                elif rules[side] == GIVEN:
                    bundle[to] = slopes[side, line + b]
                else:
                    mirrored = 2.0 * at_edge - inner
                    bundle[to] = at_edge if rules[2] == 1 and mirrored <= 0.0 else mirrored
