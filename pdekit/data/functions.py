"""Derivatives of Python functions, with an error bar: what one needs numdifftools for.

Three ways, best first: the complex step where the function is analytic and takes complex arguments (no subtraction, so
accurate to rounding), `scipy.differentiate` with its own error estimate where the function is vectorised, and Richardson
extrapolation of central differences for everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import differentiate

from pdekit.errors import SolverError
from pdekit.typing import Array

Method = Literal["auto", "complex", "adaptive", "extrapolated"]
_STEP = 1e-100
_ROUNDING = 4 * np.finfo(float).eps


class Estimate(NamedTuple):
    """A derivative and an estimate of its absolute error."""

    value: Any
    error: Any


def _complex_ok(f: Callable[..., Any], x: Array, direction: Array) -> Array | None:
    """Directional derivative by the complex step if f allows it: it must agree with a coarse difference."""
    try:
        with np.errstate(all="ignore"):
            stepped = np.asarray(f(x + 1j * _STEP * direction))
    except (TypeError, ValueError, AttributeError):
        return None
    if not np.iscomplexobj(stepped):
        return None
    found = stepped.imag / _STEP
    h = 1e-6 * max(1.0, float(np.max(np.abs(x), initial=0.0)))
    coarse = (np.asarray(f(x + h * direction)) - np.asarray(f(x - h * direction))) / (2 * h)
    if np.iscomplexobj(coarse):
        return None
    agrees = np.abs(found - coarse) <= 1e-4 * (np.abs(coarse) + np.abs(stepped.real) + 1e-8)
    return found if bool(np.all(agrees)) else None


def _extrapolated(f: Callable[[float], Any], n: int, levels: int = 10) -> Estimate:
    """n-th derivative at 0 of a function of one number, by Richardson extrapolation in h^2 (Ridders, 1982)."""
    weights = {1: {-1: -0.5, 1: 0.5}, 2: {-1: 1.0, 0: -2.0, 1: 1.0}}[n]
    h = 0.2
    rows: list[list[Any]] = []
    best: Estimate | None = None
    for level in range(levels):
        samples = sum(w * np.asarray(f(k * h), dtype=float) for k, w in weights.items()) / h**n
        row = [samples]
        for j in range(1, level + 1):
            row.append(row[j - 1] + (row[j - 1] - rows[-1][j - 1]) / (4.0**j - 1))
            gap = np.maximum(np.abs(row[j] - row[j - 1]), np.abs(row[j] - rows[-1][j - 1]))
            if best is None:
                best = Estimate(row[j], gap)
            else:
                better = gap < best.error
                best = Estimate(np.where(better, row[j], best.value), np.where(better, gap, best.error))
        rows.append(row)
        h /= 2
    assert best is not None
    return best


def function_derivative(f: Callable[..., Any], x: ArrayLike, n: int = 1, *, method: Method = "auto") -> Estimate:
    """n-th derivative of a function of one variable at each of the points x.

    Parameters
    ----------
    f : callable
        Elementwise on arrays.
    x : float or array
    n : {1, 2}, default 1
    method : {"auto", "complex", "adaptive", "extrapolated"}
        "adaptive" is `scipy.differentiate.derivative`, applied twice for n = 2.

    Returns
    -------
    Estimate
        ``value`` and ``error``, of the shape of x.

    Raises
    ------
    SolverError
        The complex step was asked for but is not possible, or nothing converged.

    Examples
    --------
    >>> d = function_derivative(np.exp, [0.0, 1.0])
    >>> bool(np.max(np.abs(d.value - np.exp([0, 1]))) < 1e-14)
    True
    """
    points = np.asarray(x, dtype=float)
    if n not in (1, 2):
        raise SolverError(f"derivatives of functions are of order 1 or 2, found {n!r}")
    if n == 1 and method in ("auto", "complex"):
        exact = _complex_ok(f, points, np.ones_like(points))
        if exact is not None:
            return Estimate(exact, _ROUNDING * np.abs(exact))
        if method == "complex":
            raise SolverError(
                "the function does not allow the complex step: it is not analytic or takes real numbers only"
            )
    if method == "complex":
        raise SolverError("the complex step gives first derivatives only")
    if method == "extrapolated":
        return _extrapolated(lambda s: f(points + s), n)
    outcome = differentiate.derivative(f, points) if n == 1 else differentiate.derivative(_slope_of(f), points)
    found = Estimate(outcome.df, np.maximum(outcome.error, _ROUNDING * np.abs(outcome.df)))
    if method == "auto" and not np.all(np.isfinite(found.value)):
        return _extrapolated(lambda s: f(points + s), n)
    return found


def _slope_of(f: Callable[..., Any]) -> Callable[..., Any]:
    def slope(y: Array) -> Array:
        exact = _complex_ok(f, y, np.ones_like(y))
        return exact if exact is not None else differentiate.derivative(f, y).df

    return slope


def directional_function_derivative(f: Callable[[Array], Any], x: ArrayLike, direction: ArrayLike) -> Estimate:
    """Derivative of ``f(x + s d)`` by s at s = 0, for f of a vector; scalar or vector valued."""
    point, d = np.asarray(x, dtype=float), np.asarray(direction, dtype=float)
    exact = _complex_ok(f, point, d)
    if exact is not None:
        return Estimate(exact, _ROUNDING * np.abs(exact))
    return _extrapolated(lambda s: f(point + s * d), 1)


def function_jacobian(f: Callable[[Array], Any], x: ArrayLike) -> Estimate:
    """Jacobian ``J_ij = d f_i / d x_j`` of a function of a vector.

    Examples
    --------
    >>> J = function_jacobian(lambda x: np.array([x[0] * x[1], np.sin(x[0])]), [2.0, 3.0])
    >>> bool(np.max(np.abs(J.value - [[3, 2], [np.cos(2), 0]])) < 1e-14)
    True
    """
    point = np.asarray(x, dtype=float)
    columns = [directional_function_derivative(f, point, e) for e in np.eye(point.size)]
    return Estimate(np.stack([c.value for c in columns], axis=-1), np.stack([c.error for c in columns], axis=-1))


def function_gradient(f: Callable[[Array], Any], x: ArrayLike) -> Estimate:
    """Gradient of a scalar function of a vector."""
    found = function_jacobian(f, x)
    if np.ndim(found.value) != 1:
        raise SolverError("the gradient is that of a scalar function; use function_jacobian")
    return found


def function_hessian(f: Callable[[Array], Any], x: ArrayLike) -> Estimate:
    """Hessian of a scalar function of a vector, symmetric; the complex step inside, extrapolated differences outside."""
    point = np.asarray(x, dtype=float)

    def slope(s: float, d: Array, e: Array) -> Any:
        return directional_function_derivative(f, point + s * d, e).value

    size = point.size
    value, error = np.zeros((size, size)), np.zeros((size, size))
    unit = np.eye(size)
    for i in range(size):
        for j in range(i + 1):
            found = _extrapolated(lambda s, i=i, j=j: slope(s, unit[i], unit[j]), 1)  # type: ignore[misc]
            value[i, j] = value[j, i] = found.value
            error[i, j] = error[j, i] = found.error
    return Estimate(value, error)
