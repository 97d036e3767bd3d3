r"""Perfectly matched layers at the ends of axes, for waves of second order in time.

In a layer the coordinate is stretched into the complex plane, ``d/dx -> d/dx / (1 + sigma_x/(i omega))``: waves decay there and are not
reflected where it begins, whatever their direction and frequency. Back in time, ``u_tt = div(c^2 grad u) + ...`` becomes

``u_tt = div(c^2 grad u) + sum_a d phi_a/da - (sum_a sigma_a) u_t - (prod_a sigma_a) u + ...``,
``phi_a,t = -sigma_a phi_a + c^2 (sum_{b != a} sigma_b - sigma_a) du/da``

in one and two dimensions. What the end of the axis returns of a wave that meets it squarely is ``exp(-2/c int sigma)``.

References
----------
M. J. Grote and I. Sim, *Efficient PML for the wave equation*, arXiv:1001.0319 (2010). F. Collino and C. Tsogka,
Geophysics 66 (2001) 294-307 (the profile).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp

from pdekit.errors import ConfigError
from pdekit.geometry.grid import Grid
from pdekit.language.analysis import factor_of
from pdekit.language.delays import Delayed
from pdekit.language.equation_system import EquationSystem, Unknown
from pdekit.language.evaluate import compile_expression
from pdekit.language.symbols import Diff, Flux, SpatialDerivative, spatial_derivatives
from pdekit.typing import Expression

DECAY = 10.0  # of the logarithm of an amplitude, on the way to the end and back
POWER = 2  # of the profile


def layered_axes(grid: Grid) -> list[str]:
    """The axes that have absorbing layers."""
    return [name for name, axis in zip(grid.names, grid.axes) if any(axis.absorbing_layer)]


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
        The equations are not waves of second order in time; the grid has more than two axes, or no straight ones.

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
    if grid.geometry is not None or grid.ndim > 2:
        raise ConfigError("absorbing layers are for cartesian grids of one or two axes", key=key)
    waves = [_wave(system, unknown, key) for unknown in system.unknowns]
    speeds = [_greatest_speed(system, grid, t, squares) for squares in waves]
    more, changed = [], []
    for unknown, squares, speed in zip(system.unknowns, waves, speeds):
        profiles = {axis: _profile(grid, axis, speed) for axis in squares}
        rhs = unknown.rhs - sp.Add(*profiles.values()) * unknown.rate - _product(profiles) * unknown.symbol
        for axis, square in squares.items():
            name = layer_unknown(unknown.name, axis)
            inner, own = sp.Symbol(name), profiles[axis]
            others = sp.Add(*(profile for other, profile in profiles.items() if other != axis))
            gradient = Diff(unknown.symbol, sp.Symbol(axis), sp.Integer(1))
            rhs += Diff(inner, sp.Symbol(axis), sp.Integer(1))
            more.append(Unknown(name, 1, -own * inner + square * (others - own) * gradient))
        changed.append(replace(unknown, rhs=rhs))
    return replace(system, unknowns=(*changed, *more))


def _wave(system: EquationSystem, unknown: Unknown, key: str) -> dict[str, Any]:
    """The squared speed along every axis."""
    found: dict[str, Any] = {}
    others = (
        f"absorbing layers are for waves, u_tt = c**2*(u_xx + u_yy) or u_tt = div(c**2*grad(u)); {unknown.name} is none"
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


def _product(profiles: Mapping[str, Expression]) -> Any:
    """The product of the profiles of two axes; of one there is none."""
    return sp.Mul(*profiles.values()) if len(profiles) == 2 else sp.Integer(0)
