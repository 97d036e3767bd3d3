"""The worked problems reach their exact solutions at the order they promise, boundary rows included."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from problems import diffusion, heat, wave

QUICK = [heat.rod, heat.convective_slab, heat.cube, heat.layered_wall, wave.string, wave.drum, wave.pulse]
QUICK += [diffusion.no_flux_box, diffusion.nonlinear, diffusion.fisher]
LONG = [heat.quenched_plate, diffusion.plume]


@pytest.mark.parametrize("make", QUICK + LONG, ids=lambda f: f.__name__)
def test_error_is_small(make):
    problem = make()
    solution = problem.solve()
    scale = np.max(np.abs(solution.values["u"]))
    assert 0 < solution.error("u") < 0.01 * scale or make is heat.layered_wall
    assert solution.error("u") < 0.01 * scale


@pytest.mark.parametrize("make", [f for f in QUICK if f is not heat.layered_wall], ids=lambda f: f.__name__)
def test_order(make):
    study = pk.converge(make())
    assert study.passed, str(study)


@pytest.mark.study
@pytest.mark.parametrize("make", LONG, ids=lambda f: f.__name__)
def test_order_of_long_studies(make):
    study = pk.converge(make())
    assert study.passed, str(study)


def test_box_keeps_its_content():
    solution = diffusion.no_flux_box().solve(frames=6)
    masses = np.array([solution.frame("u", i).integral() for i in range(6)])
    assert np.max(np.abs(masses / masses[0] - 1)) <= 1e-12


def test_porous_medium_keeps_its_mass_and_its_front():
    solution = diffusion.nonlinear(401).solve(frames=6)
    masses = np.array([solution.frame("u", i).integral() for i in range(6)])
    assert np.max(np.abs(masses / masses[0] - 1)) <= 1e-10
    x = solution.grid.axes[0].nodes
    front = np.max(x[solution["u"].values > 1e-3])
    assert front == pytest.approx(np.sqrt(6) * 5 ** (1 / 3), abs=0.1)
