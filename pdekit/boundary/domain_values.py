"""Values next to a domain that is no box, and on its boundary, from those at nodes inside."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.geometry.domain_grid import DomainGrid
from pdekit.stencils.weights import fornberg
from pdekit.typing import Array, Matrix

COMPLETE = 1e-6  # by which the weights of a mean may fall short of one


def extension(grid: DomainGrid, degree: int, wanted: NDArray[np.intp] | None = None) -> Matrix:
    """Values at all nodes next to the domain from those inside: the identity there, extrapolated along an axis outside.

    Parameters
    ----------
    grid : DomainGrid
    degree : int
        Of the polynomial, as far as there are nodes for it.
    wanted : array of int, optional
        Nodes that are to have values, too, where they lie next to a node inside, diagonally at least.

    Returns
    -------
    sparse array
        Rows of nodes that are not next to the domain are empty.
    """
    inside = grid.within.ravel()
    own = np.flatnonzero(inside)
    beside = np.zeros(grid.size, dtype=bool)
    for axis in range(grid.ndim):
        for by in (-1, 1):
            other, _ = grid.stepped(own, axis, by)
            beside[other[other >= 0]] = True
    if wanted is not None:
        beside[wanted] = True
    ghosts = np.flatnonzero((beside | (grid.volumes.ravel() > 0)) & ~inside)
    rows, columns, values = [own], [own], [np.ones(own.size)]
    left = ghosts
    for count in range(degree + 1, 0, -1):
        nodes, places = grid.deepest(left, count)
        found = nodes[0] >= 0
        w = fornberg(places[:, found], np.zeros(int(found.sum())), 0)[0]
        rows.append(np.repeat(left[found][None], count, axis=0).ravel())
        columns.append(nodes[:, found].ravel())
        values.append(w.ravel())
        left = left[~found]
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.csr_array(entries, shape=(grid.size, grid.size))


def values_on_rim(grid: DomainGrid) -> Matrix:
    """Values at the pieces of the boundary from those inside: linear in every direction, of order 2.

    Returns
    -------
    sparse array of shape (pieces, nodes)
        Where a cell has corners without values, that of the piece's own node.
    """
    count = grid.rim.nodes.size
    corners, weights = _cell_corners(grid, grid.rim_points())
    rows = np.broadcast_to(np.arange(count), corners.shape)
    used = weights.ravel() > 0
    entries = (weights.ravel()[used], (rows.ravel()[used], corners.ravel()[used]))
    between = sparse.csr_array(entries, shape=(count, grid.size))
    E = extension(grid, 1, np.unique(corners.ravel()[used]))
    found, own = sparse.csr_array(between @ E), sparse.csr_array(E[grid.rim.nodes])
    complete = (np.abs(np.asarray(between @ np.asarray(E.sum(axis=1))) - 1) < COMPLETE).astype(float)
    return sparse.csr_array(sparse.diags_array(complete) @ found + sparse.diags_array(1 - complete) @ own)


def _cell_corners(grid: DomainGrid, points: dict[str, Array]) -> tuple[NDArray[np.intp], Array]:
    """The corners of the cells in which points lie, and their weights in a linear mean; of shape (corners, points)."""
    low, shares = [], []
    for name, line in zip(grid.names, grid.axes):
        nodes, at = line.unrolled, points[name]
        if line.wraps:
            nodes = np.append(nodes, nodes[0] + line.length)
        elif line.periodic:  # a part, which may lie on both sides of the seam
            at = np.where(at < nodes[0], at + line.length, np.where(at > nodes[-1], at - line.length, at))
        cell = np.clip(np.searchsorted(nodes, at, side="right") - 1, 0, nodes.size - 2)
        low.append(cell)
        shares.append((at - nodes[cell]) / (nodes[cell + 1] - nodes[cell]))
    corners, weights = [], []
    for corner in product((0, 1), repeat=grid.ndim):
        index = [(cell + up) % n for cell, up, n in zip(low, corner, grid.shape)]
        corners.append(np.ravel_multi_index(index, grid.shape))
        weights.append(np.prod([s if up else 1 - s for s, up in zip(shares, corner)], axis=0))
    return np.array(corners), np.array(weights)
