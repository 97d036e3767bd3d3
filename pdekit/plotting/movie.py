"""Movies of a solution: animated GIF or MP4."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.animation import FFMpegWriter, PillowWriter

from pdekit.errors import PdekitError, StorageError
from pdekit.plotting.field_picture import draw_map
from pdekit.plotting.plane import axis_label, closed, moment, planes
from pdekit.plotting.solution_picture import choose_variable, label_of
from pdekit.plotting.style import COMPUTED, EXACT, colours, picture, styled, visible
from pdekit.solution import Solution

WRITERS = (".gif", ".mp4")


def animate(solution: Solution, path: str | Path, name: str | None = None, *, rate: int = 12) -> None:
    """Write a movie of all stored frames.

    Parameters
    ----------
    solution : Solution
        With at least two frames.
    path : str or Path
        Ending in .gif, or .mp4 (needs the extra `video`, or an ffmpeg on the machine).
    name : str, optional
        The variable; default is the first.
    rate : int, default 12
        Frames a second.

    Raises
    ------
    StorageError
        Another ending, no ffmpeg, or an unwritable place.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITERS:
        raise StorageError(f"movie {path}: the ending must be one of {', '.join(WRITERS)}")
    if solution.steady or solution.times.size < 2:
        raise PdekitError("a movie needs at least two stored times")
    name = choose_variable(solution, name)
    with styled():
        figure, draw = stage(solution, name)
        writer = _writer(path, rate)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draw(
                0
            )  # what fails here fails before the writer begins, which without a frame hides the error by one of its own
            with writer.saving(figure, str(path), dpi=110):
                for index in range(solution.times.size):
                    draw(index)
                    writer.grab_frame()
        except OSError as error:
            raise StorageError(f"movie {path} cannot be written: {error}") from None


def _writer(path: Path, rate: int) -> Any:
    if path.suffix.lower() == ".gif":
        return PillowWriter(fps=rate)
    try:
        import imageio_ffmpeg

        mpl.rcParams["animation.ffmpeg_path"] = imageio_ffmpeg.get_ffmpeg_exe()
    except ImportError:
        if not FFMpegWriter.isAvailable():
            raise StorageError(
                f"movie {path}: MP4 needs ffmpeg; pip install 'pdekit[video]', or write a .gif"
            ) from None
    return FFMpegWriter(
        fps=rate, codec="libx264", extra_args=["-pix_fmt", "yuv420p", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2"]
    )


def stage(solution: Solution, name: str) -> tuple[Any, Any]:
    """The empty figure, and what draws a frame into it, by its index."""
    grid = solution.grid
    everything, pattern = visible(solution.values[name])
    label = pattern.format(label_of(solution, name))
    limits = colours(everything)
    if grid.ndim == 1:
        return _line_stage(solution, name, everything, label)
    if grid.ndim == 2:
        figure = picture(5.4, 4.6)
        panels = [figure.subplots()]
    else:
        figure = picture(11, 3.8)
        panels = list(figure.subplots(1, 3))

    bars: list[Any] = []

    def draw(index: int) -> None:
        for axes, (where, plane) in zip(panels, planes(grid, everything[index])):
            axes.clear()
            mesh = draw_map(axes, plane, **limits)
            axes.set_title(where)
        if not bars:
            bars.append(figure.colorbar(mesh, ax=panels, label=label))
        figure.suptitle(f"{solution.title}   {moment(solution.times[index], solution.labels)}")

    return figure, draw


def _line_stage(solution: Solution, name: str, everything: Any, label: str) -> tuple[Any, Any]:
    grid = solution.grid
    figure = picture(5.6, 3.8)
    axes = figure.subplots()
    x, first = closed(grid, 0, everything[0])
    (line,) = axes.plot(x, first, color=COMPUTED, label="computed")
    exact = None
    if name in solution.exact_names:
        (exact,) = axes.plot(x, first, "--", color=EXACT, lw=1, label="exact")
        axes.legend(loc="upper right")
    low, high = float(np.nanmin(everything)), float(np.nanmax(everything))
    pad = 0.05 * (high - low or 1.0)
    axes.set(xlabel=axis_label(grid, grid.names[0]), ylabel=label, ylim=(low - pad, high + pad))
    axes.margins(x=0)

    def draw(index: int) -> None:
        line.set_ydata(closed(grid, 0, everything[index])[1])
        if exact is not None:
            exact.set_ydata(closed(grid, 0, visible(solution.exact_field(name, index).values)[0])[1])
        axes.set_title(f"{solution.title}   {moment(solution.times[index], solution.labels)}")

    return figure, draw
