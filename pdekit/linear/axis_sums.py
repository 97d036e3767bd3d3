"""Linear parts that are sums of one-dimensional matrices: exactly, or nearly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy import sparse

from pdekit.discretize.atoms import axis_rows
from pdekit.discretize.harmonic_mean import jump_conditions
from pdekit.language.symbols import ATOMS, Diff, Flux

if TYPE_CHECKING:
    from pdekit.discretize.system import SemiDiscrete

Array = NDArray[Any]
AxisSum = tuple[list[Any], Any]


def sum_of_axes(system: SemiDiscrete, exact: bool) -> AxisSum | None:
    """One-dimensional matrices on the free nodes of each axis, and a constant, whose sum is the matrix L of a system.

    Parameters
    ----------
    system : SemiDiscrete
        Of one unknown of first order in time, or steady.
    exact : bool
        The sum is L: constant coefficients, derivatives along single axes. Otherwise coefficients that change in space are
        replaced by their means, and mixed derivatives left out.

    Returns
    -------
    list of sparse arrays and a number, or None
    """
    one = len(system.blocks) == 1 and system.pde.rhs is None and system.grid.geometry is None
    if not one or not system.is_linear or system.system.definitions:
        return None
    symbol = system.blocks[0].symbol
    free = [_free_along(system, axis) for axis in range(system.grid.ndim)]
    factors: list[Any] = [sparse.csr_array((keep.size, keep.size), dtype=system.dtype) for keep in free]
    constant: Any = 0.0
    for term in sp.Add.make_args(sp.expand_mul(next(iter(system.splits.values())).linear)):
        if term == 0:
            continue
        atoms = [f for f in sp.Mul.make_args(term) if isinstance(f, ATOMS)]
        factor = term / (atoms[0] if atoms else symbol)
        if exact and factor.free_symbols - set(system.system.parameters):
            return None
        number = _mean(system, factor)
        if not atoms:
            constant += number
            continue
        if atoms[0].operand != symbol:
            return None
        found = _axis_matrix(system, atoms[0], exact)
        if found is None and exact:
            return None
        if found is not None:
            axis, matrix = found
            factors[axis] = factors[axis] + number * matrix[free[axis]][:, free[axis]]
    return factors, constant


def common_coefficient(system: SemiDiscrete) -> Array | None:
    """Values on the free nodes of k, if L is ``div(k*grad(u))`` with one smooth positive k, and lower terms."""
    linear = next(iter(system.splits.values())).linear
    fluxes = linear.atoms(Flux)
    known = {system.program.factors(flux)[0] for flux in fluxes}
    if len(known) != 1 or linear.atoms(Diff):
        return None
    (k,) = known
    if jump_conditions(k):
        return None
    values = system.program.pointwise(k).value(*system.program.fixed_values(0.0))
    found = np.asarray(np.broadcast_to(values, system.grid.shape).ravel()[system.blocks[0].free])
    return found if found.dtype.kind == "f" and np.min(found) > 0 else None


def _mean(system: SemiDiscrete, factor: Any) -> Any:
    """Mean of an expression of coordinates and parameters over the grid."""
    found = np.mean(system.program.pointwise(factor).value(*system.program.fixed_values(0.0)))
    return complex(found) if system.dtype.kind == "c" else float(found.real)


def _axis_matrix(system: SemiDiscrete, atom: Any, exact: bool) -> tuple[int, Any] | None:
    """Axis and one-dimensional matrix of an atom; a flux with its mean coefficient unless `exact`."""
    if isinstance(atom, Diff):
        rows = axis_rows(system.grid, atom, system.order, system.conditions[atom.operand])
        if len(rows) != 1:
            return None
        ((axis, found),) = rows.items()
        return axis, sparse.csr_array(found.matrix)
    if exact:
        return None
    flux, (known, _) = system.program.flux(atom), system.program.factors(atom)
    mean = float(np.mean(system.program.flux_coefficient(atom, known, 0.0).real))
    return flux.axis, mean * sparse.csr_array(flux.pieces.divergence.matrix @ flux.pieces.gradient.matrix)


def _free_along(system: SemiDiscrete, axis: int) -> Array:
    """The nodes of an axis that are not on a Dirichlet face."""
    keep = np.ones(system.grid.shape[axis], dtype=bool)
    for k, side, _, _ in system.blocks[0].conditions.dirichlet_faces():
        if k == axis:
            keep[0 if side == "left" else -1] = False
    return np.flatnonzero(keep)
