"""Conditions whose coefficients vary or are complex, or whose data depend on the solution."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.errors import BoundaryError

S, C = "exp(-t)*sin(1)", "exp(-t)*cos(1)"  # u and du/dx of exp(-t) sin(x) at x = 1
WALL = {
    "coefficient of t": pk.Robin("1 + t", 1, f"(1 + t)*{S} + {C}"),
    "coefficient of t before du/dn": pk.Robin(1, "2 + sin(t)", f"{S} + (2 + sin(t))*{C}"),
    "radiation": pk.Neumann(f"-u**4 + ({S})**4 + {C}"),
    "a function": pk.Robin(lambda t: 2 + np.sin(t), 2, f"(2 + sin(t))*{S} + 2*{C}"),
    "combination of products": pk.Robin(2, 1, f"u**2 - ({S})**2 + 2*{S} + {C}"),
}


def rod(n, order, wall, equation="u_t = u_xx", **options):
    return pk.Problem(
        pk.PDE(equation),
        pk.Grid(x=pk.Axis(0, 1, n)),
        initial={"u": "sin(x)"},
        boundary={"u": {"x": {"left": pk.Dirichlet(0), "right": wall}}},
        exact={"u": "exp(-t)*sin(x)"},
        order=order,
        **options,
    )


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("name", WALL)
def test_order_with_conditions_that_vary(name, order):
    errors = [
        rod(n, order, WALL[name]).solve(t_end=0.3, method="Radau", rtol=1e-10, atol=1e-12).errors()["u"]
        for n in (11, 21)
    ]
    assert np.log2(errors[0] / errors[1]) > order - 0.1


@pytest.mark.parametrize("name", ["coefficient of t", "radiation"])
@pytest.mark.parametrize(
    "equation", ["u_t = u_xx", "u_t = div((1 + u**2)*grad(u))", "u_t = u*u_xx - u_x", "u_t = u_xx + d(u**2, x)"]
)
def test_jacobian_against_differences(name, equation):
    system = rod(12, 2, WALL[name], equation).semidiscrete
    rng = np.random.default_rng(1)
    y = 1 + 0.1 * rng.random(system.size)
    exact = system.jacobian(0.2, y).toarray()
    for k in range(system.size):
        step = 1e-6 * np.eye(system.size)[k]
        slope = (system.rhs(0.2, y + step) - system.rhs(0.2, y - step)) / 2e-6
        assert np.max(np.abs(slope - exact[:, k])) < 1e-7 * np.max(np.abs(exact))


def test_waves_leave_without_reflection():
    """``du/dn = -u_t`` lets waves of speed 1 out: what is left is the error of the grid."""
    left = []
    for n in (101, 201):
        pulse = pk.Problem(
            pk.PDE("u_tt = u_xx"),
            pk.Grid(x=pk.Axis(0, 1, n)),
            initial={"u": "exp(-100*(x - 0.5)**2)", "u_t": 0},
            boundary={"u": {"x": pk.Neumann("-u_t")}},
            order=4,
        )
        left.append(pulse.solve(t_end=1.5, rtol=1e-9)["u"].norm("max"))
    assert left[0] < 1e-4 and np.log2(left[0] / left[1]) > 3.5


@pytest.mark.parametrize("order", [2, 4])
def test_impedance(order):
    """``u'' + k^2 u = 0``, ``u' = i k u`` where the wave leaves: exp(i k x)."""
    errors = []
    for n in (41, 81):
        guide = pk.Problem(
            pk.PDE("0 = u_xx + k**2*u", parameters={"k": 5.0}),
            pk.Grid(x=pk.Axis(0, 1, n)),
            boundary={"u": {"x": {"left": pk.Dirichlet(1), "right": pk.Robin("-I*k", 1)}}},
            exact={"u": "exp(I*k*x)"},
            order=order,
        )
        errors.append(guide.solve().errors()["u"])
    assert np.log2(errors[0] / errors[1]) > order - 0.1


def test_coefficients_from_arrays_and_texts_along_a_face():
    errors = []
    for n in (21, 41):
        grid = pk.Grid(x=pk.Axis(0, 1, n), y=pk.Axis(0, 1, n))
        y = grid.axes[1].nodes
        g = (1 + y**2) * np.sin(1) * np.sin(y) + (1 + y) * np.cos(1) * np.sin(y)
        plate = pk.Problem(
            pk.PDE("0 = div((1 + x)*grad(u)) + 2*(1 + x)*sin(x)*sin(y) - cos(x)*sin(y)"),
            grid,
            boundary={
                "u": {
                    "x": {"left": pk.Dirichlet(0), "right": pk.Robin(1 + y**2, "1 + y", g)},
                    "y": pk.Dirichlet("sin(x)*sin(y)"),
                }
            },
            exact={"u": "sin(x)*sin(y)"},
        )
        errors.append(plate.solve().errors()["u"])
    assert np.log2(errors[0] / errors[1]) > 1.9


def test_a_coupled_condition_and_a_linear_system():
    """Two rods that exchange heat at a face: ``du/dn = v - u``, ``dv/dn = u - v``; their sum keeps its heat."""
    pair = pk.Problem(
        pk.PDE(["u_t = u_xx", "v_t = v_xx"]),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        initial={"u": 1, "v": 0},
        boundary={
            "u": {"x": {"left": pk.Neumann(0), "right": pk.Neumann("v - u")}},
            "v": {"x": {"left": pk.Neumann(0), "right": pk.Neumann("u - v")}},
        },
    )
    assert pair.semidiscrete.is_linear
    solution = pair.solve(t_end=5.0)
    assert abs((solution["u"] + solution["v"]).integral() - 1) < 1e-6
    assert abs(solution["u"].values[0] - solution["v"].values[0]) < 0.1


def test_a_large_linear_problem_is_bounded_without_a_state():
    """From 20,000 unknowns on the spectrum is a bound of the rows, for which linear data need no state."""
    plate = pk.Problem(
        pk.PDE("u_t = laplace(u)"),
        pk.Grid(x=pk.Axis(0, 1, 145), y=pk.Axis(0, 1, 145)),
        initial={"u": "1"},
        boundary={"u": {"x": pk.Robin("1 + y**2", 1, "1 + y**2"), "y": pk.Neumann(0)}},
    )
    assert plate.choice(t_end=0.01).method.name == "exponential"
    assert abs(plate.solve(t_end=0.01, frames=2)["u"] - 1).max() < 1e-9


def test_steady_radiation():
    """``T'' = 0``, ``T(0) = 2``, ``dT/dn = -T^4`` at 1: T(1) is the root of ``T = 2 - T^4``, which is 1."""
    slab = pk.Problem(
        pk.PDE("0 = T_xx"),
        pk.Grid(x=pk.Axis(0, 1, 11)),
        initial={"T": 1.5},
        boundary={"T": {"x": {"left": pk.Dirichlet(2), "right": pk.Neumann("-T**4")}}},
    )
    assert abs(slab.solve()["T"].values[-1] - 1) < 1e-9


@pytest.mark.parametrize(
    ("wall", "message"),
    [
        (pk.Dirichlet("u**2"), "are for conditions with du/dn"),
        (pk.Neumann("v"), "unknown name 'v'"),
        (pk.Robin(1, "x - 1"), "vanishes somewhere"),
        (pk.Robin(1, "u"), "must not depend on the solution"),
        (pk.Robin(float("nan"), 1), "finite number"),
    ],
)  # fmt: skip
def test_refusals(wall, message):
    with pytest.raises(BoundaryError, match=rf"boundary\.u\.x\.right.*{message}"):
        rod(11, 2, wall)


@pytest.mark.parametrize("wall", [pk.Robin("1/t", 1), pk.Neumann("u/t"), pk.Dirichlet("1/t"), pk.Neumann("log(u - 5)")])
def test_coefficients_that_are_infinite_at_the_start_end_in_words(wall):
    with pytest.raises(pk.PdekitError, match="not finite"):
        rod(11, 2, wall).solve(t_end=0.1)


def test_conditions_survive_yaml(tmp_path):
    problem = rod(11, 2, pk.Robin("1 + t", "2", "-u**2"), time=pk.TimeSettings(end=0.1))
    (tmp_path / "rod.yaml").write_text(problem.to_yaml())
    again = pk.load(tmp_path / "rod.yaml")
    assert np.array_equal(again.solve()["u"].values, problem.solve()["u"].values)


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("equation", ["u_t = u_xx - u**3", "u_t = div((1 + u**2)*grad(u))"])
def test_manufactured_studies_keep_what_depends_on_the_solution(equation, order):
    problem = rod(11, order, pk.Robin("1 + x*t", 1, "-u**4"), equation, time=pk.TimeSettings(end=0.1)).replace(
        exact=None
    )
    study = pk.converge(problem, [11, 21, 41], against="manufactured")
    assert study.passed, study
