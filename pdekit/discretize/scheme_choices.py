"""The schemes that a problem asks for, checked against what they can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pdekit.errors import ConfigError, nearest_hint
from pdekit.geometry.grid import Grid
from pdekit.language.equation_system import EquationSystem
from pdekit.language.scheme_symbols import SchemeChoice, choosable
from pdekit.stencils.schemes import ISOTROPIC, SCHEMES


def scheme_choices(
    system: EquationSystem, schemes: Mapping[str, Any], order: int, grid: Grid
) -> dict[str, SchemeChoice]:
    """The schemes that are asked for, with their accuracies.

    Raises
    ------
    ConfigError
        Unknown scheme, or one that cannot do the derivative at the order.
    """
    atoms, choices = choosable(system), {}
    for name, given in schemes.items():
        where = f"discretization.schemes.{name}"
        entry = {given: None} if isinstance(given, str) else given
        if not isinstance(entry, Mapping) or len(entry) != 1:
            raise ConfigError(f"expected a scheme, such as upwind or {{upwind: 3}}, found {given!r}", key=where)
        ((kind, accuracy),) = entry.items()
        if kind not in (*SCHEMES, ISOTROPIC):
            known = sorted([*SCHEMES, ISOTROPIC])
            raise ConfigError(f"allowed are {known}, found {kind!r}{nearest_hint(kind, known)}", key=where)
        if (kind == ISOTROPIC) != name.startswith("laplace("):
            raise ConfigError("isotropic is for laplace(u) as a whole, and the only scheme for that", key=where)
        if kind == ISOTROPIC:
            steps = [axis.step for axis in grid.axes if axis.uniform]
            if order != 2 or len(steps) != 2 or abs(steps[0] - steps[1]) > 1e-9 * steps[0]:
                raise ConfigError("isotropic needs order 2 and two uniform axes of the same step", key=where)
            choices[name] = SchemeChoice(kind, 2, step=steps[0])
            continue
        scheme = SCHEMES[kind]
        if name in atoms:
            n = next(iter(atoms[name].counts.values()))
            if n not in scheme.derivatives:
                raise ConfigError(f"{kind} is for derivatives {list(scheme.derivatives)}, this one is {n}", key=where)
            accuracy = scheme.order(n, order) if accuracy is None else accuracy
            if accuracy is None:
                raise ConfigError(f"{kind} does not reach order {order}; take a lower discretization.order", key=where)
        if accuracy is not None and (isinstance(accuracy, bool) or not isinstance(accuracy, int) or accuracy < 1):
            raise ConfigError(f"the accuracy of {kind} must be a whole number, found {accuracy!r}", key=where)
        choices[name] = SchemeChoice(kind, accuracy or 1, scheme.by_stream)
    return choices
