"""What may stand in an equation: one class a kind, and the table of them. A new kind is a new file and a line here."""

from __future__ import annotations

from pdekit.discretize.terms.convective_flux import ConvectiveFluxTerm
from pdekit.discretize.terms.derivative import DerivativeOnFace, DerivativeTerm
from pdekit.discretize.terms.diffusive_flux import flux_term
from pdekit.discretize.terms.integral_operator import IntegralOperatorTerm
from pdekit.discretize.terms.on_domain import term_on_domain
from pdekit.discretize.terms.on_region import region_of, term_on_region
from pdekit.discretize.terms.reduction import ReductionTerm
from pdekit.discretize.terms.term_protocol import Context, Term, TermMaker
from pdekit.language.convective_fluxes import ConvectiveFlux
from pdekit.language.reductions import IntegralOperator, RateReduction, Reduction
from pdekit.language.scheme_symbols import Shaped
from pdekit.language.symbols import Diff, Flux, Measured, OnFace
from pdekit.typing import Expression

TERMS: dict[type, TermMaker] = {
    Diff: DerivativeTerm,
    Measured: DerivativeTerm,
    OnFace: DerivativeOnFace,
    Shaped: DerivativeTerm,
    Flux: flux_term,
    ConvectiveFlux: ConvectiveFluxTerm,
    Reduction: ReductionTerm,
    RateReduction: ReductionTerm,
    IntegralOperator: IntegralOperatorTerm,
}


def make_term(symbol: Expression, context: Context) -> Term:
    """The term that a derivative of the equations stands for."""
    region = region_of(symbol, context)
    if region is not None:
        return term_on_region(symbol, context, region)
    return TERMS[type(symbol)](symbol, context) if context.grid.is_box else term_on_domain(symbol, context)
