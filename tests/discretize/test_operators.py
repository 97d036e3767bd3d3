"""Derivatives as operators: orders, algebra, matrices, rows of slices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import pdekit as pk
from pdekit.errors import GridError


def rng_field(grid, seed=0):
    return np.random.default_rng(seed).standard_normal(grid.shape)


GRIDS = {
    "line": pk.Grid(x=pk.Axis(0, 1, 23)),
    "stretched": pk.Grid(x=pk.Axis(0, 1, 23, spacing={"tanh": 2.0})),
    "plane": pk.Grid(x=pk.Axis(0, 1, 17), y=pk.Axis(0, 2, 16, periodic=True)),
    "space": pk.Grid(x=pk.Axis(0, 1, 12), y=pk.Axis(0, 2, 11, periodic=True), z=pk.Axis(0, 1, 13, spacing="chebyshev")),
}


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("order", [2, 4])
def test_apply_equals_matrix(name, order):
    grid = GRIDS[name]
    u = rng_field(grid)
    last = grid.names[-1]
    operators = [
        pk.derivative(grid, last, order=order),
        pk.derivative(grid, dict.fromkeys(grid.names, 1), order=order),
        pk.laplacian(grid, order=order),
        pk.diffusion(grid, lambda x: 1 + x, order=order),
        (3 * pk.laplacian(grid) + pk.derivative(grid, "x")).T,
        pk.derivative(grid, "x") ** 2 * pk.derivative(grid, last) - 2,
        grid.field("1 + x") * pk.derivative(grid, "x") / 2,
    ]
    for L in operators:
        matrix = L.matrix()
        assert isinstance(matrix, sparse.csr_array)
        applied = L(u)
        assert np.max(np.abs(applied.ravel() - matrix @ u.ravel())) <= 1e-12 * np.max(np.abs(applied))
        assert np.allclose(L(u + 1j * u), applied * (1 + 1j), rtol=1e-12, atol=1e-12 * np.max(np.abs(applied)))


@pytest.mark.parametrize("name", GRIDS)
def test_rows_of_a_slice_are_the_rows_of_the_matrix(name):
    grid = GRIDS[name]
    index = np.arange(grid.size).reshape(grid.shape)
    for L in (pk.laplacian(grid, order=4), pk.diffusion(grid, lambda x: 1 + x), (pk.laplacian(grid) * 2).T):
        for box in ({"x": slice(2, 5)}, {n: slice(1, 7, 2) for n in grid.names}):
            chosen = index[tuple(box.get(n, slice(None)) for n in grid.names)].ravel()
            difference = abs(L.rows(**box) - L.matrix()[chosen])
            assert difference.nnz == 0 or difference.max() == 0


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 4),
    order=st.integers(1, 6),
    seed=st.integers(0, 1000),
    periodic=st.booleans(),
    degree=st.integers(0, 9),
)
def test_polynomials_are_exact_on_irregular_nodes(n, order, seed, periodic, degree):
    """Boundary rows included: degree < derivative + accuracy. On a periodic axis a trigonometric check follows below."""
    if degree >= n + order:
        degree = n + order - 1
    rng = np.random.default_rng(seed)
    nodes = np.cumsum(rng.uniform(0.5, 1.5, 16)) / 8
    grid = pk.Grid(x=pk.Axis(nodes=nodes))
    D = pk.derivative(grid, "x", n, order=order)
    u = nodes**degree
    exact = np.polyder(np.poly1d([1.0] + [0] * degree), n)(nodes) if degree >= n else 0 * nodes
    scale = abs(D.matrix()) @ np.abs(u) + 1
    assert np.max(np.abs(D(u) - exact) / scale) <= 1e-9


@pytest.mark.parametrize("order", [2, 4, 6, 8])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("spacing", [None, {"tanh": 1.5}])
def test_observed_order_with_boundary_rows(n, order, spacing, figure):
    """f = exp(x) sin(3 pi x); the best pair of grids above rounding shows the order."""

    def error(count):
        grid = pk.Grid(x=pk.Axis(0, 1, count + 1, spacing=spacing))
        k, x = 1 + 3j * np.pi, grid.axes[0].nodes
        exact = (k**n * np.exp(k * x)).imag
        return np.max(np.abs(pk.derivative(grid, "x", n, order=order)(np.exp(k * x).imag) - exact))

    pairs = [(error(c), error(2 * c), 1e-14 * (8 * c) ** n) for c in (20, 25, 40, 50, 80, 100, 160, 200, 320)]
    orders = [np.log2(a / b) for a, b, rounding in pairs if b > rounding]
    slack = 0.1 if n <= 2 else 0.6  # rounding grows as h^-n and leaves less and less of the asymptotic range
    if spacing is None:
        figure(
            f"derivative {n} of exp(x) sin(3 pi x), accuracy {order}: observed order", max(orders), f"{order} - {slack}"
        )
    assert max(orders) >= order - slack


def test_periodic_spectral_values():
    """The central difference of a mode is the mode times the modified wavenumber sin(kh)/h."""
    grid = pk.Grid(x=pk.Axis(0, 2 * np.pi, 32, periodic=True))
    h, k = 2 * np.pi / 32, 5
    u = np.exp(1j * k * grid.axes[0].nodes)
    assert np.allclose(pk.derivative(grid, "x")(u), 1j * np.sin(k * h) / h * u, atol=1e-12)
    assert np.allclose(pk.derivative(grid, "x", 2)(u), -(4 / h**2) * np.sin(k * h / 2) ** 2 * u, atol=1e-10)


def test_grouping_and_order_are_kept():
    grid = pk.Grid(x=pk.Axis(0, 1, 12))
    D = pk.derivative(grid, "x")
    u = rng_field(grid)
    assert np.allclose((D**2 * D)(u), D(D(D(u))))
    assert np.allclose((3 - D)(u), 3 * u - D(u))
    k = grid.field("1 + x**2")
    assert np.allclose((D * (k * D))(u), D(k.values * D(u)))
    assert np.allclose(((k * D) * D)(u), k.values * D(D(u)))
    assert np.allclose((D - D * 2 + 1 / 2)(u), -D(u) + u / 2)
    assert np.allclose((D**0)(u), u)


def test_operators_never_change():
    grid = pk.Grid(x=pk.Axis(0, 1, 15))
    D = pk.derivative(grid, "x", order=2)
    before = D.matrix().copy()
    _ = pk.derivative(grid, "x", order=4), 2 * D, D + 1, D**3, D.T
    assert abs(D.matrix() - before).max() == 0
    assert abs(pk.derivative(grid, "x", order=4).matrix() - before).max() > 0


def test_mixed_grids_are_refused():
    a, b = (pk.derivative(pk.Grid(x=pk.Axis(0, 1, n)), "x") for n in (9, 10))
    with pytest.raises(GridError, match="different grids"):
        a + b
    with pytest.raises(GridError, match="shape"):
        a(np.zeros(10))


def test_flux_form_of_constant_k_is_the_laplacian():
    grid = pk.Grid(x=pk.Axis(0, 1, 15, spacing={"tanh": 2.0}), y=pk.Axis(0, 1, 8, periodic=True))
    boundary = {"x": pk.Neumann(0)}
    difference = pk.diffusion(grid, 1.0, boundary=boundary).matrix() - pk.laplacian(grid, boundary=boundary).matrix()
    assert abs(difference).max() <= 1e-9


def test_flux_form_has_no_checkerboard():
    """Unlike D1 (k D1 u), only constants are in the null space."""
    grid = pk.Grid(x=pk.Axis(0, 1, 20))
    A = pk.diffusion(grid, lambda x: 1 + x, boundary={"x": pk.Neumann(0)}).matrix().toarray()
    values = np.linalg.svd(A, compute_uv=False)
    assert values[-1] < 1e-10 < 1e-3 < values[-2]


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("shape", [(70, 40, 30), (300, 250), (70_000,)])
def test_compiled_sweeps_equal_the_matrix(shape, dtype):
    """Large arrays go through compiled sweeps of the same rows."""
    rng = np.random.default_rng(3)
    kinds = [pk.Axis(0, 1, shape[0], spacing={"tanh": 2}), *(pk.Axis(0, 1, n, periodic=n % 4 == 0) for n in shape[1:])]
    grid = pk.Grid(dict(zip("xyz", kinds)))
    last = grid.names[-1]
    u = rng.standard_normal(shape).astype(dtype)
    u = u + 1j * rng.standard_normal(shape) if dtype is np.complex128 else u
    for operator in (
        pk.laplacian(grid, order=4),
        2 * pk.derivative(grid, last, 3, order=2) - pk.derivative(grid, "x", order=6) / 3,
        (0.5 - 2j) * pk.derivative(grid, last, bias="forward"),
        pk.staggered(grid, "x", order=4),
        pk.derivative(grid, dict.fromkeys(grid.names, 1)),
    ):
        found = operator(u)
        scale = abs(operator.matrix()).max() * np.max(np.abs(u))
        assert found.dtype == np.result_type(u, operator.matrix())
        assert np.max(np.abs(found.ravel() - operator.matrix() @ u.ravel())) <= 1e-13 * scale


def test_sweeps_of_matrices_without_any_structure():
    from scipy import sparse

    from pdekit.discretize.sweep import Sweep

    rng = np.random.default_rng(4)
    matrix = sparse.random_array((50, 40), density=0.1, rng=rng, format="csr")
    for axis, shape in ((0, (40, 7)), (1, (5, 40)), (1, (3, 40, 4))):
        u = rng.standard_normal(shape)
        out = np.zeros((*shape[:axis], 50, *shape[axis + 1 :]))
        Sweep(matrix).add_to(out, u, axis, 2.0)
        assert np.allclose(out, 2 * np.moveaxis(np.tensordot(matrix.toarray(), u, (1, axis)), 0, axis), atol=1e-13)
