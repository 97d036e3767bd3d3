"""Kernels of a GPU are a third realization of the same rows: equal to the sparse matrices to rounding.

Where there is a CUDA device they run on it; where there is none, one test runs all others in a process of its own under numba's
simulator, whose threads are Python's: on small grids.
"""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from numba import config

import pdekit as pk
from pdekit.errors import BlowUpError, PdekitError
from pdekit.kernels.device_memory import device_name
from pdekit.kernels.device_pass import write_device_pass
from pdekit.kernels.kernel import Kernel
from pdekit.kernels.modes import MODES
from pdekit.kernels.plan import NotCompiled, make_plan
from tests.kernels.test_kernels import CASES, CURVED, MELTING, defined, gray_scott, problem_of

N, D, A = pk.Neumann, pk.Dirichlet, pk.Axis
SIMULATED = bool(config.ENABLE_CUDASIM)
SMALL = {"x": A(0, 1, 10), "y": A(0, 2, 12)}


def no_device():
    """Why there is none; empty if there is one."""
    try:
        device_name()
    except PdekitError as error:
        return str(error)
    return ""


WHY_NOT = no_device()
on_device = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


@pytest.mark.skipif(not WHY_NOT, reason="there is a device, or the simulator already")
def test_all_of_this_in_the_simulator(tmp_path):
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "PDEKIT_CACHE": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    assert int(done.stdout.split(" passed")[0].split()[-1]) >= 60


def assert_same(problem, t=0.37):
    from pdekit.kernels.device_kernel import DeviceKernel

    system = problem.semidiscrete
    y = system.pack(problem.initial_fields())
    y = y + 0.1 * np.random.default_rng(1).standard_normal(y.size)
    expected = system.rhs(t, y)
    assert np.max(np.abs(DeviceKernel(system).rhs(t, y) - expected)) <= 1e-13 * np.max(np.abs(expected))


@on_device
@pytest.mark.parametrize(
    ("name", "order"), [(n, o) for n, case in CASES.items() for o in case[3][-1 if SIMULATED else 0 :]]
)
def test_device_kernels_equal_the_matrices(name, order):
    equation, axes, conditions, _, options = CASES[name]
    assert_same(problem_of(equation, axes, conditions, order, **options))


@on_device
@pytest.mark.parametrize(("name", "order"), [(n, o) for n, case in CURVED.items() for o in case[4]])
def test_curved_coordinates(name, order):
    coordinates, axes, right, conditions, _ = CURVED[name]
    grid = pk.Grid(axes, coordinates=coordinates)
    assert_same(
        pk.Problem(pk.PDE(f"u_t = {right}"), grid, initial={"u": "1 + r"}, boundary={"u": conditions}, order=order)
    )


@on_device
@pytest.mark.parametrize("order", [2, 4])
def test_definitions_with_conditions_of_their_own(order):
    assert_same(defined(order, (10, 12)))


@on_device
@pytest.mark.parametrize("name", MELTING)
def test_diffusivities_that_jump(name):
    rhs, axes, conditions = MELTING[name]
    assert_same(problem_of(f"u_t = {rhs}", axes, conditions, 2, {"u": "1 + 2*cos(5*x)"}))


@on_device
@pytest.mark.parametrize(
    ("right", "start"),
    [
        ("u_xx + sign(u - 1)*floor(3*u) + ceil(u)*log(2 + u**2) + exp(-u)*sin(u)*cos(u)*tan(u/4)", "1"),
        ("asin(u/3) + acos(u/3) + atan(u) + sinh(u)*cosh(u) + asinh(u) + acosh(2 + u) + atanh(u/4) + u_xx", "1"),
        ("erf(u) + erfc(u) + gamma(1 + u) + atan2(u, x) + min(u, x)**3/(1 + u**2)**2 + u_xx", "1"),
        ("I*u_xx + conj(u)*real(u) - I*imag(u)*abs(u)**3*cos(t)/(1 + u**2) + sqrt(1 + x)*u", "1 + I*x"),
    ],
)
def test_functions(right, start):
    assert_same(problem_of(f"u_t = {right}", {"x": A(0, 1, 40)}, {"x": N(0)}, 2, {"u": start}))


@on_device
def test_a_system_in_one_pass_and_data_along_a_face_of_the_last_axis():
    assert_same(gray_scott(10))
    axes = {"x": A(0, 1, 8, periodic=True), "y": A(0, 1, 9), "z": A(0, 1, 10)}
    conditions = {"y": N(0), "z": {"left": pk.Robin(1, 1, "x*t"), "right": N("cos(2*pi*x)*y")}}
    assert_same(problem_of("u_t = 0.1*laplace(u)", axes, conditions, 2))


def runs(problem, **settings):
    """The same run on a device and on the processor by its kernels."""
    found = {}
    for device in ("gpu", "cpu"):
        time = replace(problem.time, device=device, compiled="always", **settings)
        found[device] = problem.replace(time=time).solve(times=())
    assert "on a GPU" in found["gpu"].reasons[-1] and "thread" in found["cpu"].reasons[-1]
    return found["gpu"], found["cpu"]


@on_device
@pytest.mark.parametrize("method", ["euler", "heun", "ssprk3", "rk4", "ssprk54", "tsitouras", "rkc2"])
def test_steps_equal_those_of_the_processor(method):
    problem = problem_of("u_t = laplace(u)", SMALL, {"x": N(0), "y": D("x*exp(-t)")}, 2)
    device, processor = runs(problem, end=4e-3, method=method, step=2e-3)
    assert np.max(np.abs(device["u"].values - processor["u"].values)) < 1e-13


@on_device
def test_steps_with_definitions_equal_those_of_the_processor():
    device, processor = runs(defined(2, (8, 9)), end=2e-8, method="rk4", step=1e-8)
    size = np.max(np.abs(processor["u"].values))
    assert np.max(np.abs(device["u"].values - processor["u"].values)) < 1e-13 * size


@on_device
@pytest.mark.parametrize("method", ["tsitouras", "rkc2"])
def test_adaptive_runs_make_the_same_steps(method):
    """Of a nonlinear system, with tolerances of its own for each unknown and prescribed values that move."""
    equations = ["u_t = 0.1*laplace(u) - u**3 + v", "v_t = 0.05*laplace(v) - u*v"]
    problem = pk.Problem(
        pk.PDE(equations),
        pk.Grid(x=A(0, 1, 6), y=A(0, 2, 7)),
        initial={"u": "1 + x", "v": "1e-3*y"},
        boundary={"u": {"x": N(0), "y": D("1 + x + sin(t)")}, "v": {"x": N(0), "y": N(0)}},
    )
    device, processor = runs(problem, end=0.03, method=method, rtol=1e-4)
    assert device.statistics["steps"] == processor.statistics["steps"] > 1
    for name in ("u", "v"):
        assert np.max(np.abs(device[name].values - processor[name].values)) < 1e-10


@on_device
def test_frames_series_and_ends_see_the_state():
    problem = pk.Problem(
        pk.PDE("u_t = 0.02*laplace(u) + u"),
        pk.Grid(SMALL),
        initial={"u": "1 + 0.5*cos(pi*x)"},
        boundary={"u": {"x": N(0), "y": N(0)}},
        output=pk.OutputSettings(every=0.02, series={"mass": "integral(u)"}, checkpoints=True),
        stop=pk.StopSettings(when="integral(u) > 2.06"),
    )
    solution = problem.solve(t_end=0.06, method="rk4", step=0.01, device="gpu")
    # The integral grows by exp(t), but for the error of RK4, from 2.
    assert solution.times[-1] == pytest.approx(np.log(1.03), abs=1e-6)
    assert solution.series["mass"] == pytest.approx(2 * np.exp(solution.series["t"]), rel=1e-9)
    assert solution["u"].integral() == pytest.approx(2.06, rel=1e-9)


@on_device
def test_blow_up_is_seen():
    problem = problem_of("u_t = u_xx + u**2", {"x": A(0, 1, 6)}, {"x": N(0)}, 2, {"u": "10"})
    with pytest.raises(BlowUpError, match=r"u is not finite|u has grown"):
        problem.solve(t_end=0.4, method="euler", step=0.01, device="gpu")


@on_device
def test_methods_are_chosen_for_a_device():
    stiff = problem_of("u_t = laplace(u)", SMALL, {"x": N(0), "y": D(0)}, 2)
    still = problem_of("u_t = 1e-4*laplace(u)", SMALL, {"x": N(0), "y": D(0)}, 2)
    for problem, end, method in ((stiff, 1e4, "rkc2"), (still, 1.0, "tsitouras")):
        choice = problem.replace(time=pk.TimeSettings(end=end, device="gpu")).choice()
        assert choice.method.name == method and "a GPU" in choice.reasons[0]


@on_device
@pytest.mark.parametrize(
    ("equation", "options", "settings", "message"),
    [
        ("u_t = laplace(u)", {}, {"method": "crank_nicolson"}, "gpu is for explicit methods.*is crank_nicolson"),
        ("u_t = laplace(u)", {}, {"method": "etdrk4"}, "gpu is for explicit methods.*is etdrk4"),
        ("u_t = laplace(u)", {}, {"compiled": "never"}, "leave out compiled: never"),
        ("u_t = laplace(u)", {}, {"precision": "single"}, "double precision; leave out precision"),
        ("u_t = laplace(u) + besselj(0, u)", {}, {}, "left to the processor: besselj"),
        ("u_t = -d(u**2/2, x)", {"advection": "weno5"}, {"method": "courant", "step": None}, "go line by line"),
        ("u_t = I*laplace(u) + exp(u)", {"initial": {"u": "I*x"}}, {}, "exp of complex values"),
    ],
)  # fmt: skip
def test_what_a_device_cannot_do_is_refused(equation, options, settings, message):
    axes = {"x": A(0, 1, 10, periodic=True), "y": A(0, 2, 12, periodic=True)}
    problem = problem_of(equation, axes, {}, 2, **options)
    time = pk.TimeSettings(**{"end": 1e-6, "method": "rk4", "step": 1e-7, "device": "gpu", **settings})
    with pytest.raises(PdekitError, match=message) as caught:
        problem.replace(time=time).solve()
    assert caught.value.key == "time.device"


@pytest.mark.skipif(not WHY_NOT, reason="there is a device")
def test_without_a_device_there_is_one_clear_error():
    problem = problem_of("u_t = laplace(u)", SMALL, {"x": N(0), "y": D(0)}, 2)
    with pytest.raises(PdekitError, match=r"no CUDA device was found; leave device out.*pdekit\[cuda\]") as caught:
        problem.solve(t_end=1e-3, method="rk4", step=1e-4, device="gpu")
    assert caught.value.key == "time.device"


def test_another_device_is_refused():
    with pytest.raises(PdekitError, match="allowed are cpu and gpu, found 'tpu'"):
        pk.TimeSettings(device="tpu")


@pytest.mark.parametrize("mode", MODES)
def test_sizes_and_parameters_are_arguments(mode):
    first = gray_scott().semidiscrete
    second = gray_scott(50).replace(pde=gray_scott().pde.with_parameters(F=0.03)).semidiscrete
    assert write_device_pass(make_plan(first), mode) == write_device_pass(make_plan(second), mode)


def test_more_tables_than_a_kernel_can_be_handed_are_refused():
    names = [f"u{k}" for k in range(8)]
    pde = pk.PDE([f"{name}_t = d({name}*x, x) + d((1 + x*y)*{name}, y) + laplace({name})" for name in names])
    faces = {name: {"x": N("t"), "y": N("x")} for name in names}
    problem = pk.Problem(pde, pk.Grid(SMALL), initial=dict.fromkeys(names, "1"), boundary=faces)
    if WHY_NOT:
        pytest.skip(WHY_NOT)
    from pdekit.kernels.device_kernel import DeviceKernel

    with pytest.raises(NotCompiled, match=r"tables are more than the arguments"):
        DeviceKernel(problem.semidiscrete).prepare()


def test_the_processor_needs_nothing_of_cuda():
    code = (
        "import sys, pdekit as pk; from pdekit.kernels.kernel import Kernel;"
        "p = pk.Problem(pk.PDE('u_t = u_xx'), pk.Grid(x=pk.Axis(0, 1, 20, periodic=True)), initial={'u': 'x'});"
        "Kernel(p.semidiscrete).rhs(0.0, p.semidiscrete.pack(p.initial_fields()));"
        "print(any(name.startswith('numba.cuda.cudadrv') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_host_kernel_knows_what_moves():
    equation, axes, conditions, *_ = CASES["moving data"]
    assert Kernel(problem_of(equation, axes, conditions, 2).semidiscrete).moving == ["G0"]
    assert Kernel(gray_scott().semidiscrete).moving == []
