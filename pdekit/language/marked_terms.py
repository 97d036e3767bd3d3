"""Terms of equations by what stands in them: ``u_xx``, ``laplace(u)``, ``u``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sympy as sp

from pdekit.errors import ConfigError, nearest_hint
from pdekit.language.equation_system import EquationSystem
from pdekit.language.symbols import spatial_derivatives


def _names_of(term: Any, states: Sequence[Any]) -> set[str]:
    """By which names a term is found: those of its derivatives, or of its unknowns where there are none."""
    atoms = spatial_derivatives(term)
    if not atoms:
        return {str(s) for s in states if term.has(s)}
    names = set()
    for atom in atoms:
        names.add(atom.short)
        order = sum(atom.counts.values())
        if order in (2, 4) and all(n % 2 == 0 for n in atom.counts.values()):
            names.add(f"{'laplace' if order == 2 else 'biharmonic'}({atom.operand})")
    return names


def only(system: EquationSystem, names: Sequence[str]) -> EquationSystem:
    """The same equations with only those terms on the right that bear one of the names.

    Parameters
    ----------
    system : EquationSystem
    names : sequence of str
        Short derivatives (``u_xx``), ``laplace(u)`` for all second and ``biharmonic(u)`` for all fourth derivatives, or an unknown,
        for its terms without derivatives.

    Raises
    ------
    ConfigError
        No term bears a name.

    Examples
    --------
    >>> from pdekit.language.pde import PDE
    >>> whole = PDE("u_t = 2*laplace(u) - u**3 + u").bind(("x",))
    >>> only(whole, ["laplace(u)"]).unknowns[0].rhs
    2*Diff(u, x, 2)
    """
    terms = {u.name: sp.Add.make_args(sp.expand_mul(u.rhs)) for u in system.unknowns}
    known = sorted({name for own in terms.values() for term in own for name in _names_of(term, system.states)})
    wanted = [name.replace(" ", "") for name in names]
    for name in wanted:
        if name not in known:
            raise ConfigError(
                f"no term has {name!r}; there are {', '.join(known)}{nearest_hint(name, known)}", key="time.implicit"
            )
    kept = {n: sp.Add(*(t for t in own if _names_of(t, system.states) & set(wanted))) for n, own in terms.items()}
    return replace(system, unknowns=tuple(replace(u, rhs=kept[u.name]) for u in system.unknowns), noises=())
