"""Order in space, spectra, conservation and layered media: the whole domain in the max norm."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import pdekit as pk
from pdekit.stencils.rows import derivative_rows, flux_rows
from pdekit.stencils.weights import Functional

x, t = sp.symbols("x t")
U = sp.exp(-t) * sp.exp(x) * sp.sin(3 * x + sp.Rational(3, 10))
SOURCE = str(sp.diff(U, t) - sp.diff(U, x, 2))
LEAST = {2: 1.95, 4: 3.8, 6: 5.7}


def text(expression) -> str:
    """In pdekit's language, where Euler's number is e."""
    return str(expression.subs(sp.E, sp.Symbol("e")))


def condition(kind: str, side: str):
    sign = -1 if side == "left" else 1
    at = 0 if side == "left" else 1
    value, slope = U.subs(x, at), sign * sp.diff(U, x).subs(x, at)
    return {
        "dirichlet": pk.Dirichlet(text(value)),
        "neumann": pk.Neumann(text(slope)),
        "robin": pk.Robin(1.5, 0.8, text(1.5 * value + 0.8 * slope)),
    }[kind]


def error(kind: str, order: int, spacing, points: int) -> float:
    problem = pk.Problem(
        pk.PDE(f"u_t = u_xx + {SOURCE}"),
        pk.Grid(x=pk.Axis(0, 1, points, spacing=spacing)),
        initial={"u": str(U.subs(t, 0))},
        boundary={"u": {"x": {side: condition(kind, side) for side in ("left", "right")}}},
        exact={"u": str(U)},
        order=order,
    )
    return problem.solve(t_end=0.3, rtol=1e-12, atol=1e-14, method="Radau", times=()).error("u")


@pytest.mark.parametrize("spacing", [None, {"tanh": 2.5}], ids=["uniform", "tanh"])
@pytest.mark.parametrize("kind", ["dirichlet", "neumann", "robin"])
@pytest.mark.parametrize("order", [2, 4, 6])
def test_order_in_space(kind, order, spacing, figure):
    sizes = {2: (41, 81), 4: (81, 161), 6: (25, 49)}[order]
    coarse, fine = (error(kind, order, spacing, n) for n in sizes)
    observed = np.log(coarse / fine) / np.log((sizes[1] - 1) / (sizes[0] - 1))
    name = "uniform" if spacing is None else "tanh"
    figure(f"order in space, {kind}, {name}, order {order}", observed, f">= {LEAST[order]}")
    assert observed >= LEAST[order]


CONDITIONS = {"dirichlet": (1.0,), "neumann": (0.0, 1.0), "robin": (1.0, 2.0)}


def functional(kind: str, side: str) -> Functional:
    sign = -1.0 if side == "left" else 1.0
    return Functional(0.0 if side == "left" else 1.0, tuple(a * sign**k for k, a in enumerate(CONDITIONS[kind])))


def free_matrix(rows, left: str, right: str):
    start, stop = int(left == "dirichlet"), rows.shape[0] - int(right == "dirichlet")
    return rows[start:stop, start:stop]


@pytest.mark.parametrize("order", [2, 4, 6])
@pytest.mark.parametrize("left", CONDITIONS)
@pytest.mark.parametrize("right", CONDITIONS)
def test_spectrum_of_second_derivative(order, left, right, figure):
    n = 60
    axis = pk.Axis(0, 1, n)
    ends = [functional(left, "left")], [functional(right, "right")]
    A = derivative_rows(axis, 2, order, *ends, closure="stable").matrix.toarray()
    values = np.linalg.eigvals(free_matrix(A, left, right)) * axis.step**2
    imaginary, greatest = np.max(np.abs(values.imag)), np.max(values.real)
    figure(
        f"spectrum of u'' h^2, order {order}, {left}-{right}: max Im, max Re",
        f"{imaginary:.1e}, {greatest:.1e}",
        "<= 1e-9",
    )
    assert imaginary <= 1e-9
    assert greatest <= 1e-9


def test_eigenvalues_are_those_of_the_conditions():
    """Neumann ends give (k pi)^2 from k = 0, Dirichlet ends from k = 1: never the one for the other."""
    axis = pk.Axis(0, 1, 80)
    for kind, first in (("neumann", 0), ("dirichlet", 1)):
        ends = [functional(kind, "left")], [functional(kind, "right")]
        A = derivative_rows(axis, 2, 6, *ends, closure="stable").matrix.toarray()
        values = np.sort(-np.linalg.eigvals(free_matrix(A, kind, kind)).real)[:4]
        assert np.allclose(values, [(k * np.pi) ** 2 for k in range(first, first + 4)], rtol=1e-6, atol=1e-6)


BEAM = {
    "clamped": [(1.0,), (0.0, 1.0)],
    "hinged": [(1.0,), (0.0, 0.0, 1.0)],
    "guided": [(0.0, 1.0), (0.0, 0.0, 0.0, 1.0)],
    "free": [(0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 1.0)],
}


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("left", BEAM)
@pytest.mark.parametrize("right", BEAM)
def test_beams_have_real_frequencies(order, left, right):
    """The fourth derivative under every pair of ends has a real spectrum without negative values: no growing modes."""
    axis = pk.Axis(0, 1, 40)
    ends = []
    for kind, at, sign in ((left, 0.0, -1.0), (right, 1.0, 1.0)):
        ends.append([Functional(at, tuple(a * sign**k for k, a in enumerate(c))) for c in BEAM[kind]])
    A = derivative_rows(axis, 4, order, *ends, closure="stable").matrix.toarray()
    start, stop = int(left in ("clamped", "hinged")), 40 - int(right in ("clamped", "hinged"))
    values = np.linalg.eigvals(A[start:stop, start:stop]) * axis.step**4
    assert np.max(np.abs(values.imag)) <= 1e-6
    assert np.min(values.real) >= -1e-9


def test_cantilever_frequency():
    """The first bending mode of a cantilever: beta = 1.8751040687119611."""
    grid = pk.Grid(x=pk.Axis(0, 1, 81))
    ends = {"left": [pk.Dirichlet(0), pk.Neumann(0)], "right": [pk.Curvature(0), pk.BoundaryCondition((0, 0, 0, 1))]}
    A = pk.derivative(grid, "x", 4, order=4, boundary={"x": ends}).matrix().toarray()[1:, 1:]
    least = np.sort(np.linalg.eigvals(A).real)[0]
    assert least**0.25 == pytest.approx(1.8751040687119611, rel=1e-6)


@pytest.mark.parametrize("k", ["1 + 0.5*sin(3*x)*y", "where(x + y/2 < 0.8, 1, 50)*(1 + x*y)", "1 + u**2"])
def test_no_flux_diffusion_conserves_mass(k, figure):
    grid = pk.Grid(x=pk.Axis(0, 1, 33), y=pk.Axis(0, 2, 27, spacing={"tanh": 2.0}))
    problem = pk.Problem(
        pk.PDE("u_t = div(k*grad(u))", definitions={"k": k}),
        grid,
        initial={"u": "exp(-20*((x - 0.3)**2 + (y - 0.6)**2)) + 0.1*x"},
        boundary={"u": {"x": pk.Neumann(0), "y": pk.Neumann(0)}},
    )
    solution = problem.solve(t_end=0.2, rtol=1e-8, atol=1e-11, method="BDF", frames=5)
    masses = [solution.frame("u", i).integral() for i in range(5)]
    drift = np.max(np.abs(np.array(masses) / masses[0] - 1))
    assert np.ptp(solution["u"].values) < 0.5 * np.ptp(solution.frame("u", 0).values)  # it did diffuse
    figure(f"no-flux drift of the integral, 2-D, k = {k}", drift, "<= 1e-12")
    assert drift <= 1e-12


@pytest.mark.parametrize("interface", [0.37, 0.5, 0.525, 0.9999])
def test_layered_wall_is_exact_at_nodes(interface, figure):
    problem = pk.Problem(
        pk.PDE("0 = div(k*grad(u))", definitions={"k": f"where(x < {interface}, 1, 10)"}),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        boundary={"u": {"x": {"left": pk.Dirichlet(1), "right": pk.Dirichlet(0)}}},
    )
    nodes = problem.grid.axes[0].nodes
    through = np.where(nodes < interface, nodes, interface + (nodes - interface) / 10)
    exact = 1 - through / (interface + (1 - interface) / 10)
    worst = np.max(np.abs(problem.solve()["u"].values - exact))
    figure(f"steady layered wall, interface at {interface}", worst, "<= 1e-12")
    assert worst <= 1e-12


@pytest.mark.parametrize("order", [4, 6])
@pytest.mark.parametrize("kind", ["dirichlet", "neumann", "robin"])
def test_flux_form_of_high_order(order, kind):
    u = sp.exp(x) * sp.sin(3 * x + 0.3)
    k = 1 + sp.sin(2 * x) / 2
    rhs = sp.lambdify(x, sp.diff(k * sp.diff(u, x), x) - u)
    u0, u1, conductivity = (sp.lambdify(x, e) for e in (u, sp.diff(u, x), k))
    errors = []
    for n in (31, 61):
        axis = pk.Axis(0, 1, n, spacing={"tanh": 1.5})
        ends = [functional(kind, "left")], [functional(kind, "right")]
        rows = flux_rows(axis, order, *ends)
        data = [
            sum(a * d(f.at) for a, d in zip(f.coefficients, (u0, u1))) for f in (*ends[0], *ends[1]) if not f.is_value
        ]
        K = conductivity(rows.points)
        A = rows.divergence.matrix.toarray() @ (K[:, None] * rows.gradient.matrix.toarray()) - np.eye(n)
        b = rhs(axis.nodes) - rows.divergence.matrix @ (K * (rows.gradient.data @ np.array(data)))
        if kind == "dirichlet":
            for end in (0, -1):
                A[end], b[end] = np.eye(n)[end], u0(axis.nodes[end])
        errors.append(np.max(np.abs(np.linalg.solve(A, b) - u0(axis.nodes))))
    assert np.log2(errors[0] / errors[1]) >= order - 0.3


def test_fluxes_of_gradients_of_expressions_keep_their_order_at_neumann_ends():
    problem = pk.Problem(
        pk.PDE("u_t = 0.2*laplace(u) + 0.05*div(u*grad(u**2))"),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        initial={"u": "1"},
        boundary={"u": {"x": pk.Neumann(0)}},
    )
    assert pk.converge(problem, points=[21, 41], t_end=0.05, against="manufactured").orders("u")[-1] > 1.95
