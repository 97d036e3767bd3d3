"""Jacobians whose pattern is found once: their values are sums of products that go straight to their places.

Every entry is a sum of products: a weight of a derivative's matrix, the slope of the equation by that derivative at the row's
node and, where the derivative is one of an expression or a flux with a coefficient that depends on the solution, slopes and
coefficients at other nodes. The weights and places are known beforehand; what is left to do at a new state is to
evaluate the slopes and to multiply them into a fixed sparse matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.language.symbols import ATOMS, Flux, spatial_atoms

if TYPE_CHECKING:
    from pdekit.discretize.program import Frame
    from pdekit.discretize.system import SemiDiscrete

Array = NDArray[Any]
Source = Callable[["Frame"], Array]


@dataclass(frozen=True, eq=False)
class _Products:
    """Entries ``weight * source_0[index_0] * source_1[index_1] * ...`` at (rows, columns)."""

    rows: Array
    columns: Array
    weights: Array
    factors: tuple[tuple[Source, Array], ...]


@dataclass(frozen=True, eq=False)
class _Term:
    """``spread @ (product of the sources at their indices)``; the index of a single source is part of `spread`."""

    spread: Any
    factors: tuple[tuple[Source, Array | None], ...]

    def values(self, frame: Frame) -> Array:
        (first, at), *others = self.factors
        product = first(frame) if at is None else first(frame)[at]
        for source, index in others:
            product = product * source(frame)[index]
        return np.asarray(self.spread @ product)


class NoPattern(Exception):  # noqa: N818  (not an error: matrices are multiplied then)
    """The equations have something whose places are not found beforehand."""


class JacobianPattern:
    """The Jacobian of a system as a function of its state, with a pattern that stays.

    Parameters
    ----------
    system : SemiDiscrete
        With equations in symbols.

    Raises
    ------
    NoPattern
        There are definitions with conditions of their own, or derivatives of derivatives.
    """

    def __init__(self, system: SemiDiscrete) -> None:
        self.system, self.program = system, system.program
        self._columns = {}
        for block in system.blocks:
            column = np.full(system.grid.size, -1)
            column[block.free] = block.offset + np.arange(block.size)
            self._columns[block.symbol] = column
        products = [p for name, parts in system.splits.items() if parts.rest != 0 for p in self._of(name, parts.rest)]
        n = system.size
        linear = system.L.tocoo()
        keys = [np.asarray(p.rows, dtype=np.int64) * n + p.columns for p in products]
        own = linear.coords[0].astype(np.int64) * n + linear.coords[1]
        places, where = np.unique(np.concatenate([own, *keys]), return_inverse=True)
        starts = np.cumsum([0, own.size, *(key.size for key in keys)])
        parts = [where[a:b] for a, b in pairwise(starts)]
        self._base = np.bincount(parts[0], weights=linear.data.real, minlength=places.size).astype(system.dtype)
        if linear.data.dtype.kind == "c":
            self._base += 1j * np.bincount(parts[0], weights=linear.data.imag, minlength=places.size)
        self._indices = (places % n).astype(np.int32)
        self._starts = np.searchsorted(places, np.arange(n + 1, dtype=np.int64) * n).astype(np.int32)
        self._terms = [self._term(p, place, places.size) for p, place in zip(products, parts[1:])]

    def at(self, frame: Frame) -> Any:
        """The Jacobian, CSR; its pattern is the same at all states."""
        data = self._base.copy()
        for term in self._terms:
            data += term.values(frame)
        return sparse.csr_array((data, self._indices, self._starts), shape=(self.system.size,) * 2)

    def _term(self, products: _Products, places: Array, count: int) -> _Term:
        entries = np.arange(places.size)
        if len(products.factors) == 1:
            (source, index), size = products.factors[0], self.system.grid.size
            spread = sparse.csr_array((products.weights, (places, index)), shape=(count, size))
            return _Term(spread, ((source, None),))
        spread = sparse.csr_array((products.weights, (places, entries)), shape=(count, entries.size))
        return _Term(spread, products.factors)

    def _of(self, name: str, rest: Any) -> list[_Products]:
        """What an equation's nonlinear part brings."""
        block = self.system.equation_block(name)
        row = np.full(self.system.grid.size, -1)
        row[block.free] = block.offset + np.arange(block.size)
        found = []
        for dependent in self.program.pointwise(rest).slopes:
            own = _slope(rest, dependent)
            if dependent in self._columns:
                nodes = np.arange(row.size)
                found.append(self._products(row, nodes, nodes, np.ones(row.size), dependent, (own, nodes)))
            elif not isinstance(dependent, ATOMS):
                raise NoPattern
            elif self.program.is_flux(dependent):
                found += self._flux(dependent, own, row)
            else:
                matrix = self.program.derivative(dependent).matrix.tocoo()
                i, j = matrix.coords
                for state, inner in self._by_states(dependent.operand):
                    further = () if inner is None else ((inner, j),)
                    found.append(self._products(row, i, j, matrix.data, state, (own, i), *further))
        return found

    def _flux(self, atom: Flux, own: Source, row: Array) -> list[_Products]:
        """``F_d div (K grad u)``: K at the flux points times the gradient's weights, and the slope of K where it has one."""
        if atom.operand not in self._columns:
            raise NoPattern
        pieces, (_, unknown) = self.program.flux(atom), self.program.factors(atom)
        found = []
        i, f, j, weights = _chained(pieces.divergence, pieces.gradient.matrix)
        at_points: Source = lambda frame: frame.conductivity(atom).ravel()  # noqa: E731
        found.append(self._products(row, i, j, weights, atom.operand, (own, i), (at_points, f)))
        if unknown != 1:
            i, f, j, weights = _chained(pieces.divergence, pieces.mean)
            slopes: Source = lambda frame: frame.conductivity_slope(atom).ravel()  # noqa: E731
            for state, inner in self._by_states(unknown):
                further = () if inner is None else ((inner, j),)
                found.append(self._products(row, i, j, weights, state, (own, i), (slopes, f), *further))
        return found

    def _by_states(self, expression: Any) -> list[tuple[Any, Source | None]]:
        """The states in an expression, with the slopes by them; None for a state itself."""
        if expression in self._columns:
            return [(expression, None)]
        slopes = self.program.pointwise(expression).slopes
        if spatial_atoms(expression) or any(dependent not in self._columns for dependent in slopes):
            raise NoPattern
        return [(state, _slope(expression, state)) for state in slopes]

    def _products(
        self, row: Array, i: Array, j: Array, weights: Array, state: Any, *factors: tuple[Source, Array]
    ) -> _Products:
        """The products whose row and column are unknowns."""
        rows, columns = row[i], self._columns[state][j]
        kept = (rows >= 0) & (columns >= 0)
        cut = tuple((source, index[kept]) for source, index in factors)
        return _Products(rows[kept], columns[kept], np.asarray(weights)[kept], cut)


def _slope(expression: Any, dependent: Any) -> Source:
    return lambda frame: frame.slope(expression, dependent).ravel()


def _chained(outer: Any, inner: Any) -> tuple[Array, Array, Array, Array]:
    """All products ``outer[i, f] inner[f, j]``: i, f, j and the products themselves."""
    left, right = sparse.coo_array(outer), sparse.csr_array(inner)
    i, f = left.coords
    counts = np.diff(right.indptr)[f]
    entry = np.repeat(np.arange(f.size), counts)
    within = np.arange(entry.size) - np.repeat(np.cumsum(counts) - counts, counts)
    position = right.indptr[f[entry]] + within
    return i[entry], f[entry], right.indices[position], left.data[entry] * right.data[position]
