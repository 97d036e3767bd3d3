"""The steady problems ``F(u; p) = 0`` of a problem, over one of its parameters p."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from pdekit.discretize.low_rank import explicit
from pdekit.discretize.measurement import Measurement
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import ConfigError, PdekitError, nearest_hint
from pdekit.features import Use
from pdekit.language.state_numbers import parse_number_of_state
from pdekit.linear.solver_choice import Solvers
from pdekit.problem import Problem
from pdekit.settings import OutputSettings, StopSettings, TimeSettings
from pdekit.typing import Array, Matrix

DIFFERENCE = 1e-5  # in p, beside its size, for dF/dp: it steers steps and tangents, not solutions
KEPT = 8
FOLLOWED = Use(
    "branches",
    {
        "delays": "branches are not followed over equations with delays",
        "samples": "there is noise in the equations: they have no steady states",
        "noise": "there is noise in the equations: they have no steady states",
        "complex": "complex unknowns have no branches here; write real and imaginary parts as two unknowns",
        "scalars": "branches are followed over fields; there are scalar unknowns",
        "constraints": "branches are not followed along constraints, where solutions bend",
        "projections": "projections happen at times, and steady states have none; leave them out",
        "limited": "limited schemes have no Jacobian; take advection: central",
        "rates_in_space": "time derivatives are differentiated in space: give the steady equations 0 = ...",
        "higher_rates": "there are {words}: give the steady equations 0 = ...",
        "layers": "absorbing layers let waves out, and steady states have none; give conditions at the faces instead",
    },
    ("function", "reductions", "interfaces", "regions", "domain", "stop", "single", "derived"),
)


class SteadyFamily:
    """``F(u; p)``, its Jacobian, and its slope in p.

    An autonomous problem has room for p where time stands: with the parameter ``p: t`` one discretization serves all values. Where
    that would mean something else (a Python right-hand side, which takes numbers; waves, whose boundary data would have a rate) the
    problem is discretized for each value anew.

    Parameters
    ----------
    problem : Problem
    parameter : str

    Raises
    ------
    ConfigError
        There is no such parameter; it is no number; the equations do not contain it, or depend on time, are random, complex, or
        limited.
    """

    def __init__(self, problem: Problem, parameter: str) -> None:
        self.problem, self.parameter = problem.with_jacobian(), parameter
        self.start = self._checked()
        self._made: OrderedDict[float, SemiDiscrete] = OrderedDict()
        first = self.problem.semidiscrete
        self._over_time: SemiDiscrete | None = None
        if first.function is None and first.time_order < 2 and not problem.interfaces:
            self._over_time = self._with("t").semidiscrete
            if not self._over_time.changes_in_time and self._over_time.b_is_constant:
                raise ConfigError("does not stand in the equations or conditions", key=f"parameters.{parameter}")
        self.blocks, self.size, self.grid = first.blocks, first.size, problem.grid
        self.solvers = Solvers(first, problem.time.solver)

    def _checked(self) -> float:
        """The value of the parameter now."""
        problem, name = self.problem, self.parameter
        FOLLOWED.refuse(problem)
        key, parameters = f"parameters.{name}", problem.pde.parameters
        if name not in parameters:
            known = list(parameters)
            raise ConfigError(f"unknown; there are {known}{nearest_hint(name, known)}", key=key)
        value = problem.pde.parameter_values(problem.grid.names).get(name)
        if value is None or isinstance(value, complex):
            raise ConfigError("is no real number, but branches are followed over numbers", key=key)
        system = problem.semidiscrete
        if system.function is None and (system.changes_in_time or not system.b_is_constant):
            raise ConfigError("the equations or conditions depend on t: they have no steady states", key="equations")
        return float(value)

    def _with(self, value: Any) -> Problem:
        """The problem with another value of the parameter, and nothing that does not matter here."""
        pde = self.problem.pde.with_parameters(**{self.parameter: value})
        quiet = {
            "exact": {},
            "output": OutputSettings(),
            "stop": StopSettings(),
            "units": {},
        }  # time stands for the parameter
        time = TimeSettings(start=self.start, solver=self.problem.time.solver)
        return self.problem.replace(pde=pde, time=time, **quiet).with_jacobian()

    def _at(self, p: float) -> tuple[SemiDiscrete, float]:
        """The system, and the time to ask it for."""
        if self._over_time is not None:
            return self._over_time, p
        if p not in self._made:
            self._made[p] = self._with(p).semidiscrete
            if len(self._made) > KEPT:
                self._made.popitem(last=False)
        self._made.move_to_end(p)
        return self._made[p], self.problem.time.start

    def residual(self, y: Array, p: float) -> Array:
        """F."""
        system, t = self._at(p)
        return system.rhs(t, y)

    def jacobian(self, y: Array, p: float) -> Matrix:
        """dF/du."""
        system, t = self._at(p)
        return explicit(system.jacobian(t, y))

    def slope(self, y: Array, p: float) -> Array:
        """dF/dp, by a central difference."""
        h = DIFFERENCE * max(abs(p), abs(self.start), 1e-3)
        return (self.residual(y, p + h) - self.residual(y, p - h)) / (2 * h)

    def unpack(self, y: Array, p: float) -> dict[str, Array]:
        """Full arrays of all unknowns."""
        system, t = self._at(p)
        full = system.unpack(t, y)
        names = [unknown.name for unknown in system.system.unknowns]
        return {name: system.regions.get(name, system.grid).blank(full[name]) for name in names}

    def measured(self, text: str) -> Any:
        """The number of the state that a text names, as a function of y and p.

        Raises
        ------
        PdekitError
            It names none.
        """

        def of(system: SemiDiscrete) -> Measurement:
            try:
                return Measurement(system, parse_number_of_state(text, system.system))
            except PdekitError as error:
                raise error.under("measure") from None

        of(self.problem.semidiscrete)
        kept = None if self._over_time is None else of(self._over_time)

        def value(y: Array, p: float) -> float:
            system, t = self._at(p)
            return float(np.real((kept or of(system)).value(t, y)))

        return value
