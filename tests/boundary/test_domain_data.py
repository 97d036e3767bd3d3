"""Conditions on the boundary of a domain that depend on the solution, or whose coefficients vary."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.boundary.domain_values import values_on_rim
from pdekit.errors import BoundaryError, PdekitError
from pdekit.io.load import loads
from pdekit.verification.jacobian_check import check_jacobian
from tests.discretize.test_domains import DISC, MORE_SIZES, SLOPE, box, on_disc, order

STEADY = "sin(2*x + 0.3)*exp(y) + x"
OUTWARD = SLOPE.replace("exp(-t)", "1")
POISSON = "0 = laplace(u) - u + 4*sin(2*x + 0.3)*exp(y) + x"
SHAPES = [DISC, "(x - 0.1)**2 + 2*(y - 0.3*x)**2 < 0.7", "x + 0.37*y < 0.4 and 0.3*x + y < 0.5", "x < 0 or y < 0"]


@pytest.mark.parametrize("domain", SHAPES)
def test_values_on_the_boundary_are_exact_for_planes(domain):
    faces = {"domain": pk.Neumann(0), "x": pk.Neumann(0), "y": pk.Neumann(0)}
    problem = pk.Problem(pk.PDE("u_t = laplace(u)"), box(31), initial={"u": 0}, boundary={"u": faces}, domain=domain)
    grid = problem.grid
    R, at = values_on_rim(grid), grid.rim_points()
    plane = 1 + 2 * grid.coordinates["x"] - 3 * grid.coordinates["y"]
    plane = np.where(grid.within, plane, np.inf)  # what lies outside is not read
    assert not np.any(R[:, ~grid.within.ravel()].data)
    found = R @ np.where(grid.within, plane, 0.0).ravel()
    gaps = np.abs(found - (1 + 2 * at["x"] - 3 * at["y"]))
    assert np.sum(gaps > 1e-12) <= 1  # a corner with the box may have no two nodes in a row beside it
    assert np.max(gaps) < grid.axes[0].step ** 2


@pytest.mark.parametrize(
    "condition",
    [
        pk.Neumann(f"{OUTWARD} + 0.3*(({STEADY})**3 - u**3)"),
        pk.Robin("2 + x", "1 + y**2", f"(2 + x)*({STEADY}) + (1 + y**2)*({OUTWARD})"),
    ],
    ids=["loss that is not linear", "coefficients that vary"],
)
def test_order_in_the_maximum_norm(condition):
    assert order([on_disc(n, POISSON, condition, STEADY) for n in MORE_SIZES]) > 1.8


def test_varying_coefficients_agree_with_numbers():
    """The same condition by the rows of a Robin condition, and by data of the solution: both of order 2."""
    at = f"2*({STEADY}) + {OUTWARD}"
    gaps = []
    for n in (31, 61, 121):
        fixed, varying = (
            on_disc(n, POISSON, pk.Robin(a, 1, at), STEADY).solve()["u"].values for a in (2, "2 + 1e-14*x")
        )
        gaps.append(np.nanmax(np.abs(fixed - varying)))
    assert gaps[0] < 0.02 and np.log2(gaps[0] / gaps[2]) / 2 > 1.5


def test_manufactured_solutions_with_such_data():
    problem = pk.Problem(
        pk.PDE("u_t = laplace(u) - u**3"), box(21), initial={"u": 0},
        boundary={"u": {"domain": pk.Robin("1 + x**2", "2 + sin(t)", "x*u - u**3")}}, domain=DISC,
    )  # fmt: skip
    assert pk.converge(problem, points=[21, 41, 81], t_end=0.1).passed


def test_jacobians_are_exact():
    problem = pk.Problem(
        pk.PDE(["u_t = div((1 + u**2)*grad(u)) - u*u_x + integral(u)*d(u**2, y)", "v_t = laplace(v)"]),
        box(17),
        initial={"u": "1 + x*y", "v": "x"},
        boundary={
            "u": {"domain": pk.Neumann("v*x - u**4 + mean(u)")},
            "v": {"domain": pk.Robin("1 + x**2", 2, "sin(u)*t")},
        },
        domain=DISC,
    )
    assert check_jacobian(problem).complex_step < 1e-11


def test_two_bodies_exchange_their_heat():
    """What leaves one enters the other: the sum stays to rounding; both come to its half."""
    exchange = {"u": {"domain": pk.Neumann("3*(v - u)")}, "v": {"domain": pk.Neumann("3*(u - v)")}}
    pair = pk.Problem(
        pk.PDE(["u_t = laplace(u)", "v_t = laplace(v)"]), box(31), initial={"u": "1 + x", "v": 0}, boundary=exchange,
        domain=DISC, output=pk.OutputSettings(series={"heat": "integral(u + v)"}),
    )  # fmt: skip
    assert pair.semidiscrete.is_linear
    solution = pair.solve(t_end=3.0)
    heat = solution.series["heat"]
    assert np.max(np.abs(heat / heat[0] - 1)) < 1e-12
    mean = heat[0] / pair.grid.weights.sum() / 2
    assert np.nanmax(np.abs(solution["u"].values - mean)) < 1e-3


@pytest.mark.parametrize("domain", SHAPES)
@pytest.mark.parametrize("condition", [pk.Neumann("-u_t"), pk.Neumann("-2*u_t - u")])
def test_waves_that_leave_do_not_grow(domain, condition):
    faces = {"domain": condition, "x": pk.Neumann(0), "y": pk.Neumann(0)}
    problem = pk.Problem(
        pk.PDE("u_tt = laplace(u)"), box(24), initial={"u": 0, "u_t": 0}, boundary={"u": faces}, domain=domain
    )
    values = np.linalg.eigvals(problem.semidiscrete.L.toarray())
    assert np.max(values.real) < 1e-6 * np.max(np.abs(values))  # the constant is a double eigenvalue 0


def test_radiation_to_a_steady_state():
    """Heated evenly by q, a disc of radius R radiates q R/2 = u^4 at its edge, whatever its temperature inside."""
    lamp = pk.Problem(
        pk.PDE("0 = laplace(u) + 0.8"), box(61), initial={"u": 1}, boundary={"u": {"domain": pk.Neumann("-u**4")}}, domain=DISC
    )  # fmt: skip
    radius = np.sqrt(0.7)
    solution = lamp.solve()
    edge = (0.4 * radius) ** 0.25
    assert solution["u"].max() == pytest.approx(edge + 0.2 * 0.7, abs=2e-3)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (pk.Dirichlet("u + x"), "for conditions with du/dn"),
        (pk.Neumann("u_x"), "not their derivatives"),
        (pk.Robin(1, "x", 0), "vanishes somewhere"),
        (pk.Robin(1, "u", 0), "must not depend on the solution"),
        (pk.Neumann("uu"), "unknown name 'uu'"),
    ],
)
def test_what_cannot_be_done_is_refused(condition, words):
    with pytest.raises(BoundaryError, match=words) as found:
        pk.Problem(
            pk.PDE("u_t = laplace(u)"), pk.Grid(x=pk.Axis(-1, 1, 21), y=pk.Axis(-1, 1, 21)), initial={"u": 0},
            boundary={"u": {"domain": condition}}, domain=DISC,
        )  # fmt: skip
    assert found.value.key == "boundary.u.domain"


def test_prescribed_values_of_scalar_unknowns_are_for_faces():
    with pytest.raises(BoundaryError, match="may not depend on unknowns") as found:
        pk.Problem(
            pk.PDE(["u_t = laplace(u)", "s_t = 1 - s"], scalars=["s"]), box(21), initial={"u": 0, "s": 0},
            boundary={"u": {"domain": pk.Dirichlet("s")}}, domain=DISC,
        )  # fmt: skip
    assert found.value.key == "boundary.u.domain"


GLOWING = """
grid: {x: {range: [-1, 1], points: 21, unit: m}, y: {range: [-1, 1], points: 21, unit: m}}
domain: x**2 + y**2 < R**2
parameters: {R: 0.8 m, D: 0.1 m**2/s, s: 1e-9 m**-1*K**-3, h: 1 m**-1}
units: {t: s, u: K}
equations: u_t = D*laplace(u)
initial: {u: 100}
boundary: {u: {domain: {robin: {a: h*(1 + x/R), b: 1, value: -s*u**4}}}}
time: {end: 0.1 s}
"""


def test_units_of_such_data_are_checked():
    assert loads(GLOWING).to_yaml()
    with pytest.raises(PdekitError, match="is in 1/m, but") as found:
        loads(GLOWING.replace("u**4", "u**3"))
    assert found.value.key == "boundary.u.domain"
