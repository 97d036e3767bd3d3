"""The explicit engine: tableaux, step control, stabilised stages."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.errors import PdekitError, StabilityError
from pdekit.time.chebyshev import chebyshev_coefficients
from pdekit.time.loop import Stop
from pdekit.time.methods import METHODS
from pdekit.time.observers import Watch
from pdekit.time.stepper import Tolerance
from pdekit.time.tables import TABLEAUX


def conditions_of_order(tableau, weights):
    """Residuals of the order conditions of Butcher, up to order 5, by order."""
    s = tableau.stages
    A = np.zeros((s, s))
    for i, row in enumerate(tableau.A):
        A[i, : len(row)] = row
    c, b = A.sum(axis=1), np.array(weights)
    Ac, Ac2 = A @ c, A @ c**2
    return {
        1: [b.sum() - 1],
        2: [b @ c - 1 / 2],
        3: [b @ c**2 - 1 / 3, b @ Ac - 1 / 6],
        4: [b @ c**3 - 1 / 4, b @ (c * Ac) - 1 / 8, b @ Ac2 - 1 / 12, b @ (A @ Ac) - 1 / 24],
        5: [
            b @ c**4 - 1 / 5,
            b @ (c**2 * Ac) - 1 / 10,
            b @ Ac**2 - 1 / 20,
            b @ (c * Ac2) - 1 / 15,
            b @ (A @ c**3) - 1 / 20,
            b @ (c * (A @ Ac)) - 1 / 30,
            b @ (A @ (c * Ac)) - 1 / 40,
            b @ (A @ Ac2) - 1 / 60,
            b @ (A @ (A @ Ac)) - 1 / 120,
        ],
    }


@pytest.mark.parametrize("name", TABLEAUX)
def test_tableaux_satisfy_the_order_conditions(name):
    tableau = TABLEAUX[name]
    residuals = conditions_of_order(tableau, tableau.b)
    for order in range(1, 6):
        worst = np.max(np.abs(residuals[order]))
        if order <= tableau.order:
            assert worst < 2e-14
        elif order == tableau.order + 1:
            assert worst > 1e-6
    if tableau.error:
        companion = conditions_of_order(tableau, np.array(tableau.b) - np.array(tableau.error))
        assert max(np.max(np.abs(companion[k])) for k in range(1, tableau.error_order + 1)) < 2e-14
        assert np.max(np.abs(companion[tableau.error_order + 1])) > 1e-6


@pytest.mark.parametrize("name", [n for n, t in TABLEAUX.items() if t.shu_osher])
def test_shu_osher_form_is_the_same_method(name):
    """Applied to y' = z y both forms are the same polynomial in z."""
    tableau = TABLEAUX[name]
    for z in (0.3, -1.7, 0.4 + 1j):
        y = 1.0
        for a, b, c in tableau.shu_osher:
            y = a * 1.0 + (b + c * z) * y
        assert y == pytest.approx(np.polyval(tableau.stability_polynomial[::-1], z), abs=1e-14)


def oscillator(**time):
    """u' = v, v' = -u + u-dependent damping, one node matters: order in time alone."""
    return pk.Problem(
        pk.PDE(["u_t = v", "v_t = -sin(u) + 0.2*cos(2*t)*v"]),
        pk.Grid(x=pk.Axis(0, 1, 5)),
        initial={"u": "1 + 0.3*x", "v": "0.2"},
        time=pk.TimeSettings(end=2.0, **time),
    )


def last_state(problem, name, step):
    system = problem.semidiscrete
    y = system.pack(problem.initial_fields())
    end = problem.time.end
    watch, tolerance = Watch(system, 1.0), Tolerance(np.full(y.size, 1e-9), 1e-6)
    *_, (_, last) = METHODS[name].integrate(system, y, [Stop(0.0), Stop(end)], watch, tolerance, step=step)
    return system.unpack(end, last)


@pytest.mark.parametrize("name", [*TABLEAUX, "rkc2"])
def test_order_in_time(name, figure):
    """Nonlinear up to order 4; the methods of order 5 turn a circle, for on other problems their sixth order still shows."""
    order = 2 if name == "rkc2" else TABLEAUX[name].order
    if order == 5:
        problem = pk.Problem(
            pk.PDE(["u_t = 3*v", "v_t = -3*u"]),
            pk.Grid(x=pk.Axis(0, 1, 5)),
            initial={"u": "1 + x", "v": "0"},
            time=pk.TimeSettings(end=1.0),
        )
        reference, steps = (1 + problem.grid["x"].nodes) * np.cos(3.0), (0.0125, 0.00625)
    else:
        problem = oscillator()
        reference = oscillator(method="DOP853", rtol=1e-13, atol=1e-14).solve(times=())["u"].values
        steps = (0.02, 0.01) if order == 4 else (0.005, 0.0025)
    errors = [np.max(np.abs(last_state(problem, name, h)["u"] - reference)) for h in steps]
    observed = np.log2(errors[0] / errors[1])
    assert observed == pytest.approx(order, abs=0.1)
    figure(f"order in time, {name}", observed, f"within 0.1 of {order}")


@pytest.mark.parametrize("name", [n for n, t in TABLEAUX.items() if t.error])
def test_step_control_follows_the_tolerance(name):
    reference = oscillator(method="DOP853", rtol=1e-13, atol=1e-14).solve(times=())["u"].values
    errors, steps = [], []
    for rtol in (1e-4, 1e-7, 1e-10):
        solution = oscillator(method=name, rtol=rtol).solve(times=(0.7, 1.3))
        assert list(solution.times) == [0.0, 0.7, 1.3, 2.0]
        errors.append(np.max(np.abs(solution["u"].values - reference)) / rtol)
        steps.append(solution.statistics["steps"])
    assert max(errors) < 40 and steps[2] > 2 * steps[1] > 4 * steps[0] / 2


def heat(n=33, **time):
    return pk.Problem(
        pk.PDE("u_t = laplace(u) + 0.2*u_xy"),
        pk.Grid(x=pk.Axis(0, 1, n), y=pk.Axis(0, 1, n)),
        initial={"u": "1 + cos(pi*x)*cos(2*pi*y)"},
        boundary={"u": {"x": pk.Neumann(0), "y": pk.Dirichlet("1 + cos(pi*x)*exp(-3*t)")}},
        time=pk.TimeSettings(end=0.1, **time),
    )


def test_rkc_takes_stages_for_stability_and_keeps_its_order(figure):
    reference = heat(method="Radau", rtol=1e-11, atol=1e-13).solve(times=())["u"].values
    errors = [
        np.max(np.abs(heat(method="rkc2", step=h).solve(times=())["u"].values - reference))
        for h in (1e-3, 5e-4, 2.5e-4)
    ]
    observed = np.log2(errors[1] / errors[2])
    assert observed == pytest.approx(2, abs=0.2)
    figure("order in time of RKC2, stiff diffusion with moving data", observed, "2")
    adaptive = heat(method="rkc2", rtol=1e-4).solve(times=())
    assert np.max(np.abs(adaptive["u"].values - reference)) < 1e-3
    euler_steps = 0.1 * 8 * 64**2 / 2
    assert heat(65, method="rkc2", rtol=1e-4).solve(times=()).statistics["evaluations"] < 0.4 * euler_steps


@pytest.mark.parametrize("s", [2, 5, 20, 100])
def test_rkc_is_stable_on_its_interval(s):
    """|P_s(z)| <= 1 on [-beta, 0], beta = 2/3 (s^2 - 1)(1 - 2/15 eps), and damped inside; P = exp(z) + O(z^3)."""
    mu, nu, mu_t, gamma_t, c = chebyshev_coefficients(s)

    def polynomial(z):
        before, now = 1.0, 1 + mu_t[1] * z
        for j in range(2, s + 1):
            before, now = now, (1 - mu[j] - nu[j]) + mu[j] * now + nu[j] * before + mu_t[j] * z * now + gamma_t[j] * z
        return now

    beta = 2 / 3 * (s**2 - 1) * (1 - 2 / 15 * 2 / 13)
    z = -np.linspace(0, beta, 4001)
    values = np.abs(np.vectorize(polynomial)(z))
    assert np.max(values) <= 1 + 1e-12 and np.all(values[z < -0.5 * s**2] < 0.98)
    small = np.array([-0.1, -0.05])
    defect = np.abs(np.vectorize(polynomial)(small) - np.exp(small))
    assert np.log2(defect[0] / defect[1]) == pytest.approx(3, abs=0.1)
    assert c[-1] == pytest.approx(1.0, abs=1e-12) and 0.65 * s**2 - 1 < beta


def test_rkc_refuses_waves():
    wave = pk.Problem(
        pk.PDE("u_t = -u_x"),
        pk.Grid(x=pk.Axis(0, 1, 64, periodic=True)),
        initial={"u": "sin(2*pi*x)"},
        time=pk.TimeSettings(end=1.0, method="rkc2"),
    )
    with pytest.raises(StabilityError, match="real negative spectra"):
        wave.solve()


def test_blow_up_stops_adaptive_and_fixed_runs():
    def burst(**time):
        return pk.Problem(
            pk.PDE("u_t = u_xx + u**2"),
            pk.Grid(x=pk.Axis(0, 1, 21)),
            initial={"u": "20 + x"},
            boundary={"u": {"x": pk.Neumann(0)}},
            time=pk.TimeSettings(end=1.0, **time),
        )

    for time in ({"method": "tsitouras"}, {"method": "rkc2"}, {"method": "rk4", "step": 5e-4}):
        with pytest.raises(StabilityError, match=r"blew up|shrunk"):
            burst(**time).solve()


def test_automatic_choice_takes_rkc_for_large_diffusion():
    small, large = heat(65).choice(), heat(129).choice()
    assert small.method.name == "BDF" and large.method.name == "rkc2"
    with pytest.raises(PdekitError, match="needs a fixed step"):
        heat(method="ssprk54").solve()


def test_rkc_with_a_fixed_step_follows_coefficients_that_grow():
    """The number of stages is found again at every step: without an error estimate nothing else would notice."""
    problem = pk.Problem(
        pk.PDE("u_t = (0.01 + 5*t**2)*laplace(u)"),
        pk.Grid(x=pk.Axis(0, 1, 41)),
        initial={"u": "sin(pi*x)"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
    )
    solution = problem.solve(t_end=0.5, method="rkc2", step=0.01)
    assert solution["u"].max() == pytest.approx(np.exp(-(np.pi**2) * (0.005 + 5 / 24)), rel=0.01)
