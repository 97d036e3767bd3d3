"""Perfectly matched layers: what comes back, obliquely too, and that nothing grows."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.errors import BoundaryError
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


def tube(n, order=2, width=0.2, speed=1.0, **change):
    """Sound in a tube; the pressure is zero behind the layers, and the velocity goes out."""
    given = {
        "pde": pk.PDE(["p_t = -c*u_x", "u_t = -c*p_x"], parameters={"c": speed}),
        "grid": pk.Grid(x=pk.Axis(0, 1, n + 1, absorbing_layer=width)),
        "initial": {"p": "exp(-((x - 0.5)/0.05)**2)", "u": 0},
        "boundary": {"p": {"x": pk.Dirichlet(0)}, "u": {"x": pk.Outflow()}},
        "order": order,
    }
    return pk.Problem(**given | change)


@pytest.mark.parametrize(("order", "speed"), [(2, 1.0), (4, 340.0)])
def test_sound_leaves(order, speed, figure):
    """A first-order system. From t = 0.85 on, the halves of the pulse are on their way back from the ends, until 1.35."""
    times = np.linspace(0.85, 1.35, 11) / speed
    solution = tube(400, order, speed=speed).solve(t_end=times[-1], times=times)
    back = max(np.max(np.abs(s["p"].values[80:-80])) for s in solution if s.t >= times[0] * (1 - 1e-9)) / 0.5
    figure(f"absorbing layer, sound, N = 400, order {order}: reflected amplitude", back, "<= 1e-3")
    assert 1e-7 < back <= 1e-3


def test_sound_that_is_damped_and_heard_in_a_layered_tube(figure):
    """Further linear terms, and coefficients that vary inside: beside a tube that is one longer at both ends, without layers."""

    def damped(left, right, layer):
        n = round((right - left) * 200)
        return tube(
            n,
            grid=pk.Grid(x=pk.Axis(left, right, n + 1, absorbing_layer=layer)),
            pde=pk.PDE(["p_t = -(1 + 0.2*sin(6*x)*where(abs(x - 0.5) < 0.3, 1, 0))*u_x - p + 0.3*u", "u_t = -p_x"]),
        ).solve(t_end=1.2, frames=13)

    near, far = damped(0, 1, 0.2), damped(-1, 2, 0.0)
    gap = max(np.max(np.abs(a["p"].values[40:-40] - b["p"].values[240:-240])) for a, b in zip(near, far))
    figure("absorbing layer, damped sound with other terms: difference", gap / 0.5, "<= 1e-3")
    assert gap / 0.5 <= 1e-3


def sound_in_a_plate(n, right, layer):
    line = pk.Axis(0, right, round(right * n) + 1, absorbing_layer={"right": layer})
    grid = pk.Grid(x=line, y=pk.Axis(0, 1.8, round(1.8 * n) + 1))
    soft, free = {"x": pk.Dirichlet(0), "y": pk.Dirichlet(0)}, {"x": pk.Outflow(), "y": pk.Outflow()}
    start = {"p": "exp(-((x - 0.5)**2 + (y - 0.6)**2)/0.06**2)", "u": 0, "v": 0}
    pde, time = pk.PDE(["p_t = -u_x - v_y", "u_t = -p_x", "v_t = -p_y"]), pk.TimeSettings(rtol=1e-5)
    return pk.Problem(pde, grid, initial=start, boundary={"p": soft, "u": free, "v": free}, time=time)


def test_oblique_sound(figure):
    """As of waves of second order in time."""
    n, frames = 50, 14
    near, far = (
        sound_in_a_plate(n, right, layer).solve(t_end=1.3, frames=frames) for right, layer in ((1.0, 0.2), (2.0, 0.0))
    )
    seen, behind = np.s_[round(0.5 * n), round(1.1 * n) : round(1.3 * n)], np.s_[round(0.8 * n), round(0.9 * n)]
    back = max(np.max(np.abs(near.frame("p", k).values[seen] - far.frame("p", k).values[seen])) for k in range(frames))
    arrived = max(abs(far.frame("p", k).values[behind]) for k in range(frames))
    figure("absorbing layer, sound in 2-D, 45 degrees, h = 1/50: reflected amplitude", back / arrived, "<= 1e-2")
    assert back / arrived <= 1e-2


def test_sound_in_layers_on_both_axes_keeps_still(figure):
    line = {"absorbing_layer": 0.25}
    grid = pk.Grid(x=pk.Axis(0, 1, 25, **line), y=pk.Axis(0, 1, 25, **line))
    soft, free = {"x": pk.Dirichlet(0), "y": pk.Dirichlet(0)}, {"x": pk.Outflow(), "y": pk.Outflow()}
    start = {"p": "exp(-((x - 0.4)**2 + (y - 0.55)**2)/0.1**2)", "u": 0, "v": 0}
    pde = pk.PDE(["p_t = -(1 + x)*(u_x + v_y)", "u_t = -p_x", "v_t = -p_y"])
    solution = pk.Problem(pde, grid, initial=start, boundary={"p": soft, "u": free, "v": free}).solve(
        t_end=100.0, frames=5
    )
    sizes = [np.max(np.abs(solution.frame("p", k).values)) for k in range(1, 5)]
    figure("absorbing layers on all sides, sound in 2-D, t = 100: amplitude", sizes[-1], "not growing")
    assert sizes[-1] <= 1.01 * sizes[0] <= 1e-4


def room(n, size, layer):
    ends = (0.5 - size / 2, 0.5 + size / 2, round(size * n) + 1)
    grid = pk.Grid(**{name: pk.Axis(*ends, absorbing_layer=layer) for name in "xyz"})
    start = {"u": "exp(-((x - 0.45)**2 + (y - 0.5)**2 + (z - 0.55)**2)/0.1**2)", "u_t": 0}
    walls = {} if layer else {"u": dict.fromkeys("xyz", pk.Dirichlet(0))}
    return pk.Problem(pk.PDE("u_tt = laplace(u)"), grid, initial=start, boundary=walls)


@pytest.mark.study
def test_waves_in_three_dimensions(figure):
    """Layers of 12 steps on all sides, beside a room in which nothing has come back yet."""
    n, frames = 32, 8
    near, far = (room(n, size, layer).solve(t_end=0.9, frames=frames) for size, layer in ((1.25, 0.375), (2.0, 0.0)))
    inner, same = (slice(12, -12),) * 3, (slice(24, -24),) * 3
    back = max(np.max(np.abs(a["u"].values[inner] - b["u"].values[same])) for a, b in zip(near, far))
    arrived = max(np.max(np.abs(b["u"].values[24, 24:-24, 24:-24])) for b in far)
    figure("absorbing layers on all sides, 3-D, h = 1/32: reflected amplitude", back / arrived, "<= 1e-2")
    assert back / arrived <= 1e-2


def test_layers_in_three_dimensions_keep_still():
    """Edges and corners, where two and three layers overlap."""
    solution = room(12, 1.0, 0.25).solve(t_end=20.0, frames=5)
    sizes = [np.max(np.abs(solution.frame("u", k).values)) for k in range(1, 5)]
    assert sizes[-1] <= sizes[0] <= 0.01


def test_a_thin_layer_is_told():
    assert tube(400, width=0.01).notes() == [
        f"grid.x.absorbing_layer: 4 steps of the grid lie in the layer at the {side}, which then reflects; take 8 or more"
        for side in ("left", "right")
    ]
    assert not tube(400, width=0.02).notes()
    (note,) = pulse(50, absorbing_layer={"left": 0.4, "right": 0.2}).notes()
    assert "10 steps of the grid lie in the layer at the right" in note


def test_the_other_end_of_a_one_sided_layer_is_asked_for():
    with pytest.raises(BoundaryError, match="no condition on this face") as found:
        pulse(100, absorbing_layer={"right": 0.2})
    assert found.value.key == "boundary.u.x.left"
    held = pulse(100).replace(
        grid=pk.Grid(x=pk.Axis(0, 1, 101, absorbing_layer={"right": 0.2})),
        boundary={"u": {"x": {"left": pk.Neumann(0)}}},
    )
    assert held.conditions["u"]["x"].right == (pk.Dirichlet(0),)


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
        ({"absorbing_layer": 0.1}, "u_t = u_xx", "grid.x.absorbing_layer: absorbing layers are for waves.*u is none: there is u_xx"),
        ({"absorbing_layer": 0.1}, "u_t = -u*u_x", "absorbing layers are for waves.*u_t is not linear"),
        ({"absorbing_layer": 0.1}, "u_t = -d(u**2, x)", r"absorbing layers are for waves.*there is u\*\*2_x"),
        ({"absorbing_layer": 0.1}, "u_t = -u", "along x nothing is carried"),
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
