"""What takes the frames of a run, whatever the format."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pdekit.checkpoints import Checkpoint
from pdekit.solution import Solution
from pdekit.typing import Array


@runtime_checkable
class Boxes(Protocol):
    """A field that comes in parts."""

    def boxes(self) -> Iterator[tuple[tuple[slice, ...], Array]]:
        """Where each part lies, and its values."""
        ...


class Writer(Protocol):
    """Takes the frames of a run as they come."""

    def append(self, t: float, fields: dict[str, Array]) -> None:
        """One frame: full arrays by variable."""
        ...

    def record(self, series: Mapping[str, Array]) -> None:
        """Further rows of the series by name, with their times ``t``."""
        ...

    def note(self, point: Checkpoint) -> None:
        """From where the run can go on."""
        ...

    def close(
        self,
        status: str,
        message: str,
        statistics: dict[str, Any],
        wall_time: float,
        notes: Sequence[str],
        method: str = "",
    ) -> None:
        """The end: "complete", "failed" or "interrupted", and why; what is to be said of the result; the methods, if others went on."""
        ...


class Output(Protocol):
    """Where the results of a run go; checked when it is made, opened when the method is known."""

    @property
    def path(self) -> Path: ...

    def open(
        self,
        method: str,
        reasons: Sequence[str],
        variables: Mapping[str, Any] | None = None,
        series: Mapping[str, Any] | None = None,
        scalars: Collection[str] | None = None,
    ) -> Writer:
        """The writer, with everything that is known before the first frame.

        `variables` and `series` are types by name; by default those of the states and of the problem's series. `scalars` are those of
        the variables that are one number; by default the problem's.
        """
        ...


def write_solution(output: Output, solution: Solution) -> None:
    """Write a whole solution that is in memory."""
    series = {name: values.dtype for name, values in solution.series.items() if name != "t"}
    types = {name: values.dtype for name, values in (solution.values | solution.scalars).items()}
    writer = output.open(solution.method, solution.reasons, types, series, tuple(solution.scalars))
    for snapshot in solution:
        fields = {name: field.values for name, field in snapshot.items()}
        writer.append(snapshot.t or 0.0, fields | snapshot.scalars)
    if series:
        writer.record(solution.series)
    writer.close("complete", "", solution.statistics, solution.wall_time, solution.notes)
