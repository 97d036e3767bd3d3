"""Dimensions of expressions: what is added, compared or set equal must agree, what stands in a function must be a number.

Dimensions that are not given are unknowns: every demand is a linear equation for exponents, and is used to find one of them.

References
----------
A. Kennedy, *Dimension Types*, ESOP 1994, LNCS 788, 348-362: unification in the Abelian group of dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.functions.elementary.integers import RoundFunction
from sympy.logic.boolalg import BooleanFunction

from pdekit.errors import ExpressionError
from pdekit.language.data_functions import DataFunction
from pdekit.language.delays import Delayed
from pdekit.language.evaluate import evaluate_number
from pdekit.language.reductions import IntegralOperator, Reduction
from pdekit.language.symbols import SpatialDerivative
from pdekit.typing import Expression
from pdekit.units.dimension import NUMBER, Dimension

LONGEST_SHOWN = 80
SAME_AS_ARGUMENT = (sp.Abs, sp.re, sp.im, sp.conjugate)
OF_ANYTHING = (sp.sign, sp.Heaviside)  # a number, whatever the dimension of the first argument


class DimensionalAnalysis:
    """The dimensions of symbols, and of what is made of them.

    Parameters
    ----------
    known : mapping of str to Dimension
        Of symbols; all others are to be found.
    axes : mapping of str to Dimension
        Of the coordinates.
    volume : Dimension
        Of the volume element.
    values : mapping of Symbol to number
        Of parameters that stand in exponents.
    spelled : callable of Dimension
        How a dimension is told: its unit.

    Examples
    --------
    >>> length, time = Dimension.of({"[length]": 1}), Dimension.of({"[time]": 1})
    >>> analysis = DimensionalAnalysis({"x": length, "t": time}, {"x": length}, length)
    >>> from pdekit.language.pde import PDE
    >>> rhs = PDE("u_t = D*u_xx", parameters={"D": 1}).bind(("x",)).unknowns[0].rhs
    >>> analysis.equate(analysis.of(rhs), Dimension.named("u") / time, lambda: "")
    >>> str(analysis.found("D"))
    '[length]**2/[time]'
    """

    def __init__(
        self,
        known: Mapping[str, Dimension],
        axes: Mapping[str, Dimension],
        volume: Dimension,
        values: Mapping[Any, Any] | None = None,
        spelled: Callable[[Dimension], str] = str,
    ) -> None:
        self._known, self.axes, self.volume = dict(known), dict(axes), volume
        self.values, self._spelled = dict(values or {}), spelled

    def found(self, name: str) -> Dimension | None:
        """The dimension of a symbol, in which others may be open; None if nothing is known of it."""
        known = self._known.get(name)
        if known is None or not known.open:
            return known
        resolved = known.with_found(self.found)
        self._known[name] = resolved
        return resolved

    def resolved(self, dimension: Dimension) -> Dimension:
        """With all that has been found until now."""
        return dimension.with_found(self.found) if dimension.open else dimension

    def equate(self, one: Dimension | None, other: Dimension | None, told: Callable[[], str]) -> None:
        """Demand that two dimensions are the same; None is that of zero, which has any.

        Raises
        ------
        ExpressionError
            They are not; `told` says of what.
        """
        if one is None or other is None:
            return
        ratio = self.resolved(one / other)
        if ratio.is_number:
            return
        if not ratio.open:
            raise ExpressionError(told())
        name = ratio.open[0]
        power = ratio.powers[name]
        self._known[name] = Dimension.named(name) / ratio ** (1 / power)

    def spelled(self, dimension: Dimension | None) -> str:
        """How a dimension is told."""
        if dimension is None:
            return "0"
        found = self.resolved(dimension)
        if found.is_number:
            return "a number"
        return f"in {self._spelled(found)}" if not found.open else f"of the dimension {found}"

    # -------------------------------------------------------------------------------------- expressions

    def of(self, expression: Expression) -> Dimension | None:
        """The dimension of an expression; None of zero.

        Raises
        ------
        ExpressionError
            Its parts do not fit each other.
        """
        if expression.is_number:
            return None if expression == 0 else NUMBER
        if expression.is_Symbol:
            return self.resolved(Dimension.named(str(expression)))
        if isinstance(expression, SpatialDerivative):
            return self._of_derivative(expression)
        for kind, rule in self._rules:
            if isinstance(expression, kind):
                return rule(self, expression)
        for argument in expression.args:
            self._demand_number(argument, f"in {type(expression).__name__}(...)")
        return NUMBER

    def agreement(self, terms: list[tuple[Expression, Dimension | None]]) -> Dimension | None:
        """The dimension that all terms have, of those that are not zero.

        Raises
        ------
        ExpressionError
            One has another.
        """
        first, common = None, None
        for term, dimension in terms:
            if dimension is None:
                continue
            if common is None:
                first, common = term, dimension
                continue
            self.equate(dimension, common, lambda a=(first, common), b=(term, dimension): self._disagreement(a, b))  # type: ignore[misc]
        return common

    def _disagreement(
        self, one: tuple[Expression, Dimension | None], other: tuple[Expression, Dimension | None]
    ) -> str:
        words = f"{written(other[0])} is {self.spelled(other[1])}, but {written(one[0])} is {self.spelled(one[1])}"
        for (term, _), (_, wanted) in ((one, other), (other, one)):
            if getattr(term, "is_number", False) and wanted is not None:
                return f"{words}; give the number a name and a unit, as a parameter"
        return words

    def _of_sum(self, expression: Expression) -> Dimension | None:
        return self.agreement([(term, self.of(term)) for term in expression.args])

    def _of_product(self, expression: Expression) -> Dimension | None:
        total = NUMBER
        for factor in expression.args:
            own = self.of(factor)
            if own is None:
                return None
            total = total * own
        return total

    def _of_power(self, expression: Expression) -> Dimension | None:
        base, exponent = expression.args
        own = self.of(base)
        if own is None:
            return None
        if not exponent.is_number:
            self._demand_number(exponent, f"in the exponent of {written(base)}")
        if self.resolved(own).is_number:
            return NUMBER
        if not exponent.free_symbols <= self.values.keys():
            self.equate(
                own, NUMBER, lambda: f"{written(expression)}: {written(base)} is {self.spelled(own)}; its power changes"
            )
            return NUMBER
        power = complex(evaluate_number(exponent, {s: self.values[s] for s in exponent.free_symbols}))
        if power.imag:
            self.equate(own, NUMBER, lambda: f"{written(expression)}: {written(base)} is {self.spelled(own)}")
            return NUMBER
        return own**power.real

    def _of_derivative(self, symbol: Any) -> Dimension | None:
        operand = self.of(symbol.operand)
        if isinstance(symbol, Reduction):
            return self._of_reduction(symbol, operand)
        if operand is None:
            return None
        if isinstance(symbol, IntegralOperator):
            (axis,) = self.axes.values()  # integral operators are for one axis
            self._known.setdefault(str(symbol.variable), axis)
            kernel = self.of(symbol.kernel)
            return None if kernel is None else operand * kernel * axis
        total = operand
        for axis, count in symbol.counts.items():
            total = total / self.axes[axis] ** count
        factor = self.of(symbol.factor_in_front)
        if factor is None:
            return None
        if symbol.in_flux_form and symbol.curved:
            scale = self.of(symbol.args[4])
            assert scale is not None
            total = total / scale
        return total * factor

    def _of_reduction(self, symbol: Reduction, operand: Dimension | None) -> Dimension | None:
        if operand is None or symbol.kind not in ("integral", "face"):
            return operand
        if symbol.kind == "integral":
            return operand * self.volume
        across = str(symbol.place[0])
        for name, axis in self.axes.items():
            if name != across:
                operand = operand * axis
        return operand

    def _of_pieces(self, expression: Expression) -> Dimension | None:
        for _, condition in expression.args:
            self._compare(condition)
        return self.agreement([(piece, self.of(piece)) for piece, _ in expression.args])

    def _compare(self, condition: Any) -> None:
        for relation in condition.atoms(sp.core.relational.Relational):
            self.agreement([(side, self.of(side)) for side in relation.args])

    def _of_undefined(self, expression: Expression) -> Dimension:
        return self.resolved(Dimension.named(type(expression).__name__))

    def _of_delayed(self, expression: Expression) -> Dimension:
        """That of the unknown; the delay, which is taken from t, is a time."""
        self.of(type(expression).when)
        return self.resolved(Dimension.named(type(expression).unknown))

    def _of_true_derivative(self, expression: Expression) -> Dimension | None:
        total = self.of(expression.expr)
        for variable, count in expression.variable_count:
            own = self.of(variable)
            if total is None or own is None:
                return None
            total = total / own ** int(count)
        return total

    def _of_same(self, expression: Expression) -> Dimension | None:
        return self.of(expression.args[0])

    def _of_any(self, expression: Expression) -> Dimension:
        self.of(expression.args[0])
        return NUMBER

    def _of_angle(self, expression: Expression) -> Dimension:
        self.agreement([(a, self.of(a)) for a in expression.args])
        return NUMBER

    def _demand_number(self, argument: Expression, where: str) -> None:
        if isinstance(argument, BooleanFunction | sp.core.relational.Relational):
            self._compare(argument)
            return
        own = self.of(argument)
        self.equate(
            own, NUMBER, lambda: f"{written(argument)} is {self.spelled(own)} where a number is needed, {where}"
        )

    _rules: tuple[tuple[Any, Any], ...] = (
        (sp.Add, _of_sum),
        (sp.Mul, _of_product),
        (sp.Pow, _of_power),
        (sp.Piecewise, _of_pieces),
        (sp.Max, _of_sum),
        (sp.Min, _of_sum),
        (SAME_AS_ARGUMENT, _of_same),
        (OF_ANYTHING, _of_any),
        (sp.atan2, _of_angle),
        (sp.Derivative, _of_true_derivative),
        (Delayed, _of_delayed),
        ((AppliedUndef, DataFunction), _of_undefined),
        (RoundFunction, lambda analysis, e: analysis._of_floor(e)),
    )

    def _of_floor(self, expression: Expression) -> Dimension:
        self._demand_number(expression.args[0], f"in {type(expression).__name__}(...)")
        return NUMBER


def written(expression: Expression) -> str:
    """An expression as people write it, shortened."""
    if not isinstance(expression, sp.Basic):
        return str(expression)
    names = {atom: sp.Symbol(_written_derivative(atom)) for atom in expression.atoms(SpatialDerivative)}
    names |= {atom: sp.Symbol(type(atom).__name__) for atom in expression.atoms(AppliedUndef, DataFunction)}
    text = str(expression.xreplace(names))
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]} ..."


def _written_derivative(atom: Any) -> str:
    if not atom.in_flux_form:
        return (
            str(atom.short)
            if atom.operand.is_Atom or not atom.counts
            else f"d({atom.operand}, {', '.join(atom.counts)})"
        )
    axis = next(iter(atom.counts))
    return f"d({written(atom.factor_in_front)}*{atom.operand}_{axis}, {axis})"
