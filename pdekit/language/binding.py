"""From the texts of a PDE to equations in symbols, once the axes are known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from pdekit.errors import ExpressionError
from pdekit.language.delays import Delayed, DelayWords
from pdekit.language.equation_system import EquationSystem, Unknown
from pdekit.language.evaluate import evaluate_number, slope
from pdekit.language.expression_size import refuse_boundless
from pdekit.language.noise import Noise, NoiseTerm, NoiseWords, without_noise
from pdekit.language.parser import LARGEST_EXPONENT, Matrix, Scope, Vector, parse, parse_any
from pdekit.language.pde import PDE
from pdekit.language.rates import HIGHEST, differentiated_rates, named_rate, rate_name, split_rates
from pdekit.language.reductions import fields_in, reduction_words, with_rate_reductions
from pdekit.language.symbols import SpatialDerivative, spatial_derivatives
from pdekit.language.syntax import names_in
from pdekit.language.vector_calculus import VectorCalculus
from pdekit.language.vocabulary import FIXED
from pdekit.typing import Expression


def bind_equations(
    pde: PDE, axes: Sequence[str], kept: Collection[str], curved: VectorCalculus | None, data: Mapping[str, Any] | None
) -> EquationSystem:
    """As `PDE.bind` has it."""
    for name in axes:
        if name in {*pde.parameters, *pde.definitions, *pde.unknowns} or name in FIXED:
            raise ExpressionError(f"axis {name!r} has the name of something else in the equations")
    return _Binder(pde, tuple(sp.Symbol(a) for a in axes), kept, curved, dict(data or {})).system()


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
        resolved = {n: self._plain(e) for n, e in self.resolved.items() if not isinstance(e, Vector | Matrix)}
        return EquationSystem(self.axes, unknowns, parameters, definitions, known, pde.rhs, pde.reach, noises, resolved)

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
