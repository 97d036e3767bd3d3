r"""Conservative fluxes by limited schemes, ``dF/dx = (F_{i+1/2} - F_{i-1/2})/h``, for systems component by component.

Between nodes the flux is Rusanov's, ``(F(u_-) + F(u_+))/2 - a (u_+ - u_-)/2`` with a the greatest modulus of the eigenvalues of the flux
Jacobian nearby: of node values (``upwind``, order 1), of limited linear states (``muscl``, order 2), or of the split node fluxes
``(F +- a u)/2`` reconstructed (``weno5``, order 5). What leaves one cell enters the next, so shocks move at the right speed. Beyond
faces states are reflected about prescribed values or slopes, and go on as they are where there is no condition: order 2 there.

References
----------
C.-W. Shu, *Essentially Non-oscillatory and Weighted Essentially Non-oscillatory Schemes for Hyperbolic Conservation Laws*, ICASE 97-65
(1997), sections 2.4 and 4.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from pdekit.discretize.evaluation import Values
from pdekit.discretize.reconstruction import limited_slopes, weno5
from pdekit.discretize.terms.term_protocol import Context, KernelForm, NotCompiled, Term
from pdekit.errors import GridError, SolverError, StabilityError
from pdekit.language.evaluate import compile_expression, slope
from pdekit.typing import Array, Expression, Matrix

GHOSTS = {"upwind": 1, "muscl": 2, "weno5": 3}
# With a equal to the greatest speed a split flux is flat to order 4 where that speed is reached, and WENO5 of order 3 there
# (Burgers before the shock, 100 and 200 nodes: 2.98; with this room 5.13, and a twentieth of the error).
ROOM = 1.1
IMAGINARY = 1e-8  # parts of eigenvalues beside their moduli that are rounding


class ConvectiveFluxTerm(Term):
    """The derivative of a physical flux along one axis."""

    def __init__(self, symbol: Expression, context: Context) -> None:
        self.symbol, self.context = symbol, context
        grid = context.grid
        self.axis, self.ghosts = grid.index(symbol.axis), GHOSTS[symbol.scheme]
        self.own = symbol.fluxes.index(symbol.operand)
        line = grid.axes[self.axis]
        if grid.geometry is not None or not line.uniform:
            raise GridError(f"{symbol.scheme} is for uniform axes of cartesian coordinates; {symbol.axis!r} is not one")
        if line.size < 2 * self.ghosts:
            raise GridError(
                f"{symbol.scheme} needs {2 * self.ghosts} nodes along {symbol.axis!r}, there are {line.size}"
            )
        self.h = line.step
        for state, side in product(symbol.states, ("left", "right")):
            for condition in context.faces(state).get(symbol.axis, {"left": (), "right": ()})[side]:
                if condition.coefficients not in ((1,), (1.0,), (0.0, 1.0), (0, 1)):
                    raise GridError(
                        f"boundary.{state}.{symbol.axis}.{side}: with {symbol.scheme} conditions are dirichlet, neumann or outflow"
                    )

    # ------------------------------------------------------------------------------------------------- states and speeds

    @cached_property
    def _arguments(self) -> tuple[Any, ...]:
        system = self.context.system
        return (*system.axes, system.t, *system.parameters, *self.symbol.states)

    @cached_property
    def _flux(self) -> Callable[..., Array]:
        return compile_expression(self.symbol.operand, list(self._arguments))

    @cached_property
    def _slopes(self) -> list[list[Callable[..., Array]]]:
        """The Jacobian of all fluxes by all states."""
        arguments, states = list(self._arguments), self.symbol.states
        return [[compile_expression(sp.sympify(slope(f, u)), arguments) for u in states] for f in self.symbol.fluxes]

    def _speed(self, fixed: Sequence[Any], states: Sequence[Array]) -> Array:
        """The greatest modulus of the eigenvalues of the flux Jacobian.

        Raises
        ------
        StabilityError
            They are not real.
        """
        shape = states[0].shape
        with np.errstate(all="ignore"):
            entries = [[np.broadcast_to(f(*fixed, *states), shape) for f in row] for row in self._slopes]
        if len(entries) == 1:
            return np.abs(entries[0][0])
        matrix = np.moveaxis(np.array(entries), (0, 1), (-2, -1))
        if not np.all(np.isfinite(matrix)):
            return np.full(shape, np.nan)  # seen by the alarm for blow-up
        values = _eigenvalues_of_pairs(matrix) if matrix.shape[-1] == 2 else np.linalg.eigvals(matrix)
        if np.any(np.abs(values.imag) > IMAGINARY * np.max(np.abs(values))):
            raise StabilityError(
                f"the fluxes along {self.symbol.axis!r} are not hyperbolic: their Jacobian has complex eigenvalues somewhere"
            )
        return np.asarray(np.max(np.abs(values), axis=-1))

    def _padded(self, state: Expression, values: Array, t: float) -> Array:
        """A state with nodes beyond the faces, the axis first."""
        u, g, context = np.moveaxis(values, self.axis, 0), self.ghosts, self.context
        line = context.grid.axes[self.axis]
        if line.wraps:
            return np.concatenate([u[-g:], u, u[:g]])
        pair = context.faces(state).get(self.symbol.axis, {"left": (), "right": ()})
        beyond = {}
        for side in ("left", "right"):
            inner = u[1 : g + 1][::-1] if side == "left" else u[-g - 1 : -1][::-1]
            edge = u[:1] if side == "left" else u[-1:]
            conditions = pair[side]
            if not conditions or side not in line.sides:
                beyond[side] = np.repeat(edge, g, axis=0)
            elif conditions[0].is_dirichlet:
                beyond[side] = 2 * edge - inner
            else:
                data = np.moveaxis(context.conditions[state].data[self.axis, side, 0].at(t), self.axis, 0)
                steps = np.arange(g, 0, -1) if side == "left" else np.arange(1, g + 1)
                beyond[side] = inner + 2 * self.h * steps.reshape(-1, *(1,) * (u.ndim - 1)) * data
        return np.concatenate([beyond["left"], u, beyond["right"]])

    def _fixed(self, t: float, first: float, count: int) -> list[Any]:
        """Coordinates (along the axis from `first` on), time and parameters, the axis first."""
        grid, system = self.context.grid, self.context.system
        coordinates = [np.moveaxis(c, self.axis, 0) for c in grid.coordinates.values()]
        line = first + self.h * np.arange(count)
        coordinates[self.axis] = line.reshape(-1, *(1,) * (grid.ndim - 1))
        return [*coordinates, t, *system.parameters.values()]

    # ------------------------------------------------------------------------------------------------------------- value

    def value(self, at: Values) -> Array:
        g, left = self.ghosts, self.context.grid.axes[self.axis].start
        states = [self._padded(s, at.value(s), at.t) for s in self.symbol.states]
        n = states[0].shape[0]
        with np.errstate(all="ignore"):
            if self.symbol.scheme == "muscl":
                flux = self._from_states(at.t, left - 0.5 * self.h, states)
            else:
                flux = self._from_fluxes(self._fixed(at.t, left - g * self.h, n), states)
        return np.moveaxis(np.diff(flux, axis=0) / self.h, 0, self.axis).ravel()

    def _from_states(self, t: float, first: float, states: Sequence[Array]) -> Array:
        """Rusanov's flux of limited linear states, at all points between nodes."""
        halves = [0.5 * limited_slopes(u) for u in states]
        below = [u[1:-2] + s[:-1] for u, s in zip(states, halves)]
        above = [u[2:-1] - s[1:] for u, s in zip(states, halves)]
        fixed = self._fixed(t, first, below[0].shape[0])
        speed = np.maximum(self._speed(fixed, below), self._speed(fixed, above))
        jump = above[self.own] - below[self.own]
        return np.asarray(0.5 * (self._flux(*fixed, *below) + self._flux(*fixed, *above) - speed * jump))

    def _from_fluxes(self, fixed: Sequence[Any], states: Sequence[Array]) -> Array:
        """The flux between nodes from the split node fluxes nearby."""
        g, u = self.ghosts, states[self.own]
        F = np.broadcast_to(self._flux(*fixed, *states), u.shape)
        speed, count = self._speed(fixed, states), u.shape[0] - 2 * g + 1
        near = [slice(k, k + count) for k in range(2 * g)]
        if self.symbol.scheme == "upwind":
            a = np.maximum(speed[near[0]], speed[near[1]])
        else:  # the same all along, so that the flux is smooth
            a = ROOM * self.context.grid.greatest_along(self.axis, np.max(speed, axis=0, keepdims=True))
        plus = [0.5 * (F[part] + a * u[part]) for part in near]
        minus = [0.5 * (F[part] - a * u[part]) for part in near]
        if self.symbol.scheme == "upwind":
            return np.asarray(plus[0] + minus[1])
        return weno5(*plus[:5]) + weno5(*minus[:0:-1])

    # ---------------------------------------------------------------------------------------------------- what others ask

    def row_sum(self, at: Values) -> float:
        states = [np.moveaxis(at.value(s), self.axis, 0) for s in self.symbol.states]
        line = self.context.grid.axes[self.axis]
        return float(np.max(self._speed(self._fixed(at.t, line.start, line.size), states))) / self.h

    def jacobian(self, at: Values) -> Matrix:
        raise SolverError(
            f"{self.symbol.scheme} has no Jacobian: its weights switch with the solution; use an explicit method (courant, tsitouras)",
            key="time.method",
        )

    def kernel_form(self) -> KernelForm:
        raise NotCompiled(f"{self.symbol.scheme} is a limited scheme")


def _eigenvalues_of_pairs(matrix: Array) -> Array:
    """Of 2 x 2 matrices."""
    (a, b), (c, d) = np.moveaxis(matrix, (-2, -1), (0, 1))
    middle, root = 0.5 * (a + d), np.sqrt(0.25 * (a - d) ** 2 + b * c + 0j)
    return np.stack([middle - root, middle + root], axis=-1)
