"""Equations that are nonlinear in first derivatives and hold no higher ones (Hamilton-Jacobi): their solutions form kinks.

References
----------
M. G. Crandall, P.-L. Lions, *Viscosity Solutions of Hamilton-Jacobi Equations*, Trans. AMS 277 (1983).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sympy as sp

from pdekit.language.analysis import depends, factor_of
from pdekit.language.equation_system import EquationSystem, Unknown
from pdekit.language.symbols import local_derivatives
from pdekit.typing import Expression

DIFFUSION = 0.01  # that is named as an example


def notes_on_kinks(system: EquationSystem) -> list[str]:
    """Which equations form kinks that differences do not carry, and what helps, in words.

    Examples
    --------
    >>> import pdekit as pk
    >>> for words in notes_on_kinks(pk.PDE("u_t = -0.5*u_x**2").bind(("x",))):
    ...     print(words)
    u_t is nonlinear in u_x without diffusion (Hamilton-Jacobi): such solutions form kinks, which central differences do not carry; a small diffusion, + 0.01*u_xx, rounds them off, and the conservation law of p = u_x, p_t = d(-p**2/2, x), takes advection: weno5
    >>> notes_on_kinks(pk.PDE("u_t = -0.5*u_x**2 + 0.01*u_xx").bind(("x",)))
    []
    """
    found = []
    for unknown in system.unknowns:
        derivatives = local_derivatives(unknown.rhs)
        if unknown.time_order != 1 or unknown.is_scalar or unknown.on_rates is not None:
            continue
        if any(sum(d.counts.values()) != 1 or d.operand != unknown.symbol for d in derivatives):
            continue
        steep = {d for d in derivatives if factor_of(unknown.rhs, d).has(*derivatives)}
        if steep:
            found.append(_words(unknown, {next(iter(d.counts)): d for d in steep}, system.states))
    return found


def _words(unknown: Unknown, steep: dict[str, Any], states: Collection[Any]) -> str:
    name, axes = unknown.name, sorted(steep)
    slopes = ", ".join(f"{name}_{axis}" for axis in axes)
    diffusion = " ".join(f"+ {DIFFUSION:g}*{name}_{axis}{axis}" for axis in axes)
    return (
        f"{name}_t is nonlinear in {slopes} without diffusion (Hamilton-Jacobi): such solutions form kinks, which central differences "
        f"do not carry; a small diffusion, {diffusion}, rounds them off{_law_of_slope(unknown, steep, states)}"
    )


def _law_of_slope(unknown: Unknown, steep: dict[str, Any], states: Collection[Any]) -> str:
    """The conservation law that the slope satisfies, where the unknown itself does not occur."""
    p = sp.Symbol("p")
    (axis, derivative), *others = steep.items()
    flux: Expression = unknown.rhs.xreplace({derivative: p})
    if others or depends(flux, states) or p in unknown.rhs.free_symbols:
        return ""
    flux = flux.replace(sp.Abs, sp.Function("abs"))
    return f", and the conservation law of p = {unknown.name}_{axis}, p_t = d({flux}, {axis}), takes advection: weno5"
