"""Conditions with numbers made of whole fields, and prescribed values of scalar unknowns: exact answers and exact Jacobians."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from pdekit.errors import BoundaryError
from pdekit.io.load import loads


def controlled(points=41, law="-h*(mean(u) - 1)", **words):
    """A rod heated at one end by what its mean temperature lacks."""
    return pk.Problem(
        pk.PDE("u_t = k*u_xx", parameters={"k": 0.5, "h": 2.0}),
        pk.Grid(x=pk.Axis(0, 1, points)),
        initial={"u": "3 + cos(pi*x)"},
        boundary={"u": {"x": {"left": pk.Neumann(0), "right": pk.Neumann(law)}}},
        **words,
    )


METHODS = ["auto", "tr_bdf2", "esdirk43", "ros3p", "bdf2", "Radau", "BDF", "tsitouras"]


@pytest.mark.parametrize("method", METHODS)
def test_a_mean_that_rules_a_flux(method):
    """The mean m obeys m' = -k h (m - 1) exactly, on every grid."""
    solution = controlled().solve(t_end=1.0, method=method, rtol=1e-7, atol=1e-9)
    assert solution["u"].mean() == pytest.approx(1 + 2 * np.exp(-1.0), abs=1e-5)


@pytest.mark.parametrize(
    "law", ["-h*(mean(u) - 1)", "u*(2 - integral(u**2))", "face(u, x, left) - sin(t)*u(0.3)", "-max(u)*u**2"]
)
def test_jacobians_are_exact(law):
    assert pk.check_jacobian(controlled(21, law)).passed


def test_a_steady_rod_with_such_a_flux():
    """0 = u'' + 1 with u'(0) = 0, u'(1) = -h (mean - 1): what is made leaves, mean = 1 + 1/h."""
    rod = controlled(31).replace(pde=pk.PDE("0 = u_xx + 1", parameters={"h": 2.0}), initial={"u": "0"})
    u = rod.solve()["u"]
    x = rod.grid["x"].nodes
    assert u.mean() == pytest.approx(1.5, abs=1e-12)
    assert u.values == pytest.approx(u.values[0] - 0.5 * x**2, abs=1e-12)


def test_a_large_problem_keeps_its_jacobian_sparse():
    plate = pk.Problem(
        pk.PDE("u_t = laplace(u)"),
        pk.Grid(x=pk.Axis(0, 1, 101), y=pk.Axis(0, 1, 101)),
        initial={"u": "3"},
        boundary={"u": {"x": {"left": pk.Neumann(0), "right": pk.Neumann("-(mean(u) - 1)")}, "y": pk.Neumann(0)}},
    )
    solution = plate.solve(t_end=1.0, method="tr_bdf2", step=0.02)
    assert solution["u"].mean() == pytest.approx(1 + 2 * np.exp(-1.0), abs=3e-5)


def reservoir(points=41):
    """A rod at whose end a body of heat capacity C sits: u(0) = S, C S' = flux; u = exp(-k^2 t) (cos k x - C k sin k x)."""
    k, C = 1.3, 0.6
    shape = f"(cos({k}*x) - {C}*{k}*sin({k}*x))"
    return pk.Problem(
        pk.PDE(["u_t = u_xx", f"S_t = face(u_x, x, left)/{C}"], scalars=("S",)),
        pk.Grid(x=pk.Axis(0, 1, points)),
        initial={"u": shape, "S": 1},
        boundary={
            "u": {"x": {"left": pk.Dirichlet("S"), "right": pk.Dirichlet(f"exp(-{k}**2*t)*{shape.replace('x', '1')}")}}
        },
        exact={"u": f"exp(-{k}**2*t)*{shape}", "S": f"exp(-{k}**2*t)"},
    )


def test_a_body_at_the_end_of_a_rod():
    errors = [reservoir(n).solve(t_end=0.5, rtol=1e-10, atol=1e-12).error("u") for n in (11, 21, 41)]
    assert np.log2(errors[1] / errors[2]) == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("method", ["tr_bdf2", "esdirk43", "ros3p", "crank_nicolson", "Radau", "BDF", "rk4"])
def test_methods_agree_on_it(method):
    fixed = {"step": 2e-4} if method in ("rk4", "crank_nicolson") else {"rtol": 1e-8, "atol": 1e-10}
    reference = reservoir(21).solve(t_end=0.3, method="DOP853", rtol=1e-11, atol=1e-13)
    solution = reservoir(21).solve(t_end=0.3, method=method, **fixed)
    assert solution["u"].values == pytest.approx(reference["u"].values, abs=1e-6)
    assert solution["u"].values[0] == solution.scalars["S"][-1]


def test_values_along_a_face_and_corners():
    """u = S (1 + y) on one face beside another prescribed face, which comes first at the corner."""
    plate = pk.Problem(
        pk.PDE(["u_t = laplace(u)", "S_t = -S + mean(u)"], scalars=("S",)),
        pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 1, 7)),
        initial={"u": "1 + y", "S": 1},
        boundary={"u": {"x": {"left": pk.Dirichlet("S*(1 + y) + t"), "right": pk.Neumann(0)}, "y": {"left": pk.Dirichlet("1"), "right": pk.Neumann(0)}}},
    )  # fmt: skip
    assert pk.check_jacobian(plate).passed
    system = plate.semidiscrete
    y = system.pack(plate.initial_fields())
    y[system.layout.block("S").offset] = 2.5
    full = system.unpack(0.25, y)["u"]
    assert full[0] == pytest.approx(2.5 * (1 + plate.grid["y"].nodes) + 0.25)
    assert full[1:, 0] == pytest.approx(1.0)


def test_a_steady_multiplier():
    """0 = u'' with u(0) = S, u(1) = 1 and integral(u) = 2: the line from S = 3 to 1."""
    line = pk.Problem(
        pk.PDE(["0 = u_xx", "0 = integral(u) - 2"], scalars=("S",), unknowns=("u", "S")),
        pk.Grid(x=pk.Axis(0, 1, 11)),
        boundary={"u": {"x": {"left": pk.Dirichlet("S"), "right": pk.Dirichlet(1)}}},
    )
    solution = line.solve()
    assert solution["u"].values == pytest.approx(3 - 2 * line.grid["x"].nodes, abs=1e-11)


def test_configs_say_the_same():
    text = """
grid: {x: {range: [0, 1], points: 21}}
parameters: {h: 2}
scalars: [S]
equations: ["u_t = u_xx", "S_t = -h*(S - mean(u))"]
initial: {u: x, S: 0}
boundary: {u: {x: {left: {dirichlet: S}, right: {robin: {a: 1, b: 1, value: "integral(u**2)"}}}}}
time: {end: 0.2}
"""
    problem = loads(text)
    again = loads(problem.to_yaml())
    assert np.array_equal(problem.solve()["u"].values, again.solve()["u"].values)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (pk.Dirichlet("S**2"), "linear in scalar unknowns"),
        (pk.Dirichlet("S*cos(t)"), "linear in scalar unknowns"),
        (pk.Dirichlet("S + mean(u)"), "0 = S - "),
        (pk.Neumann("u_x"), "of its own only those along the face"),
        (pk.Dirichlet("S + d(u, x)"), "of its own only those along the face"),
        (pk.Neumann("mean(v)"), "unknown name"),
    ],
)
def test_what_is_refused(condition, words):
    with pytest.raises(BoundaryError, match=words):
        pk.Problem(
            pk.PDE(["u_t = u_xx", "S_t = -S"], scalars=("S",)),
            pk.Grid(x=pk.Axis(0, 1, 21)),
            initial={"u": "x", "S": 0},
            boundary={"u": {"x": {"left": condition, "right": pk.Neumann(0)}}},
        )


def test_waves_need_the_rates_of_prescribed_values():
    with pytest.raises(BoundaryError, match="rates would be needed"):
        pk.Problem(
            pk.PDE(["u_tt = u_xx", "S_t = -S"], scalars=("S",)),
            pk.Grid(x=pk.Axis(0, 1, 21)),
            initial={"u": "x", "u_t": "0", "S": 0},
            boundary={"u": {"x": {"left": pk.Dirichlet("S"), "right": pk.Neumann(0)}}},
        )
