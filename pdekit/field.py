"""Values on a grid."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from pdekit.errors import GridError
from pdekit.extension import service
from pdekit.grid import Grid


def call_by_name(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Call `function` with those of the named `arguments` that it asks for, in whatever order.

    Raises
    ------
    GridError
        It asks for a name that there is not.
    """
    wanted = inspect.signature(function).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in wanted.values()):
        return function(**arguments)
    missing = [n for n, p in wanted.items() if n not in arguments and p.default is inspect.Parameter.empty]
    if missing:
        raise GridError(
            f"the callable asks for {missing[0]!r}; available by name are {sorted(arguments)} (arguments in any order)"
        )
    return function(**{n: arguments[n] for n in wanted if n in arguments})


def sample_values(
    source: Any, shape: tuple[int, ...], coordinates: Mapping[str, Any], what: str = "data"
) -> NDArray[Any]:
    """Values of `shape` from an array, a callable of named coordinates, an expression or a constant.

    Raises
    ------
    GridError
        The result does not have the shape, or is not numeric.
    """
    if isinstance(source, str):
        values = service("sample_text")(source, coordinates)
    elif callable(source) and not isinstance(source, Field):
        values = call_by_name(source, coordinates)
    else:
        values = source.values if isinstance(source, Field) else source
    try:
        values = np.asarray(values)
        values = values.astype(np.result_type(values.dtype, np.float64), copy=False)
    except (TypeError, ValueError):
        raise GridError(f"{what} must be numeric, found {type(source).__name__}") from None
    is_array = not (isinstance(source, str) or callable(source) or values.ndim == 0)
    if is_array and values.shape != shape:
        raise GridError(f"{what} has shape {values.shape}, the grid needs {shape}")
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        raise GridError(f"{what} gives shape {values.shape}, which does not broadcast to {shape}") from None


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
        return self.values.min()

    def max(self) -> Any:
        """Greatest value."""
        return self.values.max()

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
        return np.sum(self.values * self.grid.weights)

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
        size = np.abs(self.values)
        if kind == "max":
            return float(size.max())
        if kind == "L1":
            return float(np.sum(size * self.grid.weights))
        if kind == "L2":
            return float(np.sqrt(np.sum(size**2 * self.grid.weights)))
        raise GridError(f"unknown norm {kind!r}; allowed are 'L1', 'L2' and 'max'")

    def interpolate(self, points: Any) -> NDArray[Any]:
        """Values at points between the nodes, by the cubic spline in each direction (order 4).

        Parameters
        ----------
        points : array of shape (..., ndim), or (...) for one axis
            Coordinates. Periodic axes wrap round, and the field goes on across the poles of curved coordinates as a
            scalar does; elsewhere a point outside is refused.

        Returns
        -------
        array of shape (...)
        """
        from scipy.interpolate import NdBSpline, make_interp_spline

        where = np.asarray(points, dtype=float)
        if self.grid.ndim == 1 and (where.ndim == 0 or where.shape[-1] != 1):
            where = where[..., None]
        if where.shape[-1] != self.grid.ndim:
            raise GridError(f"points need {self.grid.ndim} coordinates {self.grid.names}, found {where.shape[-1]}")
        where = where.copy()
        knots, degrees, values = [], [], self.values
        for k, (name, axis) in enumerate(zip(self.grid.names, self.grid.axes)):
            line = axis.nodes
            if axis.periodic:
                where[..., k] = line[0] + np.mod(where[..., k] - line[0], axis.length)
                pad = min(axis.size, 16)  # the end of a spline is forgotten by a factor of 4 a node
                line = np.concatenate([line[-pad:] - axis.length, line, line[:pad] + axis.length])
                values = np.concatenate([values.take(range(-pad, 0), k), values, values.take(range(pad), k)], axis=k)
            elif bool(np.any((where[..., k] < axis.left) | (where[..., k] > axis.right))):
                raise GridError(f"a point lies outside axis {name!r}, [{axis.left:g}, {axis.right:g}]")
            if axis.offset:
                line, values = self._across_poles(k, line, values)
            degree = min(3, line.size - 1)
            spline = make_interp_spline(line, np.moveaxis(values, k, 0), k=degree)
            values = np.moveaxis(spline.c, 0, k)
            knots.append(spline.t)
            degrees.append(degree)
        parts = [values.real, values.imag] if np.iscomplexobj(values) else [values]
        found = [np.asarray(NdBSpline(tuple(knots), np.ascontiguousarray(c), tuple(degrees))(where)) for c in parts]
        return found[0] + 1j * found[1] if len(found) == 2 else found[0]

    def _across_poles(self, k: int, line: NDArray[Any], values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Nodes and values along an axis with those behind its poles."""
        pad = min(line.size, 16)
        behind = values
        for other, index in self.grid.mirror(k).items():
            behind = behind.take(index, axis=other)
        nodes, found = line, values
        for side, pole in self.grid.poles(k).items():
            part = slice(0, pad) if side == "left" else slice(line.size - pad, line.size)
            ghost, far = (2 * pole - line[part])[::-1], np.flip(behind.take(range(*part.indices(line.size)), k), k)
            left = side == "left"
            nodes = np.concatenate([ghost, nodes] if left else [nodes, ghost])
            found = np.concatenate([far, found] if left else [found, far], axis=k)
        return nodes, found

    def plot(self, **options: Any) -> Any:
        """Draw the field: a line in 1-D, a map in 2-D, three slices in 3-D. See `pdekit.plotting.plot_field`."""
        return service("plot_field")(self, **options)

    def to_xarray(self) -> Any:
        """This field as an `xarray.DataArray` with its coordinates."""
        import xarray

        coords = {}
        for name, axis in zip(self.grid.names, self.grid.axes):
            attributes = {"units": axis.unit, "long_name": axis.long_name}
            coords[name] = (name, axis.nodes, {key: value for key, value in attributes.items() if value})
        return xarray.DataArray(self.values, coords=coords, dims=self.grid.names, name=self.name or None)


sample_field = Field.sample
