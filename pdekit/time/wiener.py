r"""Wiener processes on a grid, by a counter: the path depends on the seed only, not on threads, frames or the step.

The increments of white noise in space over a time dt have variance ``dt / V`` at a node whose cell has the volume V; those of
noise with a correlation length have ``dt`` and the covariance ``exp(-r^2 / (2 length^2))`` between nodes.

References
----------
J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, *Parallel random numbers: as easy as 1, 2, 3*, SC11 (Philox). G. J. Lord,
C. E. Powell and T. Shardlow, *An Introduction to Computational Stochastic PDEs* (2014), sections 7.4 and 10.6.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from pdekit.errors import SolverError
from pdekit.geometry.axis import Axis
from pdekit.geometry.grid import Grid
from pdekit.typing import Array

DRAWN_AT_ONCE = 1 << 16  # numbers of a whole grid, by a process that has a part of it


class WienerProcess:
    """One Wiener process on a grid, drawn in intervals of equal length.

    Parameters
    ----------
    grid : Grid
    length : float
        Correlation length in space; 0: white, infinite: the same everywhere.
    seed, number, sample : int
        Which path: of the run, of the noise in the equations, of the ensemble.
    interval : float
        Length of the intervals.

    Examples
    --------
    >>> import pdekit as pk
    >>> path = WienerProcess(pk.Grid(x=pk.Axis(0, 1, 4, periodic=True)), 0.0, 1, 0, 0, 0.01)
    >>> bool(np.all(path.increment(3, 5) == path.increment(3, 4) + path.increment(4, 5)))
    True
    """

    def __init__(self, grid: Grid, length: float, seed: int, number: int, sample: int, interval: float) -> None:
        self.grid, self.length, self.interval = grid, length, interval
        self._key = np.array([seed, (number << 32) + sample], dtype=np.uint64)
        if 0 < length < np.inf and grid.geometry is not None:
            raise SolverError("noise with a correlation length needs cartesian coordinates", key="equations")

    @cached_property
    def variance(self) -> Array:
        """Of an increment beside its duration, at every node."""
        return 1 / self.grid.weights if self.length == 0 else np.ones(self.grid.shape)

    def increment(self, first: int, last: int) -> Array:
        """``W(last) - W(first)`` at every node, times counted in intervals from the start."""
        return np.asarray(sum(self._drawn(n) for n in range(first, last)))

    def _drawn(self, n: int) -> Array:
        normals = np.random.Generator(np.random.Philox(key=self._key, counter=[0, 0, 0, n]))
        size = np.sqrt(self.interval)
        if self.length == np.inf:
            return np.full(self.grid.shape, size * normals.standard_normal())
        if self.length == 0:
            return size * np.sqrt(self.variance) * self._independent(normals)
        along, *across = self._roots
        values = np.zeros(self.grid.shape)
        for first, planes in self._planes(normals):
            for k, root in enumerate(across, 1):
                planes = _product(root, planes, k)
            values += _product(along[:, first : first + len(planes)], planes, 0)
        return size * values

    def _independent(self, normals: np.random.Generator) -> Array:
        """Normal numbers at the nodes that are had."""
        if self.grid.whole is self.grid:
            return normals.standard_normal(self.grid.shape)
        along, *across = (axis.index for axis in self.grid.axes)
        values = np.empty(self.grid.shape)
        for first, planes in self._planes(normals):
            inside = (along >= first) & (along < first + len(planes))
            values[inside] = planes[np.ix_(along[inside] - first, *across)]
        return values

    def _planes(self, normals: np.random.Generator) -> Iterator[tuple[int, Array]]:
        """The normal numbers of the whole grid, of which this may be a part, some planes at a time, and the number of the first of them.

        Whoever has a part draws all, and keeps its own: the path does not depend on who shares the grid, and no process holds it whole.
        """
        whole = self.grid.whole.shape
        many = whole[0] if self.grid.whole is self.grid else max(1, DRAWN_AT_ONCE // int(np.prod(whole[1:])))
        for first in range(0, whole[0], many):
            yield first, normals.standard_normal((min(many, whole[0] - first), *whole[1:]))

    @cached_property
    def _roots(self) -> list[Array]:
        """Square roots of the covariances along the axes, whose tensor product is that of the grid; the rows of the nodes that are had."""
        return [_covariance_root(axis.whole, self.length)[axis.index] for axis in self.grid.axes]


def _product(matrix: Array, values: Array, axis: int) -> Array:
    return np.moveaxis(np.tensordot(matrix, values, axes=(1, axis)), 0, axis)


def _covariance_root(axis: Axis, length: float) -> Array:
    distance = axis.nodes[:, None] - axis.nodes
    turns = range(-(images := int(np.ceil(8 * length / axis.length)) if axis.periodic else 0), images + 1)
    C = sum(np.exp(-((distance + k * axis.length) ** 2) / (2 * length**2)) for k in turns)
    C = np.asarray(C) / np.asarray(C)[0, 0]
    values, vectors = np.linalg.eigh(C)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
