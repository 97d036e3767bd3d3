"""Compact (Pade) rows: implicit relations between neighbouring derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scipy import sparse

from pdekit.errors import GridError
from pdekit.geometry.axis import Axis
from pdekit.stencils.rows import AxisRows, stencil_conditions
from pdekit.stencils.weights import Functional, weights
from pdekit.typing import Matrix


@dataclass(frozen=True, eq=False)
class CompactRows:
    """``A u^(n) = B u + C g``, g the data of the conditions other than prescribed values, the left end's first."""

    A: Matrix
    B: Any
    C: Any

    def solved(self) -> AxisRows:
        """The rows of the derivative itself: the inverse of A has no zeros."""
        from scipy.sparse.linalg import splu

        factors = splu(sparse.csc_array(self.A))
        data = factors.solve(self.C.toarray()) if self.C.shape[1] else self.C
        return AxisRows(sparse.csr_array(factors.solve(self.B.toarray())), sparse.csr_array(data))


def compact_rows(
    line: Axis,
    n: int,
    order: int,
    left: Sequence[Functional] = (),
    right: Sequence[Functional] = (),
    *,
    closure_data: int,
    name: str = "",
) -> CompactRows:
    """The matrices of a compact scheme; every row is one call of `weights`, the neighbours' derivatives being conditions.

    Parameters
    ----------
    line : Axis
    n, order : int
        As for `compact_derivative`.
    left, right : sequence of Functional
        Conditions at the ends, taken up by boundary rows.
    closure_data : int
        Nodes, neighbours' derivatives and conditions of a boundary row, together.
    name : str
        The axis' name, for messages.
    """
    size = line.size
    reach = (order - 2) // 2
    uneven = n % 2 == 0 and not line.uniform  # a central even derivative loses an order on irregular nodes
    if size < closure_data:
        raise GridError(
            f"axis {name!r} has {size} nodes; the compact scheme of order {order} needs at least {closure_data}"
        )
    h = line.step
    ends = [
        [Functional(c.at / h, tuple(a / h**p for p, a in enumerate(c.coefficients))) for c in stencil_conditions(side)]
        for side in (left, right)
    ]
    A, B = sparse.eye_array(size, format="lil"), sparse.lil_array((size, size))
    C = sparse.lil_array((size, sum(map(len, ends))))
    unit = line.nodes / h  # in units of the step no power of it is lost
    period = line.length / h if line.periodic else 0.0

    def at(i: int) -> float:
        return float(unit[i % size] + (i // size) * period)

    for i in range(size):
        neighbours = [i - 1, i + 1] if line.periodic else [j for j in (i - 1, i + 1) if 0 <= j < size]
        window = list(range(i - reach, i + reach + 1 + uneven))
        known: list[tuple[int, Functional]] = []
        if not line.periodic and (len(neighbours) < 2 or window[0] < 0 or window[-1] >= size):
            far = i >= size // 2
            known = [(far * len(ends[0]) + m, c) for m, c in enumerate(ends[far])]
            if (size - 1 if far else 0) in neighbours:  # whose row says what its n-th derivative is
                known = [(m, c) for m, c in known if len(c.coefficients) != n + 1]
            count = closure_data - len(neighbours) - len(known)
            start = min(max(i - count // 2, 0), size - count)
            window = list(range(start, start + count))
        derivative = (*([0.0] * n), 1.0)
        slopes = [Functional(at(j), derivative) for j in neighbours]
        w = weights([at(j) for j in window], at(i), n, [*slopes, *(c for _, c in known)])
        for j, c in zip(neighbours, w.conditions):
            A[i, j % size] -= c
        for j, b in zip(window, w.nodes):
            B[i, j % size] += b / h**n
        for (m, _), c in zip(known, w.conditions[len(neighbours) :]):
            C[i, m] += c / h**n
    return CompactRows(sparse.csr_array(A), sparse.csr_array(B), sparse.csr_array(C))
