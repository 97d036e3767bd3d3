"""Partial derivatives, the Laplacian and diffusion in flux form as operators on a grid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.axis import Axis
from pdekit.boundary import FaceConditions, collect
from pdekit.errors import GridError
from pdekit.field import Field, sample_values
from pdekit.grid import Grid
from pdekit.operators.algebra import AxisProduct, LinearOperator, RowSlices, apply_along, kronecker
from pdekit.operators.rows import Bias, Closure, derivative_rows, flux_rows
from pdekit.stencils import Functional


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


def _complete(grid: Grid, boundary: Mapping[str, Any] | None) -> dict[str, FaceConditions] | None:
    if boundary is None:
        return None
    return collect(boundary, dict(zip(grid.names, (a.periodic for a in grid.axes))), "operator")


def derivative(
    grid: Grid,
    axis: str | int | Mapping[str, int],
    n: int = 1,
    *,
    order: int = 2,
    closure_order: int | None = None,
    bias: Bias = "central",
    boundary: Mapping[str, Any] | None = None,
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
    conditions = _complete(grid, boundary)
    factors = {}
    for name, count in counts.items():
        _check_orders(count, order)
        k = grid.index(name)
        line = grid.axes[k]
        ends = end_functionals(line, (conditions or {}).get(grid.names[k]))
        closure: Closure = "accurate" if conditions is None else "stable"
        rows = derivative_rows(
            line,
            count,
            order,
            *ends,
            closure=closure,
            closure_order=closure_order,
            bias=bias,
            name=grid.names[k],
        )
        factors[k] = rows.matrix
    return AxisProduct(grid, factors)


def laplacian(grid: Grid, *, order: int = 2, boundary: Mapping[str, Any] | None = None) -> LinearOperator:
    """The Laplacian: the sum of the second derivatives along all axes.

    Parameters are those of `derivative`.

    Examples
    --------
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 1, 21), y=pk.Axis(0, 1, 31))
    >>> bool(abs(pk.laplacian(grid)(grid.field("x**2*y + y**2")) - grid.field("2*y + 2")).max() < 1e-10)
    True
    """
    parts = [derivative(grid, name, 2, order=order, boundary=boundary) for name in grid.names]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


class AxisFlux(LinearOperator):
    """``d/dx (k du/dx)`` along one axis, conservative.

    Parameters
    ----------
    grid : Grid
        The grid.
    axis : int
        Axis index.
    coefficient : array
        k at the flux points: the grid's shape, with the axis replaced by its flux points.
    gradient, divergence : sparse arrays
        One-dimensional factors, nodes to flux points and back.
    """

    def __init__(self, grid: Grid, axis: int, coefficient: NDArray[Any], gradient: Any, divergence: Any) -> None:
        super().__init__(grid)
        self.axis, self.coefficient, self.gradient, self.divergence = axis, coefficient, gradient, divergence

    def _apply(self, values: NDArray[Any]) -> NDArray[Any]:
        flux = self.coefficient * apply_along(self.gradient, values, self.axis)
        return apply_along(self.divergence, flux, self.axis)

    def _lift(self, factor: Any, slices: RowSlices) -> Any:
        parts = []
        for k, (name, axis) in enumerate(zip(self.grid.names, self.grid.axes)):
            part = factor if k == self.axis else sparse.eye_array(axis.size, format="csr")
            parts.append(part[slices[name]] if name in slices else part)
        return kronecker(parts)

    def _rows(self, slices: RowSlices) -> Any:
        k = sparse.dia_array((self.coefficient.ravel()[None, :], [0]), shape=(self.coefficient.size,) * 2)
        return sparse.csr_array(self._lift(self.divergence, slices) @ k @ self._lift(self.gradient, {}))


def flux_coefficient(grid: Grid, axis: int, k: Any, points: NDArray[Any], mean: Any, order: int = 2) -> NDArray[Any]:
    """Values of k at the flux points of one axis.

    At order 2, a field or array (known at nodes only) is the harmonic mean of neighbours; a number, an
    expression or a callable is the harmonic mean of its two one-sided limits in each cell: a jump on a node or
    midway gives the exact flux. Higher orders need a smooth k: it is interpolated, or evaluated at the points.
    """
    line = grid.axes[axis]
    shape = list(grid.shape)
    shape[axis] = points.size

    def sample(where: NDArray[Any]) -> NDArray[Any]:
        coordinates = {**grid.coordinates, grid.names[axis]: grid.along(axis, where)}
        return sample_values(k, tuple(shape), coordinates, "k")

    if isinstance(k, Field | np.ndarray):
        values = Field(grid, k, "k").values if isinstance(k, np.ndarray) else k.values
        if order > 2:
            return apply_along(mean, values, axis)
        return np.asarray(1.0 / apply_along(mean, 1.0 / values, axis))
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
    conditions = _complete(grid, boundary) or {}
    total: LinearOperator | None = None
    for i, (name, line) in enumerate(zip(grid.names, grid.axes)):
        pieces = flux_rows(line, order, *end_functionals(line, conditions.get(name)), name=name)
        coefficient = flux_coefficient(grid, i, k, pieces.points, pieces.mean, order)
        part = AxisFlux(grid, i, coefficient, pieces.gradient.matrix, pieces.divergence)
        total = part if total is None else total + part
    assert total is not None
    return total
