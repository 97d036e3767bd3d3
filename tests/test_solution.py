"""A solution is a sequence of its stored times, answers at points, and writes itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import pdekit as pk
from pdekit.errors import PdekitError
from problems import heat, wave

POISSON = Path(__file__).parents[1] / "configs/poisson.yaml"


def plane():
    """x**3 + t*y, which splines of degree three hold exactly."""
    grid = pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 2, 7))
    times = np.array([0.0, 0.5, 2.0])
    return pk.Solution(grid, times, {"u": np.array([grid.field("x**3 + t*y", t=t).values for t in times])})


def test_a_sequence_of_snapshots():
    solution = plane()
    assert len(solution) == 3 and [snapshot.t for snapshot in solution] == [0.0, 0.5, 2.0]
    assert solution[-1].t == 2.0 and dict(solution[-1]).keys() == {"u"}
    assert np.array_equal(solution[-1]["u"].values, solution["u"].values)
    assert np.array_equal(solution.at(0.5)["u"].values, solution.values["u"][1])
    assert repr(solution.at(0.5)) == "<Snapshot t = 0.5: u>"
    steady = heat.layered_wall().solve()
    assert len(steady) == 1 and [s.t for s in steady] == [None]
    assert np.array_equal(steady[0]["u"].values, steady["u"].values)


def test_probes():
    solution = plane()
    assert solution.probe(x=0.3, y=1.1)["u"] == pytest.approx(0.027 + 1.1 * solution.times, abs=1e-14)
    lines = solution.probe(y=np.array([0.0, 2.0]), x=0.5)["u"]
    assert lines == pytest.approx(0.125 + np.outer(solution.times, [0.0, 2.0]), abs=1e-14)
    # a wall of 1 and 10 is exact at nodes, and linear to the left of the interface
    assert heat.layered_wall().solve().probe(x=0.1)["u"] == pytest.approx(1 - 0.1 / 0.433, abs=2e-3)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda s: s[3], "no frame 3; there are 3, -3 to 2"),
        (lambda s: s[-4], "no frame -4"),
        (lambda s: s[1.0], "found 1.0"),
        (lambda s: s["w"], "no variable 'w'"),
        (lambda s: s[0]["w"], "no variable 'w'"),
        (lambda s: s.frame("u", 7), "no frame 7"),
        (lambda s: s.at(0.4), "t = 0.4 is not a stored time; the nearest is 0.5"),
        (lambda s: s.probe(x=0.1), "coordinate 'y' is missing"),
        (lambda s: s.probe(x=0.1, z=1), "unknown axis 'z'"),
        (lambda s: s.probe(x=3, y=1), r"outside axis 'x', \[0, 1\]"),
        (lambda s: heat.layered_wall().solve().at(0.0), "is steady"),
        (lambda s: s.save("a.h5"), "needs the problem"),
    ],
)
def test_refusals(ask, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PdekitError, match=words):
        ask(plane())


@pytest.mark.parametrize("make", [lambda: heat.rod(21).solve(frames=5), lambda: pk.load(POISSON).solve()])
def test_saved_as_a_results_file(make, tmp_path):
    """A file that is written later says what one says that was written by the run."""
    solution = make()
    path = solution.save(tmp_path / "later.h5")
    stored = pk.open_result(path)
    for name in solution.variables:
        assert np.array_equal(stored.values[name], solution.values[name])
    assert np.array_equal(stored.times, solution.times) and stored.errors() == pytest.approx(solution.errors())
    assert (stored.method, stored.reasons, stored.statistics) == (
        solution.method,
        solution.reasons,
        solution.statistics,
    )
    again = stored.save(tmp_path / "copy.h5")
    assert again.read_bytes() == path.read_bytes()
    with pytest.raises(PdekitError, match="exists"):
        stored.save(path)


def test_saved_with_its_series(tmp_path):
    solution = wave.drum(9).replace(output=pk.OutputSettings(series={"top": "max(u)"})).solve()
    stored = pk.open_result(solution.save(tmp_path / "drum.h5"))
    assert np.array_equal(stored.series["top"], solution.series["top"])
    assert np.array_equal(stored.series["t"], solution.series["t"])


def test_saved_with_unknowns_that_are_numbers(tmp_path):
    """Neumann's front stands at 2 lam sqrt(t), in memory and in a file that is written later."""
    solution = pk.load(POISSON.with_name("melting_front.yaml")).solve()
    front = 2 * 0.6200626352 * np.sqrt(solution.times)
    assert [s.scalars["S"] for s in solution] == pytest.approx(front, rel=1e-4)
    stored = pk.open_result(solution.save(tmp_path / "front.h5"))
    assert np.array_equal(stored.scalars["S"], solution.scalars["S"])
    assert stored[-1].scalars["S"] == solution.scalars["S"][-1]
    found = pk.compare(solution, stored)
    assert found.norms["S"]["max"].max() == 0 and found.norms["T"]["max"].max() == 0
    later = replace(stored, scalars={"S": stored.scalars["S"] + 0.25})
    assert pk.compare(later, solution).norms["S"]["L2"] == pytest.approx(np.full(len(solution), 0.25), rel=1e-12)


def test_samples_have_means_of_numbers_too(tmp_path):
    """S' = 1 - S without noise in it: all samples agree, S = 1 - exp(-t)."""
    problem = pk.Problem(
        pk.PDE(["u_t = u_xx + noise(0.1)", "S_t = 1 - S"], scalars=["S"]),
        pk.Grid(x=pk.Axis(0, 1, 11)),
        initial={"u": "x", "S": 0},
        boundary={"u": {"x": pk.Neumann(0)}},
        time=pk.TimeSettings(end=0.1, step=0.001, seed=1, samples=3),
    )
    solution = problem.solve(output=tmp_path / "samples.h5")
    stored = pk.open_result(tmp_path / "samples.h5")
    assert stored.scalars["S"][-1] == pytest.approx(1 - np.exp(-0.1), rel=1e-3)
    assert np.all(stored.scalars["S_deviation"] < 1e-15) and np.ptp(stored.values["u_deviation"][-1]) > 0
    assert list(stored.scalars) == list(solution.scalars) == ["S", "S_deviation", "S_q05", "S_q50", "S_q95"]


def test_notes_of_a_file_are_there(tmp_path):
    """Stationary steep data on a coarse grid: the run tells that they are not resolved, and so does its file."""
    grid = pk.Grid(x=pk.Axis(0, 1, 21, periodic=True))
    rough = pk.Problem(
        pk.PDE("u_t = -u_x"), grid, initial={"u": "where(abs(x - 0.5) < 0.2, 1, 0)"}, advection="central"
    )
    solution = rough.solve(t_end=0.3, output=tmp_path / "rough.h5")
    assert solution.notes and pk.open_result(tmp_path / "rough.h5").notes == solution.notes
