"""The stabilised method RKC2: diffusion without linear solves.

References
----------
B. P. Sommeijer, L. F. Shampine and J. G. Verwer, *RKC: an explicit solver for parabolic PDEs*, J. Comput. Appl. Math. 88
(1998) 315-326.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from pdekit.geometry.grid import Grid
from pdekit.time.right_hand_side import RightHandSide, Stages
from pdekit.time.runge_kutta import ExplicitStepper
from pdekit.time.step_memory import StepMemory
from pdekit.time.stepper import Tolerance
from pdekit.typing import Array

RADIUS_EVERY = 25  # steps between estimates of the spectral radius
DAMPING = 2 / 13


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


class StabilisedChebyshev(ExplicitStepper):
    """RKC2: second order, with as many stages as stability asks for, stable for ``h rho <= 0.65 s^2`` on the negative axis.

    A step of s stages is worth about s/3 steps of a classical method: diffusion without linear solves.

    Parameters
    ----------
    rhs : RightHandSide
    radius : float
        A bound of the spectral radius, of a linear system; of others it is estimated on the way.
    memory : StepMemory
        May hold an estimate from before; kept up to date.
    """

    error_order = 2

    def __init__(self, rhs: RightHandSide, radius: float, memory: StepMemory) -> None:
        super().__init__(rhs)
        self._spare = rhs.states(1)[0]
        self._ends, self._begin = rhs.states(2), 0  # F at both ends of a step, and which of them is its beginning
        self._known = False  # F at the beginning
        self._finite = False  # whether there are numbers where stages are written to
        self._since, self.radius, self._memory = RADIUS_EVERY, radius, memory
        self._direction: Stages | None = None
        self._changes = not rhs.system.is_linear
        if self._changes and memory.radius > 0:
            self._since, self.radius = memory.radius_age, memory.radius

    def stages(self, h: float) -> int:
        """Number of stages that is stable at step h."""
        return max(2, int(np.ceil(np.sqrt(1 + 1.54 * h * self.radius))))

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        F0 = self._ends[self._begin]
        if not self._known:
            self.rhs.apply("rate", t, Y, F0)
            self._known = True
        self._estimate(t, Y, F0, out)
        s = self.stages(h)
        mu, nu, mu_t, gamma_t, c = chebyshev_coefficients(s)
        # Each stage takes the place of the one before the last; so begun, the last one comes to stand in out.
        before, current = (out, self._spare) if s % 2 == 0 else (self._spare, out)
        if not self._finite:
            self.rhs.copy(before, Y)  # what stands there is taken 0 times, which numbers only survive
        self.rhs.combine(current, Y, np.array([h * mu_t[1]]), self._ends[self._begin : self._begin + 1])
        self.rhs.fill(current, t + c[1] * h)
        for j in range(2, s + 1):
            # Y_0 is Y itself, so that the second stage needs no copy of it.
            first, carried = (1 - mu[j], 0.0) if j == 2 else (1 - mu[j] - nu[j], nu[j])
            numbers = np.array([h * mu_t[j], mu[j], first, h * gamma_t[j], carried, 0.0])
            self.rhs.apply("stabilised", t + c[j - 1] * h, current, before, numbers, others=(Y, F0))
            self.rhs.fill(before, t + c[j] * h)
            before, current = current, before
        self._finite = True  # or the run ends
        if tolerance is None:
            return 0.0
        self.rhs.apply("rate", t + h, out, self._ends[1 - self._begin])
        # The estimate is 0.8 (Y0 - Y1) + 0.4 h (F0 + F1), eq. 2.8.
        error = self.rhs.error(Y, out, 0.8, np.array([0.4 * h, 0.4 * h]), self._ends, tolerance)
        self._finite = bool(np.isfinite(error))
        return error

    def accepted(self, estimated: bool) -> None:
        self._known = estimated
        if estimated:
            self._begin = 1 - self._begin
        # Without an error estimate nothing but the radius says that the stages are enough.
        self._since = self._since + 1 if estimated else RADIUS_EVERY
        if self._changes:
            self._memory.radius, self._memory.radius_age = self.radius, self._since

    def restart(self) -> None:
        self._known, self._finite, self._since = False, False, RADIUS_EVERY

    def _estimate(self, t: float, Y: Array, F0: Array, probe: Array) -> None:
        """A bound of the spectral radius for a nonlinear system: power iteration on differences of F (Sommeijer et al., 3)."""
        if not self._changes or self._since < RADIUS_EVERY:
            return
        self._since = 0
        rhs, image, moved = self.rhs, self._spare, self._ends[1 - self._begin]
        if self._direction is None:
            self._direction = self._first_direction(t, F0)
        direction = self._direction
        size = rhs.norm(Y) or 1.0
        radius = previous = 0.0
        for _ in range(50):
            norm = rhs.norm(direction[0])
            if norm == 0:
                noise = np.random.default_rng(0).standard_normal(rhs.system.size)
                rhs.copy(direction[0], rhs.unpacked(t, noise))
                norm = rhs.norm(direction[0])
            scale = np.sqrt(np.finfo(rhs.dtype).eps) * size / norm
            rhs.combine(probe, Y, np.array([scale]), direction)
            rhs.fill(probe, t)
            rhs.difference(moved, probe, Y)
            distance = rhs.norm(moved)
            rhs.apply("rate", t, probe, image)
            rhs.difference(direction[0], image, F0)
            radius = rhs.norm(direction[0]) / distance if distance else 0.0
            if abs(radius - previous) <= 0.01 * radius:
                break
            previous = radius
        self.radius = max(1.2 * radius, 1e-12)
        self._finite = self._finite and bool(np.isfinite(radius))

    def _first_direction(self, t: float, F0: Array) -> Stages:
        """Waves from node to node, which diffusion damps most, beside F itself: 3 iterations instead of 13 from F (Gray-Scott, 512^2)."""
        rhs, system, signs = self.rhs, self.rhs.system, alternating(self.rhs.system.grid)
        direction, waves = rhs.states(1), rhs.states(1)
        full = {block.name: signs if block.shape else signs.flat[0] for block in system.blocks}
        rhs.copy(waves[0], rhs.unpacked(t, system.pack(full)))
        rhs.combine(direction[0], F0, np.array([(rhs.norm(F0) or 1.0) / rhs.norm(waves[0])]), waves)
        return direction


def alternating(grid: Grid) -> Array:
    """1 and -1 from node to node, of a part of a grid as of the whole.

    Examples
    --------
    >>> from pdekit.geometry.axis import Axis
    >>> alternating(Grid(x=Axis(0, 1, 2), y=Axis(0, 1, 3)))
    array([[ 1., -1.,  1.],
           [-1.,  1., -1.]])
    """
    signs = np.ones(())
    for axis in grid.axes:
        signs = np.multiply.outer(signs, 1.0 - 2.0 * (axis.index % 2))
    return signs
