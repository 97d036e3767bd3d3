"""Pairs of Runge-Kutta tables for ``y' = G(t, y) + N(t, y)``: diagonally implicit for G, explicit for N, with common nodes."""

from __future__ import annotations

from dataclasses import dataclass

Row = tuple[float, ...]


@dataclass(frozen=True)
class ImplicitExplicitTableau:
    """Both tables; their first stage is explicit, the diagonal of the implicit one is gamma.

    Parameters
    ----------
    name : str
    order : int
    title : str
    c : tuple of float
    gamma : float
    explicit, implicit : tuple of rows
        What stands left of the diagonal.
    b_explicit, b_implicit : tuple of float
    error : tuple of float
        Weights of the sum of both slopes, whose sum is the difference from the companion result; empty: no estimate.
    error_order : int or None
        Order of the companion.
    aliases : tuple of str
    """

    name: str
    order: int
    title: str
    c: Row
    gamma: float
    explicit: tuple[Row, ...]
    implicit: tuple[Row, ...]
    b_explicit: Row
    b_implicit: Row
    error: Row = ()
    error_order: int | None = None
    aliases: tuple[str, ...] = ()


_G = 1 - 2**-0.5
_DELTA = 1 - 1 / (2 * _G)
_B = (82889 / 524892, 0.0, 15625 / 83664, 69875 / 102672, -2260 / 8211, 1 / 4)
_COMPANION = (
    4586570599 / 29645900160,
    0.0,
    178811875 / 945068544,
    814220225 / 1159782912,
    -3700637 / 11593932,
    61727 / 225920,
)
# The implicit half of ARK4(3)6L[2]SA is an L-stable method of its own.
KENNEDY_CARPENTER: tuple[Row, ...] = (
    (),
    (1 / 4,),
    (8611 / 62500, -1743 / 31250),
    (5012029 / 34652500, -654441 / 2922500, 174375 / 388108),
    (15267082809 / 155376265600, -71443401 / 120774400, 730878875 / 902184768, 2285395 / 8070912),
    (82889 / 524892, 0.0, 15625 / 83664, 69875 / 102672, -2260 / 8211),
)
KENNEDY_CARPENTER_NODES: Row = (0.0, 1 / 2, 83 / 250, 31 / 50, 17 / 20, 1.0)
KENNEDY_CARPENTER_ERROR: Row = tuple(b - companion for b, companion in zip(_B, _COMPANION))

IMPLICIT_EXPLICIT_TABLEAUX: dict[str, ImplicitExplicitTableau] = {
    table.name: table
    for table in (
        ImplicitExplicitTableau(
            "ars222",
            2,
            "implicit-explicit Runge-Kutta ARS(2,2,2), Ascher, Ruuth and Spiteri (1997), section 2.6",
            (0.0, _G, 1.0),
            _G,
            ((), (_G,), (_DELTA, 1 - _DELTA)),
            ((), (0.0,), (0.0, 1 - _G)),
            (_DELTA, 1 - _DELTA, 0.0),
            (0.0, 1 - _G, _G),
        ),
        ImplicitExplicitTableau(
            "ars443",
            3,
            "implicit-explicit Runge-Kutta ARS(4,4,3), Ascher, Ruuth and Spiteri (1997), section 2.8",
            (0.0, 1 / 2, 2 / 3, 1 / 2, 1.0),
            1 / 2,
            ((), (1 / 2,), (11 / 18, 1 / 18), (5 / 6, -5 / 6, 1 / 2), (1 / 4, 7 / 4, 3 / 4, -7 / 4)),
            ((), (0.0,), (0.0, 1 / 6), (0.0, -1 / 2, 1 / 2), (0.0, 3 / 2, -3 / 2, 1 / 2)),
            (1 / 4, 7 / 4, 3 / 4, -7 / 4, 0.0),
            (0.0, 3 / 2, -3 / 2, 1 / 2, 1 / 2),
        ),
        ImplicitExplicitTableau(
            "ark43",
            4,
            "implicit-explicit Runge-Kutta ARK4(3)6L[2]SA, Kennedy and Carpenter (2003), adaptive",
            KENNEDY_CARPENTER_NODES,
            1 / 4,
            (
                (),
                (1 / 2,),
                (13861 / 62500, 6889 / 62500),
                (
                    -116923316275 / 2393684061468,
                    -2731218467317 / 15368042101831,
                    9408046702089 / 11113171139209,
                ),
                (
                    -451086348788 / 2902428689909,
                    -2682348792572 / 7519795681897,
                    12662868775082 / 11960479115383,
                    3355817975965 / 11060851509271,
                ),
                (
                    647845179188 / 3216320057751,
                    73281519250 / 8382639484533,
                    552539513391 / 3454668386233,
                    3354512671639 / 8306763924573,
                    4040 / 17871,
                ),
            ),
            KENNEDY_CARPENTER,
            _B,
            _B,
            KENNEDY_CARPENTER_ERROR,
            3,
            aliases=("imex", "ark4"),
        ),
    )
}
