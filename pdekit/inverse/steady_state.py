r"""Steady problems as runs of a single frame: ``0 = F(y, p)``, with ``S = -J^-1 F_p`` and, for numbers G, ``G_p = -F_p^T J^-T G_y``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from pdekit.counts import Statistics
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import ConfigError
from pdekit.inverse.promotion import Promotion
from pdekit.linear.direct import factorise
from pdekit.linear.solver_choice import Solvers
from pdekit.problem import Problem
from pdekit.steady import solve_steady
from pdekit.typing import Array


@dataclass(frozen=True, eq=False)
class SteadyState:
    """The solution of a steady problem, which can be found again with other parameters, and differentiated.

    Parameters
    ----------
    system : SemiDiscrete
    y : array
    """

    system: SemiDiscrete
    y: Array

    @property
    def times(self) -> Array:
        """Of the frames: one, at t = 0."""
        return np.zeros(1)

    @property
    def states(self) -> list[Array]:
        """The states at the frames."""
        return [self.y]

    @property
    def path(self) -> list[tuple[float, Array]]:
        """Times and states."""
        return [(0.0, self.y)]

    @property
    def description(self) -> str:
        """How it was found, in words."""
        return "one steady state"

    def again(self, problem: Problem) -> SteadyState:
        """That of another problem, one with other values of its parameters."""
        return steady_state(problem, self.y)

    def tangents(self, promotion: Promotion, directions: Array | None = None) -> Iterator[Array]:
        """Derivatives of the state by the parameters, as `pdekit.inverse.recorded_run.RecordedRun.tangents`."""
        yield -factorise(self.system.jacobian(0.0, self.y)).solve(promotion.slope(0.0, self.y).along(directions))

    def adjoint(self, promotion: Promotion, seeds: Mapping[int, Array]) -> Array:
        """Derivatives of numbers of the state by the parameters, as `pdekit.inverse.recorded_run.RecordedRun.adjoint`."""
        w = factorise(self.system.jacobian(0.0, self.y)).solve_transposed(seeds[0])
        return -promotion.slope(0.0, self.y).transposed(np.asarray(w))


def steady_state(problem: Problem, guess: Array | None = None) -> SteadyState:
    """Solve a steady problem.

    Raises
    ------
    ConfigError
        Its solution is determined up to a constant only.
    """
    system = problem.semidiscrete
    y = system.pack(problem.initial_fields()) if guess is None else guess
    found = solve_steady(system, y, Statistics(), None, Solvers(system, problem.time.solver))
    if found.up_to_constant:
        raise ConfigError(
            "the solution is determined up to a constant only; fix a value by a Dirichlet condition", key="boundary"
        )
    return SteadyState(system, found.y)
