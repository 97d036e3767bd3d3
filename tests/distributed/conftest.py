"""What needs PETSc and MPI is skipped, with the reason, where they are not installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pdekit.distributed.launch import missing

MPIEXEC = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
HERE = Path(__file__).parent
needs_petsc = pytest.mark.skipif(
    bool(missing()) or MPIEXEC is None, reason=f"the extra petsc is not installed: {', '.join(missing()) or 'mpiexec'}"
)
Ranks = Callable[..., subprocess.CompletedProcess[str]]


def environment() -> dict[str, str]:
    """Of ranks on few cores: one thread each, and Open MPI as root and oversubscribed."""
    extra = {"OMP_NUM_THREADS": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    extra["OMPI_MCA_rmaps_base_oversubscribe"] = "1"
    root = str(HERE.parents[1])
    return {**os.environ, **extra, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}


def command(count: int, *arguments: str) -> list[str]:
    """Python on so many ranks."""
    assert MPIEXEC is not None
    return [MPIEXEC, "-n", str(count), sys.executable, *arguments]


PDEKIT = ("-c", "from pdekit.cli.commands import main; main()")


@pytest.fixture
def ranks(tmp_path: Path) -> Ranks:
    """Run Python on so many ranks: ``ranks(2, "-c", "...")``."""

    def run(count: int, *arguments: str, timeout: float = 600.0) -> subprocess.CompletedProcess[str]:
        words = command(count, *arguments)
        return subprocess.run(
            words, capture_output=True, text=True, timeout=timeout, env=environment(), cwd=tmp_path, check=False
        )

    return run
