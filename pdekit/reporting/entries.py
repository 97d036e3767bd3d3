"""Labels with texts or formulas: what tables of a problem and a solution say."""

from __future__ import annotations

from dataclasses import dataclass

from latex2mathml.converter import convert
from markupsafe import Markup

from pdekit.geometry.grid import Grid
from pdekit.language.latex import equations_latex, expression_latex
from pdekit.language.pde import PDE
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


def equations_of(pde: PDE, grid: Grid) -> list[Markup]:
    """Equations, typeset."""
    return [formula(latex, "block") for latex in equations_latex(pde, grid.names)]


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
    work = work_in_words({k: v for k, v in solution.statistics.items() if k != "compile_seconds"})
    compiling = f", {solution.compile_time:.2f} s of it for compiling" if solution.compile_time > 0.05 else ""
    told = [
        Entry("method", solution.method),
        Entry("why", "\n".join(solution.reasons)),
        Entry("work", work),
        Entry("wall time", f"{solution.wall_time:.2f} s{compiling}" if solution.wall_time > 0 else ""),
        Entry("stored", "" if solution.steady else f"{len(solution)} frames"),
    ]
    return [entry for entry in told if entry.text]
