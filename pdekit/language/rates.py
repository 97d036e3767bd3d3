"""Time derivatives of unknowns: their names, and equations in which they are differentiated in space.

``u_t - u_xxt = F(u)`` is ``P(u_t) = F(u)`` with an operator P on rates, linear and constant in time: discretized it is the matrix M of
``M y' = F``. Examples are the equations of Benjamin, Bona and Mahony (waves), of Love (rods) and pseudo-parabolic ones.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import sympy as sp

from pdekit.errors import ExpressionError
from pdekit.language.evaluate import slope
from pdekit.language.symbols import SpatialDerivative
from pdekit.typing import Expression

HIGHEST = 8  # time derivative that an equation may have
_RATE = re.compile(r"^([A-Za-z]\w*?)_(t+)$")


def rate_name(name: str, times: int = 1) -> str:
    """The name of a time derivative of an unknown.

    Examples
    --------
    >>> rate_name("u"), rate_name("u", 3)
    ('u_t', 'u_ttt')
    """
    return f"{name}_{'t' * times}" if times else name


def named_rate(name: str) -> tuple[str, int] | None:
    """Of which unknown a name is the time derivative, and which one; None if it is not the name of one.

    Examples
    --------
    >>> named_rate("u_tt"), named_rate("u_xx")
    (('u', 2), None)
    """
    found = _RATE.match(name)
    return None if found is None else (found.group(1), len(found.group(2)))


def differentiated_rates(rhs: Mapping[str, Any], rates: Collection[Any]) -> set[Any]:
    """Those of the rates that are differentiated in space somewhere."""
    return {
        rate
        for expression in rhs.values()
        for atom in expression.atoms(SpatialDerivative)
        if atom.is_field
        for rate in atom.free_symbols & set(rates)
    }


def split_rates(
    name: str, rhs: Expression, rate: Any, rates: Collection[Any], changing: Collection[Any]
) -> tuple[Any, Any]:
    """The operator P and F of an equation ``u_t = rhs``, as ``P(u_t, v_t, ...) = F``.

    Parameters
    ----------
    name : str
        Of the unknown.
    rhs : expression
        Solved for `rate`; it may hold rates and their derivatives, linearly.
    rate : Symbol
        The rate of the unknown.
    rates : collection of Symbol
        Those of all unknowns.
    changing : collection of Symbol
        What coefficients of rates must not contain: states and t.

    Raises
    ------
    ExpressionError
        Rates do not stand linearly, or with coefficients that change.

    Examples
    --------
    >>> from pdekit.language.symbols import Diff
    >>> u, u_t, x = sp.symbols("u u_t x")
    >>> split_rates("u", Diff(u_t, x, 2) - u * Diff(u, x, 1), u_t, [u_t], [u])
    (u_t - Diff(u_t, x, 2), -u*Diff(u, x, 1))
    """
    operator, rest, known = rate, sp.Integer(0), set(rates)
    for term in sp.Add.make_args(sp.expand_mul(rhs)):
        if not term.free_symbols & known:
            rest += term
            continue
        of_rates = [f for f in sp.Mul.make_args(term) if f.free_symbols & known]
        if len(of_rates) != 1 or not _is_linear(of_rates[0], known, changing) or _changes(term / of_rates[0], changing):
            raise ExpressionError(
                f"{term} in the equation of {name!r}: time derivatives that are differentiated in space must stand linearly, with "
                "coefficients that depend on the coordinates and parameters only; make a factor of them an unknown of its own"
            )
        operator -= term
    return operator, rest


def _changes(coefficient: Expression, changing: Collection[Any]) -> bool:
    return bool(coefficient.free_symbols & set(changing))


def _is_linear(factor: Any, rates: set[Any], changing: Collection[Any]) -> bool:
    """Whether a factor is a rate, or a linear derivative of rates."""
    if factor in rates:
        return True
    if not isinstance(factor, SpatialDerivative) or not factor.is_field or not factor.is_linear:
        return False
    if factor.operand.has(SpatialDerivative):
        return False
    slopes = [slope(factor.operand, rate) for rate in factor.operand.free_symbols & rates]
    return not any(_changes(part, {*changing, *rates}) for part in (*slopes, factor.factor_in_front))
