"""What kind of equation it is: its linear part, its order in space, whether it is well posed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from pdekit.language.data_functions import DataFunction
from pdekit.language.equation_system import EquationSystem
from pdekit.language.evaluate import slope, wirtinger_slopes
from pdekit.language.symbols import SpatialDerivative, spatial_derivatives
from pdekit.typing import Expression


@dataclass(frozen=True)
class Split:
    """A right-hand side as ``linear + source + rest``.

    Parameters
    ----------
    linear : expression
        Terms linear in the unknowns, with coefficients that do not depend on time.
    source : expression
        Terms free of unknowns.
    rest : expression
        Everything else: nonlinear terms and coefficients that change in time.
    """

    linear: Expression
    source: Any
    rest: Expression


def depends(expression: Expression, states: Collection[Any]) -> bool:
    """Whether an expression contains unknowns or their derivatives."""
    return bool(expression.has(SpatialDerivative) or expression.free_symbols & set(states))


def occurs_outside(expression: Expression, state: Expression) -> bool:
    """Whether a state occurs outside of all derivative atoms."""
    if expression == state:
        return True
    return not isinstance(expression, SpatialDerivative) and any(occurs_outside(a, state) for a in expression.args)


def _is_linear_factor(
    factor: Any, plain: Collection[Any], states: Collection[Any], t: Any, bent: Collection[Any]
) -> bool:
    if factor in plain:
        return True
    if not isinstance(factor, SpatialDerivative) or not factor.is_field:
        return False
    k = factor.factor_in_front
    return (
        factor.is_linear
        and factor.operand in plain
        and factor.operand not in bent
        and not depends(k, states)
        and not k.has(t)
    )


def split(system: EquationSystem, rhs: Expression, bent: Collection[Any] = ()) -> Split:
    """Split a right-hand side into its linear time-constant part, its source and the rest.

    Parameters
    ----------
    system : EquationSystem
    rhs : expression
    bent : collection of Symbol
        States whose derivatives are not linear or change in time, for the data of their conditions do.

    Examples
    --------
    >>> from pdekit.language.pde import PDE
    >>> system = PDE("u_t = u_xx - u**3 + sin(t)").bind(("x",))
    >>> parts = split(system, system.unknowns[0].rhs)
    >>> parts.linear, parts.source, parts.rest
    (Diff(u, x, 2), sin(t), -u**3)
    """
    states, t = system.states, system.t
    plain = [s for s in states if s not in system.definitions]
    linear, source, rest = [], [], []
    for term in sp.Add.make_args(sp.expand_mul(rhs)):
        dependent = [f for f in sp.Mul.make_args(term) if depends(f, states)]
        if not dependent:
            source.append(term)
        elif (
            len(dependent) == 1
            and _is_linear_factor(dependent[0], plain, states, t, bent)
            and not (term / dependent[0]).has(t)
        ):
            linear.append(term)
        else:
            rest.append(term)
    return Split(sp.Add(*linear), sp.Add(*source), sp.Add(*rest))


@dataclass(frozen=True)
class Principal:
    """The highest even derivative of one unknown in its own equation along one axis.

    ``coefficient * d^order u / d axis^order``, and in complex equations ``conjugate`` times the conjugate of the same.
    """

    unknown: str
    axis: str
    order: int
    coefficient: Expression
    conjugate: Any


def principal_parts(system: EquationSystem, is_complex: bool) -> list[Principal]:
    """The leading even-order terms, whose sign decides whether the problem is well posed.

    For ``u_t = c d^{2m} u`` well-posedness asks for ``(-1)^(m+1) Re c >= 0``; for ``u_tt`` the same, or the
    problem would be elliptic in time.
    """
    found = []
    for unknown in system.unknowns:
        u, rhs = unknown.symbol, sp.expand_mul(unknown.rhs)
        for axis in system.axes:
            coefficients: dict[int, tuple[Any, Any]] = {}
            for atom in sorted(spatial_derivatives(rhs), key=str):
                if atom.operand == u and set(atom.counts) == {str(axis)} and atom.is_even:
                    n, body = atom.counts[str(axis)], rhs.subs(atom, (dummy := sp.Dummy()))
                    own, conjugate = (
                        wirtinger_slopes(body, dummy) if is_complex else (slope(body, dummy), sp.Integer(0))
                    )
                    before = coefficients.get(n, (0, 0))
                    front = atom.factor_in_front
                    coefficients[n] = (
                        before[0] + own.xreplace({dummy: atom}) * front,
                        before[1] + conjugate.xreplace({dummy: atom}) * sp.conjugate(front),
                    )
            if coefficients:
                n = max(coefficients)
                found.append(Principal(unknown.name, str(axis), n, *coefficients[n]))
    return found


@dataclass(frozen=True)
class DiffusionPart:
    """``coefficient * d^2 operand / (d first d second)`` in the equation of an unknown."""

    unknown: str
    operand: str
    first: str
    second: str
    coefficient: Expression


def diffusion_parts(system: EquationSystem, time_order: int = 1) -> list[DiffusionPart]:
    """All second derivatives in equations of an order in time that have none higher: mixed ones, and of other unknowns."""
    found: list[DiffusionPart] = []
    names = {u.symbol: u.name for u in system.unknowns}
    for unknown in system.unknowns:
        rhs = sp.expand_mul(unknown.rhs)
        hidden = {atom: sp.Dummy() for atom in sorted(spatial_derivatives(rhs), key=str)}
        if unknown.time_order != time_order or any(sum(a.counts.values()) > 2 for a in hidden):
            continue
        body, shown = rhs.xreplace(hidden), {dummy: atom for atom, dummy in hidden.items()}
        for atom, dummy in hidden.items():
            seconds = _second_derivatives(atom, names)
            if seconds:
                front = slope(body, dummy).xreplace(shown)
                found += [DiffusionPart(unknown.name, name, *axes, front * k) for name, axes, k in seconds]
    return found


def _second_derivatives(atom: Any, names: Mapping[Any, str]) -> list[tuple[str, tuple[str, str], Any]]:
    """The second derivatives of unknowns that a derivative holds: the unknown, the axes, and the factor in front."""
    axes = [axis for axis, n in atom.counts.items() for _ in range(n)]
    if len(axes) == 2 and atom.operand in names:
        return [(names[atom.operand], (axes[0], axes[1]), atom.factor_in_front)]
    if len(axes) != 1:
        return []
    found = []
    hidden = {inner: sp.Dummy() for inner in spatial_derivatives(atom.operand)}
    for inner, dummy in hidden.items():
        if sum(inner.counts.values()) == 1 and inner.operand in names:
            (second,) = inner.counts
            k = slope(atom.operand.xreplace(hidden), dummy).xreplace({d: a for a, d in hidden.items()})
            found.append((names[inner.operand], (axes[0], second), k))
    return found


def highest_derivatives(system: EquationSystem) -> dict[str, dict[str, int]]:
    """For each differentiated state, the highest derivative along each axis; that of a rate counts for its unknown."""
    highest: dict[str, dict[str, int]] = {}
    expressions = [u.rhs for u in system.unknowns] + [*system.operators_on_rates, *system.definitions.values()]
    derived = {name: system.origin(u).name for u in system.unknowns for name in (*u.states, str(u.highest_rate))}
    for expression in expressions:
        for atom in expression.atoms(SpatialDerivative):
            if not atom.is_field:
                continue
            operand = str(atom.operand)
            entry = highest.setdefault(derived.get(operand, operand), {})
            for axis, n in atom.counts.items():
                entry[axis] = max(entry.get(axis, 0), n)
    return highest


def is_real_valued(expression: Expression, complex_symbols: Collection[Any]) -> bool:
    """Whether an expression is made of real quantities, and of complex ones by ``abs``, ``real`` and ``imag`` only.

    Examples
    --------
    >>> u, k = sp.symbols("u k")
    >>> [is_real_valued(e, [u]) for e in (k * sp.Abs(u) ** 2, sp.re(u), k * u, sp.I * k)]
    [True, True, False, False]
    """
    if isinstance(expression, sp.Abs | sp.re | sp.im | sp.arg):
        return True
    if isinstance(expression, DataFunction):
        return not expression.is_complex_valued
    if not expression.args:
        return expression != sp.I and expression not in complex_symbols
    return all(is_real_valued(part, complex_symbols) for part in expression.args)


_PLACE = sp.Dummy("derivative")


def factor_of(rhs: Expression, derivative: Expression) -> Any:
    """The slope of a right-hand side by one of its derivatives; in complex equations that by itself, its conjugate apart.

    Numbers of whole fields that it stands in are not differentiated.
    """
    numbers = {atom: sp.Dummy() for atom in rhs.atoms(SpatialDerivative) if not atom.is_field and atom != derivative}
    body = rhs.xreplace(numbers).xreplace({derivative: _PLACE})
    found = wirtinger_slopes(body, _PLACE)[0] if body.has(sp.I) else slope(body, _PLACE)
    return found.xreplace({_PLACE: derivative, **{dummy: atom for atom, dummy in numbers.items()}})
