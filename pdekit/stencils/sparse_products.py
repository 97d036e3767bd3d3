"""Products of one-dimensional matrices with arrays and with each other."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.typing import Matrix


def kronecker(factors: list[Any]) -> Any:
    """Kronecker product of sparse matrices, in CSR."""
    return reduce(lambda left, right: sparse.kron(left, right, format="csr"), factors)


def diagonal(values: NDArray[Any]) -> Matrix:
    """A sparse diagonal matrix."""
    flat = values.ravel()
    return sparse.dia_array((flat[None, :], [0]), shape=(flat.size, flat.size))


def apply_along(matrix: Matrix, values: NDArray[Any], axis: int) -> NDArray[Any]:
    """Multiply `matrix` into one axis of an array."""
    shape = values.shape
    before, after = int(np.prod(shape[:axis])), int(np.prod(shape[axis + 1 :]))
    if before == 1:
        result = matrix @ values.reshape(shape[axis], after)
    elif after == 1:
        result = (matrix @ values.reshape(before, shape[axis]).T).T
    else:
        stacked = np.moveaxis(values.reshape(before, shape[axis], after), 1, 0).reshape(shape[axis], before * after)
        result = np.moveaxis((matrix @ stacked).reshape(-1, before, after), 0, 1)
    return np.ascontiguousarray(result).reshape(*shape[:axis], matrix.shape[0], *shape[axis + 1 :])
