"""Perfectly matched layers: what comes back, obliquely too, and that nothing grows."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.io.load import loads


def pulse(n, speed=1.0, **axis):
    grid = pk.Grid(x=pk.Axis(0, 1, n + 1, **({"absorbing_layer": 0.2} | axis)))
    start = {"u": "exp(-((x - 0.5)/0.05)**2)", "u_t": 0}
    return pk.Problem(pk.PDE("u_tt = c**2*u_xx", parameters={"c": speed}), grid, initial=start)


@pytest.mark.parametrize("speed", [1.0, 340.0])
def test_a_pulse_leaves(speed, figure):
    """Its halves, of amplitude 1/2, cross the layers and come back as what is left; the outermost nodes are fixed."""
    problem = pulse(400, speed)
    u = problem.solve(t_end=1.5 / speed)["u"].values
    left = np.max(np.abs(u[80:-80])) / 0.5
    figure(f"absorbing layer, 1-D, N = 400, speed {speed:g}: reflected amplitude", left, "<= 1e-3")
    assert left <= 1e-3


def test_nothing_grows(figure):
    """A thousand crossings after the pulse has left."""
    solution = pulse(50).solve(t_end=1000.0, frames=5)
    sizes = [np.max(np.abs(solution.frame("u", k).values)) for k in range(1, 5)]
    figure("absorbing layer, 1-D, after 1000 crossings: amplitude", sizes[-1], "not growing")
    assert sizes[-1] <= sizes[0] <= 0.05


def plate(n, right, layer):
    line = pk.Axis(0, right, round(right * n) + 1, absorbing_layer={"right": layer})
    grid = pk.Grid(x=line, y=pk.Axis(0, 1.8, round(1.8 * n) + 1))
    wall = {"u": {"x": pk.Dirichlet(0), "y": pk.Dirichlet(0)}}
    start = {"u": "exp(-((x - 0.5)**2 + (y - 0.6)**2)/0.06**2)", "u_t": 0}
    time = pk.TimeSettings(rtol=1e-5)
    return pk.Problem(pk.PDE("u_tt = u_xx + u_yy"), grid, initial=start, boundary=wall, time=time)


def test_oblique_waves(figure):
    """From (0.5, 0.6) by the layer at x = 0.8 to around (0.5, 1.2), under 45 degrees; beside a plate that is one longer."""
    n, frames = 60, 21
    near, far = plate(n, 1.0, 0.2).solve(t_end=1.3, frames=frames), plate(n, 2.0, 0.0).solve(t_end=1.3, frames=frames)
    seen, behind = np.s_[round(0.5 * n), round(1.1 * n) : round(1.3 * n)], np.s_[round(0.8 * n), round(0.9 * n)]
    back = max(np.max(np.abs(near.frame("u", k).values[seen] - far.frame("u", k).values[seen])) for k in range(frames))
    arrived = max(abs(far.frame("u", k).values[behind]) for k in range(frames))
    figure("absorbing layer, 2-D, 45 degrees, h = 1/60: reflected amplitude", back / arrived, "<= 1e-2")
    assert back / arrived <= 1e-2


def test_layers_on_both_axes_keep_still(figure):
    """Corners, where both layers overlap; long after the wave has left."""
    line = {"absorbing_layer": 0.25}
    grid = pk.Grid(x=pk.Axis(0, 1, 25, **line), y=pk.Axis(0, 1, 25, **line))
    start = {"u": "exp(-((x - 0.4)**2 + (y - 0.55)**2)/0.1**2)", "u_t": 0}
    problem = pk.Problem(pk.PDE("u_tt = div((1 + x)*grad(u))"), grid, initial=start)
    solution = problem.solve(t_end=100.0, frames=5)
    sizes = [np.max(np.abs(solution.frame("u", k).values)) for k in range(1, 5)]
    figure("absorbing layers on all sides, 2-D, t = 100: amplitude", sizes[-1], "not growing")
    assert sizes[-1] <= sizes[0] <= 0.02


def test_config():
    text = """
grid: {x: {range: [0, 2], points: 101, absorbing_layer: {right: L/10}}}
parameters: {L: 2}
equations: u_tt = u_xx
initial: {u: "exp(-50*(x - 1)**2)", u_t: 0}
boundary: {u: {x: {left: {neumann: 0}, right: {dirichlet: 0}}}}
time: {end: 0.5}
"""
    problem = loads(text)
    assert problem.grid["x"].absorbing_layer == (0.0, 0.2)
    assert loads(problem.to_yaml()).grid == problem.grid
    assert [u.name for u in problem.system.unknowns] == ["u", "u_layer_x"]
    assert problem.replace(grid=problem.grid.replace(x=problem.grid["x"].with_points(51))).grid[
        "x"
    ].absorbing_layer == (0.0, 0.2)


@pytest.mark.parametrize(
    ("axis", "equations", "message"),
    [
        ({"absorbing_layer": -0.1}, "u_tt = u_xx", "is a width, a number and not negative; found -0.1"),
        ({"absorbing_layer": 0.5}, "u_tt = u_xx", "leave nothing of an axis of length 1"),
        ({"absorbing_layer": {"lft": 0.1}}, "u_tt = u_xx", "ends are 'left' and 'right', found 'lft'; did you mean 'left'"),
        ({"absorbing_layer": 0.1, "periodic": True}, "u_tt = u_xx", "a periodic axis has no ends"),
        ({"absorbing_layer": 0.1}, "u_t = u_xx", "grid.x.absorbing_layer: absorbing layers are for waves.*u is none"),
        ({"absorbing_layer": 0.1}, "u_tt = u_xx - u_xxxx", "absorbing layers are for waves.*there is u_xxxx"),
        ({"absorbing_layer": 0.1}, "u_tt = (1 + x)*u_xx", r"the factor of u_xx is x \+ 1"),
    ],
)  # fmt: skip
def test_refused(axis, equations, message):
    start = {"u": 0, "u_t": 0} if "tt" in equations else {"u": 0}

    def make():
        line = pk.Axis(0, 1, 21, **axis)
        return pk.Problem(pk.PDE(equations), pk.Grid(x=line), initial=start, boundary={"u": {"x": pk.Dirichlet(0)}})

    with pytest.raises(pk.PdekitError, match=message):
        make()
