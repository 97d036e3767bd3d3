"""What is conserved where it is not the unknown itself: C(u) of ``c(u)*u_t = -dF/dx``, and u for given C."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.errors import SolverError
from pdekit.geometry.grid import Grid
from pdekit.language.equation_system import EquationSystem
from pdekit.language.evaluate import compile_expression, slope
from pdekit.typing import Array, Expression

DOUBLINGS = 60  # of an interval about zero in which u is looked for
STEPS = 100
NEIGHBOURS = 64  # floating-point numbers, in the direction of the root
CLOSE = 4e-16  # beside the values: the last step of Newton's method


class Content:
    """An increasing function C(u), which may depend on the coordinates, and its inverse.

    Parameters
    ----------
    grid : Grid
    system : EquationSystem
    unknown : Symbol
    content : expression
        Of the unknown, coordinates and parameters.

    Examples
    --------
    >>> import sympy as sp
    >>> from pdekit.language.pde import PDE
    >>> u, grid = sp.Symbol("u"), Grid(x=(0, 1, 3))
    >>> content = Content(grid, PDE("u_t = 0").bind(("x",)), u, u + u**3 / 3)
    >>> nodes = np.arange(3)
    >>> content.inverse(content.of(np.array([-2.0, 0.1, 5.0]), nodes), nodes).round(14)
    array([-2. ,  0.1,  5. ])
    """

    def __init__(self, grid: Grid, system: EquationSystem, unknown: Expression, content: Expression) -> None:
        self.grid, self.unknown = grid, unknown
        arguments = [unknown, *system.axes, *system.parameters]
        self._parameters = list(system.parameters.values())
        self._content = compile_expression(content, arguments)
        self._slope = compile_expression(slope(content, unknown), arguments)

    @cached_property
    def _places(self) -> list[Array]:
        return [np.broadcast_to(c, self.grid.shape).ravel() for c in self.grid.coordinates.values()]

    def _value(self, function: Any, u: Array, nodes: NDArray[np.intp]) -> Array:
        with np.errstate(all="ignore"):
            return np.broadcast_to(function(u, *(place[nodes] for place in self._places), *self._parameters), u.shape)

    def of(self, u: Array, nodes: NDArray[np.intp]) -> Array:
        """C at nodes, by their flat indices.

        Raises
        ------
        SolverError
            C does not increase with u there.
        """
        if not np.all(self.slope(u, nodes) > 0):
            raise SolverError(f"the factor of {self.unknown}_t must be positive; at the start it is not")
        return self._value(self._content, u, nodes)

    def slope(self, u: Array, nodes: NDArray[np.intp]) -> Array:
        """c = dC/du at nodes."""
        return self._value(self._slope, u, nodes)

    def inverse(self, values: Array, nodes: NDArray[np.intp]) -> Array:
        """u at nodes, by Newton's method in an interval that is halved where it would leave it.

        Of the numbers next to the root it is the least whose content is not below the values: so of C(u) it is u itself, to the bit, and a run
        that goes on from stored fields goes on as it did.

        Raises
        ------
        SolverError
            No u has these values.
        """
        low, high = self._around(values, nodes)
        u = 0.5 * (low + high)
        for _ in range(STEPS):
            gap = self._value(self._content, u, nodes) - values
            low, high = np.where(gap < 0, u, low), np.where(gap > 0, u, high)
            with np.errstate(all="ignore"):
                newton = u - gap / self.slope(u, nodes)
            inside = (newton >= low) & (newton <= high)
            after = np.where(gap == 0, u, np.where(inside, newton, 0.5 * (low + high)))
            if np.all(np.abs(after - u) <= CLOSE * np.abs(after)):
                break
            u = after
        return self._least(after, values, nodes)

    def _least(self, u: Array, values: Array, nodes: NDArray[np.intp]) -> Array:
        """The least of the numbers about u with a content that is not below the values."""
        for direction, moves in ((np.inf, np.less), (-np.inf, np.greater_equal)):
            for _ in range(NEIGHBOURS):
                beside = np.nextafter(u, direction)
                moved = moves(self._value(self._content, u if direction > 0 else beside, nodes), values)
                if not np.any(moved):
                    break
                u = np.where(moved, beside, u)
        return u

    def _around(self, values: Array, nodes: NDArray[np.intp]) -> tuple[Array, Array]:
        """Intervals that hold u: from zero to where C is beyond the values."""
        above = values > self._value(self._content, np.zeros(values.shape), nodes)
        size = np.where(above, 1.0, -1.0)
        for _ in range(DOUBLINGS):
            found = self._value(self._content, size, nodes)
            short = np.where(above, found < values, found > values)
            if not np.any(short):
                if np.all(np.isfinite(found)):
                    return np.where(above, 0.0, size), np.where(above, size, 0.0)
                break
            size = np.where(short, 2.0 * size, size)
        raise SolverError(
            f"what is conserved has reached a value that no {self.unknown} has: the step is too long, or the problem ill-posed"
        )
