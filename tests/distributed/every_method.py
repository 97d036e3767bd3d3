"""Run by mpiexec: all methods that can be shared, on several ranks against one process, a line of JSON for each."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

import pdekit as pk
from pdekit.distributed.processes import Processes
from pdekit.distributed.shared_choice import can_be_shared
from pdekit.distributed.shared_run import solve_shared
from pdekit.settings import OutputSettings, TimeSettings
from pdekit.time.methods import METHODS

GRID = pk.Grid(x=pk.Axis(0, 1, 20), y=pk.Axis(0, 1, 16, periodic=True))
START = "sin(pi*x)*(2 + cos(2*pi*y))"


def problem(name: str, step: float | None) -> pk.Problem:
    """Diffusion and growth beside a wall that warms, or nonlinear waves."""
    waves, chance = METHODS[name].family in ("verlet", "newmark"), METHODS[name].family == "stochastic"
    pde = pk.PDE(
        "u_tt = laplace(u) - u**3" if waves else f"u_t = 0.1*laplace(u) + u*(1 - u) + {0.1 * chance}*u*noise()"
    )
    wall = {"u": {"x": pk.Dirichlet(0 if waves else "0.1*t")}}
    time = TimeSettings(end=0.02, method=name, step=step, seed=1 if chance else None)
    initial = {"u": START, "u_t": 0} if waves else {"u": START}
    return pk.Problem(pde, GRID, initial=initial, boundary=wall, time=time, output=OutputSettings(frames=2))


def main(folder: Path) -> None:
    from mpi4py import MPI

    processes = Processes(MPI.COMM_WORLD.Dup())
    for name in (name for name in METHODS if can_be_shared(name)):
        for step in (None, 0.005) if METHODS[name].estimates else (None if name == "courant" else 0.005,):
            alone = problem(name, step).solve(keep=False)["u"].values
            found = solve_shared(problem(name, step), processes, folder / "shared.h5", force=True)
            box = np.ix_(*(axis.index for axis in found.grid.axes))
            gap = np.abs(found.values["u"][-1] - alone[box])[found.grid.owned]
            entry = {"method": name, "family": METHODS[name].family, "difference": processes.greatest(float(gap.max()))}
            if processes.rank == 0:
                print(json.dumps(entry), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
