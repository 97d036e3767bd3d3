"""Implicit steps and steady problems, beside scipy's transforms, FiPy and pyamg; RKC2 beside RK4."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
from scipy import fft

import pdekit as pk
from pdekit.counts import Statistics
from pdekit.linear.solver_choice import Solvers
from pdekit.thresholds import Thresholds
from pdekit.time.theta import Theta
from tests.benchmarks.explicit import heat
from tests.benchmarks.timing import Row, best

COEFFICIENT = "1 + 0.9*sin(5*x)*cos(4*y)"
JUMP = "where((x - 0.4)**2 + (y - 0.5)**2 < 0.08, 10000, 1)"

ALWAYS = Thresholds(krylov_once={2: 100}, krylov_each_step={2: 100})  # iterations whatever the size


def step_time(problem: pk.Problem, theta: float, h: float) -> float:
    """Seconds a step of the theta method, factorised."""
    system = problem.semidiscrete
    stepper, y = Theta(system, theta, Solvers(system), Statistics()), system.pack(problem.initial_fields())
    out = np.empty_like(y)
    stepper.step(0.0, y, h, out)
    return best(lambda: stepper.step(0.0, y, h, out), 10)


def crank_nicolson() -> Row:
    """Over one forward and one inverse cosine transform with as many threads."""
    n = 1024
    u = np.random.default_rng(0).standard_normal((n, n))
    pair = best(lambda: fft.idctn(fft.dctn(u, 1, workers=2), 1, workers=2), 10)
    ours = step_time(heat((n, n)), 0.5, 1e-4)
    return Row("Crank-Nicolson 1024^2, Neumann: a step over a DCT and its inverse", f"{ours / pair:.2f}", "<= 2.5")


def against_fipy() -> Row:
    """Implicit heat, 256^2."""
    n, title = 256, "implicit heat 256^2: a step over FiPy's"
    ours = step_time(heat((n, n)), 1.0, 1e-4)
    if find_spec("fipy") is None:
        return Row(title, f"{ours * 1e3:.1f} ms", "<= 1/60")
    from fipy import CellVariable, DiffusionTerm, Grid2D, TransientTerm

    mesh = Grid2D(nx=n, ny=n, dx=1 / n, dy=1 / n)
    u: Any = CellVariable(mesh=mesh, value=np.cos(np.pi * mesh.cellCenters.value[0]), hasOld=True)
    equation = TransientTerm() == DiffusionTerm(coeff=1.0)

    def step() -> None:
        u.updateOld()
        equation.solve(var=u, dt=1e-4)

    step()
    theirs = best(step, 5)
    return Row(title, f"1/{theirs / ours:.0f} ({ours * 1e3:.1f} ms : {theirs * 1e3:.0f} ms)", "<= 1/60")


def variable(n: int, equation: str, coefficient: str = COEFFICIENT) -> pk.Problem:
    """A coefficient that varies: as it stands, smoothly and twentyfold."""
    grid = pk.Grid(x=pk.Axis(0, 1, n), y=pk.Axis(0, 1, n))
    boundary = {"u": {"x": pk.Neumann(0), "y": pk.Dirichlet(0)}}
    text = equation.format(k=coefficient)
    return pk.Problem(pk.PDE(text, unknowns=["u"]), grid, initial={"u": "sin(pi*y)*exp(x)"}, boundary=boundary)


def implicit_against_pyamg() -> Row:
    """A backward Euler step against conjugate gradients with pyamg's multigrid, both to 1e-12."""
    title = "implicit, k(x, y), 512^2: a step over pyamg's CG alone"
    problem, h = variable(512, "u_t = div(({k})*grad(u))"), 1e-3
    system = problem.semidiscrete
    stepper, y = Theta(system, 1.0, Solvers(system), Statistics()), system.pack(problem.initial_fields())
    states = [y, np.empty_like(y)]

    def advance() -> None:
        stepper.step(0.0, states[0], h, states[1])
        states.reverse()

    advance()
    ours = best(advance, 5)
    y = states[0]
    import pyamg
    from scipy import sparse

    from pdekit.discretize.algebra import diagonal

    weights = system.grid.weights.ravel()[system.blocks[0].free]
    matrix = sparse.csr_matrix(diagonal(weights) @ stepper._matrix(h))
    solver = pyamg.ruge_stuben_solver(matrix)
    theirs = best(lambda: solver.solve(weights * y, x0=y, tol=1e-12, accel="cg"), 3)
    return Row(title, f"{ours / theirs:.2f} ({ours * 1e3:.0f} ms : {theirs * 1e3:.0f} ms)", "<= 0.5")


def steady_iterations(title: str, coefficient: str) -> Row:
    """Iterations of a steady problem with a variable coefficient, to 12 digits of the residual."""
    counts = []
    for n in (128, 256, 512, 1024):
        system = variable(n, "0 = div(({k})*grad(u)) + cos(pi*x)", coefficient).semidiscrete
        solver = Solvers(system, thresholds=ALWAYS).shifted(0.0, -1.0, lambda system=system: system.L)
        assert solver is not None
        solver.solve(-system.b(0.0))
        counts.append(solver.iterations)
    return Row(f"steady, {title}, 128^2 to 1024^2: iterations", ", ".join(map(str, counts)), "flat within 2")


def stabilised() -> Row:
    """Heat to a fixed time: RKC2 and RK4 of equal error, both compiled."""
    n, end = 512, 0.05
    base = heat((n, n))
    exact = np.cos(np.pi * base.grid.coordinates["x"]) * np.exp(-(np.pi**2) * end) + np.zeros(base.grid.shape)
    limit = 2.785 / (8 * (n - 1) ** 2)
    results = {}
    for method, step in (("rk4", 0.95 * limit), ("rkc2", end / 80)):
        time = pk.TimeSettings(end=end, method=method, step=step, compiled="always")
        problem = base.replace(time=time)
        problem.solve(t_end=2 * step, times=())
        solution = problem.solve(times=())
        results[method] = (solution.wall_time, float(np.max(np.abs(solution["u"].values - exact))))
    (slow, e4), (fast, e2) = results["rk4"], results["rkc2"]
    words = f"1/{slow / fast:.0f} ({fast:.2f} s : {slow:.2f} s; errors {e2:.0e} : {e4:.0e})"
    return Row("heat 512^2 to t = 0.05: RKC2 over RK4", words, "<= 1/10")


def rows() -> list[Row]:
    """All of them."""
    return [
        crank_nicolson(),
        against_fipy(),
        implicit_against_pyamg(),
        steady_iterations("smooth k(x, y)", COEFFICIENT),
        steady_iterations("k jumps by 10,000", JUMP),
        stabilised(),
    ]
