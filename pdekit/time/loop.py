"""The one loop over time: from stop to stop, by a stepper and a controller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from pdekit.time.controllers import Controller
from pdekit.time.observers import Watch
from pdekit.time.stepper import Stepper
from pdekit.typing import Array

BESIDE = 4e-11  # how far from a jump steps begin and end, beside the times: more than equal steps may differ


@dataclass(frozen=True)
class Stop:
    """A time that a run hits exactly.

    Parameters
    ----------
    t : float
    frame : bool
        The state is wanted there.
    jump : bool
        The right-hand side jumps there: steps end before and begin after it.
    change : bool
        The state is changed there, by a projection.
    """

    t: float
    frame: bool = True
    jump: bool = False
    change: bool = False


def stops_of(
    frames: Sequence[float],
    jumps: Sequence[float] = (),
    others: Sequence[float] = (),
    changes: Sequence[float] = (),
) -> list[Stop]:
    """All stops in order; times that differ by rounding only are one.

    Examples
    --------
    >>> [(s.t, s.frame, s.jump) for s in stops_of([0.0, 1.0], [0.5, 1.0], [0.25])]
    [(0.0, True, False), (0.25, False, False), (0.5, False, True), (1.0, True, True)]
    """
    close = 1e-12 * max(abs(frames[0]), abs(frames[-1]), frames[-1] - frames[0])
    found: list[Stop] = []
    marked = [
        *(Stop(t) for t in frames),
        *(Stop(t, False, True) for t in jumps),
        *(Stop(t, False) for t in others),
        *(Stop(t, False, change=True) for t in changes),
    ]
    for stop in sorted(marked, key=lambda entry: (entry.t, not entry.frame)):
        if not frames[0] <= stop.t <= frames[-1]:
            continue
        if found and stop.t - found[-1].t <= close:
            last = found[-1]
            found[-1] = Stop(last.t, last.frame or stop.frame, last.jump or stop.jump, last.change or stop.change)
        else:
            found.append(stop)
    return found


def span_between(start: Stop, end: Stop) -> tuple[float, float]:
    """Where steps between two stops begin and end: beside jumps, not on them."""
    beside = BESIDE * max(abs(start.t), abs(end.t), end.t - start.t)
    return start.t + beside * start.jump, end.t - beside * end.jump


def integrate(
    stepper: Stepper, controller: Controller, y: Array, stops: Sequence[Stop], watch: Watch
) -> Iterator[tuple[float, Array]]:
    """Advance from stop to stop.

    Yields
    ------
    (t, y) at every stop that is a frame, the first included.
    """
    Y = stepper.begin(stops[0].t, y)
    yield stops[0].t, y
    del y
    out = stepper.another(Y)
    fresh = True
    for start, end in pairwise(stops):
        t, until = span_between(start, end)
        controller.enter(stepper, t, until, Y, fresh)
        while t < until:
            h, after = controller.propose(t, until, Y)
            error = stepper.step(t, Y, h, out, controller.tolerance)
            if not controller.judge(t, h, error):
                watch.statistics.rejected += 1
                continue
            stepper.accepted(controller.tolerance is not None)
            t, Y, out = after, out, Y
            watch.step_of(
                t, partial(stepper.greatest, Y), partial(stepper.vector, Y), t == until, h, partial(stepper.view, Y)
            )
        fresh = end.jump
        if fresh:
            stepper.restart()
        if end is stops[-1]:
            del out  # its memory is that of the last frame
        if end.frame:
            yield end.t, stepper.vector(Y)
