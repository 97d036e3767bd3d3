"""Whether an initial state fits the boundary data at the start."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pdekit.discretize.layout import Block
from pdekit.discretize.system import SemiDiscrete
from pdekit.time.pulses import timed_data
from pdekit.typing import Array

DIFFERING = 1e-8  # of a state: by more, it does not fit its boundary data
TINY = 1e-300


def misfits(system: SemiDiscrete, fields: Mapping[str, Array], start: float, end: float | None) -> list[str]:
    """Where an initial state, or boundary data among themselves, do not fit at the start, in words.

    Parameters
    ----------
    system : SemiDiscrete
    fields : mapping of str to array
        The initial state, as given.
    start : float
    end : float or None
    """
    found = []
    for block in system.blocks:
        found += [f"boundary.{block.name}: {conflict}" for conflict in block.conditions.corner_conflicts(start)]
        if system.time_order and block.conditions.prescribed().any():
            found += _gaps_at_faces(system, block, fields, start, end)
    return found


def _gaps_at_faces(
    system: SemiDiscrete, block: Block, fields: Mapping[str, Array], start: float, end: float | None
) -> list[str]:
    """Where a state differs from its boundary data, beside what either is, or the data become."""
    given, scalars = fields[block.name], system.system.scalars_of(fields)
    forced = np.array(given, dtype=system.dtype)
    block.conditions.fill(forced, start, scalars)
    gap, sizes = np.abs(forced - given), [float(np.max(np.abs(values))) for values in (given, forced)]
    if gap.max() <= DIFFERING * max(*sizes, TINY):
        return []
    for data in [] if end is None else timed_data(system, start, end):
        block.conditions.fill(forced, data.peak, scalars)
        sizes.append(float(np.max(np.abs(forced))))
    if gap.max() <= DIFFERING * max(*sizes, TINY):
        return []
    where = ", ".join(f"{n} = {v:.4g}" for n, v in system.grid.point(int(np.argmax(gap))).items())
    return [
        f"initial.{block.name}: differs from the boundary data by {gap.max():.3g} at {where}; the boundary data are used there"
    ]
