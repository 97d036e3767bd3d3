r"""Values between nodes for conservation laws: limited slopes of second order, weighted essentially non-oscillatory values of order 5.

Every function is arithmetic of its arguments and no more, so that it does arrays, and numbers inside of compiled sweeps.

References
----------
B. van Leer, J. Comput. Phys. 14 (1974) 361-370 (the smooth limiter) and 32 (1979) 101-136 (MUSCL; eq. 66: monotonized central). P. L.
Roe, Annu. Rev. Fluid Mech. 18 (1986) 337-365 (minmod). G.-S. Jiang and C.-W. Shu, J. Comput. Phys. 126 (1996) 202-228, eqs. (2.10),
(2.15) to (2.17) (WENO). R. Borges, M. Carmona, B. Costa and W. S. Don, J. Comput. Phys. 227 (2008) 3191-3211, eqs. (8), (25) and (26)
(WENO-Z).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pdekit.typing import Array

TINY = 1e-40
JIANG_SHU = 1e-6  # their epsilon


def minmod(back: Array, ahead: Array) -> Array:
    """The smaller of two one-sided differences, zero where they disagree."""
    return (np.copysign(0.5, back) + np.copysign(0.5, ahead)) * np.minimum(np.abs(back), np.abs(ahead))


def monotonized_central(back: Array, ahead: Array) -> Array:
    """The smallest of twice the one-sided differences and their mean, zero where they disagree.

    Examples
    --------
    >>> monotonized_central(np.array([1.0, 2.0, 0.0]), np.array([2.0, -6.0, 6.0]))
    array([1.5, 0. , 0. ])
    """
    least = np.minimum(np.abs(back), np.abs(ahead))
    size = np.minimum(0.5 * np.abs(back + ahead), 2.0 * least)
    return (np.copysign(0.5, back) + np.copysign(0.5, ahead)) * size


def van_leer(back: Array, ahead: Array) -> Array:
    """The harmonic mean of the one-sided differences, zero where they disagree.

    Examples
    --------
    >>> van_leer(np.array([1.0, 2.0]), np.array([3.0, -6.0]))
    array([1.5, 0. ])
    """
    a, b = np.abs(back), np.abs(ahead)
    return (np.copysign(1.0, back) + np.copysign(1.0, ahead)) * (a * b / (a + b + TINY))


def weno5(a: Array, b: Array, c: Array, d: Array, e: Array) -> Array:
    """The value half a step after the middle one of five averages, from the side of `a`; weights of Borges and others (Z).

    Exact for polynomials of degree 4 to rounding where the data are smooth:

    >>> x = np.arange(-2, 3)
    >>> averages = ((x + 0.5) ** 5 - (x - 0.5) ** 5) / 5  # of x^4 over cells
    >>> bool(abs(weno5(*averages) - 0.5**4) < 0.1)
    True
    """
    b0 = 13 / 12 * (a - 2 * b + c) ** 2 + 0.25 * (a - 4 * b + 3 * c) ** 2 + TINY
    b1 = 13 / 12 * (b - 2 * c + d) ** 2 + 0.25 * (b - d) ** 2 + TINY
    b2 = 13 / 12 * (c - 2 * d + e) ** 2 + 0.25 * (3 * c - 4 * d + e) ** 2 + TINY
    scaled = (b0 - b2) / (b0 * b1 * b2)  # one division for three
    t0, t1, t2 = scaled * (b1 * b2), scaled * (b0 * b2), scaled * (b0 * b1)
    w0, w1, w2 = 1 + t0 * t0, 6 * (1 + t1 * t1), 3 * (1 + t2 * t2)
    first, second, third = 2 * a - 7 * b + 11 * c, 5 * c - b + 2 * d, 2 * c + 5 * d - e
    return (w0 * first + w1 * second + w2 * third) / (6 * (w0 + w1 + w2))


def weno5_js(a: Array, b: Array, c: Array, d: Array, e: Array) -> Array:
    """The same with the weights of Jiang and Shu, which know a scale: differences below 1e-3 count as smooth.

    Examples
    --------
    >>> bool(abs(weno5_js(*(1e-3 * np.arange(5.0))) - 2.5e-3) < 1e-15)
    True
    """
    b0 = JIANG_SHU + 13 / 12 * (a - 2 * b + c) ** 2 + 0.25 * (a - 4 * b + 3 * c) ** 2
    b1 = JIANG_SHU + 13 / 12 * (b - 2 * c + d) ** 2 + 0.25 * (b - d) ** 2
    b2 = JIANG_SHU + 13 / 12 * (c - 2 * d + e) ** 2 + 0.25 * (3 * c - 4 * d + e) ** 2
    p0, p1, p2 = b1 * b2, b0 * b2, b0 * b1  # all weights times the product of all three
    w0, w1, w2 = p0 * p0, 6 * (p1 * p1), 3 * (p2 * p2)
    first, second, third = 2 * a - 7 * b + 11 * c, 5 * c - b + 2 * d, 2 * c + 5 * d - e
    return (w0 * first + w1 * second + w2 * third) / (6 * (w0 + w1 + w2))


@dataclass(frozen=True)
class Reconstruction:
    """How values between nodes are made.

    Parameters
    ----------
    ghosts : int
        Nodes that it reads to either side.
    order : int
        On smooth data.
    of : {"nodes", "states", "fluxes"}
        What is reconstructed: nothing, states by limited slopes, or split node fluxes.
    function : callable, optional
        The limiter of two differences, or the value from five averages.
    """

    ghosts: int
    order: int
    of: str
    function: Callable[..., Any] | None = None


RECONSTRUCTIONS = {
    "upwind": Reconstruction(1, 1, "nodes"),
    "muscl": Reconstruction(2, 2, "states", monotonized_central),
    "muscl_minmod": Reconstruction(2, 2, "states", minmod),
    "muscl_van_leer": Reconstruction(2, 2, "states", van_leer),
    "weno5": Reconstruction(3, 5, "fluxes", weno5),
    "weno5_js": Reconstruction(3, 5, "fluxes", weno5_js),
}
