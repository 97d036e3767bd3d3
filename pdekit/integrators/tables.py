"""Butcher tableaux of explicit Runge-Kutta methods. A new method is a new entry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Tableau:
    """An explicit Runge-Kutta method.

    Parameters
    ----------
    name : str
    order : int
        Order of accuracy.
    A : tuple of rows
        Strictly lower triangular part; row i has i entries.
    b : tuple
        Weights.
    source : str
        Where the coefficients are from.
    """

    name: str
    order: int
    A: tuple[tuple[float, ...], ...]
    b: tuple[float, ...]
    source: str

    @property
    def c(self) -> tuple[float, ...]:
        """Abscissae: the row sums of A."""
        return tuple(sum(row) for row in self.A)

    @property
    def stages(self) -> int:
        return len(self.b)

    @cached_property
    def stability_polynomial(self) -> NDArray[np.float64]:
        """Coefficients of ``R(z) = 1 + sum_k z^(k+1) b^T A^k 1``, constant term first.

        Examples
        --------
        >>> TABLEAUX["rk4"].stability_polynomial * [1, 1, 2, 6, 24]
        array([1., 1., 1., 1., 1.])
        """
        s = self.stages
        A = np.zeros((s, s))
        for i, row in enumerate(self.A):
            A[i, : len(row)] = row
        coefficients, power = [1.0], np.ones(s)
        for _ in range(s):
            coefficients.append(float(np.dot(self.b, power)))
            power = A @ power
        return np.array(coefficients)


TABLEAUX = {
    t.name: t
    for t in (
        Tableau("euler", 1, ((),), (1.0,), "Euler (1768)"),
        Tableau("midpoint", 2, ((), (1 / 2,)), (0.0, 1.0), "Runge (1895)"),
        Tableau("heun", 2, ((), (1.0,)), (1 / 2, 1 / 2), "Heun (1900)"),
        Tableau(
            "ssprk3",
            3,
            ((), (1.0,), (1 / 4, 1 / 4)),
            (1 / 6, 1 / 6, 2 / 3),
            "Shu and Osher (1988), eq. (2.18)",
        ),
        Tableau(
            "rk4",
            4,
            ((), (1 / 2,), (0.0, 1 / 2), (0.0, 0.0, 1.0)),
            (1 / 6, 1 / 3, 1 / 3, 1 / 6),
            "Kutta (1901)",
        ),
    )
}
