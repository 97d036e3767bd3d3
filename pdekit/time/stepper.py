"""What one step of one method is, for the loop that makes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pdekit.discretize.layout import Block
from pdekit.kernels.memory import empty_state
from pdekit.typing import Array


@dataclass(frozen=True, eq=False)
class Tolerance:
    """What an error is measured by: ``absolute + relative |y|``.

    Parameters
    ----------
    absolute : array
        One for every unknown.
    relative : float
    mean : callable of array
        Over all unknowns, those of other processes included.
    """

    absolute: Array
    relative: float
    mean: Callable[[Array], float] = np.mean

    def of_blocks(self, blocks: Sequence[Block]) -> Array:
        """The absolute tolerance of every block."""
        return np.array([float(np.min(self.absolute[block.slice])) for block in blocks])

    def norm(self, error: Array, y0: Array, y1: Array) -> float:
        """Root mean square of an error in these units; 1 is what is allowed."""
        scale = self.absolute + self.relative * np.maximum(np.abs(y0), np.abs(y1))
        return float(np.sqrt(self.mean(np.abs(error / scale) ** 2)))


class Stepper(Protocol):
    """One step of a method on states of its own shape; results go to `out`, which is not `Y`."""

    @property
    def error_order(self) -> int | None:
        """Order of the companion result from which the error estimate comes; None if there is no estimate."""
        ...

    def begin(self, t: float, y: Array) -> Array:
        """The state of a vector of unknowns."""
        ...

    def another(self, Y: Array) -> Array:
        """A state beside one, to write into."""
        ...

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        """Advance by h; the estimated error in units of the tolerances, if some are given."""
        ...

    def accepted(self, estimated: bool) -> None:
        """The step just made is kept; whether its error was estimated."""
        ...

    def restart(self) -> None:
        """Forget what was kept of earlier steps: the right-hand side jumps here."""
        ...

    def vector(self, Y: Array) -> Array:
        """The vector of unknowns of a state."""
        ...

    def view(self, Y: Array) -> Array:
        """The same to look at, which may be memory of the state itself."""
        ...

    def greatest(self, Y: Array) -> float:
        """The greatest modulus of a state; not a number if there is one that is not."""
        ...

    def slope(self, t: float, Y: Array, tolerance: Tolerance) -> tuple[float, float]:
        """Sizes of the state and of its rate in units of the tolerances, for a first step."""
        ...


class VectorStepper:
    """What steppers on vectors of unknowns share."""

    error_order: int | None = None

    def begin(self, t: float, y: Array) -> Array:
        return y.copy()

    def another(self, Y: Array) -> Array:
        return empty_state(Y.shape, Y.dtype)

    def accepted(self, estimated: bool) -> None:
        """Nothing is kept."""

    def restart(self) -> None:
        """Nothing was kept."""

    def vector(self, Y: Array) -> Array:
        return Y.copy()

    def view(self, Y: Array) -> Array:
        return Y

    def greatest(self, Y: Array) -> float:
        return float(np.max(np.abs(Y)))

    def rate(self, t: float, Y: Array) -> Array:
        """The right-hand side."""
        raise NotImplementedError

    def slope(self, t: float, Y: Array, tolerance: Tolerance) -> tuple[float, float]:
        F, nothing = self.rate(t, Y), np.zeros_like(Y)
        return tolerance.norm(Y, Y, nothing), tolerance.norm(F, Y, nothing)
