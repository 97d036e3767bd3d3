"""Which linear solver fits the structure of a system: the seam between discretizations and solvers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError
from pdekit.kernels.workers import usable_cores
from pdekit.linear.axis_sums import common_coefficient
from pdekit.linear.direct import LinearSolver, factorise
from pdekit.linear.krylov import PreconditionedKrylov
from pdekit.linear.separable import Basis, SeparableSolver, basis_of

SEPARABLE_FROM = 2_000  # unknowns; below, a sparse factorisation is as good
# By dimension, unknowns from which iterations are cheaper than the factors of sparse LU: of a problem that is solved once, and
# of one that is solved at every step with the same factors (512^2: 1.6 s once and 20 ms a step; iterations 500 ms).
KRYLOV_ONCE = {2: 60_000, 3: 15_000}
KRYLOV_EACH_STEP = {2: 600_000, 3: 30_000}


def _bases(found: tuple[list[Any], Any] | None, ndim: int) -> tuple[list[Basis], Any] | None:
    if found is None or ndim == 1:
        return None
    factors, constant = found
    bases = [basis_of(factor, usable_cores()) for factor in factors]
    known = [basis for basis in bases if basis is not None]
    return (known, constant) if len(known) == len(bases) else None


def separable_solver(
    system: SemiDiscrete, shift: float, factor: float, *, null: bool = False
) -> SeparableSolver | None:
    """The solver of ``shift - factor L`` by transforms or eigenvectors, if L is separable and there are enough unknowns."""
    bases = _bases(system.separable, system.grid.ndim) if system.size >= SEPARABLE_FROM else None
    return None if bases is None else SeparableSolver(*bases, shift, factor, system.dtype, null=null)


def krylov_solver(
    system: SemiDiscrete,
    shift: float,
    factor: float,
    matrix: Callable[[], Any],
    *,
    null: bool = False,
    always: bool = False,
) -> PreconditionedKrylov | None:
    """The solver of ``shift - factor L`` by iterations, if LU would cost more.

    They are preconditioned by a separable operator nearby, or by multigrid where L is symmetric in the weights of the grid.
    With `always` the number of unknowns does not matter.

    Raises
    ------
    SolverError
        There is no preconditioner.
    """
    least = (KRYLOV_ONCE if shift == 0 else KRYLOV_EACH_STEP).get(system.grid.ndim, 10**12)
    if not always and system.size < least:
        return None
    if len(system.blocks) != 1:
        return None
    bases = _bases(system.surrogate, system.grid.ndim)
    nearby = None if bases is None else SeparableSolver(*bases, shift, factor, system.dtype, null=null)
    weights = system.grid.weights.ravel()[system.blocks[0].free]
    k = common_coefficient(system) if shift == 0 and not null else None
    scaling = None if k is None else np.sqrt(np.mean(k) / k)
    return PreconditionedKrylov(matrix(), weights, nearby, scaling, null=null, doubtful=shift == 0)


def shifted_solver(system: SemiDiscrete, shift: float, factor: float, matrix: Callable[[], Any]) -> LinearSolver:
    """The solver of ``shift - factor L`` for a linear system.

    Separable operators are solved by transforms or eigenvectors, large ones with variable coefficients by iterations that
    these precondition, narrow bands by banded LU, the rest by sparse LU.

    Parameters
    ----------
    system : SemiDiscrete
    shift, factor : float
    matrix : callable
        Makes the sparse matrix, if it is needed.
    """
    try:
        found: LinearSolver | None = separable_solver(system, shift, factor)
        if found is None:
            found = krylov_solver(system, shift, factor, matrix)
    except SolverError:
        found = None  # singular: the general solver says so in its own words
    if found is not None:
        return found
    return factorise(matrix())
