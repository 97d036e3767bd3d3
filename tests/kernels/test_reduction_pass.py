"""Numbers of whole fields by one compiled pass: the quadratures and extrema of the terms, whatever the grid and the number of threads."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from pdekit.discretize.measurement import Measurement
from pdekit.kernels.kernel import Kernel
from pdekit.kernels.reduction_pass import fits, passes_over
from pdekit.thresholds import Thresholds

ANY_SIZE = Thresholds(reduced_from=1, reduced_by_threads_from=1, shared_from=1)
NUMBERS = {
    "mass": "integral(u)",
    "level": "mean(v) + t",
    "moment": "integral({x}*u*v + D*t)",
    "energy": "integral((1 - u**2)**2/4)",
    "greatest": "max(u)",
    "least": "min(u - 2*v*abs({x}))",
    "point": "u({at})",
    "growth": "integral(exp(u))",
}
GRIDS = {
    "one": pk.Grid(x=pk.Axis(0, 1, 41)),
    "two": pk.Grid(x=pk.Axis(nodes=np.linspace(0, 1, 23) ** 1.5), y=pk.Axis(0, 2, 31)),
    "three": pk.Grid(x=pk.Axis(0, 1, 7), y=pk.Axis(0, 1, 8, periodic=True), z=pk.Axis(0, 1, 9)),
    "round": pk.Grid(r=pk.Axis(1, 2, 17), phi=pk.Axis(0, 2 * np.pi, 24, periodic=True), coordinates="polar"),
}


def problem_on(grid: pk.Grid) -> pk.Problem:
    first, at = grid.names[0], ", ".join(str(axis.left + 0.4) for axis in grid.axes)
    series = {name: text.format(x=first, at=at) for name, text in NUMBERS.items()}
    faces = {name: pk.Neumann(0) for name, axis in zip(grid.names, grid.axes) if not axis.periodic}
    return pk.Problem(
        pk.PDE(["u_t = D*laplace(u) - u*v", "v_t = D*laplace(v) + u*v"], parameters={"D": 0.3}),
        grid,
        initial={"u": "0", "v": "0"},
        boundary={"u": faces | {first: {"left": pk.Dirichlet("t"), "right": pk.Neumann(0)}}, "v": faces},
        output=pk.OutputSettings(series=series),
    )


def states(problem: pk.Problem, t: float) -> tuple[np.ndarray, np.ndarray]:
    """A rough state as a vector and as full arrays."""
    system = problem.semidiscrete
    y = np.random.default_rng(7).standard_normal(system.size)
    return y, np.array(list(system.unpack(t, y).values()))


def measured(problem: pk.Problem, threads: int, t: float = 0.4) -> tuple[dict[str, float], int]:
    """All numbers, and how many of them the pass found."""
    system, numbers = problem.semidiscrete, problem.series
    y, full = states(problem, t)
    kernel = Kernel(system, threads=threads, thresholds=ANY_SIZE)
    found = passes_over(kernel, [term for m in numbers.values() for term in m.terms.values()])
    assert found is not None
    frame = system.glance(t, y)
    found.prime(frame, full)
    return {name: float(number.of(frame)) for name, number in numbers.items()}, len(found.terms)


@pytest.mark.parametrize("name", GRIDS)
def test_numbers_are_those_of_the_terms(name):
    problem = problem_on(GRIDS[name])
    y, _ = states(problem, 0.4)
    terms = {name: float(number.value(0.4, y)) for name, number in problem.series.items()}
    found, count = measured(problem, 1)
    assert count == 6  # neither the point nor the exponential, which NumPy has faster
    assert found == pytest.approx(terms, rel=1e-13, abs=1e-13)


def test_the_number_of_threads_changes_no_bit():
    problem = problem_on(GRIDS["two"])
    assert measured(problem, 1) == measured(problem, 2) == measured(problem, 3)


def test_what_is_no_number_is_told_as_numpy_does():
    problem = problem_on(GRIDS["two"])
    system = problem.semidiscrete
    _, full = states(problem, 0.0)
    kernel = Kernel(system, thresholds=ANY_SIZE)
    found = passes_over(kernel, [term for m in problem.series.values() for term in m.terms.values()])
    full[0, 5, 5] = np.nan
    frame = system.program.frame(0.0, {b.symbol: values for b, values in zip(system.blocks, full)})
    found.prime(frame, full)
    assert np.isnan(problem.series["greatest"].of(frame)) and np.isnan(problem.series["mass"].of(frame))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("integral(u)", True),
        ("max(u*v)", True),
        ("mean(sqrt(abs(u)))", True),
        ("integral(sin(u))", False),
        ("integral(u_x**2)", False),
        ("face(u, x, left)", False),
        ("u(0.3)", False),
    ],
)
def test_which_numbers_a_pass_finds(text, expected):
    problem = problem_on(GRIDS["one"]).replace(output=pk.OutputSettings(series={"n": text}))
    number: Measurement = problem.series["n"]
    assert [fits(problem.semidiscrete, term) for term in number.terms.values()] == [expected]


def test_a_run_records_what_matrices_record():
    """Two realizations of one discretization: with steps that are the same, series agree to rounding."""
    problem = problem_on(pk.Grid(x=pk.Axis(0, 1, 160), y=pk.Axis(0, 1, 120)))
    problem = problem.replace(initial={"u": "cos(3*x)*y**2", "v": "x*y"})
    by_pass, by_matrices = (
        problem.replace(time=pk.TimeSettings(end=2e-5, method="rk4", step=1e-6, compiled=how)).solve(frames=2).series
        for how in ("always", "never")
    )
    for name, values in by_pass.items():
        np.testing.assert_allclose(values, by_matrices[name], rtol=1e-12, atol=1e-13, err_msg=name)


def test_scalar_unknowns_beside_large_fields():
    """Their states are no array, so that numbers are found one by one: max(u) = exp(-t) of u_t = -u + S with S = 0."""
    grid = pk.Grid(x=pk.Axis(0, 1, 160, periodic=True), y=pk.Axis(0, 1, 160, periodic=True))
    pde = pk.PDE(["u_t = 0.01*laplace(u) - u - 0*u**3 + S", "S_t = -S"], scalars=["S"])
    output = pk.OutputSettings(series={"top": "max(u)"})
    found = pk.Problem(pde, grid, initial={"u": 1, "S": 0}, output=output).solve(t_end=0.5)
    assert abs(found.series["top"][-1] - np.exp(-0.5)) < 1e-5
