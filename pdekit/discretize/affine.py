"""Linear operators together with what the data of conditions add to them: ``L u + sum_a C_a g_a(t)``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from pdekit.boundary.face_data import StateConditions
from pdekit.discretize.algebra import LinearOperator, times
from pdekit.stencils.sparse_products import diagonal


@dataclass(frozen=True, eq=False)
class AffineOperator:
    """``operator(u) + sum_a data[a] @ g_a``.

    Parameters
    ----------
    operator : LinearOperator
        What acts on node values, prescribed ones among them.
    data : dict of int to sparse array
        By axis: what acts on the stacked data g_a of its conditions other than prescribed values.
    """

    operator: LinearOperator
    data: dict[int, Any]

    @cached_property
    def matrix(self) -> Any:
        """The matrix on node values, CSR."""
        return sparse.csr_array(self.operator.matrix())

    def offset(self, conditions: StateConditions | None, t: float) -> Any:
        """The part that the boundary data contribute at time t; 0.0 if none do."""
        total: Any = 0.0
        if conditions is not None:
            for axis, matrix in self.data.items():
                total = total + matrix @ conditions.stencil_data(axis, t).ravel()
        return total

    def __add__(self, other: AffineOperator) -> AffineOperator:
        data = dict(self.data)
        for axis, matrix in other.data.items():
            data[axis] = data[axis] + matrix if axis in data else matrix
        return AffineOperator(self.operator + other.operator, data)

    def weighted(self, weights: Any) -> AffineOperator:
        """``weights * (L u + C g)`` with an array that broadcasts over the grid, or 1.0."""
        if isinstance(weights, float):
            return self
        target = self.operator.target
        D = diagonal(np.array(np.broadcast_to(weights, target.shape)))
        data = {axis: sparse.csr_array(D @ matrix) for axis, matrix in self.data.items()}
        return AffineOperator(times(target, weights, self.operator), data)

    def followed_by(self, outer: LinearOperator) -> AffineOperator:
        """``outer(L u + C g)``."""
        data = {axis: sparse.csr_array(outer.matrix() @ matrix) for axis, matrix in self.data.items()}
        return AffineOperator(outer @ self.operator, data)
