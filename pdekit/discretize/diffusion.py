"""``div(k*grad(u))`` in flux form: the one lowering of `diffusion` and of equations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from pdekit.boundary.conditions import complete_conditions, end_functionals
from pdekit.discretize.affine import AffineOperator
from pdekit.discretize.algebra import LinearOperator, Multiplication, times
from pdekit.discretize.harmonic_mean import cell_harmonic_mean, cell_harmonic_mean_by_values, jump_conditions
from pdekit.discretize.lifting import Faces, lift, rows_operator
from pdekit.errors import GridError
from pdekit.geometry.axis import Axis
from pdekit.geometry.grid import Field, Grid
from pdekit.geometry.values import sample_values
from pdekit.language.evaluate import compile_expression
from pdekit.language.parser import Scope, parse
from pdekit.stencils.cut import flux_rows_on
from pdekit.stencils.poles import face_rows
from pdekit.stencils.rows import FluxRows
from pdekit.typing import Array


@dataclass(frozen=True, eq=False)
class FluxForm:
    """``d/dx (k du/dx)`` along one axis, k left open; with weights ``(1/(s m)) d/dq (m k du/dq)``.

    Parameters
    ----------
    grid : Grid
    axis : int
    order : int
    rows : FluxRows
        Its one-dimensional pieces.
    gradient : AffineOperator
        Nodes (and data) to du/dx at the flux points.
    divergence : LinearOperator
        Fluxes to nodes.
    mean : LinearOperator
        Nodes to flux points, by interpolation.
    """

    grid: Grid
    axis: int
    order: int
    rows: FluxRows
    gradient: AffineOperator
    divergence: LinearOperator
    mean: LinearOperator

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of arrays at the flux points."""
        return self.mean.target.shape

    def operator(self, k: Any) -> AffineOperator:
        """The whole, with values of k at the flux points or a number."""
        points = self.mean.target
        values = np.broadcast_to(np.asarray(k), points.shape)
        weighted = AffineOperator(Multiplication(points, values) @ self.gradient.operator, {})
        data = self.gradient.weighted(values).data
        return AffineOperator(weighted.operator, data).followed_by(self.divergence)

    def coordinates(self, where: Array) -> dict[str, Array]:
        """Coordinates of the grid with this axis' replaced by `where`, an array that broadcasts over the flux points."""
        line = self.grid.axes[self.axis]
        if line.periodic:
            where = line.left + np.mod(where - line.left, line.length)
        return {**self.grid.coordinates, self.grid.names[self.axis]: where}

    @cached_property
    def cells(self) -> tuple[Array, Array]:
        """Lower and upper ends of the interval that each flux point stands for; a face is a point."""
        line, points = self.grid.axes[self.axis], self.rows.points
        if line.divisions:
            ends = (points[:1], line.nodes[:-1], points[-1:]), (points[:1], line.nodes[1:], points[-1:])
            lower, upper = (self.grid.along(self.axis, np.concatenate(parts)) for parts in ends)
            return lower, upper
        gaps = line.spacings if line.wraps else np.concatenate([[0.0], line.spacings, [0.0]])
        lower, upper = (self.grid.along(self.axis, points + side * gaps) for side in (-0.5, 0.5))
        return lower, upper

    def compiled(self, k: Any, symbols: Sequence[Any], dtype: Any = float) -> Callable[..., Array]:
        """A symbolic k at the flux points, as a function of what its symbols beside the coordinates mean.

        Harmonic means of cells in which it jumps, pointwise elsewhere.

        Parameters
        ----------
        k : sympy expression
        symbols : sequence of Symbol
            Time and parameters; the arguments of the function, in this order.
        """
        arguments = [*(sp.Symbol(name) for name in self.grid.names), *symbols]
        jumps = jump_conditions(k)
        if self.order > 2 and jumps:
            raise GridError(
                f"div(k*grad(u)) of order {self.order} needs a smooth k; {k} jumps: use order 2, which is exact "
                "for layered k"
            )
        pointwise = compile_expression(k, arguments)
        pattern = compile_expression(sp.Tuple(*jumps), arguments) if jumps else None

        def values(*given: Any) -> Array:
            def evaluate(where: Array) -> Array:
                found = pointwise(*self.coordinates(where).values(), *given)
                return np.broadcast_to(np.asarray(found, dtype=dtype), self.shape)

            def side_of(where: Array) -> Array:
                assert pattern is not None
                found = pattern(*self.coordinates(where).values(), *given)
                return np.stack([np.broadcast_to(part, self.shape) for part in found])

            if self.order > 2:
                return evaluate(self.grid.along(self.axis, self.rows.points))
            return cell_harmonic_mean(evaluate, side_of if jumps else None, *self.cells)

        return values

    def function(self, k: Callable[..., Any]) -> Array:
        """The same of a function of the coordinates by name, whose jumps are found by its values."""

        def evaluate(where: Array) -> Array:
            return sample_values(k, self.shape, self.coordinates(where), "k")

        if self.order > 2:
            return evaluate(self.grid.along(self.axis, self.rows.points))
        return cell_harmonic_mean_by_values(evaluate, *self.cells)

    def node_values(self, values: Array) -> Array:
        """The same of a k that is known at the nodes only: at order 2 the harmonic mean of neighbours."""
        return np.asarray(self.mean(values) if self.order > 2 else 1.0 / self.mean(1.0 / values))


def flux_form(
    grid: Grid,
    axis: int,
    order: int,
    faces: Faces | None,
    parities: tuple[int | None, int | None, int | None] = (1, 1, 1),
    *,
    weighted: bool = True,
) -> FluxForm:
    """The pieces of ``d/dx (k du/dx)`` along one axis.

    Parameters
    ----------
    grid : Grid
    axis : int
    order : {2, 4, 6}
    faces : mapping of str to FaceConditions, optional
    parities : tuple of {1, -1, None}
        How u, k, and the part of k that depends on the solution go on across the poles of the axis.
    weighted : bool, default True
        A part of a divergence in curved coordinates, rather than a plain ``d/dq (k du/dq)``.
    """
    name = grid.names[axis]
    if order not in (2, 4, 6):
        raise GridError(f"div(k*grad(u)) has orders 2, 4 and 6, found {order}")
    ends = end_functionals(grid.axes[axis], (faces or {}).get(name))
    rows = flux_rows_on(grid, axis, lambda whole: face_rows(whole, axis, order, *ends, weighted=weighted))
    if rows.gradient.mirror is not None and None in parities:
        raise GridError(
            f"div(k*grad(u)) of order {order} across the pole of {name!r} needs a k that is even or odd there; this one is "
            "neither: use order 2"
        )
    own, coefficient, mean = (p or 1 for p in parities)
    points = _flux_grid(grid, axis, rows.points)
    divergence = rows_operator(grid, axis, rows.divergence, -own * coefficient, source=points)
    if weighted:
        divergence = times(grid, grid.inverse_square_scale(axis, in_cells=order == 2), divergence)
    return FluxForm(
        grid,
        axis,
        order,
        rows,
        _gradient(grid, axis, rows, own, points),
        divergence,
        rows_operator(grid, axis, rows.mean, mean, points),
    )


def _gradient(grid: Grid, axis: int, rows: FluxRows, parity: int, points: Grid) -> AffineOperator:
    """The gradient at the flux points."""
    gradient = rows.gradient
    data = {axis: lift(grid, {axis: gradient.data})} if gradient.data.shape[1] else {}
    return AffineOperator(rows_operator(grid, axis, gradient, parity, points), data)


def _flux_grid(grid: Grid, axis: int, points: Array) -> Grid:
    """The grid of the flux points of one axis; a bookkeeping of shapes, in plain coordinates."""
    sizes = [points.size if k == axis else n for k, n in enumerate(grid.shape)]
    return Grid({name: Axis(0.0, 1.0, n) for name, n in zip(grid.names, sizes)})


def diffusion(grid: Grid, k: Any, *, order: int = 2, boundary: Mapping[str, Any] | None = None) -> LinearOperator:
    """``div(k*grad(u))`` in flux form, the same rows as in an equation.

    Parameters
    ----------
    grid : Grid
        The grid.
    k : number, str, callable, array or Field
        The conductivity; positive. At order 2 it may jump: a cell's is then the harmonic mean of its layers, wherever in
        the cell they meet (of an array, known at nodes only, that of its neighbours).
    order : {2, 4, 6}
        Accuracy. At order 2 the integral is conserved to rounding under no-flux conditions for any k.
    boundary : mapping, optional
        As for `pdekit.derivative`.

    Examples
    --------
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 1, 21))
    >>> A = pk.diffusion(grid, "1 + x", boundary={"x": pk.Neumann(0)})
    >>> bool(abs(A(grid.field("cos(x)")).integral()) < 1e-13)
    True
    """
    faces = complete_conditions(grid, boundary)
    total: LinearOperator | None = None
    for axis in range(grid.ndim):
        form = flux_form(grid, axis, order, faces)
        part = form.operator(_values(form, k)).operator
        total = part if total is None else total + part
    assert total is not None
    return total


def _values(form: FluxForm, k: Any) -> Array:
    """Values of given data at the flux points."""
    if isinstance(k, str):
        return form.compiled(parse(k, Scope({name: sp.Symbol(name) for name in form.grid.names})), ())()
    if isinstance(k, Field | np.ndarray) and np.ndim(k):
        return form.node_values(Field.sample(form.grid, k, "k").values)
    if callable(k):
        return form.function(k)
    return sample_values(k, form.shape, {}, "k")
