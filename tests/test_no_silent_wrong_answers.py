"""Wrong answers that came without a word, each found by somebody: they are right now, or refused, or told."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.linalg import expm

import pdekit as pk
from pdekit.cli.commands import main
from pdekit.errors import PdekitError, StabilityError
from pdekit.io.load import loads
from pdekit.language.analysis import factor_of
from pdekit.language.symbols import local_derivatives
from pdekit.progress import ProgressLines
from pdekit.verification.estimate import estimate

A, D, N, OPEN = pk.Axis, pk.Dirichlet, pk.Neumann, pk.Outflow()


def rod(equation, initial=0, boundary=None, n=21, **time):
    return pk.Problem(
        pk.PDE(equation),
        pk.Grid(x=A(0, 1, n)),
        initial={"u": initial},
        boundary={"u": {"x": N(0) if boundary is None else boundary}},
        time=pk.TimeSettings(**time),
    )


@pytest.mark.parametrize("method", ["DOP853", "RK45", "RK23", "Radau", "BDF", "LSODA", "tsitouras"])
def test_frames_are_as_accurate_as_the_end(method):
    """Dense output of an explicit method at its stability limit was a thousand times worse."""
    ring = pk.Problem(
        pk.PDE("u_t = 0.05*u_xx"),
        pk.Grid(x=A(0, 1, 32, periodic=True)),
        initial={"u": "exp(cos(2*pi*x))"},
        time=pk.TimeSettings(end=0.5, method=method),
    )
    exact = expm(0.115 * ring.semidiscrete.L.toarray()) @ ring.initial_fields()["u"]
    frame = np.max(np.abs(ring.solve(times=[0.115]).values["u"][1] - exact))
    end = np.max(np.abs(ring.solve(t_end=0.115, times=[])["u"].values - exact))
    assert frame <= 5 * end + 1e-9


def test_pulses_of_heating_are_not_stepped_over():
    pulse = rod("u_t = 0.01*u_xx + where(t > 2, 1, 0)*where(t < 2.5, 1, 0)", 20, end=10)
    assert pulse.solve()["u"].max() == pytest.approx(20.5, abs=1e-6)
    for method, step in (("rk4", 0.1), ("crank_nicolson", 0.1), ("BDF", None), ("tsitouras", None)):
        found = pulse.solve(method=method, step=step)["u"].max()
        assert found == pytest.approx(20.5, abs=1e-4), method
    switched = rod("u_t = 0.01*u_xx + where(sin(2*pi*t) > 0.9, 1, 0)", end=3)
    assert switched.solve()["u"].max() == pytest.approx(3 * (np.pi - 2 * np.arcsin(0.9)) / (2 * np.pi), abs=1e-4)


def test_narrow_data_are_followed_by_frames_or_a_longest_step():
    narrow = rod("u_t = 0.01*u_xx + exp(-((t - 5)/0.01)**2)", end=10, max_step=0.02)
    assert narrow.solve()["u"].max() == pytest.approx(0.01 * np.sqrt(np.pi), rel=1e-4)
    assert rod(narrow.pde.equations[0], end=10).solve(every=0.02)["u"].max() == pytest.approx(0.01 * np.sqrt(np.pi), rel=1e-4)  # fmt: skip


def test_pulses_in_boundary_data():
    """A wall that is hot for a while, by expression; against the same run with a step that cannot miss it."""
    wall = {"left": D("where(t > 0.5, 1, 0)*where(t < 0.52, 1, 0)"), "right": N(0)}
    found = rod("u_t = 0.1*u_xx", boundary=wall, end=1).solve()["u"]
    reference = rod("u_t = 0.1*u_xx", boundary=wall, end=1, max_step=1e-3, rtol=1e-9).solve()["u"]
    assert reference.max() > 1e-3 and (found - reference).norm("max") < 1e-5


def test_the_explicit_limit_is_watched_while_the_run_goes_on():
    melting = pk.Problem(
        pk.PDE("H_t = laplace(max(H - 1, 0))", unknowns=["H"]),
        pk.Grid(x=A(0, 1, 41)),
        initial={"H": 0},
        boundary={"H": {"x": {"left": D(2), "right": N(0)}}},
        time=pk.TimeSettings(end=0.1, method="euler", step=0.002),
    )
    with pytest.raises(StabilityError, match=r"since step \d+.*largest stable step"):
        melting.solve()
    with pytest.raises(StabilityError, match="since step"):
        rod("u_t = 0.01*u_xx + 2.4*u*(1 - u)", 0.01, n=11, end=40, method="euler", step=1).solve()


WAVE, SOUND = ["u_tt = u_xx"], ["p_t = -v_x", "v_t = -p_x"]
# equations, conditions by unknown, what the refusal says; None where they are right
FACES = {
    "wave, open": (WAVE, {"u": OPEN}, "needs 1 condition"),
    "wave, fixed": (WAVE, {"u": D(0)}, None),
    "diffusion, open": (["u_t = u_xx"], {"u": OPEN}, "needs 1 condition"),
    "diffusion, two": (["u_t = u_xx"], {"u": [D(0), N(0)]}, "found 2"),
    "beam, one": (["u_t = -u_xxxx"], {"u": D(0)}, "needs 2 conditions"),
    "beam, two": (["u_t = -u_xxxx"], {"u": [D(0), N(0)]}, None),
    "advection": (["u_t = -u_x"], {"u": {"left": D(0), "right": OPEN}}, None),
    "advection, neumann where it leaves": (["u_t = -u_x"], {"u": {"left": D(0), "right": N(0)}}, r"u\.x\.right.*leaves"),
    "advection, fixed where it leaves": (["u_t = -u_x"], {"u": D(0)}, r"u\.x\.right.*leaves"),
    "advection, open where it enters": (["u_t = -u_x"], {"u": OPEN}, r"u\.x\.left: 1 characteristic comes in"),
    "conservation law, too many": (["u_t = -d(u**2/2 + u, x)"], {"u": D(0)}, r"u\.x\.right.*leaves"),
    "advection and weak diffusion, open where it leaves": (["u_t = 0.005*u_xx - u_x"], {"u": {"left": D(0), "right": OPEN}}, None),
    "advection and diffusion, open where it leaves": (["u_t = 0.1*u_xx - u_x"], {"u": {"left": D(0), "right": OPEN}}, r"u\.x\.right.*D/v = 0\.1"),
    "sound, open": (SOUND, {"p": OPEN, "v": OPEN}, "1 characteristic comes in"),
    "sound, too many": (SOUND, {"p": D(0), "v": D(0)}, "found 2"),
    "sound": (SOUND, {"p": D(0), "v": OPEN}, None),
    "vanishing coefficient": (["u_t = x**2*u_xx"], {"u": {"left": OPEN, "right": D(0)}}, None),
}  # fmt: skip


@pytest.mark.parametrize("name", FACES)
@pytest.mark.parametrize("end", [0.01, 10.0])
def test_conditions_are_those_that_the_faces_need(name, end):
    equations, conditions, message = FACES[name]
    initial = dict.fromkeys(conditions, "exp(-50*(x - 0.4)**2)") | ({"u_t": 0} if equations is WAVE else {})
    given = {u: {"x": c} for u, c in conditions.items()}

    def make():
        time = pk.TimeSettings(end=end)
        return pk.Problem(pk.PDE(equations), pk.Grid(x=A(0, 1, 41)), initial=initial, boundary=given, time=time)

    if message is None:
        make()
        return
    with pytest.raises(PdekitError, match=message):
        make()


def test_an_open_face_from_which_diffusion_reaches_back_is_noted():
    """D/v beside the spacing of the grid: 0.02 against 0.0125 (noted), 0.005 (not)."""
    for D_, noted in ((0.02, True), (0.005, False)):
        plume = pk.Problem(
            pk.PDE("u_t = D*u_xx - u_x", parameters={"D": D_}),
            pk.Grid(x=A(0, 1, 81)),
            initial={"u": 0},
            boundary={"u": {"x": {"left": D(0), "right": OPEN}}},
        )
        assert any("u.x.right" in note and "approximate" in note for note in plume.notes()) == noted


def test_sound_with_its_pressure_fixed_rings_without_growth():
    """p = sin(pi x) cos(pi t), v = -cos(pi x) sin(pi t), fifty periods."""
    sound = pk.Problem(
        pk.PDE(SOUND),
        pk.Grid(x=A(0, 1, 41)),
        initial={"p": "sin(pi*x)", "v": 0},
        boundary={"p": {"x": D(0)}, "v": {"x": OPEN}},
    )
    solution = sound.solve(t_end=20.0)
    assert solution["p"].norm("max") < 1.05 and solution["v"].norm("max") < 1.05


@pytest.mark.parametrize("equation", ["u_t = -u*u_x", "u_t = -d(u**2/2, x)"])
def test_oscillation_behind_a_shock_is_told(equation):
    ring, wave = pk.Grid(x=A(0, 1, 64, periodic=True)), {"u": "1.5 + sin(2*pi*x)"}
    assert pk.Problem(pk.PDE(equation), ring, initial=wave).flux_scheme.scheme == "weno5"  # where nobody asks
    shock = pk.Problem(pk.PDE(equation), ring, initial=wave, advection="central")
    notes = shock.solve(t_end=0.25, method="rk4", step=5e-4).notes
    assert any("oscillates" in note and "x" in note for note in notes)
    assert shock.solve(t_end=0.05, method="rk4", step=5e-4).notes == ()


def test_oscillation_at_a_cell_peclet_number_of_five_is_told():
    layer = pk.Problem(
        pk.PDE("0 = 0.01*u_xx - u_x", unknowns=["u"]),
        pk.Grid(x=A(0, 1, 11)),
        initial={"u": 0},
        boundary={"u": {"x": {"left": D(0), "right": D(1)}}},
    )
    assert "oscillates" in layer.solve().notes[0]
    assert layer.replace(grid=pk.Grid(x=A(0, 1, 201))).solve().notes == ()


def test_a_fixed_step_damps_what_data_that_do_not_fit_stir_up():
    """Crank-Nicolson gave 0.33 instead of 0.009; the series of the rod that is dipped into ice."""
    solution = rod("u_t = u_xx", 1, D(0), n=101, end=0.1, step=0.01).solve()
    x, k = solution.grid["x"].nodes, 2 * np.arange(200)[:, None] + 1
    exact = np.sum(4 / (k * np.pi) * np.sin(k * np.pi * x) * np.exp(-((k * np.pi) ** 2) * 0.1), axis=0)
    assert solution.method == "tr_bdf2" and np.max(np.abs(solution["u"].values - exact)) < 2e-3


def test_a_fixed_step_stays_as_asked():
    problem = rod("u_t = u_xx", "sin(pi*x)", D(0), end=0.765, step=0.045)
    solution = problem.solve()
    assert solution.statistics["steps"] == 17
    assert np.allclose(np.round(solution.times / 0.045), solution.times / 0.045, atol=1e-9)
    errors = pk.converge(problem, steps=[0.045, 0.0225, 0.01125]).errors["u"]
    assert len(set(errors)) == 3 and errors[0] > errors[1] > errors[2]


def test_extremes_of_arrays_inside_comparisons():
    values = pk.Grid(x=A(0, 1, 5), y=A(0, 1, 4)).field("where(max(x, y) < 0.5, 1, 0)").values
    assert np.array_equal(values, np.outer(np.linspace(0, 1, 5) < 0.5, np.linspace(0, 1, 4) < 0.5).astype(float))


def test_an_override_of_a_parameter_that_there_is_not(tmp_path):
    config = tmp_path / "rod.yaml"
    config.write_text(
        "grid: {x: {range: [0, 1], points: 11}}\nparameters: {h: 1}\nequations: u_t = h*u_xx\ninitial: {u: 1}\n"
        "boundary: {u: {x: {neumann: 0}}}\ntime: {end: 0.1}\n"
    )
    answer = CliRunner().invoke(main, ["run", str(config), "parameters.hh=3", "-o", str(tmp_path / "a.h5")])
    assert answer.exit_code == 2 and "'h'" in answer.output and not (tmp_path / "a.h5").exists()


def test_rows_of_high_derivatives_sum_to_zero():
    matrix = pk.derivative(pk.Grid(x=A(0, 1, 128, periodic=True)), "x", 4).matrix()
    abs_sum = np.asarray(abs(matrix).sum(axis=1))
    assert np.max(np.abs(np.asarray(matrix.sum(axis=1))) / abs_sum) <= 1e-15


def test_unknowns_are_told_from_what_is_differentiated():
    solution = pk.Problem(
        pk.PDE("0 = d((1 + x)*u_x, x) + 1"), pk.Grid(x=A(0, 1, 81)), boundary={"u": {"x": D(0)}}
    ).solve()
    x = solution.grid["x"].nodes
    exact = np.log(1 + x) / np.log(2) - x  # of (1 + x) u' = 1/log 2 - 1 - x
    assert np.max(np.abs(solution["u"].values - exact)) < 1e-4


HINTS = {
    "a comma in a list": ("equations: [u_t = -d(u**2/2, x)]", "quotes"),
    "a power": ("equations: u_t = u^2", r"u\*\*2"),
    "a fraction": ("equations: du/dt = u_xx", "u_t"),
    "a fraction in signs": ("equations: ∂u/∂t = u_xx", "u_t"),
    "a unit": (
        "parameters: {k: 16 W/m/K}\nequations: u_t = k*u_xx",
        "a number with a unit is taken where the problem has units",
    ),
    "conditions without an axis": ("equations: u_t = u_xx\nboundary: {u: {dirichlet: 0}}", r"\{x: \{dirichlet"),
}


@pytest.mark.parametrize("name", HINTS)
def test_hints_at_the_right_form(name):
    text, message = HINTS[name]
    with pytest.raises(PdekitError, match=message):
        loads(f"grid: {{x: {{range: [0, 1], points: 11}}}}\n{text}\ninitial: {{u: 1}}\n")
    with pytest.raises(PdekitError, match="periodic: true"):
        loads("grid: {x: periodic}\nequations: u_t = u_xx\n")


@pytest.mark.parametrize("name", ["gamma", "e", "d", "I", "lambda", "beta", "S", "N", "E"])
def test_names_may_shadow_functions_that_are_not_called(name):
    text = f"""
    grid: {{x: {{range: [0, 1], points: 41}}}}
    parameters: {{{name}: 0.5}}
    equations: ["u_t = {name}*u_xx"]
    initial: {{u: sin(pi*x)}}
    boundary: {{u: {{x: {{dirichlet: 0}}}}}}
    time: {{end: 0.1}}
    """
    assert loads(text).solve()["u"].max() == pytest.approx(np.exp(-(np.pi**2) * 0.05), rel=1e-3)


def test_a_conductivity_that_jumps_with_the_solution():
    """Steady: K(u) = u below 0.5 and 10 u - 4.5 above is linear in x."""
    layered = rod("u_t = div(where(u > 0.5, 10, 1)*grad(u))", "x", D("x"))
    u, x = layered.solve(t_end=2.0)["u"].values, layered.grid.axes[0].nodes
    assert np.max(np.abs(np.where(u > 0.5, 10 * u - 4.5, u) - 5.5 * x)) < 1e-9
    with pytest.raises(PdekitError, match="not continuous; smooth the jump"):
        layered.replace(order=4)
    rod("u_t = div(max(u, 0)*grad(u))", "x", D("x"))  # a kink is no jump


def test_bad_input_is_refused_in_words(capsys):
    with pytest.raises(PdekitError, match="nodes"):
        pk.Grid(x=A(0, 1, 2_000_000), y=A(0, 1, 2_000))
    with pytest.raises(PdekitError, match=r"initial\.u: expected a number"):
        rod("u_t = u_xx", None)
    heated = rod("u_t = u_xx", "sin(pi*x)", D(0), end=0.01)
    heated.solve(progress=True)
    assert "steps" in capsys.readouterr().err and ProgressLines(0.0, 1.0).end == 1.0

    def ends(t, steps):
        raise StopIteration

    with pytest.raises(PdekitError, match="StopIteration"):
        heated.solve(progress=ends)
    with pytest.raises(PdekitError, match="progress"):
        heated.solve(progress=3)


@pytest.mark.parametrize("name", ["NUMBA_NUM_THREADS", "OMP_NUM_THREADS"])
def test_threads_are_as_many_as_asked(name):
    code = "from pdekit.kernels.workers import usable_cores; print(usable_cores())"
    environment = {k: v for k, v in os.environ.items() if not k.endswith("NUM_THREADS")} | {name: "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


@pytest.mark.parametrize(
    ("given", "name"),
    [("RK4", "rk4"), ("forward_euler", "euler"), ("CN", "crank_nicolson"), ("leapfrog", "verlet"), ("dopri5", "dormand_prince"), ("rk45", "dormand_prince"), ("RK23", "bogacki_shampine"), ("bdf", "BDF")],
)  # fmt: skip
def test_methods_have_one_name_each_and_the_usual_aliases(given, name):
    from pdekit.time.methods import find_method

    assert find_method(given).name == name


def test_solvers_by_name_and_from_outside():
    """The same equation by every solver that fits, and by one that the user brings."""
    from scipy.sparse.linalg import splu

    class Brought:
        def factorise(self, matrix):
            return splu(matrix.tocsc())

    plate = pk.Problem(
        pk.PDE("0 = laplace(u) + 1 + x", unknowns=["u"]),
        pk.Grid(x=A(0, 1, 24), y=A(0, 1, 22)),
        boundary={"u": {"x": D(0), "y": N(0)}},
    )
    expected = plate.solve()["u"].values
    for solver in ("direct", "sparse_lu", "separable", "krylov", "multigrid", Brought()):
        found = plate.replace(time=pk.TimeSettings(solver=solver)).solve()["u"].values
        assert np.max(np.abs(found - expected)) < 1e-9 * np.max(np.abs(expected)), solver
    with pytest.raises(PdekitError, match=r"time\.solver.*did you mean 'krylov'"):
        pk.TimeSettings(solver="krilov")


def test_every_argument_survives_yaml_python_and_the_results_file(tmp_path):
    from pdekit.io.write import FORMS

    pde = pk.PDE(
        ["u_t = D*u_xx + s", "v_t = v_xx"],
        parameters={"D": 0.5},
        definitions={"s": "sin(x)"},
        unknowns=("u", "v"),
        sources={"u": "10*x"},
        reach=2,
    )
    problem = pk.Problem(
        pde,
        pk.Grid(x=A(0, 1, 21, unit="m")),
        initial={"u": np.linspace(0, 1, 21), "v": "x"},
        boundary={"u": {"x": {"left": pk.Robin("D", 2, "t"), "right": N(0)}}, "v": {"x": D("x")}},
        exact={"v": "x"},
        order=4,
        schemes={"u_xx": {"compact": 4}},
        time=pk.TimeSettings(end=0.1, rtol=1e-5, solver="direct", max_step=0.01),
        output=pk.OutputSettings(every=0.05),
        convergence=pk.ConvergenceSettings(points=(11, 21), expect=4.0),
        title="All of it",
        labels={"u": {"units": "K"}},
    )
    assert set(FORMS) == (set(pde.arguments()) | set(problem.arguments()))
    names: dict = {}
    exec(problem.to_python(), names)
    problem.solve(output=tmp_path / "a.h5")
    import h5py

    with h5py.File(tmp_path / "a.h5") as file:
        stored = file.attrs["config"]
    for other in (loads(problem.to_yaml()), names["problem"], loads(stored)):
        assert other.to_yaml() == problem.to_yaml()
        for name, value in {**problem.pde.arguments(), **problem.arguments()}.items():
            mine = {**other.pde.arguments(), **other.arguments()}[name]
            if name != "initial":
                assert mine == value, name
        assert np.array_equal(other.initial_fields()["u"], problem.initial_fields()["u"])


def test_exact_solutions_are_read_when_the_problem_is_made_and_evaluated_when_they_are_wanted():
    """A point source is infinite at the start, and a good exact solution later; an unknown name is found at once."""
    kernel = "exp(-(x - 0.5)**2/(4*t))/sqrt(4*pi*t)"
    source = rod("u_t = u_xx", kernel, n=321, start=0.002, end=0.003).replace(exact={"u": kernel})
    assert source.solve().error("u") < 5e-3  # h^2/12 u_xxxx t is 1e-3 at the peak; 1e-9 reaches the walls
    rod("u_t = u_xx", "exp(-100*(x - 0.5)**2)", end=0.01).replace(exact={"u": kernel})
    with pytest.raises(PdekitError, match=r"exact\.u: .*unknown function 'sine'"):
        source.replace(exact={"u": "sine(x)"})


def test_a_conductivity_that_changes_in_time_is_compiled_once(monkeypatch):
    """Not at every evaluation: that took 3 ms of each right-hand side, whatever the grid."""
    import pdekit.discretize.diffusion as diffusion

    compiled, calls = diffusion.compile_expression, []
    monkeypatch.setattr(diffusion, "compile_expression", lambda *a: calls.append(a) or compiled(*a))
    system = rod("u_t = div((1 + x*sin(t))*grad(u))", "x").semidiscrete
    for t in (0.1, 0.2, 0.3):
        system.rhs(t, np.ones(system.size))
    assert len(calls) == 1


def test_what_oscillates_below_the_tolerance_of_the_steps_is_no_note():
    """The same waves from node to node, on a field of 300: of 1e-5 they are errors of steps with a tolerance of 1e-6, of 3e-2 they are not."""
    for amplitude, is_told in ((1e-5, False), (3e-2, True)):
        calm = pk.Problem(
            pk.PDE("T_t = -T*0"),
            pk.Grid(x=pk.Axis(0, 1, 41)),
            initial={"T": f"300 + {amplitude}*cos(40*pi*x)"},
            time=pk.TimeSettings(end=1.0, method="tsitouras", rtol=1e-6),
        )
        assert any("oscillates" in note for note in calm.solve().notes) == is_told


def test_frames_are_stored_by_one_rule():
    with pytest.raises(pk.PdekitError, match="output: give one of every, times and frames, found every and frames"):
        pk.OutputSettings(every=0.1, frames=3)
    changed = pk.OutputSettings(every=0.1).by(times=(0.5,))
    assert changed.every is None and changed.times == (0.5,)


def test_equations_that_form_kinks_say_so_and_what_helps():
    """u_t = -u_x^2/2 from -cos(x) has a kink at x = pi from t = 1 on: u = min over y of -cos(y) + (x - y)^2/(2 t) (Hopf and Lax)."""
    ring = pk.Grid(x=pk.Axis(0, 2 * np.pi, 64, periodic=True))
    problem = pk.Problem(pk.PDE("u_t = -0.5*u_x**2"), ring, initial={"u": "-cos(x)"})
    words = r"nonlinear in u_x without diffusion \(Hamilton-Jacobi\).*kinks.*\+ 0\.01\*u_xx.*p_t = d\(-p\*\*2/2, x\)"
    assert any(re.search(words, note) for note in problem.notes())
    with pytest.raises(StabilityError, match=words):
        problem.solve(t_end=3.0)
    x, y = ring.axes[0].nodes, np.linspace(-np.pi, 3 * np.pi, 4001)
    known = np.min(-np.cos(y) + (x[:, None] - y) ** 2 / 6, axis=1)
    rounded = problem.replace(pde=pk.PDE("u_t = -0.5*u_x**2 + 0.02*u_xx")).solve(t_end=3.0)["u"].values
    assert np.max(np.abs(rounded - known)) < 0.1
    slopes = pk.Problem(pk.PDE("p_t = d(-p**2/2, x)"), ring, initial={"p": "sin(x)"}, advection="weno5")
    p, smooth = slopes.solve(t_end=3.0)["p"].values, np.abs(x - np.pi) > 0.3
    assert np.allclose(p[smooth], np.gradient(known, x)[smooth], atol=0.02)


def test_absolute_values_of_slopes_have_a_speed():
    """u_t = 1 - |u_x| with u = 0 on both ends; the central differences oscillate, which is told with the kinks."""
    problem = rod("u_t = 1 - abs(u_x)", boundary=D(0))
    assert any("p_t = d(1 - abs(p), x)" in note for note in problem.notes())
    assert any("Hamilton-Jacobi" in note for note in problem.solve(t_end=1.0).notes)
    speed = factor_of(problem.system.expressions[0], next(iter(local_derivatives(problem.system.expressions[0]))))
    assert str(speed) == "-sign(Diff(u, x, 1))"


SOD = """
grid: {x: {range: [0, 1], points: 101}}
equations:
  - rho_t = -d(m, x)
  - m_t = -d(m**2/rho + 0.4*(E - 0.5*m**2/rho), x)
  - E_t = -d((E + 0.4*(E - 0.5*m**2/rho))*m/rho, x)
initial: {rho: "where(x < 0.5, 1, 0.125)", m: 0, E: "where(x < 0.5, 2.5, 0.25)"}
boundary: {rho: {x: END}, m: {x: END}, E: {x: END}}
time: {end: 0.01}
"""
VORTEX = """
grid: {x: {range: [0, 2*pi], points: 16, periodic: true}, y: {range: [0, 2*pi], points: 16, periodic: true}}
equations:
  - w_t = -d(psi, y)*w_x + d(psi, x)*w_y + 0.01*laplace(w)
  - 0 = laplace(psi) + w
initial: {w: "sin(x)*cos(y)", psi: 0}
time: {end: 0.1}
"""
FLOW = """
grid: {x: {range: [0, 2*pi], points: 16, periodic: true}, y: {range: [0, 2*pi], points: 16, periodic: true}}
unknowns: [u, v, p]
equations:
  - u_t = -u*u_x - v*u_y - p_x + 0.01*laplace(u)
  - v_t = -u*v_x - v*v_y - p_y + 0.01*laplace(v)
  - 0 = u_x + v_y
initial: {u: "sin(x)*cos(y)", v: "-cos(x)*sin(y)", p: 0}
time: {end: 0.1}
"""
BIRTHS = """
grid: {x: {range: [0, 1], points: 21}}
equations: [n_t = 0.1*n_xx]
initial: {n: 1}
boundary: {n: {x: {left: {dirichlet: FACE}, right: {neumann: 0}}}}
time: {end: 0.1}
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            SOD.replace("END", "{neumann: 0}"),
            r"found none that does; neumann of rho, m, E .* like outflow .* far_field of all",
        ),
        (SOD.replace("END", "outflow"), r"found none \(outflow\); give 1 condition"),
        (VORTEX, r"no faces on periodic axes, .*0 = laplace\(psi\) \+ \.\.\. - mean\(psi\)"),
        (FLOW, r"of p prescribes derivatives .*Poisson equation for p.*stream function and vorticity"),
        (FLOW.replace("u_x + v_y", "integral(u) - 1"), r"such as 0 = integral\(u_t\)"),
        (
            BIRTHS.replace("FACE", "integral(0.5*n)"),
            r"scalars: \[B\].* 0 = B - \(integral\(0.5\*n\)\), and dirichlet: B$",
        ),
        (BIRTHS.replace("FACE", "n**2"), r"data that depend on fields of the solution are for conditions with du/dn"),
    ],
)
def test_what_is_refused_is_told_the_way_that_works(text, words):
    with pytest.raises(PdekitError, match=words):
        loads(text).solve()


def test_the_ways_that_are_told_work():
    """The vortex decays like exp(-0.02 t); a face that holds half of the integral of 1 holds 1/2 at the start, and so on."""
    vortex = loads(VORTEX.replace("laplace(psi) + w", "laplace(psi) + w - mean(psi)")).solve()
    psi, w = vortex["psi"].values, vortex["w"].values
    assert abs(np.mean(psi)) < 1e-10 and np.max(np.abs(w)) == pytest.approx(np.exp(-0.02 * 0.1), abs=2e-3)
    births = BIRTHS.replace("FACE", "B").replace("0.1*n_xx]", "0.1*n_xx, 0 = B - integral(0.5*n)]\nscalars: [B]")
    n = loads(births.replace("{n: 1}", "{n: 1, B: 0.5}")).solve()["n"]
    assert n.values[0] == pytest.approx(0.5 * np.sum(n.grid.weights * n.values), rel=1e-8)
    far = SOD.replace("rho: {x: END}", "rho: {x: {left: {far_field: 1}, right: {far_field: 0.125}}}")
    far = far.replace("m: {x: END}", "m: {x: {far_field: 0}}")
    far = far.replace("E: {x: END}", "E: {x: {left: {far_field: 2.5}, right: {far_field: 0.25}}}")
    assert loads(far).solve()["rho"].values[[0, -1]] == pytest.approx([1, 0.125], abs=1e-6)


def test_methods_that_went_on_are_named_in_order(tmp_path):
    """exp(3t) makes the diffusion stiff on the way."""
    problem = rod("u_t = 0.01*div((1 + u**2)*grad(u)) + 3*u", "0.3*cos(pi*x)", n=41, end=3)
    solution = problem.solve(output=tmp_path / "out.h5")
    first, then = solution.methods
    assert solution.method == f"{first}, then {then}" and first == problem.choice().method.name != then
    assert any(f"{then} went on from there" in note for note in solution.notes)
    stored = pk.open_result(tmp_path / "out.h5")
    assert stored.methods == solution.methods
    stored.save(tmp_path / "copy.h5")
    assert pk.open_result(tmp_path / "copy.h5").methods == solution.methods
    assert np.max(estimate(problem, solution).time["u"]) > 0


def test_a_condition_that_is_true_at_the_start_is_told():
    """It ends a run when it comes true; here it never does."""
    problem = rod("u_t = u_xx", "sin(pi*x)", D(0), end=0.1).replace(stop=pk.StopSettings(when="max(u) > 0.5"))
    solution = problem.solve()
    assert solution.times[-1] == 0.1
    assert any("max(u) > 0.5 is true at the start already" in note for note in solution.notes)


@pytest.mark.parametrize("rtol", [1e-17, 2.0])
def test_tolerances_that_no_step_can_keep(rtol):
    with pytest.raises(PdekitError, match=r"time.rtol: allowed are 1e-14, .* to 0.5"):
        rod("u_t = u_xx", "x", end=0.1, rtol=rtol)


def test_labels_of_what_there_is_not():
    with pytest.raises(PdekitError, match=r"labels.w: no such variable; there are \['u', 'x', 't'\]"):
        rod("u_t = u_xx", "x", end=0.1).replace(labels={"w": {"units": "K"}})
