"""Run by mpiexec: problems with what few configs have, on several ranks against one process, a line of JSON for each."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import pdekit as pk
from pdekit.boundary.interfaces import Interface
from pdekit.distributed.processes import Processes
from pdekit.settings import OutputSettings, StopSettings, TimeSettings
from pdekit.time.methods import METHODS
from tests.distributed.comparison import difference

SQUARE = pk.Grid(x=pk.Axis(0, 1, 25), y=pk.Axis(0, 1, 14))
LINE = pk.Grid(x=pk.Axis(0, 1, 41))
WALLS = {"u": {"x": pk.Dirichlet(0), "y": pk.Neumann(0)}}
Named = Iterator[tuple[str, pk.Problem]]
HUMP = "sin(pi*x)*(2 + cos(pi*y))"


def implicit(end: float, step: float, method: str = "tr_bdf2") -> TimeSettings:
    return TimeSettings(end=end, method=method, step=step)


def explicit(end: float, step: float) -> TimeSettings:
    return TimeSettings(end=end, method="rk4", step=step)


def by_their_error() -> Named:
    """Steps by their error, where errors are carried on: what one rank alone would find differs from what all find."""
    for method in ("esdirk43", "tsitouras"):
        yield (
            f"errors that are carried on, {method}",
            pk.Problem(
                pk.PDE("u_t = 0.02*u_xx - u_x"), LINE, initial={"u": "exp(-100*(x - 0.2)**2)"},
                boundary={"u": {"x": pk.Dirichlet(0)}}, output=OutputSettings(frames=2),
                time=TimeSettings(end=0.1, method=method, rtol=1e-4),
            ),
        )  # fmt: skip


def for_any_method(name: str, time: TimeSettings) -> Named:
    """What explicit and implicit methods do."""
    heat, frames = pk.PDE("u_t = 0.1*laplace(u)"), OutputSettings(frames=2)
    more = OutputSettings(
        frames=3,
        fields={"flux": "-u_x", "bend": "u_xx*u_yy"},
        series={"slope": "max(u_x)", "curl": "integral(d(u_xx**2, x)**2)", "corner": "u(0.9, 0.1)"},
    )
    yield (
        f"fields and series of derivatives, {name}",
        pk.Problem(heat, SQUARE, initial={"u": HUMP}, boundary=WALLS, time=time, output=more),
    )
    yield (
        f"a condition that ends the run, {name}",
        pk.Problem(
            heat, SQUARE, initial={"u": HUMP}, boundary=WALLS, output=frames,
            time=TimeSettings(end=1.0, method=time.method, step=time.step), stop=StopSettings(when="max(u) < 2.9"),
        ),
    )  # fmt: skip
    yield (
        f"projections, {name}",
        pk.Problem(
            heat, SQUARE, initial={"u": HUMP}, boundary=WALLS, time=time, output=frames,
            projections={"u >= 2.5 - 10*(x - 0.3)**2 - y": [0.01, 0.02]},
        ),
    )  # fmt: skip
    for place in (0.12, 0.5, 0.81) if name == "explicit" else (0.5,):
        jumps = {"u": {"x": Interface(place, jump="0.1*cos(pi*y)*t", flux_jump="y")}}
        jumps |= {"v": {"x": Interface(place, resistance=0.3)}}
        yield (
            f"interfaces at {place}, {name}",
            pk.Problem(
                pk.PDE(["u_t = 0.1*laplace(u) - v", "v_t = 0.1*div((1 + x)*grad(v)) + u"]), SQUARE, interfaces=jumps,
                initial={"u": HUMP, "v": "x"}, boundary=dict.fromkeys("uv", WALLS["u"]), time=time, output=frames,
            ),
        )  # fmt: skip
    yield (
        f"delays, {name}",
        pk.Problem(
            pk.PDE("u_t = 0.1*u_xx + u*(1 - u(t - 0.004)) - u(t - 0.007)"), LINE, initial={"u": "1 + sin(pi*x)*(1 + t)"},
            boundary={"u": {"x": pk.Dirichlet("1 + t")}}, output=frames,
            time=TimeSettings(end=0.02, method=time.method, step=0.001),
        ),
    )  # fmt: skip


def by_chance() -> Named:
    """Noise, of which every process draws its own: one path, whoever shares the grid."""
    kinds = {
        "white": "0.1*u*noise()", "of a length": "noise(0.1, 0.2)", "uniform": "uniform_noise(0.3)", "of slopes": "0.1*u_x*noise()",
    }  # fmt: skip
    for kind, term in kinds.items():
        for method in ("euler_maruyama", "implicit_euler_maruyama"):
            yield (
                f"noise, {kind}, {method}",
                pk.Problem(
                    pk.PDE(f"u_t = 0.1*laplace(u) + {term}"), SQUARE, initial={"u": HUMP}, boundary=WALLS,
                    time=TimeSettings(end=0.02, method=method, step=0.002, seed=3),
                    output=OutputSettings(frames=2, series={"mean": "mean(u)"}),
                ),
            )  # fmt: skip


def on_domains(name: str, time: TimeSettings) -> Named:
    """Domains that are no boxes: conditions of each kind, numbers of whole fields, order 4, a seam, a mask, three axes."""
    output = OutputSettings(
        frames=2, series={"heat": "integral(u)", "mean": "mean(u**2)", "peak": "max(u)", "probe": "u(0.4, 0.55)"}
    )
    heat, ring = (
        pk.PDE("u_t = 0.1*laplace(u) - u_x + mean(u)"),
        "(x - 0.5)**2 + (y - 0.5)**2 < 0.2 and x**2 + y**2 > 0.1",
    )
    for kind, condition in {
        "values": pk.Dirichlet("x + t"), "fluxes": pk.Neumann("y*t"), "both": pk.Robin(1, 0.5, "x"), "the solution": pk.Neumann("-u**2"),
    }.items():  # fmt: skip
        yield (
            f"a domain, {kind}, {name}",
            pk.Problem(
                heat, SQUARE, domain=ring, initial={"u": HUMP}, boundary={"u": {"domain": condition}}, time=time, output=output
            ),
        )  # fmt: skip
    torus = pk.Grid(x=pk.Axis(0, 1, 40, periodic=True), y=pk.Axis(0, 1, 36, periodic=True))
    for order in (2, 4):
        yield (
            f"a domain across a seam, of order {order}, {name}",
            pk.Problem(
                pk.PDE("u_t = 0.1*laplace(u) - u_x"), torus, domain="sin(pi*x)**2 + sin(pi*y)**2 > 0.3", order=order, time=time,
                initial={"u": "sin(2*pi*x)"}, boundary={"u": {"domain": pk.Dirichlet("sin(2*pi*x)")}}, output=output,
            ),
        )  # fmt: skip
    x, y = np.meshgrid(SQUARE["x"].nodes, SQUARE["y"].nodes, indexing="ij")
    yield (
        f"a domain given by a mask, {name}",
        pk.Problem(
            pk.PDE("u_t = 0.1*div((1 + x + u**2)*grad(u))"), SQUARE, domain=(x + y < 1.6), initial={"u": HUMP},
            boundary={"u": {"domain": pk.Neumann(0), "x": pk.Neumann(0), "y": pk.Neumann(0)}}, time=time,
            output=OutputSettings(frames=2, series={"heat": "integral(u)"}),
        ),
    )  # fmt: skip
    cube = pk.Grid(x=pk.Axis(0, 1, 24), y=pk.Axis(0, 1, 12), z=pk.Axis(0, 1, 10))
    yield (
        f"a domain in space, {name}",
        pk.Problem(
            pk.PDE(["u_t = 0.1*laplace(u) - v", "v_t = 0.1*laplace(v) + u"]), cube, domain="(x - 0.5)**2 + (y - 0.5)**2 + (z - 0.5)**2 < 0.24",
            initial={"u": "x", "v": "y*z"}, boundary={"u": {"domain": pk.Neumann(1)}, "v": {"domain": pk.Dirichlet(0)}}, time=time,
            output=OutputSettings(frames=2, series={"heat": "integral(u + v)"}),
        ),
    )  # fmt: skip


def in_regions(name: str, time: TimeSettings) -> Named:
    """Unknowns that live in a part of the grid, of which some ranks have nothing."""
    for order in (2, 4):
        yield (
            f"regions, of order {order}, {name}",
            pk.Problem(
                pk.PDE(["c_t = 0.1*laplace(c) + where(x < 0.25, 1, 0)", "u_t = div((0.1 + 0.05*u**2)*grad(u)) - u*mean(c)", "w_t = w_x - w"]),
                SQUARE, regions={"c": {"x": [0, 0.25]}, "u": {"x": [0.25, 1], "y": [0, 6 / 13]}}, order=order, time=time,
                initial={"c": "1 + x*y", "u": "x*(1 - y)", "w": "x"},
                boundary={
                    "c": {"x": {"left": pk.Dirichlet("t"), "right": pk.Neumann(0)}, "y": pk.Neumann(0)},
                    "u": {"x": {"left": pk.Neumann("u - c" if order == 2 else 0), "right": pk.Dirichlet("1 - y")}, "y": pk.Robin(1, 1, "x")},
                    "w": {"x": {"left": [], "right": pk.Dirichlet(1)}},
                },
                output=OutputSettings(
                    frames=2, fields={"double": "2*u"}, series={"drug": "integral(c) + integral(u)", "peak": "max(u)", "rest": "mean(w)"}
                ),
            ),
        )  # fmt: skip


def for_explicit_methods() -> Named:
    """Fluxes, layers, and data that are arrays."""
    heat, frames = pk.PDE("u_t = 0.1*laplace(u)"), OutputSettings(frames=2)
    wide = pk.Grid(x=pk.Axis(0, 1, 26, periodic=True), y=pk.Axis(0, 1, 16, periodic=True))
    for scheme in ("weno5", "muscl"):
        yield (
            f"fluxes that are not convex, {scheme}",
            pk.Problem(
                pk.PDE(["u_t = -d(u**3 - u, x) - 0.3*d(u**4, y)"]), wide, initial={"u": "sin(2*pi*(x + y)) - 0.2"},
                advection=scheme, time=TimeSettings(end=0.02, method="courant"), output=frames,
            ),
        )  # fmt: skip
    shore = pk.Grid(x=pk.Axis(0, 1, 40, absorbing_layer=0.3), y=pk.Axis(0, 1, 16, periodic=True))
    yield (
        "absorbing layers",
        pk.Problem(
            pk.PDE("u_tt = laplace(u)"), shore, initial={"u": "exp(-40*(x - 0.4)**2)*(1 + cos(2*pi*y))", "u_t": 0},
            time=explicit(0.5, 0.01), output=frames,
        ),
    )  # fmt: skip
    edge = np.cos(np.pi * SQUARE["y"].nodes)
    yield (
        "data of a face as an array, and a series where one rank has prescribed nodes",
        pk.Problem(
            heat, SQUARE, initial={"u": np.add.outer(np.zeros(25), edge)}, time=explicit(0.02, 0.002),
            output=OutputSettings(frames=2, series={"heat": "integral(u)"}),
            boundary={"u": {"x": {"left": pk.Dirichlet(edge), "right": pk.Neumann(edge)}, "y": pk.Neumann(0)}},
        ),
    )  # fmt: skip


def for_implicit_methods() -> Named:
    """Real and imaginary parts, constraints."""
    frames = OutputSettings(frames=2)
    fine = pk.Grid(x=pk.Axis(0, 1, 72), y=pk.Axis(0, 1, 64))
    yield (
        "multigrid for corrections of Newton's method",
        pk.Problem(
            pk.PDE("u_t = div((0.1 + u**2)*grad(u)) + u - u**3"), fine, initial={"u": HUMP}, boundary=WALLS,
            time=implicit(0.02, 0.01), output=frames,
        ),
    )  # fmt: skip
    yield (
        "a jump that one rank has",
        pk.Problem(
            pk.PDE("u_t = 0.1*laplace(u)"), SQUARE, initial={"u": "sin(pi*x) + step(0.15 - x)*5*x"}, boundary=WALLS,
            time=TimeSettings(end=0.1, method="crank_nicolson", step=0.02), output=frames,
        ),
    )  # fmt: skip
    turns = pk.PDE("A_t = A + (1 + 2*I)*A_xx - (1 + 1.5*I)*abs(A)**2*A")
    for method in ("tr_bdf2", "rodas4"):
        yield (
            f"real and imaginary parts, {method}",
            pk.Problem(
                turns, LINE, initial={"A": "0.5*exp(2*I*pi*x)"}, boundary={"A": {"x": pk.Neumann(0)}},
                time=TimeSettings(end=0.1, method=method, step=0.02), output=frames,
            ),
        )  # fmt: skip
    obstacle, floor = ["u >= 0.4*sin(2*pi*x) - 0.1"], {"u": {"x": pk.Dirichlet(0)}}
    yield (
        "constraints",
        pk.Problem(
            pk.PDE("u_t = 0.1*u_xx - 2"), LINE, initial={"u": "sin(pi*x)"}, boundary=floor, constraints=obstacle,
            time=implicit(0.5, 0.05), output=frames,
        ),
    )  # fmt: skip
    yield (
        "constraints of a steady problem",
        pk.Problem(pk.PDE("0 = u_xx - 8"), LINE, initial={"u": 0}, boundary=floor, constraints=obstacle),
    )


def with_algebraic_equations() -> Named:
    """Unknowns without a time derivative, of which a first guess is given only: initial values are found by all processes together."""
    frames = OutputSettings(frames=3)
    for name, method, equation in (
        ("a potential", "esdirk43", "0 = phi_xx - phi + u"),
        ("a potential that multiplies itself", "tr_bdf2", "0 = phi_xx - phi**3 + u"),
        ("a potential and a mean", "rodas4", "0 = phi_xx - (1 + mean(u))*phi + u"),
    ):
        yield (
            f"{name}, {method}",
            pk.Problem(
                pk.PDE(["u_t = 0.1*u_xx - u*phi", equation]), LINE, initial={"u": "1 + cos(pi*x)", "phi": 0.1},
                boundary={"u": {"x": pk.Neumann(0)}, "phi": {"x": pk.Dirichlet("t")}},
                time=implicit(0.1, 0.02, method), output=frames,
            ),
        )  # fmt: skip
    flow = pk.PDE(["w_t = 0.05*laplace(w) + psi_x*w_y - psi_y*w_x", "0 = laplace(psi) + w"])
    rim = {"domain": pk.Dirichlet(0)}
    for name, walls, domain in (
        ("a stream function", WALLS["u"], None),
        ("a stream function on a domain", rim, "(x - 0.5)**2 + (y - 0.5)**2 < 0.2"),
    ):
        yield (
            name,
            pk.Problem(
                flow, SQUARE, initial={"w": f"20*({HUMP})", "psi": 0}, boundary={"w": walls, "psi": walls}, domain=domain,
                time=implicit(0.04, 0.01), output=frames,
            ),
        )  # fmt: skip


def problems() -> Named:
    """By what is special about them."""
    for name, time in (("explicit", explicit(0.02, 0.002)), ("implicit", implicit(0.02, 0.01))):
        yield from for_any_method(name, time)
    yield from in_regions("explicit", explicit(0.002, 0.0002))
    yield from in_regions("implicit", implicit(0.02, 0.01))
    yield from on_domains("explicit", explicit(0.0005, 0.00005))
    yield from on_domains("implicit", implicit(0.02, 0.01))
    yield from by_their_error()
    yield from by_chance()
    yield from for_explicit_methods()
    yield from for_implicit_methods()
    yield from with_algebraic_equations()


def main(folder: Path, words: str) -> None:
    from mpi4py import MPI

    processes = Processes(MPI.COMM_WORLD.Dup())
    for name, problem in problems():
        if words in name:
            entry = {
                "name": name,
                "is_implicit": problem.steady or not METHODS[problem.time.method].explicit,
                "difference": difference(problem, processes, folder),
            }
            if processes.rank == 0:
                print(json.dumps(entry), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
