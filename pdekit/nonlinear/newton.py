"""Newton's method: one for steady problems, for the stages of implicit steps and for consistent initial values.

References
----------
P. Deuflhard, *Newton Methods for Nonlinear Problems* (2004), sections 2.1 (simplified Newton) and 3.3 (natural monotonicity).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pdekit.errors import NotConvergedError, SolverError
from pdekit.linear.solver_protocol import CorrectingSolver, LinearSolver
from pdekit.ranks import ALONE, Ranks
from pdekit.typing import Array

TOLERANCE = 1e-11
LEAST_DAMPING = 1e-6
CANCELLED = 1e-12  # of terms, below which their sum is zero to rounding


@dataclass(frozen=True, eq=False)
class RootProblem:
    """``G(x) = 0``.

    Parameters
    ----------
    residual, jacobian : callable of x
        G and its sparse Jacobian.
    size : callable of x
        Moduli of the terms that cancel in G, for its rounding.
    blocks : sequence of slice
        The unknowns that are judged each by itself.
    ranks : Ranks
        The processes that share them.
    """

    residual: Callable[[Array], Array]
    jacobian: Callable[[Array], Any]
    size: Callable[[Array], Array]
    blocks: Sequence[slice]
    ranks: Ranks = ALONE


@dataclass(frozen=True)
class Strategy:
    """How the iteration goes.

    Parameters
    ----------
    iterations : int
        At most so many.
    keeps_factors : bool
        A factorised Jacobian is kept as long as it contracts well, from one problem to the next: simplified Newton.
    damped : bool
        A step is halved until it reduces the next correction: the natural monotonicity test.
    """

    iterations: int
    keeps_factors: bool = False
    damped: bool = False


STEPS = Strategy(25, keeps_factors=True)
STEADY = Strategy(60, damped=True)
CONSISTENT = Strategy(30)
BOUNDED = Strategy(60)


@dataclass(frozen=True, eq=False)
class Root:
    """A root, the solver of the last correction, and how many iterations there were."""

    x: Array
    solver: LinearSolver
    iterations: int


class Newton:
    """Solves ``G(x) = 0``.

    Converged means that the last correction is below 1e-11 of the solution, for every unknown by itself, or below what
    rounding in G makes of it: nothing less is passed on.

    Parameters
    ----------
    strategy : Strategy
    factorise : callable of a sparse matrix
    counts : Counts
        Is added to.
    """

    def __init__(self, strategy: Strategy, factorise: Callable[[Any], LinearSolver], counts: Any) -> None:
        self.strategy, self.factorise, self.counts = strategy, factorise, counts
        self._solver: LinearSolver | None = None
        self._key: Any = None

    def solve(self, problem: RootProblem, x: Array, key: Any = None) -> Root:
        """Find the root near x.

        Parameters
        ----------
        problem : RootProblem
        x : array
            First guess.
        key : hashable
            Kept factors are used again under the same key only (the step size).

        Raises
        ------
        NotConvergedError, SolverError
        """
        if key != self._key:
            self._solver = None
        previous, change = np.inf, np.inf
        for iteration in range(1, self.strategy.iterations + 1):
            if self._solver is None:
                self._solver, self._key = self.factorise(problem.jacobian(x)), key
                self.counts.jacobians += 1
                self.counts.factorisations += 1
            solver = self._solver
            solved = solver.correction if isinstance(solver, CorrectingSolver) else solver.solve
            correction = solved(problem.residual(x))
            self.counts.newton_iterations += 1
            if not np.isfinite(greatest(correction, problem.ranks)):
                raise SolverError(f"Newton's method met a correction that is not finite in iteration {iteration}")
            x, whole = self._advanced(problem, solver, x, correction, iteration)
            change = relative_change(correction, x, problem.blocks, problem.ranks)
            if whole and (
                change <= TOLERANCE or self._is_rounding(problem, solver, x, correction, change, previous, iteration)
            ):
                return Root(x, solver, iteration)
            if not self.strategy.keeps_factors or change > 0.1 * previous:
                self._solver = None  # a new Jacobian every time, or where the old one contracts too slowly
            previous = change
        raise NotConvergedError(
            f"Newton's method did not converge in {self.strategy.iterations} iterations (last correction {change:.1e} of the solution)",
            iterations=self.strategy.iterations,
            left=change,
        )

    def _is_rounding(
        self,
        problem: RootProblem,
        solver: LinearSolver,
        x: Array,
        correction: Array,
        change: float,
        previous: float,
        iteration: int,
    ) -> bool:
        """Whether the corrections have stopped shrinking at what rounding makes of them."""
        stalled = change > 0.1 * previous if self.strategy.keeps_factors else iteration > 3
        return stalled and self._is_root(problem, solver, x, correction, problem.residual(x))

    @staticmethod
    def _is_root(problem: RootProblem, solver: LinearSolver, x: Array, correction: Array, residual: Array) -> bool:
        """Whether both what is left of G and the correction are what rounding makes of them."""
        size, blocks, ranks = problem.size(x), problem.blocks, problem.ranks
        return is_rounding(residual, size, blocks, ranks) and within_rounding(correction, size, solver, blocks, ranks)

    def _advanced(
        self, problem: RootProblem, solver: LinearSolver, x: Array, correction: Array, iteration: int
    ) -> tuple[Array, bool]:
        """The next iterate, and whether the whole step was taken."""
        if not self.strategy.damped:
            new = x - correction
            if not np.isfinite(greatest(new, problem.ranks)):
                raise NotConvergedError("Newton's method diverged", iterations=iteration)
            return new, True
        damping, before = 1.0, greatest(correction, problem.ranks)
        while damping >= LEAST_DAMPING:
            trial = x - damping * correction
            residual = problem.residual(trial)
            self.counts.evaluations += 1
            if np.isfinite(greatest(residual, problem.ranks)):
                if relative_change(correction, trial, problem.blocks, problem.ranks) <= 1e-6:
                    return trial, damping == 1.0
                if greatest(solver.solve(residual), problem.ranks) <= (1 - 0.25 * damping) * before:
                    return trial, damping == 1.0
                if self._is_root(problem, solver, trial, correction, residual):
                    return trial, damping == 1.0
            damping /= 2
        left = greatest(problem.residual(x), problem.ranks)
        raise NotConvergedError(
            f"Newton's method is stuck after {iteration} iterations (residual {left:.2e})",
            iterations=iteration,
            left=left,
        )


def greatest(values: Array, ranks: Ranks) -> float:
    """The greatest modulus; not a number if there is one that is not."""
    return ranks.greatest(float(np.max(np.abs(values), initial=0.0)))


def relative_change(correction: Array, x: Array, blocks: Sequence[slice], ranks: Ranks = ALONE) -> float:
    """Greatest correction beside the greatest value, over the unknowns one by one."""
    found = 0.0
    for block in blocks:
        change = greatest(correction[block], ranks)
        if change > 0:
            found = max(found, change / max(greatest(x[block], ranks), 1e-300))
    return found


def is_rounding(residual: Array, size: Array, blocks: Sequence[slice], ranks: Ranks = ALONE) -> bool:
    """Whether a residual is no greater than rounding errors of the terms that cancel in it, in every block.

    Without this a step to where the terms are huge looks like convergence: the rounding of ``exp(300)`` excuses every correction.
    """
    return all(greatest(residual[block], ranks) <= CANCELLED * greatest(size[block], ranks) for block in blocks)


def within_rounding(
    correction: Array, size: Array, solver: LinearSolver, blocks: Sequence[slice], ranks: Ranks = ALONE
) -> bool:
    """Whether a correction is no greater than what rounding errors of the residual make of it, in every block."""
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size.size)
    noise = solver.solve(4 * np.finfo(float).eps * size * signs)
    return all(greatest(correction[block], ranks) <= 8 * greatest(noise[block], ranks) for block in blocks)
