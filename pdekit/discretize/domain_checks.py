"""What equations on a domain that is no box must be like, beside what their terms refuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from pdekit.boundary.conditions import DOMAIN, FaceConditions
from pdekit.errors import BoundaryError, GridError
from pdekit.language.analysis import factor_of
from pdekit.language.equation_system import EquationSystem
from pdekit.language.reductions import RateReduction
from pdekit.language.symbols import spatial_derivatives


def refuse_on_domain(system: EquationSystem, conditions: Mapping[str, Mapping[str, FaceConditions]]) -> None:
    """Refuse what is not available on domains that are no boxes.

    Parameters
    ----------
    system : EquationSystem
    conditions : mapping of str to mapping of str to FaceConditions
        By state and axis; those on the boundary of the domain under ``domain``.

    Raises
    ------
    GridError
        Python functions, noise, transport without diffusion.
    BoundaryError
        Fluxes prescribed where diffusion is not the same in all directions: the flux is then not along the normal.
    """
    if system.function is not None:
        raise GridError(
            "a Python right-hand side knows nothing of the boundary of a domain; write the equations", key="domain"
        )
    if system.noises:
        raise GridError("noise is for boxes", key="domain")
    if any(e.has(RateReduction) for e in system.expressions):
        raise GridError("integrals of time derivatives are for boxes", key="domain")
    _refuse_transport(system)
    for name, faces in conditions.items():
        given = faces[DOMAIN].left if DOMAIN in faces else ()
        if given and not given[0].is_dirichlet:
            _refuse_directions(system, name)


def _refuse_transport(system: EquationSystem) -> None:
    """Refuse equations of first order in space: where characteristics come in through the boundary is not looked for."""
    derivatives = {u: spatial_derivatives(u.rhs) for u in system.unknowns if u.time_order}
    carried = [u for u, found in derivatives.items() if not any(d.operand == u.symbol and d.is_even for d in found)]
    symbols = {u.symbol for u in carried}
    for unknown in carried:
        if any(d.operand.free_symbols & symbols for d in derivatives[unknown]):
            raise GridError(
                f"{unknown.name}: transport without diffusion on a domain that is no box needs conditions where characteristics come in "
                f"only, which are not looked for; add diffusion, such as 0.01*laplace({unknown.name})",
                key="domain",
            )


def _refuse_directions(system: EquationSystem, name: str) -> None:
    """Coefficients of the second derivatives of a state must be the same along all axes."""
    for rhs in (*(u.rhs for u in system.unknowns), *system.definitions.values()):
        along: dict[str, Any] = dict.fromkeys(map(str, system.axes), sp.Integer(0))
        for derivative in spatial_derivatives(rhs):
            if str(derivative.operand) == name and list(derivative.counts.values()) == [2]:
                (axis,) = derivative.counts
                along[axis] += factor_of(rhs, derivative) * derivative.factor_in_front
        first, *others = along.values()
        if any(sp.simplify(first - other) != 0 for other in others):
            found = ", ".join(f"{k} along {axis}" for axis, k in along.items())
            raise BoundaryError(
                f"neumann and robin on the boundary of the domain need diffusion that is the same along all axes, found {found}; scale "
                "the axes, or give dirichlet",
                key=f"boundary.{name}.{DOMAIN}",
            )
