r"""Separable operators ``L = sum_a A_a + c``, A_a acting along axis a alone: their eigenvectors and fast direct solvers.

With ``A_a = V_a diag(lambda_a) V_a^{-1}`` for every axis, functions of L are

    f(L) = (prod_a V_a) diag( f(sum_a lambda_a + c) ) (prod_a V_a^{-1}),

``f(L) = (s - k L)^{-1}`` among them.

References
----------
R. E. Lynch, J. R. Rice and D. H. Thomas, *Direct solution of partial difference equations by tensor product methods*,
Numer. Math. 6 (1964) 185-199.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np

from pdekit.errors import SingularError
from pdekit.linear.bases import Basis, FourierBasis, HalfFourierBasis, MatrixBasis
from pdekit.typing import Array

ROUNDING = 1e-16
SINGLE = {"f": np.float32, "c": np.complex64}  # precision by the kind of numbers


class Diagonalisation:
    """The eigenvectors of a separable L.

    Parameters
    ----------
    bases : sequence of Basis
        One for each axis.
    constant : number or array
        c of ``L = sum_a A_a + c``; an array over the modes where L contains products of the A_a.
    dtype : numpy dtype
        Of vectors.
    """

    def __init__(self, bases: Sequence[Basis], constant: Any, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self.shape = tuple(basis.values.size for basis in bases)
        self.bases, self.constant = (
            _of_real_fields(bases, constant) if self.dtype.kind == "f" else (tuple(bases), constant)
        )
        self.title = " x ".join(basis.title for basis in self.bases)

    @cached_property
    def eigenvalues(self) -> Array:
        """Those of L, of the shape of the coefficients."""
        total: Array = self.bases[0].values
        for basis in self.bases[1:]:
            total = np.add.outer(total, basis.values)
        return np.asarray(total + self.constant)

    @cached_property
    def single(self) -> Diagonalisation:
        """The same in single precision."""
        found = copy(self)
        found.bases = tuple(basis.single() for basis in self.bases)
        return found

    @property
    def extremes(self) -> tuple[float, float] | None:
        """The least and the greatest one, found along the axes, if all are real and L is a sum along the axes."""
        if (
            np.ndim(self.constant)
            or np.iscomplexobj(self.constant)
            or any(np.iscomplexobj(b.values) for b in self.bases)
        ):
            return None
        least, greatest = (sum(float(f(basis.values)) for basis in self.bases) for f in (np.min, np.max))
        return least + self.constant, greatest + self.constant

    @property
    def _order(self) -> list[int]:
        """Real transforms before Fourier's, so that the complex arrays are as few as can be."""
        kinds = [(isinstance(b, FourierBasis), isinstance(b, HalfFourierBasis)) for b in self.bases]
        return sorted(range(len(self.bases)), key=lambda a: kinds[a])

    @property
    def overwrites(self) -> bool:
        """Whether coefficients are used up where their vector is found, or are a part of it."""
        return not isinstance(self.bases[self._order[-1]], MatrixBasis)

    def coefficients(self, vector: Array) -> Array:
        """The coefficients of a vector."""
        x: Array = vector.reshape(self.shape)
        for axis in self._order:
            x = self.bases[axis].forward(x, axis)
        return x

    def vector(self, x: Array) -> Array:
        """The vector of coefficients, which are used up."""
        for axis in reversed(self._order):
            x = self.bases[axis].backward(x, axis)
        return self._flat(x)

    def vector_of_few(self, x: Array) -> Array:
        """The vector of coefficients of which most may be negligible, as after diffusion, or of smooth states.

        Modes whose coefficients sum to less than rounding makes of the others are left out; where a quarter or less of an axis'
        modes remain, their columns are multiplied instead of transforming all: 512^2 nodes after diffusion take 0.6 ms, not 6.
        """
        size = np.abs(x)
        others = tuple(range(x.ndim))
        total = size.sum()
        kept = [
            np.flatnonzero(size.sum(axis=others[:axis] + others[axis + 1 :]) * n > ROUNDING * total)
            for axis, n in enumerate(x.shape)
        ]
        few = [axis for axis in self._order if 0 < kept[axis].size <= x.shape[axis] // 4]
        if not few:
            return self.vector(x.copy())
        for axis in few:
            x = np.take(x, kept[axis], axis)
        for axis in reversed(self._order):
            basis = self.bases[axis]
            x = basis.backward_of(kept[axis], x, axis) if axis in few else basis.backward(x, axis)
        return self._flat(x)

    def _flat(self, x: Array) -> Array:
        return np.ascontiguousarray(x if self.dtype.kind == "c" else x.real).reshape(-1)


def _of_real_fields(bases: Sequence[Basis], constant: Any) -> tuple[tuple[Basis, ...], Any]:
    """The first axis of Fourier modes by half of them, if what comes before it leaves real fields real; and c for these."""
    found = list(bases)
    fourier = [(axis, basis) for axis, basis in enumerate(bases) if isinstance(basis, FourierBasis)]
    matrices = [basis.vectors for basis in bases if isinstance(basis, MatrixBasis)]
    if not fourier or any(np.iscomplexobj(vectors) for vectors in matrices):
        return tuple(found), constant
    axis, basis = fourier[-1]
    n = basis.values.size
    half = slice(0, n // 2 + 1)
    found[axis] = HalfFourierBasis(basis.values[half], n, basis.workers)
    shape = np.shape(constant)
    if len(shape) == len(bases) and shape[axis] == n:
        constant = constant[(slice(None),) * axis + (half,)]
    return tuple(found), constant


class SeparableSolver:
    """Solves ``(shift - factor L) x = r`` for a separable L, on the free nodes of a grid.

    Parameters
    ----------
    modes : Diagonalisation
        Of L.
    shift, factor : numbers
    null : bool, default False
        Whether one mode, the constant, may have the eigenvalue zero: it is left out of the solution.

    Raises
    ------
    SolverError
        The matrix is singular.
    """

    def __init__(self, modes: Diagonalisation, shift: float, factor: float, *, null: bool = False) -> None:
        self.modes = modes
        symbol = shift - factor * modes.eigenvalues
        size = np.abs(symbol)
        self._null = int(np.argmin(size)) if null else None
        if self._null is not None:
            symbol.flat[self._null] = size.flat[self._null] = np.inf
        smallest, greatest = float(np.min(size)), float(np.max(size[np.isfinite(size)]))
        if not smallest > 1e-14 * greatest:
            raise SingularError("the matrix is singular")
        self.condition = greatest / smallest
        self._inverse = 1 / symbol
        self.description = f"separable: {modes.title}"

    def solve(self, rhs: Array) -> Array:
        """The solution, as a vector."""
        return self.modes.vector(self.modes.coefficients(rhs) * self._inverse)

    def approximate(self, rhs: Array) -> Array:
        """The solution to seven digits, in single precision and half of the time: what a preconditioner needs."""
        if self._null is not None:
            return self.solve(rhs)
        size = float(np.max(np.abs(rhs)))
        if not 0 < size < np.inf:
            return self.solve(rhs)
        inverse, greatest = self._single_inverse
        modes = self.modes.single
        coefficients = modes.coefficients((rhs / size).astype(SINGLE[rhs.dtype.kind]))
        return (size * greatest) * modes.vector(coefficients * inverse).astype(rhs.dtype)

    @cached_property
    def _single_inverse(self) -> tuple[Array, float]:
        """The inverse beside its greatest value, in single precision, and that value."""
        greatest = float(np.max(np.abs(self._inverse)))
        return (self._inverse / greatest).astype(SINGLE[self._inverse.dtype.kind]), greatest

    def null_part(self, rhs: Array) -> float:
        """The constant part of a right-hand side, which no solution can make: what the data are in excess."""
        alone = np.zeros(self.modes.eigenvalues.shape, dtype=complex)
        if self._null is not None:
            alone.flat[self._null] = self.modes.coefficients(rhs).flat[self._null]
        return float(np.max(np.abs(self.modes.vector(alone))))
