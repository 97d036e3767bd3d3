"""Linear systems of all processes together, by PETSc's Krylov methods and preconditioners."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import numpy as np
from scipy import sparse

from pdekit.discretize.low_rank import LowRankUpdate
from pdekit.distributed.halo import Halo
from pdekit.distributed.shared_system import SharedSystem
from pdekit.errors import ConfigError, SingularError, SolverError
from pdekit.linear.solver_choice import Solvers
from pdekit.linear.solver_protocol import SOLVED, LinearSolver, ShiftedProblem
from pdekit.linear.updated import Woodbury
from pdekit.stencils.sparse_products import diagonal
from pdekit.thresholds import THRESHOLDS, Thresholds
from pdekit.typing import Array, Matrix

TOLERANCE = 1e-12  # of the preconditioned residual, beside that of the right-hand side
CORRECTED = (
    1e-6  # the same of corrections of Newton's method (nonlinear diffusion, 128^2, ESDIRK: 10 iterations become 5)
)
MOST_ITERATIONS = 500
# Unknowns up to which every process factorises the whole matrix (one comparison, 202 unknowns on 4 ranks: 49 s against 106 s and 181 s by iterations).
REDUNDANT_UP_TO = 4_000
FACTORISED_UP_TO = 60_000  # the same where multigrid does not converge (lid-driven cavity, 8,194: 0.3 s; waves with layers, 40,004: 3 s)
NUMBERS = count()


def real_form(rows: Matrix) -> Matrix:
    """Complex rows as real ones, real and imaginary parts of every number side by side.

    Examples
    --------
    >>> real_form(sparse.csr_array(np.array([[1 + 2j]]))).toarray()
    array([[ 1., -2.],
           [ 2.,  1.]])
    """
    unit, turn = sparse.csr_array(np.eye(2)), sparse.csr_array(np.array([[0.0, -1.0], [1.0, 0.0]]))
    whole = sparse.kron(rows.real, unit) + sparse.kron(rows.imag, turn)
    return sparse.csr_array(whole)


class Preconditioning:
    """What is taken where nothing is asked for: factors of the whole matrix for few unknowns, multigrid for many.

    Where multigrid did not converge once, factors are taken from then on, as far as they are small enough.
    """

    def __init__(self) -> None:
        self._is_hard = False

    def options(self, size: int, null: bool = False) -> dict[str, Any]:
        """By the number of unknowns, and whether constants are not determined.

        Examples
        --------
        >>> Preconditioning().options(100)["pc_type"], Preconditioning().options(100_000)["pc_type"]
        ('redundant', 'gamg')
        """
        if size <= (FACTORISED_UP_TO if self._is_hard else REDUNDANT_UP_TO) and not null:
            return {"ksp_type": "gmres", "pc_type": "redundant", "redundant_pc_type": "lu"}
        found = {"ksp_type": "gmres", "ksp_gmres_restart": 60, "pc_type": "gamg"}
        return (
            found if null else {**found, "ksp_guess_type": "pod"}
        )  # the best of the solutions before: 13 iterations become 6 to 10

    def failed(self, size: int, null: bool = False) -> bool:
        """Whether there is something else to be tried where iterations with these options did not converge."""
        before = self.options(size, null)
        self._is_hard = True
        return self.options(size, null) != before


class PetscSolver:
    """A matrix and its solver.

    Parameters
    ----------
    halo : Halo
        Of the vectors.
    matrix : sparse array
        Rows and columns of the box; those that are owned count.
    options : mapping of str to str, number
        Of PETSc, such as ``{"ksp_type": "cg", "pc_type": "gamg"}``.
    preconditioning : Preconditioning
    weights : array, optional
        Of the unknowns, where constants are not determined: the sums of the columns, so weighed, are zero.

    Raises
    ------
    ConfigError
        PETSc does not know an option's value, or was built without what it names.
    """

    symmetric = True  # in the weights, where constants are not determined; if not, iterations do not converge

    def __init__(
        self,
        halo: Halo,
        matrix: Matrix,
        options: Mapping[str, Any],
        preconditioning: Preconditioning,
        *,
        weights: Array | None = None,
    ) -> None:
        from petsc4py import PETSc

        self._petsc = PETSc
        self.weights, self.halo, self.is_complex = weights, halo, matrix.dtype.kind == "c"
        self.parts = 2 if self.is_complex else 1
        rows = sparse.csr_array(matrix if weights is None else diagonal(weights) @ matrix)[halo.owned]
        rows = sparse.csr_array((rows.data, halo.numbers[rows.indices], rows.indptr), shape=(rows.shape[0], halo.count))
        if self.is_complex:
            rows = real_form(rows)
        rows.sort_indices()
        own, every = self.parts * halo.owned.size, self.parts * halo.count
        communicator = halo.processes.communicator
        PETSc.garbage_cleanup(communicator)  # of solvers that nobody holds any more, of which all let go together
        triple = (rows.indptr.astype(PETSc.IntType), rows.indices.astype(PETSc.IntType), np.asarray(rows.data, float))
        self.matrix = PETSc.Mat().createAIJ(((own, every), (own, every)), csr=triple, comm=communicator)
        self.right, self.found = self.matrix.createVecs()
        if weights is not None:
            constants = PETSc.NullSpace().create(constant=True, comm=communicator)
            self.matrix.setNullSpace(constants)
            self.matrix.setTransposeNullSpace(constants)
        self.ksp = PETSc.KSP().create(comm=communicator)
        self.ksp.setOperators(self.matrix)
        self._preconditioning, self._asked, self._kind = preconditioning, dict(options), (every, weights is not None)
        self._set(preconditioning.options(*self._kind) | self._asked)

    def _set(self, options: Mapping[str, Any]) -> None:
        """Hand the options over, under a name of this solver's own."""
        prefix, table = f"pdekit{next(NUMBERS)}_", self._petsc.Options()
        names = [f"{prefix}{name}" for name in options]
        for name, value in zip(names, options.values()):
            table[name] = value
        self.ksp.setOptionsPrefix(prefix)
        self.ksp.setTolerances(rtol=TOLERANCE, max_it=MOST_ITERATIONS)
        try:
            self.ksp.setFromOptions()
            self.ksp.setUp()
        except self._petsc.Error as error:
            raise ConfigError(f"PETSc refuses {_words(options)}: {_reason(error)}", key="time.petsc") from None
        finally:
            for name in names:
                table.delValue(name)

    @property
    def description(self) -> str:
        """The method in words."""
        return f"PETSc {self.ksp.getType()} with {self.ksp.getPC().getType()}"

    @property
    def iterations(self) -> int:
        """Of the last solve."""
        return int(self.ksp.getIterationNumber())

    def correction(self, rhs: Array) -> Array:
        """A correction of Newton's method, to a millionth of itself."""
        asked, *others = self.ksp.getTolerances()
        self.ksp.setTolerances(max(asked, CORRECTED), *others)
        try:
            return self.solve(rhs)
        finally:
            self.ksp.setTolerances(asked, *others)

    def solve(self, rhs: Array) -> Array:
        """The solution on the whole box.

        Raises
        ------
        SolverError
            The iterations did not converge; `SingularError` where the matrix could not be factorised.
        """
        given = np.ascontiguousarray((rhs if self.weights is None else self.weights * rhs)[self.halo.owned])
        if given.dtype.kind == "c" and not self.is_complex:
            return np.asarray(self.solve(given.real) + 1j * self.solve(given.imag))
        self.right.array[...] = given.astype(complex).view(float) if self.is_complex else given
        self.ksp.solve(self.right, self.found)
        if self.ksp.getConvergedReason() < 0 and not self._asked and self._preconditioning.failed(*self._kind):
            self._set(self._preconditioning.options(*self._kind))
            self.ksp.solve(self.right, self.found)
        if self.ksp.getConvergedReason() == self._petsc.KSP.ConvergedReason.DIVERGED_PCSETUP_FAILED:
            raise SingularError(f"the matrix cannot be factorised: it is singular ({self.description})")
        if self.ksp.getConvergedReason() < 0:
            raise SolverError(
                f"{self.description} did not converge in {self.iterations} iterations (reason {self.ksp.getConvergedReason()} of "
                "KSPConvergedReason); give other options, or a smaller step",
                key="time.petsc",
            )
        x = np.empty(self.halo.size, dtype=complex if self.is_complex else float)
        own = self.found.array
        x[self.halo.owned] = own.view(complex) if self.is_complex else own
        return self.halo.update(x)


def _words(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in options.items())


def _reason(error: Any) -> str:
    """What PETSc says, in its last line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "unknown"


class SharedSolvers(Solvers):
    """The linear solvers of a `SharedSystem`: PETSc's, whatever the structure.

    Parameters
    ----------
    system : SharedSystem
    options : mapping of str to str, number
    thresholds : Thresholds
    """

    modes = diagonal_part = stiff_parts = surrogate_modes = None

    def __init__(self, system: SharedSystem, options: Mapping[str, Any], thresholds: Thresholds = THRESHOLDS) -> None:
        super().__init__(system, "auto", thresholds)
        self.shared, self.options, self._preconditioning = system, options, Preconditioning()

    def of(self, system: Any) -> SharedSolvers:
        return SharedSolvers(system, self.options, self.thresholds)

    def shifted(
        self,
        shift: float,
        factor: float,
        matrix: Callable[[], Any],
        *,
        null: bool = False,
        tolerance: float = SOLVED,
    ) -> LinearSolver:
        return self.factorise(matrix())

    def factorise(self, matrix: Matrix) -> LinearSolver:
        if isinstance(matrix, LowRankUpdate):
            return self._updated(matrix)
        return PetscSolver(self.shared.halo_of_length(matrix.shape[0]), matrix, self.options, self._preconditioning)

    def _updated(self, matrix: LowRankUpdate) -> LinearSolver:
        """The solver where numbers of whole fields stand in the equations."""
        if any(reduction.kind in ("max", "min") for reduction in self.shared.system.reductions):
            raise SolverError(
                "max and min in the equations are for explicit methods where ranks share the grid", key="time.method"
            )
        found = Woodbury(self.factorise(matrix.A), matrix, self.shared.processes)
        if not found.is_regular:
            raise SingularError("the Jacobian is singular, numbers of whole fields in it apart")
        return found

    def fast(self, problem: ShiftedProblem) -> LinearSolver | None:
        """Of steady problems; where constants are not determined, of one unknown only."""
        if problem.null and len(self.shared.blocks) > 1:
            raise SolverError(
                "a problem of several unknowns that prescribes derivatives only cannot be shared among ranks"
            )
        grid, (first, *_) = self.shared.grid, self.shared.blocks
        weights = grid.weights.ravel()[first.free] if problem.null else None
        halo, matrix = self.shared.halo, problem.matrix()
        return PetscSolver(halo, matrix, self.options, self._preconditioning, weights=weights)
