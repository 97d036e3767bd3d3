"""Derivatives in the data of conditions: the flux of a tensor through a face, and what another unknown does there."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from pdekit.io.load import loads


def no_flux(points, order=2):
    """div(K grad u) with a full tensor and nothing through any face: n K grad u = 0, that is du/dn = -K12/Knn du/ds (signs of n apart).

    u = exp(-t) cos(pi x) cos(pi y) with sources, and with the data that make it exact.
    """
    K = {"a": 2.0, "b": 0.7, "c": 1.0}
    x_face, y_face = "b/a*exp(-t)*pi*cos(pi*x)*sin(pi*y)", "b/c*exp(-t)*pi*sin(pi*x)*cos(pi*y)"
    sides = {
        "x": {"left": pk.Neumann(f"b/a*u_y + {x_face}"), "right": pk.Neumann(f"-(b/a*u_y + {x_face})")},
        "y": {"left": pk.Neumann(f"b/c*u_x + {y_face}"), "right": pk.Neumann(f"-(b/c*u_x + {y_face})")},
    }
    wave, mixed = "cos(pi*x)*cos(pi*y)", "sin(pi*x)*sin(pi*y)"
    return pk.Problem(
        pk.PDE(
            f"u_t = div([[a, b], [b, c]]*grad(u)) + exp(-t)*((pi**2*(a + c) - 1)*{wave} - 2*b*pi**2*{mixed})",
            parameters=K,
        ),
        pk.Grid(x=pk.Axis(0, 1, points), y=pk.Axis(0, 1, points)),
        initial={"u": wave},
        boundary={"u": sides},
        exact={"u": f"exp(-t)*{wave}"},
        order=order,
    )


@pytest.mark.parametrize("order", [2, 4])
def test_a_tensor_at_faces_of_all_sides(order):
    errors = [
        no_flux(n, order).solve(t_end=0.2, method="esdirk43", rtol=1e-7, atol=1e-9).error("u") for n in (9, 17, 33)
    ]
    assert np.log2(errors[1] / errors[2]) > order - 0.4


def test_its_jacobian_is_exact():
    assert pk.check_jacobian(no_flux(8)).passed
    bent = no_flux(8).replace(
        boundary={"u": {"x": pk.Neumann("sin(u_y)*u"), "y": {"left": pk.Neumann("u_x**2"), "right": pk.Dirichlet(0)}}}
    )
    assert pk.check_jacobian(bent).passed


def test_heat_content_of_a_tensor_under_no_flux():
    """Without sources the content stays to the order of the grid; with du/dn = 0, which is another condition, it does not."""

    def drift(points, conditions):
        plate = pk.Problem(
            pk.PDE("u_t = div([[2, 0.7], [0.7, 1]]*grad(u))"),
            pk.Grid(x=pk.Axis(0, 1, points), y=pk.Axis(0, 1, points)),
            initial={"u": "exp(-8*((x - 0.5)**2 + (y - 0.45)**2))"},
            boundary={"u": conditions},
        )
        solution = plate.solve(t_end=0.1, rtol=1e-6)
        return abs(solution["u"].integral() / solution[0]["u"].integral() - 1)

    right = {
        "x": {"left": pk.Neumann("0.35*u_y"), "right": pk.Neumann("-0.35*u_y")},
        "y": {"left": pk.Neumann("0.7*u_x"), "right": pk.Neumann("-0.7*u_x")},
    }
    drifts = [drift(n, right) for n in (13, 25)]
    assert drifts[1] < 0.4 * drifts[0] or drifts[1] < 1e-12
    assert drift(25, {"x": pk.Neumann(0), "y": pk.Neumann(0)}) > 5 * drifts[1]


def test_the_slope_of_another_unknown():
    """du/dn = dv/dx at the right end: with v = 1 + 3 x in a steady state u' = 3."""
    problem = loads("""
grid: {x: {range: [0, 1], points: 21}}
equations: [0 = u_xx, 0 = v_xx]
boundary:
  u: {x: {left: {dirichlet: 0}, right: {neumann: v_x}}}
  v: {x: {left: {dirichlet: 1}, right: {dirichlet: 4}}}
""")
    assert problem.solve()["u"].values == pytest.approx(3 * problem.grid["x"].nodes, abs=1e-11)
