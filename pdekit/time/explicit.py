"""The explicit engine: Runge-Kutta methods by their tableaux and the stabilised method RKC2, fixed steps or PI control.

Methods never allocate while time runs; where the tableau allows, the update of a stage is part of the pass that
evaluates the right-hand side.

References
----------
E. Hairer, S. P. Norsett and G. Wanner, *Solving Ordinary Differential Equations I*, 2nd ed. (1993), section II.4.
K. Gustafsson, ACM Trans. Math. Softw. 17 (1991) 533-554 (PI control).
B. P. Sommeijer, L. F. Shampine and J. G. Verwer, *RKC: an explicit solver for parabolic PDEs*, J. Comput. Appl. Math. 88
(1998) 315-326.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache, partial
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pdekit.errors import SolverError, StabilityError
from pdekit.kernels.memory import empty_state
from pdekit.time.equal_steps import divided
from pdekit.time.observers import Watch
from pdekit.time.right_hand_side import Rates, Tolerance, WholeStep
from pdekit.time.tables import Tableau

Array = NDArray[Any]
SAFETY, LEAST_FACTOR, GREATEST_FACTOR = 0.9, 0.2, 5.0
RADIUS_EVERY = 25  # steps between estimates of the spectral radius
DAMPING = 2 / 13


class ExplicitMethod(Protocol):
    """One step of an explicit method on states; results go to `out`, which is not `Y`."""

    @property
    def error_order(self) -> int | None:
        """Order of the result from which the error estimate comes; None if there is no estimate."""
        ...

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        """Advance by h; the estimated error in units of the tolerances, if some are given."""
        ...

    def accepted(self, estimated: bool) -> None:
        """The step just made is kept; whether its error was estimated."""
        ...


class RungeKutta:
    """A method given by its tableau.

    Three forms of the same numbers. Shu and Osher's, where the tableau brings it: each stage a blend of states and one
    Euler step. Collected, where only the first subdiagonal of A is occupied: the result grows while the stages replace each
    other (two states beside the old and new ones). Stored, for all others: one array for every stage.
    """

    def __init__(self, rates: Rates, tableau: Tableau, like: Array) -> None:
        self.rates, self.tableau = rates, tableau
        self.error_order = tableau.error_order
        self._first_known = False
        self._whole = rates.whole_step(tableau)
        if self._whole is not None:
            self._step, kept = self._at_once, 0
        elif tableau.shu_osher and not tableau.error:
            self._step, kept = self._blended, tableau.kept
        elif tableau.subdiagonal and not tableau.error:
            self._step, kept = self._collected, tableau.kept
        else:
            self._step, kept = self._stored, 0
            self._stages = empty_state((tableau.stages, *like.shape), like.dtype)
            self._stages[...] = 0
        self._spare = [empty_state(like.shape, like.dtype) for _ in range(kept)]

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        error = self._step(t, Y, h, out, tolerance)
        self.rates.fill(out, t + h)
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
                self.rates.apply("step", t + at * h, now, target, numbers)
            else:
                self.rates.apply("blend", t + at * h, now, target, numbers, others=(Y,))
            if i < self.tableau.stages - 1:
                self.rates.fill(target, t + self.tableau.c[i + 1] * h)
            now = target
        return 0.0

    def _collected(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None) -> float:
        tableau, now, s = self.tableau, Y, self.tableau.stages
        out[...] = Y
        for i in range(s - 1):
            target = self._spare[i % 2]
            numbers = np.array([tableau.A[i + 1][i] * h, 0.0, 1.0, 0.0, 0.0, tableau.b[i] * h])
            self.rates.apply("collect", t + tableau.c[i] * h, now, target, numbers, others=(Y,), z=out)
            self.rates.fill(target, t + tableau.c[i + 1] * h)
            now = target
        last = np.array([0, 0, 0, 0, 0, tableau.b[-1] * h])
        self.rates.apply("finish", t + tableau.c[-1] * h, now, None, last, z=out)
        return 0.0

    def _stored(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None) -> float:
        tableau, F = self.tableau, self._stages
        if not self._first_known:
            self.rates.apply("rate", t, Y, F[0])
            self._first_known = tableau.first_same_as_last
        for i in range(1, tableau.stages):
            weights = h * np.array([*tableau.A[i], *([0.0] * (tableau.stages - i))])
            self.rates.combine(out, Y, weights[: tableau.stages], F)
            self.rates.fill(out, t + tableau.c[i] * h)
            self.rates.apply("rate", t + tableau.c[i] * h, out, F[i])
        if not tableau.first_same_as_last:  # else the last stage is the result
            self.rates.combine(out, Y, h * np.array(tableau.b), F)
        if tolerance is None:
            return 0.0
        return self.rates.error(Y, out, 0.0, h * np.array(tableau.error), F, tolerance)

    def accepted(self, estimated: bool) -> None:
        if self._first_known:
            self._stages[0] = self._stages[-1]


@lru_cache(maxsize=256)
def chebyshev_coefficients(s: int) -> tuple[tuple[float, ...], ...]:
    """``mu, nu, mu~, gamma~, c`` of RKC2 with s stages, by stage from 1 on (Sommeijer et al., eqs. 2.2-2.6).

    Examples
    --------
    >>> mu, nu, mu_t, gamma_t, c = chebyshev_coefficients(10)
    >>> round(c[-1], 12), bool(abs(mu[5] + nu[5]) < 2)
    (1.0, True)
    """
    w0 = 1 + DAMPING / s**2
    T, dT, d2T = [1.0, w0], [0.0, 1.0], [0.0, 0.0]
    for j in range(2, s + 1):
        T.append(2 * w0 * T[j - 1] - T[j - 2])
        dT.append(2 * T[j - 1] + 2 * w0 * dT[j - 1] - dT[j - 2])
        d2T.append(4 * dT[j - 1] + 2 * w0 * d2T[j - 1] - d2T[j - 2])
    w1 = dT[s] / d2T[s]
    b = [0.0, 0.0, *(d2T[j] / dT[j] ** 2 for j in range(2, s + 1))]
    b[0] = b[1] = b[2]
    a = [1 - b[j] * T[j] for j in range(s + 1)]
    c = [0.0, 0.0, *(w1 * d2T[j] / dT[j] for j in range(2, s + 1))]
    c[1] = c[2] / dT[2]
    mu, nu, mu_t, gamma_t = [0.0, 0.0], [0.0, 0.0], [0.0, b[1] * w1], [0.0, 0.0]
    for j in range(2, s + 1):
        mu.append(2 * b[j] * w0 / b[j - 1])
        nu.append(-b[j] / b[j - 2])
        mu_t.append(2 * b[j] * w1 / b[j - 1])
        gamma_t.append(-a[j - 1] * mu_t[j])
    return tuple(mu), tuple(nu), tuple(mu_t), tuple(gamma_t), tuple(c)


class StabilisedChebyshev:
    """RKC2: second order, with as many stages as stability asks for, stable for ``h rho <= 0.65 s^2`` on the negative axis.

    A step of s stages is worth about s/3 steps of a classical method: diffusion without linear solves.
    """

    error_order = 2

    def __init__(self, rates: Rates, like: Array, radius: float) -> None:
        self.rates = rates
        self._spare = empty_state(like.shape, like.dtype)
        self._ends = empty_state((2, *like.shape), like.dtype)  # F at both ends of a step
        self._ends[...] = 0
        self._known = False
        self._since, self.radius = RADIUS_EVERY, radius
        self._direction: Array | None = None
        self._changes = not rates.system.is_linear

    def stages(self, h: float) -> int:
        """Number of stages that is stable at step h."""
        return max(2, int(np.ceil(np.sqrt(1 + 1.54 * h * self.radius))))

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        F0 = self._ends[0]
        if not self._known:
            self.rates.apply("rate", t, Y, F0)
            self._known = True
        self._estimate(t, Y, F0, out)
        s = self.stages(h)
        mu, nu, mu_t, gamma_t, c = chebyshev_coefficients(s)
        # Each stage takes the place of the one before the last; so begun, the last one comes to stand in out.
        before, current = (out, self._spare) if s % 2 == 0 else (self._spare, out)
        before[...] = Y
        self.rates.combine(current, Y, np.array([h * mu_t[1]]), self._ends[:1])
        self.rates.fill(current, t + c[1] * h)
        for j in range(2, s + 1):
            numbers = np.array([h * mu_t[j], mu[j], 1 - mu[j] - nu[j], h * gamma_t[j], nu[j], 0.0])
            self.rates.apply("stabilised", t + c[j - 1] * h, current, before, numbers, others=(Y, F0))
            self.rates.fill(before, t + c[j] * h)
            before, current = current, before
        if tolerance is None:
            return 0.0
        self.rates.apply("rate", t + h, out, self._ends[1])  # the estimate is 0.8 (Y0 - Y1) + 0.4 h (F0 + F1), eq. 2.8
        return self.rates.error(Y, out, 0.8, np.array([0.4 * h, 0.4 * h]), self._ends, tolerance)

    def accepted(self, estimated: bool) -> None:
        self._known = estimated
        if estimated:
            self._ends[0] = self._ends[1]
        # Without an error estimate nothing but the radius says that the stages are enough.
        self._since = self._since + 1 if estimated else RADIUS_EVERY

    def _estimate(self, t: float, Y: Array, F0: Array, probe: Array) -> None:
        """A bound of the spectral radius for a nonlinear system: power iteration on differences of F (Sommeijer et al., 3)."""
        if not self._changes or self._since < RADIUS_EVERY:
            return
        self._since = 0
        image = self._spare
        direction = F0.copy() if self._direction is None else self._direction
        size = float(np.linalg.norm(Y)) or 1.0
        radius = previous = 0.0
        for _ in range(50):
            norm = float(np.linalg.norm(direction))
            if norm == 0:
                direction = np.random.default_rng(0).standard_normal(Y.shape).astype(Y.dtype)
                norm = float(np.linalg.norm(direction))
            scale = np.sqrt(np.finfo(Y.dtype).eps) * size / norm
            np.multiply(direction, scale, out=probe)
            probe += Y
            self.rates.fill(probe, t)
            moved = float(np.linalg.norm(probe - Y))
            self.rates.apply("rate", t, probe, image)
            direction = image - F0
            radius = float(np.linalg.norm(direction)) / moved if moved else 0.0
            if abs(radius - previous) <= 0.01 * radius:
                break
            previous = radius
        self._direction = direction
        self.radius = max(1.2 * radius, 1e-12)


def march_explicit(
    method: ExplicitMethod, rates: Rates, y: Array, times: Sequence[float], step: float, watch: Watch
) -> Iterator[tuple[float, Array]]:
    """Fixed steps from output time to output time, as `pdekit.time.equal_steps.divided` has it.

    Yields
    ------
    (t, y) at every one of `times`, the first included.
    """
    Y = rates.unpacked(times[0], y)
    yield times[0], y
    del y
    out = empty_state(Y.shape, Y.dtype)
    for stretch in divided(times, step):
        for begin, end, last in stretch.steps():
            method.step(begin, Y, stretch.h, out)
            method.accepted(estimated=False)
            Y, out = out, Y
            watch.step_of(end, partial(rates.greatest, Y), partial(rates.packed, Y), last)
        if stretch.end == times[-1]:
            del method, out  # their memory is that of the last frame
        yield stretch.end, rates.packed(Y)


def _first_step(rates: Rates, t: float, Y: Array, span: float, tolerance: Tolerance) -> float:
    """A first step from the sizes of the state and of its rate (Hairer, Norsett and Wanner, II.4, first half)."""
    F = np.empty((1, *Y.shape), dtype=Y.dtype)
    rates.apply("rate", t, Y, F[0])
    zero = np.zeros_like(Y)
    size = rates.error(Y, zero, 1.0, np.zeros(1), F, tolerance)
    slope = rates.error(Y, zero, 0.0, np.ones(1), F, tolerance)
    if not np.isfinite(slope):
        raise StabilityError("the right-hand side is not finite at the start")
    h = 0.01 * size / slope if size > 1e-5 and slope > 1e-5 else 1e-6 * span
    return min(h, span)


def adapt_explicit(
    method: ExplicitMethod, rates: Rates, y: Array, times: Sequence[float], tolerance: Tolerance, watch: Watch
) -> Iterator[tuple[float, Array]]:
    """Steps chosen by a PI controller from the method's own error estimate; output times are hit exactly.

    ``h_new = h * 0.9 * err^(-0.7/k) * err_previous^(0.4/k)``, k the order of the estimate plus one.

    Yields
    ------
    (t, y) at every one of `times`, the first included.
    """
    if method.error_order is None:
        raise SolverError("the method has no error estimate; give it a fixed step")
    Y = rates.unpacked(times[0], y)
    yield times[0], y
    del y
    out = empty_state(Y.shape, Y.dtype)
    t, k, previous = times[0], method.error_order + 1, 1.0
    h = _first_step(rates, t, Y, times[-1] - times[0], tolerance)
    for start, end in pairwise(times):
        t = start
        while t < end:
            left = end - t
            own = left if h >= left * (1 - 1e-10) else (left / 2 if 2 * h > left else h)
            if own < 1e-14 * max(abs(t), abs(end), end - start):
                watch.look(t, rates.greatest(Y), partial(rates.packed, Y))
                raise StabilityError(
                    f"the step has shrunk to {own:.3g} at t = {t:.6g}: the solution changes ever faster there"
                )
            error = method.step(t, Y, own, out, tolerance)
            if not error <= 1.0:
                watch.statistics.rejected += 1
                factor = SAFETY * error ** (-1 / k) if np.isfinite(error) else LEAST_FACTOR
                h = own * min(1.0, max(LEAST_FACTOR, factor))
                continue
            method.accepted(estimated=True)
            t = end if own == left else t + own
            Y, out = out, Y
            error = max(error, 1e-10)
            factor = SAFETY * error ** (-0.7 / k) * previous ** (0.4 / k)
            previous = error
            h = max(own, h if own < h else 0.0) * min(GREATEST_FACTOR, max(LEAST_FACTOR, factor))
            watch.step_of(t, partial(rates.greatest, Y), partial(rates.packed, Y), t == end)
        yield end, rates.packed(Y)


class Counted:
    """A realization that counts its evaluations."""

    def __init__(self, rates: Rates, watch: Watch) -> None:
        self._rates, self._watch = rates, watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rates, name)

    @cached_property
    def apply(self) -> Any:
        inner, statistics = self._rates.apply, self._watch.statistics

        def apply(*arguments: Any, **options: Any) -> None:
            statistics.evaluations += 1
            inner(*arguments, **options)

        return apply

    def whole_step(self, tableau: Tableau) -> WholeStep | None:
        inner = self._rates.whole_step(tableau)
        return None if inner is None else _CountedStep(inner, self._watch)


class _CountedStep:
    def __init__(self, inner: WholeStep, watch: Watch) -> None:
        self._inner, self._statistics = inner, watch.statistics
        self.passes, self.nbytes = inner.passes, inner.nbytes

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        self._statistics.evaluations += self.passes
        return self._inner.step(t, Y, h, out, tolerance)
