"""Expressions as code for scalars that numba compiles."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import sympy as sp
from sympy.printing.pycode import PythonCodePrinter

from pdekit.kernels.plan import NotCompiled


class _Printer(PythonCodePrinter):
    """Scalar code that numba compiles."""

    _functions: ClassVar = {
        "sin": "np.sin", "cos": "np.cos", "tan": "np.tan", "asin": "np.arcsin", "acos": "np.arccos", "atan": "np.arctan",
        "sinh": "np.sinh", "cosh": "np.cosh", "tanh": "np.tanh", "asinh": "np.arcsinh", "acosh": "np.arccosh",
        "atanh": "np.arctanh", "exp": "np.exp", "log": "np.log", "Abs": "abs", "sign": "np.sign", "floor": "np.floor",
        "ceiling": "np.ceil", "conjugate": "np.conj", "re": "np.real", "im": "np.imag", "atan2": "np.arctan2",
        "erf": "math.erf", "erfc": "math.erfc", "gamma": "math.gamma",
    }  # fmt: skip

    def __init__(self, single: bool) -> None:
        super().__init__({"fully_qualified_modules": False})
        self.single = single

    def number(self, value: float) -> str:
        """A number in the precision of the states: one in double would make all that it meets double."""
        return f"real({value!r})" if self.single else repr(value)

    def _print_Function(self, expression: Any) -> str:
        name = type(expression).__name__
        if name not in self._functions:
            raise NotCompiled(f"{name} is not among the functions of the kernels")
        return f"{self._functions[name]}({', '.join(self._print(a) for a in expression.args)})"

    def _print_Heaviside(self, expression: Any) -> str:
        a, middle = (self._print(v) for v in (expression.args[0], expression.args[1]))
        one, zero = self.number(1.0), self.number(0.0)
        return f"({one} if {a} > {zero} else ({middle} if {a} == {zero} else {zero}))"

    def _print_Pow(self, expression: Any, rational: bool = False) -> str:
        base, exponent = expression.args
        text, one = self._print(base), self.number(1.0)
        if exponent.is_Integer and 1 < abs(int(exponent)) <= 4 and base.is_Atom:
            product = "*".join([text] * abs(int(exponent)))
            return f"({product})" if exponent > 0 else f"({one}/({product}))"
        if exponent == sp.Rational(1, 2):
            return f"np.sqrt({text})"
        if exponent == -1:
            return f"({one}/({text}))"
        return f"(({text})**({self._print(exponent)}))"

    def _print_Rational(self, expression: Any) -> str:
        return f"({self.number(float(expression))})"

    def _print_Integer(self, expression: Any) -> str:
        return self.number(float(expression))

    def _print_Float(self, expression: Any) -> str:
        return self.number(float(expression))

    def _print_NumberSymbol(self, expression: Any) -> str:
        return self.number(float(expression))

    _print_Pi = _print_NumberSymbol  # noqa: N815
    _print_Exp1 = _print_NumberSymbol  # noqa: N815

    def _print_ImaginaryUnit(self, expression: Any) -> str:
        return "np.complex64(1j)" if self.single else "1j"


for _name in _Printer._functions:  # SymPy's printer has methods of its own for some of them
    setattr(_Printer, f"_print_{_name}", _Printer._print_Function)


def code(expression: Any, single: bool = False) -> str:
    """An expression as code for scalars, in double or single precision."""
    text = str(_Printer(single).doprint(expression))
    unknown = set(re.findall(r"([A-Za-z_][\w.]*)\(", text)) - {
        *_Printer._functions.values(),
        "np.sqrt",
        "np.complex64",
        "real",
        "uintp",
        "if",
        "else",
    }
    if unknown:
        raise NotCompiled(f"{', '.join(sorted(unknown))} is not among the functions of the kernels")
    return text
