"""Which method a shared run takes: as one process would choose, or the nearest that can be shared."""

from __future__ import annotations

import numpy as np

from pdekit.distributed.petsc_solver import SharedSolvers
from pdekit.errors import SolverError
from pdekit.problem import Problem
from pdekit.time.facts import Facts
from pdekit.time.method_choice import Choice
from pdekit.time.methods import METHODS, find_method

FAMILIES = ("explicit", "stabilised", "implicit", "implicit-explicit", "verlet", "newmark", "stochastic")
NOT_SHARED = ("modified_equation",)  # which takes powers of the matrix of waves
# What stands for methods that see the whole grid, or that are not our own.
INSTEAD = {
    "adaptive explicit": "tsitouras",
    "adaptive implicit": "esdirk43",
    "exact": "esdirk43",
    "exponential": "esdirk43",
}


def can_be_shared(name: str) -> bool:
    """Whether a method is one that processes can share."""
    method = METHODS[name]
    return method.family in FAMILIES and name not in NOT_SHARED


def shared_choice(problem: Problem, local: Problem, solvers: SharedSolvers) -> Choice:
    """The method, with reasons.

    Parameters
    ----------
    problem : Problem
        Whole.
    local : Problem
        On the part of this process.
    solvers : SharedSolvers

    Raises
    ------
    SolverError
        The one asked for cannot be shared.
    """
    asked = problem.time.method
    if asked != "auto" and not can_be_shared(find_method(asked).name):
        names = ", ".join(name for name in METHODS if can_be_shared(name))
        raise SolverError(
            f"{find_method(asked).name} cannot be shared among ranks; there are {names}", key="time.method"
        )
    choice = local.choice(solvers=solvers) if _is_known_by_bounds(problem, solvers) else problem.choice()
    name = choice.method.name
    if choice.method.family not in (*FAMILIES, *INSTEAD):
        raise SolverError(f"{name} cannot be shared among ranks; run it without mpiexec", key="time.method")
    other = choice.method if can_be_shared(name) else METHODS[INSTEAD[choice.method.family]]
    if other is choice.method:
        return choice
    reason = f"{name} sees the whole grid; where ranks share it: {other.title}"
    return Choice(other, (*choice.reasons, reason), choice.limit)


def _is_known_by_bounds(problem: Problem, solvers: SharedSolvers) -> bool:
    """Whether bounds on the rows of the parts say all of the spectrum: of large problems, of which no process needs the whole then."""
    facts = Facts(problem.semidiscrete, 0.0, np.zeros(0), 0.0, solvers.thresholds)
    return solvers.shared.processes.count > 1 and facts.bounded
