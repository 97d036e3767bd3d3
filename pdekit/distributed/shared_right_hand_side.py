"""Right-hand sides of explicit methods on the part of one process: the same kernels and matrices, on states brought up to date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pdekit.distributed.halo import Halo
from pdekit.distributed.shared_system import SharedSystem
from pdekit.time.right_hand_side import RightHandSide, WholeStep
from pdekit.time.stepper import Tolerance
from pdekit.time.tables import Tableau
from pdekit.typing import Array


class SharedRightHandSide:
    """A right-hand side whose states are right on the nodes that are owned, and brought up to date before it is evaluated.

    Parameters
    ----------
    inner : RightHandSide
        On the part.
    system : SharedSystem
    passes : int
        After so many evaluations, one after the other, what is owned is still right.
    """

    def __init__(self, inner: RightHandSide, system: SharedSystem, passes: int = 1) -> None:
        self.inner, self.system, self.passes = inner, system, passes
        self.compiled, self.shape, self.dtype = inner.compiled, inner.shape, inner.dtype
        self.halo: Halo = system.state_halo if inner.compiled else system.halo
        self.title = f"{inner.title}, on each of {system.processes.count} ranks"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def _own(self, Y: Array) -> Array:
        """The values that are owned."""
        return Y[(slice(None), *self.system.grid.owned)] if self.compiled else Y[self.halo.owned]

    def evaluate(self, t: float, y: Array) -> Array:
        return self.system.halo.update(np.ascontiguousarray(self.inner.evaluate(t, y)))

    def packed(self, Y: Array) -> Array:
        return self.system.halo.update(self.inner.packed(Y))

    def apply(
        self,
        mode: str,
        t: float,
        Y: Array,
        out: Array | None = None,
        coefficients: Array | None = None,
        others: Sequence[Array] = (),
        z: Array | None = None,
    ) -> None:
        self.inner.apply(mode, t, self.halo.update(Y), out, coefficients, others, z)

    def error(
        self, Y0: Array, Y1: Array, difference: float, weights: Array, stages: Array, tolerance: Tolerance
    ) -> float:
        if not self.compiled:
            return self.inner.error(Y0, Y1, difference, weights, stages, tolerance)
        before, after, total = self._own(Y0), self._own(Y1), 0.0
        e = difference * (before - after)
        for w, F in zip(weights, stages):
            if w != 0:
                e = e + w * self._own(F)
        for k, block in enumerate(self.system.blocks):
            size = np.maximum(np.abs(before[k]), np.abs(after[k]))
            scale = float(np.min(tolerance.absolute[block.slice])) + tolerance.relative * size
            total += float(np.sum(np.abs(e[k] / scale) ** 2))
        return float(np.sqrt(self.system.processes.total(total) / self.system.shared_size))

    def greatest(self, Y: Array) -> float:
        return float(np.max(np.abs(self._own(Y))))

    def norm(self, Y: Array) -> float:
        return float(np.sqrt(self.system.processes.total(float(np.sum(np.abs(self._own(Y)) ** 2)))))

    def whole_step(self, tableau: Tableau) -> WholeStep | None:
        """All stages in one go, where the box is wide enough for what the first one reads to suffice for all."""
        if self.passes < tableau.stages:
            return None
        inner = self.inner.whole_step(tableau)
        if not self.system.processes.everywhere(inner is not None) or inner is None:
            return None  # boxes may differ by a row
        return _SharedStep(inner, self.halo)


@dataclass(frozen=True, eq=False)
class _SharedStep:
    """A step of all stages, of fixed length: brought up to date once."""

    inner: WholeStep
    halo: Halo

    @property
    def passes(self) -> int:
        return self.inner.passes

    @property
    def nbytes(self) -> int:
        return self.inner.nbytes

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        return self.inner.step(t, self.halo.update(Y), h, out, None)
