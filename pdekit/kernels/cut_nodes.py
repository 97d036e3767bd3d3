"""What kernels leave to small matrices on a domain that is no box: nodes next to its boundary, and those outside.

A kernel does the rows of the box on all nodes. At those that the boundary cuts the right-hand sides are found by rows of the matrices
before a pass goes over the memory, and written after it. Nodes outside stay zero, so that norms do not see them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pdekit.discretize.domain_rows import bare_points
from pdekit.discretize.program import Program
from pdekit.discretize.system import SemiDiscrete
from pdekit.discretize.terms.on_domain import CutTerm
from pdekit.discretize.terms.term_protocol import Term
from pdekit.geometry.domain_grid import DomainGrid
from pdekit.kernels.modes import MODES, combined
from pdekit.kernels.plan import right_sides_of
from pdekit.language.symbols import spatial_derivatives
from pdekit.typing import Array, Expression


class _ProgramAt(Program):
    """The expressions of a system on some nodes of its grid, flat."""

    def __init__(self, whole: Program, nodes: NDArray[np.intp]) -> None:
        super().__init__(bare_points(nodes.size), whole.system, whole.conditions, whole.order, whole.dtype)
        self.whole, self.nodes = whole, nodes
        self._parts: dict[Any, Term] = {}

    def term(self, symbol: Expression) -> Term:
        if symbol not in self._parts:
            self._parts[symbol] = cast(CutTerm, self.whole.term(symbol)).at(self.nodes)
        return self._parts[symbol]

    def fixed_values(self, t: float) -> list[Any]:
        return [*self._coordinates, t, *self.system.parameters.values()]

    @cached_property
    def _coordinates(self) -> list[Array]:
        grid = self.whole.grid
        return [np.broadcast_to(c, grid.shape).ravel()[self.nodes] for c in grid.coordinates.values()]


class CutNodes:
    """The right-hand sides at nodes that the boundary of the domain cuts.

    Parameters
    ----------
    system : SemiDiscrete
        On a `DomainGrid`.
    """

    def __init__(self, system: SemiDiscrete) -> None:
        grid = system.grid
        assert isinstance(grid, DomainGrid)
        self.system, self.sides = system, right_sides_of(system)
        symbols = {symbol for side in self.sides for symbol in spatial_derivatives(side)}
        terms = [cast(CutTerm, system.program.term(symbol)) for symbol in symbols]
        inside = grid.within.ravel()
        cut = np.zeros(grid.size, dtype=bool)
        for term in terms:
            cut |= term.cut & inside
        read = cut.copy()
        for term in terms:
            read |= term.read(cut)
        self.nodes, self.outside = np.flatnonzero(cut), np.flatnonzero(~inside)
        self._read = np.flatnonzero(read)
        self._among = np.searchsorted(self._read, self.nodes)
        self._program = _ProgramAt(system.program, self._read)

    def _rates(self, t: float, Y: Array) -> Array:
        values = Y.reshape(len(Y), -1)[:, self._read].astype(self.system.dtype)
        frame = self._program.frame(t, {b.symbol: v for b, v in zip(self.system.blocks, values)})
        return np.stack([frame.value(side)[self._among] for side in self.sides])

    def results(
        self,
        mode: str,
        t: float,
        Y: Array,
        out: Array | None,
        coefficients: Array | None,
        others: Sequence[Array],
        z: Array | None,
    ) -> tuple[Array | None, Array | None]:
        """What a pass is to leave at these nodes in `out` and in `z`; the arguments are those of `Kernel.apply`, before it."""

        def here(array: Array) -> Array:
            return np.asarray(array.reshape(len(Y), -1)[:, self.nodes])

        F = self._rates(t, Y)
        added = None if z is None or coefficients is None else here(z) + coefficients[-1] * F
        if out is None:
            return None, added
        return combined(MODES[mode], F, here(Y), coefficients, [here(x) for x in others], here(out)), added

    def write(self, found: Array | None, into: Array | None) -> None:
        """Results into an array that a pass has gone over, zero outside of the domain."""
        if into is None:
            return
        for block, row in enumerate(into.reshape(len(into), -1)):
            row[self.outside] = 0
            if found is not None:
                row[self.nodes] = found[block]
