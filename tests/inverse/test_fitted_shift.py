"""Confidence intervals say nothing of the grid: what it does to fitted numbers is estimated beside them."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

import pdekit as pk
from pdekit.cli.commands import main
from pdekit.verification.fitted_shift import fitted_shifts

D, N = 0.3, 41
T = np.linspace(0.1, 1, 10)


def rod(n, noise):
    problem = pk.Problem(
        pk.PDE("u_t = D*u_xx", parameters={"D": 0.5}),
        pk.Grid(x=pk.Axis(0, 1, n)),
        initial={"u": "sin(pi*x)"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        time=pk.TimeSettings(end=1.0, rtol=1e-8),
    )
    return problem, {"t": T, "x": 0.5 + 0 * T, "u": np.exp(-D * np.pi**2 * T) + noise * np.sin(50 * T)}


def test_the_shift_is_that_of_the_eigenvalue_on_the_grid(figure):
    """sin(pi x) decays at D (2/h sin(pi h/2))^2, so that D is found too large by D pi^2 h^2/12."""
    problem, data = rod(N, 1e-6)
    fitted = pk.fit(problem, data, ["D"])
    known = D * np.pi**2 / (12 * (N - 1) ** 2)
    (shift,) = fitted_shifts(fitted, data, ["D"]).values()
    figure("shift of D by the grid, estimated beside known", shift / known, "0.95 to 1.05")
    assert shift == pytest.approx(known, rel=0.05) and fitted["D"] - D == pytest.approx(known, rel=0.05)
    assert shift > 5 * fitted.half_widths["D"]


def test_no_estimate_where_there_is_no_coarser_grid():
    problem, data = rod(5, 1e-6)
    assert fitted_shifts(pk.fit(problem, data, ["D"]), data, ["D"]) is None


@pytest.mark.parametrize(
    ("n", "noise", "words"),
    [
        (N, 1e-6, "error of the grid shifts it by about 0.00015"),
        (N, 0.01, None),
        (5, 0.01, "nothing of the error of the grid"),
    ],
)
def test_what_is_printed(n, noise, words, tmp_path):
    problem, data = rod(n, noise)
    (tmp_path / "rod.yaml").write_text(problem.to_yaml())
    rows = "\n".join(f"{t},{x},{u:.12g}" for t, x, u in zip(*data.values()))
    (tmp_path / "rod.csv").write_text(f"t,x,u\n{rows}\n")
    done = CliRunner().invoke(
        main, ["fit", str(tmp_path / "rod.yaml"), "--data", str(tmp_path / "rod.csv"), "parameters.D"]
    )
    assert done.exit_code == 0, done.output
    assert ("error of the grid" in done.output) == (words is not None) and (words or "fitted") in done.output
