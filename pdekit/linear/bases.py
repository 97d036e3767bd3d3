"""Eigenvectors of one-dimensional matrices: fast transforms where there are some, matrices elsewhere.

Where the eigenvectors are those of a fast transform (by the pair of conditions at the ends of a uniform axis, or a periodic
axis at any order) it is done by `scipy.fft`; elsewhere (non-uniform axes, Robin ends, orders 4 and 6, coefficients that
change along the axis) by the matrix of eigenvectors, which is found symmetrised where a diagonal scaling makes it symmetric.

References
----------
G. Strang, *The discrete cosine transform*, SIAM Review 41 (1999) 135-147.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import scipy
from scipy import sparse

from pdekit.typing import Array, Matrix

WORST_BASIS = 1e3  # condition of a basis of eigenvectors beyond which it loses too many digits
WORST_SCALING = 1e3  # of the diagonal matrix that symmetrises
SAME = 1e-12
LARGEST_UNSYMMETRIC = 1200  # nodes: 1.3 s, eight times as long for twice as many; symmetric ones 0.2 s
# A transform of n nodes takes 0.09 ns times its length and the sum of that one's primes, a product with a matrix 2 n^2/30 ns: n = 128
# with the length 254 = 2 * 127 takes 3 us against 1 us, n = 129 with the length 256 0.6 us.
SLOW = 2.7
LENGTHS = {
    ("dct", 1): lambda n: 2 * n - 2,
    ("dst", 1): lambda n: 2 * n + 2,
    ("dct", 3): lambda n: n,
    ("dst", 3): lambda n: n,
}


class Basis(Protocol):
    """The eigenvectors of one axis' matrix."""

    @property
    def values(self) -> Array:
        """The eigenvalues."""
        ...

    @property
    def title(self) -> str:
        """What it is called."""
        ...

    def forward(self, x: Array, axis: int) -> Array:
        """Coefficients of an array along an axis."""
        ...

    def backward(self, x: Array, axis: int) -> Array:
        """The array of coefficients."""
        ...

    def backward_of(self, kept: Array, x: Array, axis: int) -> Array:
        """The array of the coefficients of some modes, by their columns."""
        ...

    def single(self) -> Basis:
        """The same for coefficients in single precision."""
        ...


@dataclass(frozen=True, eq=False)
class TransformBasis:
    """Eigenvectors that a cosine or sine transform applies."""

    values: Array
    kind: str
    type: int
    workers: int

    @property
    def title(self) -> str:
        return f"{self.kind.upper()}-{'I' * self.type}"

    def forward(self, x: Array, axis: int) -> Array:
        return np.asarray(getattr(scipy.fft, self.kind)(x, self.type, axis=axis, workers=self.workers))

    def backward(self, x: Array, axis: int) -> Array:
        inverse = getattr(scipy.fft, f"i{self.kind}")
        return np.asarray(inverse(x, self.type, axis=axis, workers=self.workers, overwrite_x=True))

    def backward_of(self, kept: Array, x: Array, axis: int) -> Array:
        return multiply(self.backward(_unit_columns(self, kept), 0), x, axis)

    def single(self) -> Basis:
        return self


@dataclass(frozen=True, eq=False)
class FourierBasis:
    """The modes of a periodic axis."""

    values: Array
    workers: int
    title: str = "FFT"

    def forward(self, x: Array, axis: int) -> Array:
        return np.asarray(scipy.fft.fft(x, axis=axis, workers=self.workers))

    def backward(self, x: Array, axis: int) -> Array:
        return np.asarray(scipy.fft.ifft(x, axis=axis, workers=self.workers, overwrite_x=True))

    def backward_of(self, kept: Array, x: Array, axis: int) -> Array:
        return multiply(self.backward(_unit_columns(self, kept), 0), x, axis)

    def single(self) -> Basis:
        return self


@dataclass(frozen=True, eq=False)
class HalfFourierBasis:
    """The modes of a periodic axis of real fields: those of negative wave numbers are the conjugates of the others.

    `values` are those of wave numbers 0 to ``size // 2``, of a real matrix.
    """

    values: Array
    size: int
    workers: int
    title: str = "FFT"

    def forward(self, x: Array, axis: int) -> Array:
        return np.asarray(scipy.fft.rfft(x, axis=axis, workers=self.workers))

    def backward(self, x: Array, axis: int) -> Array:
        return np.asarray(scipy.fft.irfft(x, self.size, axis=axis, workers=self.workers, overwrite_x=True))

    def backward_of(self, kept: Array, x: Array, axis: int) -> Array:
        columns = np.exp(np.outer(np.arange(self.size), kept * (2j * np.pi / self.size)))
        alone = (kept == 0) | (2 * kept == self.size)
        columns *= np.where(alone, 1.0, 2.0) / self.size
        return np.asarray(multiply(columns, x, axis).real)

    def single(self) -> Basis:
        return self


@dataclass(frozen=True, eq=False)
class MatrixBasis:
    """Eigenvectors as a matrix."""

    values: Array
    vectors: Array
    inverse: Array
    title: str = "eigenvectors"

    def forward(self, x: Array, axis: int) -> Array:
        return multiply(self.inverse, x, axis)

    def backward(self, x: Array, axis: int) -> Array:
        return multiply(self.vectors, x, axis)

    def backward_of(self, kept: Array, x: Array, axis: int) -> Array:
        return multiply(self.vectors[:, kept], x, axis)

    def single(self) -> Basis:
        precision = np.complex64 if np.iscomplexobj(self.vectors) else np.float32
        return replace(self, vectors=self.vectors.astype(precision), inverse=self.inverse.astype(precision))


@dataclass(frozen=True, eq=False)
class UnitBasis:
    """The nodes themselves: of an axis along which nothing acts."""

    values: Array
    title: str = "nodes"

    def forward(self, x: Array, axis: int) -> Array:
        return x

    def backward(self, x: Array, axis: int) -> Array:
        return x

    def backward_of(self, kept: Array, x: Array, axis: int) -> Array:
        return multiply(_unit_columns(self, kept), x, axis)

    def single(self) -> Basis:
        return self


def _unit_columns(basis: Basis, kept: Array) -> Array:
    """Columns of the unit matrix."""
    columns = np.zeros((basis.values.size, kept.size))
    columns[kept, np.arange(kept.size)] = 1.0
    return columns


def multiply(matrix: Array, x: Array, axis: int) -> Array:
    """A dense matrix along one axis, by BLAS."""
    if axis == x.ndim - 1:
        return np.asarray(x @ matrix.T)
    if axis == 0:
        return np.asarray((matrix @ x.reshape(x.shape[0], -1)).reshape(matrix.shape[0], *x.shape[1:]))
    before, after = int(np.prod(x.shape[:axis])), int(np.prod(x.shape[axis + 1 :]))
    found = np.matmul(matrix, x.reshape(before, x.shape[axis], after))
    return np.asarray(found.reshape(*x.shape[:axis], matrix.shape[0], *x.shape[axis + 1 :]))


def _cosines_and_sines(n: int) -> list[tuple[str, int, Array]]:
    """Transforms, and the angles ``pi k / ...`` whose ``2 cos - 2`` are the eigenvalues of the second difference.

    By the ends of n free nodes: Neumann-Neumann, Dirichlet-Dirichlet, Neumann-Dirichlet, Dirichlet-Neumann.
    """
    k = np.arange(n)
    found = [
        ("dst", 1, np.pi * (k + 1) / (n + 1)),
        ("dct", 3, np.pi * (k + 0.5) / n),
        ("dst", 3, np.pi * (k + 0.5) / n),
    ]
    return [("dct", 1, np.pi * k / (n - 1)), *found] if n > 2 else found


def basis_of(matrix: Matrix, workers: int = 1, largest: int = 2500) -> Basis | None:
    """The eigenvectors of a one-dimensional matrix, by a fast transform if it has one; None if they are no good basis.

    Parameters
    ----------
    matrix : sparse array
    workers : int
        Threads of the transforms.
    largest : int
        Size up to which they are found as a dense matrix.

    Examples
    --------
    >>> n = 65
    >>> second = sparse.diags_array([[2.0] + [1.0] * (n - 2), [-2.0] * n, [1.0] * (n - 2) + [2.0]], offsets=[1, 0, -1])
    >>> basis_of(second).title
    'DCT-I'
    """
    n = matrix.shape[0]
    A = sparse.csr_array(matrix)
    scale = float(abs(A).max()) if A.nnz else 0.0
    if scale == 0:
        return UnitBasis(np.zeros(n))
    if A.dtype.kind == "c":
        phase = _common_phase(A)
        if phase is not None:
            basis = basis_of(sparse.csr_array((A / phase).real), workers, largest)
            return None if basis is None else replace(basis, values=phase * basis.values)  # type: ignore[type-var]
    first = A[[0]].toarray().ravel()
    circulant = _circulant(first)
    if n > 2 and abs(A - circulant).max() <= SAME * scale:
        values = np.asarray(scipy.fft.fft(np.roll(first[::-1], 1)))
        return FourierBasis(values.real if np.array_equal(first[1:], first[:0:-1]) else values, workers)
    if n > 2 and A.nnz <= 3 * n - 2:
        middle = A[[n // 2]].toarray().ravel()
        side = middle[n // 2 - 1]
        for kind, type_, angles in _cosines_and_sines(n):
            values = middle[n // 2] + 2 * side * np.cos(angles)
            basis = TransformBasis(values, kind, type_, workers)
            if _diagonalises(basis, A, scale):
                slow = n < SLOW * _prime_sum(LENGTHS[kind, type_](n))
                return (_matrix_basis(A.toarray()) or basis) if slow else basis
    return _matrix_basis(A.toarray()) if n <= largest else None


def _common_phase(A: Matrix) -> complex | None:
    """The number of modulus 1 by which a complex matrix differs from a real one, if there is one: i of Schroedinger's equation."""
    if A.nnz == 0:
        return None
    greatest = complex(A.data[np.argmax(np.abs(A.data))])
    phase = greatest / abs(greatest)
    return phase if np.max(np.abs((A.data / phase).imag)) <= SAME * abs(greatest) else None


def _prime_sum(n: int) -> int:
    """The sum of the prime factors of a transform's length, by which its cost grows."""
    total, p = 0, 2
    while p * p <= n:
        while n % p == 0:
            total, n = total + p, n // p
        p += 1
    return total + (n if n > 1 else 0)


def _circulant(row: Array) -> Any:
    """The circulant matrix of a first row, of its entries that are not zero."""
    n = row.size
    at = np.flatnonzero(row)
    rows = np.repeat(np.arange(n), at.size)
    columns = (rows + np.tile(at, n)) % n
    return sparse.csr_array((np.tile(row[at], n), (rows, columns)), shape=(n, n))


def _diagonalises(basis: Basis, A: Matrix, scale: float) -> bool:
    """Whether A is the transform's matrix: exact on vectors without symmetry, hence on all."""
    x = np.random.default_rng(0).standard_normal((A.shape[0], 2))
    back = basis.backward(basis.values[:, None] * basis.forward(x, 0), 0)
    return bool(np.max(np.abs(back - A @ x)) <= 1e-10 * scale * np.max(np.abs(x)))


def values_in(basis: Basis, matrix: Matrix) -> Array | None:
    """The eigenvalues of another matrix in a basis of eigenvectors; None if they are not its own.

    Examples
    --------
    >>> second = sparse.diags_array([[1.0] * 4, [-2.0] * 5, [1.0] * 4], offsets=[1, 0, -1])
    >>> basis = basis_of(second)
    >>> bool(np.allclose(values_in(basis, second @ second), basis.values**2))
    True
    """
    n = matrix.shape[0]
    c = np.random.default_rng(1).uniform(1.0, 2.0, (n, 1))
    image = basis.forward(np.asarray(matrix @ basis.backward(c.copy(), 0)), 0)
    values = np.asarray(image[:, 0] / c[:, 0])
    if np.isrealobj(matrix.data) and np.max(np.abs(values.imag)) <= SAME * np.max(np.abs(values)):
        values = values.real
    # A second vector without symmetry: on that the matrix must be its eigenvalues.
    x = np.random.default_rng(2).standard_normal((n, 1))
    back = basis.backward(values[:, None] * basis.forward(x, 0), 0)
    scale = max(float(abs(matrix).sum(axis=1).max()), 1e-300)
    return values if np.max(np.abs(back - matrix @ x)) <= 1e-10 * scale * np.max(np.abs(x)) else None


def _matrix_basis(A: Array) -> MatrixBasis | None:
    """Eigenvectors of a dense matrix, symmetrised by a diagonal scaling where there is one."""
    d = _symmetriser(A)
    if d is not None and np.max(d) > WORST_SCALING * np.min(d):
        return None  # strong convection: the eigenvectors lean against one end
    if d is not None:
        S = A * d[:, None] / d[None, :]
        values, Q = scipy.linalg.eigh(0.5 * (S + S.T))
        return MatrixBasis(values, Q / d[:, None], Q.T * d[None, :], "eigenvectors, symmetrised")
    if A.shape[0] > LARGEST_UNSYMMETRIC:
        return None
    values, vectors = scipy.linalg.eig(A)
    if np.isrealobj(A) and np.max(np.abs(values.imag)) <= 1e-12 * np.max(np.abs(values)):
        # A pair that rounding has made complex spans the same plane by its real and imaginary parts.
        vectors = np.where(values.imag < 0, vectors.imag, vectors.real)
        values = values.real
    if np.linalg.cond(vectors) > WORST_BASIS:
        return None
    return MatrixBasis(values, vectors, np.linalg.inv(vectors))


def _symmetriser(A: Array) -> Array | None:
    """d such that ``d_i A_ij / d_j`` is symmetric, for a matrix whose neighbours are coupled with like signs."""
    upper, lower = np.diag(A, 1), np.diag(A, -1)
    if np.any(upper * lower <= 0):
        return None
    d = np.concatenate([[1.0], np.cumprod(np.sqrt(upper / lower))])
    S = A * d[:, None] / d[None, :]
    return d if np.max(np.abs(S - S.T)) <= SAME * np.max(np.abs(S)) else None
