"""How a solution, and numbers of it, change with parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pdekit.discretize.measurement import Measurement
from pdekit.errors import ConfigError, PdekitError, nearest_hint
from pdekit.geometry.grid import Field, Grid
from pdekit.inverse.chosen_parameters import Parameter, chosen_parameters
from pdekit.inverse.differentiable_run import DifferentiableRun, differentiable_run
from pdekit.inverse.number_slopes import number_slopes
from pdekit.inverse.promotion import Promotion
from pdekit.language.state_numbers import parse_number_of_state
from pdekit.problem import Problem
from pdekit.typing import Array

Objective = Callable[[Array, dict[str, Array]], tuple[float, Mapping[str, Array]]]


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Derivatives of a solution by parameters.

    Parameters
    ----------
    grid : Grid
    times : array
    values : dict of (str, str) to array
        By unknown and parameter, ``("u", "D")``: of shape ``(times, *grid.shape)``.
    states : dict of str to array
        The solution itself, by unknown.
    """

    grid: Grid
    times: Array
    values: dict[tuple[str, str], Array]
    states: dict[str, Array]

    def frame(self, unknown: str, parameter: str, index: int = -1) -> Field:
        """``d unknown/d parameter`` at a stored time.

        Raises
        ------
        PdekitError
            There is none.
        """
        pair = unknown, parameter.removeprefix("parameters.")
        if pair not in self.values:
            raise PdekitError(f"there is no derivative of {pair[0]} by {pair[1]}; there are {list(self.values)}")
        return Field(self.grid, self.values[pair][index], f"d{pair[0]}_d{pair[1]}")


@dataclass(frozen=True, eq=False)
class Gradient:
    """A number and its derivatives by parameters.

    Parameters
    ----------
    value : float
    by : dict of str to number or array
        Of fields: by the values at the nodes.
    """

    value: float
    by: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        name = name.removeprefix("parameters.")
        if name not in self.by:
            raise KeyError(f"{name!r} is none of {list(self.by)}{nearest_hint(name, self.by)}")
        return self.by[name]


def sensitivity(
    problem: Problem,
    parameters: Sequence[str],
    t_end: float | None = None,
    *,
    times: Sequence[float] | None = None,
    every: float | None = None,
    frames: int | None = None,
) -> Sensitivity:
    """Derivatives of a solution by parameters, exact for the steps that are made (`pdekit.inverse.discrete_derivatives`).

    Parameters
    ----------
    problem : Problem
        Its method is a diagonally implicit one, or auto; or steady.
    parameters : sequence of str
        Names of numbers among its parameters, ``D`` or ``parameters.D``.
    t_end : float, optional
        End of the time span; default is the problem's own.
    times, every, frames : optional
        When they are wanted, as for `Problem.solve`.

    Returns
    -------
    Sensitivity

    Raises
    ------
    ConfigError
        A parameter that is a field, or something that depends on one in a way that has no derivative.

    Examples
    --------
    >>> import pdekit as pk
    >>> rod = pk.Problem(pk.PDE("u_t = D*u_xx", parameters={"D": 0.1}), pk.Grid(x=pk.Axis(0, 1, 41)),
    ...                  initial={"u": "sin(pi*x)"}, boundary={"u": {"x": pk.Dirichlet(0)}}, order=4)
    >>> change = rod.sensitivity(["D"], 1.0).frame("u", "D")
    >>> exact = -np.pi**2 * np.exp(-0.1*np.pi**2)  # of exp(-D pi^2 t) sin(pi x), at t = 1 and x = 0.5
    >>> print(f"{change.values[20] / exact:.4f}")
    1.0000
    """
    problem = problem.with_jacobian()
    chosen = chosen_parameters(problem, parameters)
    for p in chosen:
        if p.is_field:
            raise ConfigError(
                f"is a field of {p.size:,} values, which would be as many fields of derivatives; take gradient()",
                key=p.key,
            )
    run, promotion = _run(problem, chosen, t_end, {"times": times, "every": every, "frames": frames})
    system, found = problem.semidiscrete, dict[tuple[str, str], list[Array]]()
    states: dict[str, list[Array]] = {block.name: [] for block in system.blocks}
    for t, y, S in zip(run.times, run.states, run.tangents(promotion)):
        direct, full = promotion.selections(t), system.unpack(t, y)
        for block in system.blocks:
            states[block.name].append(full[block.name])
            changes = system.layout.selections[block.symbol] @ S + direct[block.symbol].toarray()
            for p, change in zip(chosen, changes.T):
                found.setdefault((block.name, p.name), []).append(change.reshape(problem.grid.shape))
    values = {pair: np.array(changes) for pair, changes in found.items()}
    return Sensitivity(problem.grid, run.times, values, {name: np.array(v) for name, v in states.items()})


def gradient(
    problem: Problem,
    objective: str | Mapping[float, str] | Objective,
    parameters: Sequence[str],
    t_end: float | None = None,
    *,
    times: Sequence[float] | None = None,
    every: float | None = None,
    frames: int | None = None,
) -> Gradient:
    """Derivatives of a number by parameters, by the adjoint of the steps that are made (`pdekit.inverse.discrete_derivatives`).

    One run and one adjoint, however many parameters there are.

    Parameters
    ----------
    problem : Problem
        Its method is a diagonally implicit one, or auto; or steady.
    objective : str, mapping of float to str, or callable
        A number of the state at the end, ``"integral((u - 1)**2)"`` (see `pdekit.language.reductions`); the sum of several by their
        times; or a function of the times and the full arrays by unknown, whose first axis is that of the frames, which returns its
        value and a dict of its derivatives by these arrays.
    parameters : sequence of str
        Their names. Of those that are given by values at the nodes the derivatives are by these.
    t_end : float, optional
        End of the time span; default is the problem's own.
    times, every, frames : optional
        The frames of a callable, as for `Problem.solve`.

    Returns
    -------
    Gradient

    Raises
    ------
    ConfigError
        Something depends on a parameter in a way that has no derivative.

    Examples
    --------
    >>> import pdekit as pk
    >>> wall = pk.Problem(pk.PDE("u_t = div(k*grad(u))", parameters={"k": np.linspace(1, 2, 31)}), pk.Grid(x=pk.Axis(0, 1, 31)),
    ...                   initial={"u": "x"}, boundary={"u": {"x": {"left": pk.Dirichlet(0), "right": pk.Neumann(0)}}})
    >>> wall.gradient("integral(u)", ["k"], 0.2)["k"].shape
    (31,)
    """
    problem = problem.with_jacobian()
    chosen = chosen_parameters(problem, parameters)
    if isinstance(objective, str):
        objective = {0.0 if problem.steady else problem.span(t_end)[1]: objective}
    if isinstance(objective, Mapping):
        return _of_numbers(problem, objective, chosen)
    run, promotion = _run(problem, chosen, t_end, {"times": times, "every": every, "frames": frames})
    value, seeds, direct = _of_function(objective, run, promotion)
    return Gradient(value, _by_names(chosen, run.adjoint(promotion, seeds)[:, 0] + direct))


def _run(
    problem: Problem, chosen: tuple[Parameter, ...], t_end: float | None, rules: Mapping[str, Any]
) -> tuple[DifferentiableRun, Promotion]:
    promotion = Promotion(problem, chosen)  # what cannot be differentiated is refused before the run
    if problem.steady:
        return differentiable_run(problem, [0.0]), promotion
    start, end = problem.span(t_end)
    given = {name: rule for name, rule in rules.items() if rule is not None}
    if "times" in given:
        given["times"] = tuple(given["times"])
    output = problem.output.by(**given) if given else problem.output
    return differentiable_run(problem, output.resolve(start, end, problem.time.step)), promotion


def _of_numbers(problem: Problem, texts: Mapping[float, str], chosen: tuple[Parameter, ...]) -> Gradient:
    """The sum of numbers of the state at times."""
    start = problem.time.start
    for t in texts:
        if not (t == 0 if problem.steady else start <= t < np.inf):
            raise ConfigError(f"t = {t:g} is not after the start {start:g}", key="objective")
    measures = {}
    for t, text in texts.items():
        try:
            measures[float(t)] = Measurement(problem.semidiscrete, parse_number_of_state(text, problem.system))
        except PdekitError as error:
            raise error.under("objective") from None
    promotion = Promotion(problem, chosen)
    run = differentiable_run(problem, sorted(measures))
    value, seeds, direct = 0.0, dict[int, Array](), np.zeros(promotion.vector.size)
    for t, measure in measures.items():
        frame = int(np.argmin(np.abs(run.times - t)))
        y = run.states[frame]
        value += float(measure.value(t, y))
        by_state, by_parameters = number_slopes(promotion, measure, "objective", t, y)
        seeds[frame] = by_state.toarray().T
        direct += by_parameters.toarray()[0]
    return Gradient(value, _by_names(chosen, run.adjoint(promotion, seeds)[:, 0] + direct))


def _of_function(
    objective: Objective, run: DifferentiableRun, promotion: Promotion
) -> tuple[float, dict[int, Array], Array]:
    """Its value, and its derivatives by the states at the frames and, through prescribed values, by the parameters."""
    system, layout = run.system, run.system.layout
    frames = [system.unpack(t, y) for t, y in zip(run.times, run.states)]
    fields = {block.name: np.array([full[block.name] for full in frames]) for block in system.blocks}
    value, slopes = objective(run.times, fields)
    seeds = {k: np.zeros((system.size, 1)) for k in range(len(frames))}
    direct = np.zeros(promotion.vector.size)
    for name, slope in slopes.items():
        if name not in fields or np.shape(slope) != fields[name].shape:
            allowed = {n: v.shape for n, v in fields.items()}
            raise ConfigError(
                f"the derivative by {name!r} has shape {np.shape(slope)}; expected are {allowed}", key="objective"
            )
        symbol = layout.block(name).symbol
        for k, part in enumerate(np.asarray(slope, dtype=float)):
            seeds[k] += (layout.selections[symbol].T @ part.ravel())[:, None]
            direct += promotion.selections(run.times[k])[symbol].T @ part.ravel()
    return float(value), seeds, direct


def _by_names(chosen: Sequence[Parameter], values: Array) -> dict[str, Any]:
    parts = np.split(values, np.cumsum([p.size for p in chosen])[:-1])
    return {p.name: part.reshape(p.values.shape) if p.is_field else float(part[0]) for p, part in zip(chosen, parts)}
