"""Noise in equations: ``u_t = F + g noise()`` stands for the Ito equation ``du = F dt + g dW``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import sympy as sp

from pdekit.errors import ExpressionError
from pdekit.language.symbols import SpatialDerivative
from pdekit.typing import Expression

EVERYWHERE = sp.Integer(
    -1
)  # stands in symbols for the infinite correlation length of noise that is the same everywhere


class Noise(sp.Function):
    """``Noise(number, length, x, y, ..., t)``: Gaussian noise, white in time, with a correlation length in space."""

    @property
    def number(self) -> int:
        """Noises of one number are the same."""
        return int(self.args[0])

    @property
    def length(self) -> float:
        """Correlation length in space: 0 for white noise, infinite for noise that is the same everywhere."""
        return float("inf") if self.args[1] == EVERYWHERE else float(self.args[1])

    def fdiff(self, argindex: int = 1) -> Any:
        raise ExpressionError("noise has no derivative")


@dataclass(frozen=True)
class NoiseTerm:
    """``amplitude * noise`` on the right-hand side of an unknown's equation.

    Parameters
    ----------
    unknown : str
    amplitude : sympy expression
        g, in unknowns, coordinates, t and parameters.
    number : int
        Terms of one number share their noise.
    length : float
        Its correlation length in space; see `Noise`.
    """

    unknown: str
    amplitude: Expression
    number: int
    length: float


class NoiseWords:
    """The functions ``noise`` and ``uniform_noise`` of one set of equations: every call is a noise of its own.

    Parameters
    ----------
    arguments : sequence of Symbol
        Coordinates and time.
    """

    def __init__(self, arguments: Sequence[Any]) -> None:
        self._arguments, self._numbers = tuple(arguments), count()
        self.functions = {"noise": self.noise, "uniform_noise": self.uniform}

    def noise(self, amplitude: Expression = 1, length: Any = 0) -> Any:
        """``noise(amplitude, length)``: white in space, or with covariance ``exp(-r^2 / (2 length^2))``."""
        length = sp.sympify(length)
        if not length.is_number or not length.is_real or length < 0:
            raise ExpressionError(
                f"the correlation length of noise(amplitude, length) is a number from 0 on, found {length}"
            )
        return self._made(amplitude, length)

    def uniform(self, amplitude: Expression = 1) -> Any:
        """``uniform_noise(amplitude)``: the same everywhere."""
        return self._made(amplitude, EVERYWHERE)

    def _made(self, amplitude: Expression, length: Any) -> Any:
        return amplitude * Noise(sp.Integer(next(self._numbers)), length, *self._arguments)


def without_noise(rhs: Mapping[str, Any], orders: Mapping[str, int]) -> tuple[dict[str, Any], tuple[NoiseTerm, ...]]:
    """Right-hand sides, by unknown, as what is certain and what is noise.

    Raises
    ------
    ExpressionError
        Noise that is not a term with a factor, or stands in an equation without time derivative.
    """
    certain, terms = {}, []
    for unknown, expression in rhs.items():
        noises = sorted(expression.atoms(Noise), key=lambda noise: noise.number)
        if noises and orders[unknown] == 0:
            raise ExpressionError(f"noise needs a time derivative; the equation of {unknown!r} has none")
        if any(atom.has(Noise) for atom in expression.atoms(SpatialDerivative)):
            raise ExpressionError("noise has no derivative: it must not stand under d(), grad(), div() or laplace()")
        for noise in noises:
            dummy = sp.Dummy()
            body = expression.xreplace({noise: dummy})
            amplitude = sp.diff(body, dummy)
            if amplitude.has(dummy, Noise):
                raise ExpressionError(f"{unknown!r}: noise must be a term with a factor, g*noise()")
            terms.append(NoiseTerm(unknown, amplitude, noise.number, noise.length))
            expression = body.subs(dummy, 0)
        certain[unknown] = expression
    return certain, tuple(terms)
