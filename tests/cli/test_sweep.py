"""Sweeps: over lists, ranges and random samples; resumed, with failures, as tables."""

import csv
import shlex

import numpy as np
import pytest
import xarray
from click.testing import CliRunner

from pdekit.cli.commands import main
from pdekit.errors import ConfigError
from pdekit.parameter_sweep import make_sweep

CONFIG = """
grid: {x: {range: [0, 1], points: 21}}
equations: u_t = D*u_xx
parameters: {D: 0.1}
initial: {u: sin(pi*x)}
boundary: {u: {x: {dirichlet: 0}}}
time: {end: 1}
output: {series: {heat: integral(u)}}
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "rod.yaml"
    path.write_text(CONFIG)
    return path


def sweep(*words):
    return CliRunner().invoke(main, ["sweep", *map(str, words)])


def decay(D, n=21):
    return np.exp(-D * (2 * (n - 1) * np.sin(np.pi / 2 / (n - 1))) ** 2)


def test_all_pairs_in_a_table(config, tmp_path):
    done = sweep(config, "parameters.D=0.1,0.2", "grid.x.points=21,41", "-j", 2, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    with (tmp_path / "out" / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["parameters.D"], row["grid.x.points"]) for row in rows] == [
        ("0.1", "21"),
        ("0.1", "41"),
        ("0.2", "21"),
        ("0.2", "41"),
    ]
    with xarray.open_dataset(tmp_path / "out" / "table.nc", engine="h5netcdf") as data:
        assert data["max_u"].dims == ("D", "points")
        for D in (0.1, 0.2):
            for n in (21, 41):
                assert float(data["max_u"].sel(D=D, points=n)) == pytest.approx(decay(D, n), rel=1e-9)
        assert np.allclose(
            data["heat"].sel(points=21),
            [decay(D) * 0.05 * np.sum(np.sin(np.pi * np.linspace(0, 1, 21))) for D in (0.1, 0.2)],
        )


def test_a_failed_run_stops_no_other_and_what_is_there_is_kept(config, tmp_path):
    out = tmp_path / "out"
    done = sweep(config, "parameters.D=0.1,-1,0.2", "-o", out)
    assert done.exit_code == 1 and "ill-posed" in done.output and "failed" in done.output
    first = next(out.glob("0_*.h5"))
    written = first.stat().st_mtime_ns
    assert len(list(out.glob("*.h5"))) == 2
    again = sweep(config, "parameters.D=0.1,-1,0.2", "-o", out)
    assert again.exit_code == 1 and first.stat().st_mtime_ns == written
    config.write_text(CONFIG.replace("end: 1", "end: 2"))  # another config: all is done again
    sweep(config, "parameters.D=0.1,-1,0.2", "-o", out)
    assert first.stat().st_mtime_ns > written


def test_random_samples_are_drawn_together_and_repeat(config, tmp_path):
    words = (config, "parameters.D=uniform(0.1, 0.2)", "--samples", 5, "--seed", 3)
    first = make_sweep(config, ["parameters.D=uniform(0.1, 0.2)", "time.end=normal(1, 0.1)"], tmp_path, 5, 3)
    again = make_sweep(config, ["parameters.D=uniform(0.1, 0.2)", "time.end=normal(1, 0.1)"], tmp_path, 5, 3)
    assert first.drawn == again.drawn and len(list(first.points())) == 5
    done = sweep(*words, "-o", tmp_path / "out", "-j", 2)
    assert done.exit_code == 0 and "over the samples" in done.output
    with xarray.open_dataset(tmp_path / "out" / "table.nc", engine="h5netcdf") as data:
        assert np.allclose(data["max_u"], decay(data["parameters_D"].values), rtol=1e-8)


def test_commands_for_a_job_array(config):
    done = sweep(config, "parameters.D=linspace(0.1, 0.3, 3)", "time.end=2", "--list")
    lines = [shlex.split(line) for line in done.output.splitlines()]
    assert [line[:5] for line in lines] == [
        ["pdekit", "run", str(config), "time.end=2", f"parameters.D={D!r}"] for D in (0.1, 0.2, 0.3)
    ]


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("a=1,2.5,x", (1, 2.5, "x")),
        ("a=linspace(0, 1, 3)", (0.0, 0.5, 1.0)),
        ("a=logspace(1, 100, 3)", (1.0, 10.0, 100.0)),
        ("a=range(0, 1, 0.5)", (0.0, 0.5, 1.0)),
    ],
)
def test_values(assignment, expected, tmp_path):
    assert make_sweep(tmp_path, [assignment], tmp_path).dimensions["a"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["parameters.D=3"], "nothing varies"),
        (["parameters.D"], "write it as"),
        (["parameters.D=uniform(0, 1)"], "--samples and --seed"),
        (["parameters.D=linspace(0, 1)"], "expected linspace"),
        (["parameters.D=linspace(a, b, 3)"], "expected linspace"),
    ],
)
def test_refused(words, message, config):
    done = sweep(config, *words)
    assert done.exit_code == 2 and message in done.output
    with pytest.raises(ConfigError, match=message):
        make_sweep(config, words, config.parent)
