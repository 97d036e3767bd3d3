"""Compiled passes over states: linear combinations, error norms, the greatest value.

Arrays are taken in pieces that stay in the first-level cache, and each piece is done by ``out[j] += w * x[j]`` in a loop
of its own, which vectorises. Passes over whole states are done in parts, which threads may share.
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


# In any order, and without asking whether the divisor is zero: 0.35 us of 1,000 numbers instead of 1.1, for only so are they divided in fours.
@compiled(inline="never", error_model="numpy", fastmath={"contract", "nsz", "reassoc"})
def _sum_of_squares(error: Array, y0: Array, y1: Array, atol: float, rtol: float) -> float:
    total = 0.0
    for j in range(error.shape[0]):
        size = max(abs(y0[j]), abs(y1[j]))
        ratio = abs(error[j]) / (atol + rtol * size)
        total += ratio * ratio
    return total


@compiled(inline="never", fastmath={"contract", "nsz", "reassoc"})
def _square(x: Array) -> float:
    total = 0.0
    for j in range(x.shape[0]):
        total += x[j].real * x[j].real + x[j].imag * x[j].imag
    return total


@compiled
def square_part(y: Array, first: int, last: int, blocks: int, size: int) -> float:
    """``sum |y|^2`` from node `first` to node `last` of every block."""
    total = 0.0
    for b in range(blocks):
        total += _square(y[b * size + first : b * size + last])
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


@compiled(inline="never")
def _combine(out: Array, y: Array, stages: Array, from_: int, weights: Array) -> None:
    for start in range(0, out.shape[0], PIECE):
        n = min(PIECE, out.shape[0] - start)
        target, old = out[start : start + n], y[start : start + n]
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


@compiled(inline="never")
def _error(
    y0: Array, y1: Array, stages: Array, from_: int, weights: Array, difference: float, atol: float, rtol: float
) -> float:
    total = 0.0
    piece = np.empty(min(PIECE, y0.shape[0]), dtype=y0.dtype)
    for start in range(0, y0.shape[0], PIECE):
        n = min(PIECE, y0.shape[0] - start)
        e, old, new = piece[:n], y0[start : start + n], y1[start : start + n]
        for j in range(n):
            e[j] = difference * (old[j] - new[j])
        for k in range(weights.shape[0]):
            if weights[k] != 0:
                add_multiple(e, stages[k, from_ + start : from_ + start + n], weights[k])
        total += _sum_of_squares(e, old, new, atol, rtol)
    return total


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

    It is number `row` of `rows` in out, `own` of `count` in y, `kept` of `most` in the stages.
    """
    for b in range(blocks):
        to, at, from_ = (b * rows + row) * size, (b * count + own) * size, (b * most + kept) * size
        _combine(out[to : to + size], y[at : at + size], stages, from_, weights)


@compiled
def copy_part(out: Array, y: Array, first: int, last: int, blocks: int, size: int) -> None:
    """Node `first` to node `last` of every block."""
    for b in range(blocks):
        begin, end = b * size + first, b * size + last
        _copy(out[begin:end], y[begin:end])


@compiled
def combine_part(
    out: Array, y: Array, stages: Array, weights: Array, first: int, last: int, blocks: int, size: int
) -> None:
    """``out = y + sum_k weights[k] stages[k]`` from node `first` to node `last` of every block, all arrays flat."""
    for b in range(blocks):
        begin, end = b * size + first, b * size + last
        _combine(out[begin:end], y[begin:end], stages, begin, weights)


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
    for b in range(atol.shape[0]):
        at, new, from_ = (b * count + own) * size, (b * rows + row) * size, (b * most + kept) * size
        total += _error(y0[at : at + size], y1[new : new + size], stages, from_, weights, difference, atol[b], rtol)
    return total


@compiled
def error_part(
    y0: Array,
    y1: Array,
    stages: Array,
    weights: Array,
    difference: float,
    first: int,
    last: int,
    size: int,
    atol: Array,
    rtol: float,
) -> float:
    """That sum from node `first` to node `last` of every block, all arrays flat."""
    total = 0.0
    for b in range(atol.shape[0]):
        begin, end = b * size + first, b * size + last
        total += _error(y0[begin:end], y1[begin:end], stages, begin, weights, difference, atol[b], rtol)
    return total


@compiled
def write_row(
    out: Array, begins: Array, block: Array, column: Array, values: Array, i: int, rows: int, row: int, size: int
) -> None:
    """Write the prescribed values of row i to where that row stands."""
    for m in range(begins[i], begins[i + 1]):
        out[(block[m] * rows + row) * size + column[m]] = values[m]
