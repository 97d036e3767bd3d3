"""Diffusion, with transport, without, and nonlinear: worked problems with their exact solutions."""

from __future__ import annotations

import numpy as np

import pdekit as pk


def plume(points: int = 81) -> pk.Problem:
    """A spot of dye carried by a stream: it flows out at the right, through a boundary without a condition."""
    spot = "exp(-((x - x0 - v*t)**2 + (y - y0)**2)/(s**2 + 4*D*t))*s**2/(s**2 + 4*D*t)"
    return pk.Problem(
        pk.PDE("u_t = D*laplace(u) - v*u_x", parameters={"D": 0.01, "v": 1.0, "x0": 0.5, "y0": 0.45, "s": 0.15}),
        pk.Grid(x=pk.Axis(0, 2, 2 * points - 1), y=pk.Axis(0, 1, points)),
        initial={"u": spot.replace("*t", "*0")},
        boundary={"u": {"x": {"left": pk.Dirichlet(spot), "right": pk.Outflow()}, "y": pk.Dirichlet(spot)}},
        exact={"u": spot},
        time=pk.TimeSettings(end=1.6),
        output=pk.OutputSettings(frames=17),
        convergence=pk.ConvergenceSettings(points=(81, 161, 321), expect=2),
        title="Plume in a stream",
        labels={"u": {"long_name": "concentration"}},
    )


def no_flux_box(points: int = 51) -> pk.Problem:
    """A closed box: what is in it stays in it."""
    return pk.Problem(
        pk.PDE("u_t = div(D*grad(u))", parameters={"D": 0.1}),
        pk.Grid(x=pk.Axis(0, 1, points), y=pk.Axis(0, 1, points, spacing={"tanh": 2.0})),
        initial={"u": "1 + cos(pi*x)*cos(2*pi*y)"},
        boundary={"u": {"x": pk.Neumann(0), "y": pk.Neumann(0)}},
        exact={"u": "1 + cos(pi*x)*cos(2*pi*y)*exp(-5*D*pi**2*t)"},
        time=pk.TimeSettings(end=0.5),
        convergence=pk.ConvergenceSettings(points=(11, 21, 41), expect=2),
        title="Closed box",
        labels={"u": {"long_name": "concentration"}},
    )


def coating(points: int = 81, a: float = 2.0) -> pk.Problem:
    """A drug leaves its coating for the tissue behind it, where it is used up: two unknowns, each in its own part of the axis.

    At the plane between them both have a value, and ``k (c - K u)`` goes over; the slowest mode decays.
    """
    numbers = {"s": 0.3, "K": 1.5, "D": 0.1, "E": 0.05, "q": 2.0, "a": a, "b": "sqrt((q - D*a**2)/E)"}
    numbers["A"] = "D*a*sin(a*s)/(E*b*sinh(b*(1 - s)))"
    numbers["k"] = "D*a*sin(a*s)/(cos(a*s) - K*A*cosh(b*(1 - s)))"
    into, closed = "k*(c - K*u)", pk.Neumann(0)
    return pk.Problem(
        pk.PDE(["c_t = D*c_xx", "u_t = E*u_xx - q*u"], parameters=numbers),
        pk.Grid(x=pk.Axis(0, 1, points)),
        regions={"c": {"x": (0, 0.3)}, "u": {"x": (0.3, 1)}},
        initial={"c": "cos(a*x)", "u": "A*cosh(b*(1 - x))"},
        boundary={
            "c": {"x": {"left": closed, "right": pk.Neumann(f"-{into}/D")}},
            "u": {"x": {"left": pk.Neumann(f"{into}/E"), "right": closed}},
        },
        exact={"c": "exp(-D*a**2*t)*cos(a*x)", "u": "exp(-D*a**2*t)*A*cosh(b*(1 - x))"},
        time=pk.TimeSettings(end=3.0),
        output=pk.OutputSettings(frames=16, series={"drug": "integral(c) + integral(u)"}),
        convergence=pk.ConvergenceSettings(points=(21, 41, 81), expect=2),
        title="Drug from a coating into tissue",
        labels={"c": {"long_name": "in the coating"}, "u": {"long_name": "in the tissue"}},
    )


def nonlinear(points: int = 201) -> pk.Problem:
    """Gas in a porous medium, ``u_t = (u u_x)_x``: Barenblatt's solution spreads with a sharp front at finite speed.

    G. I. Barenblatt (1952); J. L. Vazquez, *The porous medium equation*, section 4.4, with m = 2.
    """

    def exact(x: np.ndarray, t: float) -> np.ndarray:
        s = 1.0 + t
        return np.maximum(0.0, s ** (-1 / 3) * (1.0 - x**2 / (6.0 * s ** (2 / 3))))

    return pk.Problem(
        pk.PDE("u_t = div(u*grad(u))"),
        pk.Grid(x=pk.Axis(-6, 6, points)),
        initial={"u": lambda x: exact(x, 0.0)},
        boundary={"u": {"x": pk.Neumann(0)}},
        exact={"u": exact},
        time=pk.TimeSettings(end=4.0),
        # The solution has a kink at its front, where every scheme is of first order in the max norm.
        convergence=pk.ConvergenceSettings(points=(101, 201, 401), expect=1, tolerance=0.35),
        title="Gas in a porous medium",
        labels={"u": {"long_name": "density"}},
    )


def fisher(points: int = 161) -> pk.Problem:
    """The travelling wave of Fisher's equation ``u_t = u_xx + u (1 - u)``.

    Ablowitz and Zeppetella, Bull. Math. Biol. 41 (1979) 835-840.
    """
    wave = "(1 + exp((x - 5*t/sqrt(6))/sqrt(6)))**(-2)"
    return pk.Problem(
        pk.PDE("u_t = laplace(u) + u*(1 - u)"),
        pk.Grid(x=pk.Axis(-10, 20, points)),
        initial={"u": wave.replace("5*t", "0")},
        boundary={"u": {"x": pk.Dirichlet(wave)}},
        exact={"u": wave},
        time=pk.TimeSettings(end=4.0),
        convergence=pk.ConvergenceSettings(points=(61, 121, 241), expect=2),
        title="Fisher's wave",
    )
