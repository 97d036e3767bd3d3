"""Linear parts that are sums of one-dimensional matrices: exactly, or nearly."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy import sparse

from pdekit.discretize.harmonic_mean import jump_conditions
from pdekit.discretize.system import SemiDiscrete
from pdekit.language.symbols import SpatialDerivative
from pdekit.stencils.sparse_products import diagonal

Array = NDArray[Any]
AxisSum = tuple[list[Any], Any]


class Structure:
    """What solvers can use of a linear part; found when it is asked for, and once.

    Parameters
    ----------
    system : SemiDiscrete
    """

    def __init__(self, system: SemiDiscrete) -> None:
        self.system = system

    @cached_property
    def separable(self) -> AxisSum | None:
        """One-dimensional matrices on the free nodes of each axis, and a constant, whose sum is L; None if it is not that."""
        return self._sum_of_axes(exact=True)

    @cached_property
    def surrogate(self) -> AxisSum | None:
        """The same for an L with coefficients that change in space: their means in place of them, mixed derivatives left out.

        Its inverse is a preconditioner, by which the number of iterations depends on the coefficients, not on the grid.
        """
        return self._sum_of_axes(exact=False)

    @cached_property
    def common_coefficient(self) -> Array | None:
        """Values on the free nodes of k, if L is ``div(k*grad(u))`` with one smooth positive k, and lower terms."""
        system, linear = self.system, self._linear
        terms = [system.program.term(symbol) for symbol in linear.atoms(SpatialDerivative)]
        known = {term.common_factor() for term in terms}
        if len(known) != 1:
            return None
        (k,) = known
        if k is None or jump_conditions(k):
            return None
        values = system.program.pointwise(k).value(*system.program.fixed_values(0.0))
        found = np.asarray(np.broadcast_to(values, system.grid.shape).ravel()[system.blocks[0].free])
        return found if found.dtype.kind == "f" and np.min(found) > 0 else None

    @property
    def _linear(self) -> Any:
        return next(iter(self.system.splits.values())).linear

    def _sum_of_axes(self, exact: bool) -> AxisSum | None:
        system = self.system
        one = len(system.system.unknowns) == 1 and system.function is None and system.grid.geometry is None
        if not one or not system.is_linear or system.system.definitions or (len(system.blocks) > 1 and not exact):
            return None
        symbol = system.blocks[0].symbol
        free = [self._free_along(axis) for axis in range(system.grid.ndim)]
        factors: list[Any] = [sparse.csr_array((keep.size, keep.size), dtype=system.dtype) for keep in free]
        constant: Any = 0.0
        for product in sp.Add.make_args(sp.expand_mul(self._linear)):
            if product == 0:
                continue
            derivatives = [f for f in sp.Mul.make_args(product) if isinstance(f, SpatialDerivative)]
            factor = product / (derivatives[0] if derivatives else symbol)
            along = self._axis_of(factor) if exact else -1
            if along is None:
                return None
            if not derivatives and along == -1:
                constant += self._mean(factor)
                continue
            found: tuple[int, Any] | None = (along, sparse.eye_array(system.grid.shape[along], format="csr"))
            if derivatives:
                if derivatives[0].operand != symbol:
                    return None
                found = system.program.term(derivatives[0]).along_axis(mean=not exact)
            if found is None and not exact:
                continue
            if found is None or along not in (-1, found[0]):
                return None
            axis, matrix = found
            weighted = self._mean(factor) * matrix if along == -1 else diagonal(self._line(factor, along)) @ matrix
            factors[axis] = factors[axis] + sparse.csr_array(weighted)[free[axis]][:, free[axis]]
        return factors, constant

    def _axis_of(self, factor: Any) -> int | None:
        """The one axis on whose coordinate a factor depends, -1 if on none; None if on more, or on anything else."""
        system = self.system.system
        found = factor.free_symbols - set(system.parameters)
        if not found:
            return -1
        return system.axes.index(next(iter(found))) if len(found) == 1 and found <= set(system.axes) else None

    def _line(self, factor: Any, axis: int) -> Array:
        """A factor that depends on one coordinate, at the nodes of its axis."""
        program = self.system.program
        values = np.asarray(program.pointwise(factor).value(*program.fixed_values(0.0)))
        shape = tuple(n if k == axis else 1 for k, n in enumerate(self.system.grid.shape))
        return np.broadcast_to(values, shape).ravel().astype(self.system.dtype)

    def _mean(self, factor: Any) -> Any:
        """Mean of an expression of coordinates and parameters over the grid."""
        program = self.system.program
        found = np.mean(program.pointwise(factor).value(*program.fixed_values(0.0)))
        return complex(found) if self.system.dtype.kind == "c" else float(found.real)

    def _free_along(self, axis: int) -> Array:
        """The nodes of an axis that are not on a Dirichlet face."""
        keep = np.ones(self.system.grid.shape[axis], dtype=bool)
        for k, side, _, _ in self.system.blocks[0].conditions.dirichlet_faces():
            if k == axis:
                keep[0 if side == "left" else -1] = False
        return np.flatnonzero(keep)
