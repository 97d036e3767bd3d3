"""A part of a grid has the rows of the whole, and nothing of the size of the whole. Needs neither PETSc nor MPI."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import pdekit as pk
from pdekit.discretize.system import SemiDiscrete
from pdekit.distributed.decomposition import Decomposition, decompose, shares
from pdekit.distributed.reading_distance import ReadingDistance
from pdekit.distributed.shareable import decomposed
from pdekit.errors import ConfigError, NotDifferentiableError
from pdekit.geometry.parts import AxisPart
from pdekit.ranks import ALONE

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


def cut(problem: pk.Problem, count: int) -> Decomposition:
    grid = problem.grid
    whole = [grid.names[k] for name in grid.names for k in grid.mirror(name) if grid.poles(name)]
    return decompose(grid, count, ReadingDistance(problem.semidiscrete).of_all(), whole)


def full(system: SemiDiscrete, y: np.ndarray) -> dict[str, np.ndarray]:
    """Vectors as arrays, zero where values are prescribed."""
    found = {}
    for block in system.blocks:
        found[block.name] = np.zeros(block.shape, dtype=y.dtype)
        block.scatter(y[block.slice], found[block.name])
    return found


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.stem)
def test_right_hand_sides_and_jacobians_of_parts(config: Path, figure) -> None:
    problem = pk.load(config)
    system = problem.semidiscrete
    if system.system.reductions or system.is_limited:
        pytest.skip("needs the other parts: tests/distributed")
    try:
        decomposed(problem, 3)
    except ConfigError as error:
        pytest.skip(f"refused: {error}")
    y = system.pack(problem.initial_fields())
    y = y + 0.1 * np.cos(np.arange(y.size)) * max(1.0, float(np.max(np.abs(y))))
    direction, t = np.sin(1.0 + np.arange(y.size)), problem.time.start + 0.1
    states, changes = system.unpack(t, y), full(system, direction)
    try:
        slopes = full(system, system.jacobian(t, y) @ direction)
    except NotDifferentiableError as error:
        pytest.skip(str(error))
    wanted = full(system, system.rhs(t, y))
    worst, count = 0.0, 3
    decomposition = cut(problem, count)
    for rank in range(count):
        part = decomposition.part(rank, ALONE)
        own = problem.on_part(part).semidiscrete
        box = np.ix_(*(axis.index for axis in part.axes))
        here = own.pack({n: v[box] if v.ndim else v for n, v in states.items()})
        there = own.pack({n: v[box] if v.ndim else v for n, v in changes.items()})
        found, sloped = full(own, own.rhs(t, here)), full(own, own.jacobian(t, here) @ there)
        for name, whole in wanted.items():
            for mine, theirs in ((found[name], whole), (sloped[name], slopes[name])):
                gap = np.max(np.abs(mine - (theirs[box] if theirs.ndim else theirs))[part.owned])
                worst = max(worst, float(gap) / max(float(np.max(np.abs(theirs))), 1e-300))
    assert worst <= 1e-14
    figure(f"{config.stem}: right-hand side and Jacobian of 3 parts beside the whole", worst, "<= 1e-14")


def assembled_peak(count: int) -> int:
    """Bytes that the matrix of the second part takes while it is made; the parts are of one size."""
    grid = pk.Grid(x=pk.Axis(0, 1, 40 * count), y=pk.Axis(0, 1, 50))
    heat = pk.PDE("u_t = div((1 + x*y)*grad(u)) + u_x")
    box = {"x": pk.Dirichlet(0), "y": pk.Neumann(0)}
    problem = pk.Problem(heat, grid, initial={"u": "x*(1 - x)"}, boundary={"u": box})
    part = cut(problem, count).part(1, ALONE)
    assert part.shape == (44, 50)  # the first rows at a face read two nodes ahead
    system = problem.on_part(part).semidiscrete
    tracemalloc.start()
    assert system.L.shape == (44 * 50, 44 * 50)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_no_array_of_the_size_of_the_whole(figure) -> None:
    few, many = assembled_peak(4), assembled_peak(64)
    one_array = 8 * 40 * 64 * 50  # of the larger whole
    assert many - few < one_array / 4
    figure(
        "memory of a part of 64 beside one of the same size of 4",
        many / few,
        "within a quarter of one array of the whole",
    )


def test_parts_of_axes() -> None:
    """Weights, flux points and coordinates are those of the whole; beyond a seam the line goes on."""
    ring, line = pk.Axis(0, 2, 10, periodic=True), pk.Axis(nodes=[0, 1, 3, 6, 10, 15])
    seam = AxisPart(ring, 0, 5, 2)
    assert seam.index.tolist() == [8, 9, 0, 1, 2, 3, 4, 5, 6] and seam.start == pytest.approx(-0.4)
    assert not seam.wraps and seam.periodic and seam.sides == ()
    end = AxisPart(line, 3, 6, 1)
    assert end.sides == ("right",) and end.index.tolist() == [2, 3, 4, 5] and end.owned == slice(1, 4)
    assert end.weights.tolist() == line.weights[2:].tolist()
    assert end.cell_edges.tolist() == line.cell_edges[2:].tolist()


def test_shares_are_equal_but_for_one_node() -> None:
    for size, count in ((7, 3), (100, 7), (16, 16)):
        parts = shares(size, count)
        lengths = [stop - first for first, stop in parts]
        assert parts[0][0] == 0 and parts[-1][1] == size and max(lengths) - min(lengths) <= 1
        assert [stop for _, stop in parts[:-1]] == [first for first, _ in parts[1:]]


def test_too_many_ranks() -> None:
    with pytest.raises(ConfigError, match=r"9 ranks cannot share 16 nodes.*at most 8 can"):
        decompose(pk.Grid(x=pk.Axis(0, 1, 16)), 9, {"x": 1})
