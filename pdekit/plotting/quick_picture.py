"""Fields as small pieces of HTML that are made in milliseconds: curves as SVG, maps as pictures of a pixel a node."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.image import imsave

from pdekit.geometry.grid import Grid
from pdekit.plotting.plane import axis_label, caption, closed
from pdekit.plotting.style import COMPUTED
from pdekit.plotting.terminal_screen import MOST_PANELS, SteadyLimits, TerminalScreen
from pdekit.typing import Array

WIDTH, HEIGHT = 420, 240  # of a curve, in pixels
MAP = 320
MOST_NODES = 1000  # of a curve


class QuickPicture:
    """The fields of a grid as HTML, with the variables, limits and pixels of a terminal's screen.

    Parameters
    ----------
    grid, names, labels
        As of `TerminalScreen`.
    """

    def __init__(self, grid: Grid, names: Sequence[str], labels: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self.screen = TerminalScreen(grid, names, labels or {})

    def html(self, status: str, fields: Mapping[str, Array]) -> str:
        """The fields of one moment."""
        draw = self._curve if self.screen.grid.ndim == 1 else self._map
        parts = "".join(
            f'<figure style="margin:0 16px 0 0">{draw(n, fields[n])}</figure>' for n in self.screen.names[:MOST_PANELS]
        )
        return f'<div style="display:flex;flex-wrap:wrap">{parts}</div><div><code>{html.escape(status)}</code></div>'

    def _title(self, name: str, pattern: str, low: float, high: float) -> str:
        words = pattern.format(caption(name, self.screen.labels.get(name, {})))
        return f"<figcaption><b>{html.escape(words)}</b> {low:.4g} to {high:.4g}</figcaption>"

    def _curve(self, name: str, values: Array) -> str:
        shown, pattern = self.screen.shown(values)
        low, high = self.screen.limits.setdefault(name, SteadyLimits()).include(shown)
        x, y = closed(self.screen.grid, 0, shown)
        every = max(1, x.size // MOST_NODES)
        across = (x[::every] - x[0]) / (x[-1] - x[0]) * WIDTH
        down = np.nan_to_num((high - y[::every]) / (high - low), nan=0.5).clip(-1, 2) * HEIGHT
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, down))
        frame = f'<svg width="{WIDTH}" height="{HEIGHT}" style="border:1px solid #999;background:white">'
        line = f'<polyline points="{points}" fill="none" stroke="{COMPUTED}" stroke-width="1.6"/></svg>'
        ends = f"{html.escape(axis_label(self.screen.grid, self.screen.grid.names[0]))}: {x[0]:g} to {x[-1]:g}"
        return f"{self._title(name, pattern, low, high)}{frame}{line}<div>{ends}</div>"

    def _map(self, name: str, values: Array) -> str:
        shown, pattern = self.screen.shown(values)
        pixels, look, _ = self.screen.pixels(shown, MAP, MAP // 2)
        stream = io.BytesIO()
        imsave(stream, pixels, format="png")
        data = base64.b64encode(stream.getvalue()).decode()
        picture = f'<img src="data:image/png;base64,{data}" width="{pixels.shape[1]}" alt="{html.escape(name)}">'
        return f"{self._title(name, pattern, look['vmin'], look['vmax'])}{picture}"
