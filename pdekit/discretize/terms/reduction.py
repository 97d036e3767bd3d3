"""Numbers made of whole fields, the same at every node: integrals, means, extrema, values at points."""

from __future__ import annotations

from functools import cached_property, reduce
from typing import Any

import numpy as np
from scipy import sparse

from pdekit.discretize.low_rank import LowRankUpdate
from pdekit.discretize.terms.term_protocol import Context, Term, Values
from pdekit.errors import GridError
from pdekit.geometry.axis import Axis
from pdekit.geometry.grid import Grid
from pdekit.language.reductions import RateReduction
from pdekit.language.symbols import measured
from pdekit.stencils.quadrature import quadrature_weights
from pdekit.stencils.weights import fornberg
from pdekit.typing import Array, Expression, Matrix

NODES = 4  # of an axis, from which the value at a point is interpolated: order 4


class ReductionTerm(Term):
    """``sum_i w_i g(u)_i``; of max and min the value at the node that has it.

    Integrals and means have the order of the discretization; at order 2 they are those of the trapezoidal rule, which goes with flux
    forms: what they conserve is this number. A value at a point comes from the cubic through the four nodes about it.

    Parameters
    ----------
    symbol : Reduction
    context : Context

    Raises
    ------
    GridError
        A point outside of the grid, a face that there is not.
    """

    def __init__(self, symbol: Expression, context: Context) -> None:
        self.symbol, self.context = symbol, context
        self.count = context.grid.size  # of the nodes that have the number
        self.operand = symbol.operand if isinstance(symbol, RateReduction) else measured(symbol.operand)
        self._places  # noqa: B018  (a place that there is not is found now)

    @cached_property
    def _places(self) -> tuple[Any, Array] | None:
        """Which nodes count, and by how much; None of extrema, where the values decide."""
        found = self._weighted_nodes()
        if isinstance(self.symbol, RateReduction):
            assert found is not None
            return self._without_prescribed(found, self.symbol.states)
        return found

    def number(self, at: Values) -> Any:
        """The number itself; found once at a time and state."""
        return at.shared(self.symbol, lambda: self._found(at))

    def _found(self, at: Values) -> Any:
        grid, values = self.context.grid, self._values(at)
        if self._places is None:
            own = values[grid.owned]
            return grid.ranks.greatest(np.max(own)) if self.symbol.kind == "max" else -grid.ranks.greatest(-np.min(own))
        place, weights = self._places
        return grid.ranks.total(np.sum(weights * values[place]))

    def _values(self, at: Values) -> Array:
        """Those of the field on every node."""
        return np.broadcast_to(at.operand(self.operand), self.context.grid.shape)

    def value(self, at: Values) -> Array:
        return np.full(self.count, self.number(at), dtype=self.context.dtype)

    def row(self, at: Values) -> Matrix:
        """Its derivative by the unknowns, one sparse row."""
        return sparse.csr_array(self._weights(at) @ sparse.csr_array(at.operand_jacobian(self.operand)))

    def jacobian(self, at: Values) -> Matrix:
        ones = sparse.csr_array(np.ones((self.count, 1)))
        row = self.row(at)
        return LowRankUpdate(sparse.csr_array((ones.shape[0], row.shape[1])), ones, row).explicit()

    def row_sum(self, at: Values) -> float:
        return float(abs(self.row(at)).sum())

    def _weights(self, at: Values) -> Matrix:
        """The weights of all nodes, one sparse row."""
        grid = self.context.grid
        full = np.zeros(grid.shape)
        if self._places is None:
            values = self._values(at)
            full.flat[np.argmax(values) if self.symbol.kind == "max" else np.argmin(values)] = 1.0
        else:
            place, weights = self._places
            full[place] += weights
        return sparse.csr_array(full.reshape(1, -1))

    @property
    def weights_by_axis(self) -> list[Array] | None:
        """Of integrals and means: the weights along every axis, whose products those of the nodes are."""
        if self.symbol.kind not in ("integral", "mean") or isinstance(self.symbol, RateReduction):
            return None
        lines = [weights for _, weights in self._lines(self.context.grid)]
        return [weights / np.sum(weights) for weights in lines] if self.symbol.kind == "mean" else lines

    def _weighted_nodes(self) -> tuple[Any, Array] | None:
        """The same of the operand at all nodes, prescribed ones among them."""
        grid, kind = self.context.grid, self.symbol.kind
        if kind in ("max", "min"):
            return None
        lines = self._lines(grid.whole)
        if kind == "mean":
            lines = [(nodes, weights / np.sum(weights)) for nodes, weights in lines]
        own = [_owned(axis, *line) for axis, line in zip(grid.axes, lines)]
        weights = reduce(np.multiply.outer, [weights for _, weights in own])
        if kind in ("integral", "mean"):
            return grid.owned, weights
        return np.ix_(*(nodes for nodes, _ in own)), weights

    def _lines(self, grid: Grid) -> list[tuple[Array, Array]]:
        """The nodes of every axis that count, and their weights, of whose products those of the grid are made."""
        if self.symbol.kind in ("integral", "mean"):
            return [(np.arange(n), weights) for n, weights in zip(grid.shape, self._volumes(grid))]
        if self.symbol.kind == "face":
            return self._face_lines(grid, *self.symbol.place)
        return [line_weights(name, axis, x) for name, axis, x in zip(grid.names, grid.axes, self.symbol.place)]

    def _without_prescribed(self, found: tuple[Any, Array], states: tuple[Any, ...]) -> tuple[Any, Array]:
        """The weights of time derivatives: none where the unknown is prescribed, and does not change."""
        place, weights = found
        full = np.zeros(self.context.grid.shape)
        full[place] += weights
        for state in states:
            conditions = self.context.conditions[state]
            if any(not data.constant or data.of_scalars for *_, data in conditions.dirichlet_faces()):
                raise GridError(
                    f"{self.symbol.kind} of the time derivative of {state}: its prescribed values change in time; write their rates out"
                )
            full[conditions.prescribed()] = 0.0
        return (), full

    def _volumes(self, grid: Grid) -> list[Array]:
        """The weights of an integral over the domain by axis, of the order of the discretization."""
        if grid.geometry is None:
            return [quadrature_weights(axis, self.context.order) for axis in grid.axes]
        first, *others = (grid.cell_volumes(name) for name in grid.names)
        return [grid.geometry.constant * first, *others]

    def _face_lines(self, grid: Grid, name: str, side: str) -> list[tuple[Array, Array]]:
        if grid.geometry is not None or grid[name].periodic:
            raise GridError(f"face() needs a face of a bounded axis of cartesian coordinates; {name!r} has none")
        lines = [(np.arange(axis.size), axis.weights) for axis in grid.axes]
        lines[grid.index(name)] = np.array([0 if side == "left" else grid[name].size - 1]), np.ones(1)
        return lines


def _owned(axis: Axis, nodes: Array, weights: Array) -> tuple[Array, Array]:
    """Those of the nodes of a whole axis that a part owns, by its own numbers, and their weights."""
    first, last = axis.index[axis.owned][[0, -1]]
    kept = (nodes >= first) & (nodes <= last)
    return nodes[kept] - first + (axis.owned.start or 0), weights[kept]


def line_weights(name: str, axis: Axis, x: float) -> tuple[Array, Array]:
    """The nodes next to a point of an axis, and the weights of their values there."""
    nodes = axis.nodes
    if axis.periodic:
        x = float(nodes[0] + np.mod(x - nodes[0], axis.length))
        index = np.arange(-NODES, nodes.size + NODES)
        line = nodes[index % nodes.size] + axis.length * (index // nodes.size)
    else:
        if not axis.left <= x <= axis.right:
            raise GridError(f"the point {name} = {x:g} lies outside of the axis, [{axis.left:g}, {axis.right:g}]")
        index, line = np.arange(nodes.size), nodes
        if axis.divisions:  # values beyond a plane at which something jumps say nothing of those before it
            section = np.searchsorted(axis.divisions, nodes, side="left")
            same = section == np.searchsorted(axis.divisions, x, side="left")
            index, line = index[same], line[same]
    count = min(NODES, line.size)
    first = int(np.clip(np.searchsorted(line, x) - count // 2, 0, line.size - count))
    chosen = slice(first, first + count)
    return index[chosen] % nodes.size, np.asarray(fornberg(line[chosen], x, 0)[0])
