"""Rosenbrock methods: order conditions, orders, moving data, algebraic equations."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.time.rosenbrock_tables import ROSENBROCK_TABLEAUX
from tests.time.test_splitting import errors_of_frames, orders, ring

METHODS = list(ROSENBROCK_TABLEAUX)


@pytest.mark.parametrize("name", METHODS)
def test_order_conditions(name):
    """Hairer and Wanner (1996), table IV.7.1, in the original coefficients b, alpha and beta = alpha + Gamma."""
    table = ROSENBROCK_TABLEAUX[name]
    n = len(table.m)
    a, inverse = np.zeros((n, n)), np.eye(n) / table.gamma
    for i in range(n):
        a[i, :i], inverse[i, :i] = table.a[i], np.subtract(0, table.c[i])
    Gamma = np.linalg.inv(inverse)
    alpha = a @ Gamma
    beta = alpha + Gamma
    A, B = alpha.sum(axis=1), beta.sum(axis=1)
    by_order = {
        1: [(np.ones(n), 1)],
        2: [(B, 1 / 2)],
        3: [(A**2, 1 / 3), (beta @ B, 1 / 6)],
        4: [(A**3, 1 / 4), (A * (alpha @ B), 1 / 8), (beta @ A**2, 1 / 12), (beta @ beta @ B, 1 / 24)],
    }
    for order, conditions in by_order.items():
        for vector, value in conditions:
            if order <= table.order:
                assert np.array(table.m) @ Gamma @ vector == pytest.approx(value, abs=1e-13)
            if table.error and order <= table.error_order:
                assert abs(np.array(table.error) @ Gamma @ vector) < 1e-13


@pytest.mark.parametrize("name", METHODS)
def test_order_on_a_nonlinear_ring(name, figure):
    nominal = ROSENBROCK_TABLEAUX[name].order
    order = orders(ring(), name, (0.05, 0.025), "Radau")
    figure(f"order in time, smooth nonlinear ring, {name}", order, f">= {nominal - 0.1}")
    assert order >= nominal - 0.1


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8])
def test_errors_follow_the_tolerance(name, rtol):
    assert np.max(errors_of_frames(name, rtol)) <= 30 * rtol


def test_moving_dirichlet_data(figure):
    """ROS3P satisfies the extra conditions for parabolic problems (Lang and Verwer, eq. 10): order 3 with moving data."""
    rod = pk.Problem(
        pk.PDE("u_t = 0.1*u_xx - u**2"),
        pk.Grid(x=pk.Axis(0, 1, 81)),
        initial={"u": "cos(pi*x)"},
        boundary={"u": {"x": pk.Dirichlet("cos(pi*x)*cos(3*t)")}},
    )
    order = orders(rod, "ros3p", (0.01, 0.005), "Radau")
    figure("order in time, moving Dirichlet data, ros3p", order, ">= 2.9")
    assert order >= 2.9


@pytest.mark.parametrize("name", METHODS)
def test_stiff_scalar_of_prothero_and_robinson(name):
    """u' = -1e6 (u - sin t) + cos t on every node: the error stays far below that of the forcing, and falls with h."""
    grid = pk.Grid(x=pk.Axis(0, 1, 4, periodic=True))
    problem = pk.Problem(pk.PDE("u_t = -1e6*(u - sin(t)) + cos(t)"), grid, initial={"u": 0})
    errors = [
        np.max(np.abs(problem.solve(t_end=1.0, method=name, step=h, times=())["u"].values - np.sin(1.0)))
        for h in (0.1, 0.05)
    ]
    assert errors[0] < 1e-5 and errors[1] < 0.6 * errors[0]


@pytest.mark.parametrize("name", METHODS)
def test_an_algebraic_equation_beside_one_of_evolution(name):
    """v_t = -w v, 0 = w - 1 - v: v' = -v - v^2, v = 1/(2 exp(t) - 1) from 1. Index 1: full order (Hairer and Wanner, VI.4)."""
    grid = pk.Grid(x=pk.Axis(0, 1, 4, periodic=True))
    pde = pk.PDE(["v_t = -w*v", "0 = w - 1 - v"], unknowns=["v", "w"])
    problem = pk.Problem(pde, grid, initial={"v": 1, "w": 2})
    errors = []
    for h in (0.1, 0.05):
        solution = problem.solve(t_end=1.0, method=name, step=h, times=())
        v = 1 / (2 * np.exp(1.0) - 1)
        errors.append(max(np.max(np.abs(solution["v"].values - v)), np.max(np.abs(solution["w"].values - 1 - v))))
    assert np.log2(errors[0] / errors[1]) > ROSENBROCK_TABLEAUX[name].order - (0.2 if name == "rodas4" else 1.2)


def test_complex_equations():
    grid = pk.Grid(x=pk.Axis(0, 2 * np.pi, 16, periodic=True))
    problem = pk.Problem(pk.PDE("u_t = I*abs(u)**2*u"), grid, initial={"u": "1 + 0*I"})
    assert np.max(np.abs(problem.solve(t_end=1.0, method="rodas4")["u"].values - np.exp(1j))) < 1e-5
