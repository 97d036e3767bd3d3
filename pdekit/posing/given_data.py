"""Data on a grid, whatever they are given as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from pdekit.data.coefficients import Table
from pdekit.data.files import FileData
from pdekit.errors import ConfigError, PdekitError
from pdekit.geometry.grid import Field, Grid
from pdekit.geometry.values import call_by_name, sample_values
from pdekit.language.sampling import sample_text
from pdekit.typing import Array


@dataclass(frozen=True, eq=False)
class GivenData:
    """Makes values of data.

    Parameters
    ----------
    grid : Grid
    parameters : mapping of str to number
    known : mapping of str to expression
        Parameters and definitions that are functions of the coordinates and t.
    """

    grid: Grid
    parameters: Mapping[str, Any]
    known: Mapping[str, Any]

    def symbolic(self, data: Any, where: str) -> Any:
        """Tables as expressions, other data as they are."""
        try:
            return data.expression(self.grid.names) if isinstance(data, Table) else data
        except PdekitError as error:
            raise error.under(where) from None

    def of_condition(self, data: Any, where: str) -> Any:
        """Data of a condition, those in files read."""
        try:
            return data.array() if isinstance(data, FileData) else self.symbolic(data, where)
        except PdekitError as error:
            raise error.under(where) from None

    def sample(self, source: Any, what: str, t: float | None = None) -> Array:
        """Values of data (text, number, array, callable or file) on the grid.

        Of those that cannot be had on a part of a grid alone, which are arrays and noise, the whole is made and cut.
        """
        grid = self.grid
        if isinstance(source, FileData | Field | np.ndarray) or (isinstance(source, str) and "noise" in source):
            grid = grid.whole
        found = self._sampled_on(grid, source, what, t)
        return found if grid is self.grid else found[np.ix_(*(axis.index for axis in self.grid.axes))]

    def _sampled_on(self, grid: Grid, source: Any, what: str, t: float | None) -> Array:
        names: dict[str, Any] = {**grid.places, **self.parameters}
        if t is not None:
            names["t"] = t
        if source is None:
            raise ConfigError("expected a number, an expression, an array, a function or a file, found None", key=what)
        try:
            source = self.symbolic(source, what)
            if isinstance(source, FileData):
                return source.load(grid.shape)
            if isinstance(source, str | sp.Expr):
                return grid.spread(sample_text(source, names, self.known))
            if callable(source):
                shape = np.broadcast_shapes(*(c.shape for c in grid.places.values()))
                return grid.spread(sample_values(source, shape, names))
            return sample_values(source, grid.shape, names)
        except PdekitError as error:
            raise error.under(what) from None

    def finite(self, values: Array, where: str) -> Array:
        """A field with zeros at nodes that do not count; refused if it is not finite elsewhere."""
        within = self.grid.within if values.ndim else ...
        if not np.all(np.isfinite(values[within])):
            raise ConfigError("is not finite everywhere on the grid", key=where)
        return values if within is ... else self.grid.spread(values[within])

    def is_complex(self, value: Any, states: Mapping[str, Any], t: float) -> bool:
        """Whether data are complex; what cannot be had is told where it is used."""
        names = {**states, **self.grid.coordinates, **self.parameters, "t": t}
        try:
            if isinstance(value, FileData):
                value = value.load(self.grid.shape)
            elif isinstance(value, str | sp.Expr):
                value = sample_text(value, names, self.known)
            elif callable(value) and not isinstance(value, Field):
                value = call_by_name(value, names)
        except PdekitError:
            return False
        return bool(np.iscomplexobj(getattr(value, "values", value)))


def one_number(values: Array, where: str) -> Array:
    """The value of a scalar unknown, as an array without axes."""
    if np.ptp(values):
        raise ConfigError("is a field where a number is needed: the unknown is a scalar", key=where)
    return np.array(values.flat[0])
