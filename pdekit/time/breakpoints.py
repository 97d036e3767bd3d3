"""The times at which a right-hand side jumps: found from the symbols, so that no step goes over a pulse of heating.

A jump stands at the change of a comparison of t and parameters, inside ``where``, ``heaviside``, ``step``, ``sign``, ``min``,
``max``, ``floor`` and ``ceil``; and delays bring every jump back, and the start. Linear ones are solved; others are looked for on a fine net of times, and found by Brent's method.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import sympy as sp

from pdekit.discretize.system import SemiDiscrete
from pdekit.language.data_functions import DataFunction
from pdekit.language.delayed_systems import delays_of
from pdekit.language.evaluate import compile_expression
from pdekit.typing import Expression

NET = 20_001  # times that are looked at
MOST = 100_000
SEEN = 6  # derivatives whose jumps a step, and the record of the past, would notice


def breakpoints(system: SemiDiscrete, start: float, end: float) -> list[float]:
    """Times between start and end at which right-hand sides or boundary data jump, in order.

    Examples
    --------
    >>> import pdekit as pk
    >>> heat = pk.PDE("u_t = u_xx + where(t > 2, 1, 0)*where(t < 2.5, 1, 0) + heaviside(sin(pi*t))")
    >>> rod = pk.Problem(heat, pk.Grid(x=pk.Axis(0, 1, 9)), initial={"u": 0}, boundary={"u": {"x": pk.Neumann(0)}})
    >>> [round(t, 12) for t in breakpoints(rod.semidiscrete, 0.5, 3.5)]
    [1.0, 2.0, 2.5, 3.0]
    """
    t, values = system.system.t, system.system.parameters
    found: set[float] = set()
    for switch in {s for e in time_expressions(system) for s in switches(e, t)}:
        if switch.free_symbols <= {t, *values}:
            found.update(_roots(switch, t, values, start, end))
    for function in {f for e in time_expressions(system) for f in e.atoms(DataFunction)}:
        found.update(function.kinks)
    delays = {type(field).delay for field in delays_of(system.system)}
    if delays:
        found = _delayed_too({start, *found}, delays, end)
    close = 1e-12 * max(abs(start), abs(end), end - start)
    inside = sorted(x for x in found if start + close < x < end - close)
    return [x for i, x in enumerate(inside) if i == 0 or x - inside[i - 1] > close][:MOST]


def _delayed_too(jumps: set[float], delays: set[float], end: float) -> set[float]:
    """Jumps, and the times at which delays bring them back: every time in a derivative of one order more, which steps see up to a certain order."""
    found, latest = set(jumps), jumps
    for _ in range(SEEN):
        latest = {t + delay for t in latest for delay in delays if t + delay < end}
        found |= latest
        if len(found) > MOST:
            break
    return found


def time_expressions(system: SemiDiscrete) -> Iterator[Any]:
    """All that may hold t: right-hand sides, and data of conditions."""
    yield from system.system.expressions
    for conditions in system.conditions.values():
        for data in conditions.data.values():
            if data.expression is not None:
                yield data.expression


def switches(expression: Expression, t: Any) -> set[Any]:
    """Expressions of t whose change of sign is a jump."""
    found: set[Any] = set()
    for part in expression.atoms(sp.Piecewise, sp.Heaviside, sp.sign, sp.floor, sp.ceiling, sp.Min, sp.Max):
        if not part.has(t):
            continue
        if isinstance(part, sp.Piecewise):
            for _, condition in part.args:
                found |= {r.lhs - r.rhs for r in condition.atoms(sp.core.relational.Relational) if r.has(t)}
        elif isinstance(part, sp.floor | sp.ceiling):
            found.add(sp.sin(sp.pi * part.args[0]))
        elif isinstance(part, sp.Heaviside | sp.sign):
            found.add(part.args[0])
    return {s for s in found if s.has(t)}


def _roots(switch: Expression, t: Any, values: Any, start: float, end: float) -> list[float]:
    """Zeros of an expression of t."""
    numbers = {s: sp.Float(v) if isinstance(v, float) else sp.sympify(v) for s, v in values.items()}
    body = switch.subs(numbers)
    if body.is_polynomial(t) and sp.degree(body, t) == 1:
        return [float(sp.solve(body, t)[0])]
    from scipy.optimize import brentq

    function = compile_expression(body, [t])
    net = np.linspace(start, end, NET)
    with np.errstate(all="ignore"):
        seen = np.broadcast_to(np.asarray(function(net), dtype=complex).real, net.shape)
    changes = np.flatnonzero(np.sign(seen[1:]) * np.sign(seen[:-1]) < 0)
    exact = net[seen == 0] if np.count_nonzero(seen == 0) < NET // 10 else net[:0]
    inner = [brentq(lambda x: float(np.real(function(x))), net[i], net[i + 1], xtol=1e-14, rtol=1e-14) for i in changes]
    return [float(x) for x in (*exact, *inner)]
