"""A compiled right-hand side: evaluated on whole fields, with the update of a time step in the same pass."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np

from pdekit.boundary.domain_conditions import DomainConditions
from pdekit.boundary.face_data import StateConditions
from pdekit.deferred import collection_paused
from pdekit.discretize.system import SemiDiscrete
from pdekit.discretize.terms.term_protocol import NotCompiled
from pdekit.errors import SolverError
from pdekit.kernels.cache import load
from pdekit.kernels.cut_nodes import CutNodes
from pdekit.kernels.drivers import write_pass
from pdekit.kernels.line_sweeps import LineSweep, sweeps_of
from pdekit.kernels.memory import empty_state
from pdekit.kernels.plan import DerivativeTables, FluxTables, Plan, make_plan
from pdekit.kernels.prescribed import rate_of_face
from pdekit.kernels.workers import Workers
from pdekit.thresholds import THRESHOLDS, Thresholds
from pdekit.typing import Array

OTHERS = ("A0", "A1")
MOVING = ("Y", "t", "O", "Z", "c", *OTHERS)  # arguments that are others at every call
SINGLE = {"f": np.float32, "c": np.complex64}


def _refuse_range(what: str, value: Any) -> None:
    """Refuse numbers that are infinite or lose digits in single precision.

    Raises
    ------
    SolverError
    """
    size, limits = np.abs(value), np.finfo(np.float32)
    if size > limits.max or 0 < size < limits.tiny:
        raise SolverError(
            f"single holds numbers from {limits.tiny:.1e} to {limits.max:.1e}; {what} is {float(size):.3g}. "
            "Scale the problem, or use double",
            key="time.precision",
        )


@dataclass(frozen=True, eq=False)
class _Driver:
    """A compiled driver with its arguments: for every part those that never change, and where the others go."""

    function: Callable[..., None]
    parts: list[list[Any]]
    moving: tuple[tuple[int, str], ...]

    def call(self, part: int, moving: dict[str, Any]) -> None:
        values = self.parts[part].copy()
        for place, name in self.moving:
            values[place] = moving[name]
        self.function(*values)


class Kernel:
    """The right-hand side of a system, compiled.

    States are arrays of shape ``(blocks, *grid.shape)``, prescribed nodes included; `fill` writes these.

    Parameters
    ----------
    system : SemiDiscrete
    threads : int, default 1
        Rows of the first axis are shared among so many threads.
    single : bool, default False
        States in single precision.
    thresholds : Thresholds
    plan : Plan, optional
        What is computed, by default the right-hand side.
    definitions : array, optional
        Where definitions with conditions of their own stand; made where it is missing.

    Raises
    ------
    NotCompiled
        The system has something that is left to the matrices; says what.
    """

    def __init__(
        self,
        system: SemiDiscrete,
        threads: int = 1,
        single: bool = False,
        thresholds: Thresholds = THRESHOLDS,
        plan: Plan | None = None,
        definitions: Array | None = None,
    ) -> None:
        self.system, self.thresholds = system, thresholds
        self.plan = plan or make_plan(system, single, thresholds)
        if single and self.plan.sweeps:
            raise NotCompiled("limited schemes are for double precision")
        self.sweeps = tuple(sweeps_of(system, self.plan.sweeps))
        self.cut = None if system.grid.is_box else CutNodes(system)
        self.dtype = np.dtype(SINGLE[system.dtype.kind] if single else system.dtype)
        self.plain = "rate"  # the mode by which `rhs` evaluates
        self._begun: set[str] = set()
        self._compile_seconds = 0.0
        self._drivers: dict[str, _Driver] = {}
        self.changing: dict[str, Callable[[float], Array]] = {}  # coefficients of fluxes that depend on time
        self.data: dict[str, tuple[int, int]] = {}  # boundary data -> state and axis
        shared = threads > 1 and system.grid.ndim > 1 and system.grid.size >= thresholds.shared_from
        self.threads = threads if shared else 1
        self._workers = Workers(self.threads) if self.threads > 1 else None
        if single:
            for symbol, value in system.system.parameters.items():
                _refuse_range(f"the parameter {symbol}", np.asarray(value))
        self.arguments = {name: self.precise(value) for name, value in self._fixed_arguments().items()}
        if definitions is None:
            definitions = empty_state((len(self.plan.definitions), *system.grid.shape), self.dtype)
        self.arguments["D"] = definitions
        self.before = [Kernel(system, threads, single, thresholds, part, definitions) for part in self.plan.before]

    @property
    def compile_seconds(self) -> float:
        """How long compiling took, or loading what had been compiled before."""
        return self._compile_seconds + sum(kernel.compile_seconds for kernel in self.before)

    def precise(self, value: Any) -> Any:
        """Numbers in the precision of the states, indices as they are."""
        if not self.plan.single or not isinstance(value, float | np.ndarray):
            return value
        if isinstance(value, float):
            return np.float32(value)
        return value.astype(SINGLE[value.dtype.kind]) if value.dtype.kind in SINGLE else value

    def prepare(self) -> None:
        """Write the source now, so that what cannot be compiled is found."""
        for kernel in (*self.before, self):
            kernel._driver(kernel.plain)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a state."""
        return (len(self.system.blocks), *self.system.grid.shape)

    def _fixed_arguments(self) -> dict[str, Any]:
        plan, grid = self.plan, self.system.grid
        last = grid.ndim - 1
        jl, jr = plan.run
        given: dict[str, Any] = {"jl": jl, "jr": jr}
        given["je"] = np.setdiff1d(np.arange(grid.shape[-1]), np.arange(jl, jr)).astype(np.uint64)
        for axis, window in plan.windows.items():
            given["IL" if axis == last else f"I{axis}"] = np.ascontiguousarray(window.index, dtype=np.int64)
        for axis, line in enumerate(grid.axes):
            given["XL" if axis == last else f"X{axis}"] = line.nodes
        values = list(self.system.system.parameters.values())
        given["P"] = np.array(values or [0.0])
        for n, field in enumerate(plan.fields.values()):
            given[f"F_{n}"] = field
        for q, term in enumerate(plan.terms):
            if isinstance(term, DerivativeTables):
                for factor in term.factors:
                    self._table(given, f"W{q}a{factor.axis}", factor.table)
            else:
                self._table(given, f"T{q}", term.table)
                self._table(given, f"M{q}", term.mean)
                if term.potential_table is not None:
                    self._table(given, f"V{q}", term.potential_table)
                given[f"F{q}"] = np.ascontiguousarray(term.flux_index, dtype=np.int64)
                given[f"K{q}"] = None if term.known is None else term.known(0.0)
                if term.changes and term.known is not None:
                    self.changing[f"K{q}"] = term.known
            if term.data is not None:
                self._table(given, f"C{q}", term.data)
                data = np.ascontiguousarray(plan.conditions(term.state).stencil_data(term.axis, 0.0))
                given[f"G{q}"] = data.astype(np.result_type(data.dtype, float))
                self.data[f"G{q}"] = term.state, term.axis
        return given

    def _joined(self) -> Array:
        """Whether each row of the last leading axis reads as the one before it does, one row further on."""
        axis = self.system.grid.ndim - 2
        n, plan = self.system.grid.shape[axis], self.plan
        same = np.ones(n, dtype=bool)
        same[0] = False
        tables = [f.table for d in plan.derivatives for f in d.factors if f.axis == axis]
        moving = [plan.windows[axis].index] if axis in plan.windows else []
        for term in (term for term in plan.terms if term.axis == axis):
            if isinstance(term, FluxTables):
                tables += term.tables
                moving.append(term.flux_index)
            if term.data is not None:
                tables.append(term.data)
        for table in tables:
            flat = table.reshape(n, -1)
            same[1:] &= np.all(flat[1:] == flat[:-1], axis=1)
        for index in moving:
            same[1:] &= np.all(index[1:] == index[:-1] + 1, axis=1)
        return same

    @property
    def _strip(self) -> int:
        """Most nodes of a strip."""
        most = self.thresholds.strip.get(self.system.grid.ndim, 0)
        return most if self.system.grid.ndim == 3 else most // len(self.system.blocks)

    def _strips(self, joined: bool) -> tuple[Array, Array, list[tuple[int, int]]]:
        """Strips (first row, number of rows), where slabs of them begin, and the part of each thread."""
        grid = self.system.grid
        if grid.ndim == 1:
            return np.array([[0, 1]]), np.array([0, 1]), [(0, 1)]
        axis = grid.ndim - 2
        longest = self._strip // grid.shape[-1] if joined else 1
        thick = longest  # of a slab, whose planes are to stay in the cache
        if axis == 1:
            planes = (self.plan.windows[0].width if 0 in self.plan.windows else 1) + 2
            row_bytes = grid.shape[2] * self.dtype.itemsize * len(self.system.blocks)
            thick = int(self.thresholds.slab_bytes / (planes * row_bytes))
        same = self._joined()
        cuts = {b for _, b in self.parts} if axis == 0 else set()
        strips: list[list[int]] = []
        for row in range(grid.shape[axis]):
            if strips and same[row] and row not in cuts and strips[-1][1] < min(longest, thick):
                strips[-1][1] += 1
            else:
                strips.append([row, 1])
        starts = [strip[0] for strip in strips]
        if axis == 0:
            parts = [(int(np.searchsorted(starts, a)), int(np.searchsorted(starts, b))) for a, b in self.parts]
            return np.array(strips), np.array([0]), parts
        slabs, begun = [0], 0
        for k, (row, _) in enumerate(strips):
            if row - begun >= thick:
                slabs.append(k)
                begun = row
        return np.array(strips), np.array([*slabs, len(strips)]), self.parts

    def strips(self, joined: bool) -> Array:
        """First row and number of rows of every strip of the last leading axis."""
        return self._strips(joined)[0]

    @staticmethod
    def _table(given: dict[str, Any], name: str, table: Array) -> None:
        given[name] = np.ascontiguousarray(table)
        given[f"{name}_T"] = np.ascontiguousarray(np.moveaxis(table, 0, -1))

    def _driver(self, mode: str) -> _Driver:
        if mode not in self._drivers:
            source = write_pass(self.plan, mode)
            function, names = getattr(load(source.text), source.function), source.arguments
            strips, slabs, spans = self._strips(source.joined)
            own = [
                {"lo": lo, "hi": hi, "S": scratch, "strips": strips, "slabs": slabs}
                for (lo, hi), scratch in zip(spans, self.scratch)
            ]
            moving = tuple((k, name) for k, name in enumerate(names) if name in MOVING or name in self.changing)
            given = self.arguments | dict.fromkeys(MOVING)
            parts = [[fixed[name] if name in fixed else given[name] for name in names] for fixed in own]
            self._drivers[mode] = _Driver(function, parts, moving)
        return self._drivers[mode]

    @cached_property
    def parts(self) -> list[tuple[int, int]]:
        """The rows of the first axis, from and to, of every thread."""
        edges = np.linspace(0, self.system.grid.shape[0], self.threads + 1).astype(int)
        return [(int(a), int(b)) for a, b in pairwise(edges)]

    @cached_property
    def scratch(self) -> list[Array]:
        """Rows for partial sums, of every thread."""
        rows = len(self.plan.terms) + 2 * len(self.system.blocks)
        n, dtype = self.system.grid.shape[-1], self.dtype
        return [np.empty((rows, max(n, self._strip)), dtype=dtype) for _ in range(self.threads)]

    def apply(
        self,
        mode: str,
        t: float,
        Y: Array,
        out: Array | None = None,
        coefficients: Array | None = None,
        others: Sequence[Array] = (),
        z: Array | None = None,
    ) -> None:
        """One pass over memory; see `pdekit.kernels.modes.Mode` for what it computes.

        Parameters
        ----------
        mode : str
        t : float
        Y : array of shape `shape`
            The state at which the right-hand side is taken.
        out : array
            Where the result goes; not `Y`.
        coefficients : array of 6 numbers
            ``cf, cu, c_0, c_1, c_2, d``.
        others : sequence of arrays
            X_0, X_1, ...; one of them may be `out`.
        z : array
            What is added to.
        """
        driver = self._driver(mode)
        if self.cut is not None:
            found, added = self.cut.results(mode, t, Y, out, coefficients, others, z)
        if self.moving:
            self.refresh(t)
        if self.before:
            self._define(t, Y)
        for sweep in self.sweeps:
            sweep.refresh(t, Y)
            self.share(partial(sweep.work, t, Y, parts=self.threads))
        moving: dict[str, Any] = {"Y": Y, "t": self.precise(float(t)), "O": out, "Z": z}
        moving["c"] = self.precise(coefficients)
        for name, other in zip(OTHERS, others):
            moving[name] = other
        for name in self.changing:
            moving[name] = self.arguments[name]
        work = partial(driver.call, moving=moving)
        if mode in self._begun:
            self.share(work)
        else:
            begun = clock.perf_counter()
            with collection_paused():  # compiled now, or loaded
                self.share(work)
            self._begun.add(mode)
            self._compile_seconds += clock.perf_counter() - begun
        if self.cut is not None:
            self.cut.write(found, out)
            self.cut.write(added, z)

    def _define(self, t: float, Y: Array) -> None:
        """Find the definitions at a state, with what is prescribed of them."""
        values, first = self.arguments["D"], len(self.system.blocks)
        for n, kernel in enumerate(self.before):
            kernel.apply("rate", t, Y, values[n : n + 1])
            self.plan.conditions(first + n).fill(values[n], t)

    def fastest(self, t: float, Y: Array) -> dict[Any, float]:
        """The greatest wave speeds along the axes of limited schemes, by what their terms share."""
        found: dict[Any, float] = {}
        for sweep in self.sweeps:
            sweep.refresh(t, Y)
            parts = np.zeros(self.threads)

            def look(part: int, sweep: LineSweep = sweep, parts: Array = parts) -> None:
                parts[part] = sweep.fastest(t, Y, part, self.threads)

            self.share(look)
            found["fastest", *sweep.form.name] = float(np.max(parts))
        return found

    def share(self, work: Callable[[int], None]) -> None:
        """Do the parts of a pass, each in a thread of its own."""
        if self._workers is None:
            work(0)
        else:
            self._workers.run(work)

    def refresh(self, t: float) -> None:
        """Boundary data and coefficients at time t."""
        for name, values in self.changing.items():
            self.arguments[name] = self.precise(values(t))
        for name, (state, axis) in self.data.items():
            conditions = self.plan.conditions(state)
            if not conditions.constant:
                self.arguments[name][...] = conditions.stencil_data(axis, t)

    @cached_property
    def moving(self) -> list[str]:
        """The arguments that `refresh` changes."""
        data = [name for name, (state, _) in self.data.items() if not self.plan.conditions(state).constant]
        return [*self.changing, *data]

    def fill(self, Y: Array, t: float) -> None:
        """Write the prescribed values at time t into a state."""
        for k, conditions in self._prescribing:
            conditions.fill(Y[k], t)

    @cached_property
    def _prescribing(self) -> list[tuple[int, StateConditions]]:
        """The conditions that prescribe values, and of which state."""
        every = [(k, block.conditions) for k, block in enumerate(self.system.blocks)]
        return [(k, c) for k, c in every if c.dirichlet_faces() or not self.system.grid.is_box]

    @cached_property
    def _prescribing_rates(self) -> list[tuple[int, StateConditions, StateConditions]]:
        """The same with those on rates."""
        return [(k, conditions, conditions.rate()) for k, conditions in self._prescribing]

    def fill_rates(self, F: Array, t: float) -> None:
        """Write the rates of the prescribed values into a right-hand side; zero where they are not known."""
        for k, conditions, rates in self._prescribing_rates:
            for axis, side, factor, _ in conditions.dirichlet_faces():
                F[k][conditions.face_slice(axis, side)] = factor * rate_of_face(rates, axis, side, t)
            if isinstance(rates, DomainConditions):
                rates.fill_rim(F[k], t)

    def unpacked(self, t: float, y: Array) -> Array:
        """The state of a vector of unknowns."""
        if self.plan.single:
            _refuse_range("the state", np.max(np.abs(y), initial=0.0))
        Y = empty_state(self.shape, self.dtype)
        Y[...] = 0
        for k, block in enumerate(self.system.blocks):
            block.scatter(y[block.slice], Y[k])
        self.fill(Y, t)
        return Y

    def packed(self, Y: Array) -> Array:
        """The vector of unknowns of a state."""
        y = np.empty(self.system.size, dtype=Y.dtype)
        for k, block in enumerate(self.system.blocks):
            block.gather(Y[k], y[block.slice])
        return y.astype(self.system.dtype, copy=False)

    def rhs(self, t: float, y: Array) -> Array:
        """The right-hand side as a function of the vector of unknowns, equal to `SemiDiscrete.rhs` to rounding."""
        Y = self.unpacked(t, y)
        out = np.empty_like(Y)
        self.apply(self.plain, t, Y, out, np.array([1.0, 0, 0, 0, 0, 0]))
        return self.packed(out)
