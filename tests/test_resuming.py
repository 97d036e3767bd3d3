"""Runs that are interrupted at any instant go on to the very same numbers."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner

import pdekit as pk
from pdekit.cli.commands import main
from pdekit.errors import PdekitError
from pdekit.io.hdf5_reader import read_result
from pdekit.io.load import loads

SMOOTH = """
grid: {x: {range: [0, 1], points: 41}}
equations: u_t = div((0.1 + u**2)*grad(u)) + u*(1 - u) + sin(3*t)
initial: {u: "0.5 + 0.4*cos(pi*x)"}
boundary: {u: {x: {left: {dirichlet: 0.9 + 0.1*sin(t)}, right: {neumann: 0}}}}
"""
RING = """
grid: {x: {range: [0, 1], points: 64, periodic: true}}
equations: u_t = 0.01*u_xx - u + u*(1 - u)
initial: {u: "0.5 + 0.4*cos(2*pi*x)"}
"""
STRING = """
grid: {x: {range: [0, 1], points: 41}}
equations: u_tt = u_xx - sin(u)
initial: {u: sin(pi*x), u_t: 0}
boundary: {u: {x: {dirichlet: 0}}}
"""
LINEAR = """
grid: {x: {range: [0, 1], points: 41}}
equations: u_t = u_xx + x*sin(t)
initial: {u: sin(pi*x)}
boundary: {u: {x: {dirichlet: 0}}}
"""
NOISE = """
grid: {x: {range: [0, 1], points: 64, periodic: true}}
equations: u_t = 0.001*u_xx - u + 0.3*u*noise() + noise(0.1, 0.2)
initial: {u: 1}
"""
LAYERS = """
grid: {x: {range: [0, 1], points: 41}}
equations: [u_t = u_xx - u**2, v_t = v_xx]
regions: {u: {x: [0, 0.3]}, v: {x: [0.3, 1]}}
initial: {u: 1 + x, v: x**2}
boundary: {u: {x: {left: {neumann: 0}, right: {neumann: v - u}}}, v: {x: {left: {neumann: u - v}, right: {neumann: 0}}}}
"""
CAPACITY = """
grid: {x: {range: [0, 4], points: 81}}
equations: (1 + u**2)*u_t = -u*u_x
initial: {u: "where(x < 1, 1, 0)"}
boundary: {u: {x: {left: {dirichlet: 1}, right: outflow}}}
discretization: {advection: weno5}
"""
CASES = {
    "ros3p": (LAYERS, ""),
    "courant": (CAPACITY, ""),
    "bogacki_shampine": (SMOOTH, ""),
    "tsitouras": (SMOOTH, ""),
    "rk4": (SMOOTH, "step: 1e-4"),
    "ssprk3": (SMOOTH, "step: 1e-4"),
    "rkc2": (SMOOTH, ""),
    "DOP853": (SMOOTH, ""),
    "BDF": (SMOOTH, ""),
    "Radau": (SMOOTH, ""),
    "LSODA": (SMOOTH, ""),
    "tr_bdf2": (SMOOTH, ""),
    "esdirk43": (SMOOTH, ""),
    "bdf2": (SMOOTH, ""),
    "rodas4": (SMOOTH, ""),
    "crank_nicolson": (SMOOTH, "step: 0.01"),
    "backward_euler": (SMOOTH, "step: 0.01"),
    "ark43": (RING, ""),
    "sbdf3": (RING, "step: 0.01"),
    "etdrk4": (RING, ""),
    "exponential": (LINEAR, ""),
    "verlet": (STRING, "step: 0.01"),
    "newmark": (STRING, "step: 0.01"),
    "generalised_alpha": (STRING, "step: 0.01"),
    "euler_maruyama": (NOISE, "step: 0.01, seed: 3"),
}
TAIL = """
time: {END, method: METHOD, OPTIONS}
output: {every: 0.1, checkpoints: true, series: {peak: max(u), mean: mean(u)}}
"""


def config(method, end=1.0):
    text, options = CASES[method]
    tail = (
        TAIL.replace("END", f"end: {end}")
        .replace("METHOD", method)
        .replace(", OPTIONS", f", {options}" if options else "")
    )
    return text + tail


class _Killed(BaseException):
    pass


@pytest.mark.parametrize("method", CASES)
def test_every_method_goes_on_to_the_same_bits(method, tmp_path):
    """Killed between frames, at a step chosen at random: the fields of all frames, the series and the counts are the same."""
    problem = loads(config(method))
    problem.solve(output=tmp_path / "whole.h5")
    whole = read_result(tmp_path / "whole.h5")
    at = random.Random(method).uniform(0.15, 0.95)

    def kill(t, steps):
        if t > at:
            raise _Killed

    with pytest.raises(_Killed):
        loads(config(method)).solve(output=tmp_path / "part.h5", progress=kill)
    assert read_result(tmp_path / "part.h5").attributes["status"] == "interrupted"
    pk.resume(tmp_path / "part.h5")
    found = read_result(tmp_path / "part.h5")
    assert found.attributes["status"] == "complete"
    assert np.array_equal(found.times, whole.times)
    for name in whole.variables:
        assert np.array_equal(found.read(name), whole.read(name), equal_nan=True)
    for name, values in whole.series.items():
        assert np.array_equal(found.series[name], values)
    for name, count in whole.attributes["statistics"].items():
        if name in ("steps", "rejected"):
            assert found.attributes["statistics"][name] == count
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("sign", "seed"),
    [
        (signal.SIGKILL, 0),
        (signal.SIGTERM, 0),
        (signal.SIGINT, 0),
        *(pytest.param(signal.SIGKILL, seed, marks=pytest.mark.study) for seed in range(1, 51)),
    ],
)
def test_a_process_that_is_killed_at_any_instant(sign, seed, tmp_path):
    """The command line, killed from outside, twice; exit codes 143 and 130, and how to go on."""
    file = tmp_path / "rod.yaml"
    slow = SMOOTH + "\ntime: {end: 4.0, method: backward_euler, step: 2e-4}\noutput: {every: 0.02, checkpoints: true}\n"
    file.write_text(slow)
    run = [sys.executable, "-m", "pdekit.cli.commands", "run", str(file), "-o", str(tmp_path / "part.h5"), "-q"]
    words = run
    rng = random.Random(seed)
    for _attempt in range(2):
        process = subprocess.Popen(words, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"})
        waited = time.monotonic()
        before = _frames(tmp_path / "part.h5")
        while _frames(tmp_path / "part.h5") < before + 3 and time.monotonic() - waited < 60 and process.poll() is None:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.15))
        process.send_signal(sign)
        error = process.communicate(timeout=60)[1].decode()
        if _status(tmp_path / "part.h5") == "complete":  # it was faster than the signal
            break
        assert process.returncode == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[sign], error
        assert sign == signal.SIGKILL or "pdekit resume" in error
        words = [sys.executable, "-m", "pdekit.cli.commands", "resume", str(tmp_path / "part.h5"), "-q"]
    if read_result(tmp_path / "part.h5").attributes["status"] != "complete":
        pk.resume(tmp_path / "part.h5", keep=False)
    found = read_result(tmp_path / "part.h5")
    whole = loads(slow).solve()
    assert np.array_equal(found.times, whole.times) and np.array_equal(found.read("u"), whole.values["u"])


def _status(path):
    return read_result(path).attributes["status"]


def _frames(path):
    try:
        return read_result(path).times.size
    except pk.PdekitError:
        return 0


def test_further_than_the_end(tmp_path):
    problem = loads(config("tsitouras", 0.5))
    problem.solve(output=tmp_path / "a.h5")
    longer = pk.resume(tmp_path / "a.h5", until=1.0)
    whole = loads(config("tsitouras")).solve()
    assert np.array_equal(longer.values["u"], whole.values["u"]) and longer.times[-1] == 1.0
    assert pk.open_result(tmp_path / "a.h5").times[-1] == 1.0


def test_without_checkpoints_it_goes_on_within_the_tolerance(tmp_path):
    text = config("BDF").replace("checkpoints: true, ", "")
    loads(text).solve(t_end=0.5, output=tmp_path / "a.h5")
    again = pk.resume(tmp_path / "a.h5", until=1.0)
    assert np.max(np.abs(again["u"].values - loads(text).solve()["u"].values)) < 1e-4
    assert "no checkpoints" in again.notes[-1]


def test_a_stop_is_found_by_the_resumed_run(tmp_path):
    text = config("tsitouras") + '\nstop: {when: "mean(u) > 0.9"}\n'
    whole = loads(text).solve()
    assert whole.times[-1] < 1.0

    def kill(t, steps):
        if t > 0.25:
            raise _Killed

    with pytest.raises(_Killed):
        loads(text).solve(output=tmp_path / "a.h5", progress=kill)
    again = pk.resume(tmp_path / "a.h5")
    assert np.array_equal(again.times, whole.times) and np.array_equal(again.values["u"], whole.values["u"])


def test_the_settings_of_solve_are_those_of_the_file(tmp_path):
    problem = loads(config("tsitouras"))
    problem.solve(method="esdirk43", rtol=1e-4, every=0.25, t_end=0.5, output=tmp_path / "a.h5")
    stored = loads(read_result(tmp_path / "a.h5").attributes["config"])
    assert (stored.time.method, stored.time.rtol, stored.time.end, stored.output.every) == ("esdirk43", 1e-4, 0.5, 0.25)


def test_refused(tmp_path):
    with pytest.raises(pk.PdekitError, match="no such file"):
        pk.resume(tmp_path / "none.h5")
    loads(config("tsitouras")).solve(output=tmp_path / "a.h5")
    done = CliRunner().invoke(main, ["resume", str(tmp_path / "a.h5")])
    assert done.exit_code == 2 and "complete" in done.output and "until" in done.output
    python = pk.Problem(
        pk.PDE("u_t = u_xx"),
        pk.Grid(x=pk.Axis(0, 1, 9)),
        initial={"u": lambda x: x},
        boundary={"u": {"x": pk.Neumann(0)}},
    )
    python.solve(t_end=0.1, output=tmp_path / "p.h5")
    with pytest.raises(pk.PdekitError, match="Python functions"):
        pk.resume(tmp_path / "p.h5", until=1.0)
    assert pk.resume(tmp_path / "p.h5", until=0.2, problem=python).times[-1] == 0.2
    with pytest.raises(pk.PdekitError, match="another problem"):
        pk.resume(tmp_path / "p.h5", until=1.0, problem=loads(STRING + "time: {end: 1}"))


def test_a_refused_resumption_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "a.h5"
    loads(config("tsitouras", 0.5)).solve(output=path)
    before = path.read_bytes()
    with pytest.raises(pk.PdekitError, match="more than 1,000,000 frames"):
        pk.resume(path, until=1e9)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_copy_that_a_killed_resumption_left(tmp_path):
    """It is gone on with, unless the file has become that of another run."""
    path, spare = tmp_path / "a.h5", tmp_path / ".a.h5.before"
    loads(config("tsitouras", 0.5)).solve(output=path)
    os.link(path, spare)  # killed before the new file held a frame
    whole = loads(config("tsitouras")).solve()
    assert np.array_equal(pk.resume(path, until=1.0).values["u"], whole.values["u"])
    assert list(tmp_path.iterdir()) == [path]

    loads(config("tsitouras", 0.25)).solve(output=path, force=True)
    os.replace(path, spare)
    other = loads(STRING + "time: {end: 0.5, method: verlet, step: 0.01}\noutput: {every: 0.1}")
    other.solve(output=path)
    again = pk.resume(path, until=1.0)
    assert again.variables == ("u", "u_t") and again.times[-1] == 1.0
    assert list(tmp_path.iterdir()) == [path]


def test_kernels_are_written_once_for_all_frames(monkeypatch):
    """A run with checkpoints is a chain of integrations; its kernels are those of the first."""
    from pdekit.kernels import wavefront

    made = []
    write = wavefront.write_wavefront
    monkeypatch.setattr(wavefront, "write_wavefront", lambda *given: made.append(1) or write(*given))
    problem = pk.Problem(
        pk.PDE("u_t = 0.001*laplace(u) + u*(1 - u)"),
        pk.Grid(x=pk.Axis(0, 1, 400, periodic=True), y=pk.Axis(0, 1, 400, periodic=True)),
        initial={"u": "0.5 + 0.4*cos(2*pi*x)*cos(2*pi*y)"},
        time=pk.TimeSettings(end=0.02, method="rk4", step=0.001, compiled="always"),
        output=pk.OutputSettings(frames=6, checkpoints=True),
    )
    assert problem.solve(keep=False).statistics["steps"] == 20
    assert len(made) == 1


STATE = """
grid: {{x: {{range: [0, 1], points: 41}}}}
scalars: [S]
equations: [u_tt = u_xx - u_t + S, S_t = -S]
initial: {initial}
boundary: {{u: {{x: {{dirichlet: 0}}}}}}
time: {{end: {end}, rtol: 1.0e-9}}
"""


def test_a_new_problem_starts_from_the_last_frame_of_a_file(tmp_path, monkeypatch):
    """All unknowns, rates and numbers, and the time: as if it had gone on."""
    monkeypatch.chdir(tmp_path)
    given = "{u: sin(pi*x), u_t: 0, S: 1}"
    loads(STATE.format(initial=given, end=1)).solve(output="first.h5")
    second = loads(STATE.format(initial="{file: first.h5}", end=2))
    assert second.time.start == 1
    whole = loads(STATE.format(initial=given, end=2)).solve()
    found = second.solve()
    for name in ("u", "u_t"):
        assert np.max(np.abs(found[name].values - whole[name].values)) <= 1e-8
    assert found.scalars["S"][-1] == pytest.approx(whole.scalars["S"][-1], abs=1e-10)
    late = STATE.replace("end: {end}", "start: 0.5, end: {end}").format(initial="{file: first.h5}", end=2)
    with pytest.raises(
        PdekitError, match=r"time.start: the run begins with the last frame of .*at t = 1; leave start out"
    ):
        loads(late)
    with pytest.raises(PdekitError, match="no such file"):
        loads(STATE.format(initial="{file: none.h5}", end=2))
    other = STATE.format(initial="{file: first.h5}", end=2).replace("u_tt = u_xx - u_t + S", "v_t = v_xx + S")
    with pytest.raises(PdekitError, match="no variable 'v'"):
        loads(other.replace("boundary: {u", "boundary: {v"))


def test_a_chain_estimates_spectral_radii_no_more_often_than_a_run_in_one():
    """Every frame costs the chain the slope at its start, and every 25th step the radius: a few evaluations, not the 13 of a power iteration."""
    frames = 40
    text = SMOOTH + "time: {end: 0.5, method: rkc2, rtol: 1e-5}\noutput: {frames: %d, checkpoints: %s}\n"
    in_one, chain = (loads(text % (frames, word)).solve().statistics for word in ("false", "true"))
    estimates = chain["steps"] / 25 + 1
    assert chain["evaluations"] - in_one["evaluations"] <= 2 * frames + 10 * estimates


def test_beyond_an_end_that_is_a_rounded_multiple_no_frame_is_stored_twice(tmp_path):
    """3*0.1 is 0.30000000000000004, the end 0.3."""
    path = tmp_path / "ring.h5"
    text = RING + "time: {end: 0.3, method: tsitouras}\noutput: {every: 0.1, checkpoints: %s}\n"
    for checkpoints in ("true", "false"):
        loads(text % checkpoints).solve(output=path, force=True)
        gone_on = pk.resume(path, until=0.6)
        assert gone_on.times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
        np.testing.assert_array_equal(pk.open_result(path).times, gone_on.times)


@pytest.mark.parametrize("output", ["{frames: 6, checkpoints: true}", "{}"])
def test_beyond_the_end_frames_are_as_far_apart_as_before(tmp_path, output):
    """Not so many over the longer span, which would put them elsewhere than the run before had them."""
    loads(SMOOTH + f"time: {{end: 0.5}}\noutput: {output}\n").solve(output=tmp_path / "out.h5")
    before = read_result(tmp_path / "out.h5").times
    after = pk.resume(tmp_path / "out.h5", 0.75, keep=True).times
    step = before[1] - before[0]
    assert np.array_equal(after[: before.size], before)
    assert np.allclose(np.diff(after)[:-1], step) and after[-1] == 0.75
