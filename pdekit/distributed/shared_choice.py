"""Which method a shared run takes: as one process would choose, or the nearest that can be shared."""

from __future__ import annotations

from pdekit.errors import SolverError
from pdekit.problem import Problem
from pdekit.time.method_choice import Choice
from pdekit.time.methods import METHODS, find_method

FAMILIES = ("explicit", "stabilised", "implicit", "implicit-explicit", "verlet", "newmark")
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


def shared_choice(problem: Problem) -> Choice:
    """The method, with reasons.

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
    choice = problem.choice()
    name = choice.method.name
    if choice.method.family not in (*FAMILIES, *INSTEAD):
        raise SolverError(f"{name} cannot be shared among ranks; run it without mpiexec", key="time.method")
    if can_be_shared(name):
        return choice
    other = METHODS[INSTEAD[choice.method.family]]
    reason = f"{name} sees the whole grid; where ranks share it: {other.title}"
    return Choice(other, (*choice.reasons, reason), choice.limit)
