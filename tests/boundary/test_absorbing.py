"""Waves leave through absorbing ends."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.io.load import loads


def pulse(n, order=2, c=2.0):
    """A pulse that runs to the right: u = f(x - ct), u_t = -c f'."""
    return pk.Problem(
        pk.PDE("u_tt = c**2*u_xx", parameters={"c": c}),
        pk.Grid(x=pk.Axis(0, 1, n)),
        initial={"u": "exp(-200*(x - 0.5)**2)", "u_t": "c*400*(x - 0.5)*exp(-200*(x - 0.5)**2)"},
        boundary={"u": {"x": pk.Absorbing("u", "c")}},
        order=order,
    )


@pytest.mark.parametrize("order", [2, 4])
def test_a_pulse_leaves_in_one_dimension(order, figure):
    """What is left of it when it is gone, at N = 400; it falls with the order of the grid."""
    left = [np.max(np.abs(pulse(n, order).solve(t_end=0.8)["u"].values)) for n in (201, 401)]
    figure(f"reflected by an absorbing end, 401 nodes, order {order}", left[1], "<= 1e-3")
    assert left[1] <= 1e-3 and np.log2(left[0] / left[1]) > order - 0.3


def test_both_directions_and_the_speed_matter():
    """d'Alembert: both halves leave; with a wrong speed c', (c - c')/(c + c') of them comes back."""
    still = pulse(401).replace(initial={"u": "exp(-200*(x - 0.5)**2)", "u_t": 0})
    assert np.max(np.abs(still.solve(t_end=0.8)["u"].values)) < 1e-3
    wrong = pulse(401).replace(boundary={"u": {"x": pk.Absorbing("u", 1.0)}})
    assert np.max(np.abs(wrong.solve(t_end=0.5)["u"].values)) == pytest.approx((2 - 1) / (2 + 1), rel=0.02)


def test_yaml():
    text = """
grid: {x: {range: [0, 1], points: 101}}
equations: u_tt = u_xx
initial: {u: "exp(-200*(x - 0.5)**2)", u_t: 0}
boundary: {u: {x: {left: {dirichlet: 0}, right: {absorbing: 1}}}}
time: {end: 0.5}
"""
    problem = loads(text)
    assert loads(problem.to_yaml()).to_yaml() == problem.to_yaml()
    with pytest.raises(pk.PdekitError, match="expected the speed of the waves"):
        loads(text.replace("absorbing: 1", "absorbing: [1]"))
