"""Pictures show what they should: labels, exact solutions, limits; and are refused where they make no sense."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import pdekit as pk
from pdekit.errors import PdekitError, StorageError
from pdekit.plotting.movie import animate
from pdekit.plotting.style import colours
from problems import heat, wave


def solved(make, **options):
    return make().solve(**options)


def test_lines_carry_labels_times_and_the_exact_solution():
    figure = heat.rod(21).solve(frames=5).plot()
    lines, kymograph = figure.axes[0], figure.axes[1]
    assert "temperature u" in lines.get_ylabel() and "position x" in lines.get_xlabel()
    assert kymograph.get_ylabel() == "time t"
    dotted = [line for line in lines.lines if line.get_linestyle() == ":"]
    assert len(dotted) == 5 == len(lines.lines) - len(dotted)
    for computed, exact in zip(lines.lines[::2], lines.lines[1::2]):
        assert np.max(np.abs(computed.get_ydata() - exact.get_ydata())) < 4e-3


def test_maps_show_computed_exact_and_difference():
    figure = wave.drum(9).solve(times=[0.4]).plot()
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles[:3] == ["t = 0\ncomputed", "t = 0.4\ncomputed", "t = 1.3\ncomputed"]
    assert titles.count("exact") == titles.count("difference") == 3


def test_periodic_axes_are_closed():
    grid = pk.Grid(x=pk.Axis(0, 1, 8, periodic=True))
    line = grid.field("sin(2*pi*x)").plot().axes[0].lines[0]
    assert line.get_xdata()[-1] == 1 and line.get_ydata()[-1] == line.get_ydata()[0]


def test_colours_are_diverging_only_about_zero():
    assert colours(np.array([-1.0, 2.0])) == {"cmap": "RdBu_r", "vmin": -2.0, "vmax": 2.0}
    assert colours(np.array([1.0, 2.0]))["cmap"] == "viridis"
    assert colours(np.array([-1e-12, 2.0]))["cmap"] == "viridis"


def test_every_dimension_and_complex_fields(tmp_path):
    axes = {"x": pk.Axis(0, 1, 5), "y": pk.Axis(0, 1, 6), "z": pk.Axis(0, 1, 7)}
    for count in (1, 2, 3):
        grid = pk.Grid(dict(list(axes.items())[:count]))
        (grid.field("x") * (1 + 1j)).plot(file=tmp_path / f"{count}.png", title="modulus")
        assert (tmp_path / f"{count}.png").stat().st_size > 3000
    with pytest.raises(PdekitError, match="4 dimensions"):
        pk.Grid({**axes, "w": pk.Axis(0, 1, 5)}).field(1.0).plot()


def test_movies_have_all_frames(tmp_path):
    solution = heat.rod(21).solve(frames=7)
    animate(solution, tmp_path / "rod.gif")
    with Image.open(tmp_path / "rod.gif") as movie:
        assert movie.n_frames == 7
    animate(solution, tmp_path / "rod.mp4")
    assert (tmp_path / "rod.mp4").read_bytes()[4:8] == b"ftyp"


def test_study_plot(tmp_path):
    study = pk.converge(heat.rod(), [11, 21, 41], t_end=0.1)
    figure = study.plot(file=tmp_path / "study.png")
    assert figure.axes[0].get_legend().texts[0].get_text() == f"u, max: order {study.orders('u')[-1]:.2f}"


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda s, p: s.plot(kind="map"), PdekitError, "drawn as lines or kymograph"),
        (lambda s, p: s.plot("w"), PdekitError, "no variable 'w'"),
        (lambda s, p: animate(s, p / "a.avi"), StorageError, "ending"),
        (lambda s, p: s.plot(file=p / "a.nonsense"), StorageError, "cannot be written"),
        (lambda s, p: animate(heat.layered_wall().solve(), p / "a.gif"), PdekitError, "at least two stored times"),
    ],
)
def test_refusals(tmp_path, make, kind, words):
    with pytest.raises(kind, match=words):
        make(heat.rod(11).solve(frames=3), tmp_path)


def test_series_and_scalar_unknowns_are_drawn_over_time(tmp_path):
    problem = pk.Problem(
        pk.PDE(["u_t = u_xx + S", "S_t = -S"], scalars=["S"]),
        pk.Grid(x=pk.Axis(0, 1, 11)),
        initial={"u": 0, "S": 1},
        boundary={"u": {"x": pk.Neumann(0)}},
        exact={"S": "exp(-t)"},
        output=pk.OutputSettings(frames=5, series={"heat": "integral(u)"}),
    )
    solution = problem.solve(t_end=1.0)
    computed, exact = solution.plot("S", file=tmp_path / "S.png").axes[0].get_lines()
    assert np.allclose(computed.get_ydata(), np.exp(-computed.get_xdata()), atol=1e-5)
    assert np.allclose(exact.get_ydata(), np.exp(-solution.times))
    (line,) = solution.plot("heat").axes[0].get_lines()
    assert np.allclose(line.get_ydata(), 1 - np.exp(-line.get_xdata()), atol=1e-5)
    assert (tmp_path / "S.png").stat().st_size > 5_000
