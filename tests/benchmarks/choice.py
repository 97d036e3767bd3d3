"""The default method beside the best one found by hand, on twenty problems: time to the same error, all at rtol 1e-6.

Every method that fits is run, at looser and finer tolerances as well, until its errors enclose that of the default; its time at that
error is read between the two. A method that takes five times as long as the default is stopped.
"""

from __future__ import annotations

import signal
import time as clock
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

import pdekit as pk
from pdekit.time.methods import METHODS
from tests.benchmarks.timing import Row

CANDIDATES = (
    "bogacki_shampine", "tsitouras", "DOP853", "rkc2", "tr_bdf2", "esdirk43", "BDF", "Radau", "ark43", "etdrk4", "exponential",
    "ros3p", "rodas4",
)  # fmt: skip
PATIENCE = 5.0  # times as long as the default
LOOSEST, FINEST, ROUNDING = 1e-2, 1e-9, 1e-9


@dataclass(frozen=True)
class Case:
    """A problem and how far to integrate."""

    title: str
    problem: pk.Problem
    end: float


def box(equations: Any, initial: Any, ends: Any, points: Any, length: float = 1.0, **parameters: Any) -> pk.Problem:
    """A problem on a cube, with the same condition on all faces, or periodic."""
    names, ring = "xyz"[: len(points)], ends is None
    axes = {name: pk.Axis(0, length, n, periodic=ring) for name, n in zip(names, points)}
    pde = pk.PDE(equations, parameters=parameters)
    boundary = None if ring else {u: dict.fromkeys(names, ends) for u in pde.unknowns}
    return pk.Problem(pde, pk.Grid(axes), initial=initial, boundary=boundary)


def cases() -> Iterator[Case]:
    """One to three dimensions, linear to stiff and nonlinear."""
    cold, closed = pk.Dirichlet(0), pk.Neumann(0)
    bump = "exp(-50*(x - 0.4)**2)"
    yield Case("heat, 1-D, 201", box("u_t = u_xx", {"u": bump + "*sin(pi*x)"}, cold, [201]), 0.1)
    yield Case("heat with a source in t, 1-D", box("u_t = u_xx + sin(5*t)*x", {"u": 0}, cold, [201]), 1.0)
    yield Case(
        "reaction-diffusion (Fisher), 1-D", box("u_t = 0.001*u_xx + 5*u*(1 - u)", {"u": bump}, closed, [401]), 2.0
    )
    yield Case("advection-diffusion, 1-D", box("u_t = 0.005*u_xx - u_x", {"u": "sin(2*pi*x)"}, None, [256]), 1.0)
    yield Case("advection, 1-D", box("u_t = -u_x", {"u": "exp(cos(2*pi*x))"}, None, [256]), 1.0)
    yield Case("viscous Burgers, 1-D", box("u_t = 0.01*u_xx - u*u_x", {"u": "sin(2*pi*x)"}, cold, [401]), 0.5)
    yield Case("porous medium, 1-D", box("u_t = d((0.01 + u**2)*u_x, x)", {"u": bump}, closed, [301]), 1.0)
    yield Case("wave, 1-D", box("u_tt = u_xx", {"u": "sin(pi*x)", "u_t": 0}, cold, [401]), 2.0)
    yield Case(
        "sine-Gordon, 1-D",
        box("u_tt = u_xx - sin(u)", {"u": "4*atan(exp(x - 10))", "u_t": "-2*sech(x - 10)*0.5"}, closed, [401], 20.0),
        10.0,
    )
    yield Case(
        "nonlinear Schroedinger, 1-D",
        box("u_t = I*u_xx + 2*I*abs(u)**2*u", {"u": "sech(x - 10)*exp(I*x)"}, None, [256], 20.0),
        1.0,
    )
    yield Case(
        "Kuramoto-Sivashinsky, 1-D",
        box("u_t = -u_xx - u_xxxx - u*u_x", {"u": "cos(x/16)*(1 + sin(x/16))"}, None, [128], 32 * np.pi),
        20.0,
    )
    yield Case(
        "Allen-Cahn, 2-D 128^2",
        box("u_t = 0.0004*laplace(u) + u - u**3", {"u": "cos(2*pi*x)*cos(4*pi*y)"}, closed, [129, 129]),
        5.0,
    )
    yield Case(
        "heat with k(x, y), 2-D 128^2",
        box("u_t = div((1 + x + y**2)*grad(u))", {"u": "sin(pi*x)*sin(pi*y)"}, cold, [129, 129]),
        0.2,
    )
    yield Case(
        "nonlinear conduction, 2-D 96^2",
        box("u_t = div((0.1 + u**2)*grad(u))", {"u": bump + "*exp(-50*(y - 0.5)**2)"}, closed, [97, 97]),
        0.5,
    )
    yield Case(
        "Brusselator, 2-D 64^2",
        box(
            ["u_t = 0.002*laplace(u) + 1 + u**2*v - 4.4*u", "v_t = 0.002*laplace(v) + 3.4*u - u**2*v"],
            {"u": "0.5 + y", "v": "1 + 5*x"},
            closed,
            [65, 65],
        ),
        5.0,
    )
    yield Case(
        "Gray-Scott, 2-D 128^2",
        box(
            ["u_t = 2e-5*laplace(u) - u*v**2 + 0.04*(1 - u)", "v_t = 1e-5*laplace(v) + u*v**2 - 0.1*v"],
            {
                "u": "1 - 0.5*exp(-100*((x - 0.5)**2 + (y - 0.5)**2))",
                "v": "0.25*exp(-100*((x - 0.5)**2 + (y - 0.5)**2))",
            },
            None,
            [128, 128],
        ),
        200.0,
    )
    yield Case(
        "wave with c(x), 2-D 128^2",
        box("u_tt = div((1 + x*y)*grad(u))", {"u": "sin(pi*x)*sin(2*pi*y)", "u_t": 0}, cold, [129, 129]),
        1.0,
    )
    yield Case(
        "swirl, 2-D 128^2",
        box(
            "u_t = 0.001*laplace(u) + (y - 0.5)*u_x - (x - 0.5)*u_y",
            {"u": bump + "*exp(-50*(y - 0.6)**2)"},
            cold,
            [129, 129],
        ),
        3.0,
    )
    yield Case("heat, 3-D 32^3", box("u_t = laplace(u) + x*sin(3*t)", {"u": 0}, cold, [33, 33, 33]), 0.5)
    yield Case("reaction, 3-D 32^3", box("u_t = 0.05*laplace(u) + u*(1 - u)", {"u": bump}, closed, [33, 33, 33]), 2.0)


class _TooLong(Exception):  # noqa: N818
    pass


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise _TooLong

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _run(case: Case, method: str, **options: Any) -> tuple[pk.Solution, float]:
    """A run in a problem of its own, so that nothing is known from before; what compiles, compiled already."""
    problem = case.problem.replace()
    begun = clock.perf_counter()
    solution = problem.solve(t_end=case.end, method=method, frames=2, **options)
    return solution, clock.perf_counter() - begun - solution.compile_time


def _error(found: pk.Solution, reference: pk.Solution) -> float:
    return max(
        float(np.max(np.abs(found[u].values - reference[u].values)) / np.max(np.abs(reference[u].values)))
        for u in reference.variables
    )


def _reference(case: Case) -> pk.Solution:
    """At rtol 1e-10 by a method of its own."""
    stiff = case.problem.semidiscrete.dtype.kind != "c" and case.problem.semidiscrete.size < 20_000
    for method in ("Radau", "DOP853") if stiff else ("DOP853",):
        try:
            return _run(case, method, rtol=1e-10, atol=1e-13)[0]
        except pk.PdekitError:
            continue
    raise AssertionError


@dataclass(frozen=True)
class Measured:
    """Seconds and error of one run."""

    seconds: float
    error: float


def work(case: Case, method: str, reference: pk.Solution, error: float, seconds: float) -> list[Measured]:
    """Runs of a method from rtol 1e-6 on towards that error, the last one beyond it."""

    def measured(rtol: float) -> Measured:
        with _patience(max(PATIENCE * seconds, 2.0)):
            found, took = min((_run(case, method, rtol=rtol) for _ in range(2)), key=lambda run: run[1])
        return Measured(took, max(_error(found, reference), ROUNDING))

    runs, rtol = [], 1e-6
    try:
        runs.append(measured(rtol))
        factor = 10.0 if runs[0].error < error else 0.1
        while FINEST < rtol * factor <= LOOSEST and (runs[-1].error < error) == (factor > 1) and error > ROUNDING:
            rtol *= factor
            runs.append(measured(rtol))
    except (_TooLong, pk.PdekitError):
        pass
    return runs


def seconds_at(error: float, runs: list[Measured]) -> float:
    """Time at that error: between the two runs that enclose it, in logarithms; infinite where none was as exact."""
    within = [run for run in runs if run.error <= error]
    beyond = [run for run in runs if run.error > error]
    if not within:
        return np.inf
    fine, fastest = max(within, key=lambda run: run.error), min(run.seconds for run in within)
    if not beyond:
        return fastest
    coarse = min(beyond, key=lambda run: run.error)
    share = np.log(error / fine.error) / np.log(coarse.error / fine.error)
    return float(min(fastest, fine.seconds * (coarse.seconds / fine.seconds) ** share))


def compare(case: Case) -> tuple[str, Measured, dict[str, float]]:
    """The default's name, time and error, and the time of all others at that error."""
    reference = _reference(case)
    solution, seconds = min((_run(case, "auto", rtol=1e-6) for _ in range(3)), key=lambda run: run[1])
    error = max(_error(solution, reference), ROUNDING)
    candidates = [m for m in CANDIDATES if m in METHODS]
    found = {m: seconds_at(error, work(case, m, reference, error, seconds)) for m in candidates}
    return solution.method, Measured(seconds, error), found


def rows() -> Iterator[Row]:
    """The default over the best."""
    ratios = []
    for case in cases():
        name, default, found = compare(case)
        best = min(found, key=lambda m: found[m])
        ratios.append(max(default.seconds / found[best], 1.0))
        words = f"{name} {default.seconds:.3f} s ({default.error / 1e-6:.2g} rtol) : {best} {found[best]:.3f} s"
        yield Row(f"{case.title}: {ratios[-1]:.2f}", words, "<= 3")
    yield Row("default over best, geometric mean", f"{np.exp(np.mean(np.log(ratios))):.2f}", "<= 1.5")
    yield Row("default over best, worst", f"{max(ratios):.2f}", "<= 3")
