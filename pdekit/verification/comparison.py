"""By how much two results differ: norms of the differences of every variable, at all times that both have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from pdekit.errors import PdekitError, nearest_hint
from pdekit.geometry.domain_grid import DomainGrid
from pdekit.geometry.grid import Field, Grid
from pdekit.geometry.regions import Region
from pdekit.io.open import open_result
from pdekit.solution import Solution
from pdekit.typing import Array
from pdekit.verification.restriction import known_nodes, restricted, shared_index

Norm = Literal["L1", "L2", "max"]
MOST_ROWS = 12  # of the table


@dataclass(frozen=True, eq=False)
class Comparison:
    """Differences of two solutions.

    Parameters
    ----------
    first, second : Solution
    names : (str, str)
        How they are called.
    grid : Grid
        That of the one with fewer nodes, on which both are compared.
    interpolated : bool
        Whether its nodes are not all nodes of the other, which then is interpolated with order 4.
    frames : array of int, shape (times, 2)
        Their frames at the common times.
    times : array
        None if both are steady.
    norms : dict of str to dict of str to array
        By variable and norm ("L1", "L2", "max"), at every common time: of the first less the second. Of an unknown that is one number
        they are all the modulus of the difference.
    missing : dict of str to int
        How many nodes of a domain that is no box are left out: they stand in cells that the boundary cuts on the other grid.
    """

    first: Solution
    second: Solution
    names: tuple[str, str]
    grid: Grid
    interpolated: bool
    frames: Array
    times: Array
    norms: dict[str, dict[str, Array]]
    missing: dict[str, int]

    def fields(self, name: str, index: int = -1) -> tuple[Field, Field]:
        """Both fields at a common time, on the grid of the comparison."""
        if name not in self.first.values:
            known = self.first.variables
            raise PdekitError(f"no field {name!r}; there are {list(known)}{nearest_hint(name, known)}")
        nodes = _coarser(self.first, self.second).nodes_of(name)
        return _pair(self.first, self.second, nodes, name, self.frames[index])

    def difference(self, name: str, index: int = -1) -> Field:
        """The first less the second at a common time."""
        first, second = self.fields(name, index)
        return first - second

    def __str__(self) -> str:
        rows = [["", *(() if self.first.steady else ("t",)), *get_args(Norm)]]
        shown = sorted(set(np.linspace(0, len(self.frames) - 1, MOST_ROWS).round().astype(int).tolist()))
        for name, norms in self.norms.items():
            for k in shown:
                moment = [] if self.first.steady else [f"{self.times[k]:.6g}"]
                rows.append([name if k == shown[0] else "", *moment, *(f"{norms[n][k]:.3e}" for n in get_args(Norm))])
        head = [f"{self.names[0]} less {self.names[1]}, {self._where}"]
        if not self.first.steady:
            counts = f"{self.times.size} times that both have, of {self.first.times.size} and {self.second.times.size}"
            head.append(counts + (f"; {len(shown)} are shown" if len(shown) < self.times.size else ""))
        widths = [max(map(len, column)) for column in zip(*rows)]
        table = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
        return "\n".join((*head, "", *table))

    @property
    def _where(self) -> str:
        nodes = " x ".join(map(str, self.grid.shape))
        if not self.interpolated:
            return f"on {nodes} nodes, all of them nodes of both"
        lost = max(self.missing.values(), default=0)
        left_out = f"; {lost} nodes in cells that the boundary cuts are left out" if lost else ""
        order = 2 if isinstance(self.grid, DomainGrid) else 4
        return f"on {nodes} nodes, the other one interpolated with order {order}{left_out}"

    def plot(self, name: str | None = None, *, file: str | Path | None = None) -> Any:
        """Draw both and their difference at the last common time, and its norms over time.

        Returns
        -------
        Picture
        """
        from pdekit.plotting.comparison_picture import plot_comparison

        return plot_comparison(self, name, file=file)


def compare(first: Solution | str | Path, second: Solution | str | Path) -> Comparison:
    """Compare two solutions, or results files, of the same variables over the same domain.

    Parameters
    ----------
    first, second : Solution or path

    Returns
    -------
    Comparison
        Prints as a table.

    Raises
    ------
    PdekitError
        Other variables, other axes, or no time that both have.

    Examples
    --------
    >>> import pdekit as pk
    >>> def rod(points):
    ...     return pk.Problem(pk.PDE("u_t = u_xx"), pk.Grid(x=pk.Axis(0, 1, points)), initial={"u": "sin(pi*x)"},
    ...                       boundary={"u": {"x": pk.Dirichlet(0)}}).solve(t_end=0.1)
    >>> found = pk.compare(rod(21), rod(41))
    >>> found.grid.shape, found.interpolated, bool(found.norms["u"]["max"][-1] < 1e-3)
    ((21,), False, True)
    """
    a, b = (s if isinstance(s, Solution) else open_result(s) for s in (first, second))
    _refuse_other_problems(a, b)
    frames = _common_frames(a, b)
    coarser = _coarser(a, b)
    other = b if coarser is a else a
    norms: dict[str, dict[str, Array]] = {}
    missing: dict[str, int] = {}
    for name in a.variables:
        nodes = coarser.nodes_of(name)
        known = known_nodes(other.nodes_of(name), nodes)
        missing[name] = int(np.sum(~known[nodes.within]))
        pairs = [_pair(a, b, nodes, name, pair) for pair in frames]
        gaps = [Field(nodes, np.where(known, (one - two).values, 0.0)) for one, two in pairs]
        norms[name] = {kind: np.array([gap.norm(kind) for gap in gaps]) for kind in get_args(Norm)}
    for name in a.scalars:
        gap = np.array([abs(a.number(name, int(i)) - b.number(name, int(j))) for i, j in frames])
        norms[name] = dict.fromkeys(get_args(Norm), gap)
    times = np.zeros(0) if a.steady else a.times[frames[:, 0]]
    interpolated = shared_index(other.grid, coarser.grid) is None
    return Comparison(a, b, _names(a, b), coarser.grid, interpolated, frames, times, norms, missing)


def _coarser(a: Solution, b: Solution) -> Solution:
    """The one with fewer nodes."""
    return a if a.grid.size <= b.grid.size else b


def _pair(a: Solution, b: Solution, grid: Grid, name: str, frames: Array) -> tuple[Field, Field]:
    """Fields of both at a common time, on a grid."""
    first, second = (s.frame(name, int(k)) for s, k in zip((a, b), frames))
    return Field(grid, restricted(first, grid), name), Field(grid, restricted(second, grid), name)


def _names(a: Solution, b: Solution) -> tuple[str, str]:
    """Files, titles, or which of the two."""
    files = tuple(s.file.name if s.file else s.title for s in (a, b))
    if a.file and b.file and files[0] == files[1]:
        files = (str(a.file), str(b.file))
    return (files[0], files[1]) if files[0] != files[1] and all(files) else ("first", "second")


def _refuse_other_problems(a: Solution, b: Solution) -> None:
    names = [[*s.variables, *s.scalars] for s in (a, b)]
    if any(set(one) != set(other) for one, other in ((a.variables, b.variables), (a.scalars, b.scalars))):
        raise PdekitError(f"the variables differ: {names[0]} and {names[1]}", key="compare")
    if a.grid.names != b.grid.names or a.grid.system != b.grid.system:
        words = [f"{s.grid.system} axes {list(s.grid.names)}" for s in (a, b)]
        raise PdekitError(f"the axes differ: {words[0]} and {words[1]}", key="compare")
    for name, left, right in zip(a.grid.names, a.grid.axes, b.grid.axes):
        if left.periodic != right.periodic:
            raise PdekitError(f"axis {name!r} is periodic in one and bounded in the other", key="compare")
        if not np.allclose((left.left, left.right), (right.left, right.right), rtol=0, atol=1e-9 * left.length):
            ranges = [f"[{axis.left:g}, {axis.right:g}]" for axis in (left, right)]
            raise PdekitError(f"axis {name!r} covers {ranges[0]} and {ranges[1]}", key="compare")
    for name in a.variables:
        ends = [_ends(s, name) for s in (a, b)]
        if ends[0].keys() != ends[1].keys() or not all(np.allclose(ends[0][n], ends[1][n]) for n in ends[0]):
            words = [
                ", ".join(f"{n} in [{e[0]:g}, {e[1]:g}]" for n, e in found.items()) or "everywhere" for found in ends
            ]
            raise PdekitError(f"{name!r} lives where {words[0]}, and where {words[1]}", key="compare")
    if a.steady != b.steady:
        raise PdekitError("one of them is steady, the other one is not", key="compare")


def _ends(solution: Solution, name: str) -> dict[str, tuple[float, float]]:
    """Where a variable lives, by axis; nothing if it lives on the whole grid."""
    nodes = solution.nodes_of(name)
    return (
        {n: (a.nodes[0], a.nodes[-1]) for n, a in zip(nodes.names, nodes.own.axes)} if isinstance(nodes, Region) else {}
    )


def _common_frames(a: Solution, b: Solution) -> Array:
    if a.steady:
        return np.zeros((1, 2), dtype=int)
    slack = 1e-9 * max(1.0, float(np.max(np.abs(a.times))))
    nearest = np.argmin(np.abs(a.times[:, None] - b.times[None, :]), axis=1)
    same = np.abs(a.times - b.times[nearest]) <= slack
    if not same.any():
        spans = [f"{s.times[0]:g} to {s.times[-1]:g}" for s in (a, b)]
        raise PdekitError(f"they have no time in common: {spans[0]} and {spans[1]}", key="compare")
    return np.stack([np.flatnonzero(same), nearest[same]], axis=1)
