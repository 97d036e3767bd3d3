"""Orders of fixed steps where theory is not the classical one: the problem of Prothero and Robinson, and an index-1 DAE.

With ``u' = lambda (u - phi) + phi'`` and steps far longer than 1/|lambda| what is left of the error of a stage is ``h^(q+1)/(h |lambda|)``,
q being the stage order (E. Hairer and G. Wanner, *Solving Ordinary Differential Equations II*, 2nd ed. (1996), section IV.15): order q in
h, with the constant 1/|lambda|. Rosenbrock methods see phi' once a step: q is 2 where the coefficients meet a further condition, which
ROS3P was made for (J. Lang and J. Verwer, BIT 41 (2001) 731-738), and 1 elsewhere. Index-1 DAEs have the classical order with stiffly
accurate methods (section VI.1), and so with Crank-Nicolson here, which takes algebraic rows at the end of the step.
"""

from __future__ import annotations

import numpy as np
import pytest

import pdekit as pk
from pdekit.time.methods import METHODS

RING = pk.Grid(x=pk.Axis(0, 1, 8, periodic=True))
LAMBDA = -1e6
STAGE_ORDERS = {
    "backward_euler": 1, "crank_nicolson": 2, "tr_bdf2": 2, "bdf2": 2, "esdirk43": 2, "ros3p": 2, "rodas4": 1,
}  # fmt: skip
STEPS = (0.1, 0.05, 0.025, 0.0125)


def prothero_robinson():
    phi = "exp(sin(t + 2*x))"
    rate = "cos(t + 2*x)*exp(sin(t + 2*x))"
    return pk.Problem(
        pk.PDE(f"u_t = lam*(u - {phi}) + {rate}", parameters={"lam": LAMBDA}),
        RING,
        initial={"u": phi},
        exact={"u": phi},
    )


def algebraic():
    """v is exp(u), told by an equation without a derivative."""
    s = "sin(t + x)"
    return pk.Problem(
        pk.PDE([f"u_t = -u*v + cos(t + x) + {s}*exp({s})", "0 = v**3 + v - exp(3*u) - exp(u)"], unknowns=["u", "v"]),
        RING,
        initial={"u": s, "v": f"exp({s})"},
        exact={"u": s, "v": f"exp({s})"},
    )


def errors(problem, method, unknown):
    return np.array([problem.solve(t_end=2.0, method=method, step=h).error(unknown) for h in STEPS])


def orders(found):
    return np.log2(found[:-1] / found[1:])


def test_no_implicit_method_is_left_out():
    assert {m.name for m in METHODS.values() if m.family == "implicit"} == STAGE_ORDERS.keys()


@pytest.mark.parametrize("method", STAGE_ORDERS)
def test_prothero_robinson(method, figure):
    found = errors(prothero_robinson(), method, "u")
    order = float(np.mean(orders(found)))
    figure(f"Prothero-Robinson, {method}: order of errors from {found[0]:.1e}", order, f"{STAGE_ORDERS[method]}")
    assert order == pytest.approx(STAGE_ORDERS[method], abs=0.15)
    assert found[0] < 3 * 0.1 ** STAGE_ORDERS[method] / abs(LAMBDA)


@pytest.mark.parametrize("method", STAGE_ORDERS)
@pytest.mark.parametrize("unknown", ["u", "v"])
def test_index_one(method, unknown, figure):
    order = float(np.mean(orders(errors(algebraic(), method, unknown))))
    figure(f"index-1 DAE, {method}, {unknown}: order", order, f"{METHODS[method].order}")
    assert order > METHODS[method].order - 0.4


@pytest.mark.study
@pytest.mark.parametrize(
    ("equation", "initial"),
    [
        ("u_t = I*u_xx + 2*I*abs(u)**2*u", "sech(x - 20)*exp(I*x/2)"),
        ("u_t = I*u_xx - I*abs(u)**2*u", "1 + exp(I*pi*x/10)/5"),
    ],
)
def test_norm_of_the_nonlinear_schroedinger_equation(equation, initial, figure):
    grid = pk.Grid(x=pk.Axis(0, 40, 256, periodic=True))
    problem = pk.Problem(pk.PDE(equation), grid, initial={"u": initial}, order=8)
    solution = problem.solve(t_end=10.0, rtol=1e-11, frames=21)
    norms = np.sum(np.abs(solution.values["u"]) ** 2, axis=1)
    drift = float(np.ptp(norms) / norms[0])
    figure(f"norm of NLS to t = 10, {solution.method}", drift, "<= 1e-10")
    assert drift <= 1e-10
