"""A look at a run while it goes on: the fields in the terminal, or in a notebook, about ten times a second.

A picture is drawn only when the last one was made long enough ago: thirty times as long as it took, so that looking costs less than
4 % of the time.
"""

from __future__ import annotations

import sys
import time as clock
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from pdekit.errors import ConfigError
from pdekit.geometry.grid import Grid
from pdekit.progress import spoken_duration
from pdekit.solution import Solution
from pdekit.typing import Array

SECONDS = 0.1  # from picture to picture
SPARE = 30.0  # how many times the time of a picture goes by until the next one
MOST_DIMENSIONS = 3
ROOM_BELOW = 2  # lines of a terminal
MOST_HEIGHT = 40
Fields = Callable[[], Mapping[str, Array]]


class Surface(Protocol):
    """Where pictures appear."""

    def show(self, status: str, fields: Mapping[str, Array]) -> None: ...

    def close(self) -> None: ...


class LiveView:
    """Shows the fields of a run as it goes on.

    Parameters
    ----------
    surface : Surface
    start, end : float
        Of the run.
    unit : str
        Of time.
    """

    def __init__(self, surface: Surface, start: float, end: float, unit: str = "") -> None:
        self.surface, self.start, self.end, self.unit = surface, start, end, f" {unit}" if unit else ""
        self._begun = clock.monotonic()
        self._due = 0.0

    def __call__(self, t: float, fields: Fields, steps: int) -> None:
        """After a step: a picture, if it is time for one, and at the end."""
        now = clock.monotonic()
        if now < self._due and t < self.end:
            return
        self.surface.show(self._status(t, steps, now - self._begun), fields())
        done = clock.monotonic()
        self._due = done + max(SECONDS, SPARE * (done - now))

    def _status(self, t: float, steps: int, seconds: float) -> str:
        share = (t - self.start) / (self.end - self.start)
        left = f"   {spoken_duration(seconds * (1 - share) / share)} left" if 0 < share < 1 else ""
        rate = f"   {steps / max(seconds, 1e-9):,.3g} steps/s" if steps else ""
        return f"t = {t:.4g} of {self.end:.4g}{self.unit}   {steps:,} steps{rate}{left}"

    def close(self) -> None:
        """The last picture stays."""
        self.surface.close()


class TerminalSurface:
    """A terminal, by rich.

    Parameters
    ----------
    grid, names, labels
        As of `pdekit.plotting.terminal_screen.TerminalScreen`.
    console : rich.console.Console, optional
        By default the standard error.
    """

    def __init__(self, grid: Grid, names: Sequence[str], labels: Mapping[str, Any], console: Any = None) -> None:
        from rich.console import Console
        from rich.live import Live

        from pdekit.plotting.terminal_screen import TerminalScreen

        self.console = console or Console(stderr=True)
        self.screen = TerminalScreen(grid, names, labels)
        self._live = Live(console=self.console, auto_refresh=False, vertical_overflow="crop")
        self._live.start()

    def show(self, status: str, fields: Mapping[str, Array]) -> None:
        from rich.console import Group
        from rich.text import Text

        width, height = self.console.size
        picture = self.screen.draw(fields, width - 1, min(height - ROOM_BELOW, MOST_HEIGHT))
        self._live.update(Group(picture, Text(status, style="bold green", no_wrap=True)), refresh=True)

    def close(self) -> None:
        self._live.stop()


class NotebookSurface:
    """The output of a cell.

    Parameters
    ----------
    grid, names, labels
        As of `pdekit.plotting.quick_picture.quick_html`.
    """

    def __init__(self, grid: Grid, names: Sequence[str], labels: Mapping[str, Any]) -> None:
        from IPython.display import HTML, display

        from pdekit.plotting.quick_picture import QuickPicture

        self._html, self.picture = HTML, QuickPicture(grid, names, labels)
        self._handle = display(HTML(""), display_id=True)

    def show(self, status: str, fields: Mapping[str, Array]) -> None:
        self._handle.update(self._html(self.picture.html(status, fields)))

    def close(self) -> None:
        pass


def in_notebook() -> bool:
    """Whether the code runs in a kernel that shows pictures."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    return shell is not None and hasattr(shell, "kernel")


def live_view(
    grid: Grid, names: Sequence[str], labels: Mapping[str, Any], start: float, end: float, console: Any = None
) -> LiveView:
    """A view in the notebook, or in the terminal.

    Raises
    ------
    ConfigError
        More than three dimensions.
    """
    if grid.ndim > MOST_DIMENSIONS:
        raise ConfigError(f"fields in {grid.ndim} dimensions are not drawn", key="watch")
    surface: Surface
    if console is None and in_notebook():
        surface = NotebookSurface(grid, names, labels)
    else:
        surface = TerminalSurface(grid, names, labels, console)
    return LiveView(surface, start, end, labels.get("t", {}).get("units", ""))


def watch(solution: Solution, seconds: float = SECONDS, console: Any = None) -> None:
    """Show the stored frames of a solution one after the other, in the notebook or the terminal.

    Parameters
    ----------
    solution : Solution
    seconds : float
        From frame to frame.
    console : rich.console.Console, optional
        Where, instead of the standard error.

    Raises
    ------
    ConfigError
        It is steady, or has more than three dimensions.
    """
    if solution.steady:
        raise ConfigError("the solution is steady: there is nothing to watch; solution.plot() draws it", key="watch")
    view = live_view(
        solution.grid,
        solution.shown_variables,
        solution.labels,
        float(solution.times[0]),
        float(solution.times[-1]),
        console,
    )
    try:
        for snapshot in solution:
            fields = {name: field.values for name, field in snapshot.items()}
            view.surface.show(f"t = {snapshot.t:.4g}{view.unit}", fields)
            clock.sleep(seconds)
    finally:
        view.close()
