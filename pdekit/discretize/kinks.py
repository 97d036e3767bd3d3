"""Equations whose solutions have kinks.

Those that are nonlinear in first derivatives and hold no higher ones (Hamilton-Jacobi), and diffusion that sets in where an unknown
passes a value (melting by its enthalpy).

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
from pdekit.language.symbols import local_derivatives, spatial_derivatives
from pdekit.typing import Expression

DIFFUSION = 0.01  # that is named as an example
JUMPING = (sp.Piecewise, sp.Heaviside, sp.sign, sp.floor, sp.ceiling)
KINKED = (*JUMPING, sp.Max, sp.Min, sp.Abs)


def has_kinked_diffusion(system: EquationSystem) -> bool:
    """Whether a diffusivity jumps where an unknown passes a value: each node that the front passes is then a kink in time.

    Steps are short for the kinks, not for stiffness alone: the stages of RKC2 on compiled kernels are 5 to 12 times as fast as BDF,
    Radau, ESDIRK or ROS3P, all with errors below 10 rtol (melting with 51 to 801 nodes, tolerances of 1e-4 and 1e-6).

    Examples
    --------
    >>> import pdekit as pk
    >>> [has_kinked_diffusion(pk.PDE(f"u_t = {f}").bind(("x",))) for f in ("laplace(max(u - 1, 0))", "div(u**2*grad(u))")]
    [True, False]
    >>> ice = pk.PDE("H_t = laplace(T)", definitions={"T": "max(H - 1, 0) + min(H, 0)"})
    >>> has_kinked_diffusion(ice.bind(("x",), ("T",)))
    True
    """
    return any(_jumps(part, system) for unknown in system.unknowns for part in spatial_derivatives(unknown.rhs))


def _jumps(part: Any, system: EquationSystem) -> bool:
    """Whether a derivative is a flux with a diffusivity that jumps, or the second one of a definition with a kink."""
    if part.in_flux_form:
        return any(depends(jump, system.states) for jump in part.coefficient.atoms(*JUMPING))
    if part.operand not in system.definitions or sum(part.counts.values()) < 2:
        return False
    return any(depends(kink, system.states) for kink in system.definitions[part.operand].atoms(*KINKED))


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
