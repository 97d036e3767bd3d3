"""Equations at interfaces: second derivatives across them as fluxes, whose jumps are known."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import sympy as sp

from pdekit.errors import ExpressionError
from pdekit.language.equation_system import EquationSystem, Unknown
from pdekit.language.evaluate import slope
from pdekit.language.reductions import RateReduction
from pdekit.language.symbols import Diff, Flux, local_derivatives
from pdekit.typing import Expression


def with_interface_fluxes(system: EquationSystem, crossed: Collection[tuple[Any, str]]) -> EquationSystem:
    """``a*u_xx`` with a constant as ``d/dx (a du/dx)``, for the unknowns and axes that have interfaces.

    The flux is that of the equation as it was given: of ``c*u_t = div(k*grad(u))`` it is ``k du/dx``, of ``u_t = div(k*grad(u))/c`` with
    constants it is ``k/c du/dx``.

    Raises
    ------
    ExpressionError
        Another derivative across an interface, or a second one with a factor that varies.

    Examples
    --------
    >>> from pdekit.language.pde import PDE
    >>> system = PDE("u_t = D*u_xx - u", parameters={"D": 2}).bind(("x",))
    >>> with_interface_fluxes(system, [(sp.Symbol("u"), "x")]).unknowns[0].rhs
    -u + Flux(D, u, x)
    >>> system = PDE("c*u_t = div(k*grad(u))", parameters={"c": 2, "k": 3}).bind(("x",))
    >>> with_interface_fluxes(system, [(sp.Symbol("u"), "x")]).unknowns[0].rhs
    Flux(k, u, x)/c
    """
    if not crossed:
        return system
    if any(e.has(RateReduction) for e in system.expressions):
        raise ExpressionError("integrals of time derivatives, 0 = integral(u_t), do not go with interfaces")
    unknowns = tuple(replace(u, rhs=_in_fluxes(u, crossed, set(system.parameters))) for u in system.unknowns)
    changed_system = replace(system, unknowns=unknowns)
    for expression in [*changed_system.expressions, *system.operators_on_rates]:
        for atom in local_derivatives(expression):
            refuse_across_interfaces(atom, crossed, system)
    return changed_system


def _in_fluxes(unknown: Unknown, crossed: Collection[tuple[Any, str]], constants: set[Any]) -> Expression:
    """A right-hand side with its diffusion across interfaces as fluxes over the capacity."""
    expression, capacity = unknown.rhs, unknown.capacity
    for state, name in crossed:
        axis = sp.Symbol(name)
        plain = Diff(state, axis, 2)
        fluxes = [f for f in expression.atoms(Flux) if f.operand == state and f.axis == name]
        for atom in (plain, *fluxes):
            body = sp.expand_mul(expression).xreplace({atom: (dummy := sp.Dummy())})
            if not body.has(dummy):
                continue
            factor = sp.cancel(slope(body, dummy) * capacity)
            is_constant = factor.free_symbols <= constants
            if atom == plain and not is_constant:
                raise ExpressionError(
                    f"{atom.short}: at an interface the flux must be known; write div(k*grad({state})) for {factor}*{atom.short}"
                )
            if is_constant:
                flux = Flux(factor if atom == plain else factor * atom.coefficient, state, axis)
                expression = body.xreplace({dummy: sp.Integer(0)}) + flux / capacity
    return expression


def refuse_across_interfaces(atom: Any, crossed: Collection[tuple[Any, str]], system: EquationSystem) -> None:
    """Refuse a derivative across an interface of what jumps there, unless it is a flux.

    Raises
    ------
    ExpressionError
    """
    origins = {n: system.origin(u).symbol for u in system.unknowns for n in (*u.states, str(u.highest_rate))}
    held = {origins.get(str(s), s) for s in atom.operand.free_symbols}
    for state, axis in crossed:
        is_flux = isinstance(atom, Flux) and atom.operand == state
        if state in held and atom.counts.get(axis) and not is_flux:
            raise ExpressionError(
                f"{atom.short}: {state} has an interface along {axis!r}, across which only diffusion, div(k*grad({state})), is known"
            )
        if is_flux and atom.axis == axis and atom.coefficient.free_symbols & set(system.states):
            raise ExpressionError(
                f"the coefficient {atom.coefficient} depends on the solution, which is not available where {state} has an interface"
            )
