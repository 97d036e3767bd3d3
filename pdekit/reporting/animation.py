"""The fields of a solution in time, inside of a notebook's page."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from pdekit.reporting.figures import field_figures
from pdekit.reporting.rendering import rendered
from pdekit.solution import Solution


@dataclass(frozen=True)
class Animation:
    """A page with a slider and a play button, which shows itself in notebooks and goes on without a kernel.

    Parameters
    ----------
    html : str
        The page.
    """

    html: str

    def _repr_html_(self) -> str:
        fit = "this.style.height = this.contentDocument.querySelector('main').offsetHeight + 8 + 'px'"
        frame = Markup(
            '<iframe srcdoc="{}" style="width:100%;height:520px;border:0" onload="setTimeout(() => {{ {} }}, 300)"></iframe>'
        )
        return str(frame.format(self.html, fit))


def animation(solution: Solution) -> Animation:
    """The fields of a solution with a slider over its times.

    Parameters
    ----------
    solution : Solution

    Returns
    -------
    Animation

    Examples
    --------
    >>> import pdekit as pk
    >>> rod = pk.Problem(pk.PDE("u_t = u_xx"), pk.Grid(x=pk.Axis(0, 1, 11)), initial={"u": "x"},
    ...                  boundary={"u": {"x": pk.Neumann(0)}})
    >>> 'type="range"' in rod.solve(t_end=0.1, frames=5).animation().html
    True
    """
    frames, figures = field_figures(solution)
    return Animation(rendered("animation.html", figures, frames.times, title=solution.title))
