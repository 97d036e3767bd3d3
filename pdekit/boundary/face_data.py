"""Boundary conditions with numbers for coefficients and functions of time, or of the solution, for data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy import sparse

from pdekit.boundary.conditions import SIDES, BoundaryCondition, FaceConditions, Side
from pdekit.boundary.solution_data import SolutionData, States
from pdekit.errors import BoundaryError, PdekitError
from pdekit.geometry.grid import Field, Grid
from pdekit.geometry.values import call_by_name
from pdekit.language.evaluate import compile_expression, evaluate_number, slope
from pdekit.language.parser import Scope, parse
from pdekit.language.reductions import Reduction, reduction_words
from pdekit.language.symbols import Diff, OnFace, local_derivatives, on_face
from pdekit.typing import Array, Expression

# Sixth-order central difference, for the rate of data that a Python callable gives.
_RATE_STEP = 1e-3
_RATE_WEIGHTS = {-3: -1 / 60, -2: 3 / 20, -1: -3 / 4, 1: 3 / 4, 2: -3 / 20, 3: 1 / 60}


@dataclass(frozen=True, eq=False)
class FaceData:
    """The data g of one condition on one face, as a function of time.

    Parameters
    ----------
    at : callable of t
        Values of the face's shape (the grid's, with the axis' length 1).
    rate : callable, optional
        Makes the data that are the time derivative of these; None where it is not known.
    constant : bool
        Whether it never changes.
    expression : sympy expression, optional
        Of data that change in time, if it is known: what tells where they jump.
    of_solution : SolutionData, optional
        What they are instead where they depend on the solution.
    of_scalars : mapping of Symbol to array
        Scalar unknowns that are added, each times what it has here as a factor.
    """

    at: Callable[[float], Array]
    rate: Callable[[], FaceData] | None
    constant: bool
    expression: Expression = None
    of_solution: SolutionData | None = None
    of_scalars: Mapping[Any, Array] = field(default_factory=dict)

    def with_scalars(self, t: float, scalars: Mapping[Any, Any]) -> Array:
        """The data at a time and values of the scalar unknowns."""
        total = self.at(t)
        for scalar, factor in self.of_scalars.items():
            total = total + factor * scalars[scalar]
        return total

    @classmethod
    def fixed(cls, values: Array) -> FaceData:
        """Data that never change."""
        return cls(lambda t: values, lambda: cls.fixed(np.zeros_like(values)), True)


def _face_slice(grid: Grid, axis: int, side: Side) -> tuple[slice, ...]:
    end = slice(0, 1) if side == "left" else slice(-1, None)
    return tuple(end if k == axis else slice(None) for k in range(grid.ndim))


def _face_shape(grid: Grid, axis: int) -> tuple[int, ...]:
    return tuple(1 if k == axis else n for k, n in enumerate(grid.shape))


def _face_coordinates(grid: Grid, axis: int, side: Side) -> dict[str, Array]:
    node = grid.axes[axis].nodes[0 if side == "left" else -1]
    return {**grid.coordinates, grid.names[axis]: grid.along(axis, np.array([node]))}


def face_data(
    value: Any, grid: Grid, axis: int, side: Side, parameters: Mapping[str, Any], known: Mapping[str, Any], where: str
) -> FaceData:
    """Make the data of a condition from a number, a text or symbols, an array over the face or a callable."""
    node = float(grid.axes[axis].nodes[0 if side == "left" else -1])
    return plane_data(value, grid, axis, node, parameters, known, where)


def plane_data(
    value: Any, grid: Grid, axis: int, at: float, parameters: Mapping[str, Any], known: Mapping[str, Any], where: str
) -> FaceData:
    """The same on any plane across an axis."""
    shape = _face_shape(grid, axis)
    value = value.values if isinstance(value, Field) else value
    if np.ndim(value) and not callable(value):
        reduced = tuple(n for k, n in enumerate(grid.shape) if k != axis)
        if np.shape(value) not in (shape, reduced):
            raise BoundaryError(f"the array has shape {np.shape(value)}, the face needs {reduced}", key=where)
        value = np.reshape(value, shape)
    coordinates = {**grid.coordinates, grid.names[axis]: grid.along(axis, np.array([at]))}
    return data_on(coordinates, shape, value, parameters, known, where)


def data_on(
    coordinates: dict[str, Array],
    shape: tuple[int, ...],
    value: Any,
    parameters: Mapping[str, Any],
    known: Mapping[str, Any],
    where: str,
) -> FaceData:
    """The same at any points, whose coordinates broadcast to a shape."""

    def shaped(values: Any) -> Array:
        result = np.broadcast_to(np.asarray(values), shape)
        if not np.all(np.isfinite(result)):
            raise BoundaryError("the boundary data are not finite", key=where)
        return result

    if isinstance(value, str | sp.Expr):
        return _symbolic_data(value, coordinates, parameters, known, shaped, where)
    if callable(value):
        return _callable_data(value, coordinates, parameters, shaped, where)
    array = np.asarray(value)
    if array.dtype.kind not in "iufc":
        raise BoundaryError(f"expected a number, an expression, an array or a callable, found {value!r}", key=where)
    if array.shape not in ((), shape):
        raise BoundaryError(f"the array has shape {array.shape}, {shape} values are needed", key=where)
    return FaceData.fixed(shaped(array))


def _symbolic_data(
    given: Any, coordinates: dict[str, Array], parameters: Any, known: Mapping[str, Any], shaped: Any, where: str
) -> FaceData:
    names = {name: sp.Symbol(name) for name in (*coordinates, "t", *parameters)}
    try:
        expression = given if isinstance(given, sp.Expr) else parse(given, Scope({**known, **names}))
    except PdekitError as error:
        raise BoundaryError(f"{error}", key=where) from None
    arguments = list(names.values())
    values = [*coordinates.values(), *parameters.values()]
    count = len(coordinates)

    def function(e: Any) -> Callable[[float], Array]:
        compiled = compile_expression(e, arguments)

        def at(t: float) -> Array:
            with np.errstate(all="ignore"):  # a NumPy number, by which 1/t is infinite, not an exception
                return shaped(compiled(*values[:count], np.float64(t), *values[count:]))

        return at

    t = names["t"]

    def data(e: Any) -> FaceData:
        if not e.has(t):
            return FaceData.fixed(function(e)(0.0))
        return FaceData(function(e), lambda: data(slope(e, t)), False, e)

    return data(expression)


def _callable_data(
    given: Callable[..., Any], coordinates: dict[str, Array], parameters: Any, shaped: Any, where: str
) -> FaceData:
    def at(t: float) -> Array:
        try:
            return shaped(call_by_name(given, {**coordinates, **parameters, "t": t}))
        except ValueError as error:
            raise BoundaryError(f"{error}", key=where) from None

    wanted = inspect.signature(given).parameters
    if "t" not in wanted and not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in wanted.values()):
        return FaceData.fixed(at(0.0))
    return _differentiated_by_differences(at)


def _differentiated_by_differences(at: Callable[[float], Array]) -> FaceData:
    def rate(t: float) -> Array:
        h = _RATE_STEP * max(1.0, abs(t))
        return np.asarray(sum(w * at(t + k * h) for k, w in _RATE_WEIGHTS.items()) / h)

    return FaceData(at, lambda: _differentiated_by_differences(rate), False)


@dataclass(frozen=True, eq=False)
class _Face:
    """Where a condition of a state stands, and what its texts may contain."""

    name: str
    grid: Grid
    axis: int
    side: Side
    parameters: Mapping[str, Any]
    known: Mapping[str, Any]
    states: Mapping[str, Any]
    scalars: Collection[Any] = ()

    @property
    def where(self) -> str:
        """The key path of its conditions."""
        return f"boundary.{self.name}.{self.grid.names[self.axis]}.{self.side}"

    def data(self, value: Any) -> FaceData:
        """Data that do not depend on the solution."""
        return face_data(value, self.grid, self.axis, self.side, self.parameters, self.known, self.where)

    def parsed(self, text: Any) -> Any:
        """The symbols of a text, in which unknowns may stand."""
        names = {name: sp.Symbol(name) for name in (*self.grid.names, "t", *self.parameters)}
        axes = tuple(map(sp.Symbol, self.grid.names))
        fields = {name: s for name, s in self.states.items() if s not in self.scalars}
        scope = Scope({**self.known, **self.states, **names}, axes, fields, reduction_words(axes, fields))
        try:
            found = text if isinstance(text, sp.Expr) else parse(text, scope)
        except PdekitError as error:
            raise BoundaryError(f"{error}", key=self.where) from None
        for atom in local_derivatives(found):
            across = atom.operand == self.states[self.name] and self.grid.names[self.axis] in atom.counts
            if not isinstance(atom, Diff) or atom.operand not in self.states.values() or across:
                raise BoundaryError(
                    f"{atom.short}: data may hold derivatives of unknowns, of its own only those along the face",
                    key=self.where,
                )
        return on_face(found)

    def number(self, a: Any) -> float | None:
        """A coefficient that is a real number, or an expression of parameters that is one; else None."""
        if isinstance(a, str):
            e = self.parsed(a)
            names = {sp.Symbol(n): v for n, v in self.parameters.items()}
            if not e.free_symbols <= set(names):
                return None
            a = evaluate_number(e, names)
        if isinstance(a, bool) or not isinstance(a, int | float | complex | np.number) or not np.isfinite(a):
            if isinstance(a, np.ndarray | Field) or callable(a) or isinstance(a, sp.Expr):
                return None
            raise BoundaryError(
                f"a coefficient must be a finite number, an expression or data, found {a!r}", key=self.where
            )
        return None if isinstance(a, complex | np.complexfloating) and a.imag else float(np.real(a))

    def condition(self, given: BoundaryCondition) -> tuple[BoundaryCondition, FaceData]:
        """A condition with real numbers for coefficients, and its data; brought to ``du/dn = h(x, t, u)`` where that is needed."""
        numbers = [self.number(a) for a in given.coefficients]
        held = self.parsed(given.value) if isinstance(given.value, str | sp.Expr) else sp.Integer(0)
        depends = bool(held.free_symbols & set(self.states.values()))
        if depends and len(numbers) == 1 and numbers[0] is not None and held.free_symbols & set(self.scalars):
            return BoundaryCondition((numbers[0],)), self._of_scalars(held)
        if not depends and None not in numbers:
            return replace(given, coefficients=tuple(numbers)), self.data(given.value)
        if len(given.coefficients) != 2 or given.is_beyond:
            raise BoundaryError(self._why_not(given, held, depends), key=self.where)
        return BoundaryCondition((0.0, 1.0)), self._of_solution(given)

    def _why_not(self, given: BoundaryCondition, held: Any, depends: bool) -> str:
        """Why a condition without du/dn cannot be had as it is given, and which one can."""
        with_slopes = "are for conditions with du/dn (neumann, robin)"
        if not depends:
            return f"coefficients that vary or are complex {with_slopes}"
        numbers = dict.fromkeys(held.atoms(Reduction), sp.Integer(0))
        of_fields = held.xreplace(numbers).free_symbols & set(self.states.values())
        if given.is_beyond or not numbers or of_fields:
            return f"data that depend on fields of the solution {with_slopes}"
        name = next(n for n in ("B", "B_face") if n not in {**self.states, **self.parameters})
        return (
            f"a value that depends on the solution is to be an unknown of its own: scalars: [{name}], the equation "
            f"0 = {name} - ({given.value}), and dirichlet: {name}"
        )

    def _of_solution(self, given: BoundaryCondition) -> FaceData:
        bound: dict[Any, FaceData] = {}

        def symbols(value: Any) -> Any:
            if isinstance(value, str | sp.Expr):
                return self.parsed(value)
            if isinstance(value, int | float | complex | np.number) and not isinstance(value, bool):
                return sp.sympify(value.item() if isinstance(value, np.number) else value)
            symbol = sp.Dummy("data")
            bound[symbol] = self.data(value)
            return symbol

        a, b = (symbols(entry) for entry in given.coefficients)
        g = symbols(given.value)
        expression = (g - a * self.states[self.name]) / b
        fixed = {sp.Symbol(n): c for n, c in _face_coordinates(self.grid, self.axis, self.side).items()}
        fixed |= {sp.Symbol(n): v for n, v in self.parameters.items()}
        numbers = {s: sp.Dummy() for s in sorted(expression.atoms(Reduction), key=str)}
        body = expression.xreplace(numbers)
        derivatives = {s: sp.Dummy() for s in sorted(body.atoms(OnFace), key=str)}
        body = body.xreplace(derivatives)
        states = (*(s for s in self.states.values() if body.has(s)), *derivatives, *numbers)
        shape = _face_shape(self.grid, self.axis)
        face = _face_slice(self.grid, self.axis, self.side)
        constant = frozenset(symbol for symbol, data in bound.items() if data.constant)
        functions = {symbol: data.at for symbol, data in bound.items()}
        self._check_divisor(b, fixed, functions, shape)
        of_solution = SolutionData(expression, states, fixed, functions, constant, face, shape)
        zero = np.zeros(shape)
        jumps = None if of_solution.is_constant else expression
        return FaceData(lambda t: zero, None, of_solution.is_constant, jumps, of_solution)

    def _of_scalars(self, held: Any) -> FaceData:
        """Prescribed values that are linear in scalar unknowns."""
        found, rest = {}, sp.expand(held)
        for scalar in sorted(held.free_symbols & set(self.scalars), key=str):
            factor = slope(rest, scalar)
            rest = sp.expand(rest - factor * scalar)
            if factor.free_symbols & {sp.Symbol("t"), *self.states.values()}:
                raise BoundaryError(
                    f"prescribed values are linear in scalar unknowns, with factors that do not change in time; the factor of {scalar} "
                    f"is {factor}: make the product a scalar unknown of its own",
                    key=self.where,
                )
            found[scalar] = self.data(factor).at(0.0)
        if rest.free_symbols & set(self.states.values()):
            raise BoundaryError(
                "prescribed values may depend on scalar unknowns, not on fields; a scalar S with 0 = S - (...) takes numbers of fields",
                key=self.where,
            )
        return replace(self.data(rest), rate=None, of_scalars=found)

    def _check_divisor(
        self, b: Any, fixed: Mapping[Any, Any], bound: Mapping[Any, Any], shape: tuple[int, ...]
    ) -> None:
        """Refuse a coefficient of du/dn that vanishes somewhere: the condition changes its kind there."""
        if b.free_symbols & set(self.states.values()):
            raise BoundaryError("the coefficient of du/dn must not depend on the solution", key=self.where)
        function = compile_expression(b, [*fixed, sp.Symbol("t"), *bound])
        with np.errstate(all="ignore"):
            found = function(*fixed.values(), np.float64(0.0), *(f(0.0) for f in bound.values()))
        values = np.broadcast_to(found, shape)
        if not np.all(np.abs(values) > 0):
            raise BoundaryError(
                "the coefficient of du/dn vanishes on a part of the face, where the condition prescribes the value itself; "
                "give dirichlet there by an axis of its own, or a small coefficient",
                key=self.where,
            )


@dataclass(frozen=True, eq=False)
class StateConditions:
    """All conditions of one state (an unknown, its rate, or a definition) on a grid.

    Parameters
    ----------
    faces : dict of axis name to FaceConditions
        With numbers for coefficients; periodic axes have no entry.
    data : dict of (axis index, side, position) to FaceData
        Data of every condition on every face.
    """

    grid: Grid
    faces: dict[str, FaceConditions]
    data: dict[tuple[int, Side, int], FaceData]

    @classmethod
    def resolve(
        cls,
        name: str,
        faces: Mapping[str, FaceConditions],
        grid: Grid,
        parameters: Mapping[str, Any],
        known: Mapping[str, Any],
        states: Mapping[str, Any] | None = None,
        scalars: Collection[Any] = (),
    ) -> StateConditions:
        """Resolve coefficients and data of the conditions that `pdekit.boundary.conditions.collect` made."""
        resolved: dict[str, FaceConditions] = {}
        data: dict[tuple[int, Side, int], FaceData] = {}
        for axis_name, pair in faces.items():
            k = grid.index(axis_name)
            ends = {}
            for side in SIDES:
                face = _Face(name, grid, k, side, parameters, known, states or {}, scalars)
                found = [face.condition(c) for c in pair[side]]
                ends[side] = tuple(condition for condition, _ in found)
                data |= {(k, side, position): entry for position, (_, entry) in enumerate(found)}
            resolved[axis_name] = FaceConditions(ends["left"], ends["right"], pair.parity)
        return cls(grid, resolved, data)

    def rate(self) -> StateConditions:
        """The conditions of the time derivative: the same, with the data differentiated."""
        data = {key: d.rate() for key, d in self.data.items() if d.rate is not None}
        return StateConditions(self.grid, self.faces, data)

    @cached_property
    def constant(self) -> bool:
        """Whether no data change in time."""
        return all(d.constant for d in self.data.values())

    @property
    def vanish(self) -> bool:
        """Whether all data are zero at all times."""
        return all(d.constant and d.of_solution is None and not np.any(d.at(0.0)) for d in self.data.values())

    @cached_property
    def of_solution(self) -> tuple[SolutionData, ...]:
        """Those of the data that depend on the solution."""
        return tuple(d.of_solution for d in self.data.values() if d.of_solution is not None)

    def dirichlet_faces(self) -> list[tuple[int, Side, float, FaceData]]:
        """(axis, side, factor, data) of prescribed values, last axis first: the first axis wins at corners."""
        return self._dirichlet_faces

    @cached_property
    def _dirichlet_faces(self) -> list[tuple[int, Side, float, FaceData]]:
        found = []
        for name, pair in self.faces.items():
            k = self.grid.index(name)
            for side in (side for side in SIDES if side in self.grid.axes[k].sides):
                for position, condition in enumerate(pair[side]):
                    if condition.is_dirichlet:
                        found.append((k, side, 1.0 / condition.coefficients[0], self.data[k, side, position]))
        return sorted(found, key=lambda entry: -entry[0])

    def face_slice(self, axis: int, side: Side) -> tuple[slice, ...]:
        """Index of the face's nodes."""
        return _face_slice(self.grid, axis, side)

    def prescribed(self) -> NDArray[np.bool_]:
        """Which nodes are data rather than unknowns."""
        mask = np.zeros(self.grid.shape, dtype=bool)
        for axis, side, _, _ in self.dirichlet_faces():
            mask[self.face_slice(axis, side)] = True
        return mask

    def free_along(self, axis: int) -> NDArray[np.intp]:
        """The nodes of an axis that are not on a face with prescribed values."""
        keep = np.ones(self.grid.shape[axis], dtype=bool)
        for k, side, _, _ in self.dirichlet_faces():
            if k == axis:
                keep[0 if side == "left" else -1] = False
        return np.flatnonzero(keep)

    def free_count(self) -> int:
        """Number of nodes that are not prescribed."""
        shape = list(self.grid.shape)
        for axis, _side in {(axis, side) for axis, side, _, _ in self.dirichlet_faces()}:
            shape[axis] -= 1
        return int(np.prod(shape))

    def fill(self, values: Array, t: float, scalars: Mapping[Any, Any] | None = None) -> None:
        """Write the prescribed values at time t into a full array; `scalars` are the values of scalar unknowns."""
        for axis, side, factor, data in self.dirichlet_faces():
            given = data.at(t) if scalars is None else data.with_scalars(t, scalars)
            values[self.face_slice(axis, side)] = factor * given

    @cached_property
    def scalar_slopes(self) -> dict[Any, Array]:
        """By how much the prescribed values change with scalar unknowns, on the whole grid."""
        faces = self.dirichlet_faces()
        found = {scalar: np.zeros(self.grid.shape) for *_, data in faces for scalar in data.of_scalars}
        for scalar, values in found.items():
            for axis, side, factor, data in faces:
                values[self.face_slice(axis, side)] = factor * data.of_scalars.get(scalar, 0.0)
        return found

    def _stacked(self, axis: int) -> list[FaceData]:
        """The axis' conditions other than prescribed values, left end first."""
        pair = self.faces.get(self.grid.names[axis], FaceConditions())
        keys = [(axis, side, p) for side in SIDES for p, c in enumerate(pair[side]) if not c.is_dirichlet]
        if any(key not in self.data for key in keys):
            raise BoundaryError(
                "conditions that depend on the solution do not say what its rate of change does at the face; do not "
                "differentiate the rate in space",
                key=f"boundary.{self.grid.names[axis]}",
            )
        return [self.data[key] for key in keys]

    def stencil_data(self, axis: int, t: float, states: States | None = None) -> Array:
        """Data of the axis' conditions other than prescribed values, left end first, stacked along that axis.

        `states` gives the full arrays of the states by symbol, for data that depend on the solution.
        """
        parts = []
        for entry in self._stacked(axis):
            if entry.of_solution is None:
                parts.append(entry.at(t))
            else:
                assert states is not None
                parts.append(entry.of_solution.at(t, states))
        return np.concatenate(parts, axis=axis)

    def stencil_slopes(self, axis: int, t: float, states: States | None) -> list[tuple[Any, Any]]:
        """How the same depend on the states: pairs of a state and a sparse array of shape (data, nodes of the grid)."""
        stacked, found = self._stacked(axis), []
        shape = tuple(len(stacked) if k == axis else n for k, n in enumerate(self.grid.shape))
        numbers, nodes = np.arange(np.prod(shape)).reshape(shape), np.arange(self.grid.size).reshape(self.grid.shape)
        for position, entry in enumerate(stacked):
            if entry.of_solution is not None:
                rows = numbers.take([position], axis=axis).ravel()
                columns = nodes[entry.of_solution.face].ravel()
                for state, values in entry.of_solution.slopes(t, states).items():
                    entries = (values.ravel(), (rows, columns))
                    found.append((state, sparse.csr_array(entries, shape=(numbers.size, nodes.size))))
        return found

    def corner_conflicts(self, t: float) -> list[str]:
        """Corners where two Dirichlet faces prescribe different values, in words."""
        reports = []
        faces = self.dirichlet_faces()
        for i, (axis, side, factor, data) in enumerate(faces):
            for other_axis, other_side, other_factor, other_data in faces[i + 1 :]:
                if other_axis == axis or data.of_scalars or other_data.of_scalars:
                    continue
                mine = (factor * data.at(t)).take([0 if other_side == "left" else -1], axis=other_axis)
                theirs = (other_factor * other_data.at(t)).take([0 if side == "left" else -1], axis=axis)
                gap = float(np.max(np.abs(mine - theirs)))
                if gap > 1e-8 * max(1.0, float(np.max(np.abs(theirs)))):
                    names = self.grid.names
                    reports.append(
                        f"{names[other_axis]}.{other_side} and {names[axis]}.{side} prescribe values that differ by "
                        f"{gap:.3g} where they meet; {names[other_axis]}.{other_side} is used there"
                    )
        return reports
