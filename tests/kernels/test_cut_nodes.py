"""Kernels on domains that are no boxes: the rows of the box inside, those of the matrices at nodes that the boundary cuts."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.kernels.kernel import Kernel

DISC = "x**2 + y**2 < 0.7"
HOLE = "x**2 + y**2 > 0.2"
CORNER = "x < 0 or y < 0"  # whose boundary passes through nodes
UNEVEN = pk.Grid(x=pk.Axis(-1, 1.05, 31), y=pk.Axis(-1.1, 1, 34, spacing={"tanh": 1.5}))
EVEN = pk.Grid(x=pk.Axis(-1, 1, 31), y=pk.Axis(-1, 1, 33))
SPACE = pk.Grid(x=pk.Axis(-1, 1.05, 15), y=pk.Axis(-1, 1.1, 16), z=pk.Axis(0, 1, 12, periodic=True))
VALUES, FLUXES, LOSSES = pk.Dirichlet("x + sin(t)"), pk.Neumann("x*t"), pk.Robin(1, 2, "x + t")
ON_FACES = {"x": pk.Neumann("y + t"), "y": pk.Dirichlet("t")}
CASES = {
    "values": ("u_t = laplace(u) - u*u_x + u_y + t*x", UNEVEN, {"domain": VALUES}, DISC),
    "fluxes": ("u_t = div((1 + x**2 + u**2)*grad(u)) + d(u**2, y)", UNEVEN, {"domain": FLUXES}, DISC),
    "losses about a pole": ("u_t = laplace(u) - u**3/(x**2 + y**2)", EVEN, {"domain": LOSSES, **ON_FACES}, HOLE),
    "wave": ("u_tt = laplace(u) - u_t", EVEN, {"domain": VALUES}, DISC),
    "complex": ("u_t = I*laplace(u) - I*abs(u)**2*u", EVEN, {"domain": pk.Dirichlet(0)}, DISC),
    "values at nodes": (
        "u_t = laplace(u) + div((1 + t*x)*grad(u))",
        EVEN,
        {"domain": pk.Dirichlet("sin(t)"), "x": pk.Neumann("y + t"), "y": pk.Neumann(0)},
        CORNER,
    ),
    "fluxes at nodes": ("u_t = laplace(u) + div(u*grad(u))", EVEN, {"domain": FLUXES, **ON_FACES}, CORNER),
    "three axes": ("u_t = div((2 + cos(2*pi*z))*grad(u)) - u*u_z", SPACE, {"domain": VALUES}, DISC),
    "rod": ("u_t = 0.1*u_xx - u_x", pk.Grid(x=pk.Axis(0, 1, 40)), {"domain": VALUES, "x": pk.Neumann(0)}, "x > 0.23"),
}


def posed(name, **options):
    equation, grid, faces, domain = CASES[name]
    start = {"u": "1 + 0.3*x"} | ({"u_t": "x"} if "_tt" in equation else {})
    return pk.Problem(pk.PDE(equation), grid, initial=start, boundary={"u": faces}, domain=domain, **options)


@pytest.mark.parametrize(("name", "order"), [*((name, 2) for name in CASES), ("values", 4), ("rod", 4)])
def test_kernels_equal_the_matrices(name, order):
    problem = posed(name, order=order)
    system = problem.semidiscrete
    y = system.pack(problem.initial_fields())
    y = y + 0.1 * np.random.default_rng(1).standard_normal(y.size)
    expected, kernel = system.rhs(0.37, y), Kernel(system)
    assert np.max(np.abs(kernel.rhs(0.37, y) - expected)) <= 1e-13 * np.max(np.abs(expected))
    assert kernel.cut.nodes.size < 0.5 * problem.grid.within.sum()


@pytest.mark.parametrize("name", ["values", "fluxes", "values at nodes"])
@pytest.mark.parametrize("method", ["heun", "rk4", "ssprk3", "rkc2"])
def test_steps_of_all_modes_equal_those_of_the_matrices(name, method):
    def run(compiled):
        time = pk.TimeSettings(end=1e-4, method=method, step=5e-6, compiled=compiled)
        return posed(name, time=time).solve(times=())

    fused, plain = run("always"), run("never")
    assert "compiled kernels" in fused.reasons[-1] and "sparse matrices" in plain.reasons[-1]
    inside = plain.problem.grid.within
    gap = np.abs(fused["u"].values - plain["u"].values)[inside]
    assert np.max(gap) < 1e-13 * np.max(np.abs(plain["u"].values[inside]))


@pytest.mark.parametrize("name", ["values", "values at nodes"])
def test_error_control_sees_the_domain_only(name):
    """The same norms, so the same steps; with nodes outside, or values that move, counted as errors they would differ."""
    counts = []
    for compiled in ("always", "never"):
        time = pk.TimeSettings(end=0.004, method="tsitouras", rtol=1e-6, compiled=compiled)
        counts.append(posed(name, time=time).solve(times=()).statistics["steps"])
    assert counts[0] == counts[1]


def test_heat_stays_in_a_closed_domain():
    time = pk.TimeSettings(end=0.02, method="rk4", step=2e-4, compiled="always")
    problem = pk.Problem(
        pk.PDE("u_t = div((1 + x**2)*grad(u))"), EVEN, initial={"u": "exp(-20*((x - 0.3)**2 + y**2))"},
        boundary={"u": {"domain": pk.Neumann(0)}}, domain=DISC, time=time,
    )  # fmt: skip
    solution = problem.solve(frames=2)
    assert solution[-1]["u"].integral() == pytest.approx(solution[0]["u"].integral(), rel=1e-12)


def test_single_precision_and_threads():
    problem = pk.Problem(
        pk.PDE("u_t = laplace(u) - u**3"), pk.Grid(x=pk.Axis(-1, 1, 400), y=pk.Axis(-1, 1, 410)),
        initial={"u": "1 + x*y"}, boundary={"u": {"domain": LOSSES}}, domain=DISC,
    )  # fmt: skip
    system = problem.semidiscrete
    y = system.pack(problem.initial_fields())
    one, two, single = Kernel(system), Kernel(system, threads=2), Kernel(system, single=True)
    assert two.threads == 2
    assert np.array_equal(one.rhs(0.1, y), two.rhs(0.1, y))
    assert np.max(np.abs(single.rhs(0.1, y) - one.rhs(0.1, y))) < 1e-6 * np.max(np.abs(y)) * 16 * 205**2
