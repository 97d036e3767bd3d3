"""Compiled sweeps of limited schemes: equal to the terms' own values, whatever the axis, the ends and the threads."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.kernels.kernel import Kernel
from pdekit.thresholds import Thresholds

EULER = {
    "equations": ["r_t = -d(m, x)", "m_t = -d(m**2/r + p, x)", "E_t = -d((E + p)*m/r, x)"],
    "definitions": {"p": "0.4*(E - m**2/(2*r))"},
    "unknowns": ["r", "m", "E"],
}
TUBE = {
    "initial": {"r": "where(x < 0.5, 1, 0.125) + 0.01*x", "m": "0.1*x*(1 - x)", "E": "where(x < 0.5, 2.5, 0.25)"},
    "boundary": {"r": {"x": pk.Neumann(0)}, "m": {"x": pk.Dirichlet(0)}, "E": {"x": pk.Neumann(0)}},
}


def scalar(scheme, n=37):
    """Two axes, coefficients of space and time, diffusion beside; prescribed slopes that change along a face and in time."""
    grid = pk.Grid(x=pk.Axis(0, 1, n), y=pk.Axis(0, 1, n + 4, periodic=True))
    return pk.Problem(
        pk.PDE("u_t = -d(a*u**2/2, x) - d((1 + x*sin(2*pi*y) + t)*u, y) + 0.01*u_xx", parameters={"a": 0.7}),
        grid,
        initial={"u": "1.5 + sin(2*pi*x)*cos(2*pi*y) + where(x > 0.4, 0.3, 0)"},
        boundary={"u": {"x": {"left": pk.Dirichlet("1 + 0.2*sin(2*pi*y)"), "right": pk.Neumann("cos(2*pi*y) + t")}}},
        advection=scheme,
    )


def tube(scheme, **options):
    return pk.Problem(pk.PDE(**EULER), pk.Grid(x=pk.Axis(0, 1, 90)), advection=scheme, **TUBE, **options)


def water(scheme, **options):
    """A column falls on a dry bed in two dimensions."""
    pde = pk.PDE(
        [
            "h_t = -d(q, x) - d(s, y)",
            "q_t = -d(q**2/h + g*h**2/2, x) - d(q*s/h, y)",
            "s_t = -d(q*s/h, x) - d(s**2/h + g*h**2/2, y)",
        ],
        parameters={"g": 9.81},
    )
    grid = pk.Grid(x=pk.Axis(-1, 1, 24), y=pk.Axis(-1, 1, 21))
    wall = {
        "h": {"x": pk.Neumann(0), "y": pk.Neumann(0)},
        "q": {"x": pk.Dirichlet(0), "y": pk.Neumann(0)},
        "s": {"x": pk.Neumann(0), "y": pk.Dirichlet(0)},
    }
    start = {"h": "where(x**2 + y**2 < 0.3, 1, 0)", "q": "where(x**2 + y**2 < 0.2, 0.3*x, 0)", "s": 0}
    return pk.Problem(pde, grid, initial=start, boundary=wall, advection=scheme, positive=["h"], **options)


def three_waves(scheme, **options):
    """Three equations whose speeds are the roots of a cubic."""
    pde = pk.PDE(["a_t = -d(b, x)", "b_t = -d(c + a*b/10, x)", "c_t = -d(3*b - a*(1 + b**2/20), x)"])
    start = {"a": "0.3*sin(2*pi*x)", "b": "0.2*cos(2*pi*x)", "c": "0.1*sin(4*pi*x)"}
    return pk.Problem(pde, pk.Grid(x=pk.Axis(0, 1, 40, periodic=True)), initial=start, advection=scheme, **options)


def oil_and_water(scheme):
    """A flux with an inflection, by coefficients of space: the greatest speed is between states."""
    return pk.Problem(
        pk.PDE("u_t = -d((1 + 0.1*x)*u**2/(u**2 + 0.5*(1 - u)**2), x)"),
        pk.Grid(x=pk.Axis(0, 1, 60)),
        initial={"u": "where(x < 0.4, 0.9 - x, 0.1)"},
        boundary={"u": {"x": {"left": pk.Dirichlet(0.9), "right": pk.Outflow()}}},
        advection=scheme,
    )


CASES = {
    "weno5, roots of a cubic by characteristics": lambda: three_waves("weno5", splitting="characteristic"),
    "muscl, roots of a cubic": lambda: three_waves("muscl"),
    "weno5, not convex": lambda: oil_and_water("weno5"),
    "muscl, not convex": lambda: oil_and_water("muscl"),
    "upwind, not convex": lambda: oil_and_water("upwind"),
    "weno5, a scalar in two dimensions": lambda: scalar("weno5"),
    "muscl, a scalar in two dimensions": lambda: scalar("muscl_van_leer"),
    "upwind, a scalar in two dimensions": lambda: scalar("upwind"),
    "weno5 of Jiang and Shu, components": lambda: tube("weno5_js"),
    "weno5 by characteristics": lambda: tube("weno5", splitting="characteristic", positive=["r", "p"]),
    "muscl by characteristics": lambda: tube("muscl", splitting="characteristic"),
    "muscl, positive": lambda: water("muscl"),
}


@pytest.mark.parametrize("name", CASES)
def test_sweeps_equal_the_terms(name):
    problem = CASES[name]()
    system = problem.semidiscrete
    y = system.pack(problem.initial_fields())
    expected = system.rhs(0.3, y)
    found = Kernel(system).rhs(0.3, y)
    assert np.max(np.abs(found - expected)) <= 1e-13 * np.max(np.abs(expected))


def test_threads_change_nothing():
    problem = scalar("weno5", n=70)
    system = problem.semidiscrete
    y = system.pack(problem.initial_fields())
    few = Kernel(system, threads=2, thresholds=Thresholds(shared_from=0))
    assert few.threads == 2
    np.testing.assert_array_equal(few.rhs(0.1, y), Kernel(system).rhs(0.1, y))


@pytest.mark.parametrize(
    ("what", "make"),
    [
        ("Sod's tube", lambda: tube("weno5", splitting="characteristic", positive=["r", "p"])),
        ("oil and water", lambda: oil_and_water("weno5")),
    ],
)
def test_runs_agree(what, make, figure):
    """Steps by the Courant number with sweeps and without."""
    problem = make()
    ends = []
    for compiled in ("always", "never"):
        time = pk.TimeSettings(end=0.1, compiled=compiled)
        ends.append(problem.replace(time=time).solve()[problem.pde.unknowns[-1]].values)
    gap = np.max(np.abs(ends[0] - ends[1]))
    figure(f"{what} with compiled sweeps and without: difference", gap, "<= 1e-11")
    assert gap <= 1e-11


def test_what_has_no_closed_form_is_left_to_the_terms():
    pde = pk.PDE(["a_t = -d(b, x)", "b_t = -d(c, x)", "c_t = -d(f, x)", "f_t = -d(g, x)", "g_t = -d(5*f - 5*b + a, x)"])
    grid = pk.Grid(x=pk.Axis(0, 1, 40, periodic=True))
    start = dict.fromkeys("abcfg", "sin(2*pi*x)")
    problem = pk.Problem(pde, grid, initial=start, advection="weno5", time=pk.TimeSettings(end=0.1, compiled="always"))
    with pytest.raises(pk.PdekitError, match="left to the matrices: the wave speeds along 'x' have no closed form"):
        problem.solve()
