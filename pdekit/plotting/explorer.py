"""A solution in a notebook, with a slider over its times."""

from __future__ import annotations

import io
from typing import Any

from pdekit.errors import PdekitError
from pdekit.plotting.movie import stage
from pdekit.plotting.plane import moment
from pdekit.plotting.solution_picture import choose_variable
from pdekit.plotting.style import styled
from pdekit.solution import Solution

MILLISECONDS = 120  # from frame to frame when it plays


def explore(solution: Solution, name: str | None = None) -> Any:
    """A widget with a slider over the stored times, and a choice of the variable.

    Parameters
    ----------
    solution : Solution
        With at least two frames, in up to three dimensions.
    name : str, optional
        The variable that is shown first.

    Returns
    -------
    ipywidgets.VBox

    Raises
    ------
    PdekitError
        There is no ipywidgets, or nothing to slide over.
    """
    try:
        import ipywidgets
    except ImportError:
        raise PdekitError(
            "explore() needs ipywidgets: pip install 'pdekit[explore]'; solution.animation() has a slider without it"
        ) from None
    if len(solution) < 2:
        raise PdekitError("there is one frame only; solution.plot() draws it")
    if solution.grid.ndim > 3:
        raise PdekitError(f"fields in {solution.grid.ndim} dimensions are not drawn")
    stages: dict[str, Any] = {}
    picture = ipywidgets.Image(format="png")
    last = len(solution) - 1
    play = ipywidgets.Play(min=0, max=last, interval=MILLISECONDS)
    slider = ipywidgets.IntSlider(min=0, max=last, readout=False, layout=ipywidgets.Layout(flex="1"))
    clock = ipywidgets.Label()
    variable = ipywidgets.Dropdown(options=solution.shown_variables, value=choose_variable(solution, name))
    ipywidgets.jslink((play, "value"), (slider, "value"))

    def show(*_: Any) -> None:
        with styled():
            if variable.value not in stages:
                stages[variable.value] = stage(solution, variable.value)
            figure, draw = stages[variable.value]
            draw(slider.value)
            stream = io.BytesIO()
            figure.savefig(stream, format="png", dpi=100)
        picture.value = stream.getvalue()
        clock.value = moment(solution.times[slider.value], solution.labels, 5)

    slider.observe(show, "value")
    variable.observe(show, "value")
    show()
    choice = [variable] if len(solution.shown_variables) > 1 else []
    return ipywidgets.VBox([ipywidgets.HBox([play, slider, clock, *choice]), picture])
