"""Steps on ranks of one thread, beside one rank, and beside one process with two threads.

Ranks wait for each other, so that whoever takes a core from one takes it from all: the table is worth something on a machine that does
nothing else. Runs take turns, and of each the least time counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from pdekit.distributed.launch import missing
from tests.benchmarks.timing import Row
from tests.distributed.conftest import MPIEXEC, environment

TURNS = 4
# What runs, the nodes of an axis, and how many axes there are.
CASES = (("rk4", 2048, 2), ("crank_nicolson", 512, 2), ("crank_nicolson", 64, 3))


def seconds(count: int, threads: int, *case: str | int) -> dict[str, float]:
    """Least and middle time of a step on so many ranks; a count of 0 is one process without mpiexec."""
    words = [sys.executable, "-m", "tests.benchmarks.steps_on_ranks", *map(str, case)]
    launched = [MPIEXEC, "-n", str(count), *words] if count else words
    own = {**environment(), "OMP_NUM_THREADS": str(threads), "NUMBA_NUM_THREADS": str(threads)}
    done = subprocess.run([w for w in launched if w], capture_output=True, text=True, env=own, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def rows() -> Iterator[Row]:
    """One for every case, and for explicit steps one beside threads."""
    if MPIEXEC is None or missing():
        yield Row("ranks", "the extra petsc is not installed", "")
        return
    load = os.getloadavg()[0]
    for method, points, axes in CASES:
        kinds = [(1, 1), (2, 1), *([(0, 2)] if method == "rk4" else [])]
        found = [[seconds(*kind, method, points, axes) for kind in kinds] for _ in range(TURNS)]
        least = [min(turn[k]["least"] for turn in found) for k in range(len(kinds))]
        middle = [min(turn[k]["middle"] for turn in found) for k in range(len(kinds))]
        title = f"{method}, {points}^{axes}: 2 ranks beside 1"
        value = f"{least[0] / least[1]:.2f} times as fast (middles {middle[0] / middle[1]:.2f})"
        yield Row(title, f"{value}, load {load:.0f}", ">= 1.7" if method == "rk4" else ">= 1.5")
        if len(kinds) > 2:
            title = f"{method}, {points}^{axes}: 2 ranks beside one process with 2 threads"
            value = f"{least[2] / least[1]:.2f} times as fast (middles {middle[2] / middle[1]:.2f})"
            yield Row(title, f"{value}, load {load:.0f}", ">= 0.85")
