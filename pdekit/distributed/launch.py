"""Whether this process is one of several, and whether what they need is there. Imports nothing that is heavy."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass

from pdekit.errors import ConfigError

# How many processes there are and which one this is, as launchers tell it: MPICH and Intel, Open MPI, MVAPICH, SLURM's srun.
LAUNCHERS = (
    ("PMI_SIZE", "PMI_RANK"),
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"),
    ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
)
OF_LAUNCHERS = (
    "PMI_",
    "PMIX_",
    "MPI_",
    "MPIR_",
    "OMPI_",
    "MV2_",
    "HYDI_",
    "HYDRA_",
    "SLURM_STEP_NUM_TASKS",
    "SLURM_PROCID",
)
NEEDED = ("mpi4py", "petsc4py")
INSTALL = (
    'pip install mpich mpi4py and then pip install "pdekit[petsc]" (or conda install -c conda-forge petsc4py mpi4py)'
)


@dataclass(frozen=True)
class Launched:
    """One of several processes that were begun together.

    Parameters
    ----------
    rank, count : int
    """

    rank: int
    count: int


def launched(environment: Mapping[str, str] = os.environ) -> Launched | None:
    """What the launcher says; None of a process that was begun alone.

    Examples
    --------
    >>> launched({"PMI_SIZE": "4", "PMI_RANK": "2"})
    Launched(rank=2, count=4)
    >>> launched({}) is None
    True
    """
    for size, rank in LAUNCHERS:
        if environment.get(size, "").isdigit() and environment.get(rank, "").isdigit():
            return Launched(int(environment[rank]), int(environment[size]))
    return None


def alone(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a process that is begun by this one and is not one of several.

    Examples
    --------
    >>> alone({"PMI_SIZE": "4", "PMI_RANK": "2", "HOME": "/root"})
    {'HOME': '/root'}
    """
    return {name: value for name, value in environment.items() if not name.startswith(OF_LAUNCHERS)}


def missing() -> list[str]:
    """What of the extra is not installed."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def require(what: str) -> None:
    """Refuse what needs the extra, without it.

    Raises
    ------
    ConfigError
        Says what to install.
    """
    if absent := missing():
        raise ConfigError(f"{what} needs {' and '.join(absent)}, which is not installed: {INSTALL}")
