"""Assembly, start of the program, derivatives of data."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy import sparse

import pdekit as pk
from tests.benchmarks.timing import Row, best

ROOT = Path(__file__).parents[2]


def assembly() -> Row:
    """Laplacian of a million nodes against two bare Kronecker products and one sum."""
    one = sparse.diags_array([[1.0] * 999, [-2.0] * 1000, [1.0] * 999], offsets=[-1, 0, 1], format="csr")
    eye = sparse.eye_array(1000, format="csr")
    bare = best(lambda: sparse.kron(one, eye, format="csr") + sparse.kron(eye, one, format="csr"))
    ours = best(lambda: pk.laplacian(pk.Grid(x=pk.Axis(0, 1, 1000), y=pk.Axis(0, 1, 1000))).matrix())
    return Row("assembly of a Laplacian, 1000 x 1000, over two krons and a sum", f"{ours / bare:.2f}", "<= 3")


def command(title: str, goal: str, *arguments: str) -> Row:
    """Time of a whole process."""
    program = str(Path(sys.executable).with_name("pdekit"))
    with tempfile.TemporaryDirectory() as folder:
        seconds = best(
            lambda: subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True), repeats=3
        )
    return Row(title, f"{seconds:.2f} s", goal)


def apply_against_findiff() -> Row:
    """Laplacian of accuracy 4 on 1024 x 1024."""
    title = "apply of a Laplacian, accuracy 4, 1024 x 1024, over findiff"
    if find_spec("findiff") is None:
        return Row(title, "findiff is not installed", "<= 0.5")
    from findiff import Diff

    n = 1024
    u = np.random.default_rng(0).standard_normal((n, n))
    ours = pk.laplacian(pk.Grid(x=pk.Axis(0, 1, n), y=pk.Axis(0, 1, n)), order=4)
    peer = Diff(0, 1 / (n - 1), acc=4) ** 2 + Diff(1, 1 / (n - 1), acc=4) ** 2
    assert np.max(np.abs(ours(u) - peer(u))[8:-8, 8:-8]) < 1e-6 * np.max(np.abs(ours(u)))
    ours(u)
    return Row(title, f"{best(lambda: ours(u)) / best(lambda: peer(u)):.2f}", "<= 0.5")


def rows() -> list[Row]:
    """All of them."""
    return [
        assembly(),
        command("pdekit --help, whole process", "< 0.5 s", "--help"),
        command(
            "pdekit run configs/heat_rod.yaml, whole process", "< 3 s", "run", "-f", str(ROOT / "configs/heat_rod.yaml")
        ),
        apply_against_findiff(),
    ]
