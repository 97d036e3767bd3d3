"""Methods for equations of second order in time: Stormer-Verlet and Newmark."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from pdekit.counts import Statistics
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError
from pdekit.linear.solver_choice import Solvers
from pdekit.nonlinear.newton import STEPS, Newton, RootProblem
from pdekit.time.compositions import Composition
from pdekit.time.kept_factors import KeptFactors
from pdekit.time.solved_rates import refuse_coupled_rates
from pdekit.time.stepper import Tolerance, VectorStepper
from pdekit.typing import Array, Matrix


def halves(system: SemiDiscrete, method: str) -> tuple[slice, slice]:
    """Where displacements and velocities stand in y.

    Raises
    ------
    SolverError
        Not all equations are of second order in time.
    """
    if any(u.time_order != 2 for u in system.system.unknowns):
        raise SolverError(f"{method} is for equations u_tt = ...; use another method")
    refuse_coupled_rates(system, method)
    middle = system.size // 2
    return slice(0, middle), slice(middle, system.size)


class Verlet(VectorStepper):
    """Stormer-Verlet for ``q'' = a(t, q)``, order 2, symplectic, stable for ``h omega <= 2``; and compositions of its steps.

    Hairer, Lubich and Wanner, *Geometric numerical integration*, eq. (I.1.17).

    Parameters
    ----------
    system : SemiDiscrete
    composition : Composition
    statistics : Statistics
    """

    def __init__(self, system: SemiDiscrete, composition: Composition, statistics: Statistics) -> None:
        self.q, self.v = halves(system, composition.name)
        self.system, self.weights, self.statistics = system, composition.weights, statistics
        self._acceleration: tuple[float, Array] | None = None
        if system.has_rates:
            raise SolverError(f"{composition.name} cannot treat terms in u_t on the right-hand side; use newmark")

    def _a(self, t: float, y: Array) -> Array:
        self.statistics.evaluations += 1
        return self.system.rhs(t, y)[self.v]

    def rate(self, t: float, Y: Array) -> Array:
        return self.system.rhs(t, Y)

    def restart(self) -> None:
        self._acceleration = None

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        kept = self._acceleration
        a = kept[1] if kept is not None and kept[0] == t else self._a(t, Y)
        out[...], at = Y, t
        for w in self.weights:
            part = w * h
            out[self.v] += 0.5 * part * a
            out[self.q] += part * out[self.v]
            at += part
            a = self._a(at, out)
            out[self.v] += 0.5 * part * a
        self._acceleration = (t + h, a)
        return 0.0


@dataclass(frozen=True)
class Acceleration:
    """Coefficients of an implicit method for ``q'' = a(t, q, v)``.

    Parameters
    ----------
    name : str
    beta, gamma : float
        Of Newmark's formulas.
    lag_mass, lag_force : float
        Shares of the old time in the acceleration and in the force: alpha_m and alpha_f.
    title : str
    aliases : tuple of str
    """

    name: str
    beta: float
    gamma: float
    lag_mass: float
    lag_force: float
    title: str
    aliases: tuple[str, ...] = ()


def generalised_alpha(damping: float) -> Acceleration:
    """The generalised alpha method whose step multiplies the fastest waves by `damping` (rho), of order 2 for any.

    J. Chung and G. M. Hulbert, J. Appl. Mech. 60 (1993) 371-375, eqs. (17), (20) and (25).
    """
    lag_mass, lag_force = (2 * damping - 1) / (damping + 1), damping / (damping + 1)
    gamma, beta = 0.5 - lag_mass + lag_force, 0.25 * (1 - lag_mass + lag_force) ** 2
    title = f"generalised alpha, which damps the fastest waves by {damping:g} a step, Chung and Hulbert (1993)"
    return Acceleration("generalised_alpha", beta, gamma, lag_mass, lag_force, title, ("generalized_alpha",))


ACCELERATIONS = {
    m.name: m
    for m in (
        Acceleration("newmark", 0.25, 0.5, 0.0, 0.0, "Newmark, beta 1/4, gamma 1/2"),
        generalised_alpha(0.8),
    )
}


class Newmark(VectorStepper):
    """``(1 - alpha_m) a_1 + alpha_m a_0 = a(t, q, v)`` at the time and the state ``(1 - alpha_f) (.)_1 + alpha_f (.)_0``.

    Newmark's own method (beta = 1/4, gamma = 1/2, no lags) is of order 2, unconditionally stable, and conserves the energy of
    linear systems; Newmark (1959), eqs. (8) and (9). The new acceleration is the unknown that is solved for.
    """

    def __init__(self, system: SemiDiscrete, method: Acceleration, solvers: Solvers, statistics: Statistics) -> None:
        self.q, self.v = halves(system, method.name)
        self.method = method
        self.system, self.statistics = system, statistics
        middle = self.q.stop
        own = [b.slice for b in system.blocks if b.offset >= middle]
        self._blocks = [slice(r.start - middle, r.stop - middle) for r in own]
        self._newton = Newton(STEPS, solvers.factorise, statistics)
        self._linear = KeptFactors(lambda h: solvers.factorise(self._matrix(system.L, h)), statistics)
        self._acceleration: tuple[float, Array] | None = None

    def _matrix(self, J: Matrix, h: float) -> Matrix:
        K, C = J[self.v][:, self.q], J[self.v][:, self.v]
        m, one = self.method, sparse.eye_array(K.shape[0], format="csr")
        return (1 - m.lag_mass) * one - (1 - m.lag_force) * (m.beta * h**2 * K + m.gamma * h * C)

    def rate(self, t: float, Y: Array) -> Array:
        return self.system.rhs(t, Y)

    def restart(self) -> None:
        self._acceleration = None

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        system, beta, gamma = self.system, self.method.beta, self.method.gamma
        old, new_share = self.method.lag_mass, 1 - self.method.lag_force
        at = t + new_share * h
        kept = self._acceleration
        a = kept[1] if kept is not None and kept[0] == t else system.rhs(t, Y)[self.v]
        guess = np.empty_like(Y)
        guess[self.q] = Y[self.q] + h * Y[self.v] + h**2 * (0.5 - beta) * a
        guess[self.v] = Y[self.v] + h * (1 - gamma) * a

        def state(acceleration: Array) -> Array:
            full = guess.copy()
            full[self.q] += beta * h**2 * acceleration
            full[self.v] += gamma * h * acceleration
            return full

        def force(full: Array) -> Array:
            mixed = full if new_share == 1 else new_share * full + (1 - new_share) * Y
            return np.asarray(system.rhs(at, mixed)[self.v] - old * a)

        if system.is_linear:
            new = self._linear.at(h).solve(force(guess))
        else:
            problem = RootProblem(
                lambda x: (1 - old) * x - force(state(x)),
                lambda x: self._matrix(system.jacobian(at, state(x)), h),
                lambda x: (abs(system.jacobian(at, state(x))) @ np.abs(state(x)))[self.v] + np.abs(x) + np.abs(a),
                self._blocks,
                system.grid.ranks,
            )
            new = self._newton.solve(problem, a, h).x
        self.statistics.evaluations += 1
        self._acceleration = (t + h, new)
        out[...] = state(new)
        return 0.0
