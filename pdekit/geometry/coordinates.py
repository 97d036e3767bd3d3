r"""Coordinate systems: Cartesian, polar, cylindrical and spherical, and their symmetric reductions.

All of them are orthogonal, and all their scale factors are products of one function for each coordinate,

    h_i = prod_j f_j(q_j)  over the j named in `Coordinate.scale`,     f_r = r,     f_theta = sin(theta),

so that the volume element is a product as well, ``J = prod_j f_j(q_j)^(n_j)``, and with ``m_j = f_j^(n_j)``

    div(k grad u) = sum_j (1/h_j^2) (1/m_j) d/dq_j ( m_j k du/dq_j ).

A coordinate on which nothing depends is left out of the grid; integrals still count its whole range.

References
----------
G. B. Arfken and H. J. Weber, *Mathematical Methods for Physicists*, 6th ed. (2005), sections 2.1-2.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pdekit.errors import GridError, nearest_hint
from pdekit.geometry.axis import Axis
from pdekit.typing import Array

if TYPE_CHECKING:  # at run time only where equations are: SymPy takes a while to load
    from pdekit.language.vector_calculus import VectorCalculus

FULL_TURN = 2 * math.pi
_CLOSE = 1e-12


@dataclass(frozen=True)
class ScaleFunction:
    """One of the functions f of which scale factors and volume elements are products.

    Parameters
    ----------
    text : str
        The function in the equation language, ``{}`` standing for the coordinate.
    value, slope : callable
        f and f'.
    zeros : tuple of float
        Where f vanishes: the coordinate's poles.
    """

    text: str
    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    zeros: tuple[float, ...]


RADIUS = ScaleFunction("{}", np.asarray, np.ones_like, (0.0,))
SINE = ScaleFunction("sin({})", np.sin, np.cos, (0.0, math.pi))


@dataclass(frozen=True)
class Coordinate:
    """One coordinate of a system.

    Parameters
    ----------
    names : tuple of str
        What its axis may be called.
    scale : tuple of int
        The coordinates, by position, whose factors make its scale factor.
    factor : ScaleFunction, optional
        The function f of this coordinate.
    whole : float
        What the integral over its whole range is when the coordinate is left out.
    mirror : mapping of int to str
        What crossing a pole of this coordinate does to the others: "half turn" or "flip".
    """

    names: tuple[str, ...]
    scale: tuple[int, ...] = ()
    factor: ScaleFunction | None = None
    whole: float = 1.0
    mirror: Mapping[int, str] | None = None


@dataclass(frozen=True)
class System:
    """A coordinate system, and the sets of coordinates that a grid of it may have."""

    coordinates: tuple[Coordinate, ...]
    reductions: tuple[tuple[int, ...], ...]


SYSTEMS: dict[str, System] = {
    "polar": System(
        (
            Coordinate(("r",), factor=RADIUS, mirror={1: "half turn"}),
            Coordinate(("phi", "theta"), scale=(0,), whole=FULL_TURN),
        ),
        ((0,), (0, 1)),
    ),
    "cylindrical": System(
        (
            Coordinate(("r",), factor=RADIUS, mirror={1: "half turn"}),
            Coordinate(("phi", "theta"), scale=(0,), whole=FULL_TURN),
            Coordinate(("z",)),
        ),
        ((0,), (0, 1), (0, 2), (0, 1, 2)),
    ),
    "spherical": System(
        (
            Coordinate(("r",), factor=RADIUS, mirror={1: "flip", 2: "half turn"}),
            Coordinate(("theta",), scale=(0,), factor=SINE, whole=2.0, mirror={2: "half turn"}),
            Coordinate(("phi",), scale=(0, 1), whole=FULL_TURN),
        ),
        ((0,), (0, 1), (0, 1, 2), (1,), (1, 2)),
    ),
}


@dataclass(frozen=True)
class Measure:
    """The weight ``m = f^power`` of an axis in the volume element; ``power`` 0 is the Cartesian 1.

    Examples
    --------
    >>> shell = Measure(RADIUS, 2)
    >>> float(shell.volume(np.array(0.0), np.array(3.0))), float(shell.log_slope(np.array(4.0)))
    (9.0, 0.5)
    """

    factor: ScaleFunction = RADIUS
    power: int = 0

    def area(self, at: Array) -> Array:
        """m at given coordinates."""
        return np.asarray(self.factor.value(at) ** self.power)

    def volume(self, lower: Array, upper: Array) -> Array:
        """The exact integral of m over cells, without cancellation."""
        if self.factor is SINE and self.power:
            return np.asarray(2 * np.sin(0.5 * (lower + upper)) * np.sin(0.5 * (upper - lower)))
        n = self.power
        return np.asarray((upper - lower) * sum(lower**i * upper ** (n - i) for i in range(n + 1)) / (n + 1))

    def log_slope(self, at: Array) -> Array:
        """``m'/m``."""
        return np.asarray(self.power * self.factor.slope(at) / self.factor.value(at))


CARTESIAN = Measure()


def pole_ends(factor: ScaleFunction | None, axis: Axis) -> dict[str, float]:
    """The ends of an axis at which a factor of the volume vanishes: coordinates by ``left`` and ``right``."""
    zeros = factor.zeros if factor is not None else ()
    ends = {"left": axis.left, "right": axis.right}
    return {side: end for side, end in ends.items() if any(abs(end - zero) < _CLOSE for zero in zeros)}


class Geometry:
    """The coordinate system of a grid: which axis is which coordinate.

    Parameters
    ----------
    name : str
        "polar", "cylindrical" or "spherical".
    axes : mapping of str to Axis
        The axes as given.

    Raises
    ------
    GridError
        Unknown system or coordinate, a reduction that is none, ends out of the coordinate's range.
    """

    def __init__(self, name: str, axes: Mapping[str, Axis]) -> None:
        if name not in SYSTEMS:
            known = ["cartesian", *SYSTEMS]
            raise GridError(
                f"unknown system {name!r}; allowed are {known}{nearest_hint(name, known)}", key="coordinates"
            )
        self.name, self.system = name, SYSTEMS[name]
        self.roles: dict[str, int] = {}
        for axis in axes:
            allowed = [n for c in self.system.coordinates for n in c.names]
            role = next((i for i, c in enumerate(self.system.coordinates) if axis in c.names), None)
            if role is None or role in self.roles.values():
                raise GridError(
                    f"axis {axis!r} is not a coordinate of a {name} grid; they are called "
                    f"{', '.join(' or '.join(c.names) for c in self.system.coordinates)}{nearest_hint(axis, allowed)}"
                )
            self.roles[axis] = role
        if tuple(self.roles.values()) not in self.system.reductions:
            choices = [[self.system.coordinates[i].names[0] for i in r] for r in self.system.reductions]
            raise GridError(
                f"a {name} grid has the axes {' or '.join(map(str, choices))}, in this order; found {list(axes)}"
            )
        self._axes = dict(axes)
        self._check_ranges()

    def _check_ranges(self) -> None:
        for name, axis in self._axes.items():
            coordinate = self._coordinate(name)
            if coordinate.factor is RADIUS and (axis.left < 0 or axis.periodic):
                raise GridError(f"axis {name!r} is a radius: it begins at 0 or later and is not periodic")
            if coordinate.factor is SINE and (axis.left < 0 or axis.right > math.pi + _CLOSE or axis.periodic):
                raise GridError(f"axis {name!r} is a polar angle: it lies in [0, pi] and is not periodic")
            if not self._is_turn(name):
                continue
            turns = FULL_TURN / axis.length
            if turns < 1 - _CLOSE:
                raise GridError(f"axis {name!r} is an angle: its range is at most 2*pi, found {axis.length:g}")
            if axis.periodic and abs(turns - round(turns)) > 1e-9:
                raise GridError(f"axis {name!r} is a periodic angle: its range must be 2*pi or a whole part of it")
        for name in self._axes:
            if self.poles(name):
                self._check_mirror(name)

    def _check_mirror(self, pole: str) -> None:
        for name, kind in self.mirror(pole).items():
            axis = self._axes[name]
            if kind == "half turn":
                shift = axis.size * round(FULL_TURN / axis.length) / 2
                if not axis.periodic or not axis.uniform or shift != round(shift):
                    raise GridError(
                        f"axis {pole!r} contains the pole {pole} = {min(self.poles(pole).values()):.3g}, across which {name!r} turns by pi: "
                        f"{name!r} must be periodic and uniform with an even number of points; or keep {pole!r} off the pole"
                    )
            elif not np.allclose(axis.nodes + axis.nodes[::-1], math.pi, atol=1e-12):
                raise GridError(
                    f"axis {pole!r} contains its pole, across which {name!r} becomes pi - {name}: the nodes of {name!r} "
                    f"must be symmetric about pi/2; or keep {pole!r} off the pole"
                )

    def __repr__(self) -> str:
        return f"<{self.name} coordinates {', '.join(self.roles)}>"

    def _coordinate(self, axis: str) -> Coordinate:
        return self.system.coordinates[self.roles[axis]]

    def _is_turn(self, axis: str) -> bool:
        return self._coordinate(axis).whole == FULL_TURN

    def role(self, position: int) -> str | None:
        """The axis that is the coordinate at a position of the system, if the grid has it."""
        return next((axis for axis, i in self.roles.items() if i == position), None)

    @cached_property
    def constant(self) -> float:
        """The integral over the whole range of the coordinates that are left out."""
        absent = set(range(len(self.system.coordinates))) - set(self.roles.values())
        return math.prod(self.system.coordinates[i].whole for i in absent)

    def factor(self, axis: str) -> ScaleFunction | None:
        """The function f of an axis."""
        return self._coordinate(axis).factor

    def scale(self, axis: str) -> tuple[str, ...]:
        """The axes whose factors make the scale factor of an axis."""
        names = (self.role(i) for i in self._coordinate(axis).scale)
        return tuple(name for name in names if name is not None)

    def measure(self, axis: str) -> Measure:
        """The weight of an axis in the volume element."""
        factor = self._coordinate(axis).factor
        if factor is None:
            return CARTESIAN
        position = self.roles[axis]
        return Measure(factor, sum(position in c.scale for c in self.system.coordinates))

    def poles(self, axis: str) -> dict[str, float]:
        """The ends of an axis that are poles: coordinates by ``left`` and ``right``."""
        return pole_ends(self._coordinate(axis).factor, self._axes[axis])

    def mirror(self, axis: str) -> dict[str, str]:
        """What crossing a pole of an axis does to the other axes of the grid."""
        changes = self._coordinate(axis).mirror or {}
        named = {self.role(i): kind for i, kind in changes.items()}
        return {name: kind for name, kind in named.items() if name is not None}

    def turned_by(self, axis: str) -> int:
        """By how many nodes half a turn shifts a periodic angle."""
        line = self._axes[axis]
        return round(line.size * round(FULL_TURN / line.length) / 2) % line.size

    def parity(self, crossing: str, component: int) -> int:
        """The sign of a vector's component, by position in the system, seen across a pole of an axis.

        The unit vectors turn with the point: behind the pole of r in the plane ``e_r`` and ``e_phi`` have both changed
        sign, in the sphere ``e_r`` and ``e_phi``, and across an end of theta ``e_theta`` and ``e_phi``.
        """
        turning = next(i for i, c in enumerate(self.system.coordinates) if c.whole == FULL_TURN)
        return -1 if component in (self.roles[crossing], turning) else 1

    def scaled_parity(self, crossing: str, axis: str) -> int:
        """The sign of an axis' scale factor, continued across a pole of another."""
        return -1 if crossing in self.scale(axis) else 1

    def calculus(self, names: Sequence[str]) -> VectorCalculus:
        """Scale factors and weights in symbols."""
        import sympy as sp

        from pdekit.language.vector_calculus import VectorCalculus

        axes = {name: sp.Symbol(name) for name in names}
        factors = {n: sp.sympify(f.text.format(n)) for n in names if (f := self.factor(n)) is not None}
        scale = {axes[n]: sp.Mul(*(factors[k] for k in self.scale(n))) for n in names if self.scale(n)}
        weight = {axes[n]: f ** self.measure(n).power for n, f in factors.items()}
        zeta = {axes[n]: sp.diff(f, axes[n]) / f / scale.get(axes[n], 1) for n, f in factors.items()}
        crossed = tuple(tuple(axes[k] for k in names) for names in self.scales)
        absent = () if self.left_out is None else self.scales[self.left_out]
        left_out = sp.Mul(*(factors[k] for k in absent))
        return VectorCalculus(tuple(axes.values()), scale, weight, zeta, crossed, left_out)

    @property
    def left_out(self) -> int | None:
        """Position of the one coordinate that the grid leaves out, if there is just one."""
        absent = sorted(set(range(len(self.system.coordinates))) - set(self.roles.values()))
        return absent[0] if len(absent) == 1 else None

    @property
    def scales(self) -> list[tuple[str, ...]]:
        """The axes whose factors make each scale factor, for every coordinate, also those that are left out."""
        named = [[self.role(i) for i in c.scale] for c in self.system.coordinates]
        return [tuple(name for name in names if name is not None) for names in named]
