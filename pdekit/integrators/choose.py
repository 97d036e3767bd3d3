"""Which method suits a system, and why, in words; and what must be refused before the first step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.equations.atoms import Diff, Flux
from pdekit.errors import SolverError, StabilityError
from pdekit.integrators.fixed import halves
from pdekit.integrators.methods import METHODS, Method, find_method
from pdekit.integrators.stability import Spectrum, explicit_limit, spectrum, verlet_limit
from pdekit.integrators.tables import TABLEAUX
from pdekit.semidiscrete.system import SemiDiscrete

Array = NDArray[Any]
# Explicit adaptive methods are taken while they need no more steps than this for stability alone. Beyond, their error
# control rides on the stability limit and leaves a pattern of the size of the tolerance at the grid scale.
EXPLICIT_STEPS = 400
# Beyond this many unknowns in three dimensions the fill-in of sparse LU costs more than many explicit steps.
LARGEST_3D_LU = 30_000
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
        return spectrum(self.jacobian)

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
        if method.family == "explicit":
            return explicit_limit(TABLEAUX[method.name], self.spectrum.values)
        if method.family == "verlet":
            return verlet_limit(self.stiffness)[0]
        return None


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
    for unknown in system.system.unknowns:
        for atom in unknown.rhs.atoms(Diff, Flux):
            counts = atom.counts if isinstance(atom, Diff) else {atom.axis: 2}
            conditions = system.conditions.get(atom.operand)
            for name, n in counts.items():
                if system.grid[name].periodic:
                    continue
                if n % 2 == 1 and order >= 6:
                    raise StabilityError(
                        f"{atom.operand}: odd derivatives of order {order} on the bounded axis {name!r} have growing modes; "
                        "use order 2 or 4, or a periodic axis"
                    )
                faces = conditions.faces[name] if conditions else None
                has_dirichlet = faces and (faces.dirichlet("left") or faces.dirichlet("right"))
                if (
                    unknown.time_order == 2
                    and has_dirichlet
                    and (order == 8 or (order == 6 and isinstance(atom, Flux)))
                ):
                    what = "div(k*grad(u))" if isinstance(atom, Flux) else "the second derivative"
                    raise StabilityError(
                        f"{atom.operand}: {what} of order {order} with a Dirichlet end on axis {name!r} has complex eigenvalues, "
                        f"which grow in an equation of second order in time; use order {4 if order == 6 else 6}"
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
    if method == "auto":
        return _automatic(facts, step, rtol)
    chosen = find_method(method)
    if chosen.fixed_step and step is None:
        raise SolverError(f"time.method: {method} needs a fixed step, time: {{step: ...}}")
    if not chosen.fixed_step and step is not None:
        raise SolverError(
            f"time.method: {method} chooses its own steps; leave time.step out, or take a method of fixed step"
        )
    limit = facts.limit(chosen)
    if step is not None and limit is not None:
        _refuse_above(chosen, step, limit, duration)
    return Choice(chosen, (f"{chosen.title}: asked for",), limit)


def _refuse_above(method: Method, step: float, limit: float, duration: float) -> None:
    effective = duration / np.ceil(duration / step * (1 - 1e-12)) if duration > 0 else step
    if effective > limit * (1 + 1e-3):
        if limit == 0:
            raise StabilityError(
                f"{method.name} is unstable for this problem at every step (its spectrum lies on the imaginary axis); "
                "use rk4, an implicit method, or method: auto"
            )
        raise StabilityError(
            f"time.step: {step:g} is above the stability limit of {method.name} for this grid; the largest stable step is "
            f"{limit:.4g}. Take a smaller step, an implicit method (crank_nicolson), or method: auto"
        )


def _automatic(facts: Facts, step: float | None, rtol: float) -> Choice:
    system = facts.system
    if not np.all(system.mass):
        if step is None:
            raise SolverError("equations '0 = ...' beside evolution equations need a fixed step, time: {step: ...}")
        reason = "algebraic equations stand beside evolution equations, which backward Euler satisfies at every step"
        return Choice(METHODS["backward_euler"], (reason,))
    if step is not None:
        return _automatic_fixed(facts, step)
    return _automatic_adaptive(facts, rtol)


def _automatic_fixed(facts: Facts, step: float) -> Choice:
    if facts.purely_second_order:
        limit = verlet_limit(facts.stiffness)[0]
        if facts.damped:
            return Choice(METHODS["newmark"], ("second order in time with terms in u_t: Newmark, stable at any step",))
        if step <= limit:
            reason = f"second order in time, and the step {step:g} is below the limit {limit:.4g} of Stormer-Verlet"
            return Choice(METHODS["verlet"], (reason,), limit)
        reason = f"second order in time; the step {step:g} is above the explicit limit {limit:.4g}, Newmark is stable at any step"
        return Choice(METHODS["newmark"], (reason,))
    limit = explicit_limit(TABLEAUX["rk4"], facts.spectrum.values)
    if step <= limit:
        return Choice(METHODS["rk4"], (f"the step {step:g} is below the stability limit {limit:.4g} of RK4",), limit)
    reason = f"the step {step:g} is above the explicit limit {limit:.4g} (RK4), Crank-Nicolson is stable at any step"
    return Choice(METHODS["crank_nicolson"], (reason,))


def _automatic_adaptive(facts: Facts, rtol: float) -> Choice:
    system, found = facts.system, facts.spectrum
    limit = explicit_limit(TABLEAUX["rk4"], found.values)
    needed = facts.duration / limit if limit > 0 else np.inf
    kind = "linear" if system.is_linear else "nonlinear"
    nature = (
        f"{kind}, {system.size:,} unknowns, spectral radius {found.radius:.3g}: an explicit method would need about "
        f"{needed:,.0f} steps for stability alone"
    )
    explicit = METHODS["DOP853" if rtol <= 1e-5 else "RK45"]
    if needed <= EXPLICIT_STEPS:
        return Choice(explicit, (nature, f"not stiff over this time span: {explicit.title}"), limit)
    if system.time_order == 2 and not found.is_real:
        return Choice(
            explicit, (nature, f"waves at the grid scale must be followed in any case: {explicit.title}"), limit
        )
    if system.grid.ndim == 3 and system.size > LARGEST_3D_LU:
        return Choice(
            explicit, (nature, f"stiff, but LU factors in 3-D would be larger still: {explicit.title}"), limit
        )
    if _not_differentiable(system):
        return Choice(explicit, (nature, f"the right-hand side has no complex derivative: {explicit.title}"), limit)
    if found.is_real and rtol < TIGHT:
        return Choice(METHODS["Radau"], (nature, "stiff, and the tolerance is tight: Radau, of order 5"))
    if found.is_real:
        return Choice(METHODS["BDF"], (nature, "stiff with a real spectrum (diffusion): BDF with sparse LU"))
    return Choice(METHODS["Radau"], (nature, "stiff with an oscillating part: Radau, stable on the imaginary axis"))


def _not_differentiable(system: SemiDiscrete) -> bool:
    if system.is_linear:
        return False
    try:
        system.jacobian(0.0, np.zeros(system.size, dtype=system.dtype))
    except SolverError:
        return True
    return False
