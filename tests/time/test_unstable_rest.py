"""Fronts into an unstable state of rest: rounding errors of transforms ahead of them must not become the solution."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from pdekit.time.unstable_rest import growth_at_rest


def population(growth="u*(1 - u)", end=45.0, **other) -> pk.Problem:
    given = {"initial": {"u": "exp(-x**2)"}, "boundary": {"u": {"x": pk.Neumann(0)}}} | other
    return pk.Problem(
        pk.PDE(f"u_t = u_xx + {growth}"), pk.Grid(x=pk.Axis(0, 100, 401)), time=pk.TimeSettings(end=end), **given
    )


def growth(problem: pk.Problem) -> float:
    system = problem.semidiscrete
    return growth_at_rest(system, 0.0, system.pack(problem.initial_fields()))


def test_the_default_follows_a_pulled_front():
    """Two methods that keep the tail agree; the exponential one is wrong by the solution itself, and says so."""
    found, known = population().solve(), population().solve(method="tsitouras", rtol=1e-9)
    assert np.max(np.abs(found["u"].values - known["u"].values)) < 3e-5
    assert found.notes == ()
    lost = population().solve(method="etdrk4")
    assert np.max(np.abs(lost["u"].values - known["u"].values)) > 0.5
    assert any("ahead of fronts" in note for note in lost.notes)


def test_short_runs_and_stable_states_keep_their_method():
    assert population(end=10.0).solve(method="etdrk4").notes == ()
    assert growth(population("u*(1 - u)*(u - 0.2)")) == 0.0
    assert population("u*(1 - u)*(u - 0.2)").solve(method="etdrk4").notes == ()


@pytest.mark.parametrize(
    ("problem", "rate"),
    [
        (population("3*u*(1 - u(t - 1))"), 3.0),
        (population("u - u**3", initial={"u": "tanh(x - 50)"}), 0.0),  # a zero between two signs is no rest
    ],
)
def test_rates(problem, rate):
    assert growth(problem) == pytest.approx(rate)


def test_the_rate_of_coupled_unknowns_is_an_eigenvalue():
    """An epidemic: ahead of it the infected grow like exp((beta S - gamma) t)."""
    closed = {"x": pk.Neumann(0)}
    epidemic = pk.Problem(
        pk.PDE(["S_t = -2*S*J", "J_t = J_xx + 2*S*J - 0.5*J"]),
        pk.Grid(x=pk.Axis(0, 50, 101)),
        initial={"S": 1, "J": "0.1*exp(-x**2)"},
        boundary={"S": closed, "J": closed},
    )
    assert growth(epidemic) == pytest.approx(1.5)
