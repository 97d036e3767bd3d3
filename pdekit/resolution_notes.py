"""What a grid did not resolve of a solution, told at the end of a run."""

from __future__ import annotations

import numpy as np

from pdekit.discretize.grid_oscillation import oscillating_axis
from pdekit.discretize.kinks import notes_on_kinks
from pdekit.discretize.system import SemiDiscrete
from pdekit.language.equation_system import Unknown
from pdekit.language.symbols import SpatialDerivative
from pdekit.problem import Problem
from pdekit.typing import Array

LEFT = 1e-3  # of the greatest initial value
ERRORS = 30  # tolerances up to which errors of steps may go: what oscillates below is no wave that the grid misses


def resolution_notes(problem: Problem, system: SemiDiscrete, t: float, fields: dict[str, Array]) -> list[str]:
    """What the grid does not resolve, in words; noise is resolved by none.

    Parameters
    ----------
    problem : Problem
    system : SemiDiscrete
        As it is run.
    t : float
    fields : dict of str to array
        The state at that time.
    """
    found: list[str] = []
    if system.system.noises:
        return found
    time = problem.time
    least = ERRORS * time.rtol if time.step is None and not problem.steady else 0.0  # below are errors of the steps
    for unknown in system.system.unknowns:
        if unknown.is_scalar:
            continue
        seen = oscillating_axis(problem.grid, fields[unknown.name], least)
        if seen is not None and not _has_left(problem, unknown.name, fields[unknown.name]):
            axis, share = seen
            when = "" if problem.steady else f" at t = {t:.4g}"
            found.append(
                f"{unknown.name} oscillates from node to node along {axis}{when} (measure {share:.2f}; resolved fields have "
                f"below 0.03): the grid does not resolve what is there. Take more points{_upwind(problem, system, unknown, axis)}"
            )
    return found


def _has_left(problem: Problem, name: str, values: Array) -> bool:
    """Whether what is there is no more than rounding leaves of what was: waves that have left a grid leave its noise."""
    first = problem.initial_fields().get(name)
    return first is not None and float(np.nanmax(np.abs(values))) < LEFT * float(np.max(np.abs(first)))


def _upwind(problem: Problem, system: SemiDiscrete, unknown: Unknown, axis: str) -> str:
    """What else may help, if the unknown's first derivative along the axis stands in the equations."""
    first = [d for d in unknown.rhs.atoms(SpatialDerivative) if d.counts == {axis: 1} and d.operand.has(unknown.symbol)]
    if not first or problem.flux_scheme.is_limited:
        return ""
    if kinks := notes_on_kinks(system.system):
        return f"; {'; '.join(kinks)}"
    cures = []
    if any(d.operand == unknown.symbol for d in first):
        scheme = f"discretization: {{schemes: {{{unknown.name}_{axis}: upwind}}}}"
        cures.append(f", or, where the flow carries it along, a scheme with an upwind direction ({scheme})")
    if unknown.time_order == 1:
        cures.append(", or, where there are shocks, a conservative scheme (discretization: {advection: weno5})")
    return "".join(cures)
