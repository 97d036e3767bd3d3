"""The system of ordinary differential equations that a discretized problem is.

``M y' = L y + b(t) + N(t, y)``: the unknowns y are the free nodes of all unknowns (and the rates of those of
second order in time), L collects the linear terms with coefficients constant in time, b(t) sources and
boundary data, N the rest. M is the identity except for zeros in the rows of equations ``0 = ...``, and for what acts on rates that are
differentiated in space (`pdekit.discretize.mass`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy import sparse

from pdekit.boundary.conditions import FaceConditions
from pdekit.boundary.domain_conditions import resolved_conditions
from pdekit.boundary.face_data import StateConditions
from pdekit.boundary.interfaces import Interfaces
from pdekit.boundary.region_conditions import RegionConditions
from pdekit.boundary.solution_data import SolutionData
from pdekit.discretize.bounds import Bounds
from pdekit.discretize.jacobian import JacobianPattern
from pdekit.discretize.layout import Block, Layout
from pdekit.discretize.low_rank import LowRankUpdate
from pdekit.discretize.mass import OperatorOnRates
from pdekit.discretize.program import Frame, Program
from pdekit.discretize.terms.python_function import PythonFunction
from pdekit.discretize.terms.reduction import ReductionTerm
from pdekit.discretize.terms.term_protocol import NoPattern
from pdekit.errors import BoundaryError
from pdekit.forgetting import forget
from pdekit.geometry.grid import Grid
from pdekit.geometry.regions import Region
from pdekit.language.analysis import Split, split
from pdekit.language.delayed_systems import delays_of
from pdekit.language.equation_system import EquationSystem
from pdekit.language.evaluate import NOT_HOLOMORPHIC
from pdekit.language.symbols import SpatialDerivative
from pdekit.typing import Array, Matrix


class SemiDiscrete:
    """Equations on a grid with their conditions, as an ODE system.

    Parameters
    ----------
    system : EquationSystem
        The equations in symbols, with the schemes of their derivatives.
    grid : Grid
        Where.
    boundary : mapping of str to dict of FaceConditions
        For each unknown (and each definition that has conditions): complete conditions per bounded axis, as
        `pdekit.boundary.conditions.collect` returns them.
    order : int, default 2
        Order of accuracy in space.
    dtype : numpy dtype, default float
        float64 or complex128.
    lower, upper : mapping of str to array, optional
        Bounds of unknowns on the grid.
    why_limited : str
        Why there are limited schemes, where nobody asked for them.
    keeps_positive : bool
        Whether these keep something positive, under steps that are short enough.
    interfaces : Interfaces
        Planes at which unknowns jump; the grid's cells meet there.
    regions : mapping of str to Region
        Where unknowns live that do not live on all nodes.
    """

    def __init__(
        self,
        system: EquationSystem,
        grid: Grid,
        boundary: Mapping[str, Mapping[str, FaceConditions]],
        *,
        order: int = 2,
        dtype: Any = float,
        lower: Mapping[str, Array] | None = None,
        upper: Mapping[str, Array] | None = None,
        why_limited: str = "",
        keeps_positive: bool = False,
        interfaces: Interfaces = Interfaces(),  # noqa: B008  (frozen)
        regions: Mapping[str, Region] = MappingProxyType({}),
    ) -> None:
        self.system, self.grid, self.order, self._boundary = system, grid, order, boundary
        self.interfaces, self.regions = interfaces, regions
        self.dtype = np.dtype(dtype)
        values = {str(s): v for s, v in system.parameters.items()}
        states = {str(s): s for s in system.states}
        self.conditions: dict[Any, StateConditions] = {}
        for symbol in (*(u.symbol for u in system.unknowns), *system.definitions):
            faces = boundary.get(str(symbol), {})
            region = regions.get(str(symbol))
            own = grid if region is None else region.own
            found = resolved_conditions(str(symbol), faces, own, values, system.known, states, system.scalars)
            self.conditions[symbol] = found if region is None else RegionConditions.of(found, region)
        for unknown in system.unknowns:
            if unknown.derived_from:
                below = next(u for u in system.unknowns if u.name == unknown.derived_from)
                self.conditions[unknown.symbol] = self.conditions[below.rate].rate()
            if unknown.time_order == 2:
                self.conditions[unknown.rate] = self.conditions[unknown.symbol].rate()
        self._refuse_rates_of_scalars()
        self.layout = Layout(grid, system, self.conditions, self.dtype)
        self._planes = interfaces.resolved(grid, values, system.known)
        lived_in = {s: c.region for s, c in self.conditions.items() if isinstance(c, RegionConditions)}
        self.program = Program(grid, system, self.conditions, order, self.dtype, self._planes, lived_in)
        self.program.check()
        self._on_rates = None
        if system.operators_on_rates:
            self._on_rates = OperatorOnRates(system, self.layout, self.conditions, order)
        self.function = None if system.function is None else PythonFunction(self.layout, system)
        self._jacobian_known = False
        self.why_limited, self.keeps_positive = why_limited, keeps_positive
        self.bounds = Bounds.of_fields(self.layout, lower or {}, upper or {}) if lower or upper else None

    def _refuse_rates_of_scalars(self) -> None:
        """Refuse scalar unknowns in prescribed values whose rates are needed."""
        for unknown in self.system.unknowns:
            needed = unknown.time_order == 2 or bool(self.system.operators_on_rates)
            if needed and self.conditions[unknown.symbol].scalar_slopes:
                raise BoundaryError(
                    "prescribed values of scalar unknowns are for equations u_t = ... and 0 = ...; here their rates would be needed",
                    key=f"boundary.{unknown.name}",
                )

    def release(self) -> None:
        """Keep rows, matrices and the places of nodes no longer; who asks again has them made again."""
        forget(self, self.grid, *self.blocks)
        self.program.release()

    def restricted(self, system: EquationSystem) -> SemiDiscrete:
        """Other equations for the same unknowns, under the same conditions."""
        return SemiDiscrete(
            system,
            self.grid,
            self._boundary,
            order=self.order,
            dtype=self.dtype,
            interfaces=self.interfaces,
            regions=self.regions,
        )

    def within(self, name: str) -> Any:
        """An index of the nodes that count for an unknown."""
        return self.regions.get(name, self.grid).within

    @property
    def is_box(self) -> bool:
        """Whether all unknowns live on all nodes of a box."""
        return self.grid.is_box and not self.regions

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The places of all states in the vector of unknowns."""
        return self.layout.blocks

    @property
    def size(self) -> int:
        """Number of unknowns of the ODE system."""
        return self.layout.size

    @property
    def shared_size(self) -> int:
        """Number of unknowns of all processes that share the grid."""
        return self.size

    def total(self, values: Array) -> Any:
        """Sum of numbers, one for every unknown, over all processes that share the grid."""
        return np.sum(values)

    def mean(self, values: Array) -> float:
        """Mean of the same."""
        return float(np.mean(values))

    def triangular(self, columns: Array) -> Array:
        """Columns of the height of a vector, or fewer rows with the same products of columns."""
        return columns

    def unpack(self, t: float, y: Array) -> dict[str, Array]:
        """Full arrays of all unknowns and rates, prescribed values included."""
        return self.layout.unpack(t, y)

    def pack(self, fields: Mapping[str, Array]) -> Array:
        """The vector of unknowns of full arrays."""
        return self.layout.pack(fields)

    @property
    def time_order(self) -> int:
        """Highest time derivative of the system."""
        return max(u.time_order for u in self.system.unknowns)

    @cached_property
    def changes_in_time(self) -> bool:
        """Whether coefficients (not only sources and data) contain t, or a Python function may."""
        expressions = [parts.rest for parts in self.splits.values()] + list(self.system.definitions.values())
        expressions += [e for data in self._data_of_solution for e in data.slope_expressions.values()]
        return self.function is not None or any(e.has(self.system.t) for e in expressions)

    @cached_property
    def is_driven(self) -> bool:
        """Whether anything changes in time by itself: coefficients, sources, data, or what was before."""
        return self.changes_in_time or not self.b_is_constant or bool(delays_of(self.system))

    @cached_property
    def reductions(self) -> tuple[Any, ...]:
        """The numbers made of whole fields that stand in the equations and conditions."""
        in_conditions = {number for data in self._data_of_solution for number in data.reductions}
        return tuple(sorted({*self.system.reductions, *in_conditions}, key=str))

    @property
    def _data_of_solution(self) -> list[SolutionData]:
        return [data for conditions in self.conditions.values() for data in conditions.of_solution]

    @cached_property
    def has_rates(self) -> bool:
        """Whether rates ``u_t`` of equations of second order stand on right-hand sides or in conditions."""
        rates = {u.rate for u in self.system.unknowns if u.time_order == 2}
        expressions = [*self.system.expressions, *(data.expression for data in self._data_of_solution)]
        return any(e.free_symbols & rates for e in expressions)

    # ------------------------------------------------------------------------------------ the right-hand side

    @cached_property
    def splits(self) -> dict[str, Split]:
        """Each unknown's right-hand side as linear part, source and rest."""
        bent = [s for s, c in self.conditions.items() if not all(d.is_linear for d in c.of_solution)]
        found = {u.name: split(self.system, u.rhs, bent) for u in self.system.unknowns}
        if all(u.content is None for u in self.system.unknowns):
            return found
        return {name: Split(sp.Integer(0), parts.source, parts.linear + parts.rest) for name, parts in found.items()}

    @property
    def evolves(self) -> bool:
        """Whether all equations are evolution equations: M is regular."""
        return all(u.time_order > 0 for u in self.system.unknowns)

    @property
    def couples_rates(self) -> bool:
        """Whether M couples the nodes, for rates are differentiated in space."""
        return self._on_rates is not None

    @cached_property
    def algebraic(self) -> NDArray[np.bool_]:
        """Which rows are equations ``0 = ...``, where M is zero."""
        found = np.zeros(self.size, dtype=bool)
        for unknown in self.system.unknowns:
            if unknown.time_order == 0:
                found[self.layout.block(unknown.name).slice] = True
        return found

    @cached_property
    def mass(self) -> Matrix:
        """M: a diagonal of ones, and zeros in the rows of equations ``0 = ...``; with operators on rates theirs."""
        trivial = np.where(self.algebraic, 0.0, 1.0)
        if self._on_rates is None:
            return sparse.dia_array((trivial[None], [0]), shape=(self.size,) * 2)
        M = self._on_rates.matrix
        for unknown in self.system.unknowns:
            trivial[self.layout.equation_block(unknown.name).slice] = 0.0
        return sparse.csr_array(M + sparse.diags_array(trivial))

    def frame(self, t: float, y: Array, selections: Mapping[Any, Any] | None = None, is_paired: bool = False) -> Frame:
        """Everything at one time and state; Jacobians by the unknowns, or by what `selections` says, see `jacobian_along`."""
        full = self.unpack(t, y)
        states = {b.symbol: full[b.name] for b in self.blocks}
        return self.program.frame(t, states, self.layout.selections if selections is None else selections, is_paired)

    def glance(self, t: float, y: Array) -> Frame:
        """Everything at one time and state that is looked at now and not kept; without Jacobians."""
        full = self.layout.views(t, y)
        return self.program.frame(t, {b.symbol: full[b.name] for b in self.blocks}, {})

    @cached_property
    def is_limited(self) -> bool:
        """Whether there are limited schemes, which have no Jacobian."""
        return any(not atom.is_linear for e in self.system.expressions for atom in e.atoms(SpatialDerivative))

    @cached_property
    def is_holomorphic(self) -> bool:
        """Whether the right-hand sides have a Jacobian in complex numbers: no abs, conj, real or imag of complex unknowns."""
        if self.dtype.kind != "c":
            return True
        expressions = [*self.system.expressions, *(data.expression for data in self._data_of_solution)]
        parts = {part for e in expressions for part in e.atoms(*NOT_HOLOMORPHIC)}
        return not any(part.free_symbols & set(self.system.states) for part in parts)

    def paired_jacobian(self, t: float, y: Array) -> Matrix:
        """Derivatives of complex right-hand sides by the real and the imaginary parts of the unknowns, side by side (CSR)."""
        selections = {
            symbol: sparse.csr_array(sparse.hstack([S, 1j * S])) for symbol, S in self.layout.selections.items()
        }
        return self.jacobian_along(t, y, selections, is_paired=True)

    def jacobian_along(self, t: float, y: Array, selections: Mapping[Any, Any], is_paired: bool = False) -> Matrix:
        """Derivatives of the right-hand sides by other quantities than the unknowns, CSR.

        Parameters
        ----------
        t : float
        y : array
        selections : mapping of Symbol to sparse array
            Derivatives of the full arrays of the states by these quantities, prescribed values included.
        is_paired : bool
            They are real quantities, of complex states.
        """
        frame = self.frame(t, y, selections, is_paired)
        pieces = {u.name: frame.jacobian(u.rhs) for u in self.system.unknowns}
        return self._stack(pieces, selections)

    def _stack(self, pieces: dict[str, Any], selections: Mapping[Any, Any]) -> Matrix:
        """Rows of all equations from full-grid rows by unknown."""
        rows: dict[int, Any] = {}
        for name, piece in pieces.items():
            block = self.layout.equation_block(name)
            rows[block.offset] = piece[block.free]
        for unknown in self.system.unknowns:
            if unknown.time_order == 2:
                block, rate = self.layout.block(unknown.name), self.layout.equation_block(unknown.name)
                rows[block.offset] = selections[rate.symbol][block.free]
        return sparse.csr_array(sparse.vstack([rows[k] for k in sorted(rows)], format="csr"))

    @cached_property
    def L(self) -> Matrix:
        """Matrix of the linear, time-constant part (CSR)."""
        frame = self.frame(0.0, np.zeros(self.size, dtype=self.dtype))
        pieces = {name: frame.jacobian(s.linear) for name, s in self.splits.items()}
        return self._stack(pieces, self.layout.selections)

    @cached_property
    def b_is_constant(self) -> bool:
        """Whether sources and boundary data do not change in time."""
        sources = any(s.source.has(self.system.t) for s in self.splits.values())
        planes = [plane for found in self._planes.values() for plane in found]
        return not sources and all(c.constant for c in self.conditions.values()) and all(p.is_constant for p in planes)

    @cached_property
    def _constant_b(self) -> Array:
        return self._evaluate_b(0.0)

    def _evaluate_b(self, t: float) -> Array:
        frame = self.frame(t, np.zeros(self.size, dtype=self.dtype))
        b = np.zeros(self.size, dtype=self.dtype)
        is_homogeneous = all(c.vanish for c in self.conditions.values()) and not self.interfaces.given
        if is_homogeneous and all(s.source == 0 for s in self.splits.values()):
            return b
        for name, parts in self.splits.items():
            block = self.layout.equation_block(name)
            b[block.slice] = frame.value(parts.linear + parts.source).ravel()[block.free]
        return b if self._on_rates is None else b - self._on_rates.of_data(t)

    def b(self, t: float) -> Array:
        """Sources and boundary data at time t."""
        return self._constant_b if self.b_is_constant else self._evaluate_b(t)

    @cached_property
    def is_linear(self) -> bool:
        """Whether there is no rest N: the Jacobian is L at all times."""
        return self.function is None and all(s.rest == 0 for s in self.splits.values())

    def linear(self, y: Array) -> Array:
        """``L y``."""
        return np.asarray(self.L @ y)

    def nonlinear(self, t: float, y: Array) -> Array:
        """N(t, y)."""
        if self.function is not None:
            return self.function.value(t, y)
        result = np.zeros(self.size, dtype=self.dtype)
        frame = self.frame(t, y)
        for name, parts in self.splits.items():
            if parts.rest != 0:
                block = self.layout.equation_block(name)
                result[block.slice] = frame.value(parts.rest).ravel()[block.free]
        return result

    def completed(self, values: Array) -> Array:
        """A vector that is right on the nodes that this process owns, right on all that it has."""
        return values

    def given_and_nonlinear(self, t: float, y: Array) -> Array:
        """``b(t) + N(t, y)``: the right-hand side without L."""
        return self.nonlinear(t, y) + self.b(t)

    def rhs(self, t: float, y: Array) -> Array:
        """The right-hand side ``L y + b(t) + N(t, y)``."""
        result = self.L @ y + self.b(t)
        return result if self.is_linear else result + self.nonlinear(t, y)

    def jacobian(self, t: float, y: Array) -> Matrix:
        """Exact Jacobian of the right-hand side, CSR."""
        if self.is_linear:
            return self.L
        if self.function is not None:
            return self.function.jacobian(t, y)
        if self.reductions:
            return self._with_reductions(t, y)
        frame = self.frame(t, y)
        if not self._jacobian_known:  # a single one is not worth a pattern
            self._jacobian_known = True
        elif self._pattern is not None:
            return self._pattern.at(frame)
        return sparse.csr_array(self.L + self._stack_rest(frame, self.size))

    def _with_reductions(self, t: float, y: Array) -> LowRankUpdate:
        """The Jacobian where numbers z made of whole fields stand in the equations.

        Of ``F(y, z)``, ``z = g(y, z)`` it is ``F_y + F_z (1 - g_z)^-1 g_y``.
        """
        n, count = self.size, len(self.reductions)
        frame = self.frame(t, y, self._with_columns_of_reductions)
        terms = [self.program.term(reduction) for reduction in self.reductions]
        rows = sparse.vstack([term.row(frame) for term in terms if isinstance(term, ReductionTerm)], format="csr")
        F = self._stack_rest(frame, n + count)
        nested, V = self.grid.ranks.total(rows[:, n:].toarray()), rows[:, :n]
        if np.any(nested):
            V = sparse.csr_array(np.linalg.inv(np.eye(count) - nested)) @ V
        return LowRankUpdate(sparse.csr_array(self.L + F[:, :n]), sparse.csr_array(F[:, n:]), sparse.csr_array(V))

    @cached_property
    def _with_columns_of_reductions(self) -> dict[Any, Any]:
        """The selections with a column more for every number made of a field, which is the same at all nodes."""
        size, count = self.grid.size, len(self.reductions)
        empty, every = sparse.csr_array((size, count)), np.arange(size)
        found = {s: sparse.hstack([S, empty], format="csr") for s, S in self.layout.selections.items()}
        for k, reduction in enumerate(self.reductions):
            entries = (np.ones(size), (every, np.full(size, self.size + k)))
            found[reduction] = sparse.csr_array(entries, shape=(size, self.size + count))
        return found

    def expect_many_jacobians(self) -> None:
        """Make all of them by the pattern, so that they do not depend, by rounding, on how many there were before."""
        self._jacobian_known = True

    @cached_property
    def _pattern(self) -> JacobianPattern | None:
        try:
            rests = {name: parts.rest for name, parts in self.splits.items()}
            return JacobianPattern(self.layout, self.program, self.L, rests)
        except NoPattern:
            return None

    def _stack_rest(self, frame: Frame, columns: int) -> Matrix:
        """Jacobian of N: no rows for the trivial equations ``u' = u_t``."""
        total = sparse.csr_array((self.size, columns), dtype=self.dtype)
        for name, parts in self.splits.items():
            if parts.rest != 0:
                block = self.layout.equation_block(name)
                rows = frame.jacobian(parts.rest)[block.free].tocoo()
                where = (rows.coords[0] + block.offset, rows.coords[1])
                total = total + sparse.csr_array((rows.data, where), shape=total.shape)
        return total
