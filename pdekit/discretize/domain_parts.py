"""Which rows of a domain that is no box are those of its box, and the others cut out: small matrices on the nodes next to the boundary.

Compiled kernels do the rows of boxes, the same on every line of an axis. What the boundary changes is a thin layer of nodes, whose
rows are applied apart (`pdekit.kernels.cut_nodes`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.discretize.affine import AffineOperator
from pdekit.discretize.domain_rows import DomainFlux, MatrixOperator, bare_points
from pdekit.typing import Matrix

ROUNDING = 1e-14  # of the greatest entry of a row: by less, rows that areas of whole cells went through differ

Nodes = NDArray[np.intp]
Marks = NDArray[np.bool_]


def _differing(found: Matrix, box: Matrix) -> Marks:
    """Rows of one matrix that are not those of another, to rounding."""
    if not found.shape[1]:
        return np.zeros(found.shape[0], dtype=bool)
    gap = np.asarray(abs(sparse.csr_array(found - box)).max(axis=1).toarray()).ravel()
    return np.asarray(gap > ROUNDING * np.asarray(abs(sparse.csr_array(box)).max(axis=1).toarray()).ravel())


def cut_rows(found: AffineOperator, box: AffineOperator) -> Marks:
    """Rows that the boundary changes, those of data included."""
    marked = _differing(found.matrix, box.matrix)
    for axis, matrix in found.data.items():
        other = box.data.get(axis)
        marked |= _differing(matrix, sparse.csr_array(matrix.shape) if other is None else other)
    return marked


def cut_balances(found: DomainFlux) -> Marks:
    """The same of fluxes: nodes whose balance, or one of whose fluxes, is not that of the box."""
    box = found.box
    count = box.mean.target.size
    gradient = AffineOperator(
        MatrixOperator(box.grid, found.gradient.matrix[:count], bare_points(count)),
        {k: m[:count] for k, m in found.gradient.data.items()},
    )
    fluxes = cut_rows(gradient, box.gradient) | _differing(found.mean.matrix()[:count], box.mean.matrix())
    D, whole = sparse.csr_array(found.divergence.matrix()), sparse.csr_array(box.divergence.matrix())
    through_rim = np.asarray(abs(D[:, count:]).sum(axis=1)) > 0
    return np.asarray(_differing(D[:, :count], whole) | through_rim | (abs(whole) @ fluxes.astype(float) > 0))


def read_by(matrix: Matrix, rows: Marks) -> Marks:
    """Columns in which marked rows have entries."""
    found = np.zeros(matrix.shape[1], dtype=bool)
    found[sparse.csr_array(matrix)[np.flatnonzero(rows)].indices] = True
    return found


def rows_at(whole: AffineOperator, nodes: Nodes) -> AffineOperator:
    """The rows of some nodes, on the values of the same nodes."""
    points = bare_points(nodes.size)
    matrix = sparse.csr_array(whole.matrix[nodes])[:, nodes]
    return AffineOperator(MatrixOperator(points, matrix), {k: m[nodes] for k, m in whole.data.items()})


def fluxes_at(whole: DomainFlux, nodes: Nodes) -> tuple[DomainFlux, Nodes]:
    """The same of fluxes; and which flux points are left."""
    divergence = sparse.csr_array(whole.divergence.matrix()[nodes])
    points = np.unique(divergence.indices)
    on_nodes, on_points = bare_points(nodes.size), bare_points(points.size)

    def taken(matrix: Matrix) -> Any:
        return sparse.csr_array(sparse.csr_array(matrix)[points])[:, nodes]

    gradient = MatrixOperator(on_nodes, taken(whole.gradient.matrix), on_points)
    data = {k: m[points] for k, m in whole.gradient.data.items()}
    part = replace(
        whole,
        gradient=AffineOperator(gradient, data),
        divergence=MatrixOperator(on_points, divergence[:, points], on_nodes),
        mean=MatrixOperator(on_nodes, taken(whole.mean.matrix()), on_points),
    )
    return part, points
