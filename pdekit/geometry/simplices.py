"""What of simplices lies where a linear function is positive: shares of their volumes, and the pieces of the plane where it vanishes.

Cells of a grid are divided into simplices along their diagonals (Kuhn's triangulation), so that the faces of neighbours are divided
alike: shares of cells, of their faces and the pieces of the boundary then fit together to rounding.

References
----------
C. Min and F. Gibou, *Geometric integration over irregular domains with application to level-set methods*, J. Comput. Phys. 226
(2007) 1432-1443.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, permutations, product

import numpy as np

from pdekit.typing import Array

_SHIFT = 1e-30  # imaginary: the slope of the volume by the level, without cancellation


def positive_share(values: Array) -> Array:
    """The share of simplices in which the linear function of given vertex values is positive.

    Parameters
    ----------
    values : array of shape (d + 1, n)
        For d = 0, 1, 2, 3. Zeros count as positive.

    Examples
    --------
    >>> float(positive_share(np.array([[1.0], [-1.0], [-1.0]]))[0])
    0.25
    """
    ordered = np.take_along_axis(values, np.argsort(-values.real, axis=0, kind="stable"), axis=0)
    count = np.sum(ordered.real >= 0, axis=0)
    corners = values.shape[0]
    share = np.where(count == corners, 1.0 + 0 * ordered[0], 0.0)
    with np.errstate(all="ignore"):
        if corners > 1:
            share = np.where(count == 1, _corner(ordered[0], ordered[1:]), share)
            share = np.where(count == corners - 1, 1.0 - _corner(ordered[-1], ordered[:-1]), share)
        if corners == 4:
            share = np.where(count == 2, _two_and_two(*ordered), share)
    return np.asarray(share)


def _corner(a: Array, others: Array) -> Array:
    """The share about the one vertex whose value has its own sign."""
    return np.asarray(np.prod(a / (a - others), axis=0))


def _two_and_two(a: Array, b: Array, c: Array, d: Array) -> Array:
    """The share of a tetrahedron with a, b positive and c, d negative."""
    top = (a * b) ** 2 - a * b * (a + b) * (c + d) + c * d * (a * a + a * b + b * b)
    return np.asarray(top / ((a - c) * (a - d) * (b - c) * (b - d)))


@dataclass(frozen=True, eq=False)
class CutCells:
    """Cells of a box of points, cut by a level-set function.

    Parameters
    ----------
    shares : array of the cells' shape
        Volume where it is positive over the whole.
    cells : array of shape (pieces,)
        Flat indices of the cells that pieces of the boundary lie in.
    areas : array of shape (pieces,)
    normals, centres : array of shape (pieces, d)
        Unit vectors that point out of the region, and where the pieces lie.
    """

    shares: Array
    cells: Array
    areas: Array
    normals: Array
    centres: Array


def cut_cells(level: Array, lines: list[Array]) -> CutCells:
    """Cut the cells between points.

    Parameters
    ----------
    level : array
        The level-set function at the points.
    lines : list of array
        Their coordinates along each axis.
    """
    d, shape = level.ndim, tuple(n - 1 for n in level.shape)
    corners = {c: level[tuple(slice(o, o + n) for o, n in zip(c, shape))] for c in product((0, 1), repeat=d)}
    inside = [corner >= 0 for corner in corners.values()]
    whole = np.logical_and.reduce(inside)
    shares = whole.astype(float).ravel()
    cut = np.flatnonzero(np.logical_or.reduce(inside) & ~whole)
    where = np.unravel_index(cut, shape) if d else ()
    starts = np.stack([line[i] for line, i in zip(lines, where)], axis=1) if d else np.zeros((cut.size, 0))
    sizes = np.stack([np.diff(line)[i] for line, i in zip(lines, where)], axis=1) if d else starts
    pieces = []
    for path in permutations(range(d)):
        steps = np.cumsum(np.eye(d, dtype=int)[list(path)], axis=0) if d else np.zeros((0, 0), dtype=int)
        vertices = np.concatenate([np.zeros((1, d), dtype=int), steps])
        values = np.stack([corners[tuple(v)][where] if d else np.zeros(0) for v in vertices.tolist()])
        count = 1 / np.prod(np.arange(1, d + 1))
        found = positive_share(values + 1j * _SHIFT)
        shares[cut] += count * found.real
        slopes = np.stack([(values[path.index(k) + 1] - values[path.index(k)]) / sizes[:, k] for k in range(d)], axis=1) if d else starts  # fmt: skip
        steepness = np.linalg.norm(slopes, axis=1)
        areas = count * np.prod(sizes, axis=1) * steepness * found.imag / _SHIFT
        hit = np.flatnonzero(areas > 0)
        centres = _crossings(values[:, hit], starts[hit] + vertices[:, None, :] * sizes[hit])
        pieces.append((cut[hit], areas[hit], -slopes[hit] / steepness[hit, None], centres))
    cells, areas, normals, centres = (np.concatenate(parts) for parts in zip(*pieces))
    return CutCells(shares.reshape(shape), cells, areas, normals, centres)


def _crossings(values: Array, vertices: Array) -> Array:
    """The mean of the points at which the edges of simplices cross the level zero."""
    total, count = np.zeros(vertices.shape[1:]), np.zeros(values.shape[1])
    for p, q in combinations(range(values.shape[0]), 2):
        crossed = (values[p] >= 0) != (values[q] >= 0)
        a, b = values[p][crossed, None], values[q][crossed, None]
        total[crossed] += (a * vertices[q][crossed] - b * vertices[p][crossed]) / (a - b)
        count[crossed] += 1
    return total / np.maximum(count, 1)[:, None]
