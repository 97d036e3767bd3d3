"""Run by mpiexec: configs with the method that is chosen for ranks, a second of each, and whether all ranks made the same steps."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pdekit as pk
from pdekit.distributed.processes import Processes
from pdekit.distributed.shared_run import solve_shared
from pdekit.errors import PdekitError


def main(folder: Path, configs: list[Path]) -> None:
    from mpi4py import MPI

    processes = Processes(MPI.COMM_WORLD.Dup())
    for config in configs:
        problem = pk.load(config)
        if problem.steady:
            continue
        entry: dict[str, Any] = {"config": config.stem}
        try:
            found = solve_shared(
                problem.replace(stop=replace(problem.stop, wall=1.0)), processes, folder / "one.h5", force=True
            )
            mine = found.method, found.statistics["steps"], float(found.times[-1])
            everybody = processes.communicator.allgather(mine)
            entry |= {"steps": mine[1], "alike": all(other == mine for other in everybody)}
        except PdekitError as error:
            entry["refused"] = str(error)
        if processes.rank == 0:
            print(json.dumps(entry), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
