"""Bounds of unknowns: constraints at all times, projections at some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pdekit.discretize.bounds import Bounds
from pdekit.discretize.layout import Layout
from pdekit.errors import ConfigError
from pdekit.language.constraints import split_constraint
from pdekit.language.equation_system import Unknown
from pdekit.posing.given_data import GivenData, one_number
from pdekit.typing import Array

BEYOND = 1e-9  # of the greatest value: more is no rounding


@dataclass(frozen=True, eq=False)
class BoundedUnknowns:
    """The bounds of a problem.

    Parameters
    ----------
    unknowns : mapping of str to Unknown
        Those that may be bounded.
    constraints : sequence of str
        ``u >= psi``.
    projections : mapping of str to tuple of float
        The same, with the times at which they hold.
    is_steady, is_complex : bool
    data : GivenData
    """

    unknowns: Mapping[str, Unknown]
    constraints: Sequence[str]
    projections: Mapping[str, tuple[float, ...]]
    is_steady: bool
    is_complex: bool
    data: GivenData

    @cached_property
    def on_grid(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """The lower and the upper bounds by unknown."""
        found: dict[str, dict[str, Array]] = {">=": {}, "<=": {}}
        for number, text in enumerate(self.constraints):
            where = f"constraints[{number}]"
            name, sign, values = self._bound(text, where)
            if self.unknowns[name].time_order != (0 if self.is_steady else 1):
                raise ConfigError(
                    f"constraints are for unknowns of equations of first order in time, and of steady problems; {name} is none of these",
                    key=where,
                )
            if name in found[sign]:
                raise ConfigError(f"there is a constraint {name} {sign} ... already", key=where)
            found[sign][name] = values
        for name in found[">="].keys() & found["<="].keys():
            if np.any(found[">="][name] > found["<="][name]):
                raise ConfigError(
                    f"the bounds of {name} contradict each other somewhere on the grid", key="constraints"
                )
        return found[">="], found["<="]

    def _bound(self, text: str, where: str, t: float | None = None) -> tuple[str, str, Array]:
        """The unknown, the sign and the values of a bound."""
        name, sign, bound = split_constraint(text, list(self.unknowns), where)
        if self.is_complex:
            raise ConfigError("complex unknowns have no order; bounds are for real ones", key=where)
        values = self.data.sample(bound, where, t)
        return name, sign, one_number(values, where) if self.unknowns[name].is_scalar else values

    @property
    def projection_times(self) -> list[float]:
        """When the state is projected."""
        return sorted({float(t) for times in self.projections.values() for t in times})

    def projected(self, layout: Layout, t: float, y: Array) -> Array:
        """The vector of unknowns with what is beyond the bounds of a time put onto them."""
        near = 1e-12 * max(abs(t), 1.0)
        for text, times in self.projections.items():
            if any(abs(time - t) <= near for time in times):
                name, sign, values = self._bound(text, f"projections.{text}", t)
                lower, upper = ({name: values}, {}) if sign == ">=" else ({}, {name: values})
                y = Bounds.of_fields(layout, lower, upper).projected(y)
        return y

    def check_projections(self, start: float, end: float | None) -> None:
        """Find now what would stop a run at its first projection."""
        for text, times in self.projections.items():
            where = f"projections.{text}"
            if self.is_steady:
                raise ConfigError("a steady problem has no times; give constraints", key=where)
            if not times:
                raise ConfigError("needs the times at which it holds", key=where)
            for t in times:
                if isinstance(t, bool) or not isinstance(t, int | float) or not np.isfinite(t):
                    raise ConfigError(f"expected times, found {t!r}", key=where)
                if t <= start or (end is not None and t > end):
                    until = f" and up to {end:g}" if end is not None else ""
                    raise ConfigError(f"the time {t:g} does not lie within the run, after {start:g}{until}", key=where)
                self._bound(text, where, float(t))

    def refuse_beyond(self, layout: Layout, fields: Mapping[str, Array], t: float, *, only_prescribed: bool) -> None:
        """Refuse values beyond a constraint; of what is solved for with `only_prescribed` none are.

        Raises
        ------
        ConfigError
        """
        grid = self.data.grid
        counted = np.zeros(grid.shape, dtype=bool)
        counted[grid.within] = True
        for sign, bounds in zip((">=", "<="), self.on_grid):
            for name, bound in bounds.items():
                beyond = np.real(bound - fields[name]) if sign == ">=" else np.real(fields[name] - bound)
                if only_prescribed:
                    beyond = np.where(layout.block(name).conditions.prescribed(), beyond, 0.0)
                beyond = beyond if beyond.ndim == 0 else np.where(counted, beyond, 0.0)
                if np.max(beyond) > BEYOND * max(1.0, float(np.nanmax(np.abs(fields[name])))):
                    place = ", ".join(f"{n} = {v:.4g}" for n, v in grid.point(int(np.argmax(beyond))).items())
                    what = "boundary data are" if only_prescribed else "the initial state or boundary data are"
                    raise ConfigError(
                        f"{what} beyond {name} {sign} ... by {np.max(beyond):.3g} at {place}, t = {t:g}",
                        key="constraints",
                    )
