"""Diffusion in flux form, ``d/dx (k du/dx)``: k known, or depending on the solution."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from scipy import sparse

from pdekit.discretize.diffusion import FluxForm, flux_form
from pdekit.discretize.harmonic_mean import jump_conditions
from pdekit.discretize.interface_fluxes import InterfaceFluxes
from pdekit.discretize.kinks import JUMPING
from pdekit.discretize.terms.derivative import CurvedSecondDerivative
from pdekit.discretize.terms.term_protocol import (
    Context,
    Entries,
    FluxDifference,
    NoPattern,
    NotCompiled,
    Source,
    Term,
    Values,
    outer_factor,
)
from pdekit.errors import GridError
from pdekit.language.analysis import depends
from pdekit.language.evaluate import compile_expression
from pdekit.language.symbols import spatial_derivatives
from pdekit.stencils.sparse_products import diagonal
from pdekit.typing import Array, Expression, Matrix


def flux_term(symbol: Expression, context: Context) -> Term:
    """The term of a flux; on curved coordinates, above order 2, a constant k makes it a linear one."""
    if symbol.curved and context.order > 2 and symbol.coefficient == 1:
        return CurvedSecondDerivative(symbol, context)
    return DiffusiveFlux(symbol, context)


class DiffusiveFlux:
    """``divergence @ (known * mean(unknown) * gradient(u))``, the coefficient k being ``known(x, t) * unknown(solution)``."""

    def __init__(self, symbol: Expression, context: Context) -> None:
        self.symbol, self.context = symbol, context
        self.operand = symbol.operand
        self.conditions = context.conditions.get(self.operand)
        self._coefficient: Array | None = None
        self.interfaces = context.interfaces.get((self.operand, symbol.axis), ())
        self.check()

    def check(self) -> None:
        """Find now what is wrong: too few nodes or conditions."""
        self.form  # noqa: B018

    @cached_property
    def factors(self) -> tuple[Any, Any]:
        """k as a factor that is known and one that depends on the solution."""
        k, states = self.symbol.coefficient, self.context.system.states
        if not depends(k, states):
            return k, sp.Integer(1)
        jumps = {part: sp.Dummy() for part in k.atoms(*JUMPING) if not depends(part, states)}
        if jumps:  # a sum of products may hide a common factor
            k = sp.factor(k.xreplace(jumps)).xreplace({dummy: part for part, dummy in jumps.items()})
        known, unknown = k.as_independent(*states, *spatial_derivatives(k), as_Add=False)
        if any(not depends(c, states) for c in jump_conditions(unknown)):
            raise GridError(
                f"div(k*grad(u)): k = {k} jumps in space inside of a factor that depends on the solution; write it as the "
                "product of a factor in space and a factor in the solution"
            )
        if _jumps(unknown, states, self.context.system.parameters) and self._antiderivative(unknown) is None:
            raise GridError(
                f"div(k*grad(u)): k = {k} jumps where the solution passes a value, so that the right-hand side is not continuous; "
                "smooth the jump, for example 1 + 9*(1 + tanh((u - 0.5)/0.02))/2 for where(u > 0.5, 10, 1)"
            )
        return known, unknown

    @cached_property
    def form(self) -> FluxForm:
        """The pieces, those of `pdekit.diffusion`."""
        symbol, context = self.symbol, self.context
        poles = bool(context.grid.poles(symbol.axis)) and not (context.order == 2 and symbol.curved)
        parts = (self.operand, symbol.coefficient, self.factors[1])
        own, k, mean = (context.parity(part, symbol.axis) if poles else 1 for part in parts)
        axis, faces = context.grid.index(symbol.axis), context.faces(self.operand)
        return flux_form(context.grid, axis, context.order, faces, (own, k, mean), weighted=symbol.curved)

    @cached_property
    def _compiled(self) -> Callable[..., Array]:
        """The known factor as a function of time and parameters."""
        system = self.context.system
        return self.form.compiled(self.factors[0], (system.t, *system.parameters), self.context.dtype)

    def known(self, t: float) -> Array:
        """The known factor of k at the flux points."""
        if self._coefficient is None or self.factors[0].has(self.context.system.t):
            found = self._compiled(t, *self.context.system.parameters.values())
            self._coefficient = self._across.with_resistances(found) if self.interfaces else found
        return self._coefficient

    @cached_property
    def _across(self) -> InterfaceFluxes:
        """What interfaces do to the fluxes."""
        system = self.context.system
        beside = compile_expression(self.factors[0], [*system.axes, system.t, *system.parameters])
        return InterfaceFluxes(
            self.form, self.interfaces, lambda t, where: beside(*where.values(), t, *system.parameters.values())
        )

    def _gradient(self, at: Values) -> Array:
        return np.asarray(self.form.gradient.value(self.operand, self.conditions, at))

    def _conductivity(self, at: Values) -> Array:
        """k at the flux points: what depends on the solution by the mean of neighbours, the rest where it stands."""
        known, unknown = self.known(at.t).ravel(), self.factors[1]
        return known if unknown == 1 else known * (self._mean @ at.value(unknown).ravel())

    def _conductivity_slope(self, at: Values) -> Array:
        """Slope of the flux at its points by the factor of k that depends on the solution."""
        return self._gradient(at) * self.known(at.t).ravel()

    @cached_property
    def _mean(self) -> Any:
        return sparse.csr_array(self.form.mean.matrix())

    @cached_property
    def _divergence(self) -> Any:
        return sparse.csr_array(self.form.divergence.matrix())

    def _antiderivative(self, unknown: Expression) -> Any:
        """K of ``k grad(u) = grad(K(u))`` for a k(u) that jumps where u passes a value; None where the mean of neighbours serves.

        Between two nodes the flux is then the difference of K, which is continuous in u, while a mean of k is not: the right-hand
        side of melting would jump whenever a node melts, and no implicit method would come past it.
        """
        grid, own = self.context.grid, {self.operand, *self.context.system.parameters}
        jumping = unknown.has(*JUMPING) and unknown.free_symbols <= own and self.operand in self.context.system.states
        if not jumping or self.context.order > 2 or grid.poles(self.symbol.axis):
            return None
        K = sp.integrate(sp.piecewise_fold(unknown.rewrite(sp.Piecewise)), self.operand)
        return None if K.has(sp.Integral, sp.meijerg, sp.Heaviside) else K

    @cached_property
    def _potential(self) -> Any:
        return self._antiderivative(self.factors[1])

    @cached_property
    def _on_faces(self) -> Array:
        """Which flux points of the axis lie on a face, where the condition says what the gradient is."""
        found = np.zeros(self.form.shape[self.form.axis], dtype=bool)
        for side in self.context.grid.axes[self.form.axis].sides:
            found[0 if side == "left" else -1] = True
        return found

    @cached_property
    def _faces(self) -> Array:
        """The same by all flux points of the grid."""
        others = [-1 if axis == self.form.axis else 1 for axis in range(len(self.form.shape))]
        return np.broadcast_to(self._on_faces.reshape(others), self.form.shape).ravel()

    def value(self, at: Values) -> Array:
        flux = self._conductivity(at) * self._gradient(at)
        if self._potential is not None:
            inside = self.known(at.t).ravel() * (self.form.gradient.matrix @ at.value(self._potential).ravel())
            flux = np.where(self._faces, flux, inside)
        found = np.asarray(self._divergence @ flux)
        return found + self._across.sources(at.t, self.known(at.t)) if self.interfaces else found

    def jacobian(self, at: Values) -> Matrix:
        slope = self.form.gradient.jacobian(self.operand, self.conditions, at)
        inner = diagonal(self._conductivity(at)) @ slope
        unknown = self.factors[1]
        if unknown != 1:
            inner = inner + diagonal(self._conductivity_slope(at)) @ (self._mean @ at.jacobian(unknown))
        if self._potential is not None:
            potential = self.form.gradient.matrix @ at.jacobian(self._potential)
            known = np.where(self._faces, 0.0, self.known(at.t).ravel())
            inner = diagonal(self._faces.astype(float)) @ inner + diagonal(known) @ potential
        return self._divergence @ inner

    def entries(self) -> list[Entries]:
        """K at the flux points times the gradient's weights, and the slope of K where it has one."""
        system = self.context.system
        if (
            self.operand not in system.states
            or self.operand in system.definitions
            or self.context.data_of_solution(self.operand)
        ):
            raise NoPattern
        if self._potential is not None:
            raise NoPattern
        i, f, j, weights = _chained(self._divergence, self.form.gradient.matrix)
        found = [Entries(i, j, weights, self.operand, ((self._conductivity, f),))]
        if self.factors[1] != 1:
            i, f, j, weights = _chained(self._divergence, self._mean)
            slopes: Source = self._conductivity_slope
            for state, inner in self.context.state_slopes(self.factors[1]):
                further = () if inner is None else ((inner, j),)
                found.append(Entries(i, j, weights, state, ((slopes, f), *further)))
        return found

    def row_sum(self, at: Values) -> float:
        if self.context.data_of_solution(self.operand):
            sums = abs(self._divergence) @ self.form.gradient.row_sums(self.conditions, at.t, at.operand)
            return float(np.max(sums)) * float(np.max(np.abs(self._conductivity(at))))
        sums = abs(self.form.rows.divergence.matrix) @ abs(self.form.rows.gradient.matrix)
        size = float(np.max(np.abs(self.known(at.t))))
        unknown, grid = self.factors[1], self.context.grid
        size *= float(np.max(np.abs(at.value(unknown)))) if unknown != 1 else 1.0
        if self.symbol.curved:
            size *= float(np.max(grid.inverse_square_scale(self.form.axis, in_cells=self.context.order == 2)))
        return size * float(np.max(np.asarray(sums.sum(axis=1))))

    def axis_factors(self) -> dict[int, Any] | None:
        rows, axis = self.form.rows, self.form.axis
        known, unknown = self.factors
        system, own = self.context.system, self.context.system.axes[axis]
        plain = unknown == 1 and known.free_symbols <= {own, *system.parameters} and self.context.grid.geometry is None
        if not plain or self.context.data_of_solution(self.operand) or rows.gradient.mirror is not None:
            return None
        if not all(plane.is_uniform for plane in self.interfaces):
            return None
        line = np.moveaxis(self.known(0.0), axis, 0).reshape(rows.points.size, -1)[:, 0]
        return {axis: sparse.csr_array(rows.divergence.matrix @ diagonal(line) @ rows.gradient.matrix)}

    def mean_along_axis(self) -> tuple[int, Any] | None:
        rows, size = self.form.rows, float(np.mean(self.known(0.0).real))
        return self.form.axis, size * sparse.csr_array(rows.divergence.matrix @ rows.gradient.matrix)

    def common_factor(self) -> Any:
        return self.factors[0] if self.factors[1] == 1 and not self.interfaces else None

    def kernel_form(self) -> FluxDifference:
        known, unknown = self.factors
        if self.context.data_of_solution(self.operand):
            raise NotCompiled("boundary data depend on the solution")
        if self.operand not in self.context.system.states:
            raise NotCompiled(f"{self.symbol} is the derivative of an expression")
        if any(plane.is_source for plane in self.interfaces):
            raise NotCompiled(f"{self.operand} jumps at an interface")
        if spatial_derivatives(unknown):
            raise NotCompiled(f"the coefficient {unknown} contains derivatives")
        rows, grid, axis = self.form.rows, self.context.grid, self.form.axis
        if any(part.mirror is not None for part in (rows.divergence, rows.gradient, rows.mean)):
            raise NotCompiled(f"{self.symbol} reads across a pole")
        changes = known.has(self.context.system.t)
        outer = grid.inverse_square_scale(axis, in_cells=self.context.order == 2) if self.symbol.curved else 1.0
        factor = None if known == 1 and not self.interfaces else self.known
        inside = None if self._potential is None else ~self._on_faces
        return FluxDifference(
            self.operand, axis, rows, factor, changes, unknown, outer_factor(outer), self._potential, inside
        )


def _jumps(k: Any, states: Any, parameters: Any) -> bool:
    """Whether a coefficient jumps where a state passes a value; not so where it vanishes on one side, as that of melting does."""
    for condition in jump_conditions(k):
        for relation in condition.atoms(sp.core.relational.Relational):
            used = (relation.lhs - relation.rhs).free_symbols & set(states)
            if len(used) != 1 or k.free_symbols - used - set(parameters):
                continue
            (u,) = used
            body, gap = k.subs(parameters), (relation.lhs - relation.rhs).subs(parameters)
            if not (gap.is_polynomial(u) and sp.degree(gap, u) == 1):
                continue
            at = float(sp.solve(gap, u)[0])
            sides = [complex(body.subs(u, at + side * 1e-7 * max(1.0, abs(at)))) for side in (-1, 1)]
            size = max(abs(complex(body.subs(u, at + side))) for side in (-1, 1))
            if min(map(abs, sides)) > 1e-4 * size and abs(sides[1] - sides[0]) > 1e-3 * size:
                return True
    return False


def _chained(outer: Matrix, inner: Matrix) -> tuple[Array, Array, Array, Array]:
    """All products ``outer[i, f] inner[f, j]``: i, f, j and the products themselves."""
    left, right = sparse.coo_array(outer), sparse.csr_array(inner)
    i, f = left.coords
    counts = np.diff(right.indptr)[f]
    entry = np.repeat(np.arange(f.size), counts)
    within = np.arange(entry.size) - np.repeat(np.cumsum(counts) - counts, counts)
    position = right.indptr[f[entry]] + within
    return i[entry], f[entry], right.indices[position], left.data[entry] * right.data[position]
