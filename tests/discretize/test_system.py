"""The ODE system: exact Jacobians, affine data, free nodes, corners, refusals."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from pdekit.boundary.conditions import collect
from pdekit.discretize.colouring import ColouredJacobian, box_pattern
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import BoundaryError, ConfigError, SolverError, StabilityError
from pdekit.language.pde import PDE


def bound(pde, grid, conditions):
    return pde.bind(grid.names, [name for name in conditions if name in pde.definitions], grid.calculus)


def system(equations, grid, boundary, order=2, dtype=float, **options):
    axes = {n: grid[n].periodic for n in grid.names}
    conditions = {name: collect(given, axes, name) for name, given in boundary.items()}
    return SemiDiscrete(bound(PDE(equations, **options), grid, conditions), grid, conditions, order=order, dtype=dtype)


PLANE = pk.Grid(x=pk.Axis(0, 1, 14), y=pk.Axis(0, 2, 13, spacing={"tanh": 2.0}))
COUPLED = [
    "u_t = div((1 + u**2 + v)*grad(u)) + u*v*u_x + u_xy + where(x < 0.5, u, v)*u",
    "v_t = laplace(u*v) + v_xx - sin(u)*v_y**2 + d(u*v_x, y) + t*v + abs(u)*exp(-v)",
]
MIXED = {
    "u": {"x": {"left": pk.Dirichlet("sin(t) + y"), "right": pk.Robin(1, 2, "y")}, "y": pk.Neumann("x*t")},
    "v": {"x": pk.Neumann(1), "y": {"left": pk.Dirichlet(0), "right": pk.Outflow()}},
}


@pytest.mark.parametrize("order", [2, 4, 6])
def test_jacobian_equals_complex_step(order, figure):
    """Coupled, nonlinear, two dimensions, mixed conditions: the symbols against the complex step, entry by entry."""
    real = system(COUPLED, PLANE, MIXED, order)
    analytic = system(COUPLED, PLANE, MIXED, order, dtype=complex, unknowns=("u", "v"))
    y = np.random.default_rng(1).uniform(0.5, 1, real.size)
    J = real.jacobian(0.3, y).toarray()
    # abs and where are not complex-analytic; for positive data abs(u) is u.
    smooth = [
        text.replace("abs(u)", "u").replace("where(x < 0.5, u, v)", "(heaviside(0.5 - x)*u + heaviside(x - 0.5)*v)")
        for text in COUPLED
    ]
    analytic = system(smooth, PLANE, MIXED, order, dtype=complex)
    h = 1e-100
    columns = [analytic.rhs(0.3, y + 1j * h * e).imag / h for e in np.eye(real.size)]
    worst = np.max(np.abs(J - np.array(columns).T)) / np.max(np.abs(J))
    figure(f"Jacobian, symbols against complex step, order {order}", worst, "<= 1e-12")
    assert worst <= 1e-12


def test_linear_part_is_the_whole_of_a_linear_problem():
    s = system("u_t = laplace(u) + x*u_y - 3*u + cos(t)*y", PLANE, {"u": MIXED["u"]})
    y = np.random.default_rng(2).standard_normal(s.size)
    assert s.is_linear and not s.b_is_constant
    zero = s.rhs(0.7, 0 * y)
    assert np.allclose(s.rhs(0.7, y) - zero, s.L @ y, rtol=1e-12, atol=1e-10)
    assert np.allclose(zero, s.b(0.7))


def test_affine_data_enter_exactly():
    """A quadratic solution with all data inhomogeneous is reproduced by order 2 rows to rounding."""
    boundary = {
        "u": {
            "x": {
                "left": pk.Dirichlet("2*y**2 - 3*y"),
                "right": pk.Robin(2, 3, "2*(1 + y + 2*y**2 - 3*y) + 3*(2 + y)"),
            },
            "y": {"left": pk.Neumann("-(x - 3)"), "right": pk.Neumann("x + 8 - 3")},
        }
    }
    s = system("u_t = laplace(u) + u_xy", PLANE, boundary)
    x, y = PLANE.coordinates["x"], PLANE.coordinates["y"]
    u = x**2 + x * y + 2 * y**2 - 3 * y
    assert np.allclose(s.rhs(0.0, s.pack({"u": u})), 2 + 4 + 1, atol=1e-9)


def test_unpack_rebuilds_full_fields_with_the_corner_rule():
    boundary = {"u": {"x": {"left": pk.Dirichlet("1 + t"), "right": pk.Neumann(0)}, "y": pk.Dirichlet("5*t")}}
    s = system("u_t = laplace(u)", PLANE, boundary)
    full = s.unpack(2.0, np.full(s.size, 7.0))["u"]
    assert np.all(full[0] == 3.0)  # the first axis wins at the corners
    assert np.all(full[1:, 0] == 10.0) and np.all(full[1:, -1] == 10.0) and np.all(full[1:, 1:-1] == 7.0)
    assert np.array_equal(s.pack({"u": full}), np.full(s.size, 7.0))


def test_rates_of_moving_dirichlet_data():
    """In a damped wave the rate at a Dirichlet node is the rate of the data, from symbols or from a callable."""
    grid = pk.Grid(x=pk.Axis(0, 1, 9))
    for data in ("sin(3*t)*(1 + x)", lambda t, x: np.sin(3 * t) * (1 + x)):
        s = system("u_tt = u_xx + d(u_t, x, 2)", grid, {"u": {"x": pk.Dirichlet(data)}})
        rate = s.unpack(0.4, np.zeros(s.size))["u_t"]
        assert rate[0] == pytest.approx(3 * np.cos(1.2), rel=1e-10)
        assert rate[-1] == pytest.approx(6 * np.cos(1.2), rel=1e-10)


def test_constant_source_is_a_field():
    s = system("u_t = 1", pk.Grid(x=pk.Axis(0, 1, 5)), {"u": {"x": pk.Outflow()}})
    assert np.array_equal(s.rhs(0.0, np.zeros(5)), np.ones(5))


def test_definition_with_its_own_conditions():
    """Cahn-Hilliard: no flux of the potential conserves mass, whatever the order of derivatives."""
    grid = pk.Grid(x=pk.Axis(0, 1, 30))
    s = system(
        "c_t = laplace(mu)",
        grid,
        {"c": {"x": pk.Neumann(0)}, "mu": {"x": pk.Neumann(0)}},
        definitions={"mu": "c**3 - c - 0.01*laplace(c)"},
    )
    y = np.random.default_rng(3).standard_normal(30)
    rate = s.rhs(0.0, y)
    assert abs(np.sum(rate * grid.weights)) < 1e-12 * np.sum(np.abs(rate) * grid.weights)
    h = 1e-6
    v = np.random.default_rng(4).standard_normal(30)
    difference = (s.rhs(0, y + h * v) - s.rhs(0, y - h * v)) / (2 * h)
    assert np.allclose(s.jacobian(0, y) @ v, difference, rtol=1e-6, atol=1e-4 * np.max(np.abs(difference)))


def test_callable_right_hand_side_has_a_coloured_jacobian():
    """The same equations as symbols and as a Python function: same values, same Jacobian, few evaluations."""
    grid = pk.Grid(x=pk.Axis(0, 2, 40, periodic=True))
    h = grid.axes[0].step
    calls = []

    def rate(u, v):
        calls.append(1)
        second = (np.roll(u, 1) - 2 * u + np.roll(u, -1)) / h**2
        return {"u": second - u * v, "v": u * v - v**2}

    function = SemiDiscrete(PDE(rhs=rate, unknowns=("u", "v")).bind(grid.names), grid, {})
    symbols = system(["u_t = u_xx - u*v", "v_t = u*v - v**2"], grid, {"u": {}, "v": {}})
    y = np.random.default_rng(5).uniform(1, 2, 80)
    assert np.allclose(function.rhs(0, y), symbols.rhs(0, y), rtol=1e-12, atol=1e-9)
    function.jacobian(0, y)
    calls.clear()
    J = function.jacobian(0, y)
    assert abs(J - symbols.jacobian(0, y)).max() < 1e-9
    assert len(calls) <= 10


def test_too_small_a_reach_is_noticed():
    grid = pk.Grid(x=pk.Axis(0, 2, 40, periodic=True))
    s = SemiDiscrete(PDE(rhs=lambda u: np.roll(u, 3) - u, unknowns=("u",)).bind(grid.names), grid, {})
    with pytest.raises(SolverError, match="reach"):
        s.jacobian(0, np.ones(40))


def test_colours_share_no_row():
    pattern = box_pattern(pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 1, 8, periodic=True)), 1)
    colours = ColouredJacobian(pattern).colours
    dense = pattern.toarray()
    for colour in range(colours.max() + 1):
        assert dense[:, colours == colour].sum(axis=1).max() <= 1


def test_complex_data_make_a_complex_problem():
    grid = pk.Grid(x=pk.Axis(0, 1, 32, periodic=True))
    problem = pk.Problem(pk.PDE("u_t = u_xx"), grid, initial={"u": "exp(2*pi*I*x)"})
    found = problem.solve(t_end=0.01, rtol=1e-9, atol=1e-12)["u"].values
    assert np.iscomplexobj(found)
    rate = (2 * np.sin(np.pi / 32) * 32) ** 2
    assert np.allclose(found, np.exp(-rate * 0.01) * np.exp(2j * np.pi * grid.axes[0].nodes), atol=1e-7)


LINE = pk.Grid(x=pk.Axis(0, 1, 11))


def problem(equation="u_t = u_xx", grid=LINE, boundary=None, initial="x", **options):
    boundary = {"u": {"x": pk.Dirichlet(0)}} if boundary is None else boundary
    return pk.Problem(pk.PDE(equation), grid, initial={"u": initial}, boundary=boundary, **options)


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: problem(boundary={}), BoundaryError, "boundary.u.x.left: no condition"),
        (lambda: problem(boundary={"u": {"x": {"left": pk.Dirichlet(0)}}}), BoundaryError, "x.right: no condition"),
        (lambda: problem(boundary={"u": {"y": pk.Dirichlet(0)}}), BoundaryError, "no such axis"),
        (lambda: problem(boundary={"w": {"x": pk.Dirichlet(0)}}), ConfigError, "boundary.w: not an unknown"),
        (
            lambda: problem(grid=pk.Grid(x=pk.Axis(0, 1, 10, periodic=True))),
            BoundaryError,
            "periodic and takes no boundary condition",
        ),
        (
            lambda: problem(
                boundary={"u": {"x": {"left": [pk.Dirichlet(0), pk.Dirichlet(1)], "right": pk.Dirichlet(0)}}}
            ),
            BoundaryError,
            "two conditions of the same order",
        ),
        (lambda: problem(boundary={"u": {"x": pk.Dirichlet("sin(q)")}}), BoundaryError, "unknown name 'q'"),
        (lambda: problem(boundary={"u": {"x": pk.Dirichlet([1, 2, 3])}}), BoundaryError, "shape"),
        (lambda: problem(initial=np.zeros(5)), pk.PdekitError, r"shape \(5,\)"),
        (lambda: problem(initial="1/x"), pk.PdekitError, "not finite"),
        (lambda: problem(initial=np.full(11, np.nan)), ConfigError, "initial.u: is not finite"),
        (lambda: problem(equation="u_t = -u_xx"), StabilityError, "ill-posed"),
        (lambda: problem(equation="u_t = div((x - 0.5)*grad(u))"), StabilityError, "ill-posed"),
        (lambda: problem(equation="u_t = u_xx - 0.1*u_xxxx"), BoundaryError, "needs 2 conditions"),
        (
            lambda: pk.Problem(pk.PDE("u_tt = u_xx"), LINE, initial={"u": 0}, boundary={"u": {"x": pk.Dirichlet(0)}}),
            ConfigError,
            "initial.u_t: missing",
        ),
        (lambda: problem(order=3), ConfigError, "discretization.order"),
        (lambda: problem(order=8, grid=pk.Grid(x=pk.Axis(0, 1, 7))), pk.PdekitError, "needs at least 9"),
        (lambda: problem(exact={"w": "0"}), ConfigError, "exact.w"),
    ],
)
def test_refusals(make, kind, words):
    with pytest.raises(kind, match=words):
        make()


@pytest.mark.parametrize(
    ("equation", "order", "boundary"),
    [
        ("u_t = u_xx - u_x", 6, pk.Dirichlet(0)),
        ("u_tt = u_xx", 8, pk.Dirichlet(0)),
        ("u_tt = div((1 + x)*grad(u))", 6, pk.Dirichlet(0)),
    ],
)
def test_unstable_discretizations_are_refused(equation, order, boundary):
    initial = {"u": "x", "u_t": 0} if "tt" in equation else {"u": "x"}
    made = pk.Problem(
        pk.PDE(equation), pk.Grid(x=pk.Axis(0, 1, 30)), initial=initial, boundary={"u": {"x": boundary}}, order=order
    )
    with pytest.raises(StabilityError, match=rf"(order|accuracy) {order}"):
        made.solve(t_end=0.1)


def test_corner_and_initial_conflicts_are_reported():
    made = pk.Problem(
        pk.PDE("u_t = laplace(u)"),
        PLANE,
        initial={"u": 1.0},
        boundary={"u": {"x": pk.Dirichlet(0), "y": {"left": pk.Dirichlet(2), "right": pk.Dirichlet(0)}}},
    )
    notes = "\n".join(made.notes())
    assert "prescribe values that differ by 2" in notes and "initial.u: differs from the boundary data by 1" in notes
    assert not problem(initial="sin(pi*x)").notes()


def test_fourth_order_regularises_backward_diffusion():
    """Kuramoto-Sivashinsky is well posed: only the leading derivative decides."""
    grid = pk.Grid(x=pk.Axis(0, 30, 60, periodic=True))
    pk.Problem(pk.PDE("u_t = -u_xx - u_xxxx - u*u_x"), grid, initial={"u": "cos(2*pi*x/30)"})
