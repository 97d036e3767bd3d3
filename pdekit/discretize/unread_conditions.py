"""Conditions must be read: one that no term of the equations takes leaves the solution as it would be without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pdekit.boundary.conditions import DOMAIN, SIDES, FaceConditions
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import BoundaryError, PdekitError
from pdekit.language.convective_fluxes import ConvectiveFlux
from pdekit.language.parser import Scope, parse
from pdekit.language.reductions import Reduction
from pdekit.language.symbols import Measured, OnFace, SpatialDerivative

BLIND = (Reduction, Measured, OnFace)  # derivatives that are made without conditions, and what is none


def notes_on_unread_conditions(
    system: SemiDiscrete, conditions: Mapping[str, Mapping[str, FaceConditions]], written: frozenset[str]
) -> list[str]:
    """Refuse conditions other than prescribed values of which no derivative of the equations takes the data; note those with the data zero.

    Parameters
    ----------
    system : SemiDiscrete
    conditions : mapping of str to mapping of str to FaceConditions
        By state and axis.
    written : set of str
        The states whose conditions were given.

    Returns
    -------
    list of str
        Those that say that nothing flows where nothing would.

    Raises
    ------
    BoundaryError
        Names the face, the unknown, and the derivatives that look as if they read it.
    """
    reads, notes = set(_reads(system)), []
    for name, faces in conditions.items():
        for axis, pair in faces.items():
            if name not in written or (name, axis) in reads or (axis == DOMAIN and any(n == name for n, _ in reads)):
                continue
            for side in SIDES:
                given = [c.value for c in pair[side] if not c.is_dirichlet]
                where = f"boundary.{name}.{DOMAIN}" if axis == DOMAIN else f"boundary.{name}.{axis}.{side}"
                if any(not _is_zero(value, system) for value in given):
                    raise BoundaryError(_why(system, name, axis), key=where)
                notes += [f"{where}: {_why(system, name, axis)}"] if given else []
    return notes


def _is_zero(value: Any, system: SemiDiscrete) -> bool:
    """Whether data are the number zero, or a text of parameters that is."""
    if not isinstance(value, str):
        return isinstance(value, int | float) and value == 0
    parameters = system.system.parameters
    try:
        return bool(parse(value, Scope({str(p): p for p in parameters})).subs(parameters) == 0)
    except PdekitError:
        return False


def _reads(system: SemiDiscrete) -> Iterator[tuple[str, str]]:
    """Unknowns and definitions with the axes along which they are differentiated themselves."""
    equations = system.system
    origins = {n: str(equations.origin(u).symbol) for u in equations.unknowns for n in (*u.states, str(u.highest_rate))}
    for expression in [*equations.expressions, *equations.operators_on_rates]:
        for atom in _derivatives(expression):
            held = atom.states if isinstance(atom, ConvectiveFlux) else (atom.operand,)
            yield from ((origins.get(str(s), str(s)), axis) for s in held for axis in atom.counts)


def _derivatives(expression: Any) -> set[Any]:
    return {a for a in expression.atoms(SpatialDerivative) if not isinstance(a, BLIND)}


def _why(system: SemiDiscrete, name: str, axis: str) -> str:
    """What is wrong, and what would work."""
    atoms = {a for e in system.system.expressions for a in _derivatives(e)}
    alike = sorted({a.short for a in atoms if axis in a.counts and name in map(str, a.operand.free_symbols)})
    if alike:
        return (
            f"no term of the equations reads this condition: {', '.join(alike)} differentiates an expression, of which it says nothing; write "
            f"div(k*grad({name})), or make the expression a definition with a condition of its own"
        )
    return f"no term of the equations reads this condition: {name} is not differentiated along {axis}; leave it out"
