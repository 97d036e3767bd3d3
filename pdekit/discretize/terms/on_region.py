"""Terms of unknowns that live in a region of the grid.

Each is the term of a box, made on the region's own grid with the conditions on its faces, and embedded among the nodes of the whole:
its rows are, one by one, those of the same equation on a grid that ends where the region does.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from pdekit.boundary.region_conditions import RegionConditions
from pdekit.discretize.terms.derivative import DerivativeOnFace, DerivativeTerm
from pdekit.discretize.terms.diffusive_flux import flux_term
from pdekit.discretize.terms.reduction import ReductionTerm
from pdekit.discretize.terms.term_protocol import (
    Context,
    Entries,
    KernelForm,
    NotCompiled,
    Source,
    Term,
    TermMaker,
    Values,
)
from pdekit.errors import GridError
from pdekit.geometry.regions import Region, common_region
from pdekit.language.reductions import Reduction
from pdekit.language.scheme_symbols import Shaped
from pdekit.language.symbols import Diff, Flux, Measured, OnFace
from pdekit.typing import Array, Expression, Matrix

KERNELS = "an unknown lives in a region"
INSIDE: dict[type, TermMaker] = {
    Diff: DerivativeTerm,
    Measured: DerivativeTerm,
    OnFace: DerivativeOnFace,
    Shaped: DerivativeTerm,
    Flux: flux_term,
}


def region_of(symbol: Expression, context: Context) -> Region | None:
    """Where all unknowns that stand in an expression live; None if that is everywhere.

    Raises
    ------
    GridError
        Their regions do not overlap.
    """
    return common_region(symbol.free_symbols, context.regions, symbol.short) if context.regions else None


def term_on_region(symbol: Expression, context: Context, region: Region) -> Term:
    """The term that a derivative, or a number made of a field, stands for.

    Raises
    ------
    GridError
        A kind that regions do not have; a flux of an unknown whose coefficient holds one that lives in a part of its region only.
    """
    own = {
        s: c.own if isinstance(c, RegionConditions) and c.region == region else c for s, c in context.conditions.items()
    }
    inside = replace(context, grid=region.own, conditions=own, regions={}, interfaces={})
    if isinstance(symbol, Reduction):
        return ReductionOnRegion(symbol, inside, region)
    if type(symbol) not in INSIDE:
        raise GridError(
            f"{symbol.short}: limited fluxes and integral operators are not for unknowns that live in a region"
        )
    if symbol.operand in context.conditions and context.regions.get(symbol.operand) != region:
        raise GridError(
            f"{symbol.short}: a coefficient lives in {region.described()} only, {symbol.operand} elsewhere too; give "
            f"{symbol.operand} the same region, or let the coefficient be a function of the coordinates"
        )
    if region.is_empty:
        return NothingOfRegion(symbol, region)
    return TermOnRegion(INSIDE[type(symbol)](symbol, inside), region)


@dataclass(frozen=True, eq=False)
class ValuesOnRegion(Values):
    """Everything at one time and state, at the nodes of a region."""

    at: Values
    region: Region

    @property
    def t(self) -> float:  # type: ignore[override]
        return self.at.t

    def value(self, expression: Expression) -> Array:
        return self.region.cut(self.at.value(expression))

    def operand(self, expression: Expression) -> Array:
        return self.region.cut(self.at.operand(expression))

    def slope(self, expression: Expression, dependent: Expression) -> Array:
        return self.region.cut(self.at.slope(expression, dependent))

    def jacobian(self, expression: Expression) -> Matrix:
        return self.region.embedding.T @ self.at.jacobian(expression)

    def operand_jacobian(self, expression: Expression) -> Matrix:
        return self.region.embedding.T @ self.at.operand_jacobian(expression)

    def shared(self, name: Hashable, make: Callable[[], Any]) -> Any:
        return self.at.shared((self.region.spans, name), make)


class TermOnRegion(Term):
    """A term of the region's own grid, zero at all other nodes."""

    def __init__(self, inside: Term, region: Region) -> None:
        self.symbol, self.inside, self.region = inside.symbol, inside, region

    def value(self, at: Values) -> Array:
        return self.region.spread(self.inside.value(ValuesOnRegion(at, self.region))).ravel()

    def jacobian(self, at: Values) -> Matrix:
        return self.region.embedding @ self.inside.jacobian(ValuesOnRegion(at, self.region))

    def entries(self) -> list[Entries]:
        nodes = np.flatnonzero(self.region.within)
        return [
            Entries(
                nodes[e.rows],
                nodes[e.columns],
                e.weights,
                e.state,
                tuple((self._on_region(source), index) for source, index in e.factors),
            )
            for e in self.inside.entries()
        ]

    def _on_region(self, source: Source) -> Source:
        return lambda at: source(ValuesOnRegion(at, self.region))

    def row_sum(self, at: Values) -> float:
        return self.inside.row_sum(ValuesOnRegion(at, self.region))

    def kernel_form(self) -> KernelForm:
        raise NotCompiled(KERNELS)


class NothingOfRegion(Term):
    """A term of a region of which this process has no node."""

    def __init__(self, symbol: Expression, region: Region) -> None:
        self.symbol, self.region = symbol, region

    def value(self, at: Values) -> Array:
        return np.zeros(self.region.size)

    def jacobian(self, at: Values) -> Matrix:
        return at.operand_jacobian(self.symbol.operand) * 0.0

    def entries(self) -> list[Entries]:
        return []

    def row_sum(self, at: Values) -> float:
        return 0.0

    def kernel_form(self) -> KernelForm:
        raise NotCompiled(KERNELS)


class ReductionOnRegion(ReductionTerm):
    """A number made of a field that lives in a region, the same at every node of the whole."""

    def __init__(self, symbol: Expression, inside: Context, region: Region) -> None:
        super().__init__(symbol, inside)
        self.region, self.count = region, region.size

    def number(self, at: Values) -> Any:
        return super().number(ValuesOnRegion(at, self.region))

    def _found(self, at: Values) -> Any:
        if not self.region.is_empty:
            return super()._found(at)
        ranks, kind = self.region.ranks, self.symbol.kind  # what all bring, nothing from here
        if kind in ("max", "min"):
            return ranks.greatest(-np.inf) if kind == "max" else -ranks.greatest(-np.inf)
        return ranks.total(0.0)

    def row(self, at: Values) -> Matrix:
        if self.region.is_empty:
            return sparse.csr_array((1, at.operand_jacobian(self.operand).shape[1]))
        return super().row(ValuesOnRegion(at, self.region))
