"""What `advection: auto` takes: limited schemes where shocks form that the grid does not resolve, and nowhere else."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.io.load import loads

WAVE, STEP = "0.5 + sin(2*pi*x)", "where((x > 0.25) and (x < 0.5), 1, 0)"


def ring(equations, initial, n=200, **options):
    return pk.Problem(pk.PDE(equations), pk.Grid(x=pk.Axis(0, 1, n, periodic=True)), initial=initial, **options)


@pytest.mark.parametrize(
    ("equations", "initial", "scheme"),
    [
        ("u_t = -u*u_x", {"u": WAVE}, "weno5"),
        ("u_t = -d(u**2/2, x)", {"u": "2"}, "central"),  # nothing breaks
        ("u_t = -u*u_x + 0.1*u_xx", {"u": WAVE}, "central"),  # s h/(2 D) = 0.05
        ("u_t = -u*u_x + 0.0005*u_xx", {"u": WAVE}, "weno5"),  # 10
        ("u_t = -d(u**2/(u**2 + (1 - u)**2), x)", {"u": STEP}, "weno5"),  # the same speed on both sides
        ("u_t = -6*u*u_x - u_xxx", {"u": WAVE}, "central"),  # dispersion
        ("u_t = -u*u_x - u_xx - 0.01*u_xxxx", {"u": WAVE}, "central"),
        ("u_t = -u_x", {"u": WAVE}, "central"),
        ("u_t = -u_x", {"u": STEP}, "weno5"),
        ("u_t = -u_x + 0.01*u_xx", {"u": STEP}, "central"),  # h/D = 0.5
        (["h_t = -d(q, x)", "q_t = -d(q**2/h + h**2/2, x)"], {"h": "1 + 0.5*sin(2*pi*x)", "q": 0}, "weno5"),
        (["u_t = v_x", "v_t = u_x"], {"u": WAVE, "v": 0}, "central"),
        ("u_tt = u_xx", {"u": STEP, "u_t": 0}, "central"),
        ("u_t = 0.001*u_xx + u*(1 - u)", {"u": STEP}, "central"),
    ],
)
def test_what_is_taken(equations, initial, scheme):
    found = ring(equations, initial).flux_scheme
    assert found.scheme == scheme
    assert bool(found.reason) == (scheme != "central")
    assert found.splitting == ("characteristic" if scheme != "central" and len(initial) > 1 else "components")


def test_the_reason_is_told_and_right():
    """0.5 + sin(2 pi x) breaks at 1/(2 pi)."""
    problem = ring("u_t = -u*u_x", {"u": WAVE})
    assert "break into shocks at about t = 0.159 (no diffusion)" in problem.choice(t_end=0.3).reasons[0]
    assert "break into shocks" in problem.solve(t_end=0.2).reasons[0]
    short = problem.replace(time=pk.TimeSettings(end=0.05))
    assert short.flux_scheme.scheme == "central"  # breaks long after the end


@pytest.mark.parametrize(
    "options",
    [
        {"advection": "central"},
        {"schemes": {"u_x": "upwind"}},
        {"time": pk.TimeSettings(end=0.1, method="BDF")},
        {"time": pk.TimeSettings(end=0.1, method="tr_bdf2", step=0.01)},
    ],
)
def test_what_was_asked_for_is_kept(options):
    assert ring("u_t = -u*u_x", {"u": WAVE}, **options).flux_scheme.scheme == "central"


def test_other_schemes_that_are_asked_for_are_kept():
    assert ring("u_t = -u*u_x", {"u": WAVE}, advection="muscl").flux_scheme.scheme == "muscl"


def test_what_needs_a_jacobian_goes_without():
    problem = ring("u_t = -u*u_x + 0.0005*u_xx", {"u": WAVE})
    assert problem.flux_scheme.scheme == "weno5"
    assert problem.solve(t_end=0.05, method="BDF").method == "BDF"
    assert pk.check_jacobian(problem).passed


def test_curved_and_stretched_grids_stay_central():
    line = pk.Grid(x=pk.Axis(0, 1, 50, spacing={"tanh": 1.5}))
    ends = {"u": {"x": {"left": pk.Dirichlet(1), "right": pk.Outflow()}}}
    problem = pk.Problem(pk.PDE("u_t = -u*u_x"), line, initial={"u": "1 - 0.5*x"}, boundary=ends)
    assert problem.flux_scheme.scheme == "central"


def test_a_square_wave_keeps_its_variation(figure):
    """Carried half around the ring: total variation 2 and values between 0 and 1; central differences do not keep that."""
    found = {}
    for advection in ("auto", "central"):
        u = ring("u_t = -u_x", {"u": STEP}, advection=advection).solve(t_end=0.5)["u"].values
        found[advection] = np.sum(np.abs(np.diff(u, append=u[:1]))), np.ptp(u)
    figure("square wave carried: total variation (2 at the start), auto", found["auto"][0], "<= 2.01")
    figure("square wave carried: total variation, central", found["central"][0], "told")
    assert found["auto"][0] <= 2.01 and found["auto"][1] <= 1.005
    assert found["central"][0] > 4


def test_schemes_on_finer_grids_are_those_of_the_problem():
    """A study compares like with like: diffusion that the finer grids resolve does not change the scheme."""
    problem = ring("u_t = -u*u_x + 0.002*u_xx", {"u": WAVE}, n=100)
    assert problem.flux_scheme.scheme == "weno5"
    finer = problem.replace(grid=pk.Grid(x=pk.Axis(0, 1, 400, periodic=True)))
    assert finer.flux_scheme.scheme == "central"
    assert problem.replace(grid=finer.grid, **problem.fixed_fluxes()).flux_scheme.scheme == "weno5"


def test_config():
    text = """
grid: {x: {range: [0, 1], points: 100, periodic: true}}
equations: u_t = -u*u_x
initial: {u: 0.5 + sin(2*pi*x)}
time: {end: 0.3}
"""
    assert loads(text).flux_scheme.scheme == "weno5"
    assert "advection" not in loads(text).to_yaml()
    central = loads(text + "discretization: {advection: central}\n")
    assert central.flux_scheme.scheme == "central" and "advection: central" in central.to_yaml()
