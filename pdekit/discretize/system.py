"""The system of ordinary differential equations that a discretized problem is.

``M y' = L y + b(t) + N(t, y)``: the unknowns y are the free nodes of all unknowns (and the rates of those of
second order in time), L collects the linear terms with coefficients constant in time, b(t) sources and
boundary data, N the rest. M is the identity except for zeros in the rows of equations ``0 = ...``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy import sparse

from pdekit.boundary.conditions import FaceConditions
from pdekit.boundary.face_data import StateConditions
from pdekit.discretize.colouring import ColouredJacobian, box_pattern
from pdekit.discretize.jacobian import JacobianPattern, NoPattern
from pdekit.discretize.program import Program
from pdekit.discretize.scheme_choices import scheme_choices
from pdekit.errors import GridError
from pdekit.geometry.grid import Grid
from pdekit.geometry.values import call_by_name
from pdekit.language.analysis import Split, occurs_outside, split
from pdekit.language.evaluate import slope
from pdekit.language.pde import PDE, EquationSystem
from pdekit.language.scheme_symbols import with_schemes
from pdekit.language.symbols import spatial_atoms
from pdekit.linear.axis_sums import AxisSum, sum_of_axes

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Block:
    """One state's place in the vector of unknowns.

    Parameters
    ----------
    name : str
        ``"u"``, or ``"u_t"`` for a rate.
    symbol : Symbol
    conditions : StateConditions
    size : int
        Number of free nodes.
    offset : int
        Where the block starts in y.
    """

    name: str
    symbol: Any
    conditions: StateConditions
    size: int
    offset: int

    @cached_property
    def free(self) -> NDArray[np.intp]:
        """Flat indices of the free nodes; found when they are asked for, for they take as much memory as a state."""
        return np.flatnonzero(~self.conditions.prescribed().ravel())

    @property
    def whole(self) -> bool:
        """Whether all nodes are free."""
        return self.size == self.conditions.grid.size

    @property
    def slice(self) -> slice:
        return slice(self.offset, self.offset + self.size)

    def gather(self, values: Array, out: Array) -> None:
        """The free ones of a full array."""
        if self.whole:
            out[...] = values.reshape(-1)
        else:
            np.take(values.reshape(-1), self.free, out=out)

    def scatter(self, values: Array, out: Array) -> None:
        """Write free values into a full array, which is contiguous."""
        if self.whole:
            out.reshape(-1)[...] = values
        else:
            out.reshape(-1)[self.free] = values


class SemiDiscrete:
    """A PDE on a grid with its conditions, as an ODE system.

    Parameters
    ----------
    pde : PDE
        The equations.
    grid : Grid
        Where.
    boundary : mapping of str to dict of FaceConditions
        For each unknown (and each definition that has conditions): complete conditions per bounded axis, as
        `pdekit.boundary.conditions.collect` returns them.
    order : int, default 2
        Order of accuracy in space.
    dtype : numpy dtype, default float
        float64 or complex128.
    schemes : mapping of str to str or mapping, optional
        Schemes of single derivatives, ``{"u_x": "upwind", "u_xx": {"compact": 6}}``.
    """

    def __init__(
        self,
        pde: PDE,
        grid: Grid,
        boundary: Mapping[str, Mapping[str, FaceConditions]],
        *,
        order: int = 2,
        dtype: Any = float,
        schemes: Mapping[str, Any] | None = None,
    ) -> None:
        self.pde, self.grid, self.order = pde, grid, order
        self.dtype = np.dtype(dtype)
        kept = [name for name in boundary if name in pde.definitions]
        bound = pde.bind(grid.names, kept, grid.calculus)
        self.system: EquationSystem = with_schemes(bound, scheme_choices(bound, schemes or {}, order, grid))
        values = {str(s): v for s, v in self.system.parameters.items()}
        self.conditions = {}
        for name in (*pde.unknowns, *kept):
            resolved = StateConditions.resolve(name, boundary.get(name, {}), grid, values, self.system.known)
            self.conditions[_symbol(self.system, name)] = resolved
        self.blocks = self._make_blocks()
        self.program = Program(grid, self.system, self.conditions, order, self.dtype)
        self.program.check()
        self._jacobian_known = False

    def _make_blocks(self) -> tuple[Block, ...]:
        blocks: list[Block] = []
        offset = 0
        second = [u for u in self.system.unknowns if u.time_order == 2]
        for unknown in self.system.unknowns:
            conditions = self.conditions[unknown.symbol]
            count = conditions.free_count()
            blocks.append(Block(unknown.name, unknown.symbol, conditions, count, offset))
            offset += count
        for unknown in second:
            twin = next(b for b in blocks if b.name == unknown.name)
            self.conditions[unknown.rate] = twin.conditions.rate()
            blocks.append(Block(f"{unknown.name}_t", unknown.rate, self.conditions[unknown.rate], twin.size, offset))
            offset += twin.size
        if offset == 0:
            raise GridError("all nodes are prescribed by Dirichlet conditions; nothing is left to be solved for")
        return tuple(blocks)

    @property
    def size(self) -> int:
        """Number of unknowns of the ODE system."""
        last = self.blocks[-1]
        return last.offset + last.size

    @property
    def time_order(self) -> int:
        """Highest time derivative of the system."""
        return max(u.time_order for u in self.system.unknowns)

    @cached_property
    def changes_in_time(self) -> bool:
        """Whether coefficients (not only sources and data) contain t, or a Python function may."""
        expressions = [parts.rest for parts in self.splits.values()] + list(self.system.definitions.values())
        return self.pde.rhs is not None or any(e.has(self.system.t) for e in expressions)

    def reaction_bound(self, t: float, y: Array) -> float:
        """Greatest row sum of the slopes of the right-hand sides by the unknowns themselves, derivatives left out."""
        frame = self._frame(t, y)
        states = [block.symbol for block in self.blocks]
        total = 0.0
        for unknown in self.system.unknowns:
            body, shown = _hide_atoms(unknown.rhs)
            slopes = [slope(body, s).xreplace(shown) for s in states if occurs_outside(unknown.rhs, s)]
            row = [np.abs(frame.value(entry)) for entry in slopes]
            if row:
                total = max(total, float(np.max(np.nan_to_num(sum(row)))))
        return total

    def rate_bound(self, t: float, y: Array) -> float:
        """Upper bound of the spectral radius of the Jacobian at a state, without a matrix: its greatest row sum of moduli.

        Gershgorin's bound on the rows: for every term the greatest modulus of its factor times the row sums of its
        one-dimensional matrices. Their signs alternate, so for u'' the bound is the value itself. A system of second order
        in time ``q'' = K q`` has the root of the bound of K.
        """
        states = [block.symbol for block in self.blocks]
        if not self.is_linear:
            full = self.unpack(t, y)
            frame = self.program.frame(t, {b.symbol: full[b.name] for b in self.blocks})
        else:
            frame = self.program.frame(t, {})  # the slopes contain no unknown
        greatest = 0.0
        for unknown in self.system.unknowns:
            body, shown = _hide_atoms(unknown.rhs)
            total = 0.0
            for symbol in (*states, *shown):
                factor = slope(body, symbol).xreplace(shown)
                if factor != 0:
                    size = self._greatest(factor, frame)
                    total += size * (self.program.row_sum(shown[symbol], frame) if symbol in shown else 1.0)
            greatest = max(greatest, np.sqrt(total) if unknown.time_order == 2 else total)
        return greatest

    def _greatest(self, factor: Any, frame: Any) -> float:
        """Greatest modulus of an expression over the grid."""
        if factor.free_symbols <= set(self.system.parameters):
            return abs(complex(factor.subs({s: sp.sympify(v) for s, v in self.system.parameters.items()})))
        return float(np.max(np.abs(frame.value(factor))))

    @cached_property
    def has_rates(self) -> bool:
        """Whether rates ``u_t`` of equations of second order stand on right-hand sides."""
        rates = {u.rate for u in self.system.unknowns if u.time_order == 2}
        expressions = [u.rhs for u in self.system.unknowns] + list(self.system.definitions.values())
        return any(e.free_symbols & rates for e in expressions)

    def block(self, name: str) -> Block:
        """The block of an unknown, or of a rate such as ``u_t``."""
        return next(b for b in self.blocks if b.name == name)

    def unpack(self, t: float, y: Array) -> dict[str, Array]:
        """Full arrays of all unknowns and rates, prescribed values included."""
        full = {}
        for block in self.blocks:
            shaped = np.zeros(self.grid.shape, dtype=np.result_type(y.dtype, self.dtype))
            block.scatter(y[block.slice], shaped)
            block.conditions.fill(shaped, t)
            full[block.name] = shaped
        return full

    def pack(self, fields: Mapping[str, Array]) -> Array:
        """The vector of unknowns of full arrays."""
        y = np.zeros(self.size, dtype=self.dtype)
        for block in self.blocks:
            block.gather(np.asarray(fields[block.name], dtype=self.dtype), y[block.slice])
        return y

    # ------------------------------------------------------------------------------------ the right-hand side

    @cached_property
    def splits(self) -> dict[str, Split]:
        """Each unknown's right-hand side as linear part, source and rest."""
        return {u.name: split(self.system, u.rhs) for u in self.system.unknowns}

    def equation_block(self, name: str) -> Block:
        """The block whose rows an unknown's equation fills: its rate's for second order in time."""
        unknown = next(u for u in self.system.unknowns if u.name == name)
        return self.block(f"{name}_t" if unknown.time_order == 2 else name)

    @property
    def evolves(self) -> bool:
        """Whether all equations are evolution equations: M is the identity."""
        return all(u.time_order > 0 for u in self.system.unknowns)

    def spread(self, values: Sequence[float]) -> Array:
        """One number for each block as a vector over the unknowns; of one block it takes no memory."""
        if len(self.blocks) == 1:
            return np.broadcast_to(np.asarray(values[0]), (self.size,))
        return np.concatenate([np.full(block.size, value) for block, value in zip(self.blocks, values)])

    @cached_property
    def mass(self) -> Array:
        """Diagonal of M: 1, or 0 in the rows of equations ``0 = ...``."""
        diagonal = np.ones(self.size)
        for unknown in self.system.unknowns:
            if unknown.time_order == 0:
                diagonal[self.block(unknown.name).slice] = 0.0
        return diagonal

    @cached_property
    def selections(self) -> dict[Any, Any]:
        """Derivative of each state's full array by y."""
        found = {}
        for block in self.blocks:
            ones = np.ones(block.size)
            columns = block.offset + np.arange(block.size)
            found[block.symbol] = sparse.csr_array((ones, (block.free, columns)), shape=(self.grid.size, self.size))
        return found

    def _frame(self, t: float, y: Array) -> Any:
        full = self.unpack(t, y)
        return self.program.frame(t, {b.symbol: full[b.name] for b in self.blocks}, self.selections)

    def _stack(self, pieces: dict[str, Any]) -> Any:
        """Rows of all equations from full-grid rows by unknown."""
        rows: dict[int, Any] = {}
        for name, piece in pieces.items():
            block = self.equation_block(name)
            rows[block.offset] = piece[block.free]
        for unknown in self.system.unknowns:
            if unknown.time_order == 2:
                block, rate = self.block(unknown.name), self.block(f"{unknown.name}_t")
                rows[block.offset] = self.selections[rate.symbol][block.free]
        return sparse.csr_array(sparse.vstack([rows[k] for k in sorted(rows)], format="csr"))

    @cached_property
    def L(self) -> Any:
        """Matrix of the linear, time-constant part (CSR)."""
        frame = self._frame(0.0, np.zeros(self.size, dtype=self.dtype))
        return self._stack({name: frame.jacobian(s.linear) for name, s in self.splits.items()})

    @cached_property
    def separable(self) -> AxisSum | None:
        """One-dimensional matrices on the free nodes of each axis, and a constant, whose sum is L; None if it is not that."""
        return sum_of_axes(self, exact=True)

    @cached_property
    def surrogate(self) -> AxisSum | None:
        """The same for an L with coefficients that change in space: their means in place of them, mixed derivatives left out.

        Its inverse is a preconditioner, by which the number of iterations depends on the coefficients, not on the grid.
        """
        return sum_of_axes(self, exact=False)

    @cached_property
    def b_is_constant(self) -> bool:
        """Whether sources and boundary data do not change in time."""
        sources = any(s.source.has(self.system.t) for s in self.splits.values())
        return not sources and all(c.constant for c in self.conditions.values())

    @cached_property
    def _constant_b(self) -> Array:
        return self._evaluate_b(0.0)

    def _evaluate_b(self, t: float) -> Array:
        frame = self._frame(t, np.zeros(self.size, dtype=self.dtype))
        b = np.zeros(self.size, dtype=self.dtype)
        for name, parts in self.splits.items():
            block = self.equation_block(name)
            b[block.slice] = frame.value(parts.linear + parts.source).ravel()[block.free]
        return b

    def b(self, t: float) -> Array:
        """Sources and boundary data at time t."""
        return self._constant_b if self.b_is_constant else self._evaluate_b(t)

    @cached_property
    def is_linear(self) -> bool:
        """Whether there is no rest N: the Jacobian is L at all times."""
        return self.pde.rhs is None and all(s.rest == 0 for s in self.splits.values())

    def nonlinear(self, t: float, y: Array) -> Array:
        """N(t, y)."""
        if self.pde.rhs is not None:
            return self._callable_rhs(t, y)
        result = np.zeros(self.size, dtype=self.dtype)
        frame = self._frame(t, y)
        for name, parts in self.splits.items():
            if parts.rest != 0:
                block = self.equation_block(name)
                result[block.slice] = frame.value(parts.rest).ravel()[block.free]
        return result

    def rhs(self, t: float, y: Array) -> Array:
        """The right-hand side ``L y + b(t) + N(t, y)``."""
        result = self.L @ y + self.b(t)
        return result if self.is_linear else result + self.nonlinear(t, y)

    def jacobian(self, t: float, y: Array) -> Any:
        """Exact Jacobian of the right-hand side, CSR."""
        if self.is_linear:
            return self.L
        if self.pde.rhs is not None:
            return self._coloured.evaluate(lambda z: self._callable_rhs(t, z), y)
        frame = self._frame(t, y)
        if not self._jacobian_known:  # a single one is not worth a pattern
            self._jacobian_known = True
        elif self._pattern is not None:
            return self._pattern.at(frame)
        return sparse.csr_array(self.L + self._stack_rest(frame))

    @cached_property
    def _pattern(self) -> JacobianPattern | None:
        try:
            return JacobianPattern(self)
        except NoPattern:
            return None

    def _stack_rest(self, frame: Any) -> Any:
        """Jacobian of N: no rows for the trivial equations ``u' = u_t``."""
        total = sparse.csr_array((self.size, self.size), dtype=self.dtype)
        for name, parts in self.splits.items():
            if parts.rest != 0:
                block = self.equation_block(name)
                rows = frame.jacobian(parts.rest)[block.free].tocoo()
                where = (rows.coords[0] + block.offset, rows.coords[1])
                total = total + sparse.csr_array((rows.data, where), shape=total.shape)
        return total

    # ------------------------------------------------------------------------------- a Python right-hand side

    def _callable_rhs(self, t: float, y: Array) -> Array:
        full = self.unpack(t, y)
        parameters = {str(s): v for s, v in self.system.parameters.items()}
        given = {**self.grid.coordinates, **parameters, **full, "t": t, "grid": self.grid}
        assert self.pde.rhs is not None
        answer = call_by_name(self.pde.rhs, given)
        rates = answer if isinstance(answer, Mapping) else {self.pde.unknowns[0]: answer}
        if set(rates) != set(self.pde.unknowns):
            raise GridError(f"the right-hand side returned {sorted(rates)}, the unknowns are {list(self.pde.unknowns)}")
        result = np.zeros(self.size, dtype=np.result_type(self.dtype, y.dtype))
        for name, rate in rates.items():
            values = np.asarray(rate)
            if values.shape not in ((), self.grid.shape):
                raise GridError(f"the rate of {name!r} has shape {values.shape}, the grid needs {self.grid.shape}")
            if np.iscomplexobj(values) and not np.iscomplexobj(result):
                raise GridError(
                    f"the rate of {name!r} is complex, its initial state is real; give it as complex numbers"
                )
            block = self.block(name)
            result[block.slice] = np.broadcast_to(values, self.grid.shape).ravel()[block.free]
        return result

    @cached_property
    def _coloured(self) -> ColouredJacobian:
        pattern = box_pattern(self.grid, self.pde.reach)
        one = sparse.csr_array(pattern)
        rows = [sparse.hstack([one[b.free][:, c.free] for c in self.blocks]) for b in self.blocks]
        return ColouredJacobian(sparse.csr_array(sparse.vstack(rows)))


def _hide_atoms(rhs: Any) -> tuple[Any, dict[Any, Any]]:
    """A right-hand side with a symbol for each spatial atom, and the atoms by their symbols."""
    hidden = {atom: sp.Dummy() for atom in spatial_atoms(rhs)}
    return rhs.xreplace(hidden), {dummy: atom for atom, dummy in hidden.items()}


def _symbol(system: EquationSystem, name: str) -> Any:
    return next(s for s in system.states if str(s) == name)
