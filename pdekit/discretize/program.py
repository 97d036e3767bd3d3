"""Expressions of the equation language on a grid: their values and exact sparse Jacobians.

For ``F(x, t, u, d_1, d_2, ...)`` with ``d_k = D_k g_k(u)`` the Jacobian is
``diag(F_u) + sum_k diag(F_dk) D_k J(g_k)``; the pointwise slopes come from the symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from scipy import sparse

from pdekit.boundary.face_data import StateConditions
from pdekit.boundary.interfaces import ResolvedInterface
from pdekit.discretize.parity import parity_of_expression
from pdekit.discretize.terms import make_term
from pdekit.discretize.terms.term_protocol import Context, NoPattern, Source, Term
from pdekit.errors import NotDifferentiableError
from pdekit.forgetting import forget
from pdekit.geometry.grid import Grid
from pdekit.geometry.regions import Region
from pdekit.language.analysis import occurs_outside
from pdekit.language.equation_system import EquationSystem
from pdekit.language.evaluate import compile_expression, is_holomorphic, slope, wirtinger_slopes
from pdekit.language.interface_terms import refuse_across_interfaces
from pdekit.language.symbols import SpatialDerivative, spatial_derivatives
from pdekit.stencils.sparse_products import diagonal
from pdekit.typing import Array, Expression, Matrix


@dataclass(frozen=True, eq=False)
class Pointwise:
    """A pointwise function of coordinates, time, parameters, states and derivatives."""

    expression: Expression
    fixed: tuple[Any, ...]
    dependents: tuple[Any, ...]
    real: bool

    @cached_property
    def value(self) -> Callable[..., Any]:
        """Function of the fixed arguments and the dependents."""
        return compile_expression(self.expression, [*self.fixed, *self.dependents])

    @cached_property
    def slopes(self) -> dict[Any, Callable[..., Any]]:
        """Partial derivatives by the dependents; those that vanish are left out."""
        dummies = {d: sp.Dummy(real=True if self.real else None) for d in self.dependents}
        body = self.expression.subs(dummies, simultaneous=True)
        found = {}
        for dependent, dummy in dummies.items():
            derivative = slope(body, dummy)
            if derivative.has(sp.Derivative, sp.Subs) or not (self.real or is_holomorphic(body, dummy)):
                raise NotDifferentiableError(f"{self.expression} has no complex derivative by {dependent}")
            if derivative != 0:
                found[dependent] = compile_expression(derivative, [*self.fixed, *dummies.values()])
        return found

    @cached_property
    def wirtinger_slopes(self) -> dict[Any, tuple[Callable[..., Any] | None, ...]]:
        """Derivatives by the complex dependents and by their conjugates, None where they vanish."""
        dummies = {d: sp.Dummy() for d in self.dependents}
        body = self.expression.subs(dummies, simultaneous=True)
        found: dict[Any, tuple[Callable[..., Any] | None, ...]] = {}
        for dependent, dummy in dummies.items():
            both = wirtinger_slopes(body, dummy)
            if any(part.has(sp.Derivative, sp.Subs) for part in both):
                raise NotDifferentiableError(f"{self.expression} cannot be differentiated by {dependent}")
            arguments = [*self.fixed, *dummies.values()]
            found[dependent] = tuple(None if part == 0 else compile_expression(part, arguments) for part in both)
        return found


class Program:
    """Evaluates expressions of one system on one grid.

    Parameters
    ----------
    grid : Grid
    system : EquationSystem
    conditions : mapping of Symbol to StateConditions
        For unknowns, rates and kept definitions.
    order : int
        Order of accuracy.
    dtype : numpy dtype
        float64 or complex128.
    interfaces : mapping of (Symbol, axis) to tuple of ResolvedInterface, optional
    regions : mapping of Symbol to Region, optional
    """

    def __init__(
        self,
        grid: Grid,
        system: EquationSystem,
        conditions: Mapping[Any, StateConditions],
        order: int,
        dtype: Any,
        interfaces: Mapping[tuple[Any, str], tuple[ResolvedInterface, ...]] | None = None,
        regions: Mapping[Any, Region] | None = None,
    ) -> None:
        self.grid, self.system, self.conditions, self.order = grid, system, dict(conditions), order
        self.dtype = np.dtype(dtype)
        self._pointwise: dict[Any, Pointwise] = {}
        self._terms: dict[Any, Term] = {}
        self.interfaces = dict(interfaces or {})
        self._context = Context(
            grid,
            system,
            self.conditions,
            order,
            self.dtype,
            self.parity,
            self.state_slopes,
            self.interfaces,
            regions or {},
        )

    def check(self) -> None:
        """Find at once what cannot be discretized: too few nodes or conditions. Builds one-dimensional rows only."""
        for expression in self.system.expressions:
            for symbol in expression.atoms(SpatialDerivative):
                self.term(symbol)

    def term(self, symbol: Expression) -> Term:
        """What a derivative of the equations is on this grid."""
        if symbol not in self._terms:
            refuse_across_interfaces(symbol, self.interfaces, self.system)
            self._terms[symbol] = make_term(symbol, self._context)
        return self._terms[symbol]

    def release(self) -> None:
        """Keep the rows no longer; who asks again has them made again."""
        forget(*self._terms.values())

    def fixed_values(self, t: float) -> list[Any]:
        """Values of the arguments that do not depend on the solution."""
        return [*self.grid.coordinates.values(), t, *self.system.parameters.values()]

    def pointwise(self, expression: Expression) -> Pointwise:
        """The compiled form of an expression."""
        if expression not in self._pointwise:
            dependents = sorted(spatial_derivatives(expression), key=str)
            found = tuple(s for s in self.system.states if occurs_outside(expression, s))
            fixed = (*self.system.axes, self.system.t, *self.system.parameters)
            self._pointwise[expression] = Pointwise(expression, fixed, (*found, *dependents), self.dtype.kind != "c")
        return self._pointwise[expression]

    def state_slopes(self, expression: Expression) -> list[tuple[Any, Source | None]]:
        """The states in a pointwise expression with the slopes by them; None for a state itself.

        Raises
        ------
        NoPattern
            It contains derivatives, or definitions with conditions.
        """
        own = [s for s in self.system.states if s not in self.system.definitions]
        if expression in own:
            return [(expression, None)]
        slopes = self.pointwise(expression).slopes
        if spatial_derivatives(expression) or any(dependent not in own for dependent in slopes):
            raise NoPattern
        return [(state, slope_of(expression, state)) for state in slopes]

    def parity(self, expression: Expression, axis: str) -> int | None:
        """How an expression goes on across the poles of an axis: 1, -1, or None if it is neither even nor odd."""
        states = {
            symbol: {name: int(faces.parity) for name, faces in conditions.faces.items()}
            for symbol, conditions in self.conditions.items()
        }
        if expression in states:
            return states[expression].get(axis, 1)
        return parity_of_expression(expression, self.grid, axis, states)

    def frame(
        self,
        t: float,
        states: Mapping[Any, Array],
        selections: Mapping[Any, Any] | None = None,
        is_paired: bool = False,
    ) -> Frame:
        """Evaluate at one time and state.

        Parameters
        ----------
        t : float
        states : mapping of Symbol to array
            Full arrays of unknowns and rates.
        selections : mapping of Symbol to sparse array, optional
            Derivatives of the states by the unknowns of the ODE system, needed for Jacobians.
        is_paired : bool
            They are derivatives by real quantities, of complex states: conjugates have derivatives, too.
        """
        return Frame(self, t, dict(states), dict(selections or {}), is_paired)


def slope_of(expression: Expression, dependent: Expression) -> Source:
    """The slope of an expression as a function of a frame, flat."""
    return lambda frame: frame.slope(expression, dependent).ravel()


class Frame:
    """Values and Jacobians at one time and state; everything shared is computed once."""

    def __init__(
        self, program: Program, t: float, states: dict[Any, Array], selections: dict[Any, Any], is_paired: bool = False
    ) -> None:
        self.program, self.t, self.is_paired = program, t, is_paired
        self._values = states
        self._jacobians = selections
        self._pointwise: dict[Any, Array] = {}
        self._shared: dict[Any, Any] = {}

    def shared(self, name: Hashable, make: Callable[[], Any]) -> Any:
        """What several terms need alike: made by the first that asks."""
        if name not in self._shared:
            self._shared[name] = make()
        return self._shared[name]

    def value(self, expression: Expression) -> Array:
        """The expression on every node."""
        if expression not in self._pointwise:
            function = self.program.pointwise(expression)
            arguments = [self._argument(d) for d in function.dependents]
            with np.errstate(all="ignore"):
                raw = function.value(*self.program.fixed_values(self.t), *arguments)
            result = np.broadcast_to(np.asarray(raw), self.program.grid.shape)
            self._pointwise[expression] = result.astype(self.program.dtype, copy=False)
        return self._pointwise[expression]

    def value_with(self, expression: Expression, dependent: Expression, where: Array, other: float) -> Array:
        """The expression on every node, with another number in place of a state or derivative at some of them."""
        function = self.program.pointwise(expression)
        arguments = [np.array(self._argument(d)) for d in function.dependents]
        arguments[function.dependents.index(dependent)][where] = other
        with np.errstate(all="ignore"):
            raw = function.value(*self.program.fixed_values(self.t), *arguments)
        return np.broadcast_to(np.asarray(raw), self.program.grid.shape)

    def _argument(self, symbol: Expression) -> Array:
        """Value of a state or derivative, as an array of the grid's shape."""
        if symbol not in self._values:
            if isinstance(symbol, SpatialDerivative):
                result = self.program.term(symbol).value(self)
            else:
                result = np.array(self.value(self.program.system.definitions[symbol]))
                self.program.conditions[symbol].fill(result, self.t)
            self._values[symbol] = result.reshape(self.program.grid.shape)
        return self._values[symbol]

    def operand(self, expression: Expression) -> Array:
        """What is differentiated, on every node: of a state with its prescribed values."""
        return self._argument(expression) if expression in self.program.system.states else self.value(expression)

    def slope(self, expression: Expression, dependent: Expression) -> Array:
        """Partial derivative of an expression by a state or derivative, on every node."""
        function = self.program.pointwise(expression)
        arguments = [self._argument(d) for d in function.dependents]
        with np.errstate(all="ignore"):
            raw = function.slopes[dependent](*self.program.fixed_values(self.t), *arguments)
        return np.broadcast_to(np.asarray(raw), self.program.grid.shape)

    def _slopes(self, expression: Expression) -> Iterator[tuple[Array, Any]]:
        """What the changes of an expression are made of: factors, and the changes of its dependents."""
        if not self.is_paired:
            for dependent in self.program.pointwise(expression).slopes:
                yield self.slope(expression, dependent), self._jacobian_of(dependent)
            return
        function = self.program.pointwise(expression)
        arguments = [*self.program.fixed_values(self.t), *(self._argument(d) for d in function.dependents)]
        for dependent, both in function.wirtinger_slopes.items():
            inner = self._jacobian_of(dependent)
            for part, change in zip(both, (inner, inner.conj())):
                if part is not None:
                    with np.errstate(all="ignore"):
                        yield np.broadcast_to(np.asarray(part(*arguments)), self.program.grid.shape), change

    def jacobian(self, expression: Expression) -> Matrix:
        """Derivative of the expression's node values by the unknowns of the ODE system, CSR."""
        total: Any = None
        for factor, inner in self._slopes(expression):
            part = inner if np.all(factor == 1) else diagonal(factor) @ inner
            total = part if total is None else total + part
        if total is None:
            columns = next(iter(self._jacobians.values())).shape[1]
            return sparse.csr_array((self.program.grid.size, columns), dtype=self.program.dtype)
        return sparse.csr_array(total)

    def _jacobian_of(self, symbol: Expression) -> Matrix:
        if symbol not in self._jacobians:
            if isinstance(symbol, SpatialDerivative):
                result = self.program.term(symbol).jacobian(self)
            else:
                free = ~self.program.conditions[symbol].prescribed()
                inner = self.jacobian(self.program.system.definitions[symbol])
                result = diagonal(free.astype(float)) @ inner
            self._jacobians[symbol] = sparse.csr_array(result)
        return self._jacobians[symbol]

    def operand_jacobian(self, expression: Expression) -> Matrix:
        """Derivative of what is differentiated by the unknowns of the ODE system."""
        if expression in self.program.system.states:
            return self._jacobian_of(expression)
        return self.jacobian(expression)
