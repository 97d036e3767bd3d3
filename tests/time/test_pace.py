"""A run that takes much longer than predicted goes on by a faster method, and says so."""

from __future__ import annotations

import time as clock
from itertools import count

import numpy as np
import pytest

import pdekit as pk
from pdekit.solving import solve
from pdekit.thresholds import Thresholds
from pdekit.time.method_choice import Choice
from pdekit.time.methods import METHODS
from pdekit.time.pace import Enough, PaceGuard, Slow, Stopwatch, tried

IMPATIENT = Thresholds(pace_known_after=0.1, others_tried_from=0.5)


def stiffening(**options):
    """Where u has grown the spectral radius is 250 times what it was: stages of rkc2 are then ten times as many (20 s; BDF: 0.6 s)."""
    return pk.Problem(
        pk.PDE("u_t = u_xx + d(u**4*u_x, x) + 4*u - u**3/4 + 30*cos(pi*x)*sin(20*t)*t"),
        pk.Grid(x=pk.Axis(0, 1, 101)),
        initial={"u": "0.01*(1.1 + cos(pi*x))"},
        boundary={"u": {"x": pk.Neumann(0)}},
        time=pk.TimeSettings(end=3.0),
        **options,
    )


@pytest.mark.study
def test_a_faster_method_goes_on():
    problem = stiffening()
    solution = solve(
        problem, thresholds=IMPATIENT, frames=5, choice=Choice(METHODS["rkc2"], ("a choice that is none",))
    )
    note = next(note for note in solution.notes if "had been predicted" in note)
    assert "went on, which promised" in note and "rkc2" not in note
    known = problem.solve(method="Radau", rtol=1e-10, frames=5).values["u"]
    assert np.max(np.abs(solution.values["u"] - known)) <= 30e-6


def test_runs_that_are_repeated_bit_by_bit_do_not_go_by_the_clock():
    problem = stiffening(output=pk.OutputSettings(checkpoints=True, frames=3))
    solution = solve(problem, t_end=0.5, thresholds=Thresholds(pace_known_after=0.0, others_tried_from=0.0))
    assert not any("predicted" in note for note in solution.notes)


def guard(pace):
    """The clock goes on by a second a step."""
    seconds = count()
    watched = PaceGuard(1000.0, Thresholds(pace_known_after=5.0, others_tried_from=10.0), lambda: float(next(seconds)))
    t = 0.0
    for step in range(1, 200):
        t += pace(t)
        watched(t, lambda: np.ones(3), 1.0, step)


def test_a_steady_pace_is_let_go_on():
    guard(lambda t: 4.0)


def test_a_run_that_slows_down_is_stopped():
    with pytest.raises(Slow, match="left") as found:
        guard(lambda t: 10.0 if t < 100 else 0.5)
    assert 250 < found.value.left < 1900


def test_no_trial_begins_with_a_factorisation_that_takes_longer_than_the_run():
    def on(points):
        grid = pk.Grid(x=pk.Axis(0, 1, points, periodic=True), y=pk.Axis(0, 1, points, periodic=True))
        return pk.Problem(pk.PDE("u_t = laplace(u) - u**3"), grid, initial={"u": "sin(2*pi*x)"}).semidiscrete

    assert {"BDF", "Radau", "esdirk43"} <= set(tried(on(100), "rkc2"))
    assert {"BDF", "Radau", "esdirk43"}.isdisjoint(tried(on(400), "rkc2")) and "tsitouras" in tried(on(400), "rkc2")


def test_trials_end_where_what_is_left_seems_endless():
    """A trial of a twentieth of ten million seconds would never end; somebody is told of every step of it."""
    told = []
    watch = Stopwatch(1e6, lambda: told.append(True))
    watch.marks = [(clock.perf_counter() - 10.0, 0.0)] * 10
    watch(0.1, 11)
    watch.marks *= 10
    with pytest.raises(Enough):
        watch(0.2, 12)
    assert len(told) == 2
