"""Terms on domains that are no boxes, and what is refused there."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import sympy as sp
from scipy import sparse

from pdekit.boundary.conditions import DOMAIN
from pdekit.boundary.domain_conditions import DomainConditions
from pdekit.discretize.affine import AffineOperator
from pdekit.discretize.derivatives import affine_derivative, rows_by_axis
from pdekit.discretize.diffusion import FluxForm, flux_form
from pdekit.discretize.domain_lines import OF_FIRST, OF_SECOND, ONE_SIDED, first_derivative, rows_along_lines
from pdekit.discretize.domain_parts import Marks, Nodes, cut_balances, cut_rows, fluxes_at, read_by, rows_at
from pdekit.discretize.domain_rows import Cells, DomainFlux, domain_flux, refuse_unresolved
from pdekit.discretize.terms.derivative import LinearTerm
from pdekit.discretize.terms.diffusive_flux import DiffusiveFlux
from pdekit.discretize.terms.reduction import NODES, ReductionTerm
from pdekit.discretize.terms.term_protocol import (
    Context,
    FluxDifference,
    NotCompiled,
    RowProduct,
    Term,
    TermMaker,
    Values,
)
from pdekit.errors import BoundaryError, GridError
from pdekit.forgetting import forget
from pdekit.geometry.domain_grid import DomainGrid
from pdekit.language.evaluate import compile_expression
from pdekit.language.reductions import Reduction
from pdekit.language.symbols import Diff, Flux, Measured, SpatialDerivative
from pdekit.stencils.rows import AxisRows
from pdekit.typing import Array, Expression

ORDERS = (2, 4)  # those that were verified, 4 with values prescribed


def term_on_domain(symbol: Expression, context: Context) -> Term:
    """The term that a derivative stands for.

    Raises
    ------
    GridError
        What domains cannot do.
    """
    if context.order not in ORDERS:
        raise GridError(
            f"on a domain that is no box derivatives are of orders 2 and 4, found {context.order}; take more points instead",
            key="discretization.order",
        )
    if context.order > 2:
        _refuse_at_order_four(symbol, context)
    make = ON_DOMAIN.get(type(symbol))
    if make is None:
        raise GridError(
            f"{symbol}: schemes, limited fluxes and integral operators need a box; leave them, or the domain, out"
        )
    try:
        return make(symbol, context)
    except BoundaryError as error:
        raise error.under(f"boundary.{symbol.operand}.{DOMAIN}") from None


def _refuse_at_order_four(symbol: Expression, context: Context) -> None:
    """Refuse what has rows of order 2 only: fluxes, conditions on them, and waves, which need symmetric rows."""
    own = context.conditions.get(symbol.operand) if isinstance(symbol, Diff | Flux | Measured) else None
    found = ""
    if isinstance(symbol, Flux):
        found = "div(k*grad(u)); for a known k write k*laplace(u) + dot(grad(k), grad(u))"
    elif isinstance(own, DomainConditions) and own.condition is not None and not own.is_prescribed_on_rim:
        found = "neumann and robin on the boundary of the domain"
    elif _makes_waves(symbol, context):
        found = "waves and complex equations"
    if found:
        raise GridError(
            f"on a domain that is no box order 4 is not for {found}; take order 2", key="discretization.order"
        )


def _derivative(symbol: Expression, context: Context) -> Term:
    if symbol.is_measured and sum(symbol.counts.values()) > 1:
        raise GridError(
            f"{symbol.operand}: on a domain that is no box first derivatives can be looked at, no higher ones"
        )
    if symbol.counts and sum(symbol.counts.values()) == 1:
        return FirstDerivative(symbol, context)
    if len(symbol.counts) == 1 and sum(symbol.counts.values()) == 2 and symbol.operand in context.conditions:
        return SecondDerivative(symbol, context)
    if len(symbol.counts) == 1 and sum(symbol.counts.values()) == 2:
        raise GridError(
            f"{symbol.operand}: on a domain that is no box there are second derivatives of unknowns, and of definitions with boundary "
            "conditions; write div(k*grad(u)), or make it a definition"
        )
    raise GridError(
        f"{symbol.operand}: on a domain that is no box there are first and second derivatives along one axis, no mixed and no higher "
        "ones; make the inner derivative a definition with boundary conditions"
    )


def _refuse_on_boundary(symbol: Expression, context: Context) -> None:
    """Refuse a second derivative of what is prescribed at nodes on the boundary where another unknown's equation needs it."""
    grid, own = context.grid, context.conditions[symbol.operand]
    assert isinstance(grid, DomainGrid) and isinstance(own, DomainConditions)
    if not own.is_prescribed_on_rim or not np.any(grid.on_boundary):
        return
    for unknown in context.system.unknowns:
        other = context.conditions[unknown.symbol]
        if unknown.rhs.has(symbol) and not (isinstance(other, DomainConditions) and other.is_prescribed_on_rim):
            raise GridError(
                f"{unknown.name}: its equation needs a second derivative of {symbol.operand} at nodes on the boundary of the domain, "
                f"where {symbol.operand} is prescribed and {unknown.name} is not; prescribe both, or end the domain between nodes"
            )


def _makes_waves(symbol: Expression, context: Context) -> bool:
    """Whether a derivative stands in an equation of second order in time, or in one with imaginary coefficients."""
    system = context.system
    imaginary = {s for s, value in system.parameters.items() if np.any(np.imag(value))} | {sp.I}
    return any(u.rhs.has(symbol) and (u.time_order == 2 or u.rhs.has(*imaginary)) for u in system.unknowns)


def _cells(symbol: Expression, context: Context) -> Cells:
    """Whole where the derivative makes waves: their matrix must be symmetric."""
    return "whole" if _makes_waves(symbol, context) else "cut"


def _solved_at(symbol: Expression, context: Context) -> Marks:
    """Nodes at which the rows of a derivative matter: where an equation that holds it is solved, or all if it is differentiated again."""
    grid, system = context.grid, context.system
    assert isinstance(grid, DomainGrid)
    holders = [u for u in system.unknowns if u.rhs.has(symbol)]
    outer = {d for e in system.expressions for d in e.atoms(SpatialDerivative) if d != symbol and d.has(symbol)}
    if outer or not holders:
        return grid.within.ravel()
    free = [~context.conditions[u.symbol].prescribed() for u in holders]
    return np.asarray(grid.within & np.any(free, axis=0)).ravel()


class CutTerm(Protocol):
    """What kernels ask of a term on a domain, beside the rows of its box."""

    @property
    def cut(self) -> Marks:
        """Nodes whose rows are not those of the box."""
        ...

    def read(self, rows: Marks) -> Marks:
        """Nodes that marked rows read."""
        ...

    def at(self, nodes: Nodes) -> Term:
        """The term on some nodes only; right in rows that read no others."""
        ...


class _OnDomain(LinearTerm):
    """What both kinds have in common: one axis, and nothing for fast solvers."""

    @cached_property
    def axis(self) -> int:
        (name,) = self.symbol.counts
        return int(self.context.grid.index(name))

    @property
    def cut(self) -> Marks:
        return cut_rows(self.affine, self._in_box)

    def read(self, rows: Marks) -> Marks:
        return read_by(self.affine.matrix, rows)

    def at(self, nodes: Nodes) -> Term:
        return _LinearTermAt(self, nodes)

    def _rows_of_box(self) -> RowProduct:
        grid, faces, order = self.context.grid, self.context.faces(self.operand), self.context.order
        return RowProduct(self.operand, rows_by_axis(grid, self.symbol.counts, order, faces, what=str(self.operand)))

    def _refuse_data_of_solution(self) -> None:
        if self.context.data_of_solution(self.operand):
            raise NotCompiled("boundary data depend on the solution")

    @cached_property
    def _in_box(self) -> AffineOperator:
        """The rows of the box."""
        raise NotImplementedError


class _LinearTermAt(LinearTerm):
    """A term on some nodes of a domain."""

    def __init__(self, whole: _OnDomain, nodes: Nodes) -> None:
        super().__init__(whole.symbol, whole.context)
        self.whole, self.nodes = whole, nodes

    @cached_property
    def affine(self) -> AffineOperator:
        return rows_at(self.whole.affine, self.nodes)


class FirstDerivative(_OnDomain):
    """``du/dx`` of an unknown or an expression."""

    def __init__(self, symbol: Expression, context: Context) -> None:
        super().__init__(symbol, context)
        self.affine  # noqa: B018  (too few nodes are found now)

    @cached_property
    def affine(self) -> AffineOperator:
        grid, own = self.context.grid, None if self.symbol.is_measured else self.conditions
        assert isinstance(grid, DomainGrid)
        own = own if isinstance(own, DomainConditions) else None
        if self.context.order == 2:
            return first_derivative(grid, self.axis, self._in_box, own)
        known = own is not None and own.is_prescribed_on_rim
        count = (OF_FIRST if known else ONE_SIDED)[self.context.order]
        where = _solved_at(self.symbol, self.context)
        return rows_along_lines(grid, self.axis, 1, self._in_box, count, where, is_prescribed=known, own=not known)

    @cached_property
    def _in_box(self) -> AffineOperator:
        grid, faces = self.context.grid, self.context.faces(self.operand)
        return affine_derivative(grid, self.symbol.counts, self.context.order, faces, what=str(self.operand))

    def kernel_form(self) -> RowProduct:
        self._refuse_data_of_solution()
        return self._rows_of_box()


def _placed(term: LinearTerm | DiffusiveFlux) -> tuple[DomainGrid, DomainConditions]:
    """The grid of a term, and the conditions of what it differentiates."""
    grid, conditions = term.context.grid, term.conditions
    assert isinstance(grid, DomainGrid) and isinstance(conditions, DomainConditions)
    return grid, conditions


class SecondDerivative(_OnDomain):
    """``d^2 u/dx^2``, as a flux with k = 1."""

    def __init__(self, symbol: Expression, context: Context) -> None:
        super().__init__(symbol, context)
        _refuse_on_boundary(symbol, context)
        if context.order == 2:
            refuse_unresolved(*_placed(self))
        else:
            self.affine  # noqa: B018  (lines with too few nodes are found now)

    @cached_property
    def affine(self) -> AffineOperator:
        grid, conditions = _placed(self)
        if self.context.order == 2:
            return domain_flux(grid, self.axis, conditions, _cells(self.symbol, self.context)).whole
        where, known = _solved_at(self.symbol, self.context), conditions.is_prescribed_on_rim
        count = OF_SECOND[self.context.order]
        return rows_along_lines(grid, self.axis, 2, self._in_box, count, where, is_prescribed=known, own=True)

    @cached_property
    def _box_flux(self) -> FluxForm:
        assert self.conditions is not None
        return flux_form(self.context.grid, self.axis, 2, self.conditions.faces)

    @cached_property
    def _in_box(self) -> AffineOperator:
        if self.context.order == 2:
            return self._box_flux.operator(1.0)
        grid, faces = self.context.grid, self.context.faces(self.operand)
        return affine_derivative(grid, self.symbol.counts, self.context.order, faces, what=str(self.operand))

    def kernel_form(self) -> RowProduct:
        self._refuse_data_of_solution()
        if self.context.order > 2:
            return self._rows_of_box()
        rows = self._box_flux.rows
        matrix, data = (rows.divergence.matrix @ part for part in (rows.gradient.matrix, rows.gradient.data))
        return RowProduct(self.operand, {self.axis: AxisRows(sparse.csr_array(matrix), sparse.csr_array(data))})


class FluxOnDomain(DiffusiveFlux):
    """``d/dx (k du/dx)``."""

    def __init__(self, symbol: Expression, context: Context) -> None:
        if symbol.operand not in context.conditions:
            raise GridError(
                f"{symbol.operand}: on a domain that is no box div(k*grad(w)) needs w to be an unknown or a definition"
            )
        super().__init__(symbol, context)
        _refuse_on_boundary(symbol, context)

    def check(self) -> None:
        refuse_unresolved(*_placed(self))

    @cached_property
    def form(self) -> DomainFlux:  # type: ignore[override]
        grid, conditions = _placed(self)
        return domain_flux(grid, grid.index(self.symbol.axis), conditions, _cells(self.symbol, self.context))

    @cached_property
    def _compiled(self) -> Any:
        """The known factor at the half points, and at the flux points on the boundary of the domain."""
        system, grid, form = self.context.system, self.context.grid, self.form
        others = (system.t, *system.parameters)
        inner = form.box.compiled(self.factors[0], others, self.context.dtype)
        outer = compile_expression(self.factors[0], [*system.axes, *others])
        where = [form.rim[name] for name in grid.names]

        def values(*given: Any) -> Array:
            on_rim = np.broadcast_to(np.asarray(outer(*where, *given), dtype=self.context.dtype), where[0].shape)
            return np.concatenate([np.nan_to_num(inner(*given)).ravel(), on_rim])

        return values

    @cached_property
    def _faces(self) -> Array:
        count = self.form.shape[0] - self.form.rim[self.context.grid.names[0]].size
        found = np.ones(self.form.shape, dtype=bool)
        inner = np.zeros(self.form.box.shape, dtype=bool)
        if not self.context.grid.axes[self.form.axis].periodic:
            ends = np.moveaxis(inner, self.form.axis, 0)
            ends[0] = ends[-1] = True
        found[:count] = inner.ravel()
        return found

    def row_sum(self, at: Values) -> float:
        sums = abs(self._divergence) @ self.form.gradient.row_sums(self.conditions, at.t, at.operand)
        return float(np.max(sums)) * float(np.max(np.abs(self._conductivity(at))))

    def axis_factors(self) -> None:
        return None

    def mean_along_axis(self) -> None:
        return None

    def common_factor(self) -> None:
        return None

    @property
    def cut(self) -> Marks:
        return cut_balances(self.form)

    def read(self, rows: Marks) -> Marks:
        fluxes = read_by(self._divergence, rows)
        found = read_by(self.form.gradient.matrix, fluxes)
        return found if self.factors[1] == 1 else found | read_by(self._mean, fluxes)

    def at(self, nodes: Nodes) -> Term:
        return _FluxAt(self, nodes)

    def kernel_form(self) -> FluxDifference:
        if self._potential is not None:
            raise NotCompiled(f"the coefficient {self.factors[1]} jumps, on a domain that is no box")
        form = super().kernel_form()
        if form.known is None:
            return form
        count, shape = self.form.box.mean.target.size, self.form.box.shape
        return replace(form, known=lambda t: self.known(t)[:count].reshape(shape))


class _FluxAt(FluxOnDomain):
    """A flux on some nodes of a domain."""

    def __init__(self, whole: FluxOnDomain, nodes: Nodes) -> None:
        self.whole = whole
        self.part, self.points = fluxes_at(whole.form, nodes)
        super().__init__(whole.symbol, whole.context)

    def check(self) -> None:
        """Nothing: the whole was looked at."""

    @property
    def form(self) -> DomainFlux:  # type: ignore[override]
        return self.part

    def known(self, t: float) -> Array:
        return self.whole.known(t)[self.points]


class ReductionOnDomain(ReductionTerm):
    """Numbers of the part of a field that lies in the domain: integrals by the volumes of cut cells."""

    def _values(self, at: Values) -> Array:
        values = super()._values(at)
        if self.symbol.kind not in ("max", "min"):
            return values
        return np.where(self.context.grid.within, values, -np.inf if self.symbol.kind == "max" else np.inf)

    def _weighted_nodes(self) -> tuple[Any, Array] | None:
        grid, kind = self.context.grid, self.symbol.kind
        if kind in ("integral", "mean"):
            own = grid.within & grid.is_owned
            return own, grid.weights[own] / (self._volume() if kind == "mean" else 1.0)
        found = super()._weighted_nodes()
        if kind == "face":
            raise GridError("face() is for boxes; on a domain there are integral, mean, max, min and values at points")
        if found is not None:
            place, weights = found
            if np.any((weights != 0) & ~grid.within[place]):
                where = ", ".join(f"{n} = {float(x):g}" for n, x in zip(grid.names, self.symbol.place))
                raise GridError(
                    f"the value at {where} needs {NODES} nodes along each axis that lie in the domain; take a point further inside"
                )
        return found

    def _volume(self) -> float:
        """That of the whole domain."""
        grid, whole = self.context.grid, self.context.grid.whole
        found = float(np.sum(whole.weights[whole.within]))
        if whole is not grid:
            forget(whole)
        return found


ON_DOMAIN: dict[type, TermMaker] = {
    Diff: _derivative,
    Measured: _derivative,
    Flux: FluxOnDomain,
    Reduction: ReductionOnDomain,
}
