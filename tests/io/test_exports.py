"""Other formats say what the results file says; VTK itself reads what is written for it."""

import csv

import numpy as np
import pytest
import xarray
from click.testing import CliRunner

import pdekit as pk
from pdekit.cli.commands import main
from pdekit.io.exports import EXPORTS


def plate(**axes):
    grid = pk.Grid(x=pk.Axis(0, 1, 5, **axes.get("x", {})), y=pk.Axis(0, 2, 4, **axes.get("y", {})))
    boundary = {"u": {n: pk.Neumann(0) for n in "xy" if not grid[n].periodic}}
    return pk.Problem(pk.PDE("u_t = laplace(u)"), grid, initial={"u": "x + 10*y"}, boundary=boundary).solve(
        t_end=0.1, frames=3
    )


def read_vtk(path, t):
    """Points and values at a time, as VTK gives them."""
    vtk = pytest.importorskip("vtk")
    from vtk.util.numpy_support import vtk_to_numpy

    reader = vtk.vtkHDFReader()
    reader.SetFileName(str(path))
    reader.UpdateInformation()
    steps = reader.GetOutputInformation(0).Get(vtk.vtkStreamingDemandDrivenPipeline.TIME_STEPS())
    reader.UpdateTimeStep(t)
    data = reader.GetOutput()
    points = np.array([data.GetPoint(k) for k in range(data.GetNumberOfPoints())])
    arrays = data.GetPointData()
    names = [arrays.GetArrayName(k) for k in range(arrays.GetNumberOfArrays())]
    return steps, points, {name: vtk_to_numpy(arrays.GetArray(name)) for name in names}, data.GetNumberOfCells()


@pytest.mark.parametrize(
    ("axes", "cells"),
    [
        ({}, 4 * 3),
        ({"y": {"periodic": True}}, 4 * 4),
        ({"x": {"spacing": {"tanh": 1.0}}}, 4 * 3),
        ({"x": {"spacing": "chebyshev"}, "y": {"periodic": True}}, 4 * 4),
    ],
)
def test_vtk_reads_every_frame_at_its_place(axes, cells, tmp_path):
    s = plate(**axes)
    path = pk.export(s, tmp_path / "u.vtkhdf")
    for k, t in enumerate(s.times):
        steps, points, arrays, count = read_vtk(path, t)
        assert np.allclose(steps, s.times) and count == cells
        values = s.frame("u", k)
        inside = np.mod(points[:, :2], [10.0, 2.0 if s.grid["y"].periodic else 10.0])
        assert np.allclose(points[:, 2], 0)
        nodes = [np.argmin(np.abs(inside[:, i, None] - a.nodes), axis=1) for i, a in enumerate(s.grid.axes)]
        assert np.allclose(inside, np.stack([a.nodes[n] for a, n in zip(s.grid.axes, nodes)], axis=1))
        assert np.array_equal(arrays["u"], values.values[tuple(nodes)])


def test_curved_grids_lie_where_they_are(tmp_path):
    disc = pk.Grid({"r": pk.Axis(0, 1, 6), "phi": pk.Axis(0, 2 * np.pi, 8, periodic=True)}, coordinates="polar")
    field = disc.field("r*cos(phi)")
    solution = pk.Solution(disc, np.zeros(1), {"u": field.values[None]})
    _, points, arrays, count = read_vtk(pk.export(solution, tmp_path / "disc.vtkhdf"), 0.0)
    assert count == 5 * 8 and np.allclose(arrays["u"], points[:, 0], atol=1e-14)  # r cos(phi) is x


def test_complex_and_one_dimension_and_steady(tmp_path):
    line = pk.Grid(x=pk.Axis(0, 1, 8, periodic=True))
    wave = pk.Problem(pk.PDE("u_t = I*u_xx"), line, initial={"u": "exp(2*pi*I*x)"}).solve(t_end=0.01, frames=2)
    _, points, arrays, _ = read_vtk(pk.export(wave, tmp_path / "w.vtkhdf"), 0.0)
    assert points.shape == (9, 3) and np.allclose(arrays["u_modulus"], 1)
    assert np.allclose(arrays["u_real"], np.cos(2 * np.pi * points[:, 0]))
    steady = pk.Problem(
        pk.PDE("0 = u_xx + 2"), pk.Grid(x=pk.Axis(0, 1, 9)), boundary={"u": {"x": pk.Dirichlet(0)}}
    ).solve()
    _, points, arrays, _ = read_vtk(pk.export(steady, tmp_path / "s.vtkhdf"), 0.0)
    assert np.allclose(arrays["u"], points[:, 0] * (1 - points[:, 0]), atol=1e-13)


def test_tables_and_arrays(tmp_path):
    s = plate()
    with xarray.open_dataset(pk.export(s, tmp_path / "u.nc"), engine="h5netcdf") as data:
        assert np.array_equal(data["u"].values, s.values["u"]) and data["u"].dims == ("t", "x", "y")
    with np.load(pk.export(s, tmp_path / "u.npz")) as archive:
        assert np.array_equal(archive["u"], s.values["u"]) and np.array_equal(archive["y"], s.grid["y"].nodes)
    with pk.export(s, tmp_path / "u.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["t", "x", "y", "u"] and len(rows) == 1 + 3 * 20
    assert np.array_equal(np.array(rows[1:], dtype=float)[:, 3], s.values["u"].ravel())


def test_the_command(tmp_path):
    plate_file = tmp_path / "a.h5"
    problem = pk.Problem(
        pk.PDE("u_t = u_xx"), pk.Grid(x=pk.Axis(0, 1, 5)), initial={"u": "x"}, boundary={"u": {"x": pk.Neumann(0)}}
    )
    problem.solve(t_end=0.1, output=plate_file)
    words = ["export", str(plate_file), "-o", str(tmp_path / "a.npz")]
    assert CliRunner().invoke(main, words).exit_code == 0
    again = CliRunner().invoke(main, words)
    assert again.exit_code == 2 and "exists" in again.output
    assert CliRunner().invoke(main, [*words, "--force"]).exit_code == 0
    wrong = CliRunner().invoke(main, [*words[:3], str(tmp_path / "a.xyz")])
    assert wrong.exit_code == 2 and "allowed are .vtkhdf" in wrong.output


def test_a_file_that_cannot_be_written_is_as_it_was(tmp_path, monkeypatch):
    """The disk is full half-way: what was there before stays, and nothing else."""
    path = tmp_path / "a.csv"
    path.write_text("before")

    def fill(solution, path):
        path.write_text("half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(EXPORTS, ".csv", fill)
    with pytest.raises(pk.PdekitError, match=r"a.csv cannot be written: .*No space left"):
        pk.export(plate(), path, force=True)
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_capital_endings(tmp_path):
    solution = plate()
    assert np.array_equal(np.load(pk.export(solution, tmp_path / "A.NPZ"))["u"], solution.values["u"])
    assert [p.name for p in tmp_path.iterdir()] == ["A.NPZ"]


def test_vtk_reads_scalar_unknowns_as_numbers_of_every_step(tmp_path):
    """S' = -int u dx: what VTK finds in its field data is what the solution holds."""
    vtk = pytest.importorskip("vtk")
    pde = pk.PDE(["u_t = laplace(u)", "S_t = -integral(u)"], scalars=["S"])
    for axes in ({"x": pk.Axis(0, 1, 9)}, {"x": pk.Axis(0, 1, 9), "y": pk.Axis(0, 1, 5, periodic=True)}):
        problem = pk.Problem(
            pde, pk.Grid(axes), initial={"u": "sin(pi*x)", "S": "1"}, boundary={"u": {"x": pk.Dirichlet(0)}}
        )
        solution = problem.solve(t_end=0.1, frames=3)
        reader = vtk.vtkHDFReader()
        reader.SetFileName(str(pk.export(solution, tmp_path / f"{len(axes)}.vtkhdf")))
        reader.UpdateInformation()
        for k, expected in enumerate(solution.scalars["S"]):
            reader.SetStep(k)
            reader.Update()
            found = reader.GetOutputDataObject(0).GetFieldData().GetArray("S")
            assert found.GetNumberOfTuples() == 1 and found.GetTuple1(0) == expected
