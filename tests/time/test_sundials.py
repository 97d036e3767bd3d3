"""CVODE and IDA: against exact solutions and our own methods; what is said where the library is missing."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from pdekit.time import sundials_methods
from tests.time.adaptive import MISSING

ENDS = {"left": pk.Dirichlet(0), "right": pk.Dirichlet("sin(t)")}


def reaction(axes="x", points=41):
    grid = pk.Grid({name: pk.Axis(0, 1, points) for name in axes})
    closed = dict.fromkeys(axes[1:], pk.Neumann(0))
    return pk.Problem(
        pk.PDE("u_t = laplace(u) + u*(1 - u)"), grid, initial={"u": 0}, boundary={"u": {"x": ENDS, **closed}}
    )


def mixed():
    """v is algebraic; u = exp(-t) cos(x), v = u/2 solve it."""
    known = {"u": "exp(-t)*cos(x)", "v": "exp(-t)*cos(x)/2"}
    conditions = {u: {"x": {"left": pk.Dirichlet(f), "right": pk.Dirichlet(f)}} for u, f in known.items()}
    h = np.pi / 40
    second = (2 - 2 * np.cos(h)) / h**2  # of the cosine on the grid
    return pk.Problem(
        pk.PDE(
            ["u_t = u_xx + s*u - 2*v", "0 = v_xx + s*v - v + u/2"], parameters={"s": float(second)}, unknowns=["u", "v"]
        ),
        pk.Grid(x=pk.Axis(0, np.pi, 41)),
        initial={"u": "cos(x)", "v": 0},
        boundary=conditions,
        exact=known,
    )


@MISSING
@pytest.mark.parametrize("method", ["cvode", "ida"])
@pytest.mark.parametrize("axes", ["x", "xy"])
def test_against_radau(method, axes):
    problem = reaction(axes, 21)
    known = problem.solve(t_end=1.0, method="Radau", rtol=1e-10).values["u"]
    for rtol in (1e-4, 1e-6):
        found = problem.solve(t_end=1.0, method=method, rtol=rtol).values["u"]
        assert np.max(np.abs(found - known)) <= 30 * rtol


@MISSING
@pytest.mark.parametrize("solver", ["auto", "sparse_lu", "krylov"])
def test_with_our_linear_solvers(solver):
    problem = reaction("xy", 21).replace(time=pk.TimeSettings(end=1.0, solver=solver))
    known = problem.solve(method="Radau", rtol=1e-10).values["u"]
    solution = problem.solve(method="cvode")
    assert np.max(np.abs(solution.values["u"] - known)) <= 3e-5
    assert solution.statistics["factorisations"] < solution.statistics["steps"]


@MISSING
def test_algebraic_equations_by_ida():
    solution = mixed().solve(t_end=1.0, method="ida")
    assert solution.error("u") < 1e-5 and solution.error("v") < 1e-5
    with pytest.raises(pk.PdekitError, match="use ida"):
        mixed().solve(t_end=1.0, method="cvode")


@MISSING
@pytest.mark.parametrize("method", ["cvode", "ida"])
def test_jumps_and_complex_unknowns(method):
    pulse = pk.Problem(
        pk.PDE("u_t = where(t > 0.3, 1, 0)*where(t < 0.31, 1, 0) - 0*u"),
        pk.Grid(x=pk.Axis(0, 1, 8, periodic=True)),
        initial={"u": 1},
    )
    assert pulse.solve(t_end=1.0, method=method)["u"].values == pytest.approx(1.01, abs=1e-7)
    turning = pk.Problem(
        pk.PDE("u_t = I*abs(u)**2*u"), pk.Grid(x=pk.Axis(0, 1, 8, periodic=True)), initial={"u": "1 + x"}
    )
    r = 1 + turning.grid["x"].nodes
    found = turning.solve(t_end=1.0, method=method)["u"].values
    assert np.max(np.abs(found - r * np.exp(1j * r**2))) <= 60e-6


@MISSING
def test_checkpoints_with_cvode(tmp_path):
    problem = reaction().replace(output=pk.OutputSettings(checkpoints=True, frames=9))
    whole = problem.solve(t_end=2.0, method="cvode").values["u"]

    class Stopped(Exception):  # noqa: N818
        pass

    def stop(t, steps):
        if t > 1.1:
            raise Stopped

    path = tmp_path / "run.h5"
    with pytest.raises(Stopped):
        problem.replace(time=pk.TimeSettings(end=2.0, method="cvode")).solve(output=path, progress=stop)
    assert np.array_equal(pk.resume(path).values["u"], whole)


def test_what_is_to_be_installed(monkeypatch):
    monkeypatch.setattr(sundials_methods, "find_spec", lambda name: None)
    with pytest.raises(pk.PdekitError, match=r"pip install 'pdekit\[sundials\]'") as refusal:
        reaction().solve(t_end=1.0, method="cvode")
    assert refusal.value.key == "time.method"
    assert reaction().choice(t_end=1.0).method.name not in ("cvode", "ida")
