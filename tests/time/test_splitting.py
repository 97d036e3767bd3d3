"""Implicit-explicit, diagonally implicit and symplectic methods given by tables."""

from functools import cache

import numpy as np
import pytest

import pdekit as pk
from pdekit.errors import SolverError, StabilityError
from pdekit.time.compositions import COMPOSITIONS
from pdekit.time.implicit_explicit_tables import IMPLICIT_EXPLICIT_TABLEAUX

D, N = pk.Dirichlet, pk.Neumann


def orders(problem, method, steps, reference, t_end=1.0):
    exact = problem.solve(t_end=t_end, rtol=1e-12, atol=1e-14, times=(), method=reference)["u"].values
    errors = [
        np.max(np.abs(problem.solve(t_end=t_end, method=method, step=h, times=())["u"].values - exact)) for h in steps
    ]
    return np.log2(errors[0] / errors[1])


def ring():
    """A conductivity that changes in space, so that L is not diagonal along the axes; without faces, so that no order is lost."""
    return pk.Problem(
        pk.PDE("u_t = 0.02*div((1 + 0.5*sin(2*pi*x))*grad(u)) + u*(1 - u)*(1 + sin(2*t))"),
        pk.Grid(x=pk.Axis(0, 1, 32, periodic=True)),
        initial={"u": "0.5 + 0.3*cos(2*pi*x)"},
    )


@cache
def exact_frames():
    """Of the ring, to rounding."""
    return ring().solve(t_end=1.0, method="Radau", rtol=1e-12, atol=1e-14).values["u"]


def errors_of_frames(method, rtol):
    """Max-norm errors on the ring at all eleven frames."""
    found, exact = ring().solve(t_end=1.0, method=method, rtol=rtol).values["u"], exact_frames()
    assert found.shape == exact.shape and len(found) == 11
    return np.max(np.abs(found - exact), axis=tuple(range(1, found.ndim)))


@pytest.mark.parametrize("name", IMPLICIT_EXPLICIT_TABLEAUX)
def test_orders_of_implicit_explicit_methods(name, figure):
    nominal = IMPLICIT_EXPLICIT_TABLEAUX[name].order
    order = orders(ring(), name, (0.05, 0.025), "Radau")
    figure(f"order in time, smooth nonlinear ring, {name}", order, f">= {nominal - 0.1}")
    assert order >= nominal - 0.1


def test_tables_are_consistent():
    for table in IMPLICIT_EXPLICIT_TABLEAUX.values():
        c = np.array(table.c)
        assert np.allclose([sum(row) for row in table.explicit], c, atol=1e-14)
        diagonal = table.gamma * (np.arange(c.size) > 0)
        assert np.allclose([sum(row) for row in table.implicit] + diagonal, c, atol=1e-14)
        assert np.isclose(sum(table.b_explicit), 1) and np.isclose(sum(table.b_implicit), 1)
        assert np.isclose(sum(table.error), 0, atol=1e-14)


@pytest.mark.parametrize("method", ["ark43", "esdirk43"])
@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8])
def test_errors_follow_the_tolerance(method, rtol):
    assert np.max(errors_of_frames(method, rtol)) <= 30 * rtol


def test_order_of_esdirk_with_moving_dirichlet_data(figure):
    rod = pk.Problem(
        pk.PDE("u_t = div((0.05 + 0.02*x)*grad(u)) + u*(1 - u) + sin(3*t)*cos(x)"),
        pk.Grid(x=pk.Axis(0, 1, 33)),
        initial={"u": "cos(x)"},
        boundary={"u": {"x": {"left": D("1 + 0.2*sin(t)"), "right": N("-sin(1)*cos(t)")}}},
    )
    order = orders(rod, "esdirk43", (0.1, 0.05), "Radau")
    figure("order in time, nonlinear, moving Dirichlet data, esdirk43", order, ">= 3.9")
    assert order >= 3.9


def test_orders_of_an_algebraic_equation_beside_an_evolution_equation(figure):
    """``v_t = ...`` with ``0 = u_xx - v``: of index 1; ESDIRK is stiffly accurate, so the algebraic unknown has its order too."""
    pair = pk.Problem(
        pk.PDE(["v_t = -v*(1 + u)", "0 = u_xx - v"]),
        pk.Grid(x=pk.Axis(0, 1, 17)),
        initial={"v": "1 + x", "u": "0"},
        boundary={"u": {"x": D(0)}},
    )
    exact = pair.solve(t_end=1.0, method="esdirk43", step=1 / 320, times=())
    for name in ("u", "v"):
        errors = [
            np.max(np.abs(pair.solve(t_end=1.0, method="esdirk43", step=h, times=())[name].values - exact[name].values))
            for h in (0.1, 0.05)
        ]
        order = np.log2(errors[0] / errors[1])
        figure(f"order of {name} in a system with an algebraic equation, esdirk43", order, ">= 3.9")
        assert order >= 3.9


def test_prothero_and_robinson(figure):
    """``u' = k (u - sin(t)) + cos(t)``, k = -1e6, in every node: the stage order of ESDIRK4(3) is 2, its stiff error of order 2 at
    least, and small."""
    stiff = pk.Problem(
        pk.PDE("u_t = -1000000*(u - sin(t)) + cos(t) + 0*u_xx", unknowns=["u"]),
        pk.Grid(x=pk.Axis(0, 1, 8, periodic=True)),
        initial={"u": 0},
        exact={"u": "sin(t)"},
    )
    errors = [stiff.solve(t_end=1.0, method="esdirk43", step=h, times=()).error("u") for h in (0.1, 0.05)]
    order = np.log2(errors[0] / errors[1])
    figure("Prothero and Robinson's problem, order of esdirk43", order, ">= 1.9")
    assert order >= 1.9 and errors[0] < 1e-8


def string(equation="u_tt = u_xx - sin(u)"):
    return pk.Problem(
        pk.PDE(equation),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        initial={"u": "sin(pi*x)", "u_t": "0.5*sin(2*pi*x)"},
        boundary={"u": {"x": D(0)}},
    )


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_orders_of_symplectic_methods(name, figure):
    nominal = COMPOSITIONS[name].order
    order = orders(string(), name, (1 / 40, 1 / 80), "DOP853")
    figure(f"order in time, nonlinear wave, {name}", order, f">= {nominal - 0.1}")
    assert order >= nominal - 0.1


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_limits_of_symplectic_methods(name):
    """The energy of a linear wave is bounded below the limit and not above it."""
    wave, omega = string("u_tt = u_xx"), 2 * 20 * np.cos(np.pi / 40)  # the greatest frequency of 21 nodes
    limit = wave.choice(t_end=1.0, method=name, step=1e-6).limit
    assert limit == pytest.approx(COMPOSITIONS[name].limit / omega, rel=1e-6)
    with pytest.raises(StabilityError, match="largest stable step"):
        wave.solve(t_end=50.0, method=name, step=1.05 * limit)


def test_energy_over_a_thousand_periods(figure):
    """Of the ground mode: one period is 2, to 2,000; the energy of the semi-discrete wave at frames beside that at the start."""
    wave = string("u_tt = u_xx").replace(initial={"u": "sin(pi*x)", "u_t": 0})
    solution = wave.solve(t_end=2000.0, method="suzuki4", step=0.01, frames=101)
    energies = []
    for i in range(101):
        u, v = solution.frame("u", i).values, solution.frame("u_t", i).values
        energies.append(np.sum(v**2) / 20 + np.sum(np.diff(u) ** 2) * 20)
    drift = np.ptp(energies) / energies[0]
    figure("energy over 1,000 periods, suzuki4, h = 0.01", drift, "<= 1e-6")
    assert drift <= 1e-6


@pytest.mark.parametrize(
    ("equation", "method", "words"),
    [
        ("u_t = div(u*grad(u))", "ark43", "there are none"),
        ("u_t = u_xx", "yoshida4", "u_tt"),
        ("u_tt = u_xx - u_t", "suzuki4", "newmark"),
    ],
)
def test_refusals(equation, method, words):
    initial = {"u": "sin(pi*x)"} | ({"u_t": 0} if "tt" in equation else {})
    problem = pk.Problem(pk.PDE(equation), pk.Grid(x=pk.Axis(0, 1, 21)), initial=initial, boundary={"u": {"x": D(0)}})
    with pytest.raises(SolverError, match=words):
        problem.solve(t_end=0.1, method=method, step=0.01)
