"""Methods of `scipy.integrate.solve_ivp`, stepped so that output streams and blow-up is seen at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import scipy
from scipy import sparse

from pdekit.counts import Statistics
from pdekit.discretize.low_rank import explicit
from pdekit.discretize.real_pairs import RealPairs
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError, StabilityError
from pdekit.linear.direct import bandwidths
from pdekit.time.loop import Stop, span_between
from pdekit.time.observers import Watch
from pdekit.time.paired import paired
from pdekit.time.solved_rates import rates, refuse_coupled_rates
from pdekit.time.step_memory import StepMemory
from pdekit.time.stepper import Tolerance
from pdekit.typing import Array, Matrix

IMPLICIT = ("Radau", "BDF")
REAL_ONLY = ("Radau", "LSODA")
LARGEST_BAND = 50_000_000  # entries of LSODA's band storage


def integrate_by_scipy(
    system: SemiDiscrete,
    name: str,
    y: Array,
    stops: Sequence[Stop],
    tolerance: Tolerance,
    watch: Watch,
    longest: float = np.inf,
    memory: StepMemory | None = None,
    solvers: object = None,
) -> Iterator[tuple[float, Array]]:
    """Integrate with a method of scipy, which controls its own steps.

    Radau and BDF get the exact sparse Jacobian (a constant one if the system is linear); LSODA a banded one, the unknowns
    renumbered by reverse Cuthill-McKee. Steps end at every stop: the dense output of an explicit method at its stability limit
    is a thousand times worse than the steps themselves (measured). Where the right-hand side jumps the method begins anew.

    Parameters
    ----------
    system : SemiDiscrete
    name : str
        ``DOP853``, ``Radau``, ``BDF`` or ``LSODA``.
    y : array
        Initial state.
    stops : sequence of Stop
    tolerance : Tolerance
    watch : Watch
    longest : float
        The longest step that is allowed.
    memory : StepMemory, optional
        The step with which to begin; kept up to date.
    solvers : Solvers, optional
        Not used: they have a solver of their own.

    Yields
    ------
    (t, y) at every stop that is a frame.
    """
    if not system.evolves:
        raise SolverError(f"{name} cannot solve algebraic equations '0 = ...'; use tr_bdf2 or backward_euler")
    if name != "DOP853":
        refuse_coupled_rates(system, name)
    if system.dtype.kind == "c" and (name in REAL_ONLY or not system.is_holomorphic):
        pairs, tolerance, y = RealPairs(system), paired(tolerance), RealPairs.split(y)
        for t, z in _stepped(pairs, name, y, stops, tolerance, watch, longest, memory, RealPairs.joined):
            yield t, RealPairs.joined(z)
        return
    yield from _stepped(system, name, y, stops, tolerance, watch, longest, memory, lambda y: y)


def _stepped(
    system: SemiDiscrete | RealPairs,
    name: str,
    y: Array,
    stops: Sequence[Stop],
    tolerance: Tolerance,
    watch: Watch,
    longest: float,
    memory: StepMemory | None,
    shown: Callable[[Array], Array],
) -> Iterator[tuple[float, Array]]:
    """The same, of a system in the numbers that the method works on; `watch` is told of states as they are `shown`."""
    options: dict[str, Any] = {"rtol": tolerance.relative, "max_step": longest}
    order: Any = slice(None)
    if name == "LSODA":
        order, banded = _banded(system, y)
        options |= banded
    elif name in IMPLICIT:
        options["jac"] = _jacobian(system)
    inverse: Any = slice(None) if isinstance(order, slice) else np.argsort(order)
    options["atol"] = tolerance.absolute[order]

    rate = rates(system)

    def rhs(t: float, z: Array) -> Array:
        return rate(t, z[inverse])[order]

    if not np.all(np.isfinite(rate(stops[0].t, y))):
        raise StabilityError("the right-hand side is not finite at the start")
    yield stops[0].t, y
    method, solver, z = getattr(scipy.integrate, name), None, y[order]
    for start, end in pairwise(stops):
        begin, until = span_between(start, end)
        if solver is None:
            known = {"first_step": min(memory.h, until - begin)} if memory is not None and memory.h > 0 else {}
            solver = method(rhs, begin, z, until, **options, **known)
        else:
            _go_on(solver, until)
        while solver.status == "running":
            before = solver.t
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # scipy's own words on a failing step; ours follow below
                message = solver.step()
            state = shown(solver.y[inverse])
            if solver.status == "failed":
                raise StabilityError(
                    f"{name} cannot go on at t = {solver.t:.6g} ({message}); {watch.describe(solver.t, state)}"
                )
            watch.step(solver.t, state, h=solver.t - before)
            if memory is not None and solver.t < until:  # the last step is cut short
                memory.h = float(getattr(solver, "h_abs", 0.0))
        z = solver.y.copy()
        if end.frame:
            yield end.t, z[inverse].copy()
        if end.jump or end is stops[-1]:
            _count(watch.statistics, solver)
            solver = None


def _go_on(solver: Any, until: float) -> None:
    """Let a solver that has reached its bound go on to another one."""
    solver.t_bound, solver.status = until, "running"
    inner = getattr(solver, "_lsoda_solver", None)
    if inner is not None:
        inner._integrator.rwork[0] = until  # the time that ODEPACK must not step over


def _count(statistics: Statistics, solver: Any) -> None:
    statistics.evaluations += solver.nfev
    statistics.jacobians += solver.njev
    statistics.factorisations += solver.nlu


def _jacobian(system: SemiDiscrete | RealPairs) -> Matrix:
    if isinstance(system, SemiDiscrete) and system.is_linear:
        return sparse.csc_matrix(system.L)
    return lambda t, y: sparse.csc_matrix(explicit(system.jacobian(t, y)))


def _banded(system: SemiDiscrete | RealPairs, y: Array) -> tuple[Array, dict[str, Any]]:
    """Renumbering and banded Jacobian for LSODA."""
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    # A state with all entries different shows the full pattern even where terms vanish at the start.
    probe = y + np.linspace(0.1, 0.2, y.size)
    pattern = sparse.csr_array(abs(explicit(system.jacobian(0.0, probe))) + abs(explicit(system.jacobian(0.0, y))))
    pattern.data[:] = 1
    order = np.asarray(reverse_cuthill_mckee(sparse.csr_matrix(pattern + pattern.T), symmetric_mode=True))
    if max(bandwidths(pattern)) <= max(bandwidths(pattern[order][:, order])):
        order = np.arange(y.size)
    lower, upper = bandwidths(pattern[order][:, order])
    if (2 * lower + upper + 1) * y.size > LARGEST_BAND:
        raise SolverError(
            f"LSODA stores a band of {lower} + {upper} diagonals of {y.size} unknowns, more than is sensible; use BDF"
        )
    inverse = np.argsort(order)

    def jacobian(t: float, z: Array) -> Array:
        entries = sparse.csr_array(explicit(system.jacobian(t, z[inverse])))[order][:, order].tocoo()
        rows, columns = entries.coords
        band = np.zeros((lower + upper + 1, z.size))
        inside = (rows - columns <= lower) & (columns - rows <= upper)
        band[(rows - columns + upper)[inside], columns[inside]] = entries.data[inside]
        return band

    return order, {"jac": jacobian, "lband": lower, "uband": upper}
