"""A complex system as a real one of twice the size: what implicit methods need where abs or conj leave no complex Jacobian."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from pdekit.discretize.system import SemiDiscrete
from pdekit.typing import Array, Matrix


@dataclass(frozen=True)
class PairBlock:
    """The real or imaginary parts of one state."""

    name: str
    slice: slice


class RealPairs:
    """``z' = F(z)`` for ``z = (Re y, Im y)``: real parts first, imaginary parts behind.

    Parameters
    ----------
    system : SemiDiscrete
        Complex.

    Examples
    --------
    >>> import numpy as np
    >>> RealPairs.split(np.array([1 + 2j, 3j])), RealPairs.joined(np.array([1.0, 0, 2, 3]))
    (array([1., 0., 2., 3.]), array([1.+2.j, 0.+3.j]))
    """

    is_linear = False
    bounds = None
    b_is_constant, changes_in_time = True, True  # what comes from outside is not told apart
    dtype = np.dtype(float)

    def __init__(self, system: SemiDiscrete) -> None:
        self.system, self.grid = system, system.grid
        self.evolves, self.size = system.evolves, 2 * system.size
        self.algebraic, self.couples_rates = np.tile(system.algebraic, 2), system.couples_rates
        M = system.mass
        parts = ((M.real, -M.imag), (M.imag, M.real)) if np.iscomplexobj(M.data) else ((M, None), (None, M))
        self.mass: Matrix = sparse.csr_array(sparse.block_array(parts))

    @staticmethod
    def split(y: Array) -> Array:
        """The real vector of a complex one."""
        return np.concatenate([y.real, y.imag])

    @staticmethod
    def joined(z: Array) -> Array:
        """The complex vector of a real one."""
        real, imaginary = np.split(z, 2)
        return np.asarray(real + 1j * imaginary)

    @property
    def blocks(self) -> Sequence[PairBlock]:
        """The parts of all states."""
        own = self.system.blocks
        return [
            PairBlock(b.name, slice(b.offset + k * self.system.size, b.offset + b.size + k * self.system.size))
            for k in (0, 1)
            for b in own
        ]

    def rhs(self, t: float, z: Array) -> Array:
        """The right-hand side."""
        return self.split(self.system.rhs(t, self.joined(z)))

    def jacobian(self, t: float, z: Array) -> Matrix:
        """Its exact Jacobian, CSR."""
        J = self.system.paired_jacobian(t, self.joined(z))
        return sparse.csr_array(sparse.vstack([J.real, J.imag]))
