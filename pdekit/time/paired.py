"""Implicit steps of complex systems that have no complex Jacobian: on real and imaginary parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from pdekit.discretize.real_pairs import RealPairs
from pdekit.discretize.system import SemiDiscrete
from pdekit.time.stepper import Stepper, Tolerance
from pdekit.typing import Array


def paired(tolerance: Tolerance) -> Tolerance:
    """The same tolerance for real and imaginary parts."""
    return replace(tolerance, absolute=np.tile(tolerance.absolute, 2))


def on_real_pairs(system: SemiDiscrete, make: Callable[[Any], Stepper]) -> Stepper:
    """The stepper that `make` makes for a system; for its real and imaginary parts where it has no complex Jacobian."""
    return make(system) if system.is_holomorphic else PairedStepper(make(RealPairs(system)))


class PairedStepper:
    """A stepper for real and imaginary parts, as one for the complex system.

    Parameters
    ----------
    stepper : Stepper
        Of a `RealPairs`.
    """

    def __init__(self, stepper: Stepper) -> None:
        self.stepper = stepper
        self.error_order = stepper.error_order
        self.accepted, self.restart, self.greatest = stepper.accepted, stepper.restart, stepper.greatest
        self.another = stepper.another
        self._tolerance: tuple[Tolerance, Tolerance] | None = None

    def begin(self, t: float, y: Array) -> Array:
        return self.stepper.begin(t, RealPairs.split(y))

    def vector(self, Y: Array) -> Array:
        return RealPairs.joined(self.stepper.vector(Y))

    def view(self, Y: Array) -> Array:
        return RealPairs.joined(self.stepper.view(Y))

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        return self.stepper.step(t, Y, h, out, None if tolerance is None else self._paired(tolerance))

    def slope(self, t: float, Y: Array, tolerance: Tolerance) -> tuple[float, float]:
        return self.stepper.slope(t, Y, self._paired(tolerance))

    def _paired(self, tolerance: Tolerance) -> Tolerance:
        if self._tolerance is None or self._tolerance[0] is not tolerance:
            self._tolerance = tolerance, paired(tolerance)
        return self._tolerance[1]
