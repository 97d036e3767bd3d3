"""The result of solving a problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pdekit.errors import PdekitError, nearest_hint
from pdekit.geometry.axis import Axis
from pdekit.geometry.grid import Field, Grid
from pdekit.typing import Array

Exact = Callable[[str, float], Array]


@dataclass(frozen=True, eq=False)
class Solution:
    """Times and fields of a solved problem.

    Parameters
    ----------
    grid : Grid
    times : array
        Stored times; empty for a steady solution.
    values : dict of str to array
        By variable; shape ``(times, *grid.shape)``, or ``grid.shape`` if steady.
    title : str
    method : str
        The time integration or steady method.
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
        ``units`` and ``long_name`` of variables.
    notes : tuple of str
        What is to be said of the result: what the grid does not resolve, a method that was changed on the way.
    series : dict of str to array
        Numbers of the state at every step, by name, and their times ``t``.
    up_to_constant : bool
        Only derivatives are prescribed: the solution of zero mean was taken.

    Examples
    --------
    >>> import pdekit as pk
    >>> heat = pk.PDE("u_t = laplace(u)")
    >>> problem = pk.Problem(heat, pk.Grid(x=pk.Axis(0, 1, 41)), initial={"u": "sin(pi*x)"},
    ...                      boundary={"u": {"x": pk.Dirichlet(0)}}, exact={"u": "exp(-pi**2*t)*sin(pi*x)"})
    >>> solution = problem.solve(t_end=0.1)
    >>> bool(solution.error("u") < 2e-4), solution["u"].shape
    (True, (41,))
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

    def __repr__(self) -> str:
        span = "steady" if self.steady else f"t = {self.times[0]:g} .. {self.times[-1]:g}, {self.times.size} frames"
        return f"<Solution {self.title!r}: {', '.join(self.values)}; {span}; {self.method}>"

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

    def __getitem__(self, name: str) -> Field:
        """The field of a variable at the last stored time."""
        return self.frame(name, -1)

    def frame(self, name: str, index: int = -1) -> Field:
        """The field of a variable at a stored time, by the index of that time."""
        if name not in self.values:
            raise PdekitError(f"no variable {name!r}; there are {list(self.values)}{nearest_hint(name, self.values)}")
        data = self.values[name]
        return Field(self.grid, data if self.steady else data[index], name)

    def at(self, name: str, t: float) -> Field:
        """The field at a stored time, by the time itself."""
        index = int(np.argmin(np.abs(self.times - t)))
        if abs(self.times[index] - t) > 1e-9 * max(1.0, abs(t)):
            raise PdekitError(f"t = {t:g} is not a stored time; the nearest is {self.times[index]:g}")
        return self.frame(name, index)

    def exact_field(self, name: str, index: int = -1) -> Field:
        """The exact solution at a stored time."""
        if self.exact is None or name not in self.exact_names:
            raise PdekitError(f"no exact solution of {name!r} is known")
        t = 0.0 if self.steady else float(self.times[index])
        return Field(self.grid, self.exact(name, t), name)

    def error(self, name: str, index: int = -1, kind: Any = "max") -> float:
        """Norm of the difference from the exact solution at a stored time; max norm over all nodes by default."""
        difference = self.frame(name, index) - self.exact_field(name, index)
        return float(difference.norm(kind))

    def errors(self) -> dict[str, float]:
        """Max-norm errors at the last time, of the variables whose exact solution is known."""
        return {name: self.error(name) for name in self.exact_names}

    def plot(self, name: str | None = None, **options: Any) -> Any:
        """Draw the solution; see `pdekit.plotting.plot_solution`."""
        from pdekit.plotting.solution_picture import plot_solution

        return plot_solution(self, name, **options)

    def to_xarray(self) -> Any:
        """All variables as an `xarray.Dataset`."""
        import xarray

        dims = self.grid.names if self.steady else ("t", *self.grid.names)
        coords: dict[str, Any] = {} if self.steady else {"t": self.times}
        for name, axis in zip(self.grid.names, self.grid.axes):
            attributes = {"units": axis.unit, "long_name": axis.long_name}
            coords[name] = (name, axis.nodes, {k: v for k, v in attributes.items() if v})
        data = {name: (dims, values, self.labels.get(name, {})) for name, values in self.values.items()}
        return xarray.Dataset(data, coords=coords, attrs={"title": self.title, "method": self.method})


def grid_of(
    axes: Mapping[str, Array],
    periods: Mapping[str, float],
    labels: Mapping[str, Mapping[str, str]] | None = None,
    system: str = "cartesian",
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> Grid:
    """The grid of stored coordinates."""
    made = {}
    for name, nodes in axes.items():
        entry = (labels or {}).get(name, {})
        words: dict[str, Any] = {"unit": entry.get("units", ""), "long_name": entry.get("long_name", "")}
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
    return Grid(made, coordinates=system)
