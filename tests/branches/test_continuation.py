"""Branches against known folds, bifurcation points and exact solutions."""

from __future__ import annotations

import numpy as np
import pytest
import xarray
from click.testing import CliRunner

import pdekit as pk
from pdekit.branches.family import SteadyFamily
from pdekit.cli.commands import main

FOLD_1D = 3.513830719125  # 8 (z/cosh z)^2 with z tanh z = 1
FOLD_2D = 6.808124423  # J. P. Boyd, J. Sci. Comput. 1 (1986) 183-206


def line(n, length=1.0):
    return pk.Grid(x=pk.Axis(0, length, n))


def bratu(n, lam=1.0, order=2, **options):
    pde = pk.PDE("0 = u_xx + lam*exp(u)", parameters={"lam": lam})
    return pk.Problem(pde, line(n), boundary={"u": {"x": pk.Dirichlet(0)}}, order=order, **options)


def brusselator(Du, Dv, n=41, length=10.0):
    """About (A, B/A): the Jacobian of each mode is two by two."""
    pde = pk.PDE(
        ["u_t = A - (B + 1)*u + u**2*v + Du*u_xx", "v_t = B*u - u**2*v + Dv*v_xx"],
        parameters={"A": 2.0, "B": 2.0, "Du": Du, "Dv": Dv},
    )
    ends = {"x": pk.Neumann(0)}
    return pk.Problem(pde, line(n, length), initial={"u": "A", "v": "B/A"}, boundary={"u": ends, "v": ends})


def squared_wavenumbers(n, length):
    """Of second differences with closed ends."""
    h = length / (n - 1)
    return (2 * np.sin(np.arange(n) * np.pi * h / length / 2) / h) ** 2


@pytest.mark.parametrize(("order", "sizes"), [(2, (51, 101)), (4, (21, 41))])
def test_fold_of_bratu_at_the_order_of_the_grid(order, sizes):
    errors = []
    for n in sizes:
        branch = pk.continuation(bratu(n, order=order), "lam", to=4.0)
        (fold,) = branch.singular_points
        assert fold.kind == "fold" and branch.ended == "came back to lam = 1"
        errors.append(abs(fold.value - FOLD_1D))
    assert errors[1] < 1e-3 and np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.2)


def test_both_branches_of_bratu_are_exact_and_one_is_stable():
    """u = -2 log(cosh(theta (x - 1/2)/2)/cosh(theta/4)), theta/cosh(theta/4) = sqrt(2 lam), two roots."""
    from scipy.optimize import brentq

    branch = pk.continuation(bratu(61, lam=0.5, order=6), "lam", to=4.0)
    turning = int(np.argmax(branch.values))
    assert np.all(branch.stable[:turning]) and not np.any(branch.stable[turning + 1 :])
    assert np.all(branch.unstable <= 1)
    for index, bracket in ((3, (0.01, 4.7)), (branch.size - 1, (4.9, 30))):
        lam = branch.values[index]
        theta = brentq(lambda s, lam=lam: s / np.cosh(s / 4) - np.sqrt(2 * lam), *bracket)
        x = branch.grid.coordinates["x"]
        exact = -2 * np.log(np.cosh(theta * (x - 0.5) / 2) / np.cosh(theta / 4))
        assert np.max(np.abs(branch.field(index).values - exact)) < 1e-5
    assert len(branch.at(2.0)) == 2


def test_fold_in_two_dimensions():
    """By ARPACK: an eigenvalue that has grown to 460 is not lost, and no branch point is found where there is none."""
    errors = []
    for n in (17, 33):
        grid = pk.Grid(x=pk.Axis(0, 1, n), y=pk.Axis(0, 1, n))
        sides = {"x": pk.Dirichlet(0), "y": pk.Dirichlet(0)}
        pde = pk.PDE("0 = laplace(u) + lam*exp(u)", parameters={"lam": 0.5})
        branch = pk.continuation(pk.Problem(pde, grid, boundary={"u": sides}, order=4), "lam", to=8.0)
        (fold,) = branch.singular_points
        assert branch.unstable[-1] == 1 and branch.eigenvalues[-1, 0].real > 400
        errors.append(abs(fold.value - FOLD_2D))
    assert errors[1] < 1e-4 and np.log2(errors[0] / errors[1]) == pytest.approx(4, abs=0.3)


def test_natural_continuation_ends_at_the_fold():
    branch = pk.continuation(bratu(41, order=4), "lam", to=4.0, method="natural")
    assert np.all(branch.stable) and np.all(np.diff(branch.values) > 0)
    assert "a fold may be there" in branch.ended and branch.values[-1] == pytest.approx(FOLD_1D, abs=1e-4)


def test_pitchforks_of_the_trivial_branch():
    """u_t = u_xx + lam u - u^3 about 0: lam = (2 sin(k pi h/2)/h)^2."""
    pde = pk.PDE("u_t = u_xx + lam*u - u**3", parameters={"lam": 5.0})
    problem = pk.Problem(pde, line(41), initial={"u": 0}, boundary={"u": {"x": pk.Dirichlet(0)}})
    branch = pk.continuation(problem, "lam", to=50.0)
    expected = squared_wavenumbers(41, 1.0)[1:3]
    assert [p.kind for p in branch.singular_points] == ["branch point"] * 2
    assert np.allclose([p.value for p in branch.singular_points], expected, rtol=1e-7)
    assert branch.values[-1] == 50.0 and branch.ended == "reached lam = 50"


def test_hopf_points_of_the_brusselator():
    """B = 1 + A^2 + (Du + Dv) k^2 with frequency sqrt(det): the first is 5, frequency A = 2."""
    branch = pk.continuation(brusselator(1.0, 1.0), "B", to=6.0)
    q = squared_wavenumbers(41, 10.0)
    expected = 5 + 2 * q
    expected = expected[expected < 6]
    assert [p.kind for p in branch.singular_points] == ["Hopf"] * expected.size
    assert np.allclose([p.value for p in branch.singular_points], expected, rtol=1e-7)
    B, q = expected, q[: expected.size]
    frequency = np.sqrt((B - 1 - q) * (-4 - q) + 4 * B)
    assert np.allclose([p.frequency for p in branch.singular_points], frequency, rtol=1e-6)


def test_turing_points_of_the_brusselator():
    """det = 0: B = (1 + Du q)(A^2 + Dv q)/(Dv q)."""
    branch = pk.continuation(brusselator(1.0, 8.0), "B", to=4.5)
    q = squared_wavenumbers(41, 10.0)[1:]
    expected = np.sort((1 + q) * (4 + 8 * q) / (8 * q))
    expected = expected[expected < 4.5]
    assert [p.kind for p in branch.singular_points] == ["branch point"] * expected.size
    assert np.allclose([p.value for p in branch.singular_points], expected, rtol=1e-6)


def test_hysteresis_has_two_folds():
    """p + u - u^3: at u = -+1/sqrt(3), p = +-2/(3 sqrt(3)); even states, with ends closed, are stable outside of the folds."""
    pde = pk.PDE("u_t = 10*u_xx + p + u - u**3", parameters={"p": -1.0})
    even = pk.Problem(pde, line(21), initial={"u": -1.3}, boundary={"u": {"x": pk.Neumann(0)}})
    branch = pk.continuation(even, "p", to=1.0, measure="mean(u)")
    first, second = branch.singular_points
    assert (first.kind, second.kind) == ("fold", "fold") and branch.ended == "reached p = 1"
    assert first.value == pytest.approx(2 / (3 * np.sqrt(3)), rel=1e-12) and second.value == pytest.approx(-first.value)
    assert first.measure == pytest.approx(-1 / np.sqrt(3), rel=1e-7)
    assert np.array_equal(branch.stable, np.abs(branch.measure) > 1 / np.sqrt(3))


def test_what_the_grid_does_not_resolve_is_told():
    """Central differences with a cell Peclet number of 10 oscillate."""
    pde = pk.PDE("u_t = 0.01*u_xx - p*u_x + 1", parameters={"p": 0.1})
    carried = pk.Problem(pde, line(41), initial={"u": 0}, boundary={"u": {"x": pk.Dirichlet(0)}})
    branch = pk.continuation(carried, "p", to=4.0)
    assert branch.notes[0].startswith("u oscillates from node to node along x from p = ")
    assert pk.continuation(carried, "p", to=0.3).notes == ()


@pytest.mark.parametrize("n", [21, 601])
def test_waves_become_unstable_where_their_stiffness_does(n):
    """A hanging chain that is turned over, u_tt = u_xx + p u: omega^2 = q - p, unstable from the first q on; dense and by ARPACK."""
    pde = pk.PDE("u_tt = u_xx + p*u", parameters={"p": 0.0})
    chain = pk.Problem(pde, line(n), initial={"u": 0, "u_t": 0}, boundary={"u": {"x": pk.Dirichlet(0)}})
    branch = pk.continuation(chain, "p", to=20.0, step=5.0)
    q = squared_wavenumbers(n, 1.0)[1]
    (point,) = branch.singular_points
    assert point.kind == "branch point" and point.value == pytest.approx(q, rel=1e-6)
    assert branch.eigenvalues[-1, 0] == pytest.approx(np.sqrt(20 - q), rel=1e-6)
    assert np.all(branch.eigenvalues[0].real == 0) and np.min(np.abs(branch.eigenvalues[0])) == pytest.approx(
        np.sqrt(q)
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda lam: ("0 = div((1 + lam*u**2)*grad(u)) + b", {"b": "lam**2"}, pk.Dirichlet("lam")),
        lambda lam: ("0 = u_xx - u**2", {}, pk.Robin("lam", 1, "3*lam")),
        lambda lam: ("u_t = u_xx + u*u_x", {}, pk.Neumann("lam*u**4")),
    ],
)
def test_one_discretization_serves_all_values(make):
    """F and its Jacobian with the parameter in the place of time are those of the problem made for the value."""

    def problem(lam):
        equation, more, ends = make(lam)
        pde = pk.PDE(equation, parameters={"lam": lam, **more})
        return pk.Problem(pde, line(21), initial={"u": "1 + x"}, boundary={"u": {"x": ends}})

    family, direct = SteadyFamily(problem(0.3), "lam"), problem(1.7).semidiscrete
    y = np.random.default_rng(1).random(direct.size) + 0.5
    scale = abs(direct.jacobian(0.0, y)).max()
    assert np.max(np.abs(family.residual(y, 1.7) - direct.rhs(0.0, y))) < 1e-13 * scale
    assert abs(family.jacobian(y, 1.7) - direct.jacobian(0.0, y)).max() < 1e-13 * scale


def test_python_right_hand_side():
    """u = +-sqrt(lam) of lam - u^2: a fold at 0, eigenvalue -2 u."""
    pde = pk.PDE(rhs=lambda u, lam: lam - u**2, unknowns=("u",), parameters={"lam": 1.0})
    branch = pk.continuation(pk.Problem(pde, line(3), initial={"u": 0.9}), "lam", to=-1.0)
    (fold, *_) = branch.folds
    assert fold.value == pytest.approx(0, abs=1e-9)
    assert np.allclose(branch.measure[branch.stable], np.sqrt(branch.values[branch.stable]), atol=1e-9)
    assert branch.values[-1] == pytest.approx(1.0) and branch.measure[-1] == pytest.approx(-1.0)
    assert np.allclose(branch.eigenvalues[-1], 2.0)


def test_the_sign_of_a_steady_equation_does_not_matter():
    pde = pk.PDE("0 = -u_xx - lam*exp(u)", parameters={"lam": 1.0})
    turned = pk.Problem(pde, line(31), boundary={"u": {"x": pk.Dirichlet(0)}})
    one, other = (pk.continuation(p, "lam", to=4.0) for p in (bratu(31), turned))
    assert np.allclose(one.eigenvalues, other.eigenvalues) and np.array_equal(one.unstable, other.unstable)


def test_the_file_opens_in_xarray_and_comes_back(tmp_path):
    problem = bratu(31, labels={"u": {"units": "K", "long_name": "temperature"}}, title="Bratu")
    branch = pk.continuation(problem, "lam", to=4.0, measure="integral(u)/2").save(tmp_path / "b.h5")
    with xarray.open_dataset(tmp_path / "b.h5", engine="h5netcdf") as data:
        assert data.u.dims == ("point", "x") and data.lam.dims == ("point",) and "lam" in data.u.coords
        assert np.array_equal(data.u.values, branch.fields["u"]) and data.u.attrs["units"] == "K"
        assert np.allclose(2 * data.measure, data.u.integrate("x"), rtol=1e-12)
    with xarray.open_dataset(tmp_path / "b.h5", engine="h5netcdf", group="singular_points") as data:
        assert list(data.kind.values) == ["fold"] and data.lam[0] == branch.folds[0].value
    again = pk.open_branch(tmp_path / "b.h5")
    for name in ("values", "arclength", "measure", "unstable", "eigenvalues"):
        assert np.array_equal(getattr(again, name), getattr(branch, name))
    assert again.grid == branch.grid and again.ended == branch.ended and again.folds[0].value == branch.folds[0].value
    with pytest.raises(pk.PdekitError, match="open_branch"):
        pk.open_result(tmp_path / "b.h5")
    with pytest.raises(pk.PdekitError, match="exists already"):
        branch.save(tmp_path / "b.h5")


def test_names_of_the_problem_come_first(tmp_path):
    pde = pk.PDE("0 = measure_xx + mode*exp(measure)", parameters={"mode": 1.0})
    problem = pk.Problem(pde, line(11), boundary={"measure": {"x": pk.Dirichlet(0)}})
    branch = pk.continuation(problem, "mode", to=2.0).save(tmp_path / "b.h5")
    assert np.array_equal(pk.open_branch(tmp_path / "b.h5").measure, branch.measure)


def test_the_command(tmp_path):
    config = tmp_path / "bratu.yaml"
    config.write_text(
        "grid: {x: {range: [0, 1], points: 41}}\nparameters: {lam: 1}\nequations: 0 = u_xx + lam*exp(u)\n"
        "boundary: {u: {x: {dirichlet: 0}}}\ndiscretization: {order: 4}\n"
    )
    out = str(tmp_path / "out.h5")
    words = ["continue", str(config), "--parameter", "lam", "--to", "4", "-o", out]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert "fold       lam = 3.5138" in done.output and "came back to lam = 1" in done.output
    assert (tmp_path / "out.png").stat().st_size > 10_000
    again = CliRunner().invoke(main, words)
    assert again.exit_code == 2 and "exists already" in again.output
    info = CliRunner().invoke(main, ["info", out])
    assert info.exit_code == 0 and "over lam, measured by max(u)" in info.output
    drawn = CliRunner().invoke(main, ["plot", out, "-o", str(tmp_path / "again.png")])
    assert drawn.exit_code == 0 and (tmp_path / "again.png").stat().st_size > 10_000
    wrong = CliRunner().invoke(main, ["continue", str(config), "-p", "lamb", "--to", "4", "-o", out, "-f"])
    assert wrong.exit_code == 2 and "parameters.lamb: unknown; there are ['lam']; did you mean 'lam'?" in wrong.output


@pytest.mark.parametrize(
    ("equation", "parameters", "name", "message"),
    [
        ("0 = u_xx + lam*exp(u)", {"lam": 1.0, "q": 2.0}, "q", r"parameters\.q: does not stand in the equations"),
        ("0 = u_xx + lam*exp(u)", {"lam": "1 + x"}, "lam", r"parameters\.lam: is no real number"),
        ("u_t = u_xx + lam*sin(t)", {"lam": 1.0}, "lam", r"depend on t"),
        ("u_t = u_xx + noise(lam)", {"lam": 1.0}, "lam", r"noise"),
        ("u_t = I*u_xx + lam*u", {"lam": 1.0}, "lam", r"real and imaginary parts"),
    ],
)
def test_what_cannot_be_followed(equation, parameters, name, message):
    pde = pk.PDE(equation, parameters=parameters)
    problem = pk.Problem(pde, line(11), initial={"u": 0}, boundary={"u": {"x": pk.Dirichlet(0)}})
    with pytest.raises(pk.PdekitError, match=message):
        pk.continuation(problem, name, to=4.0)


def test_no_start_and_no_way():
    with pytest.raises(pk.PdekitError, match="no solution where the branch begins, at lam = 5"):
        pk.continuation(bratu(21, lam=5.0), "lam", to=6.0)
    with pytest.raises(pk.PdekitError, match="to: the branch begins at lam = 1"):
        pk.continuation(bratu(21), "lam", to=1.0)
    with pytest.raises(pk.PdekitError, match=r"measure: .*u is a field"):
        pk.continuation(bratu(21), "lam", to=2.0, measure="u")
    closed = pk.Problem(
        pk.PDE("u_t = D*u_xx", parameters={"D": 1.0}), line(11), initial={"u": 1}, boundary={"u": {"x": pk.Neumann(0)}}
    )
    with pytest.raises(pk.PdekitError, match="up to a constant"):
        pk.continuation(closed, "D", to=2.0)
