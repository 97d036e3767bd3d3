"""Is the Jacobian right? Symbols, complex step and differences, compared entry by entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pdekit.discretize.system import Block, SemiDiscrete
from pdekit.errors import SolverError
from pdekit.problem import Problem

LARGEST = 4_000


@dataclass(frozen=True)
class JacobianCheck:
    """Greatest differences of the Jacobian from the symbols, relative to its greatest entry.

    Parameters
    ----------
    complex_step, differences : float
        Against either; nan where the complex step is not possible.
    worst : str
        Where the greatest difference is: which equation, which unknown, where.
    """

    complex_step: float
    differences: float
    worst: str

    @property
    def passed(self) -> bool:
        """Whether the complex step agrees to 1e-10, or, without it, differences to 1e-5."""
        return self.differences <= 1e-5 and not self.complex_step > 1e-10

    def __str__(self) -> str:
        word = "PASS" if self.passed else "FAIL"
        return (
            f"{word}: Jacobian from symbols against complex step {self.complex_step:.1e}, against differences "
            f"{self.differences:.1e}; worst entry {self.worst}"
        )


def check_jacobian(problem: Problem, *, t: float | None = None, seed: int = 0) -> JacobianCheck:
    """Compare the Jacobian of a problem with the complex step and with differences, entry by entry.

    Parameters
    ----------
    problem : Problem
        Of at most 4,000 unknowns: take a coarse grid.
    t : float, optional
        Time; default is the start.
    seed : int
        The state is the initial one with a small random change, so that no entry hides at zero.

    Returns
    -------
    JacobianCheck

    Examples
    --------
    >>> import pdekit as pk
    >>> problem = pk.Problem(pk.PDE("u_t = div(u*grad(u)) - u**3"), pk.Grid(x=pk.Axis(0, 1, 21)),
    ...                      initial={"u": "1 + x"}, boundary={"u": {"x": pk.Neumann(0)}})
    >>> pk.check_jacobian(problem).passed
    True
    """
    system = problem.with_jacobian().semidiscrete
    if system.size > LARGEST:
        raise SolverError(
            f"{system.size:,} unknowns are too many to be compared one by one (at most {LARGEST:,}); take a coarser grid"
        )
    t = problem.time.start if t is None else t
    y = system.pack(problem.initial_fields())
    y = y + 0.01 * max(1.0, float(np.max(np.abs(y)))) * np.random.default_rng(seed).uniform(0.5, 1.0, y.size)
    J = np.asarray(system.jacobian(t, y).toarray())
    scale = max(float(np.max(np.abs(J))), 1e-300)
    h = 1e-6 * max(1.0, float(np.max(np.abs(y))))
    unit = np.eye(system.size)
    differences = np.stack([(system.rhs(t, y + h * e) - system.rhs(t, y - h * e)) / (2 * h) for e in unit], axis=1)
    gap = np.abs(J - differences)
    complex_step = np.nan
    if system.dtype.kind != "c" and system.function is None:
        analytic = SemiDiscrete(
            system.system, problem.grid, problem.conditions, order=problem.order, dtype=complex, regions=system.regions
        )
        tiny = 1e-100
        stepped = np.stack([analytic.rhs(t, y + 1j * tiny * e).imag / tiny for e in unit], axis=1)
        if np.max(np.abs(stepped - differences)) <= 1e-4 * scale:  # else abs, where or sign stand in the equations
            gap = np.abs(J - stepped)
            complex_step = float(np.max(gap)) / scale
    row, column = np.unravel_index(int(np.argmax(gap)), gap.shape)
    worst = f"d({_spell(system, int(row))}')/d({_spell(system, int(column))})"
    return JacobianCheck(complex_step, float(np.max(np.abs(J - differences))) / scale, worst)


def _spell(system: SemiDiscrete, index: int) -> str:
    block: Block = next(b for b in system.blocks if b.slice.start <= index < b.slice.stop)
    point: dict[str, Any] = system.grid.point(int(block.free[index - block.offset]))
    return f"{block.name} at {', '.join(f'{n} = {v:.4g}' for n, v in point.items())}"
