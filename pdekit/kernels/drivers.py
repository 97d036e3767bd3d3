"""The loops over rows that call the row functions: one pass over a state, or a wave of all stages of a step.

In a *wave* the stages follow each other through the rows of the first axis at a distance of as many rows as a stencil
reaches: what a stage writes is read by the next one while it is still in the cache, so that a whole Runge-Kutta step reads
the old state once and writes the new one once. The states in between are rings of a few rows. Threads take parts of the
first axis; rows beside a part that the next stages need are computed by both neighbours.

References
----------
M. Wolfe, *Loop skewing: the wavefront method revisited*, Int. J. Parallel Programming 15 (1986) 279-293.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pdekit.kernels.plan import Plan
from pdekit.kernels.source import LEAD, MODES, row_function

# Arrays whose rows are found by their own count in a wave, and what that count is called.
MOVING = {"Y": "rows_y", "O": "rows_o", "A0": "rows", "Z": "rows_z"}
_PLAIN: tuple[str, ...] = ("lo", "hi", "slabs", "strips", "jl", "jr", "je", "Y", "t")
_WAVE: tuple[str, ...] = (
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
    row = row_function(plan, MODES[mode])
    call = row.call(_offset)
    arguments = (*_PLAIN, *_names([call], row.arrays, _PLAIN))
    lines = ["@njit(nogil=True)", f"def drive_{mode}({', '.join(arguments)}):"]
    lines += [f"    {array}_ = {array}.ravel()" for array in row.arrays]
    lines += _nest(plan.system.grid.ndim, call)
    return Source(row.text + "\n\n\n" + "\n".join(lines), f"drive_{mode}", arguments, row.joined)


def _names(calls: Sequence[str], arrays: Sequence[str], known: Sequence[str]) -> list[str]:
    """The arguments that a driver needs beyond those that it always has."""
    words = set(re.findall(r"[A-Za-z_]\w*", " ".join(calls)))
    own = {*LEAD, "uintp", "shape", "count", *known, *(f"{array}_" for array in arrays)}
    return sorted(word for word in {*words, *arrays} - own if not word.startswith("row_"))


def write_wave(plan: Plan, kind: str) -> Source:
    """The driver of a wave.

    Parameters
    ----------
    plan : Plan
        Of two or three dimensions.
    kind : {"fused", "stored"}
        Whether every stage needs the one before it only, and the result is collected as they go by (two rings of rows), or
        all stages are kept, in a ring each.
    """
    modes = {"fused": ("collect", "finish"), "stored": ("rate",)}[kind]
    functions = [row_function(plan, MODES[mode]) for mode in modes]
    calls = [function.call(_ring_offset) for function in functions]
    arrays = list(dict.fromkeys(array for function in functions for array in function.arrays))
    ours = {"u_", "t", "c", "U0", "rows", *MOVING, *MOVING.values()}
    known = _names(calls, arrays, (*_WAVE, *ours))
    known += ["U0"] if any("U0" in call for call in calls) else []
    given = [f"{name}S" if _is_data(name) else name for name in known]
    data = [name for name in known if _is_data(name)]
    lines = ["@njit(nogil=True)", f"def wave_{kind}({', '.join([*_WAVE, *given])}):", *_WAVE_HEAD]
    lines += [f"    {a}_ = {a}.ravel()" for a in arrays if a not in MOVING and not _is_data(a)]
    lines += [*_WAVE_STAGE, *(f"            {name} = {name}S[p]" for name in data)]
    lines += [f"            {name}_ = {name}.ravel()" for name in data if name in arrays]
    nests = [_nest_of_row(plan.system.grid.ndim, call) for call in calls]
    if kind == "fused":
        lines += _filled(_FUSED, COLLECT=nests[0], FINISH=nests[1])
    else:
        lines += _filled(_STORED, RATE=nests[0])
    text = "\n\n\n".join([*(function.text for function in functions), "\n".join(lines)])
    joined = plan.system.grid.ndim == 3 and all(function.joined for function in functions)
    return Source(text, f"wave_{kind}", (*_WAVE, *given), joined)


def _is_data(name: str) -> bool:
    """Whether an argument holds boundary data, which change from stage to stage."""
    return re.fullmatch(r"G\d+", name) is not None


_WAVE_HEAD = """
    passes, blocks, rows = ts.shape[0], Y.shape[0], Y.shape[1]
    size = Y.size // (blocks*rows)
    short, long = US.shape[1] // (blocks*size), KS.shape[1] // (blocks*size)
    START_, OUT_ = Y.ravel(), OUT.ravel()
    A0_ = START_
    total = 0.0
""".strip("\n").splitlines()

_WAVE_STAGE = """
    first = begin - (passes - 1)*back
    if bounded:
        first = max(first, 0)
    for front in range(first, end + (passes - 1)*lag, chunk):
        for p in range(passes):
            lo = max(front - p*lag, begin - (passes - 1 - p)*back)
            hi = min(front + chunk - p*lag, end + (passes - 1 - p)*lag)
            if bounded:
                lo, hi = max(lo, 0), min(hi, rows)
            t = ts[p]
            c = cs[p]
            if p == 0:
                Y_, rows_y = START_, rows
            else:
                Y_, rows_y = US[p - 1], short
""".strip("\n").splitlines()


_FUSED = """
            Z_, rows_z = KS[0], long
            if p == passes - 1:
                for w in range(lo, hi):
                    i = w % rows
                    u_ = w - i
                    FINISH
                    copy_row(OUT_, i, rows, KS[0], w % long, long, blocks, size)
                continue
            O_, rows_o = US[p], short
            for w in range(lo, hi):
                i = w % rows
                u_ = w - i
                if p == 0:
                    copy_row(Z_, w % long, long, START_, i, rows, blocks, size)
                COLLECT
                write_row(O_, PS, PB, PC, PV[p], i, short, w % short, size)
    return total
""".strip("\n")

_STORED = """
            O_, rows_o = KS[p], long
            for w in range(lo, hi):
                i = w % rows
                u_ = w - i
                RATE
                write_row(O_, PS, PB, PC, PV[passes], i, long, w % long, size)
                if p == passes - 1:
                    if p == result:
                        combine_row(OUT_, i, rows, START_, i, rows, KS, w % long, long, weights[p], blocks, size)
                    if errors.shape[0] > 0:
                        row = w % short
                        total += error_row(START_, i, rows, US[p - 1], row, short, KS, w % long, long, errors, 0.0, size, atol, rtol)
                    continue
                combine_row(US[p], w % short, short, START_, i, rows, KS, w % long, long, weights[p], blocks, size)
                write_row(US[p], PS, PB, PC, PV[p], i, short, w % short, size)
                if p == result and begin <= w < end:
                    copy_row(OUT_, i, rows, US[p], w % short, short, blocks, size)
    return total
""".strip("\n")


def _filled(template: str, **calls: list[str]) -> list[str]:
    """A template with lines in place of words that stand on a line of their own."""
    lines = []
    for line in template.splitlines():
        word = line.strip()
        indent = line[: len(line) - len(word)]
        lines += [indent + inner for inner in calls[word]] if word in calls else [line]
    return lines


def _offset(array: str, index: Sequence[str]) -> str:
    """Where a row begins in the flat array."""
    if not index:
        return "uintp(0)"
    text = index[0]
    for k, entry in enumerate(index[1:], 1):
        text = f"({text})*{array}.shape[{k}] + {entry}"
    return f"uintp(({text})*{array}.shape[{len(index)}])"


def _ring_offset(array: str, index: Sequence[str]) -> str:
    """The same in a wave, where the rows of some arrays are rings: row w, of the node i, stands at w modulo their number."""
    if array not in MOVING:
        return _offset(array, index)
    block, first, *others = index
    count = MOVING[array]
    text = f"({block})*{count} + (u_ + {first.replace('I0[', 'U0[')}) % {count}"
    for k, entry in enumerate(others, 2):
        text = f"({text})*Y.shape[{k}] + {entry}"
    return f"uintp(({text})*Y.shape[{len(index)}])"


def _nest_of_row(ndim: int, call: str) -> list[str]:
    """The loop over what belongs to one row of the first axis."""
    if ndim == 2:
        return ["count = 1", call]
    return ["for s_ in range(strips.shape[0]):", "    k, count = strips[s_, 0], strips[s_, 1]", f"    {call}"]


def _nest(ndim: int, call: str) -> list[str]:
    """The loops over the leading axes, strip by strip of the last of them; in three dimensions in slabs of strips, whose
    rows stay in the cache while the first axis is crossed."""
    if ndim == 1:
        return ["    count = 1", f"    {call}"]
    if ndim == 2:
        return [
            "    for s_ in range(lo, hi):",
            "        i, count = strips[s_, 0], strips[s_, 1]",
            f"        {call}",
        ]
    return [
        "    for b_ in range(slabs.shape[0] - 1):",
        "        for i in range(lo, hi):",
        "            for s_ in range(slabs[b_], slabs[b_ + 1]):",
        "                k, count = strips[s_, 0], strips[s_, 1]",
        f"                {call}",
    ]
