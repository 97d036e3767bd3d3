"""Derivatives on a domain that is no box: what takes the place of rows that the boundary cuts.

Everything second-order is in flux form, ``divergence @ (k * gradient(u))``.

- *Values prescribed on the boundary*: a step that the boundary cuts ends at the crossing, where the value is known, and the cell of
  its node reaches half way there. For constant k these are the rows of `pdekit.stencils.weights` on the node, its neighbour
  and the crossing (Shortley and Weller). They are not symmetric: a few eigenvalues are complex, by 1e-6 to 6e-5 of the greatest
  modulus, which waves would turn into growth. Equations of second order in time take cells whole instead (Gibou et al.): the
  matrix is symmetric, the order the same, errors two to six times greater.
- *Fluxes prescribed*: balances of the cells of nodes, as far as they lie inside, over the parts of their faces that lie inside. Nodes
  outside whose cells reach inside are no unknowns: their values are extrapolated, ``u_all = E u``, and their balances are handed
  to the nodes that these values came from by ``E^T``. So the matrix ``E^T G^T A k G E`` stays symmetric, rows and columns sum to
  zero, and every volume that is divided by is at least about half a cell: no small cells, no tiny steps.

References
----------
G. H. Shortley and R. Weller, J. Appl. Phys. 9 (1938) 334-348. F. Gibou, R. P. Fedkiw, L.-T. Cheng and M. Kang, J. Comput. Phys. 176
(2002) 205-227. Y. T. Ng, C. Min and F. Gibou, *An efficient fluid-solid coupling
algorithm for single-phase flows*, J. Comput. Phys. 228 (2009) 8807-8829 (faces by their lengths inside). J. Papac, F. Gibou and
C. Ratsch, J. Comput. Phys. 229 (2010) 875-889 (Robin). S. Badia, F. Verdugo and A. F. Martin, Comput. Methods Appl. Mech. Eng. 336
(2018) 533-553 (extrapolated unknowns in finite elements).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.boundary.domain_conditions import RIM, DomainConditions
from pdekit.boundary.domain_values import extension
from pdekit.discretize.affine import AffineOperator
from pdekit.discretize.algebra import LinearOperator, RowSlices
from pdekit.discretize.diffusion import FluxForm, flux_form
from pdekit.errors import BoundaryError, GridError
from pdekit.geometry.axis import Axis
from pdekit.geometry.domain_grid import DomainGrid
from pdekit.geometry.grid import Grid
from pdekit.stencils.rows import FluxRows
from pdekit.stencils.sparse_products import diagonal
from pdekit.typing import Array, Matrix

# Of 1 + (a/b) d, by which a Robin condition is carried from the boundary to a node at the distance d.
LEAST_ROBIN = 0.25
Cells = Literal["cut", "whole"]
COVERED = 0.5


class MatrixOperator(LinearOperator):
    """A linear operator by its matrix."""

    def __init__(self, grid: Grid, matrix: Matrix, target: Grid | None = None) -> None:
        super().__init__(grid, target)
        self.given = sparse.csr_array(matrix)

    def _apply(self, values: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(self.given @ values.ravel()).reshape(self.target.shape)

    def _rows(self, slices: RowSlices) -> Any:
        box = tuple(slices.get(name, slice(None)) for name in self.target.names)
        return self.given[np.arange(self.target.size).reshape(self.target.shape)[box].ravel()] if slices else self.given


def bare_points(count: int) -> Grid:
    """So many points without places: what values that are no array over a grid are counted by."""
    return Grid(point=Axis(0.0, 1.0, count))


@dataclass(frozen=True, eq=False)
class DomainFlux:
    """``d/dx (k du/dx)`` along one axis of a domain: the pieces of a `FluxForm`, k left open.

    Parameters
    ----------
    box : FluxForm
        The same on the whole box.
    gradient : AffineOperator
        Nodes and data to du/dx at the flux points, those on the boundary of the domain last.
    divergence, mean : LinearOperator
    rim : dict of str to array
        Coordinates of the flux points on the boundary of the domain.
    """

    box: FluxForm
    gradient: AffineOperator
    divergence: LinearOperator
    mean: LinearOperator
    rim: dict[str, Array]

    @property
    def axis(self) -> int:
        return self.box.axis

    @property
    def rows(self) -> FluxRows:
        return self.box.rows

    @property
    def shape(self) -> tuple[int, ...]:
        """Of arrays at the flux points."""
        return self.mean.target.shape

    @cached_property
    def whole(self) -> AffineOperator:
        """The operator with k = 1."""
        return self.gradient.followed_by(self.divergence)


def domain_flux(grid: DomainGrid, axis: int, conditions: DomainConditions, cells: Cells = "cut") -> DomainFlux:
    """The flux form along one axis, with the conditions of what is differentiated.

    Parameters
    ----------
    grid : DomainGrid
    axis : int
    conditions : DomainConditions
    cells : {"cut", "whole"}
        Next to crossings at which values are prescribed; whole ones make a symmetric matrix.

    Raises
    ------
    BoundaryError
        A Robin condition that the grid does not resolve.
    """
    box = flux_form(grid, axis, 2, conditions.faces)
    return _with_values(grid, box, cells) if conditions.is_prescribed_on_rim else _with_fluxes(grid, box, conditions)


def refuse_unresolved(grid: DomainGrid, conditions: DomainConditions) -> None:
    """Refuse a boundary, or a condition on it, that the grid does not resolve: all that can be wrong with these rows, without making them.

    Raises
    ------
    GridError, BoundaryError
    """
    if conditions.is_prescribed_on_rim:
        grid.refuse_hidden_parts()
        return
    grid.weights  # noqa: B018  (a domain thinner than a step is found here)
    if conditions.condition is not None and conditions.condition.coefficients[0] != 0:
        covered = covered_by(extension(grid, 1))
        _on_rim(conditions, grid.rim.offsets[covered[grid.rim.nodes]], grid)


def covered_by(E: Matrix) -> NDArray[np.bool_]:
    """Nodes that have a value, their own or one that is extrapolated."""
    return np.asarray(E.sum(axis=1)).ravel() > COVERED


def _with_values(grid: DomainGrid, box: FluxForm, cells: Cells) -> DomainFlux:
    """Irregular stencils that end at the crossings."""
    grid.refuse_hidden_parts()
    axis, cut = box.axis, grid.crossings[box.axis]
    points = _numbers_of_points(grid, box, cut.nodes, cut.points)
    count = box.mean.target.size
    inside = grid.within.ravel()
    kept = uncut(box.gradient.matrix, inside)
    kept[points] = False
    slopes = cut.signs / cut.distances
    own = sparse.csr_array((-slopes, (points, cut.nodes)), shape=(count, grid.size))
    start = sum(c.nodes.size for c in grid.crossings[:axis])
    total = sum(c.nodes.size for c in grid.crossings)
    rim = sparse.csr_array((slopes, (points, start + np.arange(cut.nodes.size))), shape=(count, total))
    gradient = diagonal(kept.astype(float)) @ box.gradient.matrix + own
    data = {k: sparse.csr_array(diagonal(kept.astype(float)) @ m) for k, m in box.gradient.data.items()} | {RIM: rim}
    half = sparse.csr_array((np.ones(points.size), (points, cut.nodes)), shape=(count, grid.size))
    mean = diagonal(kept.astype(float)) @ box.mean.matrix() + half
    weights = np.broadcast_to(grid.along(axis, grid.axes[axis].weights), grid.shape).ravel()
    lost = np.bincount(cut.nodes, weights=0.5 * (cut.gaps - cut.distances), minlength=grid.size)
    shrunk = weights / (weights - lost) if cells == "cut" else np.ones(grid.size)
    divergence = diagonal(np.where(inside, shrunk, 0.0)) @ box.divergence.matrix()
    return _made(grid, box, gradient, data, divergence, mean, {n: np.zeros(0) for n in grid.names})


def _with_fluxes(grid: DomainGrid, box: FluxForm, conditions: DomainConditions) -> DomainFlux:
    """Balances of cut cells."""
    axis, rim, E = box.axis, grid.rim, extension(grid, 1)
    covered = covered_by(E)
    areas = grid.areas(axis).ravel()
    kept = (uncut(box.gradient.matrix, covered) & (areas > 0)).astype(float)
    known = np.flatnonzero(covered[rim.nodes])
    own = sparse.csr_array(E[rim.nodes[known]])
    loss, given = _on_rim(conditions, rim.offsets[known], grid)
    shape = (known.size, rim.nodes.size)
    gradient = sparse.vstack([diagonal(kept) @ box.gradient.matrix @ E, diagonal(-loss) @ own])
    data = {}
    for k, matrix in box.gradient.data.items():
        empty = sparse.csr_array((known.size, matrix.shape[1]))
        data[k] = sparse.csr_array(sparse.vstack([diagonal(kept) @ matrix, empty]))
    if conditions.rim is not None:
        through = sparse.csr_array((given, (np.arange(known.size), known)), shape=shape)
        data[RIM] = sparse.csr_array(sparse.vstack([sparse.csr_array((areas.size, shape[1])), through]))
    mean = sparse.vstack([diagonal(kept) @ box.mean.matrix() @ E, own])
    weights = np.broadcast_to(grid.along(axis, grid.axes[axis].weights), grid.shape).ravel()
    outflow = diagonal(weights) @ box.divergence.matrix() @ diagonal(areas)
    pieces = rim.areas[known] * rim.shares[known, axis]
    through_rim = sparse.csr_array((pieces, (rim.nodes[known], np.arange(known.size))), shape=(grid.size, known.size))
    volumes = grid.weights.ravel()
    inverse = np.divide(1.0, volumes, out=np.zeros(grid.size), where=volumes > 0)
    divergence = diagonal(inverse) @ E.T @ sparse.hstack([outflow, through_rim])
    return _made(grid, box, gradient, data, divergence, mean, {n: c[known] for n, c in grid.rim_points().items()})


def _on_rim(conditions: DomainConditions, offsets: Array, grid: DomainGrid) -> tuple[Array, Array]:
    """``du/dn = given * g - loss * u`` with u at the node, d before the boundary: from ``a (u + d du/dn) + b du/dn = g``."""
    if conditions.condition is None:
        return np.zeros(offsets.size), np.zeros(offsets.size)
    a, b = conditions.condition.coefficients
    carried = 1.0 + a / b * offsets
    if np.min(carried, initial=1.0) < LEAST_ROBIN:
        raise BoundaryError(
            f"the grid does not resolve the condition: b/a = {b / a:.3g} is below about the step, {float(np.max(np.abs(offsets))):.3g}; take "
            "more points, or dirichlet"
        )
    return a / b / carried, 1.0 / b / carried


def uncut(matrix: Matrix, usable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Rows that take values of usable nodes only."""
    used = sparse.csr_array(matrix)
    pattern = sparse.csr_array((np.ones(used.nnz), used.indices, used.indptr), shape=used.shape)
    return np.asarray(pattern @ (~usable).astype(float)) == 0


def _numbers_of_points(
    grid: DomainGrid, box: FluxForm, nodes: NDArray[np.intp], along: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Flat indices of flux points beside nodes, from their indices along the axis."""
    index = list(np.unravel_index(nodes, grid.shape))
    index[box.axis] = along
    return np.asarray(np.ravel_multi_index(index, box.shape))


def _made(
    grid: DomainGrid,
    box: FluxForm,
    gradient: Matrix,
    data: Mapping[int, Any],
    divergence: Matrix,
    mean: Matrix,
    rim: dict[str, Array],
) -> DomainFlux:
    points = bare_points(gradient.shape[0])
    return DomainFlux(
        box,
        AffineOperator(MatrixOperator(grid, gradient, points), dict(data)),
        MatrixOperator(points, divergence, grid),
        MatrixOperator(grid, mean, points),
        rim,
    )


def refuse_cut_rows(grid: DomainGrid, axis: int, cut: NDArray[np.bool_]) -> None:
    """Refuse rows that cannot be made; of a part that processes share, those of other nodes than its own do not matter.

    Raises
    ------
    GridError
    """
    cut = cut & grid.is_owned.ravel()
    if np.any(cut):
        place = ", ".join(f"{n} = {v:.4g}" for n, v in grid.point(int(np.argmax(cut))).items())
        raise GridError(
            f"the domain leaves too few nodes along {grid.names[axis]!r} for a derivative at {place}; take more points, or end the "
            "domain elsewhere"
        )
