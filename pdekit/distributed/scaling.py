"""How long a step takes on many ranks, on paper: work on boxes, nodes about them, and numbers that all agree on.

A step makes evaluations of the right-hand side, or iterations of a linear solver with multigrid. Each works on every node of the box
(``work``, measured here), sends the nodes at its faces (``latency`` a message, ``bandwidth``), and some of them agree on a number,
which takes ``latency log2(ranks)``. Assumed are boxes of equal speed, a network that is nobody else's, and nothing done while one waits.
"""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pdekit.distributed.shareable import decomposed
from pdekit.problem import Problem
from pdekit.time.method_choice import Choice

REPEATS = 5
# Of GMRES with GAMG for one solve, and the time of one in products with the matrix (512 x 512 nodes on one rank of two cores: 13 of 21.6 ms;
# a product takes 0.8 ms). An iteration brings nodes up to date on every level, four times, and agrees on two numbers.
ITERATIONS, PRODUCTS, UPDATES, AGREEMENTS = 13, 27, 4, 2


@dataclass(frozen=True)
class Network:
    """What connects the ranks; the defaults are those of a usual cluster, not measured.

    Parameters
    ----------
    latency : float
        Seconds until a message arrives.
    bandwidth : float
        Bytes a second.
    """

    latency: float = 2e-6
    bandwidth: float = 5e9


@dataclass(frozen=True)
class Work:
    """What a step is made of.

    Parameters
    ----------
    passes : int
        Over the box.
    each : float
        Seconds a node and pass.
    updates : int
        How often the nodes about a box are brought up to date.
    agreements : int
        Numbers that all agree on.
    """

    passes: int
    each: float
    updates: int
    agreements: int


@dataclass(frozen=True)
class Prediction:
    """A step on so many ranks.

    Parameters
    ----------
    ranks : int
    counts : tuple of int
        Into how many parts each axis is cut.
    nodes : int
        Of the largest box.
    work, halo, agreement : float
        Seconds of a step.
    """

    ranks: int
    counts: tuple[int, ...]
    nodes: int
    work: float
    halo: float
    agreement: float

    @property
    def seconds(self) -> float:
        """Of a step."""
        return self.work + self.halo + self.agreement


def predicted(
    problem: Problem,
    work: Work,
    ranks: int,
    network: Network = Network(),
    grows: bool = False,
) -> Prediction:
    """A step on so many ranks.

    Parameters
    ----------
    problem : Problem
    work : Work
    ranks : int
    network : Network
    grows : bool
        Every rank has as many nodes as the problem has now, instead of a share of them.

    Raises
    ------
    ConfigError
        So many cannot share the problem.
    """
    decomposition = decomposed(problem, ranks)
    grid, counts = problem.grid, decomposition.counts
    box = [n if grows else math.ceil(n / count) for n, count in zip(grid.shape, counts)]
    cut = [(side, reach) for side, reach, count in zip(box, decomposition.reach, counts) if count > 1]
    sides = zip(box, decomposition.reach, counts)
    wide = math.prod(side + 2 * reach * (count > 1) for side, reach, count in sides)
    system = problem.semidiscrete
    size = len(system.blocks) * system.dtype.itemsize
    sent = sum(2 * reach * math.prod(box) / side for side, reach in cut) * size
    halo = work.updates * (2 * len(cut) * network.latency + 2 * sent / network.bandwidth)
    agreement = work.agreements * 2 * network.latency * math.log2(ranks)
    return Prediction(ranks, counts, math.prod(box), work.passes * work.each * wide, halo, agreement)


def measured(problem: Problem, choice: Choice) -> Work:
    """What a step of a method is made of, timed on this machine by one thread or as many as it takes."""
    system, start, time = problem.semidiscrete, problem.time.start, problem.time
    span = problem.span(None)[1] - start
    rhs = choice.method.compile(system, span, time.step, time.compiled, time.precision)
    y, nodes = system.pack(problem.initial_fields()), problem.grid.size
    stages = choice.method.tableau.stages if choice.method.tableau else 1
    if rhs is None:
        L = system.jacobian(start, y)
        seconds = _least(lambda: L @ y)
        iterations = ITERATIONS * max(stages, 1)
        levels = max(1, round(math.log2(max(problem.grid.shape)) / 2))
        return Work(iterations * PRODUCTS, seconds / nodes, iterations * UPDATES * levels, iterations * AGREEMENTS)
    Y = rhs.unpacked(start, y)
    out = np.empty_like(Y)
    seconds = _least(lambda: rhs.apply("rate", start, Y, out))
    return Work(stages, seconds / nodes, stages, 1)


def _least(work: Callable[[], object]) -> float:
    """Seconds of the fastest of some repetitions."""
    found = []
    for _ in range(REPEATS + 1):
        begun = clock.perf_counter()
        work()
        found.append(clock.perf_counter() - begun)
    return min(found[1:])
