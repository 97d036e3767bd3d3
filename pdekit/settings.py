"""How a problem is to be solved: time span, output, convergence study."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from pdekit.errors import ConfigError
from pdekit.linear.solver_choice import check_setting

DEFAULT_FRAMES = 11
MOST_FRAMES = 1_000_000
LEAST_RTOL, MOST_RTOL = 1e-14, 0.5
LEAST_SINGLE = 1e-5  # relative tolerance of adaptive steps in single precision


@dataclass(frozen=True)
class TimeSettings:
    """The time span and how to cross it.

    Parameters
    ----------
    end : float, optional
        Not of steady problems; may be given to `Problem.solve`.
    start : float, default 0
    method : str, default "auto"
        By name, or chosen.
    step : float, optional
        A fixed step.
    rtol : float, default 1e-6
        Relative tolerance of adaptive methods.
    atol : float, optional
        Absolute tolerance; default is a thousandth of rtol times the size of each unknown at the start.
    compiled : {"auto", "always", "never"}
        Whether explicit methods use compiled kernels; "auto" where they are worth the compilation.
    precision : {"double", "single"}
        Of the states of compiled explicit methods: single takes half the memory and the time of its traffic. A step rounds by
        up to 6e-8 of a value: many small steps lose more digits, and changes that are smaller are lost altogether.
    device : {"cpu", "gpu"}
        Where the states of explicit methods live and their kernels run: gpu is a CUDA device, for double precision; see the guide.
    max_step : float, optional
        The longest step that error control may take: shorter than what happens and is over within a frame, such as a pulse of
        data that a Python function gives.
    solver : str or object, default "auto"
        The linear solver of implicit methods and steady problems: auto, direct, banded, sparse_lu, separable, krylov, multigrid;
        or an object with ``factorise(A)``, which returns one with ``solve(b)``.
    implicit : tuple of str, optional
        What implicit-explicit methods treat implicitly: terms by their derivatives, ``laplace(u)`` or ``u_xx``, or ``u`` for those without.
        By default all that is linear with coefficients constant in time.
    seed : int, optional
        Of noise in the equations, which needs one: the same seed gives the same path, whatever the threads and the frames.
    path_step : float, optional
        The interval in which that path is drawn, the step by default: runs with one interval and several steps see the same path.
    samples : int, default 1
        Runs with noise of their own, of which mean, deviation and quantiles are stored.
    petsc : dict of str to str, number
        Options of PETSc's linear solvers where ranks share the grid: ``{ksp_type: cg, pc_type: gamg}``. Without ranks of no influence.
    """

    end: float | None = None
    start: float = 0.0
    method: str = "auto"
    step: float | None = None
    rtol: float = 1e-6
    atol: float | None = None
    compiled: Literal["auto", "always", "never"] = "auto"
    precision: Literal["double", "single"] = "double"
    device: Literal["cpu", "gpu"] = "cpu"
    max_step: float | None = None
    solver: Any = "auto"
    implicit: tuple[str, ...] | None = None
    seed: int | None = None
    path_step: float | None = None
    samples: int = 1
    petsc: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.compiled not in ("auto", "always", "never"):
            raise ConfigError(f"allowed are auto, always and never, found {self.compiled!r}", key="time.compiled")
        if self.precision not in ("double", "single"):
            raise ConfigError(f"allowed are double and single, found {self.precision!r}", key="time.precision")
        if self.device not in ("cpu", "gpu"):
            raise ConfigError(f"allowed are cpu and gpu, found {self.device!r}", key="time.device")
        check_setting(self.solver)
        for name, least in (("seed", 0), ("samples", 1)):
            value = getattr(self, name)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**32
            ):
                raise ConfigError(
                    f"must be a whole number from {least} to {2**32 - 1}, found {value!r}", key=f"time.{name}"
                )
        for name in ("step", "rtol", "atol", "max_step", "path_step"):
            value = getattr(self, name)
            if value is None or (name == "atol" and value == 0):
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not (0 < value < math.inf):
                raise ConfigError(f"must be a positive number, found {value!r}", key=f"time.{name}")
        self._check_rtol()
        for name in ("start", "end"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise ConfigError(f"must be finite, found {value!r}", key=f"time.{name}")

    def _check_rtol(self) -> None:
        """Refuse tolerances that no steps can keep, or that ask for nothing."""
        if self.step is None and not LEAST_RTOL <= self.rtol <= MOST_RTOL:
            raise ConfigError(
                f"allowed are {LEAST_RTOL:g}, which rounding leaves, to {MOST_RTOL:g}, found {self.rtol:g}",
                key="time.rtol",
            )
        if self.precision == "single" and self.step is None and self.rtol < LEAST_SINGLE:
            raise ConfigError(
                f"{self.rtol:g} is below what single precision can follow; allowed from {LEAST_SINGLE:g} on, or a fixed step",
                key="time.rtol",
            )

    @property
    def on_kernels(self) -> str:
        """What asks for methods that run on compiled kernels; empty if nothing does."""
        return "single precision" if self.precision == "single" else "a GPU" if self.device == "gpu" else ""


RULES = ("every", "times", "frames")  # which times are stored


@dataclass(frozen=True)
class OutputSettings:
    """What is stored, and where. At most one of `every`, `times` and `frames`.

    The start and the end are stored in any case; all times are hit exactly.

    Parameters
    ----------
    file : str, optional
        The results file.
    every, times, frames : optional
        When the fields are stored: at whole multiples, at these times, or so many in all.
    series : dict of str to str
        Numbers of the state step by step, by name: ``{"heat": "integral(u)", "tip": "u(1.0)", "peak": "max(u)"}``; see
        `pdekit.language.reductions`.
    series_steps : int, optional
        Their rows are written at every so many steps, and with every frame; by default at the first 500 steps, and from then on where a
        500th of the time span has gone by.
    fields : dict of str to str
        Further fields that are stored with every frame: ``{"flux": "-k*u_x", "speed": "sqrt(u**2 + v**2)"}``.
    checkpoints : bool, default False
        The run is made as a chain from frame to frame, so that one that was interrupted goes on (``pdekit resume``) to the very same
        numbers. Methods begin anew at every frame: a few more steps.
    """

    file: str | None = None
    every: float | None = None
    times: tuple[float, ...] | None = None
    frames: int | None = None
    series: dict[str, str] = field(default_factory=dict)
    series_steps: int | None = None
    fields: dict[str, str] = field(default_factory=dict)
    checkpoints: bool = False

    def __post_init__(self) -> None:
        steps = self.series_steps
        if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
            raise ConfigError(f"must be a whole number from 1 on, found {steps!r}", key="output.series_steps")
        rules = [name for name in RULES if getattr(self, name) is not None]
        if len(rules) > 1:
            raise ConfigError(f"give one of every, times and frames, found {' and '.join(rules)}", key="output")

    def by(self, **rule: Any) -> OutputSettings:
        """The same with another rule of when the fields are stored.

        Examples
        --------
        >>> OutputSettings(every=0.4, checkpoints=True).by(frames=3).frames
        3
        """
        return replace(self, **{**dict.fromkeys(RULES), **rule})

    def resolve(self, start: float, end: float, step: float | None = None) -> list[float]:
        """All output times from start to end.

        Without a rule there are eleven, which fall on whole steps where the step is fixed.

        Raises
        ------
        ConfigError
            Times outside of the span.

        Examples
        --------
        >>> OutputSettings(every=0.4).resolve(0, 1)
        [0.0, 0.4, 0.8, 1.0]
        >>> OutputSettings(frames=3).resolve(0, 1)
        [0.0, 0.5, 1.0]
        """
        inner: list[float] = []
        if self.every is not None:
            if not self.every > 0:
                raise ConfigError(f"must be positive, found {self.every!r}", key="output.every")
            if (end - start) / self.every > MOST_FRAMES:
                raise ConfigError(f"{self.every:g} asks for more than {MOST_FRAMES:,} frames", key="output.every")
            count = int(np.floor((end - start) / self.every * (1 + 1e-12)))
            inner = [start + k * self.every for k in range(count + 1)]
        elif self.frames is not None:
            if self.frames < 2:
                raise ConfigError(f"at least 2 (start and end), found {self.frames}", key="output.frames")
            if self.frames > MOST_FRAMES:
                raise ConfigError(f"at most {MOST_FRAMES:,}, found {self.frames}", key="output.frames")
            inner = [float(t) for t in np.linspace(start, end, self.frames)]
        elif self.times is not None:
            inner = sorted(float(t) for t in self.times)
            if inner and (inner[0] < start or inner[-1] > end):
                raise ConfigError(
                    f"must lie between {start:g} and {end:g}, found {list(self.times)}", key="output.times"
                )
        elif step is None:
            inner = [float(t) for t in np.linspace(start, end, DEFAULT_FRAMES)]
        else:
            whole = whole_steps(end - start, step)
            inner = [start + round(k * whole / (DEFAULT_FRAMES - 1)) * step for k in range(DEFAULT_FRAMES)]
        gap = 1e-12 * max(abs(start), abs(end), end - start)
        inner = [t for t in inner if t > start + gap and t < end - gap]
        return [float(start), *dict.fromkeys(inner), float(end)]

    def at_same_distance(self, start: float, end: float, step: float | None) -> OutputSettings:
        """The rule for a span that ends elsewhere: frames are as far apart as they were to be from start to end.

        Examples
        --------
        >>> OutputSettings(frames=5).at_same_distance(0.0, 2.0, None).resolve(0.0, 3.0)
        [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
        """
        if self.every is not None or self.times is not None or (self.frames is None and step is not None):
            return self
        return replace(self, frames=None, every=(end - start) / ((self.frames or DEFAULT_FRAMES) - 1))

    @property
    def is_default(self) -> bool:
        """Whether no rule says which times are stored."""
        return self.every is None and self.times is None and self.frames is None


def whole_steps(duration: float, step: float) -> int:
    """How many whole steps there are in a duration, but for rounding."""
    return int(np.floor(duration / step * (1 + 1e-12)))


_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class StopSettings:
    """What ends a run before its time; the state there is its last frame.

    Parameters
    ----------
    when : str, optional
        A comparison of numbers of the state, ``max(u) > 100``; the time at which it becomes true is found within the step.
    steady : float, optional
        The solution changes by less than this share of its greatest value in a unit of time.
    wall : float or str, optional
        Seconds on the clock, or ``"30min"``, ``"2h"``.
    """

    when: str | None = None
    steady: float | None = None
    wall: float | str | None = None

    def __post_init__(self) -> None:
        for name, value in (("steady", self.steady), ("wall", self.wall if self.wall is None else self.seconds)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not value > 0):
                raise ConfigError(f"must be a positive number, found {value!r}", key=f"stop.{name}")

    @property
    def seconds(self) -> float | None:
        """`wall` as a number."""
        if not isinstance(self.wall, str):
            return self.wall
        found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*(s|min|h)\s*", self.wall)
        if found is None:
            raise ConfigError(f"expected seconds, or a time such as 30min or 2h, found {self.wall!r}", key="stop.wall")
        return float(found.group(1)) * _SECONDS[found.group(2)]


@dataclass(frozen=True)
class ConvergenceSettings:
    """A convergence study: numbers of points (or steps), and the order that is expected.

    Parameters
    ----------
    points : tuple of int, optional
        Numbers of nodes along the first axis, the others in proportion.
    steps : tuple of float, optional
        Steps in time, alone or one for each number of points.
    ratio : float, optional
        With points: a time step on every grid, so many times the mesh width of its first axis.
    expect : float, optional
        The expected order; by default that of the discretization, or of the method.
    against : {"exact", "manufactured", "self"}, optional
        What errors are taken against: by default the exact solution if there is one, else a manufactured one.
    tolerance : float, default 0.25
        By how much the last observed order may fall short.
    """

    points: tuple[int, ...] | None = None
    steps: tuple[float, ...] | None = None
    ratio: float | None = None
    expect: float | None = None
    against: str | None = None
    tolerance: float = 0.25
