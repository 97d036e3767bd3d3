"""The loops over rows that call the row functions: one pass over a state, or a wavefront of all stages of a step.

In a *wavefront* the stages follow each other through the rows of the first axis at a distance of as many rows as a stencil
reaches: what a stage writes is read by the next one while it is still in the cache, so that a whole Runge-Kutta step reads
the old state once and writes the new one once. The states in between are rings of a few rows. Threads take parts of the
first axis; rows beside a part that the next stages need are computed by both neighbours.

References
----------
M. Wolfe, *Loop skewing: the wavefront method revisited*, Int. J. Parallel Programming 15 (1986) 279-293.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pdekit.kernels.form import For, If, Line, Looked, Row, Step, arrays_in
from pdekit.kernels.modes import MODES
from pdekit.kernels.plan import Plan
from pdekit.kernels.printer import handed, steps
from pdekit.kernels.row_functions import RowFunction, row_function

# Arrays whose rows are found by their own count in a wavefront, and what that count is called.
MOVING = {"Y": "rows_y", "O": "rows_o", "A0": "rows", "Z": "rows_z"}
UNWRAPPED = {"I0": "U0"}  # neighbours along the first axis, of periodic ones not wrapped
_PASS: tuple[str, ...] = ("lo", "hi", "slabs", "strips", "jl", "jr", "je", "Y", "t")
_WAVEFRONT: tuple[str, ...] = (
    "begin", "end", "lag", "back", "chunk", "bounded", "strips", "jl", "jr", "je", "Y", "OUT", "ts", "cs", "US", "KS",
    "PS", "PB", "PC", "PV", "result", "weights", "errors", "atol", "rtol",
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A module with one driver.

    Parameters
    ----------
    text : str
    function : str
        The driver's name.
    arguments : tuple of str
        Names of its arguments, in order.
    joined : bool
        Whether it may be given strips of several rows.
    """

    text: str
    function: str
    arguments: tuple[str, ...]
    joined: bool


def write_pass(plan: Plan, mode: str) -> Source:
    """The driver of one pass over a state."""
    row, name = row_function(plan, MODES[mode]), f"drive_{mode}"
    arguments = (*_PASS, *sorted(row.arrays - set(_PASS)))
    body = [*_flattened(row.flat), *_nest(plan.system.grid.ndim, row.call(offset))]
    return Source(f"{row.text}\n\n\n{_driver(name, arguments, body)}", name, arguments, row.joined)


def _driver(name: str, arguments: Sequence[str], body: Sequence[Step]) -> str:
    return "\n".join(["@njit(nogil=True)", f"def {name}({', '.join(arguments)}):", *steps(body)])


def _flattened(arrays: Sequence[str]) -> list[Step]:
    return [Line(f"{array}_ = {array}.ravel()") for array in arrays]


def write_wavefront(plan: Plan, kind: str) -> Source:
    """The driver of a wavefront.

    Parameters
    ----------
    plan : Plan
        Of two or three dimensions.
    kind : {"fused", "stored"}
        Whether every stage needs the one before it only, and the result is collected as they go by (two rings of rows), or
        all stages are kept, in a ring each.
    """
    modes = {"fused": ("collect", "finish"), "stored": ("rate",)}[kind]
    functions, name = [row_function(plan, MODES[mode]) for mode in modes], f"wavefront_{kind}"
    flat = list(dict.fromkeys(array for function in functions for array in function.flat))
    data = sorted({array for function in functions for array in function.data_arrays})
    needed = set[str]().union(*map(_needed_in_rings, functions))
    given = [f"{array}S" if array in data else array for array in sorted(needed - {"t", "c", *MOVING, *_WAVEFRONT})]
    arguments = (*_WAVEFRONT, *given)
    calls = [_row_of_first_axis(plan.system.grid.ndim, function.call(_ring_offset)) for function in functions]
    fixed = _flattened([array for array in flat if array not in MOVING and array not in data])
    at_stage: list[Step] = [Line(f"{array} = {array}S[p]") for array in data]
    at_stage += _flattened([array for array in data if array in flat])
    stage = _fused_stage(*calls) if kind == "fused" else _stored_stage(*calls)
    body = [*_SIZES, *fixed, *_stages([*at_stage, *stage]), Line("return total")]
    source = "\n\n\n".join([*(function.text for function in functions), _driver(name, arguments, body)])
    return Source(source, name, arguments, _joined(plan, functions))


def _needed_in_rings(function: RowFunction) -> set[str]:
    """The arrays that a call needs where the rows of some are rings."""
    moving = {name for row in function.rows if row.array in MOVING for name in arrays_in(row)}
    others = [row for row in function.rows if row.array not in MOVING]
    fixed = {name for thing in (*others, *function.given.values()) for name in arrays_in(thing)}
    return fixed | {UNWRAPPED.get(name, name) for name in moving}


def _joined(plan: Plan, functions: Sequence[RowFunction]) -> bool:
    return plan.system.grid.ndim == 3 and all(function.joined for function in functions)


_SIZES: tuple[Step, ...] = (
    Line("passes, blocks, rows = ts.shape[0], Y.shape[0], Y.shape[1]"),
    Line("size = Y.size // (blocks*rows)"),
    Line("short, long = US.shape[1] // (blocks*size), KS.shape[1] // (blocks*size)"),
    Line("START_, OUT_ = Y.ravel(), OUT.ravel()"),
    Line("A0_ = START_"),
    Line("total = 0.0"),
)


def _stages(stage: Sequence[Step]) -> list[Step]:
    """Chunk after chunk of the first axis, in each the stages one after the other, every one `lag` rows behind the one before."""
    return [
        Line("first = begin - (passes - 1)*back"),
        If("bounded", [Line("first = max(first, 0)")]),
        For("front", "first, end + (passes - 1)*lag, chunk", [
            For("p", "passes", [
                Line("lo = max(front - p*lag, begin - (passes - 1 - p)*back)"),
                Line("hi = min(front + chunk - p*lag, end + (passes - 1 - p)*lag)"),
                If("bounded", [Line("lo, hi = max(lo, 0), min(hi, rows)")]),
                Line("t = ts[p]"),
                Line("c = cs[p]"),
                If("p == 0", [Line("Y_, rows_y = START_, rows")], [Line("Y_, rows_y = US[p - 1], short")]),
                *stage,
            ]),
        ]),
    ]  # fmt: skip


_NODE: tuple[Step, ...] = (Line("i = w % rows"), Line("u_ = w - i"))  # row w of the front is row i of the grid


def _fused_stage(collect: Sequence[Step], finish: Sequence[Step]) -> list[Step]:
    """Every stage needs the one before it only; ``Z`` collects the result."""
    return [
        Line("Z_, rows_z = KS[0], long"),
        If("p == passes - 1", [
            For("w", "lo, hi", [
                *_NODE,
                *finish,
                Line("copy_row(OUT_, i, rows, KS[0], w % long, long, blocks, size)"),
            ]),
            Line("continue"),
        ]),
        Line("O_, rows_o = US[p], short"),
        For("w", "lo, hi", [
            *_NODE,
            If("p == 0", [Line("copy_row(Z_, w % long, long, START_, i, rows, blocks, size)")]),
            *collect,
            Line("write_row(O_, PS, PB, PC, PV[p], i, short, w % short, size)"),
        ]),
    ]  # fmt: skip


def _stored_stage(right_side: Sequence[Step]) -> list[Step]:
    """All stages are kept, each in a ring."""
    state, stage = "START_, i, rows", "KS, w % long, long"
    return [
        Line("O_, rows_o = KS[p], long"),
        For("w", "lo, hi", [
            *_NODE,
            *right_side,
            Line("write_row(O_, PS, PB, PC, PV[passes], i, long, w % long, size)"),
            If("p == passes - 1", [
                If("p == result", [Line(f"combine_row(OUT_, i, rows, {state}, {stage}, weights[p], blocks, size)")]),
                If("errors.shape[0] > 0", [
                    Line("row = w % short"),
                    Line(f"total += error_row({state}, US[p - 1], row, short, {stage}, errors, 0.0, size, atol, rtol)"),
                ]),
                Line("continue"),
            ]),
            Line(f"combine_row(US[p], w % short, short, {state}, {stage}, weights[p], blocks, size)"),
            Line("write_row(US[p], PS, PB, PC, PV[p], i, short, w % short, size)"),
            If("p == result and begin <= w < end", [
                Line("copy_row(OUT_, i, rows, US[p], w % short, short, blocks, size)"),
            ]),
        ]),
    ]  # fmt: skip


def offset(row: Row, shape: str = "") -> str:
    """Where a row begins in the flat array; `shape` is what holds the array's shape, its own by default."""
    if not row.index:
        return "uintp(0)"
    return _summed(handed(row.index[0]), row, 1, shape or f"{row.array}.shape")


def _summed(start: str, row: Row, first: int, shape: str) -> str:
    found = start
    for k, entry in enumerate(row.index[first:], first):
        found = f"({found})*{shape}[{k}] + {handed(entry)}"
    return f"uintp(({found})*{shape}[{len(row.index)}])"


def _ring_offset(row: Row) -> str:
    """The same in a wavefront, where the rows of some arrays are rings: row w, of the node i, stands at w modulo their number."""
    if row.array not in MOVING:
        return offset(row)
    block, first, *_ = row.index
    if isinstance(first, Looked):
        first = Looked(UNWRAPPED[first.table], first.at, first.slot)
    count = MOVING[row.array]
    return _summed(f"({handed(block)})*{count} + (u_ + {handed(first)}) % {count}", row, 2, "Y.shape")


def _row_of_first_axis(ndim: int, call: str) -> list[Step]:
    """The loop over what belongs to one row of the first axis."""
    if ndim == 2:
        return [Line("count = 1"), Line(call)]
    return [For("s_", "strips.shape[0]", [Line("k, count = strips[s_, 0], strips[s_, 1]"), Line(call)])]


def _nest(ndim: int, call: str) -> list[Step]:
    """The loops over the leading axes, strip by strip of the last of them; in three dimensions in slabs of strips, whose
    rows stay in the cache while the first axis is crossed."""
    if ndim == 1:
        return [Line("count = 1"), Line(call)]
    if ndim == 2:
        return [For("s_", "lo, hi", [Line("i, count = strips[s_, 0], strips[s_, 1]"), Line(call)])]
    strip = For("s_", "slabs[b_], slabs[b_ + 1]", [Line("k, count = strips[s_, 0], strips[s_, 1]"), Line(call)])
    return [For("b_", "slabs.shape[0] - 1", [For("i", "lo, hi", [strip])])]
