"""Waves: worked problems with their exact solutions."""

from __future__ import annotations

import numpy as np

import pdekit as pk


def string(points: int = 101) -> pk.Problem:
    """A plucked string: two modes of different frequency, so that no time brings the initial state back too early."""
    return pk.Problem(
        pk.PDE("u_tt = c**2*u_xx", parameters={"c": 1.0}),
        pk.Grid(x=pk.Axis(0, 1, points)),
        initial={"u": "sin(pi*x)", "u_t": "2*pi*c*sin(2*pi*x)"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        exact={"u": "sin(pi*x)*cos(pi*c*t) + sin(2*pi*x)*sin(2*pi*c*t)"},
        time=pk.TimeSettings(end=1.7),
        output=pk.OutputSettings(frames=69),
        convergence=pk.ConvergenceSettings(points=(21, 41, 81), expect=2),
        title="Vibrating string",
        labels={"u": {"long_name": "displacement"}},
    )


def drum(points: int = 61) -> pk.Problem:
    """A rectangular drum of sides 1 and 2: two modes with incommensurable frequencies."""
    first = "sin(pi*x)*sin(pi*y)*cos(pi*sqrt(2)*t)"
    return pk.Problem(
        pk.PDE("u_tt = laplace(u)"),
        pk.Grid(x=pk.Axis(0, 1, points), y=pk.Axis(0, 2, 2 * points - 1)),
        initial={"u": "sin(pi*x)*sin(pi*y) + 0.5*sin(2*pi*x)*sin(pi*y/2)", "u_t": 0.0},
        boundary={"u": {"x": pk.Dirichlet(0), "y": pk.Dirichlet(0)}},
        exact={"u": f"{first} + 0.5*sin(2*pi*x)*sin(pi*y/2)*cos(pi*sqrt(17)/2*t)"},
        time=pk.TimeSettings(end=1.3),
        output=pk.OutputSettings(frames=27),
        convergence=pk.ConvergenceSettings(points=(11, 21, 41), expect=2),
        title="Rectangular drum",
        labels={"u": {"long_name": "displacement"}},
    )


def pulse(points: int = 201, order: int = 4) -> pk.Problem:
    """A pulse that is reflected upside down at a fixed end and upright at a free one.

    d'Alembert's solution, with the pulse continued oddly about x = 0 and evenly about x = 1: its period is 4.
    """

    def shape(s: np.ndarray) -> np.ndarray:
        return np.exp(-(((s - 0.4) / 0.08) ** 2))

    def continued(s: np.ndarray) -> np.ndarray:
        s = np.mod(s, 4.0)
        return sum(
            shape(s - 4 * k) + shape(2 - s + 4 * k) - shape(4 * k + s - 2) - shape(4 - s + 4 * k) for k in (-1, 0, 1)
        )

    def exact(x: np.ndarray, t: float) -> np.ndarray:
        return 0.5 * (continued(x - t) + continued(x + t))

    return pk.Problem(
        pk.PDE("u_tt = u_xx"),
        pk.Grid(x=pk.Axis(0, 1, points)),
        initial={"u": lambda x: exact(x, 0.0), "u_t": 0.0},
        boundary={"u": {"x": {"left": pk.Dirichlet(0), "right": pk.Neumann(0)}}},
        exact={"u": exact},
        order=order,
        time=pk.TimeSettings(end=1.55),
        output=pk.OutputSettings(frames=63),
        convergence=pk.ConvergenceSettings(points=(101, 201, 401), expect=order),
        title="Pulse between a fixed and a free end",
        labels={"u": {"long_name": "displacement"}},
    )


def telegraph(points: int = 81) -> pk.Problem:
    """The voltage along a lossy cable, ``u_tt + (a + b) u_t + a b u = c^2 u_xx``: two modes that decay at one rate, at frequencies of their own.

    A. N. Tikhonov and A. A. Samarskii, *Equations of mathematical physics* (1963), section II.1.
    """
    rate, damping = "(a + b)/2", "exp(-(a + b)/2*t)"
    first, second = (f"sqrt(({k}*pi*c)**2 - ((a - b)/2)**2)" for k in (1, 2))
    swing = f"(cos({first}*t) + {rate}/{first}*sin({first}*t))*sin(pi*x)"
    return pk.Problem(
        pk.PDE("u_tt = c**2*u_xx - (a + b)*u_t - a*b*u", parameters={"a": 1.5, "b": 0.5, "c": 1.0}),
        pk.Grid(x=pk.Axis(0, 1, points)),
        initial={"u": "sin(pi*x)", "u_t": "2*sin(2*pi*x)"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        exact={"u": f"{damping}*({swing} + 2/{second}*sin({second}*t)*sin(2*pi*x))"},
        time=pk.TimeSettings(end=2.0),
        output=pk.OutputSettings(frames=41),
        convergence=pk.ConvergenceSettings(points=(21, 41, 81), expect=2),
        title="Telegraph equation",
        labels={"u": {"long_name": "voltage"}},
    )


def leaving_pulse(points: int = 101) -> pk.Problem:
    """A ring of pressure spreads, inwards and outwards, and leaves: perfectly matched layers around the square return a thousandth of it."""
    line = {"points": points, "absorbing_layer": 0.2}
    return pk.Problem(
        pk.PDE("u_tt = u_xx + u_yy"),
        pk.Grid(x=pk.Axis(0, 1, **line), y=pk.Axis(0, 1, **line)),
        initial={"u": "exp(-((sqrt((x - 0.5)**2 + (y - 0.5)**2) - 0.2)/0.05)**2)", "u_t": 0},
        time=pk.TimeSettings(end=0.9, rtol=1e-5),
        output=pk.OutputSettings(frames=31, series={"size": "integral(u**2)"}),
        title="A pulse that leaves",
        labels={"u": {"long_name": "pressure"}},
    )
