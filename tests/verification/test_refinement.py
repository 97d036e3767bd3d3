"""Solving to an accuracy: the true error is as small as asked for, and what is too much is told before it is begun."""

from __future__ import annotations

import re

import numpy as np
import pytest
import xarray
from click.testing import CliRunner

import pdekit as pk
from pdekit.cli.commands import main
from pdekit.errors import ConfigError, SolverError
from problems import diffusion, heat, wave


@pytest.mark.parametrize(
    ("make", "error"),
    [(heat.rod, 1e-5), (diffusion.fisher, 1e-5), (wave.pulse, 1e-3), (heat.convective_slab, 1e-5)],
    ids=lambda given: getattr(given, "__name__", given),
)
def test_the_true_error_is_as_small_as_asked_for(make, error, figure):
    problem = make()
    found = pk.solve_to(problem, error)
    true = max(
        float(
            np.max(
                np.abs(
                    found.solution.frame("u", k).values - problem.replace(grid=found.problem.grid).exact_values("u", t)
                )
            )
        )
        for k, t in enumerate(found.solution.times)
    )
    figure(f"{make.__name__} to {error:g}: true error", true, f"<= {error:g}")
    assert true <= error and found.estimate.greatest() <= error
    assert found.rounds > 1 and found.problem.grid.size > problem.grid.size


def test_fixed_steps_become_shorter_and_stay_stable():
    rod = heat.rod().replace(time=pk.TimeSettings(end=0.2, method="crank_nicolson", step=0.1))
    found = pk.solve_to(rod, 1e-4)
    assert found.problem.time.step < 0.1 and found.solution.error("u") <= 1e-4
    string = wave.string().replace(time=pk.TimeSettings(end=0.5, method="verlet", step=0.005))
    found = pk.solve_to(string, 1e-3)
    assert found.solution.error("u") <= 1e-3


def test_what_would_take_too_long_is_told_with_what_it_needs():
    with pytest.raises(
        SolverError,
        match=r"the error is about .* by now; 1e-09 needs \d+ x \d+ x \d+ nodes.*more than the bound of 1 s",
    ):
        pk.solve_to(heat.cube(), 1e-9, bound=1.0)
    with pytest.raises(ConfigError, match="positive"):
        pk.solve_to(heat.rod(), -1.0)


def test_the_file_holds_the_last_run_and_its_estimate(tmp_path):
    config, path = tmp_path / "rod.yaml", tmp_path / "rod.h5"
    config.write_text(heat.rod().replace(labels={"u": {"units": "K"}}).to_yaml())
    result = CliRunner().invoke(main, ["run", str(config), "--to", "1e-5", "-o", str(path), "time.end=0.2"])
    assert result.exit_code == 0, result.output
    assert "estimated error  u: about" in result.output
    solution = pk.open_result(path)
    assert solution.error("u") <= 1e-5
    with xarray.open_dataset(path, engine="h5netcdf", group="estimate") as data:
        assert data.u_error.shape == solution.values["u"].shape and data.u_error.attrs["units"] == "K"
        assert float(data.u_space.max() + data.u_time.max()) <= 1e-5
        true = solution.frame("u", -1).values - solution.exact_field("u").values
        assert np.max(np.abs(true - data.u_error[-1].values)) < 0.1 * np.max(np.abs(true))
    refused = CliRunner().invoke(
        main, ["run", str(config), "--to", "1e-11", "--bound", "0.001", "-o", str(tmp_path / "no.h5")]
    )
    assert refused.exit_code == 2 and "more than the bound" in refused.output and not (tmp_path / "no.h5").exists()


def test_scalar_unknowns_have_estimates():
    """S' = -int u dx with u = exp(-pi^2 t) sin(pi x): S = 1 - 2 (1 - exp(-pi^2 t))/pi^3."""
    problem = pk.Problem(
        pk.PDE(["u_t = u_xx", "S_t = -integral(u)"], scalars=["S"]), pk.Grid(x=pk.Axis(0, 1, 41)),
        initial={"u": "sin(pi*x)", "S": "1"}, boundary={"u": {"x": pk.Dirichlet(0)}},
        exact={"u": "exp(-pi**2*t)*sin(pi*x)", "S": "1 - 2*(1 - exp(-pi**2*t))/pi**3"}, time=pk.TimeSettings(end=0.2, rtol=1e-9),
    )  # fmt: skip
    solution = problem.solve()
    found = pk.estimate(problem, solution)
    assert 0.8 < found.total("S") / solution.error("S") < 1.25 and "S" not in found.fields


def test_where_something_jumps_it_is_said_what_is_reached_and_what_converges():
    """A step that is carried along: on every grid one node is off by a share of the jump, 1, and the mean falls."""
    step = pk.Problem(
        pk.PDE("u_t = -d(u, x)"),
        pk.Grid(x=pk.Axis(0, 1, 80, periodic=True)),
        initial={"u": "where(abs(x - 0.3) < 0.17, 1, 0)"},
        advection="weno5",
        time=pk.TimeSettings(end=0.2),
        output=pk.OutputSettings(frames=2),
    )
    runs: list[str] = []
    with pytest.raises(SolverError, match=r"greatest error of u does not fall .* 0.001 is not reached") as told:
        pk.solve_to(step, 1e-3, told=runs.append)
    words = str(told.value)
    reached = float(re.search(r"above ([\d.]+) is", words)[1])
    before, after = map(float, re.search(r"fell meanwhile, from about ([\d.e-]+) to ([\d.e-]+)", words).groups())
    assert 0.1 < reached < 2
    assert (
        1.2 < before / after < 2.7
    )  # order 5/6 of WENO5 at jumps, within what the place between the nodes makes of it
    assert sum("nodes" in line for line in runs) == 2  # one finer grid, not millions of nodes


def test_a_layer_that_the_first_grid_does_not_resolve_is_no_jump():
    """tanh of a width of a hundredth: low orders on 21 nodes, the asymptotic one on finer grids."""
    layer = pk.Problem(
        pk.PDE("0 = u_xx + 2*tanh((x - 0.41)/w)/cosh((x - 0.41)/w)**2/w**2", parameters={"w": 0.02}),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        boundary={"u": {"x": pk.Dirichlet("tanh((x - 0.41)/w)")}},
        exact={"u": "tanh((x - 0.41)/w)"},
    )
    found = pk.solve_to(layer, 1e-3)
    assert found.solution.error("u") <= 1e-3
