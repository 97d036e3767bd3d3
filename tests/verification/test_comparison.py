"""Differences of results: of known functions, whose norms are integrals."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import pdekit as pk
from pdekit.cli.commands import main
from pdekit.errors import PdekitError
from pdekit.geometry.domain_grid import grid_of_domain


def solution(grid, text, times=(0.0, 1.0), name="u", title=""):
    """A function of the coordinates and t as a solution."""
    values = np.array([grid.field(text, t=t).values for t in times])
    return pk.Solution(grid, np.array(times), {name: values}, title=title)


def plane(nx, ny, **options):
    return pk.Grid(x=pk.Axis(0, 1, nx, **options), y=pk.Axis(0, 2, ny))


def test_norms_are_the_integrals():
    """x less x - t*sin(pi*x): the difference has the norms 2 t/pi, t/sqrt(2), t over a unit interval."""
    line = pk.Grid(x=pk.Axis(0, 1, 201))
    found = pk.compare(solution(line, "x", (0.0, 0.5, 1.0)), solution(line, "x - t*sin(pi*x)", (0.5, 0.75, 1.0)))
    assert found.times.tolist() == [0.5, 1.0] and not found.interpolated
    assert found.norms["u"]["L1"] == pytest.approx(2 / np.pi * found.times, rel=1e-4)
    assert found.norms["u"]["L2"] == pytest.approx(
        found.times / np.sqrt(2), rel=1e-12
    )  # exact for a trigonometric square
    assert found.norms["u"]["max"] == pytest.approx(found.times, rel=1e-12)
    assert "first less second, on 201 nodes, all of them nodes of both" in str(found)
    assert "2 times that both have, of 3 and 3" in str(found)


@pytest.mark.parametrize(("fine", "interpolated"), [((21, 33), False), ((18, 40), True)])
@pytest.mark.parametrize("swapped", [False, True])
def test_the_coarser_grid(fine, interpolated, swapped):
    """A cubic polynomial is what it is on any grid: its spline is exact, and the nodes shared are its own."""
    pair = [solution(plane(11, 17), "x**3 - x*y**2 + t"), solution(plane(*fine), "x**3 - x*y**2 + t")]
    found = pk.compare(*(pair[::-1] if swapped else pair))
    assert found.grid.shape == (11, 17) and found.interpolated is interpolated
    assert found.norms["u"]["max"].max() < 1e-13
    assert ("interpolated" in str(found)) is interpolated


def test_grids_of_which_neither_is_finer():
    found = pk.compare(solution(plane(11, 33), "x*y"), solution(plane(21, 17), "x*y - 0.5"))
    assert found.interpolated and found.norms["u"]["max"] == pytest.approx([0.5, 0.5], rel=1e-12)


def test_complex_and_curved_and_steady():
    disc = [
        pk.Grid(r=pk.Axis(0, 1, n), phi=pk.Axis(0, 2 * np.pi, 2 * n, periodic=True), coordinates="polar")
        for n in (8, 16)
    ]
    found = pk.compare(*(solution(grid, "1 + 2*I") for grid in disc))
    assert found.interpolated and found.norms["u"]["max"].max() < 1e-13
    shifted = pk.compare(solution(disc[0], "3"), solution(disc[0], "1"))
    assert shifted.norms["u"]["L1"] == pytest.approx(2 * np.pi, rel=1e-12)  # twice the area
    line = pk.Grid(x=pk.Axis(0, 1, 5))
    steady = pk.Solution(line, np.zeros(0), {"u": line.field("x").values})
    found = pk.compare(steady, steady)
    assert found.norms["u"]["max"].tolist() == [0.0] and " t " not in str(found)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (solution(plane(5, 5), "x", name="v"), r"variables differ: \['u'\] and \['v'\]"),
        (
            solution(pk.Grid(x=pk.Axis(0, 1, 5)), "x"),
            r"axes differ: cartesian axes \['x', 'y'\] and cartesian axes \['x'\]",
        ),
        (solution(plane(5, 5, periodic=True), "y"), "'x' is periodic in one"),
        (solution(pk.Grid(x=pk.Axis(0, 3, 5), y=pk.Axis(0, 2, 5)), "x"), r"'x' covers \[0, 1\] and \[0, 3\]"),
        (solution(plane(5, 5), "x", (0.5, 2.0)), "no time in common: 0 to 1 and 0.5 to 2"),
        (pk.Solution(plane(5, 5), np.zeros(0), {"u": plane(5, 5).field(1.0).values}), "one of them is steady"),
    ],
)
def test_refusals(other, words):
    with pytest.raises(PdekitError, match=words):
        pk.compare(solution(plane(5, 5), "x"), other)


def test_the_command(tmp_path):
    def rod(points, name):
        problem = pk.Problem(
            pk.PDE("u_t = u_xx"), pk.Grid(x=pk.Axis(0, 1, points)), initial={"u": "sin(pi*x)"},
            boundary={"u": {"x": pk.Dirichlet(0)}}, exact={"u": "exp(-pi**2*t)*sin(pi*x)"},
        )  # fmt: skip
        return problem.solve(t_end=0.1, frames=4, output=tmp_path / name)

    coarse, fine = rod(11, "a.h5"), rod(21, "b.h5")
    picture = tmp_path / "c.png"
    done = CliRunner().invoke(main, ["compare", str(tmp_path / "a.h5"), str(tmp_path / "b.h5"), "--plot", str(picture)])
    assert done.exit_code == 0 and "a.h5 less b.h5, on 11 nodes" in done.output
    told = float(done.output.splitlines()[-2].split()[-1])
    # errors of order 2 have one sign here: their difference is the difference of the runs
    assert told == pytest.approx(coarse.error("u") - fine.error("u"), rel=1e-3)
    with Image.open(picture) as image:
        assert image.size[0] > 1000
    wrong = CliRunner().invoke(main, ["compare", str(tmp_path / "a.h5"), str(tmp_path / "no.h5")])
    assert wrong.exit_code == 2 and "no such file" in wrong.output


@pytest.mark.parametrize("axes", ["x", "xy", "xyz"])
def test_pictures(axes, tmp_path):
    grid = pk.Grid({name: pk.Axis(0, 1, 5) for name in axes})
    found = pk.compare(solution(grid, "x", title="one"), solution(grid, "x + t", title="two"))
    figure = found.plot(file=tmp_path / "a.png")
    assert figure.get_suptitle() == "one and two at t = 1"
    norms = next(a for a in figure.axes if a.get_xlabel() == "time t")
    assert [line.get_label() for line in norms.lines] == ["L1", "L2", "max"]
    assert norms.lines[2].get_ydata()[1] == pytest.approx(1.0)


def bar(points, end=0.3):
    """Two unknowns that live beside each other; known at every time, for nothing moves."""
    return pk.Problem(
        pk.PDE(["c_t = c_xx", "u_t = u_xx"]),
        pk.Grid(x=pk.Axis(0, 1, points)),
        initial={"c": "x", "u": "1 - x"},
        boundary={"c": {"x": {"left": pk.Dirichlet(0), "right": pk.Neumann(1)}}, "u": {"x": {"left": pk.Neumann(1), "right": pk.Dirichlet(0)}}},
        regions={"c": {"x": (0, end)}, "u": {"x": (end, 1)}},
    ).solve(t_end=0.01, frames=2)  # fmt: skip


@pytest.mark.parametrize(("points", "interpolated"), [(41, False), (51, True)])
def test_unknowns_in_regions(points, interpolated):
    """Each where it lives; the end of a region is a node of both, whose places differ by rounding."""
    found = pk.compare(bar(81), bar(points))
    assert found.interpolated == interpolated
    for name in ("c", "u"):
        assert np.max(found.norms[name]["max"]) < 1e-6
    assert "nan" not in str(found)
    with pytest.raises(PdekitError, match=r"'c' lives where x in \[0, 0.3\], and where x in \[0, 0.4\]"):
        pk.compare(bar(81), bar(81, 0.4))


@pytest.mark.parametrize(("points", "missing"), [(81, False), (56, True)])
def test_domains_that_are_no_boxes(points, missing):
    """A field that is linear in x is exact on every grid, and linear interpolation keeps it."""

    def disc(points):
        return pk.Problem(
            pk.PDE("0 = laplace(u)"),
            pk.Grid(x=pk.Axis(-1, 1, points), y=pk.Axis(-1, 1, points)),
            boundary={"u": {"domain": pk.Dirichlet("x")}},
            domain="x**2 + y**2 < 0.64",
        ).solve()

    found = pk.compare(disc(41), disc(points))
    assert found.norms["u"]["max"][-1] < 1e-12
    assert (found.missing["u"] > 0) == missing == ("left out" in str(found))


@pytest.mark.parametrize("domain", [None, "x < 0.75"])
def test_what_is_not_a_number_is_no_agreement(domain):
    """Left out are nodes that the other grid does not know, and nothing else."""
    grid = pk.Grid(x=pk.Axis(0, 1, 11))
    if domain is not None:
        grid = grid_of_domain(grid, domain, {})
    values = np.zeros((2, 11))
    broken = values.copy()
    broken[0, 3] = np.nan
    found = pk.compare(*(pk.Solution(grid, np.array([0.0, 1.0]), {"u": v}) for v in (values, broken)))
    assert found.missing["u"] == 0
    assert np.isnan(found.norms["u"]["max"][0]) and found.norms["u"]["max"][1] == 0
