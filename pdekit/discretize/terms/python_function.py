"""A right-hand side that is a Python function, as a term of the system."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import sparse

from pdekit.discretize.colouring import ColouredJacobian, box_pattern
from pdekit.discretize.layout import Layout
from pdekit.errors import GridError
from pdekit.geometry.values import call_by_name
from pdekit.language.equation_system import EquationSystem
from pdekit.typing import Array, Matrix


class PythonFunction:
    """du/dt as a function of named arrays; its Jacobian by coloured complex steps or differences.

    Parameters
    ----------
    layout : Layout
    system : EquationSystem
        With the function, and how far it looks.
    """

    def __init__(self, layout: Layout, system: EquationSystem) -> None:
        assert system.function is not None
        self.layout, self.function = layout, system.function
        self.unknowns = [u.name for u in system.unknowns]
        self.parameters = {str(s): v for s, v in system.parameters.items()}
        one = sparse.csr_array(box_pattern(layout.grid, system.reach))
        rows = [sparse.hstack([one[b.free][:, c.free] for c in layout.blocks]) for b in layout.blocks]
        self._coloured = ColouredJacobian(sparse.csr_array(sparse.vstack(rows)))

    def value(self, t: float, y: Array) -> Array:
        """The right-hand side.

        Raises
        ------
        GridError
            The function returned other unknowns, another shape, or complex numbers for real unknowns.
        """
        layout, grid = self.layout, self.layout.grid
        given = {**grid.coordinates, **self.parameters, **layout.unpack(t, y), "t": t, "grid": grid}
        answer = call_by_name(self.function, given)
        found = answer if isinstance(answer, Mapping) else {self.unknowns[0]: answer}
        if set(found) != set(self.unknowns):
            raise GridError(f"the right-hand side returned {sorted(found)}, the unknowns are {self.unknowns}")
        result = np.zeros(layout.size, dtype=np.result_type(layout.dtype, y.dtype))
        for name, rate in found.items():
            values = np.asarray(rate)
            if values.shape not in ((), grid.shape):
                raise GridError(f"the rate of {name!r} has shape {values.shape}, the grid needs {grid.shape}")
            if np.iscomplexobj(values) and not np.iscomplexobj(result):
                raise GridError(
                    f"the rate of {name!r} is complex, its initial state is real; give it as complex numbers"
                )
            block = layout.block(name)
            result[block.slice] = np.broadcast_to(values, grid.shape).ravel()[block.free]
        return result

    def jacobian(self, t: float, y: Array) -> Matrix:
        """Its Jacobian, CSR."""
        return self._coloured.evaluate(lambda z: self.value(t, z), y)
