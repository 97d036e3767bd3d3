r"""Exponential Runge-Kutta methods for semilinear problems ``u' = A u + N(t, u)``: A exactly, N explicitly.

A is what of each equation is diagonal in eigenvectors along the axes (`pdekit.linear.stiff_part`), N the rest, couplings and boundary
data included, evaluated as ``F(t, u) - A u``. Steps are limited by N alone: a reaction, not the diffusion. Where an error is
estimated it is the change that ``N(u')``, which the next step begins with, makes in place of the last stage's:
``h b_s(hA) (N(u') - N(U_s))``; it costs nothing, but both are at the end of the step. Where data change in time, steps hold to a second
estimate as well: the cubic part of N over the step before and this one, which the quadratic through the stages misses,
``h^4 N[t_-1, t_0, t_1/2, t_1] int_0^1 exp((1 - s) hA) w(s) ds``, with ``w = 3/16 s (1 - s)`` for ``|s (s - 1/2) (s - 1)|``: both
integrate to 1/32. A first step takes the quadratic part instead.

References
----------
S. M. Cox and P. C. Matthews, J. Comput. Phys. 176 (2002) 430-455. A.-K. Kassam and L. N. Trefethen, SIAM J. Sci. Comput. 26 (2005)
1214-1233. S. Krogstad, J. Comput. Phys. 203 (2005) 72-88, eq. (51). M. Hochbruck and A. Ostermann, SIAM J. Numer. Anal. 43 (2005)
1069-1090 (orders of stiff problems).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from pdekit.linear.separable import Diagonalisation
from pdekit.time.exponential_tables import Coefficient, ExponentialTableau
from pdekit.time.phi_functions import phi_functions
from pdekit.time.right_hand_side import RightHandSide
from pdekit.time.stepper import Tolerance, VectorStepper
from pdekit.typing import Array

Parts = list[Array]  # coefficients of each unknown
# The estimate is the error of order 3, the result is of order 4: without this factor true errors were 0.16 of the tolerance where
# the solution is damped (Brusselator 128^2 at 1e-6, a reaction with moving data from 1e-4 to 1e-8) and 8 where phases add up (soliton).
BEYOND = 0.25
# Weights of the cubic part of N, ``int exp((1 - s) z) s (1 - s) ds = phi_2 - 2 phi_3`` times 3/16, and of the quadratic part in a first step.
CUBIC: Coefficient = ((3 / 16, 2, 1.0), (-3 / 8, 3, 1.0))
QUADRATIC: Coefficient = ((1.0, 2, 1.0), (-2.0, 3, 1.0))
KEPT = 4  # step lengths whose coefficients are kept


class _Weights:
    """The coefficients of a method for one length of step, by unknown."""

    def __init__(
        self,
        tableau: ExponentialTableau,
        h: float,
        eigenvalues: Sequence[Array],
        of_estimate: Sequence[Coefficient],
    ) -> None:
        scales = sorted({s for row in (*tableau.a, tableau.b) for entry in row for _, _, s in entry} | set(tableau.c))
        self._phi = [{s: phi_functions(s * h * values, 3) for s in scales} for values in eigenvalues]
        self._made: dict[Coefficient, Parts] = {}
        self.decay = [[phi[c][0] for phi in self._phi] for c in (*tableau.c, 1.0)]
        self.a = [[self._combined(entry, h) for entry in row] for row in tableau.a]
        self.b = [self._combined(entry, h) for entry in tableau.b]
        self.missed = [self._combined(entry, h) for entry in of_estimate]
        del self._phi, self._made

    def _combined(self, entry: Coefficient, h: float) -> Parts | None:
        """The same arrays for the same coefficients: a step reads all of them, and they are more than fits in a cache."""
        if not entry:
            return None
        if entry not in self._made:
            self._made[entry] = [np.asarray(h * sum(weight * phi[s][k] for weight, k, s in entry)) for phi in self._phi]
        return self._made[entry]


class ExponentialRungeKutta(VectorStepper):
    """A method given by its tableau.

    Parameters
    ----------
    rhs : RightHandSide
        F of all unknowns.
    modes : sequence of Diagonalisation
        A of each unknown.
    tableau : ExponentialTableau
    rest : callable of (t, y), optional
        N of all unknowns, where it is known without A; by default it is ``F(t, u) - A u``.
    """

    def __init__(
        self,
        rhs: RightHandSide,
        modes: Sequence[Diagonalisation],
        tableau: ExponentialTableau,
        rest: Callable[[float, Array], Array] | None = None,
    ) -> None:
        self.rhs, self.modes, self.tableau, self._rest_alone = rhs, list(modes), tableau, rest
        self.error_order = tableau.error_order
        self._slices = [block.slice for block in rhs.system.blocks]
        eigenvalues = [m.eigenvalues for m in self.modes]
        self._timed = tableau.error_order is not None and rhs.system.is_driven
        of_estimate = (CUBIC, QUADRATIC) if self._timed else ()
        self._weights = lru_cache(maxsize=KEPT)(lambda h: _Weights(tableau, h, eigenvalues, of_estimate))
        self._state: Parts = []
        self._next: Parts = []
        self._first: Parts | None = None  # N at the beginning of the step to come, if it is known
        self._last: Parts | None = None
        self._made: tuple[float, Parts] = 0.0, []  # the last step's length, and N at its beginning
        self._before: tuple[float, Parts] | None = None  # those of the last one kept

    def begin(self, t: float, y: Array) -> Array:
        self._state = self._coefficients(y)
        return y.copy()

    def rate(self, t: float, Y: Array) -> Array:
        if self._rest_alone is None:
            return self.rhs.evaluate(t, Y)
        linear = [m.eigenvalues * u for m, u in zip(self.modes, self._coefficients(Y))]
        return self._vector(linear) + self._rest_alone(t, Y)

    def restart(self) -> None:
        self._first = self._before = None

    def accepted(self, estimated: bool) -> None:
        if self._timed:
            self._before = self._made
        self._state, self._first = self._next, self._last

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        weights, c = self._weights(h), self.tableau.c
        if self._first is None:
            self._first = self._rest(t, Y, self._state)
        N, self._made = [self._first], (h, self._first)
        for i in range(1, len(c)):
            U = self._combined(weights.decay[i], weights.a[i], N)
            N.append(self._rest(t + c[i] * h, self._vector(U), U))
        self._next = self._combined(weights.decay[-1], weights.b, N)
        out[...] = self._vector(self._next)
        self._last = None
        if tolerance is None:
            return 0.0
        self._last = self._rest(t + h, out, self._next)
        last = weights.b[-1]
        assert last is not None
        gap = [b * (new - old) for b, new, old in zip(last, self._last, N[-1])]
        found = tolerance.norm(self._vector(gap), Y, out)
        if self._timed:
            missed = self._missed(weights, h, {**dict(zip(c, N)), 1.0: self._last})
            found = max(found, tolerance.norm(self._vector(missed), Y, out))
        return BEYOND * found

    def _missed(self, weights: _Weights, h: float, known: dict[float, Parts]) -> Parts:
        """What the highest power of time in N adds, N being known at some shares of the step, and at the beginning of the one before."""
        cubic, weight = weights.missed
        if self._before is not None:
            known, weight = {**known, -self._before[0] / h: self._before[1]}, cubic
        assert weight is not None
        of_node = {s: 1 / math.prod(s - other for other in known if other != s) for s in known}
        return [w * sum(of_node[s] * N[i] for s, N in known.items()) for i, w in enumerate(weight)]

    def _combined(self, decay: Parts, row: Sequence[Parts | None], N: Sequence[Parts]) -> Parts:
        """``decay u + sum_j row_j N_j``."""
        found = [d * u for d, u in zip(decay, self._state)]
        for weight, slope in zip(row, N):
            if weight is not None:
                for total, w, n in zip(found, weight, slope):
                    total += w * n
        return found

    def _rest(self, t: float, y: Array, state: Parts) -> Parts:
        """N of a state that is known as a vector and by its coefficients."""
        if self._rest_alone is not None:
            return self._coefficients(self._rest_alone(t, y))
        F = self._coefficients(self.rhs.evaluate(t, y))
        for f, m, u in zip(F, self.modes, state):
            f -= m.eigenvalues * u
        return F

    def _coefficients(self, y: Array) -> Parts:
        return [m.coefficients(y[part]) for m, part in zip(self.modes, self._slices)]

    def _vector(self, state: Parts) -> Array:
        parts = [m.vector(u.copy() if m.overwrites else u) for m, u in zip(self.modes, state)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
