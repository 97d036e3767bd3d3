"""Equations in symbols: unknowns, right-hand sides, definitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from pdekit.language.data_functions import DataFunction
from pdekit.language.noise import Noise, NoiseTerm
from pdekit.language.rates import rate_name
from pdekit.language.symbols import SpatialDerivative
from pdekit.typing import Expression


@dataclass(frozen=True)
class Unknown:
    """One unknown of a bound system.

    Parameters
    ----------
    name : str
    time_order : {0, 1, 2}
        0 for ``0 = ...``.
    rhs : sympy expression
        The right-hand side, in unknowns and derivative atoms.
    is_scalar : bool
        One number, rather than a field.
    on_rates : sympy expression, optional
        P of ``P(u_t) = rhs``, where rates are differentiated in space; else the rate alone.
    derived_from : str
        The unknown whose second time derivative it is, of equations of higher order in time.
    capacity : sympy expression
        c of ``c*u_t = ...`` as the equation was given, positive: what is divided by.
    content : sympy expression, optional
        C(u), where the equation is ``d/dt C(u) = rhs`` for a conserved quantity that is not the unknown itself.
    """

    name: str
    time_order: int
    rhs: Expression
    is_scalar: bool = False
    on_rates: Any = None
    derived_from: str = ""
    capacity: Any = sp.S.One
    content: Any = None

    @property
    def symbol(self) -> Any:
        return sp.Symbol(self.name)

    @property
    def rate(self) -> Any:
        """The symbol of ``u_t``."""
        return sp.Symbol(self.rate_name(1))

    @property
    def highest_rate(self) -> Any:
        """The symbol of the time derivative for which its equation is solved."""
        return sp.Symbol(self.rate_name(self.time_order))

    def rate_name(self, times: int) -> str:
        """The name of a time derivative of it."""
        return f"{self.name}{'t' * times}" if self.derived_from else rate_name(self.name, times)

    @property
    def is_last(self) -> bool:
        """Whether its equation is one that was given, rather than that its second time derivative is a further unknown."""
        return self.rhs != self.highest_rate

    @property
    def states(self) -> tuple[str, ...]:
        """The names of what a state of it holds: of second order in time its rate, too."""
        return (self.name, str(self.rate)) if self.time_order == 2 else (self.name,)


@dataclass(frozen=True)
class EquationSystem:
    """A PDE bound to named axes: symbols only, no grid.

    Parameters
    ----------
    axes : tuple of Symbol
        Coordinates in the grid's order.
    unknowns : tuple of Unknown
        In the order of their equations.
    parameters : dict of Symbol to number
        Values of the parameters.
    definitions : dict of Symbol to expression
        Definitions that carry boundary conditions of their own; all others are substituted.
    known : dict of str to expression
        Definitions free of unknowns, usable in initial states, boundary data and exact solutions.
    function : callable, optional
        The right-hand side as a Python function, instead of that of the unknowns.
    reach : int
        How many neighbours along each axis it looks at.
    noises : tuple of NoiseTerm
        What is random in the equations.
    resolved : dict of str to expression
        All definitions that are no vectors, in unknowns, coordinates and parameters.
    """

    axes: tuple[Any, ...]
    unknowns: tuple[Unknown, ...]
    parameters: dict[Any, complex | float]
    definitions: dict[Any, Any]
    known: dict[str, Any] = field(default_factory=dict)
    function: Callable[..., Any] | None = None
    reach: int = 1
    noises: tuple[NoiseTerm, ...] = ()
    resolved: dict[str, Any] = field(default_factory=dict)

    t = sp.Symbol("t")

    @property
    def substituted(self) -> dict[str, Any]:
        """Definitions that contain unknowns and no derivatives, as they stand in the equations."""
        return {
            n: e
            for n, e in self.resolved.items()
            if sp.Symbol(n) not in self.definitions and n not in self.known and not e.has(SpatialDerivative, Noise)
        }

    @property
    def expressions(self) -> list[Any]:
        """All right-hand sides and definitions."""
        amplitudes = (term.amplitude for term in self.noises)
        return [*(u.rhs for u in self.unknowns), *self.definitions.values(), *amplitudes]

    @property
    def operators_on_rates(self) -> tuple[Any, ...]:
        """Those on the left sides of equations in which rates are differentiated in space."""
        return tuple(u.on_rates for u in self.unknowns if u.on_rates is not None)

    def origin(self, unknown: Unknown) -> Unknown:
        """The unknown of which it is a time derivative, or itself."""
        while unknown.derived_from:
            unknown = next(u for u in self.unknowns if u.name == unknown.derived_from)
        return unknown

    @property
    def is_complex(self) -> bool:
        """Whether the imaginary unit or a complex parameter occurs."""
        expressions = [*self.expressions, *self.operators_on_rates]
        if any(f.is_complex_valued for e in expressions for f in e.atoms(DataFunction)):
            return True
        return any(e.has(sp.I) for e in expressions) or any(isinstance(v, complex) for v in self.parameters.values())

    @property
    def states(self) -> tuple[Any, ...]:
        """Symbols that depend on the solution: unknowns, rates of second-order ones, kept definitions."""
        rates = [u.rate for u in self.unknowns if u.time_order == 2]
        return (*(u.symbol for u in self.unknowns), *rates, *self.definitions)

    @property
    def scalars(self) -> tuple[Any, ...]:
        """Those of the states that are one number."""
        return tuple(u.symbol for u in self.unknowns if u.is_scalar)

    def scalars_of(self, fields: Mapping[str, Any]) -> dict[Any, Any]:
        """Their values among those of all states."""
        return {symbol: fields[str(symbol)] for symbol in self.scalars}

    @property
    def reductions(self) -> tuple[Any, ...]:
        """The numbers made of fields that stand in the equations."""
        found = {a for e in self.expressions for a in e.atoms(SpatialDerivative) if not a.is_field}
        return tuple(sorted(found, key=str))
