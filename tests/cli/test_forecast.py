"""What `check` says of the time to come; how long things take is no matter of pass or fail."""

import pytest

import pdekit as pk
from pdekit.cli.forecast import forecast
from pdekit.progress import spoken_duration


def problem(**time):
    return pk.Problem(
        pk.PDE("u_t = laplace(u)"),
        pk.Grid(x=pk.Axis(0, 1, 40)),
        initial={"u": "sin(pi*x)"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        time=pk.TimeSettings(end=1.0, **time),
        output=pk.OutputSettings(times=(0.25,)),
    )


def test_steps_are_counted_between_output_times():
    made = problem(method="crank_nicolson", step=0.1)
    ahead = forecast(made, made.choice())
    assert ahead.steps == 3 + 8 == made.solve().statistics["steps"]
    assert ahead.step > 0 and ahead.seconds == pytest.approx(ahead.preparation + 11 * ahead.step)
    short = problem(method="crank_nicolson", step=1.0)
    assert forecast(short, short.choice()).steps == 2


def test_nothing_is_said_of_adaptive_steps():
    made = problem(method="Radau")
    assert forecast(made, made.choice()) is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(2e-7, "0.2 us"), (1.234e-4, "120 us"), (0.05, "50 ms"), (1, "1 s"), (119, "120 s"), (400, "6.7 min"), (9e4, "25 h")]
)  # fmt: skip
def test_durations_read_well(seconds, words):
    assert spoken_duration(seconds) == words


def test_the_steps_that_are_tried_stay_within_the_span():
    """Beyond its end the right-hand side is not defined."""
    made = pk.Problem(
        pk.PDE("u_t = 0.01*u_xx + sqrt(1 - t)"),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        initial={"u": "1"},
        boundary={"u": {"x": pk.Neumann(0)}},
        time=pk.TimeSettings(end=1.0, step=0.1, method="rk4"),
    )
    assert forecast(made, made.choice()).steps == 10


def test_a_run_that_fails_is_not_foretold():
    made = problem(method="euler", step=0.5)
    assert forecast(made, problem(method="crank_nicolson", step=0.5).choice()).steps == 3
    broken = made.replace(pde=pk.PDE("u_t = laplace(u) + log(-1 - u**2)"))
    assert forecast(broken, problem(method="crank_nicolson", step=0.5).choice()) is None
