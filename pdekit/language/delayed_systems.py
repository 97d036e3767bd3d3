"""Equations with delays: which they are, where delays cannot be, and what evaluates them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pdekit.errors import ExpressionError
from pdekit.language.delays import Delayed, PastStates, delayed_function
from pdekit.language.equation_system import EquationSystem
from pdekit.language.symbols import SpatialDerivative


def delays_of(system: EquationSystem) -> tuple[Any, ...]:
    """The delayed fields in the equations.

    Examples
    --------
    >>> from pdekit.language.pde import PDE
    >>> [(type(f).unknown, type(f).delay) for f in delays_of(PDE("u_t = u_xx - u(t - 2*s)", parameters={"s": 0.5}).bind(("x",)))]
    [('u', 1.0)]
    """
    return tuple(sorted({f for e in system.expressions for f in e.atoms(Delayed)}, key=str))


def shortest_delay(system: EquationSystem) -> float:
    """The longest step at which what is delayed is known; infinite without delays."""
    return min((type(field).delay for field in delays_of(system)), default=float("inf"))


def refuse_where_delays_cannot_be(system: EquationSystem) -> None:
    """Refuse delays under derivatives, in whole fields, and beside algebraic equations.

    Raises
    ------
    ExpressionError
    """
    for field in delays_of(system):
        word = f"{type(field).unknown}(t - {type(field).delay:g})"
        if any(atom.has(Delayed) for e in system.expressions for atom in e.atoms(SpatialDerivative)):
            raise ExpressionError(
                f"{word} stands under a derivative or in a number made of a field; a delayed field may be a term or a factor of one",
                key="equations",
            )
        if any(unknown.time_order == 0 for unknown in system.unknowns):
            raise ExpressionError(f"{word}: delays are for evolution equations, without '0 = ...'", key="equations")
        if system.noises:
            raise ExpressionError(f"{word}: equations with delays and noise are not solved", key="equations")
        if any(definition.has(Delayed) for definition in system.definitions.values()):
            raise ExpressionError(f"{word} stands in a definition with conditions of its own", key="definitions")


def with_past(system: EquationSystem, past: PastStates) -> EquationSystem:
    """The same equations, their delayed fields evaluated by a record of the past."""
    new = {
        f: delayed_function(type(f).__name__, type(f).unknown, type(f).delay, type(f).when, past)(*f.args)
        for f in delays_of(system)
    }
    unknowns = tuple(replace(u, rhs=u.rhs.xreplace(new)) for u in system.unknowns)
    return replace(system, unknowns=unknowns)
