"""``pdekit run`` and ``pdekit resume``, on one process or several."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pdekit.cli.options import config_file, load_problem, overridden, plain_table, quietly, say_notes, show, with_python
from pdekit.cli.shared import one_voice, refuse_different, shares_work
from pdekit.distributed.launch import launched
from pdekit.errors import ConfigError

if TYPE_CHECKING:
    from pdekit.problem import Problem
    from pdekit.solution import Solution
    from pdekit.verification.estimate import ErrorEstimate


@click.command()
@config_file
@with_python
@overridden
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Results file; default is output.file of the config."
)
@click.option("-f", "--force", is_flag=True, help="Replace an existing results file.")
@click.option(
    "--estimate",
    is_flag=True,
    help="Say how accurate it is, from companion runs on coarser grids and with larger steps.",
)
@click.option(
    "--to",
    type=float,
    metavar="ERROR",
    help="Refine the grid and the steps until the estimated error is no more than this.",
)
@click.option(
    "--bound",
    type=float,
    default=600.0,
    show_default=True,
    help="Of --to: seconds that a run may take; what takes longer is told.",
)
@click.option("-w", "--watch", is_flag=True, help="Show the fields in the terminal as they change.")
@quietly
def run(
    config: Path,
    overrides: tuple[str, ...],
    python: bool,
    output: Path | None,
    force: bool,
    estimate: bool,
    to: float | None,
    bound: float,
    watch: bool,
    quiet: bool,
) -> None:
    """Solve the problem of CONFIG and write its results. After mpiexec -n N the ranks share the grid."""
    if shares_work(launched()):
        for option, is_given in (("estimate", estimate), ("watch", watch), ("to", to is not None)):
            if is_given:
                raise ConfigError(f"--{option} is for runs on one process")
        one_voice(lambda processes: _run_shared(processes, config, overrides, python, output, force, quiet))
        return
    problem = load_problem(config, overrides, python)
    path = output or Path(problem.output.file or f"results/{config.stem}.h5")
    from pdekit.io.hdf5_writer import check_output

    check_output(path, force)
    if not quiet:
        say_notes(problem)
    from pdekit.cli.following import estimated, followed, refined_run

    errors: ErrorEstimate | None
    if to is not None:
        problem, solution, errors = refined_run(problem, path, force, to, bound, quiet)
    else:
        if estimate:
            from pdekit.verification.estimate import coarser_problems

            coarser_problems(problem)  # what has no estimate is refused before the run
        solution = followed(problem, path, force, quiet, watch)
        errors = estimated(problem, path, quiet) if estimate else None
    if not quiet:
        _summary(problem, solution, path, solution.errors())
    if errors is not None:
        click.echo(f"estimated error  {errors}")


def _run_shared(
    processes: Any,
    config: Path,
    overrides: tuple[str, ...],
    python: bool,
    output: Path | None,
    force: bool,
    quiet: bool,
) -> None:
    """The run of one of several processes; the first one speaks for all."""
    refuse_different(processes, config, overrides)
    problem = load_problem(config, overrides, python)
    path = output or Path(problem.output.file or f"results/{config.stem}.h5")
    from pdekit.distributed.shared_run import solve_shared
    from pdekit.progress import ProgressLines

    speaks = processes.rank == 0 and not quiet
    if speaks:
        say_notes(problem)
    follow = None
    if not problem.steady:  # a time without an end is refused on all ranks
        start, end = problem.span(None)
        follow = ProgressLines(start, end, problem.units.get("t", "")) if speaks else None
    solution = solve_shared(problem, processes, path, force=force, progress=follow)
    errors = {name: processes.greatest(error) for name, error in solution.errors().items()}
    if speaks:
        _summary(problem, solution, path, errors)


def _summary(problem: Problem, solution: Solution, path: Path, errors: Mapping[str, float]) -> None:
    from rich.markup import escape

    table = plain_table()
    table.add_row("problem", escape(problem.title or "; ".join(problem.pde.equations)))
    table.add_row("method", escape(f"{solution.method}: {solution.reasons[-1]}"))
    statistics = solution.statistics
    names = ("steps", "evaluations", "jacobians", "factorisations", "newton_iterations", "pseudo_time_steps")
    counts = [f"{statistics[n]:,} {n.replace('_', ' ')}" for n in names if statistics[n]]
    table.add_row("work", ", ".join(counts))
    compiling = f", {solution.compile_time:.2f} s of it for compiling" if solution.compile_time > 0.05 else ""
    table.add_row("wall time", f"{solution.wall_time:.2f} s{compiling}")
    for name, error in errors.items():
        when = "" if solution.steady else f" at t = {solution.times[-1]:g}"
        table.add_row("error", f"{name}: {error:.3e} (greatest difference from the exact solution{when})")
    table.add_row("results", escape(str(path)))
    show(table)
    for note in solution.notes:
        click.echo(f"{click.style('note:', fg='yellow')} {note}", err=True)


@click.command()
@click.argument("result", type=click.Path(path_type=Path))
@click.option("--until", type=float, help="Another end of the time span.")
@quietly
def resume(result: Path, until: float | None, quiet: bool) -> None:
    """Go on with the run of the results file RESULT, in the same file.

    With output.checkpoints=true the end is the very same as that of a run which was never interrupted.
    """
    if shares_work(launched()):
        one_voice(lambda processes: _resume_shared(processes, result, until, quiet))
        return
    from pdekit.resuming import resume as go_on

    _say_resumed(result, go_on(result, until, keep=False, progress=not quiet), quiet)


def _resume_shared(processes: Any, result: Path, until: float | None, quiet: bool) -> None:
    """The end of a run on several processes; the first one speaks for all."""
    from pdekit.distributed.shared_resuming import resume_shared

    _say_resumed(result, resume_shared(result, processes, until), quiet or processes.rank > 0)


def _say_resumed(result: Path, solution: Solution, quiet: bool) -> None:
    if not quiet:
        click.echo(f"{result}: t = {solution.times[-1]:g}, {solution.statistics['steps']:,} steps in all")
        for note in solution.notes:
            click.echo(f"{click.style('note:', fg='yellow')} {note}", err=True)
