"""Parameters as fields that do not change in time: what makes the derivatives of a problem by its parameters exact.

A parameter p, a number or a field of node values, becomes one more unknown with the equation ``p_t = 0``. The Jacobian of that
larger system, which terms and conditions answer for by the chain rule as they do for any other unknown, holds the derivatives of
the right-hand sides by p: of coefficients, in and out of derivatives, of sources, and of conditions on ``du/dn`` (``a u + b du/dn =
g`` with a, b and g of p). Prescribed values are no unknowns; their derivatives come from the symbols of their data, and enter by
the same chain rule as changes of the nodes that they prescribe.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy import sparse

from pdekit.boundary.conditions import SIDES, BoundaryCondition, FaceConditions
from pdekit.boundary.face_data import StateConditions
from pdekit.data.coefficients import as_functions
from pdekit.discretize.jacobian import JacobianPattern
from pdekit.discretize.scheme_choices import scheme_choices
from pdekit.discretize.system import SemiDiscrete
from pdekit.discretize.terms.term_protocol import NoPattern
from pdekit.errors import ConfigError, PdekitError, SolverError
from pdekit.features import Use
from pdekit.geometry.grid import Field
from pdekit.inverse.affine_slope import AffineSlope, affine_slope
from pdekit.inverse.chosen_parameters import Parameter
from pdekit.language.data_functions import data_function
from pdekit.language.equation_system import EquationSystem, Unknown
from pdekit.language.evaluate import slope
from pdekit.language.parser import Scope, parse
from pdekit.language.scheme_symbols import with_schemes
from pdekit.problem import Problem
from pdekit.stencils.sparse_products import diagonal
from pdekit.typing import Array, Expression, Matrix

AFFINE_BELOW = 20_000  # unknowns; above, colours take longer to find than slopes
SAME = 1e-9  # right-hand sides of the two systems beside each other
PLAIN = "derivatives by parameters are not there for {words}"
BENT = f"{PLAIN}, at whose bounds a solution bends"
DERIVATIVES = Use(
    "derivatives by parameters",
    {
        "complex": PLAIN,
        "function": PLAIN,
        "noise": PLAIN,
        "delays": PLAIN,
        "limited": f"{PLAIN}, which have no Jacobian",
        "constraints": BENT,
        "projections": BENT,
        "scalars": PLAIN,
        "interfaces": PLAIN,
        "regions": PLAIN,
        "layers": PLAIN,
        "rates_in_space": PLAIN,
        "higher_rates": PLAIN,
        "domain": PLAIN,
        "reductions": PLAIN,
        "stop": PLAIN,
        "samples": PLAIN,
        "single": PLAIN,
    },
    ("derived",),
)


@dataclass(frozen=True, eq=False)
class Slope:
    """Derivative of a right-hand side by parameters, as factors that are not multiplied.

    Parameters
    ----------
    rows : array, sparse or not
        Derivatives of the right-hand sides of the larger system.
    own : array of int or slice
        Which of its rows are the problem's.
    spread : sparse array, optional
        Derivatives of its unknowns by the parameters, if `rows` are those by its unknowns.
    """

    rows: Any
    own: NDArray[np.intp] | slice
    spread: Matrix | None

    def along(self, directions: Array | None) -> Array:
        """Its product with directions, dense; all of it if none are given."""
        if self.spread is not None:
            inner = self.spread.toarray() if directions is None else self.spread @ directions
            return np.asarray((self.rows @ inner)[self.own])
        if directions is not None:
            return np.asarray((self.rows @ directions)[self.own])
        return np.asarray((self.rows.toarray() if sparse.issparse(self.rows) else self.rows)[self.own])

    def transposed(self, w: Array) -> Array:
        """The product of its transpose with vectors, of shape (unknowns, vectors)."""
        whole = np.zeros((self.rows.shape[0], w.shape[1]))
        whole[self.own] = w
        found = self.rows.T @ whole
        return np.asarray(found if self.spread is None else self.spread.T @ found)


class Promotion:
    """A problem with parameters promoted to unknowns.

    Parameters
    ----------
    problem : Problem
    parameters : sequence of Parameter
        With the values that they have in `problem`.

    Raises
    ------
    ConfigError
        Something depends on a parameter in a way that has no derivative, or none that is known; says what and where.
    """

    def __init__(self, problem: Problem, parameters: Sequence[Parameter]) -> None:
        self.problem, self.parameters = problem, tuple(parameters)
        self.base = problem.semidiscrete
        self.size, self.grid = self.base.size, problem.grid
        DERIVATIVES.refuse(problem)
        self._refuse_numbers_in_functions()
        self.symbols = [sp.Symbol(p.name) for p in self.parameters]
        self._numbers = {s: sp.Float(p.values) for s, p in zip(self.symbols, self.parameters) if not p.is_field}
        self.system = self._system()
        conditions, self._prescribed = self._conditions()
        self.whole = SemiDiscrete(self.system, self.grid, conditions, order=problem.order, dtype=self.base.dtype)
        self._own = self._places([block.name for block in self.base.blocks])
        self._held = self._places([p.name for p in self.parameters])
        self._fixed = np.concatenate([np.broadcast_to(p.values, self.grid.shape).ravel() for p in self.parameters])
        self._check_fields()

    # ------------------------------------------------------------------------------------------- derivatives

    @property
    def vector(self) -> Array:
        """All values of the parameters, one after the other."""
        return np.concatenate([p.values.ravel() for p in self.parameters])

    def _places(self, names: Sequence[str]) -> NDArray[np.intp]:
        """Where blocks stand in the vector of unknowns of the larger system."""
        slices = [self.whole.layout.block(name).slice for name in names]
        return np.concatenate([np.arange(s.start, s.stop) for s in slices])

    def widened(self, y: Array) -> Array:
        """A state of the problem as one of the larger system."""
        found = np.empty(self.whole.size, dtype=y.dtype)
        found[self._own], found[self._held] = y, self._fixed
        return found

    @cached_property
    def _spread(self) -> Matrix:
        """Derivative of the unknowns of the larger system by the parameters, the solution kept."""
        columns, first = list[Array](), 0
        for p in self.parameters:
            own = np.arange(p.size) if p.is_field else np.zeros(self.grid.size, dtype=int)
            columns.append(first + own)
            first += p.size
        entries = (np.ones(self._held.size), (self._held, np.concatenate(columns)))
        return sparse.csr_array(entries, shape=(self.whole.size, first))

    @cached_property
    def _own_rows(self) -> Matrix:
        """What takes the rows of the problem from those of the larger system."""
        entries = (np.ones(self.size), (np.arange(self.size), self._own))
        return sparse.csr_array(entries, shape=(self.size, self.whole.size))

    @cached_property
    def prescribes(self) -> bool:
        """Whether prescribed values depend on the parameters."""
        return any(
            data.expression is not None or np.any(data.at(0.0))
            for conditions in self._prescribed
            for state in conditions.values()
            for data in state.data.values()
        )

    def selections(self, t: float) -> dict[Any, Matrix]:
        """Derivatives of the full arrays of all states of the larger system by the parameters, the free nodes kept."""
        count = self._spread.shape[1]
        found = {b.symbol: self.whole.layout.selections[b.symbol] @ self._spread for b in self.whole.blocks}
        if not self.prescribes:
            return found
        firsts = np.cumsum([0, *(p.size for p in self.parameters)])[:-1]
        for block in self.base.blocks:
            full = np.zeros((firsts.size, *self.grid.shape))
            for values, conditions in zip(full, self._prescribed):
                conditions[block.symbol].fill(values, t)
            which, nodes = np.nonzero(full.reshape(firsts.size, -1))
            entries = (full.reshape(firsts.size, -1)[which, nodes], (nodes, firsts[which]))
            found[block.symbol] = sparse.csr_array(entries, shape=(self.grid.size, count))
        return found

    def slope(self, t: float, y: Array) -> Slope:
        """Derivative of the right-hand side by the parameters."""
        if self._affine is not None:
            return Slope(self._affine.at(y), slice(None), None)
        return self._general_slope(t, y)

    @cached_property
    def _affine(self) -> AffineSlope | None:
        """The same for linear problems that do not change in time, by numbers."""
        base, t = self.base, self.problem.time.start
        constant = base.is_linear and base.b_is_constant and not self.whole.changes_in_time
        if not constant or any(p.is_field for p in self.parameters) or base.size > AFFINE_BELOW:
            return None
        return affine_slope(lambda y: self._general_slope(t, y).along(None), base.L)

    def _general_slope(self, t: float, y: Array) -> Slope:
        Y = self.widened(y)
        if self._pattern is not None:
            found = Slope(self._pattern.at(self.whole.frame(t, Y)), self._own, self._spread)
        else:
            found = Slope(self.whole.jacobian_along(t, Y, self.selections(t)), self._own, None)
        if not np.all(np.isfinite(found.rows.data)):
            raise SolverError(f"the derivative by {_names(set(self.symbols))} is not finite at t = {t:.6g}")
        return found

    @cached_property
    def _pattern(self) -> JacobianPattern | None:
        """Of the derivatives by the parameters, where their places stay."""
        whole, mask = self.whole, np.zeros(self.whole.size)
        mask[self._held] = 1.0
        rests = {name: parts.rest for name, parts in whole.splits.items()}
        try:
            found = JacobianPattern(whole.layout, whole.program, whole.L @ diagonal(mask), rests, self.symbols)
        except NoPattern:
            return None
        return None if self.prescribes else found

    def number_slopes(self, reduction: Expression, t: float, y: Array) -> tuple[Matrix, Matrix]:
        """Derivatives of a number made of fields by the unknowns of the problem, and by the parameters, one row each.

        Parameters
        ----------
        reduction : Reduction
            In the symbols of the problem.
        t : float
        y : array
        """
        functions = {place: s for s, place in self._functions_of_fields.items()}
        term: Any = self.whole.program.term(reduction.xreplace(functions))
        Y = self.widened(y)
        full = self.whole.unpack(t, Y)
        states = {b.symbol: full[b.name] for b in self.whole.blocks}
        by_parameters = term.row(self.whole.program.frame(t, states, self.selections(t)))
        return sparse.csr_array(term.row(self.whole.frame(t, Y)) @ self._own_rows.T), by_parameters

    def initial_slope(self) -> Matrix:
        """Derivative of the initial state by the parameters."""
        problem, rows = self.problem, list[Matrix]()
        for block in self.base.blocks:
            data = problem.initial.get(block.name, 0.0)
            where = f"initial.{block.name}"
            expression = self._initial_expression(data, where)
            total: Any = sparse.csr_array((self.grid.size, self._spread.shape[1]))
            for symbol in self.symbols if expression is not None else ():
                by = slope(expression, symbol)
                if by != 0:
                    values = problem.sample(
                        by.xreplace(self._numbers | self._functions_of_fields), where, problem.time.start
                    )
                    total = total + diagonal(values.ravel()) @ self.whole.layout.selections[symbol] @ self._spread
            rows.append(sparse.csr_array(total)[block.free])
        return sparse.csr_array(sparse.vstack(rows))

    @cached_property
    def _functions_of_fields(self) -> dict[Any, Any]:
        """Fields as the problem has them, functions of the coordinates."""
        known = self.problem.system.known
        return {s: known[p.name] for s, p in zip(self.symbols, self.parameters) if p.is_field}

    def _initial_expression(self, data: Any, where: str) -> Any:
        """Symbols of an initial state; None of what is no expression, and depends on no parameter."""
        if not isinstance(data, str | sp.Expr):
            return None
        drawn = list[Any]()

        def noise(amplitude: Expression = 1, seed: Any = None) -> Any:
            drawn.append(sp.sympify(amplitude))
            return sp.Integer(0)

        system = self.system
        names = {str(s): s for s in (*system.axes, system.t, *system.parameters, *self.symbols)}
        try:
            scope = Scope({**system.known, **names}, special={"noise": noise})
            found = data if isinstance(data, sp.Expr) else parse(data, scope)
        except PdekitError as error:
            raise error.under(where) from None
        if any(a.free_symbols & set(self.symbols) for a in drawn):
            raise ConfigError("the amplitude of its noise depends on a parameter by which is differentiated", key=where)
        self._refuse_moving_jumps(found, where)
        return found

    # ------------------------------------------------------------------------------------------- the larger system

    def _system(self) -> EquationSystem:
        """The equations, with the parameters among the unknowns.

        They are bound with fields as functions of the coordinates, so that ``div(k*grad(u))`` becomes a flux.
        """
        problem, names = self.problem, [p.name for p in self.parameters]
        axes = [sp.Symbol(axis) for axis in self.grid.names]
        pde = problem.pde.replace(parameters={**problem.pde.parameters, **dict.fromkeys(names, np.zeros(1))})
        numbers = pde.parameter_values(self.grid.names)
        others = {n: d for n, d in pde.data_parameters().items() if n not in names}
        data = as_functions(others, self.grid, numbers, problem.order)
        places = {
            s: data_function(p.name, lambda *at: np.zeros(()))(*axes) if p.is_field else s
            for s, p in zip(self.symbols, self.parameters)
        }
        kept = [n for n in problem.boundary if n in pde.definitions]
        data |= {str(s): place for s, place in places.items()}
        system = _replaced(
            pde.bind(self.grid.names, kept, self.grid.calculus, data), {place: s for s, place in places.items()}
        )
        for unknown in system.unknowns:
            self._refuse_moving_jumps(unknown.rhs, f"the equation of {unknown.name}")
        system = replace(system, unknowns=(*system.unknowns, *(Unknown(n, 1, sp.Integer(0)) for n in names)))
        return with_schemes(system, scheme_choices(system, problem.schemes, problem.order, self.grid))

    def _refuse_numbers_in_functions(self) -> None:
        names = {p.name for p in self.parameters}
        for key, data in self._functions():
            asked = inspect.signature(data).parameters
            taken = sorted(names & set(asked))
            if taken or any(p.kind is inspect.Parameter.VAR_KEYWORD for p in asked.values()):
                raise ConfigError(
                    f"is a Python function of {', '.join(taken) or 'any parameter'}, by which it cannot be "
                    "differentiated; give it as an expression",
                    key=key,
                )

    def _check_fields(self) -> None:
        """Refuse fields that the problem sees between nodes otherwise than unknowns: derivatives would be those of another problem."""
        if not any(p.is_field for p in self.parameters):
            return
        t, y = self.problem.time.start, self.base.pack(self.problem.initial_fields())
        rough = y + 0.1 * float(np.max(np.abs(y), initial=0.0)) * np.random.default_rng(0).random(y.size)
        for state in (y, rough):
            with np.errstate(all="ignore"):
                one, other = self.base.rhs(t, state), self.whole.rhs(t, self.widened(state))[self._own]
            size = float(np.max(np.abs(one)))
            if np.isfinite(size) and not float(np.max(np.abs(one - other))) <= SAME * size:
                raise ConfigError(
                    "fields are interpolated by splines at this order, by which they are not differentiated; take "
                    "discretization.order 2",
                    key="parameters." + next(p.name for p in self.parameters if p.is_field),
                )

    def _functions(self) -> list[tuple[str, Any]]:
        """Python functions among the data."""
        problem = self.problem
        given = [(f"parameters.{n}", d) for n, d in problem.pde.parameters.items()]
        given += [(f"initial.{n}", d) for n, d in problem.initial.items()]
        for name, faces in problem.conditions.items():
            for axis, pair in faces.items():
                for side in SIDES:
                    for condition in pair[side]:
                        where = f"boundary.{name}.{axis}.{side}"
                        given += [(where, d) for d in (condition.value, *condition.coefficients)]
        return [(key, d) for key, d in given if callable(d) and not isinstance(d, Field | sp.Basic)]

    def _refuse_moving_jumps(self, expression: Expression, where: str) -> None:
        """Refuse jumps whose place depends on a parameter: by it, values at nodes have no derivative."""
        places = [c for part in expression.atoms(sp.Piecewise) for _, c in part.args if c not in (sp.true, sp.false)]
        places += [part.args[0] for part in expression.atoms(sp.Heaviside, sp.floor, sp.ceiling, sp.sign)]
        for place in places:
            moving = sorted(map(str, place.free_symbols & set(self.symbols)))
            others = place.free_symbols - set(self.symbols) - set(self.problem.system.parameters)
            if moving and others:
                raise ConfigError(
                    f"in {where} it decides where something jumps ({place}); by that there is no derivative",
                    key=f"parameters.{moving[0]}",
                )

    # ------------------------------------------------------------------------------------------- conditions

    def _expression(self, data: Any, where: str) -> Any:
        """Symbols of a text or number; None of arrays and functions."""
        if isinstance(data, bool) or not isinstance(data, str | sp.Expr | int | float):
            return None
        system = self.system
        names = {str(s): s for s in (*system.axes, system.t, *system.parameters, *system.states)}
        try:
            found = data if isinstance(data, sp.Expr) else parse(str(data), Scope({**system.known, **names}))
        except PdekitError as error:
            raise error.under(where) from None
        self._refuse_moving_jumps(found, where)
        return found

    def _conditions(self) -> tuple[dict[str, dict[str, FaceConditions]], list[dict[Any, StateConditions]]]:
        """The conditions of the larger system, and by parameter those that prescribe the derivatives of prescribed values."""
        frozen: dict[str, dict[str, FaceConditions]] = {}
        moving: list[dict[str, dict[str, FaceConditions]]] = [{} for _ in self.parameters]
        for name, faces in self.problem.conditions.items():
            frozen[name] = {}
            for axis, pair in faces.items():
                where = f"boundary.{name}.{axis}"
                sides = {side: [self._condition(c, f"{where}.{side}") for c in pair[side]] for side in SIDES}
                kept = {side: tuple(c for c, _ in found) for side, found in sides.items()}
                frozen[name][axis] = FaceConditions(kept["left"], kept["right"], pair.parity)
                for k, slopes in enumerate(moving):
                    own = {side: tuple(s[k] for _, s in found if s) for side, found in sides.items()}
                    slopes.setdefault(name, {})[axis] = FaceConditions(own["left"], own["right"], pair.parity)
        return frozen, [self._resolved(slopes) for slopes in moving]

    def _condition(self, given: BoundaryCondition, where: str) -> tuple[BoundaryCondition, list[BoundaryCondition]]:
        """A condition of the larger system, and of a prescribed value its slopes by the parameters."""
        a, g = [self._expression(c, where) for c in given.coefficients], self._expression(given.value, where)
        chosen = set(self.symbols)
        depends = {s for e in (*a, g) if e is not None for s in sp.sympify(e).free_symbols & chosen}
        if given.is_dirichlet:
            if not depends:
                zero = BoundaryCondition((1,), 0.0)
                return given, [zero for _ in self.symbols]
            if g is None:
                raise ConfigError(f"its factor depends on {_names(depends)}, and its value is data", key=where)
            return self._prescribing(g / a[0], where)
        if depends and len(a) == 2 and a[1] is not None and sp.sympify(a[1]).free_symbols & chosen:
            if g is None or a[0] is None:
                raise ConfigError(
                    f"its coefficient of du/dn depends on {_names(depends)}, and it has data; divide by the coefficient",
                    key=where,
                )
            return BoundaryCondition((a[0] / a[1], 1), g / a[1]), []
        if depends and len(a) != 2:
            raise ConfigError(
                f"only conditions on u and du/dn may depend on a parameter by which is differentiated, {_names(depends)}",
                key=where,
            )
        return given, []

    def _prescribing(self, value: Expression, where: str) -> tuple[BoundaryCondition, list[BoundaryCondition]]:
        name = where.split(".")[1]
        if name in self.problem.pde.definitions:
            raise ConfigError(
                f"prescribed values of a definition cannot depend on {_names(value.free_symbols & set(self.symbols))}",
                key=where,
            )
        fields = {s for s, p in zip(self.symbols, self.parameters) if p.is_field} & value.free_symbols
        if fields:
            raise ConfigError(f"prescribed values cannot depend on the field {_names(fields)}", key=where)
        slopes = [slope(value, s).xreplace(self._numbers) for s in self.symbols]
        return BoundaryCondition((1,), value.xreplace(self._numbers)), [BoundaryCondition((1,), s) for s in slopes]

    def _resolved(self, slopes: Mapping[str, Any]) -> dict[Any, StateConditions]:
        system, found = self.system, {}
        values = {str(s): v for s, v in system.parameters.items()}
        known = {n: e.xreplace(self._numbers) for n, e in system.known.items()}
        for unknown in self.problem.system.unknowns:
            found[unknown.symbol] = StateConditions.resolve(
                unknown.name, slopes.get(unknown.name, {}), self.grid, values, known
            )
            if unknown.time_order == 2:
                found[unknown.rate] = found[unknown.symbol].rate()
        return found


def _replaced(system: EquationSystem, changes: Mapping[Any, Any]) -> EquationSystem:
    """A system with parts of its expressions replaced."""
    return replace(
        system,
        unknowns=tuple(replace(u, rhs=u.rhs.xreplace(changes)) for u in system.unknowns),
        definitions={s: e.xreplace(changes) for s, e in system.definitions.items()},
        known={n: e.xreplace(changes) for n, e in system.known.items()},
    )


def _names(symbols: set[Any]) -> str:
    return ", ".join(f"parameters.{s}" for s in sorted(symbols, key=str))
