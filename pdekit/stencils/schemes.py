"""Ways to discretize a derivative in an equation, other than the central differences that are the rule.

A scheme is a function that makes the rows of one axis, conditions included, and a line of the table `SCHEMES`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pdekit.errors import GridError
from pdekit.geometry.grid import Grid
from pdekit.stencils.compact import compact_rows
from pdekit.stencils.fourier import fourier_rows
from pdekit.stencils.poles import node_rows
from pdekit.stencils.rows import AxisRows, Bias
from pdekit.stencils.sbp import first_rows, second_rows
from pdekit.stencils.weights import Functional


@dataclass(frozen=True)
class SchemeTarget:
    """A derivative of a state along one axis, to be discretized.

    Parameters
    ----------
    grid : Grid
    axis : int
    derivative : int
    order : int
        The accuracy of the scheme.
    upwind : {-1, 0, 1}
        For upwind schemes: the direction to which the stencil reaches further.
    left, right : sequence of Functional
        Conditions of the state at the ends.
    """

    grid: Grid
    axis: int
    derivative: int
    order: int
    upwind: int
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
    rows : callable of SchemeTarget
        Makes its rows.
    derivatives : tuple of int
        Which derivatives it can.
    order : callable of (derivative, order)
        Its own accuracy with which the solution reaches the order of the problem; None if there is none.
    by_stream : bool
        Whether its direction is that of the stream, by the sign of the factor of the derivative.
    sound : bool
        Whether its odd derivatives are known to have no growing modes on bounded axes.
    """

    rows: Callable[[SchemeTarget], AxisRows]
    derivatives: tuple[int, ...]
    order: Callable[[int, int], int | None]
    by_stream: bool = False
    sound: bool = False


def _upwind(term: SchemeTarget) -> AxisRows:
    """``order + 1`` nodes, of which those upstream outnumber those downstream by one (odd orders) or two."""
    bias = -1 if term.upwind < 0 else 1 - term.order % 2
    return node_rows(term.grid, term.axis, 1, term.order, term.left, term.right, closure="stable", bias=bias)


def _biased(bias: Bias) -> Callable[[SchemeTarget], AxisRows]:
    """Stencils that lean to one side whatever the stream."""

    def rows(term: SchemeTarget) -> AxisRows:
        options: dict[str, Any] = {"closure": "stable", "bias": bias}
        return node_rows(term.grid, term.axis, term.derivative, term.order, term.left, term.right, **options)

    return rows


def _compact(term: SchemeTarget) -> AxisRows:
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


def _fourier(term: SchemeTarget) -> AxisRows:
    return fourier_rows(term.grid.axes[term.axis], term.derivative, term.name)


def _summation_by_parts(term: SchemeTarget) -> AxisRows:
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

ISOTROPIC = "isotropic"  # of a whole Laplacian, by terms added to it: see `pdekit.language.scheme_symbols`
