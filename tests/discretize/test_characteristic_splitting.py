"""Eigenvectors of flux Jacobians, and limited schemes that go by them."""

import numpy as np
import pytest
import sympy as sp

import pdekit as pk
from pdekit.discretize.physical_fluxes import PhysicalFluxes
from pdekit.language.flux_jacobians import eigenstructure, flux_jacobian

r, m, n, E, h, q, g = sp.symbols("r m n E h q g")
P1, P2 = 0.4 * (E - m**2 / (2 * r)), 0.4 * (E - (m**2 + n**2) / (2 * r))
SYSTEMS = {
    "shallow water": ((h, q), (q, q**2 / h + g * h**2 / 2), {h: 0.7, q: -0.4, g: 9.81}),
    "Euler, 1-D": ((r, m, E), (m, m**2 / r + P1, (E + P1) * m / r), {r: 1.3, m: 0.6, E: 2.9}),
    "Euler, 2-D, at rest": (
        (r, m, n, E),
        (m, m**2 / r + P2, m * n / r, (E + P2) * m / r),
        {r: 1.3, m: 0.0, n: 0.0, E: 2.9},
    ),
    "Euler, 2-D, along y": (
        (r, m, n, E),
        (n, m * n / r, n**2 / r + P2, (E + P2) * n / r),
        {r: 0.8, m: 0.3, n: -1.1, E: 4.1},
    ),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_eigenvectors_in_symbols(name):
    """A r = lambda r for all pairs, and the vectors are independent."""
    states, fluxes, at = SYSTEMS[name]
    found = eigenstructure(fluxes, states)
    at = at | {root: np.sqrt(float(radicand.subs(at))) for root, radicand, _ in found.roots}
    A = np.array(flux_jacobian(fluxes, states).subs(at), dtype=float)
    R = np.array([[float(sp.sympify(e).subs(at)) for e in column] for column in found.vectors]).T
    values = np.array([float(v.subs(at)) for v in found.values])
    assert np.max(np.abs(A @ R - R * values)) < 1e-13 * np.max(np.abs(A @ R))
    assert np.linalg.cond(R / np.linalg.norm(R, axis=0)) < 1e3
    np.testing.assert_allclose(np.sort(values), np.sort(np.linalg.eigvals(A).real), atol=1e-12)


# By rows of their companion matrices, l^3 - 3 l + 1 and l^4 - 4 l^2 + l + 1: all roots are real, and those of a quartic have no closed form.
LAST_ROWS = {"a cubic": (-1, 3, 0), "a quartic": (-1, -1, 4, 0)}


def companion_waves(n, row):
    """u_t + A u_x = 0 with the companion matrix of a polynomial."""
    names = "abcf"[: len(row)]
    last = " + ".join(f"({weight})*{name}" for weight, name in zip(row, names))
    fluxes = [*names[1:], last]
    pde = pk.PDE([f"{name}_t = -d({flux}, x)" for name, flux in zip(names, fluxes)])
    start = {name: f"{0.2 * k} + {1 - 0.2 * k}*sin(2*pi*x + {k})" for k, name in enumerate(names)}
    grid = pk.Grid(x=pk.Axis(0, 1, n, periodic=True))
    return pk.Problem(pde, grid, initial=start, advection="weno5", splitting="characteristic")


@pytest.mark.parametrize("kind", LAST_ROWS)
def test_waves_of_several_speeds(kind, figure):
    """Each carried along unchanged; eigenvectors by formula, and by numbers where there is none."""
    row = LAST_ROWS[kind]
    A = np.vstack([np.eye(len(row))[1:], np.array(row, dtype=float)])
    speeds, R = np.linalg.eig(A)
    symbols = sp.symbols("a b c f")[: len(row)]
    found = eigenstructure((*symbols[1:], sum(w * s for w, s in zip(row, symbols))), symbols)
    assert (found is None) == (kind == "a quartic")
    errors = []
    for n in (40, 80):
        problem = companion_waves(n, row)
        solution = problem.solve(t_end=0.2, method="tsitouras", rtol=1e-10, times=())
        x = problem.grid.axes[0].nodes

        def start(at):
            fields = [0.2 * k + (1 - 0.2 * k) * np.sin(2 * np.pi * at + k) for k in range(len(row))]
            return np.linalg.solve(R, np.array(fields))

        exact = R @ np.array([start(x - 0.2 * speed.real)[k] for k, speed in enumerate(speeds)])
        errors.append(
            max(np.max(np.abs(solution[name].values - exact[k])) for k, name in enumerate(solution.variables))
        )
    figure(f"order of WENO5 by characteristics, the roots of {kind}", np.log2(errors[0] / errors[1]), ">= 4.7")
    assert np.log2(errors[0] / errors[1]) >= 4.7


@pytest.mark.parametrize(("scheme", "order"), [("weno5", 4.8), ("weno5_js", 4.6), ("muscl", 1.9), ("muscl_van_leer", 1.9), ("muscl_minmod", 1.6)])  # fmt: skip
def test_order_on_smooth_waves(scheme, order, figure):
    """Acoustics: a wave to the right, u = p; in the L1 norm, since limiters flatten extremes."""
    errors = []
    for n in (50, 100):
        grid = pk.Grid(x=pk.Axis(0, 1, n, periodic=True))
        wave = dict.fromkeys(("p", "v"), "1 + 0.3*sin(2*pi*x)")
        problem = pk.Problem(
            pk.PDE(["p_t = -d(v, x)", "v_t = -d(p, x)"]),
            grid,
            initial=wave,
            advection=scheme,
            splitting="characteristic",
        )
        p = problem.solve(t_end=0.25, method="tsitouras", rtol=1e-10, times=())["p"].values
        errors.append(np.abs(p - 1 - 0.3 * np.sin(2 * np.pi * (grid.axes[0].nodes - 0.25))).mean())
    figure(f"order by characteristics, {scheme}", np.log2(errors[0] / errors[1]), f">= {order}")
    assert np.log2(errors[0] / errors[1]) >= order


def sod(n, splitting, scheme="weno5"):
    pde = pk.PDE(
        ["r_t = -d(m, x)", "m_t = -d(m**2/r + p, x)", "E_t = -d((E + p)*m/r, x)"],
        definitions={"p": "0.4*(E - m**2/(2*r))"},
        unknowns=["r", "m", "E"],
    )
    start = {"r": "where(x < 0.5, 1, 0.125)", "m": 0, "E": "where(x < 0.5, 2.5, 0.25)"}
    ends = {"r": {"x": pk.Neumann(0)}, "m": {"x": pk.Dirichlet(0)}, "E": {"x": pk.Neumann(0)}}
    grid = pk.Grid(x=pk.Axis(0, 1, n))
    return pk.Problem(pde, grid, initial=start, boundary=ends, advection=scheme, splitting=splitting)


def sod_density(x, t=0.2):
    """By the exact solver's numbers (Toro, *Riemann Solvers*, 3rd ed., table 4.2, test 1)."""
    c, xi = np.sqrt(1.4), (x - 0.5) / t
    fan = (2 / 2.4 - 0.4 / (2.4 * c) * xi) ** 5
    plateaus = np.where(xi < 0.92745, 0.42632, np.where(xi < 1.75216, 0.26557, 0.125))
    return np.where(xi < -c, 1.0, np.where(xi < 0.92745 - np.sqrt(1.4 * 0.30313 / 0.42632), fan, plateaus))


def test_sod_rings_less_by_characteristics(figure):
    """Between fan and contact the density is 0.42632 all along."""
    errors, ringing = {}, {}
    for splitting in ("components", "characteristic"):
        for n in (100, 200):
            problem = sod(n, splitting)
            density = problem.solve(t_end=0.2, times=())["r"].values
            x = problem.grid.axes[0].nodes
            errors[splitting, n] = np.abs(density - sod_density(x)).mean()
        plateau = density[(x > 0.52) & (x < 0.65)]
        ringing[splitting] = np.ptp(plateau)
        order = np.log2(errors[splitting, 100] / errors[splitting, 200])
        figure(f"L1 error of Sod's density, 200 nodes, {splitting}", errors[splitting, 200], "converging")
        assert order > 0.7
    figure(
        "ringing on Sod's plateau, by characteristics beside components",
        ringing["characteristic"] / ringing["components"],
        "< 0.5",
    )
    assert ringing["characteristic"] < 0.5 * ringing["components"]


def test_what_is_not_hyperbolic_is_refused_with_its_state():
    """p' < 0 between the phases of van der Waals: elliptic there."""
    pde = pk.PDE(["v_t = d(u, x)", "u_t = d(v - v**3, x)"])
    grid = pk.Grid(x=pk.Axis(0, 1, 32, periodic=True))
    problem = pk.Problem(pde, grid, initial={"v": "sin(2*pi*x)", "u": 0}, advection="muscl")
    with pytest.raises(pk.PdekitError, match=r"along 'x' are not hyperbolic.*complex eigenvalues at v = -?\d"):
        problem.solve(t_end=0.1)


def test_fluxes_of_states_without_fluxes_of_their_own():
    """A speed that is an unknown: it is carried in the Jacobian, with a flux of zero."""
    grid = pk.Grid(x=pk.Axis(0, 1, 64, periodic=True))
    start = {"u": "sin(2*pi*x)", "a": 2}
    problem = pk.Problem(pk.PDE(["u_t = -d(a*u, x)", "a_t = 0"]), grid, initial=start, advection="weno5")
    u = problem.solve(t_end=0.25, method="tsitouras", rtol=1e-9)["u"].values
    assert np.max(np.abs(u - np.sin(2 * np.pi * (grid.axes[0].nodes - 0.5)))) < 1e-5


def test_speeds_of_a_vacuum_are_zero():
    water = PhysicalFluxes("x", (h, q), (q, q**2 / h + 4.905 * h**2), (), ((h, 1e-9),))
    states = [np.array([0.0, 1.0]), np.array([0.0, 2.0])]
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(water.radius([], states), [0.0, 2 + np.sqrt(9.81)])
        np.testing.assert_allclose(water.at([], states), [[0, 2], [0, 4 + 4.905]])
