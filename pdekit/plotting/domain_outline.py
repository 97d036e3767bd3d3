"""Maps of domains that are no boxes: values up to the boundary, and nothing beyond it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from contourpy import FillType, LineType, contour_generator
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from pdekit.plotting.plane import Plane
from pdekit.typing import Array

BEYOND = 2  # nodes outside up to which values are continued, so that every cell that the boundary cuts is filled
NEIGHBOURS = ((1, 0), (-1, 0), (0, 1), (0, -1))


def continued(values: Array) -> Array:
    """Values of a plane continued linearly from where they are numbers, over the next nodes."""
    for _ in range(BEYOND):
        padded = np.pad(values, 2, constant_values=np.nan)
        inner = tuple(slice(2, -2) for _ in range(2))
        near, linear = [], []
        for i, j in NEIGHBOURS:
            first, second = (np.roll(padded, (-k * i, -k * j), axis=(0, 1))[inner] for k in (1, 2))
            near.append(first)
            linear.append(2 * first - second)
        values = np.where(np.isnan(values), _mean(linear), values)
        values = np.where(np.isnan(values), _mean(near), values)
    return values


def _mean(parts: list[Array]) -> Array:
    """The mean of those that are numbers."""
    known = np.sum([np.isfinite(p) for p in parts], axis=0)
    total = np.sum([np.nan_to_num(p) for p in parts], axis=0)
    return np.divide(total, known, out=np.full(total.shape, np.nan), where=known > 0)


@dataclass(frozen=True, eq=False)
class Outline:
    """What of a plane belongs to the domain.

    Parameters
    ----------
    region : list of array of shape (points, 2)
        Closed curves, the edges of the plane among them; holes go the other way round.
    boundary : list of array of shape (points, 2)
        That of the domain, without the edges of the plane.
    """

    region: list[Array]
    boundary: list[Array]


def outline(plane: Plane) -> Outline:
    """Where the level of a plane vanishes, and the region where it is positive."""
    assert plane.level is not None
    lines = contour_generator(
        plane.x, plane.y, plane.level, fill_type=FillType.OuterOffset, line_type=LineType.Separate
    )
    points, offsets = (cast(list[Array], part) for part in lines.filled(0.0, np.inf))
    region = [part for ring, ends in zip(points, offsets) for part in np.split(ring, ends[1:-1])]
    return Outline(region, list(cast(list[Array], lines.lines(0.0))))


def clip_to_domain(axes: Any, artist: Any, plane: Plane) -> None:
    """Hide what lies outside, where the level is negative, and draw the boundary."""
    found = outline(plane)
    if found.region:
        region = Path.make_compound_path(*(Path(ring, closed=True) for ring in found.region))
        artist.set_clip_path(PathPatch(region, transform=axes.transData))
    for line in found.boundary:
        axes.plot(line[:, 0], line[:, 1], color="0.25", lw=0.8)
