"""Planes across the grid at which an unknown, or its diffusive flux, jumps.

At an interface ``x = s`` inside of the domain, f the flux ``k du/dx`` of ``div(k*grad(u))`` and [..] what is beyond less what is before,

    [u] = resistance * f + jump,      [f] = flux_jump.

A contact resistance is in series with the layers of the cell that the interface passes; the others are data. The control volumes of
the two nodes beside it meet at the interface, wherever in the cell it lies: a scheme of order 2, steady layers exact at the nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from pdekit.boundary.condition_data import FaceData, plane_data
from pdekit.errors import BoundaryError, nearest_hint
from pdekit.geometry.grid import Grid
from pdekit.typing import Array


@dataclass(frozen=True)
class Interface:
    """Conditions on a plane across an axis, for one unknown.

    Parameters
    ----------
    at : float
        Where on the axis.
    resistance : number or str, default 0
        By which factor the flux makes the unknown jump; not negative, constant in time.
    jump, flux_jump : number, str, array or callable, default 0
        Data of the jumps of the unknown and of its flux ``k du/dx``, of the other coordinates and t. A source of strength q on the
        plane is ``flux_jump: -q``.

    Examples
    --------
    >>> Interface(0.37, resistance="1/h").describe("u", "x")
    'x = 0.37: [u] = (1/h) k u_x'
    """

    at: float
    resistance: Any = 0
    jump: Any = 0
    flux_jump: Any = 0

    def describe(self, name: str, axis: str) -> str:
        """The conditions as they stand on paper."""
        jumps = []
        if not _is_zero(self.resistance):
            jumps.append(f"({self.resistance}) k {name}_{axis}")
        if not _is_zero(self.jump):
            jumps.append(str(self.jump) if isinstance(self.jump, str | int | float) else "data")
        found = [f"[{name}] = {' + '.join(jumps)}"] if jumps else []
        if not _is_zero(self.flux_jump):
            given = self.flux_jump if isinstance(self.flux_jump, str | int | float) else "data"
            found.append(f"[k {name}_{axis}] = {given}")
        return f"{axis} = {self.at:g}: {', '.join(found)}"


def _is_zero(value: Any) -> bool:
    return isinstance(value, int | float) and value == 0


@dataclass(frozen=True, eq=False)
class ResolvedInterface:
    """An interface on a grid.

    Parameters
    ----------
    axis : int
    cell : int
        The node before it; -1 where the part of a grid that this process has does not have it.
    at : float
    resistance : array
        Of the plane's shape, the grid's with the axis' length 1.
    jump, flux_jump : FaceData, optional
        None where they vanish.
    """

    axis: int
    cell: int
    at: float
    resistance: Array
    jump: FaceData | None = None
    flux_jump: FaceData | None = None

    @property
    def is_source(self) -> bool:
        """Whether there are data of jumps."""
        return self.jump is not None or self.flux_jump is not None

    @property
    def is_constant(self) -> bool:
        """Whether no data change in time."""
        return all(data is None or data.constant for data in (self.jump, self.flux_jump))

    @property
    def is_uniform(self) -> bool:
        """Whether the resistance is the same everywhere on the plane."""
        return bool(np.ptp(self.resistance) == 0)


@dataclass(frozen=True, eq=False)
class Interfaces:
    """All interfaces of a problem, by unknown and axis.

    Parameters
    ----------
    given : mapping of str to mapping of str to Interface or sequence of these
    """

    given: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def listed(self) -> list[tuple[str, str, Interface]]:
        """Unknown, axis and interface of each.

        Raises
        ------
        BoundaryError
            Something else stands there.
        """
        found = []
        for name, axes in self.given.items():
            if not isinstance(axes, Mapping):
                raise BoundaryError("give interfaces per axis, {x: {at: 0.5, ...}}", key=f"interfaces.{name}")
            for axis, entry in axes.items():
                for one in entry if isinstance(entry, Sequence) else (entry,):
                    if not isinstance(one, Interface):
                        raise BoundaryError(
                            f"expected an Interface(at, ...), found {type(one).__name__}",
                            key=f"interfaces.{name}.{axis}",
                        )
                    found.append((name, axis, one))
        return found

    def dividing(self, grid: Grid) -> Grid:
        """The grid with cells of nodes that meet at the interfaces.

        Raises
        ------
        BoundaryError
            No such axis; outside of it; two interfaces in a cell.
        """
        places: dict[str, set[float]] = {}
        for name, axis, one in self.listed():
            key = f"interfaces.{name}.{axis}"
            if axis not in grid.names:
                raise BoundaryError(
                    f"no such axis; the grid has {list(grid.names)}{nearest_hint(axis, grid.names)}", key=key
                )
            if grid.geometry is not None or grid[axis].periodic:
                raise BoundaryError("interfaces are for bounded axes of Cartesian coordinates", key=key)
            line = grid[axis]
            if (
                isinstance(one.at, bool)
                or not isinstance(one.at, int | float)
                or not line.nodes[0] < one.at < line.nodes[-1]
            ):
                raise BoundaryError(
                    f"must lie between the outermost nodes, {line.nodes[0]:g} and {line.nodes[-1]:g}, found {one.at!r}",
                    key=f"{key}.at",
                )
            places.setdefault(axis, set()).add(float(one.at))
        for axis, found in places.items():
            cells = sorted(grid[axis].cell_before(at) for at in found)
            if len(set(cells)) < len(cells):
                raise BoundaryError(
                    f"two interfaces along {axis!r} lie in one cell of the grid; take more points",
                    key=f"grid.{axis}.points",
                )
        return grid.replace(**{axis: grid[axis].divided(sorted(found)) for axis, found in places.items()})

    def resolved(
        self, grid: Grid, parameters: Mapping[str, Any], known: Mapping[str, Any]
    ) -> dict[tuple[Any, str], tuple[ResolvedInterface, ...]]:
        """By the symbol of an unknown and axis, on a grid that `dividing` made."""
        found: dict[tuple[Any, str], tuple[ResolvedInterface, ...]] = {}
        for name, axis, one in self.listed():
            key, place = f"interfaces.{name}.{axis}", (sp.Symbol(name), axis)
            found[place] = (*found.get(place, ()), _resolved(one, grid, axis, parameters, known, key))
        return found


def _resolved(
    one: Interface, grid: Grid, axis: str, parameters: Mapping[str, Any], known: Mapping[str, Any], key: str
) -> ResolvedInterface:
    k = grid.index(axis)

    def data(value: Any, what: str) -> FaceData:
        return plane_data(value, grid, k, float(one.at), parameters, known, f"{key}.{what}")

    R = data(one.resistance, "resistance")
    if not R.constant:
        raise BoundaryError("a resistance must not change in time", key=f"{key}.resistance")
    resistance = R.at(0.0)
    if np.iscomplexobj(resistance) or np.min(resistance) < 0:
        raise BoundaryError("a resistance must be real and not negative", key=f"{key}.resistance")
    jump, flux_jump = (
        None if _is_zero(value) else data(value, what)
        for value, what in ((one.jump, "jump"), (one.flux_jump, "flux_jump"))
    )
    if not np.any(resistance) and jump is None and flux_jump is None:
        raise BoundaryError("nothing jumps; give resistance, jump or flux_jump", key=key)
    if flux_jump is not None and np.any(resistance):
        raise BoundaryError(
            "where the flux jumps it is not said which of both fluxes the resistance takes; put a second interface beside it",
            key=f"{key}.flux_jump",
        )
    return ResolvedInterface(k, grid[axis].cell_before(float(one.at)), float(one.at), resistance, jump, flux_jump)
