"""Integral operators ``integral k(x, s) g(u(s)) ds`` along the axis of a one-dimensional grid."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy import sparse

from pdekit.discretize.terms.term_protocol import Context, Entries, Term, Values
from pdekit.errors import ExpressionError
from pdekit.language.evaluate import compile_expression
from pdekit.typing import Array, Expression, Matrix


class IntegralOperatorTerm(Term):
    """The trapezoidal rule: ``sum_j k(x_i, x_j) w_j g(u_j)``, a dense matrix.

    Parameters
    ----------
    symbol : IntegralOperator
    context : Context

    Raises
    ------
    ExpressionError
        The kernel depends on time or on the solution.
    """

    def __init__(self, symbol: Expression, context: Context) -> None:
        self.symbol, self.context, self.operand = symbol, context, symbol.operand
        (x,), known = context.system.axes, context.system.parameters
        left = symbol.kernel.free_symbols - {x, symbol.variable, *known}
        if left:
            raise ExpressionError(
                f"the kernel {symbol.kernel} may hold {x}, {symbol.variable} and parameters, found {', '.join(map(str, left))}"
            )

    @cached_property
    def _matrix(self) -> Matrix:
        grid, parameters = self.context.grid, self.context.system.parameters
        (nodes,), (x,) = grid.coordinates.values(), self.context.system.axes
        kernel = compile_expression(self.symbol.kernel, [x, self.symbol.variable, *parameters])
        values = np.broadcast_to(kernel(nodes[:, None], nodes[None, :], *parameters.values()), (nodes.size, nodes.size))
        return sparse.csr_array(np.asarray(values * grid.weights))

    def value(self, at: Values) -> Array:
        return np.asarray(self._matrix @ np.ravel(at.operand(self.operand)))

    def jacobian(self, at: Values) -> Matrix:
        return sparse.csr_array(self._matrix @ at.operand_jacobian(self.operand))

    def entries(self) -> list[Entries]:
        entries = self._matrix.tocoo()
        i, j = entries.coords
        return [
            Entries(i, j, entries.data, state, () if slope is None else ((slope, j),))
            for state, slope in self.context.state_slopes(self.operand)
        ]

    def row_sum(self, at: Values) -> float:
        return float(np.max(np.asarray(abs(self._matrix).sum(axis=1))))
