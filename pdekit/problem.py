"""A complete problem: equations, grid, conditions, initial state, time span; and how to solve it."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp

from pdekit.boundary.conditions import SIDES, Dirichlet, FaceConditions, Outflow, collect
from pdekit.boundary.face_data import StateConditions
from pdekit.data.coefficients import Table, as_functions
from pdekit.data.files import FileData
from pdekit.discretize.absorbing_layers import layered_axes, with_absorbing_layers
from pdekit.discretize.characteristics import FaceCheck
from pdekit.discretize.flux_choice import CENTRAL, FluxScheme, asked_scheme, automatic_scheme
from pdekit.discretize.measurement import Measurement
from pdekit.discretize.positive_quantities import positive_quantities
from pdekit.discretize.reconstruction import RECONSTRUCTIONS
from pdekit.discretize.scheme_choices import scheme_choices
from pdekit.discretize.system import SemiDiscrete
from pdekit.discretize.well_posed import refuse_growing_directions, refuse_ill_posed
from pdekit.errors import (
    BoundaryError,
    ConfigError,
    PdekitError,
    nearest_hint,
)
from pdekit.geometry.grid import Field, Grid
from pdekit.geometry.values import call_by_name, sample_values
from pdekit.language.analysis import highest_derivatives
from pdekit.language.constraints import split_constraint
from pdekit.language.convective_fluxes import with_convective_fluxes
from pdekit.language.data_functions import DataFunction
from pdekit.language.evaluate import compile_expression
from pdekit.language.pde import PDE, EquationSystem
from pdekit.language.reductions import refuse_extremes_of_complex
from pdekit.language.sampling import parse_sampled, sample_text
from pdekit.language.scheme_symbols import with_schemes
from pdekit.language.state_numbers import parse_condition, parse_field_of_state, parse_number_of_state
from pdekit.language.symbols import SpatialDerivative
from pdekit.linear.solver_choice import Solvers
from pdekit.settings import ConvergenceSettings, OutputSettings, StopSettings, TimeSettings
from pdekit.solution import Solution
from pdekit.time.method_choice import Choice, choose, is_explicit
from pdekit.typing import Array, Expression

ORDERS = (2, 4, 6, 8)
ADVECTION = ("auto", "central", *RECONSTRUCTIONS)
SPLITTINGS = ("components", "characteristic")


def _names_or_floors(positive: Sequence[str] | Mapping[str, float]) -> tuple[str, ...] | dict[str, float]:
    if isinstance(positive, Mapping):
        return dict(positive)
    return (positive,) if isinstance(positive, str) else tuple(positive)


class Problem:
    """What is to be solved.

    Parameters
    ----------
    pde : PDE
    grid : Grid
    initial : mapping of str to data, optional
        For each unknown u of an equation ``u_t = ...``, and u and ``u_t`` of ``u_tt = ...``: a number, text, array,
        callable of the coordinates (by name), or `FileData`. For steady problems a first guess. A `FileData` without a variable
        instead of the mapping is a results file: all unknowns are those of its last frame, and the start is its time.
    boundary : mapping, optional
        For each unknown: per axis a condition for both ends, or ``{"left": ..., "right": ...}``.
    exact : mapping of str to str or callable, optional
        The exact solution in the coordinates and t.
    order : {2, 4, 6, 8}
        Order of accuracy in space.
    schemes : mapping of str to str or mapping, optional
        How single derivatives are discretized, instead of by central differences: ``{"u_x": "upwind"}`` (leaning against the
        stream), "forward", "backward", "compact", "fourier" or "sbp" (summation by parts); ``{"u_x": {"upwind": 5}}`` says with which accuracy.
    advection : {"auto", "central", "upwind", "muscl", "muscl_minmod", "muscl_van_leer", "weno5", "weno5_js"}
        How all first derivatives of equations of first order in time are discretized: as they stand (central), or as conservative fluxes
        by a limited scheme, which shocks need. "auto" takes weno5 where waves break into shocks that diffusion does not resolve, or a
        jump of the initial state is carried along, and central elsewhere; `flux_scheme` says what it took and why.
    splitting : {"components", "characteristic"}, optional
        How limited schemes reconstruct systems: component by component, or by the eigenvectors of the flux Jacobian. Default is
        characteristic where "auto" took the scheme or something is to stay positive, components otherwise.
    positive : sequence of str, or mapping of str to number
        What limited schemes are to keep positive: unknowns and definitions made of them (a pressure), concave in the states. A
        mapping says what counts as zero, else it is 1e-10 of the greatest initial value.
    time : TimeSettings, optional
    output : OutputSettings, optional
    convergence : ConvergenceSettings, optional
    stop : StopSettings, optional
        What ends a run before its time.
    constraints : sequence of str, optional
        Bounds that unknowns keep, ``"u >= psi"`` or ``"u <= psi"`` with psi in coordinates and parameters: where a bound is reached the
        equation becomes an inequality (obstacle problems, American options).
    title : str
    labels : mapping of str to mapping, optional
        ``units`` and ``long_name`` of unknowns.

    Raises
    ------
    PdekitError
        Anything missing, superfluous, of the wrong shape, or ill-posed.

    Examples
    --------
    >>> import pdekit as pk
    >>> rod = pk.Problem(pk.PDE("u_t = D*u_xx", parameters={"D": 0.1}), pk.Grid(x=pk.Axis(0, 1, 21)),
    ...                  initial={"u": "sin(pi*x)"}, boundary={"u": {"x": pk.Dirichlet(0)}})
    >>> bool(rod.solve(t_end=1.0)["u"].max() < 0.4)
    True
    """

    def __init__(
        self,
        pde: PDE,
        grid: Grid,
        *,
        initial: Mapping[str, Any] | FileData | None = None,
        boundary: Mapping[str, Any] | None = None,
        exact: Mapping[str, Any] | None = None,
        order: int = 2,
        schemes: Mapping[str, Any] | None = None,
        advection: str = "auto",
        splitting: str | None = None,
        positive: Sequence[str] | Mapping[str, float] = (),
        time: TimeSettings | None = None,
        output: OutputSettings | None = None,
        convergence: ConvergenceSettings | None = None,
        stop: StopSettings | None = None,
        constraints: Sequence[str] = (),
        title: str = "",
        labels: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.pde, self.grid, self.title = pde, grid, title
        self._initial_fields: dict[str, Array] | None = None
        self.time = time or TimeSettings()
        self.initial = {} if isinstance(initial, FileData) else dict(initial or {})
        self.boundary = dict(boundary or {})
        self.exact = dict(exact or {})
        self.order, self.schemes, self.advection = order, dict(schemes or {}), advection
        self.splitting, self.positive = splitting, _names_or_floors(positive)
        self.output = output or OutputSettings()
        self.convergence = convergence or ConvergenceSettings()
        self.stop = stop or StopSettings()
        self.constraints = (constraints,) if isinstance(constraints, str) else tuple(constraints)
        self.labels = {name: dict(entry) for name, entry in (labels or {}).items()}
        if order not in ORDERS:
            raise ConfigError(f"allowed are {list(ORDERS)}, found {order!r}", key="discretization.order")
        if advection not in ADVECTION:
            allowed = ", ".join(ADVECTION)
            raise ConfigError(
                f"allowed are {allowed}, found {advection!r}{nearest_hint(advection, ADVECTION)}",
                key="discretization.advection",
            )
        if splitting is not None and splitting not in SPLITTINGS:
            raise ConfigError(
                f"allowed are {', '.join(SPLITTINGS)}, found {splitting!r}", key="discretization.splitting"
            )
        numbers = pde.parameter_values(grid.names)
        data = as_functions(pde.data_parameters(), grid, numbers, order)
        kept = [n for n in self.boundary if n in pde.definitions]
        self.system: EquationSystem = pde.bind(grid.names, kept, grid.calculus, data)
        self.written = self.system  # without the equations of absorbing layers
        self._waves = tuple(u.name for u in self.system.unknowns)
        self.system = with_absorbing_layers(self.system, grid, self.time.start)
        if isinstance(initial, FileData):
            self.initial = self._last_frame(initial)
        self._check_names()
        if all(u.is_scalar for u in self.system.unknowns):
            raise ConfigError(
                "all unknowns are scalars: there is no field; scipy.integrate.solve_ivp is for such systems",
                key="scalars",
            )
        self.conditions = self._collect_boundary()
        self._check_far_fields()
        self._check_tables()
        refuse_ill_posed(self.system, grid, self.initial_fields, self.time.start, self.is_complex)
        for expression in self.system.expressions:
            self._ordered(expression)
        if not self.is_complex:
            refuse_growing_directions(self.system, grid, self.initial_fields, self.time.start)
        self._check_exact()
        self.semidiscrete  # noqa: B018  (everything that can be wrong is found now)
        self._check_constraints()
        self.series, self.ending = self._measurements()
        self.derived = self._derived_fields()
        faces = FaceCheck(
            self.system, grid, self._counted_conditions(), self.initial_fields, self.time.start, self.conditions
        )
        self._notes_on_faces = [] if self.steady else faces.run()

    def __repr__(self) -> str:
        return f"<Problem {self.title!r}: {'; '.join(self.pde.equations) or 'Python right-hand side'} on {self.grid!r}>"

    def _repr_html_(self) -> str:
        from pdekit.reporting.notebook import problem_html

        return problem_html(self)

    def replace(self, **changes: Any) -> Problem:
        """The same problem with some of its constructor's arguments changed."""
        return Problem(**{"pde": self.pde, "grid": self.grid, **self.arguments(), **changes})

    def arguments(self) -> dict[str, Any]:
        """What the constructor was given, pde and grid apart, by the names of its arguments."""
        names = [name for name in inspect.signature(Problem).parameters if name not in ("pde", "grid")]
        return {name: getattr(self, name) for name in names}

    # ------------------------------------------------------------------------------------------- checks

    @property
    def steady(self) -> bool:
        """Whether all equations are ``0 = ...``."""
        return all(u.time_order == 0 for u in self.system.unknowns)

    def _check_names(self) -> None:
        unknowns = list(self._waves)  # those of absorbing layers are nobody's
        rates = [f"{u.name}_t" for u in self.system.unknowns if u.time_order == 2]
        for group, given, allowed in (
            ("initial", self.initial, [*unknowns, *rates]),
            ("boundary", self.boundary, [*unknowns, *self.pde.definitions]),
            ("exact", self.exact, [*unknowns, *rates]),
        ):
            for name in given:
                if name not in allowed:
                    raise ConfigError(
                        f"not an unknown; there are {allowed}{nearest_hint(name, allowed)}", key=f"{group}.{name}"
                    )
        for unknown in self.system.unknowns:
            for name in unknown.states if unknown.time_order and unknown.name in self._waves else ():
                if name not in self.initial:
                    what = "the initial rate" if name.endswith("_t") and name != unknown.name else "the initial state"
                    raise ConfigError(f"missing; {what} of {unknown.name!r} must be given", key=f"initial.{name}")

    def _check_far_fields(self) -> None:
        """Refuse states beyond a face where no limited flux takes them."""
        highest = highest_derivatives(self.system)
        for name, faces in self.conditions.items():
            for axis, side in product(faces, SIDES):
                if not any(c.is_beyond for c in faces[axis][side]):
                    continue
                key = f"boundary.{name}.{axis}.{side}"
                if highest.get(name, {}).get(axis, 0) > 1:
                    raise BoundaryError("far_field is for first derivatives; there is diffusion, give neumann", key=key)
                if not self.flux_scheme.is_limited:
                    raise BoundaryError(
                        "far_field is for limited schemes; give discretization.advection, weno5 say", key=key
                    )

    def _check_tables(self) -> None:
        """Refuse data in time that do not cover the whole span, where it is known."""
        data = [
            d
            for faces in self.conditions.values()
            for f in faces.values()
            for c in (*f.left, *f.right)
            for d in (c.value, *c.coefficients)
        ]
        expressions = [*self.system.expressions, *(d for d in data if isinstance(d, sp.Expr))]
        t = self.system.t
        for function in {f for e in expressions for f in e.atoms(DataFunction) if f.args == (t,)}:
            for at in (self.time.start, self.time.end):
                if at is not None:
                    compile_expression(function, [t])(at)

    def _check_exact(self) -> None:
        """Find now what is no expression; not its values, which may be infinite at the start, as of a point source."""
        for name, given in self.exact.items():
            if isinstance(given, str):
                try:
                    parse_sampled(given, [*self.grid.names, *self._parameters, "t"], self.system.known)
                except PdekitError as error:
                    raise error.under(f"exact.{name}") from None

    def _measurements(self) -> tuple[dict[str, Measurement], Measurement | None]:
        """The numbers of the state that are recorded, and the one that ends a run."""
        found, name = {}, "stop.when"
        try:
            ending = None
            if self.stop.when is not None:
                ending = Measurement(self.semidiscrete, self._ordered(parse_condition(self.stop.when, self.system)))
            for name, text in self.output.series.items():
                if not name.isidentifier() or name == "t":
                    raise ConfigError("is no name for a series")
                number = self._ordered(parse_number_of_state(str(text), self.system))
                found[name] = Measurement(self.semidiscrete, number)
        except PdekitError as error:
            raise error.under(name if name == "stop.when" else f"output.series.{name}") from None
        return found, ending

    def _ordered(self, expression: Expression) -> Expression:
        """The expression itself; refused if it asks for the greatest or the least of complex values."""
        if self.is_complex:
            refuse_extremes_of_complex(expression)
        return expression

    def _derived_fields(self) -> dict[str, Any]:
        """The expressions of the further fields that are stored."""
        taken = {*map(str, self.system.states), *self.grid.names, *self.output.series, "t"}
        found = {}
        for name, text in self.output.fields.items():
            key = f"output.fields.{name}"
            if not name.isidentifier() or name in taken:
                raise ConfigError("is no name for a field, or the name of something else", key=key)
            try:
                found[name] = self._ordered(parse_field_of_state(str(text), self.system))
                for symbol in found[name].atoms(SpatialDerivative):
                    self.semidiscrete.program.term(symbol)
            except PdekitError as error:
                raise error.under(key) from None
        return found

    def _collect_boundary(self) -> dict[str, dict[str, FaceConditions]]:
        highest = highest_derivatives(self.system)
        axes = {name: axis.periodic for name, axis in zip(self.grid.names, self.grid.axes)}
        collected: dict[str, dict[str, FaceConditions]] = {}
        kept = {*self._waves, *map(str, self.system.definitions)}  # the others are those of absorbing layers
        for name in (*(u.name for u in self.system.unknowns), *map(str, self.system.definitions)):
            given = self.boundary.get(name) or {}
            if name in self.pde.scalars:
                if given:
                    raise BoundaryError("a scalar unknown has no faces", key=f"boundary.{name}")
                collected[name] = {}
                continue
            if not isinstance(given, Mapping):
                raise BoundaryError("give conditions per axis, {x: ...}", key=f"boundary.{name}")
            poles = {axis: self.grid.poles(axis) for axis in axes}
            layered = set() if name in self.pde.definitions else set(layered_axes(self.grid))
            free: dict[str, dict[str, Any]] = {
                axis: {side: Outflow() for side in SIDES if side not in poles[axis]}
                for axis, periodic in axes.items()
                if not periodic and axis not in given and (name not in kept or not highest.get(name, {}).get(axis))
            }
            if name in self._waves:
                free |= {axis: {side: Dirichlet(0) for side in SIDES} for axis in layered if axis not in given}
            collected[name] = collect({**free, **given}, axes, name, poles)
            for axis, faces in collected[name].items():
                collected[name][axis] = faces.mapped(partial(self._face_data, where=f"boundary.{name}.{axis}"))
        return collected

    def _face_data(self, data: Any, where: str) -> Any:
        """Data of a condition, those in files read."""
        try:
            return data.array() if isinstance(data, FileData) else self._symbolic(data, where)
        except PdekitError as error:
            raise error.under(where) from None

    def _symbolic(self, data: Any, where: str) -> Any:
        """Tables as expressions, other data as they are."""
        try:
            return data.expression(self.grid.names) if isinstance(data, Table) else data
        except PdekitError as error:
            raise error.under(where) from None

    def _counted_conditions(self) -> dict[str, dict[str, FaceConditions]]:
        """The conditions that must fit the characteristics: limited schemes take slopes for how a state goes on beyond a face."""
        if not self.flux_scheme.is_limited:
            return self.conditions
        highest, counted = highest_derivatives(self.system), {}
        for name, faces in self.conditions.items():
            counted[name] = {
                axis: pair if highest.get(name, {}).get(axis, 0) > 1 else pair.only_dirichlet()
                for axis, pair in faces.items()
            }
        return counted

    @cached_property
    def is_complex(self) -> bool:
        """Whether equations, initial state or boundary data are complex."""
        if self.system.is_complex:
            return True
        given = list(self.initial.values())
        for faces in self.conditions.values():
            for pair in faces.values():
                for condition in (*pair.left, *pair.right):
                    given += [condition.value, *condition.coefficients]
        return any(self._is_complex_data(value) for value in given)

    def _is_complex_data(self, value: Any) -> bool:
        states = {str(state): 0.0 for state in self.system.states}
        names = {**states, **self.grid.coordinates, **self._parameters, "t": self.time.start}
        try:
            if isinstance(value, FileData):
                value = value.load(self.grid.shape)
            elif isinstance(value, str | sp.Expr):
                value = sample_text(value, names, self.system.known)
            elif callable(value) and not isinstance(value, Field):
                value = call_by_name(value, names)
        except PdekitError:
            return False  # reported with its place where the data are used
        return bool(np.iscomplexobj(getattr(value, "values", value)))

    @property
    def _parameters(self) -> dict[str, Any]:
        return {str(s): v for s, v in self.system.parameters.items()}

    @cached_property
    def semidiscrete(self) -> SemiDiscrete:
        """The discretized system."""
        dtype = complex if self.is_complex else float
        choices = scheme_choices(self.system, self.schemes, self.order, self.grid)
        system = with_schemes(self.system, choices)
        fluxes = self.flux_scheme
        if fluxes.is_limited:
            system = with_convective_fluxes(system, fluxes.scheme, fluxes.splitting, self._positive_quantities())
        elif self.positive or self.splitting:
            key = "positive" if self.positive else "splitting"
            raise ConfigError("is for limited schemes; give advection, weno5 say", key=f"discretization.{key}")
        lower, upper = self._bounds
        return SemiDiscrete(
            system, self.grid, self.conditions, order=self.order, dtype=dtype, lower=lower, upper=upper,
            why_limited=fluxes.reason, keeps_positive=bool(self.positive),
        )  # fmt: skip

    @cached_property
    def flux_scheme(self) -> FluxScheme:
        """How first derivatives are discretized, and why."""
        if self.advection != "auto":
            return asked_scheme(self.advection, self.splitting, bool(self.positive), len(self.system.unknowns))
        time = self.time
        plain = not (self.steady or self.is_complex or self.schemes or self.constraints or time.implicit)
        if not is_explicit(time.method) or not plain or time.precision == "single":
            return CENTRAL
        duration = np.inf if time.end is None else time.end - time.start
        found = automatic_scheme(
            self.system, self.grid, self.conditions, self._filled_initial_fields, time.start, duration
        )
        return replace(found, splitting=self.splitting) if found.is_limited and self.splitting else found

    def with_jacobian(self) -> Problem:
        """The same problem for what needs a Jacobian: a limited scheme that was not asked for is left out."""
        return self.replace(advection="central") if self.advection == "auto" and self.flux_scheme.is_limited else self

    def fixed_fluxes(self) -> dict[str, Any]:
        """The arguments by which the same problem on another grid has the same scheme."""
        fluxes = self.flux_scheme
        return {"advection": fluxes.scheme, "splitting": fluxes.splitting if fluxes.is_limited else None}

    def _positive_quantities(self) -> list[tuple[Expression, float]]:
        """What is to stay positive, and what counts as zero."""
        return positive_quantities(self.system, self.grid, self.positive, self.initial_fields(), self.time.start)

    def _filled_initial_fields(self) -> dict[str, Array]:
        """The initial state with the prescribed values in place."""
        fields = {name: np.array(values, dtype=float) for name, values in self.initial_fields().items()}
        values = self._parameters
        states = {str(s): s for s in self.system.states}
        for name, faces in self.conditions.items():
            if name in fields and fields[name].ndim:
                found = StateConditions.resolve(name, faces, self.grid, values, self.system.known, states)
                found.fill(fields[name], self.time.start)
        return fields

    @cached_property
    def _bounds(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """The bounds of unknowns on the grid."""
        found: dict[str, dict[str, Array]] = {">=": {}, "<=": {}}
        unknowns = {u.name: u for u in self.system.unknowns}
        for number, text in enumerate(self.constraints):
            where = f"constraints[{number}]"
            name, sign, bound = split_constraint(text, list(unknowns), where)
            if unknowns[name].time_order != (0 if self.steady else 1):
                raise ConfigError(
                    f"constraints are for unknowns of equations of first order in time, and of steady problems; {name} is none of these",
                    key=where,
                )
            if self.is_complex:
                raise ConfigError("complex unknowns have no order; constraints are for real ones", key=where)
            if name in found[sign]:
                raise ConfigError(f"there is a constraint {name} {sign} ... already", key=where)
            values = self.sample(bound, where)
            found[sign][name] = self._number(values, where) if unknowns[name].is_scalar else values
        for name in found[">="].keys() & found["<="].keys():
            if np.any(found[">="][name] > found["<="][name]):
                raise ConfigError(
                    f"the bounds of {name} contradict each other somewhere on the grid", key="constraints"
                )
        return found[">="], found["<="]

    def _check_constraints(self) -> None:
        """Refuse an initial state, or boundary data at the start, beyond a bound."""
        if not self.constraints:
            return
        start = dict(self.initial_fields())
        for block in self.semidiscrete.blocks:
            start[block.name] = np.array(start[block.name], dtype=self.semidiscrete.dtype)
            block.conditions.fill(start[block.name], self.time.start)
        self.refuse_beyond_bounds(start, self.time.start, only_prescribed=self.steady)

    def refuse_beyond_bounds(self, fields: Mapping[str, Array], t: float, *, only_prescribed: bool = True) -> None:
        """Refuse values beyond a constraint.

        Parameters
        ----------
        fields : mapping of str to array
            All states on the grid.
        t : float
        only_prescribed : bool
            Look at boundary data only: what is solved for keeps the constraints.

        Raises
        ------
        ConfigError
        """
        for sign, bounds in zip((">=", "<="), self._bounds):
            for name, bound in bounds.items():
                beyond = np.real(bound - fields[name]) if sign == ">=" else np.real(fields[name] - bound)
                if only_prescribed:
                    beyond = np.where(self.semidiscrete.layout.block(name).conditions.prescribed(), beyond, 0.0)
                if np.max(beyond) > 1e-9 * max(1.0, float(np.max(np.abs(fields[name])))):
                    point = self.grid.point(int(np.argmax(beyond)))
                    place = ", ".join(f"{n} = {v:.4g}" for n, v in point.items())
                    what = "boundary data are" if only_prescribed else "the initial state or boundary data are"
                    raise ConfigError(
                        f"{what} beyond {name} {sign} ... by {np.max(beyond):.3g} at {place}, t = {t:g}",
                        key="constraints",
                    )

    def sample(self, source: Any, what: str, t: float | None = None) -> Array:
        """Values of data (text, number, array, callable or file) on the grid."""
        names: dict[str, Any] = {**self.grid.coordinates, **self._parameters}
        if t is not None:
            names["t"] = t
        if source is None:
            raise ConfigError("expected a number, an expression, an array, a function or a file, found None", key=what)
        try:
            source = self._symbolic(source, what)
            if isinstance(source, FileData):
                return source.load(self.grid.shape)
            if isinstance(source, str | sp.Expr):
                values = np.asarray(sample_text(source, names, self.system.known))
                return np.broadcast_to(values, self.grid.shape)
            return sample_values(source, self.grid.shape, names)
        except PdekitError as error:
            raise error.under(what) from None

    def take_initial_fields(self) -> dict[str, Array]:
        """The same, kept no longer: for the run that begins with them."""
        fields = self.initial_fields()
        self._initial_fields = None
        return fields

    def initial_fields(self) -> dict[str, Array]:
        """Full arrays of the initial state (or first guess), as given; evaluated once until a run takes them."""
        if self._initial_fields is None:
            self._initial_fields = self._evaluated_initial()
        return self._initial_fields

    def _evaluated_initial(self) -> dict[str, Array]:
        fields = {}
        for unknown in self.system.unknowns:
            for name in unknown.states:
                fields[name] = self.sample(self.initial.get(name, 0.0), f"initial.{name}", self.time.start)
                if unknown.is_scalar:
                    fields[name] = self._number(fields[name], f"initial.{name}")
                if not np.all(np.isfinite(fields[name])):
                    raise ConfigError("is not finite everywhere on the grid", key=f"initial.{name}")
        return fields

    def _last_frame(self, file: FileData) -> dict[str, Any]:
        """All unknowns of the last frame of a results file; the start becomes its time."""
        found: dict[str, Any] = {n: FileData(file.file, n) for u in self.system.unknowns for n in u.states}
        times = FileData(file.file, "t").array()
        times = times[np.isfinite(times)]
        if not times.size:
            raise ConfigError(f"{file.file} holds no frame", key="initial.file")
        self.time = replace(self.time, start=float(times[-1]))
        for name in self.pde.scalars:
            found[name] = found[name].array()[times.size - 1].item()
        return found

    @staticmethod
    def _number(values: Array, where: str) -> Array:
        """The value of a scalar unknown, as an array without axes."""
        if np.ptp(values):
            raise ConfigError("is a field where a number is needed: the unknown is a scalar", key=where)
        return np.array(values.flat[0])

    def exact_values(self, name: str, t: float) -> Array:
        """The exact solution on the grid; of a scalar unknown its value."""
        values = self.sample(self.exact[name], f"exact.{name}", t)
        return self._number(values, f"exact.{name}") if name in self.pde.scalars else values

    def notes(self) -> list[str]:
        """What is questionable but not wrong: data that do not fit together at the start, in words."""
        found = list(self._notes_on_faces)
        t = self.time.start
        fields = self.initial_fields()
        for block in self.semidiscrete.blocks:
            for conflict in block.conditions.corner_conflicts(t):
                found.append(f"boundary.{block.name}: {conflict}")
            if self.steady:
                continue
            prescribed = block.conditions.prescribed()
            if not prescribed.any():
                continue
            forced = np.array(fields[block.name], dtype=self.semidiscrete.dtype)
            block.conditions.fill(forced, t)
            gap = np.abs(forced - fields[block.name])
            scale = max(float(np.max(np.abs(fields[block.name]))), float(np.max(np.abs(forced))))
            if float(gap.max()) > 1e-8 * max(scale, 1e-300):
                point = self.grid.point(int(np.argmax(gap)))
                where = ", ".join(f"{n} = {v:.4g}" for n, v in point.items())
                found.append(
                    f"initial.{block.name}: differs from the boundary data by {gap.max():.3g} at {where}; the boundary data are used there"
                )
        return found

    # ------------------------------------------------------------------------------------------- solving

    def as_solved(self, time: TimeSettings, output: OutputSettings) -> Problem:
        """This problem, discretized already, with the settings of one run: what its file says."""
        made = copy.copy(self)
        made.time, made.output = time, output
        return made

    def span(self, t_end: float | None) -> tuple[float, float]:
        """Start and end of the time span."""
        end = self.time.end if t_end is None else t_end
        if end is None:
            raise ConfigError("missing; say how far to integrate (t_end)", key="time.end")
        if not end > self.time.start:
            raise ConfigError(f"must be after the start {self.time.start:g}, found {end:g}", key="time.end")
        return self.time.start, float(end)

    def choice(
        self,
        t_end: float | None = None,
        method: str | None = None,
        step: float | None = None,
        solvers: Solvers | None = None,
    ) -> Choice:
        """The time integration method and the reasons for it, without running anything; `solvers`: those made before."""
        start, end = self.span(t_end)
        settings = self.time
        asked = settings.method if method is None else method
        system = (self if is_explicit(asked) else self.with_jacobian()).semidiscrete
        y = system.pack(self.initial_fields())
        return choose(
            system,
            start,
            y,
            end - start,
            method=asked,
            step=settings.step if step is None else step,
            rtol=settings.rtol,
            single=settings.precision == "single",
            implicit=settings.implicit,
            solvers=solvers,
        )

    def solve(
        self,
        t_end: float | None = None,
        *,
        method: str | None = None,
        step: float | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        seed: int | None = None,
        samples: int | None = None,
        times: Sequence[float] | None = None,
        every: float | None = None,
        frames: int | None = None,
        output: str | Path | None = None,
        force: bool = False,
        keep: bool = True,
        progress: Callable[[float, int], None] | bool | None = None,
        choice: Choice | None = None,
    ) -> Solution:
        """Solve the problem.

        Parameters
        ----------
        t_end : float, optional
            End of the time span; default is the problem's own.
        method, step, rtol, atol, seed, samples : optional
            Instead of those of the problem's `time`.
        times, every, frames : optional
            Output times; start and end are always among them.
        output : path, optional
            An HDF5 file, written frame by frame.
        force : bool, default False
            Replace an existing file.
        keep : bool, default True
            Keep all frames in memory, not only the last.
        progress : callable of (t, steps) or bool, optional
            Told after every step; True writes a line to the standard error now and then.
        choice : Choice, optional
            A method chosen before, with `Problem.choice`.

        Returns
        -------
        Solution

        Raises
        ------
        StabilityError, SolverError, StorageError
            A file that was begun stays valid and says why the run ended.
        """
        from pdekit.solving import solve

        return solve(
            self, t_end, method=method, step=step, rtol=rtol, atol=atol, seed=seed, samples=samples, times=times, every=every,
            frames=frames, output=output, force=force, keep=keep, progress=progress, choice=choice,
        )  # fmt: skip

    def sensitivity(self, parameters: Sequence[str], t_end: float | None = None, **frames: Any) -> Any:
        """Derivatives of the solution by parameters; see `pdekit.inverse.sensitivity.sensitivity`."""
        from pdekit.inverse.sensitivity import sensitivity

        return sensitivity(self, parameters, t_end, **frames)

    def gradient(self, objective: Any, parameters: Sequence[str], t_end: float | None = None, **frames: Any) -> Any:
        """Derivatives of a number of the solution by parameters; see `pdekit.inverse.sensitivity.gradient`."""
        from pdekit.inverse.sensitivity import gradient

        return gradient(self, objective, parameters, t_end, **frames)

    def to_yaml(self) -> str:
        """This problem as a config."""
        from pdekit.io.write import problem_to_yaml

        return problem_to_yaml(self)

    def to_python(self) -> str:
        """This problem as a Python program."""
        from pdekit.io.write import problem_to_python

        return problem_to_python(self)
