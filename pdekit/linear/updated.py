"""Solvers of matrices with low-rank updates ``A + U V``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pdekit.discretize.low_rank import LowRankUpdate
from pdekit.errors import SingularError
from pdekit.linear.solver_protocol import LinearSolver
from pdekit.ranks import ALONE, Ranks
from pdekit.typing import Array, Matrix

ROUNDING = 1e-9  # of the residual of a probe beside its terms, from which on A is too near to a singular matrix


class Woodbury:
    """``x = w - W (1 + V W)^-1 V w`` with ``w = A^-1 r`` and ``W = A^-1 U`` (Woodbury, 1950).

    Parameters
    ----------
    solver : LinearSolver
        Of A.
    matrix : LowRankUpdate
    ranks : Ranks
        The processes that share the unknowns, of which each brings its part of a product with V.
    """

    def __init__(self, solver: LinearSolver, matrix: LowRankUpdate, ranks: Ranks = ALONE) -> None:
        self._solver, self._matrix, self._ranks = solver, matrix, ranks
        U = matrix.U.toarray()
        self._W = np.stack([solver.solve(column) for column in U.T], axis=1)
        self._small = np.eye(U.shape[1]) + ranks.total(matrix.V @ self._W)
        self.description = f"{solver.description}, with a correction of rank {U.shape[1]}"

    def solve(self, rhs: Array) -> Array:
        w = self._solver.solve(rhs)
        return np.asarray(w - self._W @ np.linalg.solve(self._small, self._ranks.total(self._matrix.V @ w)))

    def solve_transposed(self, rhs: Array) -> Array:
        """By the same with ``A^-H``."""
        solver: Any = self._solver
        inner = np.linalg.solve(self._small.conj().T, self._W.conj().T @ rhs)
        return np.asarray(solver.solve_transposed(rhs - self._matrix.V.conj().T @ inner))

    @property
    def is_regular(self) -> bool:
        """Whether the correction can be had."""
        return bool(np.all(np.isfinite(self._small)) and np.linalg.cond(self._small) <= 1 / ROUNDING)

    def is_accurate(self) -> bool:
        """Whether A is far enough from a singular matrix, by the residual of a probe."""
        if not self.is_regular:
            return False
        probe = np.cos(np.arange(float(self._matrix.shape[0])))
        x = self.solve(probe)
        size = abs(self._matrix) @ np.abs(x) + np.abs(probe)
        return bool(np.all(np.isfinite(x)) and np.max(np.abs(self._matrix @ x - probe)) <= ROUNDING * np.max(size))


class Bordered:
    """By the factors of ``[A U; -V 1]``, where A itself is singular.

    Parameters
    ----------
    solver : LinearSolver
        Of the bordered matrix.
    border : int
        How many rows it has more.
    """

    def __init__(self, solver: LinearSolver, border: int) -> None:
        self._solver, self._border = solver, border
        self.description = f"{solver.description}, bordered"

    def solve(self, rhs: Array) -> Array:
        return self._without_border(self._solver.solve, rhs)

    def solve_transposed(self, rhs: Array) -> Array:
        solver: Any = self._solver
        return self._without_border(solver.solve_transposed, rhs)

    def _without_border(self, solve: Callable[[Array], Array], rhs: Array) -> Array:
        border = np.zeros((self._border, *rhs.shape[1:]), rhs.dtype)
        return np.asarray(solve(np.concatenate([rhs, border]))[: -self._border])


def factorise_updated(matrix: LowRankUpdate, factorise: Callable[[Matrix], Any]) -> Woodbury | Bordered:
    """Factorise ``A + U V`` by what factorises sparse matrices."""
    try:
        found = Woodbury(factorise(matrix.A), matrix)
        if found.is_accurate():
            return found
    except (SingularError, np.linalg.LinAlgError):
        pass
    return Bordered(factorise(matrix.bordered()), matrix.U.shape[1])
