"""Hostile texts, configs and files end in a result or in one error of pdekit: no crash, no hang, nothing executed."""

from __future__ import annotations

import itertools
import time

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import pdekit as pk
from pdekit.cli.commands import main
from pdekit.cli.report import describe
from pdekit.errors import ExpressionError
from pdekit.io.load import loads
from pdekit.language.sampling import sample_text
from tests.hostile.trial import ROOT, trials

GATE = {"expression_cases": 100, "config_cases": 80, "config_cases:every_path": 60, "file_cases": 36}
STUDY = {"expression_cases": 20_000, "config_cases": 2_000, "config_cases:every_path": 100_000, "file_cases": 500}
LEAST_ACCEPTED = 0.03  # or what stands behind the first check would not be tried at all
LARGEST = 2 * 2**30


@pytest.mark.parametrize("kind", GATE)
def test_a_few(kind, figure):
    survived(kind, GATE[kind], 0, figure)


@pytest.mark.study
@pytest.mark.parametrize("kind", STUDY)
def test_many(kind, figure):
    survived(kind, STUDY[kind], 1, figure)


def survived(kind, count, seed, figure):
    tally = trials(kind, count, seed)
    assert tally.failures == [], "\n".join(tally.failures[:10])
    assert tally.cases == count or kind.endswith("every_path")
    assert tally.accepted >= LEAST_ACCEPTED * tally.cases and tally.memory < LARGEST
    figure(f"{kind}: slowest of {tally.cases:,}, s", tally.slowest, "< 20")


CODE = "from pathlib import Path\nPath('HACKED').touch()\n"


@pytest.mark.parametrize(
    "command",
    [
        ["run", "config.yaml"],
        ["check", "config.yaml"],
        ["converge", "config.yaml"],
        ["eigen", "config.yaml"],
        ["sweep", "config.yaml", "parameters.D=1,2"],
        ["run", "plain.yaml", "problem=code.py:rod"],
    ],
    ids=" ".join,
)
def test_no_python_runs_no_python(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code.py").write_text(CODE)
    (tmp_path / "config.yaml").write_text("title: Rod\nproblem: code.py:rod\n")
    (tmp_path / "plain.yaml").write_text("title: Rod\n")
    result = CliRunner().invoke(main, [*command, "--no-python"])
    assert (
        result.exit_code == 2
        and result.output.startswith("error: ")
        and "problem: names a Python file" in result.output
    )
    assert ("config.yaml, line 2" if "problem=" not in command[-1] else "override") in result.output
    assert not (tmp_path / "HACKED").exists()
    assert CliRunner().invoke(main, command).exit_code == 2 and (tmp_path / "HACKED").exists()  # the file has no rod


def test_no_python_allows_what_is_no_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = ROOT / "configs/heat_rod.yaml"
    assert pk.load(config, python=False).title == "Cooling rod"
    words = ["sweep", str(config), "parameters.D=0.1,0.2", "grid.x.points=11", "--no-python", "-q"]
    assert CliRunner().invoke(main, words).exit_code == 0
    listed = CliRunner().invoke(main, ["sweep", str(config), "parameters.D=0.1,0.2", "--no-python", "--list"]).output
    assert listed.count("--no-python") == 2
    with pytest.raises(pk.PdekitError, match="names a Python file"):
        pk.load(ROOT / "configs/heat_rod_python.yaml", python=False)


def test_a_results_file_names_no_python(tmp_path, monkeypatch):
    """One that was made to look like a run of a Python file."""
    monkeypatch.chdir(tmp_path)
    rod = pk.Problem(
        pk.PDE("u_t = u_xx"), pk.Grid(x=pk.Axis(0, 1, 9)), initial={"u": "x"}, boundary={"u": {"x": pk.Neumann(0)}}
    )
    rod.solve(t_end=0.1, output="rod.h5")
    (tmp_path / "code.py").write_text(CODE)
    with h5py.File("rod.h5", "r+") as file:
        file.attrs["config"] = "problem: code.py:rod"
    with pytest.raises(pk.PdekitError, match="names a Python file"):
        pk.resume("rod.h5", until=0.2)
    assert not (tmp_path / "HACKED").exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("points: 11", "points: 11, spacing: {geometric: 100}", "differ by more than a factor of"),
        ("[0, 1]", "[-1.0e+308, 1]", "take other units"),
        ("[0, 1]", "[0, 1.0e-320]", "take other units"),
        ("end: 0.1", "end: 0.1, step: 1" + "0" * 400, "time.step: a number of 1329 bits is too large"),
        ("end: 0.1}", "end: 0.1}\noutput: {frames: 4294967296}", "output.frames: at most 1,000,000"),
        ("u_t", '"u_t', "not valid YAML"),
        ("title: Rod", 'title: "\\e[31mRod"', "the control character"),
        ("points: 11", "points: " + "a" * 5000, r"found 'aaa.*\(5002 characters\)"),
        ("title: Rod", 'title: "Rod\\0"', r"title: a text with the control character '\\x00'"),
    ],
)
def test_numbers_beyond_all_measure(old, new, words):
    text = "title: Rod\ngrid: {x: {range: [0, 1], points: 11}}\nequations: u_t = u_xx\ninitial: {u: x}\n"
    text += "boundary: {u: {x: {neumann: 0}}}\ntime: {end: 0.1}\n"
    assert old in text
    describe(loads(text))
    with pytest.raises(pk.PdekitError, match=words):
        describe(loads(text.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("grid.x.points=" + "9" * 5000, "not YAML that can be read: ValueError"),
        ("title=" + "? " * 300, "not YAML that can be read: RecursionError"),
        ("title=!!omap [a: 1]", "title: expected a text"),
        ("time=!!float 'x'", "not YAML that can be read: ValueError"),
        ("grid.x.points=18446744073709551616", "expected a whole number"),
        ("initial=!!python/object/apply:os.system ['touch HACKED']", "initial"),
    ],
)
def test_hostile_overrides(given, words):
    with pytest.raises(pk.PdekitError, match=words) as caught:
        pk.load(ROOT / "configs/heat_rod.yaml", [given])
    assert len(str(caught.value)) < 300


def test_vast_configs_are_refused_before_they_are_read():
    start = time.process_time()
    for text in ("a: [" + "1," * 1_000_000 + "1]", "- " * 1_000_000, "".join(f"k{i}: 1\n" for i in range(200_000))):
        with pytest.raises(pk.PdekitError, match="put data into files of their own"):
            loads(text)
    assert time.process_time() - start < 2


def equation(right, **more):
    return pk.PDE(f"u_t = {right}", **more).bind(("x", "y"))


DOUBLED = {"a0": "u + sin(u)", **{f"a{k}": f"a{k - 1} + sin(a{k - 1})*a{k - 1}" for k in range(1, 40)}}
SQUARED = {"a0": "7", **{f"a{k}": f"a{k - 1}*a{k - 1}" for k in range(1, 60)}}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: equation("u and x"), "'and' joins comparisons, found 'u'"),
        (lambda: equation("where(not u, 1, 2)"), "'not' takes a comparison"),
        (lambda: equation("where(I*u < 1, 1, 2)"), "complex numbers have no order"),
        (lambda: equation("(u < 1) <= 2"), "a comparison cannot be used as a number"),
        (lambda: equation("div([u < 1, u])"), "a comparison cannot be used as a number"),
        (lambda: equation("d(u < 1, x)"), "a comparison cannot be used as a number"),
        (lambda: equation("gamma(10**9)*u"), "too large a number; at most 170"),
        (lambda: equation("sum(sum(i*j*u, j, 1, 999), i, 1, 999)"), "sums of sums take more than"),
        (lambda: equation("*".join(["9**300"] * 99)), "a number of .* bits is too large"),
        (lambda: equation("sin(" * 20 + "u" + ")" * 20), "functions stand in one another; at most"),
        (lambda: equation("tanh(tanh(tanh(u)))"), "hyperbolic functions stand in one another"),
        (lambda: equation("a39", definitions=DOUBLED), "parts once all names are resolved|stand in one another"),
        (lambda: equation("a59*u", definitions=SQUARED), "bits is too large"),
        (lambda: equation("where(x < u_t, u_t**17, u_t)"), "in a circle"),
        (
            lambda: equation("max(min(max(min(max(min(max(u, x), y), t), 1), 2), 3), 4)"),
            "the comparisons have .* parts",
        ),
        (lambda: equation("u*atan2(acos(pi), 2)"), "atan2\\(y, x\\) takes real numbers"),
        (lambda: sample_text("log(10**299)**9 + 10**299*10**299", {"x": 1.0}), "bits is too large"),
    ],
)
def test_what_would_take_for_ever_is_refused_at_once(make, words):
    start = time.monotonic()
    with pytest.raises(ExpressionError, match=words):
        make()
    assert time.monotonic() - start < 10


def test_large_integers_are_numbers():
    assert sample_text("atan2(sqrt(2), -pi)", {}) == pytest.approx(np.arctan2(2**0.5, -np.pi), rel=1e-15)
    assert (
        equation("k**99**k**99", parameters={"k": 2.0}).unknowns[0].rhs.free_symbols
    )  # not an integer of 10^30 digits
    assert sample_text("log(10**200)", {}) == pytest.approx(200 * 2.302585092994046, rel=1e-15)
    assert sample_text("sum(1/k, k, 1, 1000)", {}) == pytest.approx(7.485470860550345, rel=1e-15)


@pytest.mark.parametrize("name", ["min", "max"])
def test_extremes_of_several(name):
    """Against NumPy's own, at all orders of four numbers and with equal ones among them."""
    values = np.array(list(itertools.product((0.0, 1.0, 2.5), repeat=4))).T
    found = sample_text(f"{name}(a, b, c, d)", dict(zip("abcd", values)))
    assert np.array_equal(found, {"min": values.min(axis=0), "max": values.max(axis=0)}[name])


@pytest.mark.parametrize("text", ["u/t", "mod(pi, t)", "t**(-1/3)*x", "(t + 2)**999*u"])
def test_infinite_at_the_start_is_no_crash(text):
    """Python's own numbers raise where NumPy's become infinite: the right-hand side is so at t = 0."""
    ring = pk.Problem(pk.PDE(f"u_t = u_xx + {text}"), pk.Grid(x=pk.Axis(0, 1, 8, periodic=True)), initial={"u": 1})
    y = ring.semidiscrete.pack(ring.initial_fields())
    with np.errstate(all="ignore"):
        assert not np.any(np.isfinite(ring.semidiscrete.rhs(0.0, y))) or "999" in text
    with pytest.raises(pk.PdekitError):
        ring.solve(t_end=1.0, method="rk4", step=1e-4)


@pytest.mark.parametrize(
    ("config", "override", "words"),
    [
        ("melting_front", "boundary.T.xi.left=[]", "needs 1 condition at this face, found none"),
        ("fokker_planck", "boundary.p.x.left.robin.a=[]", r"the array has shape \(0,\), the face needs \(\)"),
        ("american_put", "parameters.sigma=1e300", "not finite at some node"),
        ("wave_string", "parameters.c=1e300", "not finite at some node"),
        ("coating", "parameters.s=1e300", r"parameters\.k: is nan, no finite number"),
    ],
)
def test_what_the_long_studies_found(config, override, words):
    with pytest.raises(pk.PdekitError, match=words):
        pk.load(ROOT / f"configs/{config}.yaml", [override]).solve()


@pytest.mark.parametrize("term", ["u_xy/t", "div(mod(u, y)*grad(mod(u, y)))"])
def test_second_derivatives_whose_coefficients_are_not_finite(term):
    grid = pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 1, 9))
    cold = {"u": {"x": pk.Dirichlet(0), "y": pk.Dirichlet(0)}}
    with pytest.raises(pk.PdekitError, match="not finite"):
        pk.Problem(pk.PDE(f"u_t = laplace(u) + {term}"), grid, initial={"u": "x*y"}, boundary=cold).solve(t_end=1e-3)


def test_a_jump_that_moves_along_a_ring():
    """Where x > t there is decay: a condition is neither subtracted at the seam nor a factor of a pulse."""
    ring = pk.Problem(
        pk.PDE("u_t = where(x > t, -u, 0)"), pk.Grid(x=pk.Axis(0, 1, 16, periodic=True)), initial={"u": 1}
    )
    ring.notes()
    x, u = ring.grid.axes[0].nodes, ring.solve(t_end=0.5)["u"].values
    assert np.allclose(u, np.exp(-np.minimum(x, 0.5)), atol=1e-4)


@pytest.mark.parametrize(
    "term", ["max(u_xy - v, u_xy - u_xx)", "where(u_xy - v > v - u_x, 1, 2)*v", "where(v - u_xy <= u_xy - u_xx, v, u)"]
)
def test_sums_on_both_sides_of_a_comparison(term):
    """Of these SymPy went from one canonical form to the other and back, down to the end of the stack."""
    grid = pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 1, 9))
    cold = {"x": pk.Dirichlet(0), "y": pk.Dirichlet(0)}
    pde = pk.PDE([f"u_t = laplace(u) + {term}", "v_t = laplace(v)"])
    problem = pk.Problem(pde, grid, initial={"u": "x*y", "v": 1}, boundary={"u": cold, "v": cold})
    assert np.all(np.isfinite(problem.solve(t_end=1e-3)["u"].values))


@pytest.mark.parametrize("text", ["max(x, I)", "step(min(2*I + x, x))"])
def test_extremes_of_complex_numbers(text):
    with pytest.raises(pk.PdekitError, match="complex numbers have no least and no greatest"):
        sample_text(text, {"x": np.linspace(0, 1, 5)})
    assert np.allclose(sample_text("max(abs(x + 2*I), 1)", {"x": np.zeros(1)}), 2)


def test_robin_coefficients_that_are_arrays_beside_units_and_first_derivatives():
    """Whether they are 0 and 1 is not asked of arrays."""
    a, units = np.linspace(1, 2, 9), {"x": "m", "y": "m", "t": "s", "u": "K", "D": "m**2/s", "c": "m/s"}
    problem = pk.Problem(
        pk.PDE("u_t = D*laplace(u) - c*u_x", parameters={"D": 1.0, "c": 0.1}),
        pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 1, 9)),
        initial={"u": 1},
        boundary={"u": {"x": pk.Robin(a, 1, 0), "y": pk.Neumann(0)}},
        units=units,
    )
    assert 0 < problem.solve(t_end=0.1)["u"].max() < 1
