"""The right-hand side of explicit methods on a GPU: states, stages and their combinations stay on the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pdekit.time.stepper import Tolerance
from pdekit.typing import Array

if TYPE_CHECKING:
    from pdekit.kernels.device_kernel import DeviceKernel
    from pdekit.time.tables import Tableau


class DeviceRightHandSide:
    """By kernels of a GPU; a state is a flat array on the device, and comes back where somebody looks at it.

    Parameters
    ----------
    kernel : DeviceKernel
    device : str
        What the device calls itself.
    """

    compiled = True

    def __init__(self, kernel: DeviceKernel, device: str) -> None:
        self.kernel, self.system, self._passes = kernel, kernel.system, kernel.passes
        self.shape, self.dtype = kernel.shape, kernel.dtype
        self.title = f"compiled kernels on a GPU ({device})"
        self.evaluate, self.states = kernel.rhs, kernel.states
        self.unpacked, self.packed, self.fill = kernel.unpacked, kernel.packed, kernel.fill
        self._found: tuple[Tolerance, Any] | None = None

    def apply(self, mode: str, t: float, Y: Any, out: Any = None, *others: Any, **options: Any) -> None:
        self.kernel.apply(mode, t, Y, out, *others, **options)
        if mode == "rate" and out is not None:  # a step of prescribed nodes has no error of its own
            self.kernel.fill_rates(out, t)

    def copy(self, out: Any, Y: Any) -> None:
        self._passes.combine(out, Y, [])

    def difference(self, out: Any, X: Any, Y: Any) -> None:
        self._passes.combine(out, X, [(-1.0, Y)])

    def combine(self, out: Any, Y: Any, weights: Array, stages: Sequence[Any]) -> None:
        self._passes.combine(out, Y, _terms(weights, stages))

    def error(
        self, Y0: Any, Y1: Any, difference: float, weights: Array, stages: Sequence[Any], tolerance: Tolerance
    ) -> float:
        atol, rtol = self._tolerances(tolerance), tolerance.relative
        terms, size = _terms(weights, stages), self.system.grid.size
        return float(np.sqrt(self._passes.error(Y0, Y1, difference, terms, size, atol, rtol) / self.system.size))

    def _tolerances(self, tolerance: Tolerance) -> Any:
        """The absolute tolerance of every block on the device, copied once for a run."""
        if self._found is None or self._found[0] is not tolerance:
            self._found = tolerance, self.kernel.on_device(tolerance.of_blocks(self.system.blocks))
        return self._found[1]

    def greatest(self, Y: Any) -> float:
        return self._passes.greatest(Y)

    def norm(self, Y: Any) -> float:
        return float(np.sqrt(self._passes.squares(Y)))

    def fastest(self, t: float, y: Array) -> dict[Any, float]:
        return {}

    def whole_step(self, tableau: Tableau) -> None:
        """None."""


def _terms(weights: Array, stages: Sequence[Any]) -> list[tuple[float, Any]]:
    """Weights that are not zero, each with its stage."""
    return [(float(w), stage) for w, stage in zip(weights, stages) if w != 0]
