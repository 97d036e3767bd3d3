"""The result of solving a problem."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np

from pdekit.discretize.absorbing_layers import without_layers
from pdekit.errors import PdekitError, nearest_hint
from pdekit.geometry.axis import Axis
from pdekit.geometry.grid import Field, Grid
from pdekit.typing import Array

Exact = Callable[[str, float], Array]


@dataclass(frozen=True, eq=False)
class Snapshot(Mapping[str, Field]):
    """All fields at one stored time, by the names of their variables.

    Parameters
    ----------
    t : float or None
        None if steady.
    fields : dict of str to Field
    scalars : dict of str to number
        Those of the unknowns that are one number.
    """

    t: float | None
    fields: dict[str, Field]
    scalars: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Field:
        if name not in self.fields:
            raise PdekitError(f"no variable {name!r}; there are {list(self.fields)}{nearest_hint(name, self.fields)}")
        return self.fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __repr__(self) -> str:
        return f"<Snapshot {'steady' if self.t is None else f't = {self.t:g}'}: {', '.join(self.fields)}>"


_THEN = ", then "


def in_order(methods: Sequence[str]) -> str:
    """Methods that went on one after the other, in words.

    Examples
    --------
    >>> in_order(["DOP853", "Radau"])
    'DOP853, then Radau'
    """
    return _THEN.join(methods)


@dataclass(frozen=True, eq=False)
class Solution:
    """Times and fields of a solved problem: a sequence of snapshots, and by the name of a variable its field at the end.

    Parameters
    ----------
    grid : Grid
    times : array
        Stored times; empty for a steady solution.
    values : dict of str to array
        By variable; shape ``(times, *grid.shape)``, or ``grid.shape`` if steady.
    title : str
    method : str
        The time integration or steady method; "DOP853, then Radau" where another one went on.
    reasons : tuple of str
        Why that method.
    statistics : dict
        Steps, evaluations and so on.
    wall_time : float
        Seconds.
    exact : callable of (variable, t), optional
        Values of the exact solution, for those variables in `exact_names`.
    file : Path, optional
        Where it was written.
    labels : dict of str to dict
        ``units`` and ``long_name`` of variables, of series and of ``t``.
    notes : tuple of str
        What is to be said of the result: what the grid does not resolve, a method that was changed on the way.
    series : dict of str to array
        Numbers of the state step by step, by name, and their times ``t``.
    up_to_constant : bool
        Only derivatives are prescribed: the solution of zero mean was taken.
    scalars : dict of str to array
        Unknowns that are one number, at the stored times; of a steady solution arrays without axes.
    regions : dict of str to Grid
        The nodes of those variables that do not live on all nodes of the grid.
    problem : Problem, optional
        What it solves, where it was solved in this session.

    Examples
    --------
    >>> import pdekit as pk
    >>> heat = pk.PDE("u_t = laplace(u)")
    >>> problem = pk.Problem(heat, pk.Grid(x=pk.Axis(0, 1, 41)), initial={"u": "sin(pi*x)"},
    ...                      boundary={"u": {"x": pk.Dirichlet(0)}}, exact={"u": "exp(-pi**2*t)*sin(pi*x)"})
    >>> solution = problem.solve(t_end=0.1, frames=5)
    >>> bool(solution.error("u") < 2e-4), solution["u"].shape
    (True, (41,))
    >>> len(solution), solution[0], round(float(solution.probe(x=0.5)["u"][0]), 12)
    (5, <Snapshot t = 0: u>, 1.0)
    """

    grid: Grid
    times: Array
    values: dict[str, Array]
    title: str = ""
    method: str = ""
    reasons: tuple[str, ...] = ()
    statistics: dict[str, Any] = field(default_factory=dict)
    wall_time: float = 0.0
    exact: Exact | None = None
    exact_names: tuple[str, ...] = ()
    file: Path | None = None
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    series: dict[str, Array] = field(default_factory=dict)
    up_to_constant: bool = False
    scalars: dict[str, Array] = field(default_factory=dict)
    regions: Mapping[str, Grid] = field(default_factory=dict)
    problem: Any = None

    def __repr__(self) -> str:
        span = "steady" if self.steady else f"t = {self.times[0]:g} .. {self.times[-1]:g}, {self.times.size} frames"
        return f"<Solution {self.title!r}: {', '.join(self.values)}; {span}; {self.method}>"

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods in the order in which they were taken."""
        return tuple(self.method.split(_THEN))

    @property
    def steady(self) -> bool:
        """Whether there is no time."""
        return self.times.size == 0

    @property
    def compile_time(self) -> float:
        """Seconds of the wall time that compiling, or loading what was compiled before, took."""
        return float(self.statistics.get("compile_seconds", 0.0))

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the stored fields."""
        return tuple(self.values)

    @property
    def shown_variables(self) -> tuple[str, ...]:
        """Those of them that pages, pictures and live views show: not what absorbing layers need beside the unknowns."""
        return without_layers(self.values, self.grid)

    @overload
    def __getitem__(self, which: str) -> Field: ...
    @overload
    def __getitem__(self, which: int) -> Snapshot: ...
    def __getitem__(self, which: str | int) -> Field | Snapshot:
        """The field of a variable at the last stored time, by its name; all fields at a stored time, by its index."""
        if isinstance(which, str):
            return self.frame(which, -1)
        if isinstance(which, bool) or not isinstance(which, int | np.integer):
            raise PdekitError(f"expected the name of a variable or the index of a stored time, found {which!r}")
        position = self._position(int(which))
        t = None if self.steady else float(self.times[position])
        numbers = {name: self.number(name, position) for name in self.scalars}
        return Snapshot(t, {name: self.frame(name, position) for name in self.values}, numbers)

    def __len__(self) -> int:
        """How many stored times there are; one if steady."""
        return 1 if self.steady else int(self.times.size)

    def __iter__(self) -> Iterator[Snapshot]:
        return (self[k] for k in range(len(self)))

    def _position(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise PdekitError(f"there is no frame {index}; there are {len(self)}, -{len(self)} to {len(self) - 1}")
        return index % len(self)

    def frame(self, name: str, index: int = -1) -> Field:
        """The field of a variable at a stored time, by the index of that time."""
        if name in self.scalars:
            raise PdekitError(f"{name!r} is one number, not a field: its values are solution.scalars[{name!r}]")
        if name not in self.values:
            raise PdekitError(f"no variable {name!r}; there are {list(self.values)}{nearest_hint(name, self.values)}")
        data, position = self.values[name], self._position(index)
        return Field(self.nodes_of(name), data if self.steady else data[position], name)

    def nodes_of(self, name: str) -> Grid:
        """The grid with the nodes on which a variable lives."""
        return self.regions.get(name, self.grid)

    def number(self, name: str, index: int = -1) -> Any:
        """The value of a scalar unknown at a stored time, by the index of that time."""
        return self.scalars[name][() if self.steady else self._position(index)]

    def at(self, t: float) -> Snapshot:
        """All fields at a stored time, by the time itself.

        Raises
        ------
        PdekitError
            It is not a stored time, or there is none.
        """
        if self.steady:
            raise PdekitError(f"the solution is steady: it has no time, found t = {t:g}")
        index = int(np.argmin(np.abs(self.times - t)))
        if abs(self.times[index] - t) > 1e-9 * max(1.0, abs(t)):
            raise PdekitError(f"t = {t:g} is not a stored time; the nearest is {self.times[index]:g}")
        return self[index]

    def probe(self, **point: Any) -> dict[str, Array]:
        """Values at a point over time, interpolated with order 4.

        Parameters
        ----------
        **point : float or array
            A coordinate for every axis; arrays of one shape for several points.

        Returns
        -------
        dict of str to array
            By variable; shape (times, ...), or (...) if steady.

        Raises
        ------
        PdekitError
            A coordinate is missing, unknown or outside.
        """
        for name in point:
            self.grid.index(name)
        for name in self.grid.names:
            if name not in point:
                raise PdekitError(f"the coordinate {name!r} is missing; a point needs {list(self.grid.names)}")
        lines = [np.asarray(point[name], dtype=float) for name in self.grid.names]
        where = np.stack(np.broadcast_arrays(*lines), axis=-1)
        found = {name: np.array([s[name].interpolate(where) for s in self]) for name in self.values}
        return {name: values[0] for name, values in found.items()} if self.steady else found

    def exact_field(self, name: str, index: int = -1) -> Field:
        """The exact solution at a stored time."""
        nodes = self.nodes_of(name)
        return Field(nodes, nodes.blank(self._exact(name, index)), name)

    def exact_number(self, name: str, index: int = -1) -> Any:
        """The exact value of a scalar unknown at a stored time."""
        return self._exact(name, index)[()]

    def _exact(self, name: str, index: int) -> Array:
        if self.exact is None or name not in self.exact_names:
            raise PdekitError(f"no exact solution of {name!r} is known")
        return self.exact(name, 0.0 if self.steady else float(self.times[index]))

    def error(self, name: str, index: int = -1, kind: Any = "max") -> float:
        """Norm of the difference from the exact solution at a stored time; max norm over all nodes by default."""
        if name in self.scalars:
            return float(np.abs(self.number(name, index) - self.exact_number(name, index)))
        difference = self.frame(name, index) - self.exact_field(name, index)
        return float(difference.norm(kind))

    def errors(self) -> dict[str, float]:
        """Max-norm errors at the last time, of the variables whose exact solution is known."""
        return {name: self.error(name) for name in self.exact_names}

    def plot(self, name: str | None = None, **options: Any) -> Any:
        """Draw the solution; see `pdekit.plotting.plot_solution`."""
        from pdekit.plotting.solution_picture import plot_solution

        return plot_solution(self, name, **options)

    def explore(self, name: str | None = None) -> Any:
        """A widget with a slider over the stored times, for notebooks; see `pdekit.plotting.explorer.explore`."""
        from pdekit.plotting.explorer import explore

        return explore(self, name)

    def watch(self, seconds: float = 0.1) -> None:
        """Show the stored frames one after the other, in a notebook or a terminal; see ``pdekit.watching``."""
        from pdekit.watching import watch

        return watch(self, seconds)

    def animation(self) -> Any:
        """The fields in time with a slider, in a notebook that needs no kernel; see `pdekit.reporting.animation`."""
        from pdekit.reporting.animation import animation

        return animation(self)

    def _repr_html_(self) -> str:
        from pdekit.reporting.notebook import solution_html

        return solution_html(self)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the solution in the format that the path's ending names; see `pdekit.export`."""
        from pdekit.io.exports import export

        return export(self, path, force=force)

    def report(self, path: str | Path, **options: Any) -> Path:
        """Write one HTML file that shows the solution; see `pdekit.reporting.page.report`."""
        from pdekit.reporting.page import report

        return report(self, path, **options)

    def to_xarray(self) -> Any:
        """All variables as an `xarray.Dataset`."""
        import xarray

        dims = self.grid.names if self.steady else ("t", *self.grid.names)
        coords: dict[str, Any] = {} if self.steady else {"t": ("t", self.times, self.labels.get("t", {}))}
        for name, axis in zip(self.grid.names, self.grid.axes):
            attributes = {"units": axis.unit, "long_name": axis.long_name}
            coords[name] = (name, axis.nodes, {k: v for k, v in attributes.items() if v})
        data = {name: (dims, values, self.labels.get(name, {})) for name, values in self.values.items()}
        data |= {
            name: (dims[:1] if not self.steady else (), v, self.labels.get(name, {}))
            for name, v in self.scalars.items()
        }
        return xarray.Dataset(data, coords=coords, attrs={"title": self.title, "method": self.method})


def grid_of(
    axes: Mapping[str, Array],
    periods: Mapping[str, float],
    labels: Mapping[str, Mapping[str, str]] | None = None,
    system: str = "cartesian",
    ranges: Mapping[str, tuple[float, float]] | None = None,
    layers: Mapping[str, tuple[float, float]] | None = None,
    interfaces: Mapping[str, tuple[float, ...]] | None = None,
) -> Grid:
    """The grid of stored coordinates; with the widths of absorbing layers at both ends of axes."""
    made = {}
    for name, nodes in axes.items():
        entry = (labels or {}).get(name, {})
        words: dict[str, Any] = {"unit": entry.get("units", ""), "long_name": entry.get("long_name", "")}
        if layers and name in layers:
            words["absorbing_layer"] = dict(zip(("left", "right"), layers[name]))
        period = periods.get(name)
        left = float(nodes[0])
        right = left + period if period else float(nodes[-1])
        if ranges and name in ranges:
            left, right = ranges[name]
            gaps = (nodes[0] > left, nodes[-1] < right)
            words["offset"] = "both" if all(gaps) else ("left" if gaps[0] else "right")
        uniform = Axis(left, right, nodes.size, periodic=bool(period), **words)
        if np.allclose(nodes, uniform.nodes, rtol=0, atol=1e-14 * max(abs(left), abs(right))):
            made[name] = uniform
        elif period:
            made[name] = Axis(left, right, nodes=nodes, periodic=True, **words)
        else:
            made[name] = Axis(*((left, right) if "offset" in words else ()), nodes=nodes, **words)
    planes = (interfaces or {}).items()
    return Grid(made | {name: made[name].divided(places) for name, places in planes}, coordinates=system)
