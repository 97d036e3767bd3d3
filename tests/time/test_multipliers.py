"""Multipliers that hold a number of the solution: constraints by their time derivatives, of index 1."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from pdekit.errors import PdekitError


def held(constraint="0 = integral(u_t)", left=None, equation="u_t = u_xx - u + p", points=41):
    """Heat flows in at the right end, u decays, and the heating p keeps the integral: p = m - sin(t) with m the integral."""
    return pk.Problem(
        pk.PDE([equation, constraint], scalars=("p",), unknowns=("u", "p")),
        pk.Grid(x=pk.Axis(0, 1, points)),
        initial={"u": "1.5 + cos(pi*x)"},
        boundary={"u": {"x": {"left": left or pk.Neumann(0), "right": pk.Neumann("sin(t)")}}},
    )


@pytest.mark.parametrize("method", ["auto", "tr_bdf2", "esdirk43", "ros3p", "bdf2", "backward_euler"])
def test_the_integral_stays_to_rounding_and_the_multiplier_is_exact(method):
    fixed = {"step": 0.05} if method == "backward_euler" else {"rtol": 1e-6}
    solution = held().solve(t_end=2.0, method=method, frames=4, **fixed)
    for k in range(len(solution.times)):
        assert solution[k]["u"].integral() == pytest.approx(1.5, abs=1e-12)
    assert solution.scalars["p"] == pytest.approx(1.5 - np.sin(solution.times), abs=1e-10)


def test_weighted_means_and_nonlinear_equations():
    problem = held("0 = mean((1 + x)*u_t) - 0.1*p*face(u_t, x, left)", equation="u_t = u_xx - u**3 + x*p")
    assert pk.check_jacobian(problem).passed
    problem = held("0 = integral((1 + x)*u_t)", equation="u_t = div((1 + u**2)*grad(u)) - u**3 + x*p")
    weights = problem.grid.weights * (1 + problem.grid["x"].nodes)
    solution = problem.solve(t_end=0.5)
    assert weights @ solution["u"].values == pytest.approx(weights @ solution[0]["u"].values, abs=1e-11)


def test_beside_a_prescribed_value():
    problem = held(left=pk.Dirichlet(2.5))
    solution = problem.solve(t_end=0.5)
    assert solution["u"].integral() == pytest.approx(solution[0]["u"].integral(), abs=1e-12)
    with pytest.raises(PdekitError, match="prescribed values change in time"):
        held(left=pk.Dirichlet("2.5 + t"))


def test_a_rate_of_change_that_is_measured():
    """An evolution equation may hold numbers of rates, too: S_t = integral(u_t) is S = integral(u) + constant."""
    problem = pk.Problem(
        pk.PDE(["u_t = u_xx - u", "S_t = integral(u_t) - S"], scalars=("S",)),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        initial={"u": "1 + cos(pi*x)", "S": 0},
        boundary={"u": {"x": pk.Neumann(0)}},
    )
    # integral(u) = exp(-t), so that S' = -exp(-t) - S: S = -t exp(-t).
    assert problem.solve(t_end=1.0, rtol=1e-9, atol=1e-11).scalars["S"][-1] == pytest.approx(-np.exp(-1), abs=1e-7)


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        ("0 = integral(u) - 1.5", "index is above 1.*integral"),
        ("0 = max(u_t)", "there are integral, mean, face and at"),
        ("0 = integral(u_t**2)", "there are integral, mean, face and at"),
        ("0 = integral(u*u_t + u)", "there are integral, mean, face and at"),
    ],
)
def test_what_is_refused(constraint, words):
    with pytest.raises(PdekitError, match=words):
        held(constraint).solve(t_end=0.1)
