"""Where conditions stand, and what they become there: numbers for coefficients, and data that are known or depend on the solution."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from pdekit.boundary.condition_data import FaceData, face_coordinates, face_data, face_shape, face_slice
from pdekit.boundary.conditions import BoundaryCondition, Side
from pdekit.boundary.solution_data import SolutionData
from pdekit.errors import BoundaryError, PdekitError
from pdekit.geometry.grid import Field, Grid
from pdekit.language.evaluate import compile_expression, evaluate_number, slope
from pdekit.language.parser import Scope, parse
from pdekit.language.reductions import Reduction, reduction_words
from pdekit.language.symbols import Diff, OnFace, local_derivatives, on_face
from pdekit.typing import Array


@dataclass(frozen=True, eq=False)
class Place:
    """Where a condition of a state stands, and what its texts may contain.

    Parameters
    ----------
    name : str
        The state.
    grid : Grid
    parameters, known : mapping of str to value
        Numbers, and functions of the language.
    states : mapping of str to Symbol
    scalars : collection of Symbol
        Those of them that are one number.
    """

    name: str
    grid: Grid
    parameters: Mapping[str, Any]
    known: Mapping[str, Any]
    states: Mapping[str, Any]
    scalars: Collection[Any]

    @property
    def where(self) -> str:
        """The key path of its conditions."""
        raise NotImplementedError

    @property
    def coordinates(self) -> dict[str, Array]:
        """Of its points."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        """Of arrays over its points."""
        raise NotImplementedError

    def data(self, value: Any) -> FaceData:
        """Data that do not depend on the solution."""
        raise NotImplementedError

    def read(self, field: Array) -> Array:
        """A field at its points."""
        raise NotImplementedError

    def refuse_derivative(self, atom: Any) -> None:
        """Refuse derivatives that data may not hold here.

        Raises
        ------
        BoundaryError
        """
        raise NotImplementedError

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
            self.refuse_derivative(atom)
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
        fixed = {sp.Symbol(n): c for n, c in self.coordinates.items()}
        fixed |= {sp.Symbol(n): v for n, v in self.parameters.items()}
        numbers = {s: sp.Dummy() for s in sorted(expression.atoms(Reduction), key=str)}
        body = expression.xreplace(numbers)
        derivatives = {s: sp.Dummy() for s in sorted(body.atoms(OnFace), key=str)}
        body = body.xreplace(derivatives)
        states = (*(s for s in self.states.values() if body.has(s)), *derivatives, *numbers)
        constant = frozenset(symbol for symbol, data in bound.items() if data.constant)
        functions = {symbol: data.at for symbol, data in bound.items()}
        self._check_divisor(b, fixed, functions)
        of_solution = SolutionData(expression, states, fixed, functions, constant, self.read, self.shape)
        zero = np.zeros(self.shape)
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

    def _check_divisor(self, b: Any, fixed: Mapping[Any, Any], bound: Mapping[Any, Any]) -> None:
        """Refuse a coefficient of du/dn that vanishes somewhere: the condition changes its kind there."""
        if b.free_symbols & set(self.states.values()):
            raise BoundaryError("the coefficient of du/dn must not depend on the solution", key=self.where)
        function = compile_expression(b, [*fixed, sp.Symbol("t"), *bound])
        with np.errstate(all="ignore"):
            found = function(*fixed.values(), np.float64(0.0), *(f(0.0) for f in bound.values()))
        values = np.broadcast_to(found, self.shape)
        signs = np.sign(values.real) if np.isrealobj(values) else np.ones(self.shape)
        if not np.all(np.abs(values) > 0) or np.ptp(signs):
            raise BoundaryError(
                "the coefficient of du/dn vanishes somewhere, where the condition prescribes the value itself; "
                "give dirichlet there, as an axis of its own may, or a small coefficient",
                key=self.where,
            )


@dataclass(frozen=True, eq=False)
class Face(Place):
    """A face of the grid."""

    axis: int
    side: Side

    @property
    def where(self) -> str:
        return f"boundary.{self.name}.{self.grid.names[self.axis]}.{self.side}"

    @property
    def coordinates(self) -> dict[str, Array]:
        return face_coordinates(self.grid, self.axis, self.side)

    @property
    def shape(self) -> tuple[int, ...]:
        return face_shape(self.grid, self.axis)

    def data(self, value: Any) -> FaceData:
        return face_data(value, self.grid, self.axis, self.side, self.parameters, self.known, self.where)

    def read(self, field: Array) -> Array:
        return np.asarray(field[face_slice(self.grid, self.axis, self.side)])

    def refuse_derivative(self, atom: Any) -> None:
        across = atom.operand == self.states[self.name] and self.grid.names[self.axis] in atom.counts
        if not isinstance(atom, Diff) or atom.operand not in self.states.values() or across:
            raise BoundaryError(
                f"{atom.short}: data may hold derivatives of unknowns, of its own only those along the face",
                key=self.where,
            )
