"""Rows near a pole of curved coordinates: r = 0, or the ends of the polar angle.

A smooth function goes on across a pole: behind r = 0 of the plane one stands on the opposite ray,
``u(-r, phi) = u(r, phi + pi)``. So the axis is continued to the other side, the interior stencil used everywhere, and
what falls behind the pole is taken from the mirrored field: no row is one-sided, none divides by zero, and the order is
that of the interior. Nodes stand half a step off the pole, hence ghost node ``-j - 1`` is node j.

References
----------
K. Mohseni and T. Colonius, *Numerical treatment of polar coordinate singularities*, J. Comput. Phys. 157 (2000) 787-795.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse

from pdekit.errors import GridError
from pdekit.geometry.axis import Axis
from pdekit.geometry.coordinates import CARTESIAN
from pdekit.geometry.grid import Grid
from pdekit.stencils.rows import AxisRows, Closure, Conditions, FluxRows, derivative_rows, flux_rows
from pdekit.stencils.sparse_products import diagonal
from pdekit.stencils.weights import central_reach
from pdekit.typing import Matrix

Ends = Mapping[str, float]


def _continued(axis: Axis, ends: Ends, ghosts: int, name: str) -> Axis:
    """The axis with so many nodes more behind each of its poles."""
    if axis.size < ghosts:
        raise GridError(
            f"axis {name!r} has {axis.size} nodes; its stencils reach {ghosts} nodes across the pole {name} = "
            f"{next(iter(ends.values())):.3g} and need as many"
        )
    parts = [axis.nodes]
    if "left" in ends:
        parts.insert(0, (2 * axis.left - axis.nodes[:ghosts])[::-1])
    if "right" in ends:
        parts.append((2 * axis.right - axis.nodes[axis.size - ghosts :])[::-1])
    return Axis(nodes=np.concatenate(parts))


def _fold(matrix: Matrix, before: int, inner: int, shared: int) -> tuple[Any, Any]:
    """Split columns into those of the axis and, folded back, those behind its poles.

    `before` columns stand behind the left pole, `inner` on the axis; `shared` is 1 for points that lie on a pole
    themselves, 0 if the pole lies between two points.
    """
    whole = matrix.tocsc()
    total = whole.shape[1]
    index = np.arange(total)
    folded = index - before
    behind_left, behind_right = index < before, index >= before + inner
    folded[behind_left] = before - 1 - index[behind_left] + shared
    folded[behind_right] = inner - 1 - (index[behind_right] - before - inner) - shared
    ghost = behind_left | behind_right
    selector = sparse.csr_array((np.ones(total), (index, folded)), shape=(total, inner))
    keep, mirrored = diagonal((~ghost).astype(float)), diagonal(ghost.astype(float))
    return sparse.csr_array(whole @ keep @ selector), sparse.csr_array(whole @ mirrored @ selector)


def node_rows(
    grid: Grid,
    axis: int,
    derivative: int,
    order: int,
    left: Conditions = (),
    right: Conditions = (),
    *,
    closure: Closure = "accurate",
    **options: Any,
) -> AxisRows:
    """`pdekit.stencils.rows.derivative_rows` on an axis of a grid, continued across its poles.

    Parameters
    ----------
    grid : Grid
    axis : int
    derivative, order, left, right, closure, **options
        As there.
    """
    line, name, ends = grid.axes[axis], grid.names[axis], grid.poles(axis)
    if not ends:
        return derivative_rows(line, derivative, order, left, right, closure=closure, name=name, **options)
    bias = options.get("bias", "central")
    reach = central_reach(derivative, order) + 1 if bias == "central" else derivative + order + abs(_whole(bias))
    extended = _continued(line, ends, reach, name)
    before = reach if "left" in ends else 0
    rows = derivative_rows(
        extended,
        derivative,
        order,
        left,
        right,
        closure=closure,
        name=name,
        rows=slice(before, before + line.size),
        **options,
    )
    direct, mirror = _fold(rows.matrix, before, line.size, 0)
    return AxisRows(direct, rows.data, mirror)


def _whole(bias: Any) -> int:
    return bias if isinstance(bias, int) else 0


def face_rows(
    grid: Grid, axis: int, order: int, left: Conditions = (), right: Conditions = (), *, weighted: bool = True
) -> FluxRows:
    """`pdekit.stencils.rows.flux_rows` on an axis of a grid, continued across its poles.

    Parameters
    ----------
    grid, axis, order, left, right
        As there.
    weighted : bool, default True
        Take the axis' weight in the volume element, as a divergence has it; without, a plain ``d/dq (k du/dq)``.
    """
    line, name, ends = grid.axes[axis], grid.names[axis], grid.poles(axis)
    measure = grid.measure(axis) if weighted else CARTESIAN
    if not ends or (order == 2 and measure.power):  # nothing flows through a pole: its area is zero
        return flux_rows(line, order, left, right, measure=measure, name=name)
    extended = _continued(line, ends, order, name)
    before = order if "left" in ends else 0
    pieces = flux_rows(extended, order, left, right, measure=measure, name=name)
    flux = slice(before, before + line.size + 1)
    nodes = slice(before, before + line.size)
    points = pieces.points[flux].copy()
    for side, end in ends.items():
        points[0 if side == "left" else -1] = end
    gradient = _folded_rows(pieces.gradient, flux, before, line.size, 0)
    mean = _folded_rows(pieces.mean, flux, before, line.size, 0)
    divergence = _folded_rows(pieces.divergence, nodes, before, line.size + 1, 1)
    return FluxRows(points, gradient, divergence, mean)


def _folded_rows(rows: AxisRows, wanted: slice, before: int, inner: int, shared: int) -> AxisRows:
    direct, mirror = _fold(rows.matrix[wanted], before, inner, shared)
    return AxisRows(direct, rows.data[wanted], mirror)


def reflection(grid: Grid, axis: int) -> dict[int, Any]:
    """Permutations of the other axes, by index, that take a field to what is seen of it across a pole of an axis."""
    found = {}
    for k, index in grid.mirror(axis).items():
        found[k] = sparse.csr_array((np.ones(index.size), (np.arange(index.size), index)), shape=(index.size,) * 2)
    return found


def regular_options(grid: Grid, axis: str | int, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options for a derivative that is to be divided by a quantity that vanishes at a pole, such as r.

    Its error, divided by half a step, would cost an order for every division. So derivatives of data (without conditions)
    take two orders more for each pole of the axis itself and of those in its scale factor. Equations to be solved do not
    need it: their solutions keep the order.
    """
    name = grid.names[grid.index(axis)]
    if grid.geometry is None or options.get("boundary") is not None:
        return dict(options)
    poles = sum(bool(grid.poles(other)) for other in (name, *grid.geometry.scale(name)))
    return {**options, "order": options.get("order", 2) + 2 * poles}
