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


def test_fixed_steps():
    problem = pk.load(CONFIGS / "american_put.yaml")
    for method, bound in (("backward_euler", 1e-2), ("tr_bdf2", 2e-3)):
        assert problem.solve(method=method, step=0.01).series["at_36"][-1] == pytest.approx(4.486674, abs=bound)
    with pytest.raises(PdekitError, match="crank_nicolson cannot keep"):  # it rings where the contact ends
        problem.solve(method="crank_nicolson", step=0.01)


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


@pytest.mark.parametrize("equation", ["0 = u_xx + 1", "0 = -u_xx - 1", "1 = -u_xx", "-u_xx = 1"])
def test_it_does_not_matter_which_way_round_the_equation_is_written(equation):
    grid = pk.Grid(x=pk.Axis(0, 1, 41))
    s = pk.Problem(pk.PDE(equation), grid, boundary=ENDS, constraints=["u >= 0"]).solve()
    x = grid.axes[0].nodes
    assert s["u"].values == pytest.approx(x * (1 - x) / 2, abs=1e-12)  # nowhere in contact
    held = pk.Problem(pk.PDE(equation), grid, boundary=ENDS, constraints=["u <= 0.1"]).solve()
    # Parabolas u = x a - x^2/2 from either end to where they touch 0.1 with slope 0: a = sqrt(0.2).
    a = 0.2**0.5
    exact = np.where(x < a, a * x - x**2 / 2, np.where(x > 1 - a, a * (1 - x) - (1 - x) ** 2 / 2, 0.1))
    assert s["u"].max() > 0.12
    assert held["u"].values == pytest.approx(exact, abs=2e-4)


def test_without_fluxes_the_contact_alone_determines_the_solution():
    """``u'' = 1`` between free ends and a hill of curvature -8: it touches where the slopes x and -8 (x - 1/2) meet, x = 4/9."""
    grid = pk.Grid(x=pk.Axis(0, 1, 181))
    free = {"u": {"x": pk.Neumann(0)}}
    s = pk.Problem(pk.PDE("0 = u_xx - 1"), grid, boundary=free, constraints=["u >= 0.2 - 4*(x - 0.5)**2"]).solve()
    contact = 4 / 9
    at_the_end = 0.2 - 4 * (contact - 0.5) ** 2 - contact**2 / 2
    assert s["u"].values[0] == pytest.approx(at_the_end, abs=1e-3)
    x = grid.axes[0].nodes
    assert np.all(s["u"].values >= 0.2 - 4 * (x - 0.5) ** 2 - 1e-12)


def test_a_constraint_beside_a_number_of_the_field():
    """``0 = u'' - 8 mean(u)`` pressed up by the obstacle: the same by an explicit integral of what comes out."""
    grid = pk.Grid(x=pk.Axis(0, 1, 81))
    steady = pk.Problem(
        pk.PDE("0 = u_xx - 8*mean(u)"), grid, boundary=ENDS, constraints=["u >= 0.5 - 4*(x - 0.4)**2"]
    ).solve()
    mean = steady["u"].integral()
    known = pk.Problem(
        pk.PDE("0 = u_xx - 8*m", parameters={"m": float(mean)}),
        grid,
        boundary=ENDS,
        constraints=["u >= 0.5 - 4*(x - 0.4)**2"],
    ).solve()
    assert steady["u"].values == pytest.approx(known["u"].values, abs=1e-9)


FALLING = {"initial": {"u": 0.5}, "boundary": {"u": {"x": pk.Neumann(0)}}, "constraints": ["u >= 0"]}


@pytest.mark.parametrize(
    ("equation", "time"),
    [
        ("u_t = u_xx - 20", {"implicit": ("u_xx",)}),
        ("u_t = u_xx - 20", {"precision": "single", "rtol": 1e-4}),
        ("u_t = u_xx + noise(5)", {"step": 1e-3, "seed": 1}),
    ],
)
def test_what_would_leave_constraints_out_is_refused(equation, time):
    problem = pk.Problem(
        pk.PDE(equation), pk.Grid(x=pk.Axis(0, 1, 21)), time=pk.TimeSettings(end=0.1, **time), **FALLING
    )
    with pytest.raises(PdekitError, match="constraints: are not kept"):
        problem.solve()


def test_other_things_that_do_not_go_with_constraints():
    grid = pk.Grid(x=pk.Axis(0, 1, 21))
    with pytest.raises(PdekitError, match="contradict"):
        pk.Problem(pk.PDE("0 = u_xx"), grid, boundary=ENDS, constraints=["u >= x*(1-x)", "u <= -x*(1-x)"])
    with pytest.raises(PdekitError, match="first order in time"):
        pk.Problem(pk.PDE("u_tt = u_xx"), grid, initial={"u": 0, "u_t": 0}, boundary=ENDS, constraints=["u >= -1"])
    both, pair = {**ENDS, "v": {"x": pk.Dirichlet(0)}}, pk.PDE(["u_t = u_xx", "0 = v_xx - 1"])
    with pytest.raises(PdekitError, match="first order in time"):
        pk.Problem(pair, grid, initial={"u": 0}, boundary=both, constraints=["v >= -0.05"])
    sinking = {"u": {"x": pk.Dirichlet("-t")}}
    problem = pk.Problem(pk.PDE("u_t = u_xx"), grid, initial={"u": 0}, boundary=sinking, constraints=["u >= -0.5"])
    with pytest.raises(PdekitError, match="boundary data are beyond"):
        problem.solve(t_end=1.0)
    steady = pk.Problem(
        pk.PDE("0 = u_xx - lam", parameters={"lam": 0.1}), grid, boundary=ENDS, constraints=["u >= -0.05"]
    )
    with pytest.raises(PdekitError, match="constraints"):
        pk.continuation(steady, parameter="lam", to=2.0)
    with pytest.raises(PdekitError, match="constraint"):
        pk.eigen(problem)
