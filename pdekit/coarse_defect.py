"""The compatibility defect of a steady problem on a coarser grid, beside which that of the grid is judged."""

from __future__ import annotations

import numpy as np

from pdekit.counts import Statistics
from pdekit.errors import PdekitError
from pdekit.geometry.axis import Axis
from pdekit.problem import Problem
from pdekit.steady import solve_steady


def coarse_defect(problem: Problem) -> float | None:
    """By how much data that prescribe derivatives only fail to balance, on a grid of half as many nodes; None if there is none.

    Parameters
    ----------
    problem : Problem
        A steady one.
    """
    grid, axes = problem.grid.whole, {}
    for name, axis in zip(grid.names, grid.axes):
        nodes = axis.nodes[::2]
        if not axis.periodic and axis.size % 2 == 0:
            nodes = np.append(nodes, axis.nodes[-1])
        if axis.periodic:
            axes[name] = Axis(axis.left, axis.right, nodes=nodes, periodic=True)
        elif axis.offset:
            axes[name] = axis.with_points(axis.size // 2)
        else:
            axes[name] = Axis(nodes=nodes)
    try:
        coarse = problem.replace(grid=grid.replace(**axes))
        guess = coarse.semidiscrete.pack(coarse.initial_fields())
        return solve_steady(coarse.semidiscrete, guess, Statistics()).defect
    except PdekitError:
        return None  # data given as arrays, or too few nodes
