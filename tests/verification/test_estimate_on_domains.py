"""Estimated errors beside true ones on domains that are no boxes."""

import numpy as np
import pytest
from click.testing import CliRunner

import pdekit as pk
from pdekit.cli.commands import main
from tests.discretize.test_domains import SLOPE, SOURCE, U, on_disc

STEADY = U.replace("exp(-t)", "1")
HEAT = f"u_t = laplace(u) + {SOURCE}"
POISSON = "0 = laplace(u) - u + 4*sin(2*x + 0.3)*exp(y) + x"
CASES = {
    "Poisson, values": (POISSON, pk.Dirichlet(STEADY), STEADY, None),
    "Poisson, fluxes": (POISSON, pk.Neumann(SLOPE.replace("exp(-t)", "1")), STEADY, None),
    "heat, values": (HEAT, pk.Dirichlet(U), U, 0.3),
    "heat, fluxes": (HEAT, pk.Neumann(SLOPE), U, 0.3),
    "heat, losses": (HEAT, pk.Robin(2, 1, f"2*({U}) + {SLOPE}"), U, 0.3),
}


@pytest.mark.parametrize("name", CASES)
def test_between_half_and_twice_the_true_error(name, figure):
    """On several grids, for errors at cut cells come and go with where the boundary passes."""
    equation, condition, exact, t_end = CASES[name]
    ratios = []
    for n in (41, 57, 65):
        problem = on_disc(n, equation, condition, exact)
        solution = problem.solve() if t_end is None else problem.solve(t_end)
        ratios.append(pk.estimate(problem, solution).total("u") / solution.error("u"))
    figure(f"estimated over true error on the disc, {name}: least", min(ratios), "0.5 to 2")
    figure(f"estimated over true error on the disc, {name}: greatest", max(ratios), "0.5 to 2")
    assert min(ratios) >= 0.5 and max(ratios) <= 2


def test_the_field_is_that_of_the_error():
    """At every node of the domain, and nowhere else."""
    problem = on_disc(65, POISSON, pk.Dirichlet(STEADY), STEADY)
    solution = problem.solve()
    found = pk.estimate(problem, solution).fields["u"]
    true = solution["u"].values - problem.exact_values("u", 0.0)
    inside = problem.grid.within
    assert np.array_equal(np.isfinite(found), inside)
    assert np.max(np.abs(found - true)[inside]) < 0.35 * np.max(np.abs(true[inside]))


def test_a_corner_at_nodes_tells_its_own_order():
    """r^(2/3) sin(2 theta/3) about a corner that points inwards: errors of order 2/3 or so, where the rows are of order 2."""
    exact = "(x**2 + y**2)**(1/3)*sin(2/3*mod(atan2(y, x) - pi/2 + 4*pi, 2*pi))"
    faces = {"x": pk.Dirichlet(exact), "y": pk.Dirichlet(exact), "domain": pk.Dirichlet(0)}
    grid = pk.Grid(x=pk.Axis(-1, 1, 65), y=pk.Axis(-1, 1, 65))
    problem = pk.Problem(
        pk.PDE("0 = laplace(u)"), grid, boundary={"u": faces}, domain="x < 0 or y < 0", exact={"u": exact}
    )
    solution = problem.solve()
    found = pk.estimate(problem, solution)
    assert found.order["u"] < 1 and 0.5 < found.total("u") / solution.error("u") < 3


def test_solving_to_an_accuracy():
    found = pk.solve_to(on_disc(33, POISSON, pk.Dirichlet(STEADY), STEADY), 1e-4)
    assert found.solution.error("u") < 1e-4 < on_disc(33, POISSON, pk.Dirichlet(STEADY), STEADY).solve().error("u")


@pytest.mark.parametrize(("points", "domain", "words"), [(40, None, "odd numbers of points"), (41, "mask", "a mask")])
def test_refused_before_the_run(tmp_path, points, domain, words):
    problem = on_disc(points, POISSON, pk.Dirichlet(STEADY), STEADY)
    if domain is not None:
        problem = problem.replace(domain=problem.grid.within)
    config = tmp_path / "disc.yaml"
    config.write_text(problem.to_yaml())
    done = CliRunner().invoke(main, ["run", str(config), "-o", str(tmp_path / "a.h5"), "--estimate"])
    assert done.exit_code == 2 and words in done.output
    assert not (tmp_path / "a.h5").exists()
