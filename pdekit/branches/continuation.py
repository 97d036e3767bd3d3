"""Continuation of steady solutions over a parameter, through folds, with their stability."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pdekit.branches.arclength import ArclengthSteps, BranchPoint
from pdekit.branches.branch import Branch, SingularPoint
from pdekit.branches.family import SteadyFamily
from pdekit.branches.rightmost import RightmostEigenvalues, unstable
from pdekit.branches.singular_points import Interval, crossings
from pdekit.counts import Statistics
from pdekit.discretize.grid_oscillation import oscillating_axis
from pdekit.errors import ConfigError, SolverError
from pdekit.problem import Problem
from pdekit.steady import solve_steady
from pdekit.typing import Array

EIGENVALUES = 12
SHARE = 1 / 20  # of the range of the parameter, that a step crosses at most
GROWTH = 0.25  # of the solution, beside its size, in a step at most
TURN = 0.4  # of the tangent, in radians, in a step at most
EASY = 4  # iterations of Newton's method that leave the step as it is
SLACK = 0.05  # of a step, by which it may be longer to reach the end
LEAST = 1e-6  # step, beside the first
Told = Callable[[int, float, float], None]
Measure = Callable[[Array, float], float]


@dataclass(frozen=True, eq=False)
class _Stop:
    """Where a branch ends: values of the parameter, and how many points at most."""

    start: float
    to: float
    points: int

    def passed(self, before: float, after: float) -> float | None:
        """The end of the range that lies between two values, or so little beyond them that no step of its own is worth it."""
        after += SLACK * (after - before)
        for end in (self.to, self.start):
            if before != end and (before - end) * (after - end) <= 0:
                return end
        return None


def continuation(
    problem: Problem,
    parameter: str,
    to: float,
    *,
    method: Literal["arclength", "natural"] = "arclength",
    measure: str | None = None,
    points: int = 200,
    step: float | None = None,
    told: Told | None = None,
) -> Branch:
    """Follow the steady solutions of a problem over one of its parameters.

    The branch begins at the problem's own value of the parameter, with the solution that Newton's method finds from the initial state.
    It ends where the parameter reaches `to`, or comes back to where it began, or after so many points. Of evolution equations
    ``u_t = F(u)`` steady states are followed, and are stable or not by the eigenvalues of F'; of equations ``0 = F(u)`` the same of
    ``u_t = F(u)``, with the sign with which diffusion diffuses.

    Parameters
    ----------
    problem : Problem
    parameter : str
    to : float
        The value to go to.
    method : {"arclength", "natural"}
        "arclength" goes round folds; "natural" steps in the parameter and ends before them.
    measure : str, optional
        The number of the solution that stands for it in pictures and tables, such as ``integral(u)``; by default the maximum of the first
        unknown.
    points : int, default 200
        At most.
    step : float, optional
        The greatest change of the parameter from point to point; by default a twentieth of the range.
    told : callable of (point, value, measure), optional
        Told of every point.

    Returns
    -------
    Branch

    Raises
    ------
    ConfigError
        What cannot be followed: see `SteadyFamily`.
    SolverError
        There is no solution at the start.

    References
    ----------
    H. B. Keller (1977), see `pdekit.branches.arclength`.

    Examples
    --------
    >>> import pdekit as pk
    >>> bratu = pk.Problem(pk.PDE("0 = u_xx + lam*exp(u)", parameters={"lam": 1.0}), pk.Grid(x=pk.Axis(0, 1, 41)),
    ...                    boundary={"u": {"x": pk.Dirichlet(0)}}, order=4)
    >>> branch = pk.continuation(bratu, "lam", to=4.0)
    >>> branch.singular_points[0].kind, round(branch.folds[0].value, 4), branch.ended
    ('fold', 3.5138, 'came back to lam = 1')
    """
    begun = clock.perf_counter()
    family = SteadyFamily(problem, parameter)
    if not np.isfinite(to) or to == family.start:
        raise ConfigError(
            f"the branch begins at {parameter} = {family.start:g}: give another value to go to, found {to!r}", key="to"
        )
    if points < 2:
        raise ConfigError(f"a branch has at least 2 points, found {points}", key="points")
    measured_by = measure or f"max({family.problem.system.unknowns[0].name})"
    if method not in ("arclength", "natural"):
        raise ConfigError(f"allowed are arclength and natural, found {method!r}", key="method")
    longest = SHARE * abs(float(to) - family.start) if step is None else step
    stop = _Stop(family.start, float(to), points)
    if not longest > 0:
        raise ConfigError(f"must be positive, found {step}", key="step")
    walk = _Walk(family, stop, family.measured(measured_by), longest, method == "natural", told)
    walk.go()
    return walk.branch(measured_by, clock.perf_counter() - begun)


class _Walk:
    """A branch on the way."""

    def __init__(
        self, family: SteadyFamily, stop: _Stop, measure: Measure, longest: float, is_natural: bool, told: Told | None
    ) -> None:
        self.family, self.stop, self.measure, self.told = family, stop, measure, told
        self.longest, self.is_natural = longest, is_natural
        self.statistics = Statistics()
        self.spectrum = RightmostEigenvalues(family.problem.semidiscrete, family.grid, EIGENVALUES)
        self.last: BranchPoint | None = None
        self.states: list[tuple[Array, float]] = []
        self.arclength: list[float] = []
        self.measures: list[float] = []
        self.eigenvalues: list[Array] = []
        self.unstable: list[int] = []
        self.singular: list[SingularPoint] = []
        self.ended = ""

    def go(self) -> None:
        """From the start to the end."""
        point = self._begin()
        distance = first = self._most(point)
        while not self.ended:
            distance = min(distance, self._most(point))
            try:
                found = self._next(point, distance)
            except SolverError:
                distance /= 2
                self.statistics.rejected += 1
                if distance < LEAST * first:
                    self.ended = self._stuck(point)
                continue
            self._take(found)
            point = found
            distance *= float(np.clip(2.0 ** ((EASY - found.iterations) / 2), 0.5, 2.0))
            if not self.ended and len(self.states) >= self.stop.points:
                self.ended = f"{self.stop.points} points"

    def _begin(self) -> BranchPoint:
        """The first point, and the scales of distances."""
        family, p = self.family, self.stop.start
        system = family.problem.semidiscrete
        guess = system.pack(family.problem.initial_fields())
        try:
            found = solve_steady(system, guess, self.statistics, None, family.solvers)
        except SolverError as error:
            raise SolverError(f"no solution where the branch begins, at {family.parameter} = {p:g}: {error}") from None
        if found.up_to_constant:
            raise SolverError(
                "only derivatives are prescribed: solutions are determined up to a constant, and form no branch"
            )
        span = self.stop.to - p
        plain_steps = ArclengthSteps(family, 1.0, 1.0, self.statistics)
        tangent = plain_steps.first(found.y, p, span).tangent
        moved = plain_steps.size(tangent) / max(abs(float(tangent[-1])), 1e-3) * abs(span)
        scale = max(plain_steps.size(np.append(found.y, 0.0)), moved) or 1.0
        self.scale = scale
        self.steps = ArclengthSteps(family, scale, abs(span), self.statistics)
        point = self.steps.first(found.y, p, span)
        self._take(point)
        return point

    def _most(self, point: BranchPoint) -> float:
        """How far to go at most: by the change of the parameter, and of the solution beside its size."""
        by_parameter = self.longest / max(abs(float(point.tangent[-1])), 1e-300)
        if self.is_natural:
            return by_parameter
        size = max(self.scale, self.steps.size(np.append(point.y, 0.0)))
        return min(by_parameter, GROWTH * size / max(self.steps.size(point.tangent), 1e-300))

    def _next(self, point: BranchPoint, distance: float) -> BranchPoint:
        """The point at a distance, or the end of the branch before it.

        Raises
        ------
        SolverError
            There is none, or the branch turns too much on the way.
        """
        if self.is_natural:
            p = point.p + distance * float(point.tangent[-1])
            end = self.stop.passed(point.p, p)
            found = self.steps.onto(point, p if end is None else end)
        else:
            found = self.steps.ahead(point, distance)
            end = self.stop.passed(point.p, found.p)
            if end is not None:
                share = (end - point.p) / (found.p - point.p)
                found = self.steps.onto(self.steps.ahead(point, share * distance), end)
        ahead = self.steps.dot(point.tangent, np.append(found.y - point.y, found.p - point.p))
        if self.is_natural and point.tangent[-1] * found.tangent[-1] <= 0:
            raise SolverError("beyond a fold")
        if ahead <= 0 or self.steps.dot(point.tangent, found.tangent) < np.cos(TURN):
            raise SolverError("the branch turns too much in one step")
        if end is not None:
            name = self.family.parameter
            self.ended = f"reached {name} = {end:g}" if end == self.stop.to else f"came back to {name} = {end:g}"
        return found

    def _stuck(self, point: BranchPoint) -> str:
        where = f"no further point was found beyond {self.family.parameter} = {point.p:.8g}"
        return f"{where}: a fold may be there, round which arclength continuation goes" if self.is_natural else where

    def _take(self, point: BranchPoint) -> None:
        """A point of the branch, and the singular ones before it."""
        values = self.spectrum.values(point.jacobian, self.eigenvalues[-1] if self.eigenvalues else None)
        count = unstable(values, point.jacobian)
        if self.last is not None:
            interval = Interval(self.last, point, self.unstable[-1], count, self.eigenvalues[-1])
            for crossing in crossings(self.steps, self.spectrum, interval):
                found, place = crossing.point, self.arclength[-1] + crossing.distance
                fields, measure = self.family.unpack(found.y, found.p), self.measure(found.y, found.p)
                self.singular.append(SingularPoint(crossing.kind, place, found.p, measure, fields, crossing.frequency))
            self.arclength.append(self.arclength[-1] + self.steps.distance(self.last, point))
        else:
            self.arclength.append(0.0)
        self.last = point
        self.states.append((point.y, point.p))
        self.eigenvalues.append(values)
        self.unstable.append(count)
        self.measures.append(self.measure(point.y, point.p))
        self.statistics.steps = len(self.states) - 1
        if self.told is not None:
            self.told(len(self.states), point.p, self.measures[-1])

    def branch(self, measured_by: str, wall_time: float) -> Branch:
        """What was found."""
        family, problem = self.family, self.family.problem
        kept = min(EIGENVALUES, *(values.size for values in self.eigenvalues))
        full = [family.unpack(y, p) for y, p in self.states]
        return Branch(
            problem.grid,
            family.parameter,
            np.array([p for _, p in self.states]),
            {name: np.stack([fields[name] for fields in full]) for name in full[0]},
            np.array(self.arclength),
            measured_by,
            np.array(self.measures),
            np.array([values[:kept] for values in self.eigenvalues]),
            np.array(self.unstable),
            tuple(self.singular),
            self.ended,
            notes=tuple(self._unresolved(full)),
            title=problem.title,
            statistics=self.statistics.plain(),
            wall_time=wall_time,
            labels=problem.captions,
            config=problem.to_yaml(),
        )

    def _unresolved(self, full: list[dict[str, Array]]) -> list[str]:
        """From where on the grid does not resolve the solutions, in words."""
        found: list[str] = []
        for name in full[0]:
            for (_, p), fields in zip(self.states, full):
                seen = oscillating_axis(self.family.grid, fields[name])
                if seen is not None:
                    found.append(
                        f"{name} oscillates from node to node along {seen[0]} from {self.family.parameter} = {p:.6g} on "
                        f"(measure {seen[1]:.2f}): the grid does not resolve what is there. Take more points"
                    )
                    break
        return found
