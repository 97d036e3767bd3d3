"""Run alone or by mpiexec: what a run keeps in memory at most, a line of JSON for each process.

``resident`` is the greatest resident memory of the process, ``arrays`` the greatest memory of NumPy's arrays during the run, traced only
if it is asked for, since tracing takes time and memory.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tracemalloc
from pathlib import Path

import pdekit as pk
from pdekit.settings import OutputSettings, TimeSettings

WALLS = {"u": {"x": pk.Dirichlet(0), "y": pk.Dirichlet(0)}}


def plate(points: int, method: str) -> pk.Problem:
    """Diffusion, on kernels with one conductivity, or implicitly with one that varies; or with a hole, along which values or fluxes are given."""
    grid = pk.Grid(x=pk.Axis(0, 1, points), y=pk.Axis(0, 1, points))
    explicit = method == "rk4"
    step = 0.2 / points**2 if explicit else 1e-3
    time = TimeSettings(end=3 * step, method=method, step=step, compiled="always" if explicit else "auto")
    pde = pk.PDE("u_t = laplace(u)" if explicit else "u_t = div((1 + 0.9*sin(6*x)*cos(5*y))*grad(u))")
    start = {"u": "sin(pi*x)*sin(pi*y)"}
    output = OutputSettings(frames=2, series={"heat": "integral(u)"})
    return pk.Problem(pde, grid, initial=start, boundary=WALLS, time=time, output=output)


def with_a_hole(problem: pk.Problem, condition: pk.BoundaryCondition) -> pk.Problem:
    """The same on a domain that is no box."""
    return problem.replace(
        domain="(x - 0.5)**2 + (y - 0.4)**2 > 0.01", boundary={"u": {**WALLS["u"], "domain": condition}}
    )


PROBLEMS = {
    "box": lambda problem: problem,
    "values": lambda problem: with_a_hole(problem, pk.Dirichlet(0)),
    "fluxes": lambda problem: with_a_hole(problem, pk.Neumann(0)),
}


def run(problem: pk.Problem, file: Path) -> None:
    """On the ranks of the launcher, or on one process."""
    if "PMI_RANK" not in os.environ and "OMPI_COMM_WORLD_RANK" not in os.environ:
        problem.solve(output=file, force=True, keep=False)
        return
    from mpi4py import MPI

    from pdekit.distributed.large_arrays import return_large_arrays
    from pdekit.distributed.processes import Processes
    from pdekit.distributed.shared_run import solve_shared

    return_large_arrays()
    solve_shared(problem, Processes(MPI.COMM_WORLD.Dup()), file, force=True)


def main(folder: Path, points: int, method: str, kind: str, traced: bool) -> None:
    file = folder / f"{points}.h5"
    if traced:
        run(PROBLEMS[kind](plate(16, method)), file)  # which imports everything
        tracemalloc.start()
    run(PROBLEMS[kind](plate(points, method)), file)
    found = {"resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    if traced:
        found["arrays"] = tracemalloc.get_traced_memory()[1]
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:] == ["traced"])
