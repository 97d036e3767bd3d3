"""Rows of the derivative of the trigonometric interpolant: every node sees the whole periodic line."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.errors import GridError
from pdekit.geometry.axis import Axis
from pdekit.stencils.rows import AxisRows


def fourier_symbol(line: Axis, n: int) -> NDArray[Any]:
    """``(i k)^n`` for every mode; zero for the Nyquist mode of odd n, and for the mean of negative n."""
    k = 2 * np.pi * np.fft.fftfreq(line.size, line.step)
    with np.errstate(divide="ignore", invalid="ignore"):
        symbol = (1j * k) ** n
    if n < 0:
        symbol[0] = 0.0
    if n % 2 and line.size % 2 == 0:
        symbol[line.size // 2] = 0.0
    return np.asarray(symbol)


def fourier_rows(line: Axis, n: int, name: str = "") -> AxisRows:
    """The n-th derivative along a uniform periodic axis, as a circulant matrix."""
    if not (line.periodic and line.uniform):
        raise GridError(f"axis {name!r}: the Fourier derivative needs a uniform periodic axis")
    symbol = fourier_symbol(line, n)
    circulant = np.fft.ifft(symbol[:, None] * np.fft.fft(np.eye(symbol.size), axis=0), axis=0).real
    return AxisRows(sparse.csr_array(circulant), sparse.csr_array((line.size, 0)))
