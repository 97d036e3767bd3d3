"""Shocks: worked conservation laws with their exact solutions."""

from __future__ import annotations

from typing import Any

import numpy as np

import pdekit as pk


def sod(points: int = 200) -> pk.Problem:
    """Sod's shock tube: a membrane bursts, and a fan, a contact and a shock run apart; reconstructed by characteristics.

    The exact density by the numbers of E. F. Toro, *Riemann Solvers and Numerical Methods for Fluid Dynamics*, 3rd ed. (2009), table 4.2,
    test 1, and eq. (4.56) in the fan.
    """
    fan = "(2/2.4 - 0.4/2.4/sqrt(1.4)*(x - 0.5)/max(t, 1e-9))**5"
    right = "where(x - 0.5 < 0.92745*t, 0.42632, where(x - 0.5 < 1.75216*t, 0.26557, 0.125))"
    return pk.Problem(
        pk.PDE(
            ["r_t = -d(m, x)", "m_t = -d(m**2/r + p, x)", "E_t = -d((E + p)*m/r, x)"],
            definitions={"p": "0.4*(E - m**2/(2*r))"},
            unknowns=["r", "m", "E"],
        ),
        pk.Grid(x=pk.Axis(0, 1, points)),
        initial={"r": "where(x < 0.5, 1, 0.125)", "m": 0, "E": "where(x < 0.5, 2.5, 0.25)"},
        boundary={"r": {"x": pk.Neumann(0)}, "m": {"x": pk.Dirichlet(0)}, "E": {"x": pk.Neumann(0)}},
        exact={"r": f"where(x - 0.5 < -sqrt(1.4)*t, 1, where(x - 0.5 < -0.07026*t, {fan}, {right}))"},
        advection="weno5",
        splitting="characteristic",
        positive=["r", "p"],
        time=pk.TimeSettings(end=0.2),
        output=pk.OutputSettings(frames=41, fields={"pressure": "p"}, series={"mass": "integral(r)"}),
        title="Sod's shock tube",
        labels={"r": {"long_name": "density"}, "m": {"long_name": "momentum"}, "E": {"long_name": "energy"}},
    )


def dry_dam_break(points: int = 400) -> pk.Problem:
    """A dam breaks over a dry bed; the depth stays positive, and its volume what it was.

    The exact depth is A. Ritter's (1892): J. J. Stoker, *Water Waves* (1957), section 10.8.
    """
    fan = "(2*sqrt(g) - x/max(t, 1e-9))**2/(9*g)"
    return pk.Problem(
        pk.PDE(["h_t = -d(q, x)", "q_t = -d(q**2/h + g*h**2/2, x)"], parameters={"g": 9.81}),
        pk.Grid(x=pk.Axis(-5, 5, points, unit="m")),
        initial={"h": "where(x < 0, 1, 0)", "q": 0},
        boundary={"h": {"x": pk.Neumann(0)}, "q": {"x": pk.Dirichlet(0)}},
        exact={"h": f"where(x < -sqrt(g)*t, 1, where(x < 2*sqrt(g)*t, {fan}, 0))"},
        advection="weno5",
        positive=["h"],
        time=pk.TimeSettings(end=0.6),
        output=pk.OutputSettings(frames=31, series={"volume": "integral(h)", "least": "min(h)"}),
        title="Dam break over a dry bed",
        labels={"h": {"long_name": "depth", "units": "m"}, "q": {"long_name": "discharge", "units": "m2/s"}},
    )


def buckley_leverett(points: int = 201, viscosity_ratio: float = 0.5) -> pk.Problem:
    """Water drives oil through a porous rock: the flux is not convex, so that a fan follows a shock at the same speed.

    R. J. LeVeque, *Finite Volume Methods for Hyperbolic Problems* (2002), section 16.1.1: behind the shock the saturation is
    sqrt(M/(1 + M)).
    """
    M = viscosity_ratio
    behind = np.sqrt(M / (1 + M))
    saturations = np.linspace(behind, 1, 2001)
    speeds = 2 * M * saturations * (1 - saturations) / (saturations**2 + M * (1 - saturations) ** 2) ** 2

    def exact(x: Any, t: float) -> Any:
        xi = x / max(t, 1e-9)
        fan = np.interp(xi, speeds[::-1], saturations[::-1])
        return np.where(xi < 0, 1.0, np.where(xi < speeds[0], fan, 0.0))

    return pk.Problem(
        pk.PDE("u_t = -d(u**2/(u**2 + M*(1 - u)**2), x)", parameters={"M": M}),
        pk.Grid(x=pk.Axis(-0.2, 1.2, points)),
        initial={"u": "where(x <= 0, 1, 0)"},
        boundary={"u": {"x": {"left": pk.Dirichlet(1), "right": pk.Outflow()}}},
        exact={"u": exact},
        time=pk.TimeSettings(end=0.5),
        output=pk.OutputSettings(frames=26, series={"water": "integral(u)"}),
        title="Buckley-Leverett: water drives oil",
        labels={"u": {"long_name": "saturation"}},
    )


def riemann_problem(points: int = 100) -> pk.Problem:
    """Gas in four quarters of a square that meet in shocks: a jet forms along the diagonal.

    P. D. Lax and X.-D. Liu, SIAM J. Sci. Comput. 19 (1998) 319-340, configuration 3. What is on both sides of the diagonal is
    the same.
    """

    states = [(1.5, 0.0, 0.0, 1.5), (0.5323, 1.206, 0.0, 0.3), (0.138, 1.206, 1.206, 0.029), (0.5323, 0.0, 1.206, 0.3)]
    given = {
        "r": [r for r, *_ in states],
        "m": [r * u for r, u, _, _ in states],
        "n": [r * v for r, _, v, _ in states],
        "E": [p / 0.4 + 0.5 * r * (u**2 + v**2) for r, u, v, p in states],
    }

    def split(along: str, speed: float, above: float, below: float) -> pk.BoundaryCondition:
        return pk.FarField(f"where({along} > 0.5 - {speed}*t, {above}, {below})")  # a shock that walks along the face

    fast, slow = 0.5323 * 1.206 / (1.5 - 0.5323), 0.138 * 1.206 / (0.5323 - 0.138)
    start = {
        name: f"where(x > 0.5, where(y > 0.5, {a}, {d}), where(y > 0.5, {b}, {c}))"
        for name, (a, b, c, d) in given.items()
    }
    beyond = {
        name: {
            "x": {"left": split("y", slow, b, c), "right": split("y", fast, a, d)},
            "y": {"left": split("x", slow, d, c), "right": split("x", fast, a, b)},
        }
        for name, (a, b, c, d) in given.items()
    }
    return pk.Problem(
        pk.PDE(
            [
                "r_t = -d(m, x) - d(n, y)",
                "m_t = -d(m**2/r + p, x) - d(m*n/r, y)",
                "n_t = -d(m*n/r, x) - d(n**2/r + p, y)",
                "E_t = -d((E + p)*m/r, x) - d((E + p)*n/r, y)",
            ],
            definitions={"p": "0.4*(E - (m**2 + n**2)/(2*r))"},
            unknowns=["r", "m", "n", "E"],
        ),
        pk.Grid(x=pk.Axis(0, 1, points), y=pk.Axis(0, 1, points)),
        initial=start,
        boundary=beyond,
        advection="muscl",
        splitting="characteristic",
        positive=["r", "p"],
        time=pk.TimeSettings(end=0.3),
        output=pk.OutputSettings(frames=16),
        title="Four shocks in two dimensions",
        labels={"r": {"long_name": "density"}},
    )
