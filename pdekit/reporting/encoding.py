"""Frames as a browser takes them: counts of steps between fixed limits, differences from frame to frame, deflated.

A frame of a field that a picture shows needs as many values as there are colours. The differences of successive frames are small where
a solution is smooth in time, and deflate makes little of them.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TYPES: dict[int, Any] = {8: np.dtype("u1"), 16: np.dtype("<u2")}


@dataclass(frozen=True)
class Limits:
    """Between which values frames are counted, and in how many bits.

    Parameters
    ----------
    low, high : float
    bits : {8, 16}
        The greatest count says that there is no value.
    """

    low: float
    high: float
    bits: int

    @property
    def steps(self) -> int:
        """How many steps there are between the limits."""
        return 2**self.bits - 2

    def counts(self, values: NDArray[Any]) -> NDArray[Any]:
        """The nearest steps; what is not finite has none.

        Examples
        --------
        >>> Limits(0.0, 2.54, 8).counts(np.array([0.0, 0.01, 2.54, np.nan])).tolist()
        [0, 1, 254, 255]
        """
        scaled = (np.asarray(values, dtype=float) - self.low) * (self.steps / (self.high - self.low))
        known = np.isfinite(scaled)
        counted = np.where(known, np.clip(np.rint(scaled), 0, self.steps), self.steps + 1)
        return counted.astype(TYPES[self.bits])


def packed(frames: Iterable[NDArray[Any]], limits: Limits) -> bytes:
    """Frames of one size, one after the other: each as its difference from the one before, high bytes first, deflated.

    Examples
    --------
    >>> still = [np.linspace(0, 1, 5000)] * 40
    >>> len(packed(still, Limits(0.0, 1.0, 8))) < 1000
    True
    """
    deflate = zlib.compressobj(9)
    before: Any = 0
    parts = []
    for values in frames:
        counts = limits.counts(values).ravel()
        change = counts - before
        planes = change.view(np.uint8).reshape(-1, counts.itemsize)[:, ::-1].T
        parts.append(deflate.compress(np.ascontiguousarray(planes).data))
        before = counts
    return b"".join((*parts, deflate.flush()))


def as_text(data: bytes) -> str:
    """Bytes as a page carries them."""
    return base64.b64encode(data).decode("ascii")
