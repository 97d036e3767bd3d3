"""The initial state of a run, and its derivatives by parameters.

Where there are algebraic equations ``0 = G(t, y_d, y_a, p)`` beside others, what is given of their unknowns y_a is a first guess only:
they follow from the equations, and ``S_a = -G_a^-1 (G_d S_d + G_p)``.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from pdekit.consistent_values import consistent
from pdekit.counts import Statistics
from pdekit.inverse.promotion import Promotion
from pdekit.linear.direct import factorise
from pdekit.problem import Problem
from pdekit.typing import Array, Matrix


def initial_state(problem: Problem, start: float) -> Array:
    """The vector of unknowns at the start, algebraic equations satisfied."""
    system = problem.semidiscrete
    return consistent(system, system.pack(problem.initial_fields()), start, Statistics())


def initial_tangent(promotion: Promotion, start: float, y: Array, directions: Array | None) -> Array:
    """Its derivatives by the parameters, of shape (unknowns, directions)."""
    given = promotion.initial_slope()
    S = np.asarray(given.toarray() if directions is None else given @ directions)
    if promotion.base.evolves:
        return S
    held, own, J = _split(promotion, start, y)
    S[own] = 0.0
    change = J @ S + promotion.slope(start, y).along(directions)
    S[own] = -factorise(held).solve(change[own])
    return S


def initial_adjoint(promotion: Promotion, start: float, y: Array, seed: Array) -> Array:
    """What derivatives by the initial state, of shape (unknowns, numbers), contribute to those by the parameters."""
    seed, direct = seed.copy(), np.zeros((promotion.vector.size, seed.shape[1]))
    if not promotion.base.evolves:
        held, own, J = _split(promotion, start, y)
        w = np.zeros_like(seed)
        w[own] = -factorise(held).solve_transposed(seed[own])
        seed[own] = 0.0
        back = J.T @ w
        back[own] = 0.0
        seed, direct = seed + back, promotion.slope(start, y).transposed(w)
    return np.asarray(promotion.initial_slope().T @ seed + direct)


def _split(promotion: Promotion, start: float, y: Array) -> tuple[Matrix, Array, Matrix]:
    """The Jacobian of the algebraic equations by their unknowns, where these stand, and the whole Jacobian."""
    own, J = np.flatnonzero(promotion.base.algebraic), promotion.base.jacobian(start, y)
    return sparse.csr_array(J[own][:, own]), own, J
