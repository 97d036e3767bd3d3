r"""Fluxes through the cells that interfaces pass.

Between the nodes i and i+1 at the distances a and b from the interface, with k_- and k_+ beside it,

    f_- = (u_{i+1} - u_i - jump - flux_jump b/k_+) / (a/k_- + b/k_+ + resistance),      f_+ = f_- + flux_jump.

The cell of node i ends at the interface with f_-, that of node i+1 begins there with f_+, so that the sum over all cells changes by
what flows through the faces and by ``flux_jump``, to rounding. Steady solutions that are linear in each layer are exact at the nodes.
With cells that met half way, what an unknown that jumps stores in the part of a cell beyond the interface would be wrong by the
jump of its rate: of first order only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pdekit.boundary.interfaces import ResolvedInterface
from pdekit.discretize.diffusion import FluxForm
from pdekit.typing import Array


@dataclass(frozen=True, eq=False)
class InterfaceFluxes:
    """What the interfaces along one axis do to the fluxes of one unknown.

    Parameters
    ----------
    form : FluxForm
    planes : sequence of ResolvedInterface
    beside : callable of (t, coordinates)
        The coefficient of the flux at given places.
    """

    form: FluxForm
    planes: Sequence[ResolvedInterface]
    beside: Callable[[float, Mapping[str, Array]], Array]

    @property
    def _here(self) -> list[ResolvedInterface]:
        """Those in the part of the grid that this process has."""
        return [plane for plane in self.planes if plane.cell >= 0]

    def with_resistances(self, k: Array) -> Array:
        """The coefficient at the flux points, resistances in series with the layers of their cells."""
        found = np.array(k)
        for plane in self._here:
            where = self._point(plane)
            found[where] = found[where] / (1.0 + found[where] * plane.resistance / self._width(plane))
        return found

    def sources(self, t: float, k: Array) -> Array:
        """What the data of jumps add to the divergence on all nodes, flat; k has resistances in it."""
        axis, shape = self.form.axis, self.form.grid.shape
        total = np.zeros(shape, dtype=k.dtype)
        volumes = self.form.grid.axes[axis].weights
        for plane in self._here:
            if not plane.is_source:
                continue
            jump = 0.0 if plane.jump is None else plane.jump.at(t)
            gained = 0.0 if plane.flux_jump is None else plane.flux_jump.at(t)
            lost = k[self._point(plane)] / self._width(plane) * (jump + gained * self._beyond(plane, t))
            before, after = (self._node(plane.cell + side) for side in (0, 1))
            total[before] -= lost / volumes[plane.cell]
            total[after] += (lost - gained) / volumes[plane.cell + 1]
        return total.ravel()

    def _beyond(self, plane: ResolvedInterface, t: float) -> Array:
        """b/k_+, the resistance between the interface and the node after it."""
        node = self.form.grid.axes[plane.axis].nodes[plane.cell + 1]
        middle = self.form.grid.along(plane.axis, np.array([0.5 * (plane.at + node)]))
        return np.asarray((node - plane.at) / self.beside(t, self.form.coordinates(middle)))

    def _width(self, plane: ResolvedInterface) -> float:
        return float(self.form.grid.axes[plane.axis].spacings[plane.cell])

    def _point(self, plane: ResolvedInterface) -> tuple[slice, ...]:
        """The flux point of the cell: one more than its node, for the first is the left face."""
        return self._node(plane.cell + 1)

    def _node(self, index: int) -> tuple[slice, ...]:
        return tuple(
            slice(index, index + 1) if k == self.form.axis else slice(None) for k in range(self.form.grid.ndim)
        )
