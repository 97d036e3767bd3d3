"""Solving a problem in one call: the run, and the results file that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pdekit.discretize.absorbing_layers import without_layers
from pdekit.ensemble import ensemble
from pdekit.errors import ConfigError
from pdekit.io.formats import output_to
from pdekit.problem import Problem
from pdekit.progress import Progress, ProgressLines, all_of, to_log
from pdekit.run import Run
from pdekit.settings import StopSettings
from pdekit.solution import Solution
from pdekit.thresholds import THRESHOLDS, Thresholds
from pdekit.time.method_choice import Choice, is_explicit
from pdekit.watching import LiveView, live_view


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
    device: Literal["cpu", "gpu"] | None = None,
    times: Sequence[float] | None = None,
    every: float | None = None,
    frames: int | None = None,
    output: str | Path | None = None,
    force: bool = False,
    keep: bool = True,
    progress: Progress | bool | None = None,
    watch: bool = False,
    choice: Choice | None = None,
    thresholds: Thresholds = THRESHOLDS,
) -> Solution:
    """Solve a problem; see `pdekit.problem.Problem.solve`."""
    if not problem.steady:
        words = {"method": method, "step": step, "rtol": rtol, "atol": atol, "seed": seed, "samples": samples}
        words["device"] = device
        settings = replace(problem.time, **_given(**words))
        _, end = problem.span(t_end)
        rules = _given(times=None if times is None else tuple(times), every=every, frames=frames)
        rule = replace(problem.output.by(**rules) if rules else problem.output, file=None)
        if not is_explicit(settings.method):
            problem = problem.with_jacobian()
        problem = problem.as_solved(replace(settings, end=end), rule)
    file = None if output is None else output_to(problem, Path(output), force)
    if problem.steady:
        if watch:
            raise ConfigError("a steady problem has no time in which there is something to watch", key="watch")
        return Run(problem, file, keep=keep, thresholds=thresholds).steady()
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise ConfigError(f"expected a function of (t, steps), True or False, found {progress!r}", key="progress")
    span = (settings.start, end, problem.units.get("t", ""))
    follow = all_of(ProgressLines(*span) if progress is True else (progress or None), to_log(*span))
    if settings.samples == 1:
        view = _view_of(problem, end) if watch else None
        try:
            return Run(problem, file, keep=keep, thresholds=thresholds, viewer=view).in_time(
                settings, rule, end, choice, follow
            )
        finally:
            if view is not None:
                view.close()
    if watch:
        raise ConfigError("samples run one after the other, and are not watched", key="watch")
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


def _view_of(problem: Problem, end: float) -> LiveView:
    """A look at the fields of a problem."""
    names = without_layers((block.name for block in problem.semidiscrete.blocks if block.shape), problem.grid)
    return live_view(problem.grid, names, problem.captions, problem.time.start, end)


def _given(**options: Any) -> dict[str, Any]:
    """Those options that are not None."""
    return {name: value for name, value in options.items() if value is not None}
