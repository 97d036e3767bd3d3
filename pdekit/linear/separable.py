r"""Fast direct solvers for separable operators ``L = sum_a A_a + c``, A_a acting along axis a alone.

With ``A_a = V_a diag(lambda_a) V_a^{-1}`` for every axis,

    (s - k L)^{-1} = (prod_a V_a) diag( 1 / (s - k (sum_a lambda_a + c)) ) (prod_a V_a^{-1}).

Where V_a is a fast transform (by the pair of conditions at the ends of a uniform axis, or a periodic axis at any order) it
is done by `scipy.fft`; elsewhere (non-uniform axes, Robin ends, orders 4 and 6) by the matrix of eigenvectors, which
is found symmetrised where a diagonal scaling makes A_a symmetric.

References
----------
R. E. Lynch, J. R. Rice and D. H. Thomas, *Direct solution of partial difference equations by tensor product methods*,
Numer. Math. 6 (1964) 185-199. G. Strang, *The discrete cosine transform*, SIAM Review 41 (1999) 135-147.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import sparse

from pdekit.errors import SingularError

Array = NDArray[Any]
LARGEST_DENSE = 2500  # nodes of an axis up to which its eigenvectors are computed
WORST_BASIS = 1e3  # condition of a basis of eigenvectors beyond which it loses too many digits
WORST_SCALING = 1e3  # of the diagonal matrix that symmetrises
SAME = 1e-12


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


@dataclass(frozen=True, eq=False)
class MatrixBasis:
    """Eigenvectors as a matrix."""

    values: Array
    vectors: Array
    inverse: Array
    title: str = "eigenvectors"

    def forward(self, x: Array, axis: int) -> Array:
        return _multiply(self.inverse, x, axis)

    def backward(self, x: Array, axis: int) -> Array:
        return _multiply(self.vectors, x, axis)


def _multiply(matrix: Array, x: Array, axis: int) -> Array:
    """A dense matrix along one axis, by BLAS."""
    if axis == x.ndim - 1:
        return np.asarray(x @ matrix.T)
    if axis == 0:
        return np.asarray((matrix @ x.reshape(x.shape[0], -1)).reshape(matrix.shape[0], *x.shape[1:]))
    return np.asarray(np.matmul(matrix, x))


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


def basis_of(matrix: Any, workers: int = 1) -> Basis | None:
    """The eigenvectors of a one-dimensional matrix, by a fast transform if it has one; None if they are no good basis.

    Examples
    --------
    >>> second = sparse.diags_array([[2.0] + [1.0] * 3, [-2.0] * 5, [1.0] * 3 + [2.0]], offsets=[1, 0, -1])
    >>> basis_of(second).title
    'DCT-I'
    """
    n = matrix.shape[0]
    A = sparse.csr_array(matrix)
    scale = float(abs(A).max()) if A.nnz else 1.0
    first = A[[0]].toarray().ravel()
    circulant = _circulant(first)
    if n > 2 and abs(A - circulant).max() <= SAME * scale:
        return FourierBasis(np.asarray(scipy.fft.fft(np.roll(first[::-1], 1))), workers)
    if n > 2 and A.nnz <= 3 * n - 2:
        middle = A[[n // 2]].toarray().ravel()
        side = middle[n // 2 - 1]
        for kind, type_, angles in _cosines_and_sines(n):
            values = middle[n // 2] + 2 * side * np.cos(angles)
            basis = TransformBasis(values, kind, type_, workers)
            if _diagonalises(basis, A, scale):
                return basis
    return _matrix_basis(A.toarray()) if n <= LARGEST_DENSE else None


def _circulant(row: Array) -> Any:
    """The circulant matrix of a first row, of its entries that are not zero."""
    n = row.size
    at = np.flatnonzero(row)
    rows = np.repeat(np.arange(n), at.size)
    columns = (rows + np.tile(at, n)) % n
    return sparse.csr_array((np.tile(row[at], n), (rows, columns)), shape=(n, n))


def _diagonalises(basis: Basis, A: Any, scale: float) -> bool:
    """Whether A is the transform's matrix: exact on vectors without symmetry, hence on all."""
    x = np.random.default_rng(0).standard_normal((A.shape[0], 2))
    back = basis.backward(basis.values[:, None] * basis.forward(x, 0), 0)
    return bool(np.max(np.abs(back - A @ x)) <= 1e-10 * scale * np.max(np.abs(x)))


def _matrix_basis(A: Array) -> MatrixBasis | None:
    """Eigenvectors of a dense matrix, symmetrised by a diagonal scaling where there is one."""
    d = _symmetriser(A)
    if d is not None and np.max(d) > WORST_SCALING * np.min(d):
        return None  # strong convection: the eigenvectors lean against one end
    if d is not None:
        S = A * d[:, None] / d[None, :]
        values, Q = scipy.linalg.eigh(0.5 * (S + S.T))
        return MatrixBasis(values, Q / d[:, None], Q.T * d[None, :], "eigenvectors, symmetrised")
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


class SeparableSolver:
    """Solves ``(shift - factor L) x = r`` for a separable L, on the free nodes of a grid.

    Parameters
    ----------
    bases : sequence of Basis
        One for each axis.
    constant : number
        c of ``L = sum_a A_a + c``.
    shift, factor : numbers
    dtype : numpy dtype
        Of the solution.
    null : bool, default False
        Whether one mode, the constant, may have the eigenvalue zero: it is left out of the solution.

    Raises
    ------
    SolverError
        The matrix is singular.
    """

    def __init__(
        self,
        bases: Sequence[Basis],
        constant: Any,
        shift: float,
        factor: float,
        dtype: Any,
        *,
        null: bool = False,
    ) -> None:
        self.bases, self.dtype = tuple(bases), np.dtype(dtype)
        total: Any = np.asarray(constant)
        for basis in self.bases:
            total = np.add.outer(total, basis.values)
        symbol = shift - factor * total
        size = np.abs(symbol)
        self._null = int(np.argmin(size)) if null else None
        if self._null is not None:
            symbol.flat[self._null] = size.flat[self._null] = np.inf
        smallest, greatest = float(np.min(size)), float(np.max(size[np.isfinite(size)]))
        if not smallest > 1e-14 * greatest:
            raise SingularError("the matrix is singular")
        self.condition = greatest / smallest
        self._inverse = 1 / symbol
        self.shape = symbol.shape
        self.description = f"separable: {' x '.join(basis.title for basis in self.bases)}"

    def solve(self, rhs: Array) -> Array:
        """The solution, as a vector."""
        return self._back(self._coefficients(rhs) * self._inverse)

    def null_part(self, rhs: Array) -> float:
        """The constant part of a right-hand side, which no solution can make: what the data are in excess."""
        alone = np.zeros(self.shape, dtype=complex)
        if self._null is not None:
            alone.flat[self._null] = self._coefficients(rhs).flat[self._null]
        return float(np.max(np.abs(self._back(alone))))

    @property
    def _order(self) -> list[int]:
        """Real transforms before Fourier's, so that the complex arrays are as few as can be."""
        return sorted(range(len(self.bases)), key=lambda a: isinstance(self.bases[a], FourierBasis))

    def _coefficients(self, rhs: Array) -> Array:
        x: Array = rhs.reshape(self.shape)
        for axis in self._order:
            x = self.bases[axis].forward(x, axis)
        return x

    def _back(self, x: Array) -> Array:
        for axis in reversed(self._order):
            x = self.bases[axis].backward(x, axis)
        return np.ascontiguousarray(x if self.dtype.kind == "c" else x.real).reshape(-1)
