"""`numpy.gradient`, by the same rows as everything else, with clear refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdekit.errors import GridError
from pdekit.geometry.axis import Axis
from pdekit.stencils.rows import derivative_rows
from pdekit.stencils.sparse_products import apply_along


def gradient(f: ArrayLike, *spacing: Any, axis: int | tuple[int, ...] | None = None, edge_order: int = 1) -> Any:
    """First derivatives of an array along its axes, to second order; a stand-in for `numpy.gradient`.

    Parameters
    ----------
    f : array
        Samples.
    *spacing : number or array
        None (unit spacing); one number for all axes; one number per axis; one coordinate array per axis; or any mix.
    axis : int or tuple of int, optional
        Along which axes, negative ones from the end; default is all.
    edge_order : {1, 2}, default 1
        Accuracy at the ends.

    Returns
    -------
    array, or tuple of arrays for several axes

    Raises
    ------
    GridError
        Coordinates of the wrong length, unsorted or duplicate, too few samples, or spacings that do not match the axes.

    Examples
    --------
    >>> gradient([1.0, 2.0, 4.0, 7.0, 11.0])
    array([1. , 1.5, 2.5, 3.5, 4. ])
    >>> gradient([1.0, 4.0, 9.0], [1.0, 2.0, 3.0], edge_order=2)
    array([2., 4., 6.])
    """
    values = np.asarray(f)
    if values.dtype.kind not in "iufcb":
        raise GridError(f"f must be numeric, found {values.dtype}")
    if values.dtype.kind in "iub":
        values = values.astype(float)
    axes = _axes(axis, values.ndim)
    if edge_order not in (1, 2):
        raise GridError(f"edge_order must be 1 or 2, found {edge_order!r}")
    if not spacing:
        spacing = (1.0,)
    if len(spacing) == 1 and np.ndim(spacing[0]) == 0:
        spacing = spacing * len(axes)
    if len(spacing) != len(axes):
        raise GridError(f"{len(spacing)} spacings for {len(axes)} axes; give none, one number, or one for each axis")
    results = [_along(values, k, h, edge_order) for k, h in zip(axes, spacing)]
    return results[0] if len(results) == 1 else tuple(results)


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    given = tuple(range(ndim)) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
    for k in given:
        if not -ndim <= k < ndim:
            raise GridError(f"axis {k} is out of range for an array of {ndim} dimensions")
    found = tuple(int(k) % ndim for k in given)
    if len(set(found)) < len(found):
        raise GridError(f"axis {axis} names an axis twice")
    if not found:
        raise GridError("f must have at least one axis")
    return found


def _along(values: NDArray[Any], k: int, spacing: Any, edge_order: int) -> NDArray[Any]:
    count = values.shape[k]
    if count < edge_order + 1:
        raise GridError(f"axis {k} has {count} samples; edge_order {edge_order} needs at least {edge_order + 1}")
    nodes = np.asarray(spacing, dtype=float)
    sign = 1.0
    if nodes.ndim == 0:
        if not np.isfinite(nodes) or nodes == 0:
            raise GridError(f"axis {k}: the spacing must be a finite number other than 0, found {spacing!r}")
        line, sign = Axis(0.0, float(count - 1), count), 1.0 / float(nodes)
    else:
        if nodes.shape != (count,):
            raise GridError(f"axis {k}: {nodes.size} coordinates for {count} samples")
        if nodes[-1] < nodes[0]:  # NumPy takes falling coordinates as well
            nodes, sign = -nodes, -1.0
        try:
            line = Axis(nodes=nodes)
        except GridError as error:
            raise GridError(f"axis {k}: {error}") from None
    if count == 2:
        slope = np.diff(values, axis=k) * (sign / line.length)
        return np.asarray(np.concatenate([slope, slope], axis=k))
    rows = derivative_rows(line, 1, 2, closure_order=edge_order)
    return np.asarray(sign * apply_along(rows.matrix, values, k))
