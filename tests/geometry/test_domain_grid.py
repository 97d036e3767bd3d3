"""Domains in boxes: which nodes belong to them, where the boundary crosses steps, and what of cells and faces lies inside."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from pdekit.errors import PdekitError
from pdekit.geometry.axis import Axis
from pdekit.geometry.domain_grid import DomainGrid, grid_of_domain
from pdekit.geometry.grid import Grid
from pdekit.geometry.simplices import positive_share

RADIUS = 0.7


def disc(n: int) -> DomainGrid:
    box = Grid(x=Axis(-1, 1.05, n), y=Axis(-1.1, 1, n + 3))
    return grid_of_domain(box, "x**2 + y**2 < R**2", {"R": RADIUS})


def test_shares_of_simplices_are_those_of_random_points():
    rng = np.random.default_rng(1)
    for d in (1, 2, 3):
        values = rng.standard_normal((d + 1, 40))
        points = rng.dirichlet(np.ones(d + 1), 40_000)
        counted = np.mean(points @ values > 0, axis=0)
        assert np.max(np.abs(positive_share(values) - counted)) < 0.02


def test_volume_and_boundary_converge_with_order_two():
    gaps = [
        (g.weights.sum() - np.pi * RADIUS**2, g.rim.areas.sum() - 2 * np.pi * RADIUS) for g in map(disc, (21, 41, 81))
    ]
    for coarse, fine in pairwise(gaps):
        assert all(abs(b) < 0.3 * abs(a) for a, b in zip(coarse, fine))
    assert max(map(abs, gaps[-1])) < 3e-4


def test_boundaries_of_cut_cells_are_closed():
    """The faces of every cell and its piece of the boundary have normals that add up to zero."""
    grid = disc(31)
    rim, cut = grid.rim, grid._cut
    where = np.unravel_index(cut.cells, cut.shares.shape)
    owner = np.ravel_multi_index([(i + 1) // 2 for i in where], grid.shape)
    for axis in range(2):
        areas = grid.areas(axis)
        n = grid.shape[axis]
        faces = areas.take(range(1, n + 1), axis=axis) - areas.take(range(n), axis=axis)
        pieces = np.bincount(owner, weights=cut.areas * cut.normals[:, axis], minlength=grid.size)
        assert np.max(np.abs(faces.ravel() + pieces)) < 1e-14
    assert np.allclose(rim.shares.sum(axis=1), 1.0)


def test_no_node_of_a_smooth_domain_has_a_small_cell():
    grid = disc(61)
    cell = grid.axes[0].step * grid.axes[1].step
    assert np.min(grid.weights[grid.within]) > 0.45 * cell


def test_crossings_lie_on_the_boundary():
    at = disc(31).crossing_points()
    assert np.max(np.abs(np.hypot(at["x"], at["y"]) - RADIUS)) < 1e-12


def test_nodes_next_to_the_boundary_lie_on_it():
    grid = grid_of_domain(Grid(x=Axis(-1, 1, 21), y=Axis(-1, 1, 21)), "x < 0.5 + 1e-9", {})
    assert grid.on_boundary[15].all() and grid.on_boundary.sum() == 21
    assert grid.weights.sum() == pytest.approx(3.0, abs=1e-8)


def test_aligned_domains_and_masks_have_their_boundary_at_nodes():
    box = Grid(x=Axis(-1, 1, 21), y=Axis(-1, 1, 21))
    said = grid_of_domain(box, "x < 0 or y < 0", {})
    x, y = np.meshgrid(box[0].nodes, box[1].nodes, indexing="ij")
    given = grid_of_domain(box, (x <= 1e-12) | (y <= 1e-12), {})
    for grid in (said, given):
        assert grid.weights.sum() == pytest.approx(3.0, abs=1e-12)
        assert grid.rim.areas.sum() == pytest.approx(2.0, abs=1e-12)
        assert grid.on_boundary.sum() == 21
        assert grid.touches("x", "right") and grid.touches("y", "left")
    assert np.array_equal(said.within, given.within)


def test_periodic_axes_carry_domains_over_the_seam():
    box = Grid(x=Axis(-1, 1, 60, periodic=True), y=Axis(-1, 1, 61))
    grid = grid_of_domain(box, "min(abs(x + 1), abs(x - 1))**2 + y**2 < 0.25", {})
    assert grid.weights.sum() == pytest.approx(np.pi / 4, rel=3e-3)
    assert grid.rim.areas.sum() == pytest.approx(np.pi, rel=3e-3)


def test_balls_and_intervals():
    line = grid_of_domain(Grid(x=Axis(0, 1, 11)), "x < 0.33", {})
    assert line.weights.sum() == pytest.approx(0.33, abs=1e-12)
    box = Grid(x=Axis(-1, 1, 31), y=Axis(-1, 1, 31), z=Axis(-1, 1, 31))
    ball = grid_of_domain(box, "x**2 + y**2 + z**2 < 0.6", {})
    assert ball.weights.sum() == pytest.approx(4 / 3 * np.pi * 0.6**1.5, rel=1e-2)


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        ("x**2 + y**2 < -1", "no node of the grid lies inside"),
        ("x**2 + y**2 < t", "must not depend on t"),
        ("x**2 + y**2 - 1", "a number where an inequality is needed"),
        ("x == y", "expected an inequality"),
        ("z < 1", "unknown name 'z'"),
        (np.ones((3, 3), dtype=bool), "the mask has shape (3, 3), the grid needs (11, 11)"),
        (np.full((11, 11), 0.5), "a mask holds true and false"),
        (np.zeros((11, 11), dtype=bool), "no node of the grid lies inside"),
    ],
)
def test_what_is_no_domain_is_refused(domain, words):
    with pytest.raises(PdekitError) as found:
        grid_of_domain(Grid(x=Axis(-1, 1, 11), y=Axis(-1, 1, 11)), domain, {})
    assert found.value.key == "domain" and words in str(found.value)


def test_curved_coordinates_are_refused():
    with pytest.raises(PdekitError, match="cartesian"):
        grid_of_domain(Grid(r=Axis(1, 2, 11), coordinates="polar"), "r < 1.5", {})
