"""Boundary data that depend on the solution at the face, and coefficients that vary: ``a(x, t) u + b(x, t) du/dn = g(x, t, u)``.

Such a condition is brought to the form ``du/dn = h(x, t, u)`` with ``h = (g - a u)/b``: the rows of a prescribed normal
derivative, whose data are taken from the solution at the nodes of the face, which are unknowns, from derivatives there, such as
those along the face that the flux of a tensor has, and from numbers made of whole fields, such as ``mean(u)``. They enter the Jacobian by the chain rule, exactly. The order is that of the rows with ``du/dn`` prescribed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from pdekit.language.evaluate import compile_expression, slope
from pdekit.language.reductions import Reduction
from pdekit.language.symbols import OnFace
from pdekit.typing import Array, Expression

States = Callable[[Any], Array]


@dataclass(frozen=True, eq=False)
class SolutionData:
    """The data h of ``du/dn = h(x, t, u)`` on one face.

    Parameters
    ----------
    expression : sympy expression
        h, in coordinates, t, parameters, states and the symbols of `bound`.
    states : tuple of Symbol or Reduction
        Those of the states that occur, derivatives of them, and numbers that are made of whole fields.
    fixed : mapping of Symbol to number or array
        Values of coordinates on the face and of parameters.
    bound : mapping of Symbol to callable of t
        Arrays and Python functions that stand in the expression, on the face.
    constant : set of Symbol
        Those of `bound` that do not change in time.
    read : callable of array
        A field at the places of the data: at the nodes of the face.
    shape : tuple of int
        Shape of arrays on the face.
    """

    expression: Expression
    states: tuple[Any, ...]
    fixed: Mapping[Any, Any]
    bound: Mapping[Any, Callable[[float], Array]]
    constant: frozenset[Any]
    read: Callable[[Array], Array]
    shape: tuple[int, ...]

    t = sp.Symbol("t")

    @property
    def holds_derivatives(self) -> bool:
        """Whether there are derivatives at the face."""
        return any(isinstance(s, OnFace) for s in self.states)

    @property
    def reductions(self) -> tuple[Any, ...]:
        """The numbers made of whole fields."""
        return tuple(s for s in self.states if isinstance(s, Reduction))

    @cached_property
    def _shown(self) -> dict[Any, Any]:
        """The states by what stands for them in compiled expressions: symbols."""
        return {s if s.is_Symbol else sp.Dummy(): s for s in self.states}

    @cached_property
    def _body(self) -> Any:
        return self.expression.xreplace({state: symbol for symbol, state in self._shown.items() if symbol != state})

    def _compiled(self, expression: Expression) -> Callable[..., Any]:
        return compile_expression(expression, [*self.fixed, self.t, *self.bound, *self._shown])

    @cached_property
    def _value(self) -> Callable[..., Any]:
        return self._compiled(self._body)

    @cached_property
    def _bare_slopes(self) -> dict[Any, Any]:
        return {state: slope(self._body, symbol) for symbol, state in self._shown.items()}

    @property
    def slope_expressions(self) -> dict[Any, Any]:
        """Partial derivatives by the states, in symbols."""
        return {state: e.xreplace(self._shown) for state, e in self._bare_slopes.items()}

    @cached_property
    def _slopes(self) -> dict[Any, Callable[..., Any]]:
        return {state: self._compiled(e) for state, e in self._bare_slopes.items()}

    @cached_property
    def is_linear(self) -> bool:
        """Whether it is linear in the states at the face, with coefficients constant in time."""
        if self.reductions:
            return False
        changing = {self.t, *self._shown, *(symbol for symbol in self.bound if symbol not in self.constant)}
        return not any(e.free_symbols & changing for e in self._bare_slopes.values())

    @property
    def is_constant(self) -> bool:
        """Whether time does not occur."""
        return not self.expression.has(self.t) and all(symbol in self.constant for symbol in self.bound)

    def _given(self, t: float, states: States | None) -> list[Any]:
        bound = [function(t) for function in self.bound.values()]
        fields = [np.zeros(()) if states is None else states(s) for s in self.states]
        values = [self.read(field) if field.ndim else field for field in fields]  # scalar unknowns have one value
        return [*self.fixed.values(), np.float64(t), *bound, *values]  # by which 1/t is infinite, not an exception

    def at(self, t: float, states: States) -> Array:
        """The data at a time and a state, which is given as full arrays by symbol."""
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(self._value(*self._given(t, states))), self.shape)

    def slopes(self, t: float, states: States | None) -> dict[Any, Array]:
        """Partial derivatives by the states on the face; of linear data no states need be given."""
        given = self._given(t, None if self.is_linear else states)
        with np.errstate(all="ignore"):
            return {s: np.broadcast_to(np.asarray(f(*given)), self.shape) for s, f in self._slopes.items()}
