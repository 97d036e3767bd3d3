"""Run alone or by mpiexec: the time of a step, a line of JSON from the first process."""

from __future__ import annotations

import json
import os
import sys
import time as clock
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import pdekit as pk
from pdekit.settings import OutputSettings, TimeSettings

STEPS = {"rk4": 40, "crank_nicolson": 10}


def cooling(method: str, points: int, axes: int) -> pk.Problem:
    """Heat on periodic axes by kernels; with a conductivity that varies, between cold walls, by multigrid."""
    names, explicit = "xyz"[:axes], method == "rk4"
    grid = pk.Grid({name: pk.Axis(0, 1, points, periodic=explicit) for name in names})
    step = 0.1 / points**2 if explicit else 0.01
    time = TimeSettings(end=STEPS[method] * step, method=method, step=step, compiled="always" if explicit else "auto")
    waves = "*".join(f"sin({'2*' * explicit}pi*{name})" for name in names)
    k = "*".join(f"{f}({s}*{name})" for f, s, name in zip(("sin", "cos", "sin"), (6, 5, 4), names))
    pde = pk.PDE("u_t = laplace(u)" if explicit else f"u_t = div((1 + 0.9*{k})*grad(u))")
    cold = {} if explicit else {"u": {name: pk.Dirichlet(0) for name in names}}
    return pk.Problem(pde, grid, initial={"u": waves}, boundary=cold, time=time, output=OutputSettings(frames=2))


def main(method: str, points: int, axes: int) -> None:
    problem, marks, rank = cooling(method, points, axes), list[float](), 0

    def note(t: float, steps: int) -> None:
        marks.append(clock.perf_counter())

    if "PMI_RANK" in os.environ or "OMPI_COMM_WORLD_RANK" in os.environ:
        from mpi4py import MPI

        from pdekit.distributed.processes import Processes
        from pdekit.distributed.shared_run import solve_shared

        processes = Processes(MPI.COMM_WORLD.Dup())
        rank = processes.rank
        with TemporaryDirectory() as folder:
            solve_shared(problem, processes, Path(folder) / "steps.h5", force=True, progress=note)
    else:
        problem.solve(keep=False, progress=note)
    if rank == 0:
        steps = np.diff(marks)
        print(json.dumps({"least": float(np.min(steps)), "middle": float(np.median(steps))}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
