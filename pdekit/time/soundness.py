"""Discretizations that are known to be unstable in time, whatever the step.

Measured on spectra: a bounded central first derivative of order 6 or 8 has growing modes; u'' of order 8 with Dirichlet ends,
and the flux form of order 6 with Dirichlet ends, have complex pairs, which a wave equation turns into growth; so has the
compact second derivative of order 6.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import StabilityError
from pdekit.language.symbols import local_derivatives
from pdekit.stencils.schemes import SCHEMES


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
                if n % 2 and not (axis.periodic and axis.uniform):
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
    for derivative, axis, n in _along_bounded_axes(system):
        conditions = system.conditions.get(derivative.operand)
        faces = conditions.faces[axis] if conditions else None
        has_dirichlet = bool(faces and (faces.dirichlet("left") or faces.dirichlet("right")))
        is_fixed_wave = second_order and has_dirichlet
        if derivative.scheme is not None:
            _refuse_scheme(derivative, axis, n, is_fixed_wave)
        else:
            _refuse_central(derivative, axis, n, system.order, is_fixed_wave)


def _along_bounded_axes(system: SemiDiscrete) -> Iterator[tuple[Any, str, int]]:
    """All derivatives along bounded axes: what, along which axis, and how often."""
    for expression in system.system.expressions:
        for derivative in sorted(local_derivatives(expression), key=str):
            for axis, n in derivative.counts.items():
                if not system.grid[axis].periodic:
                    yield derivative, axis, n


def _refuse_central(derivative: Any, axis: str, n: int, order: int, is_fixed_wave: bool) -> None:
    if n % 2 == 1 and order >= 6:
        raise StabilityError(
            f"{derivative.operand}: odd derivatives of order {order} on the bounded axis {axis!r} have growing modes; "
            "use order 2 or 4, a periodic axis, or the scheme sbp or upwind"
        )
    doubtful = order == 8 or (order == 6 and (derivative.in_flux_form or n >= 4))
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
