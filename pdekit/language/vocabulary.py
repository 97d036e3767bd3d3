"""The words of the language: functions of numbers and named constants. To add a function, add a line."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import sympy as sp

from pdekit.errors import ExpressionError
from pdekit.typing import Expression

_HALF = sp.Rational(1, 2)
MOST_EXTREMES = 6  # arguments of min and max: the slopes of six take a second, of eight a minute


def _where(condition: Expression, yes: Any, no: Any) -> Any:
    return sp.Piecewise((yes, condition), (no, True))


def _mod(a: Any, b: Any) -> Any:
    """What is left of a beside whole multiples of b, of the sign of b."""
    if b == 0:
        raise ExpressionError("mod(a, b) divides by zero")  # SymPy makes it a
    return a - b * sp.floor(a / b)


def _atan2(y: Any, x: Any) -> Any:
    """Of numbers that are no fractions by their values: SymPy looks for closed forms, and does not always end."""
    if not (y.is_number and x.is_number) or (y.is_Rational and x.is_Rational):
        return sp.atan2(y, x)
    a, b = complex(y), complex(x)
    if a.imag or b.imag:
        raise ExpressionError(f"atan2(y, x) takes real numbers, found {y} and {x}")
    return sp.Float(math.atan2(a.real, b.real))


def _interp(a: Any, *points: Any) -> Any:
    """The broken line through points x_0, y_0, x_1, y_1, ...; constant beyond its ends."""
    if len(points) % 2:
        raise ExpressionError(
            f"interp(a, x_0, y_0, x_1, y_1, ...) takes pairs of numbers after a, found {len(points)} numbers"
        )
    x, y = points[::2], points[1::2]
    if not all(b.is_number and a.is_number and b > a for a, b in pairwise(x)):
        raise ExpressionError(f"the places of interp() must be increasing numbers, found {', '.join(map(str, x))}")
    lines = [(y0 + (y1 - y0) * (a - x0) / (x1 - x0), a < x1) for (x0, y0), (x1, y1) in pairwise(zip(x, y, strict=True))]
    return sp.Piecewise((y[0], a < x[0]), *lines, (y[-1], True))


def compared(relation: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    """An order of two expressions; of sums on both sides that of their difference with zero, in which what both hold cancels.

    Of ``a + c < b + c`` SymPy goes from one form to the other and back without an end.

    Examples
    --------
    >>> x, y, z = sp.symbols("x y z")
    >>> compared(sp.Lt, x + z, y + z), compared(sp.Lt, x, y)
    (x - y < 0, x < y)
    """
    return relation(a - b, 0) if a.is_Add and b.is_Add else relation(a, b)


def _extreme(ahead: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """The first argument that is ahead of all that follow it."""

    def function(*given: Any) -> Any:
        if any(a.has(sp.I) and not a.is_extended_real for a in given):
            raise ExpressionError("complex numbers have no least and no greatest; take those of abs, real or imag")
        cases = [(a, sp.And(*(compared(ahead, a, b) for b in given[k:]))) for k, a in enumerate(given[:-1], 1)]
        return sp.Piecewise(*cases, (given[-1], True))

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
    "sech": (lambda a: 1 / sp.cosh(a), 1, 1),
    "csch": (lambda a: 1 / sp.sinh(a), 1, 1),
    "coth": (lambda a: sp.cosh(a) / sp.sinh(a), 1, 1),
    "mod": (_mod, 2, 2),
    "interp": (_interp, 5, 401),
    "log10": (lambda a: sp.log(a) / sp.log(10), 1, 1),
    "atan2": (_atan2, 2, 2),
    "floor": (sp.floor, 1, 1),
    "ceil": (sp.ceiling, 1, 1),
    "besselj": (sp.besselj, 2, 2),
    "conj": (sp.conjugate, 1, 1),
    "real": (sp.re, 1, 1),
    "imag": (sp.im, 1, 1),
    "where": (_where, 3, 3),
    "heaviside": (lambda a, middle=_HALF: sp.Heaviside(a, middle), 1, 2),
    "step": (lambda a: sp.Heaviside(a, 1), 1, 1),
    "min": (_extreme(sp.Lt), 2, MOST_EXTREMES),
    "max": (_extreme(sp.Gt), 2, MOST_EXTREMES),
}

CONSTANTS: dict[str, Any] = {"pi": sp.pi, "e": sp.E, "I": sp.I}

# Words that build derivatives; their meaning is in pdekit.language.parser.
INTEGRAL = "integral"  # integral(expression, s): the expression holds u(s)
FACE = "face"  # face(expression, axis, left or right)
SUM = "sum"  # sum(expression, k, from, to); in pdekit.language.parser
CALCULUS = ("d", "laplace", "grad", "div", "curl", "dot", "biharmonic")
RESERVED = frozenset({SUM, *FUNCTIONS, *CONSTANTS, *CALCULUS, "t", "noise", "uniform_noise"})
FIXED = frozenset({"t", "pi", "noise"})  # other names may be given a meaning of their own, which shadows this one
