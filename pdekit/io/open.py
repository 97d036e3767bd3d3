"""A stored result as a solution."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.errors import StorageError
from pdekit.io.hdf5_reader import StoredResult, read_result
from pdekit.language.pde import PDE
from pdekit.language.sampling import sample_text
from pdekit.solution import Solution, grid_of


def open_result(path: str | Path) -> Solution:
    """Read a results file, with the exact solution if its config knows one.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Solution

    Raises
    ------
    StorageError
        There is no such file, or it is not a results file.
    """
    stored = read_result(path)
    if "branch_parameter" in stored.attributes:
        raise StorageError(f"{path} holds a branch of steady solutions; pk.open_branch opens it")
    system = str(stored.attributes.get("coordinate_system", "cartesian"))
    grid = grid_of(stored.axes, stored.periods, stored.labels, system, stored.ranges)
    exact = json.loads(stored.attributes.get("exact", "{}"))
    parameters = json.loads(stored.attributes.get("parameters", "{}"))
    definitions = json.loads(stored.attributes.get("definitions", "{}"))
    known = PDE("pdekit_t = 0", parameters=parameters, definitions=definitions).bind(grid.names) if exact else None

    def evaluate(name: str, t: float) -> NDArray[Any]:
        assert known is not None
        names = {**grid.coordinates, **{str(s): v for s, v in known.parameters.items()}, "t": t}
        return np.broadcast_to(sample_text(exact[name], names, known.known), grid.shape)

    return _solution(stored, grid, evaluate if exact else None, tuple(exact))


def _solution(stored: StoredResult, grid: Any, exact: Any, exact_names: tuple[str, ...]) -> Solution:
    attributes = stored.attributes
    return Solution(
        grid,
        stored.times,
        {name: stored.read(name) for name in stored.variables},
        title=attributes.get("title", ""),
        series=stored.series,
        method=attributes.get("method", ""),
        reasons=tuple(str(attributes.get("method_reasons", "")).split("\n")),
        statistics=attributes["statistics"],
        wall_time=float(attributes.get("wall_time_seconds", np.nan)),
        exact=exact,
        exact_names=tuple(n for n in exact_names if n in stored.variables),
        file=stored.path,
        labels=stored.labels,
    )
