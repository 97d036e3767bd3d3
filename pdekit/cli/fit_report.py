"""What `pdekit fit` prints."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from pdekit.errors import ConfigError, StorageError, nearest_hint
from pdekit.inverse.fit import fit
from pdekit.inverse.fit_result import DIGITS, FitResult, significant
from pdekit.io.write import UNPRINTABLE
from pdekit.problem import Problem


def check_target(problem: Problem, output: Path | None, force: bool) -> None:
    """Refuse, before the work, a config that cannot be written.

    Raises
    ------
    StorageError
    """
    if output is None:
        return
    if output.exists() and not force:
        raise StorageError(f"{output} exists; --force replaces it")
    if not output.parent.is_dir():
        raise StorageError(f"{output}: there is no folder {output.parent}")
    if UNPRINTABLE in problem.to_yaml():
        raise StorageError(
            f"{output}: the problem has parts given in Python, which no config can hold; leave out --output"
        )


def follow_fit(
    problem: Problem,
    data: Path,
    names: Sequence[str],
    bounds: Sequence[tuple[str, float, float]],
    regularisation: float | None,
    level: float,
    quiet: bool,
) -> FitResult:
    """Fit, and print the table."""
    wanted = {name.removeprefix("parameters."): (-np.inf, np.inf) for name in names}
    for name, low, high in bounds:
        short = name.removeprefix("parameters.")
        if short not in wanted:
            known = [f"parameters.{n}" for n in wanted]
            raise ConfigError(f"is not fitted; there are {known}{nearest_hint(name, known)}", key=f"--bounds {name}")
        wanted[short] = (low, high)
    given = wanted if len(wanted) == len(names) else list(names)  # one named twice is refused below
    fitted = fit(
        problem,
        data,
        given,
        regularisation=regularisation,
        level=level,
        report=None if quiet else lambda text: click.echo(text, err=True),
    )
    if not quiet:
        Console(width=None if sys.stdout.isatty() else 110, highlight=False).print(_table(problem, fitted))
        for line in _lines(fitted):
            click.echo(line)
    for note in fitted.notes:
        click.echo(f"{click.style('note:', fg='yellow')} {note}", err=True)
    return fitted


def _table(problem: Problem, fitted: FitResult) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("parameter", no_wrap=True)
    for name in ("first guess", "fitted", "standard error", f"{100 * fitted.level:g} % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for p in fitted.parameters:
        if p.is_field:
            low, high, error = p.values.min(), p.values.max(), float(np.max(fitted.errors[p.name]))
            known = f"at most {error:.{DIGITS}g}" if np.isfinite(error) else "not known"
            table.add_row(p.key, "field", f"{low:.4g} to {high:.4g}", known, "")
            continue
        value, error = float(p.values), float(fitted.errors[p.name])
        digits = significant(value, error)
        ends = fitted.interval(p.name)
        interval = " to ".join(f"{end:.{digits}g}" for end in ends) if np.isfinite(error) else "not known"
        guess = float(problem.pde.parameters[p.name])
        known = f"{error:.{DIGITS}g}" if np.isfinite(error) else "not known"
        table.add_row(p.key, f"{guess:.6g}", f"{value:.{digits}g}", known, interval)
    return table


def _lines(fitted: FitResult) -> list[str]:
    """What else is to be said of a fit."""
    observations = fitted.observations
    count = f"{observations.count:,} values of {', '.join(dict.fromkeys(observations.quantities))}"
    spread = f"residuals {fitted.deviation:.3g}" + (
        " of their standard deviations" if observations.has_deviations else ""
    )
    found = [f"{count}; {spread} (root mean square by {fitted.degrees:.4g} degrees of freedom)"]
    names = [p.key for p in fitted.parameters]
    if 1 < len(names) == len(fitted.covariance):
        strongest = np.abs(np.triu(fitted.correlation, 1))
        i, j = np.unravel_index(int(np.argmax(strongest)), strongest.shape)
        found.append(f"strongest correlation {fitted.correlation[i, j]:+.2f}, of {names[i]} and {names[j]}")
    found.append(f"{fitted.evaluations} runs, each {fitted.run.description}")
    return found
