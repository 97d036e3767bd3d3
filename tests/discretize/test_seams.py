"""Coefficients that jump where a periodic axis closes are told."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk


def notes_of(equation, parameters=None):
    grid = pk.Grid(x=pk.Axis(0, 2, 16, periodic=True), y=pk.Axis(0, 1, 9))
    boundary = {"u": {"y": pk.Neumann(0)}}
    return pk.Problem(
        pk.PDE(equation, parameters=parameters or {}), grid, initial={"u": "1"}, boundary=boundary
    ).notes()


@pytest.mark.parametrize(
    ("equation", "jump"),
    [
        ("u_t = div((1 + x)*grad(u))", "x + 1 is not periodic along the periodic axis x: it jumps by 2 from 2 to 0"),
        ("u_t = laplace(u) + x**2", "it jumps by 4 from 2 to 0"),
        ("u_t = laplace(u) - 3*(x - y)*u", "it jumps by 6 from 2 to 0"),
        ("u_t = laplace(u) - sin(x*u)", "it jumps by 2 from 2 to 0"),
    ],
)
def test_jumps_at_the_seam(equation, jump):
    (found,) = notes_of(equation)
    assert jump in found


@pytest.mark.parametrize(
    "equation",
    [
        "u_t = div((2 + sin(pi*x))*grad(u)) - cos(2*pi*x)**2*u",
        "u_t = div((1 + y)*grad(u)) + exp(y)",
        "u_t = laplace(u) + sin(pi*x)",
        "u_t = laplace(u) - 1e6*sin(3*pi*x)*y*u",
        "u_t = laplace(u) + where(abs(x - 1) < 0.5, 1, 0)",
        "u_t = div(k*grad(u))",
    ],
)
def test_what_is_periodic_is_not_told(equation):
    parameters = {"k": np.linspace(1, 2, 144).reshape(16, 9)} if "k*" in equation else None
    assert notes_of(equation, parameters) == []
