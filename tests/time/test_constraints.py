"""Bounds that solutions keep: obstacle problems, steady and in time, and the American put."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

import pdekit as pk
from pdekit.errors import PdekitError

CONFIGS = Path(__file__).parents[2] / "configs"
ENDS = {"u": {"x": pk.Dirichlet(0)}}


def string(points, equation="0 = u_xx", **words):
    """A string over the hill 0.5 - 4 (x - 0.4)^2, fixed at 0."""
    grid = pk.Grid(x=pk.Axis(0, 1, points))
    constraints = ["u >= 0.5 - 4*(x - 0.4)**2"]
    return pk.Problem(pk.PDE(equation), grid, boundary=ENDS, constraints=constraints, **words)


def taut(x):
    """Straight from either end to where it touches, with the slope of the hill there."""
    hill, slope = lambda s: 0.5 - 4 * (s - 0.4) ** 2, lambda s: -8 * (s - 0.4)
    a = brentq(lambda s: hill(s) - slope(s) * s, 1e-6, 0.4)
    b = brentq(lambda s: hill(s) + slope(s) * (1 - s), 0.4, 1 - 1e-6)
    return np.where(x < a, slope(a) * x, np.where(x > b, slope(b) * (x - 1), hill(x)))


def test_a_string_over_a_hill():
    errors = []
    for n in (41, 81, 161):
        s = string(n).solve()
        x = s.grid.axes[0].nodes
        assert np.all(s["u"].values >= 0.5 - 4 * (x - 0.4) ** 2 - 1e-12)
        errors.append(np.max(np.abs(s["u"].values - taut(x))))
    assert errors[2] <= 2e-4
    assert np.log2(errors[0] / errors[2]) / 2 >= 1.5  # the contact ends between nodes: second order, unevenly


def test_it_is_the_rest_of_the_string_that_falls():
    s = string(81, "u_t = u_xx", initial={"u": "max(0.5 - 4*(x - 0.4)**2, 0) + 0.8*sin(pi*x)"}).solve(t_end=3.0)
    assert s.method == "tr_bdf2"
    assert np.max(np.abs(s["u"].values - string(81).solve()["u"].values)) <= 1e-6


def test_an_upper_bound_and_both():
    grid = pk.Grid(x=pk.Axis(0, 1, 61))
    load = pk.PDE("0 = u_xx + 40*sin(2*pi*x)")
    s = pk.Problem(load, grid, boundary=ENDS, constraints=["u <= 0.3", "u >= -0.6"]).solve()
    assert s["u"].max() == pytest.approx(0.3, abs=1e-12)
    assert s["u"].min() == pytest.approx(-0.6, abs=1e-12)


@pytest.mark.parametrize("method", ["tr_bdf2", "esdirk43"])
def test_the_american_put(method):
    """S = 36, K = 40, r = 0.06, sigma = 0.2, T = 1: 4.486674 (Longstaff and Schwartz 2001, table 1: 4.478, by finite differences)."""
    problem = pk.load(CONFIGS / "american_put.yaml")
    s = problem.solve(method=method)
    assert s.series["at_36"][-1] == pytest.approx(4.486674, abs=1e-3)
    S = s.grid.axes[0].nodes
    assert np.all(s["V"].values >= np.maximum(40 - S, 0) - 1e-12)


def test_backward_euler_and_crank_nicolson_with_a_step():
    problem = pk.load(CONFIGS / "american_put.yaml")
    for method, bound in (("backward_euler", 1e-2), ("crank_nicolson", 2e-3)):
        assert problem.solve(method=method, step=0.01).series["at_36"][-1] == pytest.approx(4.486674, abs=bound)


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        (["v >= 0"], "constraints.0.*one of u, found 'v'"),
        (["u > 0"], "such as u >= 0"),
        (["u >= w"], "constraints.0.*unknown name 'w'"),
        (["u >= 0", "u >= x"], "already"),
        (["u >= 1"], "beyond u >= ... by 1 at x = 0"),
    ],
)
def test_what_is_refused(constraints, message):
    grid = pk.Grid(x=pk.Axis(0, 1, 21))
    with pytest.raises(PdekitError, match=message):
        pk.Problem(pk.PDE("u_t = u_xx"), grid, initial={"u": "x*(1-x)"}, boundary=ENDS, constraints=constraints)


def test_methods_that_cannot_are_refused():
    problem = string(21, "u_t = u_xx", initial={"u": 0.5})
    with pytest.raises(PdekitError, match="cannot keep constraints; use tr_bdf2"):
        problem.solve(t_end=1.0, method="BDF")
