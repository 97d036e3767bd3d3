"""Boundary conditions: linear combinations of normal derivatives on a face.

Every condition is ``sum_k a_k d^k u/dn^k = g(x, t)`` with the outward normal n: at the left end of an axis
``d/dn = -d/dx``, at the right end ``d/dn = +d/dx``. So ``Neumann(q)`` is the same physics at both ends: a
positive `q` lets u grow outwards. A face carries one condition, several (a clamped beam has two), or none
(`Outflow`: the rows close one-sided). Periodicity belongs to the axis.

Corner rule: a node on several Dirichlet faces takes the value of the first of these axes in the grid's
order; a difference of more than 1e-8 (relative) between the faces at a corner is reported when the problem is
made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pdekit.errors import BoundaryError, nearest_hint
from pdekit.geometry.axis import Axis
from pdekit.geometry.grid import Grid
from pdekit.stencils.weights import Functional

Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")
DOMAIN = "domain"  # where conditions on the boundary of a domain stand, beside the axes
Number = int | float | complex


@dataclass(frozen=True)
class BoundaryCondition:
    """``sum_k coefficients[k] d^k u/dn^k = value`` on one face, n the outward normal.

    Parameters
    ----------
    coefficients : tuple
        ``a_0, a_1, ...``; the last one is not zero. Numbers or expressions of parameters; those of ``a u + b du/dn`` may be
        whatever `value` may be, complex too.
    value : number, str, array or callable, default 0
        The data g: a constant, an expression in the coordinates and t, an array over the face, or a callable of
        any of these by name. Of conditions on ``du/dn`` the expression may contain the unknowns:
        ``Neumann("-sigma*(u**4 - T**4)")``.
    is_beyond : bool, default False
        Whether `value` is the state beyond the face, see `FarField`.

    Examples
    --------
    >>> Robin(1, 2, "sin(t)").describe("u")
    'u + 2 du/dn = sin(t)'
    """

    coefficients: tuple[Any, ...]
    value: Any = 0.0
    is_beyond: bool = False

    def __post_init__(self) -> None:
        trimmed = tuple(self.coefficients)
        while trimmed and isinstance(trimmed[-1], Number) and trimmed[-1] == 0:
            trimmed = trimmed[:-1]
        if not trimmed:
            raise BoundaryError("a boundary condition needs at least one coefficient that is not zero")
        object.__setattr__(self, "coefficients", trimmed)

    @property
    def is_dirichlet(self) -> bool:
        """Whether the condition prescribes the value itself."""
        return len(self.coefficients) == 1

    @property
    def is_plain(self) -> bool:
        """Whether it prescribes the value or one derivative itself: what is no number, such as an array, is no 1 or 0."""
        *lower, last = self.coefficients
        return all(isinstance(c, Number) for c in self.coefficients) and last == 1 and not any(c != 0 for c in lower)

    @property
    def order(self) -> int:
        """The highest normal derivative."""
        return len(self.coefficients) - 1

    def functional(self, at: float, side: Side) -> Functional:
        """The condition's left side in derivatives along the axis. Needs numeric coefficients."""
        sign = -1.0 if side == "left" else 1.0
        return Functional(at, tuple(float(a) * sign**k for k, a in enumerate(self.coefficients)))

    def describe(self, name: str) -> str:
        """The condition as it stands on paper."""
        if self.is_beyond:
            return f"{name} = {self.value if isinstance(self.value, str | int | float) else 'data'} beyond the face"
        derivatives = [name, f"d{name}/dn"] + [f"d^{k}{name}/dn^{k}" for k in range(2, len(self.coefficients))]
        terms = []
        for a, derivative in zip(self.coefficients, derivatives):
            if isinstance(a, Number) and a == 0:
                continue
            factor = f"{a:g} " if isinstance(a, Number) else f"({a if isinstance(a, str) else 'data'}) "
            factor = "" if isinstance(a, Number) and a == 1 else factor
            terms.append(factor + derivative)
        data = self.value if isinstance(self.value, str | int | float | complex) else "data"
        return f"{' + '.join(terms)} = {data}"


@dataclass(frozen=True)
class Outflow:
    """No condition: the rows at this face close with one-sided stencils."""


@dataclass(frozen=True)
class Pole:
    """How an unknown goes on across a pole of curved coordinates, such as r = 0: no condition, but a symmetry.

    Parameters
    ----------
    parity : {"even", "odd"}, default "even"
        "even" for scalars, "odd" for components along unit vectors that turn there, such as e_r and e_phi at r = 0.
    """

    parity: str = "even"

    def __post_init__(self) -> None:
        if self.parity not in ("even", "odd"):
            raise BoundaryError(f"pole: allowed are 'even' and 'odd', found {self.parity!r}")


def Dirichlet(value: Any = 0.0) -> BoundaryCondition:
    """``u = value``."""
    return BoundaryCondition((1,), value)


def Neumann(value: Any = 0.0) -> BoundaryCondition:
    """``du/dn = value``, n the outward normal."""
    return BoundaryCondition((0, 1), value)


def Robin(a: Any, b: Any, value: Any = 0.0) -> BoundaryCondition:
    """``a u + b du/dn = value``, n the outward normal."""
    return BoundaryCondition((a, b), value)


def Curvature(value: Any = 0.0) -> BoundaryCondition:
    """``d^2 u/dn^2 = value``, as at the hinged end of a beam."""
    return BoundaryCondition((0, 0, 1), value)


def FarField(value: Any = 0.0) -> BoundaryCondition:
    """The state beyond a face, for limited schemes: characteristics that come in bring it, those that go out leave.

    Give one for every unknown of a system; the face's own nodes stay unknown.

    Examples
    --------
    >>> FarField(1.5).describe("rho")
    'rho = 1.5 beyond the face'
    """
    return BoundaryCondition((0, 1), value, True)


def Absorbing(unknown: str, speed: Any = 1) -> BoundaryCondition:
    """``du/dn = -u_t/speed``: a wave of that speed that comes along the normal leaves without reflection.

    Of oblique waves at an angle a the share ``(1 - cos a)/(1 + cos a)`` comes back: B. Engquist and A. Majda, Math. Comp. 31 (1977)
    629-651, first approximation.

    Examples
    --------
    >>> Absorbing("u", "c").describe("u")
    'du/dn = -u_t/(c)'
    """
    return Neumann(f"-{unknown}_t/({speed})")


@dataclass(frozen=True)
class FaceConditions:
    """The conditions on the two faces of one axis; ``()`` is none (outflow, or a pole that is crossed with `parity`)."""

    left: tuple[BoundaryCondition, ...] = ()
    right: tuple[BoundaryCondition, ...] = ()
    parity: Literal[1, -1] = 1

    def __getitem__(self, side: Side) -> tuple[BoundaryCondition, ...]:
        return self.left if side == "left" else self.right

    def mapped(self, change: Callable[[Any], Any]) -> FaceConditions:
        """The same conditions with their data and coefficients changed one by one."""

        def changed(conditions: tuple[BoundaryCondition, ...]) -> tuple[BoundaryCondition, ...]:
            return tuple(
                replace(c, coefficients=tuple(map(change, c.coefficients)), value=change(c.value)) for c in conditions
            )

        return replace(self, left=changed(self.left), right=changed(self.right))

    def only_dirichlet(self) -> FaceConditions:
        """Those that prescribe values."""
        left, right = (tuple(c for c in self[side] if c.is_dirichlet) for side in SIDES)
        return replace(self, left=left, right=right)

    def dirichlet(self, side: Side) -> BoundaryCondition | None:
        """The Dirichlet condition on a face, if there is one."""
        return next((c for c in self[side] if c.is_dirichlet), None)


def _one_face(given: Any, where: str) -> tuple[BoundaryCondition, ...]:
    if isinstance(given, Outflow | Pole):
        return ()
    conditions = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else (given,)
    for condition in conditions:
        if not isinstance(condition, BoundaryCondition):
            raise BoundaryError(
                f"expected a boundary condition such as Dirichlet(0), found {type(condition).__name__}", key=where
            )
    leading = [c.order for c in conditions]
    if len(set(leading)) < len(leading):
        raise BoundaryError(f"two conditions of the same order {max(leading)} on one face", key=where)
    return conditions


def collect(
    given: Mapping[str, Any] | None,
    axes: Mapping[str, bool],
    unknown: str,
    poles: Mapping[str, Collection[str]] | None = None,
) -> dict[str, FaceConditions]:
    """Conditions of one unknown on every bounded axis, complete.

    Parameters
    ----------
    given : mapping
        Per axis: a condition for both ends, or a mapping of ``left`` and ``right``.
    axes : mapping of str to bool
        The grid's axes and whether each is periodic.
    unknown : str
        For messages.
    poles : mapping of str to collection of str, optional
        Ends of axes that are poles of the coordinates, such as r = 0: points of the interior, without conditions.

    Raises
    ------
    BoundaryError
        A face without a condition, a condition on a periodic or unknown axis, or on a pole.
    """
    given = dict(given or {})
    poles = poles or {}
    for name in given:
        if name not in axes:
            raise BoundaryError(
                f"no such axis; the grid has {list(axes)}{nearest_hint(name, axes)}", key=f"boundary.{unknown}.{name}"
            )
    collected = {}
    for name, periodic in axes.items():
        where = f"boundary.{unknown}.{name}"
        entry = given.get(name)
        if periodic:
            if entry is not None:
                raise BoundaryError(f"axis {name!r} is periodic and takes no boundary condition", key=where)
            continue
        free: dict[str, Any] = dict.fromkeys(poles.get(name, ()), Pole())
        sides: Mapping[str, Any]
        if isinstance(entry, Mapping):
            sides = {**free, **entry}
        else:
            sides = free if entry is None else {"left": entry, "right": entry, **free}
        for side in sides:
            if side not in SIDES:
                raise BoundaryError(f"faces are 'left' and 'right'{nearest_hint(side, SIDES)}", key=f"{where}.{side}")
            if (side in free) != isinstance(sides[side], Pole):
                raise BoundaryError(
                    "this end is a pole of the coordinates, inside of the domain; leave it out, or give "
                    "pole: odd for a component along a unit vector that turns there"
                    if side in free
                    else "this end is not a pole of the coordinates",
                    key=f"{where}.{side}",
                )
        for side in SIDES:
            if side not in sides:
                raise BoundaryError(
                    "no condition on this face; give dirichlet, neumann, robin or another "
                    "combination of normal derivatives, or outflow",
                    key=f"{where}.{side}",
                )
        odd = any(sides[side] == Pole("odd") for side in free)
        left, right = (_one_face(sides[side], f"{where}.{side}") for side in SIDES)
        collected[name] = FaceConditions(left, right, -1 if odd else 1)
    return collected


def complete_conditions(grid: Grid, boundary: Mapping[str, Any] | None) -> dict[str, FaceConditions] | None:
    """The conditions of all bounded axes, as `boundary` gives them; None if it gives none."""
    if boundary is None:
        return None
    axes = dict(zip(grid.names, (a.periodic for a in grid.axes)))
    return collect(boundary, axes, "operator", {name: grid.poles(name) for name in grid.names})


def end_functionals(axis: Axis, conditions: FaceConditions | None) -> tuple[list[Functional], list[Functional]]:
    """The conditions of both ends of an axis as functionals, for `derivative_rows`."""
    if conditions is None:
        return [], []
    return (
        [c.functional(float(axis.whole.nodes[0]), "left") for c in conditions.left],
        [c.functional(float(axis.whole.nodes[-1]), "right") for c in conditions.right],
    )
