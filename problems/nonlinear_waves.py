"""Nonlinear waves: worked problems with their exact solutions."""

from __future__ import annotations

import numpy as np

import pdekit as pk


def two_solitons(points: int = 192, order: int = 8) -> pk.Problem:
    """Two solitons of the Korteweg-de Vries equation: the tall one overtakes the other, and both come out as they were, but shifted.

    P. G. Drazin and R. S. Johnson, *Solitons: an introduction* (1989), section 4.5. The wave is below 1e-6 where the ring closes.
    """
    wave = "12*(3 + 4*cosh(2*x - 8*t) + cosh(4*x - 64*t))/(3*cosh(x - 28*t) + cosh(3*x - 36*t))**2"
    return pk.Problem(
        pk.PDE("u_t = -3*d(u**2, x) - u_xxx"),
        pk.Grid(x=pk.Axis(-10, 10, points, periodic=True)),
        initial={"u": wave},
        exact={"u": wave},
        order=order,
        time=pk.TimeSettings(start=-0.2, end=0.2, rtol=1e-9, atol=1e-9),
        output=pk.OutputSettings(frames=21),
        convergence=pk.ConvergenceSettings(points=(192, 256, 384), expect=order, tolerance=1.0),
        title="Two solitons",
        labels={"u": {"long_name": "elevation"}},
    )


def kink(points: int = 161, speed: float = 0.6) -> pk.Problem:
    """A kink of the sine-Gordon equation, a chain of pendulums with one turn in it, which travels and stays as it is.

    G. B. Whitham, *Linear and nonlinear waves* (1974), section 17.1.
    """
    wave = "4*atan(exp((x - v*t)/sqrt(1 - v**2)))"
    return pk.Problem(
        pk.PDE("u_tt = u_xx - sin(u)", parameters={"v": speed}),
        pk.Grid(x=pk.Axis(-10, 14, points)),
        initial={"u": wave.replace("*t", "*0"), "u_t": "-2*v/sqrt(1 - v**2)/cosh(x/sqrt(1 - v**2))"},
        boundary={"u": {"x": pk.Dirichlet(wave)}},
        exact={"u": wave},
        order=4,
        time=pk.TimeSettings(end=6.0),
        output=pk.OutputSettings(frames=25),
        convergence=pk.ConvergenceSettings(points=(61, 121, 241), expect=4),
        title="Kink of the sine-Gordon equation",
        labels={"u": {"long_name": "angle"}},
    )


def breather(points: int = 151, frequency: float = 0.6) -> pk.Problem:
    """A breather of the sine-Gordon equation: a kink and an antikink that are bound and swing through each other.

    G. B. Whitham, *Linear and nonlinear waves* (1974), section 17.9.
    """
    wave = "4*atan(sqrt(1 - w**2)/w*sin(w*t)/cosh(sqrt(1 - w**2)*x))"
    return pk.Problem(
        pk.PDE("u_tt = u_xx - sin(u)", parameters={"w": frequency}),
        pk.Grid(x=pk.Axis(-15, 15, points)),
        initial={"u": 0.0, "u_t": "4*sqrt(1 - w**2)/cosh(sqrt(1 - w**2)*x)"},
        boundary={"u": {"x": pk.Dirichlet(wave)}},
        exact={"u": wave},
        order=4,
        time=pk.TimeSettings(end=12.0),
        output=pk.OutputSettings(frames=49),
        convergence=pk.ConvergenceSettings(points=(76, 151, 301), expect=4),
        title="Breather of the sine-Gordon equation",
        labels={"u": {"long_name": "angle"}},
    )


def long_wave(points: int = 161, order: int = 4, speed: float = 1.5) -> pk.Problem:
    """A solitary wave of ``u_t - u_xxt + u_x + u u_x = 0``: u_t is differentiated in space, which bounds all rates.

    T. B. Benjamin, J. L. Bona and J. J. Mahony, Phil. Trans. R. Soc. A 272 (1972) 47-78.
    """
    wave = "3*(c - 1)*sech(sqrt((c - 1)/c)/2*(x - c*t + 5))**2"
    return pk.Problem(
        pk.PDE("u_t - u_xxt + u_x + u*u_x = 0", parameters={"c": speed}),
        pk.Grid(x=pk.Axis(-15, 25, points)),
        initial={"u": wave.replace("c*t", "0")},
        boundary={"u": {"x": pk.Dirichlet(wave)}},
        exact={"u": wave},
        order=order,
        time=pk.TimeSettings(end=6.0, rtol=1e-8),
        output=pk.OutputSettings(frames=25),
        convergence=pk.ConvergenceSettings(points=(81, 161, 321), expect=order),
        title="Solitary wave",
    )


def amplitude_wave(points: int = 160, order: int = 4, k: float = 0.4) -> pk.Problem:
    """A plane wave of the complex Ginzburg-Landau equation, of amplitude ``sqrt(1 - k^2)`` and frequency ``c + (b - c) k^2``.

    I. S. Aranson and L. Kramer, Rev. Mod. Phys. 74 (2002) 99-143, section II.
    """
    return pk.Problem(
        pk.PDE(
            "A_t = A + (1 + b*I)*A_xx - (1 + c*I)*abs(A)**2*A",
            parameters={"b": 0.5, "c": -0.7, "k": k, "w": "c + (b - c)*k**2"},
        ),
        pk.Grid(x=pk.Axis(0, 8 * np.pi / k, points, periodic=True)),
        initial={"A": "sqrt(1 - k**2)*exp(I*k*x)"},
        exact={"A": "sqrt(1 - k**2)*exp(I*(k*x - w*t))"},
        order=order,
        time=pk.TimeSettings(end=4.0, rtol=1e-7),
        convergence=pk.ConvergenceSettings(points=(80, 160, 320), expect=order),
        title="Ginzburg-Landau equation",
    )
