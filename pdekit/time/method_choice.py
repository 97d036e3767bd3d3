"""Which method suits a system, and why, in words; and what must be refused before the first step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np

from pdekit.discretize.kinks import has_kinked_diffusion
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError, StabilityError
from pdekit.language.delayed_systems import delays_of, shortest_delay
from pdekit.language.symbols import spatial_derivatives
from pdekit.linear.solver_choice import Solvers
from pdekit.linear.stiff_part import StiffPart
from pdekit.thresholds import THRESHOLDS, Thresholds
from pdekit.time.controllers import step_count
from pdekit.time.facts import Facts
from pdekit.time.maruyama import refuse_without_diagonal_noise
from pdekit.time.methods import METHODS, Method, find_method
from pdekit.time.soundness import refuse_unsound
from pdekit.time.stability import Spectrum, explicit_limit, rate_bound
from pdekit.time.sundials_methods import SUNDIALS, refuse_without_sundials
from pdekit.time.unstable_rest import is_lost
from pdekit.typing import Array

MOST_STEPS = 1e9
EXPLICIT = ("explicit", "adaptive explicit")  # families of methods that need no Jacobian
POSITIVE = ("courant", "ssprk3", "ssprk54")  # whose stages are means of Euler steps
WITH_BOUNDS = ("tr_bdf2", "esdirk43", "backward_euler")  # L-stable, and their stages are solved by active sets
WITH_DELAYS = ("tsitouras", "dormand_prince", "etdrk4", "esdirk43", "tr_bdf2")
FINE = 1e-6  # the tolerance of which `Thresholds.explicit_steps` is told
ROUNDING = 1e-12  # imaginary parts of eigenvalues beside the greatest modulus


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
    notes : tuple of str
        What of the result is to be doubted.
    """

    method: Method
    reasons: tuple[str, ...]
    limit: float | None = None
    notes: tuple[str, ...] = ()


def choose(
    system: SemiDiscrete,
    t: float,
    y: Array,
    duration: float,
    *,
    method: str = "auto",
    step: float | None = None,
    rtol: float = 1e-6,
    thresholds: Thresholds = THRESHOLDS,
    solvers: Solvers | None = None,
    on_kernels: str = "",
    implicit: Sequence[str] | None = None,
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
    thresholds : Thresholds
    solvers : Solvers, optional
        Those of the system, if they were made before.
    on_kernels : str, default ""
        What asks for methods that run on compiled kernels, in words: single precision, a GPU.
    implicit : sequence of str, optional
        Terms that are to be treated implicitly, the others explicitly.

    Returns
    -------
    Choice

    Raises
    ------
    StabilityError
        A fixed explicit step above the limit; names the largest stable step.
    """
    refuse_unsound(system)
    if system.bounds is not None:
        _refuse_with_bounds(system, on_kernels, implicit)
    solvers = solvers or Solvers(system, thresholds=thresholds)
    facts = Facts(system, t, y, duration, thresholds, known=solvers.diagonal_part, rough=step is None)
    facts.refuse_growth()
    if delays_of(system.system):
        _refuse_delays_and_steps(system, duration, step)
    if system.system.noises:
        return _for_noise(facts, method, step, duration)
    if implicit is not None:
        return _for_marked_terms(method, step, duration)
    if method == "auto":
        if on_kernels and step is None:
            return _on_kernels(facts, on_kernels)
        return _with_doubts(facts, _with_reason(system, _automatic(facts, step, rtol, solvers)), rtol)
    chosen = find_method(method)
    if chosen.family == "stochastic":
        raise SolverError(f"{chosen.name} is for equations with noise, and there is none; use euler", key="time.method")
    _check_step(chosen, step, duration)
    limit = facts.limit(chosen) if step is None else facts.limit_for(chosen, step)
    _check_fits(chosen, facts)
    if step is not None and limit is not None:
        _refuse_above(chosen, step, limit, duration)
    return _with_doubts(facts, _with_reason(system, Choice(chosen, (f"{chosen.title}: asked for",), limit)), rtol)


def is_explicit(method: str) -> bool:
    """Whether a method needs no Jacobian; "auto" finds one that does not."""
    return method == "auto" or find_method(method).family in EXPLICIT


def _with_reason(system: SemiDiscrete, choice: Choice) -> Choice:
    """A choice, with the reason for a limited scheme that was chosen before it."""
    return replace(choice, reasons=(system.why_limited, *choice.reasons)) if system.why_limited else choice


def _with_doubts(facts: Facts, choice: Choice, rtol: float) -> Choice:
    """A choice, with what rounding errors of transforms may do to it."""
    derivatives = (d for unknown in facts.system.system.unknowns for d in spatial_derivatives(unknown.rhs))
    transforms = choice.method.family == "exponential" or any(d.scheme == "fourier" for d in derivatives)
    if not transforms or facts.system.is_linear or not is_lost(facts.growth_at_rest, facts.duration, rtol):
        return choice
    note = (
        f"at rest, ahead of fronts, disturbances grow like exp({facts.growth_at_rest:.3g} t), and transforms leave their rounding errors "
        f"there, 1e-16 of the greatest value: over a time of {facts.duration:.3g} they may have become the solution. "
        "Take tsitouras, rkc2 or Radau, on differences"
    )
    return replace(choice, notes=(*choice.notes, note))


def _refuse_delays_and_steps(system: SemiDiscrete, duration: float, step: float | None) -> None:
    """Refuse steps that would need what is not known yet, and delays that need too many of them."""
    shortest = shortest_delay(system.system)
    if duration / shortest > MOST_STEPS:
        raise SolverError(
            f"the delay {shortest:g} asks for {duration / shortest:.3g} steps; at most {MOST_STEPS:.0e} are sensible",
            key="equations",
        )
    if step is not None and step > shortest * (1 + 1e-12):
        raise SolverError(
            f"{step:g} is longer than the shortest delay {shortest:g}: what is delayed would not be known yet",
            key="time.step",
        )


def _refuse_with_bounds(system: SemiDiscrete, on_kernels: str, implicit: Sequence[str] | None) -> None:
    """Refuse what would leave constraints out."""
    for found, what in (
        (bool(system.system.noises), "noise in the equations"),
        (implicit is not None, "terms marked as implicit (time.implicit)"),
        (bool(on_kernels), on_kernels),
        (system.is_limited, "limited schemes (discretization.advection)"),
        (system.couples_rates, "time derivatives that are differentiated in space"),
    ):
        if found:
            raise SolverError(f"are not kept by the methods for {what}", key="constraints")


def _check_step(method: Method, step: float | None, duration: float) -> None:
    """Refuse a step where none fits, and none where one is needed."""
    if method.needs_step and step is None:
        raise SolverError(f"{method.name} needs a fixed step, time: {{step: ...}}", key="time.method")
    if not method.takes_step and step is not None:
        raise SolverError(
            f"{method.name} chooses its own steps; leave time.step out, or take a method of fixed step",
            key="time.method",
        )
    if step is not None and duration / step > MOST_STEPS:
        raise SolverError(
            f"{step:g} asks for {duration / step:.3g} steps; at most {MOST_STEPS:.0e} are sensible", key="time.step"
        )


def _for_marked_terms(method: str, step: float | None, duration: float) -> Choice:
    """An implicit-explicit method, for terms that the user marked."""
    reason = "terms are marked as implicit, the others are explicit"
    if method == "auto":
        return Choice(METHODS["ark43" if step is None else "sbdf3"], (reason,))
    chosen = find_method(method)
    if chosen.family != "implicit-explicit":
        names = ", ".join(m.name for m in METHODS.values() if m.family == "implicit-explicit")
        raise SolverError(
            f"is for implicit-explicit methods, {names}; the method is {chosen.name}", key="time.implicit"
        )
    _check_step(chosen, step, duration)
    return Choice(chosen, (f"{chosen.title}: asked for", reason))


def _for_noise(facts: Facts, method: str, step: float | None, duration: float) -> Choice:
    """The method for equations with noise."""
    if step is None:
        raise SolverError("missing; equations with noise need a fixed step", key="time.step")
    names = [m.name for m in METHODS.values() if m.family == "stochastic"]
    if not facts.system.evolves or facts.system.function is not None:
        raise SolverError("noise needs evolution equations in symbols, without '0 = ...'", key="equations")
    if method != "auto":
        chosen = find_method(method)
        if chosen.family != "stochastic":
            raise SolverError(
                f"{chosen.name} is not for equations with noise; there are {', '.join(names)}", key="time.method"
            )
        limit = facts.limit_for(chosen, step)
        _check_step(chosen, step, duration)
        if limit is not None:
            _refuse_above(chosen, step, limit, duration)
        return Choice(chosen, (f"{chosen.title}: asked for",), limit)
    limit = facts.limit_for(METHODS["euler_maruyama"], step)
    stiff = limit is not None and step > limit
    try:
        refuse_without_diagonal_noise(facts.system)
        name, why = "milstein", "the amplitude of noise depends on its own unknown at most: Milstein, of strong order 1"
    except SolverError:
        name, why = "euler_maruyama", "noises are coupled: Euler-Maruyama, of strong order 1/2"
    if stiff:
        why += f"; the step {step:g} is above the explicit limit {limit:.4g}: implicit in the linear part"
    return Choice(METHODS["implicit_" * stiff + name], (why,), None if stiff else limit)


def _check_fits(method: Method, facts: Facts) -> None:
    """Refuse a method that cannot do the system."""
    if method.name in SUNDIALS:
        refuse_without_sundials(method.name)
    if delays_of(facts.system.system) and (method.make is None or method.family == "exact"):
        raise SolverError(
            f"{method.name} keeps no record of the past, which equations with delays need; use {', '.join(WITH_DELAYS)} or method: auto",
            key="time.method",
        )
    if facts.system.bounds is not None and method.name not in WITH_BOUNDS:
        raise SolverError(
            f"{method.name} cannot keep constraints; use {', '.join(WITH_BOUNDS)} or method: auto", key="time.method"
        )
    if facts.system.is_limited:
        if method.family not in EXPLICIT:
            raise SolverError(
                f"{method.name} needs a Jacobian, and limited schemes have none; use courant, ssprk3 or tsitouras",
                key="time.method",
            )
        if facts.system.keeps_positive and method.name not in POSITIVE:
            raise SolverError(
                f"{method.name} does not keep positive what is (discretization.positive); use {', '.join(POSITIVE)}",
                key="time.method",
            )
        return
    if method.family == "stabilised" and not facts.spectrum.is_real:
        raise StabilityError(
            f"{method.name} is stable for real negative spectra (diffusion) only; this one has imaginary parts. Use "
            "tsitouras, Radau or method: auto",
            key="time.method",
        )


def _refuse_above(method: Method, step: float, limit: float, duration: float) -> None:
    effective = duration / step_count(duration, step) if duration > 0 else step
    if effective > limit * (1 + 1e-9):
        if limit == 0:
            raise StabilityError(
                f"{method.name} is unstable for this problem at every step (its spectrum lies on the imaginary axis); "
                "use rk4, an implicit method, or method: auto"
            )
        raise StabilityError(
            f"{step:g} is above the stability limit of {method.name} for this grid; the largest stable step is "
            f"{rounded_down(limit)}. Take a smaller step, an implicit method (tr_bdf2), or method: auto",
            key="time.step",
        )


def rounded_down(value: float) -> str:
    """Four digits, rounded down: a limit as it is told can be used."""
    digits = 3 - int(np.floor(np.log10(value)))
    return f"{np.floor(value * 10.0**digits) / 10.0**digits:.4g}"


def _automatic(facts: Facts, step: float | None, rtol: float, solvers: Solvers) -> Choice:
    system = facts.system
    if system.bounds is not None:
        return Choice(METHODS["tr_bdf2"], ("there are constraints: TR-BDF2, by active sets in every stage",))
    if not system.evolves:
        name = "esdirk43" if step is None else "tr_bdf2"
        reason = f"algebraic equations stand beside evolution equations: {name} satisfies them at every step"
        return Choice(METHODS[name], (reason,))
    if system.couples_rates:
        found = _for_coupled_rates(facts, step, rtol)
        if delays_of(system.system) and found.method.make is None:
            return Choice(METHODS["tsitouras"], found.reasons, found.limit)
        return found
    return _automatic_adaptive(facts, rtol, solvers) if step is None else _automatic_fixed(facts, step)


def _for_coupled_rates(facts: Facts, step: float | None, rtol: float) -> Choice:
    """The method where rates are differentiated in space, which often leaves nothing stiff: ``M^-1 F`` is then bounded."""
    limit = facts.limit(METHODS["rk4"])
    assert limit is not None
    solved = "time derivatives are differentiated in space: a solve with one factorised matrix for each evaluation"
    if step is not None and step <= limit:
        return Choice(METHODS["rk4"], (solved, f"the step {step:g} is below the limit {limit:.4g} of RK4"), limit)
    if step is None and facts.duration <= limit * facts.thresholds.explicit_steps:
        explicit = METHODS["DOP853" if rtol <= 1e-5 else "dormand_prince"]
        return Choice(explicit, (solved, f"not stiff over this time span: {explicit.title}"), limit)
    found = METHODS["esdirk43" if step is None and rtol <= 1e-5 else "tr_bdf2"]
    return Choice(found, (f"time derivatives are differentiated in space, and the rest is stiff: {found.title}",))


def _automatic_fixed(facts: Facts, step: float) -> Choice:
    if facts.system.is_limited:
        limit = facts.limit_for(METHODS["ssprk3"], step)
        assert limit is not None
        _refuse_above(METHODS["ssprk3"], step, limit, facts.duration)
        return Choice(METHODS["ssprk3"], ("a limited scheme: strong-stability-preserving Runge-Kutta",), limit)
    if facts.purely_second_order and facts.system.is_holomorphic:
        limit = facts.limit_for(METHODS["verlet"], step)
        if facts.damped or limit is None:
            return Choice(METHODS["newmark"], ("second order in time with terms in u_t: Newmark, stable at any step",))
        if step <= limit:
            reason = f"second order in time, and the step {step:g} is below the limit {limit:.4g} of Stormer-Verlet"
            return Choice(METHODS["verlet"], (reason,), limit)
        reason = f"second order in time; the step {step:g} is above the explicit limit {limit:.4g}, Newmark is stable at any step"
        return Choice(METHODS["newmark"], (reason,))
    limit = facts.limit_for(METHODS["rk4"], step)
    assert limit is not None
    if step <= limit:
        return Choice(METHODS["rk4"], (f"the step {step:g} is below the stability limit {limit:.4g} of RK4",), limit)
    reason = (
        f"the step {step:g} is above the explicit limit {limit:.4g} (RK4); TR-BDF2 is stable at any step, and damps what data "
        "that do not fit together stir up"
    )
    return Choice(METHODS["tr_bdf2"], (reason,))


def _is_semilinear(facts: Facts, solvers: Solvers, rtol: float) -> bool:
    """Whether exponential methods fit: the stiff parts are known, and what is left would not limit explicit steps itself."""
    system = facts.system
    if not system.evolves or system.function is not None or solvers.stiff_parts is None:
        return False
    if is_lost(facts.growth_at_rest, facts.duration, rtol):
        return False
    stiff = _stiff_radius(solvers.stiff_parts)
    real = all(np.max(np.abs(np.imag(part.modes.eigenvalues))) <= ROUNDING * stiff for part in solvers.stiff_parts)
    sizes = facts.thresholds
    by_kernels = _costs_more_by_factors(facts) and not system.system.definitions
    few = sizes.turning_steps if system.dtype.kind == "c" and not real else sizes.explicit_steps
    if stiff * facts.duration <= (sizes.exponential_from if by_kernels and real else few):
        return False
    if system.system.definitions or all(part.left <= 0 for part in solvers.stiff_parts):
        return True
    rests = {unknown.name: part.rest for unknown, part in zip(system.system.unknowns, solvers.stiff_parts)}
    return rate_bound(system, facts.t, facts.y, rests) <= facts.thresholds.rest_share * stiff


def _stiff_radius(parts: Sequence[StiffPart]) -> float:
    """The spectral radius of what is diagonal along the axes."""
    return max(float(np.max(np.abs(part.modes.eigenvalues))) for part in parts)


def _automatic_adaptive(facts: Facts, rtol: float, solvers: Solvers) -> Choice:
    system, sizes = facts.system, facts.thresholds
    if system.is_limited:
        return Choice(METHODS["courant"], (f"a limited scheme: {METHODS['courant'].title}",))
    if delays_of(system.system):
        return _for_delays(facts, solvers, rtol)
    part = solvers.diagonal_part
    if part is not None:
        reason = (
            f"linear, and a sum of operators along the axes: exact in time in its eigenvectors ({part.modes.title})"
        )
        return Choice(METHODS["exponential"], (reason,))
    explicit = METHODS["DOP853" if rtol <= 1e-5 else "dormand_prince"]
    if system.shared_size >= sizes.compiled_methods_from and rtol >= 1e-8:
        explicit = METHODS["tsitouras"]
    is_semilinear = cache(partial(_is_semilinear, facts, solvers, rtol))
    if system.dtype.kind == "c" and not system.is_linear and is_semilinear():
        reason = f"complex, and what is stiff is diagonal along the axes: {METHODS['etdrk4'].title}"
        return Choice(METHODS["etdrk4"], (reason,))
    semilinear = _as_semilinear(facts, solvers, is_semilinear)
    if semilinear is not None:
        return semilinear
    found, limit = facts.spectrum, facts.limit(METHODS["rk4"])
    assert limit is not None
    if has_kinked_diffusion(system.system) and found.is_real and rtol >= sizes.loose and system.time_order == 1:
        reason = f"diffusion sets in where a front comes, a kink in time at every node, and steps are short for that: {METHODS['rkc2'].title}"
        return Choice(METHODS["rkc2"], (reason,))
    needed = facts.duration / limit if limit > 0 else np.inf
    kind = "linear" if system.is_linear else "nonlinear"
    nature = (
        f"{kind}, {system.shared_size:,} unknowns, spectral radius {found.radius:.3g}: an explicit method would need about "
        f"{needed:,.0f} steps for stability alone"
    )
    by_stages = not system.is_linear and _goes_by_stages(facts, rtol)
    few = sizes.explicit_steps * (min(1.0, (FINE / rtol) ** 0.2) if by_stages else 1.0)
    if needed <= few:
        return Choice(explicit, (nature, f"not stiff over this time span: {explicit.title}"), limit)
    if is_semilinear():
        reason = f"stiff, but what is stiff is diagonal along the axes: {METHODS['etdrk4'].title}"
        return Choice(METHODS["etdrk4"], (nature, reason))
    method, reason = _for_stiff(facts, rtol, explicit)
    return Choice(method, (nature, reason), limit if method is explicit else None)


def _as_semilinear(facts: Facts, solvers: Solvers, is_semilinear: Callable[[], bool]) -> Choice | None:
    """An exponential method, where what is known of the stiff part says enough, and the spectrum of the whole would take long to find."""
    system = facts.system
    if system.is_linear or facts.elliptic or system.shared_size < facts.thresholds.bounded_from:
        return None
    tableau = METHODS["rk4"].tableau
    if solvers.stiff_parts is None or tableau is None:
        return None
    stiff = _stiff_radius(solvers.stiff_parts)
    needed = facts.duration / explicit_limit(tableau, Spectrum(np.array([-stiff]), True))
    if needed <= facts.thresholds.explicit_steps or not is_semilinear():
        return None
    reason = (
        f"nonlinear, {system.shared_size:,} unknowns, and a stiff part with a spectral radius of {stiff:.3g}, for which an explicit method "
        f"would need about {needed:,.0f} steps; it is diagonal along the axes: {METHODS['etdrk4'].title}"
    )
    return Choice(METHODS["etdrk4"], (reason,))


def _for_delays(facts: Facts, solvers: Solvers, rtol: float) -> Choice:
    """An adaptive method of ours: those of others, and exact ones, keep no record of the past."""
    limit = facts.limit(METHODS["rk4"])
    assert limit is not None
    if limit * facts.thresholds.explicit_steps >= facts.duration:
        return Choice(
            METHODS["tsitouras"], (f"delays, and not stiff over this time span: {METHODS['tsitouras'].title}",), limit
        )
    name = "etdrk4" if _is_semilinear(facts, solvers, rtol) else "esdirk43"
    return Choice(METHODS[name], (f"delays, and stiff: {METHODS[name].title}",))


def _on_kernels(facts: Facts, why: str) -> Choice:
    """An adaptive method of the explicit engine, as single precision and GPUs need it."""
    limit = facts.limit(METHODS["rk4"])
    stiff = limit is not None and limit * facts.thresholds.explicit_steps < facts.duration
    if stiff and facts.spectrum.is_real:
        return Choice(METHODS["rkc2"], (f"{why}, and stiff with a real spectrum (diffusion): RKC2",))
    return Choice(METHODS["tsitouras"], (f"{why}: {METHODS['tsitouras'].title}",), limit)


def _goes_by_stages(facts: Facts, rtol: float) -> bool:
    """Whether RKC2 is the method if the system is stiff: diffusion of many unknowns in more than one dimension."""
    return _costs_more_by_factors(facts) and rtol >= facts.thresholds.loose and facts.spectrum.is_real


def _costs_more_by_factors(facts: Facts) -> bool:
    """Whether there are so many unknowns that sparse LU costs more than the stages of a stabilised method."""
    system = facts.system
    return system.shared_size >= facts.thresholds.stabilised_from.get(system.grid.ndim, np.inf)


def _for_stiff(facts: Facts, rtol: float, explicit: Method) -> tuple[Method, str]:
    """The method for a system that needs many explicit steps for stability alone, and why."""
    system, sizes, real = facts.system, facts.thresholds, facts.spectrum.is_real
    exact = system.is_linear and system.b_is_constant and system.time_order == 1 and facts.elliptic
    if (
        exact and system.grid.is_box
    ):  # next to the boundary of a domain eigenvalues may be too large for one Krylov space
        return METHODS["exponential"], "linear with constant data: exact in time by a shift-and-invert Krylov space"
    is_complex = system.dtype.kind == "c"
    if system.time_order == 2 and not real:
        return explicit, f"waves at the grid scale must be followed in any case: {explicit.title}"
    if _goes_by_stages(facts, rtol):
        reason = (
            "stiff with a real spectrum (diffusion), and LU factors would cost more: RKC2, stages instead of solves"
        )
        return METHODS["rkc2"], reason
    if system.grid.ndim == 3 and system.shared_size > sizes.largest_3d_lu:
        return explicit, f"stiff, but LU factors in 3-D would be larger still: {explicit.title}"
    if is_complex and not real:
        return explicit, f"complex, with phases that must be followed in any case: {explicit.title}"
    if real and rtol < sizes.tight.get(system.grid.ndim, 0.0):
        return METHODS["Radau"], "stiff, and the tolerance is tight: Radau, of order 5"
    if real:
        return METHODS["BDF"], "stiff with a real spectrum (diffusion): BDF with sparse LU"
    return METHODS["Radau"], "stiff with an oscillating part: Radau, stable on the imaginary axis"
