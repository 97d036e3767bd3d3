r"""Exponential propagators: linear problems are solved exactly, whatever the step.

``y' = L y + b`` has ``y(t + h) = exp(hL) y + h phi_1(hL) b`` where b is constant, and ``q'' = K q + b`` the cosine and the sine of
``h sqrt(-K)``. Where L is separable both are numbers in its eigenvectors (`SeparablePropagator`). Sources and data that change in
time are interpolated by a polynomial of degree 4 within a step, which is integrated exactly,

    y(t + h) = exp(hL) y + sum_j h^{j+1} phi_{j+1}(hL) b_j,    b(t + s) = sum_j b_j s^j/j!,

of order 5 without order reduction, the error being the difference from degree 3. There is no stability limit: modes are damped, or
turned, as they are in the semi-discrete system.

References
----------
M. Hochbruck and A. Ostermann, *Exponential integrators*, Acta Numerica 19 (2010) 209-286, section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from pdekit.counts import Statistics
from pdekit.discretize.system import SemiDiscrete
from pdekit.linear.separable import Diagonalisation
from pdekit.time.phi_functions import oscillation_functions, phi_functions
from pdekit.time.stepper import Tolerance, VectorStepper
from pdekit.typing import Array

Coefficients = list[Array]  # of the parts of a state: y, or q and q'
APART = 1e-6  # of what both roots of a critically damped mode have in common
NODES = 0.5 * (1 - np.cos(np.pi * np.arange(5) / 4))  # Chebyshev's, of a step of length 1


def _derivatives(nodes: Array, kept: Sequence[int]) -> Array:
    """Derivatives at 0 of the polynomial through values at some nodes, as a matrix of shape (derivatives, nodes)."""
    W = np.zeros((nodes.size, nodes.size))
    inverse = np.linalg.inv(np.vander(nodes[list(kept)], increasing=True))
    factorials = np.cumprod([1.0, *range(1, len(kept))])
    W[: len(kept), list(kept)] = factorials[:, None] * inverse
    return W


FULL, REDUCED = _derivatives(NODES, range(5)), _derivatives(NODES, (0, 1, 3, 4))


class Modes(Protocol):
    """What becomes of the eigenvectors' coefficients in a time h; `sources` are the derivatives of the source at its start."""

    def advance(self, h: float, state: Coefficients, sources: Sequence[Array]) -> Coefficients:
        """The coefficients at the end."""
        ...


class FirstOrderModes:
    """``c' = lambda c + s(t)``; functions of h lambda are kept for the last h."""

    def __init__(self, eigenvalues: Array) -> None:
        self.eigenvalues = eigenvalues
        self._kept: tuple[float, int, list[Array]] = (np.nan, -1, [])

    def _phi(self, h: float, highest: int) -> list[Array]:
        if self._kept[0] != h or self._kept[1] < highest:
            self._kept = h, highest, phi_functions(h * self.eigenvalues, highest)
        return self._kept[2]

    def advance(self, h: float, state: Coefficients, sources: Sequence[Array]) -> Coefficients:
        phi = self._phi(h, len(sources))
        c = phi[0] * state[0]
        for j, source in enumerate(sources):
            c = c + h ** (j + 1) * phi[j + 1] * source
        return [c]


class SecondOrderModes:
    """``c'' = lambda c + s(t)``: with omega^2 = -lambda cosines and sines, and phi(i omega h) for sources that change."""

    def __init__(self, eigenvalues: Array) -> None:
        self.eigenvalues = eigenvalues
        self._kept: tuple[float, Any] = (np.nan, None)
        self._further: tuple[float, int, Any] = (np.nan, -1, None)

    def _functions(self, h: float) -> tuple[Array, Array, Array]:
        if self._kept[0] != h:
            self._kept = h, oscillation_functions(self.eigenvalues, h)
        found: tuple[Array, Array, Array] = self._kept[1]
        return found

    def _phi(self, h: float, highest: int) -> tuple[Array, list[Array]]:
        """x = omega h and phi_j(i x)."""
        if self._further[0] != h or self._further[1] < highest:
            x = np.maximum(h * np.sqrt(np.maximum(-self.eigenvalues.real, 0.0)), 1e-8)
            self._further = h, highest, (x, phi_functions(1j * x, highest))
        found: tuple[Array, list[Array]] = self._further[2]
        return found

    def advance(self, h: float, state: Coefficients, sources: Sequence[Array]) -> Coefficients:
        q, v = state
        C, S, integral = self._functions(h)
        new_q, new_v = C * q + S * v, self.eigenvalues * S * q + C * v
        if sources:
            new_q, new_v = new_q + integral * sources[0], new_v + S * sources[0]
        if len(sources) > 1:
            x, phi = self._phi(h, len(sources))
            for j, source in enumerate(sources[1:], start=1):
                new_q = new_q + h ** (j + 2) * (phi[j + 1].imag / x) * source
                new_v = new_v + h ** (j + 1) * phi[j + 1].real * source
        return [new_q, new_v]


class DampedModes:
    """``c'' = lambda c + d c' + s(t)``: two first-order modes each, with the roots z of ``z^2 = lambda + d z``.

    ``c = p_+ + p_-``, ``c' = z_+ p_+ + z_- p_-``. Where both roots meet (critical damping) they are held apart by a millionth: lambda is
    then off by 1e-12 of itself.
    """

    def __init__(self, eigenvalues: Array, damping: complex) -> None:
        half = 0.5 * damping
        root = np.sqrt(eigenvalues + half**2 + 0j)
        least = APART * max(abs(half), float(np.max(np.abs(root), initial=0.0)) * APART)
        root = np.where(np.abs(root) < least, least, root)
        self.high, self.low = half + root, half - root
        self._flows = FirstOrderModes(self.high), FirstOrderModes(self.low)
        self._real = not (np.iscomplexobj(eigenvalues) or isinstance(damping, complex))

    def advance(self, h: float, state: Coefficients, sources: Sequence[Array]) -> Coefficients:
        (q, v), gap = state, self.high - self.low
        parts = (v - self.low * q) / gap, (self.high * q - v) / gap
        pushed = [s / gap for s in sources]
        (plus,) = self._flows[0].advance(h, [parts[0]], pushed)
        (minus,) = self._flows[1].advance(h, [parts[1]], [-s for s in pushed])
        found = [plus + minus, self.high * plus + self.low * minus]
        return [part.real for part in found] if self._real and not np.iscomplexobj(q) else found


class SeparablePropagator(VectorStepper):
    """The exact flow in the eigenvectors of a separable L, or K.

    Parameters
    ----------
    system : SemiDiscrete
        Linear; of one unknown.
    modes : Diagonalisation
        Of L, or of K where the equation is of second order in time.
    statistics : Statistics
    damping : number
        The factor of ``u_t`` on the right-hand side of ``u_tt = ...``.
    """

    def __init__(
        self, system: SemiDiscrete, modes: Diagonalisation, statistics: Statistics, damping: complex = 0.0
    ) -> None:
        self.system, self.modes, self.statistics = system, modes, statistics
        self.error_order = None if system.b_is_constant else 4
        self._parts = [block.slice for block in system.blocks]
        self._flow: Modes = FirstOrderModes(modes.eigenvalues)
        if system.time_order == 2:
            undamped = damping == 0
            self._flow = SecondOrderModes(modes.eigenvalues) if undamped else DampedModes(modes.eigenvalues, damping)
        self._state: Coefficients = []
        self._next: Coefficients = []
        self._constant: list[Array] | None = None
        self._source_at_start: tuple[float, Array] | None = None
        self._last_source: tuple[float, Array] | None = None

    def begin(self, t: float, y: Array) -> Array:
        self._state = [self.modes.coefficients(y[part]) for part in self._parts]
        return y.copy()

    def rate(self, t: float, Y: Array) -> Array:
        self.statistics.evaluations += 1
        return self.system.rhs(t, Y)

    def restart(self) -> None:
        self._source_at_start = None

    def accepted(self, estimated: bool) -> None:
        self._state, self._source_at_start = self._next, self._last_source

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        with np.errstate(over="ignore", invalid="ignore"):  # growth without bound is seen in the state
            return self._advance(t, Y, h, out, tolerance)

    def _advance(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None) -> float:
        if self.error_order is None:
            if self._constant is None:
                self._constant = [self._source(t)] if np.any(self.system.b(t)) else []
            self._next = self._flow.advance(h, self._state, self._constant)
            self._write(self._next, out)
            return 0.0
        values = self._sources(t, h)
        full = np.tensordot(FULL, values, 1)
        scaled = [derivative / h**j for j, derivative in enumerate(full)]
        self._next = self._flow.advance(h, self._state, scaled)
        self._write(self._next, out)
        if tolerance is None:
            return 0.0
        nothing = [np.zeros_like(part) for part in self._state]
        gap = np.tensordot(FULL - REDUCED, values, 1)
        error = np.empty_like(out)
        self._write(self._flow.advance(h, nothing, [d / h**j for j, d in enumerate(gap)]), error)
        return tolerance.norm(error, Y, out)

    def _source(self, t: float) -> Array:
        """The coefficients of b: of the second half where the equation is of second order in time."""
        self.statistics.evaluations += 1
        return self.modes.coefficients(self.system.b(t)[self._parts[-1]])

    def _sources(self, t: float, h: float) -> Array:
        first = self._source_at_start
        values = [first[1] if first is not None and first[0] == t else self._source(t)]
        values += [self._source(t + c * h) for c in NODES[1:]]
        self._last_source = t + h, values[-1]
        return np.stack(values)

    def _write(self, state: Coefficients, out: Array) -> None:
        for part, coefficients in zip(self._parts, state):
            out[part] = self.modes.vector_of_few(coefficients)
