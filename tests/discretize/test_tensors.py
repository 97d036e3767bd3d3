"""Tensors: ``div(K*grad(u))`` with a matrix K, and cross-diffusion."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from pdekit.errors import ExpressionError, StabilityError
from pdekit.language.pde import PDE

MATRICES = {
    "constant": "[[2, 0.5], [0.5, 1]]",
    "varying": "[[2 + cos(2*pi*x), 0.5*sin(2*pi*y)], [0.5*sin(2*pi*x), 1]]",
    "of the solution": "[[1 + u**2/8, u/8], [u/8, 1]]",
}


def spread(K, points=21, periodic=False, order=2):
    grid = pk.Grid({name: pk.Axis(0, 1, points, periodic=periodic) for name in ("x", "y")})
    conditions = {} if periodic else {"u": {"x": pk.Dirichlet(0), "y": pk.Dirichlet(0)}}
    return pk.Problem(
        pk.PDE("u_t = div(K*grad(u))", definitions={"K": K}),
        grid,
        initial={"u": "exp(sin(2*pi*x))*cos(2*pi*y)" if periodic else "sin(pi*x)*sin(pi*y)"},
        boundary=conditions,
        order=order,
        time=pk.TimeSettings(end=0.02),
    )


@pytest.mark.parametrize("kind", MATRICES)
@pytest.mark.parametrize(("order", "periodic"), [(2, True), (2, False), (4, False)])
def test_orders(kind, order, periodic):
    points = [16, 32] if periodic else [17, 33]
    study = pk.converge(spread(MATRICES[kind], points[0], periodic, order), points=points, against="manufactured")
    assert study.passed, str(study)


def test_a_gaussian_turns_with_its_tensor():
    """From a Gaussian with the covariance C it is one with ``C + 2 K t``, exactly."""
    K, C, t = np.array([[0.02, 0.015], [0.015, 0.03]]), 0.004 * np.eye(2), 0.1
    axis = pk.Axis(-1, 1, 96, periodic=True)

    def gaussian(covariance):
        a, det = np.linalg.inv(covariance), np.linalg.det(covariance)
        return f"exp(-({a[0, 0]}*x**2 + {2 * a[0, 1]}*x*y + {a[1, 1]}*y**2)/2)*{(np.linalg.det(C) / det) ** 0.5}"

    problem = pk.Problem(
        pk.PDE("u_t = div(K*grad(u))", definitions={"K": str(K.tolist())}),
        pk.Grid(x=axis, y=axis),
        initial={"u": gaussian(C)},
        exact={"u": gaussian(C + 2 * K * t)},
        order=4,
    )
    s = problem.solve(t_end=t)
    assert s.error("u") <= 2e-3
    assert s["u"].integral() == pytest.approx(s.frame("u", 0).integral(), rel=1e-12)


def test_products_of_the_language():
    K = {"K": "[[1, 2], [3, 4]]"}
    parsed = [PDE(f"u_t = {text}", definitions=K).bind(("x", "y")).unknowns[0].rhs for text in (
        "dot(K*[1, 10], [1, 0])", "dot(-K*[1, 10], [0, 1])", "dot((2*K + K/2)*[1, 0], [1, 1])", "dot((K - K)*[1, 1], [1, 1])"
    )]  # fmt: skip
    assert parsed == [21, -43, 10, 0]


@pytest.mark.parametrize(
    "text", ["K*K", "K + 1", "grad(u)*K", "div(K)", "K", "div([[1, 2], 3]*grad(u))", "div([[1, 2]]*grad(u))"]
)
def test_what_is_no_product(text):
    with pytest.raises(ExpressionError, match=r"matri|vector"):
        PDE(f"u_t = {text}", definitions={"K": "[[1, 2], [3, 4]]"}).bind(("x", "y"))


@pytest.mark.parametrize(
    ("equations", "definitions"),
    [
        ("u_t = div(K*grad(u))", {"K": "[[1, 3], [3, 1]]"}),
        ("u_t = div(K*grad(u))", {"K": "[[1, 2*sin(2*pi*x)], [2*sin(2*pi*x), 1]]"}),
        ("u_t = u_xx + u_yy + 3*u_xy", {}),
        (["u_t = laplace(u) + 3*laplace(v)", "v_t = 3*laplace(u) + laplace(v)"], {}),
    ],
)
def test_what_grows_in_some_direction_is_refused(equations, definitions):
    axis = pk.Axis(0, 1, 21, periodic=True)
    initial = {"u": "sin(2*pi*x)"} | ({"v": 1} if isinstance(equations, list) else {})
    with pytest.raises(StabilityError, match="backwards in the direction"):
        pk.Problem(pk.PDE(equations, definitions=definitions), pk.Grid(x=axis, y=axis), initial=initial)


def test_cross_diffusion_within_bounds():
    """``u_t = u_xx + 3 v_xx, v_t = v_xx`` is well posed: both eigenvalues are 1. Exact for a wave of v."""
    axis = pk.Axis(0, 2 * np.pi, 64, periodic=True)
    fields = {"u": "-3*t*exp(-t)*sin(x)", "v": "exp(-t)*sin(x)"}
    pde = pk.PDE(["u_t = u_xx + 3*v_xx", "v_t = v_xx"])
    problem = pk.Problem(pde, pk.Grid(x=axis), initial={"u": 0, "v": "sin(x)"}, exact=fields, order=6)
    assert max(problem.solve(t_end=1.0).errors().values()) <= 1e-5


STEADY = {"u": {"x": pk.Dirichlet(0), "y": pk.Dirichlet(0)}}


@pytest.mark.parametrize(
    "equation", ["0 = u_xx - u_yy + 1", "0 = div([[1, 2], [2, 1]]*grad(u)) + 1", "0 = -u_xx - 3*u_xy - u_yy"]
)
def test_steady_equations_that_are_not_elliptic_are_refused(equation):
    with pytest.raises(StabilityError, match="hyperbolic, not elliptic"):
        pk.Problem(pk.PDE(equation), pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 1, 9)), boundary=STEADY)


@pytest.mark.parametrize("equation", ["0 = u_xx - 0*u_yy - 1", "0 = -div([[1, 0.9], [0.9, 1]]*grad(u)) + u"])
def test_steady_equations_of_either_sign_are_taken(equation):
    pk.Problem(pk.PDE(equation), pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 1, 9)), boundary=STEADY)


def test_waves_that_grow_in_some_direction_are_refused():
    with pytest.raises(StabilityError, match="backwards in the direction"):
        pk.Problem(
            pk.PDE("u_tt = u_xx + 3*u_xy + u_yy"),
            pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 1, 9)),
            initial={"u": 0, "u_t": 0},
            boundary=STEADY,
        )
