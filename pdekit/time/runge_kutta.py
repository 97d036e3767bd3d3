"""Explicit Runge-Kutta methods by their tableaux.

Methods never allocate while time runs; where the tableau allows, the update of a stage is part of the pass that
evaluates the right-hand side.

References
----------
E. Hairer, S. P. Norsett and G. Wanner, *Solving Ordinary Differential Equations I*, 2nd ed. (1993), section II.4.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from pdekit.counts import Statistics
from pdekit.time.right_hand_side import RightHandSide, WholeStep
from pdekit.time.stepper import Tolerance
from pdekit.time.tables import Tableau
from pdekit.typing import Array


class ExplicitStepper:
    """What steppers on a right-hand side with states of its own shape share."""

    error_order: int | None = None

    def __init__(self, rhs: RightHandSide) -> None:
        self.rhs = rhs

    def begin(self, t: float, y: Array) -> Array:
        return self.rhs.unpacked(t, y)

    def another(self, Y: Array) -> Array:
        return self.rhs.states(1)[0]

    def vector(self, Y: Array) -> Array:
        return self.rhs.packed(Y)

    def full(self, Y: Array) -> Array | None:
        system = self.rhs.system
        is_full = isinstance(Y, np.ndarray) and self.rhs.compiled and Y.dtype == system.dtype
        return Y if is_full and all(block.shape for block in system.blocks) else None

    def greatest(self, Y: Array) -> float:
        return self.rhs.greatest(Y)

    def slope(self, t: float, Y: Array, tolerance: Tolerance) -> tuple[float, float]:
        F, (nothing,) = self.rhs.states(1), self.rhs.states(1)
        self.rhs.apply("rate", t, Y, F[0])
        size = self.rhs.error(Y, nothing, 1.0, np.zeros(1), F, tolerance)
        return size, self.rhs.error(Y, nothing, 0.0, np.ones(1), F, tolerance)


class RungeKutta(ExplicitStepper):
    """A method given by its tableau.

    Three forms of the same numbers. Shu and Osher's, where the tableau brings it: each stage a blend of states and one
    Euler step. Collected, where only the first subdiagonal of A is occupied: the result grows while the stages replace each
    other (two states beside the old and new ones). Stored, for all others: one array for every stage.
    """

    def __init__(self, rhs: RightHandSide, tableau: Tableau) -> None:
        super().__init__(rhs)
        self.tableau = tableau
        self.error_order = tableau.error_order
        self._first_known = False
        self._whole = rhs.whole_step(tableau)
        if self._whole is not None:
            self._step, kept = self._at_once, 0
        elif tableau.shu_osher and not tableau.error:
            self._step, kept = self._blended, tableau.kept
        elif tableau.subdiagonal and not tableau.error:
            self._step, kept = self._collected, tableau.kept
        else:
            self._step, kept = self._stored, 0
            self._stages = rhs.states(tableau.stages)
        self._spare = [rhs.states(1)[0] for _ in range(kept)]

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        error = self._step(t, Y, h, out, tolerance)
        self.rhs.fill(out, t + h)
        return error

    def _at_once(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None) -> float:
        assert self._whole is not None
        return self._whole.step(t, Y, h, out, tolerance)

    def _blended(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None) -> float:
        """``Y_i = a_i Y_0 + b_i Y_(i-1) + c_i h F(Y_(i-1))``."""
        now = Y
        for i, ((a, b, c), at) in enumerate(zip(self.tableau.shu_osher, self.tableau.c)):
            target = out if i == self.tableau.stages - 1 else self._spare[i % 2]
            numbers = np.array([c * h, b, a, 0.0, 0.0, 0.0])
            if a == 0:
                self.rhs.apply("step", t + at * h, now, target, numbers)
            else:
                self.rhs.apply("blend", t + at * h, now, target, numbers, others=(Y,))
            if i < self.tableau.stages - 1:
                self.rhs.fill(target, t + self.tableau.c[i + 1] * h)
            now = target
        return 0.0

    def _collected(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None) -> float:
        tableau, now, s = self.tableau, Y, self.tableau.stages
        self.rhs.copy(out, Y)
        for i in range(s - 1):
            target = self._spare[i % 2]
            numbers = np.array([tableau.A[i + 1][i] * h, 0.0, 1.0, 0.0, 0.0, tableau.b[i] * h])
            self.rhs.apply("collect", t + tableau.c[i] * h, now, target, numbers, others=(Y,), z=out)
            self.rhs.fill(target, t + tableau.c[i + 1] * h)
            now = target
        last = np.array([0, 0, 0, 0, 0, tableau.b[-1] * h])
        self.rhs.apply("finish", t + tableau.c[-1] * h, now, None, last, z=out)
        return 0.0

    def _stored(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None) -> float:
        tableau, F = self.tableau, self._stages
        if not self._first_known:
            self.rhs.apply("rate", t, Y, F[0])
            self._first_known = tableau.first_same_as_last
        for i in range(1, tableau.stages):
            weights = h * np.array([*tableau.A[i], *([0.0] * (tableau.stages - i))])
            self.rhs.combine(out, Y, weights[: tableau.stages], F)
            self.rhs.fill(out, t + tableau.c[i] * h)
            self.rhs.apply("rate", t + tableau.c[i] * h, out, F[i])
        if not tableau.first_same_as_last:  # else the last stage is the result
            self.rhs.combine(out, Y, h * np.array(tableau.b), F)
        if tolerance is None:
            return 0.0
        return self.rhs.error(Y, out, 0.0, h * np.array(tableau.error), F, tolerance)

    def accepted(self, estimated: bool) -> None:
        if self._first_known:
            self.rhs.copy(self._stages[0], self._stages[-1])

    def restart(self) -> None:
        self._first_known = False


class Counted:
    """A right-hand side that counts its evaluations."""

    def __init__(self, rhs: RightHandSide, statistics: Statistics) -> None:
        self._rhs, self._statistics = rhs, statistics

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._rhs, name)
        if callable(found):  # what is asked for at every stage is found here from now on
            vars(self)[name] = found
        return found

    @cached_property
    def apply(self) -> Any:
        inner, statistics = self._rhs.apply, self._statistics

        def apply(*arguments: Any, **options: Any) -> None:
            statistics.evaluations += 1
            inner(*arguments, **options)

        return apply

    def whole_step(self, tableau: Tableau) -> WholeStep | None:
        inner = self._rhs.whole_step(tableau)
        return None if inner is None else _CountedStep(inner, self._statistics)


class _CountedStep:
    def __init__(self, inner: WholeStep, statistics: Statistics) -> None:
        self._inner, self._statistics = inner, statistics
        self.passes, self.nbytes = inner.passes, inner.nbytes

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        self._statistics.evaluations += self.passes
        return self._inner.step(t, Y, h, out, tolerance)
