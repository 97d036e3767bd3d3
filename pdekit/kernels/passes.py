"""Compiled passes over whole states: linear combinations, error norms, the greatest value.

Arrays are taken in pieces that stay in the first-level cache, and each piece is done by ``out[j] += w * x[j]`` in a loop
of its own, which vectorises.
"""

from __future__ import annotations

import numpy as np

from pdekit.compilation import add_multiple, compiled
from pdekit.typing import Array

PIECE = 2048


@compiled(inline="never")
def _copy(out: Array, x: Array) -> None:
    for j in range(out.shape[0]):
        out[j] = x[j]


@compiled(inline="never")
def _sum_of_squares(error: Array, y0: Array, y1: Array, atol: float, rtol: float) -> float:
    total = 0.0
    for j in range(error.shape[0]):
        size = max(abs(y0[j]), abs(y1[j]))
        ratio = abs(error[j]) / (atol + rtol * size)
        total += ratio * ratio
    return total


@compiled
def greatest(y: Array) -> float:
    """The greatest modulus; not a number if there is one that is not."""
    largest, broken = 0.0, 0.0
    for j in range(y.shape[0]):
        size = abs(y[j])
        largest = max(largest, size)
        broken += 0.0 * size  # nan from nan and from inf
    return largest + broken


@compiled(inline="never")
def _sum_of_two(out: Array, x: Array, y: Array, w: float) -> None:
    for j in range(out.shape[0]):
        out[j] = x[j] + w * y[j]


@compiled
def copy_row(out: Array, row: int, rows: int, y: Array, own: int, count: int, blocks: int, size: int) -> None:
    """Row `own` of the `count` of every block of y to row `row` of the `rows` of out."""
    for b in range(blocks):
        to, at = (b * rows + row) * size, (b * count + own) * size
        _copy(out[to : to + size], y[at : at + size])


@compiled
def combine_row(
    out: Array,
    row: int,
    rows: int,
    y: Array,
    own: int,
    count: int,
    stages: Array,
    kept: int,
    most: int,
    weights: Array,
    blocks: int,
    size: int,
) -> None:
    """``out = y + sum_k weights[k] stages[k]`` on one row of every block, all arrays flat, `stages` one each.

    It is number `row` of `rows` in out, `own` of `count` in y, `kept` of `most` in the stages. A whole state is row 0 of 1.
    """
    for b in range(blocks):
        for start in range(0, size, PIECE):
            n = min(PIECE, size - start)
            to, at, from_ = ((b * rows + row) * size, (b * count + own) * size, (b * most + kept) * size)
            target, old = out[to + start : to + start + n], y[at + start : at + start + n]
            fresh = True
            for k in range(weights.shape[0]):
                if weights[k] != 0:
                    stage = stages[k, from_ + start : from_ + start + n]
                    if fresh:
                        _sum_of_two(target, old, stage, weights[k])
                    else:
                        add_multiple(target, stage, weights[k])
                    fresh = False
            if fresh:
                _copy(target, old)


@compiled
def error_row(
    y0: Array,
    own: int,
    count: int,
    y1: Array,
    row: int,
    rows: int,
    stages: Array,
    kept: int,
    most: int,
    weights: Array,
    difference: float,
    size: int,
    atol: Array,
    rtol: float,
) -> float:
    """``sum (e / (atol + rtol max(|y0|, |y1|)))^2`` of ``e = difference (y0 - y1) + sum_k weights[k] stages[k]``.

    Rows are counted as in `combine_row`; `atol` has a number for every block.
    """
    total = 0.0
    piece = np.empty(PIECE, dtype=y0.dtype)
    for b in range(atol.shape[0]):
        for start in range(0, size, PIECE):
            n = min(PIECE, size - start)
            at, new, from_ = ((b * count + own) * size, (b * rows + row) * size, (b * most + kept) * size)
            e, old, fresh = piece[:n], y0[at + start : at + start + n], y1[new + start : new + start + n]
            for j in range(n):
                e[j] = difference * (old[j] - fresh[j])
            for k in range(weights.shape[0]):
                if weights[k] != 0:
                    add_multiple(e, stages[k, from_ + start : from_ + start + n], weights[k])
            total += _sum_of_squares(e, old, fresh, atol[b], rtol)
    return total


@compiled
def write_row(
    out: Array, begins: Array, block: Array, column: Array, values: Array, i: int, rows: int, row: int, size: int
) -> None:
    """Write the prescribed values of row i to where that row stands."""
    for m in range(begins[i], begins[i + 1]):
        out[(block[m] * rows + row) * size + column[m]] = values[m]
