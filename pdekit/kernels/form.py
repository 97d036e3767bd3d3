"""The intermediate form of kernels: what is loaded, computed and stored, before it is text; printed by `pdekit.kernels.printer`.

A kernel goes over the rows of the last axis. A *driver* says where the rows begin in the flat arrays and calls a *row function*, which does
a whole row in loops that vectorise. The form of a row function is made of values (`Load`, `Local`, `Formula`, `Times`, `Plus`),
statements (`Assign`) and loops (`Loop`); that of a driver of `Line`, `For` and `If`. What a driver hands over is made of indices.

The arrays, by name; q counts the terms of the equations, a the axes, k the states, m the conditions of a face:

=============  ==========================================================================================================
``Y``          states, ``(states, *grid.shape)``; ``O``: where results go; ``Z``: what is added to; ``A0``, ``A1``: other states
``D``          definitions with conditions of their own, ``(definitions, *grid.shape)``
``S``          scratch rows of a thread
``Ia``, ``IL``  nodes that the rows of axis a (of the last axis) read, by row and slot
``Xa``, ``XL``  coordinates of the nodes
``WqaA``       weights of term q along axis A, by row and slot; ``_T``: slots first
``Tq``, ``Mq``, ``Vq``  weights of gradients, means and antiderivatives of flux q; ``Fq``: which flux points; ``Kq``: its known coefficient there
``Cq``, ``Gq``  weights of boundary data of term q, and the data, ``(conditions, ...)``
``F_n``        functions of the coordinates, computed beforehand
``P``, ``c``    parameters of the equations; numbers of the step, ``cf, cu, c_0, c_1, c_2, d``
=============  ==========================================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pdekit.typing import Expression

LEAD = ("i", "k")  # loop variables of the leading axes


# ------------------------------------------------------------------------------------------- indices, found by the driver


@dataclass(frozen=True)
class Fixed:
    """A number."""

    n: int


@dataclass(frozen=True)
class LeadIndex:
    """The row of a leading axis that the loops are at."""

    axis: int


@dataclass(frozen=True)
class Looked:
    """An entry of a table of indices: a neighbour, a flux point."""

    table: str
    at: LeadIndex
    slot: int


@dataclass(frozen=True)
class RunStart:
    """The first node of the run of the last axis."""


Index = Fixed | LeadIndex | Looked | RunStart


@dataclass(frozen=True)
class Element:
    """An entry of an array."""

    array: str
    index: tuple[Index, ...]


@dataclass(frozen=True)
class Whole:
    """An array, or a number, as it is."""

    name: str


@dataclass(frozen=True)
class Extent:
    """How long an array is along one of its axes."""

    array: str
    axis: int


Given = Element | Whole | Extent


@dataclass(frozen=True)
class Row:
    """Where a row begins in a flat array.

    Parameters
    ----------
    name : str
        What the row function calls this offset.
    array : str
    index : tuple of Index
    advances : bool
        Whether the next row of the last leading axis follows it in memory, so that both can be done as one.
    """

    name: str
    array: str
    index: tuple[Index, ...] = ()
    advances: bool = field(default=False, compare=False)


def arrays_in(thing: Row | Given | Index) -> Iterator[str]:
    """The arrays that a driver needs for something."""
    match thing:
        case Row(_, array, index) | Element(array, index):
            yield array
            for entry in index:
                yield from arrays_in(entry)
        case Looked(table):
            yield table
        case Whole(name):
            yield name
        case Extent(array):
            yield array


def moves_with(thing: Given, axis: int) -> bool:
    """Whether something depends on the row of a leading axis."""
    indices = thing.index if isinstance(thing, Element) else ()
    return any(LeadIndex(axis) in (entry, getattr(entry, "at", None)) for entry in indices)


# --------------------------------------------------------------------------------------------- values of a row function


@dataclass(frozen=True)
class Local:
    """A number that the row function has by name."""

    name: str


@dataclass(frozen=True)
class Load:
    """An entry of a row: at the loop's node, beside it, or at a node that a local says.

    Parameters
    ----------
    row : Row
    shift : int
        How many nodes further on.
    at : str
        The local that holds the node.
    below : bool
        In a strip, of the row whose edge is being done.
    """

    row: Row
    shift: int = 0
    at: str = "j"
    below: bool = False


@dataclass(frozen=True)
class EdgeEntry:
    """An entry of a table at an edge node; an index where `is_index`."""

    table: str
    slots: tuple[int, ...]
    is_index: bool = False


@dataclass(frozen=True)
class Formula:
    """An expression whose symbols are named by what they stand for, `parts`."""

    expression: Expression
    parts: tuple[Load | Local, ...]
    single: bool
    bare: bool = False


@dataclass(frozen=True)
class Times:
    """Factors."""

    factors: tuple[Value, ...]


@dataclass(frozen=True)
class Plus:
    """Terms; in parentheses where it is a factor."""

    terms: tuple[Value, ...]
    closed: bool = False


Value = Local | Load | Formula | Times | Plus


def loads_in(value: Value) -> Iterator[Load]:
    """All loads of a value."""
    match value:
        case Load():
            yield value
        case Formula(_, parts):
            for part in parts:
                yield from loads_in(part)
        case Times(inner) | Plus(inner):
            for entry in inner:
                yield from loads_in(entry)


# ---------------------------------------------------------------------------------------------------------- statements


@dataclass(frozen=True)
class Assign:
    """``target = value``, or ``target += value``."""

    target: Local | Load
    value: Value
    adds: bool = False

    def rows(self) -> set[str]:
        """Rows that are read or written."""
        stored = {self.target.row.name} if isinstance(self.target, Load) else set()
        return stored | {load.row.name for load in loads_in(self.value)}


@dataclass(frozen=True)
class Loop:
    """A loop over the nodes of a row or strip: over all of them, ends included, or over the run."""

    statements: tuple[Assign, ...]
    whole: bool = False


@dataclass(frozen=True)
class Line:
    """A statement of a driver."""

    text: str


@dataclass(frozen=True)
class For:
    """``for variable in range(span)``."""

    variable: str
    span: str
    body: Sequence[Step]


@dataclass(frozen=True)
class If:
    """``if condition``, and else."""

    condition: str
    body: Sequence[Step]
    otherwise: Sequence[Step] = ()


Step = Line | For | If
