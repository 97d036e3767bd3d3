"""What the commands have in common: options, how a config is read, tables on the screen."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pdekit.deferred import collection_paused

if TYPE_CHECKING:
    from pdekit.problem import Problem

config_file = click.argument("config", type=click.Path(path_type=Path))
overridden = click.argument("overrides", nargs=-1, metavar="[key.path=value ...]")
quietly = click.option("-q", "--quiet", is_flag=True, help="Say nothing unless something is wrong.")
with_python = click.option(
    "--python/--no-python",
    default=True,
    help="Whether CONFIG may name a Python file, which is then run; --no-python for configs of others.",
)


def load_problem(config: Path, overrides: tuple[str, ...], python: bool) -> Problem:
    """The problem of a config."""
    with collection_paused():
        from pdekit.io.load import load

        problem = load(config, overrides, python=python)
    gc.freeze()  # what the imports made stays to the end
    return problem


def say_notes(problem: Problem) -> None:
    """What is questionable about a problem, to the standard error."""
    for note in problem.notes():
        click.echo(f"{click.style('note:', fg='yellow')} {note}", err=True)


def plain_table() -> Any:
    """A table of names and what is to be said of them."""
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def show(thing: Any) -> None:
    """Print what rich can."""
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 110, highlight=False).print(thing)
