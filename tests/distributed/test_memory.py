"""What a rank keeps in memory, beside what one process does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.distributed.conftest import HERE, environment, needs_petsc

PROGRAM = str(HERE / "memory_of_a_run.py")


def measured(ranks, folder: Path, count: int, *arguments: str) -> list[dict[str, int]]:
    """Of every process; a count of 0 is one process without mpiexec."""
    words = (PROGRAM, str(folder), *arguments)
    if count:
        done = ranks(count, *words)
    else:
        done = subprocess.run(
            [sys.executable, *words], env=environment(), cwd=folder, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in re.findall(r"\{.*?\}", done.stdout)]  # lines of ranks may run into each other


@needs_petsc
@pytest.mark.parametrize("kind", ["box", "values", "fluxes"])
def test_arrays_of_implicit_runs_are_shared(ranks, tmp_path: Path, figure, kind: str) -> None:
    """On a box, and around a hole with values or fluxes on its boundary; making and checking the problem counts."""
    words = ("200", "crank_nicolson", kind, "traced")
    (alone,) = measured(ranks, tmp_path, 1, *words)
    shared = max(found["arrays"] for found in measured(ranks, tmp_path, 2, *words))
    figure(f"arrays of a rank of 2 over those of 1, Crank-Nicolson, 200^2, {kind}", shared / alone["arrays"], "<= 0.6")
    assert shared <= 0.6 * alone["arrays"]


@needs_petsc
@pytest.mark.study
def test_memory_of_a_rank(ranks, tmp_path: Path, figure) -> None:
    """Resident memory beyond that of the same run on 32^2 nodes, which is the interpreter's and the libraries'."""
    beyond = {}
    for count in (0, 2):
        small, large = (measured(ranks, tmp_path, count, str(points), "rk4", "box") for points in (32, 2048))
        beyond[count] = max(f["resident"] for f in large) - max(f["resident"] for f in small)
    figure("memory of a rank of 2 over one process', RK4, 2048^2", beyond[2] / beyond[0], "<= 0.6")
    assert beyond[2] <= 0.6 * beyond[0]
