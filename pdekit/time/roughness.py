"""Whether a state has jumps that a grid cannot hold: then very fast modes are there that must be damped."""

from __future__ import annotations

import numpy as np

from pdekit.discretize.system import SemiDiscrete
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
    fields = [
        system.regions.get(name, system.grid).blank(values)
        for name, values in system.unpack(t, y).items()
        if values.ndim
    ]
    long = [(values, axis) for values in fields for axis in range(values.ndim) if values.shape[axis] >= LEAST_NODES]
    return any(_greatest_step(values, axis) > JUMP * _extent(values) for values, axis in long)


def _greatest_step(values: Array, axis: int) -> float:
    return float(np.nanmax(np.abs(np.diff(values, axis=axis)), initial=0.0))


def _extent(values: Array) -> float:
    return float(sum(np.nanmax(part) - np.nanmin(part) for part in (values.real, values.imag)))
