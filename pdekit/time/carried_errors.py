"""Tolerances of single steps where errors are carried on: waves, transport, coupled unknowns.

Where solutions are damped so are the errors of steps; elsewhere they add up, and a method whose steps keep the tolerance ends many
tolerances off. How many was measured for every method, over all worked problems (`tests/time/test_worked_tolerances.py`): without this
up to 1,400 (bdf2, a breather), 350 (BDF), 100 (etdrk4, a nerve pulse); with it below 30.

A method that goes on from a result of higher order than the one whose error it estimates ends with errors in proportion to the
tolerance. One that estimates the error of its own result, of order p, makes ``tol^(-1/(p+1))`` steps, so that errors go like
``tol^(p/(p+1))``; its steps are therefore held to ``c tol^(1 + 1/p)`` (tolerance proportionality).

References
----------
L. F. Shampine, *Numerical Solution of Ordinary Differential Equations* (1994), section 6.2; D. J. Higham, J. Comput. Appl. Math. 45
(1993) 227-236.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pdekit.discretize.system import SemiDiscrete
from pdekit.language.delayed_systems import delays_of
from pdekit.language.symbols import spatial_derivatives
from pdekit.time.stepper import Tolerance

TIGHTEST = 1e-11  # what stages are solved to: a tolerance is not brought below


@dataclass(frozen=True)
class Carried:
    """By how much the tolerance of steps is tightened: ``factor rtol^(-power)``, at least 1.

    Examples
    --------
    >>> Carried(4.0).at(1e-6), round(Carried(0.1, 0.5).at(1e-6), 9), Carried(0.1, 0.5).at(0.1)
    (4.0, 100.0, 1.0)
    """

    factor: float = 1.0
    power: float = 0.0

    def at(self, rtol: float) -> float:
        """For a relative tolerance."""
        return max(1.0, self.factor * rtol**-self.power)


DAMPED = Carried()


def carries_errors(system: SemiDiscrete) -> bool:
    """Whether errors may live on: not so only for single real unknowns whose derivatives are even.

    Examples
    --------
    >>> import pdekit as pk
    >>> ring = pk.Grid(x=pk.Axis(0, 1, 8, periodic=True))
    >>> [carries_errors(pk.Problem(pk.PDE(text), ring, initial={"u": 0}).semidiscrete) for text in ("u_t = u_xx", "u_t = u_xx - u_x")]
    [False, True]
    """
    unknowns = system.system.unknowns
    if len(unknowns) > 1 or system.time_order == 2 or system.dtype.kind == "c":
        return True
    if system.function is not None or delays_of(system.system):
        return True
    return not all(atom.is_even for atom in spatial_derivatives(unknowns[0].rhs))


def held(tolerance: Tolerance, carried: Carried, system: SemiDiscrete) -> Tolerance:
    """The tolerance to which single steps are held."""
    factor = carried.at(tolerance.relative) if carries_errors(system) else 1.0
    least = min(tolerance.relative, TIGHTEST)
    factor = min(factor, tolerance.relative / least)
    return replace(tolerance, absolute=tolerance.absolute / factor, relative=tolerance.relative / factor)
