"""Going on with a run on several processes, as many as one likes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pdekit.checkpoints import Checkpoint
from pdekit.distributed.processes import Processes
from pdekit.distributed.shared_choice import shared_choice
from pdekit.distributed.shared_run import shared_run
from pdekit.geometry.grid import Grid
from pdekit.problem import Problem
from pdekit.resuming import StoredRun, resume
from pdekit.run import Progress
from pdekit.solution import Solution
from pdekit.typing import Array


@dataclass(frozen=True, eq=False)
class _StoredPart:
    """What is stored of a run, as the part of one process; see `pdekit.checkpoints.Interrupted`."""

    whole: StoredRun
    grid: Grid

    @property
    def times(self) -> list[float]:
        return self.whole.times

    @property
    def point(self) -> Checkpoint | None:
        return self.whole.point

    @property
    def series(self) -> Mapping[str, Array]:
        return self.whole.series

    def frame(self, index: int) -> dict[str, Array]:
        box = np.ix_(*(axis.index for axis in self.grid.axes))
        return {name: values[box] if values.ndim else values for name, values in self.whole.frame(index).items()}


@dataclass(frozen=True)
class _SharedResumer:
    """What goes on with a run: processes together."""

    processes: Processes

    @property
    def writes(self) -> bool:
        return self.processes.rank == 0

    def solve(self, problem: Problem, path: Path, end: float, progress: Progress | None, before: StoredRun) -> Solution:
        run = shared_run(problem, self.processes, path, True)
        choice = shared_choice(problem, run.problem, run.solvers(problem.time))
        rule, part = replace(problem.output, file=None), _StoredPart(before, run.problem.grid)
        return run.in_time(problem.time, rule, end, choice, progress, part)


def resume_shared(path: Path, processes: Processes, until: float | None = None) -> Solution:
    """Go on with the run of a results file, in the same file; see `pdekit.resuming.resume`.

    Parameters
    ----------
    path : Path
    processes : Processes
        As many as one likes, whatever their number was before.
    until : float, optional
        Another end of the time span.

    Returns
    -------
    Solution
        Of this process' part, its last frame.
    """
    return resume(path, until, keep=False, solver=_SharedResumer(processes))
