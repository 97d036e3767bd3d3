r"""Numerical fluxes between nodes from physical fluxes and a reconstruction, component by component or by characteristics.

Of nodes and of limited states the flux is Rusanov's, ``(F(u_-) + F(u_+))/2 - a (u_+ - u_-)/2`` with a the greatest speed nearby; of split
node fluxes ``(F +- a u)/2``, a the greatest speed of a line, the sum of both reconstructions. By characteristics what is reconstructed
(differences of states, or split fluxes) is first written in the eigenvectors at the mean of the two states beside a point, and each split
flux goes by the greatest speed of its own field.

Positivity: a flux is moved so far towards Rusanov's that ``u_i - 2 lambda F_{i+1/2}`` and ``u_{i+1} + 2 lambda F_{i+1/2}`` are positive for
``lambda a = 1/2``, which they are with Rusanov's flux alone. Each Euler stage of a strong-stability-preserving step with a Courant number up
to 1/2 is a mean of such states, so that it is positive.

References
----------
C.-W. Shu, *Essentially Non-oscillatory and Weighted Essentially Non-oscillatory Schemes for Hyperbolic Conservation Laws*, ICASE 97-65
(1997), sections 2.4, 4.3 and procedure 2.10. X. Y. Hu, N. A. Adams and C.-W. Shu, J. Comput. Phys. 242 (2013) 169-180, eqs. (10) to (16)
(positivity); X. Zhang and C.-W. Shu, J. Comput. Phys. 229 (2010) 8918-8934.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pdekit.discretize.physical_fluxes import PhysicalFluxes
from pdekit.discretize.reconstruction import Reconstruction
from pdekit.typing import Array

# With a equal to the greatest speed a split flux is flat to order 4 where that speed is reached, and WENO5 of order 3 there
# (Burgers before the shock, 100 and 200 nodes: 2.98; with this room 5.13, and a twentieth of the error).
ROOM = 1.1
POSITIVE_COURANT = 0.5  # up to which Rusanov's flux keeps positive what is

Fixed = Callable[[float, int], list[Any]]


@dataclass(frozen=True, eq=False)
class NumericalFluxes:
    """The fluxes between the nodes of one axis.

    Parameters
    ----------
    physical : PhysicalFluxes
    reconstruction : Reconstruction
    by_characteristics : bool
        Whether a system is split by eigenvectors.
    greatest_along : callable of array
        The greatest values, one by one, of all parts into which lines are cut.
    has_walls : bool
        Whether a face reflects. A mirror exchanges the characteristic fields, so that all go by the greatest speed of all: the fluxes on
        both sides of the wall are then each other's mirror images, and nothing passes it.
    """

    physical: PhysicalFluxes
    reconstruction: Reconstruction
    by_characteristics: bool
    greatest_along: Callable[[Array], Array] = np.asarray
    has_walls: bool = False

    def at(self, fixed: Fixed, states: Sequence[Array]) -> list[Array]:
        """The fluxes of all equations.

        Parameters
        ----------
        fixed : callable of (first, count)
            Coordinates, time and parameters at `count` points, the first of them that many steps after the first node.
        states : sequence of arrays
            With nodes beyond the faces, the axis first.
        """
        g = self.reconstruction.ghosts
        with np.errstate(all="ignore"):
            of = {"nodes": self._of_nodes, "states": self._of_states, "fluxes": self._of_fluxes}[self.reconstruction.of]
            found = of(fixed, states)
            if self.physical.positive:
                found = self._kept_positive(found, fixed, [u[g - 1 : u.shape[0] - g + 1] for u in states])
        return found

    def _rusanov(self, fixed: Fixed, below: Sequence[Array], above: Sequence[Array], first: tuple[float, float]) -> Any:
        """Rusanov's fluxes of the states on both sides, with the coordinates of the first of either, and its speeds."""
        count, flux = below[0].shape[0], self.physical
        low, high = fixed(first[0], count), fixed(first[1], count)
        a = np.maximum(flux.radius(low, below), flux.radius(high, above))
        a = np.maximum(a, flux.radius_between(low, below, above))
        pairs = zip(flux.at(low, below), flux.at(high, above), below, above)
        return [0.5 * (F + G - a * (v - u)) for F, G, u, v in pairs], a

    def _of_nodes(self, fixed: Fixed, states: Sequence[Array]) -> list[Array]:
        below, above = [u[:-1] for u in states], [u[1:] for u in states]
        return list(self._rusanov(fixed, below, above, (-1.0, 0.0))[0])

    def _of_states(self, fixed: Fixed, states: Sequence[Array]) -> list[Array]:
        limiter, count = self.reconstruction.function, states[0].shape[0] - 3
        assert limiter is not None
        steps = np.array([np.diff(u, axis=0) for u in states])
        if self.by_characteristics:
            right, left, _ = self._vectors_between(fixed, [u[1:-1] for u in states])
            back, middle, ahead = (np.einsum("jk...,k...->j...", left, steps[:, k : k + count]) for k in range(3))
            down = np.einsum("kj...,j...->k...", right, limiter(back, middle))
            up = np.einsum("kj...,j...->k...", right, limiter(middle, ahead))
        else:
            down, up = (limiter(steps[:, k : k + count], steps[:, k + 1 : k + 1 + count]) for k in range(2))
        empty = self.physical.vacuum(states)
        if empty is not False:  # a slope down to a vacuum would have states of any speed
            beside = np.any([empty[k : k + count] for k in range(4)], axis=0)
            down, up = np.where(beside, 0.0, down), np.where(beside, 0.0, up)
        below = [u[1:-2] + 0.5 * s for u, s in zip(states, down)]
        above = [u[2:-1] - 0.5 * s for u, s in zip(states, up)]
        if self.physical.positive:
            below, above = (self._scaled(fixed, u, states, k) for u, k in ((below, 1), (above, 2)))
        return list(self._rusanov(fixed, below, above, (-0.5, -0.5))[0])

    def _scaled(self, fixed: Fixed, points: list[Array], nodes: Sequence[Array], first: int) -> list[Array]:
        """Reconstructed states, moved towards those of their nodes until they are positive."""
        count, flux = points[0].shape[0], self.physical
        at, own = fixed(-0.5, count), [u[first : first + count] for u in nodes]
        share = _greatest_share(flux.positive_values(at, points), flux.positive_values(at, own))
        return [u + share * (p - u) for p, u in zip(points, own)]

    def _vectors_between(self, fixed: Fixed, states: Sequence[Array]) -> tuple[Array, Array, Array]:
        """Eigenvectors at the means of neighbours, the first between the node before the first and that."""
        means = [0.5 * (u[:-1] + u[1:]) for u in states]
        return self.physical.eigenvectors(fixed(-0.5, means[0].shape[0]), means)

    def _of_fluxes(self, fixed: Fixed, states: Sequence[Array]) -> list[Array]:
        g, value, n = self.reconstruction.ghosts, self.reconstruction.function, states[0].shape[0]
        assert value is not None
        at_nodes, near = fixed(-float(g), n), [slice(k, k + n - 2 * g + 1) for k in range(2 * g)]
        F, U = np.array(self.physical.at(at_nodes, states)), np.array(states)
        speeds = np.abs(np.array(self.physical.speeds(at_nodes, states)))
        fastest = ROOM * self.greatest_along(
            np.max(speeds, axis=1, keepdims=True)
        )  # the same all along, so that the flux is smooth
        if not self.physical.is_convex:
            between = self.physical.radius_between(fixed(-float(g), n - 1), list(U[:, :-1]), list(U[:, 1:]))
            fastest = np.maximum(fastest, ROOM * self.greatest_along(np.max(between, axis=0, keepdims=True)))
        overall = np.max(fastest, axis=0)
        if self.has_walls:
            fastest = np.broadcast_to(overall, fastest.shape)
        if not self.by_characteristics:
            return [self._split([f[s] for s in near], [u[s] for s in near], overall) for f, u in zip(F, U)]
        right, left, lost = self._vectors_between(fixed, [u[g - 1 : n - g + 1] for u in states])
        total = np.zeros_like(right[:, 0])
        for j, a in enumerate(fastest):
            flux = [np.einsum("k...,k...->...", left[j], F[:, s]) for s in near]
            state = [np.einsum("k...,k...->...", left[j], U[:, s]) for s in near]
            total += right[:, j] * self._split(flux, state, np.where(lost, overall, a))
        return list(total)

    def _split(self, flux: Sequence[Array], state: Sequence[Array], a: Array) -> Array:
        """The sum of the reconstructed halves that go either way."""
        value = self.reconstruction.function
        assert value is not None
        plus = [0.5 * (f + a * u) for f, u in zip(flux, state)]
        minus = [0.5 * (f - a * u) for f, u in zip(flux, state)]
        return np.asarray(value(*plus[:-1]) + value(*minus[:0:-1]))

    def _kept_positive(self, fluxes: list[Array], fixed: Fixed, states: Sequence[Array]) -> list[Array]:
        """The fluxes, moved towards Rusanov's where they would take away what is to stay positive."""
        flux, below, above = self.physical, [u[:-1] for u in states], [u[1:] for u in states]
        safe, speed = self._rusanov(fixed, below, above, (-1.0, 0.0))
        fastest = self.greatest_along(np.max(speed, axis=0, keepdims=True))
        twice = np.divide(2 * POSITIVE_COURANT, fastest, out=np.zeros_like(fastest), where=fastest > 0)  # 2 lambda
        count = below[0].shape[0]
        share: Any = 1.0
        for side, first, sign in ((below, -1.0, -1.0), (above, 0.0, 1.0)):
            at = fixed(first, count)
            with_high = flux.positive_values(at, [u + sign * twice * f for u, f in zip(side, fluxes)])
            with_safe = flux.positive_values(at, [u + sign * twice * f for u, f in zip(side, safe)])
            share = np.minimum(share, _greatest_share(with_high, with_safe))
        return [s + share * np.where(np.isfinite(f), f - s, 0.0) for f, s in zip(fluxes, safe)]


def _greatest_share(wanted: Sequence[Array], safe: Sequence[Array]) -> Array:
    """How far one may go from the safe values to the wanted ones without any of them becoming negative; all are concave."""
    share: Any = 1.0
    for high, low in zip(wanted, safe):
        low = np.maximum(low, 0.0)
        fits = np.where(high >= 0, 1.0, low / (low - high))
        share = np.minimum(share, np.where(np.isfinite(fits), fits, 0.0))
    return np.asarray(share)
