"""Factors of the matrices of implicit steps, kept as long as steps have the same length."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pdekit.counts import Statistics
from pdekit.discretize.system import SemiDiscrete
from pdekit.linear.solver_choice import Solvers
from pdekit.linear.solver_protocol import LinearSolver
from pdekit.time.iteration_matrix import iteration_matrix

KEPT = 2  # lengths of steps whose factors are kept


class KeptFactors:
    """Solvers by the length of the step.

    Parameters
    ----------
    make : callable of float
        The solver for a length.
    statistics : Statistics
        Counts what is made.
    kept : int
        For how many lengths, those used last.

    Examples
    --------
    >>> counts = Statistics()
    >>> factors = KeptFactors(lambda h: f"solver for {h}", counts)
    >>> [factors.at(h) for h in (0.1, 0.1, 0.2)]
    ['solver for 0.1', 'solver for 0.1', 'solver for 0.2']
    >>> counts.factorisations
    2
    """

    def __init__(self, make: Callable[[float], LinearSolver], statistics: Statistics, kept: int = 1) -> None:
        self._make, self._statistics = make, statistics
        self.at = lru_cache(maxsize=kept)(self._counted)

    def _counted(self, h: float) -> LinearSolver:
        solver = self._make(h)
        self._statistics.factorisations += 1
        return solver


def linear_factors(system: SemiDiscrete, solvers: Solvers, statistics: Statistics, share: Any = 1.0) -> KeptFactors:
    """Solvers of ``M - h share L`` for a linear system; `share` is a number or, of algebraic systems, one for each row."""

    plain = system.evolves and not system.couples_rates

    def make(h: float) -> LinearSolver:
        def matrix() -> Any:
            return iteration_matrix(system.mass, h * share, system.L)

        return solvers.shifted(1.0, h * share, matrix) if plain else solvers.factorise(matrix())

    return KeptFactors(make, statistics, KEPT)
