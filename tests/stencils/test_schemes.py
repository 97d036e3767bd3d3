"""Schemes of single derivatives inside equations: upwind, compact, Fourier, summation by parts."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.errors import PdekitError
from pdekit.io.load import loads


def advection(scheme, order=2, **changes):
    problem = pk.Problem(
        pk.PDE("u_t = -u_x"),
        pk.Grid(x=pk.Axis(0, 1, 41)),
        initial={"u": "0"},
        boundary={"u": {"x": {"left": pk.Dirichlet(0), "right": pk.Outflow()}}},
        order=order,
        schemes={"u_x": scheme},
    )
    return problem.replace(**changes) if changes else problem


@pytest.mark.parametrize(
    ("scheme", "order", "points", "expected"),
    [
        ({"upwind": 1}, 2, [161, 321], 1),
        ({"upwind": 2}, 2, [81, 161], 2),
        ({"backward": 1}, 2, [161, 321], 1),
        ("backward", 2, [81, 161], 2),
        ("upwind", 2, [41, 81], 3),
        ("upwind", 4, [41, 81], 5),
        ("compact", 4, [41, 81], 4),
        ("sbp", 2, [81, 161], 2),
        ("sbp", 4, [41, 81], 4),
        ({"sbp": 8}, 4, [41, 81], 5),
    ],
)
def test_advection_has_the_order_of_its_scheme(scheme, order, points, expected, figure):
    study = pk.converge(advection(scheme, order), points=points, against="manufactured", t_end=0.4)
    assert study.orders("u")[-1] > expected - 0.3
    figure(f"advection, {scheme}, order {order}: observed order", study.orders("u")[-1], f"{expected}")


ENDS = {
    "DD": (pk.Dirichlet(0), pk.Dirichlet(0)),
    "DN": (pk.Dirichlet(0), pk.Neumann(0)),
    "RN": (pk.Robin(1, 1), pk.Neumann(0)),
}


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("equation", ["u_t", "u_tt"])
@pytest.mark.parametrize(
    ("scheme", "order", "points"), [("compact", 4, [21, 41]), ("sbp", 2, [21, 41]), ("sbp", 4, [21, 81])]
)
def test_second_derivatives_take_up_conditions(scheme, order, points, equation, ends):
    left, right = ENDS[ends]
    problem = pk.Problem(
        pk.PDE(f"{equation} = u_xx"),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        initial={"u": "0", "u_t": "0"} if equation == "u_tt" else {"u": "0"},
        boundary={"u": {"x": {"left": left, "right": right}}},
        order=order,
        schemes={"u_xx": scheme},
    )
    study = pk.converge(problem, points=points, against="manufactured", t_end=0.3)
    assert study.orders("u")[-1] > order - 0.35


@pytest.mark.parametrize("ends", ENDS)
def test_compact_of_order_six(ends):
    left, right = ENDS[ends]
    problem = pk.Problem(
        pk.PDE("u_t = u_xx"),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        initial={"u": "0"},
        boundary={"u": {"x": {"left": left, "right": right}}},
        order=6,
        schemes={"u_xx": "compact"},
    )
    assert pk.converge(problem, points=[15, 29], against="manufactured", t_end=0.3).orders("u")[-1] > 5.8


@pytest.mark.parametrize("ends", ["DD", "DN", "NN"])
@pytest.mark.parametrize(("scheme", "order"), [("compact", 4), ("sbp", 2), ("sbp", 4), ("sbp", 6)])
def test_spectra_of_second_derivatives_are_real_and_not_positive(scheme, order, ends):
    kinds = {"D": pk.Dirichlet(0), "N": pk.Neumann(0)}
    problem = pk.Problem(
        pk.PDE("u_tt = u_xx"),
        pk.Grid(x=pk.Axis(0, 1, 41)),
        initial={"u": "0", "u_t": "0"},
        boundary={"u": {"x": {"left": kinds[ends[0]], "right": kinds[ends[1]]}}},
        order=order,
        schemes={"u_xx": scheme},
    )
    system = problem.semidiscrete
    n = system.size // 2
    values = np.linalg.eigvals(system.L.toarray()[n:, :n])
    scale = np.max(np.abs(values))
    assert np.max(np.abs(values.imag)) < 1e-8 * scale and np.max(values.real) < 1e-9 * scale


@pytest.mark.parametrize("order", [2, 4])
def test_upwind_burgers_leans_with_the_solution(order):
    problem = pk.Problem(
        pk.PDE("u_t = -u*u_x + 0.01*u_xx"),
        pk.Grid(x=pk.Axis(0, 2 * np.pi, 32, periodic=True)),
        initial={"u": "0.3 + sin(x)"},
        order=order,
        schemes={"u_x": "upwind", "u_xx": "fourier"},
    )
    system = problem.semidiscrete
    y = system.pack(problem.initial_fields())
    assert y.min() < 0 < y.max()
    field = problem.grid.field(y)
    expected = -pk.upwind(problem.grid, "x", y, order=order + 1)(field) + 0.01 * pk.fourier_derivative(
        problem.grid, "x", 2
    )(field)
    assert np.max(np.abs(system.rhs(0.0, y) - expected.values)) < 1e-12
    assert pk.check_jacobian(problem).passed
    study = pk.converge(problem.replace(initial={"u": "1"}), points=[33, 65], against="manufactured", t_end=0.2)
    assert study.orders("u")[-1] > order + 0.7


def test_a_front_stays_between_its_values_with_donor_cell():
    """Donor cell is monotone; central differences ring."""
    start = {"u": "where(x < 0.3, 1, 0)"}
    boundary = {"u": {"x": {"left": pk.Dirichlet(1), "right": pk.Outflow()}}}
    monotone = advection({"upwind": 1}, initial=start, boundary=boundary).solve(t_end=0.3)["u"]
    assert monotone.min() > -1e-8 and monotone.max() < 1 + 1e-8


def test_fourier_advection_is_exact_in_space(figure):
    problem = pk.Problem(
        pk.PDE("u_t = -u_x"),
        pk.Grid(x=pk.Axis(0, 2 * np.pi, 32, periodic=True)),
        initial={"u": "exp(sin(x))"},
        exact={"u": "exp(sin(x - t))"},
        schemes={"u_x": "fourier"},
    )
    error = problem.solve(t_end=3, rtol=1e-12, atol=1e-13).error("u")
    assert error < 1e-10
    figure("Fourier advection of exp(sin x), n = 32, t = 3: error", error, "<= 1e-10 (rtol 1e-12)")


def test_laplacian_with_schemes_in_two_dimensions():
    problem = pk.Problem(
        pk.PDE("u_t = laplace(u)"),
        pk.Grid(x=pk.Axis(0, 1, 15), y=pk.Axis(0, 2, 16, periodic=True)),
        initial={"u": "0"},
        boundary={"u": {"x": pk.Neumann(0)}},
        order=4,
        schemes={"u_xx": "sbp", "u_yy": "fourier"},
    )
    assert pk.converge(problem, points=[15, 29], against="manufactured", t_end=0.05).orders("u")[-1] > 3.7


def test_config_and_overrides():
    text = """
    grid: {x: {range: [0, 1], points: 21}}
    equations: u_t = -u_x
    initial: {u: sin(x)}
    boundary: {u: {x: {left: {dirichlet: sin(-t)}, right: outflow}}}
    discretization: {order: 2, schemes: {u_x: upwind}}
    time: {end: 0.1}
    """
    problem = loads(text)
    assert problem.schemes == {"u_x": "upwind"} and loads(problem.to_yaml()).schemes == problem.schemes
    assert loads(text, overrides=["discretization.schemes.u_x={upwind: 1}"]).schemes == {"u_x": {"upwind": 1}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schemes": {"u_x": "uwind"}}, "did you mean 'upwind'"),
        ({"schemes": {"u_y": "upwind"}}, r"schemes\.u_y: no such derivative"),
        ({"schemes": {"u_x": "fourier"}}, "uniform periodic axis"),
        ({"schemes": {"u_x": "compact"}, "order": 8}, "does not reach order 8"),
        ({"schemes": {"u_x": {"upwind": 0}}}, "whole number"),
        ({"schemes": {"u_x": "upwind"}, "pde": pk.PDE("u_t = -u_x**2")}, "stands linearly"),
        ({"schemes": {"u_xx": "upwind"}, "pde": pk.PDE("u_t = u_xx")}, r"is for derivatives \[1\]"),
        ({"schemes": {"u_x": "sbp"}, "boundary": {"u": {"x": pk.Neumann(0)}}}, "prescribed values or no condition"),
    ],
)
def test_refusals(change, message):
    with pytest.raises(PdekitError, match=message):
        advection("upwind").replace(**change)


def test_growing_schemes_are_refused_before_the_run():
    with pytest.raises(PdekitError, match="growing modes"):
        advection("compact", 6).solve(t_end=1.0)


def test_isotropic_laplacian_inside_an_equation():
    """The nine-point molecule with the conditions, and its order; rotations of the grid are not seen in its error."""
    grid = pk.Grid(x=pk.Axis(0, 1, 17), y=pk.Axis(0, 1, 17))
    conditions = {"x": pk.Neumann(0), "y": {"left": pk.Dirichlet(0), "right": pk.Neumann("x")}}
    problem = pk.Problem(
        pk.PDE("u_t = 0.3*laplace(u) - u"),
        grid,
        initial={"u": "1"},
        boundary={"u": conditions},
        schemes={"laplace(u)": "isotropic"},
    )
    operator = pk.isotropic_laplacian(grid, boundary=conditions).matrix()
    system = problem.semidiscrete
    free = system.blocks[0].free
    expected = 0.3 * operator[free][:, free].toarray() - np.eye(free.size)
    assert np.max(np.abs(system.L.toarray() - expected)) < 1e-10 * np.max(np.abs(expected))
    values = np.linalg.eigvals(expected)
    assert np.max(np.abs(values.imag)) < 1e-9 * np.max(np.abs(values)) and np.max(values.real) < 0
    study = pk.converge(problem, points=[17, 33], against="manufactured", t_end=0.05)
    assert study.orders("u")[-1] > 1.9
    with pytest.raises(PdekitError, match="same step"):
        problem.replace(grid=pk.Grid(x=pk.Axis(0, 1, 17), y=pk.Axis(0, 1, 18)))
    with pytest.raises(PdekitError, match="as a whole"):
        problem.replace(schemes={"laplace(u)": "compact"})


@pytest.mark.parametrize("scheme", ["compact", "sbp", "forward", "backward"])
def test_schemes_as_operators_are_the_rows_of_the_equation(scheme):
    grid = pk.Grid(x=pk.Axis(0, 1, 31), y=pk.Axis(0, 1, 9))
    conditions = {"x": pk.Robin(1, 2), "y": pk.Neumann(0)}
    problem = pk.Problem(
        pk.PDE("u_t = u_xx"), grid, initial={"u": "1"}, boundary={"u": conditions}, order=4, schemes={"u_xx": scheme}
    )
    operator = pk.scheme_derivative(grid, "x", 2, scheme=scheme, boundary=conditions)
    u = np.random.default_rng(0).standard_normal(grid.shape)
    found = operator(u)
    assert np.max(np.abs(found.ravel() - problem.semidiscrete.L @ u.ravel())) < 1e-12 * np.max(np.abs(found))
    assert np.max(np.abs(found.ravel() - operator.matrix() @ u.ravel())) < 1e-12 * np.max(np.abs(found))
    composed = operator @ pk.derivative(grid, "y")
    assert np.max(np.abs(composed(u).ravel() - composed.matrix() @ u.ravel())) < 1e-11 * np.max(np.abs(composed(u)))
