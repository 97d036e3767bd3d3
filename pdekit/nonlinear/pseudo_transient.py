"""Pseudo-transient continuation: a steady state as the end of an evolution that is not resolved in time.

References
----------
C. T. Kelley and D. E. Keyes, "Convergence analysis of pseudo-transient continuation", SIAM J. Numer. Anal. 35 (1998), 508-523.
W. A. Mulder and B. van Leer, "Experiments with implicit upwind methods for the Euler equations", J. Comput. Phys. 59 (1985),
232-246: switched evolution relaxation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pdekit.errors import NotConvergedError, SolverError
from pdekit.linear.solver_protocol import LinearSolver
from pdekit.nonlinear.newton import RootProblem, relative_change
from pdekit.stencils.sparse_products import diagonal
from pdekit.typing import Array

MOST_STEPS = 300
SETTLED = 1e-5  # change in a step beside the solution, from where Newton's method goes on,
FALLEN = 1e-3  # if the residual is so small beside the greatest there was
CAREFUL = 0.3  # change in a step beside the solution, below which steps grow even where the residual does not fall
RASH = 1.0  # the same, beyond which a step is tried again with a quarter of its length
PATIENCE = 15  # steps without a smaller residual, after which they are to change the solution a quarter as much
LEAST, MOST = 0.5, 10.0  # factors from step to step
WITHOUT_BOUND = 1e12  # residual beside the first
TOO_SHORT = 1e-12  # step beside the first


def pseudo_transient(
    problem: RootProblem, mass: Array, x: Array, factorise: Callable[[Any], LinearSolver], counts: Any
) -> Array:
    """Go from x towards a steady state of ``M x' = G(x)``, to where Newton's method takes over.

    A step is one of the linearly implicit Euler method, ``(M/d - G') s = G``; its length d grows as the residual falls (switched
    evolution relaxation), or while the solution changes little.

    Parameters
    ----------
    problem : RootProblem
    mass : array
        Diagonal of M: zero in algebraic equations, negative where the equation stands with the other sign.
    x : array
        The state at the beginning.
    factorise : callable of a sparse matrix
    counts : Statistics
        Is added to.

    Returns
    -------
    array

    Raises
    ------
    NotConvergedError
        It goes on for ever, or grows without bound: there may be no steady state, or none that is stable.
    """
    J, residual = problem.jacobian(x), problem.residual(x)
    first = length = 1.0 / max(float(np.max(abs(J) @ np.ones(x.size))), 1e-300)
    norm = least = most = begun = float(np.max(np.abs(residual)))
    careful, waited = CAREFUL, 0
    for _ in range(MOST_STEPS):
        counts.pseudo_time_steps += 1
        counts.factorisations += 1
        matrix = diagonal(mass / length) - J
        new, change = _stepped(problem, factorise, matrix, x, residual)
        if norm > WITHOUT_BOUND * begun or length < TOO_SHORT * first:
            raise _failed("grows without bound", norm, counts)
        if new is None or (change > RASH and np.any(x)):
            length /= 4
            continue
        before, x = norm, new
        J, residual = problem.jacobian(x), problem.residual(x)
        counts.jacobians += 1
        norm = float(np.max(np.abs(residual)))
        most = max(most, norm)
        if change <= SETTLED and norm <= min(before, FALLEN * most):
            return x
        waited = 0 if norm < least else waited + 1
        least = min(least, norm)
        if waited > PATIENCE:
            careful, waited = careful / 4, 0
        relaxed, gentle = before / max(norm, 1e-300), careful / max(change, 1e-300)
        length *= float(np.clip(max(relaxed, gentle) if gentle > 1 or relaxed > 2 else gentle, LEAST, MOST))
    raise _failed(f"has not settled in {MOST_STEPS} steps", norm, counts)


def _failed(how: str, norm: float, counts: Any) -> NotConvergedError:
    return NotConvergedError(
        f"pseudo-transient continuation {how}: from here there may be no stable steady state",
        iterations=counts.pseudo_time_steps,
        left=norm,
    )


def _stepped(
    problem: RootProblem, factorise: Callable[[Any], LinearSolver], matrix: Any, x: Array, residual: Array
) -> tuple[Array | None, float]:
    """The next state, if it can be reached, and its change beside its size."""
    try:
        step = factorise(matrix).solve(residual)
    except SolverError:
        return None, np.inf
    new = x + step
    if not np.all(np.isfinite(new)) or not np.all(np.isfinite(problem.residual(new))):
        return None, np.inf
    return new, relative_change(step, new, problem.blocks)
