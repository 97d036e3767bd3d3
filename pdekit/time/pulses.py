"""Smooth data that pass in a fraction of a run: when sources and boundary data are busy, and how large they become.

Error control sees what its steps see: a Gaussian in time of a hundredth of a step is not there. Data that depend on t alone, or on t and
the coordinates, are therefore sampled over the span before the first step, the greatest change over some nodes at each time. Where all
change happens in a small part of the span, steps stop at the edges of that part and within it. The greatest values serve as sizes of
states that begin at rest: a source that is 1e-44 at the start says nothing of what the solution will be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import sympy as sp

from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import PdekitError
from pdekit.language.data_functions import DataFunction
from pdekit.language.evaluate import compile_expression
from pdekit.time.breakpoints import time_expressions
from pdekit.typing import Array, Expression

NET = 2**18  # times of data that depend on t alone: pulses of a hundred-thousandth of the span are seen
PLACES = 12  # nodes at which other data are looked at, at NET/PLACES times
BUSY = 1e-5  # of the greatest change: what changes less is quiet
STRONG = 0.01  # of the greatest value
SHORT = 0.3  # of the span: data that are busy for longer are seen by steps
JUMP = 2  # samples
MOST = 300  # pulses of one source
WITHIN = 8  # stops in each


@dataclass(frozen=True)
class Pulse:
    """A part of the span in which data change.

    Parameters
    ----------
    start, end : float
    peak : float
        When they are greatest.
    """

    start: float
    end: float
    peak: float

    @property
    def stops(self) -> list[float]:
        """Times on which steps end: the edges, the peak, and between."""
        return sorted({*np.linspace(self.start, self.end, WITHIN + 1).tolist(), self.peak})


@dataclass(frozen=True)
class TimedData:
    """What one source, or one boundary value, does in a span.

    Parameters
    ----------
    peak : float
        When it is greatest.
    lasting : float
        For how long it is not much less.
    pulses : tuple of Pulse
        When it changes, if that is a small part of the span.
    """

    peak: float
    lasting: float
    pulses: tuple[Pulse, ...]


def timed_data(system: SemiDiscrete, start: float, end: float) -> list[TimedData]:
    """All data of a system that change in time.

    Parameters
    ----------
    system : SemiDiscrete
    start, end : float

    Examples
    --------
    >>> import pdekit as pk
    >>> rod = pk.Problem(pk.PDE("u_t = u_xx + exp(-((t - 5.43)/0.01)**2)"), pk.Grid(x=pk.Axis(0, 1, 9)), initial={"u": 0},
    ...                  boundary={"u": {"x": pk.Neumann(0)}})
    >>> (found,) = timed_data(rod.semidiscrete, 0.0, 10.0)
    >>> [(round(p.start, 2), round(p.peak, 2), round(p.end, 2)) for p in found.pulses]
    [(5.39, 5.43, 5.47)]
    """
    if not start < end < np.inf:
        return []
    found = (_timed(system, data, start, end) for data in _expressions_of_time(system))
    return [data for data in found if data is not None]


def pulse_stops(data: list[TimedData]) -> list[float]:
    """Times on which steps end, so that none goes over a pulse; none for data with more pulses than steps should follow."""
    return [t for timed in data if len(timed.pulses) <= MOST for pulse in timed.pulses for t in pulse.stops]


def _expressions_of_time(system: SemiDiscrete) -> list[Expression]:
    """The greatest parts of right-hand sides and data that hold t, and of the solution nothing."""
    known = {system.system.t, *system.system.parameters, *map(sp.Symbol, system.grid.names)}
    found: set[Expression] = set()

    def search(expression: Expression) -> Iterator[Expression]:
        if system.system.t not in expression.free_symbols or expression == system.system.t:
            return
        if expression.free_symbols <= known and not expression.has(sp.core.function.AppliedUndef, DataFunction):
            yield expression
            return
        for part in expression.args:
            yield from search(part)

    for expression in time_expressions(system):
        found.update(search(sp.sympify(expression)))
    whole = (data for data in found if isinstance(data, sp.Expr))  # conditions jump, which is known from their symbols
    parts = {part for data in whole for part in _separated(data, system)}
    return sorted(parts, key=str)  # the same order in every process


def _separated(data: Expression, system: SemiDiscrete) -> Iterator[Expression]:
    """Terms, and of products the factors that depend on t alone where the others do not depend on it: exact, and quick to sample."""
    t = system.system.t
    for term in sp.Add.make_args(data):
        timed = [f for f in sp.Mul.make_args(term) if t in f.free_symbols]
        if timed:
            yield sp.Mul(*timed)


def _timed(system: SemiDiscrete, data: Expression, start: float, end: float) -> TimedData | None:
    sampled = _sampled(system, data, start, end)
    if sampled is None:
        return None
    times, values = sampled
    size = np.max(np.abs(values), axis=1)
    strong = np.count_nonzero(size > STRONG * np.max(size)) / size.size
    found = tuple(_pulses(times, values, size))
    return TimedData(float(times[np.argmax(size)]), strong * (end - start), found)


def _pulses(times: Array, values: Array, size: Array) -> Iterator[Pulse]:
    change = np.max(np.abs(np.diff(values, axis=0)), axis=1)
    greatest = float(np.max(change))
    if greatest == 0:
        return
    busy = change > BUSY * greatest
    if np.count_nonzero(busy) > SHORT * busy.size:
        return
    edges = np.flatnonzero(np.diff(np.concatenate([[False], busy, [False]]).astype(np.int8)))
    for first, last in _joined(edges.reshape(-1, 2)):
        if last - first <= JUMP and np.max(np.abs(values[last] - values[first])) > 0.5 * greatest:
            continue  # a jump, which is known from its symbols
        peak = first + int(np.argmax(size[first : last + 1]))
        yield Pulse(float(times[max(first - 1, 0)]), float(times[min(last + 1, times.size - 1)]), float(times[peak]))


def _joined(runs: Array) -> list[tuple[int, int]]:
    """Runs of busy samples, joined where the quiet between them is shorter than they are: the top of a bell."""
    found: list[tuple[int, int]] = []
    for first, last in runs:
        if found and first - found[-1][1] <= max(3, last - found[-1][0] - (first - found[-1][1])):
            found[-1] = found[-1][0], int(last)
        else:
            found.append((int(first), int(last)))
    return found


def _sampled(system: SemiDiscrete, data: Expression, start: float, end: float) -> tuple[Array, Array] | None:
    """Times, and values at these times and at some nodes; None where they cannot be computed."""
    grid, names = system.grid.whole, system.grid.names
    numbers = system.system.parameters
    used = [name for name in names if sp.Symbol(name) in data.free_symbols]
    places = 1
    axes = []
    if used:
        chosen = np.random.default_rng(0).integers(0, np.array(grid.shape)[:, None], (grid.ndim, PLACES))
        axes = [np.asarray(axis.nodes)[index] for axis, index in zip(grid.axes, chosen)]
        places = PLACES
    times = np.linspace(start, end, NET // places + 1)
    arguments = [system.system.t, *numbers, *map(sp.Symbol, names)]
    given = [times[:, None], *numbers.values(), *(axes or [0.0] * len(names))]
    try:
        with np.errstate(all="ignore"):
            values = np.asarray(compile_expression(data, arguments)(*given))
            values = np.broadcast_to(values, (times.size, places))
    except (PdekitError, TypeError, ValueError):
        return None
    finite = np.all(np.isfinite(values))
    return (times, values) if finite else None
