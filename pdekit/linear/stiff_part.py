"""The part of an equation that is diagonal in eigenvectors along the axes, and what is left of it.

Of ``u_t = A u + rest`` A collects, with coefficients constant in time, derivatives along one axis (their coefficients may depend
on that axis' coordinate), mixed derivatives, and derivatives of definitions that are linear in u, such as ``-laplace(eps*laplace(u))``,
as far as one set of eigenvectors for each axis makes all of them diagonal. If nothing is left the linear problem is solved in these
eigenvectors; if what is left is of lower order in space, exponential methods treat A exactly and the rest explicitly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from scipy import sparse

from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import StabilityError
from pdekit.kernels.workers import usable_cores
from pdekit.language.analysis import depends
from pdekit.language.equation_system import Unknown
from pdekit.language.symbols import SpatialDerivative
from pdekit.linear.bases import Basis, basis_of, values_in
from pdekit.linear.separable import Diagonalisation
from pdekit.stencils.sparse_products import diagonal
from pdekit.thresholds import THRESHOLDS, Thresholds
from pdekit.typing import Array, Expression, Matrix

NOT_FINITE = "the equations are not finite at some node: a coefficient is infinite or undefined there"
NOTHING = -1  # order of what is left where nothing is


@dataclass(frozen=True, eq=False)
class StiffPart:
    """A of one unknown.

    Parameters
    ----------
    modes : Diagonalisation
    order : int
        Highest derivative in A.
    left : int
        Highest derivative in the rest; -1 if there is no rest but sources.
    rest : expression
        What is left, without what was taken out of definitions.
    damping : number
        The factor of ``u_t`` on the right-hand side of ``u_tt = ...``, where it is a number: no part of the rest.
    """

    modes: Diagonalisation
    order: int
    left: int
    rest: Expression
    damping: complex = 0.0

    @property
    def leads(self) -> bool:
        """Whether what is left is of lower order in space, or without derivatives: whether A is what makes the equation stiff."""
        return self.left <= 0 or self.left < self.order


class _Search:
    """Finds the stiff part of one equation: matrices along single axes first, which make the eigenvectors, then what fits them."""

    def __init__(self, system: SemiDiscrete, unknown: Unknown, thresholds: Thresholds) -> None:
        self.system, self.unknown = system, unknown
        self._largest = thresholds.dense_axis.get(system.grid.ndim, 0)
        self._conditions = system.conditions[unknown.symbol]
        self._bases: list[Basis | None] = [None] * system.grid.ndim
        self._states = system.system.states
        self._numbers = set(system.system.parameters)
        self.order = 0

    def run(self) -> StiffPart | None:
        """None if an axis' eigenvectors are no good basis, or there is nothing."""
        products = [p for p in sp.Add.make_args(sp.expand_mul(self.unknown.rhs)) if depends(p, self._states)]
        matrices = [sparse.csr_array((keep.size, keep.size), dtype=self.system.dtype) for keep in self._free]
        others, damping = [], 0.0
        for product in products:
            factor = product / self.unknown.rate
            if self.unknown.time_order == 2 and factor.free_symbols <= self._numbers:
                damping += self._number(factor)
                continue
            found = self._along_one_axis(product)
            if found is None:
                others.append(product)
            else:
                axis, matrix = found
                matrices[axis] = matrices[axis] + matrix
        for axis, matrix in enumerate(matrices):
            if matrix.nnz:
                if not np.all(np.isfinite(matrix.data)):
                    raise StabilityError(NOT_FINITE)
                self._bases[axis] = basis_of(matrix, usable_cores(), self._largest)
                if self._bases[axis] is None:
                    return None
        total: Any = 0.0
        left, rest = NOTHING, []
        for product in others:
            values, remains = self._eigenvalues(product)
            total = total + values
            left = max(left, remains)
            if remains != NOTHING:
                rest.append(product)
        bases = [basis or _identity(keep.size) for basis, keep in zip(self._bases, self._free)]
        modes = Diagonalisation(bases, total, self.system.dtype)
        return StiffPart(modes, self.order, left, sp.Add(*rest), damping)

    @cached_property
    def _free(self) -> list[Array]:
        """The nodes of each axis that are not on a Dirichlet face."""
        return [self._conditions.free_along(axis) for axis in range(self.system.grid.ndim)]

    def _number(self, factor: Any) -> Any:
        program = self.system.program
        value = np.asarray(program.pointwise(factor).value(*program.fixed_values(0.0))).flat[0]
        return complex(value) if self.system.dtype.kind == "c" else float(value.real)

    def _along_one_axis(self, product: Any) -> tuple[int, Any] | None:
        """Axis and matrix on its free nodes of a product that is linear in the unknown, has derivatives along one axis and a
        coefficient that depends on nothing but that axis' coordinate."""
        symbol = self.unknown.symbol
        dependent = [f for f in sp.Mul.make_args(product) if depends(f, self._states)]
        if len(dependent) != 1:
            return None
        (atom,) = dependent
        factor = product / atom
        used = factor.free_symbols - self._numbers
        if not used <= set(self.system.system.axes) or len(used) > 1:
            return None
        if isinstance(atom, SpatialDerivative):
            factors = self.system.program.term(atom).axis_factors() if atom.operand == symbol else None
            if factors is None or len(factors) != 1:
                return None
            ((axis, matrix),) = factors.items()
            if used and used != {self.system.system.axes[axis]}:
                return None
            self.order = max(self.order, sum(atom.counts.values()))
        elif atom == symbol and used:
            axis = self.system.system.axes.index(next(iter(used)))
            matrix = sparse.eye_array(self.system.grid.shape[axis], format="csr")
        else:
            return None
        weighted = diagonal(self._line(factor, axis)) @ matrix if used else self._number(factor) * matrix
        return axis, self._restricted(weighted, axis)

    def _line(self, factor: Any, axis: int) -> Array:
        """A factor that depends on one coordinate, at the nodes of its axis."""
        program = self.system.program
        values = np.asarray(program.pointwise(factor).value(*program.fixed_values(0.0)))
        shape = tuple(n if k == axis else 1 for k, n in enumerate(self.system.grid.shape))
        return np.broadcast_to(values, shape).ravel().astype(self.system.dtype)

    def _restricted(self, matrix: Matrix, axis: int) -> Any:
        keep = self._free[axis]
        return sparse.csr_array(matrix)[keep][:, keep]

    def _eigenvalues(self, expression: Expression) -> tuple[Any, int]:
        """Eigenvalues of what of an expression is diagonal, and the order of the rest."""
        total: Any = 0.0
        left = NOTHING
        for product in sp.Add.make_args(sp.expand_mul(expression)):
            if not depends(product, self._states):
                continue
            dependent = [f for f in sp.Mul.make_args(product) if depends(f, self._states)]
            factor = product / dependent[0]
            if len(dependent) > 1 or not factor.free_symbols <= self._numbers:
                left = max(left, self._order_of(product))
                continue
            values, remains = self._of_atom(dependent[0])
            total = total + self._number(factor) * values
            left = max(left, remains)
        return total, left

    def _of_atom(self, atom: Expression) -> tuple[Any, int]:
        """The same of one unknown, definition or derivative."""
        definitions = self.system.system.definitions
        if atom == self.unknown.symbol:
            return 1.0, NOTHING
        if atom in definitions:
            return self._eigenvalues(definitions[atom])
        if isinstance(atom, SpatialDerivative):
            values = self._of_derivative(atom)
            if values is not None:
                inner, remains = self._eigenvalues(atom.operand)
                if np.any(inner):
                    self.order = max(self.order, self._order_of(atom))
                own = sum(atom.counts.values())
                return values * inner, NOTHING if remains == NOTHING else remains + own
        return 0.0, self._order_of(atom)

    def _of_derivative(self, atom: Expression) -> Any:
        """The eigenvalues of a derivative itself, over the grid; None where the eigenvectors are not its own."""
        system = self.system
        conditions = system.conditions.get(atom.operand)
        if conditions is None or not np.array_equal(conditions.prescribed(), self._conditions.prescribed()):
            return None
        factors = system.program.term(atom).axis_factors()
        if factors is None:
            return None
        result: Any = np.ones((1,) * system.grid.ndim)
        for axis, matrix in factors.items():
            inner = self._restricted(matrix, axis)
            basis = self._bases[axis] = self._bases[axis] or basis_of(inner, usable_cores(), self._largest)
            values = None if basis is None else values_in(basis, inner)
            if values is None:
                return None
            result = result * values.reshape(tuple(values.size if k == axis else 1 for k in range(system.grid.ndim)))
        return result

    def _order_of(self, expression: Expression) -> int:
        """Highest derivative in an expression, those in definitions and operands counted on top."""
        if isinstance(expression, SpatialDerivative):
            inner = max(self._order_of(expression.operand), 0)
            inner = max(inner, self._order_of(expression.factor_in_front))
            return sum(expression.counts.values()) + inner
        definition = self.system.system.definitions.get(expression)
        if definition is not None:
            return self._order_of(definition)
        return max((self._order_of(part) for part in expression.args), default=0)


def _identity(n: int) -> Basis:
    basis = basis_of(sparse.csr_array((n, n)))
    assert basis is not None
    return basis


def stiff_part(system: SemiDiscrete, unknown: Unknown, thresholds: Thresholds = THRESHOLDS) -> StiffPart | None:
    """The part of an unknown's equation that is diagonal in eigenvectors along the axes.

    Parameters
    ----------
    system : SemiDiscrete
    unknown : Unknown
    thresholds : Thresholds
        Up to which size eigenvectors are computed.

    Returns
    -------
    StiffPart or None
        None on curved coordinates, on domains that are no boxes, with regions, of a Python right-hand side, and where an axis has no good basis of eigenvectors.

    Examples
    --------
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 1, 32, periodic=True))
    >>> swift_hohenberg = pk.Problem(pk.PDE("u_t = 0.3*u - u_xxxx - 2*u_xx - u - u**3"), grid, initial={"u": "sin(2*pi*x)"})
    >>> part = stiff_part(swift_hohenberg.semidiscrete, swift_hohenberg.system.unknowns[0])
    >>> part.order, part.left, part.rest
    (4, 0, -u**3)
    """
    if system.function is not None or system.grid.geometry is not None or not system.is_box:
        return None
    return _Search(system, unknown, thresholds).run()
