"""Bounds that are kept at given times only: Bermudan options against quadrature, and what a projection does to a run."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import pdekit as pk
from pdekit.errors import PdekitError
from pdekit.io.load import loads

K, r, sigma = 40.0, 0.06, 0.2
CONFIG = """
grid: {S: {range: [0, 160], points: 401}}
parameters: {sigma: 0.2, r: 0.06, K: 40}
equations: V_t = sigma**2/2*S**2*V_SS + r*S*V_S - r*V
initial: {V: "max(K - S, 0)"}
boundary: {V: {S: {left: outflow, right: {dirichlet: 0}}}}
projections: {"V >= max(K - S, 0)": [0.4, 0.7]}
time: {end: 1, rtol: 1.0e-7}
output: {series: {at_36: V(36)}}
"""


def european(S, T):
    d = (np.log(S / K) + (r + sigma**2 / 2) * T) / (sigma * np.sqrt(T))
    return K * np.exp(-r * T) * stats.norm.cdf(sigma * np.sqrt(T) - d) - S * stats.norm.cdf(-d)


def expected(value, S, T):
    """The discounted mean of a value over the lognormal law of the price after T, by the trapezoidal rule."""
    z = np.linspace(-8, 8, 4001)
    density = stats.norm.pdf(z) * (z[1] - z[0])
    at = np.multiply.outer(S, np.exp((r - sigma**2 / 2) * T + sigma * np.sqrt(T) * z))
    return np.exp(-r * T) * value(at) @ density


def bermudan(S):
    """Exercise at 0.4 and at 0.7 before expiry, by nested quadrature over tabulated values."""
    prices = np.linspace(5, 160, 1241)
    second = np.maximum(K - prices, european(prices, 0.4))
    first = np.maximum(K - prices, expected(lambda x: np.interp(x, prices, second), prices, 0.3))
    return expected(lambda x: np.interp(x, prices, first), S, 0.3)


def test_a_bermudan_put():
    solution = loads(CONFIG).solve()
    assert solution.series["at_36"][-1] == pytest.approx(bermudan(36.0), abs=2e-3)
    # More rights are worth more: between the European and the American option.
    assert european(36.0, 1.0) < solution.series["at_36"][-1] < 4.486674


def test_the_frame_at_a_projection_is_the_projected_state():
    problem = loads(CONFIG)
    solution = problem.solve(times=(0.4, 0.5, 0.7))
    payoff = np.maximum(K - problem.grid["S"].nodes, 0.0)
    assert list(solution.times) == [0.0, 0.4, 0.5, 0.7, 1.0]
    below = [float(np.max(payoff - s["V"].values)) for s in solution]
    assert below[1] == 0.0
    assert below[3] == 0.0
    assert below[2] > 0.1
    assert below[4] > 0.1


@pytest.mark.parametrize("method", ["auto", "rk4", "tr_bdf2", "exponential", "Radau"])
def test_every_method_is_projected(method):
    """Decay exp(-t), raised to 1 - x at t = 1: exact at every node."""
    step = {"step": 1e-3} if method in ("rk4", "tr_bdf2") else {"rtol": 1e-9, "atol": 1e-11}
    problem = pk.Problem(
        pk.PDE("u_t = -u + 0*u_xx"),
        pk.Grid(x=pk.Axis(0, 1, 11)),
        initial={"u": "1"},
        boundary={"u": {"x": pk.Neumann(0)}},
        projections={"u >= 1 - x": [1.0], "u <= 0.6*t": 1.0},
    )
    x = problem.grid["x"].nodes
    solution = problem.solve(t_end=1.5, method=method, times=(0.5, 1.2), **step)
    raised = np.minimum(np.maximum(np.exp(-1), 1 - x), 0.6)
    assert len(solution.times) == 4
    for k, t in ((2, 0.2), (3, 0.5)):
        assert solution[k]["u"].values == pytest.approx(raised * np.exp(-t), abs=1e-6)


class _Killed(Exception):  # noqa: N818
    pass


@pytest.mark.parametrize("at", [0.35, 0.55, 0.72])
def test_a_killed_run_goes_on_over_projections_to_the_same_bits(at, tmp_path):
    text = CONFIG.replace("output: {", "output: {every: 0.1, checkpoints: true, ").replace(
        "{end: 1", "{method: tr_bdf2, end: 1"
    )
    text = text.replace("rtol: 1.0e-7", "rtol: 1.0e-5")
    whole = loads(text).solve(output=tmp_path / "whole.h5")

    def kill(t, steps):
        if t > at:
            raise _Killed

    with pytest.raises(_Killed):
        loads(text).solve(output=tmp_path / "part.h5", progress=kill)
    resumed = pk.resume(tmp_path / "part.h5")
    assert np.array_equal(resumed.times, whole.times)
    assert np.array_equal(resumed["V"].values, whole["V"].values)


def test_configs_say_the_same():
    problem = loads(CONFIG)
    assert loads(problem.to_yaml()).projections == problem.projections == {"V >= max(K - S, 0)": (0.4, 0.7)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("[0.4, 0.7]", "[0.4, 1.7]"), "does not lie within the run"),
        (("[0.4, 0.7]", "[0, 0.7]"), "does not lie within the run"),
        (("V >= max", "W >= max"), "the left side is an unknown"),
        (('V >= max(K - S, 0)"', 'V > 0"'), "expected a constraint"),
        (('V >= max(K - S, 0)"', 'V >= K - s"'), "unknown name 's'"),
        (("[0.4, 0.7]", "[]"), "needs the times"),
    ],
)
def test_bad_input_is_refused(change, words):
    assert change[0] in CONFIG
    with pytest.raises(PdekitError, match=words):
        loads(CONFIG.replace(*change))


@pytest.mark.parametrize("checkpoints", [False, True])
def test_the_frame_at_a_projection_satisfies_the_equations_without_time_derivatives(checkpoints):
    """v = u^2 + x holds in every frame, also where u is lifted to 0.5."""
    problem = loads(f"""
    grid: {{x: {{range: [0, 1], points: 41}}}}
    unknowns: [u, v]
    equations: [u_t = 0.1*u_xx - u, 0 = v - u**2 - x]
    initial: {{u: 1 + 0.2*cos(pi*x)}}
    boundary: {{u: {{x: {{neumann: 0}}}}}}
    projections: {{u >= 0.5: [1, 1.5]}}
    time: {{end: 2, method: tr_bdf2}}
    output: {{times: [0.5, 1, 1.2], checkpoints: {str(checkpoints).lower()}}}
    """)
    solution, x = problem.solve(), problem.grid["x"].nodes
    lifted = list(solution.times).index(1.0)
    assert solution.values["u"][lifted].min() == 0.5
    for u, v in zip(solution.values["u"], solution.values["v"]):
        assert v == pytest.approx(u**2 + x, abs=1e-9)
