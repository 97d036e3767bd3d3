"""How long a run of fixed steps will take: some of its steps are made, and timed."""

from __future__ import annotations

import time as clock
from dataclasses import dataclass

import numpy as np

from pdekit.errors import PdekitError
from pdekit.problem import Problem
from pdekit.time.equal_steps import divided
from pdekit.time.method_choice import Choice
from pdekit.time.observers import Watch

LONG_ENOUGH, TOO_LONG, MOST_STEPS_TIMED = 0.2, 5.0, 256


class _Enough(Exception):  # noqa: N818  (steps enough to know how long one takes)
    pass


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
    steps = sum(stretch.count for stretch in divided(problem.output.resolve(start, end), h))
    h = min(h, (end - start) / steps)
    tried = min(steps, MOST_STEPS_TIMED)
    marks: list[float] = []

    def note(t: float, count: int) -> None:
        marks.append(clock.perf_counter())
        if marks[-1] - marks[0] > LONG_ENOUGH or marks[-1] - begun > TOO_LONG:
            raise _Enough

    system, time = problem.semidiscrete, problem.time
    begun = clock.perf_counter()
    try:
        rates = choice.method.realise(system, end - start, time.step, time.compiled, time.precision)
        y, watch = system.pack(problem.initial_fields()), Watch(system, np.inf, note)
        for _ in choice.method.integrate(system, y, [start, start + tried * h], watch, step=h, rates=rates):
            pass
    except _Enough:
        pass
    except PdekitError:
        return None  # the run will say what is wrong
    each = (marks[-1] - marks[0]) / (len(marks) - 1) if len(marks) > 1 else marks[0] - begun
    return Forecast(steps, max(marks[0] - begun - each, 0.0), each)
