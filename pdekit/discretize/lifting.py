"""One-dimensional rows on a whole grid: Kronecker products, and what rows near a pole take from beyond it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from scipy import sparse

from pdekit.boundary.conditions import FaceConditions
from pdekit.discretize.affine import AffineOperator
from pdekit.discretize.algebra import AxisProduct, LinearOperator
from pdekit.errors import GridError
from pdekit.geometry.grid import Grid
from pdekit.stencils.poles import reflection
from pdekit.stencils.rows import AxisRows
from pdekit.stencils.sparse_products import kronecker

Faces = Mapping[str, FaceConditions]
Parities = Mapping[str, int | None]
NO_PARITIES: Parities = MappingProxyType({})


def rows_operator(
    grid: Grid,
    axis: int,
    rows: AxisRows,
    parity: int = 1,
    target: Grid | None = None,
    source: Grid | None = None,
) -> LinearOperator:
    """Rows of one axis as an operator on the grid, with what they take from behind a pole.

    Parameters
    ----------
    grid : Grid
    axis : int
    rows : AxisRows
    parity : {1, -1}, default 1
        The sign with which the quantity goes on across the pole: -1 for components along unit vectors that turn there.
    target, source : Grid, optional
        Where the rows lead, and where they come from, if other than `grid`.
    """
    begin, end = source or grid, target or grid
    direct: LinearOperator = AxisProduct(begin, {axis: rows.matrix}, end)
    if rows.mirror is None or rows.mirror.nnz == 0:
        return direct
    return direct + parity * AxisProduct(begin, {**reflection(grid, axis), axis: rows.mirror}, end)


def product_of_rows(
    grid: Grid,
    rows: Mapping[int, AxisRows],
    parity: Parities = NO_PARITIES,
    along_face: Mapping[int, Any] | None = None,
) -> AffineOperator:
    """One-dimensional rows of one or several axes on the whole grid, with the data of their conditions.

    Parameters
    ----------
    grid : Grid
    rows : mapping of int to AxisRows
    parity : mapping of str to {1, -1, None}
    along_face : mapping of int to sparse array, optional
        Of several axes: the rows without conditions, which act on data along a face.
    """
    if any(r.mirror is not None for r in rows.values()):
        return _product_across_poles(grid, rows, parity)
    data = {}
    for k, r in rows.items():
        if r.data.shape[1]:
            # Axes before k act on the data along the face, axes after k on the finished rows.
            before = {j: (along_face or {})[j] for j in rows if j < k}
            after = {j: rows[j].matrix for j in rows if j > k}
            data[k] = lift(grid, {**before, **after, k: r.data})
    return AffineOperator(AxisProduct(grid, {k: r.matrix for k, r in rows.items()}), data)


def _product_across_poles(grid: Grid, rows: Mapping[int, AxisRows], parity: Parities) -> AffineOperator:
    """Axes of which some have poles: these mirror the axes that follow, which act later."""
    total: LinearOperator | None = None
    data: dict[int, Any] = {}
    for k in sorted(rows):
        factor = rows_operator(grid, k, rows[k], parity.get(grid.names[k], 1) or 1)
        data = {j: sparse.csr_array(factor.matrix() @ matrix) for j, matrix in data.items()}
        if rows[k].data.shape[1]:
            if total is not None:
                raise GridError(
                    f"a mixed derivative with a condition other than a prescribed value on axis {grid.names[k]!r} is not "
                    "available on a grid with poles"
                )
            data[k] = lift(grid, {k: rows[k].data})
        total = factor if total is None else factor @ total
    assert total is not None
    return AffineOperator(total, data)


def lift(grid: Grid, factors: Mapping[int, Any]) -> Any:
    """Kronecker product of the factors, identities elsewhere."""
    return kronecker([factors.get(k, sparse.eye_array(a.size, format="csr")) for k, a in enumerate(grid.axes)])
