"""Fourier and compact derivatives: each node sees the whole line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.axis import Axis
from pdekit.errors import GridError
from pdekit.grid import Grid
from pdekit.operators.algebra import AxisProduct, LinearOperator, RowSlices
from pdekit.operators.rows import AxisRows, stencil_conditions
from pdekit.stencils import Functional, weights

Array = NDArray[Any]


class FourierDerivative(LinearOperator):
    """The n-th derivative of the trigonometric interpolant along a periodic axis."""

    def __init__(self, grid: Grid, axis: int, n: int) -> None:
        super().__init__(grid)
        self.axis, self.n = axis, n

    @cached_property
    def symbol(self) -> Array:
        """``(i k)^n`` for every mode; zero for the Nyquist mode of odd n, and for the mean of negative n."""
        line = self.grid.axes[self.axis]
        k = 2 * np.pi * np.fft.fftfreq(line.size, line.step)
        with np.errstate(divide="ignore", invalid="ignore"):
            symbol = (1j * k) ** self.n
        if self.n < 0:
            symbol[0] = 0.0
        if self.n % 2 and line.size % 2 == 0:
            symbol[line.size // 2] = 0.0
        return symbol

    def _apply(self, values: Array) -> Array:
        symbol = self.grid.along(self.axis, self.symbol)
        result = np.fft.ifft(symbol * np.fft.fft(values, axis=self.axis), axis=self.axis)
        return np.asarray(result if np.iscomplexobj(values) else result.real)

    def _rows(self, slices: RowSlices) -> Any:
        circulant = np.fft.ifft(self.symbol[:, None] * np.fft.fft(np.eye(self.symbol.size), axis=0), axis=0).real
        return AxisProduct(self.grid, {self.axis: sparse.csr_array(circulant)})._rows(slices)


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

    def __init__(self, grid: Grid, axis: int, A: Any, B: Any) -> None:
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
    `pdekit.stencils`, in which the neighbours' derivatives are conditions. On a uniform axis these are Lele's schemes
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


@dataclass(frozen=True, eq=False)
class CompactRows:
    """``A u^(n) = B u + C g``, g the data of the conditions other than prescribed values, the left end's first."""

    A: Any
    B: Any
    C: Any

    def solved(self) -> AxisRows:
        """The rows of the derivative itself: the inverse of A has no zeros."""
        from scipy.sparse.linalg import splu

        factors = splu(sparse.csc_array(self.A))
        data = factors.solve(self.C.toarray()) if self.C.shape[1] else self.C
        return AxisRows(sparse.csr_array(factors.solve(self.B.toarray())), sparse.csr_array(data))


def compact_rows(
    line: Axis,
    n: int,
    order: int,
    left: Sequence[Functional] = (),
    right: Sequence[Functional] = (),
    *,
    closure_data: int,
    name: str = "",
) -> CompactRows:
    """The matrices of a compact scheme; every row is one call of `weights`, the neighbours' derivatives being conditions.

    Parameters
    ----------
    line : Axis
    n, order : int
        As for `compact_derivative`.
    left, right : sequence of Functional
        Conditions at the ends, taken up by boundary rows.
    closure_data : int
        Nodes, neighbours' derivatives and conditions of a boundary row, together.
    name : str
        The axis' name, for messages.
    """
    size = line.size
    reach = (order - 2) // 2
    uneven = n % 2 == 0 and not line.uniform  # a central even derivative loses an order on irregular nodes
    if size < closure_data:
        raise GridError(
            f"axis {name!r} has {size} nodes; the compact scheme of order {order} needs at least {closure_data}"
        )
    h = line.step
    ends = [
        [Functional(c.at / h, tuple(a / h**p for p, a in enumerate(c.coefficients))) for c in stencil_conditions(side)]
        for side in (left, right)
    ]
    A, B = sparse.eye_array(size, format="lil"), sparse.lil_array((size, size))
    C = sparse.lil_array((size, sum(map(len, ends))))
    unit = line.nodes / h  # in units of the step no power of it is lost
    period = line.length / h if line.periodic else 0.0

    def at(i: int) -> float:
        return float(unit[i % size] + (i // size) * period)

    for i in range(size):
        neighbours = [i - 1, i + 1] if line.periodic else [j for j in (i - 1, i + 1) if 0 <= j < size]
        window = list(range(i - reach, i + reach + 1 + uneven))
        known: list[tuple[int, Functional]] = []
        if not line.periodic and (len(neighbours) < 2 or window[0] < 0 or window[-1] >= size):
            far = i >= size // 2
            known = [(far * len(ends[0]) + m, c) for m, c in enumerate(ends[far])]
            if (size - 1 if far else 0) in neighbours:  # whose row says what its n-th derivative is
                known = [(m, c) for m, c in known if len(c.coefficients) != n + 1]
            count = closure_data - len(neighbours) - len(known)
            start = min(max(i - count // 2, 0), size - count)
            window = list(range(start, start + count))
        derivative = (*([0.0] * n), 1.0)
        slopes = [Functional(at(j), derivative) for j in neighbours]
        w = weights([at(j) for j in window], at(i), n, [*slopes, *(c for _, c in known)])
        for j, c in zip(neighbours, w.conditions):
            A[i, j % size] -= c
        for j, b in zip(window, w.nodes):
            B[i, j % size] += b / h**n
        for (m, _), c in zip(known, w.conditions[len(neighbours) :]):
            C[i, m] += c / h**n
    return CompactRows(sparse.csr_array(A), sparse.csr_array(B), sparse.csr_array(C))
