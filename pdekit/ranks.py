"""What processes that share one grid have to agree on; alone, one agrees with oneself."""

from __future__ import annotations

from typing import Any, Protocol

from pdekit.typing import Array


class Ranks(Protocol):
    """The processes of a run."""

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    def greatest(self, value: float) -> float:
        """The greatest of the numbers that all bring; not a number if one of them is not."""
        ...

    def total(self, value: Any) -> Any:
        """The sum of the numbers that all bring, the same to the last bit on all of them."""
        ...

    def greatest_of(self, group: tuple[int, ...], values: Array) -> Array:
        """The greatest values, one by one, of the processes that name the same group."""
        ...


class Alone:
    """One process.

    Examples
    --------
    >>> ALONE.greatest(2.0), ALONE.total(3)
    (2.0, 3)
    """

    count = 1

    def greatest(self, value: float) -> float:
        return value

    def total(self, value: Any) -> Any:
        return value

    def greatest_of(self, group: tuple[int, ...], values: Array) -> Array:
        return values


ALONE = Alone()
