"""One look for all pictures."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pdekit.errors import StorageError

SEQUENTIAL, DIVERGING = "viridis", "RdBu_r"
COMPUTED, EXACT = "#2166ac", "black"
RC = {
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": "0.9",
    "lines.linewidth": 1.6,
    "image.cmap": SEQUENTIAL,
    "legend.frameon": False,
    "savefig.dpi": 150,
}


class Picture(Figure):
    """A figure that needs no window system, shows itself in notebooks, and saves with one word."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi=110, bbox_inches="tight")
        return stream.getvalue()


def picture(width: float, height: float) -> Picture:
    """An empty picture of a size in inches."""
    made = Picture(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def styled() -> Any:
    """Context in which pdekit's look is in force."""
    return mpl.rc_context(RC)


def colours(values: NDArray[Any]) -> dict[str, Any]:
    """Colour map and limits: diverging about zero if the values have both signs in earnest."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if low < 0 < high and min(-low, high) > 0.1 * max(-low, high):
        reach = max(-low, high)
        return {"cmap": DIVERGING, "vmin": -reach, "vmax": reach}
    return {"cmap": SEQUENTIAL, "vmin": low, "vmax": high if high > low else low + 1.0}


def visible(values: NDArray[Any]) -> tuple[NDArray[Any], str]:
    """Real values to draw, and how they are to be called: the modulus of complex ones."""
    return (np.abs(values), "|{}|") if np.iscomplexobj(values) else (values, "{}")


def save(figure: Figure, path: str | Path) -> None:
    """Write a picture.

    Raises
    ------
    StorageError
        The folder cannot be written, or the ending names no format.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, bbox_inches="tight")  # labels beside panels of a fixed aspect are left out of the layout
    except (OSError, ValueError) as error:
        raise StorageError(f"picture {path} cannot be written: {error}") from None
