"""Values of data on a grid: from constants, arrays, texts and callables of the coordinates by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.errors import GridError


def call_by_name(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Call `function` with those of the named `arguments` that it asks for, in whatever order.

    Raises
    ------
    GridError
        It asks for a name that there is not.
    """
    wanted = inspect.signature(function).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in wanted.values()):
        return function(**arguments)
    missing = [n for n, p in wanted.items() if n not in arguments and p.default is inspect.Parameter.empty]
    if missing:
        raise GridError(
            f"the callable asks for {missing[0]!r}; available by name are {sorted(arguments)} (arguments in any order)"
        )
    return function(**{n: arguments[n] for n in wanted if n in arguments})


def sample_values(
    source: Any, shape: tuple[int, ...], coordinates: Mapping[str, Any], what: str = "data"
) -> NDArray[Any]:
    """Values of `shape` from an array, a callable of named coordinates, an expression or a constant.

    Raises
    ------
    GridError
        The result does not have the shape, or is not numeric.
    """
    if isinstance(source, str):
        from pdekit.language.sampling import sample_text  # loads SymPy, which takes a while

        values = sample_text(source, coordinates)
    elif callable(source):
        values = call_by_name(source, coordinates)
    else:
        values = getattr(source, "values", source)
    try:
        values = np.asarray(values)
        if values.dtype.kind not in "biufc":
            raise TypeError
        values = values.astype(np.result_type(values.dtype, np.float64), copy=False)
    except (TypeError, ValueError):
        raise GridError(f"{what} must be numeric, found {type(source).__name__}") from None
    is_array = not (isinstance(source, str) or callable(source) or values.ndim == 0)
    if is_array and values.shape != shape:
        raise GridError(f"{what} has shape {values.shape}, the grid needs {shape}")
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        raise GridError(f"{what} gives shape {values.shape}, which does not broadcast to {shape}") from None
