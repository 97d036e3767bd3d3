"""Factors of a matrix that is not singular to working accuracy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pdekit.errors import SingularError
from pdekit.linear.direct import condition, factorise

WORST_CONDITION = 3e13


def determined(J: Any, message: str, make: Callable[[Any], Any] = factorise) -> Any:
    """The factorised matrix, if it is not singular to working accuracy.

    Raises
    ------
    SingularError
        With `message`.
    """
    try:
        solver = make(J)
    except SingularError:
        raise SingularError(message) from None
    if hasattr(solver, "solve_transposed") and condition(J, solver) > WORST_CONDITION:
        raise SingularError(message)
    return solver
