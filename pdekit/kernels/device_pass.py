"""The intermediate form as a kernel of a GPU: one thread for every node, by the statements of the row functions.

What a row function does in two loops, for the run of the last axis and for its ends, a thread does by asking where it is. There are no
strips and no scratch rows: both are for caches and for loops that vectorise.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import sympy as sp

from pdekit.discretize.terms.term_protocol import NotCompiled
from pdekit.kernels.drivers import offset
from pdekit.kernels.form import LEAD, Assign, Element, Formula, Load, Local, Whole, arrays_in
from pdekit.kernels.modes import MODES
from pdekit.kernels.plan import Plan
from pdekit.kernels.printer import ScalarPrinter, handed, statement, text
from pdekit.kernels.row_functions import LONGEST_SOURCE, Body, loops_of
from pdekit.typing import Expression

STATES = ("Y", "O", "Z", "A0", "A1")  # arrays that all have the shape of a state
_REAL = re.compile(r"q\d\w*|t")  # coordinates and time, among the locals


class _DevicePrinter(ScalarPrinter):
    """Scalar code for a GPU, which has the functions of real numbers only.

    Parameters
    ----------
    is_complex : callable of expression
        Whether its value is complex.
    """

    _functions: ClassVar = {
        **{name: f"math.{name}" for name in (
            "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "exp", "log",
            "atan2", "erf", "erfc", "gamma", "sqrt",
        )},
        "Abs": "abs", "floor": "math.floor", "ceiling": "math.ceil", "sign": "", "conjugate": "", "re": "", "im": "",
    }  # fmt: skip
    _parts: ClassVar = {"conjugate": ".conjugate()", "re": ".real", "im": ".imag"}

    def __init__(self, is_complex: Callable[[Expression], bool]) -> None:
        super().__init__(single=False)
        self.is_complex = is_complex

    def called(self, name: str, arguments: Sequence[Expression]) -> str:
        if name in self._parts:
            return f"({self._print(arguments[0])}){self._parts[name]}"
        if name != "Abs" and any(map(self.is_complex, arguments)):
            raise NotCompiled(f"{name} of complex values is not among the functions of a GPU's kernels")
        if name == "sign":
            inner = self._print(arguments[0])
            return f"(1.0 if {inner} > 0.0 else (-1.0 if {inner} < 0.0 else 0.0))"
        return super().called(name, arguments)

    def _print_Pow(self, expression: Expression, rational: bool = False) -> str:
        """A power; products where the exponent is a small whole number: pow of a GPU does not see them."""
        base, exponent = expression.args
        if exponent.is_Integer and 1 < abs(int(exponent)) <= 4:
            product = "*".join([f"({self._print(base)})"] * abs(int(exponent)))
            return f"({product})" if exponent > 0 else f"(1.0/({product}))"
        return super()._print_Pow(expression, rational)


def _writer(has_complex_states: bool) -> Callable[[Formula], str]:
    """What writes formulas, for real or for complex states."""

    def write(thing: Formula) -> str:
        real = {text(part) for part in thing.parts if _is_real(part)}

        def is_complex(expression: Expression) -> bool:
            if not has_complex_states or type(expression).__name__ in ("Abs", "re", "im"):
                return False
            if expression.is_Symbol:
                return str(expression) not in real
            return expression is sp.I or any(map(is_complex, expression.args))

        return str(_DevicePrinter(is_complex).doprint(thing.expression))

    return write


def _is_real(part: Load | Local) -> bool:
    return part.row.array == "XL" if isinstance(part, Load) else bool(_REAL.fullmatch(part.name))


@dataclass(frozen=True)
class DeviceSource:
    """The kernel of one pass.

    Parameters
    ----------
    text : str
    function : str
        Its name.
    flat : tuple of str
        The arrays that it takes flat, each followed by its shape; of the arrays of the shape of a state, `STATES`, the shape is that of
        ``Y``, which comes first of all.
    whole : tuple of str
        Arrays and numbers that it takes as they are, after those.
    """

    text: str
    function: str
    flat: tuple[str, ...]
    whole: tuple[str, ...]


def write_device_pass(plan: Plan, mode: str) -> DeviceSource:
    """Write the kernel of one pass over a state, one thread a node.

    Raises
    ------
    NotCompiled
        It would be too long, or has a function that a GPU's kernels do not have.
    """
    body = Body(replace(plan, most_pointers=sys.maxsize), strip=False)
    write = _writer(plan.system.dtype.kind == "c")
    inside = _statements(body, mode)
    at_ends: list[Assign] = []
    if plan.run != (0, plan.system.grid.shape[-1]):
        body.edge = True
        at_ends = _statements(body, mode)
    rows, given = list(body.rows.values()), list(body.given.values())
    flat = tuple(dict.fromkeys(row.array for row in rows))
    things = [entry for row in rows for entry in row.index] + given
    whole = tuple(dict.fromkeys(name for thing in things for name in arrays_in(thing)))
    words = ["size", *(word for array in flat for word in _handed_over(array)), *whole]
    name = f"device_{mode}"
    lines = ["@cuda.jit(cache=True)", f"def {name}(jl, jr, {', '.join(words)}):", *_where(plan.system.grid.ndim)]
    lines += [f"    {row.name} = {offset(row, _shape(row.array))}" for row in rows]
    values = {local: value for local, value in body.given.items() if not isinstance(value, Whole)}
    before: dict[str, Element] = body.before
    lines += [f"    {local} = {handed(value)}" for local, value in {**values, **before}.items()]
    if at_ends:
        lines += ["    if jl <= j_ < jr:"]
        lines += [f"        {statement(entry, write)}" for entry in inside]
        lines += ["    else:"]
        lines += [f"        {local} = {text(entry)}" for local, entry in body.at_node.items()]
        lines += [f"        {statement(entry, write)}" for entry in at_ends]
    else:
        lines += [f"    {statement(entry, write)}" for entry in inside]
    if sum(map(len, lines)) > LONGEST_SOURCE:
        raise NotCompiled("its terms are so long that compiling them takes minutes")
    return DeviceSource("\n".join(lines), name, flat, whole)


def _statements(body: Body, mode: str) -> list[Assign]:
    return [assign for loop in loops_of(body, MODES[mode]) for assign in loop.statements]


def _shape(array: str) -> str:
    """What holds the shape of an array."""
    return "size" if array in STATES else f"{array}_size"


def _handed_over(array: str) -> list[str]:
    """What is handed over of an array that is taken flat."""
    return [f"{array}_"] if array in STATES else [f"{array}_", _shape(array)]


def _where(ndim: int) -> list[str]:
    """The node of a thread: neighbours along the last axis are neighbours among the threads."""
    places = ["j_", *reversed(LEAD[: ndim - 1])]
    beyond = [f"{place} >= size[{ndim - axis}]" for axis, place in enumerate(places)]
    lines = [f"    {', '.join(places)} = cuda.grid({ndim})", f"    if {' or '.join(beyond)}:", "        return"]
    return [*lines, "    j = uintp(j_)"]
