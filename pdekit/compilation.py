"""Compilation of the package's own loops, kept on disk where there is a place to keep it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit
from numpy.typing import NDArray


def compiled(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """`numba.njit` without the interpreter's lock, cached; uncached where neither package nor home can be written.

    Examples
    --------
    >>> @compiled
    ... def twice(x):
    ...     return 2 * x
    >>> twice(4)
    8
    """
    if function is None:
        return lambda found: compiled(found, **options)
    try:
        return njit(cache=True, nogil=True, **options)(function)
    except RuntimeError:  # numba finds no place for its cache
        return njit(nogil=True, **options)(function)


@compiled(inline="never")
def add_multiple(out: NDArray[Any], x: NDArray[Any], w: Any) -> None:
    """``out += w * x`` on contiguous lines: a function of its own, for in this shape it is vectorised."""
    for j in range(out.shape[0]):
        out[j] += w * x[j]
