"""Fronts that move into an unstable state of rest, and what rounding errors ahead of them become.

Ahead of a front of ``u_t = u_xx + r u (1 - u)`` u is next to nothing and grows like ``exp(r t)``: the front is pulled by its tail. Methods
that compute every node from its neighbours keep the tail to a relative accuracy, however small it is. Transforms, and iterations for
implicit equations, leave errors of the size of the rounding of the *greatest* value at all nodes; these grow as the tail does, and at
``t = log(1/eps)/r`` they have become the solution. With Fisher's equation on 100 lengths of its front, to t = 45, an exponential method at
a tolerance of 1e-6 was wrong by 1 everywhere ahead of the front.

References
----------
U. Ebert and W. van Saarloos, *Front propagation into unstable states*, Physica D 146 (2000) 1-99, section 1.1.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from pdekit.discretize.system import SemiDiscrete
from pdekit.language.evaluate import slope, wirtinger_slopes
from pdekit.time.stability import hidden_derivatives
from pdekit.typing import Array

ROUNDING = 1e-16
REST = 1e-6  # of the greatest value: what is smaller may still be invaded
PATCH = 5  # nodes along every axis: a zero between two signs is no state of rest
MOST_PLACES = 4096


def growth_at_rest(system: SemiDiscrete, t: float, y: Array) -> float:
    """The greatest rate at which disturbances grow where an unknown is at rest, zero but for a tail.

    Parameters
    ----------
    system : SemiDiscrete
        Of first order in time.
    t : float
    y : array

    Returns
    -------
    float
        Zero if there is no such place, or the rest is stable there.

    Examples
    --------
    >>> import pdekit as pk
    >>> def front(f):
    ...     return pk.Problem(pk.PDE(f"u_t = u_xx + {f}"), pk.Grid(x=pk.Axis(0, 50, 201)), initial={"u": "exp(-x**2)"},
    ...                       boundary={"u": {"x": pk.Neumann(0)}})
    >>> problems = [front("2*u*(1 - u)"), front("u*(1 - u)*(u - 0.2)")]
    >>> [round(growth_at_rest(p.semidiscrete, 0.0, p.semidiscrete.pack(p.initial_fields())), 6) for p in problems]
    [2.0, 0.0]
    """
    if system.function is not None or system.time_order != 1 or not system.evolves:
        return 0.0
    return system.grid.ranks.greatest(_growth(system, t, y, np.flatnonzero(_at_rest(system, t, y))))


def _growth(system: SemiDiscrete, t: float, y: Array, places: Array) -> float:
    """The greatest real part of the eigenvalues of the slopes without derivatives, at these nodes."""
    if places.size == 0:
        return 0.0
    places = places[:: -(-places.size // MOST_PLACES)]
    fields = [block for block in system.blocks if block.name not in map(str, system.system.scalars)]
    matrices = np.zeros((places.size, len(fields), len(fields)), dtype=system.dtype)
    frame = system.frame(t, y)
    for i, block in enumerate(fields):
        unknown = next(u for u in system.system.unknowns if u.name == block.name)
        body, shown = hidden_derivatives(unknown.rhs)
        for j, other in enumerate(fields):
            entry = slope(body, other.symbol) if system.is_holomorphic else wirtinger_slopes(body, other.symbol)[0]
            values = np.broadcast_to(frame.value(entry.xreplace(shown)), system.grid.shape)
            matrices[:, i, j] = values.ravel()[places]
    if not np.all(np.isfinite(matrices)):
        return 0.0
    return max(float(np.max(np.linalg.eigvals(matrices).real)), 0.0)


def _at_rest(system: SemiDiscrete, t: float, y: Array) -> Array:
    """The nodes in the middle of patches on which an unknown is next to nothing beside its greatest value."""
    found = np.zeros(system.grid.shape, dtype=bool)
    modes = ["wrap" if axis.periodic else "nearest" for axis in system.grid.axes]
    for name, values in system.unpack(t, y).items():
        if np.ndim(values) != system.grid.ndim or name in system.regions:  # exponential methods refuse regions
            continue
        size = np.abs(values)
        greatest = system.grid.ranks.greatest(float(np.max(size, initial=0.0)))
        if greatest > 0:
            found |= ndimage.maximum_filter(size, PATCH, mode=modes) <= REST * greatest
    inside = np.zeros_like(found)
    inside[system.grid.within] = True
    return found & inside


def is_lost(growth: float, duration: float, rtol: float) -> bool:
    """Whether rounding errors at rest may become greater than the tolerance.

    Examples
    --------
    >>> is_lost(1.0, 20.0, 1e-6), is_lost(1.0, 45.0, 1e-6)
    (False, True)
    """
    return bool(growth * duration > np.log(max(rtol, ROUNDING) / ROUNDING))
