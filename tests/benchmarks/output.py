"""What results cost beside the run: series, frames, checkpoints.

The run is Gray-Scott as shipped, on 512 x 512 nodes, to t = 300 with default settings: 2,300 steps of RKC2, 5,300 right-hand sides of half a
million unknowns. (The method is named, so that a busy machine tries no others.) (A linear problem would not do: its one exact propagator takes 0.04 s, and any frame costs more than that.) Frames that
are only kept in memory cost further steps, since a step ends at each. Least times of some repetitions in turns, over those of the run that
stores the start and the end in memory.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pdekit as pk
from pdekit.problem import Problem
from tests.benchmarks.timing import Row

ROOT = Path(__file__).parents[2]
SERIES = {"mass": "integral(u)", "peak": "max(v)", "tip": "v(1.3, 1.2)"}
END, FRAMES, REPEATS = 300.0, 100, 2


def _seconds(function: Callable[[], Any]) -> tuple[float, float]:
    """CPU time of all threads, and time on the wall."""
    usage, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    function()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime - usage.ru_utime + after.ru_stime - usage.ru_stime, time.perf_counter() - start


def _with(problem: Problem, **output: Any) -> Problem:
    time = replace(problem.time, method="rkc2")
    return problem.replace(time=time, output=replace(problem.output, file=None, frames=None, **output))


def rows() -> list[Row]:
    """All of them."""
    grid = {f"grid.{axis}.points": 512 for axis in "xy"}
    problem = pk.load(ROOT / "configs/gray_scott.yaml", [f"{key}={value}" for key, value in grid.items()])
    bare = _with(problem)
    with tempfile.TemporaryDirectory() as folder:
        file: dict[str, Any] = {"output": Path(folder) / "run.h5", "force": True, "frames": FRAMES}
        runs: dict[str, Callable[[], Any]] = {
            "bare": lambda: bare.solve(END, frames=2, keep=False),
            "three series, a row at every step": lambda: _with(problem, series=SERIES).solve(END, frames=2, keep=False),
            "100 frames in memory (further steps)": lambda: bare.solve(END, frames=FRAMES, keep=False),
            "100 frames in a file, 420 MB": lambda: bare.solve(END, keep=False, **file),
            "100 frames in a file, checkpoints": lambda: _with(problem, checkpoints=True).solve(
                END, keep=False, **file
            ),
            "all together": lambda: _with(problem, series=SERIES, checkpoints=True).solve(END, keep=False, **file),
        }
        runs["all together"]()  # compiles, and makes what the grid needs
        rounds = [{name: _seconds(run) for name, run in runs.items()} for _ in range(REPEATS)]
    least = {name: tuple(min(column) for column in zip(*(found[name] for found in rounds))) for name in runs}
    (cpu, wall), *_ = least.values()
    return [
        Row(f"Gray-Scott 512^2, {name}", f"{c / cpu - 1:+.1%} CPU, {w / wall - 1:+.1%} on the wall", "<= +5 %")
        for name, (c, w) in list(least.items())[1:]
    ]
