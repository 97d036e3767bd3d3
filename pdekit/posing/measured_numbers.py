"""What is recorded of a state beside the unknowns: series, further fields, the condition that ends a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pdekit.discretize.measurement import Measurement
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import ConfigError, PdekitError
from pdekit.language.equation_system import EquationSystem
from pdekit.language.reductions import refuse_extremes_of_complex
from pdekit.language.state_numbers import parse_condition, parse_field_of_state, parse_number_of_state
from pdekit.language.symbols import SpatialDerivative
from pdekit.typing import Expression


@dataclass(frozen=True, eq=False)
class MeasuredNumbers:
    """Reads what is to be measured.

    Parameters
    ----------
    equations : EquationSystem
    system : SemiDiscrete
    """

    equations: EquationSystem
    system: SemiDiscrete

    def ending(self, text: str | None) -> Measurement | None:
        """What ends a run when it becomes true."""
        if text is None:
            return None
        try:
            return Measurement(self.system, self._ordered(parse_condition(text, self.equations)))
        except PdekitError as error:
            raise error.under("stop.when") from None

    def series(self, given: Mapping[str, Any]) -> dict[str, Measurement]:
        """The numbers that are recorded."""
        found = {}
        for name, text in given.items():
            try:
                if not name.isidentifier() or name == "t":
                    raise ConfigError("is no name for a series")
                number = self._ordered(parse_number_of_state(str(text), self.equations))
                found[name] = Measurement(self.system, number)
            except PdekitError as error:
                raise error.under(f"output.series.{name}") from None
        return found

    def fields(self, given: Mapping[str, Any], taken: set[str]) -> dict[str, Any]:
        """The expressions of the further fields that are stored; some names are taken."""
        found = {}
        taken = {*map(str, self.equations.states), *self.system.grid.names, *taken, "t"}
        for name, text in given.items():
            key = f"output.fields.{name}"
            if not name.isidentifier() or name in taken:
                raise ConfigError("is no name for a field, or the name of something else", key=key)
            try:
                found[name] = self._ordered(parse_field_of_state(str(text), self.equations))
                for symbol in found[name].atoms(SpatialDerivative):
                    self.system.program.term(symbol)
            except PdekitError as error:
                raise error.under(key) from None
        return found

    def _ordered(self, expression: Expression) -> Expression:
        """The expression itself; refused if it asks for the greatest or the least of complex values."""
        if self.system.dtype.kind == "c":
            refuse_extremes_of_complex(expression)
        return expression
