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

from pdekit.boundary.conditions import FaceConditions
from pdekit.cli.forecast import forecast
from pdekit.geometry.grid import Grid
from pdekit.io.hdf5_reader import StoredResult, read_result
from pdekit.language.typeset import typeset
from pdekit.linear.solver_choice import Solvers
from pdekit.problem import Problem
from pdekit.time.facts import Facts
from pdekit.time.method_choice import Choice
from pdekit.time.methods import METHODS


def _size(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"


def _duration(seconds: float) -> str:
    """Two digits, in the unit that reads best."""
    units = {"days": 86400.0, "h": 3600.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
    unit = next((name for name, size in units.items() if seconds >= (2 * size if size > 1 else size)), "us")
    return f"{float(f'{seconds / units[unit]:.2g}'):g} {unit}"


def _rows() -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _conditions(grid: Grid, name: str, faces: dict[str, FaceConditions]) -> list[str]:
    found = []
    for axis, pair in faces.items():
        for side in ("left", "right"):
            conditions = pair[side]
            words = " and ".join(c.describe(name) for c in conditions) or "outflow (one-sided rows)"
            if side in grid.poles(axis):
                words = f"pole, {name} goes on to the other side{' with its sign changed' * (pair.parity < 0)}"
            found.append(f"{axis}.{side}: {words}")
    return found


LEAST_STATES = 3.2  # of a compiled explicit run while a frame is taken (measured, 700 x 700 nodes)


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
            state = len(system.blocks) * problem.grid.size * rhs.dtype.itemsize
            whole = rhs.whole_step(choice.method.tableau) if choice.method.tableau else None
            if whole is not None:
                return float(LEAST_STATES * state + whole.nbytes)
            return float(max(LEAST_STATES, 3 + choice.method.kept + (problem.time.step is None)) * state)
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
        parts.append(Padding(Text(typeset(problem.system)), (1, 4)))
    table = _rows()
    values = ", ".join(f"{s} = {v:g}" for s, v in problem.system.parameters.items())
    if values:
        table.add_row("parameters", escape(values))
    axes = [f"{n}: {a!r}"[:-1].replace("<", "") for n, a in zip(problem.grid.names, problem.grid.axes)]
    if problem.grid.geometry is not None:
        table.add_row("coordinates", problem.grid.system)
    table.add_row("grid", escape("\n".join(axes)))
    table.add_row("unknowns", _unknowns(problem))
    for name, faces in problem.conditions.items():
        if faces:
            table.add_row(f"boundary of {name}", escape("\n".join(_conditions(problem.grid, name, faces))))
    for name, values_of in problem.initial.items():
        table.add_row(f"initial {name}", escape(str(values_of) if isinstance(values_of, str | int | float) else "data"))
    kind = "linear" if system.is_linear else "nonlinear"
    steadiness = "constant data" if system.b_is_constant else "data change in time"
    table.add_row("system", f"{kind}, {steadiness}, order {problem.order} in space, {system.dtype}")
    if problem.constraints:
        table.add_row("constraints", escape("\n".join(problem.constraints)))
    if problem.schemes:
        table.add_row("schemes", ", ".join(f"{name}: {_scheme(given)}" for name, given in problem.schemes.items()))
    solvers = Solvers(system)
    choice = None if problem.steady else problem.choice(solvers=solvers)
    table.add_row("memory", f"about {_size(memory_estimate(problem, choice))}, stored frames apart")
    _time(problem, table, choice, solvers)
    for note in problem.notes():
        table.add_row(Text("note", style="yellow"), escape(note))
    return Group(*parts, table)


def _scheme(given: Any) -> str:
    return given if isinstance(given, str) else " ".join(f"{name} of order {order}" for name, order in given.items())


def _unknowns(problem: Problem) -> str:
    blocks = [
        f"{b.name}: {b.size:,} of {problem.grid.size:,} nodes free" if b.shape else f"{b.name}: one number"
        for b in problem.semidiscrete.blocks
    ]
    return "\n".join(blocks)


def _time(problem: Problem, table: Table, choice: Choice | None, solvers: Solvers) -> None:
    if choice is None:
        how = "linear, solved once" if problem.semidiscrete.is_linear else "Newton with line search"
        table.add_row("method", f"steady: {how}")
        return
    start, end = problem.span(None)
    table.add_row("time", f"{start:g} to {end:g}")
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
        words = f"about {_duration(ahead.seconds)}: {ahead.steps:,} steps of {_duration(ahead.step)}"
        ready = f", {_duration(ahead.preparation)} until the first" if ahead.preparation > 0.1 * ahead.seconds else ""
        table.add_row("will take", words + ready)
    frames = len(problem.output.resolve(start, end, problem.time.step))
    size = frames * problem.grid.size * system.dtype.itemsize * len(system.blocks)
    table.add_row("output", escape(f"{frames} frames, {_size(size)}, {problem.output.file or 'file not named'}"))


def describe_result(path: str | Path) -> Group:
    """Everything that `pdekit info` prints."""
    stored = read_result(path)
    attributes = stored.attributes
    table = _rows()
    table.add_row("file", escape(f"{stored.path} ({_size(stored.path.stat().st_size)})"))
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
    if not stored.steady:
        table.add_row("times", f"{stored.times.size} frames, {stored.times[0]:g} to {stored.times[-1]:g}")
    for row in _variables(stored):
        table.add_row(*row)
    counts = [f"{value:,} {key.replace('_', ' ')}" for key, value in attributes["statistics"].items() if value]
    if counts:
        table.add_row("work", ", ".join(counts))
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
            (f"variable {name}", f"{'complex, modulus ' * is_complex}{size.min():.6g} to {size.max():.6g} at the end")
        )
    return rows
