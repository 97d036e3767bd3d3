"""``mpiexec -n N pdekit run``: the same command on several processes, which speak with one voice."""

from __future__ import annotations

import hashlib
import os
import sys
import time as clock
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TextIO

import click

from pdekit.distributed.launch import Launched, missing, require
from pdekit.errors import ConfigError, PdekitError

BAD_INPUT, FAILED = 2, 1
GRACE = 5.0  # seconds that a process with an error waits for others with the same
HANDED_ON = 0.5  # seconds for what the launcher has read of a process to be handed on before that process aborts
LOCAL_COUNTS = ("MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE", "MV2_COMM_WORLD_LOCAL_SIZE", "SLURM_NTASKS_PER_NODE")


def shares_work(here: Launched | None) -> bool:
    """Whether several processes were begun together; where PETSc is there, also one that was begun by a launcher.

    Without the extra the first process says what to install; the others end without a word.

    Raises
    ------
    ConfigError
    """
    if here is None or (here.count == 1 and missing()):
        return False
    if missing() and here.rank > 0:
        sys.exit(BAD_INPUT)
    require(f"mpiexec -n {here.count}")
    return True


def one_voice(work: Callable[[Any], None]) -> None:
    """Do the work on all processes, and end all of them with the same code and one message.

    A process with an error waits a while for the others to come to the same; those that do not are ended.
    """
    _share_cores()
    from mpi4py import MPI

    from pdekit.distributed.large_arrays import return_large_arrays
    from pdekit.distributed.processes import Processes

    return_large_arrays()

    processes = Processes(MPI.COMM_WORLD.Dup())
    code, message = 0, ""
    try:
        work(processes)
    except PdekitError as error:
        code, message = BAD_INPUT, f"{click.style('error:', fg='red', bold=True)} {error}"
    except Exception as error:
        shown = traceback.format_exc() if os.environ.get("PDEKIT_TRACEBACK") else ""
        code, message = FAILED, f"{shown}internal error: {type(error).__name__}: {error}"
    meeting = processes.meeting.Ibarrier()
    begun = clock.monotonic()
    while not meeting.Test():
        if code and clock.monotonic() - begun > GRACE:
            click.echo(message, err=True)
            _wait_for_reader()
            MPI.COMM_WORLD.Abort(code)
        clock.sleep(0.001)
    found = [entry for entry in processes.meeting.allgather((code, message)) if entry[0]]
    if found:
        if processes.rank == 0:
            click.echo(found[0][1], err=True)
        sys.exit(found[0][0])


def _wait_for_reader() -> None:
    """Let the launcher read what this process has said: on an abort it closes pipes without emptying them."""
    begun = clock.monotonic()
    while clock.monotonic() - begun < GRACE and _unread(sys.stderr):
        clock.sleep(0.01)
    clock.sleep(HANDED_ON)


def _unread(stream: TextIO) -> bool:
    """Whether a pipe holds bytes that its reader has not taken; False where nobody can say (not on POSIX, or no pipe)."""
    try:
        import fcntl
        import termios

        count = fcntl.ioctl(stream.fileno(), termios.FIONREAD, bytes(4))
    except (ImportError, OSError):
        return False
    return any(count)


def _share_cores() -> None:
    """As many threads for each process as there are cores for it, unless the user says how many."""
    local = next((int(os.environ[n]) for n in LOCAL_COUNTS if os.environ.get(n, "").isdigit()), 1)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // local)))


def refuse_different(processes: Any, config: Path, overrides: tuple[str, ...]) -> None:
    """Refuse processes that were given different configs.

    Raises
    ------
    ConfigError
    """
    text = config.read_bytes() if config.is_file() else b""
    mark = hashlib.sha256(text + "\0".join(overrides).encode()).hexdigest()
    marks = processes.communicator.allgather(mark)
    if len(set(marks)) > 1:
        other = next(rank for rank, found in enumerate(marks) if found != marks[0])
        raise ConfigError(f"ranks 0 and {other} were given different configs", place=str(config))


def on_ranks(work: Callable[[int, Any], int]) -> NoReturn:
    """Do work whose parts the first process hands out to the others: `work` is told how many there are, and given the pool."""
    _share_cores()
    from mpi4py import MPI
    from mpi4py.futures import MPICommExecutor

    code = 0
    with MPICommExecutor(MPI.COMM_WORLD, root=0) as pool:
        if pool is not None:
            try:
                code = work(max(1, MPI.COMM_WORLD.Get_size() - 1), pool)
            except PdekitError as error:
                click.echo(f"{click.style('error:', fg='red', bold=True)} {error}", err=True)
                code = BAD_INPUT
    sys.exit(MPI.COMM_WORLD.bcast(code, root=0))
