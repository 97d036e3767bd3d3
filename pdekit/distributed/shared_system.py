"""The system of a problem on the part of the grid that one process has.

Vectors hold the unknowns of the whole box, those that others own included, and every one that is given out is right on all of them. So
sums of vectors are right without a word to anybody; what is read along the grid is brought up to date where it is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from pdekit.discretize.layout import Block, ScalarBlock
from pdekit.discretize.system import SemiDiscrete
from pdekit.distributed.decomposition import Decomposition
from pdekit.distributed.halo import Arrangement, Dropped, Halo, HaloOfSome
from pdekit.distributed.processes import Processes
from pdekit.errors import SolverError
from pdekit.language.equation_system import EquationSystem
from pdekit.typing import Array


def arrangement(block: Block) -> Arrangement:
    """How the free nodes of a state lie in a vector."""
    grid = block.conditions.grid.whole
    if isinstance(block, ScalarBlock):
        return Arrangement((frozenset(),) * grid.ndim, True)
    dropped: list[set[int]] = [set() for _ in grid.axes]
    for name, pair in block.conditions.faces.items():
        k = grid.index(name)
        for conditions, node in ((pair.left, 0), (pair.right, grid.shape[k] - 1)):
            if any(condition.is_dirichlet for condition in conditions):
                dropped[k].add(node)
    return Arrangement(tuple(frozenset(nodes) for nodes in dropped))


class SharedSystem(SemiDiscrete):
    """A `SemiDiscrete` on a `GridPart`.

    Parameters
    ----------
    processes : Processes
    decomposition : Decomposition
    *arguments, **options
        As of `SemiDiscrete`, on the part.
    """

    def __init__(self, processes: Processes, decomposition: Decomposition, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.processes, self.decomposition = processes, decomposition
        self._halos: dict[tuple[int, ...], Halo] = {}
        names = processes.communicator.allgather([block.name for block in self.blocks])
        if any(other != names[0] for other in names):  # where an order came from a set, which every process has its own
            raise SolverError(f"ranks have the states in different orders: {'; '.join(map(', '.join, names))}")

    def restricted(self, system: EquationSystem) -> SharedSystem:
        return SharedSystem(
            self.processes, self.decomposition, system, self.grid, self._boundary, order=self.order, dtype=self.dtype
        )

    def halo_of(self, blocks: tuple[int, ...]) -> Halo:
        """Of vectors of some of the states, by their numbers."""
        if blocks not in self._halos:
            chosen = [self.blocks[k] for k in blocks]
            make = self._halo_of_box if self.grid.is_box and not self.regions else self._halo_of_some
            self._halos[blocks] = make(chosen)
        return self._halos[blocks]

    def _halo_of_box(self, blocks: Sequence[Block]) -> Halo:
        return Halo(self.processes, self.decomposition, [arrangement(block) for block in blocks])

    def _halo_of_some(self, blocks: Sequence[Block]) -> Halo:
        nothing: Dropped = (frozenset(),) * self.grid.ndim
        every = [Arrangement(nothing, isinstance(block, ScalarBlock)) for block in blocks]
        free = [np.isin(np.arange(np.prod(block.shape, dtype=int)), block.free) for block in blocks]
        return HaloOfSome(Halo(self.processes, self.decomposition, every), np.concatenate(free))

    @cached_property
    def halo(self) -> Halo:
        """Of vectors of all unknowns."""
        return self.halo_of(tuple(range(len(self.blocks))))

    def halo_of_length(self, size: int) -> Halo:
        """Of vectors of so many numbers: all unknowns, the first half of the states as Newmark's method has them, or all twice, as real and
        imaginary parts.
        """
        every = tuple(range(len(self.blocks)))
        return self.halo_of({self.size: every, 2 * self.size: every * 2}.get(size, every[: len(every) // 2]))

    @cached_property
    def state_halo(self) -> Halo:
        """Of states of compiled kernels, which have all nodes."""
        everything = Arrangement((frozenset(),) * self.grid.ndim)
        return Halo(self.processes, self.decomposition, [everything] * len(self.blocks))

    @property
    def shared_size(self) -> int:
        return self.halo.count

    def total(self, values: Array) -> Any:
        return self.processes.total(np.sum(values[self.halo_of_length(values.size).owned]))

    def mean(self, values: Array) -> float:
        return float(self.total(values)) / self.halo_of_length(values.size).count

    def triangular(self, columns: Array) -> Array:
        own = np.linalg.qr(columns[self.halo.owned], mode="r")
        return np.concatenate(self.processes.communicator.allgather(own))

    def completed(self, values: Array) -> Array:
        return self.halo.update(values)

    def linear(self, y: Array) -> Array:
        return self.halo.update(super().linear(y))

    def _evaluate_b(self, t: float) -> Array:
        return self.halo.update(super()._evaluate_b(t))

    def nonlinear(self, t: float, y: Array) -> Array:
        return self.halo.update(super().nonlinear(t, y))

    def rhs(self, t: float, y: Array) -> Array:
        result = self.L @ y + self.b(t)
        if not self.is_linear:
            result = result + super().nonlinear(t, y)
        return self.halo.update(np.ascontiguousarray(result, dtype=self.dtype))
