"""Oscillation from node to node: the mark of what a grid does not resolve.

``2 sum(min(|d_i|, |d_i+1|) over sign changes)/sum(|d_i|)`` of first differences d was 0.7 to 1.9 in runs that were wrong
(central differences behind a shock, cell Peclet numbers above 2, Crank-Nicolson from data that do not fit) and at most 0.03 in
runs that were right.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.geometry.grid import Grid

SUSPICIOUS = 0.2
SLAB = 1 << 16  # values that are looked at together
FLAT = 1e-9  # beside the values: differences this small are rounding


def oscillation_along(values: NDArray[Any], axis: int, periodic: bool, least: float = 0.0) -> float:
    """The measure along one axis; zero where nothing turns by more than a share `least` of the greatest value.

    Examples
    --------
    >>> x = np.linspace(0, 1, 101)
    >>> round(oscillation_along((-1.0) ** np.arange(101), 0, False), 6), oscillation_along(np.sin(9 * x), 0, False) < 0.03
    (1.98, True)
    """
    parts = [values.real, values.imag] if np.iscomplexobj(values) else [values]
    size = max((float(np.nanmax(np.abs(values), initial=0.0)) for values in _slabs(values, axis)), default=0.0)
    shares = [0.0]
    for part in parts:
        whole, turned, greatest = _together(part, axis, periodic)
        if whole > FLAT * size * values.size and greatest > least * size:
            shares.append(2.0 * turned / whole)
    return max(shares)


def _together(values: NDArray[Any], axis: int, periodic: bool) -> tuple[float, float, float]:
    """The sums of all slabs, and the greatest of what turns."""
    found = np.array([oscillation_sums(slab, axis, periodic) for slab in _slabs(values, axis)])
    return float(found[:, 0].sum()), float(found[:, 1].sum()), float(found[:, 2].max())


def _slabs(values: NDArray[Any], axis: int) -> Iterator[NDArray[Any]]:
    """The values in parts that are whole along the axis, few enough for what is made of them not to be noticed."""
    other = 0 if axis else values.ndim - 1
    if other == axis:
        yield values
        return
    count = max(1, SLAB * values.shape[other] // values.size)
    for begin in range(0, values.shape[other], count):
        yield values[begin : begin + count] if other == 0 else values[..., begin : begin + count]


def oscillation_sums(values: NDArray[Any], axis: int, periodic: bool) -> tuple[float, float, float]:
    """Sums of the moduli of first differences, and of the lesser ones where their sign changes; the greatest of these."""
    d = np.diff(values, axis=axis, append=values.take([0], axis=axis)) if periodic else np.diff(values, axis=axis)
    if d.shape[axis] < 3:
        return 0.0, 0.0, 0.0
    d = np.where(np.isnan(d), 0.0, d)  # next to nodes outside of the domain
    after = np.roll(d, -1, axis=axis) if periodic else d.take(range(1, d.shape[axis]), axis=axis)
    before = d if periodic else d.take(range(d.shape[axis] - 1), axis=axis)
    turned = np.where(before * after < 0, np.minimum(np.abs(before), np.abs(after)), 0.0)
    return float(np.sum(np.abs(d))), float(np.sum(turned)), float(np.max(turned))


def oscillating_axis(grid: Grid, values: NDArray[Any], least: float = 0.0) -> tuple[str, float] | None:
    """The axis along which a field oscillates from node to node most, and how much; None if it does not.

    What oscillates by less than a share `least` of the greatest value, such as the tolerance of the steps, is none.
    """
    measure = oscillation_along if grid.ranks.count == 1 else partial(_shared_oscillation, grid)
    found = {n: measure(values, k, a.wraps, least) for k, (n, a) in enumerate(zip(grid.names, grid.axes))}
    name = max(found, key=lambda n: found[n])
    return (name, found[name]) if found[name] > SUSPICIOUS else None


def _shared_oscillation(grid: Grid, values: NDArray[Any], axis: int, periodic: bool, least: float) -> float:
    """The measure of a field that processes share; differences between the nodes of two of them are left out."""
    own = values[grid.owned]
    parts = [own.real, own.imag] if np.iscomplexobj(own) else [own]
    size, count = grid.ranks.greatest(float(np.nanmax(np.abs(own), initial=0.0))), grid.whole.size
    shares = [0.0]
    for part in parts:
        *sums, own_greatest = _together(part, axis, periodic)
        whole, turned = grid.ranks.total(np.array(sums))
        if whole > FLAT * size * count and grid.ranks.greatest(own_greatest) > least * size:
            shares.append(2.0 * turned / whole)
    return max(shares)
