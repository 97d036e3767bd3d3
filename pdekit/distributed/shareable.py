"""Whether processes can share a problem, and how. Needs neither PETSc nor MPI."""

from __future__ import annotations

from pdekit.distributed.decomposition import Decomposition, decompose
from pdekit.distributed.reading_distance import ReadingDistance
from pdekit.errors import ConfigError
from pdekit.features import Use
from pdekit.language.delayed_systems import delays_of
from pdekit.problem import Problem
from pdekit.thresholds import THRESHOLDS
from pdekit.time.methods import METHODS, find_method
from pdekit.time.sundials_methods import SUNDIALS
from pdekit.typing import Expression

ALONE = "{words} cannot be shared among ranks yet; run it without mpiexec"
SHARED = Use(
    "shared among ranks",
    dict.fromkeys(("samples", "single", "function"), ALONE),
    (
        "complex", "scalars", "reductions", "higher_rates", "limited", "delays", "interfaces", "layers", "projections", "constraints",
        "derived", "stop", "noise", "rates_in_space", "domain", "regions",
    ),
)  # fmt: skip


def wide_enough(problem: Problem, count: int) -> int:
    """For how many evaluations one after the other a box should suffice: the stages of a step of fixed length, where boxes are large."""
    asked = problem.time.method
    tableau = METHODS["rk4"].tableau if asked == "auto" else find_method(asked).tableau
    if problem.steady or problem.time.step is None or tableau is None or problem.grid.ndim == 1:
        return 1
    share = problem.semidiscrete.size * problem.semidiscrete.dtype.itemsize // count
    return tableau.stages if share >= THRESHOLDS.wavefront_from else 1


def _measured(problem: Problem) -> list[Expression]:
    """What is recorded of states."""
    numbers = [*problem.series.values(), *(() if problem.ending is None else (problem.ending,))]
    return [*problem.derived.values(), *(number.expression for number in numbers)]


def decomposed(problem: Problem, count: int, passes: int = 1) -> Decomposition:
    """How processes share a problem; `passes` evaluations without a word between them.

    Raises
    ------
    ConfigError
        It cannot be shared; says what.
    """
    if count > 1:
        SHARED.refuse(problem)
        for found, what, key in (
            (
                problem.semidiscrete.couples_rates and bool(delays_of(problem.system)),
                "delays beside time derivatives that are differentiated in space",
                "equations",
            ),
            (problem.time.method in SUNDIALS, "the methods of SUNDIALS", "time.method"),
            (problem.time.device == "gpu", "a GPU", "time.device"),
        ):
            if found:
                raise ConfigError(ALONE.format(words=what), key=key)
    grid = problem.grid
    mirrored = [grid.names[k] for name in grid.names for k in grid.mirror(name) if grid.poles(name)]
    reach = {
        name: passes * far for name, far in ReadingDistance(problem.semidiscrete).of_all(_measured(problem)).items()
    }
    return decompose(grid, count, reach, mirrored)
