"""What a linear solver is, for whoever uses one or brings one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from pdekit.linear.axis_sums import Structure
from pdekit.typing import Array, Matrix

SOLVED = 1e-12  # the residual beside the right-hand side of what counts as solved


class LinearSolver(Protocol):
    """A factorised matrix, or what stands for one."""

    @property
    def description(self) -> str:
        """The method in words."""
        ...

    def solve(self, rhs: Array) -> Array:
        """The solution x of ``A x = rhs``."""
        ...


class TransposedSolver(LinearSolver, Protocol):
    """One that solves with the adjoint as well, as an estimate of the condition needs it."""

    def solve_transposed(self, rhs: Array) -> Array:
        """The solution x of ``A^H x = rhs``."""
        ...


@runtime_checkable
class CorrectingSolver(Protocol):
    """One that iterates, and does less where less will do."""

    def correction(self, rhs: Array) -> Array:
        """The solution as far as a correction of Newton's method needs it: the next one corrects what is left."""
        ...


@runtime_checkable
class Factoriser(Protocol):
    """What a user may bring: ``factorise(A)`` gives an object with ``solve(b)``."""

    def factorise(self, matrix: Matrix) -> Any:
        """Prepare to solve with a sparse matrix."""
        ...


@dataclass(frozen=True, eq=False)
class ShiftedProblem:
    """``(shift - factor L) x = r`` for the linear part L of a system.

    Parameters
    ----------
    structure : Structure
        What is known of L.
    shift, factor : float
    matrix : callable
        Makes the sparse matrix, if it is needed.
    null : bool
        Constants are not determined.
    tolerance : float
        Of the residual beside the right-hand side, for iterations.
    """

    structure: Structure
    shift: float
    factor: float
    matrix: Callable[[], Any]
    null: bool = False
    tolerance: float = SOLVED


@dataclass(frozen=True)
class SolverKind:
    """A linear solver by its name in ``time: {solver: ...}``.

    Parameters
    ----------
    title : str
        In words.
    shifted : callable of (solvers, problem, asked)
        The solver of a linear problem by its structure; None if it is not for this one. `asked`: it was named, rather than
        tried in turn.
    factorise : callable of matrix, optional
        The solver of any sparse matrix, as Newton's method needs it; None if there is none.
    """

    title: str
    shifted: Callable[[Any, ShiftedProblem, bool], LinearSolver | None]
    factorise: Callable[[Any], LinearSolver] | None = None
