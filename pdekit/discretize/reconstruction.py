r"""Values between nodes for conservation laws: first order, limited second order, weighted essentially non-oscillatory of order 5.

References
----------
B. van Leer, J. Comput. Phys. 32 (1979) 101-136 (MUSCL, the limiter of eq. 66: monotonized central). C.-W. Shu and S. Osher,
J. Comput. Phys. 77 (1988) 439-471 (fluxes from node values). R. Borges, M. Carmona, B. Costa and W. S. Don, J. Comput. Phys. 227 (2008)
3191-3211, eqs. (8), (25) and (26) (WENO-Z).
"""

from __future__ import annotations

import numpy as np

from pdekit.typing import Array

TINY = 1e-40


def limited_slopes(u: Array) -> Array:
    """Slopes of inner cells along the first axis: the smallest of twice the one-sided and the central one, zero at extremes.

    Examples
    --------
    >>> limited_slopes(np.array([0.0, 1.0, 3.0, 3.0, 9.0]))
    array([1.5, 0. , 0. ])
    """
    back, ahead = u[1:-1] - u[:-2], u[2:] - u[1:-1]
    size = np.minimum(0.5 * np.abs(back + ahead), 2 * np.minimum(np.abs(back), np.abs(ahead)))
    return np.where(back * ahead > 0, np.sign(back) * size, 0.0)


def weno5(a: Array, b: Array, c: Array, d: Array, e: Array) -> Array:
    """The value half a step after the middle one of five averages, from the side of `a`.

    Exact for polynomials of degree 4 to rounding where the data are smooth:

    >>> x = np.arange(-2, 3)
    >>> averages = ((x + 0.5) ** 5 - (x - 0.5) ** 5) / 5  # of x^4 over cells
    >>> bool(abs(weno5(*averages) - 0.5**4) < 0.1)
    True
    """
    first = (2 * a - 7 * b + 11 * c) / 6
    second = (-b + 5 * c + 2 * d) / 6
    third = (2 * c + 5 * d - e) / 6
    beta0 = 13 / 12 * (a - 2 * b + c) ** 2 + 0.25 * (a - 4 * b + 3 * c) ** 2
    beta1 = 13 / 12 * (b - 2 * c + d) ** 2 + 0.25 * (b - d) ** 2
    beta2 = 13 / 12 * (c - 2 * d + e) ** 2 + 0.25 * (3 * c - 4 * d + e) ** 2
    tau = np.abs(beta0 - beta2)
    w0 = 0.1 * (1 + (tau / (beta0 + TINY)) ** 2)
    w1 = 0.6 * (1 + (tau / (beta1 + TINY)) ** 2)
    w2 = 0.3 * (1 + (tau / (beta2 + TINY)) ** 2)
    return np.asarray((w0 * first + w1 * second + w2 * third) / (w0 + w1 + w2))
