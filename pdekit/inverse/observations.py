"""What was measured, where and when: tables of data, and the numbers of a run that stand beside them, with derivatives."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.data.files import name_and_unit
from pdekit.discretize.terms.reduction import line_weights
from pdekit.errors import ConfigError, GridError, StorageError, nearest_hint
from pdekit.geometry.grid import Grid
from pdekit.inverse.differentiable_run import DifferentiableRun
from pdekit.inverse.number_slopes import number_slopes
from pdekit.inverse.promotion import Promotion
from pdekit.problem import Problem
from pdekit.typing import Array, Matrix
from pdekit.units.unit_system import converted

DEVIATION = "sigma_"  # before the name of a quantity: the column of its standard deviations


@dataclass(frozen=True, eq=False)
class DataTable:
    """Columns of numbers with names; what is missing is not a number.

    Parameters
    ----------
    columns : dict of str to array
    source : str
        For messages.
    lines : array of int, optional
        Of the file, by row.
    """

    columns: dict[str, Array]
    source: str = "data"
    lines: Array | None = None

    def place(self, row: int | np.intp) -> str:
        """Where a row stands, in words."""
        return f"{self.source}, row {row + 1}" if self.lines is None else f"{self.source}, line {self.lines[row]}"

    @classmethod
    def read(cls, path: str | Path) -> DataTable:
        """A CSV file with names in its first line; lines that begin with # are left out.

        Raises
        ------
        StorageError
            No such file, no names, or a cell that is no number; says in which line.
        """
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise StorageError(f"data {path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
        numbered = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip() and line[0] != "#"]
        rows = list(csv.reader(line for _, line in numbered))
        names = [name.strip() for name in rows[0]] if rows else []
        if len(rows) < 2 or len(set(names)) < len(names):
            raise StorageError(f"data {path}: expected a line of different names, and lines of numbers below it")
        lines = np.array([n for n, _ in numbered[1:]])
        table = np.full((len(rows) - 1, len(names)), np.nan)
        for k, cells in enumerate(rows[1:]):
            if len(cells) != len(names):
                raise StorageError(f"data {path}, line {lines[k]}: {len(cells)} cells for {len(names)} columns")
            for j, cell in enumerate(cells):
                table[k, j] = _number(cell, f"data {path}, line {lines[k]}, {names[j]}")
        return cls(dict(zip(names, table.T)), f"data {path}", lines)

    def in_units(self, units: Mapping[str, str]) -> DataTable:
        """The same with names alone, of columns such as ``T [degC]``, and with their numbers in the units that are given by name.

        Raises
        ------
        ConfigError
            A unit that there is not, or that does not fit.
        """
        found = {}
        for head, values in self.columns.items():
            name, unit = name_and_unit(head)
            if name in found:
                raise ConfigError(f"{self.source}: two columns are called {name!r}", key="data")
            found[name] = values
            if unit and name in units:
                found[name] = converted(values, unit, units[name], f"{self.source}, {head}")
        return replace(self, columns=found)

    @classmethod
    def of(cls, data: Any) -> DataTable:
        """What may be given as data: a path, a mapping of names to columns (a pandas DataFrame too), or such a table."""
        if isinstance(data, DataTable):
            return data
        if isinstance(data, str | Path):
            return cls.read(data)
        try:
            columns = {str(name): np.array(data[name], dtype=float) for name in data}
        except (TypeError, ValueError, KeyError, IndexError):
            raise ConfigError("expected a CSV file or a mapping of names to columns of numbers", key="data") from None
        if len({c.shape for c in columns.values()}) != 1 or next(iter(columns.values())).ndim != 1:
            raise ConfigError("the columns must be of the same length", key="data")
        return cls(columns)


def _number(cell: str, where: str) -> float:
    try:
        return float(cell) if cell.strip() else np.nan
    except ValueError:
        raise StorageError(f"{where}: expected a number, or nothing, found {cell.strip()!r}") from None


@dataclass(frozen=True, eq=False)
class Group:
    """All observations of one quantity.

    Parameters
    ----------
    name : str
    numbers : array of int
        Which ones they are.
    points : sparse array, optional
        Of an unknown: the interpolation from nodes to the points. Of a series: None.
    """

    name: str
    numbers: NDArray[np.intp]
    points: Matrix | None


@dataclass(frozen=True, eq=False)
class Observations:
    """Measurements of a problem: values of unknowns at points and times, and numbers of the state by ``output.series`` at times.

    Parameters
    ----------
    times, values, deviations : array
        One each for every observation; deviations are 1 where none are given.
    quantities : tuple of str
        What was measured, by observation.
    coordinates : dict of str to array
        Where, by axis; not a number for series.
    groups : tuple of Group
    has_deviations : bool
        Whether standard deviations are given.
    """

    times: Array
    values: Array
    deviations: Array
    quantities: tuple[str, ...]
    coordinates: dict[str, Array]
    groups: tuple[Group, ...]
    has_deviations: bool

    @classmethod
    def of(cls, problem: Problem, data: Any) -> Observations:
        """Those of a table with a column ``t``, one for each axis, and one for each quantity; a cell that is empty was not measured.

        Raises
        ------
        ConfigError, StorageError
            Data that do not fit the problem; says which column or row.
        """
        table = DataTable.of(data).in_units(problem.units)
        reader = _Reader(problem, table)
        quantities = reader.quantities()
        if not quantities:
            raise ConfigError(
                f"{table.source}: nothing is measured; a column is one of {reader.measurable}", key="data"
            )
        parts = [reader.rows(name) for name in quantities]
        count = np.cumsum([0, *(rows.size for rows in parts)])
        if not count[-1]:
            raise ConfigError(f"{table.source}: there are no values in {', '.join(quantities)}", key="data")
        rows = np.concatenate(parts)
        groups = tuple(
            Group(name, np.arange(first, first + own.size), reader.points(name, own))
            for name, own, first in zip(quantities, parts, count)
        )
        names = tuple(name for name, own in zip(quantities, parts) for _ in own)
        values = np.concatenate([table.columns[name][own] for name, own in zip(quantities, parts)])
        deviations = np.concatenate([reader.deviations(name, own) for name, own in zip(quantities, parts)])
        places = {axis: table.columns.get(axis, np.full(len(values), np.nan))[rows] for axis in problem.grid.names}
        has = any(DEVIATION + name in table.columns for name in quantities)
        if len(quantities) > 1 and not has:
            raise ConfigError(
                f"{table.source}: several quantities are measured, {', '.join(quantities)}; say how accurate each is, in columns "
                f"{', '.join(DEVIATION + name for name in quantities)}",
                key="data",
            )
        return cls(reader.times(rows), values, deviations, names, places, groups, has)

    @property
    def count(self) -> int:
        return int(self.values.size)

    def predicted(self, run: DifferentiableRun, problem: Problem) -> Array:
        """What a run says in their place."""
        found = np.empty(self.count)
        for _, t, y, group, numbers in self._parts(run):
            found[numbers] = self.measured(problem, group, numbers, t, y)
        return found

    def measured(self, problem: Problem, group: Group, numbers: Array, t: float, y: Array) -> Array:
        """Some observations of a group, of a state at any time."""
        if group.points is None:
            return np.full(numbers.size, problem.series[group.name].value(t, y))
        full = problem.semidiscrete.unpack(t, y)[group.name].ravel()
        return np.asarray(group.points[np.searchsorted(group.numbers, numbers)] @ full)

    def slopes(self, run: DifferentiableRun, promotion: Promotion) -> Iterator[tuple[int, Array, Matrix, Matrix]]:
        """By frame and quantity: number of the frame, of the observations, and their derivatives by state and parameters."""
        for frame, t, y, group, numbers in self._parts(run):
            if group.points is None:
                by_state, by_parameters = number_slopes(
                    promotion, promotion.problem.series[group.name], f"output.series.{group.name}", t, y
                )
                every = np.zeros(numbers.size, dtype=int)
                yield frame, numbers, by_state[every], by_parameters[every]
            else:
                P = group.points[np.searchsorted(group.numbers, numbers)]
                symbol = promotion.base.layout.block(group.name).symbol
                yield (
                    frame,
                    numbers,
                    P @ promotion.base.layout.selections[symbol],
                    P @ promotion.selections(t)[symbol],
                )

    def _parts(self, run: DifferentiableRun) -> Iterator[tuple[int, float, Array, Group, Array]]:
        """Frames with their times and states, quantities, and the numbers of the observations there."""
        frames = run.times
        nearest = np.argmin(np.abs(self.times[:, None] - frames[None, :]), axis=1)
        for k, (t, y) in enumerate(zip(run.times, run.states)):
            for group in self.groups:
                numbers = group.numbers[nearest[group.numbers] == k]
                if numbers.size:
                    yield k, float(t), y, group, numbers


class _Reader:
    """Checks a table against a problem."""

    def __init__(self, problem: Problem, table: DataTable) -> None:
        self.problem, self.table = problem, table
        self.unknowns = [block.name for block in problem.semidiscrete.blocks]
        self.measurable = [*self.unknowns, *problem.series]

    def quantities(self) -> list[str]:
        """The columns that are measured quantities."""
        columns, axes = self.table.columns, self.problem.grid.names
        allowed = [
            *([] if self.problem.steady else ["t"]),
            *axes,
            *self.measurable,
            *(DEVIATION + name for name in self.measurable),
        ]
        for name in columns:
            if name not in allowed:
                raise ConfigError(
                    f"{self.table.source}: column {name!r} is none of {allowed}{nearest_hint(name, allowed)}",
                    key="data",
                )
        found = [name for name in self.measurable if name in columns]
        missing = [] if self.problem.steady or "t" in columns else ["t"]
        missing += [a for a in axes if a not in columns and any(name in self.unknowns for name in found)]
        if missing:
            raise ConfigError(f"{self.table.source}: there is no column {missing[0]!r}", key="data")
        for name in columns:
            if (
                name.startswith(DEVIATION)
                and name not in self.measurable
                and name.removeprefix(DEVIATION) not in columns
            ):
                raise ConfigError(
                    f"{self.table.source}: {name!r} has no column {name.removeprefix(DEVIATION)!r}", key="data"
                )
        return found

    def rows(self, name: str) -> Array:
        """Where a quantity was measured."""
        values = self.table.columns[name]
        for row in np.flatnonzero(np.isinf(values)):
            raise ConfigError(f"{self.table.place(row)}: {name} is not finite", key="data")
        return np.flatnonzero(~np.isnan(values))

    def times(self, rows: Array) -> Array:
        """Times of rows, within the span; 0 of steady problems."""
        if self.problem.steady:
            return np.zeros(rows.size)
        times, settings = self.table.columns["t"][rows], self.problem.time
        end = np.inf if settings.end is None else settings.end
        for row, t in zip(rows, times):
            room = 1e-12 * max(abs(settings.start), abs(t))
            if not np.isfinite(t) or not settings.start - room <= t <= end + room:
                span = f"from {settings.start:g}" + (f" to {end:g}" if np.isfinite(end) else " on")
                raise ConfigError(
                    f"{self.table.place(row)}: t = {t:g} lies outside of the time span, {span}", key="data"
                )
        return np.clip(times, settings.start, end)

    def deviations(self, name: str, rows: Array) -> Array:
        """Standard deviations of a quantity in rows."""
        given = self.table.columns.get(DEVIATION + name)
        if given is None:
            if any(column.startswith(DEVIATION) for column in self.table.columns):
                raise ConfigError(
                    f"{self.table.source}: there is no column {DEVIATION + name!r} beside the others", key="data"
                )
            return np.ones(rows.size)
        for row in rows:
            if not 0 < given[row] < np.inf:
                raise ConfigError(
                    f"{self.table.place(row)}: {DEVIATION + name} must be positive, found {given[row]:g}", key="data"
                )
        return np.asarray(given[rows])

    def points(self, name: str, rows: Array) -> Matrix | None:
        """The interpolation to the points of rows; None for series."""
        if name not in self.unknowns:
            return None
        grid = self.problem.grid
        found = []
        for row in rows:
            at = [float(self.table.columns[axis][row]) for axis in grid.names]
            try:
                found.append(point_weights(grid, at))
            except GridError as error:
                raise ConfigError(f"{self.table.place(row)}: {error}", key="data") from None
        return sparse.csr_array(sparse.vstack(found))


def point_weights(grid: Grid, point: Sequence[float]) -> Matrix:
    """The row that interpolates node values at a point, to order 4 (as ``u(0.3)`` does in series).

    Raises
    ------
    GridError
        The point lies outside.

    Examples
    --------
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 1, 6))
    >>> float(np.round(point_weights(grid, [0.5]) @ grid.coordinates["x"] ** 3, 12)[0])
    0.125
    """
    weights, nodes = np.ones(1), np.zeros(1, dtype=int)
    for name, axis, x in zip(grid.names, grid.axes, point):
        if not np.isfinite(x):
            raise GridError(f"{name} is missing")
        index, own = line_weights(name, axis, x)
        nodes = (nodes[:, None] * axis.size + index).ravel()
        weights = (weights[:, None] * own).ravel()
    return sparse.csr_array((weights, (np.zeros(nodes.size, dtype=int), nodes)), shape=(1, grid.size))


def residual_rows(
    observations: Observations, run: DifferentiableRun, promotion: Promotion, sensitivities: Mapping[int, Array]
) -> Array:
    """Derivatives of the predictions by the parameters, from those of the states at the frames."""
    found = np.empty((observations.count, promotion.vector.size))
    for frame, numbers, by_state, by_parameters in observations.slopes(run, promotion):
        found[numbers] = by_state @ sensitivities[frame] + by_parameters.toarray()
    return found


def times_of(observations: Observations) -> list[float]:
    """The times at which something was measured, increasing."""
    return [float(t) for t in np.unique(observations.times)]
