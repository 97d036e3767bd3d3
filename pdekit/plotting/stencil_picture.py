"""Picture of a stencil: its molecule, and what it makes of waves."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from pdekit.discretize.molecule import Molecule, Stencil
from pdekit.errors import PdekitError
from pdekit.plotting.style import COMPUTED, picture, save, styled


def plot_stencil(stencil: Stencil, *, place: str = "interior", file: str | Path | None = None) -> Any:
    """Draw a molecule, and in one dimension its modified wavenumber beside it.

    Parameters
    ----------
    stencil : Stencil
    place : str, default "interior"
        Which molecule.
    file : path, optional
        Write the picture there.

    Returns
    -------
    Picture
    """
    molecule = stencil[place]
    if len(molecule.names) > 2:
        raise PdekitError("molecules are drawn in one and two dimensions")
    one = len(molecule.names) == 1
    with styled():
        figure = picture(9.5 if one else 4.8, 3.3 if one else 4.8)
        panels = figure.subplots(1, 2, width_ratios=(1.4, 1)) if one else [figure.subplots()]
        _molecule(panels[0], molecule)
        if one:
            _wavenumber(panels[1], molecule)
        figure.suptitle(textwrap.fill(molecule.expansion(), 110 if one else 52), fontsize=10)
    if file is not None:
        save(figure, file)
    return figure


def _molecule(axes: Any, molecule: Molecule) -> None:
    """Nodes as discs, blue for positive and red for negative weights, the weights written into them."""
    rational = molecule.rational
    points = np.array([o if len(o) == 2 else (o[0], 0) for o in molecule.weights], dtype=float)
    low, high = points.min(axis=0) - 0.8, points.max(axis=0) + 0.8
    for a in (0, 1):
        for line in np.arange(np.ceil(low[a]), high[a]):
            ends = [[line, line], [low[1 - a], high[1 - a]]]
            axes.plot(*(ends if a == 0 else ends[::-1]), color="0.88", lw=1, zorder=0)
    for (x, y), (offset, w) in zip(points, molecule.weights.items()):
        colour = COMPUTED if w > 0 else "#b2182b"
        axes.plot(x, y, "o", ms=34, color=colour, alpha=0.16 if any(offset) else 0.3, mec="none")
        axes.text(
            x, y, str(rational[offset]) if rational else f"{w:.3g}", ha="center", va="center", color=colour, fontsize=10
        )
    n = molecule.derivative
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    axes.axis("off")
    if rational and n:
        axes.set_title(f"weights times h{f'^{n}' if n > 1 else ''}", fontsize=9.5)


def _wavenumber(axes: Any, molecule: Molecule) -> None:
    theta = np.linspace(0, np.pi, 200)
    k = molecule.modified_wavenumber(theta)
    axes.plot(theta, theta, "--", color="0.5", lw=1, label="exact")
    axes.plot(theta, k.real, color=COMPUTED, label="stencil")
    if np.max(np.abs(k.imag)) > 1e-9:
        axes.plot(theta, k.imag, color="#b2182b", label="damping (imaginary part)")
    axes.set(xlabel="wavenumber k h", ylabel="modified wavenumber k' h", xlim=(0, np.pi))
    axes.set_xticks([0, np.pi / 2, np.pi], ["0", "π/2", "π"])
    axes.legend(fontsize=8.5)
