"""The rightmost eigenvalues about a steady state: its stability."""

from __future__ import annotations

import numpy as np
from scipy import linalg, sparse

from pdekit.discretize.system import SemiDiscrete
from pdekit.eigenmodes import DENSE, eigenpairs, symmetrised
from pdekit.geometry.grid import Grid
from pdekit.steady import evolution_mass
from pdekit.typing import Array, Matrix

MARGINAL = 1e-12  # real parts beside the entries of J, below which they are zero to rounding


class Spectrum:
    """Eigenvalues of ``J x = mu M x``, the rightmost first.

    Up to 400 unknowns all are computed; beyond, those that are next to zero are found by shifted inverse iteration, and more of them
    until one is stable: a pair of high frequency may then be missed.

    Parameters
    ----------
    system : SemiDiscrete
    grid : Grid
    count : int
        How many.
    """

    def __init__(self, system: SemiDiscrete, grid: Grid, count: int) -> None:
        self.system, self.count = system, count
        self._weights = np.concatenate([grid.weights.ravel()[block.free] for block in system.blocks])

    def values(self, J: Matrix) -> Array:
        """The rightmost eigenvalues, complex: `count` or more, so that at least one of them is stable."""
        mass = evolution_mass(self.system, J)
        J, mass = sparse.csr_array(J.multiply(np.where(mass == 0, 1.0, mass)[:, None])), np.abs(mass)
        there = int(mass.sum())
        if J.shape[0] <= DENSE:
            return _sorted(self._all(J, mass))
        count = min(self.count, there)
        while True:
            values = _sorted(eigenpairs(J, mass, self._weights, count, 0.0)[1])
            if unstable(values, J) < count or count >= min(there, 8 * self.count):
                return values
            count = min(2 * count, there)

    def _all(self, J: Matrix, mass: Array) -> Array:
        S = symmetrised(J, mass, self._weights)
        if S is not None:
            return np.asarray(np.linalg.eigvalsh(S.toarray()))
        values = np.asarray(linalg.eigvals(J.toarray(), None if np.all(mass == 1) else np.diag(mass)))
        return values[np.isfinite(values) & (np.abs(values) < 1e12 * np.max(np.abs(J)))]


def _sorted(values: Array) -> Array:
    return values[np.argsort(-values.real, kind="stable")].astype(complex)


def unstable(values: Array, J: Matrix) -> int:
    """How many eigenvalues have positive real parts."""
    return int(np.sum(values.real > MARGINAL * float(abs(J).max())))
