"""Stencils to be read: molecules with rational weights, their truncation error and modified wavenumber."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdekit.geometry.grid import Grid

Offset = tuple[int, ...]
HIGHEST = 14  # degree up to which moments are looked at
LARGEST_DENOMINATOR = 1_000_000


@dataclass(frozen=True)
class Molecule:
    """One row of an operator: weights by offset from its node.

    Parameters
    ----------
    names : tuple of str
        Axes.
    steps : tuple of float
        Steps of the axes; nan on an axis that is not uniform.
    weights : dict of offset to float
    positions : dict of offset to tuple of float
        Distances from the node.
    """

    names: tuple[str, ...]
    steps: tuple[float, ...]
    weights: dict[Offset, float]
    positions: dict[Offset, tuple[float, ...]]

    @property
    def _equal_step(self) -> float | None:
        h = self.steps[0]
        return h if np.isfinite(h) and all(math.isclose(h, other, rel_tol=1e-12) for other in self.steps) else None

    @cached_property
    def moments(self) -> dict[Offset, float]:
        """``sum_j w_j x_j^k / k!`` by multi-index k: the factor of the derivative k in the Taylor expansion.

        Those that are rounding are left out. In units of the step where all steps are equal.
        """
        scale = self._equal_step or 1.0
        found = {}
        x = np.array([self.positions[o] for o in self.weights]) / scale
        w = np.array(list(self.weights.values()))
        for k in product(range(HIGHEST + 1), repeat=len(self.names)):
            if sum(k) > HIGHEST:
                continue
            terms = w * np.prod(x ** np.array(k), axis=1) / math.prod(map(math.factorial, k))
            total = float(np.sum(terms))
            if abs(total) > 1e-9 * float(np.sum(np.abs(terms))):
                found[k] = total
        return found

    @property
    def derivative(self) -> int:
        """Total order of the derivative that the molecule approximates: the lowest degree with a moment."""
        return min((sum(k) for k in self.moments), default=0)

    @property
    def order(self) -> int:
        """Order of accuracy: how far the next degree with a moment lies above the first."""
        above = [sum(k) for k in self.moments if sum(k) > self.derivative]
        return min(above, default=HIGHEST) - self.derivative

    @cached_property
    def power(self) -> int:
        """The power of h that is taken out of the weights: that with the simplest numbers.

        It is the order of the derivative, but for rows that have taken up a condition: ``(2 u1 - 2 u0)/h^2`` is ``2/h u_x +
        u_xx + ...``, of which the condition's data cancel the first term.
        """

        def height(power: int) -> float:
            found = self._rationals(power)
            return (
                math.inf if found is None else sum(math.log(abs(f.numerator) * f.denominator) for f in found.values())
            )

        return min(range(self.derivative, HIGHEST + 1), key=lambda power: (round(height(power), 9), power))

    @property
    def rational(self) -> dict[Offset, Fraction] | None:
        """Weights times ``h^power`` as rationals; None if steps differ or the weights are not rational."""
        return self._rationals(self.power)

    def _rationals(self, power: int) -> dict[Offset, Fraction] | None:
        h = self._equal_step
        if h is None:
            return None
        found = {}
        for offset, w in self.weights.items():
            value = w * h**power
            fraction = Fraction(value).limit_denominator(LARGEST_DENOMINATOR)
            if fraction == 0 or abs(float(fraction) - value) > 1e-11 * max(1.0, abs(value)):
                return None
            found[offset] = fraction
        return found

    def symbol(self, *theta: ArrayLike) -> NDArray[np.complex128]:
        """``sum_j w_j exp(i theta . j)``: what the molecule makes of a wave of phase theta from node to node."""
        total: Any = 0j
        for offset, w in self.weights.items():
            total = total + w * np.exp(1j * sum(np.asarray(angle) * o for angle, o in zip(theta, offset)))
        return np.asarray(total)

    def modified_wavenumber(self, theta: ArrayLike) -> NDArray[np.complex128]:
        """``k'h`` of a one-dimensional molecule at ``kh = theta``: ``(symbol h^n)^(1/n) / i``; exact is k'h = kh.

        For even derivatives the root of the modulus is meant: ``sqrt[n](|symbol| h^n)``.
        """
        n, h = max(self.derivative, 1), self.steps[0]
        raw = self.symbol(theta) * h**n
        if n == 1:
            return np.asarray(raw / 1j)
        return np.asarray(np.abs(raw) ** (1 / n), dtype=complex)

    def _derivative_name(self, k: Offset) -> str:
        letters = "".join(name * count for name, count in zip(self.names, k))
        return f"u_{letters}" if letters else "u"

    def expansion(self) -> str:
        """What the molecule approximates and its leading error, in words: ``u_xx + 1/12 h^2 u_xxxx + ...``."""
        h = self._equal_step
        degrees = (self.derivative, self.derivative + self.order, self.power)
        parts = []
        for k in sorted(self.moments, key=lambda k: (sum(k), tuple(-i for i in k))):
            if sum(k) not in degrees:
                continue
            value = self.moments[k] * (h**self.power if h is not None else 1.0)
            power = sum(k) - self.power
            unit = "" if power == 0 or h is None else ("h " if power == 1 else f"h^{power} ")
            size = "" if math.isclose(abs(value), 1.0, rel_tol=1e-9) else f"{_spell(abs(value))} "
            parts.append(("- " if value < 0 else "+ ") + size + unit + self._derivative_name(k))
        if not parts:
            return "0"
        return " ".join(parts).removeprefix("+ ") + (" + ..." if len({sum(k) for k in self.moments}) > 1 else "")

    def __str__(self) -> str:
        rational = self.rational
        terms = []
        for offset in sorted(self.weights):
            value: Any = rational[offset] if rational is not None else self.weights[offset]
            size = str(abs(value)) if rational is not None else f"{abs(value):.6g}"
            letters = "ijklmn"
            place = ",".join(f"{letters[a]}{o:+d}" if o else letters[a] for a, o in enumerate(offset))
            terms.append(f"{'- ' if value < 0 else '+ '}{size} u[{place}]")
        body = " ".join(terms).removeprefix("+ ")
        n = self.power
        if rational is not None and n:
            body = f"({body}) / h{f'^{n}' if n > 1 else ''}"
        return f"{body}  =  {self.expansion()}"


def _spell(value: float) -> str:
    fraction = Fraction(value).limit_denominator(100_000)
    return str(fraction) if math.isclose(float(fraction), value, rel_tol=1e-9) else f"{value:.6g}"


@dataclass(frozen=True)
class Stencil:
    """The molecules of an operator by place: ``interior``, ``x.left``, ``x.left y.right`` and so on."""

    molecules: dict[str, Molecule]

    @property
    def interior(self) -> Molecule:
        """The molecule in the middle of the grid."""
        return self.molecules["interior"]

    def __getitem__(self, place: str) -> Molecule:
        return self.molecules[place]

    def __str__(self) -> str:
        width = max(map(len, self.molecules))
        return "\n".join(f"{place:{width}}  {molecule}" for place, molecule in self.molecules.items())

    def plot(self, **options: Any) -> Any:
        """The interior molecule and its modified wavenumber. See `pdekit.plotting.stencil_picture.plot_stencil`."""
        from pdekit.plotting.stencil_picture import plot_stencil

        return plot_stencil(self, **options)


def stencil_of(grid: Grid, row_at: Callable[[Mapping[str, int]], Any]) -> Stencil:
    """Read the molecules of an operator off its rows.

    Parameters
    ----------
    grid : Grid
    row_at : callable
        The matrix row of the node with given indices by axis.
    """
    choices: list[list[tuple[str, int]]] = []
    for name, axis in zip(grid.names, grid.axes):
        ends = [] if axis.periodic else [(f"{name}.left", 0), (f"{name}.right", axis.size - 1)]
        choices.append([("", axis.size // 2), *ends])
    molecules = {}
    for places in sorted(product(*choices), key=lambda p: sum(bool(word) for word, _ in p)):
        words = " ".join(word for word, _ in places if word)
        node = {name: index for name, (_, index) in zip(grid.names, places)}
        molecules[words or "interior"] = _molecule(grid, node, row_at(node).tocoo())
    return Stencil(molecules)


def _molecule(grid: Grid, node: Mapping[str, int], row: Any) -> Molecule:
    greatest = float(np.max(np.abs(row.data), initial=0.0))
    weights, positions = {}, {}
    for column, value in zip(row.coords[1], row.data):
        if abs(value) <= 1e-13 * greatest:
            continue
        offset, position = [], []
        for index, centre, axis in zip(np.unravel_index(column, grid.shape), node.values(), grid.axes):
            distance = int(index) - centre
            x = float(axis.nodes[index] - axis.nodes[centre])
            if axis.periodic and abs(distance) > axis.size / 2:
                distance -= int(math.copysign(axis.size, distance))
                x -= math.copysign(axis.length, x)
            offset.append(distance)
            position.append(x)
        weights[tuple(offset)] = float(value)
        positions[tuple(offset)] = tuple(position)
    steps = tuple(axis.step if axis.uniform else math.nan for axis in grid.axes)
    return Molecule(grid.names, steps, weights, positions)
