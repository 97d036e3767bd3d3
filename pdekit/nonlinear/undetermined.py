"""What a singular Jacobian leaves undetermined, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from pdekit.discretize.layout import Block
from pdekit.discretize.low_rank import explicit
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError
from pdekit.linear.direct import factorise
from pdekit.typing import Array

SHIFT = 1e-13  # of the diagonal beside the greatest entry, so that a singular matrix has factors
PART = 1e-2  # of the vector, from which an unknown belongs to it
FLAT = 1e-3  # deviation beside the mean, of a constant
ALIKE = 0.99  # cosine of the angle to a derivative of the state


def nearest_null_vector(matrix: Any) -> Array | None:
    """The vector of length 1 that a nearly singular matrix makes smallest, by two steps of inverse iteration; None if it has no factors.

    Examples
    --------
    >>> A = sparse.csr_array(np.array([[1.0, -1.0], [-1.0, 1.0]]))
    >>> abs(nearest_null_vector(A)).round(6)
    array([0.707107, 0.707107])
    """
    matrix = explicit(matrix)
    size = matrix.shape[0]
    x = np.random.default_rng(0).standard_normal(size)
    try:
        shifted = matrix + SHIFT * float(abs(matrix).max()) * sparse.eye_array(size, format="csr")
        solver = factorise(sparse.csr_array(shifted))
        for _ in range(2):
            x = solver.solve(x)
            x = x / np.linalg.norm(x)
    except SolverError:
        return None
    return x if np.all(np.isfinite(x)) else None


def undetermined(system: SemiDiscrete, J: Any, y: Array) -> str:
    """What could be added to a state without changing its equations, to first order.

    Parameters
    ----------
    system : SemiDiscrete
    J : sparse matrix
        The singular Jacobian.
    y : array
        The state.
    """
    null = nearest_null_vector(J)
    if null is None:
        return "nothing that is near it is determined"
    parts = [block for block in system.blocks if np.linalg.norm(null[block.slice]) > PART]
    names = " and ".join(block.name for block in parts)
    if all(_is_flat(null[block.slice]) for block in parts):
        return f"a constant may be added to {names}; let a condition or an equation fix its value"
    axis = _shifted_axis(system, null, y, parts)
    if axis is not None:
        return f"a shift of {names} along {axis} changes nothing; let an equation fix where it is, or take half of the axis"
    return f"a mode of {names}, greatest at {_place(system, null)}, is not determined"


def _is_flat(values: Array) -> bool:
    mean = np.mean(values)
    return bool(np.max(np.abs(values - mean)) <= FLAT * abs(mean))


def _shifted_axis(system: SemiDiscrete, null: Array, y: Array, parts: list[Block]) -> str | None:
    """The periodic axis along which the null vector is the derivative of the state."""
    fields = system.unpack(0.0, y)
    for number, (name, axis) in enumerate(zip(system.grid.names, system.grid.axes)):
        if not axis.periodic:
            continue
        slopes, own = np.zeros(0), np.zeros(0)
        for block in parts:
            u = fields[block.name]
            slopes = np.append(slopes, (np.roll(u, -1, number) - np.roll(u, 1, number)).ravel()[block.free])
            own = np.append(own, null[block.slice])
        if abs(slopes @ own) > ALIKE * np.linalg.norm(slopes) * np.linalg.norm(own) > 0:
            return name
    return None


def _place(system: SemiDiscrete, null: Array) -> str:
    index = int(np.argmax(np.abs(null)))
    block = next(b for b in system.blocks if b.slice.start <= index < b.slice.stop)
    node = int(block.free[index - block.slice.start])
    return ", ".join(f"{n} = {v:.4g}" for n, v in system.grid.point(node).items())
