"""Sparse matrices with a few dense products of a column and a row: ``A + U V``, without their entries being stored.

Numbers made of whole fields (an integral, a mean, the value at a point) put such products into Jacobians. Systems with them are
solved by Woodbury's formula, or by their bordered form ``[A U; -V 1] [x; z] = [r; 0]`` (`pdekit.linear.updated`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from pdekit.errors import SolverError
from pdekit.typing import Array, Matrix

MOST_ENTRIES = 2e7


@dataclass(frozen=True, eq=False)
class LowRankUpdate:
    """``A + U V``.

    Parameters
    ----------
    A : sparse array
        n x n.
    U, V : sparse array, CSR
        n x k and k x n, k being small.

    Examples
    --------
    >>> ones = sparse.csr_array(np.ones((3, 1)))
    >>> J = LowRankUpdate(sparse.eye_array(3, format="csr"), ones, ones.T)
    >>> J @ np.array([1.0, 2.0, 3.0])
    array([7., 8., 9.])
    >>> (2.0 * J).explicit().toarray()[0]
    array([4., 2., 2.])
    """

    A: Matrix
    U: Matrix
    V: Matrix

    __array_ufunc__ = None  # NumPy leaves products with it to it

    @property
    def shape(self) -> tuple[int, int]:
        return self.A.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.result_type(self.A.dtype, self.U.dtype, self.V.dtype)

    def __matmul__(self, x: Array) -> Array:
        return np.asarray(self.A @ x + self.U @ (self.V @ x))

    def __rmatmul__(self, left: Matrix) -> LowRankUpdate:
        return LowRankUpdate(sparse.csr_array(left @ self.A), sparse.csr_array(left @ self.U), self.V)

    def __mul__(self, factor: complex) -> LowRankUpdate:
        return LowRankUpdate(self.A * factor, self.U * factor, self.V)

    __rmul__ = __mul__

    def __neg__(self) -> LowRankUpdate:
        return self * -1.0

    def __add__(self, other: Matrix) -> LowRankUpdate:
        if isinstance(other, LowRankUpdate):
            U, V = sparse.hstack([self.U, other.U], format="csr"), sparse.vstack([self.V, other.V], format="csr")
            return LowRankUpdate(sparse.csr_array(self.A + other.A), U, V)
        return LowRankUpdate(sparse.csr_array(self.A + other), self.U, self.V)

    __radd__ = __add__

    def __sub__(self, other: Matrix) -> LowRankUpdate:
        return self + -other

    def __rsub__(self, other: Matrix) -> LowRankUpdate:
        return -self + other

    def __abs__(self) -> LowRankUpdate:
        """Not less than the moduli of the entries."""
        return LowRankUpdate(abs(self.A), abs(self.U), abs(self.V))

    def __getitem__(self, where: Any) -> LowRankUpdate:
        """Some rows, or ``[:, columns]``."""
        if isinstance(where, tuple):
            return LowRankUpdate(self.A[where], self.U, self.V[where])
        return LowRankUpdate(self.A[where], self.U[where], self.V)

    def column_sums(self) -> Array:
        """Not less than the sums of the moduli of each column."""
        own, of_U = (np.asarray(abs(part).sum(axis=0)) for part in (self.A, self.U))
        return np.asarray(own + of_U @ abs(self.V))

    def bordered(self) -> Matrix:
        """``[A U; -V 1]``, n + k x n + k."""
        k = self.U.shape[1]
        return sparse.csr_array(sparse.block_array([[self.A, self.U], [-self.V, sparse.eye_array(k)]]))

    def explicit(self) -> Matrix:
        """The matrix with all its entries, CSR.

        Raises
        ------
        SolverError
            They would be too many.
        """
        if float(self.shape[0]) ** 2 > MOST_ENTRIES:
            raise SolverError(
                f"a number made of a whole field (integral, mean, a value at a point) stands in the equations, and this method needs its "
                f"dense Jacobian of {self.shape[0]:,} unknowns; in time tr_bdf2, esdirk43, ros3p and explicit methods need none",
            )
        return sparse.csr_array(self.A + self.U @ self.V)

    def explicit_if_small(self) -> Matrix | LowRankUpdate:
        """The same where that costs little, for what looks at entries."""
        return self.explicit() if float(self.shape[0]) ** 2 <= MOST_ENTRIES else self

    def diagonal(self) -> Array:
        return np.asarray(self.A.diagonal() + np.ravel(self.U.multiply(self.V.T).sum(axis=1)))

    def toarray(self) -> Array:
        return np.asarray(self.explicit().toarray())


def explicit(J: Matrix | LowRankUpdate) -> Matrix:
    """A Jacobian with all its entries, for what is not written for low-rank updates."""
    return J.explicit() if isinstance(J, LowRankUpdate) else J
