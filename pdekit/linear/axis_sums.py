"""Linear parts that are nearly sums of one-dimensional matrices, and what else preconditioners use."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from scipy import sparse

from pdekit.discretize.harmonic_mean import jump_conditions
from pdekit.discretize.system import SemiDiscrete
from pdekit.language.symbols import SpatialDerivative
from pdekit.typing import Array

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

    @cached_property
    def surrogate(self) -> AxisSum | None:
        """One-dimensional matrices on the free nodes of each axis, and a constant: L with its coefficients' means in place of
        them, mixed derivatives left out.

        Its inverse is a preconditioner, by which the number of iterations depends on the coefficients, not on the grid.
        """
        system = self.system
        one = len(system.blocks) == 1 and system.function is None and system.grid.geometry is None
        if not system.is_box or not one or not system.is_linear or system.system.definitions:
            return None
        symbol = system.blocks[0].symbol
        free = [system.blocks[0].conditions.free_along(axis) for axis in range(system.grid.ndim)]
        factors: list[Any] = [sparse.csr_array((keep.size, keep.size), dtype=system.dtype) for keep in free]
        constant: Any = 0.0
        for product in sp.Add.make_args(sp.expand_mul(self._linear)):
            if product == 0:
                continue
            derivatives = [f for f in sp.Mul.make_args(product) if isinstance(f, SpatialDerivative)]
            number = self._mean(product / (derivatives[0] if derivatives else symbol))
            if not derivatives:
                constant += number
                continue
            if derivatives[0].operand != symbol:
                return None
            found = system.program.term(derivatives[0]).mean_along_axis()
            if found is not None:
                axis, matrix = found
                factors[axis] = factors[axis] + number * matrix[free[axis]][:, free[axis]]
        return factors, constant

    def _mean(self, factor: Any) -> Any:
        """Mean of an expression of coordinates and parameters over the grid."""
        program = self.system.program
        found = np.mean(program.pointwise(factor).value(*program.fixed_values(0.0)))
        return complex(found) if self.system.dtype.kind == "c" else float(found.real)
