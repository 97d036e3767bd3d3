"""Every method with error control follows its tolerance, on linear equations too, where an estimate may see nothing."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import pdekit as pk
from tests.time.adaptive import ADAPTIVE

EQUATIONS = {
    "linear": "u_t = 0.02*div((1 + 0.5*sin(2*pi*x))*grad(u)) - u*(1 + 0.3*cos(2*pi*x))",
    "driven": "u_t = 0.02*div((1 + 0.5*sin(2*pi*x))*grad(u)) - u + sin(5*t)*cos(2*pi*x)",
    "carried": "u_t = 0.02*u_xx - (1 + 0.2*sin(2*pi*x))*u_x",
}


def ring(equation):
    grid = pk.Grid(x=pk.Axis(0, 1, 32, periodic=True))
    return pk.Problem(pk.PDE(EQUATIONS[equation]), grid, initial={"u": "0.5 + 0.3*cos(2*pi*x)"})


@cache
def reference(equation):
    return ring(equation).solve(t_end=1.0, method="Radau", rtol=1e-12, atol=1e-14).values["u"]


@pytest.mark.parametrize("equation", EQUATIONS)
@pytest.mark.parametrize("method", ADAPTIVE)
def test_errors_at_all_frames(method, equation):
    if method == "rkc2" and equation == "carried":
        pytest.skip("for real spectra")
    if method == "exponential" and equation == "driven":
        pytest.skip("for data constant in time")
    for rtol in (1e-4, 1e-6):
        found = ring(equation).solve(t_end=1.0, method=method, rtol=rtol).values["u"]
        assert np.max(np.abs(found - reference(equation))) <= 30 * rtol


@pytest.mark.parametrize("method", ["etdrk4", "ark43", "esdirk43", "Radau", "tsitouras"])
def test_a_small_perturbation_of_a_steady_state_is_followed(method):
    """What changes is a millionth of what is there, so that the slope at the start says nothing of the step that it needs."""
    rates = ["u_t = u_xx + 30*(0.1 - u + u**2*v)", "v_t = 20*v_xx + 30*(0.9 - u**2*v)"]
    free = {name: {"x": pk.Neumann(0)} for name in "uv"}
    initial = {"u": "1 + 1e-6*cos(pi*x)", "v": 0.9}
    problem = pk.Problem(pk.PDE(rates), pk.Grid(x=pk.Axis(0, 6, 61)), initial=initial, boundary=free)
    exact = problem.solve(t_end=0.4, method="Radau", rtol=1e-12, atol=1e-16).values["u"]
    found = problem.solve(t_end=0.4, method=method, rtol=1e-9).values["u"]
    assert np.max(np.abs(found - exact)) <= 30e-9
