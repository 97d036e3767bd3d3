"""Delays in equations: ``u(t - tau)`` is the field as it was tau earlier.

At a time that is reached by steps no longer than the delay, what was is known: a delayed field stands in expressions as a function of
the coordinates and t, which a record of the past evaluates (the method of steps).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, cast

import numpy as np
import sympy as sp

from pdekit.errors import ExpressionError
from pdekit.language.data_functions import DataFunction
from pdekit.language.evaluate import evaluate_number
from pdekit.typing import Array, Expression


class PastStates(Protocol):
    """What is known of earlier times."""

    def at(self, unknown: str, t: float, coordinates: Sequence[Array]) -> Array:
        """An unknown at an earlier time, at nodes whose coordinates are given."""
        ...


class Delayed(DataFunction):
    """An unknown at an earlier time, a function of coordinates and t; made by `DelayWords`."""

    unknown: ClassVar[str] = ""
    delay: ClassVar[float] = 0.0
    when: ClassVar[Any] = None
    past: ClassVar[PastStates | None] = None

    def fdiff(self, argindex: int = 1) -> Any:
        raise ExpressionError(f"{type(self).unknown}(t - {type(self).delay:g}) has no derivative here")


def delayed_function(
    name: str, unknown: str, delay: float, when: Expression, past: PastStates | None = None
) -> type[Delayed]:
    """The field `unknown` as it was a `delay` earlier, by a record of the past if there is one."""
    members: dict[str, Any] = {"unknown": unknown, "delay": delay, "when": when, "past": past}
    if past is not None:

        def value(*arguments: Any) -> Array:
            *coordinates, t = arguments
            return past.at(unknown, float(np.real(t)) - delay, coordinates)

        members["_imp_"] = staticmethod(value)
    return cast(type[Delayed], type(Delayed)(name, (Delayed,), members))  # type: ignore[misc]


class DelayWords:
    """Unknowns that are called with a time before t.

    Parameters
    ----------
    axes : sequence of Symbol
    t : Symbol
    numbers : mapping of Symbol to number
        Values of the parameters.
    """

    def __init__(self, axes: Sequence[Any], t: Any, numbers: Mapping[Any, Any]) -> None:
        self.axes, self.t, self.numbers = tuple(axes), t, dict(numbers)
        self._made: dict[tuple[str, float], Any] = {}

    def words(self, points: Mapping[str, Callable[..., Any]], unknowns: Sequence[str]) -> dict[str, Callable[..., Any]]:
        """The functions ``u(...)`` of these unknowns: of a time before t a delayed field, else what they were, a value at a point."""
        return {name: self._called(name, points[name]) for name in unknowns}

    def _called(self, name: str, point: Callable[..., Any]) -> Callable[..., Any]:
        def value(*place: Any) -> Any:
            if place and sp.sympify(place[-1]).has(self.t) and place[:-1] in ((), self.axes):
                return self._delayed(name, place[-1])
            return point(*place)

        return value

    def _delayed(self, name: str, when: Expression) -> Any:
        delay = sp.expand(self.t - when)
        if not delay.free_symbols <= set(self.numbers):
            raise ExpressionError(f"{name}({when}): a delay is a number or made of parameters, {name}(t - tau)")
        value = evaluate_number(delay, self.numbers)
        if isinstance(value, complex) or not 0 < value < float("inf"):
            raise ExpressionError(f"{name}({when}): a delay is a positive number, found {value:g}")
        if (name, value) not in self._made:
            self._made[name, value] = delayed_function(f"{name}_delayed_{len(self._made) + 1}", name, value, when)
        return self._made[name, value](*self.axes, self.t)
