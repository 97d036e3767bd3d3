"""Coefficients of exponential Runge-Kutta methods: combinations of phi functions.

A coefficient is a tuple of terms ``(weight, k, s)``, which stand for ``sum weight * phi_k(s z)`` with ``z = h A``.
"""

from __future__ import annotations

from dataclasses import dataclass

Term = tuple[float, int, float]
Coefficient = tuple[Term, ...]


@dataclass(frozen=True)
class ExponentialTableau:
    """``U_i = exp(c_i z) u + h sum_j a_ij(z) N(U_j)``, ``u' = exp(z) u + h sum_i b_i(z) N(U_i)``.

    Parameters
    ----------
    name : str
    order : int
        For smooth solutions; of stiff ones by as much less as `stiff_order` says.
    stiff_order : int
        The order that does not depend on the stiffness.
    title : str
    c : tuple of float
    a : tuple of rows of Coefficient
    b : tuple of Coefficient
    error_order : int or None
        Order of the result with ``N(u')`` in place of the last stage's N, which gives the error; None: no estimate.
    aliases : tuple of str
    """

    name: str
    order: int
    stiff_order: int
    title: str
    c: tuple[float, ...]
    a: tuple[tuple[Coefficient, ...], ...]
    b: tuple[Coefficient, ...]
    error_order: int | None = None
    aliases: tuple[str, ...] = ()


NONE: Coefficient = ()

EXPONENTIAL_TABLEAUX: dict[str, ExponentialTableau] = {
    table.name: table
    for table in (
        ExponentialTableau(
            "etd1",
            1,
            1,
            "exponential Euler method",
            (0.0,),
            ((),),
            (((1.0, 1, 1.0),),),
            aliases=("exponential_euler",),
        ),
        ExponentialTableau(
            "etd2rk",
            2,
            1,
            "exponential Runge-Kutta of order 2, Cox and Matthews (2002), eq. (22)",
            (0.0, 1.0),
            ((), (((1.0, 1, 1.0),),)),
            (((1.0, 1, 1.0), (-1.0, 2, 1.0)), ((1.0, 2, 1.0),)),
            aliases=("etd2",),
        ),
        ExponentialTableau(
            "etdrk4",
            4,
            3,
            "exponential Runge-Kutta of order 4, Krogstad (2005), adaptive",
            (0.0, 0.5, 0.5, 1.0),
            (
                (),
                (((0.5, 1, 0.5),),),
                (((0.5, 1, 0.5), (-1.0, 2, 0.5)), ((1.0, 2, 0.5),)),
                (((1.0, 1, 1.0), (-2.0, 2, 1.0)), NONE, ((2.0, 2, 1.0),)),
            ),
            (
                ((1.0, 1, 1.0), (-3.0, 2, 1.0), (4.0, 3, 1.0)),
                ((2.0, 2, 1.0), (-4.0, 3, 1.0)),
                ((2.0, 2, 1.0), (-4.0, 3, 1.0)),
                ((-1.0, 2, 1.0), (4.0, 3, 1.0)),
            ),
            error_order=3,
            aliases=("etd", "krogstad"),
        ),
    )
}
