r"""Eigenvalues and modes: of the operator on the right-hand side, linearised about a state.

``u_t = F(u)`` grows or decays about a state by the eigenvalues of ``J = F'``: ``J x = lambda M x``, M being zero in the rows of equations
``0 = ...``. Of waves without damping, ``u_tt = K u``, the operator is K, ``lambda = -omega^2``; of steady problems ``0 = L u + f``, all of
whose rows are algebraic, it is L.

Eigenvalues next to a number are found by shifted inverse iteration (ARPACK); the symmetric one is used only where the matrix is symmetric in
the inner product of the grid, to rounding.

References
----------
R. B. Lehoucq, D. C. Sorensen and C. Yang, *ARPACK Users' Guide* (1998), section 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import ArpackError, eigs, eigsh

from pdekit.discretize.low_rank import explicit
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import ConfigError, SolverError
from pdekit.features import FEATURES, Use
from pdekit.geometry.grid import Field, Grid
from pdekit.problem import Problem
from pdekit.typing import Array, Matrix

SYMMETRIC = 1e-11  # entries of S - S^T beside those of S
DENSE = 400  # unknowns up to which the whole spectrum is computed
LINEARISED = Use(
    "eigenvalues",
    {
        "layers": "absorbing layers have modes of their own, of eigenvalue zero; give conditions at the faces instead",
        "delays": "equations with delays have no eigenvalues of a matrix",
        "constraints": "a state at a constraint has no linearisation; leave the constraints out",
        "limited": "limited schemes have no Jacobian; take advection: central",
    },
    FEATURES.keys() - {"layers", "delays", "constraints", "limited"},
)


@dataclass(frozen=True, eq=False)
class Eigenmodes:
    """Eigenvalues and modes.

    Parameters
    ----------
    grid : Grid
    values : array
        The eigenvalues, real where the operator is symmetric; those nearest to `near` first.
    fields : dict of str to array
        By unknown: the modes, of shape ``(count, *grid.shape)``, their greatest value 1.
    symmetric : bool
        Whether the operator is symmetric in the inner product of the grid.
    near : complex
    title : str
    """

    grid: Grid
    values: Array
    fields: dict[str, Array]
    symmetric: bool
    near: complex
    title: str = ""

    def mode(self, index: int, name: str | None = None) -> Field:
        """One mode of an unknown, by default the first."""
        name = name or next(iter(self.fields))
        return Field(self.grid, self.fields[name][index], name)

    @property
    def is_stable(self) -> bool:
        """Whether none of the eigenvalues that were found has a positive real part."""
        return bool(np.max(self.values.real) <= 1e-9 * np.max(np.abs(self.values)))

    def plot(self, **options: Any) -> Any:
        """Draw the modes; see `pdekit.plotting.modes_picture.plot_modes`."""
        from pdekit.plotting.modes_picture import plot_modes

        return plot_modes(self, **options)


def eigen(
    problem: Problem,
    count: int = 10,
    near: complex = 0.0,
    *,
    state: Mapping[str, Any] | None = None,
    t: float | None = None,
) -> Eigenmodes:
    """Eigenvalues next to a number, with their modes.

    Parameters
    ----------
    problem : Problem
    count : int
    near : complex, default 0
        The eigenvalues nearest to it are found.
    state : mapping of str to array or Field, optional
        About which nonlinear equations are linearised; by default the initial state.
    t : float, optional
        The time; by default the start.

    Returns
    -------
    Eigenmodes

    Raises
    ------
    SolverError
        `near` is an eigenvalue to rounding; the iteration did not converge.

    Examples
    --------
    >>> import pdekit as pk
    >>> string = pk.Problem(pk.PDE("u_tt = u_xx"), pk.Grid(x=pk.Axis(0, 1, 101)), initial={"u": 0, "u_t": 0},
    ...                     boundary={"u": {"x": pk.Dirichlet(0)}}, order=4)
    >>> np.round(np.sqrt(-pk.eigen(string, 3).values) / np.pi, 6)
    array([1.      , 2.      , 2.999998])
    """
    problem = problem.with_jacobian()
    LINEARISED.refuse(problem)
    system = problem.semidiscrete
    start = problem.time.start if t is None else float(t)
    fields = (
        problem.initial_fields()
        if state is None
        else {n: np.asarray(getattr(v, "values", v)) for n, v in state.items()}
    )
    missing = [block.name for block in system.blocks if block.name not in fields]
    if missing:
        raise ConfigError(f"the state lacks {', '.join(missing)}", key="state")
    J = explicit(system.jacobian(start, system.pack(fields)))
    waves = all(u.time_order == 2 for u in system.system.unknowns) and not system.has_rates
    algebraic = all(u.time_order == 0 for u in system.system.unknowns)
    blocks = [b for b in system.blocks if not (waves and b.offset >= system.size // 2)]
    if waves:
        half = system.size // 2
        J = J[half:][:, :half]
    M = sparse.csr_array(system.mass)
    if waves:
        M = M[half:][:, half:]
    if algebraic:
        M = sparse.eye_array(system.size, format="csr")
    there = system.size if algebraic else M.shape[0] - int(np.sum(system.algebraic))
    if not 1 <= count <= there:
        raise ConfigError(f"there are {there} eigenvalues, found {count}", key="count")
    weights = np.concatenate([problem.grid.weights.ravel()[block.free] for block in blocks])
    symmetric, values, vectors = eigenpairs(sparse.csr_array(J), M, weights, count, near)
    order = np.argsort(np.abs(values - near), kind="stable")
    modes = _as_fields(system, blocks, vectors[:, order])
    return Eigenmodes(problem.grid, values[order], modes, symmetric, near, problem.title)


def _is_identity(M: Matrix) -> bool:
    return bool(abs(sparse.csr_array(M) - sparse.eye_array(M.shape[0], format="csr")).max() == 0)


def symmetrised(J: Matrix, M: Matrix, weights: Array) -> Matrix | None:
    """The symmetric matrix similar to J, if it is symmetric in the inner product of the weights and M is the identity."""
    if not _is_identity(M):
        return None
    root = np.sqrt(weights)
    S = sparse.csr_array(sparse.diags_array(root) @ J @ sparse.diags_array(1 / root))
    gap, size = abs(S - S.conj().T), abs(S)
    return 0.5 * (S + S.conj().T) if gap.nnz == 0 or gap.max() <= SYMMETRIC * size.max() else None


def eigenpairs(J: Matrix, M: Matrix, weights: Array, count: int, near: complex) -> tuple[bool, Array, Array]:
    """Whether J is symmetric; eigenvalues of ``J x = lambda M x`` next to a number; eigenvectors."""
    S = symmetrised(J, M, weights)
    if S is not None:
        values, vectors = _symmetric(S, count, float(np.real(near)))
        return True, values, vectors / np.sqrt(weights)[:, None]
    values, vectors = _general(J, M, count, near)
    if not (np.iscomplexobj(J.data) or np.any(values.imag)):
        values, vectors = values.real, vectors.real
    return False, values, vectors


def _symmetric(S: Matrix, count: int, near: float) -> tuple[Array, Array]:
    if S.shape[0] <= max(DENSE, count + 1):
        values, vectors = np.linalg.eigh(S.toarray())
        chosen = np.argsort(np.abs(values - near), kind="stable")[:count]
        return values[chosen], vectors[:, chosen]
    return _arpack(lambda: eigsh(sparse.csc_array(S), count, sigma=_off(near, S), v0=_start(S)))


def _general(J: Matrix, M: Matrix, count: int, near: complex) -> tuple[Array, Array]:
    if J.shape[0] <= max(DENSE, count + 2):
        values, vectors = linalg.eig(J.toarray(), None if _is_identity(M) else M.toarray())
        finite = np.flatnonzero(np.isfinite(values) & (np.abs(values) < 1e12 * np.max(np.abs(J))))
        chosen = finite[np.argsort(np.abs(values[finite] - near), kind="stable")[:count]]
        return values[chosen], vectors[:, chosen]
    B = None if _is_identity(M) else sparse.csc_array(M)
    return _arpack(lambda: eigs(sparse.csc_array(J), count, M=B, sigma=_off(near, J), v0=_start(J)))


def _off(near: complex, matrix: Matrix) -> complex:
    """A number that is no eigenvalue: next to zero, where closed boxes have one."""
    return near if near != 0 else 1e-9 * float(abs(matrix).max())


def _start(matrix: Matrix) -> Array:
    return np.random.default_rng(0).standard_normal(matrix.shape[0]).astype(matrix.dtype)


def _arpack(solve: Any) -> tuple[Array, Array]:
    try:
        values, vectors = solve()
        return np.asarray(values), np.asarray(vectors)
    except ArpackError as error:
        raise SolverError(f"the eigenvalues were not found: {error}") from None
    except RuntimeError:
        raise SolverError(
            "the number that eigenvalues are looked for next to is one itself; take another one beside it", key="near"
        ) from None


def _as_fields(system: SemiDiscrete, blocks: Any, vectors: Array) -> dict[str, Array]:
    """Full arrays of all modes, zero where values are prescribed, the greatest value 1."""
    greatest = vectors[np.argmax(np.abs(vectors), axis=0), np.arange(vectors.shape[1])]
    vectors = vectors / greatest
    found = {}
    for block in blocks:
        full = np.zeros((vectors.shape[1], *system.grid.shape), dtype=vectors.dtype)
        for k in range(vectors.shape[1]):
            block.scatter(vectors[block.slice, k], full[k])
        found[block.name] = system.regions.get(block.name, system.grid).blank(full)
    return found
