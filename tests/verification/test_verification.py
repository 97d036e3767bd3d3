"""The verifier itself: it passes what is right and fails what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from pdekit.errors import ConfigError, PdekitError, SolverError
from pdekit.verification.manufactured import manufactured
from pdekit.verification.study import Study

HARD = {
    "nonlinear wave, stretched": (
        "u_tt = div((1 + x*u**2)*grad(u)) - 0.3*u_t",
        {"x": pk.Axis(0, 1, 21, spacing={"tanh": 2}), "y": pk.Axis(0, 2, 20, periodic=True)},
        {"x": {"left": pk.Robin(1, 2), "right": pk.Dirichlet(1)}},
        {"u": 1, "u_t": 0},
    ),
    "cross derivative": (
        "u_t = laplace(u) + u_xy - u*u_x",
        {"x": pk.Axis(0, 1, 21), "y": pk.Axis(0, 1, 21)},
        {"x": {"left": pk.Neumann(1), "right": pk.Dirichlet(1)}, "y": {"left": pk.Neumann(1), "right": pk.Robin(1, 2)}},
        {"u": 1},
    ),
    "beam": (
        "u_tt = -u_xxxx",
        {"x": pk.Axis(0, 1, 21)},
        {
            "x": {
                "left": [pk.Dirichlet(1), pk.Neumann(0)],
                "right": [pk.Curvature(0), pk.BoundaryCondition((0, 0, 0, 1))],
            }
        },
        {"u": 1, "u_t": 0},
    ),
    "complex": ("u_t = I*u_xx - I*x*u**2", {"x": pk.Axis(0, 1, 20, periodic=True)}, {}, {"u": 1}),
    "advection with outflow": (
        "u_t = -(1 + x)*u_x",
        {"x": pk.Axis(0, 1, 21)},
        {"x": {"left": pk.Dirichlet(1), "right": pk.Outflow()}},
        {"u": 1},
    ),
    "three dimensions": (
        "u_t = laplace(u) + sin(u)",
        {"x": pk.Axis(0, 1, 9), "y": pk.Axis(0, 1, 8, periodic=True), "z": pk.Axis(0, 1, 9, spacing="chebyshev")},
        {"x": pk.Neumann(0), "z": {"left": pk.Dirichlet(1), "right": pk.Robin(1, 1)}},
        {"u": 1},
    ),
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("order", [2, 4])
def test_manufactured_solutions_of_hard_problems(name, order):
    equation, axes, boundary, initial = HARD[name]
    problem = pk.Problem(pk.PDE(equation), pk.Grid(axes), initial=initial, boundary={"u": boundary}, order=order)
    points = [9, 17, 33] if len(axes) < 3 else [9, 17]
    t_end = 0.5 if "outflow" in name else 0.05  # long enough for what enters to leave
    study = pk.converge(problem, points, t_end=t_end, against="manufactured", tolerance=0.35)
    assert study.passed, str(study)


def test_manufactured_definition_with_conditions():
    problem = pk.Problem(
        pk.PDE("c_t = laplace(mu)", definitions={"mu": "c**3 - 0.5*laplace(c)"}),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        initial={"c": 1},
        boundary={"c": {"x": pk.Neumann(0)}, "mu": {"x": pk.Neumann(0)}},
    )
    study = pk.converge(problem, [11, 21, 41], t_end=0.02, against="manufactured")
    assert study.passed, str(study)


def test_a_free_constant_is_not_an_error():
    problem = pk.Problem(
        pk.PDE("0 = laplace(u)"),
        pk.Grid(x=pk.Axis(0, 1, 21), y=pk.Axis(0, 1, 21)),
        boundary={"u": {"x": pk.Neumann(0), "y": pk.Neumann(0)}},
    )
    study = pk.converge(problem, [11, 21, 41], against="manufactured")
    assert study.passed, str(study)


def test_unknowns_without_an_exact_solution_are_named():
    problem = pk.Problem(
        pk.PDE(["u_t = u_xx", "v_t = v_xx - u*v"]),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        initial={"u": "sin(pi*x)", "v": 1},
        boundary={"u": {"x": pk.Dirichlet(0)}, "v": {"x": pk.Neumann(0)}},
        exact={"u": "exp(-pi**2*t)*sin(pi*x)"},
    )
    told = []
    pk.converge(problem, [11, 21, 41], t_end=0.1, report=told.append)
    assert any("no exact solution of v" in text for text in told)


def test_a_wrong_discretization_fails():
    """Order 2 rows called order 4, and an exact solution that is not one."""
    problem = pk.Problem(
        pk.PDE("u_t = u_xx"),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        initial={"u": "sin(pi*x)"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        exact={"u": "exp(-9.9*t)*sin(pi*x)"},
    )
    study = pk.converge(problem, [21, 41, 81], t_end=0.1)
    assert not study.passed and "FAIL" in study.verdict
    right = problem.replace(exact={"u": "exp(-pi**2*t)*sin(pi*x)"})
    assert not pk.converge(right, [21, 41, 81], t_end=0.1, expect=4).passed
    assert pk.converge(right, [21, 41, 81], t_end=0.1).passed


def test_self_reference_needs_nested_nodes():
    problem = pk.Problem(
        pk.PDE("u_t = u_xx - u**2"),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        initial={"u": "exp(x)"},
        boundary={"u": {"x": pk.Neumann(0)}},
    )
    assert pk.converge(problem, [21, 41, 81], t_end=0.1, against="self").passed
    with pytest.raises(ConfigError, match="take points such as 21, 41"):
        pk.converge(problem, [21, 34, 50], t_end=0.1, against="self")


def test_space_and_time_together():
    problem = pk.Problem(
        pk.PDE("u_t = u_xx"),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        initial={"u": "sin(pi*x)"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        exact={"u": "exp(-pi**2*t)*sin(pi*x)"},
        time=pk.TimeSettings(method="crank_nicolson"),
    )
    study = pk.converge(problem, [21, 41, 81], steps=[0.02, 0.01, 0.005], t_end=0.2)
    assert study.passed and study.what == "space and time"


def test_polynomial_solution_is_exact():
    problem = pk.Problem(
        pk.PDE("u_t = u_xx"),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        initial={"u": "x**2"},
        boundary={"u": {"x": {"left": pk.Dirichlet("2*t"), "right": pk.Neumann(2)}}},
        exact={"u": "x**2 + 2*t"},
    )
    study = pk.converge(problem, [11, 21, 41], t_end=0.5)
    assert study.passed and "rounding level" in study.verdict


def test_python_right_hand_side_against_itself():
    def rate(u, x):
        h = 1 / u.size
        return (np.roll(u, 1) - 2 * u + np.roll(u, -1)) / h**2

    problem = pk.Problem(
        pk.PDE(rhs=rate, unknowns=("u",)),
        pk.Grid(x=pk.Axis(0, 1, 20, periodic=True)),
        initial={"u": "sin(2*pi*x) + cos(4*pi*x)"},
    )
    said = []
    assert pk.converge(problem, [16, 32, 64], t_end=0.01, report=said.append).passed
    assert said[:3] == ["16 nodes", "32 nodes", "64 nodes"]


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"points": [21]}, ConfigError, "at least two"),
        ({}, ConfigError, "give points"),
        ({"points": [21, 41], "against": "exact"}, ConfigError, "no exact solution"),
        ({"points": [21, 41], "steps": [0.1, 0.05, 0.02]}, ConfigError, "one each"),
        ({"steps": [0.1, 0.05], "against": "exact"}, ConfigError, "study in time"),
    ],
)
def test_refusals(options, kind, words):
    problem = pk.Problem(
        pk.PDE("u_t = u_xx"), pk.Grid(x=pk.Axis(0, 1, 21)), initial={"u": "x"}, boundary={"u": {"x": pk.Neumann(0)}}
    )
    with pytest.raises(kind, match=words):
        pk.converge(problem, t_end=0.1, **options)


def test_jumps_and_functions_cannot_be_manufactured():
    grid = pk.Grid(x=pk.Axis(0, 1, 21))
    jump = pk.Problem(
        pk.PDE("u_t = u_xx + heaviside(x - 0.5)*u"), grid, initial={"u": "x"}, boundary={"u": {"x": pk.Neumann(0)}}
    )
    with pytest.raises(SolverError, match="jumps"):
        manufactured(jump)
    with pytest.raises(PdekitError, match="symbols"):
        manufactured(pk.Problem(pk.PDE(rhs=lambda u: -u, unknowns=("u",)), grid, initial={"u": "x"}))


def study_of(*errors, scale=1.0, expected=2.0):
    widths = tuple(0.5**k for k in range(len(errors)))
    return Study("", "space", "", widths, widths, {"u": errors}, expected, 0.25, {"u": scale})


def test_the_solution_that_is_zero_proves_nothing():
    grid, boundary = pk.Grid(x=pk.Axis(0, 1, 21)), {"u": {"x": pk.Dirichlet(0)}}
    problem = pk.Problem(pk.PDE("u_t = u_xx"), grid, initial={"u": "0"}, boundary=boundary, exact={"u": "0"})
    study = pk.converge(problem, [11, 21, 41], t_end=0.1)
    assert not study.passed and study.verdict.startswith("FAIL: the solution is zero everywhere")


@pytest.mark.parametrize(
    ("errors", "passes", "words"),
    [
        (
            (4e-3, 1e-16, 2.5e-4),
            True,
            "order 2.00 (u), expected 2; 1 of 3 errors are rounding",
        ),  # hit by chance on one grid
        ((1e-16, 4e-3, 1e-3), True, "order 2.00"),
        ((4e-3, 1e-16, 2e-3), False, "order 0.50"),
        ((1e-16, 1e-16, 1e-3), False, "only one error of u is more than rounding"),
        ((4e-3, 3.9e-3, 1e-16), False, "order 0.04"),  # and by chance on the last, where it looked like success
        ((4e-3, 1e-6, 1e-14), True, "until rounding is reached"),
        ((3e-11, 2.9e-11, 1e-11), True, "rounding level"),
        ((4e-3, 1e-16, 1e-16), True, "rounding level"),
    ],
)
def test_errors_that_are_rounding_by_chance_are_left_out(errors, passes, words):
    study = study_of(*errors)
    assert study.passed == passes and words in study.verdict, study.verdict
