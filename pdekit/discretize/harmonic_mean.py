"""Mean conductivities of cells in which the conductivity jumps.

Heat that crosses a cell passes its layers in series, so the conductivity of the cell is the harmonic mean
``1/k = (1/h) int dx/k(x)``. With it the steady temperature of a layered wall is exact at every node, wherever
in a cell the interface lies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from pdekit.typing import Array, Expression

_BISECTIONS = 60
INSET = 1e-9  # of a cell


def jump_conditions(expression: Expression) -> list[Any]:
    """The comparisons at whose change of truth the expression may jump."""
    found = set()
    for piecewise in expression.atoms(sp.Piecewise):
        for _, condition in piecewise.args:
            if condition not in (sp.true, sp.false):
                found.add(condition)
    for jump in expression.atoms(sp.Heaviside, sp.sign):
        found.add(jump.args[0] > 0)
    for step in expression.atoms(sp.floor, sp.ceiling):
        # The parity of floor(a) changes at every jump.
        found.add(sp.Eq(sp.Mod(sp.floor(step.args[0]), 2), 0))
    return sorted(found, key=str)


def cell_harmonic_mean(
    evaluate: Callable[[Array], Array], side_of: Callable[[Array], Array] | None, lower: Array, upper: Array
) -> Array:
    """Harmonic mean of k over each cell: exact for one jump of a piecewise constant k, second order if smooth.

    Parameters
    ----------
    evaluate : callable
        k at given coordinates.
    side_of : callable, optional
        Truth values, stacked along the first axis, whose change marks a jump; None if k does not jump.
    lower, upper : array
        Ends of the cells, broadcastable.
    """
    smooth = evaluate(0.5 * (lower + upper))
    if side_of is None:
        return smooth
    inset = INSET * (upper - lower)  # a jump on a node belongs to neither of the cells that meet there
    a, b = np.broadcast_arrays(lower + inset, upper - inset)
    start = side_of(a)
    jumps = np.any(start != side_of(b), axis=0)
    if not jumps.any():
        return smooth
    at = _bisected(a, b, jumps.shape, lambda middle: np.all(side_of(middle) == start, axis=0))
    return np.where(jumps, _in_series(evaluate, lower, at, upper), smooth)


def cell_harmonic_mean_by_values(evaluate: Callable[[Array], Array], lower: Array, upper: Array) -> Array:
    """The same of a k whose jumps only its values tell: those that do not shrink with the interval around them."""
    smooth = evaluate(0.5 * (lower + upper))
    inset = INSET * (upper - lower)
    a, b = lower + inset, upper - inset
    before, after = evaluate(a), evaluate(b)
    gap = np.abs(after - before)
    if not np.any(gap > 0):
        return smooth

    def is_before(middle: Array) -> Array:
        k = evaluate(middle)
        return np.abs(k - before) < np.abs(k - after)

    at = _bisected(a, b, smooth.shape, is_before)
    near = 1e-6 * (upper - lower)  # a smooth k has hardly changed over so little
    left = np.abs(evaluate(np.minimum(at + near, b)) - evaluate(np.maximum(at - near, a)))
    return np.where(left > 0.1 * gap + 1e-4 * np.abs(smooth), _in_series(evaluate, lower, at, upper), smooth)


def _bisected(a: Array, b: Array, shape: tuple[int, ...], is_before: Callable[[Array], Array]) -> Array:
    """Where in each interval a truth changes."""
    left, right = np.broadcast_to(a, shape).copy(), np.broadcast_to(b, shape).copy()
    for _ in range(_BISECTIONS):
        middle = 0.5 * (left + right)
        before = is_before(middle)
        left, right = np.where(before, middle, left), np.where(before, right, middle)
    return 0.5 * (left + right)


def _in_series(evaluate: Callable[[Array], Array], lower: Array, at: Array, upper: Array) -> Array:
    """Conductivity of two layers that meet at a point of the cell."""
    share = (at - lower) / np.where(upper > lower, upper - lower, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        resistance = share / evaluate(0.5 * (lower + at)) + (1 - share) / evaluate(0.5 * (at + upper))
        return np.asarray(1.0 / resistance)
