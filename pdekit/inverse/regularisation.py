"""Tikhonov's regularisation of fields: the integral of the square of their gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from pdekit.errors import ConfigError
from pdekit.geometry.grid import Grid
from pdekit.typing import Matrix


def gradient_rows(grid: Grid) -> Matrix:
    """R with ``|R k|^2 = int |grad k|^2`` to second order: differences of neighbours, each weighed by the root of its cell.

    Differences of neighbours, unlike central ones, see what changes its sign from node to node.

    Raises
    ------
    ConfigError
        The coordinates are curved.

    Examples
    --------
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 2, 21), y=pk.Axis(0, 1, 11))
    >>> rows = gradient_rows(grid) @ (3*grid.coordinates["x"] + 0*grid.coordinates["y"]).ravel()
    >>> round(float(rows @ rows), 12)
    18.0
    """
    if grid.geometry is not None:
        raise ConfigError("fields are regularised in cartesian coordinates only", key="regularisation")
    parts: list[Any] = []
    for axis, line in enumerate(grid.axes):
        n, gaps = line.size, line.spacings
        pairs = np.arange(gaps.size)
        rows = np.concatenate([pairs, pairs])
        columns = np.concatenate([pairs, (pairs + 1) % n])
        values = np.concatenate([-1 / np.sqrt(gaps), 1 / np.sqrt(gaps)])
        total: Any = sparse.csr_array((values, (rows, columns)), shape=(gaps.size, n))
        before, after = sparse.eye_array(1), sparse.eye_array(1)
        for k, other in enumerate(grid.axes):
            weights = sparse.diags_array(np.sqrt(other.weights))
            if k < axis:
                before = sparse.kron(before, weights)
            elif k > axis:
                after = sparse.kron(after, weights)
        parts.append(sparse.kron(sparse.kron(before, total), after))
    return sparse.csr_array(sparse.vstack(parts))
