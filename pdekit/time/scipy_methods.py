"""The six methods of `scipy.integrate.solve_ivp`, stepped so that output streams and blow-up is seen at once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import sparse

from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError, StabilityError
from pdekit.linear.direct import bandwidths
from pdekit.time.observers import Watch

Array = NDArray[Any]
IMPLICIT = ("Radau", "BDF")
LARGEST_BAND = 50_000_000  # entries of LSODA's band storage


def adapt(
    system: SemiDiscrete, name: str, y: Array, times: Sequence[float], rtol: float, atol: Array, watch: Watch
) -> Iterator[tuple[float, Array]]:
    """Integrate with a method of scipy, the local error controlled.

    Radau and BDF get the exact sparse Jacobian (a constant one if the system is linear); LSODA a banded one, the unknowns
    renumbered by reverse Cuthill-McKee. Output times lie on the method's own dense output.

    Parameters
    ----------
    system : SemiDiscrete
    name : str
        ``RK45``, ``RK23``, ``DOP853``, ``Radau``, ``BDF`` or ``LSODA``.
    y : array
        Initial state.
    times : sequence of float
        Output times, the first is the start.
    rtol : float
        Relative tolerance.
    atol : array
        Absolute tolerances of the unknowns.
    watch : Watch

    Yields
    ------
    (t, y) at every one of `times`.
    """
    if not system.evolves:
        raise SolverError(f"{name} cannot solve algebraic equations '0 = ...'; use backward_euler with a fixed step")
    options: dict[str, Any] = {"rtol": rtol}
    order: Any = slice(None)
    if name == "LSODA":
        order, banded = _banded(system, y)
        options |= banded
    elif name in IMPLICIT:
        options["jac"] = sparse.csc_matrix(system.L) if system.is_linear else _jacobian(system)
    inverse: Any = slice(None) if isinstance(order, slice) else np.argsort(order)

    def rhs(t: float, z: Array) -> Array:
        return system.rhs(t, z[inverse])[order]

    options["atol"] = atol[order]
    yield times[0], y
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy's own words on a failing step; ours follow below
        solver = getattr(scipy.integrate, name)(rhs, times[0], y[order], times[-1], **options)
        pending = list(times[1:])
        while pending:
            message = solver.step()
            state = solver.y[inverse]
            if solver.status == "failed":
                raise StabilityError(
                    f"{name} cannot go on at t = {solver.t:.6g} ({message}); {watch.describe(solver.t, state)}"
                )
            watch.step(solver.t, state)
            if pending and pending[0] <= solver.t:
                dense = solver.dense_output()
                while pending and pending[0] <= solver.t:
                    at = pending.pop(0)
                    yield at, state.copy() if at == solver.t else np.asarray(dense(at))[inverse]
        watch.statistics.evaluations = solver.nfev
        watch.statistics.jacobians = solver.njev
        watch.statistics.factorisations = solver.nlu


def _jacobian(system: SemiDiscrete) -> Any:
    return lambda t, y: sparse.csc_matrix(system.jacobian(t, y))


def _banded(system: SemiDiscrete, y: Array) -> tuple[Array, dict[str, Any]]:
    """Renumbering and banded Jacobian for LSODA."""
    if system.dtype.kind == "c":
        raise SolverError("LSODA works on real numbers only; use BDF, Radau or an explicit method")
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    # A state with all entries different shows the full pattern even where terms vanish at the start.
    probe = y + np.linspace(0.1, 0.2, y.size)
    pattern = sparse.csr_array(abs(system.jacobian(0.0, probe)) + abs(system.jacobian(0.0, y)))
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
        entries = sparse.csr_array(system.jacobian(t, z[inverse]))[order][:, order].tocoo()
        rows, columns = entries.coords
        band = np.zeros((lower + upper + 1, z.size))
        inside = (rows - columns <= lower) & (columns - rows <= upper)
        band[(rows - columns + upper)[inside], columns[inside]] = entries.data[inside]
        return band

    return order, {"jac": jacobian, "lband": lower, "uband": upper}
