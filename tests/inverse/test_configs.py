"""Gradients of shipped configs by all of their numbers, against differences of order 4 of runs with the same steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import pdekit as pk
from pdekit.inverse.chosen_parameters import at_values, chosen_parameters
from pdekit.inverse.differentiable_run import differentiable_run
from pdekit.inverse.promotion import Promotion

CONFIGS = Path(__file__).parents[2] / "configs"
SMALL = {
    "beam": (),
    "bratu": (),
    "cahn_hilliard": ("grid.x.points=10", "grid.y.points=10"),
    "cooling_ball": ("grid.r.points=21",),
    "drum": ("grid.r.points=8", "grid.phi.points=12"),
    "heat_moving_wall": (),
    "heat_slab": ("grid.x.points=21",),
    "wave_string": ("grid.x.points=21",),
}


@pytest.mark.parametrize("name", SMALL)
def test_gradients(name):
    problem, end = pk.load(CONFIGS / f"{name}.yaml", SMALL[name]), 0.0
    if not problem.steady:
        start, last = problem.span(None)
        end = start + min(0.05 * (last - start), 0.5)
        settings = replace(problem.time, method="auto", step=(end - start) / 5, end=end)
        problem = problem.replace(time=settings, stop=pk.StopSettings())
    numbers = [n for n, v in problem.pde.parameters.items() if isinstance(v, int | float)]
    chosen = chosen_parameters(problem, numbers)
    promotion, run = Promotion(problem, chosen), differentiable_run(problem, [end])
    weights = np.random.default_rng(0).standard_normal((run.system.size, 1))
    found = run.adjoint(promotion, {len(run.times) - 1: weights})[:, 0]
    for j, p in enumerate(promotion.vector):
        h = 1e-3 * abs(p) * np.eye(promotion.vector.size)[j]

        def value(k, h=h):
            return float(weights[:, 0] @ run.again(at_values(problem, chosen, promotion.vector + k * h)).states[-1])

        expected = (8 * (value(1) - value(-1)) - (value(2) - value(-2))) / (12e-3 * abs(p))
        assert found[j] == pytest.approx(expected, rel=1e-6), numbers[j]
