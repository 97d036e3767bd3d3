"""Rows along the lines of a domain: order 4 where values are prescribed, and first derivatives under which nothing grows."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from pdekit.boundary.domain_conditions import RIM
from pdekit.errors import PdekitError
from pdekit.language.symbols import spatial_derivatives
from pdekit.verification.jacobian_check import check_jacobian
from tests.discretize.test_domains import DISC, MORE_SIZES, SOURCE, U, box, on_disc

STEADY = "sin(2*x + 0.3)*exp(y) + x"
POISSON = "0 = laplace(u) + 3*sin(2*x + 0.3)*exp(y)"
CARRIED = "- u_x + 2*u_y + (2*cos(2*x + 0.3)*exp(y) + exp(-t)) - 2*sin(2*x + 0.3)*exp(y)"
SQUARED = "- d(u**2/2, x) + (sin(2*x + 0.3)*exp(y) + x*exp(-t))*(2*cos(2*x + 0.3)*exp(y) + exp(-t))"
ELLIPSE, RING, DIAMOND = (
    "(x - 0.1)**2 + 2*(y - 0.3*x)**2 < 0.7",
    "x**2 + y**2 < 0.8 and x**2 + y**2 > 0.1",
    "abs(x) + abs(y) < 0.91",
)


def slope_of_errors(problems, t_end=None):
    """The order in the maximum norm, by least squares."""
    solved = [p.solve() if t_end is None else p.solve(t_end, rtol=1e-8, atol=1e-10) for p in problems]
    return np.polyfit(np.log([p.grid.axes[0].step for p in problems]), np.log([s.error("u") for s in solved]), 1)[0]


def test_poisson_is_of_order_four(figure):
    found = slope_of_errors([on_disc(n, POISSON, pk.Dirichlet(STEADY), STEADY, order=4) for n in MORE_SIZES])
    figure("Poisson on the disc, order 4: observed", found, ">= 3.8")
    assert found > 3.8


@pytest.mark.parametrize("more", ["", CARRIED, SQUARED], ids=["heat", "carried", "carried by itself"])
def test_heat_is_of_order_four(more, figure):
    equation = f"u_t = laplace(u) + {SOURCE} {more}"
    found = slope_of_errors([on_disc(n, equation, pk.Dirichlet(U), order=4) for n in MORE_SIZES[:7]], 0.3)
    figure(f"heat on the disc, order 4, {more[:12]}: observed", found, ">= 3.8")
    assert found > 3.8


@pytest.mark.parametrize("domain", [DISC, ELLIPSE, RING, DIAMOND])
def test_spectra_are_on_the_left(domain):
    problem = pk.Problem(
        pk.PDE("u_t = laplace(u)"), box(24), initial={"u": 0}, boundary={"u": {"domain": pk.Dirichlet(0)}}, domain=domain, order=4
    )  # fmt: skip
    values = np.linalg.eigvals(problem.semidiscrete.L.toarray())
    assert np.max(values.real) < -5
    assert np.max(np.abs(values.imag / values.real)) < 0.02


@pytest.mark.parametrize(
    ("order", "n", "speed"), [(2, 21, 20), (2, 21, 200), (2, 31, 60), (2, 31, 200), (4, 21, 60), (4, 31, 200)]
)
def test_flow_through_prescribed_values_makes_nothing_grow(order, n, speed):
    """Nodes next to a crossing had first derivatives with great weights at themselves: eigenvalues of 870 to 1e5 for order 2."""
    problem = pk.Problem(
        pk.PDE(f"u_t = laplace(u) - {speed}*u_x - {2 * speed}*u_y"), box(n), initial={"u": 0},
        boundary={"u": {"domain": pk.Dirichlet(0)}}, domain=DISC, order=order,
    )  # fmt: skip
    assert np.max(np.linalg.eigvals(problem.semidiscrete.L.toarray()).real) < 0


@pytest.mark.parametrize(("order", "n", "degree"), [(2, 1, 2), (4, 1, 3), (4, 2, 4)])
def test_rows_are_exact_for_polynomials(order, n, degree):
    """Of one degree less than the data that cut rows take: three and four for first derivatives, five for second ones."""
    problem = on_disc(31, "u_t = laplace(u) - u_x - u_y", pk.Dirichlet(0), "0", order=order)
    grid, (unknown,) = problem.grid, problem.system.unknowns
    at, inside = grid.crossing_points(), (grid.level > 0).ravel()
    found = [symbol for symbol in spatial_derivatives(unknown.rhs) if set(symbol.counts.values()) == {n}]
    assert len(found) == 2
    for symbol in found:
        (name,) = symbol.counts
        place = np.broadcast_to(grid.coordinates[name], grid.shape).ravel()
        rows = problem.semidiscrete.program.term(symbol).affine
        values = rows.matrix @ place**degree + rows.data[RIM] @ at[name] ** degree
        expected = np.polyval(np.polyder([1] + [0] * degree, n), place)
        assert np.max(np.abs(values - expected)[inside]) < 1e-8


def test_a_box_with_a_hole_and_a_corner_at_nodes():
    """Faces of the box beside the boundary of the domain, prescribed and not; errors beside those of order 2."""
    u = "sin(2*x)*exp(2*y)"
    value = pk.Dirichlet(u)
    faces = {"x": value, "y": {"left": pk.Neumann("-2*sin(2*x)*exp(2*y)"), "right": value}, "domain": value}
    for domain in ("x**2 + y**2 > 0.2", "x < 0 or y < 0"):
        errors = []
        for n in (21, 41, 81):
            grid = pk.Grid(x=pk.Axis(-1, 1, n), y=pk.Axis(-1, 1, n))
            problem = pk.Problem(
                pk.PDE("0 = laplace(u)"), grid, boundary={"u": faces}, domain=domain, exact={"u": u}, order=4
            )
            errors.append(problem.solve().error("u"))
        assert np.log2(errors[0] / errors[2]) / 2 > 3.6


@pytest.mark.parametrize("order", [2, 4])
def test_jacobians_are_exact(order):
    problem = on_disc(17, "u_t = laplace(u) - u*u_x + d(u**2, y)*mean(u)", pk.Dirichlet("x + t"), "x", order=order)
    assert check_jacobian(problem).complex_step < 1e-11


def test_the_estimate_knows_the_order():
    problem = on_disc(65, POISSON, pk.Dirichlet(STEADY), STEADY, order=4)
    solution = problem.solve()
    assert 0.5 < pk.estimate(problem, solution).total("u") / solution.error("u") < 2


@pytest.mark.parametrize(
    ("equation", "condition", "words"),
    [
        ("u_t = div((1 + x**2)*grad(u))", pk.Dirichlet(0), r"k\*laplace\(u\)"),
        ("u_t = laplace(u)", pk.Neumann(0), "neumann and robin"),
        ("u_tt = laplace(u)", pk.Dirichlet(0), "waves"),
        ("u_t = I*laplace(u)", pk.Dirichlet(0), "waves"),
        ("u_t = a*laplace(u)", pk.Dirichlet(0), "waves"),
    ],
)
def test_what_has_order_two_only_is_refused(equation, condition, words):
    start = {"u": 0} | ({"u_t": 0} if "_tt" in equation else {})
    with pytest.raises(PdekitError, match=words) as found:
        pk.Problem(
            pk.PDE(equation, parameters={"a": 1j}), box(21), initial=start, boundary={"u": {"domain": condition}}, domain=DISC, order=4
        )  # fmt: skip
    assert found.value.key == "discretization.order"
