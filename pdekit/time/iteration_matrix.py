"""The matrix of implicit steps."""

from __future__ import annotations

from typing import Any

from scipy import sparse

from pdekit.stencils.sparse_products import diagonal
from pdekit.typing import Matrix


def iteration_matrix(M: Matrix, factor: Any, J: Matrix) -> Matrix:
    """``M - factor J``, factor being a number or a diagonal.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> iteration_matrix(sparse.eye_array(2), 0.5, sparse.csr_array(np.array([[0.0, 2], [4, 0]]))).toarray()
    array([[ 1., -1.],
           [-2.,  1.]])
    """
    scaled = factor * J if isinstance(factor, float | int) else diagonal(factor) @ J
    return sparse.csr_array(M) - scaled
