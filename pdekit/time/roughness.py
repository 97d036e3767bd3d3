"""Whether a state has jumps that a grid cannot hold: then very fast modes are there that must be damped."""

from __future__ import annotations

import numpy as np

from pdekit.discretize.system import SemiDiscrete
from pdekit.geometry.grid import Grid
from pdekit.typing import Array

LEAST_NODES = 12  # of an axis, on which smooth states differ little from node to node
JUMP = 1 / 3  # of the range of an unknown, between neighbours; a wave resolved by 12 nodes has 1/4


def has_jumps(system: SemiDiscrete, t: float, y: Array) -> bool:
    """Whether an unknown changes between two neighbours by more than a third of its range, prescribed values included.

    Examples
    --------
    >>> import pdekit as pk
    >>> def of(text):
    ...     p = pk.Problem(pk.PDE("u_t = u_xx"), pk.Grid(x=pk.Axis(0, 1, 41)), initial={"u": text},
    ...                    boundary={"u": {"x": pk.Dirichlet(0)}})
    ...     return has_jumps(p.semidiscrete, 0.0, p.semidiscrete.pack(p.initial_fields()))
    >>> of("sin(pi*x)"), of("1"), of("step(x - 0.5)")
    (False, True, True)
    """
    grid, greatest = system.grid, system.grid.ranks.greatest
    for name, values in system.unpack(t, y).items():
        if values.ndim:
            blanked = system.regions.get(name, grid).blank(values)
            parts = (blanked.real, blanked.imag) if np.iscomplexobj(blanked) else (blanked,)
            extent = sum(greatest(_greatest(part)) + greatest(_greatest(-part)) for part in parts)
            if greatest(_greatest_step(grid, blanked)) > JUMP * extent:
                return True
    return False


def _greatest(values: Array) -> float:
    """Of the nodes where there is a value; less than any number where there is none."""
    return float(np.nanmax(values, initial=-np.inf))


def _greatest_step(grid: Grid, values: Array) -> float:
    """Between neighbours along axes that are long enough, beyond the seams of periodic ones too."""
    steps = [0.0]
    for axis, line in enumerate(grid.axes):
        if line.whole.size >= LEAST_NODES:
            steps.append(float(np.nanmax(np.abs(np.diff(values, axis=axis)), initial=0.0)))
            if line.wraps:
                seam = np.take(values, 0, axis=axis) - np.take(values, -1, axis=axis)
                steps.append(float(np.nanmax(np.abs(seam), initial=0.0)))
    return max(steps)
