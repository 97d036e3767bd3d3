"""Steady problems ``0 = L u + b + N(u)``: linear ones directly, others by Newton with line search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.errors import SolverError
from pdekit.integrators.stability import gershgorin_radius
from pdekit.integrators.watch import Statistics
from pdekit.semidiscrete.system import SemiDiscrete
from pdekit.solvers.direct import factorise

Array = NDArray[Any]
TOLERANCE = 1e-11
ITERATIONS = 60
SINGULAR = 1e-12  # residual of a constant, beside the size of the matrix, below which it is in the null space


@dataclass(frozen=True, eq=False)
class SteadyResult:
    """The solution of a steady problem.

    Parameters
    ----------
    y : array
        Unknowns.
    reasons : tuple of str
        How it was found.
    """

    y: Array
    reasons: tuple[str, ...]


def solve_steady(system: SemiDiscrete, y: Array, statistics: Statistics) -> SteadyResult:
    """Solve ``F(y) = 0``.

    Parameters
    ----------
    system : SemiDiscrete
        Of equations ``0 = ...`` only.
    y : array
        First guess; of no influence if the problem is linear.
    statistics : Statistics

    Raises
    ------
    SolverError
        Not converged, singular, or a pure Neumann problem with incompatible data.
    """
    if system.is_linear:
        b = system.b(0.0)
        x, reason = _linear_solve(system, system.L, -b)
        statistics.factorisations += 1
        statistics.steps = 1
        return SteadyResult(x, ("linear", reason))
    return _newton(system, y, statistics)


def _constant_null_vectors(system: SemiDiscrete, J: Any) -> list[int]:
    """Blocks whose constants the matrix maps to zero: only derivatives of them are determined."""
    found = []
    size = gershgorin_radius(J)
    for i, block in enumerate(system.blocks):
        constant = np.zeros(system.size)
        constant[block.slice] = 1.0
        if float(np.max(np.abs(J @ constant))) <= SINGULAR * size:
            found.append(i)
    return found


def _linear_solve(system: SemiDiscrete, J: Any, rhs: Array) -> tuple[Array, str]:
    """Solve ``J x = rhs``, with the mean fixed where constants are free."""
    null = _constant_null_vectors(system, J)
    if not null:
        solver = factorise(J)
        x = solver.solve(rhs)
        _check_solution(J, x, rhs)
        return x, solver.description
    # Bordered system [J e; w^T 0]: the multiplier of e measures how incompatible the data are.
    weights = system.grid.weights.ravel()
    n = system.size
    columns, rows = np.zeros((n, len(null))), np.zeros((len(null), n))
    for j, i in enumerate(null):
        block = system.blocks[i]
        columns[block.slice, j] = 1.0
        rows[j, block.slice] = weights[block.free] / weights[block.free].sum()
    bordered = sparse.csr_array(sparse.block_array([[J, sparse.csr_array(columns)], [sparse.csr_array(rows), None]]))
    solver = factorise(bordered)
    solution = solver.solve(np.concatenate([rhs, np.zeros(len(null), dtype=rhs.dtype)]))
    x, excess = solution[:n], solution[n:]
    _check_compatible(system, [system.blocks[i].name for i in null], excess, rhs)
    return x, f"{solver.description}; only derivatives are prescribed, so the solution of zero mean is taken"


def _check_compatible(system: SemiDiscrete, names: list[str], excess: Array, rhs: Array) -> None:
    """Discrete data of a solvable problem are compatible to truncation error, those of another are not."""
    spacing = max(float(axis.spacings.max()) / axis.length for axis in system.grid.axes)
    allowed = max(1e-9, 20 * spacing**2)
    scale = float(np.max(np.abs(rhs)))
    for name, value in zip(names, np.abs(excess)):
        interior = float(np.median(np.abs(rhs))) + float(np.mean(np.abs(rhs)))
        if value > allowed * max(interior, 1e-3 * scale, 1e-300):
            raise SolverError(
                f"{name}: the problem prescribes derivatives only, and its data are not compatible: sources and boundary "
                f"fluxes leave an excess of {value:.3g} (mean over the domain) where a solution needs none"
            )


def _check_solution(J: Any, x: Array, rhs: Array) -> None:
    residual = float(np.max(np.abs(J @ x - rhs)))
    scale = gershgorin_radius(J) * float(np.max(np.abs(x))) + float(np.max(np.abs(rhs)))
    if not residual <= 1e-8 * scale:
        raise SolverError(
            "the linear system is singular to working accuracy; are there enough boundary conditions for the highest derivative?"
        )


def _newton(system: SemiDiscrete, y: Array, statistics: Statistics) -> SteadyResult:
    """Newton's method; a step is halved until it reduces the correction (natural monotonicity test, Deuflhard)."""
    F = system.rhs(0.0, y)
    reason = ""
    for iteration in range(1, ITERATIONS + 1):
        J = system.jacobian(0.0, y)
        null = _constant_null_vectors(system, J)
        if null:
            correction, reason = _linear_solve(system, J, -F)
            norm_of = None
        else:
            solver = factorise(J)
            reason, norm_of = solver.description, solver
            correction = solver.solve(-F)
        statistics.newton_iterations += 1
        statistics.jacobians += 1
        statistics.factorisations += 1
        size = float(np.max(np.abs(correction)))
        if not np.isfinite(size):
            raise SolverError("Newton's method met a singular Jacobian; try another initial guess, under initial:")
        damping = 1.0
        while True:
            trial = y + damping * correction
            F_trial = system.rhs(0.0, trial)
            statistics.evaluations += 1
            if np.all(np.isfinite(F_trial)):
                if norm_of is None or size <= 1e-8 * max(1.0, float(np.max(np.abs(trial)))):
                    break
                if float(np.max(np.abs(norm_of.solve(-F_trial)))) <= (1 - 0.25 * damping) * size:
                    break
            damping /= 2
            if damping < 1e-6:
                raise SolverError(
                    f"Newton's method is stuck after {iteration} iterations (residual {np.max(np.abs(F)):.2e}); "
                    "try another initial guess, under initial:"
                )
        y, F = trial, F_trial
        if damping == 1.0 and size <= TOLERANCE * max(float(np.max(np.abs(y))), 1e-300):
            statistics.steps = iteration
            return SteadyResult(y, ("nonlinear", f"Newton with line search, {iteration} iterations; {reason}"))
    raise SolverError(f"Newton's method did not converge in {ITERATIONS} iterations (last correction {size:.1e})")
