"""Manufactured solutions: an exact solution for any equations, by adding the source that makes it one.

Choose a smooth u*, insert it into the equations, and what is left over is the source term with which u* is the exact
solution; boundary data and initial state follow from u* as well.

P. J. Roache, *Code verification by the method of manufactured solutions*, J. Fluids Eng. 124 (2002) 4-10.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from pdekit.boundary.conditions import DOMAIN, SIDES, BoundaryCondition, FaceConditions, Outflow, Pole, Side
from pdekit.errors import SolverError
from pdekit.features import Use
from pdekit.geometry.grid import Field, Grid
from pdekit.language.equation_system import EquationSystem, Unknown
from pdekit.language.parser import Scope, parse
from pdekit.language.symbols import lower
from pdekit.problem import Problem

MANUFACTURED = Use(
    "manufactured solutions",
    {
        "function": "a manufactured solution needs equations in symbols, not {words}",
        "samples": "a manufactured solution has no chance in it; leave the samples out",
        "noise": "a manufactured solution would not be the mean of what noise makes; study it against its own path",
        "delays": "no solution is manufactured for equations with delays; study them against an exact one, or against themselves",
        "scalars": "manufactured solutions are fields, and there are {words}; study it against an exact solution, or against itself",
        "reductions": "{words} are not known of manufactured solutions; study it against an exact solution, or against itself",
        "constraints": "a manufactured solution would break the constraints; study it against itself",
        "projections": "a manufactured solution would be changed by the projections; study it against itself",
        "interfaces": "a manufactured solution would not jump at the interfaces; study it against itself",
        "regions": "a manufactured solution would have to be split among the regions; study it against itself",
        "layers": "a manufactured solution would have to be damped by the absorbing layers; study it against itself",
    },
    (
        "complex", "rates_in_space", "higher_rates", "limited", "domain", "stop", "single",
        "derived",
    ),
)  # fmt: skip


def manufactured_field(grid: Grid, t: Any, scale: float, number: int, is_complex: bool) -> Any:
    """A smooth positive function without symmetries, periodic along periodic axes, decaying in time.

    Parameters
    ----------
    grid : Grid
    t : Symbol
    scale : float
        Time in which it decays.
    number : int
        Different numbers give different functions.
    is_complex : bool
        Give it a complex phase.
    """
    shape = _waves(grid, number) if grid.geometry is None else _smooth_at_poles(grid, number)
    decay = sp.exp(-t / sp.nsimplify(scale))
    field = sp.Rational(3, 2) + sp.Rational(number, 4) + sp.Rational(1, 2) * shape * decay
    return field * sp.exp(sp.I * sp.Rational(3, 10)) if is_complex else field


def _waves(grid: Grid, number: int) -> Any:
    """A product of waves along the axes, a whole number of them along periodic ones."""
    shape: Any = sp.Integer(1)
    for k, (name, axis) in enumerate(zip(grid.names, grid.axes)):
        s = (sp.Symbol(name) - sp.nsimplify(axis.left)) / sp.nsimplify(axis.length)
        phase = sp.Rational(3 + 2 * k + number, 10)
        rate = 2 * sp.pi if axis.periodic else sp.Rational(13 + 2 * number, 8)
        shape *= sp.cos(rate * s + phase)
    return shape


def _smooth_at_poles(grid: Grid, number: int) -> Any:
    """A wave through the Cartesian coordinates of the points, which alone makes a function smooth at a pole."""
    assert grid.geometry is not None
    turns = {name: round(float(2 * sp.pi / axis.length)) for name, axis in zip(grid.names, grid.axes) if axis.periodic}
    phase: Any = sp.Rational(3 + number, 10)
    for k, part in enumerate(_cartesian(grid, turns)):
        phase += sp.Rational(11 + 3 * k + 2 * number, 8) * part
    return sp.cos(phase)


def _cartesian(grid: Grid, turns: dict[str, int]) -> list[Any]:
    """Smooth functions of position: Cartesian coordinates, squares or powers where a symmetry leaves no more."""
    q = {name: sp.Symbol(name) for name in grid.names}
    size = next((axis.right for name, axis in zip(grid.names, grid.axes) if name == "r"), 1.0)
    r = q["r"] / sp.nsimplify(size) if "r" in q else sp.Integer(1)
    spherical = grid.system == "spherical"
    angle = next((n for n in ("phi", "theta") if n in q and not (spherical and n == "theta")), None)
    if spherical and "theta" in q:
        rho, rest = r * sp.sin(q["theta"]), [r * sp.cos(q["theta"])]
    else:
        rho, rest = r, ([q["z"]] if "z" in q else [])
    if angle is None:
        return [rho**2, *rest]
    m = turns.get(angle, 1)
    return [rho**m * sp.cos(m * q[angle]), rho**m * sp.sin(m * q[angle]) + rho**2, *rest]


def demanded_data(
    u: Any,
    condition: BoundaryCondition,
    axis: str,
    side: str,
    system: EquationSystem,
    normal: Sequence[Any] | None = None,
) -> tuple[Any, Any]:
    """The data with which a known function u satisfies a condition, and those that it has, where they are symbols (else zero).

    `normal`, on the boundary of a domain: the components of the normal in symbols, None where they are not known.
    """
    sign = -1 if side == "left" else 1
    x = sp.Symbol(axis)
    names = Scope({**system.known, **{str(s): s for s in (*system.axes, system.t, *system.parameters, *system.states)}})

    def symbols(value: Any) -> Any:
        if isinstance(value, sp.Expr):
            return value
        if isinstance(value, np.ndarray | Field) or callable(value):
            raise SolverError(
                f"a coefficient of the condition at {axis}.{side} is no text: no solution can be manufactured"
            )
        return parse(value, names) if isinstance(value, str) else sp.nsimplify(value)

    a = [symbols(v) for v in condition.coefficients]
    if axis == DOMAIN:
        needed = sp.Add(*(a_k * _along_normal(u, system, normal, k) for k, a_k in enumerate(a)))
    else:
        needed = sp.Add(*(a_k * sign**k * sp.diff(u, x, k) for k, a_k in enumerate(a)))
    scalar = isinstance(condition.value, str | sp.Expr | int | float)
    return needed, symbols(condition.value) if scalar else sp.Integer(0)


def _along_normal(u: Any, system: EquationSystem, normal: Sequence[Any] | None, k: int) -> Any:
    if k == 0:
        return u
    if normal is None:
        raise SolverError(
            "the normal of a domain that is a mask is not known in symbols: give an exact solution", key="exact"
        )
    return sp.Add(*(n * sp.diff(u, x) for n, x in zip(normal, system.axes)))


def _on_domain(u: Any, pair: FaceConditions, problem: Problem, fields: Mapping[Any, Any]) -> BoundaryCondition:
    """The condition on the boundary of the domain with the data that u needs there."""
    (condition,) = pair.left
    value = _boundary_value(u, condition, DOMAIN, "left", problem.system, fields, problem.grid.normal)
    return BoundaryCondition(condition.coefficients, value)


def _boundary_value(
    u: Any,
    condition: BoundaryCondition,
    axis: str,
    side: str,
    system: EquationSystem,
    fields: Mapping[Any, Any],
    normal: Sequence[Any] | None = None,
) -> Any:
    """The data with which a known function u satisfies a condition; what of them depends on the solution stays."""
    needed, given = demanded_data(u, condition, axis, side, system, normal)
    if not given.free_symbols & set(system.states):
        return needed
    return given + needed - given.xreplace(dict(fields))


def manufactured(problem: Problem) -> Problem:
    """The same equations, grid and kinds of conditions, with sources and data that make a known function exact.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    Problem
        With `exact` set.

    Raises
    ------
    SolverError
        The right-hand side is a Python function, or coefficients jump, so that no smooth solution exists.

    Examples
    --------
    >>> import pdekit as pk
    >>> problem = pk.Problem(pk.PDE("u_t = u_xx - u**3"), pk.Grid(x=pk.Axis(0, 1, 21)), initial={"u": "x"},
    ...                      boundary={"u": {"x": pk.Neumann(0)}})
    >>> known = manufactured(problem)
    >>> bool(known.solve(t_end=0.1).error("u") < 1e-3)
    True
    """
    MANUFACTURED.refuse(problem, key="convergence.against")
    system = problem.system
    jumps = (sp.Piecewise, sp.Heaviside, sp.floor, sp.ceiling, sp.sign)
    if any(u.rhs.has(*jumps) for u in system.unknowns):
        raise SolverError(
            "the equations contain jumps (where, heaviside, step, ...), so no smooth solution can be manufactured"
        )
    span = (problem.time.end or 1.0) - problem.time.start
    fields: dict[Any, Any] = {}
    for number, unknown in enumerate(system.unknowns):
        t = sp.Integer(0) if problem.steady else system.t
        if unknown.derived_from:
            fields |= _rates(unknown, sp.diff(fields[sp.Symbol(unknown.derived_from)], t, 2), t)
            continue
        u = manufactured_field(problem.grid, t, max(span, 1e-6), number, problem.is_complex)
        odd = {axis for axis, pair in problem.conditions[unknown.name].items() if pair.parity == -1}
        u = u * _odd_factor(problem.grid, odd) if odd else u
        fields |= _rates(unknown, u, system.t)
    waiting = dict(system.definitions)
    while waiting:  # a definition after those that it uses
        symbol = next(s for s, e in waiting.items() if not e.free_symbols & (set(waiting) - {s}))
        fields[symbol] = lower(waiting.pop(symbol), fields)
    sources: dict[str, Any] = {}
    initial: dict[str, Any] = {}
    exact: dict[str, Any] = {}
    for unknown in system.unknowns:
        initial |= {name: fields[sp.Symbol(name)] for name in unknown.states}
        given_name = system.origin(unknown).name
        exact[given_name] = fields[sp.Symbol(given_name)]
        if unknown.is_last:
            left: Any = sp.Integer(0)
            if unknown.time_order:
                left = lower(unknown.highest_rate if unknown.on_rates is None else unknown.on_rates, fields)
            sources[given_name] = left - lower(unknown.rhs, fields)
    named = {str(symbol): expression for symbol, expression in fields.items()}
    boundary = {
        name: {
            axis: {side: _faces(named[name], pair, problem.grid, axis, side, system, fields) for side in SIDES}
            if axis != DOMAIN
            else _on_domain(named[name], pair, problem, fields)
            for axis, pair in faces.items()
        }
        for name, faces in problem.conditions.items()
    }
    given = problem.pde.sources
    pde = problem.pde.replace(sources={n: (*_terms(given.get(n, ())), s) for n, s in sources.items()})
    return problem.replace(
        pde=pde, initial=initial, boundary=boundary, exact=exact, title=f"{problem.title} (manufactured)", units={}
    )


def _rates(unknown: Unknown, u: Any, t: Any) -> dict[Any, Any]:
    """An unknown and its time derivatives as given functions."""
    times = range(max(unknown.time_order, 1) + 1)
    return {sp.Symbol(unknown.rate_name(k)) if k else unknown.symbol: sp.diff(u, t, k) for k in times}


def _terms(source: Any) -> tuple[Any, ...]:
    return source if isinstance(source, tuple) else (source,)


def _odd_factor(grid: Grid, odd: Collection[str]) -> Any:
    """A function that changes its sign across the poles of some axes, and times a unit vector is a smooth vector.

    In the plane ``r^2 cos(phi) e_r = x (x, y)``; in space ``r e_r``, ``r sin(theta) e_phi = (-y, x, 0)`` and
    ``r^2 sin(theta) e_theta = (x z, y z, -x^2 - y^2)``.
    """
    q = {name: sp.Symbol(name) for name in grid.names}
    if grid.system == "spherical":
        height = sp.sin(q["theta"]) if "theta" in odd else sp.Integer(1)
        return height * (q["r"] ** (1 if "r" in odd else 2) if "r" in q else 1)
    angle = next((name for name in ("phi", "theta") if name in q), None)
    return q["r"] ** 2 * sp.cos(q[angle]) if angle else q["r"]


def _faces(
    u: Any, pair: FaceConditions, grid: Grid, axis: str, side: Side, system: EquationSystem, fields: Mapping[Any, Any]
) -> Any:
    conditions = pair[side]
    if side in grid.poles(axis):
        return Pole("odd" if pair.parity == -1 else "even")
    if not conditions:
        return Outflow()
    return [BoundaryCondition(c.coefficients, _boundary_value(u, c, axis, side, system, fields)) for c in conditions]
