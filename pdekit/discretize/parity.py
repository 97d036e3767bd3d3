"""How an expression goes on across a pole of curved coordinates: even, odd, or neither.

Behind r = 0 one stands at ``(-r, phi + pi)`` of the same ray; an expression of the coordinates and of states whose parities are
known is put through that change and compared with itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from pdekit.geometry.grid import Grid
from pdekit.language.symbols import spatial_derivatives
from pdekit.typing import Expression


def parity_of_expression(
    expression: Expression, grid: Grid, axis: str, states: Mapping[Any, Mapping[str, int]]
) -> int | None:
    """1 if an expression is even across the poles of an axis, -1 if it is odd, None if it is neither.

    Parameters
    ----------
    expression : sympy expression
    grid : Grid
    axis : str
        With a pole.
    states : mapping of Symbol to mapping of str to int
        Parity of every state across the poles of each axis.

    Examples
    --------
    >>> from pdekit.geometry.axis import Axis
    >>> disc = Grid(r=Axis(0, 1, 8), phi=Axis(0, 6.283185307179586, 8, periodic=True), coordinates="polar")
    >>> r, phi, u = sp.symbols("r phi u")
    >>> even = {u: {"r": 1}}
    >>> [parity_of_expression(e, disc, "r", even) for e in (r * u, sp.cos(phi) * u**2, r**2 * sp.exp(u), r + 1)]
    [-1, -1, 1, None]
    """
    assert grid.geometry is not None
    mirror = grid.geometry.mirror(axis)
    signs = set()
    for pole in grid.poles(axis).values():
        q = {name: sp.Symbol(name) for name in (axis, *mirror)}
        moved = {q[axis]: 2 * sp.nsimplify(round(pole / sp.pi.evalf(), 12)) * sp.pi - q[axis]}
        moved |= {q[n]: q[n] + sp.pi if kind == "half turn" else sp.pi - q[n] for n, kind in mirror.items()}
        for state, parity in states.items():
            moved[state] = parity.get(axis, 1) * state
        atoms: dict[Any, Any] = {}
        for atom in spatial_derivatives(expression):
            sign = _atom_parity(atom, grid, axis, mirror, states)
            if sign is None:
                return None
            atoms[atom] = sp.Dummy()
            moved[atoms[atom]] = sign * atoms[atom]
        body = expression.xreplace(atoms)
        seen = body.subs(moved, simultaneous=True)
        if _vanishes(seen - body):
            signs.add(1)
        elif _vanishes(seen + body):
            signs.add(-1)
        else:
            return None
    return signs.pop() if len(signs) == 1 else None


def _vanishes(expression: Expression) -> bool:
    expanded = sp.expand(sp.expand_trig(expression))
    return expanded == 0 or (len(str(expanded)) < 400 and sp.simplify(expanded) == 0)


def _atom_parity(
    atom: Expression, grid: Grid, axis: str, mirror: Mapping[str, str], states: Mapping[Any, Mapping[str, int]]
) -> int | None:
    """Parity of a derivative: every one along the axis itself, or along an axis that is flipped, changes the sign."""

    if not atom.is_field:
        return 1

    def of(expression: Expression) -> int | None:
        if expression in states:
            return states[expression].get(axis, 1)
        return parity_of_expression(expression, grid, axis, states)

    inner, factor = of(atom.operand), of(atom.factor_in_front)
    if inner is None or factor is None:
        return None
    turned = {axis, *(name for name, kind in mirror.items() if kind == "flip")}
    return inner * factor * (-1) ** sum(n for name, n in atom.counts.items() if name in turned)
