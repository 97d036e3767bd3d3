"""Where the free nodes of every state stand in the vector of unknowns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.boundary.face_data import StateConditions
from pdekit.discretize.content import Content
from pdekit.errors import GridError
from pdekit.geometry.grid import Grid
from pdekit.language.equation_system import EquationSystem
from pdekit.typing import Array, Expression


@dataclass(frozen=True, eq=False)
class Block:
    """One state's place in the vector of unknowns.

    Parameters
    ----------
    name : str
        ``"u"``, or ``"u_t"`` for a rate.
    symbol : Symbol
    conditions : StateConditions
    size : int
        Number of free nodes.
    offset : int
        Where the block starts in y.
    """

    name: str
    symbol: Expression
    conditions: StateConditions
    size: int
    offset: int

    @cached_property
    def free(self) -> NDArray[np.intp]:
        """Flat indices of the free nodes; found when they are asked for, for they take as much memory as a state."""
        return np.flatnonzero(~self.conditions.prescribed().ravel())

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array of all its values."""
        return self.conditions.grid.shape

    @property
    def whole(self) -> bool:
        """Whether all nodes are free."""
        return self.size == self.conditions.grid.size

    @property
    def slice(self) -> slice:
        return slice(self.offset, self.offset + self.size)

    def gather(self, values: Array, out: Array) -> None:
        """The free ones of a full array."""
        if self.whole:
            out[...] = values.reshape(-1)
        else:
            np.take(values.reshape(-1), self.free, out=out, mode="clip")  # any other mode makes a copy first

    def scatter(self, values: Array, out: Array) -> None:
        """Write free values into a full array, which is contiguous."""
        if self.whole:
            out.reshape(-1)[...] = values
        else:
            out.reshape(-1)[self.free] = values


class ScalarBlock(Block):
    """The place of an unknown that is one number: its equation is that of the first node, its value the same at all nodes."""

    @cached_property
    def free(self) -> NDArray[np.intp]:
        return np.zeros(1, dtype=np.intp)

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    def gather(self, values: Array, out: Array) -> None:
        out[...] = values.reshape(-1)[0]

    def scatter(self, values: Array, out: Array) -> None:
        out[...] = values[0]


@dataclass(frozen=True, eq=False)
class ContentBlock(Block):
    """The place of an unknown u of which the vector holds a conserved quantity C(u).

    Parameters
    ----------
    content : Content
    """

    content: Content

    @property
    def whole(self) -> bool:
        """Never: the values are not those of the vector."""
        return False

    def gather(self, values: Array, out: Array) -> None:
        out[...] = self.content.of(values.reshape(-1)[self.free], self.free)

    def scatter(self, values: Array, out: Array) -> None:
        out.reshape(-1)[self.free] = self.content.inverse(np.asarray(values), self.free)


class Layout:
    """The vector of unknowns: the free nodes of all unknowns, then of the rates of those of second order in time.

    Parameters
    ----------
    grid : Grid
    system : EquationSystem
    conditions : mapping of Symbol to StateConditions
        For unknowns and rates.
    dtype : numpy dtype
    """

    def __init__(
        self, grid: Grid, system: EquationSystem, conditions: Mapping[Any, StateConditions], dtype: np.dtype[Any]
    ) -> None:
        self.grid, self.dtype = grid, dtype
        self._rates = {u.name: str(u.rate) for u in system.unknowns if u.time_order == 2}
        states = [(u.name, u.symbol) for u in system.unknowns]
        states += [(str(u.rate), u.rate) for u in system.unknowns if u.time_order == 2]
        contents = {u.symbol: u.content for u in system.unknowns if u.content is not None}
        blocks: list[Block] = []
        offset = 0
        for name, symbol in states:
            is_scalar = symbol in system.scalars
            count = 1 if is_scalar else conditions[symbol].free_count()
            given = (name, symbol, conditions[symbol], count, offset)
            if symbol in contents:
                blocks.append(ContentBlock(*given, Content(grid, system, symbol, contents[symbol])))
            else:
                blocks.append((ScalarBlock if is_scalar else Block)(*given))
            offset += count
        if offset == 0:
            raise GridError("all nodes are prescribed by Dirichlet conditions; nothing is left to be solved for")
        self.blocks, self.size = tuple(blocks), offset

    def block(self, name: str) -> Block:
        """The block of an unknown, or of a rate such as ``u_t``."""
        return next(b for b in self.blocks if b.name == name)

    def equation_block(self, name: str) -> Block:
        """The block whose rows an unknown's equation fills: its rate's for second order in time."""
        return self.block(self._rates.get(name, name))

    def numbers(self, block: Block) -> Array:
        """The unknown's number at every node of a block; -1 where the value is prescribed."""
        found = np.full(self.grid.size, -1)
        found[block.free] = block.offset + np.arange(block.size)
        return found

    def unpack(self, t: float, y: Array) -> dict[str, Array]:
        """Full arrays of all unknowns and rates, prescribed values included."""
        full = {}
        scalars = {block.symbol: y[block.offset] for block in self.blocks if isinstance(block, ScalarBlock)}
        for block in self.blocks:
            shaped = np.zeros(block.shape, dtype=np.result_type(y.dtype, self.dtype))
            block.scatter(y[block.slice], shaped)
            block.conditions.fill(shaped, t, scalars)
            full[block.name] = shaped
        return full

    def views(self, t: float, y: Array) -> dict[str, Array]:
        """The same to look at: where all nodes are free, memory of y."""
        if not all(block.whole and block.shape for block in self.blocks) or y.dtype != self.dtype:
            return self.unpack(t, y)
        return {block.name: y[block.slice].reshape(block.shape) for block in self.blocks}

    def pack(self, fields: Mapping[str, Array]) -> Array:
        """The vector of unknowns of full arrays."""
        y = np.zeros(self.size, dtype=self.dtype)
        for block in self.blocks:
            block.gather(np.asarray(fields[block.name], dtype=self.dtype), y[block.slice])
        return y

    def greatest_slope(self, values: Callable[[Any], Array]) -> float:
        """By how much an unknown changes at most with what the vector holds of it: 1, or 1/c of a conserved quantity."""
        contents = [block for block in self.blocks if isinstance(block, ContentBlock)]
        capacities = [b.content.slope(values(b.symbol).reshape(-1)[b.free], b.free) for b in contents]
        return max((float(np.max(1.0 / c)) for c in capacities), default=1.0)

    def as_stored(self, t: float, y: Array) -> Array:
        """The vector that the fields of its frame have, which is a copy where it holds nothing but their values."""
        return self.pack(self.unpack(t, y)) if any(isinstance(b, ContentBlock) for b in self.blocks) else y.copy()

    def spread(self, values: Sequence[float]) -> Array:
        """One number for each block as a vector over the unknowns; of one block it takes no memory."""
        if len(self.blocks) == 1:
            return np.broadcast_to(np.asarray(values[0]), (self.size,))
        return np.concatenate([np.full(block.size, value) for block, value in zip(self.blocks, values)])

    @cached_property
    def selections(self) -> dict[Any, Any]:
        """Derivative of each state's full array by y."""
        found = {}
        for block in self.blocks:
            nodes, numbers = block.free, block.offset + np.arange(block.size)
            if isinstance(block, ScalarBlock):
                nodes, numbers = np.arange(self.grid.size), np.full(self.grid.size, block.offset)
            entries = (np.ones(nodes.size), (nodes, numbers))
            found[block.symbol] = sparse.csr_array(entries, shape=(self.grid.size, self.size))
            for scalar, slopes in block.conditions.scalar_slopes.items():
                place = next(b.offset for b in self.blocks if b.symbol == scalar)
                held = np.flatnonzero(slopes)
                entries = (slopes.ravel()[held], (held, np.full(held.size, place)))
                found[block.symbol] = found[block.symbol] + sparse.csr_array(entries, shape=(self.grid.size, self.size))
        return found
