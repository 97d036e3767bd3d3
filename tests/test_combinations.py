"""Two features at once: right, or refused in words."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from pdekit.io.load import loads

LINE = pk.Grid(x=pk.Axis(0, 1, 41))
FIXED, FREE = {"x": pk.Dirichlet(0)}, {"x": pk.Neumann(0)}
LAYERED = pk.Grid(x=pk.Axis(0, 1, 81, absorbing_layer=0.2))
BOX, DISC = pk.Grid(x=(-1, 1, 21), y=(-1, 1, 21)), "x**2 + y**2 < 0.64"


@pytest.mark.parametrize("checkpoints", [False, True])
def test_projections_between_frames(checkpoints):
    """Whether or not a run is a chain: the same frames, and after the projection the decay of what is left."""
    settings = {"output": pk.OutputSettings(frames=5, checkpoints=checkpoints), "time": pk.TimeSettings(end=0.1)}
    string = pk.Problem(
        pk.PDE("u_t = u_xx"),
        LINE,
        initial={"u": "sin(pi*x)"},
        boundary={"u": FIXED},
        projections={"u <= 0.5": [0.03]},
        **settings,
    )
    solution = string.solve()
    assert np.allclose(solution.times, [0, 0.025, 0.05, 0.075, 0.1])
    cut = pk.Problem(
        string.pde, LINE, initial={"u": "min(exp(-pi**2*0.03)*sin(pi*x), 0.5)"}, boundary={"u": FIXED}
    ).solve(0.07)
    assert np.max(np.abs(solution["u"].values - cut["u"].values)) < 1e-4


def test_delays_beside_time_derivatives_that_are_differentiated_in_space():
    c = "(0.1*pi**2 - 1 - pi**2)*exp(-0.1)"
    exact = {"u": "exp(-t)*cos(pi*x)"}
    pde = pk.PDE(f"u_t - u_xxt = 0.1*u_xx + {c}*u(t - 0.1)")
    solution = pk.Problem(
        pde, LINE, initial=exact, boundary={"u": FREE}, exact=exact, time=pk.TimeSettings(end=0.5)
    ).solve()
    assert solution.error("u") < 1e-3


def test_units_on_a_domain():
    text = """
units: {x: m, y: m, t: s, T: K}
grid: {x: {range: [-1, 1], points: 21}, y: {range: [-1, 1], points: 21}}
parameters: {D: 1 cm**2/s, R: 80 cm}
domain: x**2 + y**2 < R**2
equations: T_t = D*laplace(T)
initial: {T: 300}
boundary: {T: {domain: {neumann: 0}}}
time: {end: 100 s}
"""
    assert np.allclose(loads(text).solve()["T"].max(), 300)


def test_a_flow_on_a_domain():
    """First derivatives there are central: x + y is carried by a rotation, and diffusion leaves it."""
    turn = pk.Problem(
        pk.PDE("0 = laplace(u) + y*u_x - x*u_y + x - y"),
        BOX,
        boundary={"u": {"domain": pk.Dirichlet("x + y")}},
        domain=DISC,
    )
    u = turn.solve()["u"]
    x, y = u.grid.coordinates.values()
    assert np.nanmax(np.abs(u.values - (x + y))[u.grid.within]) < 1e-12


def test_fluxes_are_chosen_for_the_span_that_is_solved():
    """Burgers' wave breaks at 1/(2 pi), after the end that the problem has and before the one that is asked for."""
    ring = pk.Grid(x=pk.Axis(0, 1, 100, periodic=True))
    wave = pk.Problem(pk.PDE("u_t = -u*u_x"), ring, initial={"u": "sin(2*pi*x)"}, time=pk.TimeSettings(end=0.05))
    assert wave.solve().method != "courant"
    assert np.max(np.abs(wave.solve(t_end=1)["u"].values)) < 1


def wave(**words):
    return pk.Problem(
        pk.PDE("u_tt = c**2*u_xx", parameters={"c": 1}),
        LAYERED,
        initial={"u": 0, "u_t": 0},
        time=pk.TimeSettings(end=0.1),
        **words,
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: pk.Problem(pk.PDE("u_tt = u_xx - sin(u)"), LAYERED, initial={"u": 0, "u_t": 0}),
            "without further terms",
        ),
        (lambda: pk.eigen(wave(), 3), "modes of their own"),
        (lambda: wave().gradient("u(0.3)", ["c"]), "absorbing layers"),
        (
            lambda: pk.Problem(
                pk.PDE("u_t = laplace(u)"),
                BOX,
                initial={"u": 1},
                boundary={"u": {"domain": pk.Dirichlet(0)}},
                domain=DISC,
                interfaces={"u": {"x": pk.Interface(0.13, resistance=1)}},
            ),
            "interfaces are for boxes",
        ),
        (
            lambda: pk.Problem(
                pk.PDE(["u_t = u_xx + L", "0 = integral(u_t)"], scalars=["L"]),
                LINE,
                initial={"u": 1},
                boundary={"u": FREE},
                interfaces={"u": {"x": pk.Interface(0.37, resistance=1)}},
            ),
            "do not go with interfaces",
        ),
        (
            lambda: pk.Problem(
                pk.PDE("0 = laplace(u)"),
                pk.Grid(x=(-1, 1, 41), y=(-1, 1, 41)),
                boundary={"u": {"domain": pk.Dirichlet(1), "x": pk.Dirichlet(0), "y": pk.Dirichlet(0)}},
                domain="(x - 0.025)**2 + y**2 > 0.0004",
            ),
            "thinner than a step",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(make, message):
    with pytest.raises(pk.PdekitError, match=message):
        make()


def test_units_of_time_derivatives_that_are_differentiated_in_space():
    text = """
units: {x: m, t: s, T: K, D: m**2/s, L: m}
grid: {x: {range: [0, 1], points: 21}}
parameters: {D: 1, L: 0.1}
equations: "T_t - POWER*T_xxt = D*T_xx"
initial: {T: 300}
boundary: {T: {x: {neumann: 0}}}
"""
    loads(text.replace("POWER", "L**2"))
    with pytest.raises(pk.PdekitError, match=r"K/m/s, but T_t is in K/s"):
        loads(text.replace("POWER", "L"))
