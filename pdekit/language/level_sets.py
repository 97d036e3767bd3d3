"""Regions said by inequalities, as functions that are positive inside, zero on the boundary and negative outside."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.core.relational import Relational

from pdekit.errors import ExpressionError
from pdekit.typing import Expression

FORM = "expected an inequality in the coordinates, such as (x - 0.5)**2 + y**2 > 0.04, or several joined by and, or"


def level_set(region: Any) -> Expression:
    """The level-set function of a region.

    Parameters
    ----------
    region : sympy boolean
        An inequality, or several joined by and, or, not.

    Returns
    -------
    sympy expression
        The difference of both sides; of intersections the least, of unions the greatest.

    Raises
    ------
    ExpressionError
        It is no inequality, or an equation.

    Examples
    --------
    >>> x, y = sp.symbols("x y")
    >>> level_set((x < 1) & (y > x))
    Min(1 - x, -x + y)
    """
    if isinstance(region, sp.And | sp.Or):
        join = sp.Min if isinstance(region, sp.And) else sp.Max
        return join(*(level_set(part) for part in region.args))
    if isinstance(region, sp.Not):
        return -level_set(region.args[0])
    if region in (sp.true, sp.false):
        return sp.Integer(1 if region == sp.true else -1)
    if isinstance(region, Relational) and not isinstance(region, sp.Eq | sp.Ne):
        return region.gts - region.lts
    raise ExpressionError(FORM)
