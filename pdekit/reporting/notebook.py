"""What notebooks show of a grid, a problem and a solution."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from pdekit.geometry.grid import Grid
from pdekit.problem import Problem
from pdekit.reporting.entries import Entry, equations_of, method_entries, problem_entries
from pdekit.reporting.set_up import grid_rows
from pdekit.solution import Solution


def table_html(entries: list[Entry], title: str = "", above: Markup | None = None) -> str:
    """A table of labels and texts, with a title and whatever stands above it."""
    cell = "text-align:left;vertical-align:top;white-space:pre-line"
    rows = Markup("").join(
        Markup('<tr><th style="{0}">{1}</th><td style="{0}">{2}</td></tr>').format(cell, e.label, e.formula or e.text)
        for e in entries
    )
    head = Markup("<strong>{}</strong>").format(title) if title else Markup()
    return str(Markup("<div>{}{}<table>{}</table></div>").format(head, above or "", rows))


def grid_html(grid: Grid) -> str:
    """The axes of a grid."""
    return table_html([Entry(label, text) for label, text in grid_rows(grid)])


def problem_html(problem: Problem) -> str:
    """The equations of a problem, its grid, conditions and initial state."""
    above = Markup("").join(
        Markup('<div style="margin:0.6em 0">{}</div>').format(e) for e in equations_of(problem.pde, problem.grid)
    )
    return table_html(problem_entries(problem), problem.title, above)


def solution_html(solution: Solution) -> str:
    """What a solution holds, how it was found, and its errors where they are known."""
    entries = []
    for name, values in solution.values.items():
        shown, words = (np.abs(values), "modulus ") if np.iscomplexobj(values) else (values, "")
        entries.append(Entry(name, f"{words}{np.nanmin(shown):.6g} to {np.nanmax(shown):.6g}"))
    entries += [Entry(name, f"{value:.6g} at the end") for name, value in solution[-1].scalars.items()]
    if not solution.steady:
        entries.append(Entry("times", f"{len(solution)} frames, {solution.times[0]:g} to {solution.times[-1]:g}"))
    nodes = " × ".join(map(str, solution.grid.shape))
    entries.append(Entry("grid", f"{', '.join(solution.grid.names)}: {nodes} nodes"))
    entries += method_entries(solution)
    entries += [Entry(f"error of {name}", f"{error:.3e}") for name, error in solution.errors().items()]
    entries += [Entry("note", note) for note in solution.notes]
    return table_html(entries, solution.title)
