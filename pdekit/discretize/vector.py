"""Vector calculus: gradient, divergence, curl, Hessian and their kin as blocks of scalar operators.

All of them compose, and have matrices; the identities ``curl grad = 0`` and ``div curl = 0`` hold to rounding because
differences along different axes commute.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from scipy import sparse

from pdekit.discretize.algebra import LinearOperator, Multiplication, identity, multiplication, times
from pdekit.discretize.derivatives import derivative, laplacian
from pdekit.errors import GridError
from pdekit.geometry.grid import Field, Grid
from pdekit.stencils.poles import regular_options
from pdekit.typing import Array, Matrix

Index = tuple[int, ...]
Blocks = Mapping[tuple[Index, Index], LinearOperator]


class TensorField:
    """A scalar, vector or tensor on a grid: components first, then the grid.

    Parameters
    ----------
    grid : Grid
    values : array of shape ``(*components, *grid.shape)``
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
        """Apply to a Field, a TensorField, or an array of shape ``(*columns, *grid.shape)``."""
        values = np.asarray(u.values if isinstance(u, Field | TensorField) else u)
        if values.shape != (*self.columns, *self.grid.shape):
            raise GridError(f"the operator acts on shape {(*self.columns, *self.grid.shape)}, found {values.shape}")
        result = np.zeros((*self.rows, *self.grid.shape), dtype=np.result_type(values.dtype, float))
        for (i, j), block in self.blocks.items():
            result[i] += block(values[j])
        if not isinstance(u, Field | TensorField):
            return result
        return TensorField(self.grid, result, u.name) if self.rows else Field(self.grid, result, u.name)

    def matrix(self) -> Matrix:
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


def _signs(grid: Grid, component: int | None, other: int | None = None) -> dict[str, int]:
    """With which sign a component of a vector or tensor goes on across the poles of each axis; see `derivative`."""
    geometry = grid.geometry
    if geometry is None:
        return {}
    roles = [geometry.roles[grid.names[c]] for c in (component, other) if c is not None]
    return {axis: math.prod(geometry.parity(axis, role) for role in roles) for axis in grid.names if grid.poles(axis)}


def _along(grid: Grid, axis: int, signs: Mapping[str, int], options: Mapping[str, Any]) -> LinearOperator:
    """``(1/h) d/dq`` along an axis, of a quantity that crosses poles with the given signs."""
    options = regular_options(grid, axis, options)
    return times(grid, 1 / grid.scale(axis), derivative(grid, axis, parity=signs, **options))


def _outward(grid: Grid, axis: int, signs: Mapping[str, int], options: Mapping[str, Any]) -> LinearOperator:
    """``(1/h) (1/m) d/dq (m .)``: one term of a divergence.

    As it stands for m = r and sin(theta), so that the divergence of a curl vanishes to rounding; expanded for m = r^2, where
    the derivative of ``r^2 v`` would cost two orders next to r = 0, and with conditions, which are those of v and not of ``m v``.
    """
    measure, name = grid.measure(axis), grid.names[axis]
    if not measure.power:
        return _along(grid, axis, signs, options)
    line, options = grid.axes[axis].nodes, regular_options(grid, axis, options)
    if measure.power == 1 and options.get("boundary") is None:
        m = grid.along(axis, measure.area(line))
        turned = {**signs, name: -signs.get(name, 1)}
        weighted = derivative(grid, axis, parity=turned, **options) @ times(grid, m, identity(grid))
        return times(grid, 1 / grid.scale(axis), times(grid, 1 / m, weighted))
    slope = times(grid, grid.along(axis, measure.log_slope(line)), identity(grid))
    return times(grid, 1 / grid.scale(axis), derivative(grid, axis, parity=signs, **options) + slope)


def _zeta(grid: Grid, axis: int) -> Array:
    """``f'/(f h)`` of an axis: how fast per length unit vectors turn whose scale factors contain its f."""
    factor = grid.measure(axis).factor
    q = grid.coordinates[grid.names[axis]]
    return np.asarray(factor.slope(q) / factor.value(q) / grid.scale(axis))


def _turning(grid: Grid) -> list[tuple[int, int, Array]]:
    """Axes (j, k) whose unit vectors turn into each other along j, and how fast: ``de_k/ds_j = zeta e_j``."""
    if grid.geometry is None:
        return []
    pairs = [(grid.index(j), grid.index(k)) for j in grid.names for k in grid.geometry.scale(j)]
    return [(j, k, _zeta(grid, k)) for j, k in pairs]


def _add(blocks: dict[tuple[Index, Index], LinearOperator], row: Index, column: Index, part: LinearOperator) -> None:
    blocks[row, column] = blocks[row, column] + part if (row, column) in blocks else part


def grad(grid: Grid, **options: Any) -> BlockOperator:
    """Gradient: scalar to vector. Options (`order`, `boundary`, ...) are those of `pdekit.derivative`.

    On curved coordinates, here and below, components are along the unit vectors.

    Examples
    --------
    >>> import pdekit as pk
    >>> grid = pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 1, 9))
    >>> g = pk.grad(grid)(grid.field("x**2 + 3*y"))
    >>> bool(abs(g[0] - grid.field("2*x")).max() < 1e-12), bool(abs(g[1] - 3).max() < 1e-12)
    (True, True)
    """
    blocks: dict[tuple[Index, Index], LinearOperator] = {
        ((i,), ()): _along(grid, i, {}, options) for i in range(grid.ndim)
    }
    return BlockOperator(grid, (grid.ndim,), (), blocks)


def div(grid: Grid, **options: Any) -> BlockOperator:
    """Divergence: vector to scalar."""
    blocks: dict[tuple[Index, Index], LinearOperator] = {
        ((), (i,)): _outward(grid, i, _signs(grid, i), options) for i in range(grid.ndim)
    }
    return BlockOperator(grid, (), (grid.ndim,), blocks)


def div_tensor(grid: Grid, **options: Any) -> BlockOperator:
    """Divergence of a tensor, ``(div T)_i = sum_j d_j T_ij``."""
    d = range(grid.ndim)
    blocks: dict[tuple[Index, Index], LinearOperator] = {
        ((i,), (i, j)): _outward(grid, j, _signs(grid, i, j), options) for i in d for j in d
    }
    for j, k, zeta in _turning(grid):
        _add(blocks, (j,), (k, j), times(grid, zeta, identity(grid)))
        _add(blocks, (k,), (j, j), times(grid, -zeta, identity(grid)))
    return BlockOperator(grid, (grid.ndim,), (grid.ndim, grid.ndim), blocks)


def grad_vector(grid: Grid, **options: Any) -> BlockOperator:
    """Gradient of a vector, ``(grad v)_ij = d_j v_i``."""
    d = range(grid.ndim)
    blocks: dict[tuple[Index, Index], LinearOperator] = {
        ((i, j), (i,)): _along(grid, j, _signs(grid, i), options) for i in d for j in d
    }
    for j, k, zeta in _turning(grid):
        _add(blocks, (j, j), (k,), times(grid, zeta, identity(grid)))
        _add(blocks, (k, j), (j,), times(grid, -zeta, identity(grid)))
    return BlockOperator(grid, (grid.ndim, grid.ndim), (grid.ndim,), blocks)


def _circulation(grid: Grid, axis: int, component: int, options: Mapping[str, Any]) -> LinearOperator:
    """``(1/(h_i h_k)) d/dq_i (h_k v_k)``: one term of a curl; expanded with conditions, which are those of v_k."""
    h, signs = grid.scale(component), _signs(grid, component)
    if options.get("boundary") is not None and grid.geometry is not None:
        turning = [zeta for j, k, zeta in _turning(grid) if (j, k) == (component, grid.index(axis))]
        slope = _along(grid, axis, signs, options)
        return slope + times(grid, sum(turning), identity(grid)) if turning else slope
    if grid.geometry is not None:
        other = grid.names[component]
        signs = {a: s * grid.geometry.scaled_parity(a, other) for a, s in signs.items()}
    slope = derivative(grid, axis, parity=signs, **regular_options(grid, axis, options))
    if not isinstance(h, float):
        slope = times(grid, 1 / h, slope @ times(grid, h, identity(grid)))
    return times(grid, 1 / grid.scale(axis), slope)


def curl(grid: Grid, **options: Any) -> BlockOperator:
    """Curl: vector to vector in three dimensions; in two the component along the first unit vector cross the second."""
    if grid.ndim == 2:
        first, second = _circulation(grid, 0, 1, options), _circulation(grid, 1, 0, options)
        return BlockOperator(grid, (), (2,), {((), (1,)): first, ((), (0,)): -second})
    if grid.ndim != 3:
        raise GridError(f"curl is for two and three dimensions, the grid has {grid.ndim}")
    blocks: dict[tuple[Index, Index], LinearOperator] = {}
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        blocks[(i,), (k,)] = _circulation(grid, j, k, options)
        blocks[(i,), (j,)] = -_circulation(grid, k, j, options)
    return BlockOperator(grid, (3,), (3,), blocks)


def curl_scalar(grid: Grid, **options: Any) -> BlockOperator:
    """Curl of a scalar in two dimensions, ``(d_y s, -d_x s)``: the velocity of a stream function.

    The scalar is the component along the first unit vector cross the second. Where that is a direction that the grid leaves
    out, such as phi of (r, z), its scale factor h counts: ``(d_2(h s)/(h h_2), -d_1(h s)/(h h_1))``.
    """
    if grid.ndim != 2:
        raise GridError(f"the curl of a scalar is for two dimensions, the grid has {grid.ndim}")
    h: Any = 1.0
    geometry = grid.geometry
    if geometry is not None and geometry.left_out is not None:
        for k in geometry.scales[geometry.left_out]:
            h = h * grid.measure(k).factor.value(grid.coordinates[k])
    D = []
    for i in range(2):
        slope = derivative(grid, i, **regular_options(grid, i, options))  # h and a component along e_phi are both odd
        if not isinstance(h, float):
            slope = times(grid, 1 / h, slope @ times(grid, h, identity(grid)))
        D.append(times(grid, 1 / grid.scale(i), slope))
    return BlockOperator(grid, (2,), (), {((0,), ()): D[1], ((1,), ()): -D[0]})


def hessian(grid: Grid, **options: Any) -> BlockOperator:
    """Second (covariant) derivatives: scalar to symmetric tensor."""
    d, names = grid.ndim, grid.names
    blocks: dict[tuple[Index, Index], LinearOperator] = {}
    for i in range(d):
        for j in range(d):
            counts = {names[i]: 2} if i == j else {names[min(i, j)]: 1, names[max(i, j)]: 1}
            scale = grid.scale(i) * grid.scale(j)
            better = max((regular_options(grid, n, options) for n in counts), key=lambda o: o.get("order", 0))
            blocks[(i, j), ()] = times(grid, 1 / scale, derivative(grid, counts, **better))
    for j, k, zeta in _turning(grid):
        _add(blocks, (j, j), (), times(grid, zeta, _along(grid, k, {}, options)))
        for pair in ((j, k), (k, j)):
            _add(blocks, pair, (), times(grid, -zeta, _along(grid, j, {}, options)))
    return BlockOperator(grid, (d, d), (), blocks)


def vector_laplacian(grid: Grid, **options: Any) -> BlockOperator:
    """The Laplacian of a vector: of each component, and what the turning of the unit vectors adds.

    With ``W_j`` the rotation of the unit vectors along j, per length: ``sum_j 2/h_j W_j d_j v + (m_j'/m_j)/h_j W_j v +
    W_j^2 v`` comes to the Laplacians of the components.
    """
    d = range(grid.ndim)
    blocks: dict[tuple[Index, Index], LinearOperator] = {}
    for i in d:
        blocks[(i,), (i,)] = laplacian(grid, parity=_signs(grid, i), **options)
    for j, k, zeta in _turning(grid):
        measure = grid.measure(j)
        weight = grid.along(j, measure.log_slope(grid.axes[j].nodes)) / grid.scale(j) if measure.power else 0.0
        for row, column, sign in ((j, k, 1.0), (k, j, -1.0)):
            first = times(grid, 2 * sign * zeta, _along(grid, j, _signs(grid, column), options))
            _add(blocks, (row,), (column,), first)
            if measure.power:
                _add(blocks, (row,), (column,), times(grid, sign * zeta * weight, identity(grid)))
        _add(blocks, (j,), (j,), times(grid, -(zeta**2), identity(grid)))
    for scale in grid.geometry.scales if grid.geometry else ():
        present = [grid.index(name) for name in scale]
        for i, k in product(present, present):
            _add(blocks, (i,), (k,), times(grid, -_zeta(grid, i) * _zeta(grid, k), identity(grid)))
    return BlockOperator(grid, (grid.ndim,), (grid.ndim,), blocks)


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
    for i, n in enumerate(direction):
        part = multiplication(grid, n) * _along(grid, i, {}, options)
        total = part if total is None else total + part
    assert total is not None
    return total


def biharmonic(grid: Grid, **options: Any) -> LinearOperator:
    """``laplace(laplace(u))`` as one operator: on Cartesian axes fourth derivatives and twice each mixed one."""
    if grid.geometry is not None:
        if options.get("boundary") is not None:
            raise GridError(
                "a biharmonic with conditions is for Cartesian grids; compose two Laplacians, each with its own"
            )
        better = {**options, "order": options.get("order", 2) + 2}  # its error is differentiated twice
        return laplacian(grid, **options) @ laplacian(grid, **better)
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
    grid: Grid,
    axis: str | int,
    velocity: Any,
    *,
    order: int = 1,
    closure_order: int | None = None,
    boundary: Mapping[str, Any] | None = None,
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
    boundary : mapping, optional
        As for `pdekit.derivative`.

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
    closure: dict[str, Any] = {"closure_order": closure_order, "boundary": boundary}
    left = derivative(grid, axis, order=order, bias=-1, **closure)
    right = derivative(grid, axis, order=order, bias=1 - order % 2, **closure)
    plus, minus = np.maximum(v.values.real, 0), np.minimum(v.values.real, 0)
    return Multiplication(grid, plus) * left + Multiplication(grid, minus) * right
