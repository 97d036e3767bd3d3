"""What must stay positive does: dry beds, vacua."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.io.load import loads


def dry_dam(n, scheme="weno5", **options):
    """A dam breaks over a dry bed, x = 0 between two nodes."""
    pde = pk.PDE(["h_t = -d(q, x)", "q_t = -d(q**2/h + g*h**2/2, x)"], parameters={"g": 9.81})
    ends = {"h": {"x": pk.Neumann(0)}, "q": {"x": pk.Dirichlet(0)}}
    start = {"h": "where(x < 0, 1, 0)", "q": 0}
    grid = pk.Grid(x=pk.Axis(-5, 5, n))
    return pk.Problem(pde, grid, initial=start, boundary=ends, advection=scheme, **({"positive": ["h"]} | options))


def ritter(x, t, g=9.81):
    """The exact depth (Ritter 1892; Stoker, *Water Waves*, 1957, section 10.8)."""
    c = np.sqrt(g)
    return np.where(x < -c * t, 1.0, np.where(x < 2 * c * t, (2 * c - x / t) ** 2 / (9 * g), 0.0))


@pytest.mark.parametrize(("scheme", "order"), [("upwind", 0.5), ("muscl", 0.9), ("weno5", 0.9)])
def test_dry_bed(scheme, order, figure):
    errors = []
    for n in (100, 200):
        problem = dry_dam(n, scheme)
        solution = problem.solve(t_end=0.6, frames=7)
        depths = [solution.frame("h", k) for k in range(7)]
        volume = np.array([depth.integral() for depth in depths])
        assert min(depth.values.min() for depth in depths) >= 0.0
        assert np.ptp(volume) < 1e-12 * volume[0]
        errors.append(10 * np.mean(np.abs(depths[-1].values - ritter(problem.grid.axes[0].nodes, 0.6))))
    figure(f"L1 order, dam break on a dry bed, {scheme}", np.log2(errors[0] / errors[1]), f">= {order}")
    assert np.log2(errors[0] / errors[1]) >= order


def rarefactions(n, speed, **options):
    """Gas that flies apart: density 1, pressure 0.4, the halves at minus and plus a speed."""
    pde = pk.PDE(
        ["r_t = -d(m, x)", "m_t = -d(m**2/r + p, x)", "E_t = -d((E + p)*m/r, x)"],
        definitions={"p": "0.4*(E - m**2/(2*r))"},
        unknowns=["r", "m", "E"],
    )
    start = {"r": 1, "m": f"where(x < 0.5, -{speed}, {speed})", "E": 1 + 0.5 * speed**2}
    ends = {name: {"x": pk.Outflow()} for name in ("r", "m", "E")}
    return pk.Problem(pde, pk.Grid(x=pk.Axis(0, 1, n)), initial=start, boundary=ends, advection="weno5", **options)


def test_the_123_problem(figure):
    """Toro's test 2: pressure 0.00189, density 0.02185 in the middle (table 4.2)."""
    problem = rarefactions(200, 2, positive=["r", "p"])
    solution = problem.solve(t_end=0.15)
    density, pressure = (
        solution["r"].values,
        0.4 * (solution["E"].values - solution["m"].values ** 2 / 2 / solution["r"].values),
    )
    assert density.min() > 0 and pressure.min() > 0
    x = problem.grid.axes[0].nodes
    xi, c = (x - 0.5) / 0.15, np.sqrt(1.4 * 0.4)
    fan = np.clip((2 / 2.4 + 0.4 / (2.4 * c) * (np.abs(xi) - 2)), 0, 1) ** 5  # towards the middle on both sides
    exact = np.where(np.abs(xi) > 2 + c, 1.0, np.maximum(fan, 0.02185))
    error = np.abs(density - exact).mean()
    figure("L1 error of the 123 problem's density, 200 nodes", error, "<= 0.02")
    assert error < 0.02


def test_a_vacuum_forms():
    """Speeds beyond 2c/(gamma - 1) = 3.74 apart leave a vacuum: without `positive` the pressure turns negative."""
    kept = rarefactions(200, 6, positive=["r", "p"]).solve(t_end=0.05, frames=6)
    for k in range(6):
        r, m, E = (kept.frame(name, k).values for name in ("r", "m", "E"))
        assert r.min() > 0 and np.min(E - m**2 / (2 * r)) > 0
    with pytest.raises(pk.PdekitError):
        rarefactions(200, 6).solve(t_end=0.05)


def test_config_and_fixed_steps():
    problem = dry_dam(60)
    again = loads(problem.to_yaml())
    assert list(again.positive) == ["h"] and again.flux_scheme.splitting == "characteristic"
    assert dry_dam(60, positive={"h": 1e-8}).solve(t_end=0.05, step=5e-3).method == "ssprk3"
    assert "positive: {h: 1e-08}" in dry_dam(60, positive={"h": 1e-8}).to_yaml()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positive": ["qq"]}, "positive.qq: no unknown or definition; .*did you mean 'q'"),
        ({"positive": {"h": -1}}, "positive.h: what counts as zero must be"),
        ({"positive": ["q"], "initial": {"h": 1, "q": "-x"}}, "positive.q: the initial state is negative somewhere, -5"),
        ({"advection": "central"}, "discretization.positive: is for limited schemes"),
        ({"advection": "muscl", "splitting": "components"}, "splitting: muscl keeps systems positive by characteristics"),
        ({"splitting": "roe"}, "splitting: allowed are components, characteristic"),
    ],
)  # fmt: skip
def test_refused(change, message):
    with pytest.raises(pk.PdekitError, match=message):
        dry_dam(60).replace(**change)


def test_methods_that_do_not_keep_it_are_refused():
    with pytest.raises(pk.PdekitError, match=r"tsitouras does not keep positive what is.*courant, ssprk3, ssprk54"):
        dry_dam(60).solve(t_end=0.1, method="tsitouras")
    with pytest.raises(pk.PdekitError, match="largest stable step"):
        dry_dam(60).solve(t_end=0.1, step=0.04)
