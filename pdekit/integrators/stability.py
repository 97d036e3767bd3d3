"""Spectra of semi-discrete systems, and the largest stable step of explicit methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, eigs

from pdekit.integrators.tables import Tableau

Array = NDArray[Any]
DENSE_LIMIT = 400  # unknowns up to which the whole spectrum is computed
ROUNDING = 1e-10
NEUTRAL = 1e-5  # beside the spectral radius: less damping than this is none, to the accuracy of the eigenvalues


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Extreme eigenvalues of a Jacobian.

    Parameters
    ----------
    values : complex array
        All eigenvalues of a small system, the outermost ones of a large one.
    complete : bool
        Whether these are all.
    """

    values: Array
    complete: bool

    @property
    def radius(self) -> float:
        """Greatest modulus."""
        return float(np.max(np.abs(self.values)))

    @property
    def growth(self) -> float:
        """Greatest real part, zero if it is rounding."""
        greatest = float(np.max(self.values.real))
        return greatest if greatest > ROUNDING * self.radius else min(greatest, 0.0)

    @property
    def is_real(self) -> bool:
        """Whether imaginary parts are small beside the radius."""
        return bool(np.max(np.abs(self.values.imag)) <= 1e-3 * self.radius)


def gershgorin_radius(matrix: Any) -> float:
    """Upper bound of the spectral radius: the greatest row sum of moduli."""
    return float(np.max(np.asarray(abs(sparse.csr_array(matrix)).sum(axis=1)), initial=0.0))


def spectrum(matrix: Any) -> Spectrum:
    """Eigenvalues that matter for stability.

    Dense up to 400 unknowns. Beyond, ARPACK finds the outermost ones (largest modulus and imaginary part); should
    it not converge, Gershgorin's bound stands in on the negative real axis.
    """
    n = matrix.shape[0]
    if n <= DENSE_LIMIT:
        return Spectrum(np.linalg.eigvals(matrix.toarray()), True)
    found = []
    start = np.random.default_rng(0).standard_normal(n)  # the same run gives the same answer
    for which, count in (("LM", 6), ("LI", 2)):
        try:
            found.append(eigs(matrix, k=count, which=which, tol=1e-3, maxiter=300, v0=start, return_eigenvectors=False))
        except ArpackNoConvergence as error:
            found.append(np.asarray(error.eigenvalues))
        except ArpackError:  # such as a zero matrix
            continue
    values = np.concatenate(found) if found else np.zeros(0)
    if values.size == 0:
        values = np.array([-gershgorin_radius(matrix)])
    return Spectrum(values.astype(complex), False)


def explicit_limit(tableau: Tableau, values: Array) -> float:
    """Largest h with ``|R(h lambda)| <= 1`` for all eigenvalues and all smaller steps.

    Growing modes of the problem itself (positive real part) are counted as neutral ones. Infinite if all
    eigenvalues vanish, zero if no step is stable (Euler on a wave).

    Examples
    --------
    >>> from pdekit.integrators.tables import TABLEAUX
    >>> round(explicit_limit(TABLEAUX["rk4"], np.array([-1.0])), 3)
    2.785
    >>> round(explicit_limit(TABLEAUX["rk4"], np.array([1j])), 3)
    2.828
    """
    radius = float(np.max(np.abs(values), initial=0.0))
    if radius == 0:
        return np.inf
    lam: Array = values / radius
    damping = np.where(lam.real < -NEUTRAL, lam.real, 0.0)
    lam = np.asarray(damping + 1j * np.where(np.abs(lam.imag) > ROUNDING, lam.imag, 0.0))
    lam = lam[np.abs(lam) > 0]
    if lam.size == 0:
        return np.inf
    R = np.polynomial.Polynomial(tableau.stability_polynomial)

    def stable(h: Array) -> NDArray[np.bool_]:
        return np.all(np.abs(R(np.multiply.outer(h, lam))) <= 1 + 1e-12, axis=1)

    # The real interval of stability is at most 2 s^2 long.
    trial = np.linspace(0.0, 2.0 * tableau.stages**2 + 1.0, 4001)[1:]
    unstable = ~stable(trial)
    if not unstable.any():
        return float(trial[-1] / radius)
    first = int(np.argmax(unstable))
    low, high = (trial[first - 1] if first else 0.0), trial[first]
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if stable(np.array([middle]))[0] else (low, middle)
    return 0.0 if low < 1e-5 else float(low / radius)


def verlet_limit(K: Any) -> tuple[float, Spectrum]:
    """Largest stable step ``2 / max omega`` of Stormer-Verlet on ``q'' = K q`` and the spectrum of K."""
    found = spectrum(K)
    return (2.0 / np.sqrt(found.radius) if found.radius > 0 else np.inf), found
