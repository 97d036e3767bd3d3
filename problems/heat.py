"""Heat conduction: worked problems with their exact solutions.

Each function makes one problem. ``python -c "from problems.heat import rod; print(rod().solve().errors())"``
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

import pdekit as pk


def rod(points: int = 101) -> pk.Problem:
    """A rod with cold ends: two modes, each decaying at its own rate."""
    return pk.Problem(
        pk.PDE("u_t = D*laplace(u)", parameters={"D": 0.1}),
        pk.Grid(x=pk.Axis(0, 1, points, long_name="position")),
        initial={"u": "sin(pi*x) + 0.5*sin(3*pi*x)"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        exact={"u": "exp(-D*pi**2*t)*sin(pi*x) + 0.5*exp(-9*D*pi**2*t)*sin(3*pi*x)"},
        time=pk.TimeSettings(end=1.0),
        convergence=pk.ConvergenceSettings(points=(21, 41, 81), expect=2),
        title="Cooling rod",
        labels={"u": {"long_name": "temperature"}},
    )


def quenched_plate(points: int = 61) -> pk.Problem:
    """A hot square plate plunged into cold water: the product of two one-dimensional series.

    Carslaw and Jaeger, *Conduction of heat in solids*, section 5.6. The initial state does not fit the cold walls; that
    is the physics, and `notes()` says so.
    """
    modes = 2 * np.arange(200) + 1

    def wall(s: np.ndarray, t: float) -> np.ndarray:
        if t == 0:
            return np.where((s > 0) & (s < 1), 1.0, 0.0)
        k = modes * np.pi
        return np.tensordot(4 / k * np.exp(-(k**2) * 0.1 * t), np.sin(np.multiply.outer(k, s)), axes=1)

    return pk.Problem(
        pk.PDE("u_t = D*laplace(u)", parameters={"D": 0.1}),
        pk.Grid(x=pk.Axis(0, 1, points), y=pk.Axis(0, 1, points)),
        initial={"u": 1.0},
        boundary={"u": {"x": pk.Dirichlet(0), "y": pk.Dirichlet(0)}},
        exact={"u": lambda x, y, t: wall(x, t) * wall(y, t)},
        time=pk.TimeSettings(end=0.5),
        output=pk.OutputSettings(times=(0.05, 0.2)),
        convergence=pk.ConvergenceSettings(points=(21, 41, 81), expect=2),
        title="Quenched plate",
        labels={"u": {"long_name": "temperature"}},
    )


def convective_slab(points: int = 81, biot: float = 2.0) -> pk.Problem:
    """A hot slab cooled by convection at its surface x = 1, symmetric about x = 0.

    Incropera and DeWitt, *Fundamentals of heat and mass transfer*, section 5.5: a series over the roots of
    ``beta tan(beta) = Bi``.
    """
    starts = np.pi * np.arange(60)
    beta = np.array([brentq(lambda b: b * np.sin(b) - biot * np.cos(b), a, a + np.pi / 2) for a in starts])
    C = 4 * np.sin(beta) / (2 * beta + np.sin(2 * beta))

    def exact(x: np.ndarray, t: float) -> np.ndarray:
        if t == 0:
            return np.ones_like(x)
        return np.tensordot(C * np.exp(-(beta**2) * t), np.cos(np.multiply.outer(beta, x)), axes=1)

    return pk.Problem(
        pk.PDE("u_t = u_xx", parameters={"Bi": biot}),
        pk.Grid(x=pk.Axis(0, 1, points)),
        initial={"u": 1.0},
        boundary={"u": {"x": {"left": pk.Neumann(0), "right": pk.Robin("Bi", 1, 0)}}},
        exact={"u": exact},
        time=pk.TimeSettings(end=1.0),
        convergence=pk.ConvergenceSettings(points=(21, 41, 81), expect=2),
        title="Slab with convection",
        labels={"u": {"long_name": "temperature"}},
    )


def layered_wall(points: int = 21) -> pk.Problem:
    """The steady wall of two layers, conductivity 1 then 10: exact at every node, wherever the interface lies."""
    interface = 0.37

    def exact(x: np.ndarray) -> np.ndarray:
        resistance = interface + (1 - interface) / 10
        through = np.where(x < interface, x, interface + (x - interface) / 10)
        return 1 - through / resistance

    return pk.Problem(
        pk.PDE("0 = div(k*grad(u))", definitions={"k": f"where(x < {interface}, 1, 10)"}),
        pk.Grid(x=pk.Axis(0, 1, points)),
        boundary={"u": {"x": {"left": pk.Dirichlet(1), "right": pk.Dirichlet(0)}}},
        exact={"u": exact},
        title="Layered wall",
        labels={"u": {"long_name": "temperature"}},
    )


def cube(points: int = 25) -> pk.Problem:
    """A cube with cold faces on x, insulated ones on y, and periodic in z."""
    return pk.Problem(
        pk.PDE("u_t = D*laplace(u)", parameters={"D": 0.05}),
        pk.Grid(x=pk.Axis(0, 1, points), y=pk.Axis(0, 1, points), z=pk.Axis(0, 1, points - 1, periodic=True)),
        initial={"u": "sin(pi*x)*(1 + 0.5*cos(pi*y)*sin(2*pi*z))"},
        boundary={"u": {"x": pk.Dirichlet(0), "y": pk.Neumann(0)}},
        exact={"u": "exp(-D*pi**2*t)*sin(pi*x)*(1 + 0.5*exp(-5*D*pi**2*t)*cos(pi*y)*sin(2*pi*z))"},
        time=pk.TimeSettings(end=0.5),
        output=pk.OutputSettings(frames=6),
        convergence=pk.ConvergenceSettings(points=(9, 17, 33), expect=2),
        title="Heat in a cube",
        labels={"u": {"long_name": "temperature"}},
    )


def touching_bars(points: int = 41, a: float = 2.0) -> pk.Problem:
    """Two insulated bars whose contact has a resistance, ``[u] = R u_x``: an eigenfunction that is odd about the contact decays."""
    shape = "where(x <= 0.5, cos(a*x), -cos(a*(1 - x)))"
    return pk.Problem(
        pk.PDE("u_t = u_xx", parameters={"a": a, "R": "2/(a*tan(a/2))"}),
        pk.Grid(x=pk.Axis(0, 1, points)),
        initial={"u": shape},
        boundary={"u": {"x": pk.Neumann(0)}},
        interfaces={"u": {"x": pk.Interface(0.5, resistance="R")}},
        exact={"u": f"exp(-a**2*t)*{shape}"},
        time=pk.TimeSettings(end=0.5),
        output=pk.OutputSettings(frames=11),
        convergence=pk.ConvergenceSettings(points=(21, 41, 81), expect=2),
        title="Contact resistance",
    )


def radiating_slab(points: int = 81) -> pk.Problem:
    """A hot slab that radiates at one face, ``du/dn = -s (u^4 - T^4)``, and is insulated at the other."""
    return pk.Problem(
        pk.PDE("u_t = u_xx", parameters={"s": 0.8, "T": 0.5}),
        pk.Grid(x=pk.Axis(0, 1, points)),
        initial={"u": "2"},
        boundary={"u": {"x": {"left": pk.Neumann(0), "right": pk.Neumann("-s*(u**4 - T**4)")}}},
        time=pk.TimeSettings(end=1.0),
        output=pk.OutputSettings(frames=21, series={"heat": "integral(u)", "surface": "u(1.0)"}),
        title="Slab cooled by radiation",
    )
