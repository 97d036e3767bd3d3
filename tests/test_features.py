"""Every feature in every use: done, or refused with the reason that the use declares; nothing in between."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

import pdekit as pk
from pdekit.branches.family import FOLLOWED
from pdekit.distributed.shareable import SHARED, decomposed
from pdekit.eigenmodes import LINEARISED
from pdekit.errors import ConfigError
from pdekit.features import FEATURES, Use
from pdekit.inverse.promotion import DERIVATIVES
from pdekit.verification.converge import REFINED
from pdekit.verification.estimate import ESTIMATED
from pdekit.verification.manufactured import MANUFACTURED, manufactured

LINE = pk.Grid(x=pk.Axis(0, 1, 21))
RING = pk.Grid(x=pk.Axis(0, 1, 24, periodic=True))
COLD, CLOSED = {"u": {"x": pk.Dirichlet(0)}}, {"u": {"x": pk.Neumann(0)}}
START = {"u": "sin(pi*x)"}


def rod(equation: str = "u_t = D*u_xx", grid: pk.Grid = LINE, boundary=COLD, initial=START, **settings) -> pk.Problem:
    settings = {"time": pk.TimeSettings(end=0.02), "output": pk.OutputSettings(frames=3)} | settings
    pde = pk.PDE(equation, parameters={"D": 0.1}) if isinstance(equation, str) else equation
    return pk.Problem(pde, grid, initial=initial, boundary=boundary, **settings)


def by_function() -> pk.Problem:
    return rod(
        pk.PDE(unknowns=["u"], rhs=lambda u, D: D * (1 - u), parameters={"D": 0.1}), RING, None, {"u": "sin(2*pi*x)"}
    )


def on_disc() -> pk.Problem:
    box = pk.Grid(x=(-1, 1, 25), y=(-1, 1, 25))
    edge = {"u": {"domain": pk.Dirichlet(0)}}
    return rod("u_t = D*laplace(u)", box, edge, {"u": "cos(pi*x/2)"}, domain="x**2 + y**2 < 0.8")


SAMPLES: dict[str, Callable[[], pk.Problem]] = {
    "function": by_function,
    "complex": partial(rod, "u_t = I*D*u_xx"),
    "scalars": lambda: rod(
        pk.PDE(["u_t = D*u_xx + s", "s_t = -s"], scalars=["s"], parameters={"D": 0.1}), initial=START | {"s": 1}
    ),
    "reductions": partial(rod, "u_t = D*u_xx + integral(u)"),
    "noise": partial(rod, "u_t = D*u_xx + noise(0.01)", time=pk.TimeSettings(end=0.02, step=0.005, seed=1)),
    "delays": partial(rod, "u_t = D*u_xx - u(t - 0.01)"),
    "rates_in_space": partial(rod, "u_t - u_xxt = D*u_xx"),
    "higher_rates": partial(rod, "u_ttt = D*u_xxt - u_tt", initial=START | {"u_t": 0, "u_tt": 0}),
    "limited": partial(rod, "u_t = -D*u_x", RING, None, {"u": "sin(2*pi*x)"}, advection="muscl"),
    "constraints": partial(rod, constraints=["u >= 0.1*sin(pi*x)"]),
    "projections": partial(rod, projections={"u <= 0.5": [0.01]}),
    "interfaces": partial(rod, interfaces={"u": {"x": pk.Interface(at=0.5, resistance=1.0)}}),
    "regions": lambda: pk.Problem(
        pk.PDE(["u_t = D*u_xx", "c_t = D*c_xx"], parameters={"D": 0.1}),
        LINE,
        initial=START | {"c": 1},
        boundary=COLD | {"c": {"x": {"left": pk.Dirichlet(1), "right": pk.Neumann(0)}}},
        regions={"c": {"x": (0, 0.5)}},
        time=pk.TimeSettings(end=0.02),
        output=pk.OutputSettings(frames=3),
    ),
    "layers": partial(
        rod,
        "u_tt = (1 + D)*u_xx",
        pk.Grid(x=pk.Axis(0, 1, 41, absorbing_layer=0.2)),
        None,
        {"u": "exp(-50*(x - 0.5)**2)", "u_t": 0},
    ),
    "domain": on_disc,
    "stop": partial(rod, stop=pk.StopSettings(when="max(u) < 0.99")),
    "samples": partial(
        rod, "u_t = D*u_xx + noise(0.01)", time=pk.TimeSettings(end=0.02, step=0.005, samples=3, seed=1)
    ),
    "single": partial(rod, time=pk.TimeSettings(end=0.02, method="rk4", step=1e-3, precision="single")),
    "derived": partial(rod, output=pk.OutputSettings(frames=3, fields={"flux": "-D*u_x"})),
}


def estimated(problem):
    assert all(np.isfinite(errors).all() for errors in pk.estimate(problem, problem.solve()).space.values())


def refined(problem):
    n = problem.grid.shape[0]
    assert len(pk.converge(problem, [n, 2 * n - n % 2, 4 * n - 3 * (n % 2)], against="self").sizes) == 3


def linearised(problem):
    assert np.all(np.isfinite(pk.eigen(problem, 2).values))


def with_derivatives(problem):
    assert problem.sensitivity(["D"], t_end=0.02) is not None


def known(problem):
    assert manufactured(problem).solve(t_end=0.01) is not None


def shared(problem):
    assert decomposed(problem, 2)


def followed(problem):
    assert len(pk.continuation(problem, "D", to=0.12).values) > 1


USES: tuple[tuple[Use, Callable], ...] = (
    (ESTIMATED, estimated),
    (REFINED, refined),
    (LINEARISED, linearised),
    (DERIVATIVES, with_derivatives),
    (MANUFACTURED, known),
    (SHARED, shared),
    (FOLLOWED, followed),
)


def test_every_sample_has_its_feature():
    assert SAMPLES.keys() == FEATURES.keys()
    for name, make in SAMPLES.items():
        assert FEATURES[name].is_in(make()), name
    assert not any(feature.is_in(rod()) for feature in FEATURES.values())


@pytest.mark.parametrize(("use", "done"), USES, ids=[use.title for use, _ in USES])
@pytest.mark.parametrize("name", FEATURES)
def test_done_or_refused(name, use, done):
    problem = SAMPLES[name]()
    if name not in use.refused:
        done(problem)
        return
    with pytest.raises(ConfigError) as refusal:
        done(problem)
    reasons = use.reasons(problem)  # samples come with noise
    assert name in reasons and any(reason in str(refusal.value) for reason in reasons.values())
