"""Services that a lower floor uses and a higher floor provides.

A field is made from a text by the expression language and drawn by the plotting room, both of which
stand above it. The lower floor names the service it needs; the package's front door (`pdekit/__init__.py`)
says who provides it, as ``"module:function"``, which is imported at the first use only.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

_providers: dict[str, str] = {}


@contextmanager
def collection_paused() -> Iterator[None]:
    """Keep the garbage collector from going through the many objects of an import again and again: a fifth of its time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def provide(service: str, provider: str) -> None:
    """Register `provider`, a text ``"module:function"``, for `service`."""
    _providers[service] = provider


def service(name: str) -> Callable[..., Any]:
    """Return the function that provides the service `name`.

    Raises
    ------
    LookupError
        Nobody provides it.
    """
    if name not in _providers:
        raise LookupError(f"nobody provides {name!r}; import pdekit, not one of its modules alone")
    module, function = _providers[name].split(":")
    with collection_paused():
        return getattr(import_module(module), function)
