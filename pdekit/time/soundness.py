"""Discretizations that are known to be unstable in time, whatever the step.

Measured on spectra: a bounded central first derivative of order 6 or 8 has growing modes; u'' of order 8 with Dirichlet ends,
and the flux form of order 6 with Dirichlet ends, have complex pairs, which a wave equation turns into growth; so has the
compact second derivative of order 6. Of the fifth derivative and those above the spectrum itself is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pdekit.boundary.conditions import FaceConditions
from pdekit.discretize.bounded_derivatives import (
    WORST_AMPLIFICATION,
    along_bounded_axes,
    line_of,
    lost_to_rounding,
)
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import StabilityError
from pdekit.language.symbols import local_derivatives
from pdekit.stencils.rows import CONTINUED_FROM
from pdekit.stencils.schemes import SCHEMES
from pdekit.time.closure_modes import has_growing_modes, stable_orders


def has_doubtful_closures(system: SemiDiscrete) -> bool:
    """Whether growth at the rate of the grid is possible: even derivatives in equations of first order in time have been
    measured to be free of it under all conditions."""
    if system.time_order == 2:
        return True
    for expression in system.system.expressions:
        for atom in local_derivatives(expression):
            if atom.scheme is not None and SCHEMES[atom.scheme].sound:
                continue
            for name, n in atom.counts.items():
                axis = system.grid[name]
                if (n % 2 and not (axis.periodic and axis.uniform)) or (
                    n >= CONTINUED_FROM and system.grid.poles(name)
                ):
                    return True
    return False


def refuse_unsound(system: SemiDiscrete) -> None:
    """Refuse discretizations that are known to be unstable in time, before anything is computed.

    Raises
    ------
    StabilityError
        Says what is unstable and what would work.
    """
    if system.time_order == 0:
        return
    second_order = system.time_order == 2
    for derivative, axis, n in along_bounded_axes(system):
        conditions = system.conditions.get(derivative.operand)
        faces = conditions.faces[axis] if conditions else None
        has_dirichlet = bool(faces and (faces.dirichlet("left") or faces.dirichlet("right")))
        is_fixed_wave = second_order and has_dirichlet
        if n >= CONTINUED_FROM and derivative.scheme in (None, "forward", "backward"):
            if faces is not None and not system.grid.poles(axis):
                _refuse_growing_closures(system, derivative, axis, n, faces)
        elif derivative.scheme is not None:
            _refuse_scheme(derivative, axis, n, is_fixed_wave)
        else:
            _refuse_central(derivative, axis, n, system.order, is_fixed_wave)


def refuse_lost_to_rounding(system: SemiDiscrete, duration: float, radius: Callable[[], float]) -> None:
    """Refuse high derivatives on grids so fine that rounding errors of them become the solution.

    Parameters
    ----------
    system : SemiDiscrete
    duration : float
    radius : callable
        Gives the spectral radius; with a factor before the derivative that is small enough the errors are small, too.

    Raises
    ------
    StabilityError
    """
    found = lost_to_rounding(system)
    if found and radius() * duration > WORST_AMPLIFICATION:
        raise StabilityError(found)


def _refuse_growing_closures(system: SemiDiscrete, derivative: Any, axis: str, n: int, faces: FaceConditions) -> None:
    must_be_real = system.time_order == 2 or system.dtype.kind == "c"
    line, order = line_of(system, derivative, axis), system.order if derivative.scheme is None else derivative.order
    if not has_growing_modes(line, faces, n, order, must_be_real, derivative.scheme or "central"):
        return
    orders = stable_orders(line, faces, n, must_be_real)
    if orders:
        central = "" if derivative.scheme is None else f", without the scheme {derivative.scheme},"
        remedy = f"use{central} order {' or '.join(map(str, orders))}"
    elif line.whole.uniform:
        remedy = "no order helps: other conditions do, in kind or in number"
    else:
        remedy = "no order helps: a uniform axis may, or other conditions"
    raise StabilityError(
        f"{derivative.operand}: with its conditions the derivative of order {n} along the bounded axis {axis!r}, at accuracy "
        f"{order}, has modes that grow at the rate of the grid; {remedy}"
    )


def _refuse_central(derivative: Any, axis: str, n: int, order: int, is_fixed_wave: bool) -> None:
    if n % 2 == 1 and order >= 6:
        raise StabilityError(
            f"{derivative.operand}: odd derivatives of order {order} on the bounded axis {axis!r} have growing modes; "
            "use order 2 or 4, a periodic axis, or the scheme sbp or upwind"
        )
    doubtful = order == 8 or (order == 6 and (derivative.in_flux_form or n == 4))
    if is_fixed_wave and doubtful:
        what = "div(k*grad(u))" if derivative.in_flux_form else f"the derivative of order {n}"
        raise StabilityError(
            f"{derivative.operand}: {what} at accuracy {order} with a Dirichlet end on axis {axis!r} has complex eigenvalues, "
            f"which grow in an equation of second order in time; use order {4 if order == 6 else 6}"
        )


def _refuse_scheme(atom: Any, axis: str, n: int, is_fixed_wave: bool) -> None:
    """Refuse a scheme on a bounded axis that is known to be unstable in time; measured on spectra."""
    if atom.scheme != "compact" or atom.order < 6:
        return
    if n == 1:
        raise StabilityError(
            f"{atom.operand}: the compact first derivative of order 6 on the bounded axis {axis!r} has growing modes; use "
            "{compact: 4}, sbp or upwind"
        )
    if is_fixed_wave:
        raise StabilityError(
            f"{atom.operand}: the compact second derivative of order 6 with a Dirichlet end on axis {axis!r} has complex "
            "eigenvalues, which grow in an equation of second order in time; use {compact: 4} or sbp"
        )
