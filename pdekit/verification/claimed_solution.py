"""A claimed exact solution, put into the equations and conditions of its problem before anything is computed.

Derivatives are those of the symbols; what is left over is evaluated at random points. A wrong claim is then told as what it is, and not
found as an order that is missed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from pdekit.boundary.conditions import DOMAIN, SIDES
from pdekit.errors import PdekitError
from pdekit.geometry.domain_grid import DomainGrid
from pdekit.geometry.grid import Grid
from pdekit.geometry.regions import Region
from pdekit.language.delayed_systems import delays_of
from pdekit.language.equation_system import Unknown
from pdekit.language.evaluate import compile_expression
from pdekit.language.sampling import parse_sampled
from pdekit.language.symbols import lower
from pdekit.problem import Problem
from pdekit.verification.manufactured import demanded_data

LARGEST = 1e-6  # of a residual, beside the terms that it is the sum of
POINTS = 60
MOMENTS = (0.31, 0.62, 0.93)  # of the time span
MARGIN = 0.02  # of an axis: exact solutions may be singular at its ends


@dataclass(frozen=True)
class Residual:
    """What a claimed solution leaves over of one demand.

    Parameters
    ----------
    demand : str
        ``equation of u``, ``condition of u at x.left``.
    size : float
        The greatest residual, beside the greatest sum of the moduli of its terms.
    where : str
        Where it is greatest.
    """

    demand: str
    size: float
    where: str

    @property
    def vanishes(self) -> bool:
        """Whether it is rounding."""
        return self.size <= LARGEST

    def __str__(self) -> str:
        return f"{self.demand}: residual {self.size:.1e}" + ("" if self.vanishes else f" at {self.where}")


@dataclass(frozen=True)
class ClaimCheck:
    """All residuals of a claimed solution, and what could not be checked, with the reason."""

    residuals: tuple[Residual, ...]
    unchecked: tuple[str, ...] = ()

    @property
    def refuted(self) -> tuple[Residual, ...]:
        """The residuals that do not vanish."""
        return tuple(r for r in self.residuals if not r.vanishes)

    def __str__(self) -> str:
        lines = [*map(str, self.residuals), *(f"{text}: not checked" for text in self.unchecked)]
        return "\n".join(f"the claimed solution in the {line}" for line in lines)


def check_claim(problem: Problem) -> ClaimCheck:
    """Put the exact solution that a problem claims into its equations and boundary conditions.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    ClaimCheck

    Examples
    --------
    >>> import pdekit as pk
    >>> rod = pk.Problem(pk.PDE("u_t = u_xx"), pk.Grid(x=pk.Axis(0, 1, 21)), initial={"u": "sin(pi*x)"},
    ...                  boundary={"u": {"x": pk.Dirichlet(0)}}, exact={"u": "exp(-9*t)*sin(pi*x)"})
    >>> print(check_claim(rod).refuted[0].demand)
    equation of u
    """
    return _Claim(problem).check()


class _Claim:
    def __init__(self, problem: Problem) -> None:
        self.problem, self.system = problem, problem.system
        self.residuals: list[Residual] = []
        self.unchecked: list[str] = []
        self.fields: dict[Any, Any] = {}
        self.places = {u.name: _places(problem, _box_of(problem, u.name)) for u in problem.system.unknowns}

    def check(self) -> ClaimCheck:
        has_delays = bool(delays_of(self.system))
        if self.problem.pde.rhs is not None or self.system.noises or has_delays:
            what = "delays" if has_delays else "noise" if self.system.noises else "a Python function as right-hand side"
            return ClaimCheck((), (f"equations, which have {what}",))
        self._insert()
        if not self.fields:
            return ClaimCheck((), ("equations, for it is no formula",))
        for unknown in self.system.unknowns:
            if not unknown.is_last:
                continue
            self._try(f"equation of {unknown.name}", partial(self._equation, unknown))
        for name, faces in self.problem.conditions.items():
            for axis, pair in faces.items():
                for side in SIDES:
                    for number, condition in enumerate(pair[side]):
                        place = "the boundary of the domain" if axis == DOMAIN else f"{axis}.{side}"
                        demand = f"condition of {name} at {place}" + (f", number {number + 1}" if number else "")
                        self._try(demand, partial(self._condition, name, axis, side, condition))
        if self.problem.interfaces:
            self.unchecked.append("jumps at interfaces")
        if self.problem.projections:
            self.unchecked.append("projections")
        return ClaimCheck(tuple(self.residuals), tuple(self.unchecked))

    def _insert(self) -> None:
        """The claimed functions in place of unknowns, rates and definitions."""
        problem, system = self.problem, self.system
        names = [*problem.grid.names, *map(str, system.parameters), "t"]
        for unknown in system.unknowns:
            given = problem.exact.get(unknown.name)
            if unknown.derived_from:
                below = self.fields.get(sp.Symbol(unknown.derived_from))
                claimed = None if below is None else sp.diff(below, system.t, 2)
            else:
                is_formula = isinstance(given, str | sp.Expr)
                claimed = parse_sampled(given, names, system.known) if is_formula else None
            if claimed is not None:
                self.fields[unknown.symbol] = claimed
                for times in range(1, max(unknown.time_order, 1) + 1):
                    self.fields[sp.Symbol(unknown.rate_name(times))] = sp.diff(claimed, system.t, times)
        waiting = dict(system.definitions)
        while ready := [symbol for symbol, expression in waiting.items() if not self._missing(expression)]:
            for symbol in ready:
                self.fields[symbol] = lower(waiting.pop(symbol), self.fields)

    def _missing(self, expression: Any) -> list[str]:
        return sorted(map(str, expression.free_symbols & (set(self.system.states) - set(self.fields))))

    def _try(self, demand: str, residual: Callable[[], tuple[float, str] | str]) -> None:
        try:
            found = residual()
        except (
            PdekitError,
            TypeError,
            NameError,
            ValueError,
            ArithmeticError,
        ) as error:  # SymPy has no derivative, NumPy no function
            found = str(error)
        if isinstance(found, str):
            self.unchecked.append(f"{demand}, for {found}")
        else:
            self.residuals.append(Residual(demand, *found))

    def _equation(self, unknown: Unknown) -> tuple[float, str] | str:
        missing = self._missing(unknown.rhs + unknown.symbol)
        if missing:
            return f"no formula of {', '.join(missing)} is given"
        left: Any = sp.Integer(0)
        if unknown.time_order:
            left = lower(unknown.highest_rate if unknown.on_rates is None else unknown.on_rates, self.fields)
        terms = [left, *(-lower(term, self.fields) for term in sp.Add.make_args(unknown.rhs))]
        places = self.places[unknown.name]
        return self._largest(terms, places, self._greatest(terms, places))

    def _condition(self, name: str, axis: str, side: str, condition: Any) -> tuple[float, str] | str:
        symbol = sp.Symbol(name)
        if self._missing(symbol):
            return f"no formula of {name} is given"
        if not isinstance(condition.value, str | int | float | sp.Expr):
            return "its data are no formula"
        if condition.is_beyond:
            return "it says what comes from beyond the face"
        u = self.fields[symbol]
        demanded = demanded_data(u, condition, axis, side, self.system, self.problem.grid.normal)
        needed, given = (data.xreplace(self.fields) for data in demanded)
        inside = self.places.get(name) or next(iter(self.places.values()))
        scale = max(self._greatest([needed], inside), self._greatest([u], inside))
        if axis == DOMAIN:
            return self._largest([needed, -given], {**inside, **_on_boundary(self.problem.grid)}, scale)
        line = _box_of(self.problem, name)[axis]
        places = {**inside, axis: np.full(inside[axis].shape, line.left if side == "left" else line.right)}
        # Data are often zero: they are so beside what the solution is inside.
        return self._largest([needed, -given], places, scale)

    def _values(self, terms: list[Any], places: dict[str, Any]) -> Any:
        """Of every term at every place."""
        symbols = [*map(sp.Symbol, places), *self.system.parameters]
        values = [*places.values(), *self.system.parameters.values()]
        with np.errstate(all="ignore"):
            return np.array([np.broadcast_to(compile_expression(e, symbols)(*values), (POINTS,)) for e in terms])

    def _greatest(self, terms: list[Any], places: dict[str, Any]) -> float:
        """The greatest sum of moduli at some places."""
        size = np.sum(np.abs(self._values(terms, places)), axis=0)
        return float(np.max(size, where=np.isfinite(size), initial=0.0))

    def _largest(self, terms: list[Any], places: dict[str, Any], scale: float) -> tuple[float, str] | str:
        """The greatest modulus of a sum of terms beside a scale, and where."""
        total = np.abs(self._values(terms, places).sum(axis=0))
        finite = np.isfinite(total)
        if not finite.any():
            return "it is not finite anywhere"
        worst = int(np.argmax(np.where(finite, total, 0.0)))
        names = [name for name in places if not (name == "t" and self.problem.steady)]
        where = ", ".join(f"{name} = {places[name][worst]:.3g}" for name in names)
        return (float(total[worst]) / scale if scale > 0 else float(total[worst])), where


def _box_of(problem: Problem, name: str) -> Grid:
    """The grid on which an unknown lives, all nodes of a domain's box."""
    nodes = problem.nodes_of(name)
    return nodes.own if isinstance(nodes, Region) else nodes


def _places(problem: Problem, grid: Grid) -> dict[str, Any]:
    """Random points inside of the domain, at some times."""
    rng = np.random.default_rng(0)
    start, end = problem.time.start, problem.time.end
    found = {
        name: axis.left + axis.length * rng.uniform(MARGIN, 1 - MARGIN, POINTS)
        for name, axis in zip(grid.names, grid.axes)
    }
    if isinstance(grid, DomainGrid):
        chosen = rng.choice(np.flatnonzero(grid.level > 0), POINTS)
        found = {n: np.broadcast_to(c, grid.shape).ravel()[chosen] for n, c in grid.coordinates.items()}
    moments = np.resize(MOMENTS, POINTS)
    return {**found, "t": start + moments * ((1.0 if end is None else end) - start)}


def _on_boundary(grid: Grid) -> dict[str, Any]:
    """Points of the boundary of a domain, where it crosses steps of the grid."""
    assert isinstance(grid, DomainGrid)
    crossings, own = grid.crossing_points(), grid.on_boundary
    found = {
        n: np.concatenate([crossings[n], np.broadcast_to(c, grid.shape)[own]]) for n, c in grid.coordinates.items()
    }
    chosen = np.random.default_rng(0).choice(next(iter(found.values())).size, POINTS)
    return {n: line[chosen] for n, line in found.items()}
