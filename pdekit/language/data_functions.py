"""Functions that data define, not formulas: tables, arrays between their nodes, Python functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

import sympy as sp

from pdekit.errors import ExpressionError

KEPT = 4  # results that are remembered: nodes and flux points are asked for again at every step


class DataFunction(sp.Function):
    """A function of coordinates and time that stands in expressions as ``sin`` does; made by `data_function`."""

    is_complex_valued: ClassVar[bool] = False
    kinks: ClassVar[tuple[float, ...]] = ()
    slopes: ClassVar[Callable[[int], Any] | None] = None

    def fdiff(self, argindex: int = 1) -> Any:
        """Its derivative by one of its arguments, where it has one."""
        slopes = type(self).slopes
        made = None if slopes is None else slopes(argindex - 1)
        if made is None:
            raise ExpressionError(
                f"{type(self).__name__} is given by data that are not smooth enough to be differentiated here; give it as an "
                "expression, or with cubic interpolation"
            )
        return made(*self.args)


def data_function(
    name: str,
    evaluate: Callable[..., Any],
    *,
    complex_valued: bool = False,
    kinks: Sequence[float] = (),
    slopes: Callable[[int], Any] | None = None,
) -> type[DataFunction]:
    """A function for expressions from one for arrays.

    Parameters
    ----------
    name : str
        By which it is printed; an identifier.
    evaluate : callable
        Values for positional arrays that broadcast against each other.
    complex_valued : bool
    kinks : sequence of float
        Of a function of one argument: where its slope jumps.
    slopes : callable, optional
        The derivative by the k-th argument, again such a function, or None where there is none.

    Examples
    --------
    >>> import numpy as np
    >>> from pdekit.language.evaluate import compile_expression
    >>> x = sp.Symbol("x")
    >>> k = data_function("k", lambda x: np.interp(x, [0, 1], [2, 4]))
    >>> compile_expression(1 + k(x), [x])(0.5)
    np.float64(4.0)
    """
    members = {
        "_imp_": staticmethod(_remembering(evaluate)),
        "is_complex_valued": complex_valued,
        "kinks": tuple(kinks),
        "slopes": None if slopes is None else staticmethod(slopes),
    }
    return cast(type[DataFunction], type(DataFunction)(name, (DataFunction,), members))  # type: ignore[misc]


def _remembering(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which knows its last results for the very same arrays: they are asked for at every step."""
    kept: list[tuple[tuple[Any, ...], Any]] = []

    def remembered(*arguments: Any) -> Any:
        for given, result in kept:
            if all(a is b for a, b in zip(given, arguments)):
                return result
        result = evaluate(*arguments)
        kept.insert(0, (arguments, result))
        del kept[KEPT:]
        return result

    return remembered
