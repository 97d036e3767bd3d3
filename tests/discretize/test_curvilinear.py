"""Polar, cylindrical and spherical coordinates: every operator against Cartesian calculus, poles included."""

from itertools import pairwise

import numpy as np
import pytest
import sympy as sp
from scipy.special import j0, jn_zeros

import pdekit as pk
from pdekit.errors import PdekitError
from pdekit.io.load import loads

TURN = 2 * np.pi
X, Y, Z = sp.symbols("X Y Z")
VECTOR = [sp.exp(X / 2) * sp.sin(Y + 0.3) + Z * Y / 3, sp.cos(X - Y / 2) + Z**2 / 3, sp.sin(X + Y / 2) * sp.cos(Z)]
SCALAR = sp.exp(X / 2) * sp.sin(Y + 0.3) * sp.cos(Z / 2)


def orders(errors, ratio=2.0):
    return [float(np.log(a / b) / np.log(ratio)) for a, b in pairwise(errors)]


def make(system, n, start=0.0):
    r, phi = pk.Axis(start, 1, n), pk.Axis(0, TURN, 2 * n, periodic=True)
    if system == "polar":
        return pk.Grid(r=r, phi=phi, coordinates=system)
    if system == "cylindrical":
        return pk.Grid(r=r, phi=phi, z=pk.Axis(-0.3, 0.7, n), coordinates=system)
    theta = pk.Axis(0, np.pi, n) if start == 0 else pk.Axis(0.4, 2.3, n)
    return pk.Grid(r=r, theta=theta, phi=phi, coordinates=system)


def frame(grid):
    """Cartesian coordinates of the nodes, and the unit vectors there in Cartesian components."""
    q = np.broadcast_arrays(*grid.coordinates.values())
    zero, one = np.zeros(grid.shape), np.ones(grid.shape)
    if grid.system == "spherical":
        r, t, p = q
        (st, ct), (sp_, cp) = (np.sin(t), np.cos(t)), (np.sin(p), np.cos(p))
        basis = [[st * cp, st * sp_, ct], [ct * cp, ct * sp_, -st], [-sp_, cp, zero]]
        return (r * st * cp, r * st * sp_, r * ct), np.array(basis)
    r, p = q[:2]
    basis = [[np.cos(p), np.sin(p), zero], [-np.sin(p), np.cos(p), zero], [zero, zero, one]]
    z = q[2] if len(q) == 3 else zero
    d = grid.ndim
    return (r * np.cos(p), r * np.sin(p), z), np.array([row[:d] for row in basis[:d]])


class Truth:
    """True values of Cartesian fields and their derivatives, in the grid's components."""

    def __init__(self, grid):
        self.grid, self.x = grid, [X, Y, Z][: grid.ndim]
        self.place, self.basis = frame(grid)

    def scalar(self, expression):
        value = sp.lambdify((X, Y, Z), self._flat(expression), "numpy")(*self.place)
        return np.broadcast_to(value, self.grid.shape)

    def vector(self, components):
        return np.einsum("ia...,a...->i...", self.basis, np.array([self.scalar(c) for c in components]))

    def tensor(self, rows):
        values = np.array([[self.scalar(c) for c in row] for row in rows])
        return np.einsum("ia...,ab...,jb...->ij...", self.basis, values, self.basis)

    def _flat(self, expression):
        return expression if self.grid.ndim == 3 else expression.subs(Z, 0)

    @property
    def v(self):
        return [self._flat(c) for c in VECTOR[: self.grid.ndim]]

    @property
    def s(self):
        return self._flat(SCALAR)


def operator_errors(grid, order):
    truth = Truth(grid)
    x, v, s = truth.x, truth.v, truth.s
    V, S = truth.vector(v), truth.scalar(s)
    if grid.ndim == 2:
        turned = truth.scalar(sp.diff(v[1], X) - sp.diff(v[0], Y))
    else:
        turned = truth.vector(
            [
                sp.diff(v[2], Y) - sp.diff(v[1], Z),
                sp.diff(v[0], Z) - sp.diff(v[2], X),
                sp.diff(v[1], X) - sp.diff(v[0], Y),
            ]
        )
    products = [[a * b for b in v] for a in v]
    pairs = {
        "grad": (pk.grad(grid, order=order)(S), truth.vector([sp.diff(s, a) for a in x])),
        "laplacian": (pk.laplacian(grid, order=order)(S), truth.scalar(sum(sp.diff(s, a, 2) for a in x))),
        "hessian": (pk.hessian(grid, order=order)(S), truth.tensor([[sp.diff(s, a, b) for b in x] for a in x])),
        "div": (pk.div(grid, order=order)(V), truth.scalar(sum(sp.diff(c, a) for c, a in zip(v, x)))),
        "curl": (pk.curl(grid, order=order)(V), turned),
        "grad_vector": (pk.grad_vector(grid, order=order)(V), truth.tensor([[sp.diff(c, a) for a in x] for c in v])),
        "div_tensor": (
            pk.div_tensor(grid, order=order)(truth.tensor(products)),
            truth.vector([sum(sp.diff(p, a) for p, a in zip(row, x)) for row in products]),
        ),
        "vector_laplacian": (
            pk.vector_laplacian(grid, order=order)(V),
            truth.vector([sum(sp.diff(c, a, 2) for a in x) for c in v]),
        ),
    }
    return {name: float(np.max(np.abs(found - true))) for name, (found, true) in pairs.items()}


@pytest.mark.parametrize(
    ("system", "start", "sizes"),
    [
        ("polar", 0.5, (32, 64)),
        ("polar", 0.0, (32, 64)),
        ("cylindrical", 0.5, (12, 24)),
        ("cylindrical", 0.0, (12, 24)),
        ("spherical", 0.5, (12, 24)),
        ("spherical", 0.0, (12, 24)),
    ],
)
@pytest.mark.parametrize("order", [2, 4])
def test_every_operator_has_its_order_poles_included(system, start, sizes, order, figure):
    coarse, fine = (operator_errors(make(system, n, start), order) for n in sizes)
    for name, error in fine.items():
        observed = np.log2(coarse[name] / error)
        assert observed > order - 0.35, (name, observed, error)
    worst = min(np.log2(coarse[n] / fine[n]) for n in fine)
    figure(
        f"{system} operators from r = {start:g}, order {order}: least observed order",
        worst,
        ">= order (12 to 64 points)",
    )


@pytest.mark.parametrize("start", [0.0, 0.5])
@pytest.mark.parametrize("order", [2, 4])
def test_biharmonic_on_the_disc(start, order):
    errors = []
    for n in (8, 16) if start == 0 else (12, 24):  # few points: next to the pole its rounding grows like h^-8
        grid = make("polar", n, start)
        truth = Truth(grid)
        true = truth.scalar(sum(sp.diff(truth.s, a, 2, b, 2) for a in truth.x for b in truth.x))
        errors.append(float(np.max(np.abs(pk.biharmonic(grid, order=order)(truth.scalar(truth.s)) - true))))
    assert orders(errors)[0] > order - 0.1


@pytest.mark.parametrize(("order", "bound"), [(2, 1.9), (4, 3.9)])
def test_laplacian_on_the_disc(order, bound, figure):
    modes, bessel = [], []
    for n in (20, 40, 80):
        grid = make("polar", n)
        L = pk.laplacian(grid, order=order)
        modes.append(float(abs(L(grid.field("r**2*cos(2*phi)"))).max()))
        u = grid.field(lambda r, phi: j0(5 * r) + 0 * phi)
        bessel.append(float(abs(L(u) + 25 * u).max()))
    for name, errors in (("r^2 cos 2 phi", modes), ("J0(5 r)", bessel)):
        assert min(orders(errors)) > bound
        figure(f"polar Laplacian of {name}, order {order}, r = 0 included", orders(errors)[-1], f">= {order}")


@pytest.mark.parametrize("system", ["polar", "cylindrical", "spherical"])
def test_apply_equals_matrix_and_identities_hold(system):
    grid, rng = make(system, 8), np.random.default_rng(5)
    u = rng.standard_normal(grid.shape)
    scalar = [
        pk.laplacian(grid),
        pk.laplacian(grid, order=4),
        pk.diffusion(grid, "1 + r"),
        pk.diffusion(grid, "1 + r", order=4),
        pk.derivative(grid, {"r": 1, "phi": 2}, order=4),
        pk.biharmonic(grid),
    ]
    for operator in scalar:
        assert (
            np.max(np.abs(operator(u).ravel() - operator.matrix() @ u.ravel())) <= 1e-12 * abs(operator.matrix()).max()
        )
    V = rng.standard_normal((grid.ndim, *grid.shape))
    for make_operator in (pk.div, pk.curl, pk.vector_laplacian, pk.grad_vector):
        operator = make_operator(grid, order=4)
        assert (
            np.max(np.abs(operator(V).ravel() - operator.matrix() @ V.ravel())) <= 1e-12 * abs(operator.matrix()).max()
        )
    curl_grad = pk.curl(grid) @ pk.grad(grid)
    scale = abs(pk.curl(grid).matrix()).max() * abs(pk.grad(grid).matrix()).max()
    assert np.max(np.abs(curl_grad(u))) < 1e-12 * scale
    if system != "spherical":
        rotated = pk.curl_scalar(grid)(u) if grid.ndim == 2 else pk.curl(grid)(V)
        assert np.max(np.abs(pk.div(grid)(rotated))) < 1e-12 * scale


@pytest.mark.parametrize("system", ["polar", "cylindrical", "spherical"])
def test_volume_is_exact(system):
    grid = make(system, 7)
    volume = {"polar": np.pi, "cylindrical": np.pi, "spherical": 4 / 3 * np.pi}[system]
    assert float(grid.field(1.0).integral()) == pytest.approx(volume, rel=1e-14)
    radial = pk.Grid(r=(0.5, 2, 9), coordinates=system)
    shell = {"polar": np.pi * (4 - 0.25), "spherical": 4 / 3 * np.pi * (8 - 0.125)}
    assert float(radial.field(1.0).integral()) == pytest.approx(shell.get(system, np.pi * 3.75), rel=1e-14)


def heat_in_a_ball(points, order=2):
    return pk.Problem(
        pk.PDE("u_t = laplace(u)"),
        pk.Grid(r=pk.Axis(0, 1, points), coordinates="spherical"),
        initial={"u": "1 - r**2"},
        boundary={"u": {"r": pk.Dirichlet(0)}},
        order=order,
    )


def test_radial_heat_in_a_ball_against_the_series(figure):
    t, errors, sizes = 0.1, [], (21, 41, 81)
    for n in sizes:
        solution = heat_in_a_ball(n).solve(t_end=t, rtol=1e-10, atol=1e-12)
        r = solution.grid["r"].nodes
        # r u = sum b_k sin(k pi r) with b_k = 12 (-1)^(k+1) / (k pi)^3, the sine series of r - r^3
        k = np.arange(1, 40)[:, None] * np.pi
        series = np.sum(-12 * np.cos(k) / k**3 * np.exp(-(k**2) * t) * np.sin(k * r), axis=0) / r
        errors.append(float(np.max(np.abs(solution["u"].values - series))))
    observed = [
        np.log(a / b) / np.log((m - 0.5) / (n - 0.5)) for a, b, n, m in zip(errors, errors[1:], sizes, sizes[1:])
    ]
    assert min(observed) > 1.95 and errors[-1] < 1e-4
    figure("radial heat in a ball against its series, observed order", observed[-1], "2")


NO_FLUX = {
    "ball, r": ("spherical", {"r": pk.Axis(0, 1, 24)}, "1 + r"),
    "ball, all": (
        "spherical",
        {"r": pk.Axis(0, 1, 8), "theta": pk.Axis(0, np.pi, 8), "phi": pk.Axis(0, TURN, 10, periodic=True)},
        "1 + 0.5*r*cos(theta) + 0.1*u**2",
    ),
    "disc": ("polar", {"r": pk.Axis(0, 1, 12), "phi": pk.Axis(0, TURN, 16, periodic=True)}, "where(r < 0.37, 1, 50)"),
    "cylinder": ("cylindrical", {"r": pk.Axis(0, 1, 12), "z": pk.Axis(0, 2, 13, spacing={"tanh": 2})}, "1 + r*z"),
    "wedge": ("polar", {"r": pk.Axis(0.5, 1, 12), "phi": pk.Axis(0, 2, 11)}, "2 + cos(phi)"),
}


@pytest.mark.parametrize("name", NO_FLUX)
def test_no_flux_conserves_heat(name, figure):
    system, axes, k = NO_FLUX[name]
    grid = pk.Grid(axes, coordinates=system)
    closed = {
        axis: ({"right": pk.Neumann(0)} if grid.poles(axis) else pk.Neumann(0))
        for axis in grid
        if not grid[axis].periodic and len(grid.poles(axis)) < 2
    }
    start = "exp(-5*r)*(1 + 0.4*cos(phi))" if "phi" in axes else "exp(-5*r)"
    problem = pk.Problem(pk.PDE(f"u_t = div(({k})*grad(u))"), grid, initial={"u": start}, boundary={"u": closed})
    solution = problem.solve(t_end=0.05)
    drift = abs(solution["u"].integral() / grid.field(start).integral() - 1)
    assert drift < 1e-12 and solution["u"].max() < 0.9 * grid.field(start).max()
    figure(f"heat under no-flux, {name}: relative drift", drift, "<= 1e-12")


GRIDS = {
    "disc": ("polar", {"r": pk.Axis(0, 1, 16), "phi": pk.Axis(0, TURN, 24, periodic=True)}),
    "wedge": ("polar", {"r": pk.Axis(0.5, 1, 12), "phi": pk.Axis(0, 1.5, 12)}),
    "rod": ("cylindrical", {"r": pk.Axis(0, 1, 12), "z": pk.Axis(-1, 1, 13)}),
    "ball": ("spherical", {"r": pk.Axis(0, 1, 12), "theta": pk.Axis(0, np.pi, 12)}),
    "sphere": ("spherical", {"theta": pk.Axis(0, np.pi, 12), "phi": pk.Axis(0, TURN, 24, periodic=True)}),
}


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("name", GRIDS)
def test_manufactured_solutions_converge(name, order):
    system, axes = GRIDS[name]
    grid = pk.Grid(axes, coordinates=system)
    bounded = [n for n in grid if not grid[n].periodic and len(grid.poles(n)) < 2]
    boundary = {n: pk.Robin(1, 1) if n == "r" else pk.Neumann(0) for n in bounded}
    problem = pk.Problem(
        pk.PDE("u_t = laplace(u) + div((1 + u**2)*grad(u)) - dot(grad(u), grad(u))"),
        grid,
        initial={"u": "1"},
        boundary={"u": boundary},
        order=order,
    )
    n = grid.shape[0]
    study = pk.converge(problem, points=[n, 2 * n], against="manufactured", t_end=0.05)
    assert study.orders("u")[-1] > order - 0.3


@pytest.mark.parametrize("order", [2, 4])
def test_vector_equations_with_odd_components(order):
    """Diffusion of a velocity in a disc: its components turn at the pole and are odd there."""
    v = "[vr, vphi]"
    boundary = {"r": {"left": pk.Pole("odd"), "right": pk.Dirichlet(0)}}
    problem = pk.Problem(
        pk.PDE([f"vr_t = dot([1, 0], laplace({v}))", f"vphi_t = dot([0, 1], laplace({v}))"]),
        make("polar", 12),
        initial={"vr": "0", "vphi": "0"},
        boundary={"vr": boundary, "vphi": boundary},
        order=order,
    )
    study = pk.converge(problem, points=[12, 24] if order == 2 else [24, 48], against="manufactured", t_end=0.02)
    assert min(study.orders(n)[-1] for n in ("vr", "vphi")) > order - 0.4


def test_stokes_eigenmode_of_a_turning_disc():
    """v_phi = J1(j11 r) exp(-j11^2 t) solves v_t = laplace(v): the term -v/r^2 is in the vector Laplacian."""
    j11 = 3.8317059702075125
    problem = pk.Problem(
        pk.PDE(["vr_t = dot([1, 0], laplace([vr, vphi]))", "vphi_t = dot([0, 1], laplace([vr, vphi]))"]),
        make("polar", 20),
        initial={"vr": "0", "vphi": f"besselj(1, {j11}*r)"},
        boundary={n: {"r": {"left": pk.Pole("odd"), "right": pk.Dirichlet(0)}} for n in ("vr", "vphi")},
        exact={"vr": "0", "vphi": f"exp(-{j11}**2*t)*besselj(1, {j11}*r)"},
    )
    study = pk.converge(problem, points=[10, 20, 40], t_end=0.05)
    assert study.orders("vphi")[-1] == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("order", [2, 4])
def test_drum_frequencies(order):
    """The Dirichlet spectrum of the disc is -j_mn^2, real and negative."""
    grid = make("polar", 16)
    A = pk.laplacian(grid, order=order, boundary={"r": pk.Dirichlet(0)}).matrix().toarray()
    free = np.ones(grid.shape, dtype=bool)
    free[-1] = False
    values = np.linalg.eigvals(A[np.ix_(free.ravel(), free.ravel())])
    assert np.max(np.abs(values.imag)) < 1e-9 * np.max(np.abs(values)) and np.max(values.real) < 0
    lowest = np.sort(-values.real)[:4]
    zeros = [jn_zeros(0, 1)[0], jn_zeros(1, 1)[0], jn_zeros(1, 1)[0], jn_zeros(2, 1)[0]]
    assert np.allclose(np.sqrt(lowest), zeros, rtol=0.02 if order == 2 else 0.002)


def test_interpolation_goes_on_across_the_pole():
    errors = []
    for n in (16, 32):
        grid = make("polar", n)
        u = grid.field("exp(r*cos(phi))*sin(2*r*sin(phi) + 0.3)")
        near = np.array([[0.0, 1.0], [0.3 / n, 2.0], [0.01, 4.0]])
        x, y = near[:, 0] * np.cos(near[:, 1]), near[:, 0] * np.sin(near[:, 1])
        errors.append(float(np.max(np.abs(u.interpolate(near) - np.exp(x) * np.sin(2 * y + 0.3)))))
    assert orders(errors)[0] > 3.5 and errors[1] < 1e-4


def test_poisson_with_insulated_rim_has_zero_mean():
    problem = pk.Problem(
        pk.PDE("0 = laplace(u) - (9*r**2 - 3*r)*cos(phi)/r + 0*r"),
        make("polar", 24),
        boundary={"u": {"r": pk.Neumann("cos(phi)")}},
    )
    solution = problem.solve()
    assert abs(solution["u"].mean()) < 1e-12


def test_python_right_hand_side_sees_across_the_pole():
    grid = make("polar", 8)
    L = pk.laplacian(grid, boundary={"r": pk.Neumann(0)})
    problem = pk.Problem(
        pk.PDE(rhs=lambda u: L(u) - u**3, unknowns=["u"], reach=1),
        grid,
        initial={"u": "1 + 0.3*cos(phi)*r"},
        boundary={},
    )
    system = problem.semidiscrete
    y = system.pack(problem.initial_fields())
    exact = L.matrix().toarray() - np.diag(3 * y**2)
    assert np.max(np.abs(system.jacobian(0.0, y).toarray() - exact)) < 1e-10 * np.max(np.abs(exact))


def test_config_and_file_keep_the_coordinates(tmp_path):
    text = """
    coordinates: spherical
    grid:
      r: {range: [0, 2], points: 12, spacing: {power: 1.5}, unit: m}
      theta: {range: [0, pi], points: 8}
    equations: u_t = laplace(u)
    initial: {u: exp(-r**2)}
    boundary: {u: {r: {dirichlet: 0}}}
    time: {end: 0.01}
    """
    problem = loads(text)
    assert problem.grid["theta"].offset == "both" and problem.grid["r"].offset == "left"
    assert loads(problem.to_yaml()).grid == problem.grid
    namespace: dict = {}
    exec(problem.to_python(), namespace)
    assert namespace["problem"].grid == problem.grid
    problem.solve(output=tmp_path / "ball.h5")
    again = pk.open_result(tmp_path / "ball.h5")
    assert again.grid == problem.grid and again["u"].integral() > 0


@pytest.mark.parametrize(
    ("make_grid", "message"),
    [
        (lambda: pk.Grid(x=(0, 1, 5), coordinates="polar"), "not a coordinate of a polar grid"),
        (lambda: pk.Grid(r=(0, 1, 5), coordinates="toroidal"), "allowed are"),
        (lambda: pk.Grid(phi=(0, 1, 5), coordinates="polar"), "has the axes"),
        (lambda: pk.Grid(r=(-1, 1, 5), coordinates="polar"), "begins at 0"),
        (lambda: pk.Grid(r=(0, 1, 5), theta=(0, 4, 5), coordinates="spherical"), "lies in"),
        (lambda: pk.Grid(r=(0, 1, 5), phi=pk.Axis(0, TURN, 9, periodic=True), coordinates="polar"), "even number"),
        (lambda: pk.Grid(r=(0, 1, 5), phi=(0, 1, 9), coordinates="polar"), "must be periodic"),
        (lambda: pk.Grid(r=(1, 2, 5), phi=pk.Axis(0, 4, 8, periodic=True), coordinates="polar"), "whole part"),
        (lambda: pk.Grid(r=pk.Axis(nodes=[0, 1, 2]), coordinates="polar"), "stands on the pole"),
        (lambda: pk.Grid(x=pk.Axis(0, 1, 5, offset="left")), "poles of curved coordinates only"),
    ],
)
def test_refusals(make_grid, message):
    with pytest.raises(PdekitError, match=message):
        make_grid()


def test_conditions_on_a_pole_are_refused():
    problem = heat_in_a_ball(11)
    with pytest.raises(PdekitError, match=r"boundary\.u\.r\.left.*pole"):
        problem.replace(boundary={"u": {"r": {"left": pk.Neumann(0), "right": pk.Neumann(0)}}})
    with pytest.raises(PdekitError, match="not a pole"):
        problem.replace(boundary={"u": {"r": {"right": pk.Pole()}}})
    with pytest.raises(PdekitError, match="definition"):
        problem.replace(pde=pk.PDE("u_t = -biharmonic(u)"))


def error_orders(problem, points):
    return pk.converge(problem, points=points, against="manufactured", t_end=0.05).orders("c")


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize(
    "equation",
    [
        "c_t = 0.02*laplace(c) - div([cos(phi)*c, -sin(phi)*c])",
        "c_t = div((1 + r**2*cos(2*phi)/2)*grad(c)) + laplace(r**2*c)/5",
        "c_t = laplace(c) + d(r*cos(phi)*c**2, r)/7",
    ],
)
def test_expressions_cross_the_pole_with_their_own_parity(equation, order):
    """cos(phi) c and r c are odd across r = 0; taken as even their first row would be wrong at any order."""
    problem = pk.Problem(
        pk.PDE(equation), make("polar", 16), initial={"c": "1"}, boundary={"c": {"r": pk.Robin(1, 1)}}, order=order
    )
    assert error_orders(problem, [16, 32])[-1] > order - 0.3


def test_compression_in_a_disc_is_what_it_is_when_written_out():
    centre = []
    for equation in ("c_t = 0.1*laplace(c) - div([r*c])", "c_t = 0.1*laplace(c) - 2*c - r*c_r"):
        grid = pk.Grid(r=pk.Axis(0, 3, 64), coordinates="polar")
        problem = pk.Problem(
            pk.PDE(equation), grid, initial={"c": "exp(-r**2)"}, boundary={"c": {"r": pk.Dirichlet(0)}}
        )
        centre.append(problem.solve(t_end=0.5)["c"].values[0])
    assert centre[0] == pytest.approx(centre[1], rel=2e-3)


def test_a_coefficient_that_is_neither_even_nor_odd_is_refused_above_order_two():
    problem = pk.Problem(
        pk.PDE("c_t = div((1 + r)*grad(c))"),
        make("polar", 16),
        initial={"c": "1"},
        boundary={"c": {"r": pk.Neumann(0)}},
    )
    with pytest.raises(PdekitError, match="neither"):
        problem.replace(order=4)


def test_curl_of_a_stream_function_around_an_axis():
    """On (r, z) and (r, theta) the scalar is a component along phi: curl (s e_phi) has no divergence."""
    grid = pk.Grid(r=(0, 1, 24), z=(0, 1, 24), coordinates="cylindrical")
    assert abs((pk.div(grid) @ pk.curl_scalar(grid))(grid.field("r*z*exp(-r**2)"))).max() < 1e-11
    errors = []
    for n in (12, 24):
        grid = pk.Grid(r=(0, 1, n), theta=(0, np.pi, n), coordinates="spherical")
        found = pk.curl_scalar(grid)(grid.field("r*sin(theta)*exp(-r**2)"))
        true = ["2*cos(theta)*exp(-r**2)", "-(2 - 2*r**2)*sin(theta)*exp(-r**2)"]
        errors.append(max(abs(found[i] - grid.field(text)).max() for i, text in enumerate(true)))
    assert orders(errors)[0] > 1.9


@pytest.mark.parametrize(("offset", "message"), [("right", "its pole is at the left"), ("both", "leave offset out")])
def test_an_offset_that_contradicts_the_poles_is_refused(offset, message):
    with pytest.raises(PdekitError, match=message):
        pk.Grid(r=pk.Axis(0, 1, 8, offset=offset), coordinates="polar")
    same = pk.Grid(r=pk.Axis(0, 1, 8, offset="left"), coordinates="polar")
    assert same == pk.Grid(r=pk.Axis(0, 1, 8), coordinates="polar")
