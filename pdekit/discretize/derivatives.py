"""Partial derivatives and the Laplacian as operators on a grid, for data and for equations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pdekit.boundary.conditions import SIDES, FaceConditions, complete_conditions, end_functionals
from pdekit.discretize.affine import AffineOperator
from pdekit.discretize.algebra import LinearOperator
from pdekit.discretize.diffusion import flux_form
from pdekit.discretize.lifting import NO_PARITIES, Faces, Parities, product_of_rows
from pdekit.errors import BoundaryError, GridError, nearest_hint
from pdekit.geometry.grid import Grid
from pdekit.stencils.cut import rows_on
from pdekit.stencils.poles import node_rows, regular_options
from pdekit.stencils.rows import AxisRows, Bias, Closure, derivative_rows
from pdekit.stencils.schemes import SCHEMES, SchemeTarget


def _check_orders(derivative: int, order: int) -> None:
    if isinstance(derivative, bool) or derivative != int(derivative) or derivative < 1:
        raise GridError(f"derivative must be a whole number >= 1, found {derivative!r}")
    if isinstance(order, bool) or order != int(order) or order < 1:
        raise GridError(f"order must be a whole number >= 1, found {order!r}")


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
    faces = complete_conditions(grid, boundary)
    options: dict[str, Any] = {"closure_order": closure_order, "bias": bias}
    return affine_derivative(grid, counts, order, faces, parity or {}, **options).operator


def affine_derivative(
    grid: Grid,
    counts: Mapping[Any, int],
    order: int,
    faces: Faces | None,
    parity: Parities = NO_PARITIES,
    *,
    what: str = "operator",
    **options: Any,
) -> AffineOperator:
    """A (mixed) derivative with the data of its conditions: the one lowering of `derivative` and of equations.

    In a mixed derivative every axis uses its own conditions: if ``B_y u = g`` on a face then ``B_y u_x = g_x``, the
    derivative of the data along the face.

    Parameters
    ----------
    grid : Grid
    counts : mapping of axis to int
        How often along each.
    order : int
    faces : mapping of str to FaceConditions, optional
        Rows close as those of an equation with these conditions (none on an axis: one-sided). Without any they close at
        the full order, as those of a derivative of data.
    parity : mapping of str to {1, -1, None}
        How the operand goes on across the poles of an axis; None: it does not, the rows there are one-sided.
    what : str
        The name of the operand, for messages.
    **options
        `closure_order` and `bias`, as for `derivative`; `closure`, instead of what the faces say.
    """
    rows = rows_by_axis(grid, counts, order, faces, parity, what=what, **options)
    along_face = {}
    if len(rows) > 1 and any(r.data.shape[1] for r in rows.values()):
        by_index = {grid.index(name): n for name, n in counts.items()}
        along_face = {
            k: rows_on(grid, k, partial(node_rows, axis=k, derivative=n, order=order, closure="stable")).matrix
            for k, n in by_index.items()
        }
    return product_of_rows(grid, rows, parity, along_face)


def rows_by_axis(
    grid: Grid,
    counts: Mapping[Any, int],
    order: int,
    faces: Faces | None,
    parity: Parities = NO_PARITIES,
    *,
    what: str = "operator",
    closure: Closure | None = None,
    **options: Any,
) -> dict[int, AxisRows]:
    """The one-dimensional rows of `affine_derivative`, by axis; parameters are as there."""
    rows = {}
    for axis, n in counts.items():
        _check_orders(n, order)
        k = grid.index(axis)
        name, line = grid.names[k], grid.axes[k]
        given = (faces or {}).get(name)
        if given is not None and not line.periodic:
            _check_condition_count(given, name, n, what)
        ends = end_functionals(line, given)
        closure = closure or ("accurate" if faces is None else "stable")
        if parity.get(name, 1) is None:
            made = partial(_one_sided_rows, axis=k, derivative=n, order=order, ends=ends, closure=closure, **options)
        else:
            made = partial(_rows_across_poles, axis=k, derivative=n, order=order, ends=ends, closure=closure, **options)
        rows[k] = rows_on(grid, k, made)
    return rows


def _rows_across_poles(grid: Grid, axis: int, derivative: int, order: int, ends: Any, **options: Any) -> AxisRows:
    return node_rows(grid, axis, derivative, order, *ends, **options)


def _one_sided_rows(grid: Grid, axis: int, derivative: int, order: int, ends: Any, **options: Any) -> AxisRows:
    """Rows that do not go on across poles."""
    return derivative_rows(grid.axes[axis], derivative, order, *ends, name=grid.names[axis], **options)


def _check_condition_count(faces: FaceConditions, axis: str, n: int, what: str) -> None:
    """An even derivative of order 2m needs m conditions at an end; none at all is outflow."""
    for side in SIDES:
        count = len(faces[side])
        if n >= 4 and 0 < count < n // 2:
            raise BoundaryError(
                f"a derivative of order {n} needs {n // 2} conditions here, found {count}; "
                "give a list of them, or make the inner derivative a definition with conditions of its own",
                key=f"boundary.{what}.{axis}.{side}",
            )


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
    faces = complete_conditions(grid, boundary)
    total: AffineOperator | None = None
    for name in grid.names:
        part = affine_second(grid, name, order, faces, parity or {})
        total = part if total is None else total + part
    assert total is not None
    return total.operator


def affine_second(
    grid: Grid, axis: str, order: int, faces: Faces | None, parity: Parities = NO_PARITIES, what: str = "operator"
) -> AffineOperator:
    """``(1/(h^2 m)) d/dq (m du/dq)``: the part of the Laplacian along one axis, with the data of its conditions.

    At order 2 with conditions in flux form, else ``(u'' + (m'/m) u') / h^2``.
    """
    k, measure = grid.index(axis), grid.measure(axis)
    if faces is not None and order == 2 and measure.power:
        return flux_form(grid, k, order, faces, (parity.get(axis, 1), 1, 1)).operator(1.0)
    if faces is None:
        order = regular_options(grid, axis, {"order": order})["order"]
    part = affine_derivative(grid, {axis: 2}, order, faces, parity, what=what)
    if measure.power:
        drift = grid.along(k, measure.log_slope(grid.axes[k].nodes))
        part = part + affine_derivative(grid, {axis: 1}, order, faces, parity, what=what).weighted(drift)
    return part.weighted(grid.inverse_square_scale(k, in_cells=order == 2 and faces is not None))


def scheme_derivative(
    grid: Grid,
    axis: str | int,
    n: int = 1,
    *,
    scheme: str,
    order: int = 4,
    upwind: int = 0,
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
    upwind : {-1, 0, 1}
        Of the scheme of that name: the direction to which its stencil reaches further.
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
    return product_of_rows(grid, {k: SCHEMES[scheme].rows(SchemeTarget(grid, k, n, order, upwind, *ends))}).operator
