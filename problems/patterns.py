"""Patterns and chaos: problems without exact solutions, measured against linear theory, balances and themselves."""

from __future__ import annotations

import numpy as np

import pdekit as pk


def kuramoto_sivashinsky(points: int = 128) -> pk.Problem:
    """Flame fronts and falling films: long waves grow, short ones decay, and the nonlinear term carries from one to the other.

    The state of A.-K. Kassam and L. N. Trefethen, SIAM J. Sci. Comput. 26 (2005) 1214-1233, section 4; chaos sets in after t = 50.
    """
    return pk.Problem(
        pk.PDE("u_t = -u_xxxx - u_xx - d(u**2/2, x)"),
        pk.Grid(x=pk.Axis(0, 32 * np.pi, points, periodic=True)),
        initial={"u": "cos(x/16)*(1 + sin(x/16))"},
        order=4,
        time=pk.TimeSettings(end=20.0, method="etdrk4", step=0.25),
        output=pk.OutputSettings(frames=41),
        title="Kuramoto-Sivashinsky equation",
    )


def swift_hohenberg(points: int = 64, r: float = 0.2) -> pk.Problem:
    """Convection rolls, ``u_t = r u - (1 + laplace)^2 u - u^3``: of wavenumber one, and of amplitude ``sqrt(4 r/3)`` up to r^2.

    J. Swift and P. C. Hohenberg, Phys. Rev. A 15 (1977) 319-328.
    """
    return pk.Problem(
        pk.PDE("u_t = r*u - u - 2*laplace(u) - biharmonic(u) - u**3", parameters={"r": r}),
        pk.Grid(x=pk.Axis(0, 8 * np.pi, points, periodic=True), y=pk.Axis(0, 8 * np.pi, points, periodic=True)),
        initial={"u": "0.1*cos(x) + 0.02*cos(0.5*x + 0.75*y) + 0.02*sin(0.25*x - y)"},
        order=4,
        time=pk.TimeSettings(end=60.0),
        output=pk.OutputSettings(frames=13),
        title="Swift-Hohenberg equation",
    )


def schnakenberg(points: int = 101) -> pk.Problem:
    """Two substances of which one spreads ten times as fast: the even state is unstable to waves of some lengths (Turing).

    J. Schnakenberg, J. Theor. Biol. 81 (1979) 389-400; J. D. Murray, *Mathematical biology II* (2003), section 2.4.
    """
    rates = ["u_t = u_xx + g*(a - u + u**2*v)", "v_t = d*v_xx + g*(b - u**2*v)"]
    return pk.Problem(
        pk.PDE(rates, parameters={"a": 0.1, "b": 0.9, "d": 20.0, "g": 30.0}),
        pk.Grid(x=pk.Axis(0, 6, points)),
        initial={"u": "a + b + noise(0.01, 3)", "v": "b/(a + b)**2"},
        boundary={"u": {"x": pk.Neumann(0)}, "v": {"x": pk.Neumann(0)}},
        time=pk.TimeSettings(end=3.0, rtol=1e-4, atol=1e-6),
        output=pk.OutputSettings(frames=41),
        title="Schnakenberg's pattern",
    )


def fitzhugh_nagumo(points: int = 401) -> pk.Problem:
    """A nerve pulse: u fires where it is above a, w follows slowly and puts it out.

    R. FitzHugh, Biophys. J. 1 (1961) 445-466; J. Nagumo, S. Arimoto and S. Yoshizawa, Proc. IRE 50 (1962) 2061-2070.
    """
    rates = ["u_t = u_xx + u*(1 - u)*(u - a) - w", "w_t = eps*(u - gamma*w)"]
    return pk.Problem(
        pk.PDE(rates, parameters={"a": 0.15, "eps": 0.004, "gamma": 2.5}),
        pk.Grid(x=pk.Axis(0, 200, points)),
        initial={"u": "exp(-(x/8)**2)", "w": 0.0},
        boundary={"u": {"x": pk.Neumann(0)}},
        time=pk.TimeSettings(end=300.0, rtol=1e-5),
        output=pk.OutputSettings(frames=61),
        title="FitzHugh-Nagumo pulse",
        labels={"u": {"long_name": "voltage"}, "w": {"long_name": "recovery"}},
    )


def hutchinson(points: int = 121) -> pk.Problem:
    """A population that spreads, and is held back by what it was a while ago: behind the front it swings between feast and famine.

    G. E. Hutchinson, Ann. N. Y. Acad. Sci. 50 (1948) 221-246; with diffusion J. D. Murray, *Mathematical biology I* (2002), sections 1.3
    and 13.2. The even state 1 is unstable where ``r tau > pi/2``.
    """
    return pk.Problem(
        pk.PDE("u_t = D*u_xx + r*u*(1 - u(t - tau))", parameters={"D": 1.0, "r": 1.8, "tau": 1.0}),
        pk.Grid(x=pk.Axis(0, 60, points)),
        initial={"u": "exp(-x**2)"},
        boundary={"u": {"x": pk.Neumann(0)}},
        time=pk.TimeSettings(end=20.0),
        output=pk.OutputSettings(frames=81),
        title="Hutchinson's equation",
        labels={"u": {"long_name": "population"}},
    )


def nerve_front(points: int = 161) -> pk.Problem:
    """The front of the same nerve without recovery (Nagumo's equation): it runs at ``(1 - 2 a)/sqrt(2)``.

    J. D. Murray, *Mathematical biology I* (2002), section 13.5.
    """
    front = "1/(1 + exp((x - (1 - 2*a)/sqrt(2)*t)/sqrt(2)))"
    return pk.Problem(
        pk.PDE("u_t = u_xx + u*(1 - u)*(u - a)", parameters={"a": 0.15}),
        pk.Grid(x=pk.Axis(-15, 30, points)),
        initial={"u": front.replace("*t)", "*0)")},
        boundary={"u": {"x": pk.Dirichlet(front)}},
        exact={"u": front},
        time=pk.TimeSettings(end=8.0),
        convergence=pk.ConvergenceSettings(points=(61, 121, 241), expect=2),
        title="Front in a nerve",
        labels={"u": {"long_name": "voltage"}},
    )


def brusselator(points: int = 64, B: float = 7.5) -> pk.Problem:
    """Spots and stripes beyond the Turing bifurcation at ``B = (1 + A sqrt(Du/Dv))^2 = 6.71``, of the wavenumber ``sqrt(A)/(Du Dv)^(1/4)``.

    I. Prigogine and R. Lefever, J. Chem. Phys. 48 (1968) 1695-1700; B. Pena and C. Perez-Garcia, Phys. Rev. E 64 (2001) 056213.
    """
    rates = ["u_t = Du*laplace(u) + A - (B + 1)*u + u**2*v", "v_t = Dv*laplace(v) + B*u - u**2*v"]
    return pk.Problem(
        pk.PDE(rates, parameters={"A": 4.5, "B": B, "Du": 2.0, "Dv": 16.0}),
        pk.Grid(x=pk.Axis(0, 40, points, periodic=True), y=pk.Axis(0, 40, points, periodic=True)),
        initial={"u": "A + noise(0.1, 3)", "v": "B/A"},
        time=pk.TimeSettings(end=40.0, rtol=1e-4, atol=1e-6),
        output=pk.OutputSettings(frames=21),
        title="Brusselator",
    )
