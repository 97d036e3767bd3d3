"""What a fit has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pdekit.errors import nearest_hint
from pdekit.inverse.chosen_parameters import Parameter
from pdekit.inverse.differentiable_run import DifferentiableRun
from pdekit.inverse.observations import Observations
from pdekit.problem import Problem
from pdekit.typing import Array

DIGITS = 2  # of a standard error


@dataclass(frozen=True, eq=False)
class FitResult:
    """Fitted parameters.

    Parameters
    ----------
    problem : Problem
        With the fitted values.
    parameters : tuple of Parameter
        The same values.
    errors : dict of str to array
        Standard errors, by parameter; not numbers where there are as many parameters as data, or more than 1000.
    half_widths : dict of str to array
        Half the lengths of the confidence intervals.
    level : float
        Of confidence.
    covariance : array
        Of all parameters, one after the other; of fields all nodes.
    observations : Observations
    predicted : array
        What the fitted model says in their place.
    run : DifferentiableRun
        The fitted run.
    degrees : float
        Of freedom; not a number where there are more than 1000 parameters.
    evaluations, rounds : int
        How many runs with other values there were, and how many times steps were chosen.
    notes : tuple of str
    """

    problem: Problem
    parameters: tuple[Parameter, ...]
    errors: dict[str, Array]
    half_widths: dict[str, Array]
    level: float
    covariance: Array
    observations: Observations
    predicted: Array
    run: DifferentiableRun
    degrees: float
    evaluations: int
    rounds: int
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Any:
        """The fitted value of a parameter: a number, or the values at the nodes."""
        for p in self.parameters:
            if name in (p.name, p.key):
                return p.values if p.is_field else float(p.values)
        names = [p.name for p in self.parameters]
        raise KeyError(f"{name!r} was not fitted; there are {names}{nearest_hint(name, names)}")

    def interval(self, name: str) -> tuple[Any, Any]:
        """The confidence interval of a parameter."""
        value, half = self[name], self.half_widths[name.removeprefix("parameters.")]
        low, high = value - half, value + half
        return (low, high) if np.ndim(value) else (float(low), float(high))

    @property
    def residuals(self) -> Array:
        """Model less data, in standard deviations of the data where these are given."""
        return np.asarray((self.predicted - self.observations.values) / self.observations.deviations)

    @property
    def deviation(self) -> float:
        """Estimated standard deviation of the data, or, where theirs are given, of the residuals in these units: about 1 if they are right.

        Where the degrees of freedom are not known, by the number of data.
        """
        if np.isnan(self.degrees):
            return float(np.sqrt(np.mean(self.residuals**2)))
        return float(np.sqrt(self.residuals @ self.residuals / self.degrees)) if self.degrees > 0 else float("nan")

    @property
    def correlation(self) -> Array:
        """Of the parameters, in their order."""
        root = np.sqrt(np.diag(self.covariance))
        return np.asarray(self.covariance / np.outer(root, root))

    def plot(self, **options: Any) -> Any:
        """Draw data and model; see `pdekit.plotting.fit_picture.plot_fit`."""
        from pdekit.plotting.fit_picture import plot_fit

        return plot_fit(self, **options)


def significant(value: float, error: float) -> int:
    """How many digits of a value its standard error leaves.

    Examples
    --------
    >>> significant(0.123456, 0.0012), significant(123456.0, 3e9)
    (4, 2)
    """
    if not (np.isfinite(error) and error > 0 and value != 0):
        return 6
    return int(np.clip(np.floor(np.log10(abs(value))) - np.floor(np.log10(error)) + DIGITS, DIGITS, 12))
