"""What `pdekit fit` prints."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from pdekit.errors import ConfigError, PdekitError, StorageError, nearest_hint
from pdekit.inverse.fit import fit
from pdekit.inverse.fit_result import DIGITS, FitResult, significant
from pdekit.io.write import UNPRINTABLE
from pdekit.io.yaml_source import override, read_yaml, spell
from pdekit.language.syntax import names_in
from pdekit.problem import Problem
from pdekit.verification.fitted_shift import fitted_shifts


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


def refuse_fixed_uses(config: Path, overrides: Sequence[str], names: Sequence[str]) -> None:
    """Refuse to fit what the grid or the settings of a config depend on: they are numbers once it is read, and stay as they are.

    Raises
    ------
    ConfigError
    """
    source = read_yaml(config)
    for assignment in overrides:
        override(source, assignment)
    given = source.data.get("parameters") or {}
    moving = {name.removeprefix("parameters.") for name in names}
    while more := {n for n, text in given.items() if n not in moving and _uses(text, moving)}:
        moving |= more
    for section in ("grid", "time", "output", "convergence"):
        for path, text in _texts(source.data.get(section), (section,)):
            if path[:2] != ("output", "series") and _uses(text, moving):
                raise ConfigError(
                    f"{text!r} depends on what is to be fitted, {', '.join(names)}; give it a number",
                    key=spell(path),
                    place=source.place(path),
                )


def _uses(text: Any, names: set[str]) -> bool:
    """Whether a text is an expression in which one of the names stands."""
    try:
        return isinstance(text, str) and bool(names_in(text) & names)
    except PdekitError:
        return False  # the name of a method or a file


def _texts(node: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(node, str):
        yield path, node
    elif isinstance(node, dict | list):
        for key, below in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _texts(below, (*path, key))


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
    for note in (*fitted.notes, *_words_on_grid(fitted, fitted_shifts(fitted, data, given))):
        click.echo(f"{click.style('note:', fg='yellow')} {note}", err=True)
    return fitted


def _words_on_grid(fitted: FitResult, shifts: Mapping[str, float] | None) -> list[str]:
    """What the grid does to parameters whose intervals it exceeds."""
    if shifts is None:
        return [
            "intervals say how well the data determine parameters, and nothing of the error of the grid: fit on a finer one, too"
        ]
    return [
        f"{p.key}: the error of the grid shifts it by about {shifts[p.name]:.2g}, more than half its interval, "
        f"{float(fitted.half_widths[p.name]):.2g}; take more points"
        for p in fitted.parameters
        if shifts[p.name] > fitted.half_widths[p.name]
    ]


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
    if fitted.degrees == 0:
        found = [f"{count}, as many as parameters"]
        return [*found, f"{fitted.evaluations} runs, each {fitted.run.description}"]
    spread = f"residuals {fitted.deviation:.3g}" + (
        " of their standard deviations" if observations.has_deviations else ""
    )
    by = f"{fitted.degrees:.4g} degrees of freedom" if np.isfinite(fitted.degrees) else "the number of values"
    found = [f"{count}; {spread} (root mean square by {by})"]
    names = [p.key for p in fitted.parameters]
    if 1 < len(names) == len(fitted.covariance):
        strongest = np.abs(np.triu(fitted.correlation, 1))
        i, j = np.unravel_index(int(np.argmax(strongest)), strongest.shape)
        found.append(f"strongest correlation {fitted.correlation[i, j]:+.2f}, of {names[i]} and {names[j]}")
    found.append(f"{fitted.evaluations} runs, each {fitted.run.description}")
    return found
