"""The command line, end to end, on the configs that are shipped, and on bad input."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import pdekit as pk
from pdekit.cli.commands import main
from pdekit.io.hdf5_reader import read_result

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
LONG = {"plume", "heat_plate", "porous_medium", "gray_scott", "cahn_hilliard", "closed_box"}
LONG |= {"swift_hohenberg", "schnakenberg", "fitzhugh_nagumo", "kdv_solitons", "american_put"}
LONG |= {"hutchinson"}  # delays: nothing is known that it could be studied against
LONG |= {"brusselator", "bermudan_put", "cavity"}
LONG |= {
    "sod",
    "dry_dam",
    "buckley_leverett",
    "riemann_problem",
    "leaving_pulse",
}  # shocks have no order in the max norm
STUDIES = [c for c in CONFIGS if c.stem not in LONG]


def pdekit(*arguments: object):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_there_are_enough_configs():
    texts = [c.read_text() for c in CONFIGS]
    assert len(CONFIGS) >= 12
    assert sum("problem: " in t for t in texts) >= 3
    for word in ("dirichlet", "neumann", "robin", "outflow", "periodic", "curvature", "combination"):
        assert any(word in t for t in texts), word
    assert {pk.load(c).grid.ndim for c in CONFIGS} == {1, 2, 3}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.stem)
def test_run_every_config(config):
    result = pdekit("run", config, "-o", "out.h5")
    assert result.exit_code == 0, result.output
    assert "method" in result.output and "out.h5" in result.output
    stored = read_result("out.h5")
    assert stored.attributes["status"] == "complete"
    problem = pk.load(config)
    for name in stored.variables:
        within = problem.nodes_of(name).within  # nodes outside of a domain or region hold no numbers
        assert np.all(np.isfinite(stored.read(name)[..., within] if within is not ... else stored.read(name)))
    solution = pk.open_result("out.h5")
    for name, error in solution.errors().items():
        size = np.nanmax(np.abs(solution.scalars[name] if name in solution.scalars else solution[name].values))
        assert error < 0.02 * size + 1e-12
    if "closed_box" in config.stem:
        masses = [solution.frame("u", i).integral() for i in range(solution.times.size)]
        assert np.ptp(masses) <= 1e-12 * masses[0]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.stem)
def test_check_and_print_both_ways(config):
    result = pdekit("check", config)
    assert result.exit_code == 0, result.output
    assert "unknowns" in result.output and "method" in result.output
    problem = pk.load(config)
    if "<given in Python>" not in problem.to_yaml():
        from pdekit.io.load import loads

        assert loads(problem.to_yaml()).to_yaml() == problem.to_yaml()
        names: dict[str, object] = {}
        exec(problem.to_python(), names)
        assert names["problem"].replace(labels=problem.labels).to_yaml() == problem.to_yaml()


@pytest.mark.parametrize("config", STUDIES, ids=lambda c: c.stem)
def test_converge_every_config(config):
    result = pdekit("converge", config, "-o", "study.png")
    assert result.exit_code == 0, result.output
    assert "PASS" in result.output and Path("study.png").stat().st_size > 10_000


def test_a_study_that_misses_its_order_fails():
    result = pdekit("converge", ROOT / "configs/heat_rod.yaml", "convergence.expect=4", "-o", "study.png")
    assert result.exit_code == 1 and "FAIL: observed order 2.0" in result.output


@pytest.mark.parametrize("against", ["manufactured", "self"])
def test_any_config_can_be_verified(against):
    result = pdekit(
        "converge",
        ROOT / "configs/heat_slab.yaml",
        "--against",
        against,
        "discretization.order=2",
        "convergence.expect=2",
        "-o",
        "study.png",
    )
    assert result.exit_code == 0, result.output


def test_plots_movies_and_info():
    pdekit("run", ROOT / "configs/heat_rod.yaml", "-q", "-o", "rod.h5", "output.every=0.2")
    pdekit(
        "run",
        ROOT / "configs/heat_cube.yaml",
        "-q",
        "-o",
        "cube.h5",
        "grid.x.points=9",
        "grid.y.points=9",
        "grid.z.points=8",
    )
    pdekit("run", ROOT / "configs/wave_drum.yaml", "-q", "-o", "drum.h5", "output.frames=5")
    for arguments in (
        ("rod.h5", "-o", "a.png"),
        ("rod.h5", "-o", "b.png", "--kind", "kymograph"),
        ("rod.h5", "-o", "c.pdf", "--kind", "lines"),
        ("rod.h5", "-o", "d.gif"),
        ("drum.h5", "-o", "e.png", "-v", "u_t"),
        ("drum.h5", "-o", "f.mp4"),
        ("cube.h5", "-o", "g.png"),
        ("cube.h5", "-o", "h.gif"),
    ):
        result = pdekit("plot", *arguments)
        assert result.exit_code == 0, result.output
        assert Path(arguments[2]).stat().st_size > 2_000
    assert pdekit("plot", "rod.h5").output.strip() == "rod.png"
    text = pdekit("info", "rod.h5").output
    assert "6 frames, 0 to 1" in text and "u_t = D*laplace(u)" in text and "complete" in text


def test_overrides():
    assert (
        pdekit(
            "run",
            ROOT / "configs/heat_rod.yaml",
            "grid.x.points=31",
            "parameters.D=0.2",
            "output.frames=3",
            "-o",
            "a.h5",
        ).exit_code
        == 0
    )
    solution = pk.open_result("a.h5")
    assert solution.grid.shape == (31,) and solution.times.size == 3
    assert solution["u"].max() == pytest.approx(np.exp(-0.2 * np.pi**2), rel=0.01)
    text = pdekit("check", ROOT / "configs/heat_rod_python.yaml", "grid.x.points=31").output
    assert "31 nodes" in text and "D = 0.2" in text


def test_an_existing_file_is_kept_without_force():
    config = ROOT / "configs/heat_rod.yaml"
    assert pdekit("run", config, "-q", "-o", "a.h5").exit_code == 0
    before = Path("a.h5").read_bytes()
    result = pdekit("run", config, "-o", "a.h5")
    assert result.exit_code == 2 and "--force" in result.output and Path("a.h5").read_bytes() == before
    assert pdekit("run", config, "-q", "-f", "-o", "a.h5").exit_code == 0


def test_schema_is_json_schema():
    schema = json.loads(pdekit("schema").output)
    assert schema["properties"]["grid"] and "AxisSection" in schema["$defs"]


GOOD = """
grid:
  x: {range: [0, 1], points: 21}
parameters: {D: 0.1}
equations: [u_t = D*u_xx]
initial: {u: sin(pi*x)}
boundary:
  u:
    x: {left: {dirichlet: 0}, right: {neumann: 0}}
time: {end: 0.1}
"""

BAD = {
    "unknown key": ("points: 21", "point: 21", "unknown key.*did you mean 'points'"),
    "unknown section": ("equations:", "equation:", "line 5: equation: unknown key.*did you mean 'equations'"),
    "missing grid": ("grid:\n  x: {range: [0, 1], points: 21}\n", "", "grid: missing"),
    "missing points": (", points: 21", "", "line 3: grid.x: points is missing"),
    "wrong type": ("points: 21", "points: many", "grid.x.points: expected a whole number, found 'many'"),
    "boolean": ("D: 0.1", "D: true", "parameters.D: expected"),
    "unknown function": ("sin(pi*x)", "sine(pi*x)", "initial.u: .*unknown function 'sine'.*did you mean"),
    "unknown name": ("D*u_xx", "K*u_xx", "equation.*unknown name 'K'"),
    "import": ("D*u_xx", "__import__(x)", "unknown function '__import__'"),
    "attribute": ("D*u_xx", "u.real", "attribute is not part of the language"),
    "lambda": ("D*u_xx", "(lambda x, y=1, z=2 -> 1)", "cannot read|lambda"),
    "huge power": ("D*u_xx", "u**9**9**9", "too large"),
    "duplicate nodes": ("{range: [0, 1], points: 21}", "{nodes: [0, 0.5, 0.5, 1]}", "grid.x: duplicate nodes"),
    "unsorted nodes": ("{range: [0, 1], points: 21}", "{nodes: [0, 0.7, 0.5, 1]}", "grid.x: unsorted nodes"),
    "too few nodes": ("points: 21", "points: 2", "needs at least 3"),
    "condition missing": (
        ", right: {neumann: 0}",
        "",
        "line 9: boundary.u.x.right: no condition|boundary.u.x.right: no condition",
    ),
    "condition on periodic": ("points: 21", "points: 21, periodic: true", "periodic and takes no boundary condition"),
    "condition twice": ("{neumann: 0}", "{neumann: 0, dirichlet: 1}", "2 conditions, neumann, dirichlet"),
    "key twice": ("right: {neumann: 0}", "left: {neumann: 0}", "line 9: a key is given twice"),
    "unknown condition": ("{neumann: 0}", "{neuman: 0}", "unknown condition.*did you mean 'neumann'"),
    "unknown face": ("right:", "rigth:", "did you mean 'right'"),
    "unknown axis": ("    x: {left", "    z: {left", "no such axis"),
    "robin without b": ("{neumann: 0}", "{robin: {a: 1}}", "b is missing"),
    "negative diffusion": ("D: 0.1", "D: -0.1", "ill-posed"),
    "time backwards": ("end: 0.1", "end: -1", "time.end: must be after the start"),
    "no end": ("time: {end: 0.1}", "", "time.end: missing"),
    "unknown method": ("end: 0.1", "end: 0.1, method: rk5", "unknown time method 'rk5'"),
    "unstable step": ("end: 0.1", "end: 0.1, method: rk4, step: 0.05", "largest stable step is"),
    "two output rules": (
        "time: {end: 0.1}",
        "time: {end: 0.1}\noutput: {every: 0.1, frames: 3}",
        "one of every, times and frames",
    ),
    "not finite": ("sin(pi*x)", "1/x", "initial.u: .*not finite"),
    "missing initial": ("initial: {u: sin(pi*x)}\n", "", "initial.u: missing"),
    "superfluous initial": ("{u: sin(pi*x)}", "{u: 1, w: 2}", "initial.w: not an unknown"),
    "comma in flow": ("{u: sin(pi*x)}", "{u: where(x < 1, 2, 3)}", "a comma ends a value"),
    "not an equation": ("u_t = D*u_xx", "u_xx", "not an equation"),
    "bad parameter": ("D: 0.1", "D: 0.1*E", "parameters.D: .*unknown name 'E'"),
    "bad order": ("time:", "discretization: {order: 3}\ntime:", "discretization.order: allowed are 2, 4, 6 or 8"),
    "no yaml": ("grid:", "grid: [", "not valid YAML"),
    "no python problem": ("grid:", "problem: nowhere.py:rod\ngrid:", "problem: no such file"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("command", ["run", "check"])
def test_bad_input_gets_one_clear_error(name, command):
    old, new, words = BAD[name]
    assert old in GOOD
    Path("bad.yaml").write_text(GOOD.replace(old, new, 1))
    Path("out.h5").write_bytes(b"precious")
    options = ["-o", "other.h5"] if command == "run" else []
    result = pdekit(command, "bad.yaml", *options)
    assert result.exit_code == 2, result.output
    assert result.output.startswith("error:") and "Traceback" not in result.output
    assert re.search(words, result.output, re.DOTALL), result.output
    assert not Path("other.h5").exists() and Path("out.h5").read_bytes() == b"precious"


def test_more_bad_files():
    Path("list.yaml").write_text("- 1\n- 2\n")
    Path("empty.yaml").write_text("")
    Path("binary.yaml").write_bytes(bytes(range(256)))
    bomb = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"{n}: &{n} [{', '.join(['*' + p] * 10)}]\n" for p, n in zip("abcdefg", "bcdefgh")
    )
    Path("bomb.yaml").write_text(bomb)
    Path("tag.yaml").write_text("grid: !!python/object/apply:os.system ['true']\n")
    for name, words in (
        ("list.yaml", "a config is a mapping"),
        ("empty.yaml", "is empty"),
        ("binary.yaml", "cannot be read as text"),
        ("bomb.yaml", "unfolds to more than"),
        ("tag.yaml", "grid"),
        ("none.yaml", "no such file"),
    ):
        start = time.monotonic()
        result = pdekit("run", name)
        assert result.exit_code == 2 and words in result.output, result.output
        assert time.monotonic() - start < 20
    for command in ("plot", "info"):
        result = pdekit(command, "list.yaml")
        assert result.exit_code == 2 and "not a results file" in result.output
    result = pdekit("run", ROOT / "configs/heat_rod.yaml", "nonsense", "-o", "a.h5")
    assert result.exit_code == 2 and "key.path=value" in result.output
    result = pdekit("run", ROOT / "configs/heat_rod.yaml", "grid.x.point=5", "-o", "a.h5")
    assert result.exit_code == 2 and "override" in result.output and "did you mean 'points'" in result.output
    result = pdekit("run", ROOT / "configs/heat_rod.yaml", "-o", "/proc/nowhere/a.h5")
    assert result.exit_code == 2 and "cannot be written" in result.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("problem: {}:rodd", "line 1: problem: heat.py has no 'rodd'; it has rod"),
        ("problem: {}:rod\nparameters: {{K: 3}}", "line 2: parameters.K: unknown"),
        ("problem: {}:rod\ngrid: {{z: {{points: 3}}}}", "line 2: grid.z: no such axis"),
        ("problem: {}:rod\nequations: u_t = 1", "a Python problem brings its own equations"),
        ("problem: {}", "expected path.py:name"),
    ],
)
def test_bad_changes_of_python_problems(text, words):
    Path("bad.yaml").write_text(text.format(ROOT / "problems/heat.py"))
    result = pdekit("check", "bad.yaml")
    assert result.exit_code == 2
    assert words in result.output


def test_two_faults_are_both_told():
    Path("bad.yaml").write_text(GOOD.replace("points: 21", "point: 21").replace("end: 0.1", "ende: 0.1"))
    output = pdekit("check", "bad.yaml").output
    assert "grid.x.point" in output and "time.ende" in output


def test_help_imports_nothing_heavy():
    code = "import sys, pdekit.cli.commands; print([m for m in ('sympy', 'matplotlib', 'numba', 'scipy', 'h5py', 'pydantic') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
