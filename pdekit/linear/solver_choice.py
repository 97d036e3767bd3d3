"""Which linear solver fits the structure of a system, and which one is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from pdekit.discretize.low_rank import LowRankUpdate
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError, nearest_hint
from pdekit.kernels.workers import usable_cores
from pdekit.linear.axis_sums import AxisSum, Structure
from pdekit.linear.bases import basis_of
from pdekit.linear.direct import BandedLU, SparseLU, bandwidths, factorise
from pdekit.linear.incomplete_lu import IncompleteLU
from pdekit.linear.krylov import PreconditionedKrylov
from pdekit.linear.separable import Diagonalisation, SeparableSolver
from pdekit.linear.solver_protocol import SOLVED, Factoriser, LinearSolver, ShiftedProblem, SolverKind
from pdekit.linear.stiff_part import NOTHING, StiffPart, stiff_part
from pdekit.linear.updated import factorise_updated
from pdekit.thresholds import THRESHOLDS, Thresholds
from pdekit.typing import Matrix


def _diagonalised(found: AxisSum | None, dtype: Any, thresholds: Thresholds) -> Diagonalisation | None:
    if found is None:
        return None
    factors, constant = found
    bases = []
    for factor in factors:
        basis = basis_of(factor, usable_cores(), thresholds.dense_axis.get(len(factors), 0))
        if basis is None:
            return None
        bases.append(basis)
    return Diagonalisation(bases, constant, dtype)


class FactorisedElsewhere:
    """A solver that the user brought, with what it lacks."""

    def __init__(self, factoriser: Factoriser, matrix: Matrix) -> None:
        self._solver = factoriser.factorise(matrix)
        self.description = str(getattr(self._solver, "description", type(factoriser).__name__))

    def solve(self, rhs: Any) -> Any:
        return np.asarray(self._solver.solve(rhs))


class Solvers:
    """The linear solvers of one system: as asked for, or by its structure.

    Parameters
    ----------
    system : SemiDiscrete
    setting : str or Factoriser, default "auto"
        The name of a solver, or an object with ``factorise(A) -> solve(b)``.
    thresholds : Thresholds
        From which sizes on what pays.

    Raises
    ------
    SolverError
        No solver of that name.
    """

    def __init__(self, system: SemiDiscrete, setting: Any = "auto", thresholds: Thresholds = THRESHOLDS) -> None:
        self.system, self.setting, self.thresholds = system, setting, thresholds
        self.structure = Structure(system)
        check_setting(setting)

    def of(self, system: SemiDiscrete) -> Solvers:
        """Those of another system for the same unknowns."""
        return Solvers(system, self.setting, self.thresholds)

    @cached_property
    def modes(self) -> Diagonalisation | None:
        """The eigenvectors of the linear part, L or the stiffness K, of one equation; None if they are not along axes."""
        part = self.diagonal_part
        return part.modes if part is not None and part.damping == 0 else None

    @cached_property
    def diagonal_part(self) -> StiffPart | None:
        """The whole of one linear equation, damping of waves included, where it is diagonal in eigenvectors along the axes."""
        unknowns = self.system.system.unknowns
        if len(unknowns) > 1 or not self.system.is_linear:
            return None
        (part,) = self._parts
        return part if part is not None and part.left == NOTHING else None

    @cached_property
    def _parts(self) -> list[StiffPart | None]:
        return [
            None
            if unknown.is_scalar or self.system.couples_rates
            else stiff_part(self.system, unknown, self.thresholds)
            for unknown in self.system.system.unknowns
        ]

    @cached_property
    def stiff_parts(self) -> list[StiffPart] | None:
        """What of each equation is diagonal in eigenvectors along the axes, if that is what makes all of them stiff; else None."""
        known = [part for part in self._parts if part is not None and part.leads]
        return known if len(known) == len(self._parts) and self.system.time_order == 1 else None

    @cached_property
    def surrogate_modes(self) -> Diagonalisation | None:
        """Those of a separable operator nearby."""
        return _diagonalised(self.structure.surrogate, self.system.dtype, self.thresholds)

    def resolvent(self, factor: float, tolerance: float = SOLVED) -> LinearSolver:
        """The solver of ``1 - factor L`` for the linear part of the system."""
        L = self.system.L

        def matrix() -> Any:
            return sparse.csr_array(sparse.eye_array(L.shape[0], format="csr") - factor * L)

        return self.shifted(1.0, factor, matrix, tolerance=tolerance)

    def shifted(
        self,
        shift: float,
        factor: float,
        matrix: Callable[[], Any],
        *,
        null: bool = False,
        tolerance: float = SOLVED,
    ) -> LinearSolver:
        """The solver of ``shift - factor L`` for a linear system.

        Parameters
        ----------
        shift, factor : float
        matrix : callable
            Makes the sparse matrix, if it is needed.
        null : bool
            Constants are not determined.
        tolerance : float
            Of the residual beside the right-hand side, where it is iterated.

        Raises
        ------
        SolverError
            The solver asked for does not fit; the matrix is singular.
        """
        if not isinstance(self.setting, str):
            return FactorisedElsewhere(self.setting, matrix())
        problem = ShiftedProblem(self.structure, shift, factor, matrix, null, tolerance)
        if self.setting != "auto":
            found = SOLVERS[self.setting].shifted(self, problem, True)
            if found is None:
                raise SolverError(f"{self.setting} does not fit: {_wants(self.setting)}", key="time.solver")
            return found
        return self.fast(problem) or factorise(matrix())

    def fast(self, problem: ShiftedProblem) -> LinearSolver | None:
        """By the structure of L, where there are enough unknowns for it to pay; None if there is nothing to use."""
        try:
            for name in BY_STRUCTURE:
                found = SOLVERS[name].shifted(self, problem, False)
                if found is not None:
                    return found
        except SolverError:
            pass  # singular: the general solver says so in its own words
        return None

    def factorise(self, matrix: Matrix) -> LinearSolver:
        """The solver of any sparse matrix, such as the Jacobian of a nonlinear system."""
        if isinstance(matrix, LowRankUpdate):
            return factorise_updated(matrix, self.factorise)
        if not isinstance(self.setting, str):
            return FactorisedElsewhere(self.setting, matrix)
        if self.setting == "auto":
            return factorise(matrix)
        make = SOLVERS[self.setting].factorise
        if make is None:
            raise SolverError(f"{self.setting} is for linear problems; take direct or krylov", key="time.solver")
        return make(matrix)


def check_setting(setting: Any) -> None:
    """Refuse a solver that there is not.

    Raises
    ------
    SolverError
    """
    names = ["auto", *SOLVERS]
    if isinstance(setting, str) and setting not in names:
        raise SolverError(
            f"allowed are {', '.join(names)}, found {setting!r}{nearest_hint(setting, names)}", key="time.solver"
        )
    if not isinstance(setting, str | Factoriser):
        raise SolverError(f"expected a name or an object with factorise(A), found {setting!r}", key="time.solver")


def _wants(name: str) -> str:
    return SOLVERS[name].title


def _separable(solvers: Solvers, problem: ShiftedProblem, asked: bool) -> LinearSolver | None:
    if not asked and solvers.system.size < solvers.thresholds.separable_from:
        return None
    if solvers.system.grid.ndim == 1 or len(solvers.system.blocks) > 1 or solvers.modes is None:
        return None
    return SeparableSolver(solvers.modes, problem.shift, problem.factor, null=problem.null)


def _krylov(solvers: Solvers, problem: ShiftedProblem, asked: bool) -> LinearSolver | None:
    """Iterations, preconditioned by a separable operator nearby, or by multigrid where L is symmetric in the grid's weights."""
    system, thresholds = solvers.system, solvers.thresholds
    least = (thresholds.krylov_once if problem.shift == 0 else thresholds.krylov_each_step).get(system.grid.ndim)
    if len(system.blocks) != 1 or not system.is_linear:
        return IncompleteLU(problem.matrix()) if asked else None
    if not asked and (least is None or system.size < least):
        return None
    modes = solvers.surrogate_modes if system.grid.ndim > 1 else None
    nearby = None
    if modes is not None:
        nearby = SeparableSolver(modes, problem.shift, problem.factor, null=problem.null)
    try:
        return _preconditioned(solvers, problem, nearby)
    except SolverError:
        if asked:
            return IncompleteLU(problem.matrix())
        raise


def _multigrid(solvers: Solvers, problem: ShiftedProblem, asked: bool) -> LinearSolver | None:
    one = asked and len(solvers.system.blocks) == 1 and solvers.system.is_linear
    return _preconditioned(solvers, problem, None) if one else None


def _preconditioned(solvers: Solvers, problem: ShiftedProblem, nearby: SeparableSolver | None) -> LinearSolver:
    system = solvers.system
    weights = system.grid.weights.ravel()[system.blocks[0].free]
    k = solvers.structure.common_coefficient if not problem.null and nearby is not None else None
    scaling = None
    if k is not None:
        lowest = abs(problem.factor) * np.mean(k) * sum((np.pi / axis.length) ** 2 for axis in system.grid.axes)
        if lowest >= solvers.thresholds.scaled_from * abs(problem.shift):
            scaling = np.sqrt(np.mean(k) / k)
    return PreconditionedKrylov(
        problem.matrix(),
        weights,
        nearby,
        scaling,
        null=problem.null,
        doubtful=problem.shift == 0,
        tolerance=problem.tolerance,
    )


def _banded(matrix: Matrix) -> LinearSolver:
    return BandedLU(matrix, *bandwidths(matrix))


# By their names in `time: {solver: ...}`. To add a solver, add a line.
SOLVERS: dict[str, SolverKind] = {
    "separable": SolverKind(
        "transforms or eigenvectors, for L that is a sum along axes of a grid of 2 or 3", _separable
    ),
    "krylov": SolverKind("preconditioned iterations", _krylov, IncompleteLU),
    "multigrid": SolverKind("multigrid in conjugate gradients, for one unknown and a symmetric L", _multigrid),
    "banded": SolverKind("banded LU", lambda s, p, asked: _banded(p.matrix()) if asked else None, _banded),
    "sparse_lu": SolverKind("sparse LU", lambda s, p, asked: SparseLU(p.matrix()) if asked else None, SparseLU),
    "direct": SolverKind(
        "banded or sparse LU", lambda s, p, asked: factorise(p.matrix()) if asked else None, factorise
    ),
}
BY_STRUCTURE = ("separable", "krylov")  # what auto tries, best first, before it factorises
