"""Eigenvalues and modes against known spectra."""

import numpy as np
import pytest
from click.testing import CliRunner

import pdekit as pk
from pdekit.cli.commands import main


def line(n, length=1.0, **options):
    return pk.Grid(x=pk.Axis(0, length, n, **options))


@pytest.mark.parametrize("n", [41, 601])
def test_a_string_on_the_grid(n):
    """K of u_xx with fixed ends has the eigenvalues -(2 sin(k pi h/2)/h)^2, dense and by ARPACK; modes are sines."""
    string = pk.Problem(
        pk.PDE("u_tt = u_xx"), line(n), initial={"u": 0, "u_t": 0}, boundary={"u": {"x": pk.Dirichlet(0)}}
    )
    modes = pk.eigen(string, 6)
    k, h = np.arange(1, 7), 1 / (n - 1)
    assert modes.symmetric
    assert np.allclose(modes.values, -((2 * np.sin(k * np.pi * h / 2) / h) ** 2), rtol=1e-9)
    x = string.grid.axes[0].nodes
    for j in k:
        sine = np.sin(j * np.pi * x)
        shape = modes.mode(j - 1).values
        assert np.max(np.abs(shape * np.sign(shape @ sine) - sine / np.max(np.abs(sine)))) < 1e-7


def test_neumann_ends_are_not_dirichlet_ends():
    """FEATURES F 2: the first eigenvalue of the closed rod is 0, with a constant mode."""
    rod = pk.Problem(pk.PDE("u_t = u_xx"), line(41), initial={"u": 0}, boundary={"u": {"x": pk.Neumann(0)}})
    modes = pk.eigen(rod, 3)
    assert modes.symmetric and abs(modes.values[0]) < 1e-9
    assert np.ptp(modes.mode(0).values) < 1e-9
    assert modes.values[1] == pytest.approx(-(np.pi**2), rel=1e-3)


def test_the_harmonic_oscillator():
    """FEATURES F 2: ground state 1/2, then 3/2, 5/2."""
    grid = pk.Grid(x=pk.Axis(-8, 8, 401))
    trap = pk.Problem(pk.PDE("0 = -0.5*u_xx + 0.5*x**2*u"), grid, boundary={"u": {"x": pk.Dirichlet(0)}}, order=4)
    assert np.allclose(pk.eigen(trap, 3).values, [0.5, 1.5, 2.5], atol=1e-6)


def test_order_of_the_square_drum():
    """-lambda = 2 pi^2, 5 pi^2 twice, 8 pi^2, at order 4."""
    errors = []
    for n in (17, 33):
        grid = pk.Grid(x=pk.Axis(0, 1, n), y=pk.Axis(0, 1, n))
        drum = pk.Problem(
            pk.PDE("u_tt = laplace(u)"),
            grid,
            initial={"u": 0, "u_t": 0},
            boundary={"u": {"x": pk.Dirichlet(0), "y": pk.Dirichlet(0)}},
            order=4,
        )
        exact = -(np.pi**2) * np.array([2, 5, 5, 8])
        errors.append(np.max(np.abs(np.sort(pk.eigen(drum, 4).values)[::-1] - exact)))
    assert np.log2(errors[0] / errors[1]) > 3.8


def test_an_operator_that_is_not_symmetric():
    """u_t = u_xx - c u_x with fixed ends: -(k pi)^2 - c^2/4, real, although the matrix is not symmetric."""
    c = 4.0
    carried = pk.Problem(
        pk.PDE("u_t = u_xx - c*u_x", parameters={"c": c}),
        line(801),
        initial={"u": 0},
        boundary={"u": {"x": pk.Dirichlet(0)}},
    )
    modes = pk.eigen(carried, 3)
    assert not modes.symmetric
    assert np.allclose(np.sort(modes.values.real)[::-1], -((np.arange(1, 4) * np.pi) ** 2) - c**2 / 4, rtol=1e-4)


def test_damped_waves_turn_and_decay():
    """u_tt = u_xx - 2 a u_t: -a +- i sqrt(k^2 pi^2 - a^2)."""
    a = 0.5
    string = pk.Problem(
        pk.PDE("u_tt = u_xx - 2*a*u_t", parameters={"a": a}),
        line(101),
        initial={"u": 0, "u_t": 0},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        order=4,
    )
    found = pk.eigen(string, 2).values
    assert np.allclose(found.real, -a, atol=1e-8)
    assert np.allclose(np.sort(found.imag), np.array([-1, 1]) * np.sqrt(np.pi**2 - a**2), rtol=1e-6)


def test_growth_about_a_steady_state():
    """u_t = u_xx + r (u - u^3) about 0: r - pi^2; about 1 with closed ends: -2 r."""
    r = 12.0
    grid = line(101)
    pde = pk.PDE("u_t = u_xx + r*(u - u**3)", parameters={"r": r})
    zero = pk.Problem(pde, grid, initial={"u": 0}, boundary={"u": {"x": pk.Dirichlet(0)}}, order=4)
    modes = pk.eigen(zero, 2, near=r)
    assert modes.values[0] == pytest.approx(r - np.pi**2, abs=1e-5) and not modes.is_stable
    one = pk.Problem(pde, grid, initial={"u": 0}, boundary={"u": {"x": pk.Neumann(0)}})
    modes = pk.eigen(one, 1, near=-20, state={"u": np.ones(101)})
    assert modes.values[0] == pytest.approx(-2 * r, abs=1e-9) and modes.is_stable


def test_algebraic_rows_have_no_eigenvalues():
    """u_t = w, 0 = w - u_xx: the eigenvalues of u_xx."""
    pde = pk.PDE(["u_t = w", "0 = w - u_xx"], unknowns=["u", "w"])
    free = {"x": pk.Outflow()}
    mixed = pk.Problem(pde, line(41), initial={"u": 0}, boundary={"u": {"x": pk.Dirichlet(0)}, "w": free})
    assert np.allclose(pk.eigen(mixed, 2).values.real, [-(np.pi**2), -4 * np.pi**2], rtol=5e-3)


def test_polar_drum():
    """J_0's first zero, 2.404825557695773."""
    disc = pk.Grid({"r": pk.Axis(0, 1, 200)}, coordinates="polar")
    drum = pk.Problem(
        pk.PDE("u_tt = laplace(u)"), disc, initial={"u": 0, "u_t": 0}, boundary={"u": {"r": {"right": pk.Dirichlet(0)}}}
    )
    assert np.sqrt(-pk.eigen(drum, 1).values[0]) == pytest.approx(2.404825557695773, rel=2e-5)


def test_the_command_and_its_picture(tmp_path):
    config = tmp_path / "drum.yaml"
    config.write_text(
        "grid: {x: {range: [0, 1], points: 31}, y: {range: [0, 2], points: 41}}\nequations: u_tt = laplace(u)\n"
        "initial: {u: 0, u_t: 0}\nboundary: {u: {x: {dirichlet: 0}, y: {dirichlet: 0}}}\ntime: {end: 1}\n"
    )
    done = CliRunner().invoke(main, ["eigen", str(config), "-n", "6", "-o", str(tmp_path / "modes.png")])
    assert done.exit_code == 0, done.output
    first = float(done.output.splitlines()[0])
    assert first == pytest.approx(-(np.pi**2) * 1.25, rel=5e-3)
    assert (tmp_path / "modes.png").stat().st_size > 10_000
    assert "symmetric in its inner product: all eigenvalues are real, and modes orthogonal" in done.output
    drift = tmp_path / "drift.yaml"
    drift.write_text(
        "grid: {x: {range: [0, 1], points: 21}}\nequations: u_t = u_xx - 5*u_x\ninitial: {u: 0}\n"
        "boundary: {u: {x: {dirichlet: 0}}}\ntime: {end: 1}\n"
    )
    done = CliRunner().invoke(main, ["eigen", str(drift), "-n", "2"])
    assert done.exit_code == 0 and "not symmetric: modes are not orthogonal" in done.output


def test_refused():
    string = pk.Problem(pk.PDE("u_t = u_xx"), line(11), initial={"u": 0}, boundary={"u": {"x": pk.Dirichlet(0)}})
    with pytest.raises(pk.PdekitError, match="count: there are 9 eigenvalues"):
        pk.eigen(string, 10)
    with pytest.raises(pk.PdekitError, match="state lacks u"):
        pk.eigen(string, 1, state={})
