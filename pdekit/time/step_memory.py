"""What steps and their control remember from one integration to the next, so that a run can be a chain of integrations."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class StepMemory:
    """The last step and error, and the last estimate of a spectral radius.

    Parameters
    ----------
    h : float
        The step that was to come next; 0 if there was none.
    error : float
        The error of the last step, in units of the tolerances.
    radius : float
        The spectral radius that a stabilised method goes by; 0 if none was estimated.
    radius_age : int
        Steps since it was estimated.
    """

    h: float = 0.0
    error: float = 1.0
    radius: float = 0.0
    radius_age: int = 0

    def forget(self) -> None:
        """The right-hand side jumps: what was learnt does not hold any more."""
        self.h, self.error, self.radius, self.radius_age = 0.0, 1.0, 0.0, 0
