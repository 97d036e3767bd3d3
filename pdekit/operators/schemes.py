"""Ways to discretize a derivative in an equation, other than the central differences that are the rule.

A scheme is a function that makes the rows of one axis, conditions included, and a line of the table `SCHEMES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy import sparse

from pdekit.errors import GridError, nearest_hint
from pdekit.grid import Grid
from pdekit.operators.algebra import LinearOperator
from pdekit.operators.derivatives import complete_conditions, end_functionals, rows_operator
from pdekit.operators.poles import node_rows
from pdekit.operators.rows import AxisRows, Bias
from pdekit.operators.sbp import first_rows, second_rows
from pdekit.operators.spectral import compact_rows, fourier_derivative
from pdekit.stencils import Functional


@dataclass(frozen=True)
class Term:
    """A derivative of a state along one axis, to be discretized.

    Parameters
    ----------
    grid : Grid
    axis : int
    derivative : int
    order : int
        The accuracy of the scheme.
    lean : {-1, 0, 1}
        For upwind schemes: to which side the stencil leans.
    left, right : sequence of Functional
        Conditions of the state at the ends.
    """

    grid: Grid
    axis: int
    derivative: int
    order: int
    lean: int
    left: Sequence[Functional]
    right: Sequence[Functional]

    @property
    def name(self) -> str:
        return self.grid.names[self.axis]


@dataclass(frozen=True)
class Scheme:
    """A way to discretize a derivative.

    Parameters
    ----------
    rows : callable of Term
        Makes its rows.
    derivatives : tuple of int
        Which derivatives it can.
    order : callable of (derivative, order)
        Its own accuracy with which the solution reaches the order of the problem; None if there is none.
    by_stream : bool
        Whether it leans by the sign of the factor of the derivative.
    sound : bool
        Whether its odd derivatives are known to have no growing modes on bounded axes.
    """

    rows: Callable[[Term], AxisRows]
    derivatives: tuple[int, ...]
    order: Callable[[int, int], int | None]
    by_stream: bool = False
    sound: bool = False


def _upwind(term: Term) -> AxisRows:
    """``order + 1`` nodes, of which those upstream outnumber those downstream by one (odd orders) or two."""
    bias = -1 if term.lean < 0 else 1 - term.order % 2
    return node_rows(term.grid, term.axis, 1, term.order, term.left, term.right, closure="stable", bias=bias)


def _biased(bias: Bias) -> Callable[[Term], AxisRows]:
    """Stencils that lean to one side whatever the stream."""

    def rows(term: Term) -> AxisRows:
        options: dict[str, Any] = {"closure": "stable", "bias": bias}
        return node_rows(term.grid, term.axis, term.derivative, term.order, term.left, term.right, **options)

    return rows


def _compact(term: Term) -> AxisRows:
    line = term.grid.axes[term.axis]
    if term.order == 6 and not line.uniform:
        raise GridError(f"axis {term.name!r}: the compact scheme of order 6 needs a uniform axis; order 4 does not")
    if line.offset or term.order not in (4, 6):
        raise GridError(f"axis {term.name!r}: compact schemes have orders 4 and 6, and do not cross poles")
    # One datum less than for derivatives of data: u'' then has a real, non-positive spectrum at order 4 under all
    # conditions, at order 6 under Neumann and Robin conditions (measured).
    needed = term.derivative + term.order - 1
    return compact_rows(
        line, term.derivative, term.order, term.left, term.right, closure_data=needed, name=term.name
    ).solved()


def _fourier(term: Term) -> AxisRows:
    line = Grid({term.name: term.grid.axes[term.axis]})
    matrix = fourier_derivative(line, 0, term.derivative).matrix()
    return AxisRows(matrix, sparse.csr_array((matrix.shape[0], 0)))


def _summation_by_parts(term: Term) -> AxisRows:
    make = first_rows if term.derivative == 1 else second_rows
    return make(term.grid.axes[term.axis], term.order, term.left, term.right, term.name)


# To add a scheme, add a line.
SCHEMES: dict[str, Scheme] = {
    "upwind": Scheme(_upwind, (1,), lambda derivative, order: order + 1, by_stream=True),
    "forward": Scheme(_biased("forward"), tuple(range(1, 9)), lambda derivative, order: order),
    "backward": Scheme(_biased("backward"), tuple(range(1, 9)), lambda derivative, order: order),
    "compact": Scheme(_compact, (1, 2), lambda derivative, order: max(order, 4) if order <= 6 else None),
    "fourier": Scheme(_fourier, tuple(range(1, 9)), lambda derivative, order: order, sound=True),
    "sbp": Scheme(
        _summation_by_parts,
        (1, 2),
        # interior order 2s gives s + 1 over all for the first derivative, s + 2 for the second (2 for s = 1)
        lambda derivative, order: {1: {2: 2, 4: 6}, 2: {2: 2, 4: 4, 6: 8}}[derivative].get(order),
        sound=True,
    ),
}

ISOTROPIC = "isotropic"  # of a whole Laplacian, by terms added to it: see `pdekit.equations.schemes`


def scheme_derivative(
    grid: Grid,
    axis: str | int,
    n: int = 1,
    *,
    scheme: str,
    order: int = 4,
    lean: int = 0,
    boundary: Mapping[str, Any] | None = None,
) -> LinearOperator:
    """A derivative as a scheme has it in an equation, its rows closed with the conditions.

    Parameters
    ----------
    grid : Grid
    axis : str or int
    n : int, default 1
    scheme : {"upwind", "forward", "backward", "compact", "fourier", "sbp"}
    order : int, default 4
        The scheme's own accuracy.
    lean : {-1, 0, 1}
        For upwind: to which side.
    boundary : mapping, optional
        As for `pdekit.derivative`; the conditions' data are zero.

    Examples
    --------
    >>> import numpy as np
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 1, 31))
    >>> A = pk.scheme_derivative(grid, "x", 2, scheme="sbp", boundary={"x": pk.Neumann(0)})
    >>> bool(np.max(np.linalg.eigvals(A.matrix().toarray()).real) < 1e-9)
    True
    """
    if scheme not in SCHEMES:
        raise GridError(f"scheme: allowed are {sorted(SCHEMES)}, found {scheme!r}{nearest_hint(scheme, SCHEMES)}")
    if n not in SCHEMES[scheme].derivatives:
        raise GridError(f"{scheme} is for derivatives {list(SCHEMES[scheme].derivatives)}, found {n!r}")
    k = grid.index(axis)
    faces = complete_conditions(grid, boundary) or {}
    ends = end_functionals(grid.axes[k], faces.get(grid.names[k]))
    return rows_operator(grid, k, SCHEMES[scheme].rows(Term(grid, k, n, order, lean, *ends)))
