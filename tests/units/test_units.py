"""Units: what does not fit is refused with both dimensions, numbers arrive in one coherent system, results carry their units."""

from __future__ import annotations

import sys
from subprocess import run

import numpy as np
import pytest
import xarray

import pdekit as pk
from pdekit.errors import ConfigError, PdekitError
from pdekit.io.load import load, loads
from pdekit.units.dimension import Dimension
from pdekit.units.unit_system import Unit, UnitSystem

BASE = {"x": "m", "t": "s", "T": "K"}
GRID = pk.Grid(x=pk.Axis(0, 0.1, 21))


def rod(equation="T_t = D*T_xx - k*(T - T0)", *, units=None, parameters=None, grid=GRID, definitions=None, **words):
    given = {"D": "1.4 cm**2/s", "k": 0.1, "T0": "20 degC"} if parameters is None else parameters
    words = {"initial": {"T": "T0"}, "boundary": {"T": {"x": pk.Dirichlet("20 degC")}}} | words
    pde = pk.PDE(equation, parameters=given, definitions=definitions)
    return pk.Problem(pde, grid, units=BASE if units is None else units, **words)


def test_numbers_arrive_in_one_system_and_what_is_not_said_follows():
    problem = rod()
    assert problem.units == {"x": "m", "t": "s", "T": "K", "D": "m**2/s", "k": "1/s", "T0": "K"}
    values = problem.pde.parameter_values()
    assert values["D"] == pytest.approx(1.4e-4, rel=1e-15) and values["T0"] == 293.15  # 20 degC is 293.15 K


def test_a_delay_is_a_time():
    words = {"initial": {"T": "T0"}, "boundary": {"T": {"x": pk.Neumann(0)}}}
    given = {"D": "1.4 cm**2/s", "k": "0.1 s**-1", "T0": "20 degC", "tau": "2 min"}
    delayed = "T_t = D*T_xx - k*(T(t - tau) - T0)"
    assert rod(delayed, parameters=given, **words).pde.parameter_values()["tau"] == 120
    with pytest.raises(PdekitError, match="-tau is in m, but t is in s"):
        rod(delayed, parameters=given | {"tau": "2 m"}, **words)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"equation": "T_t = D*T_x - k*(T - T0)"}, ("equations[0]", "D*T_x is in K*m/s, but T_t is in K/s")),
        ({"equation": "T_t = D*T_xx - k*(T - 5)"}, ("-5 is a number", "name and a unit")),
        ({"equation": "T_t = D*T_xx + k*T*sin(x) - k*T0"}, ("x is in m where a number is needed, in sin",)),
        ({"equation": "T_t = D*T_xx + k*T*(T/T0)**(x) - k*T0"}, ("x is in m where a number is needed, in the exponent",)),
        ({"equation": "T_t = D*T_xx + k*where(x < 0.5, T, T0)"}, ("x is in m", "1/2 is a number")),
        ({"equation": "T_t = D*T_xx - k*(T - integral(T))"}, ("in K*m",)),
        ({"equation": "T_t = D*T_xx - q*k - k*T0", "definitions": {"q": "T + T_x"}}, ("definitions.q", "in K/m")),
        ({"boundary": {"T": {"x": pk.Neumann("20 K")}}}, ("boundary.T.x.left", "in K", "dT/dn is in K/m")),
        ({"boundary": {"T": {"x": pk.Robin("k", 1, "k*T0")}}, "parameters": {"D": "1 m**2/s", "k": "2/T0", "T0": "1 K"}}, ("k",)),
        ({"initial": {"T": "x"}}, ("initial.T", "x is in m, but T is in K")),
        ({"initial": {"T": "3 m"}}, ("initial.T", "is in m, needed is a value in K")),
        ({"exact": {"T": "T0*exp(-k*x)"}}, ("exact.T", "k*x is in m/s")),
        ({"output": pk.OutputSettings(series={"a": "integral(T) + max(T)"})}, ("output.series.a", "in K*m")),
        ({"output": pk.OutputSettings(fields={"a": "T + T_x"})}, ("output.fields.a", "in K/m")),
        ({"stop": pk.StopSettings(when="max(T) > k")}, ("stop.when", "in 1/s")),
        ({"constraints": ["T >= x"]}, ("constraints[0]", "x is in m, but T is in K")),
        ({"units": {**BASE, "E": "J"}}, ("units.E", "no such name")),
        ({"units": {**BASE, "T": "kelvinn"}}, ("units.T", "did you mean 'kelvin'")),
        ({"units": {**BASE, "T": "degC"}}, ("units.T", "zero of its own")),
        ({"units": {**BASE, "D": "m2/s"}}, ("units.D", "did you mean 'm**2/s'")),
        ({"units": {**BASE, "D": "m/s"}}, ("parameters.D", "does not fit units.D")),
        ({"units": {**BASE, "T": "m**9**9**9"}}, ("units.T", "is no unit")),
        ({"units": {"t": "s", "x": "m"}, "equation": "T_t = D*T_xx", "parameters": {"D": 1}, "initial": {"T": 0},
          "boundary": {"T": {"x": pk.Neumann(0)}}}, ("units.T: missing",)),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_both_sides(words, told):
    with pytest.raises(PdekitError) as error:
        rod(**words)
    assert all(part in str(error.value) for part in told), str(error.value)


def test_units_that_do_not_go_together_are_refused():
    plane = pk.Grid(x=pk.Axis(0, 1, 5), y=pk.Axis(0, 1, 5))
    with pytest.raises(ConfigError, match=r"units\.y.*mm is 0\.001 m, .*take m"):
        rod(
            "T_t = D*laplace(T)", units={**BASE, "y": "mm"}, grid=plane, parameters={"D": 1}, initial={"T": 0},
            boundary={"T": {"x": pk.Neumann(0), "y": pk.Neumann(0)}},
        )  # fmt: skip


def test_a_system_takes_its_units_from_pressures_as_well():
    system = UnitSystem.of({"x": Unit.read("mm", ""), "t": Unit.read("s", ""), "p": Unit.read("kPa", "")})
    # 1 kPa mm s^2 = 1e3 kg/(m s^2) * 1e-3 m * s^2 = 1 kg
    assert system.factor(Unit.read("g", "")) == pytest.approx(1e-3, rel=1e-12)
    assert system.unit(Dimension.of({"[mass]": 1, "[length]": -1, "[time]": -2})).factor_to(Unit.read("Pa", "")) == 1000


def test_curved_coordinates_have_volumes():
    ball = pk.Grid(r=pk.Axis(0, 1, 8), coordinates="spherical")
    disc = pk.Grid(r=pk.Axis(0, 1, 8), phi=pk.Axis(0, 2 * np.pi, 8, periodic=True), coordinates="polar")
    for grid, unit in ((ball, "J"), (disc, "J/m")):
        problem = rod(
            "T_t = D*laplace(T)", units={"r": "m", "t": "s", "T": "J/m**3"}, grid=grid, parameters={"D": 1},
            initial={"T": 1}, boundary={"T": {"r": pk.Neumann(0)}}, output=pk.OutputSettings(series={"E": "integral(T)"}),
        )  # fmt: skip
        found = Unit.read(problem.captions["E"]["units"], "")
        assert found.factor_to(Unit.read(unit, "")) == pytest.approx(1)


def test_noise_of_a_field_has_the_units_of_a_density():
    """The variance of white noise is one over time and length: u = g dW, g in K m^(1/2) s^(-1/2)."""
    given = {"units": BASE, "parameters": {"D": 1, "g": 1}, "initial": {"T": 0}, "time": pk.TimeSettings(seed=1)}
    problem = rod("T_t = D*T_xx + noise(g)", boundary={"T": {"x": pk.Neumann(0)}}, **given)
    unit = Unit.read(problem.units["g"], "")
    assert unit.dimension == Dimension.of({"[temperature]": 1, "[length]": 0.5, "[time]": -0.5})


CONFIG = """
units: {x: m, t: s, T: K}
grid: {x: {range: [0, 10 cm], points: 21}}
parameters: {D: 1.4 cm**2/s, L: 10 cm, A: 30 K}
equations: T_t = D*laplace(T)
initial: {T: A*sin(pi*x/L)}
boundary: {T: {x: {dirichlet: 0}}}
exact: {T: A*exp(-D*(pi/L)**2*t)*sin(pi*x/L)}
time: {end: 0.5 min}
output: {every: 3 s, series: {heat: integral(T)}, fields: {flux: -D*T_x}}
"""
PLAIN = """
grid: {x: {range: [0, 0.1], points: 21}}
parameters: {D: 1.4e-4, L: 0.1, A: 30}
equations: T_t = D*laplace(T)
initial: {T: A*sin(pi*x/L)}
boundary: {T: {x: {dirichlet: 0}}}
time: {end: 30}
output: {every: 3, series: {heat: integral(T)}, fields: {flux: -D*T_x}}
"""


def test_a_config_with_units_is_the_config_in_their_numbers():
    problem, plain = loads(CONFIG), loads(PLAIN)
    solution = problem.solve()
    assert np.array_equal(solution.times, plain.solve().times)
    assert np.array_equal(solution["T"].values, plain.solve()["T"].values)
    assert solution.error("T") < 0.3 * 30 * (np.pi / 20) ** 2  # of second order
    assert loads(problem.to_yaml()).to_yaml() == problem.to_yaml()
    names: dict = {}
    exec(problem.to_python(), names)
    assert names["problem"].to_yaml() == problem.to_yaml()


def test_the_file_and_the_exports_carry_units(tmp_path):
    path = tmp_path / "rod.h5"
    solution = loads(CONFIG).solve(output=path)
    expected = {"t": "s", "x": "m", "T": "K", "flux": "K*m/s"}
    with xarray.open_dataset(path, engine="h5netcdf") as data:
        assert {name: data[name].attrs["units"] for name in expected} == expected
    with xarray.open_dataset(path, engine="h5netcdf", group="series") as data:
        assert data.heat.attrs["units"] == "K*m" and data.t.attrs["units"] == "s"
    stored = pk.open_result(path)
    assert stored.labels["t"]["units"] == "s" and stored.labels["heat"]["units"] == "K*m"
    assert stored.grid["x"].unit == "m" and stored.to_xarray().t.attrs["units"] == "s"
    table = solution.save(tmp_path / "rod.csv")
    assert table.read_text().splitlines()[0] == "t [s],x [m],T [K],flux [K*m/s]"
    assert pk.FileData(str(table), "T").array().size == solution.values["T"].size
    with np.load(solution.save(tmp_path / "rod.npz")) as archive:
        assert dict(archive["units"].tolist())["flux"] == "K*m/s"
    picture = solution.plot()
    assert {a.get_xlabel() for a in picture.axes} >= {"x [m]"} and "time t [s]" in {
        a.get_ylabel() for a in picture.axes
    }
    page = solution.report(tmp_path / "rod.html").read_text()
    assert "time t [s]" in page and "x [m]" in page


def test_times_and_places_of_another_dimension_are_refused():
    with pytest.raises(ConfigError, match=r"time\.end.*'0\.5 m' does not fit t, which is in s"):
        loads(CONFIG.replace("0.5 min", "0.5 m"))
    with pytest.raises(ConfigError, match=r"grid\.x.*'10 s' does not fit x"):
        loads(CONFIG.replace("[0, 10 cm]", "[0, 10 s]"))


def test_measured_columns_come_in_units_of_their_own(tmp_path):
    """A decay exp(-k t) with k = 0.05 1/s, written in minutes and degrees."""
    problem = rod("T_t = D*T_xx - k*(T - T0)", parameters={"D": 1e-4, "k": 0.02, "T0": "300 K"}, initial={"T": "400 K"},
                  boundary={"T": {"x": pk.Neumann(0)}}, time=pk.TimeSettings(end=60.0))  # fmt: skip
    t = np.linspace(0.1, 1.0, 9)
    rows = [f"{m},0.05,{300 + 100 * np.exp(-0.05 * 60 * m) - 273.15}" for m in t]
    (tmp_path / "measured.csv").write_text("\n".join(["t [min],x,T [degC]", *rows]))
    fitted = pk.fit(problem, tmp_path / "measured.csv", ["k"])
    assert float(fitted.problem.pde.parameter_values()["k"]) == pytest.approx(0.05, rel=1e-3)


def test_manufactured_solutions_and_overrides_go_with_units(tmp_path):
    path = tmp_path / "rod.yaml"
    path.write_text(CONFIG)
    assert load(path, ["parameters.D=2 mm**2/s"]).pde.parameter_values()["D"] == pytest.approx(2e-6, rel=1e-15)
    assert pk.converge(loads(CONFIG).replace(exact={}), [11, 21, 41], t_end=5.0).passed


def test_without_units_pint_is_not_loaded():
    code = f"import sys, pdekit as pk; from pdekit.io.load import loads; loads('''{PLAIN}''').solve(); sys.exit('pint' in sys.modules)"
    assert run([sys.executable, "-c", code]).returncode == 0


WALL = """
units: {x: m, t: s, T: K}
grid: {x: {range: [0, 1], points: 21}}
parameters: {k: 2 W/(m*K), c: 1000 J/(m**3*K), R: 100 cm**2*K/W}
equations: c*T_t = div(k*grad(T))
initial: {T: 300}
boundary: {T: {x: {neumann: 0}}}
interfaces: {T: {x: {at: 37 cm, %s}}}
projections: {T >= 290: [2 s, 0.1 min]}
time: {end: 10 s}
"""


def test_interfaces_and_projections_come_in_units():
    """A resistance is a temperature over a flux of heat: R of 100 cm**2 K/W is 0.01 m**2 K/W."""
    wall = loads(WALL % "resistance: R")
    assert wall.interfaces["T"]["x"].at == 0.37 and wall.projections == {"T >= 290": (2.0, 6.0)}
    plain = loads(WALL % "resistance: 0.01 m**2*K/W")
    assert plain.interfaces["T"]["x"].resistance == wall.pde.parameter_values()["R"] == 0.01
    np.testing.assert_array_equal(wall.solve()["T"].values, plain.solve()["T"].values)
    again = loads(plain.to_yaml())
    assert again.interfaces == plain.interfaces and again.projections == plain.projections
    assert loads(WALL % "jump: 3 K, flux_jump: -20 W/m**2").interfaces["T"]["x"].flux_jump == -20


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("resistance: R", "resistance: 2 m*K/W"), ("line 8", "interfaces.T.x.resistance", "needed is a value in")),
        (("R: 100 cm**2*K/W", "R: 100 cm**2/W"), ("interfaces.T.x.resistance", "but T/(k*T_x) is in")),
        (("resistance: R", "jump: 3 m"), ("interfaces.T.x.jump", "is in m, needed is a value in K")),
        (("resistance: R", "flux_jump: -20 W"), ("interfaces.T.x.flux_jump",)),
        (("at: 37 cm", "at: 37 s"), ("line 8", "interfaces.T.x.at", "does not fit x")),
        (("T >= 290", "T >= x"), ("projections.T >= x: x is in m, but T is in K",)),
        (("0.1 min", "0.1 m"), ("projections.T >= 290", "does not fit t")),
    ],
)
def test_interfaces_and_projections_that_do_not_fit_are_refused(change, told):
    text = WALL % "resistance: R"
    assert change[0] in text
    with pytest.raises(PdekitError) as error:
        loads(text.replace(*change))
    assert all(part in str(error.value) for part in told), str(error.value)


def test_in_an_equation_as_it_is_written_a_resistance_goes_with_its_flux():
    """Of T_t = k/c T_xx the flux is k/c T_x, and a resistance a time over a length."""
    text = (WALL % "resistance: 0.01 s/m").replace("c*T_t = div(k*grad(T))", "T_t = k/c*T_xx")
    assert loads(text).interfaces["T"]["x"].resistance == 0.01


BARE = """
grid: {x: {range: [0, 1], points: 21}}
parameters: {D: 0.1, k: 0.1}
equations: T_t = D*T_xx - k*T
initial: {T: 300}
boundary: {T: {x: {dirichlet: 300}}}
time: {end: 1}
"""
UNITS = BARE.replace("D: 0.1", "D: 1 m**2/s") + "units: {x: m, t: s, T: K}\n"


@pytest.mark.parametrize(
    ("text", "change", "told"),
    [
        (BARE, ("k: 0.1", "k: 0.1 1/s"), ("line 3", "parameters.k", "units: {x: m, t: s}", "write the number alone")),
        (BARE, ("T: 300}", "T: 20 degC}"), ("initial.T", "units: {x: m, t: s}")),
        (BARE, ("end: 1", "end: 2 h"), ("time.end", "units: {x: m, t: s}")),
        (BARE, ("k*T", "0.1 1/s*T"), ("equations[0]", "make it a parameter")),
        (UNITS, ("- k*T", "- k*(T - 5 K)"), ("line 4", "equations[0]", "make it a parameter")),
        (UNITS, ("dirichlet: 300", "dirichlet: 20 degC + x"), ("boundary.T.x", "stands alone")),
        (UNITS, ("T: 300}", "T: 20 degc}"), ("initial.T", "did you mean 'degC'")),
        (UNITS, ("T: 300}", "T: 20 KELVIN}"), ("initial.T", "did you mean 'kelvin'")),
    ],
)  # fmt: skip
def test_a_quantity_where_none_is_taken_is_told_the_right_form(text, change, told):
    assert change[0] in text
    with pytest.raises(PdekitError) as error:
        loads(text.replace(*change))
    assert all(part in str(error.value) for part in told), str(error.value)


def test_a_rate_may_be_written_as_one_over_a_time():
    assert loads(UNITS.replace("k: 0.1", "k: 6 1/min")).pde.parameter_values()["k"] == pytest.approx(0.1, rel=1e-15)
