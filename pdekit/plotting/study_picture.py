"""Picture of a convergence study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pdekit.plotting.style import picture, save, styled
from pdekit.verification.study import Study


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
            (line,) = axes.loglog(h, np.maximum(errors, 1e-300), "o-", label=_label(study, name, "max"), ms=5)
            if "L2" in study.integral_errors:
                averages = np.maximum(study.errors_in("L2")[name], 1e-300)
                axes.loglog(h, averages, "s--", color=line.get_color(), label=_label(study, name, "L2"), ms=3.5, lw=1)
        drawn = [study.errors, *([study.integral_errors["L2"]] if "L2" in study.integral_errors else [])]
        positive = [error for errors in drawn for e in errors.values() for error in e if error > 0]
        _triangle(axes, h, min(positive, default=1e-16), study.expected)
        axes.set_xticks(h, [f"{s:g}" if study.what == "time" else str(s) for s in study.sizes])
        axes.minorticks_off()
        axes.set_xlabel("step" if study.what == "time" else "points along the first axis")
        axes.set_ylabel("error")
        axes.set_title(f"{study.title}\nagainst {study.against}")
        axes.grid(True)
        axes.legend()
        axes.margins(0.12)
        if study.what != "time":
            axes.invert_xaxis()
    if file is not None:
        save(figure, file)
    return figure


def _label(study: Study, name: str, norm: str) -> str:
    return f"{name}, {norm}: order {study.orders(name, norm)[-1]:.2f}"


def _triangle(axes: Any, h: Any, lowest: float, order: float) -> None:
    """A slope triangle below the finest point."""
    left, right = float(h.min()), float(np.sqrt(h.min() * h.max()))
    base = 0.45 * lowest
    top = base * (right / left) ** order
    axes.plot([left, right, right, left], [base, base, top, base], color="0.55", lw=1)
    axes.annotate(
        f"{order:g}", (right, np.sqrt(base * top)), xytext=(-9, 0), textcoords="offset points", color="0.4", va="center"
    )
