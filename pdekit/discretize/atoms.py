"""Derivative atoms of the equation language as sparse matrices on a grid, conditions included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.boundary.face_data import StateConditions
from pdekit.discretize.derivatives import end_functionals
from pdekit.errors import BoundaryError, GridError
from pdekit.geometry.grid import Grid
from pdekit.language.scheme_symbols import Shaped
from pdekit.language.symbols import Diff, Flux
from pdekit.stencils.poles import face_rows, node_rows, reflection
from pdekit.stencils.rows import AxisRows, FluxRows, derivative_rows
from pdekit.stencils.schemes import SCHEMES, Term
from pdekit.stencils.sparse_products import diagonal, kronecker


@dataclass(frozen=True, eq=False)
class AffineRows:
    """``matrix @ u + sum_k data[k] @ g_k(t)``, with g_k the stacked data of axis k."""

    matrix: Any
    data: dict[int, Any]

    def offset(self, conditions: StateConditions | None, t: float) -> Any:
        """The part that the boundary data contribute at time t; 0.0 if none do."""
        total: Any = 0.0
        if conditions is not None:
            for axis, matrix in self.data.items():
                total = total + matrix @ conditions.stencil_data(axis, t).ravel()
        return total


def lift(grid: Grid, factors: dict[int, Any]) -> Any:
    """Kronecker product of the factors, identities elsewhere."""
    return kronecker([factors.get(k, sparse.eye_array(a.size, format="csr")) for k, a in enumerate(grid.axes)])


def _check_condition_count(conditions: StateConditions, axis: str, n: int, what: str) -> None:
    """An even derivative of order 2m needs m conditions at an end; none at all is outflow."""
    for side in ("left", "right"):
        count = len(conditions.faces[axis][side])
        if n >= 4 and 0 < count < n // 2:
            raise BoundaryError(
                f"boundary.{what}.{axis}.{side}: a derivative of order {n} needs {n // 2} conditions here, found {count}; "
                "give a list of them, or make the inner derivative a definition with conditions of its own"
            )


Parities = Mapping[str, int | None]


def axis_rows(
    grid: Grid, atom: Diff, order: int, conditions: StateConditions | None, parity: Parities | None = None
) -> dict[int, AxisRows]:
    """The one-dimensional rows of a derivative, by axis.

    `parity` says how the operand goes on across the poles of an axis; None for an axis: it does not, the rows are one-sided.

    Raises
    ------
    GridError, BoundaryError
        Too few nodes, or too few conditions at an end.
    """
    rows = {}
    for name, n in atom.counts.items():
        line = grid[name]
        ends = end_functionals(line, conditions.faces.get(name) if conditions else None)
        if conditions and not line.periodic:
            _check_condition_count(conditions, name, n, str(atom.operand))
        k = grid.index(name)
        if isinstance(atom, Shaped):
            rows[k] = SCHEMES[atom.scheme].rows(Term(grid, k, n, atom.order, atom.lean, *ends))
        elif (parity or {}).get(name, 1) is None:
            rows[k] = derivative_rows(line, n, order, *ends, closure="stable", name=name)
        else:
            rows[k] = node_rows(grid, k, n, order, *ends, closure="stable")
    return rows


def lift_rows(grid: Grid, axis: int, rows: AxisRows, parity: int) -> Any:
    """Rows of one axis on the whole grid, with what they take from behind a pole, which they see with a sign."""
    direct = lift(grid, {axis: rows.matrix})
    if rows.mirror is None or rows.mirror.nnz == 0:
        return direct
    return direct + parity * lift(grid, {**reflection(grid, axis), axis: rows.mirror})


def derivative_atom(
    grid: Grid, atom: Diff, order: int, conditions: StateConditions | None, parity: Parities | None = None
) -> AffineRows:
    """Rows of a (mixed) derivative of a state with its conditions, or of an expression without.

    In a mixed derivative every axis uses its own conditions: if ``B_y u = g`` on a face then ``B_y u_x = g_x``, the
    derivative of the data along the face.
    """
    counts = {grid.index(name): n for name, n in atom.counts.items()}
    rows = axis_rows(grid, atom, order, conditions, parity)
    if any(r.mirror is not None for r in rows.values()):
        return _derivative_across_poles(grid, rows, parity or {})
    along_face = {
        k: node_rows(grid, k, n, order, closure="stable").matrix for k, n in counts.items() if len(counts) > 1
    }
    matrix = lift(grid, {k: r.matrix for k, r in rows.items()})
    data = {}
    for k, r in rows.items():
        if r.data.shape[1]:
            # Axes before k act on the data along the face, axes after k on the finished rows.
            before = {j: along_face[j] for j in counts if j < k}
            after = {j: rows[j].matrix for j in counts if j > k}
            data[k] = lift(grid, {**before, **after, k: r.data})
    return AffineRows(matrix, data)


def _derivative_across_poles(grid: Grid, rows: dict[int, AxisRows], parity: Parities) -> AffineRows:
    """A derivative along axes of which some have poles; the poles mirror the axes that follow, which act later."""
    ordered = sorted(rows)
    total: Any = None
    data: dict[int, Any] = {}
    for k in ordered:
        factor = lift_rows(grid, k, rows[k], parity.get(grid.names[k], 1) or 1)
        data = {j: factor @ matrix for j, matrix in data.items()}
        if rows[k].data.shape[1]:
            if k != ordered[0]:
                raise GridError(
                    f"a mixed derivative with a condition other than a prescribed value on axis {grid.names[k]!r} is not "
                    "available on a grid with poles"
                )
            data[k] = lift(grid, {k: rows[k].data})
        total = factor if total is None else factor @ total
    return AffineRows(sparse.csr_array(total), data)


def curved_atom(
    grid: Grid, atom: Flux, order: int, conditions: StateConditions | None, parity: Parities | None = None
) -> AffineRows:
    """``(u'' + (m'/m) u') / h^2``: a flux with constant k on curved coordinates, at orders above 2."""
    axis, k = atom.axis, grid.index(atom.axis)
    parts = [derivative_atom(grid, Diff(atom.operand, atom.args[2], n), order, conditions, parity) for n in (2, 1)]
    line, measure = grid.axes[k], grid.measure(k)
    ones = np.ones(grid.shape)
    over = ones * grid.inverse_square_scale(axis, in_cells=False)
    weights = [over, over * grid.along(k, measure.log_slope(line.nodes)) if measure.power else 0 * ones]
    diagonals = [diagonal(w) for w in weights]
    matrix = sum(d @ part.matrix for d, part in zip(diagonals, parts))
    data = {j: sum(d @ part.data[j] for d, part in zip(diagonals, parts)) for j in parts[0].data}
    return AffineRows(sparse.csr_array(matrix), data)


@dataclass(frozen=True, eq=False)
class FluxAtom:
    """``d/dx (k du/dx)`` along one axis, k left open; on curved coordinates ``(1/(s m)) d/dq (m k du/dq)``."""

    grid: Grid
    axis: int
    order: int
    pieces: FluxRows
    curved: bool
    parity: int
    coefficient_parity: int
    mean_parity: int

    @classmethod
    def build(
        cls,
        grid: Grid,
        atom: Flux,
        order: int,
        conditions: StateConditions | None,
        parities: tuple[int | None, int | None, int | None] = (1, 1, 1),
    ) -> FluxAtom:
        """Make the pieces; `parities` are those of the operand, of k, and of the part of k that depends on the solution."""
        name = atom.axis
        k = grid.index(name)
        ends = end_functionals(grid.axes[k], conditions.faces.get(name) if conditions else None)
        if order not in (2, 4, 6):
            raise GridError(f"div(k*grad(u)) has orders 2, 4 and 6, found {order}")
        pieces = face_rows(grid, k, order, *ends, weighted=atom.curved)
        crosses = pieces.gradient.mirror is not None
        if crosses and None in parities:
            raise GridError(
                f"div(k*grad(u)) of order {order} across the pole of {name!r} needs a k that is even or odd there; "
                f"{atom.coefficient} is neither: use order 2"
            )
        own, coefficient, mean = (p or 1 for p in parities)
        return cls(grid, k, order, pieces, atom.curved, own, coefficient, mean)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of arrays at the flux points."""
        return tuple(self.pieces.points.size if k == self.axis else n for k, n in enumerate(self.grid.shape))

    @cached_property
    def gradient(self) -> AffineRows:
        """Nodes (and data) to du/dx at the flux points."""
        g = self.pieces.gradient
        data = {self.axis: lift(self.grid, {self.axis: g.data})} if g.data.shape[1] else {}
        return AffineRows(lift_rows(self.grid, self.axis, g, self.parity), data)

    @cached_property
    def divergence(self) -> Any:
        """Fluxes to nodes."""
        outward = lift_rows(self.grid, self.axis, self.pieces.divergence, -self.parity * self.coefficient_parity)
        if not self.curved:
            return outward
        over = np.ones(self.grid.shape) * self.grid.inverse_square_scale(self.axis, in_cells=self.order == 2)
        return sparse.csr_array(diagonal(over) @ outward)

    @cached_property
    def mean(self) -> Any:
        """Nodes to flux points, by interpolation."""
        return lift_rows(self.grid, self.axis, self.pieces.mean, self.mean_parity)

    def coordinates(self, where: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Coordinates of the grid with this axis' replaced by `where`, an array that broadcasts over the flux points."""
        line = self.grid.axes[self.axis]
        if line.periodic:
            where = line.left + np.mod(where - line.left, line.length)
        return {**self.grid.coordinates, self.grid.names[self.axis]: where}

    def cells(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Lower and upper ends of the interval that each flux point stands for; a face is a point."""
        line, points = self.grid.axes[self.axis], self.pieces.points
        gaps = line.spacings if line.periodic else np.concatenate([[0.0], line.spacings, [0.0]])
        return points - 0.5 * gaps, points + 0.5 * gaps
