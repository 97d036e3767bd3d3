"""Convergence studies: solve on finer and finer grids, or with smaller and smaller steps, and read off the order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pdekit.discretize.reconstruction import RECONSTRUCTIONS
from pdekit.errors import ConfigError, PdekitError
from pdekit.features import FEATURES, Use
from pdekit.geometry.grid import Field, Grid
from pdekit.language.symbols import SpatialDerivative
from pdekit.problem import Problem
from pdekit.solution import Solution
from pdekit.time.maruyama import strong_order
from pdekit.time.methods import METHODS
from pdekit.verification.claimed_solution import ClaimCheck, check_claim
from pdekit.verification.growth import ModeGrowth, growth_rate
from pdekit.verification.manufactured import MANUFACTURED, manufactured
from pdekit.verification.restriction import shared_nodes
from pdekit.verification.study import Study

# In a study in space the error in time must not be seen.
TIGHT: dict[str, Any] = {"rtol": 1e-11, "atol": 1e-13}
FINER_PATH = 16  # of the finest step of a study with noise, that of the reference
Reference = Literal["exact", "manufactured", "self"]
Report = Callable[[str], None]
REFINED = Use(
    "studies in space",
    {
        "noise": "equations with noise have a path of their own on every grid; study them in time",
        "samples": "equations with noise have a path of their own on every grid; study them in time",
        "single": "errors in time could be seen in {words}; take doubles",
    },
    FEATURES.keys() - {"noise", "samples", "single"},
)


def refined(grid: Grid, points: int) -> Grid:
    """The grid with `points` nodes along its first axis, the steps of the others in proportion."""
    wanted = _steps(grid, points)
    axes = {}
    for name, axis in zip(grid.names, grid.axes):
        missing = axis.size - axis.steps
        count = axis.steps * wanted / grid.axes[0].steps
        if axis.periodic and grid.geometry is not None:
            count = 2 * round(count / 2)  # half a turn is a whole number of nodes
        axes[name] = axis.with_points(max(2, round(count + missing)))
    return grid.replace(**axes)


def coarsened(grid: Grid, factor: int) -> Grid:
    """The grid with steps so many times longer."""
    first = grid.axes[0]
    return refined(grid, max(2, round(first.steps / factor + first.size - first.steps)))


def _steps(grid: Grid, points: int) -> float:
    """Steps of the first axis with so many nodes."""
    first = grid.axes[0]
    return points - (first.size - first.steps)


def converge(
    problem: Problem,
    points: Sequence[int] | None = None,
    *,
    steps: Sequence[float] | None = None,
    ratio: float | None = None,
    t_end: float | None = None,
    against: Reference | None = None,
    expect: float | None = None,
    tolerance: float | None = None,
    report: Report | None = None,
) -> Study:
    """Study the convergence of a problem.

    Parameters
    ----------
    problem : Problem
    points : sequence of int, optional
        Numbers of nodes along the first axis (others in proportion): a study in space,
        errors in time kept negligible by tight tolerances.
    steps : sequence of float, optional
        Time steps: a study in time of the problem's method on its own grid, against the exact solution in time of the
        same semi-discrete system. With `points`, one step per grid: both are refined together.
    ratio : float, optional
        With `points`: a time step on every grid, so many times the mesh width of its first axis.
    t_end : float, optional
        End of the time span.
    against : {"exact", "manufactured", "self"}, optional
        What errors are taken against. Default: the exact solution if there is one, else a manufactured one. "self"
        takes the difference from the next finer grid.
    expect : float, optional
        The expected order; default is the order of the discretization, or of the method.
    tolerance : float, default 0.25
        By how much the last observed order may fall short.
    report : callable of str, optional
        Told what is being solved.

    Returns
    -------
    Study

    Raises
    ------
    ConfigError
        Neither points nor steps, fewer than two of them, or no exact solution where one is asked for.

    Examples
    --------
    >>> import pdekit as pk
    >>> problem = pk.Problem(pk.PDE("u_t = u_xx"), pk.Grid(x=pk.Axis(0, 1, 21)), initial={"u": "sin(pi*x)"},
    ...                      boundary={"u": {"x": pk.Dirichlet(0)}}, exact={"u": "exp(-pi**2*t)*sin(pi*x)"}, order=4)
    >>> study = pk.converge(problem, [21, 41, 81], t_end=0.1)
    >>> study.passed, study.orders("u")[-1] > 3.9
    (True, True)
    """
    settings = problem.convergence
    if points is None and steps is None:
        points, steps = settings.points, settings.steps
    ratio = settings.ratio if ratio is None and steps is None else ratio
    against = against or settings.against  # type: ignore[assignment]
    expect = settings.expect if expect is None else expect
    tolerance = settings.tolerance if tolerance is None else tolerance
    for name, values in (("points", points), ("steps", steps)):
        if values is not None and len(values) < 2:
            raise ConfigError(f"at least two are needed, found {list(values)}", key=f"convergence.{name}")
    if t_end is not None:
        problem = problem.replace(time=replace(problem.time, end=t_end))
    say = report or (lambda text: None)
    if points is None and steps is None:
        raise ConfigError("give points (a study in space) or steps (a study in time)", key="convergence")
    if ratio is not None:
        steps = _steps_at(problem, points, steps, ratio)
    if points is None:
        assert steps is not None
        return _in_time(problem, steps, against, expect, tolerance, say)
    REFINED.refuse(problem, key="convergence")
    if steps is not None and len(steps) != len(points):
        raise ConfigError(
            f"{len(points)} points and {len(steps)} steps; they are refined together, one each", key="convergence"
        )
    return _in_space(problem, sorted(points), steps, against, expect, tolerance, say)


def _steps_at(
    problem: Problem, points: Sequence[int] | None, steps: Sequence[float] | None, ratio: float
) -> list[float]:
    """Time steps at a fixed ratio to the mesh widths of the first axis."""
    if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 < ratio < np.inf:
        raise ConfigError(f"must be a positive number, found {ratio!r}", key="convergence.ratio")
    if points is None or steps is not None:
        raise ConfigError("goes with points, and without steps", key="convergence.ratio")
    return [ratio * problem.grid.axes[0].length / _steps(problem.grid, n) for n in sorted(points)]


def _final(solution: Solution, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    return {name: _field(solution, name).values for name in names}


def _field(solution: Solution, name: str) -> Field:
    """An unknown at the end; a scalar one as a constant field."""
    if name not in solution.scalars:
        return solution[name]
    return _constant(solution, name, solution.number(name))


def _constant(solution: Solution, name: str, value: Any) -> Field:
    return Field(solution.grid, np.full(solution.grid.shape, value), name)


def _exact_field(solution: Solution, name: str) -> Field:
    """The exact solution at the end."""
    if name not in solution.scalars:
        return solution.exact_field(name)
    return _constant(solution, name, solution.exact_number(name))


def _natural_reference(problem: Problem) -> Reference:
    """What a study in space compares with where nothing is said: what is known, else what can be made."""
    if problem.exact:
        return "exact"
    return "self" if MANUFACTURED.reasons(problem) else "manufactured"


def _study_names(problem: Problem) -> tuple[str, ...]:
    return tuple(u.name for u in problem.system.unknowns if not u.derived_from)


def _in_space(
    problem: Problem,
    points: Sequence[int],
    steps: Sequence[float] | None,
    against: Reference | None,
    expect: float | None,
    tolerance: float,
    say: Report,
) -> Study:
    if against is None:
        against = _natural_reference(problem)
    if against == "exact" and not problem.exact:
        raise ConfigError("there is no exact solution; use manufactured or self", key="convergence.against")
    if against == "manufactured":
        problem = manufactured(problem)
    claim = _claim(problem, say) if against == "exact" else None
    names = [n for n in _study_names(problem) if against == "self" or n in problem.exact]
    for name in _study_names(problem):
        if name not in names:
            say(f"note: no exact solution of {name} is given, it is not compared")
    sizes = list(points)
    if against == "self":
        sizes.append(nested_size(problem.grid, sizes[-1]))
    step_of = dict(zip(points, sorted(steps, reverse=True))) if steps else {}
    found, rates = [], {}
    for n, (sized, solution) in zip(sizes, _solve_all(problem, sizes, step_of, say)):
        found.append((sized.grid, solution))
        if not problem.steady and (rate := growth_rate(sized)) is not None:
            rates[n] = rate
    differences: list[dict[str, Field]] = []
    for i, (grid, solution) in enumerate(found[: len(points)]):
        finer = found[i + 1][1] if against == "self" else None
        differences.append({name: _difference(solution, name, grid, finer) for name in names})
    widths = tuple(1.0 / _steps(problem.grid, n) for n in points)
    words = {
        "exact": "the exact solution",
        "manufactured": "a manufactured solution",
        "self": "the next finer grid",
    }[against]
    scale = {name: _field(found[-1][1], name).norm("max") for name in names}
    what = "space and time" if steps else "space"
    return Study(
        problem.title,
        what,
        words,
        tuple(points),
        widths,
        _norms(differences, "max"),
        float(expect or expected_order(problem)),
        tolerance,
        scale,
        {"L2": _norms(differences, "L2"), "L1": _norms(differences, "L1")},
        claim,
        _growth(problem, rates),
    )


def _growth(problem: Problem, rates: dict[int, float]) -> ModeGrowth | None:
    """Of the two finest grids whose rates are known."""
    if len(rates) < 2:
        return None
    (few, slow), (many, fast) = list(rates.items())[-2:]
    start, end = problem.span(None)
    widths = (1.0 / _steps(problem.grid, few), 1.0 / _steps(problem.grid, many))
    return ModeGrowth((few, many), widths, (slow, fast), end - start)


def _claim(problem: Problem, say: Report) -> ClaimCheck:
    """Whether the claimed solution is one, told before the first run."""
    claim = check_claim(problem)
    for residual in claim.refuted:
        say(f"note: the claimed exact solution is none: {residual}")
    return claim


def _difference(solution: Solution, name: str, grid: Grid, finer: Solution | None) -> Field:
    """From the exact solution or from that on a finer grid; up to a constant where only derivatives are prescribed, for then a
    constant is free."""
    if finer is not None:
        return Field(grid, _field(solution, name).values - _at_nodes(_field(finer, name), grid), name)
    difference = _field(solution, name) - _exact_field(solution, name)
    return difference - difference.mean() if solution.up_to_constant else difference


def _norms(differences: Sequence[dict[str, Field]], kind: Literal["L1", "L2", "max"]) -> dict[str, tuple[float, ...]]:
    """Of the differences on every grid, by variable."""
    return {name: tuple(d[name].norm(kind) for d in differences) for name in differences[0]}


def expected_order(problem: Problem) -> int:
    """The order in space that the discretization promises on smooth data."""
    if not problem.flux_scheme.is_limited:
        return problem.order
    others = [d for u in problem.semidiscrete.system.unknowns for d in u.rhs.atoms(SpatialDerivative) if d.is_linear]
    own = RECONSTRUCTIONS[problem.flux_scheme.scheme].order
    return min(own, problem.order) if others else own


def _solve_all(
    problem: Problem, sizes: Sequence[int], step_of: dict[int, float], say: Report
) -> Iterator[tuple[Problem, Solution]]:
    for n in sizes:
        grid = refined(problem.grid, n)
        say(f"{' x '.join(map(str, grid.shape))} nodes")
        if n in step_of:
            time = replace(problem.time, step=step_of[n])
        else:
            adaptive = problem.time.method if problem.time.method in METHODS else "auto"
            if problem.semidiscrete.is_limited:
                adaptive = "tsitouras"  # by the Courant number errors in time would be seen
            fixed = adaptive != "auto" and METHODS[adaptive].needs_step
            time = replace(problem.time, step=None, method="auto" if fixed else adaptive, **TIGHT)
        sized = problem.replace(grid=grid, time=time, **problem.fixed_fluxes())
        solution = sized.solve() if problem.steady else sized.solve(times=())
        yield sized, solution


def nested_size(grid: Grid, points: int) -> int:
    """The next number of points with which all nodes are nodes again: half the step, or a third of it off poles."""
    if any(axis.offset for axis in grid.axes):
        return round(points + 2 * _steps(grid, points))
    return 2 * points if grid.axes[0].periodic else 2 * points - 1


def _at_nodes(finer: Field, grid: Grid) -> NDArray[Any]:
    """Values of a finer field at the nodes of a grid that are among its own."""
    index = []
    for name, fine, coarse in zip(grid.names, finer.grid.axes, grid.axes):
        where = shared_nodes(fine, coarse)
        if where is None:
            raise ConfigError(
                f"the nodes of axis {name!r} are not among those of the next finer grid; take points such as "
                f"{coarse.size}, {nested_size(grid, coarse.size)}",
                key="convergence",
            )
        index.append(where)
    return np.asarray(finer.values[np.ix_(*index)])


def _in_time(
    problem: Problem,
    steps: Sequence[float],
    against: Reference | None,
    expect: float | None,
    tolerance: float,
    say: Report,
) -> Study:
    if against in ("exact", "manufactured"):
        raise ConfigError(
            f"a study in time compares with the exact solution in time of the same grid, not with {against}; "
            "give points as well to refine both",
            key="convergence.against",
        )
    steps = sorted(steps, reverse=True)
    names = _study_names(problem)
    method = problem.time.method
    if method == "auto":
        method = problem.choice(step=steps[0]).method.name
    if method not in METHODS or not METHODS[method].takes_step:
        raise PdekitError(
            f"{method} chooses its own steps; a study in time needs a method of fixed step", key="convergence.steps"
        )
    if problem.system.noises:
        finest = steps[-1] / FINER_PATH
        say(f"reference, step {finest:g}")
        compared = f"the same path of the noise in steps of {finest:g}"
        problem = problem.replace(time=replace(problem.time, path_step=finest, samples=1))
        exact = replace(problem.time, step=finest, method=method)
    else:
        say("reference, tight tolerances")
        compared = "the exact solution in time on the same grid"
        exact = replace(problem.time, step=None, method="auto", rtol=1e-12, atol=1e-14)
    reference = _final(problem.replace(time=exact).solve(times=()), names)
    differences: list[dict[str, Field]] = []
    for step in steps:
        say(f"step {step:g}")
        result = problem.solve(method=method, step=step, times=())
        differences.append({n: Field(problem.grid, _field(result, n).values - reference[n], n) for n in names})
    return Study(
        problem.title,
        "time",
        compared,
        tuple(steps),
        tuple(steps),
        _norms(differences, "max"),
        float(
            expect or (strong_order(problem.semidiscrete, method) if problem.system.noises else METHODS[method].order)
        ),
        tolerance,
        {name: float(np.max(np.abs(values))) for name, values in reference.items()},
        {"L2": _norms(differences, "L2"), "L1": _norms(differences, "L1")},
    )
