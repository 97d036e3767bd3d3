"""The page of a report says what the file says, by itself; a browser draws it, and its slider moves what it shows."""

from __future__ import annotations

import json
import re
import shutil
import time
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import pdekit as pk
from pdekit.cli.commands import main
from pdekit.reporting import figures
from pdekit.reporting.encoding import TYPES, Limits, packed
from pdekit.reporting.figures import field_figures
from pdekit.reporting.page import origin_of, page_of
from problems import heat, wave


def content(path):
    """The data of a page."""
    text = path.read_text()
    return json.loads(re.search(r'id="report-data">(.*?)</script>', text, re.S)[1].replace("<\\/", "</"))


def unpacked(data, size, limits):
    """What the browser makes of packed frames: an array of shape (frames, size)."""
    planes = np.frombuffer(zlib.decompress(data), dtype=np.uint8).reshape(-1, limits.bits // 8, size)
    change = np.ascontiguousarray(planes.transpose(0, 2, 1)[..., ::-1]).view(TYPES[limits.bits])[..., 0]
    counts = np.cumsum(change, axis=0, dtype=TYPES[limits.bits])
    return np.where(counts > limits.steps, np.nan, limits.low + counts * ((limits.high - limits.low) / limits.steps))


def moving_wave(points=41, frames=11):
    """A wave that travels to the right: at t = 1/4 it stands a quarter of the axis further."""
    grid = pk.Grid(x=pk.Axis(0, 1, points, periodic=True, unit="m"), y=pk.Axis(0, 2, 9))
    problem = pk.Problem(
        pk.PDE("u_t = -u_x + 0*laplace(u)"),
        grid,
        initial={"u": "sin(2*pi*x)"},
        boundary={"u": {"y": pk.Neumann(0)}},
        exact={"u": "sin(2*pi*(x - t))"},
        order=4,
        title="A wave <b>& its way</b>",
        labels={"u": {"units": "K", "long_name": "temperature"}},
        output=pk.OutputSettings(series={"top": "max(u)"}),
    )
    return problem.solve(t_end=0.5, frames=frames)


def packet():
    """A free particle: complex, with a known modulus."""
    line = pk.Grid(x=pk.Axis(0, 1, 40, periodic=True))
    return pk.Problem(
        pk.PDE("u_t = I*u_xx"),
        line,
        initial={"u": "2*exp(2*pi*I*x)"},
        exact={"u": "2*exp(2*pi*I*x - 4*pi**2*I*t)"},
        time=pk.TimeSettings(end=0.02),
    )


@given(
    values=arrays(float, (4, 7), elements=st.floats(-3, 5)),
    bits=st.sampled_from([8, 16]),
    hole=st.integers(0, 6),
)
def test_frames_come_back_within_half_a_step(values, bits, hole):
    limits = Limits(-3.0, 5.0, bits)
    values[2, hole] = np.nan
    back = unpacked(packed(values, limits), 7, limits)
    assert np.array_equal(np.isnan(back), np.isnan(values))
    assert np.nanmax(np.abs(back - values)) <= 0.5 * 8 / limits.steps * (1 + 1e-9)


def test_what_a_page_says(tmp_path):
    solution = moving_wave()
    path = solution.report(tmp_path / "wave.html")
    text = path.read_text()
    assert "A wave &lt;b&gt;&amp; its way&lt;/b&gt;" in text and "<b>" not in text
    assert "<mfrac>" in text and text.count("<math") >= 3  # the equation, the initial state and the exact solution
    assert not re.search(r"""(src|href)\s*=|url\((?!#)|@import""", text.split('id="report-data"')[0])
    assert solution.method in text and solution.reasons[-1] in text
    assert "numpy " + np.__version__ in text and "initial: {u: sin(2*pi*x)}" in text
    data = content(path)
    assert data["times"] == pytest.approx(solution.times) and len(data["times"]) == 11
    assert [figure["kind"] for figure in data["figures"]] == ["map", "map", "curves", "curves"]
    assert data["figures"][0]["label"] == "temperature u [K]" and data["figures"][0]["x"]["label"] == "x [m]"
    top = data["figures"][2]["curves"][0]
    assert top["name"] == "top" and np.allclose(
        top["y"], 1, atol=0.01
    )  # a wave keeps its height; nodes miss its top by 0.3 %


def test_maps_hold_the_exact_solution():
    """Of a wave that is known: what is drawn is it, to the error of the run and half a step of the colours."""
    solution = moving_wave()
    _, found = field_figures(solution)
    data = found[0].data
    limits = Limits(data["low"], data["high"], 8)
    x, y = (np.array(line) for line in data["lines"])
    assert x[-1] == 1 and y.size == 9  # closed
    frames = unpacked(found[0].blobs["map"], x.size * y.size, limits).reshape(-1, x.size, y.size)
    wanted = np.sin(2 * np.pi * (x[None, :] - solution.times[:, None]))
    assert frames.shape[0] == solution.times.size
    assert np.max(np.abs(frames - wanted[..., None])) < solution.error("u") + 0.5 * (data["high"] - data["low"]) / 254


@pytest.mark.parametrize(
    ("make", "kinds"),
    [
        (lambda: heat.rod(21).solve(frames=5), ["lines", "map", "curves"]),
        (lambda: heat.layered_wall().solve(), ["lines"]),
        (lambda: wave.drum(9).solve(times=[0.4]), ["map", "map", "map", "curves"]),
        (lambda: packet().solve(frames=5), ["lines", "map", "curves"]),
    ],
)
def test_every_kind(make, kinds):
    page = page_of(make())
    assert [figure.data["kind"] for figure in page.figures] == kinds
    assert "<math" in page.html()


def test_lines_show_parts_of_complex_fields_and_three_dimensions_slices():
    (lines, *_) = page_of(packet().solve(frames=5)).figures
    assert lines.data["curves"] == ["modulus", "real part", "imaginary part", "exact modulus"]
    cube = pk.Grid(x=pk.Axis(0, 1, 5), y=pk.Axis(0, 1, 6), z=pk.Axis(0, 1, 7))
    solution = pk.Solution(cube, np.zeros(1), {"u": cube.field("x + 10*y + 100*z").values[None]})
    titles = [figure.title for figure in field_figures(solution)[1]]
    assert titles == ["u at x = 0.5", "u at y = 0.6", "u at z = 0.5"]


def test_the_outline_of_a_domain():
    """The region of an annulus by the shoelace formula: the hole turns the other way, and chords lose O(h^2)."""
    grid = pk.Grid(x=pk.Axis(-1, 1, 81), y=pk.Axis(-1, 1, 81))
    ring = pk.Problem(
        pk.PDE("u_t = laplace(u)"), grid, initial={"u": 1}, boundary={"u": {"domain": pk.Neumann(0)}},
        domain="x**2 + y**2 < 9/16 and x**2 + y**2 > 1/16",
    )  # fmt: skip
    _, (figure,) = field_figures(ring.solve(t_end=1e-4, frames=2))
    region = [np.array(line) for line in figure.data["outline"]["region"]]
    areas = [0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) for x, y in region]
    assert len(region) == 2 and abs(sum(areas)) == pytest.approx(np.pi / 2, rel=2e-3)
    assert len(figure.data["outline"]["boundary"]) == 2


def test_auxiliary_fields_of_absorbing_layers_are_left_out(tmp_path):
    grid = pk.Grid(x=pk.Axis(0, 1, 41, absorbing_layer=0.2))
    solution = pk.Problem(pk.PDE("u_tt = u_xx"), grid, initial={"u": "x", "u_t": 0}).solve(
        t_end=0.1, frames=2, output=tmp_path / "wave.h5"
    )
    for found in (solution, pk.open_result(tmp_path / "wave.h5")):
        assert "u_layer_x" in found.variables
        assert [figure.title for figure in field_figures(found)[1]] == ["u", "u_t"]


def test_unknowns_that_are_numbers():
    """Neumann's front beside the computed one, over time."""
    page = page_of(pk.load(Path(__file__).parents[2] / "configs/melting_front.yaml").solve())
    (front, recorded) = page.of("numbers")
    computed, exact = front.data["curves"]
    assert (front.title, computed["name"], exact["name"]) == ("S", "computed", "exact")
    assert exact["y"] == pytest.approx([2 * 0.6200626352 * t**0.5 for t in exact["x"]], rel=1e-6)
    assert computed["y"] == pytest.approx(exact["y"], rel=1e-4) and recorded.title == "front"
    assert "error of S" in page.html() and "one number" in page.html()


def test_an_exact_solution_that_begins_at_a_point():
    """The heat kernel is infinite at t = 0: there is no exact curve there, and there is one afterwards."""
    line = pk.Grid(x=pk.Axis(-1, 1, 41))
    source = pk.Problem(
        pk.PDE("u_t = u_xx"),
        line,
        initial={"u": "where(abs(x) < 1e-9, 20, 0)"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        exact={"u": "exp(-x**2/(4*t))/sqrt(4*pi*t)"},
    )
    lines, _, errors = page_of(source.solve(t_end=0.02, frames=5)).figures
    limits = Limits(lines.data["y"]["low"], lines.data["y"]["high"], 16)
    exact = unpacked(lines.blobs["exact"], 41, limits)
    assert np.isnan(exact[0]).all() and exact[-1].max() == pytest.approx((4 * np.pi * 0.02) ** -0.5, rel=1e-3)
    assert errors.data["curves"][0]["y"][0] is None and errors.data["curves"][0]["y"][-1] < 0.05


def test_large_grids_are_thinned_to_their_ends():
    """A plane in x and y is the same on every second node."""
    grid = pk.Grid(x=pk.Axis(0, 1, 1100), y=pk.Axis(0, 2, 4))
    (found,) = field_figures(pk.Solution(grid, np.zeros(1), {"u": grid.field("x + y").values[None]}))[1]
    x, y = (np.array(line) for line in found.data["lines"])
    assert 300 < x.size <= 513 and (x[0], x[-1], y[-1]) == (0, 1, 2)
    limits = Limits(found.data["low"], found.data["high"], 8)
    shown = unpacked(found.blobs["map"], x.size * y.size, limits).reshape(x.size, y.size)
    assert np.max(np.abs(shown - x[:, None] - y)) <= 0.5 * 3 / 254 * (1 + 1e-6)


def test_a_page_has_a_greatest_size(monkeypatch):
    """Frames are left out, never the first and the last, and the page says so."""
    solution = moving_wave(frames=41)
    whole = sum(figure.size for figure in field_figures(solution)[1])
    monkeypatch.setattr(figures, "MOST_BYTES", whole // 3)
    page = page_of(solution)
    assert 2 <= len(page.times) < 41 and (page.times[0], page.times[-1]) == (0, 0.5)
    assert f"{len(page.times)} of 41 stored frames are shown" in page.html()


def test_the_largest_page(tmp_path, figure):
    """256^2 nodes and 100 frames of noise, which nothing can compress."""
    grid = pk.Grid(x=pk.Axis(0, 1, 256), y=pk.Axis(0, 1, 256))
    values = np.random.default_rng(1).standard_normal((100, 256, 256))
    path = pk.Solution(grid, np.arange(100.0), {"u": values}).report(tmp_path / "noise.html")
    assert len(content(path)["times"]) == 100
    figure("report of 256 x 256 nodes and 100 frames of noise [MB]", path.stat().st_size / 1e6, "<= 15")
    assert path.stat().st_size <= 15e6


def test_the_command_and_what_a_file_tells(tmp_path):
    file = tmp_path / "rod.h5"
    heat.rod(21).solve(frames=5, output=file)
    words = ["report", str(file), "-o", str(tmp_path / "rod.html")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0 and "rod.html" in done.output
    assert content(tmp_path / "rod.html")["figures"][0]["curves"] == ["computed", "exact"]
    again = CliRunner().invoke(main, words)
    assert again.exit_code == 2 and "exists" in again.output
    studied = CliRunner().invoke(main, [*words, "--force", "--converge"])
    assert studied.exit_code == 0, studied.output
    study = content(tmp_path / "rod.html")["figures"][-1]
    assert study["x"]["log"] and [curve["name"] for curve in study["curves"]] == ["u", "order 2"]
    missing = CliRunner().invoke(main, ["report", str(tmp_path / "no.h5")])
    assert missing.exit_code == 2 and "no such file" in missing.output


def test_what_is_given_in_python_is_said(tmp_path):
    grid = pk.Grid(x=pk.Axis(0, 1, 11))
    rod = pk.Problem(pk.PDE("u_t = u_xx"), grid, initial={"u": lambda x: x**2}, boundary={"u": {"x": pk.Neumann(0)}})
    file = tmp_path / "rod.h5"
    solution = rod.solve(t_end=0.1, frames=3, output=file)
    assert "<math" in page_of(solution).html()
    stored = pk.open_result(file)
    assert origin_of(stored).problem is None
    html = page_of(stored).html()
    assert "given in Python" in html and "u_t = u_xx" in html
    refused = CliRunner().invoke(main, ["report", str(file), "--converge"])
    assert refused.exit_code == 2 and "given in Python" in refused.output


def test_a_results_file_runs_nothing(tmp_path):
    """One whose config was changed to name a Python file: the page is made without it."""
    file, trap = tmp_path / "rod.h5", tmp_path / "trap.py"
    trap.write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\n")
    heat.rod(11).solve(frames=3, output=file)
    with h5py.File(file, "r+") as changed:
        changed.attrs["config"] = f"problem: {trap}:rod\n"
    page = page_of(pk.open_result(file))
    assert origin_of(pk.open_result(file)).problem is None and "given in Python" in page.html()
    assert not (tmp_path / "sprung").exists()


# ------------------------------------------------------------------------------------------------ in a browser


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window, and what it writes to its console."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no Chromium with its driver on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield opened
    opened.quit()


def open_page(browser, path, width):
    """Seconds until the page is drawn."""
    sizes = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", sizes)
    begun = time.monotonic()
    browser.get(path.as_uri())
    while browser.execute_script("return document.documentElement.dataset.ready") != "yes":
        assert time.monotonic() - begun < 20, browser.get_log("browser")
        time.sleep(0.01)
    return time.monotonic() - begun


def complaints(browser):
    """What stands in the console, but for advice on the reading of pixels, which only the test does."""
    return [entry for entry in browser.get_log("browser") if "getImageData" not in entry["message"]]


PIXELS = """
const canvas = document.querySelector("canvas"), row = canvas.height >> 1;
return [...canvas.getContext("2d").getImageData(0, row, canvas.width, 1).data].filter((_, k) => k % 4 == 0);
"""


def test_the_slider_moves_the_picture(browser, tmp_path):
    """A wave of one period: after a tenth of a period its trough, without red, stands a tenth of the axis further."""
    path = moving_wave().report(tmp_path / "wave.html")
    for width in (400, 1600):
        open_page(browser, path, width)
        places = []
        for index in (0, 2):  # t = 0 and t = 1/10
            slider = browser.find_element("css selector", "input[type=range]")
            browser.execute_script(
                "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))", slider, index
            )
            red = np.array(browser.execute_script(PIXELS), dtype=float)
            places.append(np.argmin(red) / red.size)
        assert browser.find_element("css selector", "output").text == "t = 0.1"
        assert places == pytest.approx([0.75, 0.85], abs=0.03)
        over = browser.execute_script("return document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, "wider than the window"
        smallest = browser.execute_script(
            "return Math.min(...[...document.querySelectorAll('svg text, td, p, math')].map(e => parseFloat(getComputedStyle(e).fontSize)))"
        )
        assert smallest >= 12
    assert complaints(browser) == []


def lake(points=41):
    """A disc of radius 3/4 in a box of 2, in which nothing moves."""
    return pk.Problem(
        pk.PDE("u_t = laplace(u)"), pk.Grid(x=pk.Axis(-1, 1, points), y=pk.Axis(-1, 1, points)), initial={"u": 5},
        boundary={"u": {"domain": pk.Neumann(0)}}, domain="x**2 + y**2 < 9/16",
    )  # fmt: skip


def test_a_domain_is_drawn_up_to_its_outline_and_nothing_beyond(browser, tmp_path):
    """Its share of the picture is its area's, pi (3/8)^2; points beyond have no value."""
    path = lake().solve(t_end=0.01, frames=2).report(tmp_path / "lake.html")
    open_page(browser, path, 800)
    opacity = browser.execute_script("""
        const canvas = document.querySelector("canvas"), {width, height} = canvas;
        const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
        return [width, height, ...data.filter((_, k) => k % 4 == 3)];
    """)
    width, height, *values = opacity
    alpha = np.array(values, dtype=float).reshape(height, width) / 255
    assert alpha.mean() == pytest.approx(np.pi * (3 / 8) ** 2, rel=2e-3)
    x, y = (2 * (np.arange(n) + 0.5) / n - 1 for n in (width, height))
    radius = np.hypot(x[None, :], y[:, None])
    assert alpha[radius < 0.74].min() == 1 and alpha[radius > 0.76].max() == 0
    assert browser.execute_script("return document.querySelectorAll('.outline').length") == 1
    assert complaints(browser) == []


def test_play_and_keys(browser, tmp_path):
    path = heat.rod(21).solve(frames=12).report(tmp_path / "rod.html")
    open_page(browser, path, 800)
    line = "return document.querySelector('.plot path[stroke=\"#2166ac\"]').getAttribute('d')"
    before = browser.execute_script(line)
    browser.find_element("css selector", "input[type=range]").send_keys("\ue014")  # the key to the right
    assert browser.execute_script("return report.index") == 1
    assert browser.execute_script(line) != before
    browser.find_element("css selector", ".player button").click()
    begun = time.monotonic()
    while browser.execute_script("return report.index") < 11 and time.monotonic() - begun < 15:
        time.sleep(0.05)
    assert browser.execute_script("return report.index") == 11
    assert complaints(browser) == []


def test_opens_and_runs_fast(browser, tmp_path, figure):
    grid = pk.Grid(x=pk.Axis(0, 1, 256), y=pk.Axis(0, 1, 256))
    x, y = grid.coordinates["x"], grid.coordinates["y"]
    values = np.array([np.sin(9 * x + 0.1 * k) * np.cos(7 * y * (1 + 0.01 * k)) for k in range(100)])
    path = pk.Solution(grid, np.arange(100.0), {"u": values}).report(tmp_path / "large.html")
    seconds = open_page(browser, path, 1600)
    rate = browser.execute_script(
        "const begun = performance.now(); for (let k = 0; k < 100; k++) report.go(k); return 1e5/(performance.now() - begun)"
    )
    figure("report of 256 x 256 nodes and 100 frames: until it is drawn [s]", seconds, "<= 2 on a quiet machine")
    figure("the same: frames a second", rate, ">= 20")
    assert seconds < 10 and rate > 20
    assert complaints(browser) == []
