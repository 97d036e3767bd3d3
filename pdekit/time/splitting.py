"""The two parts of an equation that implicit-explicit methods treat apart: ``y' = (L y + b(t)) + N(t, y)``."""

from __future__ import annotations

from collections.abc import Sequence

from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError
from pdekit.language.marked_terms import only
from pdekit.linear.solver_choice import Solvers
from pdekit.linear.solver_protocol import LinearSolver
from pdekit.time.solved_rates import refuse_coupled_rates
from pdekit.typing import Array


class Splitting:
    """What is implicit: all linear terms with coefficients constant in time, and all data; or the terms that are marked.

    Parameters
    ----------
    system : SemiDiscrete
    solvers : Solvers
    method : str
        For messages.
    marked : sequence of str, optional
        Names of terms; see `pdekit.language.marked_terms.only`.

    Raises
    ------
    SolverError
        There is nothing to be implicit, or it is not linear; there are algebraic equations.
    """

    def __init__(
        self, system: SemiDiscrete, solvers: Solvers, method: str, marked: Sequence[str] | None = None
    ) -> None:
        if not system.evolves or system.function is not None or all(s.linear == 0 for s in system.splits.values()):
            raise SolverError(
                f"{method} treats the linear terms of evolution equations implicitly, and there are none; use tr_bdf2, or "
                "method: auto",
                key="time.method",
            )
        refuse_coupled_rates(system, method)
        self.system, self.part, self._solvers = system, system, solvers
        if marked is None:
            return
        self.part = system.restricted(only(system.system, marked))
        if not self.part.is_linear:
            raise SolverError(
                "the terms, and the boundary conditions of what they differentiate, must be linear, with coefficients constant in time",
                key="time.implicit",
            )
        self._solvers = solvers.of(self.part)

    def implicit(self, t: float, y: Array) -> Array:
        """``L y + b(t)``."""
        return self.part.linear(y) + self.part.b(t)

    def b(self, t: float) -> Array:
        """b(t)."""
        return self.part.b(t)

    def explicit(self, t: float, y: Array) -> Array:
        """N(t, y): all the rest."""
        if self.part is self.system:
            return self.system.nonlinear(t, y)
        return self.system.rhs(t, y) - self.implicit(t, y)

    def resolvent(self, factor: float) -> LinearSolver:
        """The solver of ``1 - factor L``."""
        return self._solvers.resolvent(factor)
