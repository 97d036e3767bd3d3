"""One run of a problem: from its initial state to a solution, frame by frame, to memory and file."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pdekit.errors import PdekitError, SolverError
from pdekit.geometry.axis import Axis
from pdekit.problem import Problem
from pdekit.settings import TimeSettings
from pdekit.solution import Solution
from pdekit.time.implicit import relative_change
from pdekit.time.method_choice import Choice, choose, refuse_unsound
from pdekit.time.observers import Statistics, Watch
from pdekit.time.right_hand_side import refuse_lost_steps

Array = NDArray[Any]
Progress = Callable[[float, int], None]
CONSISTENT, ITERATIONS = 1e-11, 30
TINY = 1e-300  # least absolute tolerance: where nothing is, no error is none


class Writer(Protocol):
    """Takes the frames of a run as they come."""

    def append(self, t: float, fields: dict[str, Array]) -> None:
        """One frame: full arrays by variable."""
        ...

    def close(self, status: str, message: str, statistics: dict[str, int], wall_time: float) -> None:
        """The end: "complete", "failed" or "interrupted", and why."""
        ...


class Output(Protocol):
    """Where the results of a run go; checked when it is made, opened when the method is known."""

    @property
    def path(self) -> Path: ...

    def open(self, method: str, reasons: Sequence[str]) -> Writer:
        """The writer, with everything that is known before the first frame."""
        ...


class Run:
    """Solves a problem once.

    Parameters
    ----------
    problem : Problem
    output : Output, optional
        The results file.
    keep : bool
        Keep all frames in memory rather than the last.
    """

    def __init__(self, problem: Problem, output: Output | None = None, *, keep: bool = True) -> None:
        self.problem, self.output, self.keep = problem, output, keep
        self.system = problem.semidiscrete
        self.begun = clock.perf_counter()

    def in_time(
        self, settings: TimeSettings, stops: Sequence[float], choice: Choice | None, progress: Progress | None
    ) -> Solution:
        """Integrate, and store the state at all `stops`."""
        system, start, duration = self.system, stops[0], stops[-1] - stops[0]
        y = self._consistent(system.pack(self.problem.initial_fields()), start)
        if choice is None:
            choice = choose(system, start, y, duration, method=settings.method, step=settings.step, rtol=settings.rtol)
        rates = choice.method.realise(system, duration, settings.step, settings.compiled, settings.precision)
        if settings.precision == "single" and settings.step is not None and rates is not None:
            refuse_lost_steps(rates, start, y, settings.step, duration)
        scales = self._scales(y, start, duration, rates.rhs if rates is not None else system.rhs)
        watch = Watch(system, max(scales), progress)
        own = [1e-3 * settings.rtol * s if settings.atol is None else max(settings.atol, TINY) for s in scales]
        atol = system.spread(own)
        options: dict[str, Any] = {"step": settings.step, "rtol": settings.rtol, "atol": atol, "rates": rates}
        frames = choice.method.integrate(system, y, stops, watch, **options)
        del y  # large states are kept where they are used only
        name, reasons = choice.method.name, choice.reasons
        if rates is not None:
            reasons = (*reasons, f"right-hand side by {rates.title}")
        times, values = self._store(frames, stops[-1], self._open(name, reasons), watch.statistics)
        return self._solution(times, values, name, reasons, watch.statistics)

    def steady(self) -> Solution:
        """Solve ``0 = ...``."""
        from pdekit.steady import solve_steady

        refuse_unsound(self.system)
        statistics = Statistics()
        guess = self.system.pack(self.problem.initial_fields())
        result = solve_steady(self.system, guess, statistics, self._coarse_excess)
        frames = iter([(0.0, result.y)])
        _, values = self._store(frames, 0.0, self._open("steady", result.reasons), statistics)
        last = {name: stored[-1] for name, stored in values.items()}
        return self._solution(np.zeros(0), last, "steady", result.reasons, statistics)

    def _open(self, method: str, reasons: Sequence[str]) -> Writer | None:
        return None if self.output is None else self.output.open(method, reasons)

    def _store(
        self, frames: Iterator[tuple[float, Array]], last: float, writer: Writer | None, statistics: Statistics
    ) -> tuple[Array, dict[str, Array]]:
        """Take the frames as they come, to memory and file; of a run that keeps none, only that at the time `last`."""
        times: list[float] = []
        stored: dict[str, list[Array]] = {block.name: [] for block in self.system.blocks}
        status, message = "interrupted", "the run was interrupted"
        try:
            for t, y in frames:
                full = self.system.unpack(t, y)
                del y
                if writer is not None:
                    writer.append(t, full)
                if self.keep or t == last:
                    times.append(t)
                    for name, values in stored.items():
                        values.append(full[name])
                del full
            status, message = "complete", ""
        except PdekitError as error:
            status, message = "failed", str(error)
            raise
        finally:
            if writer is not None:
                writer.close(status, message, plain(statistics), clock.perf_counter() - self.begun)
        return np.array(times), {
            name: np.stack(values) if len(values) > 1 else values[0][None] for name, values in stored.items()
        }

    def _scales(self, y: Array, t: float, duration: float, rhs: Callable[[float, Array], Array]) -> list[float]:
        """Size of every block: its greatest value at the start or in the data, or what its rate makes of it."""
        system = self.system
        full = system.unpack(t, y)
        scales = [float(np.max(np.abs(full[block.name]))) for block in system.blocks]
        if min(scales) == 0:
            rates = np.abs(rhs(t, y))
            found = [duration * float(np.max(rates[block.slice], initial=0.0)) for block in system.blocks]
            scales = [s if s > 0 else r for s, r in zip(scales, found)]
        overall = max(scales)
        return [s if s > 0 else (overall if overall > 0 else 1.0) for s in scales]

    def _consistent(self, y: Array, t: float) -> Array:
        """Initial values of unknowns without an evolution equation, from their equations ``0 = ...``."""
        if self.system.evolves:
            return y
        from pdekit.steady import determined

        algebraic = self.system.mass == 0
        y = y.copy()
        for _ in range(ITERATIONS):
            residual = self.system.rhs(t, y)[algebraic]
            J = self.system.jacobian(t, y)[algebraic][:, algebraic]
            solver = determined(
                J,
                "the equations '0 = ...' do not determine their unknowns, perhaps because they prescribe "
                "derivatives only; fix a value by a Dirichlet condition, or add a term in the unknown itself",
            )
            correction = np.zeros_like(y)
            correction[algebraic] = solver.solve(residual)
            y = y - correction
            if relative_change(correction, y, [block.slice for block in self.system.blocks]) <= CONSISTENT:
                return y
        raise SolverError("no initial state was found that satisfies the algebraic equations '0 = ...'")

    def _coarse_excess(self) -> float | None:
        """By how much data that prescribe derivatives only fail to balance, on a grid of half as many nodes."""
        from pdekit.steady import solve_steady

        grid, axes = self.problem.grid, {}
        for name, axis in zip(grid.names, grid.axes):
            nodes = axis.nodes[::2]
            if not axis.periodic and axis.size % 2 == 0:
                nodes = np.append(nodes, axis.nodes[-1])
            if axis.periodic:
                axes[name] = Axis(axis.left, axis.right, nodes=nodes, periodic=True)
            elif axis.offset:
                axes[name] = axis.with_points(axis.size // 2)
            else:
                axes[name] = Axis(nodes=nodes)
        try:
            coarse = self.problem.replace(grid=grid.replace(**axes))
            guess = coarse.semidiscrete.pack(coarse.initial_fields())
            return solve_steady(coarse.semidiscrete, guess, Statistics()).excess
        except PdekitError:
            return None  # data given as arrays, or too few nodes

    def _solution(
        self, times: Array, values: dict[str, Array], method: str, reasons: tuple[str, ...], statistics: Statistics
    ) -> Solution:
        problem = self.problem
        return Solution(
            problem.grid,
            times,
            values,
            title=problem.title,
            method=method,
            reasons=reasons,
            statistics=plain(statistics),
            wall_time=clock.perf_counter() - self.begun,
            exact=problem.exact_values if problem.exact else None,
            exact_names=tuple(name for name in values if name in problem.exact),
            file=None if self.output is None else self.output.path,
            labels=problem.labels,
        )


def plain(statistics: Statistics) -> dict[str, int]:
    """Counts as plain numbers."""
    return {name: int(value) for name, value in asdict(statistics).items()}
