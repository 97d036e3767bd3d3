"""Symbols to NumPy functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

# The slope of a jump is zero wherever it has one.
_NO_SPIKES = (sp.DiracDelta, lambda *args: sp.Integer(0))


def slope(expression: Any, symbol: Any) -> Any:
    """Partial derivative of a pointwise expression, jumps taken as flat."""
    return sp.diff(expression, symbol).replace(*_NO_SPIKES)


def compile_expression(expression: Any, arguments: Sequence[Any]) -> Callable[..., Any]:
    """A NumPy function of positional `arguments` for an expression.

    Common subexpressions are evaluated once. The result has the arguments' broadcast shape, or is a scalar if
    the expression is constant: callers broadcast it to the grid.

    Examples
    --------
    >>> x = sp.Symbol("x")
    >>> compile_expression(sp.sin(x) ** 2, [x])(np.pi / 2)
    np.float64(1.0)
    """
    plain = [sp.Dummy() for _ in arguments]  # derivative atoms cannot be argument names
    body = expression.subs(dict(zip(arguments, plain)), simultaneous=True) if arguments else expression
    return sp.lambdify(plain, body, modules=["scipy", "numpy"], cse=True)


def evaluate_number(expression: Any, values: Mapping[Any, Any]) -> complex | float:
    """The number that an expression without free symbols is, after substitution."""
    result = complex(compile_expression(expression, list(values))(*values.values()))
    return result.real if result.imag == 0 else result


def is_real(values: Any) -> bool:
    """Whether an array or number is of a real type."""
    return not np.iscomplexobj(values)
