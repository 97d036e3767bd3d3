"""Noise in equations: orders, variances, paths that depend on the seed only, ensembles."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.time.wiener import WienerProcess

NODES = 4000
RING = pk.Grid(x=pk.Axis(0, 1, NODES, periodic=True))
CELL = 1 / NODES


def geometric(method, step, mu=1.0, rate=-0.5):
    """Errors at t = 1 of du = rate u dt + mu u dW, 4,000 paths at the nodes of a ring, each against its own exact end."""
    equation = f"u_t = {rate}*u + {mu * np.sqrt(CELL)}*u*noise()"  # white noise has variance 1/V at a node
    problem = pk.Problem(pk.PDE(equation), RING, initial={"u": 1})
    settings = pk.TimeSettings(end=1.0, seed=5, step=step, path_step=1 / 512, method=method)
    u = problem.replace(time=settings).solve(times=())["u"].values
    W = np.sqrt(CELL) * WienerProcess(RING, 0.0, 5, 0, 0, 1 / 512).increment(0, 512)
    return u, np.exp((rate - mu**2 / 2) + mu * W)


@pytest.mark.parametrize(("method", "order"), [("euler_maruyama", 0.5), ("milstein", 1.0), ("implicit_milstein", 1.0)])
def test_strong_order_with_multiplicative_noise(method, order):
    steps = np.array([1 / 16, 1 / 32, 1 / 64, 1 / 128])
    errors = [np.mean(np.abs(np.subtract(*geometric(method, h)))) for h in steps]
    assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(order, abs=0.1)


def test_weak_order_of_euler_maruyama():
    """The expectation obeys the deterministic scheme: (1 + rate h)^n exactly, within 3 standard errors; so its order is 1."""
    for h in (1 / 16, 1 / 64):
        u, _ = geometric("euler_maruyama", h, mu=0.5)
        assert abs(np.mean(u) - (1 - 0.5 * h) ** round(1 / h)) < 3 * np.std(u) / np.sqrt(NODES)


def test_strong_order_with_additive_noise_is_one():
    """du = -u dt + dW, against the finest path."""
    problem = pk.Problem(pk.PDE("u_t = -u + noise()"), RING, initial={"u": 1})

    def end(h):
        time = pk.TimeSettings(end=1.0, seed=1, step=h, path_step=1 / 1024, method="euler_maruyama")
        return problem.replace(time=time).solve(times=())["u"].values

    finest, steps = end(1 / 1024), np.array([1 / 16, 1 / 32, 1 / 64])
    errors = [np.mean(np.abs(end(h) - finest)) for h in steps]
    assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("method", ["euler_maruyama", "implicit_euler_maruyama"])
def test_variance_of_the_stochastic_heat_equation(method):
    """u_t = D u_xx - u + s noise: every mode k of the ring is an Ornstein-Uhlenbeck process in steps of h. With the factor r of a
    step, 1 - h l or 1/(1 + h l), its stationary variance is s^2 h q/(1 - r^2) / L, q = 1 or r^2; the nodes have the sum."""
    n, D, s, h = 64, 0.01, 0.3, 0.01
    grid = pk.Grid(x=pk.Axis(0, 1, n, periodic=True))
    problem = pk.Problem(
        pk.PDE("u_t = D*u_xx - u + s*noise()", parameters={"D": D, "s": s}),
        grid,
        initial={"u": 0},
        time=pk.TimeSettings(end=20.0, seed=2, step=h, method=method),
    )
    lam = D * (2 * n * np.sin(np.pi * np.arange(n) / n)) ** 2 + 1
    r = 1 - h * lam if method == "euler_maruyama" else 1 / (1 + h * lam)
    q = 1.0 if method == "euler_maruyama" else r**2
    expected = np.sum(s**2 * h * q / (1 - r**2))
    solution = problem.solve(every=2.0, samples=1)
    squares = np.concatenate(
        [
            np.mean(
                problem.solve(every=2.0, seed=seed).values["u"][2:] ** 2, axis=1
            )  # frames 2 apart are independent: exp(-2)
            for seed in range(12)
        ]
    )
    assert solution.times.size == 11
    assert abs(np.mean(squares) - expected) < 3 * np.std(squares) / np.sqrt(squares.size)


def test_correlated_and_uniform_noise():
    """Increments over time 1 have variance 1 and the covariance exp(-r^2/(2 l^2)); uniform noise is the same everywhere."""
    grid = pk.Grid(x=pk.Axis(0, 1, 11), y=pk.Axis(0, 2, 21, periodic=True))
    draws = np.array([WienerProcess(grid, 0.2, 1, 0, sample, 1.0).increment(0, 1) for sample in range(4000)])
    X, Y = np.broadcast_arrays(*grid.coordinates.values())
    r2 = (X - X[5, 0]) ** 2 + np.minimum(Y, 2 - Y) ** 2
    found = np.mean(draws * draws[:, 5:6, 0:1], axis=0)
    assert np.max(np.abs(found - np.exp(-r2 / (2 * 0.2**2)))) < 5 / np.sqrt(4000)
    flat = (
        pk.Problem(
            pk.PDE("u_t = -u + uniform_noise(0.5)*u"),
            RING,
            initial={"u": 1},
            time=pk.TimeSettings(end=1, step=0.01, seed=0),
        )
        .solve()["u"]
        .values
    )
    assert np.ptp(flat) == 0 and flat[0] > 0


def test_the_path_depends_on_the_seed_only():
    grid = pk.Grid(x=pk.Axis(0, 1, 33))
    problem = pk.Problem(
        pk.PDE("u_t = u_xx + noise(u)"),
        grid,
        initial={"u": "sin(pi*x)"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        time=pk.TimeSettings(end=0.1, step=1e-3, seed=4),
    )
    reference = problem.solve()["u"].values
    assert np.array_equal(problem.solve(every=0.005)["u"].values, reference)
    assert np.array_equal(problem.solve(t_end=0.2, every=0.1).at(0.1)["u"].values, reference)
    assert not np.array_equal(problem.solve(seed=5)["u"].values, reference)


def test_noises_of_one_definition_are_the_same():
    """u and v are driven by one noise, w by another."""
    pde = pk.PDE(["u_t = n", "v_t = 2*n", "w_t = noise()"], definitions={"n": "noise()"})
    grid = pk.Grid(x=pk.Axis(0, 1, 8, periodic=True))
    s = pk.Problem(pde, grid, initial=dict.fromkeys("uvw", 0), time=pk.TimeSettings(end=1, step=0.1, seed=0)).solve()
    assert np.allclose(s["v"].values, 2 * s["u"].values, rtol=1e-14)
    assert np.max(np.abs(s["w"].values - s["u"].values)) > 0.1


def test_noise_in_a_wave_equation_drives_the_rate():
    """u_tt = noise: u_t is a Wiener process with variance t/V."""
    grid = pk.Grid(x=pk.Axis(0, 1, 2000, periodic=True))
    problem = pk.Problem(
        pk.PDE("u_tt = noise()"), grid, initial={"u": 0, "u_t": 0}, time=pk.TimeSettings(end=1, step=0.1, seed=0)
    )
    u_t = problem.solve()["u_t"].values
    assert np.var(u_t) * grid.axes[0].weights[0] == pytest.approx(1.0, abs=0.1)


def test_an_ensemble_in_memory_and_file(tmp_path):
    """du = -u dt + s dW from 1: mean exp(-t) and deviation s sqrt((1 - exp(-2t))/2V), in steps of h their discrete values."""
    grid = pk.Grid(x=pk.Axis(0, 1, 50, periodic=True))
    config = pk.TimeSettings(end=1.0, step=0.02, seed=9, samples=64)
    problem = pk.Problem(pk.PDE("u_t = -u + 0.1*noise()"), grid, initial={"u": 1}, time=config)
    solution = problem.solve(output=tmp_path / "e.h5", frames=3)
    assert solution.variables == ("u", "u_deviation", "u_q05", "u_q50", "u_q95")
    r = 0.98
    deviation = np.sqrt(0.1**2 * 50 * 0.02 * (1 - r**100) / (1 - r**2))
    assert np.mean(solution["u"].values) == pytest.approx(r**50, abs=3 * deviation / np.sqrt(64 * 50))
    assert np.sqrt(np.mean(solution["u_deviation"].values ** 2)) == pytest.approx(
        deviation, rel=3 / np.sqrt(2 * 64 * 50)
    )
    gap = np.mean(solution["u_q95"].values - solution["u_q05"].values)
    assert gap == pytest.approx(2 * 1.645 * deviation, rel=0.1)
    stored = pk.open_result(tmp_path / "e.h5")
    assert stored.variables == solution.variables
    assert np.array_equal(stored["u_q50"].values, solution["u_q50"].values)


def test_the_series_of_an_ensemble(tmp_path):
    """Of an equation that is linear in u the mean of the integral over the samples is that of the mean state, at every frame."""
    problem = pk.Problem(
        pk.PDE("u_t = -u + 0.1*noise()"),
        pk.Grid(x=pk.Axis(0, 1, 20, periodic=True)),
        initial={"u": 1},
        time=pk.TimeSettings(end=1.0, step=0.1, seed=9, samples=5),
        output=pk.OutputSettings(series={"heat": "integral(u)"}),
    )
    solution = problem.solve(output=tmp_path / "e.h5", every=0.1)
    assert set(solution.series) == {"t", "heat", "heat_deviation", "heat_q05", "heat_q50", "heat_q95"}
    assert np.allclose(solution.series["t"], solution.times, rtol=1e-14)
    assert np.allclose(solution.series["heat"], solution.values["u"].mean(axis=1), rtol=1e-13)
    assert np.all(solution.series["heat_deviation"][1:] > 0)
    stored = pk.open_result(tmp_path / "e.h5").series
    assert all(np.array_equal(stored[name], values) for name, values in solution.series.items())
    with pytest.raises(pk.PdekitError, match=r"time.samples: .*e.h5: it holds what the samples have in common"):
        pk.resume(tmp_path / "e.h5", until=2.0)


def test_samples_do_not_stop_each_at_a_time_of_its_own():
    problem = pk.Problem(
        pk.PDE("u_t = noise()"),
        pk.Grid(x=pk.Axis(0, 1, 8, periodic=True)),
        initial={"u": 0},
        time=pk.TimeSettings(end=1, step=0.1, seed=1, samples=3),
        stop=pk.StopSettings(when="max(u) > 1"),
    )
    with pytest.raises(pk.PdekitError, match=r"time.samples: with a stop"):
        problem.solve()
    assert problem.solve(samples=1).times[-1] <= 1


def solve(equation, **options):
    settings = {"end": 1, "step": 0.01, "seed": 3, **options}
    grid = pk.Grid(x=pk.Axis(0, 1, 64, periodic=True))
    return pk.Problem(pk.PDE(equation), grid, initial={"u": 0}, time=pk.TimeSettings(**settings)).solve()


@pytest.mark.parametrize(
    ("equation", "options", "message"),
    [
        ("u_t = noise()", {"seed": None}, "time.seed: missing"),
        ("u_t = noise()", {"seed": 1.5}, "time.seed"),
        ("u_t = noise()", {"step": None}, "time.step: missing"),
        ("u_t = noise()", {"end": 1.005}, "time.end: .*whole steps"),
        ("u_t = noise()", {"path_step": 0.003}, "time.path_step"),
        ("u_t = noise()", {"path_step": 5e-324}, "time.path_step"),
        (
            "u_t = noise()",
            {"method": "rk4"},
            "time.method: rk4 is not for equations with noise; there are euler_maruyama",
        ),
        ("u_t = -u", {"method": "milstein"}, "there is none"),
        ("u_t = -u", {"samples": 3}, "time.samples: there is no noise"),
        ("u_t = noise()**2", {}, "term with a factor"),
        ("u_t = noise()*noise()", {}, "term with a factor"),
        ("u_t = sin(noise())", {}, "term with a factor"),
        ("u_t = d(noise(), x)", {}, "no derivative"),
        ("u_t = d(u*noise(), x)", {}, "no derivative"),
        ("u_t = noise(1, -1)", {}, "correlation length"),
        ("u_t = noise(1, 2, 3)", {}, "too many"),
        ("u_t = noise", {}, "needs arguments"),
        ("u_t = u_x*noise()", {"method": "milstein"}, "milstein needs amplitudes"),
        ("u_t = u*noise() + u*noise()", {"method": "milstein"}, "milstein needs amplitudes"),
        ("u_t = u_xx + noise()", {"method": "em"}, "largest stable step"),
    ],
)
def test_refused(equation, options, message):
    with pytest.raises(pk.PdekitError, match=message):
        solve(equation, **options)


def test_the_choice():
    assert solve("u_t = noise(u)").method == "milstein"
    assert solve("u_t = u_xx + noise(u)").method == "implicit_milstein"
    assert solve("u_t = u*noise() + u*noise()").method == "euler_maruyama"
    with pytest.raises(pk.PdekitError, match="noise needs a time derivative"):
        pk.Problem(pk.PDE("0 = u_xx + noise()"), pk.Grid(x=pk.Axis(0, 1, 9)), boundary={"u": {"x": pk.Dirichlet(0)}})


def test_a_study_in_time_follows_one_path():
    """Milstein on 500 nodes with noise of their own: strong order 1, on the nodes' worst."""
    grid = pk.Grid(x=pk.Axis(0, 1, 200, periodic=True))
    problem = pk.Problem(
        pk.PDE("u_t = -u + 0.03*u*noise()"), grid, initial={"u": 1}, time=pk.TimeSettings(end=1, step=0.1, seed=1)
    )
    study = pk.converge(problem, steps=[1 / 16, 1 / 32, 1 / 64, 1 / 128])
    assert study.expected == 1.0 and study.passed
    with pytest.raises(pk.PdekitError, match="path of their own"):
        pk.converge(problem, points=[20, 40])
