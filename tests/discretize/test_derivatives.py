"""Derivatives of every kind: parity, orders, realizations, identities, read-outs."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import xarray
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

import pdekit as pk
from pdekit.errors import GridError, SolverError

# ------------------------------------------------------------------------------------------- numpy.gradient


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 100_000),
    edge_order=st.sampled_from([1, 2]),
    form=st.sampled_from(["none", "one", "each", "arrays", "mixed"]),
)
def test_numpy_gradient_parity(seed, edge_order, form):
    rng = np.random.default_rng(seed)
    ndim = int(rng.integers(1, 4))
    f = rng.standard_normal(rng.integers(3, 9, ndim))
    if rng.random() < 0.3:
        f = f + 1j * rng.standard_normal(f.shape)
    axes = tuple(int(a) for a in rng.permutation(ndim)[: rng.integers(1, ndim + 1)])
    axes = tuple(a - ndim if rng.random() < 0.5 else a for a in axes)
    arrays = [np.cumsum(rng.uniform(0.1, 1, f.shape[a])) * rng.choice([-1, 1]) for a in axes]
    numbers = [float(rng.uniform(0.1, 2)) for _ in axes]
    spacing = {
        "none": [],
        "one": numbers[:1],
        "each": numbers,
        "arrays": arrays,
        "mixed": [a if rng.random() < 0.5 else b for a, b in zip(arrays, numbers)],
    }[form]
    expected = np.gradient(f, *spacing, axis=axes, edge_order=edge_order)
    found = pk.gradient(f, *spacing, axis=axes, edge_order=edge_order)
    for a, b in zip(expected if len(axes) > 1 else [expected], found if len(axes) > 1 else [found]):
        assert np.max(np.abs(np.asarray(a) - b)) <= 1e-12 * max(1.0, np.max(np.abs(a)))


def test_two_samples_and_whole_numbers():
    assert np.array_equal(pk.gradient([1, 4]), np.gradient([1, 4]))
    assert np.array_equal(pk.gradient(np.arange(6) ** 2, 2), np.gradient(np.arange(6) ** 2, 2))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pk.gradient(np.zeros(5), np.arange(4.0)), "axis 0: 4 coordinates for 5 samples"),
        (lambda: pk.gradient(np.zeros(3), [0, 2, 1.0]), "axis 0: unsorted"),
        (lambda: pk.gradient(np.zeros(3), [0, 1, 1.0]), "axis 0: duplicate"),
        (lambda: pk.gradient(np.zeros(2), edge_order=2), "axis 0 has 2 samples.*at least 3"),
        (lambda: pk.gradient(np.zeros((3, 3)), 1.0, 1.0, 1.0), "3 spacings for 2 axes"),
        (lambda: pk.gradient(np.zeros((3, 3)), axis=2), "out of range"),
        (lambda: pk.gradient(np.zeros((3, 3)), axis=(0, -2)), "twice"),
        (lambda: pk.gradient(np.zeros(3), 0.0), "other than 0"),
        (lambda: pk.gradient(np.array(["a", "b"])), "numeric"),
        (lambda: pk.derivative(pk.Grid(x=pk.Axis(0, 1, 9)), "x", bias="sideways"), "bias"),
    ],
)
def test_refusals_by_name(call, words):
    with pytest.raises(GridError, match=words):
        call()


# ------------------------------------------------------------------------------------------- bias and closures

WAVE = 1 + 3j * np.pi  # f = exp(x) sin(3 pi x) is the imaginary part of exp(WAVE x)


def error(make, count, n=1, spacing=None):
    grid = pk.Grid(x=pk.Axis(0, 1, count + 1, spacing=spacing))
    x = grid.axes[0].nodes
    return np.max(np.abs(make(grid)(np.exp(WAVE * x).imag) - (WAVE**n * np.exp(WAVE * x)).imag))


@pytest.mark.parametrize("bias", ["forward", "backward", 1, -1, -2])
@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("n", [1, 2])
def test_biased_orders(bias, order, n):
    errors = [error(lambda g: pk.derivative(g, "x", n, order=order, bias=bias), c, n) for c in (80, 160, 320)]
    assert np.log2(errors[1] / errors[2]) >= order - 0.25


def test_closure_order_is_separate_from_interior_order():
    """Order 6 inside with rows of order 2 at the ends: both are seen where they should be."""
    grid = pk.Grid(x=pk.Axis(0, 1, 41))
    D = pk.derivative(grid, "x", order=6, closure_order=2)
    same = pk.derivative(grid, "x", order=6).matrix()
    assert abs(D.matrix()[3:-3] - same[3:-3]).max() == 0
    assert D.stencil()["x.left"].order == 2 and D.stencil().interior.order == 6


def test_upwind_follows_the_sign_and_is_dissipative():
    grid = pk.Grid(x=pk.Axis(0, 1, 32, periodic=True))
    for order in (1, 2, 3, 5):
        for velocity in (1.0, -2.0, "sin(2*pi*x)"):
            A = pk.upwind(grid, "x", velocity, order=order)
            u = grid.field("cos(2*pi*x)")
            exact = grid.field(velocity) * grid.field("-2*pi*sin(2*pi*x)")
            assert np.max(np.abs((A(u) - exact).values)) < 60 * (2 * np.pi / 32) ** min(order, 2)
        constant = pk.upwind(grid, "x", 1.0, order=order).matrix().toarray()
        assert np.max(np.linalg.eigvals(-constant).real) < 1e-10
    errors = []
    for count in (40, 80, 160):
        line = pk.Grid(x=pk.Axis(0, 1, count, periodic=True))
        errors.append(
            np.max(
                np.abs(
                    (
                        pk.upwind(line, "x", -1.5, order=3)(line.field("exp(sin(2*pi*x))"))
                        + 1.5 * 2 * np.pi * line.field("cos(2*pi*x)*exp(sin(2*pi*x))")
                    ).values
                )
            )
        )
    assert np.log2(errors[1] / errors[2]) > 2.9


# ------------------------------------------------------------------------------------------- compact and Fourier


@pytest.mark.parametrize("order", [4, 6])
@pytest.mark.parametrize("n", [1, 2])
def test_compact_orders_with_boundaries(order, n, figure):
    errors = [error(lambda g: pk.compact_derivative(g, "x", n, order=order), c, n) for c in (40, 80, 160, 320, 640)]
    observed = max(np.log2(a / b) for a, b in pairwise(errors))
    figure(f"compact order {order}, derivative {n}, bounded, whole domain", observed, f">= {order - 0.1}")
    assert observed >= order - 0.1


def test_compact_on_stretched_axes():
    for n in (1, 2):
        errors = [
            error(lambda g, n=n: pk.compact_derivative(g, "x", n, order=4), c, n, {"tanh": 1.5}) for c in (80, 160)
        ]
        assert np.log2(errors[0] / errors[1]) >= 3.9


def test_compact_six_periodic(figure):
    errors = []
    for n in (16, 32, 64):
        grid = pk.Grid(x=pk.Axis(0, 2 * np.pi, n, periodic=True))
        errors.append(
            abs(
                pk.compact_derivative(grid, "x", order=6)(grid.field("exp(sin(x))")) - grid.field("cos(x)*exp(sin(x))")
            ).max()
        )
    order = np.log2(errors[1] / errors[2])
    figure("compact 6, periodic, exp(sin x), n = 16, 32, 64", order, ">= 5.9")
    assert order >= 5.9


def test_lele_coefficients():
    """Lele's eq. (2.1.7): alpha = 1/3, a = 14/9, b = 1/9."""
    D = pk.compact_derivative(pk.Grid(x=pk.Axis(0, 12, 12, periodic=True)), "x", order=6)
    assert np.allclose(D.A.toarray()[6, 5:8], [1 / 3, 1, 1 / 3])
    assert np.allclose(D.B.toarray()[6, 4:9], [-1 / 36, -7 / 9, 0, 7 / 9, 1 / 36])


def test_fourier(figure):
    grid = pk.Grid(x=pk.Axis(0, 2 * np.pi, 32, periodic=True))
    u = grid.field("exp(sin(x))")
    first = abs(pk.fourier_derivative(grid, "x")(u) - grid.field("cos(x)*exp(sin(x))")).max()
    second = abs(pk.fourier_derivative(grid, "x", 2)(u) - grid.field("(cos(x)**2 - sin(x))*exp(sin(x))")).max()
    figure("Fourier, exp(sin x), n = 32, first and second derivative", max(first, second), "<= 1e-11")
    assert max(first, second) <= 1e-11
    back = pk.fourier_derivative(grid, "x", -1)(pk.fourier_derivative(grid, "x")(u))
    assert abs(back - (u - u.mean())).max() < 1e-13
    nyquist = np.cos(16 * grid.axes[0].nodes)
    assert np.max(np.abs(pk.fourier_derivative(grid, "x")(nyquist))) < 1e-12
    assert np.allclose(pk.fourier_derivative(grid, "x", 2)(nyquist), -256 * nyquist)
    with pytest.raises(GridError, match="periodic"):
        pk.fourier_derivative(pk.Grid(x=pk.Axis(0, 1, 8)), "x")


@pytest.mark.parametrize("order", [2, 4])
def test_isotropic_laplacian(order):
    """The leading error is a power of the Laplacian: (h^2/12) lap^2 or -(h^4/90) lap^3."""
    grid = pk.Grid(x=pk.Axis(0, 1, 24, periodic=True), y=pk.Axis(0, 1, 24, periodic=True))
    moments = pk.isotropic_laplacian(grid, order=order).stencil().interior.moments
    if order == 2:
        expected = {(4, 0): 1 / 12, (2, 2): 1 / 6, (0, 4): 1 / 12}
    else:
        expected = {(6, 0): -1 / 90, (4, 2): -1 / 30, (2, 4): -1 / 30, (0, 6): -1 / 90}
    h = 1 / 24
    found = {k: v * h**2 for k, v in moments.items() if sum(k) == order + 2}
    assert found.keys() == expected.keys()
    assert all(found[k] == pytest.approx(v, rel=1e-9) for k, v in expected.items())


# ------------------------------------------------------------------------------------------- all realizations


def everything(grid):
    names = grid.names
    made = [
        pk.derivative(grid, names[-1], 3, order=3, bias="forward"),
        pk.derivative(grid, "x", order=4, closure_order=2),
        pk.compact_derivative(grid, "x", 1, order=6),
        pk.compact_derivative(grid, names[-1], 2, order=4),
        pk.upwind(grid, "x", "1 - 2*x", order=3),
        pk.staggered(grid, "x", order=4),
        pk.staggered(grid, "x", 0),
        pk.summation_by_parts(grid, "x", order=4).second,
        pk.directional_derivative(grid, [0.3 * (i + 1) for i in range(grid.ndim)]),
        pk.biharmonic(grid),
        pk.staggered(grid, "x").T @ pk.staggered(grid, "x"),
    ]
    if grid.ndim == 2:
        made += [pk.fourier_derivative(grid, "y", 3), pk.fourier_derivative(grid, "y", -2) * pk.derivative(grid, "x")]
    return made


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_apply_equals_matrix(ndim, figure):
    axes = {
        "x": pk.Axis(0, 1, 21),
        "y": pk.Axis(0, 1, 14, periodic=True),
        "z": pk.Axis(0, 1, 11, spacing={"tanh": 1.5}),
    }
    grid = pk.Grid(dict(list(axes.items())[:ndim]))
    u = np.random.default_rng(ndim).standard_normal(grid.shape)
    worst = 0.0
    for L in everything(grid):
        applied = L(u)
        scale = np.max(np.abs(applied))
        worst = max(worst, np.max(np.abs(applied.ravel() - L.matrix() @ u.ravel())) / scale)
        assert np.allclose(L(1j * u), 1j * applied, rtol=1e-12, atol=1e-12 * scale)
    figure(f"apply against matrix, every operator, {ndim}-D", worst, "<= 1e-12")
    assert worst <= 1e-12


def test_staggered_composes_to_the_compact_laplacian():
    grid = pk.Grid(x=pk.Axis(0, 1, 16, periodic=True))
    d = pk.staggered(grid, "x")
    assert d.target == pk.staggered_grid(grid, "x") != grid
    assert abs((-1 * d.T @ d).matrix() - pk.derivative(grid, "x", 2).matrix()).max() < 1e-9
    with pytest.raises(GridError, match="different grids"):
        d + pk.derivative(grid, "x")


# ------------------------------------------------------------------------------------------- vector calculus

SPACE = pk.Grid(x=pk.Axis(0, 1, 8), y=pk.Axis(0, 2, 9, periodic=True), z=pk.Axis(0, 1, 7, spacing={"tanh": 1.5}))
PLANE = pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 2, 10, spacing={"tanh": 1.5}))


@pytest.mark.parametrize("order", [2, 4])
def test_identities_hold_to_rounding(order):
    rng = np.random.default_rng(order)
    s, v = rng.standard_normal(SPACE.shape), rng.standard_normal((3, *SPACE.shape))
    g, c, d = (make(SPACE, order=order) for make in (pk.grad, pk.curl, pk.div))
    size = np.max(np.abs(g(s))) ** 2
    assert np.max(np.abs((c @ g)(s))) <= 1e-13 * size
    assert np.max(np.abs((d @ c)(v))) <= 1e-13 * size
    p = rng.standard_normal(PLANE.shape)
    assert np.max(np.abs((pk.div(PLANE, order=order) @ pk.curl_scalar(PLANE, order=order))(p))) <= 1e-11
    assert np.max(np.abs((pk.curl(PLANE, order=order) @ pk.grad(PLANE, order=order))(p))) <= 1e-11


def test_vector_operators_on_polynomials():
    """Exact for quadratics, with unsymmetric data."""
    f = PLANE.field("x**2 + 3*x*y - y**2 + x")
    x, y = PLANE.coordinates["x"], PLANE.coordinates["y"]
    assert np.allclose(pk.grad(PLANE)(f).values, [2 * x + 3 * y + 1, 3 * x - 2 * y], atol=1e-11)
    H = pk.hessian(PLANE)(f).values
    assert np.allclose(H[0, 0], 2) and np.allclose(H[0, 1], 3) and np.allclose(H[1, 0], 3) and np.allclose(H[1, 1], -2)
    v = pk.TensorField.of([PLANE.field("x*y"), PLANE.field("x**2 - y")])
    assert np.allclose(pk.div(PLANE)(v).values, y + 0 * x - 1, atol=1e-11)
    assert np.allclose(pk.curl(PLANE)(v).values, 2 * x - x + 0 * y, atol=1e-11)
    J = pk.grad_vector(PLANE)(v).values
    assert np.allclose(J[0, 1], x + 0 * y, atol=1e-11) and np.allclose(J[1, 0], 2 * x + 0 * y, atol=1e-11)
    T = pk.TensorField(PLANE, np.stack([[x * y, y**2 + 0 * x], [x**2 + 0 * y, x * y]]))
    assert np.allclose(pk.div_tensor(PLANE)(T).values, [y + 2 * y + 0 * x, 2 * x + x + 0 * y], atol=1e-10)
    assert np.allclose(pk.vector_laplacian(PLANE)(v).values[1], 2, atol=1e-9)
    assert v.magnitude().values[2, 3] == pytest.approx(np.hypot(v.values[0, 2, 3], v.values[1, 2, 3]))


def test_curl_in_space_is_right_handed():
    grid = pk.Grid(x=pk.Axis(0, 1, 5), y=pk.Axis(0, 1, 6), z=pk.Axis(0, 1, 7))
    v = pk.TensorField.of([grid.field("-y"), grid.field("x"), grid.field("x*y")])
    curl = pk.curl(grid)(v).values
    x, y = grid.coordinates["x"] + 0 * v.values[0], grid.coordinates["y"] + 0 * v.values[0]
    assert np.allclose(curl, [x, -y, 2 + 0 * x], atol=1e-12)


def test_block_matrices_and_algebra():
    g, d = pk.grad(PLANE), pk.div(PLANE)
    u = np.random.default_rng(0).standard_normal(PLANE.shape)
    L = d @ g
    assert np.allclose(L.matrix() @ u.ravel(), L(u).ravel(), rtol=1e-12, atol=1e-9)
    assert np.allclose((g + g)(u), (2 * g)(u)) and np.allclose((g - g / 2)(u), g(u) / 2)
    assert abs(g.T.matrix() - g.matrix().T).max() == 0
    with pytest.raises(GridError, match="cannot compose"):
        g @ g


# ------------------------------------------------------------------------------------------- stencils to be read


def test_readable_stencils_are_exact():
    grid = pk.Grid(x=pk.Axis(0, 1, 21))
    stencil = pk.derivative(grid, "x", order=4).stencil()
    third, twelfth = Fraction(2, 3), Fraction(1, 12)
    assert stencil.interior.rational == {(-2,): twelfth, (-1,): -third, (1,): third, (2,): -twelfth}
    assert str(stencil.interior).startswith("(1/12 u[i-2] - 2/3 u[i-1] + 2/3 u[i+1] - 1/12 u[i+2]) / h")
    assert "u_x - 1/30 h^4 u_xxxxx" in str(stencil)
    assert set(stencil.molecules) == {"interior", "x.left", "x.right"}
    plane = pk.laplacian(pk.Grid(x=pk.Axis(0, 1, 11), y=pk.Axis(0, 1, 11))).stencil()
    assert len(plane.molecules) == 9 and plane.interior.rational[0, 0] == -4
    assert plane["x.left y.right"].order == 2


@pytest.mark.parametrize("order", [2, 4, 6, 8])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_molecules_know_their_order(order, n):
    molecule = pk.derivative(pk.Grid(x=pk.Axis(0, 2, 31)), "x", n, order=order).stencil().interior
    assert (molecule.derivative, molecule.order) == (n, order)


def test_modified_wavenumber():
    molecule = pk.derivative(pk.Grid(x=pk.Axis(0, 3, 31)), "x").stencil().interior
    theta = np.linspace(0, np.pi, 9)
    assert np.allclose(molecule.modified_wavenumber(theta), np.sin(theta))
    second = pk.derivative(pk.Grid(x=pk.Axis(0, 3, 31)), "x", 2).stencil().interior
    assert np.allclose(second.modified_wavenumber(theta), 2 * np.sin(theta / 2))


def test_stencil_picture(tmp_path):
    pk.derivative(pk.Grid(x=pk.Axis(0, 1, 21)), "x", order=4).stencil().plot(file=tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 5000


# ------------------------------------------------------------------------------------------- summation by parts


@pytest.mark.parametrize("order", [2, 4, 6, 8])
def test_summation_by_parts(order):
    grid = pk.Grid(x=pk.Axis(0, 1, 41))
    sbp = pk.summation_by_parts(grid, "x", order=order)
    u, v = np.random.default_rng(order).standard_normal((2, 41))
    w = sbp.weights
    assert np.all(w > 0)
    byparts = np.sum(w * (u * sbp.first(v) + sbp.first(u) * v)) - (u[-1] * v[-1] - u[0] * v[0])
    assert abs(byparts) < 1e-10
    K = w[:, None] * sbp.stiffness.matrix().toarray()
    assert np.max(np.abs(K - K.T)) < 1e-10 * np.max(np.abs(K))
    assert np.max(np.linalg.eigvalsh((K + K.T) / 2)) < 1e-11 * np.max(np.abs(K))
    x = grid.axes[0].nodes
    for k in range(order // 2 + 1):  # boundary rows of order s
        assert np.allclose(sbp.first(x**k), k * x ** max(k - 1, 0) * (k > 0), atol=1e-10)
    for k in range(order // 2 + 2):
        assert np.allclose(sbp.second(x**k), k * (k - 1) * x ** max(k - 2, 0) * (k > 1), atol=1e-7)
    for k in range(order):  # the quadrature is of order 2s
        assert np.sum(w * x**k) == pytest.approx(1 / (k + 1), rel=1e-12)


@pytest.mark.parametrize("order", [4, 6])
def test_energy_over_a_hundred_crossings(order, figure):
    """u_t + u_x = 0 with a penalty (SAT), u_tt = u_xx with free ends (SAT) and with fixed ends (strong)."""
    grid = pk.Grid(x=pk.Axis(0, 1, 41))
    sbp = pk.summation_by_parts(grid, "x", order=order)
    w, x = sbp.weights, grid.axes[0].nodes
    u = np.exp(-(((x - 0.4) / 0.1) ** 2))
    step = expm(-(sbp.first + sbp.penalty_left).matrix().toarray())
    energy = [np.sum(w * u * u)]
    for _ in range(100):
        u = step @ u
        energy.append(np.sum(w * u * u))
    growth = max(energy) / energy[0] - 1
    figure(f"SBP {order}, advection with SAT, 100 crossings: growth of the energy", growth, "none")
    assert growth <= 1e-12
    for name, free in (("free ends (SAT)", slice(None)), ("fixed ends (strong)", slice(1, -1))):
        K = sbp.stiffness.matrix().toarray()[free, free]
        H = w[free]
        m = H.size
        wave = expm(np.block([[np.zeros((m, m)), np.eye(m)], [K, np.zeros((m, m))]]))
        q = np.concatenate([np.exp(-(((x[free] - 0.4) / 0.1) ** 2)), np.zeros(m)])

        def measure(q, H=H, K=K, m=m):
            return 0.5 * np.sum(H * q[m:] ** 2) - 0.5 * q[:m] @ (H[:, None] * K) @ q[:m]

        start, worst = measure(q), 0.0
        for _ in range(100):
            q = wave @ q
            worst = max(worst, measure(q) / start - 1)
        figure(f"SBP {order}, wave with {name}, 100 crossings: growth of the energy", worst, "none")
        assert worst <= 1e-8  # rounding of a hundred dense products


# ------------------------------------------------------------------------------------------- functions


def test_derivatives_of_functions_with_error_bars():
    x = np.array([0.3, 1.1])
    for method in ("auto", "complex", "adaptive", "extrapolated"):
        d = pk.function_derivative(lambda t: np.exp(np.sin(t)), x, method=method)
        true = np.cos(x) * np.exp(np.sin(x))
        assert np.all(np.abs(d.value - true) <= np.maximum(20 * d.error, 1e-13)) and np.all(d.error < 1e-7)
    second = pk.function_derivative(lambda t: np.exp(np.sin(t)), x, 2)
    assert np.allclose(second.value, (np.cos(x) ** 2 - np.sin(x)) * np.exp(np.sin(x)), rtol=1e-8)
    rough = pk.function_derivative(np.abs, np.array([0.7, -0.4]))  # not analytic: the complex step is not taken
    assert np.allclose(rough.value, [1, -1])
    with pytest.raises(SolverError, match="complex step"):
        pk.function_derivative(np.abs, 0.7, method="complex")


def test_jacobian_gradient_hessian_directional():
    def f(x):
        return x[0] ** 2 * x[1] + np.sin(x[1] * x[2])

    p = np.array([1.3, 0.7, -0.4])
    c = np.cos(p[1] * p[2])
    gradient = [2 * p[0] * p[1], p[0] ** 2 + p[2] * c, p[1] * c]
    assert np.allclose(pk.function_gradient(f, p).value, gradient, rtol=1e-14)
    assert pk.directional_function_derivative(f, p, [1, 2, 3]).value == pytest.approx(np.dot([1, 2, 3], gradient))
    s = np.sin(p[1] * p[2])
    hessian = [
        [2 * p[1], 2 * p[0], 0],
        [2 * p[0], -(p[2] ** 2) * s, c - p[1] * p[2] * s],
        [0, c - p[1] * p[2] * s, -(p[1] ** 2) * s],
    ]
    found = pk.function_hessian(f, p)
    assert np.allclose(found.value, hessian, atol=1e-10) and np.max(found.error) < 1e-6
    assert pk.function_jacobian(lambda x: np.array([x[0], x[0] * x[1]]), p[:2]).value.shape == (2, 2)


def test_sparse_coloured_jacobian_of_a_large_right_hand_side(figure):
    """2,048 unknowns, stencil width 3."""
    from pdekit.discretize.colouring import ColouredJacobian, box_pattern

    grid = pk.Grid(x=pk.Axis(0, 1, 2048))
    D = pk.derivative(grid, "x", 2, boundary={"x": pk.Neumann(0)}).matrix()
    calls = []

    def rhs(y):
        calls.append(1)
        return D @ y - y**3

    y = np.random.default_rng(0).standard_normal(2048)
    coloured = ColouredJacobian(box_pattern(grid, 1, closures=False))
    exact = D - 3 * np.diag(y**2)
    J = coloured.evaluate(rhs, y)
    assert np.max(np.abs(J.toarray() - exact)) < 1e-6
    calls.clear()
    coloured.evaluate(rhs, y)
    figure("coloured Jacobian of 2,048 unknowns, evaluations (stencil width 3)", float(len(calls)), "<= 4")
    assert len(calls) <= 4


def test_check_jacobian():
    problem = pk.Problem(
        pk.PDE(["u_t = div((1 + u**2)*grad(u)) - u*v", "v_t = laplace(v) + sin(u)*v_x"]),
        pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 1, 8, periodic=True)),
        initial={"u": "1 + x", "v": "y"},
        boundary={"u": {"x": pk.Neumann(0)}, "v": {"x": pk.Dirichlet(1)}},
    )
    found = pk.check_jacobian(problem)
    assert found.passed and found.complex_step < 1e-13 and "PASS" in str(found)
    system = problem.semidiscrete
    true = system.jacobian

    class Broken:
        def __get__(self, *_):
            return lambda t, y: true(t, y) * 1.001

    import unittest.mock

    with unittest.mock.patch.object(type(system), "jacobian", Broken()):
        broken = pk.check_jacobian(problem)
    assert not broken.passed and "at x = " in broken.worst


# ------------------------------------------------------------------------------------------- data


def test_error_estimates_track_the_error_and_change_nothing():
    grid = pk.Grid(x=pk.Axis(0, 1, 81))
    u = grid.field("exp(sin(3*x))")
    before = pk.derivative(grid, "x", order=2).matrix().copy()
    estimate = pk.derivative_with_error(u, "x", order=2)
    true = np.abs(estimate.value.values - grid.field("3*cos(3*x)*exp(sin(3*x))").values)
    assert np.all(true <= 1.5 * estimate.error.values + 1e-6)
    assert abs(pk.derivative(grid, "x", order=2).matrix() - before).max() == 0


def test_savitzky_golay_is_exact_on_its_polynomials():
    grid = pk.Grid(x=pk.Axis(0, 1, 41))
    u = grid.field("x**3 - 2*x")
    assert abs(pk.smooth_derivative(u, "x", window=9) - grid.field("3*x**2 - 2")).max() < 1e-10
    assert abs(pk.smooth_derivative(u, "x", 2, window=9) - grid.field("6*x")).max() < 1e-8
    with pytest.raises(GridError, match="window"):
        pk.smooth_derivative(u, "x", window=3)


def test_xarray_derivatives_keep_coordinates():
    x, y = np.linspace(0, 1, 21), np.linspace(2, 0, 11)
    array = xarray.DataArray(
        x[:, None] ** 2 * y**3, coords={"x": x, "y": y}, dims=("x", "y"), name="u", attrs={"units": "K"}
    )
    found = pk.differentiate(array, "y", 2, order=4)
    assert np.allclose(found.values, x[:, None] ** 2 * 6 * y, atol=1e-9)
    assert found.dims == array.dims and found.attrs == {"units": "K"} and np.array_equal(found.y, array.y)
    expected = array.differentiate("x")
    assert np.allclose(pk.differentiate(array, "x").values[1:-1], expected.values[1:-1])
    with pytest.raises(GridError, match="unknown coordinate"):
        pk.differentiate(array, "z")
