"""Compiled kernels are another realization of the same rows: equal to the sparse matrices to rounding."""

import re
import subprocess
import sys

import numpy as np
import pytest

import pdekit as pk
from pdekit.errors import PdekitError
from pdekit.kernels.cache import cache_folder, load
from pdekit.kernels.drivers import write_pass, write_wavefront
from pdekit.kernels.kernel import Kernel
from pdekit.kernels.plan import NotCompiled

N, D, A = pk.Neumann, pk.Dirichlet, pk.Axis
LINE = {"x": A(0, 1, 40)}
RING = {"x": A(0, 1, 40, periodic=True)}
PLANE = {"x": A(0, 1, 30), "y": A(0, 2, 34)}
UNEVEN = {"x": A(0, 1, 30, spacing={"tanh": 2}), "y": A(0, 2, 34, spacing={"tanh": 2})}
STRIP = {"x": A(0, 1, 30), "y": A(0, 2, 34, periodic=True)}
BOX = {"x": A(0, 1, 16), "y": A(0, 1, 18, periodic=True), "z": A(0, 1, 20)}
MOVING = {"x": {"left": D("sin(t)"), "right": pk.Robin(1, 2, "t")}}

# name: equations, axes, conditions of u, orders, further arguments
CASES = {
    "no flux, line": ("u_t = 0.3*u_xx", LINE, {"x": N(0)}, (2, 8), {}),
    "moving data": ("u_t = 0.3*u_xx + x*t*u", LINE, MOVING, (2, 4), {}),
    "Burgers on a ring": ("u_t = -u*u_x + 0.1*u_xx", RING, {}, (6,), {}),
    "beam": ("u_t = -u_xxxx", LINE, {"x": [D(0), N(0)]}, (2,), {}),
    "plane": ("u_t = laplace(u)", PLANE, {"x": N(0), "y": N("x*t")}, (2, 4), {}),
    "mixed derivative": ("u_t = laplace(u) + 0.2*u_xy - u**3 + exp(-x)*sin(y)", STRIP, {"x": D(1)}, (2, 4), {}),
    "uneven": ("u_t = laplace(u) + u_x*u_y", UNEVEN, {"x": N("y + t"), "y": pk.Robin(1, 1, "x")}, (2, 6), {}),
    "flux": (
        "u_t = div((1 + x*y + u**2)*grad(u))",
        UNEVEN,
        {"x": N("y + t"), "y": {"left": D(2), "right": N(1)}},
        (2,),
        {},
    ),
    "flux, order 4": ("u_t = div((1 + x*y)*grad(u))", PLANE, {"x": N("y + t"), "y": D(1)}, (4,), {}),
    "coefficient in time": ("u_t = div((1 + x*t)*grad(u))", PLANE, {"x": N("y"), "y": D(0)}, (2, 4), {}),
    "layers": ("u_t = div(where(x < 0.31, 1, 50)*grad(u))", PLANE, {"x": N(0), "y": N(0)}, (2,), {}),
    "conservation law": ("u_t = -d(u**2/2, x) + 0.1*u_xx", LINE, {"x": D("sin(t)")}, (2, 4), {}),
    "derivatives of expressions": (
        "u_t = d(x*sin(u) + t*y, x) + d(d(u**2 + y*u, x), y) - d(exp(-u), y, 2) + laplace(u)",
        UNEVEN,
        {"x": D("y + t"), "y": N("x")},
        (2, 6),
        {},
    ),
    "box": ("u_t = laplace(u) + u_xz", BOX, {"x": D(0), "z": D("t")}, (2,), {}),
    "box, data": ("u_t = laplace(u)", BOX, {"x": N("y*t"), "z": N("x*t")}, (4,), {}),
    "box, long rows": ("u_t = laplace(u)", BOX, {"x": N(0), "z": N(0)}, (8,), {}),
    "wave": ("u_tt = 2*laplace(u) - 0.1*u_t", PLANE, {"x": D("sin(t)"), "y": N(0)}, (2,), {"initial": {"u_t": "x"}}),
    "Schrodinger": ("u_t = I*laplace(u) - I*abs(u)**2*u", STRIP, {"x": D(0)}, (2,), {"initial": {"u": "1 + I*x"}}),
    "upwind": ("u_t = -(y - 1)*u_x", PLANE, {"x": pk.Outflow()}, (2,), {"schemes": {"u_x": "upwind"}}),
    "functions": (
        "u_t = u_xx + where(u > x, tanh(u), sqrt(abs(u))) - heaviside(x - 0.4)*max(u, 0.1)**1.5/(1 + u**2)",
        LINE,
        {"x": N(0)},
        (2,),
        {},
    ),
}


def problem_of(equation, axes, conditions, order, initial=None, **options):
    name = equation.split("_t")[0]
    start = {name: "1 + 0.3*sin(3*x)", **(initial or {})}
    return pk.Problem(
        pk.PDE(equation), pk.Grid(axes), initial=start, boundary={name: conditions}, order=order, **options
    )


def assert_same(problem, t=0.37):
    system = problem.semidiscrete
    y = system.pack(problem.initial_fields())
    y = y + 0.1 * np.random.default_rng(1).standard_normal(y.size)
    expected = system.rhs(t, y)
    assert np.max(np.abs(Kernel(system).rhs(t, y) - expected)) <= 1e-13 * np.max(np.abs(expected))


@pytest.mark.parametrize(("name", "order"), [(n, o) for n, case in CASES.items() for o in case[3]])
def test_kernels_equal_the_matrices(name, order):
    equation, axes, conditions, _, options = CASES[name]
    assert_same(problem_of(equation, axes, conditions, order, **options))


MELTING = {  # diffusivities that jump: fluxes are differences of their antiderivative inside, products on faces
    "one phase": ("laplace(max(u - 1, 0))", {"x": A(0, 1, 40)}, {"x": {"left": D("2 + t"), "right": N("t")}}),
    "two phases": ("div(where(u > 1, 2, 0)*grad(u)) + div(where(u < 0, 3, 0)*(1 + x)*grad(u))", {"x": A(0, 1, 30)}, {"x": N("1 + t")}),
    "in a plane": ("laplace(max(u - 1, 0))", {"x": A(0, 1, 24), "y": A(0, 1, 20)}, {"x": D("y*t"), "y": N("t*x")}),
    "in space": ("laplace(max(u - 1, 0))", {"x": A(0, 1, 9), "y": A(0, 1, 10), "z": A(0, 1, 12, periodic=True)}, {"x": D(0), "y": N(2)}),
}  # fmt: skip


@pytest.mark.parametrize("name", MELTING)
def test_diffusivities_that_jump(name):
    rhs, axes, conditions = MELTING[name]
    assert_same(problem_of(f"u_t = {rhs}", axes, conditions, 2, {"u": "1 + 2*cos(5*x)"}))


def defined(order, points):
    """Each definition needs the one written after it, its prescribed values move in time, and it stands alone beside its derivatives."""
    walls = {"x": {"left": D("y*t"), "right": N("t")}, "y": N(0)}
    return pk.Problem(
        pk.PDE("u_t = laplace(b) + b*x - a", definitions={"b": "laplace(a) + u", "a": "u**2 + laplace(u)"}),
        pk.Grid(x=A(0, 1, points[0]), y=A(0, 1, points[1])),
        initial={"u": "1 + x*y"},
        boundary={"u": walls, "a": walls, "b": {"x": D(1), "y": N("x*t")}},
        order=order,
    )


@pytest.mark.parametrize("order", [2, 4])
def test_definitions_with_conditions_of_their_own(order):
    problem = defined(order, (26, 22))
    assert_same(problem)
    system = problem.semidiscrete
    y = system.pack(problem.initial_fields())
    assert np.array_equal(Kernel(system, threads=2).rhs(0.3, y), Kernel(system).rhs(0.3, y))


DISC = {"r": A(0, 1, 20), "phi": A(0, 2 * np.pi, 24, periodic=True)}
RING_OF_WIDTH = {**DISC, "r": A(0.4, 1, 18)}
CYLINDER = {"r": A(0, 1, 20), "z": A(0, 1, 22)}
BALL = {"r": A(0, 1, 12), "theta": A(0, np.pi, 14), "phi": A(0, 2 * np.pi, 16, periodic=True)}
CURVED = {  # coordinates, axes, right-hand side, conditions, orders
    "disc": ("polar", DISC, "div((1 + r + u**2)*grad(u))", {"r": N("1 + t")}, (2,)),
    "ring": ("polar", RING_OF_WIDTH, "laplace(u) + dot(grad(u), grad(u))", {"r": D("t")}, (2, 4)),
    "cylinder": ("cylindrical", CYLINDER, "laplace(u) + u_r**2 + z*u_z", {"r": N("z"), "z": D(0)}, (2, 4)),
    "ball": ("spherical", BALL, "laplace(u) - u", {"r": pk.Robin(1, 2, "t")}, (2,)),
}


@pytest.mark.parametrize(("name", "order"), [(n, o) for n, case in CURVED.items() for o in case[4]])
def test_curved_coordinates(name, order):
    coordinates, axes, right, conditions, _ = CURVED[name]
    grid = pk.Grid(axes, coordinates=coordinates)
    made = pk.Problem(pk.PDE(f"u_t = {right}"), grid, initial={"u": "1 + r"}, boundary={"u": conditions}, order=order)
    assert_same(made)


def gray_scott(n=30, **options):
    periodic = {"x": A(0, 1, n, periodic=True), "y": A(0, 1, n + 4, periodic=True)}
    equations = ["u_t = 1e-3*laplace(u) - u*v**2 + F*(1 - u)", "v_t = 5e-4*laplace(v) + u*v**2 - (F + k)*v"]
    start = {"u": "1 - 0.3*exp(-20*(x - 0.5)**2)", "v": "0.2*exp(-20*((x - 0.5)**2 + (y - 0.4)**2))"}
    return pk.Problem(pk.PDE(equations, parameters={"F": 0.04, "k": 0.06}), pk.Grid(periodic), initial=start, **options)


def test_a_system_in_one_pass():
    assert_same(gray_scott())


def test_threads_change_nothing():
    system = gray_scott(400).semidiscrete
    one, two = Kernel(system), Kernel(system, threads=2)
    assert two.threads == 2
    Y = one.unpacked(0.0, system.pack(gray_scott(400).initial_fields()))
    results = [np.empty_like(Y) for _ in range(2)]
    for kernel, out in zip((one, two), results):
        kernel.apply("rate", 0.0, Y, out)
    assert np.array_equal(*results)


def test_parameters_are_arguments():
    """Other parameters and sizes are the same source: nothing is compiled again."""
    from pdekit.kernels.plan import make_plan

    first = gray_scott().semidiscrete
    second = gray_scott(50).replace(pde=gray_scott().pde.with_parameters(F=0.03)).semidiscrete
    assert write_pass(make_plan(first), "step") == write_pass(make_plan(second), "step")
    assert write_wavefront(make_plan(first), "fused") == write_wavefront(make_plan(second), "fused")


@pytest.mark.parametrize("method", ["euler", "heun", "ssprk3", "rk4", "ssprk54", "tsitouras", "rkc2"])
def test_fused_steps_equal_plain_ones(method):
    def run(compiled):
        problem = problem_of("u_t = laplace(u)", PLANE, {"x": N(0), "y": D("x*exp(-t)")}, 2)
        time = pk.TimeSettings(end=0.01, method=method, step=1e-4, compiled=compiled)
        return problem.replace(time=time).solve(times=())

    fused, plain = run("always"), run("never")
    assert "compiled kernels" in fused.reasons[-1] and "sparse matrices" in plain.reasons[-1]
    assert np.max(np.abs(fused["u"].values - plain["u"].values)) < 1e-13


def test_adaptive_runs_agree_to_their_tolerance():
    problem = problem_of("u_t = 0.1*laplace(u) - u**3", PLANE, {"x": N(0), "y": D("1 + x*sin(t)")}, 2)
    found = [problem.solve(t_end=0.2, method="tsitouras", rtol=1e-8)["u"].values]
    for compiled in ("always", "never"):
        time = pk.TimeSettings(end=0.2, method="tsitouras", rtol=1e-8, compiled=compiled)
        found.append(problem.replace(time=time).solve(times=())["u"].values)
    assert np.max(np.abs(found[1] - found[2])) < 1e-7


def test_a_run_of_many_unknowns_makes_no_matrix():
    n = 360
    grid = pk.Grid(x=A(0, 1, n), y=A(0, 1, n))
    problem = pk.Problem(
        pk.PDE("u_t = laplace(u)"),
        grid,
        initial={"u": "cos(pi*x)*cos(2*pi*y)"},
        boundary={"u": {"x": N(0), "y": N(0)}},
        exact={"u": "exp(-5*pi**2*t)*cos(pi*x)*cos(2*pi*y)"},
    )
    solution = problem.solve(t_end=2e-4, method="rk4", step=1e-6, times=())
    assert "compiled" in solution.reasons[-1] and solution.error("u") < 1e-6
    made = set(vars(problem.semidiscrete)) & {"L", "selections", "jacobian"}
    assert not made and not any("affine" in vars(term) for term in problem.semidiscrete.program._terms.values())
    with pytest.raises(PdekitError, match="above the stability limit"):
        problem.solve(t_end=2e-4, method="euler", step=1e-5)


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (lambda: problem_of("u_t = u_xx + besselj(0, u)", LINE, {"x": N(0)}, 2), "besselj"),
        (lambda: problem_of("u_t = d(u*u_xx, x, 2)", RING, {}, 2), "derivative of an expression"),
        (
            lambda: pk.Problem(
                pk.PDE("u_t = laplace(u) + u_r"), pk.Grid(DISC, coordinates="polar"), initial={"u": "1"}, boundary={"u": {"r": N(0)}}
            ),
            "across a pole",
        ),
        (
            lambda: pk.Problem(
                pk.PDE("u_t = laplace(max(u - 1, 0))"), pk.Grid(x=A(0, 1, 20), y=A(0, 1, 20)), domain="x + y < 1.4", initial={"u": "2*x"},
                boundary={"u": {"domain": N(0), "x": N(0), "y": N(0)}},
            ),
            "on a domain that is no box",
        ),
    ],
)  # fmt: skip
def test_what_kernels_cannot_do_is_left_to_the_matrices(problem, reason):
    made = problem()
    with pytest.raises(NotCompiled, match=reason):
        Kernel(made.semidiscrete).prepare()
    with pytest.raises(PdekitError, match="left to the matrices"):
        made.replace(time=pk.TimeSettings(end=1e-9, method="rk4", step=1e-9, compiled="always")).solve()
    quiet = made.replace(time=pk.TimeSettings(end=1e-9, method="rk4", step=1e-9)).solve()
    assert "sparse matrices" in quiet.reasons[-1]


def test_the_cache_survives_runs_at_the_same_time(tmp_path):
    code = "import sys; from pdekit.kernels.cache import load; print(load('def f():\\n    return 7').f())"
    environment = {"PDEKIT_CACHE": str(tmp_path), "PATH": "/usr/bin:/bin"}
    runs = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [run.communicate()[0].strip() for run in runs] == ["7"] * 4
    assert len(list(tmp_path.glob("pdekit_kernel_*.py"))) == 1 and not list(tmp_path.glob("*.tmp"))


def test_cache_folder_can_be_chosen(tmp_path, monkeypatch):
    monkeypatch.setenv("PDEKIT_CACHE", str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here" and cache_folder().is_dir()
    assert load("ANSWER = 42").ANSWER == 42


@pytest.mark.parametrize("method", ["euler", "rk4", "tsitouras", "rkc2"])
def test_check_predicts_the_memory_of_an_explicit_run(method, figure):
    import tracemalloc

    from pdekit.cli.report import memory_estimate

    grid = pk.Grid(x=A(0, 1, 700), y=A(0, 1, 700))
    time = pk.TimeSettings(end=4e-9, method=method, step=1e-9, compiled="always")
    problem = pk.Problem(
        pk.PDE("u_t = laplace(u)"), grid, initial={"u": "x"}, boundary={"u": {"x": N(0), "y": N(0)}}, time=time
    )
    problem.solve(times=(), keep=False)  # compiles
    tracemalloc.start()
    problem.replace().solve(times=(), keep=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    predicted = memory_estimate(problem, problem.choice())
    assert peak == pytest.approx(predicted, rel=0.2)
    figure(
        f"peak memory of {method} in states, predicted {predicted / grid.size / 8:.1f}",
        peak / grid.size / 8,
        "within 20 %",
    )


def test_data_that_change_along_a_face_of_the_last_axis():
    """Rows that carry a datum of their own are not joined to strips."""
    axes = {"x": A(0, 1, 32, periodic=True), "y": A(0, 1, 33)}
    assert_same(problem_of("u_t = 0.1*laplace(u)", axes, {"y": {"left": N(0), "right": N("sin(2*pi*x)")}}, 2))
    box = {**axes, "z": A(0, 1, 20)}
    conditions = {"y": N(0), "z": {"left": pk.Robin(1, 1, "x*t"), "right": N("cos(2*pi*x)*y")}}
    assert_same(problem_of("u_t = 0.1*laplace(u)", box, conditions, 2))


@pytest.mark.parametrize("name", CASES)
def test_single_precision(name):
    """Within what single precision carries of the matrices, and single throughout: no number lifts it to double."""
    equation, axes, conditions, orders, options = CASES[name]
    system = problem_of(equation, axes, conditions, orders[0], **options).semidiscrete
    y = system.pack(problem_of(equation, axes, conditions, orders[0], **options).initial_fields())
    y = y + 0.1 * np.random.default_rng(1).standard_normal(y.size)
    kernel, expected = Kernel(system, single=True), system.rhs(0.37, y)
    assert kernel.dtype.itemsize == system.dtype.itemsize // 2
    assert np.max(np.abs(kernel.rhs(0.37, y) - expected)) <= 2e-5 * np.max(np.abs(expected))
    numbers = re.sub(r"real\([^)]*\)|complex64\(1j\)", "", write_pass(kernel.plan, "rate").text)
    assert not re.search(r"\d\.\d|\dj", numbers)


@pytest.mark.parametrize("method", ["euler", "rk4", "rkc2", "tsitouras"])
def test_runs_in_single_precision(method):
    def run(**options):
        problem = problem_of("u_t = laplace(u)", PLANE, {"x": N(0), "y": D("x*exp(-t)")}, 2)
        step = None if method == "tsitouras" else 1e-4
        time = pk.TimeSettings(end=0.01, method=method, step=step, rtol=1e-4, **options)
        return problem.replace(time=time).solve(times=())

    single, double = run(precision="single"), run(compiled="always")
    assert "single precision" in single.reasons[-1] and single["u"].values.dtype == np.float64
    difference = np.max(np.abs(single["u"].values - double["u"].values))
    # roundings of RKC2 grow with the square of its stages
    assert 0 < difference < {"tsitouras": 1e-4, "rkc2": 2e-5}.get(method, 2e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "crank_nicolson", "step": 1e-3}, r"single is for methods.*the method is crank_nicolson"),
        ({"method": "rk4", "step": 1e-5, "compiled": "never"}, "compiled kernels only"),
        ({"method": "tsitouras", "rtol": 1e-6}, "below what single precision can follow"),
        ({"precision": "half"}, "allowed are double and single"),
    ],
)
def test_single_precision_is_refused_where_it_cannot_be(options, message):
    def run():
        time = pk.TimeSettings(end=0.01, **{"precision": "single", **options})
        problem_of("u_t = laplace(u)", PLANE, {"x": N(0), "y": D(1)}, 2, time=time).solve()

    with pytest.raises(PdekitError, match=message):
        run()


@pytest.mark.parametrize(
    ("equation", "start", "options", "message"),
    [
        ("u_t = 0.01*laplace(u) + 1", "100", {"end": 0.05, "step": 2e-6}, "changes u by 2.0e-06, which single precision loses"),
        ("u_t = 1e-3*u", "1", {"end": 0.5, "step": 1e-5}, "which single precision loses"),
        ("u_t = -u", "1", {"end": 10.0, "step": 1e-5}, "roundings of 1,000,000 steps"),
        ("u_t = -u", "1e-46", {"end": 1.0, "step": 0.1}, "single holds numbers from"),
        ("u_t = -u*a*1e-45", "1", {"end": 1.0, "step": 0.1}, "the parameter a is 1e"),
    ],
)  # fmt: skip
def test_what_single_precision_would_lose_is_refused(equation, start, options, message):
    pde = pk.PDE(equation, parameters={"a": 1e45} if "a" in equation.split("=")[1].replace("laplace", "") else {})
    grid = pk.Grid(x=A(0, 1, 64, periodic=True))
    time = pk.TimeSettings(method="rk4", precision="single", **options)
    with pytest.raises(PdekitError, match=message):
        pk.Problem(pde, grid, initial={"u": start}, time=time).solve(times=())


@pytest.mark.parametrize("compiled", ["always", "never"])
def test_no_absolute_tolerance_where_nothing_happens(compiled):
    """Prescribed zeros have neither a size nor an error."""
    time = pk.TimeSettings(end=0.02, method="tsitouras", atol=0.0, compiled=compiled)
    problem = problem_of("u_t = laplace(u)", PLANE, {"x": N(0), "y": D(0)}, 2, {"u": "sin(pi*y/2)"}, time=time)
    exact = np.exp(-((np.pi / 2) ** 2) * 0.02)
    assert problem.solve(times=())["u"].max() == pytest.approx(exact, rel=2e-3)
