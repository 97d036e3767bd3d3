"""Run by mpiexec: configs on several ranks against one process, a line of JSON for each."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pdekit.distributed.processes import Processes
from pdekit.distributed.shared_run import solve_shared
from pdekit.errors import PdekitError
from pdekit.io.load import load
from pdekit.problem import Problem
from pdekit.settings import OutputSettings, StopSettings
from pdekit.time.facts import Facts
from pdekit.time.methods import METHODS

EXPLICIT_STEPS, IMPLICIT_STEPS, MOST_NODES = 5, 2, 9_000


def coarsened(problem: Problem) -> Problem:
    """The problem on fewer nodes, where there are many."""
    thinner = math.ceil(math.sqrt(problem.grid.size / MOST_NODES))
    if problem.steady or thinner == 1:
        return problem
    axes = {name: axis.with_points(axis.size // thinner) for name, axis in zip(problem.grid.names, problem.grid.axes)}
    return problem.replace(grid=problem.grid.replace(**axes))


def variants(problem: Problem, kernels: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Few steps of an explicit and of an implicit method, by the names of what is compared."""
    if problem.steady:
        yield "steady", {}
        return
    system, (start, end) = problem.semidiscrete, problem.span(None)
    waves = all(u.time_order == 2 for u in system.system.unknowns)
    if system.system.noises:
        y, method = system.pack(problem.initial_fields()), "euler_maruyama"
        yield "explicit", {"method": method, "step": 0.4 * Facts(system, start, y, end - start).limit(METHODS[method])}
        yield "implicit", {"method": f"implicit_{method}", "step": problem.time.step}
        return
    if system.evolves and system.bounds is None:
        method = "verlet" if waves and not system.has_rates else "ssprk3" if system.is_limited else "rk4"
        y = system.pack(problem.initial_fields())
        limit = Facts(system, start, y, end - start).limit(METHODS[method])
        yield "explicit", {"method": method, "step": 0.4 * min(limit or end - start, end - start)}
        if kernels and method == "rk4":
            yield "kernels", {"method": method, "step": 0.4 * limit, "compiled": "always"}
            yield "kernels, steps by their error", {"method": "tsitouras", "compiled": "always"}
            yield "kernels, stabilised", {"method": "rkc2", "step": limit, "compiled": "always"}
    if not system.is_limited:
        yield "implicit", {"method": "newmark" if waves else "tr_bdf2", "step": (end - start) / 100}


def shortened(problem: Problem, time: dict[str, Any]) -> Problem:
    """The problem to the end of a few steps."""
    if problem.steady:
        return problem
    step = time.get("step") or 1e-3 * (problem.span(None)[1] - problem.time.start)
    count = IMPLICIT_STEPS if time["method"] in ("newmark", "tr_bdf2") else EXPLICIT_STEPS
    end = problem.time.start + count * step
    words = {"compiled": "never", "solver": "auto", "implicit": None, **time}
    output = replace(OutputSettings(frames=2), series=problem.output.series, fields=problem.output.fields)
    return problem.replace(
        time=replace(problem.time, end=end, **words), output=output, stop=StopSettings(), initial=problem.initial,
        projections=dict.fromkeys(problem.projections, (end,)),
    )  # fmt: skip


def difference(problem: Problem, processes: Processes, folder: Path) -> float:
    """The greatest difference of the last frame from that of one process, beside the greatest value; over the series, too.

    A field that is no more than rounding of the others is measured by them.
    """
    alone = problem.solve(keep=False)
    found = solve_shared(problem, processes, folder / "shared.h5", force=True)
    worst = 0.0
    box = np.ix_(*(axis.index for axis in found.grid.axes))
    lasts = {name: np.asarray(values if problem.steady else values[-1]) for name, values in alone.values.items()}
    sizes = {name: float(np.nanmax(np.abs(last))) for name, last in lasts.items()}
    rounding = 1e-14 * max(sizes.values())
    for name, values in found.values.items():
        mine = np.asarray(values if problem.steady else values[-1])
        gap = np.abs(mine - lasts[name][box])[found.grid.owned] if mine.ndim else np.abs(mine - lasts[name])
        if mine.ndim:  # not a number at the same nodes: outside of the domain
            alike = np.isnan(mine) == np.isnan(lasts[name][box])
            worst = worst if np.all(alike[found.grid.owned]) else math.inf
            gap = np.nan_to_num(gap)
        scale = sizes[name] if sizes[name] > rounding else max(*sizes.values(), 1e-300)
        worst = max(worst, float(np.max(gap)) / scale)
    for name, values in {**found.scalars, **found.series}.items():
        other = np.asarray({**alone.scalars, **alone.series}[name])
        scale = max(float(np.max(np.abs(other))), 1.0)
        worst = max(worst, float(np.max(np.abs(np.asarray(values) - other))) / scale)
    return processes.greatest(worst)


def main(folder: Path, kernels: bool, configs: list[Path]) -> None:
    from mpi4py import MPI

    processes = Processes(MPI.COMM_WORLD.Dup())
    for config in configs:
        whole = coarsened(load(config))
        for kind, time in variants(whole, kernels):
            entry: dict[str, Any] = {"config": config.stem, "kind": kind}
            try:
                entry["difference"] = difference(shortened(whole, time), processes, folder)
            except PdekitError as error:
                entry["refused"] = str(error)
            if processes.rank == 0:
                print(json.dumps(entry), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] == "kernels", [Path(name) for name in sys.argv[3:]])
