"""Fourier and compact derivatives: each node sees the whole line."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from pdekit.discretize.algebra import AxisProduct, LinearOperator, RowSlices
from pdekit.errors import GridError
from pdekit.geometry.grid import Grid
from pdekit.stencils.compact import compact_rows
from pdekit.stencils.fourier import fourier_rows, fourier_symbol
from pdekit.typing import Array, Matrix


class FourierDerivative(LinearOperator):
    """The n-th derivative of the trigonometric interpolant along a periodic axis."""

    def __init__(self, grid: Grid, axis: int, n: int) -> None:
        super().__init__(grid)
        self.axis, self.n = axis, n

    @cached_property
    def symbol(self) -> Array:
        """``(i k)^n`` for every mode."""
        return fourier_symbol(self.grid.axes[self.axis], self.n)

    def _apply(self, values: Array) -> Array:
        symbol = self.grid.along(self.axis, self.symbol)
        result = np.fft.ifft(symbol * np.fft.fft(values, axis=self.axis), axis=self.axis)
        return np.asarray(result if np.iscomplexobj(values) else result.real)

    def _rows(self, slices: RowSlices) -> Any:
        circulant = fourier_rows(self.grid.axes[self.axis], self.n).matrix
        return AxisProduct(self.grid, {self.axis: circulant})._rows(slices)


def fourier_derivative(grid: Grid, axis: str | int, n: int = 1) -> LinearOperator:
    """Spectral derivative along a uniform periodic axis.

    Parameters
    ----------
    grid : Grid
    axis : str or int
    n : int, default 1
        Any whole number; negative ones integrate, to zero mean (the mean of the argument is dropped).

    Returns
    -------
    LinearOperator

    Examples
    --------
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 2 * np.pi, 32, periodic=True))
    >>> u = grid.field("exp(sin(x))")
    >>> bool(abs(pk.fourier_derivative(grid, "x")(u) - grid.field("cos(x)*exp(sin(x))")).max() < 1e-11)
    True
    """
    k = grid.index(axis)
    line = grid.axes[k]
    if not (line.periodic and line.uniform):
        raise GridError(f"axis {grid.names[k]!r}: the Fourier derivative needs a uniform periodic axis")
    if isinstance(n, bool) or n != int(n):
        raise GridError(f"n must be a whole number, found {n!r}")
    return FourierDerivative(grid, k, int(n))


class CompactDerivative(LinearOperator):
    """``A u^(n) = B u`` with a tridiagonal A."""

    def __init__(self, grid: Grid, axis: int, A: Matrix, B: Any) -> None:
        super().__init__(grid)
        self.axis, self.A, self.B = axis, A, B

    @cached_property
    def _factors(self) -> Any:
        from scipy.sparse.linalg import splu

        return splu(sparse.csc_array(self.A))

    def _apply(self, values: Array) -> Array:
        front = np.moveaxis(values, self.axis, 0)
        right = self.B @ front.reshape(front.shape[0], -1)
        if np.iscomplexobj(right):
            solved = self._factors.solve(right.real.copy()) + 1j * self._factors.solve(right.imag.copy())
        else:
            solved = self._factors.solve(right)
        return np.ascontiguousarray(np.moveaxis(solved.reshape(front.shape), 0, self.axis))

    def _rows(self, slices: RowSlices) -> Any:
        whole = sparse.csr_array(self._factors.solve(self.B.toarray()))
        return AxisProduct(self.grid, {self.axis: whole})._rows(slices)


def compact_derivative(grid: Grid, axis: str | int, n: int = 1, *, order: int = 4) -> LinearOperator:
    """Compact (Pade) derivative: an implicit relation between neighbouring derivatives, small error constants.

    ``alpha u^(n)_(i-1) + u^(n)_i + beta u^(n)_(i+1) = sum_k a_k u_k``, with weights from the one routine of
    `pdekit.stencils.weights`, in which the neighbours' derivatives are conditions. On a uniform axis these are Lele's schemes
    (alpha = 1/4 and 1/3 for the first derivative). Boundary rows have one order more.

    Parameters
    ----------
    grid : Grid
    axis : str or int
    n : {1, 2}, default 1
    order : {4, 6}, default 4
        6 on uniform axes only.

    Returns
    -------
    LinearOperator

    References
    ----------
    S. K. Lele, J. Comput. Phys. 103 (1992) 16-42, eqs. (2.1.6), (2.1.7), (2.2.6), (2.2.7).

    Examples
    --------
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 1, 41))
    >>> D = pk.compact_derivative(grid, "x", order=6)
    >>> bool(abs(D(grid.field("exp(x)")) - grid.field("exp(x)")).max() < 1e-8)
    True
    """
    k = grid.index(axis)
    line = grid.axes[k]
    if n not in (1, 2) or order not in (4, 6):
        raise GridError(f"compact derivatives are n = 1, 2 of order 4, 6; found n = {n!r}, order {order!r}")
    if order == 6 and not line.uniform:
        raise GridError(f"axis {grid.names[k]!r}: the compact scheme of order 6 needs a uniform axis; order 4 does not")
    # Boundary rows take one datum more, so that their larger constants do not show.
    rows = compact_rows(line, n, order, closure_data=n + order + 1, name=grid.names[k])
    return CompactDerivative(grid, k, rows.A, rows.B)
