"""A Runge-Kutta step in one wavefront over the rows is the step that the matrices make, stage after stage."""

from dataclasses import replace

import numpy as np
import pytest

import pdekit as pk
from pdekit.kernels.kernel import Kernel
from pdekit.kernels.wavefront import worthwhile
from pdekit.thresholds import THRESHOLDS
from pdekit.time.right_hand_side import MatrixRightHandSide, choose_right_hand_side
from pdekit.time.runge_kutta import RungeKutta
from pdekit.time.stepper import Tolerance
from pdekit.time.tables import TABLEAUX
from tests.kernels.test_kernels import BOX, CASES, PLANE, gray_scott, problem_of

# Coefficients that change in time are evaluated before each stage: no wavefront.
PLANAR = [name for name, case in CASES.items() if len(case[1]) > 1 and name != "coefficient in time"]


def steps(problem, method, monkeypatch, threads, t=0.37, h=2e-6):
    """One step by matrices and one in a wavefront, with their error estimates."""
    always = replace(THRESHOLDS, wavefront_from=0, most_twice=10.0, shared_from=0)
    monkeypatch.setattr("pdekit.time.right_hand_side.usable_cores", lambda: threads)
    system = problem.semidiscrete
    y = system.pack(problem.initial_fields())
    y = y + 0.1 * np.random.default_rng(1).standard_normal(y.size)
    tolerance = Tolerance(np.full(y.size, 1e-3), 1e-2)
    found = []
    for rhs in (MatrixRightHandSide(system), choose_right_hand_side(system, 1.0, "always", thresholds=always)):
        Y = rhs.unpacked(t, y)
        out = np.full_like(Y, np.nan)
        engine = RungeKutta(rhs, TABLEAUX[method])
        assert (rhs.whole_step(TABLEAUX[method]) is not None) == rhs.compiled
        error = engine.step(t, Y, h, out, tolerance if engine.error_order else None)
        found.append((rhs.packed(out), error))
        assert np.max(np.abs(found[0][0] - y)) > 1e-9
    return found


def assert_equal(problem, method, monkeypatch, threads=1):
    (expected, estimate), (found, own) = steps(problem, method, monkeypatch, threads)
    assert np.max(np.abs(found - expected)) <= 1e-13 * np.max(np.abs(expected))
    assert own == pytest.approx(estimate, rel=1e-6)


@pytest.mark.parametrize(("name", "order"), [(n, o) for n in PLANAR for o in CASES[n][3]])
def test_a_wavefront_equals_the_matrices(name, order, monkeypatch):
    equation, axes, conditions, _, options = CASES[name]
    assert_equal(problem_of(equation, axes, conditions, order, **options), "rk4", monkeypatch)


@pytest.mark.parametrize("method", [name for name in TABLEAUX if name != "euler"])
def test_all_methods(method, monkeypatch):
    problem = problem_of("u_t = laplace(u)", PLANE, {"x": pk.Neumann("t*y"), "y": pk.Dirichlet("x*exp(-t)")}, 2)
    assert_equal(problem, method, monkeypatch)


@pytest.mark.parametrize("method", ["rk4", "tsitouras"])
@pytest.mark.parametrize("threads", [2, 3])
def test_parts_of_threads_meet(method, threads, monkeypatch):
    """Rows that two threads compute, on an axis with ends and around a ring; a system on a box."""
    assert_equal(gray_scott(50), method, monkeypatch, threads)
    assert_equal(problem_of("u_t = laplace(u) + u_xz", BOX, {"x": pk.Dirichlet(0), "z": pk.Dirichlet("t")}, 4), method, monkeypatch, threads)  # fmt: skip


def test_small_states_and_few_rows_go_stage_by_stage():
    assert not worthwhile(Kernel(gray_scott(50).semidiscrete), 4)
    axes = {"x": pk.Axis(0, 1, 8, periodic=True), "y": pk.Axis(0, 1, 40_000, periodic=True)}
    flat = gray_scott().replace(grid=pk.Grid(axes))
    assert not worthwhile(Kernel(flat.semidiscrete), 4)
    assert worthwhile(Kernel(gray_scott(400).semidiscrete), 4)
