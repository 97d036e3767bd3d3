"""Equations as people write them, for the terminal."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.printing.pretty.pretty import PrettyPrinter
from sympy.printing.pretty.pretty_symbology import pretty_symbol
from sympy.printing.pretty.stringpict import prettyForm, stringPict

from pdekit.language.delays import Delayed
from pdekit.language.equation_system import EquationSystem
from pdekit.language.reductions import IntegralOperator, Reduction
from pdekit.language.symbols import Diff, Flux
from pdekit.typing import Expression


class _Typesetter(PrettyPrinter):
    """SymPy's two-dimensional printer with the derivatives of the language, all of them partial."""

    def _print_Diff(self, atom: Diff) -> Expression:
        pairs = [(atom.args[i], int(atom.args[i + 1])) for i in range(1, len(atom.args), 2)]
        return self._derivative(self._print(atom.operand), pairs, atom.operand.is_Atom)

    def _print_Flux(self, atom: Flux) -> Expression:
        slope, k, q = Diff(atom.operand, atom.args[2], 1), atom.coefficient, atom.args[2]
        m, s = atom.args[3:] if atom.curved else (sp.Integer(1), sp.Integer(1))
        if m * k == 1:
            body = self._derivative(self._print(atom.operand), [(q, 2)], atom.operand.is_Atom)
        else:
            body = self._derivative(self._print(sp.Mul(m * k, slope, evaluate=False)), [(q, 1)], False)
        if m * s == 1:
            return body
        form = prettyForm(*self._print(1 / (m * s)).right("⋅"))
        form = prettyForm(*form.right(body))
        form.binding = prettyForm.MUL
        return form

    def _print_Reduction(self, atom: Reduction) -> Expression:
        operand = self._print(atom.operand)
        if atom.kind in ("at", "face"):
            where = ", ".join(f"{p:g}" if isinstance(p, float) else p for p in atom.place)
            body = operand if atom.operand.is_Atom else prettyForm(*operand.parens())
            return prettyForm(*body.right(f"({where})"))
        return prettyForm(*prettyForm(*operand.parens()).left(atom.kind))

    def _print_IntegralOperator(self, atom: IntegralOperator) -> Expression:
        s, w = atom.variable, atom.operand
        inside = atom.kernel * (sp.Function(str(w))(s) if w.is_Symbol else w)
        return self._print(sp.Integral(inside, s))

    def _print_Derivative(self, derivative: Expression) -> Any:
        pairs = [(variable, int(count)) for variable, count in derivative.variable_count]
        return self._derivative(self._print(derivative.expr), pairs, derivative.expr.is_Atom)

    def _derivative(self, body: Expression, pairs: list[tuple[Any, int]], plain: bool) -> Any:
        def power(base: str, exponent: int) -> Expression:
            form = prettyForm(base)
            return form ** prettyForm(str(exponent)) if exponent > 1 else form

        below: Any = None
        for variable, count in pairs:
            form = power(f"∂{pretty_symbol(str(variable))}", count)
            below = form if below is None else prettyForm(*prettyForm(*below.right(" ")).right(form))
        fraction = power("∂", sum(count for _, count in pairs))
        fraction = prettyForm(*fraction.below(stringPict.LINE, below))
        fraction.baseline += 1
        body = prettyForm(*body.left(" ")) if plain else prettyForm(*body.parens())
        result = prettyForm(*stringPict.next(fraction, body))
        result.binding = prettyForm.MUL
        return result


def typeset(system: EquationSystem) -> str:
    """The equations of a system in two-dimensional notation.

    Examples
    --------
    >>> from pdekit.language.pde import PDE
    >>> print("\\n".join(line.rstrip() for line in typeset(PDE("u_t = D*u_x", parameters={"D": 1}).bind(("x",))).splitlines()))
    ∂        ∂
    ── u = D⋅── u
    ∂t       ∂x
    """
    printer = _Typesetter({"use_unicode": True, "wrap_line": False})
    lines = []
    shown: dict[Any, Any] = {}
    for unknown in system.unknowns:
        if not unknown.derived_from:
            times = range(1, 1 + sum(u.time_order for u in system.unknowns if system.origin(u) is unknown))
            derivatives = {k: sp.Derivative(unknown.symbol, (system.t, k), evaluate=False) for k in times}
            shown |= {sp.Symbol(unknown.rate_name(k)): derivative for k, derivative in derivatives.items()}
    for unknown in system.unknowns:
        left: Any = sp.Integer(0)
        if unknown.time_order:
            left = unknown.highest_rate if unknown.on_rates is None else sp.expand_mul(unknown.on_rates)
        if not unknown.is_last:
            continue
        right = sp.expand_mul(unknown.rhs)
        right = right.xreplace({f: sp.Function(type(f).unknown)(type(f).when) for f in right.atoms(Delayed)})
        numbers = {term.number for term in system.noises}
        for term in system.noises:
            if term.unknown == unknown.name:
                name = "xi" if len(numbers) == 1 else f"xi_{term.number + 1}"
                arguments = () if term.length == float("inf") else system.axes
                right += term.amplitude * sp.Function(name)(*arguments, system.t)
        lines.append(printer.doprint(sp.Eq(left.xreplace(shown), right.xreplace(shown), evaluate=False)))
    for symbol, expression in system.definitions.items():
        lines.append(printer.doprint(sp.Eq(symbol, expression, evaluate=False)))
    return "\n\n".join(lines)
