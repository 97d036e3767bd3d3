"""Steady problems ``0 = L u + b + N(u)``: linear ones directly, others by Newton with line search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy import sparse

from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError
from pdekit.language.evaluate import slope
from pdekit.language.symbols import ATOMS, spatial_atoms
from pdekit.linear.direct import LinearSolver, condition, factorise
from pdekit.linear.solver_choice import krylov_solver, separable_solver
from pdekit.time.implicit import relative_change, within_rounding
from pdekit.time.observers import Statistics
from pdekit.time.stability import gershgorin_radius

Array = NDArray[Any]
TOLERANCE = 1e-11
ITERATIONS = 60
SINGULAR = 1e-11  # image of a constant, beside the size of the matrix, below which it is zero but for rounding
WORST_CONDITION = 3e13
NUDGE = 1e-2

CoarseExcess = Callable[[], "float | None"]


@dataclass(frozen=True, eq=False)
class SteadyResult:
    """The solution of a steady problem.

    Parameters
    ----------
    y : array
        Unknowns.
    reasons : tuple of str
        How it was found.
    excess : float
        Of a problem that prescribes derivatives only: by how much sources and boundary fluxes fail to balance.
    """

    y: Array
    reasons: tuple[str, ...]
    excess: float = 0.0


def solve_steady(
    system: SemiDiscrete, y: Array, statistics: Statistics, coarse_excess: CoarseExcess | None = None
) -> SteadyResult:
    """Solve ``F(y) = 0``.

    Parameters
    ----------
    system : SemiDiscrete
        Of equations ``0 = ...`` only.
    y : array
        First guess; of no influence if the problem is linear.
    statistics : Statistics
    coarse_excess : callable, optional
        The excess of the same problem on a grid of half as many nodes (None if there is none): data that fit together
        have an excess that shrinks with the grid, others one that stays. Without it the data are taken as they are.

    Raises
    ------
    SolverError
        Not converged, singular, or a pure Neumann problem with incompatible data.
    """
    null = _null_constants(system)
    if not system.is_linear:
        return _newton(system, y, null, statistics, coarse_excess)
    x, reason, excess = _fast_solve(system, -system.b(0.0), null) or _linear_solve(
        system, system.L, -system.b(0.0), null
    )
    statistics.factorisations, statistics.steps = 1, 1
    _check_compatible(system, excess, coarse_excess)
    return SteadyResult(x, ("linear", reason), excess)


def determined(J: Any, message: str) -> LinearSolver:
    """The factorised matrix, if it is not singular to working accuracy.

    Raises
    ------
    SolverError
        With `message`.
    """
    try:
        solver = factorise(J)
        if condition(J, solver) <= WORST_CONDITION:
            return solver
    except SolverError as error:
        if "singular" not in str(error):
            raise
    raise SolverError(message)


def _null_constants(system: SemiDiscrete) -> Array:
    """Combinations of constants, one per unknown, that the equations do not determine; shape (count, unknowns).

    They are undetermined if no equation contains the unknowns themselves, only derivatives of them (which the symbols
    tell), and no condition does (which the matrix tells).
    """
    symbols = [block.symbol for block in system.blocks]
    reactions = []
    for unknown in system.system.unknowns:
        atoms = {atom: sp.Dummy() for atom in spatial_atoms(unknown.rhs)}
        if any(a.has(*system.system.definitions) for a in atoms) and system.system.definitions:
            return np.zeros((0, len(symbols)))
        body = unknown.rhs.xreplace(atoms)
        reactions.append([sp.expand(slope(body, s)) for s in symbols])
    if any(entry.has(*ATOMS) for row in reactions for entry in row):
        return np.zeros((0, len(symbols)))
    J = system.jacobian(0.0, np.full(system.size, 0.37, dtype=system.dtype))
    images = np.zeros((system.size, len(symbols)), dtype=system.dtype)
    for i, block in enumerate(system.blocks):
        constant = np.zeros(system.size)
        constant[block.slice] = 1.0
        images[:, i] = J @ constant
    _, sizes, vectors = np.linalg.svd(images, full_matrices=False)
    small = sizes <= SINGULAR * gershgorin_radius(J) * np.sqrt(system.size)
    found = []
    for vector in vectors[small].conj():
        ratios = [sp.nsimplify(float(v.real), rational=True, tolerance=1e-7) for v in vector / np.max(np.abs(vector))]
        if all(sp.expand(sum(c * entry for c, entry in zip(ratios, row))) == 0 for row in reactions):
            found.append([float(c) for c in ratios])
    return np.array(found).reshape(len(found), len(symbols))


def _fast_solve(system: SemiDiscrete, rhs: Array, null: Array) -> tuple[Array, str, float] | None:
    """Solve ``L x = rhs`` by the structure of L, if it has one; as `_linear_solve` otherwise."""
    weights = system.grid.weights.ravel()[system.blocks[0].free] if len(system.blocks) == 1 else np.ones(0)
    excess = 0.0
    try:
        solver: Any = separable_solver(system, 0.0, -1.0, null=bool(null.size))
        if solver is not None and solver.condition > WORST_CONDITION:
            return None
        if solver is None:
            solver = krylov_solver(system, 0.0, -1.0, lambda: system.L, null=bool(null.size))
            if solver is None or (null.size and not solver.symmetric):
                return None
            if null.size:  # symmetric in the weights: what is in excess is the mean
                excess = float(np.abs(np.sum(weights * rhs) / np.sum(weights)))
                rhs = rhs - np.sum(weights * rhs) / np.sum(weights)
        elif null.size:
            excess = solver.null_part(rhs)
        x = solver.solve(rhs)
    except SolverError:
        return None
    if not null.size:
        return x, solver.description, 0.0
    x = x - np.sum(weights * x) / np.sum(weights)
    scale = float(np.max(np.abs(rhs), initial=0.0))
    words = f"{solver.description}; only derivatives are prescribed, so the solution of zero mean is taken"
    return x, words, (excess if excess > 1e-12 * scale else 0.0)


def _linear_solve(system: SemiDiscrete, J: Any, rhs: Array, null: Array) -> tuple[Array, str, float]:
    """Solve ``J x = rhs``, with the mean fixed where constants are free; returns x, how, and the excess."""
    if null.shape[0] == 0:
        solver = determined(
            J,
            "the problem is singular: its equations and conditions do not determine a solution; are there enough boundary "
            "conditions, and is the combination of them admissible?",
        )
        return solver.solve(rhs), solver.description, 0.0
    # Bordered system [J e; w^T 0]: the multiplier of e measures how incompatible the data are.
    weights = system.grid.weights.ravel()
    n, count = system.size, null.shape[0]
    columns, rows = np.zeros((n, count)), np.zeros((count, n))
    for j, combination in enumerate(null):
        for block, c in zip(system.blocks, combination):
            columns[block.slice, j] = c
            rows[j, block.slice] = c * weights[block.free] / weights[block.free].sum()
    bordered = sparse.csr_array(sparse.block_array([[J, sparse.csr_array(columns)], [sparse.csr_array(rows), None]]))
    solver = determined(bordered, "the problem is singular, even with the mean of its solution fixed")
    solution = solver.solve(np.concatenate([rhs, np.zeros(count, dtype=rhs.dtype)]))
    excess = float(np.max(np.abs(solution[n:])))
    scale = float(np.max(np.abs(rhs), initial=0.0))
    return (
        solution[:n],
        f"{solver.description}; only derivatives are prescribed, so the solution of zero mean is taken",
        (excess if excess > 1e-12 * scale else 0.0),
    )


def _check_compatible(system: SemiDiscrete, excess: float, coarse_excess: CoarseExcess | None) -> None:
    if excess == 0.0 or coarse_excess is None:
        return
    coarse = coarse_excess()
    if coarse is None or excess <= 0.6 * coarse:
        return
    names = ", ".join(block.name for block in system.blocks)
    raise SolverError(
        f"{names}: the problem prescribes derivatives only, and its data are not compatible: sources and boundary fluxes leave "
        f"an excess of {excess:.3g} (mean over the domain) that does not vanish as the grid is refined"
    )


def _newton(
    system: SemiDiscrete, y: Array, null: Array, statistics: Statistics, coarse_excess: CoarseExcess | None
) -> SteadyResult:
    """Newton's method; a step is halved until it reduces the correction (natural monotonicity test, Deuflhard)."""
    blocks = [block.slice for block in system.blocks]
    y = _regular_guess(system, y, null)
    F = system.rhs(0.0, y)
    for iteration in range(1, ITERATIONS + 1):
        J = system.jacobian(0.0, y)
        correction, reason, excess = _linear_solve(system, J, -F, null)
        solver = factorise(J) if null.shape[0] == 0 else None
        statistics.newton_iterations += 1
        statistics.jacobians += 1
        statistics.factorisations += 1
        if not np.all(np.isfinite(correction)):
            raise SolverError("Newton's method met a singular Jacobian; try another initial guess, under initial:")
        damping = 1.0
        while True:
            trial = y + damping * correction
            F_trial = system.rhs(0.0, trial)
            statistics.evaluations += 1
            if np.all(np.isfinite(F_trial)):
                if solver is None or relative_change(correction, trial, blocks) <= 1e-6:
                    break
                after, before = np.abs(solver.solve(-F_trial)), np.abs(correction)
                if np.max(after) <= (1 - 0.25 * damping) * np.max(before):
                    break
                if within_rounding(correction, abs(J) @ np.abs(trial) + np.abs(F_trial), solver, blocks):
                    break
            damping /= 2
            if damping < 1e-6:
                raise SolverError(
                    f"Newton's method is stuck after {iteration} iterations (residual {np.max(np.abs(F)):.2e}); "
                    "try another initial guess, under initial:"
                )
        y, F = trial, F_trial
        converged = relative_change(correction, y, blocks) <= TOLERANCE
        if not converged and solver is not None and iteration > 3:
            converged = within_rounding(correction, abs(J) @ np.abs(y), solver, blocks)
        if damping == 1.0 and converged:
            statistics.steps = iteration
            _check_compatible(system, excess, coarse_excess)
            how = f"Newton with line search, {iteration} iterations; {reason}"
            return SteadyResult(y, ("nonlinear", how), excess)
    raise SolverError(
        f"Newton's method did not converge in {ITERATIONS} iterations; try another initial guess, under initial:"
    )


def _regular_guess(system: SemiDiscrete, y: Array, null: Array) -> Array:
    """The first guess, moved a little where the Jacobian is singular there, as at u = 0 for u**3 without fluxes."""
    if null.shape[0]:
        return y
    J = system.jacobian(0.0, y)
    try:
        determined(J, "singular")
    except SolverError:
        return y + NUDGE * max(1.0, float(np.max(np.abs(y))))
    return y
