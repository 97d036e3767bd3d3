"""How long a run of fixed steps will take: some of its steps are made, and timed."""

from __future__ import annotations

import time as clock
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pdekit.errors import PdekitError
from pdekit.problem import Problem
from pdekit.time.controllers import step_count
from pdekit.time.loop import Stop
from pdekit.time.maruyama import Path
from pdekit.time.method_choice import Choice
from pdekit.time.observers import Watch
from pdekit.time.pace import Enough
from pdekit.time.stepper import Tolerance

LONG_ENOUGH, TOO_LONG, MOST_STEPS_TIMED = 0.2, 5.0, 256


@dataclass(frozen=True)
class Forecast:
    """What is to come.

    Parameters
    ----------
    steps : int
    preparation : float
        Seconds until the first steps are made: compilation, factorisation.
    step : float
        Seconds a step.
    """

    steps: int
    preparation: float
    step: float

    @property
    def seconds(self) -> float:
        """The whole, output apart."""
        return self.preparation + self.steps * self.step


def forecast(problem: Problem, choice: Choice) -> Forecast | None:
    """Make the first steps and time them, until 0.2 s have gone by; None where steps are chosen by their errors, or fail."""
    h = problem.time.step
    if h is None:
        return None
    start, end = problem.span(None)
    frames = problem.output.resolve(start, end, h)
    steps = sum(step_count(b - a, h) for a, b in pairwise(frames))
    h = min(h, (end - start) / steps)
    tried = min(steps, MOST_STEPS_TIMED)
    marks: list[float] = []

    def note(t: float, count: int) -> None:
        marks.append(clock.perf_counter())
        if marks[-1] - marks[0] > LONG_ENOUGH or marks[-1] - begun > TOO_LONG:
            raise Enough

    system, time = problem.semidiscrete, problem.time
    begun = clock.perf_counter()
    try:
        rhs = choice.method.compile(system, end - start, time.step, time.compiled, time.precision, device=time.device)
        y, watch = system.pack(problem.initial_fields()), Watch(system, np.inf, note)
        tolerance = Tolerance(np.broadcast_to(1e-9, y.shape), time.rtol)
        stops = [Stop(start), Stop(start + tried * h)]
        path = Path(time.seed, time.path_step)
        for _ in choice.method.integrate(
            system, y, stops, watch, tolerance, step=h, rhs=rhs, path=path, implicit=time.implicit
        ):
            pass
    except Enough:
        pass
    except PdekitError:
        return None  # the run will say what is wrong
    each = (marks[-1] - marks[0]) / (len(marks) - 1) if len(marks) > 1 else marks[0] - begun
    return Forecast(steps, max(marks[0] - begun - each, 0.0), each)
