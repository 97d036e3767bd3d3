"""From where an interrupted run goes on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from pdekit.counts import Statistics
from pdekit.typing import Array


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run at a frame, fields and series apart.

    Parameters
    ----------
    t : float
    method : str
    h, error : float
        Of the step control.
    statistics : dict
    notes : tuple of str
    is_watched : bool
        Whether the stability of explicit steps is looked at.
    radius : float
    radius_age : int
        Of the steps, too; files of former versions have none.

    Examples
    --------
    >>> point = Checkpoint(0.1, "rk4", 0.0, 1.0, {"steps": 3}, (), True)
    >>> Checkpoint.parsed(point.text) == point
    True
    """

    t: float
    method: str
    h: float
    error: float
    statistics: dict[str, Any]
    notes: tuple[str, ...]
    is_watched: bool
    radius: float = 0.0
    radius_age: int = 0

    @property
    def text(self) -> str:
        """As it stands in a file; numbers exactly."""
        return json.dumps(asdict(self))

    @classmethod
    def parsed(cls, text: str) -> Checkpoint:
        """From what stands in a file.

        Raises
        ------
        ValueError, KeyError, TypeError
            It is not what `text` gives.
        """
        given = json.loads(text)
        point = cls(**{**given, "notes": tuple(map(str, given["notes"]))})
        if not all(math.isfinite(number) for number in (point.t, point.h, point.error, point.radius)) or point.h < 0:
            raise ValueError("the time, the step, the error and the radius are finite")
        if not isinstance(point.radius_age, int) or point.radius < 0:
            raise ValueError("steps are counted, a radius is positive")
        if not point.statistics.keys() <= vars(Statistics()).keys():
            raise ValueError("there are no such counts")
        if not isinstance(point.method, str) or not all(isinstance(v, int | float) for v in point.statistics.values()):
            raise TypeError("a method is a text, a count a number")
        return point


class Interrupted(Protocol):
    """What is stored of a run that was interrupted."""

    @property
    def times(self) -> list[float]:
        """Of the frames up to the point from which it goes on."""
        ...

    @property
    def point(self) -> Checkpoint | None:
        """That point; None if the run kept none."""
        ...

    @property
    def series(self) -> Mapping[str, Array]:
        """Numbers step by step, and their times ``t``."""
        ...

    def frame(self, index: int) -> dict[str, Array]:
        """Full arrays by variable."""
        ...
