"""The intermediate form as text that numba compiles; the only place where kernels become text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import sympy as sp
from sympy.printing.pycode import PythonCodePrinter

from pdekit.discretize.terms.term_protocol import NotCompiled
from pdekit.kernels.form import (
    LEAD,
    Assign,
    EdgeEntry,
    Element,
    Extent,
    Fixed,
    For,
    Formula,
    Given,
    If,
    Index,
    LeadIndex,
    Line,
    Load,
    Local,
    Looked,
    Loop,
    Plus,
    RunStart,
    Step,
    Times,
    Value,
    Whole,
)
from pdekit.typing import Expression


class ScalarPrinter(PythonCodePrinter):
    """Scalar code that numba compiles."""

    _functions: ClassVar = {
        "sin": "np.sin", "cos": "np.cos", "tan": "np.tan", "asin": "np.arcsin", "acos": "np.arccos", "atan": "np.arctan",
        "sinh": "np.sinh", "cosh": "np.cosh", "tanh": "np.tanh", "asinh": "np.arcsinh", "acosh": "np.arccosh",
        "atanh": "np.arctanh", "exp": "np.exp", "log": "np.log", "Abs": "abs", "sign": "np.sign", "floor": "np.floor",
        "ceiling": "np.ceil", "conjugate": "np.conj", "re": "np.real", "im": "np.imag", "atan2": "np.arctan2",
        "erf": "math.erf", "erfc": "math.erfc", "gamma": "math.gamma", "sqrt": "np.sqrt",
    }  # fmt: skip

    def __init__(self, single: bool) -> None:
        super().__init__({"fully_qualified_modules": False})
        self.single = single

    def number(self, value: float) -> str:
        """A number in the precision of the states: one in double would make all that it meets double."""
        return f"real({value!r})" if self.single else repr(value)

    def _print(self, expression: Expression, **kwargs: Any) -> Any:
        name = type(expression).__name__
        if isinstance(expression, sp.Function) and name not in (*self._functions, "Heaviside", "Piecewise"):
            raise NotCompiled(f"{name} is not among the functions of the kernels")
        return super()._print(expression, **kwargs)

    def emptyPrinter(self, expression: Expression) -> str:
        raise NotCompiled(f"{type(expression).__name__} is not among the functions of the kernels")

    def called(self, name: str, arguments: Sequence[Expression]) -> str:
        """A function of the kernels, called."""
        return f"{self._functions[name]}({', '.join(self._print(a) for a in arguments)})"

    def _print_Function(self, expression: Expression) -> str:
        return self.called(type(expression).__name__, expression.args)

    def _print_Heaviside(self, expression: Expression) -> str:
        a, middle = (self._print(v) for v in (expression.args[0], expression.args[1]))
        one, zero = self.number(1.0), self.number(0.0)
        return f"({one} if {a} > {zero} else ({middle} if {a} == {zero} else {zero}))"

    def _print_Pow(self, expression: Expression, rational: bool = False) -> str:
        base, exponent = expression.args
        text, one = self._print(base), self.number(1.0)
        if exponent.is_Integer and 1 < abs(int(exponent)) <= 4 and base.is_Atom:
            product = "*".join([text] * abs(int(exponent)))
            return f"({product})" if exponent > 0 else f"({one}/({product}))"
        if exponent == sp.Rational(1, 2):
            return self.called("sqrt", (base,))
        if exponent == -1:
            return f"({one}/({text}))"
        return f"(({text})**({self._print(exponent)}))"

    def _print_Rational(self, expression: Expression) -> str:
        return f"({self.number(float(expression))})"

    def _print_Integer(self, expression: Expression) -> str:
        return self.number(float(expression))

    def _print_Float(self, expression: Expression) -> str:
        return self.number(float(expression))

    def _print_NumberSymbol(self, expression: Expression) -> str:
        return self.number(float(expression))

    _print_Pi = _print_NumberSymbol  # noqa: N815
    _print_Exp1 = _print_NumberSymbol  # noqa: N815

    def _print_ImaginaryUnit(self, expression: Expression) -> str:
        return "np.complex64(1j)" if self.single else "1j"


for _name in ScalarPrinter._functions:  # SymPy's printer has methods of its own for some of them
    setattr(ScalarPrinter, f"_print_{_name}", ScalarPrinter._print_Function)


def scalar(expression: Expression, single: bool = False) -> str:
    """An expression as code for scalars, in double or single precision.

    Raises
    ------
    NotCompiled
        A function that kernels do not have.
    """
    return str(ScalarPrinter(single).doprint(expression))


def formula(thing: Formula) -> str:
    """A formula as code for scalars."""
    return scalar(thing.expression, thing.single)


def text(value: Value | EdgeEntry, write: Callable[[Formula], str] = formula) -> str:
    """A value, whose formulas are written by `write`.

    Examples
    --------
    >>> from pdekit.kernels.form import Row
    >>> text(Times((Local("w0"), Load(Row("u0", "Y"), shift=-1))))
    'w0*Y_[u0 + j - uintp(1)]'
    """
    match value:
        case Local(name):
            return name
        case Load(row, shift, at, below):
            beside = "" if shift == 0 else f" {'+' if shift > 0 else '-'} uintp({abs(shift)})"
            return f"{row.array}_[{row.name} + {at}{beside}{' + g' * below}]"
        case EdgeEntry(table, slots, is_index):
            entry = f"{table}[j, {', '.join(map(str, slots))}]"
            return f"uintp({entry})" if is_index else entry
        case Formula():
            inner = write(value)
            return inner if value.bare else f"({inner})"
        case Times(factors):
            return "*".join(text(factor, write) for factor in factors)
        case Plus(terms, closed):
            inner = " + ".join(text(term, write) for term in terms)
            return f"({inner})" if closed else inner


def handed(thing: Given | Index) -> str:
    """What a driver hands over, and the indices in it.

    Examples
    --------
    >>> handed(Element("X0", (Looked("I0", LeadIndex(0), 2),)))
    'X0[I0[i, 2]]'
    """
    match thing:
        case Whole(name):
            return name
        case Fixed(n):
            return str(n)
        case LeadIndex(axis):
            return LEAD[axis]
        case Looked(table, at, slot):
            return f"{table}[{handed(at)}, {slot}]"
        case RunStart():
            return "jl"
        case Element(array, index):
            return f"{array}[{', '.join(map(handed, index))}]"
        case Extent(array, axis):
            return f"{array}.shape[{axis}]"


def statement(thing: Assign, write: Callable[[Formula], str] = formula) -> str:
    """A statement of a row function."""
    return f"{text(thing.target)} {'+=' if thing.adds else '='} {text(thing.value, write)}"


def loop(thing: Loop) -> list[str]:
    """A loop of a row function, line by line."""
    head = f"    for j_ in range({'0, n*count' if thing.whole else 'ja, jb'}):"
    return [head, "        j = uintp(j_)", *(f"        {statement(entry)}" for entry in thing.statements)]


def steps(things: Sequence[Step], depth: int = 1) -> Iterator[str]:
    """Steps of a driver, line by line."""
    indent = "    " * depth
    for thing in things:
        match thing:
            case Line(line):
                yield indent + line
            case For(variable, span, body):
                yield f"{indent}for {variable} in range({span}):"
                yield from steps(body, depth + 1)
            case If(condition, body, otherwise):
                yield f"{indent}if {condition}:"
                yield from steps(body, depth + 1)
                if otherwise:
                    yield f"{indent}else:"
                    yield from steps(otherwise, depth + 1)
