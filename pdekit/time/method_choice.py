"""Which method suits a system, and why, in words; and what must be refused before the first step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError, StabilityError
from pdekit.language.scheme_symbols import Shaped
from pdekit.language.symbols import Diff, Flux, spatial_atoms
from pdekit.stencils.schemes import SCHEMES
from pdekit.time.equal_steps import step_count
from pdekit.time.implicit import halves
from pdekit.time.methods import METHODS, Method, find_method
from pdekit.time.stability import Spectrum, explicit_limit, spectrum, verlet_limit, wave_spectrum
from pdekit.time.tables import TABLEAUX

Array = NDArray[Any]
# Explicit adaptive methods are taken while they need no more steps than this for stability alone. Beyond, their error
# control rides on the stability limit and leaves a pattern of the size of the tolerance at the grid scale.
EXPLICIT_STEPS = 400
# From so many unknowns on, by dimension, sparse LU costs more than the stages of a stabilised explicit method (measured,
# u_t = laplace(u) - u^3 at rtol 1e-6: 128^2 3 s against 1.5 s, 256^2 19 s against 1.5 s). Banded LU in 1-D never does.
LARGEST_3D_LU = 30_000
STABILISED_FROM = {2: 8_000, 3: 4_000}
LOOSE = 1e-7  # below this tolerance a method of order 2 needs too many steps
# From so many unknowns on no matrix is made to find the spectrum, where the rows say what it is like.
MATRIX_FREE_FROM = 100_000
COMPILED_FROM = 20_000  # unknowns: methods of the explicit engine, which run on compiled kernels
TIME_SAMPLES = 8
MOST_STEPS = 1e9
GRID_GROWTH = 2e-2  # beside the spectral radius: growth above this is that of grid-scale modes
TIGHT = 1e-8  # below this tolerance BDF's low order costs too many steps


@dataclass(frozen=True)
class Choice:
    """A method and the reasons for it.

    Parameters
    ----------
    method : Method
    reasons : tuple of str
        Sentences.
    limit : float or None
        The largest stable step of an explicit method, from the spectrum; None for implicit methods.
    """

    method: Method
    reasons: tuple[str, ...]
    limit: float | None = None


@dataclass(frozen=True, eq=False)
class Facts:
    """What the choice rests on."""

    system: SemiDiscrete
    t: float
    y: Array
    duration: float

    @cached_property
    def jacobian(self) -> Any:
        """Jacobian at the start."""
        return self.system.jacobian(self.t, self.y)

    @cached_property
    def spectrum(self) -> Spectrum:
        """Its spectrum."""
        if self.bounded:
            radius = self.system.rate_bound(self.t, self.y)
            edge = [1j * radius, -1j * radius] if self.purely_second_order else [-radius]
            return Spectrum(np.array(edge, dtype=complex), True)
        if self.purely_second_order and not self.damped:
            return wave_spectrum(self.stiffness)
        return spectrum(self.jacobian)

    @cached_property
    def bounded(self) -> bool:
        """Whether the spectrum is taken from a bound on the rows: a large real system of diffusion or of waves."""
        system = self.system
        if system.size < MATRIX_FREE_FROM or system.pde.rhs is not None or system.dtype.kind == "c":
            return False
        if not system.evolves or system.system.definitions or self.damped:
            return False
        return all(_is_elliptic(system, u) for u in system.system.unknowns) and (
            self.purely_second_order or system.time_order == 1
        )

    @cached_property
    def differentiable(self) -> bool:
        """Whether there is a Jacobian: complex equations with abs or conj have none."""
        if self.bounded:
            return True
        try:
            return self.jacobian is not None
        except SolverError:
            return False

    @cached_property
    def later(self) -> tuple[Facts, ...]:
        """The same at later times, if coefficients change in time."""
        if self.duration == 0 or self.system.is_linear or not self.system.changes_in_time:
            return ()
        times = self.t + self.duration * np.linspace(0.0, 1.0, TIME_SAMPLES + 1)[1:]
        return tuple(Facts(self.system, float(t), self.y, 0.0) for t in times)

    @cached_property
    def reaction(self) -> float:
        """Greatest rate of growth that the terms without derivatives can give: what is physical."""
        return self.system.reaction_bound(self.t, self.y)

    def refuse_growth(self) -> None:
        """Refuse discretizations whose modes grow at the rate of the grid rather than of the physics.

        Raises
        ------
        StabilityError
        """
        doubtful = _has_doubtful_closures(self.system) and self.system.evolves and not self.bounded
        if not doubtful or not self.differentiable:
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
    def stiffness(self) -> Any:
        """K of ``q'' = K q``."""
        q, v = halves(self.system, "verlet")
        return self.jacobian[v][:, q]

    def limit(self, method: Method) -> float | None:
        """Largest stable step of a method of fixed step; None if any is stable."""
        if not self.differentiable:
            return None
        own: float | None = None
        if method.family == "explicit":
            own = explicit_limit(TABLEAUX[method.name], self.spectrum)
        if method.family == "verlet":
            own = 2.0 / self.spectrum.radius if self.bounded else verlet_limit(self.stiffness)
        others = [other.limit(method) for other in self.later] if own is not None else []
        return own if own is None else min([own, *(other for other in others if other is not None)])


def _is_elliptic(system: SemiDiscrete, unknown: Any) -> bool:
    """Whether an equation differentiates its own unknown only, and evenly: real eigenvalues."""
    for atom in spatial_atoms(unknown.rhs):
        counts = atom.counts if isinstance(atom, Diff) else {atom.axis: 2}
        if atom.operand != unknown.symbol or sum(counts.values()) % 2 or isinstance(atom, Shaped):
            return False
    return system.order <= 6


def _has_doubtful_closures(system: SemiDiscrete) -> bool:
    """Whether growth at the rate of the grid is possible: even derivatives in equations of first order in time have been
    measured to be free of it under all conditions."""
    if system.time_order == 2:
        return True
    expressions = [u.rhs for u in system.system.unknowns] + list(system.system.definitions.values())
    for expression in expressions:
        for atom in expression.atoms(Diff):
            if isinstance(atom, Shaped) and atom.scheme in SCHEMES and SCHEMES[atom.scheme].sound:
                continue
            for name, n in atom.counts.items():
                axis = system.grid[name]
                if n % 2 and not (axis.periodic and axis.uniform):
                    return True
    return False


def refuse_unsound(system: SemiDiscrete) -> None:
    """Refuse discretizations that are known to be unstable in time, before anything is computed.

    Measured (DESIGN section 4): a bounded central first derivative of order 6 or 8 has growing modes; u'' of order 8
    with Dirichlet ends, and the flux form of order 6 with Dirichlet ends, have complex pairs, which a wave equation
    turns into growth.

    Raises
    ------
    StabilityError
        Says what is unstable and what would work.
    """
    if system.time_order == 0:
        return
    order = system.order
    second_order = system.time_order == 2
    expressions = [u.rhs for u in system.system.unknowns] + list(system.system.definitions.values())
    for expression in expressions:
        for atom in expression.atoms(Diff, Flux):
            counts = atom.counts if isinstance(atom, Diff) else {atom.axis: 2}
            conditions = system.conditions.get(atom.operand)
            for name, n in counts.items():
                if system.grid[name].periodic:
                    continue
                faces = conditions.faces[name] if conditions else None
                has_dirichlet = bool(faces and (faces.dirichlet("left") or faces.dirichlet("right")))
                if isinstance(atom, Shaped):
                    _refuse_scheme(atom, name, n, second_order and has_dirichlet)
                    continue
                if n % 2 == 1 and order >= 6:
                    raise StabilityError(
                        f"{atom.operand}: odd derivatives of order {order} on the bounded axis {name!r} have growing modes; "
                        "use order 2 or 4, a periodic axis, or the scheme sbp or upwind"
                    )
                doubtful = order == 8 or (order == 6 and (isinstance(atom, Flux) or n >= 4))
                if second_order and has_dirichlet and doubtful:
                    what = "div(k*grad(u))" if isinstance(atom, Flux) else f"the derivative of order {n}"
                    raise StabilityError(
                        f"{atom.operand}: {what} at accuracy {order} with a Dirichlet end on axis {name!r} has complex eigenvalues, "
                        f"which grow in an equation of second order in time; use order {4 if order == 6 else 6}"
                    )


def _refuse_scheme(atom: Shaped, axis: str, n: int, is_fixed_wave: bool) -> None:
    """Refuse a scheme on a bounded axis that is known to be unstable in time; measured on spectra."""
    if atom.scheme != "compact" or atom.order < 6:
        return
    if n == 1:
        raise StabilityError(
            f"{atom.operand}: the compact first derivative of order 6 on the bounded axis {axis!r} has growing modes; use "
            "{compact: 4}, sbp or upwind"
        )
    if is_fixed_wave:
        raise StabilityError(
            f"{atom.operand}: the compact second derivative of order 6 with a Dirichlet end on axis {axis!r} has complex "
            "eigenvalues, which grow in an equation of second order in time; use {compact: 4} or sbp"
        )


def choose(
    system: SemiDiscrete,
    t: float,
    y: Array,
    duration: float,
    *,
    method: str = "auto",
    step: float | None = None,
    rtol: float = 1e-6,
) -> Choice:
    """Choose the time integration method, or check the one asked for.

    Parameters
    ----------
    system : SemiDiscrete
    t, y : float, array
        The initial state, about which nonlinear systems are linearised.
    duration : float
        Length of the time span.
    method : str, default "auto"
    step : float, optional
        A fixed step.
    rtol : float
        Tolerance of adaptive methods.

    Returns
    -------
    Choice

    Raises
    ------
    StabilityError
        A fixed explicit step above the limit; names the largest stable step.
    """
    refuse_unsound(system)
    facts = Facts(system, t, y, duration)
    facts.refuse_growth()
    if method == "auto":
        return _automatic(facts, step, rtol)
    chosen = find_method(method)
    if chosen.needs_step and step is None:
        raise SolverError(f"time.method: {method} needs a fixed step, time: {{step: ...}}")
    if not chosen.takes_step and step is not None:
        raise SolverError(
            f"time.method: {method} chooses its own steps; leave time.step out, or take a method of fixed step"
        )
    if step is not None and duration / step > MOST_STEPS:
        raise SolverError(
            f"time.step: {step:g} asks for {duration / step:.3g} steps; at most {MOST_STEPS:.0e} are sensible"
        )
    limit = facts.limit(chosen)
    if chosen.family == "stabilised" and not facts.differentiable:
        raise SolverError(
            f"time.method: {method} needs the size of the Jacobian, and complex equations with abs, conj, real or imag have "
            "none; use tsitouras"
        )
    if chosen.family == "stabilised" and not facts.spectrum.is_real:
        raise StabilityError(
            f"time.method: {method} is stable for real negative spectra (diffusion) only; this one has imaginary parts. Use "
            "tsitouras, Radau or method: auto"
        )
    if chosen.name == "Radau" and system.dtype.kind == "c":
        raise SolverError("time.method: Radau works on real numbers only; use BDF or an explicit method")
    if step is not None and limit is not None:
        _refuse_above(chosen, step, limit, duration)
    return Choice(chosen, (f"{chosen.title}: asked for",), limit)


def _refuse_above(method: Method, step: float, limit: float, duration: float) -> None:
    effective = duration / step_count(duration, step) if duration > 0 else step
    if effective > limit * (1 + 1e-9):
        if limit == 0:
            raise StabilityError(
                f"{method.name} is unstable for this problem at every step (its spectrum lies on the imaginary axis); "
                "use rk4, an implicit method, or method: auto"
            )
        raise StabilityError(
            f"time.step: {step:g} is above the stability limit of {method.name} for this grid; the largest stable step is "
            f"{_floor(limit)}. Take a smaller step, an implicit method (crank_nicolson), or method: auto"
        )


def _floor(value: float) -> str:
    """Four digits, rounded down: a limit as it is told can be used."""
    digits = 3 - int(np.floor(np.log10(value)))
    return f"{np.floor(value * 10.0**digits) / 10.0**digits:.4g}"


def _automatic(facts: Facts, step: float | None, rtol: float) -> Choice:
    system = facts.system
    if not system.evolves:
        if step is None:
            raise SolverError("equations '0 = ...' beside evolution equations need a fixed step, time: {step: ...}")
        reason = "algebraic equations stand beside evolution equations, which backward Euler satisfies at every step"
        return Choice(METHODS["backward_euler"], (reason,))
    if step is not None:
        return _automatic_fixed(facts, step)
    return _automatic_adaptive(facts, rtol)


def _automatic_fixed(facts: Facts, step: float) -> Choice:
    if facts.purely_second_order:
        limit = facts.limit(METHODS["verlet"])
        if facts.damped or limit is None:
            return Choice(METHODS["newmark"], ("second order in time with terms in u_t: Newmark, stable at any step",))
        if step <= limit:
            reason = f"second order in time, and the step {step:g} is below the limit {limit:.4g} of Stormer-Verlet"
            return Choice(METHODS["verlet"], (reason,), limit)
        reason = f"second order in time; the step {step:g} is above the explicit limit {limit:.4g}, Newmark is stable at any step"
        return Choice(METHODS["newmark"], (reason,))
    limit = facts.limit(METHODS["rk4"])
    if limit is None:
        return Choice(
            METHODS["rk4"], ("the right-hand side has no complex derivative (abs, conj): RK4, without a limit known",)
        )
    if step <= limit:
        return Choice(METHODS["rk4"], (f"the step {step:g} is below the stability limit {limit:.4g} of RK4",), limit)
    reason = f"the step {step:g} is above the explicit limit {limit:.4g} (RK4), Crank-Nicolson is stable at any step"
    return Choice(METHODS["crank_nicolson"], (reason,))


def _automatic_adaptive(facts: Facts, rtol: float) -> Choice:
    system = facts.system
    explicit = METHODS["DOP853" if rtol <= 1e-5 else "RK45"]
    if system.size >= COMPILED_FROM and rtol >= 1e-8:
        explicit = METHODS["tsitouras"]
    if not facts.differentiable:
        return Choice(explicit, (f"the right-hand side has no complex derivative (abs, conj): {explicit.title}",))
    found, limit = facts.spectrum, facts.limit(METHODS["rk4"])
    assert limit is not None
    needed = facts.duration / limit if limit > 0 else np.inf
    kind = "linear" if system.is_linear else "nonlinear"
    nature = (
        f"{kind}, {system.size:,} unknowns, spectral radius {found.radius:.3g}: an explicit method would need about "
        f"{needed:,.0f} steps for stability alone"
    )
    if needed <= EXPLICIT_STEPS:
        return Choice(explicit, (nature, f"not stiff over this time span: {explicit.title}"), limit)
    if system.time_order == 2 and not found.is_real:
        return Choice(
            explicit, (nature, f"waves at the grid scale must be followed in any case: {explicit.title}"), limit
        )
    if found.is_real and rtol >= LOOSE and system.size >= STABILISED_FROM.get(system.grid.ndim, np.inf):
        reason = (
            "stiff with a real spectrum (diffusion), and LU factors would cost more: RKC2, stages instead of solves"
        )
        return Choice(METHODS["rkc2"], (nature, reason))
    if system.grid.ndim == 3 and system.size > LARGEST_3D_LU:
        return Choice(
            explicit, (nature, f"stiff, but LU factors in 3-D would be larger still: {explicit.title}"), limit
        )
    if system.dtype.kind == "c" and not found.is_real:  # scipy's Radau is for real numbers
        return Choice(
            explicit, (nature, f"complex, with phases that must be followed in any case: {explicit.title}"), limit
        )
    if found.is_real and rtol < TIGHT and system.dtype.kind != "c":
        return Choice(METHODS["Radau"], (nature, "stiff, and the tolerance is tight: Radau, of order 5"))
    if found.is_real:
        return Choice(METHODS["BDF"], (nature, "stiff with a real spectrum (diffusion): BDF with sparse LU"))
    return Choice(METHODS["Radau"], (nature, "stiff with an oscillating part: Radau, stable on the imaginary axis"))
