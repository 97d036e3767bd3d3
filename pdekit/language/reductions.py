"""Numbers made of whole fields, as symbols: ``integral(u)``, ``mean(u)``, ``u(0.3)``; and integral operators.

``Reduction(w, kind, *place)`` is one number of the field w, the same at every node. ``IntegralOperator(w, k, s)`` is
``integral k(x, s) w(s) ds``, a field again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import sympy as sp

from pdekit.errors import ExpressionError
from pdekit.language.evaluate import slope
from pdekit.language.symbols import SpatialDerivative, lower
from pdekit.language.vocabulary import FUNCTIONS
from pdekit.typing import Expression

SIDES = ("left", "right")


class OfWholeField(SpatialDerivative):
    """What is made of a whole field: no derivative along any axis, and neither even nor odd as far as is known."""

    @property
    def counts(self) -> dict[str, int]:
        return {}

    @property
    def is_even(self) -> bool:
        return False


class Reduction(OfWholeField):
    """``Reduction(w, kind, *place)``: one number of the field w.

    `kind` is integral, mean, max, min, face (with the axis and the side) or at (with the coordinates of a point).
    """

    is_field = False

    @property
    def kind(self) -> str:
        return str(self.args[1])

    @property
    def place(self) -> tuple[Any, ...]:
        """Of "at": coordinates, in the order of the axes. Of "face": the axis and the side."""
        return tuple(float(p) if p.is_number else str(p) for p in self.args[2:])

    @property
    def short(self) -> str:
        operand = self.operand.short if isinstance(self.operand, SpatialDerivative) else self.operand
        return f"{self.kind}({', '.join(map(str, (operand, *self.place)))})"

    def lowered(self, functions: Mapping[Any, Any]) -> Any:
        raise ExpressionError(f"{self.short} of a given function is not known in symbols")


class RateReduction(Reduction):
    """``RateReduction(w, kind, states, *place)``: a number of a field of time derivatives, in whose place their equations stand.

    `states` are the unknowns whose time derivatives they were. Unlike other numbers it is made of the equations as they are solved, so
    that it is the time derivative of the number of the unknowns themselves, to rounding.
    """

    @property
    def states(self) -> tuple[Any, ...]:
        """The unknowns."""
        return tuple(self.args[2])

    @property
    def place(self) -> tuple[Any, ...]:
        return tuple(float(p) if p.is_number else str(p) for p in self.args[3:])


def with_rate_reductions(expression: Expression, rates: Mapping[Any, str]) -> Expression:
    """The same with numbers made of time derivatives as such; of what is linear in them, and of no extremes.

    Parameters
    ----------
    expression : sympy expression
    rates : mapping of Symbol to str
        The time derivatives for which equations are solved, with their unknowns.

    Raises
    ------
    ExpressionError
    """
    changes = {}
    for atom in expression.atoms(Reduction):
        used = sorted(atom.operand.free_symbols & set(rates), key=str)
        if not used:
            continue
        slopes = [slope(atom.operand, rate) for rate in used]
        others = sp.expand(atom.operand - sum(s * rate for s, rate in zip(slopes, used)))
        if atom.kind in ("max", "min") or atom.operand.has(SpatialDerivative) or others != 0:
            raise ExpressionError(
                f"{atom.short}: of time derivatives for which equations are solved there are integral, mean, face and at, of sums of "
                "multiples of them"
            )
        states = sp.Tuple(*(sp.Symbol(rates[rate]) for rate in used))
        changes[atom] = RateReduction(atom.operand, atom.args[1], states, *atom.args[2:])
    return expression.xreplace(changes)


class IntegralOperator(OfWholeField):
    """``IntegralOperator(w, k, s)``: the integral of ``k(x, s) w(s)`` over the axis, s being the variable of integration."""

    @property
    def kernel(self) -> Any:
        """k, in the axis and the variable of integration."""
        return self.args[1]

    @property
    def variable(self) -> Any:
        return self.args[2]

    @property
    def short(self) -> str:
        return f"integral({self.kernel}*{self.operand}, {self.variable})"

    def lowered(self, functions: Mapping[Any, Any]) -> Any:
        raise ExpressionError(f"{self.short} of {lower(self.operand, functions)} is not known in symbols")


def reduction_words(axes: Sequence[Any], states: Mapping[str, Any]) -> dict[str, Callable[..., Any]]:
    """The functions that make a number of a field.

    ``integral(e)`` over the domain, ``mean(e)``, ``max(e)`` and ``min(e)`` over the nodes, ``face(e, x, right)`` over one face,
    ``at(e, 0.3, 0.5)`` and, of a state, ``u(0.3, 0.5)`` at a point.

    Parameters
    ----------
    axes : sequence of Symbol
        In the grid's order.
    states : mapping of str to Symbol
        Those that may be called.
    """
    names = ", ".join(map(str, axes))

    def at(expression: Expression, *place: Any) -> Expression:
        if any(sp.sympify(p).has(sp.Symbol("t")) for p in place):
            raise ExpressionError(
                f"{expression}({', '.join(map(str, place))}): values of earlier times are those of a whole field, {expression}(t - tau), and "
                "stand in equations only; conditions, and numbers that are measured, are those of the present"
            )
        if len(place) != len(axes) or not all(sp.sympify(p).is_number for p in place):
            raise ExpressionError(
                f"a point has {len(axes)} coordinates, numbers, one for each of {names}; a product is written with *"
            )
        return Reduction(expression, sp.Symbol("at"), *map(sp.Float, place))

    def face(expression: Expression, axis: Expression, side: Expression) -> Expression:
        if axis not in axes or str(side) not in SIDES:
            raise ExpressionError(f"face(expression, axis, left or right), the axis one of {names}")
        return Reduction(expression, sp.Symbol("face"), axis, sp.Symbol(str(side)))

    def extreme(kind: str) -> Callable[..., Any]:
        choose, _, most = FUNCTIONS[kind]

        def function(*given: Any) -> Any:
            if not 1 <= len(given) <= most:
                raise ExpressionError(f"{kind}() takes 1 to {most} arguments, found {len(given)}")
            return Reduction(given[0], sp.Symbol(kind)) if len(given) == 1 else choose(*given)

        return function

    found: dict[str, Callable[..., Any]] = {
        "integral": lambda expression: Reduction(expression, sp.Symbol("integral")),
        "mean": lambda expression: Reduction(expression, sp.Symbol("mean")),
        "max": extreme("max"),
        "min": extreme("min"),
        "at": at,
        "face": face,
    }
    return found | {name: lambda *place, symbol=symbol: at(symbol, *place) for name, symbol in states.items()}


def refuse_extremes_of_complex(expression: Expression) -> None:
    """Refuse the greatest and the least of complex values, of equations or states that are complex.

    Raises
    ------
    ExpressionError
    """
    for atom in expression.atoms(Reduction):
        if atom.kind in ("max", "min") and not isinstance(atom.operand, sp.Abs | sp.re | sp.im):
            raise ExpressionError(
                f"{atom.short}: complex values have no order; take that of abs({atom.operand}), real(...) or imag(...)"
            )


def fields_in(expression: Expression, numbers: Collection[Any]) -> list[str]:
    """The names of what is a field in an expression: all that stands outside of reductions and is not among the `numbers`.

    Examples
    --------
    >>> u, x, S = sp.symbols("u x S")
    >>> fields_in(S * x + Reduction(u, sp.Symbol("mean")), {S})
    ['x']
    """
    found = {atom for atom in expression.atoms(SpatialDerivative) if not atom.is_field}
    outside = expression.xreplace({atom: sp.Integer(1) for atom in found})
    derivatives = {atom.short for atom in outside.atoms(SpatialDerivative)}
    return sorted(derivatives or set(map(str, outside.free_symbols - set(numbers))))


def side_names() -> dict[str, Any]:
    """The words ``left`` and ``right``."""
    return {side: sp.Symbol(side) for side in SIDES}


def integral_operator(expression: Expression, axis: Any, variable: Any, values: Mapping[Any, Any]) -> Expression:
    """The integral of an expression over a variable of integration, which runs over the axis.

    Parameters
    ----------
    expression : sympy expression
        In the axis, the variable, and the symbols that stand for states there.
    axis, variable : Symbol
    values : mapping of Symbol to Symbol
        The states, by the symbols that stand for their values at the variable.

    Raises
    ------
    ExpressionError
        It is not a sum of products of a function of (axis, variable) and one of states at the variable.
    """
    total: Any = sp.Integer(0)
    for term in sp.Add.make_args(sp.expand_mul(expression)):
        outside, kernel, inside = sp.Integer(1), sp.Integer(1), sp.Integer(1)
        for factor in sp.Mul.make_args(term):
            if not factor.has(variable, *values):
                outside *= factor
            elif not factor.has(*values):
                kernel *= factor
            elif not factor.free_symbols & {axis, *values.values()}:
                inside *= factor
            else:
                raise ExpressionError(
                    f"{factor} mixes {axis} with values at {variable}; an integral over {variable} takes products of a function of "
                    f"({axis}, {variable}) and one of the unknowns at {variable}"
                )
        operand = inside.xreplace({**values, variable: axis})
        total += outside * IntegralOperator(operand, kernel, variable)
    return total
