"""Steady problems ``0 = L u + b + N(u)``: linear ones directly, others by Newton's method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp
from scipy import sparse

from pdekit.counts import Statistics
from pdekit.discretize.bounded_derivatives import has_enough_conditions, lost_to_rounding
from pdekit.discretize.low_rank import LowRankUpdate
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import IncompatibleDataError, SingularError, SolverError, StabilityError
from pdekit.language.evaluate import slope
from pdekit.language.symbols import SpatialDerivative, spatial_derivatives
from pdekit.linear.determined import WORST_CONDITION, determined
from pdekit.linear.separable import SeparableSolver
from pdekit.linear.solver_choice import Solvers
from pdekit.linear.solver_protocol import ShiftedProblem
from pdekit.linear.stiff_part import NOT_FINITE
from pdekit.nonlinear.complementarity import within_bounds
from pdekit.nonlinear.newton import BOUNDED, STEADY, Newton, Root, RootProblem
from pdekit.nonlinear.pseudo_transient import pseudo_transient
from pdekit.nonlinear.undetermined import undetermined
from pdekit.stencils.sparse_products import diagonal
from pdekit.time.stability import gershgorin_radius
from pdekit.typing import Array

SINGULAR = 1e-11  # image of a constant, beside the size of the matrix, below which it is zero but for rounding
ROUNDED = 1e-12  # compatibility defect beside the terms that balance, below which it is rounding
HIGH = 3  # the order of derivatives that may make a matrix singular by rounding alone
TYPICAL = 5.0  # true rounding errors beside those of rows that are off at random
NEGLIGIBLE = 1e-6  # of the other unknowns: one that may be zero but for rounding
NUDGE = 1e-2
GUESS = "; try another initial guess, under initial:"

NO_DIAGONAL = 1e-8  # of an equation, beside its row: no equation of evolution stands behind it

FOLD = ", or follow the solution over a parameter (pdekit continue): it may be at a fold or a branch point"

CoarseDefect = Callable[[], "float | None"]


@dataclass(frozen=True, eq=False)
class SteadyResult:
    """The solution of a steady problem.

    Parameters
    ----------
    y : array
        Unknowns.
    reasons : tuple of str
        How it was found.
    defect : float
        The compatibility defect of a problem that prescribes derivatives only: by how much sources and boundary fluxes fail
        to balance.
    up_to_constant : bool
        Only derivatives are prescribed: the solution of zero mean was taken.
    rounding : float
        By about how much of its size rounding errors of the rows have changed the solution; 0 where that was not found.
    """

    y: Array
    reasons: tuple[str, ...]
    defect: float = 0.0
    up_to_constant: bool = False
    rounding: float = 0.0


def solve_steady(
    system: SemiDiscrete,
    y: Array,
    statistics: Statistics,
    coarse_defect: CoarseDefect | None = None,
    solvers: Solvers | None = None,
) -> SteadyResult:
    """Solve ``F(y) = 0``.

    Parameters
    ----------
    system : SemiDiscrete
        Of equations ``0 = ...`` only.
    y : array
        First guess; of no influence if the problem is linear.
    statistics : Statistics
    coarse_defect : callable, optional
        The compatibility defect of the same problem on a grid of half as many nodes (None if there is none): data that fit
        together have one that shrinks with the grid, others one that stays. Without it the data are taken as they are.
    solvers : Solvers, optional

    Raises
    ------
    SingularError, IncompatibleDataError, NotConvergedError
    """
    solvers = solvers or Solvers(system)
    null = _null_constants(system) if system.bounds is None else np.zeros((0, len(system.blocks)))
    if system.is_linear and system.bounds is None:
        found = _linear(solvers, -system.b(0.0), null)
        statistics.factorisations, statistics.steps = 1, 1
        kind, how = "linear", found.how
    else:
        found, way = _nonlinear(solvers, y, null, statistics)
        statistics.steps = statistics.newton_iterations
        kind, how = "nonlinear", f"{way}; {found.how}"
    if null.size:
        how += "; only derivatives are prescribed, so the solution of zero mean is taken"
    _check_compatible(system, found.defect, coarse_defect)
    return SteadyResult(found.x, (kind, how), found.defect, bool(null.size), found.rounding)


def evolution_mass(system: SemiDiscrete, J: Any) -> Array:
    """Diagonal of the M of ``M u_t = F(u)`` whose steady states are looked for.

    Of equations ``0 = ...`` alone it is that under which diffusion diffuses: one where the diagonal of the equation's Jacobian is
    negative in the sum, minus one where it is positive, zero where there is none, as of a pressure.
    """
    if any(unknown.time_order > 0 for unknown in system.system.unknowns):
        return np.where(system.algebraic, 0.0, 1.0)
    found, diagonal, rows = np.zeros(system.size), J.diagonal(), abs(J) @ np.ones(system.size)
    for block in system.blocks:
        own = np.zeros(system.size)
        own[block.slice] = 1.0
        trace = float(system.total(own * diagonal.real))
        if abs(trace) > NO_DIAGONAL * float(system.total(own * rows)):
            found[block.slice] = -np.sign(trace)
    return found


def _null_constants(system: SemiDiscrete) -> Array:
    """Combinations of constants, one per unknown, that the equations do not determine; shape (count, unknowns).

    They are undetermined if no equation contains the unknowns themselves, only derivatives of them (which the symbols
    tell), and no condition does (which the matrix tells).
    """
    symbols = [block.symbol for block in system.blocks]
    reactions = []
    for unknown in system.system.unknowns:
        atoms = {atom: sp.Dummy() for atom in spatial_derivatives(unknown.rhs)}
        if any(a.has(*system.system.definitions) for a in atoms) and system.system.definitions:
            return np.zeros((0, len(symbols)))
        body = unknown.rhs.xreplace(atoms)
        reactions.append([sp.expand(slope(body, s)) for s in symbols])
    if any(entry.has(SpatialDerivative) for row in reactions for entry in row):
        return np.zeros((0, len(symbols)))
    J = system.jacobian(0.0, np.full(system.size, 0.37, dtype=system.dtype))
    images = np.zeros((system.size, len(symbols)), dtype=system.dtype)
    for i, block in enumerate(system.blocks):
        constant = np.zeros(system.size)
        constant[block.slice] = 1.0
        images[:, i] = J @ constant
    if not np.all(np.isfinite(images)):
        raise StabilityError(NOT_FINITE)
    _, sizes, vectors = np.linalg.svd(system.triangular(images), full_matrices=False)
    radius = system.grid.ranks.greatest(gershgorin_radius(J))
    small = sizes <= SINGULAR * radius * np.sqrt(system.shared_size)
    found = []
    for vector in vectors[small].conj():
        ratios = [sp.nsimplify(float(v.real), rational=True, tolerance=1e-7) for v in vector / np.max(np.abs(vector))]
        if all(sp.expand(sum(c * entry for c, entry in zip(ratios, row))) == 0 for row in reactions):
            found.append([float(c) for c in ratios])
    return np.array(found).reshape(len(found), len(symbols))


@dataclass(frozen=True, eq=False)
class _Found:
    """A solution, how it was found, the compatibility defect, and what rounding made of it."""

    x: Array
    how: str
    defect: float = 0.0
    rounding: float = 0.0


def _linear(solvers: Solvers, rhs: Array, null: Array) -> _Found:
    """Solve ``L x = rhs`` by the structure of L, or by factors."""
    system = solvers.system
    found = _by_structure(solvers, rhs, bool(null.size))
    if found is None:
        try:
            solver = _Bordered(solvers, system.L, null)
        except SingularError as error:
            if null.size:
                raise
            raise SingularError(f"{error.message}: {_why_singular(system)}") from None
        found = _Found(solver.solve(rhs), solver.description, solver.defect)
        if solver.is_direct:
            found = _refined(system, solver, rhs, found)
    scale = system.grid.ranks.greatest(float(np.max(np.abs(rhs), initial=0.0)))
    return found if found.defect > ROUNDED * scale else replace(found, defect=0.0)


def _why_singular(system: SemiDiscrete) -> str:
    """What may be wrong with the conditions of a linear problem, or with its grid."""
    too_fine = lost_to_rounding(system, HIGH)
    if too_fine:
        return too_fine
    what = undetermined(system, system.L, np.zeros(system.size, dtype=system.dtype))
    number = "" if has_enough_conditions(system) else "are there enough boundary conditions, and "
    return f"{what}; {number}is the combination of the boundary conditions admissible?"


def _by_structure(solvers: Solvers, rhs: Array, null: bool) -> _Found | None:
    system = solvers.system
    problem = ShiftedProblem(solvers.structure, 0.0, -1.0, lambda: system.L, null)
    defect = 0.0
    try:
        if solvers.setting == "auto":
            solver: Any = solvers.fast(problem)
        elif null:
            return None
        else:
            solver = solvers.shifted(0.0, -1.0, lambda: system.L)
        if isinstance(solver, SeparableSolver):
            if solver.condition > WORST_CONDITION:
                return None
            defect = solver.null_part(rhs) if null else 0.0
        if null and not is_direct(solver):
            if not solver.symmetric:
                return None
            defect = float(np.abs(_mean(system, rhs)))  # symmetric in the weights: what is in excess is the mean
            rhs = rhs - _mean(system, rhs)
        if solver is None:
            return None
        x = solver.solve(rhs)
    except SolverError:
        if solvers.setting != "auto" or system.grid.ranks.count > 1:
            raise
        return None
    found = _Found(x - _mean(system, x) if null else x, solver.description, defect)
    refines = (
        is_direct(solver) and not null and not isinstance(solver, SeparableSolver)
    )  # whose matrix need not be made
    return _refined(system, solver, rhs, found) if refines else found


def is_direct(solver: Any) -> bool:
    """Whether solutions are as exact as factors make them, and cost no iterations: iterations say whether the matrix is symmetric."""
    return getattr(solver, "symmetric", None) is None


def _refined(system: SemiDiscrete, solver: Any, rhs: Array, found: _Found) -> _Found:
    """Corrected once by its residual, by the same factors: rounding errors of these go (u_xx on a million nodes: 7e-8 becomes 9e-12)."""
    x = found.x + solver.solve(rhs - system.L @ found.x)
    return replace(found, x=x, rounding=rounding_errors(system, solver, abs(system.L) @ np.abs(x), x))


def rounding_errors(system: SemiDiscrete, solver: Any, sizes: Array, x: Array) -> float:
    """By about how much rounding errors of the rows change a solution, beside the greatest value of each unknown.

    Every row is off by half a unit of its terms, up or down at random; what comes of that is a fifth to a tenth of the true
    error where the rows are off by nothing else (u_xxxx on 1,001 to 4,001 nodes: 3e-6 to 6e-4).
    """
    signs = np.random.default_rng(0).choice([-1.0, 1.0], x.size)
    change = TYPICAL * np.finfo(float).eps / 2 * np.abs(solver.solve((sizes * signs).astype(x.dtype)))
    greatest = float(np.max(np.abs(x), initial=0.0))
    shares = [
        float(np.max(change[block.slice])) / size
        for block in system.blocks
        if (size := float(np.max(np.abs(x[block.slice]), initial=0.0))) > NEGLIGIBLE * greatest
    ]
    return max(shares, default=0.0)


def _mean(system: SemiDiscrete, x: Array) -> Any:
    weights = system.grid.weights.ravel()[system.blocks[0].free]
    return system.total(weights * x) / system.total(weights)


class _Bordered:
    """Factors of a matrix; where constants are not determined, of ``[J e; w^T 0]``, whose multiplier of e is the defect."""

    def __init__(self, solvers: Solvers, J: Any, null: Array) -> None:
        system = solvers.system
        self.size, self._border, self.defect = system.size, null.shape[0], 0.0
        count = self._border
        if count == 0:
            self._solver = determined(
                J,
                "the problem is singular: its equations and conditions do not determine a solution",
                solvers.factorise,
            )
            self.description = self._solver.description
            return
        weights = system.grid.weights.ravel()
        columns, rows = np.zeros((self.size, count)), np.zeros((count, self.size))
        for j, combination in enumerate(null):
            for block, c in zip(system.blocks, combination):
                columns[block.slice, j] = c
                rows[j, block.slice] = c * weights[block.free] / weights[block.free].sum()
        whole = sparse.block_array([[J, sparse.csr_array(columns)], [sparse.csr_array(rows), None]])
        self._solver = determined(
            sparse.csr_array(whole), "the problem is singular, even with the mean of its solution fixed"
        )
        self.description = self._solver.description

    @property
    def is_direct(self) -> bool:
        """That of the factors or iterations within."""
        return is_direct(self._solver)

    def solve(self, rhs: Array) -> Array:
        border = np.zeros(self._border, dtype=rhs.dtype)
        found = self._solver.solve(np.concatenate([rhs, border]))
        self.defect = float(np.max(np.abs(found[self.size :]), initial=0.0))
        return np.asarray(found[: self.size])


def _check_compatible(system: SemiDiscrete, defect: float, coarse_defect: CoarseDefect | None) -> None:
    if defect == 0.0 or coarse_defect is None:
        return
    coarse = coarse_defect()
    if coarse is None or defect <= 0.6 * coarse:
        return
    names = ", ".join(block.name for block in system.blocks)
    raise IncompatibleDataError(
        f"{names}: the problem prescribes derivatives only, and its data are not compatible: sources and boundary fluxes leave "
        f"an excess of {defect:.3g} (mean over the domain) that does not vanish as the grid is refined"
    )


def _nonlinear(solvers: Solvers, y: Array, null: Array, statistics: Statistics) -> tuple[_Found, str]:
    """A root, and how it was found: by Newton's method with line search, or where that fails by way of pseudo-transient continuation."""
    system = solvers.system
    y = _regular_guess(system, y, null)
    last = [y]

    def jacobian(x: Array) -> Any:
        last[0] = x
        found = system.jacobian(0.0, x)
        return found.explicit_if_small() if isinstance(found, LowRankUpdate) else found

    def factorised(J: Any) -> _Bordered:
        try:
            return _Bordered(solvers, J, null)
        except SingularError as error:
            if null.size:
                raise
            raise SingularError(
                f"Newton's method met a singular Jacobian: {lost_to_rounding(system) or undetermined(system, J, last[0])}"
            ) from error

    problem = RootProblem(
        lambda x: system.rhs(0.0, x),
        jacobian,
        lambda x: abs(system.jacobian(0.0, x)) @ np.abs(x),
        [block.slice for block in system.blocks],
        system.grid.ranks,
    )
    if system.bounds is not None:
        return _within_bounds(system, problem, y, factorised, statistics)
    newton, before = Newton(STEADY, factorised, statistics), ""
    try:
        root = newton.solve(problem, y)
    except SolverError as error:
        if null.size or system.grid.ranks.count > 1:
            raise type(error)(error.message + GUESS) from None
        root = _by_way_of_time(solvers, problem, y, newton, error)
        before = f"{error.message.partition(':')[0]}; pseudo-transient continuation, {statistics.pseudo_time_steps} steps; then "
    solver = root.solver
    assert isinstance(solver, _Bordered)
    defect = 0.0
    if null.size:
        solver.solve(problem.residual(root.x))  # the defect is that of the root, not of what was solved last
        defect = solver.defect if solver.defect > ROUNDED * float(np.max(problem.size(root.x))) else 0.0
    how = f"{before}Newton with line search, {root.iterations} iterations"
    rounding = rounding_errors(system, solver, problem.size(root.x), root.x) if solver.is_direct else 0.0
    return _Found(root.x, solver.description, defect, rounding), how


def _within_bounds(
    system: SemiDiscrete, problem: RootProblem, y: Array, factorised: Callable[[Any], _Bordered], statistics: Statistics
) -> tuple[_Found, str]:
    """Active sets for the constraints: of ``M u_t = F(u)``, M being such that diffusion diffuses, ``G = -M F`` grows with u.

    Raises
    ------
    SolverError
        An equation does not say which way it holds.
    """
    bounds, J = system.bounds, problem.jacobian(y)
    assert bounds is not None
    mass = evolution_mass(system, J)
    held = np.isfinite(bounds.lower) | np.isfinite(bounds.upper)
    if np.any(mass[held] == 0):
        raise SolverError(
            "the equation of an unknown with a constraint holds neither it nor its even derivatives, so that it does not say which "
            "way it becomes an inequality",
            key="constraints",
        )
    sign = np.where(mass == 0, 1.0, mass)
    grows = RootProblem(
        lambda x: -sign * problem.residual(x),
        lambda x: diagonal(-sign) @ problem.jacobian(x),
        problem.size,
        problem.blocks,
        problem.ranks,
    )
    bounded = within_bounds(grows, bounds, problem.ranks.greatest(gershgorin_radius(J)))
    root = Newton(BOUNDED, factorised, statistics).solve(bounded, bounds.projected(y))
    assert isinstance(root.solver, _Bordered)
    return _Found(root.x, root.solver.description), f"active sets for the constraints, {root.iterations} iterations"


def _by_way_of_time(solvers: Solvers, problem: RootProblem, y: Array, newton: Newton, stuck: SolverError) -> Root:
    """The steady state at the end of an evolution from the guess, where Newton's method did not find one.

    Raises
    ------
    SolverError
        With what was said first, and what now.
    """
    system, counts, before = solvers.system, newton.counts, ""
    mass = evolution_mass(system, system.jacobian(0.0, y))
    try:
        near = pseudo_transient(problem, mass, y, solvers.factorise, counts)
        before = f"after {counts.pseudo_time_steps} steps of pseudo-transient continuation, "
        return newton.solve(problem, near)
    except SolverError as error:
        hint = FOLD if isinstance(stuck, SingularError) else ""
        raise type(stuck)(f"{stuck.message}; {before}{error.message}{GUESS}{hint}") from None


def _regular_guess(system: SemiDiscrete, y: Array, null: Array) -> Array:
    """The first guess, moved a little where the Jacobian is singular there, as at u = 0 for u**3 without fluxes."""
    if null.shape[0] or system.grid.ranks.count > 1:
        return y
    try:
        determined(system.jacobian(0.0, y), "singular")
    except SolverError:
        return y + NUDGE * max(1.0, float(np.max(np.abs(y))))
    return y
