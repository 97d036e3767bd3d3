"""The model of how steps get faster with ranks: by hand, and on the command line. Needs neither PETSc nor MPI."""

from __future__ import annotations

import math

import pytest
from click.testing import CliRunner

import pdekit as pk
from pdekit.cli.commands import main
from pdekit.distributed.scaling import Network, Work, predicted
from tests.distributed.conftest import HERE


@pytest.fixture(scope="module")
def plate() -> pk.Problem:
    grid = pk.Grid(x=pk.Axis(0, 1, 100, periodic=True), y=pk.Axis(0, 1, 60, periodic=True))
    return pk.Problem(pk.PDE("u_t = laplace(u)"), grid, initial={"u": "sin(2*pi*x)"})


def test_a_step_by_hand(plate: pk.Problem) -> None:
    work, network = Work(passes=4, each=1e-8, updates=4, agreements=1), Network(latency=1e-6, bandwidth=1e9)
    one, two = predicted(plate, work, 1, network), predicted(plate, work, 2, network)
    assert one.seconds == pytest.approx(4 * 1e-8 * 6000) and one.halo == one.agreement == 0
    assert two.counts == (2, 1) and two.nodes == 3000
    assert two.work == pytest.approx(4 * 1e-8 * 52 * 60)  # a row of 60 nodes on either side is worked on twice
    # Every pass two rows of 60 numbers go out and come in, in two messages.
    assert two.halo == pytest.approx(4 * (2 * 1e-6 + 2 * 2 * 60 * 8 / 1e9))
    assert two.agreement == pytest.approx(2 * 1e-6)
    assert predicted(plate, work, 2, network, grows=True).work == pytest.approx(4 * 1e-8 * 102 * 60)


def test_without_a_network_all_is_work(plate: pk.Problem) -> None:
    work, ideal = Work(1, 1e-8, 1, 1), Network(0.0, math.inf)
    for ranks in (2, 4, 10):
        found = predicted(plate, work, ranks, ideal)
        assert found.seconds == found.work >= 1e-8 * 6000 / ranks


def test_on_the_command_line() -> None:
    config = str(HERE.parents[1] / "configs" / "gray_scott.yaml")
    shown = CliRunner().invoke(main, ["check", config, "--ranks", "1,4,100000"])
    assert shown.exit_code == 0 and "100000 ranks cannot share 200 x 200 nodes" in " ".join(shown.stdout.split())
    refused = CliRunner().invoke(main, ["check", config, "--ranks", "1,none"])
    assert refused.exit_code == 2 and "expected numbers of ranks" in refused.output
