"""What a problem was understood to be, and what a results file holds, for the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Group
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pdekit.cli.forecast import forecast
from pdekit.errors import SolverError
from pdekit.io.hdf5_reader import StoredResult, read_result
from pdekit.language.typeset import typeset
from pdekit.linear.solver_choice import Solvers
from pdekit.problem import Problem
from pdekit.progress import spoken_duration
from pdekit.reporting.set_up import problem_rows, size_in_words, work_in_words
from pdekit.time.facts import Facts
from pdekit.time.method_choice import Choice
from pdekit.time.methods import METHODS


def rows() -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    return table


LEAST_STATES = 4.0  # of a compiled explicit run while a frame is taken (measured, 700 x 700 nodes)


def memory_estimate(problem: Problem, choice: Choice | None = None) -> float:
    """Bytes that the operators and the states take, factors of implicit methods counted by a rule of thumb.

    A compiled explicit run holds no matrix: the old and the new state, the tolerances, and what its stages keep; while a frame
    is taken four states (measured: 4.1 states for Euler's method, 4.3 for RK4 on 700 x 700 nodes).
    """
    system = problem.semidiscrete
    item = system.dtype.itemsize
    if choice is not None and choice.method.explicit:
        start, end = problem.span(None)
        time = problem.time
        rhs = choice.method.compile(system, end - start, time.step, time.compiled, time.precision)
        if rhs is not None and rhs.compiled:
            field = problem.grid.size * rhs.dtype.itemsize
            state, defined = len(system.blocks) * field, len(system.system.definitions) * field
            whole = rhs.whole_step(choice.method.tableau) if choice.method.tableau else None
            if whole is not None:
                return float(LEAST_STATES * state + whole.nbytes)
            return float(max(LEAST_STATES, 3 + choice.method.kept + (problem.time.step is None)) * state + defined)
    matrix = system.L.nnz * (item + 4)
    states = 12 * system.size * item + 3 * problem.grid.size * item * len(system.blocks)
    dimension = problem.grid.ndim
    fill = {1: 4.0, 2: 31.0 * np.log2(max(system.size, 2)) / 17, 3: 2.0 * system.size ** (1 / 3)}[min(dimension, 3)]
    return float(matrix * 3 + states + fill * system.size * (item + 4))


def describe(problem: Problem) -> Group:
    """Everything that `pdekit check` prints."""
    system = problem.semidiscrete
    parts: list[Any] = []
    if problem.title:
        parts.append(Text(problem.title, style="bold"))
    if problem.pde.rhs is None:
        parts.append(Padding(Text(typeset(problem.written)), (1, 4)))
    table = rows()
    for label, words in problem_rows(problem):
        table.add_row(label, escape(words))
    solvers = Solvers(system)
    choice = None if problem.steady else problem.choice(solvers=solvers)
    table.add_row("memory", f"about {size_in_words(memory_estimate(problem, choice))}, stored frames apart")
    if problem.time.device == "gpu" and not problem.steady:
        table.add_row("device", escape(_device()))
    _time(problem, table, choice, solvers)
    for note in problem.notes():
        table.add_row(Text("note", style="yellow"), escape(note))
    return Group(*parts, table)


def _device() -> str:
    """The GPU that a run would take, or that there is none."""
    from pdekit.kernels.device_memory import device_name

    try:
        return device_name()
    except SolverError as error:
        return error.message


def _time(problem: Problem, table: Table, choice: Choice | None, solvers: Solvers) -> None:
    if choice is None:
        how = "linear, solved once" if problem.semidiscrete.is_linear else "Newton with line search"
        table.add_row("method", f"steady: {how}")
        return
    start, end = problem.span(None)
    table.add_row("time", f"{start:g} to {end:g} {problem.units.get('t', '')}".rstrip())
    table.add_row("method", escape(choice.method.name + "\n" + "\n".join(choice.reasons)))
    system = problem.semidiscrete
    facts = Facts(system, start, system.pack(problem.initial_fields()), end - start, known=solvers.diagonal_part)
    names = ["euler", "rk4"] + (["verlet"] if facts.purely_second_order and not facts.damped else [])
    if system.evolves:
        found = {name: facts.limit(METHODS[name]) for name in names}
        limits = [f"{name} {limit:.4g}" if limit else f"{name} none" for name, limit in found.items()]
        table.add_row("largest stable step at the start", ", ".join(limits))
    ahead = forecast(problem, choice)
    if ahead is not None:
        words = f"about {spoken_duration(ahead.seconds)}: {ahead.steps:,} steps of {spoken_duration(ahead.step)}"
        ready = (
            f", {spoken_duration(ahead.preparation)} until the first" if ahead.preparation > 0.1 * ahead.seconds else ""
        )
        table.add_row("will take", words + ready)
    frames = len(problem.output.resolve(start, end, problem.time.step))
    size = frames * problem.grid.size * system.dtype.itemsize * len(system.blocks)
    table.add_row(
        "output", escape(f"{frames} frames, {size_in_words(size)}, {problem.output.file or 'file not named'}")
    )


def describe_result(path: str | Path) -> Group:
    """Everything that `pdekit info` prints."""
    stored = read_result(path)
    attributes = stored.attributes
    table = rows()
    table.add_row("file", escape(f"{stored.path} ({size_in_words(stored.path.stat().st_size)})"))
    for key, label in (("title", "title"), ("status", "status"), ("message", "message"), ("method", "method")):
        if attributes.get(key):
            table.add_row(label, escape(str(attributes[key])))
    if attributes.get("method_reasons"):
        table.add_row("why", escape(str(attributes["method_reasons"])))
    if attributes.get("status") not in ("complete", None):
        table.add_row("go on", escape(f"pdekit resume {stored.path}"))
    if attributes.get("notes"):
        table.add_row("notes", escape(str(attributes["notes"])))
    for name, nodes in stored.axes.items():
        table.add_row(
            f"axis {name}",
            f"{nodes.size} nodes, {nodes[0]:g} to {nodes[-1]:g}" + (", periodic" if name in stored.periods else ""),
        )
    if "branch_parameter" in attributes:
        table.add_row(
            "branch", escape(f"over {attributes['branch_parameter']}, measured by {attributes['branch_measure']}")
        )
    if not stored.steady:
        table.add_row("times", f"{stored.times.size} frames, {stored.times[0]:g} to {stored.times[-1]:g}")
    for row in _variables(stored):
        table.add_row(*row)
    if work := work_in_words(attributes["statistics"]):
        table.add_row("work", work)
    wall = float(attributes.get("wall_time_seconds", np.nan))
    if np.isfinite(wall):
        table.add_row("wall time", f"{wall:.2f} s")
    table.add_row("written by", f"pdekit {attributes['pdekit_version']}")
    config = Text("config\n", style="bold").append(str(attributes.get("config", "")), style="none")
    return Group(table, Text(""), config)


def _variables(stored: StoredResult) -> list[tuple[str, str]]:
    """What is said of the variables of a result."""
    rows = [(f"number {name}", f"{stored.read(name, -1):.6g} at the end") for name in stored.scalars]
    for name in stored.variables:
        last = stored.read(name, -1)
        is_complex, size = np.iscomplexobj(last), np.abs(last) if np.iscomplexobj(last) else last
        rows.append(
            (
                f"variable {name}",
                f"{'complex, modulus ' * is_complex}{np.nanmin(size):.6g} to {np.nanmax(size):.6g} at the end",
            )
        )
    return rows
