"""Derivatives of numbers of the state, such as ``integral(u**2)`` or ``u(0.3)``, by the state and by parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp
from scipy import sparse

from pdekit.discretize.measurement import Measurement
from pdekit.errors import NotDifferentiableError
from pdekit.inverse.promotion import Promotion
from pdekit.language.evaluate import compile_expression, slope
from pdekit.language.symbols import spatial_derivatives
from pdekit.typing import Array, Matrix


def number_slopes(
    promotion: Promotion, measurement: Measurement, where: str, t: float, y: Array
) -> tuple[Matrix, Matrix]:
    """Derivatives of a number of the state by the state and by the parameters, each one row.

    Parameters
    ----------
    promotion : Promotion
    measurement : Measurement
        The number, of the problem of `promotion`.
    where : str
        For messages.
    t : float
    y : array

    Raises
    ------
    NotDifferentiableError
        It contains ``max`` or ``min`` over the nodes.
    """
    equations = promotion.problem.system
    reductions = sorted(spatial_derivatives(measurement.expression), key=str)
    for reduction in reductions:
        if reduction.kind in ("max", "min"):
            raise NotDifferentiableError(f"{reduction.kind}() has no derivative by the state", key=where)
    dummies = {reduction: sp.Dummy() for reduction in reductions}
    formula, frame = measurement.expression.xreplace(dummies), measurement.system.frame(t, y)
    numbers = [measurement.terms[reduction].number(frame) for reduction in reductions]
    arguments = [equations.t, *equations.parameters, *dummies.values()]

    def by(symbol: Any) -> float:
        made: Callable[..., Any] = compile_expression(slope(formula, symbol), arguments)
        return float(made(t, *equations.parameters.values(), *numbers))

    own = np.array([0.0 if p.is_field else by(sp.Symbol(p.name)) for p in promotion.parameters])
    sizes = [p.size for p in promotion.parameters]
    by_state: Any = sparse.csr_array((1, promotion.size))
    by_parameters: Any = sparse.csr_array(np.repeat(own, sizes)[None, :])
    for reduction, dummy in dummies.items():
        state, parameters = promotion.number_slopes(reduction, t, y)
        by_state, by_parameters = by_state + by(dummy) * state, by_parameters + by(dummy) * parameters
    return sparse.csr_array(by_state), sparse.csr_array(by_parameters)
