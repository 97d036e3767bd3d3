"""Fits: against linear regression, known parameters, coverage of intervals; data that do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import pdekit as pk
from pdekit.cli.commands import main
from pdekit.errors import ConfigError, SingularError, StorageError
from pdekit.inverse.observations import DataTable

CONFIGS = Path(__file__).parents[2] / "configs"
ROD = """
title: Rod
grid: {x: {range: [0, 1], points: 21}}
parameters: {D: 0.5, h: 1.0, q: 1.0}
equations: u_t = D*u_xx
initial: {u: 0}
boundary: {u: {x: {left: {neumann: 1}, right: {robin: {a: h, b: 1, value: 0}}}}}
time: {end: 1, step: 0.0125}
output: {series: {heat: integral(u), gain: q*0 + u(1)*2}}
"""


def rod(*overrides):
    from pdekit.io.load import loads

    return loads(ROD, overrides=overrides)


def table(problem, times, places, noise=0.0, seed=0):
    """Data of a run with the steps that a fit takes."""
    solution = problem.solve(times=list(times), method="tr_bdf2")
    x, nodes = problem.grid.axes[0].nodes, []
    for t in times:
        k = int(np.argmin(np.abs(solution.times - t)))
        nodes += [solution.values["u"][k][int(np.argmin(np.abs(x - place)))] for place in places]
    u = np.array(nodes) + noise * np.random.default_rng(seed).standard_normal(len(nodes))
    return {"t": np.repeat(times, len(places)), "x": np.tile(places, len(times)), "u": u}


TIMES = np.linspace(0.1, 1, 10)


def test_known_parameters_come_back():
    """Data without noise, made with the same steps: D and h to the tolerance of the search, from a guess that is far off."""
    data = table(rod("parameters.D=0.8", "parameters.h=2.5"), TIMES, [0, 0.5, 1])
    fitted = pk.fit(rod(), data, ["parameters.D", "h"])
    assert fitted["D"] == pytest.approx(0.8, rel=1e-7) and fitted["parameters.h"] == pytest.approx(2.5, rel=1e-7)
    assert fitted.problem.pde.parameters["D"] == fitted["D"]
    assert np.max(np.abs(fitted.residuals)) < 1e-8
    low, high = fitted.interval("D")
    assert low == pytest.approx(0.8, rel=1e-7) and 0 < high - low < 1e-6


def test_units_do_not_matter():
    """The same rod with temperatures of 1e-9."""
    small = ("boundary.u.x.left.neumann=1e-9",)
    data = table(rod("parameters.D=0.8", "parameters.h=2.5"), TIMES, [0, 0.5, 1], noise=0.01)
    fitted = pk.fit(rod(), data, ["D", "h"])
    other = pk.fit(rod(*small), {**data, "u": 1e-9 * data["u"]}, ["D", "h"])
    assert other["D"] == pytest.approx(fitted["D"], rel=1e-6) and other["h"] == pytest.approx(fitted["h"], rel=1e-6)
    assert other.half_widths["h"] == pytest.approx(fitted.half_widths["h"], rel=1e-5)


def test_a_linear_model_is_linear_regression():
    """u = a v + b w with known v and w: estimates, covariance and interval are those of ordinary least squares."""
    from scipy.stats import t as student

    def made(a, b):
        return pk.Problem(
            pk.PDE("u_t = u_xx + a*x", parameters={"a": a, "b": b}),
            pk.Grid(x=pk.Axis(0, 1, 21)),
            initial={"u": "b*cos(pi*x)"},
            boundary={"u": {"x": pk.Neumann(0)}},
            time=pk.TimeSettings(end=0.5, step=0.01),
        )

    times = np.linspace(0, 0.5, 6)  # the start is observed as well
    columns = [table(made(*unit), times, [0, 0.3, 0.9])["u"] for unit in ((1.0, 0.0), (0.0, 1.0))]
    A = np.column_stack(columns)
    data = table(made(2.0, 3.0), times, [0, 0.3, 0.9], noise=0.05, seed=4)
    fitted = pk.fit(made(0.0, 0.0), data, ["a", "b"], level=0.9)
    exact, squares, *_ = np.linalg.lstsq(A, data["u"], rcond=None)
    s2 = squares[0] / (18 - 2)
    covariance = s2 * np.linalg.inv(A.T @ A)
    assert [fitted["a"], fitted["b"]] == pytest.approx(list(exact), rel=1e-7)
    assert np.allclose(fitted.covariance, covariance, rtol=1e-6)
    assert fitted.deviation == pytest.approx(np.sqrt(s2), rel=1e-7) and fitted.degrees == pytest.approx(16)
    assert fitted.half_widths["a"] == pytest.approx(student.ppf(0.95, 16) * np.sqrt(covariance[0, 0]), rel=1e-6)
    assert fitted.correlation[0, 1] == pytest.approx(covariance[0, 1] / np.sqrt(np.prod(np.diag(covariance))), rel=1e-6)


def test_integrals_and_deviations():
    """Series among the data; a value with a great deviation hardly counts; several quantities need deviations."""
    solved = rod("parameters.D=0.8", "parameters.h=2.5").solve(times=list(TIMES), method="tr_bdf2")
    w = rod().grid.weights
    heat = solved.values["u"][1:] @ w
    end = solved.values["u"][1:, -1]
    data = {"t": TIMES, "heat": heat.copy(), "gain": 2 * end}
    with pytest.raises(ConfigError, match="several quantities are measured, heat, gain; say how accurate"):
        pk.fit(rod(), data, ["D", "h"])
    data |= {"sigma_heat": np.full(10, 0.01), "sigma_gain": np.full(10, 0.01)}
    data["heat"][3] += 5.0
    data["sigma_heat"][3] = 1e6
    fitted = pk.fit(rod(), data, ["D", "h"])
    assert fitted["D"] == pytest.approx(0.8, rel=1e-4) and fitted["h"] == pytest.approx(2.5, rel=1e-4)


def test_adaptive_steps_settle():
    """Steps by error control are chosen again where the fit has ended; the exact solution's D is found to the tolerance of the run."""
    made = pk.Problem(
        pk.PDE("u_t = D*u_xx", parameters={"D": 1.0}),
        pk.Grid(x=pk.Axis(0, 1, 41)),
        initial={"u": "sin(pi*x)"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        order=6,
        time=pk.TimeSettings(end=1),
    )
    data = {"t": TIMES, "x": np.full(10, 0.5), "u": np.exp(-0.1 * np.pi**2 * TIMES)}
    fitted = pk.fit(made, data, {"D": (0.01, 10)})
    assert fitted["D"] == pytest.approx(0.1, rel=2e-6) and fitted.rounds > 1 and not fitted.notes


def test_as_many_parameters_as_values():
    """Both values are met; nothing is said of how accurate the parameters are."""
    data = table(rod("parameters.D=0.8", "parameters.h=2.5"), [1.0], [0, 1])
    fitted = pk.fit(rod(), data, ["D", "h"])
    assert fitted["h"] == pytest.approx(2.5, rel=1e-6) and fitted.degrees == 0
    assert np.isnan(fitted.half_widths["D"]) and "as many parameters as values" in fitted.notes[0]
    assert fitted.plot() is not None


def test_a_bound_that_holds_is_told():
    data = table(rod("parameters.D=0.8"), TIMES, [0, 1], noise=0.01)
    fitted = pk.fit(rod(), data, {"D": (0.1, 0.7)})
    assert fitted["D"] == pytest.approx(0.7, rel=1e-3)
    assert "parameters.D ended at a bound" in fitted.notes[0]


def field_problem(k, n=31):
    return pk.Problem(
        pk.PDE("u_t = div(k*grad(u)) + 1", parameters={"k": k}),
        pk.Grid(x=pk.Axis(0, 1, n)),
        initial={"u": 0},
        boundary={"u": {"x": {"left": pk.Dirichlet(0), "right": pk.Neumann(0)}}},
        time=pk.TimeSettings(end=2, step=0.05),
    )


def test_a_field_comes_back(figure):
    """k(x) = 1 + x/2 at 31 nodes from 24 times at 9 places, noise 1e-4: within 2 %, by adjoints and by tangents alike."""
    x = np.linspace(0, 1, 31)
    true = 1 + 0.5 * x
    times = np.arange(1, 13) / 6
    data = table(field_problem(true), times, x[3::3], noise=1e-4, seed=1)
    fitted = pk.fit(field_problem(np.ones(31)), data, {"k": (0.01, 100)}, regularisation=1e-6)
    inner = slice(0, 25)  # little heat flows through the insulated end
    error = np.max(np.abs(fitted["k"] - true)[inner])
    figure("k(x) from noisy data, greatest error", error, "<= 0.03")
    assert error <= 0.03
    assert np.max(np.abs(fitted["k"] - true)[inner] / fitted.half_widths["k"][inner]) < 2
    assert 30 < fitted.observations.count - fitted.degrees + 25 < 60  # between 5 and 31 parameters are determined
    with pytest.raises(SingularError, match=r"parameters.k: the data do not determine the field everywhere"):
        pk.fit(field_problem(np.ones(31)), {n: c[: 4 * 9] for n, c in data.items()}, {"k": (0.01, 100)})
    few = {name: column[::5] for name, column in data.items()}
    by_adjoints = pk.fit(field_problem(np.ones(31)), few, ["k"], regularisation=1e-4)
    assert few["t"].size < 31 and np.max(np.abs(by_adjoints["k"] - true)[inner]) < 0.2


def test_many_parameters_go_without_dense_matrices(monkeypatch):
    """The search by products only ends where that by decompositions does."""
    import pdekit.inverse.weighted_residuals as residuals

    data = table(field_problem(1 + 0.3 * np.linspace(0, 1, 11), 11), np.arange(1, 11) / 5, [0.2, 0.5, 0.9])
    dense = pk.fit(field_problem(np.ones(11), 11), data, ["k"], regularisation=1e-5)
    monkeypatch.setattr(residuals, "DENSE", 5)
    sparse = pk.fit(field_problem(np.ones(11), 11), data, ["k"], regularisation=1e-5)
    assert np.allclose(sparse["k"], dense["k"], rtol=1e-4)
    assert np.all(np.isnan(sparse.errors["k"])) and np.all(np.isfinite(dense.errors["k"]))


@pytest.mark.study
def test_coverage_of_intervals(figure):
    """D and h from 60 values with noise, 200 times: intervals of 95 % hold the truth in 92 to 98 % of them."""
    true = {"D": 0.8, "h": 2.5}
    clean = table(rod("parameters.D=0.8", "parameters.h=2.5"), np.linspace(0.05, 1, 20), [0, 0.5, 1])
    rng, held, trials = np.random.default_rng(0), dict.fromkeys(true, 0), 200
    for _ in range(trials):
        fitted = pk.fit(rod(), {**clean, "u": clean["u"] + 0.01 * rng.standard_normal(60)}, list(true))
        for name, value in true.items():
            low, high = fitted.interval(name)
            held[name] += low <= value <= high
    for name, count in held.items():
        figure(f"95 % intervals of {name} that hold the truth, 200 trials", count / trials, "0.92 to 0.98")
        assert 0.92 <= count / trials <= 0.98


# ---------------------------------------------------------------------------------------------- data that do not fit

LINES = ["t,x,u", "0.1,0,0.3", "0.5,0,0.7", "1,0,0.9", "1,1,0.2"]
WRONG = {
    "no file": (None, ["parameters.D"], r"data .*missing.csv cannot be read: No such file"),
    "an unknown column": (["t,x,v", "1,0,2"], ["parameters.D"], r"column 'v' is none of \['t', 'x', 'u', 'heat'"),
    "no time": (["x,u", "1,0"], ["parameters.D"], "there is no column 't'"),
    "no place": (["t,u", "1,0"], ["parameters.D"], "there is no column 'x'"),
    "no number": ([*LINES, "1,0.5,warm"], ["parameters.D"], "line 6, u: expected a number, or nothing, found 'warm'"),
    "a cell too many": ([*LINES, "1,0.5,3,4"], ["parameters.D"], "line 6: 4 cells for 3 columns"),
    "beyond the end": ([*LINES, "# later", "1.5,0,1"], ["parameters.D"], "line 7: t = 1.5 lies outside of the time span, from 0 to 1"),
    "outside the grid": ([*LINES, "1,1.2,1"], ["parameters.D"], "line 6: the point x = 1.2 lies outside of the axis"),
    "nowhere": ([*LINES, "1,,1"], ["parameters.D"], "line 6: x is missing"),
    "nothing measured": (["t,x", "1,0"], ["parameters.D"], "nothing is measured"),
    "no values": (["t,x,u", "1,0,"], ["parameters.D"], "there are no values in u"),
    "only the start": (["t,x,u", "0,0,1"], ["parameters.D"], "everything was measured at the start"),
    "a deviation of nothing": (["t,x,u,sigma_u", "1,0,1,0"], ["parameters.D"], "line 2: sigma_u must be positive, found 0"),
    "too few": (LINES[:2], ["parameters.D", "parameters.h"], "data: there are 1 values for 2 parameters"),
    "no parameter": (LINES, [], "parameters: name at least one"),
    "an unknown parameter": (LINES, ["parameters.Dd"], "parameters.Dd: is no parameter; .*did you mean 'parameters.D'"),
    "a parameter that does nothing": (LINES, ["parameters.D", "parameters.q"], "parameters.q: does nothing to what was measured"),
    "a bound of another": (LINES, ["parameters.D", "--bounds", "parameters.h", "0", "1"], "--bounds parameters.h: is not fitted"),
    "a guess beyond its bounds": (LINES, ["parameters.D", "--bounds", "parameters.D", "1", "2"], "parameters.D: the first guess, 0.5, lies outside"),
    "a regularisation of numbers": (LINES, ["parameters.D", "--regularisation", "1"], "regularisation: is for parameters that are fields"),
    "a level of two": (LINES, ["parameters.D", "--level", "2"], "level: must lie between 0 and 1"),
    "a bad override": (LINES, ["parameters.D", "grid.x.point=3"], "grid.x.point"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_one_error(case, tmp_path):
    lines, words, message = WRONG[case]
    (tmp_path / "rod.yaml").write_text(ROD)
    data = tmp_path / ("missing.csv" if lines is None else "data.csv")
    if lines is not None:
        data.write_text("\n".join(lines) + "\n")
    done = CliRunner().invoke(main, ["fit", str(tmp_path / "rod.yaml"), "--data", str(data), *words])
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output and done.output.count("error:") == 1
    with pytest.raises((ConfigError, StorageError, SingularError), match=message):
        raise ConfigError(" ".join(done.output.split()))


def test_parameters_that_make_up_for_each_other_are_named():
    made = pk.Problem(
        pk.PDE("u_t = a*b*u_xx + c", parameters={"a": 1.0, "b": 0.3, "c": 0.1}),
        pk.Grid(x=pk.Axis(0, 1, 11)),
        initial={"u": "cos(pi*x)"},
        boundary={"u": {"x": pk.Neumann(0)}},
        time=pk.TimeSettings(end=1, step=0.05),
    )
    data = {"t": TIMES, "x": 0 * TIMES, "u": np.exp(-4 * TIMES) + 0.2 * TIMES}
    with pytest.raises(SingularError, match=r"parameters.a: the data cannot tell parameters.a and parameters.b apart"):
        pk.fit(made, data, ["a", "b", "c"])
    fitted = pk.fit(made, data, ["a", "c"])
    assert fitted["c"] == pytest.approx(0.2, abs=1e-2)


def test_the_command(tmp_path):
    """The table, the picture, the config that is written; an existing one is not replaced."""
    picture, config = tmp_path / "fit.png", tmp_path / "fitted.yaml"
    words = [
        "fit",
        str(CONFIGS / "fit_fin.yaml"),
        "--data",
        str(CONFIGS / "fit_fin.csv"),
        "parameters.D",
        "parameters.h",
    ]
    words += ["time.step=0.0125", "--plot", str(picture), "-o", str(config)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert picture.stat().st_size > 10_000
    fitted = pk.load(config)
    # the data were made with D = 0.8 and h = 2.5 and noise of 0.01: within three standard errors of about 0.005 and 0.07
    assert fitted.pde.parameters["D"] == pytest.approx(0.8, abs=0.015)
    assert fitted.pde.parameters["h"] == pytest.approx(2.5, abs=0.21)
    assert "95 % interval" in done.output and "58 degrees of freedom" in done.output
    again = CliRunner().invoke(main, words)
    assert again.exit_code == 2 and "--force replaces it" in again.output
    nowhere = CliRunner().invoke(main, [*words[:-1], str(tmp_path / "no" / "fitted.yaml")])
    assert nowhere.exit_code == 2 and "there is no folder" in nowhere.output


def test_what_the_grid_depends_on_is_not_fitted(tmp_path):
    """Lengths and times of a config are numbers once it is read: a fit would move the equation and leave the grid."""
    (tmp_path / "rod.yaml").write_text(ROD.replace("[0, 1]", "[0, 2*L]").replace("q: 1.0", "q: 1.0, L: D"))
    (tmp_path / "data.csv").write_text("\n".join(LINES))
    words = ["fit", str(tmp_path / "rod.yaml"), "--data", str(tmp_path / "data.csv")]
    done = CliRunner().invoke(main, [*words, "parameters.D"])
    assert done.exit_code == 2 and "line 3: grid.x.range[1]: '2*L' depends on what is to be fitted" in done.output
    assert CliRunner().invoke(main, [*words, "parameters.h"]).exit_code == 0


def test_a_steady_problem():
    """0 = D u_xx + 1, u = 0 at the ends: u(1/2) = 1/(8 D), to rounding at order 2; a table without times."""
    wall = pk.Problem(
        pk.PDE("0 = D*u_xx + 1", parameters={"D": 1.0}),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        boundary={"u": {"x": pk.Dirichlet(0)}},
    )
    noise = np.array([1e-3, -2e-3, 1e-3])
    data = {"x": [0.5, 0.25, 0.75], "u": 1 / (8 * 0.3) * np.array([1, 0.75, 0.75]) + noise}
    fitted = pk.fit(wall, data, ["D"])
    # u is linear in 1/D: ordinary least squares with the shape s
    s = np.array([1, 0.75, 0.75]) / 8
    assert 1 / fitted["D"] == pytest.approx(s @ data["u"] / (s @ s), rel=1e-9)
    assert wall.sensitivity(["D"]).frame("u", "D").values[10] == pytest.approx(-1 / 8, rel=1e-10)
    assert wall.gradient("u(0.5)", ["D"])["D"] == pytest.approx(-1 / 8, rel=1e-10)
    with pytest.raises(ConfigError, match="column 't' is none of"):
        pk.fit(wall, {**data, "t": [0, 0, 0]}, ["D"])
    closed = wall.replace(
        pde=wall.pde.replace(equations="0 = D*u_xx + cos(pi*x)"), boundary={"u": {"x": pk.Neumann(0)}}
    )
    with pytest.raises(ConfigError, match="up to a constant only"):
        closed.gradient("u(0.5)", ["D"])


def test_a_steady_field_in_the_plane():
    """The gradient by 120 node values and by a number of a nonlinear problem, against differences along a direction."""
    grid = pk.Grid(x=pk.Axis(0, 1, 10), y=pk.Axis(0, 1, 12))

    def made(k, q):
        return pk.Problem(
            pk.PDE("0 = div(k*grad(u)) + q - u**3", parameters={"k": k, "q": q}),
            grid,
            boundary={"u": {"x": pk.Dirichlet(0), "y": pk.Robin(1, 1, "q")}},
        )

    rng = np.random.default_rng(3)
    k, v = 1 + rng.random(grid.shape), rng.standard_normal(grid.shape)
    found = made(k, 2.0).gradient("integral(u**2)", ["k", "q"])

    def value(h):
        return made(k + h * v, 2.0 + h).gradient("integral(u**2)", ["q"]).value

    h = 1e-3
    expected = (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)
    assert np.sum(found["k"] * v) + found["q"] == pytest.approx(expected, rel=1e-8)


def test_tables():
    """A mapping of columns, a table made before; columns of different lengths."""
    made = DataTable.of({"t": [1, 2], "u": [3, np.nan]})
    assert DataTable.of(made) is made and made.place(1) == "data, row 2"
    with pytest.raises(ConfigError, match="data: the columns must be of the same length"):
        DataTable.of({"t": [1, 2], "u": [3]})
    with pytest.raises(ConfigError, match="data: expected a CSV file or a mapping"):
        DataTable.of(3)
