"""Whether first derivatives are to be fluxes by a limited scheme: where the equations form shocks that diffusion does not resolve.

A wave breaks when the characteristics of one of its fields meet, ``t = -1/min(d lambda/dx)``. A shock over which a speed falls by s is as
thin as ``4 D/s``; central differences hold it without oscillation while ``s h/(2 D) <= 2``.

References
----------
G. B. Whitham, *Linear and Nonlinear Waves* (1974), eqs. (2.7) (breaking) and (4.14) (the profile of a shock); P. J. Roache,
*Computational Fluid Dynamics* (1972), section III-C-8 (cell Reynolds number).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from pdekit.boundary.conditions import SIDES, BoundaryCondition, FaceConditions
from pdekit.discretize.physical_fluxes import PhysicalFluxes
from pdekit.discretize.reconstruction import RECONSTRUCTIONS
from pdekit.errors import ConfigError, StabilityError
from pdekit.geometry.grid import Grid
from pdekit.language.analysis import factor_of
from pdekit.language.convective_fluxes import ConvectiveFlux, with_convective_fluxes
from pdekit.language.equation_system import EquationSystem
from pdekit.language.evaluate import compile_expression, slope
from pdekit.language.symbols import Diff, Flux, SpatialDerivative, spatial_derivatives
from pdekit.language.syntax import names_in
from pdekit.typing import Array, Expression

RESOLVED = 2.0  # s h/(2 D) up to which central differences hold a shock
MARGIN = 2.0  # of the breaking time, which is that of the initial state only
LEAST_NODES = 12  # of an axis on which a jump is told from a wave
JUMP = 1 / 3  # of the range, between neighbours
LIMITED = "weno5"


@dataclass(frozen=True)
class FluxScheme:
    """How first derivatives are discretized.

    Parameters
    ----------
    scheme : str
        central, or a limited scheme.
    splitting : {"components", "characteristic"}
    reason : str
        Why, where it was found rather than asked for.
    """

    scheme: str
    splitting: str = "components"
    reason: str = ""

    @property
    def is_limited(self) -> bool:
        """Whether it is a limited scheme."""
        return self.scheme != "central"


CENTRAL = FluxScheme("central")


def asked_scheme(scheme: str, splitting: str | None, keeps_positive: bool, equations: int) -> FluxScheme:
    """A scheme that was asked for.

    Raises
    ------
    ConfigError
        Limited states of single components of a system, one of which is to stay positive: near a vacuum they have any speed.
    """
    by_default = "characteristic" if keeps_positive and equations > 1 else "components"
    found = FluxScheme(scheme, splitting or by_default)
    by_components = found.splitting == "components" and equations > 1
    if keeps_positive and by_components and found.is_limited and RECONSTRUCTIONS[scheme].of == "states":
        raise ConfigError(
            f"{scheme} keeps systems positive by characteristics only; leave it out", key="discretization.splitting"
        )
    return found


def automatic_scheme(
    system: EquationSystem,
    grid: Grid,
    conditions: Mapping[str, Mapping[str, FaceConditions]],
    fields: Callable[[], Mapping[str, Array]],
    t: float,
    duration: float,
) -> FluxScheme:
    """The scheme that suits the equations, the grid and the initial state.

    Parameters
    ----------
    system : EquationSystem
    grid : Grid
    conditions : mapping of str to mapping of str to FaceConditions
    fields : callable
        The initial state.
    t, duration : float
        Start, and how long the run is.
    """
    if not _may_be_limited(system, grid, conditions):
        return CENTRAL
    try:
        converted = with_convective_fluxes(system, LIMITED)
    except ConfigError:  # no flux
        return CENTRAL
    atoms = sorted({a for u in converted.unknowns for a in u.rhs.atoms(ConvectiveFlux)}, key=str)
    systems = {(a.axis, a.states, a.fluxes) for a in atoms}
    states = fields()
    if any(c.is_beyond for faces in conditions.values() for f in faces.values() for side in SIDES for c in f[side]):
        splitting = "characteristic" if len(system.unknowns) > 1 else "components"
        return FluxScheme(LIMITED, splitting, "states beyond faces are given (far_field): conservative fluxes by WENO5")
    for axis, carried, fluxes in sorted(systems, key=str):
        if grid.axes[grid.index(axis)].size < LEAST_NODES:
            continue
        look = _AxisLook(system, grid, axis, PhysicalFluxes(axis, carried, fluxes, _fixed(system)), states, t)
        reason = look.reason(duration)
        if reason:
            splitting = "characteristic" if len(carried) > 1 else "components"
            return FluxScheme(LIMITED, splitting, reason)
    return CENTRAL


def _fixed(system: EquationSystem) -> tuple[Any, ...]:
    return (*system.axes, system.t, *system.parameters)


def _may_be_limited(system: EquationSystem, grid: Grid, conditions: Mapping[str, Mapping[str, FaceConditions]]) -> bool:
    """Whether there are first derivatives in states, none above the second, and a grid and conditions that limited schemes take."""
    if system.function is not None or system.definitions or system.noises or grid.geometry is not None:
        return False
    if any(u.time_order != 1 or u.is_scalar for u in system.unknowns) or not all(a.uniform for a in grid.axes):
        return False
    atoms = {a for u in system.unknowns for a in u.rhs.atoms(SpatialDerivative)}
    if any(sum(a.counts.values()) > 2 or a.operand.has(SpatialDerivative) or not a.is_field for a in atoms):
        return False
    if not any(sum(a.counts.values()) == 1 for a in atoms):
        return False
    faces = [f[side] for axes in conditions.values() for f in axes.values() for side in SIDES]
    states = {str(s) for s in system.states}
    return not any(_is_beyond_limited(c, states) for face in faces for c in face)


def _is_beyond_limited(condition: BoundaryCondition, states: set[str]) -> bool:
    """Whether limited schemes do not take a condition."""
    value = condition.value
    names = (
        {str(s) for s in value.free_symbols}
        if isinstance(value, sp.Expr)
        else names_in(value)
        if isinstance(value, str)
        else set()
    )
    is_neumann = condition.order == 1 and condition.is_plain
    return not (condition.is_dirichlet or is_neumann) or bool(names & states)


@dataclass(frozen=True, eq=False)
class _AxisLook:
    """What the fluxes along one axis are like at the start."""

    system: EquationSystem
    grid: Grid
    axis: str
    physical: PhysicalFluxes
    fields: Mapping[str, Array]
    t: float

    def reason(self, duration: float) -> str:
        """Why a limited scheme is needed; empty where it is not."""
        found = self._speeds()
        if found is None:
            return ""
        along, step = self.grid.index(self.axis), self.grid.axes[self.grid.index(self.axis)].step
        D = self._least_diffusion()
        if not self._is_nonlinear:
            number = self._cell_number(float(np.max(np.abs(found))), step, D)
            if number <= RESOLVED or not self._jumps(along):
                return ""
            return f"the initial state jumps and is carried along {self.axis}: conservative fluxes by WENO5"
        change = float(max(np.ptp(field) for field in found))
        steepest = float(np.max(-np.diff(found, axis=along + 1), initial=0.0)) / step
        if self._jumps(along):  # the speeds on both sides say nothing of those between
            between = [self._speeds(along, share) for share in (0.25, 0.5, 0.75)]
            known = [found, *(speeds for speeds in between if speeds is not None)]
            steepest = np.inf
            change = float(max(np.max(s) for s in known) - min(np.min(s) for s in known))
        if steepest <= 0 or self._cell_number(0.5 * change, step, D) <= RESOLVED:
            return ""
        breaking = 1 / steepest  # at once where there are jumps
        if breaking > MARGIN * duration:
            return ""
        when = "at once" if breaking == 0 else f"at about t = {self.t + breaking:.3g}"
        thin = (
            "no diffusion" if D == 0 else f"diffusion does not resolve them, s h/(2D) = {0.5 * change * step / D:.3g}"
        )
        return f"waves along {self.axis} break into shocks {when} ({thin}): conservative fluxes by WENO5"

    @staticmethod
    def _cell_number(speed: float, step: float, D: float) -> float:
        return np.inf if D == 0 and speed > 0 else 0.0 if speed == 0 else speed * step / D

    def _values(self, expressions: list[Expression]) -> list[Array]:
        states = [s for s in self.system.states if str(s) in self.fields]
        functions = [compile_expression(e, [*_fixed(self.system), *states]) for e in expressions]
        given = [*self.grid.coordinates.values(), self.t, *self.system.parameters.values()]
        given += [self.fields[str(s)] for s in states]
        with np.errstate(all="ignore"):
            return [np.broadcast_to(f(*given), self.grid.shape) for f in functions]

    def _speeds(self, along: int = 0, share: float = 0.0) -> Array | None:
        """The eigenvalues of the flux Jacobian on the grid, or that share of the way to the next node along an axis; None where they
        are not real and finite."""
        given = [*self.grid.coordinates.values(), self.t, *self.system.parameters.values()]
        states = [np.asarray(self.fields[str(s)], dtype=float) for s in self.physical.states]
        states = [(1 - share) * u + share * np.roll(u, -1, axis=along) for u in states]
        try:
            with np.errstate(all="ignore"):
                found = np.array(self.physical.speeds(given, states))
        except StabilityError:
            return None
        return found if np.all(np.isfinite(found)) else None

    @property
    def _is_nonlinear(self) -> bool:
        """Whether the speeds depend on the states."""
        states = self.physical.states
        return any(slope(slope(f, u), v) != 0 for f, u, v in product(self.physical.fluxes, states, states))

    def _least_diffusion(self) -> float:
        """The least coefficient of the second derivatives of what is carried, by themselves; 0 where there is none."""
        least = np.inf
        for unknown in self.system.unknowns:
            if unknown.symbol not in self.physical.states:
                continue
            total = np.zeros(self.grid.shape)
            for atom in spatial_derivatives(unknown.rhs):
                if isinstance(atom, Diff | Flux) and atom.counts == {self.axis: 2} and atom.operand == unknown.symbol:
                    factor = factor_of(unknown.rhs, atom) * atom.factor_in_front
                    if factor.has(SpatialDerivative):
                        return 0.0
                    total = total + np.real(self._values([factor])[0])
            least = min(least, float(np.min(total)))
        return max(least, 0.0) if np.isfinite(least) else 0.0

    def _jumps(self, along: int) -> bool:
        """Whether a state that is carried changes between neighbours by more than a third of its range."""
        for state in self.physical.states:
            values = self.fields[str(state)]
            extent = float(np.ptp(values))
            if extent > 0 and np.max(np.abs(np.diff(values, axis=along))) > JUMP * extent:
                return True
        return False
