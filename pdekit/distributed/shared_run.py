"""Solving a problem on several processes: each has a part of the grid, all go through the same steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from pdekit.course import Course
from pdekit.distributed.gathered_output import GatheredOutput
from pdekit.distributed.petsc_solver import SharedSolvers
from pdekit.distributed.processes import Processes
from pdekit.distributed.shareable import decomposed, wide_enough
from pdekit.distributed.shared_choice import shared_choice
from pdekit.distributed.shared_right_hand_side import SharedRightHandSide
from pdekit.distributed.shared_system import SharedSystem
from pdekit.io.formats import output_to
from pdekit.problem import Problem
from pdekit.run import Progress, Run
from pdekit.settings import TimeSettings
from pdekit.solution import Solution
from pdekit.time.method import Method
from pdekit.time.method_choice import Choice
from pdekit.time.observers import Notice
from pdekit.time.right_hand_side import MatrixRightHandSide, RightHandSide
from pdekit.time.solved_rates import SolverOf


def shared(problem: Problem, processes: Processes, passes: int = 1) -> Problem:
    """A problem on the part of its grid that this process has.

    Parameters
    ----------
    problem : Problem
        Whole, and checked.
    processes : Processes
    passes : int
        For how many evaluations one after the other what it has suffices.
    """
    decomposition = decomposed(problem, processes.count, passes)
    part = decomposition.part(processes.rank, processes)
    problem.release()
    local = problem.on_part(part)
    local.discretize(lambda *given, **options: SharedSystem(processes, decomposition, *given, **options))
    return local


class SharedRun(Run):
    """A run of which every process makes its part."""

    system: SharedSystem
    passes = 1  # evaluations for which the nodes that are read suffice

    def solvers(self, settings: TimeSettings) -> SharedSolvers:
        return SharedSolvers(self.system, settings.petsc, self.thresholds)

    def matrix_solver(self, settings: TimeSettings) -> SolverOf:
        return self.solvers(settings).factorise

    def compiled(self, method: Method, settings: TimeSettings, span: float) -> RightHandSide | None:
        made = super().compiled(method, settings, span)
        if made is not None and not self.system.processes.everywhere(made.compiled) and made.compiled:
            made = MatrixRightHandSide(self.system)  # some part is too narrow for kernels
        found: Any = None if made is None else SharedRightHandSide(made, self.system, self.passes)
        return cast(RightHandSide | None, found)  # the rest of the protocol is that of the one within

    def _guards(self, settings: TimeSettings, choice: Choice, end: float) -> tuple[Notice, ...]:
        """None: the spectrum at a later state would need the whole matrix. A step that becomes unstable is seen as blow-up."""
        return super()._guards(settings, choice, end) if self.system.processes.count == 1 else ()

    def _pace(self, course: Course, end: float) -> tuple[Notice, ...]:
        """None: the clocks of several processes do not agree."""
        return super()._pace(course, end) if self.system.processes.count == 1 else ()


def solve_shared(
    problem: Problem, processes: Processes, path: Path, *, force: bool = False, progress: Progress | None = None
) -> Solution:
    """Solve a problem; the first process writes the results file.

    Parameters
    ----------
    problem : Problem
        The same on all processes.
    processes : Processes
    path : Path
    force : bool
        Replace an existing file.
    progress : callable of (t, steps), optional

    Returns
    -------
    Solution
        Of this process' part, its last frame.
    """
    if not problem.steady:
        _, end = problem.span(None)
        problem = problem.as_solved(replace(problem.time, end=end), problem.output)
    run = shared_run(problem, processes, path, force)
    if problem.steady:
        return run.steady()
    choice = shared_choice(problem, run.problem, run.solvers(problem.time))
    problem.release()
    return run.in_time(problem.time, replace(problem.output, file=None), end, choice, progress)


def shared_run(problem: Problem, processes: Processes, path: Path, force: bool) -> SharedRun:
    """This process' part of a run, with a results file that the first process writes."""
    passes = wide_enough(problem, processes.count)
    local = shared(problem, processes, passes)
    inner = output_to(problem, path, force) if processes.rank == 0 else None
    run = SharedRun(local, GatheredOutput(processes, local.grid, inner, path), keep=False)
    run.passes = passes
    return run
