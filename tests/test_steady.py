"""Steady problems: linear, nonlinear, singular."""

from __future__ import annotations

import re

import numpy as np
import pytest

import pdekit as pk
from pdekit.errors import SolverError
from pdekit.nonlinear.undetermined import undetermined


def poisson(source, boundary, exact=None, n=41, **options):
    grid = pk.Grid(x=pk.Axis(0, 1, n), y=pk.Axis(0, 1, n))
    return pk.Problem(pk.PDE(f"0 = laplace(u) + {source}"), grid, boundary={"u": boundary}, exact=exact, **options)


def test_poisson_orders():
    exact = {"u": "exp(x)*sin(2*y + 0.3)"}
    sides = {
        "x": {"left": pk.Dirichlet("sin(2*y + 0.3)"), "right": pk.Neumann("e*sin(2*y + 0.3)")},
        "y": {"left": pk.Robin(1, 1, "exp(x)*(sin(0.3) - 2*cos(0.3))"), "right": pk.Dirichlet("exp(x)*sin(2.3)")},
    }
    for order in (2, 4):
        study = pk.converge(poisson("3*exp(x)*sin(2*y + 0.3)", sides, exact, order=order), [17, 33, 65])
        assert study.passed and study.orders("u")[-1] > order - 0.2


def test_pure_neumann_is_recognised():
    no_flux = {"x": pk.Neumann(0), "y": pk.Neumann(0)}
    problem = poisson("5*pi**2*cos(pi*x)*cos(2*pi*y)", no_flux, {"u": "cos(pi*x)*cos(2*pi*y)"})
    solution = problem.solve()
    assert abs(solution["u"].mean()) < 1e-12 and solution.error("u") < 3e-3
    assert any("zero mean" in reason for reason in solution.reasons)
    with pytest.raises(SolverError, match="not compatible"):
        poisson("1", no_flux).solve()
    # A source balanced by fluxes is compatible: u = x^2/2 + c.
    balanced = poisson("-1", {"x": {"left": pk.Neumann(0), "right": pk.Neumann(1)}, "y": pk.Neumann(0)}).solve()["u"]
    x = balanced.grid.coordinates["x"]
    assert np.allclose(
        balanced.values, x**2 / 2 - (balanced.grid.field("x**2/2").mean()) + 0 * balanced.values, atol=1e-10
    )


def test_periodic_poisson_is_singular_too():
    grid = pk.Grid(x=pk.Axis(0, 1, 32, periodic=True))
    solution = pk.Problem(pk.PDE("0 = u_xx + sin(2*pi*x)"), grid, exact={"u": "sin(2*pi*x)/(4*pi**2)"}).solve()
    assert solution.error("u") < 1e-3
    with pytest.raises(SolverError, match="not compatible"):
        pk.Problem(pk.PDE("0 = u_xx + 1 + sin(2*pi*x)"), grid).solve()


def test_newton_with_line_search_from_a_bad_guess():
    """Bratu's problem from far below its solutions, and a problem whose plain Newton steps overshoot."""
    theta = 1.8
    lam = theta**2 / (2 * np.cosh(theta / 4) ** 2)
    problem = pk.Problem(
        pk.PDE("0 = u_xx + lam*exp(u)", parameters={"lam": lam, "theta": theta}),
        pk.Grid(x=pk.Axis(0, 1, 61)),
        initial={"u": "-30*x"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        exact={"u": "-2*log(cosh(theta*(x - 0.5)/2)/cosh(theta/4))"},
        order=4,
    )
    assert problem.solve().error("u") < 1e-7
    steep = pk.Problem(
        pk.PDE("0 = 0.001*u_xx - atan(50*(u - x))"),
        pk.Grid(x=pk.Axis(0, 1, 61)),
        initial={"u": "20*sin(9*x)"},
        boundary={"u": {"x": {"left": pk.Dirichlet(0), "right": pk.Dirichlet(1)}}},
        exact={"u": "x"},
    )
    assert steep.solve().error("u") < 1e-9


@pytest.mark.parametrize("lam", [3.6, 4, 5])
@pytest.mark.parametrize("n", [41, 81])
def test_a_problem_without_solution_is_not_called_converged(n, lam):
    """Beyond lambda = 3.5138 Bratu's problem has no solution; the rounding of exp(300) once excused a correction of 270."""
    problem = pk.Problem(
        pk.PDE(f"0 = u_xx + {lam}*exp(u)"), pk.Grid(x=pk.Axis(0, 1, n)), boundary={"u": {"x": pk.Dirichlet(0)}}
    )
    with pytest.raises(
        SolverError,
        match=r"(stuck|did not converge|singular).*; pseudo-transient.* (grows without bound|has not settled)",
    ):
        problem.solve()


def test_pseudo_transient_continuation_goes_on_where_newton_is_stuck():
    """The steady shock of Burgers' equation, -a tanh(a (x - 1/2)/(2 nu)), from a wild guess; and exp(20 u) = 1 far above."""
    nu, a = 0.04, 1.0
    for _ in range(50):
        a = 1 / np.tanh(a / (4 * nu))
    shock = pk.Problem(
        pk.PDE("0 = nu*u_xx - u*u_x", parameters={"nu": nu, "a": a}),
        pk.Grid(x=pk.Axis(0, 1, 161)),
        initial={"u": "3*sin(9*x)"},
        boundary={"u": {"x": {"left": pk.Dirichlet(1), "right": pk.Dirichlet(-1)}}},
        exact={"u": "-a*tanh(a*(x - 0.5)/(2*nu))"},
        order=4,
    )
    solution = shock.solve()
    assert solution.error("u") < 2e-3
    assert solution.statistics["pseudo_time_steps"] > 0
    assert any("pseudo-transient continuation" in reason for reason in solution.reasons)
    steep = pk.Problem(
        pk.PDE("0 = -u_xx + exp(20*u) - 1"),  # the other sign: the evolution behind it has M = -1
        pk.Grid(x=pk.Axis(0, 1, 41)),
        initial={"u": 3},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        exact={"u": "0"},
    )
    found = steep.solve()
    assert found.error("u") < 1e-9 and found.statistics["pseudo_time_steps"] > 0


def test_what_a_singular_jacobian_leaves_undetermined_is_named():
    """v enters by its derivatives only; and a pattern on a ring may be anywhere."""
    grid = pk.Grid(x=pk.Axis(0, 1, 41))
    closed = {"x": pk.Neumann(0)}
    pde = pk.PDE(["0 = u_xx - u**3 + 1", "0 = div((1 + v_x**2)*grad(v)) + u - 1 + 0*v"], unknowns=["u", "v"])
    J = pk.Problem(pde, grid, initial={"u": 1, "v": "x"}, boundary={"u": closed, "v": closed}).semidiscrete
    y = np.concatenate([np.ones(41), grid.axes[0].nodes])
    assert undetermined(J, J.jacobian(0.0, y), y).startswith("a constant may be added to v;")
    ring = pk.Grid(x=pk.Axis(0, 4 * np.pi, 48, periodic=True))
    pde = pk.PDE("u_t = u_xx + 2*u - u**3")
    wave = pk.Problem(pde, ring, initial={"u": "sin(x/2)"}, schemes={"u_xx": "fourier"})
    y = wave.solve(t_end=20.0)["u"].values  # odd, so that it stays where it is
    system = wave.semidiscrete
    assert undetermined(system, system.jacobian(0.0, y), y).startswith("a shift of u along x changes nothing;")


def test_resonance_is_named():
    """u'' + q u with fixed ends, q the first eigenvalue of the grid: its sine may be added."""
    n = 41
    q = (2 * np.sin(np.pi / (2 * (n - 1))) * (n - 1)) ** 2
    resonant = pk.Problem(
        pk.PDE("0 = u_xx + q*u + x", parameters={"q": q}),
        pk.Grid(x=pk.Axis(0, 1, n)),
        boundary={"u": {"x": pk.Dirichlet(0)}},
    )
    with pytest.raises(SolverError, match=r"singular.*: a mode of u, greatest at x = 0\.5, is not determined"):
        resonant.solve()


def test_a_balance_to_rounding_is_one():
    """div((1 + u^2) grad(u)) + sin(2 pi x) with closed ends: the source balances but for 1e-17."""
    problem = pk.Problem(
        pk.PDE("0 = div((1 + u**2)*grad(u)) + sin(2*pi*x)"),
        pk.Grid(x=pk.Axis(0, 1, 41)),
        initial={"u": "0.1*cos(3*x)"},
        boundary={"u": {"x": pk.Neumann(0)}},
    )
    assert np.ptp(problem.solve()["u"].values) > 0.1


def test_too_few_conditions():
    with pytest.raises((SolverError, pk.PdekitError)):
        pk.Problem(pk.PDE("0 = u_xx + 1"), pk.Grid(x=pk.Axis(0, 1, 21)), boundary={"u": {"x": pk.Outflow()}}).solve()


def test_coupled_steady_system():
    problem = pk.Problem(
        pk.PDE(["0 = laplace(u) - v", "0 = laplace(v) - f"], definitions={"f": "pi**4*sin(pi*x)"}),
        pk.Grid(x=pk.Axis(0, 1, 81)),
        boundary={"u": {"x": pk.Dirichlet(0)}, "v": {"x": pk.Dirichlet(0)}},
        exact={"u": "sin(pi*x)", "v": "-pi**2*sin(pi*x)"},
    )
    solution = problem.solve()
    assert solution.error("u") < 1e-3 and solution.error("v") < 5e-3


def simply_supported(points: int) -> pk.Problem:
    return pk.Problem(
        pk.PDE("0 = u_xxxx - pi**4*sin(pi*x)"),
        pk.Grid(x=pk.Axis(0, 1, points)),
        boundary={"u": {"x": (pk.Dirichlet(0), pk.Curvature(0))}},
        exact={"u": "sin(pi*x)"},
    )


def test_digits_that_rounding_takes_are_told():
    """A beam on too many nodes: 1/h^4 times rounding is seen beside the error of order 2, which is known."""
    fine, few = simply_supported(2001).solve(), simply_supported(201).solve()
    by_grid = np.pi**2 / 6 / 2000**2
    assert fine.error("u") > 50 * by_grid and not few.notes
    (note,) = fine.notes
    told = float(re.search(r"by (\S+) of its size", note)[1])
    assert 0.1 <= fine.error("u") / told <= 10
    with pytest.raises(pk.PdekitError, match="order 4 of u along 'x', on 4001 nodes, multiplies rounding errors"):
        simply_supported(4001).solve()


def test_second_derivatives_keep_their_digits():
    """A million nodes: one correction by the residual takes the rounding errors of the factors away, 7e-8 without."""
    n = 1_000_001
    s = pk.Problem(
        pk.PDE("0 = u_xx + pi**2*sin(pi*x)"), pk.Grid(x=pk.Axis(0, 1, n)), boundary={"u": {"x": pk.Dirichlet(0)}}
    ).solve()
    assert np.max(np.abs(s["u"].values - np.sin(np.pi * s.grid.axes[0].nodes))) < 1e-10 and not s.notes
