"""What a pass over memory makes of the right-hand side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pdekit.typing import Array


@dataclass(frozen=True)
class Mode:
    """How a step is made of the right-hand side F at u: ``out = cu*u + sum_p c_p X_p + c_2*out + cf*F``.

    Parameters
    ----------
    name : str
    others : int
        Number of arrays X.
    centre : bool
        Whether u itself is among the terms.
    carries : bool
        Whether what stood in ``out`` before is among the terms.
    collects : bool
        Whether there is a second result, ``z += d*F``.
    """

    name: str
    others: int
    centre: bool
    carries: bool = False
    collects: bool = False


MODES = {
    m.name: m
    for m in (
        Mode("rate", 0, False),
        Mode("step", 0, True),
        Mode("blend", 1, True),
        Mode("collect", 1, False, collects=True),
        Mode("finish", 0, False, collects=True),
        Mode("stabilised", 2, True, carries=True),
    )
}


def combined(mode: Mode, F: Array, u: Array, coefficients: Array | None, others: Sequence[Array], out: Array) -> Array:
    """What a pass writes, by its definition; `out` is what stood there before."""
    if mode.name == "rate":
        return F
    assert coefficients is not None
    cf, cu, *c, _ = coefficients
    total = cf * F
    if mode.centre:
        total += cu * u
    for factor, other in zip(c, others):
        total += factor * other
    if mode.carries:
        total += c[2] * out
    return total
