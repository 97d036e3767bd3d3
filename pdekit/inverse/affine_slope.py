"""Derivatives of linear right-hand sides by numbers: ``F_p = B y + c`` with constant B and c, found once.

B has no more places than the Jacobian of the system, so that a few states, one for each colour of its columns, tell all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from pdekit.discretize.colouring import ColouredJacobian
from pdekit.typing import Array, Matrix

EXACT = 1e-12  # what a state that was not asked for may be off


@dataclass(frozen=True, eq=False)
class AffineSlope:
    """``F_p`` as a function of the state.

    Parameters
    ----------
    matrices : sparse array
        B of all parameters, one below the other.
    constant : array of shape (unknowns, parameters)
    """

    matrices: Matrix
    constant: Array

    def at(self, y: Array) -> Array:
        """F_p, of shape (unknowns, parameters)."""
        size, count = self.constant.shape
        return np.asarray((self.matrices @ y).reshape(count, size).T + self.constant)


def affine_slope(slope: Callable[[Array], Array], L: Matrix) -> AffineSlope | None:
    """Find it; None if it is not affine, or has other places than the Jacobian.

    Parameters
    ----------
    slope : callable of a state
        F_p, of shape (unknowns, parameters).
    L : sparse array
        The Jacobian.

    Examples
    --------
    >>> L = sparse.csr_array(np.array([[-2.0, 1], [1, -2]]))
    >>> found = affine_slope(lambda y: (L @ y + 1)[:, None], L)
    >>> found.at(np.array([1.0, 3])).ravel()
    array([ 2., -4.])
    """
    pattern = sparse.csr_array(abs(L) + sparse.eye_array(L.shape[0], format="csr"))
    pattern = sparse.csr_array(pattern + pattern.T)
    colours, (rows, columns) = ColouredJacobian(pattern).colours, pattern.tocoo().coords
    constant = slope(np.zeros(L.shape[0]))
    size, count = constant.shape
    values = np.zeros((count, rows.size))
    for colour in range(int(np.max(colours)) + 1):
        product = slope((colours == colour).astype(float)) - constant
        chosen = colours[columns] == colour
        values[:, chosen] = product[rows[chosen]].T
    parts = [sparse.csr_array((own, (rows, columns)), shape=L.shape) for own in values]
    found = AffineSlope(sparse.csr_array(sparse.vstack(parts)), constant)
    for y in np.random.default_rng(0).standard_normal((2, size)):
        expected = slope(y)
        if not np.max(np.abs(found.at(y) - expected)) <= EXACT * np.max(np.abs(expected)):
            return None
    return found
