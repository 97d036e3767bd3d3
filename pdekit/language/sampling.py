"""Values of a text expression at given coordinates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from pdekit.errors import ExpressionError
from pdekit.language.evaluate import compile_expression
from pdekit.language.parser import Scope, parse
from pdekit.typing import Expression


def sample_text(text: Any, coordinates: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> Expression:
    """Evaluate an expression of named coordinates.

    Parameters
    ----------
    text : str or sympy expression
        The expression. ``noise(amplitude, seed)`` is normally distributed, independent at every node.
    coordinates : mapping of str to array or number
        What its names mean; arrays broadcast against each other.
    known : mapping of str to sympy expression, optional
        Further names, in terms of these.

    Returns
    -------
    array or number

    Examples
    --------
    >>> sample_text("x**2 + k", {"x": np.array([1.0, 2.0]), "k": 1})
    array([2., 5.])
    """
    shape = np.broadcast_shapes(*(np.shape(v) for v in coordinates.values()))
    values: dict[Any, Any] = {sp.Symbol(name): value for name, value in coordinates.items()}

    def noise(amplitude: Expression = 1, seed: Any = None) -> Any:
        if seed is None or not getattr(seed, "is_Integer", False) or seed < 0:
            raise ExpressionError("noise(amplitude, seed) needs a whole seed >= 0, so that a run can be repeated")
        symbol = sp.Dummy("noise")
        values[symbol] = np.random.default_rng(int(seed)).standard_normal(shape)
        return amplitude * symbol

    expression = parse_sampled(text, coordinates, known, noise)
    with np.errstate(all="ignore"):
        given = (np.float64(v) if isinstance(v, float) else v for v in values.values())  # 1/0 is infinite, no exception
        result = _compiled(expression, tuple(values))(*given)
    numbers = np.asarray(result)
    if not np.all(np.isfinite(numbers if numbers.dtype.kind in "biufc" else numbers.astype(complex))):
        raise ExpressionError(f"{str(text)!r} is not finite everywhere on the grid")
    return result


@lru_cache(maxsize=64)
def _compiled(expression: Expression, names: tuple[Any, ...]) -> Callable[..., Any]:
    """Compiled once: an exact solution is evaluated at every stored time, and SymPy takes 0.1 s to make a function of it."""
    return compile_expression(expression, names)


def parse_sampled(
    text: Any,
    names: Iterable[str],
    known: Mapping[str, Any] | None = None,
    noise: Callable[..., Any] = lambda *arguments, **options: sp.Integer(0),
) -> Any:
    """The symbols of a text that `sample_text` can evaluate: to find unknown names before there are values.

    Raises
    ------
    ExpressionError
        It is no expression of these names.
    """
    if isinstance(text, sp.Expr):
        return text
    return parse(text, Scope({**(known or {}), **{name: sp.Symbol(name) for name in names}}, special={"noise": noise}))
