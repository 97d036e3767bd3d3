"""The errors that pdekit raises, and the search for the name that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Self


class PdekitError(Exception):
    """Base of every error that pdekit raises on purpose.

    Parameters
    ----------
    message : str
        What was found, and what is allowed.
    key : str, optional
        Where in the problem: a key path as in a config, ``boundary.u.x.left``.
    place : str, optional
        Where that stands: a file and its line, or an override.

    Examples
    --------
    >>> print(ConfigError("must be positive, found -1", key="time.step"))
    time.step: must be positive, found -1
    """

    def __init__(self, message: str, *, key: str = "", place: str = "") -> None:
        super().__init__(message)
        self.message, self.key, self.place = message, key, place

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.key, self.message) if part)

    def under(self, key: str, place: str = "") -> Self:
        """The same error with a key path and a place, unless it has them already."""
        self.key, self.place = self.key or key, self.place or place
        return self


class ConfigError(PdekitError):
    """A config file, or a value given in its place, is not what the config language allows."""


class GridError(PdekitError):
    """An axis, a grid or data on a grid are inconsistent."""


class BoundaryError(PdekitError):
    """A boundary condition is missing, given twice, misplaced or contradictory."""


class ExpressionError(PdekitError):
    """A text is not a valid expression or equation of the language."""


class StabilityError(PdekitError):
    """A computation is unstable, blew up, or would do so."""


class BlowUpError(StabilityError):
    """The solution is not finite any more, or has grown without bound."""


class SolverError(PdekitError):
    """A linear, nonlinear or time solver cannot do, or did not do, what was asked."""


class NotDifferentiableError(SolverError):
    """A right-hand side has no complex derivative, which an implicit method would need."""


class SingularError(SolverError):
    """A matrix is singular, exactly or to working accuracy."""


class IncompatibleDataError(SolverError):
    """A problem that prescribes derivatives only, with sources and boundary fluxes that do not balance."""


class NotConvergedError(SolverError):
    """An iteration did not reach its tolerance.

    Parameters
    ----------
    iterations : int
        How many there were.
    left : float
        The last correction beside the solution, or the residual.
    """

    def __init__(self, message: str, *, iterations: int = 0, left: float = float("nan")) -> None:
        super().__init__(message)
        self.iterations, self.left = iterations, left


class StorageError(PdekitError):
    """A results file cannot be written, or is not a results file."""


def nearest_hint(name: str, allowed: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the allowed name nearest to `name`, or an empty text.

    Examples
    --------
    >>> nearest_hint("dirichlt", ["dirichlet", "neumann"])
    "; did you mean 'dirichlet'?"
    """
    match = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.6)
    return f"; did you mean {match[0]!r}?" if match else ""
