"""What equations of unknowns that live in regions must be like: nothing is read where it does not exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.boundary.region_conditions import RegionConditions
from pdekit.discretize.program import Frame
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import BoundaryError, ConfigError, GridError, nearest_hint
from pdekit.geometry.grid import Grid
from pdekit.geometry.regions import Region
from pdekit.language.delayed_systems import delays_of
from pdekit.language.equation_system import EquationSystem
from pdekit.language.reductions import RateReduction, Reduction
from pdekit.language.symbols import SpatialDerivative
from pdekit.typing import Array, Expression

TRIED = (
    0.0,
    -1.37,
    2.71,
    1e3,
    -1e3,
)  # in place of what does not exist: an equation that does not read it is the same with all of them


def resolved_regions(
    given: Mapping[str, Any], system: EquationSystem, grid: Grid, has_bounds: bool = False
) -> dict[str, Region]:
    """Where unknowns live, by their names and those of their rates; those that live everywhere are left out.

    Raises
    ------
    ConfigError
        Not an unknown field; something that regions do not go with.
    GridError
        No such axis, ends that are no nodes.
    """
    if not given:
        return {}
    if has_bounds:
        raise ConfigError("regions do not go with constraints and projections", key="regions")
    _refuse_with_regions(system, grid)
    fields = [u.name for u in system.unknowns if not u.is_scalar and not u.derived_from]
    found: dict[str, Region] = {}
    for name, ranges in given.items():
        key = f"regions.{name}"
        if name not in fields:
            raise ConfigError(f"not an unknown field; there are {fields}{nearest_hint(name, fields)}", key=key)
        if not isinstance(ranges, Mapping):
            raise ConfigError("give the ends of a region by axis, {x: [0, 0.3]}", key=key)
        region = Region.between(grid, ranges, key)
        if not region.within.all():
            found |= {state: region for u in system.unknowns if system.origin(u).name == name for state in u.states}
    return found


def _refuse_with_regions(system: EquationSystem, grid: Grid) -> None:
    for found, what in (
        (not grid.is_box, "a domain that is no box"),
        (any(axis.divisions for axis in grid.axes), "interfaces"),
        (any(any(axis.absorbing_layer) for axis in grid.axes), "absorbing layers"),
        (system.function is not None, "a Python right-hand side"),
        (bool(system.noises), "noise"),
        (bool(system.definitions), "definitions with boundary conditions"),
        (bool(system.operators_on_rates), "time derivatives that are differentiated in space"),
        (bool(delays_of(system)), "delays"),
        (any(e.has(RateReduction) for e in system.expressions), "integrals of time derivatives"),
    ):
        if found:
            raise ConfigError(f"regions do not go with {what}", key="regions")


def by_region(
    system: EquationSystem, grid: Grid, regions: Mapping[str, Region]
) -> Iterator[tuple[EquationSystem, Grid]]:
    """The equations that hold on the same nodes, others without terms, and the grid with these nodes."""
    places = {u.name: regions.get(u.name, grid) for u in system.unknowns}
    for place in dict.fromkeys(places.values()):
        unknowns = tuple(u if places[u.name] == place else replace(u, rhs=u.rhs * 0) for u in system.unknowns)
        yield (system if len(set(places.values())) == 1 else replace(system, unknowns=unknowns)), place


def refuse_reading_outside(system: SemiDiscrete, t: float, y: Array) -> None:
    """Refuse equations and conditions that read an unknown at nodes at which it does not exist.

    An equation is evaluated with several values in place of what is outside: it is the same with all of them where it does not read
    it, as ``where(x < 0.3, c, 0)`` does not.

    Raises
    ------
    GridError
        Names the equation, the unknown and a place.
    BoundaryError
        Names the face.
    """
    if not system.regions:
        return
    frame = system.frame(t, y)
    for unknown in system.system.unknowns:
        own = np.zeros(system.grid.shape, dtype=bool)
        own.flat[system.layout.equation_block(unknown.name).free] = True
        for dependent in system.program.pointwise(unknown.rhs).dependents:
            region = _exists(system, dependent)
            if region is None or unknown.is_scalar:
                continue
            outside = own & ~region.within
            read = _read(frame, unknown.rhs, dependent, outside)
            if read is not None:
                shown = getattr(dependent, "short", str(dependent))
                place = ", ".join(f"{n} = {v:.4g}" for n, v in system.grid.point(read).items())
                raise GridError(
                    f"{unknown.name}: its equation reads {shown} at {place}, where it does not exist: it lives in {region.described()}; "
                    f"write where(..., {shown}, 0) with a condition on the coordinates, or give {unknown.name} a region",
                    key=f"regions.{unknown.name}" if unknown.name in system.regions else "equations",
                )
    _refuse_faces_outside(system)


def _exists(system: SemiDiscrete, dependent: Expression) -> Region | None:
    """Where a state or a derivative exists; None if that is everywhere."""
    if isinstance(dependent, Reduction):
        return None
    if isinstance(dependent, SpatialDerivative):
        return getattr(system.program.term(dependent), "region", None)
    return system.regions.get(str(dependent))


def _read(frame: Frame, rhs: Expression, dependent: Expression, outside: NDArray[np.bool_]) -> int | None:
    """A node among some at which an equation reads what does not exist there, by its flat index."""
    if not outside.any():
        return None
    found = [frame.value_with(rhs, dependent, outside, value)[outside] for value in TRIED]
    same = np.all([np.isfinite(f) & (f == found[0]) for f in found], axis=0)
    return None if same.all() else int(np.flatnonzero(outside)[int(np.argmin(same))])


def _refuse_faces_outside(system: SemiDiscrete) -> None:
    """Data of conditions must not read what does not exist on their face."""
    grid = system.grid
    for symbol, conditions in system.conditions.items():
        nodes = np.arange(grid.size).reshape(grid.shape)
        own = nodes[conditions.region.nodes] if isinstance(conditions, RegionConditions) else nodes
        for (axis, side, _), data in conditions.data.items():
            if data.of_solution is None:
                continue
            on_face = data.of_solution.read(own)
            for read in data.of_solution.states:
                held = (
                    [s for s in read.free_symbols if str(s) in system.regions]
                    if not isinstance(read, Reduction)
                    else []
                )
                for state in held:
                    region = system.regions[str(state)]
                    if not region.within.ravel()[on_face].all():
                        raise BoundaryError(
                            f"the condition reads {state} on a face where it does not exist: it lives in {region.described()}",
                            key=f"boundary.{symbol}.{grid.names[axis]}.{side}",
                        )
