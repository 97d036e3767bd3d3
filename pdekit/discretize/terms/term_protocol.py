"""What a term of an equation answers, and what it may ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from pdekit.boundary.conditions import SIDES, Side
from pdekit.boundary.face_data import StateConditions
from pdekit.boundary.interfaces import ResolvedInterface
from pdekit.discretize.evaluation import Source, Values
from pdekit.discretize.numerical_fluxes import NumericalFluxes
from pdekit.geometry.grid import Grid
from pdekit.geometry.regions import Region
from pdekit.language.equation_system import EquationSystem
from pdekit.stencils.rows import AxisRows, FluxRows
from pdekit.typing import Array, Expression, Matrix


@dataclass(frozen=True, eq=False)
class Context:
    """Where a term stands.

    Parameters
    ----------
    grid : Grid
    system : EquationSystem
    conditions : mapping of Symbol to StateConditions
        For unknowns, rates and definitions with conditions.
    order : int
    dtype : numpy dtype
    parity : callable of (expression, axis)
        How an expression goes on across the poles of an axis: 1, -1 or None.
    state_slopes : callable of expression
        The states in a pointwise expression with the slopes by them (None: it is the state itself).
    interfaces : mapping of (Symbol, axis) to tuple of ResolvedInterface
        Planes at which unknowns jump.
    regions : mapping of Symbol to Region
        Where states live that do not live on all nodes.
    """

    grid: Grid
    system: EquationSystem
    conditions: Mapping[Any, StateConditions]
    order: int
    dtype: np.dtype[Any]
    parity: Callable[[Any, str], int | None]
    state_slopes: Callable[[Any], list[tuple[Any, Source | None]]]
    interfaces: Mapping[tuple[Any, str], tuple[ResolvedInterface, ...]]
    regions: Mapping[Any, Region]

    def parities(self, expression: Expression) -> dict[str, int | None]:
        """The same for all axes with poles."""
        return {name: self.parity(expression, name) for name in self.grid.names if self.grid.poles(name)}

    def data_of_solution(self, operand: Expression) -> bool:
        """Whether the data of the conditions of what is differentiated depend on the solution."""
        found = self.conditions.get(operand)
        return found is not None and bool(found.of_solution)

    def read_on_prescribed_faces(self, symbol: Expression, axis: str) -> list[Side]:
        """The ends of an axis where what is differentiated is prescribed, but an unknown whose equation holds the derivative is not."""
        own = self.conditions.get(symbol.operand)
        if own is None or axis not in own.faces:
            return []
        readers = [self.conditions[u.symbol] for u in self.system.unknowns if symbol in u.rhs.atoms(type(symbol))]
        return [
            side
            for side in SIDES
            if own.faces[axis].dirichlet(side)
            and any(axis not in other.faces or not other.faces[axis].dirichlet(side) for other in readers)
        ]

    def faces(self, operand: Expression) -> Mapping[str, Any]:
        """The conditions of what is differentiated; none of an expression: its rows close one-sided."""
        found = self.conditions.get(operand)
        return found.faces if found is not None else {}


@dataclass(frozen=True, eq=False)
class Entries:
    """Entries ``weights * source_0[index_0] * source_1[index_1] * ...`` of a term's Jacobian at (rows, nodes of a state)."""

    rows: Array
    columns: Array
    weights: Array
    state: Expression
    factors: tuple[tuple[Source, Array], ...] = ()


@dataclass(frozen=True, eq=False)
class RowProduct:
    """A term as compiled kernels take it: one-dimensional rows of one or several axes multiplied into an operand.

    Parameters
    ----------
    operand : Symbol or expression
    rows : dict of axis to AxisRows
    outer : array, optional
        What the product is multiplied by, an array that broadcasts over the nodes.
    """

    operand: Expression
    rows: dict[int, AxisRows]
    outer: Array | None = None


@dataclass(frozen=True, eq=False)
class FluxDifference:
    """A term as compiled kernels take it: ``divergence @ (known * mean(unknown) * gradient(operand))`` along one axis.

    Parameters
    ----------
    operand : Symbol
    axis : int
    rows : FluxRows
    known : callable of t, optional
        Values at the flux points of the factor that does not depend on the solution; None if it is 1.
    changes : bool
        Whether that changes in time.
    unknown : expression
        The factor that depends on the solution.
    outer : array, optional
        What the divergence is multiplied by, an array that broadcasts over the nodes.
    potential : expression, optional
        K of ``unknown * grad(operand) = grad(K)``, whose gradient is the flux at the points of `inside`.
    inside : array of bool, optional
        By flux points of the axis.
    """

    operand: Expression
    axis: int
    rows: FluxRows
    known: Callable[[float], Array] | None
    changes: bool
    unknown: Expression
    outer: Array | None = None
    potential: Expression | None = None
    inside: Array | None = None


def outer_factor(inverse_square_scale: Array | float) -> Array | None:
    """``1/h^2`` of an axis as kernels take it: none where it is 1."""
    return None if isinstance(inverse_square_scale, float) else inverse_square_scale


@dataclass(frozen=True, eq=False)
class FluxSweep:
    """A term as compiled kernels take it: the divergence of one of the fluxes of an axis by a limited scheme, line by line.

    Parameters
    ----------
    name : hashable
        The same for all terms of the axis.
    interface : NumericalFluxes
    axis : int
    shape : tuple of int
        Of the grid.
    step : float
    own : int
        Which of the fluxes.
    ends : tuple of (str, str)
        How each state goes on beyond either face: periodic, copy, reflect, slope, given.
    kept : tuple of bool
        Whether each is to stay positive.
    slopes : callable of (t, states)
        Slopes, and states beyond, that are prescribed: number of the state, of the face, values.
    wanted : tuple of int
        The fluxes whose divergences are needed.
    """

    name: Any
    interface: NumericalFluxes
    axis: int
    shape: tuple[int, ...]
    step: float
    own: int
    ends: tuple[tuple[str, str], ...]
    kept: tuple[bool, ...]
    slopes: Callable[[float, Sequence[Array]], list[tuple[int, int, Array]]]
    wanted: tuple[int, ...] = ()

    @property
    def dimensions(self) -> int:
        """Number of axes of the grid."""
        return len(self.shape)

    def of(self, wanted: tuple[int, ...]) -> FluxSweep:
        """The same for several fluxes."""
        return replace(self, wanted=wanted)


KernelForm = RowProduct | FluxDifference | FluxSweep


class NotCompiled(Exception):  # noqa: N818  (not an error: the matrices do it then)
    """The system has something that the kernels do not do; says what."""


class NoPattern(Exception):  # noqa: N818  (not an error: matrices are multiplied then)
    """A term whose places in the Jacobian are not found beforehand."""


class Term(Protocol):
    """A derivative that stands in an equation, on a grid with its conditions.

    What fast solvers, patterns and kernels ask has an answer, that there is nothing for them, for kinds that inherit.
    """

    symbol: Expression

    def value(self, at: Values) -> Array:
        """On every node, flat."""
        ...

    def jacobian(self, at: Values) -> Matrix:
        """Derivative by the unknowns, sparse."""
        ...

    def entries(self) -> list[Entries]:
        """The same by places that stay; raises `NoPattern` where they do not."""
        raise NoPattern

    def row_sum(self, at: Values) -> float:
        """Upper bound of the sums of moduli of its matrix' rows, from its one-dimensional factors."""
        ...

    def axis_factors(self) -> dict[int, Any] | None:
        """The one-dimensional matrices by axis whose Kronecker product it is; None if it is none."""
        return None

    def mean_along_axis(self) -> tuple[int, Any] | None:
        """Axis and matrix of a term that acts along one axis, with its mean coefficient; None for others."""
        return None

    def common_factor(self) -> Any:
        """k of ``d/dx (k du/dx)`` where it does not depend on the solution; None for other terms."""
        return None

    def kernel_form(self) -> KernelForm:
        """The term for compiled kernels; raises `NotCompiled` where they cannot do it."""
        raise NotCompiled(f"{self.symbol} has no compiled form")


TermMaker = Callable[[Any, Context], Term]
