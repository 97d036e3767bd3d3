"""A run whose steps and stages are kept, so that it can be made again with other parameters, and differentiated.

Steps are those of a diagonally implicit method (`pdekit.time.diagonally_implicit`). They are chosen once, by the estimated error or
by a fixed step; the run with these steps is a smooth function of the parameters, with derivatives that are exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pdekit.counts import Statistics
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import ConfigError
from pdekit.inverse.initial_state import initial_state
from pdekit.inverse.promotion import Promotion
from pdekit.linear.solver_choice import Solvers
from pdekit.problem import Problem
from pdekit.run import Run
from pdekit.settings import TimeSettings
from pdekit.time.breakpoints import breakpoints
from pdekit.time.controllers import Controller, ErrorControl, FixedStep
from pdekit.time.diagonally_implicit import DiagonallyImplicit
from pdekit.time.loop import integrate, stops_of
from pdekit.time.method import LADDER
from pdekit.time.observers import Watch
from pdekit.time.pulses import pulse_stops, timed_data
from pdekit.time.state_sizes import state_sizes
from pdekit.time.stepper import Tolerance
from pdekit.time.tables import IMPLICIT_TABLEAUX, ImplicitTableau
from pdekit.typing import Array

MOST_BYTES = 8e9  # of the states of all stages
DEFAULT, DEFAULT_FIXED = "esdirk43", "tr_bdf2"


@dataclass(frozen=True, eq=False)
class RecordedStep:
    """One step.

    Parameters
    ----------
    t, h : float
        Its beginning and length.
    is_fresh : bool
        The slope of its first stage was computed, not taken from the step before.
    y : array
        The state at its beginning.
    stages : tuple of array
        The states of its implicit stages; the last is the result.
    """

    t: float
    h: float
    is_fresh: bool
    y: Array
    stages: tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class RecordedRun:
    """Parameters
    ----------
    system : SemiDiscrete
    tableau : ImplicitTableau
    start : float
    y : array
        The initial state.
    steps : tuple of RecordedStep
    frames : tuple of (float, int)
        Times of the frames, and how many steps were made until then; the first frame is the start.
    """

    system: SemiDiscrete
    tableau: ImplicitTableau
    start: float
    y: Array
    steps: tuple[RecordedStep, ...]
    frames: tuple[tuple[float, int], ...]

    @property
    def times(self) -> Array:
        """Times of the frames."""
        return np.array([t for t, _ in self.frames])

    def state(self, count: int) -> Array:
        """The state after so many steps."""
        return self.steps[count - 1].stages[-1] if count else self.y

    @property
    def states(self) -> list[Array]:
        """The states at the frames."""
        return [self.state(count) for _, count in self.frames]

    @property
    def path(self) -> list[tuple[float, Array]]:
        """Times and states at all steps."""
        return [(self.start, self.y), *((step.t + step.h, step.stages[-1]) for step in self.steps)]

    @property
    def description(self) -> str:
        """How it is made, in words."""
        return f"{len(self.steps)} steps by {self.tableau.name}"

    def tangents(self, promotion: Promotion, directions: Array | None = None) -> Iterator[Array]:
        """Derivatives of the states by the parameters; see `pdekit.inverse.discrete_derivatives.tangents`."""
        from pdekit.inverse.discrete_derivatives import tangents

        return tangents(self, promotion, directions)

    def adjoint(self, promotion: Promotion, seeds: Mapping[int, Array]) -> Array:
        """Derivatives of numbers by the parameters; see `pdekit.inverse.discrete_derivatives.adjoint`."""
        from pdekit.inverse.discrete_derivatives import adjoint

        return adjoint(self, promotion, seeds)

    def again(self, problem: Problem) -> RecordedRun:
        """The same steps with another problem, one with other values of its parameters.

        Raises
        ------
        NotConvergedError, SolverError
            A stage has no solution that Newton's method finds.
        """
        system = problem.semidiscrete
        recorder = _Recorder(system, self.tableau, Solvers(system, problem.time.solver))
        y = initial_state(problem, self.start)
        Y, out = y.copy(), np.empty_like(y)
        for step in self.steps:
            if step.is_fresh:
                recorder.restart()
            recorder.step(step.t, Y, step.h, out)
            recorder.accepted(False)
            Y, out = out, Y
        return RecordedRun(system, self.tableau, self.start, y, tuple(recorder.steps), self.frames)


class _Recorder(DiagonallyImplicit):
    """A stepper that keeps what it did."""

    def __init__(self, system: SemiDiscrete, tableau: ImplicitTableau, solvers: Solvers) -> None:
        super().__init__(system, tableau, solvers, Statistics())
        self.steps: list[RecordedStep] = []
        self._made: tuple[float, float, bool, Array, Array] | None = None

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        is_fresh = self._first is None
        error = super().step(t, Y, h, out, tolerance)
        self._made = t, h, is_fresh, Y, out
        return error

    def accepted(self, estimated: bool) -> None:
        assert self._made is not None
        t, h, is_fresh, Y, out = self._made
        A, gamma, k = self.tableau.A, self.tableau.gamma, self._slopes
        before = [
            Y + h * (sum(a * slope for a, slope in zip(A[i], k) if a != 0) + gamma * k[i]) for i in range(1, len(k) - 1)
        ]
        start = self.steps[-1].stages[-1] if self.steps else Y.copy()
        self.steps.append(RecordedStep(t, h, is_fresh, start, (*before, out.copy())))
        super().accepted(estimated)
        if len(self.steps) * len(k) * Y.nbytes > MOST_BYTES:
            raise ConfigError(
                f"the states of all steps take more than {MOST_BYTES / 1e9:g} GB after {len(self.steps)} steps; take a coarser grid "
                "or longer steps",
                key="time",
            )


def recorded(problem: Problem, times: Sequence[float], settings: TimeSettings | None = None) -> RecordedRun:
    """Run a problem, and keep its steps.

    Parameters
    ----------
    problem : Problem
    times : sequence of float
        Of the frames that are wanted, increasing, from the start on; the start is one in any case.
    settings : TimeSettings, optional
        Instead of the problem's.

    Raises
    ------
    ConfigError
        The method is none whose steps can be differentiated.
    """
    settings = settings or problem.time
    tableau = tableau_of(settings)
    system, start = problem.semidiscrete, settings.start
    y = initial_state(problem, start)
    end = max(times)
    timed = timed_data(system, start, end)
    others = pulse_stops(timed) if settings.step is None else []
    stops = stops_of(sorted({start, *times}), breakpoints(system, start, end), others)
    run = Run(problem)
    scales = state_sizes(system, y, start, end - start, system.rhs, timed)
    recorder = _Recorder(system, tableau, Solvers(system, settings.solver))
    control: Controller
    if settings.step is not None:
        control = FixedStep(settings.step)
    else:
        tolerance, longest = run.tolerance(settings, scales), settings.max_step or np.inf
        control = ErrorControl(tolerance, end - start, longest, LADDER * system.is_linear)
    frames = [(t, len(recorder.steps)) for t, _ in integrate(recorder, control, y, stops, Watch(system, max(scales)))]
    return RecordedRun(system, tableau, start, y, tuple(recorder.steps), tuple(frames))


def tableau_of(settings: TimeSettings) -> ImplicitTableau:
    """The diagonally implicit method of some settings: of "auto" ESDIRK4(3), of "auto" with a fixed step TR-BDF2."""
    name = settings.method.lower()
    if name == "auto":
        name = DEFAULT if settings.step is None else DEFAULT_FIXED
    for tableau in IMPLICIT_TABLEAUX.values():
        if name in (tableau.name, *tableau.aliases):
            return tableau
    raise ConfigError(
        f"steps that can be differentiated are those of {', '.join(IMPLICIT_TABLEAUX)}; found {settings.method}, take one "
        "of them or auto",
        key="time.method",
    )
