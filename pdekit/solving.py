"""Solving a problem in one call: the run, and the results file that it writes."""

from __future__ import annotations

import sys
import time as clock
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pdekit.ensemble import ensemble
from pdekit.errors import ConfigError
from pdekit.io.formats import output_to
from pdekit.problem import Problem
from pdekit.run import Progress, Run
from pdekit.settings import StopSettings
from pdekit.solution import Solution
from pdekit.thresholds import THRESHOLDS, Thresholds
from pdekit.time.method_choice import Choice, is_explicit

EVERY_SECONDS = 10.0


def solve(
    problem: Problem,
    t_end: float | None = None,
    *,
    method: str | None = None,
    step: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    seed: int | None = None,
    samples: int | None = None,
    times: Sequence[float] | None = None,
    every: float | None = None,
    frames: int | None = None,
    output: str | Path | None = None,
    force: bool = False,
    keep: bool = True,
    progress: Progress | bool | None = None,
    choice: Choice | None = None,
    thresholds: Thresholds = THRESHOLDS,
) -> Solution:
    """Solve a problem; see `pdekit.problem.Problem.solve`."""
    if not problem.steady:
        words = {"method": method, "step": step, "rtol": rtol, "atol": atol, "seed": seed, "samples": samples}
        settings = replace(problem.time, **_given(**words))
        _, end = problem.span(t_end)
        rules = _given(times=None if times is None else tuple(times), every=every, frames=frames)
        rule = replace(problem.output.by(**rules) if rules else problem.output, file=None)
        if not is_explicit(settings.method):
            problem = problem.with_jacobian()
        problem = problem.as_solved(replace(settings, end=end), rule)
    file = None if output is None else output_to(problem, Path(output), force)
    run = Run(problem, file, keep=keep, thresholds=thresholds)
    if problem.steady:
        return run.steady()
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise ConfigError(f"expected a function of (t, steps), True or False, found {progress!r}", key="progress")
    follow = ProgressLines(end) if progress is True else (progress or None)
    if settings.samples == 1:
        return run.in_time(settings, rule, end, choice, follow)
    if not problem.system.noises:
        raise ConfigError("there is no noise in the equations: all samples would be the same", key="time.samples")
    if problem.stop != StopSettings():
        raise ConfigError(
            "with a stop every sample would end at a time of its own: run them one by one", key="time.samples"
        )
    single = replace(settings, samples=1)
    return ensemble(
        lambda number: Run(problem, thresholds=thresholds, sample=number).in_time(single, rule, end, choice, follow),
        settings.samples,
        file,
    )


class ProgressLines:
    """A line to the standard error every ten seconds, and at the end."""

    def __init__(self, end: float) -> None:
        self.end, self._last = end, clock.monotonic()

    def __call__(self, t: float, steps: int) -> None:
        if t >= self.end or clock.monotonic() - self._last > EVERY_SECONDS:
            self._last = clock.monotonic()
            print(f"t = {t:.6g} of {self.end:g}, {steps:,} steps", file=sys.stderr)


def _given(**options: Any) -> dict[str, Any]:
    """Those options that are not None."""
    return {name: value for name, value in options.items() if value is not None}
