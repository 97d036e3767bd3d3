"""Integrals, means and extrema of a state, all in one compiled pass over it.

Every row of the last axis is summed up in one loop for all the sums, which vectorises because sums may be taken in any order, and compared
with a row of the greatest values so far. Rows are taken in slabs, of which each has results of its own, so that they do not depend on the
number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp

from pdekit.discretize.program import Frame
from pdekit.discretize.system import SemiDiscrete
from pdekit.discretize.terms.reduction import ReductionTerm
from pdekit.discretize.terms.term_protocol import NotCompiled
from pdekit.kernels.cache import load
from pdekit.kernels.kernel import Kernel
from pdekit.kernels.printer import scalar
from pdekit.language.symbols import spatial_derivatives
from pdekit.typing import Array, Expression

SLABS = 8
SIGNS = {"max": "", "min": "-"}


class ReductionPass:
    """Numbers of whole fields that one pass over the states finds.

    Parameters
    ----------
    system : SemiDiscrete
        Of real states on a whole grid.
    terms : sequence of ReductionTerm
        Such as `fits` says yes to.
    share : callable
        Does the parts 0, 1, ... of a task, each in a thread of its own.
    threads : int
        How many parts there are.

    Raises
    ------
    NotCompiled
        One of the operands has a function that kernels do not have.
    """

    def __init__(
        self,
        system: SemiDiscrete,
        terms: Sequence[ReductionTerm],
        share: Callable[[Callable[[int], None]], None],
        threads: int,
    ) -> None:
        self.terms, self._share = tuple(terms), share
        shape = system.grid.shape
        rows, n = int(np.prod(shape[:-1])), shape[-1]
        self._shape = len(system.blocks), rows, n
        lead = np.meshgrid(*(axis.nodes for axis in system.grid.axes[:-1]), indexing="ij")
        lines = [nodes.reshape(-1) for nodes in lead]
        self._edges = np.linspace(0, rows, min(SLABS, rows) + 1).astype(np.int64)
        slabs = self._edges.size - 1
        self._bounds = list(pairwise(np.linspace(0, slabs, threads + 1).astype(int).tolist()))
        weights = [term.weights_by_axis for term in terms]
        line = next((by_axis[-1] for by_axis in weights if by_axis is not None), np.ones(n))
        self._fixed = (
            np.array([np.broadcast_to(_of_rows(by_axis, line).reshape(-1), rows) for by_axis in weights]),
            line,
            system.grid.axes[-1].nodes,
            np.array(lines) if lines else np.zeros((1, 1)),
            np.array([*system.system.parameters.values(), 0.0], dtype=float),
        )
        self._symbols = [term.symbol for term in terms]
        self._signs = [-1.0 if term.symbol.kind == "min" else 1.0 for term in terms]
        self._extremes = [k for k, term in enumerate(terms) if term.symbol.kind in SIGNS]
        self._totals, self._greatest = np.empty((slabs, len(terms))), np.empty((slabs, len(self._extremes), n))
        self._function = load(_source(system, terms)).over_rows

    def prime(self, frame: Frame, full: Array) -> None:
        """Find the numbers of the states that a frame is made of, so that it knows them when it is asked."""
        Y, totals, greatest = full.reshape(self._shape), self._totals, self._greatest
        totals[...], greatest[...] = 0.0, -np.inf

        def work(part: int) -> None:
            first, last = self._bounds[part]
            self._function(Y, *self._fixed, float(frame.t), self._edges, first, last, totals, greatest)

        self._share(work)
        found = np.sum(totals, axis=0)
        is_number = np.isfinite(found)  # else NumPy says what is the greatest beside what is no number
        found[self._extremes] = np.max(greatest, axis=(0, 2), initial=-np.inf)
        for symbol, sign, value, is_known in zip(self._symbols, self._signs, found, is_number):
            if is_known:
                frame.shared(symbol, partial(float, sign * value))


def _of_rows(by_axis: list[Array] | None, line: Array) -> Array:
    """Weights of the rows of the last axis, if `line` are those along it; 1 where the values are only summed up to find nan."""
    if by_axis is None:
        return np.ones(())
    return reduce(np.multiply.outer, by_axis[:-1], np.ones(())) * (np.sum(by_axis[-1]) / np.sum(line))


def passes_over(kernel: Kernel, terms: Iterable[Any]) -> ReductionPass | None:
    """One pass for those of some terms that it can find, by the threads of a kernel; None if there are none, or if little is gained."""
    system = kernel.system
    found = [term for term in terms if fits(system, term)]
    if not found or system.grid.size < kernel.thresholds.reduced_from or not all(b.shape for b in system.blocks):
        return None  # states of fields and numbers are no array
    try:
        if system.grid.size < kernel.thresholds.reduced_by_threads_from:
            return ReductionPass(system, found, lambda work: work(0), 1)
        return ReductionPass(system, found, kernel.share, kernel.threads)
    except NotCompiled:
        return None


def fits(system: SemiDiscrete, term: Any) -> bool:
    """Whether a number is found by such a pass: of a pointwise function of real unknowns, over all nodes of a whole box."""
    grid = system.grid
    if type(term) is not ReductionTerm or not grid.is_box or grid.whole is not grid or system.dtype.kind != "f":
        return False
    is_extreme = term.symbol.kind in ("max", "min")
    if not (is_extreme or term.weights_by_axis is not None) or spatial_derivatives(term.operand):
        return False
    known = {*(block.symbol for block in system.blocks if block.shape), *_given(system)}
    return term.operand.free_symbols <= known and _is_arithmetic(term.operand)


def _is_arithmetic(operand: Expression) -> bool:
    """Whether loops of it vectorise: NumPy has faster exponentials than scalar code (0.5 and 0.8 ms on 512^2)."""
    powers = operand.atoms(sp.Pow)
    return all(isinstance(f, sp.Abs) for f in operand.atoms(sp.Function)) and all(
        power.exp.is_Integer or abs(power.exp) == sp.Rational(1, 2) for power in powers
    )


def _given(system: SemiDiscrete) -> Iterable[Any]:
    equations = system.system
    return (*equations.axes, equations.t, *equations.parameters)


def _source(system: SemiDiscrete, terms: Sequence[ReductionTerm]) -> str:
    """The text of the pass; it depends on the operands only."""
    at_node = {block.symbol: (sp.Symbol(f"u{k}_"), f"Y[{k}, r, j]") for k, block in enumerate(system.blocks)}
    *lead, last = system.system.axes
    at_node[last] = sp.Symbol("x_"), "X[j]"
    of_row = {axis: (sp.Symbol(f"l{k}_"), f"L[{k}, r]") for k, axis in enumerate(lead)}
    of_row |= {symbol: (sp.Symbol(f"p{k}_"), f"P[{k}]") for k, symbol in enumerate(system.system.parameters)}
    of_row[system.system.t] = sp.Symbol("t_"), "t"
    named = {symbol: name for symbol, (name, _) in (at_node | of_row).items()}
    texts = [scalar(sp.sympify(term.operand).xreplace(named)) for term in terms]
    used = {symbol for term in terms for symbol in term.operand.free_symbols}
    parts = _Parts(
        [f"{name} = {place}" for symbol, (name, place) in of_row.items() if symbol in used],
        [f"{name} = {place}" for symbol, (name, place) in at_node.items() if symbol in used],
    )
    kinds = [term.symbol.kind for term in terms]
    sums = [f"s{k} += {'' if kind in SIGNS else 'E[j]*'}({texts[k]})" for k, kind in enumerate(kinds)]
    which = [k for k, kind in enumerate(kinds) if kind in SIGNS]
    rows = parts.function(
        "sums",
        sums,
        [f"s{k} = 0.0" for k in range(len(terms))],
        [f"found[{k}] += W[{k}, r]*s{k}" for k in range(len(terms))],
    )
    names = ["sums(totals[s]"]
    if which:
        places = enumerate(which)
        greatest = [line for place, k in places for line in (f"v = {SIGNS[kinds[k]]}({texts[k]})", _greater(place))]
        rows += parts.function("extremes", greatest)
        names.append("extremes(greatest[s]")
    return "\n".join([
        *rows,
        "@njit(nogil=True, error_model='numpy')",
        "def over_rows(Y, W, E, X, L, P, t, edges, first, last, totals, greatest):",
        "    for s in range(first, last):",
        "        for r in range(edges[s], edges[s + 1]):",
        *(f"            {name}, Y, W, E, X, L, P, t, r)" for name in names),
    ])  # fmt: skip


def _greater(place: int) -> str:
    return f"found[{place}, j] = v if v > found[{place}, j] else found[{place}, j]"


@dataclass(frozen=True)
class _Parts:
    """What the functions of one row read before the loop, and in it."""

    before: Sequence[str]
    inside: Sequence[str]

    def function(
        self, name: str, statements: Sequence[str], first: Sequence[str] = (), last: Sequence[str] = ()
    ) -> list[str]:
        """One that does some statements at every node, and others before and after."""
        return [
            "@njit(inline='never', nogil=True, error_model='numpy', fastmath={'contract', 'nsz', 'reassoc'})",
            f"def {name}(found, Y, W, E, X, L, P, t, r):",
            *(f"    {line}" for line in (*self.before, *first)),
            "    for j in range(E.shape[0]):",
            *(f"        {line}" for line in (*self.inside, *statements)),
            *(f"    {line}" for line in last),
            "",
            "",
        ]
