"""Numbers of the state at every step, and what ends a run before its time."""

import h5py
import numpy as np
import pytest
import xarray

import pdekit as pk
from pdekit.discretize.measurement import Measurement
from pdekit.errors import StabilityError
from pdekit.io.load import loads
from pdekit.language.state_numbers import parse_number_of_state

N = 41
LAMBDA = 0.1 * (2 * (N - 1) * np.sin(np.pi / 2 / (N - 1))) ** 2  # at which sin(pi x) decays on the grid
CONFIG = """
grid: {x: {range: [0, 1], points: 41}}
equations: u_t = D*u_xx
parameters: {D: 0.1}
initial: {u: sin(pi*x)}
boundary: {u: {x: {dirichlet: 0}}}
time: {end: 2, rtol: 1e-8}
output: {series: {heat: integral(u), peak: max(u), tip: "u(0.3)", flow: "face(-D*u_x, x, right)", twice: "2*mean(u) + t"}}
stop: {STOP}
"""


def rod(stop="", **options):
    return loads(CONFIG.replace("STOP", stop)).replace(**options)


def test_series_are_numbers_of_the_solution():
    """u = exp(-lt) sin(pi x): its trapezoid sum, greatest value, values between nodes (order 4) and outward flux are known."""
    s = rod().solve()
    t, decay = s.series["t"], np.exp(-LAMBDA * s.series["t"])
    assert t[0] == 0 and t[-1] == 2 and np.all(np.diff(t) > 0) and t.size > 100
    x = np.linspace(0, 1, N)
    h = 1 / (N - 1)
    assert np.allclose(s.series["heat"], decay * h * np.sum(np.sin(np.pi * x)), rtol=1e-7)
    assert np.allclose(s.series["peak"], decay, rtol=1e-7)
    assert np.allclose(s.series["tip"], decay * np.sin(0.3 * np.pi), rtol=1e-7)
    assert np.allclose(s.series["flow"], 0.1 * np.pi * decay, rtol=3e-3)
    assert np.allclose(s.series["twice"], 2 * s.series["heat"] + t, rtol=1e-12)


def test_values_between_nodes_are_of_order_4():
    errors = []
    for n in (21, 41):
        grid = pk.Grid(x=pk.Axis(0, 1, n, spacing={"tanh": 1.5}), y=pk.Axis(0, 2, n, periodic=True))
        problem = pk.Problem(
            pk.PDE("u_t = u_yy"), grid, initial={"u": "exp(x)*cos(pi*y)"}, boundary={"u": {"x": pk.Outflow()}}
        )
        s = problem.semidiscrete
        y = s.pack(problem.initial_fields())
        places = np.random.default_rng(0).uniform(0, (1, 2), (60, 2)).tolist()
        measured = [Measurement(s, parse_number_of_state(f"u({a}, {b})", s.system)).value(0.0, y) for a, b in places]
        errors.append(max(abs(m - np.exp(a) * np.cos(np.pi * b)) for m, (a, b) in zip(measured, places)))
    assert np.log2(errors[0] / errors[1]) > 3.5


def test_integrals_know_the_coordinates():
    """Of 1 over the ball of radius 1, and the mean of r^2, 3/5."""
    ball = pk.Grid({"r": pk.Axis(0, 1, 40)}, coordinates="spherical")
    problem = pk.Problem(
        pk.PDE("u_t = laplace(u)"), ball, initial={"u": "r**2"}, boundary={"u": {"r": {"right": pk.Dirichlet(1)}}}
    )
    s = problem.semidiscrete
    y = s.pack(problem.initial_fields())
    assert Measurement(s, parse_number_of_state("integral(1)", s.system)).value(0, y) == pytest.approx(
        4 / 3 * np.pi, rel=1e-12
    )
    assert Measurement(s, parse_number_of_state("mean(u)", s.system)).value(0, y) == pytest.approx(0.6, rel=2e-3)


def test_series_in_the_file(tmp_path):
    s = rod("when: max(u) < 0.5").solve(output=tmp_path / "a.h5", every=0.1)
    stored = pk.open_result(tmp_path / "a.h5")
    assert set(stored.series) == {"t", "heat", "peak", "tip", "flow", "twice"}
    assert all(np.array_equal(stored.series[name], values) for name, values in s.series.items())
    assert stored.times[-1] == s.times[-1] == s.series["t"][-1]
    with xarray.open_dataset(tmp_path / "a.h5", engine="h5netcdf", group="series") as data:
        assert data["heat"].dims == ("t",) and data["heat"].size == s.series["t"].size
    with h5py.File(tmp_path / "a.h5") as file:
        assert "ended at" in file.attrs["notes"].decode()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"method": "BDF"},
        {"method": "tr_bdf2"},
        {"method": "rkc2"},
        {"method": "rk4", "step": 1e-3},
        {"method": "DOP853"},
    ],
)
def test_a_condition_ends_the_run_where_it_becomes_true(options):
    """exp(-lt) = 1/2, within the step."""
    s = rod("when: max(u) < 0.5", output=pk.OutputSettings()).solve(**options)
    t = np.log(2) / LAMBDA
    assert s.times[-1] == pytest.approx(t, rel=1e-5)
    assert s["u"].max() == pytest.approx(0.5, rel=1e-5)
    assert list(s.times[:-1]) == [0.2 * k for k in range(4)] or np.allclose(s.times[:-1], 0.2 * np.arange(4))
    assert s.notes == (f"ended at t = {s.times[-1]:.6g}: max(u) < 0.5 came true",)


def test_a_condition_that_never_comes_true_or_always_was():
    assert rod("when: max(u) > 2").solve().times[-1] == 2
    assert rod("when: max(u) > 0.1").solve().times[-1] == 2  # it does not *become* true


def test_a_run_ends_when_it_is_steady():
    """u_t = u_xx + 1: after transients exp(-pi^2 t), whose rate beside 1/8 falls below 1e-3 at about t = 0.9."""
    problem = pk.Problem(
        pk.PDE("u_t = u_xx + 1 - 0*u**2"),
        pk.Grid(x=pk.Axis(0, 1, 41)),
        initial={"u": 0},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        stop=pk.StopSettings(steady=1e-3),
    )
    s = problem.solve(t_end=50.0, method="tr_bdf2", step=0.01)
    assert s.times[-1] == pytest.approx(np.log(4 / np.pi**3 * 8 * np.pi**2 / 1e-3) / np.pi**2, abs=0.05)
    assert "steady" in s.notes[0] and s["u"].max() == pytest.approx(0.125, rel=1e-3)


def test_a_run_ends_by_the_clock():
    slow = rod("wall: 0.2", output=pk.OutputSettings())
    s = slow.solve(t_end=1e5, method="backward_euler", step=1e-3)
    assert s.times[-1] < 1e5 and "0.2 s are over" in s.notes[0]


def test_settings_survive_yaml():
    problem = rod("when: max(u) < 0.5, steady: 1e-6, wall: 30min")
    again = loads(problem.to_yaml())
    assert again.stop == problem.stop and again.output == problem.output and again.stop.seconds == 1800


@pytest.mark.parametrize(
    ("stop", "message"),
    [
        ("when: max(u)", "stop.when: .*is no comparison"),
        ("when: u > 1", "stop.when: .*u is a field where a number is needed"),
        ("when: 'u(2) > 1'", "stop.when: the point x = 2 lies outside"),
        ("when: 'u(0.1, 0.2) > 1'", "stop.when: .*a point has 1 coordinates"),
        ("when: max(v) > 1", "stop.when: .*unknown name 'v'"),
        ("when: 'face(u, x, top) > 1'", "stop.when"),
        ("wall: 3 weeks", "stop.wall: expected seconds"),
        ("wall: 1.2.3h", "stop.wall: expected seconds"),
        ("wall: .h", "stop.wall: expected seconds"),
        ("steady: -1", "stop.steady: must be a positive number"),
        ("whne: 1", "whne: unknown key; allowed are when, steady, wall"),
    ],
)
def test_refused(stop, message):
    with pytest.raises(pk.PdekitError, match=message):
        rod(stop)


def test_a_series_that_is_none():
    with pytest.raises(pk.PdekitError, match=r"output.series.heat: .*field where a number is needed"):
        rod(output=pk.OutputSettings(series={"heat": "u"}))
    with pytest.raises(pk.PdekitError, match=r"output.series.t: "):
        rod(output=pk.OutputSettings(series={"t": "max(u)"}))


def test_rows_at_every_so_many_steps_and_with_every_frame(tmp_path):
    """Steps of 0.001: rows at multiples of 7 steps, and the frames at 0.025 and 0.05."""
    text = """
grid: {{x: {{range: [0, 1], points: 11}}}}
equations: u_t = u_xx
initial: {{u: sin(pi*x)}}
boundary: {{u: {{x: {{dirichlet: 0}}}}}}
time: {{end: 0.05, method: rk4, step: 0.001}}
output: {{every: 0.025, series: {{heat: integral(u)}}, series_steps: {}}}
"""
    every, seventh = (loads(text.format(n)).solve() for n in (1, 7))
    rows = sorted({0, 25, 50, *range(7, 51, 7)})
    assert seventh.series["t"] == pytest.approx(1e-3 * np.array(rows), abs=1e-12)
    assert np.array_equal(seventh.series["heat"], every.series["heat"][rows])
    with pytest.raises(pk.PdekitError, match=r"output\.series_steps.*whole number from 1 on, found 0"):
        loads(text.format(0))


def test_rows_of_a_long_run_by_default(tmp_path):
    """2,000 steps: the first 500, then one of four, a 500th of the span apart, and as many after a stop on the way."""
    text = """
grid: {x: {range: [0, 1], points: 11}}
equations: u_t = u_xx
initial: {u: sin(pi*x)}
boundary: {u: {x: {dirichlet: 0}}}
time: {end: 2, method: rk4, step: 0.001}
output: {file: FILE, checkpoints: true, every: 0.25, series: {heat: integral(u)}}
"""
    whole = loads(text.replace("FILE", str(tmp_path / "whole.h5"))).solve(output=tmp_path / "whole.h5")
    t = whole.series["t"]
    assert np.allclose(np.diff(t[:501]), 1e-3) and np.median(np.diff(t[501:])) > 4e-3 * (1 - 1e-6)
    assert 800 <= t.size <= 1008 and {0.0, 0.25, 1.75, 2.0} <= set(np.round(t, 9))

    def interrupt(t, steps):
        if steps == 1300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loads(text.replace("FILE", str(tmp_path / "half.h5"))).solve(output=tmp_path / "half.h5", progress=interrupt)
    assert np.array_equal(pk.resume(tmp_path / "half.h5").series["t"], t)


def test_runs_that_slide_along_a_jump_are_stopped():
    """u' = -sign(u)/2 from 1 is 0 at t = 2, and stays there: the right-hand side has no value that does that; a smoothed one has."""
    text = """
grid: {x: {range: [0, 1], points: 11}}
equations: u_t = 0.1*u_xx - 0.5*FORCE
initial: {u: 1}
boundary: {u: {x: {neumann: 0}}}
time: {end: 3}
"""
    words = r" at t = 2(\.0\d*)?\b.* jumps in the solution where u = 0.*tanh"
    with pytest.raises(StabilityError, match="chatters" + words):
        loads(text.replace("FORCE", "sign(u)")).solve()
    with pytest.raises(StabilityError, match="Radau cannot go on" + words) as found:
        loads(text.replace("FORCE", "sign(u)")).solve(method="Radau")
    assert "blew up" not in str(found.value)
    u = loads(text.replace("FORCE", "tanh(u/0.01)")).solve()["u"].values
    assert np.max(np.abs(u)) < 1e-6


def test_jumps_that_are_crossed_are_none_to_chatter_at():
    """u' = 1 + 1/2 sign(u - 1/2) from 0: u = t/2 up to t = 1, then 1/2 + 3/2 (t - 1)."""
    text = """
grid: {x: {range: [0, 1], points: 11}}
equations: u_t = 0.1*u_xx + 1 + 0.5*sign(u - 0.5)
initial: {u: 0}
boundary: {u: {x: {neumann: 0}}}
time: {end: 2}
"""
    assert np.allclose(loads(text).solve()["u"].values, 2.0, atol=1e-3)
