"""Weights of integrals along an axis, of the order of a discretization."""

from __future__ import annotations

import numpy as np

from pdekit.geometry.axis import Axis
from pdekit.typing import Array


def quadrature_weights(axis: Axis, order: int) -> Array:
    """Weights w with ``sum_i w_i f(x_i)`` the integral of f along the axis.

    Of order 2 the trapezoidal rule, which goes with flux forms: what they conserve is this sum. On periodic uniform axes it is of any
    order. Elsewhere every cell takes the integral of the polynomial through the `order` nodes nearest to it.

    Parameters
    ----------
    axis : Axis
    order : int

    Examples
    --------
    >>> x = Axis(0, 1, 9).nodes
    >>> float(round(quadrature_weights(Axis(0, 1, 9), 4) @ x**3, 12))
    0.25
    """
    if order <= 2 or axis.offset or axis.size < order or (axis.periodic and axis.uniform):
        return axis.weights
    nodes, n = axis.nodes, axis.size
    index = np.arange(n)
    if axis.periodic:
        index = np.arange(-order, n + order)
        nodes = nodes[index % n] + axis.length * (index // n)
    total = np.zeros(n)
    cells = range(n - 1) if not axis.periodic else range(order, order + n)
    for cell in cells:
        first = int(np.clip(cell + 1 - order // 2, 0, nodes.size - order))
        chosen = slice(first, first + order)
        width = nodes[cell + 1] - nodes[cell]
        at = (nodes[chosen] - nodes[cell]) / width
        powers = np.arange(order)
        moments = 1.0 / (powers + 1)
        np.add.at(total, index[chosen] % n, width * np.linalg.solve(at[None, :] ** powers[:, None], moments))
    return total
