"""Passes of a GPU over whole states: linear combinations, error norms, the greatest value.

Sums are made in two rounds: every thread adds up its share of the nodes, then fewer threads the shares; the rest is the processor's.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from numba import cuda

from pdekit.kernels.cache import load
from pdekit.kernels.device_memory import HEADER, THREADS, launch
from pdekit.typing import Array

FIRST, SECOND = 512 * THREADS, 4 * THREADS  # threads of the two rounds


@cuda.jit(cache=True)
def _write(out: Any, nodes: Any, values: Any) -> None:
    m = cuda.grid(1)
    if m < nodes.size:
        out[nodes[m]] = values[m]


@cuda.jit(cache=True)
def _add_up(shares: Any, values: Any) -> None:
    first, stride = cuda.grid(1), cuda.gridsize(1)
    if first < shares.size:
        total = 0.0
        for i in range(first, values.size, stride):
            total += values[i]
        shares[first] = total


@cuda.jit(cache=True)
def _add_up_squares(shares: Any, y: Any) -> None:
    first, stride = cuda.grid(1), cuda.gridsize(1)
    if first < shares.size:
        total = 0.0
        for i in range(first, y.size, stride):
            size = abs(y[i])
            total += size * size
        shares[first] = total


@cuda.jit(cache=True)
def _find_greatest(shares: Any, y: Any) -> None:
    first, stride = cuda.grid(1), cuda.gridsize(1)
    if first < shares.size:
        largest, broken = 0.0, 0.0
        for i in range(first, y.size, stride):
            size = abs(y[i])
            largest = max(largest, size)
            broken += 0.0 * size  # nan from nan and from inf
        shares[first] = largest + broken


def _summands(count: int) -> str:
    return "".join(f" + c[{k}]*x{k}[i]" for k in range(count))


@cache
def _combination(count: int) -> Any:
    """The kernel of ``out = y + sum_k c[k] x_k``, of so many terms."""
    stages = "".join(f", x{k}" for k in range(count))
    lines = [
        "@cuda.jit(cache=True)",
        f"def combination(out, y, c{stages}):",
        "    i = cuda.grid(1)",
        "    if i < out.size:",
        f"        out[i] = y[i]{_summands(count)}",
    ]
    return load("\n".join(lines), HEADER).combination


@cache
def _error(count: int) -> Any:
    """The kernel of `DevicePasses.error`, of so many terms."""
    stages = "".join(f", x{k}" for k in range(count))
    lines = [
        "@cuda.jit(cache=True)",
        f"def error(shares, y0, y1, difference, size, atol, rtol, c{stages}):",
        "    first, stride = cuda.grid(1), cuda.gridsize(1)",
        "    if first < shares.size:",
        "        total = 0.0",
        "        for i in range(first, y0.size, stride):",
        f"            e = difference*(y0[i] - y1[i]){_summands(count)}",
        "            ratio = abs(e)/(atol[i//size] + rtol*max(abs(y0[i]), abs(y1[i])))",
        "            total += ratio*ratio",
        "        shares[first] = total",
    ]
    return load("\n".join(lines), HEADER).error


class DevicePasses:
    """Passes over flat states of one size.

    Parameters
    ----------
    size : int
        Numbers of a state.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._first, self._second = (cuda.device_array(min(size, most)) for most in (FIRST, SECOND))

    def write(self, out: Any, nodes: Any, values: Any) -> None:
        """Write values to some nodes."""
        launch(_write, (nodes.size,), out, nodes, values)

    def combine(self, out: Any, y: Any, terms: list[tuple[float, Any]]) -> None:
        """``out = y + sum w x`` over the pairs of w and x."""
        kernel, weights = _combination(len(terms)), tuple(w for w, _ in terms)
        launch(kernel, (self.size,), out, y, weights or (0.0,), *(x for _, x in terms))

    def error(
        self, y0: Any, y1: Any, difference: float, terms: list[tuple[float, Any]], size: int, atol: Any, rtol: float
    ) -> float:
        """``sum (e / (atol + rtol max(|y0|, |y1|)))^2`` of ``e = difference (y0 - y1) + sum w x``.

        `atol` has a number for every block of `size` nodes.
        """
        weights = tuple(w for w, _ in terms) or (0.0,)
        stages = [x for _, x in terms]
        given = (y0, y1, float(difference), size, atol, float(rtol), weights, *stages)
        launch(_error(len(terms)), self._first.shape, self._first, *given)
        return float(self._shares(_add_up).sum())

    def squares(self, y: Any) -> float:
        """The sum of the squares of the moduli."""
        launch(_add_up_squares, self._first.shape, self._first, y)
        return float(self._shares(_add_up).sum())

    def greatest(self, y: Any) -> float:
        """The greatest modulus; not a number if there is one that is not."""
        launch(_find_greatest, self._first.shape, self._first, y)
        return float(self._shares(_find_greatest).max())

    def _shares(self, kernel: Any) -> Array:
        """What the second round makes of the first."""
        launch(kernel, self._second.shape, self._second, self._first)
        return self._second.copy_to_host()
