"""The rightmost eigenvalues about a steady state: its stability."""

from __future__ import annotations

import numpy as np
from scipy import linalg, sparse

from pdekit.discretize.system import SemiDiscrete
from pdekit.eigenmodes import DENSE, eigenpairs, symmetrised
from pdekit.geometry.grid import Grid
from pdekit.steady import evolution_mass
from pdekit.time.stability import gershgorin_radius
from pdekit.typing import Array, Matrix

MARGINAL = 1e-12  # real parts beside the entries of J, below which they are zero to rounding
FEW = 3  # eigenvalues that are looked for next to one that is known
WITHIN = 0.5  # of the distance to which all next to zero are known: those beyond are looked for by themselves
SAME = 1e-6  # distance of eigenvalues beside their size, that are one found twice
REAL = 1e-8  # imaginary part beside the greatest modulus, below which it is rounding


class RightmostEigenvalues:
    """Eigenvalues of ``J x = mu M x``, the rightmost first.

    Up to 400 unknowns all are computed. Beyond, shifted inverse iteration finds those next to zero, by which modes become unstable,
    and those that are known to be unstable and have gone further, next to where they were; a pair that passes the imaginary axis at
    a frequency beyond those found is missed. Where nothing is known, the positive axis is searched at distances that double.
    Of waves without damping, ``u_tt = K u``, they are the roots of those of K.

    Parameters
    ----------
    system : SemiDiscrete
    grid : Grid
    count : int
        How many next to zero.
    """

    def __init__(self, system: SemiDiscrete, grid: Grid, count: int) -> None:
        self.system, self.count = system, count
        self._is_wave = all(u.time_order == 2 for u in system.system.unknowns) and not system.has_rates
        blocks = system.blocks[: len(system.blocks) // 2] if self._is_wave else system.blocks
        self._weights = np.concatenate([grid.weights.ravel()[block.free] for block in blocks])

    def values(self, J: Matrix, known: Array | None = None) -> Array:
        """The rightmost eigenvalues, complex: `count` or more, so that at least one of them is stable.

        Parameters
        ----------
        J : sparse matrix
        known : array, optional
            Those of a state nearby.
        """
        if self._is_wave:
            half = J.shape[0] // 2
            K = sparse.csr_array(J[half:, :half])
            squares = self._values(K, np.ones(half), None if known is None else known**2)
            squares[np.abs(squares) <= MARGINAL * abs(K).max()] = 0.0
            return _sorted(np.append(np.sqrt(squares), -np.sqrt(squares)))
        mass = evolution_mass(self.system, J)
        scaled = sparse.csr_array(J.multiply(np.where(mass == 0, 1.0, mass)[:, None]))
        return self._values(scaled, np.abs(mass), known)

    def signs(self, values: Array) -> Array:
        """What changes sign where a mode becomes unstable, in the order of modes: real parts, or of waves the squares."""
        return np.sort(np.real(values**2))[::-1][::2] if self._is_wave else values.real

    def frequency(self, values: Array, mode: int) -> float:
        """With which a mode that becomes unstable swings; zero for a real eigenvalue."""
        found = 0.0 if self._is_wave else abs(float(values[mode].imag))
        return found if found > REAL * float(np.max(np.abs(values))) else 0.0

    def _values(self, J: Matrix, mass: Array, known: Array | None) -> Array:
        if J.shape[0] <= DENSE:
            return _sorted(self._all(J, mass))
        near = self._near(J, mass)
        reach = float(np.max(np.abs(near)))
        found = list(near)
        for shift in _ladder(reach, gershgorin_radius(J)) if known is None else _beyond(known, WITHIN * reach):
            for value in eigenpairs(J, sparse.diags_array(mass), self._weights, FEW, shift)[1]:
                if value.real > 0 and abs(value) > reach and all(abs(value - v) > SAME * abs(v) for v in found):
                    found.append(value)
        return _sorted(np.array(found))

    def _near(self, J: Matrix, mass: Array) -> Array:
        """Those next to zero, so many that one of them is stable."""
        there = int(mass.sum())
        count = min(self.count, there)
        while True:
            values = np.asarray(eigenpairs(J, sparse.diags_array(mass), self._weights, count, 0.0)[1])
            if unstable(values, J) < count or count >= min(there, 8 * self.count):
                return values
            count = min(2 * count, there)

    def _all(self, J: Matrix, mass: Array) -> Array:
        S = symmetrised(J, sparse.diags_array(mass), self._weights)
        if S is not None:
            return np.asarray(np.linalg.eigvalsh(S.toarray()))
        values = np.asarray(linalg.eigvals(J.toarray(), None if np.all(mass == 1) else np.diag(mass)))
        return values[np.isfinite(values) & (np.abs(values) < 1e12 * np.max(np.abs(J)))]


def _sorted(values: Array) -> Array:
    return values[np.argsort(-values.real, kind="stable")].astype(complex)


def _ladder(first: float, last: float) -> list[complex]:
    """Numbers on the positive axis, each twice the one before."""
    return [complex(first * 2.0**k) for k in range(1, max(0, int(np.log2(max(last / first, 1.0)))) + 1)]


def _beyond(values: Array, reach: float) -> list[complex]:
    """Unstable ones beyond a distance from zero, one of each pair."""
    return [complex(v) for v in values if v.real > 0 and v.imag >= 0 and abs(v) > reach]


def unstable(values: Array, J: Matrix) -> int:
    """How many eigenvalues have positive real parts."""
    return int(np.sum(values.real > MARGINAL * float(abs(J).max())))
