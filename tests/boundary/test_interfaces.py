"""Planes inside of the domain at which an unknown or its flux jumps: exact layered solutions, conservation, order 2 in the maximum norm."""

from __future__ import annotations

from itertools import pairwise

import h5py
import numpy as np
import pytest
from scipy.optimize import brentq

import pdekit as pk
from pdekit.errors import BoundaryError, ConfigError, ExpressionError
from pdekit.io.load import loads

PLACE = 0.37


def layers(k1=1.0, k2=5.0, at=PLACE):
    return f"where(x < {at!r}, {k1!r}, {k2!r})"


@pytest.mark.parametrize("points", [5, 12, 101])
@pytest.mark.parametrize("at", [0.37, 0.5, 0.25])
@pytest.mark.parametrize(("R", "J", "Q"), [(0.3, 0, 0), (0, 0.4, 0), (0, 0, -2.0), (0, 0.4, -2.0), (0.3, 0.4, 0)])
def test_steady_layers_are_exact_at_the_nodes(points, at, R, J, Q):
    """Piecewise linear: with the flux f before the interface, f at/k1 + R f + J + (f + Q)(1 - at)/k2 = 1."""
    k1, k2 = 1.0, 5.0
    wall = pk.Problem(
        pk.PDE(f"0 = div({layers(k1, k2, at)}*grad(u))"),
        pk.Grid(x=pk.Axis(0, 1, points)),
        boundary={"u": {"x": {"left": pk.Dirichlet(0), "right": pk.Dirichlet(1)}}},
        interfaces={"u": {"x": pk.Interface(at, resistance=R, jump=J, flux_jump=Q)}},
    )
    f = (1 - J - Q * (1 - at) / k2) / (at / k1 + (1 - at) / k2 + R)
    x = wall.grid["x"].nodes
    exact = np.where(x <= at, f * x / k1, 1 - (f + Q) * (1 - x) / k2)
    assert np.max(np.abs(wall.solve()["u"].values - exact)) < 1e-12


@pytest.mark.parametrize(
    "equation",
    [
        "c*u_t = div(k*grad(u))",
        "k*u_xx - c*u_t = 0",
        "c*(1 + x)*u_t = div(k*grad(u))",
        "c*u_t = div(k*(1 + 0*x)*grad(u))",
    ],
)
def test_the_flux_is_that_of_the_equation_as_it_was_given(equation):
    """Whatever stands before the time derivative, the resistance meets ``k du/dx``: bars in series at the end."""
    k, c, R, length = 50.0, 3.5e6, 1e-3, 0.1
    bars = pk.Problem(
        pk.PDE(equation, parameters={"k": k, "c": c}),
        pk.Grid(x=pk.Axis(0, length, 41)),
        initial={"u": "400 - 1000*x"},
        boundary={"u": {"x": {"left": pk.Dirichlet(400), "right": pk.Dirichlet(300)}}},
        interfaces={"u": {"x": pk.Interface(0.037, resistance=R)}},
    )
    solution = bars.solve(t_end=1e6, times=())
    x, flux = bars.grid["x"].nodes, 100 / (length / k + R)
    exact = 400 - flux * (x / k + np.where(x > 0.037, R, 0))
    assert np.max(np.abs(solution["u"].values - exact)) < 1e-3


def decaying_mode(k1, k2, R, at):
    """An eigenfunction cos(a x), B cos(b (1 - x)) of two insulated layers with a contact resistance, and its rate of decay."""

    def parts(rate):
        a, b = np.sqrt(rate / k1), np.sqrt(rate / k2)
        flux = -k1 * a * np.sin(a * at)
        return a, b, flux, flux / (k2 * b * np.sin(b * (1 - at)))

    def gap(rate):
        a, b, flux, B = parts(rate)
        return B * np.cos(b * (1 - at)) - np.cos(a * at) - R * flux

    rates = np.linspace(0.5, 12, 400)
    found = next((lo, hi) for lo, hi in pairwise(rates) if gap(lo) * gap(hi) < 0 and abs(gap(lo)) + abs(gap(hi)) < 5)
    rate = float(brentq(gap, *found, xtol=1e-14))
    a, b, _, B = map(float, parts(rate))
    return f"exp(-{rate!r}*t)*where(x <= {at!r} + 1e-12, cos({a!r}*x), {B!r}*cos({b!r}*(1 - x)))"


@pytest.mark.parametrize(("k1", "k2", "R", "at"), [(1.0, 1.0, 0.5, 0.37), (1.0, 0.2, 1.5, 1 / 3), (1.0, 5.0, 0.3, 0.5)])
def test_a_contact_resistance_in_time(k1, k2, R, at):
    exact = decaying_mode(k1, k2, R, at)
    errors, sizes = [], (21, 81, 321)
    for n in sizes:
        wall = pk.Problem(
            pk.PDE(f"u_t = div({layers(k1, k2, at)}*grad(u))"),
            pk.Grid(x=pk.Axis(0, 1, n)),
            initial={"u": exact.replace("*t)", "*0)", 1)},
            boundary={"u": {"x": pk.Neumann(0)}},
            exact={"u": exact},
            interfaces={"u": {"x": pk.Interface(at, resistance=R)}},
        )
        solution = wall.solve(t_end=0.2, rtol=1e-9, atol=1e-11)
        errors.append(solution.error("u"))
        assert abs(solution["u"].integral() - solution[0]["u"].integral()) < 1e-11
    # Errors depend on where in its cell the interface lies: the order is that of the whole series.
    assert np.polyfit(np.log(1.0 / (np.array(sizes) - 1)), np.log(errors), 1)[0] > 1.9


def test_data_that_change_in_two_dimensions():
    """exp(-2 t) cos(y) times cos(x) before, 2 cos(x) + sin(x)/2 beyond: both solve the heat equation."""
    y, s = "exp(-2*t)*cos(y)", 0.61
    errors, sizes = [], (11, 21, 41)
    for n in sizes:
        plate = pk.Problem(
            pk.PDE("u_t = laplace(u)", parameters={"s": s}),
            pk.Grid(x=pk.Axis(0, 2, n), y=pk.Axis(0, 1, n)),
            initial={"u": "cos(y)*where(x <= s, cos(x), 2*cos(x) + 0.5*sin(x))"},
            boundary={
                "u": {
                    "x": {"left": pk.Neumann(0), "right": pk.Dirichlet(f"{y}*(2*cos(2) + 0.5*sin(2))")},
                    "y": {
                        "left": pk.Neumann(0),
                        "right": pk.Dirichlet("exp(-2*t)*cos(1)*where(x <= s, cos(x), 2*cos(x) + 0.5*sin(x))"),
                    },
                }
            },
            exact={"u": f"{y}*where(x <= s, cos(x), 2*cos(x) + 0.5*sin(x))"},
            interfaces={
                "u": {"x": pk.Interface(s, jump=f"{y}*(cos(s) + 0.5*sin(s))", flux_jump=f"{y}*(-sin(s) + 0.5*cos(s))")}
            },
        )
        errors.append(plate.solve(t_end=0.3, method="esdirk43", rtol=1e-7, atol=1e-9).error("u"))
    assert np.polyfit(np.log(1.0 / (np.array(sizes) - 1)), np.log(errors), 1)[0] > 1.8
    assert errors[-1] < 1e-3


def test_a_resistance_along_the_plane_and_several_planes_keep_the_heat():
    plate = pk.Problem(
        pk.PDE("u_t = div((1 + y)*grad(u)) - 0.1*u**3 + 0.1*u**3"),
        pk.Grid(x=pk.Axis(0, 1, 14), y=pk.Axis(0, 1, 9)),
        initial={"u": "exp(-3*x) + y"},
        boundary={"u": {"x": pk.Neumann(0), "y": pk.Neumann(0)}},
        interfaces={
            "u": {
                "x": [pk.Interface(0.31, resistance="1 + y**2"), pk.Interface(0.7, resistance=4)],
                "y": pk.Interface(0.5, jump="x"),
            }
        },
    )
    for method in ("rk4", "tr_bdf2"):
        solution = plate.solve(t_end=0.05, method=method, step=2e-4 if method == "rk4" else 0.01)
        assert abs(solution["u"].integral() - solution[0]["u"].integral()) < 1e-12


def test_a_source_on_the_plane_gives_what_it_says():
    """flux_jump = -q heats by q per area and time."""
    rod = pk.Problem(
        pk.PDE("u_t = 0.1*u_xx"),
        pk.Grid(x=pk.Axis(0, 1, 23)),
        initial={"u": "0"},
        boundary={"u": {"x": pk.Neumann(0)}},
        interfaces={"u": {"x": pk.Interface(0.3, flux_jump="-2 - t")}},
    )
    assert rod.solve(t_end=1.0, rtol=1e-9, atol=1e-12)["u"].integral() == pytest.approx(2.5, rel=1e-8)


def test_nonlinear_equations_with_an_interface_have_an_exact_jacobian_and_kernels():
    front = pk.Problem(
        pk.PDE("u_t = 0.1*u_xx + u*(1 - u)"),
        pk.Grid(x=pk.Axis(0, 1, 31)),
        initial={"u": "0.2 + x"},
        boundary={"u": {"x": pk.Neumann("-u**2")}},
        interfaces={"u": {"x": pk.Interface(0.4, resistance=2, jump="sin(t)")}},
    )
    assert pk.check_jacobian(front, t=0.3).passed
    front = front.replace(
        boundary={"u": {"x": pk.Neumann(0)}}, interfaces={"u": {"x": pk.Interface(0.4, resistance=2)}}
    )
    both = [
        front.replace(time=pk.TimeSettings(end=0.5, method="rk4", step=1e-3, compiled=how)).solve()["u"].values
        for how in ("always", "never")
    ]
    assert np.max(np.abs(both[0] - both[1])) < 1e-13


def test_waves_are_held_up_by_a_soft_joint():
    """A standing wave in a string of two parts joined by a spring: [u] = R u_x; sin(a x) before, B sin(a (1 - x)) beyond."""
    R, s = 0.5, 0.37

    # a cos(a s) = -B a cos(a(1 - s)), B sin(a(1 - s)) - sin(a s) = R a cos(a s)
    def gap(a):
        B = -np.cos(a * s) / np.cos(a * (1 - s))
        return B * np.sin(a * (1 - s)) - np.sin(a * s) - R * a * np.cos(a * s)

    trial = np.linspace(2.51, 3.14, 200)
    a = float(brentq(gap, *next((lo, hi) for lo, hi in pairwise(trial) if gap(lo) * gap(hi) < 0)))
    B = float(-np.cos(a * s) / np.cos(a * (1 - s)))
    shape = f"where(x <= {s}, sin({a!r}*x), {B!r}*sin({a!r}*(1 - x)))"
    errors, sizes = [], (21, 81, 321)
    for n in sizes:
        string = pk.Problem(
            pk.PDE("u_tt = u_xx"),
            pk.Grid(x=pk.Axis(0, 1, n)),
            initial={"u": shape, "u_t": "0"},
            boundary={"u": {"x": pk.Dirichlet(0)}},
            exact={"u": f"cos({a!r}*t)*{shape}"},
            interfaces={"u": {"x": pk.Interface(s, resistance=R)}},
        )
        errors.append(string.solve(t_end=2.0, rtol=1e-9, atol=1e-11).error("u"))
    assert np.polyfit(np.log(1.0 / (np.array(sizes) - 1)), np.log(errors), 1)[0] > 1.8


CONFIG = """
grid: {x: {range: [0, 1], points: 21}}
parameters: {h: 4}
equations: u_t = u_xx
initial: {u: x}
boundary: {u: {x: {neumann: 0}}}
interfaces: {u: {x: {at: 1/3, resistance: 1/h}}}
time: {end: 0.1}
output: {series: {before: u(0.33), beyond: u(0.34)}}
"""


def test_configs_say_the_same():
    problem = loads(CONFIG)
    assert problem.interfaces["u"]["x"] == pk.Interface(1 / 3, resistance="1/h")
    again = loads(problem.to_yaml())
    assert again.interfaces == problem.interfaces
    solution = problem.solve()
    assert np.array_equal(solution["u"].values, again.solve()["u"].values)
    namespace: dict = {}
    exec(problem.to_python(), namespace)
    assert namespace["problem"].interfaces == problem.interfaces
    # The jump that is read off beside the plane is the resistance times the flux there.
    before, at_cell = np.diff(solution["u"].values)[4:6] / 0.05
    flux = at_cell + (at_cell - before) / 0.05 * (1 / 3 - 0.275)
    assert solution.series["beyond"][-1] - solution.series["before"][-1] == pytest.approx(0.26 * flux, rel=0.02)


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (("at: 1/3", "at: 1.5"), BoundaryError, "between the outermost nodes"),
        (("resistance: 1/h", "resistance: -1"), BoundaryError, "not negative"),
        (("resistance: 1/h", "resistance: t"), BoundaryError, "not change in time"),
        (("resistance: 1/h", "resistance: 0"), BoundaryError, "nothing jumps"),
        (("resistance: 1/h", "resistance: 1, flux_jump: 1"), BoundaryError, "which of both fluxes"),
        (("resistance: 1/h", "resistence: 1"), ConfigError, "resistance"),
        (("interfaces: {u: {x: {at: 1/3, resistance: 1/h}}}", "interfaces: {v: {x: {at: 1/3, jump: 1}}}"), BoundaryError, "not an unknown"),
        (("interfaces: {u: {x: {at: 1/3, resistance: 1/h}}}", "interfaces: {u: {y: {at: 1/3, jump: 1}}}"), BoundaryError, "no such axis"),
        (
            ("{at: 1/3, resistance: 1/h}", "[{at: 0.33, jump: 1}, {at: 0.34, jump: 1}]"),
            BoundaryError,
            "one cell",
        ),
        (("u_t = u_xx", "u_t = u_xx - u_x"), ExpressionError, "only diffusion"),
        (("u_t = u_xx", "u_t = div(u*grad(u))"), ExpressionError, "depends on the solution"),
        (("u_t = u_xx", "u_t = (1 + x)*u_xx"), ExpressionError, "write div"),
        (("u_t = u_xx", "u_t - u_xxt = u_xx"), ExpressionError, "only diffusion"),
        (("time:", "discretization: {order: 4}\ntime:"), ConfigError, "order 2"),
        (("series: {before: u(0.33), beyond: u(0.34)}", "fields: {q: -u_x}"), ExpressionError, "only diffusion"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(change, kind, words):
    assert change[0] in CONFIG
    with pytest.raises(kind, match=words):
        loads(CONFIG.replace(*change))


def test_lines_break_at_the_plane():
    """Drawn are both sides of the jump: of a steady wall the straight pieces up to the plane."""
    from pdekit.plotting.plane import closed

    wall = pk.Problem(
        pk.PDE("0 = u_xx"),
        pk.Grid(x=pk.Axis(0, 1, 11)),
        boundary={"u": {"x": {"left": pk.Dirichlet(0), "right": pk.Dirichlet(1)}}},
        interfaces={"u": {"x": pk.Interface(0.37, resistance=1)}},
    )
    x, u = closed(wall.grid, 0, wall.solve()["u"].values)
    assert list(x[4:7]) == [0.37] * 3
    assert u[4:7] == pytest.approx([0.5 * 0.37, np.nan, 1 - 0.5 * 0.63], nan_ok=True)


def steady_wall(**place: float) -> pk.Problem:
    """Between 0 and 1, with a resistance of 1: pieces of slope 1/2 up to the plane."""
    return pk.Problem(
        pk.PDE("0 = u_xx"),
        pk.Grid(x=pk.Axis(0, 1, 11)),
        boundary={"u": {"x": {"left": pk.Dirichlet(0), "right": pk.Dirichlet(1)}}},
        interfaces={"u": {"x": pk.Interface(place["at"], resistance=1)}},
    )


def test_maps_have_both_values_at_the_plane():
    from pdekit.plotting.plane import closed

    wall = steady_wall(at=0.37)
    u = wall.solve()["u"].values
    x, columns = closed(wall.grid, 0, np.array([u, 2 * u]).T)
    assert list(x[3:7]) == pytest.approx([0.3, 0.37, 0.37, 0.4])
    assert columns[4:6, 0] == pytest.approx([0.5 * 0.37, 1 - 0.5 * 0.63])
    assert np.array_equal(columns[:, 1], 2 * columns[:, 0])


def test_between_two_planes_a_single_node_is_not_continued_across_them():
    from pdekit.plotting.plane import closed

    grid = pk.Grid(x=pk.Axis(0, 1, 11).divided([0.35, 0.45]))
    x, columns = closed(
        grid, 0, np.where(grid["x"].nodes < 0.35, 0.0, np.where(grid["x"].nodes < 0.45, 5.0, 1.0))[:, None]
    )
    assert list(x[4:9]) == pytest.approx([0.35, 0.35, 0.4, 0.45, 0.45])
    assert columns[3:10, 0] == pytest.approx([0, 0, 5, 5, 5, 1, 1])


def test_the_file_keeps_the_planes(tmp_path):
    path = tmp_path / "wall.h5"
    wall = steady_wall(at=0.37)
    solved = wall.solve(output=path)
    opened = pk.open_result(path)
    assert opened.grid["x"].divisions == (0.37,)
    assert opened["u"].integral() == solved["u"].integral()
    with h5py.File(path, "r+") as file:
        del file["x"].attrs["interfaces"]  # as files of former versions are
    assert pk.open_result(path).grid["x"].divisions == ()
    for wrong in ([1.5], [0.33, 0.37], [0.7, 0.37], "everywhere"):
        with h5py.File(path, "r+") as file:
            file["x"].attrs["interfaces"] = wrong
        with pytest.raises(pk.PdekitError, match="damaged"):
            pk.open_result(path)
