"""A run from the command line, followed: a bar in a terminal, lines elsewhere, or a look at the fields."""

from __future__ import annotations

import sys
import time as clock
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from pdekit.io.estimate_in_file import write_estimate
from pdekit.io.formats import output_to
from pdekit.io.open import open_result
from pdekit.outputs import write_solution
from pdekit.problem import Problem
from pdekit.progress import ProgressLines
from pdekit.solution import Solution
from pdekit.verification.estimate import ErrorEstimate, estimate
from pdekit.verification.refinement import solve_to

SECONDS = 0.1  # between two looks at the bar


def followed(problem: Problem, path: Path, force: bool, quiet: bool, watch: bool) -> Solution:
    """Solve a problem, and tell on the standard error how far it is."""
    console = Console(stderr=True)
    if problem.steady or quiet or (watch and console.is_terminal):
        return problem.solve(
            output=path, force=force, keep=False, watch=watch and (problem.steady or console.is_terminal)
        )
    start, end = problem.span(None)
    choice = problem.choice()
    if not console.is_terminal:
        lines = ProgressLines(start, end, problem.units.get("t", ""), only_long=True)
        return problem.solve(output=path, force=force, keep=False, progress=lines, choice=choice)
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        TextColumn("t = {task.completed:.4g} / {task.total:.4g}"),
        TextColumn("{task.fields[rate]}"),
        TextColumn("time left"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(choice.method.name, total=end, rate="")
        bar.update(task, completed=start)
        rates = _RateClock()

        def progress(t: float, steps: int) -> None:
            rate = rates.tick(steps)
            if rate is not None:
                bar.update(task, completed=t, rate=f"{rate:,.0f} steps/s")

        return problem.solve(output=path, force=force, keep=False, progress=progress, choice=choice)


def estimated(problem: Problem, path: Path, quiet: bool) -> ErrorEstimate:
    """The errors of a run that is in a file, told there as well."""
    report = None if quiet else lambda text: print(f"estimating: {text}", file=sys.stderr)
    errors = estimate(problem, open_result(path), report)
    write_estimate(errors, path)
    return errors


def refined_run(
    problem: Problem, path: Path, force: bool, error: float, bound: float, quiet: bool
) -> tuple[Problem, Solution, ErrorEstimate]:
    """Solve to an accuracy, and write the last run with its estimate."""
    report = None if quiet else lambda text: print(text, file=sys.stderr)
    found = solve_to(problem, error, bound=bound, told=report)
    write_solution(output_to(found.problem, path, force), found.solution)
    write_estimate(found.estimate, path)
    return found.problem, found.solution, found.estimate


class _RateClock:
    """Tells the rate a few times a second and otherwise costs nothing."""

    def __init__(self) -> None:
        self._last, self._steps = clock.monotonic(), 0

    def tick(self, steps: int) -> float | None:
        """Steps a second since the last report, or None if that was just now."""
        now = clock.monotonic()
        if now - self._last < SECONDS:
            return None
        rate = (steps - self._steps) / (now - self._last)
        self._last, self._steps = now, steps
        return rate
