"""Coefficients of Rosenbrock methods, in the variables that spare products with the Jacobian. A new method is a new entry.

References
----------
J. Lang and J. Verwer, *ROS3P: an accurate third-order Rosenbrock solver designed for parabolic problems*, BIT 41 (2001) 731-738.
E. Hairer and G. Wanner, *Solving Ordinary Differential Equations II*, 2nd ed. (1996), section VI.4, table 4.2 (RODAS).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class RosenbrockTableau:
    """A Rosenbrock method.

    Parameters
    ----------
    name : str
    order : int
    gamma : float
    a, c : tuple of rows
        Strictly lower triangular; row i has i entries.
    m : tuple
        Weights of the result.
    error : tuple
        Weights of the stages in the error estimate; none where the defect of the trapezoidal rule is taken.
    error_order : int
        Order of the companion result from which it comes.
    title : str
        In words.
    aliases : tuple of str
    """

    name: str
    order: int
    gamma: float
    a: tuple[tuple[float, ...], ...]
    c: tuple[tuple[float, ...], ...]
    m: tuple[float, ...]
    error: tuple[float, ...]
    error_order: int
    title: str
    aliases: tuple[str, ...] = ()

    @cached_property
    def _gammas(self) -> NDArray[Any]:
        """The matrix of the gamma_ij, whose inverse is ``1/gamma - c``."""
        n = len(self.m)
        inverse = np.eye(n) / self.gamma
        for i, row in enumerate(self.c):
            inverse[i, : len(row)] -= row
        return np.linalg.inv(inverse)

    @cached_property
    def alpha(self) -> tuple[float, ...]:
        """Abscissae: row sums of alpha = a Gamma."""
        n = len(self.m)
        a = np.zeros((n, n))
        for i, row in enumerate(self.a):
            a[i, : len(row)] = row
        return tuple(float(x) for x in (a @ self._gammas).sum(axis=1))

    @cached_property
    def gammas(self) -> tuple[float, ...]:
        """Weights of ``h dF/dt`` in the stages: row sums of Gamma."""
        return tuple(float(x) for x in self._gammas.sum(axis=1))


_G3 = (3 + 3**0.5) / 6  # of ROS3P; its other coefficients follow from it

ROSENBROCK_TABLEAUX: dict[str, RosenbrockTableau] = {
    t.name: t
    for t in (
        RosenbrockTableau(
            "ros3p", 3, _G3,
            a=((), (1 / _G3,), (1 / _G3, 0.0)),
            c=((), (-1 / _G3**2,), (-2 * 3**0.5, -(3**0.5))),
            m=(2.0, 3**0.5 / 3, 1 - 3**0.5 / 3),
            error=(),  # the published weights, (m_1 - 2.1133, m_2 - 1, 0), give 0 for every linear equation
            error_order=2,
            title="Rosenbrock of order 3 for parabolic problems, Lang and Verwer (2001)",
        ),
        RosenbrockTableau(
            "rodas4", 4, 0.25,
            a=(
                (),
                (1.544,),
                (0.9466785280815826, 0.2557011698983284),
                (3.314825187068521, 2.896124015972201, 0.9986419139977817),
                (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950),
                (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1.0),
            ),
            c=(
                (),
                (-5.6688,),
                (-2.430093356833875, -0.2063599157091915),
                (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
                (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160),
                (8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054),
            ),
            m=(1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1.0, 1.0),
            error=(0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
            error_order=3,
            title="Rosenbrock of order 4, RODAS, Hairer and Wanner (1996)",
            aliases=("rodas",),
        ),
    )
}  # fmt: skip
