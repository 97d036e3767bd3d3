"""Pages from templates, with their figures, style and script inside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

import matplotlib as mpl
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pdekit.reporting.figures import Figure


def rendered(template: str, figures: Sequence[Figure], times: Sequence[float], **values: Any) -> str:
    """A page that needs nothing else.

    Parameters
    ----------
    template : str
        Its name in ``templates/``.
    figures : sequence of Figure
        In the order in which the template shows them.
    times : sequence of float
        Of their frames.
    **values
        What else the template asks for.
    """
    environment = Environment(
        loader=PackageLoader("pdekit.reporting"), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    folder = resources.files("pdekit.reporting") / "templates"
    maps = {figure.data["colours"] for figure in figures if "colours" in figure.data}
    data = {
        "times": [float(f"{t:.9g}") for t in times] or [0.0],
        "figures": [figure.as_json() for figure in figures],
        "colours": {name: _colour_table(name) for name in maps},
    }
    return environment.get_template(template).render(
        values,
        shown=figures,
        times=times,
        data=Markup(json.dumps(data, separators=(",", ":")).replace("</", "<\\/")),
        style=Markup((folder / "report.css").read_text("utf-8")),
        script=Markup((folder / "figures.js").read_text("utf-8")),
    )


def _colour_table(name: str) -> str:
    """256 colours, six hexadecimal digits each."""
    colours: Any = mpl.colormaps[name](np.linspace(0, 1, 256), bytes=True)
    return bytes(colours[:, :3].tobytes()).hex()
