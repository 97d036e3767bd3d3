"""Integral operators ``integral k(x, s) g(u(s)) ds`` along the axis of a one-dimensional grid."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import sympy as sp
from scipy import sparse

from pdekit.discretize.terms.term_protocol import Context, Entries, Term, Values
from pdekit.errors import ExpressionError, GridError
from pdekit.language.evaluate import compile_expression
from pdekit.stencils.quadrature import quadrature_weights
from pdekit.typing import Array, Expression, Matrix

JUMPS = (sp.Piecewise, sp.Heaviside, sp.sign)


class IntegralOperatorTerm(Term):
    """``sum_j k(x_i, x_j) w_j g(u_j)``, a dense matrix; w of the order of the discretization, of kernels that jump of order 2.

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
        if context.grid.geometry is not None:
            raise GridError(f"{symbol.short} is for Cartesian coordinates; write the factor of the volume element out")
        (x,), known = context.system.axes, context.system.parameters
        left = symbol.kernel.free_symbols - {x, symbol.variable, *known}
        if left:
            raise ExpressionError(
                f"the kernel {symbol.kernel} may hold {x}, {symbol.variable} and parameters that are constant here, found {', '.join(map(str, left))}"
            )

    @cached_property
    def _matrix(self) -> Matrix:
        grid, parameters = self.context.grid, self.context.system.parameters
        (nodes,), (x,) = grid.coordinates.values(), self.context.system.axes
        kernel = compile_expression(self.symbol.kernel, [x, self.symbol.variable, *parameters])
        # Where a kernel jumps, as at s = x, a node takes the mean of both sides, at the ends of the axis that from within.
        beside = 1e-9 * grid.axes[0].spacings.min()
        left, right = (np.clip(nodes + d, nodes[0] + beside, nodes[-1] - beside) for d in (-beside, beside))
        at = (nodes, nodes) if not self.symbol.kernel.has(*JUMPS) or grid.axes[0].periodic else (left, right)
        with np.errstate(all="ignore"):
            found = [kernel(nodes[:, None], s[None, :], *parameters.values()) for s in at]
        values = np.mean([np.broadcast_to(part, (nodes.size, nodes.size)) for part in found], axis=0)
        if not np.all(np.isfinite(values)):
            raise GridError(
                f"the kernel {self.symbol.kernel} is not finite at all pairs of nodes; a singular kernel needs a rule of its own"
            )
        return sparse.csr_array(
            np.asarray(values * quadrature_weights(grid.axes[0], 2 if at[0] is left else self.context.order))
        )

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
        slopes = [1.0 if s is None else np.abs(s(at)) for _, s in self.context.state_slopes(self.operand)]
        return float(np.max(abs(self._matrix) @ np.broadcast_to(sum(slopes), self._matrix.shape[1])))
