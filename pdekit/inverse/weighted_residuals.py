"""Residuals of a fit and their derivatives, and what these say of the parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from pdekit.errors import ConfigError, PdekitError, SingularError
from pdekit.inverse.chosen_parameters import Parameter, at_values, chosen_parameters
from pdekit.inverse.differentiable_run import DifferentiableRun, differentiable_run
from pdekit.inverse.fit_result import FitResult
from pdekit.inverse.observations import Observations, residual_rows, times_of
from pdekit.inverse.promotion import Promotion
from pdekit.problem import Problem
from pdekit.typing import Array, Matrix

DENSE = 1000  # parameters up to which matrices are decomposed; beyond there are no intervals
NOTHING = 1e-12  # effect of a parameter, relative to that of the one that does most
DEPENDENT = 1e-7  # least beside greatest singular value of the normalised derivatives
SETTLED = 1e-3  # change of a parameter from round to round, of its standard error
MOST_ENTRIES = 100_000_000  # of the matrix of derivatives


class WeightedResiduals:
    """Residuals and their derivatives as functions of the values of parameters, with steps that are kept.

    Residuals are those of the data, and below them the roots of the regularisation.
    """

    def __init__(
        self, problem: Problem, chosen: tuple[Parameter, ...], observations: Observations, roots: Matrix
    ) -> None:
        self.problem, self.chosen, self.observations, self.roots = problem, chosen, observations, roots
        self.times = times_of(observations)
        self.size = sum(p.size for p in chosen)
        self.is_dense = self.size <= DENSE
        self.keeps_steps = problem.steady or problem.time.step is not None
        self.evaluations = 0
        self._run: DifferentiableRun | None = None
        self._at: tuple[Array, Problem, DifferentiableRun] | None = None
        self._slopes: tuple[Array, Array] | None = None

    def check_counts(self) -> None:
        count, rows = self.observations.count, self.roots.shape[0]
        if self.size > count and rows == 0:
            cure = "; give a regularisation" if any(p.is_field for p in self.chosen) else ""
            raise ConfigError(f"there are {count} values for {self.size} parameters{cure}", key="data")
        if self.size * count > MOST_ENTRIES:
            raise ConfigError(
                f"{count:,} values by {self.size:,} parameters are more derivatives than fit into memory; thin out the data",
                key="data",
            )

    def begin(self, p: Array) -> None:
        """Choose the steps."""
        problem = at_values(self.problem, self.chosen, p)
        start = problem.time.start
        if not problem.steady and max(self.times) <= start:
            raise ConfigError(f"everything was measured at the start, t = {start:g}", key="data")
        self._run = differentiable_run(problem, self.times)
        self._at, self._slopes = (p.copy(), problem, self._run), None
        self.evaluations += 1

    def _solved(self, p: Array) -> tuple[Problem, DifferentiableRun]:
        assert self._run is not None
        if self._at is None or not np.array_equal(self._at[0], p):
            problem = at_values(self.problem, self.chosen, p)
            self._at = p.copy(), problem, self._run.again(problem)
            self.evaluations += 1
        return self._at[1], self._at[2]

    def residuals(self, p: Array) -> Array:
        """Infinite where the problem is ill-posed or has no solution: the trust region shrinks then."""
        try:
            problem, run = self._solved(p)
            off = (self.observations.predicted(run, problem) - self.observations.values) / self.observations.deviations
        except PdekitError:
            off = np.full(self.observations.count, np.inf)
        return np.concatenate([off, self.roots @ p])

    def slopes(self, p: Array) -> Array:
        """Derivatives of the weighted predictions."""
        if self._slopes is None or not np.array_equal(self._slopes[0], p):
            problem, run = self._solved(p)
            promotion = Promotion(problem, chosen_parameters(problem, [q.name for q in self.chosen]))
            by_parameters = _forward if self.size <= self.observations.count else _backward
            self._slopes = (
                p.copy(),
                by_parameters(self.observations, run, promotion) / self.observations.deviations[:, None],
            )
        return self._slopes[1]

    def jacobian(self, p: Array) -> Any:
        """Derivatives of the residuals: a matrix, or for many parameters what multiplies by it."""
        J = self.slopes(p)
        if self.is_dense:
            return np.vstack([J, self.roots.toarray()])
        from scipy.sparse.linalg import aslinearoperator

        return _Stacked(J, self.roots) if self.roots.shape[0] else aslinearoperator(J)

    def scales(self, p: Array) -> Any:
        """Units of the parameters: by their effects, or by their sizes where there are many."""
        if self.is_dense:
            return "jac"
        sizes = [np.full(q.size, max(float(np.max(np.abs(q.values))), 1e-300)) for q in self.chosen]
        return np.concatenate(sizes)

    def _units(self, p: Array) -> Array:
        """Lengths by which effects are compared: the sizes of the parameters, 1 of those that are zero."""
        first, found = 0, np.empty(p.size)
        for q in self.chosen:
            own = slice(first, first + q.size)
            size = float(np.max(np.abs(p[own])))
            found[own] = size if size > 0 else 1.0
            first += q.size
        return found

    def check_effects(self, p: Array) -> None:
        """Refuse parameters by which nothing that was measured changes."""
        sizes = np.linalg.norm(self.slopes(p), axis=0) * self._units(p)
        greatest, first = float(np.max(sizes)), 0
        for q in self.chosen:
            if not float(np.max(sizes[first : first + q.size])) > NOTHING * greatest:
                raise SingularError(
                    "does nothing to what was measured: its derivatives are zero at the first guess", key=q.key
                )
            first += q.size

    def check_conditions(self, p: Array) -> None:
        """Refuse parameters that the data cannot tell apart."""
        if not self.is_dense:
            return
        A = np.vstack([self.slopes(p), self.roots.toarray()])
        sizes = np.linalg.norm(A, axis=0)
        if np.any(sizes == 0):
            where = self._name_of(int(np.argmin(sizes)))
            raise SingularError("does nothing to what was measured where the fit has ended", key=where)
        _, s, V = np.linalg.svd(A / sizes, full_matrices=False)
        if s[-1] <= DEPENDENT * s[0]:
            involved = dict.fromkeys(
                self._name_of(int(k)) for k in np.flatnonzero(np.abs(V[-1]) > 0.1 * np.max(np.abs(V[-1])))
            )
            key = next(iter(involved))
            if len(involved) == 1:
                raise SingularError("the data do not determine the field everywhere; give a regularisation", key=key)
            raise SingularError(
                f"the data cannot tell {' and '.join(involved)} apart: a change of one makes up for that of another; fit fewer of "
                "them, or measure something else",
                key=key,
            )

    def _name_of(self, column: int) -> str:
        return self.chosen[int(np.searchsorted(np.cumsum([q.size for q in self.chosen]), column, side="right"))].key

    def is_settled(self, new: Array, old: Array) -> bool:
        """Whether two rounds agree, beside what is known of the parameters."""
        if not self.is_dense:
            return bool(np.max(np.abs(new - old) / self._units(new)) <= SETTLED)
        error = np.sqrt(np.diag(self._covariance(new)[0]))
        floor = 1e-9 * self._units(new)
        known = np.where(np.isfinite(error), SETTLED * error, 0.0)
        return bool(np.all(np.abs(new - old) <= np.maximum(known, floor)))

    def _covariance(self, p: Array) -> tuple[Array, float]:
        """The covariance, and the degrees of freedom."""
        J, count = self.slopes(p), self.observations.count
        Q, T = np.linalg.qr(np.vstack([J, self.roots.toarray()]))
        degrees = count - float(np.sum(Q[:count] ** 2))
        off = self.residuals(p)[:count]
        inverse = np.linalg.inv(T)
        s2 = off @ off / degrees if degrees > 1e-8 else np.nan
        return s2 * (inverse @ inverse.T), degrees if degrees > 1e-8 else 0.0

    def result(self, p: Array, level: float, rounds: int, notes: tuple[str, ...]) -> FitResult:
        from scipy.stats import t as student

        problem, run = self._solved(p)
        covariance, degrees = np.full((0, 0), np.nan), np.nan
        error = np.full(p.size, np.nan)
        if self.is_dense:
            covariance, degrees = self._covariance(p)
            error = np.sqrt(np.diag(covariance))
        half = error * (student.ppf(0.5 + 0.5 * level, degrees) if degrees > 0 else np.nan)
        fitted = chosen_parameters(problem, [q.name for q in self.chosen])
        errors, widths, first = dict[str, Array](), dict[str, Array](), 0
        for q in fitted:
            own = slice(first, first + q.size)
            errors[q.name], widths[q.name] = (v[own].reshape(q.values.shape) for v in (error, half))
            first += q.size
        predicted = self.observations.predicted(run, problem)
        return FitResult(
            problem, fitted, errors, widths, level, covariance, self.observations, predicted, run, degrees, self.evaluations, rounds, notes
        )  # fmt: skip


def _forward(observations: Observations, run: DifferentiableRun, promotion: Promotion) -> Array:
    """Derivatives of the predictions by tangents."""
    return residual_rows(observations, run, promotion, dict(enumerate(run.tangents(promotion))))


def _backward(observations: Observations, run: DifferentiableRun, promotion: Promotion) -> Array:
    """The same by adjoints."""
    seeds, direct = dict[int, Array](), np.zeros((observations.count, promotion.vector.size))
    for frame, numbers, by_state, by_parameters in observations.slopes(run, promotion):
        seed = seeds.setdefault(frame, np.zeros((run.system.size, observations.count)))
        seed[:, numbers] = by_state.toarray().T
        direct[numbers] = by_parameters.toarray()
    return run.adjoint(promotion, seeds).T + direct


def _Stacked(J: Array, roots: Matrix) -> Any:
    """A dense matrix above a sparse one, as an operator."""
    from scipy.sparse.linalg import LinearOperator

    count = J.shape[0]
    return LinearOperator(
        (count + roots.shape[0], J.shape[1]),
        matvec=lambda v: np.concatenate([J @ v.ravel(), roots @ v.ravel()]),
        rmatvec=lambda w: J.T @ w.ravel()[:count] + roots.T @ w.ravel()[count:],
        dtype=float,
    )
