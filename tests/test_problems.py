"""The worked problems reach their exact solutions at the order they promise, boundary rows included."""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from problems import chance, diffusion, domains, heat, nonlinear_waves, patterns, steady, wave

QUICK = [heat.rod, heat.convective_slab, heat.cube, heat.layered_wall, wave.string, wave.drum, wave.pulse]
QUICK += [diffusion.no_flux_box, diffusion.nonlinear, diffusion.fisher]
QUICK += [steady.bratu, wave.telegraph, patterns.nerve_front, domains.disc, domains.annulus]
LONG = [heat.quenched_plate, diffusion.plume, steady.plane_wave, nonlinear_waves.breather, nonlinear_waves.two_solitons]
LONG += [
    steady.impedance_tube,
    nonlinear_waves.kink,
    chance.ornstein_uhlenbeck,
    chance.european_call,
]  # as configs, too


@pytest.mark.parametrize("make", QUICK + LONG, ids=lambda f: f.__name__)
def test_error_is_small(make):
    problem = make()
    solution = problem.solve()
    name = solution.variables[0]
    scale = np.nanmax(np.abs(solution.values[name]))
    assert 0 < solution.error(name) < 0.01 * scale or make is heat.layered_wall
    assert solution.error(name) < 0.01 * scale


@pytest.mark.parametrize("make", [f for f in QUICK if f is not heat.layered_wall], ids=lambda f: f.__name__)
def test_order(make):
    study = pk.converge(make())
    assert study.passed, str(study)


@pytest.mark.study
@pytest.mark.parametrize("make", LONG, ids=lambda f: f.__name__)
def test_order_of_long_studies(make):
    study = pk.converge(make())
    assert study.passed, str(study)


def test_box_keeps_its_content():
    solution = diffusion.no_flux_box().solve(frames=6)
    masses = np.array([solution.frame("u", i).integral() for i in range(6)])
    assert np.max(np.abs(masses / masses[0] - 1)) <= 1e-12


def test_porous_medium_keeps_its_mass_and_its_front():
    solution = diffusion.nonlinear(401).solve(frames=6)
    masses = np.array([solution.frame("u", i).integral() for i in range(6)])
    assert np.max(np.abs(masses / masses[0] - 1)) <= 1e-10
    x = solution.grid.axes[0].nodes
    front = np.max(x[solution["u"].values > 1e-3])
    assert front == pytest.approx(np.sqrt(6) * 5 ** (1 / 3), abs=0.1)


def test_fold_of_bratu():
    """8 (z/cosh z)^2, z tanh z = 1."""
    branch = pk.continuation(steady.bratu(), "lam", to=4.0)
    assert branch.folds[0].value == pytest.approx(3.513830719, abs=1e-5)
    assert [bool(branch.stable[0]), bool(branch.stable[-1])] == [True, False]


def test_kuramoto_sivashinsky_at_order_four_in_time():
    problem = patterns.kuramoto_sivashinsky()
    ends = [problem.solve(step=step, frames=2, keep=False)["u"].values for step in (0.5, 0.25, 0.125, 0.03125)]
    errors = [np.max(np.abs(end - ends[-1])) for end in ends[:-1]]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert errors[-1] < 1e-4 and orders[-1] == pytest.approx(4, abs=0.3), (errors, orders)
    assert abs(np.sum(ends[0])) < 1e-9


def test_solitons_pass_through_each_other():
    """Mass 4 (1 + 2) and momentum (16/3) (1 + 8) stay; the tall one comes out log(3)/2 ahead of 16 t."""
    solution = nonlinear_waves.two_solitons().solve(frames=5)
    masses = [solution.frame("u", k).integral() for k in range(5)]
    momenta = [(solution.frame("u", k) ** 2).integral() for k in range(5)]
    assert np.allclose(masses, 12, rtol=1e-7) and np.allclose(momenta, 48, rtol=1e-4)
    x, u = solution.grid.axes[0].nodes, solution["u"].values
    top = np.argmax(u)
    a, b, c = u[top - 1 : top + 2]
    peak = x[top] + 0.5 * (x[1] - x[0]) * (a - c) / (a - 2 * b + c)
    assert peak == pytest.approx(16 * 0.2 + np.log(3) / 4, abs=0.03)


def test_rolls_have_the_amplitude_of_weakly_nonlinear_theory():
    """sqrt(4 r/3): of the third harmonic, -u^3 leaves A^3/4 over 64 - r."""
    problem = patterns.swift_hohenberg(48, r=0.2)
    u = problem.solve(frames=2)["u"].values
    amplitude = 2 * np.abs(np.fft.fft2(u)) / u.size
    assert np.unravel_index(np.argmax(amplitude), u.shape)[0] in (4, 44)  # four rolls on 8 pi
    assert amplitude.max() == pytest.approx(np.sqrt(4 * 0.2 / 3), rel=2e-3)


def test_turing_pattern_grows_as_linear_theory_says():
    """The most unstable mode of the even state, at the rate of its two by two matrix; and it is the one that is seen in the end."""
    problem = patterns.schnakenberg()
    p, h = {str(k): v for k, v in problem.system.parameters.items()}, 6 / 100
    a, b, d, g = (p[n] for n in "abdg")
    u, v = a + b, b / (a + b) ** 2
    reaction = g * np.array([[-1 + 2 * u * v, u**2], [-2 * u * v, -(u**2)]])
    modes = np.arange(12)
    q = (2 * np.sin(modes * np.pi * h / 12) / h) ** 2
    rates = np.array([np.linalg.eigvals(reaction - np.diag([k, d * k])).real.max() for k in q])
    fastest = int(np.argmax(rates))
    assert rates[0] < 0 < rates[fastest]
    values, vectors = np.linalg.eig(reaction - np.diag([q[fastest], d * q[fastest]]))
    shape = vectors[:, np.argmax(values.real)].real
    start = {n: f"{w!r} + {1e-6 * s!r}*cos({fastest}*pi*x/6)" for n, w, s in zip("uv", (u, v), shape.tolist())}
    solution = problem.replace(initial=start).solve(t_end=0.4, frames=2, method="Radau", rtol=1e-9, atol=1e-13)
    grown = np.ptp(solution["u"].values) / np.ptp(solution.frame("u", 0).values)
    assert np.log(grown) / 0.4 == pytest.approx(rates[fastest], rel=1e-4)
    seen = np.abs(np.fft.rfft(np.append(*(w := problem.solve()["u"].values, w[-2:0:-1]))))[1:12]
    assert abs(int(np.argmax(seen)) + 1 - fastest) <= 1


def test_nerve_pulse_is_slower_than_the_front_without_recovery():
    """Its speed tends to (1 - 2 a)/sqrt(2) from below as eps goes to zero; what it leaves behind is refractory."""
    solution = patterns.fitzhugh_nagumo().solve()
    x = solution.grid.axes[0].nodes
    places = [np.max(x[solution.frame("u", k).values > 0.5]) for k in (30, 60)]
    speed = (places[1] - places[0]) / (solution.times[60] - solution.times[30])
    front = (1 - 2 * 0.15) / np.sqrt(2)
    assert 0.8 * front < speed < front
    assert solution["u"].values[0] < 0 < solution["w"].values[0]


def test_greeks_of_the_call():
    """Delta N(d1) and gamma n(d1)/(S s sqrt(t)), two days of share price about the strike."""
    from scipy.stats import norm

    solution = chance.european_call(481).solve(frames=2)
    S = solution.grid.axes[0].nodes
    near = (S > 60) & (S < 160)
    d1 = (np.log(S[near] / 100) + (0.05 + 0.045)) / 0.3
    price = solution["V"]
    delta = pk.derivative(solution.grid, "S", 1)(price).values[near]
    gamma = pk.derivative(solution.grid, "S", 2)(price).values[near]
    assert np.max(np.abs(delta - norm.cdf(d1))) < 1e-4
    assert np.max(np.abs(gamma - norm.pdf(d1) / (S[near] * 0.3))) < 1e-5


def test_mean_of_the_process_decays():
    solution = chance.ornstein_uhlenbeck().solve(frames=5)
    x = solution.grid.field("x")
    for k, t in enumerate(solution.times):
        p = solution.frame("p", k)
        assert p.integral() == pytest.approx(1, abs=1e-8)
        assert (x * p).integral() == pytest.approx(1.5 * np.exp(-t), abs=2e-3)


def test_heat_from_a_cylinder():
    """What leaves through a section behind the cylinder and along the walls is ``Nu = 4 sqrt(2 Pe)/pi**1.5`` (Boussinesq)."""
    problem = domains.hot_cylinder(121)
    x, y = (axis.nodes for axis in problem.grid.axes)
    T, i = problem.solve()["T"].values, int(np.argmin(np.abs(x - 1.0)))
    along = 1 - (x[i] ** 2 - y**2) / (4 * (x[i] ** 2 + y**2) ** 2)
    flux = along * T[i] - (T[i + 1] - T[i - 1]) / (x[i + 1] - x[i - 1]) / 100
    nusselt = np.sum(flux * problem.grid.axes[1].weights) * 100 / np.pi
    assert nusselt == pytest.approx(4 * np.sqrt(200) / np.pi**1.5, rel=0.02)


def test_fluxes_on_the_disc():
    study = pk.converge(domains.disc(rim="neumann"))
    assert study.passed, str(study)


def test_first_mode_of_the_l_shaped_drum():
    values = [-pk.eigen(domains.l_shaped_drum(n), 1).values[0] for n in (41, 81)]
    assert values[1] == pytest.approx(9.6397238440, rel=2e-3)
    assert abs(values[1] - 9.6397238440) < 0.55 * abs(values[0] - 9.6397238440)
