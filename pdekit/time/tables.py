"""Butcher tableaux of Runge-Kutta methods, explicit and diagonally implicit. A new method is a new entry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.time.implicit_explicit_tables import KENNEDY_CARPENTER, KENNEDY_CARPENTER_ERROR


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
    error : tuple, optional
        Weights of the stages in the error estimate ``h sum e_i F_i``; empty if there is none.
    error_order : int, optional
        Order of the companion result from which the estimate comes.
    shu_osher : tuple of (a, b, c), optional
        The same method as blends ``Y_i = a Y_0 + b Y_(i-1) + c h F(Y_(i-1))``, stage by stage.
    aliases : tuple of str
        Other names.
    """

    name: str
    order: int
    A: tuple[tuple[float, ...], ...]
    b: tuple[float, ...]
    source: str
    error: tuple[float, ...] = ()
    error_order: int | None = None
    shu_osher: tuple[tuple[float, float, float], ...] = ()
    aliases: tuple[str, ...] = ()

    @cached_property
    def c(self) -> tuple[float, ...]:
        """Abscissae: the row sums of A."""
        return tuple(sum(row) for row in self.A)

    @property
    def stages(self) -> int:
        return len(self.b)

    @property
    def subdiagonal(self) -> bool:
        """Whether every stage needs the one before it only."""
        return all(not any(row[:-1]) for row in self.A)

    @property
    def kept(self) -> int:
        """States beside the old and the new one: two at most in the forms that fuse the update, else one for each stage."""
        fused = not self.error and (bool(self.shu_osher) or self.subdiagonal)
        return min(self.stages - 1, 2) if fused else self.stages

    @property
    def first_same_as_last(self) -> bool:
        """Whether the last stage is the right-hand side at the result, the first stage of the next step."""
        return self.b[-1] == 0 and self.A[-1] == self.b[:-1]

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


@dataclass(frozen=True)
class ImplicitTableau:
    """A diagonally implicit method, stiffly accurate, with an explicit first stage and one gamma in all others.

    Parameters
    ----------
    name, order, source, error, error_order
        As for `Tableau`; errors weigh the slopes k of the stages.
    gamma : float
        The diagonal of A, the first row apart.
    A : tuple of rows
        Strictly lower triangular part; row i has i entries.
    title : str
        In words.
    """

    name: str
    order: int
    gamma: float
    A: tuple[tuple[float, ...], ...]
    source: str
    title: str
    error: tuple[float, ...] = ()
    error_order: int | None = None
    aliases: tuple[str, ...] = ()

    @cached_property
    def c(self) -> tuple[float, ...]:
        """Abscissae: the row sums of A with its diagonal."""
        return tuple(sum(row) + self.gamma * (i > 0) for i, row in enumerate(self.A))


def _first_same_as_last(
    name: str, order: int, A: tuple[tuple[float, ...], ...], b: tuple[float, ...], source: str, **rest: Any
) -> Tableau:
    """A method whose last stage is taken at the result: its row of A is b."""
    return Tableau(name, order, (*A, b), (*b, 0.0), source, **rest)


TABLEAUX = {
    t.name: t
    for t in (
        Tableau(
            "euler",
            1,
            ((),),
            (1.0,),
            "Euler (1768)",
            shu_osher=((0.0, 1.0, 1.0),),
            aliases=("forward_euler", "explicit_euler", "rk1"),
        ),
        Tableau("midpoint", 2, ((), (1 / 2,)), (0.0, 1.0), "Runge (1895)", aliases=("rk2",)),
        Tableau("heun", 2, ((), (1.0,)), (1 / 2, 1 / 2), "Heun (1900)"),
        Tableau(
            "ssprk3",
            3,
            ((), (1.0,), (1 / 4, 1 / 4)),
            (1 / 6, 1 / 6, 2 / 3),
            "Shu and Osher (1988), eq. (2.18)",
            shu_osher=((0.0, 1.0, 1.0), (3 / 4, 1 / 4, 1 / 4), (1 / 3, 2 / 3, 2 / 3)),
        ),
        Tableau(
            "rk4",
            4,
            ((), (1 / 2,), (0.0, 1 / 2), (0.0, 0.0, 1.0)),
            (1 / 6, 1 / 3, 1 / 3, 1 / 6),
            "Kutta (1901)",
        ),
        Tableau(
            "ssprk54",
            4,
            (
                (),
                (0.39175222657189,),
                (0.21766909626116876, 0.368410593050371),
                (0.08269208665781058, 0.13995850219189535, 0.251891774271694),
                (0.06796628363711475, 0.11503469850463156, 0.20703489859738566, 0.544974750228521),
            ),
            (0.14681187608478657, 0.24848290944497617, 0.10425883033198098, 0.2744389009013507, 0.226007483236906),
            "Spiteri and Ruuth (2002), SSP(5,4)",
        ),
        _first_same_as_last(
            "bogacki_shampine",
            3,
            ((), (1 / 2,), (0.0, 3 / 4)),
            (2 / 9, 1 / 3, 4 / 9),
            "Bogacki and Shampine (1989), 3(2)",
            aliases=("RK23", "bs3", "bs23"),
            error=(2 / 9 - 7 / 24, 1 / 3 - 1 / 4, 4 / 9 - 1 / 3, -1 / 8),
            error_order=2,
        ),
        _first_same_as_last(
            "dormand_prince",
            5,
            (
                (),
                (1 / 5,),
                (3 / 40, 9 / 40),
                (44 / 45, -56 / 15, 32 / 9),
                (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
                (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
            ),
            (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
            "Dormand and Prince (1980), 5(4)",
            aliases=("RK45", "dopri5", "dopri"),
            error=(71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40),
            error_order=4,
        ),
        _first_same_as_last(
            "tsitouras",
            5,
            (
                (),
                (0.161,),
                (-0.008480655492356989, 0.335480655492357),
                (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
                (5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525),
                (
                    5.86145544294642,
                    -12.92096931784711,
                    8.159367898576159,
                    -0.071584973281401,
                    -0.028269050394068383,
                ),
            ),
            (
                0.09646076681806523,
                0.01,
                0.4798896504144996,
                1.379008574103742,
                -3.290069515436081,
                2.324710524099774,
            ),
            "Tsitouras (2011), 5(4)",
            aliases=("tsit5",),
            error=(
                -0.001780011052225777,
                -0.0008164344596567469,
                0.007880878010261995,
                -0.1447110071732629,
                0.5823571654525552,
                -0.458082105929187,
                1 / 66,
            ),
            error_order=4,
        ),
    )
}

_D, _W = 1 - 2**0.5 / 2, 2**0.5 / 4  # TR-BDF2: gamma = 2 - sqrt(2), d = gamma/2, w = sqrt(2)/4

IMPLICIT_TABLEAUX = {
    t.name: t
    for t in (
        ImplicitTableau(
            "tr_bdf2",
            2,
            _D,
            ((), (_D,), (_W, _W)),
            "Bank et al. (1985); Hosea and Shampine, Appl. Numer. Math. 20 (1996) 21-37, table 1",
            "TR-BDF2: a trapezoidal stage and one of backward differences, L-stable",
            error=(_W - (1 - _W) / 3, _W - (3 * _W + 1) / 3, _D - _D / 3),
            error_order=2,
            aliases=("trbdf2", "tr-bdf2"),
        ),
        ImplicitTableau(
            "esdirk43",
            4,
            1 / 4,
            KENNEDY_CARPENTER,
            "Kennedy and Carpenter, Appl. Numer. Math. 44 (2003) 139-181, ARK4(3)6L[2]SA-ESDIRK",
            "ESDIRK4(3)6L[2]SA: five implicit stages, stage order 2, L-stable",
            error=KENNEDY_CARPENTER_ERROR,
            error_order=3,
            aliases=("esdirk4", "kc43"),
        ),
    )
}
