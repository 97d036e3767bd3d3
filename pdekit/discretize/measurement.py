"""Values of numbers that are made of a state on a grid."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from pdekit.discretize.program import Frame
from pdekit.discretize.system import SemiDiscrete
from pdekit.language.analysis import is_real_valued
from pdekit.language.evaluate import compile_expression
from pdekit.language.symbols import spatial_derivatives
from pdekit.typing import Array, Expression


class Measurement:
    """A number of a state, by formula.

    Parameters
    ----------
    system : SemiDiscrete
    expression : sympy expression
        Of reductions, scalar unknowns, parameters and time.

    Raises
    ------
    GridError
        A point outside of the grid.
    """

    def __init__(self, system: SemiDiscrete, expression: Expression) -> None:
        self.system, self.expression = system, expression
        symbols = sorted(spatial_derivatives(expression), key=str)
        self.terms: dict[Any, Any] = {symbol: system.program.term(symbol) for symbol in symbols}

    @cached_property
    def dtype(self) -> Any:
        """Real for what is real whatever the state, as ``integral(abs(psi)**2)``; else that of the unknowns."""
        equations = self.system.system
        symbols = {*equations.states, *(p for p, value in equations.parameters.items() if isinstance(value, complex))}
        is_real = self.system.dtype.kind != "c" or is_real_valued(self.expression, symbols)
        return np.dtype(float) if is_real else self.system.dtype

    @cached_property
    def _formula(self) -> Any:
        equations = self.system.system
        return compile_expression(
            self.expression, [equations.t, *equations.parameters, *equations.scalars, *self.terms]
        )

    def value(self, t: float, y: Array) -> Any:
        """Its value at a time and state."""
        return self.of(self.system.glance(t, y))

    def of(self, frame: Frame) -> Any:
        """Its value from fields that others need as well."""
        if self.expression in self.terms:  # nothing but one number: 50 us less
            value = self.terms[self.expression].number(frame)
        else:
            equations = self.system.system
            scalars = (frame.operand(symbol)[()] for symbol in equations.scalars)
            numbers = (term.number(frame) for term in self.terms.values())
            value = self._formula(frame.t, *equations.parameters.values(), *scalars, *numbers)
        return value if self.dtype == self.system.dtype else np.real(value)
