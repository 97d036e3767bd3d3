"""How far a run is, in lines: every ten seconds to the standard error, or to the log, and at the end."""

from __future__ import annotations

import logging
import sys
import time as clock
from collections.abc import Callable

EVERY_SECONDS = 10.0
LOGGER = logging.getLogger("pdekit")

Progress = Callable[[float, int], None]


class ProgressLines:
    """A line every ten seconds.

    Parameters
    ----------
    start, end : float
        Of the run.
    unit : str
        Of time.
    say : callable of str, optional
        Where the lines go; by default to the standard error.
    every : float
        Seconds.
    only_long : bool
        No line at the end of a run that took less than that.

    Examples
    --------
    >>> lines = ProgressLines(0.0, 2.0, "s", say=print, every=0.0)
    >>> lines(2.0, 1234)  # doctest: +ELLIPSIS
    t = 2 s (100 % of the span), 1,234 steps, ...
    """

    def __init__(
        self,
        start: float,
        end: float,
        unit: str = "",
        say: Callable[[str], None] | None = None,
        every: float = EVERY_SECONDS,
        only_long: bool = False,
    ) -> None:
        self.start, self.end, self.unit, self.every, self.only_long = (
            start,
            end,
            f" {unit}" if unit else "",
            every,
            only_long,
        )
        self.say = say or (lambda text: print(text, file=sys.stderr))
        self._begun = self._last = clock.monotonic()
        self._told = False

    def __call__(self, t: float, steps: int) -> None:
        now = clock.monotonic()
        is_end = t >= self.end and (self._told or not self.only_long)
        if is_end or now - self._last > self.every:
            self._last, self._told = now, True
            self.say(self.line(t, steps, now - self._begun))

    def line(self, t: float, steps: int, seconds: float) -> str:
        """What is said."""
        share = (t - self.start) / (self.end - self.start)
        text = f"t = {t:.6g}{self.unit} ({100 * share:.0f} % of the span), {steps:,} steps, {steps / max(seconds, 1e-9):,.3g} steps/s"
        return (
            text if share >= 1 or share <= 0 else f"{text}, about {spoken_duration(seconds * (1 - share) / share)} left"
        )


def to_log(start: float, end: float, unit: str = "") -> ProgressLines | None:
    """Lines to the log ``pdekit``, where somebody listens at its level INFO; they cost nothing elsewhere."""
    if not LOGGER.isEnabledFor(logging.INFO):
        return None
    return ProgressLines(start, end, unit, LOGGER.info)


def all_of(*followers: Progress | None) -> Progress | None:
    """One that tells all of them; None if there is none."""
    present = [follower for follower in followers if follower is not None]
    if len(present) < 2:
        return present[0] if present else None

    def tell(t: float, steps: int) -> None:
        for follower in present:
            follower(t, steps)

    return tell


def spoken_duration(seconds: float) -> str:
    """Two digits, in the unit that reads best.

    Examples
    --------
    >>> spoken_duration(0.0123), spoken_duration(95), spoken_duration(9000)
    ('12 ms', '95 s', '2.5 h')
    """
    units = {"days": 86400.0, "h": 3600.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
    unit = next((name for name, size in units.items() if seconds >= (2 * size if size > 1 else size)), "us")
    return f"{float(f'{seconds / units[unit]:.2g}'):g} {unit}"
