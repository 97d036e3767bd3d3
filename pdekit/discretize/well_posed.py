"""Diffusion must not run backwards in time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import sympy as sp

from pdekit.errors import StabilityError
from pdekit.geometry.grid import Grid
from pdekit.language.analysis import DiffusionPart, Principal, diffusion_parts, principal_parts
from pdekit.language.equation_system import EquationSystem
from pdekit.language.evaluate import compile_expression, slope
from pdekit.language.symbols import SpatialDerivative, spatial_derivatives
from pdekit.typing import Array

ROUNDING = 1e-9
LOOKED_AT = 200  # nodes at which the directions are looked through


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
    bounding = _refuse_indefinite_rates(system, grid)
    for part in principal_parts(system, is_complex):
        if part.order <= bounding.get((part.unknown, part.axis), 0):
            continue  # solved for the rates it is bounded
        if orders[part.unknown] == 0 or any(c.has(SpatialDerivative) for c in _both(part)):
            continue  # without time, or the coefficient contains derivatives of unknowns
        states = [s for s in system.states if any(c.has(s) for c in _both(part))]
        known = fields()
        if any(str(s) not in known for s in states):
            continue
        arguments = [*system.axes, system.t, *system.parameters, *states]
        given = [*grid.coordinates.values(), t, *system.parameters.values(), *(known[str(s)] for s in states)]
        with np.errstate(all="ignore"):
            values = (np.asarray(compile_expression(e, arguments)(*given)) for e in _both(part))
            c, d = (np.broadcast_to(v, grid.shape)[grid.within] if v.ndim else v for v in values)
        sign = (-1) ** (part.order // 2 + 1)
        # With c w + d conj(w) real and imaginary parts grow at the rates Re c +- sqrt(|d|^2 - (Im c)^2).
        spread = np.sqrt(np.maximum(np.abs(d) ** 2 - np.imag(c) ** 2, 0.0))
        worst, size = float(np.min(np.real(sign * c) - spread)), float(np.max(np.abs(c) + np.abs(d)))
        if worst < -1e-12 * size:
            raise StabilityError(
                f"{part.unknown}: the coefficient of its derivative of order {part.order} along {part.axis!r} has the wrong "
                f"sign ({sign * worst:.4g} somewhere): diffusion backwards in time is ill-posed"
            )


def _refuse_indefinite_rates(system: EquationSystem, grid: Grid) -> dict[tuple[str, str], int]:
    """Refuse operators on rates that vanish on waves of some length, ``u_t + u_xxt``; the orders of those that do not, by unknown and axis."""
    found: dict[tuple[str, str], int] = {}
    for unknown in system.unknowns:
        if unknown.on_rates is None:
            continue
        atoms = {atom: sp.Dummy() for atom in sorted(spatial_derivatives(unknown.on_rates), key=str)}
        body = sp.expand_mul(unknown.on_rates).xreplace(atoms)
        for atom, dummy in atoms.items():
            if atom.operand != unknown.highest_rate or len(atom.counts) != 1 or not atom.is_even:
                continue
            ((axis, n),) = atom.counts.items()
            coefficient = slope(body, dummy) * atom.factor_in_front
            compiled = compile_expression(coefficient, [*system.axes, *system.parameters])
            values = np.real((-1) ** (n // 2) * compiled(*grid.coordinates.values(), *system.parameters.values()))
            if np.min(values) < 0:
                raise StabilityError(
                    f"{unknown.name}: the coefficient of {atom.short} has the wrong sign ({np.min(values):.4g} somewhere): on waves of "
                    f"some length the operator on {unknown.highest_rate} vanishes; u_t - u_xxt is what can be solved for u_t"
                )
            found[unknown.name, axis] = max(found.get((unknown.name, axis), 0), n)
    return found


def refuse_growing_directions(
    system: EquationSystem, grid: Grid, fields: Callable[[], Mapping[str, Array]], t: float
) -> None:
    """Refuse mixed derivatives and cross-diffusion that grow in some direction, and steady equations that are not elliptic.

    With ``u_t = sum_ab A_ab u_ab``, or u_tt, the eigenvalues of ``sum_ab n_a n_b A_ab`` must not be negative for any n; of a steady equation
    with a scalar A they must not be of both signs.

    Parameters are those of `refuse_ill_posed`.

    Raises
    ------
    StabilityError
    """
    for order in (1, 2):
        parts = diffusion_parts(system, order)
        crossed = any(p.first != p.second or p.operand != p.unknown for p in parts)
        values = _coefficients(parts, system, grid, fields, t) if crossed and not system.operators_on_rates else None
        if values is not None:
            _refuse_growing(parts, values, grid)
    for unknown in system.unknowns:
        parts = [p for p in diffusion_parts(system, 0) if p.unknown == p.operand == unknown.name]
        values = _coefficients(parts, system, grid, fields, t) if parts else None
        if values is not None:
            _refuse_indefinite(parts, values, grid)


def _coefficients(
    parts: Sequence[DiffusionPart],
    system: EquationSystem,
    grid: Grid,
    fields: Callable[[], Mapping[str, Array]],
    t: float,
) -> list[Array] | None:
    """Those of second derivatives, at some nodes; None where they are not known beforehand or not finite, or coordinates are curved."""
    if grid.geometry is not None:
        return None
    found = []
    for part in parts:
        states = [s for s in system.states if part.coefficient.has(s)]
        known = fields() if states else {}
        if part.coefficient.has(SpatialDerivative) or any(str(s) not in known for s in states):
            return None
        arguments = [*system.axes, system.t, *system.parameters, *states]
        given = [*grid.coordinates.values(), t, *system.parameters.values(), *(known[str(s)] for s in states)]
        with np.errstate(all="ignore"):
            coefficient = np.broadcast_to(compile_expression(part.coefficient, arguments)(*given), grid.shape)
        if not np.all(np.isfinite(coefficient)):
            return None
        found.append(np.real(coefficient[grid.within].ravel()[:: max(1, grid.size // LOOKED_AT)]))
    return found


def _refuse_growing(parts: Sequence[DiffusionPart], values: Sequence[Array], grid: Grid) -> None:
    names = list(dict.fromkeys(name for p in parts for name in (p.unknown, p.operand)))
    for direction in _directions(grid.ndim):
        n = dict(zip(grid.names, direction))
        symbol = np.zeros((values[0].size, len(names), len(names)))
        for part, coefficient in zip(parts, values):
            place = (slice(None), names.index(part.unknown), names.index(part.operand))
            symbol[place] += coefficient * n[part.first] * n[part.second]
        worst = float(np.min(np.linalg.eigvals(symbol).real))
        if worst < -ROUNDING * max(float(np.max(np.abs(symbol))), 1e-300):
            where = ", ".join(f"{value:.2f}" for value in direction)
            raise StabilityError(
                f"{', '.join(names)}: second derivatives together diffuse backwards in the direction ({where}), with the coefficient "
                f"{worst:.4g}: ill-posed; the symmetric part of a matrix of coefficients must have no negative eigenvalue"
            )


def _refuse_indefinite(parts: Sequence[DiffusionPart], values: Sequence[Array], grid: Grid) -> None:
    """Refuse second derivatives whose symbol has both signs at one node: characteristics, along which boundary values contradict each other."""
    lowest = highest = np.zeros(values[0].size)
    for direction in _directions(grid.ndim):
        n = dict(zip(grid.names, direction))
        symbol = sum(v * n[p.first] * n[p.second] for p, v in zip(parts, values))
        lowest, highest = np.minimum(lowest, symbol), np.maximum(highest, symbol)
    size = max(float(np.max(np.abs(values))), 1e-300)
    if np.any((lowest < -ROUNDING * size) & (highest > ROUNDING * size)):
        raise StabilityError(
            f"{parts[0].unknown}: the second derivatives of its steady equation have coefficients of both signs, up to {np.max(highest):.4g} "
            f"and {np.min(lowest):.4g} in different directions: it is hyperbolic, not elliptic, and conditions all around do not "
            "determine it; make one of the axes the time"
        )


def _directions(ndim: int) -> Array:
    """Unit vectors, half of all directions."""
    angles = np.linspace(0, np.pi, 24, endpoint=False)
    if ndim == 1:
        return np.ones((1, 1))
    if ndim == 2:
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    polar, turn = (a.ravel() for a in np.meshgrid(angles, angles, indexing="ij"))
    first = np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], axis=1)
    return np.pad(first, ((0, 0), (0, ndim - 3)))


def _both(part: Principal) -> tuple[sp.Expr, sp.Expr]:
    """The coefficients of the derivative and of its conjugate."""
    return part.coefficient, sp.sympify(part.conjugate)
