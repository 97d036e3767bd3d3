"""Domains that are no boxes: worked problems with their exact solutions, or values that are known."""

from __future__ import annotations

import pdekit as pk

RADIUS = 0.8


def disc(points: int = 41, rim: str = "dirichlet") -> pk.Problem:
    """Heat on a disc in a box, its boundary at a temperature that changes along it and in time, or under a flux that does.

    ``exp(-8 t) sin(2 x + 0.3) cos(2 y)`` solves the heat equation.
    """
    exact = "exp(-8*t)*sin(2*x + 0.3)*cos(2*y)"
    slope = "2*exp(-8*t)*(x*cos(2*x + 0.3)*cos(2*y) - y*sin(2*x + 0.3)*sin(2*y))/R"
    conditions = {"dirichlet": pk.Dirichlet(exact), "neumann": pk.Neumann(slope)}
    return pk.Problem(
        pk.PDE("u_t = laplace(u)", parameters={"R": RADIUS}),
        pk.Grid(x=pk.Axis(-1, 1, points), y=pk.Axis(-1, 1, points)),
        domain="x**2 + y**2 < R**2",
        initial={"u": "sin(2*x + 0.3)*cos(2*y)"},
        boundary={"u": {"domain": conditions[rim]}},
        exact={"u": exact},
        time=pk.TimeSettings(end=0.1, rtol=1e-7),
        convergence=pk.ConvergenceSettings(points=(21, 41, 81), expect=2),
        title="Heat on a disc in a box",
        labels={"u": {"long_name": "temperature"}},
    )


def l_shaped_drum(points: int = 61) -> pk.Problem:
    """The drum of MATLAB's logo: ``pk.eigen(l_shaped_drum(), 1)`` comes to -9.6397238440 at order 4/3, that of the corner.

    L. Fox, P. Henrici and C. Moler, SIAM J. Numer. Anal. 4 (1967) 89-102.
    """
    zero = pk.Dirichlet(0)
    return pk.Problem(
        pk.PDE("u_tt = laplace(u)"),
        pk.Grid(x=pk.Axis(-1, 1, points), y=pk.Axis(-1, 1, points)),
        domain="x < 0 or y < 0",
        initial={"u": "exp(-40*((x + 0.5)**2 + (y + 0.4)**2))", "u_t": 0},
        boundary={"u": {"x": zero, "y": zero, "domain": zero}},
        time=pk.TimeSettings(end=2.0),
        title="L-shaped drum",
        labels={"u": {"long_name": "deflection"}},
    )


def annulus(points: int = 61) -> pk.Problem:
    """Conduction between two tubes, in a box: ``log(r/R)/log(a/R)``, which a polar grid has for less."""
    return pk.Problem(
        pk.PDE("0 = laplace(u)", parameters={"a": 0.3, "R": 0.9}),
        pk.Grid(x=pk.Axis(-1, 1, points), y=pk.Axis(-1, 1, points)),
        domain="x**2 + y**2 > a**2 and x**2 + y**2 < R**2",
        boundary={"u": {"domain": pk.Dirichlet("where(x**2 + y**2 < a*R, 1, 0)")}},
        exact={"u": "log(sqrt(x**2 + y**2)/R)/log(a/R)"},
        convergence=pk.ConvergenceSettings(points=(31, 61, 121), expect=2),
        title="Conduction between two tubes",
        labels={"u": {"long_name": "temperature"}},
    )


def hot_cylinder(points: int = 61, peclet: float = 100.0) -> pk.Problem:
    """Heat from a cylinder of diameter 1 in a potential flow: at large Peclet numbers ``Nu = 4 sqrt(2 Pe)/pi**1.5``.

    J. Boussinesq, J. Math. Pures Appl. 1 (1905) 285-332.
    """
    flow = {"s": "4*(x**2 + y**2)**2", "v": "1 - (x**2 - y**2)/s", "w": "-2*x*y/s"}
    return pk.Problem(
        pk.PDE("0 = laplace(T)/Pe - v*T_x - w*T_y", parameters={"Pe": peclet}, definitions=flow),
        pk.Grid(x=pk.Axis(-1.5, 3, 3 * points // 2), y=pk.Axis(-1.5, 1.5, points)),
        domain="x**2 + y**2 > 0.25",
        boundary={
            "T": {"x": {"left": pk.Dirichlet(0), "right": pk.Neumann(0)}, "y": pk.Neumann(0), "domain": pk.Dirichlet(1)}
        },
        title="Heat from a cylinder in a flow",
        labels={"T": {"long_name": "temperature"}},
    )
