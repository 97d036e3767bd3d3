"""The modified equation method for linear waves, and Crank-Nicolson's damped beginning."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from pdekit.errors import SolverError, StabilityError


def wave(equation="u_tt = div((1 + 0.5*x)*grad(u)) + 50*(x*(1 - x))**4"):
    return pk.Problem(
        pk.PDE(equation),
        pk.Grid(x=pk.Axis(0, 1, 61)),
        initial={"u": "sin(pi*x)**5", "u_t": "sin(2*pi*x)**5"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        order=4,
    )


def test_order_of_values_and_rates(figure):
    exact = wave().solve(t_end=2.0, method="DOP853", rtol=1e-12, atol=1e-14)
    found = [wave().solve(t_end=2.0, method="modified_equation", step=h) for h in (0.01, 0.005)]
    for name in ("u", "u_t"):
        errors = [np.max(np.abs(s[name].values - exact[name].values)) for s in found]
        order = np.log2(errors[0] / errors[1])
        figure(f"order in time, modified equation, {name}", order, "4")
        assert order == pytest.approx(4, abs=0.1)


def test_waves_keep_their_amplitude():
    """A standing wave over 200 periods: the energy of leapfrog with the modified force does not drift."""
    s = pk.Problem(
        pk.PDE("u_tt = u_xx"),
        pk.Grid(x=pk.Axis(0, 1, 41)),
        initial={"u": "sin(pi*x)", "u_t": 0},
        boundary={"u": {"x": pk.Dirichlet(0)}},
    ).solve(t_end=400.0, method="modified_equation", step=0.035, frames=41)
    k = 2 * 40 * np.sin(np.pi / 80)  # the wave's frequency on this grid
    energy = s.values["u_t"][:, 20] ** 2 + (k * s.values["u"][:, 20]) ** 2
    assert np.max(np.abs(energy / energy[0] - 1)) <= 1e-4
    assert abs(np.polyfit(s.times, energy / energy[0], 1)[0]) * 400 <= 1e-5


def test_its_limit_is_that_of_the_analysis():
    limits = {m: wave().choice(t_end=1.0, method=m, step=1e-4).limit for m in ("verlet", "modified_equation")}
    assert limits["modified_equation"] / limits["verlet"] == pytest.approx(72**0.25 / 2, rel=1e-12)
    with pytest.raises(StabilityError, match="largest stable step"):
        wave().solve(t_end=1.0, method="modified_equation", step=1.01 * limits["modified_equation"])
    late = wave("u_tt = div((1 + 0.5*x)*grad(u))").solve(
        t_end=200.0, method="modified_equation", step=0.99 * limits["modified_equation"], times=()
    )
    assert late["u"].norm("max") < 5


@pytest.mark.parametrize("equation", ["u_tt = u_xx - u**3", "u_tt = u_xx - u_t", "u_tt = u_xx + sin(t)"])
def test_what_it_is_not_for(equation):
    with pytest.raises(SolverError, match="linear waves without damping"):
        wave(equation).solve(t_end=1.0, method="modified_equation", step=1e-3)


JUMPS = {
    "data that do not fit": ("u_t = u_xx", {"u": 1}, pk.Dirichlet(0)),
    "a jump, nonlinear": ("u_t = u_xx - u**3", {"u": "step(x - 0.5)"}, pk.Neumann(0)),
    "data that jump": ("u_t = u_xx", {"u": 0}, {"left": pk.Dirichlet("step(t - 0.05)"), "right": pk.Dirichlet(0)}),
}


@pytest.mark.parametrize("case", JUMPS)
def test_crank_nicolson_damps_jumps_and_keeps_its_order(case):
    equation, initial, condition = JUMPS[case]
    grid = pk.Grid(x=pk.Axis(0, 1, 101))
    problem = pk.Problem(pk.PDE(equation), grid, initial=initial, boundary={"u": {"x": condition}})
    exact = problem.solve(t_end=0.1, method="Radau", rtol=1e-10, times=())["u"].values
    steps = (0.01, 0.005, 0.0025)
    errors = [
        np.max(np.abs(problem.solve(t_end=0.1, method="cn", step=h, times=())["u"].values - exact)) for h in steps
    ]
    assert errors[0] <= 5e-3  # 0.3 where the fastest modes are carried on
    assert np.log2(errors[0] / errors[2]) / 2 >= 1.85


def test_smooth_states_are_not_damped():
    """Crank-Nicolson keeps the norm of a wave function to rounding."""
    problem = pk.Problem(
        pk.PDE("psi_t = I*psi_xx/2"),
        pk.Grid(x=pk.Axis(-8, 8, 128, periodic=True)),
        initial={"psi": "exp(-x**2 + 2*I*x)"},
    )
    s = problem.solve(t_end=0.5, method="cn", step=0.01, times=())
    norms = [np.sum(np.abs(values) ** 2) for values in s.values["psi"]]
    assert norms[-1] == pytest.approx(norms[0], rel=1e-12)
