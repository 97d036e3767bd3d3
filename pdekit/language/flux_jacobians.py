"""Eigenvalues and eigenvectors of the Jacobian of physical fluxes, in symbols where there is a closed form.

The characteristic polynomial is factored: a linear factor gives a rational eigenvalue with as many eigenvectors as its
multiplicity, a quadratic one the pair ``centre +- sqrt(radicand)``, a cubic one with real roots ``-2 sqrt(Q) cos((angle + 2 pi k)/3) - a/3`` (Viete); the
eigenvectors of both are a column of the adjugate of ``A - lambda``, computed with a symbol for the root.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import chain, combinations
from typing import Any

import numpy as np
import sympy as sp

from pdekit.language.evaluate import compile_expression, slope

LARGEST = 4  # equations of which a closed form is looked for
ROUNDING = 1e4  # of Q^3, by which the discriminant of a cubic may be off, in units of what is allowed of squares
MOST_OPERATIONS = 2_000  # of the entries of a Jacobian
MOST_OF_CUBIC = 400  # of its coefficients
REGULAR = 0.05  # distance from dependent, of normed vectors, that is good enough
NEGLIGIBLE = 1e-8  # of a normed eigenvector, at a sample, below which it is said to vanish


@dataclass(frozen=True)
class Eigenstructure:
    """The eigenvalues of a flux Jacobian and its right eigenvectors.

    Parameters
    ----------
    roots : tuple of (Symbol, radicand, square of the centre)
        What roots are taken of: a radicand that is negative, by more than the rounding of the centre's square, has no real root.
    values : tuple of expressions
        In the states, coordinates, parameters and the symbols of the roots.
    vectors : tuple of tuples of expressions
        By column.
    """

    roots: tuple[tuple[Any, Any, Any], ...]
    values: tuple[Any, ...]
    vectors: tuple[tuple[Any, ...], ...]


def flux_jacobian(fluxes: Sequence[Any], states: Sequence[Any]) -> sp.Matrix:
    """The derivatives of all fluxes by all states."""
    return sp.Matrix([[sp.sympify(slope(f, u)) for u in states] for f in fluxes])


@lru_cache(maxsize=64)
def eigenstructure(fluxes: tuple[Any, ...], states: tuple[Any, ...]) -> Eigenstructure | None:
    """The closed form, or None where none is found.

    Examples
    --------
    >>> h, q, g = sp.symbols("h q g")
    >>> found = eigenstructure((q, q**2/h + g*h**2/2), (h, q))
    >>> [value.subs({h: 4, q: 8, s: 6}) for value in found.values for s, *_ in found.roots]
    [-4, 8]
    >>> found.roots[0][1]
    g*h
    """
    if len(states) == 1:
        return Eigenstructure((), (sp.sympify(slope(fluxes[0], states[0])),), ((sp.Integer(1),),))
    A = flux_jacobian(fluxes, states)
    if len(states) > LARGEST or sum(sp.count_ops(entry) for entry in A) > MOST_OPERATIONS:
        return None
    try:
        return _closed_form(A.applyfunc(lambda e: sp.cancel(sp.nsimplify(e, rational=True))), states)
    except (sp.PolynomialError, NotImplementedError, ZeroDivisionError):
        return None


def _closed_form(A: sp.Matrix, states: Sequence[Any]) -> Eigenstructure | None:
    lam = sp.Dummy("lambda")
    polynomial = sp.numer(sp.together(A.charpoly(lam).as_expr(lam)))
    roots, values, vectors = [], [], []
    for factor, multiplicity in sp.factor_list(polynomial)[1]:
        degree = sp.degree(factor, lam) if factor.has(lam) else 0
        if degree == 0:
            continue
        coefficients = sp.Poly(factor, lam).all_coeffs()
        if degree == 1:
            value = sp.cancel(-coefficients[1] / coefficients[0])
            columns = _null_space(A, value, multiplicity, states)
            if columns is None:
                return None
            values += [value] * multiplicity
            vectors += columns
        elif degree == 2 and multiplicity == 1:
            a, b, c = coefficients
            centre, radicand = sp.cancel(-b / (2 * a)), sp.cancel((b * b - 4 * a * c) / (4 * a * a))
            root = sp.Dummy("root")
            for value in (centre - root, centre + root):
                column = _adjugate_column(A, value, root, radicand, states)
                if column is None:
                    return None
                values.append(value)
                vectors.append(column)
            roots.append((root, radicand, sp.cancel(centre**2)))
        elif degree == 3 and multiplicity == 1:
            found = _cubic(A, [sp.cancel(c / coefficients[0]) for c in coefficients[1:]], states)
            if found is None:
                return None
            roots += found.roots
            values += found.values
            vectors += found.vectors
        else:
            return None
    return Eigenstructure(tuple(roots), tuple(values), tuple(vectors))


def _cubic(A: sp.Matrix, coefficients: Sequence[Any], states: Sequence[Any]) -> Eigenstructure | None:
    """The three real roots of ``l^3 + a l^2 + b l + c``, by the angle whose cosine and sine are as R and ``sqrt(Q^3 - R^2)``."""
    a, b, c = coefficients
    if sum(sp.count_ops(entry) for entry in coefficients) > MOST_OF_CUBIC:
        return None
    Q, R = sp.cancel((a * a - 3 * b) / 9), sp.cancel((2 * a**3 - 9 * a * b + 27 * c) / 54)
    size, sine = sp.Dummy("size"), sp.Dummy("sine")
    discriminant, lam = sp.cancel(Q**3 - R**2), sp.Dummy("lambda")
    roots = ((size, Q, sp.cancel((a / 3) ** 2)), (sine, discriminant, ROUNDING * sp.cancel((a / 3) ** 6 + Q**3)))
    angle, complex_angle = sp.atan2(sine, R), -sp.I * sp.log((R + sp.I * sp.sqrt(discriminant)) / sp.sqrt(Q) ** 3)
    adjugate, values, vectors = (A - lam * sp.eye(A.shape[0])).adjugate(), [], []
    for k in range(3):
        value, anywhere = (
            -2 * root * sp.cos((phase + 2 * sp.pi * k) / 3) - a / 3
            for root, phase in ((size, angle), (sp.sqrt(Q), complex_angle))
        )
        values.append(value)
        found = []
        for j in range(A.shape[0]):
            column = tuple(sp.cancel(entry) for entry in adjugate[:, j])
            if _regularity(A, [column], states, {lam: anywhere}) > NEGLIGIBLE:
                found.append((max(_plainness(entry, states) for entry in column), -j, column))
        if not found:
            return None
        vectors.append(tuple(entry.xreplace({lam: value}) for entry in max(found)[-1]))
    return Eigenstructure(roots, tuple(values), tuple(vectors))


def _null_space(A: sp.Matrix, value: Any, multiplicity: int, states: Sequence[Any]) -> list[tuple[Any, ...]] | None:
    """A basis of the null space of ``A - value``, without denominators; of those by different free variables the most regular."""
    shifted, size = (A - value * sp.eye(A.shape[0])).applyfunc(sp.cancel), A.shape[0]
    candidates = []
    for free in combinations(range(size), multiplicity):
        order = [k for k in range(size) if k not in free] + list(free)
        basis = shifted[:, order].nullspace(simplify=sp.cancel, iszerofunc=lambda e: sp.cancel(e) == 0)
        if len(basis) < multiplicity:
            return None
        columns = [_without_denominators([vector[order.index(k)] for k in range(size)]) for vector in basis]
        candidates.append((_regularity(A, columns, states), columns))
        if candidates[-1][0] > REGULAR:
            break
    best, columns = max(candidates, key=lambda candidate: candidate[0])
    return columns if best > NEGLIGIBLE else None


def _without_denominators(vector: Sequence[Any]) -> tuple[Any, ...]:
    denominator = reduce(sp.lcm, (sp.denom(sp.cancel(entry)) for entry in vector))
    return tuple(sp.cancel(entry * denominator) for entry in vector)


def _adjugate_column(
    A: sp.Matrix, value: Any, root: Any, radicand: Any, states: Sequence[Any]
) -> tuple[Any, ...] | None:
    """An eigenvector: the column of the adjugate of ``A - value`` that stays away from zero, as one with a constant entry does."""
    adjugate = (A - value * sp.eye(A.shape[0])).adjugate()
    found = []
    for k in range(A.shape[0]):
        column = tuple(_reduced(entry, root, radicand) for entry in adjugate[:, k])
        if _regularity(A, [column], states, {root: sp.sqrt(radicand)}) > NEGLIGIBLE:
            found.append((max(_plainness(entry, states) for entry in column), -k, column))
    return max(found)[-1] if found else None


def _plainness(entry: Any, states: Sequence[Any]) -> int:
    """How surely an entry does not vanish: a constant, a product, a sum."""
    if entry == 0:
        return 0
    if not entry.free_symbols & set(states) and not entry.atoms(sp.Dummy):
        return 3
    return 1 if sp.factor(entry).has(sp.Add) else 2


def _reduced(entry: Any, root: Any, radicand: Any) -> Any:
    """An entry with the square of the root replaced by the radicand."""
    coefficients = sp.Poly(sp.expand(entry), root).all_coeffs()[::-1]
    even = sum((c * radicand ** (k // 2) for k, c in enumerate(coefficients) if k % 2 == 0), sp.Integer(0))
    odd = sum((c * radicand ** (k // 2) for k, c in enumerate(coefficients) if k % 2), sp.Integer(0))
    return sp.cancel(even) + root * sp.cancel(odd)


def _regularity(
    A: sp.Matrix, columns: Sequence[tuple[Any, ...]], states: Sequence[Any], roots: Mapping[Any, Any] | None = None
) -> float:
    """How far vectors are from dependent, at the worst of some states: drawn at random, and with a state of zero (at rest)."""
    roots = roots or {}
    entries = [entry.subs(roots) for column in columns for entry in column]
    symbols = sorted(set().union(*(e.free_symbols for e in (*entries, *A)), states), key=str)
    function = compile_expression(sp.Tuple(*entries, *A), symbols)
    generator, least = np.random.default_rng(0), float("inf")
    for zero in (None, None, *states, tuple(states[1:-1])):
        resting = zero if isinstance(zero, tuple) else (zero,)
        at = [0.0 if s in resting else complex(generator.uniform(0.3, 1.3)) for s in symbols]
        with np.errstate(all="ignore"):
            found = np.array(function(*map(np.complex128, at)), dtype=complex)
        if not np.all(np.isfinite(found)):  # no state, such as a density of zero
            continue
        matrix = found[: len(entries)].reshape(len(columns), -1)
        sizes = np.linalg.norm(matrix, axis=1)
        if np.any(sizes < NEGLIGIBLE):
            return 0.0
        least = min(least, float(np.linalg.svd(matrix / sizes[:, None], compute_uv=False)[-1]))
    return least


@lru_cache(maxsize=8)
def inverse_in_symbols(size: int) -> tuple[tuple[Any, ...], tuple[Any, ...], Any]:
    """The entries of a general matrix, row by row, those of its adjugate, and its determinant.

    Examples
    --------
    >>> inverse_in_symbols(2)
    ((r00, r01, r10, r11), (r11, -r01, -r10, r00), r00*r11 - r01*r10)
    """
    entries = [[sp.Symbol(f"r{i}{j}") for j in range(size)] for i in range(size)]
    matrix = sp.Matrix(entries)
    adjugate = matrix.adjugate() if size > 1 else sp.Matrix([[1]])
    return tuple(chain(*entries)), tuple(adjugate), sp.expand(matrix.det(method="berkowitz"))
