"""Coefficients that are not periodic along a periodic axis: they jump at the seam, which is seldom meant."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from pdekit.geometry.grid import Grid
from pdekit.language.analysis import depends
from pdekit.language.data_functions import DataFunction
from pdekit.language.equation_system import EquationSystem
from pdekit.language.evaluate import compile_expression
from pdekit.language.symbols import SpatialDerivative
from pdekit.typing import Expression

SAME = 1e-8  # of the greatest value on the grid


def notes_on_seams(system: EquationSystem, grid: Grid, t: float) -> list[str]:
    """What stands in the equations with other values at both ends of a periodic axis, in words.

    Parameters
    ----------
    system : EquationSystem
    grid : Grid
    t : float
    """
    found = {}
    for axis, line in zip(system.axes, grid.axes):
        if not line.periodic:
            continue
        for factor in {
            f for e in (*system.expressions, *system.operators_on_rates) for f in _known(e, system.states, axis)
        }:
            function = compile_expression(factor, [*system.axes, system.t, *system.parameters])
            at_left, at_right, inside = (
                _values(function, {**grid.coordinates, **place}, t, system)
                for place in ({str(axis): np.array(line.left)}, {str(axis): np.array(line.right)}, {})
            )
            gap = np.max(np.abs(at_right - at_left))
            if gap > SAME * max(np.max(np.abs(values)) for values in (at_left, at_right, inside)):
                found[str(factor)] = (
                    f"{factor} is not periodic along the periodic axis {axis}: it jumps by {gap:.3g} from {line.right:g} to {line.left:g}"
                )
    return [found[name] for name in sorted(found)]


def _values(function: Any, places: Mapping[str, Any], t: float, system: EquationSystem) -> Any:
    with np.errstate(all="ignore"):
        values = np.asarray(function(*places.values(), t, *system.parameters.values()))
    return values if values.dtype.kind == "c" else values.astype(float)  # conditions among them


def _known(expression: Expression, states: Collection[Any], axis: Any) -> list[Any]:
    """The largest parts of an expression that depend on an axis and not on the solution."""
    if isinstance(expression, SpatialDerivative):
        parts = [expression.operand, expression.factor_in_front]
        return [f for part in parts for f in _known(part, states, axis)]
    if not expression.has(axis) or expression.has(DataFunction):
        return []
    if not depends(expression, states):
        return [expression]
    if not (expression.is_Add or expression.is_Mul):
        return [f for part in expression.args for f in _known(part, states, axis)]
    apart = [part for part in expression.args if not depends(part, states)]
    together = expression.func(*apart) if apart else None
    others = [f for part in expression.args if part not in apart for f in _known(part, states, axis)]
    return [*([together] if together is not None and together.has(axis) else []), *others]
