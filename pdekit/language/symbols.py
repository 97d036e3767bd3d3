"""Derivatives as symbols that stay what they are until they are discretized.

``Diff(w, x, 2)`` is a derivative of `w`, ``Flux(k, w, x)`` is ``d/dx (k dw/dx)``, and on curved coordinates
``Flux(k, w, q, m, s)`` is ``(1/(s m)) d/dq (m k dw/dq)``, one part of ``div(k*grad(w))``. They are not SymPy's own
derivatives, because SymPy would expand ``d/dx (k du/dx)`` by the product rule, and the discrete conservation
of mass would be gone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sympy as sp

from pdekit.language.evaluate import slope, true_derivative
from pdekit.typing import Expression


class SpatialDerivative(sp.Function):
    """A derivative in space: what the rest of the package asks of it, whichever it is."""

    scheme: str | None = None  # by which it is discretized, if not by the rule
    in_flux_form = False
    is_linear = True  # in what is differentiated
    is_measured = False  # stands in a number made of a field only
    is_field = True  # rather than a number made of a field

    @property
    def operand(self) -> Any:
        """What is differentiated."""
        return self.args[0]

    @property
    def counts(self) -> dict[str, int]:
        """How often along each axis."""
        raise NotImplementedError

    @property
    def short(self) -> str:
        """How it is written in short: ``u_xx``."""
        return f"{self.operand}_{''.join(axis * n for axis, n in self.counts.items())}"

    @property
    def factor_in_front(self) -> Any:
        """The factor of the highest derivative that stands in it: k of ``d/dx (k du/dx)``."""
        return sp.Integer(1)

    def lowered(self, functions: Mapping[Any, Any]) -> Any:
        """The true derivative, unknowns replaced by given functions of the coordinates."""
        raise NotImplementedError

    @property
    def is_even(self) -> bool:
        """Whether it is an even derivative, which is real and of one sign on waves."""
        return sum(self.counts.values()) % 2 == 0


class Diff(SpatialDerivative):
    """``Diff(w, x, n, y, m, ...)``: the derivative of `w`, n times along x, m times along y."""

    @property
    def counts(self) -> dict[str, int]:
        return {str(self.args[i]): int(self.args[i + 1]) for i in range(1, len(self.args), 2)}

    def lowered(self, functions: Mapping[Any, Any]) -> Any:
        result = lower(self.operand, functions)
        for axis, n in self.counts.items():
            result = sp.diff(result, sp.Symbol(axis), n)
        return result


class Measured(Diff):
    """A derivative that is looked at rather than solved with: boundary rows of the full order, as for derivatives of data."""

    is_measured = True


class OnFace(Diff):
    """A derivative that stands in the data of a condition: closed one-sided at the full order, for conditions must not ask for each other."""

    is_measured = True


def on_face(expression: Expression) -> Expression:
    """The same with derivatives as they stand in conditions; numbers made of fields see to their own."""
    if isinstance(expression, SpatialDerivative):
        return OnFace(*expression.args) if type(expression) is Diff else expression
    if not expression.args:
        return expression
    return expression.func(*(on_face(argument) for argument in expression.args))


def measured(expression: Expression) -> Expression:
    """The same with derivatives that are looked at only; numbers made of fields see to their own."""
    if isinstance(expression, SpatialDerivative):
        return Measured(*expression.args) if type(expression) is Diff else expression
    if not expression.args:
        return expression
    return expression.func(*(measured(argument) for argument in expression.args))


class Flux(SpatialDerivative):
    """``Flux(k, w, x)``: ``d/dx (k dw/dx)`` in conservative form; ``Flux(k, w, q, m, s)``: ``(1/(s m)) d/dq (m k dw/dq)``.

    m is the weight of the axis in the volume element, s the square of its scale factor.
    """

    in_flux_form = True

    @property
    def coefficient(self) -> Any:
        return self.args[0]

    @property
    def operand(self) -> Any:
        return self.args[1]

    @property
    def axis(self) -> str:
        return str(self.args[2])

    @property
    def counts(self) -> dict[str, int]:
        return {self.axis: 2}

    @property
    def factor_in_front(self) -> Any:
        return self.coefficient

    @property
    def curved(self) -> bool:
        return len(self.args) > 3

    def lowered(self, functions: Mapping[Any, Any]) -> Any:
        k, w, x = lower(self.args[0], functions), lower(self.args[1], functions), self.args[2]
        m, s = self.args[3:] if self.curved else (sp.Integer(1), sp.Integer(1))
        return sp.diff(m * k * sp.diff(w, x), x) / (m * s)


def local_derivatives(expression: Expression) -> set[Any]:
    """All derivatives of an expression, those in other derivatives too, but none that is part of a number of a field."""
    if isinstance(expression, SpatialDerivative) and not expression.is_field:
        return set()
    found = {expression} if isinstance(expression, SpatialDerivative) else set()
    return found.union(*(local_derivatives(argument) for argument in expression.args))


def spatial_derivatives(expression: Expression) -> set[Any]:
    """The outermost derivatives of an expression."""
    if isinstance(expression, SpatialDerivative):
        return {expression}
    found: set[Any] = set()
    for argument in expression.args:
        found |= spatial_derivatives(argument)
    return found


def differentiate(
    expression: Expression, axis: Any, n: int, axes: Collection[Any], states: Collection[Any]
) -> Expression:
    """The n-th derivative of an expression along an axis, in the atoms above.

    Linear: sums are split and constants taken out, so that a derivative of an unknown is recognised wherever it
    stands and takes that unknown's boundary conditions. What contains no unknown is differentiated exactly.

    Parameters
    ----------
    expression : sympy expression
    axis : Symbol
        Along which coordinate.
    n : int
        How often.
    axes : collection of Symbol
        All coordinates, in the grid's order.
    states : collection of Symbol
        Unknowns, their rates and definitions that have conditions of their own.
    """
    if n == 0:
        return expression
    numbers = {atom: sp.Dummy() for atom in expression.atoms(SpatialDerivative) if not atom.is_field}
    if numbers:
        found = differentiate(expression.xreplace(numbers), axis, n, axes, states)
        return found.xreplace({dummy: atom for atom, dummy in numbers.items()})
    expression = sp.expand_mul(expression)
    coefficients, others = gradient_terms(expression, axis, states)
    if coefficients:
        # The whole coefficient of a gradient stays together: its harmonic mean is not the sum of its parts' means.
        fluxes = [_flux(k, w, axis, axes, states) for w, k in coefficients.items()]
        total = sp.Add(*(differentiate(flux, axis, n - 1, axes, states) for flux in fluxes))
        return total + sp.Add(*(differentiate(term, axis, n, axes, states) for term in others))
    if expression.is_Add:
        return sp.Add(*(differentiate(term, axis, n, axes, states) for term in expression.args))
    constant, rest = expression.as_independent(*axes, *states, *spatial_derivatives(expression), as_Add=False)
    if rest == 1:
        return sp.Integer(0)
    if not rest.has(SpatialDerivative) and not (rest.free_symbols & set(states)):
        return constant * true_derivative(rest, axis, n)
    if rest in states:
        return constant * Diff(rest, axis, n)
    if isinstance(rest, Diff):
        return constant * _raise(rest, axis, n, axes)
    if n >= 2 and not rest.has(SpatialDerivative):
        return constant * differentiate(_chain(rest, axis, axes, states), axis, n - 2, axes, states)
    return constant * Diff(rest, axis, n)


def _raise(atom: Diff, axis: Any, n: int, axes: Collection[Any]) -> Expression:
    """One derivative more of a derivative: counts add up, axes in the grid's order."""
    counts = atom.counts
    counts[str(axis)] = counts.get(str(axis), 0) + n
    pairs = [entry for a in axes if str(a) in counts for entry in (a, sp.Integer(counts[str(a)]))]
    return Diff(atom.operand, *pairs)


def gradient_terms(expression: Expression, axis: Any, states: Collection[Any]) -> tuple[dict[Any, Any], list[Any]]:
    """Split a sum into coefficients k of ``k dw/dx``, by state w, and the other terms."""
    coefficients: dict[Any, Any] = {}
    others = []
    for term in sp.Add.make_args(expression):
        for factor in sp.Mul.make_args(term):
            if isinstance(factor, Diff) and factor.counts == {str(axis): 1} and factor.operand in states:
                coefficients[factor.operand] = coefficients.get(factor.operand, 0) + term / factor
                break
        else:
            others.append(term)
    return coefficients, others


def _flux(k: Any, w: Any, axis: Any, axes: Collection[Any], states: Collection[Any]) -> Any:
    """``d/dx (k dw/dx)``: flux form, or a plain second derivative if k is constant in space."""
    if k.has(SpatialDerivative) or k.free_symbols & {*axes, *states}:
        return Flux(k, w, axis)
    return k * Diff(w, axis, 2)


def _chain(expression: Expression, axis: Any, axes: Collection[Any], states: Collection[Any]) -> Expression:
    """The second derivative of g(u, v, x) as ``sum d/dx (g_u du/dx) + d/dx g_x``: conservative, and with the
    unknowns' own conditions."""
    total: Any = sp.Integer(0)
    for state in sorted(expression.free_symbols & set(states), key=str):
        total += differentiate(slope(expression, state) * Diff(state, axis, 1), axis, 1, axes, states)
    explicit = slope(expression, axis)
    if explicit != 0:
        total += differentiate(explicit, axis, 1, axes, states)
    return total


def lower(expression: Expression, functions: Mapping[Any, Any]) -> Expression:
    """Replace unknowns by given functions of the coordinates, and every atom by its true derivative.

    This is what manufactured solutions and residuals of exact solutions are made of.
    """
    if isinstance(expression, SpatialDerivative):
        return expression.lowered(functions)
    if expression in functions:
        return functions[expression]
    if not expression.args:
        return expression
    return expression.func(*(lower(argument, functions) for argument in expression.args))
