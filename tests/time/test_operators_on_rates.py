"""Time derivatives that are differentiated in space, ``u_t - u_xxt = F``, and equations of higher order in time."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from pdekit.errors import BoundaryError, ConfigError, ExpressionError, PdekitError, SolverError, StabilityError
from pdekit.io.load import loads
from pdekit.verification.claimed_solution import check_claim

SOLITARY = "3*(c - 1)*sech(sqrt((c - 1)/c)/2*(x - c*t + 5))**2"


def last_order(errors):
    return np.log2(errors[-2] / errors[-1])


def solitary_wave(points=161, order=2, conditions=None):
    """Of u_t - u_xxt + u_x + u u_x = 0: T. B. Benjamin, J. L. Bona and J. J. Mahony, Phil. Trans. R. Soc. A 272 (1972) 47-78."""
    return pk.Problem(
        pk.PDE("u_t - u_xxt + u_x + u*u_x = 0", parameters={"c": 1.5}),
        pk.Grid(x=pk.Axis(-15, 25, points)),
        initial={"u": SOLITARY.replace("c*t", "0")},
        boundary={"u": {"x": pk.Dirichlet(SOLITARY)}},
        exact={"u": SOLITARY},
        order=order,
    )


@pytest.mark.parametrize("order", [2, 4])
def test_solitary_wave(order):
    errors = [solitary_wave(n, order).solve(t_end=6, rtol=1e-9, atol=1e-11).error("u") for n in (81, 161, 321)]
    assert last_order(errors) == pytest.approx(order, abs=0.1)


def test_the_claimed_wave_satisfies_the_equation():
    checked = check_claim(solitary_wave())
    assert not checked.refuted
    wrong = solitary_wave().replace(exact={"u": SOLITARY.replace("x - c*t", "x - 1.01*c*t")})
    assert check_claim(wrong).refuted


def test_mass_on_a_ring_is_kept_to_rounding():
    ring = pk.Problem(
        pk.PDE("u_t - u_xxt + u_x + d(u**2/2, x) = 0"),
        pk.Grid(x=pk.Axis(0, 20, 128, periodic=True)),
        initial={"u": "exp(-(x - 7)**2) + 0.3*sin(pi*x/5)"},
    )
    solution = ring.solve(t_end=5.0, frames=3)
    start, end = (solution[k]["u"] for k in (0, -1))
    assert abs(end.integral() - start.integral()) <= 1e-12
    assert np.max(np.abs(end.values - start.values)) > 0.3


def pseudo_parabolic(points=41, ends=None, order=2):
    """u_t = u_xx + u_xxt: the mode sin(k x) decays at the rate k^2/(1 + k^2)."""
    left, right = ends or (pk.Dirichlet(0), pk.Neumann(0))
    return pk.Problem(
        pk.PDE("u_t = u_xx + u_xxt", parameters={"k": 1.5 * np.pi}),
        pk.Grid(x=pk.Axis(0, 1, points)),
        initial={"u": "sin(k*x)"},
        boundary={"u": {"x": {"left": left, "right": right}}},
        exact={"u": "exp(-k**2/(1 + k**2)*t)*sin(k*x)"},
        order=order,
    )


METHODS = {
    "rk4": 4,
    "ssprk3": 3,
    "backward_euler": 1,
    "crank_nicolson": 2,
    "tr_bdf2": 2,
    "esdirk43": 4,
    "ros3p": 3,
    "rodas4": 4,
    "bdf2": 2,
}


@pytest.mark.parametrize("method", METHODS)
def test_methods_reach_their_order_in_time(method):
    problem = pseudo_parabolic(21)
    # The semi-discrete mode decays by the eigenvalue of the second difference, which is known.
    h, k = 1 / 20, 1.5 * np.pi
    K = (2 * np.sin(k * h / 2) / h) ** 2
    exact = np.exp(-K / (1 + K) * 2.0) * np.sin(k * problem.grid["x"].nodes)
    errors = [
        np.max(np.abs(problem.solve(t_end=2.0, method=method, step=step)["u"].values - exact))
        for step in (0.4, 0.2, 0.1)
    ]
    assert last_order(errors) > METHODS[method] - 0.25
    assert errors[-1] < 0.02


ENDS = {
    "values and slopes": (pk.Dirichlet(0), pk.Neumann(0)),
    "moving slopes and values": (
        pk.Neumann("-k*exp(-k**2/(1 + k**2)*t)"),
        pk.Dirichlet("sin(k)*exp(-k**2/(1 + k**2)*t)"),
    ),
    "moving combinations": (
        pk.Robin(2, 1, "-k*exp(-k**2/(1 + k**2)*t)"),
        pk.Robin(3, 1, "3*sin(k)*exp(-k**2/(1 + k**2)*t)"),
    ),
    "a function": (
        pk.Dirichlet(lambda t, k: 0 * t),
        pk.Dirichlet(lambda t, k: np.sin(k) * np.exp(-(k**2) / (1 + k**2) * t)),
    ),
}


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("name", ENDS)
def test_data_that_change_enter_by_their_rates(name, order):
    problems = [pseudo_parabolic(n, ENDS[name], order) for n in (11, 21, 41)]
    for method in ("DOP853", "esdirk43"):
        errors = [p.solve(t_end=1.0, method=method, rtol=1e-10, atol=1e-12).error("u") for p in problems]
        assert last_order(errors) > order - 0.25


def test_the_chosen_method_solves_for_the_rates_and_is_explicit():
    choice = pseudo_parabolic(401).choice(t_end=1.0)
    # k^2/(1 + k^2) < 1 at all wave numbers: nothing is stiff, however fine the grid.
    assert choice.method.name == "DOP853"
    assert choice.limit == pytest.approx(2.785, rel=0.05)
    assert pseudo_parabolic(401).choice(t_end=1.0, step=0.5).method.name == "rk4"
    with pytest.raises(StabilityError, match="largest stable step"):
        pseudo_parabolic(401).choice(t_end=30.0, step=3.0, method="rk4")
    stiff = pk.Problem(
        pk.PDE("u_t - 0.01*u_xxt = -u_xxxx"),
        pk.Grid(x=pk.Axis(0, 1, 401)),
        initial={"u": "sin(pi*x)"},
        boundary={"u": {"x": [pk.Dirichlet(0), pk.Curvature(0)]}},
        exact={"u": "exp(-pi**4/(1 + 0.01*pi**2)*t)*sin(pi*x)"},
    )
    assert stiff.choice(t_end=0.1).method.name == "esdirk43"
    assert stiff.solve(t_end=0.05, rtol=1e-8, atol=1e-10).error("u") < 1e-5


def test_varying_coefficients_in_two_dimensions():
    problem = pk.Problem(
        pk.PDE("(2 + x)*u_t = div((1 + y)*grad(u_t)) + laplace(u) - u*u_x"),
        pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 2, 11)),
        initial={"u": "0"},
        boundary={"u": {"x": {"left": pk.Dirichlet(0), "right": pk.Robin(1, 2)}, "y": pk.Neumann(0)}},
    )
    assert pk.converge(problem, points=[9, 17, 33], t_end=0.3).passed
    assert pk.check_jacobian(problem).passed


def test_complex_equations():
    """i (psi_t - psi_xxt) = -psi_xx: the wave exp(i(k x - w t)) with w = k^2/(1 + k^2)."""
    exact = "exp(1j*(3*x - 9/10*t))"
    ring = pk.Problem(
        pk.PDE("1j*(p_t - p_xxt) = -p_xx"),
        pk.Grid(x=pk.Axis(0, 2 * np.pi, 64, periodic=True)),
        initial={"p": "exp(3j*x)"},
        exact={"p": exact},
        order=8,
    )
    assert ring.solve(t_end=1.0, rtol=1e-9, atol=1e-11).error("p") < 1e-5
    assert ring.solve(t_end=1.0, method="esdirk43", rtol=1e-8, atol=1e-10).error("p") < 1e-5


def test_coupled_equations_and_an_algebraic_one():
    """Rates of several unknowns in one equation, beside an equation without a rate."""
    problem = pk.Problem(
        pk.PDE(["u_t - u_xxt - 0.3*v_xxt = -u", "v_t = 0.2*u_t + v_xxt - v", "0 = w - u*v"], unknowns=("u", "v", "w")),
        pk.Grid(x=pk.Axis(0, 1, 9)),
        initial={"u": "0", "v": "0"},
        boundary={"u": {"x": pk.Neumann(0)}, "v": {"x": pk.Neumann(0)}},
    )
    assert pk.converge(problem, points=[9, 17, 33], t_end=0.02).passed


def love(points, order=2):
    """Longitudinal waves in a rod with lateral inertia, u_tt - b u_xxtt = u_xx (A. E. H. Love, 1892)."""
    return pk.Problem(
        pk.PDE("u_tt - b*u_xxtt = u_xx", parameters={"b": 0.3, "k": 2 * np.pi}),
        pk.Grid(x=pk.Axis(0, 1, points)),
        initial={"u": "sin(k*x)", "u_t": "0"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        exact={"u": "sin(k*x)*cos(k/sqrt(1 + b*k**2)*t)"},
        order=order,
    )


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("method", ["auto", "esdirk43"])
def test_waves_in_a_rod(method, order):
    errors = [love(n, order).solve(t_end=2.0, method=method, rtol=1e-9, atol=1e-11).error("u") for n in (11, 21, 41)]
    assert last_order(errors) > order - 0.2


def test_eigenvalues_with_an_operator_on_rates():
    modes = pk.eigen(pseudo_parabolic(81, order=4), 3)
    k = np.pi * (np.arange(3) + 0.5)
    assert np.sort(modes.values)[::-1] == pytest.approx(-(k**2) / (1 + k**2), rel=1e-5)
    rod = pk.eigen(love(81, 4), 2)
    k = np.pi * np.arange(1, 3)
    assert rod.values == pytest.approx(-(k**2) / (1 + 0.3 * k**2), rel=1e-5)


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("u_t + u_xxt = u_xx", StabilityError, "wrong sign"),
        ("u_t - u*u_xxt = u_xx", ExpressionError, "linearly"),
        ("u_t - t*u_xxt = u_xx", ExpressionError, "linearly"),
        ("u_t - u_xxt = u_xx + noise()", ExpressionError, "noise"),
        ("u_t = u_xx + integral(u_t)", ExpressionError, "in a circle"),
        ("u_t = u_xx + u_xxtt", ExpressionError, "no equation for u_tt"),
        ("u_ttttttttt = u_xx", ExpressionError, "order 8"),
    ],
)
def test_what_cannot_be_solved_is_refused(text, kind, words):
    with pytest.raises(kind, match=words):
        pk.Problem(
            pk.PDE(text),
            pk.Grid(x=pk.Axis(0, 1, 21)),
            initial={"u": "1"},
            boundary={"u": {"x": pk.Neumann(0)}},
        )


def test_data_of_the_solution_have_no_rate():
    with pytest.raises(BoundaryError, match="no known time derivative"):
        pseudo_parabolic(21, (pk.Neumann("-u**2"), pk.Neumann(0)))


def test_faces_need_the_conditions_of_the_operator():
    with pytest.raises(BoundaryError, match="needs 1 condition at this face, found none"):
        solitary_wave().replace(boundary={"u": {"x": {"left": pk.Dirichlet(0), "right": pk.Outflow()}}})


@pytest.mark.parametrize("method", ["rkc2", "Radau", "BDF", "LSODA", "exponential", "etdrk4", "ark43", "sbdf2"])
def test_methods_that_cannot_are_refused(method):
    step = {"step": 0.01} if method == "sbdf2" else {}
    with pytest.raises(SolverError, match="differentiated in space"):
        pseudo_parabolic(21).solve(t_end=0.1, method=method, **step)
    with pytest.raises(SolverError):
        love(21).solve(t_end=0.1, method="verlet", step=0.01)


def test_a_branch_and_a_fit_are_refused():
    with pytest.raises(ConfigError, match="differentiated in space"):
        pk.continuation(pseudo_parabolic(21), "k", to=5.0)
    with pytest.raises(ConfigError, match="differentiated in space"):
        solitary_wave(21).sensitivity(["c"], t_end=0.1)


# ------------------------------------------------------------------------------------ higher order in time


def test_third_order_in_time():
    """The equation of Moore, Gibson and Thompson, b u_ttt + u_tt = u_xx + a u_xxt, with a known decay."""
    k, a, b = np.pi, 0.3, 0.1
    rate = min(np.roots([b, 1.0, a * k**2, k**2]), key=lambda s: abs(s.imag)).real
    problems = [
        pk.Problem(
            pk.PDE("b*u_ttt + u_tt = u_xx + a*u_xxt", parameters={"a": a, "b": b, "s": float(rate)}),
            pk.Grid(x=pk.Axis(0, 1, n)),
            initial={"u": "sin(pi*x)", "u_t": "s*sin(pi*x)", "u_tt": "s**2*sin(pi*x)"},
            boundary={"u": {"x": pk.Dirichlet(0)}},
            exact={"u": "exp(s*t)*sin(pi*x)"},
            order=4,
        )
        for n in (11, 21, 41)
    ]
    errors = [p.solve(t_end=1.0, rtol=1e-10, atol=1e-12).error("u") for p in problems]
    assert last_order(errors) > 3.8
    assert not check_claim(problems[0]).refuted
    assert pk.check_jacobian(problems[0]).passed


def test_fourth_order_in_time_with_data_that_change():
    """The wave operator twice, of u = exp(-x - t): prescribed values are differentiated up to three times."""
    exact = "exp(-x - t)"
    problem = pk.Problem(
        pk.PDE("u_tttt = 2*u_xxtt - u_xxxx"),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        initial={"u": "exp(-x)", "u_t": "-exp(-x)", "u_tt": "exp(-x)", "u_ttt": "-exp(-x)"},
        boundary={"u": {"x": [pk.Dirichlet(exact), pk.Curvature(exact)]}},
        exact={"u": exact},
    )
    assert not check_claim(problem).refuted
    fields = problem.semidiscrete.unpack(0.5, problem.semidiscrete.pack(problem.initial_fields()))
    assert [fields[n][0] for n in ("u", "u_t", "u_tt", "u_ttt")] == pytest.approx(
        [s * np.exp(-0.5) for s in (1, -1, 1, -1)]
    )


def test_boundary_data_of_higher_rates():
    """u_ttt + u_tt = u_xx + u_xxt - ...: all of u, u_t, u_tt are prescribed at moving ends by the data of u."""
    problem = pk.Problem(
        pk.PDE("u_ttt + 3*u_tt = u_xx + 2*u_xxt - u_t"),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        initial={"u": "1", "u_t": "0", "u_tt": "0"},
        boundary={"u": {"x": {"left": pk.Dirichlet("cos(t)"), "right": pk.Robin(1, 1, "sin(2*t)")}}},
    )
    assert pk.converge(problem, points=[11, 21, 41], t_end=0.7).passed
    fields = problem.semidiscrete.unpack(0.4, np.zeros(problem.semidiscrete.size))
    assert [fields[n][0] for n in ("u", "u_t", "u_tt")] == pytest.approx([np.cos(0.4), -np.sin(0.4), -np.cos(0.4)])


def test_ill_posed_higher_order_is_refused():
    """u_ttt = u_xx has a root with a positive real part that grows with the wave number."""
    problem = pk.Problem(
        pk.PDE("u_ttt = u_xx"),
        pk.Grid(x=pk.Axis(0, 1, 41)),
        initial={"u": "sin(pi*x)", "u_t": "0", "u_tt": "0"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
    )
    with pytest.raises(PdekitError, match="unstable"):
        problem.solve(t_end=1.0)


def test_configs_say_the_same():
    text = """
grid: {x: {range: [0, 1], points: 21}}
parameters: {b: 0.3}
equations: u_ttt + u_tt - b*u_xxtt = u_xx
initial: {u: sin(pi*x), u_t: 0, u_tt: 0}
boundary: {u: {x: {dirichlet: 0}}}
time: {end: 0.2}
"""
    problem = loads(text)
    again = loads(problem.to_yaml())
    assert np.array_equal(problem.solve()["u"].values, again.solve()["u"].values)
    with pytest.raises(ConfigError, match="the initial rate of 'u' must be given"):
        loads(text.replace(", u_tt: 0", ""))
    with pytest.raises(ConfigError, match="not an unknown"):
        loads(text.replace("boundary: {u:", "boundary: {u_tt:"))
