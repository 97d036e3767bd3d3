"""The matrix M of ``M y' = F(t, y)``: what acts on the rates of the unknowns.

It is the identity in the rows of evolution equations and zero in those of ``0 = ...``, unless rates are differentiated in space, as in
``u_t - u_xxt = F``. Such an operator is discretized by the rows of any other, with the conditions of the rates: those of the
unknowns, their data differentiated in time, which therefore enter, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from pdekit.boundary.face_data import StateConditions
from pdekit.discretize.layout import Block, Layout
from pdekit.discretize.program import Program
from pdekit.errors import BoundaryError
from pdekit.language.equation_system import EquationSystem, Unknown
from pdekit.typing import Array, Matrix


class OperatorOnRates:
    """``P(u_t)`` of all equations of a system, on the grid.

    Parameters
    ----------
    system : EquationSystem
        With operators on rates.
    layout : Layout
        Where the unknowns stand.
    conditions : mapping of Symbol to StateConditions
        Of the unknowns, and of the rates of those of second order in time.
    order : int
        Order of accuracy in space.

    Raises
    ------
    BoundaryError
        Conditions whose data depend on the solution.
    """

    def __init__(
        self, system: EquationSystem, layout: Layout, conditions: Mapping[Any, StateConditions], order: int
    ) -> None:
        self.layout = layout
        evolving = [u for u in system.unknowns if u.time_order]
        rates = tuple(
            Unknown(str(u.highest_rate), 1, u.highest_rate if u.on_rates is None else u.on_rates, u.is_scalar)
            for u in evolving
        )
        for unknown in evolving:
            if conditions[unknown.symbol].of_solution:
                raise BoundaryError(
                    "data that depend on the solution have no known time derivative, which space derivatives of time derivatives need; "
                    "robin with numbers for coefficients has",
                    key=f"boundary.{system.origin(unknown).name}",
                )
        own = replace(system, unknowns=rates, definitions={}, noises=())
        known = {
            r.symbol: conditions[u.rate if u.time_order == 2 else u.symbol].rate() for r, u in zip(rates, evolving)
        }
        self._rates = Layout(layout.grid, own, known, layout.dtype)
        self._program = Program(layout.grid, own, known, order, layout.dtype)
        self._program.check()
        self._unknowns, self._rows = rates, [layout.equation_block(u.name) for u in evolving]
        self.is_constant = all(c.constant for c in known.values())

    @cached_property
    def matrix(self) -> Matrix:
        """M, CSR."""
        frame = self._frame(0.0)
        total = sparse.csr_array((self.layout.size,) * 2, dtype=self.layout.dtype)
        places = np.concatenate([block.offset + np.arange(block.size) for block in self._rows])
        for unknown, block in zip(self._unknowns, self._rows):
            entries = frame.jacobian(unknown.rhs)[self._block(unknown).free].tocoo()
            rows, columns = entries.coords
            total = total + sparse.csr_array((entries.data, (rows + block.offset, places[columns])), shape=total.shape)
        return total

    def of_data(self, t: float) -> Array:
        """What the rates of boundary data contribute to ``P(u_t)``."""
        frame, found = self._frame(t), np.zeros(self.layout.size, dtype=self.layout.dtype)
        for unknown, block in zip(self._unknowns, self._rows):
            found[block.slice] = frame.value(unknown.rhs).ravel()[self._block(unknown).free]
        return found

    def _block(self, unknown: Unknown) -> Block:
        return self._rates.block(unknown.name)

    def _frame(self, t: float) -> Any:
        nothing = self._rates.unpack(t, np.zeros(self._rates.size, dtype=self.layout.dtype))
        states = {block.symbol: nothing[block.name] for block in self._rates.blocks}
        return self._program.frame(t, states, self._rates.selections)
