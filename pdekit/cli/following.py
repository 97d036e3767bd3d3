"""A run from the command line, followed: a bar in a terminal, lines elsewhere, or a look at the fields."""

from __future__ import annotations

import time as clock
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from pdekit.problem import Problem
from pdekit.progress import ProgressLines
from pdekit.solution import Solution

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
