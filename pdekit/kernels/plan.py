"""What a compiled right-hand side has to do: which neighbours it reads, with which weights, for which terms.

Every row of a one-dimensional matrix reads a *window* of nodes, of the same width for all rows of an axis; windows of
boundary rows are pushed inwards. A table gives every row the weights of its window, so boundary and non-uniform rows are no
special case. The rows are those of `pdekit.discretize.atoms`, read off the same matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from scipy import sparse

from pdekit.boundary.face_data import StateConditions
from pdekit.discretize.system import SemiDiscrete
from pdekit.discretize.terms.term_protocol import FluxDifference, FluxSweep, KernelForm, NotCompiled, RowProduct
from pdekit.kernels.memory import empty_state
from pdekit.language.delayed_systems import delays_of
from pdekit.language.symbols import spatial_derivatives
from pdekit.stencils.rows import AxisRows
from pdekit.thresholds import THRESHOLDS, Thresholds
from pdekit.typing import Array, Expression, Matrix

MOST_SLOTS = 40


@dataclass(frozen=True, eq=False)
class Window:
    """The nodes that the rows of one axis read.

    Parameters
    ----------
    index : array of shape (rows, width)
        Node of every slot.
    """

    index: Array

    @property
    def width(self) -> int:
        return int(self.index.shape[1])


@dataclass(frozen=True, eq=False)
class Factor:
    """Weights of one axis in a term: ``table[row, slot]``."""

    axis: int
    table: Array


@dataclass(frozen=True, eq=False)
class DerivativeTables:
    """``sum over slots of prod_axis weight * g(u)``.

    Parameters
    ----------
    symbol : Symbol
        What stands for it in the right-hand sides.
    operand : expression
        g: a state, or a pointwise expression of states, coordinates, time and parameters.
    state : int
        The state whose conditions bring data; of no meaning without data.
    factors : tuple of Factor
    data : array of shape (rows, conditions), optional
        Weights of the data of conditions; None if there are none, or if they are zero at all times.
    """

    symbol: Expression
    operand: Expression
    state: int
    factors: tuple[Factor, ...]
    data: Array | None

    @property
    def axis(self) -> int:
        """The axis whose conditions bring data."""
        return self.factors[0].axis


@dataclass(frozen=True, eq=False)
class FluxTables:
    """``sum_f divergence[row, f] k_f sum_slot gradient[f, slot] u``, divergence and gradient multiplied out.

    Parameters
    ----------
    symbol, state, axis
        As for `DerivativeTables`.
    table : array of shape (rows, fluxes, width)
    data : array of shape (rows, fluxes, conditions), optional
    mean : array of shape (rows, fluxes, width)
        Weights of the node values of `unknown` at the flux points.
    flux_index : array of shape (rows, fluxes)
        Flux point of every flux slot.
    known : callable of t, optional
        Values of the rest of k at the flux points; None if it is 1.
    changes : bool
        Whether these change in time.
    unknown : expression
        The part of k that depends on the solution.
    potential : expression, optional
        Its antiderivative; the flux is its difference where `potential_table` says so, and the product with the gradient elsewhere.
    potential_table : array of shape (rows, fluxes, width), optional
        ``divergence[row, f] gradient[f, slot]`` there.
    """

    symbol: Expression
    state: int
    axis: int
    table: Array
    data: Array | None
    mean: Array
    flux_index: Array
    known: Callable[[float], Array] | None
    changes: bool
    unknown: Expression
    potential: Expression | None = None
    potential_table: Array | None = None

    @property
    def tables(self) -> list[Array]:
        """Weights of node values, by row."""
        return [t for t in (self.table, self.mean, self.potential_table) if t is not None]


@dataclass(frozen=True, eq=False)
class Plan:
    """A system, ready to be written as source.

    Parameters
    ----------
    system : SemiDiscrete
    windows : dict of axis to Window
        Of those axes along which something is read.
    derivatives, fluxes : tuples of terms
    right_sides : tuple of expressions
        Right-hand side of every block, the terms' symbols in it.
    fields : dict of Symbol to array
        Expressions of the coordinates only, on the grid or on one axis, in place of which the symbols stand; and the results of sweeps.
    sweeps : tuple of (FluxSweep, array)
        Terms that are found line by line before a pass, and where their values go.
    definitions : tuple of expressions
        Symbols of the definitions with conditions of their own, in an order in which each needs those before it only.
    before : tuple of Plan
        Passes that find them, one each, before that of the right-hand side.
    single : bool
        Whether states are in single precision.
    most_pointers : int
        Rows that one loop may read and write.
    """

    system: SemiDiscrete
    windows: dict[int, Window]
    derivatives: tuple[DerivativeTables, ...]
    fluxes: tuple[FluxTables, ...]
    right_sides: tuple[Any, ...]
    fields: dict[Any, Array]
    sweeps: tuple[tuple[FluxSweep, Array], ...] = ()
    definitions: tuple[Any, ...] = ()
    before: tuple[Plan, ...] = ()
    single: bool = False
    most_pointers: int = THRESHOLDS.most_pointers

    @property
    def symbols(self) -> list[Any]:
        """What has a value at every node, by number: the states, and after them the definitions."""
        return [*(block.symbol for block in self.system.blocks), *self.definitions]

    def conditions(self, number: int) -> StateConditions:
        """The conditions of one of them."""
        return self.system.conditions[self.symbols[number]]

    @property
    def terms(self) -> tuple[DerivativeTables | FluxTables, ...]:
        """All terms, in the order in which they are numbered."""
        return (*self.derivatives, *self.fluxes)

    @cached_property
    def _last_tables(self) -> list[Array]:
        """All tables of the last axis, rows first and flat."""
        last, n = self.system.grid.ndim - 1, self.system.grid.shape[-1]
        tables = [f.table for d in self.derivatives for f in d.factors if f.axis == last]
        tables += [t for f in self.fluxes if f.axis == last for t in f.tables]
        return [table.reshape(n, -1) for table in tables]

    @cached_property
    def varies(self) -> bool:
        """Whether weights change from node to node along the last axis."""
        middle = self.system.grid.shape[-1] // 2
        near = slice(max(middle - 1, 0), middle + 1)
        return any(np.any(table[near] != table[middle]) for table in self._last_tables)

    @cached_property
    def run(self) -> tuple[int, int]:
        """The nodes of the last axis, from and to, whose windows lie as that of the middle one, without boundary data."""
        last, n = self.system.grid.ndim - 1, self.system.grid.shape[-1]
        middle, nodes = n // 2, np.arange(n)
        good = np.ones(n, dtype=bool)
        if last in self.windows:
            offset = self.windows[last].index[:, 0] - nodes
            span = self.windows[last].index[:, -1] - self.windows[last].index[:, 0]
            good &= (offset == offset[middle]) & (span == span[middle])
        for flux in (f for f in self.fluxes if f.axis == last):
            offset = flux.flux_index - nodes[:, None]
            good &= np.all(offset == offset[middle], axis=1)
        for term in self.terms:
            if term.data is not None and term.axis == last:
                good &= ~np.any(term.data.reshape(n, -1), axis=1)
        if not self.varies:
            for table in self._last_tables:
                good &= np.all(table == table[middle], axis=1)
        bad = np.flatnonzero(~good)
        before, after = bad[bad < middle], bad[bad > middle]
        if not good[middle]:
            raise NotCompiled(f"the last axis has only {n} nodes")
        return int(before[-1]) + 1 if before.size else 0, int(after[0]) if after.size else n

    @property
    def centre(self) -> int:
        """The slot of a node in its own window, in the run of the last axis."""
        window = self.windows[self.system.grid.ndim - 1]
        middle = window.index.shape[0] // 2
        return int(np.flatnonzero(window.index[middle] == middle)[0])


def make_plan(system: SemiDiscrete, single: bool = False, thresholds: Thresholds = THRESHOLDS) -> Plan:
    """Read a system's discretization into a plan, for states in double or single precision.

    Raises
    ------
    NotCompiled
        Something in it is left to the matrices.
    """
    definitions = _in_order(system)

    def planned(right_sides: Sequence[Any]) -> Plan:
        found = _Planner(system, definitions).plan(right_sides)
        return replace(found, single=single, most_pointers=thresholds.most_pointers)

    before = tuple(planned([system.system.definitions[symbol]]) for symbol in definitions)
    return replace(planned(right_sides_of(system)), before=before)


def _in_order(system: SemiDiscrete) -> tuple[Any, ...]:
    """The definitions with conditions, each after those that it needs."""
    left, found = dict(system.system.definitions), list[Any]()
    while left:
        ready = [symbol for symbol, expression in left.items() if not expression.has(*left)]
        found += ready
        left = {symbol: expression for symbol, expression in left.items() if symbol not in ready}
    return tuple(found)


def right_sides_of(system: SemiDiscrete) -> list[Any]:
    """The right-hand side of every block; that of an unknown of second order in time is its rate, whose own is the equation."""
    unknowns = system.system.unknowns
    sides = {u.symbol: u.rhs if u.time_order == 1 else u.rate for u in unknowns}
    sides |= {u.rate: u.rhs for u in unknowns if u.time_order == 2}
    return [sides[block.symbol] for block in system.blocks]


class _Planner:
    def __init__(self, system: SemiDiscrete, definitions: tuple[Any, ...]) -> None:
        if system.function is not None:
            raise NotCompiled("the right-hand side is a Python function")
        if not system.evolves:
            raise NotCompiled("there are algebraic equations")
        if definitions and not system.grid.is_box:
            raise NotCompiled("there are definitions with conditions of their own on a domain that is no box")
        if delays_of(system.system):
            raise NotCompiled("there are delays")
        if any(u.content is not None for u in system.system.unknowns):
            raise NotCompiled("what is conserved is not the unknown itself")
        if system.regions:
            raise NotCompiled("unknowns live in regions")
        if system.grid.ndim > 3:
            raise NotCompiled("the grid has more than three axes")
        self.system = system
        self.grid = system.grid
        self.program = system.program
        self.definitions = definitions
        self.states = {s: k for k, s in enumerate([*(block.symbol for block in system.blocks), *definitions])}
        self._named: dict[Any, Any] = {}

    def plan(self, right_sides: Sequence[Any]) -> Plan:
        atoms = sorted({atom for side in right_sides for atom in spatial_derivatives(side)}, key=str)
        forms = {atom: self.program.term(atom).kernel_form() for atom in atoms}
        windows = self._windows({a: self._rows(f) for a, f in forms.items() if not isinstance(f, FluxSweep)})
        symbols = {atom: sp.Symbol(f"d{k}_") for k, atom in enumerate(atoms)}
        derivatives = tuple(
            self._derivative(form, symbols[atom], windows)
            for atom, form in forms.items()
            if isinstance(form, RowProduct)
        )
        fluxes = tuple(
            self._flux(form, symbols[atom], windows) for atom, form in forms.items() if isinstance(form, FluxDifference)
        )
        swept = {atom: form for atom, form in forms.items() if isinstance(form, FluxSweep)}
        fields: dict[Any, Array] = {symbols[atom]: empty_state(self.grid.shape, float) for atom in swept}
        sweeps = tuple((form, fields[symbols[atom]]) for atom, form in swept.items())
        factors = {atom: self._outer(form, fields) * symbols[atom] for atom, form in forms.items()}
        bodies = [sp.sympify(side).xreplace(factors) for side in right_sides]
        bodies = [self._precomputed(body, fields) for body in bodies]
        return Plan(self.system, windows, derivatives, fluxes, tuple(bodies), fields, sweeps, self.definitions)

    def _state(self, operand: Expression) -> int:
        """The number of a state; 0 for an expression, which has no conditions."""
        if spatial_derivatives(operand):
            raise NotCompiled(f"{operand} contains derivatives: the derivative of an expression")
        return self.states.get(operand, 0)

    def _rows(self, form: RowProduct | FluxDifference) -> dict[int, Any]:
        """Which nodes a term reads: one-dimensional rows by axis."""
        self._state(form.operand)
        if isinstance(form, RowProduct):
            return form.rows
        pieces = form.rows
        reach = abs(pieces.divergence.matrix) @ (abs(pieces.gradient.matrix) + abs(pieces.mean.matrix))
        return {form.axis: AxisRows(reach, pieces.gradient.data)}

    def _windows(self, rows: dict[Any, dict[int, Any]]) -> dict[int, Window]:
        windows = {}
        for axis, line in enumerate(self.grid.axes):
            matrices = [r[axis].matrix for r in rows.values() if axis in r]
            if not matrices:
                continue
            n, spans = line.size, []
            for matrix in matrices:
                entries = matrix.tocoo()
                i, j = entries.coords
                offset = j - i
                if line.wraps:
                    offset = (offset + n // 2) % n - n // 2
                low, high = np.zeros(n, dtype=int), np.zeros(n, dtype=int)
                np.minimum.at(low, i, offset)
                np.maximum.at(high, i, offset)
                spans.append((low, high))
            low = np.min([s[0] for s in spans], axis=0)
            high = np.max([s[1] for s in spans], axis=0)
            width = int(np.max(high - low)) + 1
            if width > min(MOST_SLOTS, n):
                raise NotCompiled(f"rows along {self.grid.names[axis]!r} reach over {width} nodes")
            if line.wraps:
                width = int(np.max(high)) - int(np.min(low)) + 1
                index = (np.arange(n)[:, None] + int(np.min(low)) + np.arange(width)) % n
            else:
                start = np.clip(np.arange(n) + int(low[n // 2]), 0, n - width)
                if np.any(np.arange(n) + low < start) or np.any(np.arange(n) + high > start + width - 1):
                    start = np.clip(np.arange(n) + low, 0, n - width)
                index = start[:, None] + np.arange(width)
            windows[axis] = Window(index)
        return windows

    def _table(self, matrix: Matrix, window: Window) -> Array:
        """Weights by row and slot."""
        n, width = window.index.shape
        table = np.zeros((n, width), dtype=matrix.dtype)
        entries = matrix.tocoo()
        rows, columns = entries.coords
        first = window.index[rows, 0]
        slots = (columns - first) % matrix.shape[1]
        np.add.at(table, (rows, slots), entries.data)
        return table

    def _data(self, operand: Expression, axis: int, matrix: Matrix) -> Array | None:
        """Weights of boundary data, unless there are none or they are zero for ever."""
        if matrix.shape[1] == 0:
            return None
        conditions = self.system.conditions[operand]
        if conditions.constant and not np.any(conditions.stencil_data(axis, 0.0)):
            return None
        return np.asarray(matrix.toarray())

    def _derivative(self, form: RowProduct, symbol: Expression, windows: dict[int, Window]) -> DerivativeTables:
        state = self._state(form.operand)
        factors = tuple(Factor(axis, self._table(r.matrix, windows[axis])) for axis, r in sorted(form.rows.items()))
        (axis, first), *_ = sorted(form.rows.items())
        return DerivativeTables(symbol, form.operand, state, factors, self._data(form.operand, axis, first.data))

    def _flux(self, form: FluxDifference, symbol: Expression, windows: dict[int, Window]) -> FluxTables:
        axis, pieces = form.axis, form.rows
        window, state = windows[axis], self._state(form.operand)
        periodic = self.grid.axes[axis].wraps
        n, points = pieces.divergence.matrix.shape
        count = int(np.max(np.diff(pieces.divergence.matrix.indptr)))
        D = pieces.divergence.matrix.tocoo()
        rows, columns = D.coords
        offset = columns - rows
        if periodic:
            offset = (offset + n // 2) % n - n // 2
        low = np.full(n, points)
        np.minimum.at(low, rows, offset)
        start = np.arange(n) + low
        if not periodic:
            start = np.clip(start, 0, points - count)
        flux_index = start[:, None] + np.arange(count)
        flux_index = flux_index % points if periodic else flux_index
        weights = np.zeros((n, count))
        np.add.at(weights, (rows, (columns - start[rows]) % points if periodic else columns - start[rows]), D.data)
        at = np.broadcast_arrays(flux_index[:, :, None], window.index[:, None, :])
        gradient, mean = (_entries(m, *at) for m in (pieces.gradient.matrix, pieces.mean.matrix))
        data = self._data(form.operand, axis, pieces.gradient.data)
        table, of_potential = weights[:, :, None] * gradient, None
        if form.inside is not None:
            inside = form.inside[flux_index][:, :, None]
            table, of_potential = np.where(inside, 0.0, table), np.where(inside, table, 0.0)
        return FluxTables(
            symbol,
            state,
            axis,
            table,
            None if data is None else weights[:, :, None] * data[flux_index],
            mean,
            flux_index,
            form.known,
            form.changes,
            form.unknown,
            form.potential,
            of_potential,
        )

    def _outer(self, form: KernelForm, fields: dict[Any, Array]) -> Any:
        """What stands before a term: 1, or the symbol of a field."""
        if isinstance(form, FluxSweep) or form.outer is None:
            return sp.Integer(1)
        symbol = sp.Symbol(f"f{len(fields)}_")
        fields[symbol] = np.ascontiguousarray(form.outer, dtype=self.system.dtype)
        return symbol

    def _precomputed(self, body: Expression, fields: dict[Any, Array]) -> Any:
        """Put symbols for functions of the coordinates alone, which need not be computed again at every step."""
        axes = set(self.system.system.axes)
        fixed = axes | set(self.system.system.parameters)

        def walk(expression: Expression) -> Any:
            if expression.is_Atom:
                return expression
            names = expression.free_symbols
            if names & axes and names <= fixed and (expression.is_Function or expression.is_Pow or expression.is_Mul):
                return self._field(expression, fields)
            if expression.is_Mul or expression.is_Add:
                constant, rest = expression.as_independent(*(names - fixed), as_Add=expression.is_Add)
                if constant.free_symbols & axes and not constant.is_Atom and rest.free_symbols:
                    return expression.func(self._field(constant, fields), walk(rest))
            return expression.func(*(walk(a) for a in expression.args))

        return walk(body)

    def _field(self, expression: Expression, fields: dict[Any, Array]) -> Any:
        if expression not in self._named:
            with np.errstate(all="ignore"):  # poles may lie outside of a domain
                values = self.program.pointwise(expression).value(*self.program.fixed_values(0.0))
            values = np.ascontiguousarray(np.asarray(values, dtype=self.system.dtype))
            symbol = sp.Symbol(f"f{len(fields)}_")
            fields[symbol] = values.reshape((1,) * self.grid.ndim) if values.ndim == 0 else values
            self._named[expression] = symbol
        return self._named[expression]


def _entries(matrix: Matrix, rows: Array, columns: Array) -> Array:
    """Entries of a sparse matrix at many places."""
    found = sparse.csr_array(matrix)[rows.ravel(), columns.ravel()]
    return np.asarray(found.toarray() if sparse.issparse(found) else found).reshape(rows.shape)
