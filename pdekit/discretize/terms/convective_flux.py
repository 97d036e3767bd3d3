r"""Conservative fluxes by limited schemes, ``dF/dx = (F_{i+1/2} - F_{i-1/2})/h``.

What leaves one cell enters the next, so shocks move at the right speed. Beyond faces states are reflected about prescribed values or
slopes, and go on as they are where there is no condition: order 2 there. All equations with fluxes along an axis are done at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from pdekit.boundary.conditions import SIDES, Side
from pdekit.discretize.evaluation import Values
from pdekit.discretize.numerical_fluxes import NumericalFluxes
from pdekit.discretize.physical_fluxes import PhysicalFluxes
from pdekit.discretize.reconstruction import RECONSTRUCTIONS
from pdekit.discretize.terms.term_protocol import Context, FluxSweep, KernelForm, NotCompiled, Term
from pdekit.errors import GridError, SolverError
from pdekit.typing import Array, Expression, Matrix


class ConvectiveFluxTerm(Term):
    """The derivative of a physical flux along one axis."""

    def __init__(self, symbol: Expression, context: Context) -> None:
        self.symbol, self.context = symbol, context
        grid = context.grid
        self.axis, self.ghosts = grid.index(symbol.axis), RECONSTRUCTIONS[symbol.scheme].ghosts
        self.own = symbol.fluxes.index(symbol.operand)
        line = grid.axes[self.axis]
        if grid.geometry is not None or not line.uniform:
            raise GridError(f"{symbol.scheme} is for uniform axes of cartesian coordinates; {symbol.axis!r} is not one")
        if line.size < 2 * self.ghosts:
            raise GridError(
                f"{symbol.scheme} needs {2 * self.ghosts} nodes along {symbol.axis!r}, there are {line.size}"
            )
        self.h = line.step
        for state in symbol.states:
            found = context.conditions.get(state)
            if found is not None and found.of_solution:
                raise GridError(
                    f"boundary.{state}: with {symbol.scheme} the data of conditions cannot depend on the solution"
                )
        for state, side in product(symbol.states, ("left", "right")):
            for condition in context.faces(state).get(symbol.axis, {"left": (), "right": ()})[side]:
                if condition.coefficients not in ((1,), (1.0,), (0.0, 1.0), (0, 1)):
                    raise GridError(
                        f"boundary.{state}.{symbol.axis}.{side}: with {symbol.scheme} conditions are dirichlet, neumann or outflow"
                    )

    # --------------------------------------------------------------------------------------------------------- states

    @cached_property
    def interface(self) -> NumericalFluxes:
        """The fluxes between nodes."""
        system, symbol = self.context.system, self.symbol
        fixed = (*system.axes, system.t, *system.parameters)
        physical = PhysicalFluxes(symbol.axis, symbol.states, symbol.fluxes, fixed, symbol.positive)
        by_characteristics = symbol.by_characteristics and physical.size > 1
        has_walls = any(self._rule(state, side) == "reflect" for state in symbol.states for side in SIDES)
        return NumericalFluxes(
            physical, RECONSTRUCTIONS[symbol.scheme], by_characteristics, self._greatest_along, has_walls
        )

    def _greatest_along(self, values: Array) -> Array:
        """The greatest values along whole lines, from those of the part that is here."""
        return self.context.grid.greatest_along(self.axis, values)

    def _beyond(self, state: Expression, side: Side) -> str:
        """How a state goes on beyond a face: periodic, copy, reflect, slope or given."""
        line = self.context.grid.axes[self.axis]
        if line.wraps:
            return "periodic"
        if side not in line.sides:
            return "copy"  # the end of a part: what is there comes from another process
        return self._rule(state, side)

    def _rule(self, state: Expression, side: Side) -> str:
        """The same at an end of the whole axis."""
        conditions = self.context.faces(state).get(self.symbol.axis, {"left": (), "right": ()})[side]
        if not conditions or conditions[0].is_beyond:
            return "given" if conditions else "copy"
        return "reflect" if conditions[0].is_dirichlet else "slope"

    def _data(self, state: Expression, side: Side, t: float) -> Array:
        """The data of the condition at a face, the axis first."""
        return np.moveaxis(self.context.conditions[state].data[self.axis, side, 0].at(t), self.axis, 0)

    def _far_states(self, states: Sequence[Array], t: float) -> dict[Side, list[Array]]:
        """What stands beyond faces with far fields, the axis first: the state at the face, and of what the far field differs from it that part
        which comes in, by the characteristics of their mean. So what goes out leaves, whatever is far away.
        """
        found: dict[Side, list[Array]] = {}
        physical = self.interface.physical
        ends: tuple[tuple[Side, int, int], ...] = (("left", 1, 0), ("right", -1, states[0].shape[0] - 1))
        for side, sign, first in ends:
            if self._beyond(self.symbol.states[0], side) != "given":
                continue
            edges = [u[:1] if side == "left" else u[-1:] for u in states]
            far = [np.broadcast_to(self._data(s, side, t), e.shape) for s, e in zip(self.symbol.states, edges)]
            fixed, means = self._fixed(t, float(first), 1), [0.5 * (a + b) for a, b in zip(edges, far)]
            with np.errstate(all="ignore"):
                right, left, lost = physical.eigenvectors(fixed, means)
                comes_in = sign * np.array(physical.speeds(fixed, means)) > 0
                gap = np.array(far) - np.array(edges)
                strengths = np.where(comes_in, np.einsum("jk...,k...->j...", left, gap), 0.0)
                arriving = np.where(lost, gap, np.einsum("kj...,j...->k...", right, strengths))
            found[side] = [edge + part for edge, part in zip(edges, arriving)]
        return found

    def _padded(self, state: Expression, values: Array, t: float, far: Mapping[Side, Array]) -> Array:
        """A state with nodes beyond the faces, the axis first."""
        u, g = np.moveaxis(values, self.axis, 0), self.ghosts
        positive = {expression for expression, _ in self.symbol.positive}
        beyond = {}
        for side in SIDES:
            inner = u[1 : g + 1][::-1] if side == "left" else u[-g - 1 : -1][::-1]
            edge, rule = (u[:1] if side == "left" else u[-1:]), self._beyond(state, side)
            if rule == "periodic":
                beyond[side] = u[-g:] if side == "left" else u[:g]
            elif rule == "copy":
                beyond[side] = np.repeat(edge, g, axis=0)
            elif rule == "reflect":
                mirrored = 2 * edge - inner
                beyond[side] = np.where(mirrored > 0, mirrored, edge) if state in positive else mirrored
            elif rule == "given":
                beyond[side] = np.repeat(far[side], g, axis=0)
            else:
                data = self._data(state, side, t)
                steps = np.arange(g, 0, -1) if side == "left" else np.arange(1, g + 1)
                beyond[side] = inner + 2 * self.h * steps.reshape(-1, *(1,) * (u.ndim - 1)) * data
        return np.concatenate([beyond["left"], u, beyond["right"]])

    def _fixed(self, t: float, first: float, count: int) -> list[Any]:
        """Coordinates (along the axis from so many steps after its first node on), time and parameters, the axis first."""
        grid, system = self.context.grid, self.context.system
        coordinates = [np.moveaxis(c, self.axis, 0) for c in grid.coordinates.values()]
        line = grid.axes[self.axis].start + self.h * (first + np.arange(count))
        coordinates[self.axis] = line.reshape(-1, *(1,) * (grid.ndim - 1))
        return [*coordinates, t, *system.parameters.values()]

    # ------------------------------------------------------------------------------------------------------------- value

    @property
    def _shared_name(self) -> tuple[Any, ...]:
        """What all terms of the axis have in common."""
        return (self.symbol.axis, *self.symbol.args[2:])

    def value(self, at: Values) -> Array:
        return at.shared(("divergences", *self._shared_name), lambda: self._divergences(at))[self.own]

    def _divergences(self, at: Values) -> list[Array]:
        """Of the fluxes of all equations, flat."""
        given = [np.moveaxis(at.value(s), self.axis, 0) for s in self.symbol.states]
        far = self._far_states(given, at.t)
        states = [
            self._padded(s, at.value(s), at.t, {side: values[k] for side, values in far.items()})
            for k, s in enumerate(self.symbol.states)
        ]
        fluxes = self.interface.at(lambda first, count: self._fixed(at.t, first, count), states)
        return [np.moveaxis(np.diff(flux, axis=0) / self.h, 0, self.axis).ravel() for flux in fluxes]

    # ---------------------------------------------------------------------------------------------------- what others ask

    def _fastest(self, at: Values) -> float:
        states = [np.moveaxis(at.value(s), self.axis, 0) for s in self.symbol.states]
        physical, nodes = self.interface.physical, states[0].shape[0]
        steps = nodes if self.context.grid.axes[self.axis].wraps else nodes - 1
        with np.errstate(all="ignore"):
            above = [np.roll(u, -1, axis=0)[:steps] for u in states]
            between = physical.radius_between(self._fixed(at.t, 0.0, steps), [u[:steps] for u in states], above)
            return float(max(np.max(physical.radius(self._fixed(at.t, 0.0, nodes), states)), np.max(between)))

    def _fastest_beyond(self, at: Values) -> float:
        """The greatest wave speed of what comes in from far fields: of a state at rest it is the only one."""
        if all(self._beyond(self.symbol.states[0], side) != "given" for side in SIDES):
            return 0.0
        given = [np.moveaxis(at.value(s), self.axis, 0) for s in self.symbol.states]
        radius, last = self.interface.physical.radius, float(given[0].shape[0] - 1)
        with np.errstate(all="ignore"):
            found = [
                np.max(radius(self._fixed(at.t, 0.0 if side == "left" else last, 1), far))
                for side, far in self._far_states(given, at.t).items()
            ]
        return float(max(found))

    def row_sum(self, at: Values) -> float:
        inside = at.shared(("fastest", *self._shared_name), lambda: self._fastest(at))
        beyond = at.shared(("fastest beyond", *self._shared_name), lambda: self._fastest_beyond(at))
        return max(inside, beyond) / self.h

    def jacobian(self, at: Values) -> Matrix:
        raise SolverError(
            f"{self.symbol.scheme} has no Jacobian: its weights switch with the solution; use an explicit method (courant, tsitouras)",
            key="time.method",
        )

    def kernel_form(self) -> KernelForm:
        if self.context.dtype.kind == "c":
            raise NotCompiled(f"{self.symbol.scheme} of complex states")
        if self.context.grid.whole is not self.context.grid:
            raise NotCompiled("processes share the lines of a limited scheme")
        grid, states = self.context.grid, self.symbol.states
        positive = {expression for expression, _ in self.symbol.positive}
        return FluxSweep(
            self._shared_name, self.interface, self.axis, grid.shape, self.h, self.own,
            tuple((self._beyond(s, "left"), self._beyond(s, "right")) for s in states),
            tuple(s in positive for s in states), self._slopes,
        )  # fmt: skip

    def _slopes(self, t: float, states: Sequence[Array]) -> list[tuple[int, int, Array]]:
        """The slopes that are prescribed and the states beyond a face: number of the state, of the face, values."""
        far = self._far_states([np.moveaxis(u, self.axis, 0) for u in states], t)
        found = [
            (k, SIDES.index(side), np.moveaxis(values, 0, self.axis))
            for side, all_values in far.items()
            for k, values in enumerate(all_values)
        ]
        return found + [
            (k, number, self.context.conditions[state].data[self.axis, side, 0].at(t))
            for k, state in enumerate(self.symbol.states)
            for number, side in enumerate(SIDES)
            if self._beyond(state, side) == "slope"
        ]
