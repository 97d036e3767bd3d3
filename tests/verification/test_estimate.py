"""Estimated errors beside true ones."""

import numpy as np
import pytest
from click.testing import CliRunner

import pdekit as pk
from pdekit.cli.commands import main
from problems import diffusion, heat, wave

PROBLEMS = [
    heat.rod,
    heat.convective_slab,
    heat.cube,
    wave.string,
    wave.drum,
    wave.pulse,
    diffusion.no_flux_box,
    diffusion.fisher,
]


@pytest.mark.parametrize("make", PROBLEMS, ids=lambda f: f.__name__)
def test_between_half_and_twice_the_true_error(make, figure):
    problem = make()
    solution = problem.solve()
    ratio = pk.estimate(problem, solution).total("u") / solution.error("u")
    figure(f"estimated over true error, {make.__name__}", ratio, "0.5 to 2")
    assert 0.5 <= ratio <= 2


def test_steps_that_frames_cut_short_have_errors_as_well():
    """u' = -u by Crank-Nicolson in steps of 0.1, though 0.5 was asked for: u is ((1 - 0.05)/(1 + 0.05))^10 at t = 1."""
    decay = pk.Problem(
        pk.PDE("u_t = u_xx - u"), pk.Grid(x=pk.Axis(0, 1, 9)), initial={"u": 1}, boundary={"u": {"x": pk.Neumann(0)}},
        time=pk.TimeSettings(end=1.0, method="crank_nicolson", step=0.5), output=pk.OutputSettings(every=0.1),
    )  # fmt: skip
    true = abs((0.95 / 1.05) ** 10 - np.exp(-1))
    assert 0.8 < pk.estimate(decay, decay.solve()).time["u"][-1] / true < 1.25


@pytest.mark.parametrize("order", [2, 4])
def test_the_order_that_is_there_and_the_field(order):
    """At every frame, and on every node."""
    rod = heat.rod().replace(order=order, grid=pk.Grid(x=pk.Axis(0, 1, 81 if order == 2 else 161)))
    solution = rod.solve(frames=4)
    found = pk.estimate(rod, solution)
    assert order - 0.3 <= found.order["u"] <= order + 1
    for k in range(1, 4):
        true = solution.frame("u", k).values - rod.exact_values("u", solution.times[k])
        assert found.space["u"][k] == pytest.approx(np.max(np.abs(true)), rel=0.3)
        assert np.max(np.abs(found.fields["u"][k] - true)) < 0.35 * np.max(np.abs(true))


def test_errors_in_time_are_told_apart():
    """u_t = u_xx + u - u^3 on a fixed step of Crank-Nicolson: the error in time against a run with fine steps."""
    grid = pk.Grid(x=pk.Axis(0, 1, 65))
    problem = pk.Problem(
        pk.PDE("u_t = u_xx + u - u**3"),
        grid,
        initial={"u": "sin(pi*x)"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        time=pk.TimeSettings(end=0.2, step=0.01, method="crank_nicolson"),
    )
    solution = problem.solve()
    true = np.max(np.abs(solution["u"].values - problem.solve(step=1e-4)["u"].values))
    assert pk.estimate(problem, solution).time["u"][-1] == pytest.approx(true, rel=0.3)


def test_a_steady_problem():
    """0 = u_xx + pi^2 sin(pi x)."""
    steady = pk.Problem(
        pk.PDE("0 = u_xx + pi**2*sin(pi*x)"), pk.Grid(x=pk.Axis(0, 1, 41)), boundary={"u": {"x": pk.Dirichlet(0)}},
        exact={"u": "sin(pi*x)"},
    )  # fmt: skip
    solution = steady.solve()
    assert pk.estimate(steady, solution).total("u") == pytest.approx(solution.error("u"), rel=0.02)


def test_the_command(tmp_path):
    config = tmp_path / "rod.yaml"
    config.write_text(heat.rod().to_yaml())
    done = CliRunner().invoke(main, ["run", str(config), "-o", str(tmp_path / "a.h5"), "--estimate"])
    assert done.exit_code == 0 and "estimated error  u: about" in done.output


def test_refused():
    tiny = pk.Problem(
        pk.PDE("u_t = u_xx"), pk.Grid(x=pk.Axis(0, 1, 7)), initial={"u": 0}, boundary={"u": {"x": pk.Dirichlet(0)}}
    )
    with pytest.raises(pk.PdekitError, match="estimate: there are too few nodes"):
        pk.estimate(tiny, tiny.solve(t_end=1.0))
    uneven = pk.Problem(
        pk.PDE("u_t = u_xx"),
        pk.Grid(x=pk.Axis(0, 1, 40)),
        initial={"u": "x"},
        boundary={"u": {"x": pk.Neumann(0)}},
        order=4,
    )
    with pytest.raises(pk.PdekitError, match="odd numbers of points"):
        pk.estimate(uneven, uneven.solve(t_end=0.1))


def test_what_has_no_estimate_is_refused_before_the_run(tmp_path):
    config = tmp_path / "noise.yaml"
    config.write_text(
        "grid: {x: {range: [0, 1], points: 9, periodic: true}}\nequations: u_t = noise()\ninitial: {u: 0}\n"
        "time: {end: 1, step: 0.1, seed: 1}\n"
    )
    done = CliRunner().invoke(main, ["run", str(config), "-o", str(tmp_path / "a.h5"), "--estimate"])
    assert done.exit_code == 2 and "a path of their own on every grid" in done.output
    assert not (tmp_path / "a.h5").exists()
