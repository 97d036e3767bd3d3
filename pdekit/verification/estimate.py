r"""How accurate one run is: errors in space and in time apart, from companion runs on coarser grids and at a looser tolerance.

In space: with f on the grid itself and c_1, c_2 on grids of twice and four times the step, errors ``C h^p`` give
``(c_2 - f)/(c_1 - f) = 2^p + 1``, hence the order p that is there, and the error of f is ``(c_1 - f)/(2^p - 1)`` (Richardson). In time: a run
with twice the step, or ten times the tolerance, in the same way.

Where the boundary of a domain passes between nodes, the greatest errors come and go with where it passes, and tell orders between 0.5 and 1.6 where
1.8 is there. The order is then the median of that of the rows, of that by the greatest differences, and of that by their root mean squares; and the error
the geometric mean of those that either difference gives.

References
----------
P. J. Roache, *Quantification of Uncertainty in Computational Fluid Dynamics*, Annu. Rev. Fluid Mech. 29 (1997) 123-160, section 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from pdekit.boundary.domain_values import extension
from pdekit.errors import ConfigError
from pdekit.features import FEATURES, Use
from pdekit.geometry.domain_grid import DomainGrid
from pdekit.geometry.grid import Field, Grid
from pdekit.geometry.interpolation import GridSpline
from pdekit.problem import Problem
from pdekit.solution import Solution
from pdekit.time.methods import METHODS
from pdekit.typing import Array
from pdekit.verification.converge import coarsened
from pdekit.verification.restriction import restricted, shared_index

LEAST_NODES = 3  # of the coarsest grid, along every axis
LEAST_ORDER = 0.5
LOOSER = 10.0
TOLERANCE_EXPONENT = 0.9  # by which errors in time follow the tolerance
ROUNDING = 1e-13


@dataclass(frozen=True, eq=False)
class ErrorEstimate:
    """Estimated errors of a solution.

    Parameters
    ----------
    space, time : dict of str to array
        By variable, at every stored time: the greatest modulus of the error from the grid, and from the steps.
    order : dict of str to float
        The order in space that is there, at the last time.
    fields : dict of str to array
        The error in space on every node, as the values of the solution; not of scalar unknowns.
    seconds : tuple of float
        What the solution and the companions on grids of twice and four times the step took, compilation apart.
    means : dict of str to float
        By variable at the last time: the mean modulus of the error in space, were it of order 1; it falls at jumps, where the greatest does not.
    """

    space: dict[str, Array]
    time: dict[str, Array]
    order: dict[str, float]
    fields: dict[str, Array]
    seconds: tuple[float, ...] = ()
    means: dict[str, float] = field(default_factory=dict)

    def greatest(self) -> float:
        """Both together, of all variables at all stored times."""
        return max(float(np.max(self.space[name] + self.time[name])) for name in self.space)

    def total(self, name: str, index: int = -1) -> float:
        """Both together at a stored time."""
        return float(self.space[name][index] + self.time[name][index])

    def __str__(self) -> str:
        return "\n".join(
            f"{name}: about {self.total(name):.2e} (space {self.space[name][-1]:.1e} of order {self.order[name]:.1f}, "
            f"time {self.time[name][-1]:.1e})"
            for name in self.space
        )


ESTIMATED = Use(
    "error estimates",
    {
        "noise": "equations with noise have a path of their own on every grid",
        "regions": "regions end at nodes that coarser grids may not have; compare runs on several grids",
        "samples": "equations with noise have a path of their own on every grid",
    },
    FEATURES.keys() - {"noise", "samples", "regions"},
)


def estimate(problem: Problem, solution: Solution, told: Callable[[str], None] | None = None) -> ErrorEstimate:
    """ErrorEstimate the errors of a solution of a problem that was solved with its own settings.

    Parameters
    ----------
    problem : Problem
    solution : Solution
        With the frames of which errors are wanted.
    told : callable of str, optional
        Told of every companion run.

    Returns
    -------
    ErrorEstimate

    Raises
    ------
    ConfigError
        Too few nodes, or data that exist on this grid only; noise.

    Examples
    --------
    >>> import pdekit as pk
    >>> rod = pk.Problem(pk.PDE("u_t = u_xx"), pk.Grid(x=pk.Axis(0, 1, 41)), initial={"u": "sin(pi*x)"},
    ...                  boundary={"u": {"x": pk.Dirichlet(0)}}, exact={"u": "exp(-pi**2*t)*sin(pi*x)"})
    >>> solution = rod.solve(t_end=0.1)
    >>> ratio = pk.estimate(rod, solution).total("u") / solution.error("u")
    >>> bool(0.9 < ratio < 1.1)
    True
    """
    say = told or (lambda text: None)
    companions = []
    for coarse in coarser_problems(problem):
        say(f"{' x '.join(map(str, coarse.grid.shape))} nodes")
        companions.append(_again(coarse, solution))
    space, fields, order, means = {}, {}, {}, {}
    for name in solution.variables:
        space[name], fields[name], order[name] = _in_space(problem, solution, companions, name)
        means[name] = _in_the_mean(problem, solution, companions[0], name)
    for name in solution.scalars:
        space[name], order[name] = _of_number(problem, solution, companions, name)
    say("larger steps")
    seconds = tuple(s.wall_time - s.compile_time for s in (solution, *companions))
    return ErrorEstimate(space, _in_time(problem, solution), order, fields, seconds, means)


def coarser_problems(problem: Problem) -> list[Problem]:
    """The problems of the companion runs in space; what has no estimate is refused here, before any run.

    Raises
    ------
    ConfigError
        As `estimate` does.
    """
    ESTIMATED.refuse(problem, key="estimate")
    if not (problem.grid.is_box or isinstance(problem.domain, str)):
        raise ConfigError(
            "a mask says nothing of where the boundary passes on other grids; give an inequality", key="estimate"
        )
    found = [problem.replace(grid=_coarser(problem.grid, factor), **problem.fixed_fluxes()) for factor in (2, 4)]
    if not problem.grid.is_box and any(shared_index(problem.grid, coarse.grid) is None for coarse in found):
        raise _of_other_nodes(problem.grid.shape)
    return found


def _of_other_nodes(shape: tuple[int, ...]) -> ConfigError:
    return ConfigError(
        f"the nodes of grids with half as many steps are not among those of {shape}; take odd numbers of points (even ones on periodic "
        "axes), such as 41 or 81",
        key="estimate",
    )


def _again(problem: Problem, solution: Solution) -> Solution:
    """The same run of another problem, with the same frames."""
    if solution.steady:
        return problem.solve()
    times = [float(t) for t in solution.times[1:-1]]
    return problem.solve(t_end=float(solution.times[-1]), times=times)


def _coarser(grid: Grid, factor: int) -> Grid:
    found = coarsened(grid, factor)
    for name, axis in zip(found.names, found.axes):
        if axis.size < LEAST_NODES:
            raise ConfigError(f"there are too few nodes along {name!r} for two coarser grids", key="estimate")
    return found


def _at_coarse_nodes(problem: Problem, fine: Field, grid: Grid) -> Array:
    """Values of the finer field at the nodes of a coarser grid."""
    if problem.order > 2 and shared_index(fine.grid, grid) is None:
        raise _of_other_nodes(fine.grid.shape)
    return restricted(fine, grid)


def _in_space(
    problem: Problem, solution: Solution, companions: list[Solution], name: str
) -> tuple[Array, Array, float]:
    """Greatest errors by frame, error fields by frame, and the order at the last one."""
    count = 1 if solution.steady else solution.times.size
    fields, greatest, p = [], [], float(problem.order)
    size = float(np.nanmax(np.abs(solution.values[name])))
    for k in range(count):
        fine = solution.frame(name, k)
        gaps = [c.frame(name, k).values - _at_coarse_nodes(problem, fine, c.grid) for c in companions]
        largest, mean = (tuple(float(norm(np.abs(gap))) for gap in gaps) for norm in (np.nanmax, _root_mean_square))
        if largest[0] > ROUNDING * size:
            p = _order(problem, largest, mean)
        error = gaps[0] / (2**p - 1)
        fields.append(_between_nodes(fine.grid, companions[0].grid, error))
        greatest.append(float(np.nanmax(np.abs(error))))
    stacked = np.array(fields[0] if solution.steady else fields)
    return np.array(greatest), stacked, p


def _between_nodes(fine: Grid, coarse: Grid, error: Array) -> Array:
    """Errors at the nodes of a coarser grid on those of the finer one, linear between them; next to a boundary that of a neighbour inside."""
    if isinstance(coarse, DomainGrid):
        known = extension(coarse, 0, np.flatnonzero(~coarse.within))
        error = np.asarray(known @ np.where(coarse.within, error, 0.0).ravel()).reshape(coarse.shape)
    found = GridSpline(coarse, error, 1)(_inside(fine, coarse))
    return fine.blank(found) if isinstance(fine, DomainGrid) else np.asarray(found)


def _root_mean_square(values: Array) -> float:
    return float(np.sqrt(np.nanmean(values**2)))


def _order(problem: Problem, greatest: tuple[float, ...], *means: tuple[float, ...]) -> float:
    """The order by which a difference is made an error, from those of grids of twice and four times the step.

    Parameters
    ----------
    problem : Problem
    greatest : (float, float)
        Their greatest moduli.
    *means : (float, float)
        Other norms, if there are any.
    """
    most, grid = problem.order + 1, problem.grid

    def told(near: float, far: float) -> float:
        return float(np.clip(np.log2(max(far / near - 1, 2**LEAST_ORDER)), LEAST_ORDER, most))

    near, far = greatest
    if not isinstance(grid, DomainGrid) or not any(c.nodes.size for c in grid.crossings):
        return told(near, far)
    p = float(np.median([problem.order, told(near, far), *(told(*both) for both in means)]))
    error = np.sqrt(near / (2**p - 1) * far / (4**p - 1))
    return float(np.clip(np.log2(near / error + 1), LEAST_ORDER, most))


def _in_the_mean(problem: Problem, solution: Solution, coarse: Solution, name: str) -> float:
    """The mean difference of the grid of twice the step at the last time, which is the mean error where its order is 1."""
    gap = coarse[name].values - _at_coarse_nodes(problem, solution[name], coarse.grid)
    return float(coarse.grid.field(np.abs(np.nan_to_num(gap))).mean())


def _of_number(problem: Problem, solution: Solution, companions: list[Solution], name: str) -> tuple[Array, float]:
    """Errors of a scalar unknown by frame, and the order at the last one."""
    fine, near, far = (np.atleast_1d(s.scalars[name]) for s in (solution, *companions))
    size, p, found = float(np.max(np.abs(fine))), float(problem.order), []
    for gaps in zip(np.abs(near - fine), np.abs(far - fine)):
        if gaps[0] > ROUNDING * size:
            p = _order(problem, (float(gaps[0]), float(gaps[1])))
        found.append(float(gaps[0]) / (2**p - 1))
    return np.array(found), p


def _inside(grid: Grid, coarse: Grid) -> Array:
    """The nodes of a grid, those beyond the nodes of a coarser one (next to a pole) moved onto them."""
    lines = [
        a.nodes if b.periodic else np.clip(a.nodes, b.nodes[0], b.nodes[-1]) for a, b in zip(grid.axes, coarse.axes)
    ]
    return np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1)


def _other_step(step: float, times: Array, order: int) -> tuple[float, float]:
    """The step of a companion, and by what its difference is divided to give the error of a run with `step`.

    It is twice the step; where frames lie so close that a longer step would be cut there, half of what the steps were cut to.
    """
    gaps = np.diff(times)
    if gaps.size == 0 or 2 * step <= gaps.min() * (1 + 1e-9):
        return 2 * step, 2.0**order - 1
    return float(np.min(gaps / np.ceil(gaps / step * (1 - 1e-9)))) / 2, 1 - 2.0**-order


def _in_time(problem: Problem, solution: Solution) -> dict[str, Array]:
    """The greatest errors from the steps, by frame."""
    names = (*solution.variables, *solution.scalars)
    nothing = {name: np.zeros(max(solution.times.size, 1)) for name in names}
    method = METHODS.get(solution.methods[0])
    if method is None or method.family == "exact":
        return nothing
    if problem.time.step is not None:
        step, share = _other_step(problem.time.step, solution.times, method.order)
        other = replace(problem.time, step=step)
    elif method.control is not None:  # steps by stability: they are as short as those of the coarser grid are long
        return nothing
    else:
        other = replace(problem.time, rtol=LOOSER * problem.time.rtol)
        share = LOOSER**TOLERANCE_EXPONENT - 1
    loose = _again(problem.replace(time=replace(other, method=solution.methods[0])), solution)
    axes = tuple(range(1, problem.grid.ndim + 1))
    found = {n: np.nanmax(np.abs(loose.values[n] - solution.values[n]), axis=axes) / share for n in solution.variables}
    return found | {n: np.abs(loose.scalars[n] - solution.scalars[n]) / share for n in solution.scalars}
