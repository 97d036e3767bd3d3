"""Steady problems: worked problems with their exact solutions."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

import pdekit as pk


def bratu(points: int = 41, lam: float = 1.0, order: int = 4) -> pk.Problem:
    """Bratu's problem, a solid that heats itself: two solutions up to the fold at lam = 3.513830719, none beyond; here the lower one.

    ``pk.continuation(bratu(), "lam", to=4.0)`` goes round the fold. G. Bratu (1914); the fold is ``8 (z/cosh z)^2``, ``z tanh z = 1``.
    """
    theta = brentq(lambda s: s / np.cosh(s / 4) - np.sqrt(2 * lam), 0.0, 4.798714561)

    return pk.Problem(
        pk.PDE("0 = u_xx + lam*exp(u)", parameters={"lam": lam}),
        pk.Grid(x=pk.Axis(0, 1, points)),
        boundary={"u": {"x": pk.Dirichlet(0)}},
        exact={"u": f"-2*log(cosh({theta!r}*(x - 0.5)/2)/cosh({theta!r}/4))"},
        order=order,
        convergence=pk.ConvergenceSettings(points=(11, 21, 41), expect=order),
        title="Bratu's problem",
        labels={"u": {"long_name": "temperature"}},
    )


def plane_wave(points: int = 31, k: float = 12.0, angle: float = 0.4, order: int = 4) -> pk.Problem:
    """A plane wave crosses a square whose sides let it in and out: Helmholtz' equation under impedance conditions.

    On every side ``du/dn - i k u = g``, whose left side is zero for waves that leave along the normal (B. Engquist and A. Majda, Math.
    Comp. 31 (1977) 629-651, first order); g is that of the wave.
    """
    wave = "exp(I*k*(cos(angle)*x + sin(angle)*y))"

    def side(along: str) -> str:
        return f"I*k*({along} - 1)*{wave}"

    return pk.Problem(
        pk.PDE("0 = laplace(u) + k**2*u", parameters={"k": k, "angle": angle}),
        pk.Grid(x=pk.Axis(0, 1, points), y=pk.Axis(0, 1, points)),
        boundary={
            "u": {
                "x": {
                    "left": pk.Robin("-I*k", 1, side("-cos(angle)")),
                    "right": pk.Robin("-I*k", 1, side("cos(angle)")),
                },
                "y": {
                    "left": pk.Robin("-I*k", 1, side("-sin(angle)")),
                    "right": pk.Robin("-I*k", 1, side("sin(angle)")),
                },
            }
        },
        exact={"u": wave},
        order=order,
        convergence=pk.ConvergenceSettings(points=(16, 31, 61), expect=order),
        title="Plane wave through impedance sides",
        labels={"u": {"long_name": "amplitude"}},
    )


def impedance_tube(points: int = 81, k: float = 20.0, order: int = 4) -> pk.Problem:
    """Sound in a tube: a wave comes in at the left, and the wall at the right, of relative admittance beta, sends a part of it back.

    Impedance conditions ``du/dn - i k u = -2 i k`` and ``du/dn - i k beta u = 0``; the reflected part is ``(1 - beta)/(1 + beta)``.
    P. M. Morse and K. U. Ingard, *Theoretical acoustics* (1968), section 6.3.
    """
    return pk.Problem(
        pk.PDE("0 = u_xx + k**2*u", parameters={"k": k, "beta": 0.4}),
        pk.Grid(x=pk.Axis(0, 1, points)),
        boundary={
            "u": {
                "x": {
                    "left": pk.Robin("-I*k", 1, "-2*I*k"),
                    "right": pk.Robin("-I*k*beta", 1, 0),
                }
            }
        },
        exact={"u": "exp(I*k*x) + (1 - beta)/(1 + beta)*exp(I*k*(2 - x))"},
        order=order,
        convergence=pk.ConvergenceSettings(points=(41, 81, 161), expect=order),
        title="Sound in a tube with an absorbing wall",
        labels={"u": {"long_name": "pressure"}},
    )


def clamped_plate(points: int = 41) -> pk.Problem:
    """A square plate clamped at its edges under an even load: the middle sinks by 0.00126532.

    R. L. Taylor and S. Govindjee, *Solution of clamped rectangular plate problems*, Commun. Numer. Methods Eng. 20 (2004) 757-765.
    """
    clamped = [pk.Dirichlet(0), pk.Neumann(0)]
    return pk.Problem(
        pk.PDE("0 = 1 - biharmonic(u)"),
        pk.Grid(x=pk.Axis(0, 1, points), y=pk.Axis(0, 1, points)),
        boundary={"u": {"x": clamped, "y": clamped}},
        title="Clamped plate",
    )
