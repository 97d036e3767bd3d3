"""Smooth sources and boundary data that pass in a fraction of a run, and states at rest until these come."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from pdekit.time.pulses import pulse_stops, timed_data

CLOSED = {"u": {"x": pk.Neumann(0)}}
PULSE = "exp(-((t - {at})/{width})**2)/({width}*sqrt(pi))"  # of integral 1


def rod(equation: str, end: float, boundary=CLOSED, points: int = 51, **other) -> pk.Problem:
    grid = pk.Grid(x=pk.Axis(0, 1, points))
    return pk.Problem(
        pk.PDE(equation),
        grid,
        initial=other.pop("initial", {"u": 0}),
        boundary=boundary,
        time=pk.TimeSettings(end=end, **other),
    )


@pytest.mark.parametrize(
    ("rest", "at", "width", "end"),
    [
        ("u_xx", 5.43, 0.02, 20.0),
        ("0.01*u_xx", 53.21, 0.001, 100.0),
        ("d((1 + u)*u_x, x)", 5.43, 0.01, 20.0),
        ("5*u_xx", 5.33, 0.01, 10.0),
        ("u_xx", 3.21, 0.01, 10.0),
        ("u_xx", 4.0, 0.5, 10.0),
    ],
)
def test_a_pulse_of_heat_arrives(rest, at, width, end):
    """No flux leaves: the mean is the integral of the source."""
    found = rod(f"u_t = {rest} + {PULSE.format(at=at, width=width)}", end).solve()
    assert found["u"].values == pytest.approx(1.0, abs=3e-5)


def test_a_pulse_beside_a_slow_reaction():
    """m' = -k m**2 after the pulse: 1/(1 + k (T - t0)), but for the pulse's width."""
    found = rod(f"u_t = u_xx - 0.001*u**2 + {PULSE.format(at=5.43, width=0.1)}", 20.0).solve()
    assert found["u"].values == pytest.approx(1 / (1 + 0.001 * (20 - 5.43)), abs=1e-4)


@pytest.mark.parametrize("equation", ["u_t = u_xx", "u_t = u_xx - 1e-9*u**2"])
def test_a_pulse_through_the_face(equation):
    ends = {"left": pk.Neumann(PULSE.format(at=5.4321, width=0.001)), "right": pk.Neumann(0)}
    found = rod(equation, 10.0, {"u": {"x": ends}}).solve()
    assert found["u"].values == pytest.approx(1.0, abs=1e-4)


BELL = "exp(-((t - 5)/0.5)**2)"


@pytest.mark.parametrize(
    ("equation", "left"),
    [
        (f"u_t = u_xx + {BELL}", "0"),
        ("u_t = u_xx", BELL),
        ("u_t = u_xx", "sech((t - 5.43)/0.05)"),
        ("u_t = u_xx", "1/(1 + exp(-50*(t - 2)))"),
        ("u_t = u_xx - u**3", BELL),
    ],
)
@pytest.mark.parametrize("method", ["auto", "Radau"])
def test_a_state_at_rest_until_data_come(equation, left, method):
    """Against the same problem in small steps, at four times; nothing is said of data that differ at the start by 1e-44."""
    ends = {"u": {"x": {"left": pk.Dirichlet(left), "right": pk.Neumann(0)}}}
    problem = rod(equation, 10.0, ends, points=31)
    found = problem.solve(method=method, frames=9)
    known = problem.solve(method="tr_bdf2", step=0.005, frames=9)
    assert np.max(np.abs(found["u"].values - known["u"].values)) < 1e-4
    assert np.max(np.abs(found.values["u"] - known.values["u"])) < 1e-3
    assert found.notes == () and problem.notes() == []


def test_a_late_wavelet():
    """u'' = -pi**2 u + s(t) in the first mode, and the discrete frequency: its own ordinary differential equation, integrated."""
    from scipy.integrate import solve_ivp

    points, source = 101, "exp(-((t - 0.5)/0.05)**2)"
    string = rod(
        f"u_tt = u_xx + {source}*sin(pi*x)", 1.0, {"u": {"x": pk.Dirichlet(0)}}, points, initial={"u": 0, "u_t": 0}
    )
    found = string.solve()
    omega = 2 * np.sin(np.pi / 2 / (points - 1)) * (points - 1)
    exact = solve_ivp(
        lambda t, y: [y[1], -(omega**2) * y[0] + np.exp(-(((t - 0.5) / 0.05) ** 2))],
        (0, 1),
        [0, 0],
        rtol=1e-11,
        atol=1e-14,
        max_step=0.01,
    )
    assert found["u"].values == pytest.approx(exact.y[0, -1] * np.sin(np.pi * np.linspace(0, 1, points)), abs=1e-6)
    assert found.statistics["steps"] < 500


def test_fixed_steps_stay_as_they_were_asked_for():
    found = rod(f"u_t = 0.01*u_xx + {PULSE.format(at=0.513, width=0.02)}", 1.0, method="rk4", step=0.02).solve()
    assert found.statistics["steps"] == 50


def test_moving_values_at_a_face_leave_the_tolerance_as_it_is():
    """The daily wave in a slab that is insulated behind: 20 and the wave of the discrete equation, far after the start."""
    a, omega = 1.1e-4, 2 * np.pi / 86400
    points, length, end = 301, 0.3, 20.25 * 86400
    grid = pk.Grid(x=pk.Axis(0, length, points))
    ends = {"left": pk.Dirichlet("20 + 10*sin(2*pi*t/86400)"), "right": pk.Neumann(0)}
    slab = pk.Problem(pk.PDE(f"u_t = {a}*u_xx"), grid, initial={"u": 20}, boundary={"u": {"x": ends}})
    k = np.sqrt(1j * omega / a)
    wave = 20 + np.imag(
        10 * np.cosh(k * (length - grid.axes[0].nodes)) / np.cosh(k * length) * np.exp(1j * omega * end)
    )
    for method in ("auto", "BDF"):
        assert np.max(np.abs(slab.solve(t_end=end, method=method)["u"].values - wave)) < 3e-4


def test_a_stiff_relaxation_makes_no_state_of_its_rate():
    """u follows sin(t) at 1e5: w' = u^2, so that w = t/2 - sin(2 t)/4 but for 1e-5."""
    closed = {"x": pk.Neumann(0)}
    pde = pk.PDE(["u_t = 0.01*u_xx - 1e5*(u - sin(t))", "w_t = 0.01*w_xx + u**2"])
    pair = pk.Problem(pde, pk.Grid(x=pk.Axis(0, 1, 11)), initial={"u": 0, "w": 0}, boundary={"u": closed, "w": closed})
    for method in ("esdirk43", "BDF"):
        found = pair.solve(t_end=20, method=method)["w"].values
        assert found == pytest.approx(10 - np.sin(40) / 4, abs=2e-3)


@pytest.mark.parametrize("k", [lambda x: np.ones_like(x), np.ones(51)], ids=["function", "array"])
def test_a_pulse_beside_data_that_are_no_formula(k):
    equation = f"u_t = div(k*grad(u)) - 1e-9*u**2 + {PULSE.format(at=5.43, width=0.01)}"
    problem = rod("u_t = u_xx", 20.0).replace(pde=pk.PDE(equation, parameters={"k": k}))
    assert problem.solve()["u"].values == pytest.approx(1.0, abs=1e-4)


def test_jumps_are_no_pulses():
    """Steps end at jumps; they are not surrounded by more of them."""
    found = rod("u_t = u_xx - u**3 + where(mod(t, 1) < 0.5, 1, 0)", 20.0)
    assert pulse_stops(timed_data(found.semidiscrete, 0.0, 20.0)) == []
