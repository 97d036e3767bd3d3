"""Going on with a run that was interrupted: by a signal, a crash, a full disk; or beyond its end."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from pdekit.checkpoints import Checkpoint
from pdekit.errors import ConfigError, PdekitError, StorageError
from pdekit.features import FEATURES, Use
from pdekit.io.formats import output_to
from pdekit.io.hdf5_reader import StoredResult, read_result
from pdekit.io.load import loads
from pdekit.io.write import UNPRINTABLE
from pdekit.io.yaml_source import parse_yaml
from pdekit.problem import Problem
from pdekit.progress import Progress, ProgressLines, all_of, to_log
from pdekit.run import Run
from pdekit.solution import Solution
from pdekit.time.methods import METHODS
from pdekit.typing import Array

RESUMED = Use(
    "resumed runs",
    {
        "samples": "it holds what the samples have in common, of which none goes on",
        "delays": "the states between its frames, which equations with delays need, are not stored; begin anew",
    },
    FEATURES.keys() - {"samples", "delays"},
)


@dataclass(frozen=True, eq=False)
class StoredRun:
    """A results file as what an interrupted run left."""

    stored: StoredResult

    @cached_property
    def point(self) -> Checkpoint | None:
        """From where the run goes on, if it kept it."""
        text = str(self.stored.attributes.get("checkpoint", ""))
        try:
            return Checkpoint.parsed(text) if text else None
        except (ValueError, KeyError, TypeError):
            return None

    @cached_property
    def times(self) -> list[float]:
        """Of the frames up to there."""
        found = [float(t) for t in self.stored.times]
        return found if self.point is None else [t for t in found if t <= self.point.t]

    @property
    def series(self) -> Mapping[str, Array]:
        """Numbers step by step."""
        return self.stored.series

    @property
    def stored_names(self) -> tuple[str, ...]:
        """Of fields and of scalar unknowns."""
        return (*self.stored.variables, *self.stored.scalars)

    def frame(self, index: int) -> dict[str, Array]:
        """Full arrays by variable."""
        return {name: self.stored.read(name, index) for name in self.stored_names}


@dataclass(frozen=True)
class Resumer:
    """What goes on with a run: this process.

    Parameters
    ----------
    keep : bool
        Keep all frames in memory, not only the last.
    """

    keep: bool = True
    writes: ClassVar[bool] = True  # whether it is this process that writes the file

    def solve(self, problem: Problem, path: Path, end: float, progress: Progress | None, before: StoredRun) -> Solution:
        """Solve the rest of the problem."""
        output, rule = output_to(problem, path, force=True), replace(problem.output, file=None)
        return Run(problem, output, keep=self.keep).in_time(problem.time, rule, end, None, progress, before)


def resume(
    path: str | Path,
    until: float | None = None,
    *,
    problem: Problem | None = None,
    keep: bool = True,
    progress: Progress | bool | None = None,
    solver: Any = None,
) -> Solution:
    """Go on with the run of a results file, in the same file.

    A run with ``output: {checkpoints: true}`` ends with the very same numbers as one that was never interrupted. Others go on from their
    last frame, with steps of their own: the same within the tolerance.

    Parameters
    ----------
    path : str or Path
        The results file. Until the frames that it holds are written anew, a copy is kept beside it.
    until : float, optional
        Another end of the time span.
    problem : Problem, optional
        What was solved, if it has parts that are Python functions, which no file holds.
    keep : bool
        Keep all frames in memory, not only the last.
    progress : callable of (t, steps) or bool, optional
        Told after every step; True writes a line to the standard error every ten seconds.
    solver : object with solve and writes as of ``Resumer``, optional
        What goes on, if it is not this process alone.

    Returns
    -------
    Solution

    Raises
    ------
    ConfigError, StorageError
        No such file, nothing to go on with, or no frame in it; a run of another problem.
    """
    path = Path(path)
    spare = path.with_name(f".{path.name}.before")
    if spare.exists() and _is_of_another_run(spare, path):
        spare.unlink()
    run = StoredRun(read_result(spare if spare.exists() else path))
    if run.stored.steady or not run.times:
        raise StorageError(f"{path}: there is no frame to go on from")
    text = str(run.stored.attributes.get("config", ""))
    if problem is None:
        if UNPRINTABLE in text:
            raise ConfigError(
                f"{path}: the problem has parts that are Python functions, which no file holds; from Python, "
                "pk.resume(path, problem=...)"
            )
        problem = loads(text, python=False)  # runs store their equations, never the file that they came from
    _refuse_what_does_not_go_on(path, problem)
    names = {*(b.name for b in problem.semidiscrete.blocks), *problem.derived}
    if problem.grid.names != tuple(run.stored.axes) or names != set(run.stored_names):
        raise ConfigError(
            f"{path} holds {list(run.stored.variables)} over {list(run.stored.axes)}: a run of another problem",
            key="problem",
        )
    point, recorded = run.point, run.series.keys() - {"t"}
    if point is not None and point.method not in METHODS:
        raise StorageError(f"{path} is damaged: its checkpoint names the method {point.method!r}, which there is not")
    if run.series and recorded != problem.series.keys():
        raise StorageError(f"{path} holds the series {sorted(recorded)}, the problem has {sorted(problem.series)}")
    end = problem.span(until)[1]
    last = run.times[-1]
    if end <= last * (1 + 1e-12):
        complete = run.stored.attributes.get("status") == "complete"
        raise ConfigError(
            f"{path} reaches to t = {last:g}{' and is complete' if complete else ''}; say how much further, until > {last:g}"
        )
    if until is not None:
        time, rule = problem.time, problem.output
        if time.end is not None:
            rule = rule.at_same_distance(time.start, time.end, time.step)
        problem = problem.replace(time=replace(time, end=end), output=rule)
    going_on, span = solver or Resumer(keep), (last, end, problem.units.get("t", ""))
    lines = ProgressLines(*span, only_long=True) if progress is True else (progress or None)
    follow = all_of(lines, to_log(*span))
    with _kept(path, spare) if going_on.writes else nullcontext():
        solution = going_on.solve(problem, path, end, _then(follow, spare) if going_on.writes else follow, run)
    if run.point is None:
        note = f"went on from the frame at t = {last:g} with steps of its own (no checkpoints were kept)"
        solution = replace(solution, notes=(*solution.notes, note))
    return solution


def _refuse_what_does_not_go_on(path: Path, problem: Problem) -> None:
    """Refuse runs of which a file does not hold all that would go on."""
    for name, why in RESUMED.reasons(problem).items():
        raise ConfigError(f"{path}: {why}", key=FEATURES[name].key)


def _then(progress: Progress | None, spare: Path) -> Progress:
    """The progress; at the first new step all that was there is in the new file, and the copy may go."""
    copies = [spare]

    def told(t: float, steps: int) -> None:
        while copies:
            copies.pop().unlink(missing_ok=True)
        if progress is not None:
            progress(t, steps)

    return told


def _is_of_another_run(spare: Path, path: Path) -> bool:
    """Whether a copy was left behind by a run that the file does not hold any more: a new one was written over it."""
    configs = []
    for file in (spare, path):
        try:
            config = parse_yaml(str(read_result(file).attributes.get("config", ""))).data
        except PdekitError:
            return False  # the copy, or an error that says what is wrong, is what there is
        time = config.get("time")
        if isinstance(time, dict):
            time.pop("end", None)  # both may reach until different times
        configs.append(config)
    return bool(configs[0] != configs[1])


@contextmanager
def _kept(path: Path, spare: Path) -> Iterator[None]:
    """Keep the old file under another name until the new one holds as much."""
    if not spare.exists():
        try:
            os.link(path, spare)
        except OSError as error:
            raise StorageError(f"{path}: no copy can be kept beside it: {error}") from None
    try:
        yield
    except PdekitError:
        if spare.exists():  # nothing new came: as it was
            os.replace(spare, path)
            spare.unlink(missing_ok=True)  # two names of one file are not replaced by each other
        raise
    spare.unlink(missing_ok=True)
