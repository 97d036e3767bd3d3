"""Partial differential equations as texts, and as symbols once the axes are known."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from pdekit.errors import ExpressionError, nearest_hint
from pdekit.language.equation_system import EquationSystem
from pdekit.language.evaluate import evaluate_number
from pdekit.language.parser import Scope, parse
from pdekit.language.rates import named_rate
from pdekit.language.syntax import called_names, differentiated_names, names_in, syntax
from pdekit.language.vector_calculus import VectorCalculus
from pdekit.language.vocabulary import FIXED, RESERVED

_EQUALS = re.compile(r"(?<![<>=!])=(?!=)")
_FRACTION = re.compile(r"^[d∂](?:\^?2|\*\*2|²)?([A-Za-z]\w*)/[d∂]t(?:\^?2|\*\*2|²)?$")


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
        for number, pair in enumerate(self.sides):
            for side in pair:
                try:
                    syntax(side)
                except ExpressionError as error:
                    raise error.under(f"equations[{number}]") from None
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
        used = {name: self._used_by(name) for name, given in self.parameters.items() if isinstance(given, str)}
        moving = {*axes, "t", *self.data_parameters()} - set(used)
        while more := {name for name, others in used.items() if name not in moving and others & moving}:
            moving |= more
        return [name for name in self.parameters if name in moving]

    def _used_by(self, name: str) -> set[str]:
        """The names in a parameter that is a text."""
        try:
            return names_in(self.parameters[name])
        except ExpressionError as error:
            raise error.under(f"parameters.{name}") from None

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
                with np.errstate(all="ignore"):
                    values[name] = evaluate_number(resolve(name, ()), {})
                if not np.isfinite(values[name]):
                    raise ExpressionError(f"is {values[name]}, no finite number", key=f"parameters.{name}")
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
        from pdekit.language.binding import bind_equations

        return bind_equations(self, axes, kept, curved, data)


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
