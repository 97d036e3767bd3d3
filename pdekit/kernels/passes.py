"""Compiled passes over whole states: linear combinations, error norms, the greatest value.

Arrays are taken in pieces that stay in the first-level cache, and each piece is done by ``out[j] += w * x[j]`` in a loop
of its own, which vectorises.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.jit import add_multiple, compiled

Array = NDArray[Any]
PIECE = 2048


@compiled(inline="never")
def _copy(out: Array, x: Array) -> None:
    for j in range(out.shape[0]):
        out[j] = x[j]


@compiled
def combine(out: Array, y: Array, weights: Array, stages: Array) -> None:
    """``out = y + sum_k weights[k] stages[k]`` on flat arrays, `stages` one row each."""
    n = y.shape[0]
    for start in range(0, n, PIECE):
        end = min(start + PIECE, n)
        _copy(out[start:end], y[start:end])
        for k in range(weights.shape[0]):
            if weights[k] != 0:
                add_multiple(out[start:end], stages[k, start:end], weights[k])


@compiled(inline="never")
def _sum_of_squares(error: Array, y0: Array, y1: Array, atol: float, rtol: float) -> float:
    total = 0.0
    for j in range(error.shape[0]):
        size = max(abs(y0[j]), abs(y1[j]))
        ratio = abs(error[j]) / (atol + rtol * size)
        total += ratio * ratio
    return total


@compiled
def error_sum(
    y0: Array, y1: Array, difference: float, weights: Array, stages: Array, atol: float, rtol: float
) -> float:
    """``sum (e / (atol + rtol max(|y0|, |y1|)))^2`` of ``e = difference (y0 - y1) + sum_k weights[k] stages[k]``."""
    n, total = y0.shape[0], 0.0
    piece = np.empty(PIECE, dtype=y0.dtype)
    for start in range(0, n, PIECE):
        end = min(start + PIECE, n)
        e = piece[: end - start]
        for j in range(end - start):
            e[j] = difference * (y0[start + j] - y1[start + j])
        for k in range(weights.shape[0]):
            if weights[k] != 0:
                add_multiple(e, stages[k, start:end], weights[k])
        total += _sum_of_squares(e, y0[start:end], y1[start:end], atol, rtol)
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
