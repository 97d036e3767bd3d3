"""Solving to an accuracy: the grid and the steps are refined until the estimate of the error is as small as asked for.

Every round is a run and its estimate. With errors ``C h^p`` in space and a tolerance (or a step) in time, the next grid and tolerance follow
from the last estimate; how long they take, from the times of the run and of its companion on twice the step. What would take longer than a
bound is told and not begun.

Beside a jump the greatest error is a share of the jump on every grid: orders that stay below one after the steps have been halved are told, with
what is there and what converges in the mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pdekit.errors import ConfigError, SolverError
from pdekit.problem import Problem
from pdekit.progress import spoken_duration
from pdekit.settings import TimeSettings
from pdekit.solution import Solution
from pdekit.time.facts import Facts
from pdekit.time.methods import METHODS
from pdekit.verification.converge import refined
from pdekit.verification.estimate import LEAST_ORDER, TOLERANCE_EXPONENT, ErrorEstimate, coarser_problems, estimate

SHARE_OF_SPACE = 0.7  # of the error that is asked for
AIM = 0.8  # of that share, so that one round is enough
MOST_GROWTH = 8.0  # of the number of steps along an axis, in one round
LEAST_RTOL = 1e-12
MOST_ROUNDS = 8
WITHIN_LIMIT = 0.45  # of stability: the estimate takes twice the step
BOUND = 600.0
ESTIMATE_COST = 2.0  # of a run with its companions, beside the run
LEAST_SECONDS = 1e-3
LOW_ORDER = 0.75  # below which the greatest error is not that of a smooth solution on this grid
TRIAL_GROWTH = 2.0  # where the order may be another one on a finer grid, which resolves what is there
LEAST_FALL = 1.2
BELOW, BESIDE = 0.6, 0.3  # the promised order, and that of the round before: an order that holds on finer grids, too


@dataclass(frozen=True, eq=False)
class RefinedSolution:
    """A solution that is as accurate as asked for.

    Parameters
    ----------
    problem : Problem
        With the grid and the settings that it took.
    solution : Solution
    estimate : ErrorEstimate
    rounds : int
    """

    problem: Problem
    solution: Solution
    estimate: ErrorEstimate
    rounds: int


def solve_to(
    problem: Problem, error: float, *, bound: float = BOUND, told: Callable[[str], None] | None = None
) -> RefinedSolution:
    """Solve a problem until the estimated error of every unknown at every stored time is at most `error`.

    Parameters
    ----------
    problem : Problem
        Its grid is where the refinement begins.
    error : float
        Greatest error on the nodes, in the units of the unknowns.
    bound : float
        Seconds that a round may take; one that would take longer is told, and not begun.
    told : callable of str, optional
        Told of every run.

    Returns
    -------
    RefinedSolution

    Raises
    ------
    ConfigError
        Problems of which there is no estimate; an error that is not positive.
    SolverError
        It would take longer than `bound`, the greatest error does not fall because something jumps, or rounding is in the way: says
        what is reached, and what more would take.

    Examples
    --------
    >>> import pdekit as pk
    >>> rod = pk.Problem(pk.PDE("u_t = u_xx"), pk.Grid(x=pk.Axis(0, 1, 21)), initial={"u": "sin(pi*x)"},
    ...                  boundary={"u": {"x": pk.Dirichlet(0)}}, exact={"u": "exp(-pi**2*t)*sin(pi*x)"}, time=pk.TimeSettings(end=0.1))
    >>> found = pk.solve_to(rod, 1e-5)
    >>> bool(found.estimate.greatest() < 1e-5), bool(found.solution.error("u") < 1e-5)
    (True, True)
    """
    if isinstance(error, bool) or not isinstance(error, int | float) or not 0 < error < math.inf:
        raise ConfigError(f"must be a positive number, found {error!r}", key="to")
    say = told or (lambda text: None)
    before: ErrorEstimate | None = None
    for number in range(1, MOST_ROUNDS + 1):
        coarser_problems(problem)  # what has no estimate is refused before the run
        say(_words(problem.grid.shape, problem, problem.time))
        solution = problem.solve()
        found = estimate(problem, solution)
        say(f"  estimated error {found.greatest():.2e}")
        if found.greatest() <= error:
            return RefinedSolution(problem, solution, found, number)
        jumping = None if before is None else _jumping(before, found)
        if before is not None and jumping is not None:
            raise SolverError(_words_of_jumps(jumping, before, found, error), key="to")
        most = math.inf if _is_settled(problem, before, found) else TRIAL_GROWTH
        before, whole = found, _needed(problem, solution, found, error, most)
        seconds = seconds_of(whole, found)
        if seconds > bound:
            raise SolverError(
                f"the error is about {found.greatest():.2e} by now; {error:g} needs {'' if most == math.inf else 'more than '}{whole}, which would take about "
                f"{spoken_duration(seconds)}, more than the bound of {spoken_duration(bound)}",
                key="to",
            )
        problem = _needed(problem, solution, found, error, min(most, MOST_GROWTH)).made()
    raise SolverError(
        f"after {MOST_ROUNDS} rounds the error is about {found.greatest():.2e}, more than {error:g}", key="to"
    )


@dataclass(frozen=True)
class Refinement:
    """What a problem is refined by.

    Parameters
    ----------
    problem : Problem
    growth : float
        Of the number of steps along every axis.
    time : TimeSettings
    method : str
        By which it was solved.
    """

    problem: Problem
    growth: float
    time: TimeSettings
    method: str

    @property
    def points(self) -> int:
        """Nodes along the first axis, of which halves and quarters of the steps are grids of companions."""
        first = self.problem.grid.axes[0]
        steps = first.steps if self.growth == 1.0 else 4 * math.ceil(first.steps * self.growth / 4)
        return round(steps + first.size - first.steps)

    def made(self) -> Problem:
        """The refined problem."""
        grid = self.problem.grid
        made = self.problem.replace(grid=grid if self.growth == 1.0 else refined(grid, self.points), time=self.time)
        method, step = METHODS.get(self.method), self.time.step
        if step is None or method is None:
            return made
        system, (start, end) = made.semidiscrete, made.span(None)
        limit = Facts(system, start, system.pack(made.initial_fields()), end - start).limit_for(method, step)
        longest = math.inf if limit is None else WITHIN_LIMIT * limit
        return made if step <= longest else made.replace(time=replace(self.time, step=longest))

    def __str__(self) -> str:
        others = self.problem.grid.axes[1:]
        shape = [self.points, *(round(axis.steps * self.growth + axis.size - axis.steps) for axis in others)]
        return _words(shape, self.problem, self.time)


def _needed(
    problem: Problem, solution: Solution, found: ErrorEstimate, error: float, most: float = math.inf
) -> Refinement:
    """What the estimate asks for, by at most a factor along every axis and of the number of steps."""
    room = {"space": AIM * SHARE_OF_SPACE * error, "time": AIM * (1 - SHARE_OF_SPACE) * error}
    factors = [(float(np.max(found.space[n])) / room["space"]) ** (1 / found.order[n]) for n in found.space]
    in_time = max(float(np.max(values)) for values in found.time.values()) / room["time"]
    time = problem.time if in_time <= 1 else _shorter(problem.time, solution.methods[0], in_time, most)
    needed = Refinement(problem, min(max([1.0, *factors]), most), time, solution.methods[0])
    if needed.growth == 1.0 and time == problem.time:
        raise SolverError(
            f"the error is about {found.greatest():.2e}, more than {error:g}, and neither the grid nor the steps can be blamed for it"
        )
    return needed


def _slowest(found: ErrorEstimate) -> str | None:
    """The variable whose greatest error in space falls too slowly for a smooth solution, if it is more than that in time; the worst of them."""
    ruling = [n for n in found.means if found.order[n] < LOW_ORDER and np.max(found.space[n]) > np.max(found.time[n])]
    return max(ruling, key=lambda name: float(np.max(found.space[name])), default=None)


def _jumping(before: ErrorEstimate, found: ErrorEstimate) -> str | None:
    """The variable that jumps: its greatest error falls on neither grid, its mean error does. Of layers that are not resolved no error falls."""
    name = _slowest(found)
    return name if name == _slowest(before) and name and found.means[name] * LEAST_FALL < before.means[name] else None


def _is_settled(problem: Problem, before: ErrorEstimate | None, found: ErrorEstimate) -> bool:
    """Whether the orders are such as will hold on finer grids: about those that are promised, or those by which errors fell already."""

    def held(name: str, order: float) -> bool:
        if before is None or abs(order - before.order[name]) > BESIDE:
            return False
        return bool(np.max(found.space[name]) * LEAST_FALL < np.max(before.space[name]))

    return all(order >= problem.order - BELOW or held(name, order) for name, order in found.order.items())


def _words_of_jumps(name: str, before: ErrorEstimate, found: ErrorEstimate, error: float) -> str:
    """That finer grids do not help, and what they help."""
    now = float(np.max(found.space[name]))
    return (
        f"the greatest error of {name} does not fall as the grid is refined, as where something jumps between two nodes: it was about "
        f"{float(np.max(before.space[name])):.2g}, and is {now:.2g} on the finer grid (order "
        f"{'below 0.5' if found.order[name] < LEAST_ORDER + 0.05 else f'{found.order[name]:.1f}'}). {error:g} is not reached so; a tolerance "
        f"above {now:.2g} is. "
        f"The mean error fell meanwhile, from about {before.means[name]:.2g} to {found.means[name]:.2g} (pdekit converge measures it, as L1)"
    )


def _shorter(time: TimeSettings, method: str, excess: float, most: float) -> TimeSettings:
    """The settings with steps whose errors are so many times smaller."""
    if time.step is not None:
        return replace(time, step=time.step / min(excess ** (1 / METHODS[method].order), most))
    if time.rtol <= LEAST_RTOL:
        raise SolverError(f"the error in time does not fall any more at a tolerance of {time.rtol:g}")
    rtol = max(time.rtol / excess ** (1 / TOLERANCE_EXPONENT), LEAST_RTOL)
    return replace(time, rtol=rtol, atol=None if time.atol is None else time.atol * rtol / time.rtol)


def seconds_of(needed: Refinement, found: ErrorEstimate) -> float:
    """How long a refined run and its estimate will take, from how the run's time grew from its companion on twice the step.

    A run on twice the number of steps along every axis takes at least as many times longer as it has more nodes.
    """
    own, half = (max(seconds, LEAST_SECONDS) for seconds in found.seconds[:2])
    before, dimension = needed.problem.time, needed.problem.grid.ndim
    power = float(np.clip(np.log2(own / half), dimension, dimension + 2))
    shorter = 1.0
    if before.step is not None and needed.time.step is not None:
        shorter = before.step / needed.time.step
    return ESTIMATE_COST * own * needed.growth**power * shorter


def _words(shape: Sequence[int], problem: Problem, time: TimeSettings) -> str:
    """A grid and steps, in words."""
    how = f", steps of {time.step:.3g}" if time.step is not None else f", relative tolerance {time.rtol:.2g}"
    return f"{' x '.join(map(str, shape))} nodes{'' if problem.steady else how}"
