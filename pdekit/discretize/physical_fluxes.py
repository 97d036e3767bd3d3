"""The physical fluxes of conservation laws along one axis, pointwise: values, wave speeds, eigenvectors of their Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from pdekit.errors import StabilityError
from pdekit.language.evaluate import compile_expression, slope
from pdekit.language.flux_jacobians import Eigenstructure, eigenstructure, flux_jacobian, inverse_in_symbols
from pdekit.typing import Array, Expression

BETWEEN = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875)  # where states between two are looked at
IMAGINARY = 1e-8  # parts of eigenvalues beside their moduli that are rounding
DEPENDENT = 1e-12  # determinant of normed eigenvectors below which they do not split anything


@dataclass(frozen=True, eq=False)
class PhysicalFluxes:
    """All fluxes along an axis as functions of coordinates, time and parameters (`fixed`) and of the states.

    Parameters
    ----------
    axis : str
    states, fluxes : tuple of expressions
    fixed : tuple of Symbol
        Coordinates, t, parameters.
    positive : tuple of (expression, float)
        What is to stay positive, and what it counts as zero at: where a state among them is that small nothing flows.
    """

    axis: str
    states: tuple[Any, ...]
    fluxes: tuple[Any, ...]
    fixed: tuple[Any, ...]
    positive: tuple[tuple[Any, float], ...] = ()

    @property
    def size(self) -> int:
        """Number of equations."""
        return len(self.states)

    @cached_property
    def closed_form(self) -> Eigenstructure | None:
        """Eigenvalues and eigenvectors in symbols, if there are any."""
        return eigenstructure(self.fluxes, self.states)

    def _compiled(self, expressions: Sequence[Expression], more: Sequence[Any] = ()) -> Callable[..., Any]:
        return compile_expression(sp.Tuple(*expressions), [*self.fixed, *self.states, *more])

    @cached_property
    def _fluxes(self) -> Callable[..., Any]:
        return self._compiled(self.fluxes)

    @cached_property
    def _radicands(self) -> Callable[..., Any]:
        assert self.closed_form is not None
        return self._compiled([e for _, radicand, square in self.closed_form.roots for e in (radicand, square)])

    @cached_property
    def _values(self) -> Callable[..., Any]:
        assert self.closed_form is not None
        return self._compiled(self.closed_form.values, [root for root, *_ in self.closed_form.roots])

    @cached_property
    def _vectors(self) -> Callable[..., Any]:
        """The matrix of right eigenvectors, row by row."""
        assert self.closed_form is not None
        rows = [column[k] for k in range(self.size) for column in self.closed_form.vectors]
        return self._compiled(rows, [root for root, *_ in self.closed_form.roots])

    @cached_property
    def _inverse(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        entries, adjugate, determinant = inverse_in_symbols(self.size)
        return compile_expression(sp.Tuple(*adjugate), entries), compile_expression(determinant, entries)

    @cached_property
    def _jacobian(self) -> Callable[..., Any]:
        return self._compiled(list(flux_jacobian(self.fluxes, self.states)))

    @cached_property
    def _positive(self) -> Callable[..., Any]:
        return self._compiled([expression for expression, _ in self.positive])

    # ---------------------------------------------------------------------------------------------------------- values

    def vacuum(self, states: Sequence[Array]) -> Any:
        """Where a state that is to stay positive is as good as zero."""
        found: Any = False
        for expression, floor in self.positive:
            if expression in self.states:
                found = found | (states[self.states.index(expression)] <= floor)
        return found

    def _masked(self, values: Sequence[Any], states: Sequence[Array]) -> list[Array]:
        shape, empty = states[0].shape, self.vacuum(states)
        full = [np.broadcast_to(v, shape) for v in values]
        return full if empty is False else [np.where(empty, 0.0, v) for v in full]

    def at(self, fixed: Sequence[Any], states: Sequence[Array]) -> list[Array]:
        """The fluxes."""
        return self._masked(self._fluxes(*fixed, *states), states)

    def positive_values(self, fixed: Sequence[Any], states: Sequence[Array]) -> list[Array]:
        """What is to stay positive, its floor taken off."""
        values = self._positive(*fixed, *states)
        return [np.broadcast_to(v, states[0].shape) - floor for v, (_, floor) in zip(values, self.positive)]

    def speeds(self, fixed: Sequence[Any], states: Sequence[Array]) -> list[Array]:
        """The eigenvalues of the flux Jacobian, in an order that is the same everywhere.

        Raises
        ------
        StabilityError
            They are not real; says at which state.
        """
        if self.closed_form is None:
            return self._masked(list(self._numerical(fixed, states)[0]), states)
        return self._masked(self._values(*fixed, *states, *self._roots(fixed, states)), states)

    def radius(self, fixed: Sequence[Any], states: Sequence[Array]) -> Array:
        """The greatest modulus of the eigenvalues."""
        found = np.abs(np.array(self.speeds(fixed, states)))
        return np.asarray(found[0] if len(found) == 1 else np.max(found, axis=0))

    @cached_property
    def is_convex(self) -> bool:
        """Whether the speed between two states is at most that of one of them: not known of a scalar flux beyond the second degree."""
        if self.size > 1:
            return True
        (state,), (flux,) = self.states, self.fluxes
        return not slope(slope(flux, state), state).has(state)

    def radius_between(self, fixed: Sequence[Any], below: Sequence[Array], above: Sequence[Array]) -> Any:
        """The greatest speed at states between two, where it may be greater than at either."""
        if self.is_convex:
            return 0.0
        means = [[(1 - share) * u + share * v for u, v in zip(below, above)] for share in BETWEEN]
        return np.max([self.radius(fixed, mean) for mean in means], axis=0)

    def _roots(self, fixed: Sequence[Any], states: Sequence[Array]) -> list[Array]:
        assert self.closed_form is not None
        if not self.closed_form.roots:
            return []
        found, values = [], self._masked(self._radicands(*fixed, *states), states)
        for radicand, square in zip(values[::2], values[1::2]):
            bad = radicand < -(IMAGINARY**2) * (square + np.max(np.abs(radicand), initial=0.0))
            if np.any(bad):
                self._refuse(np.asarray(bad), states)
            found.append(np.sqrt(np.maximum(radicand, 0.0)))
        return found

    def _refuse(self, bad: Array, states: Sequence[Array]) -> None:
        where = int(np.argmax(bad))
        state = ", ".join(f"{s} = {u.flat[where]:.4g}" for s, u in zip(self.states, states))
        raise StabilityError(
            f"the fluxes along {self.axis!r} are not hyperbolic: their Jacobian has complex eigenvalues at {state}"
        )

    def _numerical(self, fixed: Sequence[Any], states: Sequence[Array]) -> tuple[Array, Array, Array]:
        """Eigenvalues in rising order and eigenvectors, node by node, the number of the eigenvalue first; where all is finite."""
        shape, m = states[0].shape, self.size
        entries = self._masked(self._jacobian(*fixed, *states), states)
        matrix = np.moveaxis(np.array(entries).reshape(m, m, *shape), (0, 1), (-2, -1))
        finite = np.all(np.isfinite(matrix), axis=(-2, -1))
        values, vectors = np.linalg.eig(np.where(finite[..., None, None], matrix, 0.0))
        bad = np.any(np.abs(values.imag) > IMAGINARY * np.max(np.abs(values), initial=0.0), axis=-1)
        if np.any(bad):
            self._refuse(bad, states)
        order = np.argsort(values.real, axis=-1)
        values = np.take_along_axis(values.real, order, axis=-1)
        vectors = np.take_along_axis(vectors.real, order[..., None, :], axis=-1)
        values = np.where(finite[..., None], values, np.nan)  # seen by the alarm for blow-up
        return np.moveaxis(values, -1, 0), np.moveaxis(vectors, (-2, -1), (0, 1)), finite

    def eigenvectors(self, fixed: Sequence[Any], states: Sequence[Array]) -> tuple[Array, Array, Array]:
        """Right eigenvectors (component first, then number), their inverse, and where there are none: unit vectors stand there."""
        shape, m = states[0].shape, self.size
        if self.closed_form is None:
            right = self._numerical(fixed, states)[1]
        else:
            entries = self._vectors(*fixed, *states, *self._roots(fixed, states))
            right = np.array([np.broadcast_to(e, shape) for e in entries]).reshape(m, m, *shape)
        adjugate, determinant = self._inverse
        flat = list(right.reshape(m * m, *shape))
        det = np.broadcast_to(determinant(*flat), shape)
        sizes = np.prod(np.sum(right * right, axis=0), axis=0)
        with np.errstate(all="ignore"):
            lost = ~(det * det > DEPENDENT**2 * sizes) | self.vacuum(states)
            left = np.array([np.broadcast_to(e, shape) / det for e in adjugate(*flat)]).reshape(m, m, *shape)
        unit = np.eye(m).reshape(m, m, *(1,) * len(shape))
        return np.where(lost, unit, right), np.where(lost, unit, left), lost
