"""Rows of one-dimensional difference matrices, interior and closures, for any slice of nodes.

Everything in more than one dimension is made of these matrices by Kronecker products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.errors import GridError
from pdekit.geometry.axis import Axis
from pdekit.geometry.coordinates import CARTESIAN, Measure
from pdekit.stencils.sparse_products import diagonal
from pdekit.stencils.weights import Functional, StencilWeights, central_reach, closure_size, fornberg, weights
from pdekit.typing import Matrix

Closure = Literal["accurate", "stable"]
Bias = Literal["central", "forward", "backward"] | int
Conditions = Sequence[Functional]
CONTINUED_FROM = 5  # the derivative from which on boundary rows of equations are interior ones with ghosts


@dataclass(frozen=True, eq=False)
class AxisRows:
    """Rows that act on the node values of one axis and on the data of its conditions.

    Parameters
    ----------
    matrix : sparse array of shape (rows, nodes)
    data : sparse array of shape (rows, conditions)
        Columns for the conditions other than Dirichlet ones, the left end's first. A Dirichlet value is a node value.
    mirror : sparse array of the matrix' shape, optional
        What rows near a pole take from beyond it; see `pdekit.stencils.poles`.
    """

    matrix: Matrix
    data: Any
    mirror: Any = None


def stencil_conditions(conditions: Conditions) -> list[Functional]:
    """Those conditions that enter rows as data of their own: all but prescribed node values."""
    return [c for c in conditions if not c.is_value]


@dataclass
class _Triplets:
    """A sparse matrix under construction."""

    rows: list[NDArray[Any]]
    columns: list[NDArray[Any]]
    values: list[NDArray[Any]]

    @classmethod
    def empty(cls) -> _Triplets:
        return cls([], [], [])

    def add(self, rows: Any, columns: Any, values: Any) -> None:
        rows, columns, values = np.broadcast_arrays(rows, columns, values)
        self.rows.append(rows.ravel())
        self.columns.append(columns.ravel())
        self.values.append(values.ravel())

    def array(self, shape: tuple[int, int]) -> Any:
        if not self.rows:
            return sparse.csr_array(shape)
        triplets = np.concatenate(self.values), (np.concatenate(self.rows), np.concatenate(self.columns))
        result = sparse.csr_array(sparse.coo_array(triplets, shape=shape))
        result.sum_duplicates()
        return result


def _row_range(rows: slice | None, size: int) -> NDArray[np.intp]:
    return np.arange(*(rows or slice(None)).indices(size))


@dataclass(frozen=True)
class StencilWindow:
    """The nodes ``i + start, ..., i + start + size - 1`` of an interior stencil at node i.

    A window that `leans` has an even number of nodes and takes its extra one on the nearer side.
    """

    start: int
    size: int
    leans: bool = False

    def fits(self, rows: NDArray[np.intp], count: int) -> NDArray[np.bool_]:
        """Which rows have their whole window on a bounded axis of `count` nodes."""
        return self.starts_inside(rows) & (rows + self.start + self.size <= count)

    def starts_inside(self, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which rows do not reach over the left end."""
        return rows + self.start - self.leans >= 0


def interior_window(axis: Axis, derivative: int, order: int, closure: Closure, bias: Bias) -> StencilWindow:
    """The interior stencil.

    Central: ``order + 1`` nodes for a first or second derivative, odd orders rounded up. On irregular nodes an even
    derivative loses one order pointwise (the *solution* of an equation does not: supraconvergence, Manteuffel and White
    1986), so that the derivative of data, closure "accurate", takes one node more there. Biased: ``derivative + order``
    nodes, from the node onwards (forward), up to it (backward), or shifted by whole nodes.
    """
    if bias == "central":
        reach = central_reach(derivative, order)
        leans = closure == "accurate" and not axis.uniform and derivative > 0 and derivative % 2 == 0
        return StencilWindow(-reach, 2 * reach + 1 + leans, leans)
    size = derivative + order
    if bias == "forward":
        return StencilWindow(0, size)
    if bias == "backward":
        return StencilWindow(1 - size, size)
    if isinstance(bias, bool) or not isinstance(bias, int):
        raise GridError(f"bias: allowed are 'central', 'forward', 'backward' and a whole number, found {bias!r}")
    return StencilWindow(bias - (size - 1) // 2, size)


def _require(axis: Axis, name: str, needed: int, derivative: int, order: int) -> None:
    if axis.size < needed:
        raise GridError(
            f"axis {name!r} has {axis.size} nodes; derivative {derivative} at order {order} needs at least {needed}"
        )


def derivative_rows(
    axis: Axis,
    derivative: int,
    order: int,
    left: Conditions = (),
    right: Conditions = (),
    *,
    closure: Closure = "accurate",
    closure_order: int | None = None,
    bias: Bias = "central",
    rows: slice | None = None,
    name: str = "",
) -> AxisRows:
    """Difference rows of one axis.

    Interior rows are central, or biased. Near an end a row takes the conditions of that end into its stencil and closes
    one-sided otherwise.

    Parameters
    ----------
    axis : Axis
        The line.
    derivative, order : int
        Which derivative, to which accuracy.
    left, right : sequence of Functional
        Conditions at the ends, in derivatives along the axis.
    closure : {"accurate", "stable"}
        "accurate": every row has the full order, for derivatives of data. "stable": the rule of
        `pdekit.stencils.weights.closure_size`, for equations to be solved.
    closure_order : int, optional
        Accuracy of boundary rows; default is `order`.
    bias : {"central", "forward", "backward"} or int
        Which way interior stencils lean; see `interior_window`.
    rows : slice, optional
        Only these rows, assembled alone.
    name : str
        The axis' name, for messages.

    Returns
    -------
    AxisRows

    Raises
    ------
    GridError
        Too few nodes for the order; says how many are needed.

    Examples
    --------
    >>> derivative_rows(Axis(0, 4, 5), 2, 2, rows=slice(1, 3)).matrix.toarray()
    array([[ 1., -2.,  1.,  0.,  0.],
           [ 0.,  1., -2.,  1.,  0.]])
    """
    wanted = _row_range(rows, axis.size)
    window = interior_window(axis, derivative, order, closure, bias)
    matrix, data = _Triplets.empty(), _Triplets.empty()
    if axis.periodic:
        _require(axis, name, window.size, derivative, order)
        _add_interior(matrix, axis, wanted, np.arange(wanted.size), derivative, window)
        shape = (wanted.size, axis.size)
        return AxisRows(matrix.array(shape), data.array((wanted.size, 0)))
    inside = window.fits(wanted, axis.size)
    ends = [(left, False), (right, True)]
    at_ends = closure_order or order
    counts = [_closure_nodes(derivative, at_ends, conditions, closure) for conditions, _ in ends]
    _require(axis, name, max(window.size, *counts), derivative, order)
    _add_interior(matrix, axis, wanted[inside], np.flatnonzero(inside), derivative, window)
    at_left = ~window.starts_inside(wanted)
    offset = 0
    for (conditions, mirrored), count in zip(ends, counts):
        taken = stencil_conditions(conditions)
        nodes = np.arange(axis.size - count, axis.size) if mirrored else np.arange(count)
        for out in np.flatnonzero(~inside):
            row = wanted[out]
            if at_left[out] == mirrored:
                continue
            columns = nodes
            if closure == "stable" and derivative >= CONTINUED_FROM:
                columns, w = _continued_row(axis, nodes, row, derivative, window, taken)
            else:
                w = _closure_row(axis, nodes, row, derivative, taken)
            matrix.add(out, columns, w.nodes)
            data.add(out, np.arange(offset, offset + len(taken)), w.conditions)
        offset += len(taken)
    return AxisRows(matrix.array((wanted.size, axis.size)), data.array((wanted.size, offset)))


def _closure_nodes(derivative: int, order: int, conditions: Conditions, closure: Closure) -> int:
    taken = len(stencil_conditions(conditions))
    if closure == "accurate":
        return max(derivative + order - taken, 1)
    return max(closure_size(derivative, order, conditions) - taken, 1)


def _closure_row(axis: Axis, nodes: Any, row: int, derivative: int, conditions: Conditions) -> StencilWeights:
    """One boundary row: the derivative of the polynomial through the nodes and the conditions."""
    line = _ScaledEnd.of(axis, conditions)
    w = weights(line.at(nodes), line.at(row), derivative, line.conditions)
    return StencilWeights(w.nodes / line.unit**derivative, w.conditions / line.unit**derivative)


def _continued_row(
    axis: Axis, nodes: Any, row: int, derivative: int, window: StencilWindow, conditions: Conditions
) -> tuple[NDArray[np.intp], StencilWeights]:
    """One boundary row: the interior one, of which the nodes beyond the end are eliminated by the polynomial through `nodes` and the
    conditions; the columns, and the weights."""
    line = _ScaledEnd.of(axis, conditions)
    stencil = row + np.arange(window.start, window.start + window.size)
    interior = fornberg(line.at(stencil), line.at(row), derivative)[derivative] / line.unit**derivative
    beyond = (stencil < 0) | (stencil >= axis.size)
    ghosts = [weights(line.at(nodes), line.at(index), 0, line.conditions) for index in stencil[beyond]]
    on_nodes = sum(a * ghost.nodes for a, ghost in zip(interior[beyond], ghosts))
    on_data = sum(a * ghost.conditions for a, ghost in zip(interior[beyond], ghosts))
    columns = np.concatenate([nodes, stencil[~beyond]])
    return columns, StencilWeights(np.concatenate([on_nodes, interior[~beyond]]), np.asarray(on_data))


@dataclass(frozen=True)
class _ScaledEnd:
    """An axis and conditions at one of its ends in lengths of `unit`: on a uniform axis its step, so that equal rows come out bitwise equal."""

    axis: Axis
    unit: float
    conditions: list[Functional]

    @classmethod
    def of(cls, axis: Axis, conditions: Conditions) -> _ScaledEnd:
        if not axis.uniform:
            return cls(axis, 1.0, list(conditions))
        h, last = axis.step, axis.size - 1.0
        scaled = [
            Functional(0.0 if c.at == axis.left else last, tuple(a / h**k for k, a in enumerate(c.coefficients)))
            for c in conditions
        ]
        return cls(axis, h, scaled)

    def at(self, index: Any) -> NDArray[Any]:
        """Coordinates of nodes by index; beyond an end those of the mirrored nodes."""
        index = np.asarray(index)
        if self.axis.uniform:
            return index.astype(float)
        last, x = self.axis.size - 1, self.axis.nodes
        mirrored = np.where(index < 0, -index, np.where(index > last, 2 * last - index, index))
        end = np.where(index < 0, x[0], x[-1])
        return np.where(mirrored == index, x[mirrored], 2 * end - x[mirrored])


def _add_interior(
    matrix: _Triplets, axis: Axis, rows: NDArray[Any], out: NDArray[Any], derivative: int, window: StencilWindow
) -> None:
    if rows.size == 0:
        return
    offsets = np.arange(window.start, window.start + window.size)
    columns = rows[:, None] + offsets
    if axis.uniform:
        w = fornberg(offsets.astype(float), 0.0, derivative)[derivative] / axis.step**derivative
        matrix.add(out[:, None], columns % axis.size, w)
        return
    if window.leans:
        x = _unwrapped(axis, np.stack([rows + window.start - 1, rows, rows + window.start + window.size - 1]))
        columns = columns - ((x[1] - x[0]) < (x[2] - x[1]))[:, None]
    x = _unwrapped(axis, columns)
    w = fornberg(x.T - axis.nodes[rows], 0.0, derivative)[derivative].T
    matrix.add(out[:, None], columns % axis.size, w)


def _unwrapped(axis: Axis, index: NDArray[Any]) -> NDArray[Any]:
    """Coordinates of nodes by index; indices beyond a periodic seam continue the line."""
    return axis.nodes[index % axis.size] + (index // axis.size) * axis.length


# ---------------------------------------------------------------------------------------------- flux form


@dataclass(frozen=True, eq=False)
class FluxRows:
    """The pieces of ``d/dx (k du/dx)`` on one axis: ``divergence @ diag(k) @ (gradient u)``.

    Flux points are the left face, the half points and the right face; on a periodic axis the half points only.

    Parameters
    ----------
    points : array of shape (flux points,)
        Their coordinates.
    gradient : AxisRows of shape (flux points, nodes)
        du/dx there; on a face it is what the condition says.
    divergence : AxisRows of shape (nodes, flux points)
        Derivative of the flux at the nodes.
    mean : AxisRows of shape (flux points, nodes)
        Interpolation of node values, for coefficients known at nodes only.
    """

    points: NDArray[Any]
    gradient: AxisRows
    divergence: AxisRows
    mean: AxisRows


def flux_rows(
    axis: Axis,
    order: int,
    left: Conditions = (),
    right: Conditions = (),
    *,
    measure: Measure = CARTESIAN,
    name: str = "",
) -> FluxRows:
    """Rows of the flux form of diffusion, ``(1/m) d/dx (m k du/dx)`` with the axis' weight m in the volume element.

    At order 2 the divergence is that of the cells between half points: fluxes times areas over volumes. The sum of
    ``volume * div(flux)`` telescopes to the face fluxes, whatever k is; at a pole the area is zero. Orders 4 and 6 use
    staggered differences with one-sided closures, ``dF/dx + (m'/m) F``.

    Parameters
    ----------
    axis : Axis
        The line.
    order : {2, 4, 6}
        Accuracy.
    left, right : sequence of Functional
        Conditions at the ends.
    measure : Measure
        The weight m; 1 on Cartesian axes.
    name : str
        The axis' name, for messages.
    """
    if order not in (2, 4, 6):
        raise GridError(f"the flux form has orders 2, 4 and 6, found {order}")
    needed = order if order > 2 else 2
    _require(axis, name, needed + (1 if order > 2 else 0), 2, order)
    points = axis.cell_edges
    gradient = _to_flux_points(axis, points, 1, order, left, right)
    mean = _to_flux_points(axis, points, 0, order, (), ())
    if order == 2:
        return FluxRows(points, gradient, _cell_divergence(axis, points, measure), mean)
    divergence = _from_flux_points(axis, points, 1, order)
    if measure.power:
        average = _from_flux_points(axis, points, 0, order)
        weight = diagonal(measure.log_slope(axis.nodes))
        divergence = sparse.csr_array(divergence + weight @ average)
    return FluxRows(points, gradient, _plain(divergence), mean)


def _plain(matrix: Matrix) -> AxisRows:
    return AxisRows(matrix, sparse.csr_array((matrix.shape[0], 0)))


def _cell_divergence(axis: Axis, points: NDArray[Any], measure: Measure) -> AxisRows:
    """Fluxes out of each cell over its volume."""
    n, edges = axis.size, np.arange(axis.size)
    lower = (edges - 1) % n if axis.periodic else edges
    upper = edges if axis.periodic else edges + 1
    volumes, areas = axis.weights, np.ones(points.size)
    if measure.power:
        volumes, areas = measure.volume(points[lower], points[upper]), measure.area(points)
    divergence = _Triplets.empty()
    divergence.add(edges, upper, areas[upper] / volumes)
    divergence.add(edges, lower, -areas[lower] / volumes)
    return _plain(divergence.array((n, points.size)))


def _to_flux_points(
    axis: Axis, points: NDArray[Any], derivative: int, order: int, left: Conditions, right: Conditions
) -> AxisRows:
    """Interpolation (derivative 0) or first derivative at the flux points, from nodes and conditions."""
    n, matrix, data = axis.size, _Triplets.empty(), _Triplets.empty()
    half = order // 2
    if axis.periodic:
        rows = np.arange(n)
        columns = rows[:, None] + np.arange(-half + 1, half + 1)
        w = fornberg(_unwrapped(axis, columns).T - points, 0.0, derivative)[derivative].T
        matrix.add(rows[:, None], columns % n, w)
        return AxisRows(matrix.array((n, n)), data.array((n, 0)))
    inner = np.arange(half, n + 1 - half)  # flux points i, between nodes i-1 and i, with full central stencils
    if inner.size:
        columns = inner[:, None] + np.arange(-half, half)
        w = fornberg(axis.nodes[columns].T - points[inner], 0.0, derivative)[derivative].T
        matrix.add(inner[:, None], columns, w)
    offset = 0
    for conditions, near, mirrored in ((left, range(half), False), (right, range(n + 1 - half, n + 1), True)):
        taken = stencil_conditions(conditions)
        for row in near:
            on_face = row in (0, n)
            if derivative == 0 and on_face:
                matrix.add(row, 0 if row == 0 else n - 1, 1.0)
                continue
            count = max(order + 1 - len(taken), 2) if order > 2 or on_face else 2
            nodes = np.arange(n - count, n) if mirrored else np.arange(count)
            w = weights(axis.nodes[nodes], points[row], derivative, taken)
            matrix.add(row, nodes, w.nodes)
            data.add(row, np.arange(offset, offset + len(taken)), w.conditions)
        offset += len(taken)
    return AxisRows(matrix.array((n + 1, n)), data.array((n + 1, offset)))


def _from_flux_points(axis: Axis, points: NDArray[Any], derivative: int, order: int) -> Any:
    """Interpolation (derivative 0) or first derivative at the nodes, from the flux points."""
    n, half, triplets = axis.size, order // 2, _Triplets.empty()
    if axis.periodic:
        rows = np.arange(n)
        columns = rows[:, None] + np.arange(-half, half)
        shift = (columns // n) * axis.length
        w = fornberg((points[columns % n] + shift).T - axis.nodes, 0.0, derivative)[derivative].T
        triplets.add(rows[:, None], columns % n, w)
        return triplets.array((n, n))
    inner = np.arange(half, n - half)  # node i lies between flux points i and i+1; no face in the stencil
    columns = inner[:, None] + np.arange(1 - half, half + 1)
    w = fornberg(points[columns].T - axis.nodes[inner], 0.0, derivative)[derivative].T
    triplets.add(inner[:, None], columns, w)
    for row in [*range(half), *range(n - half, n)]:
        columns = np.arange(order) if row < half else np.arange(n + 1 - order, n + 1)
        triplets.add(row, columns, weights(points[columns], axis.nodes[row], derivative).nodes)
    return triplets.array((n, n + 1))
