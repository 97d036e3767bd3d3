r"""Finite-difference weights: one routine for every stencil of pdekit.

A stencil approximates ``u^(d)(z)`` by a weighted sum of node values ``u(x_i)`` and of the data ``g_j`` of
boundary conditions ``B_j u = sum_k a_jk u^(k)(b_j) = g_j``. The weights are those of the polynomial that
takes all these data, hence exact for polynomials of degree (number of data) - 1.

Without conditions this is Fornberg's recursion. With ``m`` conditions on top of ``n`` nodes the polynomial is

    p(x) = sum_i l_i(x) u_i + omega(x) sum_{l<m} q_l (x - c)^l,        omega(x) = prod_i (x - x_i),

where ``l_i`` are the Lagrange polynomials of the nodes: the second part vanishes at all nodes, so the ``q_l``
follow from the conditions alone, an ``m x m`` system, and no Vandermonde matrix is ever solved.

References
----------
B. Fornberg, *Calculation of weights in finite difference formulas*, SIAM Review 40 (1998) 685-691.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdekit.errors import GridError


@dataclass(frozen=True)
class Functional:
    """The left side ``sum_k coefficients[k] u^(k)(at)`` of a condition, in derivatives along the axis.

    Parameters
    ----------
    at : float
        The coordinate of the boundary.
    coefficients : tuple of float
        ``a_0, a_1, ...``: the factors of u, u', u'', ... at the boundary.
    """

    at: Any
    coefficients: tuple[Any, ...]

    @property
    def is_value(self) -> bool:
        """Whether the condition prescribes the value itself (Dirichlet)."""
        return any(self.coefficients[:1]) and not any(self.coefficients[1:])


class StencilWeights(NamedTuple):
    """The weights on the node values and on the data of the conditions."""

    nodes: NDArray[Any]
    conditions: NDArray[Any]


def fornberg(nodes: NDArray[Any], at: Any, highest: int) -> NDArray[Any]:
    """Weights of all derivatives up to `highest`, by Fornberg's recursion, for a batch of stencils at once.

    Parameters
    ----------
    nodes : array of shape (n, ...)
        Pairwise distinct nodes of one stencil along the first axis; further axes are a batch.
    at : array of shape (...)
        Where the derivatives are taken.
    highest : int
        The highest derivative.

    Returns
    -------
    array of shape (highest + 1, n, ...)
        Entry ``[k, i]`` is the weight of node i in the k-th derivative.

    References
    ----------
    Fornberg (1998), the recursion of section 3 and the code `weights` of the appendix.

    Examples
    --------
    >>> fornberg(np.array([-1.0, 0.0, 1.0]), 0.0, 2)[2]
    array([ 1., -2.,  1.])
    """
    x = nodes
    count = x.shape[0]
    C = np.zeros((highest + 1, *x.shape), dtype=x.dtype)
    C[0, 0] = 1
    c1: Any = np.ones(x.shape[1:], dtype=x.dtype)[()]
    c4 = x[0] - at
    for i in range(1, count):
        c2: Any = np.ones(x.shape[1:], dtype=x.dtype)[()]
        c5, c4 = c4, x[i] - at
        reach = min(i, highest)
        for j in range(i):
            c3 = x[i] - x[j]
            c2 = c2 * c3
            if j == i - 1:
                for k in range(reach, 0, -1):
                    C[k, i] = c1 * (k * C[k - 1, i - 1] - c5 * C[k, i - 1]) / c2
                C[0, i] = -c1 * c5 * C[0, i - 1] / c2
            for k in range(reach, 0, -1):
                C[k, j] = (c4 * C[k, j] - k * C[k - 1, j]) / c3
            C[0, j] = c4 * C[0, j] / c3
        c1 = c2
    return C


def _product_derivatives(roots: Sequence[Any], at: Any, highest: int) -> list[Any]:
    """Derivatives 0..highest at `at` of ``prod (x - root)``, from its Taylor polynomial about `at`."""
    taylor: list[Any] = [1] + [0] * highest
    for root in roots:
        shift = at - root
        taylor = [shift * taylor[k] + (taylor[k - 1] if k else 0) for k in range(highest + 1)]
    return [math.factorial(k) * c for k, c in enumerate(taylor)]


def _solve_small(M: list[list[Any]], rhs: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """Gaussian elimination with row pivoting, in floats or in exact rationals alike."""
    size = len(M)
    M = [row[:] for row in M]
    rhs = list(rhs)
    scales = [
        max(abs(entry) for entry in row) for row in M
    ]  # of every equation its own: derivatives differ by factorials
    for k in range(size):
        pivot = max(range(k, size), key=lambda row: abs(M[row][k]))
        if abs(M[pivot][k]) <= 1e-13 * scales[pivot]:
            raise GridError("the boundary conditions do not determine the stencil: they are dependent")
        M[k], M[pivot] = M[pivot], M[k]
        scales[k], scales[pivot] = scales[pivot], scales[k]
        rhs[k], rhs[pivot] = rhs[pivot], rhs[k]
        for row in range(k + 1, size):
            factor = M[row][k] / M[k][k]
            M[row] = [a - factor * b for a, b in zip(M[row], M[k])]
            rhs[row] = rhs[row] - factor * rhs[k]
    for k in reversed(range(size)):
        for col in range(k + 1, size):
            rhs[k] = rhs[k] - M[k][col] * rhs[col]
        rhs[k] = rhs[k] / M[k][k]
    return rhs


def _check(nodes: NDArray[Any], data_count: int, derivative: int) -> None:
    if derivative < 0 or derivative != int(derivative):
        raise GridError(f"derivative must be a whole number >= 0, found {derivative!r}")
    if nodes.shape[0] == 0:
        raise GridError("a stencil needs at least one node")
    if data_count <= derivative:
        raise GridError(
            f"derivative {derivative} needs at least {derivative + 1} nodes and conditions, found {data_count}"
        )
    ordered = np.sort(nodes, axis=0)
    if bool(np.any(ordered[1:] == ordered[:-1])):
        raise GridError("the nodes of a stencil must be pairwise distinct")


def weights(
    nodes: ArrayLike,
    at: Any,
    derivative: int,
    conditions: Sequence[Functional] = (),
    *,
    exact: bool = False,
) -> StencilWeights:
    """Weights that approximate a derivative from node values and from the data of boundary conditions.

    Parameters
    ----------
    nodes : array of shape (n,), or (n, ...) for a batch of stencils
        Pairwise distinct coordinates, in any order.
    at : float or array of shape (...)
        Where the derivative is taken.
    derivative : int
        Which derivative; 0 interpolates.
    conditions : sequence of Functional, default none
        Conditions that the stencil takes up; each adds one datum. Not for batches.
    exact : bool, default False
        Compute in rational numbers and return arrays of `fractions.Fraction`. Nodes, `at` and coefficients
        are then taken as the exact rationals that they are.

    Returns
    -------
    StencilWeights
        ``nodes``: shape of `nodes`; ``conditions``: shape (number of conditions,).

    Raises
    ------
    GridError
        Too few data for the derivative, coincident nodes, or dependent conditions.

    Notes
    -----
    Exact for polynomials of degree < n + number of conditions.

    References
    ----------
    Fornberg (1998); the part with conditions is described at the head of this module.

    Examples
    --------
    The classical row at a Neumann boundary, ``(2 u1 - 2 u0)/h^2 - 2 g/h`` with u'(0) = g and h = 1/2:

    >>> w = weights([0, 0.5], 0, 2, [Functional(0, (0, 1))])
    >>> w.nodes, w.conditions
    (array([-8.,  8.]), array([-4.]))
    >>> [str(c) for c in weights(range(-2, 3), 0, 2, exact=True).nodes]
    ['-1/12', '4/3', '-5/2', '4/3', '-1/12']
    """
    if exact:
        x: NDArray[Any] = np.array([Fraction(v) for v in np.asarray(nodes, dtype=object).ravel()], dtype=object)
        z: Any = Fraction(at)
        functionals = [Functional(Fraction(c.at), tuple(Fraction(a) for a in c.coefficients)) for c in conditions]
    else:
        x, z, functionals = np.asarray(nodes, dtype=float), np.asarray(at, dtype=float), list(conditions)
    _check(x, x.shape[0] + len(functionals), derivative)
    if not functionals:
        return StencilWeights(fornberg(x, z, derivative)[derivative], np.zeros(0, dtype=x.dtype))
    if x.ndim > 1:
        raise GridError("conditions are for one stencil at a time, not for a batch")
    if exact:
        return _with_conditions(x, z, derivative, functionals, np.full(len(functionals), Fraction(0)))
    # In units of the stencil's own width no power of h can over- or underflow.
    h = float(max(np.max(np.abs(x - z)), *(abs(c.at - float(z)) for c in functionals))) or 1.0
    scaled = [Functional((c.at - z) / h, tuple(a / h**k for k, a in enumerate(c.coefficients))) for c in functionals]
    w = _with_conditions((x - z) / h, 0.0, derivative, scaled, np.zeros(len(functionals)))
    return StencilWeights(w.nodes / h**derivative, w.conditions / h**derivative)


def _with_conditions(
    x: NDArray[Any], z: Any, derivative: int, conditions: Sequence[Functional], zero: NDArray[Any]
) -> StencilWeights:
    """The case with conditions; `zero` is a zero vector of the conditions' length and number type."""
    m = len(conditions)
    c = conditions[0].at
    highest = max(derivative, *(len(condition.coefficients) - 1 for condition in conditions))

    def omega(at: Any, power: int) -> list[Any]:
        return _product_derivatives([*x, *([c] * power)], at, highest)

    # B_j p = g_j, with q_l kept as a linear form in (u_0 .. u_{n-1}, g_0 .. g_{m-1}).
    M, rhs = [], []
    for j, condition in enumerate(conditions):
        a = condition.coefficients
        tables = [omega(condition.at, power) for power in range(m)]
        M.append([sum(a_k * table[k] for k, a_k in enumerate(a)) for table in tables])
        lagrange = fornberg(x, condition.at, len(a) - 1)
        on_nodes = -sum(a_k * lagrange[k] for k, a_k in enumerate(a))
        unit = zero.copy()
        unit[j] = unit[j] + 1
        rhs.append(np.concatenate([on_nodes, unit]))
    q = _solve_small(M, rhs)
    total = np.concatenate([fornberg(x, z, derivative)[derivative], zero])
    for power in range(m):
        total = total + omega(z, power)[derivative] * q[power]
    return StencilWeights(total[: len(x)], total[len(x) :])


def central_reach(derivative: int, order: int) -> int:
    """Nodes on either side of the centre of a central stencil.

    On uniform nodes the stencil of ``2*reach + 1`` nodes has accuracy `order` (rounded up to even).

    Examples
    --------
    >>> central_reach(1, 2), central_reach(2, 4), central_reach(3, 2), central_reach(4, 2)
    (1, 2, 2, 2)
    """
    return (derivative - 1) // 2 + (order + 1) // 2 if derivative else 0


def closure_size(derivative: int, order: int, conditions: Sequence[Functional] = ()) -> int:
    r"""Number of data (nodes and conditions) of a boundary row in a problem to be *solved*.

    A boundary row may be less accurate than the interior, because the error of a few rows is smoothed by the
    solution operator: the row's truncation error tau adds about ``h tau G(x, xi)``, with the Green's function
    G taken at a distance O(h) from the boundary, where it vanishes to order v under v value-like conditions
    (v = 1 for Dirichlet, 2 for a clamped beam, 0 for Neumann and free ends). Keeping accuracy `order` then needs

        N = derivative + order - 1 - v,      at least derivative + 1,

    and one more for the third and fourth derivative (measured: with N as it stands a free or guided beam end has
    negative eigenvalues of the fourth derivative at order 2, a clamped one complex pairs at order 4; with one more all
    pairs of clamped, hinged, guided and free ends have a real, non-negative spectrum and the full order).

    From the fifth derivative on the N data give no row of their own, but the values beyond the end that interior rows
    ask for. The n-th derivatives of one polynomial of degree n would make all rows next to an end equal, and each such
    row more is a mode that the operator does not see. With ghosts the sixth and eighth derivative under all pairs of
    self-adjoint ends have a real, semidefinite spectrum at orders 2, 4 and 6, and the fifth and seventh under all
    dissipative ends no growing mode at orders 2 and 4 (measured; at order 6 some of the fifth grow).

    For a second derivative: ``max(order, 3)`` nodes with the Dirichlet node counted, or ``order`` nodes and
    the Neumann or Robin condition. For a first derivative: `order` nodes. Two more nodes would buy accuracy but
    lose the real, non-positive spectrum (measured).

    Examples
    --------
    >>> closure_size(2, 4, [Functional(0, (1,))]), closure_size(2, 4, [Functional(0, (0, 1))])
    (4, 5)
    >>> closure_size(1, 4), closure_size(4, 2, [Functional(0, (1,)), Functional(0, (0, 1))])
    (4, 5)
    """
    pure = set()
    for condition in conditions:
        orders = [k for k, a in enumerate(condition.coefficients) if a]
        if len(orders) == 1:
            pure.add(orders[0])
    vanishing = 0
    while vanishing in pure and vanishing < derivative // 2:
        vanishing += 1
    # A condition on the k-th derivative says nothing to polynomials of lower degree: it needs k + 1 data beside itself.
    highest = max((len(c.coefficients) for c in conditions), default=0)
    return max(derivative + order - 1 - vanishing + (derivative in (3, 4)), derivative + 1, highest)
