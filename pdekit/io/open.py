"""A stored result as a solution."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.errors import PdekitError, StorageError
from pdekit.geometry.domain_grid import grid_of_domain
from pdekit.geometry.grid import Grid
from pdekit.geometry.regions import Region
from pdekit.io.hdf5_reader import StoredResult, read_result
from pdekit.io.results_file import MASK
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
        There is no such file, it is not a results file, or a damaged one.
    """
    stored = read_result(path)
    if "branch_parameter" in stored.attributes:
        raise StorageError(f"{path} holds a branch of steady solutions; pk.open_branch opens it")
    system = str(stored.attributes.get("coordinate_system", "cartesian"))
    try:
        grid = grid_of(
            stored.axes, stored.periods, stored.labels, system, stored.ranges, stored.layers, stored.interfaces
        )
        exact, parameters, definitions = (_texts(stored, key) for key in ("exact", "parameters", "definitions"))
        known = PDE("pdekit_t = 0", parameters=parameters, definitions=definitions).bind(grid.names) if exact else None
    except PdekitError as error:
        raise StorageError(f"{stored.path} is damaged: {error}") from None

    grid, regions = _within_domain(stored, grid), _regions(stored, grid)

    def evaluate(name: str, t: float) -> NDArray[Any]:
        assert known is not None
        nodes = regions.get(name, grid)
        names = {**nodes.places, **{str(s): v for s, v in known.parameters.items()}, "t": t}
        values = np.asarray(sample_text(exact[name], names, known.known))
        return values if name in stored.scalars else nodes.spread(values)

    return _solution(stored, grid, regions, evaluate if exact else None, tuple(exact))


def _within_domain(stored: StoredResult, grid: Grid) -> Grid:
    """The grid with its domain, where there is one; that of a mask from where the first variable holds numbers."""
    domain: Any = stored.attributes.get("domain", "")
    if not domain:
        return grid
    if domain == MASK:
        domain = np.isfinite(stored.read(stored.variables[0], 0 if not stored.steady else slice(None)))
    try:
        parameters = PDE("pdekit_t = 0", parameters=_texts(stored, "domain_parameters")).parameter_values(grid.names)
        return grid_of_domain(grid, domain, parameters)
    except PdekitError as error:
        raise StorageError(f"{stored.path} is damaged: {error}") from None


def _regions(stored: StoredResult, grid: Grid) -> dict[str, Grid]:
    """The nodes of variables that do not live on all of them."""
    given = stored.attributes.get("regions", "")
    if not given:
        return {}
    try:
        spans = {str(name): [(int(a), int(b)) for a, b in found] for name, found in json.loads(given).items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        spans = {}
    fit = [
        len(found) == grid.ndim and all(0 <= a < b <= n for (a, b), n in zip(found, grid.shape))
        for found in spans.values()
    ]
    if not spans or not all(fit):
        raise StorageError(f"{stored.path} is damaged: the attribute 'regions' holds no regions of the grid")
    return {name: Region(grid, found) for name, found in spans.items()}


def _texts(stored: StoredResult, key: str) -> dict[str, str]:
    """Expressions by name, from an attribute; none where it is missing."""
    try:
        found = json.loads(stored.attributes.get(key, "{}"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise StorageError(f"the attribute {key!r} holds no expressions by name")
    return found


def _solution(
    stored: StoredResult, grid: Grid, regions: dict[str, Grid], exact: Any, exact_names: tuple[str, ...]
) -> Solution:
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
        exact_names=tuple(n for n in exact_names if n in (*stored.variables, *stored.scalars)),
        file=stored.path,
        labels=stored.labels,
        notes=tuple(str(attributes.get("notes", "")).splitlines()),
        scalars={name: stored.read(name) for name in stored.scalars},
        regions=regions,
    )
