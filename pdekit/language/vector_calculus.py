"""Gradient, divergence, curl and Laplacian of expressions in the coordinates of a grid.

On Cartesian axes scale factors h and weights m are 1. On curved ones components are along the unit vectors, and

    grad u = sum_i e_i u_i / h_i,      div v = sum_i (1/h_i) (1/m_i) d(m_i v_i)/dq_i,

with the weights m of the coordinate system. ``div(k*grad(u))`` stays in conservative form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from pdekit.errors import ExpressionError
from pdekit.language.evaluate import slope
from pdekit.language.symbols import Diff, Flux, SpatialDerivative, differentiate, gradient_terms
from pdekit.typing import Expression


@dataclass(frozen=True)
class VectorCalculus:
    """Gradient, divergence, curl and Laplacian by scale factors and weights in symbols; these are empty on Cartesian axes.

    Parameters
    ----------
    axes : tuple of Symbol
        The coordinates, in the grid's order.
    scale, weight : dict of Symbol to expression
        h and m of each axis, where they are not 1.
    zeta : dict of Symbol to expression
        ``f'/(f h)`` of the axes with a factor: how fast unit vectors turn whose scale factors contain it.
    crossed : tuple of tuple of Symbol
        For each coordinate, also those left out, the axes whose factors are in its scale factor.
    left_out : expression
        Scale factor of the coordinate that a grid of two axes leaves out, such as phi of (r, z).
    """

    axes: tuple[Any, ...]
    scale: dict[Any, Any] = field(default_factory=dict)
    weight: dict[Any, Any] = field(default_factory=dict)
    zeta: dict[Any, Any] = field(default_factory=dict)
    crossed: tuple[tuple[Any, ...], ...] = ()
    left_out: Any = sp.S.One

    @property
    def flat(self) -> bool:
        """Whether the coordinates are Cartesian."""
        return not (self.scale or self.weight)

    def h(self, axis: Any) -> Any:
        """The scale factor of an axis."""
        return self.scale.get(axis, sp.Integer(1))

    def gradient(self, expression: Expression, states: Sequence[Any]) -> list[Any]:
        """Components of the gradient; of a pointwise expression by the chain rule, in gradients of states with their conditions."""
        used = sorted(expression.free_symbols & set(states), key=str)
        if expression.has(SpatialDerivative) or not used:
            return [differentiate(expression, a, 1, self.axes, states) / self.h(a) for a in self.axes]
        return [self._chain(expression, a, used) / self.h(a) for a in self.axes]

    def _chain(self, expression: Expression, axis: Any, used: Sequence[Any]) -> Expression:
        through = sp.Add(*(slope(expression, s) * Diff(s, axis, 1) for s in used))
        return through + slope(expression, axis)

    def divergence(self, vector: Sequence[Any], states: Sequence[Any]) -> Any:
        """The divergence of components along the unit vectors."""
        return sp.Add(*(self._outward(v, a, states) for v, a in zip(vector, self.axes)))

    def _outward(self, v: Any, axis: Any, states: Sequence[Any]) -> Any:
        """``(1/h) (1/m) d(m v)/dq``, the terms ``k du/dq`` of v in flux form."""
        if self.flat:
            return differentiate(v, axis, 1, self.axes, states)
        h, m = self.h(axis), self.weight.get(axis, sp.Integer(1))
        coefficients, others = gradient_terms(sp.expand_mul(v), axis, states)
        fluxes = {w: sp.Add(*(part * h for part in sp.Add.make_args(k))) for w, k in coefficients.items()}
        total = sp.Add(*(Flux(k, w, axis, m, h**2) for w, k in fluxes.items()))
        for term in others:
            total += differentiate(term, axis, 1, self.axes, states) / h + sp.simplify(sp.diff(m, axis) / m / h) * term
        return total

    def laplacian(self, expression: Expression, states: Sequence[Any]) -> Expression:
        """The Laplacian of a scalar, conservative."""
        if self.flat:
            return sp.Add(*(differentiate(expression, a, 2, self.axes, states) for a in self.axes))
        if expression.has(SpatialDerivative):
            raise ExpressionError(
                "on curved coordinates the Laplacian of an expression that contains derivatives needs conditions of its own; "
                "make the inner expression a definition with boundary conditions"
            )
        return self.divergence(self.gradient(expression, states), states)

    def vector_laplacian(self, vector: Sequence[Any], states: Sequence[Any]) -> list[Any]:
        """The Laplacian of a vector: of its components, and what the turning of the unit vectors adds."""
        result = {a: self.laplacian(v, states) for a, v in zip(self.axes, vector)}
        v = dict(zip(self.axes, vector))

        def along(expression: Expression, a: Any) -> Expression:
            return differentiate(expression, a, 1, self.axes, states) / self.h(a)

        for j in self.axes:
            for k in self.axes:
                if k not in self.zeta or not self.h(j).has(k):
                    continue
                zeta, m = self.zeta[k], self.weight.get(j, sp.Integer(1))
                drift = sp.diff(m, j) / m / self.h(j)
                result[j] += zeta * (2 * along(v[k], j) + drift * v[k]) - zeta**2 * v[j]
                result[k] -= zeta * (2 * along(v[j], j) + drift * v[j])
        for axes in self.crossed:
            for i in axes:
                for k in axes:
                    result[i] -= self.zeta[i] * self.zeta[k] * v[k]
        return list(result.values())

    def stream(self, expression: Expression, axis: Any, states: Sequence[Any]) -> Expression:
        """``d(h s)/dq / (h h_q)`` with the scale factor h of the direction left out: one term of the curl of a scalar."""
        extra = sp.simplify(sp.diff(self.left_out, axis) / self.left_out)
        return (differentiate(expression, axis, 1, self.axes, states) + extra * expression) / self.h(axis)

    def circulation(self, expression: Expression, axis: Any, component: Any, states: Sequence[Any]) -> Expression:
        """``(1/(h_i h_k)) d(h_k v_k)/dq_i``: one term of a curl."""
        h = self.h(component)
        extra = sp.simplify(sp.diff(h, axis) / h)
        return (differentiate(expression, axis, 1, self.axes, states) + extra * expression) / self.h(axis)
