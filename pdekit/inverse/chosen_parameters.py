"""Parameters that are chosen to be fitted, or to be differentiated by: numbers, or fields of values at the nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pdekit.data.files import FileData
from pdekit.errors import ConfigError, nearest_hint
from pdekit.geometry.grid import Field
from pdekit.problem import Problem
from pdekit.typing import Array


@dataclass(frozen=True, eq=False)
class Parameter:
    """A parameter by which a problem is differentiated.

    Parameters
    ----------
    name : str
        Its key path is ``parameters.<name>``.
    values : array
        Its number, or its values at the nodes, of the grid's shape.
    """

    name: str
    values: Array

    @property
    def key(self) -> str:
        """Where it stands in a config."""
        return f"parameters.{self.name}"

    @property
    def is_field(self) -> bool:
        """Whether it is given by values at the nodes."""
        return self.values.ndim > 0

    @property
    def size(self) -> int:
        return int(self.values.size)


def chosen_parameters(problem: Problem, names: Sequence[str]) -> tuple[Parameter, ...]:
    """The parameters of a problem by their names or key paths, ``D`` or ``parameters.D``.

    Raises
    ------
    ConfigError
        No such parameter, one that is an expression or a function, one named twice.
    """
    given, found = problem.pde.parameters, list[Parameter]()
    if isinstance(names, str):
        names = (names,)
    if not names:
        raise ConfigError("name at least one", key="parameters")
    for text in names:
        name = text.removeprefix("parameters.")
        key = f"parameters.{name}"
        if name not in given:
            allowed = [f"parameters.{n}" for n in given]
            raise ConfigError(f"is no parameter; there are {allowed}{nearest_hint(key, allowed)}", key=key)
        if any(p.name == name for p in found):
            raise ConfigError("is named twice", key=key)
        found.append(Parameter(name, _values(given[name], problem, key)))
    return tuple(found)


def _values(given: Any, problem: Problem, key: str) -> Array:
    if isinstance(given, FileData):
        given = given.load(problem.grid.shape)
    if isinstance(given, Field):
        if given.grid.shape != problem.grid.shape or any(
            not np.array_equal(a.nodes, b.nodes) for a, b in zip(given.grid.axes, problem.grid.axes)
        ):
            raise ConfigError("is a field on another grid; give its values at the nodes of the problem's", key=key)
        given = np.asarray(given.values)
    try:
        values = np.array(given, dtype=float)
    except (TypeError, ValueError):
        raise ConfigError(
            f"expected a real number, or values at the nodes (an array or a file), found {given!r}", key=key
        ) from None
    if values.ndim and values.shape != problem.grid.shape:
        raise ConfigError(f"the array has shape {values.shape}, the grid needs {problem.grid.shape}", key=key)
    if not np.all(np.isfinite(values)):
        raise ConfigError("is not finite", key=key)
    return values


def at_values(problem: Problem, parameters: Sequence[Parameter], vector: Array) -> Problem:
    """The problem with other values of the parameters, which stand one after the other in a vector."""
    changed: dict[str, Any] = {}
    for parameter, part in zip(parameters, np.split(vector, np.cumsum([p.size for p in parameters])[:-1])):
        changed[parameter.name] = part.reshape(parameter.values.shape) if parameter.is_field else float(part[0])
    return problem.replace(pde=problem.pde.with_parameters(**changed))
