"""The result of a convergence study, and its verdict."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pdekit.errors import StorageError
from pdekit.verification.claimed_solution import ClaimCheck
from pdekit.verification.growth import ModeGrowth

FAR_ABOVE = 2.5  # of the expected order
NEAR_ROUNDING = 100.0  # roundings
ROUNDING = 2e-11  # errors below this, beside the solution, are rounding and tolerance: no order can be read off


@dataclass(frozen=True)
class Study:
    """The result of a convergence study.

    Parameters
    ----------
    title : str
    what : {"space", "time", "space and time"}
        What is refined.
    against : str
        With what is compared, in words.
    sizes : tuple
        Points along the first axis, or steps.
    widths : tuple of float
        Mesh widths, or steps: the abscissae of the order.
    errors : dict of str to tuple of float
        Max-norm errors by variable.
    expected : float
        The order that is expected.
    tolerance : float
        By how much the observed order may fall short.
    scale : dict of str to float
        Size of each variable, to tell rounding.
    integral_errors : dict of str to dict of str to tuple of float
        Errors in the norms ``L2`` and ``L1``, by norm and variable.
    claim : ClaimCheck, optional
        What came of putting the claimed exact solution into the equations and conditions.
    growth : ModeGrowth, optional
        How fast modes grow on the two finest grids of which that is known.
    """

    title: str
    what: str
    against: str
    sizes: tuple[Any, ...]
    widths: tuple[float, ...]
    errors: dict[str, tuple[float, ...]]
    expected: float
    tolerance: float
    scale: dict[str, float]
    integral_errors: dict[str, dict[str, tuple[float, ...]]] = field(default_factory=dict)
    claim: ClaimCheck | None = None
    growth: ModeGrowth | None = None

    def errors_in(self, norm: str) -> dict[str, tuple[float, ...]]:
        """Errors by variable in a norm: ``max``, ``L2`` or ``L1``."""
        return self.errors if norm == "max" else self.integral_errors[norm]

    def orders(self, name: str, norm: str = "max") -> list[float]:
        """Observed orders between consecutive sizes."""
        e, h = np.array(self.errors_in(norm)[name]), self.widths
        with np.errstate(divide="ignore", invalid="ignore"):
            return [float(np.log(e[i] / e[i + 1]) / np.log(h[i] / h[i + 1])) for i in range(len(e) - 1)]

    def at_rounding(self, name: str) -> bool:
        """Whether the finest error is rounding: the discretization is exact for this problem."""
        return self.errors[name][-1] <= ROUNDING * max(self.scale[name], 1e-300)

    def seen(self, name: str) -> list[int]:
        """The sizes, by index, whose errors are more than rounding: an error that is nothing by chance tells no order.

        Where the finest error is rounding, those that are near to it count as rounding as well.
        """
        room = NEAR_ROUNDING if self.at_rounding(name) else 1.0
        return [k for k, error in enumerate(self.errors[name]) if error > room * ROUNDING * self.scale[name]]

    def observed(self, name: str) -> float | None:
        """The order of the last two errors that are more than rounding; None if there are no two."""
        seen = self.seen(name)
        return self._slope(name, seen[-2:]) if len(seen) > 1 else None

    def fitted(self, name: str) -> float:
        """The order of a fit through all errors that are more than rounding: of one pair alone the last may be out of line."""
        seen = self.seen(name)
        return self._slope(name, seen) if len(seen) > 1 else float("nan")

    def _slope(self, name: str, which: list[int]) -> float:
        e, h = np.array(self.errors[name])[which], np.array(self.widths)[which]
        return float(np.polyfit(np.log(h), np.log(e), 1)[0])

    def _has_order(self, name: str) -> bool:
        """Whether errors of a variable fall as expected; on the way to rounding also faster, or not seen at all."""
        last = self.observed(name)
        if last is None:
            return self.at_rounding(name)
        found = max(last, self.fitted(name))
        most = np.inf if self.at_rounding(name) else self.expected + FAR_ABOVE
        return bool(self.expected - self.tolerance <= found <= most)

    @property
    def passed(self) -> bool:
        """Whether every variable has the expected order, in the last refinement or over all of them, or rounding.

        An order far above the expected one is none: errors that fall so fast do not follow the law of the method. And a claimed exact
        solution that does not solve the equations proves nothing, nor does a run that ended before the modes that grow were felt, nor
        one in which nothing happens.
        """
        return not self.objections and all(map(self._has_order, self.errors))

    @property
    def objections(self) -> tuple[str, ...]:
        """Why errors prove nothing, whatever their order."""
        refuted = self.claim.refuted if self.claim is not None else ()
        told = [f"the claimed exact solution is none: {'; '.join(map(str, refuted))}"] if refuted else []
        if self.growth is not None and self.growth.is_of_the_grid:
            told.append(str(self.growth))
        if not any(self.scale.values()) and not any(map(any, self.errors.values())):
            told.append("the solution is zero everywhere, of which every discretization is exact; take another one")
        return tuple(told)

    @property
    def verdict(self) -> str:
        """One sentence."""
        if self.objections:
            return f"FAIL: {'; '.join(self.objections)}"
        orders = {name: self.observed(name) for name in self.errors}
        open_names = [name for name in self.errors if not self.at_rounding(name) or not self._has_order(name)]
        if not open_names:
            seen = [order for order in orders.values() if order is not None]
            if seen:
                return f"PASS: observed order {max(seen):.2f} until rounding is reached, expected {self.expected:g}"
            return "PASS: errors are at rounding level from the start, the discretization is exact for this problem"
        word = "PASS" if self.passed else "FAIL"
        alone = next((name for name in open_names if orders[name] is None), None)
        if alone is not None:
            return f"{word}: only one error of {alone} is more than rounding, of which there is no order; take other points or steps"
        worst = min(open_names, key=lambda name: orders[name] or 0.0)
        order = orders[worst] or 0.0
        above = (
            "; so fast errors do not fall by the law of the method"
            if order > self.expected + FAR_ABOVE and word == "FAIL"
            else ""
        )
        left = len(self.errors[worst]) - len(self.seen(worst))
        beside = f"; {left} of {len(self.errors[worst])} errors are rounding and left out" if left else ""
        return f"{word}: observed order {order:.2f} ({worst}), expected {self.expected:g}{above}{beside}"

    def table(self) -> str:
        """Sizes, errors and orders as text, in every norm."""
        label, lines = "step" if self.what == "time" else "points", []
        norms = ("max", *self.integral_errors)
        for name in self.errors:
            heads = "".join(f" {f'{norm} error of {name}':>20} {'order':>7}" for norm in norms)
            lines.append(f"{label:>10}{heads}")
            columns = [(self.errors_in(n)[name], ["", *(f"{o:.2f}" for o in self.orders(name, n))]) for n in norms]
            for k, size in enumerate(self.sizes):
                lines.append(
                    f"{size!s:>10}" + "".join(f" {errors[k]:>20.3e} {orders[k]:>7}" for errors, orders in columns)
                )
        return "\n".join(lines)

    def __str__(self) -> str:
        claim = f"\n{self.claim}" if self.claim is not None else ""
        return f"{self.table()}\n{self.verdict}\nagainst {self.against}, refined in {self.what}{claim}"

    def to_json(self) -> str:
        """Everything as JSON; what is no number is null."""
        variables = {
            name: {
                norm: {"errors": self.errors_in(norm)[name], "orders": self.orders(name, norm)}
                for norm in ("max", *self.integral_errors)
            }
            for name in self.errors
        }
        content = {
            "title": self.title,
            "passed": self.passed,
            "verdict": self.verdict,
            "refined": self.what,
            "against": self.against,
            "sizes": self.sizes,
            "widths": self.widths,
            "expected": self.expected,
            "tolerance": self.tolerance,
            "variables": variables,
        }
        if self.growth is not None:
            content["growth rates"] = dict(zip(map(str, self.growth.sizes), self.growth.rates))
        if self.claim is not None:
            content["claimed solution"] = {
                "residuals": {
                    r.demand: {"residual": r.size, "vanishes": r.vanishes, "at": r.where} for r in self.claim.residuals
                },
                "unchecked": self.claim.unchecked,
            }
        return json.dumps(_finite(content), indent=2)

    def plot(self, **options: Any) -> Any:
        """Errors over mesh width, with the slope of the expected order. See `pdekit.plotting.study_picture.plot_study`."""
        from pdekit.plotting.study_picture import plot_study

        return plot_study(self, **options)


def write_study(study: Study, path: Path) -> None:
    """Write a study as JSON.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(study.to_json() + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error}") from None


def _finite(value: Any) -> Any:
    """Numbers that JSON has."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value
