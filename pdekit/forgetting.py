"""Memory that need not be kept: what cached properties hold can be found again."""

from __future__ import annotations

from functools import cached_property
from typing import Any


def forget(*things: Any) -> None:
    """Drop what the cached properties of objects hold; who asks again has it found again.

    Examples
    --------
    >>> class Square:
    ...     side = 2.0
    ...     @cached_property
    ...     def area(self):
    ...         return self.side**2
    >>> square = Square()
    >>> square.area, list(vars(square))
    (4.0, ['area'])
    >>> forget(square)
    >>> list(vars(square))
    []
    """
    for thing in things:
        held = vars(thing)
        for name in [name for name in held if isinstance(getattr(type(thing), name, None), cached_property)]:
            del held[name]
