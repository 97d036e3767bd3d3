"""Jacobians of Python functions by coloured complex-step or difference evaluations.

Columns that share no row can be found by one evaluation together (Curtis, Powell and Reid, 1974). With the complex
step ``J v = Im f(y + i h v) / h`` there is no difference and no rounding (Squire and Trapp, 1998).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.errors import SolverError
from pdekit.geometry.axis import Axis
from pdekit.geometry.grid import Grid
from pdekit.stencils.poles import reflection
from pdekit.stencils.sparse_products import kronecker
from pdekit.typing import Array

_COMPLEX_STEP = 1e-100
Directional = Callable[[Array], Array]


def box_pattern(grid: Grid, reach: int, closures: bool = True) -> Any:
    """Which nodes lie within `reach` neighbours of which, along all axes together.

    With `closures`, rows near an end look ``2 reach + 1`` nodes inwards, as one-sided boundary rows do. Across the poles of
    curved coordinates they see the nodes behind.
    """
    near = [_line_pattern(axis, reach, closures) for axis in grid.axes]
    behind = {k: _behind_poles(grid, k, reach) for k in range(grid.ndim) if grid.poles(k)}
    total: Any = None
    for crossed in (c for count in range(len(behind) + 1) for c in combinations(behind, count)):
        factors = [behind[k] if k in crossed else near[k] for k in range(grid.ndim)]
        for k in crossed:
            for other, permutation in reflection(grid, k).items():
                factors[other] = factors[other] @ permutation
        part = kronecker(factors)
        total = part if total is None else total + part
    total.data[:] = 1
    return total


def _behind_poles(grid: Grid, k: int, reach: int) -> Any:
    """Which nodes of an axis stand within `reach` of which across its poles."""
    n = grid.axes[k].size
    rows, columns = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    seen = np.zeros((n, n), dtype=bool)
    if "left" in grid.poles(k):
        seen |= rows + columns + 1 <= reach
    if "right" in grid.poles(k):
        seen |= (n - 1 - rows) + (n - 1 - columns) + 1 <= reach
    return sparse.csr_array(seen.astype(np.int8))


def _line_pattern(axis: Axis, reach: int, closures: bool) -> Any:
    """Which nodes of one axis lie within `reach` of which."""
    n = axis.size
    offsets = np.arange(-reach, reach + 1)
    rows = np.repeat(np.arange(n), offsets.size)
    columns = rows + np.tile(offsets, n)
    if axis.periodic:
        columns %= n
    else:  # closures look further inwards
        columns = np.clip(columns, 0, n - 1)
        edge = min(2 * reach + 2, n)
        ends = np.arange(min(reach, n) if closures else 0)
        near = np.repeat(ends, edge)
        rows = np.concatenate([rows, near, n - 1 - near])
        reach_in = np.tile(np.arange(edge), ends.size)
        columns = np.concatenate([columns, reach_in, n - 1 - reach_in])
    ones = np.ones(rows.size, dtype=np.int8)
    return sparse.csr_array((ones, (rows, columns)), shape=(n, n))


class ColouredJacobian:
    """Evaluates Jacobians of functions with a known sparsity pattern.

    Parameters
    ----------
    pattern : sparse array of shape (n, n)
        Entries that may be non-zero.
    """

    def __init__(self, pattern: Any) -> None:
        self.pattern = sparse.csr_array(pattern)
        self._checked = False
        self._analytic: bool | None = None  # not known before the first evaluation

    @cached_property
    def colours(self) -> NDArray[np.intp]:
        """Greedy colouring of the columns: equal colours share no row."""
        by_column = sparse.csc_array(self.pattern)
        rows_of, starts = by_column.indices, by_column.indptr
        colours = np.full(by_column.shape[1], -1, dtype=np.intp)
        columns_of, row_starts = self.pattern.indices, self.pattern.indptr
        for column in range(by_column.shape[1]):
            rows = rows_of[starts[column] : starts[column + 1]]
            neighbours = np.concatenate(
                [columns_of[row_starts[r] : row_starts[r + 1]] for r in rows] or [np.zeros(0, dtype=np.intp)]
            )
            taken = set(colours[neighbours.astype(np.intp)].tolist())
            colour = 0
            while colour in taken:
                colour += 1
            colours[column] = colour
        return colours

    def evaluate(self, function: Callable[[Array], Array], y: Array) -> Any:
        """The Jacobian at y, CSR; complex step where the function allows it, central differences otherwise.

        Raises
        ------
        SolverError
            The function looks beyond the pattern (checked along one direction, once).
        """
        derivative = self._directional(function, y)
        colours = self.colours
        triplets = self.pattern.tocoo()
        rows, columns = triplets.coords
        values = np.zeros(rows.size, dtype=y.dtype)
        for colour in range(int(np.max(colours)) + 1):
            product = derivative((colours == colour).astype(float))
            chosen = colours[columns] == colour
            values[chosen] = product[rows[chosen]]
        result = sparse.csr_array((values, (rows, columns)), shape=self.pattern.shape)
        if not self._checked:
            direction = np.random.default_rng(0).standard_normal(y.size)
            expected = derivative(direction)
            gap = np.max(np.abs(result @ direction - expected)) / max(float(np.max(np.abs(expected))), 1e-300)
            if gap > 1e-5:
                raise SolverError(
                    f"the right-hand side looks further than its stated reach (a directional derivative differs by "
                    f"{gap:.1e}); give a larger reach"
                )
            self._checked = True
        return result

    def _directional(self, function: Callable[[Array], Array], y: Array) -> Directional:
        h = 1e-6 * max(1.0, float(np.max(np.abs(y))))

        def difference(v: Array) -> Array:
            return np.asarray((function(y + h * v) - function(y - h * v)) / (2 * h))

        def complex_step(v: Array) -> Array:
            return np.asarray(np.imag(function(y + 1j * _COMPLEX_STEP * v)) / _COMPLEX_STEP)

        if self._analytic is None:
            self._analytic = not np.iscomplexobj(y) and self._is_analytic(complex_step, difference, y.size)
        return complex_step if self._analytic else difference

    @staticmethod
    def _is_analytic(complex_step: Directional, difference: Directional, size: int) -> bool:
        """Whether complex step and difference agree: abs, conj and real parts take complex numbers, but are not analytic."""
        direction = np.random.default_rng(1).standard_normal(size)
        try:
            with np.errstate(all="ignore"):
                trial, expected = complex_step(direction), difference(direction)
        except (TypeError, ValueError):
            return False
        return bool(np.max(np.abs(trial - expected)) <= 1e-4 * max(float(np.max(np.abs(expected))), 1e-300))
