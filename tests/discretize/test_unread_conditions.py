"""A condition that no term reads changes nothing, and is refused, or noted where it is zero; one that is read changes the solution."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from pdekit.errors import BoundaryError

LINE, PLANE = pk.Grid(x=pk.Axis(0, 1, 21)), pk.Grid(x=pk.Axis(0, 1, 11), y=pk.Axis(0, 1, 11))


def problem(equations, boundary, grid=LINE, **more):
    pde = pk.PDE(equations, **more)
    return pk.Problem(pde, grid, initial=dict.fromkeys(pde.unknowns, "1 + x"), boundary=boundary)


@pytest.mark.parametrize(
    ("equations", "boundary", "grid", "key", "words"),
    [
        (
            "u_t = -u",
            {"u": {"x": pk.Neumann(3)}},
            LINE,
            "boundary.u.x.left",
            "u is not differentiated along x; leave it out",
        ),
        (
            "u_t = u_xx",
            {"u": {"x": pk.Neumann(0), "y": pk.Neumann(3)}},
            PLANE,
            "boundary.u.y.left",
            "not differentiated along y",
        ),
        (
            "u_t = u_xx",
            {"u": {"x": pk.Neumann(0), "y": {"left": pk.Outflow(), "right": pk.Robin(1, 1, 2)}}},
            PLANE,
            "boundary.u.y.right",
            "not differentiated along y",
        ),
        (
            ["u_t = v_xx", "v_t = -v"],
            {"u": {"x": pk.Neumann(1)}, "v": {"x": pk.Neumann(0)}},
            LINE,
            "boundary.u.x.left",
            "u is not differentiated along x",
        ),
        (
            ["0 = d(u**2, x) - v", "v_t = v_xx"],
            {"u": {"x": {"left": pk.Neumann(1), "right": pk.Outflow()}}, "v": {"x": pk.Neumann(0)}},
            LINE,
            "boundary.u.x.left",
            r"d\(u\*\*2, x\) differentiates an expression, of which it says nothing|differentiates an expression",
        ),
    ],
)
def test_conditions_that_nothing_reads(equations, boundary, grid, key, words):
    with pytest.raises(BoundaryError, match=words) as found:
        problem(equations, boundary, grid)
    assert found.value.key == key


def test_no_flux_where_none_would_flow_is_noted():
    plane = problem("u_t = u_xx", {"u": {"x": pk.Neumann(0), "y": pk.Neumann(0)}}, PLANE)
    assert plane.notes() == [
        f"boundary.u.y.{side}: no term of the equations reads this condition: u is not differentiated along y; leave it out"
        for side in ("left", "right")
    ]


def test_conditions_that_another_equation_reads():
    """u_xx stands in the equation of v: with du/dn = 3 at the right instead of 0, v there changes at the rate 2*3/h more."""
    rates = []
    for slope in (0, 3):
        coupled = problem(
            ["u_t = -u", "v_t = u_xx - v"],
            {"u": {"x": {"left": pk.Neumann(0), "right": pk.Neumann(slope)}}},
        ).semidiscrete
        rates.append(coupled.unpack(0.0, coupled.rhs(0.0, np.zeros(coupled.size)))["v"])
    assert np.allclose(rates[1] - rates[0], np.append(np.zeros(20), 2 * 3 * 20), atol=1e-9)


@pytest.mark.parametrize(
    ("equations", "boundary"),
    [
        ("u_t = d(u**2, x, 2)", {"u": {"x": pk.Neumann(0)}}),  # is div(2*u*grad(u))
        (
            "u_t = u_xx",
            {"u": {"x": pk.Neumann(0), "y": pk.Dirichlet(3)}},
        ),  # prescribed values are read by nobody, and hold
        ("u_tt = u_xx - 0.1*d(u_t, x, 4)", {"u": {"x": [pk.Dirichlet(0), pk.Curvature(0)]}}),
    ],
)
def test_what_is_read_is_taken(equations, boundary):
    grid = PLANE if "y" in boundary["u"] else LINE
    initial = {"u": "0*x", "u_t": "0*x"} if "u_tt" in equations else {"u": "1 + x"}
    pk.Problem(pk.PDE(equations), grid, initial=initial, boundary=boundary)


@pytest.mark.parametrize("text", ["u(t - 1)", "1 + u(x, t - 0.5)"])
def test_values_of_earlier_times_in_conditions(text):
    with pytest.raises(
        BoundaryError, match=r"values of earlier times are those of a whole field, .* stand in equations only"
    ):
        problem("u_t = u_xx", {"u": {"x": pk.Neumann(text)}})


@pytest.mark.parametrize("text", ["u_t(t - 1)", "u_x(t - 1)"])
def test_rates_of_earlier_times(text):
    with pytest.raises(
        pk.PdekitError, match=r"values of unknowns are kept of earlier times, u\(t - tau\), not their rates"
    ):
        problem(f"u_t = u_xx + {text}", {"u": {"x": pk.Neumann(0)}})
