"""Immutable algebra of linear operators on a grid.

An operator is an expression: sums, products, multiples and transposes of Kronecker products of one-dimensional
matrices. Nothing is multiplied out before `matrix()` is asked for, and nothing ever changes after construction:
``(D**2 * D)`` is of order three and ``3 - D`` is ``3 - D``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.discretize.molecule import Stencil, stencil_of
from pdekit.errors import GridError
from pdekit.geometry.grid import Field, Grid
from pdekit.stencils.sparse_products import apply_along, kronecker
from pdekit.thresholds import THRESHOLDS
from pdekit.typing import Matrix

RowSlices = Mapping[str, slice]


class LinearOperator:
    """A linear map of fields on a grid to fields on the same grid, or on another one, its `target`.

    Compose with ``+ - * / @ **`` and ``.T``; a number stands for that multiple of the identity, an array or Field
    on the left for pointwise multiplication. ``*`` and ``@`` of two operators both compose. Call the operator
    on a field or array; ask for ``matrix()``.
    """

    __array_ufunc__ = None  # NumPy arrays and Fields leave `array * operator` to __rmul__

    def __init__(self, grid: Grid, target: Grid | None = None) -> None:
        self.grid = grid
        self.target = grid if target is None else target

    def _apply(self, values: NDArray[Any]) -> NDArray[Any]:
        raise NotImplementedError

    def _add_to(self, out: NDArray[Any], values: NDArray[Any], factor: Any) -> None:
        """``out += factor * operator(values)``."""
        out += factor * self._apply(values)

    def _applied(self, values: NDArray[Any]) -> NDArray[Any]:
        """Apply by adding to zeros, which sums and multiples do in one pass after the other without intermediate arrays."""
        out = np.zeros(self.target.shape, dtype=np.result_type(values.dtype, self._dtype))
        self._add_to(out, values, 1.0)
        return out

    @property
    def _dtype(self) -> Any:
        return np.dtype(float)

    def _rows(self, slices: RowSlices) -> Any:
        raise NotImplementedError

    def __call__(self, u: Any) -> Any:
        """Apply to a Field (gives a Field) or to an array of the grid's shape."""
        if isinstance(u, Field):
            if u.grid != self.grid:
                raise GridError("the field lives on another grid than the operator")
            return Field(self.target, self._apply(u.values), u.name)
        values = np.asarray(u)
        if values.shape != self.grid.shape:
            raise GridError(f"the operator acts on arrays of shape {self.grid.shape}, found {values.shape}")
        return self._apply(values)

    @cached_property
    def _matrix(self) -> Matrix:
        return self._rows({})

    def matrix(self) -> Matrix:
        """The operator as a CSR array of shape (nodes out, nodes in), in C order. Kept; do not change it."""
        return self._matrix

    def rows(self, **slices: slice) -> Any:
        """The matrix rows of a box of nodes, assembled alone.

        Parameters
        ----------
        **slices : slice
            By axis name; axes not named are whole.

        Examples
        --------
        >>> import pdekit as pk
        >>> grid = pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 1, 8))
        >>> L = pk.laplacian(grid)
        >>> part = L.rows(x=slice(2, 4))
        >>> bool(abs(part - L.matrix()[16:32]).max() == 0)
        True
        """
        for name in slices:
            self.target.index(name)
        return self._rows(slices)

    def stencil(self) -> Stencil:
        """The molecules of the interior, the faces and the corners, to be read: ``print(L.stencil())``.

        Examples
        --------
        >>> import pdekit as pk
        >>> print(pk.derivative(pk.Grid(x=pk.Axis(0, 1, 11)), "x", 2).stencil().interior)
        (1 u[i-1] - 2 u[i] + 1 u[i+1]) / h^2  =  u_xx + 1/12 h^2 u_xxxx + ...
        """
        return stencil_of(self.grid, lambda node: self._rows({n: slice(i, i + 1) for n, i in node.items()}))

    def _coerce(self, other: Any) -> LinearOperator | None:
        if isinstance(other, LinearOperator):
            return other
        if isinstance(other, Field | np.ndarray):
            return multiplication(self.grid, other)
        if np.isscalar(other):
            return Scaled(other, identity(self.grid))
        return None

    def __add__(self, other: Any) -> LinearOperator:
        right = self._coerce(other)
        return NotImplemented if right is None else Sum(self, right)

    def __radd__(self, other: Any) -> LinearOperator:
        left = self._coerce(other)
        return NotImplemented if left is None else Sum(left, self)

    def __neg__(self) -> LinearOperator:
        return Scaled(-1.0, self)

    def __sub__(self, other: Any) -> LinearOperator:
        right = self._coerce(other)
        return NotImplemented if right is None else Sum(self, -right)

    def __rsub__(self, other: Any) -> LinearOperator:
        left = self._coerce(other)
        return NotImplemented if left is None else Sum(left, -self)

    def __mul__(self, other: Any) -> LinearOperator:
        if np.isscalar(other):
            return Scaled(other, self)
        right = self._coerce(other)
        return NotImplemented if right is None else Product(self, right)

    def __rmul__(self, other: Any) -> LinearOperator:
        if np.isscalar(other):
            return Scaled(other, self)
        left = self._coerce(other)
        return NotImplemented if left is None else Product(left, self)

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, LinearOperator):
            return self * other
        return self(other)

    def __truediv__(self, other: Any) -> LinearOperator:
        if not np.isscalar(other):
            return NotImplemented
        return Scaled(1 / other, self)  # type: ignore[operator]

    def __pow__(self, exponent: int) -> LinearOperator:
        if not isinstance(exponent, int) or exponent < 0:
            raise GridError(f"an operator has whole powers >= 0, found {exponent!r}")
        return reduce(Product, [self] * exponent) if exponent else identity(self.grid)

    @property
    def T(self) -> LinearOperator:
        """The transpose."""
        return Transposed(self)


class AxisProduct(LinearOperator):
    """Kronecker product of one-dimensional matrices on some axes, the identity on the others.

    Parameters
    ----------
    grid : Grid
        The grid.
    factors : mapping of int to sparse array
        Square matrices by axis index. They are kept: fast direct solvers need them.
    """

    def __init__(self, grid: Grid, factors: Mapping[int, Any], target: Grid | None = None) -> None:
        super().__init__(grid, target)
        self.factors = dict(factors)

    def _apply(self, values: NDArray[Any]) -> NDArray[Any]:
        if self._sweeps(values):
            return self._applied(values)
        for axis, factor in self.factors.items():
            values = apply_along(factor, values, axis)
        return values.copy() if not self.factors else values

    def _sweeps(self, values: NDArray[Any]) -> bool:
        """Whether the compiled sweeps are worth loading and can do it: rows that are sparse, and not few."""
        sparse_enough = all(m.nnz <= 64 * m.shape[0] for m in self.factors.values())
        return values.size >= THRESHOLDS.sweeps_from and sparse_enough and bool(self.factors)

    def _add_to(self, out: NDArray[Any], values: NDArray[Any], factor: Any) -> None:
        if not self._sweeps(values):
            out += factor * self._apply(values)
            return
        from pdekit.discretize.sweep import Sweep  # loads the compiler

        *inner, last = self.factors.items()
        values = np.ascontiguousarray(values, dtype=out.dtype)
        for axis, matrix in inner:
            shape = (*values.shape[:axis], matrix.shape[0], *values.shape[axis + 1 :])
            result = np.zeros(shape, dtype=out.dtype)
            self._swept.setdefault(axis, Sweep(matrix)).add_to(result, values, axis)
            values = result
        axis, matrix = last
        self._swept.setdefault(axis, Sweep(matrix)).add_to(out, values, axis, factor)

    @cached_property
    def _swept(self) -> dict[int, Any]:
        return {}

    def _rows(self, slices: RowSlices) -> Any:
        parts = []
        for k, (name, axis) in enumerate(zip(self.grid.names, self.grid.axes)):
            factor = self.factors.get(k)
            if factor is None:
                factor = sparse.eye_array(axis.size, format="csr")
            parts.append(factor[slices[name]] if name in slices else factor)
        return kronecker(parts)


class Multiplication(LinearOperator):
    """Pointwise multiplication by given values."""

    def __init__(self, grid: Grid, values: NDArray[Any]) -> None:
        super().__init__(grid)
        self.values = values

    def _apply(self, values: NDArray[Any]) -> NDArray[Any]:
        return self.values * values

    @property
    def _dtype(self) -> Any:
        return self.values.dtype

    def _rows(self, slices: RowSlices) -> Any:
        box = tuple(slices.get(name, slice(None)) for name in self.grid.names)
        columns = np.arange(self.grid.size).reshape(self.grid.shape)[box].ravel()
        values = self.values[box].ravel()
        rows = np.arange(columns.size)
        return sparse.csr_array((values, (rows, columns)), shape=(columns.size, self.grid.size))


def times(grid: Grid, factor: Any, operator: LinearOperator) -> LinearOperator:
    """``factor * operator`` with an array that broadcasts over the grid, or 1.0."""
    if isinstance(factor, float):
        return operator
    return Multiplication(grid, np.broadcast_to(factor, grid.shape)) @ operator


class Sum(LinearOperator):
    """``left + right``."""

    def __init__(self, left: LinearOperator, right: LinearOperator) -> None:
        if (left.grid, left.target) != (right.grid, right.target):
            raise GridError("the operators live on different grids")
        super().__init__(left.grid, left.target)
        self.left, self.right = left, right

    def _apply(self, values: NDArray[Any]) -> NDArray[Any]:
        return self._applied(values)

    def _add_to(self, out: NDArray[Any], values: NDArray[Any], factor: Any) -> None:
        self.left._add_to(out, values, factor)
        self.right._add_to(out, values, factor)

    @property
    def _dtype(self) -> Any:
        return np.result_type(self.left._dtype, self.right._dtype)

    def _rows(self, slices: RowSlices) -> Any:
        return sparse.csr_array(self.left._rows(slices) + self.right._rows(slices))


class Scaled(LinearOperator):
    """``factor * operator`` with a number."""

    def __init__(self, factor: Any, operator: LinearOperator) -> None:
        super().__init__(operator.grid, operator.target)
        self.factor, self.operator = factor, operator

    def _apply(self, values: NDArray[Any]) -> NDArray[Any]:
        return self._applied(values)

    def _add_to(self, out: NDArray[Any], values: NDArray[Any], factor: Any) -> None:
        self.operator._add_to(out, values, factor * self.factor)

    @property
    def _dtype(self) -> Any:
        return np.result_type(self.operator._dtype, self.factor)

    def _rows(self, slices: RowSlices) -> Any:
        return sparse.csr_array(self.factor * self.operator._rows(slices))


class Product(LinearOperator):
    """``left @ right``: first `right`, then `left`."""

    def __init__(self, left: LinearOperator, right: LinearOperator) -> None:
        if left.grid != right.target:
            raise GridError("the operators live on different grids")
        super().__init__(right.grid, left.target)
        self.left, self.right = left, right

    def _apply(self, values: NDArray[Any]) -> NDArray[Any]:
        return self.left._apply(self.right._apply(values))

    @property
    def _dtype(self) -> Any:
        return np.result_type(self.left._dtype, self.right._dtype)

    def _rows(self, slices: RowSlices) -> Any:
        return sparse.csr_array(self.left._rows(slices) @ self.right.matrix())


class Transposed(LinearOperator):
    """The transpose of an operator."""

    def __init__(self, operator: LinearOperator) -> None:
        super().__init__(operator.target, operator.grid)
        self.operator = operator

    def _apply(self, values: NDArray[Any]) -> NDArray[Any]:
        return (self.operator.matrix().T @ values.ravel()).reshape(self.target.shape)

    def _rows(self, slices: RowSlices) -> Any:
        whole = sparse.csr_array(self.operator.matrix().T)
        if not slices:
            return whole
        box = tuple(slices.get(name, slice(None)) for name in self.target.names)
        return whole[np.arange(self.target.size).reshape(self.target.shape)[box].ravel()]


def identity(grid: Grid) -> LinearOperator:
    """The identity."""
    return AxisProduct(grid, {})


def multiplication(grid: Grid, data: Any) -> LinearOperator:
    """Pointwise multiplication by a field, array, expression, callable or number."""
    return Multiplication(grid, Field.sample(grid, data, "coefficient").values)
