"""Compiled sweeps of a one-dimensional matrix along one axis of an array.

The same rows as the sparse matrix has, applied line by line: along a leading axis whole rows of the last one are scaled and
added, along the last axis the runs of rows with equal offsets are. Both come down to ``out[j] += w * x[j]`` over
contiguous memory in a function of its own, which is the shape that compilers vectorise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from pdekit.compilation import add_multiple, compiled
from pdekit.typing import Array, Matrix

LONGEST_RUNS = 64


@compiled(inline="never")
def _add_weighted(out: Array, x: Array, w: Array) -> None:
    for j in range(out.shape[0]):
        out[j] += w[j] * x[j]


@compiled
def _leading(indptr: Array, indices: Array, data: Array, u: Array, out: Array, factor: Any) -> None:
    """Along the middle of three axes."""
    for b in range(u.shape[0]):
        for i in range(out.shape[1]):
            for p in range(indptr[i], indptr[i + 1]):
                add_multiple(out[b, i], u[b, indices[p]], factor * data[p])


@compiled
def _last(
    first: Array,
    end: Array,
    start: Array,
    offsets: Array,
    weights: Array,
    varying: Array,
    rows: Array,
    columns: Array,
    values: Array,
    u: Array,
    out: Array,
    factor: Any,
) -> None:
    """Along the last of two axes: runs of rows with equal offsets, and single entries."""
    for b in range(u.shape[0]):
        source, target = u[b], out[b]
        for r in range(first.size):
            lower, upper = first[r], end[r]
            for k in range(start[r], start[r + 1]):
                shifted = source[lower + offsets[k] : upper + offsets[k]]
                if varying[k]:
                    _add_weighted(target[lower:upper], shifted, factor * weights[k, lower:upper])
                else:
                    add_multiple(target[lower:upper], shifted, factor * weights[k, lower])
        for e in range(rows.size):
            target[rows[e]] += factor * values[e] * source[columns[e]]


@dataclass(frozen=True, eq=False)
class Runs:
    """A matrix as runs of rows whose entries stand at the same offsets, and single entries for the rest.

    Parameters
    ----------
    first, end : arrays
        The rows of each run.
    start : array
        Where the offsets of each run begin in `offsets`; one entry more than runs.
    offsets : array
        Columns minus rows.
    weights : array of shape (offsets, rows)
    varying : array of bool
        Whether the weights of an offset change along its run.
    rows, columns, values : arrays
        Entries outside of all runs.
    """

    first: Array
    end: Array
    start: Array
    offsets: Array
    weights: Array
    varying: Array
    rows: Array
    columns: Array
    values: Array


def runs_of(matrix: Matrix) -> Runs:
    """Find the runs of a CSR matrix with sorted indices."""
    count = np.diff(matrix.indptr)
    patterns = [
        tuple((matrix.indices[matrix.indptr[i] : matrix.indptr[i + 1]] - i).tolist()) for i in range(matrix.shape[0])
    ]
    edges = [0, *(i for i in range(1, len(patterns)) if patterns[i] != patterns[i - 1]), len(patterns)]
    longest = sorted(((a, b) for a, b in pairwise(edges) if b - a >= 8 and count[a]), key=lambda run: run[0] - run[1])[
        :LONGEST_RUNS
    ]
    runs = sorted(longest)
    inside = np.zeros(len(patterns), dtype=bool)
    offsets: list[int] = []
    weights, varying, start = [], [], [0]
    for a, b in runs:
        inside[a:b] = True
        block = matrix.data[matrix.indptr[a] : matrix.indptr[b]].reshape(b - a, -1)
        for k, offset in enumerate(patterns[a]):
            line = np.zeros(matrix.shape[0], dtype=matrix.dtype)
            line[a:b] = block[:, k]
            offsets.append(offset)
            weights.append(line)
            varying.append(bool(np.any(block[:, k] != block[0, k])))
        start.append(len(offsets))
    rows = np.repeat(np.arange(len(patterns)), count)
    single = ~inside[rows]
    return Runs(
        np.array([a for a, _ in runs], dtype=np.int64),
        np.array([b for _, b in runs], dtype=np.int64),
        np.array(start, dtype=np.int64),
        np.array(offsets, dtype=np.int64),
        np.array(weights, dtype=matrix.dtype).reshape(len(offsets), matrix.shape[0]),
        np.array(varying, dtype=np.bool_),
        rows[single],
        matrix.indices[single].astype(np.int64),
        matrix.data[single],
    )


class Sweep:
    """A one-dimensional matrix, ready to be swept along an axis."""

    def __init__(self, matrix: Matrix) -> None:
        self.matrix = matrix.sorted_indices()

    @cached_property
    def _runs(self) -> Runs:
        return runs_of(self.matrix)

    def add_to(self, out: Array, values: Array, axis: int, factor: Any = 1.0) -> None:
        """``out += factor * matrix`` applied along an axis; both arrays contiguous and of one type."""
        before, n = int(np.prod(values.shape[:axis])), values.shape[axis]
        after, m = int(np.prod(values.shape[axis + 1 :])), out.shape[axis]
        w, kind = self.matrix, out.dtype.type
        if after > 1:
            shapes = (before, n, after), (before, m, after)
            _leading(w.indptr, w.indices, w.data, values.reshape(shapes[0]), out.reshape(shapes[1]), kind(factor))
            return
        r = self._runs
        parts = (r.first, r.end, r.start, r.offsets, r.weights, r.varying, r.rows, r.columns, r.values)
        _last(*parts, values.reshape(before, n), out.reshape(before, m), kind(factor))
