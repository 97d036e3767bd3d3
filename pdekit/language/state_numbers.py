"""Numbers of a state, in words: ``integral(u**2)``, ``max(u)``, ``u(0.3)``, ``mean(u) - T``.

The language of equations, of which no field is left outside of what makes a number of it; `reduction_words` says how.
"""

from __future__ import annotations

from pdekit.errors import ExpressionError
from pdekit.language.equation_system import EquationSystem
from pdekit.language.parser import Scope, parse
from pdekit.language.reductions import fields_in, reduction_words
from pdekit.language.symbols import measured
from pdekit.typing import Expression


def parse_number_of_state(text: str, system: EquationSystem) -> Expression:
    """The number that a text says.

    Raises
    ------
    ExpressionError
        It is no expression, or a field is left where a number is needed.

    Examples
    --------
    >>> from pdekit.language.pde import PDE
    >>> system = PDE("u_t = u_xx", parameters={"T": 2}).bind(("x",))
    >>> parse_number_of_state("integral(u)/T + u(0.5)", system)
    Reduction(u, at, 0.5) + Reduction(u, integral)/T
    """
    expression = parse(text, _scope(system))
    fields = fields_in(expression, {*system.scalars, system.t, *system.parameters})
    if fields:
        raise ExpressionError(
            f"{text!r}: {', '.join(fields)} is a field where a number is needed; use integral, mean, max, min, face or at"
        )
    return expression


def parse_field_of_state(text: str, system: EquationSystem) -> Expression:
    """The field that a text says, of states, their derivatives, and numbers made of fields.

    Its derivatives are looked at, not solved with: they close at the full order at faces.

    Raises
    ------
    ExpressionError
        It is no expression.

    Examples
    --------
    >>> from pdekit.language.pde import PDE
    >>> parse_field_of_state("-k*u_x", PDE("u_t = u_xx", parameters={"k": 2}).bind(("x",)))
    -k*Measured(u, x, 1)
    """
    return measured(parse(text, _scope(system)))


def _scope(system: EquationSystem) -> Scope:
    states = {str(s): s for s in system.states}
    fields = {n: s for n, s in states.items() if s not in system.scalars}
    names = {str(s): s for s in (*system.axes, system.t, *system.parameters)}
    return Scope(
        {**system.substituted, **system.known, **names, **states},
        system.axes,
        fields,
        reduction_words(system.axes, fields),
    )


def parse_condition(text: str, system: EquationSystem) -> Expression:
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
