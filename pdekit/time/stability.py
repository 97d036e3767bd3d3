"""Spectra of semi-discrete systems, and the largest stable step of explicit methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy import sparse

from pdekit.discretize.program import Frame
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import StabilityError
from pdekit.language.analysis import occurs_outside
from pdekit.language.evaluate import slope, wirtinger_slopes
from pdekit.language.symbols import spatial_derivatives
from pdekit.linear.separable import Diagonalisation
from pdekit.thresholds import THRESHOLDS
from pdekit.time.tables import Tableau
from pdekit.typing import Array, Expression, Matrix

ROUNDING = 1e-10
# Beside the spectral radius: less damping than this is none, to the accuracy of the eigenvalues.
NEUTRAL, NEUTRAL_INCOMPLETE = 1e-12, 1e-5
FEW_RESTARTS = 8  # of a large system: modes at the rate of the grid that stand apart are found with so many
DIRECTIONS = 7200  # into which known eigenvalues are sorted, of which the greatest in each limits the steps
SAFETY = 0.98  # of a limit that rests on a few eigenvalues only
SWEEPS = 4  # of balancing: the first does most


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Extreme eigenvalues of a Jacobian.

    Parameters
    ----------
    values : complex array
        All eigenvalues of a small system, the outermost ones of a large one.
    complete : bool
        Whether these are all.
    """

    values: Array
    complete: bool

    @property
    def radius(self) -> float:
        """Greatest modulus."""
        return float(np.max(np.abs(self.values)))

    @property
    def growth(self) -> float:
        """Greatest real part, zero if it is rounding."""
        greatest = float(np.max(self.values.real))
        return greatest if greatest > ROUNDING * self.radius else min(greatest, 0.0)

    @property
    def is_real(self) -> bool:
        """Whether imaginary parts are small beside the radius."""
        return bool(np.max(np.abs(self.values.imag)) <= 1e-3 * self.radius)


def gershgorin_radius(matrix: Matrix) -> float:
    """Upper bound of the spectral radius: the greatest row sum of moduli."""
    return float(np.max(abs(matrix) @ np.ones(matrix.shape[1]), initial=0.0))


def _arpack(solve: Callable[[], Any]) -> Array:
    """Eigenvalues that ARPACK found, none if it failed."""
    from scipy.sparse.linalg import ArpackError, ArpackNoConvergence

    try:
        return np.atleast_1d(np.asarray(solve()))
    except ArpackNoConvergence as error:
        return np.asarray(error.eigenvalues)
    except (ArpackError, RuntimeError):  # such as a zero or a singular matrix
        return np.zeros(0)


def numerical_ellipse(matrix: Matrix) -> Array:
    """Points on the ellipse in the box that contains the spectrum (Bendixson, 1902).

    ``Re`` lies between the extreme eigenvalues of the Hermitian part, ``|Im|`` below those of the skew part; both are
    Hermitian problems, for which Lanczos' method is dependable. The spectrum of advection and diffusion with constant
    coefficients is the ellipse itself.
    """
    from scipy.sparse.linalg import eigsh

    adjoint = matrix.conj().T
    hermitian, skew = sparse.csr_array(matrix + adjoint) / 2, sparse.csr_array(matrix - adjoint) / 2
    start = np.random.default_rng(0).standard_normal(matrix.shape[0])

    def extreme(part: Any, which: Any) -> float:
        if part.nnz == 0 or abs(part).max() == 0:
            return 0.0
        found = _arpack(lambda: eigsh(part, k=1, which=which, tol=1e-3, v0=start, return_eigenvectors=False))
        return float(found.real[0]) if found.size else gershgorin_radius(part) * (-1 if which == "SA" else 1)

    low, high = extreme(hermitian, "SA"), extreme(hermitian, "LA")
    side = abs(extreme(1j * skew, "LA"))
    angles = np.linspace(0, np.pi, 181)[1:]
    return 0.5 * (low + high) + 0.5 * (high - low) * np.cos(angles) + 1j * side * np.sin(angles)


def balanced(matrix: Matrix) -> Matrix:
    """A similar matrix ``D^-1 A D`` whose rows and columns are of about the same size (Osborne, J. ACM 7 (1960) 338-345).

    Rates beside values, or quantities of other units, make rows large and the columns beside them small, and bounds from their sums far
    too great: 50 times for a wave with absorbing layers on 101^2 nodes.
    """
    size = abs(sparse.csr_array(matrix))
    scale = np.ones(matrix.shape[0])
    for _ in range(SWEEPS):
        rows = (size @ scale) / scale
        columns = (size.T @ (1 / scale)) * scale
        ratio = np.divide(rows, columns, out=np.ones(scale.size), where=(rows > 0) & (columns > 0))
        scale *= ratio**0.25
    return sparse.diags_array(1 / scale) @ matrix @ sparse.diags_array(scale)


def bounding_ellipse(matrix: Matrix) -> Array:
    """The same ellipse from the row sums of the Hermitian and the skew part: an upper bound that costs no iteration."""
    matrix = balanced(matrix)
    adjoint = matrix.conj().T
    real, imaginary = gershgorin_radius((matrix + adjoint) / 2), gershgorin_radius((matrix - adjoint) / 2)
    angles = np.linspace(0, np.pi, 181)[1:]
    return 0.5 * real * (np.cos(angles) - 1) + 1j * imaginary * np.sin(angles)


def spectrum(matrix: Matrix, precise: bool = False) -> Spectrum:
    """Eigenvalues that matter for stability.

    Dense up to 400 unknowns. Beyond, ARPACK finds the outermost ones (largest modulus, imaginary and real part) and those
    next to zero, which limit methods that do not contain a piece of the imaginary axis. Where the outermost ones crowd so
    that it does not converge, an ellipse found from the Hermitian and skew parts stands for them. Of large systems, where
    that would take longer than many a run, the ellipse comes from row sums, and only modes that stand apart are looked for, unless
    `precise` asks for more.

    Raises
    ------
    StabilityError
        The matrix is not finite.
    """
    from scipy.sparse.linalg import eigs

    n = matrix.shape[0]
    if not np.all(np.isfinite(matrix.data)):
        raise StabilityError(
            "the Jacobian is not finite: a slope of the equations is infinite or undefined at the start"
        )
    if n <= THRESHOLDS.dense_spectrum:
        return Spectrum(np.linalg.eigvals(matrix.toarray()), True)
    start = np.random.default_rng(0).standard_normal(n)  # the same run gives the same answer

    def outer(which: Any, count: int, iterations: int) -> Array:
        return _arpack(
            lambda: eigs(
                matrix, k=count, which=which, tol=1e-3, maxiter=iterations, v0=start, return_eigenvectors=False
            )
        )

    if n > THRESHOLDS.near_zero_spectrum and not precise:
        return Spectrum(np.concatenate([bounding_ellipse(matrix), outer("LM", 2, FEW_RESTARTS)]).astype(complex), False)
    count = 6 if n <= THRESHOLDS.near_zero_spectrum else 2
    values = outer("LM", count, 300)
    if values.size < count:
        values = np.concatenate([values, numerical_ellipse(matrix)])
    else:  # modes that grow at the rate of the grid stand apart and are found at once; others need not be found
        values = np.concatenate([values, outer("LI", 2, 30), outer("LR", 1, 20)])
    if n <= THRESHOLDS.near_zero_spectrum and np.max(np.abs(values.imag)) > 1e-3 * np.max(np.abs(values)):
        near = sparse.csc_array(matrix) - 1e-7 * gershgorin_radius(matrix) * sparse.eye_array(n, format="csc")
        values = np.concatenate([values, _near_zero(near, 1e-7 * gershgorin_radius(matrix), start)])
    return Spectrum(values.astype(complex), False)


def coupled_spectrum(J: Matrix, M: Matrix) -> Spectrum:
    """The outermost eigenvalues of ``J x = lambda M x``, M being regular.

    Where the iteration does not converge, for they crowd, a circle stands for them whose radius bounds the norm of ``M^-1 J``.
    """
    from scipy.linalg import eigvals
    from scipy.sparse.linalg import LinearOperator, eigs, splu, svds

    n = J.shape[0]
    if n <= THRESHOLDS.dense_spectrum:
        return Spectrum(eigvals(J.toarray(), M.toarray()), True)
    lu, start = splu(sparse.csc_array(M)), np.random.default_rng(0).standard_normal(n)
    operator = LinearOperator(
        J.shape,
        matvec=lambda x: lu.solve(J @ x),
        rmatvec=lambda x: J.conj().T @ lu.solve(x, "H"),
        dtype=np.result_type(J.dtype, M.dtype),
    )

    def outer(which: Any) -> Array:
        return _arpack(lambda: eigs(operator, k=4, which=which, tol=1e-3, v0=start, return_eigenvectors=False))

    values = [outer("LM"), outer("LR")]
    if values[0].size:
        return Spectrum(np.concatenate(values).astype(complex), False)
    radius = float(svds(operator, k=1, tol=1e-3, v0=start, return_singular_vectors=False)[0])
    return Spectrum(radius * np.exp(1j * np.linspace(0.5, 1.5, 181) * np.pi), False)


def _near_zero(shifted: Any, shift: float, start: Array) -> Array:
    """The eigenvalues next to zero, by inverse iteration with a shifted matrix."""
    from scipy.sparse.linalg import LinearOperator, eigs, splu

    def solve() -> Any:
        lu = splu(shifted)
        inverse = LinearOperator(shifted.shape, matvec=lu.solve, dtype=shifted.dtype)
        return 1 / eigs(inverse, k=12, tol=1e-4, maxiter=100, v0=start, return_eigenvectors=False) + shift

    return _arpack(solve)


def explicit_limit(tableau: Tableau, found: Spectrum) -> float:
    """Largest h with ``|R(h lambda)| <= 1`` for all eigenvalues and all smaller steps.

    Growing modes of the problem itself (positive real part) are counted as neutral ones. Infinite if all
    eigenvalues vanish, zero if no step is stable (Euler on a wave).

    Examples
    --------
    >>> from pdekit.time.tables import TABLEAUX
    >>> round(explicit_limit(TABLEAUX["rk4"], Spectrum(np.array([-1.0]), True)), 3)
    2.785
    >>> round(explicit_limit(TABLEAUX["rk4"], Spectrum(np.array([1j]), True)), 3)
    2.828
    """
    values = found.values
    radius = float(np.max(np.abs(values), initial=0.0))
    if radius == 0:
        return np.inf
    lam: Array = values / radius
    damping = np.where(lam.real < -(NEUTRAL if found.complete else NEUTRAL_INCOMPLETE), lam.real, 0.0)
    lam = np.asarray(damping + 1j * np.where(np.abs(lam.imag) > ROUNDING, lam.imag, 0.0))
    lam = lam[np.abs(lam) > 0]
    if lam.size == 0:
        return np.inf
    R = np.polynomial.Polynomial(tableau.stability_polynomial)

    def stable(h: Array) -> NDArray[np.bool_]:
        return np.all(np.abs(R(np.multiply.outer(h, lam))) <= 1 + 1e-12, axis=1)

    # The real interval of stability is at most 2 s^2 long.
    trial = np.linspace(0.0, 2.0 * tableau.stages**2 + 1.0, 4001)[1:]
    unstable = np.concatenate([~stable(part) for part in np.array_split(trial, 1 + lam.size // 100)])
    if not unstable.any():
        return float(trial[-1] / radius)
    first = int(np.argmax(unstable))
    low, high = (trial[first - 1] if first else 0.0), trial[first]
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if stable(np.array([middle]))[0] else (low, middle)
    if low < 1e-5:
        return 0.0
    return float(low / radius) * (1.0 if found.complete else SAFETY)


def verlet_limit(K: Matrix, precise: bool = False) -> float:
    """Largest stable step ``2 / max omega`` of Stormer-Verlet on ``q'' = K q``."""
    found = spectrum(K, precise)
    if found.radius == 0:
        return np.inf
    return float(2.0 / np.sqrt(found.radius)) * (1.0 if found.complete else SAFETY)


def wave_spectrum(K: Matrix) -> Spectrum:
    """The spectrum of ``q'' = K q`` as a system of first order: plus and minus the roots of that of K."""
    found = spectrum(K)
    roots = np.sqrt(found.values.astype(complex))
    return Spectrum(np.concatenate([roots, -roots]), found.complete)


def outermost(modes: Diagonalisation, time_order: int, damping: complex = 0.0) -> Spectrum:
    """The spectrum of a system whose eigenvalues (of the stiffness, for order 2 in time) are all known: the outermost in each direction."""
    values = modes.eigenvalues.ravel() if modes.extremes is None else np.array(modes.extremes)
    if time_order == 2:
        half = 0.5 * damping
        roots = np.sqrt(values + half**2 + 0j)
        values = np.concatenate([half + roots, half - roots])
    if values.dtype.kind != "c":
        return Spectrum(np.array([values.min(), values.max()], dtype=complex), True)
    if values.size <= DIRECTIONS:
        return Spectrum(values.astype(complex), True)
    direction = np.round(np.angle(values) * DIRECTIONS / (2 * np.pi)).astype(int) % DIRECTIONS
    order = np.argsort(np.abs(values))
    last = np.full(DIRECTIONS, -1)
    last[direction[order]] = order  # of equal directions the greatest stays
    kept = [*last[last >= 0], int(np.argmax(values.real))]
    return Spectrum(values[kept].astype(complex), True)


def reaction_bound(system: SemiDiscrete, t: float, y: Array) -> float:
    """Greatest row sum of the slopes of the right-hand sides by the unknowns themselves, derivatives left out."""
    frame = system.frame(t, y)
    states = [block.symbol for block in system.blocks]
    total = 0.0
    for unknown in system.system.unknowns:
        body, shown = hidden_derivatives(unknown.rhs)
        own = [s for s in states if occurs_outside(unknown.rhs, s)]
        slopes = [entry.xreplace(shown) for s in own for entry in _slopes(system, body, s)]
        row = [np.abs(frame.value(entry)) for entry in slopes]
        if row:
            total = max(total, float(np.max(np.nan_to_num(sum(row)))))
    return system.grid.ranks.greatest(total)


def rate_bound(
    system: SemiDiscrete,
    t: float,
    y: Array,
    rests: Mapping[str, Any] | None = None,
    known: Mapping[Any, float] | None = None,
) -> float:
    """Upper bound of the spectral radius of the Jacobian at a state, without a matrix: its greatest row sum of moduli.

    Gershgorin's bound on the rows: for every term the greatest modulus of its factor times the row sums of its
    one-dimensional matrices. Their signs alternate, so for u'' the bound is the value itself. A system of second order
    in time ``q'' = K q`` has the root of the bound of K. With `rests`, of these parts of the right-hand sides only; `known` are speeds
    that terms share and that were found before.
    """
    states = [block.symbol for block in system.blocks]
    frame = system.program.frame(t, {}) if system.is_linear else system.frame(t, y)  # slopes contain no unknown then
    for name, speed in (known or {}).items():
        frame.shared(name, lambda speed=speed: speed)  # type: ignore[misc]
    greatest = 0.0
    for unknown in system.system.unknowns:
        body, shown = hidden_derivatives(unknown.rhs if rests is None else rests[unknown.name])
        total = 0.0
        for symbol in (*states, *shown):
            for factor in _slopes(system, body, symbol):
                size = _greatest(system, factor.xreplace(shown), frame, system.within(unknown.name))
                if symbol in shown:
                    size *= system.grid.ranks.greatest(system.program.term(shown[symbol]).row_sum(frame))
                total += size
        greatest = max(greatest, np.sqrt(total) if unknown.time_order == 2 else total)
    return greatest * system.grid.ranks.greatest(system.layout.greatest_slope(frame.operand))


def _slopes(system: SemiDiscrete, body: Expression, symbol: Expression) -> list[Any]:
    """The derivatives of an expression by a symbol, and by its conjugate in complex equations, that do not vanish."""
    both = (slope(body, symbol),) if system.is_holomorphic else wirtinger_slopes(body, symbol)
    return [factor for factor in both if factor != 0]


def _greatest(system: SemiDiscrete, factor: Any, frame: Frame, within: Any) -> float:
    """Greatest modulus of an expression over the nodes that count."""
    if factor.free_symbols <= set(system.system.parameters):
        return abs(complex(factor.subs({s: sp.sympify(v) for s, v in system.system.parameters.items()})))
    return system.grid.ranks.greatest(float(np.max(np.abs(frame.value(factor)[within]))))


@lru_cache(maxsize=256)
def hidden_derivatives(rhs: Expression) -> tuple[Any, dict[Any, Any]]:
    """A right-hand side with a symbol for each derivative, and the derivatives by their symbols."""
    hidden = {symbol: sp.Dummy() for symbol in sorted(spatial_derivatives(rhs), key=str)}
    return rhs.xreplace(hidden), {dummy: symbol for symbol, dummy in hidden.items()}
