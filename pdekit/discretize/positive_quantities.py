"""What limited schemes are to keep positive: states, and concave functions of them such as a pressure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from pdekit.errors import ConfigError, nearest_hint
from pdekit.geometry.grid import Grid
from pdekit.language.equation_system import EquationSystem
from pdekit.language.evaluate import compile_expression
from pdekit.typing import Array, Expression

VACUUM = 1e-10  # of the greatest initial value: what counts as zero


def positive_quantities(
    system: EquationSystem,
    grid: Grid,
    given: Sequence[str] | Mapping[str, float],
    fields: Mapping[str, Array],
    t: float,
) -> list[tuple[Expression, float]]:
    """The expressions of quantities by name, and what counts as zero of each.

    Parameters
    ----------
    system : EquationSystem
    grid : Grid
    given : sequence of str, or mapping of str to number
        Unknowns and definitions; a mapping says what counts as zero.
    fields : mapping of str to array
        The initial state.
    t : float
        The start.

    Raises
    ------
    ConfigError
        No such name; the initial state is negative somewhere.
    """
    allowed = [*(u.name for u in system.unknowns), *system.substituted]
    floors: Mapping[str, Any] = given if isinstance(given, Mapping) else dict.fromkeys(given)
    states = [s for s in system.states if str(s) in fields]
    found = []
    for name, floor in floors.items():
        key = f"discretization.positive.{name}"
        if name not in allowed:
            raise ConfigError(f"no unknown or definition; there are {allowed}{nearest_hint(name, allowed)}", key=key)
        if floor is not None and (isinstance(floor, bool) or not isinstance(floor, int | float) or not floor >= 0):
            raise ConfigError(f"what counts as zero must be a number and not negative, found {floor!r}", key=key)
        expression = system.substituted.get(name, sp.Symbol(name))
        function = compile_expression(expression, [*system.axes, system.t, *system.parameters, *states])
        with np.errstate(all="ignore"):
            arguments = [*grid.coordinates.values(), t, *system.parameters.values(), *(fields[str(s)] for s in states)]
            values = np.nan_to_num(np.asarray(function(*arguments)))  # a vacuum may have no pressure
        if not np.all(values >= 0):
            raise ConfigError(f"the initial state is negative somewhere, {np.min(values):.4g}", key=key)
        found.append((expression, VACUUM * float(np.max(values)) if floor is None else float(floor)))
    return found
