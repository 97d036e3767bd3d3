"""Initial values of unknowns that have no equation of evolution, from their equations ``0 = ...``."""

from __future__ import annotations

from typing import Any

import numpy as np

from pdekit.counts import Statistics
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import NotConvergedError, SingularError, SolverError
from pdekit.language.symbols import local_derivatives
from pdekit.linear.determined import determined
from pdekit.linear.direct import factorise
from pdekit.linear.solver_protocol import LinearSolver
from pdekit.nonlinear.newton import CONSISTENT, Newton, RootProblem
from pdekit.stencils.sparse_products import diagonal
from pdekit.time.solved_rates import SolverOf
from pdekit.typing import Array


def consistent(
    system: SemiDiscrete, y: Array, t: float, statistics: Statistics, solver_of: SolverOf = factorise
) -> Array:
    """Initial values of unknowns without an evolution equation, from their equations ``0 = ...``.

    The others keep what they have: their rows are those of the identity, so that processes that share the unknowns solve for all of them
    together, as in a step.

    Parameters
    ----------
    system : SemiDiscrete
    y : array
        The others, and first guesses.
    t : float
    statistics : Statistics
    solver_of : callable of a sparse matrix
        The linear solver.

    Raises
    ------
    SolverError
        They do not determine their unknowns.
    """
    if system.evolves:
        return y
    algebraic = system.algebraic
    _refuse_higher_index(system)
    chosen, others = (diagonal(flags.astype(float)) for flags in (algebraic, ~algebraic))

    undetermined = (
        "the equations '0 = ...' do not determine their unknowns, perhaps because they prescribe "
        f"derivatives only; {_what_fixes_a_value(system)}"
    )

    def factorised(J: Any) -> LinearSolver:
        if system.grid.ranks.count > 1:  # no process has the factors whose condition could be asked for
            return solver_of(J)
        return determined(J, undetermined, solver_of)

    without = {u.symbol for u in system.system.unknowns if u.time_order == 0}
    problem = RootProblem(
        lambda x: np.where(algebraic, system.rhs(t, x), 0.0),
        lambda x: chosen @ system.jacobian(t, x) + others,
        lambda x: np.where(algebraic, abs(system.jacobian(t, x)) @ np.abs(x), 0.0),
        [b.slice for b in system.blocks if b.symbol in without],
        system.grid.ranks,
    )
    try:
        return Newton(CONSISTENT, factorised, statistics).solve(problem, y).x
    except SingularError:
        raise SingularError(undetermined) from None
    except NotConvergedError as error:
        raise SolverError(
            f"no initial state was found that satisfies the algebraic equations '0 = ...': {error.message}"
        ) from None


def _what_fixes_a_value(system: SemiDiscrete) -> str:
    """What determines unknowns of which derivatives only are prescribed, in words."""
    name = next(u.name for u in system.system.unknowns if u.time_order == 0)
    by_mean = f"subtract the mean of the unknown, 0 = laplace({name}) + ... - mean({name}), which makes it zero"
    if all(axis.periodic for axis in system.grid.axes):
        return f"there are no faces on periodic axes, so {by_mean}, or add a term in the unknown itself"
    return f"fix a value by a Dirichlet condition, {by_mean}, or add a term in the unknown itself"


def _refuse_higher_index(system: SemiDiscrete) -> None:
    """Refuse equations ``0 = ...`` that hold none of the unknowns without a time derivative.

    Raises
    ------
    SolverError
    """
    unknowns = system.system.unknowns
    own = {u.symbol for u in unknowns if u.time_order == 0} | set(system.system.definitions)
    own |= {s for s, c in system.conditions.items() if own & set(c.scalar_slopes)}  # held by what they prescribe
    for unknown in unknowns:
        if unknown.time_order == 0 and not unknown.rhs.free_symbols & own:
            if local_derivatives(unknown.rhs):
                raise SolverError(
                    f"the equation '0 = ...' of {unknown.name} prescribes derivatives of other unknowns, as incompressible flow does by "
                    f"0 = u_x + v_y, and does not hold {unknown.name}: its index is above 1. Write a Poisson equation for "
                    f"{unknown.name}, which the divergence of the equations of motion gives, or equations for stream function and "
                    "vorticity, w_t = ... and 0 = laplace(psi) + w",
                    key="equations",
                )
            raise SolverError(
                f"the equation '0 = ...' of {unknown.name} holds no unknown that has no time derivative: its index is above 1. Write "
                "its time derivative instead, such as 0 = integral(u_t) for 0 = integral(u) - 1: what the initial state satisfies "
                "then stays to rounding",
                key="equations",
            )
