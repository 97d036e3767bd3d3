"""From text to symbols: a walk over Python's syntax tree with a whitelist. Text is never evaluated."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from typing import Any

import sympy as sp

from pdekit.errors import ExpressionError, nearest_hint
from pdekit.language.expression_size import refuse_boundless
from pdekit.language.rates import rate_name
from pdekit.language.reductions import integral_operator, side_names
from pdekit.language.symbols import differentiate
from pdekit.language.syntax import syntax
from pdekit.language.vector_calculus import VectorCalculus
from pdekit.language.vocabulary import CALCULUS, CONSTANTS, FACE, FUNCTIONS, INTEGRAL, RESERVED, SUM, compared
from pdekit.typing import Expression

# What a comparison becomes. (SymPy's Boolean would not do: a Symbol is one.)
CONDITIONS = (sp.core.relational.Relational, sp.logic.boolalg.BooleanFunction, sp.logic.boolalg.BooleanAtom)
LARGEST_EXPONENT = 1_000
LONGEST_SUM = 1_000
MOST_VISITS = 50_000  # of nodes of the syntax tree, those in sums once for every term
LARGEST_GAMMA = 170  # beyond it gamma is no floating-point number
LONGEST_SHOWN = 300


class Vector(tuple[Any, ...]):
    """A vector of expressions, one for each axis."""

    __slots__ = ()


class Matrix(tuple[Vector, ...]):
    """A matrix of expressions, by rows: what makes a vector of a vector."""

    __slots__ = ()

    def times(self, vector: Vector) -> Vector:
        """The product with a vector."""
        return Vector(sp.Add(*(k * v for k, v in zip(row, vector))) for row in self)


def _components(value: Any) -> list[Any]:
    """The scalars of a scalar, a vector or a matrix."""
    return [part for entry in value for part in _components(entry)] if isinstance(value, tuple) else [value]


@dataclass(frozen=True)
class Scope:
    """What names mean while a text is parsed.

    Parameters
    ----------
    names : mapping of str to sympy expression
        Coordinates, t, parameters, unknowns, definitions.
    axes : tuple of Symbol
        Coordinates along which one can differentiate, in the grid's order; none where derivatives are not allowed.
    states : mapping of str to Symbol
        Names whose derivatives may be written in short, ``u_xx``: unknowns and definitions with conditions.
    special : mapping of str to callable
        Functions of this place only, called with positional and keyword arguments (`noise`).
    curved : VectorCalculus, optional
        Of the grid's coordinate system, if it is not Cartesian.
    """

    names: Mapping[str, Any]
    axes: tuple[Any, ...] = ()
    states: Mapping[str, Any] = field(default_factory=dict)
    special: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    curved: VectorCalculus | None = None

    @cached_property
    def calculus(self) -> VectorCalculus:
        """Gradient, divergence and so on in the coordinates."""
        return self.curved or VectorCalculus(self.axes)

    @property
    def differentiable(self) -> tuple[Any, ...]:
        """The symbols of the states."""
        return tuple(self.states.values())

    def derivative(self, expression: Expression, axis: Any, n: int) -> Expression:
        """The n-th derivative along an axis."""
        return differentiate(expression, axis, n, self.axes, self.differentiable)


def parse(text: Any, scope: Scope) -> Expression:
    """Parse a scalar expression.

    Parameters
    ----------
    text : str or number
        The expression.
    scope : Scope
        Meaning of its names.

    Returns
    -------
    sympy expression

    Raises
    ------
    ExpressionError
        Says what was found and what is allowed.

    Examples
    --------
    >>> x, u = sp.Symbol("x"), sp.Symbol("u")
    >>> parse("2*u_xx", Scope({"x": x, "u": u}, (x,), {"u": u}))
    2*Diff(u, x, 2)
    """
    result = parse_any(text, scope)
    if isinstance(result, Vector | Matrix):
        raise ExpressionError(
            f"{_shown(text)} is a vector or a matrix where a scalar is needed; use div, dot or a component"
        )
    return result


def parse_any(text: Any, scope: Scope) -> Any:
    """Parse an expression that may be a `Vector` or a `Matrix`; see `parse`."""
    result = _symbols(text, scope)
    if isinstance(result, CONDITIONS):
        raise ExpressionError(f"{_shown(text)} is a comparison where a number is needed; use where(cond, a, b)")
    if any(part.has(sp.zoo, sp.nan, sp.oo, -sp.oo) for part in _components(result)):
        raise ExpressionError(f"{_shown(text)} divides by zero or is infinite")
    return result


def parse_region(text: str, scope: Scope) -> Any:
    """Parse an inequality, or several joined by and, or, not; see `parse`.

    Examples
    --------
    >>> x, y = sp.symbols("x y")
    >>> parse_region("x > 0 and y < 1", Scope({"x": x, "y": y}))
    (x > 0) & (y < 1)
    """
    result = _symbols(text, scope)
    if not isinstance(result, CONDITIONS):
        raise ExpressionError(f"{_shown(text)} is a number where an inequality is needed, such as x**2 + y**2 < 1")
    return result


def _symbols(text: Any, scope: Scope) -> Any:
    """What a text says; every error with the text."""
    try:
        return _Walker(scope).visit(syntax(text))
    except ExpressionError as error:
        raise ExpressionError(f"in {_shown(text)}: {error}") from None
    except _CANNOT as error:
        raise ExpressionError(
            f"in {_shown(text)}: this has no meaning in symbols: {error or type(error).__name__}"
        ) from None


# What SymPy raises at arguments that it was not made for.
_CANNOT = (ArithmeticError, AttributeError, MemoryError, NotImplementedError, RecursionError, TypeError, ValueError)


def _shown(text: Any) -> str:
    """A text as it stands in a message, long ones shortened."""
    text = str(text).strip()
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 40]} ... {text[-30:]}")


def number(value: int | float | complex) -> Any:
    """A number of a text as an exact rational, 0.1 being one tenth; floats only where integers would overflow."""
    if isinstance(value, complex):
        return number(value.real) + sp.I * number(value.imag)
    if isinstance(value, float) and not math.isfinite(value):
        raise ExpressionError(f"{value} is not a finite number")
    if value != 0 and not 1e-15 < abs(value) < 1e15:
        try:
            return sp.Float(float(value))
        except OverflowError:
            raise ExpressionError("a number is too large") from None
    return sp.Integer(value) if isinstance(value, int) else sp.Rational(repr(value))


_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
}
_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: sp.Lt,
    ast.LtE: sp.Le,
    ast.Gt: sp.Gt,
    ast.GtE: sp.Ge,
    ast.Eq: sp.Eq,
    ast.NotEq: sp.Ne,
}
_ORDERINGS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


class _Walker:
    """Builds symbols from the nodes of the syntax tree that the language knows."""

    def __init__(self, scope: Scope, visits: Iterator[int] | None = None) -> None:
        self.scope, self.visits = scope, visits or count(1)

    def visit(self, node: ast.AST) -> Any:
        method = getattr(self, "_" + type(node).__name__.lower(), None)
        if method is None:
            raise ExpressionError(
                f"{type(node).__name__.lower()} is not part of the language; allowed are numbers, names, "
                "+ - * / **, comparisons, and calls of known functions"
            )
        if next(self.visits) > MOST_VISITS:
            raise ExpressionError(f"sums of sums take more than {MOST_VISITS:,} operations")
        value = method(node)
        refuse_boundless(value)
        return value

    def _scalar(self, node: ast.AST) -> Any:
        value = self.visit(node)
        if isinstance(value, Vector | Matrix):
            raise ExpressionError(f"{ast.unparse(node)!r} is a vector or a matrix where a scalar is needed")
        return self._not_condition(value)

    def _condition(self, node: ast.AST, where: str) -> Any:
        value = self.visit(node)
        if not isinstance(value, CONDITIONS):
            raise ExpressionError(f"{where}, found {ast.unparse(node)!r}")
        return value

    @staticmethod
    def _not_condition(value: Any) -> Any:
        if isinstance(value, CONDITIONS):
            raise ExpressionError("a comparison cannot be used as a number; use where(cond, a, b)")
        return value

    def _constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float | complex):
            raise ExpressionError(f"{node.value!r} is not a number")
        return number(node.value)

    def _list(self, node: ast.List) -> Any:
        if len(node.elts) != len(self.scope.axes):
            raise ExpressionError(f"a vector has {len(self.scope.axes)} components here, found {len(node.elts)}")
        values = [self._not_condition(self.visit(element)) for element in node.elts]
        if values and all(type(value) is Vector for value in values):
            return Matrix(values)
        if any(isinstance(value, tuple) for value in values):
            raise ExpressionError("a matrix is a list of rows of the same length, such as [[1, 0], [0, 1]]")
        return Vector(values)

    def _name(self, node: ast.Name) -> Any:
        name, scope = node.id, self.scope
        if name in scope.names:
            return scope.names[name]
        if name in CONSTANTS:
            return CONSTANTS[name]
        base, _, suffix = name.rpartition("_")
        if base in scope.states and suffix:
            return self._short_derivative(base, suffix)
        known = sorted({*scope.names, *CONSTANTS})
        if name in RESERVED:
            raise ExpressionError(f"{name!r} is a function and needs arguments")
        raise ExpressionError(f"unknown name {name!r}; known are {known}{nearest_hint(name, known)}")

    def _short_derivative(self, base: str, suffix: str) -> Expression:
        by_length = sorted(self.scope.axes, key=lambda a: -len(str(a)))
        along: list[Any] = []
        times, rest = 0, suffix
        while rest:
            axis = next((a for a in by_length if rest.startswith(str(a))), None)
            if axis is None and rest[0] != "t":
                names = [str(a) for a in self.scope.axes]
                raise ExpressionError(f"unknown derivative {base}_{suffix}: {rest!r} is not one of the axes {names}")
            along, times = (along, times + 1) if axis is None else ([*along, axis], times)
            rest = rest[len(str(axis)) if axis is not None else 1 :]
        name = rate_name(base, times)
        if name not in self.scope.states:
            rates = (
                ", which only waves (u_tt = ...) have as an unknown beside them" if base in self.scope.states else ""
            )
            raise ExpressionError(f"unknown derivative {base}_{suffix}: there is no equation for {name}{rates}")
        expression = self.scope.states[name]
        for axis in along:
            expression = self.scope.derivative(expression, axis, 1)
        return expression

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.Not):
            return sp.Not(self._condition(node.operand, "'not' takes a comparison"))
        value = self._not_condition(self.visit(node.operand))
        if isinstance(node.op, ast.USub):
            return self._combine(value, sp.Integer(-1), _OPERATORS[ast.Mult])
        if isinstance(node.op, ast.UAdd):
            return value
        raise ExpressionError("the operator '~' is not part of the language")

    def _binop(self, node: ast.BinOp) -> Any:
        left, right = (self._not_condition(self.visit(side)) for side in (node.left, node.right))
        if isinstance(node.op, ast.Div):
            if right == 0:
                raise ExpressionError(f"division by zero in {ast.unparse(node)!r}")
            return self._combine(left, 1 / self._not_vector(right, "divide by"), lambda a, b: a * b)
        if isinstance(node.op, ast.Pow):
            return _power(self._not_vector(left, "raise"), self._not_vector(right, "raise to"))
        if isinstance(node.op, ast.BitXor):
            power = f"{ast.unparse(node.left)}**{ast.unparse(node.right)}"
            raise ExpressionError(f"a power is written with **: {power}")
        if type(node.op) not in _OPERATORS:
            raise ExpressionError(f"operator {type(node.op).__name__.lower()} is not part of the language")
        return self._combine(left, right, _OPERATORS[type(node.op)])

    @staticmethod
    def _not_vector(value: Any, what: str) -> Any:
        if isinstance(value, Vector | Matrix):
            raise ExpressionError(f"cannot {what} a vector or a matrix")
        return value

    @classmethod
    def _combine(cls, left: Any, right: Any, operation: Callable[[Any, Any], Any]) -> Any:
        matrices = [isinstance(side, Matrix) for side in (left, right)]
        if any(matrices):
            return cls._with_matrices(left, right, matrices, operation)
        vectors = [isinstance(side, Vector) for side in (left, right)]
        if all(vectors):
            if operation is _OPERATORS[ast.Mult]:
                raise ExpressionError("the product of two vectors is written dot(a, b)")
            return Vector(operation(a, b) for a, b in zip(left, right))
        if any(vectors):
            if operation is not _OPERATORS[ast.Mult] and operation in _OPERATORS.values():
                raise ExpressionError("cannot add a vector and a scalar")
            vector, scalar = (left, right) if vectors[0] else (right, left)
            return Vector(operation(a, scalar) for a in vector)
        return operation(left, right)

    @classmethod
    def _with_matrices(cls, left: Any, right: Any, matrices: list[bool], operation: Callable[[Any, Any], Any]) -> Any:
        """Sums of matrices, multiples of them, and their products with vectors from the left."""
        product = operation is _OPERATORS[ast.Mult]
        if all(matrices) and not product:
            return Matrix(cls._combine(a, b, operation) for a, b in zip(left, right))
        if matrices[0] and isinstance(right, Vector) and product:
            return left.times(right)
        if not all(matrices) and not isinstance(left, Vector) and not isinstance(right, Vector):
            matrix, scalar = (left, right) if matrices[0] else (right, left)
            if product or operation not in _OPERATORS.values():
                return Matrix(cls._combine(row, scalar, operation) for row in matrix)
        raise ExpressionError("of matrices there are sums, multiples, and products matrix*vector, such as K*grad(u)")

    def _compare(self, node: ast.Compare) -> Any:
        values = [self._scalar(node.left), *(self._scalar(c) for c in node.comparators)]
        parts = []
        for op, a, b in zip(node.ops, values, values[1:]):
            if type(op) not in _COMPARISONS:
                raise ExpressionError(f"comparison {type(op).__name__.lower()} is not part of the language")
            if isinstance(op, _ORDERINGS) and any(v.has(sp.I) for v in (a, b)):
                raise ExpressionError(
                    f"complex numbers have no order: {ast.unparse(node)!r}; compare abs, real or imag"
                )
            relation = _COMPARISONS[type(op)]
            parts.append(compared(relation, a, b) if isinstance(op, _ORDERINGS) else relation(a, b))
        return sp.And(*parts)

    def _boolop(self, node: ast.BoolOp) -> Any:
        join = sp.And if isinstance(node.op, ast.And) else sp.Or
        word = "and" if isinstance(node.op, ast.And) else "or"
        return join(*(self._condition(value, f"{word!r} joins comparisons") for value in node.values))

    def _why_unknown(self, name: str) -> str:
        """What to say of a function that there is not."""
        unknown, _, of = name.partition("_")
        if of and unknown in self.scope.special:
            return (
                f"{name}(...): values of unknowns are kept of earlier times, {unknown}(t - tau), not their rates and derivatives; a product "
                "is written with *"
            )
        known = sorted({SUM, *FUNCTIONS, *CALCULUS, *self.scope.special})
        hint = "; write a product with *" if name in self.scope.names else nearest_hint(name, known)
        return f"unknown function {name!r}; known are {', '.join(known)}{hint}"

    def _call(self, node: ast.Call) -> Any:
        if not isinstance(node.func, ast.Name):
            raise ExpressionError("only known functions can be called, by their name")
        name = node.func.id
        if name == INTEGRAL and len(node.args) == 2 and name in self.scope.special:
            return self._integral_operator(*node.args)
        if name in self.scope.special:
            return self._special(name, node)
        if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
            raise ExpressionError(f"{name}() takes plain arguments only")
        if name in CALCULUS:
            if not self.scope.axes:
                raise ExpressionError(f"{name}() cannot be used here: derivatives belong into equations")
            return getattr(self, "_calculus_" + name)(node.args)
        if name == SUM:
            return self._sum(node.args)
        if name not in FUNCTIONS:
            raise ExpressionError(self._why_unknown(name))
        function, least, most = FUNCTIONS[name]
        if not least <= len(node.args) <= most:
            count = str(least) if least == most else f"{least} to {most}"
            raise ExpressionError(f"{name}() takes {count} arguments, found {len(node.args)}")
        if name == "where":
            condition = self._condition(node.args[0], "the first argument of where() must be a comparison")
            return function(condition, *(self._scalar(a) for a in node.args[1:]))
        arguments = [self._scalar(a) for a in node.args]
        if name == "gamma" and arguments[0].is_number and not abs(complex(arguments[0])) <= LARGEST_GAMMA:
            raise ExpressionError(f"gamma({arguments[0]}) is too large a number; at most {LARGEST_GAMMA} is allowed")
        return function(*arguments)

    def _special(self, name: str, node: ast.Call) -> Any:
        """A function of this place only."""
        options = {k.arg: self._scalar(k.value) for k in node.keywords if k.arg}
        walker = self
        if name == FACE:
            walker = _Walker(replace(self.scope, names=side_names() | dict(self.scope.names)), self.visits)
        function, arguments = self.scope.special[name], [walker._scalar(a) for a in node.args]
        try:
            inspect.signature(function).bind(*arguments, **options)
        except TypeError as error:
            raise ExpressionError(f"{name}(): {error}") from None
        return function(*arguments, **options)

    def _sum(self, nodes: list[ast.expr]) -> Any:
        """``sum(expression, k, from, to)``."""
        if len(nodes) != 4 or not isinstance(nodes[1], ast.Name):
            raise ExpressionError("sum(expression, k, from, to), k being a name that stands in the expression")
        first, last = (self._scalar(n) for n in nodes[2:])
        if not (first.is_Integer and last.is_Integer and last - first < LONGEST_SUM):
            raise ExpressionError(f"sum() goes from a whole number to one at most {LONGEST_SUM} further on")
        terms = []
        for k in range(int(first), int(last) + 1):
            inner = _Walker(replace(self.scope, names={**self.scope.names, nodes[1].id: sp.Integer(k)}), self.visits)
            terms.append(inner._scalar(nodes[0]))
        return sp.Add(*terms)

    def _integral_operator(self, integrand: ast.expr, variable: ast.expr) -> Any:
        """``integral(expression, s)``, the expression holding u(s) for unknowns u."""
        scope = self.scope
        if len(scope.axes) != 1:
            raise ExpressionError(f"integral(expression, s) is for grids of one axis; this one has {len(scope.axes)}")
        if not isinstance(variable, ast.Name) or variable.id in scope.names:
            raise ExpressionError(
                f"integral(expression, s): {ast.unparse(variable)!r} is not a new name for the variable of integration"
            )
        s, there = sp.Symbol(variable.id), {sp.Dummy(name): state for name, state in scope.states.items()}

        def called(dummy: Any, state: Any) -> Callable[[Any], Any]:
            def value(place: Any) -> Any:
                if place == s:
                    return dummy
                if place in scope.axes:
                    return state
                raise ExpressionError(f"{state}({place}): the unknowns stand at {s} or at {scope.axes[0]} here")

            return value

        special = {**scope.special, **{str(state): called(dummy, state) for dummy, state in there.items()}}
        inner = _Walker(replace(scope, names={**scope.names, variable.id: s}, special=special), self.visits)
        return integral_operator(inner._scalar(integrand), scope.axes[0], s, there)

    # --- calculus

    def _arguments(self, name: str, nodes: list[ast.expr], count: int) -> list[Any]:
        if len(nodes) != count:
            raise ExpressionError(f"{name}() takes {count} argument{'s' * (count > 1)}, found {len(nodes)}")
        return [self._not_condition(self.visit(n)) for n in nodes]

    def _vectors(self, name: str, nodes: list[ast.expr], count: int) -> list[Any]:
        values = self._arguments(name, nodes, count)
        if not all(isinstance(v, Vector) for v in values):
            raise ExpressionError(f"{name}() takes vectors, such as grad(u) or [a, b]")
        return values

    def _calculus_d(self, nodes: list[ast.expr]) -> Any:
        if len(nodes) not in (2, 3):
            raise ExpressionError("d(expression, axis) or d(expression, axis, times)")
        axis = next((a for a in self.scope.axes if isinstance(nodes[1], ast.Name) and str(a) == nodes[1].id), None)
        if axis is None:
            names = [str(a) for a in self.scope.axes]
            raise ExpressionError(f"d(): {ast.unparse(nodes[1])!r} is not one of the axes {names}")
        times = self._scalar(nodes[2]) if len(nodes) == 3 else sp.Integer(1)
        if not (times.is_Integer and 1 <= times <= 8):
            raise ExpressionError(f"d(): the number of derivatives must be 1 to 8, found {times}")
        return self.scope.derivative(self._scalar(nodes[0]), axis, int(times))

    def _calculus_laplace(self, nodes: list[ast.expr]) -> Any:
        (value,) = self._arguments("laplace", nodes, 1)
        calculus, states = self.scope.calculus, self.scope.differentiable
        if isinstance(value, Vector):
            return Vector(calculus.vector_laplacian(value, states))
        return calculus.laplacian(value, states)

    def _calculus_biharmonic(self, nodes: list[ast.expr]) -> Any:
        (value,) = self._arguments("biharmonic", nodes, 1)
        calculus, states = self.scope.calculus, self.scope.differentiable
        return calculus.laplacian(calculus.laplacian(self._not_vector(value, "take the biharmonic of"), states), states)

    def _calculus_grad(self, nodes: list[ast.expr]) -> Any:
        (value,) = self._arguments("grad", nodes, 1)
        value = self._not_vector(value, "take the gradient of")
        return Vector(self.scope.calculus.gradient(value, self.scope.differentiable))

    def _calculus_div(self, nodes: list[ast.expr]) -> Any:
        (vector,) = self._vectors("div", nodes, 1)
        return self.scope.calculus.divergence(vector, self.scope.differentiable)

    def _calculus_dot(self, nodes: list[ast.expr]) -> Any:
        a, b = self._vectors("dot", nodes, 2)
        return sp.Add(*(p * q for p, q in zip(a, b)))

    def _calculus_curl(self, nodes: list[ast.expr]) -> Any:
        (value,) = self._arguments("curl", nodes, 1)
        axes, states, calculus = self.scope.axes, self.scope.differentiable, self.scope.calculus

        def turn(component: int, axis: int) -> Any:
            return calculus.circulation(value[component], axes[axis], axes[component], states)

        if len(axes) == 2:
            if isinstance(value, Vector):
                return turn(1, 0) - turn(0, 1)
            first, second = (calculus.stream(value, axis, states) for axis in axes)
            return Vector([second, -first])
        if len(axes) == 3 and isinstance(value, Vector):
            return Vector(turn(k - 1, k - 2) - turn(k - 2, k - 1) for k in range(3))
        raise ExpressionError("curl() takes a vector in three dimensions, a vector or a scalar in two")


def _power(base: Expression, exponent: Expression) -> Expression:
    if exponent.is_number:
        size = abs(complex(exponent))
        if size > LARGEST_EXPONENT:
            raise ExpressionError(f"exponent {exponent} is too large; at most {LARGEST_EXPONENT} is allowed")
        if base.is_number and base != 0 and size * abs(math.log(abs(complex(base)))) > 700:
            raise ExpressionError(f"{base}**{exponent} is too large a number")
        if base == 0 and size != 0 and complex(exponent).real < 0:
            raise ExpressionError("division by zero")
    return base**exponent
