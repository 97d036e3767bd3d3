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
from pdekit.geometry import CARTESIAN, SYSTEMS, Geometry, Measure, pole_ends

if TYPE_CHECKING:
    from pdekit.field import Field

RESERVED_NAMES = frozenset({"t", "pi", "e", "E", "I", "d", "inf"})


class Grid:
    """A tensor product of named axes, in the order in which they are given.

    Parameters
    ----------
    axes : mapping of str to Axis, optional
        Axes by name; the same may be given as keywords. A tuple stands for the arguments of `Axis`.
    coordinates : {"cartesian", "polar", "cylindrical", "spherical"}, default "cartesian"
        What the axes mean. Polar grids have the axes r and phi, cylindrical ones r, phi and z, spherical ones r,
        theta (from the north pole) and phi; coordinates on which nothing depends are left out. An axis that reaches a
        pole, such as r = 0, has its first node half a step off it.

    Raises
    ------
    GridError
        No axis, a name that is not usable in expressions, or axes that do not fit the coordinates.

    Examples
    --------
    >>> grid = Grid(x=Axis(0, 1, 11), y=(0, 2, 8))
    >>> grid.shape, grid.names
    ((11, 8), ('x', 'y'))
    >>> round(float(grid.field(lambda y, x: x * y).integral()), 12)
    1.0
    >>> ball = Grid(r=(0, 2, 11), coordinates="spherical")
    >>> round(float(ball.field(1.0).integral() / np.pi), 12) == round(4 / 3 * 2**3, 12)
    True
    """

    def __init__(
        self,
        axes: Mapping[str, Axis | tuple[Any, ...]] | None = None,
        *,
        coordinates: str = "cartesian",
        **named: Any,
    ) -> None:
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
        self.system = coordinates
        self.geometry: Geometry | None = None
        self._axes = _off_poles(coordinates, self._axes)
        if coordinates != "cartesian":
            self.geometry = Geometry(coordinates, self._axes)

    def __repr__(self) -> str:
        axes = ", ".join(f"{name}={axis!r}" for name, axis in self._axes.items())
        return f"Grid({axes}{f', {self.system}' if self.geometry else ''})"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Grid)
            and self.system == other.system
            and list(self._axes.items()) == list(other._axes.items())
        )

    def __hash__(self) -> int:
        return hash((self.system, *self._axes.items()))

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
        """Quadrature weights of the nodes, of the grid's shape: the volumes of their cells.

        On a Cartesian grid the product of the axes' trapezoid weights; elsewhere with the volume element integrated exactly
        over the cells, and coordinates that are left out counted whole.
        """
        if self.geometry is None:
            return reduce(np.multiply.outer, [axis.weights for axis in self.axes])
        lines = [self.cell_volumes(name) for name in self.names]
        return self.geometry.constant * reduce(np.multiply.outer, lines)

    def measure(self, name: str | int) -> Measure:
        """The weight of an axis in the volume element."""
        return self.geometry.measure(self.names[self.index(name)]) if self.geometry else CARTESIAN

    def cell_volumes(self, name: str | int) -> NDArray[Any]:
        """The volume element of one axis, integrated over the cells of its nodes."""
        axis, measure = self[name], self.measure(name)
        if not measure.power:
            return axis.weights
        edges = axis.cell_edges
        return measure.volume(edges[:-1], edges[1:])

    def scale(self, name: str | int) -> NDArray[Any] | float:
        """The scale factor h of an axis, an array that broadcasts over the grid; 1.0 on a Cartesian grid."""
        total: Any = 1.0
        if self.geometry is not None:
            for other in self.geometry.scale(self.names[self.index(name)]):
                factor = self.geometry.factor(other)
                if factor is not None:
                    total = total * factor.value(self.coordinates[other])
        return total

    def inverse_square_scale(self, name: str | int, *, in_cells: bool) -> NDArray[Any] | float:
        """``1/h^2`` of an axis, the factor of its part of the Laplacian, an array that broadcasts over the grid.

        With `in_cells` as finite volumes have it, ``integral of m/f^2`` over ``integral of m`` on each cell with the
        midpoint rule above: what flows out through the faces along this axis then balances, on the first shell of a ball, what
        flows along the radius.
        """
        if self.geometry is None:
            return 1.0
        total: Any = 1.0
        for other in self.geometry.scale(self.names[self.index(name)]):
            measure, axis = self.measure(other), self[other]
            weight = 1 / measure.factor.value(axis.nodes) ** 2
            if in_cells:
                weight = weight * measure.area(axis.nodes) * axis.weights / self.cell_volumes(other)
            total = total * self.along(other, weight)
        return total

    def poles(self, name: str | int) -> dict[str, float]:
        """The ends of an axis that are poles of the coordinates, such as r = 0: no faces, and without conditions."""
        return self.geometry.poles(self.names[self.index(name)]) if self.geometry else {}

    def mirror(self, name: str | int) -> dict[int, NDArray[np.intp]]:
        """What is seen across the poles of an axis: for other axes, by index, which node stands for each node."""
        found: dict[int, NDArray[np.intp]] = {}
        if self.geometry is not None:
            for other, kind in self.geometry.mirror(self.names[self.index(name)]).items():
                nodes = np.arange(self[other].size)
                turned = (nodes + self.geometry.turned_by(other)) % nodes.size
                found[self.index(other)] = nodes[::-1] if kind == "flip" else turned
        return found

    def replace(self, **axes: Axis) -> Grid:
        """The same grid with some axes replaced."""
        for name in axes:
            self.index(name)
        return Grid({**self._axes, **axes}, coordinates=self.system)

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


def _off_poles(system: str, axes: Mapping[str, Axis]) -> dict[str, Axis]:
    """The axes with their nodes moved half a step off the poles that they reach."""
    known = SYSTEMS[system].coordinates if system in SYSTEMS else ()
    factors = {n: c.factor for c in known for n in c.names}
    moved = {}
    for name, axis in axes.items():
        ends = pole_ends(factors.get(name), axis)
        wanted: Any = "both" if len(ends) == 2 else next(iter(ends), None)
        if axis.offset and wanted is None:
            raise GridError(
                f"axis {name!r}: nodes are offset from the poles of curved coordinates only; here there is none"
            )
        if axis.offset and axis.offset != wanted:
            raise GridError(
                f"axis {name!r}: offset is {axis.offset!r}, but its pole{'s are' if wanted == 'both' else ' is'} at "
                f"{'both ends' if wanted == 'both' else f'the {wanted}'}; leave offset out, nodes are moved off poles by themselves"
            )
        if wanted != axis.offset and not axis.periodic:
            if axis.family is None:
                raise GridError(
                    f"axis {name!r}: a node stands on the pole {name} = {next(iter(ends.values())):g}; give nodes "
                    "off it, with left, right and offset"
                )
            axis = axis.with_offset(wanted)
        moved[name] = axis
    return moved
