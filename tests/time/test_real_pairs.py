"""Complex equations with abs and conj: implicit methods on real and imaginary parts, with exact Jacobians."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.discretize.real_pairs import RealPairs

N, LENGTH = 32, 4 * np.pi
GRID = pk.Grid(x=pk.Axis(0, LENGTH, N, periodic=True))
X = GRID.coordinates["x"]
B, C = 0.5, -1.0
K2 = (2 * np.sin(0.25 * LENGTH / N) / (LENGTH / N)) ** 2  # of exp(ix/2) on the grid
GINZBURG_LANDAU = "u_t = u + (1 + I*b)*u_xx - (1 + I*c)*abs(u)**2*u"


def wave(t):
    """The plane wave of the discretized equation: A exp(i(x/2 - wt)) with A^2 = 1 - k^2 and w = c + (b - c) k^2."""
    return np.sqrt(1 - K2) * np.exp(1j * (0.5 * X - (C + (B - C) * K2) * t))


def problem(equation=GINZBURG_LANDAU, **options):
    pde = pk.PDE(equation, parameters={"b": B, "c": C})
    return pk.Problem(pde, GRID, initial={"u": wave(0.0)}, **options)


@pytest.mark.parametrize(
    "equation",
    [
        GINZBURG_LANDAU,
        "u_t = I*u_xx + real(u)**2*conj(u) + imag(u_x)",
        "u_t = d(abs(u)**2*u_x, x) + u*conj(u_x)",
        "u_t = u_xx + sin(x)*abs(1 + u)*u_x + I*sign(real(u))",
    ],
)
def test_the_jacobian_is_that_of_central_differences(equation):
    """In real numbers, along random directions; the error of the differences is about 1e-9 of the derivative."""
    pairs = RealPairs(problem(equation).semidiscrete)
    rng = np.random.default_rng(1)
    z = rng.normal(size=pairs.size)
    J = pairs.jacobian(0.0, z)
    for _ in range(3):
        d, h = rng.normal(size=pairs.size), 1e-6
        difference = (pairs.rhs(0.0, z + h * d) - pairs.rhs(0.0, z - h * d)) / (2 * h)
        assert np.max(np.abs(J @ d - difference)) < 1e-7 * np.max(np.abs(difference))


@pytest.mark.parametrize(("method", "order"), [("backward_euler", 1), ("crank_nicolson", 2), ("tr_bdf2", 2)])
def test_fixed_steps_have_their_order(method, order):
    errors = [
        np.max(np.abs(problem().solve(t_end=1.0, method=method, step=h, times=())["u"].values - wave(1.0)))
        for h in (0.05, 0.025)
    ]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize("method", ["tr_bdf2", "esdirk43", "BDF", "Radau", "LSODA", "auto"])
def test_adaptive_methods_follow_the_wave(method):
    solution = problem().solve(t_end=2.0, method=method, rtol=1e-6)
    for i, t in enumerate(solution.times):
        assert np.max(np.abs(solution.frame("u", i).values - wave(t))) < 1e-4
    if method in ("tr_bdf2", "esdirk43", "BDF", "Radau"):
        assert solution.statistics["newton_iterations"] + solution.statistics["jacobians"] > 0


def test_a_linear_complex_system_by_methods_of_real_numbers():
    """u_t = i u_xx: the mode exp(ix/2) turns with its frequency on the grid."""
    turning = problem("u_t = I*u_xx")
    for method in ("Radau", "LSODA"):
        u = turning.solve(t_end=1.0, method=method, rtol=1e-8)["u"].values
        assert np.max(np.abs(u - wave(0.0) * np.exp(-1j * K2))) < 1e-5


def test_the_stable_step_is_known():
    with pytest.raises(pk.PdekitError, match="largest stable step"):
        problem().solve(t_end=10.0, method="rk4", step=0.5)


def test_a_stiff_one_is_not_left_to_explicit_methods():
    """512 nodes with k^2 up to 6,600: an explicit method would need 10,000 steps; the wave is followed in fewer."""
    grid = pk.Grid(x=pk.Axis(0, LENGTH, 512, periodic=True))
    pde = pk.PDE(GINZBURG_LANDAU + " + 0*d(abs(u)*u_x, x)", parameters={"b": B, "c": C})
    fine = pk.Problem(pde, grid, initial={"u": "0.8*exp(I*x/2)"})
    solution = fine.solve(t_end=10.0)
    assert solution.statistics["steps"] < 2000


@pytest.mark.parametrize(
    ("equation", "posed"),
    [
        ("u_t = conj(u_xx)", False),
        ("u_t = u_xx + 0.5*conj(u_xx)", True),
        ("u_t = I*u_xx + 0.5*conj(u_xx)", True),
        ("u_t = I*u_xx + 2*conj(u_xx)", False),
        ("u_t = real(u_xx)", True),
    ],
)
def test_well_posed_or_not(equation, posed):
    """c w + d conj(w) diffuses forwards if Re c >= sqrt(|d|^2 - (Im c)^2)."""
    if posed:
        assert problem(equation) is not None
        return
    with pytest.raises(pk.PdekitError, match="backwards"):
        problem(equation)
