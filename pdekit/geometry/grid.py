"""A tensor product of named axes, and the fields on it."""

from __future__ import annotations

import keyword
import math
from collections.abc import Iterator, Mapping
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from pdekit.errors import GridError, nearest_hint
from pdekit.geometry.axis import Axis
from pdekit.geometry.coordinates import CARTESIAN, SYSTEMS, Geometry, Measure, pole_ends
from pdekit.geometry.values import sample_values
from pdekit.ranks import ALONE, Ranks

if TYPE_CHECKING:
    from pdekit.language.vector_calculus import VectorCalculus

MOST_NODES = 2_000_000_000
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

    is_box = True  # a `DomainGrid` is none
    within: Any = ...  # an index of the nodes that count
    normal: tuple[Any, ...] | None = None  # of the boundary of a domain, in symbols

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
        nodes = math.prod(axis.size for axis in self._axes.values())
        if nodes > MOST_NODES:
            raise GridError(
                f"{nodes:,} nodes: one field takes {nodes * 8 / 1e9:,.0f} GB; at most {MOST_NODES:,} are allowed"
            )
        self.system = coordinates
        self.geometry: Geometry | None = None
        self._axes = _off_poles(coordinates, self._axes)
        if coordinates != "cartesian":
            self.geometry = Geometry(coordinates, self._axes)

    def __repr__(self) -> str:
        axes = ", ".join(f"{name}={axis!r}" for name, axis in self._axes.items())
        return f"Grid({axes}{f', {self.system}' if self.geometry else ''})"

    def _repr_html_(self) -> str:
        from pdekit.reporting.notebook import grid_html

        return grid_html(self)

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
    def whole(self) -> Grid:
        """The grid of which this one is a part: itself, unless processes share it."""
        return self

    @property
    def ranks(self) -> Ranks:
        """The processes that share the whole."""
        return ALONE

    @property
    def owned(self) -> tuple[slice, ...]:
        """The nodes that count as this process' own: all, unless processes share them."""
        return tuple(axis.owned for axis in self.axes)

    @property
    def is_owned(self) -> NDArray[np.bool_]:
        """Whether a node counts as this process' own, by nodes."""
        found = np.zeros(self.shape, dtype=bool)
        found[self.owned] = True
        return found

    def greatest_along(self, axis: int, values: NDArray[Any]) -> NDArray[Any]:
        """The greatest values, one by one, of all parts of the grid that lie behind each other along an axis."""
        return values

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Axis names, in order."""
        return tuple(self._axes)

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """Axes, in order."""
        return tuple(self._axes.values())

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._axes)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Number of nodes along each axis."""
        return tuple(axis.size for axis in self.axes)

    @cached_property
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

    @property
    def box(self) -> Grid:
        """All nodes."""
        return self

    @property
    def places(self) -> dict[str, NDArray[Any]]:
        """Coordinates at which data are evaluated: those of the nodes that count."""
        return self.coordinates

    def spread(self, values: Any) -> NDArray[Any]:
        """Values at these places as an array over the grid."""
        return np.broadcast_to(np.asarray(values), self.shape)

    def blank(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values over the grid, not a number at nodes that do not count."""
        return values

    def interpolated(self, values: NDArray[Any], points: Any) -> NDArray[Any]:
        """Values over the grid at points between its nodes; see `Field.interpolate`."""
        from pdekit.geometry.interpolation import interpolate

        return interpolate(self, values, points)

    def touches(self, name: str, side: str) -> bool:
        """Whether nodes that count lie on a face."""
        return True

    @cached_property
    def calculus(self) -> VectorCalculus | None:
        """Scale factors in symbols, for equations; None on Cartesian axes."""
        return self.geometry.calculus(self.names) if self.geometry else None

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
        Field.sample
        """
        return Field.sample(self, data, name, **parameters)


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


class Field(NDArrayOperatorsMixin):
    """Values on the nodes of a grid, with a name.

    Arithmetic and NumPy functions act on the values and return a Field; a Field on another grid is refused.

    Parameters
    ----------
    grid : Grid
        Where the values live.
    values : array of shape ``grid.shape``
        Real or complex.
    name : str, default ""
        Shown on plots and in files.

    Examples
    --------
    >>> from pdekit import Axis, Grid
    >>> u = Grid(x=Axis(0, 1, 101)).field("sin(pi*x)", name="u")
    >>> bool(abs(u.integral() - 2 / np.pi) < 1e-4), round(float(np.exp(u).max()), 6)
    (True, 2.718282)
    """

    def __init__(self, grid: Grid, values: Any, name: str = "") -> None:
        array = np.asarray(values)
        if array.shape != grid.shape:
            raise GridError(f"field {name!r} has values of shape {array.shape}, the grid needs {grid.shape}")
        self.grid = grid
        self.values = array
        self.name = name

    @classmethod
    def sample(cls, grid: Grid, data: Any, name: str = "", **parameters: Any) -> Field:
        """Make a field from an array, a constant, a text or a callable of axis names in any order.

        Parameters
        ----------
        grid : Grid
            The grid.
        data : array, number, str or callable
            ``"sin(pi*x)"``, ``lambda y, x: x - y``, an array of the grid's shape, or a number.
        name : str, default ""
            Name of the field.
        **parameters
            Further names for the expression or callable, such as ``t=0.5``.
        """
        values = sample_values(data, grid.shape, {**grid.coordinates, **parameters}, f"field {name!r}")
        return cls(grid, np.array(values), name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs.get("out") is not None:
            return NotImplemented
        for other in inputs:
            if isinstance(other, Field) and other.grid != self.grid:
                raise GridError("the fields live on different grids; interpolate one of them first")
        raw = [x.values if isinstance(x, Field) else x for x in inputs]
        result = ufunc(*raw, **kwargs)
        if isinstance(result, np.ndarray) and result.shape == self.grid.shape:
            return Field(self.grid, result, self.name)
        return result

    def __getitem__(self, where: Any) -> Any:
        return self.values[where]

    def __repr__(self) -> str:
        return f"<Field {self.name!r} on {self.grid!r}, {self.values.dtype}>"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the values."""
        return self.values.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.values.dtype

    def min(self) -> Any:
        """Least value."""
        return self.values[self.grid.within].min()

    def max(self) -> Any:
        """Greatest value."""
        return self.values[self.grid.within].max()

    @property
    def real(self) -> Field:
        """Real part."""
        return Field(self.grid, self.values.real, self.name)

    @property
    def imag(self) -> Field:
        """Imaginary part."""
        return Field(self.grid, self.values.imag, self.name)

    def integral(self) -> Any:
        """Integral over the grid by its quadrature weights (trapezoid; second order, spectral if periodic)."""
        return np.sum((self.values * self.grid.weights)[self.grid.within])

    def mean(self) -> Any:
        """Integral divided by the measure of the grid."""
        return self.integral() / np.sum(self.grid.weights)

    def norm(self, kind: Literal["L1", "L2", "max"] = "L2") -> float:
        """Norm over the grid: ``L1`` and ``L2`` weighted by the quadrature, ``max`` over all nodes.

        Examples
        --------
        >>> from pdekit import Axis, Grid
        >>> u = Grid(x=Axis(0, 2, 11)).field(-3.0)
        >>> [round(u.norm(kind), 12) for kind in ("L1", "L2", "max")]
        [6.0, 4.242640687119, 3.0]
        """
        size, weights = (part[self.grid.within] for part in (np.abs(self.values), self.grid.weights))
        if kind == "max":
            return float(size.max(initial=0.0))  # a part of a region may have no node
        if kind == "L1":
            return float(np.sum(size * weights))
        if kind == "L2":
            return float(np.sqrt(np.sum(size**2 * weights)))
        raise GridError(f"unknown norm {kind!r}; allowed are 'L1', 'L2' and 'max'")

    def interpolate(self, points: Any) -> NDArray[Any]:
        """Values at points between the nodes, by the cubic spline in each direction (order 4); linear on a domain that is no box, not a number outside of a region.

        Parameters
        ----------
        points : array of shape (..., ndim), or (...) for one axis
            Coordinates. Periodic axes wrap round, and the field goes on across the poles of curved coordinates as a
            scalar does; elsewhere a point outside is refused.

        Returns
        -------
        array of shape (...)
        """
        return self.grid.interpolated(self.values, points)

    def plot(self, **options: Any) -> Any:
        """Draw the field: a line in 1-D, a map in 2-D, three slices in 3-D. See `pdekit.plotting.plot_field`."""
        from pdekit.plotting.field_picture import plot_field

        return plot_field(self, **options)

    def to_xarray(self) -> Any:
        """This field as an `xarray.DataArray` with its coordinates."""
        import xarray

        coords = {}
        for name, axis in zip(self.grid.names, self.grid.axes):
            attributes = {"units": axis.unit, "long_name": axis.long_name}
            coords[name] = (name, axis.nodes, {key: value for key, value in attributes.items() if value})
        return xarray.DataArray(self.values, coords=coords, dims=self.grid.names, name=self.name or None)
