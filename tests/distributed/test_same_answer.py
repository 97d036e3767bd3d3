"""Ranks that share a grid find what one process finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.distributed.conftest import HERE, needs_petsc

pytestmark = (
    pytest.mark.study
)  # minutes; configs with domains, interfaces, delays and the like are refused and are to be listed in REFUSED
CONFIGS = sorted((HERE.parents[1] / "configs").glob("*.yaml"))
# Explicit: rounding. Implicit: the residual of the linear solver, 1e-12, times what the matrix makes of it (beam: u_xxxx).
BOUNDS = {"explicit": 1e-13, "kernels": 1e-13, "implicit": 1e-9, "steady": 1e-9}
REFUSED = {"american_put": "constraints", "coating": "regions", "stochastic_heat": "noise"}


def compared(ranks, tmp_path, count: int, kind: str, configs) -> list[dict]:
    done = ranks(count, str(HERE / "comparison.py"), str(tmp_path), kind, *map(str, configs))
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def check(found: list[dict], figure, count: int) -> None:
    wrong = [e for e in found if "refused" in e and e["config"] not in REFUSED]
    wrong += [e for e in found if e.get("difference", 0.0) > BOUNDS[e["kind"].split(",")[0]]]
    wrong += [e for e in found if "refused" in e and REFUSED.get(e["config"], "") not in e["refused"]]
    assert not wrong
    for kind in sorted({e["kind"] for e in found}):
        worst = max((e.get("difference", 0.0) for e in found if e["kind"] == kind), default=0.0)
        figure(
            f"{kind}: {count} ranks against one process, worst of {len(found)}",
            worst,
            f"<= {BOUNDS[kind.split(',')[0]]:g}",
        )


@needs_petsc
@pytest.mark.parametrize("count", [1, 2])
def test_all_configs(ranks, tmp_path: Path, figure, count: int) -> None:
    found = compared(ranks, tmp_path, count, "matrices", CONFIGS)
    assert {e["config"] for e in found} >= {c.stem for c in CONFIGS} - set(REFUSED)
    check(found, figure, count)


# More ranks than cores wait for each other; one config for every kind of term and of boundary.
SOME = (
    "black_scholes",
    "burgers_shock",
    "cahn_hilliard",
    "closed_box",
    "cooling_ball",
    "dam_break",
    "drum",
    "gray_scott",
)
SOME += (
    "heat_cube",
    "heat_slab",
    "melting_front",
    "poisson",
    "porous_medium",
    "schroedinger",
    "sine_gordon",
    "thermostat",
)


@needs_petsc
@pytest.mark.parametrize("count", [3, 4])
def test_every_kind_of_term_on_more_ranks(ranks, tmp_path: Path, figure, count: int) -> None:
    found = compared(ranks, tmp_path, count, "matrices", [c for c in CONFIGS if c.stem in SOME])
    check(found, figure, count)


@needs_petsc
def test_kernels(ranks, tmp_path: Path, figure) -> None:
    found = compared(ranks, tmp_path, 3, "kernels", [c for c in CONFIGS if c.stem in ("gray_scott", "heat_cube")])
    kinds = {e["kind"] for e in found}
    assert {"kernels", "kernels, steps by their error", "kernels, stabilised"} <= kinds
    check(found, figure, 3)


@needs_petsc
def test_every_method(ranks, tmp_path: Path, figure) -> None:
    done = ranks(2, str(HERE / "every_method.py"), str(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    families = {e["family"] for e in found}
    assert families == {"explicit", "stabilised", "implicit", "implicit-explicit", "verlet", "newmark"}
    for family in sorted(families):
        bound = 1e-13 if family in ("explicit", "stabilised", "verlet") else 1e-11
        worst = max(e["difference"] for e in found if e["family"] == family)
        assert worst <= bound, [e for e in found if e["family"] == family]
        figure(f"{family} methods: 2 ranks against one process", worst, f"<= {bound:g}")
