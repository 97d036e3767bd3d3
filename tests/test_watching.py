"""Looking at a run: what is drawn is what is there, it costs little and changes nothing; lines and the log elsewhere."""

from __future__ import annotations

import logging
import time as clock

import numpy as np
import pytest
from rich.console import Console

import pdekit as pk
from pdekit.errors import ConfigError
from pdekit.plotting.quick_picture import QuickPicture
from pdekit.plotting.terminal_screen import OUTLINE, SteadyLimits, TerminalScreen, braille
from pdekit.progress import ProgressLines, all_of
from pdekit.watching import SPARE, LiveView, TerminalSurface, watch


def dots(lines):
    """The lit dots of lines of braille characters, by row and column."""
    bits = {
        (0, 0): 0x01,
        (1, 0): 0x02,
        (2, 0): 0x04,
        (3, 0): 0x40,
        (0, 1): 0x08,
        (1, 1): 0x10,
        (2, 1): 0x20,
        (3, 1): 0x80,
    }
    found = np.zeros((4 * len(lines), 2 * len(lines[0])), dtype=bool)
    for k, line in enumerate(lines):
        for j, character in enumerate(line):
            for (row, column), bit in bits.items():
                found[4 * k + row, 2 * j + column] = bool((ord(character) - 0x2800) & bit)
    return found


def test_every_dot_lies_on_the_curve():
    x = np.linspace(0, 1, 333)
    lit = dots(braille(x, np.exp(-3 * x), (0.0, 1.0), 40, 10))
    assert lit.any(axis=0).all()
    place = np.linspace(0, 1, 80)
    middle = [np.mean(np.flatnonzero(column)) for column in lit.T]
    slope = 3 * 39 / 79 / 2 + 1  # half the dots that the curve falls in a column, and rounding
    assert np.max(np.abs(middle - (1 - np.exp(-3 * place)) * 39)) < slope


def test_oscillation_between_columns_is_not_lost():
    lit = dots(braille(np.arange(4001.0), (-1.0) ** np.arange(4001), (-1.0, 1.0), 20, 5))
    assert lit.all()


def test_a_map_shows_each_pixel_in_the_colour_of_its_node():
    grid = pk.Grid(x=pk.Axis(0, 2, 40), y=pk.Axis(0, 1, 20))
    pixels, look, _ = TerminalScreen(grid, ("u",)).pixels(grid.field("x + 10*y").values, 60, 10)
    assert pixels.shape == (20, 40, 4) and (look["vmin"], look["vmax"]) == (0.0, 12.0)
    brightness = pixels[..., :3].astype(int).sum(axis=2)
    assert np.all(np.diff(brightness[:, 5]) < 0) and brightness[0, -1] == brightness.max()  # the top right is greatest


def test_a_ring_leaves_its_hole_out():
    ring = pk.Grid(r=pk.Axis(1, 2, 16), phi=pk.Axis(0, 2 * np.pi, 32, periodic=True), coordinates="polar")
    pixels, _, _ = TerminalScreen(ring, ("u",)).pixels(ring.field("r*cos(phi)").values, 80, 40)
    y, x = np.meshgrid(*(np.linspace(-2, 2, 2 * n + 1)[1::2] for n in pixels.shape[:2]), indexing="ij")
    inside = (np.hypot(x, y) > 1.05) & (np.hypot(x, y) < 1.95)
    outside = (np.hypot(x, y) < 0.95) | (np.hypot(x, y) > 2.05)
    assert pixels[inside, 3].all() and not pixels[outside, 3].any()


def test_a_domain_is_drawn_up_to_its_outline_and_nothing_beyond():
    """A disc of radius 3/4 in a box of 2: its share of the pixels is its area's, 0.4418; states hold zeros outside."""
    grid = pk.Problem(
        pk.PDE("u_t = laplace(u)"), pk.Grid(x=pk.Axis(-1, 1, 41), y=pk.Axis(-1, 1, 41)), initial={"u": 0},
        boundary={"u": {"domain": pk.Neumann(0)}}, domain="x**2 + y**2 < 9/16",
    ).grid  # fmt: skip
    screen = TerminalScreen(grid, ("u",))
    state = np.where(grid.within, 5 + grid.field("x").values, 0.0)
    shown, _ = screen.shown(state)
    pixels, look, _ = screen.pixels(shown, 160, 80)
    assert 4.2 < look["vmin"] < 4.35  # no zero from outside
    x = -1 + (np.arange(160) + 0.5) / 80
    radius = np.hypot(x[None, :], x[:, None])
    grey = np.all(pixels == OUTLINE, axis=2)
    coloured = (pixels[..., 3] > 0) & ~grey
    assert np.all(coloured[radius < 0.745]) and not np.any(coloured[radius > 0.755])
    assert np.mean(coloured) == pytest.approx(np.pi * 9 / 64, abs=2e-3)
    assert np.all(np.abs(radius[grey] - 0.75) < 2 / 80) and np.sum(grey) > 2 * np.pi * 0.75 * 80 / np.sqrt(2)


def test_what_absorbing_layers_need_is_not_shown(monkeypatch):
    wave = pk.Problem(
        pk.PDE("u_tt = u_xx"), pk.Grid(x=pk.Axis(0, 1, 41, absorbing_layer=0.2)), initial={"u": "x", "u_t": 0}
    )
    names = []
    monkeypatch.setattr(
        "pdekit.solving.live_view", lambda grid, n, *rest: names.extend(n) or LiveView(Recorder(), 0.0, 0.1)
    )
    solution = wave.solve(t_end=0.1, watch=True)
    assert names == ["u", "u_t"] and list(solution.shown_variables) == names
    assert set(solution.variables) == {"u", "u_t", "u_layer_x"}


def test_limits_grow_and_shrink_only_when_far_too_wide():
    limits = SteadyLimits()
    assert limits.include(np.array([0.0, 1.0])) == (0.0, 1.0)
    assert limits.include(np.array([0.2, 0.8, np.nan])) == (0.0, 1.0)
    assert limits.include(np.array([-1.0, 0.5])) == (-1.0, 1.0)
    assert limits.include(np.array([0.0, 0.5])) == (0.0, 0.5)
    assert SteadyLimits().include(np.full(3, 2.0)) == (0.0, 4.0)


class Recorder:
    def __init__(self, seconds=0.0):
        self.shown, self.seconds = [], seconds

    def show(self, status, fields):
        self.shown.append((status, {name: values.copy() for name, values in fields.items()}))
        clock.sleep(self.seconds)

    def close(self):
        pass


def test_pictures_take_a_small_share_of_the_time():
    surface = Recorder(seconds=0.02)
    view, begun = LiveView(surface, 0.0, 1.0), clock.monotonic()
    while clock.monotonic() - begun < 1.3:
        view(0.5, dict, 1)
    assert 2 <= len(surface.shown) <= 1 + 1.3 / (0.02 * SPARE)
    view(1.0, dict, 2)
    assert surface.shown[-1][0].startswith("t = 1 of 1")  # the end is always shown


def rod(**words):
    given = {"initial": {"u": "sin(pi*x)"}, "boundary": {"u": {"x": pk.Dirichlet(0)}}} | words
    return pk.Problem(pk.PDE("u_t = u_xx + u**2"), pk.Grid(x=pk.Axis(0, 1, 41)), **given)


def test_watching_changes_no_number(monkeypatch, capsys):
    console = Console(force_terminal=True, width=80, height=24, stderr=True)
    monkeypatch.setattr("pdekit.watching.TerminalSurface", lambda *given: TerminalSurface(*given[:3], console))
    quiet, watched = rod().solve(t_end=0.1), rod().solve(t_end=0.1, watch=True)
    assert np.array_equal(quiet.values["u"], watched.values["u"])
    screen = capsys.readouterr().err
    assert "t = 0.1 of 0.1" in screen and any(0x2800 < ord(c) < 0x2900 for c in screen)


def test_stored_frames_are_watched_one_after_the_other():
    grid = pk.Grid(
        x=pk.Axis(0, 1, 12, periodic=True), y=pk.Axis(0, 1, 9, periodic=True), z=pk.Axis(0, 1, 7, periodic=True)
    )
    solution = pk.Problem(pk.PDE("u_t = laplace(u)"), grid, initial={"u": "sin(2*pi*x)"}).solve(t_end=0.01, frames=3)
    console = Console(record=True, force_terminal=True, width=60, height=20, stderr=True)
    watch(solution, 0.0, console)
    text = console.export_text()
    assert "u at z = 0.429" in text and "t = 0.01" in text  # the node 3 of 7 is at 3/7
    with pytest.raises(ConfigError, match="steady"):
        pk.Problem(pk.PDE("0 = u_xx + 1"), pk.Grid(x=pk.Axis(0, 1, 5)), boundary={"u": {"x": pk.Dirichlet(0)}}).solve(
            watch=True
        )


def test_html_of_a_notebook():
    line = QuickPicture(pk.Grid(x=pk.Axis(0, 1, 3, unit="m")), ("u",), {"u": {"units": "K"}}).html(
        "t < 1", {"u": np.array([0.0, 1.0, 0.0])}
    )
    assert 'points="0.0,240.0 210.0,0.0 420.0,240.0"' in line and "u [K]" in line and "t &lt; 1" in line
    plane = pk.Grid(x=pk.Axis(0, 1, 4), y=pk.Axis(0, 1, 4))
    assert 'src="data:image/png;base64,' in QuickPicture(plane, ("u",)).html("", {"u": plane.field("x").values})


def test_lines_every_so_often_and_the_log(caplog):
    said = []
    lines = ProgressLines(0.0, 10.0, "h", said.append, every=0.05, only_long=True)
    lines(1.0, 10)
    clock.sleep(0.06)
    lines(5.0, 1000)
    lines(6.0, 1100)
    lines(10.0, 2000)
    assert [text.partition(",")[0] for text in said] == ["t = 5 h (50 % of the span)", "t = 10 h (100 % of the span)"]
    assert "left" in said[0] and "left" not in said[1]
    short = ProgressLines(0.0, 10.0, "", said.append, only_long=True)
    short(10.0, 5)
    assert len(said) == 2 and all_of(None) is None
    with caplog.at_level(logging.INFO, "pdekit"):
        rod().solve(t_end=0.01)
    assert "t = 0.01 (100 % of the span)" in caplog.text
