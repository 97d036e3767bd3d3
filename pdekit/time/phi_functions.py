"""The functions phi_k of exponential integrators, for numbers.

``phi_0(z) = exp(z)``, ``phi_{k+1}(z) = (phi_k(z) - 1/k!)/z``; so that ``int_0^1 exp((1 - s) z) s^(k-1)/(k-1)! ds = phi_k(z)``.

References
----------
M. Hochbruck and A. Ostermann, *Exponential integrators*, Acta Numerica 19 (2010) 209-286, eq. (2.10).
"""

from __future__ import annotations

import math

import numpy as np

from pdekit.typing import Array

SMALL, TERMS = (
    1.0,
    22,
)  # below, the series of so many terms is exact to rounding; above, the recursion loses at most k digits


def phi_functions(z: Array, highest: int) -> list[Array]:
    """phi_0 to phi_highest of an array.

    Parameters
    ----------
    z : array
        Real or complex.
    highest : int

    Examples
    --------
    >>> [float(f) for f in phi_functions(np.array(0.0), 3)]
    [1.0, 1.0, 0.5, 0.16666666666666666]
    """
    z = np.asarray(z)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        found = [np.exp(z)]
        near = np.abs(z) < SMALL
        inner, divisor = z[near], np.where(near, 1, z)
        for k in range(1, highest + 1):
            next_one = np.asarray((found[-1] - 1 / math.factorial(k - 1)) / divisor)
            if inner.size:
                next_one[near] = _series(inner, k)
            found.append(next_one)
    return found


def _series(z: Array, k: int) -> Array:
    """``sum_j z^j/(j + k)!``, by Horner's rule."""
    total = np.full_like(z, 1 / math.factorial(TERMS + k))
    for j in range(TERMS - 1, -1, -1):
        total = total * z + 1 / math.factorial(j + k)
    return total


def oscillation_functions(z: Array, t: float) -> tuple[Array, Array, Array]:
    """``C, S, I`` of ``q'' = z q + b``: ``q(t) = C q_0 + S q'_0 + I b``, ``q'(t) = z S q_0 + C q'_0 + S b``.

    With ``omega^2 = -z``: cos(omega t), sin(omega t)/omega and (1 - cos(omega t))/omega^2. For z > 0 the hyperbolic ones.

    Parameters
    ----------
    z : array
        Eigenvalues of the stiffness, real or complex.
    t : float
    """
    if z.dtype.kind != "c" and np.all(z <= 0):
        x = np.sqrt(-z) * t
        return np.cos(x), t * np.sinc(x / np.pi), 0.5 * (t * np.sinc(x / (2 * np.pi))) ** 2
    x = np.sqrt(-z.astype(complex)) * t
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.cos(x), t * np.sinc(x / np.pi), 0.5 * (t * np.sinc(x / (2 * np.pi))) ** 2
    return found if z.dtype.kind == "c" else tuple(part.real for part in found)
