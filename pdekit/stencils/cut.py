"""The rows of a part of an axis, cut out of those of the whole.

Rows that read nodes beyond the part lose them: they are wrong, and those who make parts see to it that nobody reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.geometry.grid import Grid
from pdekit.geometry.parts import AxisPart
from pdekit.stencils.rows import AxisRows, FluxRows
from pdekit.typing import Matrix


def cut(matrix: Matrix, rows: NDArray[np.intp], first: int, count: int, period: int) -> Any:
    """Rows of a matrix, and `count` of its columns.

    Parameters
    ----------
    matrix : sparse array
        Rows and columns of a line; of a periodic one both come again after `period`.
    rows : array
        Which rows, by their positions along the line.
    first, count : int
        The position of the first column, and how many there are.
    period : int
        0 of a line that is not periodic.
    """
    own = sparse.csr_array(matrix)[rows % period if period else rows].tocoo()
    i, columns = own.coords
    if period:
        columns = rows[i] + (columns - rows[i] + period // 2) % period - period // 2
    columns = columns - first
    kept = (columns >= 0) & (columns < count)
    return sparse.csr_array((own.data[kept], (i[kept], columns[kept])), shape=(rows.size, count))


def _period(part: AxisPart) -> int:
    return part.whole.size if part.whole.periodic else 0


def cut_rows(whole: AxisRows, part: AxisPart) -> AxisRows:
    """Rows from nodes to nodes."""
    at, first, period = part.positions, int(part.positions[0]), _period(part)
    mirror = None if whole.mirror is None else cut(whole.mirror, at, first, part.size, period)
    return AxisRows(cut(whole.matrix, at, first, part.size, period), whole.data[part.index], mirror)


def cut_flux_rows(whole: FluxRows, part: AxisPart) -> FluxRows:
    """The pieces of a flux form. Flux points of a part stand before each of its nodes, and after the last."""
    nodes, first, period = part.positions, int(part.positions[0]), _period(part)
    points = np.append(nodes, nodes[-1] + 1) - (1 if period else 0)  # of a periodic axis, point i stands after node i
    index = points % period if period else points

    def at_points(rows: AxisRows) -> AxisRows:
        mirror = None if rows.mirror is None else cut(rows.mirror, points, first, part.size, period)
        return AxisRows(cut(rows.matrix, points, first, part.size, period), rows.data[index], mirror)

    D = whole.divergence
    mirror = None if D.mirror is None else cut(D.mirror, nodes, int(points[0]), points.size, period)
    divergence = AxisRows(cut(D.matrix, nodes, int(points[0]), points.size, period), D.data[part.index], mirror)
    return FluxRows(whole.points[index], at_points(whole.gradient), divergence, at_points(whole.mean))


def rows_on(grid: Grid, axis: int, make: Callable[[Grid], AxisRows]) -> AxisRows:
    """Rows of an axis of a grid, made by a function of the whole grid."""
    found, line = make(grid.whole), grid.axes[axis]
    return cut_rows(found, line) if isinstance(line, AxisPart) else found


def flux_rows_on(grid: Grid, axis: int, make: Callable[[Grid], FluxRows]) -> FluxRows:
    """The same of the pieces of a flux form."""
    found, line = make(grid.whole), grid.axes[axis]
    return cut_flux_rows(found, line) if isinstance(line, AxisPart) else found
