"""Singular points between two points of a branch: which kind, and where.

A fold is where the tangent's part along the parameter changes sign. Elsewhere a number of unstable modes that changes tells that
eigenvalues have passed the imaginary axis: a real one, where another branch crosses, or a pair (Hopf). Each is located by a bracketing
root-finder along the arc, every trial being a corrected point.

References
----------
R. Seydel, *Practical Bifurcation and Stability Analysis* (2010), chapters 2 and 5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import brentq

from pdekit.branches.arclength import ArclengthSteps, BranchPoint
from pdekit.branches.branch import Kind
from pdekit.branches.rightmost import RightmostEigenvalues
from pdekit.errors import SolverError
from pdekit.typing import Array

SHARP = 1e-9  # where along the arc, beside the step
BESIDE = 1e-3  # distance, beside the step, of points whose mean stands for one where Newton's method fails
SAME = 1e-4  # distance, beside the step, of eigenvalues that pass together: a pair, or the one of a fold


@dataclass(frozen=True, eq=False)
class Crossing:
    """A singular point: its kind, its solution, how far along the step it lies, and the frequency of a Hopf point."""

    kind: Kind
    point: BranchPoint
    distance: float
    frequency: float = 0.0


@dataclass(frozen=True, eq=False)
class Interval:
    """Two points of a branch, one after the other, the numbers of their unstable modes, and the eigenvalues of the first."""

    before: BranchPoint
    after: BranchPoint
    unstable_before: int
    unstable_after: int
    eigenvalues: Array


def crossings(steps: ArclengthSteps, spectrum: RightmostEigenvalues, interval: Interval) -> list[Crossing]:
    """The singular points of an interval, in order.

    Parameters
    ----------
    steps : ArclengthSteps
    spectrum : RightmostEigenvalues
    interval : Interval

    Returns
    -------
    list of Crossing
        What cannot be located, because the branch is not found between the points, is left out.
    """
    a, b = interval.before, interval.after
    length = steps.dot(a.tangent, np.append(b.y - a.y, b.p - a.p))
    trials: dict[float, BranchPoint] = {0.0: a, length: b}

    def at(distance: float) -> BranchPoint:
        if distance not in trials:
            try:
                trials[distance] = steps.ahead(a, distance)
            except SolverError:  # where branches cross, the bordered matrix is singular too
                sides = [steps.ahead(a, distance + beside * length) for beside in (-BESIDE, BESIDE)]
                trials[distance] = steps.between(*sides)
        return trials[distance]

    def root(value: Callable[[BranchPoint], float]) -> float | None:
        if value(a) * value(b) >= 0:
            return None
        try:
            return float(brentq(lambda s: value(at(s)), 0.0, length, xtol=SHARP * length, rtol=1e-14))
        except SolverError:
            return None

    found: list[Crossing] = []
    fold = root(lambda point: float(point.tangent[-1]))
    if fold is not None:
        found.append(Crossing("fold", at(fold), fold))
    low, high = sorted((interval.unstable_before, interval.unstable_after))
    if fold is not None and high - low == 1:
        return found
    values_at = partial(spectrum.values, known=interval.eigenvalues)
    for mode in range(low, high):
        where = root(lambda point, k=mode: float(spectrum.signs(values_at(point.jacobian))[k]))  # type: ignore[misc]
        if where is None or any(abs(c.distance - where) <= SAME * length for c in found):
            continue
        frequency = spectrum.frequency(values_at(at(where).jacobian), mode)
        found.append(Crossing("Hopf" if frequency else "branch point", at(where), where, frequency))
    return sorted(found, key=lambda c: c.distance)
