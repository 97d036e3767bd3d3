"""The registry of time integration methods: one line each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pdekit.errors import SolverError, nearest_hint
from pdekit.linear.stiff_part import StiffPart
from pdekit.time.carried_errors import Carried
from pdekit.time.chebyshev import StabilisedChebyshev
from pdekit.time.compositions import COMPOSITIONS, Composition
from pdekit.time.controllers import Controller, CourantNumber
from pdekit.time.diagonally_implicit import DiagonallyImplicit
from pdekit.time.exponential import SeparablePropagator
from pdekit.time.exponential_runge_kutta import ExponentialRungeKutta
from pdekit.time.exponential_tables import EXPONENTIAL_TABLEAUX, ExponentialTableau
from pdekit.time.implicit_explicit import ImplicitExplicit
from pdekit.time.implicit_explicit_tables import IMPLICIT_EXPLICIT_TABLEAUX, ImplicitExplicitTableau
from pdekit.time.krylov_propagator import KrylovPropagator
from pdekit.time.maruyama import (
    ExplicitDrift,
    ImplicitDrift,
    Increment,
    Maruyama,
    first_order,
    refuse_without_diagonal_noise,
    second_order,
    wiener_processes,
)
from pdekit.time.method import Ingredients, Method
from pdekit.time.modified_equation import ModifiedEquation
from pdekit.time.multistep_implicit_explicit import (
    SEMI_IMPLICIT,
    MultistepImplicitExplicit,
    SemiImplicitDifferentiation,
)
from pdekit.time.paired import on_real_pairs
from pdekit.time.rosenbrock import Rosenbrock
from pdekit.time.rosenbrock_tables import ROSENBROCK_TABLEAUX, RosenbrockTableau
from pdekit.time.runge_kutta import RungeKutta
from pdekit.time.second_order import ACCELERATIONS, Acceleration, Newmark, Verlet
from pdekit.time.solved_rates import refuse_coupled_rates
from pdekit.time.stability import rate_bound
from pdekit.time.stepper import Stepper
from pdekit.time.sundials_methods import SUNDIALS, integrate_by_sundials
from pdekit.time.tables import IMPLICIT_TABLEAUX, TABLEAUX, ImplicitTableau, Tableau
from pdekit.time.theta import Theta
from pdekit.time.variable_bdf2 import VariableBDF2
from pdekit.typing import Array

COURANT = 0.5
CARRIED = {
    "tr_bdf2": Carried(0.22, 0.5),
    "bdf2": Carried(0.5, 0.5),
    "esdirk43": Carried(4.0),
    "bogacki_shampine": Carried(2.0),
    "rkc2": Carried(0.35, 0.5),
    "ros3p": Carried(4.0),
    "ark43": Carried(2.5),
    "etdrk4": Carried(5.0),
    "BDF": Carried(20.0),
    "LSODA": Carried(2.0),
    "cvode": Carried(60.0),
    "ida": Carried(30.0),
}  # measured; see `pdekit.time.carried_errors`
POSITIVE_COURANT = 0.3  # speeds may grow by two thirds within a step before the bound of 1/2 is reached


def explicit_method(tableau: Tableau) -> Method:
    """An explicit Runge-Kutta method by its table."""
    title = f"explicit Runge-Kutta of order {tableau.order}, {tableau.source}"

    def make(given: Ingredients) -> Stepper:
        return RungeKutta(given.right_hand_side, tableau)

    estimates, kept = bool(tableau.error), tableau.kept
    return Method(tableau.name, "explicit", tableau.order, title, make, estimates, True, kept, tableau.aliases)


def _covers(given: Ingredients, parts: Sequence[StiffPart]) -> bool:
    """Whether stiff parts are all of L, and the rest is not found faster by kernels."""
    system = given.system
    if given.right_hand_side.compiled or system.system.definitions or system.interfaces.given:
        return False
    return all(part.rest == system.splits[u.name].rest for u, part in zip(system.system.unknowns, parts))


def exponential_method(tableau: ExponentialTableau) -> Method:
    """An exponential Runge-Kutta method by its table."""

    def make(given: Ingredients) -> Stepper:
        refuse_coupled_rates(given.system, tableau.name)
        parts = given.solvers.stiff_parts if given.system.evolves else None
        if parts is None:
            raise SolverError(
                f"{tableau.name} needs equations of first order in time whose highest derivatives are linear, with coefficients that "
                "do not change in time, and are constant or along one axis; use tr_bdf2, BDF or method: auto",
                key="time.method",
            )
        rest = given.system.given_and_nonlinear if _covers(given, parts) else None
        return ExponentialRungeKutta(given.right_hand_side, [part.modes for part in parts], tableau, rest)

    estimates = tableau.error_order is not None
    return Method(tableau.name, "exponential", tableau.order, tableau.title, make, estimates, True, 8, tableau.aliases)


def symplectic_method(composition: Composition) -> Method:
    """A composition of Verlet steps."""
    return Method(
        composition.name,
        "verlet",
        composition.order,
        composition.title,
        lambda given: Verlet(given.system, composition, given.statistics),
        aliases=composition.aliases,
    )


def implicit_explicit_method(tableau: ImplicitExplicitTableau) -> Method:
    """An implicit-explicit method by its pair of tables."""

    def make(given: Ingredients) -> Stepper:
        return ImplicitExplicit(given.system, tableau, given.splitting(tableau.name), given.statistics)

    return Method(
        tableau.name,
        "implicit-explicit",
        tableau.order,
        tableau.title,
        make,
        bool(tableau.error),
        aliases=tableau.aliases,
    )


def implicit_method(tableau: ImplicitTableau) -> Method:
    """A diagonally implicit method by its table."""

    def make(given: Ingredients) -> Stepper:
        return on_real_pairs(
            given.system, lambda system: DiagonallyImplicit(system, tableau, given.solvers, given.statistics)
        )

    return Method(
        tableau.name, "implicit", tableau.order, tableau.title, make, bool(tableau.error), aliases=tableau.aliases
    )


def semi_implicit_method(found: SemiImplicitDifferentiation) -> Method:
    """A semi-implicit multistep method by its coefficients."""
    title = f"semi-implicit backward differentiation of order {found.order}, Ascher, Ruuth and Wetton (1995)"

    def make(given: Ingredients) -> Stepper:
        return MultistepImplicitExplicit(given.system, found, given.splitting(found.name), given.statistics)

    return Method(found.name, "implicit-explicit", found.order, title, make)


def accelerated_method(found: Acceleration) -> Method:
    """An implicit method for equations of second order in time."""
    return Method(
        found.name,
        "newmark",
        2,
        found.title,
        lambda given: Newmark(given.system, found, given.solvers, given.statistics),
        aliases=found.aliases,
    )


def rosenbrock_method(tableau: RosenbrockTableau) -> Method:
    """A Rosenbrock method by its table."""

    def make(given: Ingredients) -> Stepper:
        return on_real_pairs(given.system, lambda system: Rosenbrock(system, tableau, given.solvers, given.statistics))

    return Method(
        tableau.name, "implicit", tableau.order, tableau.title, make, True, aliases=tableau.aliases, renews=True
    )


def _courant(given: Ingredients, longest: float) -> Controller:
    number = POSITIVE_COURANT if given.system.keeps_positive else COURANT

    def rate(t: float, y: Array) -> float:
        return rate_bound(given.system, t, y, known=given.right_hand_side.fastest(t, y))

    return CourantNumber(rate, number, longest)


def theta_method(theta: float) -> Callable[[Ingredients], Stepper]:
    """What makes the stepper of a theta method."""
    return lambda given: on_real_pairs(
        given.system, lambda system: Theta(system, theta, given.solvers, given.statistics)
    )


def stochastic_method(name: str, title: str, drift: Any, increment: Increment, **options: Any) -> Method:
    """A method for equations with noise from its two parts."""

    def make(given: Ingredients) -> Stepper:
        system, step = given.system, given.step
        assert step is not None
        if increment is second_order:
            refuse_without_diagonal_noise(system)
        processes = wiener_processes(system, given.path, step)
        start = given.t if given.path.start is None else given.path.start
        return Maruyama(system, drift(system, given.solvers, given.statistics), increment, processes, start)

    return Method(name, "stochastic", 1, title, make, **options)


def _propagator(given: Ingredients) -> Stepper:
    """The exact flow of a linear system: in its eigenvectors where it is separable, else in a Krylov space."""
    if not given.system.is_linear or not given.system.evolves:
        raise SolverError(
            "exponential is for linear evolution equations and conditions whose coefficients do not change in time; use tr_bdf2 or "
            "method: auto",
            key="time.method",
        )
    refuse_coupled_rates(given.system, "exponential")
    part = given.solvers.diagonal_part
    if part is not None:
        return SeparablePropagator(given.system, part.modes, given.statistics, part.damping)
    if not given.system.b_is_constant:
        raise SolverError(
            "exponential, where L is no sum along axes, is for sources and boundary data that do not change in time; use tr_bdf2 "
            "or method: auto",
            key="time.method",
        )
    return KrylovPropagator(given.system, given.solvers, given.statistics, given.span, given.tolerance)


def _stabilised(given: Ingredients) -> Stepper:
    refuse_coupled_rates(given.system, "rkc2")
    system = given.system
    bound = rate_bound(system, given.t, given.y) if system.is_linear else 0.0  # else it is estimated
    return StabilisedChebyshev(given.right_hand_side, bound, given.memory)


METHODS: dict[str, Method] = {
    m.name: replace(m, carried=CARRIED.get(m.name, m.carried))
    for m in (
        *(explicit_method(tableau) for tableau in TABLEAUX.values()),
        *(implicit_method(tableau) for tableau in IMPLICIT_TABLEAUX.values()),
        *(rosenbrock_method(tableau) for tableau in ROSENBROCK_TABLEAUX.values()),
        *(symplectic_method(composition) for composition in COMPOSITIONS.values()),
        *(implicit_explicit_method(tableau) for tableau in IMPLICIT_EXPLICIT_TABLEAUX.values()),
        *(exponential_method(tableau) for tableau in EXPONENTIAL_TABLEAUX.values()),
        Method(
            "rkc2",
            "stabilised",
            2,
            "stabilised Runge-Kutta-Chebyshev of order 2, Sommeijer, Shampine and Verwer (1998)",
            _stabilised,
            estimates=True,
            explicit=True,
            kept=4,
            aliases=("rkc",),
        ),
        Method(
            "courant",
            "explicit",
            3,
            f"strong-stability-preserving Runge-Kutta of order 3, steps by the Courant number {COURANT}",
            lambda given: RungeKutta(given.right_hand_side, TABLEAUX["ssprk3"]),
            explicit=True,
            kept=1,
            aliases=("cfl",),
            stability="ssprk3",
            control=_courant,
        ),
        Method(
            "modified_equation",
            "verlet",
            4,
            "modified equation of order 4 for linear waves, Shubin and Bell (1987)",
            lambda given: ModifiedEquation(given.system, given.statistics),
            aliases=("lax_wendroff4", "dablain"),
        ),
        Method(
            "backward_euler",
            "implicit",
            1,
            "backward Euler",
            theta_method(1.0),
            aliases=("implicit_euler", "bdf1", "be"),
        ),
        Method(
            "crank_nicolson",
            "implicit",
            2,
            "Crank-Nicolson",
            theta_method(0.5),
            aliases=("cn", "trapezoidal", "crank-nicolson"),
        ),
        Method(
            "bdf2",
            "implicit",
            2,
            "backward differentiation of order 2 with variable steps",
            lambda given: on_real_pairs(given.system, lambda s: VariableBDF2(s, given.solvers, given.statistics)),
            estimates=True,
        ),
        *(accelerated_method(found) for found in ACCELERATIONS.values()),
        *(semi_implicit_method(found) for found in SEMI_IMPLICIT.values()),
        Method(
            "exponential",
            "exact",
            5,
            "exponential propagator, exact in time",
            _propagator,
            estimates=True,
            aliases=("expm", "exact"),
        ),
        stochastic_method(
            "euler_maruyama", "Euler-Maruyama", ExplicitDrift, first_order, aliases=("em",), stability="euler"
        ),
        stochastic_method("milstein", "Milstein", ExplicitDrift, second_order, stability="euler"),
        stochastic_method(
            "implicit_euler_maruyama", "Euler-Maruyama, implicit in the linear part", ImplicitDrift, first_order
        ),
        stochastic_method("implicit_milstein", "Milstein, implicit in the linear part", ImplicitDrift, second_order),
        Method("DOP853", "adaptive explicit", 8, "Dormand-Prince 8(5,3), adaptive"),
        Method("Radau", "adaptive implicit", 5, "Radau IIA of order 5, adaptive"),
        Method("BDF", "adaptive implicit", 5, "backward differentiation of orders 1 to 5, adaptive"),
        Method("LSODA", "adaptive implicit", 12, "LSODA: Adams and backward differentiation, adaptive"),
        *(
            Method(name, "adaptive implicit", 5, f"{title} of SUNDIALS", library=integrate_by_sundials)
            for name, title in SUNDIALS.items()
        ),
    )
}


def find_method(name: str) -> Method:
    """The method of a name or alias, in any case.

    Raises
    ------
    SolverError
        There is none; names the nearest.

    Examples
    --------
    >>> find_method("RK4").name, find_method("dopri5").name, find_method("cn").name
    ('rk4', 'dormand_prince', 'crank_nicolson')
    """
    known = {n.lower(): m for m in METHODS.values() for n in (m.name, *m.aliases)}
    found = known.get(name.lower()) if isinstance(name, str) else None
    if found is None:
        names = ["auto", *METHODS]
        hint = nearest_hint(str(name).lower(), ["auto", *known])
        raise SolverError(f"unknown time method {name!r}; there are {', '.join(names)}{hint}", key="time.method")
    return found
