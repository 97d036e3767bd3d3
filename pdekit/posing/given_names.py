"""What a problem gives for its unknowns, by name: nothing that there is not, and nothing missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from pdekit.boundary.conditions import FaceConditions
from pdekit.errors import ConfigError, PdekitError, nearest_hint
from pdekit.language.data_functions import DataFunction
from pdekit.language.equation_system import EquationSystem
from pdekit.language.evaluate import compile_expression
from pdekit.language.sampling import parse_sampled


@dataclass(frozen=True, eq=False)
class GivenNames:
    """The names that a problem's data may have.

    Parameters
    ----------
    system : EquationSystem
    own : collection of str
        Unknowns that the problem names; those of absorbing layers are nobody's.
    written : collection of str
        Those of them that the equations are written in, without rates.
    definitions : collection of str
    """

    system: EquationSystem
    own: Collection[str]
    written: Collection[str]
    definitions: Collection[str]

    def refuse_others(self, initial: Mapping[str, Any], boundary: Mapping[str, Any], exact: Mapping[str, Any]) -> None:
        """Refuse data of what is no unknown, and initial states that are missing.

        Raises
        ------
        ConfigError
        """
        own = [u for u in self.system.unknowns if u.name in self.own]
        unknowns = [u.name for u in own if not u.derived_from]
        rates = [n for u in own for n in u.states if n not in unknowns]
        for group, given, allowed in (
            ("initial", initial, [*unknowns, *rates]),
            ("boundary", boundary, [*unknowns, *self.definitions]),
            ("exact", exact, [*unknowns, *rates]),
        ):
            for name in given:
                if name not in allowed:
                    raise ConfigError(
                        f"not an unknown; there are {allowed}{nearest_hint(name, allowed)}", key=f"{group}.{name}"
                    )
        for unknown in own:
            for name in unknown.states if unknown.time_order else ():
                if name not in initial:
                    what = "the initial state" if name in self.written else "the initial rate"
                    origin = self.system.origin(unknown).name
                    raise ConfigError(f"missing; {what} of {origin!r} must be given", key=f"initial.{name}")


def refuse_labels_of_others(labels: Collection[str], known: Sequence[str]) -> None:
    """Refuse labels of what there is not.

    Raises
    ------
    ConfigError
    """
    for name in labels:
        if name not in known:
            raise ConfigError(f"no such variable; there are {known}{nearest_hint(name, known)}", key=f"labels.{name}")


def refuse_unreadable(exact: Mapping[str, Any], names: Sequence[str], known: Mapping[str, Any]) -> None:
    """Refuse exact solutions that are no expressions; not their values, which may be infinite at the start, as of a point source.

    Raises
    ------
    PdekitError
    """
    for name, given in exact.items():
        if isinstance(given, str):
            try:
                parse_sampled(given, list(names), known)
            except PdekitError as error:
                raise error.under(f"exact.{name}") from None


def refuse_short_tables(
    system: EquationSystem,
    conditions: Mapping[str, Mapping[str, FaceConditions]],
    times: Collection[float | None],
) -> None:
    """Refuse data in time that do not cover the whole span, where it is known.

    Parameters
    ----------
    system : EquationSystem
    conditions : mapping of str to mapping of str to FaceConditions
    times : collection of float or None
        Start and end.

    Raises
    ------
    PdekitError
    """
    pairs = [pair for faces in conditions.values() for pair in faces.values()]
    given = [c for pair in pairs for c in (*pair.left, *pair.right)]
    data = [value for c in given for value in (c.value, *c.coefficients) if isinstance(value, sp.Expr)]
    t = system.t
    for function in {f for e in (*system.expressions, *data) for f in e.atoms(DataFunction) if f.args == (t,)}:
        for at in times:
            if at is not None:
                compile_expression(function, [t])(at)
