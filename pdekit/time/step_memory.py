"""What error control remembers from one integration to the next, so that a run can be a chain of integrations."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class StepMemory:
    """The last step and error.

    Parameters
    ----------
    h : float
        The step that was to come next; 0 if there was none.
    error : float
        The error of the last step, in units of the tolerances.
    """

    h: float = 0.0
    error: float = 1.0

    def forget(self) -> None:
        """The right-hand side jumps: what was learnt does not hold any more."""
        self.h, self.error = 0.0, 1.0
