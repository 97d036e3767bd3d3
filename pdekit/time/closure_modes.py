"""Whether a high derivative along a bounded axis has modes that grow at the rate of the grid, by the spectrum of its rows.

Up to the fourth derivative what is stable is known (`pdekit.time.soundness`); of the fifth and those above there are too many sets of
conditions to know. The matrix of one line is small. On two grids of the axis' own grading physical growth, such as that of a feedback in a
condition, is the same; growth that belongs to the grid is faster on the finer one, like ``h^-n``.
"""

from __future__ import annotations

import numpy as np
from scipy import interpolate

from pdekit.boundary.conditions import FaceConditions, end_functionals
from pdekit.errors import GridError
from pdekit.geometry.axis import Axis
from pdekit.stencils.rows import Bias, derivative_rows
from pdekit.stencils.weights import central_reach
from pdekit.typing import Array

COARSE = 24  # nodes, or twice the interior stencil
REFINED = 1.5
NOISE = 1e-9  # of the greatest eigenvalue: rounding of the others
FASTER = 3.0  # growth on the finer grid beside that on the coarser: h^-5 makes 7.6


def has_growing_modes(
    axis: Axis, faces: FaceConditions, derivative: int, order: int, must_be_real: bool, bias: Bias = "central"
) -> bool:
    """Whether modes grow with the grid whichever sign of the derivative is the well-posed one.

    Parameters
    ----------
    axis : Axis
        Bounded.
    faces : FaceConditions
        The conditions at its ends.
    derivative, order : int
    must_be_real : bool
        Whether complex eigenvalues of an even derivative are growth, too: in equations of second order in time, and complex ones.
    bias : {"central", "forward", "backward"} or int, default "central"
        Which way interior stencils lean.

    Raises
    ------
    GridError
        The conditions do not determine the rows.

    Examples
    --------
    >>> from pdekit.boundary.conditions import Curvature, Dirichlet, Neumann
    >>> two, three = (Dirichlet(0), Neumann(0)), (Dirichlet(0), Neumann(0), Curvature(0))
    >>> has_growing_modes(Axis(0, 1, 51), FaceConditions(two, three), 5, 2, False)
    False
    >>> has_growing_modes(Axis(0, 1, 51), FaceConditions(three, three), 5, 2, False)
    True
    """
    coarse = max(COARSE, 2 * (2 * central_reach(derivative, order) + 1))
    sizes = coarse, round(REFINED * coarse)
    spectra = [_spectrum(_resampled(axis, size), faces, derivative, order, bias) for size in sizes]
    if derivative % 2:
        return all(_grows(*(sign * values.real for values in spectra)) for sign in (1, -1))
    forward = (-1) ** (derivative // 2 + 1)
    parts = [forward * values.real for values in spectra]
    return _grows(*parts) or (must_be_real and _grows(*(np.append(abs(v.imag), v.real) for v in spectra)))


def _grows(coarse: Array, fine: Array) -> bool:
    """Whether the greatest rate of growth is that of the grid."""
    radius = float(np.max(np.abs(fine)))
    slow, fast = float(np.max(coarse)), float(np.max(fine))
    return fast > NOISE * radius and fast > FASTER * slow


def _spectrum(axis: Axis, faces: FaceConditions, derivative: int, order: int, bias: Bias) -> Array:
    """Eigenvalues of the rows at the nodes that no condition prescribes."""
    ends = end_functionals(axis, faces)
    matrix = derivative_rows(axis, derivative, order, *ends, closure="stable", bias=bias).matrix.toarray()
    free = slice(int(faces.dirichlet("left") is not None), axis.size - int(faces.dirichlet("right") is not None))
    return np.asarray(np.linalg.eigvals(matrix[free, free]))


def _resampled(axis: Axis, size: int) -> Axis:
    """An axis of another number of nodes, graded alike."""
    whole = axis.whole
    if whole.uniform:
        return Axis(float(whole.nodes[0]), float(whole.nodes[-1]), size)
    graded = interpolate.PchipInterpolator(np.linspace(0.0, 1.0, whole.size), whole.nodes)
    return Axis(nodes=graded(np.linspace(0.0, 1.0, size)))


def stable_orders(axis: Axis, faces: FaceConditions, derivative: int, must_be_real: bool) -> list[int]:
    """The orders of accuracy at which there are no growing modes."""
    found = []
    for order in (2, 4, 6, 8):
        try:
            if not has_growing_modes(axis, faces, derivative, order, must_be_real):
                found.append(order)
        except GridError:  # the rows do not exist
            continue
    return found
