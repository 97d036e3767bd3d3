"""How long a run of fixed steps will take: some of its steps are made, and timed."""

from __future__ import annotations

import time as clock
from dataclasses import dataclass

import numpy as np

from pdekit.integrators.choose import Choice
from pdekit.integrators.division import divided
from pdekit.integrators.watch import Watch
from pdekit.problem import Problem

FEW, LONG_ENOUGH, MOST_STEPS_TIMED = 2, 0.2, 256


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
    """Make a few steps from the initial state and time them; None where the steps are chosen by their errors.

    Twice as many are made each time until they take 0.2 s together: steps that take longer one by one are few in number anyhow.
    """
    h = problem.time.step
    if h is None:
        return None
    start, end = problem.span(None)
    stops = problem.output.resolve(start, end)
    steps = sum(stretch.count for stretch in divided(stops, h))
    h = min(h, (end - start) / steps)
    system = problem.semidiscrete
    time = problem.time
    rates = choice.method.realise(system, end - start, time.step, time.compiled, time.precision)

    def seconds(count: int) -> float:
        y = system.pack(problem.initial_fields())
        watch = Watch(system, np.inf)
        begun = clock.perf_counter()
        for _ in choice.method.integrate(system, y, [start, start + count * h], watch, step=h, rates=rates):
            pass
        return clock.perf_counter() - begun

    first = seconds(FEW)
    if steps <= FEW:
        return Forecast(steps, 0.0, first / steps)
    count, taken, before = FEW, 0.0, 0.0
    while taken - before < LONG_ENOUGH and count < MOST_STEPS_TIMED:
        count *= 2
        before, taken = taken, seconds(count)
    each = max(taken - before, 0.0) / (count / 2 if before else count)
    return Forecast(steps, max(first - FEW * each, 0.0), each)
