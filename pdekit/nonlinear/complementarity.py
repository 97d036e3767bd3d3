r"""Equations with bounds on their unknowns, as semismooth equations for Newton's method.

With ``G`` increasing in x, the complementarity problem

    G(x) >= 0 where x = l,      G(x) = 0 where l < x < u,      G(x) <= 0 where x = u

is ``max(min(G(x), c (x - l)), c (x - u)) = 0`` with any c > 0. Newton's method on it is the primal-dual active set method: it guesses
where the bounds are reached, solves the equations elsewhere, and corrects the guess; for discrete Laplacians and the like it ends after
finitely many corrections, whatever the first guess.

References
----------
M. Hintermüller, K. Ito and K. Kunisch, *The primal-dual active set strategy as a semismooth Newton method*, SIAM J. Optim. 13 (2003)
865-888, eqs. (2.3) and (2.5).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pdekit.discretize.bounds import Bounds
from pdekit.nonlinear.newton import RootProblem
from pdekit.stencils.sparse_products import diagonal
from pdekit.typing import Array


def within_bounds(problem: RootProblem, bounds: Bounds, c: float) -> RootProblem:
    """The root problem of the complementarity problem.

    Parameters
    ----------
    problem : RootProblem
        ``G(x) = 0``, without bounds.
    bounds : Bounds
    c : float
        The size of the entries of G's Jacobian, positive.

    Examples
    --------
    >>> from scipy import sparse
    >>> free = RootProblem(lambda x: x - np.array([1.0, -1.0]), lambda x: sparse.eye_array(2), np.abs, [slice(0, 2)])
    >>> held = within_bounds(free, Bounds(np.zeros(2), np.full(2, np.inf)), 1.0)
    >>> held.residual(np.array([1.0, 0.0]))
    array([0., 0.])
    """

    last: tuple[Array, Array, Array] | None = (
        None  # x, the residual, where a bound is held: both are asked for at every x
    )

    def parts(x: Array) -> tuple[Array, Array]:
        nonlocal last
        if last is None or last[0] is not x:
            G = problem.residual(x)
            below, above = c * (x - bounds.lower), c * (x - bounds.upper)
            held = (below < G) | (above > G)
            last = x, np.where(held, np.where(below < G, below, above), G), held
        return last[1], last[2]

    def residual(x: Array) -> Array:
        return parts(x)[0]

    def jacobian(x: Array) -> Any:
        held = parts(x)[1]
        free = diagonal((~held).astype(float))
        return free @ problem.jacobian(x) + c * diagonal(held.astype(float))

    return RootProblem(residual, jacobian, problem.size, problem.blocks, problem.ranks)
