"""Partial derivatives, the Laplacian and diffusion in flux form as operators on a grid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.boundary.conditions import FaceConditions, collect
from pdekit.discretize.algebra import AxisProduct, LinearOperator, Multiplication, times
from pdekit.errors import GridError, nearest_hint
from pdekit.geometry.axis import Axis
from pdekit.geometry.grid import Field, Grid
from pdekit.geometry.values import sample_values
from pdekit.stencils.poles import face_rows, node_rows, reflection, regular_options
from pdekit.stencils.rows import AxisRows, Bias, Closure, FluxRows
from pdekit.stencils.schemes import SCHEMES, Term
from pdekit.stencils.weights import Functional


def end_functionals(axis: Axis, conditions: FaceConditions | None) -> tuple[list[Functional], list[Functional]]:
    """The conditions of both ends of an axis as functionals, for `derivative_rows`."""
    if conditions is None:
        return [], []
    return (
        [c.functional(float(axis.nodes[0]), "left") for c in conditions.left],
        [c.functional(float(axis.nodes[-1]), "right") for c in conditions.right],
    )


def _check_orders(derivative: int, order: int) -> None:
    if isinstance(derivative, bool) or derivative != int(derivative) or derivative < 1:
        raise GridError(f"derivative must be a whole number >= 1, found {derivative!r}")
    if isinstance(order, bool) or order != int(order) or order < 1:
        raise GridError(f"order must be a whole number >= 1, found {order!r}")


def complete_conditions(grid: Grid, boundary: Mapping[str, Any] | None) -> dict[str, FaceConditions] | None:
    """The conditions of all bounded axes, as `boundary` gives them; None if it gives none."""
    if boundary is None:
        return None
    axes = dict(zip(grid.names, (a.periodic for a in grid.axes)))
    return collect(boundary, axes, "operator", {name: grid.poles(name) for name in grid.names})


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


def derivative(
    grid: Grid,
    axis: str | int | Mapping[str, int],
    n: int = 1,
    *,
    order: int = 2,
    closure_order: int | None = None,
    bias: Bias = "central",
    boundary: Mapping[str, Any] | None = None,
    parity: Mapping[str, int] | None = None,
) -> LinearOperator:
    """A partial derivative, also a mixed one, as an operator.

    Parameters
    ----------
    grid : Grid
        Where it acts.
    axis : str, int or mapping
        The axis; or how often along each, ``{"x": 1, "y": 2}``, for a mixed derivative.
    n : int, default 1
        Which derivative along `axis`.
    order : int, default 2
        Order of accuracy, boundary rows included; odd ones need a bias.
    closure_order : int, optional
        Order of accuracy of the boundary rows, where it is to be another.
    bias : {"central", "forward", "backward"} or int, default "central"
        Interior stencils lean forward, backward, or by so many nodes.
    boundary : mapping, optional
        Conditions per axis as a problem has them. Rows then take them up, with zero data, and close as rows of
        an equation to be solved; without, they close one-sided at the full order.
    parity : mapping of str to {1, -1}, optional
        For components of vectors on curved coordinates: the sign with which they go on across the poles of an axis.

    Returns
    -------
    LinearOperator

    Examples
    --------
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 1, 21), y=pk.Axis(0, 1, 31))
    >>> Dxy = pk.derivative(grid, {"x": 1, "y": 1}, order=4)
    >>> bool(abs(Dxy(grid.field("x**3*y**2")) - grid.field("6*x**2*y")).max() < 1e-11)
    True
    """
    counts = dict(axis) if isinstance(axis, Mapping) else {axis: n}
    conditions = complete_conditions(grid, boundary)
    rows = {}
    for name, count in counts.items():
        _check_orders(count, order)
        k = grid.index(name)
        ends = end_functionals(grid.axes[k], (conditions or {}).get(grid.names[k]))
        closure: Closure = "accurate" if conditions is None else "stable"
        options: dict[str, Any] = {"closure": closure, "closure_order": closure_order, "bias": bias}
        rows[k] = node_rows(grid, k, count, order, *ends, **options)
    return _product(grid, rows, parity or {})


def _product(grid: Grid, rows: Mapping[int, AxisRows], parity: Mapping[str, int]) -> LinearOperator:
    """A derivative along several axes; those whose poles mirror others come first."""
    if all(r.mirror is None for r in rows.values()):
        return AxisProduct(grid, {k: r.matrix for k, r in rows.items()})
    total: LinearOperator | None = None
    for k, name in enumerate(grid.names):
        if k in rows:
            factor = rows_operator(grid, k, rows[k], parity.get(name, 1))
            total = factor if total is None else factor @ total
    assert total is not None
    return total


def _scaled(grid: Grid, axis: int, in_cells: bool, operator: LinearOperator) -> LinearOperator:
    """``operator / h^2`` with the scale factor of an axis."""
    return times(grid, grid.inverse_square_scale(axis, in_cells=in_cells), operator)


def laplacian(
    grid: Grid,
    *,
    order: int = 2,
    boundary: Mapping[str, Any] | None = None,
    parity: Mapping[str, int] | None = None,
) -> LinearOperator:
    """The Laplacian: the divergence of the gradient, in the coordinates of the grid.

    On Cartesian axes the sum of the second derivatives. On curved ones ``sum_i (u_ii + (m_i'/m_i) u_i) / h_i^2``; with
    conditions, at order 2, in flux form, so that its integral is exactly that of the fluxes through the faces.

    Parameters are those of `derivative`.

    Examples
    --------
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 1, 21), y=pk.Axis(0, 1, 31))
    >>> bool(abs(pk.laplacian(grid)(grid.field("x**2*y + y**2")) - grid.field("2*y + 2")).max() < 1e-10)
    True
    >>> ball = pk.Grid(r=pk.Axis(0, 1, 21), coordinates="spherical")
    >>> bool(abs(pk.laplacian(ball, order=4)(ball.field("r**2")) - 6).max() < 1e-10)
    True
    """
    total: LinearOperator | None = None
    for k, name in enumerate(grid.names):
        measure = grid.measure(k)
        options: dict[str, Any] = {"order": order, "boundary": boundary, "parity": parity}
        options = regular_options(grid, name, options)
        part: LinearOperator
        if measure.power and order == 2 and boundary is not None:
            part = _flux_operator(
                grid, k, 1.0, order, complete_conditions(grid, boundary) or {}, (parity or {}).get(name, 1)
            )
        else:
            part = derivative(grid, name, 2, **options)
        if measure.power and not (order == 2 and boundary is not None):
            weight = grid.along(k, measure.log_slope(grid.axes[k].nodes))
            part = part + Multiplication(grid, np.broadcast_to(weight, grid.shape)) @ derivative(
                grid, name, 1, **options
            )
        part = _scaled(grid, k, order == 2 and boundary is not None, part)
        total = part if total is None else total + part
    assert total is not None
    return total


def _flux_operator(
    grid: Grid, axis: int, k: Any, order: int, conditions: Mapping[str, FaceConditions], parity: int = 1
) -> LinearOperator:
    """``(1/m) d/dq (m k du/dq)`` along one axis, conservative at order 2."""
    name = grid.names[axis]
    pieces = face_rows(grid, axis, order, *end_functionals(grid.axes[axis], conditions.get(name)))
    points = flux_grid(grid, axis, pieces.points)
    gradient = rows_operator(grid, axis, pieces.gradient, parity, points)
    coefficient = Multiplication(points, flux_coefficient(grid, axis, k, pieces, order))
    outward = rows_operator(grid, axis, pieces.divergence, -parity, source=points)
    return outward @ (coefficient @ gradient)


def flux_grid(grid: Grid, axis: int, points: NDArray[Any]) -> Grid:
    """The grid of the flux points of one axis; a bookkeeping of shapes, in plain coordinates."""
    axes = {}
    for k, (name, line) in enumerate(zip(grid.names, grid.axes)):
        period = (line.left, line.right) if line.periodic else ()
        axes[name] = Axis(*period, nodes=points if k == axis else line.nodes, periodic=line.periodic)
    return Grid(axes)


def flux_coefficient(grid: Grid, axis: int, k: Any, pieces: FluxRows, order: int = 2) -> NDArray[Any]:
    """Values of k at the flux points of one axis.

    At order 2, a field or array (known at nodes only) is the harmonic mean of neighbours; a number, an
    expression or a callable is the harmonic mean of its two one-sided limits in each cell: a jump on a node or
    midway gives the exact flux. Higher orders need a smooth k: it is interpolated, or evaluated at the points.
    """
    line, points = grid.axes[axis], pieces.points
    shape = list(grid.shape)
    shape[axis] = points.size

    def sample(where: NDArray[Any]) -> NDArray[Any]:
        coordinates = {**grid.coordinates, grid.names[axis]: grid.along(axis, where)}
        return sample_values(k, tuple(shape), coordinates, "k")

    if isinstance(k, Field | np.ndarray):
        values = Field(grid, k, "k").values if isinstance(k, np.ndarray) else k.values
        mean = rows_operator(grid, axis, pieces.mean, 1, flux_grid(grid, axis, points))
        return np.asarray(mean(values) if order > 2 else 1.0 / mean(1.0 / values))
    if order > 2:
        return sample(points)
    gaps = line.spacings if line.periodic else np.concatenate([[0.0], line.spacings, [0.0]])
    lower, upper = (sample(points + side * (1 - 1e-9) * gaps) for side in (-0.5, 0.5))
    return np.asarray(2.0 / (1.0 / lower + 1.0 / upper))


def diffusion(grid: Grid, k: Any, *, order: int = 2, boundary: Mapping[str, Any] | None = None) -> LinearOperator:
    """``div(k*grad(u))`` in flux form.

    Parameters
    ----------
    grid : Grid
        The grid.
    k : number, str, callable, array or Field
        The conductivity; positive.
    order : {2, 4, 6}
        Accuracy. At order 2 the integral is conserved to rounding under no-flux conditions for any k.
    boundary : mapping, optional
        As for `derivative`.

    Examples
    --------
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 1, 21))
    >>> A = pk.diffusion(grid, "1 + x", boundary={"x": pk.Neumann(0)})
    >>> bool(abs(A(grid.field("cos(x)")).integral()) < 1e-13)
    True
    """
    conditions = complete_conditions(grid, boundary) or {}
    total: LinearOperator | None = None
    for i in range(grid.ndim):
        part = _scaled(grid, i, order == 2, _flux_operator(grid, i, k, order, conditions))
        total = part if total is None else total + part
    assert total is not None
    return total


def scheme_derivative(
    grid: Grid,
    axis: str | int,
    n: int = 1,
    *,
    scheme: str,
    order: int = 4,
    lean: int = 0,
    boundary: Mapping[str, Any] | None = None,
) -> LinearOperator:
    """A derivative as a scheme has it in an equation, its rows closed with the conditions.

    Parameters
    ----------
    grid : Grid
    axis : str or int
    n : int, default 1
    scheme : {"upwind", "forward", "backward", "compact", "fourier", "sbp"}
    order : int, default 4
        The scheme's own accuracy.
    lean : {-1, 0, 1}
        For upwind: to which side.
    boundary : mapping, optional
        As for `pdekit.derivative`; the conditions' data are zero.

    Examples
    --------
    >>> import numpy as np
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 1, 31))
    >>> A = pk.scheme_derivative(grid, "x", 2, scheme="sbp", boundary={"x": pk.Neumann(0)})
    >>> bool(np.max(np.linalg.eigvals(A.matrix().toarray()).real) < 1e-9)
    True
    """
    if scheme not in SCHEMES:
        raise GridError(f"scheme: allowed are {sorted(SCHEMES)}, found {scheme!r}{nearest_hint(scheme, SCHEMES)}")
    if n not in SCHEMES[scheme].derivatives:
        raise GridError(f"{scheme} is for derivatives {list(SCHEMES[scheme].derivatives)}, found {n!r}")
    k = grid.index(axis)
    faces = complete_conditions(grid, boundary) or {}
    ends = end_functionals(grid.axes[k], faces.get(grid.names[k]))
    return rows_operator(grid, k, SCHEMES[scheme].rows(Term(grid, k, n, order, lean, *ends)))
