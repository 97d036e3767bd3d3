"""Linear operators together with what the data of conditions add to them: ``L u + sum_a C_a g_a(t)``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from pdekit.boundary.face_data import StateConditions
from pdekit.boundary.solution_data import States
from pdekit.discretize.algebra import LinearOperator, times
from pdekit.discretize.evaluation import Values
from pdekit.stencils.sparse_products import diagonal
from pdekit.typing import Expression, Matrix


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
    def matrix(self) -> Matrix:
        """The matrix on node values, CSR."""
        return sparse.csr_array(self.operator.matrix())

    def value(self, operand: Expression, conditions: StateConditions | None, at: Values) -> Any:
        """``L u + sum_a C_a g_a`` of what is differentiated, flat."""
        u = at.operand(operand).ravel()
        # Of nothing, as where the source b of large systems is asked for, the matrix is not worth making.
        wanted = "matrix" in self.__dict__ or np.any(u)
        total = self.matrix @ u if wanted else np.zeros(self.operator.target.size, dtype=u.dtype)
        if conditions is not None:
            for axis, matrix in self.data.items():
                data = conditions.stencil_data(axis, at.t, at.operand).ravel()
                if np.any(data):
                    total = total + matrix @ data
        return total

    def jacobian(self, operand: Expression, conditions: StateConditions | None, at: Values) -> Matrix:
        """Derivative of the same by the unknowns, data that depend on the solution included."""
        total = self.matrix @ at.operand_jacobian(operand)
        if conditions is not None and conditions.of_solution:
            for axis, matrix in self.data.items():
                for state, slope in conditions.stencil_slopes(axis, at.t, at.operand):
                    total = total + matrix @ (slope @ at.operand_jacobian(state))
        return total

    def row_sums(self, conditions: StateConditions | None, t: float, states: States | None) -> Any:
        """Sums of the moduli of the entries of each row, data that depend on the solution included."""
        total = np.asarray(abs(self.matrix).sum(axis=1))
        if conditions is not None and conditions.of_solution:
            for axis, matrix in self.data.items():
                for _, slope in conditions.stencil_slopes(axis, t, states):
                    total = total + np.asarray(abs(matrix @ slope).sum(axis=1))
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
