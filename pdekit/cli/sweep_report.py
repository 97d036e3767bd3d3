"""What `pdekit sweep` prints."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from pdekit.distributed.launch import alone
from pdekit.parameter_sweep import Outcome, ParameterSweep, make_sweep, run_sweep, statistics_of, write_table

MOST_ROWS, MOST_COLUMNS = 40, 8


def follow(
    config: Path,
    assignments: Sequence[str],
    folder: Path,
    jobs: int,
    samples: int | None,
    seed: int | None,
    only_list: bool,
    quiet: bool,
    python: bool = True,
    pool: Executor | None = None,
) -> int:
    """Do a sweep, or list its commands; the exit code. With a pool it is that which hands the runs out."""
    sweep = replace(make_sweep(config, assignments, folder, samples, seed), python=python)
    points = list(sweep.points())
    if only_list:
        for index, values in points:
            click.echo(shlex.join(["pdekit", *sweep.command(index, values)[3:]]))
        return 0
    done = [0]

    def told(outcome: Outcome) -> None:
        done[0] += 1
        if not quiet:
            words = ", ".join(
                f"{key} = {value:g}" if isinstance(value, float) else f"{key} = {value}"
                for key, value in outcome.values.items()
            )
            click.echo(f"{done[0]} of {len(points)}: {words}: {outcome.message or outcome.status}", err=True)

    outcomes = run_sweep(sweep, jobs, told, pool, alone())
    table, dataset = write_table(sweep, outcomes)
    if not quiet:
        _print(sweep, outcomes)
        click.echo(f"table: {table}, {dataset}")
    return 1 if any(outcome.status != "complete" for outcome in outcomes) else 0


def _print(sweep: ParameterSweep, outcomes: Sequence[Outcome]) -> None:
    columns = list(dict.fromkeys(name for outcome in outcomes for name in outcome.numbers))
    series = [c for c in columns if not c.startswith(("max_", "min_", "rms_")) and c not in ("t_end", "wall_time")]
    shown = [*series, *(c for c in columns if c not in series)][:MOST_COLUMNS]
    keys = list(outcomes[0].values)
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    table = Table(box=None, pad_edge=False)
    for name in (*(key.rpartition(".")[2] for key in keys), *shown):
        table.add_column(name, justify="right")
    for outcome in outcomes[:MOST_ROWS]:
        values = [f"{v:.6g}" if isinstance(v, float) else str(v) for v in outcome.values.values()]
        numbers = [f"{outcome.numbers[c]:.6g}" if c in outcome.numbers else "failed" for c in shown]
        table.add_row(*values, *numbers)
    console.print(table)
    if len(outcomes) > MOST_ROWS:
        console.print(f"and {len(outcomes) - MOST_ROWS} more")
    if sweep.drawn:
        summary = Table(box=None, pad_edge=False)
        for name in ("over the samples", "mean", "deviation", "5 %", "50 %", "95 %"):
            summary.add_column(name, justify="right")
        for name, entry in statistics_of(outcomes, shown).items():
            summary.add_row(name, *(f"{entry[key]:.6g}" for key in ("mean", "deviation", "q05", "q50", "q95")))
        console.print()
        console.print(summary)
