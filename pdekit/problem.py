"""A complete problem: equations, grid, conditions, initial state, time span; and how to solve it."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import sympy as sp

from pdekit.boundary.face_data import StateConditions
from pdekit.boundary.interfaces import Interfaces
from pdekit.data.coefficients import as_functions
from pdekit.data.files import FileData
from pdekit.discretize.absorbing_layers import layered_axes, notes_on_layers, with_absorbing_layers
from pdekit.discretize.characteristics import FaceCheck
from pdekit.discretize.domain_checks import refuse_on_domain
from pdekit.discretize.flux_choice import CENTRAL, FluxScheme, asked_scheme, automatic_scheme
from pdekit.discretize.kinks import notes_on_kinks
from pdekit.discretize.positive_quantities import positive_quantities
from pdekit.discretize.reconstruction import RECONSTRUCTIONS
from pdekit.discretize.region_checks import by_region, refuse_reading_outside, resolved_regions
from pdekit.discretize.scheme_choices import scheme_choices
from pdekit.discretize.seams import notes_on_seams
from pdekit.discretize.system import SemiDiscrete
from pdekit.discretize.unread_conditions import notes_on_unread_conditions
from pdekit.discretize.well_posed import refuse_growing_directions, refuse_ill_posed
from pdekit.errors import (
    BoundaryError,
    ConfigError,
    ExpressionError,
    nearest_hint,
)
from pdekit.geometry.domain_grid import grid_of_domain
from pdekit.geometry.grid import Grid
from pdekit.geometry.parts import GridPart, RegionPart
from pdekit.geometry.regions import Region, common_region
from pdekit.language.constraints import split_constraint
from pdekit.language.convective_fluxes import with_convective_fluxes
from pdekit.language.delayed_systems import delays_of, refuse_where_delays_cannot_be, with_past
from pdekit.language.equation_system import EquationSystem
from pdekit.language.interface_terms import with_interface_fluxes
from pdekit.language.pde import PDE
from pdekit.language.reductions import refuse_extremes_of_complex
from pdekit.language.scheme_symbols import with_schemes
from pdekit.linear.solver_choice import Solvers
from pdekit.posing.bounded_unknowns import BoundedUnknowns
from pdekit.posing.face_conditions import GivenConditions, refuse_misplaced_far_fields, without_slopes
from pdekit.posing.fit_at_start import misfits
from pdekit.posing.given_data import GivenData, one_number
from pdekit.posing.given_names import (
    GivenNames,
    refuse_labels_of_others,
    refuse_short_tables,
    refuse_unreadable,
)
from pdekit.posing.measured_numbers import MeasuredNumbers
from pdekit.prehistory import Prehistory
from pdekit.settings import ConvergenceSettings, OutputSettings, StopSettings, TimeSettings
from pdekit.solution import Solution
from pdekit.time.method_choice import Choice, choose, is_explicit
from pdekit.typing import Array, Expression
from pdekit.units.consistency import ProblemParts, consistent_units
from pdekit.units.declared import DeclaredUnits, declare

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
        callable of the coordinates (by name), or `FileData`. Of equations with delays, ``u(t - tau)``, it holds before the start as
        well, and may depend on t. For steady problems a first guess. A `FileData` without a variable
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
    projections : mapping of str to sequence of float, optional
        Bounds that are kept at given times only, with these times: ``{"u >= psi": [0.25, 0.5]}`` (Bermudan options). What is beyond
        is put onto the bound there, and evolves freely again.
    interfaces : mapping of str to mapping, optional
        For an unknown, per axis an `Interface` or several: planes inside of the domain at which it or its flux jumps.
    title : str
    labels : mapping of str to mapping, optional
        ``units`` and ``long_name`` of unknowns.
    units : mapping of str to str, optional
        Units of coordinates, t, unknowns and parameters, ``{"x": "m", "t": "s", "T": "K", "D": "m**2/s"}``. Where they are given, all
        parts of the problem are checked for consistent dimensions, the units that are not given follow from the equations or are
        asked for, parameters and data may be texts such as ``"1.4 cm**2/s"``, and files and pictures carry units.
    domain : str or array, optional
        The part of the box that is the domain: an inequality in the coordinates, ``"(x - 0.5)**2 + y**2 > 0.04"``, several joined by
        ``and``, ``or``; or for every node whether it belongs to it. Conditions on its boundary stand under ``domain`` in `boundary`.
    regions : mapping of str to mapping, optional
        Where unknowns live that do not live on the whole grid, by axis between two of its nodes: ``{"c": {"x": (0, 0.3)}}``. Their conditions in
        `boundary` are on the faces of the region; results are not a number outside of it.

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
        projections: Mapping[str, Sequence[float]] | None = None,
        interfaces: Mapping[str, Any] | None = None,
        title: str = "",
        labels: Mapping[str, Mapping[str, str]] | None = None,
        units: Mapping[str, str] | None = None,
        domain: Any = None,
        regions: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
    ) -> None:
        self.domain, self.regions = domain, dict(regions or {})
        self._initial_fields: dict[str, Array] = {}  # those that are kept until a run takes them, by all copies
        self.output = output or OutputSettings()
        self.labels = {name: dict(entry) for name, entry in (labels or {}).items()}
        self.units = dict(units or {})
        if self.units:
            declared = self._declared(pde, grid)
            pde = declared.pde
            initial = initial if isinstance(initial, FileData) else declared.numbers(initial or {}, "initial")
            boundary = declared.numbers(boundary or {}, "boundary")
            interfaces = declared.interfaces(interfaces or {})
        self.interfaces = dict(interfaces or {})
        grid = Interfaces(self.interfaces).dividing(grid)
        numbers = pde.parameter_values(grid.names)
        self.grid = grid = self._grid_of_domain(grid.box, numbers)
        self.pde, self.title = pde, title
        self.time = time or TimeSettings()
        self.initial = {} if isinstance(initial, FileData) else dict(initial or {})
        self.boundary = dict(boundary or {})
        self.exact = dict(exact or {})
        self.order, self.schemes, self.advection = order, dict(schemes or {}), advection
        self.splitting, self.positive = splitting, _names_or_floors(positive)
        self.convergence = convergence or ConvergenceSettings()
        self.stop = stop or StopSettings()
        self.constraints = (constraints,) if isinstance(constraints, str) else tuple(constraints)
        self.projections = {
            text: (times,) if isinstance(times, int | float) else tuple(times)
            for text, times in (projections or {}).items()
        }
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
        data = as_functions(pde.data_parameters(), grid, numbers, order)
        kept = [n for n in self.boundary if n in pde.definitions]
        self.system: EquationSystem = pde.bind(grid.names, kept, grid.calculus, data)
        self.written = self.system  # without the equations of absorbing layers
        self._waves = tuple(u.name for u in self.system.unknowns)
        self.system = with_absorbing_layers(self.system, grid, self.time.start)
        self.lived_in = resolved_regions(self.regions, self.system, grid, bool(self.constraints or self.projections))
        if isinstance(initial, FileData):
            self.initial = self._last_frame(initial)
        names = GivenNames(self.system, self._waves, self.pde.unknowns, self.pde.definitions)
        names.refuse_others(self.initial, self.boundary, self.exact)
        if delays_of(self.system):
            refuse_where_delays_cannot_be(self.system)
            self.system = self._with_prehistory(grid)
        if all(u.is_scalar for u in self.system.unknowns):
            raise ConfigError(
                "all unknowns are scalars: there is no field; scipy.integrate.solve_ivp is for such systems",
                key="scalars",
            )
        self.conditions = GivenConditions(self.system, self._waves, self.boundary, self.data, self.lived_in).collected()
        refuse_short_tables(self.system, self.conditions, (self.time.start, self.time.end))
        if not grid.is_box:
            refuse_on_domain(self.system, self.conditions)
        self._refuse_ill_posed()
        refuse_unreadable(self.exact, [*grid.names, *self._parameters, "t"], self.system.known)
        is_limited = self.flux_scheme.is_limited
        refuse_misplaced_far_fields(self.system, self.conditions, is_limited)
        written = frozenset(str(s) for s in self.written.states) | frozenset(map(str, self.system.definitions))
        self._notes_on_unread = notes_on_unread_conditions(self.semidiscrete, self.conditions, written)
        self._check_regions()  # everything that can be wrong with the discretized system is found now
        self._check_delays()
        self._check_constraints()
        self.bounded.check_projections(self.time.start, self.time.end)
        self._measured()
        shown = [*self.written.states, *self.system.definitions, *self.system.parameters, *grid.names, "t"]
        refuse_labels_of_others(self.labels, [*map(str, shown), *self.series, *self.derived])
        if self.units:
            self.units, self._units_of_numbers = self._consistent_units(declared)
            axes = {name: axis.with_unit(self.units[name]) for name, axis in zip(grid.names, grid.axes)}
            self.grid = grid.replace(**axes)
            self.variable_regions = {n: Region(self.grid, r.spans) for n, r in self._regions_of_variables().items()}
        self._notes_on_faces = [] if self.steady else self._checked_faces(grid)

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

    def _declared(self, pde: PDE, grid: Grid) -> DeclaredUnits:
        """The units that are given, and the equations with their numbers in them."""
        labelled = {name: axis.unit for name, axis in zip(grid.names, grid.axes)}
        return declare(self.units, pde, labelled, self.labels)

    def _consistent_units(self, declared: DeclaredUnits) -> tuple[dict[str, str], dict[str, str]]:
        """The units of all names, and of what is measured, once all parts of the problem agree."""
        numbers = {f"output.series.{name}": number.expression for name, number in self.series.items()}
        numbers |= {f"output.fields.{name}": expression for name, expression in self.derived.items()}
        if self.ending is not None:
            numbers["stop.when"] = self.ending.expression
        data = [(f"{group}.{n}", n, v) for group in ("initial", "exact") for n, v in getattr(self, group).items()]
        bounds = {f"constraints[{number}]": text for number, text in enumerate(self.constraints)}
        for key, text in (bounds | {f"projections.{text}": text for text in self.projections}).items():
            name, _, bound = split_constraint(text, [u.name for u in self.system.unknowns], key)
            data.append((key, name, bound))
        kept = [name for name in self.boundary if name in self.pde.definitions]
        parts = ProblemParts(self.conditions, data, numbers, Interfaces(self.interfaces).listed())
        units, measured = consistent_units(declared, self.grid, kept, parts)
        return units, {key.rpartition(".")[2]: unit for key, unit in measured.items()}

    @property
    def captions(self) -> dict[str, dict[str, str]]:
        """``units`` and ``long_name`` of everything that is stored, time included."""
        found = {name: dict(entry) for name, entry in self.labels.items()}
        if self.units:
            for name, unit in (self._units_of_numbers | self.units).items():
                found.setdefault(name, {}).setdefault("units", unit)
        return found

    @property
    def steady(self) -> bool:
        """Whether all equations are ``0 = ...``."""
        return all(u.time_order == 0 for u in self.system.unknowns)

    def _grid_of_domain(self, box: Grid, numbers: Mapping[str, Any]) -> Grid:
        """The grid, or those nodes of it that belong to the domain."""
        if self.domain is None:
            return box
        given = self.domain.load(box.shape) if isinstance(self.domain, FileData) else self.domain
        for is_given, what in ((self.interfaces, "interfaces"), (layered_axes(box), "absorbing layers")):
            if is_given:
                raise ConfigError(f"{what} are for boxes, not for domains with other boundaries", key="domain")
        return grid_of_domain(box, given, numbers)

    def _refuse_ill_posed(self) -> None:
        """Refuse diffusion that runs backwards, and extremes of complex numbers."""
        start = self.time.start
        for system, nodes in by_region(self.system, self.grid, self.lived_in):
            refuse_ill_posed(system, nodes, self.initial_fields, start, self.is_complex)
            if not self.is_complex:
                refuse_growing_directions(system, nodes, self.initial_fields, start)
        for expression in self.system.expressions if self.is_complex else ():
            refuse_extremes_of_complex(expression)

    def _check_regions(self) -> None:
        """Refuse equations that read unknowns where they do not exist."""
        system = self.semidiscrete
        if self.lived_in:
            refuse_reading_outside(system, self.time.start, system.pack(self.initial_fields()))

    def _checked_faces(self, whole: Grid) -> list[str]:
        """Notes on faces whose conditions are as many as they need."""
        counted = without_slopes(self.system, self.conditions) if self.flux_scheme.is_limited else self.conditions
        notes = []
        for system, nodes in by_region(self.system, whole, self.lived_in):
            grid = nodes.own if isinstance(nodes, Region) else nodes
            fields = partial(self._initial_fields_on, nodes)
            notes += FaceCheck(system, grid, counted, fields, self.time.start, self.conditions).run()
        return notes

    def _initial_fields_on(self, nodes: Grid) -> dict[str, Array]:
        """The initial state at the nodes of a region, or at all."""
        fields = self.initial_fields()
        return {name: nodes.cut(field) for name, field in fields.items()} if isinstance(nodes, Region) else fields

    def _with_prehistory(self, grid: Grid) -> EquationSystem:
        """The equations with what was before the start."""
        return with_past(self.system, Prehistory(grid, self.time.start, self.initial, self.sample))

    def _check_delays(self) -> None:
        """Refuse what needs a past that is not kept."""
        if not delays_of(self.system):
            return
        for found, key, what in (
            (
                bool(self.constraints),
                "constraints",
                "constraints are not kept by the methods for equations with delays",
            ),
            (
                self.output.checkpoints,
                "output.checkpoints",
                "the past, which equations with delays need, is not stored",
            ),
            (
                self.advection not in ("auto", "central"),
                "discretization.advection",
                "limited schemes do not go with delays",
            ),
        ):
            if found:
                raise ConfigError(what, key=key)

    def _measured(self) -> None:
        """Read what is recorded, and what ends a run."""
        measured = MeasuredNumbers(self.system, self.semidiscrete)
        self.ending = measured.ending(self.stop.when)
        self.series = measured.series(self.output.series)
        self.derived = measured.fields(self.output.fields, set(self.output.series))
        self.variable_regions = self._regions_of_variables()

    def _regions_of_variables(self) -> dict[str, Region]:
        """Where unknowns, and fields made of them, live that do not live on all nodes."""
        by_symbol = {sp.Symbol(name): region for name, region in self.lived_in.items()}
        found = {n: common_region(e.free_symbols, by_symbol, f"output.fields.{n}") for n, e in self.derived.items()}
        return self.lived_in | {name: region for name, region in found.items() if region is not None}

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
        states = {str(state): 0.0 for state in self.system.states}
        return any(self.data.is_complex(value, states, self.time.start) for value in given)

    @property
    def _parameters(self) -> dict[str, Any]:
        return {str(s): v for s, v in self.system.parameters.items()}

    @cached_property
    def semidiscrete(self) -> SemiDiscrete:
        """The discretized system."""
        return self._discretized(SemiDiscrete)

    def discretize(self, make: Callable[..., SemiDiscrete]) -> None:
        """Have the system made by another class, and measured."""
        self.__dict__["semidiscrete"] = self._discretized(make)
        self._measured()

    def _discretized(self, make: Callable[..., SemiDiscrete]) -> SemiDiscrete:
        dtype = complex if self.is_complex else float
        choices = scheme_choices(self.system, self.schemes, self.order, self.grid)
        system = with_schemes(self.system, choices)
        fluxes = self.flux_scheme
        if fluxes.is_limited and layered_axes(self.grid):
            raise ConfigError("limited schemes do not go with absorbing layers", key="discretization.advection")
        if fluxes.is_limited:
            system = with_convective_fluxes(system, fluxes.scheme, fluxes.splitting, self._positive_quantities())
        elif self.positive or self.splitting:
            key = "positive" if self.positive else "splitting"
            raise ConfigError("is for limited schemes; give advection, weno5 say", key=f"discretization.{key}")
        lower, upper = self.bounded.on_grid
        planes = Interfaces(self.interfaces)
        system = self._at_interfaces(system, planes)
        return make(
            system, self.grid, self.conditions, order=self.order, dtype=dtype, lower=lower, upper=upper,
            why_limited=fluxes.reason, keeps_positive=bool(self.positive), interfaces=planes,
            regions=self.lived_in,
        )  # fmt: skip

    @cached_property
    def flux_scheme(self) -> FluxScheme:
        """How first derivatives are discretized, and why."""
        if self.advection != "auto":
            return asked_scheme(self.advection, self.splitting, bool(self.positive), len(self.system.unknowns))
        time = self.time
        plain = not (
            layered_axes(self.grid)
            or self.steady
            or self.is_complex
            or self.schemes
            or self.constraints
            or time.implicit
        )
        plain = plain and self.grid.is_box and not (self.interfaces or self.regions or self.system.operators_on_rates)
        if not plain or delays_of(self.system) or not is_explicit(time.method) or time.on_kernels:
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

    def _at_interfaces(self, system: EquationSystem, planes: Interfaces) -> EquationSystem:
        """The equations with fluxes across interfaces."""
        if not self.interfaces:
            return system
        if self.order != 2:
            raise ConfigError(f"interfaces are of order 2, found {self.order}", key="discretization.order")
        fields = [name for name in self.pde.unknowns if name not in self.pde.scalars]
        for name in self.interfaces:
            if name not in fields:
                raise BoundaryError(
                    f"not an unknown field; there are {fields}{nearest_hint(name, fields)}", key=f"interfaces.{name}"
                )
        crossed = dict.fromkeys((sp.Symbol(name), axis) for name, axis, _ in planes.listed())
        try:
            return with_interface_fluxes(system, list(crossed))
        except ExpressionError as error:
            raise error.under("equations") from None

    @cached_property
    def bounded(self) -> BoundedUnknowns:
        """The bounds of unknowns."""
        given = {u.name: u for u in self.system.unknowns if u.name in self.pde.unknowns}
        return BoundedUnknowns(given, self.constraints, self.projections, self.steady, self.is_complex, self.data)

    def _check_constraints(self) -> None:
        """Refuse an initial state, or boundary data at the start, beyond a bound."""
        if not self.constraints:
            return
        start = dict(self.initial_fields())
        for block in self.semidiscrete.blocks:
            start[block.name] = np.array(start[block.name], dtype=self.semidiscrete.dtype)
            block.conditions.fill(start[block.name], self.time.start, self.system.scalars_of(start))
        layout = self.semidiscrete.layout
        self.bounded.refuse_beyond(layout, start, self.time.start, only_prescribed=self.steady)

    @property
    def data(self) -> GivenData:
        """What makes values of data on the grid."""
        return GivenData(self.grid, self._parameters, self.system.known)

    def sample(self, source: Any, what: str, t: float | None = None) -> Array:
        """Values of data (text, number, array, callable or file) on the grid."""
        return self.data.sample(source, what, t)

    def nodes_of(self, name: str) -> Grid:
        """The grid with the nodes on which a variable lives."""
        return self.variable_regions.get(name, self.grid)

    def _data_of(self, name: str) -> GivenData:
        """What makes values of data of a variable."""
        return GivenData(self.lived_in.get(name, self.grid), self._parameters, self.system.known)

    def take_initial_fields(self) -> dict[str, Array]:
        """The same, kept no longer: for the run that begins with them."""
        fields = dict(self.initial_fields())
        self.release_initial_fields()
        return fields

    def release_initial_fields(self) -> None:
        """Keep them no longer; who asks again has them made again."""
        self._initial_fields.clear()

    def release(self) -> None:
        """Keep nothing of the size of the grid, of what was made when the problem was checked; who asks again has it made again."""
        self.release_initial_fields()
        self.semidiscrete.release()

    def initial_fields(self) -> dict[str, Array]:
        """Full arrays of the initial state (or first guess), as given; evaluated once until a run takes them."""
        if not self._initial_fields:
            self._initial_fields.update(self._evaluated_initial())
        return self._initial_fields

    def _evaluated_initial(self) -> dict[str, Array]:
        fields = {}
        for unknown in self.system.unknowns:
            for name in unknown.states:
                data = self._data_of(name)
                fields[name] = data.sample(self.initial.get(name, 0.0), f"initial.{name}", self.time.start)
                if unknown.is_scalar:
                    fields[name] = one_number(fields[name], f"initial.{name}")
                fields[name] = data.finite(fields[name], f"initial.{name}")
        return fields

    def _last_frame(self, file: FileData) -> dict[str, Any]:
        """All unknowns of the last frame of a results file; the start becomes its time."""
        found: dict[str, Any] = {n: FileData(file.file, n) for u in self.system.unknowns for n in u.states}
        if delays_of(self.system):
            raise ConfigError(
                "equations with delays need the past, of which a results file holds frames only; give expressions of t",
                key="initial.file",
            )
        times = FileData(file.file, "t").array()
        times = times[np.isfinite(times)]
        if not times.size:
            raise ConfigError(f"{file.file} holds no frame", key="initial.file")
        start = float(times[-1])
        if self.time.start not in (0.0, start):
            raise ConfigError(
                f"the run begins with the last frame of {file.file}, at t = {start:g}; leave start out, or give the fields one by one, "
                "{file: ..., variable: ...}",
                key="time.start",
            )
        self.time = replace(self.time, start=start)
        for name in self.pde.scalars:
            found[name] = found[name].array()[times.size - 1].item()
        return found

    def exact_values(self, name: str, t: float) -> Array:
        """The exact solution on the grid; of a scalar unknown its value."""
        values = self._data_of(name).sample(self.exact[name], f"exact.{name}", t)
        return one_number(values, f"exact.{name}") if name in self.pde.scalars else values

    def notes(self) -> list[str]:
        """What is questionable but not wrong: data that do not fit together at the start, in words."""
        found = [
            *self._notes_on_faces,
            *self._notes_on_unread,
            *notes_on_layers(self.grid, self.semidiscrete.time_order),
        ]
        found += notes_on_seams(self.system, self.grid, self.time.start)
        found += notes_on_kinks(self.system)
        found += misfits(self.semidiscrete, self.initial_fields(), self.time.start, self.time.end)
        return found

    # ------------------------------------------------------------------------------------------- solving

    def as_solved(self, time: TimeSettings, output: OutputSettings) -> Problem:
        """This problem, discretized already, with the settings of one run: what its file says."""
        made = copy.copy(self)
        made.time, made.output = time, output
        if self.advection == "auto" and time.end != self.time.end:
            made.__dict__.pop("flux_scheme", None)  # waves may break within the longer span
            if made.flux_scheme != self.flux_scheme:
                return self.replace(time=time, output=output)
        return made

    def on_part(self, part: GridPart) -> Problem:
        """This problem, checked already, on the part of its grid that one process has."""
        made = copy.copy(self)
        made.grid, made._initial_fields, made._notes_on_faces = part, {}, []
        made.lived_in = {name: RegionPart(part, region) for name, region in self.lived_in.items()}
        if delays_of(self.system):
            made.system = made._with_prehistory(part)
        for name in ("semidiscrete", "bounded"):
            made.__dict__.pop(name, None)
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
            on_kernels=settings.on_kernels,
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
        device: Literal["cpu", "gpu"] | None = None,
        times: Sequence[float] | None = None,
        every: float | None = None,
        frames: int | None = None,
        output: str | Path | None = None,
        force: bool = False,
        keep: bool = True,
        progress: Callable[[float, int], None] | bool | None = None,
        watch: bool = False,
        choice: Choice | None = None,
    ) -> Solution:
        """Solve the problem.

        Parameters
        ----------
        t_end : float, optional
            End of the time span; default is the problem's own.
        method, step, rtol, atol, seed, samples, device : optional
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
            Told after every step; True writes a line to the standard error every ten seconds. The log ``pdekit`` of the `logging` module
            takes the same lines at its level INFO.
        watch : bool, default False
            Show the fields as they change, in the terminal or the notebook, about ten times a second.
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
            self, t_end, method=method, step=step, rtol=rtol, atol=atol, seed=seed, samples=samples, device=device, times=times,
            every=every, frames=frames, output=output, force=force, keep=keep, progress=progress, watch=watch, choice=choice,
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
