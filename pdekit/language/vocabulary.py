"""The words of the language: functions of numbers and named constants. To add a function, add a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

_HALF = sp.Rational(1, 2)


def _where(condition: Any, yes: Any, no: Any) -> Any:
    return sp.Piecewise((yes, condition), (no, True))


def _fold(choose: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def function(first: Any, *others: Any) -> Any:
        for other in others:
            first = choose(first, other)
        return first

    return function


# name -> (function of sympy expressions, least and greatest number of arguments)
FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    **{
        name: (getattr(sp, name), 1, 1)
        for name in (
            [
                "sin",
                "cos",
                "tan",
                "asin",
                "acos",
                "atan",
                "sinh",
                "cosh",
                "tanh",
                "asinh",
                "acosh",
                "atanh",
                "exp",
                "log",
                "sqrt",
                "erf",
                "erfc",
                "sign",
                "gamma",
            ]
        )
    },
    "abs": (sp.Abs, 1, 1),
    "log10": (lambda a: sp.log(a) / sp.log(10), 1, 1),
    "atan2": (sp.atan2, 2, 2),
    "floor": (sp.floor, 1, 1),
    "ceil": (sp.ceiling, 1, 1),
    "besselj": (sp.besselj, 2, 2),
    "conj": (sp.conjugate, 1, 1),
    "real": (sp.re, 1, 1),
    "imag": (sp.im, 1, 1),
    "where": (_where, 3, 3),
    "heaviside": (lambda a, middle=_HALF: sp.Heaviside(a, middle), 1, 2),
    "step": (lambda a: sp.Heaviside(a, 1), 1, 1),
    "min": (_fold(lambda a, b: sp.Piecewise((a, a < b), (b, True))), 2, 20),
    "max": (_fold(lambda a, b: sp.Piecewise((a, a > b), (b, True))), 2, 20),
}

CONSTANTS: dict[str, Any] = {"pi": sp.pi, "e": sp.E, "I": sp.I}

# Words that build derivatives; their meaning is in pdekit.language.parser.
CALCULUS = ("d", "laplace", "grad", "div", "curl", "dot", "biharmonic")
RESERVED = frozenset({*FUNCTIONS, *CONSTANTS, *CALCULUS, "t", "noise"})
FIXED = frozenset({"t", "pi", "noise"})  # other names may be given a meaning of their own, which shadows this one
