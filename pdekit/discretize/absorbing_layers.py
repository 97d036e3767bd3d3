r"""Perfectly matched layers at the ends of axes, for waves: of second order in time, and of first-order systems.

In a layer the coordinate is stretched into the complex plane, ``d/dx -> d/dx / (1 + sigma_x/(i omega))``: waves decay there and are not
reflected where it begins, whatever their direction and frequency. Back in time, ``u_tt = div(c^2 grad u) + ...`` becomes

``u_tt = div(c^2 grad u) + sum_a d phi_a/da - (sum_a sigma_a) u_t - (sum_{a<b} sigma_a sigma_b) u - (prod_a sigma_a) psi + ...``,
``phi_a,t = -sigma_a phi_a + c^2 (sum_{b != a} sigma_b - sigma_a) du/da + c^2 (prod_{b != a} sigma_b) d psi/da``, ``psi_t = u``,

the products of three axes in three dimensions only. In a first-order system, such as that of sound, every derivative along the axis has a memory,

``du/da -> du/da + m``, ``m_t = -sigma_a (m + du/da)``,

whatever else, linear, stands in the equations. What the end of the axis returns of a wave that meets it squarely is ``exp(-2/c int sigma)``.

References
----------
M. J. Grote and I. Sim, *Efficient PML for the wave equation*, arXiv:1001.0319 (2010). F. Collino and C. Tsogka,
Geophysics 66 (2001) 294-307 (the profile). J. A. Roden and S. D. Gedney, Microw. Opt. Technol. Lett. 27 (2000) 334-339 (the memories).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import sympy as sp

from pdekit.errors import ConfigError
from pdekit.geometry.grid import Grid
from pdekit.language.analysis import factor_of
from pdekit.language.delays import Delayed
from pdekit.language.equation_system import EquationSystem, Unknown
from pdekit.language.evaluate import compile_expression, slope
from pdekit.language.symbols import Diff, Flux, SpatialDerivative, spatial_derivatives
from pdekit.typing import Expression

DECAY = 10.0  # of the logarithm of an amplitude, on the way to the end and back
POWER = 2  # of the profile
REAL = 1e-6  # of the greatest speed: imaginary parts that are rounding
# Steps of the grid in a layer, by the order in time. Of a pulse ten steps wide comes back, from layers of 4, 8, 16, 32 steps: in first-order
# systems 7e-2, 1e-3, 2e-4, 1e-4, of waves of second order 0.4, 0.16, 3e-2, 4e-3.
LEAST_STEPS = {1: 8, 2: 16}


def layered_axes(grid: Grid) -> list[str]:
    """The axes that have absorbing layers."""
    return [name for name, axis in zip(grid.names, grid.axes) if any(axis.whole.absorbing_layer)]


def layer_unknown(unknown: str, axis: str) -> str:
    """The name of the auxiliary unknown of an axis."""
    return f"{unknown}_layer_{axis}"


def without_layers(names: Iterable[str], grid: Grid) -> tuple[str, ...]:
    """Names of fields without those of the auxiliary unknowns, which are nobody's.

    Examples
    --------
    >>> from pdekit.geometry.axis import Axis
    >>> without_layers(["u", "u_t", "u_layer_x"], Grid(x=Axis(0, 1, 101, absorbing_layer=0.2)))
    ('u', 'u_t')
    """
    known = tuple(names)
    auxiliary = {layer_unknown(name, axis) for name in known for axis in layered_axes(grid)}
    return tuple(name for name in known if name not in auxiliary)


def with_absorbing_layers(system: EquationSystem, grid: Grid, t: float) -> EquationSystem:
    """The equations with those of the layers, and the auxiliary unknowns behind the others.

    Parameters
    ----------
    system : EquationSystem
    grid : Grid
    t : float
        The time at which the speed of waves is taken, for the strength of the layers.

    Raises
    ------
    ConfigError
        The equations are neither waves of second order in time nor a linear system of first order; the axes are not straight.

    Examples
    --------
    >>> from pdekit.geometry.axis import Axis
    >>> from pdekit.language.pde import PDE
    >>> grid = Grid(x=Axis(0, 1, 101, absorbing_layer=0.2))
    >>> [u.name for u in with_absorbing_layers(PDE("u_tt = 4*u_xx").bind(("x",)), grid, 0.0).unknowns]
    ['u', 'u_layer_x']
    """
    names = layered_axes(grid)
    if not names:
        return system
    key = f"grid.{names[0]}.absorbing_layer"
    if grid.geometry is not None:
        raise ConfigError("absorbing layers are for cartesian grids", key=key)
    if all(unknown.time_order == 1 and not unknown.is_scalar for unknown in system.unknowns):
        return _with_memories(system, grid, t, key)
    waves = [_wave(system, unknown, key) for unknown in system.unknowns]
    more, changed = [], []
    for unknown, squares in zip(system.unknowns, waves):
        speed = _greatest_speed(system, grid, t, squares)
        own, others = _layered_wave(unknown, squares, {axis: _profile(grid, axis, speed) for axis in squares})
        changed.append(own)
        more += others
    return replace(system, unknowns=(*changed, *more))


def _layered_wave(
    unknown: Unknown, squares: Mapping[str, Any], profiles: Mapping[str, Any]
) -> tuple[Unknown, list[Unknown]]:
    """The equation of a wave of second order in time, and its auxiliary unknowns."""
    sigmas, more = list(profiles.values()), []
    pairs, triple = sp.Add(*(a * b for a, b in combinations(sigmas, 2))), _product(sigmas, 3)
    memory = sp.Symbol(layer_unknown(unknown.name, "time"))
    rhs = unknown.rhs - sp.Add(*sigmas) * unknown.rate - pairs * unknown.symbol - triple * memory
    needs_memory = False
    for axis, square in squares.items():
        inner, along = sp.Symbol(layer_unknown(unknown.name, axis)), sp.Symbol(axis)
        beside = [profile for other, profile in profiles.items() if other != axis]
        gradient = Diff(unknown.symbol, along, sp.Integer(1))
        grown = -profiles[axis] * inner + square * (sp.Add(*beside) - profiles[axis]) * gradient
        product = _product(beside, 2)
        if product != 0:
            grown += square * product * Diff(memory, along, sp.Integer(1))
            needs_memory = True
        rhs += Diff(inner, along, sp.Integer(1))
        more.append(Unknown(str(inner), 1, grown))
    if needs_memory:
        more.append(Unknown(str(memory), 1, unknown.symbol))
    return replace(unknown, rhs=rhs), more


def _with_memories(system: EquationSystem, grid: Grid, t: float, key: str) -> EquationSystem:
    """A first-order system, every derivative along an axis with layers with its memory."""
    found = {
        atom: sp.Symbol(_memory_name(atom, number))
        for number, atom in enumerate(sorted(_first_derivatives(system, key), key=str))
        if set(atom.counts) <= set(layered_axes(grid))
    }
    speeds = {axis: _fastest(system, grid, t, axis, key) for axis in layered_axes(grid)}
    changed = [
        replace(u, rhs=u.rhs.xreplace({atom: atom + memory for atom, memory in found.items()})) for u in system.unknowns
    ]
    more = []
    for atom, memory in found.items():
        (axis,) = atom.counts
        more.append(Unknown(str(memory), 1, -_profile(grid, axis, speeds[axis]) * (memory + atom)))
    return replace(system, unknowns=(*changed, *more))


def _memory_name(atom: Any, number: int) -> str:
    (axis,) = atom.counts
    return layer_unknown(str(atom.operand) if atom.operand.is_Symbol else f"flux{number}", axis)


def _first_derivatives(system: EquationSystem, key: str) -> set[Any]:
    """All derivatives of a linear system of first order; refused if it is none."""
    states, atoms = set(system.states), set()
    for unknown in system.unknowns:
        own = spatial_derivatives(unknown.rhs)
        hidden = unknown.rhs.xreplace({atom: sp.Dummy() for atom in own})
        bent = [
            s
            for s in (*states, *(hidden.free_symbols - unknown.rhs.free_symbols))
            if slope(hidden, s).free_symbols & (states | {s})
        ]
        wrong = [
            atom.short
            for atom in own
            if not isinstance(atom, Diff)
            or sum(atom.counts.values()) != 1
            or any(slope(atom.operand, s).free_symbols & states for s in states)
        ]
        if wrong or bent or unknown.on_rates is not None or unknown.rhs.has(Delayed):
            what = f"there is {wrong[0]}" if wrong else f"{unknown.name}_t is not linear"
            raise ConfigError(
                "absorbing layers are for waves: u_tt = c**2*(u_xx + u_yy), u_tt = div(c**2*grad(u)), or linear systems of first order "
                f"such as p_t = -K*div([u, v]), u_t = -p_x/rho; {unknown.name} is none: {what}",
                key=key,
            )
        atoms |= own
    return atoms


def _fastest(system: EquationSystem, grid: Grid, t: float, axis: str, key: str) -> float:
    """The greatest speed along an axis over all nodes, from the eigenvalues of its matrix; refused if it is zero or they are not real."""
    arguments = [*system.axes, system.t, *system.parameters]
    given = [*grid.coordinates.values(), t, *system.parameters.values()]
    entries = []
    for unknown in system.unknowns:
        atoms = [atom for atom in spatial_derivatives(unknown.rhs) if axis in atom.counts]
        for state in (other.symbol for other in system.unknowns):
            entry = sp.Add(*(factor_of(unknown.rhs, atom) * slope(atom.operand, state) for atom in atoms))
            entries.append(compile_expression(entry, arguments)(*given))
    count = len(system.unknowns)  # one matrix where the entries are numbers
    speeds = np.linalg.eigvals(np.stack(np.broadcast_arrays(*entries), axis=-1).reshape(-1, count, count))
    greatest = float(np.max(np.abs(speeds)))
    if greatest == 0 or np.max(np.abs(speeds.imag)) > REAL * greatest:
        raise ConfigError(
            f"absorbing layers are for waves; along {axis} nothing is carried, or the equations are not hyperbolic",
            key=key,
        )
    return greatest


def notes_on_layers(grid: Grid, time_order: int) -> list[str]:
    """Layers that are too thin to be smooth on their grid, in words."""
    found, least = [], LEAST_STEPS.get(time_order, 0)
    for name in layered_axes(grid):
        for side, width in zip(("left", "right"), grid[name].absorbing_layer):
            nodes, (left, right) = grid[name].nodes, (grid[name].left, grid[name].right)
            inside = int(np.sum(nodes < left + width) if side == "left" else np.sum(nodes > right - width))
            if width and inside < least:
                found.append(
                    f"grid.{name}.absorbing_layer: {inside} steps of the grid lie in the layer at the {side}, which then reflects; "
                    f"take {least} or more"
                )
    return found


def _wave(system: EquationSystem, unknown: Unknown, key: str) -> dict[str, Any]:
    """The squared speed along every axis."""
    found: dict[str, Any] = {}
    others = (
        f"absorbing layers are for waves, u_tt = c**2*(u_xx + u_yy) or u_tt = div(c**2*grad(u)), or linear systems of first order; "
        f"{unknown.name} is none"
    )
    if unknown.time_order != 2:
        raise ConfigError(others, key=key)
    states = set(system.states)
    for atom in sorted(spatial_derivatives(unknown.rhs), key=str):  # the order of the unknowns comes from it
        counts = atom.counts
        if (
            not isinstance(atom, Diff | Flux)
            or set(counts.values()) != {2}
            or len(counts) != 1
            or atom.operand != unknown.symbol
        ):
            raise ConfigError(f"{others}: there is {atom.short}", key=key)
        square = factor_of(unknown.rhs, atom) * atom.factor_in_front
        fixed = set() if isinstance(atom, Flux) else {*system.axes, system.t}
        if square.has(SpatialDerivative) or square.free_symbols & (states | fixed):
            raise ConfigError(f"{others}: the factor of {atom.short} is {square}", key=key)
        (axis,) = counts
        found[axis] = found.get(axis, sp.Integer(0)) + square
    rest = unknown.rhs.xreplace({atom: sp.Integer(0) for atom in spatial_derivatives(unknown.rhs)})
    if rest.free_symbols & states or rest.has(Delayed) or unknown.on_rates is not None:
        raise ConfigError(
            f"absorbing layers are matched to waves without further terms in {unknown.name} or its rates, which would reflect "
            "hundredths of what comes; use a wider axis, or the condition absorbing",
            key=key,
        )
    return found


def _greatest_speed(system: EquationSystem, grid: Grid, t: float, squares: Mapping[str, Any]) -> float:
    arguments = [*system.axes, system.t, *system.parameters]
    given = [*grid.coordinates.values(), t, *system.parameters.values()]
    return float(np.sqrt(max(np.max(np.abs(compile_expression(s, arguments)(*given))) for s in squares.values())))


def _profile(grid: Grid, axis: str, speed: float) -> Any:
    """sigma along an axis: zero inside, ``(p + 1) c/(2 L) ln(1/R) (distance/L)^p`` in a layer of width L."""
    line, x, total = grid[axis], sp.Symbol(axis), sp.Integer(0)
    for width, depth in zip(line.absorbing_layer, (line.left - x, x - line.right)):
        if width:
            inside = sp.Max(1 + depth / sp.Float(width), 0)
            total += sp.Float((POWER + 1) * speed * DECAY / (2 * width)) * inside**POWER
    return total


def _product(profiles: Sequence[Expression], count: int) -> Any:
    """The product of so many profiles; zero where there are fewer."""
    return sp.Mul(*profiles) if len(profiles) == count else sp.Integer(0)
