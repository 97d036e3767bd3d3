"""All methods beside each other for one problem: whether each fits, and how long it would take.

Each method that fits is let run for a moment; from its last step and the seconds a step takes follows the rest: ``(end - t)/h`` steps. Steps
that are still growing, as those of implicit methods do, make the prediction too long rather than too short.
"""

from __future__ import annotations

import time as clock
from dataclasses import dataclass

import numpy as np
from rich.markup import escape
from rich.table import Table

from pdekit.errors import PdekitError
from pdekit.problem import Problem
from pdekit.solution import Solution
from pdekit.time.methods import METHODS
from pdekit.time.pace import Enough, Stopwatch

MOMENT = 0.3


@dataclass
class Trial:
    """One method on one problem.

    Parameters
    ----------
    name : str
    why_not : str
        Why it does not fit; empty if it does.
    seconds : float
        Predicted, compilation apart.
    steps : float
        Predicted.
    """

    name: str
    why_not: str = ""
    seconds: float = np.inf
    steps: float = np.inf


def trial(problem: Problem, name: str) -> Trial:
    """Let a method run for a moment."""
    _, end = problem.span(None)
    pace = Stopwatch(MOMENT)
    begun = clock.perf_counter()
    try:
        solution: Solution = problem.solve(method=name, frames=2, keep=False, progress=pace)
    except Enough:
        return Trial(name, "", *pace.predicted(end))
    except PdekitError as error:
        return Trial(name, str(error).split("; ")[0])
    taken = clock.perf_counter() - begun - solution.compile_time
    return Trial(name, "", taken, float(solution.statistics["steps"]))


def trials(problem: Problem) -> list[Trial]:
    """All methods that go with the problem's own settings, the fastest first, and those that do not fit."""
    found = []
    for name, method in METHODS.items():
        if (problem.time.step is None) == method.needs_step or (
            problem.time.step is not None and not method.takes_step
        ):
            continue
        found.append(trial(problem, name))
    return sorted(found, key=lambda t: (bool(t.why_not), t.seconds))


def method_table(problem: Problem, chosen: str) -> Table:
    """The trials as a table."""
    table = Table(box=None, pad_edge=False)
    for name in ("method", "order", "predicted", "steps", ""):
        table.add_column(name, justify="right" if name in ("order", "predicted", "steps") else "left", overflow="fold")
    for one in trials(problem):
        own, method = "chosen" if one.name == chosen else "", METHODS[one.name]
        if one.why_not:
            table.add_row(one.name, str(method.order), "", "", f"[dim]{escape(one.why_not)}[/dim]")
            continue
        seconds = f"{one.seconds:.2g} s" if np.isfinite(one.seconds) else f"over {MOMENT} s a step"
        table.add_row(one.name, str(method.order), seconds, f"{one.steps:,.0f}" if np.isfinite(one.steps) else "", own)
    return table
