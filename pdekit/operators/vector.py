"""Vector calculus: gradient, divergence, curl, Hessian and their kin as blocks of scalar operators.

All of them compose, and have matrices; the identities ``curl grad = 0`` and ``div curl = 0`` hold to rounding because
differences along different axes commute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.errors import GridError
from pdekit.field import Field
from pdekit.grid import Grid
from pdekit.operators.algebra import LinearOperator, Multiplication, identity, multiplication
from pdekit.operators.derivatives import derivative, laplacian

Array = NDArray[Any]
Index = tuple[int, ...]
Blocks = Mapping[tuple[Index, Index], LinearOperator]


class TensorField:
    """A scalar, vector or tensor on a grid: components first, then the grid.

    Parameters
    ----------
    grid : Grid
    values : array of shape (*components, *grid.shape)
    name : str, default ""

    Examples
    --------
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 1, 5), y=pk.Axis(0, 1, 6))
    >>> v = pk.TensorField.of([grid.field("x"), grid.field("-y")])
    >>> v.components, v[1].values.min()
    ((2,), np.float64(-1.0))
    """

    def __init__(self, grid: Grid, values: Any, name: str = "") -> None:
        array = np.asarray(values)
        if array.shape[array.ndim - grid.ndim :] != grid.shape or array.ndim < grid.ndim:
            raise GridError(
                f"tensor field {name!r} has shape {array.shape}; the last axes must be the grid's {grid.shape}"
            )
        self.grid, self.values, self.name = grid, array, name

    @classmethod
    def of(cls, fields: Sequence[Field], name: str = "") -> TensorField:
        """A vector field of its components."""
        grid = fields[0].grid
        if any(f.grid != grid for f in fields):
            raise GridError("the components live on different grids")
        return cls(grid, np.stack([f.values for f in fields]), name)

    @property
    def components(self) -> Index:
        """Shape of the tensor: () for a scalar, (d,) for a vector, (d, d) for a matrix."""
        return self.values.shape[: self.values.ndim - self.grid.ndim]

    def __getitem__(self, index: int | Index) -> Field:
        """One component."""
        return Field(self.grid, self.values[index], self.name)

    def magnitude(self) -> Field:
        """Euclidean norm at every node."""
        axes = tuple(range(len(self.components)))
        return Field(self.grid, np.sqrt(np.sum(np.abs(self.values) ** 2, axis=axes)), self.name)


class BlockOperator:
    """A linear map of tensor fields, made of scalar operators.

    Parameters
    ----------
    grid : Grid
    rows, columns : tuple of int
        Shapes of the tensors that come out and go in.
    blocks : mapping of (row index, column index) to LinearOperator
        What is left out is zero.
    """

    __array_ufunc__ = None

    def __init__(self, grid: Grid, rows: Index, columns: Index, blocks: Blocks) -> None:
        self.grid, self.rows, self.columns, self.blocks = grid, rows, columns, dict(blocks)

    def __repr__(self) -> str:
        return f"<BlockOperator {self.columns} -> {self.rows} on {self.grid!r}>"

    def __call__(self, u: Any) -> Any:
        """Apply to a Field, a TensorField, or an array of shape (*columns, *grid.shape)."""
        values = np.asarray(u.values if isinstance(u, Field | TensorField) else u)
        if values.shape != (*self.columns, *self.grid.shape):
            raise GridError(f"the operator acts on shape {(*self.columns, *self.grid.shape)}, found {values.shape}")
        result = np.zeros((*self.rows, *self.grid.shape), dtype=np.result_type(values.dtype, float))
        for (i, j), block in self.blocks.items():
            result[i] += block(values[j])
        if not isinstance(u, Field | TensorField):
            return result
        return TensorField(self.grid, result, u.name) if self.rows else Field(self.grid, result, u.name)

    def matrix(self) -> Any:
        """Sparse matrix, components outermost."""
        n = self.grid.size
        grid_of_blocks = [
            [
                self.blocks[i, j].matrix() if (i, j) in self.blocks else sparse.csr_array((n, n))
                for j in product(*map(range, self.columns))
            ]
            for i in product(*map(range, self.rows))
        ]
        return sparse.csr_array(sparse.block_array(grid_of_blocks, format="csr"))

    def component(self, row: Index = (), column: Index = ()) -> LinearOperator:
        """One scalar operator."""
        return self.blocks.get((row, column), 0 * identity(self.grid))

    def _combine(self, other: BlockOperator, sign: float) -> BlockOperator:
        if not isinstance(other, BlockOperator):
            return NotImplemented
        if (self.grid, self.rows, self.columns) != (other.grid, other.rows, other.columns):
            raise GridError(f"cannot add {other!r} to {self!r}")
        blocks = dict(self.blocks)
        for key, block in other.blocks.items():
            blocks[key] = blocks[key] + sign * block if key in blocks else sign * block
        return BlockOperator(self.grid, self.rows, self.columns, blocks)

    def __add__(self, other: BlockOperator) -> BlockOperator:
        return self._combine(other, 1.0)

    def __sub__(self, other: BlockOperator) -> BlockOperator:
        return self._combine(other, -1.0)

    def __rmul__(self, factor: Any) -> BlockOperator:
        return self._map(lambda block: factor * block)

    def __truediv__(self, number: Any) -> BlockOperator:
        return self._map(lambda block: block / number)

    def __neg__(self) -> BlockOperator:
        return -1.0 * self

    def _map(self, change: Callable[[LinearOperator], LinearOperator]) -> BlockOperator:
        return BlockOperator(self.grid, self.rows, self.columns, {k: change(b) for k, b in self.blocks.items()})

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, LinearOperator):
            other = BlockOperator(other.grid, (), (), {((), ()): other})
        if not isinstance(other, BlockOperator):
            return self(other)
        if self.columns != other.rows or self.grid != other.grid:
            raise GridError(f"cannot compose {self!r} with {other!r}")
        blocks: dict[tuple[Index, Index], LinearOperator] = {}
        for (i, j), left in self.blocks.items():
            for (k, m), right in other.blocks.items():
                if j == k:
                    term = left @ right
                    blocks[i, m] = blocks[i, m] + term if (i, m) in blocks else term
        return BlockOperator(self.grid, self.rows, other.columns, blocks)

    @property
    def T(self) -> BlockOperator:
        """The transpose."""
        return BlockOperator(self.grid, self.columns, self.rows, {(j, i): b.T for (i, j), b in self.blocks.items()})


def _first(grid: Grid, options: Mapping[str, Any]) -> list[LinearOperator]:
    return [derivative(grid, name, **options) for name in grid.names]


def grad(grid: Grid, **options: Any) -> BlockOperator:
    """Gradient: scalar to vector. Options (`order`, `boundary`, ...) are those of `pdekit.derivative`.

    Examples
    --------
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 1, 9))
    >>> g = pk.grad(grid)(grid.field("x**2 + 3*y"))
    >>> bool(abs(g[0] - grid.field("2*x")).max() < 1e-12), bool(abs(g[1] - 3).max() < 1e-12)
    (True, True)
    """
    return BlockOperator(grid, (grid.ndim,), (), {((i,), ()): D for i, D in enumerate(_first(grid, options))})


def div(grid: Grid, **options: Any) -> BlockOperator:
    """Divergence: vector to scalar."""
    return BlockOperator(grid, (), (grid.ndim,), {((), (i,)): D for i, D in enumerate(_first(grid, options))})


def div_tensor(grid: Grid, **options: Any) -> BlockOperator:
    """Divergence of a tensor, ``(div T)_i = sum_j d_j T_ij``."""
    d, D = grid.ndim, _first(grid, options)
    return BlockOperator(grid, (d,), (d, d), {((i,), (i, j)): D[j] for i in range(d) for j in range(d)})


def grad_vector(grid: Grid, **options: Any) -> BlockOperator:
    """Gradient of a vector, ``(grad v)_ij = d_j v_i``."""
    d, D = grid.ndim, _first(grid, options)
    return BlockOperator(grid, (d, d), (d,), {((i, j), (i,)): D[j] for i in range(d) for j in range(d)})


def curl(grid: Grid, **options: Any) -> BlockOperator:
    """Curl: vector to vector in three dimensions, vector to scalar in two."""
    D = _first(grid, options)
    if grid.ndim == 2:
        return BlockOperator(grid, (), (2,), {((), (1,)): D[0], ((), (0,)): -D[1]})
    if grid.ndim != 3:
        raise GridError(f"curl is for two and three dimensions, the grid has {grid.ndim}")
    blocks: dict[tuple[Index, Index], LinearOperator] = {}
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        blocks[(i,), (k,)] = D[j]
        blocks[(i,), (j,)] = -D[k]
    return BlockOperator(grid, (3,), (3,), blocks)


def curl_scalar(grid: Grid, **options: Any) -> BlockOperator:
    """Curl of a scalar in two dimensions, ``(d_y s, -d_x s)``: the velocity of a stream function."""
    if grid.ndim != 2:
        raise GridError(f"the curl of a scalar is for two dimensions, the grid has {grid.ndim}")
    D = _first(grid, options)
    return BlockOperator(grid, (2,), (), {((0,), ()): D[1], ((1,), ()): -D[0]})


def hessian(grid: Grid, **options: Any) -> BlockOperator:
    """Second derivatives: scalar to symmetric tensor."""
    d, names = grid.ndim, grid.names
    blocks: dict[tuple[Index, Index], LinearOperator] = {}
    for i in range(d):
        for j in range(d):
            counts = {names[i]: 2} if i == j else {names[min(i, j)]: 1, names[max(i, j)]: 1}
            blocks[(i, j), ()] = derivative(grid, counts, **options)
    return BlockOperator(grid, (d, d), (), blocks)


def vector_laplacian(grid: Grid, **options: Any) -> BlockOperator:
    """The Laplacian of each Cartesian component of a vector."""
    L = laplacian(grid, **options)
    return BlockOperator(grid, (grid.ndim,), (grid.ndim,), {((i,), (i,)): L for i in range(grid.ndim)})


def directional_derivative(grid: Grid, direction: Sequence[Any], **options: Any) -> LinearOperator:
    """``n . grad u``, with components that are numbers, fields or expressions.

    Examples
    --------
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 1, 9))
    >>> D = pk.directional_derivative(grid, (0.6, "0.8*x"))
    >>> bool(abs(D(grid.field("x + 2*y")) - grid.field("0.6 + 1.6*x")).max() < 1e-12)
    True
    """
    if len(direction) != grid.ndim:
        raise GridError(f"the direction needs {grid.ndim} components, found {len(direction)}")
    total: LinearOperator | None = None
    for n, D in zip(direction, _first(grid, options)):
        part = multiplication(grid, n) * D
        total = part if total is None else total + part
    assert total is not None
    return total


def biharmonic(grid: Grid, **options: Any) -> LinearOperator:
    """``laplace(laplace(u))`` as one operator: fourth derivatives and twice each mixed one."""
    total: LinearOperator | None = None
    names = grid.names
    for i, a in enumerate(names):
        part = derivative(grid, a, 4, **options)
        for b in names[i + 1 :]:
            part = part + 2 * derivative(grid, {a: 2, b: 2}, **options)
        total = part if total is None else total + part
    assert total is not None
    return total


def upwind(
    grid: Grid, axis: str | int, velocity: Any, *, order: int = 1, closure_order: int | None = None
) -> LinearOperator:
    """``v du/dx`` with the stencil leaning against the stream, node by node.

    Where v > 0 the stencil has more nodes on the left than on the right, where v < 0 the other way round: dissipative, so
    that it can be used for advection at orders that are unstable with central stencils.

    Parameters
    ----------
    grid : Grid
    axis : str or int
    velocity : number, str, callable, array or Field
    order : int, default 1
        1 is donor cell, 2 Beam-Warming's stencil, 3 and 5 the upwind-biased ones.
    closure_order : int, optional
        Order of the boundary rows.

    Examples
    --------
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 4, 5))
    >>> pk.upwind(grid, "x", "x - 1.5").matrix().toarray()[1:4]
    array([[ 0. ,  0.5, -0.5,  0. ,  0. ],
           [ 0. , -0.5,  0.5,  0. ,  0. ],
           [ 0. ,  0. , -1.5,  1.5,  0. ]])
    """
    v = multiplication(grid, velocity)
    assert isinstance(v, Multiplication)
    # order + 1 nodes, of which those upstream outnumber those downstream by one (odd orders) or two (even ones).
    left = derivative(grid, axis, order=order, bias=-1, closure_order=closure_order)
    right = derivative(grid, axis, order=order, bias=1 - order % 2, closure_order=closure_order)
    plus, minus = np.maximum(v.values.real, 0), np.minimum(v.values.real, 0)
    return Multiplication(grid, plus) * left + Multiplication(grid, minus) * right
