"""CVODE and IDA of SUNDIALS, by scikit-sundae: backward differentiation of orders 1 to 5 with variable steps and coefficients.

Their Newton iterations take GMRES with the exact Jacobian, preconditioned by ``1 - gamma J`` (IDA: ``c M - J``) factorised by our own
linear solvers: as long as the factors are those of the step it is a direct solve; transforms, banded LU and multigrid serve them as well.

References
----------
A. C. Hindmarsh et al., ACM Trans. Math. Softw. 31 (2005) 363-396; P. N. Brown, A. C. Hindmarsh and L. R. Petzold, SIAM J. Sci. Comput.
15 (1994) 1467-1488.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np

from pdekit.discretize.real_pairs import RealPairs
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError, StabilityError
from pdekit.linear.solver_choice import Solvers
from pdekit.time.iteration_matrix import iteration_matrix
from pdekit.time.loop import Stop, span_between
from pdekit.time.observers import Watch
from pdekit.time.paired import paired
from pdekit.time.solved_rates import rates, refuse_coupled_rates
from pdekit.time.step_memory import StepMemory
from pdekit.time.stepper import Tolerance
from pdekit.typing import Array

SUNDIALS = {
    "cvode": "CVODE: backward differentiation of orders 1 to 5, adaptive,",
    "ida": "IDA: backward differentiation of orders 1 to 5 for algebraic equations as well, adaptive,",
}
PACKAGE = "sksundae"
FIRST = 1e-6  # of the span: the step for which IDA finds consistent values


def refuse_without_sundials(name: str) -> None:
    """Say what is to be installed.

    Raises
    ------
    SolverError
    """
    if find_spec(PACKAGE) is None:
        raise SolverError(f"{name} needs scikit-sundae: pip install 'pdekit[sundials]'", key="time.method")


class _Newton:
    """What both ask of the Jacobian, kept from one call to the next."""

    def __init__(self, system: Any, solvers: Solvers, watch: Watch) -> None:
        self.system, self.solvers, self.counts = system, solvers, watch.statistics
        self.J: Any = None
        self._solver: Any = None

    def fetch(self, t: float, y: Array) -> None:
        """The Jacobian at a state."""
        self.J = self.system.jacobian(t, y.copy())
        self.counts.jacobians += 1

    def factorise(self, factor: float) -> None:
        """``M - factor J``."""
        self._solver = self.solvers.factorise(iteration_matrix(self.system.mass, float(factor), self.J))
        self.counts.factorisations += 1

    def solve(self, rhs: Array) -> Array:
        return np.asarray(self._solver.solve(rhs.copy()))


def _cvode(newton: _Newton, options: dict[str, Any]) -> Any:
    from sksundae import cvode

    system = newton.system

    def rhs(t: float, y: Array, rate: Array) -> None:
        newton.counts.evaluations += 1
        rate[:] = system.rhs(t, y)

    def set_up(t: float, y: Array, rate: Array, may_keep: int, is_new: list[int], gamma: float) -> None:
        if not may_keep or newton.J is None:
            newton.fetch(t, y)
        is_new[0] = int(not may_keep)
        newton.factorise(gamma)

    def solve(t: float, y: Array, rate: Array, r: Array, z: Array, gamma: float, delta: float, side: int) -> None:
        z[:] = newton.solve(r)

    def product(t: float, y: Array, rate: Array, v: Array, Jv: Array) -> None:
        Jv[:] = system.jacobian(t, y) @ v if newton.J is None else newton.J @ v

    return cvode.CVODE(
        rhs, precond=cvode.CVODEPrecond(set_up, solve), jactimes=cvode.CVODEJacTimes(None, product), **options
    )


def _ida(newton: _Newton, options: dict[str, Any], span: float) -> Any:
    from sksundae import ida

    system = newton.system

    def residual(t: float, y: Array, rate: Array, out: Array) -> None:
        newton.counts.evaluations += 1
        out[:] = system.mass @ rate - system.rhs(t, y)

    def set_up(t: float, y: Array, rate: Array, res: Array, c: float) -> None:
        newton.fetch(t, y)
        newton.factorise(1 / c)

    def solve(t: float, y: Array, rate: Array, res: Array, r: Array, z: Array, c: float, delta: float) -> None:
        z[:] = newton.solve(r) / c

    def product(t: float, y: Array, rate: Array, res: Array, v: Array, Jv: Array, c: float) -> None:
        Jv[:] = c * (system.mass @ v) - newton.J @ v

    algebraic = np.flatnonzero(system.algebraic)
    if algebraic.size:
        options |= {"algebraic_idx": algebraic, "calc_initcond": "yp0", "calc_init_dt": FIRST * span}
    return ida.IDA(residual, precond=ida.IDAPrecond(set_up, solve), jactimes=ida.IDAJacTimes(None, product), **options)


def integrate_by_sundials(
    system: SemiDiscrete,
    name: str,
    y: Array,
    stops: Sequence[Stop],
    tolerance: Tolerance,
    watch: Watch,
    longest: float = np.inf,
    memory: StepMemory | None = None,
    solvers: Solvers | None = None,
) -> Iterator[tuple[float, Array]]:
    """Integrate with ``cvode`` or ``ida``; they end their steps at every stop, and begin anew where the right-hand side jumps.

    Parameters
    ----------
    system : SemiDiscrete
    name : str
    y : array
        Initial state.
    stops : sequence of Stop
    tolerance : Tolerance
    watch : Watch
    longest : float
        The longest step that is allowed.
    memory : StepMemory, optional
        Not used: they choose their first step.
    solvers : Solvers, optional

    Yields
    ------
    (t, y) at every stop that is a frame.
    """
    refuse_without_sundials(name)
    if name == "cvode" and not system.evolves:
        raise SolverError("cvode cannot solve algebraic equations '0 = ...'; use ida", key="time.method")
    if name == "cvode":
        refuse_coupled_rates(system, name)
    solvers = solvers or Solvers(system)
    if system.dtype.kind == "c":
        pairs = RealPairs(system)
        for t, z in _stepped(pairs, name, RealPairs.split(y), stops, paired(tolerance), watch, longest, solvers, True):
            yield t, RealPairs.joined(z)
        return
    yield from _stepped(system, name, y, stops, tolerance, watch, longest, solvers, False)


def _stepped(
    system: Any,
    name: str,
    y: Array,
    stops: Sequence[Stop],
    tolerance: Tolerance,
    watch: Watch,
    longest: float,
    solvers: Solvers,
    is_paired: bool,
) -> Iterator[tuple[float, Array]]:
    """The same, of a system in real numbers."""
    options = {
        "linsolver": "gmres",
        "rtol": tolerance.relative,
        "atol": np.array(tolerance.absolute),
        "max_step": longest if np.isfinite(longest) else 0.0,
    }
    yield stops[0].t, y
    solver: Any = None
    for start, end in pairwise(stops):
        t, until = span_between(start, end)
        if solver is None:
            solver = _begun(system, name, t, y, dict(options), stops[-1].t - t, solvers, watch)
        while t < until:
            found = solver.step(until, method="onestep", tstop=until)
            state = RealPairs.joined(found.y) if is_paired else found.y
            if not found.success:
                raise StabilityError(
                    f"{name} cannot go on at t = {found.t:.6g} ({found.message}); {watch.describe(found.t, state)}"
                )
            before, t, y = t, float(found.t), found.y
            watch.step(t, state, h=t - before)
        if end.frame:
            yield end.t, y.copy()
        if end.jump:
            solver = None


def _begun(
    system: Any, name: str, t: float, y: Array, options: dict[str, Any], span: float, solvers: Solvers, watch: Watch
) -> Any:
    """A solver at its initial state."""
    rate = np.where(system.algebraic, 0.0, rates(system)(t, y))
    if not np.all(np.isfinite(rate)):
        raise StabilityError("the right-hand side is not finite at the start")
    newton = _Newton(system, solvers, watch)
    if name == "cvode":
        solver = _cvode(newton, options)
        solver.init_step(t, y)
    else:
        solver = _ida(newton, options, span)
        solver.init_step(t, y, rate)
    return solver
