"""``c(u)*u_t = ...`` under limited schemes: shocks at the speed of Rankine and Hugoniot, [F]/[C] with C the antiderivative of c."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import brentq

import pdekit as pk
from pdekit.discretize.content import Content
from pdekit.errors import ConfigError
from pdekit.language.pde import PDE

LENGTH, BEGIN, END = 4.0, 1.0, 3.0


def front(equation, points=101, scheme="weno5", left=1.0, right=0.0, content=lambda u: u + u**3 / 3, **parameters):
    """The speed of a jump from what it moved of the content, and from where half of its height is."""
    tube = pk.Problem(
        pk.PDE(equation, parameters=parameters),
        pk.Grid(x=pk.Axis(0, LENGTH, points)),
        initial={"u": f"where(x < {BEGIN}, {left}, {right})"},
        boundary={"u": {"x": {"left": pk.Dirichlet(left), "right": pk.Outflow()}}},
        advection=scheme,
    )
    solution = tube.solve(t_end=END, frames=2)
    before, after = (content(s["u"].values) for s in solution)
    moved = np.sum(tube.grid["x"].weights * (after - before)) / (content(left) - content(right))
    u, x = solution["u"].values, tube.grid["x"].nodes
    place = np.interp(-0.5 * (left + right), -u, x)
    return moved / END, (place - BEGIN) / END


@pytest.mark.parametrize(
    ("scheme", "equation"),
    [
        ("upwind", "(1 + u**2)*u_t = -u*u_x"),
        ("muscl", "(1 + u**2)*u_t = -d(u**2/2, x)"),
        ("weno5", "(1 + u**2)*u_t + u*u_x = 0"),
        ("auto", "(1 + u**2)*u_t = -u*u_x"),
    ],
)
def test_a_shock_moves_at_its_speed(scheme, equation):
    """(1/2)/(1 + 1/3) = 0.375; the equation divided by its capacity has log(2)/2 = 0.347. The place is right within a cell."""
    moved, seen = front(equation, scheme=scheme)
    assert moved == pytest.approx(0.375, abs=1e-12)
    assert seen == pytest.approx(0.375, abs=LENGTH / 100 / END)


def test_between_two_values_with_parameters():
    """c = a + u, F = u**3/3 from 2 to 1/2: [F]/[C]."""
    a, left, right = 0.7, 2.0, 0.5
    speed = ((left**3 - right**3) / 3) / (a * (left - right) + (left**2 - right**2) / 2)
    moved, seen = front("(a + u)*u_t = -u**2*u_x", left=left, right=right, a=a, content=lambda u: a * u + u**2 / 2)
    assert moved == pytest.approx(speed, abs=1e-7)  # what is left of the oscillation behind it reaches the face
    assert seen == pytest.approx(speed, abs=LENGTH / 100 / END)


def test_smooth_waves_at_order_five():
    """u is carried along x - t u/(1 + u**2) = constant."""

    def exact(x, t):
        u0 = lambda at: 1 + 0.3 * np.sin(2 * np.pi * at)  # noqa: E731
        return np.array([brentq(lambda u, at=at: u - u0(at - t * u / (1 + u**2)), 0.5, 1.5, xtol=1e-15) for at in x])

    errors = []
    for n in (40, 80):
        ring = pk.Problem(
            pk.PDE("(1 + u**2)*u_t = -u*u_x"),
            pk.Grid(x=pk.Axis(0, 1, n, periodic=True)),
            initial={"u": "1 + 0.3*sin(2*pi*x)"},
            advection="weno5",
        )
        end = ring.solve(t_end=0.5, method="tsitouras", rtol=1e-10, atol=1e-12)["u"].values
        errors.append(np.max(np.abs(end - exact(ring.grid["x"].nodes, 0.5))))
    assert np.log2(errors[0] / errors[1]) > 4.5, errors


def test_reaction_and_diffusion_beside_it():
    """Without waves the content follows c(u) u_t = -u exactly: log(u) + u**2/2 falls at the rate 1."""
    box = pk.Problem(
        pk.PDE("(1 + u**2)*u_t = -u*u_x + 0.1*u_xx - u"),
        pk.Grid(x=pk.Axis(0, 1, 32, periodic=True)),
        initial={"u": 0.8},
        advection="weno5",
    )
    end = box.solve(t_end=1.0, method="tsitouras", rtol=1e-10, atol=1e-12)["u"].values
    wanted = brentq(lambda u: np.log(u) + u**2 / 2 - (np.log(0.8) + 0.32 - 1.0), 1e-3, 1)
    assert np.max(np.abs(end - wanted)) < 1e-9


def test_contents_and_their_inverse():
    grid = pk.Grid(x=(0, 1, 101))
    system = PDE("(1 + x + exp(u))*u_t = 0", parameters={}).bind(("x",))
    u = system.unknowns[0].symbol
    content = Content(grid, system, u, (1 + system.axes[0]) * u + sp.exp(u))
    given, nodes = np.linspace(-30, 5, 101), np.arange(101)
    found = content.inverse(content.of(given, nodes), nodes)
    assert np.max(np.abs(found - given)) < 1e-13 * 30
    assert np.array_equal(content.inverse(content.of(found, nodes), nodes), found)  # to the bit, for runs that go on


@pytest.mark.parametrize(
    ("equations", "words"),
    [
        (
            ["(1 + v**2)*u_t = -u*u_x", "v_t = -v_x"],
            r"\(v\*\*2 \+ 1\)\*u_t: shocks need the quantity that is conserved",
        ),
        (["exp(u**4)*u_t = -u*u_x"], r"the integral of exp\(u\*\*4\) by u, of which no formula"),
    ],
)
def test_what_has_no_conserved_form_is_refused(equations, words):
    names = ["u", "v"][: len(equations)]
    with pytest.raises(ConfigError, match=words) as found:
        pk.Problem(
            pk.PDE(equations),
            pk.Grid(x=pk.Axis(0, 1, 50, periodic=True)),
            initial=dict.fromkeys(names, "1 + 0.1*sin(2*pi*x)"),
            advection="weno5",
        )
    assert found.value.key == "discretization.advection"
