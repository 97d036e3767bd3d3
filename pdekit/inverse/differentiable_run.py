"""What fits and sensitivities ask of a run, in time or to a steady state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from pdekit.discretize.system import SemiDiscrete
from pdekit.inverse.promotion import Promotion
from pdekit.inverse.recorded_run import recorded
from pdekit.inverse.steady_state import steady_state
from pdekit.problem import Problem
from pdekit.typing import Array


class DifferentiableRun(Protocol):
    """A run that can be made again with other parameters, and differentiated."""

    @property
    def system(self) -> SemiDiscrete: ...

    @property
    def times(self) -> Array:
        """Times of the frames."""
        ...

    @property
    def states(self) -> list[Array]:
        """The states at the frames."""
        ...

    @property
    def path(self) -> list[tuple[float, Array]]:
        """Times and states at all steps."""
        ...

    @property
    def description(self) -> str:
        """How it is made, in words."""
        ...

    def again(self, problem: Problem) -> Any:
        """The same with other values of the parameters: smooth as a function of them."""
        ...

    def tangents(self, promotion: Promotion, directions: Array | None = None) -> Iterator[Array]:
        """Derivatives of the states by the parameters, or along directions, frame by frame; shape (unknowns, directions)."""
        ...

    def adjoint(self, promotion: Promotion, seeds: Mapping[int, Array]) -> Array:
        """Derivatives of numbers by the parameters, from those by the states at the frames; shape (parameters, numbers)."""
        ...


def differentiable_run(problem: Problem, times: Sequence[float]) -> DifferentiableRun:
    """Solve a problem, with frames at these times."""
    return steady_state(problem) if problem.steady else recorded(problem, times)
