"""Derivatives by parameters: of right-hand sides, of recorded runs, forward and backward."""

from __future__ import annotations

import time as clock
from dataclasses import replace

import numpy as np
import pytest

import pdekit as pk
from pdekit.errors import ConfigError, NotDifferentiableError, PdekitError
from pdekit.inverse.chosen_parameters import at_values, chosen_parameters
from pdekit.inverse.discrete_derivatives import adjoint, tangents
from pdekit.inverse.promotion import Promotion
from pdekit.inverse.recorded_run import recorded

# Central differences of order 8, whose error for the steps below is under 1e-10 of smooth functions.
DIFFERENCES = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
LINE = pk.Grid(x=pk.Axis(0, 1, 15))
PLANE = pk.Grid(x=pk.Axis(0, 1, 7), y=pk.Axis(0, 2, 8))


def problem(equations, parameters, initial, boundary, grid=LINE, **options):
    return pk.Problem(pk.PDE(equations, parameters=parameters), grid, initial=initial, boundary=boundary, **options)


def differences(function, v, columns):
    """The derivative of a function of the vector of parameters by some of its entries."""
    found = []
    for j in columns:
        h = 2e-3 * max(0.1, abs(v[j]))
        unit = np.eye(v.size)[j]
        found.append(
            sum(w * (function(v + k * h * unit) - function(v - k * h * unit)) for k, w in DIFFERENCES.items()) / h
        )
    return np.array(found).T


CASES = {
    "everything by numbers": (
        lambda: problem(
            "u_t = D*u_xx",
            {"D": 0.1, "h": 2.0},
            {"u": "cos(x) + h*x"},
            {"u": {"x": {"left": pk.Dirichlet("h**2*sin(t) + 1"), "right": pk.Robin("h", "D", "0.3*h")}}},
        ),
        ["D", "h"],
    ),
    "order 4 with fluxes": (
        lambda: problem(
            "u_t = D*u_xx + h*x",
            {"D": 0.1, "h": 2.0},
            {"u": "cos(x)"},
            {"u": {"x": {"left": pk.Neumann("h"), "right": pk.Robin("h", 1, "h*0.3")}}},
            order=4,
        ),
        ["D", "h"],
    ),
    "a field and a number": (
        lambda: problem(
            "u_t = div(k*grad(u)) + a*u_x",
            {"k": 1 + np.random.default_rng(0).random(PLANE.shape), "a": 2.0},
            {"u": "cos(x) + y**2 + a*k"},
            {
                "u": {
                    "x": {"left": pk.Neumann("a"), "right": pk.Dirichlet("2*a*y")},
                    "y": pk.Robin("k", 1, "0.3*a"),
                }
            },
            PLANE,
        ),
        ["k", "a"],
    ),
    "a reaction rate as a field": (
        lambda: problem(
            "u_t = 0.1*laplace(u) - r*u**2",
            {"r": 1 + np.random.default_rng(0).random(PLANE.shape)},
            {"u": "1 + x*y"},
            {"u": {"x": pk.Neumann(0), "y": pk.Neumann(0)}},
            PLANE,
        ),
        ["r"],
    ),
    "upwind": (
        lambda: problem(
            "u_t = D*u_xx - v*u_x",
            {"D": 0.1, "v": 2.0},
            {"u": "cos(x)"},
            {"u": {"x": pk.Dirichlet("v")}},
            schemes={"u_x": "upwind"},
        ),
        ["D", "v"],
    ),
    "a wave": (
        lambda: problem(
            "u_tt = c**2*u_xx - g*u_t",
            {"c": 0.3, "g": 2.0},
            {"u": "cos(x)", "u_t": "g*x"},
            {"u": {"x": {"left": pk.Dirichlet("g*sin(t)"), "right": pk.Absorbing("u", "c")}}},
        ),
        ["c", "g"],
    ),
    "nonlinear, with a jump in time and parameters of parameters": (
        lambda: problem(
            "u_t = u_xx + r*u - b*u**3 + where(t > 0.07, b, 0)",
            {"r": 2.0, "b": 1.0, "c": "3*r"},
            {"u": "c*cos(x)"},
            {"u": {"x": {"left": pk.Neumann("-b*u**2"), "right": pk.Dirichlet("c")}}},
        ),
        ["r", "b"],
    ),
    "an exponent": (
        lambda: problem(
            "u_t = div(k*u**n*grad(u))", {"k": 0.2, "n": 2.5}, {"u": "1 + cos(x)"}, {"u": {"x": pk.Neumann(0)}}
        ),
        ["k", "n"],
    ),
    "an algebraic equation": (
        lambda: problem(
            ["u_t = D*u_xx + v", "0 = v_xx - q*v + u"],
            {"D": 0.2, "q": 3.0},
            {"u": "1 + q*x**2", "v": 0},
            {"u": {"x": pk.Neumann("D")}, "v": {"x": pk.Dirichlet("q*t")}},
        ),
        ["D", "q"],
    ),
    "a disc": (
        lambda: problem(
            "u_t = D*laplace(u)",
            {"D": 0.4, "h": 1.5},
            {"u": "1 - r**2*cos(phi)"},
            {"u": {"r": pk.Robin("h", 1, "h*sin(phi)")}},
            pk.Grid(r=pk.Axis(0, 1, 6), phi=pk.Axis(0, 2 * np.pi, 8, periodic=True), coordinates="polar"),
        ),
        ["D", "h"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_right_hand_sides(case):
    """F_p against differences of order 8 of the right-hand sides of problems that are made anew with every value."""
    make, names = CASES[case]
    made = make()
    chosen = chosen_parameters(made, names)
    promotion = Promotion(made, chosen)
    y = made.semidiscrete.pack(made.initial_fields())
    y = y * (1 + 0.1 * np.random.default_rng(1).standard_normal(y.size))
    v = promotion.vector
    columns = sorted({0, v.size // 2, v.size - 1})
    expected = differences(lambda p: at_values(made, chosen, p).semidiscrete.rhs(0.05, y), v, columns)
    found = promotion.slope(0.05, y).along(None)[:, columns]
    assert np.max(np.abs(found - expected)) <= 1e-9 * np.max(np.abs(expected))

    def initial(p):
        other = at_values(made, chosen, p)
        return other.semidiscrete.pack(other.initial_fields())

    given = promotion.initial_slope().toarray()[:, columns]
    assert np.allclose(given, differences(initial, v, columns), atol=1e-9)


RUNS = [(case, {}) for case in CASES]
RUNS += [("everything by numbers", {"step": 0.01}), ("an algebraic equation", {"method": "tr_bdf2", "rtol": 1e-4})]


@pytest.mark.parametrize(("case", "settings"), RUNS)
def test_runs(case, settings):
    """Tangents against differences of order 8 of runs with the same steps; the adjoint against the tangents, to rounding."""
    make, names = CASES[case]
    made = make()
    chosen = chosen_parameters(made, names)
    promotion = Promotion(made, chosen)
    run = recorded(made, [0.05, 0.12], replace(made.time, **settings))
    S = list(tangents(run, promotion))
    v = promotion.vector
    columns = [0, v.size - 1]
    expected = differences(lambda p: run.again(at_values(made, chosen, p)).states[-1], v, columns)
    assert np.max(np.abs(S[-1][:, columns] - expected)) <= 1e-8 * np.max(np.abs(expected))

    rng = np.random.default_rng(2)
    seeds = {k: rng.standard_normal((run.system.size, 2)) for k in range(len(run.frames))}
    forward = sum(s.T @ seeds[k] for k, s in enumerate(S))
    backward = adjoint(run, promotion, seeds)
    assert np.max(np.abs(forward - backward)) <= 1e-11 * np.max(np.abs(forward))
    along = rng.standard_normal((v.size, 3))
    directed = list(tangents(run, promotion, along))[-1]
    assert np.max(np.abs(directed - S[-1] @ along)) <= 1e-11 * np.max(np.abs(directed))


@pytest.mark.parametrize("settings", [{}, {"step": 0.02}])
def test_gradient_against_a_complex_step(settings, figure):
    """A linear run with D + 1e-30 i, in complex arithmetic: its imaginary part is the derivative, without a difference."""

    def made(D, h):
        return problem(
            "u_t = D*u_xx",
            {"D": D, "h": h},
            {"u": "cos(x) + x*h"},
            {"u": {"x": {"left": pk.Dirichlet("h*t + 1"), "right": pk.Robin("h", 1, "0.3*h")}}},
            time=pk.TimeSettings(end=0.3, **settings),
        )

    real = made(0.1, 2.0)
    found = real.gradient("integral(u) + 2*u(0.31)", ["D", "h"])
    run = recorded(real, [0.3])
    for name, values in (("D", (0.1 + 1e-30j, 2.0)), ("h", (0.1, 2.0 + 1e-30j))):
        other = made(*values)
        shifted = run.again(other)
        measure = pk.Problem.replace(other, output=pk.OutputSettings(series={"m": "integral(u) + 2*u(0.31)"})).series[
            "m"
        ]
        expected = measure.value(0.3, shifted.states[-1]).imag / 1e-30
        error = abs(found[name] / expected - 1)
        figure(f"gradient by adjoint against a complex step, {name}", error, "<= 1e-8")
        assert error <= 1e-10


def test_sensitivity_of_an_exact_solution():
    """Of u = exp(-D pi^2 t) sin(pi x): du/dD = -pi^2 t u, to the order of the grid; at all frames, start and faces included."""
    errors = []
    for n in (21, 41):
        rod = problem(
            "u_t = D*u_xx",
            {"D": 0.1},
            {"u": "sin(pi*x)"},
            {"u": {"x": pk.Dirichlet(0)}},
            pk.Grid(x=pk.Axis(0, 1, n)),
            order=4,
            time=pk.TimeSettings(rtol=1e-9),
        )
        found = rod.sensitivity(["parameters.D"], 1.0, frames=3)
        assert np.allclose(found.times, [0, 0.5, 1])
        assert not np.any(found.values["u", "D"][0])
        x, t = rod.grid.axes[0].nodes, found.times[:, None]
        exact = -(np.pi**2) * t * np.exp(-0.1 * np.pi**2 * t) * np.sin(np.pi * x)
        errors.append(np.max(np.abs(found.values["u", "D"] - exact)))
        assert np.allclose(found.states["u"][-1], np.exp(-0.1 * np.pi**2) * np.sin(np.pi * x), atol=1e-3)
    assert np.log2(errors[0] / errors[1]) > 3.7


def test_sensitivity_at_prescribed_nodes():
    rod = problem("u_t = u_xx", {"a": 2.0}, {"u": "a**2"}, {"u": {"x": pk.Dirichlet("a**2")}})
    assert np.allclose(rod.sensitivity(["a"], 1.0).frame("u", "a").values, 4.0)  # u = a^2 everywhere
    with pytest.raises(PdekitError, match="no derivative of u by D"):
        rod.sensitivity(["a"], 1.0).frame("u", "D")


def test_gradients_of_sums_and_functions():
    """The same number as a text, as the sum of texts at times, and as a function of the frames; with what the formula itself holds."""
    rod = problem("u_t = D*u_xx", {"D": 0.2}, {"u": "cos(x)"}, {"u": {"x": pk.Dirichlet("D*t + 1")}})
    w = LINE.weights

    def function(times, fields):
        u = fields["u"]
        slope = np.zeros_like(u)
        slope[1], slope[2] = 2 * w * u[1], 3 * w
        return float(np.sum(w * u[1] ** 2) + 3 * np.sum(w * u[2])), {"u": slope}

    one = rod.gradient({0.1: "integral(u**2)", 0.3: "3*integral(u)"}, ["D"])
    other = rod.gradient(function, ["D"], 0.3, times=[0.1, 0.3])
    assert one.value == pytest.approx(other.value, rel=1e-12)
    assert one["D"] == pytest.approx(other["D"], rel=1e-11)
    plain, scaled = rod.gradient("mean(u)", ["D"], 0.3), rod.gradient("D**2*mean(u)", ["D"], 0.3)
    assert scaled["D"] == pytest.approx(0.04 * plain["D"] + 0.4 * plain.value, rel=1e-11)


def test_gradient_by_a_field_holds_the_gradient_by_a_number():
    """Of a field that is constant the derivatives by all nodes add up to that by the number."""
    u = {"u": "cos(x)*y"}
    edge = {"u": {"x": pk.Neumann(0), "y": pk.Robin(1, 1, 0)}}
    number = problem("u_t = k*laplace(u)", {"k": 0.3}, u, edge, PLANE)
    field = problem("u_t = div(k*grad(u))", {"k": np.full(PLANE.shape, 0.3)}, u, edge, PLANE)
    for text in ("integral(k*u**2)", "face(k*u_x, x, left)*mean(k)"):
        if "mean" in text:
            number, field = (p.replace(initial={"u": "k*cos(x)*y"}) for p in (number, field))
        by_number, by_field = (p.gradient(text, ["k"], 0.2) for p in (number, field))
        assert by_field["k"].shape == PLANE.shape
        assert by_field.value == pytest.approx(by_number.value, rel=1e-9)
        assert np.sum(by_field["k"]) == pytest.approx(by_number["k"], rel=1e-9)


@pytest.mark.study
def test_cost_of_a_gradient_by_ten_thousand_parameters(figure):
    """Run and adjoint together beside the run, both with the same steps."""
    n = 100
    grid = pk.Grid(x=pk.Axis(0, 1, n), y=pk.Axis(0, 1, n))
    k = 1 + 0.3 * np.random.default_rng(0).random(grid.shape)
    for equation, settings in (
        ("div(k*grad(u))", {"step": 1e-3}),
        ("div(k*grad(u))", {}),
        ("div(k*grad(u)) - u**3", {}),
    ):
        made = problem(
            f"u_t = {equation}",
            {"k": k},
            {"u": "exp(-20*((x - 0.4)**2 + (y - 0.5)**2))"},
            {"u": {"x": pk.Neumann(0), "y": pk.Robin(1, 1, 0)}},
            grid,
            time=pk.TimeSettings(end=0.1, **settings),
        )
        recorded(made, [0.1])  # what is made once
        ratios = []
        for _ in range(3):
            start = clock.perf_counter()
            recorded(made, [0.1])
            middle = clock.perf_counter()
            made.gradient("integral(u**2)", ["k"])
            ratios.append((clock.perf_counter() - middle) / (middle - start))
        what = "fixed steps" if settings else "adaptive steps"
        figure(f"gradient by 10,000 parameters over a run, {equation}, {what}", min(ratios), "<= 5")
        assert min(ratios) <= 5


def refused(match, names=("D",), **changes):
    given = {
        "equations": "u_t = D*u_xx",
        "parameters": {"D": 0.1, "k": np.ones(15)},
        "initial": {"u": "cos(x)"},
        "boundary": {"u": {"x": pk.Neumann(0)}},
        **changes,
    }
    with pytest.raises((ConfigError, NotDifferentiableError, PdekitError), match=match):
        problem(**given).gradient("integral(u)", names, 0.1)


def test_what_has_no_derivative_is_refused_by_name():
    refused(r"parameters.kk: is no parameter.*did you mean 'parameters.k'", ["parameters.kk"])
    refused("parameters.D: is named twice", ["D", "parameters.D"])
    refused("complex unknowns", equations="u_t = 1j*u_xx + D*u")
    refused("numbers made of whole fields", equations="u_t = D*u_xx - mean(u)")
    refused("constraints, at whose bounds", constraints=["u >= 0"])
    ring = pk.Grid(x=pk.Axis(0, 1, 15, periodic=True))
    refused("limited schemes", equations="u_t = -D*u*u_x", boundary={}, grid=ring, advection="weno5")
    refused("initial.u: is a Python function of D", initial={"u": lambda x, D: x * D})
    refused(
        "parameters.D: in the equation of u it decides where something jumps",
        equations="u_t = u_xx + where(x < D, 1, 0)",
    )
    refused("parameters.D: in boundary.u.x.left", boundary={"u": {"x": pk.Neumann("where(t > D, 1, 0)")}})
    refused("initial.u: the amplitude of its noise", initial={"u": "noise(D, 3)"})
    refused(
        "boundary.u.x.left: prescribed values cannot depend on the field parameters.k",
        ["k"],
        equations="u_t = div(k*grad(u))",
        boundary={"u": {"x": pk.Dirichlet("k")}},
    )
    refused(
        "boundary.u.x.left: only conditions on u and du/dn",
        equations="u_t = -D*u_xxxx",
        boundary={"u": {"x": [pk.Dirichlet(0), pk.BoundaryCondition((0, "D", 1))]}},
    )
    refused(
        "boundary.u.x.left: its factor depends on parameters.D, and its value is data",
        boundary={"u": {"x": {"left": pk.BoundaryCondition(("D",), np.array(1.0)), "right": pk.Neumann(0)}}},
    )
    refused("time.method: steps that can be differentiated", time=pk.TimeSettings(method="rk4", step=1e-4))
    refused(
        "parameters.k: fields are interpolated by splines at this order",
        ["k"],
        order=4,
        equations="u_t = div(k*grad(u))",
        parameters={"D": 1, "k": 1 + np.random.default_rng(0).random(15)},
    )
    with pytest.raises(NotDifferentiableError, match=r"objective: max\(\) has no derivative"):
        problem("u_t = D*u_xx", {"D": 1}, {"u": "x"}, {"u": {"x": pk.Neumann(0)}}).gradient("max(u)", ["D"], 0.1)
    with pytest.raises(ConfigError, match=r"parameters.k: is a field of 15 values"):
        problem("u_t = div(k*grad(u))", {"k": np.ones(15)}, {"u": "x"}, {"u": {"x": pk.Neumann(0)}}).sensitivity(
            ["k"], 0.1
        )
