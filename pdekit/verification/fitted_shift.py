"""How far the grid shifts fitted parameters, of which their confidence intervals say nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pdekit.errors import PdekitError
from pdekit.inverse.fit import fit
from pdekit.inverse.fit_result import FitResult
from pdekit.verification.estimate import coarser_problems


def fitted_shifts(
    fitted: FitResult, data: Any, parameters: Sequence[str] | Mapping[str, tuple[float, float]]
) -> dict[str, float] | None:
    """The errors of fitted numbers by the error of the grid, from a fit on twice the step by Richardson's extrapolation.

    Parameters
    ----------
    fitted : FitResult
    data : path, mapping of str to array, or DataFrame
    parameters : sequence of str, or mapping of str to (float, float)
        As for the fit.

    Returns
    -------
    dict of str to float, or None
        By parameter; None where there is no coarser grid on which they can be fitted, and of fields.
    """
    if any(p.is_field for p in fitted.parameters):
        return None
    try:
        coarse = fit(coarser_problems(fitted.problem)[0], data, parameters)
    except PdekitError:
        return None
    share = 2.0**fitted.problem.order - 1
    return {p.name: abs(float(fitted[p.name]) - float(coarse[p.name])) / share for p in fitted.parameters}
