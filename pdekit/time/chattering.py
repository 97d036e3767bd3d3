"""Looks for runs that chatter: the right-hand side jumps in the unknowns, and the solution slides along the jump.

On either side of the jump the right-hand side drives the solution across it, so that every step crosses, and the error control makes
the step as short as the tolerance (A. F. Filippov, *Differential Equations with Discontinuous Righthand Sides* (1988), section 4).
"""

from __future__ import annotations

import sympy as sp

from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import StabilityError
from pdekit.language.symbols import SpatialDerivative
from pdekit.time.breakpoints import switches, time_expressions
from pdekit.time.observers import StepState
from pdekit.typing import Expression

EVERY = 1000  # steps between looks
LOOKS = 2  # in a row that see no progress
CRAWLING = 1e-6  # of the span a step, where steps have been a thousand times as long
FALLEN = 1e-3
STANDING = 1e-8  # of the span a step, whatever steps have been
LONG_CRAWL = 30  # looks in a row at crawling steps, whatever steps have been


class ChatterGuard:
    """Stops a run that does not get on, for right-hand sides that jump in the unknowns.

    Parameters
    ----------
    start, end : float
        Of the run.
    """

    def __init__(self, start: float, end: float) -> None:
        self.span = end - start
        self._longest, self._before, self._seen, self._looks, self._crawls = 0.0, start, 0, 0, 0

    def __call__(self, t: float, state: StepState, h: float, steps: int) -> None:
        """Told of a finished step.

        Raises
        ------
        StabilityError
        """
        self._longest, self._seen = max(self._longest, h), self._seen + 1
        if self._seen % EVERY:
            return
        step, self._before = (t - self._before) / EVERY, t
        has_fallen = step < CRAWLING * self.span and step < FALLEN * self._longest
        self._looks = self._looks + 1 if has_fallen or step < STANDING * self.span else 0
        self._crawls = self._crawls + 1 if step < CRAWLING * self.span else 0
        if self._looks >= LOOKS or self._crawls >= LONG_CRAWL:
            raise StabilityError(f"the run chatters at t = {t:.6g}: steps have become {step:.2g} long")


def notes_on_jumps(system: SemiDiscrete) -> list[str]:
    """What may keep a run from going on where right-hand sides jump in the unknowns, and what helps, in words."""
    jumps = jumps_in_unknowns(system)
    if not jumps:
        return []
    where = " or ".join(f"{jump} = 0" for jump in jumps)
    return [
        f"the right-hand side jumps in the solution where {where}, and a solution that it drives there from both sides slides along the "
        "jump. Smooth it: tanh(s/eps) for sign(s), (1 + tanh(s/eps))/2 for where(s > 0, 1, 0), eps being a hundredth of the values of s, say"
    ]


def jumps_in_unknowns(system: SemiDiscrete) -> tuple[str, ...]:
    """What is zero where a right-hand side jumps in the unknowns.

    Examples
    --------
    >>> import pdekit as pk
    >>> pde = pk.PDE("u_t = u_xx - sign(u) + where(u(0.5) < 0.2, 1, 0) + heaviside(x - 0.5) + abs(u)")
    >>> rod = pk.Problem(pde, pk.Grid(x=pk.Axis(0, 1, 9)), initial={"u": 1}, boundary={"u": {"x": pk.Neumann(0)}})
    >>> jumps_in_unknowns(rod.semidiscrete)
    ('at(u, 0.5) - 1/5', 'u')
    """
    states = system.system.states
    found = {switch for e in time_expressions(system) for u in states for switch in switches(e, u)}
    return tuple(sorted(map(_shown, found)))


def _shown(expression: Expression) -> str:
    """With derivatives and numbers of fields as they are written."""
    found = sorted(
        expression.atoms(SpatialDerivative), key=lambda atom: len(str(atom)), reverse=True
    )  # outer ones first
    return str(expression.xreplace({atom: sp.Symbol(atom.short) for atom in found}))
