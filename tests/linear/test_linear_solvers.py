"""Fast linear solvers are equal to the sparse factorisation of the same rows."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.counts import Statistics
from pdekit.errors import SolverError
from pdekit.linear.direct import factorise
from pdekit.linear.separable import SeparableSolver
from pdekit.linear.solver_choice import Solvers
from pdekit.solving import solve
from pdekit.thresholds import Thresholds
from pdekit.time.iteration_matrix import iteration_matrix
from pdekit.time.theta import Theta

N, D = pk.Neumann("y + x"), pk.Dirichlet("x*y")
ROBIN = pk.Robin(1, 2, "y")
ALWAYS = Thresholds(krylov_once={2: 100}, krylov_each_step={2: 100})  # iterations whatever the size
MIXED, XIMED = {"left": N, "right": D}, {"left": D, "right": N}
# name: conditions along x and y (None is periodic), order, spacing of y, the bases that are expected
SEPARABLE = {
    "NN DD": (N, D, 2, None, "DCT-I x DST-I"),
    "ND DN": (MIXED, XIMED, 2, None, "DCT-III x DST-III"),
    "periodic, order 6": (None, N, 6, None, "FFT x eigenvectors"),
    "Robin, order 4": (ROBIN, D, 4, None, "eigenvectors x eigenvectors"),
    "uneven": (N, ROBIN, 2, {"tanh": 2}, "DCT-I x eigenvectors, symmetrised"),
    "uneven, order 4": (D, N, 4, {"tanh": 1.5}, "eigenvectors x eigenvectors"),
}


def problem(left_right, bottom_top, order=2, spacing=None, equation="u_t = 0.7*laplace(u) - 0.3*u + x", n=65):
    x = pk.Axis(0, 1, n, periodic=left_right is None)
    grid = pk.Grid(x=x, y=pk.Axis(0, 1, n, spacing=spacing))
    boundary = {k: c for k, c in (("x", left_right), ("y", bottom_top)) if c is not None}
    return pk.Problem(
        pk.PDE(equation, unknowns=["u"]), grid, initial={"u": "1 + x*y"}, boundary={"u": boundary}, order=order
    )


@pytest.mark.parametrize("name", SEPARABLE)
@pytest.mark.parametrize("theta", [0.5, 1.0])
def test_separable_steps_equal_the_factorised_ones(name, theta):
    *given, title = SEPARABLE[name]
    system = problem(*given).semidiscrete
    stepper, h = Theta(system, theta, Solvers(system), Statistics()), 1e-2
    y = np.random.default_rng(2).standard_normal(system.size)
    found = stepper._theta(0.0, y, h)  # a first step would be damped: these data are rough
    assert title in stepper._linear.at(h).description
    b = system.b(0.0)
    expected = factorise(iteration_matrix(system.mass, h * theta, system.L)).solve(
        y + h * ((1 - theta) * (system.L @ y) + b)
    )
    assert np.max(np.abs(found - expected)) < 1e-11 * np.max(np.abs(expected))


@pytest.mark.parametrize("name", SEPARABLE)
def test_few_modes_are_summed_as_all_are_transformed(name, monkeypatch):
    *given, _title = SEPARABLE[name]
    system = problem(*given).semidiscrete
    modes = Solvers(system).modes
    y = np.random.default_rng(2).standard_normal(system.size)
    decayed = modes.coefficients(y) * np.exp(0.05 * modes.eigenvalues)
    expected = modes.vector(decayed.copy())
    monkeypatch.setattr(modes, "vector", None)  # not called: few are left
    assert np.max(np.abs(modes.vector_of_few(decayed) - expected)) < 1e-14 * np.max(np.abs(expected))


@pytest.mark.parametrize("name", SEPARABLE)
@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_approximate_solutions_have_seven_digits_at_any_size(name, size):
    *given, _title = SEPARABLE[name]
    solver = SeparableSolver(Solvers(problem(*given).semidiscrete).modes, 1.0, 1e-3)
    rhs = size * np.random.default_rng(2).standard_normal(solver.modes.shape).ravel()
    expected, found = solver.solve(rhs), solver.approximate(rhs)
    assert found.dtype == expected.dtype
    assert np.max(np.abs(found - expected)) < 1e-5 * np.max(np.abs(expected))


def test_rough_states_are_transformed_whole():
    system = problem(N, D).semidiscrete
    modes = Solvers(system).modes
    y = np.random.default_rng(2).standard_normal(system.size)
    assert np.max(np.abs(modes.vector_of_few(modes.coefficients(y)) - y)) < 1e-13 * np.max(np.abs(y))


def test_homogeneous_data_have_no_b():
    given = {"equation": "u_t = laplace(u)", "n": 12}
    for conditions in ((pk.Dirichlet(0), pk.Neumann(0)), (pk.Robin(1, 2, 0), pk.Dirichlet("x - x"))):
        assert not np.any(problem(*conditions, **given).semidiscrete.b(0.3))
    assert np.any(problem(pk.Dirichlet(0), pk.Neumann(1), **given).semidiscrete.b(0.3))
    assert np.any(problem(pk.Dirichlet("t"), pk.Neumann(0), **given).semidiscrete.b(0.3))


def test_three_dimensions_and_advection_on_a_ring():
    grid = pk.Grid(x=pk.Axis(0, 1, 14), y=pk.Axis(0, 1, 16, periodic=True), z=pk.Axis(0, 1, 15))
    made = pk.Problem(
        pk.PDE("u_t = laplace(u) + 2*u_y"),
        grid,
        initial={"u": "1"},
        boundary={"u": {"x": pk.Dirichlet(1), "z": pk.Neumann("y")}},
        order=4,
    )
    system = made.semidiscrete
    solver = Solvers(system, "separable").shifted(1.0, 0.03, lambda: None)
    r = np.random.default_rng(0).standard_normal(system.size)
    residual = solver.solve(r) - 0.03 * (system.L @ solver.solve(r)) - r
    assert np.max(np.abs(residual)) < 1e-10 * np.max(np.abs(r)) and "FFT" in solver.description


@pytest.mark.parametrize(("conditions", "order"), [((N, D), 2), ((ROBIN, D), 4), ((None, D), 2)])
def test_poisson_by_transforms(conditions, order):
    made = problem(*conditions, order=order, equation="0 = laplace(u) + x")
    solution = made.solve()
    system = made.semidiscrete
    x = system.pack({"u": solution["u"].values})
    expected = factorise(system.L).solve(-system.b(0.0))
    assert "separable" in solution.reasons[1]
    assert np.max(np.abs(x - expected)) < 1e-10 * np.max(np.abs(expected))


def test_pure_neumann_poisson_has_zero_mean_and_finds_incompatible_data():
    made = problem(pk.Neumann(0), pk.Neumann(0), equation="0 = laplace(u) + cos(pi*x)*exp(y) + x - 0.5", n=64)
    solution = made.solve()
    assert "zero mean" in solution.reasons[1] and "DCT-I" in solution.reasons[1]
    residual = made.semidiscrete.rhs(0.0, solution["u"].values.ravel())
    assert np.max(np.abs(residual - residual.mean())) < 1e-8 and abs(solution["u"].mean()) < 1e-13
    with pytest.raises(pk.PdekitError, match="not compatible"):
        problem(pk.Neumann(0), pk.Neumann(0), equation="0 = laplace(u) + 1 + x", n=64).solve()


COEFFICIENTS = {
    "smooth": "1 + 0.9*sin(5*x)*cos(4*y)",
    "layered": "where(x + y < 0.9, 1, 10)",
    "inclusion": "where((x - 0.4)**2 + (y - 0.5)**2 < 0.1, 100, 1)",
    "checkers": "where(sin(20*x)*sin(16*y) > 0, 10000, 1)",
}


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_variable_coefficients_take_as_many_iterations_on_every_grid(name, figure):
    counts = []
    for n in (32, 64, 128):
        made = problem(pk.Neumann(0), D, equation=f"0 = div(({COEFFICIENTS[name]})*grad(u)) + cos(pi*x)", n=n)
        system = made.semidiscrete
        solver = Solvers(system, thresholds=ALWAYS).shifted(0.0, -1.0, lambda system=system: system.L)
        x = solver.solve(-system.b(0.0))
        expected = factorise(system.L).solve(-system.b(0.0))
        assert np.max(np.abs(x - expected)) < 1e-8 * np.max(np.abs(expected)) and solver.symmetric
        assert n < 128 or ("multigrid" in solver.description) == (name in ("inclusion", "checkers"))
        counts.append(solver.iterations)
    if name == "smooth":
        assert max(counts) - min(counts) <= 2
    assert max(counts) <= 60
    figure(f"iterations on 32^2, 64^2, 128^2, 12 digits, {name} coefficient", max(counts), f"{counts}")


def test_multigrid_where_nothing_separable_is_near(figure):
    """On a disc, against the exact harmonic function r^2 cos 2 phi and against LU."""
    grid = pk.Grid(r=(0, 1, 40), phi=pk.Axis(0, 2 * np.pi, 80, periodic=True), coordinates="polar")
    made = pk.Problem(
        pk.PDE("0 = laplace(u)", unknowns=["u"]),
        grid,
        initial={"u": "0"},
        boundary={"u": {"r": {"right": pk.Dirichlet("cos(2*phi)")}}},
    )
    system = made.semidiscrete
    solver = Solvers(system, thresholds=ALWAYS).shifted(0.0, -1.0, lambda: system.L)
    x = solver.solve(-system.b(0.0))
    assert np.max(np.abs(x - factorise(system.L).solve(-system.b(0.0)))) < 1e-10
    r, phi = grid.coordinates["r"], grid.coordinates["phi"]
    error = system.unpack(0.0, x)["u"] - r**2 * np.cos(2 * phi)
    assert "multigrid" in solver.description and solver.iterations <= 20 and np.max(np.abs(error)) < 2e-3
    figure("multigrid on a disc, iterations to 12 digits", solver.iterations, "<= 20")


def test_only_derivatives_prescribed_and_a_jump():
    """The mean is free: it stays out of residuals and corrections, and the solution agrees with the bordered LU."""
    equation = "0 = div((1 + 300*heaviside(x + 0.3*y - 0.7))*grad(u)) + cos(pi*x)*cos(3*pi*y)"
    made = problem(pk.Neumann(0), pk.Neumann(0), equation=equation, n=64)
    expected = made.solve()
    assert "LU" in expected.reasons[-1]
    found = solve(made, thresholds=ALWAYS)
    assert "conjugate gradients" in found.reasons[-1]
    size = np.max(np.abs(expected["u"].values))
    assert np.max(np.abs(found["u"].values - expected["u"].values)) < 1e-9 * size


def test_multigrid_refuses_what_it_is_not_for():
    from scipy import sparse

    from pdekit.linear.multigrid import Multigrid

    line = sparse.csr_array(sparse.diags_array([[-1.0] * 9, [1.0, *[2.0] * 8, 1.0], [-1.0] * 9], offsets=[-1, 0, 1]))
    with pytest.raises(SolverError, match="constants are not determined"):
        Multigrid(line)
    with pytest.raises(SolverError, match="one sign"):
        Multigrid(sparse.csr_array(sparse.diags_array([1.0, -1.0])))
    with pytest.raises(SolverError, match="real numbers"):
        Multigrid(1j * line)


def test_implicit_steps_with_variable_coefficients():
    made = problem(pk.Neumann(0), D, equation="u_t = div((1 + x*y)*grad(u)) - u_x", n=48)
    system = made.semidiscrete
    stepper, h = Theta(system, 0.5, Solvers(system, thresholds=ALWAYS), Statistics()), 1e-3
    y = np.random.default_rng(2).standard_normal(system.size)
    found = stepper._theta(0.0, y, h)
    assert "BiCGSTAB" in stepper._linear.at(h).description
    expected = factorise(iteration_matrix(system.mass, h * 0.5, system.L)).solve(
        y + h * (0.5 * (system.L @ y) + system.b(0.0))
    )
    assert np.max(np.abs(found - expected)) < 1e-9 * np.max(np.abs(expected))


@pytest.mark.parametrize("speed", [10, 40, 80])
def test_strong_convection_is_not_left_to_its_eigenvectors(speed):
    made = problem(D, pk.Dirichlet(0), equation=f"0 = laplace(u) + {speed}*u_y + 1", n=50)
    solution = made.solve()
    residual = made.semidiscrete.rhs(0.0, made.semidiscrete.pack({"u": solution["u"].values}))
    assert np.max(np.abs(residual)) < 1e-8


SINGULAR = {
    "at an eigenvalue": "0 = div((1 + x*y)*grad(u)) + {shift}*u + 1",
    "with a source that fits": "0 = div((1 + x*y)*grad(u)) + {shift}*u + x - y",
    "indefinite": "0 = div((1 + x*y)*grad(u)) + 3000*u + 1",
}


@pytest.mark.parametrize("name", SINGULAR)
def test_iterations_do_not_take_singular_or_indefinite_problems_for_solved(name):
    """x - y has no part along the first eigenvector, which is symmetric: the residual alone would not tell."""
    from scipy import sparse
    from scipy.sparse.linalg import eigsh

    D0 = pk.Dirichlet(0)
    L = problem(D0, D0, equation="0 = div((1 + x*y)*grad(u)) + 1", n=60).semidiscrete.L
    shift = -float(eigsh(sparse.csc_array(L), k=1, sigma=-20, which="LM", return_eigenvectors=False)[0])
    made = problem(D0, D0, equation=SINGULAR[name].format(shift=repr(shift)), n=60)
    if name == "indefinite":
        solution = solve(made, thresholds=ALWAYS)
        residual = made.semidiscrete.rhs(0.0, made.semidiscrete.pack({"u": solution["u"].values}))
        assert "LU" in solution.reasons[-1] and np.max(np.abs(residual)) < 1e-8
    else:
        with pytest.raises(SolverError, match="singular"):
            solve(made, thresholds=ALWAYS)


def test_four_axes():
    """Steady and in time, against the mode's own rate on the grid and against a direct solver."""
    names, n = "xyzw", 8
    grid = pk.Grid({name: pk.Axis(0, 1, n) for name in names})
    fixed = {"u": {name: pk.Dirichlet(0) for name in names}}
    mode = "*".join(f"sin(pi*{name})" for name in names)
    heat = pk.Problem(pk.PDE("u_t = 0.1*laplace(u)"), grid, initial={"u": mode}, boundary=fixed).solve(t_end=0.2)
    rate = 0.1 * 4 * (2 * (n - 1) * np.sin(np.pi / (2 * (n - 1)))) ** 2
    assert heat.method == "exponential"
    assert heat["u"].values == pytest.approx(np.exp(-0.2 * rate) * heat.frame("u", 0).values, abs=1e-12)
    bowl = pk.Problem(pk.PDE("0 = laplace(u) + 1"), grid, boundary=fixed)
    direct = bowl.replace(time=pk.TimeSettings(solver="direct")).solve()["u"].values
    assert bowl.solve()["u"].values == pytest.approx(direct, abs=1e-13)
