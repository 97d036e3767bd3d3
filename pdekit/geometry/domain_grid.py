"""A grid of which only the nodes of a region count: its domain is no box."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, product
from typing import Any, Literal

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pdekit.errors import GridError, PdekitError
from pdekit.geometry.grid import Grid
from pdekit.geometry.selected_nodes import SelectedNodes
from pdekit.geometry.simplices import CutCells, cut_cells
from pdekit.language.evaluate import compile_expression
from pdekit.language.level_sets import level_set
from pdekit.language.parser import Scope, parse_region
from pdekit.typing import Array

Level = Callable[[Mapping[str, Array]], Any]
BISECTIONS = 52
# Crossings nearer to a node than this part of a step: the node is on the boundary. Errors of 1e-6 steps are below those of order 2.
ON_BOUNDARY = 1e-6
LOOKED_AT = (0.5, 0.25, 0.75, 0.125, 0.375, 0.625, 0.875)  # of steps between two nodes inside
LEAST_NODES = 3  # along an axis
WHOLE = 1e-11  # of a cell: more than what rounding of the nodes' places makes of the sum of its parts
SLIVERS = 1e-3  # of the whole volume: what tips between nodes may hold


@dataclass(frozen=True, eq=False)
class Crossings:
    """Where steps along one axis, from a node inside to a node outside, cross the boundary.

    Parameters
    ----------
    nodes, beyond : array of int
        Flat indices of the nodes inside, and of those on the other side.
    points : array of int
        The half points between them, by their index along the axis' flux points.
    signs : array
        1 where the step goes to the right, -1 to the left.
    distances, gaps : array
        To the crossing, and to the node beyond.
    """

    nodes: NDArray[np.intp]
    beyond: NDArray[np.intp]
    points: NDArray[np.intp]
    signs: Array
    distances: Array
    gaps: Array


@dataclass(frozen=True, eq=False)
class Rim:
    """The pieces of the boundary in the cells of nodes.

    Parameters
    ----------
    nodes : array of int
        Flat indices of the nodes whose cells the boundary cuts, those outside among them.
    areas : array of shape (pieces,)
    shares : array of shape (pieces, d)
        What of a flux through a piece is along each axis: the mean squares of the normal's components.
    centres : array of shape (pieces, d)
    offsets : array of shape (pieces,)
        How far the centre lies beyond the node along the normal, which points out of the domain.
    """

    nodes: NDArray[np.intp]
    areas: Array
    shares: Array
    centres: Array
    offsets: Array


class DomainGrid(SelectedNodes):
    """The nodes of a box at which a level-set function is not negative.

    Parameters
    ----------
    box : Grid
        Cartesian.
    level : callable or array
        A function of the coordinates by name, positive inside; or for every node whether it belongs to the domain, which then has
        its boundary at nodes.

    Raises
    ------
    GridError
        No node lies inside; curved coordinates, more than three axes.

    Examples
    --------
    >>> box = Grid(x=(-1, 1, 41), y=(-1, 1, 41))
    >>> disc = DomainGrid(box, lambda at: 0.81 - at["x"] ** 2 - at["y"] ** 2)
    >>> bool(abs(disc.weights.sum() - 0.81 * np.pi) < 3e-3)
    True
    """

    def __init__(self, box: Grid, level: Level | Array) -> None:
        if box.geometry is not None:
            raise GridError("domains that are not boxes need cartesian coordinates")
        if box.ndim > 3:
            raise GridError(f"domains that are not boxes have one to three axes, found {box.ndim}")
        super().__init__(dict(zip(box.names, box.axes)))
        self._function: Level | None = level if callable(level) else None
        self._mask = None if callable(level) else _checked_mask(self, level)
        inside, least = int(np.sum(self.level > 0)), LEAST_NODES**self.ndim
        if inside < least:
            found = f"{inside} nodes of the grid lie" if inside > 1 else f"{inside or 'no'} node of the grid lies"
            raise GridError(
                f"{found} inside of the domain, at least {least} are needed; take more points, or look at the inequality"
            )

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DomainGrid):
            return super().__eq__(other) and np.array_equal(self.level, other.level)
        return False

    def __hash__(self) -> int:
        return super().__hash__()

    def _at_nodes(self, level: Level) -> Array:
        return _finite(np.array(np.broadcast_to(level(self.coordinates), self.shape), dtype=float))

    # ------------------------------------------------------------------------------------------- nodes

    @cached_property
    def level(self) -> Array:
        """Of the level-set function, zero at nodes next to which the boundary passes."""
        if self._function is None:
            return _levels_of_mask(self, self._mask)
        return self._snapped(self._at_nodes(self._function))

    @cached_property
    def within(self) -> NDArray[np.bool_]:
        """Which nodes belong to the domain, those on its boundary among them."""
        return np.asarray(self.level >= 0)

    @cached_property
    def box(self) -> Grid:
        """All nodes."""
        return Grid(dict(zip(self.names, self.axes)))

    @cached_property
    def on_boundary(self) -> NDArray[np.bool_]:
        """Which nodes lie on the boundary."""
        return np.asarray(self.level == 0)

    def touches(self, name: str, side: str) -> bool:
        """Whether the domain reaches a face of the box."""
        return bool(np.any(self.level.take(0 if side == "left" else -1, axis=self.index(name)) > 0))

    # ------------------------------------------------------------------------------------------- crossings

    def _steps(self, axis: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
        """Flat indices of both ends of all steps along an axis, and their lengths, in the order of the half points."""
        numbers, line = np.arange(self.size).reshape(self.shape), self.axes[axis]
        if line.wraps:
            first, second = numbers, np.roll(numbers, -1, axis=axis)
        else:
            n = line.size
            first, second = numbers.take(range(n - 1), axis=axis), numbers.take(range(1, n), axis=axis)
        lengths = np.broadcast_to(self.along(axis, line.spacings), first.shape)
        return first.ravel(), second.ravel(), lengths.ravel()

    def _shares_of_steps(self, nodes: Any, axis: int, signs: Array, gaps: Array, low: Array, high: Array) -> Array:
        """Which part of a step lies before the crossing, its ends having levels of different signs."""
        if self._function is None:
            return np.asarray(low / (low - high))
        name = self.names[axis]
        begin = {n: np.broadcast_to(c, self.shape).ravel()[nodes] for n, c in self.coordinates.items()}
        inside, lower, upper = low > 0, np.zeros(gaps.size), np.ones(gaps.size)
        for _ in range(BISECTIONS):
            middle = 0.5 * (lower + upper)
            at = self._wrapped({**begin, name: begin[name] + signs * gaps * middle})
            before = (np.broadcast_to(self._function(at), middle.shape) > 0) == inside
            lower, upper = np.where(before, middle, lower), np.where(before, upper, middle)
        return 0.5 * (lower + upper)

    def _wrapped(self, at: dict[str, Array]) -> dict[str, Array]:
        """Coordinates within the periods of periodic axes."""
        lines = {n: a for n, a in zip(self.names, self.axes) if a.periodic}
        return at | {n: a.left + np.mod(at[n] - a.left, a.length) for n, a in lines.items()}

    def _snapped(self, level: Array) -> Array:
        """The levels of the nodes, zero where the boundary passes next to them."""
        flat = level.ravel().copy()
        for axis in range(self.ndim):
            first, second, lengths = self._steps(axis)
            cut = np.flatnonzero(level.flat[first] * level.flat[second] < 0)
            low, high = level.flat[first[cut]], level.flat[second[cut]]
            share = self._shares_of_steps(first[cut], axis, np.ones(cut.size), lengths[cut], low, high)
            flat[first[cut[share < ON_BOUNDARY]]] = 0.0
            flat[second[cut[share > 1 - ON_BOUNDARY]]] = 0.0
        return flat.reshape(self.shape)

    @cached_property
    def hidden_part(self) -> str | None:
        """A place between two neighbours inside where the boundary passes twice, in words; None if none is seen."""
        if self._function is None:
            return None
        for axis, name in enumerate(self.names):
            first, second, lengths = self._steps(axis)
            both = np.flatnonzero((self.level.flat[first] > 0) & (self.level.flat[second] > 0))
            begin = {n: np.broadcast_to(c, self.shape).ravel()[first[both]] for n, c in self.coordinates.items()}
            for share in LOOKED_AT:
                at = self._wrapped({**begin, name: begin[name] + share * lengths[both]})
                outside = np.broadcast_to(self._function(at), both.shape) < 0
                if np.any(outside):
                    return ", ".join(f"{n} = {v[int(np.argmax(outside))]:.4g}" for n, v in at.items())
        return None

    def refuse_hidden_parts(self) -> None:
        """Refuse holes and walls that lie between two neighbours, which rows that end at crossings cannot see.

        Raises
        ------
        GridError
        """
        if self.hidden_part is not None:
            raise GridError(
                f"the boundary of the domain passes twice between two nodes, near {self.hidden_part}: what lies there is thinner than a "
                "step of the grid; take more points",
                key="domain",
            )

    @cached_property
    def crossings(self) -> tuple[Crossings, ...]:
        """Those of every axis."""
        return tuple(self._crossings_along(axis) for axis in range(self.ndim))

    def _crossings_along(self, axis: int) -> Crossings:
        first, second, lengths = self._steps(axis)
        level, line, parts = self.level.ravel(), self.axes[axis], []
        position = np.unravel_index(first, self.shape)[axis] + (not line.wraps)
        for nodes, beyond, sign in ((first, second, 1.0), (second, first, -1.0)):
            cut = np.flatnonzero((level[nodes] > 0) & (level[beyond] < 0))
            signs = np.full(cut.size, sign)
            share = self._shares_of_steps(nodes[cut], axis, signs, lengths[cut], level[nodes[cut]], level[beyond[cut]])
            parts.append((nodes[cut], beyond[cut], position[cut], signs, share * lengths[cut], lengths[cut]))
        return Crossings(*(np.concatenate(columns) for columns in zip(*parts)))

    def crossing_points(self) -> dict[str, Array]:
        """Coordinates of all crossings, those of the first axis first."""
        nodes = np.concatenate([c.nodes for c in self.crossings])
        found = {n: np.array(np.broadcast_to(c, self.shape).ravel()[nodes]) for n, c in self.coordinates.items()}
        start = 0
        for name, c in zip(self.names, self.crossings):
            found[name][start : start + c.nodes.size] += c.signs * c.distances
            start += c.nodes.size
        return self._wrapped(found)

    # ------------------------------------------------------------------------------------------- cells

    @cached_property
    def _fine(self) -> tuple[list[Array], Array]:
        """Nodes and half points of every axis, and the levels there."""
        lines = []
        for line in self.axes:
            ends = np.append(line.nodes, line.nodes[0] + line.length) if line.wraps else line.unrolled
            fine = np.empty(2 * ends.size - 1)
            fine[::2], fine[1::2] = ends, 0.5 * (ends[1:] + ends[:-1])
            lines.append(fine)
        at = {n: self.along(k, lines[k]) for k, n in enumerate(self.names)}
        level = self.level
        for axis, line in enumerate(self.axes):
            if line.wraps:
                level = np.concatenate([level, level.take([0], axis=axis)], axis=axis)
        every_other = (slice(None, None, 2),) * self.ndim
        if self._function is not None:
            fine_level = np.array(
                np.broadcast_to(self._function(self._wrapped(at)), [n.size for n in lines]), dtype=float
            )
            fine_level = _finite(fine_level)
            fine_level[every_other] = level
            return lines, fine_level
        for axis in range(self.ndim):
            level = _doubled(level, axis)
        return lines, level

    @cached_property
    def _cut(self) -> CutCells:
        lines, level = self._fine
        return cut_cells(level, lines)

    def _owned(self, values: Array, axes: list[int]) -> Array:
        """Sums over the cells of nodes of what belongs to their parts, along some axes."""
        for axis in axes:
            n, line = self.axes[axis].size, self.axes[axis]
            owner = (np.arange(values.shape[axis]) + 1) // 2 % n if line.wraps else (np.arange(2 * n - 2) + 1) // 2
            moved = np.moveaxis(values, axis, 0)
            total = np.zeros((n, *moved.shape[1:]))
            np.add.at(total, owner, moved)
            values = np.moveaxis(total, 0, axis)
        return values

    @cached_property
    def volumes(self) -> Array:
        """What of the cell of every node lies inside, nodes outside included."""
        lines, _ = self._fine
        whole = self._cut.shares
        for axis, line in enumerate(lines):
            whole = whole * self.along(axis, np.diff(line))
        axes = list(range(self.ndim))
        return self._unless_whole(self._owned(whole, axes), axes)

    def areas(self, axis: int) -> Array:
        """What of the faces between cells along an axis lies inside; of the shape of the axis' flux points."""
        lines, level = self._fine
        n, line = self.axes[axis].size, self.axes[axis]
        halves = 2 * np.arange(n if line.wraps else n - 1) + 1
        places = halves if line.wraps else np.concatenate([[0], halves, [2 * n - 2]])
        others = [k for k in range(self.ndim) if k != axis]
        faces = []
        for place in places:
            share = np.asarray(cut_cells(level.take(place, axis=axis), [lines[k] for k in others]).shares)
            for position, k in enumerate(others):
                along = [1] * len(others)
                along[position] = -1
                share = share * np.diff(lines[k]).reshape(along)
            faces.append(np.asarray(share))
        return self._unless_whole(self._owned(np.stack(faces, axis=axis), others), others)

    def _unless_whole(self, found: Array, axes: list[int]) -> Array:
        """Sums over the parts of cells; those of whole ones as the box has them, so that rows inside are those of the box to rounding."""
        lines = [self.along(k, self.axes[k].weights) for k in axes]
        whole = np.broadcast_to(np.prod(np.broadcast_arrays(1.0, *lines), axis=0), found.shape)
        return np.where(np.abs(found - whole) < WHOLE * whole, whole, found)

    @cached_property
    def rim(self) -> Rim:
        """The boundary, by the cells of nodes."""
        cut, d = self._cut, self.ndim
        where = np.unravel_index(cut.cells, self._cut.shares.shape)
        owners = [(i + 1) // 2 % line.size for i, line in zip(where, self.axes)]
        owner = np.ravel_multi_index(owners, self.shape)
        nodes, piece = np.unique(owner, return_inverse=True)

        def summed(values: Array) -> Array:
            return np.bincount(piece, weights=values, minlength=nodes.size)

        areas = summed(cut.areas)
        shares = np.stack([summed(cut.areas * cut.normals[:, k] ** 2) / areas for k in range(d)], axis=1)
        centres = np.stack([summed(cut.areas * cut.centres[:, k]) / areas for k in range(d)], axis=1)
        own = np.stack([line.nodes[i] for line, i in zip(self.axes, owners)], axis=1)
        apart = cut.centres - own
        for k, line in enumerate(self.axes):
            if line.periodic:
                apart[:, k] -= line.length * np.round(apart[:, k] / line.length)
        offsets = summed(cut.areas * np.sum(apart * cut.normals, axis=1)) / areas
        return Rim(nodes, areas, shares, centres, offsets)

    def rim_points(self) -> dict[str, Array]:
        """Coordinates of the centres of its pieces."""
        return self._wrapped({n: self.rim.centres[:, k] for k, n in enumerate(self.names)})

    @cached_property
    def weights(self) -> Array:
        """The volumes that nodes of the domain stand for; what lies in cells of nodes outside goes to a neighbour inside.

        Raises
        ------
        GridError
            Cells of nodes outside that have no neighbour inside hold more than slivers: the domain is thinner than a step.
        """
        own = self.volumes.ravel()
        volumes = np.where(self.within.ravel(), own, 0.0)
        outside = np.flatnonzero(~self.within.ravel() & (own > 0))
        taken_by, _ = self.deepest(outside, 1)
        kept = taken_by[0] >= 0
        np.add.at(volumes, taken_by[0][kept], own[outside[kept]])
        lost = own[outside[~kept]]
        if self.whole is self and np.sum(lost) > SLIVERS * np.sum(own):
            point = self.point(int(outside[~kept][np.argmax(lost)]))
            place = ", ".join(f"{n} = {v:.4g}" for n, v in point.items())
            raise GridError(f"the domain is thinner than a step of the grid near {place}; take more points")
        return volumes.reshape(self.shape)

    def deepest(self, outside: NDArray[np.intp], count: int) -> tuple[NDArray[np.intp], Array]:
        """For nodes outside, the row of so many nodes inside that begins next to them and deepest, along an axis where there is one.

        Returns
        -------
        array of int of shape (count, nodes)
            Flat indices; -1 where there is no such row.
        array of shape (count, nodes)
            How far along the row they are.
        """
        nodes, places = np.full((count, outside.size), -1), np.zeros((count, outside.size))
        level = self.level.ravel()
        offsets = sorted((o for o in product((-1, 0, 1), repeat=self.ndim) if any(o)), key=lambda o: sum(map(abs, o)))
        depth = np.full(outside.size, -1.0)
        for size, group in groupby(offsets, key=lambda o: sum(map(abs, o))):
            waiting = nodes[0] < 0
            for offset in group:
                steps = [self._moved(outside, [(k + 1) * by for by in offset]) for k in range(count)]
                other, distance = np.stack([s[0] for s in steps]), np.stack([s[1] for s in steps])
                whole = np.all((other >= 0) & (level[other] >= 0), axis=0)
                better = waiting & whole & (level[other[0]] > depth)
                depth[better] = level[other[0]][better]
                nodes[:, better] = other[:, better]
                places[:, better] = distance[:, better] if size == 1 else np.arange(1, count + 1)[:, None]
        return nodes, places

    def _moved(self, nodes: NDArray[np.intp], offset: list[int]) -> tuple[NDArray[np.intp], Array]:
        """As `stepped`, along several axes; the distance is that along the last."""
        found, distance = nodes, np.zeros(nodes.size)
        for axis, by in enumerate(offset):
            if by:
                other, distance = self.stepped(np.maximum(found, 0), axis, by)
                found = np.where(found < 0, -1, other)
        return found, distance

    def stepped(self, nodes: NDArray[np.intp], axis: int, by: int) -> tuple[NDArray[np.intp], Array]:
        """Flat indices of the nodes so many steps away, -1 where the box ends, and how far along the axis they are."""
        index, line = list(np.unravel_index(nodes, self.shape)), self.axes[axis]
        target = index[axis] + by
        wrapped = target % line.size
        beyond = np.zeros(nodes.size, dtype=bool) if line.wraps else (target != wrapped)
        distance = line.unrolled[wrapped] - line.unrolled[index[axis]]
        if line.wraps:
            distance = distance + line.length * ((target - wrapped) // line.size)
        index[axis] = wrapped
        return np.where(beyond, -1, np.ravel_multi_index(index, self.shape)), distance


def grid_of_domain(grid: Grid, domain: Any, parameters: Mapping[str, Any]) -> DomainGrid:
    """The nodes of a box that belong to a domain.

    Parameters
    ----------
    grid : Grid
    domain : str or array
        An inequality in the coordinates and parameters, or for every node whether it belongs to it.
    parameters : mapping of str to number

    Raises
    ------
    PdekitError
        It is no inequality, depends on time, or leaves nothing.

    Examples
    --------
    >>> box = Grid(x=(-1, 1, 21), y=(-1, 1, 21))
    >>> round(float(grid_of_domain(box, "x < 0 or y < 0", {}).weights.sum()), 12)
    3.0
    """
    try:
        if not isinstance(domain, str):
            return DomainGrid(grid, np.asarray(getattr(domain, "values", domain)))
        names = {n: sp.Symbol(n) for n in (*grid.names, "t", *parameters)}
        level = level_set(parse_region(domain, Scope(names)))
        if level.has(names["t"]):
            raise GridError("the domain must not depend on t: domains that move are not available")
        function = compile_expression(level, [names[n] for n in (*grid.names, *parameters)])

        def at(places: Mapping[str, Array]) -> Any:
            with np.errstate(all="ignore"):
                return function(*(places[n] for n in grid.names), *parameters.values())

        found = DomainGrid(grid, at)
        slopes = [sp.diff(level, names[n]) for n in grid.names]
        steepness = sp.sqrt(sp.Add(*(s**2 for s in slopes)))
        found.normal = tuple(-s / steepness for s in slopes)
        return found
    except PdekitError as error:
        raise error.under("domain") from None


def _finite(level: Array) -> Array:
    """Levels that are not a number, as of 1/0, lie outside."""
    return np.nan_to_num(level, nan=-1.0, posinf=1e300, neginf=-1e300)


def _doubled(values: Array, axis: int) -> Array:
    """Values at the points of an axis and half way between them."""
    moved = np.moveaxis(values, axis, 0)
    found = np.empty((2 * moved.shape[0] - 1, *moved.shape[1:]))
    found[::2], found[1::2] = moved, 0.5 * (moved[1:] + moved[:-1])
    return np.moveaxis(found, 0, axis)


def _checked_mask(grid: Grid, mask: Any) -> NDArray[np.bool_]:
    """A mask as true and false for every node.

    Raises
    ------
    GridError
    """
    given = np.asarray(getattr(mask, "values", mask))
    if given.shape != grid.shape:
        raise GridError(f"the mask has shape {given.shape}, the grid needs {grid.shape}")
    if given.dtype.kind not in "biuf" or not np.all((given == 0) | (given == 1)):
        raise GridError("a mask holds true and false (or 1 and 0) for every node, and nothing else")
    return given.astype(bool)


def _levels_of_mask(grid: Grid, belongs: Any) -> Array:
    """1 inside, 0 at nodes that have a neighbour outside, diagonally too, -1 outside."""
    core = belongs.copy()
    for axis, line in enumerate(grid.axes):
        mode: Literal["wrap", "edge"] = "wrap" if line.periodic else "edge"
        padded = np.pad(core, [(1, 1) if k == axis else (0, 0) for k in range(grid.ndim)], mode=mode)
        n = line.size
        core = core & padded.take(range(n), axis=axis) & padded.take(range(2, n + 2), axis=axis)
    return np.where(core, 1.0, np.where(belongs, 0.0, -1.0))
