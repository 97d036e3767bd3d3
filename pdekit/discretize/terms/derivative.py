"""Derivatives that are linear in what is differentiated: ``D g(u, x, t)``."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from pdekit.boundary.conditions import Side, end_functionals
from pdekit.discretize.affine import AffineOperator
from pdekit.discretize.derivatives import affine_derivative, affine_second, rows_by_axis
from pdekit.discretize.lifting import product_of_rows
from pdekit.discretize.terms.term_protocol import (
    Context,
    Entries,
    NoPattern,
    NotCompiled,
    RowProduct,
    Term,
    Values,
    outer_factor,
)
from pdekit.stencils.cut import rows_on
from pdekit.stencils.rows import AxisRows
from pdekit.stencils.schemes import SCHEMES, SchemeTarget
from pdekit.stencils.sparse_products import diagonal
from pdekit.typing import Array, Expression, Matrix


class LinearTerm(Term):
    """A term whose matrix and data are those of an affine operator; what makes it is left to the kinds."""

    def __init__(self, symbol: Expression, context: Context) -> None:
        self.symbol, self.context = symbol, context
        self.operand = symbol.operand
        self.conditions = context.conditions.get(self.operand)

    @cached_property
    def affine(self) -> AffineOperator:
        """The rows, with what the data of conditions add."""
        raise NotImplementedError

    def value(self, at: Values) -> Array:
        return np.asarray(self.affine.value(self.operand, self.conditions, at))

    def jacobian(self, at: Values) -> Matrix:
        return self.affine.jacobian(self.operand, self.conditions, at)

    def entries(self) -> list[Entries]:
        if self.context.data_of_solution(self.operand):
            raise NoPattern
        matrix = self.affine.matrix.tocoo()
        i, j = matrix.coords
        return [
            Entries(i, j, matrix.data, state, () if slope is None else ((slope, j),))
            for state, slope in self.context.state_slopes(self.operand)
        ]

    def row_sum(self, at: Values) -> float:
        return float(np.max(self.affine.row_sums(self.conditions, at.t, at.operand)))

    def _folded(self, axis: int, rows: AxisRows) -> AxisRows:
        """Rows with what they take from behind a pole, where that is on the same line."""
        if rows.mirror is None:
            return rows
        grid = self.context.grid
        if grid.mirror(axis):
            raise NotCompiled(f"{self.symbol} reads across a pole")
        parity = self.context.parity(self.operand, grid.names[axis]) or 1
        return AxisRows(sparse.csr_array(rows.matrix + parity * rows.mirror), rows.data)


class DerivativeTerm(LinearTerm):
    """A (mixed) derivative: the rows of `pdekit.derivative`, or of a scheme, with the operand's conditions."""

    def __init__(self, symbol: Expression, context: Context) -> None:
        super().__init__(symbol, context)
        self.rows  # noqa: B018  (too few nodes or conditions are found now)

    @cached_property
    def rows(self) -> dict[int, AxisRows]:
        """The one-dimensional rows by axis, without regard to poles."""
        grid, faces, symbol = self.context.grid, self.context.faces(self.operand), self.symbol
        if symbol.scheme is None:
            rows = rows_by_axis(grid, symbol.counts, self.context.order, faces, what=str(self.operand), **self._closure)
            return {k: self._accurate_on_faces(k, found) for k, found in rows.items()} if self._accurate_ends else rows
        ((name, n),) = symbol.counts.items()
        k = grid.index(name)
        ends = end_functionals(grid.axes[k], faces.get(name))
        make = SCHEMES[symbol.scheme].rows
        return {k: rows_on(grid, k, lambda whole: make(SchemeTarget(whole, k, n, symbol.order, symbol.upwind, *ends)))}

    @cached_property
    def _accurate_ends(self) -> list[Side]:
        """Faces with prescribed values where an even derivative stands in the equation of another unknown.

        No equation is solved for the operand there, so that its rows need the full order, but no spectrum of their own: with the rows
        of the equation they are of one order less.
        """
        counts = self.symbol.counts
        if self.symbol.scheme is not None or self.symbol.is_measured or len(counts) != 1:
            return []
        ((axis, n),) = counts.items()
        return self.context.read_on_prescribed_faces(self.symbol, axis) if n % 2 == 0 else []

    def _accurate_on_faces(self, k: int, rows: AxisRows) -> AxisRows:
        grid, faces = self.context.grid, self.context.faces(self.operand)
        counts = {grid.names[k]: self.symbol.counts[grid.names[k]]}
        full = rows_by_axis(grid, counts, self.context.order, faces, what=str(self.operand), closure="accurate")[k]
        taken = np.zeros(grid.shape[k])
        here_too = [side for side in self._accurate_ends if side in grid.axes[k].sides]
        taken[[0 if side == "left" else -1 for side in here_too]] = 1.0
        here, there = diagonal(taken), diagonal(1.0 - taken)
        matrix = sparse.csr_array(there @ rows.matrix + here @ full.matrix)
        return AxisRows(matrix, sparse.csr_array(there @ rows.data + here @ full.data), rows.mirror)

    @cached_property
    def affine(self) -> AffineOperator:
        grid, parities = self.context.grid, self.context.parities(self.operand)
        if self.symbol.scheme is not None or self._accurate_ends:
            return product_of_rows(grid, self.rows, parities)
        faces, order = self.context.faces(self.operand), self.context.order
        return affine_derivative(
            grid, self.symbol.counts, order, faces, parities, what=str(self.operand), **self._closure
        )

    @property
    def _closure(self) -> dict[str, Any]:
        return {"closure": "accurate"} if self.symbol.is_measured else {}

    def row_sum(self, at: Values) -> float:
        if self.context.data_of_solution(self.operand):
            return super().row_sum(at)
        sums = [abs(r.matrix) if r.mirror is None else abs(r.matrix) + abs(r.mirror) for r in self.rows.values()]
        return float(np.prod([np.max(np.asarray(m.sum(axis=1))) for m in sums]))

    def axis_factors(self) -> dict[int, Any] | None:
        if self.context.data_of_solution(self.operand) or any(r.mirror is not None for r in self.rows.values()):
            return None
        return {axis: sparse.csr_array(rows.matrix) for axis, rows in self.rows.items()}

    def mean_along_axis(self) -> tuple[int, Any] | None:
        if len(self.rows) != 1:
            return None
        ((axis, rows),) = self.rows.items()
        return axis, sparse.csr_array(rows.matrix)

    def kernel_form(self) -> RowProduct:
        if self.context.data_of_solution(self.operand):
            raise NotCompiled("boundary data depend on the solution")
        if len(self.rows) > 1 and any(r.data.shape[1] for r in self.rows.values()):
            raise NotCompiled(f"{self.symbol} is a mixed derivative with conditions other than prescribed values")
        return RowProduct(self.operand, {axis: self._folded(axis, rows) for axis, rows in self.rows.items()})


class DerivativeOnFace(DerivativeTerm):
    """A derivative in the data of a condition: by rows without conditions, so that no condition asks for another one."""

    def __init__(self, symbol: Expression, context: Context) -> None:
        super().__init__(symbol, replace(context, conditions={}))


class CurvedSecondDerivative(LinearTerm):
    """``(u'' + (m'/m) u') / h^2``: a flux with constant k on curved coordinates, at orders above 2."""

    @cached_property
    def affine(self) -> AffineOperator:
        faces, parities = self.context.faces(self.operand), self.context.parities(self.operand)
        axis, order = self.symbol.axis, self.context.order
        return affine_second(self.context.grid, axis, order, faces, parities, str(self.operand))

    def kernel_form(self) -> RowProduct:
        grid, order, name = self.context.grid, self.context.order, self.symbol.axis
        if self.context.data_of_solution(self.operand):
            raise NotCompiled("boundary data depend on the solution")
        k, faces, measure = grid.index(name), self.context.faces(self.operand), grid.measure(name)
        rows = rows_by_axis(grid, {name: 2}, order, faces, what=str(self.operand))[k]
        if measure.power:
            first = rows_by_axis(grid, {name: 1}, order, faces, what=str(self.operand))[k]
            drift = diagonal(measure.log_slope(grid.axes[k].nodes))
            mirror = None if rows.mirror is None else rows.mirror + drift @ first.mirror
            rows = AxisRows(rows.matrix + drift @ first.matrix, rows.data + drift @ first.data, mirror)
        outer = outer_factor(grid.inverse_square_scale(k, in_cells=False))
        return RowProduct(self.operand, {k: self._folded(k, rows)}, outer)
