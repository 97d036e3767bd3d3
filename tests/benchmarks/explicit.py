"""Explicit steps: node updates a second, beside py-pde and Devito with their own recommended settings."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

import pdekit as pk
from pdekit.kernels.kernel import Kernel
from pdekit.kernels.memory import empty_state
from pdekit.kernels.workers import usable_cores
from pdekit.time.loop import Stop
from pdekit.time.methods import METHODS
from pdekit.time.observers import Watch
from pdekit.time.right_hand_side import CompiledRightHandSide, choose_right_hand_side
from pdekit.time.stepper import Tolerance
from tests.benchmarks.timing import Row, best, copy_rate

GRAY_SCOTT = ["u_t = 0.1*laplace(u) - u*v**2 + F*(1 - u)", "v_t = 0.05*laplace(v) + u*v**2 - (F + k)*v"]
F, K = 0.04, 0.06


def heat(shape: Sequence[int], order: int = 2) -> pk.Problem:
    """Insulated heat conduction."""
    names = "xyz"[: len(shape)]
    grid = pk.Grid({name: pk.Axis(0, 1, n) for name, n in zip(names, shape)})
    closed = {name: pk.Neumann(0) for name in names}
    return pk.Problem(pk.PDE("u_t = laplace(u)"), grid, initial={"u": "cos(pi*x)"}, boundary={"u": closed}, order=order)


def gray_scott(n: int) -> pk.Problem:
    """Gray and Scott's reactions on a torus of unit step."""
    axes = {name: pk.Axis(0, n, n, periodic=True) for name in "xy"}
    return pk.Problem(
        pk.PDE(GRAY_SCOTT, parameters={"F": F, "k": K}), pk.Grid(axes), initial={"u": "1", "v": "0.3*cos(x)"}
    )


def step_rate(problem: pk.Problem, repeats: int = 100) -> float:
    """Node updates a second of fused Euler steps."""
    kernel = Kernel(problem.semidiscrete, threads=usable_cores())
    Y, out = (empty_state(kernel.shape, float) for _ in range(2))  # as the engine does
    Y[...], c = np.random.default_rng(0).standard_normal(kernel.shape), np.array([1e-9, 1.0, 0, 0, 0, 0])
    kernel.apply("step", 0.0, Y, out, c)
    return problem.grid.size / best(lambda: kernel.apply("step", 0.0, Y, out, c), repeats)


def method_rate(problem: pk.Problem, name: str, steps: int) -> float:
    """Node updates a second of whole steps through the engine, watch and all."""
    system = problem.semidiscrete
    rhs = choose_right_hand_side(system, 1e9, "always")
    assert isinstance(rhs, CompiledRightHandSide)
    y = system.pack(problem.initial_fields())
    h, tolerance = 1e-9, Tolerance(np.broadcast_to(1e-9, y.shape), 1e-6)

    def run(count: int) -> float:
        stops, watch = [Stop(0.0), Stop(h * count)], Watch(system, 1.0)
        frames = METHODS[name].integrate(system, y, stops, watch, tolerance, step=h, rhs=rhs)
        start = time.perf_counter()
        for _ in frames:
            pass
        return time.perf_counter() - start

    run(2)
    return problem.grid.size * steps / min(run(steps + 1) - run(1) for _ in range(3))


def py_pde_rate(problem: str, n: int, steps: int, scheme: str = "euler") -> float | None:
    """The same with py-pde's compiled stepper; None if it is not installed."""
    if find_spec("pde") is None:
        return None
    import warnings

    warnings.simplefilter("ignore")
    from pde import PDE, CartesianGrid, FieldCollection, ScalarField
    from pde.solvers import EulerSolver, RungeKuttaSolver

    data = np.random.default_rng(0).standard_normal((2, n, n))
    if problem == "heat":
        grid = CartesianGrid([[0, 1]] * 2, [n, n])
        state: Any = ScalarField(grid, data[0])
        equation = PDE({"c": "laplace(c)"}, bc={"derivative": 0})
    else:
        grid = CartesianGrid([[0, n]] * 2, [n, n], periodic=True)
        state = FieldCollection([ScalarField(grid, part) for part in data])
        equation = PDE({"u": f"0.1*laplace(u) - u*v**2 + {F}*(1 - u)", "v": f"0.05*laplace(v) + u*v**2 - {F + K}*v"})
    solver = (EulerSolver if scheme == "euler" else RungeKuttaSolver)(equation, adaptive=False)
    stepper = solver.make_stepper(state, dt=1e-9)
    stepper(state, 0, 2e-9)
    return n * n * steps / best(lambda: stepper(state, 0, steps * 1e-9), 4)


def devito_rate(shape: Sequence[int], order: int, steps: int) -> float | None:
    """The same with Devito, OpenMP, float64; None if it is not installed."""
    if find_spec("devito") is None:
        return None
    os.environ.setdefault("DEVITO_LANGUAGE", "openmp")
    os.environ.setdefault("DEVITO_LOGGING", "ERROR")
    from devito import Eq, Grid, Operator, TimeFunction, solve

    u = TimeFunction(
        name="u", grid=Grid(shape=tuple(shape), extent=(1.0,) * len(shape), dtype=np.float64), space_order=order
    )
    u.data[0] = np.random.default_rng(0).standard_normal(shape)
    operator = Operator(Eq(u.forward, solve(Eq(u.dt, u.laplace), u.forward)))
    operator.apply(time_M=1, dt=1e-12)
    seconds = best(lambda: operator.apply(time_m=0, time_M=steps - 1, dt=1e-12), 8)
    return float(np.prod(shape)) * steps / seconds


def against(title: str, ours: float, theirs: float | None, goal: str) -> Row:
    """A ratio of rates."""
    own = f"{ours / 1e6:,.0f} M/s"
    return Row(title, own if theirs is None else f"{ours / theirs:.1f} ({own} : {theirs / 1e6:,.0f})", goal)


def first_step(cache: str) -> float:
    """Seconds from the command to the first step of a new process, kernels asked for."""
    code = (
        "import pdekit as pk; g = pk.Grid(x=pk.Axis(0, 1, 1024), y=pk.Axis(0, 1, 1024));"
        "p = pk.Problem(pk.PDE('u_t = laplace(u)'), g, initial={'u': 'x*y'}, boundary={'u': {'x': pk.Neumann(0), "
        "'y': pk.Neumann(0)}}); p.solve(t_end=1e-9, method='euler', step=1e-9, times=()); print('done', flush=True)"
    )
    environment = {**os.environ, "PDEKIT_CACHE": cache}
    code = code.replace("p.solve(", "p.replace(time=pk.TimeSettings(compiled='always')).solve(")
    return until_done(code, environment)


def until_done(code: str, environment: dict[str, str] | None = None) -> float:
    """Seconds from the start of a process until it says that it has made its step; what it takes to end is left out."""
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while process.stdout.readline().strip() not in ("done", ""):
            pass
        return time.perf_counter() - start


def py_pde_first_step() -> float | None:
    """The same with py-pde."""
    if find_spec("pde") is None:
        return None
    code = (
        "import warnings; warnings.simplefilter('ignore'); import numpy as np;"
        "from pde import PDE, CartesianGrid, ScalarField; g = CartesianGrid([[0, 1]]*2, [1024, 1024]);"
        "PDE({'c': 'laplace(c)'}, bc={'derivative': 0}).solve(ScalarField(g, 1.0), t_range=1e-9, dt=1e-9, tracker=None); print('done', flush=True)"
    )
    return until_done(code)


def rows() -> list[Row]:
    """All of them."""
    n = 1024
    euler = step_rate(heat((n, n)))
    found = [
        against("heat 1024^2, Euler, order 2, Neumann: updates over py-pde", euler, py_pde_rate("heat", n, 20), ">= 15")
    ]
    for shape, order, steps in (((n, n), 2, 50), ((n, n), 4, 50), ((256,) * 3, 2, 5), ((256,) * 3, 8, 5)):
        title = f"heat {shape[0]}^{len(shape)}, Euler, order {order}: updates over Devito"
        found.append(
            against(
                title,
                step_rate(heat(shape, order), 100 if len(shape) == 2 else 20),
                devito_rate(shape, order, steps),
                ">= 1.0",
            )
        )
    found.append(
        against(
            "Gray-Scott 512^2, periodic, Euler: updates over py-pde",
            step_rate(gray_scott(512)),
            py_pde_rate("gray-scott", 512, 40),
            ">= 6",
        )
    )
    found.append(
        against(
            "heat 1024^2, RK4: updates over py-pde's Runge-Kutta",
            method_rate(heat((n, n)), "rk4", 30),
            py_pde_rate("heat", n, 8, "runge-kutta"),
            ">= 10",
        )
    )
    with tempfile.TemporaryDirectory() as cache:
        first, second, theirs = first_step(cache), first_step(cache), py_pde_first_step()
    for word, ours, goal in (("first ever", first, "<= 0.20"), ("second", second, "<= 0.067")):
        ratio = f"{ours:.2f} s" if theirs is None else f"{ours / theirs:.3f} ({ours:.2f} s : {theirs:.1f} s)"
        found.append(Row(f"from command to first step, 1024^2, {word} run, over py-pde", ratio, goal))
    for shape in ((4096, 4096), (256,) * 3):
        rate = 16 * step_rate(heat(shape), 10) / copy_rate(int(np.prod(shape)))
        title = f"Euler, order 2, {shape[0]}^{len(shape)}: share of the copy bandwidth"
        found.append(Row(title, f"{rate:.2f}", ">= 0.7"))
    found.append(overhead())
    return found


def overhead() -> Row:
    """Time of a step of the engine beyond its kernel, on a grid so small that the kernel takes none."""
    problem = heat((8, 8))
    rate = method_rate(problem, "euler", 2000)
    kernel = Kernel(problem.semidiscrete)
    Y = np.ones(kernel.shape)
    out, c = np.empty_like(Y), np.array([1e-9, 1.0, 0, 0, 0, 0])
    bare = best(lambda: kernel.apply("step", 0.0, Y, out, c), 200)
    return Row(
        "a step of the engine on 8 x 8, kernel call included",
        f"{64 / rate * 1e6:.0f} us (call {bare * 1e6:.0f} us)",
        "< 20 us beyond",
    )
