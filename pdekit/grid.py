"""A tensor product of named axes."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pdekit.axis import Axis
from pdekit.errors import GridError, nearest_hint
from pdekit.extension import service

if TYPE_CHECKING:
    from pdekit.field import Field

RESERVED_NAMES = frozenset({"t", "pi", "e", "E", "I", "d", "inf"})


class Grid:
    """A tensor product of named axes, in the order in which they are given.

    Parameters
    ----------
    axes : mapping of str to Axis, optional
        Axes by name; the same may be given as keywords. A tuple stands for the arguments of `Axis`.

    Raises
    ------
    GridError
        No axis, or a name that is not usable in expressions.

    Examples
    --------
    >>> grid = Grid(x=Axis(0, 1, 11), y=(0, 2, 8))
    >>> grid.shape, grid.names
    ((11, 8), ('x', 'y'))
    >>> round(float(grid.field(lambda y, x: x * y).integral()), 12)
    1.0
    """

    def __init__(self, axes: Mapping[str, Axis | tuple[Any, ...]] | None = None, **named: Any) -> None:
        given = {**(axes or {}), **named}
        if not given:
            raise GridError("a grid needs at least one axis")
        self._axes: dict[str, Axis] = {}
        for name, axis in given.items():
            if not name.isidentifier() or keyword.iskeyword(name) or "_" in name or name in RESERVED_NAMES:
                raise GridError(
                    f"axis name {name!r} cannot be used: it must be an identifier without '_' and not one of "
                    f"{sorted(RESERVED_NAMES)}"
                )
            if isinstance(axis, tuple):
                axis = Axis(*axis)
            if not isinstance(axis, Axis):
                raise GridError(f"axis {name!r} must be an Axis, found {type(axis).__name__}")
            self._axes[name] = axis

    def __repr__(self) -> str:
        return f"Grid({', '.join(f'{name}={axis!r}' for name, axis in self._axes.items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grid) and list(self._axes.items()) == list(other._axes.items())

    def __hash__(self) -> int:
        return hash(tuple(self._axes.items()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._axes)

    def __getitem__(self, name: str | int) -> Axis:
        return self.axes[self.index(name)]

    @property
    def names(self) -> tuple[str, ...]:
        """Axis names, in order."""
        return tuple(self._axes)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes, in order."""
        return tuple(self._axes.values())

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of nodes along each axis."""
        return tuple(axis.size for axis in self.axes)

    @property
    def size(self) -> int:
        """Number of nodes."""
        return int(np.prod(self.shape))

    def index(self, name: str | int) -> int:
        """Position of an axis, from its name or (also negative) index."""
        if isinstance(name, str):
            if name in self._axes:
                return self.names.index(name)
            raise GridError(f"unknown axis {name!r}; the grid has {list(self.names)}{nearest_hint(name, self.names)}")
        if not -self.ndim <= name < self.ndim:
            raise GridError(f"axis {name} is out of range for a grid of {self.ndim} axes {list(self.names)}")
        return int(name) % self.ndim

    def along(self, name: str | int, values: NDArray[Any]) -> NDArray[Any]:
        """Reshape `values` on one axis so that it broadcasts over the grid."""
        shape = [1] * self.ndim
        shape[self.index(name)] = -1
        return values.reshape(shape)

    @cached_property
    def coordinates(self) -> dict[str, NDArray[Any]]:
        """Coordinate arrays by axis name, shaped to broadcast over the grid."""
        return {name: self.along(name, axis.nodes) for name, axis in self._axes.items()}

    @cached_property
    def weights(self) -> NDArray[Any]:
        """Quadrature weights of the nodes: the product of the axes' trapezoid weights, of the grid's shape."""
        return reduce(np.multiply.outer, [axis.weights for axis in self.axes])

    def replace(self, **axes: Axis) -> Grid:
        """The same grid with some axes replaced."""
        for name in axes:
            self.index(name)
        return Grid({**self._axes, **axes})

    def point(self, flat_index: int) -> dict[str, float]:
        """Coordinates of a node from its index in C order."""
        where = np.unravel_index(flat_index, self.shape)
        return {name: float(axis.nodes[i]) for (name, axis), i in zip(self._axes.items(), where)}

    def field(self, data: Any = 0.0, name: str = "", **parameters: Any) -> Field:
        """A `Field` on this grid from an array, a callable, an expression or a constant.

        See Also
        --------
        pdekit.field.Field.sample
        """
        field: Field = service("sample_field")(self, data, name, **parameters)
        return field
