"""Picture of a convergence study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pdekit.plotting.style import picture, save, styled
from pdekit.verification.converge import Study


def plot_study(study: Study, *, file: str | Path | None = None) -> Any:
    """Errors over mesh width or step, both logarithmic, with a triangle of the expected slope.

    Parameters
    ----------
    study : Study
    file : path, optional
        Write the picture there.

    Returns
    -------
    Picture
    """
    with styled():
        figure = picture(5.4, 4.2)
        axes = figure.subplots()
        h = np.array(study.widths)
        for name, errors in study.errors.items():
            axes.loglog(h, np.maximum(errors, 1e-300), "o-", label=f"{name}: order {study.orders(name)[-1]:.2f}", ms=5)
        lowest = (
            min(min(e) for e in study.errors.values() if min(e) > 0) if any(map(any, study.errors.values())) else 1e-16
        )
        _triangle(axes, h, lowest, study.expected)
        axes.set_xticks(h, [f"{s:g}" if study.what == "time" else str(s) for s in study.sizes])
        axes.minorticks_off()
        axes.set_xlabel("step" if study.what == "time" else "points along the first axis")
        axes.set_ylabel("max error")
        axes.set_title(f"{study.title}\nagainst {study.against}")
        axes.grid(True)
        axes.legend()
        axes.margins(0.12)
        if study.what != "time":
            axes.invert_xaxis()
    if file is not None:
        save(figure, file)
    return figure


def _triangle(axes: Any, h: Any, lowest: float, order: float) -> None:
    """A slope triangle below the finest point."""
    left, right = float(h.min()), float(np.sqrt(h.min() * h.max()))
    base = 0.45 * lowest
    top = base * (right / left) ** order
    axes.plot([left, right, right, left], [base, base, top, base], color="0.55", lw=1)
    axes.annotate(
        f"{order:g}", (right, np.sqrt(base * top)), xytext=(-9, 0), textcoords="offset points", color="0.4", va="center"
    )
