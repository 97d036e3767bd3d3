"""Numbers of a state, in words: ``integral(u**2)``, ``max(u)``, ``u(0.3)``, ``mean(u) - T``.

The language of equations with functions that make a number of a field: ``integral(e)`` over the domain, ``mean(e)``, ``max(e)`` and
``min(e)`` over the nodes, ``face(e, x, right)`` over one face, ``at(e, 0.3, 0.5)`` and, of an unknown, ``u(0.3, 0.5)`` at a point.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from pdekit.errors import ExpressionError
from pdekit.language.parser import Scope, parse
from pdekit.language.pde import EquationSystem
from pdekit.language.vocabulary import FUNCTIONS
from pdekit.typing import Expression

SIDES = ("left", "right")


@dataclass(frozen=True)
class Reduction:
    """One number of a field.

    Parameters
    ----------
    kind : {"integral", "mean", "max", "min", "face", "at"}
    expression : sympy expression
        The field.
    place : tuple
        Of "at": coordinates, in the order of the axes. Of "face": the axis and the side.
    """

    kind: str
    expression: Expression
    place: tuple[Any, ...] = ()


@dataclass(frozen=True)
class StateNumber:
    """An expression of reductions, parameters and time.

    Parameters
    ----------
    expression : sympy expression
        With a symbol for each reduction.
    reductions : dict of Symbol to Reduction
    """

    expression: Expression
    reductions: dict[Any, Reduction]


def parse_number_of_state(text: str, system: EquationSystem) -> StateNumber:
    """The reductions in a text.

    Raises
    ------
    ExpressionError
        It is no expression, or a field is left where a number is needed.

    Examples
    --------
    >>> from pdekit.language.pde import PDE
    >>> system = PDE("u_t = u_xx", parameters={"T": 2}).bind(("x",))
    >>> parse_number_of_state("integral(u)/T + u(0.5)", system).reductions.values()
    dict_values([Reduction(kind='integral', expression=u, place=()), Reduction(kind='at', expression=u, place=(0.5,))])
    """
    found: dict[Any, Reduction] = {}

    def made(kind: str, expression: Expression, *place: Any) -> Expression:
        symbol = sp.Dummy(kind)
        found[symbol] = Reduction(kind, expression, place)
        return symbol

    def at(expression: Expression, *place: Any) -> Expression:
        if len(place) != len(system.axes) or not all(p.is_number for p in place):
            raise ExpressionError(
                f"a point has {len(system.axes)} coordinates, numbers, one for each of {list(map(str, system.axes))}"
            )
        return made("at", expression, *map(float, place))

    def face(expression: Expression, axis: Expression, side: Expression) -> Expression:
        if axis not in system.axes or str(side) not in SIDES:
            raise ExpressionError(
                f"face(expression, axis, left or right), the axis one of {list(map(str, system.axes))}"
            )
        return made("face", expression, str(axis), str(side))

    special: dict[str, Callable[..., Any]] = {
        "integral": lambda expression: made("integral", expression),
        "mean": lambda expression: made("mean", expression),
        "max": lambda *given: made("max", *given) if len(given) == 1 else FUNCTIONS["max"][0](*given),
        "min": lambda *given: made("min", *given) if len(given) == 1 else FUNCTIONS["min"][0](*given),
        "at": at,
        "face": face,
    }
    states = {str(s): s for s in system.states}
    special |= {name: lambda *place, symbol=symbol: at(symbol, *place) for name, symbol in states.items()}
    names = {str(s): s for s in (*system.axes, system.t, *system.parameters)}
    sides = {side: sp.Symbol(side) for side in SIDES if side not in names}
    scope = Scope({**sides, **system.known, **names, **states}, system.axes, states, special)
    expression = parse(text, scope)
    left = expression.free_symbols - set(found) - {system.t, *system.parameters}
    if left:
        raise ExpressionError(
            f"{text!r}: {', '.join(sorted(map(str, left)))} is a field where a number is needed; use integral, mean, max, min, face or at"
        )
    return StateNumber(expression, found)


def parse_condition(text: str, system: EquationSystem) -> StateNumber:
    """A comparison of such numbers, as the difference that becomes positive when it holds.

    Raises
    ------
    ExpressionError
        It is no comparison.
    """
    for sign in (">=", "<=", ">", "<"):
        sides = text.split(sign)
        if len(sides) == 2:
            above, below = sides if sign[0] == ">" else sides[::-1]
            return parse_number_of_state(f"({above}) - ({below})", system)
    raise ExpressionError(f"{text!r} is no comparison, such as max(u) > 100")
