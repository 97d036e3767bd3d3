"""Problems on domains that are no boxes: orders in the maximum norm, conservation, spectra, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

import pdekit as pk
from pdekit.boundary.domain_conditions import DomainConditions
from pdekit.discretize.domain_rows import domain_flux, extension
from pdekit.errors import PdekitError
from pdekit.io.load import loads
from pdekit.stencils.weights import Functional, weights
from pdekit.verification.jacobian_check import check_jacobian

U = "sin(2*x + 0.3)*exp(y) + x*exp(-t)"
SOURCE = "3*sin(2*x + 0.3)*exp(y) - x*exp(-t)"  # u_t - laplace(u)
SLOPE = "((2*cos(2*x + 0.3)*exp(y) + exp(-t))*x + sin(2*x + 0.3)*exp(y)*y)/sqrt(x**2 + y**2)"  # du/dn on circles
DISC = "x**2 + y**2 < 0.7"
SIZES = (21, 31, 41, 61, 81)
MORE_SIZES = (
    21,
    26,
    31,
    36,
    41,
    51,
    61,
    81,
    101,
    121,
)  # errors at cut cells come and go with where the boundary passes


def box(n: int) -> pk.Grid:
    """Neither its middle nor its steps fit the disc."""
    return pk.Grid(x=pk.Axis(-1, 1.05, n), y=pk.Axis(-1.1, 1, n))


def on_disc(n: int, equation: str, condition, exact: str = U, **options) -> pk.Problem:
    start = {"u": exact.replace("exp(-t)", "1")}
    return pk.Problem(
        pk.PDE(equation),
        box(n),
        initial=start,
        boundary={"u": {"domain": condition}},
        exact={"u": exact},
        domain=DISC,
        **options,
    )


def order(problems, t_end=None) -> float:
    """The slope of the errors in the maximum norm over the step, by least squares."""
    errors = [(p.solve() if t_end is None else p.solve(t_end, rtol=1e-7)).error("u") for p in problems]
    steps = [p.grid.axes[0].step for p in problems]
    return float(np.polyfit(np.log(steps), np.log(errors), 1)[0])


def test_poisson_with_values_is_of_order_two():
    exact = "sin(2*x + 0.3)*exp(y) + x"
    equation = "0 = laplace(u) + 3*sin(2*x + 0.3)*exp(y)"
    assert order([on_disc(n, equation, pk.Dirichlet(exact), exact) for n in SIZES]) > 1.9


def test_poisson_with_fluxes_is_of_order_two():
    exact = "sin(2*x + 0.3)*exp(y) + x"
    equation = "0 = laplace(u) - u + 4*sin(2*x + 0.3)*exp(y) + x"
    slope = SLOPE.replace("exp(-t)", "1")
    assert order([on_disc(n, equation, pk.Neumann(slope), exact) for n in MORE_SIZES]) > 1.8


@pytest.mark.parametrize(
    ("condition", "least"),
    [(pk.Dirichlet(U), 1.9), (pk.Neumann(SLOPE), 1.8), (pk.Robin(2, 1, f"2*({U}) + {SLOPE}"), 1.8)],
)
def test_heat_is_of_order_two(condition, least):
    sizes = SIZES if condition.is_dirichlet else MORE_SIZES
    found = order([on_disc(n, f"u_t = laplace(u) + {SOURCE}", condition) for n in sizes], 0.5)
    assert found > least


@pytest.mark.parametrize(("condition", "least"), [(pk.Dirichlet(U), 1.9), (pk.Neumann(SLOPE), 1.8)])
def test_varying_conductivity_and_flow_are_of_order_two(condition, least):
    carried = "- u_x + 2*u_y + (2*cos(2*x + 0.3)*exp(y) + exp(-t)) - 2*sin(2*x + 0.3)*exp(y)"
    diffused = "div((1 + x**2)*grad(u)) + (1 + x**2)*3*sin(2*x + 0.3)*exp(y) - x*exp(-t) - 2*x*(2*cos(2*x + 0.3)*exp(y) + exp(-t))"
    problems = [on_disc(n, f"u_t = {diffused} {carried}", condition) for n in MORE_SIZES]
    assert order(problems, 0.3) > least


def test_manufactured_solutions_know_the_normal():
    problem = pk.Problem(
        pk.PDE("u_t = laplace(u) - u**3"),
        box(21),
        initial={"u": 0},
        boundary={"u": {"domain": pk.Robin(1, 2, 0)}},
        domain=DISC,
    )
    study = pk.converge(problem, points=[21, 41, 81], t_end=0.1)
    assert study.passed


def test_rows_with_values_are_those_of_the_one_routine():
    problem = on_disc(15, "u_t = laplace(u)", pk.Dirichlet(0), "0")
    grid = problem.grid
    conditions = problem.semidiscrete.conditions[problem.system.unknowns[0].symbol]
    assert isinstance(conditions, DomainConditions)
    matrix = domain_flux(grid, 0, conditions).whole.matrix
    cut = grid.crossings[0]
    x = np.broadcast_to(grid.coordinates["x"], grid.shape).ravel()
    lonely = [k for k in range(cut.nodes.size) if np.sum(cut.nodes == cut.nodes[k]) == 1]
    assert len(lonely) > 10
    for k in lonely:
        node, sign = cut.nodes[k], cut.signs[k]
        inner = node - int(sign) * grid.shape[1]
        at = x[node] + sign * cut.distances[k]
        expected = weights([x[node], x[inner]], x[node], 2, [Functional(at, (1.0,))]).nodes
        assert np.allclose([matrix[node, node], matrix[node, inner]], expected, rtol=1e-12)


@pytest.mark.parametrize("degree", [1, 2])
def test_extrapolation_is_exact_for_polynomials(degree):
    grid = on_disc(31, "u_t = laplace(u)", pk.Neumann(0), "0").grid
    E = extension(grid, degree)
    x, y = (np.broadcast_to(c, grid.shape).ravel() for c in grid.coordinates.values())
    u = x**degree - 2 * y**degree + 1
    rows = np.flatnonzero(np.diff(E.indptr))
    assert rows.size > grid.within.sum() + 20
    assert np.max(np.abs(E @ u - u)[rows]) < 1e-12


@pytest.mark.parametrize("method", ["auto", "tr_bdf2", "rk4", "BDF"])
def test_heat_content_under_no_flux_stays(method):
    problem = pk.Problem(
        pk.PDE("u_t = div((1 + x**2)*grad(u))"), box(41), initial={"u": "exp(-20*((x - 0.3)**2 + y**2))"},
        boundary={"u": {"domain": pk.Neumann(0)}}, domain=DISC, output=pk.OutputSettings(series={"heat": "integral(u)"}),
    )  # fmt: skip
    solution = problem.solve(0.02, method=method, step={"tr_bdf2": 1e-3, "rk4": 4e-5}.get(method))
    heat = solution.series["heat"]
    assert np.max(np.abs(heat / heat[0] - 1)) < 1e-12
    assert solution["u"].integral() == pytest.approx(heat[-1], rel=1e-14)


def test_heat_content_grows_by_what_comes_in():
    problem = pk.Problem(
        pk.PDE("u_t = laplace(u)"), box(41), initial={"u": 0}, boundary={"u": {"domain": pk.Neumann(1.5)}}, domain=DISC
    )  # fmt: skip
    found = problem.solve(0.1)["u"].integral()
    assert found == pytest.approx(0.1 * 1.5 * problem.grid.rim.areas.sum(), rel=1e-10)
    assert found == pytest.approx(0.1 * 1.5 * 2 * np.pi * np.sqrt(0.7), rel=2e-3)


@pytest.mark.parametrize(
    "domain", [DISC, "(x - 0.1)**2 + 2*(y - 0.3*x)**2 < 0.7", "x + 0.37*y < 0.4 and 0.3*x + y < 0.5"]
)
@pytest.mark.parametrize("condition", [pk.Neumann(0), pk.Robin(1, 1, 0)])
def test_spectra_under_fluxes_are_real_and_not_stiffer_than_twice_a_box(domain, condition):
    faces = {"domain": condition, "x": pk.Neumann(0), "y": pk.Neumann(0)}
    problem = pk.Problem(pk.PDE("u_t = laplace(u)"), box(24), initial={"u": 0}, boundary={"u": faces}, domain=domain)
    L, w = problem.semidiscrete.L.toarray(), problem.grid.weights.ravel()[problem.semidiscrete.blocks[0].free]
    assert np.max(np.abs(w[:, None] * L - (w[:, None] * L).T)) < 1e-12 * np.max(np.abs(w[:, None] * L))
    values = np.linalg.eigvals(L)
    h = problem.grid.axes[0].step
    assert np.max(values.real) < 1e-9 / h**2 and np.max(np.abs(values)) < 16 / h**2


def test_rows_of_waves_are_symmetric():
    problem = pk.Problem(
        pk.PDE("u_tt = laplace(u)"),
        box(24),
        initial={"u": 0, "u_t": 0},
        boundary={"u": {"domain": pk.Dirichlet(0)}},
        domain=DISC,
    )
    n = problem.semidiscrete.size // 2
    K = problem.semidiscrete.L[n:, :n]
    assert abs(K - K.T).max() < 1e-12 * abs(K).max()
    lowest = np.sqrt(-pk.eigen(problem, 1).values[0].real)
    assert lowest == pytest.approx(special.jn_zeros(0, 1)[0] / np.sqrt(0.7), rel=5e-3)


def test_eigenvalue_of_the_l_shaped_drum():
    """9.6397238440 (L. Fox, P. Henrici and C. Moler, SIAM J. Numer. Anal. 4 (1967) 89-102); of order 4/3 at the re-entrant corner."""
    found = []
    for n in (21, 41, 81):
        grid = pk.Grid(x=pk.Axis(-1, 1, n), y=pk.Axis(-1, 1, n))
        zero = pk.Dirichlet(0)
        drum = pk.Problem(
            pk.PDE("u_tt = laplace(u)"), grid, initial={"u": 0, "u_t": 0},
            boundary={"u": {"x": zero, "y": zero, "domain": zero}}, domain="x < 0 or y < 0",
        )  # fmt: skip
        modes = pk.eigen(drum, 1)
        assert modes.symmetric and np.isnan(modes.mode(0).values[-1, -1])
        found.append(-modes.values[0])
    gaps = np.array(found) - 9.6397238440
    assert np.all(gaps[1:] < 0.6 * gaps[:-1]) and gaps[-1] < 0.02
    rate = np.log2((found[0] - found[1]) / (found[1] - found[2]))
    extrapolated = found[2] - (found[1] - found[2]) / (2**rate - 1)
    assert extrapolated == pytest.approx(9.6397238440, abs=3e-2)


def test_jacobians_of_nonlinear_equations_are_exact():
    problem = pk.Problem(
        pk.PDE("u_t = div((1 + u**2)*grad(u)) - u*u_x + integral(u)*d(u**2, y)"), box(17), initial={"u": "1 + x*y"},
        boundary={"u": {"domain": pk.Robin(1, 2, "x")}}, domain=DISC,
    )  # fmt: skip
    assert check_jacobian(problem).complex_step < 1e-11


def test_nodes_outside_are_no_numbers():
    solution = on_disc(21, f"u_t = laplace(u) + {SOURCE}", pk.Dirichlet(U)).solve(0.1)
    u = solution["u"]
    assert np.array_equal(np.isfinite(u.values), solution.problem.grid.within)
    assert np.isfinite(u.norm()) and np.isfinite(u.max()) and np.isfinite(u.integral())
    assert int(np.isnan(solution.to_xarray()["u"][-1]).sum()) == int((~solution.problem.grid.within).sum())
    assert solution.probe(x=0.1, y=0.2)["u"][-1] == pytest.approx(
        np.sin(0.5) * np.exp(0.2) + 0.1 * np.exp(-0.1), abs=1e-2
    )
    with pytest.raises(PdekitError, match="outside of the domain"):
        solution.probe(x=0.9, y=0.9)


def test_singular_data_outside_do_no_harm():
    """The potential flow about a cylinder has its pole in it."""
    pde = pk.PDE("u_t = 0.1*laplace(u) - dot([1 - (x**2 - y**2)/(x**2 + y**2)**2/4, -x*y/(x**2 + y**2)**2/2], grad(u))")
    grid = pk.Grid(x=pk.Axis(-2, 2, 41), y=pk.Axis(-2, 2, 41))
    faces = {"x": {"left": pk.Dirichlet(0), "right": pk.Neumann(0)}, "y": pk.Neumann(0), "domain": pk.Dirichlet(1)}
    channel = pk.Problem(pde, grid, initial={"u": 0}, boundary={"u": faces}, domain="x**2 + y**2 > 0.25")
    u = channel.solve(1.0)["u"]
    assert u.min() > -1e-3
    assert u.max() < 1 + 1e-3


def test_annulus_agrees_with_polar_coordinates():
    heat = pk.PDE("u_t = laplace(u)")
    ring = pk.Problem(
        heat, pk.Grid(r=pk.Axis(0.5, 1.0, 81), coordinates="polar"), initial={"u": "4*(r - 0.5)*(1 - r)"},
        boundary={"u": {"r": {"left": pk.Dirichlet(1), "right": pk.Neumann(0)}}},
    )  # fmt: skip
    reference = ring.solve(0.05)["u"]
    grid = pk.Grid(x=pk.Axis(-1.03, 1.05, 80), y=pk.Axis(-1.05, 1.02, 80))
    at = "4*(sqrt(x**2 + y**2) - 0.5)*(1 - sqrt(x**2 + y**2))"
    outer = pk.Problem(
        heat, grid, initial={"u": at}, boundary={"u": {"domain": pk.Dirichlet("where(x**2 + y**2 < 0.5, 1, 0)")}},
        domain="x**2 + y**2 < 1 and x**2 + y**2 > 0.25",
    )  # fmt: skip
    fixed = ring.replace(boundary={"u": {"r": {"left": pk.Dirichlet(1), "right": pk.Dirichlet(0)}}}).solve(0.05)["u"]
    found = outer.solve(0.05)["u"]
    x, y = np.meshgrid(*(a.nodes for a in grid.axes), indexing="ij")
    inside = np.isfinite(found.values)
    gaps = found.values[inside] - fixed.interpolate(np.clip(np.hypot(x, y)[inside], 0.5, 1.0))
    assert np.max(np.abs(gaps)) < 2e-3
    assert reference.max() <= 1 + 1e-9


CONFIG = """
grid: {x: {range: [-1, 1], points: 21}, y: {range: [-1, 1], points: 21}}
domain: x**2 + y**2 < R**2
parameters: {R: 0.8}
equations: u_t = laplace(u)
initial: {u: 1}
boundary: {u: {x: {dirichlet: 0}, y: {dirichlet: 0}, domain: {robin: {a: 1, b: 2, value: 0}}}}
time: {end: 0.1}
"""


def test_configs_print_as_they_are_read(tmp_path):
    problem = loads(CONFIG)
    again = loads(problem.to_yaml())
    assert again.domain == "x**2 + y**2 < R**2" and again.grid == problem.grid
    assert "domain='x**2 + y**2 < R**2'" in problem.to_python()
    file = tmp_path / "disc.h5"
    problem.solve(output=file)
    stored = pk.open_result(file)
    assert stored.grid == problem.grid
    assert stored["u"].integral() == pytest.approx(problem.solve()["u"].integral(), rel=1e-12)


def test_masks_go_through_files(tmp_path):
    mask = np.ones((21, 21), dtype=bool)
    mask[11:, 11:] = False
    problem = loads(CONFIG).replace(domain=mask, boundary={"u": {a: pk.Dirichlet(0) for a in ("x", "y", "domain")}})
    file = tmp_path / "corner.h5"
    problem.solve(output=file)
    assert pk.open_result(file).grid == problem.grid
    assert loads(problem.to_yaml()).grid == problem.grid


def refused(text: str, **changes) -> PdekitError:
    with pytest.raises(PdekitError) as found:
        loads(text).replace(**changes).solve(0.01)
    return found.value


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("x**2 + y**2 < R**2", "x**2 + y**2 < t", "domain", "must not depend on t"),
        ("x**2 + y**2 < R**2", "x**2 + y**2 < u", "domain", "unknown name 'u'"),
        ("x**2 + y**2 < R**2", "x > 3", "domain", "no node"),
        (", domain: {robin: {a: 1, b: 2, value: 0}}", "", "boundary.u.domain", "no condition on the boundary"),
        ("domain: x**2 + y**2 < R**2\n", "", "boundary.u.domain", "there is no domain"),
        (
            "{robin: {a: 1, b: 2, value: 0}}",
            "{left: {dirichlet: 0}, right: {dirichlet: 1}}",
            "boundary.u.domain",
            "one condition",
        ),
        (
            "{robin: {a: 1, b: 2, value: 0}}",
            "{robin: {a: 100, b: 1, value: 0}}",
            "boundary.u.domain",
            "does not resolve the condition",
        ),
        ("{robin: {a: 1, b: 2, value: 0}}", "{curvature: 0}", "boundary.u.domain", "dirichlet, neumann and robin"),
        ("u_t = laplace(u)", "u_t = u_xx + 2*u_yy", "boundary.u.domain", "the same along all axes"),
        ("u_t = laplace(u)", "u_t = laplace(u) + u_xy", "", "no mixed"),
        ("u_t = laplace(u)", "u_t = laplace(u) - u_xxx", "", "no mixed and no higher"),
        ("u_t = laplace(u)", "u_t = -u_x", "domain", "transport without diffusion"),
        ("u_t = laplace(u)", "u_t = laplace(u) + noise(1)", "domain", "noise is for boxes"),
        ("time:", "discretization: {order: 4}\ntime:", "discretization.order", "not for neumann and robin"),
        ("time:", "discretization: {order: 6}\ntime:", "discretization.order", "of orders 2 and 4, found 6"),
        ("time:", "discretization: {schemes: {u_xx: compact}}\ntime:", "", "schemes"),
    ],
)
def test_what_cannot_be_done_is_refused(old, new, key, words):
    assert old in CONFIG
    error = refused(CONFIG.replace(old, new))
    assert words in str(error) and error.key == key


def test_thin_domains_are_refused():
    error = refused(CONFIG.replace("x**2 + y**2 < R**2", "abs(y - 0.05) < 0.03"))
    assert "no node" in str(error) or "thinner" in str(error)


def test_norm_of_a_wave_function_stays():
    """Rows of complex equations are symmetric: no mode grows, whatever the boundary cuts."""
    problem = pk.Problem(
        pk.PDE("u_t = I*laplace(u)"), box(31), initial={"u": "exp(-20*((x - 0.2)**2 + y**2) + 3*I*x)"},
        boundary={"u": {"domain": pk.Dirichlet(0)}}, domain=DISC,
    )  # fmt: skip
    L = problem.semidiscrete.L.toarray()
    assert np.max(np.linalg.eigvals(L).real) < 1e-9 * np.max(np.abs(L))


def test_components_without_derivatives_need_no_condition():
    pde = pk.PDE(["u_t = laplace(u) + u - u**3 - v", "v_t = u - v"])
    problem = pk.Problem(
        pde, box(21), initial={"u": "x", "v": 0}, boundary={"u": {"domain": pk.Neumann(0)}}, domain=DISC
    )  # fmt: skip
    solution = problem.solve(0.1)
    assert np.array_equal(np.isfinite(solution["v"].values), problem.grid.within)
