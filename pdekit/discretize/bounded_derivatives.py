"""The derivatives along bounded axes that stand in equations: their conditions in number, and what rounding leaves of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pdekit.boundary.conditions import SIDES
from pdekit.discretize.system import SemiDiscrete
from pdekit.geometry.axis import Axis
from pdekit.language.symbols import local_derivatives
from pdekit.stencils.rows import CONTINUED_FROM

WORST_AMPLIFICATION = 1e13  # of rounding: errors of up to a thousandth of the solution (measured)


def along_bounded_axes(system: SemiDiscrete) -> Iterator[tuple[Any, str, int]]:
    """All derivatives along bounded axes: what, along which axis, and how often."""
    for expression in system.system.expressions:
        for derivative in sorted(local_derivatives(expression), key=str):
            for axis, n in derivative.counts.items():
                if not system.grid[axis].periodic:
                    yield derivative, axis, n


def has_enough_conditions(system: SemiDiscrete) -> bool:
    """Whether the conditions on both ends of every axis are as many as the highest derivative of their unknown along it."""
    for derivative, axis, n in along_bounded_axes(system):
        conditions = system.conditions.get(derivative.operand)
        if conditions is None or system.grid.poles(axis):
            continue
        if sum(len(conditions.faces[axis][side]) for side in SIDES) < n:
            return False
    return True


def amplification(axis: Axis, n: int) -> float:
    """The greatest eigenvalue of the n-th derivative beside the least: by so much rounding grows in solutions.

    Examples
    --------
    >>> f"{amplification(Axis(0, 1, 201), 8):.1e}"
    '6.9e+16'
    """
    return float((2 * axis.whole.length / (np.pi * axis.whole.step)) ** n)


def line_of(system: SemiDiscrete, derivative: Any, axis: str) -> Axis:
    """The axis on which the operand lives: a part of it in a region."""
    region = system.regions.get(str(derivative.operand))
    return (system.grid if region is None else region.own)[axis]


def lost_to_rounding(system: SemiDiscrete, least: int = CONTINUED_FROM) -> str:
    """Which derivative, of at least that order, rounding leaves too little of, in words; empty if there is none."""
    for derivative, axis, n in along_bounded_axes(system):
        line = line_of(system, derivative, axis).whole
        if n >= least and amplification(line, n) > WORST_AMPLIFICATION:
            most = int(np.pi / 2 * WORST_AMPLIFICATION ** (1 / n)) + 1
            fewer = f"at most {most} nodes" if line.uniform else f"a least spacing of {line.length / (most - 1):.3g}"
            return (
                f"the derivative of order {n} of {derivative.operand} along {axis!r}, on {line.size} nodes, multiplies "
                f"rounding errors by {amplification(line, n):.1g}: take {fewer} and a higher order of accuracy"
            )
    return ""
