"""Every method with error control, on every worked problem that evolves: at all frames the error stays below thirty tolerances.

Grids are coarse, so that the reference, another method at a tolerance of 1e-11, has the same error in space.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from inspect import getmembers, isfunction

import numpy as np
import pytest

import pdekit as pk
from pdekit.language.delayed_systems import delays_of
from problems import chance, diffusion, heat, nonlinear_waves, patterns, wave
from tests.time.adaptive import ADAPTIVE

COARSE = {
    "plume": 21, "no_flux_box": 13, "nonlinear": 61, "fisher": 41, "rod": 21, "quenched_plate": 13, "convective_slab": 21, "cube": 9,
    "ornstein_uhlenbeck": 41, "european_call": 41, "two_solitons": 96, "kink": 41, "breather": 41, "kuramoto_sivashinsky": 64,
    "swift_hohenberg": 20, "schnakenberg": 31, "fitzhugh_nagumo": 101, "nerve_front": 41, "string": 21, "drum": 11, "pulse": 31,
    "telegraph": 21,
    "hutchinson": 41,
    "leaving_pulse": 41,
    "bermudan_put": 101, "radiating_slab": 41, "brusselator": 24, "long_wave": 61, "touching_bars": 41, "amplitude_wave": 41, "coating": 41,
}  # fmt: skip
STEADY = {"layered_wall"}
ROOMS = (chance, diffusion, heat, nonlinear_waves, patterns, wave)
MADE = {name: make for room in ROOMS for name, make in getmembers(room, isfunction) if make.__module__ == room.__name__}


def test_no_problem_is_left_out():
    assert MADE.keys() - STEADY == COARSE.keys()


@cache
def problem(name):
    found = MADE[name](COARSE[name])
    return found.replace(time=replace(found.time, method="auto", step=None, atol=None))


@cache
def reference(name, method):
    if problem(name).semidiscrete.couples_rates and method == "Radau":
        method = "rodas4"
    elif delays_of(problem(name).system):
        method = "rodas4" if method == "Radau" else "dormand_prince"
    return problem(name).solve(method=method, rtol=1e-11, frames=9).values


@pytest.mark.study
@pytest.mark.parametrize("name", COARSE)
@pytest.mark.parametrize("method", ADAPTIVE)
def test_error_over_tolerance(method, name):
    known = reference(name, "Radau" if method in ("DOP853", "dormand_prince") else "DOP853")
    for rtol in (1e-4, 1e-6):
        try:
            found = problem(name).solve(method=method, rtol=rtol, frames=9)
        except pk.PdekitError as refusal:
            pytest.skip(str(refusal))
        doubts = [note for note in found.notes if "ahead of fronts" in note]
        if doubts:
            pytest.skip(doubts[0])
        for unknown, values in known.items():  # not a number where the unknown does not live
            assert np.array_equal(np.isnan(found.values[unknown]), np.isnan(values))
            assert np.nanmax(np.abs(found.values[unknown] - values)) <= 30 * rtol * np.nanmax(np.abs(values))
