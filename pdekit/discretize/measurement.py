"""Values of reductions of a state on a grid."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from pdekit.discretize.program import Frame
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import GridError
from pdekit.geometry.axis import Axis
from pdekit.language.evaluate import compile_expression
from pdekit.language.reductions import Reduction, StateNumber
from pdekit.stencils.weights import fornberg
from pdekit.typing import Array

NODES = 4  # of an axis, from which the value at a point is interpolated: order 4


class Measurement:
    """A number of a state, by formula.

    Parameters
    ----------
    system : SemiDiscrete
    measure : StateNumber

    Raises
    ------
    GridError
        A point outside of the grid.
    """

    def __init__(self, system: SemiDiscrete, measure: StateNumber) -> None:
        self.system, self.measure = system, measure
        self.weights = {f: self._weights_of(f) for f in measure.reductions.values()}

    @cached_property
    def _formula(self) -> Any:
        equations = self.system.system
        return compile_expression(
            self.measure.expression, [equations.t, *equations.parameters, *self.measure.reductions]
        )

    def value(self, t: float, y: Array) -> Any:
        """Its value at a time and state."""
        return self.of(self.system.frame(t, y))

    def of(self, frame: Frame) -> Any:
        """Its value from fields that others need as well."""
        numbers = [self.number(f, frame) for f in self.measure.reductions.values()]
        return self._formula(frame.t, *self.system.system.parameters.values(), *numbers)

    def number(self, reduction: Reduction, frame: Frame) -> Any:
        """That of one reduction."""
        values = frame.operand(reduction.expression)
        if reduction.kind == "max":
            return np.max(values)
        if reduction.kind == "min":
            return np.min(values)
        place, weights = self.weights[reduction]
        return np.sum(weights * values[place])

    def _weights_of(self, reduction: Reduction) -> tuple[Any, Array]:
        """Which nodes count, and by how much."""
        grid, kind = self.system.grid, reduction.kind
        if kind in ("max", "min"):
            return (), np.ones(())
        if kind in ("integral", "mean"):
            total = float(np.sum(grid.weights)) if kind == "mean" else 1.0
            return (), grid.weights / total
        if kind == "face":
            return self._face_weights(*reduction.place)
        lines = [line_weights(name, axis, x) for name, axis, x in zip(grid.names, grid.axes, reduction.place)]
        weights: Array = np.ones(())
        for _, own in lines:
            weights = np.multiply.outer(weights, own)
        return np.ix_(*(nodes for nodes, _ in lines)), weights

    def _face_weights(self, name: str, side: str) -> tuple[Any, Array]:
        grid = self.system.grid
        if grid.geometry is not None or grid[name].periodic:
            raise GridError(f"face() needs a face of a bounded axis of cartesian coordinates; {name!r} has none")
        axis = grid.index(name)
        place = tuple((0 if side == "left" else -1) if k == axis else slice(None) for k in range(grid.ndim))
        return place, grid.weights[place] / grid.axes[axis].weights[place[axis]]


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
    count = min(NODES, nodes.size)
    first = int(np.clip(np.searchsorted(line, x) - count // 2, 0, line.size - count))
    chosen = slice(first, first + count)
    return index[chosen] % nodes.size, np.asarray(fornberg(line[chosen], x, 0)[0])
