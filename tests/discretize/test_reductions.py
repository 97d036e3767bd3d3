"""Numbers made of whole fields in equations, scalar unknowns, and integral operators: exact solutions and exact Jacobians."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import erf

import pdekit as pk
from pdekit.discretize.low_rank import LowRankUpdate
from pdekit.errors import PdekitError
from pdekit.linear.direct import condition, factorise

FREE = {"u": {"x": pk.Neumann(0)}}


def line(points=41, name="x"):
    return pk.Grid({name: pk.Axis(0, 1, points)})


def decaying(points=41, **words):
    """The mean decays by the integral alone, the cosine by diffusion alone."""
    return pk.Problem(
        pk.PDE("u_t = k*u_xx - a*integral(u)", parameters={"k": 0.1, "a": 2.0}),
        line(points),
        initial={"u": "1.5 + cos(pi*x)"},
        boundary=FREE,
        exact={"u": "1.5*exp(-a*t) + exp(-k*pi**2*t)*cos(pi*x)"},
        time=pk.TimeSettings(end=1.0, **words),
    )


METHODS = [
    "auto",
    "tr_bdf2",
    "esdirk43",
    "ros3p",
    "rodas4",
    "bdf2",
    "BDF",
    "Radau",
    "LSODA",
    "etdrk4",
    "ark43",
    "tsitouras",
]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_the_integral_right(method):
    grid_error = decaying(rtol=1e-11).solve(method="Radau").error("u")
    assert decaying(rtol=1e-8).solve(method=method).error("u") <= grid_error + 3e-6


def test_the_order_is_that_of_the_grid():
    errors = [decaying(n, rtol=1e-10).solve().error("u") for n in (21, 41, 81)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(2, abs=0.1)


TEXTS = [
    "u_xx - integral(u**2)*u",
    "mean(u)*u_xx + at(u, 0.37)*cos(x)",
    "u_xx - max(u)*u + min(u)*x",
    "u_xx + face(u_x, x, right)*u + face(u**3, x, left)",
    "u_xx*exp(-integral(u*mean(u)))",  # a number inside of a number
    "u_xx + integral(exp(-(x - s)**2)*u(s)**2, s)*u",
    "div((1 + integral(u))*grad(u))",
]


@pytest.mark.parametrize("text", TEXTS)
def test_jacobians_are_exact(text):
    problem = pk.Problem(pk.PDE(f"u_t = {text}"), line(31), initial={"u": "1.2 + x**2*cos(3*x)"}, boundary=FREE)
    check = pk.check_jacobian(problem)
    assert check.complex_step <= 1e-11 or (np.isnan(check.complex_step) and check.differences <= 1e-7), check


def test_jacobians_of_scalar_unknowns_and_of_conditions_are_exact():
    equations = ["u_t = u_xx*S - P*u", "S_t = integral(u*S) - u(0.3)*P", "P_t = S**2 - face(u_x, x, left)"]
    problem = pk.Problem(
        pk.PDE(equations, scalars=["S", "P"]),
        line(31),
        initial={"u": "1.2 + x**2*cos(3*x)", "S": 1.3, "P": 0.4},
        boundary={"u": {"x": {"left": pk.Neumann("S**2*u - P"), "right": pk.Neumann(0)}}},
    )
    assert pk.check_jacobian(problem).complex_step <= 1e-11


def stefan(points, order=2):
    St = 1.0
    lam = brentq(lambda a: np.sqrt(np.pi) * a * np.exp(a * a) * erf(a) - St, 1e-3, 5)
    fields = {"T": "1 - erf(lam*xi)/erf(lam)", "S": "2*lam*sqrt(t)"}
    return pk.Problem(
        pk.PDE(
            ["T_t = T_xixi/S**2 + xi*S_t/S*T_xi", "S_t = -St*face(T_xi, xi, right)/S"],
            scalars=["S"],
            parameters={"St": St, "lam": lam},
        ),
        line(points, "xi"),
        initial=fields,
        exact=fields,
        boundary={"T": {"xi": {"left": pk.Dirichlet(1), "right": pk.Dirichlet(0)}}},
        order=order,
        time=pk.TimeSettings(start=0.1, end=1.0, rtol=1e-10),
    )


@pytest.mark.parametrize(("order", "observed"), [(2, 2.0), (4, 3.0)])
def test_front_fixing_finds_neumanns_front(order, observed):
    """At order 4 errors next to the front vary from node to node, so that the flux there is of order 3."""
    errors = np.array([list(stefan(n, order).solve().errors().values()) for n in (41, 81)])
    assert np.all(np.log2(errors[0] / errors[1]) >= observed - 0.2)
    assert errors[1].max() <= 3e-6


def test_a_thermostat_comes_to_rest_where_the_goal_is_reached():
    """At rest u = goal cosh(m(1 - x)) with m^2 = h/k, and the heater gives what the rod loses."""
    k, h = 0.1, 0.5
    pde = pk.PDE(
        ["u_t = k*u_xx - h*u", "P_t = K*(goal - u(1.0))"],
        scalars=["P"],
        parameters={"k": k, "h": h, "K": 0.4, "goal": 1.0},
    )
    grid = line(81)
    boundary = {"u": {"x": {"left": pk.Neumann("P/k"), "right": pk.Neumann(0)}}}
    s = pk.Problem(pde, grid, initial={"u": 0, "P": 0}, boundary=boundary, order=4).solve(t_end=120)
    m = np.sqrt(h / k)
    assert s.scalars["P"][-1] == pytest.approx(k * m * np.sinh(m), rel=1e-5)
    assert s["u"].values == pytest.approx(np.cosh(m * (1 - grid.axes[0].nodes)), rel=1e-5)


def test_an_algebraic_scalar_beside_an_evolution_equation():
    """``m = 1 - I`` drives the content I to 1: ``I' = m``."""
    pde = pk.PDE(["u_t = 0.2*u_xx + m", "0 = integral(u) + m - 1"], scalars=["m"])
    s = pk.Problem(pde, line(), initial={"u": "cos(pi*x)"}, boundary=FREE).solve(t_end=2.0, rtol=1e-8)
    assert s["u"].integral() == pytest.approx(1 - np.exp(-2), abs=1e-6)
    assert s.scalars["m"][-1] == pytest.approx(np.exp(-2), abs=1e-6)


def test_a_multiplier_fixes_the_mean_of_a_steady_problem():
    """``0 = u'' + cos(pi x) + l``, whose data do not balance alone, has ``l = 0`` and a mean of 3."""
    pde = pk.PDE(["0 = u_xx + pi**2*cos(pi*x) + l", "0 = integral(u) - 3"], scalars=["l"])
    s = pk.Problem(pde, line(81), boundary=FREE).solve()
    x = s.grid.axes[0].nodes
    assert s.scalars["l"] == pytest.approx(0, abs=1e-12)
    assert s["u"].values == pytest.approx(3 + np.cos(np.pi * x), abs=2e-4)
    assert s["u"].integral() == pytest.approx(3, abs=1e-12)


def test_a_fredholm_equation():
    """``u = x + integral x s u(s) ds`` has the solution ``1.5 x``; the trapezoidal rule makes the integral of s^2 1/3 + h^2/6."""
    pde = pk.PDE("0 = x + integral(x*s*u(s), s) - u", unknowns=["u"])
    for n in (41, 81):
        s = pk.Problem(pde, line(n)).solve()
        slope = 1 / (1 - (1 / 3 + 1 / (6 * (n - 1) ** 2)))
        assert s["u"].values == pytest.approx(slope * s.grid.axes[0].nodes, rel=1e-12)


def test_a_low_rank_update_is_its_matrix():
    rng = np.random.default_rng(5)
    A = pk.laplacian(pk.Grid(x=pk.Axis(0, 1, 12)), boundary={"x": pk.Dirichlet(0)}).matrix()
    from scipy import sparse

    U, V = sparse.csr_array(rng.standard_normal((12, 2))), sparse.csr_array(rng.standard_normal((2, 12)))
    J = sparse.eye_array(12, format="csr") - 0.01 * LowRankUpdate(sparse.csr_array(A), U, V)
    full, x = J.toarray(), rng.standard_normal(12)
    assert J @ x == pytest.approx(full @ x, rel=1e-12)
    solver = factorise(J)
    assert full @ solver.solve(x) == pytest.approx(x, rel=1e-10)
    assert full.T @ solver.solve_transposed(x) == pytest.approx(x, rel=1e-10)
    part, y = J[3:][:, :5], rng.standard_normal(5)
    assert part @ y == pytest.approx(full[3:, :5] @ y, rel=1e-12)
    assert condition(J, solver) >= 0.3 * np.linalg.cond(full, 1)
    assert np.all(J.column_sums() >= np.abs(full).sum(axis=0) * (1 - 1e-12))


def test_a_plane_in_two_dimensions():
    """A content held by a source that is the same everywhere: no dense matrix of 2,601 unknowns is made."""
    grid = pk.Grid(x=pk.Axis(0, 1, 51), y=pk.Axis(0, 1, 51))
    pde = pk.PDE("u_t = div((1 + u**2)*grad(u)) + 1 - integral(u)")
    free = {"u": {"x": pk.Neumann(0), "y": pk.Neumann(0)}}
    s = pk.Problem(pde, grid, initial={"u": "x*y"}, boundary=free).solve(t_end=0.5, method="tr_bdf2", rtol=1e-6)
    assert s["u"].integral() == pytest.approx(1 - 0.75 * np.exp(-0.5), abs=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: pk.PDE(["u_t = u_xx", "S_t = u"], scalars=["S"]).bind(("x",)),
            "u is a field in the equation of the scalar unknown 'S'",
        ),
        (lambda: pk.PDE(["u_t = u_xx", "S_t = S_x"], scalars=["S"]).bind(("x",)), "S_x"),
        (lambda: pk.PDE(["u_t = u_xx", "S_tt = 1"], scalars=["S"]).bind(("x",)), "first order in time"),
        (
            lambda: pk.PDE(["u_t = u_xx", "S_t = noise(0.1)"], scalars=["S"]).bind(("x",)),
            "noise.. in the equation of the scalar unknown 'S' is a field",
        ),
        (lambda: pk.PDE(["u_t = u_xx"], scalars=["S"]), "1 equations for 2 unknowns"),
        (lambda: pk.PDE(["u_t = u_xx", "0 = u - S"], scalars=["S"]).bind(("x",)), "in numbers only"),
        (lambda: pk.PDE("u_t = u_xx + at(u, y)").bind(("x", "y")), "a point has 2 coordinates"),
        (lambda: pk.PDE("u_t = left").bind(("x",)), "unknown name 'left'"),
        (lambda: pk.PDE("u_t = face(u, x, top)").bind(("x",)), "unknown name 'top'"),
        (lambda: pk.PDE("u_t = integral(tanh(u(s) - u), s)").bind(("x",)), "mixes|products"),
        (lambda: pk.PDE("u_t = integral(u(s)*y*s, s)").bind(("x", "y")), "one axis"),
        (lambda: pk.Problem(pk.PDE("u_t = u(3.0)"), line(), initial={"u": 1}), "outside of the axis"),
        (
            lambda: pk.Problem(
                pk.PDE(["u_t = u_xx", "S_t = 1"], scalars=["S"]), line(), initial={"u": 1, "S": "x"}, boundary=FREE
            ),
            "initial.S.*a field where a number",
        ),
        (
            lambda: pk.Problem(
                pk.PDE(["u_t = u_xx", "S_t = 1"], scalars=["S"]),
                line(),
                initial={"u": 1, "S": 1},
                boundary={**FREE, "S": {"x": pk.Neumann(0)}},
            ),
            "no faces",
        ),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(PdekitError, match=message):
        make()


def test_manufactured_solutions_do_not_guess_integrals():
    with pytest.raises(pk.PdekitError, match="numbers made of whole fields are not known of manufactured solutions"):
        pk.converge(decaying().replace(exact={}), points=[11, 21, 41], against="manufactured")


DRIVEN = {"u": "exp(-0.1*pi**2*t)*cos(pi*x) + 1 - exp(-t)", "S": "exp(-t)"}
STEPS = {"rk4": 2e-3, "cn": 2e-3, "ars443": 2e-3, "sbdf3": 2e-3}


@pytest.mark.parametrize(
    "method", ["auto", "tsitouras", "rkc2", "exponential", "ark43", "bdf2", "Radau", "LSODA", "ros3p", *STEPS]
)
def test_a_scalar_that_drives_a_field(method):
    pde = pk.PDE(["u_t = 0.1*u_xx + S", "S_t = -S"], scalars=["S"])
    problem = pk.Problem(pde, line(), initial={"u": "cos(pi*x)", "S": 1}, boundary=FREE, exact=DRIVEN)
    s = problem.solve(t_end=1.0, method=method, step=STEPS.get(method))
    assert s.error("S") <= 1e-5
    assert s.error("u") <= 2e-4
    if method == "tsitouras":
        settings = pk.TimeSettings(end=1.0, method=method, compiled="always")
        compiled = problem.replace(time=settings).solve()
        assert "compiled" in compiled.reasons[-1]
        assert compiled.error("S") <= 1e-5


def test_exponential_methods_say_that_a_scalar_is_not_for_them():
    pde = pk.PDE(["u_t = 0.1*u_xx + S*u", "S_t = -S"], scalars=["S"])
    with pytest.raises(PdekitError, match="etdrk4"):
        pk.Problem(pde, line(), initial={"u": 1, "S": 1}, boundary=FREE).solve(t_end=1.0, method="etdrk4")


OF_DERIVATIVES = ["-integral(u_x**2)*u", "-u*max(u_x)", "-face(u_x, x, left)*u", "-u*mean((u - mean(u))**2)"]


@pytest.mark.parametrize("points", [31, 421])
@pytest.mark.parametrize("text", OF_DERIVATIVES)
def test_a_method_is_chosen_for_numbers_of_derivatives_and_nested_ones(text, points):
    problem = pk.Problem(pk.PDE(f"u_t = u_xx {text}"), line(points), initial={"u": "1 + x**2"}, boundary=FREE)
    found, known = (problem.solve(t_end=0.05, method=m, rtol=1e-7)["u"].values for m in ("auto", "tr_bdf2"))
    assert found == pytest.approx(known, abs=1e-4)


def test_steady_problems_with_numbers_of_fields():
    open_mean = pk.Problem(pk.PDE("0 = u_xx - u + mean(u) + cos(pi*x)"), line(81), boundary=FREE)
    with pytest.raises(PdekitError, match="singular"):  # any constant may be added
        open_mean.solve()
    stuck = pk.Problem(
        pk.PDE("0 = 0.001*u_xx + u - u**3 - 0.5*mean(u**3)"), line(), initial={"u": "20*sin(9*pi*x)"}, boundary=FREE
    ).solve()
    u = stuck["u"].values
    assert np.all(np.isfinite(u))
    assert np.max(np.abs(u)) < 2


def test_eigenvalues_and_branches_with_numbers_of_fields():
    """An integral moves the eigenvalue of the constant alone: -300 instead of 0."""
    decay = pk.Problem(pk.PDE("u_t = u_xx - 300*integral(u)"), line(61), initial={"u": 0}, boundary=FREE)
    values = np.sort(pk.eigen(decay, count=8).values.real)
    wave = -((2 * 60 * np.sin(np.pi / 120)) ** 2)
    assert np.min(np.abs(values - wave)) <= 1e-6
    assert not np.any(np.abs(values) < 1e-6)
    problem = pk.Problem(
        pk.PDE("0 = u_xx + lam - u*mean(u)", parameters={"lam": 1.0}), line(), initial={"u": 1}, boundary=FREE
    )
    branch = pk.continuation(problem, parameter="lam", to=4.0)
    assert branch.fields["u"][-1] == pytest.approx(np.full(41, 2.0), rel=1e-6)


def test_an_explicit_step_that_an_integral_makes_unstable_is_seen():
    problem = pk.Problem(pk.PDE("u_t = 1e-4*u_xx - 2000*mean(u)"), line(421), initial={"u": "1 + x"}, boundary=FREE)
    assert problem.choice(t_end=1.0, step=0.01).method.name == "tr_bdf2"
    with pytest.raises(PdekitError, match="largest stable step"):
        problem.solve(t_end=1.0, method="rk4", step=0.01)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pk.Problem(pk.PDE("S_t = -S", scalars=["S"]), line(), initial={"S": 1}), "no field"),
        (
            lambda: pk.PDE(["u_t = u_xx", "S_t = -S + x*uniform_noise(1)"], scalars=["S"]).bind(("x",)),
            "is a field; use uniform_noise",
        ),
        (lambda: pk.Problem(pk.PDE("u_t = I*u_xx + max(u)"), line(), initial={"u": 1}, boundary=FREE), "no order"),
        (
            lambda: pk.Problem(pk.PDE("u_t = integral(u(s)/abs(x - s), s)"), line(), initial={"u": 1}).solve(t_end=1.0),
            "not finite at all pairs",
        ),
        (
            lambda: pk.Problem(
                pk.PDE("u_t = integral(u(s), s)"),
                pk.Grid(r=pk.Axis(0, 1, 9), coordinates="spherical"),
                initial={"u": 1},
            ),
            "Cartesian",
        ),
    ],
)
def test_more_that_is_refused(make, message):
    with pytest.raises(PdekitError, match=message):
        make()


def test_quadrature_has_the_order_of_the_discretization():
    for order in (4, 6):
        for axis in (pk.Axis(0, 1, 21), pk.Axis(nodes=np.linspace(0, 1, 21) ** 1.5)):
            grid = pk.Grid(x=axis)
            u = grid.field("x**3 - 2*x + 1").values
            problem = pk.Problem(pk.PDE("0 = integral(x) - u", unknowns=["u"]), grid, order=order)
            term = problem.semidiscrete.program.term(problem.semidiscrete.system.reductions[0])
            assert np.sum(term._volumes(grid)[0] * u) == pytest.approx(0.25, abs=1e-13)
    pde = pk.PDE(["0 = u_xx + L*sin(pi*x)", "0 = integral(u) - 1"], scalars=["L"])
    fixed = {"u": {"x": pk.Dirichlet(0)}}
    errors = [
        abs(pk.Problem(pde, line(n), boundary=fixed, order=4).solve().scalars["L"] - np.pi**3 / 2) for n in (21, 41)
    ]
    assert np.log2(errors[0] / errors[1]) >= 3.8


def test_a_volterra_equation_of_order_2():
    """``u = 1 + integral_0^x u ds`` has the solution exp(x); the kernel jumps at s = x."""
    errors = []
    for n in (41, 81):
        s = pk.Problem(pk.PDE("0 = -u + 1 + integral(where(s < x, 1, 0)*u(s), s)", unknowns=["u"]), line(n)).solve()
        errors.append(np.max(np.abs(s["u"].values - np.exp(s.grid.axes[0].nodes))))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)


def test_a_scalar_that_is_zero_but_for_rounding_asks_for_no_small_steps():
    """``integral(u u_x) = 0`` between walls: S stays where it is, and no method looks at its rounding."""
    grid = pk.Grid(x=pk.Axis(0, 1, 33), y=pk.Axis(0, 2, 17))
    walls = {"u": {"x": pk.Dirichlet(0), "y": pk.Neumann(0)}}
    pde = pk.PDE(["u_t = laplace(u)", "S_t = integral(u_x*u)"], scalars=["S"])
    s = pk.Problem(pde, grid, initial={"u": "sin(pi*x)", "S": 0}, boundary=walls).solve(t_end=0.1, method="tr_bdf2")
    assert abs(s.scalars["S"][-1]) <= 1e-12
    assert s.statistics["steps"] < 1000  # tens of thousands when the rounding was looked at


def test_studies_tell_the_order_of_scalar_unknowns_too():
    study = pk.converge(stefan(21), points=[21, 41])
    assert study.passed
    assert study.orders("S")[-1] == pytest.approx(2.2, abs=0.3)
