"""From a plan to the source of a compiled right-hand side.

For every row of the last axis one call of a *row function*, which is handed row views and does the whole row in loops that
vectorise: neighbours along leading axes are rows of their own, neighbours along the last axis are one row read at shifted,
unsigned indices (a signed one would be checked for being negative and stop the compiler). Rows beyond `MOST_POINTERS`
different pointers in one loop are no longer vectorised, so long terms are summed up in scratch rows first. A second function
does the ends of the row, where the windows of the last axis are pushed inwards.

The source depends on the structure of the equations only: sizes, coefficients, parameters and tables are arguments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from pdekit.kernels.plan import DerivativeTables, FluxTables, NotCompiled, Plan
from pdekit.kernels.printer import code

MOST_POINTERS = 14  # measured: 3-D, order 4 (13 pointers) 1.4 times faster in one loop, order 8 (25) 1.6 times slower
LONGEST_SOURCE = 60_000
LEAD = ("i", "k")  # loop variables of the leading axes


@dataclass(frozen=True)
class Mode:
    """How a step is made of the right-hand side F at u: ``out = cu*u + sum_p c_p X_p + c_2*out + cf*F``.

    Parameters
    ----------
    name : str
    others : int
        Number of arrays X.
    centre : bool
        Whether u itself is among the terms.
    carries : bool
        Whether what stood in ``out`` before is among the terms.
    collects : bool
        Whether there is a second result, ``z += d*F``.
    """

    name: str
    others: int
    centre: bool
    carries: bool = False
    collects: bool = False


MODES = {
    m.name: m
    for m in (
        Mode("rate", 0, False),
        Mode("step", 0, True),
        Mode("blend", 1, True),
        Mode("collect", 1, False, collects=True),
        Mode("finish", 0, False, collects=True),
        Mode("stabilised", 2, True, carries=True),
    )
}


class _Body:
    """The text of a row function, and what it must be handed.

    It has two parts: the run of nodes of the last axis whose windows lie as in the interior, and, with `edge` set, the
    others, which take their windows and weights from tables. Rows are handed over as offsets into flat arrays: making
    views of them would cost more than the arithmetic of a short row.

    With `strip`, several rows that follow each other in memory are done as one long one. What the loop then writes at
    the ends of the rows in between is put right afterwards from results that the edge part computed before.
    """

    def __init__(self, plan: Plan, strip: bool) -> None:
        self.plan, self.strip, self.edge, self.by_row = plan, strip, False, False
        self.last = plan.system.grid.ndim - 1
        self.lead = LEAD[: self.last]
        self.rows: dict[str, tuple[str, tuple[str, ...]]] = {}  # offset -> the array, and the row's indices in it
        self.values: dict[str, str] = {}  # further argument -> what the driver gives
        self.loads: dict[str, str] = {}  # local -> expression, before the loops
        self.known: dict[Any, str] = {}  # term -> the scratch row that has it for all nodes, ends included
        self.at_node: dict[str, str] = {}  # local -> entry of a table at an edge node
        self.beside: set[tuple[str, str]] = set()  # array and row of what is read beside the loop's node
        self.kept: list[str] = []  # copies of the edges' results to where they belong

    # ------------------------------------------------------------------------------------------- single entries

    def row(self, name: str, array: str, *index: str, shift: int = 0, at: str = "j") -> str:
        """An entry of a row: at the loop's node, beside it, or somewhere else.

        Indices are unsigned, so that nothing is checked for being negative.
        """
        self.rows.setdefault(name, (array, index))
        if shift:
            self.beside.add((array, name))
        beside = "" if shift == 0 else f" {'+' if shift > 0 else '-'} uintp({abs(shift)})"
        below = " + g" if self.strip and self.edge else ""
        return f"{array}_[{name} + {at}{beside}{below}]"

    @property
    def advances(self) -> bool:
        """Whether all that is read goes on from row to row, so that rows can be joined to strips."""
        own = rf"\b{self.lead[-1]}\b" if self.lead else "^"
        joined = all(
            array in ("Y", "O", "S", "Z") or array[0] == "A" or (array[0] == "K" and not re.fullmatch(r"k\d+", name))
            for name, (array, _) in self.rows.items()
        )
        return (
            bool(self.lead)
            and joined
            and not self.by_row
            and not any(re.search(own, given) for given in self.values.values())
        )

    def table(self, name: str) -> str:
        """Register an array that is handed over as it is."""
        self.values.setdefault(name, name)
        return name

    def number(self, array: str, n: int) -> str:
        """One of an array's numbers, read before the loops."""
        local = f"{array.lower()}{n}_"
        self.loads.setdefault(local, f"{self.table(array)}[{n}]")
        return local

    def once(self, table: str, *slots: int) -> str:
        """An entry of a table at an edge node: read once for all rows of a strip."""
        local = f"j{self.table(table).lower()}_{'_'.join(map(str, slots))}"
        entry = f"{table}[j, {', '.join(map(str, slots))}]"
        self.at_node[local] = entry if table[0] in "WTMC" else f"uintp({entry})"
        return local

    def state(self, k: int, slots: dict[int, int]) -> str:
        """The value of state k at window slots, by axis."""
        outer = {a: s for a, s in slots.items() if a != self.last}
        name = f"u{k}" + "".join(f"_{a}_{s}" for a, s in sorted(outer.items()))
        index = [f"I{a}[{v}, {outer[a]}]" if a in outer else v for a, v in enumerate(self.lead)]
        inner = slots.get(self.last)
        if inner is None:
            return self.row(name, "Y", str(k), *index)
        if self.edge:
            return self.row(name, "Y", str(k), *index, at=self.once("IL", inner))
        return self.row(name, "Y", str(k), *index, shift=inner - self.plan.centre)

    def weight(self, table: str, axis: int, *slots: int) -> str:
        """An entry of a table of weights."""
        where = ", ".join(map(str, slots))
        local = f"{table.lower()}_{'_'.join(map(str, slots))}"
        if axis == self.last and self.plan.varies and not self.edge:
            return self.row(local, f"{table}_T", *map(str, slots))
        self.table(table)
        if axis == self.last and self.edge:
            return self.once(table, *slots)
        self.loads.setdefault(local, f"{table}[{'jl' if axis == self.last else self.lead[axis]}, {where}]")
        return local

    def data(self, name: str, axis: int, m: int) -> str:
        """The data of condition m on the faces of an axis, at this line."""
        local = f"{name.lower()}_{m}"
        index = [str(m) if a == axis else v for a, v in enumerate((*self.lead, ""))]
        if axis == self.last:
            self.by_row = True  # a number for every row: rows cannot be joined
            self.loads.setdefault(local, f"{self.table(name)}[{', '.join(index)}]")
            return local
        return self.row(local, name, *index[:-1])

    # ---------------------------------------------------------------------------------------------- whole terms

    def derivative(self, q: int, term: DerivativeTables) -> list[str]:
        """The summands of a derivative."""
        parts: list[str] = []

        def walk(left: Sequence[Any], weights: list[str], slots: dict[int, int]) -> None:
            if not left:
                parts.append("*".join([*weights, self._at(term.operand, slots)]))
                return
            factor, *others = left
            for k in range(factor.table.shape[1]):
                if np.any(factor.table[self._rows_of(factor.axis), k]):
                    walk(
                        others,
                        [*weights, self.weight(f"W{q}a{factor.axis}", factor.axis, k)],
                        {**slots, factor.axis: k},
                    )

        walk(term.factors, [], {})
        if term.data is not None:
            axis = term.factors[0].axis
            for m in range(term.data.shape[1]):
                if np.any(term.data[self._rows_of(axis), m]):
                    parts.append(f"{self.weight(f'C{q}', axis, m)}*{self.data(f'G{q}', axis, m)}")
        return parts

    def _rows_of(self, axis: int) -> Any:
        """Which rows of an axis' table this part sees: all, or along the last axis those of its own nodes."""
        if axis != self.last:
            return slice(None)
        inside = np.arange(*self.plan.run)
        return np.setdiff1d(np.arange(self.plan.system.grid.shape[axis]), inside) if self.edge else inside

    def flux(self, q: int, term: FluxTables) -> list[str]:
        """The summands of ``d/dx (k du/dx)``: one for every flux."""
        rows, axis = self._rows_of(term.axis), term.axis
        n_flux, width = term.table.shape[1:]
        values = {}
        if term.unknown != 1:
            used = [k for k in range(width) if np.any(term.mean[rows, :, k])]
            values = {k: self._at(term.unknown, {axis: k}) for k in used}
        parts = []
        for f in range(n_flux):
            slope = [
                f"{self.weight(f'T{q}', axis, f, k)}*{self.state(term.state, {axis: k})}"
                for k in range(width)
                if np.any(term.table[rows, f, k])
            ]
            if term.data is not None:
                for m in range(term.data.shape[2]):
                    if np.any(term.data[rows, f, m]):
                        slope.append(f"{self.weight(f'C{q}', axis, f, m)}*{self.data(f'G{q}', axis, m)}")
            factors = [f"({' + '.join(slope)})"]
            if term.known is not None:
                factors.append(self._known(q, term, f))
            if values:
                mean = [
                    f"{self.weight(f'M{q}', axis, f, k)}*{v}"
                    for k, v in values.items()
                    if np.any(term.mean[rows, f, k])
                ]
                factors.append(f"({' + '.join(mean)})")
            parts.append("*".join(factors))
        return parts

    def _known(self, q: int, term: FluxTables, f: int) -> str:
        name = f"k{q}"
        if term.axis == self.last:
            if self.edge:
                return self.row(name, f"K{q}", *self.lead, at=self.once(f"F{q}", f))
            middle = self.plan.system.grid.shape[self.last] // 2
            return self.row(name, f"K{q}", *self.lead, shift=int(term.flux_index[middle, f]) - middle)
        index = [f"F{q}[{v}, {f}]" if a == term.axis else v for a, v in enumerate(self.lead)]
        return self.row(f"{name}_{f}", f"K{q}", *index)

    def _at(self, expression: Any, slots: dict[int, int]) -> str:
        """A pointwise expression at window slots, by axis."""
        for k, block in enumerate(self.plan.system.blocks):
            if expression == block.symbol:
                return self.state(k, slots)
        names: dict[Any, Any] = {}
        for k, block in enumerate(self.plan.system.blocks):
            if expression.has(block.symbol):
                names[block.symbol] = sp.Symbol(self.state(k, slots))
        for a, symbol in enumerate(self.plan.system.system.axes):
            if expression.has(symbol):
                names[symbol] = sp.Symbol(self._coordinate(a, slots.get(a)))
        return f"({code(expression.xreplace({**self.parameters(expression), **names}), self.plan.single)})"

    def _coordinate(self, axis: int, slot: int | None) -> str:
        if axis == self.last:
            if slot is None:
                return self.row("x", "XL")
            if self.edge:
                return self.row("x", "XL", at=self.once("IL", slot))
            return self.row("x", "XL", shift=slot - self.plan.centre)
        v = self.lead[axis]
        local = f"q{axis}" if slot is None else f"q{axis}_{slot}"
        self.values.setdefault(local, f"X{axis}[{v}]" if slot is None else f"X{axis}[I{axis}[{v}, {slot}]]")
        return local

    def parameters(self, expression: Any) -> dict[Any, Any]:
        """Names for parameters and time in an expression."""
        found = {}
        for n, symbol in enumerate(self.plan.system.system.parameters):
            if expression.has(symbol):
                found[symbol] = sp.Symbol(self.number("P", n))
        if expression.has(self.plan.system.system.t):
            self.table("t")
            found[self.plan.system.system.t] = sp.Symbol("t")
        return found

    def point(self, expression: Any) -> Any:
        """A pointwise expression with everything but the terms' symbols replaced by entries."""
        names = self.parameters(expression)
        for k, block in enumerate(self.plan.system.blocks):
            if expression.has(block.symbol):
                names[block.symbol] = sp.Symbol(self.state(k, {}))
        for a, symbol in enumerate(self.plan.system.system.axes):
            if expression.has(symbol):
                names[symbol] = sp.Symbol(self._coordinate(a, None))
        for n, (symbol, values) in enumerate(self.plan.fields.items()):
            if expression.has(symbol):
                names[symbol] = sp.Symbol(self._field(n, values.shape))
        return expression.xreplace(names)

    def _field(self, n: int, shape: tuple[int, ...]) -> str:
        index = [v if shape[a] > 1 else "0" for a, v in enumerate(self.lead)]
        if shape[-1] > 1:
            return self.row(f"f{n}", f"F_{n}", *index)
        self.values.setdefault(f"f{n}", f"F_{n}[{', '.join([*index, '0'])}]")
        return f"f{n}"


@dataclass(frozen=True)
class _Loop:
    """A loop over the nodes of a row or strip: over all of them, ends included, or over the run."""

    statements: list[str]
    whole: bool = False

    @property
    def text(self) -> list[str]:
        head = f"    for j_ in range({'0, n*count' if self.whole else 'ja, jb'}):"
        return [head, "        j = uintp(j_)", *(f"        {statement}" for statement in self.statements)]


def _loops(body: _Body, mode: Mode) -> list[_Loop]:
    """The loops of a row function: long sums in scratch rows first, then everything else.

    In a strip, sums over rows beside this one are made for its ends as well, which need not do so again.
    """
    plan = body.plan
    terms: dict[Any, list[str]] = {}
    for q, term in enumerate(plan.terms):
        parts = body.derivative(q, term) if isinstance(term, DerivativeTables) else body.flux(q, term)
        terms[term.symbol] = parts or [code(sp.Float(0), plan.single)]
    rates = [body.point(rate) for rate in plan.rates]
    shared, bodies = sp.cse(rates, symbols=sp.numbered_symbols("e"), order="none")
    final = [f"{name} = {code(value, plan.single)}" for name, value in shared]
    final += [f"r{k} = {code(value, plan.single)}" for k, value in enumerate(bodies)]
    for k in range(len(rates)):
        final += _updates(body, mode, k)
    loops: list[_Loop] = []
    values = {symbol: " + ".join(parts) for symbol, parts in terms.items()}
    if body.edge:
        values |= {symbol: body.row(name, "S", name[1:]) for symbol, name in body.known.items()}
    leading = {term.symbol for term in plan.terms if body.last not in _axes(term)}
    for n, symbol in enumerate([] if body.edge else _done_apart(terms, final)):
        parts, target = terms[symbol], body.row(f"s{n}", "S", str(n))
        whole = body.strip and symbol in leading
        if whole:
            body.known[symbol] = f"s{n}"
        length = -(-len(parts) // -(-len(parts) // (MOST_POINTERS - 2)))  # of equal pieces that vectorise
        for begin in range(0, len(parts), length):
            chunk = " + ".join(parts[begin : begin + length])
            loops.append(_Loop([f"{target} = {chunk}" if begin == 0 else f"{target} += {chunk}"], whole))
        values[symbol] = target
    loops.append(_Loop([*(f"{symbol} = {text}" for symbol, text in values.items()), *final]))
    return loops


def _axes(term: DerivativeTables | FluxTables) -> set[int]:
    """Along which axes a term reads."""
    return {term.axis} if isinstance(term, FluxTables) else {factor.axis for factor in term.factors}


def _pointers(text: str) -> set[str]:
    """The rows that a statement reads or writes."""
    return set(re.findall(r"\w+_\[(\w+) \+", text))


def _done_apart(terms: dict[Any, list[str]], final: Sequence[str]) -> list[Any]:
    """The terms that are summed up in loops of their own, so that the last loop has no more than `MOST_POINTERS`: those
    first that have most rows to themselves."""
    inside = {symbol: _pointers(" ".join(parts)) for symbol, parts in terms.items()}
    apart: list[Any] = []
    while True:
        used = set.union(_pointers(" ".join(final)), *inside.values())
        own = {
            symbol: len(rows - set.union(set(), *(other for s, other in inside.items() if s != symbol)))
            for symbol, rows in inside.items()
        }
        largest = max(own, key=lambda symbol: own[symbol], default=None)
        if len(used) + len(apart) <= MOST_POINTERS or largest is None or own[largest] <= 2:
            return [symbol for symbol in terms if symbol in apart]
        apart.append(largest)
        del inside[largest]


def _updates(body: _Body, mode: Mode, k: int) -> list[str]:
    """What is done with the rate of block k."""
    index = str(k), *body.lead

    def c(n: int) -> str:
        return body.number("c", n)

    terms = [f"{c(0)}*r{{k}}"] if mode.name != "rate" else ["r{k}"]
    if mode.centre:
        terms.append(f"{c(1)}*{body.state(k, {})}")
    for p in range(mode.others):
        terms.append(f"{c(2 + p)}*{body.row(f'a{p}_{k}', f'A{p}', *index)}")
    lines = []
    if mode.carries:
        terms.append(f"{c(4)}*{body.row(f'o{k}', 'O', *index)}")
    if mode.name != "finish":
        lines.append(f"{_target(body, f'o{k}', 'O', index, 2 * k)} = {' + '.join(terms)}")
    if mode.collects:
        own = body.row(f"z{k}", "Z", *index)
        lines.append(f"{_target(body, f'z{k}', 'Z', index, 2 * k + 1)} = {own} + {c(5)}*r{{k}}")
    return [line.replace("r{k}", f"r{k}") for line in lines]


def _target(body: _Body, name: str, array: str, index: Sequence[str], place: int) -> str:
    """Where a result goes: of the edges of a strip, first to a scratch row."""
    own = body.row(name, array, *index)
    if not (body.strip and body.edge):
        return own
    kept = body.row(f"e{name}", "S", str(len(body.plan.terms) + place))
    body.kept.append(f"{own} = {kept}")
    return kept


def _range(body: _Body) -> list[str]:
    """From where to where the run goes.

    In a strip it may as well go on over the ends of the rows, which are put right afterwards: then it begins where
    a cache line begins and leaves no remainder. What it reads beside its node must lie in the array.
    """
    if not body.strip:
        return ["    ja, jb = jl, jr"]
    lines = ["    ja, jb = jl, jr + (count - 1)*n"]
    if all(array == "Y" for array, _ in body.beside):
        inside = [f"{name} >= jl and {name} + n*count + n - jr <= Y_.shape[0]" for _, name in sorted(body.beside)]
        lines += [f"    if {' and '.join(inside) or 'True'}:", "        ja, jb = 0, n*count"]
    return lines


def _edge_loop(entries: dict[str, str], statements: Sequence[str], strip: bool) -> list[str]:
    """The loop over the edge nodes, of every row of a strip; entries of tables are read once for all of them."""
    lines = ["    for e_ in range(je.shape[0]):", "        j = je[e_]"]
    lines += [f"        {local} = {entry}" for local, entry in entries.items()]
    if strip:
        lines += ["        for r_ in range(count):", "            g = uintp(r_*n)"]
    return lines + [f"{'    ' * (3 if strip else 2)}{statement}" for statement in statements]


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
    lead : tuple of str
        Loop variables of the leading axes.
    rows : dict
        Offset -> the array and the row's indices in it.
    values : dict
        Further argument -> the driver's expression for it.
    """

    name: str
    text: str
    joined: bool
    lead: tuple[str, ...]
    rows: dict[str, tuple[str, tuple[str, ...]]]
    values: dict[str, str]

    @property
    def arrays(self) -> list[str]:
        """The arrays that it reads and writes flat."""
        return list(dict.fromkeys(array for array, _ in self.rows.values()))

    def call(self, offset: Callable[[str, Sequence[str]], str]) -> str:
        """A call; `offset` says where a row of an array begins."""
        flat = [f"{array}_" for array in self.arrays]
        begins = [offset(array, index) for array, index in self.rows.values()]
        return f"{self.name}(count, jl, jr, je, {', '.join([*self.lead, *flat, *begins, *self.values.values()])})"


def row_function(plan: Plan, mode: Mode) -> RowFunction:
    """Write the row function of one mode.

    Raises
    ------
    NotCompiled
        It would be too long, or has a function that is not compiled.
    """
    probe = _Body(plan, strip=False)
    for probe.edge in (False, True):
        _loops(probe, mode)
    strip = probe.advances
    body = _Body(plan, strip)
    edges = plan.run != (0, plan.system.grid.shape[-1])
    if strip:
        body.values["n"] = f"Y.shape[{plan.system.grid.ndim}]"
    loops = _loops(body, mode)
    before = [line for loop in loops if loop.whole for line in loop.text] + _range(body)
    after = [line for loop in loops if not loop.whole for line in loop.text]
    if edges:
        body.edge = True
        at_edges = [statement for loop in _loops(body, mode) for statement in loop.statements]
        if strip:
            before += _edge_loop(body.at_node, at_edges, strip)
            after += _edge_loop({}, body.kept, strip)
        else:
            after += _edge_loop(body.at_node, at_edges, strip)
    name = f"row_{mode.name}"
    found = RowFunction(name, "", strip, tuple(body.lead), body.rows, body.values)
    flat = [f"{array}_" for array in found.arrays]
    lines = ["@njit(inline='never', nogil=True, error_model='numpy', fastmath=FAST)"]
    lines.append(f"def {name}(count, jl, jr, je, {', '.join([*body.lead, *flat, *body.rows, *body.values])}):")
    lines += [f"    {local} = {value}" for local, value in body.loads.items()]
    lines += before + after
    if sum(map(len, lines)) > LONGEST_SOURCE:
        raise NotCompiled("its terms are so long that compiling them takes minutes")
    return replace(found, text="\n".join(lines))
