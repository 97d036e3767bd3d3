"""Parameters and boundary data that are data: arrays, fields, files, tables, functions; and what the language adds to write them."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.io.load import loads

AXIS = pk.Axis(0, 1, 41)
GRID = pk.Grid(x=AXIS)
X = GRID.coordinates["x"]
ROD = {"initial": {"u": "sin(pi*x)"}, "boundary": {"u": {"x": pk.Dirichlet(0)}}}


def rod(k, order=2, equation="u_t = div(k*grad(u))", **more):
    return pk.Problem(pk.PDE(equation, parameters={"k": k, **more}), GRID, order=order, **ROD)


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize(
    "k", [1 + X, (1 + X).tolist(), pk.Field(GRID, 1 + X, "k"), lambda x: 1 + x, lambda x, a: a + x, "a + x", "b + 0*a"]
)
def test_a_coefficient_is_the_same_however_it_is_given(k, order):
    """Linear data are interpolated exactly, so all ways to write 1 + x are the same equation to rounding."""
    expected = rod("1 + x", order).semidiscrete.jacobian(0.0, np.zeros(39)).toarray()
    found = rod(k, order, a=1, b="1 + x").semidiscrete.jacobian(0.0, np.zeros(39)).toarray()
    assert np.max(np.abs(found - expected)) < 1e-11 * np.max(np.abs(expected))


def test_a_field_on_a_grid_of_its_own_is_interpolated():
    """k = 1 + x^2 on 641 nodes, linear between them, is off by h^2/4 = 6e-7 at most; so is the solution, within a factor."""
    fine = pk.Grid(x=pk.Axis(0, 1, 641))
    field = pk.Field(fine, 1 + fine.coordinates["x"] ** 2, "k")
    one, other = (rod(k).solve(t_end=0.05)["u"].values for k in (field, "1 + x**2"))
    assert 0 < np.max(np.abs(one - other)) < 1e-6


def test_a_periodic_array_wraps_round():
    grid = pk.Grid(x=pk.Axis(0, 1, 64, periodic=True))
    k = 2 + np.sin(2 * np.pi * grid.coordinates["x"])
    given = {"initial": {"u": "cos(2*pi*x)"}, "order": 6}
    one, other = (
        pk.Problem(pk.PDE("u_t = div(k*grad(u))", parameters={"k": value}), grid, **given).solve(t_end=0.01)["u"].values
        for value in (k, "2 + sin(2*pi*x)")
    )
    assert np.max(np.abs(one - other)) < 1e-5  # a cubic spline on 64 nodes: h^4 |k''''| / 384 = 2.4e-7, times the slope


def test_complex_data_make_the_problem_complex():
    """u_t = i k u_xx with k = 1: mode 1 of the grid turns at its own frequency."""
    problem = rod(1j * np.ones(41), equation="u_t = k*u_xx")
    assert problem.is_complex
    u = problem.solve(t_end=0.1)["u"].values
    h = 1 / 40
    frequency = (2 * np.sin(np.pi * h / 2) / h) ** 2
    assert np.max(np.abs(u - np.exp(-1j * frequency * 0.1) * np.sin(np.pi * X))) < 1e-5


def test_a_function_of_time_moves_the_equation():
    """u_t = f(t): the integral of f is added."""
    given = {"initial": {"u": 0}, "boundary": {"u": {"x": pk.Neumann(0)}}}
    problem = pk.Problem(pk.PDE("u_t = u_xx + f", parameters={"f": lambda t: np.cos(t)}), GRID, **given)
    assert np.max(np.abs(problem.solve(t_end=2.0)["u"].values - np.sin(2.0))) < 1e-5


@pytest.fixture
def ramp(tmp_path):
    t = np.linspace(0, 2, 41)
    rows = np.c_[t, np.maximum(0, 5 * (t - 1))]
    np.savetxt(tmp_path / "d.csv", rows, delimiter=",", header="time,heat", comments="")
    return tmp_path


CONFIG = """
grid: {x: {range: [0, 1], points: 41}}
equations: u_t = div(k*grad(u)) + s
parameters:
  k: 1 + x**2
  s: DATA
initial: {u: 0}
boundary:
  u:
    x:
      left: {dirichlet: DATA}
      right: {robin: {a: 1, b: 2, value: DATA}}
time: {end: 2, rtol: 1e-8}
"""
TABLE = "{table: d.csv, x: time, y: heat}"


def test_a_table_equals_its_formula(ramp):
    """The table is the broken line 5 max(0, t - 1), whose kink is found in both."""
    table = loads(CONFIG.replace("DATA", TABLE), folder=ramp)
    formula = loads(CONFIG.replace("DATA", '"interp(t, 0, 0, 1, 0, 2, 5)"'))
    assert np.max(np.abs(table.solve()["u"].values - formula.solve()["u"].values)) < 1e-6


def test_tables_and_arrays_survive_yaml_and_python(ramp):
    problem = loads(CONFIG.replace("DATA", TABLE), folder=ramp)
    assert loads(problem.to_yaml()).to_yaml() == problem.to_yaml()
    names = {}
    exec(problem.to_python(), names)
    assert names["problem"].to_yaml() == problem.to_yaml()
    array = rod(1 + X)
    assert np.array_equal(loads(array.to_yaml()).pde.parameters["k"], 1 + X)


def test_data_in_files(ramp):
    np.save(ramp / "k.npy", 1 + X)
    np.savez(ramp / "start.npz", u=np.sin(np.pi * X))
    text = """
grid: {x: {range: [0, 1], points: 41}}
equations: u_t = div(k*grad(u))
parameters: {k: {file: k.npy}}
initial: {u: {file: start.npz, variable: u}}
boundary: {u: {x: {dirichlet: 0}}}
time: {end: 0.1}
"""
    assert (
        np.max(np.abs(loads(text, folder=ramp).solve()["u"].values - rod("1 + x").solve(t_end=0.1)["u"].values)) < 1e-12
    )


def test_an_exact_solution_of_data_is_left_out_of_the_file(tmp_path):
    problem = rod(1 + X).replace(exact={"u": "k*t"})
    problem.solve(t_end=0.01, output=tmp_path / "a.h5")
    assert pk.open_result(tmp_path / "a.h5")["u"].values.shape == (41,)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"k": None}, "parameters.k: expected a number"),
        ({"k": {}}, "parameters.k"),
        ({"k": np.ones(3)}, "parameters.k: the array has shape \\(3,\\), the grid needs \\(41,\\)"),
        ({"k": np.full(41, np.nan)}, "parameters.k: is not finite"),
        ({"k": lambda q: q}, "parameters.k: the function asks for 'q'"),
        ({"k": "1 + q"}, "parameters.k: .*unknown name 'q'"),
        ({"k": "c", "c": "k*x"}, "circle"),
        ({"k": pk.Table("none.csv", "x", "k")}, "parameters.k: .*no such file"),
    ],
)
def test_what_is_no_coefficient(data, message):
    with pytest.raises(pk.PdekitError, match=message):
        rod(**data)


def test_linear_data_have_no_derivative():
    with pytest.raises(pk.PdekitError, match="not smooth enough"):
        rod(1 + X, equation="u_t = d(k, x)*u")
    assert rod(1 + X**2, order=4, equation="u_t = u_xx + d(k, x)*u") is not None


@pytest.mark.parametrize(
    "place", ["parameters: {k: 1}\nboundary: {u: {x: {dirichlet: DATA}}}", "parameters: {k: DATA}"]
)
@pytest.mark.parametrize("data", ["{file: bad.npy}", "{table: bad.h5, x: t, y: v}", "{table: bad.csv, x: t, y: v}"])
def test_damaged_files(tmp_path, place, data):
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY and no array")
    (tmp_path / "bad.h5").write_bytes(b"no HDF5")
    (tmp_path / "bad.csv").write_bytes(bytes(range(256)))
    text = f"grid: {{x: {{range: [0, 1], points: 9}}}}\nequations: u_t = k*u_xx\ninitial: {{u: 0}}\ntime: {{end: 1}}\n{place}\n"
    with pytest.raises(pk.PdekitError, match=r"(boundary.u.x.*|parameters.k): data .*bad.* cannot be read") as error:
        loads(text.replace("DATA", data), folder=tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("section", ["parameters: {k: DATA}", "boundary: {u: {x: {dirichlet: DATA}}}"])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{table: 3, x: t, y: v}", "table: expected a text, found 3"),
        ("{table: a.csv, x: [1], y: v}", "x: expected a text, found a list of 1"),
        ("{table: a.csv, x: t, y: v, method: spline}", "method: allowed are 'linear' or 'cubic', found 'spline'"),
        ("{table: a.csv, x: t}", "y: missing"),
        (
            "{table: a.csv, x: t, y: v, off: t}",
            "off: unknown key; allowed are table, x, y, of, method; did you mean 'of'",
        ),
        ("{file: a.npy, variabel: u}", "variabel: unknown key; allowed are file, variable; did you mean 'variable'"),
        ("{file: words.npy}", "words.npy cannot be read: they are no numbers but <U1"),
    ],
)
def test_forms_of_data_in_files(tmp_path, section, data, message):
    """One line that says where, whichever section the data stand in."""
    np.save(tmp_path / "words.npy", np.array(["a"] * 9))
    text = f"grid: {{x: {{range: [0, 1], points: 9}}}}\nequations: u_t = u_xx\ninitial: {{u: 0}}\ntime: {{end: 1}}\n{section}\n"
    with pytest.raises(pk.PdekitError) as error:
        loads(text.replace("DATA", data), folder=tmp_path)
    line = str(error.value)
    assert message in line and line.count("line 5") == 1 and "\n" not in line
    assert section.partition(":")[0] in line


def test_a_table_that_ends_too_early(ramp):
    with pytest.raises(pk.PdekitError, match="reaches from t = 0 to 2, asked for at t = 3"):
        loads(CONFIG.replace("DATA", TABLE).replace("end: 2", "end: 3"), folder=ramp)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mod(7.5, 2)", 1.5),
        ("mod(-1, 3)", 2.0),
        ("sech(1)", 1 / np.cosh(1)),
        ("coth(1)*csch(2)", 1 / np.tanh(1) / np.sinh(2)),
        ("interp(0.5, 0, 1, 1, 3)", 2.0),
        ("interp(9, 0, 1, 1, 3)", 3.0),
        ("sum(k**2, k, 1, 4)", 30.0),
        ("sum(sum(j*k, j, 1, k), k, 1, 2)", 7.0),
    ],
)
def test_words_of_the_language(text, expected):
    assert pk.PDE("u_t = a", parameters={"a": text}).parameter_values()["a"] == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("interp(1, 0, 1, 0, 3)", "increasing"),
        ("interp(1, 0, 1, 2, 3, 4)", "pairs"),
        ("sum(k, k, 1, 10**9)", "at most"),
        ("sum(k, 1, 3)", "sum\\(expression, k"),
    ],
)
def test_words_used_wrongly(text, message):
    with pytest.raises(pk.PdekitError, match=message):
        pk.PDE("u_t = a", parameters={"a": text}).parameter_values()


@pytest.mark.parametrize("text", ["mod(x, 0)", "mod(x, 1 - 1)", "mod(u, sin(0))"])
def test_mod_by_zero(text):
    with pytest.raises(pk.PdekitError, match="divides by zero"):
        pk.PDE(f"u_t = {text}").bind(("x",))
