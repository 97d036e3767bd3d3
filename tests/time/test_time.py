"""Time integration: orders, stability limits, blow-up, exact landing, energy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.linalg import expm

import pdekit as pk
from pdekit.errors import ConfigError, SolverError, StabilityError
from pdekit.time.methods import METHODS
from pdekit.time.stability import balanced, bounding_ellipse

FIRST = ["backward_euler", "crank_nicolson", "ssprk3", "rk4", "euler", "midpoint", "heun"]
NOMINAL = {m: METHODS[m].order for m in METHODS}


def moving_heat(nonlinear=False):
    """Data move at both ends and fit the smooth exact solution of the equation."""
    exact = "exp(sin(2*t))*cos(x + 0.3)"
    source = "2*cos(2*t)*exp(sin(2*t))*cos(x + 0.3) + D*exp(sin(2*t))*cos(x + 0.3)"
    extra = f" - u**3 + ({exact})**3" if nonlinear else ""
    return pk.Problem(
        pk.PDE(f"u_t = D*u_xx + {source}{extra}", parameters={"D": 0.05}),
        pk.Grid(x=pk.Axis(0, 1, 17)),
        initial={"u": exact.replace("2*t", "0")},
        boundary={
            "u": {"x": {"left": pk.Dirichlet("exp(sin(2*t))*cos(0.3)"), "right": pk.Neumann("-exp(sin(2*t))*sin(1.3)")}}
        },
        exact={"u": exact},
    )


def moving_wave(damping=0.0):
    exact = "sin(1.3*t + 0.2)*cos(x + 0.3)"
    source = f"(1 - 1.69)*{exact} + {damping}*1.3*cos(1.3*t + 0.2)*cos(x + 0.3)"
    damp = f" - {damping}*u_t" if damping else ""
    return pk.Problem(
        pk.PDE(f"u_tt = u_xx + {source}{damp}"),
        pk.Grid(x=pk.Axis(0, 1, 17)),
        initial={"u": "sin(0.2)*cos(x + 0.3)", "u_t": "1.3*cos(0.2)*cos(x + 0.3)"},
        boundary={
            "u": {
                "x": {
                    "left": pk.Dirichlet("sin(1.3*t + 0.2)*cos(0.3)"),
                    "right": pk.Neumann("-sin(1.3*t + 0.2)*sin(1.3)"),
                }
            }
        },
        exact={"u": exact},
    )


def observed(problem, method, steps, t_end=0.8):
    study = pk.converge(problem.replace(time=pk.TimeSettings(method=method)), steps=steps, t_end=t_end)
    return study.orders("u")[-1]


@pytest.mark.parametrize("method", FIRST)
def test_order_in_time_with_moving_data(method, figure):
    problem = moving_heat()
    steps = (0.02, 0.01, 0.005)
    if method in ("rk4", "ssprk3", "midpoint", "heun", "euler"):
        limit = problem.choice(t_end=0.8, method=method, step=1e-6).limit
        steps = tuple(0.8 / np.ceil(0.8 / (limit * f)) for f in (0.2, 0.1, 0.05))
    order = observed(problem, method, steps)
    figure(f"order in time, moving Dirichlet data, {method}", order, f"within 0.1 of {NOMINAL[method]}")
    assert abs(order - NOMINAL[method]) <= 0.1


@pytest.mark.parametrize("method", ["backward_euler", "crank_nicolson"])
def test_order_in_time_nonlinear(method):
    assert abs(observed(moving_heat(True), method, (0.02, 0.01, 0.005)) - NOMINAL[method]) <= 0.1


@pytest.mark.parametrize("method", ["verlet", "newmark"])
def test_order_in_time_of_waves(method, figure):
    order = observed(moving_wave(), method, (0.02, 0.01, 0.005))
    figure(f"order in time, moving Dirichlet data, {method}", order, "within 0.1 of 2")
    assert abs(order - 2) <= 0.1
    if method == "newmark":
        assert abs(observed(moving_wave(0.7), method, (0.02, 0.01, 0.005)) - 2) <= 0.1


def test_newmark_on_a_nonlinear_wave():
    problem = pk.Problem(
        pk.PDE("u_tt = u_xx - sin(u)"),
        pk.Grid(x=pk.Axis(-6, 6, 61)),
        initial={"u": "4*atan(exp(x/sqrt(0.75)))", "u_t": "-2*0.5/sqrt(0.75)/cosh(x/sqrt(0.75))"},
        boundary={"u": {"x": pk.Dirichlet("4*atan(exp((x - 0.5*t)/sqrt(0.75)))")}},
        exact={"u": "4*atan(exp((x - 0.5*t)/sqrt(0.75)))"},
        order=4,
    )
    assert problem.solve(t_end=1.0, method="newmark", step=0.005).error("u") < 1e-3
    assert abs(observed(problem, "newmark", (0.04, 0.02, 0.01), 1.0) - 2) <= 0.1


@pytest.mark.parametrize("method", ["RK45", "RK23", "DOP853", "Radau", "BDF", "LSODA"])
def test_scipy_methods_agree_with_the_matrix_exponential(method):
    """On a linear problem without sources the semi-discrete solution is exp(t L) y."""
    problem = pk.Problem(
        pk.PDE("u_t = 0.1*laplace(u) - 0.5*u_x"),
        pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 1, 8, periodic=True)),
        initial={"u": "x*(1 - x)*(2 + sin(2*pi*y))"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
    )
    system = problem.semidiscrete
    y = system.pack(problem.initial_fields())
    solution = problem.solve(t_end=0.5, method=method, rtol=1e-9, atol=1e-12, times=[0.13])
    for i, t in enumerate([0.0, 0.13, 0.5]):
        expected = expm(t * system.L.toarray()) @ y
        assert np.max(np.abs(system.pack({"u": solution.values["u"][i]}) - expected)) < 1e-6


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
def test_implicit_methods_on_a_stiff_nonlinear_system(method):
    problem = pk.Problem(
        pk.PDE(["u_t = laplace(u) + u**2*v - 4*u + 1", "v_t = 0.5*laplace(v) - u**2*v + 3*u"]),
        pk.Grid(x=pk.Axis(0, 1, 31)),
        initial={"u": "1 + sin(2*pi*x)*x", "v": "3 + 0*x"},
        boundary={"u": {"x": pk.Dirichlet(1)}, "v": {"x": pk.Neumann(0)}},
    )
    found = problem.solve(t_end=0.5, method=method, rtol=1e-7, atol=1e-9)
    check = problem.solve(t_end=0.5, method="DOP853", rtol=1e-9, atol=1e-11)
    assert np.max(np.abs(found["u"].values - check["u"].values)) < 1e-4
    assert found.statistics["evaluations"] < check.statistics["evaluations"]


def test_energy_of_a_standing_wave(figure):
    """Newmark, 100 periods: q' K q and v' v, with the stretched grid's own weights."""
    grid = pk.Grid(x=pk.Axis(0, 1, 41))
    problem = pk.Problem(
        pk.PDE("u_tt = u_xx"), grid, initial={"u": "sin(pi*x) + 0.3*sin(2*pi*x)", "u_t": "sin(3*pi*x)"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
    )  # fmt: skip
    solution = problem.solve(t_end=200.0, method="newmark", step=0.02, frames=101)
    h = grid.axes[0].step
    slopes = np.diff(solution.values["u"], axis=1) / h
    energy = 0.5 * h * (np.sum(solution.values["u_t"] ** 2, axis=1) + np.sum(slopes**2, axis=1))
    drift = np.max(np.abs(energy / energy[0] - 1))
    figure("energy of a standing wave over 100 periods, Newmark, relative drift", drift, "<= 1e-9")
    assert drift <= 1e-9
    # Not at a multiple of the period alone: the phase is right as well, to second order in space and time.
    early = problem.solve(t_end=0.77, method="newmark", step=0.0025)["u"].values
    x, t = grid.axes[0].nodes, 0.77
    exact = np.sin(np.pi * x) * np.cos(np.pi * t) + 0.3 * np.sin(2 * np.pi * x) * np.cos(2 * np.pi * t)
    exact += np.sin(3 * np.pi * x) * np.sin(3 * np.pi * t) / (3 * np.pi)
    assert np.max(np.abs(early - exact)) < 2e-3


@pytest.mark.parametrize(("method", "constant"), [("euler", 2.0), ("rk4", 2.7852935634), ("ssprk3", 2.5127453266)])
def test_stability_limit_is_that_of_the_spectrum(method, constant):
    """Heat with Dirichlet ends: the greatest eigenvalue is (4/h^2) sin^2(pi (n-1) h/2), n - 1 interior modes."""
    problem = pk.Problem(
        pk.PDE("u_t = u_xx"), pk.Grid(x=pk.Axis(0, 1, 21)), initial={"u": "x"}, boundary={"u": {"x": pk.Dirichlet(0)}}
    )
    greatest = 4 * 400 * np.sin(19 * np.pi / 40) ** 2
    assert problem.choice(t_end=1.0, method=method, step=1e-6).limit == pytest.approx(constant / greatest, rel=1e-6)
    step = 1.02 * constant / greatest
    with pytest.raises(StabilityError, match="largest stable step is"):
        problem.solve(t_end=1.0, method=method, step=step)
    stable = problem.solve(t_end=1.0, method=method, step=0.98 * constant / greatest)
    assert abs(stable["u"].values).max() < 1


def test_stability_limit_of_waves_and_large_systems():
    wave = pk.Problem(
        pk.PDE("u_tt = 4*laplace(u)"),
        pk.Grid(x=pk.Axis(0, 1, 32, periodic=True), y=pk.Axis(0, 1, 32, periodic=True)),
        initial={"u": 0, "u_t": 1},
    )
    h = 1 / 32
    for method, exact in (("verlet", h / (2 * np.sqrt(2))), ("rk4", np.sqrt(8) * h / (4 * np.sqrt(2)))):
        limit = wave.choice(t_end=1.0, method=method, step=1e-6).limit
        assert 0.97 * exact <= limit <= exact * (1 + 1e-12)
    with pytest.raises(StabilityError, match="unstable for this problem at every step"):
        wave.choice(t_end=1.0, method="euler", step=1e-3)


def test_blow_up_stops_with_time_and_place():
    problem = pk.Problem(
        pk.PDE("u_t = 0.01*u_xx + u**3"), pk.Grid(x=pk.Axis(0, 1, 41)), initial={"u": "3*exp(-50*(x - 0.6)**2)"},
        boundary={"u": {"x": pk.Neumann(0)}},
    )  # fmt: skip
    for options in ({}, {"method": "rk4", "step": 1e-3}, {"method": "DOP853"}):
        with pytest.raises(StabilityError, match=r"blew up|cannot go on") as caught:
            problem.solve(t_end=1.0, **options)
        assert "t = 0.0" in str(caught.value) and "x = 0.6" in str(caught.value)


def test_output_times_are_hit_exactly():
    problem = moving_heat()
    wanted = [0.0, 0.0137, 0.1, 0.333333, 0.8]
    for options in ({"method": "rk4", "step": 0.01}, {"method": "crank_nicolson", "step": 0.003}, {"method": "BDF"}):
        solution = problem.solve(t_end=0.8, times=wanted, **options)
        assert np.array_equal(solution.times, wanted)
        for i in range(len(wanted)):
            assert solution.error("u", i) < 2e-3
    assert solution.at(0.1)["u"].name == "u"


@pytest.mark.parametrize("method", ["rkc2", "ros3p", "bdf2"])
def test_frames_cut_steps_short_and_nothing_else(method):
    """A frame costs one more step at most: the steps after it are neither refused nor shorter than they would be."""
    front = pk.Problem(
        pk.PDE("u_t = u_xx + 5*u*(1 - u)"),
        pk.Grid(x=pk.Axis(0, 10, 101)),
        initial={"u": "exp(-x**2)"},
        boundary={"u": {"x": pk.Neumann(0)}},
    )
    few, many = (front.solve(t_end=3.0, frames=n, method=method, rtol=1e-5).statistics for n in (2, 101))
    assert many["rejected"] <= few["rejected"]
    assert many["steps"] <= few["steps"] + 99


def test_one_factorisation_for_equal_steps():
    solution = moving_heat().solve(t_end=0.8, method="crank_nicolson", step=0.01, every=0.1)
    assert solution.statistics["factorisations"] == 1


def test_algebraic_equations_beside_evolution_equations():
    """Vorticity and stream function: 0 = laplace(psi) + w at every step, the start included."""
    problem = pk.Problem(
        pk.PDE(["w_t = 0.1*laplace(w)", "0 = laplace(psi) + w"]),
        pk.Grid(x=pk.Axis(0, 1, 21), y=pk.Axis(0, 1, 21)),
        initial={"w": "sin(pi*x)*sin(pi*y)"},
        boundary={
            "w": {"x": pk.Dirichlet(0), "y": pk.Dirichlet(0)},
            "psi": {"x": pk.Dirichlet(0), "y": pk.Dirichlet(0)},
        },
        exact={"w": "exp(-0.2*pi**2*t)*sin(pi*x)*sin(pi*y)", "psi": "exp(-0.2*pi**2*t)*sin(pi*x)*sin(pi*y)/(2*pi**2)"},
    )
    solution = problem.solve(t_end=0.5, method="crank_nicolson", step=0.01)
    assert solution.error("w", 0) < 1e-12 and solution.error("psi", 0) < 2e-4
    assert solution.error("w") < 2e-3 and solution.error("psi") < 2e-4
    with pytest.raises(SolverError, match="algebraic"):
        problem.solve(t_end=0.5, method="RK45")


def test_automatic_choice_and_reasons():
    heat = pk.Problem(
        pk.PDE("u_t = u_xx"), pk.Grid(x=pk.Axis(0, 1, 101)), initial={"u": "x"}, boundary={"u": {"x": pk.Neumann(0)}}
    )
    assert heat.choice(t_end=1.0).method.name == "exponential"
    burning = heat.replace(pde=pk.PDE("u_t = div((1 + u**2)*grad(u)) - u**3"))
    assert burning.choice(t_end=1.0).method.name == "Radau"
    assert burning.choice(t_end=1e-4).method.name == "DOP853"
    assert heat.choice(t_end=1.0, step=0.01).method.name == "tr_bdf2"
    assert heat.choice(t_end=1.0, step=1e-5).method.name == "rk4"
    wave = pk.Problem(
        pk.PDE("u_tt = u_xx"),
        pk.Grid(x=pk.Axis(0, 1, 101)),
        initial={"u": "x", "u_t": 0},
        boundary={"u": {"x": pk.Neumann(0)}},
    )
    assert wave.choice(t_end=1.0, step=0.005).method.name == "verlet"
    assert wave.choice(t_end=1.0, step=0.05).method.name == "newmark"
    assert wave.choice(t_end=1.0).method.name == "exponential"
    assert wave.replace(pde=pk.PDE("u_tt = u_xx - sin(u)")).choice(t_end=1.0).method.name == "DOP853"
    assert all(reason for reason in heat.choice(t_end=1.0).reasons)


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"t_end": 0.0}, ConfigError, "must be after the start"),
        ({"t_end": 1.0, "method": "rk5"}, SolverError, "unknown time method 'rk5'"),
        ({"t_end": 1.0, "method": "rk4"}, SolverError, "needs a fixed step"),
        ({"t_end": 1.0, "method": "BDF", "step": 0.1}, SolverError, "chooses its own steps"),
        ({"t_end": 1.0, "method": "verlet", "step": 0.1}, SolverError, "u_tt"),
        ({"t_end": 1.0, "times": [2.0]}, ConfigError, "output.times"),
        ({"t_end": 1.0, "every": -1.0}, ConfigError, "output.every"),
        ({"t_end": 1.0, "every": 0.1, "frames": 3}, ConfigError, "one of every, times and frames"),
        ({"t_end": 1.0, "every": 1e-12}, ConfigError, "1,000,000"),
        ({"t_end": float("nan")}, ConfigError, "must be after the start"),
        ({"t_end": 1.0, "rtol": -1.0}, ConfigError, "time.rtol: must be a positive number"),
        ({"t_end": 1.0, "method": "rk4", "step": 0}, ConfigError, "time.step: must be a positive number"),
        ({"t_end": 1.0, "method": "crank_nicolson", "step": 1e-12}, SolverError, "asks for 1e.12 steps"),
    ],
)
def test_refusals(options, kind, words):
    with pytest.raises(kind, match=words):
        moving_heat().solve(**options)


def test_periodic_diffusion_of_many_unknowns_goes_by_stages():
    """The eigenvalues of a ring are real, though its transform is complex: rkc2, ten times faster than etdrk4 here (Gray-Scott 200^2)."""
    ring = pk.Axis(0, 1, 120, periodic=True)
    problem = pk.Problem(
        pk.PDE(["u_t = 2e-5*laplace(u) - u*v**2 + 0.04*(1 - u)", "v_t = 1e-5*laplace(v) + u*v**2 - 0.1*v"]),
        pk.Grid(x=ring, y=ring),
        initial={"u": 1, "v": "0.1*sin(2*pi*x)"},
    )
    assert problem.choice(t_end=3000.0).method.name == "rkc2"


def test_bounds_of_a_spectrum_are_close_whatever_the_units_of_the_unknowns():
    """A damped string as two equations of first order, its rates in units a thousand times smaller."""
    n = 60
    L = n**2 * sparse.diags_array([np.ones(n - 1), np.full(n, -2.0), np.ones(n - 1)], offsets=[-1, 0, 1])
    rate = 1e-3 * sparse.eye_array(n)
    A = sparse.csr_array(sparse.block_array([[None, rate], [1e3 * L, -3 * sparse.eye_array(n)]]))
    radius = np.max(np.abs(np.linalg.eigvals(A.toarray())))
    assert radius <= np.max(np.abs(bounding_ellipse(A))) < 1.2 * radius
    assert np.allclose(
        np.sort(np.linalg.eigvals(balanced(A).toarray()).imag), np.sort(np.linalg.eigvals(A.toarray()).imag)
    )
