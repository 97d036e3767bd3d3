"""The errors that pdekit raises, and the search for the name that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PdekitError(Exception):
    """Base of every error that pdekit raises on purpose."""


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


class SolverError(PdekitError):
    """A linear, nonlinear or time solver cannot do, or did not do, what was asked."""


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
