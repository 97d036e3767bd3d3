"""How large the unknowns of a run are or become: what absolute tolerances and the look-out for blow-up are measured by."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pdekit.discretize.system import SemiDiscrete
from pdekit.time.pulses import TimedData
from pdekit.typing import Array

NOTHING = 1e-13  # of the other sizes: a rate that is zero but for rounding says nothing of one
AT_REST = 1e-6  # of what sources make of a state
PROBE = 1e-6  # of what a state is or may become: the change by which damping is found
MOST_LOOKED_AT = 32  # data that change in time

Rate = Callable[[float, Array], Array]


def state_sizes(
    system: SemiDiscrete, y: Array, t: float, duration: float, rate: Rate | None, timed: Sequence[TimedData] = ()
) -> list[float]:
    """Size of every block: its greatest value at the start or in the data, or what its rate makes of it.

    Parameters
    ----------
    system : SemiDiscrete
    y : array
        The unknowns at the start.
    t, duration : float
    rate : callable, optional
        The right-hand side. Without one, which takes a matrix that exact methods do not need, the size of the others stands for one that
        begins at zero.
    timed : sequence of TimedData
        Data that change in time. For states that are at rest at the start, beside what these make of them, that counts.

    Examples
    --------
    >>> import pdekit as pk
    >>> rod = pk.Problem(pk.PDE("u_t = u_xx + 3"), pk.Grid(x=pk.Axis(0, 1, 9)), initial={"u": 0}, boundary={"u": {"x": pk.Neumann(0)}})
    >>> system = rod.semidiscrete
    >>> [round(size, 12) for size in state_sizes(system, np.zeros(9), 0.0, 2.0, system.rhs)]
    [6.0]
    """
    greatest = system.grid.ranks.greatest
    rate_of, scales = rate or system.rhs, _greatest_values(system, t, y)
    come: list[float] | None = None
    for data in timed[:MOST_LOOKED_AT]:
        sizes = _sizes_by(system, data, y, rate_of)
        come = sizes if come is None else [max(pair) for pair in zip(come, sizes)]
    if come is not None:
        scales = [size if scale < AT_REST * size else scale for scale, size in zip(scales, come)]
    if min(scales) == 0 and (rate is not None or max(scales) == 0):
        rates = np.abs(rate_of(t, y))
        found = [duration * greatest(float(np.max(rates[block.slice], initial=0.0))) for block in system.blocks]
        rounding = NOTHING * max([*scales, *found])
        scales = [s if s > 0 else (r if r > rounding else 0.0) for s, r in zip(scales, found)]
    overall = max(scales)
    return [s if s > 0 else (overall if overall > 0 else 1.0) for s in scales]


def _greatest_values(system: SemiDiscrete, t: float, y: Array) -> list[float]:
    """The greatest value of every block, prescribed ones of that time among them."""
    full, greatest = system.unpack(t, y), system.grid.ranks.greatest
    return [greatest(float(np.max(np.abs(full[block.name]), initial=0.0))) for block in system.blocks]


def _sizes_by(system: SemiDiscrete, data: TimedData, y: Array, rate: Rate) -> list[float]:
    """What every block is with some data when they are greatest, or becomes: their mean rate, for as long as they last or until it is damped.

    The rate of damping is that of the rate along itself, ``|F(y + e F) - F(y)|/(e |F|)``: a boundary value acts for h^2 only.
    """
    greatest = system.grid.ranks.greatest
    algebraic = {u.name for u in system.system.unknowns if u.time_order == 0}
    sizes, F = _greatest_values(system, data.peak, y), rate(data.peak, y)
    steepest = greatest(float(np.max(np.abs(F), initial=0.0)))
    if not 0 < steepest < np.inf:
        return sizes
    e = PROBE * max(max(sizes), data.lasting * steepest) / steepest
    change = np.abs(rate(data.peak, y + e * F) - F)
    for k, block in enumerate(system.blocks):
        mean, damped = (
            greatest(float(np.mean(np.abs(x[block.slice]))) if x[block.slice].size else 0.0) for x in (F, change)
        )
        lasting = min(data.lasting, e * mean / damped) if damped > 0 else data.lasting
        if block.name not in algebraic:
            sizes[k] = max(sizes[k], mean * lasting)
    return sizes
