"""Delays: exact solutions, Hutchinson's equation, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from pdekit.language.typeset import typeset
from pdekit.time.methods import METHODS
from problems.patterns import hutchinson

RING = pk.Grid(x=pk.Axis(0, 1, 8, periodic=True))
D, RATE, TAU, POINTS = 0.3, 1.3, 0.7, 21


def swing(**options):
    """u' = -u(t - pi/2) is solved by the cosine."""
    return pk.Problem(pk.PDE("u_t = -u(t - pi/2)"), RING, initial={"u": "cos(t)"}, exact={"u": "cos(t)"}, **options)


def decay(form="u(t - tau)"):
    """exp(-RATE t) sin(pi x) is exact on the grid: the delayed field is exp(RATE tau) times the field."""
    h = 1 / (POINTS - 1)
    eigenvalue = D * (2 - 2 * np.cos(np.pi * h)) / h**2
    parameters = {"D": D, "a": (eigenvalue - RATE) * np.exp(-RATE * TAU), "tau": TAU, "s": RATE}
    known = "exp(-s*t)*sin(pi*x)"
    return pk.Problem(
        pk.PDE(f"u_t = D*u_xx + a*{form}", parameters=parameters),
        pk.Grid(x=pk.Axis(0, 1, POINTS)),
        initial={"u": known},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        exact={"u": known},
    )


def errors(problem, solution):
    return max(
        float(np.max(np.abs(solution.values["u"][k] - problem.exact_values("u", t))))
        for k, t in enumerate(solution.times)
    )


ADAPTIVE = [m.name for m in METHODS.values() if m.estimates and m.family != "exact"]


@pytest.mark.parametrize("method", ["auto", *ADAPTIVE])
@pytest.mark.parametrize("problem", [swing(), decay()], ids=["swing", "decay"])
def test_error_follows_the_tolerance(problem, method):
    for rtol in (1e-4, 1e-6) if METHODS.get(method, METHODS["esdirk43"]).order > 3 else (1e-4,):
        try:
            solution = problem.solve(t_end=4.0, method=method, rtol=rtol)
        except pk.PdekitError as refusal:
            pytest.skip(str(refusal))
        assert errors(problem, solution) <= 30 * rtol


@pytest.mark.parametrize(
    ("method", "order"), [("rk4", 4), ("tr_bdf2", 2), ("crank_nicolson", 2), ("backward_euler", 1), ("heun", 2)]
)
def test_order_of_fixed_steps(method, order):
    """The steps are no divisors of the delay."""
    found = [swing().solve(t_end=4.0, method=method, step=h).error("u") for h in (0.08, 0.04)]
    assert np.log2(found[0] / found[1]) == pytest.approx(order, abs=0.35)


def test_both_forms_and_systems():
    a, b = (decay(form).solve(t_end=2.0).values["u"] for form in ("u(t - tau)", "u(x, t - tau)"))
    assert np.array_equal(a, b)
    two = pk.Problem(
        pk.PDE(["u_t = v(t - 2*pi)", "v_t = -u(t - pi) - 2*u"]),
        RING,
        initial={"u": "sin(t)", "v": "cos(t)"},
        exact={"u": "sin(t)", "v": "cos(t)"},
    )
    assert two.solve(t_end=9.0, rtol=1e-7).error("v") < 1e-5


def test_waves_with_a_delay():
    """u_tt = -u/2 + u(t - pi)/2 is solved by the sine."""
    wave = pk.Problem(
        pk.PDE("u_tt = -u/2 + u(t - pi)/2"), RING, initial={"u": "sin(t)", "u_t": 1}, exact={"u": "sin(t)"}
    )
    assert wave.solve(t_end=7.0, rtol=1e-7).error("u") < 3e-6
    assert wave.solve(t_end=7.0, step=0.01).error("u") < 1e-4


def test_a_constant_past_brings_its_corner_back():
    """u' = -u(t - 1), u = 1 before 0: 1 - t, then 1 - t + (t - 1)^2/2, then a cubic more; the method of steps by hand."""
    problem = pk.Problem(pk.PDE("u_t = -u(t - 1)"), RING, initial={"u": 1})
    solution = problem.solve(t_end=2.5, times=(0.5, 1.5), rtol=1e-9)
    exact = [1, 0.5, 1 - 1.5 + 0.5**2 / 2, 1 - 2.5 + 1.5**2 / 2 - 0.5**3 / 6]
    assert solution.values["u"][:, 0] == pytest.approx(exact, abs=1e-8)


def test_limit_cycle_of_hutchinson():
    """Its period and the ratio of feast to famine at r tau = 2.5: 5.36 tau and 2930 (Murray, Mathematical biology I, section 1.3)."""
    problem = pk.Problem(
        pk.PDE("u_t = D*u_xx + r*u*(1 - u(t - T))", parameters={"D": 0.1, "r": 2.5, "T": 1.0}),
        pk.Grid(x=pk.Axis(0, 1, 9)),
        initial={"u": "0.5 + 0.1*cos(pi*x)"},
        boundary={"u": {"x": pk.Neumann(0)}},
        output=pk.OutputSettings(series={"m": "max(u)"}),
    )
    series = problem.solve(t_end=60.0, frames=2).series
    t, m = series["t"], series["m"]
    peaks = [t[i] for i in range(1, len(t) - 1) if m[i - 1] < m[i] >= m[i + 1] and t[i] > 35]
    assert np.mean(np.diff(peaks)) == pytest.approx(5.36, abs=0.02)
    late = m[t > 40]
    assert late.max() / late.min() == pytest.approx(2930, rel=0.02)


def test_hutchinsons_front():
    """Ahead of the front nothing holds the population back: it runs at 2 sqrt(r D), from below (Murray, section 13.2)."""
    solution = hutchinson(241).solve(t_end=16.0, frames=17)
    x = solution.grid["x"].nodes
    fronts = [x[np.flatnonzero(u > 0.1)[-1]] for u in solution.values["u"]]
    speed = (fronts[-1] - fronts[-7]) / 6
    assert 0.85 * 2 * np.sqrt(1.8) < speed < 1.03 * 2 * np.sqrt(1.8)


@pytest.mark.parametrize(
    ("equation", "message"),
    [
        ("u_t = laplace(u(t - 1))", "has no derivative"),
        ("u_t = div(u(t - 1)*grad(u))", "under a derivative"),
        ("u_t = u_xx + integral(u(t - 1))", "number made of a field"),
        ("u_t = u_xx + u(t + 1)", "a delay is a positive number, found -1"),
        ("u_t = u_xx + u(t)", "a delay is a positive number, found 0"),
        ("u_t = u_xx + u(t - x)", "made of parameters"),
        ("u_t = u_xx + u(2*t)", "made of parameters"),
        ("u_t = u(t - 1) + noise()", "delays and noise"),
    ],
)
def test_refused_equations(equation, message):
    with pytest.raises(pk.PdekitError, match=message) as refusal:
        pk.Problem(pk.PDE(equation), RING, initial={"u": 1})
    assert refusal.value.key.startswith("equations")


def test_refused_with_delays(tmp_path):
    for options, message in (
        ({"method": "Radau"}, "keeps no record of the past"),
        ({"method": "exponential"}, "keeps no record of the past"),
        ({"step": 2.0}, "longer than the shortest delay 1.5708"),
        ({"t_end": 1e10}, "asks for 6.37e[+]09 steps"),
    ):
        with pytest.raises(pk.PdekitError, match=message):
            swing().solve(**{"t_end": 3.0, **options})
    with pytest.raises(pk.PdekitError, match="is not stored"):
        swing(output=pk.OutputSettings(checkpoints=True))
    with pytest.raises(pk.PdekitError, match="eigenvalues"):
        pk.eigen(swing(), 2)
    path = tmp_path / "swing.h5"
    swing().solve(t_end=1.0, output=path)
    with pytest.raises(pk.PdekitError, match="are not stored"):
        pk.resume(path, until=2.0)


def test_on_the_terminal_and_in_latex():
    pde = pk.PDE("u_t = D*u_xx - r*u(x, t - tau)", parameters={"D": 1, "r": 1, "tau": 2})
    assert "u(t - τ)" in typeset(pde.bind(("x",)))
    assert r"t - \tau" in pde._repr_latex_()


def test_runs_do_not_see_each_others_past():
    problem = decay()
    first = problem.solve(t_end=2.0).values["u"]
    problem.solve(t_end=5.0, method="esdirk43", rtol=1e-3)
    assert np.array_equal(problem.solve(t_end=2.0).values["u"], first)
