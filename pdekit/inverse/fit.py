r"""Parameters of a problem from measurements, by least squares.

Sought is the least of ``sum_i ((m_i(p) - d_i)/sigma_i)^2 + alpha int |grad k|^2`` over the parameters p, with what the model says m, the
data d, and, for parameters k that are fields, Tikhonov's regularisation. It is found by the trust-region method of
`scipy.optimize.least_squares` with exact derivatives of the computed m: by as many tangents as there are parameters, or as many
adjoints as there are observations, whichever are fewer (`pdekit.inverse.discrete_derivatives`). The steps in time are chosen at the
first guess and kept, so that m is smooth; where the fit has ended they are chosen again, and it goes on, until nothing changes.

With J the derivatives of the weighted m, and R those of the roots of the regularisation, the covariance is ``s^2 (J^T J + R^T R)^-1``,
``s^2`` the sum of the squares of the residuals over the degrees of freedom ``n - tr(J (J^T J + R^T R)^-1 J^T)``, which is the number of
observations less that of parameters where there are no fields; half an interval is the square root of its diagonal times Student's
quantile. Of fields these are intervals of the regularised problem, whose bias they do not know.

References
----------
G. A. F. Seber and C. J. Wild, *Nonlinear Regression* (1989), sections 2.1 and 5.1; M. A. Branch, T. F. Coleman and Y. Li, SIAM J. Sci.
Comput. 21 (1999) 1-23 (the trust-region method); C. R. Vogel, *Computational Methods for Inverse Problems* (2002), chapters 1 and 6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from pdekit.errors import ConfigError, NotConvergedError
from pdekit.inverse.chosen_parameters import Parameter, chosen_parameters
from pdekit.inverse.fit_result import FitResult
from pdekit.inverse.observations import Observations
from pdekit.inverse.regularisation import gradient_rows
from pdekit.inverse.weighted_residuals import WeightedResiduals
from pdekit.problem import Problem
from pdekit.typing import Array, Matrix

ROUNDS, MOST_EVALUATIONS = 6, 200
TOLERANCE = 1e-11  # of parameters and sums of squares, relative: the search is the same in all units


def fit(
    problem: Problem,
    data: Any,
    parameters: Sequence[str] | Mapping[str, tuple[float, float]],
    *,
    regularisation: float | None = None,
    level: float = 0.95,
    report: Callable[[str], None] | None = None,
) -> FitResult:
    """Fit parameters of a problem to measurements.

    Parameters
    ----------
    problem : Problem
        The values of its parameters are the first guess. A parameter that is an array or a file of values at the nodes is
        fitted as a field.
    data : path, mapping of str to array, or DataFrame
        Columns ``t`` (but for steady problems), one for each axis, and one for each quantity that was measured: an unknown at these
        points, or a number of the state that ``output.series`` names. ``sigma_u`` holds standard deviations of u; without any, all
        data count alike. What is empty or not a number was not measured.
    parameters : sequence of str, or mapping of str to (float, float)
        Their names, ``D`` or ``parameters.D``; with bounds.
    regularisation : float, optional
        alpha, for fields.
    level : float, default 0.95
        Of confidence intervals.
    report : callable of str, optional
        Told after every round.

    Returns
    -------
    FitResult

    Raises
    ------
    ConfigError, StorageError
        Data that do not fit the problem, or too few; a parameter that does nothing, parameters that the data cannot tell apart.
    NotConvergedError
        No least value was found.

    Examples
    --------
    >>> import pdekit as pk
    >>> rod = pk.Problem(pk.PDE("u_t = D*u_xx", parameters={"D": 1.0}), pk.Grid(x=pk.Axis(0, 1, 21)),
    ...                  initial={"u": "sin(pi*x)"}, boundary={"u": {"x": pk.Dirichlet(0)}})
    >>> t = np.linspace(0.1, 1, 10)
    >>> measured = {"t": t, "x": 0.5 + 0*t, "u": np.exp(-0.3*np.pi**2*t) + 0.001*np.sin(50*t)}
    >>> fitted = pk.fit(rod, measured, ["D"])
    >>> print(f"D = {fitted['D']:.3f} +- {fitted.half_widths['D']:.3f}")
    D = 0.301 +- 0.001
    """
    from scipy.optimize import least_squares

    if not 0 < level < 1:
        raise ConfigError(f"must lie between 0 and 1, found {level!r}", key="level")
    problem = problem.with_jacobian()
    chosen = chosen_parameters(problem, list(parameters))
    lower, upper = _bounds(chosen, parameters)
    observations = Observations.of(problem, data)
    model = WeightedResiduals(problem, chosen, observations, _roots(problem, chosen, regularisation))
    model.check_counts()
    p = np.concatenate([q.values.ravel() for q in chosen])
    model.begin(p)
    model.check_effects(p)
    if any(q.is_field for q in chosen):
        model.check_conditions(p)  # the search would go on for long
    rounds, notes, is_settled = 0, list[str](), False
    while not is_settled:
        rounds += 1
        found = least_squares(
            model.residuals, p, model.jacobian, bounds=(lower, upper), x_scale=model.scales(p), xtol=TOLERANCE, ftol=TOLERANCE, gtol=None,
            max_nfev=MOST_EVALUATIONS, tr_solver="exact" if model.is_dense else "lsmr",
        )  # fmt: skip
        model.check_conditions(found.x)
        if found.status == 0:
            raise NotConvergedError(
                f"the fit did not converge in {MOST_EVALUATIONS} evaluations (sum of squares {2 * found.cost:.6g})",
                iterations=MOST_EVALUATIONS,
                left=float(found.optimality),
            )
        if report:
            report(f"round {rounds}: {found.nfev} evaluations, sum of squares {2 * found.cost:.6g}")
        is_settled = model.keeps_steps or (rounds > 1 and model.is_settled(found.x, p))
        p = found.x
        if rounds == ROUNDS and not is_settled:
            notes.append("the fit still changes a little with the choice of steps; a smaller time.rtol would settle it")
            break
        if not is_settled:
            model.begin(p)
    notes += _at_bounds(chosen, p, lower, upper)
    if model.size == observations.count:
        notes.append("there are as many parameters as values: nothing is left to tell how accurate they are")
    return model.result(p, level, rounds, tuple(notes))


def _bounds(chosen: Sequence[Parameter], given: Any) -> tuple[Array, Array]:
    """Bounds by parameter, those of fields at every node."""
    low, high = list[Array](), list[Array]()
    pairs = list(given.values()) if isinstance(given, Mapping) else [(-np.inf, np.inf)] * len(chosen)
    for parameter, pair in zip(chosen, pairs):
        try:
            a, b = (float(end) for end in pair)
        except (TypeError, ValueError):
            raise ConfigError(f"bounds are two numbers, found {pair!r}", key=parameter.key) from None
        values = parameter.values.ravel()
        if not a < b or np.any(values < a) or np.any(values > b):
            guess = f"{values[0]:g}" if values.size == 1 else f"from {values.min():g} to {values.max():g}"
            raise ConfigError(
                f"the first guess, {guess}, lies outside of the bounds {a:g} and {b:g}", key=parameter.key
            )
        low.append(np.full(values.size, a))
        high.append(np.full(values.size, b))
    return np.concatenate(low), np.concatenate(high)


def _at_bounds(chosen: Sequence[Parameter], p: Array, lower: Array, upper: Array) -> list[str]:
    at, found, first = np.minimum(p - lower, upper - p) <= 1e-9 * np.abs(p), list[str](), 0
    for parameter in chosen:
        if np.any(at[first : first + parameter.size]):
            found.append(f"{parameter.key} ended at a bound, where intervals mean nothing")
        first += parameter.size
    return found


def _roots(problem: Problem, chosen: Sequence[Parameter], regularisation: float | None) -> Matrix:
    """R of the regularisation ``|R p|^2``, by all parameters."""
    if regularisation is not None and not 0 < regularisation < np.inf:
        raise ConfigError(f"must be positive, found {regularisation!r}", key="regularisation")
    if regularisation is not None and not any(p.is_field for p in chosen):
        raise ConfigError("is for parameters that are fields; there are none", key="regularisation")
    blocks = [
        np.sqrt(regularisation) * gradient_rows(problem.grid)
        if p.is_field and regularisation is not None
        else sparse.csr_array((0, p.size))
        for p in chosen
    ]
    return sparse.csr_array(sparse.block_diag(blocks, format="csr"))
