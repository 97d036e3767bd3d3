"""Axes, grids and fields."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pdekit as pk
from pdekit.errors import GridError

SPACINGS = [None, {"tanh": 2.5}, {"tanh": 2.0, "toward": "left"}, {"geometric": 1.1}, {"power": 2}, "chebyshev"]


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("toward", ["left", "right", "both"])
def test_families_reach_both_ends_and_increase(spacing, toward):
    if isinstance(spacing, dict):
        spacing = {**spacing, "toward": toward}
    axis = pk.Axis(-1, 3, 33, spacing=spacing)
    assert axis.nodes[0] == -1 and axis.nodes[-1] == 3 and np.all(np.diff(axis.nodes) > 0)
    assert axis.weights.sum() == pytest.approx(4, rel=1e-14)
    if spacing is not None:
        gaps = np.diff(axis.nodes)
        assert (gaps[0] < gaps[-1]) == (toward == "left") or toward == "both" or spacing == "chebyshev"


def test_families_are_nested_and_refine():
    coarse, fine = pk.Axis(0, 1, 11, spacing={"tanh": 2.5}), pk.Axis(0, 1, 21, spacing={"tanh": 2.5})
    assert np.allclose(fine.nodes[::2], coarse.nodes, atol=1e-15)
    assert np.array_equal(coarse.with_points(21).nodes, fine.nodes)


def test_chebyshev_nodes():
    assert np.allclose(pk.Axis(-1, 1, 9, spacing="chebyshev").nodes, -np.cos(np.pi * np.arange(9) / 8))


def test_periodic_stores_each_node_once():
    axis = pk.Axis(0, 2, 8, periodic=True)
    assert axis.size == 8 and axis.nodes[-1] == 1.75 and axis.weights.sum() == pytest.approx(2)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: pk.Axis(nodes=[0, 1, 1, 2]), "duplicate nodes: node 2"),
        (lambda: pk.Axis(nodes=[0, 2, 1]), "unsorted nodes"),
        (lambda: pk.Axis(1, 0, 5), "left < right"),
        (lambda: pk.Axis(0, 1, 1), "at least 2 points"),
        (lambda: pk.Axis(0, 1, 2.5), "whole number"),
        (lambda: pk.Axis(0, 1, 5, spacing={"tahn": 2}), "did you mean 'tanh'"),
        (lambda: pk.Axis(nodes=[0, np.nan]), "finite"),
        (lambda: pk.Axis(0, 1, 400, spacing={"tanh": 60}), "coincide"),
        (lambda: pk.Grid(t=pk.Axis(0, 1, 3)), "'t' cannot be used"),
        (lambda: pk.Grid(), "at least one axis"),
        (lambda: pk.Grid(x=pk.Axis(0, 1, 3)).index("y"), "unknown axis 'y'"),
        (lambda: pk.Grid(x=pk.Axis(0, 1, 3)).field(np.zeros(2)), r"shape \(2,\)"),
        (lambda: pk.Grid(x=pk.Axis(0, 1, 3)).field(lambda y: y), "asks for 'y'"),
        (lambda: pk.derivative(pk.Grid(x=pk.Axis(0, 1, 4)), "x", 2, order=6), "has 4 nodes.*at least 8"),
    ],
)
def test_refusals(make, words):
    with pytest.raises(GridError, match=words):
        make()


@settings(max_examples=40, deadline=None)
@given(n=st.integers(4, 40), spacing=st.sampled_from(SPACINGS), seed=st.integers(0, 1000))
def test_no_flux_laplacian_conserves_the_integral(n, spacing, seed):
    """Trapezoid weights are a left null vector of the closed second-order Laplacian, on any spacing."""
    axis = pk.Axis(0, 1, n, spacing=spacing)
    grid = pk.Grid(x=axis, y=pk.Axis(nodes=np.cumsum(np.random.default_rng(seed).uniform(0.1, 1, 6))))
    L = pk.laplacian(grid, boundary={"x": pk.Neumann(0), "y": pk.Neumann(0)})
    u = np.random.default_rng(seed).standard_normal(grid.shape)
    Lu = L(u)
    assert abs(np.sum(Lu * grid.weights)) <= 1e-12 * np.sum(np.abs(Lu) * grid.weights)


def test_callables_by_axis_name_in_any_order():
    grid = pk.Grid(x=pk.Axis(0, 1, 5), y=pk.Axis(0, 2, 7))
    a = grid.field(lambda y, x: x - 2 * y)
    b = grid.field("x - 2*y")
    assert np.array_equal(a.values, b.values) and a.shape == (5, 7)
    assert grid.field(3).values.shape == (5, 7)  # a constant becomes a field


def test_arithmetic_and_norms():
    grid = pk.Grid(x=pk.Axis(0, np.pi, 201))
    u = grid.field("sin(x)", name="u")
    assert isinstance(np.exp(u) + 1, pk.Field)
    assert u.integral() == pytest.approx(2, rel=1e-4)
    assert u.norm("L1") == pytest.approx(2, rel=1e-4)
    assert u.norm("L2") == pytest.approx(np.sqrt(np.pi / 2), rel=1e-12)
    assert (2 - u).values[0] == 2
    assert (u * 1j).integral() == pytest.approx(2j, rel=1e-4)
    with pytest.raises(GridError, match="different grids"):
        u + pk.Grid(x=pk.Axis(0, 1, 201)).field(1.0)


def test_interpolation_orders_and_periodic_seam():
    errors = []
    for n in (16, 32, 64):
        grid = pk.Grid(x=pk.Axis(0, 2 * np.pi, n, periodic=True))
        points = np.linspace(-1, 7, 200)
        errors.append(np.max(np.abs(grid.field("exp(sin(x))").interpolate(points) - np.exp(np.sin(points)))))
    assert np.log2(errors[1] / errors[2]) > 3.5
    plane = pk.Grid(x=pk.Axis(0, 1, 9), y=pk.Axis(0, 1, 11)).field("x**3 - 2*x*y**2 + 1j*y")
    assert plane.interpolate([[0.33, 0.71]])[0] == pytest.approx(0.33**3 - 2 * 0.33 * 0.71**2 + 0.71j, rel=1e-12)
    with pytest.raises(GridError, match="outside"):
        plane.interpolate([[1.2, 0.5]])


def test_xarray_round_trip():
    field = pk.Grid(x=pk.Axis(0, 1, 5, unit="m")).field("x**2", name="u")
    array = field.to_xarray()
    assert array.name == "u" and array.x.attrs["units"] == "m" and np.array_equal(array.values, field.values)


@pytest.mark.parametrize("plane", [0.43, 0.5])
def test_interpolation_does_not_cross_planes(plane):
    """A cubic on either side of a jump is exact up to the plane, which lies between nodes or on one, and belongs to its left."""
    x, y = pk.Axis(0, 1, 21).divided([plane]), pk.Axis(0, 2, 9)
    grid = pk.Grid(x=x, y=y)

    def exact(x, y):
        return np.where(x <= plane, x**3 - 2 * x + y, 7 - x**2 + x * y**3)

    at = np.array([0.0, 0.4, plane - 1e-9, plane, plane + 1e-9, 0.44, 0.47, 0.7, 1.0])
    points = np.stack(np.meshgrid(at, np.linspace(0, 2, 7), indexing="ij"), axis=-1)
    field = grid.field(exact(grid.coordinates["x"], grid.coordinates["y"]))
    assert np.max(np.abs(field.interpolate(points) - exact(points[..., 0], points[..., 1]))) < 1e-12
