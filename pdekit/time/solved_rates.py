"""``y' = M^-1 F(t, y)``: the rates of a system whose M couples the nodes, for methods that take them explicitly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse

from pdekit.discretize.real_pairs import RealPairs
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SingularError, SolverError
from pdekit.linear.direct import factorise
from pdekit.linear.solver_protocol import LinearSolver
from pdekit.typing import Array, Matrix

SolverOf = Callable[[Matrix], LinearSolver]


def factorised_mass(system: SemiDiscrete | RealPairs, solver_of: SolverOf = factorise) -> LinearSolver:
    """The solver of M, ones standing in the rows of equations ``0 = ...``: its factors, unless something else is given.

    Raises
    ------
    SolverError
        M is singular.
    """
    try:
        return solver_of(sparse.csr_array(system.mass + sparse.diags_array(system.algebraic.astype(float))))
    except SingularError:
        raise SolverError(
            "the operator on the time derivatives is singular: it does not determine them", key="equations"
        ) from None


def rates(system: SemiDiscrete | RealPairs, solver_of: SolverOf = factorise) -> Callable[[float, Array], Array]:
    """The rates as a function of time and state: the right-hand side itself where M does not couple the nodes."""
    if not system.couples_rates:
        return system.rhs
    solver = factorised_mass(system, solver_of)
    return lambda t, y: np.asarray(solver.solve(system.rhs(t, y)))


def refuse_coupled_rates(system: SemiDiscrete, method: str) -> None:
    """Refuse a method that is not written for an M that couples the nodes.

    Raises
    ------
    SolverError
    """
    if system.couples_rates:
        raise SolverError(
            f"{method} is not for time derivatives that are differentiated in space; use DOP853, rk4, tr_bdf2, esdirk43, or "
            "method: auto",
            key="time.method",
        )
