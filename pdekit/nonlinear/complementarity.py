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

    def parts(x: Array) -> tuple[Array, Array, Array]:
        """G, and what is taken instead of it, where."""
        G = problem.residual(x)
        below, above = c * (x - bounds.lower), c * (x - bounds.upper)
        instead = np.where(below < G, below, above)
        return G, instead, (below < G) | (above > G)

    def residual(x: Array) -> Array:
        G, instead, held = parts(x)
        return np.where(held, instead, G)

    def jacobian(x: Array) -> Any:
        _, _, held = parts(x)
        free = diagonal((~held).astype(float))
        return free @ problem.jacobian(x) + c * diagonal(held.astype(float))

    return RootProblem(residual, jacobian, problem.size, problem.blocks)
