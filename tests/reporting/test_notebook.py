"""What notebooks show: words that are there, formulas that a browser can read, widgets that draw what they say."""

from __future__ import annotations

import builtins
import html
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

import pdekit as pk
from pdekit.errors import PdekitError
from problems import heat, wave


def texts(page):
    """The texts of a piece of HTML that is well-formed: what is left of it without tags."""
    return " ".join("".join(ET.fromstring(page).itertext()).split())


def test_a_grid_and_a_problem():
    assert texts(pk.Grid(x=pk.Axis(0, 1, 11), r=pk.Axis(0, 2, 5))._repr_html_()).startswith(
        "gridx: Axis [0, 1], 11 nodes"
    )
    problem = heat.rod(21)
    shown = problem._repr_html_()
    root = ET.fromstring(shown)
    formulas = root.findall(".//{http://www.w3.org/1998/Math/MathML}math")
    assert len(formulas) >= 3  # the equation, the initial state, the exact solution
    assert "".join(formulas[0].itertext()).startswith("∂u∂t=D")
    assert "x.left: u = 0" in texts(shown)


def test_what_is_given_is_no_markup():
    problem = heat.rod(11).replace(title="<script>alert(1)</script>")
    for page in (problem._repr_html_(), problem.solve(frames=3)._repr_html_()):
        assert "<script" not in page and "alert(1)" in texts(page)


def test_equations():
    pde = pk.PDE("u_t = D*laplace(u) - u**3/eps", parameters={"D": 1, "eps": 2})
    assert pde._repr_latex_() == (
        r"$\displaystyle \begin{aligned} \frac{\partial u}{\partial t} &= D\,\nabla^{2} u - "
        r"\frac{u^{3}}{\varepsilon} \end{aligned}$"
    )


def test_a_solution():
    solution = heat.rod(21).solve(frames=5)
    words = texts(solution._repr_html_())
    assert f"error of u{solution.error('u'):.3e}" in words and solution.reasons[-1] in words
    assert "5 frames, 0 to 1" in words
    steady = heat.layered_wall().solve()
    assert "times" not in texts(steady._repr_html_())


def test_an_animation_is_a_page_in_a_page():
    solution = heat.rod(21).solve(frames=5)
    animation = solution.animation()
    frame = animation._repr_html_()
    inner = html.unescape(re.search(r'srcdoc="(.*?)" style', frame, re.S)[1])
    assert inner == animation.html and inner.count('<figure class="figure') == 2


def test_explore_draws_the_frame_of_its_slider():
    """The wave has turned over after half a period: what was red is blue."""
    ipywidgets = pytest.importorskip("ipywidgets")
    line = pk.Grid(x=pk.Axis(0, 1, 21), y=pk.Axis(0, 1, 21))
    mode = line.field("sin(pi*x)*sin(pi*y)").values
    solution = pk.Solution(line, np.arange(3.0), {"u": np.array([mode, 0 * mode, -mode]), "v": np.array([mode] * 3)})
    box = solution.explore()
    (play, slider, clock, variable), picture = box.children[0].children, box.children[1]
    assert isinstance(play, ipywidgets.Play) and slider.max == 2 and variable.options == ("u", "v")

    def middle():
        with Image.open(io.BytesIO(picture.value)) as image:
            width, height = image.size
            return np.array(image.convert("RGB"))[height // 2, int(0.45 * width)].astype(int)

    first = middle()
    slider.value = 2
    last = middle()
    assert clock.value == "t = 2" and first[0] > first[2] and last[2] > last[0]
    size = Image.open(io.BytesIO(picture.value)).size
    slider.value = 0
    assert middle() == pytest.approx(first, abs=3) and Image.open(io.BytesIO(picture.value)).size == size
    variable.value = "v"
    assert clock.value == "t = 0"
    assert len(wave.drum(9).solve(times=[0.4]).explore("u_t").children) == 2


def test_explore_says_what_it_needs(monkeypatch):
    solution = heat.rod(11).solve(frames=3)
    with pytest.raises(PdekitError, match="no variable 'w'"):
        solution.explore("w")
    with pytest.raises(PdekitError, match="one frame only"):
        heat.layered_wall().solve().explore()
    whole = builtins.__import__

    def without(name, *rest):
        if name == "ipywidgets":
            raise ImportError(name)
        return whole(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PdekitError, match=r"pip install 'pdekit\[explore\]'"):
        solution.explore()
