"""The results file: self-describing, streamed, and valid whatever happens to the writer."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
import xarray

import pdekit as pk
from pdekit.errors import StabilityError, StorageError
from pdekit.io.hdf5_reader import read_result
from pdekit.io.load import loads
from pdekit.io.superblock import lookup3
from pdekit.settings import OutputSettings


def rod(**options):
    return pk.Problem(
        pk.PDE("u_t = D*u_xx", parameters={"D": 0.1}),
        pk.Grid(x=pk.Axis(0, 1, 21, unit="m", long_name="position")),
        initial={"u": "sin(pi*x)"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        exact={"u": "exp(-D*pi**2*t)*sin(pi*x)"},
        title="Rod",
        labels={"u": {"units": "K", "long_name": "temperature"}},
        **options,
    )


def test_file_equals_memory_and_opens_in_xarray(tmp_path):
    path = tmp_path / "deep" / "rod.h5"
    solution = rod().solve(t_end=1.0, every=0.25, output=path)
    with xarray.open_dataset(path, engine="h5netcdf") as data:
        assert dict(data.sizes) == {"t": 5, "x": 21}
        assert np.array_equal(data.u.values, solution.values["u"]) and np.array_equal(data.t, [0, 0.25, 0.5, 0.75, 1])
        assert data.u.attrs["units"] == "K" and data.u.attrs["long_name"] == "temperature"
        assert data.x.attrs["units"] == "m" and data.attrs["status"] == "complete"
        assert data.attrs["method"] == solution.method and "exact in time" in data.attrs["method_reasons"]
        assert json.loads(data.attrs["statistics"])["steps"] == solution.statistics["steps"]
        assert loads(data.attrs["config"]).to_yaml() == data.attrs["config"]
    again = pk.open_result(path)
    assert again.errors() == solution.errors() and again["u"].grid == solution.grid
    assert path.stat().st_size < 100_000


def test_complex_steady_periodic_and_second_order(tmp_path):
    ring = pk.Grid(x=pk.Axis(0, 1, 16, periodic=True))
    wave = pk.Problem(pk.PDE("psi_t = I*psi_xx"), ring, initial={"psi": "exp(2*pi*I*x)"})
    solution = wave.solve(t_end=0.01, output=tmp_path / "psi.h5")
    with xarray.open_dataset(tmp_path / "psi.h5", engine="h5netcdf") as data:
        assert data.psi.dtype == complex and np.array_equal(data.psi.values, solution.values["psi"])
    assert pk.open_result(tmp_path / "psi.h5").grid.axes[0].periodic
    steady = pk.Problem(pk.PDE("0 = u_xx + 1"), pk.Grid(x=pk.Axis(0, 1, 9)), boundary={"u": {"x": pk.Dirichlet(0)}})
    steady.solve(output=tmp_path / "steady.h5")
    with xarray.open_dataset(tmp_path / "steady.h5", engine="h5netcdf") as data:
        assert data.u.dims == ("x",) and float(data.u.max()) == pytest.approx(0.125)
    string = pk.Problem(
        pk.PDE("u_tt = u_xx"),
        pk.Grid(x=pk.Axis(0, 1, 9)),
        initial={"u": "0", "u_t": "x*(1 - x)"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
    )
    string.solve(t_end=0.1, output=tmp_path / "string.h5")
    assert read_result(tmp_path / "string.h5").variables == ("u", "u_t")


def test_existing_file_is_kept_unless_forced(tmp_path):
    path = tmp_path / "rod.h5"
    rod().solve(t_end=0.1, output=path)
    before = path.read_bytes()
    with pytest.raises(StorageError, match="exists already"):
        rod().solve(t_end=0.2, output=path)
    assert path.read_bytes() == before
    with pytest.raises(StabilityError):  # refused before the first frame: the old file stays
        rod().solve(t_end=0.2, output=path, force=True, method="euler", step=0.1)
    assert path.read_bytes() == before
    rod().solve(t_end=0.2, output=path, force=True)
    assert read_result(path).times[-1] == 0.2
    assert [p.name for p in tmp_path.iterdir()] == ["rod.h5"]


def test_a_failed_run_leaves_a_valid_file_that_says_why(tmp_path):
    path = tmp_path / "burst.h5"
    problem = pk.Problem(
        pk.PDE("u_t = u_xx + u**3"),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        initial={"u": "4 + 0*x"},
        boundary={"u": {"x": pk.Neumann(0)}},
    )
    with pytest.raises(StabilityError):
        problem.solve(t_end=1.0, every=0.005, output=path)
    stored = read_result(path)
    assert stored.attributes["status"] == "failed" and "t = 0.03" in stored.attributes["message"]
    assert stored.times.size >= 5 and np.all(np.isfinite(stored.read("u")))


SLOW = """
import time, sys, pdekit as pk
problem = pk.Problem(pk.PDE("u_t = laplace(u)"), pk.Grid(x=pk.Axis(0, 1, 60), y=pk.Axis(0, 1, 60)), initial={"u": "x*y"},
                     boundary={"u": {"x": pk.Neumann(0), "y": pk.Neumann(0)}})
problem.solve(t_end=10.0, method="rk4", step=1e-5, every=2e-5, output=sys.argv[1], keep=False)
"""


@pytest.mark.parametrize("attempt", range(3))
def test_kill_9_leaves_a_file_that_anything_opens(tmp_path, attempt):
    """Readable while it grows and after the writer was killed at any instant, by pdekit, h5py and xarray."""
    path = tmp_path / "killed.h5"
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(path)])
    try:
        start = time.monotonic()
        while not path.exists() and time.monotonic() - start < 60:
            time.sleep(0.01)
        time.sleep(0.4 + 0.137 * attempt)
        growing = read_result(path)
        live = growing.read("u", -1)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert growing.times.size > 0 and np.all(np.isfinite(live)) and live.mean() == pytest.approx(0.25, abs=0.01)
    stored = read_result(path)
    assert stored.times.size >= growing.times.size and stored.attributes["status"] == "running"
    assert np.allclose(np.diff(stored.times), 2e-5)
    assert np.all(np.isfinite(stored.read("u")))
    with xarray.open_dataset(path, engine="h5netcdf") as data:
        assert data.sizes["t"] >= stored.times.size
        assert np.all(np.isfinite(data.u.values[: stored.times.size]))
    with h5py.File(path, "r") as file:
        assert file["u"].shape[0] >= stored.times.size


def test_lookup3_reference_values():
    """Values printed by the driver of Jenkins' lookup3.c."""
    assert lookup3(b"") == 0xDEADBEEF
    assert lookup3(b"Four score and seven years ago") == 0x17770551


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: read_result(p / "none.h5"), "no such file"),
        (lambda p: read_result(p / "text.h5"), "not a results file"),
        (lambda p: read_result(p / "other.h5"), "not a results file of pdekit"),
        (lambda p: rod().solve(t_end=0.1, output=p), "is a folder"),
        (lambda p: rod().solve(t_end=0.1, output=p / "text.h5" / "x.h5"), "cannot be written"),
        (lambda p: pk.open_result(p / "good.h5").frame("w"), "no variable 'w'"),
        (
            lambda p: rod(time=pk.TimeSettings(end=1.0)).replace(initial={"u": pk.FileData(str(p / "no.npz"), "u")}),
            "no such file",
        ),
    ],
)
def test_refusals(tmp_path, make, words):
    (tmp_path / "text.h5").write_text("no HDF5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = 1
    rod().solve(t_end=0.01, output=tmp_path / "good.h5")
    with pytest.raises(pk.PdekitError, match=words):
        make(tmp_path)


def test_derivatives_of_columns(tmp_path):
    s = np.linspace(0, 2, 31) ** 1.5
    np.savetxt(tmp_path / "a.csv", np.column_stack([s, s**2, np.sin(s)]), delimiter=",", header="s,u,w", comments="")
    np.savez(tmp_path / "a.npz", s=s, u=s**2)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["s"], file["u"] = s, s**2
    for name in ("a.csv", "a.npz", "a.h5"):
        field = pk.read_columns(tmp_path / name, "s", "u")
        assert field.grid.names == ("s",) and np.allclose(
            pk.derivative(field.grid, "s")(field).values, 2 * s, atol=1e-10
        )
    with pytest.raises(StorageError, match="no column 'q'; there are"):
        pk.read_columns(tmp_path / "a.csv", "s", "q")


def test_initial_data_from_files(tmp_path):
    values = np.random.default_rng(0).standard_normal(21)
    np.savez(tmp_path / "a.npz", w=values)
    np.save(tmp_path / "a.npy", values)
    np.savetxt(tmp_path / "a.csv", values, delimiter=",")
    rod().solve(t_end=0.5, output=tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        last = file["u"][-1]
    for data, expected in (
        (pk.FileData(str(tmp_path / "a.npz"), "w"), values),
        (pk.FileData(str(tmp_path / "a.npy")), values),
        (pk.FileData(str(tmp_path / "a.csv")), values),
        (pk.FileData(str(tmp_path / "a.h5"), "u"), last),
    ):
        assert np.array_equal(rod().replace(initial={"u": data}).initial_fields()["u"], expected)
    np.savetxt(tmp_path / "b.csv", np.column_stack([values, -values]), delimiter=",", header="v,w", comments="")
    column = rod().replace(initial={"u": pk.FileData(str(tmp_path / "b.csv"), "w")}).initial_fields()["u"]
    assert np.array_equal(column, -values)
    with pytest.raises(StorageError, match="no variable 'q'; there are"):
        rod().replace(initial={"u": pk.FileData(str(tmp_path / "a.npz"), "q")}).initial_fields()


def test_no_mark_of_a_writer_is_left_while_it_writes(tmp_path):
    """A marked file is refused by every reader, after kill -9 too; flushing an attribute of checkpoints left the mark."""
    path, seen = tmp_path / "rod.h5", []

    def look(t, steps):
        if path.exists():
            seen.append(path.read_bytes()[11])  # opened by HDF5 in this process it would be written to

    text = "output: {every: 0.01, checkpoints: true, series: {heat: integral(u)}}\ntime: {end: 0.5, method: rk4, step: 0.0005}"
    loads(f"""
grid: {{x: {{range: [0, 1], points: 21}}}}
equations: u_t = u_xx
initial: {{u: sin(pi*x)}}
boundary: {{u: {{x: {{dirichlet: 0}}}}}}
{text}
""").solve(output=path, progress=look)
    assert len(seen) > 900 and set(seen) == {0}


@pytest.mark.parametrize("steady", [False, True])
def test_a_flipped_bit_is_noticed(steady, tmp_path):
    path = tmp_path / "rod.h5"
    grid, boundary = pk.Grid(x=pk.Axis(0, 1, 33)), {"u": {"x": pk.Dirichlet(0)}}
    pde = pk.PDE("0 = u_xx + 1" if steady else "u_t = u_xx")
    given = {} if steady else {"t_end": 0.1, "frames": 4}
    problem = pk.Problem(pde, grid, initial={"u": "sin(pi*x)"}, boundary=boundary)
    solution = problem.solve(output=path, **given)
    assert np.array_equal(pk.open_result(path).values["u"], solution.values["u"])
    frame = solution.values["u"] if steady else solution.values["u"][2]
    content = bytearray(path.read_bytes())
    content[content.index(np.ascontiguousarray(frame).tobytes()) + 8 * 7] ^= 1  # the last bit of one number
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"damaged: the numbers of u.* are not those that were stored"):
        pk.open_result(path)
    if not steady:
        assert np.array_equal(read_result(path).read("u", 1), solution.values["u"][1])  # the others are whole


def test_series_of_complex_problems_are_real_where_they_are_so(tmp_path):
    """Schroedinger's equation keeps the norm, which for exp(-x^2/2) is sqrt(pi); the file holds what memory holds."""
    grid = pk.Grid(x=pk.Axis(-8, 8, 81))
    problem = pk.Problem(
        pk.PDE("psi_t = I*(0.5*psi_xx - 0.5*x**2*psi)"),
        grid,
        initial={"psi": "exp(-x**2/2)"},
        boundary={"psi": {"x": pk.Dirichlet(0)}},
        output=OutputSettings(series={"n": "integral(abs(psi)**2)", "tip": "real(psi(0.5))", "sum": "integral(psi)"}),
    )
    solution = problem.solve(t_end=0.2, output=tmp_path / "psi.h5")
    kinds = {"n": "f", "tip": "f", "sum": "c"}
    with h5py.File(tmp_path / "psi.h5") as file:
        for name, kind in kinds.items():
            assert file[f"series/{name}"].dtype.kind == kind == solution.series[name].dtype.kind
            assert np.array_equal(file[f"series/{name}"], solution.series[name])
    assert np.allclose(solution.series["n"], np.sqrt(np.pi), rtol=1e-5)
    assert np.allclose(solution.series["sum"][0], np.sqrt(2 * np.pi), rtol=1e-5)
