"""Partial differential equations as texts, and as symbols once the axes are known."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from pdekit.errors import ExpressionError, nearest_hint
from pdekit.language.data_functions import DataFunction
from pdekit.language.delays import Delayed, DelayWords
from pdekit.language.evaluate import evaluate_number, slope
from pdekit.language.expression_size import refuse_boundless
from pdekit.language.noise import Noise, NoiseTerm, NoiseWords, without_noise
from pdekit.language.parser import LARGEST_EXPONENT, Matrix, Scope, Vector, parse, parse_any
from pdekit.language.rates import HIGHEST, differentiated_rates, named_rate, rate_name, split_rates
from pdekit.language.reductions import fields_in, reduction_words, with_rate_reductions
from pdekit.language.symbols import SpatialDerivative, spatial_derivatives
from pdekit.language.syntax import called_names, differentiated_names, names_in
from pdekit.language.vector_calculus import VectorCalculus
from pdekit.language.vocabulary import FIXED, RESERVED
from pdekit.typing import Expression

_EQUALS = re.compile(r"(?<![<>=!])=(?!=)")
_FRACTION = re.compile(r"^[d∂](?:\^?2|\*\*2|²)?([A-Za-z]\w*)/[d∂]t(?:\^?2|\*\*2|²)?$")


@dataclass(frozen=True)
class Unknown:
    """One unknown of a bound system.

    Parameters
    ----------
    name : str
    time_order : {0, 1, 2}
        0 for ``0 = ...``.
    rhs : sympy expression
        The right-hand side, in unknowns and derivative atoms.
    is_scalar : bool
        One number, rather than a field.
    on_rates : sympy expression, optional
        P of ``P(u_t) = rhs``, where rates are differentiated in space; else the rate alone.
    derived_from : str
        The unknown whose second time derivative it is, of equations of higher order in time.
    capacity : sympy expression
        c of ``c*u_t = ...`` as the equation was given, positive: what is divided by.
    """

    name: str
    time_order: int
    rhs: Expression
    is_scalar: bool = False
    on_rates: Any = None
    derived_from: str = ""
    capacity: Any = sp.S.One

    @property
    def symbol(self) -> Any:
        return sp.Symbol(self.name)

    @property
    def rate(self) -> Any:
        """The symbol of ``u_t``."""
        return sp.Symbol(self.rate_name(1))

    @property
    def highest_rate(self) -> Any:
        """The symbol of the time derivative for which its equation is solved."""
        return sp.Symbol(self.rate_name(self.time_order))

    def rate_name(self, times: int) -> str:
        """The name of a time derivative of it."""
        return f"{self.name}{'t' * times}" if self.derived_from else rate_name(self.name, times)

    @property
    def is_last(self) -> bool:
        """Whether its equation is one that was given, rather than that its second time derivative is a further unknown."""
        return self.rhs != self.highest_rate

    @property
    def states(self) -> tuple[str, ...]:
        """The names of what a state of it holds: of second order in time its rate, too."""
        return (self.name, str(self.rate)) if self.time_order == 2 else (self.name,)


@dataclass(frozen=True)
class EquationSystem:
    """A PDE bound to named axes: symbols only, no grid.

    Parameters
    ----------
    axes : tuple of Symbol
        Coordinates in the grid's order.
    unknowns : tuple of Unknown
        In the order of their equations.
    parameters : dict of Symbol to number
        Values of the parameters.
    definitions : dict of Symbol to expression
        Definitions that carry boundary conditions of their own; all others are substituted.
    known : dict of str to expression
        Definitions free of unknowns, usable in initial states, boundary data and exact solutions.
    function : callable, optional
        The right-hand side as a Python function, instead of that of the unknowns.
    reach : int
        How many neighbours along each axis it looks at.
    noises : tuple of NoiseTerm
        What is random in the equations.
    resolved : dict of str to expression
        All definitions that are no vectors, in unknowns, coordinates and parameters.
    substituted : dict of str to expression
        Definitions that contain unknowns and no derivatives, as they stand in the equations.
    """

    axes: tuple[Any, ...]
    unknowns: tuple[Unknown, ...]
    parameters: dict[Any, complex | float]
    definitions: dict[Any, Any]
    known: dict[str, Any] = field(default_factory=dict)
    function: Callable[..., Any] | None = None
    reach: int = 1
    noises: tuple[NoiseTerm, ...] = ()
    resolved: dict[str, Any] = field(default_factory=dict)
    substituted: dict[str, Any] = field(default_factory=dict)

    t = sp.Symbol("t")

    @property
    def expressions(self) -> list[Any]:
        """All right-hand sides and definitions."""
        amplitudes = (term.amplitude for term in self.noises)
        return [*(u.rhs for u in self.unknowns), *self.definitions.values(), *amplitudes]

    @property
    def operators_on_rates(self) -> tuple[Any, ...]:
        """Those on the left sides of equations in which rates are differentiated in space."""
        return tuple(u.on_rates for u in self.unknowns if u.on_rates is not None)

    def origin(self, unknown: Unknown) -> Unknown:
        """The unknown of which it is a time derivative, or itself."""
        while unknown.derived_from:
            unknown = next(u for u in self.unknowns if u.name == unknown.derived_from)
        return unknown

    @property
    def is_complex(self) -> bool:
        """Whether the imaginary unit or a complex parameter occurs."""
        expressions = [*self.expressions, *self.operators_on_rates]
        if any(f.is_complex_valued for e in expressions for f in e.atoms(DataFunction)):
            return True
        return any(e.has(sp.I) for e in expressions) or any(isinstance(v, complex) for v in self.parameters.values())

    @property
    def states(self) -> tuple[Any, ...]:
        """Symbols that depend on the solution: unknowns, rates of second-order ones, kept definitions."""
        rates = [u.rate for u in self.unknowns if u.time_order == 2]
        return (*(u.symbol for u in self.unknowns), *rates, *self.definitions)

    @property
    def scalars(self) -> tuple[Any, ...]:
        """Those of the states that are one number."""
        return tuple(u.symbol for u in self.unknowns if u.is_scalar)

    @property
    def reductions(self) -> tuple[Any, ...]:
        """The numbers made of fields that stand in the equations."""
        found = {a for e in self.expressions for a in e.atoms(SpatialDerivative) if not a.is_field}
        return tuple(sorted(found, key=str))


class PDE:
    """Partial differential equations as they stand on paper.

    Parameters
    ----------
    equations : str or sequence of str, optional
        ``"u_t = D*laplace(u) + f"``, ``"u_tt = c**2*u_xx - g*u_t"``, ``"0 = laplace(u) + f"``. The time derivative may
        carry a factor on the left.
    parameters : mapping of str to data, optional
        Numbers, or expressions of other parameters; and what varies: expressions of the coordinates and t, arrays of the
        grid's shape, `Field`, `FileData`, `Table`, or callables of the coordinates and t by name.
    definitions : mapping of str to str, optional
        Named expressions, usable in equations and in each other.
    unknowns : sequence of str, optional
        Needed only where they cannot be told from the left sides, or, in ``0 = ...``, from being differentiated.
    scalars : sequence of str, optional
        Unknowns that are one number rather than a field: ``S_t = ...``, or ``0 = ...``, of other such unknowns and of numbers made
        of fields, such as ``integral(u)``, ``u(0.3)`` or ``face(u_x, x, right)``.
    rhs : callable, optional
        Instead of `equations`: a function that is given, by name, any of t, the coordinates, the unknowns (full
        arrays), the parameters and ``grid``, and returns du/dt as an array or a dict of arrays by unknown.
    sources : mapping of str to str, sympy expression or tuple of these, optional
        Terms added to the right-hand side of an unknown's equation, solved for its time derivative.
    reach : int, default 1
        For `rhs`: how many neighbours along each axis it looks at, the sparsity of its Jacobian.

    Raises
    ------
    ExpressionError
        A text is not an equation.

    Examples
    --------
    >>> heat = PDE("u_t = D*laplace(u)", parameters={"D": "k/2", "k": 3})
    >>> heat.bind(("x", "y")).unknowns[0].rhs
    D*(Diff(u, x, 2) + Diff(u, y, 2))
    """

    def __init__(
        self,
        equations: str | Sequence[str] = (),
        *,
        parameters: Mapping[str, Any] | None = None,
        definitions: Mapping[str, str] | None = None,
        unknowns: Sequence[str] | None = None,
        scalars: Sequence[str] = (),
        rhs: Callable[..., Any] | None = None,
        sources: Mapping[str, Any] | None = None,
        reach: int = 1,
    ) -> None:
        self.equations = (equations,) if isinstance(equations, str) else tuple(equations)
        self.parameters = {n: v.item() if isinstance(v, np.generic) else v for n, v in (parameters or {}).items()}
        self.definitions = dict(definitions or {})
        self.rhs = rhs
        self.sources = dict(sources or {})
        self.scalars = (scalars,) if isinstance(scalars, str) else tuple(scalars)
        self.reach = reach
        if bool(self.equations) == (rhs is not None):
            raise ExpressionError("give either equations or a right-hand side function rhs")
        if rhs is not None and not unknowns:
            raise ExpressionError("a right-hand side function needs the names of its unknowns, unknowns=('u',)")
        if rhs is not None and self.scalars:
            raise ExpressionError("scalar unknowns need equations, not a right-hand side function", key="scalars")
        self.sides = tuple(_split(text) for text in self.equations)
        self.unknowns = tuple(unknowns) if unknowns else self._infer_unknowns()
        self._check_names()
        for name in self.scalars:
            if name not in self.unknowns:
                raise ExpressionError(
                    f"{name!r} is not an unknown of the equations; there are {list(self.unknowns)}", key="scalars"
                )

    def __repr__(self) -> str:
        what = "; ".join(self.equations) or f"rhs={getattr(self.rhs, '__name__', 'function')}"
        return f"PDE({what!r}, parameters={self.parameters})"

    def _repr_latex_(self) -> str:
        from pdekit.language.latex import pde_latex

        return pde_latex(self)

    def arguments(self) -> dict[str, Any]:
        """What the constructor was given, by the names of its arguments."""
        return {name: getattr(self, name) for name in inspect.signature(PDE).parameters}

    def replace(self, **changes: Any) -> PDE:
        """The same equations with some of the constructor's arguments changed."""
        return PDE(**{**self.arguments(), **changes})

    def inferred_unknowns(self) -> tuple[str, ...] | None:
        """The unknowns that the equations tell by themselves, if they do."""
        try:
            return self._infer_unknowns()
        except ExpressionError:
            return None

    def with_parameters(self, **parameters: Any) -> PDE:
        """The same equations with some parameters changed."""
        for name in parameters:
            if name not in self.parameters:
                known = list(self.parameters)
                raise ExpressionError(
                    f"unknown; there are {known}{nearest_hint(name, known)}", key=f"parameters.{name}"
                )
        return self.replace(parameters={**self.parameters, **parameters})

    def _infer_unknowns(self) -> tuple[str, ...]:
        found: list[str] = []
        for left, _ in self.sides:
            found += sorted({rate[0] for name in names_in(left) if (rate := named_rate(name))})
        for left, right in self.sides:
            if not any(named_rate(name) for name in names_in(left)):
                known = {*self.parameters, *self.definitions, *FIXED, *found, *self.scalars}
                found += sorted((differentiated_names(left) | differentiated_names(right)) - known)
        found += [name for name in self.scalars if name not in found]
        unique = tuple(dict.fromkeys(found))
        if len(unique) != len(found):
            raise ExpressionError(f"two equations for the same unknown in {list(self.equations)}")
        if len(unique) != len(self.equations):
            raise ExpressionError(
                f"{len(self.equations)} equations for {len(unique)} unknowns {list(unique)}; where they cannot be told "
                "from the equations, name them with unknowns"
            )
        return unique

    def _check_names(self) -> None:
        groups = {"parameters": self.parameters, "definitions": self.definitions, "unknowns": self.unknowns}
        called = {
            n
            for text in (*self.equations, *self.definitions.values())
            for s in _EQUALS.split(str(text))
            for n in called_names(s)
        }
        seen: dict[str, str] = {}
        for group, names in groups.items():
            for name in names:
                if not (isinstance(name, str) and name.isidentifier()) or name.startswith("_"):
                    raise ExpressionError(f"{name!r} is not a name", key=group)
                if name in FIXED or (name in called and name in RESERVED):
                    raise ExpressionError(
                        f"{name!r} has a meaning of its own in the language{' and is called' * (name in called)}; take another name",
                        key=group,
                    )
                if name in seen:
                    raise ExpressionError(f"{name!r} is already the name of one of the {seen[name]}", key=group)
                seen[name] = group

    def data_parameters(self) -> dict[str, Any]:
        """The parameters that are given as data: neither numbers nor expressions."""
        plain = str | bool | int | float | complex | None
        return {name: given for name, given in self.parameters.items() if not isinstance(given, plain)}

    def varying_parameters(self, axes: Sequence[str] = ()) -> list[str]:
        """The parameters that are no numbers: data, and expressions of the coordinates, of t, or of other such parameters."""
        texts = {name: given for name, given in self.parameters.items() if isinstance(given, str)}
        moving = {*axes, "t", *self.data_parameters()} - set(texts)
        while more := {name for name, text in texts.items() if name not in moving and names_in(text) & moving}:
            moving |= more
        return [name for name in self.parameters if name in moving]

    def parameter_values(self, axes: Sequence[str] = ()) -> dict[str, complex | float]:
        """Numbers of the parameters that are constant, expressions of each other resolved.

        Parameters
        ----------
        axes : sequence of str
            The coordinates, of which the others depend.
        """
        values: dict[str, complex | float] = {}
        varying = self.varying_parameters(axes)

        def resolve(name: str, path: tuple[str, ...]) -> Any:
            if name in path:
                raise ExpressionError(f"{' -> '.join((*path, name))} goes round in a circle", key="parameters")
            given = self.parameters[name]
            if isinstance(given, complex):
                return sp.sympify(given)
            if isinstance(given, bool) or not isinstance(given, str | int | float):
                raise ExpressionError(f"expected a number or an expression, found {given!r}", key=f"parameters.{name}")
            try:
                needs = [n for n in names_in(given) if n in self.parameters]
                scope = Scope({n: resolve(n, (*path, name)) for n in needs})
                return parse(given, scope)
            except ExpressionError as error:
                raise error.under(f"parameters.{name}") from None

        for name in self.parameters:
            if name not in varying:
                values[name] = evaluate_number(resolve(name, ()), {})
        return values

    def bind(
        self,
        axes: Sequence[str],
        kept: Collection[str] = (),
        curved: VectorCalculus | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> EquationSystem:
        """The equations in symbols, once the axes are known.

        Parameters
        ----------
        axes : sequence of str
            Names of the axes, in the grid's order.
        kept : collection of str
            Definitions that have boundary conditions of their own and stay symbols.
        curved : VectorCalculus, optional
            Of the coordinate system, if it is not Cartesian: `Grid.calculus`.
        data : mapping of str to expression, optional
            The `data_parameters`, as functions of the coordinates and t.

        Raises
        ------
        ExpressionError
            Unknown names or functions, names used twice, circular definitions.
        """
        for name in axes:
            if name in {*self.parameters, *self.definitions, *self.unknowns} or name in FIXED:
                raise ExpressionError(f"axis {name!r} has the name of something else in the equations")
        return _Binder(self, tuple(sp.Symbol(a) for a in axes), kept, curved, dict(data or {})).system()


def _split(text: str) -> tuple[str, str]:
    sides = _EQUALS.split(text) if isinstance(text, str) else []
    if len(sides) != 2:
        hint = ""
        if isinstance(text, str) and text.count("(") != text.count(")"):
            hint = "; inside of [...] of YAML a comma ends a value: put the equation into quotes"
        raise ExpressionError(
            f"{text!r} is not an equation; write it as 'u_t = ...', 'u_tt = ...' or '0 = ...'{hint}", key="equations"
        )
    fraction = _FRACTION.match(sides[0].replace(" ", ""))
    if fraction:
        order = "tt" if "2" in fraction.group(0) else "t"
        raise ExpressionError(f"{text!r}: a time derivative is written {fraction.group(1)}_{order}", key="equations")
    return sides[0].strip(), sides[1].strip()


@dataclass
class _Binder:
    """Resolves definitions and equations of one PDE for given axes."""

    pde: PDE
    axes: tuple[Any, ...]
    kept: Collection[str]
    curved: VectorCalculus | None = None
    varying: dict[str, Any] = field(default_factory=dict)  # parameters that depend on the coordinates and time
    resolved: dict[str, Any] = field(default_factory=dict)

    def system(self) -> EquationSystem:
        pde = self.pde
        self.numbers = pde.parameter_values([str(a) for a in self.axes])
        self.noise = NoiseWords((*self.axes, EquationSystem.t))
        numbers = {sp.Symbol(name): value for name, value in self.numbers.items()}
        self.delays = DelayWords(self.axes, EquationSystem.t, numbers)
        for name in pde.parameters:
            self._varying(name, ())
        self.orders = self._time_orders()
        for name in pde.definitions:
            self._definition(name, ())
        rhs: dict[str, Any] = {}
        self.capacities: dict[str, Any] = {}
        steady: list[Any] = []
        for number, ((left, right), text) in enumerate(zip(pde.sides, pde.equations)):
            unknown, expression = self._equation(left, right, text, f"equations[{number}]")
            if unknown is None:
                steady.append(expression)
            else:
                rhs[unknown] = expression
        rhs |= self._without_rates([name for name in pde.unknowns if name not in rhs], steady)
        on_rates = self._operators_on_rates(rhs)
        rhs = self._substitute_rates(rhs)
        for name, source in pde.sources.items():
            if name not in rhs:
                raise ExpressionError(f"{name!r} is not an unknown", key="sources")
            for term in source if isinstance(source, tuple) else (source,):
                rhs[name] += term if isinstance(term, sp.Expr) else parse(term, self._scope({}))
        rhs, noises = without_noise(rhs, self.orders)
        self._refuse_noise_fields(noises)
        if noises and (on_rates or max(self.orders.values()) > 2):
            raise ExpressionError(
                "noise is for equations of first and second order in time, without space derivatives of the time derivative"
            )
        unknowns = tuple(
            part for n in pde.unknowns for part in self._unknown(n, rhs.get(n, sp.Integer(0)), on_rates.get(n))
        )
        parameters = {sp.Symbol(n): v for n, v in self.numbers.items()}
        definitions = {sp.Symbol(n): self._plain(self.resolved[n]) for n in pde.definitions if n in self.kept}
        for name, expression in definitions.items():
            if expression.has(Noise):
                raise ExpressionError("a definition with conditions cannot contain noise", key=f"definitions.{name}")
            if held := expression.free_symbols & set(self._highest_rates):
                raise ExpressionError(
                    f"a definition with conditions cannot contain {held.pop()}, for which an equation is solved",
                    key=f"definitions.{name}",
                )
        solution = {sp.Symbol(n) for n in (*pde.unknowns, *self.kept, *self._rates())}
        known = {
            n: e
            for n, e in (self.varying | self.resolved).items()
            if not isinstance(e, Vector | Matrix)
            and not e.has(SpatialDerivative, Noise, Delayed)
            and not e.free_symbols & solution
        }
        resolved = {n: e for n, e in self.resolved.items() if not isinstance(e, Vector | Matrix)}
        substituted = {
            n: self._plain(e)
            for n, e in resolved.items()
            if n not in self.kept and n not in known and not e.has(SpatialDerivative, Noise)
        }
        return EquationSystem(
            self.axes, unknowns, parameters, definitions, known, pde.rhs, pde.reach, noises, resolved, substituted
        )

    def _refuse_noise_fields(self, noises: Sequence[NoiseTerm]) -> None:
        """Refuse noise that differs from node to node in the equation of one number."""
        for term in noises:
            is_field = term.length != float("inf") or fields_in(term.amplitude, self._numbers)
            if term.unknown in self.pde.scalars and is_field:
                raise ExpressionError(
                    f"noise() in the equation of the scalar unknown {term.unknown!r} is a field; use uniform_noise() of a number",
                    key="equations",
                )

    @property
    def _numbers(self) -> set[Any]:
        """The symbols that are one number."""
        return {EquationSystem.t, *map(sp.Symbol, (*self.numbers, *self.pde.scalars))}

    def _without_rates(self, names: Sequence[str], steady: Sequence[Any]) -> dict[str, Any]:
        """Equations ``0 = ...`` by unknown: those in numbers only belong to scalars, the others to fields, each in their order."""
        if self.pde.rhs is None and len(names) != len(steady):
            raise ExpressionError(f"{len(steady)} equations '0 = ...' for the unknowns {list(names)}")
        scalars = [name for name in names if name in self.pde.scalars]
        fields = [name for name in names if name not in self.pde.scalars]
        of_numbers = [e for e in steady if not fields_in(e, self._numbers)]
        if scalars and len(scalars) != len(of_numbers):
            raise ExpressionError(
                f"{len(of_numbers)} equations '0 = ...' in numbers only, for the scalar unknowns {scalars}; numbers are made of fields by "
                "integral, mean, max, min, face and at"
            )
        if not scalars:
            return dict(zip(names, steady))
        others = [e for e in steady if fields_in(e, self._numbers)]
        return dict(zip(scalars, of_numbers)) | dict(zip(fields, others))

    @property
    def _highest_rates(self) -> dict[Any, str]:
        """The time derivatives for which equations are solved, with their unknowns."""
        return {sp.Symbol(rate_name(n, order)): n for n, order in self.orders.items() if order}

    def _rates(self) -> list[str]:
        """The names of all time derivatives, those for which equations are solved among them."""
        return [rate_name(n, k) for n, order in self.orders.items() for k in range(1, max(order, 1) + 1)]

    def _unknown(self, name: str, rhs: Any, on_rates: Any) -> list[Unknown]:
        """An unknown with its equation; of an order above two with its second time derivative, and so on, as further unknowns."""
        is_scalar, order = name in self.pde.scalars, self.orders[name]
        if is_scalar and order >= 2:
            raise ExpressionError(
                f"{rate_name(name, order)}: scalar unknowns are of first order in time; add one for the rate",
                key="equations",
            )
        if is_scalar and (fields := fields_in(rhs, self._numbers)):
            raise ExpressionError(
                f"{', '.join(fields)} is a field in the equation of the scalar unknown {name!r}; use integral, mean, max, min, face or at",
                key="equations",
            )
        chain = [rate_name(name, k) for k in range(0, max(order, 1), 2)]
        found = [
            Unknown(own, 2, sp.Symbol(above), derived_from=below)
            for below, own, above in zip(("", *chain), chain, chain[1:])
        ]
        last, before = chain[-1], chain[-2] if len(chain) > 1 else ""
        capacity = self._plain(self.capacities.get(name, sp.Integer(1)))
        return [*found, Unknown(last, order - 2 * len(found), self._plain(rhs), is_scalar, on_rates, before, capacity)]

    def _plain(self, expression: Expression) -> Expression:
        """Numbers for exponents that are parameters: the slope of ``u**n`` is then finite at u = 0."""
        values = {sp.Symbol(n): sp.nsimplify(v) for n, v in self.numbers.items() if v == int(v.real)}

        def with_number(base: Expression, exponent: Expression) -> Expression:
            if not exponent.free_symbols or not exponent.free_symbols <= set(values):
                return base**exponent
            with np.errstate(all="ignore"):  # first as a floating-point number: an exact one may fill the memory
                size = abs(evaluate_number(exponent, {s: np.float64(v) for s, v in values.items()}))
            return base ** exponent.subs(values) if size <= LARGEST_EXPONENT else base**exponent

        return expression.replace(sp.Pow, with_number) if values else expression

    def _time_orders(self) -> dict[str, int]:
        orders = dict.fromkeys(self.pde.unknowns, 1 if self.pde.rhs is not None else 0)
        for left, _ in self.pde.sides:
            for name in names_in(left):
                found = named_rate(name)
                if found is not None and found[0] in orders:
                    orders[found[0]] = max(orders[found[0]], found[1])
        for name, order in orders.items():
            if order > HIGHEST:
                raise ExpressionError(
                    f"{rate_name(name, order)}: time derivatives go up to order {HIGHEST}", key="equations"
                )
        return orders

    def _scope(self, definitions: Mapping[str, Any]) -> Scope:
        pde = self.pde
        symbols = {n: sp.Symbol(n) for n in (*pde.unknowns, *(d for d in pde.definitions if d in self.kept))}
        rates = {n: sp.Symbol(n) for n in self._rates()}
        names = {str(a): a for a in self.axes} | {"t": EquationSystem.t}
        names |= {n: sp.Symbol(n) for n in self.numbers} | self.varying | dict(definitions) | symbols | rates
        scalars = {*pde.scalars, *(rate_name(n) for n in pde.scalars)}
        fields = {n: s for n, s in (symbols | rates).items() if n not in scalars}
        words = reduction_words(self.axes, {n: s for n, s in fields.items() if n in symbols})
        words |= self.delays.words(words, [name for name in pde.unknowns if name not in pde.scalars])
        return Scope(names, self.axes, fields, words | self.noise.functions, self.curved)

    def _varying(self, name: str, path: tuple[str, ...]) -> None:
        """Resolve a parameter that depends on the coordinates or time."""
        pde = self.pde
        if name in self.numbers or name in self.varying:
            return
        if name in path:
            raise ExpressionError(f"{' -> '.join((*path, name))} goes round in a circle", key="parameters")
        if name in pde.data_parameters():
            raise ExpressionError("data need a grid; give them to a Problem", key=f"parameters.{name}")
        text = pde.parameters[name]
        for needed in names_in(text) & set(pde.parameters):
            self._varying(needed, (*path, name))
        coordinates = {str(a): a for a in self.axes} | {"t": EquationSystem.t}
        try:
            scope = Scope(coordinates | {n: sp.Symbol(n) for n in self.numbers} | self.varying)
            self.varying[name] = parse(text, scope)
        except ExpressionError as error:
            raise error.under(f"parameters.{name}") from None

    def _definition(self, name: str, path: tuple[str, ...]) -> Any:
        if name in path:
            raise ExpressionError(f"{' -> '.join((*path, name))} goes round in a circle", key="definitions")
        if name not in self.resolved:
            text = self.pde.definitions[name]
            try:
                used = {n.rpartition("_")[0] for n in names_in(text)} | names_in(text)
                needs = {n: self._definition(n, (*path, name)) for n in used if n in self.pde.definitions}
                inlined = {n: e for n, e in needs.items() if n not in self.kept}
                expression = parse_any(text, self._scope(inlined))
            except ExpressionError as error:
                raise error.under(f"definitions.{name}") from None
            self.resolved[name] = expression
        return self.resolved[name]

    def _equation(self, left: str, right: str, text: str, key: str) -> tuple[str | None, Any]:
        inlined = {n: e for n, e in self.resolved.items() if n not in self.kept}
        scope = self._scope(inlined)
        try:
            right_side, left_side = parse(right, scope), parse(left, scope)
        except ExpressionError as error:
            raise ExpressionError(f"{text!r}: {error}", key=key) from None
        hidden = {atom: sp.Dummy() for atom in spatial_derivatives(left_side)}
        body, shown = left_side.xreplace(hidden), {dummy: atom for atom, dummy in hidden.items()}
        for rate, name in self._highest_rates.items():
            if body.has(rate):
                factor = slope(body, rate).xreplace(shown)
                if factor.has(rate) or factor == 0:
                    raise ExpressionError(f"{text!r}: the left side must be linear in {rate}", key=key)
                self.capacities[name] = -factor if factor.could_extract_minus_sign() else factor
                return name, (right_side - (sp.expand(body - factor * rate).xreplace(shown))) / factor
        return None, right_side - left_side

    def _operators_on_rates(self, rhs: dict[str, Any]) -> dict[str, Any]:
        """Take rates that are differentiated in space to the left sides; P of ``P(u_t) = F`` by unknown."""
        rates = {rate: name for rate, name in self._highest_rates.items() if name in rhs}
        fields = {rate for rate, name in rates.items() if name not in self.pde.scalars}
        together = differentiated_rates(rhs, fields)
        if not together:
            return {}
        lower = {sp.Symbol(n) for n in self._rates()} - set(rates)
        changing = {EquationSystem.t, *map(sp.Symbol, (*self.pde.unknowns, *self.kept)), *lower}
        found = {}
        for name in self.pde.unknowns:
            if not rhs[name].free_symbols & together:
                continue
            if not self.orders[name]:
                raise ExpressionError(
                    f"{', '.join(map(str, together))}, differentiated in space, stands in an equation '0 = ...'; write it as an "
                    "evolution equation"
                )
            own = sp.Symbol(rate_name(name, self.orders[name]))
            found[name], rhs[name] = split_rates(name, rhs[name], own, rates, changing)
        return found

    def _substitute_rates(self, rhs: dict[str, Any]) -> dict[str, Any]:
        """Put the right-hand side of u_t in where u_t, for which an equation is solved, stands on a right side."""
        names = {rate: name for rate, name in self._highest_rates.items() if name in rhs}
        rhs = {name: with_rate_reductions(expression, names) for name, expression in rhs.items()}
        resolved: dict[str, Any] = {}

        def resolve(name: str, path: tuple[str, ...]) -> Any:
            if name in path:
                raise ExpressionError("the time derivatives on the right-hand sides depend on each other in a circle")
            if name not in resolved:
                used = rhs[name].free_symbols & set(names)
                resolved[name] = rhs[name].subs({rate: resolve(names[rate], (*path, name)) for rate in used})
                refuse_boundless(resolved[name])
            return resolved[name]

        return {name: resolve(name, ()) for name in rhs}
