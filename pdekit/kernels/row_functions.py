"""From a plan to the row functions of a compiled right-hand side, in the intermediate form.

For every row of the last axis one call of a *row function*, which is handed row views and does the whole row in loops that
vectorise: neighbours along leading axes are rows of their own, neighbours along the last axis are one row read at shifted,
unsigned indices (a signed one would be checked for being negative and stop the compiler). Rows beyond so many
different pointers in one loop are no longer vectorised, so long terms are summed up in scratch rows first. A second part
does the ends of the row, where the windows of the last axis are pushed inwards.

The text depends on the structure of the equations only: sizes, coefficients, parameters and tables are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from pdekit.discretize.terms.term_protocol import NotCompiled
from pdekit.kernels.form import (
    Assign,
    EdgeEntry,
    Element,
    Extent,
    Fixed,
    Formula,
    Given,
    Index,
    LeadIndex,
    Load,
    Local,
    Looked,
    Loop,
    Plus,
    Row,
    RunStart,
    Times,
    Value,
    Whole,
    arrays_in,
    loads_in,
    moves_with,
)
from pdekit.kernels.modes import Mode
from pdekit.kernels.plan import DerivativeTables, FluxTables, Plan
from pdekit.kernels.printer import handed, loop, statement, text
from pdekit.typing import Expression

LONGEST_SOURCE = 60_000


class Body:
    """What a row function computes, and what it must be handed.

    It has two parts: the run of nodes of the last axis whose windows lie as in the interior, and, with `edge` set, the
    others, which take their windows and weights from tables. Rows are handed over as offsets into flat arrays: making
    views of them would cost more than the arithmetic of a short row.

    With `strip`, several rows that follow each other in memory are done as one long one. What the loop then writes at
    the ends of the rows in between is put right afterwards from results that the edge part computed before.
    """

    def __init__(self, plan: Plan, strip: bool) -> None:
        self.plan, self.strip, self.edge, self.by_row = plan, strip, False, False
        self.last = plan.system.grid.ndim - 1
        self.lead = tuple(LeadIndex(axis) for axis in range(self.last))
        self.rows: dict[str, Row] = {}
        self.given: dict[str, Given] = {}  # further argument -> what the driver gives
        self.before: dict[str, Element] = {}  # local -> what is read before the loops
        self.at_node: dict[str, EdgeEntry] = {}  # local -> entry of a table at an edge node
        self.known: dict[Any, str] = {}  # term -> the scratch row that has it for all nodes, ends included
        self.beside: set[Row] = set()  # of which something beside the loop's node is read
        self.kept: list[Assign] = []  # copies of the edges' results to where they belong
        self.data_arrays: list[str] = []  # boundary data, which change from stage to stage
        self._named: dict[Any, Load | Local] = {}  # symbols of expressions -> what they stand for

    # ------------------------------------------------------------------------------------------- single entries

    def row(self, name: str, array: str, *index: Index, shift: int = 0, at: str = "j", advances: bool = False) -> Load:
        """An entry of a row: at the loop's node, beside it, or somewhere else.

        Indices are unsigned, so that nothing is checked for being negative.
        """
        row = self.rows.setdefault(name, Row(name, array, index, advances))
        if shift:
            self.beside.add(row)
        return Load(row, shift, at, self.strip and self.edge)

    @property
    def advances(self) -> bool:
        """Whether all that is read goes on from row to row, so that rows can be joined to strips."""
        if not self.lead or self.by_row or not all(row.advances for row in self.rows.values()):
            return False
        return not any(moves_with(given, self.last - 1) for given in self.given.values())

    def table(self, name: str) -> str:
        """Register an array that is handed over as it is."""
        self.given.setdefault(name, Whole(name))
        return name

    def number(self, array: str, n: int) -> Local:
        """One of an array's numbers, read before the loops."""
        local = f"{array.lower()}{n}_"
        self.before.setdefault(local, Element(self.table(array), (Fixed(n),)))
        return Local(local)

    def once(self, table: str, *slots: int, is_index: bool = False) -> Local:
        """An entry of a table at an edge node: read once for all rows of a strip."""
        local = f"j{self.table(table).lower()}_{'_'.join(map(str, slots))}"
        self.at_node[local] = EdgeEntry(table, slots, is_index)
        return Local(local)

    def state(self, k: int, slots: dict[int, int]) -> Load:
        """The value of state k, or of a definition after the states, at window slots, by axis."""
        count = len(self.plan.system.blocks)
        array, number = ("Y", k) if k < count else ("D", k - count)
        outer = {a: s for a, s in slots.items() if a != self.last}
        name = f"u{k}" + "".join(f"_{a}_{s}" for a, s in sorted(outer.items()))
        index = (Fixed(number), *(Looked(f"I{v.axis}", v, outer[v.axis]) if v.axis in outer else v for v in self.lead))
        inner = slots.get(self.last)
        if inner is None:
            return self.row(name, array, *index, advances=True)
        if self.edge:
            return self.row(name, array, *index, at=self.once("IL", inner, is_index=True).name, advances=True)
        return self.row(name, array, *index, shift=inner - self.plan.centre, advances=True)

    def weight(self, table: str, axis: int, *slots: int) -> Value:
        """An entry of a table of weights."""
        local = f"{table.lower()}_{'_'.join(map(str, slots))}"
        fixed = tuple(map(Fixed, slots))
        if axis == self.last and self.plan.varies and not self.edge:
            return self.row(local, f"{table}_T", *fixed)
        self.table(table)
        if axis == self.last and self.edge:
            return self.once(table, *slots)
        at: Index = RunStart() if axis == self.last else self.lead[axis]
        self.before.setdefault(local, Element(table, (at, *fixed)))
        return Local(local)

    def data(self, name: str, axis: int, m: int) -> Value:
        """The data of condition m on the faces of an axis, at this line."""
        local = f"{name.lower()}_{m}"
        if name not in self.data_arrays:
            self.data_arrays.append(name)
        index = tuple(Fixed(m) if v.axis == axis else v for v in self.lead)
        if axis == self.last:
            self.by_row = True  # a number for every row: rows cannot be joined
            self.before.setdefault(local, Element(self.table(name), (*index, Fixed(m))))
            return Local(local)
        return self.row(local, name, *index)

    # ---------------------------------------------------------------------------------------------- whole terms

    def derivative(self, q: int, term: DerivativeTables) -> list[Value]:
        """The summands of a derivative."""
        parts: list[Value] = []

        def walk(left: Sequence[Any], weights: tuple[Value, ...], slots: dict[int, int]) -> None:
            if not left:
                parts.append(Times((*weights, self._at(term.operand, slots))))
                return
            factor, *others = left
            for k in range(factor.table.shape[1]):
                if np.any(factor.table[self._rows_of(factor.axis), k]):
                    weight = self.weight(f"W{q}a{factor.axis}", factor.axis, k)
                    walk(others, (*weights, weight), {**slots, factor.axis: k})

        walk(term.factors, (), {})
        if term.data is not None:
            axis = term.factors[0].axis
            for m in range(term.data.shape[1]):
                if np.any(term.data[self._rows_of(axis), m]):
                    parts.append(Times((self.weight(f"C{q}", axis, m), self.data(f"G{q}", axis, m))))
        return parts

    def _rows_of(self, axis: int) -> Any:
        """Which rows of an axis' table this part sees: all, or along the last axis those of its own nodes."""
        if axis != self.last:
            return slice(None)
        inside = np.arange(*self.plan.run)
        return np.setdiff1d(np.arange(self.plan.system.grid.shape[axis]), inside) if self.edge else inside

    def flux(self, q: int, term: FluxTables) -> list[Value]:
        """The summands of ``d/dx (k du/dx)``: one for every flux, or two where k jumps."""
        rows, axis = self._rows_of(term.axis), term.axis
        means = self._means(q, term)
        potentials: dict[int, Value] = {}
        if term.potential_table is not None:
            used = np.flatnonzero(np.any(term.potential_table[rows], axis=(0, 1)))
            potentials = {int(k): self._at(term.potential, {axis: int(k)}) for k in used}
        parts: list[Value] = []
        for f in range(term.table.shape[1]):
            known = () if term.known is None else (self._known(q, term, f),)
            slope: list[Value] = [
                Times((self.weight(f"T{q}", axis, f, k), self.state(term.state, {axis: k})))
                for k in range(term.table.shape[2])
                if np.any(term.table[rows, f, k])
            ]
            if term.data is not None:
                for m in range(term.data.shape[2]):
                    if np.any(term.data[rows, f, m]):
                        slope.append(Times((self.weight(f"C{q}", axis, f, m), self.data(f"G{q}", axis, m))))
            if slope:
                parts.append(Times((Plus(tuple(slope), closed=True), *known, *means[f])))
            differences = [
                Times((self.weight(f"V{q}", axis, f, k), value))
                for k, value in potentials.items()
                if term.potential_table is not None and np.any(term.potential_table[rows, f, k])
            ]
            if differences:
                parts.append(Times((Plus(tuple(differences), closed=True), *known)))
        return parts

    def _means(self, q: int, term: FluxTables) -> list[tuple[Value, ...]]:
        """The part of k that depends on the solution, at every flux: nothing where it is 1."""
        rows, axis = self._rows_of(term.axis), term.axis
        if term.unknown == 1:
            return [() for _ in range(term.mean.shape[1])]
        used = np.flatnonzero(np.any(term.mean[rows], axis=(0, 1)))
        values = {int(k): self._at(term.unknown, {axis: int(k)}) for k in used}
        found: list[tuple[Value, ...]] = []
        for f in range(term.mean.shape[1]):
            mean = [
                Times((self.weight(f"M{q}", axis, f, k), v)) for k, v in values.items() if np.any(term.mean[rows, f, k])
            ]
            found.append((Plus(tuple(mean), closed=True),))
        return found

    def _known(self, q: int, term: FluxTables, f: int) -> Load:
        name, array = f"k{q}", f"K{q}"
        if term.axis == self.last:  # rows of flux points are longer or shorter than those of the nodes
            if self.edge:
                return self.row(name, array, *self.lead, at=self.once(f"F{q}", f, is_index=True).name)
            middle = self.plan.system.grid.shape[self.last] // 2
            return self.row(name, array, *self.lead, shift=int(term.flux_index[middle, f]) - middle)
        index = [Looked(f"F{q}", v, f) if v.axis == term.axis else v for v in self.lead]
        return self.row(f"{name}_{f}", array, *index, advances=True)

    def _at(self, expression: Expression, slots: dict[int, int]) -> Value:
        """A pointwise expression at window slots, by axis."""
        for k, symbol in enumerate(self.plan.symbols):
            if expression == symbol:
                return self.state(k, slots)
        names = self._numbers(expression)
        for k, symbol in enumerate(self.plan.symbols):
            if expression.has(symbol):
                names[symbol] = self._symbol(self.state(k, slots))
        for a, symbol in enumerate(self.plan.system.system.axes):
            if expression.has(symbol):
                names[symbol] = self._symbol(self._coordinate(a, slots.get(a)))
        return self.pointwise(expression.xreplace(names), bare=False)

    def pointwise(self, expression: Expression, bare: bool = True) -> Formula:
        """An expression whose symbols stand for entries."""
        used = sorted(expression.free_symbols & set(self._named), key=str)
        return Formula(expression, tuple(self._named[s] for s in used), self.plan.single, bare)

    def _symbol(self, entry: Load | Local) -> Any:
        symbol = sp.Symbol(text(entry))
        self._named[symbol] = entry
        return symbol

    def _coordinate(self, axis: int, slot: int | None) -> Load | Local:
        if axis == self.last:
            if slot is None:
                return self.row("x", "XL")
            if self.edge:
                return self.row("x", "XL", at=self.once("IL", slot, is_index=True).name)
            return self.row("x", "XL", shift=slot - self.plan.centre)
        v = self.lead[axis]
        local = f"q{axis}" if slot is None else f"q{axis}_{slot}"
        at: Index = v if slot is None else Looked(f"I{axis}", v, slot)
        self.given.setdefault(local, Element(f"X{axis}", (at,)))
        return Local(local)

    def _numbers(self, expression: Expression) -> dict[Any, Any]:
        """Names for parameters and time in an expression."""
        found = {}
        for n, symbol in enumerate(self.plan.system.system.parameters):
            if expression.has(symbol):
                found[symbol] = self._symbol(self.number("P", n))
        if expression.has(self.plan.system.system.t):
            found[self.plan.system.system.t] = self._symbol(Local(self.table("t")))
        return found

    def point(self, expression: Expression) -> Any:
        """A pointwise expression with everything but the terms' symbols replaced by entries."""
        names = self._numbers(expression)
        for k, symbol in enumerate(self.plan.symbols):
            if expression.has(symbol):
                names[symbol] = self._symbol(self.state(k, {}))
        for a, symbol in enumerate(self.plan.system.system.axes):
            if expression.has(symbol):
                names[symbol] = self._symbol(self._coordinate(a, None))
        for n, (symbol, values) in enumerate(self.plan.fields.items()):
            if expression.has(symbol):
                names[symbol] = self._symbol(self._field(n, values.shape))
        return expression.xreplace(names)

    def _field(self, n: int, shape: tuple[int, ...]) -> Load | Local:
        index = tuple(v if shape[v.axis] > 1 else Fixed(0) for v in self.lead)
        if shape[-1] > 1:
            return self.row(f"f{n}", f"F_{n}", *index)
        self.given.setdefault(f"f{n}", Element(f"F_{n}", (*index, Fixed(0))))
        return Local(f"f{n}")


def loops_of(body: Body, mode: Mode) -> list[Loop]:
    """The loops of a row function: long sums in scratch rows first, then everything else.

    In a strip, sums over rows beside this one are made for its ends as well, which need not do so again.
    """
    plan = body.plan
    terms: dict[Any, list[Value]] = {}
    for q, term in enumerate(plan.terms):
        parts = body.derivative(q, term) if isinstance(term, DerivativeTables) else body.flux(q, term)
        terms[term.symbol] = parts or [body.pointwise(sp.Float(0))]
    right_sides = [body.point(expression) for expression in plan.right_sides]
    shared, bodies = sp.cse(right_sides, symbols=sp.numbered_symbols("e"), order="none")
    final = [Assign(Local(str(name)), body.pointwise(value)) for name, value in shared]
    final += [Assign(Local(f"r{k}"), body.pointwise(value)) for k, value in enumerate(bodies)]
    for k in range(len(right_sides)):
        final += _updates(body, mode, k)
    loops: list[Loop] = []
    values: dict[Any, Value] = {symbol: Plus(tuple(parts)) for symbol, parts in terms.items()}
    if body.edge:
        values |= {symbol: body.row(name, "S", Fixed(int(name[1:]))) for symbol, name in body.known.items()}
    leading = {term.symbol for term in plan.terms if body.last not in _axes(term)}
    for n, symbol in enumerate([] if body.edge else _done_apart(terms, final, plan.most_pointers)):
        parts, target = terms[symbol], body.row(f"s{n}", "S", Fixed(n), advances=True)
        whole = body.strip and symbol in leading
        if whole:
            body.known[symbol] = f"s{n}"
        length = -(-len(parts) // -(-len(parts) // (plan.most_pointers - 2)))  # of equal pieces that vectorise
        for begin in range(0, len(parts), length):
            chunk = Plus(tuple(parts[begin : begin + length]))
            loops.append(Loop((Assign(target, chunk, adds=begin > 0),), whole))
        values[symbol] = target
    loops.append(Loop((*(Assign(Local(str(symbol)), value) for symbol, value in values.items()), *final)))
    return loops


def _axes(term: DerivativeTables | FluxTables) -> set[int]:
    """Along which axes a term reads."""
    return {term.axis} if isinstance(term, FluxTables) else {factor.axis for factor in term.factors}


def _done_apart(terms: dict[Any, list[Value]], final: Sequence[Assign], most: int) -> list[Any]:
    """The terms that are summed up in loops of their own, so that the last loop has no more than `most` rows: those
    first that have most rows to themselves."""
    inside = {symbol: {load.row.name for part in parts for load in loads_in(part)} for symbol, parts in terms.items()}
    shared = set[str]().union(*(entry.rows() for entry in final))
    apart: list[Any] = []
    while True:
        used = shared.union(*inside.values())
        own = {
            symbol: len(rows.difference(*(other for s, other in inside.items() if s != symbol)))
            for symbol, rows in inside.items()
        }
        largest = max(own, key=lambda symbol: own[symbol], default=None)
        if len(used) + len(apart) <= most or largest is None or own[largest] <= 2:
            return [symbol for symbol in terms if symbol in apart]
        apart.append(largest)
        del inside[largest]


def _updates(body: Body, mode: Mode, k: int) -> list[Assign]:
    """What is done with the right-hand side of block k."""
    index: tuple[Index, ...] = (Fixed(k), *body.lead)
    own = Local(f"r{k}")

    def times(n: int, value: Value) -> Value:
        return Times((body.number("c", n), value))

    terms: list[Value] = [own if mode.name == "rate" else times(0, own)]
    if mode.centre:
        terms.append(times(1, body.state(k, {})))
    for p in range(mode.others):
        terms.append(times(2 + p, body.row(f"a{p}_{k}", f"A{p}", *index, advances=True)))
    if mode.carries:
        terms.append(times(4, body.row(f"o{k}", "O", *index, advances=True)))
    found = []
    if mode.name != "finish":
        found.append(Assign(_target(body, f"o{k}", "O", index, 2 * k), Plus(tuple(terms))))
    if mode.collects:
        before = body.row(f"z{k}", "Z", *index, advances=True)
        total = Plus((before, times(5, own)))
        found.append(Assign(_target(body, f"z{k}", "Z", index, 2 * k + 1), total))
    return found


def _target(body: Body, name: str, array: str, index: Sequence[Index], place: int) -> Load:
    """Where a result goes: of the edges of a strip, first to a scratch row."""
    own = body.row(name, array, *index, advances=True)
    if not (body.strip and body.edge):
        return own
    kept = body.row(f"e{name}", "S", Fixed(len(body.plan.terms) + place), advances=True)
    body.kept.append(Assign(own, kept))
    return kept


def _range(body: Body) -> list[str]:
    """From where to where the run goes.

    In a strip it may as well go on over the ends of the rows, which are put right afterwards: then it begins where
    a cache line begins and leaves no remainder. What it reads beside its node must lie in the array.
    """
    if not body.strip:
        return ["    ja, jb = jl, jr"]
    lines = ["    ja, jb = jl, jr + (count - 1)*n"]
    if all(row.array in ("Y", "D") for row in body.beside):
        named = sorted((row.name, row.array) for row in body.beside)
        inside = [f"{name} >= jl and {name} + n*count + n - jr <= {array}_.shape[0]" for name, array in named]
        lines += [f"    if {' and '.join(inside) or 'True'}:", "        ja, jb = 0, n*count"]
    return lines


def _edge_loop(entries: dict[str, EdgeEntry], statements: Sequence[Assign], strip: bool) -> list[str]:
    """The loop over the edge nodes, of every row of a strip; entries of tables are read once for all of them."""
    lines = ["    for e_ in range(je.shape[0]):", "        j = je[e_]"]
    lines += [f"        {local} = {text(entry)}" for local, entry in entries.items()]
    if strip:
        lines += ["        for r_ in range(count):", "            g = uintp(r_*n)"]
    return lines + [f"{'    ' * (3 if strip else 2)}{statement(entry)}" for entry in statements]


@dataclass(frozen=True, eq=False)
class RowFunction:
    """A row function and what a driver must hand it.

    Parameters
    ----------
    name : str
    text : str
        Its source.
    joined : bool
        Whether rows may be joined to strips.
    lead : tuple of LeadIndex
        Of the leading axes.
    rows : tuple of Row
        Whose offsets it takes.
    given : dict of str to Given
        Further arguments.
    data_arrays : tuple of str
        Those arrays that hold boundary data.
    """

    name: str
    text: str
    joined: bool
    lead: tuple[LeadIndex, ...]
    rows: tuple[Row, ...]
    given: dict[str, Given]
    data_arrays: tuple[str, ...]

    @property
    def flat(self) -> list[str]:
        """The arrays that it reads and writes flat."""
        return list(dict.fromkeys(row.array for row in self.rows))

    @property
    def arrays(self) -> set[str]:
        """Everything that a driver must have to call it."""
        return {name for thing in (*self.rows, *self.given.values()) for name in arrays_in(thing)}

    def call(self, offset: Callable[[Row], str]) -> str:
        """A call; `offset` says where a row begins."""
        words = [*map(handed, self.lead), *(f"{array}_" for array in self.flat), *map(offset, self.rows)]
        return f"{self.name}(count, jl, jr, je, {', '.join([*words, *map(handed, self.given.values())])})"


def row_function(plan: Plan, mode: Mode) -> RowFunction:
    """Write the row function of one mode.

    Raises
    ------
    NotCompiled
        It would be too long, or has a function that is not compiled.
    """
    probe = Body(plan, strip=False)
    for probe.edge in (False, True):
        loops_of(probe, mode)
    strip = probe.advances
    body = Body(plan, strip)
    edges = plan.run != (0, plan.system.grid.shape[-1])
    if strip:
        body.given["n"] = Extent("Y", plan.system.grid.ndim)
    loops = loops_of(body, mode)
    before = [line for entry in loops if entry.whole for line in loop(entry)] + _range(body)
    after = [line for entry in loops if not entry.whole for line in loop(entry)]
    if edges:
        body.edge = True
        at_edges = [assign for entry in loops_of(body, mode) for assign in entry.statements]
        if strip:
            before += _edge_loop(body.at_node, at_edges, strip)
            after += _edge_loop({}, body.kept, strip)
        else:
            after += _edge_loop(body.at_node, at_edges, strip)
    rows, data = tuple(body.rows.values()), tuple(body.data_arrays)
    found = RowFunction(f"row_{mode.name}", "", strip, body.lead, rows, body.given, data)
    words = [*map(handed, found.lead), *(f"{array}_" for array in found.flat), *body.rows, *body.given]
    lines = ["@njit(inline='never', nogil=True, error_model='numpy', fastmath=FAST)"]
    lines.append(f"def {found.name}(count, jl, jr, je, {', '.join(words)}):")
    lines += [f"    {local} = {handed(value)}" for local, value in body.before.items()]
    lines += before + after
    if sum(map(len, lines)) > LONGEST_SOURCE:
        raise NotCompiled("its terms are so long that compiling them takes minutes")
    return replace(found, text="\n".join(lines))
