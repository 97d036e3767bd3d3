"""What `pdekit continue` says: points as they come, and what was met on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from pdekit.branches.branch import Branch
from pdekit.branches.continuation import continuation
from pdekit.cli.report import rows
from pdekit.io.hdf5_writer import check_output
from pdekit.problem import Problem

EVERY = 10  # points


def follow(
    problem: Problem, path: Path, force: bool, quiet: bool, *, parameter: str, natural: bool, **options: Any
) -> Table:
    """Follow a branch, write its file and its picture, and tell what was found."""
    check_output(path, force)

    def told(number: int, value: float, measure: float) -> None:
        if number % EVERY == 1:
            click.echo(f"point {number}: {parameter} = {value:.6g}, measure {measure:.6g}", err=True)

    method: Any = "natural" if natural else "arclength"
    found = continuation(problem, parameter, method=method, told=None if quiet else told, **options)
    branch = found.save(path, force=force)
    picture = path.with_suffix(".png")
    branch.plot(file=picture)
    return _described(branch, picture)


def _described(branch: Branch, picture: Path) -> Table:
    table, name = rows(), branch.parameter
    span = f"{name} = {branch.values[0]:g} to {branch.values[-1]:g}"
    table.add_row("branch", escape(f"{branch.size} points, {span}; {branch.ended}"))
    stable = int(branch.stable.sum())
    table.add_row("stability", f"{stable} points stable, {branch.size - stable} unstable")
    for point in branch.singular_points:
        turning = f", frequency {point.frequency:.6g}" if point.kind == "Hopf" else ""
        where = f"{name} = {point.value:.9g}, {branch.measured_by} = {point.measure:.6g}"
        table.add_row(point.kind, escape(f"{where}{turning}"))
    for note in branch.notes:
        table.add_row("note", escape(note))
    counts = [f"{branch.statistics[n]:,} {n.replace('_', ' ')}" for n in ("newton_iterations", "factorisations")]
    table.add_row("work", ", ".join(counts))
    table.add_row("wall time", f"{branch.wall_time:.2f} s")
    table.add_row("results", escape(f"{branch.file}, {picture}"))
    return table
