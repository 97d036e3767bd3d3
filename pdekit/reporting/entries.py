"""Labels with texts or formulas: what tables of a problem and a solution say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from latex2mathml.converter import convert
from markupsafe import Markup

from pdekit.language.latex import equations_latex, expression_latex
from pdekit.problem import Problem
from pdekit.reporting.set_up import problem_rows, work_in_words
from pdekit.solution import Solution


@dataclass(frozen=True)
class Entry:
    """A line of a table: its label, and a text or a formula."""

    label: str
    text: str = ""
    formula: Markup | None = None


def formula(latex: str, display: str = "inline") -> Markup:
    """LaTeX as MathML."""
    return Markup(convert(latex, display=display))


def equations_of(problem: Problem) -> list[Markup]:
    """The equations of a problem, typeset."""
    return [formula(latex, "block") for latex in equations_latex(problem.pde, problem.grid.names)]


def problem_entries(problem: Problem) -> list[Entry]:
    """What a problem was understood to mean; initial states and exact solutions as formulas."""
    entries = []
    for label, text in problem_rows(problem):
        name = label.removeprefix("initial ")
        given = problem.initial.get(name) if name != label else None
        entries.append(Entry(label, text, _expression(problem, given) if isinstance(given, str) else None))
    for name, given in problem.exact.items():
        shown = _expression(problem, given) if isinstance(given, str) else None
        entries.append(Entry(f"exact {name}", "given in Python", shown))
    return entries


def _expression(problem: Problem, text: str) -> Markup:
    return formula(expression_latex(text, problem.pde.unknowns, problem.grid.names))


def method_entries(solution: Solution) -> list[Entry]:
    """How a solution was found, why so, and with how much work."""
    rows = [Entry("method", solution.method), Entry("why", "\n".join(solution.reasons))]
    if work := work_in_words({k: v for k, v in solution.statistics.items() if k != "compile_seconds"}):
        rows.append(Entry("work", work))
    if np.isfinite(solution.wall_time):
        compiling = f", {solution.compile_time:.2f} s of it for compiling" if solution.compile_time > 0.05 else ""
        rows.append(Entry("wall time", f"{solution.wall_time:.2f} s{compiling}"))
    if not solution.steady:
        rows.append(Entry("stored", f"{solution.times.size} frames"))
    return rows
