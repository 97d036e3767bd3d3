"""One coordinate line: its nodes, their spacing, and whether it closes on itself."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdekit.errors import GridError, nearest_hint
from pdekit.typing import Array

Offset = Literal["left", "right", "both"] | None
MOST_POINTS = 100_000_000
SHORTEST_STEP, LONGEST_STEP = 1e-30, 1e30
NEXT_TO = 1e-12  # of the axis: a node at this distance from a plane lies on it
MOST_STRETCHED = 1e12  # the longest step beside the shortest


def _tanh(s: Array, strength: float, toward: str) -> Array:
    if toward == "both":
        return 0.5 * (1 + np.tanh(strength * (s - 0.5)) / np.tanh(strength / 2))
    return 1 + np.tanh(strength * (s - 1)) / np.tanh(strength)


def _geometric(s: Array, ratio: float, toward: str) -> Array:
    n = s.size - 1
    if toward == "both":
        half = np.arange(n + 1)
        steps = ratio ** np.minimum(half[:-1], half[:-1][::-1]).astype(float)
    else:
        steps = ratio ** np.arange(n, dtype=float)
    nodes = np.concatenate([[0.0], np.cumsum(steps)])
    return nodes / nodes[-1]


def _power(s: Array, exponent: float, toward: str) -> Array:
    if toward == "both":
        return np.where(s < 0.5, 0.5 * (2 * s) ** exponent, 1 - 0.5 * (2 - 2 * s) ** exponent)
    return s**exponent


def _chebyshev(s: Array, strength: float, toward: str) -> Array:
    if toward == "both":
        return 0.5 * (1 - np.cos(np.pi * s))
    return 1 - np.cos(0.5 * np.pi * s)


# name -> (map of [0, 1] to itself that clusters nodes at 0 or at both ends, default end, least strength)
SPACINGS: dict[str, tuple[Callable[[Array, float, str], Array], str, float]] = {
    "tanh": (_tanh, "both", 0.0),
    "geometric": (_geometric, "left", 0.0),
    "power": (_power, "left", 0.0),
    "chebyshev": (_chebyshev, "both", 0.0),
}


def _stretched(spacing: str | Mapping[str, Any], points: int) -> Array:
    """Nodes on [0, 1] by a named family; ``{"tanh": 2.5, "toward": "left"}`` or just ``"chebyshev"``."""
    options = {spacing: 1.0} if isinstance(spacing, str) else dict(spacing)
    toward = options.pop("toward", None)
    if len(options) != 1:
        raise GridError(f"spacing names one family of {sorted(SPACINGS)}, found {sorted(options)}")
    ((name, strength),) = options.items()
    if name not in SPACINGS:
        raise GridError(f"unknown spacing {name!r}; allowed are {sorted(SPACINGS)}{nearest_hint(name, SPACINGS)}")
    family, default_end, least = SPACINGS[name]
    toward = default_end if toward is None else toward
    if toward not in ("left", "right", "both"):
        raise GridError(f"spacing: toward must be 'left', 'right' or 'both', found {toward!r}")
    if isinstance(strength, bool) or not isinstance(strength, int | float) or not strength > least:
        raise GridError(f"spacing {name!r} needs a number > {least:g}, found {strength!r}")
    s = np.linspace(0.0, 1.0, points)
    if toward == "right":
        return 1.0 - family(s, float(strength), "left")[::-1]
    return family(s, float(strength), toward)


@dataclass(frozen=True, eq=False, repr=False)
class Axis:
    """A coordinate line with nodes.

    Parameters
    ----------
    left, right : float
        The two ends. A periodic axis identifies them and stores the node once, at `left`.
    points : int
        Number of stored nodes.
    periodic : bool, default False
        Whether the axis closes on itself.
    spacing : str or mapping, optional
        A family that clusters nodes: ``{"tanh": 2.5}`` (to both ends), ``{"geometric": 1.05}`` (ratio of
        neighbouring steps), ``{"power": 2}``, ``"chebyshev"`` (Gauss-Lobatto); ``"toward": "left" | "right" | "both"``.
    nodes : array, optional
        Strictly increasing nodes, instead of `points`. For a periodic axis `left` and `right` give the period.
    offset : {"left", "right", "both"}, optional
        Ends from which the outermost node keeps half a step of distance, as at the pole of polar coordinates.
    absorbing_layer : float or mapping of {"left", "right"} to float, default 0
        Width of the layer before either end in which waves of second order in time are absorbed (``pdekit.discretize.absorbing_layers``).
    unit, long_name : str, optional
        Written to results and on plots.

    Raises
    ------
    GridError
        Ends out of order, too few points, unsorted, duplicate or non-finite nodes.

    Examples
    --------
    >>> Axis(0, 1, 5).nodes
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    >>> Axis(0, 1, 4, periodic=True).nodes
    array([0.  , 0.25, 0.5 , 0.75])
    >>> Axis(nodes=[0, 1, 3]).weights
    array([0.5, 1.5, 1. ])
    >>> Axis(0, 1, 3, offset="left").nodes
    array([0.2, 0.6, 1. ])
    """

    left: float
    right: float
    nodes: Array
    periodic: bool
    uniform: bool
    family: str | None
    offset: Offset
    absorbing_layer: tuple[float, float]
    unit: str
    long_name: str
    divisions: tuple[float, ...] = ()  # planes at which cells of nodes meet, instead of half way

    def __init__(
        self,
        left: float | None = None,
        right: float | None = None,
        points: int | None = None,
        *,
        periodic: bool = False,
        spacing: str | Mapping[str, Any] | None = None,
        nodes: ArrayLike | None = None,
        offset: Offset = None,
        absorbing_layer: float | Mapping[str, float] = 0.0,
        unit: str = "",
        long_name: str = "",
    ) -> None:
        if nodes is not None:
            if points is not None or spacing is not None:
                raise GridError("give either nodes or points (with a spacing), not both")
            values, uniform = _given_nodes(nodes, left, right, periodic, offset)
            family = None
        else:
            if isinstance(points, int) and points > MOST_POINTS:
                raise GridError(f"{points:,} points on one axis; at most {MOST_POINTS:,} are allowed")
            values, uniform = _family_nodes(left, right, points, periodic, spacing, offset)
            family = "uniform" if uniform else str(spacing)
        _check_spacings(values)
        values.setflags(write=False)
        set_value = object.__setattr__  # the dataclass is frozen
        set_value(self, "left", float(values[0] if left is None else left))
        set_value(self, "right", float(values[-1] if right is None else right))
        set_value(self, "nodes", values)
        set_value(self, "periodic", periodic)
        set_value(self, "uniform", uniform)
        set_value(self, "family", family)
        set_value(self, "offset", offset)
        set_value(self, "absorbing_layer", _layers(absorbing_layer, self))
        set_value(self, "unit", unit)
        set_value(self, "long_name", long_name)
        set_value(self, "divisions", ())

    def __repr__(self) -> str:
        kind = "periodic " if self.periodic else ""
        return f"<{kind}Axis [{self.left:g}, {self.right:g}], {self.size} nodes, {self.family or 'given nodes'}>"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Axis)
            and self.periodic == other.periodic
            and (self.left, self.right, self.offset) == (other.left, other.right, other.offset)
            and self.absorbing_layer == other.absorbing_layer
            and np.array_equal(self.nodes, other.nodes)
        )

    def __hash__(self) -> int:
        return hash((self.left, self.right, self.periodic, self.nodes.tobytes()))

    @property
    def whole(self) -> Axis:
        """The axis of which this one is a part: itself, unless processes share it."""
        return self

    @property
    def wraps(self) -> bool:
        """Whether the last stored node is a neighbour of the first."""
        return self.periodic

    @property
    def sides(self) -> tuple[str, ...]:
        """The ends that are here: none of a periodic axis, and of a part those that it reaches."""
        return () if self.periodic else ("left", "right")

    @property
    def index(self) -> NDArray[np.intp]:
        """The nodes by their numbers in the whole."""
        return np.arange(self.size)

    @property
    def start(self) -> float:
        """Coordinate of the first node; of a part of a periodic axis that begins before the seam, left of the whole."""
        return float(self.nodes[0])

    @property
    def unrolled(self) -> Array:
        """The nodes in ascending order; of a part of a periodic axis going on beyond the seam."""
        return self.nodes

    @property
    def owned(self) -> slice:
        """Those of the nodes that count as this process' own: all, unless processes share them."""
        return slice(None)

    @property
    def size(self) -> int:
        """Number of stored nodes."""
        return int(self.nodes.size)

    @property
    def length(self) -> float:
        """``right - left``."""
        return self.right - self.left

    @cached_property
    def spacings(self) -> Array:
        """Distances of neighbours; on a periodic axis the last one leads back to the first node."""
        gaps = np.diff(self.nodes)
        if self.uniform:
            gaps = np.full(gaps.size, self.step)
        if self.periodic:
            return np.append(gaps, self.nodes[0] + self.length - self.nodes[-1])
        return gaps

    @property
    def step(self) -> float:
        """The spacing of a uniform axis, the smallest one otherwise."""
        if self.uniform:
            return self.length / self.steps
        return float(self.spacings.min())

    @property
    def steps(self) -> float:
        """How many steps the axis is long."""
        return self.size if self.periodic else self.size - 1 + self.offset_steps

    @property
    def offset_steps(self) -> float:
        """How many steps lie between the outermost nodes and the ends off which they stand."""
        return {None: 0.0, "left": 0.5, "right": 0.5, "both": 1.0}[self.offset]

    @cached_property
    def half_points(self) -> Array:
        """Midpoints between neighbours; on a periodic axis the last lies before `right`."""
        start = self.nodes if self.periodic else self.nodes[:-1]
        return start + 0.5 * self.spacings

    @cached_property
    def weights(self) -> Array:
        """Trapezoid weights: the lengths of the cells between half points.

        They are the quadrature under which the second-order no-flux Laplacian conserves the integral exactly.
        """
        if self.periodic:
            return 0.5 * (self.spacings + np.roll(self.spacings, 1))
        if self.divisions:
            return np.diff(self.cell_edges)
        half = 0.5 * self.spacings
        return np.append(half, self.right - self.nodes[-1]) + np.append(self.nodes[0] - self.left, half)

    @property
    def cell_edges(self) -> Array:
        """Where the cells of the nodes meet: the half points, with both ends on a bounded axis."""
        if self.periodic:
            return self.half_points
        inner = self.half_points.copy()
        for place in self.divisions:
            inner[self.cell_before(place)] = place
        return np.concatenate([[self.left], inner, [self.right]])

    def cell_before(self, place: float) -> int:
        """The node before a place on a bounded axis; one that lies on it is that node."""
        found = np.searchsorted(self.nodes, place + NEXT_TO * self.length, side="right") - 1
        return int(np.clip(found, 0, self.size - 2))

    def divided(self, places: Sequence[float]) -> Axis:
        """The same line and nodes, with cells that meet at the places instead of half way between nodes.

        Examples
        --------
        >>> Axis(0, 1, 5).divided([0.3]).weights
        array([0.125, 0.175, 0.325, 0.25 , 0.125])
        """
        made = copy.copy(self)
        vars(made).pop("weights", None)
        object.__setattr__(made, "divisions", tuple(map(float, places)))
        return made

    def with_points(self, points: int) -> Axis:
        """The same line, with another number of nodes of the same family.

        Raises
        ------
        GridError
            The nodes were given one by one, so that no family says where others lie.
        """
        if self.family is None:
            raise GridError("the nodes were given one by one; no family says where more of them would lie")
        spacing = None if self.uniform else _family_spacing(self.family)
        return Axis(
            self.left,
            self.right,
            points,
            periodic=self.periodic,
            spacing=spacing,
            offset=self.offset,
            absorbing_layer=dict(zip(("left", "right"), self.absorbing_layer)),
            unit=self.unit,
            long_name=self.long_name,
        )

    def with_unit(self, unit: str) -> Axis:
        """The same line, with another unit."""
        made = copy.copy(self)
        object.__setattr__(made, "unit", unit)
        return made

    def with_offset(self, offset: Offset) -> Axis:
        """The same line with as many nodes, which keep half a step of distance from the named ends.

        Raises
        ------
        GridError
            The nodes were given one by one.
        """
        if self.family is None:
            raise GridError("the nodes were given one by one; no family says where they lie off an end")
        spacing = None if self.uniform else _family_spacing(self.family)
        words: dict[str, Any] = {"unit": self.unit, "long_name": self.long_name}
        return Axis(self.left, self.right, self.size, spacing=spacing, offset=offset, **words)


def _layers(given: float | Mapping[str, float], axis: Axis) -> tuple[float, float]:
    """The widths of the absorbing layers at the left and the right end."""
    named = dict(given) if isinstance(given, Mapping) else {"left": given, "right": given}
    for end, width in named.items():
        if end not in ("left", "right"):
            raise GridError(
                f"absorbing_layer: ends are 'left' and 'right', found {end!r}{nearest_hint(end, ('left', 'right'))}"
            )
        if isinstance(width, bool) or not isinstance(width, int | float) or not width >= 0:
            raise GridError(f"absorbing_layer is a width, a number and not negative; found {width!r}")
    left, right = float(named.get("left", 0.0)), float(named.get("right", 0.0))
    if (left or right) and axis.periodic:
        raise GridError("a periodic axis has no ends for absorbing layers")
    if not left + right < axis.right - axis.left:
        raise GridError(
            f"absorbing layers of {left + right:g} in all leave nothing of an axis of length {axis.length:g}"
        )
    return left, right


def _family_spacing(family: str | None) -> Any:
    """The `spacing` argument that a family's name stands for."""
    if family is not None and family.startswith("{"):
        import ast

        return ast.literal_eval(family)
    return family


def _check_spacings(nodes: Array) -> None:
    """Refuse steps whose powers, up to that of the eighth derivative, are no numbers any more, and those that differ beyond measure."""
    gaps = np.diff(nodes)
    least, most = float(gaps.min()), float(gaps.max())
    if least < SHORTEST_STEP or most > LONGEST_STEP:
        raise GridError(
            f"steps from {least:g} to {most:g}; they must lie between {SHORTEST_STEP:g} and {LONGEST_STEP:g}: take other units"
        )
    if most > MOST_STRETCHED * least:
        raise GridError(f"steps from {least:g} to {most:g}: they differ by more than a factor of {MOST_STRETCHED:g}")


def _family_nodes(
    left: float | None, right: float | None, points: int | None, periodic: bool, spacing: Any, offset: Offset
) -> tuple[Array, bool]:
    if left is None or right is None or points is None:
        raise GridError("an axis needs left, right and points, or nodes")
    if not (np.isfinite(left) and np.isfinite(right) and left < right):
        raise GridError(f"an axis needs finite ends with left < right, found [{left!r}, {right!r}]")
    if isinstance(points, bool) or points != int(points) or points < 2:
        raise GridError(f"an axis needs a whole number of at least 2 points, found {points!r}")
    points = int(points)
    if offset not in (None, "left", "right", "both") or (offset and periodic):
        raise GridError(f"offset is 'left', 'right' or 'both' on a bounded axis, found {offset!r}")
    if offset:
        return _offset_nodes(left, right, points, spacing, offset)
    if spacing is None or spacing == "uniform":
        return np.linspace(left, right, points, endpoint=not periodic), True
    unit = _stretched(spacing, points + 1 if periodic else points)
    nodes = left + (right - left) * unit
    nodes[-1] = right
    nodes = nodes[:-1] if periodic else nodes
    if bool(np.any(np.diff(nodes) <= 0)):
        raise GridError(f"spacing {spacing!r} is so strong that neighbouring nodes coincide")
    return nodes, False


def _offset_nodes(left: float, right: float, points: int, spacing: Any, offset: Offset) -> tuple[Array, bool]:
    """Every second node of a line twice as fine."""
    fine = 2 * points + (offset == "both")
    start = 0 if offset == "right" else 1
    if spacing is None or spacing == "uniform":
        return np.linspace(left, right, fine)[start::2], True
    nodes = left + (right - left) * _stretched(spacing, fine)
    nodes[-1] = right
    if bool(np.any(np.diff(nodes) <= 0)):
        raise GridError(f"spacing {spacing!r} is so strong that neighbouring nodes coincide")
    return nodes[start::2], False


def _given_nodes(
    nodes: ArrayLike, left: float | None, right: float | None, periodic: bool, offset: Offset
) -> tuple[Array, bool]:
    try:
        values = np.array(nodes, dtype=float)
    except (TypeError, ValueError):
        raise GridError("nodes must be a list of numbers") from None
    if values.ndim != 1 or values.size < 2:
        raise GridError(f"nodes must be a list of at least 2 numbers, found shape {values.shape}")
    if not bool(np.all(np.isfinite(values))):
        raise GridError("nodes must be finite")
    gaps = np.diff(values)
    if bool(np.any(gaps <= 0)):
        i = int(np.argmax(gaps <= 0))
        what = "duplicate" if gaps[i] == 0 else "unsorted"
        raise GridError(
            f"{what} nodes: node {i + 1} is {values[i + 1]:g} after {values[i]:g}; nodes must strictly increase"
        )
    if periodic:
        if left is None or right is None:
            raise GridError("periodic nodes need left and right, whose distance is the period")
        if not (left <= values[0] and values[-1] < right):
            raise GridError(f"periodic nodes must lie in [left, right) = [{left:g}, {right:g})")
        gaps = np.append(gaps, values[0] + (right - left) - values[-1])
    elif offset:
        return values, _check_offset(values, left, right, offset)
    elif (left is not None and left != values[0]) or (right is not None and right != values[-1]):
        raise GridError("the first and last node are the ends of the axis; leave left and right out")
    uniform = bool(np.ptp(gaps) <= 1e-12 * np.max(np.abs(values)) and np.ptp(gaps) <= 1e-9 * gaps.mean())
    return values, uniform and (not periodic or values[0] == left)


def _check_offset(values: Array, left: float | None, right: float | None, offset: Offset) -> bool:
    """Check given nodes against the ends from which they are offset; whether they are uniform, half a step off."""
    off = {"left": (True, False), "right": (False, True), "both": (True, True)}.get(str(offset))
    if off is None or left is None or right is None:
        raise GridError("nodes with an offset need left, right and offset: 'left', 'right' or 'both'")
    gaps = (values[0] - left, right - values[-1])
    if any((gap > 0) != wanted or gap < 0 for gap, wanted in zip(gaps, off)):
        raise GridError(
            f"nodes from {values[0]:g} to {values[-1]:g} are not offset {offset!r} in [{left:g}, {right:g}]"
        )
    steps = np.concatenate([[2 * gap for gap in gaps if gap > 0], np.diff(values)])
    return bool(np.ptp(steps) <= 1e-9 * steps.mean())
