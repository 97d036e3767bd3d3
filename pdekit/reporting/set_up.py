"""What a problem was understood to mean, in words: rows of a label and a text."""

from __future__ import annotations

from typing import Any

from pdekit.boundary.conditions import DOMAIN, FaceConditions
from pdekit.boundary.interfaces import Interfaces
from pdekit.discretize.absorbing_layers import layered_axes
from pdekit.geometry.grid import Grid
from pdekit.problem import Problem

Row = tuple[str, str]


def grid_rows(grid: Grid) -> list[Row]:
    """The coordinates and axes of a grid."""
    axes = [f"{n}{_in_unit(a.unit)}: {a!r}"[:-1].replace("<", "") for n, a in zip(grid.names, grid.axes)]
    rows = [("coordinates", grid.system)] if grid.geometry is not None else []
    return [*rows, ("grid", "\n".join(axes))]


def problem_rows(problem: Problem) -> list[Row]:
    """Parameters, grid, unknowns, conditions and the initial state of a problem, and what its system is like."""
    system, rows = problem.semidiscrete, list[Row]()
    units = problem.units
    values = ", ".join(f"{s} = {v:g}{_of_unit(units.get(str(s), ''))}" for s, v in problem.system.parameters.items())
    if values:
        rows.append(("parameters", values))
    rows += grid_rows(problem.grid)
    blocks = [
        f"{b.name}{_in_unit(units.get(b.name, ''))}: "
        + (f"{b.size:,} of {problem.grid.size:,} nodes free" if b.shape else "one number")
        for b in system.blocks
    ]
    rows.append(("unknowns", "\n".join(blocks)))
    for axis in layered_axes(problem.grid):
        left, right = problem.grid[axis].absorbing_layer
        rows.append((f"absorbing layers of {axis}", f"{left:g} wide at the left end, {right:g} at the right"))
    written = {str(s) for s in problem.written.states}
    for name, faces in ((n, f) for n, f in problem.conditions.items() if n in written):
        if faces:
            rows.append((f"boundary of {name}", "\n".join(_conditions(problem.grid, name, faces))))
    regions = [
        f"{b.name} lives in {region.described()}" for b in system.blocks if (region := problem.lived_in.get(b.name))
    ]
    if regions:
        rows.append(("regions", "\n".join(regions)))
    planes: dict[str, list[str]] = {}
    for name, axis, plane in Interfaces(problem.interfaces).listed():
        planes.setdefault(name, []).append(plane.describe(name, axis))
    rows += [(f"interfaces of {name}", "\n".join(lines)) for name, lines in planes.items()]
    for name, given in problem.initial.items():
        rows.append((f"initial {name}", str(given) if isinstance(given, str | int | float) else "data"))
    kind = "linear" if system.is_linear else "nonlinear"
    steadiness = "constant data" if system.b_is_constant else "data change in time"
    rows.append(("system", f"{kind}, {steadiness}, order {problem.order} in space, {system.dtype}"))
    if problem.constraints:
        rows.append(("constraints", "\n".join(problem.constraints)))
    for text, times in problem.projections.items():
        rows.append((f"projection {text}", f"at t = {', '.join(f'{t:g}' for t in times)}"))
    fluxes = problem.flux_scheme
    if fluxes.is_limited:
        split = f", by {fluxes.splitting}" if len(problem.system.unknowns) > 1 else ""
        kept = f"; {', '.join(problem.positive)} positive" if problem.positive else ""
        rows.append(("fluxes", f"{fluxes.scheme}{split.replace('characteristic', 'characteristics')}{kept}"))
    if problem.schemes:
        rows.append(("schemes", ", ".join(f"{name}: {_scheme(given)}" for name, given in problem.schemes.items())))
    return rows


def _in_unit(unit: str) -> str:
    """In which unit something is counted."""
    return f" in {unit}" if unit else ""


def _of_unit(unit: str) -> str:
    """A unit behind what is in it."""
    return f" {unit}" if unit and unit != "1" else ""


def _conditions(grid: Grid, name: str, faces: dict[str, FaceConditions]) -> list[str]:
    found = []
    for axis, pair in faces.items():
        if axis == DOMAIN:
            found += [f"domain: {condition.describe(name)}" for condition in pair.left]
            continue
        for side in ("left", "right"):
            if not grid.touches(axis, side):
                continue
            conditions = pair[side]
            words = " and ".join(c.describe(name) for c in conditions) or "outflow (one-sided rows)"
            if side in grid.poles(axis):
                words = f"pole, {name} goes on to the other side{' with its sign changed' * (pair.parity < 0)}"
            found.append(f"{axis}.{side}: {words}")
    return found


def _scheme(given: Any) -> str:
    return given if isinstance(given, str) else " ".join(f"{name} of order {order}" for name, order in given.items())


def size_in_words(number: float) -> str:
    """Bytes, in the unit that reads best."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"


def work_in_words(statistics: dict[str, Any]) -> str:
    """The counts of a run that are not zero."""
    return ", ".join(f"{value:,} {key.replace('_', ' ')}" for key, value in statistics.items() if value)
