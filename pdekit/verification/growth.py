"""Growth of the modes of a grid: errors that are small today, because nothing has stirred up what grows, say nothing of tomorrow.

A stable discretization has eigenvalues whose real parts stay bounded as the grid becomes finer (von Neumann's condition); what turns
upwind differences downwind makes modes that grow the faster, the finer the grid. A smooth solution does not contain them at first, and
the observed order is then right for a while.

References
----------
R. D. Richtmyer and K. W. Morton, *Difference Methods for Initial-Value Problems* (1967), section 4.7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pdekit.errors import NotDifferentiableError
from pdekit.problem import Problem

LARGEST = 600  # unknowns, of which all eigenvalues are found
LEAST_EXPONENT = (
    0.7  # of the mesh width: rates that grow with the grid, but not those of modes that a coarse one does not have
)


@dataclass(frozen=True)
class ModeGrowth:
    """The greatest growth rates of two grids.

    Parameters
    ----------
    sizes : tuple of int
        Points along the first axis.
    widths : tuple of float
    rates : tuple of float
    duration : float
        Of the time span.
    """

    sizes: tuple[int, int]
    widths: tuple[float, float]
    rates: tuple[float, float]
    duration: float

    @property
    def is_of_the_grid(self) -> bool:
        """Whether the rate goes up with the grid, and would be felt within the time span."""
        coarse, fine = self.rates
        if not (fine - coarse) * self.duration > 1:
            return False
        return coarse <= 0 or math.log(fine / coarse) > LEAST_EXPONENT * math.log(self.widths[0] / self.widths[1])

    def __str__(self) -> str:
        (few, many), (slow, fast) = self.sizes, self.rates
        return f"modes of the grid grow at the rate {slow:.3g} with {few} points, {fast:.3g} with {many}"


def growth_rate(problem: Problem) -> float | None:
    """The greatest real part of an eigenvalue of the right-hand side, linearised about the initial state.

    None where there are no eigenvalues, or too many: limited schemes, algebraic equations, Python functions.

    Examples
    --------
    >>> import pdekit as pk
    >>> ring = pk.Problem(pk.PDE("u_t = u - u_x"), pk.Grid(x=pk.Axis(0, 1, 16, periodic=True)), initial={"u": 0})
    >>> round(growth_rate(ring), 10)
    1.0
    """
    system = problem.semidiscrete
    known = system.evolves and system.function is None and system.is_holomorphic and not system.is_limited
    if not known or system.size > LARGEST:
        return None
    try:
        J = system.jacobian(problem.time.start, system.pack(problem.initial_fields())).toarray()
    except NotDifferentiableError:
        return None
    return float(np.max(np.linalg.eigvals(J).real)) if np.all(np.isfinite(J)) else None
