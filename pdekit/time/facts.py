"""What is known of a system at a state: its spectrum, its stable steps, what it is like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pdekit.discretize.low_rank import LowRankUpdate
from pdekit.discretize.real_pairs import RealPairs
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError, StabilityError
from pdekit.language.symbols import spatial_derivatives
from pdekit.linear.stiff_part import StiffPart
from pdekit.thresholds import THRESHOLDS, Thresholds
from pdekit.time.compositions import COMPOSITIONS
from pdekit.time.methods import Method
from pdekit.time.modified_equation import LIMIT
from pdekit.time.second_order import halves
from pdekit.time.soundness import has_doubtful_closures, refuse_lost_to_rounding
from pdekit.time.stability import (
    Spectrum,
    coupled_spectrum,
    explicit_limit,
    outermost,
    rate_bound,
    reaction_bound,
    spectrum,
    verlet_limit,
    wave_spectrum,
)
from pdekit.time.unstable_rest import growth_at_rest
from pdekit.typing import Array, Expression, Matrix

TIME_SAMPLES = 8
MOST_EXPLICIT = 4_000  # unknowns of a dense Jacobian whose spectrum is looked for
GRID_GROWTH = 2e-2  # beside the spectral radius: growth above this is that of grid-scale modes


@dataclass(frozen=True, eq=False)
class Facts:
    """What the choice rests on.

    `precise` finds the spectrum of a large system at any cost, `rough` bounds it where only the kind of method is to be chosen;
    `known` is the whole of a linear system whose eigenvectors are known.
    """

    system: SemiDiscrete
    t: float
    y: Array
    duration: float
    thresholds: Thresholds = THRESHOLDS
    precise: bool = False
    known: StiffPart | None = None
    rough: bool = False

    @cached_property
    def jacobian(self) -> Matrix:
        """Jacobian at the start; that of real and imaginary parts where there is no complex one.

        What numbers made of whole fields add to that of a large system, a few products, is left out.
        """
        if self.system.is_holomorphic:
            found = self.system.jacobian(self.t, self.y)
            if not isinstance(found, LowRankUpdate):
                return found
            return found.explicit_if_small() if self.system.size <= MOST_EXPLICIT else found.A
        return RealPairs(self.system).jacobian(self.t, RealPairs.split(self.y))

    @cached_property
    def spectrum(self) -> Spectrum:
        """Its spectrum."""
        if self.system.couples_rates:
            M = self.system.mass if self.system.is_holomorphic else RealPairs(self.system).mass
            return coupled_spectrum(self.jacobian, M)
        if self.known is not None:
            return outermost(self.known.modes, self.system.time_order, self.known.damping)
        if self.bounded:
            radius = rate_bound(self.system, self.t, self.y)
            edge = [1j * radius, -1j * radius] if self.purely_second_order else [-radius]
            return Spectrum(np.array(edge, dtype=complex), True)
        if self.purely_second_order and not self.damped and self.system.is_holomorphic:
            return wave_spectrum(self.stiffness)
        return spectrum(self.jacobian, self.precise)

    @cached_property
    def bounded(self) -> bool:
        """Whether the spectrum is taken from a bound on the rows: a large real system of diffusion or of waves."""
        system, sizes = self.system, self.thresholds
        if self.known is not None or system.couples_rates or not self.elliptic:
            return False
        if system.shared_size < sizes.bounded_from:
            return False
        return system.shared_size >= sizes.matrix_free_from or (self.rough and not has_doubtful_closures(system))

    @cached_property
    def elliptic(self) -> bool:
        """Whether it is a real system of diffusion or of waves: even derivatives of its own unknown in every equation."""
        system = self.system
        if system.function is not None or system.dtype.kind == "c":
            return False
        if not system.evolves or system.system.definitions or self.damped or system.couples_rates:
            return False
        if any(data.holds_derivatives for c in system.conditions.values() for data in c.of_solution):
            return False
        return all(_is_elliptic(system, u) for u in system.system.unknowns) and (
            self.purely_second_order or system.time_order == 1
        )

    @cached_property
    def later(self) -> tuple[Facts, ...]:
        """The same at later times, if coefficients change in time."""
        if self.duration == 0 or self.system.is_linear or not self.system.changes_in_time:
            return ()
        times = self.t + self.duration * np.linspace(0.0, 1.0, TIME_SAMPLES + 1)[1:]
        return tuple(Facts(self.system, float(t), self.y, 0.0, self.thresholds, self.precise) for t in times)

    @cached_property
    def reaction(self) -> float:
        """Greatest rate of growth that the terms without derivatives can give: what is physical."""
        return reaction_bound(self.system, self.t, self.y)

    @cached_property
    def growth_at_rest(self) -> float:
        """Rate at which rounding errors grow ahead of fronts."""
        return growth_at_rest(self.system, self.t, self.y)

    def refuse_growth(self) -> None:
        """Refuse discretizations whose modes, or rounding errors, grow at the rate of the grid rather than of the physics.

        Raises
        ------
        StabilityError
        """
        refuse_lost_to_rounding(self.system, self.duration, lambda: self.spectrum.radius)
        if self.bounded or self.system.is_limited or not self.system.evolves or not has_doubtful_closures(self.system):
            return
        growth, radius = self.spectrum.growth, self.spectrum.radius
        physical = max(self.reaction, np.sqrt(self.reaction))
        if growth > GRID_GROWTH * radius and growth * self.duration > 3.0 and growth > 2.0 * physical:
            raise StabilityError(
                f"the discretization is unstable whatever the time step: a mode grows like exp({growth:.3g} t), at the rate of the "
                f"grid (spectral radius {radius:.3g}), not of the equations. Is there a condition where the flow leaves "
                "(use outflow), are there as many conditions as the equation needs at either end, does order 2 or 4 help?"
            )

    @property
    def purely_second_order(self) -> bool:
        """All equations are ``u_tt = ...``."""
        return all(u.time_order == 2 for u in self.system.system.unknowns)

    @property
    def damped(self) -> bool:
        """Rates stand on the right-hand sides of a second-order system."""
        return self.system.has_rates

    @cached_property
    def stiffness(self) -> Matrix:
        """K of ``q'' = K q``."""
        q, v = halves(self.system, "verlet")
        return self.jacobian[v][:, q]

    def limit_for(self, method: Method, step: float) -> float | None:
        """The same, found again with more care where the step is above what a bound of a large spectrum allows."""
        found = self.limit(method)
        if found is None or step <= found or self.bounded or self.precise or self.known is not None:
            return found
        return replace(self, precise=True).limit(method)

    def limit(self, method: Method) -> float | None:
        """Largest stable step of a method of fixed step; None if any is stable."""
        own: float | None = None
        if self.system.is_limited and method.tableau is not None:
            rate = rate_bound(self.system, self.t, self.y)
            number = 0.5 if self.system.keeps_positive else 1.0
            return number / rate if rate > 0 else np.inf
        if method.family in ("explicit", "stochastic") and method.tableau is not None:
            own = explicit_limit(method.tableau, self.spectrum)
        if method.family == "verlet":
            halves(self.system, method.name)
            if not self.system.is_holomorphic:
                raise SolverError(
                    f"the largest stable step of {method.name} is not known for complex equations with abs, conj, real or imag; "
                    "use rk4 or tr_bdf2",
                    key="time.method",
                )
            known = self.bounded or self.known is not None
            own = _inverse(self.spectrum.radius) if known else verlet_limit(self.stiffness, self.precise)
            limit = COMPOSITIONS[method.name].limit if method.name in COMPOSITIONS else LIMIT
            own *= limit / COMPOSITIONS["verlet"].limit
        others = [other.limit(method) for other in self.later] if own is not None else []
        return own if own is None else min([own, *(other for other in others if other is not None)])


def _inverse(radius: float) -> float:
    """Largest stable step of Stormer-Verlet by the greatest frequency."""
    return 2.0 / radius if radius > 0 else np.inf


def _is_elliptic(system: SemiDiscrete, unknown: Expression) -> bool:
    """Whether an equation differentiates its own unknown only, and evenly: real eigenvalues."""
    for atom in spatial_derivatives(unknown.rhs):
        if atom.operand != unknown.symbol or not atom.is_even or atom.scheme is not None:
            return False
    return system.order <= 6
