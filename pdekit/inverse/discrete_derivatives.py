r"""Derivatives of a recorded run by parameters, exact for its steps: forward (tangent) and backward (adjoint).

A step of a diagonally implicit method solves, for i = 2 .. s, with ``k_1 = F(t_n, y_n)`` or the last slope of the step before,

    M (Y_i - c_i) = h gamma F(t_i, Y_i, p),    c_i = y_n + h sum_{j<i} a_ij k_j,    k_i = (Y_i - c_i)/(h gamma),    y_{n+1} = Y_s.

Differentiated by p, with S = dy/dp, K = dk/dp and J = dF/dy at the stage, these are linear equations with the matrices of the stages,

    (M - h gamma J_i) X_i = M C_i + h gamma F_p(t_i, Y_i),    C_i = S_n + h sum_{j<i} a_ij K_j,    K_i = (X_i - C_i)/(h gamma).

The adjoint is the transpose of the whole chain, from the last step to the first. With Lambda = dG/dy_{n+1} and kappa_i = dG/dk_i of
a number G, and for i = s .. 2

    (M - h gamma J_i)^T w_i = [i = s] Lambda + kappa_i/(h gamma),    G_p += h gamma F_p(t_i, Y_i)^T w_i,
    gamma_i = M w_i - kappa_i/(h gamma),    kappa_j += h a_ij gamma_i (j < i),    Lambda' = sum_i gamma_i;

kappa_1 goes to the last slope of the step before, or, where k_1 was computed, ``Lambda' += J^T kappa_1`` and ``G_p += F_p^T kappa_1``.
Both are derivatives of the numbers that the run computes, not discretizations of the continuous equations: they agree with each other
to rounding, whatever the steps. Lengths of steps are held fixed.

References
----------
A. Sandu, "On the properties of Runge-Kutta discrete adjoints", ICCS 2006, LNCS 3994, 550-557; P. Eberhard and C. Bischof, Math. Comp.
68 (1999) 717-731, on lengths of steps that are held fixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pdekit.counts import Statistics
from pdekit.inverse.initial_state import initial_adjoint, initial_tangent
from pdekit.inverse.promotion import Promotion
from pdekit.inverse.recorded_run import RecordedRun
from pdekit.linear.direct import factorise
from pdekit.linear.solver_protocol import TransposedSolver
from pdekit.time.iteration_matrix import iteration_matrix
from pdekit.time.kept_factors import KeptFactors
from pdekit.typing import Array, Matrix

KEPT = 8  # factors of matrices of linear systems, by the length of the step
REFINEMENTS, CONTRACTION, ROUNDING = 8, 0.1, 1e-14


class StageMatrices:
    """Solves with the matrices ``M - h gamma J`` of the stages of a run, and with their transposes.

    Those of a linear system are factorised by the length of the step. Others change from stage to stage, by little: the factors of an
    earlier one then serve in iterative refinement, which is exact to rounding, as long as it contracts well.

    Parameters
    ----------
    run : RecordedRun
    is_transposed : bool
    """

    def __init__(self, run: RecordedRun, is_transposed: bool = False) -> None:
        self.system, self.is_transposed = run.system, is_transposed
        self._linear = KeptFactors(lambda hg: factorise(self._matrix(hg, self.system.L)), Statistics(), KEPT)
        self._kept: tuple[float, TransposedSolver] | None = None

    def _matrix(self, hg: float, J: Matrix) -> Matrix:
        return iteration_matrix(self.system.mass, hg, J)

    def _by(self, solver: Any, rhs: Array) -> Array:
        return np.asarray(solver.solve_transposed(rhs) if self.is_transposed else solver.solve(rhs))

    def solve(self, t: float, y: Array, hg: float, rhs: Array) -> Array:
        """The solution at a stage, of several right-hand sides."""
        if self.system.is_linear:
            return self._by(self._linear.at(hg), rhs)
        matrix = self._matrix(hg, self.system.jacobian(t, y))
        if self._kept is not None and self._kept[0] == hg:
            x = self._refined(matrix, self._kept[1], rhs)
            if x is not None:
                return x
        self._kept = hg, factorise(matrix)
        return self._by(self._kept[1], rhs)

    def _refined(self, matrix: Matrix, solver: Any, rhs: Array) -> Array | None:
        """The solution by the factors of a matrix nearby; None if it takes too long."""
        A = matrix.T if self.is_transposed else matrix
        x = self._by(solver, rhs)
        before = np.inf
        for _ in range(REFINEMENTS):
            change = self._by(solver, rhs - A @ x)
            x = x + change
            sizes, greatest = np.max(np.abs(change), axis=0), np.max(np.abs(x), axis=0)
            left = float(np.max(sizes[greatest > 0] / greatest[greatest > 0], initial=0.0))
            if left <= ROUNDING:
                return x
            if not left <= CONTRACTION * before:
                return None
            before = left
        return None


def tangents(run: RecordedRun, promotion: Promotion, directions: Array | None = None) -> Iterator[Array]:
    """Derivatives of the states at the frames, frame by frame, of shape (unknowns, directions).

    Parameters
    ----------
    run : RecordedRun
    promotion : Promotion
        Of the problem of the run.
    directions : array of shape (parameters, directions), optional
        By default one for each parameter.
    """
    A, c, gamma = run.tableau.A, run.tableau.c, run.tableau.gamma
    matrices, M = StageMatrices(run), run.system.mass
    S = initial_tangent(promotion, run.start, run.y, directions)
    frames = iter(run.frames)
    done = 0
    _, wanted = next(frames)
    K: list[Array] = []
    for step in (*run.steps, None):
        while done == wanted:
            yield S
            _, wanted = next(frames, (0.0, -1))
        if step is None:
            return
        hg = step.h * gamma
        first = (
            K[-1]
            if not step.is_fresh
            else run.system.jacobian(step.t, step.y) @ S + promotion.slope(step.t, step.y).along(directions)
        )
        K = [first]
        for i, Y in enumerate(step.stages, 1):
            t = step.t + c[i] * step.h
            known = S + step.h * sum(a * slope for a, slope in zip(A[i], K) if a != 0)
            X = matrices.solve(t, Y, hg, M @ known + hg * promotion.slope(t, Y).along(directions))
            K.append((X - known) / hg)
        S, done = X, done + 1


def adjoint(run: RecordedRun, promotion: Promotion, seeds: Mapping[int, Array]) -> Array:
    """Derivatives of numbers of the states at the frames by the parameters, of shape (parameters, numbers).

    Parameters
    ----------
    run : RecordedRun
    promotion : Promotion
        Of the problem of the run.
    seeds : mapping of int to array
        By frame: derivatives of the numbers by the state there, of shape (unknowns, numbers).
    """
    A, c, gamma = run.tableau.A, run.tableau.c, run.tableau.gamma
    matrices, M = StageMatrices(run, is_transposed=True), run.system.mass
    at_steps: dict[int, Array] = {}
    for frame, seed in seeds.items():
        count = run.frames[frame][1]
        at_steps[count] = at_steps[count] + seed if count in at_steps else np.array(seed)
    some = next(iter(seeds.values()))
    zero = np.zeros((run.system.size, some.shape[1]))
    G = np.zeros((promotion.vector.size, some.shape[1]))
    state, last = zero.copy(), zero.copy()  # dG/dy and dG/d(last slope) at the end of a step
    for number in range(len(run.steps), 0, -1):
        step = run.steps[number - 1]
        state = state + at_steps.get(number, 0.0)
        hg = step.h * gamma
        slopes = [zero] * len(step.stages) + [last]
        before = zero.copy()
        for i in range(len(step.stages), 0, -1):
            t, Y = step.t + c[i] * step.h, step.stages[i - 1]
            seed = slopes[i] / hg
            w = matrices.solve(t, Y, hg, seed + state if i == len(step.stages) else seed)
            G += hg * promotion.slope(t, Y).transposed(w)
            inner = M @ w - seed
            before += inner
            for j, a in enumerate(A[i]):
                if a != 0:
                    slopes[j] = slopes[j] + step.h * a * inner
        state, last = before, slopes[0]
        if step.is_fresh:
            state = state + run.system.jacobian(step.t, step.y).T @ last
            G += promotion.slope(step.t, step.y).transposed(last)
            last = zero
    return G + initial_adjoint(promotion, run.start, run.y, state + at_steps.get(0, 0.0))
