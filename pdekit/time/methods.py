"""The registry of time integration methods: one line each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError, nearest_hint
from pdekit.time.explicit import (
    Counted,
    ExplicitMethod,
    RungeKutta,
    StabilisedChebyshev,
    adapt_explicit,
    march_explicit,
)
from pdekit.time.implicit import Newmark, Stepper, Theta, Verlet, march
from pdekit.time.observers import Statistics, Watch
from pdekit.time.right_hand_side import Compiled, CompiledRates, Precision, Rates, Tolerance, choose_rates
from pdekit.time.scipy_methods import adapt
from pdekit.time.tables import TABLEAUX, Tableau

USUAL_STAGES, USUAL_EVALUATIONS = 10, 5000.0
Family = Literal["explicit", "stabilised", "implicit", "verlet", "newmark", "adaptive explicit", "adaptive implicit"]


@dataclass(frozen=True)
class Method:
    """A time integration method.

    Parameters
    ----------
    name : str
        As written in ``time: {method: ...}``.
    family : str
        Decides which stability limit applies.
    order : int
        Order of accuracy in time.
    title : str
        In words.
    stepper : callable, optional
        Makes the stepper of an implicit or symplectic method of fixed step.
    explicit : callable, optional
        Makes the method of the explicit engine; without it and `stepper` the method is one of scipy's.
    estimates : bool
        Whether the method of the explicit engine estimates its error, and can choose its steps.
    kept : int
        States that a method of the explicit engine keeps beside the old and the new one.
    """

    name: str
    family: Family
    order: int
    title: str
    stepper: Callable[[SemiDiscrete, Statistics], Stepper] | None = None
    explicit: Callable[[Rates, NDArray[Any]], ExplicitMethod] | None = None
    estimates: bool = False
    kept: int = 0

    @property
    def needs_step(self) -> bool:
        """Whether the method needs a step from the user."""
        return self.stepper is not None or (self.explicit is not None and not self.estimates)

    @property
    def takes_step(self) -> bool:
        """Whether it can go with a fixed step."""
        return self.stepper is not None or self.explicit is not None

    def realise(
        self,
        system: SemiDiscrete,
        duration: float,
        step: float | None,
        compiled: Compiled = "auto",
        precision: Precision = "double",
    ) -> Rates | None:
        """The right-hand side in the form that the explicit engine will use; None for other methods."""
        if self.explicit is None:
            if precision == "single":
                names = ", ".join(name for name, method in METHODS.items() if method.explicit is not None)
                raise SolverError(f"time.precision: single is for {names}; the method is {self.name}")
            return None
        if not system.evolves:
            raise SolverError(f"{self.name} cannot solve algebraic equations '0 = ...'; use backward_euler")
        stages = TABLEAUX[self.name].stages if self.name in TABLEAUX else USUAL_STAGES
        evaluations = USUAL_EVALUATIONS if step is None else stages * duration / step
        rates = choose_rates(system, evaluations, compiled, precision)
        if isinstance(rates, CompiledRates) and self.name in TABLEAUX and TABLEAUX[self.name].shu_osher:
            rates.kernel.plain = "step"  # which the method compiles in any case
        return rates

    def integrate(
        self,
        system: SemiDiscrete,
        y: NDArray[Any],
        times: Sequence[float],
        watch: Watch,
        *,
        step: float | None = None,
        rtol: float = 1e-6,
        atol: Any = 1e-9,
        rates: Rates | None = None,
    ) -> Iterator[tuple[float, NDArray[Any]]]:
        """Yield ``(t, y)`` at all `times`, the first of which is the start."""
        if self.explicit is not None:
            duration = times[-1] - times[0]
            known = rates or self.realise(system, duration, step)
            assert known is not None
            counted: Any = Counted(known, watch)
            method = self.explicit(counted, np.broadcast_to(np.zeros((), dtype=known.dtype), known.shape))
            if step is not None:
                return march_explicit(method, counted, y, times, step, watch)
            if not self.estimates:
                raise SolverError(f"{self.name} needs a fixed step, time: {{step: ...}}")
            tolerance = Tolerance(np.broadcast_to(atol, y.shape), float(rtol))
            return adapt_explicit(method, counted, y, times, tolerance, watch)
        if self.stepper is None:
            if step is not None:
                raise SolverError(f"{self.name} chooses its own steps; leave step out, or take a method of fixed step")
            return adapt(system, self.name, y, times, rtol, np.broadcast_to(atol, y.shape), watch)
        if step is None:
            raise SolverError(f"{self.name} needs a fixed step, time: {{step: ...}}")
        return march(self.stepper(system, watch.statistics), y, times, step, watch)


def _explicit(tableau: Tableau) -> Method:
    title = f"explicit Runge-Kutta of order {tableau.order}, {tableau.source}"
    estimates = bool(tableau.error)

    def make(rates: Rates, like: NDArray[Any]) -> ExplicitMethod:
        return RungeKutta(rates, tableau, like)

    kept = tableau.kept
    return Method(tableau.name, "explicit", tableau.order, title, explicit=make, estimates=estimates, kept=kept)


def _stabilised(rates: Rates, like: NDArray[Any]) -> ExplicitMethod:
    bound = rates.system.rate_bound(0.0, np.zeros(rates.system.size, dtype=rates.system.dtype))
    return StabilisedChebyshev(rates, like, bound)


METHODS: dict[str, Method] = {
    m.name: m
    for m in (
        *(_explicit(tableau) for tableau in TABLEAUX.values()),
        Method(
            "rkc2",
            "stabilised",
            2,
            "stabilised Runge-Kutta-Chebyshev of order 2, Sommeijer, Shampine and Verwer (1998)",
            explicit=_stabilised,
            estimates=True,
            kept=4,
        ),
        Method("backward_euler", "implicit", 1, "backward Euler", lambda s, n: Theta(s, 1.0, n)),
        Method("crank_nicolson", "implicit", 2, "Crank-Nicolson", lambda s, n: Theta(s, 0.5, n)),
        Method("verlet", "verlet", 2, "Stormer-Verlet, symplectic", lambda s, n: Verlet(s, n)),
        Method("newmark", "newmark", 2, "Newmark, beta 1/4, gamma 1/2", lambda s, n: Newmark(s, n)),
        Method("RK45", "adaptive explicit", 5, "Dormand-Prince 5(4), adaptive"),
        Method("RK23", "adaptive explicit", 3, "Bogacki-Shampine 3(2), adaptive"),
        Method("DOP853", "adaptive explicit", 8, "Dormand-Prince 8(5,3), adaptive"),
        Method("Radau", "adaptive implicit", 5, "Radau IIA of order 5, adaptive"),
        Method("BDF", "adaptive implicit", 5, "backward differentiation of orders 1 to 5, adaptive"),
        Method("LSODA", "adaptive implicit", 12, "LSODA: Adams and backward differentiation, adaptive"),
    )
}


def find_method(name: str) -> Method:
    """The method of a name.

    Raises
    ------
    SolverError
        There is none; names the nearest.
    """
    if name not in METHODS:
        names = ["auto", *METHODS]
        raise SolverError(f"unknown time method {name!r}; there are {', '.join(names)}{nearest_hint(name, names)}")
    return METHODS[name]
