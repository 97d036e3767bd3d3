"""Expressions of the equation language on a grid: their values and exact sparse Jacobians.

For ``F(x, t, u, d_1, d_2, ...)`` with ``d_k = D_k g_k(u)`` the Jacobian is
``diag(F_u) + sum_k diag(F_dk) D_k J(g_k)``; the pointwise slopes come from the symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy import sparse

from pdekit.boundary.face_data import StateConditions
from pdekit.discretize.atoms import AffineRows, FluxAtom, axis_rows, curved_atom, derivative_atom
from pdekit.discretize.harmonic_mean import cell_harmonic_mean, jump_conditions
from pdekit.discretize.parity import parity_of_expression
from pdekit.errors import GridError, SolverError
from pdekit.geometry.grid import Grid
from pdekit.language.analysis import depends, occurs_outside
from pdekit.language.evaluate import compile_expression, slope
from pdekit.language.pde import EquationSystem
from pdekit.language.symbols import ATOMS, Diff, Flux, spatial_atoms
from pdekit.stencils.sparse_products import diagonal

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Pointwise:
    """A pointwise function of coordinates, time, parameters, states and derivative atoms."""

    expression: Any
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
            if derivative.has(sp.Derivative, sp.Subs) or (not self.real and _not_holomorphic(body, dummy)):
                raise SolverError(
                    f"{self.expression} has no complex derivative by {dependent} (abs, conj, real and imag have none); "
                    "an implicit method cannot be used, choose an explicit one"
                )
            if derivative != 0:
                found[dependent] = compile_expression(derivative, [*self.fixed, *dummies.values()])
        return found


def _not_holomorphic(body: Any, dummy: Any) -> bool:
    parts = body.atoms(sp.Abs, sp.conjugate, sp.re, sp.im, sp.sign)
    return any(part.has(dummy) for part in parts)


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
    """

    def __init__(
        self, grid: Grid, system: EquationSystem, conditions: Mapping[Any, StateConditions], order: int, dtype: Any
    ) -> None:
        self.grid, self.system, self.conditions, self.order = grid, system, dict(conditions), order
        self.dtype = np.dtype(dtype)
        self._pointwise: dict[Any, Pointwise] = {}
        self._derivatives: dict[Any, AffineRows] = {}
        self._fluxes: dict[Any, FluxAtom] = {}
        self._coefficients: dict[Any, Array] = {}
        self._factors: dict[Any, tuple[Any, Any]] = {}

    def check(self) -> None:
        """Find at once what cannot be discretized: too few nodes or conditions. Builds one-dimensional rows only."""
        for expression in (*(u.rhs for u in self.system.unknowns), *self.system.definitions.values()):
            for atom in expression.atoms(Diff, Flux):
                if isinstance(atom, Diff):
                    axis_rows(self.grid, atom, self.order, self.conditions.get(atom.operand))
                elif self.is_flux(atom):
                    self.flux(atom)

    def fixed_values(self, t: float, coordinates: Mapping[str, Array] | None = None) -> list[Any]:
        """Values of the arguments that do not depend on the solution."""
        where = self.grid.coordinates if coordinates is None else coordinates
        return [*where.values(), t, *self.system.parameters.values()]

    def pointwise(self, expression: Any) -> Pointwise:
        """The compiled form of an expression."""
        if expression not in self._pointwise:
            states = self.system.states
            dependents = sorted(spatial_atoms(expression), key=str)
            found = tuple(s for s in states if occurs_outside(expression, s))
            fixed = (*self.system.axes, self.system.t, *self.system.parameters)
            self._pointwise[expression] = Pointwise(expression, fixed, (*found, *dependents), self.dtype.kind != "c")
        return self._pointwise[expression]

    def row_sum(self, atom: Diff | Flux, frame: Frame) -> float:
        """Upper bound of the row sums of moduli of an atom's matrix, from its one-dimensional factors."""
        if self.is_flux(atom):
            assert isinstance(atom, Flux)
            flux, (known, unknown) = self.flux(atom), self.factors(atom)
            sums = abs(flux.pieces.divergence.matrix) @ abs(flux.pieces.gradient.matrix)
            size = float(np.max(np.abs(self.flux_coefficient(atom, known, frame.t))))
            size *= float(np.max(np.abs(frame.value(unknown)))) if unknown != 1 else 1.0
            if flux.curved:
                size *= float(np.max(self.grid.inverse_square_scale(flux.axis, in_cells=self.order == 2)))
            return size * float(np.max(np.asarray(sums.sum(axis=1))))
        if isinstance(atom, Flux):
            return float(np.max(np.asarray(abs(self.derivative(atom).matrix).sum(axis=1))))
        rows = axis_rows(self.grid, atom, self.order, self.conditions.get(atom.operand))
        sums = [abs(r.matrix) if r.mirror is None else abs(r.matrix) + abs(r.mirror) for r in rows.values()]
        return float(np.prod([np.max(np.asarray(m.sum(axis=1))) for m in sums]))

    def is_flux(self, atom: Diff | Flux) -> bool:
        """Whether an atom is discretized by fluxes; on curved coordinates, above order 2, only if its k varies."""
        if not isinstance(atom, Flux):
            return False
        return not (atom.curved and self.order > 2 and atom.coefficient == 1)

    def derivative(self, atom: Diff | Flux) -> AffineRows:
        """Rows of an atom that is linear in its operand."""
        what = atom.args[1:] if isinstance(atom, Diff) else atom.args[2:]
        shared = atom.operand not in self.system.states and not any(map(self.grid.poles, self.grid.names))
        key = (None if shared else atom.operand, type(atom), what)
        if key not in self._derivatives:
            make = derivative_atom if isinstance(atom, Diff) else curved_atom
            conditions, axes = self.conditions.get(atom.operand), self.grid.names
            parity = {name: self.parity(atom.operand, name) for name in axes if self.grid.poles(name)}
            self._derivatives[key] = make(self.grid, atom, self.order, conditions, parity)
        return self._derivatives[key]

    def parity(self, expression: Any, axis: str) -> int | None:
        """How an expression goes on across the poles of an axis: 1, -1, or None if it is neither even nor odd."""
        states = {
            symbol: {name: int(faces.parity) for name, faces in conditions.faces.items()}
            for symbol, conditions in self.conditions.items()
        }
        if expression in states:
            return states[expression].get(axis, 1)
        return parity_of_expression(expression, self.grid, axis, states)

    def flux(self, atom: Flux) -> FluxAtom:
        """Pieces of a flux atom."""
        poles = bool(self.grid.poles(atom.axis)) and not (self.order == 2 and atom.curved)
        key = atom.args if poles else atom.args[1:]
        if key not in self._fluxes:
            parts = (atom.operand, atom.coefficient, self.factors(atom)[1])
            own, k, mean = (self.parity(part, atom.axis) if poles else 1 for part in parts)
            conditions = self.conditions.get(atom.operand)
            self._fluxes[key] = FluxAtom.build(self.grid, atom, self.order, conditions, (own, k, mean))
        return self._fluxes[key]

    def factors(self, atom: Flux) -> tuple[Any, Any]:
        """The coefficient of a flux atom as ``known(x, t) * unknown(solution)``."""
        if atom not in self._factors:
            self._factors[atom] = self._factorise(atom.coefficient)
        return self._factors[atom]

    def _factorise(self, k: Any) -> tuple[Any, Any]:
        if not depends(k, self.system.states):
            return k, sp.Integer(1)
        jumps = {
            part: sp.Dummy()
            for part in k.atoms(sp.Piecewise, sp.Heaviside, sp.sign, sp.floor, sp.ceiling)
            if not depends(part, self.system.states)
        }
        if jumps:  # a sum of products may hide a common factor
            k = sp.factor(k.xreplace(jumps)).xreplace({dummy: part for part, dummy in jumps.items()})
        known, unknown = k.as_independent(*self.system.states, *spatial_atoms(k), as_Add=False)
        if any(not depends(c, self.system.states) for c in jump_conditions(unknown)):
            raise GridError(
                f"div(k*grad(u)): k = {k} jumps in space inside of a factor that depends on the solution; write it as the "
                "product of a factor in space and a factor in the solution"
            )
        return known, unknown

    def flux_coefficient(self, atom: Flux, k: Any, t: float) -> Array:
        """The known factor k of a flux atom's coefficient at the flux points."""
        if atom not in self._coefficients:
            pieces = self.flux(atom)
            compiled = compile_expression(k, [*self.system.axes, self.system.t, *self.system.parameters])

            def evaluate(where: Array) -> Array:
                values = compiled(*self.fixed_values(t, pieces.coordinates(where)))
                return np.broadcast_to(np.asarray(values, dtype=self.dtype), pieces.shape)

            lower, upper = (self.grid.along(pieces.axis, end) for end in pieces.cells())
            jumps = jump_conditions(k)
            if pieces.order > 2 and jumps:
                raise GridError(
                    f"div(k*grad(u)) of order {pieces.order} needs a smooth k; {k} jumps: use order 2, which is exact "
                    "for layered k"
                )
            if pieces.order > 2:
                values = evaluate(self.grid.along(pieces.axis, pieces.pieces.points))
            else:
                pattern = compile_expression(
                    sp.Tuple(*jumps), [*self.system.axes, self.system.t, *self.system.parameters]
                )

                def side_of(where: Array) -> Array:
                    parts = pattern(*self.fixed_values(t, pieces.coordinates(where)))
                    return np.stack([np.broadcast_to(p, pieces.shape) for p in parts])

                values = cell_harmonic_mean(evaluate, side_of if jumps else None, lower, upper)
            if k.has(self.system.t):
                return values
            self._coefficients[atom] = values
        return self._coefficients[atom]

    def frame(self, t: float, states: Mapping[Any, Array], selections: Mapping[Any, Any] | None = None) -> Frame:
        """Evaluate at one time and state.

        Parameters
        ----------
        t : float
        states : mapping of Symbol to array
            Full arrays of unknowns and rates.
        selections : mapping of Symbol to sparse array, optional
            Derivatives of the states by the unknowns of the ODE system, needed for Jacobians.
        """
        return Frame(self, t, dict(states), dict(selections or {}))


class Frame:
    """Values and Jacobians at one time and state; everything shared is computed once."""

    def __init__(self, program: Program, t: float, states: dict[Any, Array], selections: dict[Any, Any]) -> None:
        self.program, self.t = program, t
        self._values = states
        self._jacobians = selections
        self._pointwise: dict[Any, Array] = {}

    def value(self, expression: Any) -> Array:
        """The expression on every node."""
        if expression not in self._pointwise:
            function = self.program.pointwise(expression)
            arguments = [self._argument(d) for d in function.dependents]
            with np.errstate(all="ignore"):
                raw = function.value(*self.program.fixed_values(self.t), *arguments)
            result = np.broadcast_to(np.asarray(raw), self.program.grid.shape)
            self._pointwise[expression] = result.astype(self.program.dtype, copy=False)
        return self._pointwise[expression]

    def _argument(self, symbol: Any) -> Array:
        """Value of a state or derivative atom, as an array of the grid's shape."""
        if symbol not in self._values:
            if isinstance(symbol, ATOMS):
                result = self._flux(symbol) if self.program.is_flux(symbol) else self._diff(symbol)
            else:
                result = np.array(self.value(self.program.system.definitions[symbol]))
                self.program.conditions[symbol].fill(result, self.t)
            self._values[symbol] = result.reshape(self.program.grid.shape)
        return self._values[symbol]

    def _operand(self, expression: Any) -> Array:
        return self._argument(expression) if expression in self.program.system.states else self.value(expression)

    def _diff(self, atom: Diff | Flux) -> Array:
        rows = self.program.derivative(atom)
        conditions = self.program.conditions.get(atom.operand)
        return np.asarray(rows.matrix @ self._operand(atom.operand).ravel() + rows.offset(conditions, self.t))

    def _gradient(self, atom: Flux) -> Array:
        gradient = self.program.flux(atom).gradient
        conditions = self.program.conditions.get(atom.operand)
        return np.asarray(gradient.matrix @ self._operand(atom.operand).ravel() + gradient.offset(conditions, self.t))

    def conductivity(self, atom: Flux) -> Array:
        """k at the flux points: what depends on the solution by the mean of neighbours, the rest where it stands."""
        known, unknown = self.program.factors(atom)
        values = self.program.flux_coefficient(atom, known, self.t).ravel()
        return values if unknown == 1 else values * (self.program.flux(atom).mean @ self.value(unknown).ravel())

    def conductivity_slope(self, atom: Flux) -> Array:
        """Slope of the flux at its points by the factor of k that depends on the solution."""
        known, _ = self.program.factors(atom)
        return self._gradient(atom) * self.program.flux_coefficient(atom, known, self.t).ravel()

    def _flux(self, atom: Flux) -> Array:
        return np.asarray(self.program.flux(atom).divergence @ (self.conductivity(atom) * self._gradient(atom)))

    def slope(self, expression: Any, dependent: Any) -> Array:
        """Partial derivative of an expression by a state or derivative atom, on every node."""
        function = self.program.pointwise(expression)
        arguments = [self._argument(d) for d in function.dependents]
        with np.errstate(all="ignore"):
            raw = function.slopes[dependent](*self.program.fixed_values(self.t), *arguments)
        return np.broadcast_to(np.asarray(raw), self.program.grid.shape)

    def jacobian(self, expression: Any) -> Any:
        """Derivative of the expression's node values by the unknowns of the ODE system, CSR."""
        total: Any = None
        for dependent in self.program.pointwise(expression).slopes:
            factor = self.slope(expression, dependent)
            inner = self._jacobian_of(dependent)
            part = inner if np.all(factor == 1) else diagonal(factor) @ inner
            total = part if total is None else total + part
        if total is None:
            columns = next(iter(self._jacobians.values())).shape[1]
            return sparse.csr_array((self.program.grid.size, columns), dtype=self.program.dtype)
        return sparse.csr_array(total)

    def _jacobian_of(self, symbol: Any) -> Any:
        if symbol not in self._jacobians:
            if isinstance(symbol, ATOMS):
                if self.program.is_flux(symbol):
                    result = self._flux_jacobian(symbol)
                else:
                    result = self.program.derivative(symbol).matrix @ self._operand_jacobian(symbol.operand)
            else:
                free = ~self.program.conditions[symbol].prescribed()
                inner = self.jacobian(self.program.system.definitions[symbol])
                result = diagonal(free.astype(float)) @ inner
            self._jacobians[symbol] = sparse.csr_array(result)
        return self._jacobians[symbol]

    def _operand_jacobian(self, expression: Any) -> Any:
        if expression in self.program.system.states:
            return self._jacobian_of(expression)
        return self.jacobian(expression)

    def _flux_jacobian(self, atom: Flux) -> Any:
        pieces = self.program.flux(atom)
        inner = diagonal(self.conductivity(atom)) @ (pieces.gradient.matrix @ self._operand_jacobian(atom.operand))
        _, unknown = self.program.factors(atom)
        if unknown != 1:
            inner = inner + diagonal(self.conductivity_slope(atom)) @ (pieces.mean @ self.jacobian(unknown))
        return pieces.divergence @ inner
