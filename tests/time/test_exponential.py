"""Exponential propagators are exact in time; exponential Runge-Kutta methods have their orders."""

import mpmath
import numpy as np
import pytest
import scipy

import pdekit as pk
from pdekit.errors import BlowUpError, SolverError
from pdekit.time.exponential_tables import EXPONENTIAL_TABLEAUX
from pdekit.time.phi_functions import phi_functions

D, N = pk.Dirichlet, pk.Neumann
H = 1 / 32


def square(n=33, **options):
    return pk.Grid(x=pk.Axis(0, 1, n, **options), y=pk.Axis(0, 1, n, **options))


def test_phi_functions_against_many_digits(figure):
    z = np.concatenate([-np.logspace(-8, 6, 29), np.logspace(-8, 2, 21), 1j * np.logspace(-8, 5, 27)])
    worst = 0.0
    with mpmath.workdps(60):
        for i, found in enumerate(np.array(phi_functions(z, 5)).T):
            point = mpmath.mpc(complex(z[i]))
            exact = mpmath.exp(point)
            for k in range(6):
                if k:
                    worst = max(worst, abs(complex(exact) - found[k]) / abs(complex(exact)))
                exact = (exact - mpmath.mpf(1) / mpmath.factorial(k)) / point
    figure("phi_1 to phi_5, relative error", worst, "<= 1e-13")
    assert worst <= 1e-13


@pytest.mark.parametrize(
    ("initial", "faces", "eigenvalue"),
    [
        ("sin(pi*x)*sin(2*pi*y)", D(0), lambda c: c(1) + c(2)),
        ("cos(3*pi*x)*cos(pi*y)", N(0), lambda c: c(3) + c(1)),
    ],
)
def test_heat_is_exact_at_every_frame(initial, faces, eigenvalue):
    """The initial state is an eigenvector of the rows: the exact solution of the semi-discrete system is known."""
    heat = pk.Problem(
        pk.PDE("u_t = laplace(u)"), square(), initial={"u": initial}, boundary={"u": {"x": faces, "y": faces}}
    )
    solution = heat.solve(t_end=0.05)
    assert solution.method == "exponential"
    lam = eigenvalue(lambda k: (2 * np.cos(np.pi * k * H) - 2) / H**2)
    start = heat.initial_fields()["u"]
    for i, t in enumerate(solution.times):
        assert np.max(np.abs(solution.frame("u", i).values - np.exp(lam * t) * start)) < 1e-13


def test_a_standing_wave_over_a_thousand_periods(figure):
    drum = pk.Problem(
        pk.PDE("u_tt = laplace(u)"),
        square(),
        initial={"u": "sin(pi*x)*sin(pi*y)", "u_t": 0},
        boundary={"u": {"x": D(0), "y": D(0)}},
    )
    omega = np.sqrt(2 * (2 - 2 * np.cos(np.pi * H)) / H**2)
    solution = drum.solve(t_end=1000.25 * 2 * np.pi / omega)
    start = drum.initial_fields()["u"]
    error = np.max(np.abs(solution["u_t"].values + omega * start)) / omega
    figure("standing wave over 1,000 periods, error of the phase", error, "<= 1e-11")
    assert solution.method == "exponential" and error <= 1e-11


def test_schroedinger_in_a_potential_keeps_its_norm():
    trap = pk.Problem(
        pk.PDE("u_t = I*(laplace(u) - (x**2 + y**2)*u)/2"),
        pk.Grid(x=pk.Axis(-6, 6, 48), y=pk.Axis(-6, 6, 48)),
        initial={"u": "exp(-((x - 1)**2 + y**2)/2)"},
        boundary={"u": {"x": D(0), "y": D(0)}},
    )
    solution = trap.solve(t_end=2 * np.pi)
    assert solution.method == "exponential"
    norms = [np.sum(np.abs(solution.frame("u", i).values) ** 2) for i in range(11)]
    assert np.ptp(norms) < 1e-10 * norms[0]
    reference = trap.solve(t_end=0.5, method="DOP853", rtol=1e-10, atol=1e-12)["u"].values
    assert np.max(np.abs(trap.solve(t_end=0.5)["u"].values - reference)) < 1e-8


MOVING = {
    "heat": ("u_t = u_xx", "exp(-t)*sin(x)", D("exp(-t)*sin(1)"), {}),
    "wave": ("u_tt = u_xx - 3*sin(x)*cos(2*t)", "sin(x)*cos(2*t)", N("cos(1)*cos(2*t)"), {"u_t": 0}),
}


@pytest.mark.parametrize("name", MOVING)
def test_sources_and_data_that_move(name, figure):
    equation, exact, right, rate = MOVING[name]
    rod = pk.Problem(
        pk.PDE(equation),
        pk.Grid(x=pk.Axis(0, 1, 33)),
        initial={"u": "sin(x)", **rate},
        boundary={"u": {"x": {"left": D(0), "right": right}}},
        exact={"u": exact},
        order=4,
    )
    reference = rod.solve(t_end=1.0, method="DOP853", rtol=1e-12, atol=1e-14)["u"].values
    for rtol in (1e-4, 1e-6, 1e-8):
        error = np.max(np.abs(rod.solve(t_end=1.0, rtol=rtol)["u"].values - reference))
        assert error <= 30 * rtol
    error = [
        np.max(np.abs(rod.solve(t_end=1.0, method="exponential", step=h, times=())["u"].values - reference))
        for h in (0.25, 0.125)
    ]
    order = np.log2(error[0] / error[1])
    figure(f"order with moving data, exponential propagator, {name}", order, ">= 4.9")
    assert order >= 4.9


@pytest.mark.parametrize("equation", ["u_t = div((1 + x + y**2)*grad(u))", "u_t = laplace(u) - 4*x*u_y + y*u + x"])
def test_krylov_spaces_against_the_matrix_exponential(equation, figure):
    plate = pk.Problem(
        pk.PDE(equation),
        square(17),
        initial={"u": "sin(pi*x)*sin(pi*y) + x"},
        boundary={"u": {"x": D("x"), "y": N("x")}},
    )
    system = plate.semidiscrete
    L, b = system.L.toarray(), system.b(0.0)
    y0 = system.pack(plate.initial_fields())
    augmented = np.block([[L, b[:, None]], [np.zeros((1, b.size + 1))]])
    for rtol in (1e-4, 1e-6, 1e-9):
        solution = plate.solve(t_end=0.5, method="exponential", rtol=rtol)
        worst = 0.0
        for i, t in enumerate(solution.times):
            exact = (scipy.linalg.expm(t * augmented) @ np.append(y0, 1.0))[:-1]
            worst = max(worst, np.max(np.abs(system.pack({"u": solution.frame("u", i).values}) - exact)))
        assert worst <= 30 * rtol
    figure(f"Krylov propagator, error over rtol, {equation}", worst / rtol, "<= 30")


def reaction():
    return pk.Problem(
        pk.PDE("u_t = 0.05*u_xx + u*(1 - u) + sin(3*t)*cos(x)"),
        pk.Grid(x=pk.Axis(0, 1, 33)),
        initial={"u": "cos(x)"},
        boundary={"u": {"x": {"left": D("1 + 0.2*sin(t)"), "right": N("-sin(1)*cos(t)")}}},
    )


@pytest.mark.parametrize("name", EXPONENTIAL_TABLEAUX)
def test_orders_with_moving_dirichlet_data(name, figure):
    problem, table = reaction(), EXPONENTIAL_TABLEAUX[name]
    exact = problem.solve(t_end=1.0, method="Radau", rtol=1e-12, atol=1e-14)["u"].values
    errors = [
        np.max(np.abs(problem.solve(t_end=1.0, method=name, step=h, times=())["u"].values - exact)) for h in (0.1, 0.05)
    ]
    order = np.log2(errors[0] / errors[1])
    figure(f"order in time, moving Dirichlet data, {name}", order, f">= {table.order - 0.1}")
    assert order >= table.order - 0.1


@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8])
def test_errors_follow_the_tolerance(rtol):
    problem = reaction()
    exact = problem.solve(t_end=1.0, method="Radau", rtol=1e-12, atol=1e-14)
    found = problem.solve(t_end=1.0, method="etdrk4", rtol=rtol)
    for i in range(11):
        assert np.max(np.abs(found.frame("u", i).values - exact.frame("u", i).values)) <= 30 * rtol


def test_kuramoto_and_sivashinsky_to_twenty(figure):
    ks = pk.Problem(
        pk.PDE("u_t = -u_xx - u_xxxx - u*u_x"),
        pk.Grid(x=pk.Axis(0, 32 * np.pi, 128, periodic=True)),
        initial={"u": "cos(x/16)*(1 + sin(x/16))"},
        order=4,
    )
    assert ks.choice(t_end=20.0).method.name == "etdrk4"
    exact = ks.solve(t_end=20.0, method="etdrk4", step=1 / 64, times=())["u"].values
    errors = [
        np.max(np.abs(ks.solve(t_end=20.0, method="etdrk4", step=h, times=())["u"].values - exact))
        for h in (0.25, 0.125)
    ]
    order = np.log2(errors[0] / errors[1])
    figure("Kuramoto-Sivashinsky to t = 20, order of etdrk4", order, ">= 3.9")
    assert order >= 3.9


def test_two_species_and_a_potential_with_conditions_of_its_own():
    pair = pk.Problem(
        pk.PDE(["u_t = 1 + u**2*v - 4.4*u + 0.1*laplace(u)", "v_t = 3.4*u - u**2*v + 0.1*laplace(v)"]),
        square(65),
        initial={"u": "22*y*(1 - y)**1.5", "v": "27*x*(1 - x)**1.5"},
        boundary={k: {"x": N(0), "y": N(0)} for k in "uv"},
    )
    solution = pair.solve(t_end=1.0, method="etdrk4")
    exact = pair.solve(t_end=1.0, method="tsitouras", rtol=1e-10, atol=1e-12)
    assert np.max(np.abs(solution["u"].values - exact["u"].values)) < 3e-5 * exact["u"].norm("max")
    mixture = pk.Problem(
        pk.PDE("c_t = laplace(mu)", definitions={"mu": "c**3 - c - 0.001*laplace(c)"}),
        square(33),
        initial={"c": "0.3*cos(3*pi*x)*cos(2*pi*y)"},
        boundary={k: {"x": N(0), "y": N(0)} for k in ("c", "mu")},
    )
    solution = mixture.solve(t_end=0.05)
    assert solution.method == "etdrk4"
    exact = mixture.solve(t_end=0.05, method="BDF", rtol=1e-9, atol=1e-11)["c"].values
    assert np.max(np.abs(solution["c"].values - exact)) < 3e-5
    masses = [solution.frame("c", i).integral() for i in range(11)]
    assert np.ptp(masses) < 1e-13


def test_complex_equations_without_a_derivative():
    """Ginzburg and Landau's equation has abs(A); the wave sqrt(1 - q^2) exp(i (q x - w t)) solves it."""
    q, alpha, beta = 2 * np.pi / 20, 0.5, -0.5
    amplitude, w = np.sqrt(1 - q**2), beta + (alpha - beta) * q**2
    wave = pk.Problem(
        pk.PDE(f"A_t = A + (1 + {alpha}*I)*A_xx - (1 + ({beta})*I)*A*abs(A)**2"),
        pk.Grid(x=pk.Axis(0, 20, 256, periodic=True)),
        initial={"A": f"{amplitude}*exp(I*{q}*x)"},
        order=8,
    )
    solution = wave.solve(t_end=10.0)
    x = wave.grid.axes[0].nodes
    assert solution.method == "etdrk4"
    assert np.max(np.abs(solution["A"].values - amplitude * np.exp(1j * (q * x - w * 10.0)))) < 1e-5


def test_growth_is_right_or_refused():
    def growing(rate):
        return pk.Problem(
            pk.PDE(f"u_t = u_xx + {rate}*u"),
            pk.Grid(x=pk.Axis(0, 1, 33)),
            initial={"u": "sin(pi*x)"},
            boundary={"u": {"x": D(0)}},
        )

    lam = 12 + (2 * np.cos(np.pi * H) - 2) / H**2
    assert growing(12).solve(t_end=1.0)["u"].max() == pytest.approx(np.exp(lam), rel=1e-12)
    with pytest.raises(BlowUpError):
        growing(5000).solve(t_end=1.0)


@pytest.mark.parametrize(
    ("equation", "method", "words"),
    [
        ("u_t = u_xx - u**3", "exponential", "linear evolution equations"),
        ("u_t = div((1 + u**2)*grad(u))", "etdrk4", "highest derivatives are linear"),
        ("u_tt = u_xx - u**3", "etdrk4", "first order in time"),
        ("u_t = div(exp(x*t)*grad(u))", "exponential", "linear evolution equations"),
    ],
)
def test_refusals(equation, method, words):
    initial = {"u": "sin(pi*x)"} | ({"u_t": 0} if "tt" in equation else {})
    problem = pk.Problem(pk.PDE(equation), pk.Grid(x=pk.Axis(0, 1, 21)), initial=initial, boundary={"u": {"x": D(0)}})
    with pytest.raises(SolverError, match=words):
        problem.solve(t_end=0.1, method=method)


def test_single_precision_stays_with_the_kernels():
    heat = pk.Problem(
        pk.PDE("u_t = laplace(u)"),
        square(65),
        initial={"u": "sin(pi*x)*sin(pi*y)"},
        boundary={"u": {"x": D(0), "y": D(0)}},
        time=pk.TimeSettings(precision="single", rtol=1e-4, end=0.1),
    )
    solution = heat.solve()
    assert solution.method == "rkc2"
    assert solution["u"].max() == pytest.approx(np.exp(-2 * np.pi**2 * 0.1), rel=2e-3)


def test_melting_reaches_its_front():
    """Stefan's problem by its enthalpy: the front is at ``2 l sqrt(t)`` with ``sqrt(pi) l exp(l^2) erf(l) = 1``."""
    ice = pk.Problem(
        pk.PDE("H_t = laplace(max(H - 1, 0))"),
        pk.Grid(x=pk.Axis(0, 1, 101)),
        initial={"H": 0},
        boundary={"H": {"x": {"left": D(2), "right": N(0)}}},
    )
    solution = ice.solve(t_end=0.2, rtol=1e-4)
    lam = scipy.optimize.brentq(lambda s: np.sqrt(np.pi) * s * np.exp(s * s) * scipy.special.erf(s) - 1, 0.1, 2.0)
    melted = np.sum(solution["H"].values >= 1) / 100
    assert abs(melted - 2 * lam * np.sqrt(0.2)) < 0.015
    x = ice.grid.axes[0].nodes
    exact = np.maximum(1 - scipy.special.erf(x / (2 * np.sqrt(0.2))) / scipy.special.erf(lam), 0)
    assert np.max(np.abs(np.maximum(solution["H"].values - 1, 0) - exact)) < 0.01


@pytest.mark.parametrize("a", [0.3, np.pi, 40.0])
def test_damped_waves_are_exact(a):
    """u_tt = u_xx - 2 a u_t, under-damped, near-critical and over-damped, fixed and free ends: each mode by its own roots."""
    n = 33
    grid = pk.Grid(x=pk.Axis(0, 1, n))
    x, h = grid.axes[0].nodes, 1 / (n - 1)
    for end, shape, k in (
        (pk.Dirichlet(0), np.sin(np.pi * x), 1),
        (pk.Neumann(0), np.cos(2 * np.pi * x), 2),
        (pk.Neumann(0), 1 + 0 * x, 0),
    ):
        lam = -((2 * np.sin(k * np.pi * h / 2) / h) ** 2)
        string = pk.Problem(
            pk.PDE("u_tt = u_xx - 2*a*u_t", parameters={"a": a}),
            grid,
            initial={"u": shape, "u_t": 0.5 * shape},
            boundary={"u": {"x": end}},
        )
        solution = string.solve(t_end=1.0)
        assert solution.method == "exponential"
        for i, t in enumerate(solution.times):
            root = np.sqrt(lam + a**2 + 0j)
            S = np.sinh(root * t) / root
            c = (np.exp(-a * t) * (np.cosh(root * t) + a * S) + 0.5 * np.exp(-a * t) * S).real
            assert np.max(np.abs(solution.frame("u", i).values - c * shape)) < 1e-8


def test_a_damped_wave_with_a_source_that_moves(figure):
    """Against Radau at a tight tolerance; the error follows the tolerance."""
    grid = pk.Grid(x=pk.Axis(0, 1, 33))
    string = pk.Problem(
        pk.PDE("u_tt = u_xx - 0.8*u_t + x*sin(5*t)"),
        grid,
        initial={"u": "sin(pi*x)", "u_t": 0},
        boundary={"u": {"x": {"left": pk.Dirichlet("0.1*sin(3*t)"), "right": pk.Neumann(0)}}},
    )
    exact = string.solve(t_end=2.0, method="Radau", rtol=1e-12, atol=1e-14)["u"].values
    found = string.solve(t_end=2.0)
    error = np.max(np.abs(found["u"].values - exact))
    figure("error of a damped wave with moving data over rtol", error / 1e-6, "<= 30")
    assert found.method == "exponential" and error < 30e-6


def test_critical_damping():
    """a^2 = -lambda exactly: exp(-a t)(1 + a t)."""
    n, h = 33, 1 / 32
    a = 2 * np.sin(np.pi * h / 2) / h
    grid = pk.Grid(x=pk.Axis(0, 1, n))
    string = pk.Problem(
        pk.PDE("u_tt = u_xx - 2*a*u_t", parameters={"a": a}),
        grid,
        initial={"u": "sin(pi*x)", "u_t": 0},
        boundary={"u": {"x": pk.Dirichlet(0)}},
    )
    u = string.solve(t_end=1.0)["u"].values
    assert np.max(np.abs(u - np.exp(-a) * (1 + a) * np.sin(np.pi * grid.axes[0].nodes))) < 1e-8


@pytest.mark.parametrize("method", ["auto", "etdrk4"])
@pytest.mark.parametrize(
    ("source", "flux", "exact"),
    [
        ("20*cos(20*t)", "0", lambda t, x: 1 + np.sin(20 * t) + 0 * x),
        ("0.4*exp(-((t - 3)/0.05)**2)/0.05/sqrt(pi)", "0", lambda t, x: 1.2 + 0.2 * scipy.special.erf((t - 3) / 0.05) + 0 * x),
        ("5*cos(5*t)*x**2 - 0.2*sin(5*t)", "2*sin(5*t)", lambda t, x: 1 + np.sin(5 * t) * x**2),
    ],
)  # fmt: skip
def test_data_that_change_in_time_are_seen(method, source, flux, exact):
    """Two states at the end of a step know nothing of them: the estimate looks at N between, and before (errors of 0.8 without)."""
    grid = pk.Grid(x=pk.Axis(0, 1, 41))
    rod = pk.Problem(
        pk.PDE(f"u_t = 0.1*u_xx - 0*u**2 + {source}"),
        grid,
        initial={"u": 1},
        boundary={"u": {"x": {"left": pk.Neumann(0), "right": pk.Neumann(flux)}}},
    )
    for rtol in (1e-4, 1e-6, 1e-8):
        found = rod.solve(t_end=6, method=method, rtol=rtol)
        off = max(
            np.max(np.abs(found.frame("u", i).values - exact(t, grid.axes[0].nodes))) for i, t in enumerate(found.times)
        )
        assert off <= 30 * rtol, (rtol, off / rtol)


@pytest.mark.parametrize(
    ("equation", "faces"),
    [
        ("u_t = 0.5*u_xx + u*(1 - u)", None),
        ("u_t = 0.5*u_xx + sin(t)*x - u**3", D("cos(3*t)")),
        ("u_t = 0.1*d((1 + x)*u_x, x) + 2*u - u**3", N("sin(2*t)")),
        ("u_t = -u_xxxx - 2*u_xx + 0.3*u - u**3", None),
        ("u_t = 0.2*u_xx + exp(-u) + t", pk.Robin(1, 2, "t")),
    ],
)
def test_what_is_left_of_the_right_hand_side(equation, faces):
    """Where A is all that is linear, N is found alone: the same as F - A u."""
    from pdekit.linear.solver_choice import Solvers

    grid = pk.Grid(x=pk.Axis(0, 1, 24, periodic=faces is None))
    problem = pk.Problem(
        pk.PDE(equation), grid, initial={"u": "sin(2*pi*x)"}, boundary={} if faces is None else {"u": {"x": faces}}
    )
    system = problem.semidiscrete
    (part,) = Solvers(system).stiff_parts
    assert part.rest == system.splits["u"].rest
    y = np.random.default_rng(0).standard_normal(system.size)
    A = part.modes.vector(part.modes.eigenvalues * part.modes.coefficients(y))
    F = system.rhs(0.7, y)
    assert np.max(np.abs(F - A - system.given_and_nonlinear(0.7, y))) <= 1e-11 * np.max(np.abs(F))
