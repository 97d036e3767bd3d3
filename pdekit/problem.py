"""A complete problem: equations, grid, conditions, initial state, time span; and how to solve it."""

from __future__ import annotations

import json
import platform
import time as clock
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pdekit.axis import Axis
from pdekit.boundary import FaceConditions, Outflow, collect
from pdekit.equations.analysis import highest_derivatives, principal_parts
from pdekit.equations.atoms import ATOMS
from pdekit.equations.evaluate import compile_expression
from pdekit.equations.pde import PDE, EquationSystem
from pdekit.equations.sampling import sample_text
from pdekit.errors import (
    BoundaryError,
    ConfigError,
    ExpressionError,
    PdekitError,
    SolverError,
    StabilityError,
    nearest_hint,
)
from pdekit.extension import service
from pdekit.field import Field, call_by_name, sample_values
from pdekit.grid import Grid
from pdekit.integrators.choose import Choice, choose, refuse_unsound
from pdekit.integrators.watch import Statistics, Watch
from pdekit.semidiscrete.system import SemiDiscrete
from pdekit.solution import Solution
from pdekit.steady import determined, solve_steady
from pdekit.storage.data import FileData
from pdekit.storage.writer import ResultWriter, check_output

Array = NDArray[Any]
Progress = Callable[[float, int], None]
ORDERS = (2, 4, 6, 8)


@dataclass(frozen=True)
class TimeSettings:
    """The time span and how to cross it.

    Parameters
    ----------
    end : float, optional
        None for steady problems, or to be given to `Problem.solve`.
    start : float, default 0
    method : str, default "auto"
    step : float, optional
        A fixed step.
    rtol : float, default 1e-6
        Relative tolerance of adaptive methods.
    atol : float, optional
        Absolute tolerance; default is a thousandth of rtol times the size of each unknown at the start.
    """

    end: float | None = None
    start: float = 0.0
    method: str = "auto"
    step: float | None = None
    rtol: float = 1e-6
    atol: float | None = None


@dataclass(frozen=True)
class OutputSettings:
    """What is stored, and where. At most one of `every`, `times` and `frames`.

    The start and the end are stored in any case; all times are hit exactly.
    """

    file: str | None = None
    every: float | None = None
    times: tuple[float, ...] | None = None
    frames: int | None = None

    def resolve(self, start: float, end: float) -> list[float]:
        """All output times from start to end.

        Raises
        ------
        ConfigError
            More than one rule, or times outside of the span.

        Examples
        --------
        >>> OutputSettings(every=0.4).resolve(0, 1)
        [0.0, 0.4, 0.8, 1.0]
        >>> OutputSettings(frames=3).resolve(0, 1)
        [0.0, 0.5, 1.0]
        """
        rules = [name for name in ("every", "times", "frames") if getattr(self, name) is not None]
        if len(rules) > 1:
            raise ConfigError(f"output: give one of every, times and frames, found {' and '.join(rules)}")
        inner: list[float] = []
        if self.every is not None:
            if not self.every > 0:
                raise ConfigError(f"output.every: must be positive, found {self.every!r}")
            if (end - start) / self.every > 1e6:
                raise ConfigError(f"output.every: {self.every:g} asks for more than a million frames")
            count = int(np.floor((end - start) / self.every * (1 + 1e-12)))
            inner = [start + k * self.every for k in range(count + 1)]
        elif self.frames is not None:
            if self.frames < 2:
                raise ConfigError(f"output.frames: at least 2 (start and end), found {self.frames}")
            inner = [float(t) for t in np.linspace(start, end, self.frames)]
        elif self.times is not None:
            inner = sorted(float(t) for t in self.times)
            if inner and (inner[0] < start or inner[-1] > end):
                raise ConfigError(f"output.times: must lie between {start:g} and {end:g}, found {list(self.times)}")
        else:
            inner = [float(t) for t in np.linspace(start, end, 11)]
        gap = 1e-12 * max(abs(start), abs(end), end - start)
        inner = [t for t in inner if t > start + gap and t < end - gap]
        return [float(start), *dict.fromkeys(inner), float(end)]


@dataclass(frozen=True)
class ConvergenceSettings:
    """A convergence study: numbers of points (or steps), and the order that is expected."""

    points: tuple[int, ...] | None = None
    steps: tuple[float, ...] | None = None
    expect: float | None = None
    against: str | None = None
    tolerance: float = 0.25


class Problem:
    """What is to be solved.

    Parameters
    ----------
    pde : PDE
    grid : Grid
    initial : mapping of str to data, optional
        For each unknown u of an equation ``u_t = ...``, and u and ``u_t`` of ``u_tt = ...``: a number, text, array,
        callable of the coordinates (by name), or `FileData`. For steady problems a first guess.
    boundary : mapping, optional
        For each unknown: per axis a condition for both ends, or ``{"left": ..., "right": ...}``.
    exact : mapping of str to str or callable, optional
        The exact solution in the coordinates and t.
    order : {2, 4, 6, 8}
        Order of accuracy in space.
    time : TimeSettings, optional
    output : OutputSettings, optional
    convergence : ConvergenceSettings, optional
    title : str
    labels : mapping of str to mapping, optional
        ``units`` and ``long_name`` of unknowns.

    Raises
    ------
    PdekitError
        Anything missing, superfluous, of the wrong shape, or ill-posed.

    Examples
    --------
    >>> import pdekit as pk
    >>> rod = pk.Problem(pk.PDE("u_t = D*u_xx", parameters={"D": 0.1}), pk.Grid(x=pk.Axis(0, 1, 21)),
    ...                  initial={"u": "sin(pi*x)"}, boundary={"u": {"x": pk.Dirichlet(0)}})
    >>> bool(rod.solve(t_end=1.0)["u"].max() < 0.4)
    True
    """

    def __init__(
        self,
        pde: PDE,
        grid: Grid,
        *,
        initial: Mapping[str, Any] | None = None,
        boundary: Mapping[str, Any] | None = None,
        exact: Mapping[str, Any] | None = None,
        order: int = 2,
        time: TimeSettings | None = None,
        output: OutputSettings | None = None,
        convergence: ConvergenceSettings | None = None,
        title: str = "",
        labels: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.pde, self.grid, self.title = pde, grid, title
        self.initial = dict(initial or {})
        self.boundary = dict(boundary or {})
        self.exact = dict(exact or {})
        self.order = order
        self.time = time or TimeSettings()
        self.output = output or OutputSettings()
        self.convergence = convergence or ConvergenceSettings()
        self.labels = {name: dict(entry) for name, entry in (labels or {}).items()}
        if order not in ORDERS:
            raise ConfigError(f"discretization.order: allowed are {list(ORDERS)}, found {order!r}")
        self.system: EquationSystem = pde.bind(grid.names, [n for n in self.boundary if n in pde.definitions])
        self._check_names()
        self.conditions = self._collect_boundary()
        self._check_well_posed()
        self.semidiscrete  # noqa: B018  (everything that can be wrong is found now)

    def __repr__(self) -> str:
        return f"<Problem {self.title!r}: {'; '.join(self.pde.equations) or 'Python right-hand side'} on {self.grid!r}>"

    def replace(self, **changes: Any) -> Problem:
        """The same problem with some of its constructor's arguments changed."""
        arguments: dict[str, Any] = {
            name: getattr(self, name)
            for name in (
                "initial",
                "boundary",
                "exact",
                "order",
                "time",
                "output",
                "convergence",
                "title",
                "labels",
            )
        }
        pde, grid = changes.pop("pde", self.pde), changes.pop("grid", self.grid)
        return Problem(pde, grid, **{**arguments, **changes})

    # ------------------------------------------------------------------------------------------- checks

    @property
    def steady(self) -> bool:
        """Whether all equations are ``0 = ...``."""
        return all(u.time_order == 0 for u in self.system.unknowns)

    def _check_names(self) -> None:
        unknowns = [u.name for u in self.system.unknowns]
        rates = [f"{u.name}_t" for u in self.system.unknowns if u.time_order == 2]
        for group, given, allowed in (
            ("initial", self.initial, [*unknowns, *rates]),
            ("boundary", self.boundary, [*unknowns, *self.pde.definitions]),
            ("exact", self.exact, [*unknowns, *rates]),
        ):
            for name in given:
                if name not in allowed:
                    raise ConfigError(
                        f"{group}.{name}: not an unknown; there are {allowed}{nearest_hint(name, allowed)}"
                    )
        for unknown in self.system.unknowns:
            needed = {0: [], 1: [unknown.name], 2: [unknown.name, f"{unknown.name}_t"]}[unknown.time_order]
            for name in needed:
                if name not in self.initial:
                    what = "the initial rate" if name.endswith("_t") and name != unknown.name else "the initial state"
                    raise ConfigError(f"initial.{name}: missing; {what} of {unknown.name!r} must be given")

    def _collect_boundary(self) -> dict[str, dict[str, FaceConditions]]:
        highest = highest_derivatives(self.system)
        axes = {name: axis.periodic for name, axis in zip(self.grid.names, self.grid.axes)}
        collected = {}
        for name in (*(u.name for u in self.system.unknowns), *map(str, self.system.definitions)):
            given = self.boundary.get(name) or {}
            if not isinstance(given, Mapping):
                raise BoundaryError(f"boundary.{name}: give conditions per axis, {{x: ...}}")
            free = {
                axis: Outflow()
                for axis, periodic in axes.items()
                if not periodic and axis not in given and not highest.get(name, {}).get(axis)
            }
            collected[name] = collect({**free, **given}, axes, name)
        return collected

    def _check_well_posed(self) -> None:
        """Refuse equations whose leading even derivative has the wrong sign: backward diffusion."""
        fields: dict[str, Any] | None = None
        for part in principal_parts(self.system):
            unknown = next(u for u in self.system.unknowns if u.name == part.unknown)
            if unknown.time_order == 0:
                continue
            states = [s for s in self.system.states if part.coefficient.has(s)]
            if fields is None:
                fields = self.initial_fields()
            arguments = [*self.system.axes, self.system.t, *self.system.parameters, *states]
            if part.coefficient.has(*ATOMS) or any(str(s) not in fields for s in states):
                continue  # the coefficient contains derivatives of unknowns
            values = [*self.grid.coordinates.values(), self.time.start, *self.system.parameters.values()]
            with np.errstate(all="ignore"):
                c = compile_expression(part.coefficient, arguments)(*values, *(fields[str(s)] for s in states))
            sign = (-1) ** (part.order // 2 + 1)
            worst = float(np.min(np.real(sign * np.asarray(c))))
            size = float(np.max(np.abs(c)))
            if worst < -1e-12 * size:
                raise StabilityError(
                    f"{part.unknown}: the coefficient of its derivative of order {part.order} along {part.axis!r} has the wrong "
                    f"sign ({sign * worst:.4g} somewhere): diffusion backwards in time is ill-posed"
                )

    @cached_property
    def is_complex(self) -> bool:
        """Whether equations, initial state or boundary data are complex."""
        if self.system.is_complex:
            return True
        given = list(self.initial.values())
        for faces in self.conditions.values():
            for pair in faces.values():
                given += [condition.value for condition in (*pair.left, *pair.right)]
        return any(self._is_complex_data(value) for value in given)

    def _is_complex_data(self, value: Any) -> bool:
        names = {**self.grid.coordinates, **self._parameters, "t": self.time.start}
        try:
            if isinstance(value, FileData):
                value = value.load(self.grid.shape)
            elif isinstance(value, str | sp.Expr):
                value = sample_text(value, names, self.system.known)
            elif callable(value) and not isinstance(value, Field):
                value = call_by_name(value, names)
        except PdekitError:
            return False  # reported with its place where the data are used
        return bool(np.iscomplexobj(getattr(value, "values", value)))

    @property
    def _parameters(self) -> dict[str, Any]:
        return {str(s): v for s, v in self.system.parameters.items()}

    @cached_property
    def semidiscrete(self) -> SemiDiscrete:
        """The discretized system."""
        dtype = complex if self.is_complex else float
        return SemiDiscrete(self.pde, self.grid, self.conditions, order=self.order, dtype=dtype)

    def sample(self, source: Any, what: str, t: float | None = None) -> Array:
        """Values of data (text, number, array, callable or file) on the grid."""
        names: dict[str, Any] = {**self.grid.coordinates, **self._parameters}
        if t is not None:
            names["t"] = t
        try:
            if isinstance(source, FileData):
                return source.load(self.grid.shape)
            if isinstance(source, str | sp.Expr):
                values = np.asarray(sample_text(source, names, self.system.known))
                return np.broadcast_to(values, self.grid.shape)
            return sample_values(source, self.grid.shape, names, what)
        except ExpressionError as error:
            raise ExpressionError(f"{what}: {error}") from None
        except PdekitError as error:
            raise type(error)(f"{what}: {error}" if not str(error).startswith(what) else str(error)) from None

    def initial_fields(self) -> dict[str, Array]:
        """Full arrays of the initial state (or first guess), as given."""
        fields = {}
        for unknown in self.system.unknowns:
            names = [unknown.name, f"{unknown.name}_t"] if unknown.time_order == 2 else [unknown.name]
            for name in names:
                fields[name] = self.sample(self.initial.get(name, 0.0), f"initial.{name}", self.time.start)
        return fields

    def exact_values(self, name: str, t: float) -> Array:
        """The exact solution on the grid."""
        return self.sample(self.exact[name], f"exact.{name}", t)

    def notes(self) -> list[str]:
        """What is questionable but not wrong: data that do not fit together at the start, in words."""
        found = []
        t = self.time.start
        fields = self.initial_fields()
        for block in self.semidiscrete.blocks:
            for conflict in block.conditions.corner_conflicts(t):
                found.append(f"boundary.{block.name}: {conflict}")
            if self.steady:
                continue
            prescribed = block.conditions.prescribed()
            if not prescribed.any():
                continue
            forced = np.array(fields[block.name], dtype=self.semidiscrete.dtype)
            block.conditions.fill(forced, t)
            gap = np.abs(forced - fields[block.name])
            scale = max(float(np.max(np.abs(fields[block.name]))), float(np.max(np.abs(forced))))
            if float(gap.max()) > 1e-8 * max(scale, 1e-300):
                point = self.grid.point(int(np.argmax(gap)))
                where = ", ".join(f"{n} = {v:.4g}" for n, v in point.items())
                found.append(
                    f"initial.{block.name}: differs from the boundary data by {gap.max():.3g} at {where}; the boundary data are used there"
                )
        return found

    # ------------------------------------------------------------------------------------------- solving

    def span(self, t_end: float | None) -> tuple[float, float]:
        """Start and end of the time span."""
        end = self.time.end if t_end is None else t_end
        if end is None:
            raise ConfigError("time.end: missing; say how far to integrate (t_end)")
        if not end > self.time.start:
            raise ConfigError(f"time.end: must be after the start {self.time.start:g}, found {end:g}")
        return self.time.start, float(end)

    def choice(self, t_end: float | None = None, method: str | None = None, step: float | None = None) -> Choice:
        """The time integration method and the reasons for it, without running anything."""
        start, end = self.span(t_end)
        y = self.semidiscrete.pack(self.initial_fields())
        settings = self.time
        return choose(
            self.semidiscrete,
            start,
            y,
            end - start,
            method=settings.method if method is None else method,
            step=settings.step if step is None else step,
            rtol=settings.rtol,
        )

    def solve(
        self,
        t_end: float | None = None,
        *,
        method: str | None = None,
        step: float | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        times: Sequence[float] | None = None,
        every: float | None = None,
        frames: int | None = None,
        output: str | Path | None = None,
        force: bool = False,
        keep: bool = True,
        progress: Progress | None = None,
        choice: Choice | None = None,
    ) -> Solution:
        """Solve the problem.

        Parameters
        ----------
        t_end : float, optional
            End of the time span; default is the problem's own.
        method, step, rtol, atol : optional
            Instead of those of `Problem.time`.
        times, every, frames : optional
            Output times; start and end are always among them.
        output : path, optional
            An HDF5 file, written frame by frame.
        force : bool, default False
            Replace an existing file.
        keep : bool, default True
            Keep all frames in memory, not only the last.
        progress : callable of (t, steps), optional
            Told after every step.
        choice : Choice, optional
            A method chosen before, with `Problem.choice`.

        Returns
        -------
        Solution

        Raises
        ------
        StabilityError, SolverError, StorageError
            A file that was begun stays valid and says why the run ended.
        """
        path = Path(output) if output is not None else None
        if path is not None:
            check_output(path, force)
        if self.steady:
            return self._solve_steady(path, force)
        settings = replace(self.time, **_given(method=method, step=step, rtol=rtol, atol=atol))
        start, end = self.span(t_end)
        rules = _given(times=None if times is None else tuple(times), every=every, frames=frames)
        rule = OutputSettings(**rules) if rules else replace(self.output, file=None)
        stops = rule.resolve(start, end)
        begun = clock.perf_counter()
        y = self._consistent(self.semidiscrete.pack(self.initial_fields()), start)
        if choice is None:
            choice = choose(
                self.semidiscrete, start, y, end - start, method=settings.method, step=settings.step, rtol=settings.rtol
            )
        scales = self._scales(y, start, end - start)
        watch = Watch(self.semidiscrete, float(np.max(scales)), progress)
        atol_of = 1e-3 * settings.rtol * scales if settings.atol is None else np.full(y.size, settings.atol)
        run = choice.method.integrate(
            self.semidiscrete, y, stops, watch, step=settings.step, rtol=settings.rtol, atol=atol_of
        )
        writer = self._writer(path, force, choice.method.name, choice.reasons) if path else None
        kept_times, kept = self._consume(run, writer, watch.statistics, begun, keep)
        return self._solution(
            np.array(kept_times), kept, choice.method.name, choice.reasons, watch.statistics, begun, path
        )

    def _scales(self, y: Array, t: float, duration: float) -> Array:
        """Size of every unknown: its greatest value at the start or in the data, or what its rate makes of it."""
        system = self.semidiscrete
        rates = np.abs(system.rhs(t, y))
        full = system.unpack(t, y)
        scales = np.zeros(y.size)
        for block in system.blocks:
            size = float(np.max(np.abs(full[block.name])))
            scales[block.slice] = size if size > 0 else duration * float(np.max(rates[block.slice]))
        overall = float(np.max(scales))
        scales[scales == 0] = overall if overall > 0 else 1.0
        return scales

    def _consume(
        self,
        run: Iterator[tuple[float, Array]],
        writer: ResultWriter | None,
        statistics: Statistics,
        begun: float,
        keep: bool,
    ) -> tuple[list[float], dict[str, Array]]:
        """Take the frames as they come, to memory and file."""
        times: list[float] = []
        frames: dict[str, list[Array]] = {b.name: [] for b in self.semidiscrete.blocks}
        status, message = "interrupted", "the run was interrupted"
        try:
            for t, y in run:
                full = self.semidiscrete.unpack(t, y)
                if not keep and len(times) == 1:
                    times.clear()
                    for stored in frames.values():
                        stored.clear()
                times.append(t)
                for name, values in full.items():
                    frames[name].append(values)
                if writer is not None:
                    writer.append(t, full)
            status, message = "complete", ""
        except PdekitError as error:
            status, message = "failed", str(error)
            raise
        finally:
            if writer is not None:
                writer.close(status, message, _plain(statistics), clock.perf_counter() - begun)
        return times, {name: np.stack(stored) for name, stored in frames.items()}

    def _consistent(self, y: Array, t: float) -> Array:
        """Initial values of unknowns without an evolution equation, from their equations ``0 = ...``."""
        system = self.semidiscrete
        algebraic = system.mass == 0
        if not algebraic.any():
            return y
        y = y.copy()
        for _ in range(30):
            residual = system.rhs(t, y)[algebraic]
            J = system.jacobian(t, y)[algebraic][:, algebraic]
            solver = determined(
                J,
                "the equations '0 = ...' do not determine their unknowns, perhaps because they prescribe "
                "derivatives only; fix a value by a Dirichlet condition, or add a term in the unknown itself",
            )
            correction = solver.solve(residual)
            y[algebraic] -= correction
            if float(np.max(np.abs(correction))) <= 1e-11 * max(1e-300, float(np.max(np.abs(y)))):
                return y
        raise SolverError("no initial state was found that satisfies the algebraic equations '0 = ...'")

    def _solve_steady(self, path: Path | None, force: bool) -> Solution:
        refuse_unsound(self.semidiscrete)
        begun = clock.perf_counter()
        statistics = Statistics()
        guess = self.semidiscrete.pack(self.initial_fields())
        result = solve_steady(self.semidiscrete, guess, statistics, self._coarse_excess)
        full = self.semidiscrete.unpack(0.0, result.y)
        if path is not None:
            writer = self._writer(path, force, "steady", result.reasons)
            status, message = "failed", "the run was interrupted"
            try:
                writer.append(0.0, full)
                status, message = "complete", ""
            finally:
                writer.close(status, message, _plain(statistics), clock.perf_counter() - begun)
        return self._solution(np.zeros(0), full, "steady", result.reasons, statistics, begun, path)

    def _coarse_excess(self) -> float | None:
        """By how much data that prescribe derivatives only fail to balance, on a grid of half as many nodes."""
        axes = {}
        for name, axis in zip(self.grid.names, self.grid.axes):
            nodes = axis.nodes[::2]
            if not axis.periodic and axis.size % 2 == 0:
                nodes = np.append(nodes, axis.nodes[-1])
            if axis.periodic:
                axes[name] = Axis(axis.left, axis.right, nodes=nodes, periodic=True)
            else:
                axes[name] = Axis(nodes=nodes)
        try:
            coarse = self.replace(grid=Grid(axes))
            guess = coarse.semidiscrete.pack(coarse.initial_fields())
            return solve_steady(coarse.semidiscrete, guess, Statistics()).excess
        except PdekitError:
            return None  # data given as arrays, or too few nodes

    def _solution(
        self,
        times: Array,
        values: dict[str, Array],
        method: str,
        reasons: tuple[str, ...],
        statistics: Statistics,
        begun: float,
        path: Path | None,
    ) -> Solution:
        return Solution(
            self.grid,
            times,
            values,
            title=self.title,
            method=method,
            reasons=reasons,
            statistics=_plain(statistics),
            wall_time=clock.perf_counter() - begun,
            exact=self.exact_values if self.exact else None,
            exact_names=tuple(name for name in values if name in self.exact),
            file=path,
            labels=self.labels,
        )

    def _writer(self, path: Path, force: bool, method: str, reasons: Sequence[str]) -> ResultWriter:
        dtype = self.semidiscrete.dtype
        names = [block.name for block in self.semidiscrete.blocks]
        attributes = {
            "title": self.title,
            "dimensions": json.dumps(self.grid.names),
            "variables": json.dumps(names),
            "config": service("problem_to_yaml")(self),
            "pdekit_version": metadata.version("pdekit"),
            "versions": json.dumps(
                {p: metadata.version(p) for p in ("numpy", "scipy", "sympy", "h5py")}
                | {"python": platform.python_version()}
            ),
            "method": method,
            "method_reasons": "\n".join(reasons),
        }
        if self.exact:
            attributes["exact"] = json.dumps({n: e for n, e in self.exact.items() if isinstance(e, str)})
            attributes["parameters"] = json.dumps({n: str(v) for n, v in self.pde.parameters.items()})
            attributes["definitions"] = json.dumps({n: str(self.pde.definitions[n]) for n in self.system.known})
        return ResultWriter(
            path,
            self.grid,
            dict.fromkeys(names, dtype),
            attributes,
            steady=self.steady,
            force=force,
            labels=self.labels,
        )

    def to_yaml(self) -> str:
        """This problem as a config."""
        return str(service("problem_to_yaml")(self))

    def to_python(self) -> str:
        """This problem as a Python program."""
        return str(service("problem_to_python")(self))


def _given(**options: Any) -> dict[str, Any]:
    """Those options that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def _plain(statistics: Statistics) -> dict[str, int]:
    return {name: int(value) for name, value in asdict(statistics).items()}
