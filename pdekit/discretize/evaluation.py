"""What operators and terms may ask of a state: values and Jacobians, each computed once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Protocol

from pdekit.typing import Array, Expression, Matrix


class Values(Protocol):
    """Everything at one time and state, each thing computed once."""

    t: float

    def value(self, expression: Expression) -> Array:
        """An expression on every node."""
        ...

    def operand(self, expression: Expression) -> Array:
        """The same of what is differentiated: of a state with its prescribed values."""
        ...

    def slope(self, expression: Expression, dependent: Expression) -> Array:
        """Partial derivative of an expression by a state or a term, on every node."""
        ...

    def jacobian(self, expression: Expression) -> Matrix:
        """Derivative of an expression's node values by the unknowns, sparse."""
        ...

    def operand_jacobian(self, expression: Expression) -> Matrix:
        """The same of what is differentiated."""
        ...

    def shared(self, name: Hashable, make: Callable[[], Any]) -> Any:
        """What several terms need alike: made by the first that asks."""
        ...


Source = Callable[[Values], Array]
