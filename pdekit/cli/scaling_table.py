"""What `pdekit check --ranks` prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from pdekit.distributed.scaling import Network, measured, predicted
from pdekit.errors import ConfigError
from pdekit.problem import Problem


def parsed(text: str) -> list[int]:
    """Numbers of ranks from ``1,16,256``.

    Raises
    ------
    ConfigError

    Examples
    --------
    >>> parsed("1, 16")
    [1, 16]
    """
    parts = text.split(",")
    if not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise ConfigError(f"--ranks: expected numbers of ranks, 1,16,256, found {text!r}")
    return [int(part) for part in parts]


def scaling_table(problem: Problem, ranks: Sequence[int]) -> Table:
    """How long a step is to take on so many ranks."""
    choice, network = problem.choice(), Network()
    work = measured(problem, choice)
    alone = predicted(problem, work, 1, network).seconds
    table = Table(box=None, pad_edge=False)
    what = "a step" if choice.method.tableau or not choice.method.explicit else "a stage"
    title = f"{what} of {choice.method.name}: {work.passes:,} passes of {work.each * 1e9:.3g} ns a node (timed here); "
    table.title = f"{title}messages of {network.latency * 1e6:g} us and {network.bandwidth / 1e9:g} GB/s (assumed)"
    table.title_justify = "left"
    for name in (
        "ranks",
        "boxes",
        "nodes a rank",
        what,
        "nodes of others",
        "agreeing",
        "faster",
        "efficiency",
        "if the grid grows",
    ):
        table.add_column(name, justify="right")
    for count in ranks:
        try:
            found = predicted(problem, work, count, network)
        except ConfigError as error:
            table.add_row(f"{count:,}", error.message.partition(":")[0])
            continue
        gain, grown = alone / found.seconds, predicted(problem, work, count, network, grows=True).seconds
        shares = [f"{100 * part / found.seconds:.2g} %" for part in (found.halo, found.agreement)]
        boxes = " x ".join(map(str, found.counts))
        table.add_row(
            f"{count:,}",
            boxes,
            f"{found.nodes:,}",
            f"{found.seconds * 1e3:.3g} ms",
            *shares,
            f"{gain:.3g}",
            f"{100 * gain / count:.3g} %",
            f"{100 * alone / grown:.3g} %",
        )
    return table
