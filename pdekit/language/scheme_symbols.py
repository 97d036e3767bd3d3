"""Schemes for single derivatives: which atom of the equations is discretized how.

``u_x: upwind`` splits ``a*u_x`` on a right-hand side into ``max(a, 0)*u_x`` with a stencil that reaches to the right and ``min(a, 0)*u_x``
with one that reaches to the left: with ``u_t = a*u_x`` what happens at x comes from the right where a > 0. ``laplace(u): isotropic`` adds
``(h^2/6) u_xxyy`` to ``u_xx + u_yy``, which makes the molecule of nine points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import sympy as sp

from pdekit.errors import ConfigError, nearest_hint
from pdekit.language.equation_system import EquationSystem
from pdekit.language.evaluate import evaluate_number, slope
from pdekit.language.symbols import Diff, spatial_derivatives
from pdekit.typing import Expression


@dataclass(frozen=True)
class SchemeChoice:
    """How one derivative is discretized: the scheme's name, its accuracy, whether its direction is that of the stream.

    Of a whole Laplacian, `step` is the step of the grid.
    """

    scheme: str
    order: int
    by_stream: bool = False
    step: float | None = None


class Shaped(Diff):
    """``Shaped(w, x, n, scheme, order, upwind)``: a derivative with a scheme of its own."""

    @property
    def counts(self) -> dict[str, int]:
        return {str(self.args[1]): int(self.args[2])}

    @property
    def scheme(self) -> str:  # type: ignore[override]
        return str(self.args[3])

    @property
    def order(self) -> int:
        return int(self.args[4])

    @property
    def upwind(self) -> int:
        return int(self.args[5])


def choosable(system: EquationSystem) -> dict[str, Diff]:
    """The derivatives of the equations for which a scheme can be chosen, by name."""
    found = {}
    for expression in (*(u.rhs for u in system.unknowns), *system.definitions.values()):
        for atom in sorted(spatial_derivatives(expression), key=str):
            if isinstance(atom, Diff) and atom.operand in system.states and len(atom.counts) == 1:
                found[atom.short] = atom
        for state in system.states:
            pair = [Diff(state, axis, 2) for axis in system.axes]
            if len(pair) == 2 and all(atom in spatial_derivatives(expression) for atom in pair):
                found[f"laplace({state})"] = Diff(state, *(entry for axis in system.axes for entry in (axis, 2)))
    return found


def with_schemes(system: EquationSystem, choices: Mapping[str, SchemeChoice]) -> EquationSystem:
    """The equations with their derivatives marked by the schemes that they are to have.

    Raises
    ------
    ConfigError
        No such derivative; a scheme by the stream for a derivative that does not stand linearly.
    """
    atoms = choosable(system)
    for name in choices:
        if name not in atoms:
            raise ConfigError(
                f"no such derivative in the equations; there are {sorted(atoms)}{nearest_hint(name, atoms)}",
                key=f"discretization.schemes.{name}",
            )

    def marked(expression: Expression, time_order: int) -> Expression:
        for name, choice in choices.items():
            atom = atoms[name]
            if choice.step is not None:
                expression = _isotropic(system, expression, atom, name, choice)
            elif atom in spatial_derivatives(expression):
                make = _by_stream if choice.by_stream else _plain
                expression = make(system, expression, atom, name, choice, time_order)
        return expression

    unknowns = tuple(replace(u, rhs=marked(u.rhs, u.time_order)) for u in system.unknowns)
    definitions = {s: marked(e, 1) for s, e in system.definitions.items()}
    return replace(system, unknowns=unknowns, definitions=definitions)


def _isotropic(
    system: EquationSystem, expression: Expression, mixed: Diff, name: str, choice: SchemeChoice
) -> Expression:
    """Add to ``a*(u_xx + u_yy)`` what makes its leading error that of no direction."""
    dummies = {Diff(mixed.operand, axis, 2): sp.Dummy() for axis in system.axes}
    if not set(dummies) <= spatial_derivatives(expression):
        return expression
    body = expression.xreplace(dummies)
    factors = [slope(body, dummy) for dummy in dummies.values()]
    if any(f.has(*dummies.values()) for f in factors) or sp.simplify(factors[0] - factors[1]) != 0:
        raise ConfigError(
            f"{choice.scheme} needs u_xx and u_yy with the same factor", key=f"discretization.schemes.{name}"
        )
    assert choice.step is not None
    factor = factors[0].xreplace({dummy: atom for atom, dummy in dummies.items()})
    return expression + factor * sp.Float(choice.step**2 / 6) * mixed


def _shape(atom: Diff, choice: SchemeChoice, upwind: int) -> Expression:
    return Shaped(*atom.args, sp.Symbol(choice.scheme), sp.Integer(choice.order), sp.Integer(upwind))


def _plain(
    system: EquationSystem, expression: Expression, atom: Diff, name: str, choice: SchemeChoice, time_order: int
) -> Expression:
    return expression.xreplace({atom: _shape(atom, choice, 0)})


def _by_stream(
    system: EquationSystem, expression: Expression, atom: Diff, name: str, choice: SchemeChoice, time_order: int
) -> Expression:
    dummy = sp.Dummy()
    body = expression.xreplace({atom: dummy})
    factor = slope(body, dummy)
    if factor.has(dummy) or time_order == 2:
        raise ConfigError(
            f"{choice.scheme} is for a derivative that stands linearly, v*{name}, in an equation "
            "of first order in time",
            key=f"discretization.schemes.{name}",
        )
    rest = body.xreplace({dummy: sp.Integer(0)})
    left, right = (_shape(atom, choice, direction) for direction in (-1, 1))
    if factor.free_symbols <= set(system.parameters):
        value = evaluate_number(factor, system.parameters)
        return rest + factor * (right if complex(value).real > 0 else left)
    rightward = sp.Piecewise((factor, factor > 0), (0, True))
    return rest + rightward * right + sp.Piecewise((factor, factor < 0), (0, True)) * left
