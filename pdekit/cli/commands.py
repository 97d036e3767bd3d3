"""The command line. Heavy imports happen inside the commands, so that ``--help`` answers at once."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pdekit.cli.environment import completion, env
from pdekit.cli.options import config_file, load_problem, overridden, quietly, show, with_python
from pdekit.cli.running import resume, run
from pdekit.cli.shared import on_ranks
from pdekit.cli.starting import gallery, new
from pdekit.distributed.launch import require
from pdekit.errors import ConfigError, PdekitError, StorageError

if TYPE_CHECKING:
    from pdekit.problem import Problem
    from pdekit.verification.study import Study

atexit.register(gc.freeze)  # or the collector goes through all modules once more at the end: 0.3 s (measured)
BAD_INPUT, FAILED, INTERRUPTED, TERMINATED = 2, 1, 130, 143


_SYMMETRIC = "symmetric in its inner product: all eigenvalues are real, and modes orthogonal"
_NOT_SYMMETRIC = (
    "not symmetric: modes are not orthogonal, and what is made of them may grow for a while where all of them decay"
)
_GO_ON = "what was stored until now is valid, and pdekit resume RESULT goes on from there"


class Terminated(BaseException):
    """The process was told to end."""


def _terminate(*_: Any) -> None:
    raise Terminated


class Commands(click.Group):
    """Turns every error into one clear message and a non-zero exit, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _terminate)
        try:
            return super().invoke(ctx)
        except PdekitError as error:
            click.echo(f"{click.style('error:', fg='red', bold=True)} {error}", err=True)
            ctx.exit(BAD_INPUT)
        except (KeyboardInterrupt, click.Abort):
            click.echo(f"\ninterrupted; {_GO_ON}", err=True)
            ctx.exit(INTERRUPTED)
        except Terminated:
            click.echo(f"terminated; {_GO_ON}", err=True)
            ctx.exit(TERMINATED)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to flush to
            ctx.exit(FAILED)
        except Exception as error:
            if os.environ.get("PDEKIT_TRACEBACK"):
                raise
            message = (
                f"internal error: {type(error).__name__}: {error}\nPlease report it; PDEKIT_TRACEBACK=1 shows where."
            )
            click.echo(message, err=True)
            ctx.exit(FAILED)


_EXIT_CODES = """\b
Exit codes:
    0  done; of converge: the order is the expected one
    1  failed: a study that misses its order, a run of a sweep, or an internal error
    2  refused or ended: bad input, an unstable or singular problem, a file that cannot be written
  130  interrupted (Ctrl-C)    143  terminated
"""


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EXIT_CODES)
@click.version_option(package_name="pdekit")
def main() -> None:
    """Partial differential equations by finite differences and the method of lines, verified.

    \b
    pdekit new heat                  writes heat.yaml, with comments
    pdekit check heat.yaml           tells what was understood and how it would be solved
    pdekit run heat.yaml parameters.D=0.2 grid.x.points=201
    pdekit converge heat.yaml        shows that it is right
    """


for _command in (run, resume, new, gallery, env, completion):
    main.add_command(_command)


@main.command()
@config_file
@with_python
@click.argument("assignments", nargs=-1, metavar="[key.path=1,2,3 ...]")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder; default is results/<config>_sweep.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Runs at a time.")
@click.option(
    "--samples",
    type=click.IntRange(2),
    help="How many random values, of uniform(a, b), normal(m, s), loguniform(a, b).",
)
@click.option("--seed", type=click.IntRange(0), help="Of the random values.")
@click.option("--mpi", is_flag=True, help="The ranks of mpiexec do the runs, one process each; rank 0 hands them out.")
@click.option("--list", "only_list", is_flag=True, help="Print the commands, for a job array, and run nothing.")
@quietly
def sweep(
    config: Path,
    assignments: tuple[str, ...],
    python: bool,
    output: Path | None,
    jobs: int,
    samples: int | None,
    seed: int | None,
    mpi: bool,
    only_list: bool,
    quiet: bool,
) -> None:
    """Solve CONFIG with many values, and tell in a table what came out.

    Values are lists (parameters.D=0.1,0.2), linspace(0, 1, 5), logspace(1, 100, 3), range(0, 1, 0.1), or random. Runs that are there
    already are not done again; exit code 1 if one failed.
    """
    load_problem(config, (), python)
    from pdekit.cli.sweep_report import follow

    folder = output or Path(f"results/{config.stem}_sweep")
    if mpi:
        require("--mpi")
        on_ranks(
            lambda count, pool: follow(
                config, assignments, folder, count, samples, seed, only_list, quiet, python, pool
            )
        )
    sys.exit(follow(config, assignments, folder, jobs, samples, seed, only_list, quiet, python))


@main.command()
@config_file
@with_python
@click.argument("parameters", nargs=-1, metavar="parameters.D ... [key.path=value ...]")
@click.option(
    "--data", type=click.Path(path_type=Path), required=True, help="CSV file: t, the axes, what was measured."
)
@click.option("--bounds", type=(str, float, float), multiple=True, metavar="NAME LOW HIGH", help="Of a parameter.")
@click.option(
    "--regularisation", type=float, help="Weight of the integral of |grad k|^2, for parameters that are fields."
)
@click.option("--level", type=float, default=0.95, show_default=True, help="Of the confidence intervals.")
@click.option("--plot", "picture", type=click.Path(path_type=Path), help="Picture of data and model.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Config with the fitted values.")
@click.option("-f", "--force", is_flag=True, help="Replace an existing config.")
@quietly
def fit(
    config: Path,
    parameters: tuple[str, ...],
    python: bool,
    data: Path,
    bounds: tuple[tuple[str, float, float], ...],
    regularisation: float | None,
    level: float,
    picture: Path | None,
    output: Path | None,
    force: bool,
    quiet: bool,
) -> None:
    """Fit parameters of CONFIG to measured data by least squares, with confidence intervals.

    The values in CONFIG are the first guess.
    """
    overrides = tuple(text for text in parameters if "=" in text)
    problem = load_problem(config, overrides, python)
    from pdekit.cli.fit_report import check_target, follow_fit, refuse_fixed_uses

    names = [text for text in parameters if "=" not in text]
    refuse_fixed_uses(config, overrides, names)
    check_target(problem, output, force)
    fitted = follow_fit(problem, data, names, bounds, regularisation, level, quiet)
    if output is not None:
        output.write_text(fitted.problem.to_yaml())
    if picture is not None:
        fitted.plot(file=picture)
    if not quiet:
        for what, path in (("picture", picture), ("config", output)):
            if path is not None:
                click.echo(f"{what}: {path}")


@main.command()
@config_file
@with_python
@overridden
@click.option(
    "--methods",
    is_flag=True,
    help="Let every method run for a moment, and tell which fit and how long each would take.",
)
@click.option("--ranks", metavar="1,16,256", help="Predict how long a step takes on so many ranks that share the grid.")
def check(config: Path, overrides: tuple[str, ...], python: bool, methods: bool, ranks: str | None) -> None:
    """Tell what CONFIG was understood to mean, and how it would be solved, without solving it."""
    problem = load_problem(config, overrides, python)
    from pdekit.cli.report import describe

    show(describe(problem))
    if methods and not problem.steady:
        from pdekit.cli.method_table import method_table

        show("")
        show(method_table(problem, problem.choice().method.name))
    if ranks is not None:
        from pdekit.cli.scaling_table import parsed, scaling_table

        if problem.steady:
            raise ConfigError("--ranks is for runs in time")
        show("")
        show(scaling_table(problem, parsed(ranks)))


@main.command()
@config_file
@with_python
@overridden
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Picture; default is results/<config>_convergence.png."
)
@click.option(
    "--json", "numbers", type=click.Path(path_type=Path), help="Write errors, orders and verdict as JSON, too."
)
@click.option("--against", type=click.Choice(["exact", "manufactured", "self"]), help="What errors are taken against.")
@quietly
def converge(
    config: Path,
    overrides: tuple[str, ...],
    python: bool,
    output: Path | None,
    numbers: Path | None,
    against: Any,
    quiet: bool,
) -> None:
    """Solve CONFIG on finer and finer grids and tell the observed order.

    Exit code 0 if it is the expected one, 1 if not.
    """
    problem = load_problem(config, overrides, python)
    study = _study(problem, against, None if quiet else lambda text: click.echo(text, err=True))
    path = output or Path(f"results/{config.stem}_convergence.png")
    study.plot(file=path)
    if numbers is not None:
        from pdekit.verification.study import write_study

        write_study(study, numbers)
    if not quiet:
        click.echo(f"{study}\npicture: {path}")
    sys.exit(0 if study.passed else FAILED)


def _study(problem: Problem, against: Any, told: Callable[[str], None] | None) -> Study:
    """The convergence study that a config asks for."""
    from pdekit.verification.converge import converge as study_of

    points = problem.convergence.points
    if points is None and problem.convergence.steps is None:
        points = (21, 41, 81)
    return study_of(problem, points, steps=problem.convergence.steps, against=against, report=told)


@main.command()
@config_file
@with_python
@overridden
@click.option("-n", "--count", type=click.IntRange(1), default=10, show_default=True, help="How many.")
@click.option("--near", type=complex, default=0, show_default=True, help="The eigenvalues nearest to this number.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Picture of the modes.")
def eigen(
    config: Path, overrides: tuple[str, ...], python: bool, count: int, near: complex, output: Path | None
) -> None:
    """Eigenvalues and modes of the right-hand side of CONFIG, linearised about its initial state."""
    problem = load_problem(config, overrides, python)
    from pdekit.eigenmodes import eigen as modes_of

    modes = modes_of(problem, count, near)
    for value in modes.values:
        click.echo(f"{value.real:.12g}{f' {value.imag:+.12g} i' if value.imag else ''}")
    follows = _SYMMETRIC if modes.symmetric else _NOT_SYMMETRIC
    click.echo(f"the operator on the grid is {follows}", err=True)
    if output is not None:
        modes.plot(file=output)
        click.echo(str(output), err=True)


@main.command("continue")
@config_file
@with_python
@overridden
@click.option("-p", "--parameter", required=True, help="The parameter that changes, lam of parameters.lam.")
@click.option("--to", type=float, required=True, help="The value to go to from that of CONFIG.")
@click.option("--natural", is_flag=True, help="Step in the parameter, and end before a fold, rather than go round it.")
@click.option("--measure", help="What stands for a solution, integral(u); default is the maximum of the first unknown.")
@click.option("--points", type=click.IntRange(2), default=200, show_default=True, help="At most.")
@click.option("--step", type=float, help="Greatest change of the parameter; default is a twentieth of the range.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default is results/<config>_branch.h5.")
@click.option("-f", "--force", is_flag=True, help="Replace an existing file.")
@quietly
def follow_branch(
    config: Path,
    python: bool,
    overrides: tuple[str, ...],
    output: Path | None,
    force: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Follow the steady solutions of CONFIG over a parameter, through folds, and tell which are stable.

    Writes an HDF5 file with all solutions, and a picture of the branch beside it.

    \b
    pdekit continue configs/bratu.yaml parameters.lam=0.1 --parameter lam --to 4
    """
    problem = load_problem(config, overrides, python)
    from pdekit.cli.branch_report import follow

    table = follow(problem, output or Path(f"results/{config.stem}_branch.h5"), force, quiet, **options)
    if not quiet:
        show(table)


@main.command()
@click.argument("result", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Picture (.png, .pdf, .svg) or movie (.gif, .mp4)."
)
@click.option("-v", "--variable", help="Which variable; default is the first.")
@click.option("-k", "--kind", type=click.Choice(["lines", "kymograph", "map", "slices"]), help="What kind of picture.")
@click.option("--rate", type=click.IntRange(1, 60), default=12, show_default=True, help="Movie frames a second.")
def plot(result: Path, output: Path | None, variable: str | None, kind: Any, rate: int) -> None:
    """Draw the results file RESULT: a picture, or a movie if the output ends in .gif or .mp4."""
    from pdekit.io.branch_file import holds_branch, open_branch
    from pdekit.io.open import open_result
    from pdekit.plotting.movie import WRITERS, animate
    from pdekit.plotting.solution_picture import plot_solution

    path = output or result.with_suffix(".png")
    if holds_branch(result):
        open_branch(result).plot(name=variable, file=path)
        click.echo(str(path))
        return
    solution = open_result(result)
    if path.suffix.lower() in WRITERS:
        animate(solution, path, variable, rate=rate)
    else:
        plot_solution(solution, variable, kind=kind, file=path)
    click.echo(str(path))


@main.command()
@click.argument("result", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="A .vtkhdf (ParaView), .nc, .npz or .csv file.",
)
@click.option("-f", "--force", is_flag=True, help="Replace an existing file.")
def export(result: Path, output: Path, force: bool) -> None:
    """Write the results file RESULT in another format."""
    from pdekit.io.exports import export as write
    from pdekit.io.open import open_result

    click.echo(str(write(open_result(result), output, force=force)))


@main.command()
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@click.option("--plot", "picture", type=click.Path(path_type=Path), help="Picture of both and of their difference.")
@click.option("-v", "--variable", help="Which variable the picture shows; default is the first.")
def compare(first: Path, second: Path, picture: Path | None, variable: str | None) -> None:
    """Tell by how much the results files FIRST and SECOND differ, at all times that both have."""
    from pdekit.verification.comparison import compare as differences

    found = differences(first, second)
    if picture is not None:
        found.plot(variable, file=picture)
    click.echo(str(found))
    if picture is not None:
        click.echo(f"picture: {picture}")


@main.command()
@click.argument("result", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Page; default is RESULT.html.")
@click.option("--converge", is_flag=True, help="Do the convergence study of its config as well, and show it.")
@click.option("-f", "--force", is_flag=True, help="Replace an existing page.")
def report(result: Path, output: Path | None, converge: bool, force: bool) -> None:
    """Show the results file RESULT in one HTML page: the problem, the fields in time, their accuracy, where they come from."""
    from pdekit.io.open import open_result
    from pdekit.reporting.page import origin_of
    from pdekit.reporting.page import report as write

    solution = open_result(result)
    studies = []
    if converge:
        problem = origin_of(solution).problem
        if problem is None:
            raise StorageError(f"{result}: its problem was given in Python, and cannot be studied from the file")
        studies.append(_study(problem, None, lambda text: click.echo(f"solving {text}", err=True)))
    click.echo(str(write(solution, output or result.with_suffix(".html"), studies=studies, force=force)))


@main.command()
@click.argument("result", type=click.Path(path_type=Path))
def info(result: Path) -> None:
    """Tell what is in the results file RESULT."""
    from pdekit.cli.report import describe_result

    show(describe_result(result))


@main.command()
def schema() -> None:
    """Print the JSON schema of configs, for editors that complete them."""
    import json

    from pdekit.io.schema import ConfigModel

    click.echo(json.dumps(ConfigModel.model_json_schema(), indent=2))


if __name__ == "__main__":
    main()
