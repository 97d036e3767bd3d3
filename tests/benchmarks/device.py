"""Explicit steps on a GPU beside those of the processor, watch and all: ``python -m tests.benchmarks device``."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import pdekit as pk
from pdekit.errors import SolverError
from pdekit.kernels.device_memory import device_name
from pdekit.time.loop import Stop
from pdekit.time.methods import METHODS
from pdekit.time.observers import Watch
from pdekit.time.right_hand_side import RightHandSide, choose_right_hand_side, right_hand_side_on_device
from pdekit.time.stepper import Tolerance
from pdekit.typing import Array
from tests.benchmarks.explicit import gray_scott, heat
from tests.benchmarks.timing import Row, best

COMPARED = 20  # steps after which the two are compared


def integrated(rhs: RightHandSide, y: Array, steps: int, h: float) -> tuple[float, Array]:
    """Seconds of so many steps of RK4, the state copied back at the end, and that state."""
    system = rhs.system
    tolerance, stops = Tolerance(np.broadcast_to(1e-9, y.shape), 1e-6), [Stop(0.0), Stop(h * steps)]
    frames = METHODS["rk4"].integrate(system, y, stops, Watch(system, 1.0), tolerance, step=h, rhs=rhs)
    begun = time.perf_counter()
    *_, (_, found) = frames
    return time.perf_counter() - begun, found


def step_time(rhs: RightHandSide, y: Array, steps: int, h: float) -> float:
    """Seconds of a step: of a long run less those of a short one, which start and end as it does."""
    integrated(rhs, y, 2, h)
    return min((integrated(rhs, y, steps + 1, h)[0] - integrated(rhs, y, 1, h)[0]) / steps for _ in range(2))


def compared(title: str, problem: pk.Problem, h: float, steps: tuple[int, int]) -> Row:
    """Times of a step on both, and by how much their results differ."""
    system = problem.semidiscrete
    y = system.pack(problem.initial_fields())
    sides = [right_hand_side_on_device(system), choose_right_hand_side(system, 1e9, "always")]
    ours, theirs = (step_time(side, y, count, h) for side, count in zip(sides, steps))
    one, other = (integrated(side, y, COMPARED, h)[1] for side in sides)
    difference = float(np.max(np.abs(one - other)) / np.max(np.abs(other)))
    value = f"{theirs / ours:.1f} ({ours * 1e3:.3g} ms : {theirs * 1e3:.3g} ms), differ by {difference:.1e}"
    return Row(f"{title}, RK4: GPU over {sides[1].title}", value, "differ by <= 1e-13")


def copy_share(problem: pk.Problem) -> Row:
    """Memory traffic of a fused Euler step beside that of a copy, both on the device."""
    from numba import cuda

    rhs: Any = right_hand_side_on_device(problem.semidiscrete)
    Y, out = rhs.unpacked(0.0, problem.semidiscrete.pack(problem.initial_fields())), rhs.states(1)[0]
    c = np.array([1e-12, 1.0, 0, 0, 0, 0])

    def seconds(work: Any) -> float:
        def many() -> None:
            for _ in range(20):
                work()
            cuda.synchronize()

        many()
        return best(many, 5) / 20

    step, copy = seconds(lambda: rhs.apply("step", 0.0, Y, out, c)), seconds(lambda: rhs.copy(out, Y))
    moved = 16 * problem.grid.size
    value = f"{copy / step:.2f} ({moved / step / 1e12:.2f} TB/s : {moved / copy / 1e12:.2f})"
    return Row("heat 4096^2, Euler on the device: share of its copy bandwidth", value, ">= 0.7")


def cahn_hilliard(n: int) -> pk.Problem:
    """Two phases that part, by their chemical potential: a definition, found by a pass of its own."""
    closed = {"x": pk.Neumann(0), "y": pk.Neumann(0)}
    return pk.Problem(
        pk.PDE("u_t = laplace(mu)", definitions={"mu": "u**3 - u - laplace(u)"}),
        pk.Grid(x=pk.Axis(0, n, n), y=pk.Axis(0, n, n)),
        initial={"u": "0.1*cos(0.3*x)*cos(0.2*y)"},
        boundary={"u": closed, "mu": closed},
    )


def rows() -> list[Row]:
    """All of them; where there is no device, that there is none."""
    try:
        name = device_name()
    except SolverError as error:
        return [Row("device", "skipped", str(error))]
    found = [Row("device", name, "")]
    for n, steps in ((512, (400, 40)), (2048, (100, 8))):
        found.append(compared(f"heat {n}^2", heat((n, n)), 0.1 / n**2, steps))
        found.append(compared(f"Gray-Scott {n}^2", gray_scott(n), 0.1, steps))
        found.append(compared(f"Cahn-Hilliard {n}^2", cahn_hilliard(n), 0.01, steps))
    found.append(compared("heat 256^3", heat((256,) * 3), 0.1 / 256**2, (50, 4)))
    found.append(copy_share(heat((4096, 4096))))
    return found
