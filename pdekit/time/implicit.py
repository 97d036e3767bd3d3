"""Methods of fixed step: theta, Stormer-Verlet and Newmark, behind one protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError, StabilityError
from pdekit.linear.direct import LinearSolver, factorise
from pdekit.linear.solver_choice import shifted_solver
from pdekit.stencils.sparse_products import diagonal
from pdekit.time.equal_steps import divided
from pdekit.time.observers import Statistics, Watch

Array = NDArray[Any]
NEWTON_TOLERANCE = 1e-11
NEWTON_ITERATIONS = 25


class Stepper(Protocol):
    """Advances the state by one step."""

    def step(self, t: float, y: Array, h: float) -> Array:
        """The state at ``t + h``."""
        ...


def march(
    stepper: Stepper, y: Array, times: Sequence[float], step: float, watch: Watch
) -> Iterator[tuple[float, Array]]:
    """Step from output time to output time, as `pdekit.time.equal_steps.divided` has it.

    The order is kept because the steps in an interval are equal, and a factorised matrix as long as the step is the same.

    Yields
    ------
    (t, y) at every one of `times`, the first included.
    """
    yield times[0], y
    for stretch in divided(times, step):
        for begin, end, last in stretch.steps():
            y = stepper.step(begin, y, stretch.h)
            watch.step(end, y, always=last)
        yield stretch.end, y


class NewtonSolver:
    """Solves ``G(x) = 0`` by Newton's method, keeping a factorised Jacobian as long as it contracts well.

    Converged means that the last correction is below 1e-11 of the solution, for every unknown by itself, or below what
    rounding in G makes of it: nothing less is passed on.
    """

    def __init__(self, blocks: Sequence[slice], statistics: Statistics) -> None:
        self.blocks, self.statistics = blocks, statistics
        self._solver: LinearSolver | None = None
        self._key: Any = None

    def solve(
        self,
        residual: Callable[[Array], Array],
        jacobian: Callable[[Array], Any],
        size: Callable[[Array], Array],
        x: Array,
        key: Any,
        t: float,
    ) -> Array:
        """Find the root near x.

        Parameters
        ----------
        residual, jacobian : callable
            G and its sparse Jacobian.
        size : callable
            Moduli of the terms that cancel in G, for its rounding.
        x : array
            First guess.
        key : hashable
            A kept factorisation is used again only under the same key (the step size).
        t : float
            For messages.
        """
        if key != self._key:
            self._solver = None
        previous = np.inf
        for _ in range(NEWTON_ITERATIONS):
            if self._solver is None:
                self._solver, self._key = factorise(jacobian(x)), key
                self.statistics.jacobians += 1
                self.statistics.factorisations += 1
            correction = self._solver.solve(residual(x))
            self.statistics.newton_iterations += 1
            x = x - correction
            if not np.all(np.isfinite(x)):
                raise StabilityError(f"Newton's method diverged at t = {t:.6g}; a smaller step may help")
            change = relative_change(correction, x, self.blocks)
            if change <= NEWTON_TOLERANCE:
                return x
            if change > 0.1 * previous:
                if within_rounding(correction, size(x), self._solver, self.blocks):
                    return x
                self._solver = None  # contracts too slowly: a new Jacobian
            previous = change
        raise SolverError(
            f"Newton's method did not converge in {NEWTON_ITERATIONS} iterations at t = {t:.6g} "
            f"(last correction {change:.1e} of the solution); use a smaller step"
        )


def relative_change(correction: Array, x: Array, blocks: Sequence[slice]) -> float:
    """Greatest correction beside the greatest value, over the unknowns one by one."""
    found = 0.0
    for block in blocks:
        change = float(np.max(np.abs(correction[block]), initial=0.0))
        if change > 0:
            found = max(found, change / max(float(np.max(np.abs(x[block]))), 1e-300))
    return found


def within_rounding(correction: Array, size: Array, solver: LinearSolver, blocks: Sequence[slice]) -> bool:
    """Whether a correction is no greater than what rounding errors of the residual make of it, in every block."""
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size.size)
    noise = solver.solve(4 * np.finfo(float).eps * size * signs)
    return all(
        np.max(np.abs(correction[block]), initial=0.0) <= 8 * np.max(np.abs(noise[block]), initial=0.0)
        for block in blocks
    )


class Theta:
    r"""The theta method ``M (y1 - y0) = h (theta F(t1, y1) + (1 - theta) F(t0, y0))``.

    theta = 1 is backward Euler (order 1, L-stable), theta = 1/2 Crank-Nicolson (order 2, A-stable: very fast modes are
    carried on with factor -1, so rough initial data ring). Rows of ``0 = ...`` are taken at t1 throughout.
    """

    def __init__(self, system: SemiDiscrete, theta: float, statistics: Statistics) -> None:
        self.system, self.statistics = system, statistics
        self.M = system.mass
        self.theta, self.regular = theta, bool(np.all(self.M))
        self.implicit: Any = theta if self.regular else np.where(self.M > 0, theta, 1.0)
        self._newton = NewtonSolver([b.slice for b in system.blocks], statistics)
        self._solver: tuple[float, LinearSolver] | None = None

    def step(self, t: float, y: Array, h: float) -> Array:
        system, M, theta = self.system, self.M, self.implicit
        self.statistics.evaluations += 1
        if system.is_linear:
            solver = self._factorised(h)
            forced = theta * system.b(t + h) + (1 - theta) * system.b(t)
            if not self.regular:
                return solver.solve(M * y + h * ((1 - theta) * (system.L @ y) + forced))
            # With S = 1 - theta h L, 1 + (1 - theta) h L = 1/theta - (1 - theta)/theta S: no product with L is needed.
            return solver.solve(y / self.theta + h * forced) - (1 - self.theta) / self.theta * y
        known = M * y + h * (1 - theta) * system.rhs(t, y)

        def residual(x: Array) -> Array:
            self.statistics.evaluations += 1
            return np.asarray(M * x - h * theta * system.rhs(t + h, x) - known)

        def jacobian(x: Array) -> Any:
            return diagonal(M) - h * (diagonal(np.broadcast_to(theta, M.shape)) @ system.jacobian(t + h, x))

        def size(x: Array) -> Array:
            return np.asarray(M * np.abs(x) + np.abs(known) + h * theta * (abs(system.jacobian(t + h, x)) @ np.abs(x)))

        return self._newton.solve(residual, jacobian, size, y, h, t + h)

    def _factorised(self, h: float) -> LinearSolver:
        if self._solver is None or self._solver[0] != h:
            if self.regular:
                self._solver = h, shifted_solver(self.system, 1.0, h * self.theta, lambda: self._matrix(h))
            else:
                self._solver = h, factorise(self._matrix(h))
            self.statistics.factorisations += 1
        return self._solver[1]

    def _matrix(self, h: float) -> Any:
        weights = diagonal(np.broadcast_to(self.implicit, self.M.shape))
        return sparse.csr_array(diagonal(self.M) - h * (weights @ self.system.L))


def halves(system: SemiDiscrete, method: str) -> tuple[slice, slice]:
    """Where displacements and velocities stand in y.

    Raises
    ------
    SolverError
        Not all equations are of second order in time.
    """
    if any(u.time_order != 2 for u in system.system.unknowns):
        raise SolverError(f"{method} is for equations u_tt = ...; use another method")
    middle = system.size // 2
    return slice(0, middle), slice(middle, system.size)


class Verlet:
    """Stormer-Verlet for ``q'' = a(t, q)``: order 2, symplectic, stable for ``h omega <= 2``.

    Hairer, Lubich and Wanner, *Geometric numerical integration*, eq. (I.1.17).
    """

    def __init__(self, system: SemiDiscrete, statistics: Statistics) -> None:
        self.q, self.v = halves(system, "verlet")
        self.system, self.statistics = system, statistics
        self._acceleration: tuple[float, Array] | None = None
        if system.has_rates:
            raise SolverError("verlet cannot treat terms in u_t on the right-hand side; use newmark")

    def _a(self, t: float, y: Array) -> Array:
        self.statistics.evaluations += 1
        return self.system.rhs(t, y)[self.v]

    def step(self, t: float, y: Array, h: float) -> Array:
        kept = self._acceleration
        a = kept[1] if kept is not None and kept[0] == t else self._a(t, y)
        new = np.empty_like(y)
        half = y[self.v] + 0.5 * h * a
        new[self.q] = y[self.q] + h * half
        new[self.v] = half
        a = self._a(t + h, new)
        new[self.v] = half + 0.5 * h * a
        self._acceleration = (t + h, a)
        return new


class Newmark:
    """Newmark's method for ``q'' = a(t, q, v)``, beta = 1/4, gamma = 1/2: order 2, unconditionally stable, conserves the
    energy of linear systems.

    Newmark (1959), eqs. (8) and (9). The new acceleration is the unknown that is solved for.
    """

    beta, gamma = 0.25, 0.5

    def __init__(self, system: SemiDiscrete, statistics: Statistics) -> None:
        self.q, self.v = halves(system, "newmark")
        self.system, self.statistics = system, statistics
        middle = self.q.stop
        rates = [b.slice for b in system.blocks if b.offset >= middle]
        self._newton = NewtonSolver([slice(r.start - middle, r.stop - middle) for r in rates], statistics)
        self._solver: tuple[float, LinearSolver] | None = None
        self._acceleration: tuple[float, Array] | None = None

    def _matrix(self, J: Any, h: float) -> Any:
        K, C = J[self.v][:, self.q], J[self.v][:, self.v]
        one = sparse.eye_array(K.shape[0], format="csr")
        return sparse.csr_array(one - self.beta * h**2 * K - self.gamma * h * C)

    def step(self, t: float, y: Array, h: float) -> Array:
        system, beta, gamma = self.system, self.beta, self.gamma
        kept = self._acceleration
        a = kept[1] if kept is not None and kept[0] == t else system.rhs(t, y)[self.v]
        guess = np.empty_like(y)
        guess[self.q] = y[self.q] + h * y[self.v] + h**2 * (0.5 - beta) * a
        guess[self.v] = y[self.v] + h * (1 - gamma) * a

        def state(acceleration: Array) -> Array:
            full = guess.copy()
            full[self.q] += beta * h**2 * acceleration
            full[self.v] += gamma * h * acceleration
            return full

        if system.is_linear:
            if self._solver is None or self._solver[0] != h:
                self._solver = h, factorise(self._matrix(system.L, h))
                self.statistics.factorisations += 1
            new = self._solver[1].solve(system.rhs(t + h, guess)[self.v])
        else:
            new = self._newton.solve(
                lambda x: x - system.rhs(t + h, state(x))[self.v],
                lambda x: self._matrix(system.jacobian(t + h, state(x)), h),
                lambda x: (abs(system.jacobian(t + h, state(x))) @ np.abs(state(x)))[self.v] + np.abs(x),
                a,
                h,
                t + h,
            )
        self.statistics.evaluations += 1
        self._acceleration = (t + h, new)
        return state(new)
