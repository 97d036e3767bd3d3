"""Symmetric compositions of Stormer-Verlet steps: symplectic methods of higher order for ``q'' = a(t, q)``.

References
----------
H. Yoshida, Phys. Lett. A 150 (1990) 262-268. M. Suzuki, Phys. Lett. A 146 (1990) 319-323. E. Hairer, C. Lubich and G. Wanner,
*Geometric Numerical Integration*, 2nd ed. (2006), section II.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Composition:
    """Verlet steps of lengths ``weights[i] h`` one after the other.

    Parameters
    ----------
    name : str
    order : int
    weights : tuple of float
        Their sum is 1.
    title : str
    aliases : tuple of str
    """

    name: str
    order: int
    weights: tuple[float, ...]
    title: str
    aliases: tuple[str, ...] = ()

    @cached_property
    def limit(self) -> float:
        """The greatest ``h omega`` up to which ``q'' = -omega^2 q`` is stable: the map's trace stays within 2.

        Examples
        --------
        >>> round(COMPOSITIONS["verlet"].limit, 6), round(COMPOSITIONS["yoshida4"].limit, 3)
        (2.0, 1.573)
        """
        x = np.linspace(0.0, 2.0 * len(self.weights), 400_001)[1:]
        one, zero = np.ones_like(x), np.zeros_like(x)
        M = np.array([[one, zero], [zero, one]])
        for w in self.weights:
            h = w * x
            step = np.array([[1 - h**2 / 2, h], [-h * (1 - h**2 / 4), 1 - h**2 / 2]])
            M = np.einsum("ijx,jkx->ikx", step, M)
        unstable = np.abs(M[0, 0] + M[1, 1]) > 2 + 1e-9
        return float(x[np.argmax(unstable)]) if unstable.any() else float(x[-1])


_Y = 1 / (2 - 2 ** (1 / 3))
_S = 1 / (4 - 4 ** (1 / 3))

COMPOSITIONS: dict[str, Composition] = {
    c.name: c
    for c in (
        Composition("verlet", 2, (1.0,), "Stormer-Verlet, symplectic", ("leapfrog", "stormer_verlet")),
        Composition("yoshida4", 4, (_Y, 1 - 2 * _Y, _Y), "symplectic of order 4, Forest and Ruth, Yoshida (1990)", ("forest_ruth",)),
        Composition("suzuki4", 4, (_S, _S, 1 - 4 * _S, _S, _S), "symplectic of order 4, Suzuki (1990): five small steps"),
    )
}  # fmt: skip
