"""One run of a problem: from its initial state to a solution, frame by frame, to memory and file."""

from __future__ import annotations

import json
import platform
import time as clock
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pdekit.axis import Axis
from pdekit.errors import PdekitError, SolverError
from pdekit.extension import service
from pdekit.integrators.choose import Choice, choose, refuse_unsound
from pdekit.integrators.fixed import relative_change
from pdekit.integrators.rates import refuse_lost_steps
from pdekit.integrators.watch import Statistics, Watch
from pdekit.settings import TimeSettings
from pdekit.solution import Solution

if TYPE_CHECKING:
    from pdekit.problem import Problem
    from pdekit.storage.writer import ResultWriter

Array = NDArray[Any]
Progress = Callable[[float, int], None]
CONSISTENT, ITERATIONS = 1e-11, 30
TINY = 1e-300  # least absolute tolerance: where nothing is, no error is none


class Run:
    """Solves a problem once.

    Parameters
    ----------
    problem : Problem
    path : Path, optional
        Results file; refused at once if it exists (unless forced) or cannot be written.
    force, keep : bool
        Replace an existing file; keep all frames in memory rather than the last.
    """

    def __init__(self, problem: Problem, path: Path | None, *, force: bool, keep: bool) -> None:
        if path is not None:
            from pdekit.storage.writer import check_output

            check_output(path, force)
        self.problem, self.path, self.force, self.keep = problem, path, force, keep
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
        times, values = self._store(frames, stops[-1], self._writer(name, reasons), watch.statistics)
        return self._solution(times, values, name, reasons, watch.statistics)

    def steady(self) -> Solution:
        """Solve ``0 = ...``."""
        from pdekit.steady import solve_steady

        refuse_unsound(self.system)
        statistics = Statistics()
        guess = self.system.pack(self.problem.initial_fields())
        result = solve_steady(self.system, guess, statistics, self._coarse_excess)
        frames = iter([(0.0, result.y)])
        _, values = self._store(frames, 0.0, self._writer("steady", result.reasons), statistics)
        last = {name: stored[-1] for name, stored in values.items()}
        return self._solution(np.zeros(0), last, "steady", result.reasons, statistics)

    def _store(
        self, frames: Iterator[tuple[float, Array]], last: float, writer: ResultWriter | None, statistics: Statistics
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
            file=self.path,
            labels=problem.labels,
        )

    def _writer(self, method: str, reasons: Sequence[str]) -> ResultWriter | None:
        """The results file, with everything that is known before the first frame."""
        if self.path is None:
            return None
        from pdekit.storage.writer import ResultWriter

        problem = self.problem
        names = [block.name for block in self.system.blocks]
        packages = ("numpy", "scipy", "sympy", "h5py")
        attributes = {
            "title": problem.title,
            "dimensions": json.dumps(problem.grid.names),
            "variables": json.dumps(names),
            "coordinate_system": problem.grid.system,
            "config": service("problem_to_yaml")(problem),
            "pdekit_version": metadata.version("pdekit"),
            "versions": json.dumps({"python": platform.python_version(), **{p: metadata.version(p) for p in packages}}),
            "method": method,
            "method_reasons": "\n".join(reasons),
        }
        if problem.exact:
            attributes["exact"] = json.dumps({n: e for n, e in problem.exact.items() if isinstance(e, str)})
            attributes["parameters"] = json.dumps({n: str(v) for n, v in problem.pde.parameters.items()})
            known = {n: str(problem.pde.definitions[n]) for n in problem.system.known}
            attributes["definitions"] = json.dumps(known)
        return ResultWriter(
            self.path,
            problem.grid,
            dict.fromkeys(names, self.system.dtype),
            attributes,
            steady=problem.steady,
            force=self.force,
            labels=problem.labels,
        )


def plain(statistics: Statistics) -> dict[str, int]:
    """Counts as plain numbers."""
    return {name: int(value) for name, value in asdict(statistics).items()}
