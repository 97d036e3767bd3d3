"""Diffusion must not run backwards in time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import sympy as sp

from pdekit.errors import StabilityError
from pdekit.geometry.grid import Grid
from pdekit.language.analysis import Principal, principal_parts
from pdekit.language.evaluate import compile_expression
from pdekit.language.pde import EquationSystem
from pdekit.language.symbols import SpatialDerivative
from pdekit.typing import Array


def refuse_ill_posed(
    system: EquationSystem, grid: Grid, fields: Callable[[], Mapping[str, Array]], t: float, is_complex: bool
) -> None:
    """Refuse equations whose leading even derivative has the wrong sign somewhere at the start.

    Parameters
    ----------
    system : EquationSystem
    grid : Grid
    fields : callable
        Gives the initial state.
    t : float
    is_complex : bool

    Raises
    ------
    StabilityError
    """
    orders = {u.name: u.time_order for u in system.unknowns}
    for part in principal_parts(system, is_complex):
        if orders[part.unknown] == 0 or any(c.has(SpatialDerivative) for c in _both(part)):
            continue  # without time, or the coefficient contains derivatives of unknowns
        states = [s for s in system.states if any(c.has(s) for c in _both(part))]
        known = fields()
        if any(str(s) not in known for s in states):
            continue
        arguments = [*system.axes, system.t, *system.parameters, *states]
        given = [*grid.coordinates.values(), t, *system.parameters.values(), *(known[str(s)] for s in states)]
        with np.errstate(all="ignore"):
            c, d = (np.asarray(compile_expression(e, arguments)(*given)) for e in _both(part))
        sign = (-1) ** (part.order // 2 + 1)
        # With c w + d conj(w) real and imaginary parts grow at the rates Re c +- sqrt(|d|^2 - (Im c)^2).
        spread = np.sqrt(np.maximum(np.abs(d) ** 2 - np.imag(c) ** 2, 0.0))
        worst, size = float(np.min(np.real(sign * c) - spread)), float(np.max(np.abs(c) + np.abs(d)))
        if worst < -1e-12 * size:
            raise StabilityError(
                f"{part.unknown}: the coefficient of its derivative of order {part.order} along {part.axis!r} has the wrong "
                f"sign ({sign * worst:.4g} somewhere): diffusion backwards in time is ill-posed"
            )


def _both(part: Principal) -> tuple[sp.Expr, sp.Expr]:
    """The coefficients of the derivative and of its conjugate."""
    return part.coefficient, sp.sympify(part.conjugate)
