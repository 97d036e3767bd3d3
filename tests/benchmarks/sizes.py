"""Cost against size, with the fitted exponent, and a picture of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import pdekit as pk
from tests.benchmarks.explicit import heat, step_rate
from tests.benchmarks.implicit import ALWAYS, COEFFICIENT, JUMP, step_time, variable
from tests.benchmarks.timing import Row, best

PICTURE = Path(__file__).parents[2] / "notebooks" / "pictures" / "cost.png"


def measured() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Unknowns and seconds, by what is done."""
    found = {}
    planes = [64, 128, 256, 512, 1024, 2048, 4096]
    found["explicit step, 2-D"] = np.array([(n**2, n**2 / step_rate(heat((n, n)), 10)) for n in planes])
    cubes = [32, 64, 128, 256]
    found["explicit step, 3-D"] = np.array([(n**3, n**3 / step_rate(heat((n,) * 3), 10)) for n in cubes])
    found["implicit step, transforms"] = np.array(
        [((n + 1) ** 2, step_time(heat((n + 1, n + 1)), 0.5, 1e-4)) for n in planes[1:-1]]
    )
    for title, coefficient in (("steady, smooth k", COEFFICIENT), ("steady, k jumps by 10,000", JUMP)):
        steady = []
        for n in planes[1:5]:
            problem = variable(n, "0 = div(({k})*grad(u)) + cos(pi*x)", coefficient)
            problem.semidiscrete.L  # noqa: B018  (assembled before the clock starts)
            steady.append((n**2, best(lambda problem=problem: _steady(problem), 2)))
        found[title] = np.array(steady)
    return {name: (table[:, 0], table[:, 1]) for name, table in found.items()}


def _steady(problem: pk.Problem) -> None:
    from pdekit.linear.solver_choice import Solvers

    system = problem.semidiscrete
    solver = Solvers(system, thresholds=ALWAYS).shifted(0.0, -1.0, lambda: system.L)
    assert solver is not None
    solver.solve(-system.b(0.0))


def exponent(unknowns: np.ndarray, seconds: np.ndarray) -> float:
    """Slope of the cost in the doubly logarithmic picture, the smallest size left out."""
    return float(np.polyfit(np.log(unknowns[1:]), np.log(seconds[1:]), 1)[0])


def draw(table: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """The picture of the README."""
    from pdekit.plotting.style import picture, save, styled

    with styled():
        figure = picture(6.4, 3.6)
        axes = figure.subplots()
        for (name, (n, t)), mark in zip(table.items(), "os^Dv"):
            axes.loglog(n, t * 1e3, mark + "-", label=f"{name}: exponent {exponent(n, t):.2f}")
        axes.set(xlabel="unknowns", ylabel="time [ms]", title="Cost against size, float64, 2 cores")
        axes.set_xlim(2e3, 3e7)
        axes.set_ylim(2e-3, 1e5)
        axes.legend(loc="upper left", ncols=2, fontsize=7)
        axes.grid(alpha=0.3)
        save(figure, PICTURE)


def rows() -> list[Row]:
    """All of them; the picture is drawn as well."""
    table = measured()
    draw(table)
    goals = {"explicit": "<= 1.05", "implicit": "<= 1.1", "steady": "<= 1.1"}
    return [
        Row(f"cost exponent, {name}", f"{exponent(*data):.2f}", goals[name.split()[0].strip(",")])
        for name, data in table.items()
    ]
