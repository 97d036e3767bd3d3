"""How many conditions a face needs: from the principal part of the equations, before anything is solved.

An even derivative of order 2m along an axis needs m conditions at either end. Where unknowns are differentiated once only they
form a first-order system ``u_t + A u_x = ...``, which needs as many conditions at a face as characteristics come in there: the
eigenvalues of A of the sign that leads inwards. Fewer leave the solution undetermined, more contradict what arrives from inside;
both give answers that look like answers (reflections, grid waves, growth).

References
----------
B. Gustafsson, H.-O. Kreiss and J. Oliger, *Time-Dependent Problems and Difference Methods*, 2nd ed. (2013), chapters 7 and 8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from pdekit.boundary.conditions import SIDES, FaceConditions, Side
from pdekit.errors import BoundaryError
from pdekit.geometry.grid import Grid
from pdekit.language.analysis import factor_of
from pdekit.language.equation_system import EquationSystem, Unknown
from pdekit.language.evaluate import compile_expression, slope
from pdekit.language.symbols import SpatialDerivative, local_derivatives, spatial_derivatives
from pdekit.typing import Array, Expression

Conditions = Mapping[str, Mapping[str, FaceConditions]]
ZERO = 1e-10  # speeds beside the greatest that count as none
# D/(v L) of flow that leaves without a condition, beyond which the answer is wrong by more than 1 % of what leaves and does not
# improve with the grid: a Gaussian of width L/10 carried out of the domain, order 2, 321 nodes: 0.3 4e-2, 0.1 2e-2, 0.05 1.3e-2,
# 0.02 7e-3, 0.01 4e-3, 0.002 9e-4.
LONGEST_DIFFUSION = 0.025


@dataclass(frozen=True, eq=False)
class FaceCheck:
    """Counts the conditions of one problem against what its faces need.

    Parameters
    ----------
    system : EquationSystem
    grid : Grid
    conditions : mapping of str to mapping of str to FaceConditions
        By unknown and axis.
    fields : callable
        The initial state, asked for where a coefficient depends on it.
    t : float
    beyond : mapping of str to mapping of str to FaceConditions
        All conditions, among them states beyond faces.
    """

    system: EquationSystem
    grid: Grid
    conditions: Conditions
    fields: Callable[[], Mapping[str, Array]]
    t: float
    beyond: Conditions

    def run(self) -> list[str]:
        """Look at every face.

        Returns
        -------
        list of str
            Notes on faces without conditions near which the solution is approximate.

        Raises
        ------
        BoundaryError
            Names the face, how many conditions there are, and how many are needed.
        """
        if self.system.definitions or self.system.function is not None:
            return []
        notes = []
        for axis, line in zip(self.grid.names, self.grid.axes):
            if line.periodic:
                continue
            for side in SIDES:
                if side not in self.grid.poles(axis) and self.grid.touches(axis, side):
                    notes += self._face(axis, side)
        return notes

    def _face(self, axis: str, side: Side) -> list[str]:
        """The notes on one face."""
        notes = []
        hyperbolic = []
        for unknown in self.system.unknowns:
            if unknown.time_order == 0:
                continue
            highest = self._highest(unknown, axis)
            if highest == 1:
                hyperbolic.append(unknown)
            own = self._own_even(unknown, axis)
            if own >= max(highest, 2) and (own, highest) != (2, 3):
                notes += self._even(unknown, axis, side, own)
        if hyperbolic and all(u.time_order == 1 for u in hyperbolic) and not self._all_beyond(hyperbolic, axis, side):
            self._first_order(hyperbolic, axis, side)
        return notes

    def _all_beyond(self, unknowns: list[Unknown], axis: str, side: Side) -> bool:
        """Whether states beyond the face are given, of which fluxes take what comes in.

        Raises
        ------
        BoundaryError
            They are given of some only.
        """
        given = {u.name: (self.beyond.get(u.name, {}).get(axis) or FaceConditions())[side] for u in unknowns}
        found = [name for name, conditions in given.items() if any(c.is_beyond for c in conditions)]
        if found and len(found) < len(given):
            missing = ", ".join(sorted(set(given) - set(found)))
            raise BoundaryError(
                f"far_field is given of {', '.join(found)}; it is needed of all, of {missing} too",
                key=f"boundary.{found[0]}.{axis}.{side}",
            )
        return bool(found)

    def _count(self, unknown: Unknown, axis: str, side: Side) -> int:
        faces = self.conditions.get(self.system.origin(unknown).name, {}).get(axis)
        return len(faces[side]) if faces else 0

    @staticmethod
    def _acting(unknown: Unknown) -> Any:
        """What acts on unknowns in an equation: operators on rates stand for derivatives of the unknowns that they need conditions of."""
        return unknown.rhs if unknown.on_rates is None else unknown.rhs - unknown.on_rates

    def _is_own(self, unknown: Unknown, operand: Any) -> bool:
        """Whether it is the unknown of an equation, or a time derivative of it."""
        origin = self.system.origin(unknown)
        own = [
            n for u in self.system.unknowns if self.system.origin(u) is origin for n in (*u.states, str(u.highest_rate))
        ]
        return str(operand) in own

    def _highest(self, unknown: Unknown, axis: str) -> int:
        """The highest derivative along an axis in an equation."""
        found = local_derivatives(self._acting(unknown))
        counts = [d.counts.get(axis, 0) for d in found]
        nested = [d for d in found if local_derivatives(d.operand)]
        return 9 if nested else max(counts, default=0)

    def _own_even(self, unknown: Unknown, axis: str) -> int:
        """The highest even derivative of an unknown along an axis in its own equation."""
        own = [
            d.counts[axis]
            for d in local_derivatives(self._acting(unknown))
            if set(d.counts) == {axis} and d.is_even and self._is_own(unknown, d.operand)
        ]
        return max(own, default=0)

    def _even(self, unknown: Unknown, axis: str, side: Side, order: int) -> list[str]:
        needed, found = order // 2, self._count(unknown, axis, side)
        if found == needed or (found < needed and self._vanishes(unknown, axis, side, order)):
            return []
        if found == 0 and unknown.time_order == 1 and order == 2 and unknown.on_rates is None:
            speed = self._outward_speed(unknown, axis, side)
            if speed > 0:
                return self._diffusion_length(unknown, axis, side, speed)
        plural = "s" * (needed > 1)
        hint = "; outflow is for flow that leaves" if found == 0 else ""
        raise BoundaryError(
            f"a derivative of order {order} needs {needed} condition{plural} at this face, found {found or 'none (outflow)'}; "
            f"give {'dirichlet, neumann or robin' if needed == 1 else f'a list of {needed}'}{hint}",
            key=f"boundary.{unknown.name}.{axis}.{side}",
        )

    def _vanishes(self, unknown: Unknown, axis: str, side: Side, order: int) -> bool:
        """Whether the coefficient of the highest derivative is zero on the face, so that it needs no condition."""
        return self._greatest_coefficient(unknown, axis, side, order) == 0

    def _greatest_coefficient(self, unknown: Unknown, axis: str, side: Side, order: int) -> float | None:
        """The greatest size of the coefficient of the highest derivative on a face; None where it is not known beforehand."""
        total: Any = 0.0
        acting = self._acting(unknown)
        for derivative in spatial_derivatives(acting):
            if self._is_own(unknown, derivative.operand) and derivative.counts == {axis: order}:
                factor = self._values(factor_of(acting, derivative) * derivative.factor_in_front, axis, side)
                if factor is None:
                    return None
                total = total + np.abs(factor)
        return float(np.max(total, initial=0.0))

    def _outward_speed(self, unknown: Unknown, axis: str, side: Side) -> float:
        """The mean speed with which the unknown is carried out through the face; 0 if it comes in anywhere, or is not known."""
        speed = self._speeds([unknown], axis, side)
        if speed is None:
            return 0.0
        outward = (1.0 if side == "right" else -1.0) * speed[:, 0, 0].real
        return float(np.mean(outward)) if np.min(outward) >= 0 else 0.0

    def _diffusion_length(self, unknown: Unknown, axis: str, side: Side, speed: float) -> list[str]:
        """Refuse or note a face that has no condition although diffusion reaches back from it: by about D/v against the flow."""
        D = self._greatest_coefficient(unknown, axis, side, 2)
        if D is None:
            return []
        line, length = self.grid.axes[self.grid.index(axis)], D / speed
        key = f"boundary.{unknown.name}.{axis}.{side}"
        if length > LONGEST_DIFFUSION * line.length:
            raise BoundaryError(
                f"what happens at this face reaches back by diffusion, D/v = {length:.3g} against a length of the axis of "
                f"{line.length:.3g}, so that no condition (outflow) leaves the solution undetermined; give dirichlet, neumann or "
                f"robin, or move the face until the ratio is below {LONGEST_DIFFUSION}",
                key=key,
            )
        if length <= line.spacings.max():
            return []
        return [
            f"{key}: no condition (outflow) where diffusion acts; what lies within about D/v = {length:.3g} of the face is approximate"
        ]

    def _first_order(self, unknowns: list[Unknown], axis: str, side: Side) -> None:
        A = self._speeds(unknowns, axis, side)
        if A is None or not np.any(A):
            return
        speeds = np.linalg.eigvals(A)
        if np.max(np.abs(speeds.imag)) > 1e-6 * np.max(np.abs(speeds)):
            return  # not hyperbolic
        inward = (1.0 if side == "left" else -1.0) * speeds.real
        close = ZERO * np.max(np.abs(inward))
        least = int(np.min(np.sum(inward > close, axis=1)))
        most = int(np.max(np.sum(inward >= -close, axis=1)))
        found = sum(self._count(u, axis, side) for u in unknowns)
        if least <= found <= most:
            return
        names = ", ".join(u.name for u in unknowns)
        wanted = f"{least} characteristic{'s' * (least != 1)} come{'s' * (least == 1)} in here"
        advice = (
            "use outflow"
            if least == 0
            else f"give {least} condition{'s' * (least > 1)} on {names} in all, outflow for the rest"
        )
        slopes = [] if found else self._slopes(unknowns, axis, side)
        if slopes:
            advice = (
                f"neumann of {', '.join(slopes)} says how the state goes on beyond the face, and like outflow prescribes nothing that "
                f"comes in; {advice}, or far_field of all, the state beyond, of which the fluxes take what comes in"
            )
        raise BoundaryError(
            f"{wanted}{' (the flow leaves)' * (least == 0)}, so {least or 'no'} condition{'s' * (least > 1)} fit{'s' * (least < 2)}; "
            f"found {found or ('none that does' if slopes else 'none (outflow)')}; {advice}",
            key=f"boundary.{unknowns[0].name if len(unknowns) == 1 else names}.{axis}.{side}",
        )

    def _slopes(self, unknowns: list[Unknown], axis: str, side: Side) -> list[str]:
        """The unknowns of which there are conditions on the face that do not count."""
        faces = [(u.name, self.beyond.get(self.system.origin(u).name, {}).get(axis)) for u in unknowns]
        return [name for name, pair in faces if pair is not None and pair[side]]

    def _speeds(self, unknowns: list[Unknown], axis: str, side: Side) -> Array | None:
        """A of ``u_t + A u_x = ...`` at every node of a face; None where it is not known beforehand."""
        rows = []
        for unknown in unknowns:
            row = []
            for other in unknowns:
                total: Any = sp.Integer(0)
                for derivative in spatial_derivatives(unknown.rhs):
                    if derivative.counts == {axis: 1}:
                        total -= factor_of(unknown.rhs, derivative) * slope(derivative.operand, other.symbol)
                values = self._values(total, axis, side)
                if values is None:
                    return None
                row.append(values)
            rows.append(row)
        return np.moveaxis(np.array(rows), -1, 0)

    def _values(self, expression: Expression, axis: str, side: Side) -> Array | None:
        """An expression on the nodes of a face, flat; None if it contains derivatives."""
        system, k = self.system, self.grid.index(axis)
        if expression.has(SpatialDerivative):
            return None
        end = 0 if side == "left" else -1
        shape = tuple(1 if i == k else n for i, n in enumerate(self.grid.shape))
        where = {n: c.take([end], axis=k) if n == axis else c for n, c in self.grid.coordinates.items()}
        states = [s for s in system.states if expression.has(s)]
        fields = self.fields() if states else {}
        given = [f.take([end], axis=k) if f.ndim else f for f in (fields[str(s)] for s in states)]
        compiled = compile_expression(expression, [*system.axes, system.t, *system.parameters, *states])
        with np.errstate(all="ignore"):
            values = compiled(*where.values(), self.t, *system.parameters.values(), *given)
        found = np.broadcast_to(np.asarray(values, dtype=complex), shape).ravel()
        return np.nan_to_num(found.real) if np.all(found.imag == 0) else np.nan_to_num(found)
