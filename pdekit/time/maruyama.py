r"""Stochastic equations ``du = F(t, u) dt + sum_k g_k(t, u) dW_k`` (Ito) in steps of fixed length.

A step is a step of what is certain, explicit or implicit in its linear part, and what noise adds:

    u_1 = u_0 + h F(t_0, u_0)                          + sum_k S_k       (explicit)
    (1 - h L) u_1 = u_0 + h (b(t_1) + N(t_0, u_0))     + sum_k S_k       (implicit in L)

with ``S = g dW`` (Euler-Maruyama: strong order 1/2, 1 where g does not depend on u; weak order 1) or
``S = g dW + g g' (dW^2 - v h)/2`` (Milstein: strong order 1), v the variance of dW beside h. Milstein's method needs a g that
depends on the unknown whose equation it stands in only, node by node, and one such noise in an equation.

References
----------
P. E. Kloeden and E. Platen, *Numerical Solution of Stochastic Differential Equations* (1992), eqs. 10.2.4, 10.3.1 and 12.2.12.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from pdekit.counts import Statistics
from pdekit.discretize.program import Frame
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError
from pdekit.language.equation_system import EquationSystem
from pdekit.language.evaluate import slope
from pdekit.language.noise import NoiseTerm
from pdekit.language.symbols import SpatialDerivative
from pdekit.linear.solver_choice import Solvers
from pdekit.time.kept_factors import KeptFactors
from pdekit.time.loop import Stop
from pdekit.time.stepper import Tolerance, VectorStepper
from pdekit.time.wiener import WienerProcess
from pdekit.typing import Array


@dataclass(frozen=True)
class Path:
    """Which path of the noise a run follows.

    Parameters
    ----------
    seed : int, optional
    step : float, optional
        The interval in which it is drawn; by default the time step. Runs with one interval and several steps see the same path.
    sample : int
        Of an ensemble.
    start : float, optional
        The time at which it begins; by default that of the integration.
    """

    seed: int | None = None
    step: float | None = None
    sample: int = 0
    start: float | None = None


class Drift(Protocol):
    """A step of what is certain, noise added."""

    def __call__(self, t: float, Y: Array, h: float, noise: Array) -> Array: ...


class ExplicitDrift:
    """``Y + h F(t, Y) + noise``."""

    def __init__(self, system: SemiDiscrete, solvers: Solvers, statistics: Statistics) -> None:
        self.system, self.statistics = system, statistics

    def __call__(self, t: float, Y: Array, h: float, noise: Array) -> Array:
        self.statistics.evaluations += 1
        return np.asarray(Y + h * self.system.rhs(t, Y) + noise)


class ImplicitDrift:
    """``(1 - h L)^-1 (Y + h (b(t + h) + N(t, Y)) + noise)``."""

    def __init__(self, system: SemiDiscrete, solvers: Solvers, statistics: Statistics) -> None:
        self.system, self.statistics = system, statistics
        self._linear = KeptFactors(solvers.resolvent, statistics)

    def __call__(self, t: float, Y: Array, h: float, noise: Array) -> Array:
        self.statistics.evaluations += 1
        rest = 0.0 if self.system.is_linear else self.system.nonlinear(t, Y)
        return np.asarray(self._linear.at(h).solve(Y + h * (self.system.b(t + h) + rest) + noise))


Increment = Callable[[Frame, NoiseTerm, WienerProcess, Array, float], Array]


def first_order(frame: Frame, term: NoiseTerm, process: WienerProcess, dW: Array, h: float) -> Array:
    """``g dW`` (Euler-Maruyama)."""
    return np.asarray(frame.value(term.amplitude) * dW)


def second_order(frame: Frame, term: NoiseTerm, process: WienerProcess, dW: Array, h: float) -> Array:
    """``g dW + g g' (dW^2 - v h)/2`` (Milstein)."""
    g, own = frame.value(term.amplitude), slope(term.amplitude, _moved(frame.program.system, term))
    correction = 0.0 if own == 0 else 0.5 * g * frame.value(own) * (dW**2 - process.variance * h)
    return np.asarray(g * dW + correction)


def _moved(system: EquationSystem, term: NoiseTerm) -> Any:
    """What the equation is for that the noise stands in: the unknown, or its rate."""
    unknown = next(u for u in system.unknowns if u.name == term.unknown)
    return unknown.rate if unknown.time_order == 2 else unknown.symbol


def refuse_without_diagonal_noise(system: SemiDiscrete) -> None:
    """Refuse what Milstein's method without multiple integrals cannot do.

    Raises
    ------
    SolverError
    """
    noises = system.system.noises
    noisy = {_moved(system.system, term) for term in noises}
    numbers = [term.number for term in noises]
    for term in noises:
        used = term.amplitude.free_symbols & noisy
        others = [other for other in noises if other.unknown == term.unknown and other is not term]
        if (
            term.amplitude.has(SpatialDerivative)
            or used - {_moved(system.system, term)}
            or (used and (others or numbers.count(term.number) > 1))
        ):
            raise SolverError(
                f"milstein needs amplitudes that depend on their own unknown only, node by node, one to an equation; that of the "
                f"noise in the equation of {term.unknown!r} is {term.amplitude}. Use euler_maruyama",
                key="time.method",
            )


def strong_order(system: SemiDiscrete, name: str) -> float:
    """How fast paths converge: 1, or 1/2 by Euler-Maruyama where the amplitude of noise depends on the solution."""
    states = set(system.system.states)
    multiplicative = any(term.amplitude.free_symbols & states for term in system.system.noises)
    return 0.5 if multiplicative and name.endswith("euler_maruyama") else 1.0


class Maruyama(VectorStepper):
    """A stochastic method from its two parts.

    Parameters
    ----------
    system : SemiDiscrete
    drift : Drift
    increment : callable
        What one noise adds.
    processes : sequence of WienerProcess
        One for every noise of the equations.
    start : float
        Where the paths begin.
    """

    def __init__(
        self, system: SemiDiscrete, drift: Drift, increment: Increment, processes: Sequence[WienerProcess], start: float
    ) -> None:
        self.system, self.drift, self.increment, self.processes, self.start = system, drift, increment, processes, start

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        interval = self.processes[0].interval
        first, last = round((t - self.start) / interval), round((t + h - self.start) / interval)
        frame, noise = self.system.frame(t, Y), np.zeros_like(Y)
        drawn: dict[int, Array] = {}
        for term, process in zip(self.system.system.noises, self.processes):
            if term.number not in drawn:
                drawn[term.number] = process.increment(first, last)
            block = self.system.layout.equation_block(term.unknown)
            noise[block.slice] += self.increment(frame, term, process, drawn[term.number], h).ravel()[block.free]
        out[...] = self.drift(t, Y, h, self.system.completed(noise))
        return 0.0


def wiener_processes(system: SemiDiscrete, path: Path, step: float) -> list[WienerProcess]:
    """The processes of a system's noises.

    Raises
    ------
    SolverError
        There is no seed, or the step is no multiple of the interval of the path.
    """
    if path.seed is None:
        raise SolverError("missing; noise needs a whole number, so that the run can be repeated", key="time.seed")
    interval = path.step or step
    count = step / interval
    if not np.isfinite(count) or abs(round(count) - count) > 1e-9 * count or round(count) < 1:
        raise SolverError(f"the step {step:g} is no multiple of {interval:g}", key="time.path_step")
    made: dict[int, WienerProcess] = {}
    for term in system.system.noises:
        made.setdefault(
            term.number, WienerProcess(system.grid, term.length, path.seed, term.number, path.sample, interval)
        )
    return [made[term.number] for term in system.system.noises]


def refuse_stops_within_steps(stops: Sequence[Stop], step: float) -> None:
    """Refuse output times between steps: shorter steps would change the path.

    Raises
    ------
    SolverError
    """
    for stop in stops[1:]:
        count = (stop.t - stops[0].t) / step
        if abs(round(count) - count) > 1e-9 * count:
            raise SolverError(
                f"with noise, output times and the end must fall on whole steps of {step:g}, t = {stop.t:g} does not",
                key="output" if stop is not stops[-1] else "time.end",
            )
