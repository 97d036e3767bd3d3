"""Ranks that share a grid write one file, say one message and end together."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time as clock
from pathlib import Path

import h5py
import numpy as np
import pytest

import pdekit as pk
from pdekit.cli.shared import _unread, shares_work
from pdekit.distributed.launch import Launched, launched
from pdekit.errors import ConfigError
from pdekit.io.hdf5_reader import read_result
from tests.distributed.conftest import HERE, MPIEXEC, PDEKIT, command, environment, needs_petsc

CONFIGS = HERE.parents[1] / "configs"
PLATE = """
grid: {x: {range: [0, 1], points: 24}, y: {range: [0, 1], points: 20, periodic: true}}
equations: [u_t = 0.1*laplace(u)]
initial: {u: sin(pi*x)*(2 + cos(2*pi*y))}
boundary: {u: {x: {dirichlet: 0}}}
time: {end: 0.1, method: crank_nicolson, step: 0.01}
output: {times: [0.05, 0.1], checkpoints: true, series: {heat: integral(u), tip: "u(0.5, 0.3)"}}
"""


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    path = tmp_path / "plate.yaml"
    path.write_text(PLATE)
    return path


def errors_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if "error" in line]


def test_what_launchers_say() -> None:
    assert launched({"OMPI_COMM_WORLD_SIZE": "3", "OMPI_COMM_WORLD_RANK": "0"}) == Launched(0, 3)
    assert launched({"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"}) == Launched(1, 2)
    assert launched({"SLURM_NTASKS": "8"}) is None  # of a job, not of a step: the batch script itself is one process


def test_without_the_extra_the_first_rank_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pdekit.cli.shared.missing", lambda: ["petsc4py"])
    monkeypatch.setattr("pdekit.distributed.launch.missing", lambda: ["petsc4py"])
    with pytest.raises(ConfigError, match=r"mpiexec -n 2 needs petsc4py.*pdekit\[petsc\].*conda install"):
        shares_work(Launched(0, 2))
    with pytest.raises(SystemExit) as ended:
        shares_work(Launched(1, 2))
    assert ended.value.code == 2
    assert not shares_work(Launched(0, 1)) and not shares_work(None)


@needs_petsc
def test_one_file_of_the_usual_form(ranks, plate: Path, tmp_path: Path) -> None:
    done = ranks(3, *PDEKIT, "run", str(plate), "-o", "three.h5")
    assert done.returncode == 0 and done.stdout.count("three.h5") == 1
    alone = subprocess.run(
        [sys.executable, *PDEKIT, "run", str(plate), "-o", "one.h5"], env=environment(), cwd=tmp_path, check=True
    )
    assert alone.returncode == 0
    with h5py.File(tmp_path / "three.h5") as shared, h5py.File(tmp_path / "one.h5") as one:
        assert set(shared) == set(one) and set(shared.attrs) == set(one.attrs)
        assert shared.attrs["status"] == b"complete" and shared.attrs["config"] == one.attrs["config"]
        for name in ("x", "y", "t", "u", "series/t", "series/heat", "series/tip"):
            assert np.max(np.abs(shared[name][...] - one[name][...])) <= 1e-11


@needs_petsc
@pytest.mark.parametrize("name", ["poisson", "annulus", "coating"])
def test_steady_problems_domains_and_regions_from_the_command_line(ranks, tmp_path: Path, name: str) -> None:
    """By the method that is chosen; of three ranks one has nothing of either region of the coating, or of one of them."""
    done = ranks(3, *PDEKIT, "run", str(CONFIGS / f"{name}.yaml"), "-o", "out.h5", timeout=120)
    assert done.returncode == 0 and "greatest difference from the exact solution" in done.stdout, done.stderr
    errors = pk.open_result(tmp_path / "out.h5").errors()
    assert errors and all(error < 2e-3 for error in errors.values())


@needs_petsc
def test_resuming_on_another_number_of_ranks(ranks, plate: Path, tmp_path: Path) -> None:
    assert ranks(2, *PDEKIT, "run", str(plate), "-q", "-o", "whole.h5", "time.end=0.2").returncode == 0
    assert ranks(3, *PDEKIT, "run", str(plate), "-q", "-o", "part.h5").returncode == 0
    done = ranks(2, *PDEKIT, "resume", "part.h5", "--until", "0.2")
    assert done.returncode == 0 and "20 steps in all" in done.stdout
    with h5py.File(tmp_path / "part.h5") as part, h5py.File(tmp_path / "whole.h5") as whole:
        assert part["series/t"].shape == (21,)
        assert np.max(np.abs(part["u"][-1] - whole["u"][-1])) <= 1e-11


@needs_petsc
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("disc_in_box.yaml", "domain=(x + 0.5)**2 + y**2 < 0.04"), "4 ranks cannot share this domain"),
        (("kuramoto_sivashinsky.yaml",), "etdrk4 cannot be shared among ranks"),
        (("heat_rod.yaml", "grid.x.points=5"), "4 ranks cannot share 5 nodes"),
        (("heat_slab.yaml", "discretization.schemes={u_xx: compact}"), "compact reads the whole axis"),
        (("heat_rod.yaml", "time={end: 1, method: tr_bdf2, petsc: {pc_type: nonsense}}"), "pc_type: nonsense"),
        (("heat_rod.yaml", "time.end=-1"), "must be after the start"),
        (("no_such.yaml",), "no_such.yaml"),
    ],
)
def test_bad_input_is_told_once(ranks, arguments: tuple[str, ...], words: str) -> None:
    config, *overrides = arguments
    done = ranks(4, *PDEKIT, "run", str(CONFIGS / config), *overrides, timeout=120)
    assert done.returncode == 2
    assert len(errors_of(done)) == 1 and words in done.stderr, done.stderr


@needs_petsc
def test_ranks_with_different_configs(plate: Path, tmp_path: Path) -> None:
    words = command(1, *PDEKIT, "run", str(plate))
    other = [*command(1, *PDEKIT, "run", str(plate), "time.step=0.02")[1:]]
    done = subprocess.run(
        [*words, ":", *other], env=environment(), cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2 and done.stderr.count("ranks 0 and 1 were given different configs") == 1


def test_a_pipe_tells_whether_its_reader_has_taken_all(tmp_path: Path) -> None:
    """What a launcher has not read of a process that aborts is lost: one message of ten, before anybody waited."""
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0) as reader, open(writing, "w") as writer:
        assert not _unread(writer)
        print("error: only here", file=writer, flush=True)
        assert _unread(writer)
        reader.read(100)
        assert not _unread(writer)
    with open(tmp_path / "log", "w") as file:
        print("error: only here", file=file, flush=True)
        assert not _unread(file)


@needs_petsc
def test_the_traceback_of_one_rank_is_shown_and_ends_all(ranks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDEKIT_TRACEBACK", "1")
    program = (
        "from pdekit.cli.shared import one_voice\n"
        "def work(processes):\n    if processes.rank == 1: 1 / 0\n    processes.total(1)\n"
        "one_voice(work)"
    )
    done = ranks(3, "-c", program, timeout=60)
    assert done.returncode == 1 and "Traceback" in done.stderr and "ZeroDivisionError" in done.stderr


@needs_petsc
def test_an_error_of_one_rank_ends_all(ranks) -> None:
    program = (
        "from pdekit.cli.shared import one_voice\nfrom pdekit.errors import ConfigError\n"
        "def work(processes):\n    if processes.rank == 1: raise ConfigError('only here')\n    processes.total(1)\n"
        "one_voice(work)"
    )
    begun = clock.monotonic()
    done = ranks(3, "-c", program, timeout=60)
    assert done.returncode == 2 and "error: only here" in done.stderr
    # MPICH's launcher hands on what an aborted rank said once or twice; no other rank says anything.
    assert set(re.findall(r"rank (\d+) in comm", done.stderr)) <= {"1"}
    assert "Traceback" not in done.stderr
    assert clock.monotonic() - begun < 45


@needs_petsc
def test_killing_one_rank_ends_all_and_the_run_goes_on(ranks, plate: Path, tmp_path: Path, figure) -> None:
    # Steps enough for minutes; a frame for every few of them.
    settings = ["time.end=200", "time.step=0.01", "output.times=null", "output.every=0.05"]
    program = (
        "import os, sys; open(f'pid{os.environ.get(\"PMI_RANK\", os.environ.get(\"OMPI_COMM_WORLD_RANK\"))}', 'w')"
    )
    program += ".write(str(os.getpid())); from pdekit.cli.commands import main; main()"
    words = command(2, "-c", program, "run", str(plate), "-q", "-o", "killed.h5", *settings)
    with subprocess.Popen(words, env=environment(), cwd=tmp_path, stderr=subprocess.PIPE) as running:
        waited = clock.monotonic()
        while not (tmp_path / "killed.h5").exists() and clock.monotonic() - waited < 120:
            clock.sleep(0.1)
        assert (tmp_path / "killed.h5").exists()
        clock.sleep(2.0)
        os.kill(int((tmp_path / "pid1").read_text()), signal.SIGKILL)
        begun = clock.monotonic()
        assert running.wait(timeout=30) != 0
        figure("seconds from the end of one rank to that of all", clock.monotonic() - begun, "<= 30")
    stored = read_result(tmp_path / "killed.h5")
    assert len(stored.times) >= 2
    assert all(np.all(np.isfinite(stored.read("u", k))) for k in (0, len(stored.times) - 1))
    until = float(stored.times[-1]) + 0.1
    done = ranks(3, *PDEKIT, "resume", "killed.h5", "--until", f"{until}")
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "killed.h5") as file:
        assert file.attrs["status"] == b"complete" and abs(file["t"][-1] - until) < 1e-12


@needs_petsc
def test_a_sweep_over_the_ranks(ranks, plate: Path, tmp_path: Path) -> None:
    words = ("sweep", str(plate), "time.step=0.01,0.02,0.05", "--mpi", "-o", "runs")
    done = ranks(3, *PDEKIT, *words)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("complete") == 3 and done.stdout.count("table:") == 1
    rows = (tmp_path / "runs" / "table.csv").read_text().splitlines()
    assert len(rows) == 4 and all(",complete," in row for row in rows[1:])
    refused = ranks(2, *PDEKIT, "sweep", str(plate), "time.step=0.01", "--mpi", timeout=120)
    assert refused.returncode == 2 and refused.stderr.count("nothing varies") == 1


def test_the_launcher_is_that_of_this_python() -> None:
    assert MPIEXEC is None or Path(MPIEXEC).exists()
