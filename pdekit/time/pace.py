"""Looks at how fast a run gets on: where it takes much longer than it looked like, other methods are tried from there.

What a run will take is predicted from its first second: early steps are rather too short than too long. Where the prediction turns out
to be off by more than a factor of three, and so much is left that trying others costs a twentieth of it at most, each method that fits
is let run for a moment, and one that would take less than half the time goes on.
"""

from __future__ import annotations

import time as clock
from collections import deque
from collections.abc import Callable

import numpy as np

from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import PdekitError
from pdekit.linear.solver_choice import Solvers
from pdekit.thresholds import THRESHOLDS, Thresholds
from pdekit.time.loop import Stop
from pdekit.time.method_choice import choose
from pdekit.time.observers import Watch
from pdekit.time.stability_guard import Unsuitable
from pdekit.time.stepper import Tolerance
from pdekit.typing import Array

CANDIDATES = ("tsitouras", "DOP853", "rkc2", "etdrk4", "ark43", "esdirk43", "BDF", "Radau")
OFF = 3.0  # times as long as predicted
BY_LU = ("esdirk43", "BDF", "Radau")
SHARE = 0.05  # of what is left, for trying others
BETTER = 0.5  # of what is left: what another method must promise
RECENT = 20  # looks from which the pace is taken
ENOUGH_SECONDS, ENOUGH_STEPS = 3.0, 100  # of a trial, where what is left is longer than any life
LEAST_STEPS, LAST_STEPS = 3, 10  # of a trial, and those from which the length of the rest is taken


class Slow(Unsuitable):
    """A run takes much longer than predicted."""

    def __init__(self, t: float, y: Array, reason: str, left: float) -> None:
        super().__init__(t, y, reason)
        self.left = left


class PaceGuard:
    """Stops a run that takes more than three times what its first second promised.

    Parameters
    ----------
    end : float
        Of the run.
    thresholds : Thresholds
    now : callable
        Seconds on a clock.
    """

    def __init__(self, end: float, thresholds: Thresholds, now: Callable[[], float] = clock.perf_counter) -> None:
        self.end, self.thresholds, self.now = end, thresholds, now
        self._begun: float | None = None
        self._marks: deque[tuple[float, float]] = deque(maxlen=RECENT)
        self._predicted: tuple[float, float] | None = None  # at which t, and how long the whole would take

    def __call__(self, t: float, state: Callable[[], Array], h: float, steps: int) -> None:
        """Told of a finished step.

        Raises
        ------
        Slow
        """
        at = self.now()
        if self._begun is None:
            self._begun = at
        between = self.thresholds.pace_known_after / RECENT
        if self._marks and at - self._marks[-1][0] < between:
            return
        self._marks.append((at, t))
        if at - self._begun < self.thresholds.pace_known_after or t >= self.end:
            return
        (then, before), spent = self._marks[0], at - self._begun
        left = (self.end - t) / (t - before) * (at - then) if t > before else np.inf
        if self._predicted is None:
            self._predicted = t, spent + left
            return
        when, predicted = self._predicted
        if left < self.thresholds.others_tried_from or spent + left <= OFF * predicted:
            return
        y = state()
        if np.all(np.isfinite(y)):
            reason = f"at t = {t:.4g} {left:.3g} s were left, while the whole had been predicted at t = {when:.4g} to take {predicted:.3g} s"
            raise Slow(t, y, reason, left)


class Enough(Exception):  # noqa: N818  (not an error: a trial has taken its time)
    """A trial has taken its time."""


class Stopwatch:
    """Takes the times of the steps of a trial, until so many seconds have gone by since the first: set-up and compilation apart.

    Parameters
    ----------
    seconds : float
        At most; a hundred steps of together three seconds are enough in any case.
    tell : callable
        Told at every step that somebody is at work.
    """

    def __init__(self, seconds: float, tell: Callable[[], None] = lambda: None) -> None:
        self.seconds, self.tell = seconds, tell
        self.marks: list[tuple[float, float]] = []

    def __call__(self, t: float, steps: int) -> None:
        self.marks.append((clock.perf_counter(), t))
        self.tell()
        spent = self.marks[-1][0] - self.marks[0][0]
        if spent > self.seconds or (spent > ENOUGH_SECONDS and len(self.marks) > ENOUGH_STEPS):
            raise Enough

    def predicted(self, end: float) -> tuple[float, float]:
        """Seconds and steps from the beginning to `end`, by the length of the last steps: those that still grow make it too long."""
        count = len(self.marks)
        if count < LEAST_STEPS:
            return np.inf, np.inf
        (first, _), (last, t) = self.marks[0], self.marks[-1]
        recent = [mark[1] for mark in self.marks[-min(count, LAST_STEPS) :]]
        steps = count + (end - t) / float(np.mean(np.diff(recent)))
        return (last - first) / (count - 1) * steps, steps


def tried(system: SemiDiscrete, but: str, thresholds: Thresholds = THRESHOLDS) -> list[str]:
    """The methods that are tried beside the one that was slow: none whose first factorisation would take longer than any trial."""
    is_large = system.grid.ndim > 1 and system.shared_size > thresholds.most_tried_by_lu
    return [name for name in CANDIDATES if name != but and not (is_large and name in BY_LU)]


def promises(
    system: SemiDiscrete,
    change: Slow,
    end: float,
    tolerance: Tolerance,
    solvers: Solvers,
    but: str,
    tell: Callable[[], None],
    thresholds: Thresholds = THRESHOLDS,
) -> dict[str, float]:
    """Seconds that the methods which fit would take from here, by name; `but` is the one that was slow, `tell` is told of every step."""
    names = tried(system, but, thresholds)
    found: dict[str, float] = {}
    for name in names:
        pace = Stopwatch(SHARE * change.left / len(names), tell)
        watch = Watch(system, np.inf, pace)
        try:
            with np.errstate(all="ignore"):
                chosen = choose(
                    system, change.t, change.y, end - change.t, method=name, rtol=tolerance.relative, solvers=solvers
                )
                if chosen.notes:
                    continue
                method, stops = chosen.method, [Stop(change.t), Stop(end)]
                for _ in method.integrate(system, change.y.copy(), stops, watch, tolerance, solvers=solvers):
                    pass
        except Enough:
            pass
        except PdekitError:
            continue
        found[name], _ = pace.predicted(end)
    return found


def fastest(promised: dict[str, float], left: float) -> str | None:
    """The method that would take less than half of what is left, if there is one.

    Examples
    --------
    >>> fastest({"BDF": 4.0, "esdirk43": 2.0}, 10.0), fastest({"BDF": 6.0}, 10.0)
    ('esdirk43', None)
    """
    name = min(promised, key=lambda n: promised[n], default=None)
    return name if name is not None and promised[name] < BETTER * left else None
