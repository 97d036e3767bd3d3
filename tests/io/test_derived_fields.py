"""Further fields that are stored with every frame: ``output: {fields: {flux: -k*u_x}}``."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from pdekit.errors import ConfigError, PdekitError
from pdekit.io.hdf5_reader import read_result


def rod(points=41, **output):
    return pk.Problem(
        pk.PDE("u_t = k*u_xx", parameters={"k": 0.1}),
        pk.Grid(x=pk.Axis(0, 1, points)),
        initial={"u": "sin(pi*x)"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        time=pk.TimeSettings(end=1.0),
        output=pk.OutputSettings(**{"frames": 5, "fields": {"flux": "-k*u_x", "share": "u/max(u)"}, **output}),
    )


def test_they_have_the_order_of_the_grid_at_the_faces_too():
    errors = []
    for points in (41, 81):
        s = rod(points).solve()
        x = s.grid.axes[0].nodes
        for k, t in enumerate(s.times):
            exact = -0.1 * np.pi * np.exp(-0.1 * np.pi**2 * t) * np.cos(np.pi * x)
            gap = np.max(np.abs(s.frame("flux", k).values - exact))
        errors.append(gap)
        assert s["share"].values == pytest.approx(np.sin(np.pi * x), abs=1e-12)
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.05)


def test_the_file_holds_them_and_a_resumed_run_goes_on_with_them(tmp_path):
    path = tmp_path / "rod.h5"
    whole = rod(frames=9).solve(t_end=2.0)
    rod(checkpoints=True).solve(output=path)
    assert read_result(path).variables == ("u", "flux", "share")
    gone_on = pk.resume(path, 2.0)
    assert gone_on["flux"].values == pytest.approx(whole["flux"].values, abs=1e-9)
    assert pk.open_result(path)["flux"].values == pytest.approx(gone_on["flux"].values, abs=0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"u": "u**2"}, "output.fields.u.*name of something else"),
        ({"x": "u"}, "output.fields.x"),
        ({"a b": "u"}, "no name"),
        ({"q": "w_x"}, "output.fields.q.*unknown name"),
        ({"q": "u(7.0)"}, "output.fields.q.*outside"),
    ],
)
def test_what_is_refused(fields, message):
    with pytest.raises((ConfigError, PdekitError), match=message):
        rod(fields=fields)


def test_the_greatest_of_complex_values_is_refused_here_too():
    grid = pk.Grid(x=pk.Axis(0, 1, 21, periodic=True))
    with pytest.raises(PdekitError, match=r"output.fields.q.*no order"):
        pk.Problem(pk.PDE("u_t = I*u_xx"), grid, initial={"u": 1}, output=pk.OutputSettings(fields={"q": "u/max(u)"}))
