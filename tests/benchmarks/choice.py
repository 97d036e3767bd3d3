"""The default method beside the best one found by hand, on twenty problems: time to the same error, all at rtol 1e-6.

Every method that fits is run; its time is brought to the error of the default by its order, ``time * (error/error of the default)^(1/p)``.
A method that takes five times as long as the default is stopped.
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


def compare(case: Case) -> tuple[str, float, float, dict[str, tuple[float, float]]]:
    """The default's name, time and error, and time and error of all others."""
    reference = _reference(case)
    runs = [_run(case, "auto", rtol=1e-6) for _ in range(2)]
    solution, seconds = min(runs, key=lambda run: run[1])
    error = max(_error(solution, reference), 1e-9)
    found = {}
    for method in CANDIDATES:
        if method not in METHODS:
            continue
        try:
            with _patience(max(PATIENCE * seconds, 2.0)):
                other, took = _run(case, method, rtol=1e-6)
            found[method] = took, max(_error(other, reference), 1e-9)
        except (_TooLong, pk.PdekitError):
            continue
    return solution.method, seconds, error, found


def rows() -> Iterator[Row]:
    """The default over the best."""
    ratios = []
    for case in cases():
        name, seconds, error, found = compare(case)
        scaled = {m: took * (e / error) ** (1 / METHODS[m].order) for m, (took, e) in found.items()}
        best = min(scaled, key=lambda m: scaled[m])
        ratios.append(max(seconds / scaled[best], 1.0))
        words = f"{name} {seconds:.2f} s ({error / 1e-6:.2g} rtol) : {best} {found[best][0]:.2f} s ({found[best][1] / 1e-6:.2g})"
        yield Row(f"{case.title}: {seconds / scaled[best]:.2f}", words, "<= 3")
    yield Row("default over best, geometric mean", f"{np.exp(np.mean(np.log(ratios))):.2f}", "<= 1.5")
    yield Row("default over best, worst", f"{max(ratios):.2f}", "<= 3")
