"""Steps along a branch: predicted along the tangent, corrected by Newton's method on the bordered system.

References
----------
H. B. Keller, "Numerical solution of bifurcation and nonlinear eigenvalue problems", in: P. H. Rabinowitz (ed.), *Applications of
Bifurcation Theory* (1977), 359-384.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pdekit.branches.bordered import BorderedMatrix, BorderedSolver
from pdekit.branches.family import SteadyFamily
from pdekit.nonlinear.newton import Newton, RootProblem, Strategy
from pdekit.typing import Array, Matrix

CORRECTOR = Strategy(10)


@dataclass(frozen=True, eq=False)
class BranchPoint:
    """A solution on the branch.

    Parameters
    ----------
    y : array
        Unknowns.
    p : float
        The parameter.
    tangent : array
        Of the branch, of length 1 in the scaled norm; the last entry belongs to the parameter.
    jacobian : sparse matrix
        dF/du.
    iterations : int
        How many Newton took.
    """

    y: Array
    p: float
    tangent: Array
    jacobian: Matrix
    iterations: int = 0


class ArclengthSteps:
    """Points of a branch at given distances from others.

    The distance is ``|du|^2/scale_u^2 + dp^2/scale_p^2``, |du| being the root mean square over the grid.

    Parameters
    ----------
    family : SteadyFamily
    scale_u, scale_p : float
    counts : Statistics
        Is added to.
    """

    def __init__(self, family: SteadyFamily, scale_u: float, scale_p: float, counts: Any) -> None:
        self.family, self.counts = family, counts
        weights = np.concatenate([family.grid.weights.ravel()[block.free] for block in family.blocks])
        self._weights = weights / weights.sum()
        self.metric = np.append(self._weights / scale_u**2, scale_p**-2)
        self._blocks = [block.slice for block in family.blocks]

    def dot(self, a: Array, b: Array) -> float:
        """The scaled inner product."""
        return float(np.sum(self.metric * a * b))

    def length(self, a: Array) -> float:
        """The scaled norm."""
        return float(np.sqrt(self.dot(a, a)))

    def distance(self, a: BranchPoint, b: BranchPoint) -> float:
        """How far two points are from each other."""
        return self.length(np.append(b.y - a.y, b.p - a.p))

    def size(self, x: Array) -> float:
        """Root mean square over the grid of all but the last entry, unscaled."""
        return float(np.sqrt(np.sum(self._weights * x[:-1] ** 2)))

    def first(self, y: Array, p: float, direction: float) -> BranchPoint:
        """The point of a solution, with the tangent along which the parameter goes in a direction."""
        J = self.family.jacobian(y, p)
        return BranchPoint(y, p, self._tangent(y, p, J, np.append(np.zeros(y.size), direction)), J)

    def ahead(self, point: BranchPoint, distance: float) -> BranchPoint:
        """The point at a distance along the tangent: pseudo-arclength continuation.

        Raises
        ------
        SolverError
            It was not found.
        """
        row = self.metric * point.tangent
        return self._corrected(point, distance * point.tangent, row)

    def onto(self, point: BranchPoint, p: float) -> BranchPoint:
        """The point at a value of the parameter: natural continuation.

        Raises
        ------
        SolverError
            It was not found.
        """
        row = np.append(np.zeros(point.y.size), self.metric[-1] * point.tangent[-1])
        return self._corrected(point, (p - point.p) / point.tangent[-1] * point.tangent, row)

    def between(self, a: BranchPoint, b: BranchPoint) -> BranchPoint:
        """The mean of two points close to each other."""
        y, p = 0.5 * (a.y + b.y), 0.5 * (a.p + b.p)
        return BranchPoint(y, p, 0.5 * (a.tangent + b.tangent), self.family.jacobian(y, p))

    def _corrected(self, point: BranchPoint, move: Array, row: Array) -> BranchPoint:
        """The root of F where ``row . (x - x_point - move) = 0``."""
        family, start = self.family, np.append(point.y, point.p) + move
        problem = RootProblem(
            lambda x: np.append(family.residual(x[:-1], x[-1]), row @ (x - start)),
            lambda x: self._bordered(x[:-1], x[-1], row),
            lambda x: np.append(abs(family.jacobian(x[:-1], x[-1])) @ np.abs(x[:-1]), abs(row) @ np.abs(x)),
            self._blocks,
        )
        newton = Newton(CORRECTOR, lambda matrix: BorderedSolver(matrix, family.solvers.factorise), self.counts)
        root = newton.solve(problem, start)
        y, p = root.x[:-1], float(root.x[-1])
        J = family.jacobian(y, p)
        tangent = self._tangent(y, p, J, self.metric * point.tangent)
        return BranchPoint(y, p, tangent, J, root.iterations)

    def _bordered(self, y: Array, p: float, row: Array) -> BorderedMatrix:
        return BorderedMatrix(self.family.jacobian(y, p), self.family.slope(y, p), row[:-1], float(row[-1]))

    def _tangent(self, y: Array, p: float, J: Matrix, row: Array) -> Array:
        """``J u' + F_p p' = 0``, in the half space of a row."""
        matrix = BorderedMatrix(J, self.family.slope(y, p), row[:-1], float(row[-1]))
        self.counts.factorisations += 1
        found = BorderedSolver(matrix, self.family.solvers.factorise).solve(np.append(np.zeros(y.size), 1.0))
        return np.asarray(found / self.length(found))
