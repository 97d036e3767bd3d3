"""How large an expression may become: beyond these bounds symbols cost minutes and gigabytes, whatever the text's length."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import sympy as sp

from pdekit.errors import ExpressionError
from pdekit.typing import Expression

MOST_PARTS = 50_000  # operations, names and numbers, shared parts as often as they stand there
MOST_LOGIC = 2_000  # parts of comparisons: where, min and max in the conditions of others multiply
DEEPEST_CALLS = 16
# SymPy splits arguments of these into real and imaginary parts, which takes twenty times as long for every one that stands inside.
DEEPEST_HYPERBOLIC = 2
MOST_BITS = 4_096  # of numerator and denominator of an exact number
_HYPERBOLIC = (sp.sinh, sp.cosh, sp.tanh, sp.asinh, sp.acosh, sp.atanh)
REMEMBERED = 20_000


@dataclass(frozen=True)
class ExpressionSize:
    """The size of an expression.

    Parameters
    ----------
    parts : int
        Operations, names and numbers, as if nothing was shared.
    calls, hyperbolic : int
        How many functions, and hyperbolic functions, stand in one another.
    bits : int
        Of the largest exact number.
    logic : int
        Parts of comparisons.
    """

    parts: int
    calls: int
    hyperbolic: int
    bits: int
    logic: int


@functools.lru_cache(maxsize=REMEMBERED)
def size_of(expression: Expression) -> ExpressionSize:
    """Measure an expression.

    Examples
    --------
    >>> x = sp.Symbol("x")
    >>> size_of(sp.tanh(sp.sin(x) + 1024))
    ExpressionSize(parts=5, calls=2, hyperbolic=1, bits=11, logic=0)
    """
    if isinstance(expression, sp.Rational):
        return ExpressionSize(1, 0, 0, max(abs(expression.p).bit_length(), expression.q.bit_length()), 0)
    inner = [size_of(argument) for argument in expression.args]
    parts = 1 + sum(e.parts for e in inner)
    return ExpressionSize(
        parts,
        max((e.calls for e in inner), default=0) + isinstance(expression, sp.Function),
        max((e.hyperbolic for e in inner), default=0) + isinstance(expression, _HYPERBOLIC),
        max((e.bits for e in inner), default=0),
        parts
        if isinstance(expression, sp.logic.boolalg.Boolean | sp.core.relational.Relational) and inner
        else sum(e.logic for e in inner),
    )


def refuse_boundless(expression: Any) -> None:
    """Refuse what is too large to be worked with.

    Raises
    ------
    ExpressionError
        Too many parts, functions nested too deeply, or numbers of too many digits.
    """
    if not isinstance(expression, sp.Basic):
        return
    found = size_of(expression)
    if found.bits > MOST_BITS:
        raise ExpressionError(f"a number of {found.bits} bits is too large; at most {MOST_BITS} are allowed")
    if found.parts > MOST_PARTS:
        raise ExpressionError(
            f"the expression has {_counted(found.parts)} parts once all names are resolved; at most {MOST_PARTS:,} are allowed"
        )
    if found.logic > MOST_LOGIC:
        raise ExpressionError(
            f"the comparisons have {_counted(found.logic)} parts once all names are resolved; at most {MOST_LOGIC:,} are allowed"
        )
    if found.calls > DEEPEST_CALLS:
        raise ExpressionError(f"{found.calls} functions stand in one another; at most {DEEPEST_CALLS} are allowed")
    if found.hyperbolic > DEEPEST_HYPERBOLIC:
        raise ExpressionError(
            f"{found.hyperbolic} hyperbolic functions stand in one another; at most {DEEPEST_HYPERBOLIC} are allowed"
        )


def _counted(parts: int) -> str:
    return f"{parts:,}" if parts < 10**12 else "far too many"
