"""A branch of steady solutions over a parameter."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pdekit.errors import PdekitError, nearest_hint
from pdekit.geometry.grid import Field, Grid
from pdekit.typing import Array

Kind = Literal["fold", "branch point", "Hopf"]


@dataclass(frozen=True, eq=False)
class SingularPoint:
    """Where a branch turns, meets another, or begins to oscillate.

    Parameters
    ----------
    kind : {"fold", "branch point", "Hopf"}
        A real eigenvalue passes zero where the branch turns back (fold) or does not (another branch crosses), or a pair passes the
        imaginary axis.
    arclength : float
        Where along the branch.
    value : float
        Of the parameter.
    measure : float
    fields : dict of str to array
        The solution there.
    frequency : float
        Of a Hopf point: the imaginary part of the pair.
    """

    kind: Kind
    arclength: float
    value: float
    measure: float
    fields: dict[str, Array]
    frequency: float = 0.0

    def __str__(self) -> str:
        turning = f", frequency {self.frequency:.6g}" if self.kind == "Hopf" else ""
        return f"{self.kind} at {self.value:.8g}{turning}"


@dataclass(frozen=True, eq=False)
class Branch:
    """Steady solutions along a branch, with their stability.

    Parameters
    ----------
    grid : Grid
    parameter : str
        Which parameter the branch is followed over.
    values : array
        Its values, in the order of the branch; shape (points,).
    fields : dict of str to array
        By unknown; shape ``(points, *grid.shape)``.
    arclength : array
        Along the branch, in the scaled norm of steps.
    measured_by : str
        What `measure` is: ``max(u)``.
    measure : array
    eigenvalues : array
        Rightmost first, complex; shape (points, count).
    unstable : array of int
        How many of those have positive real parts.
    singular_points : tuple of SingularPoint
        In the order of the branch.
    ended : str
        Why the branch ends where it does.
    notes : tuple of str
        What is to be said of it: what the grid does not resolve.
    title : str
    statistics : dict
    wall_time : float
        Seconds.
    labels : dict of str to dict
        ``units`` and ``long_name`` of unknowns.
    config : str
        The problem as a config.
    file : Path, optional
        Where it was written.
    """

    grid: Grid
    parameter: str
    values: Array
    fields: dict[str, Array]
    arclength: Array
    measured_by: str
    measure: Array
    eigenvalues: Array
    unstable: Array
    singular_points: tuple[SingularPoint, ...]
    ended: str
    notes: tuple[str, ...] = ()
    title: str = ""
    statistics: dict[str, Any] = field(default_factory=dict)
    wall_time: float = 0.0
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    config: str = ""
    file: Path | None = None

    def __repr__(self) -> str:
        span = f"{self.parameter} = {self.values[0]:g} .. {self.values[-1]:g}"
        return f"<Branch {self.title!r}: {self.size} points, {span}; {', '.join(map(str, self.singular_points)) or 'regular'}>"

    @property
    def size(self) -> int:
        """Number of points."""
        return int(self.values.size)

    @property
    def stable(self) -> Array:
        """Which of the points are stable."""
        return self.unstable == 0

    @property
    def folds(self) -> tuple[SingularPoint, ...]:
        """Where the branch turns back."""
        return self.of_kind("fold")

    def of_kind(self, kind: Kind) -> tuple[SingularPoint, ...]:
        """The singular points of a kind."""
        return tuple(point for point in self.singular_points if point.kind == kind)

    def field(self, index: int, name: str | None = None) -> Field:
        """The solution at one point, of the first unknown by default."""
        name = next(iter(self.fields)) if name is None else name
        if name not in self.fields:
            raise PdekitError(f"no unknown {name!r}; there are {list(self.fields)}{nearest_hint(name, self.fields)}")
        return Field(self.grid, self.fields[name][index], name)

    def at(self, value: float, name: str | None = None) -> list[Field]:
        """The solutions at a value of the parameter: one each time the branch passes it, linear between its points."""
        found = []
        for k in np.flatnonzero((self.values[:-1] - value) * (self.values[1:] - value) <= 0):
            left, right = self.values[k], self.values[k + 1]
            share = 0.0 if left == right else (value - left) / (right - left)
            if share < 1.0 or k == self.size - 2:
                found.append((1 - share) * self.field(int(k), name) + share * self.field(int(k) + 1, name))
        return found

    def plot(self, **options: Any) -> Any:
        """Draw the branch; see `pdekit.plotting.branch_picture.plot_branch`."""
        from pdekit.plotting.branch_picture import plot_branch

        return plot_branch(self, **options)

    def save(self, path: str | Path, *, force: bool = False) -> Branch:
        """Write the branch to an HDF5 file; see `pdekit.io.branch_file.write_branch`."""
        from pdekit.io.branch_file import write_branch

        return write_branch(self, path, force=force)
