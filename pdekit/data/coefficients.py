"""Data as functions in equations and conditions: tables, arrays and fields between their nodes, Python functions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import sympy as sp
from scipy.interpolate import CubicSpline

from pdekit.data.files import FileData
from pdekit.errors import ConfigError, GridError, PdekitError, StorageError
from pdekit.geometry.grid import Field, Grid
from pdekit.geometry.interpolation import GridSpline
from pdekit.language.data_functions import data_function
from pdekit.typing import Array


@dataclass(frozen=True)
class Table:
    """A function of one coordinate or of time, by two columns of a file.

    Parameters
    ----------
    table : str
        A CSV file with names in its first line, or an NPZ or HDF5 file.
    x, y : str
        Names of the columns: where, strictly increasing, and what.
    of : str, optional
        What `x` is: an axis or ``t``. By default the axis of that name, or the time.
    method : {"linear", "cubic"}
        Interpolation between the rows. A linear table of times has kinks, on which steps are made to fall.

    Raises
    ------
    ConfigError
        No such method.
    """

    table: str
    x: str
    y: str
    of: str | None = None
    method: Literal["linear", "cubic"] = "linear"

    def __post_init__(self) -> None:
        if self.method not in ("linear", "cubic"):
            raise ConfigError(f"allowed are linear and cubic, found {self.method!r}", key="method")

    def argument(self, axes: tuple[str, ...]) -> str:
        """The coordinate that it is a function of, or ``t``."""
        of = self.of or (self.x if self.x in axes else "t")
        if of not in (*axes, "t"):
            raise ConfigError(f"a table is a function of one of {[*axes, 't']}, found of: {of!r}")
        return of

    def columns(self) -> tuple[Array, Array]:
        """Both columns.

        Raises
        ------
        StorageError
            No such file or column; not two columns of the same length, in increasing order and finite.
        """
        x, y = (FileData(self.table, name).array() for name in (self.x, self.y))
        place = f"table {Path(self.table)}"
        if x.ndim != 1 or x.shape != y.shape or x.size < 2:
            raise StorageError(f"{place}: {self.x!r} has shape {x.shape}, {self.y!r} has shape {y.shape}")
        if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
            raise StorageError(f"{place}: there are numbers missing, or not finite")
        if not np.all(np.diff(x) > 0):
            raise StorageError(f"{place}: {self.x!r} does not increase from row to row")
        return x, y

    def expression(self, axes: tuple[str, ...]) -> Any:
        """It as a function of its coordinate, in symbols."""
        of = self.argument(axes)
        x, y = self.columns()
        return _table_function(self, of, x, y, 0)(sp.Symbol(of))


def _table_function(table: Table, of: str, x: Array, y: Array, order: int) -> Any:
    """The table, or its derivative."""
    cubic = table.method == "cubic" and x.size > 3
    spline = CubicSpline(x, y) if cubic else None
    room = 1e-12 * max(abs(x[0]), abs(x[-1]))

    def evaluate(at: Any) -> Array:
        where = np.asarray(at, dtype=float)
        low, high = float(np.min(where)), float(np.max(where))
        if low < x[0] - room or high > x[-1] + room:
            raise StorageError(
                f"table {Path(table.table)}: reaches from {of} = {x[0]:g} to {x[-1]:g}, asked for at {of} = "
                f"{low if low < x[0] else high:.10g}"
            )
        if spline is not None:
            return np.asarray(spline(np.clip(where, x[0], x[-1]), order))
        if order == 0:
            return np.asarray(np.interp(where, x, y))
        row = np.clip(np.searchsorted(x, where, side="right") - 1, 0, x.size - 2)
        return np.asarray((np.diff(y) / np.diff(x))[row])

    name = re.sub(r"\W", "_", f"table_{table.y}") + "_slope" * order
    # In time the slope of a linear table may jump, since steps fall on its rows; in space it would be no function.
    sloped = order < 2 if cubic else (order == 0 and of == "t")
    slopes = (lambda k: _table_function(table, of, x, y, order + 1)) if sloped else None
    kinks = x.tolist() if not cubic and of == "t" else []
    return data_function(name, evaluate, kinks=kinks, slopes=slopes)


def as_functions(given: Mapping[str, Any], grid: Grid, numbers: Mapping[str, Any], order: int) -> dict[str, Any]:
    """Parameters that are data, as expressions of the coordinates and time.

    Parameters
    ----------
    given : mapping of str to data
        Arrays of the grid's shape, `Field`, `FileData`, `Table`, or callables of coordinates, ``t`` and numbers by name.
    grid : Grid
    numbers : mapping of str to number
        The other parameters.
    order : int
        Of the discretization: at order 2 what lies between nodes is interpolated linearly, above by cubic splines.

    Raises
    ------
    PdekitError
        Data of the wrong shape or kind, or not finite.
    """
    found = {}
    for name, data in given.items():
        try:
            found[name] = _as_function(name, data, grid, numbers, order)
        except PdekitError as error:
            raise error.under(f"parameters.{name}") from None
    return found


def _as_function(name: str, data: Any, grid: Grid, numbers: Mapping[str, Any], order: int) -> Any:
    if isinstance(data, Table):
        return data.expression(grid.names)
    if isinstance(data, FileData):
        return _between_nodes(name, grid, data.load(grid.shape), order)
    if isinstance(data, Field):
        if set(data.grid.names) - set(grid.names):
            raise GridError(f"the field has the axes {data.grid.names}, the grid {grid.names}")
        return _between_nodes(name, data.grid, np.asarray(data.values), order)
    if callable(data):
        return _of_callable(name, data, grid, numbers)
    try:
        array = np.asarray(data)
        array = array.astype(np.result_type(array.dtype, float))
    except (TypeError, ValueError):
        raise ConfigError(
            f"expected a number, an expression, an array, a Field, a function, FileData or Table, found {data!r}"
        ) from None
    if array.shape != grid.shape:
        raise ConfigError(
            f"the array has shape {array.shape}, the grid needs {grid.shape}; a Field has a grid of its own"
        )
    return _between_nodes(name, grid, array, order)


def _between_nodes(name: str, grid: Grid, values: Array, order: int) -> Any:
    if not np.all(np.isfinite(values)):
        raise ConfigError("is not finite everywhere on the grid")
    degree = 1 if order == 2 else 3
    spline = GridSpline(grid, values, degree)

    def function(orders: tuple[int, ...] | None) -> Any:
        def evaluate(*at: Any) -> Array:
            return spline(np.stack(np.broadcast_arrays(*(np.asarray(a, dtype=float) for a in at)), axis=-1), orders)

        def slope(k: int) -> Any:
            raised = tuple(n + (j == k) for j, n in enumerate(orders or (0,) * grid.ndim))
            return function(raised) if max(raised) < degree else None

        label = name + "".join(axis * n for axis, n in zip(grid.names, orders or ()))
        return data_function(label, evaluate, complex_valued=np.iscomplexobj(values), slopes=slope)

    return function(None)(*(sp.Symbol(axis) for axis in grid.names))


def _of_callable(name: str, given: Callable[..., Any], grid: Grid, numbers: Mapping[str, Any]) -> Any:
    allowed = [*grid.names, "t", *numbers]
    wanted = [
        n
        for n, p in inspect.signature(given).parameters.items()
        if n in allowed or p.default is inspect.Parameter.empty
    ]
    for n in wanted:
        if n not in allowed:
            raise ConfigError(f"the function asks for {n!r}; available by name are {allowed} (arguments in any order)")

    def evaluate(*at: Any) -> Array:
        values = np.asarray(given(**dict(zip(wanted, at))))
        if not np.all(np.isfinite(values)):
            raise ConfigError(f"the function of the parameter {name!r} gives numbers that are not finite")
        return values

    sample = evaluate(*(grid.coordinates.get(n, numbers.get(n, 0.0)) for n in wanted))
    return data_function(name, evaluate, complex_valued=np.iscomplexobj(sample))(*(sp.Symbol(n) for n in wanted))
