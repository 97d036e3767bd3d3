"""How far the right-hand sides of a problem read along each axis, and what cannot be shared at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from pdekit.discretize.system import SemiDiscrete
from pdekit.discretize.terms.convective_flux import ConvectiveFluxTerm
from pdekit.discretize.terms.derivative import CurvedSecondDerivative, DerivativeTerm
from pdekit.discretize.terms.diffusive_flux import DiffusiveFlux
from pdekit.discretize.terms.on_region import TermOnRegion
from pdekit.discretize.terms.reduction import ReductionTerm
from pdekit.errors import ConfigError
from pdekit.geometry.axis import Axis
from pdekit.language.symbols import spatial_derivatives
from pdekit.stencils.poles import node_rows
from pdekit.typing import Expression

Distances = dict[str, int]
# Next to the boundary of a domain, by the order. Balances of cut cells read values that are continued beyond the boundary from the
# deepest neighbours of neighbours, of which one must know theirs; rows of order 4 take five nodes of a line on one side.
NEAR_DOMAIN = {2: 5, 4: 8}
GLOBAL = ("compact", "fourier")  # schemes whose rows have no zeros


def distance(matrix: Any, axis: Axis) -> int:
    """How many nodes beside its own a row reads at most.

    Examples
    --------
    >>> distance(sparse.csr_array(np.eye(6, k=-2)), Axis(0, 1, 6))
    2
    """
    entries = sparse.coo_array(matrix)
    rows, columns = entries.coords
    apart = columns - rows
    if axis.periodic:
        n = axis.size
        apart = (apart + n // 2) % n - n // 2
    return int(np.max(np.abs(apart[entries.data != 0]), initial=0))


class ReadingDistance:
    """Of every expression of a system: how many nodes beside its own it reads.

    Parameters
    ----------
    system : SemiDiscrete
        On the whole grid.
    """

    def __init__(self, system: SemiDiscrete) -> None:
        self.system, self._found = system, dict[Any, Distances]()

    def of_all(self, measured: Sequence[Expression] = ()) -> Distances:
        """That of all right-hand sides, of the data of conditions, and of what is measured.

        Raises
        ------
        ConfigError
            Something in it cannot be shared; says what.
        """
        if self.system.function is not None:
            raise ConfigError("a right-hand side that is a Python function cannot be shared among ranks", key="problem")
        data = [data.expression for found in self.system.conditions.values() for data in found.of_solution]
        return self._greatest([self.of(e) for e in (*self.system.system.expressions, *data, *measured)])

    def of(self, expression: Expression) -> Distances:
        """That of one expression."""
        definitions = self.system.system.definitions
        inner = [self._of_derivative(atom) for atom in sorted(spatial_derivatives(expression), key=str)]
        inner += [self.of(body) for symbol, body in definitions.items() if expression.has(symbol)]
        return self._greatest(inner)

    def _greatest(self, found: list[Distances]) -> Distances:
        return {name: max((d.get(name, 0) for d in found), default=0) for name in self.system.grid.names}

    def _of_derivative(self, symbol: Expression) -> Distances:
        if symbol not in self._found:
            parts = [symbol.operand, getattr(symbol, "coefficient", 0), *getattr(symbol, "fluxes", ())]
            inner = self._greatest([self.of(part) for part in parts if hasattr(part, "has")])
            own = self._of_term(self.system.program.term(symbol), symbol)
            self._found[symbol] = {name: own.get(name, 0) + inner[name] for name in inner}
        return self._found[symbol]

    def _of_term(self, term: Any, symbol: Expression) -> Distances:
        grid = self.system.grid
        if isinstance(term, ReductionTerm):
            return {}
        if isinstance(term, TermOnRegion):
            return self._of_term(term.inside, symbol)
        if not grid.is_box:
            return dict.fromkeys(grid.names, NEAR_DOMAIN[self.system.order])
        if isinstance(term, ConvectiveFluxTerm):
            return {symbol.axis: term.ghosts}
        if isinstance(term, DiffusiveFlux):
            pieces, axis = term.form.rows, grid.axes[term.form.axis]
            reach = abs(pieces.divergence.matrix) @ (abs(pieces.gradient.matrix) + abs(pieces.mean.matrix))
            return {grid.names[term.form.axis]: distance(reach, axis)}
        if isinstance(term, CurvedSecondDerivative):
            k = grid.index(symbol.axis)
            rows = node_rows(grid, k, 2, self.system.order, closure="stable")
            return {symbol.axis: distance(rows.matrix, grid.axes[k]) + 1}
        if isinstance(term, DerivativeTerm):
            if symbol.scheme in GLOBAL:
                raise ConfigError(
                    f"the scheme {symbol.scheme} reads the whole axis and cannot be shared among ranks",
                    key="discretization.schemes",
                )
            return {grid.names[k]: distance(rows.matrix, grid.axes[k]) for k, rows in term.rows.items()}
        raise ConfigError(f"{symbol} reads the whole grid and cannot be shared among ranks", key="equations")
