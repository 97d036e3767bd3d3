"""What results cost beside the run: series, frames, checkpoints.

The run is Gray-Scott as shipped, to its end, on 512 x 512 nodes with default settings: thousands of steps of RKC2 on half a million
unknowns. (The method is named, so that a busy machine tries no others. A linear problem would not do: its one exact propagator
takes 0.04 s, and any frame costs more than that.)

All is measured within runs, by the CPU time of all threads: on a machine that others use, two runs of the same differ by more than results cost.
Frames cost two things, further right-hand sides, since a step ends at each, which are counted, and the writing.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pdekit as pk
from pdekit.io.hdf5_writer import ResultWriter
from pdekit.problem import Problem
from pdekit.time.chebyshev import StabilisedChebyshev
from pdekit.time.series import SeriesRecorder
from tests.benchmarks.timing import Row

ROOT = Path(__file__).parents[2]
SERIES = {"mass": "integral(u)", "peak": "max(v)", "tip": "v(1.3, 1.2)"}
FRAMES = 100
PARTS = (
    ("steps", StabilisedChebyshev, "step"),
    ("series", SeriesRecorder, "__call__"),
    ("writing", ResultWriter, "append"),
    ("writing", ResultWriter, "record"),
    ("writing", ResultWriter, "note"),
)


def _with(problem: Problem, **output: Any) -> Problem:
    timed = replace(problem.time, method="rkc2")
    return problem.replace(time=timed, output=replace(problem.output, file=None, frames=None, **output))


def _seconds(run: Callable[[], Any]) -> Counter[str]:
    """CPU time of all threads within the parts of a run."""
    found: Counter[str] = Counter()

    def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*arguments: Any) -> Any:
            begun = time.process_time()
            result = function(*arguments)
            found[part] += time.process_time() - begun
            return result

        return measured

    with ExitStack() as stack:
        for part, kind, name in PARTS:
            stack.enter_context(patch.object(kind, name, timed(part, getattr(kind, name))))
        run()
    return found


def rows() -> list[Row]:
    """All of them."""
    grid = [f"grid.{axis}.points=512" for axis in "xy"]
    problem = pk.load(ROOT / "configs/gray_scott.yaml", grid)
    bare = _with(problem)
    chain, whole = _with(problem, checkpoints=True), _with(problem, series=SERIES, checkpoints=True)
    evaluations = [
        p.solve(frames=frames, keep=False).statistics["evaluations"]
        for p, frames in ((bare, 2), (bare, FRAMES), (chain, FRAMES))
    ]
    with tempfile.TemporaryDirectory() as folder:

        def run() -> None:
            whole.solve(frames=FRAMES, keep=False, output=Path(folder) / "run.h5", force=True)

        run()  # compiles
        seconds = _seconds(run)
    shares = {
        "three series": seconds["series"] / seconds["steps"],
        "100 frames, further right-hand sides": evaluations[1] / evaluations[0] - 1,
        "100 frames, written: 420 MB": seconds["writing"] / seconds["steps"],
        "checkpoints, further right-hand sides": evaluations[2] / evaluations[1] - 1,
    }
    shares["all of it"] = sum(shares.values())
    return [Row(f"Gray-Scott 512^2, {what}", f"{share:+.1%}", "<= +5 %") for what, share in shares.items()]
