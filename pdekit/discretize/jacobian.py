"""Jacobians whose pattern is found once: their values are sums of products that go straight to their places.

Every entry is a sum of products: a weight of a term's matrix, the slope of the equation by that term at the row's
node and, where the term is one of an expression or has a coefficient that depends on the solution, slopes and
coefficients at other nodes. The weights and places are known beforehand; what is left to do at a new state is to
evaluate the slopes and to multiply them into a fixed sparse matrix.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse

from pdekit.discretize.layout import Layout, ScalarBlock
from pdekit.discretize.program import Frame, Program, slope_of
from pdekit.discretize.terms.term_protocol import Entries, NoPattern, Source
from pdekit.language.symbols import SpatialDerivative
from pdekit.typing import Array, Expression, Matrix


@dataclass(frozen=True, eq=False)
class _Addend:
    """``spread @ (product of the sources at their indices)``; the index of a single source is part of `spread`."""

    spread: Any
    factors: tuple[tuple[Source, Array | None], ...]

    def values(self, frame: Frame) -> Array:
        (first, at), *others = self.factors
        product = first(frame) if at is None else first(frame)[at]
        for source, index in others:
            product = product * source(frame)[index]
        return np.asarray(self.spread @ product)


class JacobianPattern:
    """The Jacobian of a system as a function of its state, with a pattern that stays.

    Parameters
    ----------
    layout : Layout
    program : Program
    linear : sparse array
        The part that never changes.
    rests : mapping of str to expression
        What else stands in the equations, by unknown.
    states : collection of Symbol, optional
        Of all unknowns those by which is differentiated.

    Raises
    ------
    NoPattern
        There are definitions with conditions of their own, derivatives of derivatives, or scalar unknowns.
    """

    def __init__(
        self,
        layout: Layout,
        program: Program,
        linear: Expression,
        rests: Mapping[str, Any],
        states: Collection[Any] | None = None,
    ) -> None:
        self.layout, self.program = layout, program
        self._wanted = None if states is None else frozenset(states)
        if any(isinstance(block, ScalarBlock) for block in layout.blocks):
            raise NoPattern
        self._columns = {block.symbol: layout.numbers(block) for block in layout.blocks}
        entries = [e for name, rest in rests.items() if rest != 0 for e in self._of(name, rest)]
        n, own = layout.size, linear.tocoo()
        keys = [np.asarray(e.rows, dtype=np.int64) * n + e.columns for e in entries]
        first = own.coords[0].astype(np.int64) * n + own.coords[1]
        places, where = np.unique(np.concatenate([first, *keys]), return_inverse=True)
        starts = np.cumsum([0, first.size, *(key.size for key in keys)])
        parts = [where[a:b] for a, b in pairwise(starts)]
        self._base = np.bincount(parts[0], weights=own.data.real, minlength=places.size).astype(program.dtype)
        if own.data.dtype.kind == "c":
            self._base += 1j * np.bincount(parts[0], weights=own.data.imag, minlength=places.size)
        self._indices = (places % n).astype(np.int32)
        self._starts = np.searchsorted(places, np.arange(n + 1, dtype=np.int64) * n).astype(np.int32)
        self._addends = [self._addend(e, place, places.size) for e, place in zip(entries, parts[1:])]

    def at(self, frame: Frame) -> Matrix:
        """The Jacobian, CSR; its pattern is the same at all states."""
        data = self._base.copy()
        for addend in self._addends:
            data += addend.values(frame)
        return sparse.csr_array((data, self._indices, self._starts), shape=(self.layout.size,) * 2)

    def _addend(self, entries: Entries, places: Array, count: int) -> _Addend:
        if len(entries.factors) == 1:
            (source, index), size = entries.factors[0], self.program.grid.size
            spread = sparse.csr_array((entries.weights, (places, index)), shape=(count, size))
            return _Addend(spread, ((source, None),))
        numbers = np.arange(places.size)
        spread = sparse.csr_array((entries.weights, (places, numbers)), shape=(count, numbers.size))
        return _Addend(spread, entries.factors)

    def _of(self, name: str, rest: Expression) -> list[Entries]:
        """What an equation's nonlinear part brings, by numbers of unknowns."""
        row, found = self.layout.numbers(self.layout.equation_block(name)), []
        nodes = np.arange(row.size)
        for dependent in self.program.pointwise(rest).slopes:
            own = slope_of(rest, dependent)
            if isinstance(dependent, SpatialDerivative):
                parts = self.program.term(dependent).entries()
            elif dependent in self._columns:
                parts = [Entries(nodes, nodes, np.ones(row.size), dependent)]
            else:
                raise NoPattern
            wanted = [part for part in parts if self._wanted is None or part.state in self._wanted]
            found += [self._numbered(row, part, own) for part in wanted]
        return found

    def _numbered(self, row: Array, part: Entries, own: Source) -> Entries:
        """The entries whose row and column are unknowns, times the slope of the equation."""
        if part.state not in self._columns:
            raise NoPattern
        rows, columns = row[part.rows], self._columns[part.state][part.columns]
        kept = (rows >= 0) & (columns >= 0)
        factors = tuple((source, index[kept]) for source, index in ((own, part.rows), *part.factors))
        return Entries(rows[kept], columns[kept], np.asarray(part.weights)[kept], part.state, factors)
