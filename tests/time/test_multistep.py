"""Variable BDF2, semi-implicit backward differentiation and generalised alpha."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.time.multistep_implicit_explicit import SEMI_IMPLICIT
from pdekit.time.second_order import ACCELERATIONS
from tests.time.test_splitting import errors_of_frames, orders, ring


@pytest.mark.parametrize("name", SEMI_IMPLICIT)
def test_orders_of_semi_implicit_methods(name, figure):
    order = orders(ring(), name, (0.025, 0.0125), "Radau")
    figure(f"order in time, smooth nonlinear ring, {name}", order, f">= {SEMI_IMPLICIT[name].order - 0.1}")
    assert order >= SEMI_IMPLICIT[name].order - 0.1


@pytest.mark.parametrize("name", SEMI_IMPLICIT)
def test_coefficients(name):
    """Exact for polynomials: y = t^k for k up to the order, with N = 0 or L = 0 (Ascher, Ruuth and Wetton, eq. 5)."""
    m = SEMI_IMPLICIT[name]
    past = -np.arange(m.order, dtype=float)
    for k in range(m.order + 1):
        powers, slopes = past**k, k * past ** max(k - 1, 0) if k else 0 * past
        slopes = np.where(k > 0, k * past ** max(k - 1, 0), 0.0)
        implicit = np.dot(m.alpha, powers) + m.gamma * k
        explicit = np.dot(m.alpha, powers) + np.dot(m.beta, slopes)
        assert implicit == pytest.approx(1.0, abs=1e-13)
        assert explicit == pytest.approx(1.0, abs=1e-13)


def test_a_change_of_the_step_begins_anew():
    """Frames that are not on whole steps: the order stays."""
    exact = ring().solve(t_end=1.0, method="Radau", rtol=1e-12, atol=1e-14)["u"].values
    errors = [
        np.max(np.abs(ring().solve(t_end=1.0, method="sbdf2", step=h, times=[0.33, 0.71])["u"].values - exact))
        for h in (0.02, 0.01)
    ]
    assert np.log2(errors[0] / errors[1]) > 1.8


def test_order_of_bdf2(figure):
    order = orders(ring(), "bdf2", (0.025, 0.0125), "Radau")
    figure("order in time, smooth nonlinear ring, bdf2", order, ">= 1.9")
    assert order >= 1.9


@pytest.mark.parametrize("rtol", [1e-4, 1e-6])
def test_bdf2_follows_the_tolerance(rtol):
    assert np.max(errors_of_frames("bdf2", rtol)) <= 30 * rtol


def test_bdf2_with_changing_steps_on_a_stiff_equation():
    """u' = -1e6 (u - sin t) + cos t: no step is held up by the fast mode."""
    grid = pk.Grid(x=pk.Axis(0, 1, 4, periodic=True))
    problem = pk.Problem(pk.PDE("u_t = -1e6*(u - sin(t)) + cos(t)"), grid, initial={"u": 0})
    solution = problem.solve(t_end=3.0, method="bdf2", rtol=1e-6, times=())
    assert np.max(np.abs(solution["u"].values - np.sin(3.0))) < 1e-6
    assert solution.statistics["steps"] < 1000


def test_bdf2_satisfies_algebraic_equations():
    """v_t = -w v, 0 = w - 1 - v: v = 1/(2 exp(t) - 1); w is right at every frame."""
    grid = pk.Grid(x=pk.Axis(0, 1, 4, periodic=True))
    pde = pk.PDE(["v_t = -w*v", "0 = w - 1 - v"], unknowns=["v", "w"])
    problem = pk.Problem(pde, grid, initial={"v": 1, "w": 2})
    solution = problem.solve(t_end=1.0, method="bdf2", rtol=1e-6)
    for i, t in enumerate(solution.times):
        v = 1 / (2 * np.exp(t) - 1)
        assert np.max(np.abs(solution.frame("v", i).values - v)) < 3e-5
        assert np.max(np.abs(solution.frame("w", i).values - solution.frame("v", i).values - 1)) < 1e-9


STRING = {
    "initial": {"u": "sin(pi*x) + 0.2*sin(3*pi*x)", "u_t": 0},
    "boundary": {"u": {"x": pk.Dirichlet(0)}},
}


@pytest.mark.parametrize("name", ACCELERATIONS)
@pytest.mark.parametrize("equation", ["u_tt = u_xx - 0.3*u_t + sin(3*t)", "u_tt = u_xx - u**3 - 0.2*u_t*abs(u_t)"])
def test_orders_of_implicit_methods_for_waves(name, equation, figure):
    string = pk.Problem(pk.PDE(equation), pk.Grid(x=pk.Axis(0, 1, 33)), **STRING)
    order = orders(string, name, (0.004, 0.002), "Radau")
    figure(f"order in time, {name}, {equation}", order, ">= 1.9")
    assert order >= 1.9


def test_generalised_alpha_damps_the_grid_scale_only():
    """One step far above the grid's own period multiplies the fastest mode by rho = 0.8; Newmark keeps it."""
    n, h = 33, 10.0
    grid = pk.Grid(x=pk.Axis(0, 1, n))
    grid_wave = np.sin(np.pi * (n - 2) * grid.axes[0].nodes)
    string = pk.Problem(
        pk.PDE("u_tt = u_xx"), grid, initial={"u": grid_wave, "u_t": 0}, boundary={"u": {"x": pk.Dirichlet(0)}}
    )
    sizes = {}
    for name in ACCELERATIONS:
        s = string.solve(t_end=60 * h, method=name, step=h, every=20 * h)
        K = (2 * (n - 1) * np.sin(np.pi * (n - 2) / 2 / (n - 1))) ** 2
        energies = [
            np.sum(K * s.frame("u", i).values ** 2 + s.frame("u_t", i).values ** 2) for i in range(s.times.size)
        ]
        sizes[name] = np.sqrt(energies[-1] / energies[-2]) ** (1 / 20)
    assert sizes["newmark"] == pytest.approx(1.0, abs=1e-9)
    assert sizes["generalised_alpha"] == pytest.approx(0.8, abs=0.02)


def test_refused():
    rod = pk.Problem(pk.PDE("u_t = u*u_x"), pk.Grid(x=pk.Axis(0, 1, 16, periodic=True)), initial={"u": "sin(2*pi*x)"})
    with pytest.raises(pk.PdekitError, match="linear terms"):
        rod.solve(t_end=0.1, method="sbdf2", step=0.01)
    with pytest.raises(pk.PdekitError, match="u_tt"):
        rod.solve(t_end=0.1, method="generalised_alpha", step=0.01)


@pytest.mark.parametrize("method", ["ars443", "sbdf2", "sbdf3"])
def test_marked_terms_are_implicit_and_the_order_stays(method, figure):
    """Diffusion implicit; the linear reaction, which is implicit by default, explicit."""
    pde = pk.PDE("u_t = 0.02*div((1 + 0.5*sin(2*pi*x))*grad(u)) - 3*u + sin(2*t)*u**2 + cos(t)")
    grid = pk.Grid(x=pk.Axis(0, 1, 32, periodic=True))
    problem = pk.Problem(
        pde, grid, initial={"u": "0.5 + 0.3*cos(2*pi*x)"}, time=pk.TimeSettings(implicit=("laplace(u)",))
    )
    exact = pk.Problem(pde, grid, initial=problem.initial).solve(t_end=1.0, method="Radau", rtol=1e-12, atol=1e-14)
    errors = [
        np.max(np.abs(problem.solve(t_end=1.0, method=method, step=h, times=())["u"].values - exact["u"].values))
        for h in (0.02, 0.01)
    ]
    order = {"ars443": 3, "sbdf2": 2, "sbdf3": 3}[method]
    figure(f"order in time, marked diffusion, {method}", np.log2(errors[0] / errors[1]), f">= {order - 0.1}")
    assert np.log2(errors[0] / errors[1]) >= order - 0.1


def test_marked_terms_in_yaml():
    from pdekit.io.load import loads

    text = """
grid: {x: {range: [0, 1], points: 41}}
equations: u_t = u_xx - 50*u_x
initial: {u: sin(pi*x)}
boundary: {u: {x: {dirichlet: 0}}}
time: {end: 0.1, implicit: [IMPLICIT]}
"""
    problem = loads(text.replace("IMPLICIT", "u_xx"))
    assert problem.solve().method == "ark43" and loads(problem.to_yaml()).time.implicit == ("u_xx",)
    whole = loads(text.replace(", implicit: [IMPLICIT]", "")).solve(rtol=1e-9)["u"].values
    assert np.max(np.abs(problem.solve()["u"].values - whole)) < 1e-5
    for wrong, message in (("u_xxx", "no term has 'u_xxx'; there are laplace\\(u\\), u_x, u_xx"), ("v", "no term")):
        with pytest.raises(pk.PdekitError, match=message):
            loads(text.replace("IMPLICIT", wrong)).solve()
    with pytest.raises(pk.PdekitError, match="is for implicit-explicit methods"):
        problem.solve(method="BDF")
