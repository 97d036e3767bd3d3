"""Ranks that share a grid find what one process finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import pdekit as pk
from pdekit.distributed.shareable import decomposed
from pdekit.errors import ConfigError
from tests.distributed.conftest import HERE, needs_petsc

CONFIGS = sorted((HERE.parents[1] / "configs").glob("*.yaml"))
# Explicit: rounding. Implicit: the residual of the linear solver, 1e-12, times what the matrix makes of it (beam: u_xxxx).
BOUNDS = {"explicit": 1e-13, "kernels": 1e-13, "implicit": 1e-9, "steady": 1e-9}


def found_by(ranks, count: int, program: str, *arguments: str, timeout: float = 3000.0) -> list[dict]:
    done = ranks(count, str(HERE / program), *arguments, timeout=timeout)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def check(found: list[dict], figure, count: int) -> None:
    assert not [e for e in found if "refused" in e]
    assert not [e for e in found if not e["difference"] <= BOUNDS[e["kind"].split(",")[0]]]
    for kind in sorted({e["kind"] for e in found}):
        worst = max(e["difference"] for e in found if e["kind"] == kind)
        title = f"{kind}: {count} ranks against one process, worst of {len([e for e in found if e['kind'] == kind])}"
        figure(title, worst, f"<= {BOUNDS[kind.split(',')[0]]:g}")


@pytest.mark.parametrize(
    ("options", "key", "words"),
    [
        ({"time": pk.TimeSettings(end=1, step=0.1, samples=3)}, "time.samples", "samples"),
        ({"time": pk.TimeSettings(end=1, precision="single", rtol=1e-4)}, "time.precision", "single precision"),
        ({"schemes": {"u_xx": "compact"}}, "discretization.schemes", "reads the whole axis"),
    ],
)
def test_what_cannot_be_shared_is_refused_by_name(options, key: str, words: str) -> None:
    equation = "u_t = u_xx + 0.1*noise()" if "samples" in words else "u_t = u_xx"
    line, ends = pk.Grid(x=pk.Axis(0, 1, 41)), {"u": {"x": pk.Dirichlet(0)}}
    problem = pk.Problem(pk.PDE(equation), line, initial={"u": "sin(pi*x)"}, boundary=ends, **options)
    with pytest.raises(ConfigError, match=f"{words}.* cannot be shared among ranks") as refused:
        decomposed(problem, 2)
    assert refused.value.key == key


def test_every_rank_has_nodes_of_the_domain() -> None:
    box, corner = pk.Grid(x=pk.Axis(0, 1, 60), y=pk.Axis(0, 1, 30)), "(x - 0.2)**2 + (y - 0.5)**2 < 0.03"
    problem = pk.Problem(
        pk.PDE("u_t = laplace(u)"), box, domain=corner, initial={"u": 0}, boundary={"u": {"domain": pk.Dirichlet(0)}}
    )
    assert decomposed(problem, 2).counts == (1, 2)
    with pytest.raises(ConfigError, match="without a node inside; take fewer"):
        decomposed(problem, 4)


@needs_petsc
@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.study)])
def test_features_that_few_configs_have(ranks, tmp_path: Path, figure, count: int) -> None:
    found = found_by(ranks, count, "every_feature.py", str(tmp_path), timeout=400)
    assert len(found) >= 20
    for entry in found:
        bound = BOUNDS["implicit" if entry["is_implicit"] else "explicit"]
        assert entry["difference"] <= bound, entry
    worst = max(e["difference"] for e in found)
    figure(f"features that few configs have: {count} ranks against one process", worst, "<= 1e-9")


@needs_petsc
@pytest.mark.study
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_all_configs(ranks, tmp_path: Path, figure, count: int) -> None:
    found = found_by(ranks, count, "comparison.py", str(tmp_path), "matrices", *map(str, CONFIGS))
    assert {e["config"] for e in found} == {config.stem for config in CONFIGS}
    check(found, figure, count)


@needs_petsc
@pytest.mark.study
def test_ranks_make_the_same_steps_by_the_method_that_is_chosen(ranks, tmp_path: Path) -> None:
    found = found_by(ranks, 2, "a_second_of_each.py", str(tmp_path), *map(str, CONFIGS), timeout=900)
    assert len(found) >= 40
    for entry in found:
        if entry["config"] == "kuramoto_sivashinsky":  # which asks for a method that sees the whole grid
            assert "etdrk4 cannot be shared among ranks" in entry["refused"]
        else:
            assert entry["steps"] >= 1 and entry["alike"], entry


@needs_petsc
@pytest.mark.study
def test_kernels(ranks, tmp_path: Path, figure) -> None:
    few = [str(config) for config in CONFIGS if config.stem in ("gray_scott", "heat_cube")]
    found = found_by(ranks, 3, "comparison.py", str(tmp_path), "kernels", *few)
    assert {"kernels", "kernels, steps by their error", "kernels, stabilised"} <= {e["kind"] for e in found}
    check(found, figure, 3)


@needs_petsc
@pytest.mark.study
def test_every_method(ranks, tmp_path: Path, figure) -> None:
    found = found_by(ranks, 2, "every_method.py", str(tmp_path))
    families = {e["family"] for e in found}
    assert families == {"explicit", "stabilised", "implicit", "implicit-explicit", "verlet", "newmark", "stochastic"}
    for family in sorted(families):
        bound = 1e-13 if family in ("explicit", "stabilised", "verlet") else 1e-11
        worst = max(e["difference"] for e in found if e["family"] == family)
        assert worst <= bound, [e for e in found if e["family"] == family]
        figure(f"{family} methods: 2 ranks against one process", worst, f"<= {bound:g}")
