"""First derivatives of equations as conservation laws: ``u_t = - d/dx F(u, x, t) + ...``, F the physical flux.

``-d(u**2/2, x)`` is one as it stands; ``-u*u_x`` becomes one by the antiderivative of its factor, ``a(x)*u_x`` by the product rule.
With a capacity, ``c(u)*u_t = ...``, what is conserved is its antiderivative C(u): shocks move at ``[F]/[C]``, not at the speed that
the equation divided by c has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sympy as sp

from pdekit.errors import ConfigError
from pdekit.language.equation_system import EquationSystem, Unknown
from pdekit.language.evaluate import slope
from pdekit.language.symbols import Diff, SpatialDerivative, lower, spatial_derivatives
from pdekit.typing import Expression


class ConvectiveFlux(SpatialDerivative):
    """``ConvectiveFlux(F, x, scheme, (u, v), (F, G))``: ``dF/dx`` by a limited scheme; all states that are carried, and their fluxes.

    Two arguments more where they say something: the splitting of systems, and what is to stay positive, with its floors.
    """

    is_linear = False
    in_flux_form = True

    @property
    def operand(self) -> Expression:
        return self.args[0]

    @property
    def axis(self) -> str:
        return str(self.args[1])

    @property
    def scheme(self) -> str:  # type: ignore[override]
        return str(self.args[2])

    @property
    def states(self) -> tuple[Any, ...]:
        """The unknowns whose equations have fluxes along the axis."""
        return tuple(self.args[3])

    @property
    def fluxes(self) -> tuple[Any, ...]:
        """Their fluxes."""
        return tuple(self.args[4])

    @property
    def by_characteristics(self) -> bool:
        """Whether a system is split by the eigenvectors of its flux Jacobian."""
        return len(self.args) > 5 and str(self.args[5]) == "characteristic"

    @property
    def positive(self) -> tuple[tuple[Any, float], ...]:
        """What is to stay positive, and what counts as zero."""
        return tuple((e, float(floor)) for e, floor in self.args[6]) if len(self.args) > 6 else ()

    @property
    def counts(self) -> dict[str, int]:
        return {self.axis: 1}

    def lowered(self, functions: Mapping[Any, Any]) -> Expression:
        return sp.diff(lower(self.operand, functions), sp.Symbol(self.axis))


def with_convective_fluxes(
    system: EquationSystem,
    scheme: str,
    splitting: str = "components",
    positive: Sequence[tuple[Expression, float]] = (),
) -> EquationSystem:
    """The equations with their first derivatives as conservative fluxes of a scheme.

    Parameters
    ----------
    system : EquationSystem
    scheme : str
    splitting : {"components", "characteristic"}
        How systems are reconstructed.
    positive : sequence of (expression, number)
        What is to stay positive, and what counts as zero.

    Raises
    ------
    ConfigError
        There is none, or one that is not the derivative of a flux.

    Examples
    --------
    >>> from pdekit.language.pde import PDE
    >>> burgers = PDE("u_t = 0.1*u_xx - u*u_x").bind(("x",))
    >>> with_convective_fluxes(burgers, "weno5").unknowns[0].rhs
    Diff(u, x, 2)/10 - ConvectiveFlux(u**2/2, x, weno5, (u,), (u**2/2,))
    """
    system = replace(system, unknowns=tuple(_conserved(u, system) for u in system.unknowns))
    rests = {u.name: u.rhs for u in system.unknowns}
    more: list[Any] = [] if splitting == "components" and not positive else [sp.Symbol(splitting)]
    if positive:
        more.append(sp.Tuple(*(sp.Tuple(e, sp.Float(floor)) for e, floor in positive)))
    for axis in system.axes:
        fluxes = {}
        for unknown in system.unknowns:
            flux, rest = _split(system, unknown, rests[unknown.name], axis)
            if flux != 0:
                fluxes[unknown.symbol], rests[unknown.name] = flux, rest
        carried = dict(fluxes)
        for state in system.states:  # others that the fluxes depend on have none of their own
            if state not in carried and any(flux.has(state) for flux in fluxes.values()):
                carried[state] = sp.Integer(0)
        both = sp.Tuple(*carried), sp.Tuple(*carried.values())
        for state, flux in fluxes.items():
            rests[str(state)] -= ConvectiveFlux(flux, axis, sp.Symbol(scheme), *both, *more)
    if not any(rest.has(ConvectiveFlux) for rest in rests.values()):
        raise ConfigError(
            "there is no first derivative in equations of first order in time", key="discretization.advection"
        )
    return replace(system, unknowns=tuple(replace(u, rhs=rests[u.name]) for u in system.unknowns))


def _conserved(unknown: Unknown, system: EquationSystem) -> Unknown:
    """An equation ``c(u)*u_t = ...`` with first derivatives as one for its content, the antiderivative of c."""
    symbol, c, states = unknown.symbol, unknown.capacity, set(system.states)
    is_carried = any(1 in atom.counts.values() for atom in spatial_derivatives(unknown.rhs))
    if unknown.time_order != 1 or not c.free_symbols & states or not is_carried:
        return unknown
    if (
        c.free_symbols & (states - {symbol})
        or c.has(system.t)
        or len([u for u in system.unknowns if not u.is_scalar]) > 1
    ):
        raise ConfigError(
            f"({c})*{symbol}_t: shocks need the quantity that is conserved, which is not {symbol} but has this rate; take it for the unknown",
            key="discretization.advection",
        )
    content = sp.integrate(c, symbol)
    elementary = all(type(f).__module__.startswith("sympy.functions.elementary") for f in content.atoms(sp.Function))
    if content.has(sp.Integral) or not elementary:
        raise ConfigError(
            f"({c})*{symbol}_t: shocks need the quantity that is conserved, the integral of {c} by {symbol}, of which no formula was "
            "found; take it for the unknown",
            key="discretization.advection",
        )
    rhs = sp.Add(*(term * c for term in sp.Add.make_args(unknown.rhs)))
    return replace(unknown, rhs=rhs, content=content)


def _split(
    system: EquationSystem, unknown: Unknown, rhs: Expression, axis: Expression
) -> tuple[Expression, Expression]:
    """The flux along an axis, and everything else."""
    flux, rest = sp.Integer(0), sp.Integer(0)
    for term in sp.Add.make_args(sp.expand_mul(rhs)):
        atoms = [a for a in spatial_derivatives(term) if isinstance(a, Diff) and a.counts == {str(axis): 1}]
        if not atoms or unknown.time_order != 1:
            rest += term
            continue
        own, source = _as_flux(system, term, atoms, axis)
        flux, rest = flux - own, rest + source
    return flux, rest


def _as_flux(
    system: EquationSystem, term: Expression, atoms: list[Any], axis: Expression
) -> tuple[Expression, Expression]:
    """A term as ``d/dx own + source``."""
    states, others = set(system.states), spatial_derivatives(term) - set(atoms)
    if len(atoms) == 1 and not others:
        (atom,) = atoms
        factor = slope(term.xreplace({atom: (dummy := sp.Dummy())}), dummy)
        used = factor.free_symbols & states
        if not factor.has(dummy) and not used:
            return factor * atom.operand, -slope(factor, axis) * atom.operand
        if not factor.has(dummy) and used == {atom.operand} and not factor.has(axis):
            own = sp.integrate(factor, atom.operand)
            if not own.has(sp.Integral):
                return own, sp.Integer(0)
    raise ConfigError(
        f"{term} is not the derivative of a flux; write the equation with d(f, {axis}), f the flux, or leave the scheme out",
        key="discretization.advection",
    )
