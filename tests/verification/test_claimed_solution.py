"""A claimed exact solution is put into its equations and conditions before a study; studies tell every norm, and in JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import pdekit as pk
from pdekit.cli.commands import main
from pdekit.errors import ConfigError
from pdekit.verification.manufactured import manufactured
from tests.hostile.trial import ROOT

D, N = pk.Dirichlet, pk.Neumann


def rod(exact, **more):
    given = {"initial": {"u": "sin(pi*x)"}, "boundary": {"u": {"x": D(0)}}, "time": pk.TimeSettings(end=0.1), **more}
    equation = given.pop("equation", "u_t = u_xx")
    return pk.Problem(pk.PDE(equation), pk.Grid(x=pk.Axis(0, 1, 21)), exact={"u": exact}, **given)


def disc(boundary="exp(-t)*(1 + cos(phi))"):
    """u = exp(-t) (1 + r cos(phi)) solves u_t = laplace(u) - u, for 1 and x are harmonic."""
    return pk.Problem(
        pk.PDE("u_t = laplace(u) - u"),
        pk.Grid(r=pk.Axis(0, 1, 8), phi=pk.Axis(0, 2 * np.pi, 8, periodic=True), coordinates="polar"),
        initial={"u": "1 + r*cos(phi)"},
        boundary={"u": {"r": D(boundary)}},
        exact={"u": "exp(-t)*(1 + r*cos(phi))"},
        time=pk.TimeSettings(end=1.0),
    )


RIGHT = {
    "heat": lambda: rod("exp(-pi**2*t)*sin(pi*x)"),
    "wave": lambda: rod("cos(pi*t)*sin(pi*x)", equation="u_tt = u_xx", initial={"u": "sin(pi*x)", "u_t": 0}),
    "damped, with a rate on the right": lambda: rod(
        "exp(-t)*cos(2*t)*sin(pi*x)",  # s = -1 + 2i solves s^2 + 2 s + 5 = 0
        equation="u_tt = (5/pi**2)*u_xx - 2*u_t",
        initial={"u": "sin(pi*x)", "u_t": "-sin(pi*x)"},
    ),
    "disc": disc,
    "flux that depends on the solution": lambda: rod(
        "1 + x", initial={"u": "1 + x"}, boundary={"u": {"x": {"left": D(1), "right": N("u/2")}}}
    ),
    "complex": lambda: pk.Problem(
        pk.PDE("psi_t = I*psi_xx - I*abs(psi)**2*psi"),
        pk.Grid(x=pk.Axis(0, 1, 16, periodic=True)),
        initial={"psi": "exp(2*pi*I*x)"},
        exact={"psi": "exp(2*pi*I*x - I*(4*pi**2 + 1)*t)"},
        time=pk.TimeSettings(end=0.1),
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_claims_leave_nothing(name):
    claim = pk.check_claim(RIGHT[name]())
    assert claim.residuals and not claim.unchecked and max(r.size for r in claim.residuals) < 1e-12, str(claim)


@pytest.mark.parametrize(
    ("make", "demand"),
    [
        (lambda: rod("exp(-9.87*t)*sin(pi*x)"), "equation of u"),  # pi^2 = 9.8696
        (lambda: rod("exp(-pi**2*t/4)*cos(pi*x/2)"), "condition of u at x.left"),
        (lambda: rod("exp(-pi**2*t)*sin(pi*x)", boundary={"u": {"x": {"left": D(0), "right": N(0)}}}), "x.right"),
        (lambda: rod("exp(-pi**2*t)*sin(pi*x)", boundary={"u": {"x": {"left": D(0), "right": D("t/100")}}}), "x.right"),
        (lambda: disc("exp(-t)*(1 - cos(phi))"), "condition of u at r.right"),
        (
            lambda: rod("cos(pi*t)*sin(pi*x)", equation="u_tt = u_xx - u_t/1000", initial={"u": "sin(pi*x)", "u_t": 0}),
            "equation of u",
        ),
    ],
)
def test_wrong_claims_are_refuted_where_they_are_wrong(make, demand):
    told = []
    claim = pk.check_claim(make())
    assert len(claim.refuted) == 1 and demand in claim.refuted[0].demand and claim.refuted[0].where
    study = pk.converge(make(), [8, 16], report=told.append)
    assert not study.passed and "the claimed exact solution is none" in study.verdict and demand in study.verdict
    assert told[0].startswith("note: the claimed exact solution is none")


def test_what_cannot_be_checked_is_said():
    several = pk.Problem(
        pk.PDE(["u_t = u_xx", "v_t = v_xx - u*v"]),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        initial={"u": "sin(pi*x)", "v": 1},
        boundary={"u": {"x": D(0)}, "v": {"x": N(0)}},
        exact={"u": "exp(-pi**2*t)*sin(pi*x)"},
    )
    claim = pk.check_claim(several)
    assert [r.demand for r in claim.residuals] == [
        "equation of u",
        "condition of u at x.left",
        "condition of u at x.right",
    ]
    assert "equation of v, for no formula of v is given" in claim.unchecked
    assert pk.check_claim(rod(lambda x, t: np.sin(x))).unchecked == ("equations, for it is no formula",)


@pytest.mark.parametrize("order", [2, 4])
def test_manufactured_solutions_are_solutions(order):
    """The same check refutes nothing of what is made to be exact."""
    plate = pk.Problem(
        pk.PDE(["u_t = div((1 + x*v**2)*grad(u)) - u_xy", "v_t = laplace(v) + u*v_x"]),
        pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 1, 8, periodic=True)),
        initial={"u": 1, "v": 1},
        boundary={"u": {"x": {"left": pk.Robin(1, 2), "right": D(1)}}, "v": {"x": N("u")}},
        order=order,
        time=pk.TimeSettings(end=0.1),
    )
    claim = pk.check_claim(manufactured(plate))
    assert len(claim.residuals) == 6 and max(r.size for r in claim.residuals) < 1e-12, str(claim)


def test_every_norm_in_space_in_time_and_at_a_fixed_ratio():
    problem = rod("exp(-pi**2*t)*sin(pi*x)", time=pk.TimeSettings(end=0.2, method="crank_nicolson"))
    studies = {
        "space": pk.converge(problem, [11, 21, 41]),
        "time": pk.converge(problem, steps=[0.02, 0.01, 0.005]),
        "space and time": pk.converge(problem, [11, 21, 41], ratio=0.2),
    }
    for what, study in studies.items():
        assert study.passed and study.what == what and f"refined in {what}" in str(study)
        for norm in ("max", "L2", "L1"):
            assert abs(study.orders("u", norm)[-1] - 2) < 0.15
        # nearly a multiple of sin(pi x): L2 and L1 are 1/sqrt(2) and 2/pi of the greatest value
        for norm, share in (("L2", 0.5**0.5), ("L1", 2 / np.pi)):
            assert study.errors_in(norm)["u"][-1] == pytest.approx(share * study.errors["u"][-1], rel=1e-2)
    by_hand = pk.converge(problem, [11, 21, 41], steps=[0.02, 0.01, 0.005])
    assert by_hand.errors == studies["space and time"].errors


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ratio": -1.0, "points": [11, 21]}, "must be a positive number"),
        ({"ratio": 0.1, "steps": [0.1, 0.2]}, "goes with points"),
        ({"ratio": 0.1, "points": [11, 21], "steps": [0.1, 0.2]}, "goes with points"),
    ],
)
def test_refused_ratios(options, words):
    with pytest.raises(ConfigError, match=words):
        pk.converge(rod("exp(-pi**2*t)*sin(pi*x)"), **options)


def test_json_from_the_command_line(tmp_path):
    words = [
        "converge",
        str(ROOT / "configs/heat_rod.yaml"),
        "-o",
        str(tmp_path / "a.png"),
        "--json",
        str(tmp_path / "a" / "a.json"),
    ]
    assert CliRunner().invoke(main, words).exit_code == 0
    found = json.loads((tmp_path / "a" / "a.json").read_text())
    assert (
        found["passed"]
        and found["against"] == "the exact solution"
        and found["refined"] == "space"
        and found["sizes"] == [21, 41, 81]
    )
    errors = found["variables"]["u"]["max"]["errors"]
    assert found["variables"]["u"]["max"]["orders"][0] == pytest.approx(np.log2(errors[0] / errors[1]))
    assert found["claimed solution"]["residuals"]["equation of u"]["vanishes"] is True
    output = CliRunner().invoke(main, [*words, "exact.u=exp(-t)*sin(pi*x)"])
    assert output.exit_code == 1 and "FAIL: the claimed exact solution is none: equation of u" in output.output
    assert json.loads((tmp_path / "a" / "a.json").read_text())["passed"] is False


def test_errors_of_zero_are_null_in_json():
    steady = pk.Problem(pk.PDE("0 = u_xx"), pk.Grid(x=pk.Axis(0, 1, 9)), boundary={"u": {"x": D(0)}}, exact={"u": "0"})
    study = pk.converge(steady, [5, 9])
    assert json.loads(study.to_json())["variables"]["u"]["max"] == {"errors": [0.0, 0.0], "orders": [None]}
