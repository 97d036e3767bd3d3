r"""Implicit-explicit Runge-Kutta methods: linear terms and data implicitly, the rest explicitly.

``y' = G(t, y) + N(t, y)`` with ``G = L y + b(t)``, the terms that are linear with coefficients constant in time. Stage i solves

    (1 - h gamma L) U_i = y + h sum_{j<i} (a_ij G_j + a^E_ij N_j) + h gamma b(t + c_i h).

One matrix serves all stages, and all steps of one length.

References
----------
U. M. Ascher, S. J. Ruuth and R. J. Spiteri, Appl. Numer. Math. 25 (1997) 151-167. C. A. Kennedy and M. H. Carpenter, Appl. Numer.
Math. 44 (2003) 139-181.
"""

from __future__ import annotations

import numpy as np

from pdekit.counts import Statistics
from pdekit.discretize.system import SemiDiscrete
from pdekit.time.implicit_explicit_tables import ImplicitExplicitTableau
from pdekit.time.kept_factors import KeptFactors
from pdekit.time.splitting import Splitting
from pdekit.time.stepper import Tolerance, VectorStepper
from pdekit.typing import Array

KEPT = 4  # lengths of steps whose factors are kept


class ImplicitExplicit(VectorStepper):
    """A method given by its pair of tables.

    Parameters
    ----------
    system : SemiDiscrete
    tableau : ImplicitExplicitTableau
    splitting : Splitting
    statistics : Statistics
    """

    def __init__(
        self, system: SemiDiscrete, tableau: ImplicitExplicitTableau, splitting: Splitting, statistics: Statistics
    ) -> None:
        self.system, self.tableau, self.splitting, self.statistics = system, tableau, splitting, statistics
        self.error_order = tableau.error_order
        self._linear = KeptFactors(splitting.resolvent, statistics, KEPT)

    def rate(self, t: float, Y: Array) -> Array:
        self.statistics.evaluations += 1
        return self.system.rhs(t, Y)

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        table, splitting = self.tableau, self.splitting
        hg = h * table.gamma
        solver = self._linear.at(hg)
        N = [self._explicit(t, Y)]
        G = [splitting.implicit(t, Y)]
        for i in range(1, len(table.c)):
            known = (
                Y
                + h * sum(a * g for a, g in zip(table.implicit[i], G))
                + h * sum(a * n for a, n in zip(table.explicit[i], N))
            )
            at = t + table.c[i] * h
            U = solver.solve(np.asarray(known + hg * splitting.b(at)))
            G.append((U - known) / hg)
            N.append(self._explicit(at, U))
        out[...] = (
            Y
            + h * sum(b * g for b, g in zip(table.b_implicit, G))
            + h * sum(b * n for b, n in zip(table.b_explicit, N))
        )
        if tolerance is None:
            return 0.0
        gap = h * sum(w * (g + n) for w, g, n in zip(table.error, G, N))
        return tolerance.norm(solver.solve(np.asarray(gap)), Y, out)

    def _explicit(self, t: float, y: Array) -> Array:
        self.statistics.evaluations += 1
        return self.splitting.explicit(t, y)
